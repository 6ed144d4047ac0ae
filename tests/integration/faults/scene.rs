//! The scenes that faults are injected into, each put back to its beginning before every fault.

use super::strace::{Call, Fault, calls, has_happened, injection};
use crate::environment::{Output, Run};
use crate::fork::Fork;
use crate::upstream::{Feeds, atom};
use rustix::fs::{OFlags, fcntl_setfl};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use tempfile::TempDir;

const FEED: &str = "/releases.atom";
const FLOW: &str = r#"printf '%s\n' '{"eventId":"'"$PATCH_EVENT_ID"'","results":[{"flow":"f","step":"s","result":{"status":"changed","message":"carried"}}]}'"#;

/// What is to be seen when the program runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A feed with validators has a new release, which a command is told.
    Command,
    /// A remote has a new tag, which a branch on the fork's forge tells.
    Trigger,
    /// A feed and a remote are looked at for the first time, and no directory is there.
    First,
    /// A remote has a new tag, which a flow runner is told.
    Flow,
}

/// A fork before a poll, and a copy of everything that the poll may change.
pub struct Scene {
    kind: Kind,
    fork: Fork,
    feeds: Feeds,
    before: TempDir,
    git: String,
    exec_path: String,
}

impl Scene {
    pub fn new(kind: Kind) -> Self {
        let feeds = Feeds::new();
        feeds.show(FEED, atom(&["v1.0.0"]));
        let fork = match kind {
            Kind::Command | Kind::First => Fork::unpolled(),
            Kind::Trigger | Kind::Flow => Fork::new(),
        };
        let environment = fork.environment();
        if matches!(kind, Kind::Command | Kind::First) {
            fork.set("watch.up.feed", &feeds.url(FEED));
        }
        if kind == Kind::Command {
            environment.git("fork", &["config", "--unset", "watch.up.remote"]);
            environment.git("fork", &["remote", "remove", "upstream"]);
        }
        // One request after the other, in the main thread, so that each call has its number.
        fork.set("patch.jobs", "1");
        // The forge would tidy up in the background, whenever that is.
        environment.git("forge.git", &["config", "receive.autoGC", "false"]);
        let git = environment.run("sh", &["-c", "command -v git"]).success().stdout.trim().to_owned();
        let exec_path = environment.git("", &["--exec-path"]);
        let scene = Self { kind, before: tempfile::tempdir().unwrap(), git, exec_path, fork, feeds };
        scene.write_shims();
        scene.configure();
        scene.copy(scene.fork.environment().root(), scene.before.path());
        scene
    }

    fn configure(&self) {
        let target = match self.kind {
            Kind::Trigger => "trigger-branch",
            Kind::Flow => "codex-flow",
            Kind::Command | Kind::First => "command",
        };
        self.fork.says(if self.kind == Kind::Flow { FLOW } else { "exit 0" });
        self.fork.set("watch.up.command", self.fork.path("bin/runner").to_str().unwrap());
        if self.kind == Kind::Command {
            self.fork.patch(&["--quiet", "poll"]).success();
        }
        self.fork.set("watch.up.dispatch", target);
        // Nobody answers a trigger here, and that is not what this is about.
        self.fork.set("watch.up.timeout", "604800");
        match self.kind {
            Kind::First => {}
            Kind::Command => self.release(),
            Kind::Trigger | Kind::Flow => drop(self.fork.release("v1.1.0")),
        }
    }

    fn release(&self) {
        self.feeds.show(FEED, atom(&["v1.1.0", "v1.0.0"]));
    }

    fn write_shims(&self) {
        let environment = self.fork.environment();
        let shim = environment.program("faults/shim", include_str!("shim.sh"));
        environment.program("faults/runner", crate::fork::RUNNER);
        for directory in ["faults/git", "faults/roles", "faults/traces", "bin"] {
            fs::create_dir_all(environment.path(directory)).unwrap();
        }
        let link = |path: &str| std::os::unix::fs::symlink(&shim, environment.path(path)).unwrap();
        link("bin/runner");
        for helper in fs::read_dir(&self.exec_path).unwrap() {
            let name = helper.unwrap().file_name();
            link(&format!("faults/git/{}", name.to_str().unwrap()));
        }
        if !environment.path("faults/git/git").exists() {
            link("faults/git/git");
        }
        self.fork.fifo("faults/alive");
    }

