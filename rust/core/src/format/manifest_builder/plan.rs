//! Which references an array of a new manifest has, and where they come from.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use crate::chunk_table::{ChunkRows, RowView};
use crate::format::Manifest;
use crate::region::{self, BoundingBox, Extent};
use crate::{Error, ErrorKind, NodeId, Result};

/// Where references come from.
pub(super) enum Source {
    Manifest(Manifest, NodeId),
    Table(Arc<ChunkRows>),
}

/// Number of a source, and a row in it.
pub(super) type Origin = (u32, u32);

/// The references of one array, in coordinate order.
#[derive(Default)]
pub(super) struct ArrayPlan {
    ndim: usize,
    coords: Vec<u32>,
    origins: Vec<Origin>,
}

pub(super) fn as_u32(number: usize) -> Result<u32> {
    u32::try_from(number).map_err(|_| Error::new(ErrorKind::InvalidInput, "a manifest cannot hold so many references"))
}

impl ArrayPlan {
    /// No references, of `ndim` dimensions.
    pub fn new(ndim: usize) -> Self {
        Self { ndim, ..Self::default() }
    }

    pub fn len(&self) -> usize {
        self.origins.len()
    }

    pub fn ndim(&self) -> usize {
        self.ndim
    }

    /// The coordinates of a reference.
    pub fn coords(&self, row: usize) -> &[u32] {
        self.coords.get(row * self.ndim..(row + 1) * self.ndim).unwrap_or_default()
    }

    fn push(&mut self, coords: &[u32], origin: Origin) {
        self.coords.extend_from_slice(coords);
        self.origins.push(origin);
    }

    /// The coordinates and origins of these references.
    pub fn iter(&self, rows: Range<usize>) -> impl Iterator<Item = (&[u32], Origin)> {
        let first = rows.start;
        self.origins(rows).iter().enumerate().map(move |(at, origin)| (self.coords(first + at), *origin))
    }

    /// Where these references come from.
    pub fn origins(&self, rows: Range<usize>) -> &[Origin] {
        self.origins.get(rows).unwrap_or_default()
    }

    /// Add the references of a manifest in `region`.
    pub fn add(&mut self, manifest: &Manifest, node_id: &NodeId, region: &[Extent], source: u32) -> Result<()> {
        region::scan(&manifest.refs_of(node_id)?, region, |row, coords| {
            self.push(coords, (source, as_u32(row)?));
            Ok(())
        })
    }

    /// In coordinate order, each coordinate once; of equal ones the first counts, as in a look-up.
    pub fn sorted(self) -> Self {
        let count = self.origins.len();
        if (1..count).all(|row| self.coords(row - 1) < self.coords(row)) {
            return self;
        }
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| self.coords(a).cmp(self.coords(b)));
        let mut sorted = Self::new(self.ndim);
        for row in order {
            let last = sorted.len().checked_sub(1);
            if last.is_none_or(|last| sorted.coords(last) != self.coords(row))
                && let Some(&origin) = self.origins.get(row)
            {
                sorted.push(self.coords(row), origin);
            }
        }
        sorted
    }

    /// The references that `rows` sets.
    fn of_rows(rows: &ChunkRows, source: u32) -> Result<Self> {
        let count = as_u32(rows.len())?;
        if rows.any_deleted() {
            let mut plan = Self::new(rows.ndim());
            for row in 0..count {
                if !matches!(rows.view(row as usize), RowView::Deleted) {
                    plan.push(rows.coords(row as usize), (source, row));
                }
            }
            return Ok(plan);
        }
        let origins = (0..count).map(|row| (source, row)).collect();
        Ok(Self { ndim: rows.ndim(), coords: rows.all_coords().to_vec(), origins })
    }

    /// These references and the rows in `region`; of equal coordinates the row, deletions removed.
    pub fn overlaid(&self, rows: &ChunkRows, region: &[Extent], source: u32) -> Result<Self> {
        if self.origins.is_empty() && rows.lie_in(region) {
            return Self::of_rows(rows, source);
        }
        let mut merged = Self::new(self.ndim);
        let mut old = 0;
        let mut take_old = |merged: &mut Self, before: Option<&[u32]>| {
            while let Some(&origin) = self.origins.get(old) {
                match before.map_or(Ordering::Less, |before| self.coords(old).cmp(before)) {
                    Ordering::Less => merged.push(self.coords(old), origin),
                    Ordering::Equal => {}
                    Ordering::Greater => break,
                }
                old += 1;
            }
        };
        region::scan(rows, region, |row, coords| {
            take_old(&mut merged, Some(coords));
            if !matches!(rows.view(row), RowView::Deleted) {
                merged.push(coords, (source, as_u32(row)?));
            }
            Ok(())
        })?;
        take_old(&mut merged, None);
        Ok(merged)
    }

    /// The smallest region that holds these references.
    pub fn bounding_box(&self, rows: Range<usize>) -> Vec<Extent> {
        let mut bounds = BoundingBox::default();
        for row in rows {
            bounds.add(self.coords(row));
        }
        bounds.into_extents()
    }
}
