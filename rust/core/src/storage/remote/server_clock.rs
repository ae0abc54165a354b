//! What a store's answers say of its clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use chrono::DateTime;
use http::header::{DATE, HeaderMap};

use crate::storage::unix_micros;

const UNKNOWN: i64 = i64::MIN;

/// How far the clock of a store is ahead of this machine's.
#[derive(Debug)]
pub struct ServerClock {
    ahead: AtomicI64,
}

impl Default for ServerClock {
    fn default() -> Self {
        Self { ahead: AtomicI64::new(UNKNOWN) }
    }
}

impl ServerClock {
    /// Heed an answer that has come at `now`, if it tells the time.
    pub fn heed(&self, answer: &HeaderMap, now: SystemTime) {
        let said = answer.get(DATE).and_then(|date| date.to_str().ok());
        if let Some(date) = said.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) {
            self.ahead.store(date.timestamp_micros().saturating_sub(unix_micros(now)), Ordering::Relaxed);
        }
    }

    /// In microseconds; None if no answer has told the time yet.
    pub fn ahead(&self) -> Option<i64> {
        Some(self.ahead.load(Ordering::Relaxed)).filter(|ahead| *ahead != UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::header::HeaderValue;

    use super::*;

    #[test]
    fn the_last_answer_that_told_the_time_counts() {
        let clock = ServerClock::default();
        let answer = |date: &'static str| HeaderMap::from_iter([(DATE, HeaderValue::from_static(date))]);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        clock.heed(&HeaderMap::new(), now);
        clock.heed(&answer("yesterday"), now);
        assert_eq!(clock.ahead(), None);
        clock.heed(&answer("Sun, 06 Nov 1994 08:49:47 GMT"), now);
        assert_eq!(clock.ahead(), Some(10_000_000));
        clock.heed(&answer("Sun, 06 Nov 1994 08:49:30 GMT"), now);
        assert_eq!(clock.ahead(), Some(-7_000_000));
    }
}
