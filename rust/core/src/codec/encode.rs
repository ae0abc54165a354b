//! Elements to stored bytes.

use std::borrow::Cow;

use super::byte_order::swap;
use super::chain::Chain;
use super::output::{Elements, Target};
use super::region::{Axis, Region, c_strides};
use super::scratch::Scratch;
use super::shard::{Index, Sharding};
use super::workers;
use crate::error::Result;
use crate::short_cuts::ShortCut;

/// Elements in memory that are written: the regions of chunks say where in them.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Whether chunks of nothing but the fill value are stored too.
    pub keep_empty: bool,
}

/// A chunk as it is stored: bytes of its own, or the source's.
type Stored<'s> = Option<Cow<'s, [u8]>>;

impl Chain {
    /// Encode a chunk: the elements of `region` taken from `source`, the others as they are in `existing`.
    ///
    /// None if nothing but fill values is left and they are not to be kept.
    ///
    /// # Errors
    /// The existing bytes are damaged, or a codec cannot hold the chunk.
    pub fn encode<'s>(
        &self,
        existing: Option<&[u8]>,
        region: &Region,
        source: Source<'s>,
        threads: usize,
        scratch: &mut Scratch,
    ) -> Result<Stored<'s>> {
        match &self.sharding {
            None => self.encode_elements(existing, region, source, scratch),
            Some(sharding) if self.replaces_inner_chunks() || region.covers(&self.shape) => {
                Ok(self.encode_shard(sharding, existing, region, source, threads, scratch)?.map(Cow::Owned))
            }
            Some(sharding) => {
                let whole = Region::whole(&self.shape, self.item);
                let mut buffer = scratch.buffer();
                let memory = buffer.take(self.length());
                let strides = c_strides(&self.shape, self.item);
                let result = self.merge(existing, region, source, memory, &strides, scratch).and_then(|()| {
                    let merged = Source { bytes: memory, ..source };
                    self.encode_shard(sharding, None, &whole, merged, threads, scratch)
                });
                scratch.give_back(buffer);
                Ok(result?.map(Cow::Owned))
            }
        }
    }

    /// Whether inner chunks of a shard that are not written stay as they are, even if they are empty: Zarr writes the
    /// whole shard anew if there are other codecs around it.
    pub fn replaces_inner_chunks(&self) -> bool {
        self.separable().is_some() && self.order.is_none()
    }

    fn encode_elements<'s>(
        &self,
        existing: Option<&[u8]>,
        region: &Region,
        source: Source<'s>,
        scratch: &mut Scratch,
    ) -> Result<Stored<'s>> {
        // A whole chunk that is one run in the source needs no copy, unless its bytes have to be swapped.
        if self.swapped_unit == 1
            && region.covers(&self.shape)
            && let Some(elements) = self.run_as_decoded(region).and_then(|run| source.bytes.get(run))
        {
            ShortCut::EncodedInPlace.taken();
            return self.encode_bytes(elements, source.keep_empty, scratch);
        }
        let mut buffer = scratch.buffer();
        let memory = buffer.take(self.length());
        let result = self.merge(existing, region, source, memory, &self.strides, scratch).and_then(|()| {
            if !source.keep_empty && self.fill.is_all_of(memory) {
                return Ok(None);
            }
            swap(memory, self.swapped_unit);
            Ok(self.encode_bytes(memory, true, scratch)?.map(Cow::into_owned))
        });
        scratch.give_back(buffer);
        Ok(result?.map(Cow::Owned))
    }

    /// Put the elements of a chunk into `memory`, where neighbours along each axis are `strides` bytes apart.
    fn merge(
        &self,
        existing: Option<&[u8]>,
        region: &Region,
        source: Source<'_>,
        memory: &mut [u8],
        strides: &[usize],
        scratch: &mut Scratch,
    ) -> Result<()> {
        let mut memory = memory;
        if !region.covers(&self.shape) {
            match existing {
                Some(stored) => self.decode(stored, &self.standing(strides), &mut memory, scratch)?,
                None => super::strided::fill_run(memory, self.fill.element()),
            }
        }
        // Copied from outside into the chunk: the region the other way round.
        let inward = region.axes.iter().zip(strides);
        let inward: Vec<Axis> = inward
            .map(|(axis, &stride)| Axis { start: 0, step: 1, len: axis.len, stride: axis.step * stride })
            .collect();
        let offset = region.axes.iter().zip(strides).map(|(axis, stride)| axis.start * stride).sum();
        let outward: Vec<usize> = region.axes.iter().map(|axis| axis.stride).collect();
        let bytes = source.bytes.get(region.offset..).unwrap_or_default();
        let elements = Elements { bytes, strides: &outward, item: self.item, base: 0 };
        memory.put(&Region { axes: inward, offset }, elements)
    }

    /// All of a chunk, put into memory of its own.
    fn standing(&self, strides: &[usize]) -> Region {
        let axes = self.shape.iter().zip(strides);
        Region { axes: axes.map(|(&len, &stride)| Axis { start: 0, step: 1, len, stride }).collect(), offset: 0 }
    }

    /// The codecs from bytes to bytes.
    fn encode_bytes<'s>(&self, elements: &'s [u8], keep_empty: bool, scratch: &mut Scratch) -> Result<Stored<'s>> {
        if !keep_empty && self.fill.is_all_of(elements) {
            return Ok(None);
        }
        let Some((first, others)) = self.compression.split_first() else { return Ok(Some(Cow::Borrowed(elements))) };
        let encoded = first.encode(elements, scratch)?;
        let encoded = others.iter().try_fold(encoded, |bytes, codec| codec.encode(&bytes, scratch))?;
        Ok(Some(Cow::Owned(encoded)))
    }

    fn encode_shard(
        &self,
        sharding: &Sharding,
        existing: Option<&[u8]>,
        region: &Region,
        source: Source<'_>,
        threads: usize,
        scratch: &mut Scratch,
    ) -> Result<Option<Vec<u8>>> {
        let existing = existing.filter(|_| !region.covers(&self.shape));
        let existing = existing.map(|stored| self.undo_compression(stored, scratch)).transpose()?;
        let region = self.stored_region(region);
        let Some(shard) = sharding.encode(existing.as_deref(), &region, source, threads, scratch)? else {
            return Ok(None);
        };
        self.compression.iter().try_fold(shard, |bytes, codec| codec.encode(&bytes, scratch)).map(Some)
    }
}

