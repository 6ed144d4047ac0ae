//! `patch sync`: read the refs, and record what became of each signal.

use super::{handle_signals, tell_notices};
use crate::{
    cli::SyncArgs,
    ledger::{
        Ledger,
        record::{Body, Record, Review},
    },
    notice::tell,
    outcome::Outcome,
    report::Report,
    review::{
        state::Evidence,
        sync::{self, Synced},
    },
    signals,
    time::Timestamp,
    watch::{Watch, WatchName},
    workspace::{Failure, Workspace},
};
use std::{collections::BTreeSet, path::Path};

/// Syncs.
///
/// # Errors
/// When nothing can be done at all; what is wrong with one fork is told, and the others go on.
pub fn run(directory: Option<&Path>, args: &SyncArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let watches = workspace.watches(&args.names)?;
    workspace.places.create()?;
    handle_signals(report);
    let lock = workspace.lock_intake()?;
    let mut ledger = workspace.ledger()?;
    let synced = sync::run(&workspace, &watches, &mut ledger, true, Timestamp::now());
    tell_notices(&mut ledger, report);
    let synced = synced?;
    report.records(&synced.records);
    let mut outcome = problems(report, &synced);
    outcome = outcome.and(super::promote::by_rule(&workspace, &watches, &mut ledger, &synced, report)?);
    drop(lock);
    outcome = outcome.and(tell::run(&workspace, &mut ledger, report));
    save(&mut ledger, report);
    Ok(outcome)
}

/// What was told right before a sync.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Behind {
    /// Nothing.
    Nothing,
    /// What the runs of this moment say that they made.
    Runs,
}

/// What a poll looks at first: what became of what it did before. The caller holds the intake lock.
///
/// # Errors
/// When the ledger cannot be used, or a signal told us to end. What else is wrong is told: upstream is
/// looked at all the same.
pub fn at_poll(
    workspace: &Workspace,
    watches: &[&Watch],
    ledger: &mut Ledger,
    behind: Behind,
    report: &Report,
) -> Result<Outcome, Failure> {
    let synced = match sync::run(workspace, watches, ledger, false, Timestamp::now()) {
        Ok(synced) => synced,
        Err(failure @ (Failure::Interrupted(_) | Failure::Ledger(_))) => return Err(failure),
        Err(failure) => {
            report.warning("what became of candidates is not known");
            report.failure(&failure);
            return Ok(Outcome::SomeFailed);
        }
    };
    tell(report, &synced, behind);
    // A fork that a run could not use was told by that; what else it is, the next look tells.
    let outcome = if behind == Behind::Runs { Outcome::Done } else { problems(report, &synced) };
    Ok(outcome.and(super::promote::by_rule(workspace, watches, ledger, &synced, report)?))
}

/// What a round of dispatching looks at in the end: what its runs have left.
///
/// Another process that holds the intake lock will look by itself.
pub fn after_runs(
    workspace: &Workspace,
    watches: &[&Watch],
    ledger: &mut Ledger,
    records: &[Record],
    report: &Report,
) -> Outcome {
    let ran: BTreeSet<&WatchName> = records.iter().filter_map(Record::watch).collect();
    let watches: Vec<&Watch> = watches.iter().copied().filter(|watch| ran.contains(&watch.name)).collect();
    if watches.is_empty() || signals::interrupted().is_some() {
        return Outcome::Done;
    }
    let Ok(_lock) = workspace.lock_intake() else { return Outcome::Done };
    let looked = ledger
        .refresh()
        .map_err(Failure::from)
        .and_then(|()| at_poll(workspace, &watches, ledger, Behind::Runs, report));
    looked.unwrap_or_else(|failure| {
        report.failure(&failure);
        Outcome::from(&failure)
    })
}

/// Writes the index, which saves time only.
pub fn save(ledger: &mut Ledger, report: &Report) {
    if let Err(error) = ledger.save_index() {
        report.warning(&error.to_string());
    }
}

fn problems(report: &Report, synced: &Synced) -> Outcome {
    for (watch, problem) in &synced.problems {
        report.problem(watch.as_str(), problem);
    }
    Outcome::failed_if(!synced.problems.is_empty())
}

/// Tells all that a sync found which somebody asked for.
pub fn tell_all(report: &Report, synced: &Synced) -> Outcome {
    tell(report, synced, Behind::Nothing);
    problems(report, synced)
}

/// Tells what nobody knows yet; programs are told all of it.
fn tell(report: &Report, synced: &Synced, behind: Behind) {
    for record in &synced.records {
        if report.is_json() || matches!(&record.body, Body::Review(review) if is_news(review, behind)) {
            report.records(std::slice::from_ref(record));
        }
    }
}

/// Whether a state is more than what a run that ended just now has told.
fn is_news(review: &Review, behind: Behind) -> bool {
    match review.evidence {
        Evidence::Ledger | Evidence::Run | Evidence::NewerSignal | Evidence::TriggerRef => false,
        Evidence::ForkRef | Evidence::LocalRef | Evidence::InterventionRef => behind == Behind::Nothing,
        _ => true,
    }
}
