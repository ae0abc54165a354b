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
        budget.spend(name.len() + value.len())?;
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
pub(crate) struct Budget {
    left: usize,
}

impl Budget {
    /// For a file of `size` bytes.  Writers share strings now and then, so some repetition is honest.
    pub fn for_file(size: usize) -> Self {
        Self { left: size.saturating_mul(16).saturating_add(1 << 20) }
    }

    pub fn spend(&mut self, bytes: usize) -> Result<()> {
        // Every element costs something, also an empty one.
        let left = self.left.checked_sub(bytes.saturating_add(1));
        self.left =
            left.ok_or_else(|| crate::Error::format("the file repeats itself more often than its size allows"))?;
        Ok(())
    }
}
