use super::*;
use std::fmt::Write;

/// Lines as the ledger has them; `at` counts the minutes.
pub fn records(lines: &[&str]) -> Vec<Record> {
    let record = |(minute, line): (usize, &&str)| {
        let line = format!(r#"{{"v":1,"at":"2026-11-22T{:02}:{:02}:00.000Z",{line}}}"#, 10 + minute / 60, minute % 60);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
    };
    lines.iter().enumerate().map(record).collect()
}

fn folded(records: &[Record]) -> State {
    let mut state = State::default();
    for record in records {
        state.fold(record);
    }
    state
}

pub fn signal(change: &str, key: &str, targets: &str) -> String {
    let entry = key.split('@').next().unwrap();
    format!(
        r#""kind":"signal","watch":"up","id":"patch:up:{key}:upstream.release","change":"{change}",
        "entry":{{"key":"{entry}","sha":"{key}-commit"}},"targets":[{targets}],
        "event":{{"id":"patch:up:{key}:upstream.release","type":"upstream.release","source":"patch",
        "receivedAt":"2026-11-22T10:00:00.000Z","payload":{{}}}}"#
    )
}

pub fn dispatch(key: &str, target: &str, attempt: u32) -> String {
    format!(
        r#""kind":"dispatch","watch":"up","id":"patch:up:{key}:upstream.release","target":"{target}","attempt":{attempt}"#
    )
}

pub fn run(key: &str, target: &str, attempt: u32, status: &str) -> String {
    format!(
        r#""kind":"run","watch":"up","id":"patch:up:{key}:upstream.release","target":"{target}","attempt":{attempt},
        "status":"{status}","message":"m","durationMs":1"#
    )
}

pub fn request(key: &str, action: &str, targets: &str, attempt: u32) -> String {
    format!(
        r#""kind":"request","watch":"up","id":"patch:up:{key}:upstream.release","action":"{action}","targets":[{targets}],
        "change":"new","attempt":{attempt},"event":{{"id":"patch:up:{key}:upstream.release","type":"upstream.release",
        "source":"patch","receivedAt":"2026-11-22T10:00:00.000Z","payload":{{}}}}"#
    )
}

fn superseded(key: &str) -> String {
    format!(
        r#""kind":"skipped","watch":"up","key":"{key}","reason":"superseded","id":"patch:up:{key}:upstream.release","by":"b""#
    )
}

/// The open signals in short: `key target stage attempt/failures`.
#[track_caller]
fn case(lines: &[String], expected: &str) {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let state = folded(&records(&lines));
    let mut told = Vec::new();
    for signal in state.open.values() {
        for (target, delivery) in &signal.deliveries {
            let reached = match delivery.stage {
                Stage::Ended(status) => status.to_string(),
                other => format!("{other:?}").to_lowercase(),
            };
            told.push(format!("{} {target} {reached} {}/{}", signal.key, delivery.attempt, delivery.failures));
        }
    }
    assert_eq!(told.join(", "), expected);
}

#[test]
fn a_signal_is_open_until_every_target_is_done() {
    let new = signal("new", "v1", r#""command","codex-flow""#);
    case(&[signal("new", "v1", "")], "");
    case(std::slice::from_ref(&new), "v1 codex-flow pending 0/0, v1 command pending 0/0");
    case(&[new.clone(), dispatch("v1", "command", 1)], "v1 codex-flow pending 0/0, v1 command started 1/0");
    let half = [new, dispatch("v1", "command", 1), run("v1", "command", 1, "completed")];
    case(&half, "v1 codex-flow pending 0/0, v1 command completed 1/0");
    for status in ["completed", "changed", "skipped"] {
        case(&[&half[..], &[run("v1", "codex-flow", 1, status)]].concat(), "");
    }
    for status in ["failed", "blocked", "needs_intervention", "unmatched"] {
        let failures = u32::from(status == "failed");
        let expected = format!("v1 codex-flow {status} 1/{failures}, v1 command completed 1/0");
        case(&[&half[..], &[run("v1", "codex-flow", 1, status)]].concat(), &expected);
    }
}

#[test]
fn an_attempt_without_an_end_counts_as_a_failed_one() {
    let begun = [signal("new", "v1", r#""command""#), dispatch("v1", "command", 1)];
    case(&[&begun[..], &[dispatch("v1", "command", 2)]].concat(), "v1 command started 2/1");
    let failed = [dispatch("v1", "command", 2), run("v1", "command", 2, "failed")];
    case(&[&begun[..], &failed].concat(), "v1 command failed 2/2");
}

#[test]
fn a_request_makes_due_again_and_forgives_failures() {
    let failed = [signal("new", "v1", r#""command""#), dispatch("v1", "command", 1), run("v1", "command", 1, "failed")];
    let retried = [&failed[..], &[request("v1", "retry", r#""command""#, 1)]].concat();
    case(&retried, "v1 command pending 1/0");
    let again = [&retried[..], &[dispatch("v1", "command", 2), run("v1", "command", 2, "failed")]].concat();
    case(&again, "v1 command failed 2/1");
    let done = [&retried[..], &[dispatch("v1", "command", 2), run("v1", "command", 2, "changed")]].concat();
    case(&done, "");
    // What is done is attempted again by a replay; the attempts' numbers go on.
    let replayed = [&done[..], &[request("v1", "replay", r#""codex-flow""#, 2)]].concat();
    case(&replayed, "v1 codex-flow pending 2/0");
    case(&[&replayed[..], &[run("v1", "codex-flow", 3, "completed")]].concat(), "");
}

#[test]
fn what_is_asked_for_during_an_attempt_is_still_to_be_done_after_it() {
    let begun = [signal("new", "v1", r#""command""#), dispatch("v1", "command", 1)];
    let asked = [&begun[..], &[request("v1", "replay", r#""command""#, 1)]].concat();
    case(&[&asked[..], &[run("v1", "command", 1, "completed")]].concat(), "v1 command pending 1/0");
    // It was interrupted instead: the next attempt is the one that was asked for.
    let next = [dispatch("v1", "command", 2), run("v1", "command", 2, "completed")];
    case(&[&asked[..], &next].concat(), "");
}

#[test]
fn a_retry_leaves_a_target_that_is_done_alone() {
    let new = signal("new", "v1", r#""command","codex-flow""#);
    let ended = [new, run("v1", "command", 1, "completed"), run("v1", "codex-flow", 1, "failed")];
    let both = r#""command","codex-flow""#;
    case(
        &[&ended[..], &[request("v1", "retry", both, 1)]].concat(),
        "v1 codex-flow pending 1/0, v1 command completed 1/0",
    );
    case(
        &[&ended[..], &[request("v1", "replay", both, 1)]].concat(),
        "v1 codex-flow pending 1/0, v1 command pending 1/0",
    );
}

#[test]
fn what_is_superseded_is_done() {
    let two = [signal("new", "v1", r#""command""#), signal("new", "v2", r#""command""#)];
    case(&[&two[..], &[superseded("v1")]].concat(), "v2 command pending 0/0");
    let failed = run("v1", "command", 1, "failed");
    case(&[&two[..], &[failed, superseded("v1")]].concat(), "v2 command pending 0/0");
}

#[test]
fn records_about_nothing_known_and_kinds_of_later_versions_change_nothing() {
    let strange = [
        dispatch("v9", "command", 1),
        run("v9", "command", 1, "failed"),
        superseded("v9"),
        r#""kind":"verse","watch":"up","verdict":"landed""#.to_owned(),
        r#""kind":"chorus","channel":{"name":"public"}"#.to_owned(),
        r#""kind":"gap","watch":"up","oldest":"v1","message":"m""#.to_owned(),
    ];
    let lines: Vec<&str> = strange.iter().map(String::as_str).collect();
    assert_eq!(folded(&records(&lines)), State::default());
}

#[test]
fn keys_may_hold_colons_and_what_looks_like_an_end() {
    #[track_caller]
    fn case(id: &str, expected: &str) {
        assert_eq!(key_of(&"up".parse().unwrap(), id), expected);
    }
    case("patch:up:v1:upstream.release", "v1");
    case("patch:up:a:b:upstream.update", "a:b");
    case("patch:up:x:upstream.release:upstream.release", "x:upstream.release");
    case("patch:other:v1:upstream.release", "patch:other:v1");
    case("something else", "something else");
}

/// A ledger with every kind of record, many of each, the same at every run.
fn long_ledger() -> Vec<Record> {
    let mut seed = 1_u64;
    let mut draw = |below: u64| {
        // Knuth's MMIX generator; its high bits are the good ones.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut lines = Vec::new();
    for _ in 0..200 {
        let key = format!("v{}", draw(12));
        let attempt = u32::try_from(1 + draw(4)).unwrap();
        let target = ["command", "codex-flow", "trigger-branch"][usize::try_from(draw(3)).unwrap()];
        lines.push(match draw(12) {
            0 => format!(
                r#""kind":"primed","watch":"up","reason":"first-sight","source":"s","entries":[{{"key":"{key}"}}],"head":"{key}""#
            ),
            1 => format!(r#""kind":"skipped","watch":"up","key":"{key}","sha":"s{attempt}","reason":"tags","head":"{key}""#),
            2 => r#""kind":"watchError","watch":"up","error":{"kind":"timeout","message":"m"}"#.to_owned(),
            3 => r#""kind":"watchError","watch":"up""#.to_owned(),
            4 => signal("moved", &format!("{key}@s{attempt}"), r#""command""#),
            5 => signal("gone", &format!("{key}@gone"), ""),
            6 | 7 => signal("new", &key, r#""command","codex-flow","trigger-branch""#),
            8 => dispatch(&key, target, attempt),
            9 => {
                let status = ["completed", "changed", "failed", "blocked", "needs_intervention", "unmatched"];
                run(&key, target, attempt, status[usize::try_from(draw(6)).unwrap()])
            }
            10 => request(&key, ["retry", "replay"][usize::try_from(draw(2)).unwrap()], &format!("\"{target}\""), attempt),
            _ => superseded(&key),
        });
    }
    records(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn an_index_of_any_prefix_and_the_rest_add_up_to_the_whole() {
    let records = long_ledger();
    let whole = folded(&records);
    assert!(!whole.open.is_empty(), "the ledger leaves something open");
    for at in 0..=records.len() {
        let index = serde_json::to_string(&folded(&records[..at])).unwrap();
        let mut state: State = serde_json::from_str(&index).unwrap();
        for record in &records[at..] {
            state.fold(record);
        }
        assert_eq!(state, whole, "cut at {at}");
    }
}

#[test]
fn records_written_and_read_again_add_up_to_the_same() {
    let records = long_ledger();
    let text = records.iter().fold(String::new(), |mut text, record| {
        write!(text, "{}", record.line()).unwrap();
        text
    });
    let again: Vec<Record> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(again, records);
    assert_eq!(folded(&again), folded(&records));
}

fn review(key: &str, state: &str, evidence: &str, more: &str) -> String {
    format!(
        r#""kind":"review","watch":"up","id":"patch:up:{key}:upstream.release","state":"{state}","evidence":"{evidence}"{more}"#
    )
}

/// The reviews in short: `key state`, those that are over behind `|`.
#[track_caller]
fn reviews(lines: &[String], expected: &str) -> State {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let state = folded(&records(&lines));
    let told = |reviews: &BTreeMap<String, UnderReview>| {
        let words = reviews.iter().map(|(id, it)| {
            let state = it.state.map_or("-".to_owned(), |state| state.to_string());
            format!("{} {state}", it.key(id))
        });
        words.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(format!("{} | {}", told(&state.reviews), told(&state.closed)), expected);
    state
}

#[test]
fn a_signal_is_under_review_until_its_review_is_over() {
    let new = signal("new", "v1", r#""command""#);
    reviews(std::slice::from_ref(&new), "v1 - | ");
    reviews(&[signal("new", "v1", "")], " | ");
    reviews(&[signal("moved", "v1@b", "")], "v1@b - | ");
    let awaiting = review("v1", "awaiting", "fork-ref", r#","ref":"refs/heads/c","sha":"a","verified":true"#);
    let state = reviews(&[new.clone(), awaiting.clone()], "v1 awaiting | ");
    let seen = state.review("patch:up:v1:upstream.release").unwrap();
    assert_eq!((seen.seen.as_ref().unwrap().sha.as_str(), seen.provenance.verified), ("a", Some(true)));
    let landed = [new, awaiting, review("v1", "landed", "contained", "")];
    reviews(&landed, " | v1 landed");
    // A candidate that the ledger knows no signal of.
    reviews(&[review("v7", "awaiting", "fork-ref", "")], "v7 awaiting | ");
    // A person asks for it again.
    let again = request("v1", "replay", r#""command""#, 1);
    reviews(&[&landed[..], &[again]].concat(), "v1 - | ");
    reviews(&[&landed[..], &[run("v1", "command", 1, "completed")]].concat(), "v1 - | ");
}

#[test]
fn a_roll_back_undoes_one_promotion_after_the_other() {
    #[track_caller]
    fn case(lines: &[&String], expected: Option<&str>) {
        let lines: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
        let state = folded(&records(&lines));
        let channel = &state.channels[&"public".parse().unwrap()];
        assert_eq!(channel.to_undo().map(|moved| moved.to.as_str()), expected);
    }
    let moved = |action: &str, from: &str, to: &str| {
        format!(
            r#""kind":"promotion","watch":"up","channel":"public","action":"{action}","rule":"manual","remote":"origin",
            "ref":"refs/heads/public","from":"{from}","to":"{to}""#
        )
    };
    let (one, two) = (moved("promoted", "a", "b"), moved("promoted", "b", "c"));
    let back = [moved("rolled-back", "c", "b"), moved("rolled-back", "b", "a")];
    case(&[&one, &two], Some("c"));
    case(&[&one, &two, &back[0]], Some("b"));
    case(&[&one, &two, &back[0], &back[1]], None);
    case(&[&one, &two, &back[0], &moved("promoted", "b", "d")], Some("d"));
    case(&[&one, &two, &back[0], &moved("promoted", "b", "d"), &moved("rolled-back", "d", "b")], Some("b"));
}
