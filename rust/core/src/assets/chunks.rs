//! Bytes of chunks.

use bytes::Bytes;

use super::chunk_range::{ChunkRange, coalesce, slice};
use super::{Assets, missing};
use crate::cache::Weigh;
use crate::error::{Error, ErrorKind, Result, Within};
use crate::storage::remote::label;
use crate::storage::{ReadRequest, Started};

impl Weigh for Bytes {
    fn weight(&self) -> u64 {
        self.len() as u64
    }
}

impl Assets {
    /// Bytes of a chunk object, through the chunk cache if it is on; None if there is no such object.
    pub fn chunk(&self, range: ChunkRange) -> Result<Option<Bytes>> {
        let fetch = || range.checked(self.read(&range.key(), range.bytes()?)?);
        match self.chunks.get_or_fetch(&range, fetch) {
            Err(error) if error.kind == ErrorKind::ObjectNotFound => Ok(None),
            result => result.map(Some).within(|| format!("fetch_chunk id={}", range.id)),
        }
    }

    /// Part `[from, to)` of the bytes that a reference names, read alone unless the whole is cached or is asked for.
    ///
    /// # Errors
    /// [`ErrorKind::ObjectNotFound`] if the object is missing.
    pub fn chunk_part(&self, whole: ChunkRange, from: u64, to: u64) -> Result<Bytes> {
        if let Some(data) = self.cached_chunk(&whole) {
            return slice(&data, from, to);
        }
        let is_whole = from == 0 && to == whole.length;
        let found = if is_whole && self.caches_chunks {
            self.chunk(whole)?
        } else {
            let part = whole.part(from, to)?;
            let data = self.store.get(&part.key(), part.bytes()?);
            let checked = data.and_then(|data| data.map(|data| part.checked(data)).transpose());
            checked.within(|| format!("fetch_chunk id={}", whole.id))?
        };
        found.ok_or_else(|| missing(&whole.key()).within(format!("fetch_chunk id={}", whole.id)))
    }

    /// As `chunk_part` of something that is not cached, for callers that cannot wait: `done` is told the bytes.
    ///
    /// None if it can only be read by waiting: because of the store, or because the chunk cache is to have it, which
    /// fetches no chunk twice at the same time.
    pub fn start_chunk_part(
        &self,
        whole: ChunkRange,
        from: u64,
        to: u64,
        done: impl FnOnce(Result<Bytes>) + Send + 'static,
    ) -> Result<Option<Started>> {
        if self.caches_chunks && from == 0 && to == whole.length {
            return Ok(None);
        }
        let part = whole.part(from, to)?;
        let finish = move |found: Result<Option<Bytes>>| {
            let data = found.and_then(|data| data.ok_or_else(|| missing(&whole.key())));
            done(data.and_then(|data| part.checked(data)).within(|| format!("fetch_chunk id={}", whole.id)));
        };
        self.store.start_get(&part.key(), part.bytes()?, Box::new(finish))
    }

    /// The bytes that a reference names into `target`, which has their length.
    ///
    /// # Errors
    /// As [`Self::chunk_part`].
    pub fn chunk_into(&self, whole: ChunkRange, target: &mut [u8]) -> Result<()> {
        let context = || format!("fetch_chunk id={}", whole.id);
        whole.expect(target.len()).within(context)?;
        if self.caches_chunks {
            target.copy_from_slice(&self.chunk_part(whole, 0, whole.length)?);
            return Ok(());
        }
        let start = whole.bytes().within(context)?.start;
        match self.store.get_into(&whole.key(), start, target).within(context)? {
            Some(length) => whole.expect(length).within(context),
            None => Err(missing(&whole.key()).within(context())),
        }
    }

    /// The bytes that a reference names, if they are cached.
    #[must_use]
    pub fn cached_chunk(&self, range: &ChunkRange) -> Option<Bytes> {
        if self.caches_chunks { self.chunks.get(range) } else { None }
    }

    /// Several ranges of chunk objects, in order; ranges that touch in one object are fetched together.
    pub fn chunk_batch(&self, ranges: &[ChunkRange], concurrency: usize) -> Result<Vec<Bytes>> {
        self.chunk_batch_for(ranges, concurrency, None)
    }

