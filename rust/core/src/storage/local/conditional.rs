//! Conditional writes: lock, compare, rename.

use std::io;
use std::path::Path;

use super::failure::failed;
use super::lock::RootLock;
use super::write::{Temporary, Unpublished};
use super::{LocalStore, found, read, version};
use crate::error::{Error, ErrorKind, Result};
use crate::storage::{Version, already_exists, changed};

impl LocalStore {
    /// Write an object if it is at version `expected`, or if there is none when nothing is expected.
    ///
    /// With durability the object is on stable storage on return, and was before its name pointed to it.
    pub(super) fn write_if(&self, key: &str, data: &[u8], expected: Option<&Version>) -> Result<Version> {
        let path = self.path(key)?;
        let check = || {
            if holds(&path, expected)? {
                Ok(())
            } else {
                Err(expected.map_or_else(|| already_exists(key), |_| changed(key)))
            }
        };
        // Without the lock this promises nothing, but it saves writing a file in vain.
        check()?;
        let temporary = self.with_directory(&path, || Temporary::write(&path, &[data], self.options.durable))?;
        {
            let _lock = RootLock::acquire(&self.root)?;
            check()?;
            temporary.publish(&path).map_err(|unpublished| match unpublished {
                Unpublished::Surely(error) => failed(&error, "write", &path),
                Unpublished::Perhaps(error) => undecided(key, &error),
            })?;
        }
        if self.options.durable {
            // Whoever reads it now sees the new content: this is no failure that leaves things as they were.
            self.unsynced.sync_directories_above(&path).map_err(|error| not_durable(key, error))?;
        }
        Ok(version::of_content(data))
    }
}

fn undecided(key: &str, error: &io::Error) -> Error {
    Error::new(
        ErrorKind::OutcomeUnknown,
        format!("whether {key} was changed is not known, since it cannot be read: {error}"),
    )
}

fn not_durable(key: &str, error: Error) -> Error {
    let message =
        format!("{key} was changed, and everybody sees it, but a power failure may undo it: {}", error.message);
    Error { kind: ErrorKind::OutcomeUnknown, message, ..error }
}

fn holds(path: &Path, expected: Option<&Version>) -> Result<bool> {
    let Some(expected) = expected else {
        return Ok(found(path.symlink_metadata(), "look up", path)?.is_none());
    };
    let current = found(read::whole(path), "read", path)?;
    Ok(current.is_some_and(|(data, metadata)| version::is_at(expected, &data, &metadata)))
}
