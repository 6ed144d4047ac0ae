//! What the records say of each signal's way from news to its end.

use super::{Stage, State, key_of};
use crate::{
    dispatch::result::{Provenance, Status},
    event::Change,
    ledger::record::{self, Record, Run, Signal},
    review::state::{Evidence, ReviewState, Verdict},
    time::Timestamp,
    watch::{Target, WatchName},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A signal, or a candidate that somebody made without one, and how far it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnderReview {
    /// The watch.
    pub watch: WatchName,
    /// What happened to the entry.
    #[serde(default = "new", skip_serializing_if = "is_new")]
    pub change: Change,
    /// Its place among all signals, from 1; 0 if the ledger has no signal of that id.
    #[serde(default)]
    pub sequence: u64,
    /// The state, as it was last recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ReviewState>,
    /// What that was judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// When the last record about it was made.
    pub at: Timestamp,
    /// The ref and the commit that the last review was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// The signal's own upstream commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// The trigger branch that was pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Pushed>,
    /// The candidates that the last run made which made some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Made>,
    /// How these came about, or what a review says of the one that it saw.
    #[serde(default, skip_serializing_if = "Provenance::is_unknown")]
    pub provenance: Provenance,
    /// The branch where a person has to decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervention: Option<Made>,
    /// How the last run of each target ended.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runs: BTreeMap<Target, Status>,
    /// The signal that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
    /// A person's last word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<Word>,
}

/// A ref as a review saw it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Its full name.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Its commit.
    pub sha: String,
}

/// A trigger branch as it was pushed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Pushed {
    /// Its full name.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Its commit.
    pub sha: String,
    /// When the run that pushed it ended.
    pub at: Timestamp,
}

/// A ref that a run says it made.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// Its name, as the run gives it.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Its commit, if the run tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
}

/// What a person said of a candidate.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The word.
    pub verdict: Verdict,
    /// The commit that it is about, if there was a candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// Who gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
}

fn new() -> Change {
    Change::New
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_new(change: &Change) -> bool {
    *change == Change::New
}

impl UnderReview {
    /// One that nothing is known of yet.
    #[must_use]
    pub fn begun(watch: WatchName, at: Timestamp) -> Self {
        Self {
            watch,
            change: Change::New,
            sequence: 0,
            state: None,
            evidence: None,
            at,
            seen: None,
            upstream: None,
            trigger: None,
            candidates: Vec::new(),
            provenance: Provenance::default(),
            intervention: None,
            runs: BTreeMap::new(),
            superseded_by: None,
            word: None,
        }
    }

    /// The key inside its id.
    #[must_use]
    pub fn key<'a>(&self, id: &'a str) -> &'a str {
        key_of(&self.watch, id)
    }

    /// Whether a person approved exactly this commit.
    #[must_use]
    pub fn is_approved(&self, sha: &str) -> bool {
        self.word.as_ref().is_some_and(|word| word.verdict == Verdict::Approved && word.sha.as_deref() == Some(sha))
    }

    /// Whether nothing more is expected.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state.is_some_and(ReviewState::is_over)
    }

    fn end(&mut self, record: &Record, run: &Run) {
        self.at = record.at;
        self.runs.insert(run.target, run.status);
        if let (Target::TriggerBranch, Some(reference), Some(sha)) = (run.target, &run.reference, &run.sha) {
            self.trigger = Some(Pushed { reference: reference.clone(), sha: sha.clone(), at: record.at });
        }
        let made: Vec<Made> = run.candidates.iter().filter_map(Made::of).collect();
        if !made.is_empty() {
            self.candidates = made;
            self.provenance = run.provenance.clone();
        }
        if run.status == Status::NeedsIntervention || !run.candidates.is_empty() {
            self.intervention = run.intervention.as_ref().and_then(Made::of);
        }
    }

    fn reviewed(&mut self, record: &Record, review: &record::Review) {
        self.at = record.at;
        if let Some(verdict) = review.verdict {
            let (sha, by) = (review.sha.clone(), review.by.clone());
            self.word = Some(Word { verdict, sha, by, at: record.at });
        }
        // A good word leaves a candidate where it is.
        if review.verdict == Some(Verdict::Approved) && self.state == Some(review.state) {
            return;
        }
        self.state = Some(review.state);
        self.evidence = Some(review.evidence);
        if let (Some(reference), Some(sha)) = (&review.reference, &review.sha) {
            self.seen = Some(Seen { reference: reference.clone(), sha: sha.clone() });
        }
        let provenance = Provenance {
            verified: review.verified,
            resolved_by: review.resolved_by.clone(),
            onto: review.onto.clone(),
            stack: review.stack.clone(),
        };
        // Of one that is over, the record may tell nothing more.
        if review.state == ReviewState::Awaiting || !provenance.is_unknown() {
            self.provenance = provenance;
        }
        self.trigger = self.trigger.take().or_else(|| review.trigger.clone());
        self.superseded_by = review.superseded_by.clone().or_else(|| self.superseded_by.take());
    }
}

