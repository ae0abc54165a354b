//! Writes chunk references.

use super::locations::{Locations, WrittenLocation};
use super::plan::{Origin, Source};
use super::recent::Recent;
use crate::chunk_table::RowView;
use crate::format::file_builder::{FileBuilder, Written};
use crate::format::manifest::{StoredChecksum, StoredRef};
use crate::format::schema::chunk_ref as slot;
use crate::{Checksum, Error, ErrorKind, Result};

/// Offset and length of a reference.
type Range = (u64, u64);

/// Writes the references of one file.
pub(super) struct RefWriter<'b> {
    sources: &'b [Source],
    locations: Locations,
    etags: Recent,
}

impl<'b> RefWriter<'b> {
    pub fn new(sources: &'b [Source], locations: Locations) -> Self {
        Self { sources, locations, etags: Recent::default() }
    }

    /// Write the reference that `origin` has, at `coords`.
    pub fn write(&mut self, file: &mut FileBuilder, coords: &[u32], (number, row): Origin) -> Result<Written> {
        let missing = || Error::new(ErrorKind::Internal, "a reference of the new manifest has lost its source");
        match self.sources.get(number as usize).ok_or_else(missing)? {
            Source::Table(rows) => match rows.view(row as usize) {
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
            Source::Manifest(manifest, node_id) => {
                let refs = manifest.refs(node_id).ok_or_else(missing)?;
                match refs.stored(row as usize)? {
                    StoredRef::Inline(data) => write_inline(file, coords, data),
                    StoredRef::Native { id, offset, length } => write_native(file, coords, &id, (offset, length)),
                    StoredRef::Virtual { location, offset, length, checksum } => {
                        let location = self.locations.of_manifest(file, number, manifest, location)?;
                        self.write_virtual(file, coords, location, (offset, length), checksum)
                    }
                }
            }
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
