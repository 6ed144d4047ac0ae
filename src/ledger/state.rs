//! What the records add up to: which entries are known, which signals are not done.
//!
//! A fold over the records in their order, and nothing else: no clock, no configuration.

mod channel;
mod rest;
mod review;

pub use self::{
    channel::{ChannelState, Moved},
    rest::{Counts, Rest},
    review::{Made, Pushed, Seen, UnderReview, Word},
};

use super::record::{Action, Body, Notice, PrimedReason, Problem, Record, Run, Signal};
use crate::{
    channel::ChannelName,
    dispatch::result::Status,
    event::{Change, Event},
    refname,
    time::Timestamp,
    watch::{EventKind, Target, WatchName},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
};

/// What the key of an entry without identity begins with.
pub const UNUSABLE: &str = "unusable:";

/// Everything that the decisions need from the ledger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// By watch: what is known.
    pub watches: BTreeMap<WatchName, WatchState>,
    /// By id: the signals that are not done for every target, in no order.
    pub open: BTreeMap<String, OpenSignal>,
    /// How many signals there are.
    pub signals: u64,
    /// By id: the signals of which something more is expected.
    #[serde(default)]
    pub reviews: BTreeMap<String, UnderReview>,
    /// By id: the signals whose review is over.
    #[serde(default)]
    pub closed: BTreeMap<String, UnderReview>,
    /// By channel: where it was moved.
    #[serde(default)]
    pub channels: BTreeMap<ChannelName, ChannelState>,
    /// By the id of a signal on its way, or by watch: what waits for a person and was told,
    /// `<reason> <about>`.
    #[serde(default)]
    pub told: BTreeMap<String, BTreeSet<String>>,
}

/// What is known of a watch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WatchState {
    /// Whether the watch had its first sight, be it of nothing.
    pub primed: bool,
    /// What it looked at when it was primed.
    pub source: String,
    /// By key: the entries that are known.
    pub known: BTreeMap<String, Known>,
    /// The branch's head.
    pub head: Option<String>,
    /// The ids of moved, rewritten and gone signals: each is told once.
    pub alarms: BTreeSet<String>,
    /// The newest entry that was taken.
    pub newest: Option<Newest>,
    /// What is wrong with the watch.
    pub problem: Option<Problem>,
    /// A hash that changes with every record about what is known.
    pub revision: String,
}

/// A known entry.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Known {
    /// The commit, where it was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// Whether it vanished.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

/// The newest entry of a watch.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Newest {
    /// The entry's key.
    pub key: String,
    /// When it was recorded.
    pub at: Timestamp,
}

/// A signal that somebody still has to do with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenSignal {
    /// Its place among all signals, from 1; 0 if it was done, and a person asked for it again.
    pub sequence: u64,
    /// The watch.
    pub watch: WatchName,
    /// What happened.
    pub change: Change,
    /// The signal's key.
    pub key: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// What is handed on; shared, for a plan copies the signals that are due.
    pub event: Arc<Event>,
    /// By target: how far it is.
    pub deliveries: BTreeMap<Target, Delivery>,
}

/// How far a signal is with one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The last attempt's number; 0 before the first.
    pub attempt: u32,
    /// Failed attempts since the signal or the last request.
    pub failures: u32,
    /// When the last record about it was made.
    pub at: Timestamp,
    /// Where it stands.
    pub stage: Stage,
    /// Whether a person asked for it, whatever the watch is configured to do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requested: bool,
    /// Whether it was asked for while an attempt was being made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// What the last run said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Where a signal stands with one target.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is", content = "status")]
pub enum Stage {
    /// To be handed over.
    Pending,
    /// Being handed over, or interrupted: who holds the watch's lock knows.
    Started,
    /// The run ended.
    Ended(Status),
    /// A newer signal took its place.
    Superseded,
}

impl Delivery {
    fn pending(at: Timestamp) -> Self {
        Self { attempt: 0, failures: 0, at, stage: Stage::Pending, requested: false, again: false, message: None }
    }

    /// Whether nobody has to do with it any more.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Superseded | Stage::Ended(Status::Completed | Status::Changed | Status::Skipped))
    }
}

