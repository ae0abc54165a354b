//! The `repo` object of a version 2 repository (format sections 3.6 and 9).

mod edit;
mod info;
mod read;
mod write;

pub use edit::{LogEntry, RepoEdit};
pub use info::{Lineage, RepoInfo, SnapshotEntry};
