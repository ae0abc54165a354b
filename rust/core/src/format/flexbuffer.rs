//! JSON values as FlexBuffers (format section 4.2).

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::values::{MAX_DEPTH, invalid, too_deep};
use crate::Result;

const NULL: u8 = 0;
const INT: u8 = 1;
const UINT: u8 = 2;
const FLOAT: u8 = 3;
const KEY: u8 = 4;
const STRING: u8 = 5;
const INDIRECT_INT: u8 = 6;
const INDIRECT_UINT: u8 = 7;
const INDIRECT_FLOAT: u8 = 8;
const MAP: u8 = 9;
const VECTOR: u8 = 10;
const VECTOR_INT: u8 = 11; // then UInt and Float, as the scalars are numbered
const VECTOR_KEY: u8 = 14;
const VECTOR_STRING: u8 = 15;
const VECTOR_INT2: u8 = 16;
const VECTOR_FLOAT4: u8 = 24;
const BLOB: u8 = 25;
const BOOL: u8 = 26;
const VECTOR_BOOL: u8 = 36;

/// The value that a stand-alone FlexBuffer holds.
pub fn decode(data: &[u8]) -> Result<Value> {
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

/// `value` as a stand-alone FlexBuffer, with the compact representations of the official writer.
pub fn encode(value: &Value) -> Result<Vec<u8>> {
    let mut writer = Writer { data: Vec::new(), keys: BTreeMap::new() };
    let root = writer.value(value, 0)?;
    // The root's offset is counted from its own slot, so aligning may make it wider.
    let width = root.width_in_slot(writer.data.len(), 0);
    writer.align(width);
    writer.put(&root, width)?;
    writer.data.push(root.packed(width));
    writer.data.push(1 << width);
    Ok(writer.data)
}

/// log2 of a number of bytes.
type Width = u8;

/// What goes into the slot of a value.
enum Slot {
    /// The bits themselves, and the least width that holds them.
    Direct { kind: u8, bits: u64, width: Width },
    /// The position of what was written before, and its own width.
    Offset { kind: u8, at: usize, width: Width },
}

fn unsigned_width(value: u64) -> Width {
    match value {
        0..=0xff => 0,
        0x100..=0xffff => 1,
        0x1_0000..=0xffff_ffff => 2,
        _ => 3,
    }
}

fn signed_width(value: i64) -> Width {
    if i8::try_from(value).is_ok() {
        0
    } else if i16::try_from(value).is_ok() {
        1
    } else if i32::try_from(value).is_ok() {
        2
    } else {
        3
    }
}

/// Bytes to reach a multiple of `1 << width`.
fn padding(length: usize, width: Width) -> usize {
    length.wrapping_neg() & ((1 << width) - 1)
}

impl Slot {
    /// The width that this needs as element `index` of slots starting at `start` (before alignment).
    fn width_in_slot(&self, start: usize, index: usize) -> Width {
        match *self {
            Self::Direct { width, .. } => width,
            Self::Offset { at, .. } => (0..3)
                .find(|&width| {
                    let place = start + padding(start, width) + (index << width);
                    unsigned_width((place - at) as u64) <= width
                })
                .unwrap_or(3),
        }
    }

    /// The packed type, for a slot of `width`.
    fn packed(&self, slot_width: Width) -> u8 {
        match *self {
            Self::Direct { kind, .. } => (kind << 2) | slot_width,
            Self::Offset { kind, width, .. } => (kind << 2) | width,
        }
    }
}

struct Writer<'v> {
    data: Vec<u8>,
    /// Where keys are that have been written: each is written once.
    keys: BTreeMap<&'v str, usize>,
}

impl<'v> Writer<'v> {
    fn align(&mut self, width: Width) {
        let end = self.data.len() + padding(self.data.len(), width);
        self.data.resize(end, 0);
    }

    fn put_bits(&mut self, bits: u64, width: Width) {
        self.data.extend(bits.to_le_bytes().into_iter().take(1 << width));
    }

    fn put(&mut self, slot: &Slot, width: Width) -> Result<()> {
        match *slot {
            Slot::Direct { kind: FLOAT, bits, width: own } if own != width => {
                // Only ever widened: from f32 to f64.
                let float = u32::try_from(bits).map_err(|_| invalid("a float does not fit its slot"))?;
                self.put_bits(f64::from(f32::from_bits(float)).to_bits(), width);
            }
            Slot::Direct { bits, .. } => self.put_bits(bits, width),
            Slot::Offset { at, .. } => self.put_bits((self.data.len() - at) as u64, width),
        }
        Ok(())
    }

