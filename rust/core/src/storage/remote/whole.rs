//! Servers that answer a request for a range with the whole object.
//!
//! Such an answer may be anything: a page that asks to log in, an error with a friendly status.  It is taken for the
//! object only if it looks like one, and then kept for a while, so that the next chunk of the same object is not another
//! download.  What is too large to be kept is refused: better no chunk than the whole object for each.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::process;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_MATCH,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED, TRANSFER_ENCODING,
};
use http::{Response, StatusCode, Version};
use object_store::client::{HttpError, HttpErrorKind, HttpResponse};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::partial::Asked;
use super::pieces;
use crate::sync;

/// Objects of a store that are kept, together.
const KEPT_BYTES: u64 = 64 << 20;

/// For so long an object is not asked for again.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Requests for different objects seldom wait for each other.
const TURNS: usize = 32;

/// Looked at, from the start of an object, to see whether it is a page.
const LOOKED_AT: usize = 512;

/// How many bytes the whole read is about, of which a request asks for a part.
#[derive(Debug, Clone, Copy)]
pub struct Wanted(pub u64);

/// Why an answer is not taken for an object.
#[derive(Debug, thiserror::Error)]
pub enum NoObject {
    /// It is for people, or says what is wrong.
    #[error("the server answers with {0} instead of the bytes of an object: a page that asks to log in, or an error?")]
    Page(String),
    /// There is no way to tell what it is.
    #[error("the server answers a request for a range without one, and says neither how long the answer is nor what")]
    Unknown,
    /// Success of another kind.
    #[error("the server answers a request for a range with status {0}")]
    Status(StatusCode),
    /// Every chunk would be another download of it.
    #[error(
        "the server does not answer requests for ranges, only for the whole object, which has {0} bytes; that is \
             done up to {KEPT_BYTES}: put it on a server that does (Accept-Ranges: bytes)"
    )]
    TooLarge(String),
}

impl From<NoObject> for HttpError {
    fn from(error: NoObject) -> Self {
        Self::new(HttpErrorKind::Unknown, error)
    }
}

struct Kept {
    address: String,
    data: Bytes,
    headers: HeaderMap,
    since: Instant,
}

/// The whole objects that a store has seen lately.
pub struct Wholes {
    kept: sync::Mutex<Vec<Kept>>,
    /// The server is known to answer with ranges; until it is, one request at a time asks for an object.
    has_ranges: AtomicBool,
    turns: [Mutex<()>; TURNS],
    /// Whose turns these are: those who held one at a fork do not give it back.
    process: u32,
}

impl std::fmt::Debug for Wholes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wholes")
    }
}

impl Wholes {
    /// `has_ranges` says that the service is known to answer with ranges, as the protocols of object stores do.
    pub fn new(has_ranges: bool) -> Self {
        Self {
            kept: sync::Mutex::default(),
            has_ranges: AtomicBool::new(has_ranges),
            turns: std::array::from_fn(|_| Mutex::default()),
            process: process::id(),
        }
    }

