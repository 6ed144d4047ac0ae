//! The walk along the stack: one patch after the other onto a tree, to a fate each.

use super::{Conflict, Fate, Landed, Picked, Picks, Proof, Resolve};
use crate::{
    carry::{
        id::TreeId,
        landed::{Twins, reversed, twins},
        merge::Merged,
        plan::{Onto, Plan},
        repository::{Repository, unreadable},
        stack::{Patch, Stack},
    },
    workspace::Failure,
};
use std::collections::BTreeSet;

/// What happens behind a conflict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Behind {
    /// Nothing: the other patches are pending.
    Stop,
    /// The others are tried as if the one that conflicts were not there, only to tell which apply.
    Survey,
}

/// Picks the patches of a plan, in memory; `tell` hears of each as soon as its fate is known.
///
/// # Errors
/// If Git cannot merge, or the resolver fails.
pub fn walk(
    repository: &Repository,
    plan: &Plan,
    behind: Behind,
    resolver: &mut dyn Resolve,
    tell: &mut dyn FnMut(&Patch, &Picked),
) -> Result<Picks, Failure> {
    let (stack, onto) = (&plan.stack, &plan.onto);
    let twins = twins(repository, stack, onto)?;
    let mut walk = Walk { repository, stack, onto, twins, handling: plan.landed, reversed: None };
    let mut picks = Picks { picked: Vec::new(), conflict: None };
    let mut tree = onto.tree.clone();
    for (index, patch) in stack.patches().enumerate() {
        let (fate, after) = if picks.conflict.is_some() {
            walk.pending(patch, &tree, behind)?
        } else {
            match walk.pick(patch, &tree)? {
                Step::Done(fate, after) => (fate, after),
                Step::Conflict(conflict) => {
                    let conflict = walk.with_upstream(*conflict)?;
                    if let Some(resolution) = resolver.resolve(&conflict, &picks.picked)? {
                        (Fate::Resolved { by: resolution.by }, resolution.tree)
                    } else {
                        picks.conflict = Some(conflict);
                        (Fate::Conflicts, tree.clone())
                    }
                }
            }
        };
        tree = after;
        let reverted = walk.twins.reverted.get(&patch.commit).cloned();
        let twin = walk.twins.landed.get(&patch.commit).filter(|_| fate == Fate::Carried).cloned();
        let picked = Picked { index, fate, tree: tree.clone(), reverted, twin };
        tell(patch, &picked);
        picks.picked.push(picked);
    }
    Ok(picks)
}

struct Walk<'a> {
    repository: &'a Repository,
    stack: &'a Stack,
    onto: &'a Onto,
    twins: Twins,
    handling: Landed,
    /// The places of what is found by taking it out, once that was looked for.
    reversed: Option<BTreeSet<usize>>,
}

enum Step {
    Done(Fate, TreeId),
    Conflict(Box<Conflict>),
}

impl Walk<'_> {
    fn pick(&mut self, patch: &Patch, tree: &TreeId) -> Result<Step, Failure> {
        if patch.is_empty() {
            return Ok(Step::Done(Fate::Empty, tree.clone()));
        }
        match self.merge(patch, tree)? {
            // What applies and changes something is not there, whatever upstream once had.
            Merged::Clean(after) if after != *tree => Ok(Step::Done(Fate::Carried, after)),
            Merged::Clean(_) => {
                let proof = match self.twin(patch) {
                    Some(proof) => Some(proof),
                    None if self.merge(patch, &self.onto.tree)? == Merged::Clean(self.onto.tree.clone()) => {
                        Some(Proof::Emptied)
                    }
                    None => self.taken_out(patch)?,
                };
                // Without a proof it is an older patch of the stack that does the same: it stays.
                let fate = proof.map_or(Fate::Changed, |proof| Fate::Landed { proof, handling: self.handling });
                Ok(Step::Done(fate, tree.clone()))
            }
            Merged::Conflicts(marked, files) => {
                let proof = match self.twin(patch) {
                    Some(proof) => Some(proof),
                    None => self.taken_out(patch)?,
                };
                if let Some(proof) = proof {
                    return Ok(Step::Done(Fate::Landed { proof, handling: self.handling }, tree.clone()));
                }
                let (of, ours) = (self.stack.len(), tree.clone());
                Ok(Step::Conflict(Box::new(Conflict { patch: patch.clone(), of, ours, tree: marked, files })))
            }
        }
    }

    fn pending(&mut self, patch: &Patch, tree: &TreeId, behind: Behind) -> Result<(Fate, TreeId), Failure> {
        if behind == Behind::Stop {
            return Ok((Fate::Pending { applies: None }, tree.clone()));
        }
        Ok(match self.merge(patch, tree)? {
            Merged::Clean(after) => (Fate::Pending { applies: Some(true) }, after),
            Merged::Conflicts(..) => (Fate::Pending { applies: Some(false) }, tree.clone()),
        })
    }

    fn merge(&self, patch: &Patch, tree: &TreeId) -> Result<Merged, Failure> {
        Ok(self.repository.merge(&patch.before, tree, &patch.after, &self.onto.tree)?)
    }

    fn twin(&self, patch: &Patch) -> Option<Proof> {
        self.twins.landed.get(&patch.commit).map(|upstream| Proof::PatchId { upstream: upstream.clone() })
    }

    /// The proof by taking the patch out of upstream's tree; all patches are looked for at once.
    fn taken_out(&mut self, patch: &Patch) -> Result<Option<Proof>, Failure> {
        let found = match &mut self.reversed {
            Some(found) => found,
            none => {
                let base = self.repository.commit(&self.stack.base)?;
                let base = base.tree().map_err(|reason| unreadable("cat-file", reason))?;
                none.insert(reversed(self.repository, self.stack.patches(), &base, &self.onto.tree)?)
            }
        };
        Ok(found.contains(&patch.place).then_some(Proof::ReverseApply))
    }

    /// The conflict, with the upstream commits that touched its files.
    fn with_upstream(&self, mut conflict: Conflict) -> Result<Conflict, Failure> {
        for file in &mut conflict.files {
            file.upstream = super::blame::touching(self.repository, &self.stack.base, &self.onto.commit, &file.path)?;
        }
        Ok(conflict)
    }
}
