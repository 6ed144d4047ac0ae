//! `patch event`: the event document of a trigger commit, or of a signal.

use super::select;
use crate::{
    cli::EventArgs,
    dispatch::trigger::event_in,
    event::Event,
    outcome::Outcome,
    report::Report,
    text,
    workspace::{Failure, Workspace, git_in},
};
use std::{path::Path, time::Duration};

/// How long looking for a commit may take.
const LOOK: Duration = Duration::from_secs(60);

/// Prints an event document.
///
/// A trigger commit carries its event along: this works in any clone of the fork, on a forge's
/// runner too, without configuration or ledger.
///
/// # Errors
/// When there is neither such a commit nor such a signal.
pub fn run(directory: Option<&Path>, args: &EventArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory);
    let lines = workspace.as_ref().ok().map(Workspace::lines).transpose()?;
    let mentions = lines.as_ref().map(|lines| lines.mentions(&args.source)).transpose()?.unwrap_or_default();
    let signals = select::signal_lines(&mentions);
    // The ledger's own word comes first: a tag of upstream's is called like a key, and its commit's
    // message is upstream's.
    let is_meant = select::exactly(&signals, &args.source).len() == 1;
    if let Some(event) = (!is_meant).then(|| in_commit(directory, &args.source)).flatten() {
        report.verbatim(&event.document());
        return Ok(Outcome::Done);
    }
    let lines = lines.map_or_else(|| workspace?.lines(), Ok)?;
    if select::named(&signals, &args.source).is_empty() {
        return Err(Failure::Usage(
            format!("`{}` is neither a trigger commit nor a signal", text::printable(&args.source)),
            Some("list the signals with `patch log --kind signal`".to_owned()),
        ));
    }
    let id = select::id(&mentions, &args.source)?;
    let records = lines.records(signals.into_iter().filter(|mention| mention.id == id))?;
    report.verbatim(&select::signal(&records, &id)?.event.document());
    Ok(Outcome::Done)
}

/// The event that the commit at this revision carries.
fn in_commit(directory: Option<&Path>, revision: &str) -> Option<Event> {
    let commit = git_in(directory).ok()?.commit_at(revision, LOOK).ok()??;
    event_in(&commit.message)
}
