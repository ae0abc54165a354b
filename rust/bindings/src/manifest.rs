//! Manifest files.

use std::sync::{Arc, PoisonError};

use frazil_core::format::Manifest as Core;
use frazil_core::format::manifest_builder::{
    LocationCompression, ManifestBuilder as CoreBuilder, MergedRefs as CoreMerged, RunLimits,
};
use frazil_core::region::SortedRows;
use frazil_core::sync::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::buffer::bytes_of;
use crate::chunk_ref::ChunkRef;
use crate::chunk_table::ChunkTable;
use crate::coord_set::CoordSet;
use crate::error::to_py;
use crate::extents::extents_to_py;
use crate::header::Version;
use crate::ids::{Id, Id8, Id12};

/// Node id, references, and how many of them are inline, native and virtual.
type Statistics = (Id8, usize, usize, usize, usize);

/// Ids and lengths of native chunks, hashes and lengths of virtual ones, bytes of inline ones.
type Storage<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>, u64);

fn packed(column: &[u64]) -> Vec<u8> {
    column.iter().flat_map(|value| value.to_ne_bytes()).collect()
}

/// A frozen view of a manifest file; look-ups are binary searches in its own buffer.
#[pyclass(module = "frazil._core", frozen)]
pub struct Manifest {
    pub inner: Core,
}

impl From<Core> for Manifest {
    fn from(inner: Core) -> Self {
        Self { inner }
    }
}

#[pymethods]
impl Manifest {
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
    fn nbytes(&self) -> usize {
        self.inner.nbytes()
    }

    #[getter]
    fn num_refs(&self) -> usize {
        self.inner.num_refs()
    }

    #[getter]
    fn file_spec_version(&self) -> u8 {
        self.inner.header().spec_version as u8
    }

    #[getter]
    fn writer(&self) -> &str {
        &self.inner.header().writer
    }

    fn __repr__(&self) -> String {
        format!("<frazil {:?}>", self.inner)
    }

    fn arrays(&self) -> Vec<(Id8, usize)> {
        self.inner.arrays().map(|(id, count)| (Id(id), count)).collect()
    }

    fn statistics(&self, py: Python<'_>) -> PyResult<Vec<Statistics>> {
        let counted = py.detach(|| self.inner.statistics()).map_err(to_py)?;
        Ok(counted
            .into_iter()
            .map(|(id, c)| (Id(id), c.inline + c.native + c.virtual_, c.inline, c.native, c.virtual_))
            .collect())
    }

    fn compression(&self, py: Python<'_>) -> PyResult<(bool, usize, usize)> {
        let dictionary = self.inner.dictionary().map_or(0, |dictionary| dictionary.len());
        let compressed = py.detach(|| self.inner.compressed_refs()).map_err(to_py)?;
        Ok((dictionary > 0, dictionary, compressed))
    }

    fn get(&self, node_id: Id8, coords: Vec<u32>) -> PyResult<Option<ChunkRef>> {
        Ok(self.inner.get(&node_id.0, &coords).map_err(to_py)?.map(ChunkRef::from))
    }

    #[pyo3(signature = (node_id, start=0, stop=None))]
    fn refs<'py>(
        &self,
        py: Python<'py>,
        node_id: Id8,
        start: usize,
        stop: Option<usize>,
    ) -> PyResult<Vec<(Bound<'py, PyTuple>, ChunkRef)>> {
        let Some(refs) = self.inner.refs(&node_id.0) else { return Ok(Vec::new()) };
        let mut coords = Vec::new();
        (start..stop.unwrap_or(refs.len()).min(refs.len()))
            .map(|row| {
                refs.read(row, &mut coords).map_err(to_py)?;
                Ok((PyTuple::new(py, &coords)?, refs.get(row).map_err(to_py)?.into()))
            })
            .collect()
    }

    fn coords(&self, py: Python<'_>, node_id: Id8) -> PyResult<CoordSet> {
        py.detach(|| self.inner.coords(&node_id.0)).map(CoordSet::from).map_err(to_py)
    }

    fn storage<'py>(&self, py: Python<'py>) -> PyResult<Storage<'py>> {
        let (found, [chunks, lengths, ranges, range_lengths]) = py
            .detach(|| {
                let found = self.inner.storage()?;
                let columns = [&found.chunks, &found.lengths, &found.ranges, &found.range_lengths];
                let columns = columns.map(|column| packed(column));
                Ok((found, columns))
            })
            .map_err(to_py)?;
        let bytes = |data: &[u8]| PyBytes::new(py, data);
        Ok((bytes(&chunks), bytes(&lengths), bytes(&ranges), bytes(&range_lengths), found.inline_bytes))
    }

    fn chunk_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let ids = py.detach(|| self.inner.chunk_ids()).map_err(to_py)?;
        Ok(PyBytes::new(py, ids.as_flattened()))
    }

    fn virtual_locations(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        py.detach(|| self.inner.virtual_locations()).map_err(to_py)
    }
}

