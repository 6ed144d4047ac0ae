//! What `patch.notify` finds on its standard input: the record, and what helps a person to act on it.

use super::Untold;
use crate::{
    ledger::{
        Ledger,
        record::{Body, Record},
    },
    report::words,
    text::{self, printable},
    workspace::{Failure, Workspace},
};
use serde::Serialize;
use serde_json::Value;
use std::path::Path;

/// One line of JSON.
#[derive(Debug, Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    record: &'a Record,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    state: &'a str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    repository: String,
}

/// The line, with its line end; `record` is of the notice.
#[must_use]
pub fn line(record: &Record, untold: &Untold, url: Option<&str>, repository: &Path) -> String {
    let waiting = &untold.waiting;
    let seen = waiting.seen.as_ref();
    let document = Document {
        record,
        key: waiting.id.as_ref().map(|_| words::key(&waiting.key)),
        state: waiting.what.as_str(),
        reference: seen.map(|seen| seen.reference.as_str()),
        sha: seen.map(|seen| seen.sha.as_str()),
        next: waiting.next.as_deref(),
        url: url.map(printable),
        repository: printable(&repository.to_string_lossy()),
    };
    text::json(&document) + "\n"
}

/// Where a person reads about the entry of a signal, as its event tells it.
///
/// # Errors
/// When the ledger cannot be read: a signal that is handed to nobody is only there.
pub fn url(workspace: &Workspace, ledger: &Ledger, id: &str) -> Result<Option<String>, Failure> {
    let of = |payload: &serde_json::Map<String, Value>| payload.get("url")?.as_str().map(str::to_owned);
    if let Some(open) = ledger.state().open.get(id) {
        return Ok(of(&open.event.payload));
    }
    let is_it = |record: &Record| match &record.body {
        Body::Signal(signal) if signal.id == id => of(&signal.event.payload),
        _ => None,
    };
    let lines = workspace.lines()?;
    Ok(lines.records(&lines.mentions(id)?)?.iter().find_map(is_it))
}