    fn value(&mut self, value: &'v Value, depth: usize) -> Result<Slot> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        Ok(match value {
            Value::Null => Slot::Direct { kind: NULL, bits: 0, width: 0 },
            Value::Bool(flag) => Slot::Direct { kind: BOOL, bits: u64::from(*flag), width: 0 },
            Value::Number(number) => number_slot(number)?,
            Value::String(text) => {
                let width = unsigned_width(text.len() as u64);
                self.align(width);
                self.put_bits(text.len() as u64, width);
                let at = self.data.len();
                self.data.extend_from_slice(text.as_bytes());
                self.data.push(0);
                Slot::Offset { kind: STRING, at, width }
            }
            Value::Array(items) => {
                let slots = items.iter().map(|item| self.value(item, depth + 1)).collect::<Result<Vec<_>>>()?;
                self.vector(&slots)?
            }
            Value::Object(map) => self.map(map, depth)?,
        })
    }

    fn vector(&mut self, slots: &[Slot]) -> Result<Slot> {
        let Some(kind) = common_kind(slots) else { return self.slots(slots, VECTOR, None, None) };
        match (kind, slots.len()) {
            (BOOL, _) => self.slots(slots, VECTOR_BOOL, Some(BOOL), None),
            (_, length @ 2..=4) => {
                let variant = u8::try_from(length - 2).unwrap_or(0) * 3 + (kind - INT);
                self.slots(slots, VECTOR_INT2 + variant, Some(kind), None)
            }
            _ => self.slots(slots, VECTOR_INT + kind - INT, Some(kind), None),
        }
    }

    fn map(&mut self, map: &'v Map<String, Value>, depth: usize) -> Result<Slot> {
        let mut entries: Vec<(&'v String, &'v Value)> = map.iter().collect();
        entries.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        let mut keys = Vec::with_capacity(entries.len());
        let mut values = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            if key.bytes().any(|byte| byte == 0) {
                return Err(invalid("a key of an object cannot contain a NUL character; rename it"));
            }
            let end = self.data.len();
            let at = *self.keys.entry(key).or_insert(end);
            if at == end {
                self.data.extend_from_slice(key.as_bytes());
                self.data.push(0);
            }
            keys.push(Slot::Offset { kind: KEY, at, width: 0 });
            values.push(self.value(value, depth + 1)?);
        }
        let keys = self.slots(&keys, VECTOR_KEY, Some(KEY), None)?;
        self.slots(&values, MAP, None, Some(&keys))
    }

    /// A vector of `slots`: its keys if it is a map, its length unless the type says it, the slots, their types if they differ.
    fn slots(&mut self, slots: &[Slot], kind: u8, element: Option<u8>, keys: Option<&Slot>) -> Result<Slot> {
        let fixed = (VECTOR_INT2..=VECTOR_FLOAT4).contains(&kind);
        let prefix = if fixed { 0 } else { 1 } + if keys.is_some() { 2 } else { 0 };
        let start = self.data.len();
        let mut width = if fixed { 0 } else { unsigned_width(slots.len() as u64) };
        if let Some(keys) = keys {
            width = width.max(keys.width_in_slot(start, 0));
        }
        for (index, slot) in slots.iter().enumerate() {
            width = width.max(slot.width_in_slot(start, index + prefix));
        }
        self.align(width);
        if let Some(keys) = keys {
            self.put(keys, width)?;
            let keys_width = match *keys {
                Slot::Direct { width, .. } | Slot::Offset { width, .. } => width,
            };
            self.put_bits(1 << keys_width, width);
        }
        if !fixed {
            self.put_bits(slots.len() as u64, width);
        }
        let at = self.data.len();
        for slot in slots {
            self.put(slot, width)?;
        }
        if element.is_none() {
            for slot in slots {
                self.data.push(slot.packed(width));
            }
        }
        Ok(Slot::Offset { kind, at, width })
    }
}

/// Int, UInt, Float or Bool, if all slots are that.
fn common_kind(slots: &[Slot]) -> Option<u8> {
    let mut kinds = slots.iter().map(|slot| match *slot {
        Slot::Direct { kind, .. } => kind,
        Slot::Offset { .. } => NULL,
    });
    let first = kinds.next().filter(|kind| matches!(*kind, INT | UINT | FLOAT | BOOL))?;
    kinds.all(|kind| kind == first).then_some(first)
}

fn number_slot(number: &Number) -> Result<Slot> {
    if let Some(value) = number.as_u64() {
        return Ok(Slot::Direct { kind: UINT, bits: value, width: unsigned_width(value) });
    }
    if let Some(value) = number.as_i64() {
        return Ok(Slot::Direct { kind: INT, bits: value.cast_unsigned(), width: signed_width(value) });
    }
    let value = number.as_f64().ok_or_else(|| invalid("a number is neither an integer nor a float"))?;
    #[expect(clippy::cast_possible_truncation, reason = "narrowed only if it comes back the same")]
    let narrow = value as f32;
    Ok(if f64::from(narrow).to_bits() == value.to_bits() {
        Slot::Direct { kind: FLOAT, bits: u64::from(narrow.to_bits()), width: 2 }
    } else {
        Slot::Direct { kind: FLOAT, bits: value.to_bits(), width: 3 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hex(data: &[u8]) -> String {
        data.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn writes_what_the_official_package_writes() {
        for (value, bytes) in [
            (json!(null), "00 00 01"),
            (json!(true), "01 68 01"),
            (json!(5), "05 08 01"),
            (json!(-5), "fb 04 01"),
            (json!(300), "2c 01 09 02"),
            (json!(2.5), "00 00 20 40 0e 04"),
            (json!(0.1), "9a 99 99 99 99 99 b9 3f 0f 08"),
            (json!("hey"), "03 68 65 79 00 04 14 01"),
            (json!([]), "00 00 28 01"),
            (json!({}), "00 00 01 00 00 24 01"),
            (json!([1]), "01 01 01 30 01"),
            (json!([1, 2]), "01 02 02 44 01"),
            (json!([1, 2, 3]), "01 02 03 03 50 01"),
            (json!([1, 2, 3, 4]), "01 02 03 04 04 5c 01"),
            (json!([1.5, 2.5]), "00 00 c0 3f 00 00 20 40 08 4a 01"),
            (json!([true, false]), "02 01 00 02 90 01"),
            (json!(["a", "b"]), "01 61 00 01 62 00 02 06 04 14 14 04 28 01"),
        ] {
            let written = encode(&value).unwrap();
            assert_eq!(hex(&written), bytes, "{value}");
            assert_eq!(decode(&written).unwrap(), value);
        }
    }
}
