//! What is on the disk before what else is done, as the trace of a poll shows it.

use super::can_trace;
use super::strace::whole_lines;
use crate::environment::Output;
use crate::fork::Fork;
use crate::upstream::{Feeds, atom};
use std::fs;

const CALLS: &str = "trace=write,pwrite64,fsync,fdatasync,ftruncate,execve,rename,renameat,renameat2,exit_group";

/// The program in the fork under `strace`, told more of what `strace` is to do.
fn traced(fork: &Fork, args: &[&str], strace: &[&str]) -> Output {
    let trace = fork.path("trace");
    let mut words = vec!["-f", "-y", "-s", "100", "-o", trace.to_str().unwrap(), "-e", CALLS];
    words.extend(strace);
    words.push(env!("CARGO_BIN_EXE_patch"));
    words.extend(args);
    fork.environment().run("strace", &words).in_dir("fork").run()
}

/// What the last traced program did for the disk, and for others, in order.
fn steps(fork: &Fork) -> Vec<String> {
    let trace = fork.environment().read("trace");
    let main = trace.split_whitespace().next().unwrap_or_default().to_owned();
    let step = |line: &str| {
        let (thread, call) = line.split_once(' ')?;
        let call = call.trim_start();
        let is_ledger = call.contains("/ledger.jsonl>");
        let kinds = ["primed", "signal", "dispatch", "run", "review"];
        match call.split_once('(')?.0 {
            "write" if is_ledger => {
                let kind = kinds.iter().find(|kind| call.contains(&format!("\\\"kind\\\":\\\"{kind}\\\"")))?;
                Some((*kind).to_owned())
            }
            "write" if call.starts_with("write(1<") && thread == main => Some("tell".to_owned()),
            "pwrite64" if is_ledger => Some("write again".to_owned()),
            "ftruncate" if is_ledger => Some("take back".to_owned()),
            "fsync" | "fdatasync" if is_ledger => Some("sync".to_owned()),
            "fsync" => {
                let directory = call.split_once('<')?.1.split_once('>')?.0;
                let below = directory.strip_prefix(fork.environment().root().to_str().unwrap())?;
                let names = below.split('/').map(|name| if name.starts_with("fork-") { "FOLDER" } else { name });
                fs::metadata(directory)
                    .is_ok_and(|it| it.is_dir())
                    .then(|| format!("sync directory {}", names.collect::<Vec<_>>().join("/")))
            }
            "rename" | "renameat" | "renameat2" if call.contains("/.cache/") => Some("validators".to_owned()),
            "execve" if call.contains("/bin/runner\"") => Some("RUN".to_owned()),
            "execve" if call.contains("\"push\"") && call.ends_with("= 0") => Some("PUSH".to_owned()),
            "exit_group" if thread == main => Some(call.split([' ', ')']).next()?.to_owned() + ")"),
            _ => None,
        }
    };
    let mut steps: Vec<String> = whole_lines(&trace).iter().filter_map(|line| step(line)).collect();
    steps.dedup();
    steps
}

/// A fork that watches a feed, not yet polled; its state is to be a few directories down.
fn watching(feeds: &Feeds) -> Fork {
    feeds.show("/releases.atom", atom(&["v1.0.0"]));
    let fork = Fork::unpolled();
    fork.environment().git("fork", &["config", "--unset", "watch.up.remote"]);
    fork.environment().git("fork", &["remote", "remove", "upstream"]);
    fork.set("watch.up.feed", &feeds.url("/releases.atom"));
    fork.environment().program("bin/runner", crate::fork::RUNNER);
    fork.says("exit 0");
    fork.set("watch.up.command", fork.path("bin/runner").to_str().unwrap());
    fork.set("watch.up.dispatch", "command");
    fork
}

#[test]
fn a_new_ledger_and_all_that_leads_to_it_are_on_the_disk_first() {
    if !can_trace() {
        return;
    }
    let feeds = Feeds::new();
    let fork = watching(&feeds);
    let poll = ["--quiet", "poll", "--backfill", "1"];
    let ended = traced(&fork, &poll, &[]);
    assert_eq!(ended.status, 0, "{ended}");
    let directories = ["sync directory /state/FOLDER", "sync directory /state", "sync directory "];
    let mut expected = vec!["primed", "sync"];
    expected.extend(directories);
    expected.extend(["validators", "dispatch", "sync", "RUN", "run", "sync", "review", "sync", "exit_group(0)"]);
    assert_eq!(steps(&fork), expected);
}

