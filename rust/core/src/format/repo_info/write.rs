//! Writes the `repo` object.

use super::info::{Refs, RepoInfo, SnapshotEntry, invalid};
use crate::Result;
use crate::format::envelope::{FileType, SpecVersion};
use crate::format::file_builder::{FileBuilder, Written};
use crate::format::metadata;
use crate::format::schema::{reference, repo as schema, snapshot_info};

impl RepoInfo {
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
