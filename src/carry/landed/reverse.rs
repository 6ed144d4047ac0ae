//! Landed by content: the patch can be taken out of upstream's tree, and put back.

use super::super::{id::TreeId, merge::Merged, repository::Repository, stack::Patch};
use crate::workspace::Failure;
use std::collections::BTreeSet;

/// The patches, by place, that are in the tree `onto` with every line, and were not in `base`.
///
/// The newest patch first: taken out, it leaves the tree in which the next older one is looked for,
/// so that a commit of upstream's that squashes several is seen as all of them. A patch is there if
/// taking it out changes the tree, and putting it back gives exactly the same tree again.
///
/// That alone would take a patch for landed which removes what an older patch of the stack added:
/// upstream never had either. So the same is tried with the old base, which cannot have it: what
/// that "proves" there proves nothing.
///
/// # Errors
/// If Git cannot merge.
pub fn reversed<'a>(
    repository: &Repository,
    patches: impl DoubleEndedIterator<Item = &'a Patch>,
    base: &TreeId,
    onto: &TreeId,
) -> Result<BTreeSet<usize>, Failure> {
    let (mut before, mut now) = (base.clone(), onto.clone());
    let mut found = BTreeSet::new();
    for patch in patches.rev().filter(|patch| !patch.is_empty()) {
        if let Some(without) = taken_out(repository, patch, &before, onto)? {
            before = without;
        } else if let Some(without) = taken_out(repository, patch, &now, onto)? {
            now = without;
            found.insert(patch.place);
        }
    }
    Ok(found)
}

/// `tree` without the patch, if it is there.
fn taken_out(
    repository: &Repository,
    patch: &Patch,
    tree: &TreeId,
    attributes: &TreeId,
) -> Result<Option<TreeId>, Failure> {
    let Merged::Clean(without) = repository.merge(&patch.after, tree, &patch.before, attributes)? else {
        return Ok(None);
    };
    if without == *tree {
        return Ok(None);
    }
    let with = repository.merge(&patch.before, &without, &patch.after, attributes)?;
    Ok((with == Merged::Clean(tree.clone())).then_some(without))
}
