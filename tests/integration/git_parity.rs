//! The watches are those that Git shows, in every repository that Git opens, and a poll there does the whole job.
//!
//! What is expected is asked of `git config` in the same situation, one key at a time, and never taken
//! from the program under test.

use crate::environment::{Environment, Output, Run};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Keeps what it is given on standard input, each event in a line.
const RUNNER: &str = "#!/bin/sh\ncat >> \"$ROOT/events\"\necho >> \"$ROOT/events\"\n";

/// The watch that most situations have, as the keys and values of a configuration.
const UP: [(&str, &str); 4] = [
    ("watch.up.remote", "ROOT/upstream"),
    ("watch.up.command", "ROOT/bin/runner"),
    ("watch.up.dispatch", "command"),
    ("watch.up.dispatch", "trigger-branch"),
];

/// Upstream `$TEMP/upstream` with the tag `v1.0.0`, the forge's copy `$TEMP/forge.git`, and a program to dispatch to.
struct Scene {
    environment: Environment,
}

impl Scene {
    fn new() -> Self {
        Self::of(Environment::new())
    }

    fn of(environment: Environment) -> Self {
        let (root, state) = (environment.path(""), environment.path("state"));
        let environment = environment.env("ROOT", root).env("PATCH_STATE_DIR", state);
        environment.repository("upstream");
        environment.commit("upstream", "file", "one\n");
        environment.commit("upstream", "file", "two\n");
        environment.tag("upstream", "v1.0.0");
        environment.bare_clone("upstream", "forge.git");
        environment.git("forge.git", &["config", "uploadpack.allowFilter", "true"]);
        environment.git("forge.git", &["tag", "--delete", "v1.0.0"]);
        environment.program("bin/runner", RUNNER);
        Self { environment }
    }

    /// With a clone `fork` of the forge's copy besides.
    fn with_fork() -> Self {
        let scene = Self::new();
        scene.clone(&[], "fork");
        scene
    }

    fn clone(&self, options: &[&str], to: impl AsRef<OsStr>) -> PathBuf {
        let to = self.environment.path(Path::new(to.as_ref()));
        let url = format!("file://{}", self.environment.path("forge.git").display());
        let clone = [&["clone", "--quiet"], options, &["--", &url]].concat();
        self.environment.run("git", &clone).arg(&to).success();
        to
    }

    /// The text with the temporary directory in the place of `ROOT`.
    fn text(&self, text: &str) -> String {
        text.replace("ROOT", self.environment.root().to_str().unwrap())
    }

    /// [`UP`] with this name for the watch.
    fn watch(&self, name: &str) -> Vec<(String, String)> {
        UP.iter().map(|(key, value)| (key.replace(".up.", &format!(".{name}.")), self.text(value))).collect()
    }

    /// The lines of a configuration file with the watch.
    fn lines(&self, name: &str) -> String {
        let values = self.watch(name).into_iter();
        values.fold(format!("[watch \"{name}\"]\n"), |text, (key, value)| {
            format!("{text}\t{} = {value}\n", key.rsplit_once('.').unwrap().1)
        })
    }

    /// Adds the watch to the configuration of a repository, or wherever `options` say.
    fn configure(&self, directory: impl AsRef<Path>, options: &[&str], name: &str) {
        for (key, value) in self.watch(name) {
            self.environment.git(&directory, &[&["config"], options, &["--add", &key, &value]].concat());
        }
    }

    fn at(&self, directory: impl AsRef<Path>) -> Situation<'_> {
        Situation {
            scene: self,
            directory: self.environment.path(directory),
            variables: Vec::new(),
            options: Vec::new(),
            git: Vec::new(),
        }
    }
}

/// Where Git and the program under test are started, and how: both in the same way.
#[derive(Clone)]
struct Situation<'a> {
    scene: &'a Scene,
    directory: PathBuf,
    variables: Vec<(OsString, OsString)>,
    /// What stands before the command: `-C DIR`.
    options: Vec<String>,
    /// Options of a `git` that starts the program by an alias.
    git: Vec<String>,
}

