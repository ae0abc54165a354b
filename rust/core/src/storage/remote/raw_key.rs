//! Keys that the client library has no path for.
//!
//! Other programs' objects on S3 may have keys with empty segments (`a//b`), and addresses of the web have queries.  The
//! library is given a stand-in, and the request gets the key when it is sent.

use std::fmt::Write;
use std::sync::Arc;

use http::Uri;
use http::uri::{InvalidUri, InvalidUriParts, PathAndQuery};
use object_store::path::Path;

/// What the library is told, and says in its errors.
pub const STAND_IN: &str = "key-as-it-stands";

/// A key to send as it stands, as an extension of a request.
#[derive(Debug, Clone)]
pub struct RawKey(Arc<str>);

/// What an address has after its host, besides letters and digits: everything else is percent-encoded.
const IN_ADDRESSES: &[u8] = b"-._~:/?[]@!$&'()*+,;=%";

impl RawKey {
    /// The key, if it is one that needs this and can be sent: clients take `.` and `..` out of every URL.
    pub fn of(key: &str) -> Option<Self> {
        let mut segments = key.split('/');
        let sendable = !key.is_empty() && segments.clone().all(|segment| !matches!(segment, "." | ".."));
        (sendable && segments.any(str::is_empty)).then(|| Self(encoded(key, b"/-._~").into()))
    }

    /// What an address has after the slash that follows its host, as it is written there.
    pub fn of_target(target: &str) -> Self {
        Self(encoded(target, IN_ADDRESSES).into())
    }

    /// What the library is told.
    pub fn stand_in() -> Path {
        Path::from(STAND_IN)
    }

    /// The address of a request with the key in its place.
    pub fn placed(&self, uri: &Uri) -> Result<Uri, Unplaced> {
        let before = uri.path().strip_suffix(STAND_IN).ok_or(Unplaced::NoPlace)?;
        let mut target = format!("{before}{}", self.0);
        if let Some(query) = uri.query() {
            target.push('?');
            target.push_str(query);
        }
        with_target(uri, target)
    }
}

/// A text with all but letters, digits and `kept` characters percent-encoded.
fn encoded(text: &str, kept: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// An address with another path and query.
pub fn with_target(uri: &Uri, target: String) -> Result<Uri, Unplaced> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target)?);
    Ok(Uri::from_parts(parts)?)
}

/// A key cannot be put into a request.
#[derive(Debug, thiserror::Error)]
pub enum Unplaced {
    /// The request is not about a stand-in.
    #[error("the request has no place for the key of an object")]
    NoPlace,
    /// What came out is too long, say.
    #[error(transparent)]
    Path(#[from] InvalidUri),
    /// What came out is no address.
    #[error(transparent)]
    Address(#[from] InvalidUriParts),
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_empty_segments_need_it() {
        for key in ["", "a", "a/b", "a/./b//c", "..//a"] {
            assert!(RawKey::of(key).is_none(), "{key}");
        }
        for key in ["a//b", "/a", "a/", "//"] {
            assert!(RawKey::of(key).is_some(), "{key}");
        }
    }

    #[test]
    fn the_key_takes_the_place_of_the_stand_in() {
        let key = RawKey::of("a//b é%").unwrap();
        let uri: Uri = format!("http://host:1/bucket/{STAND_IN}?x=1").parse().unwrap();
        assert_eq!(key.placed(&uri).unwrap().to_string(), "http://host:1/bucket/a//b%20%C3%A9%25?x=1");
        assert!(key.placed(&"http://host/other".parse().unwrap()).is_err());
        let target = RawKey::of_target("a%2Fb c?d=e/f&é");
        let uri: Uri = format!("http://host:1/{STAND_IN}").parse().unwrap();
        assert_eq!(target.placed(&uri).unwrap().to_string(), "http://host:1/a%2Fb%20c?d=e/f&%C3%A9");
    }
}
