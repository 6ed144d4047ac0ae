//! Which candidates a channel may take, and which one its rule takes by itself.

use crate::{
    carry::pick::ResolvedBy,
    channel::{Channel, Promote},
    ledger::state::{Seen, State, UnderReview},
    review::{
        order::{Age, age, age_of},
        state::{ReviewState, Verdict},
    },
    watch::Watch,
};

/// A candidate to be promoted.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer<'a> {
    /// The signal's id.
    pub id: &'a str,
    /// What is known of it.
    pub review: &'a UnderReview,
    /// The candidate's ref and commit.
    pub seen: &'a Seen,
}

/// Why a candidate must not be promoted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// It is not known to have passed any checks.
    Unverified,
    /// It did not pass its checks.
    FailedChecks,
    /// A program resolved a conflict on the way to it.
    Resolved(Vec<ResolvedBy>),
    /// It was refused, or removed.
    Rejected,
}

impl Refusal {
    /// In words, behind the candidate's name.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Unverified => "is not known to have passed any checks".to_owned(),
            Self::FailedChecks => "did not pass its checks".to_owned(),
            Self::Resolved(by) => {
                let by: Vec<&str> = by
                    .iter()
                    .filter_map(|by| match by {
                        ResolvedBy::Rerere => Some("a recorded resolution"),
                        ResolvedBy::Resolver => Some("the watch's resolver"),
                        ResolvedBy::Hand => None,
                    })
                    .collect();
                format!("has conflicts that {} resolved", by.join(" and "))
            }
            Self::Rejected => "was rejected".to_owned(),
        }
    }

    /// Whether a person who has looked at it can say so.
    #[must_use]
    pub fn is_lifted_by_review(&self) -> bool {
        !matches!(self, Self::Rejected)
    }
}

/// The candidate of a signal, if it has one.
#[must_use]
pub fn offer<'a>(id: &'a str, review: &'a UnderReview) -> Option<Offer<'a>> {
    let seen = review.seen.as_ref()?;
    let is_candidate = matches!(
        review.state,
        Some(ReviewState::Awaiting | ReviewState::Landed | ReviewState::Superseded | ReviewState::Rejected)
    );
    is_candidate.then_some(Offer { id, review, seen })
}

/// Why the candidate must not be promoted without a person's word, if there is a reason.
///
/// That a person merged it, or approved exactly this commit, is such a word.
#[must_use]
pub fn refusal(offer: &Offer<'_>) -> Option<Refusal> {
    let Offer { review, seen, .. } = offer;
    let refused = review
        .word
        .as_ref()
        .is_some_and(|word| word.verdict == Verdict::Rejected && word.sha.as_deref().is_none_or(|sha| sha == seen.sha));
    if refused || review.state == Some(ReviewState::Rejected) {
        return Some(Refusal::Rejected);
    }
    if review.state == Some(ReviewState::Landed) || review.is_approved(&seen.sha) {
        return None;
    }
    let provenance = &review.provenance;
    match provenance.verified {
        None => Some(Refusal::Unverified),
        Some(false) => Some(Refusal::FailedChecks),
        Some(true) if provenance.is_resolved_by_a_program() => Some(Refusal::Resolved(provenance.resolved_by.clone())),
        Some(true) => None,
    }
}

/// The newest candidate that the channel may take without a person's word.
#[must_use]
pub fn newest<'a>(channel: &Channel, watch: &Watch, state: &'a State) -> Option<Offer<'a>> {
    the_newest(candidates(channel, watch, state).filter(|(_, offer)| refusal(offer).is_none())).map(|it| it.1)
}

/// The candidate that the channel's rule moves it to now: the newest that meets the rule, unless the
/// channel had it, or something newer, before. What a person rolled back does not come again.
#[must_use]
pub fn by_rule<'a>(channel: &Channel, watch: &Watch, state: &'a State) -> Option<Offer<'a>> {
    let meets = |offer: &Offer<'_>| match (channel.promote, offer.review.state) {
        (Promote::Verified, Some(ReviewState::Awaiting | ReviewState::Landed))
        | (Promote::Landed, Some(ReviewState::Landed)) => refusal(offer).is_none(),
        _ => false,
    };
    let (own, offer) = the_newest(candidates(channel, watch, state).filter(|(_, offer)| meets(offer)))?;
    let known = state.channels.get(&channel.name);
    let moves = known.map(|known| known.moves.as_slice()).unwrap_or_default();
    let ages = moves.iter().filter_map(|moved| Some(age_of(watch, state, moved.id.as_deref()?)));
    let is_overtaken = ages.max().is_some_and(|newest| newest > own);
    let was_there = known.is_some_and(|known| known.held(&offer.seen.sha));
    (!is_overtaken && !was_there).then_some(offer)
}

fn candidates<'a>(channel: &Channel, watch: &Watch, state: &'a State) -> impl Iterator<Item = (Age, Offer<'a>)> {
    let (wanted, watch) = (channel.watch.clone(), watch.clone());
    let of_watch = state.all_reviews().filter(move |(_, review)| review.watch == wanted);
    of_watch.filter_map(move |(id, review)| Some((age(&watch, id, review), offer(id, review)?)))
}

/// The newest of all; none where it is not known which of two that is, as of a branch's commits in a ledger
/// that was lost.
fn the_newest<'a>(all: impl Iterator<Item = (Age, Offer<'a>)>) -> Option<(Age, Offer<'a>)> {
    let all: Vec<_> = all.collect();
    let newest = all.iter().map(|(age, _)| age).max()?.clone();
    let mut newest = all.into_iter().filter(|(age, _)| *age == newest);
    let (age, offer) = newest.next()?;
    newest.all(|(_, other)| other.seen.sha == offer.seen.sha).then_some((age, offer))
}
