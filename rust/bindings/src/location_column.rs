//! Columns of locations.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use frazil_core::chunk_table::LocationColumn as Core;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PySequence, PyString};

use crate::buffer::bytes_of;

/// The locations of many references, those that are repeated stored once.
#[pyclass(module = "frazil._core", frozen)]
pub struct LocationColumn {
    inner: Arc<Core>,
}

impl LocationColumn {
    /// The column that `object` is, or that its texts make.
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Arc<Core>> {
        match object.cast::<Self>() {
            Ok(column) => Ok(column.get().inner.clone()),
            Err(_) => read(object).map(Arc::new),
        }
    }
}

#[pymethods]
impl LocationColumn {
    #[new]
    fn new(locations: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::of(locations).map(|inner| Self { inner })
    }

    fn __len__(&self) -> usize {
        self.inner.len()
    }

    fn __repr__(&self) -> String {
        format!("<frazil column of {} locations>", self.inner.len())
    }

    #[getter]
    fn num_blocks(&self) -> usize {
        self.inner.blocks().len()
    }

    fn distinct(&self, py: Python<'_>, block: usize) -> PyResult<Vec<String>> {
        let block = self.inner.blocks().get(block).ok_or_else(|| PyIndexError::new_err("there is no such block"))?;
        Ok(py.detach(|| block.distinct()))
    }

    fn rows_of(&self, py: Python<'_>, locations: HashSet<String>) -> Vec<usize> {
        py.detach(|| self.inner.rows_of(&locations))
    }

    fn replaced(&self, py: Python<'_>, new: HashMap<String, String>) -> Self {
        Self { inner: Arc::new(py.detach(|| self.inner.replaced(&new))) }
    }

    fn filtered(&self, py: Python<'_>, keep: &Bound<'_, PyAny>) -> PyResult<Self> {
        let keep = bytes_of(keep)?;
        if keep.len() != self.inner.len() {
            return Err(PyValueError::new_err(format!("{} marks for {} locations", keep.len(), self.inner.len())));
        }
        Ok(Self { inner: Arc::new(py.detach(|| self.inner.filtered(&keep))) })
    }

    fn tolist(&self) -> Vec<String> {
        self.inner.to_vec()
    }
}

/// One pass, as reading a text that is not in the processor's cache takes longer than everything that is done with it.
fn read(texts: &Bound<'_, PyAny>) -> PyResult<Core> {
    let mut reader = Reader { column: Core::default(), last: None };
    if let Ok(list) = texts.cast::<PyList>() {
        list.iter().try_for_each(|text| reader.add(text))?;
    } else {
        let texts = texts.cast::<PySequence>()?;
        (0..texts.len()?).try_for_each(|at| reader.add(texts.get_item(at)?))?;
    }
    Ok(reader.column)
}

struct Reader<'py> {
    column: Core,
    last: Option<Bound<'py, PyAny>>,
}

impl<'py> Reader<'py> {
    fn add(&mut self, text: Bound<'py, PyAny>) -> PyResult<()> {
        match &self.last {
            Some(last) if last.is(&text) => self.column.repeat(),
            _ => self.column.push(text.cast::<PyString>()?.to_str()?),
        }
        self.last = Some(text);
        Ok(())
    }
}
