//! The clock: by it failed runs wait, and records are told apart by people.

use super::{Finding, Found, Scene};
use crate::time::Timestamp;
use std::time::Duration;

/// How far two machines' clocks may be apart that write one ledger.
const TOLERATED: Duration = Duration::from_secs(300);

/// Whether the last record is from the future.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let Found::Read(scan) = &scene.ledger else { return Vec::new() };
    scan.records.iter().map(|(_, record)| record.at).max().map(|last| judged(scene.now, last)).into_iter().collect()
}

fn judged(now: Timestamp, last: Timestamp) -> Finding {
    if last.since(now) > TOLERATED {
        let found = format!("it is {now}, and the ledger has a record of {last}: the clock was wrong then, or is now");
        return Finding::warning("clock", found).fix("timedatectl status");
    }
    Finding::ok("clock", now.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Health;

    #[test]
    fn a_record_may_be_a_few_minutes_ahead() {
        #[track_caller]
        fn case(last: &str, expected: Health) {
            let now = "2026-11-22T12:00:00Z".parse().unwrap();
            assert_eq!(judged(now, last.parse().unwrap()).health, expected);
        }
        case("2026-11-22T11:59:00Z", Health::Ok);
        case("2026-11-22T12:05:00Z", Health::Ok);
        case("2026-11-22T12:05:01Z", Health::Warning);
        case("2027-11-22T12:00:00Z", Health::Warning);
    }
}
