//! The chunk table against a plain map.

use std::collections::BTreeMap;

use frazil_core::chunk_table::{LocationBlock, RowView, VirtualColumns};
use frazil_core::{Change, Checksum, ChunkRef, ChunkTable, CoordSet, RegionGrid, region};
use proptest::prelude::*;

use crate::generate::{change, chunk_ref, coords, location};

type Model = BTreeMap<Vec<u32>, Change>;

#[derive(Debug, Clone)]
enum Step {
    Set(Vec<u32>, Change),
    Columns(Vec<(Vec<u32>, String, u64, u64)>, Option<u32>),
    Merge(Vec<(Vec<u32>, Change)>),
    MergeSelf,
    Forget(Vec<Vec<u32>>),
    Look(Vec<u32>),
    Sort,
}

fn step(ndim: usize) -> impl Strategy<Value = Step> {
    let wide = prop_oneof![3 => 0u64..300, 1 => any::<u64>()];
    let row = (coords(ndim), location(), wide.clone(), wide);
    prop_oneof![
        8 => (coords(ndim), change()).prop_map(|(at, change)| Step::Set(at, change)),
        2 => (proptest::collection::vec(row, 0..20), proptest::option::of(1u32..)).prop_map(|(rows, c)| Step::Columns(rows, c)),
        1 => proptest::collection::vec((coords(ndim), change()), 0..20).prop_map(Step::Merge),
        1 => Just(Step::MergeSelf),
        1 => proptest::collection::vec(coords(ndim), 0..5).prop_map(Step::Forget),
        2 => coords(ndim).prop_map(Step::Look),
        1 => Just(Step::Sort),
    ]
}

fn apply(table: &ChunkTable, model: &mut Model, step: Step) {
    match step {
        Step::Set(at, change) => {
            table.set(&at, change.clone()).unwrap();
            model.insert(at, change);
        }
        Step::Columns(rows, seconds) => {
            let checksum = seconds.map(Checksum::LastModified);
            let mut locations = LocationBlock::default();
            rows.iter().for_each(|(_, location, _, _)| locations.push(location));
            let columns = VirtualColumns {
                coords: &rows.iter().flat_map(|(at, ..)| at.clone()).collect::<Vec<_>>(),
                locations: &locations,
                offsets: &rows.iter().map(|row| row.2).collect::<Vec<_>>(),
                lengths: &rows.iter().map(|row| row.3).collect::<Vec<_>>(),
                checksum: checksum.as_ref(),
            };
            table.set_virtual(columns).unwrap();
            for (at, location, offset, length) in rows {
                let chunk = ChunkRef::Virtual { location: location.into(), offset, length, checksum: checksum.clone() };
                model.insert(at, Change::Set(chunk));
            }
        }
        Step::Merge(changes) => {
            let newer = ChunkTable::new(table.ndim());
            for (at, change) in changes {
                newer.set(&at, change.clone()).unwrap();
                model.insert(at, change);
            }
            table.merge(&newer).unwrap();
        }
        Step::MergeSelf => table.merge(table).unwrap(),
        Step::Forget(rows) => {
            table.forget(&CoordSet::from_rows(rows.iter().map(Vec::as_slice)));
            rows.iter().for_each(|row| drop(model.remove(row)));
        }
        Step::Look(at) => assert_eq!(table.get(&at), model.get(&at).cloned()),
        Step::Sort => assert_eq!(table.len(), model.len()),
    }
}

fn list(table: &ChunkTable) -> Vec<(Vec<u32>, Change)> {
    let rows = table.rows();
    (0..rows.len()).map(|row| (rows.coords(row).to_vec(), rows.change(row))).collect()
}

proptest! {
    #![proptest_config(crate::cases(300))]

    #[test]
    fn behaves_as_a_map(steps in (0usize..4).prop_flat_map(|ndim| (Just(ndim), proptest::collection::vec(step(ndim), 0..60)))) {
        let (ndim, steps) = steps;
        let table = ChunkTable::new(ndim);
        let mut model = Model::new();
        for step in steps {
            let (copy, before) = (table.clone(), model.clone());
            apply(&table, &mut model, step);
            prop_assert_eq!(list(&copy), before.into_iter().collect::<Vec<_>>());
        }
        for (at, change) in &model {
            prop_assert_eq!(table.get(at), Some(change.clone()));
        }
        prop_assert_eq!(table.is_empty(), model.is_empty());
        let deleted: Vec<&[u32]> =
            model.iter().filter(|(_, change)| **change == Change::Deleted).map(|(at, _)| at.as_slice()).collect();
        prop_assert_eq!(table.coords(|row| matches!(row, RowView::Deleted)), CoordSet::from_rows(deleted));
        let expected: Vec<(Vec<u32>, Change)> = model.into_iter().collect();
        prop_assert_eq!(list(&table), expected.clone());
        let carried = ChunkTable::from_bytes(&table.to_bytes()).unwrap();
        prop_assert_eq!(list(&carried), expected);
    }

    #[test]
    fn broken_bytes_are_errors(
        rows in proptest::collection::btree_map(coords(2), change(), 0..10),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        random in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let table = ChunkTable::new(2);
        rows.into_iter().for_each(|(at, change)| table.set(&at, change).unwrap());
        let mut data = table.to_bytes();
        for (at, byte) in changes {
            let at = at.index(data.len());
            data[at] = byte;
            // What is accepted must hold together.
            if let Ok(table) = ChunkTable::from_bytes(&data) {
                let _ = list(&table);
            }
        }
        for length in 0..data.len() {
            let _ = ChunkTable::from_bytes(&data[..length]);
        }
        let _ = ChunkTable::from_bytes(&random);
        let _ = ChunkTable::from_bytes(&[b"FZCT\x01", random.as_slice()].concat());
    }

    #[test]
    fn touched_regions_are_those_with_a_change(
        rows in proptest::collection::vec(coords(2), 0..40),
        edges in proptest::collection::vec(proptest::collection::btree_set(0u32..10, 0..5), 2),
    ) {
        let grid = RegionGrid::new(edges.into_iter().map(|axis| axis.into_iter().collect()).collect()).unwrap();
        let table = ChunkTable::new(2);
        rows.iter().for_each(|at| table.set(at, Change::Deleted).unwrap());
        let expected: Vec<usize> = (0..grid.len())
            .filter(|&number| rows.iter().any(|at| region::contains(&grid.region(number).unwrap(), at)))
            .collect();
        prop_assert_eq!(grid.touched(&table), expected);
    }
}

