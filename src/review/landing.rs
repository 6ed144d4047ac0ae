//! Whether the stack has a candidate, however it was merged: asked of Git, with what shows it.
//!
//! A forge's merge button makes a merge commit, squashes into one commit, or makes each commit anew on
//! the branch; a person may also move the branch to the candidate. In none of these ways is anybody's
//! word needed: the branch shows it.

use super::{judge::Landed, state::Evidence};
use crate::{
    carry::{
        id::{CommitId, TreeId},
        landed::{Direction, patch_ids, range_patch_id},
        merge::Merged,
        repository::{Repository, unreadable},
    },
    workspace::Failure,
};
use std::collections::HashSet;

/// How many commits of the stack's branch, from its head on, are looked at for one that is the
/// candidate under another name.
const LOOKED_AT: usize = 200;

/// How many commits of a candidate are looked for one by one.
const COMMITS: usize = 1000;

/// A candidate, and what is known of where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its commit.
    pub candidate: &'a CommitId,
    /// The upstream commit that it stands on.
    pub onto: Option<&'a CommitId>,
    /// The head of the stack that it was carried from: what lies there was there before, and shows nothing.
    pub carried_from: Option<&'a CommitId>,
}

/// How the branch whose head is `stack` has the candidate; `None` if it does not show that it has.
///
/// All these commits must be here.
///
/// # Errors
/// If Git cannot tell.
pub fn landed(repository: &Repository, wanted: Wanted<'_>, stack: &CommitId) -> Result<Option<Landed>, Failure> {
    let candidate = wanted.candidate;
    let found = |evidence, commit: &CommitId| Ok(Some(Landed { evidence, as_commit: commit.to_string() }));
    if contains(repository, candidate, stack)? {
        let first = first_with(repository, candidate, stack)?;
        return found(Evidence::Contained, first.as_ref().unwrap_or(stack));
    }
    let Some(base) = merge_base(repository, candidate, stack)? else { return Ok(None) };
    let commits = own_commits(repository, wanted, stack)?;
    if commits.is_empty() {
        return Ok(None);
    }
    let tree = tree(repository, candidate)?;
    let brings_nothing = brings_nothing(repository, wanted, &tree)?;
    // That the stack has what it had before is nobody's doing; that it has the release's commit is.
    let is_open = !brings_nothing || wanted.onto.map_or(Ok(false), |onto| contains(repository, onto, stack))?;
    // The last commit of a rebase is also what merging the candidate gives: this comes first.
    if is_open && is_rebased(repository, wanted, stack, &commits, &tree)? {
        return found(Evidence::PatchIds, stack);
    }
    if brings_nothing {
        return Ok(None);
    }
    if let Some(same) = commits.iter().find(|commit| commit.tree == tree) {
        return found(Evidence::SameTree, &same.id);
    }
    if let Some(squashed) = squashed(repository, &commits, candidate, &tree)? {
        return found(Evidence::Squashed, &squashed);
    }
    let Some(range) = range_patch_id(repository, &base, candidate)? else { return Ok(None) };
    let ids = patch_ids(repository, commits.iter().map(|commit| &commit.id), Direction::Forward)?;
    match commits.iter().find(|commit| ids.get(&commit.id) == Some(&range)) {
        Some(commit) => found(Evidence::RangePatchId, &commit.id),
        None => Ok(None),
    }
}

/// A commit of the stack's branch that the candidate does not have.
struct Own {
    id: CommitId,
    tree: TreeId,
    parent: Option<CommitId>,
    parent_tree: Option<TreeId>,
}

fn contains(repository: &Repository, candidate: &CommitId, stack: &CommitId) -> Result<bool, Failure> {
    let count = repository.text(&["rev-list", "--count", "--max-count=1", candidate.as_str(), &format!("^{stack}")])?;
    Ok(count == "0")
}

/// The oldest commit of the branch that has the candidate: the merge, or the candidate itself.
fn first_with(repository: &Repository, candidate: &CommitId, stack: &CommitId) -> Result<Option<CommitId>, Failure> {
    let range = format!("^{candidate}");
    let along = repository.text(&["rev-list", "--first-parent", "--reverse", stack.as_str(), &range])?;
    let behind = repository.text(&["rev-list", "--ancestry-path", stack.as_str(), &range])?;
    let behind: HashSet<&str> = behind.lines().collect();
    let Some(first) = along.lines().find(|commit| behind.contains(commit)) else { return Ok(None) };
    let first: CommitId = first.parse().map_err(|reason| unreadable("rev-list", reason))?;
    // Where the branch was moved to the candidate and went on, the candidate itself is on it.
    let parents = repository.commit(&first)?.parents().map_err(|reason| unreadable("cat-file", reason))?;
    Ok(Some(if parents.first() == Some(candidate) { candidate.clone() } else { first }))
}

fn merge_base(repository: &Repository, one: &CommitId, other: &CommitId) -> Result<Option<CommitId>, Failure> {
    let finished = repository.attempt(&["merge-base", one.as_str(), other.as_str()])?;
    Ok(finished.stdout.lossy().lines().next().and_then(|base| base.parse().ok()))
}

fn tree(repository: &Repository, commit: &CommitId) -> Result<TreeId, Failure> {
    Ok(repository.commit(commit)?.tree().map_err(|reason| unreadable("cat-file", reason))?)
}

