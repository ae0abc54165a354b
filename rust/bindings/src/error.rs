//! Core errors become the Python package's exceptions.

use std::cell::{Cell, RefCell};

use frazil_core::{Error, ErrorKind, interrupt};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use crate::stop_switch::is_stopped;

thread_local! {
    /// What a signal handler or another function of Python raised while this thread was inside the core.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };

    /// Whether this thread is one of Python's, which waits inside the core.
    static IS_PYTHONS: Cell<bool> = const { Cell::new(false) };
}

/// The exception for `error`, made by `frazil.errors.core_error(kind, message, context)`.
pub fn to_py(error: Error) -> PyErr {
    if error.kind == ErrorKind::Interrupted {
        return RAISED.take().unwrap_or_else(|| PyKeyboardInterrupt::new_err(()));
    }
    Python::attach(|py| {
        let made = py
            .import("frazil.errors")
            .and_then(|module| module.call_method1("core_error", (error.kind.as_str(), error.message, error.context)));
        match made {
            Ok(exception) => PyErr::from_value(exception),
            Err(failure) => failure,
        }
    })
}

/// Let long calls of the core see Ctrl-C.
pub fn install_interrupt() {
    interrupt::install(|| {
        // Threads of our own must not touch an interpreter that may be ending; their calls are waited for by one of Python's.
        if !IS_PYTHONS.get() {
            return Ok(());
        }
        if is_stopped() {
            return Err(Error::new(ErrorKind::Interrupted, "nobody waits for this call any more"));
        }
        match Python::try_attach(|py| py.check_signals()) {
            Some(Err(raised)) => Err(keep_raised(raised)),
            _ => Ok(()),
        }
    });
}

/// An exception of Python on its way through the core, which `to_py` raises again in the same thread.
pub fn keep_raised(raised: PyErr) -> Error {
    RAISED.replace(Some(raised));
    Error::new(ErrorKind::Interrupted, "interrupted")
}

/// The one doorway for calls that may block: the interpreter runs other threads meanwhile.
pub fn blocking<T: Send>(py: Python<'_>, call: impl FnOnce() -> frazil_core::Result<T> + Send) -> PyResult<T> {
    py.detach(|| {
        let before = IS_PYTHONS.replace(true);
        let result = call();
        IS_PYTHONS.set(before);
        result
    })
    .map_err(to_py)
}
