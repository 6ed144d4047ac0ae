//! The world a test runs in: its own directory, home, clock and Git identity, and nothing else.

use expect_test::Expect;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io::{self, Seek, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The time of every commit and of the program's own clock.
pub const NOW: &str = "2026-01-02T03:04:05Z";

/// A temporary directory, and the variables that children start with.
///
/// Children see nothing of the tester's own environment but PATH: no configuration of Git, no
/// colour, no language, no time zone. A path given to a method is taken from [`Environment::root`].
#[must_use]
pub struct Environment {
    root: PathBuf,
    variables: Vec<(OsString, OsString)>,
    _directory: TempDir,
}

impl Environment {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let environment = Self { root, variables: Vec::new(), _directory: directory };
        fs::create_dir_all(environment.path("home/tmp")).unwrap();
        let home = |path: &str| environment.path("home").join(path);
        let variables = [
            ("HOME", environment.path("home")),
            ("TMPDIR", home("tmp")),
            ("XDG_CACHE_HOME", home(".cache")),
            ("XDG_CONFIG_HOME", home(".config")),
            ("XDG_DATA_HOME", home(".local/share")),
            ("XDG_STATE_HOME", home(".local/state")),
            ("XDG_RUNTIME_DIR", home("run")),
            ("SYSTEMD_UNIT_PATH", home("units")),
            ("GIT_CEILING_DIRECTORIES", environment.root.clone()),
        ];
        let words = [
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
            ("TERM", "dumb"),
            ("NO_COLOR", "1"),
            ("PATCH_NOW", NOW),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_AUTHOR_NAME", "Ann Author"),
            ("GIT_AUTHOR_EMAIL", "ann@example.org"),
            ("GIT_AUTHOR_DATE", NOW),
            ("GIT_COMMITTER_NAME", "Carl Committer"),
            ("GIT_COMMITTER_EMAIL", "carl@example.org"),
            ("GIT_COMMITTER_DATE", NOW),
        ];
        let environment = variables.into_iter().fold(environment, |e, (key, value)| e.env(key, value));
        let environment = words.into_iter().fold(environment, |e, (key, value)| e.env(key, value));
        // The tester's own crontab is none of a test's business.
        let path = environment.path_with(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/bin"));
        environment.env("PATH", path)
    }

    /// A search path with this directory first, and then the tester's.
    pub fn path_with(&self, directory: &str) -> OsString {
        let own = self.path(directory);
        let rest = std::env::var_os("PATH").unwrap_or_default();
        std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&rest))).unwrap()
    }

    /// Puts our program on PATH under the name `patch`, before all others: `front/patch`.
    pub fn in_front(self) -> Self {
        self.link("front/patch");
        let path = self.path_with("front");
        self.env("PATH", path)
    }

    /// Makes a symbolic link to our program.
    pub fn link(&self, path: impl AsRef<Path>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_patch"), path).unwrap();
    }

    /// Sets a variable for every child to come; the last value of a name holds.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// The variables that children start with.
    pub fn variables(&self) -> impl Iterator<Item = (OsString, OsString)> {
        self.variables.iter().cloned()
    }

    /// The temporary directory, without symbolic links in its path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `path` inside the temporary directory.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// The text of a file.
    #[track_caller]
    pub fn read(&self, path: impl AsRef<Path>) -> String {
        let path = self.path(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Writes a file, and the directories above it.
    pub fn write(&self, path: impl AsRef<Path>, text: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes a program, such as a shell script with its `#!` line.
    ///
    /// A child makes the file: were it open for writing in this process, another test's child could
    /// inherit it at the wrong moment, and Linux runs no file that is open for writing (`ETXTBSY`).
    pub fn program(&self, path: impl AsRef<Path>, text: &str) -> PathBuf {
        let path = self.path(path);
        let source = self.write("home/tmp/program", text);
        self.run("install", &["-D", "-m", "755", source.to_str().unwrap(), path.to_str().unwrap()]).success();
        path
    }

    /// What `git` prints, without the last line end; a failure is the test's.
    #[track_caller]
    pub fn git(&self, directory: impl AsRef<Path>, args: &[&str]) -> String {
        self.run("git", args).in_dir(directory).run().succeeded().stdout.trim_end_matches('\n').to_owned()
    }

    /// A new repository with the branch `main` and no commit.
    pub fn repository(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = self.path(path);
        self.git("", &["init", "--quiet", "--initial-branch=main", path.to_str().unwrap()]);
        path
    }

    /// A bare clone of the repository `from`, for a remote that takes pushes.
    pub fn bare_clone(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> PathBuf {
        let (from, to) = (self.path(from), self.path(to));
        self.git("", &["clone", "--quiet", "--bare", from.to_str().unwrap(), to.to_str().unwrap()]);
        to
    }

    /// Writes `file` in a repository's checkout, commits it, and returns the commit's sha.
    #[track_caller]
    pub fn commit(&self, repository: impl AsRef<Path>, file: &str, text: &str) -> String {
        let repository = self.path(repository);
        self.write(repository.join(file), text);
        self.git(&repository, &["add", "--", file]);
        self.git(&repository, &["commit", "--quiet", "--message", &format!("Change {file}")]);
        self.git(&repository, &["rev-parse", "HEAD"])
    }

    /// Makes an annotated tag at HEAD.
    #[track_caller]
    pub fn tag(&self, repository: impl AsRef<Path>, name: &str) {
        self.git(repository, &["tag", "--annotate", "--message", name, "--", name]);
    }

    /// The program under test with these arguments, to be started with [`Run::run`].
    pub fn patch(&self, args: &[&str]) -> Run<'_> {
        self.run(env!("CARGO_BIN_EXE_patch"), args)
    }

    /// Any other program with these arguments.
    pub fn run(&self, program: impl AsRef<OsStr>, args: &[&str]) -> Run<'_> {
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(self.variables.iter().cloned()).current_dir(&self.root);
        Run { environment: self, command, stdin: Vec::new() }
    }
}

/// A child that is yet to be started, with no standard input and in the temporary directory.
#[must_use]
pub struct Run<'a> {
    environment: &'a Environment,
    command: Command,
    stdin: Vec<u8>,
}

