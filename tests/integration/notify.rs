//! `patch.notify`: what waits for a person is told once, to a program of the user's.

mod guide;

use crate::fork::Fork;
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

/// A program that keeps what it is told, and then does what `$ROOT/answers` holds.
const LISTENER: &str = r#"#!/bin/sh
cat >> "$ROOT/heard"
printf '%s|%s|%s\n' "$PATCH_NOTICE" "${PATCH_NOTICE_ID-none}" "$*" >> "$ROOT/called"
{ pwd; env | grep -e ^PATCH_ -e ^GIT_DIR | grep -v -e _NOW= -e _STATE_DIR= | sort; } > "$ROOT/around"
if [ -e "$ROOT/answers" ]; then . "$ROOT/answers"; fi
"#;

/// The fork, polled once, that dispatches to a program which is blocked, and has a listener.
fn listening() -> Fork {
    let fork = Fork::dispatching("command", r#"echo 'FLOW_RESULT {"status":"blocked","message":"no licence"}'"#);
    listen(&fork);
    fork
}

fn listen(fork: &Fork) {
    let program = fork.environment().program("bin/listener", LISTENER);
    fork.set("patch.notify", &format!("{} '$(touch x)' two\\ words", program.display()));
}

fn answers(fork: &Fork, script: &str) {
    fork.environment().write("answers", script);
}

fn silence(fork: &Fork) {
    fs::remove_file(fork.path("answers")).unwrap();
}

/// The notices that were told so far.
fn heard(fork: &Fork) -> Vec<Value> {
    let text = fs::read_to_string(fork.path("heard")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn reasons(fork: &Fork) -> Vec<String> {
    heard(fork).iter().map(|notice| notice["reason"].as_str().unwrap().to_owned()).collect()
}

/// How many notices the ledger has.
fn recorded(fork: &Fork) -> usize {
    fork.records().iter().filter(|record| record["kind"] == "notice").count()
}

/// Waits until something is so; a minute is for ever.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "never {what}");
        std::thread::yield_now();
    }
}

#[test]
fn what_failed_is_told_once_with_what_helps_to_act() {
    let fork = listening();
    fork.release("v1.1.0");
    let poll = fork.patch(&["poll"]).run();
    assert_eq!((poll.status, poll.stderr.as_str()), (1, ""), "{poll}");
    let notices = heard(&fork);
    let [notice] = &notices[..] else { panic!("{notices:?}") };
    let expected = serde_json::json!({
        "v": 1, "at": "2026-01-02T03:04:05.000Z", "kind": "notice", "watch": "up",
        "id": "patch:up:v1.1.0:upstream.release", "reason": "failed", "about": "command#1",
        "message": "up: v1.1.0 -> command: blocked: no licence", "key": "v1.1.0", "state": "failed",
        "next": "patch show v1.1.0; patch retry v1.1.0", "repository": fork.path("fork"),
    });
    assert_eq!(notice, &expected);
    // The ledger has the record, and what only the program was told is not part of it.
    let last = fork.records().pop().unwrap();
    for (key, value) in last.as_object().unwrap() {
        assert_eq!(notice[key], *value, "{key}");
    }
    assert_eq!(last["kind"], "notice");
    let called = fork.environment().read("called");
    assert_eq!(called, "failed|patch:up:v1.1.0:upstream.release|$(touch x) two words\n");
    let around = fork.environment().read("around");
    let fork_path = fork.path("fork");
    let expected =
        format!("{}\nPATCH_NOTICE=failed\nPATCH_NOTICE_ID=patch:up:v1.1.0:upstream.release\n", fork_path.display());
    assert_eq!(around, expected);
    for command in ["poll", "dispatch", "sync"] {
        fork.patch(&[command]).success();
    }
    assert_eq!(heard(&fork).len(), 1);
}

#[test]
fn every_command_that_may_find_something_tells() {
    let fork = listening();
    fork.release("v1.1.0");
    fork.patch(&["poll", "--dry-run"]).success();
    fork.patch(&["poll", "--no-dispatch"]).success();
    assert_eq!(reasons(&fork), [""; 0]);
    fork.patch(&["dispatch"]).run();
    assert_eq!(reasons(&fork), ["failed"]);
    fork.patch(&["retry", "v1.1.0"]).run();
    assert_eq!(reasons(&fork), ["failed"; 2]);
    fork.patch(&["replay", "v1.1.0", "--no-dispatch"]).success();
    assert_eq!(reasons(&fork), ["failed"; 2]);
    let poll = fork.patch(&["poll", "--json"]).run();
    assert!(poll.stdout.ends_with(&fork.ledger().lines().last().map(|line| format!("{line}\n")).unwrap()), "{poll}");
    assert_eq!(reasons(&fork), ["failed"; 3]);
    fork.environment().git("fork", &["config", "--unset", "patch.notify"]);
    fork.release("v1.2.0");
    fork.says(r#"echo 'FLOW_RESULT {"status":"needs_intervention","message":"left or right?"}'"#);
    fork.patch(&["poll"]).success();
    assert_eq!(heard(&fork).len(), 3);
    // Once there is somebody to tell, what waits already is told.
    listen(&fork);
    fork.patch(&["sync"]).success();
    assert_eq!(reasons(&fork)[3..], ["intervention"]);
    assert_eq!(heard(&fork)[3]["message"], "up: v1.2.0 needs a person: left or right?");
}

#[test]
fn a_moved_tag_and_a_watch_that_stays_broken_are_told() {
    let fork = Fork::new();
    listen(&fork);
    fork.environment().commit("upstream", "file", "something else\n");
    fork.environment().git("upstream", &["tag", "--force", "--annotate", "--message", "again", "v1.0.0"]);
    fork.patch(&["poll"]).success();
    assert_eq!(reasons(&fork), ["moved"]);
    assert_eq!(heard(&fork)[0]["message"], "up: tag v1.0.0 was moved: was it replaced on purpose?");
    fs::rename(fork.path("upstream"), fork.path("away")).unwrap();
    for poll in 1..=4 {
        assert_eq!(fork.patch(&["poll"]).run().status, 1);
        let expected = if poll < 3 { 1 } else { 2 };
        assert_eq!(heard(&fork).len(), expected, "after poll {poll}");
    }
    let broken = &heard(&fork)[1];
    assert_eq!((&broken["reason"], &broken["state"]), (&"watch-broken".into(), &"broken".into()));
    assert!(broken["message"].as_str().unwrap().starts_with("up: it fails for 3 polls in a row: "), "{broken}");
    assert_eq!(broken["next"], "patch watch check up");
    assert!(fork.environment().read("called").ends_with("watch-broken|none|$(touch x) two words\n"));
    fs::rename(fork.path("away"), fork.path("upstream")).unwrap();
    fork.patch(&["poll"]).success();
    fs::rename(fork.path("upstream"), fork.path("away")).unwrap();
    for _ in 0..3 {
        fork.patch_at("04:00:00", &["poll"]).run();
    }
    assert_eq!(reasons(&fork), ["moved", "watch-broken", "watch-broken"]);
}

#[test]
fn a_trigger_branch_that_nobody_takes_up_is_told() {
    let fork = Fork::triggering();
    listen(&fork);
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    fork.patch_at("04:04:00", &["poll"]).success();
    assert_eq!(reasons(&fork), [""; 0]);
    fork.patch_at("04:05:00", &["poll"]).success();
    fork.patch_at("05:05:00", &["poll"]).success();
    assert_eq!(reasons(&fork), ["overdue"]);
    let notice = &heard(&fork)[0];
    assert_eq!(notice["ref"], "refs/heads/patch-moi/trigger/up/v1.1.0");
    assert_eq!(notice["sha"].as_str().unwrap().len(), 40);
}

#[test]
fn where_a_person_reads_of_the_entry_is_told_also_of_what_is_no_longer_open() {
    let fork = Fork::triggering();
    listen(&fork);
    fork.set("watch.up.payload", "url=https://git.example/releases/v1.1.0");
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    fork.patch_at("05:05:00", &["sync"]).success();
    assert_eq!(heard(&fork)[0]["url"], "https://git.example/releases/v1.1.0");
}

#[test]
fn what_strangers_wrote_is_data_on_one_line() {
    let fork = listening();
    let tag = "v2;$(touch${IFS}pwned)`touch${IFS}pwned`'\"&|<>";
    let said = r#"FLOW_RESULT {"status":"blocked","message":"\u001b[2J$(touch pwned)\u202e\nSubject: x"}"#;
    fork.says(&format!("printf '%s\\n' '{said}'"));
    fork.release(tag);
    fork.patch(&["poll"]).run();
    let text = fork.environment().read("heard");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    let notices = heard(&fork);
    assert_eq!(notices[0]["key"], tag);
    let message = notices[0]["message"].as_str().unwrap();
    assert!(message.ends_with(r"blocked: \u{1b}[2J$(touch pwned)\u{202e} Subject: x"), "{message}");
    let called = fork.environment().read("called");
    assert_eq!(called, format!("failed|patch:up:{tag}:upstream.release|$(touch x) two words\n"));
    // What a person would copy into a shell does nothing but call this program with the key.
    let next = notices[0]["next"].as_str().unwrap();
    let output = fork.environment().run("sh", &["-c", &format!("patch() {{ printf '%s\\n' \"$2\"; }}; {next}")]);
    assert_eq!(output.success().stdout, format!("{tag}\n{tag}\n"));
    assert!(!fork.path("fork/pwned").exists() && !fork.path("pwned").exists());
}

#[test]
fn a_program_that_fails_is_told_of_and_tried_again() {
    let fork = listening();
    answers(&fork, "echo 'mail: \x1b[1mno route' >&2; exit 3");
    fork.release("v1.1.0");
    fork.release("v1.2.0");
    let poll = fork.patch(&["poll", "--quiet"]).run();
    let lines: Vec<&str> = poll.stderr.lines().collect();
    let expected = "error: `patch.notify`: `$TEMP/bin/listener` did not take 2 notices: exit status 3: mail: \
                    \\u{1b}[1mno route";
    let hint = "hint: they are told again by the next poll; `patch status` shows what waits";
    assert_eq!((poll.status, &lines[..]), (1, &[expected, hint][..]));
    assert_eq!(recorded(&fork), 0);
    // It is the only thing that fails now.
    assert_eq!(fork.patch(&["sync"]).run().status, 1);
    // What it can take, it is given.
    answers(&fork, "case $PATCH_NOTICE_ID in *v1.1.0*) exit 1;; esac");
    assert_eq!(fork.patch(&["poll"]).run().status, 1);
    assert_eq!(recorded(&fork), 1);
    silence(&fork);
    fork.patch(&["poll"]).success();
    assert_eq!(recorded(&fork), 2);
    fork.patch(&["poll"]).success();
    assert_eq!(heard(&fork).len(), 7);
}

#[test]
fn a_program_that_is_not_there_is_told_of() {
    let fork = listening();
    fork.set("patch.notify", "no-such-program-anywhere --now");
    fork.release("v1.1.0");
    let poll = fork.patch(&["poll"]).run();
    assert!(poll.stderr.contains("did not take 1 notice: `no-such-program-anywhere` was not found on PATH"), "{poll}");
    fork.set("patch.notify", "");
    let poll = fork.patch(&["poll"]).run();
    assert_eq!(poll.status, 2, "{poll}");
    assert!(poll.stderr.contains("patch.notify"), "{poll}");
}

#[test]
fn who_is_killed_before_the_record_tells_twice_and_never_at_the_same_time() {
    let fork = listening();
    fork.fifo("go");
    answers(&fork, "echo $$ > \"$ROOT/pid\"; cat \"$ROOT/go\" > /dev/null");
    fork.release("v1.1.0");
    let mut poll = fork.start(&["poll"]);
    until("heard", || fork.path("pid").exists() && heard(&fork).len() == 1);
    poll.kill().unwrap();
    poll.wait().unwrap();
    // The program goes on: nobody else tells meanwhile, and nobody is silent about it.
    let sync = fork.patch(&["sync"]).run();
    assert_eq!(sync.status, 1, "{sync}");
    assert!(sync.stderr.contains("notify.input"), "{sync}");
    assert_eq!((heard(&fork).len(), recorded(&fork)), (1, 0));
    let pid = fork.environment().read("pid");
    fs::write(fork.path("go"), "").unwrap();
    until("ended", || !fork.is_running(&pid));
    silence(&fork);
    fork.patch(&["sync"]).success();
    fork.patch(&["sync"]).success();
    assert_eq!((heard(&fork).len(), recorded(&fork)), (2, 1));
}

#[test]
fn two_at_once_tell_once_and_no_lock_is_held_meanwhile() {
    let fork = listening();
    fork.fifo("go");
    answers(&fork, "echo $$ > \"$ROOT/pid\"; cat \"$ROOT/go\" > /dev/null");
    fork.release("v1.1.0");
    let mut first = fork.start(&["poll"]);
    until("heard", || heard(&fork).len() == 1);
    // Another release is taken in and dispatched beside it, by another process.
    fork.says("true");
    fork.release("v1.2.0");
    fork.patch(&["poll"]).success();
    assert!(fork.history().contains("run patch:up:v1.2.0:upstream.release command #1 completed"));
    assert_eq!((heard(&fork).len(), recorded(&fork)), (1, 0));
    fs::write(fork.path("go"), "").unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(1));
    fork.patch(&["sync"]).success();
    assert_eq!((heard(&fork).len(), recorded(&fork)), (1, 1));
}

#[test]
fn many_notices_are_told_by_one_command_after_the_other() {
    let fork = listening();
    for number in 0..23 {
        fork.environment().git("upstream", &["tag", &format!("v2.{number}")]);
    }
    fork.patch(&["poll"]).run();
    assert_eq!(heard(&fork).len(), 20);
    fork.patch(&["poll"]).success();
    fork.patch(&["poll"]).success();
    assert_eq!((heard(&fork).len(), recorded(&fork)), (23, 23));
}

#[test]
fn what_was_told_is_known_without_the_index() {
    let fork = listening();
    fork.release("v1.1.0");
    fork.patch(&["poll"]).run();
    fs::remove_file(fork.state("index.json")).unwrap();
    fork.patch(&["poll"]).success();
    assert_eq!((heard(&fork).len(), recorded(&fork)), (1, 1));
    // A signal that is at its end leaves nothing behind.
    fork.patch(&["reject", "v1.1.0"]).success();
    let index = fs::read_to_string(fork.state("index.json")).unwrap();
    assert!(index.contains("\"told\":{}"), "{index}");
}
