//! Memory that decoded chunks are put into, by one thread or by several.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::outside;
use super::region::{Axis, Region};
use super::strided::{self, Loop};
use crate::error::Result;

/// Elements in memory, of which a region is taken.
#[derive(Debug, Clone, Copy)]
pub struct Elements<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Bytes between neighbours along each axis of the chunk.
    pub strides: &'a [usize],
    /// Bytes of one element.
    pub item: usize,
    /// Which byte of the chunk the first one is.
    pub base: usize,
}

impl Elements<'_> {
    fn start(&self, region: &Region) -> Result<usize> {
        let axes = region.axes.iter().zip(self.strides);
        let start: usize = axes.map(|(axis, stride)| axis.start * stride).sum();
        start.checked_sub(self.base).ok_or_else(outside)
    }

    /// Loops that walk the target from its start to its end.
    fn loops(&self, region: &Region) -> Vec<Loop> {
        let axes = region.axes.iter().zip(self.strides).filter(|(axis, _)| axis.len != 1);
        let to_loop =
            |(axis, stride): (&Axis, &usize)| Loop { len: axis.len, from: axis.step * stride, to: axis.stride };
        let mut loops: Vec<Loop> = axes.map(to_loop).collect();
        if !loops.is_sorted_by(|outer, inner| outer.to >= inner.to) {
            loops.sort_by_key(|each| Reverse(each.to));
        }
        loops
    }
}

/// Where decoded elements go.
pub trait Target {
    /// Put the elements of `region` where it says.
    ///
    /// # Errors
    /// The region leaves either side.
    fn put(&mut self, region: &Region, elements: Elements<'_>) -> Result<()>;

    /// Put `element` everywhere in `region`.
    ///
    /// # Errors
    /// The region leaves the target.
    fn put_fill(&mut self, region: &Region, element: &[u8]) -> Result<()>;

    /// Let `work` write a range by itself; false if others may be writing beside it, and `work` was not called.
    ///
    /// # Errors
    /// Those of `work`.
    fn write_run(&mut self, run: Range<usize>, work: &mut dyn FnMut(&mut [u8]) -> Result<()>) -> Result<bool>;
}

impl Target for &mut [u8] {
    fn put(&mut self, region: &Region, elements: Elements<'_>) -> Result<()> {
        let start = elements.start(region)?;
        let loops = elements.loops(region);
        strided::copy(elements.bytes, start, self, region.offset, &loops, elements.item)
            .then_some(())
            .ok_or_else(outside)
    }

    fn put_fill(&mut self, region: &Region, element: &[u8]) -> Result<()> {
        let loops = region.axes.iter().map(|axis| Loop { len: axis.len, from: 0, to: axis.stride });
        strided::fill(self, region.offset, &loops.collect::<Vec<_>>(), element).then_some(()).ok_or_else(outside)
    }

    fn write_run(&mut self, run: Range<usize>, work: &mut dyn FnMut(&mut [u8]) -> Result<()>) -> Result<bool> {
        work(self.get_mut(run).ok_or_else(outside)?)?;
        Ok(true)
    }
}

/// Memory cut into slabs that several threads write to, each under its own lock.
///
/// A slab is some neighbouring rows, a row being everything at one index of the slowest axis that is longer than one.
pub struct Slabs<'a> {
    /// First byte of each slab, and the end.
    edges: Vec<usize>,
    slabs: Vec<Mutex<&'a mut [u8]>>,
    row: usize,
}

/// How the regions of a batch lie in the rows of their target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPlan {
    /// Bytes of a row.
    pub row: usize,
    /// First rows of the slabs, ascending.
    pub starts: Vec<usize>,
}

