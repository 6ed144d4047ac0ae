//! Install the error hooks, hand over what is not ours, parse, run, exit; nothing else.

use clap::Parser;
use clap_complete::CompleteEnv;
use color_eyre::config::{HookBuilder, Theme};
use color_eyre::eyre;
use patch_moi::{cli::Cli, handover, panic, text};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::{env, process::ExitCode};

fn main() -> eyre::Result<ExitCode> {
    panic::install_hook();
    // our own panic hook stands, so only the half for errors is taken
    let (_, errors) = HookBuilder::new().theme(Theme::new()).display_env_section(false).into_hooks();
    errors.install()?;

    let mut args = env::args_os();
    let argv0 = args.next().unwrap_or_default();
    let args: Vec<OsString> = args.collect();
    if handover::asks_to_complete(env::var_os("COMPLETE").as_deref(), &args) {
        // the script is for the name we are called by, `patch` or another
        let name = Path::new(&argv0).file_name().unwrap_or(&argv0).to_string_lossy();
        CompleteEnv::with_factory(|| handover::completed_command(&name)).bin(&*name).complete();
    }
    if let Err(refusal) = handover::hand_over(&argv0, &args) {
        // nowhere to tell it if standard error is closed: the exit status still does
        let _ = writeln!(io::stderr(), "patch: {refusal}");
        return Ok(refusal.exit_status().into());
    }
    let cli = Cli::try_parse().unwrap_or_else(|error| mistake(&args, error).exit());
    Ok(patch_moi::run(&cli))
}

/// The mistake on the command line, told without what an argument could do to a terminal.
fn mistake(args: &[OsString], error: clap::Error) -> clap::Error {
    let safe = args.iter().map(|arg| text::printable(&arg.to_string_lossy()));
    if safe.clone().zip(args).all(|(safe, arg)| arg == safe.as_str()) {
        return error;
    }
    let name = env::args().next().unwrap_or_default();
    Cli::try_parse_from(std::iter::once(text::printable(&name)).chain(safe)).err().unwrap_or(error)
}
