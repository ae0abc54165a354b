//! Many small tables, written front to back, that a file takes in as one block.
//!
//! The builder of the `flatbuffers` crate works back to front, a push of a few bytes at a time, and took half a microsecond
//! for each entry of a history.  Offsets point forwards in FlatBuffers, so tables can be written before what they
//! refer to just as well, by appending to a buffer; and because all offsets are relative, the block may lie anywhere.

use super::metadata::MetadataItems;
use super::schema::metadata_item;
use crate::{Error, ErrorKind, ObjectId12, Result};

/// What the block's own beginning has to be aligned to in the file.
pub(crate) const ALIGNMENT: usize = 8;

/// The value of a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    U64(u64),
    U32(u32),
    U16(u16),
    U8(u8),
    /// Stored inline.
    Id(&'a ObjectId12),
    Text(&'a str),
    Ids(&'a [ObjectId12]),
    /// Sorted by name.
    Metadata(&'a MetadataItems),
    Bytes(&'a [u8]),
    Table(&'a [Field<'a>]),
}

/// A slot and what is in it.  The fields of a table come in an order that needs no padding: by alignment, the largest
/// first; ids are of twelve bytes, so that nothing after them moves.
pub(crate) type Field<'a> = (usize, Value<'a>);

impl Value<'_> {
    /// What its place in the table has to be divisible by.
    pub fn alignment(self) -> usize {
        match self {
            Self::U64(_) => 8,
            Self::U16(_) => 2,
            Self::U8(_) | Self::Id(_) => 1,
            _ => 4,
        }
    }

    /// Whether readers assume it where nothing is stored.
    fn is_default(self) -> bool {
        matches!(self, Self::U64(0) | Self::U32(0) | Self::U16(0) | Self::U8(0))
    }

    /// Bytes that it takes in its table: none if it is left out.
    fn width(self) -> usize {
        match self {
            default if default.is_default() => 0,
            Self::U64(_) => 8,
            Self::Id(_) => 12,
            Self::U16(_) => 2,
            Self::U8(_) => 1,
            _ => 4,
        }
    }
}

/// Tables and what they point to.
#[derive(Debug, Default)]
pub(crate) struct TableBlock {
    bytes: Vec<u8>,
    /// Every layout of a table and where it is, the one used last in front.
    vtables: Vec<(Vec<u8>, usize)>,
    tables: u64,
}

impl TableBlock {
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// The bytes, padded to whole words.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.pad(ALIGNMENT, 0);
        self.bytes
    }

    /// How many bytes there are so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How many tables there are, nested ones included.
    pub fn tables(&self) -> u64 {
        self.tables
    }

    /// Write a table and everything that it refers to; returns where it is.
    pub fn table(&mut self, fields: &[Field<'_>]) -> Result<usize> {
        self.tables += 1;
        let vtable = self.vtable(fields);
        // The first field may be of eight bytes.
        self.pad(ALIGNMENT, 4);
        let start = self.bytes.len();
        let back = i32::try_from(start - vtable).map_err(|_| too_large())?;
        self.bytes.extend_from_slice(&back.to_le_bytes());
        for (_, value) in fields {
            match value {
                default if default.is_default() => {}
                Value::U64(value) => self.bytes.extend_from_slice(&value.to_le_bytes()),
                Value::U32(value) => self.bytes.extend_from_slice(&value.to_le_bytes()),
                Value::U16(value) => self.bytes.extend_from_slice(&value.to_le_bytes()),
                Value::U8(value) => self.bytes.push(*value),
                Value::Id(id) => self.bytes.extend_from_slice(id.as_bytes()),
                _ => self.bytes.extend_from_slice(&[0; 4]),
            }
        }
        let mut place = start + 4;
        for (_, value) in fields {
            let here = place;
            place += value.width();
            let target = match value {
                Value::Text(text) => self.text(text)?,
                Value::Bytes(bytes) => self.vector(bytes.len(), bytes)?,
                Value::Ids(ids) => self.ids(ids)?,
                Value::Metadata(items) => self.metadata(items)?,
                Value::Table(fields) => self.table(fields)?,
                _ => continue,
            };
            self.point(here, target)?;
        }
        Ok(start)
    }

    /// Where the layout of such a table is described.
    fn vtable(&mut self, fields: &[Field<'_>]) -> usize {
        let known = self.vtables.iter().position(|(layout, _)| is_layout_of(layout, fields));
        if let Some(index) = known {
            self.vtables.swap(0, index);
        } else {
            let layout = layout_of(fields);
            self.pad(4, 0);
            self.vtables.insert(0, (layout.clone(), self.bytes.len()));
            self.bytes.extend_from_slice(&layout);
        }
        self.vtables.first().map_or(0, |(_, at)| *at)
    }

    fn text(&mut self, text: &str) -> Result<usize> {
        let at = self.vector(text.len(), text.as_bytes())?;
        self.bytes.push(0);
        Ok(at)
    }

    fn ids(&mut self, ids: &[ObjectId12]) -> Result<usize> {
        let at = self.vector(ids.len(), &[])?;
        for id in ids {
            self.bytes.extend_from_slice(id.as_bytes());
        }
        Ok(at)
    }

    fn metadata(&mut self, items: &MetadataItems) -> Result<usize> {
        let mut order: Vec<&(String, Vec<u8>)> = items.iter().collect();
        order.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        let at = self.vector(order.len(), &[])?;
        let first = self.bytes.len();
        self.bytes.resize(first + 4 * order.len(), 0);
        for (index, (name, value)) in order.into_iter().enumerate() {
            let fields = [(metadata_item::NAME, Value::Text(name)), (metadata_item::VALUE, Value::Bytes(value))];
            let table = self.table(&fields)?;
            self.point(first + 4 * index, table)?;
        }
        Ok(at)
    }

    /// The length of a vector and the bytes after it.
    fn vector(&mut self, length: usize, bytes: &[u8]) -> Result<usize> {
        self.pad(4, 0);
        let at = self.bytes.len();
        let length = u32::try_from(length).map_err(|_| too_large())?;
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(bytes);
        Ok(at)
    }

    /// Let the offset stored at `place` lead to `target`, which lies behind it.
    fn point(&mut self, place: usize, target: usize) -> Result<()> {
        let offset = u32::try_from(target - place).map_err(|_| too_large())?;
        match self.bytes.get_mut(place..).and_then(<[u8]>::first_chunk_mut) {
            Some(stored) => *stored = offset.to_le_bytes(),
            None => return Err(Error::new(ErrorKind::Internal, "a table points from outside its block")),
        }
        Ok(())
    }

    /// Go on at the next position that leaves `rest` when it is divided by `alignment`.
    fn pad(&mut self, alignment: usize, rest: usize) {
        let missing = (alignment + rest - self.bytes.len() % alignment) % alignment;
        self.bytes.resize(self.bytes.len() + missing, 0);
    }
}

fn too_large() -> Error {
    super::envelope::too_large()
}

/// Slot by slot where each field lies in its table, as the format has it: two sizes, then the places.
fn layout_of(fields: &[Field<'_>]) -> Vec<u8> {
    let slots = stored(fields).map(|(slot, _)| slot + 1).max().unwrap_or(0);
    let mut layout = vec![0_u16; 2 + slots];
    for (number, place) in numbers_of(fields) {
        if let Some(entry) = layout.get_mut(number) {
            *entry = place;
        }
    }
    if let Some(entry) = layout.first_mut() {
        *entry = short(2 * (2 + slots));
    }
    layout.into_iter().flat_map(u16::to_le_bytes).collect()
}

/// Whether `layout` is that of these fields, without making another one.
fn is_layout_of(layout: &[u8], fields: &[Field<'_>]) -> bool {
    let (numbers, _) = layout.as_chunks::<2>();
    let set = numbers.iter().skip(2).filter(|raw| u16::from_le_bytes(**raw) != 0).count();
    set == stored(fields).count()
        && numbers_of(fields)
            .all(|(number, place)| numbers.get(number).is_some_and(|raw| u16::from_le_bytes(*raw) == place))
}

fn stored<'a>(fields: &'a [Field<'a>]) -> impl Iterator<Item = &'a Field<'a>> {
    fields.iter().filter(|(_, value)| !value.is_default())
}

/// (Position in the vtable, number to be stored there): the size of the table, then where each field is.
fn numbers_of<'a>(fields: &'a [Field<'a>]) -> impl Iterator<Item = (usize, u16)> + 'a {
    let size = 4 + fields.iter().map(|(_, value)| value.width()).sum::<usize>();
    let places = stored(fields).scan(4, |place, (slot, value)| {
        let here = *place;
        *place += value.width();
        Some((2 + slot, short(here)))
    });
    std::iter::once((1, short(size))).chain(places)
}

/// Tables have few fields, of at most 12 bytes each.
fn short(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::ObjectId;
    use crate::format::flatbuffer::Table;

    #[test]
    fn what_is_written_can_be_read() {
        let id = ObjectId([7; 12]);
        let metadata = vec![("b".to_owned(), vec![2, 2]), ("a".to_owned(), vec![])];
        let inner = [(0, Value::Text("inside")), (2, Value::U8(9))];
        let mut block = TableBlock::default();
        block.table(&[]).unwrap();
        for number in [1_u64, 2] {
            let at = block
                .table(&[
                    (3, Value::U64(number)),
                    (0, Value::U32(u32::MAX)),
                    (1, Value::Text("text")),
                    (5, Value::Metadata(&metadata)),
                    (6, Value::Table(&inner)),
                    (8, Value::Ids(&[id, id])),
                    (4, Value::Id(&id)),
                    (9, Value::U16(0)),
                ])
                .unwrap();
            assert_eq!(at % 8, 4);
            let bytes = block.bytes.clone();
            let table = Table::at(&bytes, at).unwrap();
            assert_eq!((table.u64(3).unwrap(), table.i32(0).unwrap()), (number, -1));
            assert!(!table.has(9), "a zero is left out");
            assert_eq!(table.inline::<12>(4).unwrap(), Some(id.0));
            assert_eq!(table.string(1).unwrap(), Some("text"));
            assert_eq!(table.structs::<12>(8).unwrap(), Some([id.0, id.0].as_slice()));
            let inside = table.table(6).unwrap().unwrap();
            assert_eq!((inside.string(0).unwrap(), inside.u8(2).unwrap()), (Some("inside"), 9));
            let items = table.offsets(5).unwrap().unwrap();
            let names: Vec<_> = items.tables().map(|item| item.unwrap().string(0).unwrap().unwrap()).collect();
            assert_eq!(names, ["a", "b"]);
            assert!(!table.has(2) && !table.has(7));
        }
        // Tables of the same fields share their layout.
        assert_eq!(block.vtables.len(), 4);
        assert_eq!(block.tables(), 9);
        assert_eq!(block.into_bytes().len() % ALIGNMENT, 0);
    }
}
