//! Git servers that say nothing, or too much.

use super::measure::measured;
use super::server::{Hostile, Talk};
use super::{full_sweep, watching};
use crate::upstream::Fork;
use std::fmt::Write;
use std::fs;
use std::time::Duration;

/// One line of git-protocol(5)'s format, with its length before it.
fn packet(line: &str) -> String {
    format!("{:04x}{line}", line.len() + 4)
}

/// A fork with a watch of this remote, and one second for it.
fn watching_remote(url: &str) -> Fork {
    let fork = Fork::new();
    fork.config("patch.fetchTimeout", "1");
    fork.config("watch.bad.remote", url);
    fork
}

/// Whether any process was started with this word among its arguments.
fn is_in_an_argument(word: &str) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| String::from_utf8_lossy(&line).contains(word))
}

#[test]
fn a_git_server_that_says_nothing_is_left_with_all_that_was_started() {
    for scheme in ["http", "git"] {
        let server = Hostile::start(Talk::hold);
        let url = server.url("/x.git").replace("http:", &format!("{scheme}:"));
        let fork = watching_remote(&url);
        let run = measured(&fork, &["poll"]).within("a silent Git server");
        let error = "error: watch `bad`: git ls-remote: no end within 1 s\n";
        assert!(run.output.stderr.starts_with(error), "{}", run.output);
        assert!(run.took < Duration::from_secs(40), "{:?}", run.took);
        assert!(!is_in_an_argument(&url), "something still asks {url}");
    }
}

#[test]
fn refs_without_end_are_left_at_the_deadline() {
    let server = Hostile::start(|talk| {
        let mut refs = String::new();
        for number in 0..20_000 {
            refs += &packet(&format!("{} refs/tags/v{number}\n", "a".repeat(40)));
        }
        talk.say(packet(&format!("{} HEAD\0agent=x\n", "a".repeat(40))))?;
        talk.for_ever(refs)
    });
    let fork = watching_remote(&server.url("/x.git").replace("http:", "git:"));
    let run = measured(&fork, &["poll"]).within("refs without end");
    assert!(run.output.stderr.starts_with("error: watch `bad`: git ls-remote: "), "{}", run.output);
    assert!(run.children < 1200, "{} MiB", run.children);
    assert!(run.took < Duration::from_secs(40), "{:?}", run.took);
}

#[test]
fn complaints_without_end_are_not_kept() {
    let server = Hostile::start(|talk| talk.for_ever(packet(&format!("ERR {}\n", "no ".repeat(20_000)))));
    let fork = watching_remote(&server.url("/x.git").replace("http:", "git:"));
    let run = measured(&fork, &["poll"]).within("complaints");
    assert_eq!(run.output.stderr.lines().count(), 2, "{}", run.output);
    assert!(run.output.stderr.len() < 3000, "{}", run.output);
}

/// A repository with one commit and so many tags of it.
fn tags(fork: &Fork, count: usize) {
    fork.environment.repository("upstream");
    let sha = fork.environment.commit("upstream", "file", &count.to_string());
    let mut packed = "# pack-refs with: peeled fully-peeled sorted \n".to_owned();
    for number in 0..count {
        writeln!(packed, "{sha} refs/tags/v{number:07}").unwrap();
    }
    fork.environment.write("upstream/.git/packed-refs", &packed);
}

#[test]
fn more_refs_than_are_read_are_an_error_and_many_are_not() {
    let fork = Fork::new();
    fork.config("watch.bad.remote", "../upstream");
    let many = if full_sweep() { 100_000 } else { 10_000 };
    tags(&fork, many);
    let run = measured(&fork, &["poll"]).within("many refs");
    assert!(run.output.stdout.starts_with(&format!("bad: first sight: {many} entries are known")), "{}", run.output);
    measured(&fork, &["poll"]).within("many refs, known");
    tags(&fork, 100_001);
    let error = "error: watch `bad`: git ls-remote: the answer is not understood: there are more than 100000 refs\n";
    let run = measured(&fork, &["poll"]).within("one more");
    assert!(run.output.stderr.starts_with(error), "{}", run.output);
    tags(&fork, if full_sweep() { 1_000_000 } else { 500_000 });
    let run = measured(&fork, &["poll"]).within("very many refs");
    assert!(run.output.stderr.contains("it printed more than 25165824 bytes"), "{}", run.output);
}

#[test]
fn several_remotes_with_many_refs_are_read_one_after_the_other() {
    let fork = watching(&Hostile::start(|_| Ok(())), &[]);
    fork.config("patch.fetchTimeout", "100");
    let count = if full_sweep() { 100_000 } else { 20_000 };
    tags(&fork, count);
    for name in ["a", "b", "c"] {
        fork.environment.git("", &["clone", "--quiet", "--bare", "upstream", name]);
        fork.config(&format!("watch.{name}.remote"), &format!("../{name}"));
    }
    let run = measured(&fork, &["poll"]).within("three remotes with many refs");
    let primed = format!("first sight: {count} entries are known");
    assert_eq!(run.output.stdout.matches(&primed).count(), 3, "{}", run.output);
}
