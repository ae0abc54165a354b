//! The same blocking work for many items, on a few threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;

/// `work` applied to every item on at most `threads` threads, the caller's included; results in order.
///
/// The first error ends the work, and so does an interrupt, which only the caller's thread looks for.
pub fn map<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    let run = |interruptible: bool| -> Result<()> {
        let mut mine = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            if interruptible && mine.len() % interrupt::STEPS == interrupt::STEPS - 1 {
                interrupt::check()?;
            }
            mine.push((index, work(item)?));
        }
        done.lock().map_err(|_| lost())?.extend(mine);
        Ok(())
    };
    let run = |interruptible| run(interruptible).inspect_err(|_| stop.store(true, Ordering::Relaxed));
    let helpers = threads.min(items.len()).saturating_sub(1);
    thread::scope(|scope| {
        let handles: Vec<_> =
            (0..helpers).filter_map(|_| thread::Builder::new().spawn_scoped(scope, || run(false)).ok()).collect();
        let own = run(true);
        let others = handles.into_iter().map(|handle| handle.join().unwrap_or_else(|_| Err(lost())));
        std::iter::once(own).chain(others.collect::<Vec<_>>()).collect::<Result<()>>()
    })?;
    let mut done = done.into_inner().map_err(|_| lost())?;
    done.sort_unstable_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

fn lost() -> Error {
    Error::new(ErrorKind::Internal, "a worker thread died")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(map(&items, 4, |i| Ok(i * 2)).unwrap(), items.iter().map(|i| i * 2).collect::<Vec<_>>());
        assert!(map(&[] as &[usize], 4, |i| Ok(*i)).unwrap().is_empty());
    }

    #[test]
    fn an_error_ends_the_work() {
        let items: Vec<usize> = (0..1000).collect();
        let result = map(&items, 3, |i| if *i == 7 { Err(Error::format("seven")) } else { Ok(()) });
        assert_eq!(result.unwrap_err().message, "seven");
    }
}