/// The references of one array for new manifests.
#[pyclass(module = "frazil._core", frozen)]
pub struct MergedRefs {
    inner: Arc<CoreMerged>,
}

/// First reference, the one after the last, and their bounding box.
type Run<'py> = (usize, usize, Bound<'py, PyTuple>);

#[pymethods]
impl MergedRefs {
    #[new]
    #[pyo3(signature = (node_id, region, old, changes))]
    fn new(
        py: Python<'_>,
        node_id: Id8,
        region: Vec<(u32, u32)>,
        old: Vec<PyRef<'_, Manifest>>,
        changes: Option<PyRef<'_, ChunkTable>>,
    ) -> PyResult<Self> {
        let old: Vec<Core> = old.iter().map(|manifest| manifest.inner.clone()).collect();
        let changes = changes.as_ref().map(|changes| changes.inner.clone());
        py.detach(|| CoreMerged::new(node_id.0, &region, &old, changes.as_deref()))
            .map(|inner| Self { inner: Arc::new(inner) })
            .map_err(to_py)
    }

    fn __len__(&self) -> usize {
        self.inner.len()
    }

    #[getter]
    fn changes_state(&self) -> Option<u64> {
        self.inner.changes_state()
    }

    #[pyo3(signature = (*, most, target, nbytes))]
    fn runs<'py>(&self, py: Python<'py>, most: usize, target: usize, nbytes: u64) -> PyResult<Vec<Run<'py>>> {
        let limits = RunLimits { most, target, bytes: nbytes };
        let runs = py.detach(|| self.inner.runs(limits)).map_err(to_py)?;
        runs.into_iter().map(|run| Ok((run.rows.start, run.rows.end, extents_to_py(py, &run.extents)?))).collect()
    }
}

/// Collects the references of one new manifest file and encodes it.
#[pyclass(module = "frazil._core", frozen)]
pub struct ManifestBuilder {
    inner: Mutex<CoreBuilder>,
}

#[pymethods]
impl ManifestBuilder {
    #[new]
    #[pyo3(signature = (like=None))]
    fn new(like: Option<&Self>) -> Self {
        let inner = match like {
            Some(other) => CoreBuilder::like(&other.inner.lock().unwrap_or_else(PoisonError::into_inner)),
            None => CoreBuilder::new(),
        };
        Self { inner: Mutex::new(inner) }
    }

    #[pyo3(signature = (node_id, region, old, changes))]
    fn add_array<'py>(
        &self,
        py: Python<'py>,
        node_id: Id8,
        region: Vec<(u32, u32)>,
        old: Vec<PyRef<'py, Manifest>>,
        changes: Option<PyRef<'py, ChunkTable>>,
    ) -> PyResult<Option<(usize, Bound<'py, PyTuple>)>> {
        let old: Vec<Core> = old.iter().map(|manifest| manifest.inner.clone()).collect();
        let changes = changes.as_ref().map(|changes| changes.inner.as_ref());
        let added = py
            .detach(|| {
                let mut builder = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
                builder.add_array(node_id.0, &region, &old, changes)
            })
            .map_err(to_py)?;
        added.map(|(count, extents)| Ok((count, extents_to_py(py, &extents)?))).transpose()
    }

    fn add(&self, refs: &MergedRefs, start: usize, stop: usize) -> PyResult<()> {
        let mut builder = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        builder.add(refs.inner.clone(), start..stop).map_err(to_py)
    }

    #[pyo3(signature = (*, id, spec_version, writer, level, min_virtual_refs, dictionary_samples, dictionary_bytes, location_level))]
    #[expect(clippy::too_many_arguments, reason = "keywords of the contract")]
    fn finish<'py>(
        &self,
        py: Python<'py>,
        id: Id12,
        spec_version: Version,
        writer: &str,
        level: i32,
        min_virtual_refs: usize,
        dictionary_samples: usize,
        dictionary_bytes: usize,
        location_level: i32,
    ) -> PyResult<(Bound<'py, PyBytes>, Manifest)> {
        let compression =
            LocationCompression { min_virtual_refs, dictionary_samples, dictionary_bytes, level: location_level };
        let (file, manifest) = py
            .detach(|| {
                let builder = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
                builder.finish_open(id.0, spec_version.0, writer, level, compression)
            })
            .map_err(to_py)?;
        Ok((PyBytes::new(py, &file), manifest.into()))
    }
}
