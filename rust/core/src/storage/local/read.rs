//! Reading files: one `pread` where the length is known.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
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

/// Reads to a slow place are made in pieces of this many bytes, which stay in the cache of a CPU on their way.
const BOUNCE: usize = 128 << 10;

/// The file and its metadata; a directory is an error, as a file that is not there, and so is what is no regular file.
///
/// A pipe must not be waited for, and a device has no content that could be an object's.
pub fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let file = open_at_once(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        return Ok((file, metadata));
    }
    Err(if metadata.is_dir() { io::ErrorKind::IsADirectory.into() } else { not_regular() })
}

fn open_at_once(path: &Path) -> io::Result<File> {
    let opened = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY).open(path);
    match opened {
        // A regular file whose lease another program, as a file server, has to give back first.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock && path.metadata()?.is_file() => File::open(path),
        // A socket, or a device without a driver.
        Err(error) if error.raw_os_error() == Some(nix::libc::ENXIO) => Err(not_regular()),
        opened => opened,
    }
}

/// A pipe, a socket or a device in the place of a file.
#[derive(Debug, thiserror::Error)]
#[error("it is no regular file")]
struct NotRegular;

/// The error of what is there in the place of a file.
pub fn not_regular() -> io::Error {
    io::Error::other(NotRegular)
}

/// Whether the error means that there is something else in the place of a file.
pub fn is_not_regular(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<NotRegular>())
}

/// A range of the file at `path`, as far as there is one.
pub fn range(path: &Path, range: ByteRange) -> io::Result<Bytes> {
    range_of(&open(path)?.0, range)
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

/// The bytes of the file at `path` from `start` on into `target`, as many as there are.
pub fn into(path: &Path, start: u64, target: &mut [u8]) -> io::Result<usize> {
    let (file, _) = open(path)?;
    if target.len() < 2 * BOUNCE || !is_slow_to_copy_to(target) {
        return fill(&file, start, target);
    }
    let mut buffer = vec![0; BOUNCE + ALIGNMENT];
    let begin = buffer.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
    let bounce = buffer.get_mut(begin..begin + BOUNCE).unwrap_or_default();
    let mut done = 0;
    for part in target.chunks_mut(BOUNCE) {
        let bounce = bounce.get_mut(..part.len()).unwrap_or_default();
        let length = fill(&file, start.saturating_add(done as u64), bounce)?;
        if let (Some(part), Some(bounce)) = (part.get_mut(..length), bounce.get(..length)) {
            part.copy_from_slice(bounce);
        }
        done += length;
        if length < bounce.len() {
            break;
        }
    }
    Ok(done)
}

/// Where `malloc` places large buffers, and so NumPy its arrays: the kernel copies several times slower to there.
fn is_slow_to_copy_to(target: &[u8]) -> bool {
    (1..32).contains(&(target.as_ptr().addr() % 4096))
}

fn fill(file: &File, start: u64, target: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = target.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match rustix::io::pread(file, rest, start.saturating_add(done as u64)) {
            Ok(0) => break,
            Ok(length) => done += length,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(done)
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
    pub fn watch<T>(&self, read: impl FnOnce() -> io::Result<T>, length: impl FnOnce(&T) -> usize) -> io::Result<T> {
        let begin = Instant::now();
        let result = read();
        let small = result.as_ref().is_ok_and(|data| length(data) <= 256 << 10);
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
    fn any_part_goes_to_any_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let content: Vec<u8> = (0..3 * BOUNCE + 1000).map(|i| (i / 7) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let mut memory = vec![0; content.len() + 3 * 4096];
        let page = memory.as_ptr().align_offset(4096);
        for (shift, from, length) in [
            (16, 0, content.len()),
            (0, 0, content.len()),
            (16, 5, 2 * BOUNCE + 3),
            (31, 7, 50),
            (16, 2 * BOUNCE, 2 * BOUNCE),
            (16, content.len() + 1, BOUNCE * 2),
        ] {
            memory.fill(1);
            let target = &mut memory[page + shift..page + shift + length];
            let expected = content.get(from..(from + length).min(content.len())).unwrap_or_default();
            assert_eq!(into(&path, from as u64, target).unwrap(), expected.len());
            assert_eq!(&target[..expected.len()], expected);
            assert!(target[expected.len()..].iter().all(|&byte| byte == 1 || from < content.len()));
        }
        assert!(into(&directory.path().join("none"), 0, &mut [0; 4]).is_err());
    }

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
