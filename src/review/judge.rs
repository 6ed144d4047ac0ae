//! What state a signal is in: a pure function of what the ledger says and what the refs show.

use super::state::{Evidence, ReviewState, Verdict};
use crate::{
    dispatch::{
        plan::{Standing, standing},
        result::{Provenance, Status},
    },
    event::Change,
    ledger::state::{OpenSignal, Seen, UnderReview},
    time::Timestamp,
};
use std::time::Duration;

/// What the ledger says of a signal, and the time.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// How far it came.
    pub review: &'a UnderReview,
    /// Its deliveries, while one of them is not done.
    pub open: Option<&'a OpenSignal>,
    /// The watch's `retries`.
    pub retries: u32,
    /// The watch's `timeout`.
    pub timeout: Duration,
    /// Now.
    pub now: Timestamp,
}

/// What the refs show of a signal.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sight {
    /// Whether the fork was asked: only then is what is not there gone.
    pub asked: bool,
    /// The candidate.
    pub candidate: Option<Candidate>,
    /// The intervention branch.
    pub intervention: Option<Seen>,
    /// The trigger branch.
    pub trigger: Option<Seen>,
    /// That the stack has the candidate.
    pub landed: Option<Landed>,
    /// The signal whose candidate is newer, by its id.
    pub newer: Option<String>,
}

/// A candidate that a ref holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Candidate {
    /// The ref and the commit.
    pub seen: Seen,
    /// Whether the fork has it, or this repository alone.
    pub on_fork: bool,
    /// How it came about.
    pub provenance: Provenance,
}

/// How the stack has a candidate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Landed {
    /// What shows it.
    pub evidence: Evidence,
    /// The commit of the stack that shows it.
    pub as_commit: String,
}

/// A state and what it was judged by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judged {
    /// The state.
    pub state: ReviewState,
    /// What it was judged by.
    pub evidence: Evidence,
    /// The ref that it is about.
    pub seen: Option<Seen>,
    /// How the candidate came about.
    pub provenance: Provenance,
    /// The commit of the stack that has the candidate.
    pub landed_as: Option<String>,
    /// The signal that took its place.
    pub superseded_by: Option<String>,
}

impl Judged {
    fn new(state: ReviewState, evidence: Evidence) -> Self {
        let provenance = Provenance::default();
        Self { state, evidence, seen: None, provenance, landed_as: None, superseded_by: None }
    }

    fn seen(self, seen: &Seen) -> Self {
        Self { seen: Some(seen.clone()), ..self }
    }

    /// Whether it says something else than what was recorded last.
    #[must_use]
    pub fn is_news(&self, review: &UnderReview) -> bool {
        let moved = self.state == ReviewState::Awaiting && self.seen.is_some() && self.seen != review.seen;
        let learned = self.state == ReviewState::Awaiting
            && !self.provenance.is_unknown()
            && self.provenance != review.provenance;
        review.state != Some(self.state)
            || review.evidence != Some(self.evidence) && self.is_new_evidence()
            || moved
            || learned
    }

    /// Evidence that is worth a record although the state is the same: a candidate got onto the fork.
    fn is_new_evidence(&self) -> bool {
        self.evidence == Evidence::ForkRef
    }
}

/// The state that a signal is in.
#[must_use]
pub fn judge(it: Situation<'_>, sight: &Sight) -> Judged {
    decided(it.review, sight)
        .or_else(|| candidate(it.review, sight))
        .or_else(|| running(it))
        .or_else(|| overtaken(it, sight))
        .or_else(|| intervention(it.review, sight))
        .or_else(|| delivery(it))
        .or_else(|| trigger(it, sight))
        .unwrap_or_else(|| ended(it.review))
}

/// Whether a signal that is at its end is looked at again: there is another candidate, or one that was
/// removed is back.
#[must_use]
pub fn reopens(review: &UnderReview, sight: &Sight) -> bool {
    let Some(candidate) = &sight.candidate else { return false };
    let is_another = review.seen.as_ref().is_none_or(|seen| seen.sha != candidate.seen.sha);
    let is_refused = review.word.as_ref().is_some_and(|word| {
        word.verdict == Verdict::Rejected && word.sha.as_deref() == Some(candidate.seen.sha.as_str())
    });
    let is_back = candidate.on_fork && review.evidence == Some(Evidence::Removed);
    !is_refused && (is_another || is_back)
}

