use super::*;
use crate::{
    config,
    git::ConfigEntry,
    ledger::record::{Problem, Record},
    page::timeline::Picker,
    review::waiting::{Failing, waiting},
};
use serde_json::{Value, json};
use std::collections::HashSet;

const SHA: &str = "188c0694110000000000000000000000000000aa";
const NEW: &str = "3d8d8824e50000000000000000000000000000bb";

/// A configuration of these keys and values.
fn config(pairs: &[(&str, &str)]) -> Config {
    let entry = |(key, value): &(&str, &str)| {
        let mut parts = key.split('.');
        let (section, rest): (_, Vec<_>) = (parts.next().unwrap(), parts.collect());
        ConfigEntry {
            scope: "local".to_owned(),
            origin: "file:.git/config".to_owned(),
            section: section.to_owned(),
            subsection: (rest.len() > 1).then(|| rest[0].to_owned()),
            name: rest[rest.len() - 1].to_owned(),
            value: Some((*value).to_owned()),
        }
    };
    config::read(&pairs.iter().map(entry).collect::<Vec<_>>()).unwrap()
}

fn up() -> Config {
    config(&[
        ("watch.up.remote", "https://git.example/acme/up"),
        ("watch.up.dispatch", "carry"),
        ("channel.public.ref", "public"),
    ])
}

/// A record of this minute.
fn record(minute: u32, kind: &str, mut fields: Value) -> Record {
    let common = json!({"v": 1, "at": at(minute).to_string(), "kind": kind, "watch": "up"});
    for (key, value) in common.as_object().unwrap() {
        fields[key] = value.clone();
    }
    serde_json::from_value(fields).unwrap()
}

fn at(minute: u32) -> Timestamp {
    Timestamp::from_seconds(1_770_000_000 + i64::from(minute) * 60).unwrap()
}

fn id(key: &str) -> String {
    format!("patch:up:{key}:upstream.release")
}

fn signal(minute: u32, key: &str) -> Record {
    signal_of(minute, &json!({"key": key, "sha": SHA}))
}

fn signal_of(minute: u32, entry: &Value) -> Record {
    let id = id(entry["key"].as_str().unwrap());
    let event = json!({"id": id, "type": "upstream.release", "source": "patch", "receivedAt": at(minute).to_string(),
        "payload": {}});
    record(minute, "signal", json!({"id": id, "change": "new", "entry": entry, "targets": ["carry"], "event": event}))
}

fn dispatch(minute: u32, key: &str, attempt: u32) -> Record {
    record(minute, "dispatch", json!({"id": id(key), "target": "carry", "attempt": attempt}))
}

fn run(minute: u32, key: &str, attempt: u32, status: &str, mut more: Value) -> Record {
    let fields = json!({"id": id(key), "target": "carry", "attempt": attempt, "status": status, "durationMs": 1200});
    for (name, value) in fields.as_object().unwrap() {
        more[name] = value.clone();
    }
    record(minute, "run", more)
}

fn review(minute: u32, key: &str, state: &str, evidence: &str, mut more: Value) -> Record {
    more["id"] = id(key).into();
    more["state"] = state.into();
    more["evidence"] = evidence.into();
    record(minute, "review", more)
}

fn promotion(minute: u32, channel: &str, action: &str, key: &str, to: &str) -> Record {
    let fields = json!({"channel": channel, "action": action, "id": id(key), "rule": "manual", "remote": "origin",
        "ref": format!("refs/heads/{channel}"), "to": to, "onto": SHA, "by": "Ann <ann@example.org>"});
    record(minute, "promotion", fields)
}

/// What the page says of these records, where a run that has a report left that.
fn made(config: &Config, records: &[Record], limit: usize, report: &Value) -> Page {
    let mut state = State::default();
    for record in records {
        state.fold(record);
    }
    let now = at(100_000);
    let failing: BTreeMap<WatchName, Failing> = BTreeMap::new();
    let waiting = waiting(config, &state, &failing, now);
    let ids: Vec<&str> = waiting.iter().filter_map(|waits| waits.id.as_deref()).collect();
    let mut picker = Picker::new(&state, &ids, limit);
    records.iter().cloned().for_each(|record| picker.take(record));
    let timeline = picker.timeline();
    let check = |at, until| Check { at, deferred_until: until, failing: Failing::default() };
    let checks = config.watches.iter().map(|watch| (watch.name.clone(), check(at(7), Some(at(8))))).collect();
    let (state, timeline, checks, waiting) = (&state, &timeline, &checks, &waiting);
    let sources = Sources { name: "acme/fork", config, state, timeline, checks, waiting, now };
    page(&sources, |run| {
        run.report.as_ref()?;
        Some(Carry::of(
            &serde_json::from_value(report.clone()).unwrap(),
            Some("1:  188c069411 = 1:  3d8d8824e5 Five\n"),
        ))
    })
}

