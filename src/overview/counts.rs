//! How many there are of what is not looked at one by one: known entries, and signals by their state.

use crate::{
    ledger::brief::Brief,
    review::{state::ReviewState, waiting::judged},
    time::Timestamp,
    watch::{Watch, WatchName},
};
use std::collections::BTreeMap;

/// Numbers of signals, by watch and state.
pub type Counts = BTreeMap<(WatchName, ReviewState), u64>;

/// How many signals of these watches are in which state: on their way, as they are judged now, or at
/// their end.
#[must_use]
pub fn counts(watches: &[&Watch], brief: &Brief, now: Timestamp) -> Counts {
    let state = brief.state();
    let mut counts = ended(watches, brief);
    for (id, review) in &state.reviews {
        let Some(watch) = watches.iter().find(|watch| watch.name == review.watch) else { continue };
        let judged = judged(watch, review, state.open.get(id), now);
        *counts.entry((watch.name.clone(), judged.state)).or_default() += 1;
    }
    counts
}

/// How many signals are at their end. Nothing else of a status looks at them all.
fn ended(watches: &[&Watch], brief: &Brief) -> Counts {
    let of_watch = |watch: &&Watch| {
        let over = brief.counts(&watch.name).over.into_iter();
        over.map(|(state, count)| ((watch.name.clone(), state), count as u64)).collect::<Vec<_>>()
    };
    watches.iter().flat_map(of_watch).collect()
}
