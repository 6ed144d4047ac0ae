//! Dispatch: hand pending signals to their targets, one run a watch at a time.
//!
//! No lock of the ledger is held while a run works. Each attempt is recorded before it starts and
//! after it ends; what lies between belongs to who holds the watch's run lock.

pub mod plan;
pub mod result;
pub mod runner;
pub mod trigger;

use self::{plan::Due, result::Status, runner::Ran};
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
    sync::{Mutex, PoisonError},
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
pub fn run(workspace: &Workspace, watches: &[&Watch], ledger: Ledger) -> (Ledger, Dispatched) {
    let waiting: Vec<&Watch> = watches
        .iter()
        .copied()
        .filter(|watch| ledger.state().open.values().any(|signal| signal.watch == watch.name))
        .collect();
    let ledger = Mutex::new(ledger);
    let tasks = waiting.iter().map(|watch| (String::new(), *watch)).collect();
    let runs = workspace.config.settings.runs;
    let results = queue::run(tasks, runs, runs, |watch| of_watch(workspace, watch, &ledger), |_| {});
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

/// Dispatches what is due for one watch, until nothing is.
///
/// After the lock is released it looks once more: who recorded a signal meanwhile found the lock
/// held, and left it to this process.
fn of_watch(workspace: &Workspace, watch: &Watch, ledger: &Mutex<Ledger>) -> (Vec<Record>, Result<(), Failure>) {
    let mut records = Vec::new();
    let mut done = Vec::new();
    loop {
        let lock = match workspace.lock(&format!("runs/{}.lock", watch.name), Duration::ZERO) {
            Ok(lock) => lock,
            Err(Failure::Busy(_)) if !records.is_empty() => return (records, Ok(())),
            Err(failure) => return (records, Err(failure)),
        };
        let before = records.len();
        if let Err(error) = drain(workspace, watch, ledger, &mut records, &mut done) {
            return (records, Err(error.into()));
        }
        drop(lock);
        if records.len() == before || signals::interrupted().is_some() {
            return (records, Ok(()));
        }
    }
}

/// Performs what is due, each delivery at most once, while the caller holds the watch's run lock.
fn drain(
    workspace: &Workspace,
    watch: &Watch,
    ledger: &Mutex<Ledger>,
    records: &mut Vec<Record>,
    done: &mut Vec<(String, Target)>,
) -> Result<(), LedgerError> {
    loop {
        let now = Timestamp::now();
        let (superseded, due) = {
            let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            ledger.refresh()?;
            plan::plan(watch, ledger.state(), now)
        };
        let skipped: Vec<Record> = superseded
            .into_iter()
            .map(|it| {
                let skipped = Skipped {
                    watch: watch.name.clone(),
                    key: it.key,
                    sha: None,
                    reason: "superseded".to_owned(),
                    id: Some(it.id),
                    by: Some(it.by),
                    message: None,
                    head: None,
                };
                Record::new(now, Body::Skipped(skipped))
            })
            .collect();
        append(ledger, &skipped, records)?;
        let next = due.into_iter().find(|due| !done.contains(&(due.id.clone(), due.target)));
        let (Some(due), None) = (next, signals::interrupted()) else { return Ok(()) };
        done.push((due.id.clone(), due.target));
        attempt(workspace, watch, ledger, &due, records)?;
    }
}

/// One attempt: recorded, performed, recorded.
fn attempt(
    workspace: &Workspace,
    watch: &Watch,
    ledger: &Mutex<Ledger>,
    due: &Due,
    records: &mut Vec<Record>,
) -> Result<(), LedgerError> {
    let Due { id, target, attempt, .. } = due.clone();
    let begun = Body::Dispatch(Dispatch { watch: watch.name.clone(), id: id.clone(), target, attempt });
    append(ledger, &[Record::new(Timestamp::now(), begun)], records)?;
    let started = Instant::now();
    let ran = match target {
        Target::TriggerBranch => trigger::push(workspace, watch, &due.signal),
        Target::CodexFlow | Target::Command => runner::spawn(workspace, watch, due),
    };
    let run = ended(watch, due, ran, started.elapsed());
    append(ledger, &[Record::new(Timestamp::now(), Body::Run(Box::new(run)))], records)
}

fn ended(watch: &Watch, due: &Due, ran: Ran, took: Duration) -> Run {
    Run {
        watch: watch.name.clone(),
        id: due.id.clone(),
        target: due.target,
        attempt: due.attempt,
        status: ran.status,
        message: ran.message,
        exit: ran.exit,
        steps: ran.steps,
        candidates: ran.candidates,
        reference: ran.reference,
        sha: ran.sha,
        duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        log: ran.log,
    }
}

fn append(ledger: &Mutex<Ledger>, batch: &[Record], records: &mut Vec<Record>) -> Result<(), LedgerError> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner).append(batch)?;
    records.extend_from_slice(batch);
    Ok(())
}

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
