//! Which manifest holds a coordinate.

use crate::region::{self, Extent};

/// At most this many manifests are tried one after the other.
const FEW: usize = 4;

/// The first of several regions, in their order, that contains a coordinate (format section 5.1).
///
/// Regions are grouped along the axis where they fall apart into most groups, and so on inside each group; manifests
/// that were split on a grid, or appended along one axis, are found by binary searches.  Regions that overlap along
/// every axis are tried in order.
#[derive(Debug)]
pub struct ManifestIndex {
    regions: Vec<Vec<Extent>>,
    root: Node,
}

#[derive(Debug)]
enum Node {
    /// Numbers of regions, in order.
    Leaf(Vec<usize>),
    /// Groups that do not overlap along `axis`, with their ranges there, in order.
    Split { axis: usize, groups: Vec<(Extent, Node)> },
}

impl ManifestIndex {
    /// The index of `regions`, of which those of another rank than `ndim` contain nothing.
    #[must_use]
    pub fn new(regions: Vec<Vec<Extent>>, ndim: usize) -> Self {
        let usable = regions.iter().enumerate().filter(|(_, region)| region.len() == ndim).map(|(number, _)| number);
        let root = build(&regions, usable.collect(), ndim);
        Self { regions, root }
    }

    /// The number of the first region that contains `coords`.
    #[must_use]
    pub fn find(&self, coords: &[u32]) -> Option<usize> {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(numbers) => {
                    let contains = |number: &&usize| {
                        self.regions.get(**number).is_some_and(|region| region::contains(region, coords))
                    };
                    return numbers.iter().find(contains).copied();
                }
                Node::Split { axis, groups } => {
                    let at = *coords.get(*axis)?;
                    let after = groups.partition_point(|((from, _), _)| *from <= at);
                    let ((_, to), inner) = groups.get(after.checked_sub(1)?)?;
                    if at >= *to {
                        return None;
                    }
                    node = inner;
                }
            }
        }
    }
}

fn build(regions: &[Vec<Extent>], numbers: Vec<usize>, ndim: usize) -> Node {
    if numbers.len() <= FEW {
        return Node::Leaf(numbers);
    }
    let best = (0..ndim).map(|axis| (axis, groups(regions, &numbers, axis))).max_by_key(|(_, groups)| groups.len());
    match best {
        Some((axis, groups)) if groups.len() > 1 => {
            let inner = groups.into_iter().map(|(extent, numbers)| (extent, build(regions, numbers, ndim)));
            Node::Split { axis, groups: inner.collect() }
        }
        _ => Node::Leaf(numbers),
    }
}

/// The regions grouped so that those of different groups do not overlap along `axis`; numbers stay in order.
fn groups(regions: &[Vec<Extent>], numbers: &[usize], axis: usize) -> Vec<(Extent, Vec<usize>)> {
    let extent = |number: usize| regions.get(number).and_then(|region| region.get(axis)).copied().unwrap_or((0, 0));
    let mut sorted: Vec<(Extent, usize)> = numbers.iter().map(|&number| (extent(number), number)).collect();
    sorted.sort_unstable();
    let mut groups: Vec<(Extent, Vec<usize>)> = Vec::new();
    for ((from, to), number) in sorted {
        match groups.last_mut() {
            Some(((_, end), members)) if from < *end => {
                *end = to.max(*end);
                members.push(number);
            }
            _ => groups.push(((from, to), vec![number])),
        }
    }
    for (_, members) in &mut groups {
        members.sort_unstable();
    }
    groups
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn first(regions: &[Vec<Extent>], coords: &[u32]) -> Option<usize> {
        regions.iter().position(|region| region::contains(region, coords))
    }

    fn depth(node: &Node) -> usize {
        match node {
            Node::Leaf(_) => 0,
            Node::Split { groups, .. } => 1 + groups.iter().map(|(_, inner)| depth(inner)).max().unwrap(),
        }
    }

    fn longest_leaf(node: &Node) -> usize {
        match node {
            Node::Leaf(numbers) => numbers.len(),
            Node::Split { groups, .. } => groups.iter().map(|(_, inner)| longest_leaf(inner)).max().unwrap(),
        }
    }

    #[test]
    fn a_grid_of_manifests_is_searched_not_scanned() {
        let cell = |i: u32| (i * 10, i * 10 + 10);
        let regions: Vec<Vec<Extent>> = (0..30).flat_map(|i| (0..30).map(move |j| vec![cell(i), cell(j)])).collect();
        let index = ManifestIndex::new(regions, 2);
        assert!(longest_leaf(&index.root) <= FEW);
        assert!(depth(&index.root) <= 2);
        assert_eq!(index.find(&[125, 37]), Some(12 * 30 + 3));
        assert_eq!(index.find(&[300, 0]), None);
    }

    #[test]
    fn a_thousand_appended_manifests_are_searched_not_scanned() {
        let regions = (0..1000).map(|i| vec![(i, i + 1), (0, 7)]).collect();
        let index = ManifestIndex::new(regions, 2);
        assert_eq!(longest_leaf(&index.root), 1);
        assert_eq!(index.find(&[999, 6]), Some(999));
        assert_eq!(index.find(&[999, 7]), None);
    }

    #[test]
    fn rank_zero_has_one_place() {
        let index = ManifestIndex::new(vec![vec![(0, 1)], vec![]], 0);
        assert_eq!(index.find(&[]), Some(1));
        assert_eq!(index.find(&[0]), None);
    }

    proptest! {
        #[test]
        fn the_first_region_that_contains_wins(
            corners in proptest::collection::vec(proptest::collection::vec((0u32..12, 0u32..5), 2), 0..25),
            coords in proptest::collection::vec((0u32..18, 0u32..18), 20)
        ) {
            let regions: Vec<Vec<Extent>> =
                corners.iter().map(|corner| corner.iter().map(|&(from, size)| (from, from + size)).collect()).collect();
            let index = ManifestIndex::new(regions.clone(), 2);
            for (a, b) in coords {
                prop_assert_eq!(index.find(&[a, b]), first(&regions, &[a, b]));
            }
        }
    }
}
