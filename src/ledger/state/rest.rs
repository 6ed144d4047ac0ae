//! The part of the state that grows with every release, and is needed only to decide what is news.

use super::{Known, State, UnderReview};
use crate::{review::state::ReviewState, watch::WatchName};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, mem};

/// The entries that are known, and the reviews that are over.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rest {
    known: BTreeMap<WatchName, BTreeMap<String, Known>>,
    closed: BTreeMap<String, UnderReview>,
}

/// How much of a watch is in the rest.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// The entries that are known.
    pub known: usize,
    /// The reviews that are over, by how they ended.
    pub over: BTreeMap<ReviewState, usize>,
}

impl State {
    /// By watch: how much there is that a brief state has not.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<WatchName, Counts> {
        let mut counts: BTreeMap<WatchName, Counts> = BTreeMap::new();
        for (watch, state) in self.watches.iter().filter(|(_, state)| !state.known.is_empty()) {
            counts.entry(watch.clone()).or_default().known = state.known.len();
        }
        for review in self.closed.values() {
            if let Some(state) = review.state {
                *counts.entry(review.watch.clone()).or_default().over.entry(state).or_default() += 1;
            }
        }
        counts
    }

    /// Takes the rest out.
    pub(in crate::ledger) fn take_rest(&mut self) -> Rest {
        let known = self.watches.iter_mut().filter(|(_, state)| !state.known.is_empty());
        let known = known.map(|(watch, state)| (watch.clone(), mem::take(&mut state.known))).collect();
        Rest { known, closed: mem::take(&mut self.closed) }
    }

    /// Puts the rest back to where it was taken out.
    pub(in crate::ledger) fn give_back(&mut self, rest: Rest) {
        for (watch, known) in rest.known {
            self.watches.entry(watch).or_default().known = known;
        }
        self.closed = rest.closed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn review(watch: &str, state: ReviewState) -> UnderReview {
        let at: Timestamp = "2026-11-22T18:55:54Z".parse().unwrap();
        UnderReview { state: Some(state), ..UnderReview::begun(watch.parse().unwrap(), at) }
    }

    #[test]
    fn what_is_taken_out_is_counted_and_can_be_put_back() {
        let mut state = State::default();
        for watch in ["a", "b", "empty"] {
            state.watches.entry(watch.parse().unwrap()).or_default().primed = true;
        }
        for (watch, key) in [("a", "v1"), ("a", "v2"), ("b", "v1")] {
            state.watches.get_mut(&watch.parse::<WatchName>().unwrap()).unwrap().learn(key, Some("sha"));
        }
        let ended = [("a", ReviewState::Landed), ("a", ReviewState::Landed), ("b", ReviewState::Rejected)];
        for (number, (watch, ended)) in ended.into_iter().enumerate() {
            state.closed.insert(number.to_string(), review(watch, ended));
        }
        state.reviews.insert("open".to_owned(), review("a", ReviewState::Awaiting));
        let counts = state.counts();
        let of = |watch: &str| counts.get(&watch.parse::<WatchName>().unwrap()).cloned().unwrap_or_default();
        assert_eq!(of("a"), Counts { known: 2, over: [(ReviewState::Landed, 2)].into() });
        assert_eq!(of("b"), Counts { known: 1, over: [(ReviewState::Rejected, 1)].into() });
        assert_eq!(of("empty"), Counts::default());
        let whole = state.clone();
        let rest = state.take_rest();
        assert!(state.closed.is_empty() && state.watches.values().all(|watch| watch.known.is_empty()));
        assert_eq!((state.watches.len(), state.reviews.len()), (3, 1));
        state.give_back(rest);
        assert_eq!(state, whole);
    }
}
