//! What a run reported: its output and its exit made into one outcome.
//!
//! A flow runner exits 0 although a step failed, and 1 although steps ran, so standard output is
//! read first, whatever the exit status. Pure.

mod candidate;
mod document;
mod provenance;

use crate::child::{Captured, Exit};
use crate::text::{clipped, printable};
use document::{Found, Reported};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fmt, str::FromStr};

pub use candidate::Candidate;
pub use provenance::Provenance;

/// The longest message that is kept, in bytes.
const MESSAGE: usize = 500;

/// The most steps, and the most candidates, that are kept of one run.
const ITEMS: usize = 100;

/// What a run came to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There was nothing to do.
    Skipped,
    /// It was done.
    Completed,
    /// It was done, and something was changed.
    Changed,
    /// A human has to decide; it is not tried again by itself.
    NeedsIntervention,
    /// Something else has to happen first.
    Blocked,
    /// It went wrong.
    Failed,
    /// No flow took the event.
    Unmatched,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Skipped,
        Self::Completed,
        Self::Changed,
        Self::NeedsIntervention,
        Self::Blocked,
        Self::Failed,
        Self::Unmatched,
    ];

    /// As records and flows spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Completed => "completed",
            Self::Changed => "changed",
            Self::NeedsIntervention => "needs_intervention",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
            Self::Unmatched => "unmatched",
        }
    }

    /// Whether what was to be done is done.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Skipped | Self::Completed | Self::Changed)
    }

    /// The weight of a step's status in the outcome of a run: the heaviest wins.
    fn weight(self) -> u8 {
        match self {
            Self::Unmatched => 0,
            Self::Skipped => 1,
            Self::Completed => 2,
            Self::Changed => 3,
            Self::Failed => 4,
            Self::Blocked => 5,
            Self::NeedsIntervention => 6,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("`{}` is not a status", printable(clipped(text, 50))))
    }
}

/// What a target promises to print.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expect {
    /// A flow runner's result document, or a `FLOW_RESULT` line: silence is a failure.
    FlowDocument,
    /// Anything: the exit status counts, unless a document or a `FLOW_RESULT` line says more.
    PlainProgram,
}

/// What a run came to, and all that is kept of its report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunOutcome {
    /// The outcome of the whole run.
    pub status: Status,
    /// One line, at most 500 bytes, safe to show.
    pub message: Option<String>,
    /// The refs that it made, each once.
    pub candidates: Vec<Candidate>,
    /// How these came about.
    pub provenance: Provenance,
    /// The branch where a person has to decide.
    pub intervention: Option<Candidate>,
    /// What each step came to, in the document's order.
    pub steps: Vec<StepOutcome>,
}

impl RunOutcome {
    /// An outcome without anything that was made.
    fn bare(status: Status, message: Option<String>) -> Self {
        let (candidates, steps) = (Vec::new(), Vec::new());
        Self { status, message, candidates, provenance: Provenance::default(), intervention: None, steps }
    }
}

/// What one step of a flow came to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct StepOutcome {
    /// The flow's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// The step's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What it came to.
    pub status: Status,
    /// One line, at most 500 bytes, safe to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What a run came to, from how it ended and what it printed, for the event `event_id`.
///
/// The steps' statuses decide, the heaviest first: needs intervention, blocked, failed, changed,
/// completed, skipped. An end that was not the program's own is a failure whatever was reported,
/// and so is a report of success with a non-zero exit status; candidates are kept all the same.
#[must_use]
pub fn outcome(exit: &Exit, stdout: &Captured, expects: Expect, event_id: &str) -> RunOutcome {
    let reported = match document::find(stdout, expects == Expect::PlainProgram) {
        Found::Document(document) => Some(of_document(&document, event_id)),
        Found::Line(result) => Some(of_results(&[Reported { flow: None, step: None, result }])),
        Found::Malformed(problem) => Some(failed(problem)),
        Found::Nothing => None,
    };
    match (reported, exit) {
        (Some(reported), Exit::Success) => reported,
        (Some(reported), Exit::Code(_)) if !reported.status.is_success() && reported.status != Status::Unmatched => {
            reported
        }
        (Some(reported), exit) => contradicted(reported, *exit),
        (None, Exit::Success) if expects == Expect::PlainProgram => RunOutcome::bare(Status::Completed, None),
        (None, exit) => failed(unreported(*exit, stdout.omitted, expects)),
    }
}