impl Situation<'_> {
    fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((key.into(), value.as_ref().into()));
        self
    }

    fn option(mut self, words: &[&str]) -> Self {
        self.options.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    fn through_git(mut self, words: &[&str]) -> Self {
        self.git.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    fn run(&self, program: &str, args: &[&str]) -> Run<'_> {
        let alias = format!("alias.do=!{program}");
        let mut words: Vec<&str> = Vec::new();
        if !self.git.is_empty() {
            words.extend(self.git.iter().map(String::as_str));
            words.extend(["-c", &alias, "do"]);
        }
        words.extend(self.options.iter().map(String::as_str));
        words.extend(args);
        let program = if self.git.is_empty() { program } else { "git" };
        let run = self.scene.environment.run(program, &words).in_dir(&self.directory);
        self.variables.iter().fold(run, |run, (key, value)| run.env(key, value))
    }

    fn patch(&self, args: &[&str]) -> Output {
        self.run(env!("CARGO_BIN_EXE_patch"), args).run()
    }

    /// What `git config` prints with these options: NUL after each.
    fn config(&self, args: &[&str]) -> Vec<String> {
        let output = self.run("git", &[&["config", "--null"], args].concat()).run();
        assert!(matches!(output.status, 0 | 1), "{output}");
        output.stdout.split_terminator('\0').map(str::to_owned).collect()
    }

    /// The value that counts for a watch, by Git's own rules.
    fn get(&self, name: &str, key: &str) -> Option<String> {
        let own = self.config(&["--get", &format!("watch.{name}.{key}")]);
        own.into_iter().chain(self.config(&["--get", &format!("patch.{key}")])).next()
    }

    /// The list that counts: what follows the last empty value.
    fn list(&self, name: &str, key: &str) -> Vec<String> {
        let own = self.config(&["--get-all", &format!("watch.{name}.{key}")]);
        let all = if own.is_empty() { self.config(&["--get-all", &format!("patch.{key}")]) } else { own };
        all.split(String::is_empty).next_back().unwrap_or_default().to_vec()
    }

    /// What `patch watch list --json` has to say of each watch, by `git config` alone.
    fn expected(&self) -> BTreeMap<String, Value> {
        let keys = self.config(&["--name-only", "--get-regexp", r"^watch\."]);
        let name = |key: &String| Some(key.strip_prefix("watch.")?.rsplit_once('.')?.0.to_owned());
        let mut names: Vec<String> = keys.iter().filter_map(name).collect();
        names.sort();
        names.dedup();
        let has_upstream = !self.config(&["--get", "remote.upstream.url"]).is_empty();
        let implicit = names.is_empty() && has_upstream;
        if implicit {
            names.push("upstream".to_owned());
        }
        let told = |name: String| {
            let event = self.get(&name, "event").unwrap_or_else(|| "release".to_owned());
            let policy = if event == "release" { "each" } else { "latest" };
            let mut dispatch = Vec::new();
            for target in self.list(&name, "dispatch") {
                if target != "none" && !dispatch.contains(&target) {
                    dispatch.push(target);
                }
            }
            let mut told = json!({
                "watch": name,
                "event": event,
                "dispatch": dispatch,
                "policy": self.get(&name, "policy").unwrap_or_else(|| policy.to_owned()),
                "fork": self.get(&name, "fork").unwrap_or_else(|| "origin".to_owned()),
                "implicit": implicit,
            });
            let remote = self.get(&name, "remote");
            let feed = self.get(&name, "feed");
            let remote = remote.or_else(|| (feed.is_none() && has_upstream).then(|| "upstream".to_owned()));
            for (key, value) in [("remote", remote), ("branch", self.get(&name, "branch"))] {
                if let Some(value) = value {
                    told[key] = Value::from(value);
                }
            }
            (name, told)
        };
        names.into_iter().map(told).collect()
    }

    /// What it says of each watch.
    #[track_caller]
    fn listed(&self) -> BTreeMap<String, Value> {
        let output = self.patch(&["watch", "list", "--json"]).succeeded();
        let line = |line: &str| {
            let mut told: Value = serde_json::from_str(line).unwrap();
            told.as_object_mut().unwrap().remove("source").expect("each has a source");
            (told["watch"].as_str().unwrap().to_owned(), told)
        };
        output.stdout.lines().map(line).collect()
    }

    /// Compares the watches with Git's own word, and returns their names.
    #[track_caller]
    fn agrees(&self) -> Vec<String> {
        let expected = self.expected();
        assert_eq!(self.listed(), expected);
        assert!(!expected.is_empty(), "the situation shows no watch");
        expected.into_keys().collect()
    }

    /// The whole job: the watches are Git's, and a poll records, runs the command and pushes the branch,
    /// each once.
    #[track_caller]
    fn does_the_job(&self) {
        let names = self.agrees();
        let output = self.patch(&["poll", "--backfill", "1"]).succeeded();
        let environment = &self.scene.environment;
        let mut branches = "refs/heads/main".to_owned();
        for name in &names {
            let says = |words: &str| assert!(output.stdout.contains(&format!("{name}: v1.0.0{words}")), "{output}");
            says(" is new");
            says(" -> command: completed");
            says(" -> trigger-branch: completed: pushed ");
            let id = format!("{{\"id\":\"patch:{name}:v1.0.0:upstream.release\"");
            assert_eq!(environment.read("events").matches(&id).count(), 1, "{output}");
            write!(branches, "\nrefs/heads/{}", pushed(&output.stdout, name)).unwrap();
        }
        let forge = |args: &[&str]| environment.git("forge.git", args);
        assert_eq!(forge(&["for-each-ref", "--format=%(refname)"]), branches);
        for branch in branches.lines().skip(1) {
            assert_eq!(forge(&["rev-parse", &format!("{branch}^")]), forge(&["rev-parse", "main"]));
            assert_eq!(forge(&["rev-parse", &format!("{branch}^{{tree}}")]), forge(&["rev-parse", "main^{tree}"]));
        }
        forge(&["fsck", "--strict", "--no-progress"]);
        // it is known from now on, from the same ledger
        assert_eq!(self.patch(&["poll"]).to_string(), "status: 0\n");
        // a clone of the forge's gets the event back, as the forge's own runner does
        let event = self.patch(&["event", &format!("patch:{}:v1.0.0:upstream.release", names[0])]).succeeded();
        let branch = pushed(&output.stdout, &names[0]);
        environment.git("", &["clone", "--quiet", "--branch", &branch, "forge.git", "runner"]);
        let read = environment.patch(&["event", "HEAD"]).in_dir("runner").env("PATCH_STATE_DIR", "/nowhere").success();
        assert_eq!(read.stdout, event.stdout);
    }

    /// Nothing is done, and why is said in these words.
    #[track_caller]
    fn is_refused(&self, words: &str) {
        let output = self.patch(&["poll"]);
        assert_ne!(output.status, 0, "{output}");
        assert!(output.stderr.starts_with("error: ") && output.stderr.contains(words), "{output}");
        assert!(output.stderr.contains("\nhint: "), "{output}");
        assert_eq!(output.stdout, "");
    }
}

