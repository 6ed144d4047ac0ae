//! What a shell completes beside the words of the command line: watch names and signal ids.

use clap_complete::CompletionCandidate;
use std::ffi::OsStr;

/// The names of the repository's watches that begin with `current`.
#[must_use]
pub fn watch_names(current: &OsStr) -> Vec<CompletionCandidate> {
    let _ = current;
    Vec::new()
}

/// The ids of the repository's signals that begin with `current`.
#[must_use]
pub fn signal_ids(current: &OsStr) -> Vec<CompletionCandidate> {
    let _ = current;
    Vec::new()
}
