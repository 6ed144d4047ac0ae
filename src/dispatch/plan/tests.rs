use super::*;
use crate::{config, event::Event, git::ConfigEntry, ledger::state::key_of};
use std::collections::BTreeMap;

fn at(text: &str) -> Timestamp {
    format!("2026-11-22T{text}Z").parse().unwrap()
}

#[test]
fn failed_attempts_are_made_again_with_growing_waits() {
    #[track_caller]
    fn case(stage: Stage, failures: u32, now: &str, expected: Standing) {
        let delivery = Delivery {
            attempt: failures,
            failures,
            at: at("12:00:00"),
            stage,
            requested: false,
            again: false,
            message: None,
        };
        assert_eq!(standing(&delivery, 3, at(now)), expected);
    }
    let failed = Stage::Ended(Status::Failed);
    case(Stage::Pending, 0, "12:00:00", Standing::Due);
    case(failed, 1, "12:04:59", Standing::RetryFrom(at("12:05:00")));
    case(failed, 1, "12:05:00", Standing::Due);
    case(failed, 2, "12:19:59", Standing::RetryFrom(at("12:20:00")));
    case(failed, 2, "12:20:00", Standing::Due);
    case(failed, 3, "23:00:00", Standing::GivenUp);
    // The clock went back, a little and a lot.
    case(failed, 1, "11:59:00", Standing::RetryFrom(at("12:05:00")));
    case(failed, 1, "10:00:00", Standing::Due);
    case(Stage::Started, 0, "12:00:00", Standing::Started);
    case(Stage::Started, 2, "12:00:00", Standing::Started);
    case(Stage::Started, 3, "12:00:00", Standing::GivenUp);
    case(Stage::Ended(Status::NeedsIntervention), 0, "23:00:00", Standing::Waiting(Status::NeedsIntervention));
    case(Stage::Ended(Status::Unmatched), 0, "23:00:00", Standing::Waiting(Status::Unmatched));
    case(Stage::Ended(Status::Changed), 0, "23:00:00", Standing::Done);
    case(Stage::Superseded, 0, "23:00:00", Standing::Done);
}

#[test]
fn waits_grow_to_a_day() {
    let minutes: Vec<u64> = (1..8).map(|failures| backoff(failures).as_secs() / 60).collect();
    assert_eq!(minutes, [5, 20, 80, 320, 1280, 1440, 1440]);
    assert_eq!(backoff(u32::MAX).as_secs(), 24 * 60 * 60);
}

fn watch_with(policy: Policy) -> Watch {
    let values = [("remote", "../upstream"), ("policy", if policy == Policy::Latest { "latest" } else { "each" })];
    let entry = |(name, value): (&str, &str)| ConfigEntry {
        scope: "local".to_owned(),
        origin: "file:.git/config".to_owned(),
        section: "watch".to_owned(),
        subsection: Some("up".to_owned()),
        name: name.to_owned(),
        value: Some(value.to_owned()),
    };
    let values = values.into_iter().chain([("dispatch", "command"), ("command", "true"), ("retries", "3")]);
    let entries: Vec<ConfigEntry> = values.map(entry).collect();
    config::read(&entries).unwrap().watches.remove(0)
}

/// Signals of one target each, as `key stage` or `key change stage`, oldest first.
fn state_of(signals: &str) -> State {
    let mut state = State::default();
    for (line, sequence) in signals.split(", ").zip(1..) {
        let words: Vec<&str> = line.split(' ').collect();
        let (key, last) = (words[0], words[words.len() - 1]);
        let (attempt, failures, reached) = match last {
            "pending" => (0, 0, Stage::Pending),
            "asked" => (1, 0, Stage::Pending),
            "started" => (1, 0, Stage::Started),
            "failed" => (1, 1, Stage::Ended(Status::Failed)),
            "given-up" => (3, 3, Stage::Ended(Status::Failed)),
            "blocked" => (1, 0, Stage::Ended(Status::Blocked)),
            "waits" => (1, 0, Stage::Ended(Status::NeedsIntervention)),
            other => panic!("no stage {other}"),
        };
        let requested = last == "asked" || words.contains(&"reopened");
        let change = if words.contains(&"moved") { Change::Moved } else { Change::New };
        let id = format!("patch:up:{key}:upstream.release");
        let event = Event {
            id: id.clone(),
            event_type: "upstream.release".to_owned(),
            source: "patch".to_owned(),
            occurred_at: None,
            received_at: at("12:00:00"),
            payload: serde_json::Map::new(),
        };
        let delivery =
            Delivery { attempt, failures, at: at("12:00:00"), stage: reached, requested, again: false, message: None };
        let signal = OpenSignal {
            sequence: if words.contains(&"reopened") { 0 } else { sequence },
            watch: "up".parse().unwrap(),
            change,
            key: key.to_owned(),
            at: at("12:00:00"),
            event: event.into(),
            deliveries: BTreeMap::from([(Target::Command, delivery)]),
        };
        state.open.insert(id, signal);
    }
    state
}

#[track_caller]
fn planned(policy: Policy, signals: &str, expected: &str) {
    let (superseded, due) = plan(&watch_with(policy), &state_of(signals), at("12:01:00"));
    let superseded = superseded.iter().map(|it| format!("{} < {}", it.key, key_of(&"up".parse().unwrap(), &it.by)));
    let due = due.iter().map(|it| format!("{} #{}", it.signal.key, it.attempt));
    assert_eq!(superseded.chain(due).collect::<Vec<_>>().join(", "), expected, "{signals}");
}

#[test]
fn each_signal_is_due_the_oldest_first() {
    let case = |signals, expected| planned(Policy::Each, signals, expected);
    case("v9 pending, v10 pending", "v9 #1, v10 #1");
    case("v1 failed, v2 pending", "v2 #1");
    case("v1 waits, v2 blocked, v3 given-up, v4 pending", "v4 #1");
    case("v1 started, v2 pending", "v1 #2, v2 #1");
}

#[test]
fn the_latest_takes_the_place_of_what_nobody_waits_for() {
    let case = |signals, expected| planned(Policy::Latest, signals, expected);
    case("v1 pending", "v1 #1");
    case("v9 pending, v10 pending", "v9 < v10, v10 #1");
    case("v1 failed, v2 given-up, v3 started, v4 pending", "v1 < v4, v2 < v4, v3 < v4, v4 #1");
    case("v1 pending, v2 failed", "v1 < v2");
    // An old line's release that comes late.
    case("v3 failed, v2.9 pending", "v2.9 < v3");
    // A person may be at work on these.
    case("v1 waits, v2 blocked, v3 pending", "v3 #1");
    case("v1 pending, v2 waits", "v1 < v2");
}

#[test]
fn alarms_and_wishes_neither_take_a_place_nor_give_up_theirs() {
    let case = |signals, expected| planned(Policy::Latest, signals, expected);
    case("v2 pending, v1@x moved pending", "v2 #1, v1@x #1");
    case("v1@x moved pending, v2 pending", "v1@x #1, v2 #1");
    case("v1@x moved pending, v1@y moved pending", "v1@x #1, v1@y #1");
    case("v2 failed, v1 reopened pending", "v1 #1");
    case("v1 reopened pending, v2 pending", "v1 #1, v2 #1");
    case("v1 reopened failed, v2 pending", "v2 #1");
    case("v1 asked, v2 pending", "v1 #2, v2 #1");
}
