//! `patch approve` and `patch reject`: a person's word on a candidate, recorded with who gave it.

use super::{
    handle_signals,
    promote::{known, said, who},
    select, sync, tell_notices,
};
use crate::{
    cli::WordArgs,
    event::Change,
    git::Pushed,
    ledger::{
        record::{Body, Record, Review},
        state::{Seen, UnderReview},
    },
    outcome::Outcome,
    parse::refs::RemoteRefs,
    report::{
        Report,
        words::{self, short},
    },
    review::{
        attestation,
        forks::Answer,
        state::{Evidence, ReviewState, Verdict},
    },
    text::{clipped, printable, shell_word},
    time::Timestamp,
    watch::Watch,
    workspace::{Failure, Workspace},
};
use std::path::Path;

/// Records the word; a candidate that is rejected is removed.
///
/// # Errors
/// When there is no such candidate, or it is not as it was when it was last seen.
pub fn run(directory: Option<&Path>, args: &WordArgs, verdict: Verdict, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let by = who(&workspace)?;
    workspace.places.create()?;
    handle_signals(report);
    let _lock = workspace.lock_intake()?;
    let mut ledger = workspace.ledger()?;
    tell_notices(&mut ledger, report);
    let id = select::under_review(ledger.state(), &args.id)?.to_owned();
    let watch = match ledger.state().review(&id) {
        Some(review) => workspace.watch(&review.watch)?,
        None => return Err(select::unknown(&args.id)),
    };
    let known = known(ledger.state(), &id);
    let synced = crate::review::sync::run(&workspace, &[watch], &mut ledger, true, Timestamp::now())?;
    let outcome = sync::tell_all(report, &synced);
    let review = ledger.state().review(&id).ok_or_else(|| select::unknown(&args.id))?.clone();
    let candidate = meant(&review, verdict, &args.id)?;
    unchanged(known.as_ref(), candidate.as_ref(), &args.id)?;
    if verdict == Verdict::Rejected
        && let Some(candidate) = &candidate
    {
        if let Some(Answer::Problem(_)) = synced.forks.get(&watch.name) {
            return Err(Failure::Refused(
                format!("the candidate cannot be removed from the fork `{}` now", printable(&watch.fork)),
                Some("say it again once the fork can be read".to_owned()),
            ));
        }
        remove(&workspace, watch, candidate, synced.forks.get(&watch.name))?;
    }
    let state = match verdict {
        Verdict::Rejected => ReviewState::Rejected,
        Verdict::Approved if candidate.is_none() => ReviewState::Completed,
        Verdict::Approved => review.state.unwrap_or(ReviewState::Awaiting),
    };
    let record = record(&id, &review, candidate, state, verdict, by, args.message.as_deref().map(said));
    ledger.append(std::slice::from_ref(&record))?;
    report.records(&[record]);
    let promoted = super::promote::by_rule(&workspace, &[watch], &mut ledger, &synced, report)?;
    sync::save(&mut ledger, report);
    Ok(outcome.and(promoted))
}

/// The candidate that the word is about; `None` for an alarm, or for a signal that is to be given up.
fn meant(review: &UnderReview, verdict: Verdict, wanted: &str) -> Result<Option<Seen>, Failure> {
    let key = printable(clipped(wanted, 100));
    let has_candidate = matches!(review.state, Some(ReviewState::Awaiting));
    if has_candidate {
        return Ok(review.seen.clone());
    }
    let is_alarm = review.change == Change::Moved && !review.is_over();
    let can_be_given_up = matches!(
        review.state,
        Some(ReviewState::NeedsIntervention | ReviewState::Failed | ReviewState::Unacknowledged)
    );
    if is_alarm || (verdict == Verdict::Rejected && can_be_given_up) {
        return Ok(None);
    }
    let state = review.state.map_or("is not looked at yet", words::state_words);
    Err(Failure::Refused(
        format!("`{key}` has no candidate that waits for a word: it {state}"),
        Some(format!("`patch show {key}` tells what became of it")),
    ))
}

