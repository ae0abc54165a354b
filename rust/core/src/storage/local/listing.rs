//! Walking a directory.

use std::fs::{self, DirEntry, Metadata, ReadDir};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::failure::failed;
use super::{meta, names, version};
use crate::error::Result;
use crate::storage::{ObjectMeta, key};

#[derive(Debug)]
struct Level {
    entries: ReadDir,
    path: PathBuf,
    /// Key of the directory, encoded as it is on disk.
    encoded: String,
}

/// What a directory entry is; a directory comes with its path and its key, encoded.
enum Found {
    Object(ObjectMeta),
    Directory(PathBuf, String),
    /// Hidden, gone meanwhile, or nothing that can be an object.
    Nothing,
}

/// Every file below a directory, as it comes; symbolic links are followed.
#[derive(Debug)]
pub struct Walk {
    open: Vec<Level>,
    verbatim: bool,
}

impl Walk {
    /// The files below `start`, with keys relative to `root`.
    pub fn new(root: &Path, start: PathBuf, verbatim: bool) -> Result<Self> {
        let encoded = start.strip_prefix(root).ok().and_then(Path::to_str).unwrap_or_default().to_owned();
        let mut walk = Self { open: Vec::new(), verbatim };
        walk.enter(start, encoded)?;
        Ok(walk)
    }

    /// A directory that is gone is an empty one.
    fn enter(&mut self, path: PathBuf, encoded: String) -> Result<()> {
        match fs::read_dir(&path) {
            Ok(entries) => self.open.push(Level { entries, path, encoded }),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(failed(&error, "list", &path)),
        }
        Ok(())
    }

    fn visit(&self, entry: &DirEntry, parent: &str) -> Result<Found> {
        let name = entry.file_name();
        // Keys are text; a file whose name is none cannot be addressed.
        let Some(name) = name.to_str() else { return Ok(Found::Nothing) };
        if names::is_hidden(name) || (!self.verbatim && names::is_foreign_temporary(name)) {
            return Ok(Found::Nothing);
        }
        let path = entry.path();
        let encoded = key::join(parent, name);
        let metadata = match metadata(entry, &path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(failed(&error, "look up", &path)),
        };
        if metadata.is_dir() {
            let known = self.is_inside(&metadata, entry);
            return Ok(if known { Found::Nothing } else { Found::Directory(path, encoded) });
        }
        let shown = if self.verbatim { encoded.as_str().into() } else { key::decode(&encoded) };
        let is_file = metadata.is_file();
        Ok(if is_file { Found::Object(meta(&shown, &metadata, version::of_file(&metadata))) } else { Found::Nothing })
    }

    /// The next object; `None` at the end.
    fn advance(&mut self) -> Result<Option<ObjectMeta>> {
        while let Some(level) = self.open.last_mut() {
            let Some(entry) = level.entries.next() else {
                self.open.pop();
                continue;
            };
            let entry = entry.map_err(|error| failed(&error, "list", &level.path))?;
            let Some(level) = self.open.last() else { break };
            match self.visit(&entry, &level.encoded)? {
                Found::Object(object) => return Ok(Some(object)),
                Found::Directory(path, encoded) => self.enter(path, encoded)?,
                Found::Nothing => {}
            }
        }
        Ok(None)
    }

    /// Whether a symbolic link leads back to a directory that is being walked.
    fn is_inside(&self, directory: &Metadata, entry: &DirEntry) -> bool {
        let linked = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let same = |level: &Level| {
            fs::metadata(&level.path).is_ok_and(|open| (open.dev(), open.ino()) == (directory.dev(), directory.ino()))
        };
        linked && self.open.iter().any(same)
    }
}

fn metadata(entry: &DirEntry, path: &Path) -> io::Result<Metadata> {
    let metadata = entry.metadata()?;
    if metadata.is_symlink() { fs::metadata(path) } else { Ok(metadata) }
}

impl Iterator for Walk {
    type Item = Result<ObjectMeta>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.advance();
        if result.is_err() {
            self.open.clear();
        }
        result.transpose()
    }
}
