//! Carry: real stacks taken to real upstream points. One module a subject; the world is here.

mod conflicts;
mod dispatch;
mod fidelity;
mod intervention;
mod isolation;
mod landed;
mod places;
mod points;
mod publish;
mod rerere;
mod resolver;
mod resume;
mod speed;
mod stacks;
mod verify;
mod worktree;

use crate::environment::{Environment, Output};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Upstream `$TEMP/upstream` with the tag `v1`, and the clone `$TEMP/fork` with the remote `upstream`,
/// which alone makes a watch of that name.
#[must_use]
pub struct World {
    environment: Environment,
}

impl World {
    pub fn new() -> Self {
        Self::initialized(&[])
    }

    /// The same, with options for `git init`.
    pub fn initialized(options: &[&str]) -> Self {
        let environment = Environment::new();
        let state = environment.path("state");
        let environment = environment.env("PATCH_STATE_DIR", state);
        let mut init = vec!["init", "--quiet", "--initial-branch=main"];
        init.extend(options);
        init.push("upstream");
        environment.git("", &init);
        let world = Self { environment };
        world.commit("upstream", "Begin", &[("f", &lines(&[])), ("g", "g\n"), ("dir/x", &lines(&[]))]);
        world.git("upstream", &["tag", "v1"]);
        world.git("", &["clone", "--quiet", "--origin", "upstream", "upstream", "fork"]);
        world
    }

    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.environment.path(path)
    }

    #[track_caller]
    pub fn git(&self, directory: impl AsRef<Path>, args: &[&str]) -> String {
        self.environment.git(directory, args)
    }

    /// Commits these files as they are to be in a checkout, an empty text removing one; its sha.
    #[track_caller]
    pub fn commit(&self, repository: &str, message: &str, files: &[(&str, &str)]) -> String {
        for (file, text) in files {
            let path = self.path(repository).join(file);
            if text.is_empty() {
                fs::remove_file(path).unwrap();
            } else {
                self.environment.write(path, text);
            }
        }
        self.git(repository, &["add", "--all"]);
        self.git(repository, &["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(repository, &["rev-parse", "HEAD"])
    }

    /// Commits to upstream and tags that commit.
    #[track_caller]
    pub fn release(&self, tag: &str, files: &[(&str, &str)]) -> String {
        let sha = self.commit("upstream", &format!("Release {tag}"), files);
        self.git("upstream", &["tag", "--annotate", "--message", tag, tag]);
        sha
    }

    /// The same with one patch, a release `v2`, and a forge `$TEMP/forge.git` as the remote `origin`.
    pub fn with_forge() -> Self {
        let world = Self::new();
        world.git("", &["init", "--quiet", "--bare", "--initial-branch=main", "forge.git"]);
        world.git("fork", &["remote", "add", "origin", "../forge.git"]);
        world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
        world.git("fork", &["push", "--quiet", "origin", "main"]);
        world.release("v2", &[("f", &lines(&[(30, "thirty")]))]);
        world
    }

    /// Sets a value of the fork's configuration.
    #[track_caller]
    pub fn set(&self, key: &str, value: &str) {
        self.git("fork", &["config", "--add", key, value]);
    }

    /// What the forge has below this prefix: `NAME COMMIT` a line, tags peeled.
    #[track_caller]
    pub fn on_forge(&self, prefix: &str) -> Vec<String> {
        let format = "--format=%(refname:strip=2) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)";
        self.git("forge.git", &["for-each-ref", format, prefix]).lines().map(str::to_owned).collect()
    }

    /// Carries in the fork; the output, and the report.
    #[track_caller]
    pub fn carry(&self, args: &[&str]) -> Told {
        self.carry_in("fork", args)
    }

    #[track_caller]
    pub fn carry_in(&self, directory: &str, args: &[&str]) -> Told {
        let mut all = vec!["carry", "--json"];
        all.extend(args);
        let output = self.environment.patch(&all).in_dir(directory).run();
        let report = serde_json::from_str(&output.stdout).unwrap_or(Value::Null);
        Told { output, report }
    }

    /// Our program in the fork, left to run with `RUN` set; it leads a process group.
    pub fn start(&self, args: &[&str], run: &str) -> Child {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(env!("CARGO_BIN_EXE_patch"));
        command.args(args).env_clear().envs(self.environment.variables()).current_dir(self.path("fork"));
        command.env("RUN", run).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        command.spawn().unwrap()
    }

    /// The subjects from `onto` to `tip`, oldest first.
    #[track_caller]
    pub fn subjects(&self, repository: &str, range: &str) -> Vec<String> {
        let log = self.git(repository, &["log", "--reverse", "--format=%s", range]);
        log.lines().map(str::to_owned).collect()
    }

    /// Every file of the fork, with its mode: all but objects, and refs of ours.
    pub fn snapshot(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let mut files = BTreeMap::new();
        let ours = ["objects", "refs/patch-moi", "refs/heads/patch-moi", "logs/refs/heads/patch-moi"];
        let ours = ours.map(|path| self.path("fork/.git").join(path));
        let mut directories = vec![self.path("fork")];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                let kind = fs::symlink_metadata(&path).unwrap();
                if ours.contains(&path) {
                } else if kind.is_dir() {
                    directories.push(path);
                } else {
                    let bytes = fs::read(&path).unwrap();
                    files.insert(path, (kind.permissions().mode(), bytes));
                }
            }
        }
        files
    }
}

