//! A column of numbers, stored as narrow as its largest allows.

/// Grows from one repeated value over 1, 2 and 4 bytes each to 8.
#[derive(Debug, Clone)]
pub(crate) enum Column {
    Same { value: u64, length: usize },
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
}

impl Default for Column {
    fn default() -> Self {
        Self::Same { value: 0, length: 0 }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a value is stored only after the column is wide enough")]
impl Column {
    pub fn len(&self) -> usize {
        match self {
            Self::Same { length, .. } => *length,
            Self::U8(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::U32(v) => v.len(),
            Self::U64(v) => v.len(),
        }
    }

    /// The value in `row`, 0 outside.
    pub fn get(&self, row: usize) -> u64 {
        match self {
            Self::Same { value, length } => {
                if row < *length {
                    *value
                } else {
                    0
                }
            }
            Self::U8(v) => v.get(row).copied().unwrap_or(0).into(),
            Self::U16(v) => v.get(row).copied().unwrap_or(0).into(),
            Self::U32(v) => v.get(row).copied().unwrap_or(0).into(),
            Self::U64(v) => v.get(row).copied().unwrap_or(0),
        }
    }

    pub fn push(&mut self, new: u64) {
        match self {
            Self::Same { value, length } if *length == 0 || *value == new => {
                *value = new;
                *length += 1;
            }
            Self::U8(v) if new <= u64::from(u8::MAX) => v.push(new as u8),
            Self::U16(v) if new <= u64::from(u16::MAX) => v.push(new as u16),
            Self::U32(v) if new <= u64::from(u32::MAX) => v.push(new as u32),
            Self::U64(v) => v.push(new),
            _ => {
                self.widen_for(new, 1);
                self.push(new);
            }
        }
    }

    /// Append `values`, with room for exactly them.
    pub fn extend(&mut self, values: &[u64]) {
        if let Self::Same { value, length } = self {
            let same = if *length == 0 { values.first().copied().unwrap_or(0) } else { *value };
            if values.iter().all(|new| *new == same) {
                *value = same;
                *length += values.len();
                return;
            }
        }
        self.reserve(values.len(), values.iter().copied().max().unwrap_or(0));
        match self {
            Self::Same { .. } => values.iter().for_each(|new| self.push(*new)),
            Self::U8(v) => v.extend(values.iter().map(|new| *new as u8)),
            Self::U16(v) => v.extend(values.iter().map(|new| *new as u16)),
            Self::U32(v) => v.extend(values.iter().map(|new| *new as u32)),
            Self::U64(v) => v.extend_from_slice(values),
        }
    }

    /// Append one value so many times.
    pub fn extend_same(&mut self, new: u64, count: usize) {
        match self {
            Self::Same { value, length } if *length == 0 || *value == new => {
                *value = new;
                *length += count;
            }
            _ => (0..count).for_each(|_| self.push(new)),
        }
    }

    pub fn set(&mut self, row: usize, new: u64) {
        match self {
            Self::Same { value, .. } if *value == new => {}
            Self::U8(v) if new <= u64::from(u8::MAX) => put(v, row, new as u8),
            Self::U16(v) if new <= u64::from(u16::MAX) => put(v, row, new as u16),
            Self::U32(v) if new <= u64::from(u32::MAX) => put(v, row, new as u32),
            Self::U64(v) => put(v, row, new),
            _ => {
                self.widen_for(new, 0);
                self.set(row, new);
            }
        }
    }

    /// Make room for exactly `more` values of up to `largest` that are not all the same.
    pub fn reserve(&mut self, more: usize, largest: u64) {
        match self {
            Self::U8(v) if largest <= u64::from(u8::MAX) => v.reserve_exact(more),
            Self::U16(v) if largest <= u64::from(u16::MAX) => v.reserve_exact(more),
            Self::U32(v) if largest <= u64::from(u32::MAX) => v.reserve_exact(more),
            Self::U64(v) => v.reserve_exact(more),
            _ => self.widen_for(largest, more),
        }
    }

    pub fn truncate(&mut self, rows: usize) {
        match self {
            Self::Same { length, .. } => *length = rows.min(*length),
            Self::U8(v) => v.truncate(rows),
            Self::U16(v) => v.truncate(rows),
            Self::U32(v) => v.truncate(rows),
            Self::U64(v) => v.truncate(rows),
        }
    }

    pub fn nbytes(&self) -> usize {
        match self {
            Self::Same { .. } => 0,
            Self::U8(v) => v.capacity(),
            Self::U16(v) => 2 * v.capacity(),
            Self::U32(v) => 4 * v.capacity(),
            Self::U64(v) => 8 * v.capacity(),
        }
    }

    /// Change to individual values, wide enough for `new` and those already here.
    fn widen_for(&mut self, new: u64, more: usize) {
        let largest = match self {
            Self::Same { value, length } => {
                if *length == 0 {
                    new
                } else {
                    new.max(*value)
                }
            }
            Self::U8(_) => new.max(u64::from(u8::MAX)),
            Self::U16(_) => new.max(u64::from(u16::MAX)),
            Self::U32(_) | Self::U64(_) => new.max(u64::from(u32::MAX)),
        };
        let length = self.len();
        let values = (0..length).map(|row| self.get(row));
        fn collect<T>(values: impl Iterator<Item = u64>, capacity: usize, narrow: impl Fn(u64) -> T) -> Vec<T> {
            let mut narrowed = Vec::with_capacity(capacity);
            narrowed.extend(values.map(narrow));
            narrowed
        }
        let capacity = length + more;
        *self = if largest <= u64::from(u8::MAX) {
            Self::U8(collect(values, capacity, |v| v as u8))
        } else if largest <= u64::from(u16::MAX) {
            Self::U16(collect(values, capacity, |v| v as u16))
        } else if largest <= u64::from(u32::MAX) {
            Self::U32(collect(values, capacity, |v| v as u32))
        } else {
            Self::U64(collect(values, capacity, |v| v))
        };
    }
}

fn put<T>(values: &mut [T], row: usize, new: T) {
    if let Some(value) = values.get_mut(row) {
        *value = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn holds_what_a_vector_would(
            values in proptest::collection::vec(prop_oneof![0u64..3, 0u64..70_000, any::<u64>()], 0..60),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 0..10),
            reserve in proptest::option::of(any::<u64>()),
            tail in proptest::collection::vec(0u64..300, 0..4),
        ) {
            let mut column = Column::default();
            if let Some(largest) = reserve {
                column.reserve(values.len(), largest);
            }
            for &value in &values {
                column.push(value);
            }
            let mut expected = values;
            for (index, value) in changes {
                if !expected.is_empty() {
                    let row = index.index(expected.len());
                    expected[row] = value;
                    column.set(row, value);
                }
            }
            prop_assert_eq!(column.len(), expected.len());
            prop_assert_eq!((0..expected.len()).map(|row| column.get(row)).collect::<Vec<_>>(), expected.clone());
            let more: Vec<u64> = expected.iter().rev().copied().chain(tail).collect();
            column.extend(&more);
            column.extend_same(more.len() as u64, more.len());
            expected.extend(&more);
            expected.extend(more.iter().map(|_| more.len() as u64));
            prop_assert_eq!((0..expected.len()).map(|row| column.get(row)).collect::<Vec<_>>(), expected.clone());
            column.truncate(3);
            prop_assert_eq!(column.len(), expected.len().min(3));
        }
    }
}
