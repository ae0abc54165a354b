//! Ending calls that nobody waits for any more.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

thread_local! {
    /// The switch of the call that this thread is making.
    static SWITCH: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Whether the call that this thread is making has been stopped.
pub fn is_stopped() -> bool {
    SWITCH.with_borrow(|switch| switch.as_ref().is_some_and(|stopped| stopped.load(Ordering::Relaxed)))
}

/// Lets another thread end the waiting of one call.
#[pyclass(module = "frazil._core", frozen)]
pub struct StopSwitch {
    stopped: Arc<AtomicBool>,
}

#[pymethods]
impl StopSwitch {
    #[new]
    fn new() -> Self {
        Self { stopped: Arc::default() }
    }

    /// Call a function; once `stop` was called, whatever it waits for in the extension ends with `KeyboardInterrupt`.
    fn call(&self, function: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let before = SWITCH.replace(Some(Arc::clone(&self.stopped)));
        let result = function.call0();
        SWITCH.replace(before);
        result.map(Bound::unbind)
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    #[getter]
    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}
