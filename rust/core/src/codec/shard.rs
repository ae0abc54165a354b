//! Shards: many inner chunks and an index of them in one object.

use super::chain::Chain;
use super::{crc32c, damaged, expect_length};
use crate::error::Result;

/// Marks an inner chunk that was never written, in both columns of the index.
const ABSENT: u64 = u64::MAX;
/// Bytes of an entry of the index: offset and length.
const ENTRY: usize = 16;

/// In which order a writer puts inner chunks into a shard; readers do not care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOrder {
    /// Along a Z-curve, Zarr's default.
    Morton,
    /// Last axis fastest.
    Lexicographic,
    /// First axis fastest.
    Colexicographic,
}

/// The `sharding_indexed` codec.
#[derive(Debug)]
pub struct Sharding {
    /// Inner chunks along each axis of what is sharded.
    pub grid: Vec<usize>,
    /// The codecs of an inner chunk.
    pub inner: Chain,
    /// The index has big-endian numbers.
    pub big_endian: bool,
    /// How many checksums follow the index.
    pub checksums: usize,
    /// The index comes first.
    pub at_start: bool,
    /// How inner chunks are put in order when a shard is written.
    pub order: WriteOrder,
}

impl Sharding {
    /// Number of inner chunks.
    pub fn count(&self) -> usize {
        self.grid.iter().fold(1, |count, &cells| count.saturating_mul(cells))
    }

    /// Bytes of the index.
    pub fn index_length(&self) -> usize {
        self.count().saturating_mul(ENTRY).saturating_add(self.checksums * crc32c::LENGTH)
    }

    /// The position of every inner chunk in the index, with the coordinates of its first element in the shard.
    pub fn cells(&self) -> impl Iterator<Item = (usize, Vec<usize>)> {
        (0..self.count()).map(|position| (position, self.origin(position)))
    }

    /// The coordinates in the shard of the first element of an inner chunk.
    pub fn origin(&self, position: usize) -> Vec<usize> {
        let mut rest = position;
        let mut origin: Vec<usize> = self
            .grid
            .iter()
            .zip(self.inner.shape())
            .rev()
            .map(|(&cells, &size)| {
                let index = rest % cells;
                rest /= cells;
                index * size
            })
            .collect();
        origin.reverse();
        origin
    }

    /// Read an index.
    ///
    /// # Errors
    /// Its length or a checksum is wrong.
    pub fn read_index(&self, bytes: &[u8]) -> Result<Index> {
        expect_length(bytes, self.index_length())?;
        let mut bytes = bytes;
        for _ in 0..self.checksums {
            bytes = crc32c::verified(bytes)?;
        }
        let number =
            |bytes: &[u8; 8]| if self.big_endian { u64::from_be_bytes(*bytes) } else { u64::from_le_bytes(*bytes) };
        let numbers = bytes.as_chunks::<8>().0.as_chunks::<2>().0;
        Ok(Index { entries: numbers.iter().map(|[offset, length]| (number(offset), number(length))).collect() })
    }

    /// The index of a whole shard.
    ///
    /// # Errors
    /// The shard is too short, or the index is damaged.
    pub fn index_of(&self, shard: &[u8]) -> Result<Index> {
        let length = self.index_length();
        let index = if self.at_start {
            shard.get(..length)
        } else {
            shard.len().checked_sub(length).and_then(|start| shard.get(start..))
        };
        self.read_index(index.ok_or_else(|| {
            damaged("sharding_indexed", format!("{} bytes are too few for an index of {length}", shard.len()))
        })?)
    }