#[test]
fn whoever_finds_a_ledger_that_was_not_finished_finishes_it_first() {
    if !can_trace() {
        return;
    }
    // Killed before the fsync of the file, and before that of its directory.
    for number in [1, 2] {
        let feeds = Feeds::new();
        let fork = watching(&feeds);
        let poll = ["--quiet", "poll", "--backfill", "1"];
        let killed = traced(&fork, &poll, &["-e", &format!("inject=fsync:signal=KILL:when={number}")]);
        assert_eq!(killed.status, 137, "{killed}");
        assert!(fork.ledger().contains("\"kind\":\"signal\""));
        let next = traced(&fork, &["--quiet", "poll"], &[]);
        assert_eq!((next.status, next.stderr.as_str()), (0, ""), "{next}");
        let directories = ["sync directory /state/FOLDER", "sync directory /state", "sync directory "];
        let mut expected = vec!["write again", "sync"];
        expected.extend(directories);
        expected.extend(["review", "sync", "validators", "dispatch", "sync", "RUN", "run", "sync"]);
        expected.extend(["review", "sync", "exit_group(0)"]);
        assert_eq!(steps(&fork), expected, "{number}");
    }
}

#[test]
fn a_signal_is_on_the_disk_before_anybody_hears_of_it() {
    if !can_trace() {
        return;
    }
    for (target, heard) in [("command", "RUN"), ("codex-flow", "RUN"), ("trigger-branch", "PUSH")] {
        let fork = Fork::dispatching(target, "exit 0");
        fork.release("v1.1.0");
        traced(&fork, &["poll"], &[]);
        let steps = steps(&fork);
        let expected = ["signal", "sync", "tell", "dispatch", "sync", heard, "run", "sync", "tell", "review", "sync"];
        assert_eq!(steps[..steps.len() - 1], expected, "{target}");
    }
}

#[test]
fn what_a_failed_sync_left_is_taken_back_and_found_again() {
    if !can_trace() {
        return;
    }
    let fork = Fork::dispatching("command", "exit 0");
    fork.release("v1.1.0");
    let before = fork.ledger();
    let failed = traced(&fork, &["poll"], &["-e", "inject=fsync:error=EIO:when=1"]);
    assert_eq!((failed.status, failed.stdout.as_str()), (1, ""), "{failed}");
    assert!(failed.stderr.starts_with("error: cannot sync $TEMP/state/fork-"), "{failed}");
    assert_eq!(steps(&fork), ["signal", "sync", "take back", "exit_group(1)"]);
    assert_eq!(fork.ledger(), before);
    assert_eq!(fork.patch(&["poll"]).success().stdout, "up: v1.1.0 is new\nup: v1.1.0 -> command: completed\n");
}

#[test]
fn what_cannot_be_taken_back_is_written_again_before_it_is_believed() {
    if !can_trace() {
        return;
    }
    let fork = Fork::dispatching("command", "exit 0");
    fork.release("v1.1.0");
    let no_sync = ["-e", "inject=fsync:error=EIO", "-e", "inject=ftruncate:error=EIO"];
    let failed = traced(&fork, &["poll"], &no_sync);
    assert_eq!((failed.status, failed.stdout.as_str()), (1, ""), "{failed}");
    assert!(fork.ledger().contains("\"kind\":\"signal\""));
    // That it is there is no reason to act upon it.
    for _ in 0..2 {
        let still = traced(&fork, &["poll"], &no_sync);
        assert_eq!((still.status, still.stdout.as_str()), (1, ""), "{still}");
        assert!(still.stderr.starts_with("error: cannot sync $TEMP/state/fork-"), "{still}");
        assert_eq!(steps(&fork), ["write again", "sync", "exit_group(1)"]);
    }
    // Who only looks neither believes it durable nor makes it so.
    traced(&fork, &["status"], &[]);
    assert_eq!(steps(&fork), ["tell", "exit_group(0)"]);
    let next = traced(&fork, &["--quiet", "poll"], &[]);
    assert_eq!((next.status, next.stderr.as_str()), (0, ""), "{next}");
    assert_eq!(
        steps(&fork),
        [
            "write again",
            "sync",
            "review",
            "sync",
            "dispatch",
            "sync",
            "RUN",
            "run",
            "sync",
            "review",
            "sync",
            "exit_group(0)"
        ]
    );
    assert_eq!(fork.history().matches("signal new").count(), 1);
}