impl Run<'_> {
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub fn in_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(self.environment.path(directory));
        self
    }

    /// Waits for the child to end. It reads a file, so that neither side waits for the other.
    #[track_caller]
    pub fn run(mut self) -> Output {
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(&self.stdin).unwrap();
        input.rewind().unwrap();
        let output = self.command.stdin(Stdio::from(input)).output();
        let output = output.unwrap_or_else(|error| panic!("cannot run {:?}: {error}", self.command));
        let root = self.environment.root.to_str().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(root, "$TEMP");
        Output {
            status: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap()),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Waits for the child, whose failure is the test's.
    #[track_caller]
    pub fn success(self) -> Output {
        self.run().succeeded()
    }
}

/// How a child ended and what it said, with the temporary directory's path replaced by `$TEMP`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Output {
    /// The exit status; as in a shell, 128 more than the signal that killed it.
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Compares status and both outputs at once with a snapshot, which `UPDATE_EXPECT=1` rewrites.
    #[track_caller]
    pub fn is(&self, expected: &Expect) -> &Self {
        expected.assert_eq(&self.to_string());
        self
    }

    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.status, 0, "{self}");
        self
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "status: {}", self.status)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            match text.as_str() {
                "" => {}
                text if text.ends_with('\n') => write!(f, "--- {name}\n{text}")?,
                text => write!(f, "--- {name}, no line end\n{text}\n")?,
            }
        }
        Ok(())
    }
}

/// Whether `program` is on PATH; if not, says so where a captured test's output does not hide it.
///
/// With `PATCH_TEST_SKIP=never`, as `.ci/run` has it, that is a failure.
#[must_use]
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !found {
        skipped(&format!("`{program}` is not installed"));
    }
    found
}

/// Whether programs can be traced; if not, says so as [`is_installed`] does.
#[must_use]
pub fn can_trace() -> bool {
    if !is_installed("strace") {
        return false;
    }
    let environment = Environment::new();
    let may = environment.run("strace", &["-f", "-o", "trace", "true"]).run().status == 0;
    if !may {
        skipped("strace may not trace");
    }
    may
}

/// Says where a captured test's output does not hide it that a test needs what is not here; with
/// `PATCH_TEST_SKIP=never` it is a failure.
#[track_caller]
pub fn skipped(why: &str) {
    assert!(std::env::var_os("PATCH_TEST_SKIP").is_none_or(|value| value != "never"), "{why}");
    let _ = writeln!(io::stderr(), "SKIPPED a test: {why}");
}

#[test]
fn children_see_a_private_world() {
    let environment = Environment::new().env("EXTRA", "from the test");
    let variables = environment.run("env", &[]).success().stdout;
    for line in variables.lines().filter(|line| !line.starts_with("PATH=")) {
        let (key, value) = line.split_once('=').unwrap();
        assert!(!value.starts_with('/'), "{key} leads outside: {value}");
    }
    assert!(variables.contains("HOME=$TEMP/home\n"));
    assert!(variables.contains("EXTRA=from the test\n"));
}

#[test]
fn repositories_are_the_same_at_every_run() {
    let environment = Environment::new();
    let upstream = environment.repository("upstream");
    let sha = environment.commit(&upstream, "a", "one\n");
    assert_eq!(sha, "78a6e5a1da363da6a6732b806290a6b3ab2c76ca");
    environment.tag(&upstream, "v1");
    let fork = environment.bare_clone(&upstream, "fork.git");
    assert_eq!(environment.git(&fork, &["rev-parse", "v1^{commit}"]), sha);
}

#[test]
fn an_output_shows_status_stdout_and_stderr() {
    let environment = Environment::new();
    let script = environment.program("bin/script", "#!/bin/sh\npwd; cat; echo $WHO >&2; exit 3\n");
    environment.write("below/file", "");
    environment.run(script, &[]).stdin("a line").env("WHO", "me").in_dir("below").run().is(&expect_test::expect![[
        r#"
        status: 3
        --- stdout, no line end
        $TEMP/below
        a line
        --- stderr
        me
    "#
    ]]);
    assert_eq!(environment.run("sh", &["-c", "kill -9 $$"]).run().status, 137);
    assert_eq!(environment.patch(&["poll", "--no-such-option"]).run().status, 2);
    assert!(environment.root().is_absolute());
}
