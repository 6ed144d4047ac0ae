//! The commits of a branch: new, or rewritten, or no branch any more.

use super::{Disbelief, News, Rules, Sight, new, repeated, was_told};
use crate::{entry::Entry, event::Change, ledger::state::WatchState};

pub(super) fn missing_branch(sight: &Sight, rules: Rules<'_>, known: &WatchState) -> Result<Vec<News>, Disbelief> {
    let branch = rules.branch.unwrap_or("HEAD");
    let key = format!("{branch}@gone-{}", known.head.as_deref().unwrap_or_default());
    let told = was_told(&key, rules, known);
    // A branch that was never seen, because the watch looks elsewhere now, did not vanish; and only
    // refs can tell that one did: an empty log may be a forge's bad day.
    if known.head.is_none() || told || known.source != sight.source || sight.is_window {
        return Err(Disbelief::MissingBranch);
    }
    Ok(vec![News::Changed {
        change: Change::Gone,
        key,
        entry: Box::new(Entry { key: branch.to_owned(), ..Entry::default() }),
        previous: known.head.clone(),
        is_head: false,
    }])
}

pub(super) fn commits(news: &mut Vec<News>, sight: &Sight, rules: Rules<'_>, known: &WatchState) {
    let Some(head) = &sight.head else { return };
    // The head of the branch that was watched before says nothing about this one.
    let old = known.head.as_deref().filter(|_| is_same_history(sight, known));
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

/// Whether it matters, and only Git can tell, if the branch's old head is an ancestor of the new one.
#[must_use]
pub fn needs_ancestry(sight: &Sight, known: &WatchState) -> bool {
    let (Some(head), Some(old)) = (&sight.head, &known.head) else { return false };
    let window_tells = sight.is_window && sight.entries.iter().any(|entry| known.known.contains_key(&entry.key));
    // The same branch under another URL may well be the same history.
    let is_renamed = !sight.is_window && branch_of(&known.source) == branch_of(&sight.source);
    (known.source == sight.source || is_renamed) && head != old && !window_tells
}

/// Whether the head that is known says anything about this one.
fn is_same_history(sight: &Sight, known: &WatchState) -> bool {
    known.source == sight.source || sight.descends == Some(true)
}

/// The last words of what a watch looks at.
fn branch_of(source: &str) -> Option<&str> {
    source.rsplit_once(" branch ").map(|(_, branch)| branch)
}
