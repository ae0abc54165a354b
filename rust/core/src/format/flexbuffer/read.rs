//! Reads FlexBuffers: everything that a writer may choose, and nothing twice as much as there is.

use serde_json::{Map, Value};

use super::types::*;
use crate::Result;
use crate::format::values::{MAX_DEPTH, invalid, prove, too_deep};

/// The value that a stand-alone FlexBuffer holds.
pub fn decode(data: &[u8]) -> Result<Value> {
    prove(data.len())?;
    let (&width, rest) = data.split_last().ok_or_else(cut_short)?;
    let (&packed, _) = rest.split_last().ok_or_else(cut_short)?;
    let width = usize::from(width);
    let at = data.len().checked_sub(2 + width).ok_or_else(cut_short)?;
    // Shared parts may make the value larger than its bytes, but not without bound.
    let values = data.len().saturating_mul(2).saturating_add(1024);
    let text = data.len().saturating_mul(64).saturating_add(65536);
    Reader { data, values, text }.slot(at, width, packed, 0)
}

fn cut_short() -> crate::Error {
    invalid("the FlexBuffer is cut short")
}

struct Reader<'a> {
    data: &'a [u8],
    /// How many values, and bytes of text in them, may still come.
    values: usize,
    text: usize,
}

fn repeats() -> crate::Error {
    invalid("the FlexBuffer repeats itself too often")
}

impl<'a> Reader<'a> {
    fn spend_values(&mut self, count: usize) -> Result<()> {
        self.values = self.values.checked_sub(count).ok_or_else(repeats)?;
        Ok(())
    }

    fn spend_text(&mut self, bytes: usize) -> Result<()> {
        self.text = self.text.checked_sub(bytes).ok_or_else(repeats)?;
        Ok(())
    }

