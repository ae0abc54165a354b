//! The Icechunk format, object stores and chunk look-up, without Python.

pub mod array_io;
pub mod assets;
pub mod cache;
pub mod chunk_reader;
pub mod chunk_ref;
pub mod chunk_table;
pub mod codec;
pub mod completion_queue;
pub mod coord_set;
pub mod error;
pub mod format;
pub mod interrupt;
pub mod key_listing;
pub mod key_reader;
pub mod object_id;
pub mod region;
pub mod region_grid;
pub mod short_cuts;
pub mod spread;
pub mod storage;
pub mod sync;

pub use assets::Assets;
pub use chunk_reader::ChunkReader;
pub use chunk_ref::{Checksum, ChunkRef};
pub use chunk_table::{Change, ChunkTable};
pub use completion_queue::CompletionQueue;
pub use coord_set::CoordSet;
pub use error::{Error, ErrorKind, Result, Within};
pub use key_listing::KeyListing;
pub use key_reader::KeyReader;
pub use object_id::{NodeId, ObjectId, ObjectId12};
pub use region::Extent;
pub use region_grid::RegionGrid;
pub use short_cuts::ShortCut;
pub use spread::Spread;
