//! Releases and tags: new, moved, gone.

use super::{
    News, Rules, Sight, gap, new,
    order::{by_version, prefix},
    overflowed, passed, repeated, was_told,
};
use crate::{
    entry::Entry,
    event::Change,
    ledger::{
        record::{KnownEntry, PrimedReason},
        state::{Known, WatchState},
    },
    parse::key::is_tag_name,
};
use std::collections::BTreeSet;

pub(super) fn releases(news: &mut Vec<News>, sight: &Sight, rules: Rules<'_>, known: &WatchState) {
    let mut entries: Vec<Entry> = Vec::new();
    if let Some(tags) = sight.tags.as_ref().filter(|_| overflowed(sight, known)) {
        let shown: BTreeSet<&str> = sight.entries.iter().map(|entry| entry.key.as_str()).collect();
        // A tag without a release is no entry of the feed: only what is called like its releases is
        // taken for one, and the rest may be a release or not.
        let called: BTreeSet<&str> = sight.entries.iter().map(|entry| prefix(&entry.key)).collect();
        let missed = tags.iter().filter(|(tag, _)| !shown.contains(tag.as_str()) && !known.known.contains_key(*tag));
        let (taken, doubtful): (Vec<_>, Vec<_>) = missed.partition(|(tag, _)| called.contains(prefix(tag)));
        if !doubtful.is_empty() {
            news.push(gap(sight));
        }
        entries.extend(taken.into_iter().map(|(tag, sha)| tag_entry(tag, sha)));
        entries.sort_by(|a, b| by_version(&a.key, &b.key));
    }
    entries.extend(sight.entries.iter().cloned());
    let mut learned = Vec::new();
    for mut entry in entries {
        if entry.sha.is_none()
            && let Some(sha) = sight.tags.as_ref().and_then(|tags| tags.get(&entry.key))
        {
            entry.sha = Some(sha.clone());
        }
        match known.known.get(&entry.key) {
            None => news.push(new_or_skipped(&entry, rules, sight)),
            Some(before) => {
                news.extend(moved(&entry, before.sha.as_deref(), rules, known));
                news.extend(returned(&entry, before));
                learned.extend(unlearned(&entry.key, before.sha.as_deref(), entry.sha.as_deref()));
            }
        }
    }
    if let Some(tags) = &sight.tags {
        let shown: BTreeSet<&str> = sight.entries.iter().map(|entry| entry.key.as_str()).collect();
        for (key, before) in known.known.iter().filter(|(key, _)| !shown.contains(key.as_str())) {
            match tags.get(key) {
                Some(sha) => {
                    news.extend(moved(&tag_entry(key, sha), before.sha.as_deref(), rules, known));
                    news.extend(returned(&tag_entry(key, sha), before));
                    learned.extend(unlearned(key, before.sha.as_deref(), Some(sha)));
                }
                // Only a tag that was seen among the refs can vanish from them.
                None if before.sha.is_some() && !before.gone && known.source == sight.source => {
                    news.extend(gone(key, before.sha.clone(), rules, known));
                }
                None => {}
            }
        }
    }
    if !learned.is_empty() && known.source == sight.source {
        news.push(News::Primed { reason: PrimedReason::Commits, entries: learned });
    }
}

fn new_or_skipped(entry: &Entry, rules: Rules<'_>, sight: &Sight) -> News {
    match passed(rules, entry) {
        None => new(entry, sight),
        Some(reason) => News::Skipped {
            key: entry.key.clone(),
            sha: entry.sha.clone(),
            reason: reason.as_str(),
            message: None,
            is_head: false,
        },
    }
}

fn moved(entry: &Entry, before: Option<&str>, rules: Rules<'_>, known: &WatchState) -> Option<News> {
    let (before, now) = (before?, entry.sha.as_deref()?);
    if before == now {
        return None;
    }
    let key = alarm_key(&format!("{}@{now}", entry.key), known);
    Some(if passed(rules, entry).is_some() || was_told(&key, rules, known) {
        repeated(entry, false)
    } else {
        News::Changed {
            change: Change::Moved,
            key,
            entry: Box::new(entry.clone()),
            previous: Some(before.to_owned()),
            is_head: false,
        }
    })
}

fn gone(tag: &str, previous: Option<String>, rules: Rules<'_>, known: &WatchState) -> Option<News> {
    let entry = Entry { key: tag.to_owned(), tag: Some(tag.to_owned()), ..Entry::default() };
    let key = alarm_key(&format!("{tag}@gone-{}", previous.as_deref().unwrap_or_default()), known);
    if passed(rules, &entry).is_some() || was_told(&key, rules, known) {
        return None;
    }
    Some(News::Changed { change: Change::Gone, key, entry: Box::new(entry), previous, is_head: false })
}

/// A tag that vanished is back as it was: no news, but it may vanish again.
fn returned(entry: &Entry, before: &Known) -> Option<News> {
    (before.gone && before.sha == entry.sha).then(|| repeated(entry, false))
}

/// The key of an alarm: one that no entry has, or a tag called `v1@gone` would silence that of `v1`.
fn alarm_key(key: &str, known: &WatchState) -> String {
    let mut key = key.to_owned();
    while known.known.contains_key(&key) {
        key.push_str("@alarm");
    }
    key
}

fn unlearned(key: &str, before: Option<&str>, now: Option<&str>) -> Option<KnownEntry> {
    (before.is_none() && now.is_some()).then(|| KnownEntry { key: key.to_owned(), sha: now.map(str::to_owned) })
}

/// The entry that a tag is, where nothing but the refs tells of it.
#[must_use]
pub fn tag_entry(tag: &str, sha: &str) -> Entry {
    // Git takes a tag `-x` for a ref, and programs for an option: the commit says enough.
    let is_safe = is_tag_name(tag);
    Entry { key: tag.to_owned(), tag: is_safe.then(|| tag.to_owned()), sha: Some(sha.to_owned()), ..Entry::default() }
}