impl Made {
    fn of(candidate: &crate::dispatch::result::Candidate) -> Option<Self> {
        Some(Self { reference: candidate.reference.clone()?, sha: candidate.sha.clone() })
    }
}

impl State {
    /// The signal of this id on its way, or at its end.
    #[must_use]
    pub fn review(&self, id: &str) -> Option<&UnderReview> {
        self.reviews.get(id).or_else(|| self.closed.get(id))
    }

    /// All of them, on their way or at their end.
    pub fn all_reviews(&self) -> impl Iterator<Item = (&String, &UnderReview)> {
        self.reviews.iter().chain(&self.closed)
    }

    pub(super) fn review_signal(&mut self, record: &Record, signal: &Signal) {
        // A moved tag is an alarm that a person has to answer, whoever else is told.
        if signal.targets.is_empty() && signal.change != Change::Moved {
            return;
        }
        // Its candidate may have been found before: the ledger was lost, and the signal came again.
        let known = self.reviews.get_mut(&signal.id).or_else(|| self.closed.get_mut(&signal.id));
        let review = match known {
            Some(known) if known.sequence > 0 => return,
            Some(known) => known,
            None => {
                let begun = UnderReview::begun(signal.watch.clone(), record.at);
                self.reviews.entry(signal.id.clone()).or_insert(begun)
            }
        };
        review.change = signal.change;
        review.sequence = self.signals;
        review.upstream.clone_from(&signal.entry.sha);
    }

    /// The signal of this id on its way, be it that it was at its end before.
    fn reopened(&mut self, id: &str) -> Option<&mut UnderReview> {
        if let Some(mut closed) = self.closed.remove(id) {
            closed.state = None;
            self.reviews.insert(id.to_owned(), closed);
        }
        self.reviews.get_mut(id)
    }

    pub(super) fn review_request(&mut self, record: &Record, request: &record::Request) {
        if request.targets.is_empty() {
            return;
        }
        if self.review(&request.id).is_none() {
            let mut begun = UnderReview::begun(request.watch.clone(), record.at);
            begun.change = request.change;
            self.reviews.insert(request.id.clone(), begun);
        }
        if let Some(review) = self.reopened(&request.id) {
            review.at = record.at;
            review.superseded_by = None;
            // What was made before stays where it is; a person asks for something else.
            for target in &request.targets {
                review.runs.remove(target);
            }
            review.intervention = None;
            review.word = None;
        }
    }

    pub(super) fn review_run(&mut self, record: &Record, run: &Run) {
        // What found nothing to do opens nothing that another machine brought to its end.
        let is_idle = run.status == Status::Skipped && run.candidates.is_empty();
        if is_idle && let Some(closed) = self.closed.get_mut(&run.id) {
            closed.runs.insert(run.target, run.status);
            return;
        }
        if let Some(review) = self.reopened(&run.id) {
            review.end(record, run);
        }
    }

    pub(super) fn review_superseded(&mut self, record: &Record, id: &str, by: Option<&str>) {
        if let Some(review) = self.reviews.get_mut(id) {
            review.at = record.at;
            review.superseded_by = by.map(str::to_owned);
        }
    }

    pub(super) fn fold_review(&mut self, record: &Record, review: &record::Review) {
        let mut under = self
            .reviews
            .remove(&review.id)
            .or_else(|| self.closed.remove(&review.id))
            .unwrap_or_else(|| UnderReview::begun(review.watch.clone(), record.at));
        under.reviewed(record, review);
        if under.is_over() {
            self.let_go(record, &review.id);
        }
        let place = if under.is_over() { &mut self.closed } else { &mut self.reviews };
        place.insert(review.id.clone(), under);
    }

    /// What is at its end is not handed over any more, and waits for nobody.
    fn let_go(&mut self, record: &Record, id: &str) {
        // Should it open again, that is news to be told.
        self.told.remove(id);
        self.each_delivery(id, None, |delivery| {
            // Of an attempt that is being made, its own end tells.
            if !delivery.is_done() && delivery.stage != Stage::Started {
                delivery.stage = Stage::Superseded;
                delivery.at = record.at;
            }
        });
    }

    /// Whether an attempt at the signal has no end yet.
    #[must_use]
    pub fn is_started(&self, id: &str) -> bool {
        let open = self.open.get(id);
        open.is_some_and(|open| open.deliveries.values().any(|delivery| delivery.stage == Stage::Started))
    }
}
