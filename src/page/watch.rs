//! The watches: what each looks at, and whether it can.

use super::shown::{self, Moment};
use crate::{
    config::Config,
    intake::{Check, look},
    ledger::{record::Gap, state::State},
    report::words,
    time::Timestamp,
    watch::{EventKind, Watch as Configured, WatchName},
};
use std::collections::BTreeMap;

/// A watch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Watch {
    /// Its name.
    pub name: String,
    /// What it looks at.
    pub source: String,
    /// What counts as news.
    pub event: &'static str,
    /// Who is handed what is new.
    pub dispatch: String,
    /// When it was checked last.
    pub checked: Option<Moment>,
    /// Until when its host asked not to be asked.
    pub deferred: Option<Moment>,
    /// The newest entry, and since when it is known.
    pub newest: Option<(String, Moment)>,
    /// How many entries are known.
    pub known: usize,
    /// What is wrong.
    pub problem: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Entries that may have been missed, and when that was seen.
    pub gap: Option<(String, Moment)>,
}

/// The watches as configured, by name.
#[must_use]
pub fn watches(
    config: &Config,
    state: &State,
    checks: &BTreeMap<WatchName, Check>,
    gaps: &BTreeMap<WatchName, (Timestamp, Gap)>,
    now: Timestamp,
) -> Vec<Watch> {
    let watch = |watch| of(watch, config, state, checks, gaps, now);
    config.watches.iter().map(watch).collect()
}

fn of(
    watch: &Configured,
    config: &Config,
    state: &State,
    checks: &BTreeMap<WatchName, Check>,
    gaps: &BTreeMap<WatchName, (Timestamp, Gap)>,
    now: Timestamp,
) -> Watch {
    let known = state.watches.get(&watch.name);
    let check = checks.get(&watch.name);
    let targets: Vec<&str> = watch.dispatch.iter().map(|target| target.as_str()).collect();
    let newest = known.and_then(|known| known.newest.as_ref());
    let problem = known.and_then(|known| known.problem.as_ref());
    Watch {
        name: watch.name.to_string(),
        source: shown::line(&look::source(watch, &config.remotes)),
        event: match watch.event {
            EventKind::Release => "releases",
            EventKind::Branch => "commits",
        },
        dispatch: if targets.is_empty() { "nobody".to_owned() } else { targets.join(", ") },
        checked: check.map(|check| shown::moment(check.at)),
        deferred: check.and_then(|check| check.deferred_until).filter(|until| *until > now).map(shown::moment),
        newest: newest.map(|newest| (words::key(&newest.key), shown::moment(newest.at))),
        known: known.map_or(0, |known| known.known.len()),
        problem: problem.map(|problem| shown::line(&problem.message)),
        hint: problem.and_then(|problem| problem.hint.as_deref()).map(shown::line),
        gap: gaps.get(&watch.name).map(|(at, gap)| (shown::line(&gap.message), shown::moment(*at))),
    }
}