    /// A shard of these encoded inner chunks, by position; None if there are none.
    pub fn assemble<B: AsRef<[u8]>>(&self, chunks: &[Option<B>]) -> Option<Vec<u8>> {
        let present = |position: usize| chunks.get(position).and_then(Option::as_ref).map(AsRef::as_ref);
        let total: usize = (0..chunks.len()).filter_map(present).map(<[u8]>::len).sum();
        if total == 0 {
            return None;
        }
        let mut shard = Vec::with_capacity(total + self.index_length());
        let mut entries = vec![(ABSENT, ABSENT); self.count()];
        if self.at_start {
            shard.resize(self.index_length(), 0);
        }
        for position in self.written_order() {
            let Some(chunk) = present(position).filter(|chunk| !chunk.is_empty()) else { continue };
            if let Some(entry) = entries.get_mut(position) {
                *entry = (shard.len() as u64, chunk.len() as u64);
            }
            shard.extend_from_slice(chunk);
        }
        let index = self.write_index(&entries);
        if self.at_start {
            shard.get_mut(..index.len())?.copy_from_slice(&index);
        } else {
            shard.extend_from_slice(&index);
        }
        Some(shard)
    }

    fn write_index(&self, entries: &[(u64, u64)]) -> Vec<u8> {
        let bytes = |number: u64| if self.big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
        let mut index: Vec<u8> =
            entries.iter().flat_map(|&(offset, length)| [bytes(offset), bytes(length)]).flatten().collect();
        (0..self.checksums).for_each(|_| crc32c::append(&mut index));
        index
    }

    /// Positions of inner chunks in the order in which they are written.
    fn written_order(&self) -> Vec<usize> {
        let mut positions: Vec<usize> = (0..self.count()).collect();
        match self.order {
            WriteOrder::Lexicographic => {}
            WriteOrder::Colexicographic => positions.sort_by_cached_key(|&position| {
                let mut cell = self.cell(position);
                cell.reverse();
                cell
            }),
            WriteOrder::Morton => positions.sort_by_cached_key(|&position| self.morton_code(&self.cell(position))),
        }
        positions
    }

    fn cell(&self, position: usize) -> Vec<usize> {
        self.origin(position).iter().zip(self.inner.shape()).map(|(start, size)| start / size.max(&1)).collect()
    }

    /// The bits of the coordinates, interleaved from the lowest up, the first axis lowest; an axis has as many bits as its
    /// largest index, and is passed over when they are used up.
    fn morton_code(&self, cell: &[usize]) -> u128 {
        let bits: Vec<u32> =
            self.grid.iter().map(|&cells| usize::BITS - cells.saturating_sub(1).leading_zeros()).collect();
        let mut code = 0u128;
        let mut place = 0u32;
        for bit in 0..bits.iter().copied().max().unwrap_or(0) {
            for (index, _) in cell.iter().zip(&bits).filter(|(_, bits)| bit < **bits) {
                code |= ((index >> bit & 1) as u128).checked_shl(place).unwrap_or(0);
                place += 1;
            }
        }
        code
    }
}

/// Where the inner chunks of a shard are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    entries: Vec<(u64, u64)>,
}

impl Index {
    /// Offset and length of an inner chunk in its shard; None if it was never written.
    ///
    /// # Errors
    /// The entry ends beyond any shard.
    pub fn get(&self, position: usize) -> Result<Option<(u64, u64)>> {
        match self.entries.get(position) {
            None | Some(&(ABSENT, _)) => Ok(None),
            Some(&(offset, length)) if offset.checked_add(length).is_some() => Ok(Some((offset, length))),
            Some(_) => Err(damaged("sharding_indexed", "the index points beyond any shard")),
        }
    }

    /// The bytes of an inner chunk in its shard; None if it was never written.
    ///
    /// # Errors
    /// The index points outside of the shard.
    pub fn slice<'s>(&self, position: usize, shard: &'s [u8]) -> Result<Option<&'s [u8]>> {
        let Some((offset, length)) = self.get(position)? else { return Ok(None) };
        let range = usize::try_from(offset).ok().zip(usize::try_from(offset + length).ok());
        let chunk = range.and_then(|(start, end)| shard.get(start..end));
        chunk.map(Some).ok_or_else(|| damaged("sharding_indexed", "the index points outside of the shard"))
    }
}
