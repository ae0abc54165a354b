//! Repositories that the official packages wrote: every file is read, written again and read as the same.

use std::fs;
use std::path::PathBuf;

use frazil_core::format::manifest_builder::LocationCompression;
use frazil_core::format::repo_info::RepoInfo;
use frazil_core::format::snapshot::SnapshotPlan;
use frazil_core::format::{Manifest, ManifestBuilder, Snapshot, SpecVersion, TransactionLog};
use frazil_core::object_id;
use frazil_core::region::SortedRows;

const COMPRESSION: LocationCompression =
    LocationCompression { min_virtual_refs: 2, dictionary_samples: 100, dictionary_bytes: 2048, level: 3 };

fn repository(version: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(version).join("repo")
}

/// Name and content of every file in a folder of both repositories.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for version in ["v1", "v2"] {
        let Ok(entries) = fs::read_dir(repository(version).join(folder)) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            found.push((path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()));
        }
    }
    assert!(!found.is_empty(), "the golden repositories have no {folder}");
    found
}

fn id12(name: &str) -> frazil_core::ObjectId12 {
    frazil_core::ObjectId::from_slice(&object_id::decode(name, 12).unwrap()).unwrap()
}

#[test]
fn snapshots() {
    for (name, data) in files("snapshots") {
        let snapshot = Snapshot::decode(&data, id12(&name)).unwrap();
        assert_eq!(snapshot.id(), id12(&name));
        let nodes = snapshot.nodes("/").unwrap();
        assert_eq!(nodes.len(), snapshot.num_nodes());
        for version in [SpecVersion::V1, SpecVersion::V2] {
            let plan = SnapshotPlan {
                base: Some(&snapshot),
                removed: Default::default(),
                nodes: Default::default(),
                manifest_files: &[],
                id: snapshot.id(),
                parent_id: snapshot.parent_id(),
                flushed_at: snapshot.flushed_at(),
                message: snapshot.message(),
                metadata: snapshot.metadata(),
                spec_version: version,
                chunk_lengths: Default::default(),
            };
            let again = Snapshot::decode(&plan.encode("frazil-test", 3).unwrap(), snapshot.id()).unwrap();
            assert_eq!(again.nodes("/").unwrap(), nodes, "{name} as {version:?}");
            assert_eq!(again.manifest_files(), snapshot.manifest_files());
            assert_eq!((again.message(), again.metadata()), (snapshot.message(), snapshot.metadata()));
            assert_eq!((again.id(), again.flushed_at()), (snapshot.id(), snapshot.flushed_at()));
            assert_eq!(again.parent_id(), snapshot.parent_id().filter(|_| version == SpecVersion::V1));
            assert_eq!((again.header().spec_version, again.header().writer.as_str()), (version, "frazil-test"));
        }
        for node in &nodes {
            assert_eq!(snapshot.node(&node.path).unwrap().as_ref(), Some(node));
            let parent = node.path.rsplit_once('/').map_or("", |(parent, _)| parent);
            let parent = if parent.is_empty() { "/" } else { parent };
            let own_name = node.path.rsplit('/').next().unwrap();
            let children = snapshot.children(parent).unwrap();
            assert_eq!(children.iter().any(|child| child == own_name), node.path != "/", "{}", node.path);
            for manifest in node.array.iter().flat_map(|array| &array.manifests) {
                assert!(snapshot.manifest_file(&manifest.id).is_some());
            }
        }
    }
}

#[test]
fn chunk_lengths_of_version_1_are_kept() {
    let mut arrays = 0;
    for (name, data) in files("snapshots") {
        let snapshot = Snapshot::decode(&data, id12(&name)).unwrap();
        if snapshot.header().spec_version == SpecVersion::V2 {
            continue;
        }
        for node in snapshot.nodes("/").unwrap().iter().filter(|node| node.array.is_some()) {
            let document: serde_json::Value = serde_json::from_slice(&node.user_data).unwrap();
            let chunks = document["chunk_grid"]["configuration"]["chunk_shape"].as_array().unwrap();
            let stored = snapshot.find(&node.path).unwrap().unwrap().chunk_lengths().unwrap().unwrap();
            let expected: Vec<u64> = chunks.iter().map(|length| length.as_u64().unwrap()).collect();
            assert_eq!(stored, expected, "{}", node.path);
            arrays += 1;
        }
    }
    assert!(arrays > 10);
}