fn unreported(exit: Exit, omitted: u64, expects: Expect) -> String {
    let ended = if exit.is_success() { String::new() } else { format!("{exit}, ") };
    match (expects, omitted) {
        (Expect::PlainProgram, _) => exit.to_string(),
        (Expect::FlowDocument, 0) => format!("{ended}printed no result document"),
        (Expect::FlowDocument, omitted) => {
            format!("{ended}no result document in what was kept of the output: {omitted} bytes of it were left out")
        }
    }
}

/// The report says one thing and the exit another: both are told.
fn contradicted(reported: RunOutcome, exit: Exit) -> RunOutcome {
    let told = match &reported.message {
        Some(message) => format!("{exit}, although it reported {}: {message}", reported.status),
        None => format!("{exit}, although it reported {}", reported.status),
    };
    RunOutcome { status: Status::Failed, message: one_line(&told), ..reported }
}

fn failed(message: impl AsRef<str>) -> RunOutcome {
    RunOutcome::bare(Status::Failed, one_line(message.as_ref()))
}

fn of_document(document: &document::Document, event_id: &str) -> RunOutcome {
    if let Some(other) = document.event_id.as_deref().filter(|id| *id != event_id) {
        return failed(format!("reported on another event, `{}`", clipped(other, 200)));
    }
    of_results(&document.results)
}

fn of_results(results: &[Reported]) -> RunOutcome {
    let steps: Vec<_> = results.iter().map(step).collect();
    // The first of the heaviest speaks for all.
    let heaviest = steps.iter().map(|step| step.status.weight()).max().unwrap_or(0);
    let decisive = || steps.iter().filter(|step| step.status.weight() == heaviest);
    let status = decisive().next().map_or(Status::Unmatched, |step| step.status);
    let message = decisive().find_map(|step| step.message.clone());
    let message = message.or_else(|| (status == Status::Unmatched).then(|| "no flow matched the event".to_owned()));
    let artifacts = || results.iter().filter_map(|reported| reported.result.get("artifacts"));
    RunOutcome {
        candidates: candidate::collect(artifacts()),
        provenance: provenance::collect(artifacts()),
        intervention: candidate::intervention(artifacts()),
        steps: steps.into_iter().take(ITEMS).collect(),
        ..RunOutcome::bare(status, message)
    }
}

fn step(reported: &Reported) -> StepOutcome {
    let text = |key: &str| reported.result.get(key).and_then(Value::as_str);
    let name = |name: &Option<String>| name.as_deref().map(|name| clipped(name, MESSAGE).to_owned());
    let message = text("message").and_then(one_line);
    // `unmatched` is our word for no result at all, a step cannot say it.
    let status = match text("status").map(str::parse) {
        Some(Ok(Status::Unmatched)) => Err("`unmatched` is not a status of a step".to_owned()),
        Some(status) => status,
        None if reported.result.get("status").is_some() => Err("its status is not a string".to_owned()),
        None => Err("it has no status".to_owned()),
    };
    let (status, message) = match status {
        Ok(status) => (status, message),
        Err(problem) => {
            let said = message.map(|message| format!("; it says: {message}")).unwrap_or_default();
            (Status::Failed, one_line(&format!("the result is not understood: {problem}{said}")))
        }
    };
    StepOutcome { flow: name(&reported.flow), step: name(&reported.step), status, message }
}

/// `text` on one line, cut to length, safe to show; `None` if nothing is left.
fn one_line(text: &str) -> Option<String> {
    // What will be cut off need not be looked at: a message can be megabytes.
    let words: Vec<_> = clipped(text, 4 * MESSAGE).split_whitespace().collect();
    let line = printable(&words.join(" "));
    let kept = clipped(&line, MESSAGE);
    (!kept.is_empty()).then(|| kept.to_owned())
}

#[cfg(test)]
mod tests;