impl RowPlan {
    /// The slabs for regions in an array of `shape`: one for each range of rows that regions share, cut further where
    /// several regions would wait for each other.
    pub fn new<'r>(
        shape: &[usize],
        item: usize,
        regions: impl ExactSizeIterator<Item = &'r Region>,
        threads: usize,
    ) -> Self {
        let slow = shape.iter().position(|&size| size > 1);
        let row = slow.map_or(item, |axis| shape.iter().skip(axis + 1).product::<usize>() * item).max(1);
        let rows = slow.and_then(|axis| shape.get(axis).copied()).unwrap_or(1);
        if threads < 2 || regions.len() < 2 {
            return Self { row, starts: vec![0] };
        }
        let count = regions.len();
        let mut starts: Vec<usize> = regions.map(|region| region.offset / row).collect();
        starts.sort_unstable();
        starts.dedup();
        if let Some(first) = starts.first_mut() {
            *first = 0;
        }
        let wanted = threads * 4;
        if starts.len() < count && starts.len() < wanted {
            let step = rows.div_ceil(wanted).max(1);
            starts.extend((0..rows).step_by(step));
            starts.sort_unstable();
            starts.dedup();
        }
        Self { row, starts }
    }
}

impl<'a> Slabs<'a> {
    /// Cut `memory` as `plan` says.
    pub fn new(memory: &'a mut [u8], plan: &RowPlan) -> Self {
        let mut edges = vec![0];
        let mut slabs = Vec::with_capacity(plan.starts.len());
        let end = memory.len();
        let mut rest = memory;
        let mut done = 0;
        for start in plan.starts.iter().skip(1).map(|row| row.saturating_mul(plan.row)).chain([end]) {
            let edge = start.clamp(done, end);
            let (slab, after) = rest.split_at_mut(edge - done);
            slabs.push(Mutex::new(slab));
            edges.push(edge);
            (rest, done) = (after, edge);
        }
        Self { edges, slabs, row: plan.row }
    }

    /// The target that one thread writes through; `turn` differs from thread to thread, so that they do not queue.
    pub fn view(&self, turn: usize) -> SlabView<'_, 'a> {
        SlabView { slabs: self, turn }
    }

    fn slab_of(&self, byte: usize) -> usize {
        self.edges.partition_point(|&edge| edge <= byte).saturating_sub(1).min(self.slabs.len().saturating_sub(1))
    }

    fn start_of(&self, slab: usize) -> usize {
        self.edges.get(slab).copied().unwrap_or(0)
    }

    fn end_of(&self, slab: usize) -> usize {
        self.edges.get(slab + 1).copied().unwrap_or(0)
    }

