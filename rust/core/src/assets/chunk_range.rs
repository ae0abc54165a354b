//! Ranges of chunk objects, and how many are read with one request.

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::object_id::ObjectId12;
use crate::storage::ByteRange;

/// A range of a chunk object, as references name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkRange {
    /// Names the object.
    pub id: ObjectId12,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

impl ChunkRange {
    /// Key of the object.
    #[must_use]
    pub fn key(&self) -> String {
        format!("chunks/{}", self.id)
    }

    /// The range in the object.
    pub(super) fn bytes(&self) -> Result<ByteRange> {
        let end = self
            .offset
            .checked_add(self.length)
            .ok_or_else(|| Error::format(format!("the reference to chunk {} ends beyond any object", self.id)))?;
        Ok(ByteRange { start: self.offset, end: Some(end) })
    }

    /// `data` if it has the right length.
    pub(super) fn checked(&self, data: Bytes) -> Result<Bytes> {
        self.expect(data.len()).map(|()| data)
    }

    /// An error unless `found` bytes are all of them.
    pub(super) fn expect(&self, found: usize) -> Result<()> {
        if found as u64 == self.length {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidObjectSize,
            format!(
                "chunk {} is shorter than its reference says: {} of {} bytes from {} are there",
                self.id, found, self.length, self.offset
            ),
        ))
    }

    /// Part `[from, to)` of these bytes.
    pub(crate) fn part(self, from: u64, to: u64) -> Result<Self> {
        let offset = self.offset.checked_add(from);
        let offset = offset
            .ok_or_else(|| Error::format(format!("the reference to chunk {} starts beyond any object", self.id)))?;
        Ok(Self { offset, length: to.saturating_sub(from), ..self })
    }
}

/// Ranges that are fetched with one request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// What is read.
    pub(super) range: ChunkRange,
    /// Number of the request, and what it asked for.
    pub(super) parts: Vec<(usize, ChunkRange)>,
}

/// A span stops growing here: larger reads gain nothing, and what is kept of one keeps all of it.
const LONGEST_SPAN: u64 = 16 << 20;

/// Join ranges that touch or overlap in one object.
pub(super) fn coalesce(mut ranges: Vec<(usize, ChunkRange)>) -> Result<Vec<Span>> {
    ranges.sort_unstable_by_key(|(index, range)| (range.id, range.offset, range.length, *index));
    let mut spans: Vec<Span> = Vec::new();
    for (index, range) in ranges {
        let end = range.bytes()?.end.unwrap_or(u64::MAX);
        if let Some(span) = spans.last_mut()
            && span.range.id == range.id
            && range.offset <= span.range.offset + span.range.length
        {
            let length = (end - span.range.offset).max(span.range.length);
            if length <= LONGEST_SPAN.max(span.range.length) {
                span.range.length = length;
                span.parts.push((index, range));
                continue;
            }
        }
        spans.push(Span { range, parts: vec![(index, range)] });
    }
    Ok(spans)
}

/// As much of `[from, to)` as there is.
pub(super) fn slice(data: &Bytes, from: u64, to: u64) -> Result<Bytes> {
    let (start, length) = ByteRange::new(Some(from), Some(to))?.within(data.len() as u64);
    let start = usize::try_from(start).unwrap_or(data.len());
    let end = start.saturating_add(usize::try_from(length).unwrap_or(0)).min(data.len());
    Ok(data.slice(start..end))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::object_id::ObjectId;

    fn range(id: u8, offset: u64, length: u64) -> ChunkRange {
        ChunkRange { id: ObjectId([id; 12]), offset, length }
    }

    #[test]
    fn ranges_that_touch_are_one_request() {
        let asked = [range(1, 10, 5), range(2, 0, 4), range(1, 0, 10), range(1, 20, 5), range(1, 12, 2)];
        let spans = coalesce(asked.into_iter().enumerate().collect()).unwrap();
        let joined: Vec<_> = spans.iter().map(|span| (span.range, span.parts.len())).collect();
        assert_eq!(joined, [(range(1, 0, 15), 3), (range(1, 20, 5), 1), (range(2, 0, 4), 1)]);
    }

    #[test]
    fn spans_stay_short() {
        let asked = (0..40).map(|i| range(1, i << 20, 1 << 20)).enumerate().collect();
        assert!(coalesce(asked).unwrap().iter().all(|span| span.range.length <= LONGEST_SPAN));
        assert_eq!(coalesce(vec![(0, range(1, 0, 1 << 30))]).unwrap().len(), 1);
    }
}
