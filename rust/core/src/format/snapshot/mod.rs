//! Reads and writes snapshot files (format sections 3.3 and 6).

mod manifest_files;
mod plan;
mod view;

pub use manifest_files::ManifestFile;
pub use plan::SnapshotPlan;
pub use view::{Snapshot, Span};