#[test]
fn an_answer_that_cannot_be_printed_changes_no_state() {
    if !can_trace() {
        return;
    }
    for (error, status, told) in [
        ("EPIPE", 0, ""),
        ("ENOSPC", 1, "error: cannot write to standard output: No space left on device (os error 28)\n"),
    ] {
        let fork = Fork::dispatching("command", "exit 0");
        fork.release("v1.1.0");
        // The answers are the first that is written to descriptor 1, whose path strace selects.
        let out = fork.path("out");
        let trace = fork.path("trace");
        let inject = format!("inject=write:error={error}");
        let script = "exec strace -o \"$1\" -P \"$2\" -e \"$3\" \"$0\" poll > \"$2\"";
        let words = [env!("CARGO_BIN_EXE_patch"), trace.to_str().unwrap(), out.to_str().unwrap(), &inject];
        let mut args = vec!["-c", script];
        args.extend(words);
        let ended = fork.environment().run("sh", &args).in_dir("fork").run();
        assert_eq!((ended.status, ended.stderr.as_str()), (status, told), "{error}: {ended}");
        assert_eq!(fs::read_to_string(&out).unwrap(), "");
        assert_eq!(fork.history().matches("completed").count(), 1, "{error}");
        assert_eq!(fork.patch(&["poll"]).success().stdout, "", "{error}");
    }
}

#[test]
fn an_attempt_that_came_to_nothing_is_made_again_with_the_same_bytes() {
    for script in ["kill -KILL $$", "sleep 1000", "exit 3", "kill -KILL $PPID"] {
        let fork = Fork::dispatching("command", script);
        fork.set("watch.up.timeout", "1");
        fork.release("v1.1.0");
        assert_ne!(fork.patch(&["poll"]).run().status, 0, "{script}");
        assert_eq!(fork.history().matches("completed").count(), 0, "{script}");
        let world = fork.environment().read("world");
        fork.says("exit 0");
        let again = fork.patch_at("05:00:00", &["poll"]).run();
        assert_eq!((again.status, again.stderr.as_str()), (0, ""), "{script}: {again}");
        assert_eq!(fork.environment().read("world"), world, "{script}: the same id and file");
        for given in ["events", "stdin"] {
            let given = fork.environment().read(given);
            let lines: Vec<&str> = given.lines().collect();
            assert_eq!(lines, [lines[0]; 2], "{script}");
        }
        assert_eq!(fork.history().matches("completed").count(), 1, "{script}");
    }
}

#[test]
fn what_a_killed_attempt_left_goes_with_its_signal() {
    let left = |fork: &Fork| fs::read_dir(fork.state("events")).unwrap().count();
    let killed = |key: &str, value: &str| {
        let fork = Fork::dispatching("command", "kill -KILL $PPID");
        fork.set(key, value);
        fork.release("v1.1.0");
        assert_eq!(fork.patch(&["poll"]).run().status, 137);
        assert_eq!(left(&fork), 1);
        fork.says("exit 0");
        fork
    };
    let given_up = killed("watch.up.retries", "1");
    given_up.says("kill -KILL $PPID");
    assert_eq!(given_up.patch(&["poll"]).run().status, 137);
    assert_eq!(given_up.patch(&["poll"]).run().status, 1);
    assert!(given_up.history().contains("#2 failed"), "{}", given_up.history());
    assert_eq!(left(&given_up), 0);
    let superseded = killed("watch.up.policy", "latest");
    superseded.release("v1.2.0");
    superseded.patch(&["poll"]).success();
    assert!(superseded.history().contains("superseded"), "{}", superseded.history());
    assert_eq!(left(&superseded), 0);
}

#[test]
fn a_lock_is_asked_for_again_when_the_answer_is_interrupted() {
    if !can_trace() {
        return;
    }
    let fork = Fork::dispatching("command", "exit 0");
    fork.release("v1.1.0");
    fork.patch(&["poll", "--no-dispatch"]).success();
    let lock = fork.state("runs/up.lock");
    let interrupted = ["-P", lock.to_str().unwrap(), "-e", "trace=flock", "-e", "inject=flock:error=EINTR:when=1"];
    let ended = traced(&fork, &["poll"], &interrupted);
    assert_eq!((ended.status, ended.stdout.as_str()), (0, "up: v1.1.0 -> command: completed\n"), "{ended}");
}
