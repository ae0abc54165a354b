//! One look-up from a Zarr key to its bytes (format section 14.1).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use crate::assets::Assets;
use crate::chunk_reader::{Chunk, ChunkReader, Peek, ReadRange};
use crate::error::{Result, Within};
use crate::storage::Started;
use crate::storage::remote::label;
use crate::sync::RwLock;

/// What a key names, by the grammar alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParsedKey<'a> {
    /// The metadata of the node at a path; the root's is empty.
    Metadata(&'a str),
    /// A chunk of the array at a path.
    Chunk(&'a str, Vec<u32>),
}

/// Take a key apart; none if it is not of the grammar, which this library's callers then judge.
///
/// The last segment `c` that only decimal indices follow ends the path of the array, so arrays may be named `c` or `0`.
#[must_use]
pub fn parse(key: &str) -> Option<ParsedKey<'_>> {
    let key = key.strip_prefix('/').unwrap_or(key);
    if key.starts_with('/') {
        return None;
    }
    let (path, last) = split_last(key);
    if last == "zarr.json" {
        return is_path(path).then_some(ParsedKey::Metadata(path));
    }
    let (mut rest, mut segment) = (path, last);
    let mut coords = Vec::new();
    while segment != "c" {
        coords.push(decimal(segment)?);
        if rest.is_empty() {
            return None;
        }
        (rest, segment) = split_last(rest);
    }
    coords.reverse();
    is_path(rest).then_some(ParsedKey::Chunk(rest, coords))
}

fn split_last(key: &str) -> (&str, &str) {
    key.rsplit_once('/').unwrap_or(("", key))
}