/// The branch that was pushed for the watch, as the output tells it.
fn pushed(stdout: &str, name: &str) -> String {
    let start = format!("{name}: v1.0.0 -> trigger-branch: completed: pushed ");
    stdout.lines().find_map(|line| line.strip_prefix(&start)).unwrap().to_owned()
}

/// Whether Git makes such a repository; if not, says so, as of a program that is not installed.
fn makes(environment: &Environment, option: &str) -> bool {
    let made = environment.run("git", &["init", "--quiet", option, &format!("probe{option}")]).run().status == 0;
    if !made {
        assert!(std::env::var_os("PATCH_TEST_SKIP").is_none_or(|value| value != "never"), "git has no {option}");
        let _ = writeln!(io::stderr(), "SKIPPED a test: this git has no {option}");
    }
    made
}

#[test]
fn files_of_every_scope() {
    let scene = Scene::with_fork();
    let file = scene.environment.write("etc/gitconfig", &scene.lines("sys"));
    scene.environment.write("home/.gitconfig", &scene.lines("user"));
    scene.environment.write("home/.config/git/config", &scene.lines("xdg"));
    scene.configure("fork", &["--local"], "own");
    let with_system = scene.at("fork").env("GIT_CONFIG_NOSYSTEM", "0").env("GIT_CONFIG_SYSTEM", &file);
    assert_eq!(with_system.agrees(), ["own", "sys", "user", "xdg"]);
    let without = with_system.clone().env("GIT_CONFIG_NOSYSTEM", "true");
    assert_eq!(without.agrees(), ["own", "user", "xdg"]);
    let other = scene.environment.write("etc/other", &scene.lines("other"));
    assert_eq!(with_system.clone().env("GIT_CONFIG_GLOBAL", &other).agrees(), ["other", "own", "sys"]);
    assert_eq!(with_system.clone().env("GIT_CONFIG_GLOBAL", "/dev/null").agrees(), ["own", "sys"]);
    assert_eq!(with_system.clone().env("HOME", "/nowhere").env("XDG_CONFIG_HOME", "").agrees(), ["own", "sys"]);
    // as for `git config --list`, it takes the place of all others
    assert_eq!(with_system.clone().env("GIT_CONFIG", &other).agrees(), ["other"]);
    with_system.does_the_job();
}

