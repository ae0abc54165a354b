//! The regions that split edges cut an array into (format section 7.1).

use crate::chunk_table::ChunkTable;
use crate::region::{self, Extent};
use crate::{Error, ErrorKind, Result};

/// Regions between consecutive edges, numbered row-major: the last axis runs fastest.
#[derive(Debug, Clone)]
pub struct RegionGrid {
    edges: Vec<Vec<u32>>,
    length: usize,
}

impl RegionGrid {
    /// The grid of ascending `edges`, one list per dimension; repeated edges count once.
    pub fn new(mut edges: Vec<Vec<u32>>) -> Result<Self> {
        let mut length = 1_usize;
        for axis in &mut edges {
            if !axis.is_sorted() {
                return Err(Error::new(ErrorKind::InvalidInput, "split edges must be in ascending order"));
            }
            axis.dedup();
            length = length.checked_mul(axis.len().saturating_sub(1)).ok_or_else(|| {
                Error::new(ErrorKind::InvalidInput, "there are too many split regions; use larger splits")
            })?;
        }
        Ok(Self { edges, length })
    }

    /// Number of regions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Region `number`.
    #[must_use]
    pub fn region(&self, number: usize) -> Option<Vec<Extent>> {
        if number >= self.length {
            return None;
        }
        let mut left = number;
        let mut extents = Vec::with_capacity(self.edges.len());
        for axis in self.edges.iter().rev() {
            let parts = axis.len() - 1;
            let part = left % parts;
            left /= parts;
            extents.push((*axis.get(part)?, *axis.get(part + 1)?));
        }
        extents.reverse();
        Some(extents)
    }

    /// The region that holds `coords`.
    #[must_use]
    pub fn of(&self, coords: &[u32]) -> Option<usize> {
        if coords.len() != self.edges.len() {
            return None;
        }
        let mut number = 0;
        for (axis, &c) in self.edges.iter().zip(coords) {
            let part = axis.partition_point(|&edge| edge <= c).checked_sub(1)?;
            let parts = axis.len() - 1;
            if part >= parts {
                return None;
            }
            number = number * parts + part;
        }
        Some(number)
    }

    /// The regions that hold at least one change, ascending.
    #[must_use]
    pub fn touched(&self, changes: &ChunkTable) -> Vec<usize> {
        let rows = changes.rows();
        let mut touched: Vec<usize> = Vec::new();
        let mut last: Option<Vec<Extent>> = None;
        for row in 0..rows.len() {
            let coords = rows.coords(row);
            if last.as_ref().is_some_and(|region| region::contains(region, coords)) {
                continue;
            }
            if let Some(number) = self.of(coords) {
                touched.push(number);
                last = self.region(number);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// The region that holds all of `extents`, if one does.
    #[must_use]
    pub fn holder(&self, extents: &[Extent]) -> Option<usize> {
        match self.overlapping(extents).as_slice() {
            &[number] if region::is_within(&self.region(number)?, extents) => Some(number),
            _ => None,
        }
    }

    /// The regions that intersect `extents`, ascending.
    #[must_use]
    pub fn overlapping(&self, extents: &[Extent]) -> Vec<usize> {
        if extents.len() != self.edges.len() || self.length == 0 {
            return Vec::new();
        }
        let mut numbers = vec![0_usize];
        for (axis, &(from, to)) in self.edges.iter().zip(extents) {
            let parts = axis.len() - 1;
            let first = axis.partition_point(|&edge| edge <= from).saturating_sub(1);
            let end = axis.partition_point(|&edge| edge < to).min(parts);
            let end = if from < to { end } else { first };
            numbers = numbers.iter().flat_map(|&n| (first..end).map(move |part| n * parts + part)).collect();
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grid() -> impl Strategy<Value = RegionGrid> {
        proptest::collection::vec(proptest::collection::btree_set(0u32..12, 0..5), 0..4).prop_map(|edges| {
            RegionGrid::new(edges.into_iter().map(|axis| axis.into_iter().collect()).collect()).unwrap()
        })
    }

    proptest! {
        #[test]
        fn every_coordinate_is_in_the_region_it_is_said_to_be_in(grid in grid(), coords in proptest::collection::vec(0u32..13, 0..4)) {
            let inside: Vec<usize> =
                (0..grid.len()).filter(|&n| region::contains(&grid.region(n).unwrap(), &coords)).collect();
            prop_assert!(inside.len() <= 1);
            prop_assert_eq!(grid.of(&coords), inside.first().copied());
            prop_assert_eq!(grid.region(grid.len()), None);
        }

        #[test]
        fn overlapping_regions_are_those_that_intersect(grid in grid(), extents in proptest::collection::vec((0u32..13, 0u32..13), 3)) {
            let extents = &extents[..grid.edges.len().min(3)];
            let expected: Vec<usize> =
                (0..grid.len()).filter(|&n| region::intersects(&grid.region(n).unwrap(), extents)).collect();
            prop_assert_eq!(grid.overlapping(extents), expected.clone());
            let covers = |n: &usize| grid.region(*n).unwrap().iter().zip(extents).all(|(o, i)| o.0 <= i.0 && i.1 <= o.1);
            let inside = expected.len() == 1 && expected.iter().all(covers);
            prop_assert_eq!(grid.holder(extents), expected.first().copied().filter(|_| inside));
        }
    }

    #[test]
    fn a_scalar_has_one_region() {
        let grid = RegionGrid::new(vec![]).unwrap();
        assert_eq!(
            (grid.len(), grid.of(&[]), grid.region(0), grid.overlapping(&[])),
            (1, Some(0), Some(vec![]), vec![0])
        );
    }

    #[test]
    fn an_empty_dimension_leaves_no_region() {
        let grid = RegionGrid::new(vec![vec![0, 0], vec![0, 5]]).unwrap();
        assert_eq!((grid.len(), grid.of(&[0, 0]), grid.region(0)), (0, None, None));
        assert!(grid.overlapping(&[(0, 1), (0, 1)]).is_empty());
    }
}