#[test]
fn manifests() {
    let mut compressed = 0;
    for (name, data) in files("manifests") {
        let manifest = Manifest::decode(&data, id12(&name)).unwrap();
        assert_eq!(manifest.id(), id12(&name));
        compressed += manifest.compressed_refs().unwrap();
        for version in [SpecVersion::V1, SpecVersion::V2] {
            let mut builder = ManifestBuilder::new();
            for (node_id, count) in manifest.arrays() {
                let refs = manifest.refs(&node_id).unwrap();
                let mut coords = Vec::new();
                refs.read(0, &mut coords).unwrap();
                let everywhere = vec![(0, u32::MAX); coords.len()];
                let added =
                    builder.add_array(node_id, &everywhere, std::slice::from_ref(&manifest), None).unwrap().unwrap();
                assert_eq!(added.0, count);
            }
            let file = builder.finish(manifest.id(), version, "frazil-test", 1, COMPRESSION).unwrap();
            let again = Manifest::decode(&file, manifest.id()).unwrap();
            assert!(again.arrays().eq(manifest.arrays()));
            assert_eq!(again.statistics().unwrap(), manifest.statistics().unwrap());
            assert_eq!(again.chunk_ids().unwrap(), manifest.chunk_ids().unwrap());
            assert_eq!(again.virtual_locations().unwrap(), manifest.virtual_locations().unwrap());
            assert!(version == SpecVersion::V2 || again.dictionary().is_none());
            for (node_id, count) in manifest.arrays() {
                assert_eq!(again.coords(&node_id).unwrap(), manifest.coords(&node_id).unwrap());
                let (old, new) = (manifest.refs(&node_id).unwrap(), again.refs(&node_id).unwrap());
                let mut coords = Vec::new();
                for row in 0..count {
                    old.read(row, &mut coords).unwrap();
                    let chunk = old.get(row).unwrap();
                    assert_eq!(new.get(row).unwrap(), chunk);
                    assert_eq!(again.get(&node_id, &coords).unwrap(), Some(chunk));
                }
            }
        }
    }
    assert!(compressed > 0, "no golden manifest has compressed locations");
}

#[test]
fn transaction_logs() {
    for (name, data) in files("transactions") {
        let log = TransactionLog::decode(&data, id12(&name)).unwrap();
        assert_eq!(log.id, id12(&name));
        for version in [SpecVersion::V1, SpecVersion::V2] {
            let again = log.changes.encode(log.id, version, "frazil-test", 3).unwrap();
            let again = TransactionLog::decode(&again, log.id).unwrap();
            assert_eq!((again.id, &again.changes), (log.id, &log.changes));
        }
    }
}

#[test]
fn repository_objects() {
    let mut objects = files("overwritten");
    objects.retain(|(name, _)| name.starts_with("repo."));
    assert!(objects.len() > 3);
    objects.push(("repo".to_owned(), fs::read(repository("v2").join("repo")).unwrap()));
    for (name, data) in objects {
        let repo = RepoInfo::decode(&data).unwrap();
        assert!(repo.branches().contains_key("main"), "{name}");
        assert!(!repo.has_unknown_updates());
        let mut again = RepoInfo::decode(&repo.encode("frazil-test", 3).unwrap()).unwrap();
        assert_eq!(again.writer, "frazil-test");
        again.writer.clone_from(&repo.writer);
        assert_eq!(again, repo);
        for tip in repo.branches().values().chain(repo.tags().values()) {
            let chain = repo.ancestry(tip, None).unwrap().unwrap();
            assert_eq!(chain.last().unwrap().parent_id, None);
        }
    }
}