#[test]
fn the_worktrees_own_configuration() {
    let scene = Scene::with_fork();
    scene.environment.git("fork", &["config", "extensions.worktreeConfig", "true"]);
    scene.environment.git("fork", &["worktree", "add", "--quiet", "../linked"]);
    scene.configure("linked", &["--worktree"], "linked");
    scene.at("fork").is_refused("there is no watch");
    scene.configure("fork", &["--worktree"], "main");
    assert_eq!(scene.at("fork").agrees(), ["main"]);
    scene.configure("fork", &["--local"], "both");
    assert_eq!(scene.at("fork").agrees(), ["both", "main"]);
    assert_eq!(scene.at("linked").agrees(), ["both", "linked"]);
    scene.at("linked").does_the_job();
}

#[test]
fn the_environment_and_the_command_line() {
    let scene = Scene::with_fork();
    let mut counted = scene.at("fork").env("GIT_CONFIG_COUNT", "4");
    let mut words = Vec::new();
    for (index, (key, value)) in scene.watch("env").into_iter().enumerate() {
        counted = counted.env(&format!("GIT_CONFIG_KEY_{index}"), key).env(&format!("GIT_CONFIG_VALUE_{index}"), value);
    }
    for (key, value) in scene.watch("c") {
        words.extend(["-c".to_owned(), format!("{key}={value}")]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    counted.agrees();
    assert_eq!(counted.clone().through_git(&words).agrees(), ["c", "env"]);
    // a count that promises more than there is: Git stops, and so do we
    counted.clone().env("GIT_CONFIG_COUNT", "5").is_refused("GIT_CONFIG_KEY_4");
    counted.clone().env("GIT_CONFIG_COUNT", "x").is_refused("GIT_CONFIG_COUNT");
    counted.clone().env("GIT_CONFIG_PARAMETERS", "'unclosed").is_refused("GIT_CONFIG_PARAMETERS");
    let by_variable = scene.at("fork").env("NAME", "each").through_git(&words);
    by_variable.through_git(&["--config-env=watch.c.policy=NAME"]).does_the_job();
    counted.does_the_job_again();
}

impl Situation<'_> {
    /// As [`Situation::does_the_job`], after another situation of the same scene.
    #[track_caller]
    fn does_the_job_again(&self) {
        let environment = &self.scene.environment;
        environment.run("rm", &["-rf", "runner", "events", "state"]).success();
        for branch in environment.git("forge.git", &["for-each-ref", "--format=%(refname)"]).lines() {
            if branch != "refs/heads/main" {
                environment.git("forge.git", &["update-ref", "-d", branch]);
            }
        }
        self.does_the_job();
    }
}

#[test]
fn an_alias_of_the_users() {
    let scene = Scene::with_fork();
    let environment = &scene.environment;
    scene.configure("fork", &[], "up");
    environment.git("fork", &["config", "alias.patch", &format!("!{}", env!("CARGO_BIN_EXE_patch"))]);
    environment.git("fork", &["worktree", "add", "--quiet", "../linked"]);
    environment.write("linked/below/file", "");
    let poll = ["-c", "patch.dispatch=", "-c", "watch.up.dispatch=", "patch", "poll", "--backfill", "1"];
    let output = environment.run("git", &poll).in_dir("linked/below").success();
    assert!(output.stdout.contains("up: v1.0.0 is new") && !output.stdout.contains("->"), "{output}");
    let list = ["-c", "watch.two.remote=origin", "patch", "watch", "list", "--json"];
    let output = environment.run("git", &list).in_dir("linked/below").success();
    assert_eq!(output.stdout.lines().count(), 2, "{output}");
}

#[test]
fn included_files_of_every_kind() {
    let scene = Scene::with_fork();
    let environment = &scene.environment;
    for name in ["path", "chained", "gitdir", "icase", "branch", "url", "never", "home"] {
        environment.write(format!("inc/{name}"), &scene.lines(name));
    }
    environment.write("inc/first", "[include]\n\tpath = chained\n");
    environment.write("home/own", "[include]\n\tpath = ~/../inc/home\n");
    let root = environment.root().to_str().unwrap();
    for (key, file) in [
        ("include.path", "../../inc/path"),
        ("include.path", "../../inc/first"),
        ("include.path", "../../inc/no-such-file"),
        ("include.path", "~/own"),
        (&format!("includeIf.gitdir:{root}/fork/.path"), "../../inc/gitdir"),
        (&format!("includeIf.gitdir/i:{root}/FORK/.path"), "../../inc/icase"),
        ("includeIf.gitdir:/nowhere/.path", "../../inc/never"),
        ("includeIf.onbranch:topic/**.path", "../../inc/branch"),
        ("includeIf.onbranch:other.path", "../../inc/never"),
        ("includeIf.hasconfig:remote.*.url:file://**/forge.git.path", "../../inc/url"),
        ("includeIf.hasconfig:remote.*.url:https://elsewhere/**.path", "../../inc/never"),
        ("includeIf.unheard-of:x.path", "../../inc/never"),
    ] {
        environment.git("fork", &["config", "--add", key, file]);
    }
    let fork = scene.at("fork");
    assert_eq!(fork.agrees(), ["chained", "gitdir", "home", "icase", "path", "url"]);
    environment.git("fork", &["checkout", "--quiet", "-b", "topic/x"]);
    assert_eq!(fork.agrees(), ["branch", "chained", "gitdir", "home", "icase", "path", "url"]);
    fork.does_the_job();
    // from the command line only by an absolute path, as for Git
    let include = format!("include.path={root}/inc/never");
    assert!(fork.clone().through_git(&["-c", &include]).agrees().contains(&"never".to_owned()));
    let counted = fork.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "include.path");
    counted.env("GIT_CONFIG_VALUE_0", "inc/never").is_refused("relative config includes must come from files");
    environment.write("inc/path", "[include]\n\tpath = path\n");
    scene.at("fork").is_refused("exceeded maximum include depth");
}

