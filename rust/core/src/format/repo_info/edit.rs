//! Changed copies of the `repo` object: data only, no policy.

use std::sync::Arc;

use super::info::{NO_PARENT, Refs, RepoInfo, SnapshotEntry, invalid, number, parents_of};
use crate::format::metadata::MetadataItems;
use crate::format::update::{Status, Update};
use crate::{Error, ObjectId12, Result};

/// What to change in a copy; what is None or empty stays.
#[derive(Debug, Default)]
pub struct RepoEdit {
    /// Snapshots that are new.
    pub insert: Vec<SnapshotEntry>,
    /// Snapshots that are there but differ now.
    pub replace: Vec<SnapshotEntry>,
    /// Snapshots that go.
    pub drop: Vec<ObjectId12>,
    /// Where branches point now, None to remove one.
    pub branches: Vec<(String, Option<ObjectId12>)>,
    /// Where tags point now, None to remove one.
    pub tags: Vec<(String, Option<ObjectId12>)>,
    /// The names that may not be used for tags again.
    pub deleted_tags: Option<Vec<String>>,
    /// Whether the repository may be written to.
    pub status: Option<Status>,
    /// User metadata.
    pub metadata: Option<MetadataItems>,
    /// The configuration.
    pub config: Option<Vec<u8>>,
    /// Enabled and disabled feature flags.
    pub flags: Option<(Vec<u16>, Vec<u16>)>,
    /// The operations log.
    pub updates: Option<Vec<Update>>,
    /// Where the operations log goes on.
    pub repo_before_updates: Option<String>,
    /// What is to be noted in the operations log.
    pub log: Option<LogEntry>,
}

/// A new entry of the operations log.
#[derive(Debug)]
pub struct LogEntry {
    /// The entry.
    pub update: Update,
    /// Where the state before it is kept.
    pub backup: String,
    /// How many entries one file should hold.
    pub limit: usize,
}

impl RepoInfo {
    /// A copy with these parts changed.
    pub fn edit(&self, edit: RepoEdit) -> Result<Self> {
        let mut new = self.clone();
        new.edit_snapshots(edit.insert, edit.replace, edit.drop)?;
        new.edit_refs(|repo| &mut repo.branches, "branch", edit.branches)?;
        new.edit_refs(|repo| &mut repo.tags, "tag", edit.tags)?;
        if let Some(mut names) = edit.deleted_tags {
            names.sort_unstable();
            names.dedup();
            new.deleted_tags = Arc::new(names);
        }
        if let Some(status) = edit.status {
            new.status = status;
        }
        if let Some(metadata) = edit.metadata {
            new.metadata = metadata;
        }
        if let Some((mut enabled, mut disabled)) = edit.flags {
            for list in [&mut enabled, &mut disabled] {
                list.sort_unstable();
                list.dedup();
            }
            // A list that was never written stays absent while it is empty.
            new.enabled_flags = (new.enabled_flags.is_some() || !enabled.is_empty()).then_some(enabled);
            new.disabled_flags = (new.disabled_flags.is_some() || !disabled.is_empty()).then_some(disabled);
        }
        if let Some(updates) = edit.updates {
            new.updates = Arc::new(updates.into_iter().map(Arc::new).collect());
        }
        new.config = edit.config.or(new.config);
        new.repo_before_updates = edit.repo_before_updates.or(new.repo_before_updates);
        if let Some(entry) = edit.log {
            new.note(entry);
        }
        Ok(new)
    }

    /// Put an entry on top of the log (format section 9.4).
    ///
    /// The entry that was newest until now refers to the backup.  Beyond the limit the first one that has a backup is
    /// dropped with all older ones, because its backup holds them; entries without one (of a migration) can only stay.
    fn note(&mut self, LogEntry { update, backup, limit }: LogEntry) {
        let mut log = self.updates.iter();
        let previous = log.next().map(|newest| Arc::new(Update { backup_path: Some(backup), ..(**newest).clone() }));
        let mut kept = vec![Arc::new(update)];
        for old in previous.into_iter().chain(log.map(Arc::clone)) {
            if kept.len() >= limit
                && let Some(backup) = &old.backup_path
            {
                self.repo_before_updates = Some(backup.clone());
                break;
            }
            kept.push(old);
        }
        self.updates = Arc::new(kept);
    }

    fn edit_snapshots(
        &mut self,
        insert: Vec<SnapshotEntry>,
        replace: Vec<SnapshotEntry>,
        mut drop: Vec<ObjectId12>,
    ) -> Result<()> {
        if replace.is_empty() && drop.is_empty() && insert.len() < 2 {
            return insert.into_iter().try_for_each(|entry| self.insert_one(entry));
        }
        for entry in replace {
            let index = self.position(&entry.id);
            match index.ok().and_then(|index| self.snapshots.get_mut(index)) {
                Some(old) => *old = Arc::new(entry),
                None => return Err(invalid(format!("the snapshot {} cannot be replaced: it is not listed", entry.id))),
            }
        }
        drop.sort_unstable();
        self.snapshots.retain(|entry| drop.binary_search(&entry.id).is_err());
        self.snapshots.extend(insert.into_iter().map(Arc::new));
        self.snapshots.sort_by_key(|entry| entry.id);
        check_distinct(&self.snapshots)?;
        // Refs may be changed in the same edit: those that point nowhere in the end are found when it is encoded.
        self.parents = parents_of(&self.snapshots)?;
        Ok(())
    }

    /// What every commit does: nothing that is there is looked at, but the numbers of parents move on.
    fn insert_one(&mut self, entry: SnapshotEntry) -> Result<()> {
        let Err(place) = self.position(&entry.id) else { return Err(listed_twice(&entry.id)) };
        let unlisted = |parent| invalid(format!("the parent {parent} of the snapshot {} is not listed", entry.id));
        let parent = match &entry.parent_id {
            None => NO_PARENT,
            Some(parent) => {
                let index = self.position(parent).map_err(|_| unlisted(parent))?;
                number(index + usize::from(index >= place)).ok_or_else(|| unlisted(parent))?
            }
        };
        for moved in &mut self.parents {
            if *moved != NO_PARENT && *moved as usize >= place {
                *moved += 1;
            }
        }
        self.parents.insert(place, parent);
        self.snapshots.insert(place, Arc::new(entry));
        Ok(())
    }

    fn edit_refs(
        &mut self,
        list: impl Fn(&mut Self) -> &mut Arc<Refs>,
        kind: &str,
        changes: Vec<(String, Option<ObjectId12>)>,
    ) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        for (name, id) in &changes {
            if let Some(id) = id
                && self.snapshot(id).is_none()
            {
                return Err(invalid(format!("the {kind} {name} cannot point to {id}: that snapshot is not listed")));
            }
        }
        let refs = Arc::make_mut(list(self));
        for (name, id) in changes {
            match id {
                Some(id) => refs.insert(name, id),
                None => refs.remove(&name),
            };
        }
        Ok(())
    }
}

fn listed_twice(id: &ObjectId12) -> Error {
    invalid(format!("the snapshot {id} is listed already"))
}

pub(super) fn check_distinct(snapshots: &[Arc<SnapshotEntry>]) -> Result<()> {
    for pair in snapshots.windows(2) {
        if let [first, second] = pair
            && first.id == second.id
        {
            return Err(listed_twice(&first.id));
        }
    }
    Ok(())
}
