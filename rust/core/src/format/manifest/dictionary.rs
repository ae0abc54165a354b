//! Decompresses locations (format section 5.4).

use std::sync::{OnceLock, PoisonError};

use bytes::Bytes;
use zstd::zstd_safe::{DCtx, DDict};

use crate::sync::Mutex;
use crate::{Error, Result};

/// Locations that decompress to more are refused; the official reader stops at 1024 (format section 5.4).
const MAX_LOCATION: usize = 64 << 10;

/// The zstd dictionary of the locations.
pub(super) struct Dictionary {
    pub bytes: Bytes,
    prepared: OnceLock<Option<DDict<'static>>>,
    context: Mutex<Option<DCtx<'static>>>,
}

impl Dictionary {
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes, prepared: OnceLock::new(), context: Mutex::new(None) }
    }

    /// The text in `frame`.
    pub fn decompress(&self, frame: &[u8]) -> Result<String> {
        let failed = |reason: &str| Error::format(format!("a location cannot be decompressed: {reason}"));
        let size = match zstd::zstd_safe::get_frame_content_size(frame) {
            Ok(Some(size)) => usize::try_from(size).ok().filter(|&size| size <= MAX_LOCATION),
            Ok(None) => Some(MAX_LOCATION),
            Err(_) => return Err(failed("it is not a zstd frame")),
        };
        let size = size.ok_or_else(|| failed("it is too long"))?;
        let prepared = self.prepared.get_or_init(|| DDict::try_create(&self.bytes));
        let prepared = prepared.as_ref().ok_or_else(|| failed("the dictionary is broken"))?;
        // A context is kept for the next location; a thread that finds it in use makes its own.
        let kept = self.context.try_lock().and_then(|mut kept| kept.take());
        let mut context = kept.unwrap_or_default();
        let mut text = Vec::with_capacity(size);
        context
            .decompress_using_ddict(&mut text, frame, prepared)
            .map_err(|code| failed(zstd::zstd_safe::get_error_name(code)))?;
        *self.context.lock().unwrap_or_else(PoisonError::into_inner) = Some(context);
        String::from_utf8(text).map_err(|_| failed("it is not UTF-8"))
    }
}
