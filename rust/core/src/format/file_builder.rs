//! Writes the tables of a metadata file, back to front, and never more than FlatBuffers can address.

use flatbuffers::{FlatBufferBuilder, SOffsetT, TableUnfinishedWIPOffset, UOffsetT, VOffsetT, WIPOffset};

use super::envelope::{self, FileType, MAX_BODY, SpecVersion};
use super::table_block::TableBlock;
use crate::Result;

// What one push can add beyond its own bytes: padding, a length, a vtable.
const SLACK: usize = 128;

// The official reader refuses a file that has more than 4 GiB if everything is counted as often as it is pointed to.  Of
// each table it counts the vtable and the look-ups in it, too: less than this.
const MAX_EXPANDED: u64 = 1 << 32;
const TABLE_OVERHEAD: u64 = 64;
const SHARED_OVERHEAD: u64 = 16;

/// Something written already, that a later table may point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written(UOffsetT);

impl Written {
    fn offset(self) -> WIPOffset<()> {
        WIPOffset::new(self.0)
    }
}

/// Where a block of tables was put.
#[derive(Debug, Clone, Copy)]
pub struct Place(UOffsetT);

impl Place {
    /// The tables at these positions of the block.
    pub fn all(self, positions: &[usize]) -> Result<Vec<Written>> {
        // Offsets are counted from the end of the file.
        let at =
            |position: &usize| UOffsetT::try_from(*position).ok().and_then(|position| self.0.checked_sub(position));
        positions.iter().map(|position| at(position).map(Written).ok_or_else(envelope::too_large)).collect()
    }
}

/// Tables that have the same fields, so that the description of the first serves all.
///
/// Padding depends on where a table begins, hence one description for each of eight positions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shape {
    vtables: [Option<UOffsetT>; 8],
}

/// The fields of one table while it is being written.
pub struct Fields<'b> {
    inner: &'b mut FlatBufferBuilder<'static>,
}

fn slot_offset(slot: usize) -> VOffsetT {
    // Slots are the small constants of `schema`.
    VOffsetT::try_from(4 + 2 * slot).unwrap_or(VOffsetT::MAX)
}

impl Fields<'_> {
    /// A field that points to something written before.
    pub fn offset(&mut self, slot: usize, to: Written) {
        self.inner.push_slot_always(slot_offset(slot), to.offset());
    }

    /// The same, if there is something.
    pub fn maybe(&mut self, slot: usize, to: Option<Written>) {
        if let Some(to) = to {
            self.offset(slot, to);
        }
    }

    /// A scalar; left out if it is `default`.
    pub fn u64(&mut self, slot: usize, value: u64) {
        self.inner.push_slot(slot_offset(slot), value, 0);
    }

    /// A scalar; left out if it is 0.
    pub fn u32(&mut self, slot: usize, value: u32) {
        self.inner.push_slot(slot_offset(slot), value, 0);
    }

    /// A scalar; left out if it is `default`.
    pub fn u8(&mut self, slot: usize, value: u8, default: u8) {
        self.inner.push_slot(slot_offset(slot), value, default);
    }

    /// A struct of bytes, stored inline.
    pub fn id<const N: usize>(&mut self, slot: usize, id: &[u8; N]) {
        if let [first, rest @ ..] = id.as_slice() {
            for &byte in rest.iter().rev() {
                self.inner.push(byte);
            }
            self.inner.push_slot_always(slot_offset(slot), *first);
        }
    }
}

/// A file under construction.
pub struct FileBuilder {
    inner: FlatBufferBuilder<'static>,
    /// How much larger the file is if nothing is shared.
    expansion: u64,
}

