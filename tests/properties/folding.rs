//! Any records in any order add up to a legal state, at once or in parts.

use crate::{
    one_in,
    targets::legal,
    watcher::{at, folded},
};
use patch_moi::{
    channel::Promote,
    dispatch::result::{Provenance, Status},
    event::{Change, Event, event_id},
    ledger::{
        record::{
            Action, Body, Dispatch, Gap, KnownEntry, Move, Primed, PrimedReason, Problem, Promotion, Record, Request,
            Review, Run, Signal, Skipped, WatchError,
        },
        state::State,
    },
    review::state::{Evidence, ReviewState},
    watch::{EventKind, Target, WatchName},
};
use proptest::{collection::vec, prelude::*, sample::Index, sample::select, sample::subsequence};

const TARGETS: [Target; 3] = [Target::CodexFlow, Target::TriggerBranch, Target::Command];

fn any_watch() -> impl Strategy<Value = WatchName> {
    select(vec!["a", "b"]).prop_map(|name| name.parse().unwrap())
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![8 => "v[1-4]", 1 => "v[1-2]@[ab]", 1 => "unusable:x", 1 => any::<String>()]
}

fn any_event(id: &str) -> Event {
    Event {
        id: id.to_owned(),
        event_type: "upstream.release".to_owned(),
        source: "patch".to_owned(),
        occurred_at: None,
        received_at: at(0),
        payload: serde_json::Map::new(),
    }
}

fn id(watch: &WatchName, key: &str) -> String {
    event_id(watch, key, EventKind::Release)
}

fn any_targets() -> impl Strategy<Value = Vec<Target>> {
    subsequence(TARGETS.to_vec(), 0..=3)
}

fn any_body() -> impl Strategy<Value = Body> {
    let about = || (any_watch(), any_key());
    let commit = || proptest::option::of("[ab]");
    let reason = select(vec![
        PrimedReason::FirstSight,
        PrimedReason::SourceChanged,
        PrimedReason::MetAgain,
        PrimedReason::Commits,
    ]);
    let change = || select(vec![Change::New, Change::Moved, Change::Rewritten, Change::Gone]);
    prop_oneof![
        1 => (any_watch(), reason, vec((any_key(), commit()), 0..3), commit()).prop_map(|(watch, reason, entries, head)| {
            let entries = entries.into_iter().map(|(key, sha)| KnownEntry { key, sha }).collect();
            Body::Primed(Primed { watch, reason, source: "s".to_owned(), entries, head })
        }),
        4 => (about(), change(), any_targets(), commit(), commit()).prop_map(|((watch, key), change, targets, sha, head)| {
            let id = id(&watch, &key);
            let event = any_event(&id);
            let entry = patch_moi::entry::Entry { key, sha, ..Default::default() };
            Body::Signal(Box::new(Signal { watch, id, change, entry, previous: None, head, targets, event }))
        }),
        2 => (about(), any::<bool>(), commit(), commit()).prop_map(|((watch, key), supersedes, sha, head)| {
            let id = supersedes.then(|| id(&watch, &key));
            let reason = if supersedes { "superseded" } else { "tags" }.to_owned();
            Body::Skipped(Skipped { watch, key, sha, reason, id, by: None, message: None, head })
        }),
        4 => (about(), select(TARGETS.to_vec()), 0..5_u32).prop_map(|((watch, key), target, attempt)| {
            Body::Dispatch(Dispatch { id: id(&watch, &key), watch, target, attempt })
        }),
        4 => (about(), select(TARGETS.to_vec()), 0..5_u32, select(Status::ALL.to_vec())).prop_map(
            |((watch, key), target, attempt, status)| Body::Run(Box::new(Run {
                id: id(&watch, &key), watch, target, attempt, status, message: None, exit: None, steps: Vec::new(),
                candidates: Vec::new(),
                provenance: Provenance::default(),
                intervention: None, reference: None, sha: None, duration_ms: 0, log: None, report: None,
            }))
        ),
        4 => (about(), select(ReviewState::ALL.to_vec()), select(Evidence::ALL.to_vec()), commit()).prop_map(
            |((watch, key), state, evidence, sha)| Body::Review(Box::new(Review {
                id: id(&watch, &key), watch, state, previous: None, evidence,
                reference: sha.as_ref().map(|_| "refs/heads/c".to_owned()), sha, onto: None, stack: None, verified: None,
                resolved_by: Vec::new(), landed_as: None, trigger: None, superseded_by: None, verdict: None, by: None, message: None,
            }))
        ),
        1 => (about(), commit(), "[a-c]", select(vec![Move::Promoted, Move::RolledBack])).prop_map(
            |((watch, key), from, to, action)| Body::Promotion(Promotion {
                id: Some(id(&watch, &key)), channel: format!("c-{watch}").parse().unwrap(), watch, action, rule: Promote::Manual,
                remote: "origin".to_owned(), reference: "refs/heads/c".to_owned(), from, to, onto: None,
                reviewed: false, by: None, message: None,
            })
        ),
        2 => (about(), select(vec![Action::Retry, Action::Replay]), any_targets(), change(), 0..5_u32).prop_map(
            |((watch, key), action, targets, change, attempt)| {
                let id = id(&watch, &key);
                let event = any_event(&id);
                Body::Request(Box::new(Request { watch, id, action, targets, change, attempt, event }))
            }
        ),
        1 => (any_watch(), any::<bool>()).prop_map(|(watch, fails)| {
            let error = fails.then(|| Problem { kind: "k".to_owned(), message: "m".to_owned(), hint: None });
            Body::WatchError(WatchError { watch, error })
        }),
        1 => any_watch().prop_map(|watch| Body::Gap(Gap { watch, oldest: "v1".to_owned(), message: "m".to_owned() })),
    ]
}