#[test]
fn bare_repositories_and_mirrors() {
    let scene = Scene::new();
    scene.clone(&["--bare"], "bare.git");
    scene.configure("bare.git", &[], "up");
    scene.at("bare.git").does_the_job();
    scene.at("bare.git/refs").agrees();
    scene.clone(&["--mirror"], "mirror.git");
    scene.configure("mirror.git", &[], "up");
    scene.at("mirror.git").does_the_job_again();
    let explicit =
        [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.bareRepository"), ("GIT_CONFIG_VALUE_0", "explicit")];
    let careful = explicit.iter().fold(scene.at("bare.git"), |at, (key, value)| at.env(key, value));
    careful.is_refused("safe.bareRepository");
    careful.env("GIT_DIR", ".").does_the_job_again();
}

#[test]
fn worktrees_and_subdirectories() {
    let scene = Scene::with_fork();
    scene.configure("fork", &[], "up");
    scene.environment.git("fork", &["worktree", "add", "--quiet", "-b", "topic", "../linked work"]);
    scene.environment.write("linked work/below/file", "");
    scene.at("linked work/below").does_the_job();
    // all worktrees share what is known
    assert_eq!(scene.at("fork").patch(&["poll"]).to_string(), "status: 0\n");
    scene.at("fork/.git/refs").does_the_job_again();
    scene.at("").option(&["-C", "fork"]).does_the_job_again();
    scene.at("fork/.git").option(&["-C", "../../linked work/below"]).agrees();
    scene.at("").option(&["-C", "no-such"]).is_refused("there is no directory");
}

#[test]
fn submodules() {
    let scene = Scene::new();
    let environment = &scene.environment;
    environment.repository("super");
    environment.commit("super", "file", "super\n");
    let url = format!("file://{}", environment.path("forge.git").display());
    environment.git("super", &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "lib"]);
    scene.configure("super/lib", &[], "up");
    scene.at("super/lib").does_the_job();
    scene.at("super").is_refused("there is no watch");
}

