//! Writes chunk references.

use super::locations::{Locations, WrittenLocation};
use super::merged::{MergedRefs, OpenSource};
use super::plan::{Origin, as_u32};
use super::recent::Recent;
use crate::chunk_table::RowView;
use crate::format::file_builder::{FileBuilder, Shape, Written};
use crate::format::manifest::{StoredChecksum, StoredRef};
use crate::format::schema::chunk_ref as slot;
use crate::{Checksum, Error, ErrorKind, Result};

/// Offset and length of a reference.
type Range = (u64, u64);

/// Writes the references of one file.
pub(super) struct RefWriter<'b> {
    sources: Vec<OpenSource<'b>>,
    /// How many sources the arrays before had: locations are remembered by the number of their source in the file.
    before: u32,
    locations: Locations,
    etags: Recent,
    shapes: Shapes,
}

/// The references that most files are full of; a range from byte 0 has one field less.
#[derive(Default)]
struct Shapes {
    plain: [Shape; 2],
    compressed: [Shape; 2],
}

impl<'b> RefWriter<'b> {
    pub fn new(locations: Locations) -> Self {
        Self { sources: Vec::new(), before: 0, locations, etags: Recent::default(), shapes: Shapes::default() }
    }

    /// From here on write references of this array.
    pub fn turn_to(&mut self, refs: &'b MergedRefs) -> Result<()> {
        self.before = self.before.saturating_add(as_u32(self.sources.len())?);
        self.sources = refs.sources();
        Ok(())
    }

    /// Write the reference that `origin` has, at `coords`.
    pub fn write(&mut self, file: &mut FileBuilder, coords: &[u32], (number, row): Origin) -> Result<Written> {
        let missing = || Error::new(ErrorKind::Internal, "a reference of the new manifest has lost its source");
        let source = self.sources.get(number as usize).copied().ok_or_else(missing)?;
        let number = self.before.saturating_add(number);
        match source {
            OpenSource::Table(rows) => match rows.view(row as usize) {
                RowView::Deleted => Err(missing()),
                RowView::Inline(data) => write_inline(file, coords, data),
                RowView::Native { id, offset, length } => write_native(file, coords, id, (offset, length)),
                RowView::Virtual { source, offset, length } => {
                    let location = self.locations.of_table(file, number, rows, source)?;
                    let checksum = rows.checksum(source).map(|checksum| match checksum {
                        Checksum::Etag(etag) => StoredChecksum::Etag(etag),
                        Checksum::LastModified(seconds) => StoredChecksum::LastModified(*seconds),
                    });
                    self.write_virtual(file, coords, location, (offset, length), checksum)
                }
            },
            OpenSource::Manifest(manifest, refs) => match refs.ok_or_else(missing)?.stored(row as usize)? {
                StoredRef::Inline(data) => write_inline(file, coords, data),
                StoredRef::Native { id, offset, length } => write_native(file, coords, &id, (offset, length)),
                StoredRef::Virtual { location, offset, length, checksum } => {
                    let location = self.locations.of_manifest(file, number, manifest, location)?;
                    self.write_virtual(file, coords, location, (offset, length), checksum)
                }
            },
        }
    }

    fn write_virtual(
        &mut self,
        file: &mut FileBuilder,
        coords: &[u32],
        location: WrittenLocation,
        (offset, length): Range,
        checksum: Option<StoredChecksum<'_>>,
    ) -> Result<Written> {
        let etag = match checksum {
            Some(StoredChecksum::Etag(etag)) => Some(self.etags.get(file, etag.as_bytes(), |file| file.string(etag))?),
            _ => None,
        };
        let index = file.u32s(coords)?;
        if checksum.is_none() && length != 0 {
            let (shapes, text) = match location {
                WrittenLocation::Plain(text) => (&mut self.shapes.plain, (slot::LOCATION, text)),
                WrittenLocation::Compressed(frame) => (&mut self.shapes.compressed, (slot::COMPRESSED_LOCATION, frame)),
            };
            let [from_zero, from_elsewhere] = shapes;
            let offsets = [(slot::INDEX, index), text];
            return match offset {
                0 => file.same_table(from_zero, &[(slot::LENGTH, length)], &offsets),
                _ => file.same_table(from_elsewhere, &[(slot::OFFSET, offset), (slot::LENGTH, length)], &offsets),
            };
        }
        file.table(|fields| {
            fields.u64(slot::OFFSET, offset);
            fields.u64(slot::LENGTH, length);
            fields.offset(slot::INDEX, index);
            match location {
                WrittenLocation::Plain(text) => fields.offset(slot::LOCATION, text),
                WrittenLocation::Compressed(frame) => fields.offset(slot::COMPRESSED_LOCATION, frame),
            }
            fields.maybe(slot::CHECKSUM_ETAG, etag);
            if let Some(StoredChecksum::LastModified(seconds)) = checksum {
                fields.u32(slot::CHECKSUM_LAST_MODIFIED, seconds);
            }
        })
    }
}

fn write_inline(file: &mut FileBuilder, coords: &[u32], data: &[u8]) -> Result<Written> {
    let data = file.bytes(data)?;
    let index = file.u32s(coords)?;
    file.table(|fields| {
        fields.offset(slot::INDEX, index);
        fields.offset(slot::INLINE, data);
    })
}

fn write_native(file: &mut FileBuilder, coords: &[u32], id: &[u8; 12], (offset, length): Range) -> Result<Written> {
    let index = file.u32s(coords)?;
    file.table(|fields| {
        fields.u64(slot::OFFSET, offset);
        fields.u64(slot::LENGTH, length);
        fields.offset(slot::INDEX, index);
        fields.id(slot::CHUNK_ID, id);
    })
}
