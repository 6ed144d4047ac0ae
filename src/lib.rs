//! `patch`: unattended maintenance of custom patches on top of upstream software.
//!
//! Read the modules in this order: it is the order the data takes.

pub mod cli;
pub mod completion;
pub mod entry;
pub mod handover;
pub mod panic;
pub mod text;
pub mod time;
pub mod version;
pub mod watch;

/// Runs the command that was asked for.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "the commands take their arguments apart")]
pub fn run(cli: cli::Cli) -> std::process::ExitCode {
    let _ = cli;
    std::process::ExitCode::FAILURE
}
