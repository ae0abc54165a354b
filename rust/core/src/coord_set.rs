//! A sorted set of chunk coordinates.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Sorted, distinct rows of coordinates, which may differ in length: old logs hold what old writers accepted.
#[derive(Clone, Default)]
pub struct CoordSet {
    rows: Arc<Rows>,
}

#[derive(Default)]
struct Rows {
    length: usize,
    data: Vec<u32>,
    shape: Shape,
}

/// Where rows end in the data.
enum Shape {
    Uniform(usize),
    Mixed(Vec<usize>),
}

impl Default for Shape {
    fn default() -> Self {
        Self::Uniform(0)
    }
}

impl Rows {
    fn row(&self, index: usize) -> &[u32] {
        let (start, end) = match &self.shape {
            Shape::Uniform(rank) => (index * rank, (index + 1) * rank),
            Shape::Mixed(ends) => {
                let start = index.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
                (start, ends.get(index).copied().unwrap_or(start))
            }
        };
        self.data.get(start..end).unwrap_or_default()
    }

    fn push(&mut self, row: &[u32]) {
        if self.length == 0 {
            self.shape = Shape::Uniform(row.len());
        }
        match &mut self.shape {
            Shape::Uniform(rank) if *rank == row.len() => {}
            Shape::Uniform(rank) => {
                let mut ends: Vec<usize> = (1..=self.length).map(|count| count * *rank).collect();
                ends.push(self.data.len() + row.len());
                self.shape = Shape::Mixed(ends);
            }
            Shape::Mixed(ends) => ends.push(self.data.len() + row.len()),
        }
        self.data.extend_from_slice(row);
        self.length += 1;
    }
}

/// Collects rows in any order.
#[derive(Default)]
pub struct CoordSetBuilder {
    rows: Rows,
    ordered: bool,
}

impl CoordSetBuilder {
    /// No rows yet.
    #[must_use]
    pub fn new() -> Self {
        Self { rows: Rows::default(), ordered: true }
    }

    /// Add a row.
    pub fn push(&mut self, row: &[u32]) {
        if let Some(last) = self.rows.length.checked_sub(1) {
            match self.rows.row(last).cmp(row) {
                Ordering::Less => {}
                Ordering::Equal => return,
                Ordering::Greater => self.ordered = false,
            }
        }
        self.rows.push(row);
    }

    /// The set of the rows.
    #[must_use]
    pub fn finish(mut self) -> CoordSet {
        if !self.ordered {
            let mut order: Vec<usize> = (0..self.rows.length).collect();
            order.sort_unstable_by(|&a, &b| self.rows.row(a).cmp(self.rows.row(b)));
            let mut sorted = Self::new();
            for index in order {
                sorted.push(self.rows.row(index));
            }
            self = sorted;
        }
        self.rows.data.shrink_to_fit();
        CoordSet { rows: Arc::new(self.rows) }
    }
}

impl CoordSet {
    /// The set of `length` rows of `rank` indices each, which ascend.
    pub(crate) fn from_ascending(rank: usize, length: usize, data: Vec<u32>) -> Self {
        Self { rows: Arc::new(Rows { length, data, shape: Shape::Uniform(rank) }) }
    }

    /// The set of `rows`, in any order.
    pub fn from_rows<'a>(rows: impl IntoIterator<Item = &'a [u32]>) -> Self {
        let mut builder = CoordSetBuilder::new();
        for row in rows {
            builder.push(row);
        }
        builder.finish()
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.length
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.length == 0
    }

    /// How many indices all rows have together.
    #[must_use]
    pub fn num_indices(&self) -> usize {
        self.rows.data.len()
    }

    /// Row `index`, empty outside.
    #[must_use]
    pub fn row(&self, index: usize) -> &[u32] {
        self.rows.row(index)
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.len()).map(|index| self.row(index))
    }

    /// Whether `coords` is a row.
    #[must_use]
    pub fn contains(&self, coords: &[u32]) -> bool {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.row(middle).cmp(coords) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return true,
                Ordering::Greater => high = middle,
            }
        }
        false
    }

    /// The rows of either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.merged(other, |_| true)
    }

    /// The rows of both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.merged(other, Ordering::is_eq)
    }

    /// Walk both in order; `keep` is told how the row of `self` compares with that of `other`.
    fn merged(&self, other: &Self, keep: impl Fn(Ordering) -> bool) -> Self {
        let mut builder = CoordSetBuilder::new();
        let (mut left, mut right) = (0, 0);
        while left < self.len() || right < other.len() {
            let order = match (left < self.len(), right < other.len()) {
                (true, true) => self.row(left).cmp(other.row(right)),
                (true, false) => Ordering::Less,
                _ => Ordering::Greater,
            };
            let row = if order.is_gt() { other.row(right) } else { self.row(left) };
            if keep(order) {
                builder.push(row);
            }
            left += usize::from(order.is_le());
            right += usize::from(order.is_ge());
        }
        builder.finish()
    }
}

impl PartialEq for CoordSet {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for CoordSet {}

impl Hash for CoordSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.len().hash(state);
        self.rows.data.hash(state);
    }
}

impl std::fmt::Debug for CoordSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn rows() -> impl Strategy<Value = Vec<Vec<u32>>> {
        proptest::collection::vec(proptest::collection::vec(0u32..5, 0..3), 0..40)
    }

    fn set(rows: &[Vec<u32>]) -> CoordSet {
        CoordSet::from_rows(rows.iter().map(Vec::as_slice))
    }

    proptest! {
        #[test]
        fn behaves_as_a_set(a in rows(), b in rows()) {
            let (left, right): (BTreeSet<Vec<u32>>, BTreeSet<Vec<u32>>) = (a.iter().cloned().collect(), b.iter().cloned().collect());
            let list = |s: &CoordSet| s.iter().map(<[u32]>::to_vec).collect::<Vec<_>>();
            prop_assert_eq!(list(&set(&a)), left.iter().cloned().collect::<Vec<_>>());
            prop_assert_eq!(list(&set(&a).union(&set(&b))), left.union(&right).cloned().collect::<Vec<_>>());
            prop_assert_eq!(list(&set(&a).intersection(&set(&b))), left.intersection(&right).cloned().collect::<Vec<_>>());
            prop_assert_eq!(set(&a) == set(&b), left == right);
            for row in &b {
                prop_assert_eq!(set(&a).contains(row), left.contains(row));
            }
        }
    }
}
