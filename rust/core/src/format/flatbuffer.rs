//! A bounds-checked reader of FlatBuffers tables.
//!
//! Nothing is verified ahead: every access checks what it touches, so a hostile buffer can only make its own reader fail.
//! Alignment is not required.

use crate::{Error, Result};

fn outside() -> Error {
    Error::format("an offset points outside the file")
}

fn missing(field: &str) -> Error {
    Error::format(format!("the file has no {field}"))
}

/// `N` bytes at `at`.
fn array_at<const N: usize>(buf: &[u8], at: usize) -> Result<&[u8; N]> {
    buf.get(at..).and_then(<[u8]>::first_chunk).ok_or_else(outside)
}

fn u32_at(buf: &[u8], at: usize) -> Result<u32> {
    array_at(buf, at).map(|raw| u32::from_le_bytes(*raw))
}

fn u16_at(buf: &[u8], at: usize) -> Result<u16> {
    array_at(buf, at).map(|raw| u16::from_le_bytes(*raw))
}

/// Where the offset stored at `at` points.
fn follow(buf: &[u8], at: usize) -> Result<usize> {
    let offset = u32_at(buf, at)? as usize;
    let target = at.checked_add(offset).ok_or_else(outside)?;
    if target < buf.len() { Ok(target) } else { Err(outside()) }
}

/// One table in a buffer.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    buf: &'a [u8],
    at: usize,
    vtable: &'a [u8],
}

impl<'a> Table<'a> {
    /// The root table.  The file identifier is not looked at (format section 2).
    pub fn root(buf: &'a [u8]) -> Result<Self> {
        Self::at(buf, follow(buf, 0)?)
    }

    /// The table at position `at`.
    pub fn at(buf: &'a [u8], at: usize) -> Result<Self> {
        let back = i32::from_le_bytes(*array_at(buf, at)?);
        let start =
            i64::try_from(at).ok().and_then(|at| usize::try_from(at - i64::from(back)).ok()).ok_or_else(outside)?;
        let length = usize::from(u16_at(buf, start)?);
        let vtable = buf.get(start..).and_then(|rest| rest.get(4..length)).ok_or_else(outside)?;
        Ok(Self { buf, at, vtable })
    }

    fn field(&self, slot: usize) -> Option<usize> {
        let raw = self.vtable.get(2 * slot..).and_then(<[u8]>::first_chunk)?;
        match u16::from_le_bytes(*raw) {
            0 => None,
            offset => self.at.checked_add(usize::from(offset)),
        }
    }

    /// Whether the field is there.
    #[must_use]
    pub fn has(&self, slot: usize) -> bool {
        self.field(slot).is_some()
    }

    /// A struct of `N` bytes, stored inline.
    pub fn inline<const N: usize>(&self, slot: usize) -> Result<Option<[u8; N]>> {
        self.field(slot).map(|at| array_at(self.buf, at).copied()).transpose()
    }

    /// A struct that must be there.
    pub fn required_inline<const N: usize>(&self, slot: usize, name: &str) -> Result<[u8; N]> {
        self.inline(slot)?.ok_or_else(|| missing(name))
    }

    /// A scalar, 0 if absent.
    pub fn u8(&self, slot: usize) -> Result<u8> {
        Ok(self.inline::<1>(slot)?.map_or(0, |[byte]| byte))
    }

    /// A scalar, 0 if absent.
    pub fn u16(&self, slot: usize) -> Result<u16> {
        Ok(self.inline(slot)?.map_or(0, u16::from_le_bytes))
    }

    /// A scalar, 0 if absent.
    pub fn u32(&self, slot: usize) -> Result<u32> {
        Ok(self.inline(slot)?.map_or(0, u32::from_le_bytes))
    }

    /// A scalar, 0 if absent.
    pub fn i32(&self, slot: usize) -> Result<i32> {
        Ok(self.inline(slot)?.map_or(0, i32::from_le_bytes))
    }

    /// A scalar, 0 if absent.
    pub fn u64(&self, slot: usize) -> Result<u64> {
        Ok(self.inline(slot)?.map_or(0, u64::from_le_bytes))
    }

    fn target(&self, slot: usize) -> Result<Option<usize>> {
        self.field(slot).map(|at| follow(self.buf, at)).transpose()
    }

