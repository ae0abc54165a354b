//! Lists of named, encoded values.

use super::file_builder::{FileBuilder, Written};
use super::flatbuffer::Offsets;
use super::schema::metadata_item as slot;
use crate::Result;

/// Names and encoded values (MessagePack or FlexBuffers), sorted by name.
pub type MetadataItems = Vec<(String, Vec<u8>)>;

pub(crate) fn read(items: Offsets<'_>, budget: &mut Budget) -> Result<MetadataItems> {
    let mut list = Vec::new();
    for table in items.tables() {
        let table = table?;
        let name = table.required_string(slot::NAME, "metadata name")?;
        let value = table.required_bytes(slot::VALUE, "metadata value")?;
        budget.spend(name.len() + value.len() + 20)?;
        list.push((name.to_owned(), value.to_owned()));
    }
    Ok(list)
}

pub(crate) fn write(file: &mut FileBuilder, items: &[(String, Vec<u8>)]) -> Result<Written> {
    let mut order: Vec<&(String, Vec<u8>)> = items.iter().collect();
    order.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    let mut tables = Vec::with_capacity(order.len());
    for (name, value) in order {
        let name = file.string(name)?;
        let value = file.bytes(value)?;
        tables.push(file.table(|fields| {
            fields.offset(slot::NAME, name);
            fields.offset(slot::VALUE, value);
        })?);
    }
    file.offsets(&tables)
}

/// Bounds what is copied out of a file whose parts may be shared without end.
///
/// What is spent is what an element takes in a file that shares nothing, so such a file always has enough.
pub(crate) struct Budget {
    left: usize,
    /// Where there was memory for the next step.
    proven: usize,
}

/// What may be copied beyond twice the size of the file: the official writer shares the names of metadata.
const SHARED: usize = 4 << 20;

/// After so much is spent, the system is asked whether there is memory for the next such step.
const STEP: usize = 2 << 20;

/// An element takes up to so many times as much in memory as in a file.
const IN_MEMORY: usize = 8;

impl Budget {
    /// For a file of `size` bytes.
    pub fn for_file(size: usize) -> Self {
        let left = size.saturating_mul(2).saturating_add(SHARED);
        Self { left, proven: left.saturating_sub(STEP) }
    }

    pub fn spend(&mut self, bytes: usize) -> Result<()> {
        // Every element is pointed to.
        let left = self.left.checked_sub(bytes.saturating_add(4));
        self.left =
            left.ok_or_else(|| crate::Error::format("the file repeats itself more often than its size allows"))?;
        if self.left < self.proven {
            self.prove()?;
        }
        Ok(())
    }

    /// An allocation that fails ends the process: so ask for more than the next step can take, where asking may fail.
    #[cold]
    fn prove(&mut self) -> Result<()> {
        let step = STEP.max(self.proven - self.left);
        self.proven = self.left.saturating_sub(STEP);
        Vec::<u8>::new()
            .try_reserve_exact(step.saturating_mul(IN_MEMORY))
            .map_err(|_| crate::Error::format("there is no memory for what the file holds"))
    }
}
