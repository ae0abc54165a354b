//! What the operating system said, and what to do about it.

use std::io;
use std::path::Path;

use crate::error::{Error, ErrorKind};

/// Whether the error means that there is no such object.
pub fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory | InvalidFilename)
}

/// The error of `action` ("read", "write", ...) on `path`.
pub fn failed(error: &io::Error, action: &str, path: &Path) -> Error {
    use io::ErrorKind::{
        InvalidFilename, IsADirectory, NotADirectory, NotFound, OutOfMemory, PermissionDenied, QuotaExceeded,
        ReadOnlyFilesystem, StorageFull,
    };
    let advice = match error.kind() {
        StorageFull => "the disk is full: free some space and repeat the operation",
        QuotaExceeded => "the disk quota is used up: free some space and repeat the operation",
        PermissionDenied => "check the owner and the permissions of the file and of its directory",
        ReadOnlyFilesystem => "the file system is mounted read-only",
        NotADirectory => "a part of the path is a file: choose another directory",
        IsADirectory => "there is a directory of that name: choose another directory for the store",
        InvalidFilename => "the name is too long for this file system",
        OutOfMemory => "there is not enough memory to hold it",
        NotFound => "it was removed meanwhile",
        _ if error.raw_os_error() == Some(nix::libc::EMFILE) => "too many open files: raise the limit (ulimit -n)",
        _ if error.raw_os_error() == Some(nix::libc::ENOLCK) => {
            "the file system offers no locks, which safe commits need: mount it with locking"
        }
        _ => return Error::new(ErrorKind::Io, format!("cannot {action} {}: {error}", path.display())),
    };
    Error::new(ErrorKind::Io, format!("cannot {action} {}: {error}; {advice}", path.display()))
}