fn page_of(records: &[Record]) -> Page {
    made(&up(), records, 100, &Value::Null)
}

/// A report of a carry with these patches.
fn report(patches: &Value) -> Value {
    json!({"status": "changed", "message": "carried", "artifacts": {
        "watch": "up", "key": "v2", "stack": {"name": "main", "head": SHA, "base": SHA},
        "onto": {"name": "v2", "sha": SHA},
        "candidateRefs": [{"ref": "refs/heads/c", "sha": NEW, "remote": "origin", "pushed": true}],
        "patches": patches, "conflicts": [{"sha": SHA, "subject": "Six", "place": 2, "of": 3, "files": [
            {"path": "a/<b>", "kind": "content", "messages": [],
             "upstream": [{"sha": NEW, "subject": "Sixth", "author": "U <u@example.org>"}]}]}],
        "checks": [{"command": "make test", "passed": true}, {"command": "make lint", "passed": false, "exit": "exit status 2"}],
        "warnings": ["mind the gap"], "verified": false, "usedRerere": true, "usedResolver": false}})
}

fn patch(place: usize, subject: &str, fate: &Value) -> Value {
    let mut patch = fate.clone();
    patch["place"] = place.into();
    patch["sha"] = SHA.into();
    patch["subject"] = subject.into();
    patch["author"] = "Ann <ann@example.org>".into();
    patch["branch"] = "main".into();
    patch
}

#[test]
fn the_state_of_a_signal_is_told_with_its_evidence() {
    #[track_caller]
    fn case(more: &[Record], expected: &str) {
        let records: Vec<Record> = [signal(1, "v2")].iter().chain(more).cloned().collect();
        let page = page_of(&records);
        let signal = &page.signals[0];
        let told = [signal.state, signal.badge.tone.class(), &signal.badge.words, signal.evidence.unwrap_or("-")];
        assert_eq!(told.join("; "), expected);
        assert_eq!(page.state_choices, [signal.state]);
    }
    let refs = json!({"ref": "refs/heads/c", "sha": NEW});
    case(&[], "pending; calm; pending; -");
    case(&[dispatch(2, "v2", 1)], "running; calm; being worked on; -");
    case(
        &[review(2, "v2", "awaiting", "fork-ref", refs.clone())],
        "awaiting; wait; awaits review; its candidate is on the fork",
    );
    case(
        &[review(2, "v2", "landed", "patch-ids", refs.clone())],
        "landed; good; landed; the stack has each of its commits",
    );
    case(&[review(2, "v2", "rejected", "person", refs)], "rejected; calm; rejected; a person said so");
    let ended = run(3, "v2", 1, "needs_intervention", json!({}));
    case(&[dispatch(2, "v2", 1), ended], "needs-intervention; wait; needs a person; -");
}