#[test]
fn the_repository_that_the_environment_names() {
    let scene = Scene::with_fork();
    scene.configure("fork", &[], "up");
    scene.environment.write("elsewhere/file", "");
    let named = scene.at("elsewhere").env("GIT_DIR", scene.environment.path("fork/.git"));
    named.clone().env("GIT_WORK_TREE", scene.environment.path("fork")).does_the_job();
    named.clone().does_the_job_again();
    scene.at("fork").env("GIT_DIR", ".git").env("GIT_WORK_TREE", ".").does_the_job_again();
    scene.at("").env("GIT_DIR", ".git").option(&["-C", "fork"]).agrees();
    scene.at("fork").env("GIT_DIR", "/nowhere").is_refused("/nowhere is no Git repository");
    // objects and refs elsewhere, as in `git worktree` by hand
    scene.environment.git("", &["init", "--quiet", "--separate-git-dir", "away.git", "apart"]);
    scene.environment.git("apart", &["remote", "add", "origin", scene.environment.path("forge.git").to_str().unwrap()]);
    scene.configure("apart", &[], "up");
    scene.at("apart").does_the_job_again();
}

#[test]
fn the_search_for_a_repository_ends_where_git_ends_it() {
    let scene = Scene::with_fork();
    scene.configure("fork", &[], "up");
    scene.environment.write("fork/a/b/file", "");
    scene.at("fork/a/b").agrees();
    let ceiling = scene.environment.path("fork/a");
    scene.at("fork/a/b").env("GIT_CEILING_DIRECTORIES", &ceiling).is_refused("is not in a Git repository");
    scene
        .at("fork/a")
        .env("GIT_CEILING_DIRECTORIES", scene.environment.path("fork"))
        .is_refused("not in a Git repository");
    scene.at("fork").env("GIT_CEILING_DIRECTORIES", scene.environment.path("fork")).does_the_job();
}

#[test]
fn repositories_of_every_format() {
    for variables in [
        &[("GIT_DEFAULT_REF_FORMAT", "reftable")][..],
        &[("GIT_DEFAULT_HASH", "sha256")],
        &[("GIT_DEFAULT_HASH", "sha256"), ("GIT_DEFAULT_REF_FORMAT", "reftable")],
    ] {
        let environment = variables.iter().fold(Environment::new(), |e, (key, value)| e.env(key, value));
        if !makes(&environment, "--ref-format=reftable") || !makes(&environment, "--object-format=sha256") {
            return;
        }
        let scene = Scene::of(environment);
        scene.clone(&[], "fork");
        scene.configure("fork", &[], "up");
        let (hash, refs) = (["rev-parse", "--show-object-format"], ["rev-parse", "--show-ref-format"]);
        let formats = [("GIT_DEFAULT_HASH", hash), ("GIT_DEFAULT_REF_FORMAT", refs)];
        for (name, question) in formats {
            if let Some((_, format)) = variables.iter().find(|(key, _)| *key == name) {
                assert_eq!(scene.environment.git("fork", &question), *format);
            }
        }
        let fork = scene.at("fork");
        fork.does_the_job();
        // a branch watch asks for ancestry: what was rewritten is told from what went on
        scene
            .environment
            .git("fork", &["config", "watch.main.remote", scene.environment.path("upstream").to_str().unwrap()]);
        scene.environment.git("fork", &["config", "watch.main.event", "branch"]);
        fork.patch(&["poll"]).succeeded();
        scene.environment.commit("upstream", "file", "three\n");
        let output = fork.patch(&["poll"]).succeeded();
        assert!(output.stdout.starts_with("main: ") && output.stdout.ends_with(" is new\n"), "{output}");
        scene.environment.git("upstream", &["reset", "--quiet", "--hard", "HEAD~2"]);
        scene.environment.commit("upstream", "file", "other\n");
        let output = fork.patch(&["poll"]).succeeded();
        assert!(output.stdout.starts_with("main: the branch was rewritten: "), "{output}");
    }
}

