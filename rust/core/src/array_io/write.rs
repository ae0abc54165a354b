//! An array into chunks.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use bytes::Bytes;

use super::locate::Stored;
use super::pack::{self, Object, Packer};
use super::{Batch, Foreign, worthwhile_threads};
use crate::assets::ChunkRange;
use crate::chunk_ref::ChunkRef;
use crate::chunk_table::Change;
use crate::codec::scratch::Scratch;
use crate::codec::{Source, workers};
use crate::error::{Error, ErrorKind, Result, Within};
use crate::interrupt;
use crate::object_id::ObjectId12;
use crate::short_cuts::ShortCut;
use crate::storage::remote::label;
use crate::storage::{ObjectStore, PutOptions};

/// Bytes of chunks in memory that are encoded before the first of them is uploaded to a network.
const WINDOW_BYTES: usize = 64 << 20;
/// Chunks that are looked up before the first of them is written.
const BLOCK: usize = 4096;
/// Bytes of decoded chunks in a block: existing virtual ones are held in memory until they are decoded.
const BLOCK_BYTES: usize = 256 << 20;
/// Bytes of neighbouring chunks that one thread puts into the same object, to be read together again.
const RUN_BYTES: usize = 1 << 20;

/// How new chunks are named.
#[derive(Debug, Clone, Copy)]
pub enum Naming<'a> {
    /// By these ids, one for each chunk of the batch; chunks that share an object have the id of the first.
    Given(&'a [ObjectId12]),
    /// By their content: each is an object of its own.
    Content,
}

/// How new chunks are stored.
#[derive(Debug, Clone)]
pub struct Upload<'a> {
    /// Chunks of at most this many bytes are put into the reference.
    pub inline_limit: usize,
    /// The names of the others.
    pub naming: Naming<'a>,
    /// Many small chunks share objects.
    pub packs: bool,
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
    let store = batch.reader.assets().store().as_ref();
    let threads = worthwhile_threads(batch.chain, batch.regions.len());
    let packs = upload.packs && matches!(upload.naming, Naming::Given(_)) && batch.regions.len() >= pack::FEWEST;
    let size = (BLOCK_BYTES / batch.chain.length().max(1)).clamp(1, BLOCK);
    let starts = (0..batch.regions.len()).step_by(size);
    let blocks = starts.map(|start| {
        let items = start..(start + size).min(batch.regions.len());
        let existing = batch.locate(items.clone(), |item| batch.keeps_existing(item, complete), foreign)?;
        Ok(Writing { batch, source, upload, threads, packs, items, existing })
    });
    if store.is_local() {
        write_locally(store, upload, Packers::new(threads, packs), blocks)
    } else {
        write_to_network(batch, store, upload, Packer::new(packs), blocks)
    }
}

impl Batch<'_> {
    /// Whether some of what exists of a chunk stays.
    ///
    /// Of shards that are written in parts, inner chunks stay that reach beyond the array, as in Zarr.
    fn keeps_existing(&self, item: usize, complete: &[bool]) -> bool {
        let covered = self.regions.get(item).is_some_and(|region| region.covers(self.chain.shape()));
        let replaced = !self.chain.replaces_inner_chunks() && complete.get(item) == Some(&true);
        if replaced && !covered {
            ShortCut::ExistingUnread.taken();
        }
        !covered && !replaced
    }
}

/// Where each thread puts what it has encoded.
struct Packers<'s>(Vec<Mutex<Packer<'s>>>);

impl<'s> Packers<'s> {
    fn new(threads: usize, packs: bool) -> Self {
        Self((0..threads.max(1)).map(|_| Mutex::new(Packer::new(packs))).collect())
    }

