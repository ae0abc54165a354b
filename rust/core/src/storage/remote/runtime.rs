//! The one runtime that network requests run on.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::process;
use std::sync::OnceLock;
use std::thread;

use futures::FutureExt;
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;

/// Threads that move bytes; requests wait without a thread.
const MOST_THREADS: usize = 4;

struct Shared {
    runtime: Runtime,
    /// Threads do not survive a fork.
    process: u32,
}

// Started by the first request and never stopped: its threads call nobody, so they may end with the process.
static SHARED: OnceLock<std::result::Result<Shared, String>> = OnceLock::new();

fn start() -> std::result::Result<Shared, String> {
    let threads = thread::available_parallelism().map_or(2, usize::from).clamp(2, MOST_THREADS);
    let runtime = Builder::new_multi_thread().worker_threads(threads).thread_name("frazil-io").enable_all().build();
    runtime.map(|runtime| Shared { runtime, process: process::id() }).map_err(|error| error.to_string())
}

fn shared() -> Result<&'static Runtime> {
    let shared = SHARED.get_or_init(start).as_ref().map_err(|reason| {
        Error::new(ErrorKind::Io, format!("cannot start the threads for network requests: {reason}"))
    })?;
    if shared.process == process::id() {
        return Ok(&shared.runtime);
    }
    Err(Error::new(
        ErrorKind::ObjectStore,
        "this process was forked from one that had already used an object store over the network, whose threads and \
         connections a fork does not carry over: start processes with the 'spawn' or 'forkserver' method instead",
    ))
}

/// Choose the library that encrypts connections; clients are made with it.
pub fn choose_crypto() {
    // A second provider can only be one that the embedding program has chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Run `future` to its end, or until the embedding program interrupts.
pub fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    shared()?.block_on(async {
        let mut ticks = interval(interrupt::INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        let mut future = std::pin::pin!(guarded(future));
        loop {
            tokio::select! {
                biased;
                result = &mut future => return result,
                _ = ticks.tick() => interrupt::check()?,
            }
        }
    })
}

/// Run `future` on the runtime's threads; nobody waits for it.
pub fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    shared()?.spawn(future);
    Ok(())
}

/// Run `future` on the runtime's threads, and hand its result to `done` there.
pub fn begin<T: Send + 'static>(
    future: impl Future<Output = Result<T>> + Send + 'static,
    done: impl FnOnce(Result<T>) + Send + 'static,
) -> Result<AbortHandle> {
    Ok(shared()?.spawn(async move { done(guarded(future).await) }).abort_handle())
}

/// The client library may panic over an answer that it did not expect; that must not end the process.
async fn guarded<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(future).catch_unwind().await.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::ObjectStore,
            "the object store's client failed over an answer that it did not expect",
        ))
    })
}
