//! The references of one array, in the buffer of their manifest.

use std::cmp::Ordering;

use super::view::Manifest;
use crate::format::flatbuffer::{Offsets, Table};
use crate::format::schema::chunk_ref as slot;
use crate::region::SortedRows;
use crate::{Checksum, ChunkRef, Error, ObjectId, Result};

/// A location as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredLocation<'a> {
    /// The text.
    Plain(&'a str),
    /// A zstd frame that needs the manifest's dictionary.
    Compressed(&'a [u8]),
}

/// A checksum in the manifest's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredChecksum<'a> {
    /// The object's etag.
    Etag(&'a str),
    /// Seconds since 1970.
    LastModified(u32),
}

/// A reference in the manifest's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredRef<'a> {
    /// The bytes themselves.
    Inline(&'a [u8]),
    /// A range of an object of the repository.
    Native {
        /// Names the object.
        id: [u8; 12],
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// A range of somebody else's object.
    Virtual {
        /// URL of the object.
        location: StoredLocation<'a>,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
        /// Refuses an object that has changed since.
        checksum: Option<StoredChecksum<'a>>,
    },
}

impl StoredRef<'_> {
    /// Number of bytes of the chunk.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Inline(data) => data.len() as u64,
            Self::Native { length, .. } | Self::Virtual { length, .. } => *length,
        }
    }
}

/// The references of one array, in coordinate order.
#[derive(Clone, Copy)]
pub struct ArrayRefs<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) offsets: Offsets<'a>,
}

impl<'a> ArrayRefs<'a> {
    fn index(&self, row: usize) -> Result<&'a [[u8; 4]]> {
        self.offsets.table(row)?.required_structs(slot::INDEX, "chunk index")
    }

    /// Reference `row` as it is stored.
    pub fn stored(&self, row: usize) -> Result<StoredRef<'a>> {
        let table = self.offsets.table(row)?;
        let range = |table: &Table<'a>| Ok::<_, Error>((table.u64(slot::OFFSET)?, table.u64(slot::LENGTH)?));
        if let Some(id) = table.inline(slot::CHUNK_ID)? {
            let (offset, length) = range(&table)?;
            return Ok(StoredRef::Native { id, offset, length });
        }
        let location = match table.bytes(slot::COMPRESSED_LOCATION)? {
            Some(frame) => Some(StoredLocation::Compressed(frame)),
            None => table.string(slot::LOCATION)?.map(StoredLocation::Plain),
        };
        if let Some(location) = location {
            let (offset, length) = range(&table)?;
            let checksum = match table.string(slot::CHECKSUM_ETAG)? {
                Some(etag) => Some(StoredChecksum::Etag(etag)),
                None => match table.u32(slot::CHECKSUM_LAST_MODIFIED)? {
                    0 => None,
                    seconds => Some(StoredChecksum::LastModified(seconds)),
                },
            };
            return Ok(StoredRef::Virtual { location, offset, length, checksum });
        }
        match table.bytes(slot::INLINE)? {
            Some(data) => Ok(StoredRef::Inline(data)),
            None => Err(Error::format("a chunk reference says neither where its bytes are nor what they are")),
        }
    }

    /// Reference `row` on its own.
    pub fn get(&self, row: usize) -> Result<ChunkRef> {
        Ok(match self.stored(row)? {
            StoredRef::Inline(data) => ChunkRef::Inline(self.manifest.share(data)),
            StoredRef::Native { id, offset, length } => ChunkRef::Native { id: ObjectId(id), offset, length },
            StoredRef::Virtual { location, offset, length, checksum } => ChunkRef::Virtual {
                location: self.manifest.location(location)?.into(),
                offset,
                length,
                checksum: checksum.map(StoredChecksum::to_owned),
            },
        })
    }
}

impl StoredChecksum<'_> {
    /// The checksum on its own.
    #[must_use]
    pub fn to_owned(self) -> Checksum {
        match self {
            StoredChecksum::Etag(etag) => Checksum::Etag(etag.into()),
            StoredChecksum::LastModified(seconds) => Checksum::LastModified(seconds),
        }
    }
}

impl SortedRows for ArrayRefs<'_> {
    fn len(&self) -> usize {
        self.offsets.len()
    }

    fn compare(&self, row: usize, coords: &[u32]) -> Result<Ordering> {
        let index = self.index(row)?;
        if index.len() != coords.len() {
            self.of_other_rank(row, coords.len())?;
        }
        Ok(index.iter().map(|raw| u32::from_le_bytes(*raw)).cmp(coords.iter().copied()))
    }

    /// An error: no honest file has such a row, and what it stands in the place of must not pass for missing.
    fn of_other_rank(&self, row: usize, rank: usize) -> Result<()> {
        Err(Error::format(format!(
            "reference {row} of an array in manifest {} has {} coordinates, where the snapshot says {rank}",
            self.manifest.id(),
            self.index(row)?.len()
        )))
    }

    fn read(&self, row: usize, into: &mut Vec<u32>) -> Result<()> {
        into.clear();
        into.extend(self.index(row)?.iter().map(|raw| u32::from_le_bytes(*raw)));
        Ok(())
    }
}
