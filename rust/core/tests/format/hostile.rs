//! Broken files: an error or an answer, but no panic, no endless loop and no memory without bound.

use frazil_core::format::manifest_builder::LocationCompression;
use frazil_core::format::snapshot::SnapshotPlan;
use frazil_core::format::{
    FileType, Manifest, ManifestBuilder, RepoInfo, Snapshot, SpecVersion, TransactionLog, envelope,
};
use frazil_core::region::SortedRows;
use frazil_core::{Change, ChunkTable, NodeId, ObjectId, ObjectId12};
use proptest::prelude::*;

use crate::generate::{chunk_ref, coords};

const COMPRESSION: LocationCompression =
    LocationCompression { min_virtual_refs: 1, dictionary_samples: 100, dictionary_bytes: 2048, level: 3 };

fn wrap(body: &[u8], kind: FileType) -> Vec<u8> {
    envelope::encode(body, kind, SpecVersion::V2, "hostile", 1).unwrap()
}

/// The id that a file says it has, so that a mutated one may be looked at further; zeros if it says nothing.
fn own_id(file: &[u8]) -> ObjectId12 {
    let types = [FileType::Snapshot, FileType::Manifest, FileType::TransactionLog];
    let body =
        types.into_iter().find_map(|kind| envelope::decode(file, kind).ok()).map_or(Vec::new(), |(_, body)| body);
    let word = |at: usize| body.get(at..at.checked_add(4)?).map(|raw| u32::from_le_bytes(raw.try_into().unwrap()));
    let id = || {
        let root = usize::try_from(word(0)?).ok()?;
        let vtable = usize::try_from(i64::try_from(root).ok()? - i64::from(word(root)? as i32)).ok()?;
        let at = root + usize::from(u16::from_le_bytes(body.get(vtable + 4..vtable + 6)?.try_into().unwrap()));
        body.get(at..at + 12)?.try_into().ok()
    };
    ObjectId(id().unwrap_or_default())
}

/// Ask a snapshot everything; what it answers must be bounded by what it is.
fn use_snapshot(file: &[u8]) {
    let Ok(snapshot) = Snapshot::decode(file, own_id(file)) else { return };
    let paths = snapshot.paths("/");
    let _ = (snapshot.nodes("/"), snapshot.nodes("/g1"), snapshot.children("/"), snapshot.children("/g1"));
    for (path, _, _) in paths.iter().flatten().take(20) {
        let _ = (
            snapshot.node(path),
            snapshot.children(path),
            snapshot.find(path).map(|found| found.map(|n| n.is_array())),
        );
    }
    for version in [SpecVersion::V1, SpecVersion::V2] {
        let plan = SnapshotPlan {
            base: Some(&snapshot),
            removed: Default::default(),
            nodes: Default::default(),
            manifest_files: &[],
            id: snapshot.id(),
            parent_id: snapshot.parent_id(),
            flushed_at: 1,
            message: snapshot.message(),
            metadata: snapshot.metadata(),
            spec_version: version,
            chunk_lengths: Default::default(),
        };
        let _ = plan.encode("hostile", 1);
    }
}

fn use_manifest(file: &[u8]) {
    let Ok(manifest) = Manifest::decode(file, own_id(file)) else { return };
    let _ = (
        manifest.statistics(),
        manifest.storage(),
        manifest.chunk_ids(),
        manifest.virtual_locations(),
        manifest.compressed_refs(),
    );
    let arrays: Vec<NodeId> = manifest.arrays().map(|(id, _)| id).take(5).collect();
    for node in arrays {
        let _ = manifest.coords(&node);
        let refs = manifest.refs(&node).unwrap();
        let mut at = Vec::new();
        for row in 0..refs.len().min(50) {
            let _ = (refs.read(row, &mut at), refs.get(row));
            let _ = manifest.get(&node, &at);
        }
        for ndim in 0..3 {
            let mut builder = ManifestBuilder::new();
            let region = vec![(1, 8); ndim];
            let changes = ChunkTable::new(ndim);
            changes.set(&vec![2; ndim], Change::Deleted).unwrap();
            if let Ok(Some(_)) = builder.add_array(node, &region, std::slice::from_ref(&manifest), Some(&changes)) {
                let _ = builder.finish(manifest.id(), SpecVersion::V2, "hostile", 1, COMPRESSION);
            }
        }
    }
}

