//! Locks that nobody holds while the process forks.
//!
//! A forked child has the memory of its parent and none of its other threads: a lock that one of those held stays locked
//! for ever.  So whoever takes a lock of this module passes a gate, and a fork waits until nobody is inside and keeps the
//! gate closed meanwhile (`close`, `open`).  Locks that only live as long as one call, and are never seen by a child, need
//! none of this.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{LockResult, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

static CLOSED: AtomicBool = AtomicBool::new(false);
static INSIDE: AtomicUsize = AtomicUsize::new(0);

const PAUSE: Duration = Duration::from_micros(50);
/// After so many pauses whoever waits goes on: it may hold what the fork waits for.
const PATIENCE: u32 = 20_000;

/// The right to hold locks; a fork waits until it is dropped.
#[derive(Debug)]
pub struct Pass(());

/// Go through the gate, and wait while it is closed.
#[must_use]
pub fn enter() -> Pass {
    for _ in 0..PATIENCE {
        INSIDE.fetch_add(1, Ordering::SeqCst);
        if !CLOSED.load(Ordering::SeqCst) {
            return Pass(());
        }
        INSIDE.fetch_sub(1, Ordering::SeqCst);
        thread::sleep(PAUSE);
    }
    INSIDE.fetch_add(1, Ordering::SeqCst);
    Pass(())
}

impl Drop for Pass {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Close the gate if nobody is inside; whether it is closed now.
#[must_use]
pub fn close() -> bool {
    CLOSED.store(true, Ordering::SeqCst);
    let is_empty = INSIDE.load(Ordering::SeqCst) == 0;
    if !is_empty {
        CLOSED.store(false, Ordering::SeqCst);
    }
    is_empty
}

/// Open the gate again; in a `child` nobody is inside.
pub fn open(child: bool) {
    if child {
        INSIDE.store(0, Ordering::SeqCst);
    }
    CLOSED.store(false, Ordering::SeqCst);
}

/// What a lock protects, for as long as this lives.
#[derive(Debug)]
pub struct Guard<G> {
    // dropped in this order
    inner: G,
    _pass: Pass,
}

impl<G: Deref> Deref for Guard<G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.inner
    }
}

impl<G: DerefMut> DerefMut for Guard<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.inner
    }
}

/// The guard of a `Mutex`.
pub type MutexGuard<'a, T> = Guard<std::sync::MutexGuard<'a, T>>;
/// The guard of a `RwLock` for reading.
pub type RwLockReadGuard<'a, T> = Guard<std::sync::RwLockReadGuard<'a, T>>;
/// The guard of a `RwLock` for writing.
pub type RwLockWriteGuard<'a, T> = Guard<std::sync::RwLockWriteGuard<'a, T>>;

fn guarded<G>(pass: Pass, result: LockResult<G>) -> LockResult<Guard<G>> {
    match result {
        Ok(inner) => Ok(Guard { inner, _pass: pass }),
        Err(poisoned) => Err(PoisonError::new(Guard { inner: poisoned.into_inner(), _pass: pass })),
    }
}

/// As `std::sync::Mutex`.
#[derive(Debug, Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// A new lock.
    pub const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    /// Wait for the lock.
    ///
    /// # Errors
    /// If a thread panicked while it held the lock.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let pass = enter();
        guarded(pass, self.0.lock())
    }

    /// The lock, if nobody has it.
    #[must_use]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let pass = enter();
        match self.0.try_lock() {
            Ok(inner) => Some(Guard { inner, _pass: pass }),
            Err(TryLockError::Poisoned(poisoned)) => Some(Guard { inner: poisoned.into_inner(), _pass: pass }),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// As `std::sync::RwLock`.
#[derive(Debug, Default)]
pub struct RwLock<T>(std::sync::RwLock<T>);

impl<T> RwLock<T> {
    /// A new lock.
    pub const fn new(value: T) -> Self {
        Self(std::sync::RwLock::new(value))
    }

    /// Wait until nobody writes.
    ///
    /// # Errors
    /// If a thread panicked while it held the lock.
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        let pass = enter();
        guarded(pass, self.0.read())
    }

    /// Wait until nobody reads or writes.
    ///
    /// # Errors
    /// If a thread panicked while it held the lock.
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        let pass = enter();
        guarded(pass, self.0.write())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    // One test: the gate is that of the process, and other tests of this binary take locks.
    #[test]
    fn a_fork_waits_for_whoever_holds_a_lock_and_keeps_others_out() {
        let lock = Mutex::new(1);
        let held = lock.lock().unwrap();
        assert!(!close());
        drop(held);
        while !close() {
            thread::sleep(PAUSE);
        }
        thread::scope(|scope| {
            let waiting = scope.spawn(|| *lock.lock().unwrap());
            thread::sleep(Duration::from_millis(20));
            assert!(!waiting.is_finished());
            open(false);
            assert_eq!(waiting.join().unwrap(), 1);
        });
    }
}
