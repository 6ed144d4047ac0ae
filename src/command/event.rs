//! `patch event`: the event document of a trigger commit, or of a signal.

use super::select;
use crate::{
    cli::EventArgs,
    dispatch::trigger::event_in,
    outcome::Outcome,
    report::Report,
    text,
    workspace::{Failure, Workspace},
};
use git2::Repository;
use std::path::Path;

/// Prints an event document.
///
/// A trigger commit carries its event along: this works in any clone of the fork, on a forge's
/// runner too, without configuration or ledger.
///
/// # Errors
/// When there is neither such a commit nor such a signal.
pub fn run(directory: Option<&Path>, args: &EventArgs, report: &Report) -> Result<Outcome, Failure> {
    let repository = Repository::discover(directory.unwrap_or(Path::new(".")));
    let commit_event = repository.ok().and_then(|repository| {
        let object = repository.revparse_single(&args.source).ok()?;
        let commit = object.peel_to_commit().ok()?;
        event_in(&String::from_utf8_lossy(commit.message_raw_bytes()))
    });
    if let Some(event) = commit_event {
        report.verbatim(&event.document());
        return Ok(Outcome::Done);
    }
    let workspace = Workspace::open(directory)?;
    let records = workspace.ledger_to_read()?.records()?;
    if select::named(&records, &args.source).is_empty() {
        return Err(Failure::Usage(
            format!("`{}` is neither a trigger commit nor a signal", text::printable(&args.source)),
            Some("list the signals with `patch log --kind signal`".to_owned()),
        ));
    }
    report.verbatim(&select::signal(&records, &args.source)?.event.document());
    Ok(Outcome::Done)
}