    /// Do `work` with that of one thread.
    fn with<R>(&self, thread: usize, work: impl FnOnce(&mut Packer<'s>) -> R) -> Result<R> {
        let packer = self.0.get(thread % self.0.len().max(1));
        let packer = packer.ok_or_else(|| Error::new(ErrorKind::Internal, "a thread without a packer"))?;
        // What a thread left that panicked is not stored: its call fails.
        Ok(work(&mut packer.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Each thread writes for itself.
fn write_locally<'a>(
    store: &dyn ObjectStore,
    upload: &Upload<'_>,
    packers: Packers<'a>,
    blocks: impl Iterator<Item = Result<Writing<'a>>>,
) -> Result<Vec<Change>> {
    let put = |object: Object<'_>| store.put_parts(&object.key(), &object.parts(), &upload.options);
    let mut changes = Vec::new();
    for block in blocks {
        let block = block?;
        let runs: Vec<Range<usize>> = block.runs().collect();
        let inner_threads = block.inner_threads(block.items.len());
        let done = workers::map(runs.len(), block.threads, |number, scratch, thread| {
            let run = runs.get(number).cloned().unwrap_or_default();
            let store_one = |item: usize| {
                let (id, data) = match block.encode(item, inner_threads, scratch)? {
                    Encoded::Recorded(change) => return Ok(change),
                    Encoded::Object(id, data) => (id, data),
                };
                let (reference, ready) = packers.with(thread, |packer| packer.place(item, id, data))?;
                ready.map_or(Ok(()), put).within(|| block.batch.named("encode_chunk", item))?;
                Ok(Change::Set(reference))
            };
            run.map(store_one).collect::<Result<Vec<Change>>>()
        })?;
        changes.extend(done.into_iter().flatten());
    }
    let count = packers.0.len();
    workers::run(count, count, |number, _, _| packers.with(number, Packer::finish)?.map_or(Ok(()), put))?;
    Ok(changes)
}

/// What is encoded is uploaded, as many objects at once as are allowed, while more is being encoded.
fn write_to_network<'a>(
    batch: &Batch<'_>,
    store: &dyn ObjectStore,
    upload: &Upload<'_>,
    mut packer: Packer<'a>,
    blocks: impl Iterator<Item = Result<Writing<'a>>>,
) -> Result<Vec<Change>> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Objects>(1);
        let (answer, answers) = sync_channel(1);
        let uploader = thread::Builder::new().spawn_scoped(scope, move || {
            let result = receiver.iter().try_for_each(|Objects { objects, labels }| {
                label::with_each(labels, || store.put_many(&objects, &upload.options, 0))
            });
            let _ = answer.send(result);
        });
        uploader.map_err(|error| Error::new(ErrorKind::Io, format!("no thread can be started: {error}")))?;
        let changes = encode_for(batch, sender, &mut packer, blocks)?;
        loop {
            match answers.recv_timeout(interrupt::INTERVAL) {
                Ok(result) => return result.map(|()| changes),
                Err(RecvTimeoutError::Timeout) => interrupt::check()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::new(ErrorKind::Internal, "the uploading thread died"));
                }
            }
        }
    })
}

/// Objects to be uploaded, and what the requests for each say.
#[derive(Default)]
struct Objects {
    objects: Vec<(String, Bytes)>,
    labels: Vec<String>,
}

impl Objects {
    fn push(&mut self, batch: &Batch<'_>, object: Object<'_>) {
        let (first, last) = object.items();
        self.labels.push(batch.label(first, last));
        self.objects.push((object.key(), object.into_bytes()));
    }
}

/// Send the objects of all blocks, window by window; incomplete if nobody takes them any more, who then says why.
fn encode_for<'a>(
    batch: &Batch<'_>,
    sender: SyncSender<Objects>,
    packer: &mut Packer<'a>,
    blocks: impl Iterator<Item = Result<Writing<'a>>>,
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for block in blocks {
        let mut block = block?;
        block.fetch_existing()?;
        for window in block.windows() {
            let mut objects = Objects::default();
            for (item, encoded) in window.clone().zip(block.encode_each(window)?) {
                changes.push(match encoded {
                    Encoded::Recorded(change) => change,
                    Encoded::Object(id, data) => {
                        let (reference, ready) = packer.place(item, id, data);
                        if let Some(ready) = ready {
                            objects.push(block.batch, ready);
                        }
                        Change::Set(reference)
                    }
                });
            }
            if sender.send(objects).is_err() {
                return Ok(changes);
            }
        }
    }
    if let Some(object) = packer.finish() {
        let mut objects = Objects::default();
        objects.push(batch, object);
        let _ = sender.send(objects);
    }
    Ok(changes)
}