    /// An answer from what is kept, or else a turn to ask, if there are turns.
    pub async fn kept_or_turn(
        &self,
        address: &str,
        asked: Asked,
        conditions: &HeaderMap,
    ) -> Result<HttpResponse, Turn<'_>> {
        if self.has_ranges.load(Ordering::Relaxed) && process::id() == self.process {
            // Few objects of a server with ranges are ever kept: they were answered without.
            return self.kept(address, asked, conditions).ok_or(Turn(None));
        }
        if let Some(answer) = self.kept(address, asked, conditions) {
            return Ok(answer);
        }
        if process::id() != self.process {
            return Err(Turn(None));
        }
        let mut hasher = DefaultHasher::new();
        address.hash(&mut hasher);
        let number = usize::try_from(hasher.finish() % TURNS as u64).unwrap_or(0);
        let turn = match self.turns.get(number) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        if self.has_ranges.load(Ordering::Relaxed) {
            return Err(Turn(None));
        }
        self.kept(address, asked, conditions).ok_or(Turn(turn))
    }

    /// What came of a request that was not answered with a whole object: others need not wait any more.
    pub fn not_whole(&self) {
        self.has_ranges.store(true, Ordering::Relaxed);
    }

    /// The part of a whole answer that was asked for, of `wanted` bytes in all.
    ///
    /// # Errors
    /// [`NoObject`], or that the answer broke off.
    pub async fn part(
        &self,
        address: &str,
        asked: Asked,
        wanted: u64,
        conditions: &HeaderMap,
        answer: HttpResponse,
    ) -> Result<HttpResponse, HttpError> {
        self.has_ranges.store(false, Ordering::Relaxed);
        if answer.status() != StatusCode::OK {
            return Err(NoObject::Status(answer.status()).into());
        }
        let is_known = match held(conditions, answer.headers()) {
            Held::Not => return Ok(empty(StatusCode::PRECONDITION_FAILED, answer.headers())),
            Held::ByETag => true,
            Held::AsFarAsKnown => false,
        };
        let size = size(answer.headers());
        if !is_known {
            self.plausible(&answer, size)?;
        }
        let most = KEPT_BYTES.max(wanted.saturating_mul(2));
        let too_large = |size: String| HttpError::from(NoObject::TooLarge(size));
        if size.is_some_and(|size| size > most) {
            return Err(too_large(size.unwrap_or(0).to_string()));
        }
        let (parts, body) = answer.into_parts();
        let data = match size {
            Some(size) => pieces::exactly(body, size).await?,
            None => pieces::at_most(body, most, 0).await?.ok_or_else(|| too_large(format!("more than {most}")))?,
        };
        if !is_known && is_page(&data) {
            return Err(NoObject::Page("a page".to_owned()).into());
        }
        let kept = Kept { address: address.to_owned(), data, headers: told(&parts.headers), since: Instant::now() };
        let answer = kept.part(asked);
        self.keep(kept);
        Ok(answer)
    }

    fn plausible(&self, answer: &HttpResponse, size: Option<u64>) -> Result<(), NoObject> {
        let kind = media_type(answer.headers());
        if let Some(kind) = kind.as_deref().filter(|kind| is_document(kind)) {
            return Err(NoObject::Page(kind.to_owned()));
        }
        // An answer that ends with its connection may have been cut anywhere.
        let framed = answer.version() >= Version::HTTP_2 || answer.headers().contains_key(TRANSFER_ENCODING);
        if size.is_none() && !(kind.is_some() && framed) {
            return Err(NoObject::Unknown);
        }
        Ok(())
    }

    fn kept(&self, address: &str, asked: Asked, conditions: &HeaderMap) -> Option<HttpResponse> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|kept| kept.address == address && kept.since.elapsed() < KEPT_FOR)?;
        Some(match held(conditions, &found.headers) {
            // Perhaps it is there in another version by now.
            Held::Not => return None,
            _ => found.part(asked),
        })
    }

    fn keep(&self, object: Kept) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|other| other.address != object.address && other.since.elapsed() < KEPT_FOR);
        kept.push(object);
        let bytes = |kept: &[Kept]| kept.iter().map(|one| one.data.len() as u64).sum::<u64>();
        while kept.len() > 1 && bytes(&kept) > KEPT_BYTES {
            kept.remove(0);
        }
    }
}

/// Held while an object is asked for of a server of which it is not known whether it answers with ranges.
pub struct Turn<'a>(#[expect(dead_code, reason = "it is held, not looked at")] Option<MutexGuard<'a, ()>>);

impl Kept {
    fn part(&self, asked: Asked) -> HttpResponse {
        let size = self.data.len() as u64;
        if asked.first >= size {
            return empty(StatusCode::RANGE_NOT_SATISFIABLE, &self.headers);
        }
        let last = asked.last.map_or(size - 1, |last| last.min(size - 1));
        let bounds = (usize::try_from(asked.first).unwrap_or(0), usize::try_from(last).unwrap_or(0));
        let data = if bounds.0 <= bounds.1 { self.data.slice(bounds.0..=bounds.1) } else { Bytes::new() };
        let mut answer = Response::new(data.clone().into());
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        *answer.headers_mut() = self.headers.clone();
        answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(data.len()));
        if let Ok(range) = HeaderValue::try_from(format!("bytes {}-{last}/{size}", asked.first)) {
            answer.headers_mut().insert(CONTENT_RANGE, range);
        }
        answer
    }
}

/// How an answer stands to the conditions of its request, which many web servers do not heed.
#[derive(Debug, PartialEq, Eq)]
pub enum Held {
    /// They do not hold.
    Not,
    /// It has the ETag that was asked for.
    ByETag,
    /// It says nothing against them.
    AsFarAsKnown,
}

/// Hold an answer against the conditions of its request.
pub fn held(conditions: &HeaderMap, answer: &HeaderMap) -> Held {
    let text = |headers: &HeaderMap, name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if let Some(wanted) = text(conditions, IF_MATCH).filter(|wanted| wanted != "*") {
        return match text(answer, ETAG) {
            Some(found) if bare(&found) == bare(&wanted) => Held::ByETag,
            Some(_) => Held::Not,
            None => Held::AsFarAsKnown,
        };
    }
    let time = |text: Option<String>| chrono::DateTime::parse_from_rfc2822(&text?).ok();
    match (time(text(conditions, IF_UNMODIFIED_SINCE)), time(text(answer, LAST_MODIFIED))) {
        (Some(since), Some(modified)) if modified > since => Held::Not,
        _ => Held::AsFarAsKnown,
    }
}

fn bare(etag: &str) -> &str {
    etag.trim().trim_start_matches("W/").trim_matches('"')
}

