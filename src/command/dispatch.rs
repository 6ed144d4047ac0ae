//! `patch dispatch`: dispatch what is pending, without a look at upstream.

use super::{handle_signals, sync, tell_notices};
use crate::{
    cli::DispatchArgs,
    dispatch,
    ledger::{Ledger, record::Record, state::State},
    notice::tell,
    outcome::Outcome,
    report::{Report, words},
    time::Timestamp,
    watch::{Watch, WatchName},
    workspace::{Failure, Workspace},
};
use std::path::Path;

/// Dispatches what is pending.
///
/// # Errors
/// When nothing can be done at all.
pub fn run(directory: Option<&Path>, args: &DispatchArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let watches = workspace.watches(&args.names)?;
    if args.dry_run {
        let ledger = workspace.ledger_to_read()?;
        tell_due(report, &watches, ledger.state(), &[], Timestamp::now());
        return Ok(Outcome::Done);
    }
    handle_signals(report);
    let ledger = workspace.ledger()?;
    Ok(dispatch_now(&workspace, &watches, ledger, report))
}

/// Dispatches what is due because a person asked: where another process is at it, that is told.
pub fn dispatch_now(workspace: &Workspace, watches: &[&Watch], ledger: Ledger, report: &Report) -> Outcome {
    let (outcome, busy) = dispatch(workspace, watches, ledger, report);
    for watch in &busy {
        report.warning(&format!("watch `{watch}`: another process is dispatching; what is due is left to it"));
    }
    if outcome == Outcome::Done && !busy.is_empty() { Outcome::Busy } else { outcome }
}

/// Dispatches what is due, and tells every record as it is made; returns what another process is at, too.
pub fn dispatch(
    workspace: &Workspace,
    watches: &[&Watch],
    ledger: Ledger,
    report: &Report,
) -> (Outcome, Vec<WatchName>) {
    let tell = |records: &[Record]| report.records(records);
    let (mut ledger, dispatched) = dispatch::run(workspace, watches, ledger, &tell);
    tell_notices(&mut ledger, report);
    for (watch, failure) in &dispatched.failures {
        report.warning(&format!("watch `{watch}`: dispatching stopped; what was pending stays pending"));
        report.failure(failure);
    }
    let looked = sync::after_runs(workspace, watches, &mut ledger, &dispatched.records, report);
    let told = tell::run(workspace, &mut ledger, report);
    sync::save(&mut ledger, report);
    let failed = dispatched.records.iter().any(dispatch::is_failed_run);
    (Outcome::failed_if(failed || !dispatched.failures.is_empty()).and(looked).and(told), dispatched.busy)
}

/// Tells what would be dispatched now, if `news` were recorded; nothing is done.
pub fn tell_due(report: &Report, watches: &[&Watch], state: &State, news: &[Record], now: Timestamp) {
    let mut state = state.clone();
    for record in news {
        state.fold(record);
    }
    for due in dispatch::due(watches, &state, now) {
        if report.is_json() {
            report.records(&[dispatch::begun(&due, now)]);
        } else {
            let (watch, key) = (&due.signal.watch, words::key(&due.signal.key));
            report.told(&format!("{watch}: {key} would be dispatched to {}", due.target));
        }
    }
}
