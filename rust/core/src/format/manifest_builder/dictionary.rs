//! Dictionaries for the locations of a manifest (format section 5.4).

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use zstd::zstd_safe::{CCtx, CDict};

use crate::sync::Mutex;
use crate::{Error, ErrorKind, Result};

/// When and how locations are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocationCompression {
    /// From this many virtual references on.
    pub min_virtual_refs: usize,
    /// Locations to train the dictionary with.
    pub dictionary_samples: usize,
    /// Largest dictionary.
    pub dictionary_bytes: usize,
    /// zstd level of a location.
    pub level: i32,
}

// Locations shorter than this are not worth a dictionary.
const SHORT_LOCATION: usize = 8;

// A frame has this many bytes besides the compressed text: magic, descriptor, dictionary id, size, block header.
const FRAME_OVERHEAD: usize = 13;

// An existing dictionary serves again if it shrinks the text to this part.  Training takes 2 ms, a try some microseconds.
const SERVES_PERCENT: usize = 35;

/// A dictionary, ready to compress with.
pub(super) struct Dictionary {
    pub bytes: Bytes,
    prepared: CDict<'static>,
    level: i32,
}

impl Dictionary {
    /// None if `bytes` are no dictionary of zstd.
    pub fn prepare(bytes: Bytes, level: i32) -> Option<Self> {
        // Without an id in it, it is what zstd calls raw content, which readers cannot check a frame against.
        zstd::zstd_safe::get_dict_id_from_dict(&bytes)?;
        CDict::try_create(&bytes, level).map(|prepared| Self { bytes, prepared, level })
    }

    /// None if the samples do not make a dictionary: then locations stay plain.
    fn train(samples: &[String], settings: LocationCompression) -> Option<Self> {
        let short = samples.iter().filter(|sample| sample.len() < SHORT_LOCATION).count();
        if samples.is_empty() || 2 * short >= samples.len() {
            return None;
        }
        let total: usize = samples.iter().map(String::len).sum();
        // Training needs some multiple of the dictionary's size.
        let extra = if total < settings.dictionary_bytes { settings.dictionary_bytes / total + 1 } else { 0 };
        let repeated: Vec<&str> = (0..=extra).flat_map(|_| samples.iter().map(String::as_str)).collect();
        let bytes = zstd::dict::from_samples(&repeated, settings.dictionary_bytes).ok()?;
        Self::prepare(bytes.into(), settings.level)
    }

    /// Put the compressed `location` into `frame`.
    pub fn compress(&self, context: &mut CCtx<'static>, location: &str, frame: &mut Vec<u8>) -> Result<()> {
        frame.clear();
        frame.reserve(zstd::zstd_safe::compress_bound(location.len()));
        context.compress_using_cdict(frame, location.as_bytes(), &self.prepared).map_err(|code| {
            let reason = zstd::zstd_safe::get_error_name(code);
            Error::new(ErrorKind::Serialization, format!("a location cannot be compressed: {reason}"))
        })?;
        Ok(())
    }

    /// Whether it compresses texts like `samples` well.
    fn serves(&self, samples: &[String], settings: LocationCompression) -> Result<bool> {
        if self.level != settings.level || self.bytes.len() > settings.dictionary_bytes {
            return Ok(false);
        }
        let mut context = CCtx::default();
        let (mut frame, mut before, mut after) = (Vec::new(), 0, 0);
        for sample in samples.iter().take(32) {
            self.compress(&mut context, sample, &mut frame)?;
            before += sample.len();
            after += frame.len().saturating_sub(FRAME_OVERHEAD);
        }
        Ok(100 * after <= SERVES_PERCENT * before)
    }
}

/// The dictionary that the manifests of one commit share.
#[derive(Clone, Default)]
pub(super) struct SharedDictionary {
    last: Arc<Mutex<Option<Arc<Dictionary>>>>,
}

impl SharedDictionary {
    /// A dictionary for texts like `samples`: that of an old manifest or the last one if they serve, else a new one.
    pub fn choose(
        &self,
        samples: &[String],
        old: Option<&Bytes>,
        settings: LocationCompression,
    ) -> Result<Option<Arc<Dictionary>>> {
        if let Some(old) = old
            && let Some(dictionary) = Dictionary::prepare(old.clone(), settings.level)
            && dictionary.serves(samples, settings)?
        {
            return Ok(Some(Arc::new(dictionary)));
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dictionary) = last.as_ref()
            && dictionary.serves(samples, settings)?
        {
            return Ok(Some(dictionary.clone()));
        }
        let trained = Dictionary::train(samples, settings).map(Arc::new);
        if trained.is_some() {
            last.clone_from(&trained);
        }
        Ok(trained)
    }
}
