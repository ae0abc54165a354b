//! Small chunks of a batch one after the other in shared objects.

use std::borrow::Cow;

use bytes::Bytes;

use crate::assets::ChunkRange;
use crate::chunk_ref::ChunkRef;
use crate::object_id::ObjectId12;
use crate::short_cuts::ShortCut;

/// Encoded chunks of at most this many bytes share objects.
const LONGEST_PACKED: usize = 256 << 10;

/// Bytes of an object that chunks share: what may stay of it while a single chunk of it is referred to.
const LONGEST_PACK: usize = 4 << 20;

/// Batches of fewer chunks are not worth sharing objects.
pub const FEWEST: usize = 8;

/// An object to be stored: one chunk, or several one after the other.
#[derive(Debug, PartialEq, Eq)]
pub struct Object<'s> {
    id: ObjectId12,
    /// Numbers in the batch of its first chunk and of its last.
    items: (usize, usize),
    parts: Vec<Cow<'s, [u8]>>,
}

impl Object<'_> {
    /// Where it is stored.
    pub fn key(&self) -> String {
        ChunkRange { id: self.id, offset: 0, length: 0 }.key()
    }

    /// Numbers in the batch of its first chunk and of its last.
    pub fn items(&self) -> (usize, usize) {
        self.items
    }

    /// Its bytes, in pieces.
    pub fn parts(&self) -> Vec<&[u8]> {
        self.parts.iter().map(Cow::as_ref).collect()
    }

    /// Its bytes, in one piece.
    pub fn into_bytes(mut self) -> Bytes {
        match (self.parts.len(), self.parts.pop()) {
            (1, Some(part)) => Bytes::from(part.into_owned()),
            (_, last) => {
                self.parts.extend(last);
                Bytes::from(self.parts().concat())
            }
        }
    }
}

/// Gives encoded chunks their places in objects, in the order in which they come.
#[derive(Debug, Default)]
pub struct Packer<'s> {
    shares: bool,
    open: Option<Object<'s>>,
    length: usize,
}

impl<'s> Packer<'s> {
    /// One that lets small chunks share objects if `shares`, and none otherwise.
    pub fn new(shares: bool) -> Self {
        Self { shares, open: None, length: 0 }
    }

    /// The place of a chunk, and an object that is complete now, which need not be the chunk's.
    ///
    /// `item` is the number of the chunk in the batch, and `id` names the object if the chunk is the first in it.
    pub fn place(&mut self, item: usize, id: ObjectId12, data: Cow<'s, [u8]>) -> (ChunkRef, Option<Object<'s>>) {
        let length = data.len();
        let at = |id, offset| ChunkRef::Native { id, offset, length: length as u64 };
        if !self.shares || length > LONGEST_PACKED {
            return (at(id, 0), Some(Object { id, items: (item, item), parts: vec![data] }));
        }
        let full = if self.length + length > LONGEST_PACK { self.finish() } else { None };
        let object = self.open.get_or_insert_with(|| Object { id, items: (item, item), parts: Vec::new() });
        object.items.1 = item;
        if !object.parts.is_empty() {
            ShortCut::Packed.taken();
        }
        let reference = at(object.id, self.length as u64);
        object.parts.push(data);
        self.length += length;
        (reference, full)
    }

    /// The object that waits for more chunks.
    pub fn finish(&mut self) -> Option<Object<'s>> {
        self.length = 0;
        self.open.take()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::object_id::ObjectId;

    proptest! {
        #[test]
        fn chunks_are_where_their_references_say(
            lengths in proptest::collection::vec(prop_oneof![1usize..2000, 1usize..2 * LONGEST_PACKED], 0..60),
            shares in any::<bool>(),
        ) {
            let chunks: Vec<Vec<u8>> = lengths.iter().enumerate().map(|(i, &length)| vec![i as u8; length]).collect();
            let mut packer = Packer::new(shares);
            let (mut references, mut objects) = (Vec::new(), Vec::new());
            for (number, chunk) in chunks.iter().enumerate() {
                let (reference, ready) = packer.place(number, ObjectId([number as u8; 12]), Cow::Borrowed(chunk));
                references.push(reference);
                objects.extend(ready);
            }
            objects.extend(packer.finish());
            prop_assert!(packer.finish().is_none());
            let small = lengths.iter().filter(|&&length| length <= LONGEST_PACKED);
            // Two that follow each other would not have fitted into one.
            let packs = if shares { 1 + 2 * small.clone().sum::<usize>() / LONGEST_PACK } else { small.clone().count() };
            prop_assert!(objects.len() <= packs + lengths.len() - small.count());
            let stored: HashMap<_, _> = objects.into_iter().map(|object| (object.id, object.into_bytes())).collect();
            for (chunk, reference) in chunks.iter().zip(references) {
                let ChunkRef::Native { id, offset, length } = reference else { panic!("{reference:?}") };
                let object = &stored[&id];
                prop_assert!(object.len() <= LONGEST_PACK);
                prop_assert!(shares || offset == 0 && length == object.len() as u64);
                prop_assert_eq!(&object[offset as usize..(offset + length) as usize], chunk.as_slice());
            }
        }
    }
}
