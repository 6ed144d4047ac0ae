//! The report of a run: what `FLOW_RESULT` and `--json` hold.

use super::{
    id::CommitId,
    path::TreePath,
    pick::{Conflict, ConflictedFile, Fate, ResolvedBy},
    stack::{Merge, UpstreamOnly},
};
use crate::{
    child::Exit,
    dispatch::result::{Candidate, Status},
    text,
    watch::WatchName,
};
use serde::{Deserialize, Serialize};

/// What came of a run, in the shape of a flow's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `changed`: there is a candidate. `skipped`: it was there already, or there is nothing to do.
    /// `needs_intervention`: a person has to decide. `completed`: a dry run.
    pub status: Status,
    /// What is to be said of it, one line.
    pub message: String,
    /// Everything else.
    pub artifacts: Artifacts,
}

/// The report in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifacts {
    /// The watch.
    pub watch: WatchName,
    /// What the candidate is called after.
    pub key: String,
    /// The event's id, if an event asked for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event_id: Option<String>,
    /// The stack as it was.
    pub stack: StackReport,
    /// Where it was taken.
    pub onto: OntoReport,
    /// The refs that hold the result; the candidate first.
    pub candidate_refs: Vec<Candidate>,
    /// Every patch of the stack, each once, in its order.
    pub patches: Vec<PatchReport>,
    /// What stopped it.
    pub conflicts: Vec<ConflictReport>,
    /// The merges of the stack; none of them is in the candidate.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub merges: Vec<Merge>,
    /// Commits of upstream's own that were not taken for patches, at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub upstream_only: Vec<UpstreamOnly>,
    /// What people should know; each one line.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<String>,
    /// The commands that the candidate had to pass.
    pub checks: Vec<Check>,
    /// Whether there were such commands, and it passed all of them.
    pub verified: bool,
    /// Whether a recorded resolution was used: the candidate needs review.
    pub used_rerere: bool,
    /// Whether the watch's `resolver` was used: the candidate needs review.
    pub used_resolver: bool,
    /// What the `resolver` did, conflict by conflict.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub resolver: Vec<ResolverReport>,
    /// The branch where a person has to decide; it is no candidate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub intervention: Option<Candidate>,
    /// The file with `git range-diff` of the old stack and the new one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub range_diff: Option<String>,
    /// The file with this report in full.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub report: Option<String>,
}

/// The stack as it was.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct StackReport {
    /// As configured: `main`, or `patch/*`.
    pub name: String,
    /// Its newest commit.
    pub head: CommitId,
    /// The upstream commit that it was built on.
    pub base: CommitId,
}

/// The upstream point.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct OntoReport {
    /// As people call it.
    pub name: String,
    /// The commit.
    pub sha: CommitId,
}

/// One patch and what became of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PatchReport {
    /// Its place in the stack, from 1.
    pub place: usize,
    /// The old commit.
    pub sha: CommitId,
    /// The first line of its message.
    pub subject: String,
    /// `Name <address>` of its author.
    pub author: String,
    /// The branch of the stack that it is on.
    pub branch: String,
    /// What became of it: the field `fate` and what belongs to it.
    #[serde(flatten)]
    pub fate: Fate,
    /// The new commit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub new_sha: Option<CommitId>,
    /// The upstream commit that took it back, after upstream had it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reverted_by: Option<CommitId>,
    /// The upstream commit that makes the same change, although the patch applies once more and is
    /// carried: upstream may have moved it, and the candidate have it twice.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub twin: Option<CommitId>,
}

/// A conflict, for people and for a resolver.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConflictReport {
    /// The patch that conflicts.
    pub sha: CommitId,
    /// The first line of its message.
    pub subject: String,
    /// Its place in the stack, from 1.
    pub place: usize,
    /// How many patches the stack has.
    pub of: usize,
    /// The files, by path.
    pub files: Vec<ConflictedFile>,
}

impl Artifacts {
    /// Who resolved conflicts on the way, each once.
    #[must_use]
    pub fn resolved_by(&self) -> Vec<ResolvedBy> {
        let by = |wanted| self.patches.iter().any(|patch| patch.fate == Fate::Resolved { by: wanted });
        [ResolvedBy::Rerere, ResolvedBy::Resolver, ResolvedBy::Hand].into_iter().filter(|wanted| by(*wanted)).collect()
    }
}

impl ConflictReport {
    /// The report of a conflict.
    #[must_use]
    pub fn of(conflict: &Conflict) -> Self {
        Self {
            sha: conflict.patch.commit.clone(),
            subject: conflict.patch.subject.clone(),
            place: conflict.patch.place,
            of: conflict.of,
            files: conflict.files.clone(),
        }
    }
}

/// What the watch's `resolver` did with a conflict.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResolverReport {
    /// The patch that conflicted.
    pub sha: CommitId,
    /// Its place in the stack, from 1.
    pub place: usize,
    /// Whether what it did was taken for the resolution.
    pub accepted: bool,
    /// What it says, or why it was not taken; one line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// How its process ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit: Option<String>,
    /// The file with its output, in the state directory.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub log: Option<String>,
    /// The files that it changed, by path.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub changed: Vec<TreePath>,
    /// What it did, from the files with markers on, as a patch; cut after 64 KiB.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub diff: Option<String>,
}

/// A command that the candidate had to pass.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// The command as configured.
    pub command: String,
    /// Whether it passed.
    pub passed: bool,
    /// How its process ended; absent if it could not be started.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit: Option<String>,
    /// Why it did not pass: its last line, or what is wrong with what it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// The file with its output, in the state directory.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub log: Option<String>,
}

impl Check {
    /// A check that was not passed, in words.
    #[must_use]
    pub fn words(&self) -> String {
        // An exit status 0 is not what was wrong.
        let exit = self.exit.as_deref().filter(|exit| *exit != Exit::Success.to_string());
        let why: Vec<&str> = exit.into_iter().chain(self.message.as_deref()).filter(|it| !it.is_empty()).collect();
        format!("`{}`: {}", self.command, why.join(": "))
    }
}

/// The longest line of a result, in bytes: whoever reads it keeps the end of an output only.
const LINE: usize = 256 << 10;

impl Report {
    /// The line that ends a run's output: `FLOW_RESULT {json}`.
    ///
    /// Of a very long stack it holds only what a person would look at; the file `report` has all.
    #[must_use]
    pub fn flow_result(&self) -> String {
        let line = text::json(self);
        if line.len() <= LINE {
            return format!("FLOW_RESULT {line}");
        }
        let mut short = self.clone();
        short.artifacts.patches.retain(|patch| !matches!(patch.fate, Fate::Carried | Fate::Pending { .. }));
        short.artifacts.patches.truncate(200);
        short.artifacts.merges.truncate(20);
        short.artifacts.conflicts.iter_mut().for_each(|conflict| conflict.files.truncate(20));
        format!("FLOW_RESULT {}", text::json(&short))
    }
}
