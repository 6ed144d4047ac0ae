//! The branches that hold the stack, where a candidate lands.

use super::objects;
use crate::{
    carry::{id::CommitId, repository::Repository},
    git::GitError,
    ledger::state::Seen,
    parse::refs::RemoteRefs,
    watch::Watch,
    workspace::Failure,
};

/// The branches that hold the stack, among the fork's refs or ours.
#[must_use]
pub fn branches(watch: &Watch, refs: &RemoteRefs) -> Vec<Seen> {
    let name = match &watch.stack {
        Some(name) if name.starts_with("refs/") => name.clone(),
        Some(name) => format!("refs/heads/{name}"),
        None => refs.head.clone().unwrap_or_default(),
    };
    let is_one = |reference: &str| match name.strip_suffix('*') {
        Some(below) => reference.starts_with(below),
        None => reference == name,
    };
    let all = refs.refs.iter().filter(|(reference, _)| is_one(reference));
    all.map(|(reference, at)| Seen { reference: reference.clone(), sha: at.commit().to_owned() }).collect()
}

/// The heads of these branches that are here as commits: the fork's, or without a fork our own.
///
/// What lies in a branch of this clone alone, nobody else has: a fork decides what landed.
///
/// # Errors
/// If Git cannot tell.
pub fn heads(
    repository: &Repository,
    watch: &Watch,
    fork: Option<&RemoteRefs>,
    here: &RemoteRefs,
) -> Result<Vec<CommitId>, Failure> {
    let branches = match (fork, &watch.stack) {
        (Some(fork), _) => branches(watch, fork),
        (None, Some(_)) => branches(watch, here),
        (None, None) => at(here, &checked_out(repository)?).into_iter().collect(),
    };
    let mut heads = Vec::new();
    for seen in branches {
        heads.extend(objects::commit(repository, &seen.sha)?);
    }
    Ok(heads)
}

fn at(refs: &RemoteRefs, name: &str) -> Option<Seen> {
    let at = refs.refs.get(name)?;
    Some(Seen { reference: name.to_owned(), sha: at.commit().to_owned() })
}

/// The branch that is checked out here: the stack of a repository without a fork. Empty if none is.
fn checked_out(repository: &Repository) -> Result<String, GitError> {
    let finished = repository.attempt(&["symbolic-ref", "--quiet", "HEAD"])?;
    Ok(finished.stdout.lossy().trim_end().to_owned())
}
