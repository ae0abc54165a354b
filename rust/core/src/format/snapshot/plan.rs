//! Writes snapshot files.

use std::collections::{BTreeMap, BTreeSet};

use super::manifest_files::{self, ManifestFile};
use super::view::Snapshot;
use crate::format::envelope::{FileType, SpecVersion};
use crate::format::file_builder::FileBuilder;
use crate::format::metadata::{self, Budget};
use crate::format::node::Node;
use crate::format::schema::snapshot as schema;
use crate::{Error, ErrorKind, ObjectId12, Result};

/// A snapshot to be written.
pub struct SnapshotPlan<'a> {
    /// Where unchanged nodes come from.
    pub base: Option<&'a Snapshot>,
    /// Paths of `base` that are gone.
    pub removed: BTreeSet<&'a str>,
    /// Nodes put over those of `base`.
    pub nodes: BTreeMap<&'a str, &'a Node>,
    /// Manifest files that `base` does not list.
    pub manifest_files: &'a [ManifestFile],
    /// Names the file.
    pub id: ObjectId12,
    /// Written only in version 1.
    pub parent_id: Option<ObjectId12>,
    /// Microseconds since 1970.
    pub flushed_at: u64,
    /// What the commit says.
    pub message: &'a str,
    /// Encoded as the version needs.
    pub metadata: &'a [(String, Vec<u8>)],
    /// In which version to write.
    pub spec_version: SpecVersion,
    /// For version 1, by array path: the chunk length of each dimension.
    pub chunk_lengths: BTreeMap<&'a str, Vec<u64>>,
}

impl SnapshotPlan<'_> {
    /// Every node of the result in path order: of the base, where it is not removed or replaced, and the new ones.
    fn each_node(&self, mut visit: impl FnMut(&Node, Option<&[u64]>) -> Result<()>) -> Result<()> {
        let mut new = self.nodes.iter().peekable();
        let mut budget = Budget::for_file(self.base.map_or(0, Snapshot::nbytes));
        let lengths = |path: &str| self.chunk_lengths.get(path).map(Vec::as_slice);
        if let Some(base) = self.base {
            for index in 0..base.num_nodes() {
                let view = base.view(index)?;
                let path = view.path()?;
                while let Some((_, node)) = new.next_if(|(new_path, _)| **new_path < path) {
                    visit(node, lengths(&node.path))?;
                }
                if self.removed.contains(path) || self.nodes.contains_key(path) {
                    continue;
                }
                let node = view.read(&mut budget)?;
                let kept = match lengths(path) {
                    None if node.array.is_some() => view.chunk_lengths()?,
                    given => given.map(<[u64]>::to_vec),
                };
                visit(&node, kept.as_deref())?;
            }
        }
        for (_, node) in new {
            visit(node, lengths(&node.path))?;
        }
        Ok(())
    }

    /// The files of the manifests that `used` names.
    fn used_files(&self, used: &BTreeSet<ObjectId12>) -> Result<Vec<ManifestFile>> {
        let given: BTreeMap<ObjectId12, ManifestFile> =
            self.manifest_files.iter().map(|file| (file.id, *file)).collect();
        used.iter()
            .map(|id| {
                given.get(id).copied().or_else(|| self.base?.manifest_file(id)).ok_or_else(|| {
                    Error::new(
                        ErrorKind::ManifestInfoNotFound,
                        format!("size and references of the manifest {id} are not known"),
                    )
                })
            })
            .collect()
    }

    /// The snapshot file.
    pub fn encode(&self, writer: &str, level: i32) -> Result<Vec<u8>> {
        let mut file = FileBuilder::with_capacity(self.base.map_or(0, Snapshot::nbytes));
        let mut used = BTreeSet::new();
        let mut nodes = Vec::new();
        self.each_node(|node, chunk_lengths| {
            let array = node.array.iter();
            used.extend(array.flat_map(|array| array.manifests.iter().map(|manifest| manifest.id)));
            nodes.push(node.write(&mut file, self.spec_version, chunk_lengths)?);
            Ok(())
        })?;
        let nodes = file.offsets(&nodes)?;
        let files = self.used_files(&used)?;
        let (manifest_files, manifest_files_v2) = manifest_files::write(&mut file, &files, self.spec_version)?;
        let metadata = metadata::write(&mut file, self.metadata)?;
        let message = file.string(self.message)?;
        let root = file.table(|fields| {
            fields.u64(schema::FLUSHED_AT, self.flushed_at);
            fields.offset(schema::NODES, nodes);
            fields.offset(schema::MESSAGE, message);
            fields.offset(schema::METADATA, metadata);
            fields.offset(schema::MANIFEST_FILES, manifest_files);
            fields.maybe(schema::MANIFEST_FILES_V2, manifest_files_v2);
            fields.id(schema::ID, self.id.as_bytes());
            if let (SpecVersion::V1, Some(parent)) = (self.spec_version, self.parent_id) {
                fields.id(schema::PARENT_ID, parent.as_bytes());
            }
        })?;
        file.into_file(root, FileType::Snapshot, self.spec_version, writer, level)
    }
}
