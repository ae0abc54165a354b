//! Parts of chunks and documents (format section 14.2).

use crate::error::{Error, ErrorKind, Result};

/// The part of a chunk or document that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadRange {
    /// From a byte, to before another one or the end.
    From(u64, Option<u64>),
    /// The last bytes.
    Last(u64),
}

impl ReadRange {
    /// Everything.
    pub const ALL: Self = Self::From(0, None);

    /// The range that optional arguments name.
    ///
    /// # Errors
    /// Both a suffix and a start or end.
    pub fn new(start: Option<u64>, end: Option<u64>, suffix: Option<u64>) -> Result<Self> {
        match (start, end, suffix) {
            (start, end, None) => Ok(Self::From(start.unwrap_or(0), end)),
            (None, None, Some(count)) => Ok(Self::Last(count)),
            _ => Err(Error::new(ErrorKind::InvalidInput, "a byte range has either a suffix or a start and an end")),
        }
    }

    /// First byte and end in `length` bytes, which must hold all of the range.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidByteRange`].
    pub fn inside(self, length: u64) -> Result<(u64, u64)> {
        let (from, to) = match self {
            Self::ALL => (0, length),
            Self::From(start, end) => (start, end.unwrap_or(length)),
            Self::Last(count) => (length.wrapping_sub(count), length),
        };
        let valid = match self {
            Self::ALL => true,
            Self::From(start, _) => start < length && from <= to && to <= length,
            Self::Last(count) => count <= length,
        };
        if valid {
            return Ok((from, to));
        }
        let asked = match self {
            Self::From(start, Some(end)) => format!("bytes {start} to {end}"),
            Self::From(start, None) => format!("bytes from {start}"),
            Self::Last(count) => format!("the last {count} bytes"),
        };
        Err(Error::new(ErrorKind::InvalidByteRange, format!("invalid byte range: {asked} of a chunk of {length}")))
    }

    /// First byte and end of what there is of the range in `length` bytes.
    #[must_use]
    pub fn clamped(self, length: u64) -> (u64, u64) {
        match self {
            Self::From(start, end) => {
                let end = end.unwrap_or(length).min(length);
                (start.min(end), end)
            }
            Self::Last(count) => (length.saturating_sub(count), length),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn inside(start: Option<u64>, end: Option<u64>, suffix: Option<u64>) -> Option<(u64, u64)> {
        ReadRange::new(start, end, suffix).unwrap().inside(10).ok()
    }

    #[test]
    fn ranges_of_chunks_are_strict() {
        assert_eq!(inside(None, None, None), Some((0, 10)));
        assert_eq!(inside(Some(2), Some(10), None), Some((2, 10)));
        assert_eq!(inside(Some(9), None, None), Some((9, 10)));
        assert_eq!(inside(Some(3), Some(3), None), Some((3, 3)));
        assert_eq!(inside(None, Some(4), None), Some((0, 4)));
        assert_eq!(inside(None, None, Some(10)), Some((0, 10)));
        assert_eq!(inside(None, None, Some(0)), Some((10, 10)));
        for (start, end, suffix) in [
            (Some(10), None, None),
            (Some(10), Some(10), None),
            (Some(2), Some(11), None),
            (Some(3), Some(2), None),
            (None, None, Some(11)),
            (Some(u64::MAX), Some(u64::MAX), None),
        ] {
            assert_eq!(inside(start, end, suffix), None, "{start:?} {end:?} {suffix:?}");
        }
        assert_eq!(ReadRange::ALL.inside(0).unwrap(), (0, 0));
    }

    #[test]
    fn ranges_of_documents_are_cut() {
        assert_eq!(ReadRange::Last(3).clamped(10), (7, 10));
        assert_eq!(ReadRange::Last(30).clamped(10), (0, 10));
        assert_eq!(ReadRange::From(3, Some(30)).clamped(10), (3, 10));
        assert_eq!(ReadRange::From(30, None).clamped(10), (10, 10));
        assert_eq!(ReadRange::From(5, Some(3)).clamped(10), (3, 3));
    }

    #[test]
    fn a_suffix_stands_alone() {
        assert!(ReadRange::new(Some(1), None, Some(2)).is_err());
    }
}
