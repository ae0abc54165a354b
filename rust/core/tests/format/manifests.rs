//! Building manifests against a plain map of what should be in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use frazil_core::format::manifest_builder::{LocationCompression, MergedRefs, RunLimits};
use frazil_core::format::{Manifest, ManifestBuilder, SpecVersion};
use frazil_core::region::{self, SortedRows};
use frazil_core::{Change, ChunkRef, ChunkTable, ErrorKind, Extent, NodeId, ObjectId};
use proptest::prelude::*;

use crate::generate::{change, chunk_ref, coords, virtual_ref};

type Refs = BTreeMap<Vec<u32>, ChunkRef>;

const NODE: NodeId = ObjectId([7; 8]);

fn compression(min_virtual_refs: usize) -> LocationCompression {
    LocationCompression { min_virtual_refs, dictionary_samples: 100, dictionary_bytes: 2048, level: 3 }
}

fn table(refs: &Refs, ndim: usize) -> ChunkTable {
    let table = ChunkTable::new(ndim);
    refs.iter().for_each(|(at, chunk)| table.set(at, Change::Set(chunk.clone())).unwrap());
    table
}

fn everywhere(ndim: usize) -> Vec<Extent> {
    vec![(0, u32::MAX); ndim]
}

fn build(refs: &Refs, ndim: usize, version: SpecVersion, min_virtual_refs: usize) -> Manifest {
    let mut builder = ManifestBuilder::new();
    builder.add_array(NODE, &everywhere(ndim), &[], Some(&table(refs, ndim))).unwrap();
    finish(&builder, version, min_virtual_refs)
}

fn finish(builder: &ManifestBuilder, version: SpecVersion, min_virtual_refs: usize) -> Manifest {
    let file = builder.finish(ObjectId([9; 12]), version, "test", 1, compression(min_virtual_refs)).unwrap();
    Manifest::decode(&file, ObjectId([9; 12])).unwrap()
}

fn content(manifest: &Manifest, node: &NodeId) -> Refs {
    let Some(refs) = manifest.refs(node) else { return Refs::new() };
    let mut coords = Vec::new();
    let mut found = Refs::new();
    for row in 0..refs.len() {
        refs.read(row, &mut coords).unwrap();
        assert!(found.last_key_value().is_none_or(|(last, _)| *last < coords), "the references are not sorted");
        found.insert(coords.clone(), refs.get(row).unwrap());
    }
    found
}

fn bounding_box(refs: &Refs, ndim: usize) -> Vec<Extent> {
    let axis = |d: usize| refs.keys().map(move |at| at[d]);
    (0..ndim).map(|d| (axis(d).min().unwrap(), axis(d).max().unwrap() + 1)).collect()
}

