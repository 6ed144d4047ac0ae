//! The signals whose review ended long ago, and by which names what they left is known.

use crate::{
    config::Config,
    ledger::state::{State, UnderReview},
    promotion::choice,
    refname::{component, hash},
    review::state::ReviewState,
    time::Timestamp,
    watch::WatchName,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// A signal whose review ended long ago.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// Its id.
    pub id: &'a str,
    /// What is known of it.
    pub review: &'a UnderReview,
}

impl Ended<'_> {
    /// The state that it ended in.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.review.state.map_or("over", ReviewState::as_str)
    }
}

/// Which names lead to which of the signals that ended; a name that another signal has too leads nowhere.
#[derive(Debug, Default)]
pub struct Names<'a> {
    signals: BTreeMap<String, Option<Ended<'a>>>,
}

impl<'a> Names<'a> {
    fn claim(&mut self, name: String, ended: Option<Ended<'a>>) {
        let claim = self.signals.entry(name).or_insert(ended);
        let is_shared = match (&claim, ended) {
            (Some(one), Some(other)) => one.id != other.id,
            _ => true,
        };
        if is_shared {
            *claim = None;
        }
    }

    /// The one signal of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Ended<'a>> {
        self.signals.get(name).copied().flatten()
    }
}

/// Tells the signals that ended long ago from all others.
///
/// One of which an attempt is being made still is not over; nor is a candidate that a channel would take
/// next, and has not.
#[must_use]
pub fn names<'a>(config: &Config, state: &'a State, now: Timestamp, older_than: Duration) -> Names<'a> {
    let wanted = wanted_by_channels(config, state);
    let mut names = Names::default();
    for (id, review) in state.all_reviews() {
        let is_old = review.is_over() && review.at.after(older_than) <= now;
        let is_ended = is_old && !state.is_started(id) && !wanted.contains(id.as_str());
        let ended = is_ended.then_some(Ended { id, review });
        for name in [branch_stem(&review.watch, review.key(id)), run_stem(id)].into_iter().chain(hand_stems(review, id))
        {
            names.claim(name, ended);
        }
    }
    names
}

fn wanted_by_channels<'a>(config: &Config, state: &'a State) -> BTreeSet<&'a str> {
    let offers = config.channels.iter().filter_map(|channel| {
        let watch = config.watches.iter().find(|watch| watch.name == channel.watch)?;
        let offer = choice::newest(channel, watch, state)?;
        let has_it = state.channels.get(&channel.name).is_some_and(|channel| channel.held(&offer.seen.sha));
        Some(offer.id).filter(|_| !has_it)
    });
    offers.collect()
}

/// What the branches of a signal have behind their kind.
#[must_use]
pub fn branch_stem(watch: &WatchName, key: &str) -> String {
    format!("{}/{}", component(watch.as_str()), component(key))
}

/// What the files of a signal's runs begin with.
fn run_stem(id: &str) -> String {
    hash(id)[..16].to_owned()
}

/// What the files of a carry by hand are called after: the logs of its programs, and its report.
fn hand_stems(review: &UnderReview, id: &str) -> [String; 2] {
    let (watch, key) = (&review.watch, review.key(id));
    let report = format!("{}-{}", component(watch.as_str()), component(key));
    [format!("by-hand {}", &hash(&format!("{watch}:{key}"))[..16]), format!("report {report}")]
}
