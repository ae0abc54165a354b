//! The lock that conditional writes hold, between threads and processes.
//!
//! It is a lock of the open file, not of the process: two handles in one process exclude each other, closing some
//! other handle of the file does not release it, and the kernel releases it when its process dies.  On Linux it is an
//! fcntl lock, which network file systems pass on to their servers.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::failure::failed;
use super::names;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;

/// Holders keep the lock for a comparison and a rename; one that takes so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

const FIRST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// The lock of a root directory, held until dropped.
#[derive(Debug)]
pub struct RootLock {
    file: File,
}

impl RootLock {
    /// Wait for the lock of the directory `root`.
    pub fn acquire(root: &Path) -> Result<Self> {
        let path = root.join(names::LOCK);
        let begin = Instant::now();
        let mut checked = begin;
        let mut pause = FIRST_PAUSE;
        loop {
            let lock = Self { file: open(&path).map_err(|error| failed(&error, "lock", &path))? };
            loop {
                if try_lock(&lock.file).map_err(|error| failed(&error, "lock", &path))? {
                    break;
                }
                if begin.elapsed() > PATIENCE {
                    return Err(Error::new(
                        ErrorKind::Io,
                        format!(
                            "{} has been locked for two minutes: look for a stopped process that uses it",
                            path.display()
                        ),
                    ));
                }
                if checked.elapsed() > interrupt::INTERVAL {
                    interrupt::check()?;
                    checked = Instant::now();
                }
                // A random share keeps waiting processes from trying in step.
                thread::sleep(pause.mul_f64(rand::random_range(0.5..1.5)));
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            // Someone may have removed the file while we waited: the lock that counts is that of the file in the root.
            if is_same_file(&lock.file, &path).map_err(|error| failed(&error, "lock", &path))? {
                return Ok(lock);
            }
        }
    }
}

impl Drop for RootLock {
    // Closing would not do: a child process forked meanwhile has the same open file.
    fn drop(&mut self) {
        let _ = unlock(&self.file);
    }
}

/// Whoever may write to the directory may lock it, so the file gets the directory's permissions, not the umask's.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            if let Some(directory) = path.parent() {
                let mode = fs::metadata(directory)?.permissions().mode() & 0o666;
                file.set_permissions(Permissions::from_mode(mode | 0o600))?;
            }
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.create(true).truncate(false).open(path),
        Err(error) => Err(error),
    }
}

fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn set(file: &File, kind: nix::libc::c_int) -> nix::Result<()> {
    use nix::libc;
    // The whole file.  These constants fit the field on every platform.
    #[allow(clippy::cast_possible_truncation)]
    let lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    nix::fcntl::fcntl(file, nix::fcntl::FcntlArg::F_OFD_SETLK(&lock)).map(drop)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn try_lock(file: &File) -> io::Result<bool> {
    use nix::errno::Errno;
    match set(file, nix::libc::F_WRLCK) {
        Ok(()) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES | Errno::EINTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn unlock(file: &File) -> io::Result<()> {
    Ok(set(file, nix::libc::F_UNLCK)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn try_lock(file: &File) -> io::Result<bool> {
    match rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn unlock(file: &File) -> io::Result<()> {
    Ok(rustix::fs::flock(file, rustix::fs::FlockOperation::Unlock)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn two_handles_of_one_process_exclude_each_other() {
        let directory = tempfile::tempdir().unwrap();
        let held = RootLock::acquire(directory.path()).unwrap();
        let other = open(&directory.path().join(names::LOCK)).unwrap();
        assert!(!try_lock(&other).unwrap());
        drop(File::open(directory.path().join(names::LOCK)).unwrap());
        assert!(!try_lock(&other).unwrap());
        drop(held);
        assert!(try_lock(&other).unwrap());
    }

    #[test]
    fn a_removed_lock_file_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(names::LOCK);
        let stale = RootLock::acquire(directory.path()).unwrap();
        fs::remove_file(&path).unwrap();
        let fresh = RootLock::acquire(directory.path()).unwrap();
        assert!(is_same_file(&fresh.file, &path).unwrap());
        assert!(!is_same_file(&stale.file, &path).unwrap());
    }
}
