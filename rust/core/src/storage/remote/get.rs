//! Reading objects.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Attribute, GetOptions, GetRange, GetResult};

use super::failure::{failed, is_beyond_end, is_missing};
use super::partial::UNKNOWN;
use super::shown::key_without_secrets;
use super::whole::Wanted;
use super::{Context, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::storage::{ByteRange, ObjectMeta, ReadCondition, ReadRequest, Version, Versioned, changed};

/// A whole object is read in parts from this many times the size of a part; below, the first answer has most of it.
const PARTS_FROM: u64 = 4;

/// What came of the request for a range.
struct Part {
    data: Bytes,
    /// Of the whole object.
    size: u64,
    etag: Option<String>,
}

impl Remote {
    /// A range of an object, in several requests if it is long.
    pub(super) async fn get(
        &self,
        key: &str,
        range: ByteRange,
        condition: Option<&ReadCondition>,
        context: &Context,
    ) -> Result<Option<Bytes>> {
        let (path, extensions) = self.address(key, context)?;
        let options = self.get_options(condition, extensions)?;
        let read = async {
            match range.end {
                Some(end) if end == range.start => self.empty(key, condition, context).await,
                Some(end) if end - range.start > self.part_size() => {
                    self.in_parts(key, &path, range.start..end, options).await
                }
                _ => self.in_one(key, &path, range, options).await,
            }
        };
        match self.timed("read", key, read).await {
            // to some services an object that is not there is one that has changed
            Err(error) if error.kind == ErrorKind::Conflict && self.head(key, context).await?.is_none() => Ok(None),
            result => result,
        }
    }

    fn part_size(&self) -> u64 {
        self.settings.ideal_concurrent_request_size.max(1)
    }

    fn get_options(&self, condition: Option<&ReadCondition>, extensions: http::Extensions) -> Result<GetOptions> {
        let mut options = GetOptions { extensions, ..GetOptions::default() };
        match condition {
            Some(ReadCondition { etag: Some(etag), .. }) => options.if_match = Some(self.etag_to_send(etag)),
            Some(ReadCondition { etag: None, unmodified_since: Some(seconds) }) => {
                let time = DateTime::<Utc>::from_timestamp(*seconds, 0).ok_or_else(|| {
                    Error::new(ErrorKind::InvalidInput, format!("{seconds} is no time in seconds since 1970"))
                })?;
                options.if_unmodified_since = Some(time);
            }
            _ => {}
        }
        Ok(options)
    }

    /// A range without bytes cannot be asked for, but the object must be there, and the condition must hold.
    async fn empty(&self, key: &str, condition: Option<&ReadCondition>, context: &Context) -> Result<Option<Bytes>> {
        let (path, extensions) = self.address(key, context)?;
        let options = GetOptions { head: true, ..self.get_options(condition, extensions)? };
        Ok(self.request(key, &path, options).await?.map(|_| Bytes::new()))
    }

    async fn in_one(&self, key: &str, path: &Path, range: ByteRange, options: GetOptions) -> Result<Option<Bytes>> {
        let wanted = match range.end {
            Some(end) => Some(GetRange::Bounded(range.start..end)),
            None if range.start > 0 => Some(GetRange::Offset(range.start)),
            None => None,
        };
        if wanted.is_some() {
            let found = self.range(key, path, range, GetOptions { range: wanted, ..options }).await?;
            return Ok(found.map(|part| part.data));
        }
        let permit = self.permit().await?;
        let Some(found) = self.request(key, path, options.clone()).await? else { return Ok(None) };
        let size = found.meta.size;
        if size > PARTS_FROM * self.part_size() && found.meta.e_tag.is_some() {
            drop((found, permit));
            return self.in_parts(key, path, 0..size, options).await;
        }
        let data = self.bytes_of(found, path, &options).await;
        data.map(Some).map_err(|error| failed(error, "read", key))
    }

    /// All bytes of an answer.  Where it breaks off, the library goes on with another one, if it knows by the ETag that the
    /// object is still the same; where there is no ETag, it is asked for again from the start.
    async fn bytes_of(&self, first: GetResult, path: &Path, options: &GetOptions) -> object_store::Result<Bytes> {
        let (mut found, mut pause) = (first, self.settings.initial_backoff);
        for _ in 1..self.settings.max_tries {
            let has_etag = found.meta.e_tag.is_some();
            match found.bytes().await {
                Err(_) if !has_etag => {}
                result => return result,
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(self.settings.max_backoff);
            found = self.client.get_opts(path, options.clone()).await?;
        }
        found.bytes().await
    }

    /// One request for a range, cut to what there is.
    async fn range(&self, key: &str, path: &Path, range: ByteRange, options: GetOptions) -> Result<Option<Part>> {
        let _permit = self.permit().await?;
        let result = match self.client.get_opts(path, options.clone()).await {
            Ok(found) => {
                let (size, etag) = (found.meta.size, found.meta.e_tag.clone());
                self.bytes_of(found, path, &options).await.map(|data| Part { data, size, etag })
            }
            Err(error) => Err(error),
        };
        match result {
            Ok(part) => Ok(Some(part)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) if is_beyond_end(&error) => Ok(Some(Part { data: Bytes::new(), size: range.start, etag: None })),
            Err(error) => Err(condition_or(error, key)),
        }
    }

    /// Several requests at once for one range, put together.
    ///
    /// The first one tells whether there is so much at all: a length in a corrupt manifest must not be believed.
    async fn in_parts(&self, key: &str, path: &Path, range: Range<u64>, options: GetOptions) -> Result<Option<Bytes>> {
        let size = self.part_size();
        let mut options = options;
        options.extensions.insert(Wanted(range.end - range.start));
        let part = |start: u64, options: GetOptions| {
            let end = start.saturating_add(size).min(range.end);
            let options = GetOptions { range: Some(GetRange::Bounded(start..end)), ..options };
            self.range(key, path, ByteRange { start, end: Some(end) }, options)
        };
        let Some(first) = part(range.start, options.clone()).await? else { return Ok(None) };
        let end = range.end.min(first.size);
        let unasked = options.if_match.is_none();
        let options = match &first.etag {
            Some(etag) if unasked => GetOptions { if_match: Some(self.etag_to_send(etag)), ..options },
            _ => options,
        };
        let starts = (1..).map(|n| range.start + n * size).take_while(|start| *start < end);
        let limit = self.settings.max_concurrent_requests_for_object.max(1);
        let mut rest = stream::iter(starts).map(|start| part(start, options.clone())).buffered(limit);
        // Where the size of the object is not known, what is asked for may be far more than there is.
        let room = if first.size == UNKNOWN { size } else { end.saturating_sub(range.start) };
        let mut whole = BytesMut::with_capacity(usize::try_from(room).unwrap_or(0));
        if first.size == UNKNOWN && (first.data.len() as u64) < size {
            return Ok(Some(first.data));
        }
        whole.extend_from_slice(&first.data);
        loop {
            match rest.try_next().await {
                Ok(None) => return Ok(Some(whole.freeze())),
                Ok(Some(Some(part))) => {
                    whole.extend_from_slice(&part.data);
                    if first.size == UNKNOWN && (part.data.len() as u64) < size {
                        return Ok(Some(whole.freeze()));
                    }
                }
                Ok(Some(None)) => return Err(changed_meanwhile(key)),
                Err(error) if unasked && error.kind == ErrorKind::Conflict => return Err(changed_meanwhile(key)),
                Err(error) => return Err(error),
            }
        }
    }

    /// One request; none if there is no such object.
    async fn request(&self, key: &str, path: &Path, options: GetOptions) -> Result<Option<GetResult>> {
        match self.client.get_opts(path, options).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(condition_or(error, key)),
        }
    }

    pub(super) async fn get_versioned(
        &self,
        key: &str,
        known: Option<&Version>,
        context: &Context,
    ) -> Result<Option<Versioned>> {
        let path = self.path(key)?;
        let known_etag = known.and_then(|version| version.etag.as_deref());
        let options = GetOptions {
            if_none_match: known_etag.map(|etag| self.etag_to_send(etag)),
            extensions: context.extensions(),
            ..GetOptions::default()
        };
        let read = async {
            let _permit = self.permit().await?;
            let found = match self.client.get_opts(&path, options.clone()).await {
                Ok(found) => found,
                Err(error) if is_missing(&error) => return Ok(None),
                Err(object_store::Error::NotModified { .. }) => return Ok(Some((None, unchanged(key, known)))),
                Err(error) => return Err(failed(error, "read", key)),
            };
            let meta = self.meta(found.meta.clone(), user_metadata(&found));
            let data = self.bytes_of(found, &path, &options).await.map_err(|error| failed(error, "read", key))?;
            // a server that knows no conditions sends what is known already
            let same = known.is_some_and(|known| *known == meta.version);
            Ok(Some(((!same).then_some(data), meta)))
        };
        self.timed("read", key, read).await
    }

    pub(super) async fn head(&self, key: &str, context: &Context) -> Result<Option<ObjectMeta>> {
        let (path, extensions) = self.address(key, context)?;
        let options = GetOptions { head: true, extensions, ..GetOptions::default() };
        let look = async {
            let _permit = self.permit().await?;
            let found = self.request(key, &path, options).await?;
            Ok(found.map(|found| self.meta(found.meta.clone(), user_metadata(&found))))
        };
        self.timed("look up", key, look).await
    }

    pub(super) async fn head_many(&self, keys: &[&str], context: &Context) -> Result<Vec<Option<ObjectMeta>>> {
        let looks = keys.iter().map(|key| self.head(key, context));
        stream::iter(looks).buffered(self.concurrency(0)).try_collect().await
    }

    pub(super) async fn get_many(
        &self,
        requests: &[ReadRequest],
        concurrency: usize,
        context: &Context,
    ) -> Result<Vec<Option<Bytes>>> {
        let reads = requests.iter().enumerate().map(|(number, (key, range))| {
            let context = context.nth(number);
            async move { self.get(key, *range, None, &context).await }
        });
        stream::iter(reads).buffered(self.concurrency(concurrency)).try_collect().await
    }

    /// How many requests of a batch are in flight; 0 is as many as the store allows.
    pub(super) fn concurrency(&self, wanted: usize) -> usize {
        let most = self.settings.max_requests.max(1);
        if wanted == 0 { most } else { wanted.min(most) }
    }
}

/// All that is known of an object that is at a known version: the server has not said more.
fn unchanged(key: &str, known: Option<&Version>) -> ObjectMeta {
    ObjectMeta {
        key: key.to_owned(),
        size: 0,
        last_modified: 0,
        version: known.cloned().unwrap_or_default(),
        attributes: BTreeMap::new(),
    }
}

fn changed_meanwhile(key: &str) -> Error {
    Error::new(
        ErrorKind::ObjectStore,
        format!("object {} was changed while it was being read: read it again", key_without_secrets(key)),
    )
}

fn condition_or(error: object_store::Error, key: &str) -> Error {
    match error {
        object_store::Error::Precondition { .. } => changed(&key_without_secrets(key)),
        error => failed(error, "read", key),
    }
}

fn user_metadata(found: &GetResult) -> BTreeMap<String, String> {
    let metadata = found.attributes.iter().filter_map(|(name, value)| match name {
        Attribute::Metadata(name) => Some((name.to_string(), value.as_ref().to_owned())),
        _ => None,
    });
    metadata.collect()
}
