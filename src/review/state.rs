//! The states that a signal goes through from news to its end, and what each is judged by.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What became of a signal.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewState {
    /// It is to be handed over, for the first time or again.
    Pending,
    /// A trigger branch was pushed, and nobody has taken it up yet.
    Dispatched,
    /// Somebody is at it.
    Running,
    /// A trigger branch was pushed, and its time is over without a sign of life.
    Unacknowledged,
    /// There is a candidate, which nobody has decided about.
    Awaiting,
    /// A person has to resolve what a run could not.
    NeedsIntervention,
    /// It failed for good, is blocked, or nobody took it.
    Failed,
    /// What was to be done is done, and left no candidate.
    Completed,
    /// The stack has the candidate.
    Landed,
    /// The candidate was refused: by a word, or by removing it.
    Rejected,
    /// A newer one took its place.
    Superseded,
}

impl ReviewState {
    /// All of them, in the order in which they come.
    pub const ALL: [Self; 11] = [
        Self::Pending,
        Self::Dispatched,
        Self::Running,
        Self::Unacknowledged,
        Self::Awaiting,
        Self::NeedsIntervention,
        Self::Failed,
        Self::Completed,
        Self::Landed,
        Self::Rejected,
        Self::Superseded,
    ];

    /// As records spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Dispatched => "dispatched",
            Self::Running => "running",
            Self::Unacknowledged => "unacknowledged",
            Self::Awaiting => "awaiting",
            Self::NeedsIntervention => "needs-intervention",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::Landed => "landed",
            Self::Rejected => "rejected",
            Self::Superseded => "superseded",
        }
    }

    /// Whether nothing more is expected.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Landed | Self::Rejected | Self::Superseded)
    }

    /// Whether a person has to act before anything more happens.
    #[must_use]
    pub fn waits_for_a_person(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::Awaiting | Self::NeedsIntervention | Self::Failed)
    }
}

impl fmt::Display for ReviewState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a state was judged by.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The ledger: the signal is to be handed over, or an attempt has no end yet.
    Ledger,
    /// What the last run reported.
    Run,
    /// A trigger branch is on the fork.
    TriggerRef,
    /// A trigger branch has commits of others on top.
    TriggerMoved,
    /// A trigger branch was removed from the fork.
    TriggerRemoved,
    /// The watch's `timeout` is over.
    Timeout,
    /// A candidate is on the fork.
    ForkRef,
    /// A candidate is in this repository only.
    LocalRef,
    /// An intervention branch is there.
    InterventionRef,
    /// The stack's branch has the candidate's commit: merged, or moved there.
    Contained,
    /// A commit of the stack's branch has exactly the candidate's files.
    SameTree,
    /// A commit of the stack's branch is what merging the candidate gives: squashed.
    Squashed,
    /// The stack's branch has a commit with the patch-id of the candidate's whole range: squashed.
    RangePatchId,
    /// The stack's branch has every commit of the candidate by patch-id: rebased.
    PatchIds,
    /// The candidate was there and is gone, and the stack does not have it.
    Removed,
    /// A newer candidate of the watch is there.
    NewerCandidate,
    /// A newer signal took its place before it was handed over.
    NewerSignal,
    /// A person said so.
    Person,
}

impl Evidence {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Ledger,
        Self::Run,
        Self::TriggerRef,
        Self::TriggerMoved,
        Self::TriggerRemoved,
        Self::Timeout,
        Self::ForkRef,
        Self::LocalRef,
        Self::InterventionRef,
        Self::Contained,
        Self::SameTree,
        Self::Squashed,
        Self::RangePatchId,
        Self::PatchIds,
        Self::Removed,
        Self::NewerCandidate,
        Self::NewerSignal,
        Self::Person,
    ];

    /// In words, as they stand behind a state.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Ledger => "as the ledger has it",
            Self::Run => "as its run reported",
            Self::TriggerRef => "its trigger branch is on the fork",
            Self::TriggerMoved => "somebody works on its trigger branch",
            Self::TriggerRemoved => "its trigger branch was taken away",
            Self::Timeout => "its trigger branch had no answer in time",
            Self::ForkRef => "its candidate is on the fork",
            Self::LocalRef => "its candidate is in this repository",
            Self::InterventionRef => "its intervention branch is there",
            Self::Contained => "the stack has its commit",
            Self::SameTree => "the stack has a commit with the same files",
            Self::Squashed => "the stack has what merging it gives, in one commit",
            Self::RangePatchId => "the stack has all of it in one commit",
            Self::PatchIds => "the stack has each of its commits",
            Self::Removed => "its candidate was removed, and the stack does not have it",
            Self::NewerCandidate => "there is a newer candidate",
            Self::NewerSignal => "a newer signal came before it was handed over",
            Self::Person => "a person said so",
        }
    }
}

/// A person's word on a candidate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is good as it is.
    Approved,
    /// It is not to be used.
    Rejected,
}
