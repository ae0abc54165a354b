//! Whether a write may have happened whose answer nobody has seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use object_store::client::{HttpError, HttpErrorKind};

use crate::error::{Error, ErrorKind};
use crate::storage::key;

/// Travels with all tries of one write down to the HTTP client, which knows what has become of each.
#[derive(Debug, Clone, Default)]
pub struct Doubt {
    there: Arc<AtomicBool>,
}

impl Doubt {
    /// Whether one of the tries may have had an effect although it was no success.
    pub fn is_there(&self) -> bool {
        self.there.load(Ordering::Relaxed)
    }

    /// A try got no answer.
    pub fn heed_silence(&self, error: &HttpError) {
        if error.kind() != HttpErrorKind::Connect {
            self.there.store(true, Ordering::Relaxed);
        }
    }

    /// A try was answered.  Servers and what stands before them fail after the write as well as before it; those that ask
    /// to slow down have done nothing.
    pub fn heed(&self, status: StatusCode, body: &[u8]) {
        let names = |text: &[u8]| body.windows(text.len()).any(|part| part == text);
        if status.is_server_error() && !names(b"SlowDown") && !names(b"ServerBusy") {
            self.there.store(true, Ordering::Relaxed);
        }
    }
}

/// The error of a write whose outcome matters, if it may have happened in spite of `error`.
///
/// Nobody knows of objects that are named by ids before something refers to them, which does not come to pass then.
pub fn unless_certain(error: Error, key: &str, doubtful: bool) -> Error {
    if !doubtful || key::is_id_named(key) || matches!(error.kind, ErrorKind::Interrupted) {
        return error;
    }
    let message = format!("whether {key} was written is not known, since no answer came: {}", error.message);
    Error { kind: ErrorKind::OutcomeUnknown, message, ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_to_slow_down_has_done_nothing() {
        let after = |status: u16, body: &[u8]| {
            let doubt = Doubt::default();
            doubt.clone().heed(StatusCode::from_u16(status).unwrap_or_default(), body);
            doubt.is_there()
        };
        assert!(!after(503, b"<Error><Code>SlowDown</Code></Error>"));
        assert!(after(503, b"upstream connect error or disconnect/reset before headers"));
        assert!(after(500, b"") && after(504, b""));
        assert!(!after(412, b"") && !after(429, b"") && !after(403, b""));
    }

    #[test]
    fn only_what_others_see_can_be_in_doubt() {
        let error = Error::new(ErrorKind::ObjectStore, "reset");
        let kind = |key: &str, doubtful| unless_certain(error.clone(), key, doubtful).kind;
        assert_eq!(kind("repo", true), ErrorKind::OutcomeUnknown);
        assert_eq!(kind("repo", false), ErrorKind::ObjectStore);
        assert_eq!(kind("chunks/1CECHNKREP0F1RSTCMT0", true), ErrorKind::ObjectStore);
    }
}
