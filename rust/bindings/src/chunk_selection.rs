//! Selections as zarr describes them, read without running Python code.

use frazil_core::codec::{Axis, Region};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyList, PySlice, PyString, PyTuple, PyType};

/// Which elements of which chunks, and where they are in an array in memory.
#[pyclass(module = "frazil._core", frozen)]
pub struct ChunkSelection {
    pub rank: usize,
    /// Coordinates, one chunk after the other.
    pub coords: Vec<u32>,
    pub regions: Vec<Region>,
    /// Of which chunks everything inside the array is selected.
    pub complete: Vec<bool>,
    pub shape: Vec<usize>,
}

/// The chunks and the memory that a batch is about.
struct Frame<'a, 'py> {
    getter: &'a Bound<'py, PyType>,
    store: &'a Bound<'py, PyAny>,
    prefix: &'a str,
    separator: &'a str,
    chunk_shape: &'a [usize],
    shape: &'a [usize],
    strides: &'a [usize],
}

#[pymethods]
impl ChunkSelection {
    /// Read a batch of (`StorePath`, `ArraySpec`, chunk selection, outer selection, is complete); None if it has
    /// anything but positive slices and integers, or other byte getters, stores or chunks than these.
    ///
    /// `shape` and `strides` (in bytes) are those of the array in memory.
    #[staticmethod]
    #[expect(clippy::too_many_arguments, reason = "what a batch is compared with")]
    fn read(
        batch: &Bound<'_, PyList>,
        getter: &Bound<'_, PyType>,
        store: &Bound<'_, PyAny>,
        prefix: &str,
        separator: &str,
        chunk_shape: Vec<usize>,
        shape: Vec<usize>,
        strides: Vec<usize>,
    ) -> PyResult<Option<Self>> {
        let frame =
            Frame { getter, store, prefix, separator, chunk_shape: &chunk_shape, shape: &shape, strides: &strides };
        let count = batch.len();
        let mut coords = Vec::with_capacity(count * chunk_shape.len());
        let (mut regions, mut complete) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut spec: Option<Bound<'_, PyAny>> = None;
        for item in batch.iter() {
            let Ok(item) = item.cast_into::<PyTuple>() else { return Ok(None) };
            if item.len() != 5 {
                return Ok(None);
            }
            let its_spec = item.get_item(1)?;
            if !spec.as_ref().is_some_and(|spec| spec.is(&its_spec)) {
                if !frame.is_chunk_shape(&its_spec)? {
                    return Ok(None);
                }
                spec = Some(its_spec);
            }
            if !frame.read_coords(&item.get_item(0)?, &mut coords)? {
                return Ok(None);
            }
            let Some(region) = frame.read_region(&item.get_item(2)?, &item.get_item(3)?)? else { return Ok(None) };
            regions.push(region);
            complete.push(item.get_item(4)?.is_truthy()?);
        }
        Ok(Some(Self { rank: chunk_shape.len(), coords, regions, complete, shape }))
    }

    fn __len__(&self) -> usize {
        self.regions.len()
    }

    /// Whether all chunks lie in a grid of `num_chunks` along each dimension.
    fn is_inside(&self, num_chunks: Vec<u64>) -> bool {
        let inside = |coords: &[u32]| coords.iter().zip(&num_chunks).all(|(&index, &count)| u64::from(index) < count);
        num_chunks.len() == self.rank && (self.rank == 0 || self.coords.chunks_exact(self.rank).all(inside))
    }
}

impl Frame<'_, '_> {
    fn is_chunk_shape(&self, spec: &Bound<'_, PyAny>) -> PyResult<bool> {
        let shape = spec.getattr(intern!(spec.py(), "shape"))?;
        Ok(shape.extract::<Vec<usize>>().is_ok_and(|shape| shape == self.chunk_shape))
    }

    /// Append the coordinates that the key of a `StorePath` ends with.
    fn read_coords(&self, getter: &Bound<'_, PyAny>, coords: &mut Vec<u32>) -> PyResult<bool> {
        let py = getter.py();
        if !getter.get_type().is(self.getter) || !getter.getattr(intern!(py, "store"))?.is(self.store) {
            return Ok(false);
        }
        let path = getter.getattr(intern!(py, "path"))?;
        let Ok(path) = path.cast::<PyString>() else { return Ok(false) };
        let path = path.to_str()?;
        let rank = self.chunk_shape.len();
        if rank == 0 {
            return Ok(path == self.prefix);
        }
        let Some(indices) = path.strip_prefix(self.prefix) else { return Ok(false) };
        let before = coords.len();
        for index in indices.split(self.separator) {
            let Ok(index) = index.parse() else { return Ok(false) };
            coords.push(index);
        }
        Ok(coords.len() - before == rank)
    }

    fn read_region(&self, inside: &Bound<'_, PyAny>, outside: &Bound<'_, PyAny>) -> PyResult<Option<Region>> {
        let (Ok(inside), Ok(outside)) = (inside.cast::<PyTuple>(), outside.cast::<PyTuple>()) else { return Ok(None) };
        if inside.len() != self.chunk_shape.len() || outside.len() != self.shape.len() {
            return Ok(None);
        }
        let mut outer = outside.iter().zip(self.shape.iter().zip(self.strides));
        let mut region = Region { axes: Vec::with_capacity(inside.len()), offset: 0 };
        for (selected, &size) in inside.iter().zip(self.chunk_shape) {
            let axis = if let Ok(slice) = selected.cast::<PySlice>() {
                let (Some((start, step, len)), Some((place, (&outer_size, &stride)))) =
                    (bounds(slice, size)?, outer.next())
                else {
                    return Ok(None);
                };
                let Ok(place) = place.cast_into::<PySlice>() else { return Ok(None) };
                let Some((first, outer_step, outer_len)) = bounds(&place, outer_size)? else { return Ok(None) };
                if outer_len != len || (outer_step != 1 && len > 1) {
                    return Ok(None);
                }
                region.offset += first * stride;
                Axis { start, step, len, stride }
            } else if selected.is_exact_instance_of::<PyInt>() && !selected.is_instance_of::<PyBool>() {
                let Ok(start) = selected.extract::<usize>() else { return Ok(None) };
                Axis { start, step: 1, len: 1, stride: 0 }
            } else {
                return Ok(None);
            };
            region.axes.push(axis);
        }
        Ok((outer.next().is_none() && region.fits(self.chunk_shape)).then_some(region))
    }
}

/// Start, step and number of indices of a slice that goes forward and selects something.
fn bounds(slice: &Bound<'_, PySlice>, size: usize) -> PyResult<Option<(usize, usize, usize)>> {
    let Ok(size) = isize::try_from(size) else { return Ok(None) };
    let found = slice.indices(size)?;
    Ok(match (usize::try_from(found.start), usize::try_from(found.step)) {
        (Ok(start), Ok(step)) if step > 0 && found.slicelength > 0 => Some((start, step, found.slicelength)),
        _ => None,
    })
}
