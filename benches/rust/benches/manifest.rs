//! What does a manifest of many virtual references cost: to build, to open, to look into, to change?

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use frazil_core::chunk_table::{LocationBlock, VirtualColumns};
use frazil_core::format::manifest_builder::LocationCompression;
use frazil_core::format::{Manifest, ManifestBuilder, SpecVersion};
use frazil_core::{Change, ChunkRef, ChunkTable, NodeId, ObjectId12};

const NODE: NodeId = frazil_core::ObjectId([1; 8]);
const MANIFEST: ObjectId12 = frazil_core::ObjectId([2; 12]);
const COMPRESSION: LocationCompression =
    LocationCompression { min_virtual_refs: 1000, dictionary_samples: 100, dictionary_bytes: 2048, level: 3 };
/// Rows and columns of a square array of one-chunk references.
const SIDES: [u32; 2] = [100, 500];

/// `side` x `side` references into a file per row, as a set of NetCDF files gives them.
fn references(side: u32) -> ChunkTable {
    let coords: Vec<u32> = (0..side).flat_map(|row| (0..side).flat_map(move |column| [row, column])).collect();
    let count = u64::from(side) * u64::from(side);
    let mut locations = LocationBlock::default();
    for chunk in 0..count {
        locations.push(&format!("s3://a-bucket/reanalysis/hourly/{:05}.nc", chunk / u64::from(side)));
    }
    let table = ChunkTable::new(2);
    table
        .set_virtual(VirtualColumns {
            coords: &coords,
            locations: &locations,
            offsets: &(0..count).map(|chunk| chunk * 1000).collect::<Vec<_>>(),
            lengths: &vec![1000; coords.len() / 2],
            checksum: None,
        })
        .expect("columns of one length");
    table
}

fn encoded(side: u32, old: &[Manifest], changes: &ChunkTable) -> Vec<u8> {
    let mut builder = ManifestBuilder::new();
    builder.add_array(NODE, &[(0, side), (0, side)], old, Some(changes)).expect("references in the region");
    builder.finish(MANIFEST, SpecVersion::V2, "frazil-benches", 3, COMPRESSION).expect("a manifest")
}

fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("manifest/build");
    for side in SIDES {
        let table = references(side);
        group.throughput(Throughput::Elements(u64::from(side * side)));
        group.bench_function(BenchmarkId::from_parameter(side * side), |bencher| {
            bencher.iter(|| black_box(encoded(side, &[], &table)));
        });
    }
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("manifest/decode");
    for side in SIDES {
        let data = encoded(side, &[], &references(side));
        group.throughput(Throughput::Elements(u64::from(side * side)));
        group.bench_function(BenchmarkId::from_parameter(side * side), |bencher| {
            bencher.iter(|| Manifest::decode(black_box(&data), MANIFEST).expect("a manifest").num_refs());
        });
    }
}

fn look_up(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("manifest/get");
    for side in SIDES {
        let manifest = Manifest::decode(&encoded(side, &[], &references(side)), MANIFEST).expect("a manifest");
        let mut at = 0;
        group.bench_function(BenchmarkId::from_parameter(side * side), |bencher| {
            bencher.iter(|| {
                at = (at + 7919) % (side * side);
                manifest.get(&NODE, &[at / side, at % side]).expect("a good manifest").expect("a reference").length()
            });
        });
    }
}

fn change_one(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("manifest/change_one");
    for side in SIDES {
        let old = [Manifest::decode(&encoded(side, &[], &references(side)), MANIFEST).expect("a manifest")];
        group.throughput(Throughput::Elements(u64::from(side * side)));
        group.bench_function(BenchmarkId::from_parameter(side * side), |bencher| {
            bencher.iter_batched(
                || {
                    let table = ChunkTable::new(2);
                    let native = ChunkRef::Native { id: MANIFEST, offset: 0, length: 10 };
                    table.set(&[side / 2, side / 3], Change::Set(native)).expect("two coordinates");
                    table
                },
                |table| black_box(encoded(side, &old, &table)),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, build, decode, look_up, change_one);
criterion_main!(benches);
