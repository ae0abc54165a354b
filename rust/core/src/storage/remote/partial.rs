//! Whether the answer to a request for a range holds that range.
//!
//! The client library notices too, but only when it does not ask again any more.

use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderValue};

/// The answer is not what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the answer to the request for {asked} says {said}")]
pub struct WrongRange {
    asked: String,
    said: String,
}

/// Check what a partial answer says of itself; other answers say nothing.
///
/// # Errors
/// No range, another one, or a length that is not that of the range.
pub fn check(asked: Option<&HeaderValue>, status: StatusCode, answer: &HeaderMap) -> Result<(), WrongRange> {
    let Some(asked) = asked.and_then(|asked| asked.to_str().ok()) else { return Ok(()) };
    if status != StatusCode::PARTIAL_CONTENT {
        return Ok(());
    }
    let text = |name| answer.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let (said, length) = (text(CONTENT_RANGE), text(CONTENT_LENGTH));
    if fits(asked, said, length) {
        return Ok(());
    }
    let length = length.map_or_else(String::new, |length| format!(" and {length} bytes"));
    Err(WrongRange { asked: asked.to_owned(), said: format!("{}{length}", said.unwrap_or("no range")) })
}

/// Whether `bytes=2-5`, say, is answered by `bytes 2-5/9`, and 4 bytes.
fn fits(asked: &str, said: Option<&str>, length: Option<&str>) -> bool {
    let Some(said) = said.and_then(Said::parse) else { return false };
    let Some((first, last)) = asked.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else { return true };
    // The library asks for ends only where an object has to be known already.
    let Ok(first) = first.parse::<u64>() else { return true };
    if first >= said.size {
        // Beyond the end there is nothing to say; some say it all the same, and the library knows.
        return true;
    }
    let end_of_object = said.size.saturating_sub(1);
    let last = last.parse::<u64>().map_or(end_of_object, |last| last.min(end_of_object));
    let bytes = said.last.checked_sub(said.first).and_then(|rest| rest.checked_add(1));
    let length = length.map(str::parse::<u64>);
    said.first == first
        && said.last == last
        && length.is_none_or(|length| length.is_ok_and(|length| Some(length) == bytes))
}

struct Said {
    first: u64,
    last: u64,
    size: u64,
}

impl Said {
    fn parse(text: &str) -> Option<Self> {
        let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        Some(Self { first: first.parse().ok()?, last: last.parse().ok()?, size: size.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_answered_by_itself() {
        for (asked, said, length) in [
            ("bytes=2-5", "bytes 2-5/9", Some("4")),
            ("bytes=2-5", "bytes 2-5/9", None),
            ("bytes=2-50", "bytes 2-8/9", Some("7")),
            ("bytes=2-", "bytes 2-8/9", Some("7")),
            ("bytes=-3", "bytes 6-8/9", Some("3")),
            ("bytes=9-11", "bytes 9-8/9", Some("0")),
        ] {
            assert!(fits(asked, Some(said), length), "{asked} {said}");
        }
        for (asked, said, length) in [
            ("bytes=2-5", None, Some("4")),
            ("bytes=2-5", Some("x"), Some("4")),
            ("bytes=2-5", Some("bytes 3-6/9"), Some("4")),
            ("bytes=2-5", Some("bytes 2-4/9"), Some("3")),
            ("bytes=2-5", Some("bytes 2-5/9"), Some("3")),
            ("bytes=2-5", Some("bytes 2-5/9"), Some("x")),
            ("bytes=2-", Some("bytes 2-5/9"), Some("4")),
            ("bytes=2-5", Some("bytes 5-2/9"), None),
            ("bytes=0-", Some("bytes 0-18446744073709551615/18446744073709551615"), None),
            ("bytes=2-5", Some("bytes 0-18446744073709551615/9"), None),
        ] {
            assert!(!fits(asked, said, length), "{asked} {said:?}");
        }
    }

    #[test]
    fn only_partial_answers_are_checked() {
        let asked = HeaderValue::from_static("bytes=0-1");
        let nothing = HeaderMap::new();
        assert!(check(Some(&asked), StatusCode::OK, &nothing).is_ok());
        assert!(check(None, StatusCode::PARTIAL_CONTENT, &nothing).is_ok());
        let error = check(Some(&asked), StatusCode::PARTIAL_CONTENT, &nothing).map_err(|error| error.to_string());
        assert_eq!(error, Err("the answer to the request for bytes=0-1 says no range".to_owned()));
    }
}