/// Refuses a word on a commit that nobody can have looked at: it came by the look at the fork just now.
///
/// # Errors
/// If the candidate is not the one that was known before.
pub fn unchanged(known: Option<&Seen>, candidate: Option<&Seen>, wanted: &str) -> Result<(), Failure> {
    match (known, candidate) {
        (Some(known), Some(candidate)) if known.sha != candidate.sha => {
            let key = shell_word(clipped(wanted, 100));
            Err(Failure::Refused(
                format!(
                    "the candidate is another one than before: {}, not {}",
                    short(&candidate.sha),
                    short(&known.sha)
                ),
                Some(format!("look at it: `patch show {key}`; then say it again")),
            ))
        }
        _ => Ok(()),
    }
}

/// Takes the candidate away, from the fork and from here, where it is what was looked at.
fn remove(workspace: &Workspace, watch: &Watch, candidate: &Seen, answer: Option<&Answer>) -> Result<(), Failure> {
    let branch = printable(candidate.reference.trim_start_matches("refs/heads/"));
    let prefix = &workspace.config.settings.ref_prefix;
    // Where somebody went on from our candidate, ours is still here, and so is what it went through.
    let is_before = &|commit: &str| workspace.git.is_ancestor(commit, &candidate.sha).is_ok_and(|it| it == Some(true));
    if let Some(Answer::Refs(fork)) = answer {
        for (name, sha) in refs_of(fork, candidate, prefix, is_before) {
            match workspace.git.remove_leased(&watch.fork, &name, &sha, watch.fetch_timeout)? {
                Pushed::Rejected { reason } => {
                    return Err(Failure::Refused(
                        format!("the fork `{}` keeps {name}: {}", printable(&watch.fork), printable(&reason)),
                        Some("remove it there by hand; the next sync takes note".to_owned()),
                    ));
                }
                Pushed::Exists => {
                    return Err(Failure::Refused(
                        format!("`{branch}` was changed by somebody else at this moment; it was left alone"),
                        Some("look at it again, then say it again".to_owned()),
                    ));
                }
                Pushed::Created | Pushed::Moved | Pushed::Removed | Pushed::AlreadyThere => {}
            }
        }
    }
    let here = workspace.git.local_refs(&["refs/heads/", attestation::PREFIX])?;
    for (name, sha) in refs_of(&here, candidate, prefix, is_before) {
        workspace.git.remove_local(&name, &sha)?;
    }
    Ok(())
}

/// The candidate and what belongs to it, as far as it is there and as it was looked at.
fn refs_of(
    refs: &RemoteRefs,
    candidate: &Seen,
    prefix: &str,
    is_before: &dyn Fn(&str) -> bool,
) -> Vec<(String, String)> {
    // Only a candidate of our own has a rebuilt stack beside it; a runner's branch is called as it likes.
    let own = candidate.reference.strip_prefix(&format!("refs/heads/{prefix}candidate/"));
    let rebuilt = own.map(|name| format!("refs/heads/{prefix}stack/{name}/"));
    let attested = attestation::reference(&candidate.reference);
    let belongs = |name: &str, commit: &str| {
        let is_own = name == candidate.reference || name == attested;
        (is_own || rebuilt.as_ref().is_some_and(|rebuilt| name.starts_with(rebuilt)))
            && (commit == candidate.sha || is_before(commit))
    };
    let all = refs.refs.iter().filter(|(name, at)| belongs(name, at.commit()));
    // The candidate goes first: it is what was looked at.
    let mut all: Vec<(String, String)> = all.map(|(name, at)| (name.clone(), at.sha.clone())).collect();
    all.sort_by_key(|(name, _)| *name != candidate.reference);
    all
}

fn record(
    id: &str,
    review: &UnderReview,
    candidate: Option<Seen>,
    state: ReviewState,
    verdict: Verdict,
    by: String,
    message: Option<String>,
) -> Record {
    let (reference, sha) = candidate.map(|seen| (seen.reference, seen.sha)).unzip();
    let review = Review {
        watch: review.watch.clone(),
        id: id.to_owned(),
        state,
        previous: review.state,
        evidence: Evidence::Person,
        reference,
        sha,
        onto: None,
        stack: None,
        verified: None,
        resolved_by: Vec::new(),
        landed_as: None,
        trigger: None,
        superseded_by: None,
        verdict: Some(verdict),
        by: Some(by),
        message,
    };
    Record::new(Timestamp::now(), Body::Review(Box::new(review)))
}