#[test]
fn each_step_is_told_in_its_order() {
    let records = [
        signal(1, "v2"),
        review(
            2,
            "v2",
            "awaiting",
            "fork-ref",
            json!({"ref": "refs/heads/c", "sha": NEW, "verified": true,
            "resolvedBy": ["hand", "rerere"]}),
        ),
        review(
            3,
            "v2",
            "awaiting",
            "person",
            json!({"verdict": "approved", "by": "Ann <ann@example.org>",
            "message": "fine"}),
        ),
        promotion(4, "public", "promoted", "v2", NEW),
        review(5, "v2", "landed", "squashed", json!({"landedAs": SHA})),
        record(6, "notice", json!({"id": id("v2"), "reason": "overdue", "about": "x", "message": "late"})),
        record(7, "skipped", json!({"id": id("v2"), "key": "v2", "reason": "superseded", "by": id("v3")})),
    ];
    let page = page_of(&records);
    let step = |step: &signal::Step| {
        let badge = step.badge.as_ref().map(|badge| format!("[{}] ", badge.words)).unwrap_or_default();
        let reference = step.reference.as_ref().map(|it| format!(" @{}", it.name)).unwrap_or_default();
        format!("{badge}{}{reference}", step.words)
    };
    let steps: Vec<String> = page.signals[0].steps.iter().map(step).collect();
    let expected = [
        "[awaits review] its candidate is on the fork, verified, a conflict was resolved by a recorded resolution @c",
        "[approved] a person said so, by Ann, fine",
        "promoted to the channel public (manual), by Ann @public",
        "[landed] the stack has what merging it gives, in one commit, as 188c069411",
        "a person was told: late",
        "superseded by v3",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn the_newest_are_shown_and_what_waits_whatever_its_age() {
    let mut records = vec![signal(1, "v0")];
    records.push(review(2, "v0", "awaiting", "fork-ref", json!({"ref": "refs/heads/c", "sha": NEW})));
    for number in 1..=20 {
        let key = format!("v{number}");
        records.push(signal(10 + number, &key));
        records.push(run(10 + number, &key, 1, "changed", json!({})));
        records.push(review(10 + number, &key, "completed", "run", json!({})));
    }
    let page = made(&up(), &records, 3, &Value::Null);
    let keys: Vec<&str> = page.signals.iter().map(|signal| signal.key.as_str()).collect();
    assert_eq!((keys, page.left_out), (vec!["v20", "v19", "v18", "v0"], 17));
    assert_eq!(page.waits.person.len(), 1);
    assert_eq!(page.waits.person[0].anchor.as_ref(), Some(&page.signals[3].anchor));
    assert_eq!(page.waits.person[0].next.as_deref(), Some("patch show v0; patch approve v0, or patch reject v0"));
}

#[test]
fn a_candidate_without_a_signal_is_shown() {
    let page = page_of(&[review(2, "v9", "awaiting", "fork-ref", json!({"ref": "refs/heads/c", "sha": NEW}))]);
    assert_eq!((page.signals[0].key.as_str(), page.signals[0].state, page.left_out), ("v9", "awaiting", 0));
}

#[test]
fn attempts_are_told_the_newest_first() {
    let steps = json!({"message": "no", "steps": [{"flow": "f", "step": "s", "status": "failed", "message": "why"}],
        "candidates": [{"ref": "refs/heads/x", "sha": NEW, "url": "https://git.example/x"}]});
    let mut records = vec![signal(1, "v2")];
    for attempt in 1..=12 {
        records.push(dispatch(attempt * 2, "v2", attempt));
        records.push(run(attempt * 2 + 1, "v2", attempt, "failed", steps.clone()));
    }
    records.push(dispatch(40, "v2", 13));
    let page = page_of(&records);
    let signal = &page.signals[0];
    let names: Vec<&str> = signal.runs.iter().map(|run| run.name.as_str()).take(3).collect();
    assert_eq!(names, ["carry, attempt 13", "carry, attempt 12", "carry, attempt 11"]);
    assert_eq!((signal.runs.len(), signal.runs_left_out), (11, 2));
    assert_eq!(signal.runs[0].status.words, "no end is recorded");
    let ended = &signal.runs[1];
    assert_eq!((ended.status.words.as_str(), ended.duration.as_str()), ("failed", "1 s"));
    assert_eq!((ended.steps[0].name.as_str(), ended.candidates[0].reference.name.as_str()), ("f / s", "x"));
}

#[test]
fn a_carry_accounts_for_every_patch() {
    let fates = json!([
        patch(1, "One", &json!({"fate": "carried", "newSha": NEW})),
        patch(2, "Two", &json!({"fate": "carried-changed"})),
        patch(3, "Three", &json!({"fate": "resolved", "by": "rerere"})),
        patch(
            4,
            "Four",
            &json!({"fate": "landed", "proof": {"kind": "patch-id", "upstream": SHA}, "handling": "drop"})
        ),
        patch(5, "Five", &json!({"fate": "landed", "proof": {"kind": "emptied"}, "handling": "ask"})),
        patch(6, "Six", &json!({"fate": "conflicts"})),
        patch(7, "Seven", &json!({"fate": "pending"})),
    ]);
    let records = [signal(1, "v2"), run(3, "v2", 1, "changed", json!({"report": "runs/x.json"}))];
    let page = made(&up(), &records, 10, &report(&fates));
    let carry = page.signals[0].runs[0].carry.as_ref().unwrap();
    let told: Vec<String> = carry
        .patches
        .iter()
        .map(|patch| format!("{} {}: {} {}", patch.place, patch.subject, patch.fate.tone.class(), patch.fate.words))
        .collect();
    let expected = [
        "1 One: good carried",
        "2 Two: wait carried, changed",
        "3 Three: wait carried, resolved by a recorded resolution",
        "4 Four: calm landed upstream: as 188c069411",
        "5 Five: wait landed upstream: it changes nothing any more, a person has to decide",
        "6 Six: bad conflicts",
        "7 Seven: calm pending",
    ];
    assert_eq!(told, expected);
    assert_eq!(carry.patches[0].author, "Ann");
    assert_eq!(carry.look.as_deref(), Some("git range-diff 188c069411..188c069411 188c069411..3d8d8824e5"));
    assert_eq!(carry.conflicts[0].files[0].upstream[0].text, "Sixth");
    let checks: Vec<&str> = carry.checks.iter().map(|check| check.words.as_str()).collect();
    assert_eq!(checks, ["`make test` passed", "failed `make lint`: exit status 2"]);
    assert_eq!(carry.warnings.len(), 2);
    assert_eq!(carry.range_diff.as_ref().unwrap().lines.len(), 1);
}

#[test]
fn channels_tell_what_they_point_to() {
    #[track_caller]
    fn case(moves: &[Record], expected: &str) {
        let records: Vec<Record> = [signal(1, "v2")].iter().chain(moves).cloned().collect();
        let told: Vec<String> = page_of(&records)
            .channels
            .iter()
            .map(|channel| {
                let holds = channel
                    .holds
                    .as_ref()
                    .map(|it| format!("{} {} {}", it.how, it.key.as_deref().unwrap_or("-"), it.commit.short));
                format!("{}: {}, {}", channel.name, holds.as_deref().unwrap_or("nothing"), channel.rule)
            })
            .collect();
        assert_eq!(told.join("; "), expected);
    }
    case(&[], "public: nothing, by a person");
    case(&[promotion(2, "public", "promoted", "v2", NEW)], "public: promoted v2 3d8d8824e5, by a person");
    case(
        &[promotion(2, "public", "promoted", "v2", NEW), promotion(3, "public", "rolled-back", "v1", SHA)],
        "public: rolled back v1 188c069411, by a person",
    );
    case(
        &[promotion(2, "old", "promoted", "v2", NEW)],
        "public: nothing, by a person; old: promoted v2 3d8d8824e5, no longer configured",
    );
}

#[test]
fn watches_tell_what_is_wrong() {
    let problem = Problem {
        kind: "timeout".to_owned(),
        message: "no answer from https://me:s3@git.example".to_owned(),
        hint: Some("wait".to_owned()),
    };
    let records = [
        record(1, "primed", json!({"reason": "first-sight", "source": "x", "entries": [{"key": "v1"}]})),
        record(2, "gap", json!({"oldest": "v5", "message": "some may be missed"})),
        record(3, "watchError", json!({"error": problem})),
    ];
    let page = page_of(&records);
    let watch = &page.watches[0];
    assert_eq!(watch.problem.as_deref(), Some("no answer from https://***@git.example"));
    assert_eq!((watch.hint.as_deref(), watch.known), (Some("wait"), 1));
    assert_eq!(watch.gap.as_ref().unwrap().0, "some may be missed");
    assert_eq!(watch.newest.as_ref().unwrap().0, "v1");
    assert_eq!(watch.deferred, None, "what is over is not told");
    assert_eq!((watch.source.as_str(), watch.dispatch.as_str()), ("https://git.example/acme/up", "carry"));
    let waits = &page.waits.person[0];
    assert_eq!((waits.key.as_deref(), waits.badge.words.as_str()), (None, "the watch fails: timeout"));
    let next = page_of(&records[..2]);
    assert_eq!((next.watches[0].problem.as_deref(), next.waits.person.len()), (None, 0));
}

#[test]
fn what_has_no_room_is_left_out_and_says_so() {
    let patches: Vec<Value> =
        (1..=200).map(|place| patch(place, &"x".repeat(100), &json!({"fate": "carried"}))).collect();
    let mut records = Vec::new();
    for number in 0..100 {
        let key = format!("v{number}");
        records.push(signal(number, &key));
        records.push(run(number, &key, 1, "changed", json!({"report": "runs/x.json"})));
    }
    let page = made(&up(), &records, 100, &report(&patches.into()));
    let runs: Vec<&run::Run> = page.signals.iter().flat_map(|signal| &signal.runs).collect();
    assert_eq!(runs.len(), 100);
    assert!(runs[0].carry.is_some() && !runs[0].is_cut);
    assert!(runs[99].carry.is_none() && runs[99].is_cut);
    let length = html::document(&page).len();
    assert!(length < 2 * ROOM, "{length}");
}

/// What strangers would write to get out of their place.
const HOSTILE: [&str; 8] = [
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</style><style>*{display:none}",
    "--><!-- {{ page }} {% raw %}",
    "\u{202e}evil\u{200b}\u{feff}\u{1b}[31m",
    "<a href=https://evil.example/?s=1>",
];

fn hostile_page(text: &str) -> Page {
    let refs = json!([{"ref": text, "sha": text, "url": text, "remote": text, "repo": text}]);
    let steps = json!([{"flow": text, "step": text, "status": "failed", "message": text}]);
    let left = json!({"message": text, "candidates": refs, "steps": steps, "ref": text, "sha": text,
        "intervention": {"ref": text, "url": text}});
    let records = [
        signal_of(1, &json!({"key": text, "sha": text, "title": format!("title {text}"), "url": text, "author": text})),
        run(2, text, 1, "failed", left),
        review(3, text, "awaiting", "person", json!({"ref": text, "sha": text, "by": text, "message": text})),
        signal_of(4, &json!({"key": "v2", "title": text, "url": format!("https://git.example/{text}")})),
        run(5, "v2", 1, "changed", json!({"report": "runs/x.json", "message": text})),
        promotion(6, "public", "promoted", text, text),
        record(7, "watchError", json!({"error": {"kind": text, "message": text, "hint": text}})),
        record(8, "gap", json!({"oldest": text, "message": text})),
    ];
    let mut told = report(&json!([patch(1, text, &json!({"fate": "carried"}))]));
    told["artifacts"]["onto"]["name"] = text.into();
    told["artifacts"]["stack"]["name"] = text.into();
    told["artifacts"]["warnings"] = json!([text]);
    told["artifacts"]["checks"] = json!([{"command": text, "passed": false, "message": text}]);
    told["artifacts"]["candidateRefs"] = refs;
    told["artifacts"]["resolver"] = json!([{"sha": SHA, "place": 1, "accepted": true, "message": text, "diff": text}]);
    made(&up(), &records, 100, &told)
}

#[test]
fn nothing_that_strangers_wrote_gets_out_of_its_place() {
    let plain = html::document(&hostile_page("plain"));
    let shape = |html: &str| -> Vec<String> {
        html.split('<').skip(1).map(|tag| tag.split([' ', '>', '\n']).next().unwrap().to_owned()).collect()
    };
    for text in HOSTILE {
        let html = html::document(&hostile_page(text));
        let is_word = !text.contains(|c| "<>\"'".contains(c) || crate::text::is_unsafe(c));
        assert!(is_word || !html.contains(text), "{text:?} is there as it was written");
        assert!(!html.contains(|c: char| c != '\n' && c != '\t' && crate::text::is_unsafe(c)), "{text:?}");
        assert_eq!(shape(&html).iter().filter(|tag| *tag == "script").count(), 1, "{text:?}");
        assert!(!html.to_lowercase().contains("href=\"javascript:"), "{text:?}");
        // An address is a link for one text and none for another; all other elements are the same ones.
        let without_links = |html: &str| -> Vec<String> {
            shape(html).into_iter().filter(|tag| !["a", "/a"].contains(&tag.as_str())).collect()
        };
        let (is, should_be) = (without_links(&html), without_links(&plain));
        let different = is.iter().zip(&should_be).position(|(is, should_be)| is != should_be);
        assert_eq!((different, is.len()), (None, should_be.len()), "{text:?}");
    }
}

/// The values of an attribute.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!(" {attribute}=\"");
    html.split(&begin).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn the_document_is_whole_and_asks_nobody() {
    let html = html::document(&hostile_page("v9"));
    assert!(html::is_ours(html.as_bytes()));
    assert!(!html::is_ours(b"<!doctype html>\n<html>"));
    let ids = values(&html, "id");
    let known: HashSet<&str> = ids.iter().copied().collect();
    assert_eq!(known.len(), ids.len(), "{ids:?}");
    for link in values(&html, "href").iter().filter_map(|href| href.strip_prefix('#')) {
        assert!(known.contains(link), "nothing is at #{link}");
    }
    for label in values(&html, "aria-labelledby") {
        assert!(known.contains(label), "nothing is at #{label}");
    }
    let mut level = 0;
    for heading in html.match_indices("<h").filter_map(|(at, _)| html[at + 2..].chars().next()?.to_digit(10)) {
        assert!(heading <= level + 1, "h{heading} follows h{level}");
        level = heading;
    }
    assert_eq!(values(&html, "src"), [""; 0]);
    assert!(!html.contains("url(") && !html.contains("@import") && !html.contains("fetch("));
    let tables = html.matches("<table").count();
    assert_eq!((tables, html.matches("<caption>").count()), (3, 3));
    assert_eq!(html, html::document(&hostile_page("v9")), "the same ledger is the same page");
}

#[test]
fn nothing_yet_is_said_as_such() {
    let html = html::document(&made(&config(&[]), &[], 100, &Value::Null));
    for nothing in ["Nothing waits for a person", "No channel is configured", "Nothing is watched", "no news yet"] {
        assert!(html.contains(nothing), "{nothing}");
    }
}
