//! A few threads that share a list of tasks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;

use super::scratch::{self, Scratch};
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;

/// Threads at work in the whole process, so that many callers at once do not start many times the number of CPUs.
static BUSY: AtomicUsize = AtomicUsize::new(0);

/// The most threads of one call.
const MOST: usize = 64;

/// Threads that a call may have at most: the CPUs this process may use, asked once, since the answer takes Linux as long
/// as reading a chunk does.
pub fn cpus() -> usize {
    static CPUS: OnceLock<usize> = OnceLock::new();
    *CPUS.get_or_init(|| thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST))
}

/// Some threads that are counted as busy until this is dropped.
struct Permits(usize);

impl Permits {
    /// The caller's own thread, which counts always, and helpers while CPUs are idle.
    fn take(helpers: usize) -> Self {
        let limit = cpus();
        let mut granted = 0;
        let _ = BUSY.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |busy| {
            granted = helpers.min(limit.saturating_sub(busy + 1));
            Some(busy + 1 + granted)
        });
        Self(granted + 1)
    }
}

impl Drop for Permits {
    fn drop(&mut self) {
        BUSY.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// Do `work` for every number below `count`, on at most `threads` threads, the caller's included.
///
/// `work` gets the number, the memory of its thread, and the number of the thread.
///
/// # Errors
/// The first error ends the work, and so does an interrupt, which only the caller's thread looks for.
pub fn run(count: usize, threads: usize, work: impl Fn(usize, &mut Scratch, usize) -> Result<()> + Sync) -> Result<()> {
    let permits = Permits::take(threads.min(count).saturating_sub(1));
    let next = AtomicUsize::new(0);
    let take_turns = |thread: usize| {
        scratch::with(|scratch| {
            for done in 1usize.. {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    break;
                }
                if thread == 0 && done.is_multiple_of(interrupt::STEPS) {
                    interrupt::check()?;
                }
                work(number, scratch, thread)?;
            }
            Ok(())
        })
        .inspect_err(|_| next.store(count, Ordering::Relaxed))
    };
    if permits.0 == 1 {
        return take_turns(0);
    }
    thread::scope(|scope| {
        let take_turns = &take_turns;
        let start = |thread| thread::Builder::new().spawn_scoped(scope, move || take_turns(thread)).ok();
        let helpers: Vec<_> = (1..permits.0).filter_map(start).collect();
        let mine = take_turns(0);
        helpers.into_iter().map(|helper| helper.join().unwrap_or_else(|_| Err(lost()))).fold(mine, Result::and)
    })
}

/// [`run`] with results, in order.
///
/// # Errors
/// As [`run`].
pub fn map<R: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(usize, &mut Scratch, usize) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(count));
    run(count, threads, |number, scratch, thread| {
        let result = work(number, scratch, thread)?;
        done.lock().map_err(|_| lost())?.push((number, result));
        Ok(())
    })?;
    let mut done = done.into_inner().map_err(|_| lost())?;
    done.sort_unstable_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

fn lost() -> Error {
    Error::new(ErrorKind::Internal, "a worker thread died")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_done_once_and_results_are_in_order() {
        for threads in [1, 2, 5, 100] {
            let expected: Vec<usize> = (0..1000).map(|i| i * 3).collect();
            assert_eq!(map(1000, threads, |i, _, _| Ok(i * 3)).unwrap(), expected);
        }
        assert!(map(0, 4, |i, _, _| Ok(i)).unwrap().is_empty());
    }

    #[test]
    fn an_error_ends_the_work() {
        let done = AtomicUsize::new(0);
        let result = run(1_000_000, 4, |number, _, _| {
            done.fetch_add(1, Ordering::Relaxed);
            if number == 7 { Err(Error::format("seven")) } else { Ok(()) }
        });
        assert_eq!(result.unwrap_err().message, "seven");
        assert!(done.into_inner() < 1_000_000);
    }

    #[test]
    fn callers_share_the_processors() {
        let held = Permits::take(1000);
        assert_eq!(Permits::take(5).0, 1);
        drop(held);
    }
}
