//! Listing and deleting.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use tokio::sync::mpsc::{Receiver, channel};

use super::failure::{failed, is_missing};
use super::{Remote, runtime};
use crate::error::{Error, Result};
use crate::storage::{Listing, ObjectMeta};

/// Objects that travel together from the runtime to the caller; services list as many with one request.
const PAGE: usize = 1000;

/// Objects that are deleted with one call of the library, which S3 does with one request.
const DELETIONS: usize = 1000;

/// Such calls in flight.
const DELETION_CALLS: usize = 4;

type Page = Vec<Result<ObjectMeta>>;

/// The objects below `prefix`, fetched a few pages ahead.
pub fn list(remote: Arc<Remote>, prefix: &str) -> Result<Listing> {
    let path = remote.path_of_prefix(prefix)?;
    let shown = prefix.to_owned();
    let (pages, received) = channel::<Page>(2);
    let fetching = Arc::clone(&remote);
    runtime::spawn(async move {
        let listed = fetching.client.list((!path.as_ref().is_empty()).then_some(&path));
        let objects = listed.map(|object| match object {
            Ok(object) => Ok(fetching.meta(object, BTreeMap::new())),
            Err(error) => Err(failed(error, "list", &shown)),
        });
        let mut chunks = objects.ready_chunks(PAGE);
        while let Some(page) = chunks.next().await {
            // Nobody listens any more when the listing was dropped.
            if pages.send(page).await.is_err() {
                break;
            }
        }
    })?;
    Ok(Box::new(Pages { remote, received, page: VecDeque::new(), begun: false }))
}

struct Pages {
    remote: Arc<Remote>,
    received: Receiver<Page>,
    page: VecDeque<Result<ObjectMeta>>,
    /// The first pages are fetched with the credentials that the listing was started with.
    begun: bool,
}

impl Pages {
    fn fetch(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            self.remote.refresh()?;
        }
        if let Some(page) = runtime::block_on(async { Ok::<_, Error>(self.received.recv().await) })? {
            self.page.extend(page);
        }
        Ok(())
    }
}

impl Iterator for Pages {
    type Item = Result<ObjectMeta>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && let Err(error) = self.fetch()
        {
            return Some(Err(error));
        }
        self.page.pop_front()
    }
}

impl Remote {
    pub(super) async fn delete_many(&self, keys: &[String]) -> Result<Vec<(String, String)>> {
        let paths: Vec<(&String, Path)> = keys.iter().map(|key| Ok((key, self.path(key)?))).collect::<Result<_>>()?;
        let calls = paths.chunks(DELETIONS).map(|batch| self.delete_batch(batch));
        let failures: Vec<_> = stream::iter(calls).buffer_unordered(DELETION_CALLS).collect().await;
        Ok(failures.into_iter().flatten().collect())
    }

    async fn delete_batch(&self, batch: &[(&String, Path)]) -> Vec<(String, String)> {
        let _permit = match self.permit().await {
            Ok(permit) => permit,
            Err(error) => return batch.iter().map(|(key, _)| ((*key).clone(), error.message.clone())).collect(),
        };
        let paths: Vec<_> = batch.iter().map(|(_, path)| Ok(path.clone())).collect();
        let paths: BoxStream<'static, _> = stream::iter(paths).boxed();
        let results: Vec<object_store::Result<Path>> = self.client.delete_stream(paths).collect().await;
        let whole_failed = results.len() != batch.len();
        let reason = |error: object_store::Error, key: &str| failed(error, "delete", key).message;
        if whole_failed {
            let failure = results.into_iter().find_map(|result| result.err().map(|error| reason(error, "objects")));
            let failure = failure.unwrap_or_else(|| "the store did not say what it deleted".to_owned());
            return batch.iter().map(|(key, _)| ((*key).clone(), failure.clone())).collect();
        }
        let failures = batch.iter().zip(results).filter_map(|((key, _), result)| match result {
            Err(error) if !is_missing(&error) => Some(((*key).clone(), reason(error, key))),
            _ => None,
        });
        failures.collect()
    }
}
