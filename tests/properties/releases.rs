//! One entry, one signal: over any sights in any order, with restarts between them.

use crate::{
    one_in,
    watcher::{Watcher, new_keys, watch},
};
use patch_moi::{
    entry::Entry,
    event::Change,
    ledger::record::Body,
    news::{Disbelief, Sight, oldest_first, tag_entry},
};
use proptest::{collection::vec, prelude::*, sample::Index, sample::select};
use std::collections::{BTreeMap, BTreeSet};

/// What happens upstream, or to us.
#[derive(Clone, Debug)]
enum Happening {
    /// A release of this name, which may be there already.
    Release(String),
    /// A tag is moved to this commit, where it may have been before.
    Move(Index, u64),
    /// A tag is deleted.
    Delete(Index),
    /// A poll sees the newest so many releases, in this order.
    Window(usize, Vec<Index>),
    /// A poll sees refs.
    Refs,
    /// A poll sees a window, and refs beside it.
    Both(usize),
    /// A poll gets an answer with nothing in it.
    Silence,
    /// The next poll has the index.
    Index,
    /// The next poll has the ledger alone.
    Ledger,
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "v[0-9]",
        1 => "v[0-9]{1,2}\\.[0-9]",
        1 => "v[0-9]-rc[0-9]",
        1 => "v[0-3]@(gone|gone-[01]+|[01]{4}|[01]{4}@alarm)",
        1 => "(nightly|tool)-[0-9]",
        1 => "unusable:v[0-9]",
    ]
}

fn any_happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => any_name().prop_map(Happening::Release),
        4 => (any::<Index>(), 1..4_u64).prop_map(|(index, commit)| Happening::Move(index, commit)),
        1 => any::<Index>().prop_map(Happening::Delete),
        3 => (0..5_usize, vec(any::<Index>(), 4)).prop_map(|(size, order)| Happening::Window(size, order)),
        3 => Just(Happening::Refs),
        2 => (0..5_usize).prop_map(Happening::Both),
        1 => Just(Happening::Silence),
        1 => Just(Happening::Index),
        1 => Just(Happening::Ledger),
    ]
}

/// Upstream: its tags with their commits, and their names in the order in which they were released.
#[derive(Default)]
struct Upstream {
    tags: BTreeMap<String, String>,
    order: Vec<String>,
    commits: u64,
}

impl Upstream {
    fn commit(&mut self) -> String {
        self.commits += 1;
        format!("{:040b}", self.commits)
    }

    fn pick(&self, index: Index) -> Option<String> {
        (!self.order.is_empty()).then(|| index.get(&self.order).clone())
    }

    fn window(&self, size: usize, order: &[Index]) -> Vec<Entry> {
        let start = self.order.len().saturating_sub(size.max(1));
        let mut keys: Vec<String> = self.order[start..].to_vec();
        for (at, index) in order.iter().enumerate().take(keys.len()) {
            let other = index.index(keys.len());
            keys.swap(at, other);
        }
        let entries = keys.into_iter().map(|key| Entry { key, ..Entry::default() }).collect();
        oldest_first(entries, true)
    }

    fn sight(&self, happening: &Happening, source: &str) -> Option<Sight> {
        let source = source.to_owned();
        let refs = || self.tags.iter().map(|(tag, sha)| tag_entry(tag, sha)).collect();
        Some(match happening {
            Happening::Window(size, order) => {
                Sight { entries: self.window(*size, order), is_window: true, source, ..Sight::default() }
            }
            Happening::Refs => Sight {
                entries: oldest_first(refs(), false),
                tags: Some(self.tags.clone()),
                source,
                ..Sight::default()
            },
            Happening::Both(size) => Sight {
                entries: self.window(*size, &[]),
                tags: Some(self.tags.clone()),
                is_window: true,
                source,
                ..Sight::default()
            },
            Happening::Silence => Sight { is_window: true, source, ..Sight::default() },
            _ => return None,
        })
    }
}