/// What a person said, or the stack shows.
fn decided(review: &UnderReview, sight: &Sight) -> Option<Judged> {
    let candidate = sight.candidate.as_ref();
    // That a newer one brought the same there does not make the older one landed.
    let landed = sight.landed.as_ref().filter(|it| sight.newer.is_none() || it.evidence == Evidence::Contained);
    if let Some(landed) = landed {
        let judged = Judged::new(ReviewState::Landed, landed.evidence);
        let seen = candidate.map(|candidate| &candidate.seen).or(review.seen.as_ref());
        return Some(Judged {
            seen: seen.cloned(),
            provenance: candidate.map_or_else(|| review.provenance.clone(), |it| it.provenance.clone()),
            landed_as: Some(landed.as_commit.clone()),
            ..judged
        });
    }
    let word = review.word.as_ref()?;
    // A word is about one commit: another candidate of the same name waits for its own.
    let is_about_it = candidate.is_none_or(|it| word.sha.as_deref() == Some(it.seen.sha.as_str()));
    match word.verdict {
        Verdict::Rejected if is_about_it => Some(Judged::new(ReviewState::Rejected, Evidence::Person)),
        // Nothing but an alarm is at its end by a good word alone.
        Verdict::Approved if review.change == Change::Moved && candidate.is_none() => {
            Some(Judged::new(ReviewState::Completed, Evidence::Person))
        }
        _ => None,
    }
}

fn candidate(review: &UnderReview, sight: &Sight) -> Option<Judged> {
    let awaited = review.seen.as_ref().filter(|_| review.state == Some(ReviewState::Awaiting));
    let on_fork = review.evidence == Some(Evidence::ForkRef);
    let gone = |seen: &Seen| Some(Judged::new(ReviewState::Rejected, Evidence::Removed).seen(seen));
    let Some(candidate) = &sight.candidate else {
        let awaited = awaited.filter(|_| on_fork || review.evidence == Some(Evidence::LocalRef))?;
        if sight.asked {
            return match &sight.newer {
                Some(newer) => Some(superseded(newer).seen(awaited)),
                None => gone(awaited),
            };
        }
        // Nobody looked: it is as it was.
        let judged = Judged::new(ReviewState::Awaiting, review.evidence?).seen(awaited);
        return Some(Judged { provenance: review.provenance.clone(), ..judged });
    };
    // Taken away from the fork, it may still lie here, where it was made.
    if sight.asked && on_fork && !candidate.on_fork && awaited.is_some_and(|seen| seen.sha == candidate.seen.sha) {
        return gone(&candidate.seen);
    }
    if let Some(newer) = &sight.newer {
        let judged = superseded(newer).seen(&candidate.seen);
        return Some(Judged { provenance: candidate.provenance.clone(), ..judged });
    }
    let evidence = if candidate.on_fork { Evidence::ForkRef } else { Evidence::LocalRef };
    let judged = Judged::new(ReviewState::Awaiting, evidence).seen(&candidate.seen);
    Some(Judged { provenance: candidate.provenance.clone(), ..judged })
}

fn superseded(by: &str) -> Judged {
    let judged = Judged::new(ReviewState::Superseded, Evidence::NewerCandidate);
    Judged { superseded_by: Some(by.to_owned()), ..judged }
}

/// An attempt has begun, and has no end yet.
fn running(it: Situation<'_>) -> Option<Judged> {
    let standings = standings(it);
    standings.contains(&Standing::Started).then(|| Judged::new(ReviewState::Running, Evidence::Ledger))
}

fn standings(it: Situation<'_>) -> Vec<Standing> {
    let deliveries = it.open.into_iter().flat_map(|open| open.deliveries.values());
    deliveries.map(|delivery| standing(delivery, it.retries, it.now)).collect()
}

