//! Transaction logs.

use frazil_core::format::TransactionLog as Core;
use frazil_core::format::transaction_log::{Changes, Move, NodeType};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::bytes_of;
use crate::coord_set::CoordSet;
use crate::error::to_py;
use crate::header::Version;
use crate::ids::{Id, Id8, Id12, ids_from_py, ids_to_py};

/// A decoded transaction log.
#[pyclass(module = "frazil._core", frozen)]
pub struct TransactionLog {
    pub inner: std::sync::Arc<Core>,
}

impl From<std::sync::Arc<Core>> for TransactionLog {
    fn from(inner: std::sync::Arc<Core>) -> Self {
        Self { inner }
    }
}

#[pymethods]
impl TransactionLog {
    #[staticmethod]
    fn decode(py: Python<'_>, data: &Bound<'_, PyAny>, expected: Id12) -> PyResult<Self> {
        let data = bytes_of(data)?;
        let inner = py.detach(|| Core::decode(&data, expected.0)).map_err(to_py)?;
        Ok(Self { inner: std::sync::Arc::new(inner) })
    }

    #[getter]
    fn id(&self) -> Id12 {
        Id(self.inner.id)
    }

    #[getter]
    fn writer(&self) -> &str {
        &self.inner.header.writer
    }

    #[getter]
    fn file_spec_version(&self) -> u8 {
        self.inner.header.spec_version as u8
    }

    #[getter]
    fn new_groups(&self) -> Vec<Id8> {
        ids_to_py(&self.inner.changes.new_groups)
    }

    #[getter]
    fn new_arrays(&self) -> Vec<Id8> {
        ids_to_py(&self.inner.changes.new_arrays)
    }

    #[getter]
    fn deleted_groups(&self) -> Vec<Id8> {
        ids_to_py(&self.inner.changes.deleted_groups)
    }

    #[getter]
    fn deleted_arrays(&self) -> Vec<Id8> {
        ids_to_py(&self.inner.changes.deleted_arrays)
    }

    #[getter]
    fn updated_groups(&self) -> Vec<Id8> {
        ids_to_py(&self.inner.changes.updated_groups)
    }

    #[getter]
    fn updated_arrays(&self) -> Vec<Id8> {
        ids_to_py(&self.inner.changes.updated_arrays)
    }

    #[getter]
    fn updated_chunks(&self) -> Vec<(Id8, CoordSet)> {
        self.inner.changes.updated_chunks.iter().map(|(id, coords)| (Id(*id), coords.clone().into())).collect()
    }

    #[getter]
    fn moves(&self) -> Vec<(&str, &str, Id8, u8)> {
        let moves = self.inner.changes.moves.iter();
        moves.map(|m| (m.from.as_str(), m.to.as_str(), Id(m.node_id), m.node_type as u8)).collect()
    }

    fn __repr__(&self) -> String {
        format!("<frazil transaction log of {}, {} changes>", self.inner.id, self.inner.num_changes())
    }
}

/// A transaction log file.  Id lists are sorted here; moves keep their order.
#[pyfunction]
#[pyo3(signature = (
    *, id, new_groups, new_arrays, deleted_groups, deleted_arrays, updated_groups, updated_arrays, updated_chunks, moves,
    spec_version, writer, level
))]
#[expect(clippy::too_many_arguments, reason = "keywords of the contract")]
pub fn encode_transaction_log<'py>(
    py: Python<'py>,
    id: Id12,
    new_groups: Vec<Id8>,
    new_arrays: Vec<Id8>,
    deleted_groups: Vec<Id8>,
    deleted_arrays: Vec<Id8>,
    updated_groups: Vec<Id8>,
    updated_arrays: Vec<Id8>,
    updated_chunks: Vec<(Id8, PyRef<'py, CoordSet>)>,
    moves: Vec<(String, String, Id8, u8)>,
    spec_version: Version,
    writer: &str,
    level: i32,
) -> PyResult<Bound<'py, PyBytes>> {
    let moves = moves.into_iter().map(|(from, to, node_id, kind)| {
        Ok(Move { from, to, node_id: node_id.0, node_type: NodeType::from_number(kind).map_err(to_py)? })
    });
    let changes = Changes {
        new_groups: ids_from_py(new_groups),
        new_arrays: ids_from_py(new_arrays),
        deleted_groups: ids_from_py(deleted_groups),
        deleted_arrays: ids_from_py(deleted_arrays),
        updated_groups: ids_from_py(updated_groups),
        updated_arrays: ids_from_py(updated_arrays),
        updated_chunks: updated_chunks.into_iter().map(|(id, coords)| (id.0, coords.inner.clone())).collect(),
        moves: moves.collect::<PyResult<_>>()?,
    };
    let file = py.detach(|| changes.encode(id.0, spec_version.0, writer, level)).map_err(to_py)?;
    Ok(PyBytes::new(py, &file))
}
