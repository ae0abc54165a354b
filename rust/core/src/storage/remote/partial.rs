//! Whether the answer to a request for a range holds that range.
//!
//! The client library notices too, but only when it does not ask again any more; and it wants to be told the size of the
//! object and the length of the answer, which servers may leave open.

use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderValue};
use object_store::client::{HttpError, HttpErrorKind, HttpResponse};

use super::pieces;

/// Stands for the size of an object that a server leaves open.
pub const UNKNOWN: u64 = i64::MAX as u64;

/// The answer is not what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the answer to the request for {asked} says {said}")]
pub struct WrongRange {
    asked: String,
    said: String,
}

/// The bytes that a request asks for; the last one is open in `bytes=2-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The first one.
    pub first: u64,
    /// The last one.
    pub last: Option<u64>,
}

impl Asked {
    /// What a header says; None for the ends of objects, which the library asks for only where it knows them.
    pub fn parse(range: &HeaderValue) -> Option<Self> {
        let (first, last) = range.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
        let last = if last.is_empty() { None } else { Some(last.parse().ok()?) };
        Some(Self { first: first.parse().ok()?, last })
    }
}

/// Check what a partial answer says of itself, and complete it; other answers say nothing.
///
/// # Errors
/// No range, another one, or a length that is not that of the range.
pub async fn checked(asked: Option<&HeaderValue>, mut answer: HttpResponse) -> Result<HttpResponse, HttpError> {
    let Some(asked) = asked.filter(|_| answer.status() == StatusCode::PARTIAL_CONTENT) else { return Ok(answer) };
    let Some(said) =
        check(asked, answer.headers()).map_err(|wrong| HttpError::new(HttpErrorKind::Interrupted, wrong))?
    else {
        return Ok(answer);
    };
    if said.size.is_none() {
        // Told to the library, which has no word for it.
        let end = said.last.saturating_add(1);
        let cut = Asked::parse(asked).is_none_or(|asked| asked.last.is_none_or(|last| said.last < last));
        let size = if cut { end } else { UNKNOWN };
        let range = format!("bytes {}-{}/{size}", said.first, said.last);
        if let Ok(range) = HeaderValue::try_from(range) {
            answer.headers_mut().insert(CONTENT_RANGE, range);
        }
    }
    if answer.headers().contains_key(CONTENT_LENGTH) {
        return Ok(answer);
    }
    let (parts, body) = answer.into_parts();
    let data = pieces::exactly(body, said.bytes().unwrap_or(0)).await?;
    Ok(pieces::complete(parts, data))
}

/// What a partial answer says, if it can be held against what was asked.
fn check(asked: &HeaderValue, answer: &HeaderMap) -> Result<Option<Said>, WrongRange> {
    let Ok(asked) = asked.to_str() else { return Ok(None) };
    let text = |name| answer.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let (said, length) = (text(CONTENT_RANGE), text(CONTENT_LENGTH));
    if fits(asked, said, length) {
        return Ok(said.and_then(Said::parse));
    }
    let length = length.map_or_else(String::new, |length| format!(" and {length} bytes"));
    Err(WrongRange { asked: asked.to_owned(), said: format!("{}{length}", said.unwrap_or("no range")) })
}

/// Whether `bytes=2-5`, say, is answered by `bytes 2-5/9` or `bytes 2-5/*`, and 4 bytes.
fn fits(asked: &str, said: Option<&str>, length: Option<&str>) -> bool {
    let Some(said) = said.and_then(Said::parse) else { return false };
    let Some((first, last)) = asked.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else { return true };
    // The library asks for ends only where an object has to be known already.
    let Ok(first) = first.parse::<u64>() else { return true };
    if said.size.is_some_and(|size| first >= size) {
        // Beyond the end there is nothing to say; some say it all the same, and the library knows.
        return true;
    }
    let length = length.map(str::parse::<u64>);
    let bytes = said.bytes();
    let last = last.parse::<u64>();
    let ends_well = match said.size.map(|size| size.saturating_sub(1)) {
        Some(end) => said.last == last.map_or(end, |last| last.min(end)),
        // The object may end before what was asked for.
        None => last.map_or(true, |last| said.last <= last),
    };
    said.first == first
        && ends_well
        && bytes.is_some()
        && length.is_none_or(|length| length.is_ok_and(|length| Some(length) == bytes))
}

struct Said {
    first: u64,
    last: u64,
    /// Of the object; open for `*`.
    size: Option<u64>,
}

impl Said {
    fn parse(text: &str) -> Option<Self> {
        let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let size = if size.trim() == "*" { None } else { Some(size.parse().ok()?) };
        Some(Self { first: first.parse().ok()?, last: last.parse().ok()?, size })
    }

    fn bytes(&self) -> Option<u64> {
        self.last.checked_sub(self.first).and_then(|rest| rest.checked_add(1))
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
            ("bytes=2-5", "bytes 2-5/*", Some("4")),
            ("bytes=2-5", "bytes 2-4/*", Some("3")),
            ("bytes=2-", "bytes 2-8/*", None),
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
            ("bytes=2-5", Some("bytes 2-6/*"), None),
            ("bytes=2-5", Some("bytes 3-5/*"), None),
            ("bytes=2-5", Some("bytes 2-1/*"), None),
            ("bytes=2-5", Some("bytes */9"), None),
            ("bytes=0-", Some("bytes 0-18446744073709551615/18446744073709551615"), None),
            ("bytes=0-", Some("bytes 0-18446744073709551615/*"), None),
            ("bytes=2-5", Some("bytes 0-18446744073709551615/9"), None),
        ] {
            assert!(!fits(asked, said, length), "{asked} {said:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let asked = HeaderValue::from_static("bytes=0-1");
        let error = check(&asked, &HeaderMap::new()).err().map(|error| error.to_string());
        assert_eq!(error, Some("the answer to the request for bytes=0-1 says no range".to_owned()));
    }

    #[test]
    fn what_is_asked_for_is_read_from_the_header() {
        let parse = |text| Asked::parse(&HeaderValue::from_static(text));
        assert_eq!(parse("bytes=2-5"), Some(Asked { first: 2, last: Some(5) }));
        assert_eq!(parse("bytes=2-"), Some(Asked { first: 2, last: None }));
        assert_eq!((parse("bytes=-3"), parse("bytes=x-3"), parse("x")), (None, None, None));
    }
}