proptest! {
    #![proptest_config(crate::cases(300))]

    #[test]
    fn merges_as_the_format_says(
        (ndim, olds, changes) in (0usize..4).prop_flat_map(|ndim| (
            Just(ndim),
            proptest::collection::vec(proptest::collection::btree_map(coords(ndim), chunk_ref(), 1..40), 0..3),
            proptest::option::of(proptest::collection::btree_map(coords(ndim), change(), 0..40)),
        )),
        region in proptest::collection::vec((0u32..9, 0u32..12), 3),
        old_min in 1usize..30,
        new_min in 1usize..30,
        v1 in any::<bool>(),
    ) {
        let version = if v1 { SpecVersion::V1 } else { SpecVersion::V2 };
        let region = &region[..ndim];
        let manifests: Vec<Manifest> = olds.iter().map(|refs| build(refs, ndim, SpecVersion::V2, old_min)).collect();
        let mut expected = Refs::new();
        for refs in olds.iter().rev() {
            expected.extend(refs.clone());
        }
        let changed = changes.as_ref().map(|changes| {
            let table = ChunkTable::new(ndim);
            for (at, change) in changes {
                table.set(at, change.clone()).unwrap();
                match change {
                    Change::Set(chunk) => drop(expected.insert(at.clone(), chunk.clone())),
                    Change::Deleted => drop(expected.remove(at)),
                }
            }
            table
        });
        expected.retain(|at, _| region::contains(region, at));

        let mut builder = ManifestBuilder::new();
        let added = builder.add_array(NODE, region, &manifests, changed.as_ref()).unwrap();
        let wanted = (!expected.is_empty()).then(|| (expected.len(), bounding_box(&expected, ndim)));
        prop_assert_eq!(added, wanted);
        let manifest = finish(&builder, version, new_min);
        prop_assert_eq!(&content(&manifest, &NODE), &expected);
        let extents = if expected.is_empty() { Vec::new() } else { bounding_box(&expected, ndim) };
        for (at, chunk) in &expected {
            prop_assert_eq!(manifest.get(&NODE, at).unwrap(), Some(chunk.clone()));
            // A guess may be wrong, the answer may not.
            for guess in [0, 1, expected.len(), usize::MAX, region::place_in(&extents, at)] {
                prop_assert_eq!(manifest.get_near(&NODE, at, guess).unwrap(), Some(chunk.clone()));
                prop_assert_eq!(manifest.length_near(&NODE, at, guess).unwrap(), Some(chunk.length()));
                prop_assert_eq!(manifest.length_near(&NODE, &vec![99; ndim.max(1)], guess).ok().flatten(), None);
            }
        }
        prop_assert_eq!(manifest.num_refs(), expected.len());
        prop_assert_eq!(manifest.get(&NODE, &vec![99; ndim.max(1)]).ok().flatten(), None);
        prop_assert_eq!(manifest.header().spec_version, version);
        if v1 {
            prop_assert!(manifest.dictionary().is_none());
        }
    }

    #[test]
    fn runs_are_all_references_in_boxes_that_do_not_meet(
        (ndim, old, refs) in (0usize..4).prop_flat_map(|ndim| (
            Just(ndim),
            proptest::collection::btree_map(coords(ndim), chunk_ref(), 1..60),
            proptest::collection::btree_map(coords(ndim), chunk_ref(), 0..60),
        )),
        most in 1usize..40,
        target in 1usize..40,
        bytes in prop_oneof![Just(u64::MAX), 100u64..5_000],
    ) {
        let older = [build(&old, ndim, SpecVersion::V2, 1)];
        let mut expected = old;
        expected.extend(refs.clone());
        let merged = MergedRefs::new(NODE, &everywhere(ndim), &older, Some(&table(&refs, ndim))).unwrap();
        prop_assert_eq!(merged.len(), expected.len());
        let merged = Arc::new(merged);
        let runs = merged.runs(RunLimits { most, target, bytes }).unwrap();
        let mut found = Refs::new();
        for (number, run) in runs.iter().enumerate() {
            prop_assert!(run.rows.len() <= most || ndim == 0);
            let mut builder = ManifestBuilder::new();
            builder.add(merged.clone(), run.rows.clone()).unwrap();
            let here = content(&finish(&builder, SpecVersion::V2, 1), &NODE);
            prop_assert_eq!(&run.extents, &bounding_box(&here, ndim));
            for other in runs.iter().take(number) {
                prop_assert!(!region::intersects(&other.extents, &run.extents));
            }
            found.extend(here);
        }
        prop_assert_eq!(runs.iter().map(|run| run.rows.len()).sum::<usize>(), expected.len());
        prop_assert_eq!(found, expected);
        let mut builder = ManifestBuilder::new();
        prop_assert!(builder.add(merged.clone(), 0..0).is_err());
        prop_assert!(builder.add(merged.clone(), 0..merged.len() + 1).is_err());
    }

    #[test]
    fn several_arrays_are_sorted_by_id(arrays in proptest::collection::vec((any::<[u8; 8]>(), proptest::collection::btree_map(coords(2), chunk_ref(), 1..5)), 0..8)) {
        let mut builder = ManifestBuilder::new();
        let mut expected = BTreeMap::new();
        for (id, refs) in arrays {
            let id = ObjectId(id);
            if expected.insert(id, refs.clone()).is_none() {
                builder.add_array(id, &everywhere(2), &[], Some(&table(&refs, 2))).unwrap();
            } else {
                prop_assert!(builder.add_array(id, &everywhere(2), &[], Some(&table(&refs, 2))).is_err());
            }
        }
        prop_assume!(!expected.is_empty());
        let manifest = finish(&builder, SpecVersion::V2, 1000);
        prop_assert!(manifest.arrays().map(|(id, _)| id).eq(expected.keys().copied()));
    }
}

