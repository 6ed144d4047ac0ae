//! The page: all that is known of the fork in one HTML document, for who has no shell at hand.
//!
//! What it says is decided here, by a pure function of the configuration and the ledger: strings and
//! enums, all that strangers wrote made printable. The template escapes them once more, for HTML.
//!
//! - [`timeline`]: which records are needed.
//! - [`waiting`], [`channel`], [`watch`], [`signal`]: the parts, in the order in which they are read.
//! - [`run`], [`carry`], [`range_diff`]: what a signal's runs did.
//! - [`badge`], [`shown`]: a state, a line, an instant.
//! - [`html`]: the document.

pub mod badge;
pub mod carry;
pub mod channel;
pub mod html;
pub mod range_diff;
pub mod run;
pub mod shown;
pub mod signal;
pub mod timeline;
pub mod waiting;
pub mod watch;

use self::{
    carry::Carry, channel::Channel, shown::Moment, signal::Signal, timeline::Timeline, waiting::Waits, watch::Watch,
};
use crate::{
    config::Config,
    intake::Check,
    ledger::{record::Run, state::State},
    review::{state::ReviewState, waiting::Waiting},
    time::Timestamp,
    watch::WatchName,
};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of what runs left, patches, conflicts and range-diffs, that the page takes. Of the signals behind
/// that, the oldest, it says what became of them and no more.
const ROOM: usize = 4 << 20;

/// All that the page is made from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// What the repository is called.
    pub name: &'a str,
    /// Its configuration.
    pub config: &'a Config,
    /// What its ledger adds up to.
    pub state: &'a State,
    /// The records of the signals that are shown.
    pub timeline: &'a Timeline,
    /// When the watches were checked.
    pub checks: &'a BTreeMap<WatchName, Check>,
    /// What waits, in the order in which that is shown.
    pub waiting: &'a [Waiting],
    /// The time.
    pub now: Timestamp,
}

/// What the page says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// What the repository is called.
    pub name: String,
    /// When it was made.
    pub made: Moment,
    /// What waits.
    pub waits: Waits,
    /// The channels.
    pub channels: Vec<Channel>,
    /// The watches.
    pub watches: Vec<Watch>,
    /// The signals, the newest first.
    pub signals: Vec<Signal>,
    /// How many are older, and not shown.
    pub left_out: u64,
    /// The watches that the filter offers.
    pub watch_choices: Vec<String>,
    /// The states that the filter offers.
    pub state_choices: Vec<&'static str>,
}

/// What the page says; `carried` reads what a run left of a carry.
#[must_use]
pub fn page(sources: &Sources<'_>, mut carried: impl FnMut(&Run) -> Option<Carry>) -> Page {
    let mut room = ROOM;
    let mut signals = Vec::new();
    for history in &sources.timeline.signals {
        signals.extend(Signal::of(history, sources.state, sources.waiting, &mut carried, &mut room));
    }
    let shown: BTreeSet<&str> = sources.timeline.signals.iter().map(|history| history.id.as_str()).collect();
    let names: BTreeSet<&String> = signals.iter().map(|signal| &signal.watch).collect();
    let states: BTreeSet<&str> = signals.iter().map(|signal| signal.state).collect();
    let all = ReviewState::ALL.into_iter().map(ReviewState::as_str).chain([signal::RECORDED]);
    Page {
        name: shown::clipped(sources.name, 100),
        made: shown::moment(sources.now),
        waits: waiting::waits(sources.waiting, |id| shown.contains(id)),
        channels: channel::channels(sources.config, sources.state, |id| shown.contains(id)),
        watches: watch::watches(sources.config, sources.state, sources.checks, &sources.timeline.gaps, sources.now),
        watch_choices: names.into_iter().cloned().collect(),
        state_choices: all.filter(|state| states.contains(state)).collect(),
        left_out: sources.timeline.left_out,
        signals,
    }
}

#[cfg(test)]
mod tests;
