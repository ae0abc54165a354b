//! Many virtual references of one array at once.

use std::cmp::Ordering;

use super::column::Column;
use super::location_arena::LocationArena;
use super::rows::{ChunkRows, Fixed, VIRTUAL};
use super::sources::{SourceMap, index};
use crate::Checksum;

/// Many virtual references of one array.
#[derive(Debug, Clone, Copy)]
pub struct VirtualColumns<'a> {
    /// Row after row.
    pub coords: &'a [u32],
    /// One per row.
    pub locations: &'a LocationColumn,
    /// One per row.
    pub offsets: &'a [u64],
    /// One per row.
    pub lengths: &'a [u64],
    /// The same for all.
    pub checksum: Option<&'a Checksum>,
}

/// A column of locations that repeats few of them.
#[derive(Debug, Default)]
pub struct LocationColumn {
    distinct: LocationArena,
    rows: Column,
}

impl LocationColumn {
    /// Add the location of the next row.
    pub fn push(&mut self, location: &str) {
        self.rows.push(self.distinct.intern(location) as u64);
    }

    /// The next row has the same location as the one before.
    pub fn repeat(&mut self) {
        let last = self.rows.len().checked_sub(1).map_or(0, |row| self.rows.get(row));
        self.rows.push(last);
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ChunkRows {
    /// Append virtual references whose coordinates ascend and come after the last row.
    fn append_virtual(&mut self, columns: VirtualColumns<'_>, order: Option<&[usize]>) {
        let count = columns.offsets.len();
        self.coords.reserve_exact(columns.coords.len());
        let largest = |values: &[u64]| values.iter().copied().max().unwrap_or(0);
        if columns.offsets.windows(2).any(|pair| pair.first() != pair.last()) {
            self.offsets.reserve(count, largest(columns.offsets));
        }
        if columns.lengths.windows(2).any(|pair| pair.first() != pair.last()) {
            self.lengths.reserve(count, largest(columns.lengths));
        }
        if columns.locations.distinct.len() > 1 {
            self.payloads.reserve(count, (self.num_sources() + columns.locations.distinct.len()) as u64);
        }
        let mut map = SourceMap::new(columns.locations.distinct.len());
        for at in 0..count {
            let row = order.and_then(|order| order.get(at)).copied().unwrap_or(at);
            let location = index(columns.locations.rows.get(row));
            let payload =
                map.get(location, || self.sources.intern(&columns.locations.distinct.get(location), columns.checksum));
            let coords = columns.coords.get(row * self.ndim..(row + 1) * self.ndim).unwrap_or_default();
            let offset = columns.offsets.get(row).copied().unwrap_or(0);
            let length = columns.lengths.get(row).copied().unwrap_or(0);
            let fixed = Fixed { kind: VIRTUAL, offset, length, payload };
            match self.last().map(|last| last.cmp(coords)) {
                // The same coordinate again: the last one counts.
                Some(Ordering::Equal) => {
                    let last = self.len() - 1;
                    self.offsets.set(last, offset);
                    self.lengths.set(last, length);
                    self.payloads.set(last, payload);
                }
                _ => self.push_fixed(coords, fixed),
            }
        }
    }

    /// Set many virtual references; of equal coordinates the last counts.
    pub fn set_virtual(&mut self, columns: VirtualColumns<'_>) {
        let count = columns.offsets.len();
        let row = |row: usize| columns.coords.get(row * self.ndim..(row + 1) * self.ndim).unwrap_or_default();
        let ascending = (1..count).all(|next| row(next - 1) < row(next));
        if ascending && (count == 0 || self.last().is_none_or(|last| last < row(0))) {
            self.append_virtual(columns, None);
            return;
        }
        let mut newer = Self::new(self.ndim);
        if ascending {
            newer.append_virtual(columns, None);
        } else {
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by(|&a, &b| row(a).cmp(row(b)));
            newer.append_virtual(columns, Some(&order));
        }
        self.merge(&newer);
    }
}
