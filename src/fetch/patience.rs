//! How long a poll waits: for one answer, for a host that stays silent, and in all.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Time-outs of a host, with no answer after them, that make us wait less for it.
const ENOUGH: u32 = 2;
/// What part of its time a request has at a host that stays silent.
const PART: u32 = 4;

/// The time of one poll.
///
/// A host that is down costs each of its watches a time-out, a few at a time. So after two in a row
/// its other requests get a quarter of their time: each is still made, because one slow address says
/// little of its neighbours, and the first answer restores the host's credit.
#[derive(Debug)]
pub struct Patience {
    until: Instant,
    silent: Mutex<HashMap<String, u32>>,
}

impl Patience {
    /// For a poll that begins now and may take so long.
    #[must_use]
    pub fn new(all: Duration) -> Self {
        Self { until: Instant::now() + all, silent: Mutex::default() }
    }

    /// When the poll's time is up.
    #[must_use]
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Whether the poll's time is up.
    #[must_use]
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// How much of `time` a request to the host gets.
    #[must_use]
    pub fn of(&self, host: &str, time: Duration) -> Duration {
        let is_silent = self.silent().get(host).is_some_and(|timeouts| *timeouts >= ENOUGH);
        let time = if is_silent { time / PART } else { time };
        time.min(self.until.saturating_duration_since(Instant::now()))
    }

    /// Notes whether a request to the host was answered in time, be it with an error.
    pub fn note(&self, host: &str, is_answered: bool) {
        let mut silent = self.silent();
        if is_answered {
            silent.remove(host);
        } else {
            *silent.entry(host.to_owned()).or_default() += 1;
        }
    }

    fn silent(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_silent_host_gets_less_time_until_it_answers() {
        let patience = Patience::new(MINUTE * 60);
        for (is_answered, part) in [(false, 1), (false, 4), (false, 4), (true, 1), (false, 1), (true, 1), (false, 1)] {
            patience.note("a", is_answered);
            assert_eq!(patience.of("a", MINUTE), MINUTE / part);
            assert_eq!(patience.of("b", MINUTE), MINUTE);
        }
        assert!(!patience.is_over());
    }

    #[test]
    fn nobody_gets_more_than_is_left() {
        let patience = Patience::new(MINUTE);
        assert!(patience.of("a", MINUTE * 2) <= MINUTE);
        let over = Patience::new(Duration::ZERO);
        assert!(over.is_over());
        assert_eq!(over.of("a", MINUTE), Duration::ZERO);
    }
}
