//! Writing objects.

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, MultipartUpload, ObjectStoreExt, PutMode as StoreMode, PutMultipartOptions,
    PutResult, UpdateVersion, UploadPart,
};

use super::checksum;
use super::doubt::{Doubt, unless_certain};
use super::failure::{failed, is_conflict, is_undecided};
use super::settings::RemoteKind;
use super::{Context, Remote, label, took_too_long};
use tokio::time::timeout;

use crate::error::{Error, ErrorKind, Result};
use crate::object_id::random_bytes;
use crate::storage::{PutMode, PutOptions, Version, already_exists, changed, not_found};

/// User metadata by which a conditional write recognises its own earlier attempt (format section 9.6).
const WRITE_ID: &str = "icechunkwriteid";

/// What services allow at least: no part but the last may be smaller, and there may be no more parts.
const SMALLEST_PART: u64 = 5 << 20;
const MOST_PARTS: u64 = 10_000;

impl Remote {
    pub(super) async fn put(
        &self,
        key: &str,
        data: Bytes,
        mode: &PutMode,
        options: &PutOptions,
        context: &Context,
    ) -> Result<Version> {
        let path = self.path(key)?;
        let attributes = self.attributes(options);
        let conditional = match mode {
            PutMode::Overwrite => None,
            PutMode::Create => self.settings.conditional_create.then_some(StoreMode::Create),
            PutMode::Update(version) => {
                self.settings.conditional_update.then(|| StoreMode::Update(self.update_version(version)))
            }
        };
        let write = async {
            match conditional {
                Some(condition) => self.put_if(key, &path, data, condition, attributes, context).await,
                None if data.len() as u64 >= self.settings.minimum_size_for_multipart_upload.max(1) => {
                    self.put_in_parts(key, &path, data, attributes, context).await
                }
                None => self.put_plain(key, &path, data, attributes, context).await,
            }
        };
        match self.settings.operation_timeout {
            None => write.await,
            // What was sent by then may still arrive.
            Some(limit) => timeout(limit, write)
                .await
                .unwrap_or_else(|_| Err(unless_certain(took_too_long("write", key, limit), key, true))),
        }
    }

    fn attributes(&self, options: &PutOptions) -> Attributes {
        let mut attributes = Attributes::new();
        if self.settings.metadata {
            for (name, value) in &options.attributes {
                attributes.insert(Attribute::Metadata(name.clone().into()), value.clone().into());
            }
            if let Some(content_type) = &options.content_type {
                attributes.insert(Attribute::ContentType, content_type.clone().into());
            }
        }
        if let Some(class) = &options.storage_class {
            attributes.insert(Attribute::StorageClass, class.clone().into());
        }
        attributes
    }

    fn update_version(&self, version: &Version) -> UpdateVersion {
        let etag = version.etag.as_deref();
        UpdateVersion { e_tag: etag.map(|etag| self.etag_to_send(etag)), version: version.generation.clone() }
    }

    async fn put_plain(
        &self,
        key: &str,
        path: &Path,
        data: Bytes,
        attributes: Attributes,
        context: &Context,
    ) -> Result<Version> {
        let _permit = self.permit().await?;
        let doubt = Doubt::default();
        let extensions = context.extensions_of_write(&doubt);
        let options = object_store::PutOptions { attributes, extensions, ..Default::default() };
        let written = self.client.put_opts(path, data.into(), options).await;
        written.map(version_of).map_err(|error| unless_certain(failed(error, "write", key), key, doubt.is_there()))
    }

