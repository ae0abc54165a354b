//! Chunk references of one array in columns, sorted by coordinate.

use std::cmp::Ordering;
use std::sync::Arc;

use bytes::Bytes;

use super::column::Column;
use super::sources::{SourceMap, Sources, index};
use crate::{Checksum, ChunkRef, ObjectId};

pub(super) const DELETED: u64 = 0;
const NATIVE: u64 = 1;
pub(super) const VIRTUAL: u64 = 2;
const INLINE: u64 = 3;

/// What has happened to one chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is now here.
    Set(ChunkRef),
    /// It is gone.
    Deleted,
}

/// One row, without copying what it holds.
#[derive(Debug, Clone, Copy)]
pub enum RowView<'a> {
    /// The chunk is gone.
    Deleted,
    /// A range of an object of the repository.
    Native {
        /// Names the object.
        id: &'a [u8; 12],
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// A range of somebody else's object.
    Virtual {
        /// Number of the location and checksum.
        source: usize,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// The bytes themselves.
    Inline(&'a [u8]),
}

/// The fixed part of a row: moves without its payload.
#[derive(Clone, Copy)]
pub(super) struct Fixed {
    pub kind: u64,
    pub offset: u64,
    pub length: u64,
    pub payload: u64,
}

/// References and deletions by coordinate, sorted, each coordinate once.
#[derive(Debug, Clone)]
pub struct ChunkRows {
    pub(super) ndim: usize,
    pub(super) coords: Vec<u32>,
    pub(super) kinds: Column,
    pub(super) offsets: Column,
    pub(super) lengths: Column,
    /// Native: index in `ids`.  Virtual: number of the source.  Inline: where the bytes start in `inline`.
    pub(super) payloads: Column,
    ids: Vec<[u8; 12]>,
    inline: Vec<u8>,
    pub(super) sources: Sources,
    /// Bytes of payloads that no row refers to any more.
    wasted: usize,
}

impl ChunkRows {
    /// No rows, of `ndim` dimensions.
    #[must_use]
    pub fn new(ndim: usize) -> Self {
        Self {
            ndim,
            coords: Vec::new(),
            kinds: Column::default(),
            offsets: Column::default(),
            lengths: Column::default(),
            payloads: Column::default(),
            ids: Vec::new(),
            inline: Vec::new(),
            sources: Sources::default(),
            wasted: 0,
        }
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of dimensions.
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.ndim
    }

    /// The coordinates of `row`.
    #[must_use]
    pub fn coords(&self, row: usize) -> &[u32] {
        self.coords.get(row * self.ndim..(row + 1) * self.ndim).unwrap_or_default()
    }

    /// The coordinates of the last row.
    #[must_use]
    pub fn last(&self) -> Option<&[u32]> {
        self.len().checked_sub(1).map(|row| self.coords(row))
    }

    /// The row of `coords`, or where it would be inserted.
    pub fn search(&self, coords: &[u32]) -> std::result::Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.coords(middle).cmp(coords) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// The objects of the repository that rows refer to, each once.
    #[must_use]
    pub fn native_ids(&self) -> Vec<ObjectId<12>> {
        let native = (0..self.len()).filter(|row| self.kinds.get(*row) == NATIVE);
        let mut ids: Vec<_> = native.filter_map(|row| self.ids.get(index(self.payloads.get(row))).copied()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().map(ObjectId).collect()
    }

    fn fixed(&self, row: usize) -> Fixed {
        Fixed {
            kind: self.kinds.get(row),
            offset: self.offsets.get(row),
            length: self.lengths.get(row),
            payload: self.payloads.get(row),
        }
    }

    /// What `row` holds.
    #[must_use]
    pub fn view(&self, row: usize) -> RowView<'_> {
        let Fixed { kind, offset, length, payload } = self.fixed(row);
        match kind {
            NATIVE => match self.ids.get(index(payload)) {
                Some(id) => RowView::Native { id, offset, length },
                None => RowView::Deleted,
            },
            VIRTUAL => RowView::Virtual { source: index(payload), offset, length },
            INLINE => {
                let bytes = self.inline.get(index(payload)..).and_then(|rest| rest.get(..index(length)));
                RowView::Inline(bytes.unwrap_or_default())
            }
            _ => RowView::Deleted,
        }
    }

    /// What `row` holds, on its own.
    #[must_use]
    pub fn change(&self, row: usize) -> Change {
        match self.view(row) {
            RowView::Deleted => Change::Deleted,
            RowView::Native { id, offset, length } => {
                Change::Set(ChunkRef::Native { id: ObjectId(*id), offset, length })
            }
            RowView::Virtual { source, offset, length } => Change::Set(ChunkRef::Virtual {
                location: Arc::from(self.location(source)),
                offset,
                length,
                checksum: self.checksum(source).cloned(),
            }),
            RowView::Inline(data) => Change::Set(ChunkRef::Inline(Bytes::copy_from_slice(data))),
        }
    }

    /// Whether `row` is a virtual reference.
    #[must_use]
    pub fn is_virtual(&self, row: usize) -> bool {
        self.kinds.get(row) == VIRTUAL
    }

    /// The coordinates of all rows, one after the other.
    #[must_use]
    pub fn all_coords(&self) -> &[u32] {
        &self.coords
    }

    /// The location of a virtual row.
    #[must_use]
    pub fn location(&self, source: usize) -> String {
        self.sources.location(source)
    }

    /// The checksum of a virtual row.
    #[must_use]
    pub fn checksum(&self, source: usize) -> Option<&Checksum> {
        self.sources.checksum(source)
    }

    /// Bytes of the longest location.
    #[must_use]
    pub fn longest_location(&self) -> usize {
        self.sources.longest()
    }

    /// No less than the bytes of all inline chunks and locations, if each is counted for every row that has it.
    #[must_use]
    pub fn payload_bytes_at_most(&self) -> u64 {
        let locations = (self.len() as u64).saturating_mul(self.longest_location() as u64);
        locations.saturating_add(self.inline.len() as u64)
    }

    /// Number of distinct sources.
    #[must_use]
    pub fn num_sources(&self) -> usize {
        self.sources.len()
    }

    /// Memory held, in bytes.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        self.coords.capacity() * 4
            + self.kinds.nbytes()
            + self.offsets.nbytes()
            + self.lengths.nbytes()
            + self.payloads.nbytes()
            + self.ids.capacity() * 12
            + self.inline.capacity()
            + self.sources.nbytes()
    }

    /// Store what a change refers to.
    fn store(&mut self, change: &Change) -> Fixed {
        match change {
            Change::Deleted => Fixed { kind: DELETED, offset: 0, length: 0, payload: 0 },
            Change::Set(ChunkRef::Native { id, offset, length }) => {
                self.ids.push(id.0);
                Fixed { kind: NATIVE, offset: *offset, length: *length, payload: self.ids.len() as u64 - 1 }
            }
            Change::Set(ChunkRef::Virtual { location, offset, length, checksum }) => {
                let source = self.sources.intern(location, checksum.as_ref());
                Fixed { kind: VIRTUAL, offset: *offset, length: *length, payload: source as u64 }
            }
            Change::Set(ChunkRef::Inline(data)) => self.store_inline(data),
        }
    }

    fn store_inline(&mut self, data: &[u8]) -> Fixed {
        let start = self.inline.len() as u64;
        self.inline.extend_from_slice(data);
        Fixed { kind: INLINE, offset: 0, length: data.len() as u64, payload: start }
    }

    /// Store what a row of another table refers to.
    fn store_from(&mut self, other: &Self, row: usize, map: &mut SourceMap) -> Fixed {
        match other.view(row) {
            RowView::Deleted => self.store(&Change::Deleted),
            RowView::Native { id, offset, length } => {
                self.ids.push(*id);
                Fixed { kind: NATIVE, offset, length, payload: self.ids.len() as u64 - 1 }
            }
            RowView::Virtual { source, offset, length } => {
                let payload = map.get(source, || self.sources.intern(&other.location(source), other.checksum(source)));
                Fixed { kind: VIRTUAL, offset, length, payload }
            }
            RowView::Inline(data) => self.store_inline(data),
        }
    }

    pub(super) fn push_fixed(&mut self, coords: &[u32], fixed: Fixed) {
        self.coords.extend_from_slice(coords);
        self.kinds.push(fixed.kind);
        self.offsets.push(fixed.offset);
        self.lengths.push(fixed.length);
        self.payloads.push(fixed.payload);
    }

    /// Add a row after the last; the caller has compared them.
    pub fn push(&mut self, coords: &[u32], change: &Change) {
        let fixed = self.store(change);
        self.push_fixed(coords, fixed);
    }

    /// Replace what `row` holds.
    pub fn replace(&mut self, row: usize, change: &Change) {
        self.waste(row);
        let fixed = self.store(change);
        self.kinds.set(row, fixed.kind);
        self.offsets.set(row, fixed.offset);
        self.lengths.set(row, fixed.length);
        self.payloads.set(row, fixed.payload);
        self.tidy();
    }

    /// Count what `row` refers to as waste.
    fn waste(&mut self, row: usize) {
        self.wasted += match self.view(row) {
            RowView::Deleted => 0,
            RowView::Native { .. } => 12,
            RowView::Virtual { .. } => 16,
            RowView::Inline(data) => data.len(),
        };
    }

    /// Store everything anew if much of it is waste.
    fn tidy(&mut self) {
        if self.wasted > (64 << 10) && self.wasted > self.nbytes() / 2 {
            *self = self.filtered(|_| true);
        }
    }

    /// The rows whose coordinates `keep` accepts.
    #[must_use]
    pub fn filtered(&self, mut keep: impl FnMut(&[u32]) -> bool) -> Self {
        let mut kept = Self::new(self.ndim);
        let mut map = SourceMap::new(self.num_sources());
        for row in 0..self.len() {
            if keep(self.coords(row)) {
                let fixed = kept.store_from(self, row, &mut map);
                kept.push_fixed(self.coords(row), fixed);
            }
        }
        kept
    }

    /// Put the rows of `newer` over these.
    pub fn merge(&mut self, newer: &Self) {
        if newer.is_empty() {
            return;
        }
        let mut map = SourceMap::new(newer.num_sources());
        let split = match self.search(newer.coords(0)) {
            Ok(row) | Err(row) => row,
        };
        // Rows before the first new one stay where they are.
        let tail_coords = self.coords.split_off((split * self.ndim).min(self.coords.len()));
        let tail: Vec<Fixed> = (split..self.len()).map(|row| self.fixed(row)).collect();
        self.kinds.truncate(split);
        self.offsets.truncate(split);
        self.lengths.truncate(split);
        self.payloads.truncate(split);
        let old_row = |row: usize| tail_coords.get(row * newer.ndim..(row + 1) * newer.ndim).unwrap_or_default();
        let (mut old, mut new) = (0, 0);
        while let Some(&fixed) = tail.get(old) {
            let order = if new < newer.len() { old_row(old).cmp(newer.coords(new)) } else { Ordering::Less };
            match order {
                Ordering::Less => {
                    self.push_fixed(old_row(old), fixed);
                    old += 1;
                }
                Ordering::Equal => {
                    self.wasted += match fixed.kind {
                        INLINE => index(fixed.length),
                        DELETED => 0,
                        _ => 12,
                    };
                    old += 1;
                }
                Ordering::Greater => {
                    let fixed = self.store_from(newer, new, &mut map);
                    self.push_fixed(newer.coords(new), fixed);
                    new += 1;
                }
            }
        }
        for row in new..newer.len() {
            let fixed = self.store_from(newer, row, &mut map);
            self.push_fixed(newer.coords(row), fixed);
        }
        self.tidy();
    }
}