impl FileBuilder {
    /// An empty file that is expected to take about `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { inner: FlatBufferBuilder::with_capacity(capacity.clamp(1024, MAX_BODY)), expansion: 0 }
    }

    fn room_for(&self, bytes: usize) -> Result<()> {
        let end = self.inner.unfinished_data().len().saturating_add(bytes).saturating_add(SLACK);
        if end <= MAX_BODY && self.expansion.saturating_add(end as u64) <= MAX_EXPANDED {
            Ok(())
        } else {
            Err(envelope::too_large())
        }
    }

    /// Something of so many bytes is pointed to once more.
    pub fn share(&mut self, bytes: usize) {
        self.expansion = self.expansion.saturating_add(bytes as u64 + SHARED_OVERHEAD);
    }

    /// A vector of bytes.
    pub fn bytes(&mut self, data: &[u8]) -> Result<Written> {
        self.room_for(data.len())?;
        Ok(Written(self.inner.create_vector(data).value()))
    }

    /// A string.
    pub fn string(&mut self, text: &str) -> Result<Written> {
        self.room_for(text.len())?;
        Ok(Written(self.inner.create_string(text).value()))
    }

    /// A string, if there is one.
    pub fn maybe_string(&mut self, text: Option<&str>) -> Result<Option<Written>> {
        text.map(|text| self.string(text)).transpose()
    }

    /// Tables that were written elsewhere.
    pub fn block(&mut self, block: TableBlock) -> Result<Place> {
        self.room_for(block.len())?;
        self.expansion = self.expansion.saturating_add(TABLE_OVERHEAD.saturating_mul(block.tables()));
        let bytes = block.into_bytes();
        let words: Vec<u64> = bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        // A vector of words, because that is what the builder aligns; nothing points to its length.
        let vector = self.inner.create_vector(&words).value();
        Ok(Place(vector.saturating_sub(size_of::<UOffsetT>() as UOffsetT)))
    }

    /// A vector of `u16`.
    pub fn u16s(&mut self, values: &[u16]) -> Result<Written> {
        self.room_for(2 * values.len())?;
        Ok(Written(self.inner.create_vector(values).value()))
    }

    /// A vector of `u32`.
    pub fn u32s(&mut self, values: &[u32]) -> Result<Written> {
        self.room_for(4 * values.len())?;
        Ok(Written(self.inner.create_vector(values).value()))
    }

    /// A vector of ids.
    pub fn ids<const N: usize>(&mut self, ids: &[[u8; N]]) -> Result<Written> {
        self.room_for(N * ids.len())?;
        let bytes = ids.as_flattened();
        self.inner.start_vector::<u8>(bytes.len());
        for &byte in bytes.iter().rev() {
            self.inner.push(byte);
        }
        Ok(Written(self.inner.end_vector::<u8>(ids.len()).value()))
    }

    /// A vector of structs made of two `u32`.
    pub fn u32_pairs(&mut self, pairs: &[(u32, u32)]) -> Result<Written> {
        self.room_for(8 * pairs.len())?;
        self.inner.start_vector::<u32>(2 * pairs.len());
        for &(first, second) in pairs.iter().rev() {
            self.inner.push(second);
            self.inner.push(first);
        }
        Ok(Written(self.inner.end_vector::<u32>(pairs.len()).value()))
    }

    /// A vector of structs made of `N` aligned words.
    pub fn word_structs<const N: usize>(&mut self, structs: &[[u64; N]]) -> Result<Written> {
        self.room_for(8 * N * structs.len())?;
        let words = structs.as_flattened();
        self.inner.start_vector::<u64>(words.len());
        for &word in words.iter().rev() {
            self.inner.push(word);
        }
        Ok(Written(self.inner.end_vector::<u64>(structs.len()).value()))
    }

    /// A vector of offsets to what was written before.
    pub fn offsets(&mut self, to: &[Written]) -> Result<Written> {
        self.room_for(4 * to.len())?;
        self.inner.start_vector::<UOffsetT>(to.len());
        for written in to.iter().rev() {
            self.inner.push(written.offset());
        }
        Ok(Written(self.inner.end_vector::<UOffsetT>(to.len()).value()))
    }

    /// A table whose fields `fill` writes, at most some hundred bytes of them.
    pub fn table(&mut self, fill: impl FnOnce(&mut Fields<'_>)) -> Result<Written> {
        self.room_for(512)?;
        self.expansion += TABLE_OVERHEAD;
        let start: WIPOffset<TableUnfinishedWIPOffset> = self.inner.start_table();
        fill(&mut Fields { inner: &mut self.inner });
        Ok(Written(self.inner.end_table(start).value()))
    }

    /// A table of only these fields, even where they are 0; all tables of `shape` have the same slots in the same order.
    ///
    /// The bytes are those that `table` gives, at a fraction of the time.
    pub fn same_table(
        &mut self,
        shape: &mut Shape,
        words: &[(usize, u64)],
        offsets: &[(usize, Written)],
    ) -> Result<Written> {
        self.room_for(512)?;
        self.expansion += TABLE_OVERHEAD;
        let begin = self.inner.unfinished_data().len();
        let Some(known) = shape.vtables.get_mut(begin % 8) else { return Err(envelope::too_large()) };
        if let Some(vtable) = *known {
            for (_, word) in words {
                self.inner.push(*word);
            }
            for (_, to) in offsets {
                self.inner.push(to.offset());
            }
            // Both ends are counted from the end of the file; this field is aligned as what comes before it.
            let table = u32_of(self.inner.unfinished_data().len() + size_of::<SOffsetT>())?;
            self.inner.push(vtable.wrapping_sub(table).cast_signed());
            return Ok(Written(table));
        }
        let start: WIPOffset<TableUnfinishedWIPOffset> = self.inner.start_table();
        for (slot, word) in words {
            self.inner.push_slot_always(slot_offset(*slot), *word);
        }
        for (slot, to) in offsets {
            self.inner.push_slot_always(slot_offset(*slot), to.offset());
        }
        let table = self.inner.end_table(start).value();
        let data = self.inner.unfinished_data();
        let at = data.len().checked_sub(table as usize);
        if let Some(to_vtable) = at.and_then(|at| data.get(at..)).and_then(<[u8]>::first_chunk) {
            *known = Some(table.wrapping_add_signed(SOffsetT::from_le_bytes(*to_vtable)));
        }
        Ok(Written(table))
    }

    /// The FlatBuffer with `root`.
    pub fn into_body(mut self, root: Written) -> Result<(Vec<u8>, usize)> {
        self.room_for(0)?;
        self.inner.finish(root.offset(), Some("Ichk"));
        Ok(self.inner.collapse())
    }

    /// The compressed file with `root`.
    pub fn into_file(
        self,
        root: Written,
        file_type: FileType,
        spec_version: SpecVersion,
        writer: &str,
        level: i32,
    ) -> Result<Vec<u8>> {
        let (buffer, start) = self.into_body(root)?;
        envelope::encode(buffer.get(start..).unwrap_or_default(), file_type, spec_version, writer, level)
    }
}