/// What may be watched: a feed, refs, or both.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Feed,
    Refs,
    Both,
}

impl Kind {
    /// The same look in this kind; `None` for what is no look.
    fn of(self, happening: &Happening) -> Option<Happening> {
        let (size, order) = match happening {
            Happening::Window(size, order) => (*size, order.clone()),
            Happening::Both(size) => (*size, Vec::new()),
            Happening::Refs => (3, Vec::new()),
            Happening::Silence => return Some(Happening::Silence),
            _ => return None,
        };
        Some(match self {
            Self::Feed => Happening::Window(size, order),
            Self::Refs => Happening::Refs,
            Self::Both => Happening::Both(size),
        })
    }
}

/// Polls, and polls the same again: nothing twice.
fn poll(watcher: &mut Watcher, sight: &Sight) -> Result<(), TestCaseError> {
    let before = watcher.known();
    match watcher.sees(sight) {
        Ok(records) => {
            let known = watcher.known();
            for key in new_keys(&records) {
                prop_assert!(!before.known.contains_key(key), "{} was known", key);
            }
            prop_assert!(sight.entries.iter().all(|entry| known.known.contains_key(&entry.key)));
            let again = watcher.sees(sight);
            prop_assert!(again.as_ref().is_ok_and(Vec::is_empty), "seen again it is news: {again:?}");
        }
        Err(Disbelief::Vanished) => prop_assert_eq!(watcher.known(), before),
        Err(disbelief) => prop_assert!(false, "{disbelief:?}"),
    }
    let mut ids = BTreeSet::new();
    for id in watcher.signals() {
        prop_assert!(ids.insert(id), "{id} was told twice");
    }
    Ok(())
}

