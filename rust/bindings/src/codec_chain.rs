//! The codecs of an array, and whole batches of chunks through them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use frazil_core::array_io::{self, Batch, Naming, Upload};
use frazil_core::codec::{Chain, ElementKind, Equality, Fill, Source, chain_from_json};
use frazil_core::storage::PutOptions;
use frazil_core::{Change, ChunkRef as CoreRef, Error, ErrorKind, ObjectId12};
use numpy::{PyReadonlyArray1, PyReadwriteArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::buffer::bytes_of;
use crate::chunk_reader::ChunkReader;
use crate::chunk_ref::ChunkRef;
use crate::chunk_selection::ChunkSelection;
use crate::chunk_table::ChunkTable;
use crate::error::to_py;
use crate::ids::{Id12, ids_to_py};

/// The codecs of an array, for chunks of one shape and elements of one kind.
#[pyclass(module = "frazil._core", frozen)]
pub struct CodecChain {
    inner: Arc<Chain>,
}

#[pymethods]
impl CodecChain {
    #[new]
    #[pyo3(signature = (codecs, shape, *, item_size, unit, big_endian, fill, equality))]
    fn new(
        codecs: &str,
        shape: Vec<usize>,
        item_size: usize,
        unit: usize,
        big_endian: bool,
        fill: &[u8],
        equality: &str,
    ) -> PyResult<Self> {
        let equality = match equality {
            "bits" => Equality::Bits,
            "nan" => Equality::Nan,
            "complex" => Equality::Complex,
            _ => return Err(PyValueError::new_err(format!("no kind of equality: {equality}"))),
        };
        if fill.len() != item_size {
            return Err(PyValueError::new_err("the fill value has to be one element"));
        }
        let fill = Arc::new(Fill::new(fill, equality).map_err(to_py)?);
        let kind = ElementKind { size: item_size, unit, big_endian, fill };
        chain_from_json(codecs, &shape, &kind).map(|inner| Self { inner: Arc::new(inner) }).map_err(to_py)
    }

    /// Bytes of a whole chunk in memory.
    #[getter]
    fn nbytes(&self) -> usize {
        self.inner.length()
    }

    /// Stored bytes are the elements as they are in memory.
    #[getter]
    fn is_plain(&self) -> bool {
        self.inner.is_plain()
    }

    /// Put the selected elements of the array at `path` into `memory`, of C-order `shape`; the numbers of the chunks that were never written.
    #[expect(clippy::too_many_arguments, reason = "what is read, from where, and where to")]
    fn read(
        &self,
        py: Python<'_>,
        path: &str,
        reader: &ChunkReader,
        selection: &ChunkSelection,
        mut memory: PyReadwriteArray1<'_, u8>,
        shape: Vec<usize>,
        fetch_virtual: Py<PyAny>,
    ) -> PyResult<Vec<usize>> {
        let memory = memory.as_slice_mut()?;
        let batch = self.batch(path, reader, selection);
        let foreign = Foreign::new(fetch_virtual);
        foreign.finish(
            py.detach(|| {
                array_io::read(&batch, &|references, labels| foreign.fetch(references, labels), memory, &shape)
            }),
        )
    }

    /// Encode and store the selected elements of `memory`; what has to be recorded of each chunk.
    ///
    /// `ids` are 12 bytes for each chunk, or None to name chunks by their content.  With `packs` many small chunks share
    /// objects.
    #[pyo3(signature = (
        path, reader, selection, memory, fetch_virtual, *, keep_empty, inline_limit, ids, packs, storage_class=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "how and where chunks are stored")]
    fn write(
        &self,
        py: Python<'_>,
        path: &str,
        reader: &ChunkReader,
        selection: &ChunkSelection,
        memory: PyReadonlyArray1<'_, u8>,
        fetch_virtual: Py<PyAny>,
        keep_empty: bool,
        inline_limit: usize,
        ids: Option<&[u8]>,
        packs: bool,
        storage_class: Option<String>,
    ) -> PyResult<ChunkChanges> {
        let source = Source { bytes: memory.as_slice()?, keep_empty };
        let batch = self.batch(path, reader, selection);
        let ids: Option<Vec<ObjectId12>> =
            ids.map(|ids| ids.as_chunks::<12>().0.iter().map(|raw| frazil_core::ObjectId(*raw)).collect());
        let upload = Upload {
            inline_limit,
            naming: ids.as_deref().map_or(Naming::Content, Naming::Given),
            packs,
            options: PutOptions { storage_class, fresh: ids.is_some(), ..PutOptions::default() },
        };
        let foreign = Foreign::new(fetch_virtual);
        let changes = foreign.finish(py.detach(|| {
            array_io::write(
                &batch,
                &|references, labels| foreign.fetch(references, labels),
                source,
                &selection.complete,
                &upload,
            )
        }))?;
        Ok(ChunkChanges { rank: selection.rank, coords: selection.coords.clone(), changes })
    }
}

