//! A commit as people see it.

use std::sync::{Arc, PoisonError};

use chrono::{DateTime, Datelike, Timelike};
use frazil_core::format::repo_info::{Lineage, SnapshotEntry};
use frazil_core::format::values;
use frazil_core::sync::Mutex;
use frazil_core::{Error, ErrorKind, object_id};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyDict, PyTuple, PyTzInfo};

use crate::error::to_py;
use crate::repo_info::RepoInfo;
use crate::values::to_python;

/// What a commit is made of.
enum Commit {
    /// An entry of a history: its parts become objects of Python when they are asked for.
    Listed(Arc<SnapshotEntry>),
    /// The parts as somebody gave them.
    Given { id: String, parent_id: Option<String>, written_at: Py<PyAny>, message: String, metadata: Py<PyDict> },
}

/// A commit.
///
/// Parameters
/// ----------
/// id
///     20 characters.
/// parent_id
///     The snapshot that it was made on; None for the first one.
/// written_at
///     When it was written, in UTC.
/// message
///     What the writer said.
/// metadata
///     JSON values that the writer gave with it.
#[pyclass(module = "frazil", frozen)]
pub struct SnapshotInfo {
    commit: Commit,
}

impl SnapshotInfo {
    fn written_at_of<'py>(py: Python<'py>, micros: u64) -> PyResult<Bound<'py, PyAny>> {
        let time = i64::try_from(micros).ok().and_then(DateTime::from_timestamp_micros);
        match time.map(|time| (time, u16::try_from(time.year()))) {
            Some((time, Ok(_))) if time.year() <= 9999 => {
                let part = |value: u32| u8::try_from(value).unwrap_or(0);
                PyDateTime::new(
                    py,
                    time.year(),
                    part(time.month()),
                    part(time.day()),
                    part(time.hour()),
                    part(time.minute()),
                    part(time.second()),
                    time.timestamp_subsec_micros(),
                    Some(&*PyTzInfo::utc(py)?),
                )
                .map(Bound::into_any)
            }
            _ => Err(to_py(Error::new(
                ErrorKind::Deserialization,
                format!("a file holds a time outside the years 1 to 9999: {micros} microseconds since 1970"),
            ))),
        }
    }

    fn parts<'py>(&self, py: Python<'py>) -> PyResult<[Bound<'py, PyAny>; 5]> {
        Ok([
            self.id().into_bound_py_any(py)?,
            self.parent_id().into_bound_py_any(py)?,
            self.written_at(py)?,
            self.message().into_bound_py_any(py)?,
            self.metadata(py)?,
        ])
    }
}

const FIELDS: [&str; 5] = ["id", "parent_id", "written_at", "message", "metadata"];

#[pymethods]
impl SnapshotInfo {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str, &'static str, &'static str) {
        let [id, parent_id, written_at, message, metadata] = FIELDS;
        (id, parent_id, written_at, message, metadata)
    }

    #[new]
    #[pyo3(signature = (id, parent_id, written_at, message, metadata=None))]
    fn new(
        py: Python<'_>,
        id: String,
        parent_id: Option<String>,
        written_at: Py<PyAny>,
        message: String,
        metadata: Option<Py<PyDict>>,
    ) -> Self {
        let metadata = metadata.unwrap_or_else(|| PyDict::new(py).unbind());
        Self { commit: Commit::Given { id, parent_id, written_at, message, metadata } }
    }

    /// 20 characters.
    #[getter]
    fn id(&self) -> String {
        match &self.commit {
            Commit::Listed(entry) => object_id::encode(entry.id.as_bytes()),
            Commit::Given { id, .. } => id.clone(),
        }
    }

    /// The snapshot that it was made on; None for the first one.
    #[getter]
    fn parent_id(&self) -> Option<String> {
        match &self.commit {
            Commit::Listed(entry) => entry.parent_id.map(|id| object_id::encode(id.as_bytes())),
            Commit::Given { parent_id, .. } => parent_id.clone(),
        }
    }

    /// When it was written, in UTC.
    #[getter]
    fn written_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.commit {
            Commit::Listed(entry) => Self::written_at_of(py, entry.flushed_at),
            Commit::Given { written_at, .. } => Ok(written_at.bind(py).clone()),
        }
    }

    /// What the writer said.
    #[getter]
    fn message(&self) -> &str {
        match &self.commit {
            Commit::Listed(entry) => &entry.message,
            Commit::Given { message, .. } => message,
        }
    }

    /// JSON values that the writer gave with it; of an entry of a history a new dictionary each time.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.commit {
            Commit::Listed(entry) => {
                let metadata = PyDict::new(py);
                for (name, value) in &entry.metadata {
                    // Values in the `repo` object are FlexBuffers (format section 4.1).
                    let value = values::flexbuffer_value(value).map_err(to_py)?;
                    metadata.set_item(name, to_python(py, &value)?)?;
                }
                Ok(metadata.into_any())
            }
            Commit::Given { metadata, .. } => Ok(metadata.bind(py).clone().into_any()),
        }
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        match (&self.commit, &other.commit) {
            (Commit::Listed(one), Commit::Listed(two)) if Arc::ptr_eq(one, two) => Ok(true),
            _ => PyTuple::new(py, self.parts(py)?)?.eq(PyTuple::new(py, other.parts(py)?)?),
        }
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        // Not of the metadata, which a dictionary holds.
        let [id, parent_id, written_at, message, _] = self.parts(py)?;
        PyTuple::new(py, [id, parent_id, written_at, message])?.hash()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        Ok((slf.get_type().into_any(), PyTuple::new(py, slf.get().parts(py)?)?))
    }
}

/// A snapshot and its ancestors, newest first; safe to step from several threads.
#[pyclass(module = "frazil._core", frozen)]
pub struct Commits {
    /// What is still to come; None once it was closed.
    rest: Mutex<Option<(Py<RepoInfo>, Lineage)>>,
}

impl Commits {
    pub fn new(repo: Py<RepoInfo>, lineage: Lineage) -> Self {
        Self { rest: Mutex::new(Some((repo, lineage))) }
    }
}

#[pymethods]
impl Commits {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self) -> PyResult<Option<SnapshotInfo>> {
        let step = || -> frazil_core::Result<Option<Arc<SnapshotEntry>>> {
            let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((repo, lineage)) = rest.as_mut() else { return Ok(None) };
            Ok(lineage.next(&repo.get().inner)?.map(Arc::clone))
        };
        Ok(step().map_err(to_py)?.map(|entry| SnapshotInfo { commit: Commit::Listed(entry) }))
    }

    /// Let go of the history: nothing more comes.
    fn close(&self) {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