proptest! {
    #![proptest_config(one_in(2))]

    #[test]
    fn no_signal_is_told_twice_and_no_release_is_missed(
        happenings in vec(any_happening(), 1..60),
        kind in select(vec![Kind::Feed, Kind::Refs, Kind::Both]),
        prerelease in any::<bool>(),
    ) {
        let mut watcher = Watcher::new(watch("w", &[("prerelease", if prerelease { "true" } else { "false" })]));
        let mut upstream = Upstream::default();
        for happening in &happenings {
            match happening {
                Happening::Release(name) => {
                    let commit = upstream.commit();
                    if upstream.tags.insert(name.clone(), commit).is_none() {
                        upstream.order.retain(|it| it != name);
                        upstream.order.push(name.clone());
                    }
                }
                Happening::Move(index, commit) => {
                    upstream.pick(*index).and_then(|tag| upstream.tags.insert(tag, format!("{commit:040b}")));
                }
                Happening::Delete(index) => {
                    if let Some(tag) = upstream.pick(*index) {
                        upstream.tags.remove(&tag);
                        upstream.order.retain(|it| *it != tag);
                    }
                }
                Happening::Index => watcher.restart_from_index(),
                Happening::Ledger => watcher.restart_from_ledger(),
                other => if let Some(look) = kind.of(other) {
                    poll(&mut watcher, &upstream.sight(&look, "up").unwrap())?;
                },
            }
        }
        // In the end all is in sight: each release is known from the first sight, was passed over, or was told once.
        let all = Happening::Window(upstream.order.len(), Vec::new());
        let everything = Sight { tags: Some(upstream.tags.clone()), ..upstream.sight(&all, "up").unwrap() };
        poll(&mut watcher, &everything)?;
        if watcher.known().primed {
            let quiet: BTreeSet<&str> = watcher.records.iter().flat_map(|record| match &record.body {
                Body::Primed(primed) => primed.entries.iter().map(|entry| entry.key.as_str()).collect(),
                Body::Skipped(skipped) => vec![skipped.key.as_str()],
                _ => Vec::new(),
            }).collect();
            let told: BTreeSet<&str> = new_keys(&watcher.records).into_iter().collect();
            for tag in &upstream.order {
                prop_assert!(quiet.contains(tag.as_str()) || told.contains(tag.as_str()), "{} was missed", tag);
            }
        }
    }

    #[test]
    fn a_watch_that_looks_elsewhere_tells_nothing_twice(
        happenings in vec((any_happening(), prop_oneof![Just("a"), Just("b"), Just("c")]), 1..60),
    ) {
        let mut watcher = Watcher::new(watch("w", &[]));
        let mut upstream = Upstream::default();
        for (happening, source) in &happenings {
            match happening {
                Happening::Release(name) if !upstream.tags.contains_key(name) => {
                    let commit = upstream.commit();
                    upstream.tags.insert(name.clone(), commit);
                    upstream.order.push(name.clone());
                }
                Happening::Move(index, commit) => {
                    upstream.pick(*index).and_then(|tag| upstream.tags.insert(tag, format!("{commit:040b}")));
                }
                Happening::Index => watcher.restart_from_index(),
                Happening::Ledger => watcher.restart_from_ledger(),
                other => if let Some(sight) = upstream.sight(other, source) {
                    // A source that was left may be learned anew, but is told once.
                    let _ = watcher.sees(&sight);
                    let again = watcher.sees(&sight).unwrap_or_default();
                    let news: Vec<_> = again.iter().filter(|record| matches!(record.body, Body::Signal(_))).collect();
                    prop_assert!(news.is_empty(), "seen again it is news: {news:?}");
                },
            }
        }
        let mut ids = BTreeSet::new();
        for id in watcher.signals() {
            prop_assert!(ids.insert(id), "{id} was told twice");
        }
    }

    #[test]
    fn a_branch_is_followed_wherever_it_goes(
        steps in vec((any::<Index>(), 0..4_usize, any::<bool>(), any::<bool>()), 1..30),
    ) {
        // Commits have the parent of their place; the head is pushed on, or set to some commit.
        let mut parents: Vec<Option<usize>> = vec![None];
        let sha = |commit: usize| format!("{:040x}", commit + 1);
        let mut head = 0;
        let mut watcher = Watcher::new(watch("w", &[("event", "branch")]));
        for (index, pushed, is_window, restarts) in steps {
            if pushed == 0 {
                head = index.index(parents.len());
            }
            for _ in 0..pushed {
                parents.push(Some(head));
                head = parents.len() - 1;
            }
            let history: Vec<usize> = std::iter::successors(Some(head), |at| parents[*at]).collect();
            let old = watcher.known().head;
            let descends = old.as_ref().map(|old| history.iter().any(|commit| sha(*commit) == *old));
            let shown = if is_window { 3 } else { 1 };
            let entry = |commit: &usize| Entry { key: sha(*commit), sha: Some(sha(*commit)), ..Entry::default() };
            let sight = Sight {
                entries: history.iter().take(shown).rev().map(entry).collect(),
                head: Some(sha(head)),
                descends,
                is_window,
                source: "up branch main".to_owned(),
                ..Sight::default()
            };
            let records = watcher.sees(&sight).unwrap();
            prop_assert_eq!(watcher.known().head, Some(sha(head)), "its head is not known: {:?}", records);
            let changes: Vec<Change> = records.iter().filter_map(|record| match &record.body {
                Body::Signal(signal) => Some(signal.change),
                _ => None,
            }).collect();
            if descends == Some(true) {
                prop_assert!(!changes.contains(&Change::Rewritten), "it was not rewritten: {records:?}");
            }
            prop_assert_eq!(watcher.sees(&sight).unwrap(), vec![]);
            if restarts {
                watcher.restart_from_ledger();
            }
        }
        let mut ids = BTreeSet::new();
        for id in watcher.signals() {
            prop_assert!(ids.insert(id), "{id} was told twice");
        }
    }
}
