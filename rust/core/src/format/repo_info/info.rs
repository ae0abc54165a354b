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

/// In the place of the parent's number, of snapshots that have none.
pub(super) const NO_PARENT: u32 = u32::MAX;

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
    pub updates: Arc<Vec<Arc<Update>>>,
    pub(super) branches: Arc<Refs>,
    pub(super) tags: Arc<Refs>,
    pub(super) deleted_tags: Arc<Vec<String>>,
    /// Sorted by id.
    pub(super) snapshots: Vec<Arc<SnapshotEntry>>,
    /// For each of them which one its parent is, so that nobody has to search for it.
    pub(super) parents: Vec<u32>,
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
            parents: Vec::new(),
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
        let Some(mut lineage) = self.lineage(id) else { return Ok(None) };
        let mut chain = Vec::new();
        while limit.is_none_or(|limit| chain.len() < limit) {
            let Some(entry) = lineage.next(self)? else { break };
            chain.push(entry);
        }
        Ok(Some(chain))
    }

    /// A walk from the snapshot to its ancestors; None if it is not listed.
    #[must_use]
    pub fn lineage(&self, id: &ObjectId12) -> Option<Lineage> {
        let start = self.position(id).ok()?;
        Some(Lineage { next: Some(start), left: self.snapshots.len() })
    }

    /// Whether the operations log has entries that we could not write again.
    #[must_use]
    pub fn has_unknown_updates(&self) -> bool {
        self.updates.iter().any(|update| !update.is_known())
    }
}

/// Where a walk from a snapshot to its ancestors has come.
#[derive(Debug, Clone)]
pub struct Lineage {
    next: Option<usize>,
    /// More steps than there are snapshots go in a circle.
    left: usize,
}

impl Lineage {
    /// The next snapshot of `repo`, which must be the one that the walk began in; None at the end.
    pub fn next<'r>(&mut self, repo: &'r RepoInfo) -> Result<Option<&'r Arc<SnapshotEntry>>> {
        let Some(index) = self.next.take() else { return Ok(None) };
        let Some(entry) = repo.snapshots.get(index) else { return Ok(None) };
        let Some(left) = self.left.checked_sub(1) else {
            return Err(Error::format(format!(
                "the ancestry of a snapshot is circular: `{}` is its own ancestor",
                entry.id
            )));
        };
        self.left = left;
        self.next = repo.parents.get(index).filter(|parent| **parent != NO_PARENT).map(|parent| *parent as usize);
        Ok(Some(entry))
    }
}

/// Which snapshot of the sorted list the parent of each is.
pub(super) fn parents_of(snapshots: &[Arc<SnapshotEntry>]) -> Result<Vec<u32>> {
    let index_of = |entry: &Arc<SnapshotEntry>| match &entry.parent_id {
        None => Ok(NO_PARENT),
        Some(parent) => snapshots
            .binary_search_by_key(parent, |entry| entry.id)
            .ok()
            .and_then(number)
            .ok_or_else(|| invalid(format!("the parent {parent} of the snapshot {} is not listed", entry.id))),
    };
    snapshots.iter().map(index_of).collect()
}

/// The number of a snapshot as files have it: a signed one.
pub(super) fn number(index: usize) -> Option<u32> {
    i32::try_from(index).ok()?.try_into().ok()
}

/// The error of an argument that does not fit.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}
