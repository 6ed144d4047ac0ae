//! The commands: what each does between the arguments and the exit status.

pub mod carry;
pub mod dispatch;
pub mod doctor;
pub mod event;
pub mod log;
pub mod poll;
pub mod promote;
pub mod prune;
pub mod report;
pub mod request;
pub mod select;
pub mod show;
pub mod stack;
pub mod status;
pub mod sync;
pub mod watch_add;
pub mod watch_check;
pub mod watch_list;
pub mod word;

use crate::{
    cli::{Cli, Command, JsonArg, WatchCommand},
    ledger::Ledger,
    outcome::Outcome,
    report::Report,
    review::state::Verdict,
    signals,
    workspace::Failure,
};

/// Runs the command, and tells why it cannot go on if it cannot.
#[must_use]
pub fn run(cli: &Cli) -> Outcome {
    let report = Report::new(&cli.global, json(&cli.command));
    if let Err(error) = signals::prepare() {
        report.warning(&format!("cannot handle signals: {error}"));
    }
    let outcome = perform(cli, &report).unwrap_or_else(|failure| {
        report.failure(&failure);
        Outcome::from(&failure)
    });
    match report.output_error() {
        Some(error) => {
            report.error(&error);
            if outcome == Outcome::Done { Outcome::SomeFailed } else { outcome }
        }
        None => outcome,
    }
}

/// From here on a signal ends the children and lets their end be recorded; without handlers it would
/// end the program, and leave them to themselves.
pub(crate) fn handle_signals(report: &Report) {
    if let Err(error) = signals::install() {
        report.warning(&format!("cannot handle signals: {error}"));
    }
}

/// Tells what happened to the ledger, also where something failed after it: the next command finds
/// nothing to tell.
pub(crate) fn tell_notices(ledger: &mut Ledger, report: &Report) {
    for notice in ledger.take_notices() {
        report.warning(&notice);
    }
}

fn json(command: &Command) -> bool {
    let JsonArg { json } = match command {
        Command::Poll(args) => args.json,
        Command::Dispatch(args) => args.json,
        Command::Status(args) => args.json,
        Command::Carry(args) => args.json,
        Command::Stack(args) => args.json,
        Command::Log(args) => args.json,
        Command::Show(args) => args.json,
        Command::Retry(args) => args.json,
        Command::Replay(args) => args.json,
        Command::Sync(args) => args.json,
        Command::Promote(args) => args.json,
        Command::Prune(args) => args.json,
        Command::Approve(args) | Command::Reject(args) => args.json,
        Command::Report(args) => args.json,
        Command::Doctor(args) => args.json,
        Command::Watch { command: WatchCommand::Add(args) } => args.json,
        Command::Watch { command: WatchCommand::List(args) } => args.json,
        Command::Watch { command: WatchCommand::Check(args) } => args.json,
        Command::Event(_) | Command::Rehearse(_) | Command::Watch { command: WatchCommand::Remove(_) } => return false,
    };
    json
}

fn perform(cli: &Cli, report: &Report) -> Result<Outcome, Failure> {
    let directory = cli.global.directory.as_deref();
    match &cli.command {
        Command::Poll(args) => poll::run(directory, args, report),
        Command::Dispatch(args) => dispatch::run(directory, args, report),
        Command::Status(args) => status::run(directory, args, report),
        Command::Carry(args) => carry::run(directory, args, report),
        Command::Stack(args) => stack::run(directory, args, report),
        Command::Log(args) => log::run(directory, args, report),
        Command::Show(args) => show::run(directory, args, report),
        Command::Retry(args) => request::retry(directory, args, report),
        Command::Replay(args) => request::replay(directory, args, report),
        Command::Event(args) => event::run(directory, args, report),
        Command::Watch { command } => match command {
            WatchCommand::Add(args) => watch_add::run(directory, args, report),
            WatchCommand::List(args) => watch_list::list(directory, args, report),
            WatchCommand::Check(args) => watch_check::run(directory, args, report),
            WatchCommand::Remove(args) => watch_list::remove(directory, args, report),
        },
        Command::Sync(args) => sync::run(directory, args, report),
        Command::Promote(args) => promote::run(directory, args, report),
        Command::Prune(args) => prune::run(directory, args, report),
        Command::Approve(args) => word::run(directory, args, Verdict::Approved, report),
        Command::Reject(args) => word::run(directory, args, Verdict::Rejected, report),
        Command::Report(args) => report::run(directory, args, report),
        Command::Doctor(args) => doctor::run(directory, args, report),
        Command::Rehearse(args) => crate::rehearse::run(directory, args, report),
    }
}
