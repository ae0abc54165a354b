//! A checksum after the content: CRC-32C, four bytes, little-endian.

use super::damaged;
use crate::error::Result;

/// Bytes of the checksum.
pub const LENGTH: usize = 4;

fn checksum(content: &[u8]) -> [u8; LENGTH] {
    // The algorithm has 32 bits; the crate gives all of them as 64.
    let value = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, content);
    u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes()
}

/// The content, if its checksum is right.
pub fn verified(bytes: &[u8]) -> Result<&[u8]> {
    let Some((content, stored)) = bytes.split_last_chunk::<LENGTH>() else {
        return Err(damaged("crc32c", format!("{} bytes are too few for a checksum", bytes.len())));
    };
    if checksum(content) == *stored { Ok(content) } else { Err(damaged("crc32c", "the checksum does not match")) }
}

/// Append the checksum of all that is there.
pub fn append(content: &mut Vec<u8>) {
    let checksum = checksum(content);
    content.extend_from_slice(&checksum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_algorithm() {
        let mut bytes = b"123456789".to_vec();
        append(&mut bytes);
        assert_eq!(bytes[9..], 0xe306_9283_u32.to_le_bytes());
        assert_eq!(verified(&bytes).unwrap(), b"123456789");
    }

    #[test]
    fn damage_is_seen() {
        let mut bytes = b"123456789".to_vec();
        append(&mut bytes);
        bytes[3] ^= 1;
        assert!(verified(&bytes).is_err());
        assert!(verified(&[1, 2, 3]).is_err());
    }
}
