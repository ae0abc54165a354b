//! A chunk table as bytes, to be carried to another process.

use super::rows::{Change, ChunkRows, RowView};
use super::table::ChunkTable;
use crate::{Checksum, ChunkRef, Error, ErrorKind, ObjectId, Result};

const MAGIC: &[u8; 4] = b"FZCT";
const VERSION: u8 = 1;

const DELETED: u8 = 0;
const NATIVE: u8 = 1;
const VIRTUAL: u8 = 2;
const INLINE: u8 = 3;

const NO_CHECKSUM: u8 = 0;
const ETAG: u8 = 1;
const LAST_MODIFIED: u8 = 2;

fn put_number(data: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        data.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    data.push(value as u8);
}

fn put_bytes(data: &mut Vec<u8>, bytes: &[u8]) {
    put_number(data, bytes.len() as u64);
    data.extend_from_slice(bytes);
}

impl ChunkTable {
    /// The table as bytes that `from_bytes` reads.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let rows = self.rows();
        let mut data = MAGIC.to_vec();
        data.push(VERSION);
        put_number(&mut data, rows.ndim() as u64);
        put_number(&mut data, rows.num_sources() as u64);
        for source in 0..rows.num_sources() {
            put_bytes(&mut data, rows.location(source).as_bytes());
            match rows.checksum(source) {
                None => data.push(NO_CHECKSUM),
                Some(Checksum::Etag(etag)) => {
                    data.push(ETAG);
                    put_bytes(&mut data, etag.as_bytes());
                }
                Some(Checksum::LastModified(seconds)) => {
                    data.push(LAST_MODIFIED);
                    put_number(&mut data, u64::from(*seconds));
                }
            }
        }
        put_number(&mut data, rows.len() as u64);
        for row in 0..rows.len() {
            for &c in rows.coords(row) {
                put_number(&mut data, u64::from(c));
            }
            match rows.view(row) {
                RowView::Deleted => data.push(DELETED),
                RowView::Native { id, offset, length } => {
                    data.push(NATIVE);
                    data.extend_from_slice(id);
                    put_number(&mut data, offset);
                    put_number(&mut data, length);
                }
                RowView::Virtual { source, offset, length } => {
                    data.push(VIRTUAL);
                    put_number(&mut data, source as u64);
                    put_number(&mut data, offset);
                    put_number(&mut data, length);
                }
                RowView::Inline(bytes) => {
                    data.push(INLINE);
                    put_bytes(&mut data, bytes);
                }
            }
        }
        data
    }

    /// The table that `to_bytes` wrote; everything is checked.
    pub fn from_bytes(data: &[u8]) -> Result<Self> {
        let mut reader = Reader { rest: data };
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(invalid("these bytes are not a chunk table"));
        }
        match reader.byte()? {
            VERSION => {}
            other => return Err(invalid(format!("this chunk table was written by another version ({other})"))),
        }
        let ndim = reader.index()?;
        // Longer coordinates than the whole input hold nothing but would overflow what is computed from them.
        if ndim > data.len() {
            return Err(cut_short());
        }
        let count = reader.index()?;
        let mut sources = Vec::new();
        for _ in 0..count {
            let location: std::sync::Arc<str> = reader.text()?.into();
            let checksum = match reader.byte()? {
                NO_CHECKSUM => None,
                ETAG => Some(Checksum::Etag(reader.text()?.into())),
                LAST_MODIFIED => Some(Checksum::LastModified(reader.u32()?)),
                other => return Err(invalid(format!("{other} is not a kind of checksum"))),
            };
            sources.push((location, checksum));
        }
        let count = reader.index()?;
        let mut rows = ChunkRows::new(ndim);
        let mut coords = Vec::new();
        for _ in 0..count {
            coords.clear();
            for _ in 0..ndim {
                coords.push(reader.u32()?);
            }
            if rows.last().is_some_and(|last| last >= coords.as_slice()) {
                return Err(invalid("the rows of the chunk table are not in order"));
            }
            rows.push(&coords, &reader.change(&sources)?);
        }
        if !reader.rest.is_empty() {
            return Err(invalid("there are bytes after the chunk table"));
        }
        Ok(Self::from_rows(rows))
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Deserialization, message)
}

fn cut_short() -> Error {
    invalid("the chunk table is cut short")
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8> {
        let (&byte, rest) = self.rest.split_first().ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(byte)
    }

    fn number(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(invalid("a number in the chunk table is too long"))
    }

    fn index(&mut self) -> Result<usize> {
        usize::try_from(self.number()?).map_err(|_| cut_short())
    }

    fn u32(&mut self) -> Result<u32> {
        u32::try_from(self.number()?).map_err(|_| invalid("a number in the chunk table is too large"))
    }

    fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.index()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| invalid("a text in the chunk table is not UTF-8"))
    }

    fn change(&mut self, sources: &[(std::sync::Arc<str>, Option<Checksum>)]) -> Result<Change> {
        Ok(match self.byte()? {
            DELETED => Change::Deleted,
            NATIVE => {
                let id = ObjectId::from_slice(self.take(12)?)?;
                Change::Set(ChunkRef::Native { id, offset: self.number()?, length: self.number()? })
            }
            VIRTUAL => {
                let number = self.index()?;
                let (location, checksum) =
                    sources.get(number).cloned().ok_or_else(|| invalid("a row names a location that is not there"))?;
                Change::Set(ChunkRef::Virtual { location, offset: self.number()?, length: self.number()?, checksum })
            }
            INLINE => Change::Set(ChunkRef::Inline(bytes::Bytes::copy_from_slice(self.bytes()?))),
            other => return Err(invalid(format!("{other} is not a kind of change"))),
        })
    }
}
