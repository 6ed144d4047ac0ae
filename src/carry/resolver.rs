//! The watch's `resolver`: a program that is tried on a conflict, and believed only as far as can be seen.
//!
//! It runs in a disposable worktree that holds the conflict as Git leaves one, with the report on its
//! standard input. It is no sandbox: the program runs as the user, with the user's network.

mod outcome;

use self::outcome::Before;
use super::{
    candidate,
    conflicted::{self, Extent},
    id::TreeId,
    path::TreePath,
    pick::{Conflict, Picked, Picks, Resolution, Resolve, ResolvedBy},
    plan::Plan,
    report::{ConflictReport, OntoReport, ResolverReport},
    repository::Repository,
    worktree::Worktree,
};
use crate::{
    child::{self, Exit, Finished, Input, Limits},
    dispatch::{
        result::{self, Expect},
        runner,
    },
    git::GitError,
    refname, text,
    watch::WatchName,
    workspace::{Failure, Workspace},
};
use serde::Serialize;
use std::{
    ffi::OsStr,
    process,
    time::{Duration, Instant},
};

/// The most of one stream that is kept, in bytes.
const OUTPUT: usize = 1 << 20;

/// The most of a diff that is kept, in bytes.
const DIFF: usize = 64 << 10;

/// What a resolver finds on its standard input: one line of JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    /// Always 1.
    v: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    watch: &'a WatchName,
    key: &'a str,
    onto: OntoReport,
    /// The paths of the files, as [`TreePath`] writes them.
    paths: Vec<&'a TreePath>,
    #[serde(flatten)]
    conflict: ConflictReport,
}

/// The program, and what it did so far.
#[derive(Debug)]
pub struct Resolver<'a> {
    workspace: &'a Workspace,
    repository: &'a Repository,
    plan: &'a Plan,
    words: &'a [String],
    /// When the whole run must be over.
    deadline: Instant,
    /// How long each Git command may take.
    timeout: Duration,
    /// What it did, conflict by conflict.
    pub reports: Vec<ResolverReport>,
}

impl<'a> Resolver<'a> {
    /// The program of these words; the whole run may take `timeout` from now on.
    #[must_use]
    pub fn new(
        workspace: &'a Workspace,
        repository: &'a Repository,
        plan: &'a Plan,
        words: &'a [String],
        timeout: Duration,
    ) -> Self {
        Self { workspace, repository, plan, words, deadline: Instant::now() + timeout, timeout, reports: Vec::new() }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Runs it, and takes what it did; or says why that is no resolution.
    fn attempt(
        &self,
        conflict: &Conflict,
        before: &[Picked],
        report: &mut ResolverReport,
    ) -> Result<Result<TreeId, String>, Failure> {
        let picks = Picks { picked: before.to_vec(), conflict: None };
        let head = candidate::build_unsigned(self.repository, self.plan, &picks)?.candidate;
        let worktree = Worktree::empty(self.workspace, self.repository, &head, self.timeout)?;
        conflicted::lay_out(&worktree, conflict, Extent::Everything)?;
        let before = Before::look(&worktree)?;
        let finished = match self.run(&worktree, conflict)? {
            Ok(finished) => finished,
            Err(reason) => return Ok(Err(reason)),
        };
        report.exit = Some(finished.exit.to_string());
        let id = self.event_id().unwrap_or_default();
        let log = format!("resolver-{}-{}.log", &refname::hash(&self.name())[..16], conflict.patch.place);
        let scratch = format!(".{log}-{}.new", process::id());
        report.log = runner::write_log(&self.workspace.places.state, &log, &scratch, &finished).ok();
        if let Exit::Interrupted(signal) = finished.exit {
            return Err(Failure::Interrupted(signal));
        }
        let said = result::outcome(&finished.exit, &finished.stdout, Expect::PlainProgram, id);
        report.message.clone_from(&said.message);
        if !said.status.is_success() {
            return Ok(Err(said.message.unwrap_or_else(|| format!("it reports {}", said.status))));
        }
        let named = outcome::named(&finished.stdout);
        let found = before.outcome(&worktree, conflict, &head, &named).and_then(|outcome| match outcome {
            Ok(()) => worktree.tree(self.repository, &conflict.tree).map(Ok),
            Err(reason) => Ok(Err(reason)),
        });
        let found = match found {
            Ok(Ok(found)) => found,
            Ok(Err(reason)) => return Ok(Err(reason)),
            // The worktree's repository is the program's to break, and a person's to do without.
            Err(Failure::Git(error)) if !matches!(*error, GitError::Interrupted { .. }) => {
                return Ok(Err(format!("what it left cannot be read: {error}")));
            }
            Err(failure) => return Err(failure),
        };
        (report.changed, report.diff) = self.diff(conflict, &found)?;
        if let Some((path, line)) = conflicted::marker_left(self.repository, conflict, &found)? {
            return Ok(Err(format!("it left a conflict marker in {path}, line {line}")));
        }
        if found == conflict.ours {
            return Ok(Err("it left nothing of the patch; to drop one is for a person to decide".to_owned()));
        }
        Ok(Ok(found))
    }

    fn event_id(&self) -> Option<&'a str> {
        self.plan.event.as_ref().map(|event| event.id.as_str())
    }