fn is_path(path: &str) -> bool {
    path.is_empty() || path.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// Digits without a sign or leading zeros.
fn decimal(text: &str) -> Option<u32> {
    let canonical = text == "0" || !text.starts_with('0');
    if canonical && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// What a key leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<T> {
    /// An answer.
    Known(T),
    /// A key that is not of the grammar, or of a node that is not registered.
    Unknown,
}

#[derive(Debug)]
struct Entry {
    metadata: Option<Bytes>,
    reader: Option<Arc<ChunkReader>>,
}

/// The nodes whose keys can be answered; safe to share between threads.
#[derive(Debug, Default)]
pub struct KeyReader {
    /// By path without the leading slash.
    nodes: RwLock<HashMap<Box<str>, Arc<Entry>>>,
}

impl KeyReader {
    /// No nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answer for the node at the absolute `path`; a group has no reader.
    pub fn register(&self, path: &str, metadata: Option<Bytes>, reader: Option<Arc<ChunkReader>>) {
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        nodes.insert(relative(path).into(), Arc::new(Entry { metadata, reader }));
    }

    /// Drop one node, or all.
    pub fn forget(&self, path: Option<&str>) {
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        match path {
            Some(path) => drop(nodes.remove(relative(path))),
            None => nodes.clear(),
        }
    }

    fn entry(&self, path: &str) -> Option<Arc<Entry>> {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    /// The place of a key: a document, or a chunk and its reader.
    fn place(&self, key: &str) -> Option<Place> {
        match parse(key)? {
            ParsedKey::Metadata(path) => self.entry(path)?.metadata.clone().map(Place::Document),
            ParsedKey::Chunk(path, coords) => {
                self.entry(path)?.reader.clone().map(|reader| Place::Chunk(reader, coords))
            }
        }
    }

    /// What is known of a key without any input or output, and otherwise what is left to do.
    ///
    /// Ranges of documents are cut to what there is; those of chunks must be inside.
    pub fn peek(&self, key: &str, range: ReadRange) -> Result<Found<Step>> {
        Ok(match self.place(key) {
            None => Found::Unknown,
            Some(Place::Document(document)) => Found::Known(Step::Done(Chunk::Bytes(cut(&document, range)))),
            Some(Place::Chunk(reader, coords)) => {
                Found::Known(match reader.peek(&coords, range).within(|| context(key))? {
                    Peek::Ready(chunk) => Step::Done(chunk),
                    known => Step::Left(Pending { reader, coords, range, known }),
                })
            }
        })
    }

    /// The bytes of a key, or the reference to them.
    pub fn read(&self, key: &str, range: ReadRange) -> Result<Found<Chunk>> {
        Ok(match self.peek(key, range)? {
            Found::Unknown => Found::Unknown,
            Found::Known(Step::Done(chunk)) => Found::Known(chunk),
            Found::Known(Step::Left(pending)) => Found::Known(pending.read(key)?),
        })
    }

    /// Whether there is something at a key; nothing is read but manifests.
    pub fn exists(&self, key: &str) -> Result<Found<bool>> {
        Ok(match self.place(key) {
            None => Found::Unknown,
            Some(Place::Document(_)) => Found::Known(true),
            Some(Place::Chunk(reader, coords)) => {
                Found::Known(reader.lookup(&coords).within(|| format!("exists key={key}"))?.is_some())
            }
        })
    }
}

impl KeyReader {
    /// Stored bytes of a key, 0 for a chunk that does not exist; nothing is read but manifests.
    pub fn size(&self, key: &str) -> Result<Found<u64>> {
        Ok(match self.place(key) {
            None => Found::Unknown,
            Some(Place::Document(document)) => Found::Known(document.len() as u64),
            Some(Place::Chunk(reader, coords)) => {
                let found = reader.lookup(&coords).within(|| format!("getsize key={key}"))?;
                Found::Known(found.map_or(0, |reference| reference.length()))
            }
        })
    }

    /// As `size`, without any input or output; none if a manifest has to be read first.
    pub fn cached_size(&self, key: &str) -> Result<Option<Found<u64>>> {
        Ok(match self.place(key) {
            None => Some(Found::Unknown),
            Some(Place::Document(document)) => Some(Found::Known(document.len() as u64)),
            Some(Place::Chunk(reader, coords)) => {
                reader.length_cached(&coords).within(|| format!("getsize key={key}"))?.map(Found::Known)
            }
        })
    }
}

enum Place {
    Document(Bytes),
    Chunk(Arc<ChunkReader>, Vec<u32>),
}

/// How far a read came.
#[derive(Debug)]
pub enum Step {
    /// To the end.
    Done(Chunk),
    /// To the point where something has to be read.
    Left(Pending),
}

/// A chunk that has to be read.
#[derive(Debug)]
pub struct Pending {
    reader: Arc<ChunkReader>,
    coords: Vec<u32>,
    range: ReadRange,
    known: Peek,
}

impl Pending {
    /// Read it; `key` is what it was asked for by.
    pub fn read(self, key: &str) -> Result<Chunk> {
        let assets = Arc::clone(self.reader.assets());
        labelled(&assets, key, || self.reader.finish(self.known, &self.coords, self.range)).within(|| context(key))
    }

    /// Start reading it, where the store can do so; `done` is told the bytes by one of its threads.
    ///
    /// None if it can only be read by waiting.
    pub fn start(&self, key: &str, done: impl FnOnce(Result<Bytes>) + Send + 'static) -> Result<Option<Started>> {
        let Peek::Stored { whole, from, to } = self.known else { return Ok(None) };
        let assets = self.reader.assets();
        let operation = context(key);
        let done = move |found: Result<Bytes>| done(found.within(|| operation));
        labelled(assets, key, || assets.start_chunk_part(whole, from, to, done)).within(|| context(key))
    }

    /// Whether a manifest has to be read before more is known.
    #[must_use]
    pub fn needs_manifest(&self) -> bool {
        self.known == Peek::Unknown
    }

    /// Whether the chunk exists; none if a manifest has to be read first.
    #[must_use]
    pub fn exists(&self) -> Option<bool> {
        matches!(self.known, Peek::Stored { .. }).then_some(true)
    }

    /// Whether that is a single read of at most `limit` bytes from memory or a local disk.
    #[must_use]
    pub fn is_quick(&self, limit: u64) -> bool {
        self.known.is_short(limit) && self.reader.assets().store().is_local()
    }
}

/// Do `call` so that requests say which chunk they are for.
fn labelled<T>(assets: &Assets, key: &str, call: impl FnOnce() -> T) -> T {
    match parse(key) {
        Some(ParsedKey::Chunk(path, coords)) if !assets.store().is_local() => {
            label::with(label::of_chunk(&format!("/{path}"), &coords), call)
        }
        _ => call(),
    }
}

fn context(key: &str) -> String {
    format!("get key={key}")
}

fn relative(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}

fn cut(document: &Bytes, range: ReadRange) -> Bytes {
    let (from, to) = range.clamped(document.len() as u64);
    let inside = |position: u64| usize::try_from(position).unwrap_or(document.len()).min(document.len());
    document.slice(inside(from)..inside(to))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk<'a>(path: &'a str, coords: &[u32]) -> Option<ParsedKey<'a>> {
        Some(ParsedKey::Chunk(path, coords.to_vec()))
    }

    #[test]
    fn keys_of_the_grammar() {
        assert_eq!(parse("zarr.json"), Some(ParsedKey::Metadata("")));
        assert_eq!(parse("/a/b/zarr.json"), Some(ParsedKey::Metadata("a/b")));
        assert_eq!(parse("a/c/0/1"), chunk("a", &[0, 1]));
        assert_eq!(parse("c"), chunk("", &[]));
        assert_eq!(parse("a/c"), chunk("a", &[]));
        assert_eq!(parse("c/4294967295"), chunk("", &[u32::MAX]));
    }

    #[test]
    fn names_with_c_and_digits() {
        assert_eq!(parse("cc/c/c/0"), chunk("cc/c", &[0]));
        assert_eq!(parse("c/c"), chunk("c", &[]));
        assert_eq!(parse("c/0/c/1"), chunk("c/0", &[1]));
        assert_eq!(parse("7/c/1"), chunk("7", &[1]));
        assert_eq!(parse("a/c/0/zarr.json"), Some(ParsedKey::Metadata("a/c/0")));
    }

    #[test]
    fn other_keys() {
        for key in [
            "",
            "/",
            "a",
            "abc",
            "a/0",
            "0/1",
            "a/c/",
            "a/c/01",
            "a/c/+1",
            "a/c/-1",
            "a/c/4294967296",
            "a/c/x",
            "//c/0",
            "//zarr.json",
            "//zarr.json",
            "a//c/0",
            "a/../c/0",
            "./zarr.json",
            "zarr.json/",
            "azarr.json",
            "a/c0/0",
            "a/arrc/0",
            "a/c/0//1",
            "a/.zarray",
            "a/c/1.0",
            "a/c/٣",
        ] {
            assert_eq!(parse(key), None, "{key}");
        }
    }

    proptest! {
        #[test]
        fn every_chunk_key_is_taken_apart_again(
            path in proptest::collection::vec("c|0|12|[a-c]{1,3}|zarr.json", 0..4),
            coords in proptest::collection::vec(any::<u32>(), 0..4)
        ) {
            let path = path.join("/");
            let mut key = if path.is_empty() { "c".to_owned() } else { format!("{path}/c") };
            coords.iter().for_each(|index| key.push_str(&format!("/{index}")));
            prop_assert_eq!(parse(&key), chunk(&path, &coords));
        }

        #[test]
        fn no_key_makes_it_panic(key in "\\PC*|[c/0-9.]{0,12}") {
            let _ = parse(&key);
        }
    }
}