/// The chunks of a block on their way to the store.
struct Writing<'a> {
    batch: &'a Batch<'a>,
    source: Source<'a>,
    upload: &'a Upload<'a>,
    threads: usize,
    packs: bool,
    items: Range<usize>,
    /// What exists of each chunk, in their order.
    existing: Vec<Stored>,
}

/// An encoded chunk.
enum Encoded<'a> {
    /// It is recorded as it is.
    Recorded(Change),
    /// It has to be stored; the id is that of its object, if it is the first in it.
    Object(ObjectId12, Cow<'a, [u8]>),
}

impl<'a> Writing<'a> {
    /// Chunks that one thread takes at once.
    fn runs(&self) -> impl Iterator<Item = Range<usize>> {
        let fair = self.items.len() / (self.threads * 4);
        let most = if self.packs { RUN_BYTES / self.batch.chain.length().max(1) } else { 1 };
        steps(&self.items, most.min(fair))
    }

    /// Chunks that are encoded before any of them is uploaded.
    fn windows(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let most = if self.packs { BLOCK } else { self.batch.reader.assets().max_requests() };
        steps(&self.items, (WINDOW_BYTES / self.batch.chain.length().max(1)).min(most))
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
        let item = |number: usize| self.items.start + wanted.get(number).map_or(0, |(place, _)| *place);
        let label = |first, last| self.batch.label(item(first), item(last));
        let fetched = self.batch.reader.assets().chunk_batch_for(&ranges, 0, Some(&label))?;
        for ((place, _), data) in wanted.into_iter().zip(fetched) {
            if let Some(slot) = self.existing.get_mut(place) {
                *slot = Stored::Bytes(data);
            }
        }
        Ok(())
    }

    /// Encode chunks, on several threads.
    fn encode_each(&self, items: Range<usize>) -> Result<Vec<Encoded<'a>>> {
        let inner_threads = self.inner_threads(items.len());
        workers::map(items.len(), self.threads, |number, scratch, _| {
            self.encode(items.start + number, inner_threads, scratch)
        })
    }

    /// Threads that `count` chunks leave idle share the inner chunks of a shard.
    fn inner_threads(&self, count: usize) -> usize {
        if count < self.threads { self.threads } else { 1 }
    }

    fn encode(&self, item: usize, inner_threads: usize, scratch: &mut Scratch) -> Result<Encoded<'a>> {
        let Some(region) = self.batch.regions.get(item) else {
            return Err(Error::new(ErrorKind::Internal, "a chunk without a region"));
        };
        let existing = match self.existing.get(item - self.items.start) {
            None | Some(Stored::Missing) => None,
            Some(Stored::Bytes(data)) => Some(data.clone()),
            Some(Stored::Range(range)) => Some(self.batch.reader.assets().chunk_part(*range, 0, range.length)?),
        };
        let stored = self.batch.chain.encode(existing.as_deref(), region, self.source, inner_threads, scratch);
        stored.and_then(|stored| self.encoded(item, stored)).within(|| self.batch.named("encode_chunk", item))
    }

    fn encoded(&self, item: usize, stored: Option<Cow<'a, [u8]>>) -> Result<Encoded<'a>> {
        let Some(data) = stored else {
            ShortCut::EmptyLeftOut.taken();
            return Ok(Encoded::Recorded(Change::Deleted));
        };
        if data.len() <= self.upload.inline_limit {
            ShortCut::Inlined.taken();
            let data = Bytes::from(data.into_owned());
            return Ok(Encoded::Recorded(Change::Set(ChunkRef::Inline(data))));
        }
        let id = match self.upload.naming {
            Naming::Content => ObjectId12::of_content(&data),
            Naming::Given(ids) => *ids
                .get(item)
                .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "there have to be as many ids as chunks"))?,
        };
        Ok(Encoded::Object(id, data))
    }
}

/// `items` in ranges of at most `size`, at least one each.
fn steps(items: &Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    let (size, end) = (size.max(1), items.end);
    items.clone().step_by(size).map(move |start| start..(start + size).min(end))
}
