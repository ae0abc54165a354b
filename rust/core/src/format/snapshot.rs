//! A frozen view of a snapshot file, and its encoder (format sections 3.3 and 6).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::envelope::{self, FileType, Header, SpecVersion};
use super::file_builder::{FileBuilder, Written};
use super::flatbuffer::{Offsets, Table};
use super::metadata::{self, Budget, MetadataItems};
use super::node::{Node, NodeView};
use super::schema::{manifest_file, snapshot as schema};
use crate::{Error, ErrorKind, NodeId, ObjectId, ObjectId12, Result};

/// A manifest file that a snapshot refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManifestFile {
    /// Names the file.
    pub id: ObjectId12,
    /// Exact size of the stored object.
    pub size_bytes: u64,
    /// References in the file.
    pub num_chunk_refs: u32,
}

/// The hierarchy of one version; cloning shares the buffer.
#[derive(Clone)]
pub struct Snapshot {
    inner: Arc<Inner>,
}

struct Inner {
    header: Header,
    body: Bytes,
    id: ObjectId12,
    parent_id: Option<ObjectId12>,
    flushed_at: u64,
    message: String,
    metadata: MetadataItems,
    /// Position of the vector of nodes.
    nodes: usize,
    manifest_files: Vec<ManifestFile>,
}

impl Snapshot {
    /// The snapshot in the file `data`.
    pub fn decode(data: &[u8]) -> Result<Self> {
        let (header, body) = envelope::decode(data, FileType::Snapshot)?;
        let body = Bytes::from(body);
        let root = Table::root(&body)?;
        let mut budget = Budget::for_file(body.len());
        let items = root.offsets(schema::METADATA)?.unwrap_or_else(Offsets::empty);
        let message = root.required_string(schema::MESSAGE, "message")?;
        budget.spend(message.len())?;
        let inner = Inner {
            header,
            id: ObjectId(root.required_inline(schema::ID, "snapshot id")?),
            parent_id: root.inline(schema::PARENT_ID)?.map(ObjectId),
            flushed_at: root.u64(schema::FLUSHED_AT)?,
            message: message.to_owned(),
            metadata: metadata::read(items, &mut budget)?,
            nodes: root.required_offsets(schema::NODES, "list of nodes")?.position(),
            manifest_files: read_manifest_files(&root, &mut budget)?,
            body: body.clone(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The id that the file says it has.
    #[must_use]
    pub fn id(&self) -> ObjectId12 {
        self.inner.id
    }

    /// Set in version 1 on all but the initial snapshot.
    #[must_use]
    pub fn parent_id(&self) -> Option<ObjectId12> {
        self.inner.parent_id
    }

    /// Microseconds since 1970.
    #[must_use]
    pub fn flushed_at(&self) -> u64 {
        self.inner.flushed_at
    }

    /// What the commit said.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// Encoded as `header().spec_version` says: MessagePack in version 1, else FlexBuffers.
    #[must_use]
    pub fn metadata(&self) -> &[(String, Vec<u8>)] {
        &self.inner.metadata
    }

    /// Writer and version of the file.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.inner.header
    }

    /// Decoded size in bytes.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        self.inner.body.len()
    }

    fn list(&self) -> Result<Offsets<'_>> {
        Offsets::at(&self.inner.body, self.inner.nodes)
    }

    /// How many nodes.
    #[must_use]
    pub fn num_nodes(&self) -> usize {
        self.list().map_or(0, |list| list.len())
    }

