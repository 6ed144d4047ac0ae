//! The intervention branch: where a person has to decide, everything is prepared.
//!
//! It holds what was carried so far and, as its tip, one commit that is never part of a candidate:
//! the conflicted files with their markers, and the report in its message. It can be pushed, and
//! finished in any clone of the fork ([`super::resume`]).

pub mod mark;
mod message;

use self::mark::Mark;
use super::{
    candidate,
    commit::RawCommit,
    id::{CommitId, TreeId},
    pick::{Conflict, Fate, Landed, Picks, ResolvedBy},
    plan::{Onto, Plan},
    repository::Repository,
    stack::Stack,
};
use crate::{
    text::printable,
    workspace::{Failure, Workspace},
};

/// Why a person has to decide.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause<'a> {
    /// A patch conflicts.
    Conflict(&'a Conflict),
    /// Upstream has patches, and `watch.<name>.landed` is `ask`.
    Landed,
    /// A merge of the stack holds something that none of its commits holds.
    Merges,
}

impl<'a> Cause<'a> {
    /// The cause that stopped a run, if it was one for a person.
    #[must_use]
    pub fn of(plan: &Plan, picks: &'a Picks) -> Option<Self> {
        if !plan.flatten && plan.stack.evil_merges().next().is_some() {
            return Some(Self::Merges);
        }
        if let Some(conflict) = &picks.conflict {
            return Some(Self::Conflict(conflict));
        }
        let asks = |fate: &Fate| matches!(fate, Fate::Landed { handling: Landed::Ask, .. });
        picks.picked.iter().any(|picked| asks(&picked.fate)).then_some(Self::Landed)
    }
}

/// An intervention branch that was left.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Left {
    /// Its ref.
    pub reference: String,
    /// Its commit.
    pub commit: CommitId,
    /// Whether it was there already.
    pub was_there: bool,
}

/// Leaves the intervention branch of a run that was stopped.
///
/// The same plan and the same picks give the same commit, in any clone.
///
/// # Errors
/// When it cannot be written, or a branch of its name is there that a person has built upon.
pub fn leave(
    workspace: &Workspace,
    repository: &Repository,
    plan: &Plan,
    picks: &Picks,
    cause: Cause<'_>,
) -> Result<Left, Failure> {
    let before = before(picks, cause);
    let parent = candidate::build_unsigned(repository, plan, &before)?.candidate;
    let tree = match cause {
        Cause::Conflict(conflict) => conflict.tree.clone(),
        Cause::Landed | Cause::Merges => tree_of(repository, &parent)?,
    };
    let mark = Mark::of(workspace, repository, plan, &before, cause)?;
    let reference = reference(plan, &mark);
    let committer = candidate::committer(plan);
    let author = match cause {
        Cause::Conflict(conflict) => author(&repository.commit(&conflict.patch.commit)?, &conflict.patch.author),
        Cause::Landed | Cause::Merges => committer.clone().into_bytes(),
    };
    let mut content = format!("tree {tree}\nparent {parent}\nauthor ").into_bytes();
    content.extend(author);
    content.extend(format!("\ncommitter {committer}\n\n").bytes());
    content.extend(message::write(plan, picks, cause, &mark, &reference).bytes());
    let commit = repository.write_commit(&content)?;
    let was_there = point(repository, &reference, &commit)?;
    Ok(Left { reference, commit, was_there })
}

/// What was carried before the run was stopped.
fn before(picks: &Picks, cause: Cause<'_>) -> Picks {
    let picked = picks.picked.iter().take_while(|picked| !matches!(picked.fate, Fate::Conflicts));
    let picked = if cause == Cause::Merges { Vec::new() } else { picked.cloned().collect() };
    Picks { picked, conflict: None }
}

/// The branch's ref: the plan's own at first, and another one after each decision by hand.
///
/// A branch that a person has checked out and finished is never moved. What is appended cannot be
/// part of another key's name ([`crate::refname::component`]).
fn reference(plan: &Plan, mark: &Mark) -> String {
    let decided = mark.resolved.iter().filter(|resolved| resolved.by == ResolvedBy::Hand).count();
    match decided + usize::from(mark.flatten) {
        0 => plan.names.intervention.clone(),
        decisions => format!("{}=+{}", plan.names.intervention, decisions + 1),
    }
}

/// The author's line, in UTF-8: the message is.
fn author(patch: &RawCommit, decoded: &str) -> Vec<u8> {
    let line = patch.author();
    if std::str::from_utf8(line).is_ok() {
        return line.to_vec();
    }
    let date = line.iter().rposition(|&byte| byte == b'>').map_or(&b""[..], |end| &line[end + 1..]);
    [decoded.as_bytes(), date].concat()
}

fn tree_of(repository: &Repository, commit: &CommitId) -> Result<TreeId, Failure> {
    let tree = repository.commit(commit)?.tree();
    Ok(tree.map_err(|reason| super::repository::unreadable("cat-file", reason))?)
}

/// Points the branch to the commit; whether it was there. What a person has built upon stays.
fn point(repository: &Repository, reference: &str, commit: &CommitId) -> Result<bool, Failure> {
    let there = candidate::there(repository, reference)?;
    let old = match &there {
        Some(there) if there == commit => return Ok(true),
        Some(there) => {
            refuse_touched(repository, reference, there, commit)?;
            there.to_string()
        }
        None => "0".repeat(commit.as_str().len()),
    };
    let note = "patch carry: a person has to decide";
    repository.output(&["update-ref", "--no-deref", "-m", note, reference, commit.as_str(), &old])?;
    Ok(false)
}

