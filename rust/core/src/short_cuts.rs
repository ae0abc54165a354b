//! How often each short cut of the codec pipeline was taken, so that a test can show that it took the one it is about.
//!
//! A short cut is a way past a step that the plain way takes: it is right only while something holds, and a test that does
//! not know whether it came along there proves nothing.  `docs/design/0011` lists them with what has to hold.

use std::sync::atomic::{AtomicU64, Ordering};

/// A way past decoding, encoding, copying or reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShortCut {
    /// Stored bytes are read straight into the caller's array.
    ReadInPlace,
    /// Of a plain chunk only the bytes between the first and the last selected element are read.
    PartRead,
    /// Ranges that touch in an object are read as one.
    RangesJoined,
    /// The inner chunks of a shard that is read in part are read by themselves.
    InnerChunksRead,
    /// The inner chunks of a whole shard are handed to threads one by one.
    ShardSpread,
    /// A chunk is decompressed straight into the caller's array.
    DecodedInPlace,
    /// Elements are taken out of the stored bytes, without decoding them first.
    DecodedWithoutCopy,
    /// A checksum is looked at and passed over, without copying what is before it.
    ChecksumInPlace,
    /// A chunk that was never written is filled, without decoding anything.
    Filled,
    /// Bytes are in the chunk cache.
    Cached,
    /// A chunk is encoded straight from the caller's array.
    EncodedInPlace,
    /// What exists of a chunk is not read, since all that lies in the array is written.
    ExistingUnread,
    /// Inner chunks of a shard that is written in part stay as they are stored.
    InnerChunksKept,
    /// A chunk of nothing but the fill value is not stored.
    EmptyLeftOut,
    /// A small chunk is put into its reference.
    Inlined,
    /// A small chunk is put into an object after another one.
    Packed,
}

/// All of them, with their names.
pub const ALL: [(ShortCut, &str); 16] = [
    (ShortCut::ReadInPlace, "read in place"),
    (ShortCut::PartRead, "part read"),
    (ShortCut::RangesJoined, "ranges joined"),
    (ShortCut::InnerChunksRead, "inner chunks read"),
    (ShortCut::ShardSpread, "shard spread"),
    (ShortCut::DecodedInPlace, "decoded in place"),
    (ShortCut::DecodedWithoutCopy, "decoded without copy"),
    (ShortCut::ChecksumInPlace, "checksum in place"),
    (ShortCut::Filled, "filled"),
    (ShortCut::Cached, "cached"),
    (ShortCut::EncodedInPlace, "encoded in place"),
    (ShortCut::ExistingUnread, "existing unread"),
    (ShortCut::InnerChunksKept, "inner chunks kept"),
    (ShortCut::EmptyLeftOut, "empty left out"),
    (ShortCut::Inlined, "inlined"),
    (ShortCut::Packed, "packed"),
];

/// Of the whole process.  Once a chunk and relaxed: nothing waits for it, and nothing is decided by it.
static TAKEN: [AtomicU64; ALL.len()] = [const { AtomicU64::new(0) }; ALL.len()];

impl ShortCut {
    /// Count it.
    pub fn taken(self) {
        if let Some(count) = TAKEN.get(self as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How often each was taken in this process.
pub fn counts() -> impl Iterator<Item = (&'static str, u64)> {
    ALL.iter().zip(&TAKEN).map(|((_, name), count)| (*name, count.load(Ordering::Relaxed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_place_of_its_own() {
        assert!(ALL.iter().enumerate().all(|(place, (cut, _))| *cut as usize == place));
        let of = |name: &str| counts().find(|(each, _)| *each == name).unwrap().1;
        let before = of("cached");
        ShortCut::Cached.taken();
        assert!(of("cached") > before);
    }
}
