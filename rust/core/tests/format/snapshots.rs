//! Snapshots against a plain map of nodes.

use std::collections::{BTreeMap, BTreeSet};

use frazil_core::ErrorKind;
use frazil_core::format::node::{ArrayData, DimensionShape, ManifestRef, Node};
use frazil_core::format::snapshot::{ManifestFile, SnapshotPlan};
use frazil_core::format::{MetadataItems, Snapshot, SpecVersion};
use frazil_core::{ObjectId, ObjectId12};
use proptest::prelude::*;

use crate::generate::{id12, metadata, node_id, path};

type Nodes = BTreeMap<String, Node>;

/// A few manifests, so that nodes share them.
fn manifest() -> impl Strategy<Value = ManifestRef> {
    (0u8..6, proptest::collection::vec((0u32..9, 0u32..9), 0..3))
        .prop_map(|(number, extents)| ManifestRef { id: ObjectId([number; 12]), extents })
}

fn array() -> impl Strategy<Value = ArrayData> {
    // Shapes that version 1 can hold too: as many chunks as some chunk length makes of the elements.
    let dimension = (0u64..5000, 1u64..900).prop_map(|(array_length, chunk_length)| DimensionShape {
        array_length,
        num_chunks: u32::try_from(array_length.div_ceil(chunk_length)).unwrap(),
    });
    let name = proptest::option::of("[a-z]{1,4}");
    (
        proptest::collection::vec(dimension, 0..4),
        proptest::option::of(proptest::collection::vec(name, 0..4)),
        proptest::collection::vec(manifest(), 0..3),
    )
        .prop_map(|(shape, dimension_names, manifests)| ArrayData { shape, dimension_names, manifests })
}

fn nodes() -> impl Strategy<Value = Nodes> {
    let node = (node_id(), path(), proptest::collection::vec(any::<u8>(), 0..20), proptest::option::of(array()))
        .prop_map(|(id, path, user_data, array)| Node { id, path, user_data, array });
    proptest::collection::vec(node, 0..25).prop_map(|nodes| nodes.into_iter().map(|n| (n.path.clone(), n)).collect())
}

fn files() -> Vec<ManifestFile> {
    (0..6)
        .map(|n| ManifestFile { id: ObjectId([n; 12]), size_bytes: u64::from(n) << 33, num_chunk_refs: n.into() })
        .collect()
}

struct Commit<'a> {
    base: Option<&'a Snapshot>,
    removed: &'a [String],
    nodes: &'a Nodes,
    version: SpecVersion,
}

impl Commit<'_> {
    fn encode(
        &self,
        files: &[ManifestFile],
        metadata: &MetadataItems,
        lengths: &BTreeMap<String, Vec<u64>>,
    ) -> frazil_core::Result<Vec<u8>> {
        SnapshotPlan {
            base: self.base,
            removed: self.removed.iter().map(String::as_str).collect(),
            nodes: self.nodes.iter().map(|(path, node)| (path.as_str(), node)).collect(),
            manifest_files: files,
            id: ID,
            parent_id: Some(ObjectId([2; 12])),
            flushed_at: 17,
            message: "message",
            metadata,
            spec_version: self.version,
            chunk_lengths: lengths.iter().map(|(path, lengths)| (path.as_str(), lengths.clone())).collect(),
        }
        .encode("test", 3)
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::decode(&self.encode(&files(), &vec![], &BTreeMap::new()).unwrap(), ID).unwrap()
    }
}

const ID: ObjectId12 = ObjectId([1; 12]);

fn list(nodes: &Nodes) -> Vec<Node> {
    nodes.values().cloned().collect()
}

fn version(v1: bool) -> SpecVersion {
    if v1 { SpecVersion::V1 } else { SpecVersion::V2 }
}

/// What is at or below `prefix`, by its definition.
fn is_below(path: &str, prefix: &str) -> bool {
    prefix == "/" || path == prefix || path.starts_with(&format!("{prefix}/"))
}

fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

