//! What is news: the heart of the program, a pure function.
//!
//! Upstream as it is seen now, beside what is known, gives the changes. No clock, no network, no
//! file: who calls it records what it returns, and that becomes known.

mod branch;
mod order;
mod portion;
mod prime;
mod release;

pub use self::{
    branch::needs_ancestry,
    order::oldest_first,
    portion::{MOST, portion},
    release::tag_entry,
};

use crate::{
    entry::{Entry, Unusable},
    event::{Change, event_id},
    ledger::{
        record::{KnownEntry, PrimedReason},
        state::{UNUSABLE, WatchState},
    },
    version::{Filter, Passed},
    watch::{EventKind, WatchName},
};
use std::collections::BTreeMap;

/// Upstream as a poll sees it.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
    /// Entries that have no identity.
    pub unusable: Vec<Unusable>,
    /// All the tags upstream has, with their commits, where its refs were read.
    pub tags: Option<BTreeMap<String, String>>,
    /// The branch's head; `None` if the branch is missing.
    pub head: Option<String>,
    /// Whether the old head is an ancestor of the new one; `None` where nobody can tell.
    pub descends: Option<bool>,
    /// Whether the entries are a feed's window, older ones being out of sight.
    pub is_window: bool,
    /// Whether upstream said that nothing changed instead of showing its entries.
    pub is_unchanged: bool,
    /// What the watch looks at.
    pub source: String,
}

/// The rules by which a watch decides.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The watch, for the ids.
    pub watch: &'a WatchName,
    /// Releases or commits.
    pub event: EventKind,
    /// Which releases are taken.
    pub filter: &'a Filter,
    /// The branch's name, for telling that it vanished.
    pub branch: Option<&'a str>,
    /// How many entries of a first sight are news.
    pub backfill: usize,
}

/// One thing to be recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum News {
    /// These are known from now on.
    Primed {
        /// Why.
        reason: PrimedReason,
        /// Which, oldest first.
        entries: Vec<KnownEntry>,
    },
    /// An entry changed.
    Changed {
        /// How.
        change: Change,
        /// The signal's key.
        key: String,
        /// The entry as it is now; of one that is gone, as far as it is known.
        entry: Box<Entry>,
        /// The commit it had before.
        previous: Option<String>,
        /// Whether it is the branch's head.
        is_head: bool,
    },
    /// An entry is known from now on, but nobody is told.
    Skipped {
        /// Its key.
        key: String,
        /// Its commit.
        sha: Option<String>,
        /// `tags`, `versions`, `prerelease`, `repeated` or `unusable`.
        reason: &'static str,
        /// What is to be said of it.
        message: Option<String>,
        /// Whether it is the branch's head.
        is_head: bool,
    },
    /// Entries may lie between the last known and this one, and nobody can tell.
    Gap {
        /// The oldest entry that is seen.
        oldest: String,
    },
}

/// Why a sight is not believed: silence is not health. What is known stays as it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Disbelief {
    /// There are no entries where there were some.
    Vanished,
    /// There is no such branch.
    MissingBranch,
}

