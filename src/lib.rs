//! `patch`: unattended maintenance of custom patches on top of upstream software.
//!
//! Read the modules in this order: it is the order the data takes.

#[cfg(not(panic = "unwind"))]
compile_error!("a panic is contained to its watch, which takes `panic = \"unwind\"`");

pub mod cli;
pub mod completion;
pub mod handover;
pub mod panic;

pub mod channel;
pub mod config;
pub mod places;
pub mod watch;
pub mod workspace;

pub mod child;
pub mod git;
pub mod private;
pub mod signals;
pub mod spool;

pub mod fetch;
pub mod forge;
pub mod parse;

pub mod entry;
pub mod event;
pub mod news;
pub mod refname;
pub mod text;
pub mod time;
pub mod version;

pub mod carry;
pub mod dispatch;
pub mod intake;
pub mod ledger;
pub mod notice;
pub mod promotion;
pub mod prune;
pub mod review;

pub mod doctor;
pub mod overview;

pub mod command;
pub mod outcome;
pub mod page;
pub mod report;

pub mod loopback;
pub mod rehearse;

#[doc(hidden)]
pub mod fuzzing;

use std::process::ExitCode;

/// Runs what the command line asks for, and gives the exit status.
#[must_use]
pub fn run(cli: &cli::Cli) -> ExitCode {
    command::run(cli).into()
}