fn use_log(file: &[u8]) {
    if let Ok(log) = TransactionLog::decode(file, own_id(file)) {
        let again = log.changes.encode(log.id, SpecVersion::V2, "hostile", 1).unwrap();
        assert_eq!(TransactionLog::decode(&again, log.id).unwrap().changes.moves, log.changes.moves);
    }
}

fn use_repo(file: &[u8]) {
    let Ok(repo) = RepoInfo::decode(file) else { return };
    for entry in repo.snapshots().iter().take(20) {
        let _ = repo.ancestry(&entry.id, None);
    }
    if let Ok(again) = repo.encode("hostile", 1) {
        assert_eq!(RepoInfo::decode(&again).unwrap().branches(), repo.branches());
    }
}

fn use_all(body: &[u8]) {
    use_snapshot(&wrap(body, FileType::Snapshot));
    use_manifest(&wrap(body, FileType::Manifest));
    use_log(&wrap(body, FileType::TransactionLog));
    use_repo(&wrap(body, FileType::RepoInfo));
}

/// Replacements of single bytes and of whole words, which is what offsets and lengths are.
type Mutations = Vec<(prop::sample::Index, u32, bool)>;

fn mutations() -> impl Strategy<Value = Mutations> {
    let word =
        prop_oneof![any::<u32>(), 0u32..300, Just(u32::MAX), Just(1 << 31), (0u32..300).prop_map(|n| n.wrapping_neg())];
    proptest::collection::vec((any::<prop::sample::Index>(), word, any::<bool>()), 1..6)
}

fn mutate(body: &mut [u8], mutations: &Mutations) {
    for (at, word, whole) in mutations {
        let at = at.index(body.len());
        if *whole {
            let at = (at & !3).min(body.len().saturating_sub(4));
            body[at..].iter_mut().zip(word.to_le_bytes()).for_each(|(to, from)| *to = from);
        } else {
            body[at] = word.to_le_bytes()[0];
        }
    }
}

fn body(file: &[u8], kind: FileType) -> Vec<u8> {
    envelope::decode(file, kind).unwrap().1
}

prop_compose! {
    fn manifest_file()(
        refs in proptest::collection::btree_map(coords(2), chunk_ref(), 1..30),
        min_virtual_refs in 1usize..20,
    ) -> Vec<u8> {
        let table = ChunkTable::new(2);
        refs.into_iter().for_each(|(at, chunk)| table.set(&at, Change::Set(chunk)).unwrap());
        let mut builder = ManifestBuilder::new();
        builder.add_array(ObjectId([7; 8]), &[(0, 99), (0, 99)], &[], Some(&table)).unwrap();
        builder.finish(ObjectId([9; 12]), SpecVersion::V2, "test", 1, LocationCompression { min_virtual_refs, ..COMPRESSION }).unwrap()
    }
}

proptest! {
    #![proptest_config(crate::cases(2500))]

    #[test]
    fn mutated_manifests(file in manifest_file(), mutations in mutations()) {
        let mut body = body(&file, FileType::Manifest);
        mutate(&mut body, &mutations);
        use_manifest(&wrap(&body, FileType::Manifest));
    }

    #[test]
    fn mutated_logs(changes in crate::changes::changes(), mutations in mutations()) {
        let mut body = body(&changes.encode(ObjectId([1; 12]), SpecVersion::V2, "t", 1).unwrap(), FileType::TransactionLog);
        mutate(&mut body, &mutations);
        use_log(&wrap(&body, FileType::TransactionLog));
    }

    #[test]
    fn mutated_repositories((_, repo) in crate::repos::repo(), mutations in mutations()) {
        let mut body = body(&repo.encode("t", 1).unwrap(), FileType::RepoInfo);
        mutate(&mut body, &mutations);
        use_repo(&wrap(&body, FileType::RepoInfo));
    }

    #[test]
    fn random_bodies(body in proptest::collection::vec(prop_oneof![3 => 0u8..40, 1 => any::<u8>()], 0..200)) {
        use_all(&body);
    }

    #[test]
    fn random_files(file in proptest::collection::vec(any::<u8>(), 0..200)) {
        use_snapshot(&file);
        use_manifest(&file);
        use_log(&file);
        use_repo(&file);
    }
}

