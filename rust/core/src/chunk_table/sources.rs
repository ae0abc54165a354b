//! Where virtual chunks come from: locations with their checksums, each pair once.

use super::column::Column;
use super::location_arena::LocationArena;
use crate::Checksum;

/// Positions are stored as `u64`; what does not fit an index is outside everything.
pub(super) fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Distinct pairs of a location and a checksum.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources {
    locations: LocationArena,
    location_of: Column,
    /// Number of the checksum + 1, 0 if there is none.
    checksum_of: Column,
    checksums: Vec<Checksum>,
}

impl Sources {
    pub fn intern(&mut self, location: &str, checksum: Option<&Checksum>) -> usize {
        let location = self.locations.intern(location) as u64;
        let checksum = match checksum {
            None => 0,
            Some(checksum) if self.checksums.last() == Some(checksum) => self.checksums.len(),
            Some(checksum) => {
                self.checksums.push(checksum.clone());
                self.checksums.len()
            }
        } as u64;
        let length = self.location_of.len();
        // Sources follow locations closely: without checksums their numbers are the same.
        for known in [usize::try_from(location).unwrap_or(length), length.wrapping_sub(1)] {
            if known < length && self.location_of.get(known) == location && self.checksum_of.get(known) == checksum {
                return known;
            }
        }
        self.location_of.push(location);
        self.checksum_of.push(checksum);
        length
    }

    pub fn len(&self) -> usize {
        self.location_of.len()
    }

    pub fn location(&self, source: usize) -> String {
        self.locations.get(index(self.location_of.get(source)))
    }

    /// Bytes of the longest location.
    pub fn longest(&self) -> usize {
        self.locations.longest()
    }

    pub fn checksum(&self, source: usize) -> Option<&Checksum> {
        index(self.checksum_of.get(source)).checked_sub(1).and_then(|number| self.checksums.get(number))
    }

    pub fn nbytes(&self) -> usize {
        let texts = self.checksums.iter().map(|checksum| match checksum {
            Checksum::Etag(etag) => etag.len() + 16,
            Checksum::LastModified(_) => 0,
        });
        self.locations.nbytes()
            + self.location_of.nbytes()
            + self.checksum_of.nbytes()
            + self.checksums.capacity() * size_of::<Checksum>()
            + texts.sum::<usize>()
    }
}

/// Numbers of another table's sources in this one, as they are met.
pub(super) struct SourceMap(Vec<u64>);

impl SourceMap {
    const UNKNOWN: u64 = u64::MAX;

    pub fn new(length: usize) -> Self {
        Self(vec![Self::UNKNOWN; length])
    }

    pub fn get(&mut self, number: usize, intern: impl FnOnce() -> usize) -> u64 {
        match self.0.get_mut(number) {
            Some(known) if *known == Self::UNKNOWN => {
                *known = intern() as u64;
                *known
            }
            Some(known) => *known,
            None => intern() as u64,
        }
    }
}
