//! Metadata values between JSON text and their binary encodings (format section 4.1).

use serde::Deserialize;
use serde_json::Value;

use super::{flexbuffer, msgpack};
use crate::{Error, ErrorKind, Result};

/// How deep values may be nested.
pub(crate) const MAX_DEPTH: usize = 256;

/// Values of fewer bytes are not asked for.
const CERTAIN: usize = 64 << 10;

/// A number of one byte takes so many, twice that while a list of them grows.
const IN_MEMORY: usize = 96;

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Deserialization, message)
}

pub(crate) fn too_deep() -> Error {
    invalid(format!("values may be nested {MAX_DEPTH} deep at most"))
}

fn parse(text: &str) -> Result<Value> {
    if depth(text) > MAX_DEPTH {
        return Err(Error::new(ErrorKind::Serialization, too_deep().message));
    }
    // The parser's own limit is 128.
    let mut parser = serde_json::Deserializer::from_str(text);
    parser.disable_recursion_limit();
    let parsed = Value::deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    parsed.map_err(|e| Error::new(ErrorKind::Serialization, format!("this is not JSON that can be stored: {e}")))
}

/// How many brackets of JSON text are open at once, at most.
fn depth(text: &str) -> usize {
    let (mut now, mut most, mut inside, mut escaped) = (0usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'[' | b'{' if !inside => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' if !inside => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// An error if there is no memory for a value of so many bytes, where asking for it may fail: later it may not.
pub(crate) fn prove(nbytes: usize) -> Result<()> {
    if nbytes < CERTAIN {
        return Ok(());
    }
    let asked = Vec::<u8>::new().try_reserve_exact(nbytes.saturating_mul(IN_MEMORY));
    asked.map_err(|_| invalid(format!("there is no memory for a value of {nbytes} bytes")))
}

/// The value of a FlexBuffer; floats that are not finite become null, blobs lists of numbers.
pub fn flexbuffer_value(data: &[u8]) -> Result<Value> {
    flexbuffer::decode(data)
}

/// JSON text of a FlexBuffer; floats that are not finite become `null`, blobs lists of numbers.
pub fn flexbuffer_to_json(data: &[u8]) -> Result<String> {
    flexbuffer::decode(data).map(|value| value.to_string())
}

/// The FlexBuffer of JSON text.
pub fn json_to_flexbuffer(text: &str) -> Result<Vec<u8>> {
    flexbuffer::encode(&parse(text)?)
}

/// JSON text of MessagePack; floats that are not finite become `null`, binary data lists of numbers.
pub fn msgpack_to_json(data: &[u8]) -> Result<String> {
    msgpack::decode(data).map(|value| value.to_string())
}

/// The MessagePack of JSON text.
pub fn json_to_msgpack(text: &str) -> Result<Vec<u8>> {
    msgpack::encode(&parse(text)?)
}