    /// A conditional write.  Its answer may be lost after it has happened, and then it stands in its own way when it is
    /// repeated; so an object that carries our mark is what we have written.
    async fn put_if(
        &self,
        key: &str,
        path: &Path,
        data: Bytes,
        mode: StoreMode,
        mut attributes: Attributes,
        context: &Context,
    ) -> Result<Version> {
        let conflict = match &mode {
            StoreMode::Update(version) if version.e_tag.is_none() && version.version.is_none() => {
                return Err(changed(key));
            }
            StoreMode::Update(version) if self.kind == RemoteKind::Gcs && version.version.is_none() => {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!("cannot write {key}: the version to compare has no generation, which this store needs"),
                ));
            }
            StoreMode::Update(_) => changed(key),
            _ => already_exists(key),
        };
        let mark = if self.settings.metadata { Some(write_id()?) } else { None };
        if let Some(mark) = &mark {
            attributes.insert(Attribute::Metadata(WRITE_ID.into()), mark.clone().into());
        }
        let doubt = Doubt::default();
        let extensions = context.extensions_of_write(&doubt);
        let options = object_store::PutOptions { mode, attributes, extensions, ..Default::default() };
        let _permit = self.permit().await?;
        let error = match self.put_until_decided(path, data, options).await {
            Ok(written) => return Ok(version_of(written)),
            Err(error) => error,
        };
        let refused = is_conflict(&error);
        let ours = match &mark {
            Some(mark) if refused || may_have_landed(&error) => self.version_marked(path, mark, context).await,
            _ => Ok(None),
        };
        let error = match (ours, refused) {
            (Ok(Some(version)), _) => return Ok(version),
            // If an earlier try of ours was successful, somebody else has changed the object since: its content tells.
            (Ok(None), true) => return Err(conflict),
            (Err(failure), true) => failed(failure, "look up", key),
            // What is under way may still arrive.
            (_, false) => failed(error, "write", key),
        };
        Err(unless_certain(error, key, doubt.is_there()))
    }

    /// S3 may not know yet which of several writers will be the first, and asks each to try again.  With updates the
    /// client library does so by itself.
    async fn put_until_decided(
        &self,
        path: &Path,
        data: Bytes,
        options: object_store::PutOptions,
    ) -> object_store::Result<PutResult> {
        let mut pause = self.settings.initial_backoff;
        for _ in 1..self.settings.max_tries {
            match self.client.put_opts(path, data.clone().into(), options.clone()).await {
                Err(error) if is_undecided(&error) && matches!(options.mode, StoreMode::Create) => {
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(self.settings.max_backoff);
                }
                result => return result,
            }
        }
        self.client.put_opts(path, data.into(), options).await
    }

    /// The version of an object, if it carries `mark`.
    async fn version_marked(
        &self,
        path: &Path,
        mark: &str,
        context: &Context,
    ) -> std::result::Result<Option<Version>, object_store::Error> {
        let options = GetOptions { head: true, extensions: context.extensions(), ..GetOptions::default() };
        let found = match self.client.get_opts(path, options).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found?,
        };
        let name = Attribute::Metadata(WRITE_ID.into());
        let ours = found.attributes.get(&name).is_some_and(|value| value.as_ref() == mark);
        Ok(ours.then_some(Version { etag: found.meta.e_tag, generation: found.meta.version }))
    }

    async fn put_in_parts(
        &self,
        key: &str,
        path: &Path,
        data: Bytes,
        attributes: Attributes,
        context: &Context,
    ) -> Result<Version> {
        let options = PutMultipartOptions { attributes, extensions: context.extensions(), ..Default::default() };
        let fail = |error| failed(error, "write", key);
        let mut upload = self.client.put_multipart_opts(path, options).await.map_err(fail)?;
        let parts = checksum::of_parts(async {
            self.put_parts(upload.as_mut(), data).await?;
            upload.complete().await
        });
        let result = label::in_parts(context.label(), parts).await;
        if result.is_err() {
            // what is left of it costs money until the bucket's rules remove it, but nothing more can be done
            let _ = upload.abort().await;
        }
        result.map(version_of).map_err(fail)
    }

    async fn put_parts(&self, upload: &mut dyn MultipartUpload, data: Bytes) -> object_store::Result<()> {
        let smallest = (data.len() as u64).div_ceil(MOST_PARTS).max(SMALLEST_PART);
        let size = usize::try_from(self.settings.ideal_concurrent_request_size.max(smallest)).unwrap_or(usize::MAX);
        let mut parts = Vec::new();
        let mut rest = data;
        while !rest.is_empty() {
            let part = rest.split_to(size.min(rest.len()));
            parts.push(upload.put_part(part.into()));
        }
        let limit = self.settings.max_concurrent_requests_for_object.max(1);
        let one = |part: UploadPart| async {
            // Parts of many objects together stay within the store's limit too; only a closed store refuses.
            let _permit = self.permits.acquire().await;
            part.await
        };
        stream::iter(parts).map(Ok).try_for_each_concurrent(limit, one).await
    }

    pub(super) async fn put_many(
        &self,
        objects: &[(String, Bytes)],
        options: &PutOptions,
        concurrency: usize,
        context: &Context,
    ) -> Result<()> {
        let writes = objects.iter().enumerate().map(|(number, (key, data))| {
            let context = context.nth(number);
            async move { self.put(key, data.clone(), &PutMode::Overwrite, options, &context).await }
        });
        stream::iter(writes).buffer_unordered(self.concurrency(concurrency)).try_for_each(|_| async { Ok(()) }).await
    }

    /// On the server's side; by reading and writing if it has to be at a version, which servers cannot be asked for
    /// through the library.
    pub(super) async fn copy(
        &self,
        source: &str,
        target: &str,
        version: Option<&Version>,
        context: &Context,
    ) -> Result<()> {
        let (from, to) = (self.path(source)?, self.path(target)?);
        let copy = async {
            let _permit = self.permit().await?;
            let options = match version {
                None => match self.client.copy(&from, &to).await {
                    Ok(()) => return Ok(()),
                    Err(object_store::Error::NotFound { .. }) => return Err(not_found(source)),
                    Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => {
                        GetOptions::default()
                    }
                    Err(error) => return Err(failed(error, "copy", source)),
                },
                Some(Version { etag: Some(etag), .. }) => {
                    GetOptions { if_match: Some(self.etag_to_send(etag)), ..GetOptions::default() }
                }
                Some(_) => return Err(changed(source)),
            };
            let found = match self.client.get_opts(&from, options).await {
                Ok(found) => found,
                Err(error) if is_conflict(&error) => return Err(changed(source)),
                Err(object_store::Error::NotFound { .. }) if version.is_some() => return Err(changed(source)),
                Err(object_store::Error::NotFound { .. }) => return Err(not_found(source)),
                Err(error) => return Err(failed(error, "copy", source)),
            };
            let attributes = if self.settings.metadata { found.attributes.clone() } else { Attributes::new() };
            let fail = |error| failed(error, "copy", source);
            let data = found.bytes().await.map_err(fail)?;
            let options =
                object_store::PutOptions { attributes, extensions: context.extensions(), ..Default::default() };
            self.client.put_opts(&to, data.into(), options).await.map(drop).map_err(fail)
        };
        self.timed("copy", source, copy).await
    }
}

fn version_of(written: PutResult) -> Version {
    Version { etag: written.e_tag, generation: written.version }
}

/// Whether a look at the object may show that a write has happened although its answer says otherwise, or did not come.
fn may_have_landed(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::Generic { .. } | object_store::Error::NotFound { .. })
}

/// A random UUID, version 4.
fn write_id() -> Result<String> {
    let mut raw = [0; 16];
    random_bytes(&mut raw)?;
    let number = u128::from_be_bytes(raw);
    let versioned = (number & !(0xf << 76) | (4 << 76)) & !(0b11 << 62) | (0b10 << 62);
    let text = format!("{versioned:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| text.get(range).unwrap_or_default().to_owned());
    Ok(parts.join("-"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn write_ids_are_uuids_of_version_4() {
        let id = write_id().unwrap();
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(id.as_bytes().get(14), Some(&b'4'));
        assert!(matches!(id.as_bytes().get(19), Some(b'8' | b'9' | b'a' | b'b')));
        assert_ne!(id, write_id().unwrap());
    }
}