#[test]
fn an_extension_that_only_git_knows() {
    let scene = Scene::with_fork();
    scene.configure("fork", &[], "up");
    scene.environment.git("fork", &["config", "core.repositoryFormatVersion", "1"]);
    scene.environment.git("fork", &["config", "extensions.preciousObjects", "true"]);
    scene.at("fork").does_the_job();
    scene.environment.git("fork", &["config", "extensions.unheardOf", "true"]);
    scene.at("fork").is_refused("unknown repository extension");
}

#[test]
fn clones_that_hold_a_part_only() {
    let scene = Scene::new();
    for (number, options) in
        [&["--depth=1"][..], &["--filter=blob:none"], &["--filter=tree:0", "--no-checkout"], &["--depth=1", "--bare"]]
            .into_iter()
            .enumerate()
    {
        let clone = format!("clone{number}");
        scene.clone(options, &clone);
        scene.configure(&clone, &[], "up");
        scene.at(&clone).does_the_job_again();
        // the stack's head is somebody else's, and not here yet
        scene.environment.run("rm", &["-rf", "other"]).success();
        scene.environment.git("", &["clone", "--quiet", "forge.git", "other"]);
        scene.environment.commit("other", "file", &format!("{clone}\n"));
        scene.environment.git("other", &["push", "--quiet", "origin", "main"]);
        scene.at(&clone).does_the_job_again();
    }
    scene.environment.git("", &["clone", "--quiet", "--shared", "forge.git", "shared"]);
    scene.configure("shared", &[], "up");
    scene.at("shared").does_the_job_again();
}

#[test]
fn paths_of_every_kind() {
    let scene = Scene::new();
    let paths: [&[u8]; 6] = [
        b"a fork",
        b"-fork",
        b"fork\nwith\nlines",
        b"f\xf6rk",
        b"'fork' $(touch x) \"`y`\"",
        "f\u{f6}rk \u{202e}".as_bytes(),
    ];
    for path in paths {
        let path = OsStr::from_bytes(path);
        let clone = scene.clone(&[], path);
        scene.configure(&clone, &[], "up");
        scene.at(&clone).does_the_job_again();
        let bare = OsString::from_iter([path, OsStr::new(".git")]);
        let bare = scene.clone(&["--bare"], bare);
        scene.configure(&bare, &[], "up");
        scene.at(&bare).agrees();
    }
    scene.environment.git("a fork", &["worktree", "add", "--quiet", "--detach", "../linked\nwork"]);
    scene.at("linked\nwork").does_the_job_again();
    scene.at("").option(&["-C", "./-fork"]).agrees();
    scene.at("").option(&["-C", "-fork"]).agrees();
    scene.at("").option(&["-C", "fork\nwith\nlines"]).agrees();
    assert!(!scene.environment.path("x").exists() && !scene.environment.path("a fork/x").exists());
    // two that differ only in bytes that are not UTF-8 have each their own ledger
    for byte in [0xe8, 0xe9] {
        let path = [b"caf", &[byte][..]].concat();
        let clone = scene.clone(&[], OsStr::from_bytes(&path));
        scene.configure(&clone, &[], "up");
        let output = scene.at(&clone).patch(&["poll"]).succeeded();
        assert!(output.stdout.starts_with("up: first sight: "), "{output}");
    }
}

