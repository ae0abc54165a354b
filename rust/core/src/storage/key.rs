//! Keys: which are allowed, and how their special characters are written (format section 10.1).

use std::borrow::Cow;

use object_store::path::PathPart;

use crate::error::{Error, ErrorKind, Result};

/// Check a key: segments separated by single slashes, none empty, `.` or `..`.
///
/// # Errors
/// [`ErrorKind::InvalidInput`], naming the key.
pub fn validate(key: &str) -> Result<()> {
    if is_clean(key) {
        return Ok(());
    }
    let shown = key.escape_debug();
    Err(Error::new(
        ErrorKind::InvalidInput,
        format!("invalid object key '{shown}': its path segments may not be empty, '.' or '..'"),
    ))
}

fn is_clean(key: &str) -> bool {
    !key.is_empty() && key.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// A listing prefix without slashes at its ends; the empty one is the root.
///
/// # Errors
/// As for [`validate`].
pub fn prefix(prefix: &str) -> Result<&str> {
    let prefix = prefix.trim_matches('/');
    if prefix.is_empty() {
        return Ok(prefix);
    }
    validate(prefix).map(|()| prefix)
}

/// `prefix` and `key` joined; the prefix may be empty.
#[must_use]
pub fn join(prefix: &str, key: &str) -> String {
    match (prefix.is_empty(), key.is_empty()) {
        (true, _) => key.to_owned(),
        (_, true) => prefix.to_owned(),
        _ => format!("{prefix}/{key}"),
    }
}

/// The key with its special characters percent-encoded, segment by segment.
#[must_use]
pub fn encode(key: &str) -> Cow<'_, str> {
    if key.bytes().all(is_plain) {
        return Cow::Borrowed(key);
    }
    let parts: Vec<_> = key.split('/').map(PathPart::from).collect();
    Cow::Owned(parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("/"))
}

/// Bytes that are surely not encoded; the others are left to the encoder.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b' ' | b':')
}

/// The key whose encoding is `encoded`; `encoded` itself if no key is encoded so (a foreign object).
#[must_use]
pub fn decode(encoded: &str) -> Cow<'_, str> {
    if !encoded.contains('%') {
        return Cow::Borrowed(encoded);
    }
    match percent_decoded(encoded) {
        Some(decoded) if encode(&decoded) == encoded => Cow::Owned(decoded),
        _ => Cow::Borrowed(encoded),
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

/// Whether the last segment is an object id: such an object never gets another content.
#[must_use]
pub fn is_id_named(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    name.len() == 20
        && name
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'H' | b'J' | b'K' | b'M' | b'N' | b'P'..=b'T' | b'V'..=b'Z'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn special_characters_are_written_as_the_format_says() {
        assert_eq!(encode("refs/branch.é/ref.json"), "refs/branch.%C3%A9/ref.json");
        assert_eq!(encode("a .:!$&'(+,;=@b"), "a .:!$&'(+,;=@b");
        assert_eq!(encode("%#?*~\\[]{}<>|^\"`\u{1}"), "%25%23%3F%2A%7E%5C%5B%5D%7B%7D%3C%3E%7C%5E%22%60%01");
    }

    #[test]
    fn a_foreign_name_stays_as_it_is() {
        assert_eq!(decode("chunks/50%"), "chunks/50%");
        assert_eq!(decode("chunks/a%20b"), "chunks/a%20b");
        assert_eq!(decode("chunks/%FF"), "chunks/%FF");
    }

    #[test]
    fn ids_are_recognised() {
        assert!(is_id_named("snapshots/1CECHNKREP0F1RSTCMT0"));
        assert!(!is_id_named("snapshots/1cechnkrep0f1rstcmt0"));
        assert!(!is_id_named("repo"));
        assert!(!is_id_named("chunks/1CECHNKREP0F1RSTCMTU"));
    }

    proptest! {
        #[test]
        fn every_key_survives_its_encoding(key in "\\PC{1,12}(/\\PC{1,12}){0,3}") {
            prop_assume!(validate(&key).is_ok());
            let encoded = encode(&key).into_owned();
            prop_assert!(encoded.is_ascii());
            prop_assert_eq!(decode(&encoded), key);
        }

        #[test]
        fn no_key_escapes(key in "(\\.{0,3}/?){0,5}[a-z]?") {
            if validate(&key).is_ok() {
                prop_assert!(key.split('/').all(|s| !s.is_empty() && s != "." && s != ".."));
            }
        }
    }
}
