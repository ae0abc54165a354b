//! Metadata values between JSON text and their binary encodings (format section 4.1).

use serde_json::Value;

use super::{flexbuffer, msgpack};
use crate::{Error, ErrorKind, Result};

/// How deep values may be nested.
pub(crate) const MAX_DEPTH: usize = 64;

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Deserialization, message)
}

pub(crate) fn too_deep() -> Error {
    invalid(format!("values may be nested {MAX_DEPTH} deep at most"))
}

fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|e| Error::new(ErrorKind::Serialization, format!("this is not JSON that can be stored: {e}")))
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
