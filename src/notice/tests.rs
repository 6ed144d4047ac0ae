use super::*;
use crate::{
    config::tests::read_text,
    ledger::{
        record::{Body, Record},
        state::tests::{dispatch, records, request, run, signal},
    },
};

const ID: &str = "patch:up:v1:upstream.release";

/// A ledger that grows, and a program that takes what it is told.
struct Listener {
    config: Config,
    state: State,
    failing: BTreeMap<WatchName, Failing>,
    minute: usize,
}

impl Listener {
    fn new(configuration: &str) -> Self {
        let watch = "watch.up.remote = https://git.example/up\nwatch.up.retries = 2\nwatch.up.timeout = 600\n";
        let config = read_text(&format!("{watch}{configuration}"));
        Self { config, state: State::default(), failing: BTreeMap::new(), minute: 0 }
    }

    /// What is told after one more record, `reason about`; it is recorded as told.
    fn hears(&mut self, line: &str) -> Vec<String> {
        self.minute += 1;
        let filler = vec![r#""kind":"gap","watch":"up","oldest":"x","message":"m""#; self.minute];
        let lines: Vec<&str> = filler.into_iter().chain([line]).collect();
        let record = records(&lines).pop().unwrap();
        self.state.fold(&record);
        self.hears_at(record.at)
    }

    fn hears_at(&mut self, now: Timestamp) -> Vec<String> {
        let untold = untold(&self.config, &self.state, &self.failing, now);
        for it in &untold {
            self.state.fold(&Record::new(now, Body::Notice(it.notice.clone())));
        }
        untold.into_iter().map(|it| format!("{} {}", it.notice.reason.as_str(), it.notice.about)).collect()
    }

    /// What is told over several records, the last of which tells it.
    #[track_caller]
    fn expects(&mut self, lines: &[String], expected: &[&str]) {
        let mut heard = Vec::new();
        for line in lines {
            assert_eq!(heard, Vec::<String>::new(), "before {line}");
            heard = self.hears(line);
        }
        assert_eq!(heard, expected, "after {lines:?}");
        assert_eq!(self.hears_at("2026-11-22T10:59:00Z".parse().unwrap()), Vec::<String>::new(), "a second time");
    }

    fn fails(&mut self, polls: u32, since: &str) -> Vec<String> {
        let since = Some(since.parse().unwrap()).filter(|_| polls > 0);
        self.failing.insert("up".parse().unwrap(), Failing { polls, since });
        self.hears_at("2026-11-22T12:00:00Z".parse().unwrap())
    }
}

fn review(state: &str, evidence: &str, rest: &str) -> String {
    format!(r#""kind":"review","watch":"up","id":"{ID}","state":"{state}","evidence":"{evidence}"{rest}"#)
}

fn attempts(target: &str, from: u32, to: u32, status: &str) -> Vec<String> {
    (from..=to).flat_map(|number| [dispatch("v1", target, number), run("v1", target, number, status)]).collect()
}

fn intervention(attempt: u32, sha: char) -> [String; 2] {
    let sha = sha.to_string().repeat(40);
    let left = format!(r#","intervention":{{"ref":"refs/heads/i","sha":"{sha}"}}"#);
    [dispatch("v1", "carry", attempt), run("v1", "carry", attempt, "needs_intervention") + &left]
}

#[test]
fn what_failed_for_good_is_told_once_for_each_series_of_attempts() {
    let mut it = Listener::new("watch.up.dispatch = command\nwatch.up.command = x");
    it.expects(&[signal("new", "v1", r#""command""#)], &[]);
    // The first failure is tried again by itself.
    it.expects(&attempts("command", 1, 2, "failed"), &["failed command#2"]);
    it.expects(&[request("v1", "retry", r#""command""#, 2)], &[]);
    it.expects(&attempts("command", 3, 3, "failed"), &[]);
    it.expects(&attempts("command", 4, 4, "failed"), &["failed command#4"]);
    it.expects(&[request("v1", "retry", r#""command""#, 4)], &[]);
    it.expects(&attempts("command", 5, 5, "blocked"), &["failed command#5"]);
    it.expects(&[request("v1", "retry", r#""command""#, 5)], &[]);
    it.expects(&attempts("command", 6, 6, "unmatched"), &["failed command#6"]);
    it.expects(&[request("v1", "retry", r#""command""#, 6)], &[]);
    it.expects(&attempts("command", 7, 7, "completed"), &[]);
}

#[test]
fn each_target_that_failed_is_told_for_itself() {
    let mut it = Listener::new("watch.up.dispatch = command\nwatch.up.dispatch = codex-flow\nwatch.up.command = x");
    it.expects(&[signal("new", "v1", r#""command","codex-flow""#)], &[]);
    it.expects(&attempts("command", 1, 1, "blocked"), &["failed command#1"]);
    it.expects(&attempts("codex-flow", 1, 1, "blocked"), &["failed codex-flow#1"]);
    it.expects(&[request("v1", "retry", r#""command""#, 1)], &[]);
    it.expects(&attempts("command", 2, 2, "completed"), &[]);
}

#[test]
fn a_target_that_the_watch_no_longer_has_is_nobodys() {
    let mut it = Listener::new("watch.up.dispatch = none");
    it.expects(&[signal("new", "v1", r#""command""#)], &[]);
    it.expects(&attempts("command", 1, 1, "blocked"), &[]);
}

#[test]
fn another_intervention_is_told_and_what_a_person_does_to_it_is_not() {
    let mut it = Listener::new("watch.up.dispatch = carry");
    it.expects(&[signal("new", "v1", r#""carry""#)], &[]);
    let (first, second) = ("a".repeat(40), "b".repeat(40));
    it.expects(&intervention(1, 'a'), &[&format!("intervention refs/heads/i@{first}")]);
    let rest = format!(r#","ref":"refs/heads/i","sha":"{}""#, "c".repeat(40));
    it.expects(&[review("needs-intervention", "intervention-ref", &rest)], &[]);
    it.expects(&[request("v1", "retry", r#""carry""#, 1)], &[]);
    // The retry came to the same.
    it.expects(&intervention(2, 'a'), &[]);
    it.expects(&[request("v1", "retry", r#""carry""#, 2)], &[]);
    it.expects(&intervention(3, 'b'), &[&format!("intervention refs/heads/i@{second}")]);
}

#[test]
fn an_intervention_without_a_branch_is_known_by_its_attempt() {
    let mut it = Listener::new("watch.up.dispatch = codex-flow");
    it.expects(&[signal("new", "v1", r#""codex-flow""#)], &[]);
    it.expects(&attempts("codex-flow", 1, 1, "needs_intervention"), &["intervention codex-flow#1"]);
    it.expects(&[request("v1", "retry", r#""codex-flow""#, 1)], &[]);
    it.expects(&attempts("codex-flow", 2, 2, "needs_intervention"), &["intervention codex-flow#2"]);
}

#[test]
fn a_moved_tag_is_told_once_whoever_else_is_handed_it() {
    let mut it = Listener::new("watch.up.dispatch = command\nwatch.up.command = x");
    it.expects(&[signal("moved", "v1@a", r#""command""#)], &["moved v1@a"]);
    it.expects(&[dispatch("v1@a", "command", 1), run("v1@a", "command", 1, "blocked")], &["failed command#1"]);
    it.expects(&[signal("moved", "v1@b", "")], &["moved v1@b"]);
    it.expects(&[signal("gone", "v1@gone-b", "")], &[]);
}

#[test]
fn a_trigger_branch_without_an_answer_is_told_once_for_each_push() {
    let mut it = Listener::new("watch.up.dispatch = trigger-branch");
    it.expects(&[signal("new", "v1", r#""trigger-branch""#)], &[]);
    let sha = "a".repeat(40);
    let pushed = format!(r#","ref":"refs/heads/t","sha":"{sha}""#);
    let push = |attempt| run("v1", "trigger-branch", attempt, "completed") + &pushed;
    it.hears(&dispatch("v1", "trigger-branch", 1));
    assert_eq!(it.hears(&push(1)), [""; 0]);
    let at = |minute: usize| format!("2026-11-22T10:{minute:02}:00.000Z");
    let late = "2026-11-22T11:00:00Z".parse().unwrap();
    assert_eq!(it.hears_at(late), [format!("overdue refs/heads/t@{sha} {}", at(it.minute))]);
    assert_eq!(it.hears_at(late), [""; 0]);
    it.hears(&request("v1", "replay", r#""trigger-branch""#, 1));
    it.hears(&push(2));
    assert_eq!(it.hears_at(late), [format!("overdue refs/heads/t@{sha} {}", at(it.minute))]);
}

#[test]
fn a_watch_that_fails_long_enough_is_told_once_until_it_works_again() {
    let mut it = Listener::new("patch.notifyAfter = 2");
    let error = r#""kind":"watchError","watch":"up","error":{"kind":"dns","message":"no\u001baddress"}"#;
    it.hears(error);
    assert_eq!(it.fails(1, "2026-11-22T10:00:00Z"), [""; 0]);
    assert_eq!(it.fails(2, "2026-11-22T10:00:00Z"), ["watch-broken 2026-11-22T10:00:00.000Z"]);
    assert_eq!(it.fails(3, "2026-11-22T10:00:00Z"), [""; 0]);
    // It fails in another way, and is as broken as before.
    it.hears(&error.replace("dns", "tls"));
    assert_eq!(it.fails(4, "2026-11-22T10:00:00Z"), [""; 0]);
    it.hears(r#""kind":"watchError","watch":"up""#);
    assert_eq!(it.fails(0, "2026-11-22T10:00:00Z"), [""; 0]);
    it.hears(error);
    assert_eq!(it.fails(2, "2026-11-22T11:00:00Z"), ["watch-broken 2026-11-22T11:00:00.000Z"]);
}

#[test]
fn what_is_over_is_forgotten_and_told_again_if_it_is_not() {
    let mut it = Listener::new("watch.up.dispatch = command\nwatch.up.command = x");
    it.expects(&[signal("new", "v1", r#""command""#)], &[]);
    it.expects(&attempts("command", 1, 1, "blocked"), &["failed command#1"]);
    assert_eq!(it.state.told.len(), 1);
    it.expects(&[review("rejected", "person", r#","verdict":"rejected""#)], &[]);
    assert_eq!(it.state.told, BTreeMap::new());
    // Told by a process that had not heard of the end yet.
    let late =
        format!(r#""kind":"notice","watch":"up","id":"{ID}","reason":"failed","about":"command#1","message":"m""#);
    it.expects(&[late], &[]);
    assert_eq!(it.state.told, BTreeMap::new());
    it.expects(&[request("v1", "replay", r#""command""#, 1)], &[]);
    it.expects(&attempts("command", 2, 2, "blocked"), &["failed command#2"]);
}

#[test]
fn a_candidate_that_waits_for_review_is_not_told() {
    let mut it = Listener::new("watch.up.dispatch = carry");
    let rest = format!(r#","ref":"refs/heads/c","sha":"{}""#, "a".repeat(40));
    it.expects(&[signal("new", "v1", r#""carry""#)], &[]);
    it.expects(&[review("awaiting", "fork-ref", &rest)], &[]);
}

#[test]
fn a_message_is_one_printable_line_of_bounded_length() {
    let mut it = Listener::new("watch.up.dispatch = command\nwatch.up.command = x");
    it.hears(&signal("new", "v1", r#""command""#));
    it.hears(&dispatch("v1", "command", 1));
    let said = format!(r"$(touch x)\u001b[2J\n{}", "x".repeat(5000));
    let blocked = run("v1", "command", 1, "blocked").replace(r#""message":"m""#, &format!(r#""message":"{said}""#));
    let record = records(&[&blocked]).pop().unwrap();
    it.state.fold(&record);
    let untold = untold(&it.config, &it.state, &it.failing, record.at);
    let message = &untold[0].notice.message;
    assert!(message.starts_with(r"up: v1 -> command: blocked: $(touch x)\u{1b}[2J\nxxx"), "{message}");
    assert_eq!(message.len(), 1000);
}
