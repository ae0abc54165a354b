//! Chunks into an array.

use std::ops::Range;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;

use bytes::Bytes;

use super::locate::Stored;
use super::plan::{Decoding, Piece, Unit};
use super::{Batch, Foreign, worthwhile_threads};
use crate::assets::ChunkRange;
use crate::codec::output::{Elements, RowPlan, Slabs, Target};
use crate::codec::scratch::Scratch;
use crate::codec::workers;
use crate::error::{Error, ErrorKind, Result, Within};
use crate::interrupt;
use crate::short_cuts::ShortCut;

/// Chunks, or inner chunks of shards, that are looked up before the first of them is read.
const BLOCK: usize = 16 << 10;
/// Bytes of decoded chunks in a block: virtual ones are held in memory until they are decoded.
const BLOCK_BYTES: usize = 256 << 20;
/// The longest chunk that is read before its true length is known.
const MOST_SCRATCH: usize = 16 << 20;
/// Bytes that are fetched from a network before the first of them is decoded.
const WINDOW_BYTES: u64 = 32 << 20;

/// Put the regions of a batch into `memory`, an array of `shape` in C order; the chunks that were never written.
///
/// Regions must not overlap, or it is not known which of them wins.
///
/// # Errors
/// A chunk cannot be fetched, or its bytes are damaged.
pub fn read(batch: &Batch<'_>, foreign: &Foreign<'_>, memory: &mut [u8], shape: &[usize]) -> Result<Vec<usize>> {
    let chain = batch.chain;
    let inner = chain.separable().map_or(1, |sharding| sharding.count().max(1));
    let block = (BLOCK / inner).min(BLOCK_BYTES / chain.length().max(1)).max(1);
    let threads = worthwhile_threads(chain, batch.regions.len());
    let slabs = Slabs::new(memory, &RowPlan::new(shape, chain.item(), batch.regions.iter(), threads));
    let mut missing = Vec::new();
    let mut first = 0;
    while first < batch.regions.len() {
        let items = first..(first + block).min(batch.regions.len());
        let stored = batch.locate(items.clone(), |_| true, foreign)?;
        let absent = items.clone().zip(&stored).filter(|(_, stored)| matches!(stored, Stored::Missing));
        missing.extend(absent.map(|(item, _)| item));
        let units = batch.plan(first, stored, items.len() < threads * 2)?.units;
        Reading { batch, units: &units, slabs: &slabs, threads }.run()?;
        first = items.end;
    }
    Ok(missing)
}

/// The units of a block on their way into memory.
struct Reading<'a, 'm> {
    batch: &'a Batch<'a>,
    units: &'a [Unit<'a>],
    slabs: &'a Slabs<'m>,
    threads: usize,
}

impl Reading<'_, '_> {
    fn run(&self) -> Result<()> {
        if self.batch.reader.assets().store().is_local() {
            // Each thread reads for itself: a file takes less time than handing over what is in it.
            return workers::run(self.units.len(), self.threads, |number, scratch, thread| {
                let Some(unit) = self.units.get(number) else { return Ok(()) };
                match &unit.stored {
                    Stored::Missing => self.decode(unit, &[], scratch, thread),
                    Stored::Bytes(data) => self.decode(unit, data, scratch, thread),
                    Stored::Range(range) if self.read_in_place(unit, *range, thread)? => Ok(()),
                    Stored::Range(range) => self.read_and_decode(unit, *range, scratch, thread),
                }
            });
        }
        let windows = self.windows();
        if let [window] = windows.as_slice() {
            return self.decode_window(window.clone(), &self.fetch(window.clone())?);
        }
        // One window is fetched while the one before it is decoded.
        thread::scope(|scope| {
            let (sender, receiver) = sync_channel(1);
            let fetcher = thread::Builder::new().spawn_scoped(scope, move || {
                for window in windows {
                    let fetched = self.fetch(window.clone());
                    let failed = fetched.is_err();
                    if sender.send((window, fetched)).is_err() || failed {
                        break;
                    }
                }
            });
            fetcher.map_err(|error| Error::new(ErrorKind::Io, format!("no thread can be started: {error}")))?;
            loop {
                match receiver.recv_timeout(interrupt::INTERVAL) {
                    Ok((window, fetched)) => self.decode_window(window, &fetched?)?,
                    Err(RecvTimeoutError::Timeout) => interrupt::check()?,
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                }
            }
        })
    }

