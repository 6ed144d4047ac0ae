//! What one watch suffers is its own: the others' signals and deliveries are what they would be
//! without it.

use super::documents;
use super::server::{Hostile, Talk};
use crate::environment::Output;
use crate::upstream::{Fork, atom};
use patch_moi::loopback::Response;
use std::collections::BTreeSet;
use std::fs;

const GOOD: [&str; 4] = ["apple", "melon", "pear", "zucchini"];
const BAD: [&str; 10] = ["broken", "empty", "gone", "hangs", "liar", "magic", "nowhere", "panics", "refuses", "stuck"];

/// What a program does that signals are dispatched to: it notes the id, and fails for some.
const RUNNER: &str = "#!/bin/sh
echo \"$PATCH_EVENT_ID\" >> \"$NOTES\"
case $PATCH_EVENT_ID in patch:refuses:*) exit 3;; patch:stuck:*) exec sleep 600;; esac
";

/// A fork with the good watches, and the bad ones if it is to have them; all of them know `v1`.
fn fork(has_bad: bool) -> (Fork, Hostile) {
    let mut fork = Fork::new();
    let notes = fork.environment.path("notes");
    let runner = fork.environment.program("bin/runner", RUNNER);
    fork.environment =
        std::mem::replace(&mut fork.environment, crate::environment::Environment::new()).env("NOTES", notes);
    let silent = Hostile::start(Talk::hold);
    for (key, value) in [("fetchTimeout", "5"), ("dispatch", "command"), ("command", runner.to_str().unwrap())] {
        fork.config(&format!("patch.{key}"), value);
    }
    for name in GOOD.iter().chain(BAD.iter().filter(|_| has_bad)) {
        let path = format!("/{name}");
        fork.feeds.show(&path, atom(&["v1"]));
        fork.config(&format!("watch.{name}.feed"), &fork.feeds.url(&path));
    }
    fork.poll().succeeded();
    if has_bad {
        fork.config("watch.stuck.timeout", "1");
        fork.config("watch.hangs.fetchTimeout", "1");
        fork.environment.git("fork", &["config", "watch.hangs.feed", &silent.url("/")]);
        fork.config("watch.nowhere.remote", "../no-repository");
    }
    for name in GOOD.iter().chain(&["refuses", "stuck", "nowhere", "magic"]) {
        fork.feeds.show(&format!("/{name}"), atom(&["v3", "v2", "v1"]));
    }
    let body = |body: &str| Response::new(200).header("ETag", "\"v3\"").body(body);
    fork.feeds.answer("/broken", Response::raw("\0\u{1}\u{2}\r\n\r\n"));
    fork.feeds.answer("/empty", body(&atom(&[])));
    fork.feeds.answer("/gone", Response::new(404));
    fork.feeds.answer("/liar", body("<!DOCTYPE html><html><title>v3</title></html>"));
    fork.feeds.answer("/panics", body(documents::PANIC));
    (fork, silent)
}

/// The good watches' lines of a text, without what tells one server from another.
fn of_the_good(fork: &Fork, text: &str) -> Vec<String> {
    let shown = fork.shown(&Output { status: 0, stdout: text.to_owned(), stderr: String::new() }).stdout;
    let is_good = |line: &&str| {
        GOOD.iter().any(|name| line.contains(&format!("{name}:")) || line.contains(&format!("\"{name}\"")))
    };
    let durationless = |line: &str| {
        let cut = line.find(",\"durationMs\"").unwrap_or(line.len());
        line[..cut].to_owned()
    };
    let mut lines: Vec<String> = shown.lines().filter(is_good).map(durationless).collect();
    lines.sort();
    lines
}

#[test]
fn bad_watches_change_nothing_for_the_good_ones() {
    let (alone, _server) = fork(false);
    let expected = alone.poll();
    assert_eq!(expected.status, 0, "{expected}");
    let (fork, _server) = fork(true);
    // State that is not what it should be: the validators of one watch, and what is known of the hosts.
    let cache = fork.environment.path("home/.cache/patch-moi");
    let folder =
        fs::read_dir(&cache).unwrap().flatten().map(|it| it.path()).find(|it| it.join("magic.json").exists()).unwrap();
    fs::remove_file(folder.join("magic.json")).unwrap();
    fs::create_dir(folder.join("magic.json")).unwrap();
    fs::write(cache.join("hosts"), "not a directory").unwrap();
    fs::write(fork.ledger_file().with_file_name("checks.json"), "\0nonsense").unwrap();
    let with_bad = fork.poll();

    assert_eq!(with_bad.status, 1, "{with_bad}");
    assert_eq!(of_the_good(&fork, &fork.ledger()), of_the_good(&alone, &alone.ledger()));
    let delivered = |fork: &Fork| of_the_good(fork, &fork.environment.read("notes"));
    assert_eq!(delivered(&fork).len(), 8);
    assert_eq!(delivered(&fork), delivered(&alone));
    // One line for each watch that could not be read, and its hint; no backtrace, nothing of the panic.
    let errors = |stderr: &str| -> Vec<String> {
        let lines = stderr.lines().filter(|line| !line.starts_with("hint: "));
        lines.map(|line| line.split('`').nth(1).unwrap_or(line).to_owned()).collect()
    };
    let mut told = errors(&with_bad.stderr);
    told.retain(|line| !line.starts_with("warning: cannot store in "));
    assert_eq!(told, ["broken", "empty", "gone", "hangs", "liar", "nowhere", "panics"], "{with_bad}");
    for word in ["panicked at", "backtrace", "feed-rs", "src/", "internal error"] {
        assert!(!with_bad.stderr.contains(word), "{with_bad}");
    }
    // The runs that failed are told, too, each as its own.
    let failed: BTreeSet<&str> = with_bad
        .stdout
        .lines()
        .filter(|line| line.contains(": failed"))
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(failed, BTreeSet::from(["refuses", "stuck"]), "{with_bad}");
}

#[test]
fn the_build_never_aborts_on_a_panic() {
    // `src/lib.rs` does not compile with it; the manifest says nothing else.
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    assert!(!manifest.contains("panic ="), "{manifest}");
    let library = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap();
    assert!(library.contains("#[cfg(not(panic = \"unwind\"))]\ncompile_error!("));
}
