//! Stored bytes to elements.

use std::borrow::Cow;

use super::byte_order::swap;
use super::chain::Chain;
use super::compression::Compression;
use super::output::Target;
use super::region::Region;
use super::scratch::Scratch;
use super::shard::Sharding;
use super::{crc32c, expect_length};
use crate::error::Result;
use crate::short_cuts::ShortCut;

impl Chain {
    /// Decode a chunk and put the elements of `region` where it says.
    ///
    /// # Errors
    /// The bytes are damaged, or are not those of a chunk of this shape.
    pub fn decode(&self, stored: &[u8], region: &Region, target: &mut dyn Target, scratch: &mut Scratch) -> Result<()> {
        let (stored, compression) = self.without_checksums(stored)?;
        match (&self.sharding, compression) {
            (Some(sharding), _) => {
                let shard = self.decompressed(stored, compression, scratch)?;
                let region = self.stored_region(region);
                sharding.decode(&shard, &region, target, scratch)
            }
            (None, []) if self.swapped_unit == 1 => {
                expect_length(stored, self.length())?;
                ShortCut::DecodedWithoutCopy.taken();
                target.put(region, self.plain_elements(stored))
            }
            (None, _) => self.decode_elements(stored, compression, region, target, scratch),
        }
    }

    /// Checksums at the end are looked at without a copy.
    fn without_checksums<'s, 'c>(&'c self, stored: &'s [u8]) -> Result<(&'s [u8], &'c [Compression])> {
        let (mut stored, mut compression) = (stored, self.compression.as_slice());
        while let [before @ .., Compression::Crc32c] = compression {
            stored = crc32c::verified(stored)?;
            ShortCut::ChecksumInPlace.taken();
            compression = before;
        }
        Ok((stored, compression))
    }

    /// Undo the codecs from bytes to bytes.
    pub(super) fn undo_compression<'s>(&self, stored: &'s [u8], scratch: &mut Scratch) -> Result<Cow<'s, [u8]>> {
        let (stored, compression) = self.without_checksums(stored)?;
        self.decompressed(stored, compression, scratch)
    }

    /// Undo all of `compression`, the first part of this chain's.
    fn decompressed<'s>(
        &self,
        stored: &'s [u8],
        compression: &[Compression],
        scratch: &mut Scratch,
    ) -> Result<Cow<'s, [u8]>> {
        let mut bytes = Cow::Borrowed(stored);
        for (before, codec) in compression.iter().enumerate().rev() {
            bytes = Cow::Owned(codec.decode_within(&bytes, self.bound_before(before), scratch)?);
        }
        Ok(bytes)
    }

    fn decode_elements(
        &self,
        stored: &[u8],
        compression: &[Compression],
        region: &Region,
        target: &mut dyn Target,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let length = self.length();
        let decode = |memory: &mut [u8], scratch: &mut Scratch| {
            match compression.split_first() {
                Some((first, others)) => {
                    let mut bytes = Cow::Borrowed(stored);
                    for (before, codec) in others.iter().enumerate().rev() {
                        bytes = Cow::Owned(codec.decode_within(&bytes, self.bound_before(before + 1), scratch)?);
                    }
                    first.decode_exact(&bytes, memory, scratch)?;
                }
                None => {
                    expect_length(stored, memory.len())?;
                    memory.copy_from_slice(stored);
                }
            }
            swap(memory, self.swapped_unit);
            Ok(())
        };
        // A whole chunk that is one run outside is decoded where it belongs.
        if region.covers(&self.shape)
            && let Some(run) = self.run_as_decoded(region)
            && target.write_run(run, &mut |memory| decode(memory, scratch))?
        {
            ShortCut::DecodedInPlace.taken();
            return Ok(());
        }
        let mut buffer = scratch.buffer();
        let result = decode(buffer.take(length), scratch)
            .and_then(|()| target.put(region, self.plain_elements(buffer.take(length))));
        scratch.give_back(buffer);
        result
    }
}

impl Sharding {
    /// Decode the inner chunks of a shard that `region` touches.
    pub(super) fn decode(
        &self,
        shard: &[u8],
        region: &Region,
        target: &mut dyn Target,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let index = self.index_of(shard)?;
        for (position, part) in self.parts(region) {
            match index.slice(position, shard)? {
                Some(stored) => self.inner.decode(stored, &part, target, scratch)?,
                None => {
                    ShortCut::Filled.taken();
                    target.put_fill(&part, self.inner.fill.element())?;
                }
            }
        }
        Ok(())
    }

    /// The inner chunks that `region` touches, each with its part of the region.
    pub fn parts(&self, region: &Region) -> Vec<(usize, Region)> {
        let ranges: Vec<(usize, usize)> = region
            .axes
            .iter()
            .zip(self.inner.shape())
            .map(|(axis, &size)| {
                let (first, last) = axis.bounds();
                (first / size, last / size)
            })
            .collect();
        let mut parts = Vec::new();
        let mut cell: Vec<usize> = ranges.iter().map(|(first, _)| *first).collect();
        loop {
            let from: Vec<usize> = cell.iter().zip(self.inner.shape()).map(|(index, size)| index * size).collect();
            if let Some(part) = region.within(&from, self.inner.shape()) {
                let position = cell.iter().zip(&self.grid).fold(0, |position, (index, cells)| position * cells + index);
                parts.push((position, part));
            }
            let next = cell.iter_mut().zip(&ranges).rev().find_map(|(index, (first, last))| {
                if *index < *last {
                    *index += 1;
                    return Some(());
                }
                *index = *first;
                None
            });
            if next.is_none() {
                return parts;
            }
        }
    }
}