    /// The same; `label` says what a request is for that fetches the ranges from the first to the last of these numbers.
    pub fn chunk_batch_for(
        &self,
        ranges: &[ChunkRange],
        concurrency: usize,
        label: Option<&dyn Fn(usize, usize) -> String>,
    ) -> Result<Vec<Bytes>> {
        let mut found: Vec<Option<Bytes>> = ranges.iter().map(|range| self.cached_chunk(range)).collect();
        let missing_ones: Vec<(usize, ChunkRange)> = ranges
            .iter()
            .enumerate()
            .filter(|(i, _)| matches!(found.get(*i), Some(None)))
            .map(|(i, r)| (i, *r))
            .collect();
        let spans = coalesce(missing_ones)?;
        let requests: Vec<ReadRequest> =
            spans.iter().map(|span| Ok((span.range.key(), span.range.bytes()?))).collect::<Result<_>>()?;
        let fetch = || self.store.get_many(&requests, self.requests(concurrency)).within(|| "fetch_chunks");
        let fetched = match label.filter(|_| !self.store.is_local()) {
            Some(label) => {
                let labels = spans.iter().map(|span| {
                    let numbers = || span.parts.iter().map(|(number, _)| *number);
                    label(numbers().min().unwrap_or(0), numbers().max().unwrap_or(0))
                });
                label::with_each(labels.collect(), fetch)
            }
            None => fetch(),
        }?;
        for (span, data) in spans.iter().zip(fetched) {
            let context = || format!("fetch_chunk id={}", span.range.id);
            let data = data.ok_or_else(|| missing(&span.range.key())).within(context)?;
            for (index, range) in &span.parts {
                let from = range.offset - span.range.offset;
                let part = slice(&data, from, from.saturating_add(range.length)).and_then(|part| range.checked(part));
                let part = part.within(context)?;
                if self.caches_chunks {
                    // a part of a span would keep all of it
                    let kept = if span.parts.len() > 1 { Bytes::copy_from_slice(&part) } else { part.clone() };
                    self.chunks.insert(*range, kept);
                }
                if let Some(slot) = found.get_mut(*index) {
                    *slot = Some(part);
                }
            }
        }
        found
            .into_iter()
            .map(|data| data.ok_or_else(|| Error::new(ErrorKind::Internal, "a chunk was not fetched")))
            .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use std::sync::Arc;

    use super::*;
    use crate::assets::AssetLimits;
    use crate::object_id::{ObjectId, ObjectId12};
    use crate::storage::{MemoryStore, ObjectStore, PutMode, PutOptions};

    fn limits(chunk_bytes: u64) -> AssetLimits {
        AssetLimits { snapshot_nodes: 10, chunk_refs: 10, transaction_changes: 10, chunk_bytes, max_requests: 4 }
    }

    fn assets(objects: &[(ObjectId12, Vec<u8>)], chunk_bytes: u64) -> Assets {
        let store = MemoryStore::new();
        for (id, data) in objects {
            let options = PutOptions::default();
            store.put(&format!("chunks/{id}"), data.clone().into(), &PutMode::Overwrite, &options).unwrap();
        }
        Assets::new(Arc::new(store), limits(chunk_bytes))
    }

    fn range(id: u8, offset: u64, length: u64) -> ChunkRange {
        ChunkRange { id: ObjectId([id; 12]), offset, length }
    }

    #[test]
    fn a_hostile_reference_is_an_error() {
        let assets = assets(&[(ObjectId([1; 12]), vec![0; 10])], 0);
        for hostile in [range(1, u64::MAX, 2), range(1, 5, u64::MAX - 5)] {
            assert!(assets.chunk_batch(&[hostile], 0).is_err());
            assert!(assets.chunk_part(hostile, 0, hostile.length).is_err());
            assert!(assets.chunk_into(hostile, &mut [0; 2]).is_err());
            assert!(assets.chunk(hostile).is_err());
        }
    }

    #[test]
    fn a_short_object_is_an_error_and_is_not_cached() {
        for chunk_bytes in [0, 1000] {
            let assets = assets(&[(ObjectId([1; 12]), vec![7; 10])], chunk_bytes);
            let long = range(1, 5, 6);
            assert_eq!(assets.chunk(long).unwrap_err().kind, ErrorKind::InvalidObjectSize);
            assert_eq!(assets.chunk_part(long, 0, 6).unwrap_err().kind, ErrorKind::InvalidObjectSize);
            assert_eq!(assets.chunk_into(long, &mut [0; 6]).unwrap_err().kind, ErrorKind::InvalidObjectSize);
            assert_eq!(assets.chunk_into(range(1, 5, 5), &mut [0; 6]).unwrap_err().kind, ErrorKind::InvalidObjectSize);
            assert_eq!(assets.chunk_batch(&[long], 0).unwrap_err().kind, ErrorKind::InvalidObjectSize);
            assert_eq!(assets.chunk_part(long, 0, 5).unwrap(), vec![7; 5]);
            assert!(assets.cached_chunk(&long).is_none());
        }
    }

    #[test]
    fn a_missing_object_is_named() {
        let assets = assets(&[], 0);
        assert!(assets.chunk(range(1, 0, 1)).unwrap().is_none());
        for error in [
            assets.chunk_part(range(1, 0, 1), 0, 1).unwrap_err(),
            assets.chunk_into(range(1, 0, 1), &mut [0; 1]).unwrap_err(),
            assets.chunk_batch(&[range(1, 0, 1)], 0).unwrap_err(),
            assets.snapshot(ObjectId([1; 12])).unwrap_err(),
            assets.manifest(ObjectId([1; 12]), 5).unwrap_err(),
            assets.manifests(&[(ObjectId([1; 12]), 5)], 0).unwrap_err(),
        ] {
            assert_eq!(error.kind, ErrorKind::ObjectNotFound);
            assert!(error.message.contains(&ObjectId([1; 12]).to_string()));
            assert!(error.context.iter().any(|line| line.starts_with("fetch_")));
        }
        assert!(assets.transaction_log(ObjectId([1; 12])).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn a_batch_is_what_single_reads_give(
            asked in proptest::collection::vec((0u8..3, 0u64..60, 0u64..60), 0..30), chunk_bytes in prop_oneof![Just(0u64), Just(500)]
        ) {
            let objects: Vec<_> = (0..3u8).map(|id| (ObjectId([id; 12]), (0..120).map(|i| i ^ (id * 85)).collect())).collect();
            let assets = assets(&objects, chunk_bytes);
            let ranges: Vec<_> = asked.iter().map(|(id, offset, length)| range(*id, *offset, *length)).collect();
            let expected: Vec<Bytes> = ranges.iter().map(|r| assets.chunk_part(*r, 0, r.length).unwrap()).collect();
            for (range, expected) in ranges.iter().zip(&expected) {
                let mut target = vec![0; expected.len()];
                assets.chunk_into(*range, &mut target).unwrap();
                prop_assert_eq!(&target, expected);
            }
            prop_assert_eq!(assets.chunk_batch(&ranges, 0).unwrap(), expected);
        }
    }
}
