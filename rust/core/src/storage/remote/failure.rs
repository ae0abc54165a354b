//! What an object store said, and what to do about it.

use std::error::Error as StdError;

use object_store::Error as StoreError;

use super::markup::without_markup;
use super::raw_key::STAND_IN;
use super::shown::{key_without_secrets, without_secrets};
use crate::error::{Error, ErrorKind};

/// The error of `action` ("read", "write", ...) on `key`.
pub fn failed(error: StoreError, action: &str, key: &str) -> Error {
    let (kind, advice) = judge(&error);
    let key = key_without_secrets(key);
    let reason = without_secrets(&without_markup(&reasons(&error)).replace(STAND_IN, &key));
    let advice = advice.map_or_else(String::new, |advice| format!("; {advice}"));
    Error::new(kind, format!("cannot {action} {}: {reason}{advice}", if key.is_empty() { "objects" } else { &key }))
}

fn judge(error: &StoreError) -> (ErrorKind, Option<&'static str>) {
    match error {
        StoreError::NotFound { .. } if is_missing_bucket(error) => {
            (ErrorKind::MissingBucket, Some("there is no such bucket or container: create it, or correct its name"))
        }
        StoreError::NotFound { .. } => (ErrorKind::ObjectNotFound, None),
        StoreError::Precondition { .. } | StoreError::AlreadyExists { .. } | StoreError::NotModified { .. } => {
            (ErrorKind::Conflict, None)
        }
        // Services say with the status of a refusal too that they do not know who asks.
        other if mentions(other, NOT_KNOWN) || matches!(other, StoreError::Unauthenticated { .. }) => {
            (ErrorKind::ObjectStore, Some("the credentials are missing, wrong or expired"))
        }
        // Of what goes wrong with a listing the client library tells no more than the status.
        other if matches!(other, StoreError::PermissionDenied { .. }) || mentions(other, &["status code: 403"]) => (
            ErrorKind::ObjectStore,
            Some("the credentials are missing, or do not permit this: check them and the policy of the bucket"),
        ),
        StoreError::InvalidPath { .. } => (ErrorKind::InvalidInput, None),
        StoreError::UnknownConfigurationKey { .. } => (ErrorKind::StorageConfig, None),
        other if is_throttled(other) => {
            (ErrorKind::Throttled, Some("the store asks to slow down: lower the concurrency, or allow more tries"))
        }
        _ => (ErrorKind::ObjectStore, None),
    }
}

/// How services name a login that is missing or that they do not accept.
const NOT_KNOWN: &[&str] = &[
    "status code: 401",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "MissingSecurityHeader",
    "MissingAuthenticationToken",
    "AuthorizationHeaderMalformed",
    "AuthenticationFailed",
    "NoAuthenticationInformation",
];

/// The messages of an error and of its causes, without those that repeat.
fn reasons(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = StdError::source(error);
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}

// The client library keeps the status of an answer private, so the text has to do.

fn mentions(error: &StoreError, texts: &[&str]) -> bool {
    let reasons = reasons(error);
    texts.iter().any(|text| reasons.contains(text))
}

fn is_throttled(error: &StoreError) -> bool {
    mentions(error, &["status code: 429", "status code: 503", "SlowDown"])
}

fn is_missing_bucket(error: &StoreError) -> bool {
    mentions(error, &["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"])
}

/// Whether the object is not there, though the bucket is.
pub fn is_missing(error: &StoreError) -> bool {
    matches!(error, StoreError::NotFound { .. }) && !is_missing_bucket(error)
}

/// Whether a condition did not hold.
pub fn is_conflict(error: &StoreError) -> bool {
    matches!(error, StoreError::Precondition { .. } | StoreError::AlreadyExists { .. })
        || mentions(error, &["ConditionalRequestConflict", "ConcurrentModification", "PreconditionFailed"])
}

/// Whether a conditional write failed although its condition may hold: it should be tried again.
pub fn is_undecided(error: &StoreError) -> bool {
    mentions(error, &["ConditionalRequestConflict"])
}

/// Whether a range starts beyond the end of the object.
pub fn is_beyond_end(error: &StoreError) -> bool {
    mentions(error, &["status code: 416", "Wanted range starting at"])
}