proptest! {
    #![proptest_config(crate::cases(200))]

    #[test]
    fn look_ups_find_what_is_there(nodes in nodes(), prefix in path(), v1 in any::<bool>(), metadata in metadata()) {
        let commit = Commit { base: None, removed: &[], nodes: &nodes, version: version(v1) };
        let snapshot = Snapshot::decode(&commit.encode(&files(), &metadata, &BTreeMap::new()).unwrap(), ID).unwrap();
        prop_assert_eq!(snapshot.nodes("/").unwrap(), list(&nodes));
        prop_assert_eq!(snapshot.metadata(), metadata.as_slice());
        prop_assert_eq!((snapshot.flushed_at(), snapshot.message()), (17, "message"));
        prop_assert_eq!(snapshot.parent_id(), v1.then_some(ObjectId([2; 12])));
        for prefix in nodes.keys().chain([&prefix]) {
            prop_assert_eq!(snapshot.node(prefix).unwrap(), nodes.get(prefix).cloned());
            let below: Vec<Node> = nodes.values().filter(|node| is_below(&node.path, prefix)).cloned().collect();
            prop_assert_eq!(snapshot.nodes(prefix).unwrap(), below.clone());
            let paths: Vec<_> = below.iter().map(|node| (node.path.clone(), node.array.is_some(), node.id)).collect();
            prop_assert_eq!(snapshot.paths(prefix).unwrap(), paths);
            let mut children: Vec<&str> = nodes
                .keys()
                .filter(|path| *path != "/" && parent(path) == prefix)
                .map(|path| path.rsplit('/').next().unwrap())
                .collect();
            let mut found = snapshot.children(prefix).unwrap();
            children.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, children);
        }
        let used: BTreeSet<ObjectId12> =
            nodes.values().filter_map(|node| node.array.as_ref()).flat_map(|array| array.manifests.iter().map(|m| m.id)).collect();
        prop_assert!(snapshot.manifest_files().iter().map(|file| file.id).eq(used.iter().copied()));
        for file in files() {
            prop_assert_eq!(snapshot.manifest_file(&file.id), used.contains(&file.id).then_some(file));
        }
    }

    #[test]
    fn a_commit_replaces_removes_and_adds(
        base in nodes(), new in nodes(), v1_base in any::<bool>(), v1 in any::<bool>(), picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let base_snapshot = Commit { base: None, removed: &[], nodes: &base, version: version(v1_base) }.snapshot();
        let paths: Vec<String> = base.keys().cloned().chain(["/not/there".to_owned()]).collect();
        let removed: Vec<String> = picks.iter().map(|pick| pick.get(&paths).clone()).collect();
        let mut expected = base.clone();
        expected.retain(|path, _| !removed.contains(path));
        expected.extend(new.clone());
        let commit = Commit { base: Some(&base_snapshot), removed: &removed, nodes: &new, version: version(v1) };
        prop_assert_eq!(commit.snapshot().nodes("/").unwrap(), list(&expected));
    }
}

#[test]
fn version_1_stores_chunk_lengths() {
    let shape =
        vec![DimensionShape { array_length: 10, num_chunks: 3 }, DimensionShape { array_length: 0, num_chunks: 0 }];
    let array = ArrayData { shape, dimension_names: None, manifests: vec![] };
    let node = Node { id: ObjectId([3; 8]), path: "/a".into(), user_data: b"{}".to_vec(), array: Some(array) };
    let nodes: Nodes = [("/a".to_owned(), node)].into();
    let commit = Commit { base: None, removed: &[], nodes: &nodes, version: SpecVersion::V1 };
    let stored = |given: &BTreeMap<String, Vec<u64>>| {
        let snapshot = Snapshot::decode(&commit.encode(&[], &vec![], given)?, ID)?;
        snapshot.find("/a")?.unwrap().chunk_lengths().map(Option::unwrap)
    };
    // Without being told, the smallest that makes 3 chunks; 4 does too, and 5 does not.
    assert_eq!(stored(&BTreeMap::new()).unwrap(), [4, 0]);
    assert_eq!(stored(&[("/a".to_owned(), vec![4, 7])].into()).unwrap(), [4, 7]);
    assert_eq!(stored(&[("/a".to_owned(), vec![5, 7])].into()).unwrap_err().kind, ErrorKind::UnsupportedOperation);
    assert_eq!(stored(&[("/a".to_owned(), vec![4])].into()).unwrap_err().kind, ErrorKind::InvalidInput);

    // What a base says stays, also when the next commit does not say it again.
    let file = commit.encode(&[], &vec![], &[("/a".to_owned(), vec![4, 7])].into()).unwrap();
    let base = Snapshot::decode(&file, ID).unwrap();
    let next = Commit { base: Some(&base), removed: &[], nodes: &Nodes::new(), version: SpecVersion::V1 }.snapshot();
    assert_eq!(next.find("/a").unwrap().unwrap().chunk_lengths().unwrap().unwrap(), [4, 7]);
}

#[test]
fn a_manifest_that_nobody_knows_is_an_error() {
    let array = ArrayData {
        shape: vec![],
        dimension_names: None,
        manifests: vec![ManifestRef { id: ObjectId([8; 12]), extents: vec![] }],
    };
    let node = Node { id: ObjectId([3; 8]), path: "/a".into(), user_data: vec![], array: Some(array) };
    let nodes: Nodes = [("/a".to_owned(), node)].into();
    let commit = Commit { base: None, removed: &[], nodes: &nodes, version: SpecVersion::V2 };
    let error = commit.encode(&files(), &vec![], &BTreeMap::new()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::ManifestInfoNotFound);
}

#[test]
fn unnamed_dimensions() {
    let names = Some(vec![None, Some(String::new()), Some("x".to_owned())]);
    let array = ArrayData { shape: vec![], dimension_names: names, manifests: vec![] };
    let node = Node { id: ObjectId([3; 8]), path: "/a".into(), user_data: vec![], array: Some(array) };
    let nodes: Nodes = [("/a".to_owned(), node)].into();
    let snapshot = Commit { base: None, removed: &[], nodes: &nodes, version: SpecVersion::V2 }.snapshot();
    let read = snapshot.node("/a").unwrap().unwrap().array.unwrap().dimension_names;
    assert_eq!(read, Some(vec![None, None, Some("x".to_owned())]));
}

proptest! {
    #[test]
    fn ids_order_as_their_texts(a in id12(), b in id12()) {
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }
}
