//! Zstandard frames.

use zstd::bulk::{Compressor, Decompressor};

use super::{damaged, failed};
use crate::codec::scratch::Scratch;
use crate::error::Result;

/// How to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zstd {
    /// 0 is the library's default.
    pub level: i32,
    /// Add a checksum of the content.
    pub checksum: bool,
}

impl Zstd {
    /// The content of `frames`, which has to fill `target`.
    pub fn decode_exact(frames: &[u8], target: &mut [u8], scratch: &mut Scratch) -> Result<()> {
        let expected = target.len();
        match decoder(scratch)?.decompress_to_buffer(frames, target) {
            Ok(length) if length == expected => Ok(()),
            Ok(length) => Err(damaged("zstd", format!("it holds {length} bytes where {expected} belong"))),
            Err(error) => Err(damaged("zstd", error)),
        }
    }

    /// The content of `frames`, of at most `limit` bytes.
    pub fn decode_within(frames: &[u8], limit: usize, scratch: &mut Scratch) -> Result<Vec<u8>> {
        let stated = zstd::zstd_safe::get_frame_content_size(frames).ok().flatten();
        let first = stated.and_then(|size| usize::try_from(size).ok()).unwrap_or(limit).min(limit);
        // What a frame says of its size is a hint: a second frame may follow, and damage may say anything.
        for capacity in [first, limit] {
            let mut content = Vec::new();
            content.try_reserve_exact(capacity).map_err(|error| failed("zstd", error))?;
            match decoder(scratch)?.decompress_to_buffer(frames, &mut content) {
                Ok(_) => return Ok(content),
                Err(error) if capacity == limit => return Err(damaged("zstd", error)),
                Err(_) => {}
            }
        }
        Err(damaged("zstd", "it cannot be decompressed"))
    }

    /// One frame of `content`.
    pub fn encode(self, content: &[u8], scratch: &mut Scratch) -> Result<Vec<u8>> {
        let mut frame = Vec::with_capacity(zstd::zstd_safe::compress_bound(content.len()));
        self.encoder(scratch)?.compress_to_buffer(content, &mut frame).map_err(|error| failed("zstd", error))?;
        Ok(frame)
    }

    fn encoder(self, scratch: &mut Scratch) -> Result<&mut Compressor<'static>> {
        scratch.zstd_encoder(self.level, self.checksum).map_err(|error| failed("zstd", error))
    }
}

fn decoder(scratch: &mut Scratch) -> Result<&mut Decompressor<'static>> {
    scratch.zstd_decoder().map_err(|error| failed("zstd", error))
}
