//! The proof that nothing was lost, made of what Git has and not of what we meant to write.

use super::{
    candidate::{self, Built},
    id::CommitId,
    landed::{Direction, patch_ids},
    pick::{Fate, Picks},
    plan::Plan,
    repository::Repository,
    stack::{Patch, source::contains},
};
use crate::{text::printable, workspace::Failure};
use std::collections::BTreeSet;

/// Proves that every patch is accounted for exactly once, and that each new commit says what the old
/// one said; tells carried patches that changed from those that did not.
///
/// # Errors
/// When anything is not as it should be: nothing may be published then.
pub fn prove(repository: &Repository, plan: &Plan, picks: &mut Picks, built: &Built) -> Result<(), Failure> {
    account(plan, picks, built).map_err(|reason| unproven(&reason))?;
    let listed = repository.text(&[
        "rev-list",
        "--topo-order",
        "--reverse",
        "--no-commit-header",
        "--format=%H %P",
        built.candidate.as_str(),
        &format!("^{}", plan.onto.commit),
    ])?;
    let mut parent = &plan.onto.commit;
    let mut listed = listed.lines();
    let committer = candidate::committer(plan);
    for ((patch, picked), new) in plan.stack.patches().zip(&picks.picked).zip(&built.commits) {
        let Some(new) = new else { continue };
        let place = patch.place;
        if listed.next() != Some(&format!("{new} {parent}")) {
            return Err(unproven(&format!("patch {place} is not where it should be in the candidate")));
        }
        let (old, made) = (repository.commit(&patch.commit)?, repository.commit(new)?);
        if !old.says_the_same(&made) || made.committer() != committer.as_bytes() {
            return Err(unproven(&format!("patch {place} does not say in {} what it said before", new.short())));
        }
        if made.tree().as_ref() != Ok(&picked.tree) {
            return Err(unproven(&format!("patch {place} has another tree than was picked")));
        }
        parent = new;
    }
    if listed.next().is_some() {
        return Err(unproven("the candidate holds a commit that is no patch"));
    }
    changed(repository, plan, picks, built)
}

fn unproven(reason: &str) -> Failure {
    let hint = "nothing was published; this is a defect of `patch`, or somebody changed the repository meanwhile";
    Failure::Carry(format!("the proof fails: {reason}"), Some(hint.to_owned()))
}

/// Whether each patch has one fate and, if that is to be carried, one commit.
fn account(plan: &Plan, picks: &Picks, built: &Built) -> Result<(), String> {
    let count = plan.stack.len();
    if picks.picked.len() != count || built.commits.len() != count {
        return Err(format!("{count} patches have {} fates", picks.picked.len()));
    }
    let mut commits = BTreeSet::new();
    for (index, (picked, commit)) in picks.picked.iter().zip(&built.commits).enumerate() {
        if picked.index != index {
            return Err(format!("patch {} is accounted for at the wrong place", index + 1));
        }
        if picked.is_carried() != commit.is_some() || commit.as_ref().is_some_and(|commit| !commits.insert(commit)) {
            return Err(format!("patch {} has a fate that its commit does not match", index + 1));
        }
    }
    Ok(())
}

/// Marks the carried patches that do not make line for line the same change.
fn changed(repository: &Repository, plan: &Plan, picks: &mut Picks, built: &Built) -> Result<(), Failure> {
    let carried: Vec<(usize, &CommitId, &CommitId)> = plan
        .stack
        .patches()
        .zip(&built.commits)
        .enumerate()
        .filter_map(|(index, (patch, new))| Some((index, &patch.commit, new.as_ref()?)))
        .filter(|(index, ..)| picks.picked[*index].fate == Fate::Carried)
        .collect();
    let both = carried.iter().flat_map(|(_, old, new)| [*old, *new]);
    let ids = patch_ids(repository, both, Direction::Forward)?;
    let changed = carried.iter().filter(|(_, old, new)| ids.get(*old) != ids.get(*new));
    for index in changed.map(|(index, ..)| *index).collect::<Vec<_>>() {
        picks.picked[index].fate = Fate::Changed;
    }
    Ok(())
}

/// `git range-diff` of each branch of the stack, old against new.
///
/// # Errors
/// If Git cannot compare.
pub fn range_diff(repository: &Repository, plan: &Plan, built: &Built) -> Result<String, Failure> {
    let mut text = String::new();
    let mut new_base = &plan.onto.commit;
    for (index, (series, new)) in plan.stack.series.iter().zip(&built.heads).enumerate() {
        // A branch may be on the one before it, or beside it on the base.
        let mut old_base = &plan.stack.base;
        for before in plan.stack.series[..index].iter().rev() {
            if contains(repository, &series.head, &before.head)? {
                old_base = &before.head;
                break;
            }
        }
        let (old, new_range) = (format!("{old_base}..{}", series.head), format!("{new_base}..{new}"));
        let args = ["range-diff", "--no-color", "--no-ext-diff", "--no-textconv", &old, &new_range];
        // Git takes a range without a commit for none at all.
        let part = match (*new_base == *new, series.patches.is_empty()) {
            (false, false) => repository.text(&args)?,
            (true, _) => series.patches.iter().map(dropped).collect(),
            (false, true) => String::new(),
        };
        if plan.stack.series.len() > 1 {
            text.extend(["# ", &printable(&series.branch), "\n"]);
        }
        text.push_str(&part);
        text.push('\n');
        new_base = new;
    }
    Ok(text)
}

/// The line of a patch that has no counterpart, as `git range-diff` writes it.
fn dropped(patch: &Patch) -> String {
    format!("{}:  {} < -:  ---------- {}\n", patch.place, patch.commit.short(), printable(&patch.subject))
}