    /// The table that a field points to.
    pub fn table(&self, slot: usize) -> Result<Option<Table<'a>>> {
        self.target(slot)?.map(|at| Table::at(self.buf, at)).transpose()
    }

    /// A table that must be there.
    pub fn required_table(&self, slot: usize, name: &str) -> Result<Table<'a>> {
        self.table(slot)?.ok_or_else(|| missing(name))
    }

    /// A vector of structs or scalars of `N` bytes.
    pub fn structs<const N: usize>(&self, slot: usize) -> Result<Option<&'a [[u8; N]]>> {
        let Some(at) = self.target(slot)? else { return Ok(None) };
        let length = (u32_at(self.buf, at)? as usize).checked_mul(N).ok_or_else(outside)?;
        let bytes = self.buf.get(at + 4..).and_then(|rest| rest.get(..length)).ok_or_else(outside)?;
        Ok(Some(bytes.as_chunks().0))
    }

    /// A vector of structs or scalars that must be there.
    pub fn required_structs<const N: usize>(&self, slot: usize, name: &str) -> Result<&'a [[u8; N]]> {
        self.structs(slot)?.ok_or_else(|| missing(name))
    }

    /// A vector of bytes.
    pub fn bytes(&self, slot: usize) -> Result<Option<&'a [u8]>> {
        Ok(self.structs::<1>(slot)?.map(<[[u8; 1]]>::as_flattened))
    }

    /// A vector of bytes that must be there.
    pub fn required_bytes(&self, slot: usize, name: &str) -> Result<&'a [u8]> {
        self.bytes(slot)?.ok_or_else(|| missing(name))
    }

    /// A string, which must be UTF-8; the NUL after it is not looked for.
    pub fn string(&self, slot: usize) -> Result<Option<&'a str>> {
        self.bytes(slot)?
            .map(|raw| std::str::from_utf8(raw).map_err(|_| Error::format("a string in the file is not UTF-8")))
            .transpose()
    }

    /// A string that must be there.
    pub fn required_string(&self, slot: usize, name: &str) -> Result<&'a str> {
        self.string(slot)?.ok_or_else(|| missing(name))
    }

    /// A vector of offsets, to tables or strings.
    pub fn offsets(&self, slot: usize) -> Result<Option<Offsets<'a>>> {
        let Some(at) = self.target(slot)? else { return Ok(None) };
        Offsets::at(self.buf, at).map(Some)
    }

    /// A vector of offsets that must be there.
    pub fn required_offsets(&self, slot: usize, name: &str) -> Result<Offsets<'a>> {
        self.offsets(slot)?.ok_or_else(|| missing(name))
    }
}

/// A vector whose elements are stored elsewhere.
#[derive(Clone, Copy)]
pub struct Offsets<'a> {
    buf: &'a [u8],
    at: usize,
    length: usize,
}

impl<'a> Offsets<'a> {
    /// The vector at position `at`.
    pub fn at(buf: &'a [u8], at: usize) -> Result<Self> {
        let length = u32_at(buf, at)? as usize;
        let end = length.checked_mul(4).and_then(|bytes| bytes.checked_add(at)?.checked_add(4)).ok_or_else(outside)?;
        if end > buf.len() {
            return Err(outside());
        }
        Ok(Self { buf, at, length })
    }

    /// A vector without elements.
    #[must_use]
    pub fn empty() -> Self {
        Self { buf: &[], at: 0, length: 0 }
    }

    /// Position of the vector in its buffer.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// How many elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    fn target(&self, index: usize) -> Result<usize> {
        if index >= self.length {
            return Err(outside());
        }
        follow(self.buf, self.at + 4 + 4 * index)
    }

    /// Element `index`, a table.
    pub fn table(&self, index: usize) -> Result<Table<'a>> {
        Table::at(self.buf, self.target(index)?)
    }

    /// Element `index`, a string.
    pub fn string(&self, index: usize) -> Result<&'a str> {
        let at = self.target(index)?;
        let length = u32_at(self.buf, at)? as usize;
        let raw = self.buf.get(at + 4..).and_then(|rest| rest.get(..length)).ok_or_else(outside)?;
        std::str::from_utf8(raw).map_err(|_| Error::format("a string in the file is not UTF-8"))
    }

    /// Every element, as tables.
    pub fn tables(self) -> impl Iterator<Item = Result<Table<'a>>> {
        (0..self.length).map(move |index| self.table(index))
    }

    /// Every element, as strings.
    pub fn strings(self) -> impl Iterator<Item = Result<&'a str>> {
        (0..self.length).map(move |index| self.string(index))
    }

    /// The first index whose element is not before what `compare` looks for, and whether it is equal.
    pub fn search(&self, mut compare: impl FnMut(Table<'a>) -> Result<std::cmp::Ordering>) -> Result<(usize, bool)> {
        let (mut low, mut high, mut found) = (0, self.length, false);
        while low < high {
            let middle = low.midpoint(high);
            match compare(self.table(middle)?)? {
                std::cmp::Ordering::Less => low = middle + 1,
                order => {
                    found = order.is_eq();
                    high = middle;
                }
            }
        }
        Ok((low, found))
    }
}