    fn bytes(&self, at: usize, length: usize) -> Result<&'a [u8]> {
        self.data.get(at..).and_then(|rest| rest.get(..length)).ok_or_else(cut_short)
    }

    fn unsigned(&self, at: usize, width: usize) -> Result<u64> {
        let raw = self.bytes(at, width)?;
        match width {
            1 | 2 | 4 | 8 => Ok(raw.iter().rev().fold(0, |value, &byte| (value << 8) | u64::from(byte))),
            _ => Err(invalid(format!("{width} is not a width that FlexBuffers have"))),
        }
    }

    fn signed(&self, at: usize, width: usize) -> Result<i64> {
        let shift = 64 - 8 * u32::try_from(width.min(8)).unwrap_or(8);
        Ok(self.unsigned(at, width)?.cast_signed().wrapping_shl(shift).wrapping_shr(shift))
    }

    fn float(&self, at: usize, width: usize) -> Result<f64> {
        let raw = self.unsigned(at, width)?;
        match width {
            4 => Ok(u32::try_from(raw).map_or(f64::NAN, |bits| f64::from(f32::from_bits(bits)))),
            8 => Ok(f64::from_bits(raw)),
            _ => Err(invalid(format!("{width} is not a width that floats have"))),
        }
    }

    /// Where the offset stored at `at` points: backwards.
    fn follow(&self, at: usize, width: usize) -> Result<usize> {
        let back = usize::try_from(self.unsigned(at, width)?).map_err(|_| cut_short())?;
        at.checked_sub(back).ok_or_else(|| invalid("an offset points outside the FlexBuffer"))
    }

    /// The number of elements that is stored in front of a vector or string.
    fn length(&self, at: usize, width: usize) -> Result<usize> {
        let before = at.checked_sub(width).ok_or_else(cut_short)?;
        let length = usize::try_from(self.unsigned(before, width)?).map_err(|_| cut_short())?;
        if length > self.data.len() {
            return Err(cut_short());
        }
        Ok(length)
    }

    fn key(&mut self, at: usize) -> Result<String> {
        let rest = self.data.get(at..).ok_or_else(cut_short)?;
        let raw = rest.split(|&byte| byte == 0).next().filter(|raw| raw.len() < rest.len()).ok_or_else(cut_short)?;
        self.spend_text(raw.len())?;
        text(raw)
    }

    /// The value of the slot of `parent_width` bytes at `at`.
    fn slot(&mut self, at: usize, parent_width: usize, packed: u8, depth: usize) -> Result<Value> {
        self.spend_values(1)?;
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        let (kind, width) = (packed >> 2, 1_usize << (packed & 3));
        Ok(match kind {
            NULL => {
                self.bytes(at, parent_width)?;
                Value::Null
            }
            INT => self.signed(at, parent_width)?.into(),
            UINT => self.unsigned(at, parent_width)?.into(),
            FLOAT => self.float(at, parent_width)?.into(),
            BOOL => (self.unsigned(at, parent_width)? != 0).into(),
            KEY => self.follow(at, parent_width).and_then(|at| self.key(at))?.into(),
            _ => {
                let at = self.follow(at, parent_width)?;
                match kind {
                    INDIRECT_INT => self.signed(at, width)?.into(),
                    INDIRECT_UINT => self.unsigned(at, width)?.into(),
                    INDIRECT_FLOAT => self.float(at, width)?.into(),
                    STRING => {
                        let length = self.length(at, width)?;
                        self.spend_text(length)?;
                        text(self.bytes(at, length)?)?.into()
                    }
                    BLOB => {
                        let length = self.length(at, width)?;
                        self.spend_values(length)?;
                        Value::Array(self.bytes(at, length)?.iter().map(|&byte| byte.into()).collect())
                    }
                    MAP => self.map(at, width, depth)?,
                    VECTOR => {
                        let length = self.length(at, width)?;
                        self.vector(at, width, length, None, depth)?
                    }
                    VECTOR_INT..=VECTOR_STRING => {
                        let length = self.length(at, width)?;
                        self.vector(at, width, length, Some(kind - VECTOR_INT + INT), depth)?
                    }
                    VECTOR_BOOL => {
                        let length = self.length(at, width)?;
                        self.vector(at, width, length, Some(BOOL), depth)?
                    }
                    // Three lengths (2, 3, 4) of each of Int, UInt and Float.
                    VECTOR_INT2..=VECTOR_FLOAT4 => {
                        let variant = kind - VECTOR_INT2;
                        self.vector(at, width, usize::from(variant / 3 + 2), Some(variant % 3 + INT), depth)?
                    }
                    other => return Err(invalid(format!("{other} is not a type that FlexBuffers have"))),
                }
            }
        })
    }

    /// The packed type of element `index` of an untyped vector.
    fn element_type(&self, at: usize, width: usize, length: usize, index: usize) -> Result<u8> {
        let types = length.checked_mul(width).and_then(|size| size.checked_add(at)?.checked_add(index));
        types.and_then(|at| self.data.get(at)).copied().ok_or_else(cut_short)
    }

    fn vector(&mut self, at: usize, width: usize, length: usize, kind: Option<u8>, depth: usize) -> Result<Value> {
        self.bytes(at, length.checked_mul(width).ok_or_else(cut_short)?)?;
        let mut items = Vec::new();
        for index in 0..length {
            // Elements of typed vectors have no type byte; a string's own width is one byte then, as in the C++ library.
            let packed = match kind {
                Some(kind) => kind << 2,
                None => self.element_type(at, width, length, index)?,
            };
            items.push(self.slot(at + index * width, width, packed, depth + 1)?);
        }
        Ok(Value::Array(items))
    }

    fn map(&mut self, at: usize, width: usize, depth: usize) -> Result<Value> {
        let length = self.length(at, width)?;
        self.bytes(at, length.checked_mul(width).ok_or_else(cut_short)?)?;
        let header = width.checked_mul(3).and_then(|size| at.checked_sub(size)).ok_or_else(cut_short)?;
        let keys = self.follow(header, width)?;
        let keys_width = usize::try_from(self.unsigned(header + width, width)?).map_err(|_| cut_short())?;
        if self.length(keys, keys_width)? != length {
            return Err(invalid("a map in the FlexBuffer has not as many keys as values"));
        }
        let mut map = Map::new();
        for index in 0..length {
            let key_slot =
                index.checked_mul(keys_width).and_then(|size| size.checked_add(keys)).ok_or_else(cut_short)?;
            let key = self.follow(key_slot, keys_width).and_then(|at| self.key(at))?;
            let packed = self.element_type(at, width, length, index)?;
            map.insert(key, self.slot(at + index * width, width, packed, depth + 1)?);
        }
        Ok(Value::Object(map))
    }
}

fn text(raw: &[u8]) -> Result<String> {
    String::from_utf8(raw.to_vec()).map_err(|_| invalid("a string in the FlexBuffer is not UTF-8"))
}
