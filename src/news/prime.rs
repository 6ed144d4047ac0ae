//! What becomes known without being news: at the first sight, and where a watch looks elsewhere.

use super::{
    News, Rules, Sight, new,
    order::{by_version, succeeds},
    passed,
};
use crate::{
    entry::Entry,
    ledger::{
        record::{KnownEntry, PrimedReason},
        state::WatchState,
    },
};
use std::collections::BTreeSet;

pub(super) fn prime(news: &mut Vec<News>, sight: &Sight, rules: Rules<'_>, known: &WatchState, reason: PrimedReason) {
    let taken: Vec<&Entry> = sight.entries.iter().filter(|entry| passed(rules, entry).is_none()).collect();
    let backfill = if known.primed { 0 } else { rules.backfill };
    let fill: BTreeSet<&str> = taken.iter().rev().take(backfill).map(|entry| entry.key.as_str()).collect();
    let shown = sight.entries.iter().filter(|entry| !fill.contains(entry.key.as_str()));
    let shown = shown.map(|entry| known_entry(entry, sight));
    let is_known = |entry: &KnownEntry| known.known.get(&entry.key).is_some_and(|known| known.sha == entry.sha);
    let entries = beside(sight).into_iter().chain(shown).filter(|entry| !is_known(entry)).collect();
    news.push(News::Primed { reason, entries });
    for entry in sight.entries.iter().filter(|entry| fill.contains(entry.key.as_str())) {
        news.push(new(entry, sight));
    }
}

/// The tags beside a feed, oldest first: a window that slides back over them, or overflows, is not news.
///
/// But a tag that is newer than all the feed shows is a release that is about to be published.
fn beside(sight: &Sight) -> Vec<KnownEntry> {
    let shown: BTreeSet<&str> = sight.entries.iter().map(|entry| entry.key.as_str()).collect();
    let newest = sight.entries.iter().max_by(|a, b| by_version(&a.key, &b.key)).map(|entry| entry.key.as_str());
    let mut beside: Vec<KnownEntry> = sight
        .tags
        .iter()
        .flatten()
        .filter(|(tag, _)| !shown.contains(tag.as_str()) && !newest.is_some_and(|newest| succeeds(tag, newest)))
        .map(|(tag, sha)| KnownEntry { key: tag.clone(), sha: Some(sha.clone()) })
        .collect();
    beside.sort_by(|a, b| by_version(&a.key, &b.key));
    beside
}

/// What is known at another source too; the rest can neither move nor vanish there. Refs that are
/// read from now on beside a feed bring along the tags of all time.
pub(super) fn met_again(sight: &Sight, known: &WatchState) -> Vec<KnownEntry> {
    let is_new = |entry: &KnownEntry| !known.known.contains_key(&entry.key);
    let is_met = |entry: &KnownEntry| known.known.get(&entry.key).is_some_and(|known| known.sha == entry.sha);
    let shown =
        sight.entries.iter().filter(|entry| is_same(entry, sight, known)).map(|entry| known_entry(entry, sight));
    beside(sight).into_iter().filter(|entry| is_new(entry) || is_met(entry)).chain(shown).collect()
}

fn known_entry(entry: &Entry, sight: &Sight) -> KnownEntry {
    let sha = entry.sha.clone().or_else(|| sight.tags.as_ref()?.get(&entry.key).cloned());
    KnownEntry { key: entry.key.clone(), sha }
}

/// Whether the entry is known, and nothing speaks against its being the same one: two repositories
/// may well have a tag of one name, but not of one commit.
pub(super) fn is_same(entry: &Entry, sight: &Sight, known: &WatchState) -> bool {
    let now = entry.sha.as_ref().or_else(|| sight.tags.as_ref()?.get(&entry.key));
    known
        .known
        .get(&entry.key)
        .is_some_and(|before| before.sha.is_none() || now.is_none() || before.sha.as_ref() == now)
}
