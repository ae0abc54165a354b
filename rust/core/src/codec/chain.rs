//! The codecs of one array, for chunks of one shape.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::compression::Compression;
use super::fill::Fill;
use super::output::Elements;
use super::region::{Region, c_strides};
use super::shard::Sharding;
use crate::error::{Error, ErrorKind, Result};

/// What elements are in memory.
#[derive(Debug, Clone)]
pub struct ElementKind {
    /// Bytes of one element.
    pub size: usize,
    /// Bytes that are reversed where the byte order differs: a number, half a complex number, or 1 for raw bytes.
    pub unit: usize,
    /// They are big-endian in memory.
    pub big_endian: bool,
    /// The value of what was never written.
    pub fill: Arc<Fill>,
}

/// A list of codecs, from an array to bytes.
#[derive(Debug)]
pub struct Chain {
    /// Of a chunk, as the array has it.
    pub(super) shape: Vec<usize>,
    /// Bytes of one element.
    pub(super) item: usize,
    /// Axis `i` of what is stored is axis `order[i]` of the chunk; None where no codec transposes.
    pub(super) order: Option<Vec<usize>>,
    /// Bytes between neighbours along each axis of the chunk, in what is stored.
    pub(super) strides: Vec<usize>,
    /// Bytes to reverse in every element, 1 for none.
    pub(super) swapped_unit: usize,
    /// The chunk is a shard.
    pub(super) sharding: Option<Box<Sharding>>,
    /// From bytes to bytes, in the order of encoding.
    pub(super) compression: Vec<Compression>,
    pub(super) fill: Arc<Fill>,
}

impl Chain {
    /// A chain without codecs between arrays, or from bytes to bytes.
    pub(super) fn new(shape: &[usize], kind: &ElementKind, order: Option<Vec<usize>>) -> Result<Self> {
        let length = shape.iter().try_fold(kind.size, |all, &size| all.checked_mul(size));
        if shape.contains(&0) || length.is_none_or(|length| isize::try_from(length).is_err()) {
            return Err(Error::new(ErrorKind::UnsupportedOperation, format!("chunks of shape {shape:?}")));
        }
        let mut strides = c_strides(shape, kind.size);
        if let Some(order) = &order {
            let stored: Vec<usize> = order.iter().filter_map(|&axis| shape.get(axis).copied()).collect();
            for (&axis, stride) in order.iter().zip(c_strides(&stored, kind.size)) {
                if let Some(slot) = strides.get_mut(axis) {
                    *slot = stride;
                }
            }
        }
        Ok(Self {
            shape: shape.to_vec(),
            item: kind.size,
            order,
            strides,
            swapped_unit: 1,
            sharding: None,
            compression: Vec::new(),
            fill: Arc::clone(&kind.fill),
        })
    }

    /// Of a chunk, as the array has it.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The shape of what the codec from an array to bytes gets.
    pub(super) fn stored_shape(&self) -> Vec<usize> {
        match &self.order {
            Some(order) => order.iter().filter_map(|&axis| self.shape.get(axis).copied()).collect(),
            None => self.shape.clone(),
        }
    }

    /// Bytes of a whole chunk in memory.
    pub fn length(&self) -> usize {
        self.shape.iter().product::<usize>() * self.item
    }

    /// Bytes of one element.
    pub fn item(&self) -> usize {
        self.item
    }

    /// The fill value.
    pub fn fill(&self) -> &Fill {
        &self.fill
    }

    /// The shards' inner part, if inner chunks can be read and written by themselves.
    pub fn separable(&self) -> Option<&Sharding> {
        self.sharding.as_deref().filter(|_| self.compression.is_empty())
    }

    /// Whether stored bytes are elements as they are in memory, which axes come first in them aside: that is for
    /// [`Self::plain_elements`] and [`Self::run_as_decoded`] to say.
    pub fn is_plain(&self) -> bool {
        self.sharding.is_none() && self.compression.is_empty() && self.swapped_unit == 1
    }

    /// `region` of a chunk, with the axes of what is stored.
    pub fn stored_region<'r>(&self, region: &'r Region) -> Cow<'r, Region> {
        self.order.as_ref().map_or(Cow::Borrowed(region), |order| Cow::Owned(region.permuted(order)))
    }

    /// Stored bytes of a plain chunk as elements.
    pub fn plain_elements<'a>(&'a self, bytes: &'a [u8]) -> Elements<'a> {
        Elements { bytes, strides: &self.strides, item: self.item, base: 0 }
    }

    /// The bytes outside that are the decoded bytes of `region` one for one: a run on both sides, in the same order.
    ///
    /// Every short cut that lets stored bytes be elements outside without a copy asks this.
    pub fn run_as_decoded(&self, region: &Region) -> Option<Range<usize>> {
        let mut axes = region.axes.iter().zip(&self.strides).filter(|(axis, _)| axis.len > 1);
        axes.all(|(axis, stride)| axis.step.checked_mul(*stride) == Some(axis.stride)).then_some(())?;
        region.run(self.item)
    }

    /// The first byte of `region` in a plain chunk, and one past the last.
    pub fn byte_bounds(&self, region: &Region) -> (usize, usize) {
        let axes = || region.axes.iter().zip(&self.strides);
        let from: usize = axes().map(|(axis, stride)| axis.start * stride).sum();
        let last: usize = axes().map(|(axis, stride)| axis.bounds().1 * stride).sum();
        (from, last + self.item)
    }

    /// More than what any writer makes of a chunk.
    pub fn bound(&self) -> usize {
        self.bound_before(self.compression.len())
    }

    /// More than what the first `count` codecs from bytes to bytes get and give.
    pub(super) fn bound_before(&self, count: usize) -> usize {
        let serialised = match &self.sharding {
            None => self.length(),
            Some(sharding) => {
                sharding.inner.bound().saturating_mul(sharding.count()).saturating_add(sharding.index_length())
            }
        };
        self.compression.iter().take(count).fold(serialised, |length, codec| codec.bound(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::chain_from_json;
    use crate::codec::fill::Equality;
    use crate::codec::region::Axis;

    #[test]
    fn transposed_elements_are_no_run() {
        let run = |codecs: &str, shape: &[usize], region: &Region| {
            let fill = Arc::new(Fill::new(&[0; 2], Equality::Bits).unwrap());
            let kind = ElementKind { size: 2, unit: 2, big_endian: false, fill };
            chain_from_json(codecs, shape, &kind).unwrap().run_as_decoded(region)
        };
        let plain = r#"[{"name": "bytes", "configuration": {"endian": "little"}}]"#;
        let transposed = r#"[{"name": "transpose", "configuration": {"order": [1, 0]}},
                             {"name": "bytes", "configuration": {"endian": "little"}}]"#;
        let whole = Region::whole(&[3, 2], 2);
        assert_eq!(run(plain, &[3, 2], &whole), Some(0..12));
        assert_eq!(run(transposed, &[3, 2], &whole), None);
        // Where one axis at most is longer than one, all orders are the same.
        assert_eq!(run(transposed, &[3, 1], &Region::whole(&[3, 1], 2)), Some(0..6));
        // A row is a run of a plain chunk, every other element of one is not.
        let part = |step, len| Region {
            axes: vec![Axis { start: 1, step: 1, len: 1, stride: 40 }, Axis { start: 0, step, len, stride: 2 }],
            offset: 8,
        };
        assert_eq!(run(plain, &[3, 4], &part(1, 4)), Some(8..16));
        assert_eq!(run(plain, &[3, 4], &part(2, 2)), None);
        assert_eq!(run(transposed, &[3, 4], &part(1, 4)), None);
    }
}
