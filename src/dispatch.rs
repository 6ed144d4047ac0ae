//! Dispatch: hand pending signals to their targets, one run a watch at a time.
//!
//! No lock of the ledger is held while a run works. Each attempt is recorded before it starts and
//! after it ends; what lies between belongs to who holds the watch's run lock.

pub mod plan;
pub mod result;
pub mod runner;
pub mod trigger;

use self::{
    plan::{Due, Superseded},
    result::Status,
    runner::Ran,
};
use crate::{
    fetch::queue,
    ledger::{
        Ledger, LedgerError,
        record::{Body, Dispatch, Record, Run, Skipped},
        state::{OpenSignal, State},
    },
    signals,
    time::Timestamp,
    watch::{Target, Watch, WatchName},
    workspace::{Failure, Workspace},
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// What a round of dispatching did.
#[derive(Debug, Default)]
pub struct Dispatched {
    /// What was recorded, watch by watch.
    pub records: Vec<Record>,
    /// The watches whose runs another process is busy with.
    pub busy: Vec<WatchName>,
    /// Dispatching that stopped, and why: what was pending stays pending.
    pub failures: Vec<(WatchName, Failure)>,
}

/// Dispatches what is due for every one of `watches`, several watches side by side.
///
/// `tell` hears of every record as soon as it is durable.
pub fn run(
    workspace: &Workspace,
    watches: &[&Watch],
    ledger: Ledger,
    tell: &(dyn Fn(&[Record]) + Sync),
) -> (Ledger, Dispatched) {
    let waiting: Vec<&Watch> = watches
        .iter()
        .copied()
        .filter(|watch| ledger.state().open.values().any(|signal| signal.watch == watch.name))
        .collect();
    let ledger = Mutex::new(ledger);
    let tasks = waiting.iter().map(|watch| (String::new(), *watch)).collect();
    let runs = workspace.config.settings.runs;
    let results = queue::run(tasks, runs, runs, |watch| {
        let mut journal = Journal { ledger: &ledger, tell, records: Vec::new() };
        let ended = of_watch(workspace, watch, &mut journal);
        (journal.records, ended)
    }, |_| {});
    let mut dispatched = Dispatched::default();
    for (watch, result) in waiting.iter().zip(results) {
        match result {
            Ok((records, ended)) => {
                dispatched.records.extend(records);
                match ended {
                    Ok(()) => {}
                    Err(Failure::Busy(_)) => dispatched.busy.push(watch.name.clone()),
                    Err(failure) => dispatched.failures.push((watch.name.clone(), failure)),
                }
            }
            Err(_) => {
                let failure = Failure::Usage("an internal error in `patch`; the signal stays pending".to_owned(), None);
                dispatched.failures.push((watch.name.clone(), failure));
            }
        }
    }
    (ledger.into_inner().unwrap_or_else(PoisonError::into_inner), dispatched)
}

/// The ledger as one watch's thread writes it.
struct Journal<'a> {
    ledger: &'a Mutex<Ledger>,
    tell: &'a (dyn Fn(&[Record]) + Sync),
    records: Vec<Record>,
}

impl Journal<'_> {
    /// Whether a run of this status makes `patch` exit with 1.
///
/// A run that asks for a person did its work; one that nobody took did not.
#[must_use]
pub fn is_failure(status: Status) -> bool {
    matches!(status, Status::Failed | Status::Blocked | Status::Unmatched)
}

/// What is due now for these watches, without doing it.
#[must_use]
pub fn due<'a>(watches: &[&Watch], state: &'a State, now: Timestamp) -> Vec<(&'a str, &'a OpenSignal, Target)> {
    watches
        .iter()
        .flat_map(|watch| plan::plan(watch, state, now).1)
        .filter_map(|due| {
            let (id, signal) = state.open.get_key_value(&due.id)?;
            Some((id.as_str(), signal, due.target))
        })
        .collect()
}
