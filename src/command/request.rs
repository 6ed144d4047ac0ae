//! `patch retry` and `patch replay`: a person's wish for another attempt.

use super::{dispatch::dispatch_now, handle_signals, select, tell_notices};
use crate::{
    cli::{ReplayArgs, RetryArgs},
    dispatch::plan::{Standing, is_wanted, standing},
    event::Change,
    ledger::{
        reader::Reader,
        record::{Action, Body, Record, Request, Signal},
        state::{Delivery, Stage, State},
    },
    notice::tell,
    outcome::Outcome,
    report::Report,
    text,
    time::Timestamp,
    watch::{Target, Watch},
    workspace::{Failure, Workspace},
};
use std::path::Path;

/// Makes failed, blocked and given-up signals due again.
///
/// # Errors
/// When there is no such signal, or nothing of it is to be retried.
pub fn retry(directory: Option<&Path>, args: &RetryArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let ledger = workspace.ledger()?;
    let state = ledger.state();
    // All of the ledger is read once for all of them, or looked through for each of a few.
    let histories = if args.all {
        let is_stuck = |id: &&String| !to_retry(&workspace, state, id).is_empty();
        let records = ledger.records()?;
        let of = |id: &String| records.iter().filter(|record| record.id() == Some(id)).cloned().collect();
        state.open.keys().filter(is_stuck).map(|id| (id.clone(), of(id))).collect()
    } else {
        let lines = workspace.lines()?;
        args.ids.iter().map(|id| history(&lines, id)).collect::<Result<Vec<_>, _>>()?
    };
    let mut requests = Vec::new();
    for (id, records) in &histories {
        let signal = select::signal(records, id)?;
        let targets = to_retry(&workspace, state, id);
        if targets.is_empty() {
            let id = text::printable(id);
            workspace.watch(&signal.watch)?;
            return Err(Failure::Usage(
                format!("nothing of `{id}` failed or waits for a person, for the targets that its watch has"),
                Some("`patch dispatch` does what is due; to dispatch it again all the same, `patch replay`".to_owned()),
            ));
        }
        requests.push(request(signal, records, Action::Retry, targets));
    }
    perform(&workspace, requests, args.no_dispatch, report)
}

/// Makes signals due again, whatever became of them.
///
/// # Errors
/// When there is no such signal, or nobody to hand it to.
pub fn replay(directory: Option<&Path>, args: &ReplayArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let lines = workspace.lines()?;
    let mut requests = Vec::new();
    for id in &args.ids {
        let (id, records) = history(&lines, id)?;
        let signal = select::signal(&records, &id)?;
        let watch = workspace.watch(&signal.watch)?;
        let targets = if args.to.is_empty() { replayed(watch, signal) } else { args.to.clone() };
        check_targets(watch, signal, &targets)?;
        requests.push(request(signal, &records, Action::Replay, targets));
    }
    perform(&workspace, requests, args.no_dispatch, report)
}

/// The one signal that `wanted` names, by its id, and all that is recorded of it.
fn history(lines: &Reader, wanted: &str) -> Result<(String, Vec<Record>), Failure> {
    let mentions = lines.mentions(wanted)?;
    let id = select::id(&mentions, wanted)?;
    let records = lines.records(mentions.iter().filter(|mention| mention.id == id))?;
    Ok((id, records))
}

/// Whom a signal is handed again if nobody is named: whom it is handed by itself, if there is anybody.
fn replayed(watch: &Watch, signal: &Signal) -> Vec<Target> {
    if signal.change == Change::Gone { watch.dispatch.clone() } else { watch.targets(signal.change) }
}

fn check_targets(watch: &Watch, signal: &Signal, targets: &[Target]) -> Result<(), Failure> {
    if targets.is_empty() {
        return Err(Failure::Usage(
            format!("watch `{}` dispatches to nobody", watch.name),
            Some(format!("name a target: `patch replay --to TARGET {}`", text::printable(&signal.id))),
        ));
    }
    if targets.contains(&Target::Command) && watch.command.is_none() {
        return Err(Failure::Usage(
            format!("watch `{}` has no command", watch.name),
            Some(format!("set one: `git config watch.{}.command COMMAND`", watch.name)),
        ));
    }
    Ok(())
}

/// The targets with which a signal failed or waits for a person.
fn to_retry(workspace: &Workspace, state: &State, id: &str) -> Vec<Target> {
    let Some(signal) = state.open.get(id) else { return Vec::new() };
    let watch = workspace.watch(&signal.watch).ok();
    let retries = watch.map_or(1, |watch| watch.retries);
    // One that failed is to be retried even where the next poll would do so by itself.
    let is_stuck = |delivery: &Delivery| match delivery.stage {
        Stage::Ended(_) => !delivery.is_done(),
        _ => standing(delivery, retries, Timestamp::now()) == Standing::GivenUp,
    };
    let is_meant = |target, delivery| watch.is_some_and(|watch| is_wanted(watch, target, delivery));
    let stuck =
        signal.deliveries.iter().filter(|(target, delivery)| is_stuck(delivery) && is_meant(**target, delivery));
    stuck.map(|(target, _)| *target).collect()
}

fn request(signal: &Signal, records: &[Record], action: Action, targets: Vec<Target>) -> Request {
    let attempts = records.iter().filter_map(|record| match &record.body {
        Body::Dispatch(dispatch) if dispatch.id == signal.id => Some(dispatch.attempt),
        _ => None,
    });
    Request {
        watch: signal.watch.clone(),
        id: signal.id.clone(),
        action,
        targets,
        change: signal.change,
        attempt: attempts.max().unwrap_or(0),
        event: signal.event.clone(),
    }
}

fn perform(
    workspace: &Workspace,
    requests: Vec<Request>,
    no_dispatch: bool,
    report: &Report,
) -> Result<Outcome, Failure> {
    let names: Vec<_> = requests.iter().map(|request| request.watch.clone()).collect();
    let watches: Vec<&Watch> = workspace.config.watches.iter().filter(|watch| names.contains(&watch.name)).collect();
    let now = Timestamp::now();
    let records: Vec<Record> =
        requests.into_iter().map(|request| Record::new(now, Body::Request(Box::new(request)))).collect();
    let mut ledger = workspace.ledger()?;
    let appended = ledger.append(&records);
    tell_notices(&mut ledger, report);
    appended?;
    report.records(&records);
    handle_signals(report);
    if no_dispatch {
        let told = tell::run(workspace, &mut ledger, report);
        ledger.save_index()?;
        return Ok(told);
    }
    Ok(dispatch_now(workspace, &watches, ledger, report))
}