/// A newer candidate leaves nothing to be decided about what has none; what nobody was handed yet is.
fn overtaken(it: Situation<'_>, sight: &Sight) -> Option<Judged> {
    let newer = sight.newer.as_ref()?;
    let is_to_be_done = |standing: &Standing| matches!(standing, Standing::Due | Standing::RetryFrom(_));
    let is_alarm = it.review.change == Change::Moved;
    (!is_alarm && !standings(it).iter().any(is_to_be_done)).then(|| superseded(newer))
}

fn intervention(review: &UnderReview, sight: &Sight) -> Option<Judged> {
    if let Some(seen) = &sight.intervention {
        return Some(Judged::new(ReviewState::NeedsIntervention, Evidence::InterventionRef).seen(seen));
    }
    let was_there =
        review.state == Some(ReviewState::NeedsIntervention) && review.evidence == Some(Evidence::InterventionRef);
    match &review.seen {
        Some(seen) if was_there && sight.asked => {
            Some(Judged::new(ReviewState::Rejected, Evidence::Removed).seen(seen))
        }
        Some(seen) if was_there => {
            Some(Judged::new(ReviewState::NeedsIntervention, Evidence::InterventionRef).seen(seen))
        }
        _ if review.runs.values().any(|status| *status == Status::NeedsIntervention) => {
            Some(Judged::new(ReviewState::NeedsIntervention, Evidence::Run))
        }
        _ => None,
    }
}

/// What is to be handed over still, or cannot be.
fn delivery(it: Situation<'_>) -> Option<Judged> {
    let standings = standings(it);
    let is_stuck = |standing: &Standing| matches!(standing, Standing::GivenUp | Standing::Waiting(_));
    if standings.iter().any(is_stuck) {
        return Some(Judged::new(ReviewState::Failed, Evidence::Run));
    }
    let is_to_be_done = |standing: &Standing| matches!(standing, Standing::Due | Standing::RetryFrom(_));
    if standings.iter().any(is_to_be_done) {
        return Some(Judged::new(ReviewState::Pending, Evidence::Ledger));
    }
    None
}

/// What became of a trigger branch that nobody has answered with a candidate.
fn trigger(it: Situation<'_>, sight: &Sight) -> Option<Judged> {
    let pushed = it.review.trigger.as_ref()?;
    let seen = Seen { reference: pushed.reference.clone(), sha: pushed.sha.clone() };
    match &sight.trigger {
        Some(there) if there.sha != pushed.sha => {
            return Some(Judged::new(ReviewState::Running, Evidence::TriggerMoved).seen(there));
        }
        None if sight.asked => return Some(Judged::new(ReviewState::Completed, Evidence::TriggerRemoved).seen(&seen)),
        // Nobody looked: what was seen last is what is known.
        None if it.review.evidence == Some(Evidence::TriggerMoved) => {
            return Some(Judged::new(ReviewState::Running, Evidence::TriggerMoved).seen(it.review.seen.as_ref()?));
        }
        _ => {}
    }
    let is_late = it.now > pushed.at.after(it.timeout);
    let (state, evidence) = if is_late {
        (ReviewState::Unacknowledged, Evidence::Timeout)
    } else {
        (ReviewState::Dispatched, Evidence::TriggerRef)
    };
    Some(Judged::new(state, evidence).seen(&seen))
}

/// The way is at its end, unless a run tells of a candidate that is nowhere to be seen.
fn ended(review: &UnderReview) -> Judged {
    if let Some(by) = &review.superseded_by {
        let judged = Judged::new(ReviewState::Superseded, Evidence::NewerSignal);
        return Judged { superseded_by: Some(by.clone()), ..judged };
    }
    if review.change == Change::Moved {
        return Judged::new(ReviewState::NeedsIntervention, Evidence::Ledger);
    }
    if let Some(made) = review.candidates.first() {
        let judged = Judged::new(ReviewState::Awaiting, Evidence::Run);
        let seen = made.sha.as_ref().map(|sha| Seen { reference: made.reference.clone(), sha: sha.clone() });
        return Judged { seen, provenance: review.provenance.clone(), ..judged };
    }
    Judged::new(ReviewState::Completed, Evidence::Run)
}

#[cfg(test)]
mod tests;
