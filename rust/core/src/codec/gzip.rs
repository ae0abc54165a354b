//! Gzip members.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::{damaged, failed};
use crate::error::Result;

/// How to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gzip {
    /// 0 to 9.
    pub level: u32,
}

impl Gzip {
    /// The content of `members`, which has to fill `target`.
    pub fn decode_exact(members: &[u8], target: &mut [u8]) -> Result<()> {
        let mut decoder = MultiGzDecoder::new(members);
        decoder.read_exact(target).map_err(|error| damaged("gzip", error))?;
        // Reading on to the end also checks the checksum of the last member.
        match decoder.read(&mut [0]).map_err(|error| damaged("gzip", error))? {
            0 => Ok(()),
            _ => Err(damaged("gzip", format!("it holds more than the {} bytes that belong there", target.len()))),
        }
    }

    /// The content of `members`, of at most `limit` bytes.
    pub fn decode_within(members: &[u8], limit: usize) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        MultiGzDecoder::new(members).take(bound).read_to_end(&mut content).map_err(|error| damaged("gzip", error))?;
        if content.len() > limit {
            return Err(damaged("gzip", format!("it holds more than {limit} bytes")));
        }
        Ok(content)
    }

    /// One member of `content`.
    pub fn encode(self, content: &[u8]) -> Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::with_capacity(content.len() / 2), Compression::new(self.level.min(9)));
        encoder.write_all(content).and_then(|()| encoder.finish()).map_err(|error| failed("gzip", error))
    }
}
