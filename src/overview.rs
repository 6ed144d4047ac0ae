//! The operator's view, a value: what waits and for whom, the channels, the watches.
//!
//! - [`watch`]: a watch's line.
//! - [`channel`]: a channel's line.
//! - [`mod@line`]: a line of the JSON answer.
//! - [`counts`]: how many signals are in which state.
//! - [`metrics`]: all of it in numbers, for a monitor.
//!
//! It is made from the configuration and the ledger alone, and reads neither all that is known nor all
//! that ended: it is asked for at every prompt.

pub mod channel;
pub mod counts;
pub mod line;
pub mod metrics;
pub mod watch;

use crate::{
    config::Config,
    intake::{Check, look},
    ledger::brief::Brief,
    review::waiting::{Actor, Waiting, waiting},
    time::Timestamp,
    watch::{Watch, WatchName},
};
use channel::ChannelLine;
use std::collections::{BTreeMap, BTreeSet};
use watch::WatchLine;

/// What `patch status` shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    /// What waits: who has to act first, and of theirs the oldest first.
    pub waiting: Vec<Waiting>,
    /// The channels.
    pub channels: Vec<ChannelLine>,
    /// The watches.
    pub watches: Vec<WatchLine>,
}

impl Overview {
    /// The view of these watches.
    #[must_use]
    pub fn of(
        config: &Config,
        watches: &[&Watch],
        brief: &Brief,
        checks: &BTreeMap<WatchName, Check>,
        now: Timestamp,
    ) -> Self {
        let state = brief.state();
        let is_asked_for = |name: &WatchName| watches.iter().any(|watch| watch.name == *name);
        let failing = checks.iter().map(|(name, check)| (name.clone(), check.failing)).collect();
        let mut waiting = waiting(config, state, &failing, now);
        waiting.retain(|waiting| is_asked_for(&waiting.watch));
        let ids: BTreeSet<&str> = waiting.iter().filter_map(|waiting| waiting.id.as_deref()).collect();
        let line = |watch: &&Watch| {
            let source = look::source(watch, &config.remotes);
            watch::line(watch, source, brief, checks.get(&watch.name), &ids, now)
        };
        let watches = watches.iter().map(line).collect();
        let channels = config.channels.iter().filter(|channel| is_asked_for(&channel.watch));
        let channels = channels.map(|channel| channel::line(channel, state)).collect();
        Self { waiting, channels, watches }
    }

    /// Whether something waits for a person.
    #[must_use]
    pub fn wants_a_person(&self) -> bool {
        self.waiting.iter().any(|waiting| waiting.actor == Actor::Person)
    }
}
