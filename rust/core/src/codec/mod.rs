//! The codecs of Zarr chunks: from stored bytes to elements in an array, and back.
//!
//! [`Chain`] is the codecs of one array; [`read`] and [`write`] take whole batches of chunks through it.

pub mod blosc;
mod byte_order;
pub mod chain;
pub mod compression;
mod config;
mod crc32c;
mod decode;
mod encode;
pub mod fill;
pub mod gzip;
pub mod output;
pub mod region;
pub mod scratch;
pub mod shard;
pub mod strided;
pub mod workers;
pub mod zstd;

use std::fmt::Display;

use crate::error::{Error, ErrorKind, Result};

pub use chain::{Chain, ElementKind};
pub use config::chain_from_json;
pub use encode::Source;
pub use fill::{Equality, Fill};
pub use region::{Axis, Region};

/// Stored bytes that are not what their codec writes.
fn damaged(codec: &str, reason: impl Display) -> Error {
    Error::new(ErrorKind::Deserialization, format!("the stored bytes are damaged: {codec}: {reason}"))
}

/// A codec that did not work although its input was right.
fn failed(codec: &str, reason: impl Display) -> Error {
    Error::new(ErrorKind::Serialization, format!("{codec} failed: {reason}"))
}

fn expect_length(bytes: &[u8], length: usize) -> Result<()> {
    if bytes.len() == length {
        return Ok(());
    }
    Err(damaged("bytes", format!("there are {} where {length} belong", bytes.len())))
}

/// A region that was checked before, but leaves its buffers.
fn outside() -> Error {
    Error::new(ErrorKind::Internal, "a selection leaves the memory that it selects from")
}