    /// What its logs are called after.
    fn name(&self) -> String {
        format!("{}:{}", self.plan.watch, self.plan.key)
    }

    fn run(&self, worktree: &Worktree, conflict: &Conflict) -> Result<Result<Finished, String>, Failure> {
        let onto = OntoReport { name: self.plan.onto.name.clone(), sha: self.plan.onto.commit.clone() };
        let request = Request {
            v: 1,
            event_id: self.event_id(),
            watch: &self.plan.watch,
            key: &self.plan.key,
            onto,
            paths: conflict.files.iter().map(|file| &file.path).collect(),
            conflict: ConflictReport::of(conflict),
        };
        let mut content = text::json(&request);
        content.push('\n');
        let input = worktree.input(content.as_bytes()).map_err(|error| {
            super::worktree::failed("cannot write the input of a resolver in", worktree.path(), error)
        })?;
        let mut command = worktree.program(self.words);
        if let Some(id) = self.event_id() {
            command.env("PATCH_EVENT_ID", id);
        }
        let limits = Limits { timeout: self.left(), output: OUTPUT };
        Ok(child::run(command, Input::File(input), limits).map_err(|error| {
            let (message, hint) = child::describe_spawn_error(OsStr::new(&self.words[0]), &error);
            format!("{message}; {hint}")
        }))
    }

    /// What was changed from the files with markers to the result: the paths, and a patch.
    fn diff(&self, conflict: &Conflict, found: &TreeId) -> Result<(Vec<TreePath>, Option<String>), Failure> {
        let (from, to) = (conflict.tree.as_str(), found.as_str());
        let names = self.repository.output(&["diff-tree", "-r", "-z", "--no-renames", "--name-only", from, to])?;
        let names = names.split(|&byte| byte == 0).filter(|name| !name.is_empty()).map(TreePath::new).collect();
        let diff = ["diff-tree", "-r", "-p", "--no-color", "--no-ext-diff", "--no-textconv", from, to];
        let diff = self.repository.text(&diff)?;
        let cut = diff.floor_char_boundary(DIFF);
        let rest = if cut < diff.len() { format!("\n[{} bytes left out]", diff.len() - cut) } else { String::new() };
        Ok((names, Some(format!("{}{rest}", &diff[..cut])).filter(|diff| !diff.is_empty())))
    }
}

impl Resolve for Resolver<'_> {
    fn resolve(&mut self, conflict: &Conflict, before: &[Picked]) -> Result<Option<Resolution>, Failure> {
        let mut report = ResolverReport {
            sha: conflict.patch.commit.clone(),
            place: conflict.patch.place,
            accepted: false,
            message: None,
            exit: None,
            log: None,
            changed: Vec::new(),
            diff: None,
        };
        let attempt = self.attempt(conflict, before, &mut report)?;
        let tree = match attempt {
            Ok(tree) => {
                report.accepted = true;
                Some(tree)
            }
            Err(reason) => {
                report.message = Some(reason);
                None
            }
        };
        self.reports.push(report);
        Ok(tree.map(|tree| Resolution { tree, by: ResolvedBy::Resolver }))
    }
}