    /// Everything is as it was before the poll.
    pub fn restore(&self) {
        let root = self.fork.environment().root();
        for entry in fs::read_dir(root).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
        }
        self.copy(self.before.path(), root);
        if self.kind == Kind::First {
            self.feeds.show(FEED, atom(&["v1.0.0"]));
        }
    }

    fn copy(&self, from: &Path, to: &Path) {
        // Not from below what is copied over.
        let environment = self.fork.environment();
        let script = "cd / && exec cp -a \"$0/.\" \"$1/\"";
        environment.run("sh", &["-c", script, from.to_str().unwrap(), to.to_str().unwrap()]).success();
    }

    fn poll(&self, role: &str, strace: &str) -> Output {
        let environment = self.fork.environment();
        let faults = environment.path("faults");
        let alive = OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(faults.join("alive"))
            .unwrap();
        // Whoever is born of this shell holds the fifo open until it ends.
        let mut args = vec!["-c", "exec 9<> \"$ROOT/faults/alive\"; exec \"$@\"", "sh"];
        let trace = faults.join("traces/patch");
        if matches!(role, "patch" | "all") {
            args.extend(["strace", "-f", "-b", "execve", "-y", "-o", trace.to_str().unwrap()]);
            args.extend(strace.split(' '));
        }
        args.extend([env!("CARGO_BIN_EXE_patch"), "poll"]);
        let path = format!("{}:{}", faults.join("git").display(), std::env::var("PATH").unwrap());
        let run: Run<'_> = environment.run("sh", &args).in_dir("fork").env("PATH", path);
        let run = run.env("GIT_EXEC_PATH", faults.join("git")).env("FAULTS_ROLE", role).env("FAULTS_STRACE", strace);
        let output = run.env("FAULTS_GIT", &self.git).env("FAULTS_EXEC_PATH", &self.exec_path).run();
        // A run that outlives the poll which started it is not the next poll's concern here.
        fcntl_setfl(&alive, OFlags::empty()).unwrap();
        let mut nothing = Vec::new();
        { &alive }.read_to_end(&mut nothing).unwrap();
        self.fork.steady(&output)
    }

    fn trace(&self, role: &str) -> String {
        fs::read_to_string(self.fork.path("faults/traces").join(role)).unwrap_or_default()
    }

    /// The calls of every process of a poll that nothing happens to: of the main threads, and others.
    pub fn calls(&self) -> (Vec<Call>, Vec<Call>) {
        self.restore();
        let output = self.poll("all", "-e trace=all");
        assert_eq!((output.status, output.stderr.as_str()), (0, ""), "{output}");
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(self.fork.path("faults/traces")).unwrap() {
            let role = entry.unwrap().file_name().into_string().unwrap();
            let found = calls(&role, &self.trace(&role));
            own.extend(found.0);
            others.extend(found.1);
        }
        own.sort_by(|a, b| a.role.cmp(&b.role));
        (own, others)
    }

    /// The processes of the last poll besides `patch` itself.
    pub fn roles(&self) -> BTreeSet<String> {
        let roles = fs::read_dir(self.fork.path("faults/roles")).unwrap();
        roles.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// A poll in which this happens to the call; it is made again where the call was not reached.
    pub fn inject(&self, call: &Call, fault: &Fault) -> Output {
        for _ in 0..4 {
            self.restore();
            let output = self.poll(&call.role, &injection(call, fault));
            if has_happened(call, fault, &self.trace(&call.role)) {
                return output;
            }
        }
        panic!("{:?}: {fault:?} did not happen to {call}\n{}", self.kind, self.trace(&call.role));
    }

    /// A poll in which a process is killed before it is anything, or its parent is.
    pub fn kill(&self, role: &str, whom: &str) -> Output {
        self.restore();
        self.poll(&format!("{role}@{whom}"), "")
    }

    /// Whether the ledger has what the poll had to bring, to its end.
    pub fn is_complete(&self) -> bool {
        if fs::read_dir(self.fork.path("state")).map_or(0, Iterator::count) == 0 {
            return false;
        }
        let ledger = fs::read_to_string(self.fork.state("ledger.jsonl")).unwrap_or_default();
        match self.kind {
            Kind::First => ledger.contains("\"kind\":\"primed\""),
            _ => ledger.contains("\"status\":\"completed\"") || ledger.contains("\"status\":\"changed\""),
        }
    }

    fn triggers(&self) -> String {
        self.fork.environment().git("forge.git", &["for-each-ref", "refs/heads/patch-moi"])
    }

    /// The fault is over: later polls bring each signal once, and dispatch it with the same bytes.
    pub fn converges(&self, label: &str) {
        let label = &format!("{:?}: {label}", self.kind);
        let pushed = self.triggers();
        if self.kind != Kind::First && self.is_complete() {
            assert!(!(self.events().is_empty() && pushed.is_empty()), "{label}: a success before the success");
        }
        self.forge_is_told_to_be_mended(label);
        let next = self.fork.patch_at("2026-01-03T03:04:05", &["poll"]).run();
        assert_eq!((next.status, next.stderr.as_str()), (0, ""), "{label}: {next}");
        if self.kind == Kind::First {
            let ledger = self.fork.ledger();
            let history = self.fork.history().replace("watchError\n", "");
            assert_eq!(history, "", "{label}: {next}{ledger}");
            assert_eq!(ledger.matches("\"reason\":\"first-sight\"").count(), 1, "{label}: {next}{ledger}");
            self.release();
            self.fork.release("v1.1.0");
            let news = self.fork.patch_at("2026-01-03T04:04:05", &["poll"]).run();
            assert_eq!((news.status, news.stderr.as_str()), (0, ""), "{label}: {news}");
        }
        let ledger = self.fork.ledger();
        let again = self.fork.patch_at("2026-01-04T03:04:05", &["poll"]).run();
        assert_eq!((again.status, again.stdout.as_str(), again.stderr.as_str()), (0, "", ""), "{label}: {again}");
        assert_eq!(self.fork.ledger(), ledger, "{label}");
        self.has_one_signal(label);
        self.was_handed_over(label, &pushed);
    }

    /// A `git receive-pack` that is killed leaves its lock, and takes no push until somebody removes it.
    fn forge_is_told_to_be_mended(&self, label: &str) {
        let locks = self.fork.environment().run("find", &["forge.git", "-name", "*.lock"]).success().stdout;
        for lock in locks.lines() {
            let refused = self.fork.patch_at("2026-01-02T05:04:05", &["poll"]).run();
            let name = lock.rsplit('/').next().unwrap();
            assert_eq!((refused.status, refused.stderr.as_str()), (1, ""), "{label}: {refused}");
            assert!(refused.stdout.contains(name) && refused.stdout.contains("File exists"), "{label}: {refused}");
            fs::remove_file(self.fork.path(lock)).unwrap();
        }
    }

    fn has_one_signal(&self, label: &str) {
        let records = self.fork.records();
        let of = |kind: &str| records.iter().filter(|record| record["kind"] == kind).collect::<Vec<_>>();
        let ids: Vec<&str> = of("signal").iter().map(|signal| signal["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["patch:up:v1.1.0:upstream.release"], "{label}: {}", self.fork.history());
        assert_eq!(of("gap").len(), 0, "{label}");
        let done = |run: &&&Value| run["status"] == "completed" || run["status"] == "changed";
        assert_eq!(of("run").iter().filter(done).count(), 1, "{label}: {}", self.fork.history());
        let status = self.fork.patch_at("2026-01-04T03:04:05", &["status"]).success().stdout;
        let waits = ["waits for a person:", "waits for the next poll"].iter().any(|words| status.contains(words));
        assert!(!waits && status.contains("v1.1.0"), "{label}: {status}");
    }

    fn events(&self) -> Vec<String> {
        let events = fs::read_to_string(self.fork.path("events")).unwrap_or_default();
        // The runner may have been killed in the middle of a line.
        events.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(str::to_owned).collect()
    }

    fn was_handed_over(&self, label: &str, pushed: &str) {
        let records = self.fork.records();
        let event = &records.iter().find(|record| record["kind"] == "signal").unwrap()["event"];
        if self.kind == Kind::Trigger {
            let triggers = self.triggers();
            assert_eq!(triggers.lines().count(), 1, "{label}: {triggers}");
            assert!(pushed.is_empty() || pushed == triggers, "{label}: {pushed} became {triggers}");
            // An attempt that did not get as far as the push has written the same commit.
            let objects = ["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"];
            let commits = self.fork.environment().git("fork", &objects).matches("commit").count();
            assert_eq!(commits, 2, "{label}: the stack's head and its trigger");
            let name = triggers.split_whitespace().last().unwrap();
            let message = self.fork.environment().git("forge.git", &["log", "-1", "--format=%B", name]);
            let told: Value =
                serde_json::from_str(message.lines().find(|line| line.starts_with('{')).unwrap()).unwrap();
            assert_eq!(&told, event, "{label}");
            return;
        }
        let events = self.events();
        assert!(!events.is_empty(), "{label}: nobody was told");
        for line in &events {
            assert_eq!(line, &events[0], "{label}: other bytes");
            assert_eq!(&serde_json::from_str::<Value>(line).unwrap(), event, "{label}");
        }
    }

    /// Nothing lies about in the directories of state and cache.
    pub fn is_tidy(&self, label: &str) {
        let expected = [
            "checks.json",
            "index-rest.json",
            "index.json",
            "intake.lock",
            "ledger.jsonl",
            "ledger.lock",
            "up.input",
            "up.json",
            "up.lock",
        ];
        let mut pending = vec![self.fork.path("state"), self.fork.path("home/.cache/patch-moi")];
        while let Some(directory) = pending.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().map(Result::unwrap) {
                let name = entry.file_name().into_string().unwrap();
                let is_log = Path::new(&name).extension().is_some_and(|extension| extension == "log");
                if entry.path().is_dir() {
                    pending.push(entry.path());
                } else {
                    assert!(is_log || expected.contains(&&*name), "{label}: {} is left", entry.path().display());
                }
            }
        }
    }
}