#[test]
fn a_repository_of_another_owner() {
    let scene = Scene::with_fork();
    scene.configure("fork", &[], "up");
    let is_root = scene.environment.run("id", &["-u"]).success().stdout == "0\n";
    if !is_root {
        let _ = writeln!(io::stderr(), "SKIPPED a test: only root can give a repository away");
        return;
    }
    scene.environment.run("chown", &["-R", "12345:12345", "fork"]).success();
    let fork = scene.at("fork");
    let path = scene.environment.path("fork");
    let told = fork.patch(&["poll"]);
    assert!(told.stderr.starts_with("error: detected dubious ownership in repository at '$TEMP/fork'"), "{told}");
    assert!(told.stderr.contains("git config --global --add safe.directory $TEMP/fork"), "{told}");
    fork.is_refused("dubious ownership");
    fork.clone().option(&["-C", "."]).is_refused("dubious ownership");
    for command in [&["status"][..], &["event", "HEAD"], &["watch", "list"]] {
        assert!(fork.patch(command).stderr.contains("dubious ownership"), "{command:?}");
    }
    assert!(!scene.environment.path("state").exists());
    // trusted by the repository itself, it is not: that is for its user to say
    scene.environment.run("git", &["config", "--file", "fork/.git/config", "safe.directory", "*"]).success();
    fork.is_refused("dubious ownership");
    let trust = ["config", "--global", "--add", "safe.directory", path.to_str().unwrap()];
    scene.environment.run("git", &trust).success();
    fork.does_the_job();
}

#[test]
fn values_of_every_shape() {
    let scene = Scene::with_fork();
    let text = scene.text(
        "# [watch \"commented\"]\n; remote = x\n\
         [Watch \"Name.With.Dots\"] Remote = ROOT/upstream # behind\n\tDISPATCH = command ; and a comment\n\
         \tcommand = \"ROOT/bin/runner\" \\\n\t\t'one word' \\\n\t\t\\\"two words\\\"\n\
         [watch \"Name.With.Dots\"]\n\tpayload = \"quoted = # \\\"; \\n\\t\\\\ \"\n\tpayload = a=b\n\tpreRelease\n\
         [watch \"up\"]\n\tremote=ROOT/upstream\n\tevent = \"branch\"\n\tbranch = ma\"i\"n\n\
         \tdispatch = trigger-branch\n\tdispatch =\n\tdispatch = command\n\tcommand = x\n\
         [watch \"\\u\\p2\"]\n\tremote = ROOT/upstream\n\tprerelease = \n\
         [watch.LOWER]\n\tremote = ROOT/upstream\n\
         [patch]\n\tdispatch = trigger-branch\n\tpolicy = latest\n",
    );
    let config = scene.environment.read("fork/.git/config");
    scene.environment.write("fork/.git/config", &format!("{config}{text}"));
    let fork = scene.at("fork");
    assert_eq!(fork.agrees(), ["Name.With.Dots", "lower", "up", "up2"]);
    assert_eq!(fork.listed()["up"]["dispatch"], json!(["command"]));
    // several names that Git tells apart, and we do not
    let twin = scene.text("watch.UP.remote=ROOT/upstream");
    fork.clone().through_git(&["-c", &twin]).is_refused("differs from `UP` only in case");
    let set = |key: &[u8], value: &[u8]| {
        let fork = fork.clone().env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", OsStr::from_bytes(key));
        fork.env("GIT_CONFIG_VALUE_0", OsStr::from_bytes(value))
    };
    for (key, value, words) in [
        ("watch.up.command", "", "it is empty"),
        ("watch.up.feed", "", "it is not a URL"),
        ("watch.up.remote", "", "it is empty"),
        ("watch.up.remote", "../line\nend", "control"),
        ("watch.a b.remote", "origin", "a watch name is"),
        ("watch.a\nb.remote", "origin", "invalid key (newline)"),
        ("watch..remote", "origin", "a watch name is"),
    ] {
        set(key.as_bytes(), value.as_bytes()).is_refused(words);
    }
    set(b"watch.up.stack", b"caf\xe9").is_refused("it is not UTF-8");
    set(b"watch.caf\xe9.remote", b"origin").is_refused("a watch name is");
    for key in ["watch.lower.tags", "watch.up.command", "patch.dispatch"] {
        fork.clone().through_git(&["-c", key]).is_refused(&format!("error: {key} (command line): it has no value"));
    }
    let output = fork.patch(&["poll", "--backfill", "1", "Name.With.Dots"]).succeeded();
    assert!(output.stdout.contains("Name.With.Dots: v1.0.0 -> command: completed"), "{output}");
    let event: Value = serde_json::from_str(scene.environment.read("events").lines().next().unwrap()).unwrap();
    assert_eq!(event["payload"]["quoted"], "# \"; \n\t\\");
    assert_eq!(event["payload"]["a"], "b");
}