#[test]
fn coordinates_of_another_rank_are_refused() {
    let table = ChunkTable::new(2);
    assert!(table.set(&[1], Change::Deleted).is_err());
    assert!(table.merge(&ChunkTable::new(3)).is_err());
    assert_eq!(table.get(&[1]), None);
    let mut locations = LocationBlock::default();
    locations.push("s3://b/k");
    let columns =
        VirtualColumns { coords: &[1, 2, 3], locations: &locations, offsets: &[0], lengths: &[1], checksum: None };
    assert!(table.set_virtual(columns).is_err());
}

#[test]
fn a_million_ordered_references_take_few_bytes_each() {
    let table = ChunkTable::new(2);
    let side = 1000u32;
    let (mut coords, mut locations) = (Vec::new(), LocationBlock::default());
    for row in 0..side {
        for column in 0..side {
            coords.extend([row, column]);
            locations.push(&format!("s3://bucket/file-{:03}.nc", row / 2));
        }
    }
    let offsets: Vec<u64> = (0..u64::from(side * side)).map(|n| n * 1000).collect();
    let lengths = vec![1000; offsets.len()];
    let columns =
        VirtualColumns { coords: &coords, locations: &locations, offsets: &offsets, lengths: &lengths, checksum: None };
    table.set_virtual(columns).unwrap();
    assert_eq!(table.len(), 1_000_000);
    assert!(table.nbytes() < 24_000_000, "{}", table.nbytes());
}

#[test]
fn overwriting_one_chunk_does_not_fill_the_memory() {
    let table = ChunkTable::new(1);
    for round in 0..20_000u32 {
        let data = vec![u8::try_from(round % 251).unwrap(); 500];
        table.set(&[round % 3], Change::Set(ChunkRef::Inline(data.into()))).unwrap();
    }
    assert_eq!(table.len(), 3);
    assert!(table.nbytes() < 1 << 20, "{}", table.nbytes());
}

#[test]
fn changes_in_any_order_are_kept() {
    let table = ChunkTable::new(1);
    let count = 20_000u32;
    let shuffled = |n: u32| (u64::from(n) * 7919 % u64::from(count)) as u32;
    for n in 0..count {
        let length = u64::from(n);
        table
            .set(
                &[shuffled(n)],
                Change::Set(ChunkRef::Native { id: frazil_core::ObjectId([1; 12]), offset: 0, length }),
            )
            .unwrap();
    }
    assert_eq!(table.len(), count as usize);
    for n in 0..count {
        let Some(Change::Set(chunk)) = table.get(&[shuffled(n)]) else { panic!("{n} is gone") };
        assert_eq!(chunk.length(), u64::from(n));
    }
}

#[test]
fn threads_share_a_table() {
    let table = ChunkTable::new(1);
    std::thread::scope(|scope| {
        for thread in 0..4u32 {
            let table = &table;
            scope.spawn(move || {
                for n in 0..5000 {
                    table.set(&[n * 4 + thread], Change::Deleted).unwrap();
                    assert_eq!(table.get(&[n * 4 + thread]), Some(Change::Deleted));
                }
            });
        }
    });
    assert_eq!(table.len(), 20_000);
}

proptest! {
    #[test]
    fn lengths_are_those_of_the_bytes(chunk in chunk_ref()) {
        if let ChunkRef::Inline(data) = &chunk {
            prop_assert_eq!(chunk.length(), data.len() as u64);
        }
    }
}

#[test]
fn a_state_has_a_number_until_the_next_edit() {
    let table = ChunkTable::new(1);
    table.set(&[2], Change::Deleted).unwrap();
    table.set(&[1], Change::Deleted).unwrap();
    let number = |table: &ChunkTable| table.state().1;
    let first = number(&table);
    assert_eq!((number(&table), number(&table.clone())), (first, first));
    let copy = table.clone();
    let other = ChunkTable::new(1);
    assert_ne!(number(&other), number(&ChunkTable::new(1)));
    let mut seen = vec![first];
    let mut expect_new = |table: &ChunkTable| {
        assert!(!seen.contains(&number(table)));
        seen.push(number(table));
    };
    table.set(&[1], Change::Deleted).unwrap();
    expect_new(&table);
    table.merge(&other).unwrap();
    expect_new(&table);
    table.forget(&CoordSet::from_rows([[1].as_slice()]));
    expect_new(&table);
    let mut locations = LocationBlock::default();
    locations.push("s3://b/k");
    let columns = VirtualColumns { coords: &[1], locations: &locations, offsets: &[0], lengths: &[1], checksum: None };
    copy.set_virtual(columns).unwrap();
    expect_new(&copy);
}
