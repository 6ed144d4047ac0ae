//! Which attempts are due: a pure function of the ledger's state, the watch and the time.

use super::result::Status;
use crate::{
    event::Change,
    ledger::state::{Delivery, OpenSignal, Stage, State},
    time::Timestamp,
    version::version_in,
    watch::{EventKind, Policy, Target, Watch},
};
use semver::Version;
use std::time::Duration;

/// An attempt that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// The signal's id.
    pub id: String,
    /// Who is to be handed it.
    pub target: Target,
    /// Which attempt it will be, from 1.
    pub attempt: u32,
    /// The signal.
    pub signal: OpenSignal,
}

/// A signal that a newer one takes the place of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Superseded {
    /// Its id.
    pub id: String,
    /// Its key.
    pub key: String,
    /// The newer one's id.
    pub by: String,
}

/// Where a delivery stands, as people see it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// To be attempted at the next poll.
    Due,
    /// Being attempted, or interrupted: who holds the watch's run lock knows.
    Started,
    /// Failed; to be attempted again from this time on.
    RetryFrom(Timestamp),
    /// Failed too often.
    GivenUp,
    /// Waits for a person.
    Waiting(Status),
    /// Nothing more is to be done.
    Done,
}

/// Where a delivery stands at `now`, if `retries` attempts are made.
#[must_use]
pub fn standing(delivery: &Delivery, retries: u32, now: Timestamp) -> Standing {
    match delivery.stage {
        Stage::Pending => Standing::Due,
        // An interrupted attempt may have done nothing at all: it fails only by being made again.
        Stage::Started | Stage::Ended(Status::Failed) if delivery.failures >= retries => Standing::GivenUp,
        Stage::Started => Standing::Started,
        Stage::Ended(Status::Failed) => {
            let wait = backoff(delivery.failures);
            let from = delivery.at.after(wait);
            // Recorded under a clock that went wrong, it must not wait for years.
            let is_credible = from.since(now) <= wait * 2;
            if from > now && is_credible { Standing::RetryFrom(from) } else { Standing::Due }
        }
        Stage::Ended(status @ (Status::NeedsIntervention | Status::Blocked | Status::Unmatched)) => {
            Standing::Waiting(status)
        }
        Stage::Ended(Status::Completed | Status::Changed | Status::Skipped) | Stage::Superseded => Standing::Done,
    }
}

/// How long after the `failures`th failure in a row the next attempt is made: 5 minutes, 20, 80, …
///
/// Five attempts, the default, thus outlast a forge's bad night; no wait is longer than a day.
#[must_use]
pub fn backoff(failures: u32) -> Duration {
    let minutes = 5_u64.saturating_mul(4_u64.saturating_pow(failures.saturating_sub(1)));
    Duration::from_secs(minutes.min(24 * 60) * 60)
}

/// What newer signals supersede, and which attempts are due, the oldest signal's first.
///
/// Who asks holds the watch's run lock: an attempt that was started and has no end is then one
/// that was interrupted, and due again.
#[must_use]
pub fn plan(watch: &Watch, state: &State, now: Timestamp) -> (Vec<Superseded>, Vec<Due>) {
    let mut signals: Vec<(&String, &OpenSignal)> =
        state.open.iter().filter(|(_, signal)| signal.watch == watch.name).collect();
    signals.sort_by_key(|(_, signal)| signal.sequence);
    let newest = signals.iter().filter(|(_, signal)| is_news(signal)).max_by_key(|(_, signal)| age(watch, signal));
    let newest = newest.map(|(id, _)| (*id).clone());
    let mut superseded = Vec::new();
    let mut due = Vec::new();
    for (id, signal) in signals {
        if watch.policy == Policy::Latest
            && let Some(by) = newest.as_ref().filter(|newest| *newest != id)
            && is_news(signal)
            && signal.deliveries.values().all(|delivery| is_open(delivery, watch, now))
        {
            superseded.push(Superseded { id: id.clone(), key: signal.key.clone(), by: by.clone() });
            continue;
        }
        for (target, delivery) in &signal.deliveries {
            let is_due = matches!(standing(delivery, watch.retries, now), Standing::Due | Standing::Started);
            if is_due && is_wanted(watch, *target, delivery) {
                due.push(Due {
                    id: id.clone(),
                    target: *target,
                    attempt: delivery.attempt + 1,
                    signal: signal.clone(),
                });
            }
        }
    }
    (superseded, due)
}

/// What makes one signal newer than another: a release's version, for an old line's release may come
/// late; and then when it was seen.
fn age(watch: &Watch, signal: &OpenSignal) -> (Option<Version>, u64) {
    let version = (watch.event == EventKind::Release).then(|| version_in(&signal.key)).flatten();
    (version, signal.sequence)
}

/// Attempts without an end that are not made again: as many as there may be were interrupted.
///
/// Who asks holds the watch's run lock, so that none of them is still at work.
#[must_use]
pub fn abandoned(watch: &Watch, state: &State, now: Timestamp) -> Vec<Due> {
    let of_watch = state.open.iter().filter(|(_, signal)| signal.watch == watch.name);
    let deliveries = of_watch.flat_map(|(id, signal)| signal.deliveries.iter().map(move |it| (id, signal, it)));
    deliveries
        .filter(|(_, _, (_, delivery))| {
            delivery.stage == Stage::Started && standing(delivery, watch.retries, now) == Standing::GivenUp
        })
        .map(|(id, signal, (target, delivery))| Due {
            id: id.clone(),
            target: *target,
            attempt: delivery.attempt,
            signal: signal.clone(),
        })
        .collect()
}

/// Whether the signal tells of something newer than those before it.
///
/// A moved tag is an alarm about an old one, and a person who asks for an old signal wants that one:
/// neither takes the place of another, or gives up its own.
fn is_news(signal: &OpenSignal) -> bool {
    matches!(signal.change, Change::New | Change::Rewritten) && signal.sequence > 0
}

/// Whether a newer signal takes the place of this delivery: only where an attempt would be made yet,
/// and nobody asked for it by name.
fn is_open(delivery: &Delivery, watch: &Watch, now: Timestamp) -> bool {
    !delivery.requested && !matches!(standing(delivery, watch.retries, now), Standing::Waiting(_))
}

/// Whether the watch still dispatches to the target, or a person asked for it, and it can be done.
///
/// Who takes a target out of the configuration wants nothing more handed to it.
#[must_use]
pub fn is_wanted(watch: &Watch, target: Target, delivery: &Delivery) -> bool {
    let can_be_done = target != Target::Command || watch.command.is_some();
    can_be_done && (delivery.requested || watch.dispatch.contains(&target))
}

#[cfg(test)]
mod tests;
