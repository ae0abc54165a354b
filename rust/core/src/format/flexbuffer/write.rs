//! Writes FlexBuffers, byte for byte as the official writer.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::types::*;
use crate::Result;
use crate::format::values::{MAX_DEPTH, invalid, too_deep};

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
