//! References in columns.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::ChunkReader;
use crate::chunk_ref::ChunkRef;
use crate::error::Result;

const NATIVE: u8 = 1;
const VIRTUAL: u8 = 2;
const INLINE: u8 = 3;

/// The references of some chunks, one entry a row in each column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    /// Coordinates, row after row.
    pub coords: Vec<u32>,
    /// 1 native, 2 virtual, 3 inline.
    pub kinds: Vec<u8>,
    /// Id of a native chunk, location of a virtual one, empty for an inline one.
    pub paths: Vec<String>,
    /// First byte in the object.
    pub offsets: Vec<u64>,
    /// Number of bytes.
    pub lengths: Vec<u64>,
    /// Payload of inline chunks by row.
    pub inline: BTreeMap<usize, Bytes>,
}

impl Columns {
    fn push(&mut self, coords: &[u32], reference: ChunkRef) {
        let length = reference.length();
        let (kind, path, offset) = match reference {
            ChunkRef::Native { id, offset, .. } => (NATIVE, id.to_string(), offset),
            ChunkRef::Virtual { location, offset, .. } => (VIRTUAL, location.as_ref().to_owned(), offset),
            ChunkRef::Inline(data) => {
                self.inline.insert(self.kinds.len(), data);
                (INLINE, String::new(), 0)
            }
        };
        self.coords.extend_from_slice(coords);
        self.kinds.push(kind);
        self.paths.push(path);
        self.offsets.push(offset);
        self.lengths.push(length);
    }
}

impl ChunkReader {
    /// Rows `start` to `stop` of `coords` with their references.
    ///
    /// A chunk that is deleted between two calls is left out; a caller who reads everything in batches sees the rows of
    /// one moment as long as nothing changes.
    pub fn columns(&self, start: usize, stop: usize) -> Result<Columns> {
        let coords = self.remembered_coords()?;
        let mut columns = Columns::default();
        for row in start..stop.min(coords.len()) {
            let coords = coords.row(row);
            if let Some(reference) = self.lookup(coords)? {
                columns.push(coords, reference);
            }
        }
        if stop >= coords.len() {
            self.forget_coords();
        }
        Ok(columns)
    }
}
