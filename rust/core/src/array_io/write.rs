//! An array into chunks.

use std::ops::Range;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;

use bytes::Bytes;

use super::locate::Stored;
use super::{Batch, Foreign, worthwhile_threads};
use crate::assets::ChunkRange;
use crate::chunk_ref::ChunkRef;
use crate::chunk_table::Change;
use crate::codec::{Source, workers};
use crate::error::{Error, ErrorKind, Result, Within};
use crate::interrupt;
use crate::object_id::ObjectId12;
use crate::storage::{PutMode, PutOptions};

/// Bytes of chunks in memory that are encoded before the first of them is uploaded to a network.
const WINDOW_BYTES: usize = 64 << 20;
/// Chunks that are looked up before the first of them is written.
const BLOCK: usize = 4096;
/// Bytes of decoded chunks in a block: existing virtual ones are held in memory until they are decoded.
const BLOCK_BYTES: usize = 256 << 20;

/// How new chunks are named.
#[derive(Debug, Clone, Copy)]
pub enum Naming<'a> {
    /// By these ids, one for each chunk of the batch.
    Given(&'a [ObjectId12]),
    /// By their content.
    Content,
}

/// How new chunks are stored.
#[derive(Debug, Clone)]
pub struct Upload<'a> {
    /// Chunks of at most this many bytes are put into the reference.
    pub inline_limit: usize,
    /// The names of the others.
    pub naming: Naming<'a>,
    /// What the store is told besides.
    pub options: PutOptions,
}

/// Encode and store the chunks of a batch; what has to be recorded of each of them, in order.
///
/// `complete` says of which chunks nothing that exists is kept.
///
/// # Errors
/// An existing chunk cannot be read, or a new one cannot be stored.  What was uploaded by then is referred to by nothing.
pub fn write(
    batch: &Batch<'_>,
    foreign: &Foreign<'_>,
    source: Source<'_>,
    complete: &[bool],
    upload: &Upload<'_>,
) -> Result<Vec<Change>> {
    let block = (BLOCK_BYTES / batch.chain.length().max(1)).clamp(1, BLOCK);
    let threads = worthwhile_threads(batch.chain, batch.regions.len());
    let mut changes = Vec::with_capacity(batch.regions.len());
    while changes.len() < batch.regions.len() {
        let items = changes.len()..(changes.len() + block).min(batch.regions.len());
        let existing = batch.locate(items.clone(), |item| batch.keeps_existing(item, complete), foreign)?;
        changes.extend(Writing { batch, source, upload, threads, first: items.start, existing }.run(items)?);
    }
    Ok(changes)
}

impl Batch<'_> {
    /// Whether some of what exists of a chunk stays.
    ///
    /// Of shards that are written in parts, inner chunks stay that reach beyond the array, as in Zarr.
    fn keeps_existing(&self, item: usize, complete: &[bool]) -> bool {
        let covered = self.regions.get(item).is_some_and(|region| region.covers(self.chain.shape()));
        let replaced = !self.chain.replaces_inner_chunks() && complete.get(item) == Some(&true);
        !covered && !replaced
    }
}

/// The chunks of a block on their way to the store.
struct Writing<'a> {
    batch: &'a Batch<'a>,
    source: Source<'a>,
    upload: &'a Upload<'a>,
    threads: usize,
    first: usize,
    /// What exists of each chunk, from `first` on.
    existing: Vec<Stored>,
}

/// An encoded chunk: what is recorded, and what has to be uploaded first.
type Encoded = (Change, Option<(String, Bytes)>);

