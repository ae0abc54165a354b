//! The chunk references that one session has set or deleted in one array: columnar, compact, sorted.

mod bytes;
mod column;
mod location_arena;
mod location_column;
mod regions;
mod rows;
mod sources;
mod table;
mod virtual_columns;

pub use location_column::{LocationBlock, LocationColumn};
pub use rows::{Change, ChunkRows, RowView};
pub use table::ChunkTable;
pub use virtual_columns::VirtualColumns;
