use super::{
    channels, ended, files,
    refs::{Sight, of_watch},
    *,
};
use crate::{
    config::{Config, tests::read_text},
    ledger::state::{
        State,
        tests::{dispatch, records, request, run, signal},
    },
    parse::refs::{RemoteRef, RemoteRefs},
    refname::{component, hash},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

const WATCH: &str = "watch.up.remote = https://git.example/up\nwatch.up.dispatch = carry\n";
const DAY: Duration = Duration::from_hours(24);

fn sha(letter: char) -> String {
    letter.to_string().repeat(40)
}

fn id(key: &str) -> String {
    format!("patch:up:{key}:upstream.release")
}

/// A review of a candidate with this commit, or of nothing.
fn review(key: &str, state: &str, evidence: &str, candidate: Option<char>) -> String {
    let seen = candidate.map(|letter| {
        format!(r#","ref":"refs/heads/patch-moi/candidate/up/{}","sha":"{}""#, component(key), sha(letter))
    });
    let id = id(key);
    let seen = seen.unwrap_or_default();
    format!(r#""kind":"review","watch":"up","id":"{id}","state":"{state}","evidence":"{evidence}"{seen}"#)
}

/// A signal whose run is done, and whose review ended so.
fn ended_as(key: &str, state: &str, evidence: &str, candidate: Option<char>) -> [String; 3] {
    let done = run(key, "carry", 1, "changed");
    [signal("new", key, r#""carry""#), done, review(key, state, evidence, candidate)]
}

fn landed(key: &str, letter: char) -> [String; 3] {
    ended_as(key, "landed", "contained", Some(letter))
}

fn state(lines: &[String]) -> State {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut state = State::default();
    for record in records(&lines) {
        state.fold(&record);
    }
    state
}

fn refs(all: &[(&str, char)]) -> RemoteRefs {
    let peeled = |name: &str, letter| name.starts_with("refs/patch-moi/attested/").then(|| sha(letter));
    let there = |(name, letter): &(&str, char)| {
        let peeled = peeled(name, *letter);
        let sha = if peeled.is_some() { sha('f') } else { sha(*letter) };
        ((*name).to_owned(), RemoteRef { sha, peeled })
    };
    RemoteRefs { head: None, refs: all.iter().map(there).collect() }
}

fn now() -> Timestamp {
    "2026-12-31T00:00:00Z".parse().unwrap()
}

/// What is left of the signals in these records, where the fork and this repository have these refs:
/// `place fate name`, without what all names have in common.
struct Case {
    config: Config,
    state: State,
    fork: RemoteRefs,
    here: RemoteRefs,
    checked_out: BTreeSet<String>,
    ours: BTreeMap<String, bool>,
}

impl Case {
    fn new(lines: &[String], fork: &[(&str, char)]) -> Self {
        Self {
            config: read_text(WATCH),
            state: state(lines),
            fork: refs(fork),
            here: refs(&[]),
            checked_out: BTreeSet::new(),
            ours: BTreeMap::new(),
        }
    }

    fn found(&self) -> Vec<String> {
        let names = ended::names(&self.config, &self.state, now(), DAY * 30);
        let sight = Sight {
            fork: Some(&self.fork),
            here: &self.here,
            checked_out: &self.checked_out,
            ours: &self.ours,
            prefix: "patch-moi/",
        };
        let items = of_watch(&self.config.watches[0], &names, sight);
        let short = |item: Item| {
            let name = item.name.trim_start_matches("refs/").trim_start_matches("heads/patch-moi/").to_owned();
            format!("{:?} {:?} {name}", item.place, item.fate).to_lowercase()
        };
        items.into_iter().map(short).collect()
    }

    #[track_caller]
    fn expects(&self, expected: &[&str]) {
        assert_eq!(self.found(), expected);
    }
}

const TRIGGER: &str = "refs/heads/patch-moi/trigger/up/v1";
const INTERVENTION: &str = "refs/heads/patch-moi/intervention/up/v1";
const STACK: &str = "refs/heads/patch-moi/stack/up/v1/patch/one";
const CANDIDATE: &str = "refs/heads/patch-moi/candidate/up/v1";
const ATTESTED: &str = "refs/patch-moi/attested/patch-moi/candidate/up/v1";

#[test]
fn all_that_belongs_to_a_signal_goes_and_the_candidate_last_but_for_what_speaks_of_it() {
    let pushed = format!(r#","ref":"{TRIGGER}","sha":"{}""#, sha('a'));
    let made = format!(
        r#","candidates":[{{"ref":"{CANDIDATE}","sha":"{}"}},{{"ref":"{STACK}","sha":"{}"}}],
        "intervention":{{"ref":"{INTERVENTION}","sha":"{}"}}"#,
        sha('d'),
        sha('c'),
        sha('b')
    );
    let lines = [
        signal("new", "v1", r#""carry","trigger-branch""#),
        run("v1", "trigger-branch", 1, "completed") + &pushed,
        run("v1", "carry", 1, "changed") + &made,
        review("v1", "landed", "squashed", Some('d')),
    ];
    let all = [(ATTESTED, 'd'), (CANDIDATE, 'd'), (INTERVENTION, 'b'), (STACK, 'c'), (TRIGGER, 'a')];
    let mut case = Case::new(&lines, &all);
    let gone = [
        "fork remove trigger/up/v1",
        "fork remove intervention/up/v1",
        "fork remove stack/up/v1/patch/one",
        "fork remove candidate/up/v1",
        "fork remove patch-moi/attested/patch-moi/candidate/up/v1",
    ];
    case.expects(&gone);
    let kept = format!("refs/patch-moi/review/up/{}", component(CANDIDATE));
    let attested = format!("refs/patch-moi/review/up/{}", component(ATTESTED));
    let other = format!("refs/patch-moi/review/up/{}", component("refs/heads/main"));
    case.here = refs(&[(CANDIDATE, 'd'), (&kept, 'd'), (&attested, 'd'), (&other, 'x')]);
    let here = [
        "here remove candidate/up/v1".to_owned(),
        format!("here remove {}", kept.trim_start_matches("refs/")),
        format!("here remove {}", attested.trim_start_matches("refs/")),
    ];
    let gone: Vec<String> = gone.iter().map(|it| (*it).to_owned()).chain(here).collect();
    assert_eq!(case.found(), gone);
}

#[test]
fn only_what_ended_long_ago_goes() {
    #[track_caller]
    fn case(lines: &[String], expected: &[&str]) {
        Case::new(lines, &[(CANDIDATE, 'd')]).expects(expected);
    }
    let gone = ["fork remove candidate/up/v1"];
    case(&landed("v1", 'd'), &gone);
    for (state, evidence) in [("rejected", "person"), ("superseded", "newer-candidate"), ("completed", "person")] {
        case(&ended_as("v1", state, evidence, Some('d')), &gone);
    }
    for state in ["awaiting", "needs-intervention", "failed", "running", "unacknowledged", "pending"] {
        case(&ended_as("v1", state, "fork-ref", Some('d')), &[]);
    }
    // Nothing is known of it.
    case(&[], &[]);
    case(&[signal("new", "v1", r#""carry""#)], &[]);
    // It was asked for again.
    case(&[&landed("v1", 'd')[..], &[request("v1", "replay", r#""carry""#, 1)]].concat(), &[]);
    let now = "2026-12-22T10:00:59Z".parse().unwrap();
    let state = state(&landed("v1", 'd'));
    let names = ended::names(&read_text(WATCH), &state, now, DAY * 30);
    assert!(names.get("up/v1").is_none(), "two seconds less than thirty days");
}

#[test]
fn what_is_being_worked_on_still_is_not_over() {
    let lines = [
        signal("new", "v1", r#""carry","command""#),
        run("v1", "carry", 1, "changed"),
        dispatch("v1", "command", 1),
        review("v1", "landed", "contained", Some('d')),
    ];
    Case::new(&lines, &[(CANDIDATE, 'd')]).expects(&[]);
    let ended = [&lines[..], &[run("v1", "command", 1, "completed"), lines[3].clone()]].concat();
    Case::new(&ended, &[(CANDIDATE, 'd')]).expects(&["fork remove candidate/up/v1"]);
}

#[test]
fn what_is_not_as_it_was_recorded_goes_only_if_it_is_ours() {
    let mut case = Case::new(&landed("v1", 'd'), &[(CANDIDATE, 'e'), (ATTESTED, 'd'), (INTERVENTION, 'b')]);
    let attested = "fork look patch-moi/attested/patch-moi/candidate/up/v1";
    case.expects(&["fork look intervention/up/v1", "fork look candidate/up/v1", attested]);
    case.ours.insert(sha('e'), false);
    case.ours.insert(sha('b'), true);
    // What speaks of a candidate that stays, stays.
    case.expects(&["fork remove intervention/up/v1", "fork foreign candidate/up/v1"]);
}

#[test]
fn what_a_sync_saw_of_an_intervention_may_be_a_persons() {
    let seen = format!(r#","ref":"{INTERVENTION}","sha":"{}""#, sha('b'));
    let mut lines = ended_as("v1", "superseded", "newer-candidate", None);
    lines[2] += &seen;
    Case::new(&lines, &[(INTERVENTION, 'b')]).expects(&["fork look intervention/up/v1"]);
}

#[test]
fn what_is_checked_out_stays() {
    let mut case = Case::new(&landed("v1", 'd'), &[]);
    case.here = refs(&[(CANDIDATE, 'd'), (ATTESTED, 'd')]);
    case.checked_out.insert(CANDIDATE.to_owned());
    case.expects(&["here checkedout candidate/up/v1"]);
}

#[test]
fn nothing_but_our_own_names_is_looked_at() {
    let names = [
        "refs/heads/main",
        "refs/heads/patch-moi/candidate/other/v1",
        "refs/heads/patch-moi/candidate/up/v1/below",
        "refs/heads/patch-moi/candidate/up/v2",
        "refs/heads/patch-moi/other/up/v1",
        "refs/heads/patch-moi/stack/up/v1",
        "refs/heads/candidate/up/v1",
        "refs/tags/v1",
        "refs/patch-moi/attested/candidate/up/v1",
        "refs/remotes/origin/patch-moi/candidate/up/v1",
    ];
    let all: Vec<(&str, char)> = names.iter().map(|name| (*name, 'd')).collect();
    let mut case = Case::new(&landed("v1", 'd'), &all);
    case.here = refs(&all);
    case.expects(&[]);
    let numbered = "refs/heads/patch-moi/intervention/up/v1=+2";
    case.fork = refs(&[(numbered, 'b')]);
    case.expects(&["fork look intervention/up/v1=+2"]);
}

#[test]
fn a_candidate_that_a_channel_would_take_next_stays_until_it_has_it() {
    let channel = "channel.stable.ref = stable\nchannel.stable.promote = landed\n";
    let mut case = Case::new(&landed("v1", 'd'), &[(CANDIDATE, 'd')]);
    case.config = read_text(&format!("{WATCH}{channel}"));
    case.expects(&[]);
    let promoted = format!(
        r#""kind":"promotion","watch":"up","channel":"stable","action":"promoted","rule":"landed","remote":"origin",
        "ref":"refs/heads/stable","to":"{}""#,
        sha('d')
    );
    case.state = state(&[&landed("v1", 'd')[..], &[promoted]].concat());
    case.expects(&["fork remove candidate/up/v1"]);
}

#[test]
fn files_go_with_their_signal() {
    let lines = [&landed("v1", 'd')[..], &[signal("new", "v2", r#""carry""#)]].concat();
    let (config, state) = (read_text(WATCH), state(&lines));
    let names = ended::names(&config, &state, now(), DAY * 30);
    let (old, open) = (&hash(&id("v1"))[..16].to_owned(), &hash(&id("v2"))[..16].to_owned());
    let (by_hand, other) = (&hash("up:v1")[..16].to_owned(), &hash("up:v2")[..16].to_owned());
    let gone = [
        format!("runs/{old}-command-1.log"),
        format!("runs/{old}-carry-12.json"),
        format!("runs/{old}-carry-12.range-diff"),
        format!("runs/{old}-carry-12-verify-1.log"),
        format!("runs/carry-{by_hand}-verify-1.log"),
        format!("runs/resolver-{by_hand}-3.log"),
        "carry/up-v1.json".to_owned(),
        "carry/up-v1.range-diff".to_owned(),
    ];
    let stays = [
        format!("runs/{open}-command-1.log"),
        format!("runs/carry-{other}-verify-1.log"),
        format!("runs/resolver-{other}-3.log"),
        format!("runs/{old}.log"),
        format!("runs/{old}-carry-1.log.bak"),
        format!("events/{old}-carry-1.json"),
        "runs/up.lock".to_owned(),
        "runs/up.input".to_owned(),
        "carry/up-v2.json".to_owned(),
        "carry/up-v1.log".to_owned(),
        "carry/lock".to_owned(),
    ];
    let all: Vec<String> = gone.iter().chain(&stays).cloned().collect();
    let found: Vec<String> = files::files(&names, &all).into_iter().map(|item| item.name).collect();
    assert_eq!(found, gone);
}

#[test]
fn a_name_that_two_signals_share_is_neithers() {
    let config = read_text(&format!("{WATCH}watch.up-b.remote = https://git.example/b\n"));
    let other = |line: String| line.replace("patch:up:c:", "patch:up-b:c:").replace("\"up\"", "\"up-b\"");
    let lines = [&landed("b-c", 'd')[..], &[other(signal("new", "c", r#""carry""#))]].concat();
    let state = state(&lines);
    let names = ended::names(&config, &state, now(), DAY * 30);
    assert!(names.get("up/b-c").is_some());
    assert_eq!(files::files(&names, &["carry/up-b-c.json".to_owned()]), []);
}

#[test]
fn what_a_channel_can_go_back_to_stays() {
    #[track_caller]
    fn case(moves: &[(&str, Option<char>, char)], expected: &[char]) {
        let line = |(action, from, to): &(&str, Option<char>, char)| {
            let from = from.map(|from| format!(r#","from":"{}""#, sha(from))).unwrap_or_default();
            format!(
                r#""kind":"promotion","watch":"up","channel":"stable","action":"{action}","rule":"manual",
                "remote":"origin","ref":"refs/heads/stable"{from},"to":"{}""#,
                sha(*to)
            )
        };
        let state = state(&moves.iter().map(line).collect::<Vec<_>>());
        let all: Vec<(String, char)> =
            ('a'..='e').map(|letter| (format!("refs/patch-moi/channel/stable/{}", sha(letter)), letter)).collect();
        let all: Vec<(&str, char)> = all.iter().map(|(name, letter)| (name.as_str(), *letter)).collect();
        let watch = |name: &str| (name == "stable").then(|| "up".parse().unwrap());
        let left = |now: &str| {
            let items = channels::left_behind(&state, &refs(&all), watch, now.parse().unwrap(), DAY);
            items.iter().filter_map(|item| item.commit.chars().next()).collect::<Vec<char>>()
        };
        assert_eq!(left("2026-12-31T00:00:00Z"), expected, "{moves:?}");
        assert!(left("2026-11-22T12:00:00Z").is_empty(), "on the same day");
    }
    let (to, back) = ("promoted", "rolled-back");
    case(&[], &[]);
    case(&[(to, None, 'a'), (to, Some('a'), 'b'), (to, Some('b'), 'c')], &[]);
    // From c back to b: nothing leads to c any more, as the channel is elsewhere.
    case(&[(to, None, 'a'), (to, Some('a'), 'b'), (to, Some('b'), 'c'), (back, Some('c'), 'b')], &['c']);
    let twice =
        [(to, None, 'a'), (to, Some('a'), 'b'), (to, Some('b'), 'c'), (back, Some('c'), 'b'), (back, Some('b'), 'a')];
    case(&twice, &['b', 'c']);
    case(&[&twice[..], &[(to, Some('a'), 'd')]].concat(), &['b', 'c']);
    case(&[&twice[..], &[(to, Some('a'), 'd'), (to, Some('d'), 'b')]].concat(), &['c']);
}
