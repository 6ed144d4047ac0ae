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
    let mut diff = vec!["diff-tree", "--stdin", "-p", "--binary", "--full-index", "--root", "--no-renames"];
    diff.extend(["--no-ext-diff", "--no-textconv", "--no-color", "--unified=3", "--src-prefix=a/", "--dst-prefix=b/"]);
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
