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
        let mut content = Vec::new();
        content.try_reserve_exact(stated).map_err(|error| failed("blosc", error))?;
        content.resize(stated, 0);
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
    // SAFETY: the buffer is immutable and was validated, so it has a whole header whose compressed length is that of the
    // slice, and whose content is as long as `target`.  The library refuses block sizes over the content's, checks the
    // table of blocks, every offset in it and every length of a part against the compressed length, and writes blocks
    // one after the other up to the content's length.  It reads and writes nothing else but memory of its own.
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
    // The library stops where `buffer` ends, and checks level, shuffle and sizes, which `new` has checked before.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where the header has what (`c-blosc/README_CHUNK_FORMAT.rst`): version, versionlz, flags and type size, a byte
    /// each; content length, block size and buffer length, four each; then the offset of each block.
    const FIELDS: [(usize, usize); 8] = [(0, 1), (1, 1), (2, 1), (3, 1), (4, 4), (8, 4), (12, 4), (16, 4)];

    fn hostile_number() -> impl Strategy<Value = u32> {
        let near = |centre: u32| (0u32..9).prop_map(move |offset| centre.wrapping_add(offset).wrapping_sub(4));
        prop_oneof![
            near(0),
            near(16),
            near(4096),
            near(1 << 31),
            near(u32::MAX),
            near((i32::MAX as u32 - 255 * 4) / 3),
            any::<u32>()
        ]
    }

    fn settings() -> impl Strategy<Value = Blosc> {
        let names = prop_oneof![Just("blosclz"), Just("lz4"), Just("lz4hc"), Just("zlib"), Just("zstd")];
        let shuffles = prop_oneof![Just("noshuffle"), Just("shuffle"), Just("bitshuffle")];
        let sizes = (0u8..10, 1usize..300, prop_oneof![Just(0usize), 1usize..5000]);
        (names, shuffles, sizes)
            .prop_map(|(name, shuffle, (level, size, block))| Blosc::new(name, level, shuffle, size, block).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        /// Nothing is written outside of the target, and what is too long is refused before memory is taken for it.
        #[test]
        fn a_hostile_header_harms_nothing(
            settings in settings(),
            length in 1usize..9000,
            step in 0usize..7,
            changes in proptest::collection::vec((0..FIELDS.len(), hostile_number()), 1..4),
            repair in any::<bool>(),
        ) {
            let content: Vec<u8> = (0..length).map(|i| (i * step / 3) as u8).collect();
            let mut buffer = settings.encode(&content).unwrap();
            for (field, value) in changes {
                let (start, size) = FIELDS[field];
                if let Some(bytes) = buffer.get_mut(start..start + size) {
                    bytes.copy_from_slice(&value.to_le_bytes()[..size]);
                }
            }
            if repair {
                // Past the checks of lengths, on to those of blocks.
                buffer[4..8].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
                let stated = u32::try_from(buffer.len()).unwrap();
                buffer[12..16].copy_from_slice(&stated.to_le_bytes());
            }
            let margin = 512;
            let mut memory = vec![0xa5u8; length + 2 * margin];
            let decoded = Blosc::decode_exact(&buffer, &mut memory[margin..margin + length]);
            prop_assert!(memory[..margin].iter().chain(&memory[margin + length..]).all(|&byte| byte == 0xa5));
            if let Ok(content) = Blosc::decode_within(&buffer, length) {
                prop_assert!(content.len() <= length);
                prop_assert_eq!(content.len() == length, decoded.is_ok());
            }
        }
    }

    #[test]
    fn a_length_that_no_chunk_has_takes_no_memory() {
        let mut buffer = Blosc::new("lz4", 5, "shuffle", 4, 0).unwrap().encode(&[7; 100]).unwrap();
        for stated in [101u32, i32::MAX as u32 - 16, 1 << 31, u32::MAX] {
            buffer[4..8].copy_from_slice(&stated.to_le_bytes());
            assert!(Blosc::decode_within(&buffer, 100).is_err(), "{stated}");
            assert!(Blosc::decode_exact(&buffer, &mut [0; 100]).is_err(), "{stated}");
        }
    }

    #[test]
    fn too_short_for_a_header() {
        for length in 0..16 {
            assert!(Blosc::decode_within(&vec![2; length], 100).is_err());
            assert!(Blosc::decode_exact(&vec![2; length], &mut []).is_err());
        }
    }
}
