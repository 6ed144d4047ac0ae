//! Landed by history: an upstream commit makes the same change, and none after it takes it back.

use super::{
    super::{
        id::{CommitId, TreeId, lines},
        merge::Merged,
        plan::Onto,
        repository::{Repository, unreadable},
        stack::{Patch, Stack},
    },
    Direction, PatchId, patch_ids,
};
use crate::workspace::Failure;
use std::collections::{BTreeSet, HashMap};

/// What upstream's history says of the patches, by their commits.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Twins {
    /// The upstream commit that makes the same change at the same place, and stands.
    pub landed: HashMap<CommitId, CommitId>,
    /// The upstream commit that took the same change back.
    pub reverted: HashMap<CommitId, CommitId>,
}

/// Finds upstream's twins of the patches, between their base and `onto`.
///
/// # Errors
/// If Git cannot tell.
pub fn twins(repository: &Repository, stack: &Stack, onto: &Onto) -> Result<Twins, Failure> {
    let patches: HashMap<&CommitId, &Patch> = stack.patches().map(|patch| (&patch.commit, patch)).collect();
    let (alike, upstream_alike) = alike(repository, stack, onto, &patches)?;
    if upstream_alike.is_empty() {
        return Ok(Twins::default());
    }
    let ids = patch_ids(repository, &alike, Direction::Forward)?;
    let upstream_ids = patch_ids(repository, &upstream_alike, Direction::Forward)?;
    let known: BTreeSet<&PatchId> = upstream_ids.values().collect();
    let ours: Vec<&CommitId> = stack.patches().map(|patch| &patch.commit).filter(|it| alike.contains(it)).collect();
    let ours: Vec<&CommitId> =
        ours.into_iter().filter(|it| ids.get(*it).is_some_and(|id| known.contains(id))).collect();
    let backward = patch_ids(repository, ours.iter().copied(), Direction::Backward)?;
    let history = history(repository, stack, onto, &ours)?;
    let all_ids = patch_ids(repository, history.iter().map(|commit| &commit.id), Direction::Forward)?;
    let mut twins = Twins::default();
    let mut seen = BTreeSet::new();
    for commit in &ours {
        let id = &ids[*commit];
        if !seen.insert(id) {
            continue;
        }
        let same: Vec<&CommitId> = ours.iter().copied().filter(|other| ids[*other] == *id).collect();
        let standing = standing(&history, &all_ids, id, backward.get(*commit));
        // One commit of upstream's is the twin of one patch: a second patch that does the same again
        // needs a second commit.
        let mut upstream = standing.present.into_iter();
        for commit in same {
            let twin =
                upstream.by_ref().find_map(|twin| match is_same_place(repository, patches[commit], &twin, onto) {
                    Ok(true) => Some(Ok(twin)),
                    Ok(false) => None,
                    Err(failure) => Some(Err(failure)),
                });
            match twin.transpose()? {
                Some(twin) => drop(twins.landed.insert(commit.clone(), twin)),
                None => twins.reverted.extend(standing.reverted.clone().map(|by| (commit.clone(), by))),
            }
        }
    }
    Ok(twins)
}

/// The commits of the stack and of upstream that Git takes for the same change, by its usual patch id.
///
/// It does not read what it need not, and is blind to white space: those found are looked at again.
fn alike(
    repository: &Repository,
    stack: &Stack,
    onto: &Onto,
    patches: &HashMap<&CommitId, &Patch>,
) -> Result<(BTreeSet<CommitId>, BTreeSet<CommitId>), Failure> {
    let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
    for series in &stack.series {
        let range = format!("{}...{}", onto.commit, series.head);
        let listed = repository.text(&["rev-list", "--no-merges", "--cherry-mark", "--left-right", &range])?;
        for id in listed.lines().filter_map(|line| line.strip_prefix('=')) {
            let id: CommitId = id.parse().map_err(|reason| unreadable("rev-list", reason))?;
            let side = if patches.contains_key(&id) { &mut ours } else { &mut theirs };
            side.insert(id);
        }
    }
    Ok((ours, theirs))
}

