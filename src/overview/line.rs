//! A line of the JSON answer: something that waits, a channel, or a watch, told apart by `kind`.

use super::{Overview, channel::ChannelLine, watch::WatchLine};
use crate::{
    review::waiting::{Actor, Waiting},
    time::Timestamp,
    watch::WatchName,
};
use serde::Serialize;

/// A line.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Line<'a> {
    /// Something that waits.
    Waiting(WaitingLine<'a>),
    /// A channel.
    Channel(&'a ChannelLine),
    /// A watch.
    Watch(&'a WatchLine),
}

/// Something that waits.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingLine<'a> {
    actor: Actor,
    watch: &'a WatchName,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    key: &'a str,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    why: &'a str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

impl<'a> From<&'a Waiting> for WaitingLine<'a> {
    fn from(waiting: &'a Waiting) -> Self {
        let (reference, sha) = waiting.seen.as_ref().map(|seen| (seen.reference.as_str(), seen.sha.as_str())).unzip();
        Self {
            actor: waiting.actor,
            watch: &waiting.watch,
            id: waiting.id.as_deref(),
            key: &waiting.key,
            state: waiting.what.as_str(),
            since: waiting.since,
            why: &waiting.why,
            reference,
            sha,
            next: waiting.next.as_deref(),
        }
    }
}

/// All lines: what waits, the channels, the watches.
pub fn lines(overview: &Overview) -> impl Iterator<Item = Line<'_>> {
    let waiting = overview.waiting.iter().map(|waiting| Line::Waiting(waiting.into()));
    let channels = overview.channels.iter().map(Line::Channel);
    waiting.chain(channels).chain(overview.watches.iter().map(Line::Watch))
}
