//! The fate of each patch, and what a conflict is.

mod blame;
pub mod walk;

use super::{
    id::{CommitId, ObjectId, TreeId},
    path::TreePath,
    stack::Patch,
};
use crate::workspace::Failure;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What became of a patch. Each patch of a stack has exactly one.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub enum Fate {
    /// Carried, the same change as before.
    Carried,
    /// Carried; the change is not line for line the same (its patch-id differs).
    #[serde(rename = "carried-changed")]
    Changed,
    /// Carried, with a conflict that was resolved.
    Resolved {
        /// By whom.
        by: ResolvedBy,
    },
    /// Upstream has it.
    Landed {
        /// How that was found.
        proof: Proof,
        /// Whether it is dropped, kept as an empty commit, or waits for a person.
        handling: Landed,
    },
    /// It changed nothing from the start, and is kept as it is.
    Empty,
    /// It conflicts; the run stopped here.
    Conflicts,
    /// It lies behind a conflict.
    Pending {
        /// Whether it would apply without the one that conflicts, if that was tried.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        applies: Option<bool>,
    },
}

/// How it was found that upstream has a patch.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Proof {
    /// An upstream commit makes the same change.
    PatchId {
        /// That commit.
        upstream: CommitId,
    },
    /// The change can be taken out of upstream's tree and put back, which gives the same tree.
    ReverseApply,
    /// Picking it changed nothing.
    Emptied,
}

/// `watch.<name>.landed`: what becomes of a patch that upstream has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Landed {
    /// It is left out of the candidate.
    #[default]
    Drop,
    /// It stays in the candidate as an empty commit.
    Keep,
    /// A person has to decide; nothing is published.
    Ask,
}

/// Who resolved a conflict.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResolvedBy {
    /// A person, on the intervention branch.
    Hand,
    /// A recorded resolution.
    Rerere,
    /// The watch's `resolver`.
    Resolver,
}

impl ResolvedBy {
    /// As records spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hand => "hand",
            Self::Rerere => "rerere",
            Self::Resolver => "resolver",
        }
    }

    /// The one that records spell so.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        [Self::Hand, Self::Rerere, Self::Resolver].into_iter().find(|by| by.as_str() == text)
    }
}

/// A conflict: everything that is needed to show it, to leave it on a branch, and to resolve it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Conflict {
    /// The patch that conflicts.
    pub patch: Patch,
    /// How many patches the stack has.
    pub of: usize,
    /// The tree carried so far: "ours" of the merge.
    pub ours: TreeId,
    /// The tree with conflict markers, as Git leaves it.
    pub tree: TreeId,
    /// The files, by path.
    pub files: Vec<ConflictedFile>,
}

/// A file that two sides changed in ways that do not go together.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConflictedFile {
    /// Its path; with renames, the path that Git reports.
    pub path: TreePath,
    /// Of what kind.
    pub kind: ConflictKind,
    /// Git's own words, one a line.
    pub messages: Vec<String>,
    /// The file in the patch's parent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub base: Option<Version>,
    /// The file in what was carried so far.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ours: Option<Version>,
    /// The file in the patch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub theirs: Option<Version>,
    /// The upstream commits between the old base and the new point that touched it, newest first.
    pub upstream: Vec<UpstreamCommit>,
}

/// One version of a conflicted file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Git's mode: `100644`, `100755`, `120000` (a link), `160000` (a submodule).
    pub mode: String,
    /// The blob, or the submodule's commit.
    pub sha: ObjectId,
}

/// An upstream commit, as it is named to people.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct UpstreamCommit {
    /// The commit.
    pub sha: CommitId,
    /// The first line of its message.
    pub subject: String,
    /// `Name <address>` of its author.
    pub author: String,
}

/// The kind of a conflict, by the stable names that `git merge-tree` gives.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictKind {
    /// Both changed the same lines.
    Content,
    /// Both added the file.
    AddAdd,
    /// One changed it, the other deleted it.
    ModifyDelete,
    /// One renamed it, the other deleted it.
    RenameDelete,
    /// Both renamed it, to two names; or two files to one name.
    RenameRename,
    /// One renamed a directory, the other put a file into the old one.
    DirectoryRename,
    /// Both changed a binary file.
    Binary,
    /// Both moved a submodule.
    Submodule,
    /// A file on one side is a directory, a link or a submodule on the other.
    Type,
    /// Both changed the mode.
    Mode,
    /// Whatever else Git reports.
    Other,
}

impl fmt::Display for ConflictKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Content => "both changed the same lines",
            Self::AddAdd => "both added it",
            Self::ModifyDelete => "one changed it, the other deleted it",
            Self::RenameDelete => "one renamed it, the other deleted it",
            Self::RenameRename => "renamed in two ways",
            Self::DirectoryRename => "its directory was renamed",
            Self::Binary => "both changed a binary file",
            Self::Submodule => "both moved a submodule",
            Self::Type => "a file here, another kind of thing there",
            Self::Mode => "both changed its mode",
            Self::Other => "a conflict",
        })
    }
}

impl fmt::Display for ResolvedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hand => "hand",
            Self::Rerere => "a recorded resolution",
            Self::Resolver => "the resolver",
        })
    }
}

/// A tree in which a conflict is resolved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resolution {
    /// What the patch gives on top of what was carried so far.
    pub tree: TreeId,
    /// Who resolved it.
    pub by: ResolvedBy,
}

/// Somebody who may know how a conflict is to be resolved.
///
/// Asked at every conflict, in the stack's order, with the repository's objects all there. A run
/// that is done over with the same answers gives the same candidate: so a resolution by hand is
/// continued from, in this clone or another.
pub trait Resolve {
    /// The resolution, or `None` to stop here; `before` are the patches before the one that conflicts.
    ///
    /// # Errors
    /// When it cannot be told whether there is one; the run fails.
    fn resolve(&mut self, conflict: &Conflict, before: &[Picked]) -> Result<Option<Resolution>, Failure>;
}

/// Nobody: the first conflict stops the run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Resolve for Nobody {
    fn resolve(&mut self, _: &Conflict, _: &[Picked]) -> Result<Option<Resolution>, Failure> {
        Ok(None)
    }
}

/// A patch and what became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Picked {
    /// The patch's index in the stack, from 0.
    pub index: usize,
    /// What became of it.
    pub fate: Fate,
    /// The tree after it: of its new commit, if it has one.
    pub tree: TreeId,
    /// Upstream had it and took it back: the commit that did, if that is so.
    pub reverted: Option<CommitId>,
    /// The upstream commit that makes the same change, although the patch applies once more.
    pub twin: Option<CommitId>,
}

/// What picking a whole stack came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Picks {
    /// Every patch of the stack, in its order.
    pub picked: Vec<Picked>,
    /// The conflict that stopped it, if one did.
    pub conflict: Option<Conflict>,
}

impl Picked {
    /// Whether the patch gets a commit in the candidate.
    #[must_use]
    pub fn is_carried(&self) -> bool {
        match &self.fate {
            Fate::Carried | Fate::Changed | Fate::Resolved { .. } | Fate::Empty => true,
            Fate::Landed { handling, .. } => *handling == Landed::Keep,
            Fate::Conflicts | Fate::Pending { .. } => false,
        }
    }
}