/// An upstream commit and what its message says that it reverts.
#[derive(Debug)]
struct Told {
    id: CommitId,
    reverts: Vec<String>,
}

/// Upstream's commits that touch what these patches touch, oldest first, and all that revert others.
fn history(repository: &Repository, stack: &Stack, onto: &Onto, patches: &[&CommitId]) -> Result<Vec<Told>, Failure> {
    let input = lines("", patches.iter().copied());
    let args = ["diff-tree", "--stdin", "-r", "--root", "--no-renames", "--no-commit-id", "--name-only", "-z"];
    let named = repository.answer(&args, input.as_bytes())?;
    let paths: BTreeSet<&[u8]> = named.split(|&byte| byte == 0).filter(|path| !path.is_empty()).collect();
    let range = lines("", [&onto.commit]) + &lines("^", stack.series.iter().map(|series| &series.head));
    let mut limited = range.clone().into_bytes();
    // A path with a line end cannot be asked for: then all commits are.
    if paths.iter().all(|path| !path.contains(&b'\n')) {
        limited.extend(b"--\n");
        for path in paths {
            limited.extend(path);
            limited.push(b'\n');
        }
    }
    let touching = told(repository, &["--full-history"], &limited)?;
    let reverting = told(repository, &["--fixed-strings", "--grep=This reverts commit"], range.as_bytes())?;
    let known: BTreeSet<CommitId> = touching.iter().chain(&reverting).map(|told| told.id.clone()).collect();
    let order =
        repository.answer(&["rev-list", "--topo-order", "--reverse", "--no-merges", "--stdin"], range.as_bytes())?;
    let mut by_id: HashMap<CommitId, Told> =
        touching.into_iter().chain(reverting).map(|told| (told.id.clone(), told)).collect();
    let order = String::from_utf8_lossy(&order);
    let order = order.lines().filter_map(|line| line.parse::<CommitId>().ok()).filter(|id| known.contains(id));
    Ok(order.filter_map(|id| by_id.remove(&id)).collect())
}

fn told(repository: &Repository, options: &[&str], input: &[u8]) -> Result<Vec<Told>, Failure> {
    let mut args = vec!["rev-list", "--no-merges", "--no-commit-header", "--format=%H%n%B%x00", "--stdin"];
    args.extend(options);
    let mut command = repository.command(&args)?;
    command.env("GIT_LITERAL_PATHSPECS", "1");
    let output = repository.answer_of(command, "rev-list", input)?;
    let text = String::from_utf8_lossy(&output);
    let commits = text.split('\0').map(|commit| commit.trim_start_matches('\n')).filter(|commit| !commit.is_empty());
    let told: Option<Vec<Told>> = commits
        .map(|commit| {
            let (id, message) = commit.split_once('\n').unwrap_or((commit, ""));
            Some(Told { id: id.parse().ok()?, reverts: reverts(message) })
        })
        .collect();
    Ok(told.ok_or_else(|| unreadable("rev-list", "a commit has no id".to_owned()))?)
}

/// The commits that a message says to revert, as `git revert` writes it.
fn reverts(message: &str) -> Vec<String> {
    let said = message.split("This reverts commit ").skip(1);
    let ids = said.map(|rest| rest.chars().take_while(char::is_ascii_hexdigit).collect::<String>());
    ids.filter(|id| id.len() >= 7).collect()
}

/// How often a change stands at the end of a history.
#[derive(Debug, Default, Eq, PartialEq)]
struct Standing {
    /// The commits that made it and that no other took back.
    present: Vec<CommitId>,
    /// The last commit that took it back.
    reverted: Option<CommitId>,
}

