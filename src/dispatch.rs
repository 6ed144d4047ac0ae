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
        lock::Lock,
        record::{Body, Dispatch, Record, Run, Skipped},
        state::{Stage, State},
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
    let results = queue::run(
        tasks,
        runs,
        runs,
        |watch| {
            let mut journal = Journal { ledger: &ledger, tell, records: Vec::new() };
            let ended = of_watch(workspace, watch, &mut journal);
            (journal.records, ended)
        },
        |_| {},
    );
    let mut dispatched = Dispatched::default();
    for (watch, result) in waiting.iter().zip(results) {
        let (records, ended) = result.unwrap_or_else(|_| {
            let message = "an internal error in `patch`; the signal stays pending".to_owned();
            (Vec::new(), Err(Failure::Usage(message, None)))
        });
        dispatched.records.extend(records);
        match ended {
            Ok(()) => {}
            Err(Failure::Busy(_)) => dispatched.busy.push(watch.name.clone()),
            Err(failure) => dispatched.failures.push((watch.name.clone(), failure)),
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
    fn append(&mut self, batch: Vec<Record>) -> Result<(), LedgerError> {
        self.lock().append(&batch)?;
        (self.tell)(&batch);
        self.records.extend(batch);
        Ok(())
    }

    fn plan(&self, watch: &Watch, now: Timestamp) -> Result<(Vec<Superseded>, Vec<Due>), LedgerError> {
        let mut ledger = self.lock();
        ledger.refresh()?;
        Ok(plan::plan(watch, ledger.state(), now))
    }

    /// Records the end of attempts that were interrupted once too often: nobody else will. Returns
    /// whose they were.
    fn give_up(&mut self, watch: &Watch, now: Timestamp) -> Result<Vec<(String, Target)>, LedgerError> {
        let abandoned = {
            let mut ledger = self.lock();
            ledger.refresh()?;
            plan::abandoned(watch, ledger.state(), now)
        };
        let message = "given up: each attempt ended `patch` itself, or was cut short with it";
        let ended = |due: &Due| ended(watch, due, Ran::failed(message.to_owned()), Duration::ZERO);
        self.append(abandoned.iter().map(|due| Record::new(now, Body::Run(Box::new(ended(due))))).collect())?;
        Ok(abandoned.into_iter().map(|due| (due.id, due.target)).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dispatches what is due for one watch, until nothing is.
///
/// After the lock is released it looks once more: who recorded a signal while the lock was held
/// left it to this process, be it after the last look under the lock.
fn of_watch(workspace: &Workspace, watch: &Watch, journal: &mut Journal<'_>) -> Result<(), Failure> {
    let mut done = Vec::new();
    loop {
        let lock = match workspace.lock(&format!("runs/{}.lock", watch.name), Duration::ZERO) {
            Ok(lock) => lock,
            Err(Failure::Busy(_)) if !done.is_empty() => return Ok(()),
            Err(failure) => return Err(failure),
        };
        // Where a `patch` was killed, its run may go on: what it was handed as standard input is locked.
        let input = match workspace.lock(&format!("runs/{}.input", watch.name), Duration::ZERO) {
            Ok(input) => input,
            Err(Failure::Busy(path)) => return Err(Failure::Outlived(path)),
            Err(failure) => return Err(failure),
        };
        drain(workspace, watch, journal, &input, &mut done).map_err(Failure::Ledger)?;
        drop(input);
        drop(lock);
        let (_, due) = journal.plan(watch, Timestamp::now())?;
        if signals::interrupted().is_some() || due.iter().all(|due| was_made(&done, due)) {
            return Ok(());
        }
    }
}

/// Whether the attempt was made already, and not asked for again since.
fn was_made(done: &[(String, Target)], due: &Due) -> bool {
    let stage = due.signal.deliveries.get(&due.target).map(|delivery| delivery.stage);
    stage != Some(Stage::Pending) && done.iter().any(|(id, target)| *id == due.id && *target == due.target)
}

/// Performs what is due, each delivery at most once, while the caller holds the watch's run lock.
fn drain(
    workspace: &Workspace,
    watch: &Watch,
    journal: &mut Journal<'_>,
    input: &Lock,
    done: &mut Vec<(String, Target)>,
) -> Result<(), LedgerError> {
    for (id, target) in journal.give_up(watch, Timestamp::now())? {
        runner::forget(workspace, &id, target);
    }
    while signals::interrupted().is_none() {
        let now = Timestamp::now();
        let (superseded, due) = journal.plan(watch, now)?;
        for (it, target) in superseded.iter().flat_map(|it| watch.dispatch.iter().map(move |target| (it, *target))) {
            runner::forget(workspace, &it.id, target);
        }
        journal.append(superseded.into_iter().map(|it| skipped(watch, it, now)).collect())?;
        let Some(due) = due.into_iter().find(|due| !was_made(done, due)) else { break };
        done.push((due.id.clone(), due.target));
        attempt(workspace, watch, journal, input, &due)?;
    }
    Ok(())
}

fn skipped(watch: &Watch, superseded: Superseded, now: Timestamp) -> Record {
    let skipped = Skipped {
        watch: watch.name.clone(),
        key: superseded.key,
        sha: None,
        reason: "superseded".to_owned(),
        id: Some(superseded.id),
        by: Some(superseded.by),
        message: None,
        head: None,
    };
    Record::new(now, Body::Skipped(skipped))
}

/// One attempt: recorded, performed, recorded.
fn attempt(
    workspace: &Workspace,
    watch: &Watch,
    journal: &mut Journal<'_>,
    input: &Lock,
    due: &Due,
) -> Result<(), LedgerError> {
    journal.append(vec![begun(due, Timestamp::now())])?;
    let started = Instant::now();
    let ran = match due.target {
        Target::TriggerBranch => trigger::push(workspace, watch, &due.signal),
        Target::CodexFlow | Target::Command | Target::Carry => runner::spawn(workspace, watch, input, due),
    };
    let run = ended(watch, due, ran, started.elapsed());
    journal.append(vec![Record::new(Timestamp::now(), Body::Run(Box::new(run)))])
}

/// The record that an attempt begins.
#[must_use]
pub fn begun(due: &Due, now: Timestamp) -> Record {
    let (watch, id) = (due.signal.watch.clone(), due.id.clone());
    Record::new(now, Body::Dispatch(Dispatch { watch, id, target: due.target, attempt: due.attempt }))
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
        provenance: ran.provenance,
        intervention: ran.intervention,
        reference: ran.reference,
        sha: ran.sha,
        duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        log: ran.log,
        report: ran.report,
    }
}

/// Whether a run of this status makes `patch` exit with 1.
///
/// A run that asks for a person did its work; one that nobody took did not.
#[must_use]
pub fn is_failure(status: Status) -> bool {
    matches!(status, Status::Failed | Status::Blocked | Status::Unmatched)
}

/// Whether the record is of a run that failed in this sense.
#[must_use]
pub fn is_failed_run(record: &Record) -> bool {
    matches!(&record.body, Body::Run(run) if is_failure(run.status))
}

/// What is due now for these watches, without doing it.
#[must_use]
pub fn due(watches: &[&Watch], state: &State, now: Timestamp) -> Vec<Due> {
    watches.iter().flat_map(|watch| plan::plan(watch, state, now).1).collect()
}