/// What a run said.
pub struct Told {
    pub output: Output,
    pub report: Value,
}

impl Told {
    /// `status: message`, without that nothing is configured to verify it.
    #[track_caller]
    pub fn outcome(&self) -> String {
        self.said().replacen("; not verified", "", 1)
    }

    /// `status: message`.
    #[track_caller]
    pub fn said(&self) -> String {
        let field = |name: &str| self.report[name].as_str().unwrap_or_else(|| panic!("{}", self.output)).to_owned();
        format!("{}: {}", field("status"), field("message"))
    }

    pub fn artifacts(&self) -> &Value {
        &self.report["artifacts"]
    }

    /// The candidate's commit.
    #[track_caller]
    pub fn candidate(&self) -> String {
        let sha = self.artifacts()["candidateRefs"][0]["sha"].as_str();
        sha.unwrap_or_else(|| panic!("{}", self.output)).to_owned()
    }

    /// From the upstream point to the candidate.
    #[track_caller]
    pub fn range(&self) -> String {
        format!("{}..{}", self.artifacts()["onto"]["sha"].as_str().unwrap(), self.candidate())
    }

    /// Each patch: `subject: fate`, and the proof of one that landed.
    #[track_caller]
    pub fn fates(&self) -> Vec<String> {
        let patches = self.artifacts()["patches"].as_array().unwrap_or_else(|| panic!("{}", self.output));
        let fates = patches.iter().map(|patch| {
            let text = |value: &Value| value.as_str().map(|text| format!(" {text}")).unwrap_or_default();
            let mut line = format!("{}:{}", patch["subject"].as_str().unwrap(), text(&patch["fate"]));
            line += &text(&patch["proof"]["kind"]);
            if let Some(applies) = patch["applies"].as_bool() {
                write!(line, " {applies}").unwrap();
            }
            if patch["revertedBy"].is_string() {
                line += " reverted";
            }
            line
        });
        fates.collect()
    }

    /// The files in conflict: `path: kind`.
    pub fn conflicts(&self) -> Vec<String> {
        let files = self.artifacts()["conflicts"][0]["files"].as_array().cloned().unwrap_or_default();
        let words = |file: &Value, name: &str| file[name].as_str().unwrap().to_owned();
        files.iter().map(|file| format!("{}: {}", words(file, "path"), words(file, "kind"))).collect()
    }

    /// That it is bad usage: `error: …` and `hint: …`.
    #[track_caller]
    pub fn is_wrong(&self, error: &str, hint: &str) {
        assert_eq!((self.output.status, self.output.stdout.as_str()), (2, ""), "{}", self.output);
        let lines: Vec<&str> = self.output.stderr.lines().collect();
        let is_told =
            |start: &str, words: &str| lines.iter().any(|line| line.starts_with(start) && line.contains(words));
        assert!(is_told("error: ", error), "{}", self.output);
        assert!(is_told("hint: ", hint), "{}", self.output);
    }
}

