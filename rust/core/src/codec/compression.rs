//! The codecs from bytes to bytes, one interface for all.

use super::blosc::Blosc;
use super::crc32c;
use super::gzip::Gzip;
use super::scratch::Scratch;
use super::zstd::Zstd;
use crate::error::Result;

/// A codec from bytes to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard.
    Zstd(Zstd),
    /// Gzip.
    Gzip(Gzip),
    /// Blosc 1.
    Blosc(Blosc),
    /// A checksum at the end.
    Crc32c,
}

impl Compression {
    /// Decode `bytes` into all of `target`.
    ///
    /// # Errors
    /// The bytes are damaged, or hold more or less than that.
    pub fn decode_exact(self, bytes: &[u8], target: &mut [u8], scratch: &mut Scratch) -> Result<()> {
        match self {
            Self::Zstd(_) => Zstd::decode_exact(bytes, target, scratch),
            Self::Gzip(_) => Gzip::decode_exact(bytes, target),
            Self::Blosc(_) => Blosc::decode_exact(bytes, target),
            Self::Crc32c => {
                let content = crc32c::verified(bytes)?;
                super::expect_length(content, target.len())?;
                target.copy_from_slice(content);
                Ok(())
            }
        }
    }

    /// Decode `bytes`, which hold at most `limit` bytes.
    ///
    /// # Errors
    /// The bytes are damaged, or hold more.
    pub fn decode_within(self, bytes: &[u8], limit: usize, scratch: &mut Scratch) -> Result<Vec<u8>> {
        match self {
            Self::Zstd(_) => Zstd::decode_within(bytes, limit, scratch),
            Self::Gzip(_) => Gzip::decode_within(bytes, limit),
            Self::Blosc(_) => Blosc::decode_within(bytes, limit),
            Self::Crc32c => crc32c::verified(bytes).map(<[u8]>::to_vec),
        }
    }

    /// Encode `content`.
    pub fn encode(self, content: &[u8], scratch: &mut Scratch) -> Result<Vec<u8>> {
        match self {
            Self::Zstd(zstd) => zstd.encode(content, scratch),
            Self::Gzip(gzip) => gzip.encode(content),
            Self::Blosc(blosc) => blosc.encode(content),
            Self::Crc32c => {
                let mut bytes = Vec::with_capacity(content.len() + crc32c::LENGTH);
                bytes.extend_from_slice(content);
                crc32c::append(&mut bytes);
                Ok(bytes)
            }
        }
    }

    /// More than what any writer makes of `length` bytes.
    pub fn bound(self, length: usize) -> usize {
        match self {
            Self::Crc32c => length.saturating_add(crc32c::LENGTH),
            _ => length.saturating_mul(2).saturating_add(1 << 16),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codecs() -> impl Strategy<Value = Compression> {
        let names = prop_oneof![Just("blosclz"), Just("lz4"), Just("lz4hc"), Just("zlib"), Just("zstd")];
        let shuffles = prop_oneof![Just("noshuffle"), Just("shuffle"), Just("bitshuffle")];
        prop_oneof![
            (-3i32..6, any::<bool>()).prop_map(|(level, checksum)| Compression::Zstd(Zstd { level, checksum })),
            (0u32..10).prop_map(|level| Compression::Gzip(Gzip { level })),
            (names, 0u8..10, shuffles, 1usize..20, 0usize..300).prop_map(|(name, level, shuffle, size, block)| {
                Compression::Blosc(Blosc::new(name, level, shuffle, size, block).unwrap())
            }),
            Just(Compression::Crc32c),
        ]
    }

    fn contents() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 1..3000),
            (1usize..60_000, any::<u8>())
                .prop_map(|(length, step)| { (0..length).map(|i| (i / 3) as u8 & step).collect() }),
        ]
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(codec in codecs(), content in contents()) {
            let mut scratch = Scratch::default();
            let encoded = codec.encode(&content, &mut scratch).unwrap();
            prop_assert!(encoded.len() <= codec.bound(content.len()));
            let mut decoded = vec![0; content.len()];
            codec.decode_exact(&encoded, &mut decoded, &mut scratch).unwrap();
            prop_assert_eq!(&decoded, &content);
            prop_assert_eq!(&codec.decode_within(&encoded, content.len(), &mut scratch).unwrap(), &content);
            prop_assert_eq!(codec.decode_within(&encoded, content.len() + 7, &mut scratch).unwrap(), content);
        }

        #[test]
        fn the_length_has_to_be_right(codec in codecs(), content in contents(), by in 1usize..50) {
            let mut scratch = Scratch::default();
            let encoded = codec.encode(&content, &mut scratch).unwrap();
            prop_assert!(codec.decode_exact(&encoded, &mut vec![0; content.len() + by], &mut scratch).is_err());
            let shorter = content.len().saturating_sub(by);
            prop_assert!(codec.decode_exact(&encoded, &mut vec![0; shorter], &mut scratch).is_err());
            if codec != Compression::Crc32c {
                prop_assert!(codec.decode_within(&encoded, shorter, &mut scratch).is_err());
            }
        }

        #[test]
        fn damage_is_an_error_or_harmless(
            codec in codecs(), content in contents(), places in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4), cut in any::<usize>()
        ) {
            let mut scratch = Scratch::default();
            let mut encoded = codec.encode(&content, &mut scratch).unwrap();
            for (place, value) in places {
                let place = place % encoded.len();
                encoded[place] = value;
            }
            let mut decoded = vec![0; content.len()];
            let _ = codec.decode_exact(&encoded, &mut decoded, &mut scratch);
            if let Ok(decoded) = codec.decode_within(&encoded, content.len(), &mut scratch) {
                prop_assert!(decoded.len() <= content.len().max(encoded.len()));
            }
            let cut = cut % encoded.len();
            prop_assert!(codec.decode_exact(&encoded[..cut], &mut decoded, &mut scratch).is_err());
        }

        #[test]
        fn rubbish_is_an_error(codec in codecs(), rubbish in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut scratch = Scratch::default();
            prop_assert!(codec.decode_exact(&rubbish, &mut [0; 1000], &mut scratch).is_err());
        }
    }
}
