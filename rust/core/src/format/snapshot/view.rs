//! A frozen view of a snapshot file.

use std::sync::Arc;

use bytes::Bytes;

use super::manifest_files::{self, ManifestFile};
use crate::format::envelope::{self, FileType, Header};
use crate::format::flatbuffer::{Offsets, Table};
use crate::format::identity;
use crate::format::metadata::{self, Budget, MetadataItems};
use crate::format::node::{Node, NodeView};
use crate::format::schema::snapshot as schema;
use crate::{NodeId, ObjectId, ObjectId12, Result};

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

/// How far a walk over a node and what is below it has come.
#[derive(Debug, Clone)]
pub struct Span {
    itself: Option<usize>,
    next: usize,
    below: String,
}

impl Snapshot {
    /// The snapshot in the file `data`, which is stored as that of `expected`.
    pub fn decode(data: &[u8], expected: ObjectId12) -> Result<Self> {
        let (header, body) = envelope::decode(data, FileType::Snapshot)?;
        let body = Bytes::from(body);
        let root = Table::root(&body)?;
        let id = identity::check("snapshot", expected, root.required_inline(schema::ID, "snapshot id")?)?;
        let mut budget = Budget::for_file(body.len());
        let items = root.offsets(schema::METADATA)?.unwrap_or_else(Offsets::empty);
        let message = root.required_string(schema::MESSAGE, "message")?;
        budget.spend(message.len())?;
        let inner = Inner {
            header,
            id,
            parent_id: root.inline(schema::PARENT_ID)?.map(ObjectId),
            flushed_at: root.u64(schema::FLUSHED_AT)?,
            message: message.to_owned(),
            metadata: metadata::read(items, &mut budget)?,
            nodes: root.required_offsets(schema::NODES, "list of nodes")?.position(),
            manifest_files: manifest_files::read(&root, &mut budget)?,
            body: body.clone(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The id that the file says it has, and is stored by.
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

    pub(super) fn view(&self, index: usize) -> Result<NodeView<'_>> {
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

    /// The node at `prefix` and all below it, to be read with [`Self::next_nodes`].
    pub fn span(&self, prefix: &str) -> Result<Span> {
        let below = if prefix == "/" { "/".to_owned() } else { format!("{prefix}/") };
        let (index, found) = self.search(prefix)?;
        let (start, itself) = self.search(&below)?;
        Ok(Span { itself: found.then_some(index), next: start + usize::from(itself), below })
    }

    /// The next nodes of a span in path order, at most `most` and at least one until its end.
    pub fn next_nodes(&self, span: &mut Span, most: usize) -> Result<Vec<Node>> {
        let mut budget = Budget::for_file(self.nbytes());
        let mut nodes = Vec::new();
        while nodes.len() < most {
            let view = match span.itself.take() {
                Some(index) => self.view(index)?,
                None if span.next < self.num_nodes() => {
                    let view = self.view(span.next)?;
                    if !view.path()?.starts_with(&span.below) {
                        break;
                    }
                    span.next += 1;
                    view
                }
                None => break,
            };
            nodes.push(view.read(&mut budget)?);
        }
        Ok(nodes)
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
