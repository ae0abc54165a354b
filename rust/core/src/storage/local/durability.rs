//! What was written and is not yet on stable storage.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use super::failure::{failed, is_missing};
use super::read;
use crate::error::{Error, ErrorKind, Result};
use crate::storage::parallel;
use crate::sync::{Mutex, MutexGuard};

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
    broken: BTreeMap<PathBuf, String>,
}

/// What was known of a file.
#[derive(Debug)]
pub struct Known {
    waits: bool,
    broken: Option<String>,
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

    /// Note that `path` is about to be removed; what was known of it, for `remember` if it stays.
    ///
    /// Not afterwards: somebody may have written it anew by then.
    pub fn forget(&self, path: &Path) -> Known {
        let mut paths = self.paths();
        Known { waits: paths.files.remove(path), broken: paths.broken.remove(path) }
    }

    /// Note that `path` was not removed after all.
    pub fn remember(&self, path: &Path, known: Known) {
        let mut paths = self.paths();
        if known.waits {
            paths.files.insert(path.to_owned());
        }
        if let Some(reason) = known.broken {
            paths.broken.insert(path.to_owned(), reason);
        }
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
    ///
    /// What the disk refuses is no error here, since it concerns only those who refer to it: they ask `ensure_sound`.
    pub fn sync(&self) -> Result<()> {
        let _one_at_a_time = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let (files, directories) = {
            let mut paths = self.paths();
            (std::mem::take(&mut paths.files), std::mem::take(&mut paths.directories))
        };
        let files: Vec<_> = files.into_iter().collect();
        let synced = match parallel::map(&files, THREADS, |path| Ok(self.sync_file(path).err())) {
            Ok(errors) => self.wait_on(files, errors),
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

    /// Those files wait for the next sync that could not be asked for this time; the first reason.
    fn wait_on(&self, files: Vec<PathBuf>, errors: Vec<Option<Error>>) -> Result<()> {
        let failed = files.into_iter().zip(errors).filter_map(|(path, error)| Some((path, error?)));
        let (paths, errors): (Vec<_>, Vec<_>) = failed.unzip();
        self.paths().files.extend(paths);
        errors.into_iter().next().map_or(Ok(()), Err)
    }

    /// Put a file on stable storage, or remember that the disk refused it; an error if that could not be tried.
    ///
    /// A file that is gone, or whose name stands for something else, needs no sync: whoever refers to it finds out.
    fn sync_file(&self, path: &Path) -> Result<()> {
        let file = match read::open(path) {
            Ok((file, _)) => file,
            Err(error) if is_missing(&error) || read::is_not_regular(&error) => return Ok(()),
            Err(error) => return Err(failed(&error, "open to sync", path)),
        };
        if let Err(error) = file.sync_data() {
            // Remembered at once: an interrupt must not lose it.
            self.paths().broken.insert(path.to_owned(), error.to_string());
        }
        Ok(())
    }

    /// Fail if the disk refused the file: what can be read of it is what memory still has.
    pub fn ensure_sound(&self, path: &Path) -> Result<()> {
        match self.paths().broken.get(path) {
            None => Ok(()),
            Some(reason) => Err(Error::new(
                ErrorKind::Io,
                format!("{} did not reach the disk and has to be written again: {reason}", path.display()),
            )),
        }
    }
}

/// Put the entries of a directory on stable storage.
///
/// A directory that is gone, or that may be entered but not read, is left alone: there is no way to sync it.
pub fn sync_directory(path: &Path) -> Result<()> {
    let file = match OpenOptions::new().read(true).custom_flags(nix::libc::O_DIRECTORY).open(path) {
        Err(error) if is_missing(&error) || error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
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
        let (path, other) = (Path::new("/directory/chunk"), Path::new("/directory/other"));
        unsynced.paths().broken.insert(path.to_owned(), "refused".to_owned());
        unsynced.sync().unwrap();
        assert!(unsynced.ensure_sound(path).unwrap_err().message.ends_with("written again: refused"));
        assert!(unsynced.ensure_sound(path).is_err());
        unsynced.ensure_sound(other).unwrap();
        unsynced.add(path, Files::FileAndDirectory);
        unsynced.ensure_sound(path).unwrap();
    }

    #[test]
    fn what_could_not_be_asked_for_waits_for_the_next_sync() {
        let unsynced = Unsynced::default();
        let paths = vec![PathBuf::from("/directory/a"), PathBuf::from("/directory/b")];
        let error = Error::new(ErrorKind::Io, "too many open files");
        assert!(unsynced.wait_on(paths.clone(), vec![None, Some(error)]).is_err());
        assert_eq!(unsynced.paths().files, BTreeSet::from([paths[1].clone()]));
        unsynced.ensure_sound(&paths[1]).unwrap();
    }

    #[test]
    fn a_file_that_could_not_be_removed_is_as_it_was() {
        let unsynced = Unsynced::default();
        let (path, other) = (Path::new("/directory/chunk"), Path::new("/directory/other"));
        unsynced.paths().broken.insert(path.to_owned(), "refused".to_owned());
        unsynced.add(other, Files::FileAndDirectory);
        for path in [path, other] {
            let known = unsynced.forget(path);
            unsynced.ensure_sound(path).unwrap();
            unsynced.remember(path, known);
        }
        unsynced.ensure_sound(path).unwrap_err();
        assert_eq!(unsynced.paths().files, BTreeSet::from([other.to_owned()]));
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let unsynced = Unsynced::default();
        unsynced.add(&path, Files::FileAndDirectory);
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
