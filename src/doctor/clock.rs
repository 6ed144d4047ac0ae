//! The clock: by it failed runs wait, and records are told apart by people.

use super::{Finding, Found, Scene};
use crate::{intake::check::Checked, time::Timestamp};
use std::time::Duration;

const CHECK: &str = "clock";
const FIX: &str = "timedatectl status";
/// How far two machines' clocks may be apart that write one ledger.
const TOLERATED: Duration = Duration::from_secs(300);

/// Whether the last record is from the future, and what the clocks of the feeds' servers say.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let last = scene.records().map(|record| record.at).max();
    let upstreams = scene.answers.iter().flat_map(|answers| &answers.upstreams);
    let served: Vec<Timestamp> = upstreams
        .filter_map(|checked| match checked {
            Checked::Seen { look, .. } => look.served_at,
            _ => None,
        })
        .collect();
    let wrong: Vec<Finding> = [differing(scene.now, &served), ahead(scene.now, last)].into_iter().flatten().collect();
    match (&scene.ledger, wrong.is_empty()) {
        (Found::Nothing | Found::Unreadable(_), true) if served.is_empty() => wrong,
        (_, true) => vec![Finding::ok(CHECK, scene.now.to_string())],
        (_, false) => wrong,
    }
}

fn ahead(now: Timestamp, last: Option<Timestamp>) -> Option<Finding> {
    let last = last.filter(|last| last.since(now) > TOLERATED)?;
    let found = format!("it is {now}, and the ledger has a record of {last}: the clock was wrong then, or is now");
    Some(Finding::warning(CHECK, found).fix(FIX))
}

/// Ours differs if it does from every server's: one of theirs may be wrong, or a cache's answer old.
fn differing(now: Timestamp, served: &[Timestamp]) -> Option<Finding> {
    let distance = |served: &Timestamp| served.since(now).max(now.since(*served));
    let nearest = served.iter().min_by_key(|served| distance(served))?;
    if distance(nearest) <= TOLERATED {
        return None;
    }
    let minutes = distance(nearest).as_secs() / 60;
    let way = if *nearest > now { "behind" } else { "ahead of" };
    let found = format!("it is {now}, which is {minutes} min {way} the clock of the feed's server");
    Some(Finding::warning(CHECK, found).fix(FIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_record_may_be_a_few_minutes_ahead() {
        #[track_caller]
        fn case(last: &str, is_wrong: bool) {
            assert_eq!(ahead(noon(), last.parse().ok()).is_some(), is_wrong);
        }
        case("2026-11-22T11:59:00Z", false);
        case("2026-11-22T12:05:00Z", false);
        case("2026-11-22T12:05:01Z", true);
        case("2027-11-22T12:00:00Z", true);
    }

    #[test]
    fn our_clock_is_doubted_where_no_server_agrees() {
        #[track_caller]
        fn case(served: &[&str], words: Option<&str>) {
            let served: Vec<_> = served.iter().map(|it| it.parse().unwrap()).collect();
            let found = differing(noon(), &served).map(|it| it.found);
            assert_eq!(found.is_some(), words.is_some(), "{found:?}");
            assert!(found.unwrap_or_default().contains(words.unwrap_or_default()), "{served:?}");
        }
        case(&[], None);
        case(&["2026-11-22T12:05:00Z"], None);
        case(&["2026-11-22T11:55:00Z"], None);
        case(&["2026-11-22T12:06:30Z"], Some("6 min behind"));
        case(&["2026-11-22T10:00:00Z", "2026-11-22T09:00:00Z"], Some("120 min ahead of"));
        case(&["2026-11-22T10:00:00Z", "2026-11-22T12:01:00Z"], None);
    }
}
