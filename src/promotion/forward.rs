//! Whether a channel loses nothing by moving to a candidate.
//!
//! A carried stack is history written anew, so a candidate seldom descends from the one before it. A
//! channel goes forward all the same where everything that it holds is accounted for: it is an ancestor
//! of the candidate, or of the stack that the candidate was carried from, whose every patch has its fate in
//! the report; or it is an earlier candidate, of an upstream point that the new one has too.

use super::choice::Offer;
use crate::{
    git::Git,
    ledger::state::{State, UnderReview},
    report::words::{counted, short},
    text::printable,
    watch::Watch,
    workspace::Failure,
};

/// Which way a channel would move.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Way {
    /// It is there.
    Nowhere,
    /// Forward: what it holds is accounted for.
    Forward,
    /// Back, or sideways.
    Back {
        /// What would be lost, in words.
        lost: String,
    },
}

/// Which way a branch that holds `current` would move to the candidate. Both commits must be here.
///
/// # Errors
/// If Git cannot tell.
pub fn way(git: &Git, watch: &Watch, state: &State, current: &str, offer: &Offer<'_>) -> Result<Way, Failure> {
    let candidate = offer.seen.sha.as_str();
    if current == candidate {
        return Ok(Way::Nowhere);
    }
    let has = |tip: &str, commit: &str| -> Result<bool, Failure> { Ok(git.is_ancestor(commit, tip)? == Some(true)) };
    if has(candidate, current)? {
        return Ok(Way::Forward);
    }
    if let Some(stack) = &offer.review.provenance.stack
        && has(stack, current)?
    {
        return Ok(Way::Forward);
    }
    match upstream_of(watch, state, current) {
        Some(onto) if has(candidate, &onto)? => Ok(Way::Forward),
        Some(onto) => {
            let lost = format!("it stands on {} of upstream, which the candidate does not have", short(&onto));
            Ok(Way::Back { lost })
        }
        None => Ok(Way::Back { lost: lost(git, current, candidate)? }),
    }
}

/// The upstream commit that `commit` stands on, if it is a candidate of the watch that is known.
fn upstream_of(watch: &Watch, state: &State, commit: &str) -> Option<String> {
    let of_watch = state.all_reviews().filter(|(_, review)| review.watch == watch.name);
    let is_it = |review: &UnderReview| review.seen.as_ref().is_some_and(|seen| seen.sha == commit);
    let reviewed = of_watch.filter(|(_, review)| is_it(review)).find_map(|(_, review)| review.provenance.onto.clone());
    let moves = state.channels.values().flat_map(|channel| &channel.moves);
    reviewed.or_else(|| moves.filter(|moved| moved.to == commit).find_map(|moved| moved.onto.clone()))
}

/// The commits that the channel has and the candidate has not, in words.
fn lost(git: &Git, current: &str, candidate: &str) -> Result<String, Failure> {
    let commits = git.missing(current, candidate)?;
    let newest = commits.first().map(|(sha, subject)| format!(", the newest {} `{}`", short(sha), printable(subject)));
    Ok(format!(
        "it has {} that the candidate does not have{}",
        counted(commits.len(), "commit", "commits"),
        newest.unwrap_or_default()
    ))
}
