//! The `repo` object of a version 2 repository (format sections 3.6 and 9).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::envelope::{self, FileType, SpecVersion};
use super::file_builder::{FileBuilder, Written};
use super::flatbuffer::{Offsets, Table};
use super::metadata::{self, Budget, MetadataItems};
use super::schema::{reference, repo as schema, snapshot_info};
use super::update::{Status, Update};
use crate::{Error, ErrorKind, ObjectId, ObjectId12, Result};

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

type Refs = BTreeMap<String, ObjectId12>;

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
    branches: Arc<Refs>,
    tags: Arc<Refs>,
    deleted_tags: Arc<Vec<String>>,
    /// Sorted by id.
    snapshots: Vec<Arc<SnapshotEntry>>,
}

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
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
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

    /// The repository in the file `data`.
    pub fn decode(data: &[u8]) -> Result<Self> {
        let unsupported = || {
            let message = "the repository object says that it is version 1, which has no such object";
            Error::new(ErrorKind::UnsupportedOperation, message)
        };
        let (header, body) = envelope::decode(data, FileType::RepoInfo)?;
        if header.spec_version != SpecVersion::V2 {
            return Err(unsupported());
        }
        let root = Table::root(&body)?;
        if SpecVersion::from_number(root.u8(schema::SPEC_VERSION)?)? != SpecVersion::V2 {
            return Err(unsupported());
        }
        let mut budget = Budget::for_file(body.len());
        let budget = &mut budget;
        let (ids, snapshots) = read_snapshots(root.required_offsets(schema::SNAPSHOTS, "list of snapshots")?, budget)?;
        let branches = read_refs(root.required_offsets(schema::BRANCHES, "list of branches")?, &ids, budget)?;
        let tags = read_refs(root.required_offsets(schema::TAGS, "list of tags")?, &ids, budget)?;
        let mut deleted_tags = Vec::new();
        for name in root.required_offsets(schema::DELETED_TAGS, "list of deleted tags")?.strings() {
            let name = name?;
            budget.spend(name.len())?;
            deleted_tags.push(name.to_owned());
        }
        deleted_tags.sort_unstable();
        let mut updates = Vec::new();
        for table in root.required_offsets(schema::LATEST_UPDATES, "operations log")?.tables() {
            updates.push(Update::read(&table?, budget)?);
        }
        let metadata = root.offsets(schema::METADATA)?.unwrap_or_else(Offsets::empty);
        let before = root.string(schema::REPO_BEFORE_UPDATES)?;
        Ok(Self {
            writer: header.writer,
            status: Status::read(&root.required_table(schema::STATUS, "status")?, budget)?,
            metadata: metadata::read(metadata, budget)?,
            config: root.bytes(schema::CONFIG)?.map(<[u8]>::to_vec),
            enabled_flags: read_flags(&root, schema::ENABLED_FEATURE_FLAGS)?,
            disabled_flags: read_flags(&root, schema::DISABLED_FEATURE_FLAGS)?,
            repo_before_updates: before.map(str::to_owned),
            updates: Arc::new(updates),
            branches: Arc::new(branches),
            tags: Arc::new(tags),
            deleted_tags: Arc::new(deleted_tags),
            snapshots,
        })
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

    fn position(&self, id: &ObjectId12) -> std::result::Result<usize, usize> {
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
            new.updates = Arc::new(updates);
        }
        new.config = edit.config.or(new.config);
        new.repo_before_updates = edit.repo_before_updates.or(new.repo_before_updates);
        Ok(new)
    }

    fn edit_snapshots(
        &mut self,
        insert: Vec<SnapshotEntry>,
        replace: Vec<SnapshotEntry>,
        mut drop: Vec<ObjectId12>,
    ) -> Result<()> {
        let changed: Vec<ObjectId12> = insert.iter().chain(&replace).map(|entry| entry.id).collect();
        for entry in replace {
            let index = self.position(&entry.id);
            match index.ok().and_then(|index| self.snapshots.get_mut(index)) {
                Some(old) => *old = Arc::new(entry),
                None => return Err(invalid(format!("the snapshot {} cannot be replaced: it is not listed", entry.id))),
            }
        }
        drop.sort_unstable();
        self.snapshots.retain(|entry| drop.binary_search(&entry.id).is_err());
        if insert.len() == 1 {
            for entry in insert {
                match self.position(&entry.id) {
                    Err(place) => self.snapshots.insert(place, Arc::new(entry)),
                    Ok(_) => return Err(listed_twice(&entry.id)),
                }
            }
        } else {
            self.snapshots.extend(insert.into_iter().map(Arc::new));
            self.snapshots.sort_by_key(|entry| entry.id);
            check_distinct(&self.snapshots)?;
        }
        // What was not touched had its parent before; only a removal can have taken it.  Refs may be changed in the same
        // edit: those that point nowhere in the end are found when it is encoded.
        if drop.is_empty() {
            for id in &changed {
                self.check_parent(id)?;
            }
        } else {
            for entry in &self.snapshots {
                self.check_parent(&entry.id)?;
            }
        }
        Ok(())
    }

    fn check_parent(&self, id: &ObjectId12) -> Result<()> {
        let parent = self.snapshot(id).and_then(|entry| entry.parent_id);
        match parent {
            Some(parent) if self.snapshot(&parent).is_none() => {
                Err(invalid(format!("the parent {parent} of the snapshot {id} is not listed")))
            }
            _ => Ok(()),
        }
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

    /// The `repo` object.
    pub fn encode(&self, writer: &str, level: i32) -> Result<Vec<u8>> {
        let mut file = FileBuilder::with_capacity(256 * self.snapshots.len() + 128 * self.updates.len() + 4096);
        let mut snapshots = Vec::with_capacity(self.snapshots.len());
        for entry in &self.snapshots {
            snapshots.push(self.write_snapshot(&mut file, entry)?);
        }
        let snapshots = file.offsets(&snapshots)?;
        let branches = self.write_refs(&mut file, &self.branches)?;
        let tags = self.write_refs(&mut file, &self.tags)?;
        let mut names = Vec::with_capacity(self.deleted_tags.len());
        for name in self.deleted_tags.iter() {
            names.push(file.string(name)?);
        }
        let deleted_tags = file.offsets(&names)?;
        let status = self.status.write(&mut file)?;
        let metadata = metadata::write(&mut file, &self.metadata)?;
        let mut updates = Vec::with_capacity(self.updates.len());
        for update in self.updates.iter() {
            updates.push(update.write(&mut file)?);
        }
        let updates = file.offsets(&updates)?;
        let before = file.maybe_string(self.repo_before_updates.as_deref())?;
        let config = self.config.as_deref().map(|config| file.bytes(config)).transpose()?;
        let enabled = self.enabled_flags.as_deref().map(|flags| file.u16s(flags)).transpose()?;
        let disabled = self.disabled_flags.as_deref().map(|flags| file.u16s(flags)).transpose()?;
        let root = file.table(|fields| {
            fields.offset(schema::TAGS, tags);
            fields.offset(schema::BRANCHES, branches);
            fields.offset(schema::DELETED_TAGS, deleted_tags);
            fields.offset(schema::SNAPSHOTS, snapshots);
            fields.offset(schema::STATUS, status);
            fields.offset(schema::METADATA, metadata);
            fields.offset(schema::LATEST_UPDATES, updates);
            fields.maybe(schema::REPO_BEFORE_UPDATES, before);
            fields.maybe(schema::CONFIG, config);
            fields.maybe(schema::ENABLED_FEATURE_FLAGS, enabled);
            fields.maybe(schema::DISABLED_FEATURE_FLAGS, disabled);
            fields.u8(schema::SPEC_VERSION, SpecVersion::V2 as u8, 0);
        })?;
        file.into_file(root, FileType::RepoInfo, SpecVersion::V2, writer, level)
    }

    fn write_snapshot(&self, file: &mut FileBuilder, entry: &SnapshotEntry) -> Result<Written> {
        let parent_offset = match &entry.parent_id {
            None => -1,
            Some(parent) => {
                let index = self.position(parent).ok().and_then(|index| i32::try_from(index).ok());
                index
                    .ok_or_else(|| invalid(format!("the parent {parent} of the snapshot {} is not listed", entry.id)))?
            }
        };
        let message = file.string(&entry.message)?;
        let metadata = metadata::write(file, &entry.metadata)?;
        let pruned = if entry.pruned.is_empty() {
            None
        } else {
            let ids: Vec<[u8; 12]> = entry.pruned.iter().map(|id| id.0).collect();
            Some(file.ids(&ids)?)
        };
        file.table(|fields| {
            fields.u64(snapshot_info::FLUSHED_AT, entry.flushed_at);
            fields.i32(snapshot_info::PARENT_OFFSET, parent_offset);
            fields.offset(snapshot_info::MESSAGE, message);
            fields.offset(snapshot_info::METADATA, metadata);
            fields.maybe(snapshot_info::PRUNED_ANCESTOR_TX_LOGS, pruned);
            fields.id(snapshot_info::ID, entry.id.as_bytes());
        })
    }

    fn write_refs(&self, file: &mut FileBuilder, refs: &Refs) -> Result<Written> {
        let mut tables = Vec::with_capacity(refs.len());
        for (name, id) in refs {
            let index = self.position(id).ok().and_then(|index| u32::try_from(index).ok());
            let index = index.ok_or_else(|| invalid(format!("{name} points to {id}, which is not listed")))?;
            let name = file.string(name)?;
            tables.push(file.table(|fields| {
                fields.offset(reference::NAME, name);
                fields.u32(reference::SNAPSHOT_INDEX, index);
            })?);
        }
        file.offsets(&tables)
    }
}

