//! `patch poll`: check upstream, record what is new, dispatch it.

use super::{
    dispatch::{dispatch, tell_due},
    handle_signals,
    sync::{self, Behind},
    tell_notices,
};
use crate::{
    cli::PollArgs,
    intake::{self, Intake, Options},
    notice::tell,
    outcome::Outcome,
    report::Report,
    time::Timestamp,
    workspace::{Failure, Workspace},
};
use std::path::Path;

/// Polls.
///
/// # Errors
/// When nothing can be done at all; what is wrong with one watch is told, and the others go on.
pub fn run(directory: Option<&Path>, args: &PollArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let watches = workspace.watches(&args.names)?;
    let options = Options { backfill: args.backfill, dry_run: args.dry_run, now: Timestamp::now() };
    let progress = |done, total| report.progress(done, total);
    if args.dry_run {
        let mut looked = Outcome::Done;
        let mut ledger = workspace.ledger_to_read()?;
        let mut records = Vec::new();
        let mut part = |intake: Intake| {
            looked = looked.and(tell_intake(report, &intake));
            records.extend(intake.records);
        };
        let last = intake::run(&workspace, &watches, &mut ledger, options, &progress, &mut part)?;
        part(last);
        tell_due(report, &watches, ledger.state(), &records, options.now);
        return Ok(looked);
    }
    workspace.places.create()?;
    handle_signals(report);
    let lock = workspace.lock_intake()?;
    let mut ledger = workspace.ledger()?;
    let reviewed = sync::at_poll(&workspace, &watches, &mut ledger, Behind::Nothing, report);
    tell_notices(&mut ledger, report);
    let mut looked = reviewed?;
    let mut part = |intake: Intake| looked = looked.and(tell_intake(report, &intake));
    let last = intake::run(&workspace, &watches, &mut ledger, options, &progress, &mut part);
    drop(lock);
    tell_notices(&mut ledger, report);
    part(last?);
    if args.no_dispatch {
        let told = tell::run(&workspace, &mut ledger, report);
        super::sync::save(&mut ledger, report);
        return Ok(looked.and(told));
    }
    let (dispatched, _) = dispatch(&workspace, &watches, ledger, report);
    Ok(looked.and(dispatched))
}

fn tell_intake(report: &Report, intake: &Intake) -> Outcome {
    report.records(&intake.records);
    for (watch, problem) in &intake.problems {
        report.problem(watch.as_str(), problem);
    }
    for warning in &intake.warnings {
        report.warning(warning);
    }
    Outcome::failed_if(!intake.problems.is_empty())
}
