//! Which of several entries is the older one.

use crate::{entry::Entry, version::version_in};
use std::cmp::Ordering;

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

pub(super) fn by_version(a: &str, b: &str) -> Ordering {
    version_in(a).cmp(&version_in(b)).then_with(|| a.cmp(b))
}

/// Whether `tag` is called like `newest` and has a later version.
pub(super) fn succeeds(tag: &str, newest: &str) -> bool {
    prefix(tag) == prefix(newest) && version_in(newest).is_some() && version_in(tag) > version_in(newest)
}

/// What stands before the version: `v` of `v1.2`, `tool-v` of `tool-v1.2`.
pub(super) fn prefix(tag: &str) -> &str {
    &tag[..tag.find(|c: char| c.is_ascii_digit()).unwrap_or(tag.len())]
}
