//! The keys of a store, a page at a time.

use std::collections::HashSet;
use std::fmt::{self, Write};
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::assets::Assets;
use crate::chunk_reader::{ChunkReader, ManifestEntry};
use crate::coord_set::CoordSet;
use crate::error::Result;
use crate::format::Snapshot;
use crate::format::node::Node;
use crate::format::snapshot::Span;
use crate::interrupt;
use crate::object_id::{NodeId, ObjectId12};

/// Nodes that are looked at together, and whose manifests are fetched together.
const NODES: usize = 64;
/// Manifests that are fetched before they are needed.
const MANIFESTS: usize = 64;
/// A page ends when its keys have this many bytes.
const PAGE_BYTES: usize = 256 << 10;

/// Some keys, and the paths of nodes that are left to somebody who knows more.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Keys of metadata documents and chunks.
    pub keys: Vec<String>,
    /// Nodes of which no key is listed here.
    pub left: Vec<String>,
}

/// Every key of the nodes of a snapshot, as far as they have not been changed since.
///
/// Nodes that the caller names, and arrays whose chunk keys are not of the default encoding, are left to the caller.
pub struct KeyListing {
    snapshot: Snapshot,
    assets: Arc<Assets>,
    span: Span,
    changed: HashSet<NodeId>,
    /// Nodes that were read but not listed, the next one last.
    nodes: Vec<Node>,
    /// The chunks of an array that was begun.
    chunks: Option<Chunks>,
}

/// The chunks of one array on their way into pages.
struct Chunks {
    /// What every key starts with.
    prefix: String,
    coords: CoordSet,
    next: usize,
}

impl KeyListing {
    /// The keys of the node at `prefix` and of all below it, without the nodes `changed`.
    ///
    /// # Errors
    /// The snapshot is damaged.
    pub fn new(snapshot: Snapshot, assets: Arc<Assets>, prefix: &str, changed: HashSet<NodeId>) -> Result<Self> {
        let span = snapshot.span(prefix)?;
        Ok(Self { snapshot, assets, span, changed, nodes: Vec::new(), chunks: None })
    }

    /// The next page; none at the end.
    ///
    /// # Errors
    /// The snapshot or a manifest is damaged or missing.
    pub fn next_page(&mut self) -> Result<Option<Page>> {
        let mut page = Page::default();
        let mut bytes = 0;
        while bytes < PAGE_BYTES {
            if let Some(chunks) = &mut self.chunks {
                match chunks.next_key() {
                    Some(key) => {
                        bytes += key.len();
                        page.keys.push(key);
                    }
                    None => self.chunks = None,
                }
                continue;
            }
            if self.nodes.is_empty() {
                interrupt::check()?;
                self.read_nodes()?;
            }
            let Some(node) = self.nodes.pop() else { break };
            bytes += node.path.len();
            self.begin(node, &mut page)?;
        }
        Ok((!page.keys.is_empty() || !page.left.is_empty()).then_some(page))
    }

    /// List the document of a node, and make its chunks the next ones.
    fn begin(&mut self, node: Node, page: &mut Page) -> Result<()> {
        let default_keys = node.array.is_none() || has_default_keys(&node.user_data);
        if self.changed.contains(&node.id) || !default_keys {
            page.left.push(node.path);
            return Ok(());
        }
        let relative = node.path.trim_start_matches('/');
        let folder = if relative.is_empty() { String::new() } else { format!("{relative}/") };
        page.keys.push(format!("{folder}zarr.json"));
        if let Some(array) = node.array {
            let num_chunks = array.shape.iter().map(|dimension| dimension.num_chunks.into()).collect();
            let manifests = array.manifests.into_iter().map(|manifest| ManifestEntry {
                size: self.size_of(&manifest.id),
                id: manifest.id,
                extents: manifest.extents,
            });
            let reader = ChunkReader::new(Arc::clone(&self.assets), node.id, num_chunks, manifests.collect(), None);
            self.chunks = Some(Chunks { prefix: format!("{folder}c"), coords: reader.coords()?, next: 0 });
        }
        Ok(())
    }

    /// The size that the snapshot lists; 0 is reported as damage when the manifest is needed.
    fn size_of(&self, manifest: &ObjectId12) -> u64 {
        self.snapshot.manifest_file(manifest).map_or(0, |file| file.size_bytes)
    }

    /// Read some nodes, and on a network the manifests that they need, all at once.
    fn read_nodes(&mut self) -> Result<()> {
        self.nodes = self.snapshot.next_nodes(&mut self.span, NODES)?;
        if !self.assets.store().is_local() {
            let unchanged = self.nodes.iter().filter(|node| !self.changed.contains(&node.id));
            let manifests = unchanged.filter_map(|node| node.array.as_ref()).flat_map(|array| &array.manifests);
            let mut files: Vec<_> = manifests.map(|manifest| (manifest.id, self.size_of(&manifest.id))).collect();
            files.sort_unstable();
            files.dedup();
            files.retain(|(_, size)| *size > 0);
            files.truncate(MANIFESTS);
            self.assets.manifests(&files, 0)?;
        }
        self.nodes.reverse();
        Ok(())
    }
}

impl Chunks {
    fn next_key(&mut self) -> Option<String> {
        if self.next >= self.coords.len() {
            return None;
        }
        let coords = self.coords.row(self.next);
        self.next += 1;
        let mut key = String::with_capacity(self.prefix.len() + 8 * coords.len());
        key.push_str(&self.prefix);
        for index in coords {
            let _ = write!(key, "/{index}");
        }
        Some(key)
    }
}

/// The one field of a metadata document that says how chunk keys look.
struct KeyEncoding(Option<Value>);

impl<'de> Deserialize<'de> for KeyEncoding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = KeyEncoding;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a metadata document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> std::result::Result<KeyEncoding, A::Error> {
        let mut found = None;
        // Borrowed names are fast, and one with an escape in it, which nobody writes, is a reason to leave the node alone.
        while let Some(name) = fields.next_key::<&str>()? {
            if name == "chunk_key_encoding" {
                found = Some(fields.next_value()?);
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(KeyEncoding(found))
    }
}

/// Whether the chunk keys of an array are surely of the default encoding with slashes.
fn has_default_keys(document: &[u8]) -> bool {
    let encoding = match serde_json::from_slice(document) {
        Ok(KeyEncoding(None)) => return true,
        Ok(KeyEncoding(Some(Value::Object(encoding)))) => encoding,
        _ => return false,
    };
    let separator = match encoding.get("configuration") {
        None => None,
        Some(Value::Object(configuration)) => configuration.get("separator"),
        Some(_) => return false,
    };
    encoding.get("name").is_some_and(|name| name == "default") && separator.is_none_or(|separator| separator == "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surely_is_the_default_encoding() {
        for document in [
            r#"{"shape": [1]}"#,
            r#"{"chunk_key_encoding": {"name": "default"}}"#,
            r#"{"chunk_key_encoding": {"name": "default", "configuration": {}}}"#,
            r#"{"a": {"b": [1, "x"]}, "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}}}"#,
        ] {
            assert!(has_default_keys(document.as_bytes()), "{document}");
        }
        for document in [
            "",
            "[]",
            r#"{"attributes": {"x": NaN}}"#,
            r#"{"chunk_key_encoding": "default"}"#,
            r#"{"chunk_key_encoding": {"name": "v2"}}"#,
            r#"{"chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}}}"#,
            r#"{"chunk_key_encoding": {"name": "default", "configuration": []}}"#,
        ] {
            assert!(!has_default_keys(document.as_bytes()), "{document}");
        }
    }
}
