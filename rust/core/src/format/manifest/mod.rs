//! Reads manifest files (format sections 3.4 and 5).

mod dictionary;
mod refs;
mod view;

pub use refs::{ArrayRefs, StoredChecksum, StoredLocation, StoredRef};
pub use view::{ChunkStorage, KindCounts, Manifest};
