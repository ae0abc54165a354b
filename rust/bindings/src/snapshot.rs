//! Snapshot files.

use std::collections::{BTreeMap, BTreeSet};

use frazil_core::format::Snapshot as Core;
use frazil_core::format::node::{ArrayData, DimensionShape, ManifestRef, Node};
use frazil_core::format::snapshot::{ManifestFile, SnapshotPlan};
use frazil_core::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping, PyTuple};

use crate::buffer::bytes_of;
use crate::error::to_py;
use crate::extents::extents_to_py;
use crate::header::Version;
use crate::ids::{Id, Id8, Id12};

/// A node as Python sees it.
type NodeTuple<'py> = (Id8, String, Vec<u8>, Option<ArrayTuple<'py>>);
type ArrayTuple<'py> = (Bound<'py, PyTuple>, Option<Bound<'py, PyTuple>>, Bound<'py, PyTuple>);
type FileTuple = (Id12, u64, u32);

/// A frozen view of a snapshot file; look-ups are binary searches in its own buffer.
#[pyclass(module = "frazil._core", frozen)]
pub struct Snapshot {
    pub inner: Core,
}

impl From<Core> for Snapshot {
    fn from(inner: Core) -> Self {
        Self { inner }
    }
}

fn node_to_py(py: Python<'_>, node: Node) -> PyResult<NodeTuple<'_>> {
    let array = match node.array {
        None => None,
        Some(array) => {
            let shape = PyTuple::new(py, array.shape.iter().map(|d| (d.array_length, d.num_chunks)))?;
            let names = array.dimension_names.map(|names| PyTuple::new(py, names)).transpose()?;
            let manifests: Vec<(Id12, Bound<'_, PyTuple>)> = array
                .manifests
                .iter()
                .map(|manifest| Ok((Id(manifest.id), extents_to_py(py, &manifest.extents)?)))
                .collect::<PyResult<_>>()?;
            Some((shape, names, PyTuple::new(py, manifests)?))
        }
    };
    Ok((Id(node.id), node.path, node.user_data, array))
}

type ArrayFields = (Vec<(u64, u32)>, Option<Vec<Option<String>>>, Vec<(Id12, Vec<(u32, u32)>)>);

fn node_from_py(node: &Bound<'_, PyAny>) -> PyResult<Node> {
    let (id, path, user_data, array): (Id8, String, Bound<'_, PyAny>, Option<ArrayFields>) = node.extract()?;
    let array = array.map(|(shape, dimension_names, manifests)| ArrayData {
        shape: shape
            .into_iter()
            .map(|(array_length, num_chunks)| DimensionShape { array_length, num_chunks })
            .collect(),
        dimension_names,
        manifests: manifests.into_iter().map(|(id, extents)| ManifestRef { id: id.0, extents }).collect(),
    });
    Ok(Node { id: id.0, path, user_data: bytes_of(&user_data)?.to_vec(), array })
}

fn file_to_py(file: ManifestFile) -> FileTuple {
    (Id(file.id), file.size_bytes, file.num_chunk_refs)
}

/// `"array"` or `"group"`.
fn kind_name(is_array: bool) -> &'static str {
    if is_array { "array" } else { "group" }
}

#[pymethods]
impl Snapshot {
    #[staticmethod]
    fn decode(py: Python<'_>, data: &Bound<'_, PyAny>, expected: Id12) -> PyResult<Self> {
        let data = bytes_of(data)?;
        py.detach(|| Core::decode(&data, expected.0)).map(Self::from).map_err(to_py)
    }

    #[getter]
    fn id(&self) -> Id12 {
        Id(self.inner.id())
    }

    #[getter]
    fn parent_id(&self) -> Option<Id12> {
        self.inner.parent_id().map(Id)
    }

    #[getter]
    fn flushed_at(&self) -> u64 {
        self.inner.flushed_at()
    }

    #[getter]
    fn message(&self) -> &str {
        self.inner.message()
    }

    #[getter]
    fn metadata(&self) -> Vec<(String, Vec<u8>)> {
        self.inner.metadata().to_vec()
    }

    #[getter]
    fn file_spec_version(&self) -> u8 {
        self.inner.header().spec_version as u8
    }

    #[getter]
    fn writer(&self) -> &str {
        &self.inner.header().writer
    }

    #[getter]
    fn num_nodes(&self) -> usize {
        self.inner.num_nodes()
    }

    fn __repr__(&self) -> String {
        format!("<frazil {:?}>", self.inner)
    }

    fn node<'py>(&self, py: Python<'py>, path: &str) -> PyResult<Option<NodeTuple<'py>>> {
        self.inner.node(path).map_err(to_py)?.map(|node| node_to_py(py, node)).transpose()
    }

    fn node_kind(&self, path: &str) -> PyResult<Option<&'static str>> {
        let found = self.inner.find(path).map_err(to_py)?;
        found.map(|node| node.is_array().map(kind_name).map_err(to_py)).transpose()
    }

    #[pyo3(signature = (prefix="/"))]
    fn nodes<'py>(&self, py: Python<'py>, prefix: &str) -> PyResult<Vec<NodeTuple<'py>>> {
        let nodes = py.detach(|| self.inner.nodes(prefix)).map_err(to_py)?;
        nodes.into_iter().map(|node| node_to_py(py, node)).collect()
    }

    #[pyo3(signature = (prefix="/"))]
    fn paths(&self, py: Python<'_>, prefix: &str) -> PyResult<Vec<(String, &'static str, Id8)>> {
        let paths = py.detach(|| self.inner.paths(prefix)).map_err(to_py)?;
        Ok(paths.into_iter().map(|(path, is_array, id)| (path, kind_name(is_array), Id(id))).collect())
    }

    fn children(&self, path: &str) -> PyResult<Vec<String>> {
        self.inner.children(path).map_err(to_py)
    }

    fn manifest_files(&self) -> Vec<FileTuple> {
        self.inner.manifest_files().iter().copied().map(file_to_py).collect()
    }

    fn manifest_file(&self, manifest_id: Id12) -> Option<FileTuple> {
        self.inner.manifest_file(&manifest_id.0).map(file_to_py)
    }
}