    /// Read elements that lie in the store as they will lie in memory; false if they do not.
    fn read_in_place(&self, unit: &Unit<'_>, range: ChunkRange, thread: usize) -> Result<bool> {
        let [Piece { item, decoding: Decoding::Plain(_), region, .. }] = unit.pieces.as_slice() else {
            return Ok(false);
        };
        // In the same order, and as long as the range that it is selected from, so it is all of it.
        let run = self.batch.chain.run_as_decoded(region).filter(|run| run.len() as u64 == range.length);
        let Some(run) = run else { return Ok(false) };
        let assets = self.batch.reader.assets();
        let read = self.slabs.view(thread).write_run(run, &mut |memory| assets.chunk_into(range, memory));
        let read = read.within(|| self.batch.named("decode_chunk", *item))?;
        if read {
            ShortCut::ReadInPlace.taken();
        }
        Ok(read)
    }

    fn read_and_decode(&self, unit: &Unit<'_>, range: ChunkRange, scratch: &mut Scratch, thread: usize) -> Result<()> {
        let assets = self.batch.reader.assets();
        match usize::try_from(range.length) {
            // Into memory that this thread has used before: new memory costs more than what is read into it.
            Ok(length) if length <= MOST_SCRATCH => {
                let mut buffer = scratch.buffer();
                let read = assets.chunk_into(range, buffer.take(length));
                let result = read.and_then(|()| self.decode(unit, buffer.take(length), scratch, thread));
                scratch.give_back(buffer);
                result
            }
            _ => self.decode(unit, &assets.chunk_part(range, 0, range.length)?, scratch, thread),
        }
    }

    /// The units, cut into ranges that are fetched together.
    fn windows(&self) -> Vec<Range<usize>> {
        let most = self.batch.reader.assets().max_requests();
        let mut windows = Vec::new();
        let (mut start, mut count, mut bytes) = (0, 0, 0u64);
        for (number, unit) in self.units.iter().enumerate() {
            let Stored::Range(range) = &unit.stored else { continue };
            if count >= most || (count > 0 && bytes.saturating_add(range.length) > WINDOW_BYTES) {
                windows.push(start..number);
                (start, count, bytes) = (number, 0, 0);
            }
            count += 1;
            bytes = bytes.saturating_add(range.length);
        }
        windows.push(start..self.units.len());
        windows
    }

    /// The bytes of every unit of a window.
    fn fetch(&self, window: Range<usize>) -> Result<Vec<Bytes>> {
        let units = self.units.get(window).unwrap_or_default();
        let ranged = units.iter().filter_map(|unit| match &unit.stored {
            Stored::Range(range) => Some((*range, unit.pieces.as_slice())),
            _ => None,
        });
        let (ranges, pieces): (Vec<ChunkRange>, Vec<&[Piece<'_>]>) = ranged.unzip();
        let item = |pieces: Option<&&[Piece<'_>]>, last: bool| {
            let pieces = pieces.copied().unwrap_or_default();
            (if last { pieces.last() } else { pieces.first() }).map_or(0, |piece| piece.item)
        };
        let label = |first, last| self.batch.label(item(pieces.get(first), false), item(pieces.get(last), true));
        let mut fetched = self.batch.reader.assets().chunk_batch_for(&ranges, 0, Some(&label))?.into_iter();
        let data = units.iter().map(|unit| match &unit.stored {
            Stored::Missing => Some(Bytes::new()),
            Stored::Bytes(data) => Some(data.clone()),
            Stored::Range(_) => fetched.next(),
        });
        data.collect::<Option<_>>().ok_or_else(|| Error::new(ErrorKind::Internal, "a range was not fetched"))
    }

    fn decode_window(&self, window: Range<usize>, fetched: &[Bytes]) -> Result<()> {
        let units = self.units.get(window).unwrap_or_default();
        workers::run(units.len(), self.threads, |number, scratch, thread| {
            match (units.get(number), fetched.get(number)) {
                (Some(unit), Some(data)) => self.decode(unit, data, scratch, thread),
                _ => Ok(()),
            }
        })
    }

    fn decode(&self, unit: &Unit<'_>, data: &[u8], scratch: &mut Scratch, thread: usize) -> Result<()> {
        let mut view = self.slabs.view(thread);
        for piece in &unit.pieces {
            let decoded = match piece.decoding {
                Decoding::Fill => {
                    ShortCut::Filled.taken();
                    view.put_fill(&piece.region, self.batch.chain.fill().element())
                }
                Decoding::Chain(chain) => {
                    piece.of(data).and_then(|bytes| chain.decode(bytes, &piece.region, &mut view, scratch))
                }
                Decoding::Plain(base) => {
                    ShortCut::DecodedWithoutCopy.taken();
                    let elements = |bytes| Elements { base, ..self.batch.chain.plain_elements(bytes) };
                    piece.of(data).and_then(|bytes| view.put(&piece.region, elements(bytes)))
                }
            };
            decoded.within(|| self.batch.named("decode_chunk", piece.item))?;
        }
        Ok(())
    }
}
