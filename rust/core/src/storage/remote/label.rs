//! What the requests of this thread are for, told in their User-Agent header.

use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    static LABEL: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

const LONGEST_PATH: usize = 256;
const LONGEST_CHUNK: usize = 64;

/// The label as it travels with a request.
#[derive(Debug, Clone)]
pub struct RequestLabel(pub Arc<str>);

/// The label of requests for a chunk of the array at `path`.
#[must_use]
pub fn of_chunk(path: &str, coords: &[u32]) -> String {
    let chunk = coords.iter().map(u32::to_string).collect::<Vec<_>>().join("/");
    format!("array={}; chunk={}", shortened(&visible(path), LONGEST_PATH), shortened(&chunk, LONGEST_CHUNK))
}

/// Characters that a header comment may not hold, percent-encoded.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'(' | b')' | b'\\' | b';' | b'=' | b'"' | b'%' | 0..=0x1f | 0x7f.. => {
                out.push_str(&format!("%{byte:02X}"))
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}

/// `text`, cut in the middle if it has more than `most` bytes.
fn shortened(text: &str, most: usize) -> String {
    const GAP: &str = "...";
    if text.len() <= most {
        return text.to_owned();
    }
    let kept = most.saturating_sub(GAP.len());
    let (head, tail) = (kept.div_ceil(2), kept / 2);
    // both texts are ASCII, so every position is a boundary
    let start = text.get(..head).unwrap_or_default();
    let end = text.get(text.len() - tail..).unwrap_or_default();
    format!("{start}{GAP}{end}")
}

/// Make `call` with a label for its requests.
pub fn with<T>(label: String, call: impl FnOnce() -> T) -> T {
    let before = LABEL.replace(Some(label.into()));
    let result = call();
    LABEL.replace(before);
    result
}

/// The label of this thread.
#[must_use]
pub fn current() -> Option<RequestLabel> {
    LABEL.with_borrow(|label| label.clone().map(RequestLabel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_and_harmless() {
        assert_eq!(of_chunk("/a/b", &[1, 2]), "array=/a/b; chunk=1/2");
        assert_eq!(of_chunk("/é (1)", &[]), "array=/%C3%A9 %281%29; chunk=");
        let long = of_chunk(&format!("/{}x{}", "a".repeat(300), "b".repeat(300)), &[u32::MAX; 20]);
        let (path, chunk) = long.split_once("; chunk=").unwrap_or_default();
        assert_eq!(path.len(), "array=".len() + 256);
        assert_eq!(chunk.len(), 64);
        assert!(path.contains("aaa...bbb"));
    }

    #[test]
    fn a_label_ends_with_its_call() {
        assert!(current().is_none());
        with("x".to_owned(), || assert_eq!(current().map(|label| label.0.to_string()), Some("x".to_owned())));
        assert!(current().is_none());
    }
}
