//! How much of the news one look records; the next poll finds the rest again.

use super::{News, Sight};
use crate::{event::Change, ledger::record::PrimedReason};

/// Things that one look records, at the most.
pub const MOST: usize = 1000;

/// The first `most` of the news of `sight`, and whether that is all of it.
///
/// Of a branch's commits the newest come last, and with them which one is its head. If they are left
/// out, the head becomes known all the same: at the next look, a window that shows known commits and
/// not the old head would pass for a branch that was rewritten. One that really was stays news.
#[must_use]
pub fn portion(mut news: Vec<News>, sight: &Sight, most: usize) -> (Vec<News>, bool) {
    if news.len() <= most {
        return (news, true);
    }
    let rest = news.split_off(most);
    let goes_on = |news: &News| matches!(news, News::Changed { change: Change::New, .. } | News::Skipped { .. });
    if sight.head.is_some() && rest.iter().all(goes_on) {
        news.push(News::Primed { reason: PrimedReason::Commits, entries: Vec::new() });
    }
    (news, false)
}