impl CodecChain {
    fn batch<'a>(&'a self, path: &'a str, reader: &'a ChunkReader, selection: &'a ChunkSelection) -> Batch<'a> {
        Batch {
            path,
            reader: &reader.inner,
            chain: &self.inner,
            coords: &selection.coords,
            regions: &selection.regions,
        }
    }
}

/// How often this process has taken each short cut of the codec pipeline.
#[pyfunction]
pub fn short_cuts_taken() -> HashMap<&'static str, u64> {
    frazil_core::short_cuts::counts().collect()
}

/// A Python function that fetches virtual chunks, and what it raised.
struct Foreign {
    function: Py<PyAny>,
    raised: Mutex<Option<PyErr>>,
}

impl Foreign {
    fn new(function: Py<PyAny>) -> Self {
        Self { function, raised: Mutex::new(None) }
    }

    fn fetch(&self, references: &[CoreRef], labels: Vec<String>) -> frazil_core::Result<Vec<Bytes>> {
        let call = |py: Python<'_>| -> PyResult<Vec<Bytes>> {
            let references: Vec<ChunkRef> = references.iter().cloned().map(ChunkRef::from).collect();
            self.function
                .bind(py)
                .call1((references, labels.clone()))?
                .try_iter()?
                .map(|data| bytes_of(&data?))
                .collect()
        };
        Python::attach(call).map_err(|raised| {
            *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(raised);
            Error::new(ErrorKind::Interrupted, "a virtual chunk could not be fetched")
        })
    }

    /// `result`, with the exception of the function as it was raised.
    fn finish<T>(&self, result: frazil_core::Result<T>) -> PyResult<T> {
        match self.raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(raised) => Err(raised),
            None => result.map_err(to_py),
        }
    }
}

/// What a write changed, to be recorded.
#[pyclass(module = "frazil._core", frozen)]
pub struct ChunkChanges {
    rank: usize,
    coords: Vec<u32>,
    changes: Vec<Change>,
}

#[pymethods]
impl ChunkChanges {
    fn __len__(&self) -> usize {
        self.changes.len()
    }

    /// Record all of them.
    fn record_in(&self, py: Python<'_>, table: &ChunkTable) -> PyResult<()> {
        py.detach(|| {
            self.changes.iter().enumerate().try_for_each(|(number, change)| {
                let coords = self.coords.get(number * self.rank..(number + 1) * self.rank).unwrap_or_default();
                table.inner.set(coords, change.clone())
            })
        })
        .map_err(to_py)
    }

    /// The ids of the objects that were uploaded.
    #[getter]
    fn chunk_ids(&self) -> Vec<Id12> {
        let ids = self.changes.iter().filter_map(|change| match change {
            Change::Set(CoreRef::Native { id, .. }) => Some(*id),
            _ => None,
        });
        ids_to_py(&ids.collect::<Vec<_>>())
    }
}