impl State {
    /// Takes one more record into account.
    pub fn fold(&mut self, record: &Record) {
        match &record.body {
            Body::Primed(primed) => {
                let watch = self.knowledge(&primed.watch, record);
                watch.primed = true;
                watch.source.clone_from(&primed.source);
                if matches!(primed.reason, PrimedReason::SourceChanged | PrimedReason::MetAgain) {
                    // What is not to be seen elsewhere can neither move nor vanish there.
                    watch.known.values_mut().for_each(|known| known.sha = None);
                }
                for entry in &primed.entries {
                    watch.learn(&entry.key, entry.sha.as_deref());
                }
                let is_newest = watch.newest.is_none() || primed.reason == PrimedReason::SourceChanged;
                if let Some(newest) = primed.entries.last().filter(|_| is_newest) {
                    watch.newest = Some(Newest { key: newest.key.clone(), at: record.at });
                }
                watch.head = primed.head.clone().or_else(|| watch.head.take());
            }
            Body::Signal(signal) => self.fold_signal(record, signal),
            Body::Skipped(skipped) => {
                if let Some(id) = &skipped.id {
                    self.review_superseded(record, id, skipped.by.as_deref());
                    self.each_delivery(id, None, |delivery| {
                        if !delivery.is_done() {
                            delivery.stage = Stage::Superseded;
                            delivery.at = record.at;
                        }
                    });
                } else {
                    let watch = self.knowledge(&skipped.watch, record);
                    watch.learn(&skipped.key, skipped.sha.as_deref());
                    watch.head = skipped.head.clone().or_else(|| watch.head.take());
                }
            }
            Body::Dispatch(dispatch) => self.each_delivery(&dispatch.id, Some(dispatch.target), |delivery| {
                // An attempt whose end was never recorded counts as a failed one.
                if delivery.stage == Stage::Started {
                    delivery.failures += 1;
                }
                delivery.attempt = delivery.attempt.max(dispatch.attempt);
                delivery.again = false;
                delivery.stage = Stage::Started;
                delivery.at = record.at;
            }),
            Body::Run(run) => {
                self.review_run(record, run);
                self.each_delivery(&run.id, Some(run.target), |delivery| delivery.end(record.at, run));
            }
            Body::Request(request) => self.fold_request(record, request),
            Body::WatchError(error) => {
                self.watches.entry(error.watch.clone()).or_default().problem.clone_from(&error.error);
            }
            Body::Review(review) => self.fold_review(record, review),
            Body::Promotion(promotion) => self.fold_promotion(record, promotion),
            Body::Notice(notice) => self.fold_notice(notice),
            Body::Gap(_) | Body::Unknown => {}
        }
    }

    fn fold_signal(&mut self, record: &Record, signal: &Signal) {
        self.signals += 1;
        self.review_signal(record, signal);
        let watch = self.knowledge(&signal.watch, record);
        watch.primed = true;
        let key = key_of(&signal.watch, &signal.id);
        match signal.change {
            Change::New => watch.learn(&signal.entry.key, signal.entry.sha.as_deref()),
            Change::Moved | Change::Rewritten => {
                watch.alarms.insert(signal.id.clone());
                watch.learn(&signal.entry.key, signal.entry.sha.as_deref());
            }
            Change::Gone => {
                watch.alarms.insert(signal.id.clone());
                watch.known.entry(signal.entry.key.clone()).or_default().gone = true;
            }
        }
        watch.head = signal.head.clone().or_else(|| watch.head.take());
        if matches!(signal.change, Change::New | Change::Rewritten) {
            watch.newest = Some(Newest { key: signal.entry.key.clone(), at: record.at });
        }
        if !signal.targets.is_empty() {
            let open = OpenSignal {
                sequence: self.signals,
                watch: signal.watch.clone(),
                change: signal.change,
                key: key.to_owned(),
                at: record.at,
                event: Arc::new(signal.event.clone()),
                deliveries: signal.targets.iter().map(|target| (*target, Delivery::pending(record.at))).collect(),
            };
            self.open.entry(signal.id.clone()).or_insert(open);
        }
    }

