//! Boxes of chunk coordinates, and the rows of a sorted sequence that lie in one.

use std::cmp::Ordering;

use crate::Result;

/// The chunk indices of one dimension: from, inclusive, to, exclusive.
pub type Extent = (u32, u32);

/// Whether `coords` lie in `region`.
#[must_use]
pub fn contains(region: &[Extent], coords: &[u32]) -> bool {
    region.len() == coords.len() && region.iter().zip(coords).all(|(&(from, to), &c)| from <= c && c < to)
}

/// Whether two regions of one rank have a coordinate in common.
#[must_use]
pub fn intersects(a: &[Extent], b: &[Extent]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0.max(b.0) < a.1.min(b.1))
}

/// Whether all of `inner` lies in `outer`.
#[must_use]
pub fn is_within(outer: &[Extent], inner: &[Extent]) -> bool {
    outer.len() == inner.len() && outer.iter().zip(inner).all(|(o, i)| o.0 <= i.0 && i.1 <= o.1)
}

/// The smallest region around coordinates added one by one.
#[derive(Debug, Clone, Default)]
pub struct BoundingBox {
    extents: Vec<Extent>,
    any: bool,
}

impl BoundingBox {
    /// Extend to hold `coords`.
    pub fn add(&mut self, coords: &[u32]) {
        if self.any {
            for (extent, &c) in self.extents.iter_mut().zip(coords) {
                *extent = (extent.0.min(c), extent.1.max(c.saturating_add(1)));
            }
        } else {
            self.extents = coords.iter().map(|&c| (c, c.saturating_add(1))).collect();
            self.any = true;
        }
    }

    /// The region; empty extents if nothing was added, or for rank 0.
    #[must_use]
    pub fn into_extents(self) -> Vec<Extent> {
        self.extents
    }
}

/// Rows of coordinates in lexicographic order.
pub trait SortedRows {
    /// How many.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How the coordinates of `row` compare with `coords`.
    fn compare(&self, row: usize, coords: &[u32]) -> Result<Ordering>;

    /// What is to be made of `row`, which has another number of coordinates than what is looked for: it is passed over.
    fn of_other_rank(&self, _row: usize, _rank: usize) -> Result<()> {
        Ok(())
    }

    /// Put the coordinates of `row` into `into`.
    fn read(&self, row: usize, into: &mut Vec<u32>) -> Result<()>;
}

/// The first row in `from..to` that is not before `coords`.
pub fn lower_bound<R: SortedRows + ?Sized>(rows: &R, from: usize, to: usize, coords: &[u32]) -> Result<usize> {
    let (mut low, mut high) = (from, to);
    while low < high {
        let middle = low.midpoint(high);
        if rows.compare(middle, coords)?.is_lt() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// The row of `coords`.
pub fn find<R: SortedRows + ?Sized>(rows: &R, coords: &[u32]) -> Result<Option<usize>> {
    let row = lower_bound(rows, 0, rows.len(), coords)?;
    Ok((row < rows.len() && rows.compare(row, coords)?.is_eq()).then_some(row))
}

/// As `find`, at once if it is row `guess`.
pub fn find_near<R: SortedRows + ?Sized>(rows: &R, coords: &[u32], guess: usize) -> Result<Option<usize>> {
    if guess < rows.len() && rows.compare(guess, coords)?.is_eq() {
        return Ok(Some(guess));
    }
    find(rows, coords)
}

/// Which one `coords` is if every chunk of `extents` exists.
pub fn place_in(extents: &[Extent], coords: &[u32]) -> usize {
    extents.iter().zip(coords).fold(0usize, |place, (&(from, to), &index)| {
        let (length, offset) = (to.saturating_sub(from), index.saturating_sub(from));
        place.saturating_mul(length as usize).saturating_add(offset as usize)
    })
}

/// As `lower_bound` to the end, quick if the row is near `from`.
fn gallop<R: SortedRows + ?Sized>(rows: &R, from: usize, coords: &[u32]) -> Result<usize> {
    let (mut low, mut step) = (from, 1_usize);
    while low < rows.len() {
        let probe = low.saturating_add(step).min(rows.len());
        if rows.compare(probe - 1, coords)?.is_ge() {
            return lower_bound(rows, low, probe, coords);
        }
        low = probe;
        step = step.saturating_mul(2);
    }
    Ok(low)
}

/// Visit the rows in `region`, in order, jumping over the others.
pub fn scan<R: SortedRows + ?Sized>(
    rows: &R,
    region: &[Extent],
    mut visit: impl FnMut(usize, &[u32]) -> Result<()>,
) -> Result<()> {
    if region.iter().any(|&(from, to)| from >= to) {
        return Ok(());
    }
    let start: Vec<u32> = region.iter().map(|&(from, _)| from).collect();
    let mut coords = Vec::with_capacity(region.len());
    let mut row = lower_bound(rows, 0, rows.len(), &start)?;
    while row < rows.len() {
        rows.read(row, &mut coords)?;
        if contains(region, &coords) {
            visit(row, &coords)?;
            row += 1;
        } else if coords.len() != region.len() {
            rows.of_other_rank(row, region.len())?;
            row += 1;
        } else if advance(&mut coords, region) {
            row = gallop(rows, row + 1, &coords)?;
        } else {
            break;
        }
    }
    Ok(())
}

/// Move coordinates outside `region` to the next that are inside, in row order; false if there are none.
fn advance(coords: &mut [u32], region: &[Extent]) -> bool {
    let outside = coords.iter().zip(region).position(|(&c, &(from, to))| c < from || c >= to);
    let Some(axis) = outside else { return true };
    let mut at = axis;
    let below = coords.iter().zip(region).nth(axis).is_some_and(|(&c, &(from, _))| c < from);
    if !below {
        // Past the end of this axis: the next step of an axis before it.
        let step = coords.iter().zip(region).take(axis).rposition(|(&c, &(_, to))| c + 1 < to);
        let Some(step) = step else { return false };
        if let Some(c) = coords.get_mut(step) {
            *c += 1;
        }
        at = step + 1;
    }
    for (c, &(from, _)) in coords.iter_mut().zip(region).skip(at) {
        *c = from;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl SortedRows for Vec<Vec<u32>> {
        fn len(&self) -> usize {
            Vec::len(self)
        }
        fn compare(&self, row: usize, coords: &[u32]) -> Result<Ordering> {
            Ok(self[row].as_slice().cmp(coords))
        }
        fn read(&self, row: usize, into: &mut Vec<u32>) -> Result<()> {
            into.clone_from(&self[row]);
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn scan_visits_exactly_the_rows_inside(
            rows in (0usize..4).prop_flat_map(|rank| proptest::collection::btree_set(proptest::collection::vec(0u32..7, rank), 0..120)),
            region in proptest::collection::vec((0u32..7, 0u32..8), 3),
        ) {
            let rows: Vec<Vec<u32>> = rows.into_iter().collect();
            let region = &region[..rows.first().map_or(0, Vec::len)];
            let mut seen = Vec::new();
            scan(&rows, region, |row, coords| {
                assert_eq!(rows[row], coords);
                seen.push(coords.to_vec());
                Ok(())
            }).unwrap();
            let expected: Vec<Vec<u32>> = rows.iter().filter(|coords| contains(region, coords)).cloned().collect();
            prop_assert_eq!(seen, expected);
            for (number, row) in rows.iter().enumerate() {
                prop_assert_eq!(find(&rows, row).unwrap(), Some(number));
            }
        }
    }
}
