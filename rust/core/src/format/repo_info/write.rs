//! Writes the `repo` object.

use super::info::{Refs, RepoInfo, SnapshotEntry, invalid};
use crate::Result;
use crate::format::envelope::{FileType, SpecVersion};
use crate::format::file_builder::{FileBuilder, Written};
use crate::format::metadata;
use crate::format::schema::{reference, repo as schema, snapshot_info};
use crate::format::table_block::{TableBlock, Value};

impl RepoInfo {
    /// The `repo` object.
    pub fn encode(&self, writer: &str, level: i32) -> Result<Vec<u8>> {
        let mut block = TableBlock::with_capacity(96 * self.snapshots.len() + 160 * self.updates.len());
        let mut snapshots = Vec::with_capacity(self.snapshots.len());
        for (entry, parent) in self.snapshots.iter().zip(&self.parents) {
            snapshots.push(write_snapshot(&mut block, entry, *parent)?);
        }
        let mut updates = Vec::with_capacity(self.updates.len());
        for update in self.updates.iter() {
            updates.push(update.write(&mut block)?);
        }
        let mut file = FileBuilder::with_capacity(block.len() + 4 * (snapshots.len() + updates.len()) + 4096);
        let place = file.block(block)?;
        let snapshots = file.offsets(&place.all(&snapshots)?)?;
        let updates = file.offsets(&place.all(&updates)?)?;
        let branches = self.write_refs(&mut file, &self.branches)?;
        let tags = self.write_refs(&mut file, &self.tags)?;
        let mut names = Vec::with_capacity(self.deleted_tags.len());
        for name in self.deleted_tags.iter() {
            names.push(file.string(name)?);
        }
        let deleted_tags = file.offsets(&names)?;
        let status = self.status.write(&mut file)?;
        let metadata = metadata::write(&mut file, &self.metadata)?;
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

fn write_snapshot(block: &mut TableBlock, entry: &SnapshotEntry, parent: u32) -> Result<usize> {
    let fields = [
        (snapshot_info::FLUSHED_AT, Value::U64(entry.flushed_at)),
        // The number of the parent, or -1: the same bits.
        (snapshot_info::PARENT_OFFSET, Value::U32(parent)),
        (snapshot_info::MESSAGE, Value::Text(&entry.message)),
        (snapshot_info::METADATA, Value::Metadata(&entry.metadata)),
        (snapshot_info::ID, Value::Id(&entry.id)),
        (snapshot_info::PRUNED_ANCESTOR_TX_LOGS, Value::Ids(&entry.pruned)),
    ];
    match fields.split_last() {
        Some((_, rest)) if entry.pruned.is_empty() => block.table(rest),
        _ => block.table(&fields),
    }
}
