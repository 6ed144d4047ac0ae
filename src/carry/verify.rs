//! `watch.<name>.verify`: the commands that a candidate must pass before anything is published.
//!
//! They run one after the other in a disposable worktree at exactly the candidate's commit. What
//! they change there counts for nothing: the next one finds the candidate's files again, beside
//! whatever was built from them.

use super::{
    id::CommitId,
    plan::Plan,
    report::Check,
    repository::Repository,
    worktree::{self, Worktree},
};
use crate::{
    child::{self, Exit, Input, Limits},
    dispatch::runner,
    private, refname, text,
    watch::Watch,
    workspace::{Failure, Workspace},
};
use std::{ffi::OsStr, path::Path, process, time::Instant};

/// The most of one stream that is kept, in bytes.
const OUTPUT: usize = 1 << 20;

/// The longest last line that is told, in bytes.
const LINE: usize = 300;

/// Runs the commands of a watch on a candidate, up to the first that it does not pass.
///
/// All together may take until `deadline`. Without commands there are no checks.
///
/// # Errors
/// When there can be no worktree, or a signal told us to end.
pub fn verify(
    workspace: &Workspace,
    repository: &Repository,
    watch: &Watch,
    plan: &Plan,
    candidate: &CommitId,
    deadline: Instant,
) -> Result<Vec<Check>, Failure> {
    if watch.verify.is_empty() {
        return Ok(Vec::new());
    }
    let left = || deadline.saturating_duration_since(Instant::now());
    let worktree = Worktree::at(workspace, repository, candidate, left())?;
    let event = event_file(&worktree, plan)?;
    let mut checks = Vec::new();
    for (index, words) in watch.verify.iter().enumerate() {
        let mut check = Check {
            command: text::printable(&shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default()),
            passed: false,
            exit: None,
            message: None,
            log: None,
        };
        let restored = if index == 0 { Ok(()) } else { restore(&worktree, candidate) };
        let input = worktree
            .input(b"")
            .map_err(|error| worktree::failed("cannot write the input of a command in", worktree.path(), error))?;
        let mut command = worktree.program(words);
        command.env("PATCH_CANDIDATE", candidate.as_str()).env("PATCH_ONTO", plan.onto.commit.as_str());
        // Those of a run that we are part of are about the same event, but its file may be gone.
        command.env_remove("PATCH_EVENT_ID").env_remove("PATCH_EVENT_FILE");
        if let Some((event, file)) = plan.event.as_ref().zip(event.as_deref()) {
            command.env("PATCH_EVENT_ID", &event.id).env("PATCH_EVENT_FILE", file);
        }
        let limits = Limits { timeout: left(), output: OUTPUT };
        match restored.map(|()| child::run(command, Input::File(input), limits)) {
            Err(reason) => check.message = Some(reason),
            Ok(Err(error)) => {
                let (message, hint) = child::describe_spawn_error(OsStr::new(&words[0]), &error);
                check.message = Some(format!("{message}; {hint}"));
            }
            Ok(Ok(finished)) => {
                check.exit = Some(finished.exit.to_string());
                let log = format!("{}-verify-{}.log", log_stem(plan), index + 1);
                let scratch = format!(".{log}-{}.new", process::id());
                check.log = runner::write_log(&workspace.places.state, &log, &scratch, &finished).ok();
                if let Exit::Interrupted(signal) = finished.exit {
                    return Err(Failure::Interrupted(signal));
                }
                check.message = if finished.exit.is_success() {
                    is_at(&worktree, candidate).err()
                } else {
                    Some(finished.last_line(LINE).map_or_else(String::new, |line| text::printable(&line)))
                };
                check.passed = check.message.is_none();
            }
        }
        let passed = check.passed;
        checks.push(check);
        if !passed {
            break;
        }
    }
    Ok(checks)
}

/// The event's document beside the worktree, removed with it.
fn event_file(worktree: &Worktree, plan: &Plan) -> Result<Option<std::path::PathBuf>, Failure> {
    let Some(event) = &plan.event else { return Ok(None) };
    let path = worktree.path().with_file_name("event.json");
    private::replace(&path, ".event.new", event.document().as_bytes())
        .map_err(|error| worktree::failed("cannot write the event to", &path, error))?;
    Ok(Some(path))
}

/// What the logs are called after: the run that the report is of.
fn log_stem(plan: &Plan) -> String {
    let run = plan.report.as_deref().and_then(Path::file_stem).and_then(OsStr::to_str);
    run.map_or_else(
        || format!("carry-{}", &refname::hash(&format!("{}:{}", plan.watch, plan.key))[..16]),
        |stem| text::printable(stem).replace('/', "-"),
    )
}

/// Gives the tracked files back what they hold in the candidate; what was built beside them stays.
fn restore(worktree: &Worktree, candidate: &CommitId) -> Result<(), String> {
    let reset = worktree.run("read-tree", &["read-tree", "-u", "--reset", candidate.as_str()]);
    reset.map(drop).map_err(|error| format!("the files cannot be restored behind the command before: {error}"))
}

/// Whether HEAD is the candidate still: a command that commits, or checks out, verifies something else.
fn is_at(worktree: &Worktree, candidate: &CommitId) -> Result<(), String> {
    let head = worktree.run("rev-parse", &["rev-parse", "--verify", "HEAD^{commit}"]);
    let head = head.map_err(|error| format!("it left no HEAD that can be read: {error}"))?;
    let head = String::from_utf8_lossy(&head).trim_end().to_owned();
    if head == candidate.as_str() {
        return Ok(());
    }
    let head = head.get(..10).unwrap_or(&head);
    Err(format!("it moved HEAD to {head}: what it passed on is not the candidate, {}", candidate.short()))
}

/// What is to be said of a candidate that these checks were made on.
#[must_use]
pub fn words(checks: &[Check]) -> String {
    match checks.iter().find(|check| !check.passed) {
        Some(failed) => failed.words(),
        None if checks.is_empty() => "not verified".to_owned(),
        None => "verified".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_says_which_command_and_why() {
        let check = |exit: Option<&str>, message: Option<&str>| Check {
            command: "make check".to_owned(),
            passed: false,
            exit: exit.map(str::to_owned),
            message: message.map(str::to_owned),
            log: None,
        };
        assert_eq!(words(&[]), "not verified");
        assert_eq!(words(&[Check { passed: true, ..check(Some("exit status 0"), None) }]), "verified");
        assert_eq!(words(&[check(Some("exit status 2"), Some("no rule"))]), "`make check`: exit status 2: no rule");
        assert_eq!(words(&[check(Some("exit status 2"), Some(""))]), "`make check`: exit status 2");
        assert_eq!(words(&[check(None, Some("not found"))]), "`make check`: not found");
        assert_eq!(words(&[check(Some("exit status 0"), Some("it moved HEAD"))]), "`make check`: it moved HEAD");
    }
}
