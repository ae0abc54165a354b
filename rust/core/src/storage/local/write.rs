//! Unconditional writes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::durability::{Files, Unsynced};
use super::failure::{failed, is_missing};
use super::{LocalStore, names, version};
use crate::error::{Error, ErrorKind, Result};
use crate::storage::{PutOptions, Version, key};

impl LocalStore {
    /// Write an object made of `parts`, whatever there was.
    pub(super) fn write(&self, key: &str, parts: &[&[u8]], options: &PutOptions) -> Result<Version> {
        let path = self.path(key)?;
        self.with_directory(&path, || match (key::is_id_named(key), options.fresh) {
            (true, true) => self.write_in_place(&path, parts),
            (true, false) => self.write_once(&path, parts),
            (false, _) => self.replace(&path, parts),
        })
    }

    /// Nobody reads a fresh name before it is published, so the file may grow in place.
    fn write_in_place(&self, path: &Path, parts: &[&[u8]]) -> io::Result<Version> {
        let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return self.replace(path, parts),
            file => file?,
        };
        if let Err(error) = write_all(&mut file, parts) {
            // Only what this write has made goes, whatever has happened to the name.
            if is_named(&file, path).unwrap_or(false) {
                let _ = fs::remove_file(path);
            }
            return Err(error);
        }
        if self.options.durable {
            self.unsynced.add(path, Files::FileAndDirectory);
        }
        Ok(version::of_file(&file.metadata()?))
    }

    /// A name that others may know: one made from the content, or that of a file which is written again.
    ///
    /// A file that has the name already may be read right now and be relied on after a power failure, so that another
    /// takes its place only once it is whole and on stable storage.
    fn write_once(&self, path: &Path, parts: &[&[u8]]) -> io::Result<Version> {
        let mut temporary = Temporary::write(path, parts, false)?;
        let version = version::of_file(&temporary.file.metadata()?);
        if temporary.take_free_name(path)? {
            if self.options.durable {
                self.unsynced.add(path, Files::FileAndDirectory);
            }
            return Ok(version);
        }
        if self.options.durable {
            temporary.file.sync_data()?;
        }
        temporary.publish(path).map_err(Unpublished::into_error)?;
        if self.options.durable {
            self.unsynced.add(path, Files::Directory);
        }
        Ok(version)
    }

    fn replace(&self, path: &Path, parts: &[&[u8]]) -> io::Result<Version> {
        let temporary = Temporary::write(path, parts, self.options.durable)?;
        let version = version::of_file(&temporary.file.metadata()?);
        temporary.publish(path).map_err(Unpublished::into_error)?;
        if self.options.durable {
            self.unsynced.add(path, Files::Directory);
        }
        Ok(version)
    }

    /// Do `work`, which writes `path`, and once more with its directory made if that is what was missing.
    pub(super) fn with_directory<T>(&self, path: &Path, work: impl Fn() -> io::Result<T>) -> Result<T> {
        let result = match (work(), path.parent()) {
            (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
                make_directory(parent, self.options.durable.then_some(&self.unsynced))?;
                work()
            }
            (result, _) => result,
        };
        result.map_err(|error| failed(&error, "write", path))
    }
}

/// Make a directory and its parents, noting in `unsynced` those whose entries changed.
fn make_directory(directory: &Path, unsynced: Option<&Unsynced>) -> Result<()> {
    let missing: Vec<&Path> = directory.ancestors().take_while(|path| !path.exists()).collect();
    for path in missing.into_iter().rev() {
        match fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(&error, "make directory", path));
            }
            _ => {}
        }
        if let Some(unsynced) = unsynced {
            unsynced.add(path, Files::Directory);
        }
    }
    if directory.is_dir() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Io,
        format!("cannot write below {}: it is no directory; choose another", directory.display()),
    ))
}

/// Write `parts` one after the other, many with one call of the operating system.
fn write_all(file: &mut File, parts: &[&[u8]]) -> io::Result<()> {
    if let [data] = parts {
        return file.write_all(data);
    }
    let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let mut rest = slices.as_mut_slice();
    IoSlice::advance_slices(&mut rest, 0); // past empty ones, of which nothing would be written
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A complete file under a name that nobody looks at, removed unless it is published.
pub struct Temporary {
    pub file: File,
    path: PathBuf,
    published: bool,
}

impl Temporary {
    /// Write `parts` beside `target`; with `durable`, onto stable storage.
    pub fn write(target: &Path, parts: &[&[u8]], durable: bool) -> io::Result<Self> {
        let path = target.with_file_name(names::temporary()?);
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let mut temporary = Self { file, path, published: false };
        write_all(&mut temporary.file, parts)?;
        if durable {
            temporary.file.sync_data()?;
        }
        Ok(temporary)
    }

    /// Let `target` be a name of this file if it is the name of none; false if it is, or if this file system cannot tell.
    ///
    /// The temporary name goes when this is dropped.
    fn take_free_name(&mut self, target: &Path) -> io::Result<bool> {
        match fs::hard_link(&self.path, target) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Let `target` be this file, in one step.
    pub fn publish(mut self, target: &Path) -> std::result::Result<(), Unpublished> {
        let Err(error) = fs::rename(&self.path, target) else {
            self.published = true;
            return Ok(());
        };
        // A network file system may lose the answer to a rename that it has made, and fail when it is made again.
        match is_named(&self.file, target) {
            Ok(true) => {
                self.published = true;
                Ok(())
            }
            Ok(false) => Err(Unpublished::Surely(error)),
            Err(_) => Err(Unpublished::Perhaps(error)),
        }
    }
}

/// Why a file did not get its name, and whether that is certain.
#[derive(Debug)]
pub enum Unpublished {
    /// The name stands for what it stood for.
    Surely(io::Error),
    /// What it stands for cannot be looked up.
    Perhaps(io::Error),
}

impl Unpublished {
    fn into_error(self) -> io::Error {
        match self {
            Self::Surely(error) | Self::Perhaps(error) => error,
        }
    }
}

/// Whether `path` is the name of this very file.
fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match path.symlink_metadata() {
        Ok(named) => Ok((named.dev(), named.ino()) == (ours.dev(), ours.ino())),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_written_one_after_the_other() {
        let directory = tempfile::tempdir().unwrap();
        let pieces: Vec<Vec<u8>> = (0..5000u32).map(|i| vec![(i % 251) as u8; (i % 7 * 300) as usize]).collect();
        for count in [0, 1, 2, 1500, 5000] {
            let path = directory.path().join(count.to_string());
            let parts: Vec<&[u8]> = pieces.iter().take(count).map(Vec::as_slice).collect();
            write_all(&mut File::create(&path).unwrap(), &parts).unwrap();
            assert_eq!(fs::read(&path).unwrap(), parts.concat());
        }
    }
}