/// Virtual references of many files, as many as asked.
fn virtual_refs(count: u32, location: impl Fn(u32) -> String) -> Refs {
    let chunk = |n: u32| ChunkRef::Virtual { location: location(n).into(), offset: 0, length: 8, checksum: None };
    (0..count).map(|n| (vec![n], chunk(n))).collect()
}

fn archive(n: u32) -> String {
    format!("s3://a-bucket/some/archive/of/files/2026-11-{n:05}.nc")
}

#[test]
fn locations_are_compressed_from_the_threshold_on() {
    let plain = build(&virtual_refs(999, archive), 1, SpecVersion::V2, 1000);
    assert_eq!((plain.dictionary(), plain.compressed_refs().unwrap()), (None, 0));
    let refs = virtual_refs(1000, archive);
    let compressed = build(&refs, 1, SpecVersion::V2, 1000);
    assert_eq!(compressed.compressed_refs().unwrap(), 1000);
    let dictionary = compressed.dictionary().unwrap();
    assert_eq!(dictionary[..4], [0x37, 0xa4, 0x30, 0xec]);
    assert!(dictionary.len() <= 2048);
    assert_eq!(content(&compressed, &NODE), refs);
    assert!(build(&refs, 1, SpecVersion::V1, 1000).dictionary().is_none());
}

#[test]
fn frames_are_as_the_official_reader_wants_them() {
    let manifest = build(&virtual_refs(1500, archive), 1, SpecVersion::V2, 1000);
    let id = zstd::zstd_safe::get_dict_id_from_dict(manifest.dictionary().unwrap()).unwrap();
    let refs = manifest.refs(&NODE).unwrap();
    for row in 0..refs.len() {
        let frazil_core::format::manifest::StoredRef::Virtual { location, .. } = refs.stored(row).unwrap() else {
            panic!("not virtual")
        };
        let frazil_core::format::manifest::StoredLocation::Compressed(frame) = location else {
            panic!("not compressed")
        };
        let size = zstd::zstd_safe::get_frame_content_size(frame).unwrap().unwrap();
        assert_eq!(usize::try_from(size).unwrap(), archive(0).len());
        assert_eq!(zstd::zstd_safe::get_dict_id_from_frame(frame), Some(id));
    }
}

#[test]
fn long_locations_are_never_compressed() {
    let refs = virtual_refs(1200, |n| match n % 10 {
        0 => format!("{}{}", archive(n), "y".repeat(1025 - archive(n).len())),
        1 => format!("{}{}", archive(n), "y".repeat(1024 - archive(n).len())),
        _ => archive(n),
    });
    let manifest = build(&refs, 1, SpecVersion::V2, 1000);
    assert_eq!(manifest.compressed_refs().unwrap(), 1200 - 120);
    assert_eq!(content(&manifest, &NODE), refs);
    // And so they stay when the manifest is merged into another.
    let mut builder = ManifestBuilder::new();
    builder.add_array(NODE, &everywhere(1), &[manifest], None).unwrap();
    let again = finish(&builder, SpecVersion::V2, 1000);
    assert_eq!(again.compressed_refs().unwrap(), 1200 - 120);
    assert_eq!(content(&again, &NODE), refs);
}

#[test]
fn short_locations_stay_plain() {
    let manifest = build(&virtual_refs(1500, |n| format!("a{n}")), 1, SpecVersion::V2, 1000);
    assert!(manifest.dictionary().is_none());
}

#[test]
fn a_rewritten_manifest_keeps_its_dictionary() {
    let refs = virtual_refs(2000, archive);
    let old = build(&refs, 1, SpecVersion::V2, 1000);
    let mut expected = refs;
    let changes = virtual_refs(10, |n| archive(n + 70_000));
    expected.extend(changes.clone());
    let mut builder = ManifestBuilder::new();
    builder.add_array(NODE, &everywhere(1), std::slice::from_ref(&old), Some(&table(&changes, 1))).unwrap();
    let new = finish(&builder, SpecVersion::V2, 1000);
    assert_eq!(new.dictionary(), old.dictionary());
    assert_eq!(content(&new, &NODE), expected);
}

