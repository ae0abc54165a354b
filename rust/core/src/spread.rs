//! Where the changes of a session fall among the manifests that an array has.

use crate::chunk_reader::ManifestIndex;
use crate::chunk_table::{ChunkRows, ChunkTable, RowView};
use crate::region::{self, BoundingBox, Extent};

/// New references outside all manifests, in one bounding box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// Around them.
    pub extents: Vec<Extent>,
    /// How many.
    pub count: usize,
}

/// Where changes fall.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spread {
    /// The numbers of the boxes that hold a change, ascending.
    pub touched: Vec<usize>,
    /// What is set outside of them, in groups of consecutive values of the first axis.
    pub outside: Vec<Outside>,
}

impl Spread {
    /// The changes of `changes` in `grid` among `boxes`, which do not overlap.
    ///
    /// The groups outside do not overlap each other.  They do not meet a box either if that can be had by cutting
    /// between two values of the first axis.
    #[must_use]
    pub fn of(changes: &ChunkTable, grid: &[Extent], boxes: Vec<Vec<Extent>>) -> Self {
        let rows = changes.rows();
        if boxes.is_empty() && !rows.is_empty() && !rows.any_deleted() && rows.lie_in(grid) {
            return Self { touched: Vec::new(), outside: vec![around_all(&rows)] };
        }
        let mut touched = vec![false; boxes.len()];
        let mut outside = Vec::new();
        let index = ManifestIndex::new(boxes.clone(), grid.len());
        let mut last: Option<usize> = None;
        for row in 0..rows.len() {
            let coords = rows.coords(row);
            if !region::contains(grid, coords) {
                continue;
            }
            let is_in = |number: &usize| boxes.get(*number).is_some_and(|region| region::contains(region, coords));
            last = last.filter(is_in).or_else(|| index.find(coords));
            match last {
                Some(number) => {
                    if let Some(known) = touched.get_mut(number) {
                        *known = true;
                    }
                }
                None if matches!(rows.view(row), RowView::Deleted) => {}
                None => outside.push(row),
            }
        }
        let touched = touched.iter().enumerate().filter(|(_, is)| **is).map(|(number, _)| number).collect();
        Self { touched, outside: grouped(&rows, &outside, &boxes) }
    }
}

fn meets_any(extents: &[Extent], boxes: &[Vec<Extent>]) -> bool {
    boxes.iter().any(|known| region::intersects(known, extents))
}

fn around(rows: &ChunkRows, chosen: &[usize]) -> Outside {
    let mut bounds = BoundingBox::default();
    for &row in chosen {
        bounds.add(rows.coords(row));
    }
    Outside { extents: bounds.into_extents(), count: chosen.len() }
}

fn around_all(rows: &ChunkRows) -> Outside {
    let mut bounds = BoundingBox::default();
    for row in 0..rows.len() {
        bounds.add(rows.coords(row));
    }
    Outside { extents: bounds.into_extents(), count: rows.len() }
}

fn grouped(rows: &ChunkRows, outside: &[usize], boxes: &[Vec<Extent>]) -> Vec<Outside> {
    if outside.is_empty() {
        return Vec::new();
    }
    let all = around(rows, outside);
    if !meets_any(&all.extents, boxes) {
        return vec![all];
    }
    let mut groups: Vec<Outside> = Vec::new();
    for chosen in outside.chunk_by(|&a, &b| rows.coords(a).first() == rows.coords(b).first()) {
        let next = around(rows, chosen);
        match groups.last_mut() {
            Some(open) if !meets_any(&joined(&open.extents, &next.extents), boxes) => {
                open.extents = joined(&open.extents, &next.extents);
                open.count += next.count;
            }
            _ => groups.push(next),
        }
    }
    groups
}

fn joined(a: &[Extent], b: &[Extent]) -> Vec<Extent> {
    a.iter().zip(b).map(|(a, b)| (a.0.min(b.0), a.1.max(b.1))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Change, ChunkRef};

    fn table(rows: &[([u32; 2], bool)]) -> ChunkTable {
        let table = ChunkTable::new(2);
        for (coords, set) in rows {
            let change = if *set { Change::Set(ChunkRef::Inline("x".into())) } else { Change::Deleted };
            table.set(coords, change).unwrap();
        }
        table
    }

    #[test]
    fn an_append_is_one_group() {
        let changes = table(&[([4, 0], true), ([4, 3], true), ([5, 1], true)]);
        let spread = Spread::of(&changes, &[(0, 9), (0, 9)], vec![vec![(0, 2), (0, 4)], vec![(2, 4), (0, 4)]]);
        let outside = Outside { extents: vec![(4, 6), (0, 4)], count: 3 };
        assert_eq!(spread, Spread { touched: vec![], outside: vec![outside] });
    }

    #[test]
    fn groups_before_and_after_a_box_stay_apart() {
        let changes = table(&[([0, 0], true), ([5, 5], false), ([9, 0], true), ([8, 8], false)]);
        let spread = Spread::of(&changes, &[(0, 10), (0, 10)], vec![vec![(3, 6), (0, 10)]]);
        assert_eq!(spread.touched, vec![0]);
        assert_eq!(spread.outside.len(), 2);
    }

    proptest! {
        #[test]
        fn every_change_is_in_a_touched_box_or_in_a_group(
            rows in proptest::collection::vec((proptest::array::uniform2(0u32..8), any::<bool>()), 0..30),
            cuts in proptest::collection::btree_set(0u32..8, 0..5),
            height in 1u32..8,
        ) {
            let cuts: Vec<u32> = cuts.into_iter().collect();
            let boxes: Vec<Vec<Extent>> =
                cuts.windows(2).map(|pair| vec![(pair[0], pair[1]), (0, height)]).collect();
            let grid = [(0, 7), (0, 7)];
            let changes = table(&rows);
            let spread = Spread::of(&changes, &grid, boxes.clone());
            let mut counted = 0;
            let sorted = changes.rows();
            for row in 0..sorted.len() {
                let coords = sorted.coords(row);
                if !region::contains(&grid, coords) {
                    continue;
                }
                if let Some(number) = boxes.iter().position(|region| region::contains(region, coords)) {
                    prop_assert!(spread.touched.contains(&number));
                } else if !matches!(sorted.view(row), RowView::Deleted) {
                    counted += 1;
                    let groups = spread.outside.iter().filter(|group| region::contains(&group.extents, coords));
                    prop_assert_eq!(groups.count(), 1);
                }
            }
            prop_assert_eq!(counted, spread.outside.iter().map(|group| group.count).sum::<usize>());
        }
    }
}
