//! The objects that a review looks at: fetched where they are not here, and kept as long as it matters.

use super::refs::At;
use crate::{
    carry::{id::CommitId, repository::Repository},
    dispatch::trigger::event_in,
    ledger::state::{Pushed, Seen},
    refname::component,
    watch::Watch,
    workspace::{Failure, Workspace},
};

/// How many commits of others may lie on a trigger branch above ours.
const BUILT_ON: usize = 100;

/// Where the objects of a watch's reviews are kept.
#[must_use]
pub fn prefix(watch: &Watch) -> String {
    format!("refs/patch-moi/review/{}/", component(watch.name.as_str()))
}

/// Fetches those of the fork's refs whose objects are not here, in one go.
///
/// # Errors
/// If Git cannot tell, or the fork cannot be asked.
pub fn fetch<'a>(
    workspace: &Workspace,
    repository: &Repository,
    watch: &Watch,
    wanted: impl IntoIterator<Item = &'a Seen>,
) -> Result<(), Failure> {
    let mut refspecs = Vec::new();
    for seen in wanted {
        if git2::Reference::is_valid_name(&seen.reference) && !repository.has(&seen.sha)? {
            refspecs.push(format!("+{}:{}{}", seen.reference, prefix(watch), component(&seen.reference)));
        }
    }
    refspecs.sort();
    refspecs.dedup();
    Ok(workspace.git.fetch(&watch.fork, &refspecs, watch.fetch_timeout)?)
}

/// The message of an annotated tag's object; `None` if it is not here, or none.
///
/// # Errors
/// If Git cannot be run.
pub fn tag_message(repository: &Repository, object: &str) -> Result<Option<String>, Failure> {
    let mut command = repository.command(&["cat-file", "tag", object])?;
    command.env("GIT_NO_LAZY_FETCH", "1");
    let finished = crate::git::finish(command, "cat-file", crate::git::LOCAL)?;
    let text = finished.stdout.lossy();
    let message = text.split_once("\n\n").map(|(_, message)| message.to_owned());
    Ok(message.filter(|_| finished.exit.is_success()))
}

/// The push of a trigger branch, as the branch itself tells it; `None` if it is not of this event.
///
/// # Errors
/// If Git cannot read it.
pub fn trigger(workspace: &Workspace, watch: &Watch, id: &str, at: &At) -> Result<Option<Pushed>, Failure> {
    let history = workspace.git.history(&at.seen.sha, BUILT_ON, watch.fetch_timeout)?;
    Ok(history.into_iter().find_map(|commit| {
        let event = event_in(&commit.message).filter(|event| event.id == id)?;
        Some(Pushed { reference: at.seen.reference.clone(), sha: commit.sha, at: event.received_at })
    }))
}

/// A commit by its id, if it is one and is here.
///
/// # Errors
/// If Git cannot tell.
pub fn commit(repository: &Repository, sha: &str) -> Result<Option<CommitId>, Failure> {
    let Ok(id) = sha.parse::<CommitId>() else { return Ok(None) };
    Ok(repository.has(&format!("{id}^{{commit}}"))?.then_some(id))
}