fn u32_of(position: usize) -> Result<UOffsetT> {
    UOffsetT::try_from(position).map_err(|_| envelope::too_large())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tables_of_a_shape_are_those_written_field_by_field(
            rows in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..9), 1u64..9, 1u64.., any::<bool>()), 0..40),
        ) {
            let write = |fast: bool| {
                let mut file = FileBuilder::with_capacity(0);
                let (mut pairs, mut ones) = (Shape::default(), Shape::default());
                let mut written = Vec::new();
                for (data, first, second, one) in &rows {
                    let data = file.bytes(data).unwrap();
                    written.push(match (fast, one) {
                        (true, true) => file.same_table(&mut ones, &[], &[(1, data)]).unwrap(),
                        (true, false) => {
                            file.same_table(&mut pairs, &[(3, *first), (2, *second)], &[(0, data), (4, data)]).unwrap()
                        }
                        (false, true) => file.table(|fields| fields.offset(1, data)).unwrap(),
                        (false, false) => file
                            .table(|fields| {
                                fields.u64(3, *first);
                                fields.u64(2, *second);
                                fields.offset(0, data);
                                fields.offset(4, data);
                            })
                            .unwrap(),
                    });
                }
                let list = file.offsets(&written).unwrap();
                let root = file.table(|fields| fields.offset(0, list)).unwrap();
                let (buffer, start) = file.into_body(root).unwrap();
                buffer[start..].to_vec()
            };
            prop_assert_eq!(write(true), write(false));
        }
    }

    #[test]
    fn files_are_not_larger_than_readers_accept() {
        let file = FileBuilder::with_capacity(0);
        assert!(file.room_for(MAX_BODY - SLACK).is_ok());
        assert_eq!(file.room_for(MAX_BODY).unwrap_err().kind, ErrorKind::Serialization);
        assert!(file.room_for(usize::MAX).is_err());
    }

    #[test]
    fn what_is_shared_counts_as_often_as_it_is_pointed_to() {
        let mut file = FileBuilder::with_capacity(0);
        let text = "x".repeat(1 << 20);
        file.string(&text).unwrap();
        for _ in 0..4090 {
            file.share(text.len());
        }
        assert!(file.room_for(0).is_ok());
        for _ in 0..10 {
            file.share(text.len());
        }
        assert!(file.string("x").is_err());
    }
}
