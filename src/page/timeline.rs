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

impl Timeline {
    /// What of `records` is about the newest `limit` signals and candidates without a signal, or about what
    /// is listed of `waiting`. Of each at most the newest 300.
    #[must_use]
    pub fn of(records: impl IntoIterator<Item = Record>, state: &State, waiting: &[&str], limit: usize) -> Self {
        let mut wanted: BTreeSet<String> = waiting.iter().take(LISTED).map(|id| (*id).to_owned()).collect();
        wanted.extend(without_signal(state, limit));
        let first = state.signals.saturating_sub(limit as u64);
        let mut timeline = Self::default();
        let mut places: HashMap<String, usize> = HashMap::new();
        let (mut seen, mut shown) = (0, 0);
        for record in records {
            if let Body::Signal(signal) = &record.body {
                seen += 1;
                if seen > first {
                    wanted.insert(signal.id.clone());
                }
                shown += u64::from(wanted.contains(&signal.id));
            }
            if let Body::Gap(gap) = &record.body {
                timeline.gaps.insert(gap.watch.clone(), (record.at, gap.clone()));
            }
            let Some(id) = record.id().filter(|id| wanted.contains(*id)) else { continue };
            let place = *places.entry(id.to_owned()).or_insert_with(|| {
                timeline.signals.push(History { id: id.to_owned(), records: Vec::new() });
                timeline.signals.len() - 1
            });
            timeline.signals[place].push(record);
        }
        timeline.signals.reverse();
        timeline.left_out = seen - shown;
        timeline
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
