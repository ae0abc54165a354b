//! Many virtual references of one array at once.

use std::cmp::Ordering;

use super::location_column::LocationBlock;
use super::rows::{ChunkRows, Fixed, VIRTUAL};
use super::sources::SourceMap;
use crate::Checksum;

/// Many virtual references of one array.
#[derive(Debug, Clone, Copy)]
pub struct VirtualColumns<'a> {
    /// Row after row.
    pub coords: &'a [u32],
    /// One per row.
    pub locations: &'a LocationBlock,
    /// One per row.
    pub offsets: &'a [u64],
    /// One per row.
    pub lengths: &'a [u64],
    /// The same for all.
    pub checksum: Option<&'a Checksum>,
}

impl ChunkRows {
    /// Append virtual references whose coordinates ascend, without equal ones, and come after the last row.
    fn append_virtual(&mut self, columns: VirtualColumns<'_>) {
        let count = columns.offsets.len();
        let payloads = self.payloads_of(columns);
        self.coords.reserve_exact(columns.coords.len());
        self.coords.extend_from_slice(columns.coords);
        self.kinds.extend_same(VIRTUAL, count);
        self.offsets.extend(columns.offsets);
        self.lengths.extend(columns.lengths);
        self.payloads.extend(&payloads);
    }

    /// The numbers that the sources of these references have here.
    fn payloads_of(&mut self, columns: VirtualColumns<'_>) -> Vec<u64> {
        let locations = columns.locations;
        let texts = locations.distinct();
        let mut map = SourceMap::new(locations.num_distinct());
        let mut last = (usize::MAX, 0);
        (0..columns.offsets.len())
            .map(|row| {
                let number = locations.number(row);
                if number != last.0 {
                    let text = texts.get(number).map_or("", String::as_str);
                    last = (number, map.get(number, || self.sources.intern(text, columns.checksum)));
                }
                last.1
            })
            .collect()
    }

    /// As `append_virtual`, in this order, in which equal coordinates may follow each other: the last one counts.
    fn append_virtual_in(&mut self, order: &[usize], columns: VirtualColumns<'_>) {
        let payloads = self.payloads_of(columns);
        for &row in order {
            let coords = columns.coords.get(row * self.ndim..(row + 1) * self.ndim).unwrap_or_default();
            let number = |values: &[u64]| values.get(row).copied().unwrap_or(0);
            let (offset, length, payload) = (number(columns.offsets), number(columns.lengths), number(&payloads));
            match self.last().map(|last| last.cmp(coords)) {
                Some(Ordering::Equal) => {
                    let last = self.len() - 1;
                    self.offsets.set(last, offset);
                    self.lengths.set(last, length);
                    self.payloads.set(last, payload);
                }
                _ => self.push_fixed(coords, Fixed { kind: VIRTUAL, offset, length, payload }),
            }
        }
    }

    /// Set many virtual references; of equal coordinates the last counts.
    pub fn set_virtual(&mut self, columns: VirtualColumns<'_>) {
        let count = columns.offsets.len();
        let row = |row: usize| columns.coords.get(row * self.ndim..(row + 1) * self.ndim).unwrap_or_default();
        let ascending = (1..count).all(|next| row(next - 1) < row(next));
        if ascending && (count == 0 || self.last().is_none_or(|last| last < row(0))) {
            self.append_virtual(columns);
            return;
        }
        let mut newer = Self::new(self.ndim);
        if ascending {
            newer.append_virtual(columns);
        } else {
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by(|&a, &b| row(a).cmp(row(b)));
            newer.append_virtual_in(&order, columns);
        }
        self.merge(&newer);
    }
}
