//! Every chunk of an array.

use std::sync::{Arc, PoisonError, Weak};

use super::{ChunkReader, ManifestEntry, check_listed};
use crate::chunk_table::{ChunkRows, RowView};
use crate::coord_set::{CoordSet, CoordSetBuilder};
use crate::error::Result;
use crate::format::Manifest;
use crate::interrupt;
use crate::region::{self, Extent};

/// Manifests that are held at once.
const WAVE: usize = 16;

/// The coordinates of a reader at one moment of its changes, kept for the next batch of columns.
#[derive(Debug)]
pub struct Rows {
    /// Dead once the table has changed: the rows are edited in place unless somebody holds them.
    changes: Option<Weak<ChunkRows>>,
    coords: CoordSet,
}

impl ChunkReader {
    /// Every chunk that exists inside the grid, changes included.
    pub fn coords(&self) -> Result<CoordSet> {
        self.existing(self.changes.as_ref().map(|changes| changes.rows()).as_deref())
    }

    /// As `coords`, remembered until the changes change.
    pub(super) fn remembered_coords(&self) -> Result<CoordSet> {
        let changes = self.changes.as_ref().map(|changes| changes.rows());
        let mut remembered = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = remembered.as_ref() {
            let then = rows.changes.as_ref().and_then(Weak::upgrade);
            let same = match (&changes, &then) {
                (Some(now), Some(then)) => Arc::ptr_eq(now, then),
                (None, None) => rows.changes.is_none(),
                _ => false,
            };
            if same {
                return Ok(rows.coords.clone());
            }
        }
        let coords = self.existing(changes.as_deref())?;
        *remembered = Some(Rows { changes: changes.as_ref().map(Arc::downgrade), coords: coords.clone() });
        Ok(coords)
    }

    pub(super) fn forget_coords(&self) {
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn existing(&self, changes: Option<&ChunkRows>) -> Result<CoordSet> {
        let mut builder = CoordSetBuilder::new();
        let listed: Vec<(usize, &ManifestEntry)> =
            self.manifests.iter().enumerate().filter(|(_, entry)| entry.extents.len() == self.ndim()).collect();
        for wave in listed.chunks(WAVE) {
            interrupt::check()?;
            for ((number, entry), manifest) in wave.iter().zip(self.wave_of_manifests(wave)?) {
                let refs = manifest.refs_of(&self.node_id)?;
                let region = self.clipped(&entry.extents);
                region::scan(&refs, &region, |_, coords| {
                    let changed = changes.is_some_and(|rows| rows.search(coords).is_ok());
                    // a reference behind another manifest's extents is never looked up
                    if !changed && self.index.find(coords) == Some(*number) {
                        builder.push(coords);
                    }
                    Ok(())
                })?;
            }
        }
        if let Some(rows) = changes {
            for row in 0..rows.len() {
                let coords = rows.coords(row);
                if self.in_grid(coords) && !matches!(rows.view(row), RowView::Deleted) {
                    builder.push(coords);
                }
            }
        }
        Ok(builder.finish())
    }

    fn wave_of_manifests(&self, wave: &[(usize, &ManifestEntry)]) -> Result<Vec<Manifest>> {
        if let [(_, entry)] = wave {
            return self.manifest(entry).map(|manifest| vec![manifest]);
        }
        wave.iter().try_for_each(|(_, entry)| check_listed(entry))?;
        let files: Vec<_> = wave.iter().map(|(_, entry)| (entry.id, entry.size)).collect();
        self.assets.manifests(&files, 0)
    }

    /// The part of `extents` inside the grid.
    fn clipped(&self, extents: &[Extent]) -> Vec<Extent> {
        let clip = |(&(from, to), &count): (&Extent, &u64)| (from, to.min(u32::try_from(count).unwrap_or(u32::MAX)));
        extents.iter().zip(&self.num_chunks).map(clip).collect()
    }
}
