//! `patch doctor`: what is wrong is named where everything else refuses, and a repair loses nothing
//! that it does not name.

mod channels;
mod parent;
mod remotes;
mod schedule;
mod surroundings;
mod workflow;

use crate::environment::{Environment, Output, can_trace};
use crate::fork::{Fork, without_durations};
use expect_test::expect;
use patch_moi::ledger::index::checksum;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// What the doctor finds, without the versions and paths of this machine.
#[track_caller]
fn found(fork: &Fork, args: &[&str]) -> Output {
    let mut output = fork.says_of(&[&["doctor"], args].concat());
    let steady = |line: &str| match line.split_once("git: git version ") {
        Some((before, _)) => format!("{before}git: git version\n"),
        None => format!("{line}\n"),
    };
    let is_ours = |line: &&str| !line.starts_with("ok      name: ");
    output.stdout = output.stdout.lines().filter(is_ours).map(steady).collect();
    output
}

/// What one check says, with what mends it.
fn of_check(output: &Output, check: &str) -> String {
    let mut is_told = false;
    let told = output.stdout.lines().filter(|line| {
        is_told = if line.starts_with(' ') { is_told } else { line[8..].starts_with(&format!("{check}: ")) };
        is_told
    });
    joined(told)
}

/// The command that mends the one thing which a check found.
#[track_caller]
fn fix(output: &Output, check: &str) -> String {
    let told = of_check(output, check);
    let fixes: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("        fix: ")).collect();
    let [fix] = fixes[..] else { panic!("{output}") };
    fix.to_owned()
}

/// A fork with one signal that was dispatched, and one that was not.
fn busy() -> Fork {
    let fork = Fork::dispatching("command", "exit 0");
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    fork
}

/// The lines, each with its end.
fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Puts `text` in the place of line `number` of the ledger, from 1.
fn damage(fork: &Fork, number: usize, text: &str) -> String {
    let ledger = fork.ledger();
    let damaged = joined(ledger.lines().enumerate().map(|(index, line)| if index + 1 == number { text } else { line }));
    fork.write_ledger(&damaged);
    damaged
}