/// What of `sight` is news to one who knows `known`, in the order in which to record it.
///
/// # Errors
/// When the sight is not believed. A branch that vanished is news *and* an error: the second call
/// with the first's news known gives the error alone.
pub fn news(sight: &Sight, rules: Rules<'_>, known: &WatchState) -> Result<Vec<News>, Disbelief> {
    match doubt(sight, rules.event, known) {
        Some(Disbelief::MissingBranch) => return branch::missing_branch(sight, rules, known),
        Some(Disbelief::Vanished) => return Err(Disbelief::Vanished),
        None => {}
    }
    // Tags do not all vanish at once beside a feed that goes on: the remote is not what it was.
    let had_tags = known.known.values().any(|known| known.sha.is_some() && !known.gone);
    if sight.tags.as_ref().is_some_and(BTreeMap::is_empty) && had_tags && known.source == sight.source {
        return Err(Disbelief::Vanished);
    }
    let mut news: Vec<News> = unusable(sight, known);
    let is_elsewhere = known.source != sight.source
        && !sight.entries.is_empty()
        && sight.descends != Some(true)
        && !sight.entries.iter().any(|entry| prime::is_same(entry, sight, known));
    if !known.primed || (is_elsewhere && known.has_entries()) {
        let reason = if known.primed { PrimedReason::SourceChanged } else { PrimedReason::FirstSight };
        prime::prime(&mut news, sight, rules, known, reason);
        return Ok(news);
    }
    if known.source != sight.source {
        // Something is known there: the watch goes on, and remembers where it looks.
        news.push(News::Primed { reason: PrimedReason::MetAgain, entries: prime::met_again(sight, known) });
    }
    if overflowed(sight, known) {
        fill_or_gap(&mut news, sight, rules);
    }
    match rules.event {
        EventKind::Release => release::releases(&mut news, sight, rules, known),
        EventKind::Branch => branch::commits(&mut news, sight, rules, known),
    }
    Ok(news)
}

/// Why a sight that shows no branch, or nothing where there was something, is not believed.
#[must_use]
pub fn doubt(sight: &Sight, event: EventKind, known: &WatchState) -> Option<Disbelief> {
    if event == EventKind::Branch && sight.head.is_none() {
        Some(Disbelief::MissingBranch)
    } else if sight.entries.is_empty() && !sight.is_unchanged && known.has_entries() {
        Some(Disbelief::Vanished)
    } else {
        None
    }
}

/// Whether a feed's window shows nothing that is known: what came in between is out of sight.
#[must_use]
pub fn overflowed(sight: &Sight, known: &WatchState) -> bool {
    sight.is_window
        && known.primed
        && known.has_entries()
        && !sight.entries.is_empty()
        && sight.entries.iter().all(|entry| !known.known.contains_key(&entry.key))
}

fn unusable(sight: &Sight, known: &WatchState) -> Vec<News> {
    sight
        .unusable
        .iter()
        .map(|it| (format!("{UNUSABLE}{}", it.label), it))
        .filter(|(key, _)| !known.known.contains_key(key))
        .map(|(key, it)| News::Skipped {
            key,
            sha: None,
            reason: "unusable",
            message: Some(it.reason.clone()),
            is_head: false,
        })
        .collect()
}

fn fill_or_gap(news: &mut Vec<News>, sight: &Sight, rules: Rules<'_>) {
    let refs_tell = match rules.event {
        EventKind::Release => sight.tags.is_some(),
        EventKind::Branch => sight.descends.is_some(),
    };
    if !refs_tell {
        news.push(gap(sight));
    }
}

fn gap(sight: &Sight) -> News {
    News::Gap { oldest: sight.entries.first().map(|entry| entry.key.clone()).unwrap_or_default() }
}

fn new(entry: &Entry, sight: &Sight) -> News {
    let mut entry = entry.clone();
    if entry.sha.is_none() {
        entry.sha = sight.tags.as_ref().and_then(|tags| tags.get(&entry.key).cloned());
    }
    News::Changed {
        change: Change::New,
        key: entry.key.clone(),
        is_head: sight.head.as_ref() == Some(&entry.key),
        entry: Box::new(entry),
        previous: None,
    }
}

fn repeated(entry: &Entry, is_head: bool) -> News {
    News::Skipped { key: entry.key.clone(), sha: entry.sha.clone(), reason: "repeated", message: None, is_head }
}

fn passed(rules: Rules<'_>, entry: &Entry) -> Option<Passed> {
    match rules.event {
        EventKind::Release => rules.filter.passes_over(&entry.key),
        EventKind::Branch => None,
    }
}

/// Whether there is a signal of this moved, rewritten or vanished state already.
fn was_told(key: &str, rules: Rules<'_>, known: &WatchState) -> bool {
    known.alarms.contains(&event_id(rules.watch, key, rules.event))
}

#[cfg(test)]
mod tests;
