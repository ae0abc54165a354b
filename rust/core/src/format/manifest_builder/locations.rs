//! Writes the locations of a manifest, each one once if it comes back soon.

use std::sync::Arc;

use zstd::zstd_safe::{CCtx, get_frame_content_size};

use super::dictionary::Dictionary;
use super::recent::Recent;
use crate::Result;
use crate::chunk_table::ChunkRows;
use crate::format::file_builder::{FileBuilder, Written};
use crate::format::manifest::{Manifest, StoredLocation};

/// The official reader refuses longer locations if they are compressed (format section 5.4).
const MAX_COMPRESSED_LOCATION: usize = 1024;

/// A location in the new manifest.
#[derive(Clone, Copy)]
pub(super) enum WrittenLocation {
    Plain(Written),
    Compressed(Written),
}

/// The location that was written last, by where it came from: the next reference mostly has the same.
enum Last {
    None,
    /// Number of the source of references, and of the location in it.
    Table(u32, usize),
    Manifest(u32, Vec<u8>),
}

/// Writes locations, compressed if there is a dictionary.
pub(super) struct Locations {
    dictionary: Option<Arc<Dictionary>>,
    context: CCtx<'static>,
    frame: Vec<u8>,
    recent: Recent,
    last: (Last, Option<WrittenLocation>),
    /// Bytes of the location that was written last, or more.
    last_length: usize,
}

impl Locations {
    pub fn new(dictionary: Option<Arc<Dictionary>>) -> Self {
        Self {
            dictionary,
            context: CCtx::default(),
            frame: Vec::new(),
            recent: Recent::default(),
            last: (Last::None, None),
            last_length: 0,
        }
    }

    /// The location of a row of a table, which is the source of references number `source`.
    pub fn of_table(
        &mut self,
        file: &mut FileBuilder,
        source: u32,
        rows: &ChunkRows,
        number: usize,
    ) -> Result<WrittenLocation> {
        if let (Last::Table(last_source, last_number), Some(written)) = self.last
            && (last_source, last_number) == (source, number)
        {
            file.share(self.last_length);
            return Ok(written);
        }
        let location = rows.location(number);
        let written = self.write(file, &location)?;
        self.last_length = location.len();
        self.last = (Last::Table(source, number), Some(written));
        Ok(written)
    }

    /// The location of a reference of an old manifest, which is the source of references number `source`.
    pub fn of_manifest(
        &mut self,
        file: &mut FileBuilder,
        source: u32,
        manifest: &Manifest,
        stored: StoredLocation<'_>,
    ) -> Result<WrittenLocation> {
        let raw = match stored {
            StoredLocation::Plain(text) => text.as_bytes(),
            StoredLocation::Compressed(frame) => frame,
        };
        if let (Last::Manifest(last_source, last), Some(written)) = &self.last
            && (*last_source, last.as_slice()) == (source, raw)
        {
            file.share(self.last_length);
            return Ok(*written);
        }
        self.last_length = raw.len();
        let written = match stored {
            StoredLocation::Plain(text) => self.write(file, text)?,
            StoredLocation::Compressed(frame) if self.can_copy(manifest, frame) => {
                WrittenLocation::Compressed(self.recent.get(file, frame, |file| file.bytes(frame))?)
            }
            StoredLocation::Compressed(_) => {
                let location = manifest.location(stored)?;
                self.last_length = location.len();
                self.write(file, &location)?
            }
        };
        let mut last = match std::mem::replace(&mut self.last.0, Last::None) {
            Last::Manifest(_, buffer) => buffer,
            _ => Vec::new(),
        };
        last.clear();
        last.extend_from_slice(raw);
        self.last = (Last::Manifest(source, last), Some(written));
        Ok(written)
    }

    /// Whether a frame of `manifest` means the same in the new manifest.
    fn can_copy(&self, manifest: &Manifest, frame: &[u8]) -> bool {
        let same = match (&self.dictionary, manifest.dictionary()) {
            (Some(new), Some(old)) => new.bytes == old,
            _ => false,
        };
        let short = matches!(get_frame_content_size(frame), Ok(Some(size)) if size <= MAX_COMPRESSED_LOCATION as u64);
        same && short
    }

    fn write(&mut self, file: &mut FileBuilder, location: &str) -> Result<WrittenLocation> {
        let Self { dictionary, context, frame, recent, .. } = self;
        match dictionary {
            Some(dictionary) if location.len() <= MAX_COMPRESSED_LOCATION => {
                let written = recent.get(file, location.as_bytes(), |file| {
                    dictionary.compress(context, location, frame)?;
                    file.bytes(frame)
                });
                written.map(WrittenLocation::Compressed)
            }
            _ => recent.get(file, location.as_bytes(), |file| file.string(location)).map(WrittenLocation::Plain),
        }
    }
}
