//! `patch log`: the ledger's records.

use crate::{
    cli::LogArgs,
    ledger::{
        reader::Asked,
        record::{Body, Record},
        state::key_of,
    },
    outcome::Outcome,
    report::{Paint, Report, evidence, table::table, words},
    text,
    workspace::{Failure, Workspace},
};
use std::path::Path;

/// Lists records.
///
/// # Errors
/// When the ledger cannot be read.
pub fn run(directory: Option<&Path>, args: &LogArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let lines = workspace.lines()?;
    let newest = lines.newest(Asked { watches: &args.names, kinds: &args.kind, limit: args.limit })?;
    // A watch that was removed from the configuration still has its records.
    for name in args.names.iter().filter(|name| !newest.iter().any(|(record, _)| record.watch() == Some(name))) {
        if let Err(unknown) = workspace.watch(name)
            && !lines.knows(name)?
        {
            return Err(unknown);
        }
    }
    if report.is_json() {
        for (_, line) in &newest {
            // As it is in the file, with what a later version wrote; only not past a terminal's defences.
            report.answer(&text::clean_json(line));
        }
        return Ok(Outcome::Done);
    }
    let rows: Vec<Vec<String>> = newest.iter().map(|(record, _)| row(record)).collect();
    if !rows.is_empty() {
        report.verbatim(&table(&["at", "watch", "kind", "what"], rows));
    }
    Ok(Outcome::Done)
}

fn row(record: &Record) -> Vec<String> {
    let watch = record.watch().map(ToString::to_string).unwrap_or_default();
    // The line in words begins with the watch, which has its own column.
    let line = words::line(Paint::PLAIN, record).and_then(|line| Some(line.split_once(": ")?.1.to_owned()));
    vec![
        // Seconds will do for people; `--json` has it all.
        format!("{}Z", &record.at.to_string()[..19]),
        watch,
        record.kind().to_owned(),
        line.unwrap_or_else(|| what(record)),
    ]
}

/// The records that a poll has nothing to say about.
fn what(record: &Record) -> String {
    match &record.body {
        Body::Primed(primed) => format!("{} entries known", primed.entries.len()),
        Body::Skipped(skipped) => format!("{}: {}", words::key(&skipped.key), text::printable(&skipped.reason)),
        Body::Dispatch(dispatch) => {
            let key = words::key(key_of(&dispatch.watch, &dispatch.id));
            format!("{key} -> {}, attempt {}", dispatch.target, dispatch.attempt)
        }
        Body::Notice(notice) => match &notice.id {
            Some(id) => format!("{}: {}", words::key(key_of(&notice.watch, id)), evidence::notice(notice)),
            None => evidence::notice(notice),
        },
        Body::WatchError(error) => {
            error.error.as_ref().map(|problem| text::printable(&problem.message)).unwrap_or_default()
        }
        _ => String::new(),
    }
}
