//! What a repository is: branches, tags, history and settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::format::metadata::MetadataItems;
use crate::format::update::{Status, Update};
use crate::{Error, ErrorKind, ObjectId12, Result};

/// A snapshot as the repository lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotEntry {
    /// Names the file.
    pub id: ObjectId12,
    /// None for roots.
    pub parent_id: Option<ObjectId12>,
    /// Microseconds since 1970.
    pub flushed_at: u64,
    /// What the commit said.
    pub message: String,
    /// FlexBuffers.
    pub metadata: MetadataItems,
    /// Transaction logs of ancestors that are listed no more, oldest first.
    pub pruned: Vec<ObjectId12>,
}

/// Branches or tags.
pub(super) type Refs = BTreeMap<String, ObjectId12>;

/// Branches, tags, history and settings of a repository; frozen, cheap to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoInfo {
    /// Writer of the file; empty for one that was not read from a file.
    pub writer: String,
    /// Whether it may be written to.
    pub status: Status,
    /// User metadata, FlexBuffers.
    pub metadata: MetadataItems,
    /// A FlexBuffer, kept byte for byte.
    pub config: Option<Vec<u8>>,
    /// Sorted; None until a flag is first set.
    pub enabled_flags: Option<Vec<u16>>,
    /// Sorted; None until a flag is first set.
    pub disabled_flags: Option<Vec<u16>>,
    /// Backup file where the operations log goes on.
    pub repo_before_updates: Option<String>,
    /// Newest first.
    pub updates: Arc<Vec<Update>>,
    pub(super) branches: Arc<Refs>,
    pub(super) tags: Arc<Refs>,
    pub(super) deleted_tags: Arc<Vec<String>>,
    /// Sorted by id.
    pub(super) snapshots: Vec<Arc<SnapshotEntry>>,
}

impl RepoInfo {
    /// A repository without snapshots, refs or log.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            writer: String::new(),
            status: Status::default(),
            metadata: Vec::new(),
            config: None,
            enabled_flags: None,
            disabled_flags: None,
            repo_before_updates: None,
            updates: Arc::default(),
            branches: Arc::default(),
            tags: Arc::default(),
            deleted_tags: Arc::default(),
            snapshots: Vec::new(),
        }
    }

    /// Branches, sorted by name.
    #[must_use]
    pub fn branches(&self) -> &BTreeMap<String, ObjectId12> {
        &self.branches
    }

    /// Tags, sorted by name.
    #[must_use]
    pub fn tags(&self) -> &BTreeMap<String, ObjectId12> {
        &self.tags
    }

    /// Names that may not be used for tags again, sorted.
    #[must_use]
    pub fn deleted_tags(&self) -> &[String] {
        &self.deleted_tags
    }

    /// Every snapshot, sorted by id.
    #[must_use]
    pub fn snapshots(&self) -> &[Arc<SnapshotEntry>] {
        &self.snapshots
    }

    pub(super) fn position(&self, id: &ObjectId12) -> std::result::Result<usize, usize> {
        self.snapshots.binary_search_by_key(id, |entry| entry.id)
    }

    /// One snapshot.
    #[must_use]
    pub fn snapshot(&self, id: &ObjectId12) -> Option<&Arc<SnapshotEntry>> {
        self.position(id).ok().and_then(|index| self.snapshots.get(index))
    }

    /// The snapshot and its ancestors, newest first, at most `limit` of them; None if it is not listed.
    pub fn ancestry(&self, id: &ObjectId12, limit: Option<usize>) -> Result<Option<Vec<&Arc<SnapshotEntry>>>> {
        let Some(mut entry) = self.snapshot(id) else { return Ok(None) };
        let mut chain = vec![entry];
        while let Some(parent) = &entry.parent_id {
            if limit.is_some_and(|limit| chain.len() >= limit) {
                break;
            }
            entry = self.snapshot(parent).ok_or_else(|| {
                Error::format(format!("the parent {parent} of the snapshot {} is not listed", entry.id))
            })?;
            chain.push(entry);
            if chain.len() > self.snapshots.len() {
                return Err(Error::format(format!("the snapshot {id} is its own ancestor")));
            }
        }
        chain.truncate(limit.unwrap_or(chain.len()));
        Ok(Some(chain))
    }

    /// Whether the operations log has entries that we could not write again.
    #[must_use]
    pub fn has_unknown_updates(&self) -> bool {
        self.updates.iter().any(|update| !update.is_known())
    }
}

/// The error of an argument that does not fit.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}