/// Refuses to move a branch whose tip is not as we left it, or that is checked out.
fn refuse_touched(
    repository: &Repository,
    reference: &str,
    there: &CommitId,
    commit: &CommitId,
) -> Result<(), Failure> {
    let short = printable(reference.trim_start_matches("refs/heads/"));
    let raw = repository.commit(there)?;
    if !is_untouched(&raw) {
        let away = format!("move it away: `git branch --move {short} OTHER-NAME`, then carry again");
        let (which, hint) = if is_same_state(repository, there, commit)? {
            ("", format!("finish it: `git switch {short}`, then `patch carry --continue`; or {away}"))
        } else {
            // To continue from it would be refused: it is not of this run.
            (", which belongs to another state of the run", away)
        };
        let what = format!(
            "a person has worked on the intervention branch `{short}` ({}){which}; it was left alone",
            there.short()
        );
        return Err(Failure::Carry(what, Some(hint)));
    }
    let worktree = repository.text(&["for-each-ref", "--format=%(worktreepath)", reference])?;
    if !worktree.is_empty() {
        let what = format!(
            "the intervention branch `{short}` is to be moved to {}, and is checked out in {}",
            commit.short(),
            printable(&worktree)
        );
        let hint = "switch to another branch there, then carry again".to_owned();
        return Err(Failure::Carry(what, Some(hint)));
    }
    Ok(())
}

/// Whether what a person has built upon an intervention can be continued from in the state of this one.
fn is_same_state(repository: &Repository, there: &CommitId, commit: &CommitId) -> Result<bool, Failure> {
    let new = repository.commit(commit)?;
    let parents = new.parents().map_err(|reason| super::repository::unreadable("cat-file", reason))?;
    let Some(below) = parents.first() else { return Ok(false) };
    let Some(left) = among(repository, below, there)? else { return Ok(false) };
    let state = |raw: &RawCommit| Mark::read(&String::from_utf8_lossy(&raw.message));
    Ok(state(&repository.commit(&left)?).is_some_and(|left| state(&new) == Some(left)))
}

/// Whether it is an intervention's commit as it was left: committed by us.
#[must_use]
pub fn is_untouched(commit: &RawCommit) -> bool {
    is_intervention(&String::from_utf8_lossy(&commit.message)) && candidate::is_ours(commit)
}

/// Whether a commit's message is an intervention's: such a commit is no candidate, and no patch.
///
/// Promotion, verification, release and the stack refuse it, and whatever has it among its ancestors
/// ([`among`]); also when a person has amended it, for only a run that continues from it removes it.
#[must_use]
pub fn is_intervention(message: &str) -> bool {
    message.lines().any(|line| line.starts_with(mark::TRAILER))
}

/// The newest intervention commit that `tip` has and `base` does not, if there is one.
///
/// # Errors
/// When Git cannot tell.
pub fn among(repository: &Repository, base: &CommitId, tip: &CommitId) -> Result<Option<CommitId>, Failure> {
    anywhere(repository, Some(base), tip)
}

/// As [`among`]; without a base, in all of the history.
///
/// # Errors
/// When Git cannot tell.
pub fn anywhere(repository: &Repository, base: Option<&CommitId>, tip: &CommitId) -> Result<Option<CommitId>, Failure> {
    let pattern = format!("--grep=^{}", mark::TRAILER);
    let not = base.map(|base| format!("^{base}"));
    let args = ["rev-list", "--max-count=1", &pattern, tip.as_str()];
    let found = repository.text(&args.into_iter().chain(not.as_deref()).collect::<Vec<_>>())?;
    if found.is_empty() {
        return Ok(None);
    }
    Ok(Some(found.parse().map_err(|reason| super::repository::unreadable("rev-list", reason))?))
}

/// Refuses a stack with an intervention in it: its files may be full of conflict markers.
///
/// # Errors
/// When there is one.
pub fn refuse_in(repository: &Repository, onto: &Onto, stack: &Stack) -> Result<(), Failure> {
    for series in &stack.series {
        if let Some(commit) = among(repository, &onto.commit, &series.head)? {
            let branch = printable(&series.branch);
            return Err(Failure::Usage(
                format!("`{branch}` has an intervention commit, {}, which is no patch", commit.short()),
                Some(
                    "on an intervention branch, `patch carry --continue` goes on; or name the branch that holds your \
                     patches: `--stack BRANCH`"
                        .to_owned(),
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn commit(committer: &str, message: &str) -> RawCommit {
        let content = format!("tree {A}\nauthor A <a@x> 1 +0000\ncommitter {committer} 1 +0000\n\n{message}");
        RawCommit::parse(content.as_bytes()).unwrap()
    }

    #[test]
    fn interventions_are_recognised_and_told_from_work_on_them() {
        let marked = "patch: conflict: x\n\nPatch-Intervention: patch:up:v2\n";
        assert!(is_intervention(marked));
        assert!(is_intervention("retitled\n\nPatch-Intervention: x\nSigned-off-by: P\n"));
        assert!(!is_intervention("patch: conflict: x\n\nsays Patch-Intervention: x\n"));
        assert!(is_untouched(&commit(candidate::COMMITTER, marked)));
        assert!(!is_untouched(&commit("P <p@x>", marked)));
        assert!(!is_untouched(&commit(candidate::COMMITTER, "a carried patch\n")));
    }

    #[test]
    fn an_author_in_another_encoding_is_decoded() {
        let content = b"tree aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nauthor J\xfc <j@x> 7 +0200\n\nm";
        let raw = RawCommit::parse(content).unwrap();
        assert_eq!(author(&raw, "J\u{fc} <j@x>"), "J\u{fc} <j@x> 7 +0200".as_bytes());
        assert_eq!(author(&commit("P <p@x>", "m"), "?"), b"A <a@x> 1 +0000");
    }
}