/// An answer of its status alone, as a server would give it.
pub fn empty(status: StatusCode, headers: &HeaderMap) -> HttpResponse {
    let mut answer = Response::new(Bytes::new().into());
    *answer.status_mut() = status;
    *answer.headers_mut() = told(headers);
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(0));
    answer
}

/// What the library reads of an answer, besides lengths.
fn told(headers: &HeaderMap) -> HeaderMap {
    [ETAG, LAST_MODIFIED, CONTENT_TYPE, ACCEPT_RANGES]
        .into_iter()
        .filter_map(|name| headers.get(&name).cloned().map(|value| (name, value)))
        .collect()
}

fn size(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()).filter(|kind| !kind.is_empty())
}

/// Whether a type is that of pages.
fn is_markup(kind: &str) -> bool {
    matches!(kind, "text/html" | "application/xhtml+xml")
}

/// Whether a type is that of pages, or of what services say of an error.
fn is_document(kind: &str) -> bool {
    is_markup(kind)
        || matches!(kind, "application/json" | "text/json" | "application/xml" | "text/xml")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}

fn is_page(data: &[u8]) -> bool {
    let start = data.get(..LOOKED_AT.min(data.len())).unwrap_or_default();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let begins = |with: &[u8]| start.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    begins(b"<!doctype html") || begins(b"<html")
}

/// The page that a partial answer is, by what it says; login pages may be files that have ranges too.
pub fn page(conditions: &HeaderMap, answer: &HttpResponse) -> Option<NoObject> {
    let kind = media_type(answer.headers()).filter(|kind| is_markup(kind))?;
    (answer.status() == StatusCode::PARTIAL_CONTENT && held(conditions, answer.headers()) != Held::ByETag)
        .then_some(NoObject::Page(kind))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use http::header::HeaderName;

    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn conditions_are_held_against_answers() {
        let etag = |text| headers(&[(IF_MATCH, text)]);
        for (wanted, found, expected) in [
            ("\"a\"", "\"a\"", Held::ByETag),
            ("a", "W/\"a\"", Held::ByETag),
            ("\"a\"", "\"b\"", Held::Not),
            ("*", "\"b\"", Held::AsFarAsKnown),
        ] {
            assert_eq!(held(&etag(wanted), &headers(&[(ETAG, found)])), expected);
        }
        assert_eq!(held(&etag("a"), &HeaderMap::new()), Held::AsFarAsKnown);
        let since = headers(&[(IF_UNMODIFIED_SINCE, "Tue, 01 Dec 2026 10:00:00 GMT")]);
        let modified = |text| headers(&[(LAST_MODIFIED, text)]);
        assert_eq!(held(&since, &modified("Tue, 01 Dec 2026 10:00:00 GMT")), Held::AsFarAsKnown);
        assert_eq!(held(&since, &modified("Tue, 01 Dec 2026 10:00:01 GMT")), Held::Not);
    }

    #[test]
    fn pages_are_known_by_their_start() {
        for page in ["<!DOCTYPE html><p>", "\u{feff}\n  <HTML lang=en>", "<!doctype HTML PUBLIC"] {
            assert!(is_page(page.as_bytes()), "{page}");
        }
        for other in ["", "<", "GRIB", "<!DOCTYP", "x<html>"] {
            assert!(!is_page(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let wholes = Wholes::new(false);
        let object = |n: u64, mebibytes: usize| Kept {
            address: n.to_string(),
            data: Bytes::from(vec![0; mebibytes << 20]),
            headers: HeaderMap::new(),
            since: Instant::now(),
        };
        for n in 0..5 {
            wholes.keep(object(n, 20));
        }
        let asked = Asked { first: 0, last: Some(1) };
        let has = |n: u64| wholes.kept(&n.to_string(), asked, &HeaderMap::new()).is_some();
        assert_eq!((0..5).map(has).collect::<Vec<_>>(), [false, false, true, true, true]);
        wholes.keep(object(9, 65));
        assert_eq!((0..10).filter(|n| has(*n)).collect::<Vec<_>>(), [9]);
    }

    #[test]
    fn parts_are_cut_from_what_is_kept() {
        let kept = Kept {
            address: String::new(),
            data: Bytes::from_static(b"0123456789"),
            headers: headers(&[(ETAG, "e")]),
            since: Instant::now(),
        };
        for (first, last, status, range) in [
            (2, Some(5), StatusCode::PARTIAL_CONTENT, Some("bytes 2-5/10")),
            (2, None, StatusCode::PARTIAL_CONTENT, Some("bytes 2-9/10")),
            (8, Some(20), StatusCode::PARTIAL_CONTENT, Some("bytes 8-9/10")),
            (10, Some(20), StatusCode::RANGE_NOT_SATISFIABLE, None),
        ] {
            let answer = kept.part(Asked { first, last });
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers().get(CONTENT_RANGE).map(|range| range.to_str().unwrap()), range);
        }
    }
}
