//! A fork with a watch on its upstream: the world of the tests of ledger and dispatch.

use crate::environment::{Environment, Output, Run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The program that most tests dispatch to: it keeps what it was given and says what `says` holds.
pub const RUNNER: &str = r#"#!/bin/sh
{ printf '%s\n' "$@"; echo --; } >> "$ROOT/args"
{ pwd; echo "id=$PATCH_EVENT_ID"; echo "file=$PATCH_EVENT_FILE"; env | grep ^GIT_ | grep -v -e ^GIT_AUTHOR -e ^GIT_COMM | sort; } > "$ROOT/world"
cat "$PATCH_EVENT_FILE" >> "$ROOT/events"
cat >> "$ROOT/stdin"
. "$ROOT/says"
"#;

/// Upstream `$TEMP/upstream`, the forge's copy `$TEMP/forge.git`, and the clone `$TEMP/fork` with
/// the watch `up`, which has seen the tag `v1.0.0`.
#[must_use]
pub struct Fork {
    environment: Environment,
}

impl Fork {
    /// The fork, not yet polled.
    pub fn unpolled() -> Self {
        let environment = Environment::new();
        let (root, state) = (environment.path(""), environment.path("state"));
        let environment = environment.env("PATCH_STATE_DIR", state).env("ROOT", root);
        let upstream = environment.repository("upstream");
        environment.commit(&upstream, "file", "one\n");
        environment.tag(&upstream, "v1.0.0");
        environment.bare_clone("upstream", "forge.git");
        environment.git("", &["clone", "--quiet", "forge.git", "fork"]);
        environment.git("fork", &["remote", "add", "upstream", "../upstream"]);
        let fork = Self { environment };
        fork.set("watch.up.remote", "upstream");
        fork
    }

    /// The fork, polled once.
    pub fn new() -> Self {
        let fork = Self::unpolled();
        fork.patch(&["--quiet", "poll"]).success();
        fork
    }

    /// The fork, polled once, that dispatches to a program which says what `script` says.
    pub fn dispatching(target: &str, script: &str) -> Self {
        let fork = Self::new();
        fork.environment.program("bin/runner", RUNNER);
        fork.set("watch.up.command", fork.path("bin/runner").to_str().unwrap());
        fork.set("watch.up.dispatch", target);
        fork.says(script);
        fork
    }

    /// The fork, polled once, that pushes trigger branches.
    pub fn triggering() -> Self {
        let fork = Self::new();
        fork.set("watch.up.dispatch", "trigger-branch");
        fork
    }

    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// What the program that is dispatched to does from now on.
    pub fn says(&self, script: &str) {
        self.environment.write("says", &format!("{script}\n"));
    }

    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.environment.path(path)
    }

    /// Sets a value of the fork's configuration.
    #[track_caller]
    pub fn set(&self, key: &str, value: &str) {
        self.environment.git("fork", &["config", key, value]);
    }

    /// Adds a value to the fork's configuration.
    #[track_caller]
    pub fn add(&self, key: &str, value: &str) {
        self.environment.git("fork", &["config", "--add", key, value]);
    }

    /// A new commit upstream with this tag; returns the commit.
    #[track_caller]
    pub fn release(&self, tag: &str) -> String {
        let sha = self.environment.commit("upstream", "file", &format!("{tag}\n"));
        self.environment.tag("upstream", tag);
        sha
    }

    /// Our program in the fork.
    pub fn patch(&self, args: &[&str]) -> Run<'_> {
        self.environment.patch(args).in_dir("fork")
    }

    /// Our program in the fork at a time of the first day, such as `03:04:05`.
    pub fn patch_at(&self, time: &str, args: &[&str]) -> Run<'_> {
        let (day, time) = time.split_once('T').unwrap_or(("2026-01-02", time));
        self.patch(args).env("PATCH_NOW", format!("{day}T{time}Z"))
    }

    /// What our program in the fork says, without what differs from one run to the next.
    #[track_caller]
    pub fn says_of(&self, args: &[&str]) -> Output {
        self.steady(&self.patch(args).run())
    }

    /// The output without durations and without the name of the repository's state directory.
    pub fn steady(&self, output: &Output) -> Output {
        let text = |text: &str| {
            let text = without_durations(text);
            match self.state_name() {
                Some(name) => text.replace(&name, "fork-ID"),
                None => text,
            }
        };
        Output { status: output.status, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// As [`Fork::says_of`], without the reasons that are made up for a run which gave none.
    #[track_caller]
    pub fn says_of_at(&self, time: &str, args: &[&str]) -> Output {
        let mut output = self.steady(&self.patch_at(time, args).run());
        let brief = |line: &str| match line.split_once(": failed: ") {
            Some((before, _)) => format!("{before}: failed\n"),
            None => format!("{line}\n"),
        };
        output.stdout = output.stdout.lines().map(brief).collect();
        output
    }

    fn state_name(&self) -> Option<String> {
        let entry = fs::read_dir(self.path("state")).ok()?.next()?.unwrap();
        Some(entry.file_name().into_string().unwrap())
    }

    /// A file in the repository's state directory.
    pub fn state(&self, file: impl AsRef<Path>) -> PathBuf {
        self.path("state").join(self.state_name().expect("it was polled")).join(file)
    }

    pub fn ledger(&self) -> String {
        fs::read_to_string(self.state("ledger.jsonl")).unwrap()
    }

    /// Puts a text in the place of the ledger.
    pub fn write_ledger(&self, text: impl AsRef<[u8]>) {
        fs::write(self.state("ledger.jsonl"), text).unwrap();
    }

    pub fn records(&self) -> Vec<Value> {
        self.ledger().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The records in short, without those about what was known from the start, and without reviews, which
    /// say the same once more: one a line.
    pub fn history(&self) -> String {
        let field =
            |record: &Value, name: &str| record[name].as_str().map(|text| format!(" {text}")).unwrap_or_default();
        let short = |record: &Value| {
            let mut line = record["kind"].as_str().unwrap().to_owned();
            for name in ["change", "id", "key", "target", "action"] {
                line += &field(record, name);
            }
            if let Some(attempt) = record["attempt"].as_u64() {
                line.push_str(" #");
                line.push_str(&attempt.to_string());
            }
            for name in ["status", "reason"] {
                line += &field(record, name);
            }
            line + "\n"
        };
        self.records()
            .iter()
            .filter(|record| record["kind"] != "primed" && record["kind"] != "review")
            .map(short)
            .collect()
    }

    /// Starts our program in the fork and leaves it to the test; it leads a process group.
    pub fn start(&self, args: &[&str]) -> Child {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(env!("CARGO_BIN_EXE_patch"));
        command.args(args).env_clear().envs(self.environment.variables()).current_dir(self.path("fork"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        command.spawn().unwrap()
    }

    /// Whether the process of that id runs; one that only waits to be reaped does not.
    pub fn is_running(&self, pid: &str) -> bool {
        let state = self.environment.run("ps", &["-o", "stat=", "-p", pid.trim()]).run().stdout;
        !state.trim().is_empty() && !state.starts_with('Z')
    }

    /// A named pipe; opening it waits for the other side.
    pub fn fifo(&self, path: &str) -> PathBuf {
        let path = self.path(path);
        self.environment.run("mkfifo", &[path.to_str().unwrap()]).success();
        path
    }
}

/// `"durationMs":12` and `(0.012 s` hold no number afterwards.
pub fn without_durations(text: &str) -> String {
    let mut rest = text;
    let mut steady = String::new();
    while let Some(at) = ["\"durationMs\":", " ("].iter().filter_map(|it| Some(rest.find(it)? + it.len())).min() {
        let (before, after) = rest.split_at(at);
        let number = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
        let is_duration = before.ends_with(':') || after[number..].starts_with(" s");
        steady.push_str(before);
        steady.push_str(if is_duration { "0" } else { &after[..number] });
        rest = &after[number..];
    }
    steady + rest
}
