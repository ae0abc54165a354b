//! What was written and is not yet on stable storage.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::failure::failed;
use crate::error::{Error, ErrorKind, Result};
use crate::storage::parallel;

/// Threads that wait for the disk: the more wait, the more the file system writes at once.
const THREADS: usize = 8;

/// What of a path has to be synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// The file and the entry in its directory.
    FileAndDirectory,
    /// The entry alone: the file is on stable storage, or is a directory.
    Directory,
}

#[derive(Debug, Default)]
struct Paths {
    files: BTreeSet<PathBuf>,
    directories: BTreeSet<PathBuf>,
    /// Files that the disk refused, and why.  The kernel reports such a failure only once, so we have to remember it.
    broken: BTreeMap<PathBuf, Error>,
}

/// The files and directories written since the last sync.
#[derive(Debug, Default)]
pub struct Unsynced {
    paths: Mutex<Paths>,
    /// Held for a whole sync: whoever comes meanwhile may depend on what it is writing.
    syncing: Mutex<()>,
}

impl Unsynced {
    // Sets of paths are consistent at any moment, so a poisoned lock is as good as any.
    fn paths(&self) -> MutexGuard<'_, Paths> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Note that `path` was written.
    pub fn add(&self, path: &Path, what: Files) {
        let mut paths = self.paths();
        if let Some(parent) = path.parent().filter(|parent| !paths.directories.contains(*parent)) {
            paths.directories.insert(parent.to_owned());
        }
        paths.broken.remove(path);
        if what == Files::FileAndDirectory {
            paths.files.insert(path.to_owned());
        }
    }

    /// Note that `path` is about to be removed.
    pub fn forget(&self, path: &Path) {
        let mut paths = self.paths();
        paths.files.remove(path);
        paths.broken.remove(path);
    }

    /// Put the entry of `path` on stable storage, with the entries of those directories above it that wait for that.
    ///
    /// They go on waiting until the next sync: somebody may add to them meanwhile.
    pub fn sync_directories_above(&self, path: &Path) -> Result<()> {
        let mut above: Vec<PathBuf> = {
            let paths = self.paths();
            path.ancestors().skip(2).filter(|above| paths.directories.contains(*above)).map(Path::to_owned).collect()
        };
        above.reverse();
        above.extend(path.parent().map(Path::to_owned));
        let synced = above.iter().try_for_each(|directory| sync_directory(directory));
        if synced.is_err() {
            self.paths().directories.extend(above);
        }
        synced
    }

    /// Put everything noted so far on stable storage.
    pub fn sync(&self) -> Result<()> {
        let _one_at_a_time = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let (files, directories) = {
            let mut paths = self.paths();
            if let Some(error) = paths.broken.values().next() {
                return Err(error.clone());
            }
            (std::mem::take(&mut paths.files), std::mem::take(&mut paths.directories))
        };
        let files: Vec<_> = files.into_iter().collect();
        let outcome = parallel::map(&files, THREADS, |path| Ok(sync_file(path).err()));
        let synced = match outcome {
            Ok(errors) => self.remember_broken(&files, errors),
            Err(interrupted) => {
                self.paths().files.extend(files);
                Err(interrupted)
            }
        };
        let synced = synced.and_then(|()| directories.iter().try_for_each(|directory| sync_directory(directory)));
        if synced.is_err() {
            self.paths().directories.extend(directories);
        }
        synced
    }

    fn remember_broken(&self, files: &[PathBuf], errors: Vec<Option<Error>>) -> Result<()> {
        let broken: BTreeMap<_, _> =
            files.iter().zip(errors).filter_map(|(path, error)| Some((path.clone(), error?))).collect();
        let first = broken.values().next().cloned();
        self.paths().broken.extend(broken);
        first.map_or(Ok(()), Err)
    }
}

/// A file that was removed meanwhile needs no sync.
fn sync_file(path: &Path) -> Result<()> {
    match File::open(path).and_then(|file| file.sync_data()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::new(
            ErrorKind::Io,
            format!("{} did not reach the disk and has to be written again: {error}", path.display()),
        )),
        _ => Ok(()),
    }
}

/// Put the entries of a directory on stable storage.
///
/// A directory that is gone, or that may be entered but not read, is left alone: there is no way to sync it.
pub fn sync_directory(path: &Path) -> Result<()> {
    let file = match File::open(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            return Ok(());
        }
        file => file.map_err(|error| failed(&error, "open directory", path))?,
    };
    match file.sync_all() {
        // Some network and user-space file systems have nothing to sync in a directory.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result.map_err(|error| failed(&error, "sync directory", path)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_the_disk_refused_stays_refused_until_it_is_written_again() {
        let unsynced = Unsynced::default();
        let path = Path::new("/directory/chunk");
        let refused = Error::new(ErrorKind::Io, "refused");
        assert!(unsynced.remember_broken(&[path.to_owned()], vec![Some(refused)]).is_err());
        assert_eq!(unsynced.sync().unwrap_err().message, "refused");
        assert_eq!(unsynced.sync().unwrap_err().message, "refused");
        unsynced.forget(path);
        unsynced.sync().unwrap();
    }

    #[test]
    fn nothing_is_left_to_do_after_a_sync() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, b"x").unwrap();
        let unsynced = Unsynced::default();
        unsynced.add(&path, Files::FileAndDirectory);
        unsynced.add(&directory.path().join("gone"), Files::FileAndDirectory);
        unsynced.sync().unwrap();
        assert!(unsynced.paths().files.is_empty());
        assert!(unsynced.paths().directories.is_empty());
    }
}
