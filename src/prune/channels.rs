//! The commits that channels have left, which are kept so that there is something to go back to.

use super::{Fate, Item, Place};
use crate::{
    ledger::{
        record::Move,
        state::{ChannelState, State},
    },
    parse::refs::RemoteRefs,
    refname::component,
    time::Timestamp,
    watch::WatchName,
};
use std::{collections::BTreeSet, time::Duration};

/// The refs below this hold what channels have left.
pub const PREFIX: &str = "refs/patch-moi/channel/";

/// What no roll-back can lead to any more, and was left long ago; `watch_of` tells whose channel it is.
#[must_use]
pub fn left_behind(
    state: &State,
    here: &RemoteRefs,
    watch_of: impl Fn(&str) -> Option<WatchName>,
    now: Timestamp,
    older_than: Duration,
) -> Vec<Item> {
    let mut items = Vec::new();
    for (name, channel) in &state.channels {
        let Some(watch) = watch_of(name.as_str()) else { continue };
        let needed = needed(channel);
        let prefix = format!("{PREFIX}{}/", component(name.as_str()));
        for (reference, there) in &here.refs {
            let Some(sha) = reference.strip_prefix(&prefix).filter(|sha| !needed.contains(sha)) else { continue };
            let touches = channel.moves.iter().filter(|moved| moved.to == sha || moved.from.as_deref() == Some(sha));
            // What the ledger does not know to be over is none of our business.
            let Some(at) = touches.map(|moved| moved.at).max().filter(|at| at.after(older_than) <= now) else {
                continue;
            };
            items.push(Item {
                watch: watch.clone(),
                id: None,
                place: Place::Here,
                name: reference.clone(),
                object: there.sha.clone(),
                commit: there.commit().to_owned(),
                state: "left",
                at,
                fate: Fate::Remove,
            });
        }
    }
    items
}

/// Where the roll-backs that are still possible lead, one after the other, and where the channel is.
fn needed(channel: &ChannelState) -> BTreeSet<&str> {
    let mut undone = 0_usize;
    let mut needed: BTreeSet<&str> = channel.last().map(|last| last.to.as_str()).into_iter().collect();
    for moved in channel.moves.iter().rev() {
        match moved.action {
            Move::RolledBack => undone += 1,
            Move::Promoted if undone > 0 => undone -= 1,
            Move::Promoted => needed.extend(moved.from.as_deref()),
        }
    }
    needed
}