impl Writing<'_> {
    fn run(mut self, items: Range<usize>) -> Result<Vec<Change>> {
        let store = self.batch.reader.assets().store();
        if store.is_local() {
            // Each thread writes for itself.
            return self.encode_each(items, |(change, object)| {
                if let Some((key, data)) = object {
                    store.put(&key, data, &PutMode::Overwrite, &self.upload.options)?;
                }
                Ok(change)
            });
        }
        self.fetch_existing()?;
        let most = self.batch.reader.assets().max_requests();
        let size = (WINDOW_BYTES / self.batch.chain.length().max(1)).clamp(1, most);
        let windows = items.clone().step_by(size).map(|start| start..(start + size).min(items.end));
        let mut changes = Vec::with_capacity(items.len());
        // One window is uploaded while the next one is encoded.
        thread::scope(|scope| {
            let (sender, receiver) = sync_channel::<Vec<(String, Bytes)>>(1);
            let (answer, answers) = sync_channel(1);
            let uploader = thread::Builder::new().spawn_scoped(scope, move || {
                let result = receiver.iter().try_for_each(|objects| store.put_many(&objects, &self.upload.options, 0));
                let _ = answer.send(result);
            });
            uploader.map_err(|error| Error::new(ErrorKind::Io, format!("no thread can be started: {error}")))?;
            for window in windows {
                let encoded = self.encode_each(window, Ok)?;
                let (recorded, objects): (Vec<_>, Vec<_>) = encoded.into_iter().unzip();
                changes.extend(recorded);
                if sender.send(objects.into_iter().flatten().collect()).is_err() {
                    break;
                }
            }
            drop(sender);
            loop {
                match answers.recv_timeout(interrupt::INTERVAL) {
                    Ok(result) => return result,
                    Err(RecvTimeoutError::Timeout) => interrupt::check()?,
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(Error::new(ErrorKind::Internal, "the uploading thread died"));
                    }
                }
            }
        })?;
        Ok(changes)
    }

    /// Bring what exists of the chunks into memory, with as many requests at once as are allowed.
    fn fetch_existing(&mut self) -> Result<()> {
        let wanted: Vec<(usize, ChunkRange)> = self
            .existing
            .iter()
            .enumerate()
            .filter_map(|(place, stored)| match stored {
                Stored::Range(range) => Some((place, *range)),
                _ => None,
            })
            .collect();
        let ranges: Vec<ChunkRange> = wanted.iter().map(|(_, range)| *range).collect();
        let fetched = self.batch.reader.assets().chunk_batch(&ranges, 0)?;
        for ((place, _), data) in wanted.into_iter().zip(fetched) {
            if let Some(slot) = self.existing.get_mut(place) {
                *slot = Stored::Bytes(data);
            }
        }
        Ok(())
    }

    /// Encode chunks and do `finish` with each, on several threads.
    fn encode_each<R: Send>(
        &self,
        items: Range<usize>,
        finish: impl Fn(Encoded) -> Result<R> + Sync,
    ) -> Result<Vec<R>> {
        // Threads that chunks leave idle share the inner chunks of a shard.
        let inner_threads = if items.len() < self.threads { self.threads } else { 1 };
        workers::map(items.len(), self.threads, |number, scratch| {
            let item = items.start + number;
            let Some(region) = self.batch.regions.get(item) else {
                return Err(Error::new(ErrorKind::Internal, "a chunk without a region"));
            };
            let existing = match self.existing.get(item - self.first) {
                None | Some(Stored::Missing) => None,
                Some(Stored::Bytes(data)) => Some(data.clone()),
                Some(Stored::Range(range)) => Some(self.batch.reader.assets().chunk_part(*range, 0, range.length)?),
            };
            let context = || self.batch.named("encode_chunk", item);
            let chain = self.batch.chain;
            let stored = chain.encode(existing.as_deref(), region, self.source, inner_threads, scratch);
            finish(self.recorded(item, stored.within(context)?)?).within(context)
        })
    }

    fn recorded(&self, item: usize, stored: Option<Vec<u8>>) -> Result<Encoded> {
        let Some(data) = stored else { return Ok((Change::Deleted, None)) };
        let length = data.len() as u64;
        let data = Bytes::from(data);
        if data.len() <= self.upload.inline_limit {
            return Ok((Change::Set(ChunkRef::Inline(data)), None));
        }
        let id = match self.upload.naming {
            Naming::Content => ObjectId12::of_content(&data),
            Naming::Given(ids) => *ids
                .get(item)
                .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "there have to be as many ids as chunks"))?,
        };
        let key = ChunkRange { id, offset: 0, length }.key();
        Ok((Change::Set(ChunkRef::Native { id, offset: 0, length }), Some((key, data))))
    }
}
