//! Reads that end while an event loop does other things.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use frazil_core::CompletionQueue;
use frazil_core::chunk_reader::ReadRange;
use frazil_core::key_reader::{Found, Step};
use frazil_core::storage::Started;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::buffer::Buffer;
use crate::chunk_reader::chunk_to_py;
use crate::error::to_py;
use crate::key_reader::{KeyReader, unknown};

/// A read that is under way.
#[pyclass(module = "frazil._core", frozen)]
pub struct Fetch {
    ticket: u64,
    started: Started,
}

#[pymethods]
impl Fetch {
    /// The number under which its result will be found.
    #[getter]
    fn ticket(&self) -> u64 {
        self.ticket
    }

    /// Nobody waits for it any more.
    fn cancel(&self) {
        self.started.give_up();
    }
}

/// Starts reads for one event loop, and collects what came of them.
#[pyclass(module = "frazil._core", frozen)]
pub struct Completions {
    queue: Arc<CompletionQueue>,
    tickets: AtomicU64,
}

#[pymethods]
impl Completions {
    /// Stands for a key that can only be read by waiting for it.
    #[classattr]
    #[pyo3(name = "MUST_WAIT")]
    fn must_wait(py: Python<'_>) -> PyResult<Py<PyAny>> {
        must_wait(py)
    }

    #[new]
    fn new() -> PyResult<Self> {
        let queue = CompletionQueue::new().map_err(to_py)?;
        Ok(Self { queue: Arc::new(queue), tickets: AtomicU64::new(0) })
    }

    /// Becomes readable when there is something to take.
    fn fileno(&self) -> i32 {
        self.queue.fileno()
    }

    /// As `KeyReader.read`, without waiting: what has to be fetched comes as a `Fetch`, whose result `take` will give.
    ///
    /// `KeyReader.UNKNOWN` also stands for a key whose manifest has to be read first.
    #[pyo3(signature = (keys, key, start=None, end=None, suffix=None))]
    fn read(
        &self,
        py: Python<'_>,
        keys: &KeyReader,
        key: &str,
        start: Option<u64>,
        end: Option<u64>,
        suffix: Option<u64>,
    ) -> PyResult<Option<Py<PyAny>>> {
        let range = ReadRange::new(start, end, suffix).map_err(to_py)?;
        let pending = match keys.inner.peek(key, range).map_err(to_py)? {
            Found::Unknown => return unknown(py).map(Some),
            Found::Known(Step::Done(chunk)) => return chunk_to_py(py, chunk),
            Found::Known(Step::Left(pending)) if pending.needs_manifest() => return unknown(py).map(Some),
            Found::Known(Step::Left(pending)) => pending,
        };
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let queue = Arc::clone(&self.queue);
        let started = pending.start(key, move |result| queue.put(ticket, result)).map_err(to_py)?;
        match started {
            Some(started) => Fetch { ticket, started }.into_py_any(py).map(Some),
            None => must_wait(py).map(Some),
        }
    }

    /// The results that have come in since the last time: ticket, and bytes or the exception to raise.
    fn take(&self, py: Python<'_>) -> PyResult<Vec<(u64, Py<PyAny>)>> {
        let results = self.queue.take().into_iter();
        results
            .map(|(ticket, result)| match result {
                Ok(data) => Ok((ticket, Buffer::from(data).into_py_any(py)?)),
                Err(error) => Ok((ticket, to_py(error).into_value(py).into_any())),
            })
            .collect()
    }
}

/// The type of `Completions.MUST_WAIT`.
#[pyclass(module = "frazil._core", frozen)]
struct MustWait;

#[pymethods]
impl MustWait {
    fn __repr__(&self) -> &'static str {
        "Completions.MUST_WAIT"
    }
}

fn must_wait(py: Python<'_>) -> PyResult<Py<PyAny>> {
    static MUST_WAIT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    MUST_WAIT.get_or_try_init(py, || MustWait.into_py_any(py)).map(|found| found.clone_ref(py))
}