fn listed_twice(id: &ObjectId12) -> Error {
    invalid(format!("the snapshot {id} is listed already"))
}

fn check_distinct(snapshots: &[Arc<SnapshotEntry>]) -> Result<()> {
    for pair in snapshots.windows(2) {
        if let [first, second] = pair
            && first.id == second.id
        {
            return Err(listed_twice(&first.id));
        }
    }
    Ok(())
}

/// The ids in file order, which references and parents count in, and the entries sorted by id.
fn read_snapshots(tables: Offsets<'_>, budget: &mut Budget) -> Result<(Vec<ObjectId12>, Vec<Arc<SnapshotEntry>>)> {
    let mut ids = Vec::new();
    for table in tables.tables() {
        ids.push(ObjectId(table?.required_inline(snapshot_info::ID, "snapshot id")?));
    }
    let mut snapshots = Vec::with_capacity(ids.len());
    for (table, id) in tables.tables().zip(&ids) {
        let table = table?;
        let message = table.required_string(snapshot_info::MESSAGE, "message")?;
        let items = table.offsets(snapshot_info::METADATA)?.unwrap_or_else(Offsets::empty);
        let pruned = table.structs::<12>(snapshot_info::PRUNED_ANCESTOR_TX_LOGS)?.unwrap_or_default();
        budget.spend(message.len() + 12 * pruned.len() + 64)?;
        let parent_id = match table.i32(snapshot_info::PARENT_OFFSET)? {
            -1 => None,
            offset => {
                let parent = usize::try_from(offset).ok().and_then(|index| ids.get(index)).copied();
                Some(
                    parent
                        .ok_or_else(|| Error::format(format!("the parent of the snapshot {id} is not in the list")))?,
                )
            }
        };
        snapshots.push(Arc::new(SnapshotEntry {
            id: *id,
            parent_id,
            flushed_at: table.u64(snapshot_info::FLUSHED_AT)?,
            message: message.to_owned(),
            metadata: metadata::read(items, budget)?,
            pruned: pruned.iter().map(|raw| ObjectId(*raw)).collect(),
        }));
    }
    snapshots.sort_by_key(|entry| entry.id);
    check_distinct(&snapshots).map_err(|e| Error::format(e.message))?;
    Ok((ids, snapshots))
}

fn read_refs(tables: Offsets<'_>, ids: &[ObjectId12], budget: &mut Budget) -> Result<Refs> {
    let mut refs = Refs::new();
    for table in tables.tables() {
        let table = table?;
        let name = table.required_string(reference::NAME, "name of a branch or tag")?;
        let id = ids.get(table.u32(reference::SNAPSHOT_INDEX)? as usize);
        let id = id.ok_or_else(|| Error::format(format!("{name} points to a snapshot that is not in the list")))?;
        budget.spend(name.len() + 32)?;
        refs.insert(name.to_owned(), *id);
    }
    Ok(refs)
}

fn read_flags(root: &Table<'_>, slot: usize) -> Result<Option<Vec<u16>>> {
    let mut flags: Option<Vec<u16>> =
        root.structs::<2>(slot)?.map(|raw| raw.iter().map(|id| u16::from_le_bytes(*id)).collect());
    if let Some(flags) = &mut flags {
        flags.sort_unstable();
    }
    Ok(flags)
}