/// Every golden file of a folder, decompressed.
fn golden(folder: &str, kind: FileType) -> Vec<Vec<u8>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let mut bodies = Vec::new();
    for version in ["v1", "v2"] {
        let Ok(entries) = std::fs::read_dir(root.join(version).join("repo").join(folder)) else { continue };
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        bodies.extend(
            paths.iter().filter_map(|path| envelope::decode(&std::fs::read(path).unwrap(), kind).ok()).map(|(_, b)| b),
        );
    }
    bodies
}

fn mutated_golden(folder: &str, kind: FileType, cases: u32, check: fn(&[u8])) {
    let bodies = golden(folder, kind);
    assert!(!bodies.is_empty());
    let mut runner = proptest::test_runner::TestRunner::new(crate::cases(cases));
    let strategy = (any::<prop::sample::Index>(), mutations());
    runner
        .run(&strategy, |(pick, mutations)| {
            let mut body = pick.get(&bodies).clone();
            mutate(&mut body, &mutations);
            check(&wrap(&body, kind));
            Ok(())
        })
        .unwrap();
}

#[test]
fn mutated_golden_snapshots() {
    mutated_golden("snapshots", FileType::Snapshot, 2500, use_snapshot);
}

#[test]
fn mutated_golden_manifests() {
    mutated_golden("manifests", FileType::Manifest, 2500, use_manifest);
}

#[test]
fn mutated_golden_logs() {
    mutated_golden("transactions", FileType::TransactionLog, 2500, use_log);
}

#[test]
fn mutated_golden_repositories() {
    mutated_golden("overwritten", FileType::RepoInfo, 1000, use_repo);
}

#[test]
fn every_single_byte_of_a_small_log_may_be_anything() {
    let bodies = golden("transactions", FileType::TransactionLog);
    let smallest = bodies.iter().min_by_key(|body| body.len()).unwrap();
    for at in 0..smallest.len() {
        for byte in 0..=255 {
            let mut body = smallest.clone();
            body[at] = byte;
            use_log(&wrap(&body, FileType::TransactionLog));
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    for body in golden("snapshots", FileType::Snapshot).iter().take(3) {
        for length in (0..body.len()).step_by(7) {
            use_snapshot(&wrap(&body[..length], FileType::Snapshot));
        }
    }
}

/// A root table whose fields are one vector that they share: 4 bytes each, pointing to the same long vector.
#[test]
fn a_vector_shared_a_million_times_is_not_copied_a_million_times() {
    let count = 200_000_u32;
    let mut body = Vec::new();
    let mut put = |value: u32| body.extend(value.to_le_bytes());
    // 0: root at 48; then the vtable of a log at 4 (9 slots), padded to 24.
    put(48);
    let slots: [u16; 12] = [22, 52, 4, 16, 16, 16, 16, 16, 16, 20, 0, 0];
    slots.chunks(2).for_each(|pair| put(u32::from(pair[0]) | u32::from(pair[1]) << 16));
    (28..48).step_by(4).for_each(|_| put(0));
    // 48: the table: soffset to the vtable, 12 bytes of id, an offset to an empty vector, and one to the chunks.
    put(44);
    (0..3).for_each(|_| put(7));
    put(8); // at 64, to 72: an empty vector
    put(8); // at 68, to 76: the updated chunks
    put(0);
    // 76: as many arrays, all the same one, which follows.
    put(count);
    let array = 80 + 4 * count;
    (0..count).for_each(|n| put(array - (80 + 4 * n) + 12));
    // Its vtable: two slots, and then the table with an id and as many rows.
    let slots: [u16; 6] = [8, 16, 4, 12, 0, 0];
    slots.chunks(2).for_each(|pair| put(u32::from(pair[0]) | u32::from(pair[1]) << 16));
    put(12);
    put(1);
    put(1);
    put(4);
    put(count);
    let row = array + 12 + 20 + 4 * count;
    (0..count).for_each(|n| put(row - (array + 12 + 20 + 4 * n) + 8));
    let slots: [u16; 4] = [6, 8, 4, 0];
    slots.chunks(2).for_each(|pair| put(u32::from(pair[0]) | u32::from(pair[1]) << 16));
    put(8);
    put(4);
    put(2);
    put(5);
    put(6);
    let file = wrap(&body, FileType::TransactionLog);
    let error = TransactionLog::decode(&file, own_id(&file)).unwrap_err();
    assert!(error.message.contains("repeats itself"), "{}", error.message);
}