/// Follows one change through a history: made, taken back by content or by word, made again.
fn standing(
    history: &[Told],
    ids: &HashMap<CommitId, PatchId>,
    change: &PatchId,
    backward: Option<&PatchId>,
) -> Standing {
    let mut standing = Standing::default();
    // Which commit's change a revert took back: whoever reverts the revert makes it again.
    let mut undone: HashMap<CommitId, CommitId> = HashMap::new();
    for commit in history {
        let id = ids.get(&commit.id);
        let names = |other: &CommitId| commit.reverts.iter().any(|id| other.as_str().starts_with(id.as_str()));
        if id == Some(change) {
            standing.present.push(commit.id.clone());
        } else if let Some(at) = standing.present.iter().rposition(names) {
            undone.insert(commit.id.clone(), standing.present.remove(at));
            standing.reverted = Some(commit.id.clone());
        } else if id.is_some() && id == backward {
            if let Some(made) = standing.present.pop() {
                undone.insert(commit.id.clone(), made);
            }
            standing.reverted = Some(commit.id.clone());
        } else if let Some(revert) = undone.keys().find(|revert| names(revert)).cloned() {
            standing.present.extend(undone.remove(&revert));
        }
    }
    standing
}

/// Whether the twin makes the patch's change at the patch's place: without the patch, its tree is that
/// of its parent.
fn is_same_place(repository: &Repository, patch: &Patch, twin: &CommitId, onto: &Onto) -> Result<bool, Failure> {
    let tree = |commit: &CommitId| -> Result<TreeId, Failure> {
        Ok(repository.commit(commit)?.tree().map_err(|reason| unreadable("cat-file", reason))?)
    };
    let parents = repository.commit(twin)?.parents().map_err(|reason| unreadable("cat-file", reason))?;
    let before = parents.first().map_or_else(|| Ok(repository.empty_tree().clone()), tree)?;
    let without = repository.merge(&patch.after, &tree(twin)?, &patch.before, &onto.tree)?;
    Ok(without == Merged::Clean(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(letter: char) -> CommitId {
        letter.to_string().repeat(40).parse().unwrap()
    }

    #[test]
    fn a_change_is_followed_through_a_history() {
        // `+` makes it, `-` takes it back by content, `a` by word takes back commit a; else none.
        #[track_caller]
        fn case(history: &[(char, &str)], present: &[char], reverted: Option<char>) {
            let told = |(letter, what): &(char, &str)| Told {
                id: id(*letter),
                reverts: what.strip_prefix("revert ").map(|of| of.repeat(40)).into_iter().collect(),
            };
            let ids = history.iter().filter(|(_, what)| matches!(*what, "+" | "-"));
            let ids = ids.map(|(letter, what)| (id(*letter), (*what).to_owned())).collect();
            let told: Vec<Told> = history.iter().map(told).collect();
            let found = standing(&told, &ids, &"+".to_owned(), Some(&"-".to_owned()));
            let expected = Standing { present: present.iter().copied().map(id).collect(), reverted: reverted.map(id) };
            assert_eq!(found, expected);
        }
        case(&[], &[], None);
        case(&[('a', "+")], &['a'], None);
        case(&[('a', "+"), ('b', "other")], &['a'], None);
        case(&[('a', "+"), ('b', "-")], &[], Some('b'));
        case(&[('a', "+"), ('b', "revert a")], &[], Some('b'));
        case(&[('a', "+"), ('b', "-"), ('c', "+")], &['c'], Some('b'));
        case(&[('a', "+"), ('b', "revert a"), ('c', "revert b")], &['a'], Some('b'));
        case(&[('a', "+"), ('b', "-"), ('c', "revert b")], &['a'], Some('b'));
        case(&[('b', "-"), ('a', "+")], &['a'], Some('b'));
        case(&[('a', "+"), ('c', "+"), ('b', "revert a")], &['c'], Some('b'));
    }

    #[test]
    fn what_a_message_reverts_is_read() {
        assert_eq!(reverts("Revert \"x\"\n\nThis reverts commit 0123456789abcdef.\n"), ["0123456789abcdef"]);
        assert_eq!(reverts("This reverts commit abc, sort of"), [""; 0]);
        assert_eq!(reverts("nothing"), [""; 0]);
    }
}
