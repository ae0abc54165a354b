//! The chunk references that one session has set or deleted in one array.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use super::rows::{Change, ChunkRows, RowView};
use super::virtual_columns::VirtualColumns;
use crate::coord_set::{CoordSet, CoordSetBuilder};
use crate::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use crate::{Error, ErrorKind, Result};

// Changes that are not in order wait until they are this many, or this part of the rows, so that sorting them in costs
// little for each.
const RECENT: usize = 4096;
const RECENT_PART: usize = 16;

// The number that the next state of any table gets.
static NEXT_STATE: AtomicU64 = AtomicU64::new(0);

/// Changes by coordinate; the last one counts.  Shared between threads.
#[derive(Debug)]
pub struct ChunkTable {
    ndim: usize,
    state: RwLock<State>,
}

#[derive(Debug, Clone)]
struct State {
    rows: Arc<ChunkRows>,
    recent: BTreeMap<Box<[u32]>, Change>,
    /// Shared by nothing but copies of the same state.
    number: u64,
}

impl State {
    fn new(rows: ChunkRows) -> Self {
        Self { rows: Arc::new(rows), recent: BTreeMap::new(), number: NEXT_STATE.fetch_add(1, Ordering::Relaxed) }
    }

    /// What follows makes it another state.
    fn edit(&mut self) {
        self.number = NEXT_STATE.fetch_add(1, Ordering::Relaxed);
    }

    fn set(&mut self, coords: &[u32], change: Change) {
        self.edit();
        if self.recent.is_empty() {
            if self.rows.last().is_none_or(|last| last < coords) {
                Arc::make_mut(&mut self.rows).push(coords, &change);
                return;
            }
            if let Ok(row) = self.rows.search(coords) {
                Arc::make_mut(&mut self.rows).replace(row, &change);
                return;
            }
        }
        self.recent.insert(coords.into(), change);
        if self.recent.len() > RECENT.max(self.rows.len() / RECENT_PART) {
            self.sort_in();
        }
    }

    /// Put the recent changes into the rows.
    fn sort_in(&mut self) {
        if self.recent.is_empty() {
            return;
        }
        let mut newer = ChunkRows::new(self.rows.ndim());
        for (coords, change) in std::mem::take(&mut self.recent) {
            newer.push(&coords, &change);
        }
        Arc::make_mut(&mut self.rows).merge(&newer);
    }
}

impl Clone for ChunkTable {
    fn clone(&self) -> Self {
        Self { ndim: self.ndim, state: RwLock::new(self.read().clone()) }
    }
}

impl ChunkTable {
    /// No changes, for an array of `ndim` dimensions.
    #[must_use]
    pub fn new(ndim: usize) -> Self {
        Self::from_rows(ChunkRows::new(ndim))
    }

    /// A table of these rows.
    #[must_use]
    pub fn from_rows(rows: ChunkRows) -> Self {
        Self { ndim: rows.ndim(), state: RwLock::new(State::new(rows)) }
    }

    // No change leaves the state half done, so a poisoned lock holds a good one.

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of dimensions.
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.ndim
    }

    fn check(&self, coords: &[u32]) -> Result<()> {
        if coords.len() == self.ndim {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidChunkIndex,
            format!("the array has {} dimensions, the coordinates {coords:?} have {}", self.ndim, coords.len()),
        ))
    }

    /// Record a change.
    pub fn set(&self, coords: &[u32], change: Change) -> Result<()> {
        self.check(coords)?;
        self.write().set(coords, change);
        Ok(())
    }

    /// Set many virtual references.
    pub fn set_virtual(&self, columns: VirtualColumns<'_>) -> Result<()> {
        let count = columns.offsets.len();
        if columns.lengths.len() != count
            || columns.locations.len() != count
            || count.checked_mul(self.ndim) != Some(columns.coords.len())
        {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "the columns must have one length: {} coordinates of {} dimensions, {} locations, {count} offsets, {} lengths",
                    columns.coords.len(),
                    self.ndim,
                    columns.locations.len(),
                    columns.lengths.len()
                ),
            ));
        }
        let mut state = self.write();
        state.edit();
        state.sort_in();
        Arc::make_mut(&mut state.rows).set_virtual(columns);
        Ok(())
    }

    /// The change of `coords`, if there is one.
    #[must_use]
    pub fn get(&self, coords: &[u32]) -> Option<Change> {
        let state = self.read();
        if let Some(change) = state.recent.get(coords) {
            return Some(change.clone());
        }
        state.rows.search(coords).ok().map(|row| state.rows.change(row))
    }

    /// Every change, sorted: a snapshot that later changes do not touch.
    #[must_use]
    pub fn rows(&self) -> Arc<ChunkRows> {
        self.state().0
    }

    /// Every change, sorted, and a number that no other state of any table in this process has, but for copies.
    #[must_use]
    pub fn state(&self) -> (Arc<ChunkRows>, u64) {
        let state = self.read();
        if state.recent.is_empty() {
            return (state.rows.clone(), state.number);
        }
        drop(state);
        let mut state = self.write();
        state.sort_in();
        (state.rows.clone(), state.number)
    }

    /// Apply every change of `newer` on top.
    pub fn merge(&self, newer: &Self) -> Result<()> {
        if newer.ndim != self.ndim {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("changes of {} dimensions cannot be merged into changes of {}", newer.ndim, self.ndim),
            ));
        }
        // Taken before the lock: `newer` may be this table.
        let newer = newer.rows();
        let mut state = self.write();
        state.edit();
        state.sort_in();
        if !Arc::ptr_eq(&state.rows, &newer) {
            Arc::make_mut(&mut state.rows).merge(&newer);
        }
        Ok(())
    }

    /// Drop the changes of `coords`, as if they had never been made.
    pub fn forget(&self, coords: &CoordSet) {
        if coords.is_empty() {
            return;
        }
        let mut state = self.write();
        state.edit();
        state.sort_in();
        state.rows = Arc::new(state.rows.filtered(|row| !coords.contains(row)));
    }

    /// The coordinates of all changes.
    #[must_use]
    pub fn all_coords(&self) -> CoordSet {
        let rows = self.rows();
        CoordSet::from_ascending(rows.ndim(), rows.len(), rows.all_coords().to_vec())
    }

    /// The coordinates of the changes that `keep` accepts.
    pub fn coords(&self, keep: impl Fn(&RowView<'_>) -> bool) -> CoordSet {
        let rows = self.rows();
        let mut builder = CoordSetBuilder::new();
        for row in 0..rows.len() {
            if keep(&rows.view(row)) {
                builder.push(rows.coords(row));
            }
        }
        builder.finish()
    }

    /// How many coordinates are changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows().len()
    }

    /// Whether there are no changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let state = self.read();
        state.rows.is_empty() && state.recent.is_empty()
    }

    /// Memory held, in bytes.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        let state = self.read();
        // A waiting change is a tree node, its coordinates and its reference.
        let waiting: usize = state
            .recent
            .values()
            .map(|change| match change {
                Change::Set(crate::ChunkRef::Inline(data)) => data.len(),
                Change::Set(crate::ChunkRef::Virtual { location, .. }) => location.len(),
                _ => 0,
            })
            .sum();
        state.rows.nbytes() + state.recent.len() * (96 + 4 * self.ndim) + waiting
    }
}
