//! How many there are of what is not looked at one by one: known entries, and signals by their state.

use crate::{
    ledger::state::State,
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
pub fn counts(watches: &[&Watch], state: &State, now: Timestamp) -> Counts {
    let mut counts = ended(state);
    counts.retain(|(name, _), _| watches.iter().any(|watch| watch.name == *name));
    for (id, review) in &state.reviews {
        let Some(watch) = watches.iter().find(|watch| watch.name == review.watch) else { continue };
        let judged = judged(watch, review, state.open.get(id), now);
        *counts.entry((watch.name.clone(), judged.state)).or_default() += 1;
    }
    counts
}

/// How many entries of a watch are known.
#[must_use]
pub fn known(state: &State, watch: &WatchName) -> usize {
    state.watches.get(watch).map_or(0, |watch| watch.known.len())
}

/// How many signals are at their end. Nothing else of a status looks at them all.
fn ended(state: &State) -> Counts {
    let mut counts = Counts::new();
    for review in state.closed.values() {
        if let Some(state) = review.state {
            *counts.entry((review.watch.clone(), state)).or_default() += 1;
        }
    }
    counts
}
