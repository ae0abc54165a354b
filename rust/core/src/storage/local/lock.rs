//! The lock that conditional writes hold, between threads and processes.
//!
//! It is a lock of the open file, not of the process: two handles in one process exclude each other, closing some
//! other handle of the file does not release it, and the kernel releases it when its process dies.  On Linux it is an
//! fcntl lock, which network file systems pass on to their servers.
//!
//! Whoever removes the file while it is held must not let a second writer in (docs/design/0012): so the directory is locked
//! as well, where that is possible.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;

use super::failure::failed;
use super::{names, read};
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::sync::{Pass, enter};

/// Holders keep the lock for a comparison and a rename; one that takes so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

const FIRST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// The lock of a root directory, held until dropped.
#[derive(Debug)]
pub struct RootLock {
    file: File,
    /// The directory itself, locked too where it can be: its lock cannot be taken away by removing a file.
    directory: Option<File>,
    /// A child forked meanwhile would have the same open files, and keep the lock if this process died.
    _pass: Pass,
}

impl RootLock {
    /// Wait for the lock of the directory `root`.
    pub fn acquire(root: &Path) -> Result<Self> {
        let path = root.join(names::LOCK);
        let fail = |error: io::Error| failed(&error, "lock", &path);
        let patience = Patience { path: &path, begin: Instant::now() };
        loop {
            let file = open(&path).map_err(fail)?;
            let pass = patience.wait(|| try_lock(&file))?;
            let mut lock = Self { file, directory: None, _pass: pass };
            // Someone may have removed the file while we waited: the lock that counts is that of the file in the root.
            if !is_same_file(&lock.file, &path).map_err(fail)? {
                continue;
            }
            // And someone may remove it from now on, and lock a new one.
            if let Some(directory) = open_directory(root).map_err(fail)? {
                let mut can_be_locked = true;
                patience.wait(|| match try_flock(&directory) {
                    Err(error) if cannot_be_locked(&error) => {
                        can_be_locked = false;
                        Ok(true)
                    }
                    result => result,
                })?;
                lock.directory = can_be_locked.then_some(directory);
            }
            return Ok(lock);
        }
    }
}

impl Drop for RootLock {
    // Closing would not do: a child process forked meanwhile has the same open files.
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            let _ = rustix::fs::flock(directory, rustix::fs::FlockOperation::Unlock);
        }
        let _ = unlock(&self.file);
    }
}

/// How long to try.
struct Patience<'a> {
    path: &'a Path,
    begin: Instant,
}

impl Patience<'_> {
    /// Try until it works.
    fn wait(&self, mut attempt: impl FnMut() -> io::Result<bool>) -> Result<Pass> {
        let (mut checked, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let pass = enter();
            if attempt().map_err(|error| failed(&error, "lock", self.path))? {
                return Ok(pass);
            }
            drop(pass);
            if self.begin.elapsed() > PATIENCE {
                return Err(Error::new(
                    ErrorKind::Io,
                    format!(
                        "{} has been locked for two minutes: look for a stopped process that uses it",
                        self.path.display()
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
    }
}

/// None for one that may be entered but not read.
fn open_directory(root: &Path) -> io::Result<Option<File>> {
    match OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(root) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        directory => directory.map(Some),
    }
}

/// Network file systems lock only what is open for writing, which no directory is.
fn cannot_be_locked(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [libc::EBADF, libc::ENOLCK, libc::EINVAL, libc::ENOSYS, libc::EOPNOTSUPP, libc::EACCES]
        .iter()
        .any(|known| code == Some(*known))
}

fn try_flock(file: &File) -> io::Result<bool> {
    match rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whoever may write to the directory may lock it, so the file gets the directory's permissions, not the umask's.
///
/// A link is not followed, which could have the file made anywhere, and nothing but a file is locked.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = match options.clone().create_new(true).open(path) {
        Ok(file) => {
            if let Some(directory) = path.parent() {
                let mode = fs::metadata(directory)?.permissions().mode() & 0o666;
                file.set_permissions(Permissions::from_mode(mode | 0o600))?;
            }
            file
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            options.create(true).truncate(false).open(path)?
        }
        Err(error) => return Err(error),
    };
    if file.metadata()?.is_file() { Ok(file) } else { Err(read::not_regular()) }
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
fn set(file: &File, kind: libc::c_int) -> nix::Result<()> {
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
    match set(file, libc::F_WRLCK) {
        Ok(()) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES | Errno::EINTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn unlock(file: &File) -> io::Result<()> {
    Ok(set(file, libc::F_UNLCK)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn try_lock(file: &File) -> io::Result<bool> {
    try_flock(file)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn unlock(file: &File) -> io::Result<()> {
    Ok(rustix::fs::flock(file, rustix::fs::FlockOperation::Unlock)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{LocalOptions, LocalStore};
    use super::*;
    use crate::storage::{ObjectStore, PutMode, PutOptions};

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
    fn a_lock_file_that_is_removed_while_it_is_held_lets_nobody_in() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(names::LOCK);
        let held = RootLock::acquire(directory.path()).unwrap();
        fs::remove_file(&path).unwrap();
        thread::scope(|scope| {
            let other = scope.spawn(|| RootLock::acquire(directory.path()).unwrap());
            while !path.exists() {
                thread::yield_now();
            }
            // The other has made the file anew: what it waits for now is the directory.
            let fresh = open(&path).unwrap();
            while try_lock(&fresh).unwrap() {
                unlock(&fresh).unwrap();
                thread::yield_now();
            }
            for _ in 0..20 {
                assert!(!other.is_finished());
                thread::sleep(FIRST_PAUSE);
            }
            drop(held);
            let other = other.join().unwrap();
            assert!(is_same_file(&other.file, &path).unwrap());
            assert!(other.directory.is_some());
        });
    }

    #[test]
    fn only_a_regular_file_is_locked() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(names::LOCK);
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(RootLock::acquire(directory.path()).unwrap_err().message.contains("no regular file"));
        fs::remove_file(&path).unwrap();
        let elsewhere = directory.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        RootLock::acquire(directory.path()).unwrap_err();
        assert!(!elsewhere.exists());
    }

    #[test]
    fn a_ref_is_deleted_under_the_lock() {
        let directory = tempfile::tempdir().unwrap();
        let store = LocalStore::new(directory.path(), LocalOptions::default()).unwrap();
        let name = "refs/branch.b/ref.json".to_owned();
        store.put(&name, "{}".into(), &PutMode::Create, &PutOptions::default()).unwrap();
        let held = RootLock::acquire(directory.path()).unwrap();
        thread::scope(|scope| {
            let deletion = scope.spawn(|| store.delete_many(std::slice::from_ref(&name)).unwrap());
            thread::sleep(Duration::from_millis(50));
            assert!(!deletion.is_finished());
            assert!(store.head(&name).unwrap().is_some());
            drop(held);
            assert!(deletion.join().unwrap().is_empty());
        });
        assert!(store.head(&name).unwrap().is_none());
    }
}
