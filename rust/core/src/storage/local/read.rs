//! Reading files: one `pread` where the length is known.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::buffer::spare_capacity;

use crate::storage::ByteRange;

/// A longer read asks for the size of the file first: a length in a corrupt manifest must not be allocated.
const TRUSTED_LENGTH: u64 = 1 << 20;

/// Buffers of at least this many bytes start at a multiple of [`ALIGNMENT`]: the kernel copies several times slower
/// into one that starts a few bytes after a page, as `malloc` places them.
const ALIGNED_FROM: usize = 64 << 10;
const ALIGNMENT: usize = 64;

/// The file and its metadata; a directory is an error, as a file that is not there.
pub fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok((file, metadata)) }
}

/// A range of the file at `path`, as far as there is one.
pub fn range(path: &Path, range: ByteRange) -> io::Result<Bytes> {
    range_of(&File::open(path)?, range)
}

/// A range of an open file, as far as there is one.
pub fn range_of(file: &File, range: ByteRange) -> io::Result<Bytes> {
    let length = match range.end.map(|end| end.saturating_sub(range.start)) {
        Some(length) if length <= TRUSTED_LENGTH => length,
        _ => range.within(file.metadata()?.len()).1,
    };
    exact(file, range.start, length)
}

/// The whole file and its metadata, of one moment.
pub fn whole(path: &Path) -> io::Result<(Bytes, Metadata)> {
    let (file, metadata) = open(path)?;
    Ok((exact(&file, 0, metadata.len())?, metadata))
}

/// `length` bytes from `start`, or as many as there are.
fn exact(file: &File, start: u64, length: u64) -> io::Result<Bytes> {
    let length = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let spare = if length >= ALIGNED_FROM { ALIGNMENT } else { 0 };
    let mut buffer: Vec<u8> = Vec::new();
    buffer.try_reserve_exact(length.saturating_add(spare)).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let begin = if spare > 0 { buffer.as_ptr().align_offset(ALIGNMENT).min(spare) } else { 0 };
    buffer.resize(begin, 0);
    // The spare capacity may be longer than the range: what is read beyond it is cut off.
    while buffer.len() < begin + length {
        let done = (buffer.len() - begin) as u64;
        match rustix::io::pread(file, spare_capacity(&mut buffer), start.saturating_add(done)) {
            Ok(0) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    buffer.truncate(begin + length);
    let end = buffer.len();
    Ok(Bytes::from(buffer).slice(begin..end))
}

/// Whether the reads of a directory are slow, as on a network file system: a running vote of the last ones.
#[derive(Debug, Default)]
pub struct Pace {
    votes: AtomicU8,
}

impl Pace {
    const SLOW: Duration = Duration::from_micros(500);
    const MOST: u8 = 16;

    /// Most of the last reads took long.
    pub fn is_slow(&self) -> bool {
        self.votes.load(Ordering::Relaxed) > Self::MOST / 2
    }

    /// Make a read and count it, unless it is so large that its time says nothing.
    pub fn watch(&self, read: impl FnOnce() -> io::Result<Bytes>) -> io::Result<Bytes> {
        let begin = Instant::now();
        let result = read();
        let small = result.as_ref().is_ok_and(|data| data.len() <= 256 << 10);
        if small {
            self.vote(begin.elapsed() > Self::SLOW);
        }
        result
    }

    // Lost updates between threads do no harm to a vote.
    fn vote(&self, slow: bool) {
        let votes = self.votes.load(Ordering::Relaxed);
        let new = if slow { (votes + 1).min(Self::MOST) } else { votes.saturating_sub(1) };
        if new != votes {
            self.votes.store(new, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_slow_reads_do_not_make_a_slow_mount() {
        let pace = Pace::default();
        (0..8).for_each(|_| pace.vote(true));
        assert!(!pace.is_slow());
        pace.vote(true);
        assert!(pace.is_slow());
        (0..20).for_each(|_| pace.vote(true));
        (0..8).for_each(|_| pace.vote(false));
        assert!(!pace.is_slow());
    }
}
