//! One writer, no stale lock: runs that overlap or are killed come to one end, a lock that never
//! answers does not hang the program, and no child has a descriptor of ours.

use crate::environment::can_trace;
use crate::fork::Fork;
use expect_test::expect;
use std::collections::BTreeSet;
use std::fs;
use std::process::Child;

#[test]
fn polls_that_overlap_and_are_killed_come_to_one_end() {
    let fork = Fork::dispatching("trigger-branch", "");
    let mut expected = BTreeSet::new();
    for round in 0..6 {
        let tag = format!("v2.{round}.0");
        fork.release(&tag);
        expected.insert(format!("patch:up:{tag}:upstream.release"));
        let mut polls: Vec<Child> = (0..4).map(|_| fork.start(&["poll"])).collect();
        // Two of them are killed wherever they are: how far they come differs from round to round.
        for poll in polls.iter_mut().take(2) {
            for _ in 0..(round * 40) {
                std::thread::yield_now();
            }
            poll.kill().unwrap();
        }
        for mut poll in polls {
            let status = poll.wait().unwrap();
            // The push of one that was killed may still go on, and get in the way of another's.
            assert!(matches!(status.code(), None | Some(0 | 1 | 75)), "{status}");
        }
    }
    // What was interrupted is made again after its wait.
    for day in ["03", "04", "05"] {
        fork.patch(&["poll"]).env("PATCH_NOW", format!("2026-01-{day}T03:04:05Z")).success();
    }
    assert_eq!(fork.patch(&["poll"]).env("PATCH_NOW", "2026-01-06T03:04:05Z").success().stdout, "");
    let records = fork.records();
    let signals = records.iter().filter(|record| record["kind"] == "signal");
    let ids: Vec<String> = signals.map(|record| record["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), expected.len(), "{}", fork.history());
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), expected);
    let refs = fork.environment().git("forge.git", &["for-each-ref", "--format=%(refname)", "refs/heads/patch-moi"]);
    assert_eq!(refs.lines().count(), expected.len(), "{refs}");
    let doctor = fork.patch(&["doctor", "-q"]).env("PATCH_NOW", "2026-01-06T03:04:05Z").run();
    assert!(doctor.status == 0 && !doctor.stdout.contains("ledger: "), "{doctor}");
}

/// What our program says under strace, which tampers with its locks; `None` without strace.
fn tampered(fork: &Fork, inject: &str, args: &[&str]) -> Option<crate::environment::Output> {
    if !can_trace() {
        return None;
    }
    let (inject, program) = (format!("inject=flock:{inject}"), env!("CARGO_BIN_EXE_patch"));
    let strace = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e", &inject, program];
    let mut output = fork.environment().run("strace", &[&strace[..], args].concat()).in_dir("fork").run();
    // It finds it odd that a process ends in the middle of a call.
    let lines = output.stderr.lines().filter(|line| !line.starts_with("strace: "));
    output.stderr = lines.flat_map(|line| [line, "\n"]).collect();
    Some(fork.steady(&output))
}

