//! Patch ids: a hash of what a commit changes, without where in the file it does.

use super::super::{
    id::{CommitId, lines},
    repository::{Repository, unreadable},
};
use crate::workspace::Failure;
use std::collections::HashMap;

/// A patch id; equal for two commits that change the same lines in the same way.
pub type PatchId = String;

/// Which way a change is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// From the parent to the commit.
    Forward,
    /// From the commit to its parent: what a revert does.
    Backward,
}

/// How a change is written to be hashed.
const DIFF: [&str; 10] = [
    "-p",
    "--binary",
    "--full-index",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--unified=3",
    "--src-prefix=a/",
    "--dst-prefix=b/",
];

/// The patch id of all that lies between two commits; `None` if that is nothing.
///
/// # Errors
/// If Git cannot tell.
pub fn range_patch_id(repository: &Repository, from: &CommitId, to: &CommitId) -> Result<Option<PatchId>, Failure> {
    let mut diff = vec!["diff-tree"];
    diff.extend(DIFF);
    diff.extend([from.as_str(), to.as_str()]);
    let output = repository.piped(&diff, b"", &["patch-id", "--verbatim"])?;
    let text = String::from_utf8_lossy(&output);
    Ok(text.split_once(' ').map(|(id, _)| id.to_owned()))
}

/// The patch ids of commits; one that changes nothing has none.
///
/// White space counts: by Git's usual id, a patch that indents a line is equal to one that does not.
/// Binary files count by their content, and there is no rename detection: a likeness is no proof.
///
/// # Errors
/// If Git cannot tell.
pub fn patch_ids<'a>(
    repository: &Repository,
    commits: impl IntoIterator<Item = &'a CommitId>,
    direction: Direction,
) -> Result<HashMap<CommitId, PatchId>, Failure> {
    let input = lines("", commits);
    if input.is_empty() {
        return Ok(HashMap::new());
    }
    let mut diff = vec!["diff-tree", "--stdin", "--root"];
    diff.extend(DIFF);
    if direction == Direction::Backward {
        diff.push("-R");
    }
    let output = repository.piped(&diff, input.as_bytes(), &["patch-id", "--verbatim"])?;
    let text = String::from_utf8_lossy(&output);
    let pairs = text.lines().map(|line| {
        let (id, commit) = line.split_once(' ')?;
        Some((commit.parse().ok()?, id.to_owned()))
    });
    let ids: Option<HashMap<_, _>> = pairs.collect();
    Ok(ids.ok_or_else(|| unreadable("patch-id", "a line is not `id commit`".to_owned()))?)
}
