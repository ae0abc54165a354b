//! Versions of files.
//!
//! There are two kinds of etag.  A conditional write compares the content: the hash of the whole file, as
//! `get_versioned` and conditional puts give it.  Nothing else is safe, since inode numbers are used again at once and
//! the clock of a file system ticks a few hundred times a second.  `head` and listings do not read files, so they give
//! inode, time and size, in the form that virtual references to local files record (format section 5.2).

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;

use super::read;
use crate::storage::{ByteRange, ReadCondition, Version, bare_etag, is_later, unix_micros};

const CONTENT: &str = "b3-";

/// Ticks of the kernel that the time of a file may lag behind: one, and as much again for a tick that comes late.
#[cfg(target_os = "linux")]
const TICKS: i64 = 2;

#[cfg(target_os = "linux")]
const MOST_LAG: i64 = 100_000;

/// The version of a file with this content.
pub fn of_content(data: &[u8]) -> Version {
    let hash = blake3::hash(data).to_hex();
    Version::of_etag(format!("{CONTENT}{}", hash.get(..32).unwrap_or(&hash)))
}

/// The version of a file that is not read.
pub fn of_file(metadata: &Metadata) -> Version {
    let micros = metadata.modified().map_or(0, unix_micros);
    Version::of_etag(format!("\"{:x}-{:x}-{:x}\"", metadata.ino(), micros, metadata.len()))
}

/// How far the times of files lag behind the clock, in microseconds.
///
/// Linux stamps files with the time of its last tick, and an idle or stolen processor takes the next one late.
pub fn clock_lag() -> i64 {
    #[cfg(target_os = "linux")]
    {
        let tick = rustix::time::clock_getres(rustix::time::ClockId::RealtimeCoarse);
        (tick.tv_sec * 1_000_000 + tick.tv_nsec / 1000).saturating_mul(TICKS).clamp(0, MOST_LAG)
    }
    #[cfg(not(target_os = "linux"))]
    0
}

/// Whether a file with this content and metadata is at `version`, of whichever kind it is.
pub fn is_at(version: &Version, data: &[u8], metadata: &Metadata) -> bool {
    let Some(etag) = version.etag.as_deref().map(bare_etag) else { return false };
    let actual = if etag.starts_with(CONTENT) { of_content(data) } else { of_file(metadata) };
    actual.etag.as_deref().map(bare_etag) == Some(etag)
}

/// Whether the condition of a read holds; the file is read only for an etag of the content.
pub fn holds(condition: &ReadCondition, file: &File, metadata: &Metadata) -> io::Result<bool> {
    match (&condition.etag, condition.unmodified_since) {
        (Some(etag), _) => {
            let etag = bare_etag(etag);
            let content =
                if etag.starts_with(CONTENT) { read::range_of(file, ByteRange::ALL)? } else { Default::default() };
            Ok(is_at(&Version::of_etag(etag), &content, metadata))
        }
        (None, Some(seconds)) => Ok(!is_later(metadata.modified().map_or(0, unix_micros), seconds)),
        (None, None) => Ok(true),
    }
}