/// The names in the state directory, and the bytes of its files.
fn contents(fork: &Fork) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in ["", "runs", "events"] {
        for entry in fs::read_dir(fork.state(folder)).unwrap().map(Result::unwrap) {
            let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            found.push((name, fs::read(entry.path()).unwrap_or_default()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_healthy_fork_is_told_line_by_line_and_nothing_is_written() {
    let fork = busy();
    let before = contents(&fork);
    found(&fork, &[]).is(&expect![[r#"
        status: 0
        --- stdout
        ok      git: git version
        ok      repository: $TEMP/fork/.git
        ok      configuration: watches: up
        ok      upstream: watch `up`: 2 entries at ../upstream
        ok      fork: `origin` answers; its HEAD is main
        ok      runner: watch `up`: $TEMP/bin/runner
        ok      state: $TEMP/state/fork-ID is ours alone
        ok      ledger: 5 records, 1 of them signals
        ok      index: it agrees with the ledger up to line 5
        ok      clock: 2026-01-02T03:04:05.000Z
        ok      locks: nobody holds one
        ok      runs: none was interrupted
        ok      refusals: no push was refused lately
        ok      schedule: nothing is seen here that polls; of polls, the last was 2026-01-02T03:04:05.000Z
    "#]]);
    found(&fork, &["--quiet"]).is(&expect![[r#"
        status: 0
    "#]]);
    assert_eq!(contents(&fork), before);
    // A repair of what is whole changes nothing.
    found(&fork, &["--quiet", "--repair"]).is(&expect![[r#"
        status: 0
    "#]]);
    assert_eq!(contents(&fork), before);
    let unpolled = Fork::unpolled();
    assert_eq!(unpolled.patch(&["doctor"]).run().status, 0);
    assert_eq!(unpolled.patch(&["doctor", "--repair"]).run().status, 0);
    assert!(!unpolled.path("state").exists());
}

#[test]
fn every_damaged_line_is_named_and_a_repair_keeps_the_original() {
    let fork = busy();
    // The places of the bytes below are the same however long the run took.
    let ledger = fork.ledger();
    fork.write_ledger(without_durations(&joined(ledger.lines().filter(|line| !line.contains("\"kind\":\"review\"")))));
    let run = fork.ledger().lines().nth(3).unwrap().to_owned();
    damage(&fork, 4, "\u{1b}[31mnonsense\u{202e}");
    let damaged = fork.ledger() + &run[..60] + "\n" + &run + &run + "\n" + &run[..20];
    fork.write_ledger(&damaged);
    let poll = fork.patch(&["poll"]).run();
    assert_eq!(poll.status, 1);
    assert!(poll.stderr.contains("line 4: ") && poll.stderr.contains("`patch doctor --repair`"), "{poll}");
    found(&fork, &["--quiet"]).is(&expect![[r#"
        status: 1
        --- stdout
        broken  ledger: line 4, byte 904: no record: expected value at line 1 column 1: \u{1b}[31mnonsense\u{202e}; whatever it was may be found again and dispatched again, with the same id
                fix: patch doctor --repair
        broken  ledger: line 5, byte 921: no record: EOF while parsing a value at line 1 column 60: {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"run","watch":; if it was the end of a run, that attempt counts as interrupted and is made again
                fix: patch doctor --repair
        broken  ledger: line 6, byte 982: it is 2 records without a line end: {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"run","watch":"up","id":"patch:up:…
                fix: patch doctor --repair
        warning ledger: line 7, byte 1461: the last line is torn, as after a power loss: EOF while parsing a string at line 1 column 20: {"v":1,"at":"2026-01; the next record sets it aside
                fix: patch poll
        warning ledger: line 6: attempt 1 of patch:up:v1.1.0:upstream.release ends twice
    "#]]);
    let json = fork.patch(&["doctor", "--json"]).run();
    let findings: Vec<Value> = json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines: Vec<_> = findings.iter().filter_map(|it| Some((it["line"].as_u64()?, it["byte"].as_u64()))).collect();
    assert_eq!(&lines[..2], [(4, Some(904)), (5, Some(921))]);
    assert_eq!(fork.ledger(), damaged);

    found(&fork, &["--quiet", "--repair"]).is(&expect![[r#"
        status: 0
        --- stdout
        ok      repair: the ledger is kept as it was in $TEMP/state/fork-ID/ledger-damaged-1767323045000.jsonl
        ok      repair: line 4 is left out: \u{1b}[31mnonsense\u{202e}; whatever it was may be found again and dispatched again, with the same id
        ok      repair: line 5 is left out: {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"run","watch":; if it was the end of a run, that attempt counts as interrupted and is made again
        ok      repair: line 6 is split into its 2 records
        ok      repair: line 7 is left out, which was never whole: {"v":1,"at":"2026-01
        warning ledger: line 5: attempt 1 of patch:up:v1.1.0:upstream.release ends twice
    "#]]);
    assert_eq!(fs::read_to_string(fork.state("ledger-damaged-1767323045000.jsonl")).unwrap(), damaged);
    let clean = joined(damaged.lines().take(3)) + &format!("{run}\n{run}\n");
    assert_eq!(fork.ledger(), clean);
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
    "#]]);
}

#[test]
fn what_a_repair_leaves_out_is_found_and_dispatched_again_with_the_same_id() {
    // The lines: primed, signal, dispatch, run.
    #[track_caller]
    fn case(line: usize, said: &str, signals: usize, runs: usize) {
        let fork = busy();
        let events = fork.environment().read("events");
        damage(&fork, line, "x");
        assert_eq!(fork.patch(&["doctor", "--repair"]).run().status, 0);
        fork.patch(&["poll"]).success();
        let poll = fork.patch(&["poll"]).success();
        assert_eq!(poll.stdout, "", "{said}");
        let count = |kind: &str| fork.records().iter().filter(|record| record["kind"] == kind).count();
        assert_eq!((count("signal"), count("run")), (signals, runs), "{said}: {}", fork.history());
        // Whatever is handed over again has the bytes that it had.
        let again = fork.environment().read("events").matches(events.trim()).count();
        assert!(again + usize::from(line == 1) >= runs, "{said}");
    }
    case(1, "a lost `primed`: the signal primes the watch, what was known before is news", 2, 2);
    case(2, "a lost `signal`", 1, 2);
    case(3, "a lost `dispatch`", 1, 1);
    case(4, "a lost `run`", 1, 1);
}

#[test]
fn the_doctor_works_where_everything_else_refuses() {
    let environment = Environment::new();
    let outside = environment.patch(&["doctor", "--quiet"]).run();
    assert_eq!(outside.status, 1);
    assert!(outside.stdout.contains("broken  repository: "), "{outside}");
    assert!(!outside.stdout.contains("patch watch add"), "there is nowhere to add it: {outside}");
    environment.repository("bare-of-watches");
    let unwatched = environment.patch(&["doctor", "--quiet"]).in_dir("bare-of-watches").run();
    unwatched.is(&expect![[r#"
        status: 1
        --- stdout
        broken  configuration: there is no watch, and no remote `upstream`
                fix: patch watch add URL
    "#]]);

    let fork = busy();
    fork.set("watch.up.colour", "red");
    fork.set("watch.up.timeout", "soon");
    fork.set("patch.stateDir", fork.path("elsewhere").to_str().unwrap());
    damage(&fork, 2, "x");
    assert_eq!(fork.patch(&["poll"]).run().status, 2);
    let found = found(&fork, &["--quiet"]);
    assert_eq!(found.stdout.matches("broken  configuration: ").count(), 2, "{found}");
    assert!(found.stdout.contains("broken  ledger: line 2, "), "{found}");

    let fork = busy();
    let relative = fork.patch(&["doctor", "-q"]).env("PATCH_STATE_DIR", "state").run();
    assert_eq!(relative.status, 1);
    assert!(relative.stdout.contains("PATCH_STATE_DIR is not an absolute path"), "{relative}");
    fork.set("watch.up.command", "no-such-program-at-all");
    fork.patch(&["doctor", "-q"]).run().is(&expect![[r#"
        status: 1
        --- stdout
        broken  runner: watch `up`: `no-such-program-at-all` is not there
                fix: git config watch.up.command /full/path/to/the/program
    "#]]);
    assert_eq!(fork.patch(&["-C", "nowhere", "doctor"]).run().status, 2);
}

#[test]
fn a_later_version_is_named_and_not_repaired() {
    let fork = busy();
    let newer = fork.ledger().lines().next().unwrap().replace("\"v\":1", "\"v\":9");
    damage(&fork, 2, &newer);
    let damaged = damage(&fork, 3, "x");
    let found = found(&fork, &["-q"]);
    assert!(
        found.stdout.contains("broken  ledger: line 2, byte ")
            && found.stdout.contains(": format version 9 is of a later `patch`: "),
        "{found}"
    );
    let repair = fork.patch(&["doctor", "--repair"]).run();
    assert_eq!((repair.status, repair.stdout.as_str()), (1, ""), "{repair}");
    assert!(repair.stderr.contains("hint: use the newer version"), "{repair}");
    assert_eq!(fork.ledger(), damaged);
}

#[test]
fn an_index_that_lies_is_found_and_dropped() {
    let fork = busy();
    fork.patch(&["replay", "v1.1.0", "--no-dispatch"]).success();
    let hash = |text: &str| checksum(text.as_bytes());
    let rest = fs::read_to_string(fork.state("index-rest.json")).unwrap();
    let false_rest = rest.replace("v1.0.0", "v0.0.1");
    for (from, to, rest) in [
        ("\"signals\":1", "\"signals\":7", &rest),
        ("\"known\":2", "\"known\":3", &rest),
        (&*hash(&rest), &*hash(&false_rest), &false_rest),
    ] {
        // It is there again, with what it was written with.
        fork.patch(&["poll", "--no-dispatch"]).success();
        let index = fs::read_to_string(fork.state("index.json")).unwrap();
        let (_, content) = index.split_once('\n').unwrap();
        let lie = content.replace(from, to);
        assert_ne!(lie, content);
        fs::write(fork.state("index.json"), format!("{}\n{lie}", hash(&lie))).unwrap();
        fs::write(fork.state("index-rest.json"), rest).unwrap();
        lies(&fork);
    }
}

/// The index is found to lie, and is dropped.
#[track_caller]
fn lies(fork: &Fork) {
    let found = |args: &[&str]| found(fork, args);
    found(&["-q"]).is(&expect![[r#"
        status: 1
        --- stdout
        broken  index: it says something else than the ledger, of which it is made
                fix: patch doctor --repair
    "#]]);
    let ledger = fork.ledger();
    found(&["-q", "--repair"]).is(&expect![[r#"
        status: 0
        --- stdout
        ok      repair: the index is dropped: the next poll makes it
    "#]]);
    assert_eq!(fork.ledger(), ledger);
    assert!(!fork.state("index.json").exists() && !fork.state("index-rest.json").exists());
}

#[test]
fn a_clock_that_went_back_and_what_a_kill_left_are_warnings() {
    let fork = busy();
    fs::write(fork.state(".up.new"), "half").unwrap();
    fs::write(fork.state("events/0123.json"), "{}").unwrap();
    let ledger = fork.ledger();
    let lines: Vec<&str> = ledger.lines().collect();
    fork.write_ledger(format!("{}\n", lines[..3].join("\n")));
    let found = fork.steady(&fork.patch_at("2025-01-01T00:00:00", &["doctor", "-q"]).run());
    found.is(&expect![[r#"
        status: 0
        --- stdout
        warning state: $TEMP/state/fork-ID/.up.new has mode 644: others may get at it
                fix: chmod 600 -- $TEMP/state/fork-ID/.up.new
        warning state: $TEMP/state/fork-ID/events/0123.json has mode 644: others may get at it
                fix: chmod 600 -- $TEMP/state/fork-ID/events/0123.json
        warning clock: it is 2025-01-01T00:00:00.000Z, and the ledger has a record of 2026-01-02T03:04:05.000Z: the clock was wrong then, or is now
                fix: timedatectl status
        warning runs: watch `up`: the run of v1.1.0 for command was interrupted; it is made again
                fix: patch dispatch up
        warning runs: 2 files were left by a `patch` that was killed
                fix: rm -- $TEMP/state/fork-ID/.up.new $TEMP/state/fork-ID/events/0123.json
    "#]]);
}

#[test]
fn who_holds_a_lock_is_told_from_inside_a_run() {
    let fork = busy();
    fork.set("watch.up.command", fork.path("bin/runner").to_str().unwrap());
    fork.says(&format!("'{}' doctor > \"$ROOT/doctor\" 2>&1; exit 0", env!("CARGO_BIN_EXE_patch")));
    fork.release("v1.2.0");
    fork.patch(&["poll"]).success();
    let told = fork.environment().read("doctor");
    for file in ["up.lock", "up.input"] {
        let line = told.lines().find(|line| line.contains(&format!("/runs/{file} is held by process "))).unwrap();
        assert!(line.starts_with("ok      locks: ") && line.contains(" (patch)"), "{told}");
    }
    assert!(!told.contains("interrupted; it is made again") && !told.contains("left by"), "{told}");
}

#[test]
fn a_poll_that_runs_while_the_ledger_is_repaired_loses_no_record() {
    let fork = busy();
    // The repaired ledger is longer than the one that the poll has read, by a line that means nothing new.
    let script = format!(
        "cd \"$ROOT\"/state/*/ && {{ head -n 1 ledger.jsonl; echo oops; head -n 1 ledger.jsonl; tail -n +2 ledger.jsonl; }} > new && \
         mv new ledger.jsonl && cd \"$ROOT/fork\" && '{}' -q doctor --repair > \"$ROOT/repaired\"",
        env!("CARGO_BIN_EXE_patch")
    );
    fork.says(&script);
    fork.release("v1.2.0");
    fork.patch(&["poll"]).success();
    assert!(fork.environment().read("repaired").contains("line 2 is left out: oops"));
    fork.says("exit 0");
    assert_eq!(fork.patch(&["poll"]).success().stdout, "");
    assert_eq!(fork.patch(&["-q", "doctor"]).success().stdout, "");
    assert!(
        fork.history().ends_with("run patch:up:v1.2.0:upstream.release command #1 completed\n"),
        "{}",
        fork.history()
    );
}

#[test]
fn a_repair_that_is_killed_anywhere_leaves_the_old_ledger_or_the_new_one_whole() {
    let fork = busy();
    if !can_trace() {
        return;
    }
    let old = damage(&fork, 3, "x");
    let new = joined(old.lines().filter(|line| *line != "x"));
    let program = env!("CARGO_BIN_EXE_patch");
    let mut kills = 0;
    for call in ["openat", "write", "fsync", "rename,renameat,renameat2,link,linkat", "unlink,unlinkat"] {
        for nth in 1.. {
            fork.write_ledger(&old);
            for (name, _) in contents(&fork).iter().filter(|(name, _)| name.starts_with("/ledger-damaged-")) {
                fs::remove_file(fork.state(&name[1..])).unwrap();
            }
            let inject = format!("inject={call}:signal=KILL:when={nth}");
            let args = ["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject, program];
            let args = [&args[..], &["-q", "doctor", "--repair"]].concat();
            let ended = fork.environment().run("strace", &args).in_dir("fork").run();
            let now = fork.ledger();
            assert!(now == old || now == new, "{call} {nth}: {now}");
            let kept = contents(&fork).into_iter().find(|(name, _)| name.starts_with("/ledger-damaged-"));
            if let Some((_, kept)) = &kept {
                assert_eq!(String::from_utf8_lossy(kept), old, "{call} {nth}");
            }
            assert!(now == old || kept.is_some(), "{call} {nth}: the original is gone");
            if ended.status == 0 {
                break;
            }
            // Children that are killed are told; only our own end counts here.
            kills += usize::from(ended.status == 137);
            assert!(nth < 400, "{call}: {ended}");
            // Whatever was left, another repair ends well.
            if nth % 5 == 0 {
                assert_eq!(fork.patch(&["doctor", "-q", "--repair"]).run().status, 0, "{call} {nth}");
                assert_eq!(fork.ledger(), new);
            }
        }
    }
    assert!(kills > 10, "{kills}");
    assert!(Path::new(program).exists());
}
