//! Where the bytes of the chunks of a batch are.

use std::ops::Range;

use bytes::Bytes;

use super::{Batch, Foreign};
use crate::assets::ChunkRange;
use crate::chunk_ref::ChunkRef;
use crate::error::{Error, ErrorKind, Result, Within};
use crate::short_cuts::ShortCut;

/// The bytes of a chunk, or of a part of one.
#[derive(Debug, Clone)]
pub enum Stored {
    /// Never written.
    Missing,
    /// At hand.
    Bytes(Bytes),
    /// A range of an object.
    Range(ChunkRange),
}

impl Batch<'_> {
    /// Where the chunks `items` are; virtual ones are fetched.
    pub(super) fn locate(
        &self,
        items: Range<usize>,
        wanted: impl Fn(usize) -> bool,
        foreign: &Foreign<'_>,
    ) -> Result<Vec<Stored>> {
        let coords: Vec<&[u32]> = items.clone().map(|item| self.coords_of(item)).collect();
        self.reader.fetch_manifests(&coords)?;
        let (mut virtual_ones, mut labels) = (Vec::new(), Vec::new());
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            let reference = if wanted(item) {
                self.reader.lookup(self.coords_of(item)).within(|| self.named("find_chunk", item))?
            } else {
                None
            };
            found.push(match reference {
                None => Stored::Missing,
                Some(ChunkRef::Inline(data)) => Stored::Bytes(data),
                Some(ChunkRef::Native { id, offset, length }) => {
                    let range = ChunkRange { id, offset, length };
                    let cached = self.reader.assets().cached_chunk(&range).inspect(|_| ShortCut::Cached.taken());
                    cached.map_or(Stored::Range(range), Stored::Bytes)
                }
                Some(reference @ ChunkRef::Virtual { .. }) => {
                    labels.push(self.label(item, item));
                    virtual_ones.push((found.len(), reference));
                    Stored::Missing
                }
            });
        }
        if !virtual_ones.is_empty() {
            let (places, references): (Vec<usize>, Vec<ChunkRef>) = virtual_ones.into_iter().unzip();
            let fetched = foreign(&references, labels)?;
            if fetched.len() != places.len() {
                return Err(Error::new(ErrorKind::Internal, "not every virtual chunk was fetched"));
            }
            for (place, data) in places.into_iter().zip(fetched) {
                if let Some(slot) = found.get_mut(place) {
                    *slot = Stored::Bytes(data);
                }
            }
        }
        Ok(found)
    }
}
