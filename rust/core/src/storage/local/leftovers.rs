//! Incomplete files that killed writers left behind.

use std::fs;
use std::io;
use std::path::Path;

use super::failure::failed;
use super::{LocalStore, found, names};
use crate::error::Result;
use crate::interrupt;
use crate::storage::unix_micros;

impl LocalStore {
    /// Remove the temporary files last written to before `older_than` (microseconds since 1970); returns how many.
    ///
    /// Listings never show them, so nobody else can.
    pub(super) fn remove_temporaries(&self, older_than: i64) -> Result<u64> {
        let mut removed = 0;
        let mut directories = vec![self.root.clone()];
        while let Some(directory) = directories.pop() {
            let entries = match fs::read_dir(&directory) {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => continue, // not a directory of ours
                entries => found(entries, "list", &directory)?,
            };
            let Some(entries) = entries else { continue };
            for (step, entry) in entries.enumerate() {
                if step % interrupt::STEPS == interrupt::STEPS - 1 {
                    interrupt::check()?;
                }
                let entry = entry.map_err(|error| failed(&error, "list", &directory))?;
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    directories.push(entry.path());
                } else if entry.file_name().to_str().is_some_and(names::is_temporary) {
                    removed += u64::from(remove_if_older(&entry.path(), older_than)?);
                }
            }
        }
        Ok(removed)
    }
}

/// A file that is gone meanwhile was published or removed by its writer.
fn remove_if_older(path: &Path, older_than: i64) -> Result<bool> {
    let Some(metadata) = found(path.symlink_metadata(), "look up", path)? else { return Ok(false) };
    let modified: io::Result<_> = metadata.modified();
    if !modified.is_ok_and(|time| unix_micros(time) < older_than) {
        return Ok(false);
    }
    Ok(found(fs::remove_file(path), "delete", path)?.is_some())
}
