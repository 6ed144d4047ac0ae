//! What a shell completes beside the words of the command line: watch names and signal ids.
//!
//! Asked at every press of a key: whatever goes wrong gives no candidates, and no message.

use crate::{report::words, text, workspace::Workspace};
use clap_complete::CompletionCandidate;
use std::ffi::OsStr;

/// The names of the repository's watches that begin with `current`.
#[must_use]
pub fn watch_names(current: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(workspace) = Workspace::open(None) else { return Vec::new() };
    let names = workspace.config.watches.iter().map(|watch| watch.name.to_string());
    names.filter(|name| name.starts_with(&*current.to_string_lossy())).map(CompletionCandidate::new).collect()
}

/// The ids of the repository's signals that are not done and begin with `current`.
#[must_use]
pub fn signal_ids(current: &OsStr) -> Vec<CompletionCandidate> {
    let ledger = Workspace::open(None).and_then(|workspace| workspace.ledger_to_read());
    let Ok(ledger) = ledger else { return Vec::new() };
    let open = ledger.state().open.iter();
    open.filter(|(id, _)| id.starts_with(&*current.to_string_lossy()) && !id.contains(text::is_unsafe))
        .map(|(id, signal)| CompletionCandidate::new(id).help(Some(words::key(&signal.key).into())))
        .collect()
}
