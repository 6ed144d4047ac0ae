//! The patch stack: which commits are the fork's own, in the order in which they apply.

pub mod discover;
pub mod source;

use super::id::{CommitId, TreeId};
use serde::{Deserialize, Serialize};

/// The patches of a fork: one maintained branch, or several `patch/*` branches on one another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stack {
    /// As configured: `main`, or `patch/*`.
    pub name: String,
    /// The newest upstream commit that the stack is built on.
    pub base: CommitId,
    /// The branches, in the order in which they are rebuilt; one for a maintained branch.
    pub series: Vec<Series>,
    /// The merges among the commits, oldest first. None of them is a patch.
    pub merges: Vec<Merge>,
    /// Commits of upstream's own that lie below the patches and not in the new upstream point.
    pub upstream_only: Vec<UpstreamOnly>,
}

/// One branch of a stack, and the patches that it adds to those before it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Series {
    /// The branch, short: `patch/10-tls`.
    pub branch: String,
    /// Where it was read: `refs/heads/…` here, or a remote-tracking ref.
    pub reference: String,
    /// The branch's commit.
    pub head: CommitId,
    /// Its patches, in the order in which they apply.
    pub patches: Vec<Patch>,
}

/// One commit of the stack.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Patch {
    /// Its place in the whole stack, from 1.
    pub place: usize,
    /// The commit.
    pub commit: CommitId,
    /// The tree of its parent; the empty tree for a root.
    pub before: TreeId,
    /// Its tree.
    pub after: TreeId,
    /// The first line of its message, as Git decodes it; hostile text.
    pub subject: String,
    /// `Name <address>` of its author; hostile text.
    pub author: String,
}

impl Patch {
    /// Whether it changed nothing from the start.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.before == self.after
    }
}

/// A merge within the stack; flattened, its commits are picked one by one.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Merge {
    /// The commit.
    pub sha: CommitId,
    /// The first line of its message.
    pub subject: String,
    /// Whether it holds what merging its parents does not give: that would be lost by flattening.
    pub own: MergeContent,
}

/// What a merge holds beside its parents.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeContent {
    /// Nothing: merging the parents gives the same tree.
    Nothing,
    /// The parents conflict, and the merge holds how that was resolved.
    Resolution,
    /// The parents merge cleanly, to another tree.
    Changes,
    /// More than two parents: what merging them gives cannot be told.
    Octopus,
}

/// A commit that upstream has on some branch or tag, and that the new upstream point does not have.
///
/// Such as a backport below a stack that was built on a release branch: it is not taken for a patch.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpstreamOnly {
    /// The commit.
    pub sha: CommitId,
    /// The first line of its message.
    pub subject: String,
}

impl Stack {
    /// All patches, in the order in which they apply.
    #[must_use = "it only lists them"]
    pub fn patches(&self) -> impl DoubleEndedIterator<Item = &Patch> {
        self.series.iter().flat_map(|series| &series.patches)
    }

    /// How many patches there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.iter().map(|series| series.patches.len()).sum()
    }

    /// Whether there is no patch at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The newest commit: the maintained branch's, or the last branch's.
    ///
    /// # Panics
    /// If there is no branch: a stack is never made without one.
    #[must_use]
    pub fn head(&self) -> &CommitId {
        &self.series.last().expect("a stack has a branch").head
    }

    /// The merges that cannot be flattened without a loss.
    pub fn evil_merges(&self) -> impl Iterator<Item = &Merge> {
        self.merges.iter().filter(|merge| merge.own != MergeContent::Nothing)
    }
}
