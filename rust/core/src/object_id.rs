//! Ids: fixed-length bytes whose text form is Crockford base32 (format section 1.2).

use std::fmt;

use crate::{Error, ErrorKind, Result};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// An id of `N` bytes, ordered by its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId<const N: usize>(pub [u8; N]);

/// Snapshots (and their transaction logs), manifests and chunks.
pub type ObjectId12 = ObjectId<12>;

/// Nodes.
pub type NodeId = ObjectId<8>;

impl<const N: usize> ObjectId<N> {
    /// The id in `raw`, which must have exactly `N` bytes.
    pub fn from_slice(raw: &[u8]) -> Result<Self> {
        <[u8; N]>::try_from(raw).map(Self).map_err(|_| {
            Error::new(ErrorKind::InvalidInput, format!("an id of {N} bytes is needed, this one has {}", raw.len()))
        })
    }

    /// Random bytes of the operating system's generator.
    pub fn random() -> Result<Self> {
        let mut raw = [0; N];
        random_bytes(&mut raw)?;
        Ok(Self(raw))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl ObjectId12 {
    /// The id that the content of a chunk gives it: the start of its BLAKE3 hash.
    #[must_use]
    pub fn of_content(data: &[u8]) -> Self {
        let hash = blake3::hash(data);
        let mut raw = [0; 12];
        for (to, from) in raw.iter_mut().zip(hash.as_bytes()) {
            *to = *from;
        }
        Self(raw)
    }
}

impl<const N: usize> fmt::Display for ObjectId<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

impl<const N: usize> fmt::Debug for ObjectId<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Fill `raw` from the operating system's generator.
pub fn random_bytes(raw: &mut [u8]) -> Result<()> {
    use rand::TryRngCore;
    rand::rngs::OsRng
        .try_fill_bytes(raw)
        .map_err(|e| Error::new(ErrorKind::Io, format!("the operating system gave no random bytes: {e}")))
}

/// Crockford base32, upper case, no padding; zero bits fill the last character.
#[must_use]
pub fn encode(raw: &[u8]) -> String {
    let mut text = String::with_capacity((raw.len() * 8).div_ceil(5));
    let (mut bits, mut held) = (0u32, 0u32);
    let mut push = |five: u32| text.extend(ALPHABET.get((five & 31) as usize).map(|&c| char::from(c)));
    for &byte in raw {
        bits = (bits << 8) | u32::from(byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            push(bits >> held);
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        push(bits << (5 - held));
    }
    text
}

/// The `length` bytes of `text`, in either case and with the aliases I, L and O; None if it is not such an id.
///
/// Bits of the last character that no byte needs are ignored, as other readers do.
#[must_use]
pub fn decode(text: &str, length: usize) -> Option<Vec<u8>> {
    if text.len() != length.checked_mul(8)?.div_ceil(5) {
        return None;
    }
    let mut raw = Vec::with_capacity(length);
    let (mut bits, mut held) = (0u32, 0u32);
    for c in text.bytes() {
        bits = (bits << 5) | u32::from(digit(c)?);
        held += 5;
        if held >= 8 {
            held -= 8;
            raw.push(u8::try_from(bits >> held).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    (raw.len() == length).then_some(raw)
}

fn digit(c: u8) -> Option<u8> {
    let canonical = match c.to_ascii_uppercase() {
        b'I' | b'L' => b'1',
        b'O' => b'0',
        other => other,
    };
    ALPHABET.iter().position(|&a| a == canonical).and_then(|i| u8::try_from(i).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples_of_the_specification() {
        let counting: Vec<u8> = (0..12).collect();
        assert_eq!(encode(&counting), "000G40R40M30E209185G");
        let initial = [0x0b, 0x1c, 0xc8, 0xd6, 0x78, 0x75, 0x80, 0xf0, 0xe3, 0x3a, 0x65, 0x34];
        assert_eq!(ObjectId(initial).to_string(), "1CECHNKREP0F1RSTCMT0");
        assert_eq!(decode("ICECHNKREPoF1RSTCMT0", 12).unwrap(), initial);
    }

    #[test]
    fn rejects_what_is_no_id() {
        for text in ["", "1CECHNKREP0F1RSTCMT", "1CECHNKREP0F1RSTCMT00", "1CECHNKREP0F1RSTCMTU", "1CECHNKREP0F1RSTCMT-"]
        {
            assert_eq!(decode(text, 12), None, "{text}");
        }
        assert_eq!(decode("000000000000", 8), None);
    }

    #[test]
    fn loose_bits_are_ignored() {
        assert_eq!(decode("1CECHNKREP0F1RSTCMTA", 12), decode("1CECHNKREP0F1RSTCMT0", 12));
        assert_eq!(decode("0000000000001", 8), Some(vec![0; 8]));
    }

    proptest! {
        #[test]
        fn text_round_trips(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
            let text = encode(&raw);
            prop_assert_eq!(decode(&text, raw.len()), Some(raw.clone()));
            prop_assert_eq!(decode(&text.to_lowercase(), raw.len()), Some(raw));
        }

        #[test]
        fn order_of_texts_is_order_of_bytes(a in any::<[u8; 12]>(), b in any::<[u8; 12]>()) {
            prop_assert_eq!(a.cmp(&b), encode(&a).cmp(&encode(&b)));
        }

        #[test]
        fn decoding_never_panics(text in ".*", length in 0usize..20) {
            let _ = decode(&text, length);
        }
    }
}
