//! The locations of many references, row by row.

use std::collections::{HashMap, HashSet};

use super::column::Column;
use super::location_arena::LocationArena;

/// Locations of consecutive rows that repeat few of them.
#[derive(Debug, Default)]
pub struct LocationBlock {
    distinct: LocationArena,
    rows: Column,
}

impl LocationBlock {
    /// Add the location of the next row.
    pub fn push(&mut self, location: &str) {
        self.rows.push(self.distinct.intern(location) as u64);
    }

    /// The next row has the same location as the one before.
    pub fn repeat(&mut self) {
        let last = self.rows.len().checked_sub(1).map_or(0, |row| self.rows.get(row));
        self.rows.push(last);
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every location once, but for equal ones that are far apart.
    #[must_use]
    pub fn distinct(&self) -> Vec<String> {
        self.distinct.texts()
    }

    /// Which of the distinct ones `row` has.
    pub(super) fn number(&self, row: usize) -> usize {
        usize::try_from(self.rows.get(row)).unwrap_or(usize::MAX)
    }

    /// How many distinct ones.
    pub(super) fn num_distinct(&self) -> usize {
        self.distinct.len()
    }
}

/// Locations of any number of rows, block by block.
#[derive(Debug, Default)]
pub struct LocationColumn {
    blocks: Vec<LocationBlock>,
    length: usize,
}

impl LocationColumn {
    /// Rows of a block.
    pub const BLOCK: usize = 1 << 16;

    /// Add the location of the next row.
    pub fn push(&mut self, location: &str) {
        if self.length.is_multiple_of(Self::BLOCK) {
            self.blocks.push(LocationBlock::default());
        }
        if let Some(block) = self.blocks.last_mut() {
            block.push(location);
            self.length += 1;
        }
    }

    /// The next row has the same location as the one before.
    pub fn repeat(&mut self) {
        match self.blocks.last_mut() {
            Some(block) if block.len() < Self::BLOCK => {
                block.repeat();
                self.length += 1;
            }
            Some(block) => {
                let last = block.distinct.get(block.number(block.len().saturating_sub(1)));
                self.push(&last);
            }
            None => {}
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The rows, `BLOCK` of them at a time.
    #[must_use]
    pub fn blocks(&self) -> &[LocationBlock] {
        &self.blocks
    }

    /// Visit the location of every row: its row, the location, and whether the row before has the same.
    fn each(&self, mut visit: impl FnMut(usize, &str, bool)) {
        let mut row = 0;
        for block in &self.blocks {
            let texts = block.distinct();
            let mut last = None;
            for at in 0..block.len() {
                let number = block.number(at);
                visit(row, texts.get(number).map_or("", String::as_str), last == Some(number));
                last = Some(number);
                row += 1;
            }
        }
    }

    /// The rows that `keep` marks by anything but 0.
    #[must_use]
    pub fn filtered(&self, keep: &[u8]) -> Self {
        let mut kept = Self::default();
        let mut last_kept = None;
        self.each(|row, location, same| {
            if keep.get(row).is_some_and(|mark| *mark != 0) {
                match same && row.checked_sub(1) == last_kept && last_kept.is_some() {
                    true => kept.repeat(),
                    false => kept.push(location),
                }
                last_kept = Some(row);
            }
        });
        kept
    }

    /// The same with other locations in the place of some.
    #[must_use]
    pub fn replaced(&self, new: &HashMap<String, String>) -> Self {
        let mut column = Self::default();
        self.each(|_, location, same| match same {
            true => column.repeat(),
            false => column.push(new.get(location).map_or(location, String::as_str)),
        });
        column
    }

    /// The rows whose location is one of `wanted`.
    #[must_use]
    pub fn rows_of(&self, wanted: &HashSet<String>) -> Vec<usize> {
        let mut rows = Vec::new();
        let mut before = 0;
        for block in &self.blocks {
            let is_wanted: Vec<bool> = block.distinct().iter().map(|location| wanted.contains(location)).collect();
            if is_wanted.contains(&true) {
                let marked = |at: &usize| is_wanted.get(block.number(*at)).copied().unwrap_or(false);
                rows.extend((0..block.len()).filter(marked).map(|at| before + at));
            }
            before += block.len();
        }
        rows
    }

    /// Every location.
    #[must_use]
    pub fn to_vec(&self) -> Vec<String> {
        let mut all = Vec::with_capacity(self.length);
        self.each(|_, location, _| all.push(location.to_owned()));
        all
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn column(texts: &[String]) -> LocationColumn {
        let mut column = LocationColumn::default();
        for (row, text) in texts.iter().enumerate() {
            match row.checked_sub(1).and_then(|before| texts.get(before)) == Some(text) {
                true => column.repeat(),
                false => column.push(text),
            }
        }
        column
    }

    proptest! {
        #[test]
        fn holds_what_a_vector_would(
            rows in proptest::collection::vec(("s3://b/[a-c]{0,2}|", any::<bool>()), 0..80),
            wanted in proptest::collection::hash_set("s3://b/[a-c]{0,2}|", 0..3),
        ) {
            let texts: Vec<String> = rows.iter().map(|(text, _)| text.clone()).collect();
            let column = column(&texts);
            prop_assert_eq!(column.len(), texts.len());
            prop_assert_eq!(column.to_vec(), texts.clone());
            let keep: Vec<u8> = rows.iter().map(|(_, keep)| u8::from(*keep)).collect();
            let kept: Vec<String> = rows.iter().filter(|(_, keep)| *keep).map(|(text, _)| text.clone()).collect();
            prop_assert_eq!(column.filtered(&keep).to_vec(), kept);
            let found: Vec<usize> = (0..texts.len()).filter(|&row| wanted.contains(&texts[row])).collect();
            prop_assert_eq!(column.rows_of(&wanted), found);
            let new: HashMap<String, String> = wanted.iter().map(|text| (text.clone(), format!("{text}!"))).collect();
            let replaced: Vec<String> = texts.iter().map(|text| new.get(text).unwrap_or(text).clone()).collect();
            prop_assert_eq!(column.replaced(&new).to_vec(), replaced);
        }
    }

    #[test]
    fn a_repetition_goes_on_in_the_next_block() {
        let mut column = LocationColumn::default();
        column.push("s3://b/a");
        (0..LocationColumn::BLOCK + 1).for_each(|_| column.repeat());
        assert_eq!((column.len(), column.blocks().len()), (LocationColumn::BLOCK + 2, 2));
        assert!(column.to_vec().iter().all(|text| text == "s3://b/a"));
    }
}
