//! Object stores that are reached over a network.
//!
//! Everything inside is asynchronous; the interface blocks the calling thread, with Ctrl-C looked for.

mod batch;
pub mod checksum;
pub mod credentials;
mod doubt;
mod failure;
mod get;
mod http_client;
pub mod label;
mod markup;
mod open;
mod partial;
mod pieces;
mod put;
mod raw_key;
pub mod redirects;
pub mod resolving;
mod rooted;
mod runtime;
mod server_clock;
pub mod settings;
mod shared_client;
pub mod shown;
mod whole;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::{
    ByteRange, Done, Listing, ObjectMeta, ObjectStore, PutMode, PutOptions, ReadCondition, ReadOnlyStore, ReadRequest,
    Started, Version, Versioned, bare_etag, key,
};
use crate::error::{Error, ErrorKind, Result};
use credentials::{Credentials, Provider};
use doubt::Doubt;
use label::{Labels, RequestLabel};
use raw_key::RawKey;
use server_clock::ServerClock;
use settings::{Options, RemoteKind, RemoteSettings};

/// Objects in a bucket, a container or behind a web server.
pub struct RemoteStore {
    remote: Arc<Remote>,
}

/// The same, shared with the tasks that work on it.
struct Remote {
    kind: RemoteKind,
    client: Arc<dyn object_store::ObjectStore>,
    settings: RemoteSettings,
    /// Bounds the requests in flight.
    permits: Semaphore,
    exchange: Option<(Credentials, Provider)>,
    clock: Arc<ServerClock>,
    /// Where the objects are, without secrets.
    place: String,
}

impl RemoteStore {
    /// Open a store; no request is made.  There is no other way to one.
    ///
    /// `provider` gives the credentials to use from then on, and is asked again before each call.  A web server gives out
    /// files: whether it would take any is not asked.
    ///
    /// # Errors
    /// [`ErrorKind::StorageConfig`] for options that make no sense.
    pub fn open(
        kind: RemoteKind,
        options: &Options,
        settings: RemoteSettings,
        provider: Option<Provider>,
    ) -> Result<Arc<dyn ObjectStore>> {
        let read_only = settings.read_only || kind == RemoteKind::Http;
        let store: Arc<dyn ObjectStore> = Arc::new(Self::new(kind, options, settings, provider)?);
        Ok(if read_only { ReadOnlyStore::over(store) } else { store })
    }

    fn new(kind: RemoteKind, options: &Options, settings: RemoteSettings, provider: Option<Provider>) -> Result<Self> {
        let mut prefix = key::prefix(&settings.prefix)?.to_owned();
        let place = place(kind, options, &prefix);
        if settings.rooted {
            prefix = key::join(rooted::STAND_IN, &prefix);
        }
        let settings = RemoteSettings { prefix, ..settings };
        runtime::choose_crypto();
        let clock = Arc::default();
        let (client, credentials) = open::client(kind, options, &settings, provider.is_some(), Arc::clone(&clock))?;
        let remote = Remote {
            kind,
            client,
            permits: Semaphore::new(settings.max_requests.clamp(1, Semaphore::MAX_PERMITS)),
            exchange: credentials.zip(provider),
            clock,
            place,
            settings,
        };
        Ok(Self { remote: Arc::new(remote) })
    }

    /// Run a call with fresh credentials, for as long as an operation may take.
    fn run<'a, T, F: Future<Output = Result<T>>>(&'a self, call: impl FnOnce(&'a Remote, Context) -> F) -> Result<T> {
        self.remote.refresh()?;
        runtime::block_on(call(&self.remote, Context { labels: label::current(), number: 0 }))
    }
}

/// What is known of a call besides its arguments.
#[derive(Debug, Clone, Default)]
struct Context {
    labels: Labels,
    /// Of the request in its batch.
    number: usize,
}

impl Context {
    /// What the HTTP client below is told.
    fn extensions(&self) -> http::Extensions {
        let mut extensions = http::Extensions::new();
        if let Some(label) = self.label() {
            extensions.insert(label);
        }
        extensions
    }