/// A snapshot file: the nodes of `base` without `removed` paths and with `nodes` put over them.
#[pyfunction]
#[pyo3(signature = (
    *, base, removed, nodes, manifest_files, id, parent_id, flushed_at, message, metadata, spec_version, chunk_lengths,
    writer, level
))]
#[expect(clippy::too_many_arguments, reason = "keywords of the contract")]
pub fn encode_snapshot<'py>(
    py: Python<'py>,
    base: Option<PyRef<'py, Snapshot>>,
    removed: Vec<String>,
    nodes: Vec<Bound<'py, PyAny>>,
    manifest_files: Vec<FileTuple>,
    id: Id12,
    parent_id: Option<Id12>,
    flushed_at: u64,
    message: &str,
    metadata: Vec<(String, Vec<u8>)>,
    spec_version: Version,
    chunk_lengths: &Bound<'py, PyMapping>,
    writer: &str,
    level: i32,
) -> PyResult<Bound<'py, PyBytes>> {
    let nodes: Vec<Node> = nodes.iter().map(node_from_py).collect::<PyResult<_>>()?;
    let lengths: Vec<(String, Vec<u64>)> = chunk_lengths.items()?.extract()?;
    let manifest_files: Vec<ManifestFile> = manifest_files
        .into_iter()
        .map(|(id, size_bytes, num_chunk_refs)| ManifestFile { id: id.0, size_bytes, num_chunk_refs })
        .collect();
    let by_path: BTreeMap<&str, &Node> = nodes.iter().map(|node| (node.path.as_str(), node)).collect();
    if by_path.len() != nodes.len() {
        return Err(to_py(Error::new(ErrorKind::InvalidInput, "two of the new nodes have the same path")));
    }
    let base = base.as_ref().map(|base| &base.inner);
    let plan = SnapshotPlan {
        base,
        removed: removed.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        nodes: by_path,
        manifest_files: &manifest_files,
        id: id.0,
        parent_id: parent_id.map(|id| id.0),
        flushed_at,
        message,
        metadata: &metadata,
        spec_version: spec_version.0,
        chunk_lengths: lengths.iter().map(|(path, lengths)| (path.as_str(), lengths.clone())).collect(),
    };
    let file = py.detach(|| plan.encode(writer, level)).map_err(to_py)?;
    Ok(PyBytes::new(py, &file))
}
