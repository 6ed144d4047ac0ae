//! The records about what became of signals, and what followed from it.

use crate::{
    carry::pick::ResolvedBy,
    channel::{ChannelName, Promote},
    ledger::state::Pushed,
    review::state::{Evidence, ReviewState, Verdict},
    watch::WatchName,
};
use serde::{Deserialize, Serialize};

/// What became of a signal, as far as it is another state than before, and what that was judged by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// The watch.
    pub watch: WatchName,
    /// The signal.
    pub id: String,
    /// The state that it is in now.
    pub state: ReviewState,
    /// The state before, as it was recorded; absent if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ReviewState>,
    /// What that was judged by.
    pub evidence: Evidence,
    /// The ref that it is about: the candidate, the trigger branch, or the intervention branch.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The commit of that ref.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// The upstream commit that a candidate stands on, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onto: Option<String>,
    /// The head of the stack that a candidate was carried from, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// Whether a candidate passed its checks; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Who resolved conflicts on the way to a candidate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolved_by: Vec<ResolvedBy>,
    /// The commit of the stack that shows it, of a candidate that landed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed_as: Option<String>,
    /// The trigger branch, where it was found without a record of its push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Pushed>,
    /// The id of the signal that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
    /// A person's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Who gave it: `Name <address>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What is to be said of it, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How a channel was moved.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Move {
    /// To a candidate.
    Promoted,
    /// Back to where it was before the last promotion.
    RolledBack,
}

/// A channel that was moved from one commit to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Promotion {
    /// The watch.
    pub watch: WatchName,
    /// The channel.
    pub channel: ChannelName,
    /// How it was moved.
    pub action: Move,
    /// The signal whose candidate it holds now; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Why: the channel's rule, or `manual` for a person.
    pub rule: Promote,
    /// The remote that has the channel's ref.
    pub remote: String,
    /// The branch that was moved, or the tag that was made.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The commit before; absent if the ref was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The commit that it holds now.
    pub to: String,
    /// The upstream commit that it stands on, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onto: Option<String>,
    /// Whether a person said that it is reviewed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reviewed: bool,
    /// Who moved it, of a person: `Name <address>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What that person says of it, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Something that waits for a person, and was told to `patch.notify`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// The watch.
    pub watch: WatchName,
    /// The signal, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Why a person is wanted.
    pub reason: NoticeReason,
    /// What it is about, so that it is told once: it changes where there is something new to tell.
    pub about: String,
    /// What was told, one line.
    pub message: String,
}

/// Why a person is wanted.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeReason {
    /// A run left a decision.
    Intervention,
    /// Something failed for good, is blocked, or found no taker.
    Failed,
    /// A tag was moved, or a branch rewritten.
    Moved,
    /// A watch fails for several polls in a row.
    WatchBroken,
    /// A trigger had no answer in time.
    Overdue,
}

impl NoticeReason {
    /// As records spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intervention => "intervention",
            Self::Failed => "failed",
            Self::Moved => "moved",
            Self::WatchBroken => "watch-broken",
            Self::Overdue => "overdue",
        }
    }
}