impl Sharding {
    fn encode(
        &self,
        existing: Option<&[u8]>,
        region: &Region,
        source: Source<'_>,
        threads: usize,
        scratch: &mut Scratch,
    ) -> Result<Option<Vec<u8>>> {
        let index = existing.map(|shard| self.index_of(shard)).transpose()?;
        let parts = self.parts(region);
        if existing.is_some() && parts.len() < self.count() {
            ShortCut::InnerChunksKept.taken();
        }
        let encode = |part: &(usize, Region), scratch: &mut Scratch| {
            let (position, part) = part;
            let before = self.before(existing, index.as_ref(), *position)?;
            self.inner.encode(before, part, source, 1, scratch)
        };
        let encoded = if threads > 1 && parts.len() > 1 {
            workers::map(parts.len(), threads, |number, scratch, _| {
                parts.get(number).map_or(Ok(None), |part| encode(part, scratch))
            })?
        } else {
            parts.iter().map(|part| encode(part, scratch)).collect::<Result<_>>()?
        };
        let mut chunks: Vec<Option<Cow<'_, [u8]>>> = Vec::with_capacity(self.count());
        for position in 0..self.count() {
            chunks.push(self.before(existing, index.as_ref(), position)?.map(Into::into));
        }
        for ((position, _), stored) in parts.iter().zip(encoded) {
            if let Some(slot) = chunks.get_mut(*position) {
                *slot = stored;
            }
        }
        Ok(self.assemble(&chunks))
    }

