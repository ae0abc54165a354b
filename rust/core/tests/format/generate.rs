//! Strategies for what files hold.

use frazil_core::format::MetadataItems;
use frazil_core::{Change, Checksum, ChunkRef, CoordSet, NodeId, ObjectId, ObjectId12};
use proptest::prelude::*;

pub fn id12() -> impl Strategy<Value = ObjectId12> {
    any::<[u8; 12]>().prop_map(ObjectId)
}

pub fn node_id() -> impl Strategy<Value = NodeId> {
    any::<[u8; 8]>().prop_map(ObjectId)
}

/// Locations as archives have them: a long common start, and now and then something else.
pub fn location() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0u32..200).prop_map(|n| format!("s3://some-bucket/archive/2026/run-{n:04}.nc")),
        1 => "[a-zä]{0,12}",
        1 => (1015usize..1035).prop_map(|n| format!("s3://b/{}", "x".repeat(n))),
    ]
}

fn checksum() -> impl Strategy<Value = Option<Checksum>> {
    prop_oneof![
        3 => Just(None),
        1 => "\"?[a-f0-9]{0,6}\"?".prop_map(|etag| Some(Checksum::Etag(etag.into()))),
        1 => (1u32..).prop_map(|seconds| Some(Checksum::LastModified(seconds))),
    ]
}

/// Offsets and lengths: mostly small, sometimes wide.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0u64..2000, 1 => any::<u64>()]
}

pub fn virtual_ref() -> impl Strategy<Value = ChunkRef> {
    (location(), number(), number(), checksum()).prop_map(|(location, offset, length, checksum)| ChunkRef::Virtual {
        location: location.into(),
        offset,
        length,
        checksum,
    })
}

pub fn chunk_ref() -> impl Strategy<Value = ChunkRef> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|data| ChunkRef::Inline(data.into())),
        (id12(), number(), number()).prop_map(|(id, offset, length)| ChunkRef::Native { id, offset, length }),
        virtual_ref(),
    ]
}

pub fn change() -> impl Strategy<Value = Change> {
    prop_oneof![1 => Just(Change::Deleted), 4 => chunk_ref().prop_map(Change::Set)]
}

pub fn coords(ndim: usize) -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(0u32..9, ndim)
}

pub fn coord_set() -> impl Strategy<Value = CoordSet> {
    proptest::collection::vec(proptest::collection::vec(0u32..9, 0..4), 0..12)
        .prop_map(|rows| CoordSet::from_rows(rows.iter().map(Vec::as_slice)))
}

pub fn metadata() -> impl Strategy<Value = MetadataItems> {
    proptest::collection::btree_map("[a-z_]{0,6}", proptest::collection::vec(any::<u8>(), 0..12), 0..4)
        .prop_map(|items| items.into_iter().collect())
}

pub fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec("[a-c\\-0ä]{1,2}", 0..4).prop_map(|parts| format!("/{}", parts.join("/")))
}
