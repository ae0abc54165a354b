//! Blosc 1 buffers, by the C library that every other Zarr implementation uses too.

use std::ffi::CStr;

use super::{damaged, failed};
use crate::error::{Error, ErrorKind, Result};

/// The longest buffer that the format can hold.
const LONGEST: usize = blosc_src::BLOSC_MAX_BUFFERSIZE as usize;
/// Bytes that incompressible content gains.
const OVERHEAD: usize = blosc_src::BLOSC_MAX_OVERHEAD as usize;

/// How to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blosc {
    compressor: &'static CStr,
    level: u8,
    shuffle: u8,
    type_size: usize,
    block_size: usize,
}

impl Blosc {
    /// The settings as Zarr names them; None for a compressor that this build does not have.
    pub fn new(compressor: &str, level: u8, shuffle: &str, type_size: usize, block_size: usize) -> Option<Self> {
        let compressor = match compressor {
            "blosclz" => c"blosclz",
            "lz4" => c"lz4",
            "lz4hc" => c"lz4hc",
            "zlib" => c"zlib",
            "zstd" => c"zstd",
            _ => return None,
        };
        let shuffle = match shuffle {
            "noshuffle" => 0,
            "shuffle" => 1,
            "bitshuffle" => 2,
            _ => return None,
        };
        let possible = level <= 9 && type_size > 0 && block_size <= LONGEST;
        possible.then_some(Self { compressor, level, shuffle, type_size, block_size })
    }

    /// The content of `buffer`, which has to fill `target`.
    pub fn decode_exact(buffer: &[u8], target: &mut [u8]) -> Result<()> {
        let stated = content_length(buffer)?;
        if stated != target.len() {
            return Err(damaged("blosc", format!("it holds {stated} bytes where {} belong", target.len())));
        }
        decompress(buffer, target)
    }

    /// The content of `buffer`, of at most `limit` bytes.
    pub fn decode_within(buffer: &[u8], limit: usize) -> Result<Vec<u8>> {
        let stated = content_length(buffer)?;
        if stated > limit {
            return Err(damaged(
                "blosc",
                format!("it says that it holds {stated} bytes, more than the {limit} possible"),
            ));
        }
        let mut content = vec![0; stated];
        decompress(buffer, &mut content)?;
        Ok(content)
    }

    /// A buffer of `content`.
    pub fn encode(self, content: &[u8]) -> Result<Vec<u8>> {
        if content.len() > LONGEST {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("blosc holds at most {LONGEST} bytes, this chunk has {}: use smaller chunks", content.len()),
            ));
        }
        let mut buffer = vec![0; content.len() + OVERHEAD];
        let written = compress(self, content, &mut buffer);
        match usize::try_from(written) {
            Ok(length) if length > 0 => {
                buffer.truncate(length);
                Ok(buffer)
            }
            _ => Err(failed("blosc", format!("the library answered {written}"))),
        }
    }
}

fn content_length(buffer: &[u8]) -> Result<usize> {
    let mut length = 0usize;
    #[allow(unsafe_code, reason = "a C library: it reads `buffer.len()` bytes and writes one length")]
    // SAFETY: the pointers are those of a live slice with its length, and of a live integer.
    let answer = unsafe { blosc_src::blosc_cbuffer_validate(buffer.as_ptr().cast(), buffer.len(), &raw mut length) };
    if answer == 0 { Ok(length) } else { Err(damaged("blosc", "it is no blosc buffer, or a part of one")) }
}

/// `buffer` has passed [`content_length`], which gave the length of `target`.
fn decompress(buffer: &[u8], target: &mut [u8]) -> Result<()> {
    if target.is_empty() {
        return Ok(());
    }
    #[allow(unsafe_code, reason = "a C library: it reads the validated buffer and writes within `target`")]
    // SAFETY: the buffer was validated, so its header's lengths are those of the slice; the library checks every offset
    // in it, and writes no more than the length it is given.
    let answer =
        unsafe { blosc_src::blosc_decompress_ctx(buffer.as_ptr().cast(), target.as_mut_ptr().cast(), target.len(), 1) };
    if usize::try_from(answer) == Ok(target.len()) {
        return Ok(());
    }
    Err(damaged("blosc", format!("the library answered {answer}")))
}

fn compress(settings: Blosc, content: &[u8], buffer: &mut [u8]) -> i32 {
    #[allow(unsafe_code, reason = "a C library: it reads `content` and writes within `buffer`")]
    // SAFETY: both pointers are those of live slices with their lengths, which do not overlap; the name ends with a NUL.
    unsafe {
        blosc_src::blosc_compress_ctx(
            settings.level.into(),
            settings.shuffle.into(),
            settings.type_size,
            content.len(),
            content.as_ptr().cast(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            settings.compressor.as_ptr(),
            settings.block_size,
            1,
        )
    }
}