    fn view(&self, index: usize) -> Result<NodeView<'_>> {
        self.list()?.table(index).map(NodeView::new)
    }

    /// The first node whose path is not before `path`, and whether it is that path.
    fn search(&self, path: &str) -> Result<(usize, bool)> {
        self.list()?.search(|table| Ok(NodeView::new(table).path()?.as_bytes().cmp(path.as_bytes())))
    }

    /// The node at `path`, in the buffer.
    pub fn find(&self, path: &str) -> Result<Option<NodeView<'_>>> {
        let (index, found) = self.search(path)?;
        if found { self.view(index).map(Some) } else { Ok(None) }
    }

    /// The node at `path`.
    pub fn node(&self, path: &str) -> Result<Option<Node>> {
        self.find(path)?.map(|view| view.read(&mut Budget::for_file(self.nbytes()))).transpose()
    }

    /// Visit the node at `prefix` and all below it, in path order.
    pub fn walk(&self, prefix: &str, mut visit: impl FnMut(NodeView<'_>) -> Result<()>) -> Result<()> {
        // `/a-b` stands between `/a` and `/a/b` (format section 6.1), so the node and what is below it are two ranges.
        let below = if prefix == "/" { "/".to_owned() } else { format!("{prefix}/") };
        let (index, found) = self.search(prefix)?;
        if found {
            visit(self.view(index)?)?;
        }
        let (mut index, itself) = self.search(&below)?;
        index += usize::from(itself);
        while index < self.num_nodes() {
            let view = self.view(index)?;
            if !view.path()?.starts_with(&below) {
                break;
            }
            visit(view)?;
            index += 1;
        }
        Ok(())
    }

    /// The node at `prefix` and all below it, in path order.
    pub fn nodes(&self, prefix: &str) -> Result<Vec<Node>> {
        let mut budget = Budget::for_file(self.nbytes());
        let mut nodes = Vec::new();
        self.walk(prefix, |view| {
            nodes.push(view.read(&mut budget)?);
            Ok(())
        })?;
        Ok(nodes)
    }

    /// Path, whether it is an array, and id, of the node at `prefix` and all below it, in path order.
    pub fn paths(&self, prefix: &str) -> Result<Vec<(String, bool, NodeId)>> {
        let mut budget = Budget::for_file(self.nbytes());
        let mut paths = Vec::new();
        self.walk(prefix, |view| {
            let path = view.path()?;
            budget.spend(path.len())?;
            paths.push((path.to_owned(), view.is_array()?, view.id()?));
            Ok(())
        })?;
        Ok(paths)
    }

    /// Names of the nodes one level below `path`.
    pub fn children(&self, path: &str) -> Result<Vec<String>> {
        let below = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let mut names = Vec::new();
        let mut budget = Budget::for_file(self.nbytes());
        let (mut index, itself) = self.search(&below)?;
        index += usize::from(itself);
        while index < self.num_nodes() {
            let Some(rest) = self.view(index)?.path()?.strip_prefix(&below) else { break };
            match rest.split_once('/') {
                None => {
                    budget.spend(rest.len())?;
                    names.push(rest.to_owned());
                    index += 1;
                }
                // Jump over what is below the child: `0` is the character after `/`.
                Some((child, _)) => index = self.search(&format!("{below}{child}0"))?.0.max(index + 1),
            }
        }
        Ok(names)
    }

    /// Every manifest file, sorted by id.
    #[must_use]
    pub fn manifest_files(&self) -> &[ManifestFile] {
        &self.inner.manifest_files
    }

    /// One manifest file.
    #[must_use]
    pub fn manifest_file(&self, id: &ObjectId12) -> Option<ManifestFile> {
        let files = &self.inner.manifest_files;
        files.binary_search_by_key(id, |file| file.id).ok().and_then(|index| files.get(index)).copied()
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({}, {} nodes)", self.id(), self.num_nodes())
    }
}

fn read_manifest_files(root: &Table<'_>, budget: &mut Budget) -> Result<Vec<ManifestFile>> {
    let mut files = Vec::new();
    if let Some(tables) = root.offsets(schema::MANIFEST_FILES_V2)? {
        for table in tables.tables() {
            let table = table?;
            budget.spend(size_of::<ManifestFile>())?;
            files.push(ManifestFile {
                id: ObjectId(table.required_inline(manifest_file::ID, "manifest id")?),
                size_bytes: table.u64(manifest_file::SIZE_BYTES)?,
                num_chunk_refs: table.u32(manifest_file::NUM_CHUNK_REFS)?,
            });
        }
    } else {
        for raw in root.required_structs::<32>(schema::MANIFEST_FILES, "list of manifest files")? {
            files.push(split_file_info(raw).ok_or_else(|| Error::format("a manifest file entry is broken"))?);
        }
    }
    // Look-ups are binary searches; a file that is not sorted is read all the same.
    files.sort_by_key(|file| file.id);
    Ok(files)
}

/// The struct `ManifestFileInfo`: id, padding, size, number of references, padding.
fn split_file_info(raw: &[u8; 32]) -> Option<ManifestFile> {
    let (id, rest) = raw.split_first_chunk::<12>()?;
    let (_, rest) = rest.split_first_chunk::<4>()?;
    let (size, rest) = rest.split_first_chunk::<8>()?;
    let (count, _) = rest.split_first_chunk::<4>()?;
    Some(ManifestFile {
        id: ObjectId(*id),
        size_bytes: u64::from_le_bytes(*size),
        num_chunk_refs: u32::from_le_bytes(*count),
    })
}

fn join_file_info(file: &ManifestFile) -> [u64; 4] {
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(file.id.as_bytes()) {
        *to = *from;
    }
    let id = u128::from_le_bytes(id);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    [id as u64, (id >> 64) as u64, file.size_bytes, u64::from(file.num_chunk_refs)]
}

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
        let (manifest_files, manifest_files_v2) = write_manifest_files(&mut file, &files, self.spec_version)?;
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

fn write_manifest_files(
    file: &mut FileBuilder,
    files: &[ManifestFile],
    spec_version: SpecVersion,
) -> Result<(Written, Option<Written>)> {
    if spec_version == SpecVersion::V1 {
        let structs: Vec<[u64; 4]> = files.iter().map(join_file_info).collect();
        return Ok((file.word_structs(&structs)?, None));
    }
    let mut tables = Vec::with_capacity(files.len());
    for info in files {
        tables.push(file.table(|fields| {
            fields.u64(manifest_file::SIZE_BYTES, info.size_bytes);
            fields.u32(manifest_file::NUM_CHUNK_REFS, info.num_chunk_refs);
            fields.id(manifest_file::ID, info.id.as_bytes());
        })?);
    }
    Ok((file.word_structs::<4>(&[])?, Some(file.offsets(&tables)?)))
}