    /// The same of a write, with what gathers whether it may have happened.
    fn extensions_of_write(&self, doubt: &Doubt) -> http::Extensions {
        let mut extensions = self.extensions();
        extensions.insert(doubt.clone());
        extensions
    }

    fn label(&self) -> Option<RequestLabel> {
        self.labels.of(self.number)
    }

    /// That of one request of a batch.
    fn nth(&self, number: usize) -> Self {
        Self { labels: self.labels.clone(), number }
    }
}

impl Remote {
    fn refresh(&self) -> Result<()> {
        match &self.exchange {
            Some((credentials, provider)) => credentials.set(&provider()?),
            None => Ok(()),
        }
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>> {
        self.permits.acquire().await.map_err(|_| Error::new(ErrorKind::Internal, "the store is closed"))
    }

    /// Bound the time of one operation with all its tries.
    async fn timed<T>(&self, action: &str, key: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        match self.settings.operation_timeout {
            None => work.await,
            Some(limit) => timeout(limit, work).await.unwrap_or_else(|_| Err(took_too_long(action, key, limit))),
        }
    }

    /// The place of a key in the bucket (format section 10.1).
    fn path(&self, key: &str) -> Result<Path> {
        key::validate(key)?;
        self.path_of_prefix(key)
    }

    /// The same for reading, with what the request is told: any key of another program's object on S3 can be read, and
    /// what follows the host in the address of a file of the web is sent as it is written, query and all.
    fn address(&self, key: &str, context: &Context) -> Result<(Path, http::Extensions)> {
        let mut extensions = context.extensions();
        let raw = match self.kind {
            _ if !self.settings.verbatim => None,
            RemoteKind::S3 => RawKey::of(&key::join(&self.settings.prefix, key)),
            RemoteKind::Http => Some(RawKey::of_target(key)),
            _ => None,
        };
        if let Some(raw) = raw {
            extensions.insert(raw);
            return Ok((RawKey::stand_in(), extensions));
        }
        Ok((self.path(key)?, extensions))
    }

    fn path_of_prefix(&self, key: &str) -> Result<Path> {
        let full = key::join(&self.settings.prefix, key);
        if !self.sends_raw_keys() {
            return Ok(Path::from(full));
        }
        Path::parse(&full).map_err(|error| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("the object store backend cannot address key '{full}': {error}"),
            )
        })
    }

    fn sends_raw_keys(&self) -> bool {
        self.settings.verbatim || self.kind == RemoteKind::S3
    }

    /// The key of a place in the bucket.
    fn key(&self, path: &Path) -> String {
        let full = path.as_ref();
        let key = if self.sends_raw_keys() { full.into() } else { key::decode(full) };
        let mut prefix = self.settings.prefix.as_str();
        if self.settings.rooted && !key.starts_with(rooted::STAND_IN) {
            // A listing, from which the library has taken the slash.
            prefix = prefix.strip_prefix(rooted::STAND_IN).unwrap_or(prefix).trim_start_matches('/');
        }
        match key.strip_prefix(prefix).map(|rest| rest.strip_prefix('/').unwrap_or(rest)) {
            Some(rest) => rest.to_owned(),
            None => key.into_owned(),
        }
    }

    /// An etag as the service wants to get it back: some S3 servers refuse quoted ones, other services insist on them.
    fn etag_to_send(&self, etag: &str) -> String {
        if self.kind == RemoteKind::S3 { bare_etag(etag).to_owned() } else { quoted(etag) }
    }

    fn meta(&self, meta: object_store::ObjectMeta, attributes: BTreeMap<String, String>) -> ObjectMeta {
        ObjectMeta {
            key: self.key(&meta.location),
            size: meta.size,
            last_modified: meta.last_modified.timestamp_micros(),
            // Azure's listings leave out the quotes
            version: Version { etag: meta.e_tag.map(|etag| quoted(&etag)), generation: meta.version },
            attributes,
        }
    }
}

