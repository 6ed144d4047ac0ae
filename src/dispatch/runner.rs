//! Runs that are spawned: a codex-flow runner, any command, or this very program to carry.

use super::{
    plan::Due,
    result::{self, Candidate, Expect, Provenance, Status, StepOutcome},
};
use crate::{
    child::{self, Captured, Input, Limits},
    ledger::lock::Lock,
    private, refname, text,
    watch::{Target, Watch},
    workspace::Workspace,
};
use std::{
    env,
    ffi::{OsStr, OsString},
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// What the default runner of flows is called.
pub const RUNNER: &str = "codex-flow-runner";
/// The most of one stream that is kept, in bytes: a result document is a few kilobytes.
const OUTPUT: usize = 1 << 20;

/// What a carry may take beyond its watch's `timeout`, which it keeps itself: it then says what took
/// so long, and ends what it has started.
const CARRY_GRACE: Duration = Duration::from_secs(30);

/// What ties a `git` to one repository: `git rev-parse --local-env-vars` without the configuration,
/// which is the user's wish, and what receive-pack tells its hooks.
pub(crate) const REPOSITORY_VARIABLES: [&str; 12] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// How an attempt ended.
#[derive(Debug)]
pub struct Ran {
    /// What came of it.
    pub status: Status,
    /// What is to be said of it, one line.
    pub message: Option<String>,
    /// How the process ended.
    pub exit: Option<String>,
    /// What each step of a flow reported.
    pub steps: Vec<StepOutcome>,
    /// The refs that hold its results.
    pub candidates: Vec<Candidate>,
    /// How these came about.
    pub provenance: Provenance,
    /// The branch where a person has to decide.
    pub intervention: Option<Candidate>,
    /// The branch that was pushed.
    pub reference: Option<String>,
    /// The commit that was pushed.
    pub sha: Option<String>,
    /// Its output's file, in the state directory.
    pub log: Option<String>,
    /// The file with the report of a carry in full, in the state directory.
    pub report: Option<String>,
}

impl Ran {
    /// An attempt that came to nothing.
    #[must_use]
    pub fn failed(message: String) -> Self {
        Self {
            status: Status::Failed,
            message: Some(message),
            exit: None,
            steps: Vec::new(),
            candidates: Vec::new(),
            provenance: Provenance::default(),
            intervention: None,
            reference: None,
            sha: None,
            log: None,
            report: None,
        }
    }
}

/// Spawns the watch's runner or command with the event, and waits for its end.
///
/// codex-flow: `<command> --cwd <worktree> fire --event <absolute file>`, nothing on standard
/// input. command: its own words, the event on standard input. carry: this program, `carry --event
/// <absolute file>`. All find the event's file in `PATCH_EVENT_FILE` and its id in `PATCH_EVENT_ID`;
/// none gets feed text in its arguments.
#[must_use]
pub fn spawn(workspace: &Workspace, watch: &Watch, input: &Lock, due: &Due) -> Ran {
    let document = due.signal.event.document();
    let (name, event_file) = (name(&due.id, due.target), event_file(workspace, &due.id, due.target));
    let scratch = format!(".{}.new", watch.name);
    if let Err(error) = private::replace(&event_file, &scratch, document.as_bytes()) {
        return Ran::failed(format!("cannot write the event to {}: {error}", event_file.display()));
    }
    let words = match words(watch, due.target) {
        Ok(words) => words,
        Err(error) => return Ran::failed(format!("cannot find this program's own file: {error}")),
    };
    let mut command = command(workspace.work_dir(), &words);
    command.env("PATCH_EVENT_ID", &due.id).env("PATCH_EVENT_FILE", &event_file);
    let report = PathBuf::from("runs").join(format!("{name}-{}.json", due.attempt));
    let mut timeout = watch.timeout;
    let (given, expect) = match due.target {
        Target::Carry => {
            command.arg("carry").arg("--watch").arg(watch.name.as_str()).arg("--event").arg(&event_file);
            command.arg("--report").arg(workspace.places.state.join(&report));
            timeout = timeout.saturating_add(CARRY_GRACE);
            ("", Expect::FlowDocument)
        }
        Target::CodexFlow => {
            command.arg("--cwd").arg(workspace.work_dir()).arg("fire").arg("--event").arg(&event_file);
            ("", Expect::FlowDocument)
        }
        _ => (document.as_str(), Expect::PlainProgram),
    };
    let given = match input.input(given.as_bytes()) {
        Ok(file) => Input::File(file),
        Err(error) => return Ran::failed(format!("cannot write the event for the run's standard input: {error}")),
    };
    let ran = child::run(command, given, Limits { timeout, output: OUTPUT });
    // The event can be printed again from the ledger at any time.
    let _ = fs::remove_file(&event_file);
    let finished = match ran {
        Ok(finished) => finished,
        Err(error) => {
            let (message, hint) = child::describe_spawn_error(&words[0], &error);
            return Ran::failed(format!("{message}; {hint}"));
        }
    };
    let log = write_log(&workspace.places.state, &format!("{name}-{}.log", due.attempt), &scratch, &finished);
    let report = Some(report).filter(|file| due.target == Target::Carry && workspace.places.state.join(file).is_file());
    let outcome = result::outcome(&finished.exit, &finished.stdout, expect, &due.id);
    Ran {
        status: outcome.status,
        message: outcome.message.or_else(|| said(outcome.status, &finished.stderr)),
        exit: Some(finished.exit.to_string()),
        steps: outcome.steps,
        candidates: outcome.candidates,
        provenance: outcome.provenance,
        intervention: outcome.intervention,
        reference: None,
        sha: None,
        log: log.ok(),
        report: report.map(|file| file.to_string_lossy().into_owned()),
    }
}

/// Takes away the event's file where a `patch` was killed during the last attempt that is made.
pub fn forget(workspace: &Workspace, id: &str, target: Target) {
    let _ = fs::remove_file(event_file(workspace, id, target));
}

/// What the files of a delivery are called.
fn name(id: &str, target: Target) -> String {
    format!("{}-{target}", &refname::hash(id)[..16])
}

fn event_file(workspace: &Workspace, id: &str, target: Target) -> PathBuf {
    workspace.places.state.join("events").join(format!("{}.json", name(id, target)))
}

/// The program and its own arguments.
fn words(watch: &Watch, target: Target) -> io::Result<Vec<OsString>> {
    if target == Target::Carry {
        return Ok(vec![env::current_exe()?.into_os_string()]);
    }
    let words = watch.command.as_ref().map(|words| words.iter().map(OsString::from).collect());
    Ok(words.unwrap_or_else(|| vec![RUNNER.into()]))
}

/// A program of the user's with its own arguments, to be started in the repository.
///
/// # Panics
/// If there are no words.
pub(crate) fn command(work_dir: &Path, words: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(words.first().expect("a command has words"));
    command.args(&words[1..]).current_dir(work_dir);
    // Set where Git started `patch` itself, as an alias or from a hook: they would tie the run's
    // own `git` to that repository, index and worktree (git(1), "Environment Variables").
    for name in REPOSITORY_VARIABLES {
        command.env_remove(name);
    }
    command
}

/// For a failure without a message: the last words on standard error.
fn said(status: Status, stderr: &Captured) -> Option<String> {
    if !super::is_failure(status) {
        return None;
    }
    let text = stderr.lossy();
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(text::clipped(&text::printable(line), 500).to_owned())
}

/// Keeps both streams in a file; returns its name in the state directory.
pub(crate) fn write_log(state: &Path, name: &str, scratch: &str, finished: &child::Finished) -> io::Result<String> {
    let mut log = String::new();
    for (stream, captured) in [("standard output", &finished.stdout), ("standard error", &finished.stderr)] {
        let text = captured.lossy();
        if !text.is_empty() {
            let end = if text.ends_with('\n') { "" } else { "\n" };
            write!(log, "--- {stream}\n{text}{end}").expect("a String takes every character");
        }
    }
    writeln!(log, "--- {}", finished.exit).expect("a String takes every character");
    let file = PathBuf::from("runs").join(name);
    private::replace(&state.join(&file), scratch, log.as_bytes())?;
    Ok(file.to_string_lossy().into_owned())
}
