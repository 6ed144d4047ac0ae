//! The channels: what each points to, and how it came there.

use super::{
    shown::{self, Commit, Moment},
    signal,
};
use crate::{
    channel::{Channel as Configured, ChannelName, Promote},
    config::Config,
    ledger::{
        record::Move,
        state::{ChannelState, Moved, State, key_of},
    },
    report::words,
};

/// Moves that are listed of one channel.
const MOVES: usize = 10;

/// A channel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// The watch whose candidates it takes.
    pub watch: String,
    /// What a promotion moves or makes.
    pub reference: String,
    /// When that happens.
    pub rule: &'static str,
    /// What it points to, as far as it was moved by us.
    pub holds: Option<Holding>,
    /// How it came there, the newest first.
    pub moves: Vec<Holding>,
}

/// What a channel held from one moment on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holding {
    /// Since when.
    pub since: Moment,
    /// Whether it was promoted or rolled back to.
    pub how: &'static str,
    /// The commit.
    pub commit: Commit,
    /// The commit before.
    pub before: Option<Commit>,
    /// The ref, of a tag the one that was made.
    pub reference: String,
    /// The release or commit of upstream that it is for.
    pub key: Option<String>,
    /// What its signal is linked by, if it is on the page.
    pub anchor: Option<String>,
    /// The upstream commit that it stands on.
    pub onto: Option<Commit>,
}

/// The channels that are configured, and those that were and have been moved; `is_shown` says which signals
/// the page has.
#[must_use]
pub fn channels(config: &Config, state: &State, is_shown: impl Fn(&str) -> bool + Copy) -> Vec<Channel> {
    let configured = config.channels.iter().map(|channel| of_configured(channel, state, is_shown));
    let is_gone = |name: &ChannelName| config.channels.iter().all(|channel| channel.name != *name);
    let gone = state.channels.iter().filter(|(name, _)| is_gone(name));
    configured.chain(gone.map(|(name, state)| of_gone(name, state, is_shown))).collect()
}

fn of_configured(channel: &Configured, state: &State, is_shown: impl Fn(&str) -> bool + Copy) -> Channel {
    let known = state.channels.get(&channel.name);
    Channel {
        name: channel.name.to_string(),
        watch: channel.watch.to_string(),
        reference: shown::line(channel.reference.to_string().trim_start_matches("refs/heads/")),
        rule: match channel.promote {
            Promote::Verified => "once a candidate is verified",
            Promote::Landed => "once a candidate landed",
            Promote::Manual => "by a person",
        },
        holds: known.and_then(ChannelState::last).map(|last| holding(last, is_shown)),
        moves: known.map(|known| moves(known, is_shown)).unwrap_or_default(),
    }
}

fn of_gone(name: &ChannelName, state: &ChannelState, is_shown: impl Fn(&str) -> bool + Copy) -> Channel {
    let last = state.last().map(|last| holding(last, is_shown));
    Channel {
        name: name.to_string(),
        watch: String::new(),
        reference: last.as_ref().map(|last| last.reference.clone()).unwrap_or_default(),
        rule: "no longer configured",
        holds: last,
        moves: moves(state, is_shown),
    }
}

fn moves(state: &ChannelState, is_shown: impl Fn(&str) -> bool + Copy) -> Vec<Holding> {
    state.moves.iter().rev().take(MOVES).map(|moved| holding(moved, is_shown)).collect()
}

fn holding(moved: &Moved, is_shown: impl Fn(&str) -> bool) -> Holding {
    Holding {
        since: shown::moment(moved.at),
        how: match moved.action {
            Move::Promoted => "promoted",
            Move::RolledBack => "rolled back",
        },
        commit: shown::commit(&moved.to),
        before: moved.from.as_deref().map(shown::commit),
        reference: shown::line(moved.reference.trim_start_matches("refs/heads/")),
        key: moved.id.as_deref().map(key),
        anchor: moved.id.as_deref().filter(|id| is_shown(id)).map(signal::anchor),
        onto: moved.onto.as_deref().map(shown::commit),
    }
}

/// The key inside an id, of whatever watch.
fn key(id: &str) -> String {
    let watch = id.split(':').nth(1).and_then(|watch| watch.parse().ok());
    words::key(watch.as_ref().map_or(id, |watch| key_of(watch, id)))
}
