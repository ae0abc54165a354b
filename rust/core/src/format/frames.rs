//! What zstd frames say of what they hold, without decompressing them (RFC 8878).

use crate::{Error, Result};

const MAGIC: u32 = 0xfd2f_b528;
/// The longest content of one block.
const BLOCK: usize = 128 << 10;

fn broken(why: &str) -> Error {
    Error::format(format!("the body cannot be decompressed: {why}"))
}

/// The frames of `data`, one after the other; it must end with the last.
///
/// Frames that are to be skipped are refused: no writer makes them, and they make a file look as large as its content.
fn each(data: &[u8], mut visit: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut rest = data;
    loop {
        if rest.first_chunk().map(|magic| u32::from_le_bytes(*magic)) != Some(MAGIC) {
            return Err(broken("there is something else than a zstd frame in it"));
        }
        let length = zstd::zstd_safe::find_frame_compressed_size(rest).map_err(|_| broken("it is cut short"))?;
        let (frame, after) = rest.split_at_checked(length).ok_or_else(|| broken("it is cut short"))?;
        visit(frame)?;
        if after.is_empty() {
            return Ok(());
        }
        rest = after;
    }
}

/// The sizes that the frames say they have together; None if one says nothing.
pub(super) fn declared(data: &[u8]) -> Result<Option<u64>> {
    let mut total = Some(0u64);
    each(data, |frame| {
        let size = zstd::zstd_safe::get_frame_content_size(frame).map_err(|_| broken("its header is broken"))?;
        // The largest number of all is what zstd itself says where there is none.
        if size.is_none() && states_size(frame) {
            return Err(broken("its size is no size"));
        }
        total = total.zip(size).and_then(|(total, size)| total.checked_add(size));
        Ok(())
    })?;
    Ok(total)
}

/// No less than what the frames hold together: blocks that repeat one byte or stand for themselves tell their size.
pub(super) fn most(data: &[u8]) -> Result<u64> {
    let mut total = 0u64;
    each(data, |frame| {
        let mut rest = frame.get(header_length(frame)..).ok_or_else(|| broken("it is cut short"))?;
        loop {
            let (&[a, b, c], after) = rest.split_first_chunk().ok_or_else(|| broken("it is cut short"))?;
            let head = u32::from_le_bytes([a, b, c, 0]);
            let size = (head >> 3) as usize;
            let (stored, held) = match head >> 1 & 3 {
                0 => (size, size),
                1 => (1, size),
                _ => (size, BLOCK),
            };
            total = total.saturating_add(held as u64);
            rest = after.get(stored..).ok_or_else(|| broken("it is cut short"))?;
            if head & 1 == 1 {
                return Ok(());
            }
        }
    })?;
    Ok(total)
}

/// Whether there is a size in the header: always where there is no window.
fn states_size(frame: &[u8]) -> bool {
    frame.get(4).is_some_and(|descriptor| descriptor & 0xe0 != 0)
}

/// Bytes before the first block.
fn header_length(frame: &[u8]) -> usize {
    let descriptor = frame.get(4).copied().unwrap_or_default();
    let single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied().unwrap_or_default();
    let size = match descriptor >> 6 {
        0 => usize::from(single),
        flag => 1 << flag,
    };
    5 + usize::from(!single) + dictionary + size
}

/// Append a frame of `body` as it is.
pub(super) fn store(body: &[u8], file: &mut Vec<u8>) {
    file.extend(MAGIC.to_le_bytes());
    file.push(0xe0); // one segment, whose size follows in eight bytes
    file.extend((body.len() as u64).to_le_bytes());
    let mut blocks = body.chunks(BLOCK).peekable();
    if blocks.peek().is_none() {
        file.extend([1, 0, 0]);
    }
    while let Some(block) = blocks.next() {
        let length = u32::try_from(block.len()).unwrap_or_default();
        let head = length << 3 | u32::from(blocks.peek().is_none());
        file.extend(head.to_le_bytes().iter().take(3));
        file.extend_from_slice(block);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_stored_frame_is_what_zstd_reads(body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40), Just(vec![7; BLOCK]), Just(vec![7; 2 * BLOCK + 5]),
        ]) {
            let mut file = Vec::new();
            store(&body, &mut file);
            prop_assert_eq!(zstd::bulk::decompress(&file, body.len()).unwrap(), body.clone());
            prop_assert_eq!(declared(&file).unwrap(), Some(body.len() as u64));
            prop_assert_eq!(most(&file).unwrap(), body.len() as u64);
        }

        #[test]
        fn nothing_holds_more_than_it_may(
            parts in proptest::collection::vec((any::<u8>(), 1usize..300_000), 1..4), level in 1i32..5, sized in any::<bool>()
        ) {
            let mut data = Vec::new();
            let mut total = 0;
            for (byte, length) in parts {
                let content: Vec<u8> = (0..length).map(|at| if at % 7 == 0 { byte } else { u8::try_from(at / 3 % 251).unwrap() }).collect();
                total += content.len() as u64;
                let mut compressor = zstd::bulk::Compressor::new(level).unwrap();
                compressor.include_contentsize(sized).unwrap();
                data.extend(compressor.compress(&content).unwrap());
            }
            prop_assert!(most(&data).unwrap() >= total);
            prop_assert_eq!(declared(&data).unwrap(), sized.then_some(total));
            for cut in [1, data.len() - 1] {
                prop_assert!(most(&data[..cut]).is_err());
            }
        }
    }
}
