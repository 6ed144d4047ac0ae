//! Which records the page needs: those of the newest signals, and of what waits whatever its age.

use super::waiting::LISTED;
use crate::{
    ledger::{
        record::{Body, Gap, Record},
        state::State,
    },
    time::Timestamp,
    watch::WatchName,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Records that are kept of one signal, the newest.
const RECORDS: usize = 300;

/// The records behind the page.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// The signals, the newest first.
    pub signals: Vec<History>,
    /// How many signals are older and left out.
    pub left_out: u64,
    /// By watch: entries that may have been missed, as it was last seen.
    pub gaps: BTreeMap<WatchName, (Timestamp, Gap)>,
}

/// A signal's records in their order.
#[derive(Clone, Debug)]
pub struct History {
    /// The signal's id.
    pub id: String,
    /// Its records; the signal itself first, unless somebody made a candidate without one.
    pub records: Vec<Record>,
}

/// Picks them out of the ledger, one record after the other.
#[derive(Debug)]
pub struct Picker {
    /// The ids of the signals that are shown.
    wanted: BTreeSet<String>,
    /// How many signals come before the newest.
    older: u64,
    /// How many signals there were so far, and how many of them are shown.
    seen: u64,
    shown: u64,
    /// By id: the place in the timeline.
    places: HashMap<String, usize>,
    timeline: Timeline,
}

impl Picker {
    /// One that picks what is about the newest `limit` signals and candidates without a signal, or about what
    /// is listed of `waiting`. Of each at most the newest 300.
    #[must_use]
    pub fn new(state: &State, waiting: &[&str], limit: usize) -> Self {
        let mut wanted: BTreeSet<String> = waiting.iter().take(LISTED).map(|id| (*id).to_owned()).collect();
        wanted.extend(without_signal(state, limit));
        Self {
            wanted,
            older: state.signals.saturating_sub(limit as u64),
            seen: 0,
            shown: 0,
            places: HashMap::new(),
            timeline: Timeline::default(),
        }
    }

    /// Takes the next record of the ledger, if it is needed.
    pub fn take(&mut self, record: Record) {
        if let Body::Signal(signal) = &record.body {
            self.seen += 1;
            if self.seen > self.older {
                self.wanted.insert(signal.id.clone());
            }
            self.shown += u64::from(self.wanted.contains(&signal.id));
        }
        if let Body::Gap(gap) = &record.body {
            self.timeline.gaps.insert(gap.watch.clone(), (record.at, gap.clone()));
        }
        let Some(id) = record.id().filter(|id| self.wanted.contains(*id)) else { return };
        let signals = &mut self.timeline.signals;
        let place = *self.places.entry(id.to_owned()).or_insert_with(|| {
            signals.push(History { id: id.to_owned(), records: Vec::new() });
            signals.len() - 1
        });
        signals[place].push(record);
    }

    /// What was picked.
    #[must_use]
    pub fn timeline(mut self) -> Timeline {
        self.timeline.signals.reverse();
        self.timeline.left_out = self.seen - self.shown;
        self.timeline
    }
}

impl History {
    fn push(&mut self, record: Record) {
        if self.records.len() >= RECORDS {
            // The signal itself stays.
            self.records.remove(1);
        }
        self.records.push(record);
    }
}

/// The newest candidates that somebody made without a signal.
fn without_signal(state: &State, limit: usize) -> impl Iterator<Item = String> {
    let mut made: Vec<_> = state.all_reviews().filter(|(_, review)| review.sequence == 0).collect();
    made.sort_by_key(|(_, review)| std::cmp::Reverse(review.at));
    made.into_iter().take(limit).map(|(id, _)| id.clone()).collect::<Vec<_>>().into_iter()
}