fn took_too_long(action: &str, key: &str, limit: Duration) -> Error {
    let limit = limit.as_millis();
    Error::new(
        ErrorKind::ObjectStore,
        format!(
            "cannot {action} {}: it took longer than the operation timeout of {limit} ms",
            shown::key_without_secrets(key)
        ),
    )
}

fn quoted(etag: &str) -> String {
    if etag.starts_with('"') || etag.starts_with("W/") { etag.to_owned() } else { format!("\"{etag}\"") }
}

/// What a user recognises a store by.
fn place(kind: RemoteKind, options: &Options, prefix: &str) -> String {
    let names: &[&str] = match kind {
        RemoteKind::S3 => &["aws_bucket_name"],
        RemoteKind::Gcs => &["google_bucket"],
        RemoteKind::Azure => &["azure_storage_account_name", "azure_container_name"],
        RemoteKind::Http => &["url"],
    };
    let mut parts = vec![kind.name()];
    for name in names {
        parts.extend(options.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()));
    }
    if !prefix.is_empty() {
        parts.push(prefix);
    }
    shown::without_secrets(&parts.join(" "))
}

impl fmt::Display for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.remote.place)
    }
}

impl ObjectStore for RemoteStore {
    fn clock_ahead(&self) -> Option<i64> {
        self.remote.clock.ahead()
    }

    fn get(&self, key: &str, range: ByteRange) -> Result<Option<Bytes>> {
        self.run(|remote, context| async move { remote.get(key, range, None, &context).await })
    }

    fn start_get(&self, key: &str, range: ByteRange, done: Done) -> Result<Option<Started>> {
        if self.remote.exchange.is_some() {
            // Whoever gives out credentials may have to be waited for.
            return Ok(None);
        }
        let (remote, key) = (Arc::clone(&self.remote), key.to_owned());
        let context = Context { labels: label::current(), number: 0 };
        let read = async move { remote.get(&key, range, None, &context).await };
        runtime::begin(read, done).map(|task| Some(Started { task }))
    }

    fn get_versioned(&self, key: &str, known: Option<&Version>) -> Result<Option<Versioned>> {
        self.run(|remote, context| async move { remote.get_versioned(key, known, &context).await })
    }

    fn get_conditional(&self, key: &str, range: ByteRange, condition: &ReadCondition) -> Result<Option<Bytes>> {
        self.run(|remote, context| async move { remote.get(key, range, Some(condition), &context).await })
    }

    fn get_many(&self, requests: &[ReadRequest], concurrency: usize) -> Result<Vec<Option<Bytes>>> {
        self.run(|remote, context| async move { remote.get_many(requests, concurrency, &context).await })
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        self.run(|remote, context| async move { remote.head(key, &context).await })
    }

    fn head_many(&self, keys: &[&str]) -> Result<Vec<Option<ObjectMeta>>> {
        self.run(|remote, context| async move { remote.head_many(keys, &context).await })
    }

    fn put(&self, key: &str, data: Bytes, mode: &PutMode, options: &PutOptions) -> Result<Version> {
        self.run(|remote, context| async move { remote.put(key, data, mode, options, &context).await })
    }

    fn put_many(&self, objects: &[(String, Bytes)], options: &PutOptions, concurrency: usize) -> Result<()> {
        self.run(|remote, context| async move { remote.put_many(objects, options, concurrency, &context).await })
    }

    fn copy(&self, source: &str, target: &str, version: Option<&Version>) -> Result<()> {
        self.run(|remote, context| async move { remote.copy(source, target, version, &context).await })
    }

    fn list(&self, prefix: &str) -> Result<Listing> {
        self.remote.refresh()?;
        batch::list(Arc::clone(&self.remote), key::prefix(prefix)?)
    }

    fn delete_many(&self, keys: &[String]) -> Result<Vec<(String, String)>> {
        self.run(|remote, _| remote.delete_many(keys))
    }

    fn with_prefix(self: Arc<Self>, prefix: &str) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(super::PrefixStore::new(self, prefix)?))
    }
}
