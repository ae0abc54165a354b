//! What the requests of this thread are for, told in their User-Agent header.

use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    static LABELS: RefCell<Labels> = RefCell::default();
}

tokio::task_local! {
    /// Of the requests that the library makes for the parts of an upload, which it tells nothing.
    static OF_PARTS: Option<RequestLabel>;
}

/// Do `work`, whose requests are all for what `label` says, if nothing else is said of them.
pub async fn in_parts<T>(label: Option<RequestLabel>, work: impl Future<Output = T>) -> T {
    OF_PARTS.scope(label, work).await
}

/// The label of this task.
pub fn of_parts() -> Option<RequestLabel> {
    OF_PARTS.try_with(Clone::clone).ok().flatten()
}

/// What the requests of a call are for: one text for all of them, or one for each request of a batch.
#[derive(Debug, Clone, Default)]
pub struct Labels(Arc<[RequestLabel]>);

impl Labels {
    /// That of a request by its place in the batch.
    #[must_use]
    pub fn of(&self, number: usize) -> Option<RequestLabel> {
        self.0.get(number).or(self.0.first()).cloned()
    }
}

const LONGEST_PATH: usize = 256;
const LONGEST_CHUNK: usize = 64;
/// Stands for what is left out.
const GAP: &str = "...";

/// The label as it travels with a request.
#[derive(Debug, Clone)]
pub struct RequestLabel(pub Arc<str>);

/// The label of requests for a chunk of the array at `path`.
#[must_use]
pub fn of_chunk(path: &str, coords: &[u32]) -> String {
    of_chunks(path, coords, coords)
}

/// The label of a request for several chunks of the array at `path`, of which these are the first and the last.
#[must_use]
pub fn of_chunks(path: &str, first: &[u32], last: &[u32]) -> String {
    let text = |coords: &[u32]| coords.iter().map(u32::to_string).collect::<Vec<_>>().join("/");
    let chunk = if first == last { text(first) } else { format!("{}{GAP}{}", text(first), text(last)) };
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
    with_each(vec![label], call)
}

/// Make `call`, which sends one batch, with a label for each of its requests.
pub fn with_each<T>(labels: Vec<String>, call: impl FnOnce() -> T) -> T {
    let labels = labels.into_iter().map(|label| RequestLabel(label.into())).collect();
    let before = LABELS.replace(Labels(labels));
    let result = call();
    LABELS.replace(before);
    result
}

/// The labels of this thread.
#[must_use]
pub fn current() -> Labels {
    LABELS.with_borrow(Labels::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_and_harmless() {
        assert_eq!(of_chunk("/a/b", &[1, 2]), "array=/a/b; chunk=1/2");
        assert_eq!(of_chunk("/é (1)", &[]), "array=/%C3%A9 %281%29; chunk=");
        assert_eq!(of_chunks("/a", &[0, 0], &[2, 1]), "array=/a; chunk=0/0...2/1");
        let long = of_chunk(&format!("/{}x{}", "a".repeat(300), "b".repeat(300)), &[u32::MAX; 20]);
        let (path, chunk) = long.split_once("; chunk=").unwrap_or_default();
        assert_eq!(path.len(), "array=".len() + 256);
        assert_eq!(chunk.len(), 64);
        assert!(path.contains("aaa...bbb"));
    }

    #[test]
    fn a_label_ends_with_its_call() {
        let text = |number| current().of(number).map(|label| label.0.to_string());
        assert!(text(0).is_none());
        with("x".to_owned(), || assert_eq!(text(3).as_deref(), Some("x")));
        with_each(vec!["x".to_owned(), "y".to_owned()], || assert_eq!(text(1).as_deref(), Some("y")));
        assert!(text(0).is_none());
    }
}