#[test]
fn a_lock_that_never_answers_ends_the_poll_with_what_to_do() {
    let fork = Fork::new();
    fork.release("v1.1.0");
    let before = fork.ledger();
    // A call that is answered late is answered too late: the program has ended.
    let Some(output) = tampered(&fork, "delay_enter=20s", &["poll"]) else { return };
    output.is(&expect![[r#"
        status: 1
        --- stderr
        error: cannot lock $TEMP/state/fork-ID/intake.lock: its file system did not answer within 10 s
        hint: see that the server of this file system is there, or keep the state on a local disk: `git config patch.stateDir DIR` or PATCH_STATE_DIR; nothing is lost
    "#]]);
    assert_eq!(fork.ledger(), before);
    assert_eq!(fork.patch(&["poll"]).success().stdout, "up: v1.1.0 is new\n");
}

#[test]
fn a_file_system_without_locks_is_told_so() {
    let fork = Fork::new();
    for errno in ["ENOLCK", "EOPNOTSUPP"] {
        let Some(output) = tampered(&fork, &format!("error={errno}"), &["poll"]) else { return };
        assert_eq!(output.status, 1, "{output}");
        assert!(
            output
                .stderr
                .starts_with("error: cannot lock $TEMP/state/fork-ID/intake.lock: its file system has no locks\n"),
            "{output}"
        );
        assert_eq!(output.stderr.lines().count(), 2, "{output}");
    }
    let Some(output) = tampered(&fork, "error=EIO", &["poll"]) else { return };
    assert!(output.stderr.contains("intake.lock: Input/output error"), "{output}");
}

/// Of our files a child has `input` at most, on its standard input; and nothing beyond the three.
#[track_caller]
fn check_descriptors(fork: &Fork, name: &str, input: Option<&str>) {
    let text = fork.environment().read(name);
    let found: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(' ')).collect();
    let state = fork.path("state");
    let ours: Vec<_> = found.iter().filter(|(_, path)| path.starts_with(state.to_str().unwrap())).collect();
    match input {
        Some(input) => {
            assert_eq!(ours.len(), 1, "{name}: {text}");
            assert!(ours[0].0 == "0" && ours[0].1.ends_with(input), "{name}: {text}");
        }
        None => assert!(ours.is_empty(), "{name}: {text}"),
    }
    // The tests themselves may have been started with more than three.
    let inherited = fork.environment().read("inherited");
    let is_inherited = |fd: &str| inherited.lines().any(|line| line.starts_with(&format!("{fd} ")));
    let beyond: Vec<_> = found.iter().filter(|(fd, path)| !is_inherited(fd) && !path.starts_with("/proc/")).collect();
    assert!(beyond.is_empty(), "{name}: {text}");
}

#[test]
fn no_child_has_a_descriptor_of_ours() {
    // The fourth is `ls` itself, reading the directory.
    let list = |name: &str| {
        format!("ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> \\(.*\\)/\\1 \\2/p' > \"$ROOT/{name}\"")
    };
    let fork = Fork::dispatching("command", &list("runner"));
    fork.environment().program("hooks/reference-transaction", &format!("#!/bin/sh\n{}\n", list("hook")));
    fork.environment().program("bin/ssh", &format!("#!/bin/sh\n{}\nexit 1\n", list("ssh")));
    fork.set("core.hooksPath", fork.path("hooks").to_str().unwrap());
    fork.add("watch.up.dispatch", "trigger-branch");
    fork.environment().run("sh", &["-c", &list("inherited")]).success();
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    // What a run finds on its standard input is the lock that shows that it goes on.
    check_descriptors(&fork, "runner", Some("/runs/up.input"));
    check_descriptors(&fork, "hook", None);
    fork.set("watch.over-ssh.remote", "ssh://git.example/repository");
    fork.patch(&["poll", "over-ssh"]).env("GIT_SSH", fork.path("bin/ssh")).run();
    check_descriptors(&fork, "ssh", None);
    assert!(fs::read_dir(fork.state("runs")).unwrap().count() > 0);
}

#[test]
fn a_run_that_outlived_its_patch_is_named_with_how_to_end_it() {
    let fork =
        Fork::dispatching("command", "echo $$ > \"$ROOT/pid\"; cat \"$ROOT/started\" > \"$ROOT/null\"; exec sleep 600");
    fork.release("v1.1.0");
    let started = fork.fifo("started");
    let mut poll = fork.start(&["poll"]);
    // Opening the other end waits until the run is there.
    drop(fs::OpenOptions::new().write(true).open(started).unwrap());
    poll.kill().unwrap();
    poll.wait().unwrap();
    let run = fork.environment().read("pid").trim().to_owned();
    let doctor = fork.patch(&["doctor", "-q"]).run();
    assert_eq!(doctor.status, 0, "{doctor}");
    let line = doctor.stdout.lines().find(|line| line.contains("a run goes on whose `patch` was killed")).unwrap();
    assert!(line.starts_with("warning locks: ") && line.contains(&format!("process {run} (")), "{doctor}");
    let fix = doctor.stdout.lines().find_map(|line| line.trim().strip_prefix("fix: kill -- -")).unwrap();
    assert_eq!(fix, run);
    // The advice is good: the run ends, and the attempt is made again.
    fork.environment().run("sh", &["-c", &format!("kill -- -{fix}")]).success();
    while fork.is_running(&run) {
        std::thread::yield_now();
    }
    let doctor = fork.patch(&["doctor", "-q"]).run();
    assert!(
        !doctor.stdout.contains("a run goes on") && doctor.stdout.contains("was interrupted; it is made again"),
        "{doctor}"
    );
    fork.says("exit 0");
    fork.patch_at("2026-01-03T03:04:05", &["poll"]).success();
    assert!(fork.history().ends_with("command #2 completed\n"), "{}", fork.history());
}
