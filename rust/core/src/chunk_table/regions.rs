//! Where the rows of a table lie.

use std::cmp::Ordering;

use super::column::Column;
use super::rows::{ChunkRows, DELETED};
use crate::Result;
use crate::region::{self, Extent, SortedRows};

impl ChunkRows {
    /// Whether all rows lie in `region`.
    #[must_use]
    pub fn lie_in(&self, region: &[Extent]) -> bool {
        self.ndim == region.len() && (0..self.len()).all(|row| region::contains(region, self.coords(row)))
    }

    /// Whether any row is a deletion.
    #[must_use]
    pub fn any_deleted(&self) -> bool {
        match self.kinds {
            Column::Same { value, length } => value == DELETED && length > 0,
            _ => (0..self.len()).any(|row| self.kinds.get(row) == DELETED),
        }
    }
}

impl SortedRows for ChunkRows {
    fn len(&self) -> usize {
        ChunkRows::len(self)
    }

    fn compare(&self, row: usize, coords: &[u32]) -> Result<Ordering> {
        Ok(self.coords(row).cmp(coords))
    }

    fn read(&self, row: usize, into: &mut Vec<u32>) -> Result<()> {
        into.clear();
        into.extend_from_slice(self.coords(row));
        Ok(())
    }
}
