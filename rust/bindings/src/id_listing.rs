//! Listings of objects that are named by ids, as columns.

use std::sync::PoisonError;

use frazil_core::Result;
use frazil_core::object_id::{decode, encode};
use frazil_core::storage::{Listing, ObjectMeta};
use frazil_core::sync::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::blocking;

/// Objects that are looked at for one page.
const PAGE: usize = 1000;

const ID_LENGTH: usize = 12;

type Columns<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// The columns of one page, packed, in the byte order of the machine.
#[derive(Default)]
struct Page {
    ids: Vec<u8>,
    sizes: Vec<u8>,
    last_modified: Vec<u8>,
}

impl Page {
    fn push(&mut self, id: &[u8], object: &ObjectMeta) {
        self.ids.extend_from_slice(id);
        self.sizes.extend_from_slice(&object.size.to_ne_bytes());
        self.last_modified.extend_from_slice(&object.last_modified.to_ne_bytes());
    }
}

struct State {
    /// What every key starts with, the slash included.
    prefix: String,
    rest: Option<Listing>,
}

impl State {
    /// The next page that is not empty; `None` at the end.
    fn next(&mut self) -> Result<Option<Page>> {
        while let Some(mut rest) = self.rest.take() {
            let mut page = Page::default();
            let mut seen = 0;
            for object in rest.by_ref().take(PAGE) {
                let object = object?;
                seen += 1;
                if let Some(id) = self.id_of(&object.key) {
                    page.push(&id, &object);
                }
            }
            if seen == PAGE {
                self.rest = Some(rest);
            }
            if !page.ids.is_empty() {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    /// The id that a key names in the way this format writes it.
    fn id_of(&self, key: &str) -> Option<Vec<u8>> {
        let name = key.strip_prefix(&self.prefix)?;
        decode(name, ID_LENGTH).filter(|id| encode(id) == name)
    }
}

/// Pages of (ids, sizes, times of last modification).
#[pyclass(module = "frazil._core", frozen)]
pub struct IdListing {
    state: Mutex<State>,
}

impl IdListing {
    /// What `rest` lists below `prefix`.
    pub fn new(prefix: &str, rest: Listing) -> Self {
        let prefix = format!("{}/", prefix.trim_end_matches('/'));
        Self { state: Mutex::new(State { prefix, rest: Some(rest) }) }
    }
}

#[pymethods]
impl IdListing {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Columns<'py>>> {
        let page = blocking(py, || self.state.lock().unwrap_or_else(PoisonError::into_inner).next())?;
        let bytes = |column: &[u8]| PyBytes::new(py, column);
        Ok(page.map(|page| (bytes(&page.ids), bytes(&page.sizes), bytes(&page.last_modified))))
    }
}