/// The numbers from 1 to 40, a line each, some replaced; an empty text leaves out the line.
pub fn lines(replaced: &[(usize, &str)]) -> String {
    let line = |number: usize| match replaced.iter().find(|(at, _)| *at == number) {
        Some((_, "")) => String::new(),
        Some((_, text)) => format!("{text}\n"),
        None => format!("{number}\n"),
    };
    (1..=40).map(line).collect()
}

/// A `git fast-import` stream: commits that each change one line of a file of its own.
pub struct Stream {
    text: String,
}

impl Stream {
    /// Commits on the branch `branch`, from the commit `from`.
    pub fn new(branch: &str, from: &str) -> Self {
        Self { text: format!("feature done\nreset refs/heads/{branch}\nfrom {from}\n\n") }
    }

    /// A commit with these files.
    pub fn commit<'a>(&mut self, branch: &str, message: &str, files: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let date = "1767323045 +0000";
        let text = &mut self.text;
        writeln!(text, "commit refs/heads/{branch}\nauthor Ann Author <ann@example.org> {date}").unwrap();
        writeln!(text, "committer Carl Committer <carl@example.org> {date}").unwrap();
        writeln!(text, "data {}\n{message}", message.len()).unwrap();
        for (path, content) in files {
            writeln!(text, "M 100644 inline {path}\ndata {}\n{content}", content.len()).unwrap();
        }
        text.push('\n');
    }

    pub fn import(self, world: &World, repository: &str) {
        let text = self.text + "done\n";
        world.environment.run("git", &["fast-import", "--quiet", "--force"]).in_dir(repository).stdin(text).success();
    }
}

#[test]
fn a_stack_is_carried_to_a_release() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.commit("fork", "New", &[("n", "new\n")]);
    let v2 = world.release("v2", &[("f", &lines(&[(30, "thirty")]))]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.outcome(), "changed: 2 patches carried onto v2");
    assert_eq!(told.fates(), ["Five: carried", "New: carried"]);
    let candidate = told.candidate();
    assert_eq!(world.git("fork", &["rev-parse", "patch-moi/candidate/upstream/v2"]), candidate);
    assert_eq!(world.git("fork", &["rev-parse", &format!("{candidate}~2")]), v2);
    assert_eq!(world.git("fork", &["show", &format!("{candidate}:f")]) + "\n", lines(&[(5, "five"), (30, "thirty")]));
    let committer = world.git("fork", &["log", "-1", "--format=%cn <%ce> %ct", &candidate]);
    assert_eq!(committer, "patch.moi <patch@patch.moi> 1767323045");
    assert_eq!(world.carry(&["--onto", "v2"]).outcome(), "skipped: patch-moi/candidate/upstream/v2 was there already");
    // Deleted, it is made again, the very same.
    world.git("fork", &["branch", "-D", "patch-moi/candidate/upstream/v2"]);
    assert_eq!(world.carry(&["--onto", "v2"]).candidate(), candidate);
}

#[test]
fn a_dry_run_makes_no_ref_and_tells_the_fates() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.release("v2", &[("g", "two\n")]);
    let told = world.carry(&["--onto", "v2", "--dry-run"]);
    let words = "completed: would be: 1 patch carried onto v2, as patch-moi/candidate/upstream/v2";
    assert_eq!(told.outcome(), words);
    assert_eq!(world.git("fork", &["for-each-ref", "refs/heads/patch-moi"]), "");
    assert!(!world.path("state").exists());
}

#[test]
fn the_result_is_a_line_for_whoever_started_it() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.release("v2", &[("g", "two\n")]);
    let output = world.environment.patch(&["carry", "--onto", "v2"]).in_dir("fork").success();
    let line = output.stdout.strip_prefix("FLOW_RESULT ").unwrap();
    let result: Value = serde_json::from_str(line).unwrap();
    assert_eq!(result["status"], "changed");
    assert_eq!(result["artifacts"]["candidateRefs"][0]["ref"], "refs/heads/patch-moi/candidate/upstream/v2");
    assert!(output.stderr.starts_with("1 patch carried onto v2; not verified\n"), "{output}");
    let kept = result["artifacts"]["report"].as_str().unwrap().replace("$TEMP", world.path("").to_str().unwrap());
    assert_eq!(
        serde_json::from_str::<Value>(&fs::read_to_string(kept).unwrap()).unwrap()["message"],
        result["message"]
    );
}
