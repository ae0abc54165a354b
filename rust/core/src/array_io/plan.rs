//! What is fetched together, and what is decoded from it.

use std::borrow::Cow;

use super::Batch;
use super::locate::Stored;
use crate::assets::ChunkRange;
use crate::codec::shard::{Index, Sharding};
use crate::codec::{Chain, Region};
use crate::error::{Error, ErrorKind, Result, Within};
use crate::short_cuts::ShortCut;

/// Touching ranges are read together up to this length: beyond, another thread may as well take a part.
const LONGEST_UNIT: u64 = 1 << 20;

/// How the bytes of a piece become elements.
pub enum Decoding<'a> {
    /// A chunk, or an inner chunk of a shard.
    Chain(&'a Chain),
    /// Elements as they are in memory, from this byte of the chunk.
    Plain(usize),
    /// It was never written.
    Fill,
}

/// A chunk or a part of one.
pub struct Piece<'a> {
    /// Number of the chunk in the batch.
    pub item: usize,
    pub decoding: Decoding<'a>,
    pub region: Cow<'a, Region>,
    /// First byte in those of the unit, and number of bytes.
    from: u64,
    length: u64,
}

impl Piece<'_> {
    /// The bytes of this piece in those of its unit.
    pub fn of<'s>(&self, unit: &'s [u8]) -> Result<&'s [u8]> {
        let range = usize::try_from(self.from).ok().zip(usize::try_from(self.from.saturating_add(self.length)).ok());
        let bytes = range.and_then(|(from, to)| unit.get(from..to));
        bytes.ok_or_else(|| Error::new(ErrorKind::Internal, "a fetched range is shorter than it was planned"))
    }
}

/// Bytes that are fetched at once and decoded by one thread.
pub struct Unit<'a> {
    pub stored: Stored,
    pub pieces: Vec<Piece<'a>>,
}

/// Units as they are planned, one chunk after the other.
#[derive(Default)]
pub struct Units<'a> {
    pub units: Vec<Unit<'a>>,
}

impl<'a> Units<'a> {
    fn push(&mut self, stored: Stored, item: usize, decoding: Decoding<'a>, region: Cow<'a, Region>) {
        let length = match &stored {
            Stored::Missing => 0,
            Stored::Bytes(data) => data.len() as u64,
            Stored::Range(range) => range.length,
        };
        let mut piece = Piece { item, decoding, region, from: 0, length };
        if let (Some(Unit { stored: Stored::Range(before), pieces }), Stored::Range(range)) =
            (self.units.last_mut(), &stored)
            && before.id == range.id
            && before.offset.checked_add(before.length) == Some(range.offset)
            && before.length + range.length <= LONGEST_UNIT
        {
            ShortCut::RangesJoined.taken();
            piece.from = before.length;
            before.length += range.length;
            pieces.push(piece);
            return;
        }
        self.units.push(Unit { stored, pieces: vec![piece] });
    }
}