    fn before<'s>(
        &self,
        existing: Option<&'s [u8]>,
        index: Option<&Index>,
        position: usize,
    ) -> Result<Option<&'s [u8]>> {
        match (existing, index) {
            (Some(shard), Some(index)) => index.slice(position, shard),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::codec::chain::ElementKind;
    use crate::codec::fill::{Equality, Fill};

    const FILL: [u8; 2] = [7, 1];

    fn compression() -> impl Strategy<Value = String> {
        let one = prop_oneof![
            Just(r#"{"name": "zstd", "configuration": {"level": 1, "checksum": true}}"#),
            Just(r#"{"name": "gzip", "configuration": {"level": 1}}"#),
            Just(r#"{"name": "crc32c"}"#),
            Just(
                r#"{"name": "blosc", "configuration":
                    {"cname": "lz4", "clevel": 5, "shuffle": "shuffle", "typesize": 2, "blocksize": 0}}"#
            ),
        ];
        proptest::collection::vec(one, 0..3).prop_map(|list| list.iter().map(|codec| format!(", {codec}")).collect())
    }

    /// Codecs for chunks of `shape`, which is divided by 2 on every level of shards.
    fn codecs(rank: usize, shards: usize, shape: Vec<usize>) -> BoxedStrategy<String> {
        let order = Just((0..rank).collect::<Vec<_>>()).prop_shuffle();
        let serialiser = if shards == 0 {
            prop_oneof![Just("little"), Just("big")]
                .prop_map(|endian| format!(r#"{{"name": "bytes", "configuration": {{"endian": "{endian}"}}}}"#))
                .boxed()
        } else {
            let inner_shape: Vec<usize> = shape.iter().map(|size| size / 2).collect();
            let places = prop_oneof![Just("start"), Just("end")];
            let orders = prop_oneof![Just("morton"), Just("lexicographic"), Just("colexicographic")];
            (codecs(rank, shards - 1, inner_shape.clone()), places, orders)
                .prop_map(move |(inner, place, order)| {
                    format!(
                        r#"{{"name": "sharding_indexed", "configuration": {{"chunk_shape": {inner_shape:?},
                            "codecs": {inner}, "index_location": "{place}", "subchunk_write_order": "{order}",
                            "index_codecs": [{{"name": "bytes", "configuration": {{"endian": "big"}}}},
                                             {{"name": "crc32c"}}]}}}}"#
                    )
                })
                .boxed()
        };
        (order, serialiser, compression())
            .prop_map(move |(order, serialiser, compression)| {
                // All axes of a chunk have one size, so that a transposed shard is divided alike.
                format!(
                    r#"[{{"name": "transpose", "configuration": {{"order": {order:?}}}}}, {serialiser}{compression}]"#
                )
            })
            .boxed()
    }

    fn chains() -> impl Strategy<Value = Chain> {
        (1usize..4, 0usize..3, 1usize..3).prop_flat_map(|(rank, shards, size)| {
            let shape = vec![size << shards; rank];
            codecs(rank, shards, shape.clone()).prop_map(move |codecs| {
                let fill = Arc::new(Fill::new(&FILL, Equality::Bits).unwrap());
                let kind = ElementKind { size: 2, unit: 2, big_endian: false, fill };
                crate::codec::chain_from_json(&codecs, &shape, &kind).unwrap()
            })
        })
    }

    /// A region of a chunk and a chunk-shaped array outside, the elements at their own places.
    fn region_in_place(shape: &[usize], picks: &[(usize, usize, usize)]) -> Region {
        let strides = crate::codec::region::c_strides(shape, 2);
        let mut offset = 0;
        let axes = shape.iter().zip(&strides).zip(picks).map(|((&size, &stride), &(a, b, c))| {
            let (start, step) = (a % size, 1 + b % 3);
            let len = 1 + c % ((size - 1 - start) / step + 1);
            offset += start * stride;
            Axis { start, step, len, stride: stride * step }
        });
        let axes = axes.collect();
        Region { axes, offset }
    }

    fn indices(region: &Region) -> Vec<usize> {
        region.axes.iter().fold(vec![region.offset], |all, axis| {
            all.iter().flat_map(|&at| (0..axis.len).map(move |i| at + i * axis.stride)).collect()
        })
    }

    fn picks() -> impl Strategy<Value = Vec<(usize, usize, usize)>> {
        proptest::collection::vec((any::<usize>(), any::<usize>(), any::<usize>()), 3)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn writes_and_reads_are_those_of_plain_memory(
            chain in chains(),
            writes in proptest::collection::vec((picks(), any::<u8>(), any::<bool>()), 1..4),
            read in picks(),
            keep_empty in any::<bool>(),
            threads in 1usize..3,
        ) {
            let mut scratch = Scratch::default();
            let shape = chain.shape().to_vec();
            let mut expected = FILL.repeat(chain.length() / 2);
            let mut stored = None;
            for (picks, seed, whole) in writes {
                let region = if whole { Region::whole(&shape, 2) } else { region_in_place(&shape, &picks) };
                // Now and then the fill value itself.
                let value: Vec<u8> = (0..chain.length()).map(|i| if seed < 60 { FILL[i % 2] } else { (i as u8).wrapping_mul(seed) }).collect();
                for at in indices(&region) {
                    expected[at..at + 2].copy_from_slice(&value[at..at + 2]);
                }
                let source = Source { bytes: &value, keep_empty };
                let encoded = chain.encode(stored.as_deref(), &region, source, threads, &mut scratch).unwrap();
                stored = encoded.map(Cow::into_owned);
                if let Some(stored) = &stored {
                    prop_assert!(stored.len() <= chain.bound());
                } else {
                    prop_assert!(!keep_empty && expected == FILL.repeat(chain.length() / 2));
                }
            }
            let Some(stored) = stored else { return Ok(()) };
            let mut whole = vec![0; chain.length()];
            chain.decode(&stored, &Region::whole(&shape, 2), &mut whole.as_mut_slice(), &mut scratch).unwrap();
            prop_assert_eq!(&whole, &expected);
            let region = region_in_place(&shape, &read);
            let mut part = vec![0; chain.length()];
            chain.decode(&stored, &region, &mut part.as_mut_slice(), &mut scratch).unwrap();
            let mut wanted = vec![0; chain.length()];
            for at in indices(&region) {
                wanted[at..at + 2].copy_from_slice(&expected[at..at + 2]);
            }
            prop_assert_eq!(part, wanted);
        }

        #[test]
        fn damaged_chunks_are_errors_or_harmless(
            chain in chains(), seed in any::<u8>(), places in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6), cut in any::<usize>(), read in picks()
        ) {
            let mut scratch = Scratch::default();
            let shape = chain.shape().to_vec();
            let value: Vec<u8> = (0..chain.length()).map(|i| (i as u8).wrapping_mul(seed)).collect();
            let source = Source { bytes: &value, keep_empty: true };
            let stored = chain.encode(None, &Region::whole(&shape, 2), source, 1, &mut scratch).unwrap();
            let mut stored = stored.unwrap().into_owned();
            let whole = Region::whole(&shape, 2);
            let mut part = vec![0; chain.length()];
            let cut = &stored[..cut % stored.len()];
            prop_assert!(chain.decode(cut, &whole, &mut part.as_mut_slice(), &mut scratch).is_err());
            for (place, byte) in places {
                let place = place % stored.len();
                stored[place] = byte;
            }
            let region = region_in_place(&shape, &read);
            let _ = chain.decode(&stored, &region, &mut part.as_mut_slice(), &mut scratch);
            let _ = chain.encode(Some(&stored), &region, source, 1, &mut scratch);
        }
    }
}
