//! What is news: the heart of the program, a pure function.
//!
//! Upstream as it is seen now, beside what is known, gives the changes. No clock, no network, no
//! file: who calls it records what it returns, and that becomes known.

use crate::{
    entry::{Entry, Unusable},
    event::{Change, event_id},
    ledger::{
        record::{KnownEntry, PrimedReason},
        state::{UNUSABLE, WatchState},
    },
    parse::key::is_tag_name,
    version::{Filter, Passed, version_in},
    watch::{EventKind, WatchName},
};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

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
    if rules.event == EventKind::Branch && sight.head.is_none() {
        return missing_branch(sight, rules, known);
    }
    if sight.entries.is_empty() && !sight.is_unchanged && known.has_entries() {
        return Err(Disbelief::Vanished);
    }
    // Tags do not all vanish at once beside a feed that goes on: the remote is not what it was.
    let had_tags = known.known.values().any(|known| known.sha.is_some() && !known.gone);
    if sight.tags.as_ref().is_some_and(BTreeMap::is_empty) && had_tags && known.source == sight.source {
        return Err(Disbelief::Vanished);
    }
    let mut news: Vec<News> = unusable(sight, known);
    let is_elsewhere = known.source != sight.source
        && !sight.entries.is_empty()
        && !sight.entries.iter().any(|entry| is_same(entry, sight, known));
    if !known.primed || (is_elsewhere && known.has_entries()) {
        let reason = if known.primed { PrimedReason::SourceChanged } else { PrimedReason::FirstSight };
        prime(&mut news, sight, rules, known, reason);
        return Ok(news);
    }
    if known.source != sight.source {
        // Something is known there: the watch goes on, and remembers where it looks.
        news.push(News::Primed { reason: PrimedReason::MetAgain, entries: met_again(sight, known) });
    }
    if overflowed(sight, known) {
        fill_or_gap(&mut news, sight, rules);
    }
    match rules.event {
        EventKind::Release => releases(&mut news, sight, rules, known),
        EventKind::Branch => commits(&mut news, sight, rules, known),
    }
    Ok(news)
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

/// Oldest first, as far as can be told.
///
/// A feed is newest first, but not every forge's: where every entry has a date, the dates decide.
/// Tags alone have neither: their versions decide, and then their names.
#[must_use]
pub fn oldest_first(mut entries: Vec<Entry>, is_window: bool) -> Vec<Entry> {
    if is_window {
        entries.reverse();
        if entries.iter().all(|entry| entry.published_at.is_some()) {
            entries.sort_by_key(|entry| entry.published_at);
        }
    } else {
        entries.sort_by(|a, b| by_version(&a.key, &b.key));
    }
    entries
}

fn by_version(a: &str, b: &str) -> Ordering {
    version_in(a).cmp(&version_in(b)).then_with(|| a.cmp(b))
}

/// Whether `tag` is called like `newest` and has a later version.
fn succeeds(tag: &str, newest: &str) -> bool {
    let prefix = |tag: &str| tag.trim_start_matches(|c: char| !c.is_ascii_digit()).len();
    let (own, other) = (&tag[..tag.len() - prefix(tag)], &newest[..newest.len() - prefix(newest)]);
    own == other && version_in(newest).is_some() && version_in(tag) > version_in(newest)
}

