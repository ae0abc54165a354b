//! What does one object of a local directory cost, read and written?

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use frazil_benches::{SIZES, noise};
use frazil_core::storage::{ByteRange, LocalOptions, LocalStore, ObjectStore, PutMode, PutOptions};

/// Objects that a read or a write picks in turn, so that no single file stays hot.
const OBJECTS: usize = 16;

fn store(folder: &tempfile::TempDir, durable: bool) -> LocalStore {
    LocalStore::new(folder.path(), LocalOptions { durable, ..LocalOptions::default() })
        .expect("a store in a new folder")
}

fn key(number: usize) -> String {
    format!("chunks/object{}", number % OBJECTS)
}

fn get(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("local_store/get");
    for (name, size) in SIZES {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = store(&folder, false);
        for number in 0..OBJECTS {
            store
                .put(&key(number), noise(size).into(), &PutMode::Overwrite, &PutOptions::default())
                .expect("a written object");
        }
        let mut number = 0;
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                number += 1;
                black_box(store.get(&key(number), ByteRange::ALL)).expect("a readable object").expect("an object").len()
            });
        });
    }
}

fn put(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("local_store/put");
    for (name, size) in SIZES {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (store, data) = (store(&folder, false), Bytes::from(noise(size)));
        let mut number = 0;
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                number += 1;
                store
                    .put(&key(number), data.clone(), &PutMode::Overwrite, &PutOptions::default())
                    .expect("a written object")
            });
        });
    }
}

criterion_group!(benches, get, put);
criterion_main!(benches);