#[test]
fn a_dictionary_that_does_not_serve_is_replaced() {
    let old = build(&virtual_refs(1000, archive), 1, SpecVersion::V2, 1000);
    let other = |n: u32| format!("gs://quite-other/{:x}/zzz/{:x}.h5", n.wrapping_mul(2_654_435_761), n * 7);
    let changes: Refs = virtual_refs(9000, other);
    let mut builder = ManifestBuilder::new();
    builder.add_array(NODE, &everywhere(1), std::slice::from_ref(&old), Some(&table(&changes, 1))).unwrap();
    let new = finish(&builder, SpecVersion::V2, 1000);
    assert_ne!(new.dictionary(), old.dictionary());
    assert_eq!(content(&new, &NODE), changes);
}

#[test]
fn builders_of_one_commit_share_a_dictionary() {
    let first = virtual_refs(1000, archive);
    let second = virtual_refs(1000, |n| archive(n + 5000));
    let mut one = ManifestBuilder::new();
    let mut two = ManifestBuilder::like(&one);
    one.add_array(NODE, &everywhere(1), &[], Some(&table(&first, 1))).unwrap();
    two.add_array(NODE, &everywhere(1), &[], Some(&table(&second, 1))).unwrap();
    let (one, two) = (finish(&one, SpecVersion::V2, 1000), finish(&two, SpecVersion::V2, 1000));
    assert_eq!(one.dictionary(), two.dictionary());
    assert_eq!((content(&one, &NODE), content(&two, &NODE)), (first, second));
}

#[test]
fn a_table_is_cut_into_a_thousand_manifests() {
    let refs = virtual_refs(10_000, archive);
    let table = table(&refs, 1);
    let mut seen = Refs::new();
    for number in 0..1000 {
        let mut builder = ManifestBuilder::new();
        let region = [(number * 10, number * 10 + 10)];
        let added = builder.add_array(NODE, &region, &[], Some(&table)).unwrap();
        assert_eq!(added, Some((10, region.to_vec())));
        seen.extend(content(&finish(&builder, SpecVersion::V2, 1000), &NODE));
    }
    assert_eq!(seen, refs);
}

#[test]
fn nothing_in_the_region_adds_nothing() {
    let refs = virtual_refs(10, archive);
    let mut builder = ManifestBuilder::new();
    assert_eq!(builder.add_array(NODE, &[(20, 30)], &[], Some(&table(&refs, 1))).unwrap(), None);
    assert_eq!(builder.add_array(NODE, &[(5, 5)], &[], Some(&table(&refs, 1))).unwrap(), None);
    assert_eq!(finish(&builder, SpecVersion::V2, 1).num_refs(), 0);
}

#[test]
fn an_old_manifest_that_is_not_the_arrays_is_an_error() {
    let old = [build(&virtual_refs(10, archive), 1, SpecVersion::V2, 1)];
    let other: NodeId = ObjectId([0x55; 8]);
    for (node, region) in [(other, vec![(0, 9)]), (NODE, vec![(0, 9), (0, 9)]), (NODE, vec![])] {
        let error = ManifestBuilder::new().add_array(node, &region, &old, None).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidFileFormat);
        assert!(error.message.contains(&old[0].id().to_string()), "{}", error.message);
    }
}

#[test]
fn scalars_have_empty_extents() {
    let refs: Refs = [(vec![], ChunkRef::Inline(b"x".as_slice().into()))].into();
    let mut builder = ManifestBuilder::new();
    assert_eq!(builder.add_array(NODE, &[], &[], Some(&table(&refs, 0))).unwrap(), Some((1, vec![])));
    assert_eq!(content(&finish(&builder, SpecVersion::V2, 1), &NODE), refs);
}

#[test]
fn the_last_index_of_a_dimension_can_be_used() {
    let refs: Refs = [(vec![u32::MAX - 1], ChunkRef::Inline(b"x".as_slice().into()))].into();
    let mut builder = ManifestBuilder::new();
    let added = builder.add_array(NODE, &[(0, u32::MAX)], &[], Some(&table(&refs, 1))).unwrap();
    assert_eq!(added, Some((1, vec![(u32::MAX - 1, u32::MAX)])));
}

proptest! {
    #![proptest_config(crate::cases(20))]

    #[test]
    fn many_virtual_references_come_back(refs in proptest::collection::btree_map(proptest::collection::vec(0u32..60, 2), virtual_ref(), 1000..1400)) {
        prop_assert_eq!(content(&build(&refs, 2, SpecVersion::V2, 1000), &NODE), refs);
    }
}