fn missing_branch(sight: &Sight, rules: Rules<'_>, known: &WatchState) -> Result<Vec<News>, Disbelief> {
    let branch = rules.branch.unwrap_or("HEAD");
    let told = known.known.get(branch).is_some_and(|known| known.gone);
    // A branch that was never seen, because the watch looks elsewhere now, did not vanish; and only
    // refs can tell that one did: an empty log may be a forge's bad day.
    if known.head.is_none() || told || known.source != sight.source || sight.is_window {
        return Err(Disbelief::MissingBranch);
    }
    Ok(vec![News::Changed {
        change: Change::Gone,
        key: format!("{branch}@gone"),
        entry: Box::new(Entry { key: branch.to_owned(), ..Entry::default() }),
        previous: known.head.clone(),
        is_head: false,
    }])
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

fn prime(news: &mut Vec<News>, sight: &Sight, rules: Rules<'_>, known: &WatchState, reason: PrimedReason) {
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
fn met_again(sight: &Sight, known: &WatchState) -> Vec<KnownEntry> {
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
fn is_same(entry: &Entry, sight: &Sight, known: &WatchState) -> bool {
    let now = entry.sha.as_ref().or_else(|| sight.tags.as_ref()?.get(&entry.key));
    known
        .known
        .get(&entry.key)
        .is_some_and(|before| before.sha.is_none() || now.is_none() || before.sha.as_ref() == now)
}

fn fill_or_gap(news: &mut Vec<News>, sight: &Sight, rules: Rules<'_>) {
    let refs_tell = match rules.event {
        EventKind::Release => sight.tags.is_some(),
        EventKind::Branch => sight.descends.is_some(),
    };
    if !refs_tell {
        let oldest = sight.entries.first().map(|entry| entry.key.clone()).unwrap_or_default();
        news.push(News::Gap { oldest });
    }
}

fn releases(news: &mut Vec<News>, sight: &Sight, rules: Rules<'_>, known: &WatchState) {
    let mut entries: Vec<Entry> = Vec::new();
    if let Some(tags) = sight.tags.as_ref().filter(|_| overflowed(sight, known)) {
        let shown: BTreeSet<&str> = sight.entries.iter().map(|entry| entry.key.as_str()).collect();
        let missed = tags.iter().filter(|(tag, _)| !shown.contains(tag.as_str()) && !known.known.contains_key(*tag));
        entries.extend(missed.map(|(tag, sha)| tag_entry(tag, sha)));
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

fn commits(news: &mut Vec<News>, sight: &Sight, rules: Rules<'_>, known: &WatchState) {
    let Some(head) = &sight.head else { return };
    // The head of the branch that was watched before says nothing about this one.
    let old = known.head.as_deref().filter(|_| known.source == sight.source);
    let old_in_window = old.is_some_and(|old| sight.entries.iter().any(|entry| entry.key == old));
    // The window is a log of the new head: it shows the old one, or commits behind the old one
    // without it, or nothing that is known, and then only Git can tell.
    let descends = if old_in_window {
        Some(true)
    } else if sight.is_window && sight.entries.iter().any(|entry| known.known.contains_key(&entry.key)) {
        sight.descends.or(Some(false))
    } else {
        sight.descends
    };
    let rewritten = old.is_some_and(|old| old != head) && descends == Some(false);
    for entry in &sight.entries {
        let is_head = entry.key == *head;
        let is_known = known.known.contains_key(&entry.key);
        if is_head && rewritten {
            let old = old.unwrap_or_default();
            // A branch that was reset shows no commit that was not known: the pair is the key.
            let key = if is_known { format!("{}@{old}", entry.key) } else { entry.key.clone() };
            news.push(if was_told(&key, rules, known) {
                repeated(entry, true)
            } else {
                News::Changed {
                    change: Change::Rewritten,
                    key,
                    entry: Box::new(entry.clone()),
                    previous: Some(old.to_owned()),
                    is_head,
                }
            });
        } else if !is_known {
            news.push(new(entry, sight));
        } else if is_head && old != Some(head) {
            news.push(repeated(entry, true));
        }
    }
}

fn passed(rules: Rules<'_>, entry: &Entry) -> Option<Passed> {
    match rules.event {
        EventKind::Release => rules.filter.passes_over(&entry.key),
        EventKind::Branch => None,
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

/// The key of an alarm: one that no entry has, or a tag called `v1@gone` would silence that of `v1`.
fn alarm_key(key: &str, known: &WatchState) -> String {
    let mut key = key.to_owned();
    while known.known.contains_key(&key) {
        key.push_str("@alarm");
    }
    key
}

/// Whether there is a signal of this moved, rewritten or vanished state already.
fn was_told(key: &str, rules: Rules<'_>, known: &WatchState) -> bool {
    known.alarms.contains(&event_id(rules.watch, key, rules.event))
}

fn unlearned(key: &str, before: Option<&str>, now: Option<&str>) -> Option<KnownEntry> {
    (before.is_none() && now.is_some()).then(|| KnownEntry { key: key.to_owned(), sha: now.map(str::to_owned) })
}

fn gone(tag: &str, previous: Option<String>, rules: Rules<'_>, known: &WatchState) -> Option<News> {
    let entry = Entry { key: tag.to_owned(), tag: Some(tag.to_owned()), ..Entry::default() };
    let key = alarm_key(&format!("{tag}@gone"), known);
    if passed(rules, &entry).is_some() || was_told(&key, rules, known) {
        return None;
    }
    Some(News::Changed { change: Change::Gone, key, entry: Box::new(entry), previous, is_head: false })
}

/// The entry that a tag is, where nothing but the refs tells of it.
#[must_use]
pub fn tag_entry(tag: &str, sha: &str) -> Entry {
    // Git takes a tag `-x` for a ref, and programs for an option: the commit says enough.
    let is_safe = is_tag_name(tag);
    Entry { key: tag.to_owned(), tag: is_safe.then(|| tag.to_owned()), sha: Some(sha.to_owned()), ..Entry::default() }
}

/// Whether it matters, and only Git can tell, if the branch's old head is an ancestor of the new one.
#[must_use]
pub fn needs_ancestry(sight: &Sight, known: &WatchState) -> bool {
    let (Some(head), Some(old)) = (&sight.head, &known.head) else { return false };
    let window_tells = sight.is_window && sight.entries.iter().any(|entry| known.known.contains_key(&entry.key));
    known.source == sight.source && head != old && !window_tells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::Event,
        ledger::{
            record::{Body, Primed, Record, Signal, Skipped},
            state::State,
        },
        time::Timestamp,
    };
    use std::fmt::Write;

    /// A watch over several polls: what was news is known at the next.
    struct Watcher {
        event: EventKind,
        filter: Filter,
        backfill: usize,
        state: State,
    }

    impl Watcher {
        fn new(event: EventKind) -> Self {
            Self { event, filter: Filter::default(), backfill: 0, state: State::default() }
        }

        /// What the poll would record, one line each.
        fn sees(&mut self, sight: &Sight) -> String {
            let watch: WatchName = "w".parse().unwrap();
            let known = self.state.watches.get(&watch).cloned().unwrap_or_default();
            let rules = Rules {
                watch: &watch,
                event: self.event,
                filter: &self.filter,
                branch: Some("main"),
                backfill: self.backfill,
            };
            let mut said = String::new();
            match news(sight, rules, &known) {
                Err(disbelief) => write!(said, "{disbelief:?}").unwrap(),
                Ok(news) => {
                    for one in news {
                        writeln!(said, "{}", describe(&one)).unwrap();
                        self.record(&watch, sight, one);
                    }
                }
            }
            said.trim().replace('\n', "; ")
        }

        fn record(&mut self, watch: &WatchName, sight: &Sight, one: News) {
            let watch = watch.clone();
            let head = |is_head: bool| sight.head.clone().filter(|_| is_head);
            let at: Timestamp = "2026-11-22T18:55:54Z".parse().unwrap();
            let body = match one {
                News::Primed { reason, entries } => Body::Primed(Primed {
                    watch,
                    reason,
                    source: sight.source.clone(),
                    entries,
                    head: sight.head.clone(),
                }),
                News::Changed { change, key, entry, previous, is_head } => {
                    let id = event_id(&watch, &key, self.event);
                    let event = Event {
                        id: id.clone(),
                        event_type: String::new(),
                        source: String::new(),
                        occurred_at: None,
                        received_at: at,
                        payload: serde_json::Map::new(),
                    };
                    let head = head(is_head);
                    Body::Signal(Box::new(Signal {
                        watch,
                        id,
                        change,
                        entry: *entry,
                        previous,
                        head,
                        targets: vec![],
                        event,
                    }))
                }
                News::Skipped { key, sha, reason, message, is_head } => Body::Skipped(Skipped {
                    watch,
                    key,
                    sha,
                    reason: reason.to_owned(),
                    id: None,
                    by: None,
                    message,
                    head: head(is_head),
                }),
                News::Gap { .. } => return,
            };
            self.state.fold(&Record::new(at, body));
        }
    }

    fn describe(news: &News) -> String {
        match news {
            News::Primed { reason, entries } => {
                let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
                format!("{reason:?} {}", keys.join(" ")).trim().to_owned()
            }
            News::Changed { change, key, previous, .. } => {
                format!(
                    "{} {key}{}",
                    change.as_str(),
                    previous.as_ref().map(|it| format!(" was {it}")).unwrap_or_default()
                )
            }
            News::Skipped { key, reason, .. } => format!("skipped {key}: {reason}"),
            News::Gap { oldest } => format!("gap before {oldest}"),
        }
    }

    /// A feed's window, oldest first.
    fn feed(keys: &str) -> Sight {
        let entries = keys.split_whitespace().map(|key| Entry { key: key.to_owned(), ..Entry::default() }).collect();
        Sight { entries, is_window: true, source: "feed".to_owned(), ..Sight::default() }
    }

    /// Tags as `name=commit`.
    fn tags(text: &str) -> BTreeMap<String, String> {
        text.split_whitespace()
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(tag, sha)| (tag.to_owned(), sha.to_owned()))
            .collect()
    }

    fn refs(text: &str) -> Sight {
        let tags = tags(text);
        let entries = oldest_first(tags.iter().map(|(tag, sha)| tag_entry(tag, sha)).collect(), false);
        Sight { entries, tags: Some(tags), source: "remote".to_owned(), ..Sight::default() }
    }

    fn log(head: &str, keys: &str) -> Sight {
        Sight { head: Some(head.to_owned()), ..feed(keys) }
    }

    #[track_caller]
    fn case(watcher: &mut Watcher, sight: &Sight, expected: &str) {
        assert_eq!(watcher.sees(sight), expected);
    }

    #[test]
    fn a_feed_primes_once_and_then_tells_each_release_once() {
        let mut watcher = Watcher::new(EventKind::Release);
        case(&mut watcher, &feed("v1 v2"), "FirstSight v1 v2");
        case(&mut watcher, &feed("v1 v2"), "");
        case(&mut watcher, &feed("v1 v2 v3"), "new v3");
        case(&mut watcher, &feed("v3 v2"), "");
        case(&mut watcher, &feed(""), "Vanished");
        case(&mut watcher, &feed("v3 v1.9"), "new v1.9");
    }

    #[test]
    fn the_first_release_ever_is_a_signal() {
        let mut watcher = Watcher::new(EventKind::Release);
        case(&mut watcher, &feed(""), "FirstSight");
        case(&mut watcher, &feed(""), "");
        case(&mut watcher, &feed("v1"), "new v1");
        let mut watcher = Watcher::new(EventKind::Release);
        case(&mut watcher, &refs(""), "FirstSight");
        case(&mut watcher, &refs("v1=a"), "new v1");
    }

    #[test]
    fn backfill_takes_the_newest_that_pass_the_filter() {
        let mut watcher = Watcher::new(EventKind::Release);
        watcher.backfill = 2;
        case(&mut watcher, &feed("v1 v2 v3 v4-rc1"), "FirstSight v1 v4-rc1; new v2; new v3");
        case(&mut watcher, &feed("v1 v2 v3 v4-rc1"), "");
    }

    #[test]
    fn what_the_filter_passes_over_is_known_and_stays_so() {
        let mut watcher = Watcher::new(EventKind::Release);
        case(&mut watcher, &feed("v1"), "FirstSight v1");
        case(&mut watcher, &feed("v1 v2-rc1 v2"), "skipped v2-rc1: prerelease; new v2");
        watcher.filter.prerelease = true;
        case(&mut watcher, &feed("v1 v2-rc1 v2"), "");
    }

    #[test]
    fn refs_tell_moved_and_vanished_tags() {
        let mut watcher = Watcher::new(EventKind::Release);
        case(&mut watcher, &refs("v1=a v2=b v10=c"), "FirstSight v1 v2 v10");
        case(&mut watcher, &refs("v1=a v2=x v10=c v11=d"), "moved v2@x was b; new v11");
        case(&mut watcher, &refs("v1=a v2=b v10=c v11=d"), "moved v2@b was x");
        case(&mut watcher, &refs("v1=a v2=x v10=c v11=d"), "skipped v2: repeated");
        case(&mut watcher, &refs("v1=a v10=c v11=d"), "gone v2@gone was x");
        case(&mut watcher, &refs("v1=a v10=c v11=d"), "");
        case(&mut watcher, &refs("v1=a v2=x v10=c v11=d"), "");
        case(&mut watcher, &refs(""), "Vanished");
    }

    #[test]
    fn a_tag_called_like_an_alarm_does_not_silence_it() {
        let mut watcher = Watcher::new(EventKind::Release);
        case(&mut watcher, &refs("v1=a v2=c v1@b=z v2@gone=z"), "FirstSight v1@b v1 v2 v2@gone");
        case(&mut watcher, &refs("v1=b v1@b=z v2@gone=z"), "moved v1@b@alarm was a; gone v2@gone@alarm was c");
        case(&mut watcher, &refs("v1=b v1@b=z v2@gone=z"), "");
    }

    #[test]
    fn refs_that_are_all_gone_beside_a_feed_are_not_believed() {
        let mut watcher = Watcher::new(EventKind::Release);
        let both = |text: &str| Sight { tags: Some(tags(text)), ..feed("v1 v2") };
        case(&mut watcher, &both("v1=a v2=b"), "FirstSight v1 v2");
        case(&mut watcher, &both(""), "Vanished");
        case(&mut watcher, &both("v1=a v2=c"), "moved v2@c was b");
    }

    #[test]
    fn refs_beside_a_feed_add_commits_and_fill_an_overflow() {
        let both = |keys: &str, text: &str| Sight { tags: Some(tags(text)), ..feed(keys) };
        let mut watcher = Watcher::new(EventKind::Release);
        case(&mut watcher, &feed("v1 v2"), "FirstSight v1 v2");
        case(&mut watcher, &both("v1 v2", "v1=a v2=b"), "Commits v1 v2");
        case(&mut watcher, &both("v1 v2", "v1=a v2=c"), "moved v2@c was b");
        case(&mut watcher, &both("v5 v6", "v1=a v2=c v3=d v4=e v5=f v6=g"), "new v3; new v4; new v5; new v6");
        // A tag without a release is no entry of the feed.
        case(&mut watcher, &both("v5 v6", "v1=a v2=c v3=d v4=e v5=f v6=g v7=h"), "");
    }

    #[test]
    fn an_overflow_that_nobody_can_fill_is_a_gap() {
        let mut watcher = Watcher::new(EventKind::Release);
        case(&mut watcher, &feed("v1 v2"), "FirstSight v1 v2");
        case(&mut watcher, &feed("v8 v9"), "gap before v8; new v8; new v9");
        case(&mut watcher, &feed("v8 v9"), "");
    }

    #[test]
    fn a_watch_that_looks_elsewhere_is_primed_again_only_if_nothing_there_is_known() {
        let elsewhere = |keys: &str, source: &str| Sight { source: source.to_owned(), ..feed(keys) };
        let mut watcher = Watcher::new(EventKind::Release);
        case(&mut watcher, &feed("v1 v2"), "FirstSight v1 v2");
        case(&mut watcher, &elsewhere("v2 v3", "b"), "MetAgain v2; new v3");
        case(&mut watcher, &elsewhere("r7 r8", "b"), "gap before r7; new r7; new r8");
        case(&mut watcher, &elsewhere("x1 x2", "c"), "SourceChanged x1 x2");
    }

    #[test]
    fn another_repository_is_primed_even_if_it_has_tags_of_the_same_names() {
        let at = |source: &str, sight: Sight| Sight { source: source.to_owned(), ..sight };
        let mut watcher = Watcher::new(EventKind::Release);
        case(&mut watcher, &at("a", refs("v1=a v2=b")), "FirstSight v1 v2");
        case(&mut watcher, &at("b", refs("v1=x w1=y")), "SourceChanged v1 w1");
        case(&mut watcher, &at("b", refs("v1=x w1=y w2=z")), "new w2");
        case(&mut watcher, &at("b", refs("v1=z w1=y w2=z")), "moved v1@z was x");
        // a mirror has the same commits: the watch goes on
        case(&mut watcher, &at("c", refs("v1=z w1=y w2=z w3=z")), "MetAgain v1 w1 w2; new w3");
    }

    #[test]
    fn refs_that_join_a_feed_bring_no_old_tags_as_news() {
        let mut watcher = Watcher::new(EventKind::Release);
        case(&mut watcher, &feed("v3 v4"), "FirstSight v3 v4");
        let beside = |keys: &str, all: &str| Sight { tags: Some(tags(all)), source: "both".to_owned(), ..feed(keys) };
        let all = "v1=a v2=b v3=c v4=d";
        case(&mut watcher, &beside("v3 v4", all), "MetAgain v1 v2 v3 v4");
        case(&mut watcher, &beside("v7", &format!("{all} v5=e v6=f v7=g")), "new v5; new v6; new v7");
    }

    #[test]
    fn another_branch_is_not_a_rewritten_one() {
        let mut watcher = Watcher::new(EventKind::Branch);
        case(&mut watcher, &log("c", "a b c"), "FirstSight a b c");
        let other = Sight { source: "other".to_owned(), ..log("d", "a b d") };
        case(&mut watcher, &other, "MetAgain a b; new d");
        case(&mut watcher, &other, "");
    }

    #[test]
    fn a_branch_tells_its_commits_and_its_rewriting() {
        let mut watcher = Watcher::new(EventKind::Branch);
        case(&mut watcher, &log("b", "a b"), "FirstSight a b");
        case(&mut watcher, &log("d", "a b c d"), "new c; new d");
        case(&mut watcher, &log("f", "c e f"), "new e; rewritten f was d");
        case(&mut watcher, &log("c", "b c"), "rewritten c@f was f");
        case(&mut watcher, &log("f", "c e f"), "skipped f: repeated");
        case(&mut watcher, &log("c", "b c"), "skipped c: repeated");
        case(&mut watcher, &log("z", "y z"), "gap before y; new y; new z");
        let told = Sight { descends: Some(false), ..log("n", "m n") };
        case(&mut watcher, &told, "new m; rewritten n was z");
    }

    #[test]
    fn a_branch_among_refs_asks_git_and_may_vanish() {
        let head = |sha: &str, descends| Sight {
            entries: vec![Entry { key: sha.to_owned(), sha: Some(sha.to_owned()), ..Entry::default() }],
            head: Some(sha.to_owned()),
            descends,
            source: "remote".to_owned(),
            ..Sight::default()
        };
        let mut watcher = Watcher::new(EventKind::Branch);
        let missing = Sight { source: "remote".to_owned(), ..Sight::default() };
        case(&mut watcher, &missing, "MissingBranch");
        case(&mut watcher, &head("a", None), "FirstSight a");
        case(&mut watcher, &head("b", Some(true)), "new b");
        case(&mut watcher, &head("c", None), "new c");
        case(&mut watcher, &head("d", Some(false)), "rewritten d was c");
        case(&mut watcher, &head("a", Some(false)), "rewritten a@d was d");
        case(&mut watcher, &missing, "gone main@gone was a");
        case(&mut watcher, &missing, "MissingBranch");
        case(&mut watcher, &head("a", None), "");
    }

    #[test]
    fn an_entry_without_identity_is_told_once() {
        let lost = Unusable { label: "x".to_owned(), reason: "no link".to_owned() };
        let sight = Sight { unusable: vec![lost], ..feed("v1") };
        let mut watcher = Watcher::new(EventKind::Release);
        case(&mut watcher, &sight, "skipped unusable:x: unusable; FirstSight v1");
        case(&mut watcher, &sight, "");
    }
}
