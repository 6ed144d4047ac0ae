//! A watch's line: where it looks, when it did, and what is not handed over.

use crate::{
    dispatch::{
        plan::{Standing, is_wanted, standing},
        result::Status,
    },
    intake::Check,
    ledger::{
        brief::Brief,
        record::Problem,
        state::{Newest, State, WatchState},
    },
    review::waiting::Failing,
    time::Timestamp,
    watch::{EventKind, Target, Watch, WatchName},
};
use serde::Serialize;
use std::collections::BTreeSet;

/// A watch.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchLine {
    /// The watch.
    pub watch: WatchName,
    /// What it looks at.
    pub source: String,
    /// What counts as an entry.
    pub event: EventKind,
    /// Who is handed what is new.
    pub dispatch: Vec<Target>,
    /// When it was last looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<Timestamp>,
    /// Until when its host asked not to be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deferred_until: Option<Timestamp>,
    /// Whether it had its first sight.
    pub primed: bool,
    /// How many entries are known.
    pub known: usize,
    /// The newest entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Newest>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// How it fails.
    #[serde(skip)]
    pub failing: Failing,
    /// What is not done.
    pub deliveries: Vec<DeliveryLine>,
}

/// A signal that is not done with a target.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryLine {
    /// The signal.
    pub id: String,
    /// Its key.
    pub key: String,
    /// The target.
    pub target: Target,
    /// Where it stands.
    #[serde(rename = "standing")]
    pub is: Stands,
    /// The last attempt's number; 0 before the first.
    pub attempt: u32,
    /// What came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// From when on it is attempted again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// What the last run said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stands {
    /// To be attempted at the next poll.
    Due,
    /// Being attempted, or interrupted.
    Started,
    /// Failed, to be attempted again.
    Retrying,
    /// Failed too often.
    GivenUp,
    /// Waits for a person.
    Waiting,
    /// For a target that the watch no longer has.
    Unclaimed,
}

/// The line of a watch; `waiting` are the signals that wait for anybody.
#[must_use]
pub fn line(
    watch: &Watch,
    source: String,
    brief: &Brief,
    check: Option<&Check>,
    waiting: &BTreeSet<&str>,
    now: Timestamp,
) -> WatchLine {
    let state = brief.state();
    let unknown = WatchState::default();
    let known = state.watches.get(&watch.name).unwrap_or(&unknown);
    WatchLine {
        watch: watch.name.clone(),
        source,
        event: watch.event,
        dispatch: watch.dispatch.clone(),
        checked_at: check.map(|check| check.at),
        deferred_until: check.and_then(|check| check.deferred_until).filter(|until| *until > now),
        primed: known.primed,
        known: brief.counts(&watch.name).known,
        newest: known.newest.clone(),
        problem: known.problem.clone(),
        failing: check.map(|check| check.failing).unwrap_or_default(),
        deliveries: deliveries(watch, state, waiting, now),
    }
}

/// What is not done, the oldest signal first.
///
/// What would wait for a person does so only while its signal does: its candidate may have landed.
fn deliveries(watch: &Watch, state: &State, waiting: &BTreeSet<&str>, now: Timestamp) -> Vec<DeliveryLine> {
    let mut signals: Vec<_> = state.open.iter().filter(|(_, signal)| signal.watch == watch.name).collect();
    signals.sort_by_key(|(_, signal)| signal.sequence);
    let mut lines = Vec::new();
    for (id, signal) in signals {
        for (target, delivery) in &signal.deliveries {
            let (is, status, retry_at) = match standing(delivery, watch.retries, now) {
                Standing::Done => continue,
                _ if !is_wanted(watch, *target, delivery) => (Stands::Unclaimed, None, None),
                Standing::Due => (Stands::Due, None, None),
                Standing::Started => (Stands::Started, None, None),
                Standing::RetryFrom(from) => (Stands::Retrying, Some(Status::Failed), Some(from)),
                Standing::GivenUp | Standing::Waiting(_) if !waiting.contains(id.as_str()) => continue,
                Standing::GivenUp => (Stands::GivenUp, Some(Status::Failed), None),
                Standing::Waiting(status) => (Stands::Waiting, Some(status), None),
            };
            lines.push(DeliveryLine {
                id: id.clone(),
                key: signal.key.clone(),
                target: *target,
                is,
                attempt: delivery.attempt,
                status,
                retry_at,
                message: delivery.message.clone(),
            });
        }
    }
    lines
}
