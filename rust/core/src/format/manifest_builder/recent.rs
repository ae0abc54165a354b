//! What was written lately, so that it can be pointed to again.

use std::hash::{DefaultHasher, Hasher};

use crate::Result;
use crate::format::file_builder::{FileBuilder, Written};

const PLACES: usize = 4096;

/// Remembers some thousands of byte strings that are in the file already.
#[derive(Default)]
pub(super) struct Recent {
    entries: Vec<Option<(Box<[u8]>, Written)>>,
}

impl Recent {
    /// Where `key` is written; `write` writes it if that is not known.
    pub fn get(
        &mut self,
        file: &mut FileBuilder,
        key: &[u8],
        write: impl FnOnce(&mut FileBuilder) -> Result<Written>,
    ) -> Result<Written> {
        if self.entries.is_empty() {
            self.entries.resize_with(PLACES, || None);
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(key);
        let place = (hasher.finish() % PLACES as u64) as usize;
        match self.entries.get_mut(place) {
            Some(Some((known, written))) if known.as_ref() == key => {
                file.share(key.len());
                Ok(*written)
            }
            Some(entry) => {
                let written = write(file)?;
                *entry = Some((key.into(), written));
                Ok(written)
            }
            None => write(file),
        }
    }
}
