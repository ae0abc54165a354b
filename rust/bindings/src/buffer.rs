//! Bytes that cross the boundary without being copied.

use std::ffi::{c_int, c_void};

use bytes::Bytes;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PySlice};

/// Read-only shared bytes with the buffer protocol; slicing shares, nothing is copied.
#[pyclass(module = "frazil._core", name = "Buffer", frozen, weakref)]
pub struct Buffer {
    pub data: Bytes,
}

impl From<Bytes> for Buffer {
    fn from(data: Bytes) -> Self {
        Self { data }
    }
}

/// The bytes of any object with the buffer protocol: shared if it is a `bytes` or a `Buffer`, else copied.
///
/// Only those two can promise not to change while other threads read them.
pub fn bytes_of(object: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(Bytes::from_owner(PyBackedBytes::from(bytes.clone())));
    }
    if let Ok(buffer) = object.cast::<Buffer>() {
        return Ok(buffer.get().data.clone());
    }
    if let Ok(buffer) = PyBuffer::<u8>::get(object) {
        return Ok(buffer.to_vec(object.py())?.into());
    }
    let view = object.py().import("builtins")?.call_method1("memoryview", (object,))?;
    PyBuffer::<u8>::get(&view.call_method1("cast", ("B",))?)?.to_vec(object.py()).map(Bytes::from)
}

#[pymethods]
impl Buffer {
    #[new]
    fn new(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        bytes_of(data).map(Self::from)
    }

    fn __len__(&self) -> usize {
        self.data.len()
    }

    fn __getitem__(&self, key: &Bound<'_, PySlice>) -> PyResult<Self> {
        let length = isize::try_from(self.data.len()).map_err(|_| PyBufferError::new_err("the buffer is too long"))?;
        let bounds = key.indices(length)?;
        if bounds.step != 1 {
            return Err(PyValueError::new_err("a Buffer can be sliced with step 1 only: convert it to bytes first"));
        }
        let start = usize::try_from(bounds.start).unwrap_or(0);
        Ok(self.data.slice(start..start + bounds.slicelength).into())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = other.py();
        match bytes_of(other) {
            Ok(other) => Ok((self.data == other).into_pyobject(py)?.to_owned().into_any().unbind()),
            Err(_) => Ok(py.NotImplemented()),
        }
    }

    /// The hash of equal bytes is equal, also for a `bytes` of Python.
    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        PyBytes::new(py, &self.data).hash()
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.data)
    }

    fn __repr__(&self) -> String {
        format!("<frazil Buffer of {} bytes>", self.data.len())
    }

    /// # Safety
    /// Called by the interpreter, with a `view` that it owns.
    #[allow(
        unsafe_code,
        reason = "the buffer protocol is a C interface; the bytes are immutable and live as long as `slf`"
    )]
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let data = &slf.get().data;
        let length = isize::try_from(data.len()).map_err(|_| PyBufferError::new_err("the buffer is too long"))?;
        let start = data.as_ptr().cast::<c_void>().cast_mut();
        // SAFETY: the interpreter keeps `slf`, and so the bytes, until it releases the view; they are given as read-only.
        match unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start, length, 1, flags) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }
}