/// Records of every kind, about few signals, with no sense in their order.
pub fn any_records(most: usize) -> impl Strategy<Value = Vec<Record>> {
    vec(any_body(), 0..most)
        .prop_map(|bodies| bodies.into_iter().zip(0..).map(|(body, minute)| Record::new(at(minute), body)).collect())
}

fn read(line: &str) -> Record {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

proptest! {
    #![proptest_config(one_in(1))]

    #[test]
    fn every_prefix_of_any_records_adds_up_to_a_legal_state(records in any_records(80)) {
        let mut state = State::default();
        for record in &records {
            let before = state.clone();
            state.fold(record);
            legal::state(&state);
            legal::step(&before, record, &state);
        }
    }

    #[test]
    fn a_state_stored_on_the_way_changes_nothing(records in any_records(80), stops in vec(any::<Index>(), 0..4)) {
        let mut state = State::default();
        for (at, record) in records.iter().enumerate() {
            if stops.iter().any(|stop| stop.index(records.len()) == at) {
                let index = serde_json::to_string(&state).unwrap();
                let stored: State = serde_json::from_str(&index).unwrap();
                prop_assert_eq!(&stored, &state);
                state = stored;
            }
            state.fold(&read(&record.line()));
        }
        prop_assert_eq!(state, folded(&records));
    }

    #[test]
    fn what_later_versions_add_is_passed_over(
        records in any_records(40),
        places in vec((any::<Index>(), "[a-z]{1,8}X", any::<String>()), 0..6),
    ) {
        let mut lines: Vec<String> = records.iter().map(Record::line).collect();
        for (place, name, text) in &places {
            let at = place.index(lines.len() + 1);
            let text = serde_json::json!(text);
            if let Some(line) = lines.get_mut(at).filter(|_| name.len() % 2 == 0) {
                // a field
                *line = line.replacen('{', &format!("{{\"{name}\":[{text},{{\"v\":9}}],"), 1);
            } else {
                // a kind
                let now = self::at(0);
                lines.insert(at, format!(r#"{{"v":1,"at":"{now}","kind":"{name}","watch":"a","id":{text}}}"#));
            }
        }
        let read: Vec<Record> = lines.iter().map(|line| self::read(line)).collect();
        prop_assert_eq!(folded(&read), folded(&records));
    }

    #[test]
    fn what_is_recorded_of_one_watch_does_not_touch_another(
        records in any_records(80),
        priorities in vec(any::<u16>(), 80),
    ) {
        let of = |name: &str| -> Vec<Record> {
            records.iter().filter(|record| record.watch().is_some_and(|watch| watch.as_str() == name)).cloned().collect()
        };
        // Two appenders: each keeps its own order, and the lock lets them through in any.
        let (mut a, mut b) = (of("a").into_iter().peekable(), of("b").into_iter().peekable());
        let mut mixed = Vec::new();
        for priority in priorities.iter().cycle() {
            let Some(record) = (if priority % 2 == 0 { a.next().or_else(|| b.next()) } else { b.next().or_else(|| a.next()) })
            else { break };
            mixed.push(record);
        }
        let (mut mixed, mut whole) = (folded(&mixed), folded(&records));
        prop_assert_eq!(mixed.signals, whole.signals);
        // Only the numbers tell in which order the watches came.
        for state in [&mut mixed, &mut whole] {
            state.open.values_mut().for_each(|signal| signal.sequence = signal.sequence.min(1));
            let reviews = state.reviews.values_mut().chain(state.closed.values_mut());
            reviews.for_each(|review| review.sequence = review.sequence.min(1));
        }
        prop_assert_eq!(mixed, whole);
    }

    #[test]
    fn records_read_back_equal_from_one_clean_line(records in any_records(20)) {
        for record in records {
            let line = record.line();
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert!(!line.trim_end().contains(patch_moi::text::is_unsafe));
            prop_assert_eq!(read(&line), record);
        }
    }
}
