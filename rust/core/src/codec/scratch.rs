//! Memory that one thread decodes and encodes with.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

/// Buffers start at a multiple of this: the kernel copies several times slower into one that starts a few bytes after a
/// page, as `malloc` places large ones.
const ALIGNMENT: usize = 64;

/// What a thread keeps between two batches, in bytes; more is given back.
const KEPT: usize = 16 << 20;

/// Bytes from an aligned address, grown on demand and used again.
#[derive(Debug, Default)]
pub struct AlignedBuffer {
    memory: Vec<u8>,
}

impl AlignedBuffer {
    /// `length` bytes of any content.
    pub fn take(&mut self, length: usize) -> &mut [u8] {
        let needed = length.saturating_add(ALIGNMENT);
        if self.memory.len() < needed {
            // What is there need not be kept, so nothing is copied.
            self.memory = vec![0; needed.saturating_add(needed / 4)];
        }
        let begin = self.memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        self.memory.get_mut(begin..begin + length).unwrap_or_default()
    }
}

/// A compressor for Zstandard frames and its settings.
struct Encoder {
    compressor: Compressor<'static>,
    level: i32,
    checksum: bool,
}

/// Decoders, encoders and spare buffers of one thread.
#[derive(Default)]
pub struct Scratch {
    zstd_decoder: Option<Decompressor<'static>>,
    zstd_encoder: Option<Encoder>,
    spare: Vec<AlignedBuffer>,
}

impl Scratch {
    /// A buffer, to be given back.
    pub fn buffer(&mut self) -> AlignedBuffer {
        self.spare.pop().unwrap_or_default()
    }

    /// Keep a buffer for the next one who needs one.
    pub fn give_back(&mut self, buffer: AlignedBuffer) {
        self.spare.push(buffer);
    }

    /// The decompressor for Zstandard frames.
    pub fn zstd_decoder(&mut self) -> io::Result<&mut Decompressor<'static>> {
        let decoder = match self.zstd_decoder.take() {
            Some(decoder) => decoder,
            None => Decompressor::new()?,
        };
        Ok(self.zstd_decoder.insert(decoder))
    }

    /// The compressor for Zstandard frames, made anew only where the settings change.
    pub fn zstd_encoder(&mut self, level: i32, checksum: bool) -> io::Result<&mut Compressor<'static>> {
        let kept = self.zstd_encoder.take().filter(|kept| kept.level == level && kept.checksum == checksum);
        let encoder = match kept {
            Some(encoder) => encoder,
            None => {
                let mut compressor = Compressor::new(level)?;
                compressor.include_checksum(checksum)?;
                Encoder { compressor, level, checksum }
            }
        };
        Ok(&mut self.zstd_encoder.insert(encoder).compressor)
    }

    fn trim(&mut self) {
        let mut kept = 0usize;
        self.spare.retain(|buffer| {
            kept = kept.saturating_add(buffer.memory.len());
            kept <= KEPT
        });
    }
}

thread_local! {
    static MINE: RefCell<Scratch> = RefCell::default();
}

/// Do `work` with the memory of this thread.
pub fn with<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
    MINE.with(|mine| match mine.try_borrow_mut() {
        Ok(mut scratch) => {
            let result = work(&mut scratch);
            scratch.trim();
            result
        }
        Err(_) => work(&mut Scratch::default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_long_enough() {
        let mut buffer = AlignedBuffer::default();
        for length in [0, 1, 100, 7, 1 << 20] {
            let bytes = buffer.take(length);
            assert_eq!((bytes.len(), bytes.as_ptr().align_offset(ALIGNMENT)), (length, 0));
        }
    }

    #[test]
    fn a_thread_keeps_little() {
        with(|scratch| {
            let mut buffer = scratch.buffer();
            buffer.take(KEPT);
            scratch.give_back(buffer);
        });
        with(|scratch| assert!(scratch.spare.is_empty()));
    }
}
