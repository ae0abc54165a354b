//! Which elements of a chunk go where in a larger array.

/// One axis of a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    /// First index in the chunk.
    pub start: usize,
    /// Distance between indices.
    pub step: usize,
    /// Number of indices.
    pub len: usize,
    /// Bytes between neighbours in the array outside.
    pub stride: usize,
}

impl Axis {
    /// The indices that fall into `[from, from + size)` of the chunk, relative to `from`, and how many come before them.
    fn within(&self, from: usize, size: usize) -> Option<(usize, Self)> {
        let before = from.saturating_sub(self.start).div_ceil(self.step);
        let until = (from + size).saturating_sub(self.start).div_ceil(self.step).min(self.len);
        if before >= until {
            return None;
        }
        let start = self.start + before * self.step - from;
        Some((before, Self { start, len: until - before, ..*self }))
    }

    /// The first and the last index.
    pub fn bounds(&self) -> (usize, usize) {
        (self.start, self.start + self.len.saturating_sub(1) * self.step)
    }
}

/// Elements of a chunk, one axis of indices a dimension, and their place outside.
///
/// "Outside" is the output of a read or the value of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// In the order of the dimensions of the chunk.
    pub axes: Vec<Axis>,
    /// Byte of the first element outside.
    pub offset: usize,
}

impl Region {
    /// All of a chunk of `shape` that stands alone outside, in C order.
    pub fn whole(shape: &[usize], item: usize) -> Self {
        let axes = shape.iter().zip(c_strides(shape, item));
        Self { axes: axes.map(|(&len, stride)| Axis { start: 0, step: 1, len, stride }).collect(), offset: 0 }
    }

    /// Whether this is every element of a chunk of `shape`, in order.
    pub fn covers(&self, shape: &[usize]) -> bool {
        self.axes.len() == shape.len()
            && self
                .axes
                .iter()
                .zip(shape)
                .all(|(axis, &size)| axis.start == 0 && axis.len == size && (axis.step == 1 || size == 1))
    }

    /// Whether every index lies inside a chunk of `shape`.
    pub fn fits(&self, shape: &[usize]) -> bool {
        self.axes.len() == shape.len()
            && self.axes.iter().zip(shape).all(|(axis, &size)| axis.len > 0 && axis.step > 0 && axis.bounds().1 < size)
    }

    /// The bytes outside if they are one run in C order.
    ///
    /// Says nothing of the order inside of the chunk: to take one side for the other is for `Chain::run_as_decoded`.
    pub(super) fn run(&self, item: usize) -> Option<std::ops::Range<usize>> {
        let mut expected = item;
        for axis in self.axes.iter().rev().filter(|axis| axis.len > 1) {
            if axis.stride != expected {
                return None;
            }
            expected *= axis.len;
        }
        Some(self.offset..self.offset + expected)
    }

    /// The part of this that lies in the box of `size` at `from`, relative to the box.
    pub fn within(&self, from: &[usize], size: &[usize]) -> Option<Self> {
        let mut offset = self.offset;
        let mut axes = Vec::with_capacity(self.axes.len());
        for (axis, (&from, &size)) in self.axes.iter().zip(from.iter().zip(size)) {
            let (before, inside) = axis.within(from, size)?;
            offset += before * axis.stride;
            axes.push(inside);
        }
        Some(Self { axes, offset })
    }

    /// The same elements of a chunk whose axis `i` is this one's axis `order[i]`.
    pub fn permuted(&self, order: &[usize]) -> Self {
        Self { axes: order.iter().filter_map(|&axis| self.axes.get(axis).copied()).collect(), offset: self.offset }
    }
}

/// Bytes between neighbours along each axis of an array in C order.
pub fn c_strides(shape: &[usize], item: usize) -> Vec<usize> {
    let mut strides = vec![item; shape.len()];
    let mut stride = item;
    for (slot, &size) in strides.iter_mut().zip(shape).rev() {
        *slot = stride;
        stride = stride.saturating_mul(size.max(1));
    }
    strides
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_run_may_have_axes_of_one() {
        let region = Region {
            axes: vec![
                Axis { start: 0, step: 1, len: 1, stride: 0 },
                Axis { start: 0, step: 1, len: 3, stride: 8 },
                Axis { start: 0, step: 1, len: 1, stride: 40 },
                Axis { start: 0, step: 1, len: 2, stride: 4 },
            ],
            offset: 16,
        };
        assert_eq!(region.run(4), Some(16..40));
        assert_eq!(region.run(2), None);
    }

    proptest! {
        #[test]
        fn boxes_partition_a_selection(start in 0usize..20, step in 1usize..9, len in 1usize..12, size in 1usize..9) {
            let axis = Axis { start, step, len, stride: 1 };
            let region = Region { axes: vec![axis], offset: 5 };
            let mut found = Vec::new();
            for cell in 0..(axis.bounds().1 / size + 2) {
                if let Some(part) = region.within(&[cell * size], &[size]) {
                    let inside = part.axes[0];
                    prop_assert!(inside.bounds().1 < size);
                    found.extend((0..inside.len).map(|i| {
                        (cell * size + inside.start + i * inside.step, part.offset + i)
                    }));
                }
            }
            let expected: Vec<_> = (0..len).map(|i| (start + i * step, 5 + i)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
