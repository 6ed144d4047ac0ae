//! The plan of a run: which stack goes where, and what the results will be called.

use super::{
    id::{CommitId, TreeId},
    intervention, onto,
    pick::Landed,
    repository::Repository,
    stack::{
        Stack,
        discover::discover,
        source::{self, Asked},
    },
    upstream::Upstream,
};
use crate::{
    event::Event,
    ledger::state::key_of,
    refname::{self, component},
    report::words::counted,
    text::printable,
    time::Timestamp,
    watch::{Watch, WatchName},
    workspace::{Failure, Workspace},
};
use std::path::PathBuf;

/// The upstream point that the stack is carried to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Onto {
    /// As people call it: a tag, or a commit.
    pub name: String,
    /// The tag, if it was found by one.
    pub tag: Option<String>,
    /// The commit, of an annotated tag the one it leads to.
    pub commit: CommitId,
    /// Its tree.
    pub tree: TreeId,
    /// When it was committed.
    pub committed_at: Timestamp,
}

/// What a run is going to do; made without writing anything but what was fetched.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The watch on whose behalf it runs.
    pub watch: WatchName,
    /// What the candidate is called after: the event's key, or what was asked for.
    pub key: String,
    /// The event that asked for it.
    pub event: Option<Event>,
    /// Where to.
    pub onto: Onto,
    /// What.
    pub stack: Stack,
    /// What becomes of patches that upstream has.
    pub landed: Landed,
    /// Whether merges are flattened although they hold something of their own, which is then lost.
    pub flatten: bool,
    /// The committer's date of all new commits: the event's, or else the upstream point's.
    pub date: Timestamp,
    /// The names of the refs that it may make.
    pub names: Names,
    /// The file that the report is kept in, absolute; else it has a place in the state directory.
    pub report: Option<PathBuf>,
    /// What people should know before; each one line.
    pub warnings: Vec<String>,
}

/// Where a stack is to be taken.
#[derive(Clone, Debug, PartialEq)]
pub enum Point {
    /// Where an event says.
    Event(Box<Event>),
    /// Where a person says: a tag, a branch, a commit.
    Revision(String),
    /// Nowhere: it is looked at where it is.
    Base,
}

/// Makes the plan: finds the upstream point, and the patches of the stack.
///
/// `stack` is the branch, or the prefix with `/*`, that holds the patches, instead of the watch's.
///
/// # Errors
/// When there is no such point, no stack, or it cannot be taken there.
pub fn make(
    workspace: &Workspace,
    repository: &Repository,
    watch: &Watch,
    point: Point,
    stack: Option<&str>,
) -> Result<Plan, Failure> {
    let upstream = Upstream::look(workspace, watch);
    let asked = if matches!(point, Point::Event(_)) { Asked::Unattended } else { Asked::ByHand };
    let (onto, event) = match point {
        Point::Event(event) => (Some(onto::of_event(repository, &upstream, &event)?), Some(*event)),
        Point::Revision(name) => (Some(onto::of_revision(repository, &upstream, &name)?), None),
        Point::Base => (None, None),
    };
    let (name, sources) = source::find(workspace, repository, watch, stack, asked)?;
    let commits = upstream.commits(repository)?;
    let onto = match onto {
        Some(onto) => onto,
        None if commits.is_empty() => return Err(upstream.missing()),
        None => onto::base_of(repository, &sources, &commits)?,
    };
    let stack = discover(workspace, repository, &onto, &name, sources, &commits)?;
    intervention::refuse_in(repository, &onto, &stack)?;
    let key = match &event {
        Some(event) => key_of(&watch.name, &event.id).to_owned(),
        None => onto.tag.clone().unwrap_or_else(|| onto.commit.to_string()),
    };
    let mut warnings: Vec<String> = upstream.warning.into_iter().collect();
    if !stack.upstream_only.is_empty() {
        warnings.push(format!(
            "{} on a branch or tag of upstream's and not in {}: not taken for a patch of `{}`",
            counted(stack.upstream_only.len(), "commit is", "commits are"),
            printable(&onto.name),
            printable(&stack.name)
        ));
    }
    Ok(Plan {
        watch: watch.name.clone(),
        date: event.as_ref().map_or(onto.committed_at, |event| event.received_at),
        names: Names::of(&workspace.config.settings.ref_prefix, &watch.name, &key),
        landed: watch.landed,
        flatten: false,
        report: None,
        key,
        event,
        onto,
        stack,
        warnings,
    })
}

/// The refs of one run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Names {
    /// `refs/heads/<refPrefix>candidate/<watch>/<key>`.
    pub candidate: String,
    /// `refs/heads/<refPrefix>intervention/<watch>/<key>`.
    pub intervention: String,
    /// `refs/heads/<refPrefix>stack/<watch>/<key>/`: each `patch/*` branch has a ref below.
    pub series: String,
}

impl Names {
    /// The names for this watch and key.
    #[must_use]
    pub fn of(prefix: &str, watch: &WatchName, key: &str) -> Self {
        let named = |kind: &str| refname::branch(prefix, kind, watch, key);
        Self {
            candidate: named("candidate"),
            intervention: named("intervention"),
            series: format!("{}/", named("stack")),
        }
    }

    /// The ref of one rebuilt `patch/*` branch.
    #[must_use]
    pub fn series(&self, branch: &str) -> String {
        format!("{}{}", self.series, component(branch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_are_called_after_watch_and_key() {
        let names = Names::of("patch-moi/", &"up".parse().unwrap(), "rust/v1");
        assert_eq!(names.candidate, "refs/heads/patch-moi/candidate/up/rust=2fv1");
        assert_eq!(names.intervention, "refs/heads/patch-moi/intervention/up/rust=2fv1");
        assert_eq!(names.series("patch/10-tls"), "refs/heads/patch-moi/stack/up/rust=2fv1/patch=2f10-tls");
    }
}
