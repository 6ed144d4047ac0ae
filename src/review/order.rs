//! Which of two signals of a watch is the newer one.

use crate::{
    ledger::state::{State, UnderReview, key_of},
    version::version_in,
    watch::{EventKind, Watch},
};
use semver::Version;

/// A signal's age among those of its watch: the greater is the newer.
///
/// A release's version comes first, for the release of an old line may come late; then which was seen later.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Age(Option<Version>, u64);

/// The age of the signal of this id.
#[must_use]
pub fn age(watch: &Watch, id: &str, review: &UnderReview) -> Age {
    Age(version(watch, id), review.sequence)
}

/// The age of the signal of this id, be it that the ledger knows nothing of it.
#[must_use]
pub fn age_of(watch: &Watch, state: &State, id: &str) -> Age {
    Age(version(watch, id), state.review(id).map_or(0, |review| review.sequence))
}

fn version(watch: &Watch, id: &str) -> Option<Version> {
    if watch.event == EventKind::Release { version_in(key_of(&watch.name, id)) } else { None }
}