/// What the branch has beside the candidate, and has got since that was carried, along its first
/// parents: that is where forges put what they merge.
///
/// Where it is not known what the candidate was carried from, the time decides what was there before.
fn own_commits(repository: &Repository, wanted: Wanted<'_>, stack: &CommitId) -> Result<Vec<Own>, Failure> {
    let (most, range) = (format!("--max-count={LOOKED_AT}"), format!("^{}", wanted.candidate));
    let before = wanted.carried_from.map(|head| format!("^{head}"));
    let args =
        ["rev-list", "--first-parent", &most, "--no-commit-header", "--format=%H %T %ct %P", stack.as_str(), &range];
    let listed = repository.text(&args.into_iter().chain(before.as_deref()).collect::<Vec<_>>())?;
    let since = match wanted.carried_from {
        Some(_) => 0,
        None => committed_at(repository, wanted.candidate)?,
    };
    let own = |line: &str| {
        let mut fields = line.split(' ');
        let (id, tree) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let at: i64 = fields.next()?.parse().ok()?;
        let parent = fields.next().and_then(|it| it.parse().ok());
        Some((at, Own { id, tree, parent, parent_tree: None }))
    };
    let commits: Option<Vec<(i64, Own)>> = listed.lines().map(own).collect();
    let commits = commits.ok_or_else(|| unreadable("rev-list", "a line is not a commit".to_owned()))?;
    let is_later = |(at, _): &(i64, Own)| *at >= since;
    let mut commits: Vec<Own> = commits.into_iter().take_while(is_later).map(|(_, own)| own).collect();
    let trees: Vec<TreeId> = commits.iter().skip(1).map(|commit| commit.tree.clone()).collect();
    for (index, commit) in commits.iter_mut().enumerate() {
        commit.parent_tree = match (trees.get(index), &commit.parent) {
            (Some(tree), _) => Some(tree.clone()),
            (None, Some(parent)) => Some(self::tree(repository, parent)?),
            (None, None) => None,
        };
    }
    Ok(commits)
}

/// The committer's date, in seconds.
fn committed_at(repository: &Repository, commit: &CommitId) -> Result<i64, Failure> {
    let shown =
        repository.text(&["rev-list", "--max-count=1", "--no-commit-header", "--format=%ct", commit.as_str()])?;
    Ok(shown.parse().map_err(|_| unreadable("rev-list", "a date is none".to_owned()))?)
}

/// The commit that is what merging the candidate into its parent gives, if one is.
fn squashed(
    repository: &Repository,
    commits: &[Own],
    candidate: &CommitId,
    attributes: &TreeId,
) -> Result<Option<CommitId>, Failure> {
    for commit in commits {
        let (Some(parent), Some(parent_tree)) = (&commit.parent, &commit.parent_tree) else { continue };
        if commit.tree == *parent_tree {
            continue;
        }
        if let Merged::Clean(tree) = repository.merge_commits(parent, candidate, attributes)?
            && tree == commit.tree
        {
            return Ok(Some(commit.id.clone()));
        }
    }
    Ok(None)
}

/// Whether everything that the candidate has and the branch has not is on the branch by patch-id, and
/// some commit of the branch has all of it at once.
///
/// The patches themselves prove little: the stack had them before, as they were, and may have taken one back.
fn is_rebased(
    repository: &Repository,
    wanted: Wanted<'_>,
    stack: &CommitId,
    commits: &[Own],
    attributes: &TreeId,
) -> Result<bool, Failure> {
    let candidate = wanted.candidate;
    let missing = listed(repository, candidate, stack)?;
    if missing.is_empty() || missing.len() > COMMITS {
        return Ok(false);
    }
    let missing = patch_ids(repository, &missing, Direction::Forward)?;
    // Commits that change nothing prove nothing.
    if missing.is_empty() {
        return Ok(false);
    }
    let there = listed(repository, stack, candidate)?;
    let there: HashSet<String> = patch_ids(repository, &there, Direction::Forward)?.into_values().collect();
    if !missing.values().all(|id| there.contains(id)) {
        return Ok(false);
    }
    for commit in commits {
        if has_all(repository, &commit.id, &commit.tree, candidate, attributes)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the stack that the candidate was carried from had all of it, as where upstream released what was
/// a patch here, or nothing.
fn brings_nothing(repository: &Repository, wanted: Wanted<'_>, attributes: &TreeId) -> Result<bool, Failure> {
    let Some(before) = wanted.carried_from else { return Ok(false) };
    has_all(repository, before, &tree(repository, before)?, wanted.candidate, attributes)
}

/// Whether merging the candidate into the commit would change nothing.
fn has_all(
    repository: &Repository,
    commit: &CommitId,
    files: &TreeId,
    candidate: &CommitId,
    attributes: &TreeId,
) -> Result<bool, Failure> {
    let merged = repository.merge_commits(commit, candidate, attributes)?;
    Ok(matches!(merged, Merged::Clean(tree) if tree == *files))
}

/// The commits without merges that `tip` has and `other` has not, the newest first.
fn listed(repository: &Repository, tip: &CommitId, other: &CommitId) -> Result<Vec<CommitId>, Failure> {
    let (most, range) = (format!("--max-count={}", COMMITS + 1), format!("^{other}"));
    let listed = repository.text(&["rev-list", "--no-merges", &most, tip.as_str(), &range])?;
    let commits: Result<Vec<CommitId>, String> = listed.lines().map(str::parse).collect();
    Ok(commits.map_err(|reason| unreadable("rev-list", reason))?)
}
