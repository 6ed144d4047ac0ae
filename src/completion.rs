//! What a shell completes beside the words of the command line: watch names and signals.
//!
//! Asked at every press of a key: whatever goes wrong gives no candidates, and no message.

use crate::{
    command::select,
    ledger::{record::Signal, state::key_of},
    text,
    workspace::Workspace,
};
use clap_complete::CompletionCandidate;
use std::ffi::OsStr;

/// The names of the repository's watches that begin with `current`.
#[must_use]
pub fn watch_names(current: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(workspace) = Workspace::open(None) else { return Vec::new() };
    let names = workspace.config.watches.iter().map(|watch| watch.name.to_string());
    names.filter(|name| name.starts_with(&*current.to_string_lossy())).map(CompletionCandidate::new).collect()
}

/// The names of the repository's channels that begin with `current`.
#[must_use]
pub fn channel_names(current: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(workspace) = Workspace::open(None) else { return Vec::new() };
    let names = workspace.config.channels.iter().map(|channel| channel.name.to_string());
    names.filter(|name| name.starts_with(&*current.to_string_lossy())).map(CompletionCandidate::new).collect()
}

/// How many signals are offered.
const OFFERED: usize = 30;

/// The newest signals whose key, or watch and key, begins with `current`.
///
/// The key where only one signal has it: bash takes a `:` for the end of a word.
#[must_use]
pub fn signals(current: &OsStr) -> Vec<CompletionCandidate> {
    let ledger = Workspace::open(None).and_then(|workspace| workspace.ledger_to_read());
    let Ok(records) = ledger.and_then(|ledger| Ok(ledger.records()?)) else { return Vec::new() };
    let current = current.to_string_lossy();
    let signals = select::signals(&records);
    let name = |signal: &Signal| {
        let key = key_of(&signal.watch, &signal.id);
        if select::exactly(&signals, key).len() == 1 { key.to_owned() } else { select::short(signal) }
    };
    let newest = signals.iter().rev().take(OFFERED);
    newest
        .map(|signal| (name(signal), signal))
        .filter(|(name, _)| name.starts_with(&*current) && !name.contains(text::is_unsafe))
        .map(|(name, signal)| CompletionCandidate::new(name).help(Some(text::printable(&signal.id).into())))
        .collect()
}