    /// Do `work` with one slab.
    fn with<R>(&self, slab: usize, work: impl FnOnce(&mut [u8]) -> Result<R>) -> Result<R> {
        let slab = self.slabs.get(slab).ok_or_else(outside)?;
        work(&mut slab.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Slabs as one thread sees them.
pub struct SlabView<'s, 'a> {
    slabs: &'s Slabs<'a>,
    turn: usize,
}

impl SlabView<'_, '_> {
    /// Do `work` with each slab that `region` touches and the part of the region in it.
    fn each(&self, region: &Region, mut work: impl FnMut(&Region, &mut [u8]) -> Result<()>) -> Result<()> {
        let slabs = self.slabs;
        let first = slabs.slab_of(region.offset);
        // The axis that crosses rows, if any does: all others stay inside of one.
        let across = region.axes.iter().position(|axis| axis.len > 1 && axis.stride >= slabs.row);
        let last_byte = across.map_or(region.offset, |axis| {
            region.axes.get(axis).map_or(region.offset, |axis| region.offset + (axis.len - 1) * axis.stride)
        });
        let last = slabs.slab_of(last_byte);
        let count = last - first + 1;
        for number in 0..count {
            let slab = first + (number + self.turn) % count;
            let start = slabs.start_of(slab);
            let mut part = region.clone();
            if let Some(axis) = across.and_then(|axis| part.axes.get_mut(axis)) {
                let skipped = start.saturating_sub(region.offset).div_ceil(axis.stride);
                let until = slabs.end_of(slab).saturating_sub(region.offset).div_ceil(axis.stride).min(axis.len);
                if skipped >= until {
                    continue;
                }
                axis.start += skipped * axis.step;
                axis.len = until - skipped;
                part.offset += skipped * axis.stride;
            }
            part.offset = part.offset.checked_sub(start).ok_or_else(outside)?;
            slabs.with(slab, |memory| work(&part, memory))?;
        }
        Ok(())
    }
}

impl Target for SlabView<'_, '_> {
    fn put(&mut self, region: &Region, elements: Elements<'_>) -> Result<()> {
        self.each(region, |part, mut memory| memory.put(part, elements))
    }

    fn put_fill(&mut self, region: &Region, element: &[u8]) -> Result<()> {
        self.each(region, |part, mut memory| memory.put_fill(part, element))
    }

    fn write_run(&mut self, run: Range<usize>, work: &mut dyn FnMut(&mut [u8]) -> Result<()>) -> Result<bool> {
        let slab = self.slabs.slab_of(run.start);
        let (start, end) = (self.slabs.start_of(slab), self.slabs.end_of(slab));
        let alone = self.slabs.slabs.len() == 1 || (run.start == start && run.end == end);
        if !alone || run.end > end {
            return Ok(false);
        }
        self.slabs
            .with(slab, |memory| work(memory.get_mut(run.start - start..run.end - start).ok_or_else(outside)?))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::region::c_strides;
    use super::*;

    #[test]
    fn regions_that_share_no_rows_get_slabs_of_their_own() {
        let shape = [1, 6, 4];
        let region = |row: usize| Region { axes: vec![], offset: row * 4 };
        let regions = [region(0), region(2), region(4)];
        assert_eq!(RowPlan::new(&shape, 1, regions.iter(), 2), RowPlan { row: 4, starts: vec![0, 2, 4] });
        let regions = [region(0), region(0), region(0)];
        let plan = RowPlan::new(&shape, 1, regions.iter(), 2);
        assert_eq!(plan, RowPlan { row: 4, starts: vec![0, 1, 2, 3, 4, 5] });
    }

    #[test]
    fn a_run_is_written_alone_or_not_at_all() {
        let mut memory = [0u8; 24];
        let slabs = Slabs::new(&mut memory, &RowPlan { row: 4, starts: vec![0, 2, 4] });
        let write = |run: Range<usize>| {
            slabs.view(0).write_run(run, &mut |bytes| {
                bytes.fill(1);
                Ok(())
            })
        };
        assert!(write(8..16).unwrap());
        assert!(!write(8..12).unwrap());
        assert!(!write(8..24).unwrap());
        drop(slabs);
        assert_eq!(memory[7..17], [0, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
    }

    proptest! {
        #[test]
        fn slabs_give_what_plain_memory_gives(
            shape in proptest::collection::vec(1usize..6, 1..4),
            corners in proptest::collection::vec((any::<usize>(), any::<usize>()), 4),
            cuts in proptest::collection::vec(1usize..6, 0..4),
            turn in 0usize..5,
        ) {
            let strides = c_strides(&shape, 2);
            let total: usize = shape.iter().product::<usize>() * 2;
            let mut offset = 0;
            let axes: Vec<Axis> = shape.iter().zip(&strides).zip(&corners).map(|((&size, &stride), &(a, b))| {
                let from = a % size;
                offset += from * stride;
                Axis { start: from, step: 1, len: 1 + b % (size - from), stride }
            }).collect();
            let region = Region { axes, offset };
            let source: Vec<u8> = (0..total).map(|i| i as u8 + 1).collect();
            let elements = Elements { bytes: &source, strides: &strides, item: 2, base: 0 };
            let mut expected = vec![0u8; total];
            expected.as_mut_slice().put(&region, elements).unwrap();

            let row = RowPlan::new(&shape, 2, [&region].into_iter(), 1).row;
            let mut starts: Vec<usize> = cuts.into_iter().chain([0]).filter(|row_number| row_number * row < total).collect();
            starts.sort_unstable();
            starts.dedup();
            let mut memory = vec![0u8; total];
            Slabs::new(&mut memory, &RowPlan { row, starts: starts.clone() }).view(turn).put(&region, elements).unwrap();
            prop_assert_eq!(&memory, &expected);

            let mut filled = vec![0u8; total];
            Slabs::new(&mut filled, &RowPlan { row, starts }).view(turn).put_fill(&region, &[9, 9]).unwrap();
            let expected: Vec<u8> = expected.iter().map(|&byte| if byte > 0 { 9 } else { 0 }).collect();
            prop_assert_eq!(filled, expected);
        }
    }
}