    fn fold_request(&mut self, record: &Record, request: &super::record::Request) {
        // For nobody, it would be open for ever.
        if request.targets.is_empty() {
            return;
        }
        self.review_request(record, request);
        // A signal that is done is no longer here: the request brings along what is needed.
        let open = self.open.entry(request.id.clone()).or_insert_with(|| OpenSignal {
            sequence: 0,
            watch: request.watch.clone(),
            change: request.change,
            key: key_of(&request.watch, &request.id).to_owned(),
            at: record.at,
            event: Arc::new(request.event.clone()),
            deliveries: BTreeMap::new(),
        });
        for target in &request.targets {
            let delivery = open.deliveries.entry(*target).or_insert_with(|| Delivery::pending(record.at));
            delivery.attempt = delivery.attempt.max(request.attempt);
            if request.action == Action::Replay || !delivery.is_done() {
                delivery.again = delivery.stage == Stage::Started;
                if !delivery.again {
                    delivery.stage = Stage::Pending;
                }
                delivery.requested = true;
                delivery.failures = 0;
                delivery.at = record.at;
            }
        }
    }

    fn fold_notice(&mut self, notice: &Notice) {
        let told = told(notice);
        match &notice.id {
            // Of a signal that is at its end nothing is told any more.
            Some(id) if self.reviews.contains_key(id) => {
                self.told.entry(id.clone()).or_default().insert(told);
            }
            Some(_) => {}
            // A watch that broke once more is another matter: what was told before is over.
            None => {
                self.told.insert(notice.watch.to_string(), BTreeSet::from([told]));
            }
        }
    }

    /// Whether this was told: the same reason, about the same.
    #[must_use]
    pub fn is_told(&self, notice: &Notice) -> bool {
        let subject = notice.id.as_deref().unwrap_or(notice.watch.as_str());
        self.told.get(subject).is_some_and(|told_of_it| told_of_it.contains(&told(notice)))
    }

    fn each_delivery(&mut self, id: &str, target: Option<Target>, change: impl Fn(&mut Delivery)) {
        let Some(open) = self.open.get_mut(id) else { return };
        for (_, delivery) in open.deliveries.iter_mut().filter(|(it, _)| target.is_none_or(|target| target == **it)) {
            change(delivery);
        }
        if open.deliveries.values().all(Delivery::is_done) {
            self.open.remove(id);
        }
    }

    /// The watch's state, its revision moved on by the record.
    fn knowledge(&mut self, watch: &WatchName, record: &Record) -> &mut WatchState {
        let state = self.watches.entry(watch.clone()).or_default();
        state.revision = refname::hash(&format!("{}{}", state.revision, record.line()));
        state
    }
}

impl WatchState {
    /// Whether there was ever an entry, one with an identity, that is not known to be gone.
    #[must_use]
    pub fn has_entries(&self) -> bool {
        self.known.iter().any(|(key, known)| !known.gone && !key.starts_with(UNUSABLE))
    }

    fn learn(&mut self, key: &str, sha: Option<&str>) {
        let known = self.known.entry(key.to_owned()).or_default();
        known.gone = false;
        if let Some(sha) = sha {
            known.sha = Some(sha.to_owned());
        }
    }
}

impl Delivery {
    fn end(&mut self, at: Timestamp, run: &Run) {
        self.attempt = self.attempt.max(run.attempt);
        self.failures += u32::from(run.status == Status::Failed);
        self.stage = Stage::Ended(run.status);
        if mem::take(&mut self.again) {
            // It was asked for while this attempt was made: that is still to be done.
            self.stage = Stage::Pending;
            self.failures = 0;
        }
        self.message.clone_from(&run.message);
        self.at = at;
    }
}

/// What a notice is known by among those of its signal or watch: it is told once.
fn told(notice: &Notice) -> String {
    format!("{} {}", notice.reason.as_str(), notice.about)
}

/// The key inside `patch:<watch>:<key>:<type>`.
#[must_use]
pub fn key_of<'a>(watch: &WatchName, id: &'a str) -> &'a str {
    let inner = id.strip_prefix("patch:").and_then(|rest| rest.strip_prefix(watch.as_str()));
    let inner = inner.and_then(|rest| rest.strip_prefix(':')).unwrap_or(id);
    [EventKind::Release, EventKind::Branch]
        .iter()
        .find_map(|event| inner.strip_suffix(event.event_type())?.strip_suffix(':'))
        .unwrap_or(inner)
}

#[cfg(test)]
pub(crate) mod tests;
