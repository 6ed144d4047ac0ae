//! `patch carry --continue`: the run done over from its start, with what a person has decided.
//!
//! Nothing is taken from the clone but what the intervention branch and the stack hold. So it ends in
//! the same candidate wherever it is done.

pub mod find;
mod plan;

pub use find::{Intervention, find};
pub use plan::{Decisions, plan};

use super::{
    commit::RawCommit,
    conflicted,
    id::{CommitId, TreeId},
    intervention::is_untouched,
    pick::{Conflict, Picked, Resolution, Resolve, ResolvedBy},
    repository::{Repository, unreadable},
};
use crate::workspace::Failure;

/// What a person has decided, and what was resolved before.
#[derive(Debug)]
pub struct Resumed<'a> {
    repository: &'a Repository,
    found: &'a Intervention,
    /// The commits below the intervention, oldest first.
    below: Vec<Below>,
    /// Whether the conflict came up again.
    used: bool,
}

/// A commit that was carried before the intervention.
#[derive(Debug)]
struct Below {
    parent: TreeId,
    tree: TreeId,
    commit: RawCommit,
}

impl<'a> Resumed<'a> {
    /// Reads what is below the intervention.
    ///
    /// # Errors
    /// When a commit cannot be read.
    pub fn new(repository: &'a Repository, found: &'a Intervention) -> Result<Self, Failure> {
        let range = format!("{}..{}", found.mark.onto.sha, found.parent);
        let listed = repository.text(&["rev-list", "--first-parent", "--reverse", &range])?;
        let mut below = Vec::new();
        let mut parent = tree(&repository.commit(&found.mark.onto.sha)?)?;
        for id in listed.lines() {
            let id: CommitId = id.parse().map_err(|reason| unreadable("rev-list", reason))?;
            let commit = repository.commit(&id)?;
            let tree = tree(&commit)?;
            below.push(Below { parent, tree: tree.clone(), commit });
            parent = tree;
        }
        Ok(Self { repository, found, below, used: false })
    }

    /// Makes sure that what a person has decided went into the run.
    ///
    /// # Errors
    /// When the patch does not conflict any more: then what was resolved would be lost unsaid.
    pub fn check_used(&self) -> Result<(), Failure> {
        match &self.found.mark.conflict {
            Some(patch) if !self.used => Err(self.differs(patch)),
            _ => Ok(()),
        }
    }

    /// What was carried for a patch that conflicted before.
    fn before(&self, conflict: &Conflict) -> Result<Option<TreeId>, Failure> {
        let patch = self.repository.commit(&conflict.patch.commit)?;
        let mut same = self.below.iter().filter(|it| it.parent == conflict.ours && patch.says_the_same(&it.commit));
        Ok(same.next().map(|it| it.tree.clone()))
    }

    fn by_hand(&mut self, conflict: &Conflict) -> Result<TreeId, Failure> {
        let found = self.found;
        self.used = true;
        if tree(&self.repository.commit(&found.parent)?)? != conflict.ours {
            return Err(self.differs(&conflict.patch.commit));
        }
        if found.head == found.commit && is_untouched(&self.repository.commit(&found.head)?) {
            let what = "nothing is resolved yet: HEAD is the conflict as it was left".to_owned();
            let hint = "edit the files, then `git commit --all --amend --no-edit --allow-empty`; if they are right as they are, \
                        amending says so";
            return Err(Failure::Carry(what, Some(hint.to_owned())));
        }
        if let Some((path, line)) = conflicted::marker_left(self.repository, conflict, &found.tree)? {
            let what = format!("a conflict marker is left in {path}, line {line}");
            let hint =
                "edit the file, then `git commit --all --amend --no-edit --allow-empty`, and continue".to_owned();
            return Err(Failure::Carry(what, Some(hint)));
        }
        Ok(found.tree.clone())
    }

    fn differs(&self, patch: &CommitId) -> Failure {
        Failure::Carry(
            format!("the run does not come to {} here as it did where the branch was made", patch.short()),
            Some(self.found.anew()),
        )
    }
}

impl Resolve for Resumed<'_> {
    fn resolve(&mut self, conflict: &Conflict, _: &[Picked]) -> Result<Option<Resolution>, Failure> {
        let patch = &conflict.patch.commit;
        if self.found.mark.conflict.as_ref() == Some(patch) {
            let tree = self.by_hand(conflict)?;
            return Ok(Some(Resolution { tree, by: ResolvedBy::Hand }));
        }
        let Some(resolved) = self.found.mark.resolved.iter().find(|it| it.sha == *patch) else { return Ok(None) };
        match self.before(conflict)? {
            Some(tree) => Ok(Some(Resolution { tree, by: resolved.by })),
            None => Err(self.differs(patch)),
        }
    }
}

fn tree(commit: &RawCommit) -> Result<TreeId, Failure> {
    Ok(commit.tree().map_err(|reason| unreadable("cat-file", reason))?)
}
