//! Many similar strings in little memory.

use std::hash::{DefaultHasher, Hasher};

use super::column::Column;

// Every so many texts one is stored whole; the others say how much they share with the one before.
const BLOCK: usize = 16;
const CACHE: usize = 1024;

/// Locations by number, front-coded; equal ones get one number if they come close together.
#[derive(Debug, Clone, Default)]
pub struct LocationArena {
    bytes: Vec<u8>,
    blocks: Column,
    length: usize,
    last: Vec<u8>,
    longest: usize,
    /// Number + 1 of a text that has this hash, 0 if none.
    cache: Vec<u32>,
}

fn put_varint(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0_usize;
    for shift in (0..usize::BITS).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Turn the text before into the next of `rest`.
fn take_text(rest: &mut &[u8], text: &mut Vec<u8>) -> Option<()> {
    let (shared, length) = (take_varint(rest)?, take_varint(rest)?);
    let (suffix, after) = rest.split_at_checked(length)?;
    text.truncate(shared);
    text.extend_from_slice(suffix);
    *rest = after;
    Some(())
}

impl LocationArena {
    /// How many texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// The number of `text`, which is stored unless it was met lately.
    pub fn intern(&mut self, text: &str) -> usize {
        if self.length > 0 && self.last == text.as_bytes() {
            return self.length - 1;
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(text.as_bytes());
        let place = (hasher.finish() % CACHE as u64) as usize;
        if self.cache.is_empty() && self.length > 0 {
            self.cache = vec![0; CACHE];
        }
        if let Some(known) = self.cache.get(place).and_then(|&known| (known as usize).checked_sub(1))
            && self.matches(known, text)
        {
            return known;
        }
        let number = self.push(text.as_bytes());
        if let (Some(entry), Ok(known)) = (self.cache.get_mut(place), u32::try_from(number + 1)) {
            *entry = known;
        }
        number
    }

    fn matches(&self, number: usize, text: &str) -> bool {
        let mut known = Vec::with_capacity(text.len());
        self.read_bytes(number, &mut known);
        known == text.as_bytes()
    }

    /// Bytes of the longest text.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest
    }

    fn push(&mut self, text: &[u8]) -> usize {
        self.longest = self.longest.max(text.len());
        let shared = if self.length.is_multiple_of(BLOCK) {
            self.blocks.push(self.bytes.len() as u64);
            0
        } else {
            self.last.iter().zip(text).take_while(|(a, b)| a == b).count()
        };
        let suffix = text.get(shared..).unwrap_or_default();
        put_varint(&mut self.bytes, shared);
        put_varint(&mut self.bytes, suffix.len());
        self.bytes.extend_from_slice(suffix);
        self.last.truncate(shared);
        self.last.extend_from_slice(suffix);
        if shared == 0 {
            self.last.clear();
            self.last.extend_from_slice(text);
        }
        self.length += 1;
        self.length - 1
    }

    fn read_bytes(&self, number: usize, into: &mut Vec<u8>) {
        into.clear();
        if number >= self.length {
            return;
        }
        let start = usize::try_from(self.blocks.get(number / BLOCK)).unwrap_or(usize::MAX);
        let mut rest = self.bytes.get(start..).unwrap_or_default();
        for _ in 0..=number % BLOCK {
            if take_text(&mut rest, into).is_none() {
                return;
            }
        }
    }

    /// All texts in the order of their numbers, at the cost of one pass.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let (mut rest, mut text) = (self.bytes.as_slice(), Vec::new());
        let mut texts = Vec::with_capacity(self.length);
        while texts.len() < self.length && take_text(&mut rest, &mut text).is_some() {
            texts.push(String::from_utf8(text.clone()).unwrap_or_default());
        }
        texts
    }

    /// Text `number`, empty if there is none.
    #[must_use]
    pub fn get(&self, number: usize) -> String {
        let mut text = Vec::new();
        self.read_bytes(number, &mut text);
        String::from_utf8(text).unwrap_or_default()
    }

    /// Memory held.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        self.bytes.capacity() + self.blocks.nbytes() + self.last.capacity() + 4 * self.cache.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn gives_back_what_was_put_in(texts in proptest::collection::vec("(s3://b/ä?[a-c]{0,4}|.{0,6})", 0..100)) {
            let mut arena = LocationArena::default();
            let numbers: Vec<usize> = texts.iter().map(|text| arena.intern(text)).collect();
            for (text, number) in texts.iter().zip(numbers) {
                prop_assert_eq!(&arena.get(number), text);
            }
            prop_assert_eq!(arena.get(arena.len()), "");
            prop_assert_eq!(arena.texts(), (0..arena.len()).map(|number| arena.get(number)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_few_files_in_any_order_are_stored_once() {
        let mut arena = LocationArena::default();
        for step in 0..10_000 {
            arena.intern(&format!("s3://bucket/file-{}.nc", step * 7 % 50));
        }
        assert!(arena.len() < 100, "{}", arena.len());
    }
}
