//! Reads the `repo` object.

use std::sync::Arc;

use super::edit::check_distinct;
use super::info::{NO_PARENT, Refs, RepoInfo, SnapshotEntry, number, parents_of};
use crate::format::envelope::{self, FileType, SpecVersion};
use crate::format::flatbuffer::{Offsets, Table};
use crate::format::metadata::{self, Budget};
use crate::format::schema::{reference, repo as schema, snapshot_info};
use crate::format::update::{Status, Update};
use crate::{Error, ErrorKind, ObjectId, ObjectId12, Result};

impl RepoInfo {
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
        let Listed { ids, snapshots, parents } =
            read_snapshots(root.required_offsets(schema::SNAPSHOTS, "list of snapshots")?, budget)?;
        let branches = read_refs(root.required_offsets(schema::BRANCHES, "list of branches")?, &ids, budget)?;
        let tags = read_refs(root.required_offsets(schema::TAGS, "list of tags")?, &ids, budget)?;
        let mut deleted_tags = Vec::new();
        for name in root.required_offsets(schema::DELETED_TAGS, "list of deleted tags")?.strings() {
            let name = name?;
            budget.spend(name.len() + 4)?;
            deleted_tags.push(name.to_owned());
        }
        deleted_tags.sort_unstable();
        deleted_tags.dedup();
        let mut updates = Vec::new();
        for table in root.required_offsets(schema::LATEST_UPDATES, "operations log")?.tables() {
            updates.push(Arc::new(Update::read(&table?, budget)?));
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
            parents,
        })
    }
}

/// The snapshots of a file.
struct Listed {
    /// In the order of the file, which references and parents count in.
    ids: Vec<ObjectId12>,
    /// Sorted by id.
    snapshots: Vec<Arc<SnapshotEntry>>,
    /// In the same order.
    parents: Vec<u32>,
}

fn read_snapshots(tables: Offsets<'_>, budget: &mut Budget) -> Result<Listed> {
    let mut ids = Vec::new();
    for table in tables.tables() {
        budget.spend(12)?;
        ids.push(ObjectId(table?.required_inline(snapshot_info::ID, "snapshot id")?));
    }
    let mut snapshots = Vec::with_capacity(ids.len());
    let mut parents = Vec::with_capacity(ids.len());
    for (table, id) in tables.tables().zip(&ids) {
        let table = table?;
        let message = table.required_string(snapshot_info::MESSAGE, "message")?;
        let items = table.offsets(snapshot_info::METADATA)?.unwrap_or_else(Offsets::empty);
        let pruned = table.structs::<12>(snapshot_info::PRUNED_ANCESTOR_TX_LOGS)?.unwrap_or_default();
        budget.spend(message.len() + 12 * pruned.len() + 36)?;
        let (parent, parent_id) = match table.i32(snapshot_info::PARENT_OFFSET)? {
            -1 => (NO_PARENT, None),
            offset => {
                let parent = usize::try_from(offset).ok().and_then(|index| Some((number(index)?, *ids.get(index)?)));
                let (parent, id) = parent
                    .ok_or_else(|| Error::format(format!("the parent of the snapshot {id} is not in the list")))?;
                (parent, Some(id))
            }
        };
        parents.push(parent);
        snapshots.push(Arc::new(SnapshotEntry {
            id: *id,
            parent_id,
            flushed_at: table.u64(snapshot_info::FLUSHED_AT)?,
            message: message.to_owned(),
            metadata: metadata::read(items, budget)?,
            pruned: pruned.iter().map(|raw| ObjectId(*raw)).collect(),
        }));
    }
    if !ids.is_sorted() {
        snapshots.sort_by_key(|entry| entry.id);
        parents = parents_of(&snapshots).map_err(|e| Error::format(e.message))?;
    }
    check_distinct(&snapshots).map_err(|e| Error::format(e.message))?;
    Ok(Listed { ids, snapshots, parents })
}

fn read_refs(tables: Offsets<'_>, ids: &[ObjectId12], budget: &mut Budget) -> Result<Refs> {
    let mut refs = Refs::new();
    for table in tables.tables() {
        let table = table?;
        let name = table.required_string(reference::NAME, "name of a branch or tag")?;
        let id = ids.get(table.u32(reference::SNAPSHOT_INDEX)? as usize);
        let id = id.ok_or_else(|| Error::format(format!("{name} points to a snapshot that is not in the list")))?;
        budget.spend(name.len() + 12)?;
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