impl<'a> Batch<'a> {
    /// Plan how the chunks from `first` on, found at `stored`, are read.
    ///
    /// `spread` asks for the inner chunks of whole shards one by one, so that threads can share them.
    pub(super) fn plan(&'a self, first: usize, stored: Vec<Stored>, spread: bool) -> Result<Units<'a>> {
        let mut units = Units::default();
        let Some(sharding) = self.chain.separable() else {
            for (item, stored) in (first..).zip(stored) {
                self.plan_chunk(item, stored, &mut units)?;
            }
            return Ok(units);
        };
        let mut shards = Vec::with_capacity(stored.len());
        for (item, stored) in (first..).zip(stored) {
            if let Some(region) = self.regions.get(item) {
                let region = self.chain.stored_region(region);
                shards.push(Shard { item, stored, parts: sharding.parts(&region), index: None });
            }
        }
        self.fetch_for(&mut shards, sharding, spread)?;
        for shard in shards {
            let item = shard.item;
            self.plan_shard(shard, sharding, &mut units).within(|| self.named("decode_chunk", item))?;
        }
        Ok(units)
    }

    fn plan_chunk(&'a self, item: usize, stored: Stored, units: &mut Units<'a>) -> Result<()> {
        let Some(region) = self.regions.get(item) else { return Ok(()) };
        let region = Cow::Borrowed(region);
        match stored {
            Stored::Missing => units.push(stored, item, Decoding::Fill, region),
            Stored::Range(range) if self.chain.is_plain() && range.length == self.chain.length() as u64 => {
                let (from, to) = self.chain.byte_bounds(&region);
                let part = range.part(from as u64, to as u64)?;
                if part.length < range.length {
                    ShortCut::PartRead.taken();
                }
                units.push(Stored::Range(part), item, Decoding::Plain(from), region);
            }
            stored => units.push(stored, item, Decoding::Chain(self.chain), region),
        }
        Ok(())
    }

    /// Fetch the indexes of shards that are read in part, and whole shards that are to be spread.
    fn fetch_for(&self, shards: &mut [Shard], sharding: &Sharding, spread: bool) -> Result<()> {
        let mut asked = Vec::new();
        for (number, shard) in shards.iter().enumerate() {
            let Stored::Range(range) = &shard.stored else { continue };
            if shard.parts.len() < sharding.count() {
                asked.push((number, index_range(*range, sharding).within(|| self.named("decode_chunk", shard.item))?));
            } else if spread {
                asked.push((number, *range));
            }
        }
        let ranges: Vec<ChunkRange> = asked.iter().map(|(_, range)| *range).collect();
        let item = |number: usize| asked.get(number).and_then(|(number, _)| shards.get(*number)).map_or(0, |s| s.item);
        let label = |first, last| self.label(item(first), item(last));
        let fetched = self.reader.assets().chunk_batch_for(&ranges, 0, Some(&label))?;
        for ((number, range), data) in asked.into_iter().zip(fetched) {
            let Some(shard) = shards.get_mut(number) else { continue };
            if matches!(&shard.stored, Stored::Range(whole) if *whole == range) {
                shard.stored = Stored::Bytes(data);
            } else {
                shard.index = Some(sharding.read_index(&data).within(|| self.named("decode_chunk", shard.item))?);
            }
        }
        Ok(())
    }

    fn plan_shard(&'a self, shard: Shard, sharding: &'a Sharding, units: &mut Units<'a>) -> Result<()> {
        let Shard { item, stored, parts, index } = shard;
        let Some(region) = self.regions.get(item) else { return Ok(()) };
        match (stored, index) {
            (Stored::Missing, _) => units.push(Stored::Missing, item, Decoding::Fill, Cow::Borrowed(region)),
            (Stored::Bytes(data), _) => {
                let index = sharding.index_of(&data)?;
                ShortCut::ShardSpread.taken();
                for (position, part) in parts {
                    let inner = index.slice(position, &data)?.map(|inner| data.slice_ref(inner));
                    push_inner(inner.map(Stored::Bytes), item, sharding, part, units);
                }
            }
            (Stored::Range(whole), Some(index)) => {
                ShortCut::InnerChunksRead.taken();
                let mut found: Vec<(Option<ChunkRange>, Region)> = Vec::with_capacity(parts.len());
                for (position, part) in parts {
                    let range = index.get(position)?.map(|(offset, length)| inner_range(whole, offset, length));
                    found.push((range.transpose()?, part));
                }
                // In the order in which they lie in the shard, so that neighbours are read together.
                found.sort_by_key(|(range, _)| range.map(|range| range.offset));
                for (range, part) in found {
                    push_inner(range.map(Stored::Range), item, sharding, part, units);
                }
            }
            (whole @ Stored::Range(_), None) => {
                units.push(whole, item, Decoding::Chain(self.chain), Cow::Borrowed(region));
            }
        }
        Ok(())
    }
}

fn push_inner<'a>(inner: Option<Stored>, item: usize, sharding: &'a Sharding, part: Region, units: &mut Units<'a>) {
    let decoding = if inner.is_some() { Decoding::Chain(&sharding.inner) } else { Decoding::Fill };
    units.push(inner.unwrap_or(Stored::Missing), item, decoding, Cow::Owned(part));
}

/// A chunk that is a shard.
struct Shard {
    item: usize,
    stored: Stored,
    /// Positions of the inner chunks that are touched, with their parts of the region.
    parts: Vec<(usize, Region)>,
    index: Option<Index>,
}

fn index_range(shard: ChunkRange, sharding: &Sharding) -> Result<ChunkRange> {
    let length = sharding.index_length() as u64;
    let Some(start) = shard.length.checked_sub(length) else { return Err(too_short(shard, length)) };
    if sharding.at_start { shard.part(0, length) } else { shard.part(start, shard.length) }
}

fn inner_range(shard: ChunkRange, offset: u64, length: u64) -> Result<ChunkRange> {
    let end = offset.saturating_add(length);
    if end > shard.length {
        return Err(too_short(shard, end));
    }
    shard.part(offset, end)
}

fn too_short(shard: ChunkRange, needed: u64) -> Error {
    Error::new(
        ErrorKind::Deserialization,
        format!("the stored bytes are damaged: a shard of {} bytes should have {needed} or more", shard.length),
    )
}
