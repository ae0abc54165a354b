//! JSON values as MessagePack: metadata of version 1 snapshots (format section 4.1).

use serde_json::{Map, Number, Value};

use super::values::{MAX_DEPTH, invalid, prove, too_deep};
use crate::Result;

/// The value that `data` holds, all of it.
pub fn decode(data: &[u8]) -> Result<Value> {
    prove(data.len())?;
    let mut reader = Reader { rest: data };
    let value = reader.value(0)?;
    if reader.rest.is_empty() { Ok(value) } else { Err(invalid("there are bytes after the MessagePack value")) }
}

struct Reader<'a> {
    rest: &'a [u8],
}

fn cut_short() -> crate::Error {
    invalid("the MessagePack value is cut short")
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        let tag = self.u8()?;
        Ok(match tag {
            0x00..=0x7f => tag.into(),
            0x80..=0x8f => self.map(usize::from(tag & 0x0f), depth)?,
            0x90..=0x9f => self.list(usize::from(tag & 0x0f), depth)?,
            0xa0..=0xbf => self.text(usize::from(tag & 0x1f))?.into(),
            0xc0 => Value::Null,
            0xc2 => false.into(),
            0xc3 => true.into(),
            0xc4 => {
                let length = self.u8()?;
                self.binary(usize::from(length))?
            }
            0xc5 => {
                let length = self.u16()?;
                self.binary(usize::from(length))?
            }
            0xc6 => {
                let length = self.u32()?;
                self.binary(length as usize)?
            }
            0xca => f64::from(f32::from_be_bytes(self.array()?)).into(),
            0xcb => f64::from_be_bytes(self.array()?).into(),
            0xcc => self.u8()?.into(),
            0xcd => self.u16()?.into(),
            0xce => self.u32()?.into(),
            0xcf => u64::from_be_bytes(self.array()?).into(),
            0xd0 => i8::from_be_bytes(self.array()?).into(),
            0xd1 => i16::from_be_bytes(self.array()?).into(),
            0xd2 => i32::from_be_bytes(self.array()?).into(),
            0xd3 => i64::from_be_bytes(self.array()?).into(),
            0xd9 => {
                let length = self.u8()?;
                self.text(usize::from(length))?.into()
            }
            0xda => {
                let length = self.u16()?;
                self.text(usize::from(length))?.into()
            }
            0xdb => {
                let length = self.u32()?;
                self.text(length as usize)?.into()
            }
            0xdc => {
                let length = self.u16()?;
                self.list(usize::from(length), depth)?
            }
            0xdd => {
                let length = self.u32()?;
                self.list(length as usize, depth)?
            }
            0xde => {
                let length = self.u16()?;
                self.map(usize::from(length), depth)?
            }
            0xdf => {
                let length = self.u32()?;
                self.map(length as usize, depth)?
            }
            0xe0..=0xff => tag.cast_signed().into(),
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => {
                return Err(invalid(format!("{tag:#04x} is not a MessagePack type that metadata may have")));
            }
        })
    }

    fn text(&mut self, length: usize) -> Result<String> {
        String::from_utf8(self.take(length)?.to_vec()).map_err(|_| invalid("a MessagePack string is not UTF-8"))
    }

    fn binary(&mut self, length: usize) -> Result<Value> {
        Ok(Value::Array(self.take(length)?.iter().map(|&byte| byte.into()).collect()))
    }

    // Claimed lengths are not allocated ahead: each element takes at least one byte of input.

    fn list(&mut self, length: usize, depth: usize) -> Result<Value> {
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(self.value(depth + 1)?);
        }
        Ok(Value::Array(items))
    }

    fn map(&mut self, length: usize, depth: usize) -> Result<Value> {
        let mut map = Map::new();
        for _ in 0..length {
            let Value::String(key) = self.value(depth + 1)? else {
                return Err(invalid("the keys of a MessagePack map must be strings"));
            };
            map.insert(key, self.value(depth + 1)?);
        }
        Ok(Value::Object(map))
    }
}

/// `value` in the smallest plain encodings.
pub fn encode(value: &Value) -> Result<Vec<u8>> {
    let mut data = Vec::new();
    put(&mut data, value, 0)?;
    Ok(data)
}

