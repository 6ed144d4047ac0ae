//! A channel's line: what it follows, and what it holds.

use crate::{
    channel::{Channel, ChannelName, Promote},
    ledger::{
        record::Move,
        state::{Moved, State, key_of},
    },
    time::Timestamp,
    watch::WatchName,
};
use serde::Serialize;

/// A channel.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelLine {
    /// The channel.
    pub channel: ChannelName,
    /// The watch whose candidates it takes.
    pub watch: WatchName,
    /// The branch that moves, or the pattern of the tags that are made.
    #[serde(rename = "ref")]
    pub reference: String,
    /// When a candidate is promoted by itself.
    pub rule: Promote,
    /// What it holds, if it was ever moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<Holds>,
}

/// What a channel holds since it was moved last.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Holds {
    /// The signal whose candidate it is, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The signal's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The branch that was moved, or the tag that was made.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The commit.
    pub sha: String,
    /// When it was moved.
    pub at: Timestamp,
    /// How.
    pub action: Move,
    /// Why: the channel's rule at that time, or `manual` for a person.
    pub rule: Promote,
    /// Who moved it, of a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// The line of a channel, as far as the ledger knows it.
#[must_use]
pub fn line(channel: &Channel, state: &State) -> ChannelLine {
    let last = state.channels.get(&channel.name).and_then(|known| known.last());
    ChannelLine {
        channel: channel.name.clone(),
        watch: channel.watch.clone(),
        reference: channel.reference.to_string(),
        rule: channel.promote,
        holds: last.map(|moved| holds(channel, moved)),
    }
}

fn holds(channel: &Channel, moved: &Moved) -> Holds {
    Holds {
        id: moved.id.clone(),
        key: moved.id.as_deref().map(|id| key_of(&channel.watch, id).to_owned()),
        reference: moved.reference.clone(),
        sha: moved.to.clone(),
        at: moved.at,
        action: moved.action,
        rule: moved.rule,
        by: moved.by.clone(),
    }
}
