//! Results of network reads on their way to an event loop.

mod bell;

use std::sync::PoisonError;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::sync::Mutex;
use bell::Bell;

/// What came of the reads that one event loop has started.
///
/// The threads of the stores only put results here and ring the bell; everything else is done by the loop's own thread.
/// So they never touch the embedding program, which may be ending.
#[derive(Debug)]
pub struct CompletionQueue {
    finished: Mutex<Vec<(u64, Result<Bytes>)>>,
    bell: Bell,
}

impl CompletionQueue {
    /// An empty queue.
    ///
    /// # Errors
    /// There are no sockets left, or the system's event loops watch none.
    pub fn new() -> Result<Self> {
        let bell = Bell::new().map_err(|error| {
            Error::new(ErrorKind::Io, format!("cannot make a pair of sockets to wake an event loop: {error}"))
        })?;
        Ok(Self { finished: Mutex::default(), bell })
    }

    /// The descriptor that becomes readable when there is something to take.
    #[must_use]
    pub fn fileno(&self) -> i32 {
        self.bell.fileno()
    }

    /// Add what came of the read of this number.
    pub fn put(&self, ticket: u64, result: Result<Bytes>) {
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        finished.push((ticket, result));
        // Whoever put the first one has rung, and everything up to the next visit of the loop is taken with it.
        if finished.len() == 1 {
            self.bell.ring();
        }
    }

    /// What has come in since the last time.
    pub fn take(&self) -> Vec<(u64, Result<Bytes>)> {
        // In this order: what is put in between is taken now, and rung for in vain.
        self.bell.silence();
        std::mem::take(&mut *self.finished.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_between_many_threads_and_one_reader() {
        let results = CompletionQueue::new().unwrap();
        let mut taken = Vec::new();
        std::thread::scope(|scope| {
            for thread in 0..4u64 {
                let results = &results;
                scope.spawn(move || (0..500).for_each(|n| results.put(thread * 500 + n, Ok(Bytes::new()))));
            }
            while taken.len() < 2000 {
                taken.extend(results.take().into_iter().map(|(ticket, _)| ticket));
            }
        });
        taken.sort_unstable();
        assert_eq!(taken, (0..2000).collect::<Vec<_>>());
        assert!(results.take().is_empty());
    }
}