fn put(data: &mut Vec<u8>, value: &Value, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    match value {
        Value::Null => data.push(0xc0),
        Value::Bool(flag) => data.push(0xc2 + u8::from(*flag)),
        Value::Number(number) => put_number(data, number)?,
        Value::String(text) => put_text(data, text)?,
        Value::Array(items) => {
            put_length(data, items.len(), Some((0x90, 15)), [None, Some(0xdc), Some(0xdd)])?;
            for item in items {
                put(data, item, depth + 1)?;
            }
        }
        Value::Object(map) => {
            put_length(data, map.len(), Some((0x80, 15)), [None, Some(0xde), Some(0xdf)])?;
            for (key, item) in map {
                put_text(data, key)?;
                put(data, item, depth + 1)?;
            }
        }
    }
    Ok(())
}

fn put_text(data: &mut Vec<u8>, text: &str) -> Result<()> {
    put_length(data, text.len(), Some((0xa0, 31)), [Some(0xd9), Some(0xda), Some(0xdb)])?;
    data.extend_from_slice(text.as_bytes());
    Ok(())
}

/// A length in its smallest form: in the tag itself, or in 1, 2 or 4 bytes after the tag.
fn put_length(data: &mut Vec<u8>, length: usize, fixed: Option<(u8, u8)>, tags: [Option<u8>; 3]) -> Result<()> {
    let [tag8, tag16, tag32] = tags;
    let length = u32::try_from(length).map_err(|_| invalid("a metadata value is too large"))?;
    if let (Some((tag, most)), Ok(short)) = (fixed, u8::try_from(length))
        && short <= most
    {
        data.push(tag | short);
    } else if let (Some(tag), Ok(short)) = (tag8, u8::try_from(length)) {
        data.extend([tag, short]);
    } else if let (Some(tag), Ok(short)) = (tag16, u16::try_from(length)) {
        data.push(tag);
        data.extend(short.to_be_bytes());
    } else if let Some(tag) = tag32 {
        data.push(tag);
        data.extend(length.to_be_bytes());
    }
    Ok(())
}

fn put_number(data: &mut Vec<u8>, number: &Number) -> Result<()> {
    if let Some(value) = number.as_u64() {
        if let Ok(short) = u8::try_from(value) {
            if short >= 0x80 {
                data.push(0xcc);
            }
            data.push(short);
        } else if let Ok(short) = u16::try_from(value) {
            data.push(0xcd);
            data.extend(short.to_be_bytes());
        } else if let Ok(short) = u32::try_from(value) {
            data.push(0xce);
            data.extend(short.to_be_bytes());
        } else {
            data.push(0xcf);
            data.extend(value.to_be_bytes());
        }
    } else if let Some(value) = number.as_i64() {
        if let Ok(short) = i8::try_from(value) {
            if short < -32 {
                data.push(0xd0);
            }
            data.push(short.cast_unsigned());
        } else if let Ok(short) = i16::try_from(value) {
            data.push(0xd1);
            data.extend(short.to_be_bytes());
        } else if let Ok(short) = i32::try_from(value) {
            data.push(0xd2);
            data.extend(short.to_be_bytes());
        } else {
            data.push(0xd3);
            data.extend(value.to_be_bytes());
        }
    } else {
        let value = number.as_f64().ok_or_else(|| invalid("a number is neither an integer nor a float"))?;
        data.push(0xcb);
        data.extend(value.to_be_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn examples_of_the_specification() {
        for (value, bytes) in [
            (json!(true), vec![0xc3]),
            (json!({"is_root": true}), vec![0x81, 0xa7, 0x69, 0x73, 0x5f, 0x72, 0x6f, 0x6f, 0x74, 0xc3]),
            (json!([1, 2.5, null, "x"]), vec![0x94, 1, 0xcb, 0x40, 4, 0, 0, 0, 0, 0, 0, 0xc0, 0xa1, 0x78]),
            (json!({"d": true, "e": -3}), vec![0x82, 0xa1, 0x64, 0xc3, 0xa1, 0x65, 0xfd]),
        ] {
            assert_eq!(encode(&value).unwrap(), bytes);
            assert_eq!(decode(&bytes).unwrap(), value);
        }
    }
}
