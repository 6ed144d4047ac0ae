//! `patch show`: one signal with everything that became of it.

use super::select;
use crate::{
    carry,
    cli::ShowArgs,
    ledger::record::{Body, Record, Run, Signal, VERSION},
    outcome::Outcome,
    private,
    report::{Report, Style, evidence, review, words},
    text,
    watch::{Target, WatchName},
    workspace::{Failure, Workspace},
};
use serde::Serialize;
use std::{
    io::Read,
    path::{Path, PathBuf},
};

/// Shows a signal.
///
/// # Errors
/// When there is no such signal, or the ledger cannot be read.
pub fn run(directory: Option<&Path>, args: &ShowArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let lines = workspace.lines()?;
    let mentions = lines.mentions(&args.id)?;
    let id = select::id_of_any(&mentions, &args.id)?;
    let mut history = lines.records(mentions.iter().filter(|mention| mention.id == id))?;
    history.retain(|record| record.id() == Some(&id));
    let state = &workspace.places.state;
    if report.is_json() {
        for record in &history {
            report.verbatim(&record.line());
            if let Body::Run(run) = &record.body
                && let Some(carried) = carried(state, run)
            {
                report.object(&Carried {
                    v: VERSION,
                    kind: "report",
                    watch: &run.watch,
                    id: &run.id,
                    target: run.target,
                    attempt: run.attempt,
                    report: carried,
                });
            }
        }
        return Ok(Outcome::Done);
    }
    let runs = history.iter().filter_map(|record| match &record.body {
        Body::Run(run) => Some(&**run),
        _ => None,
    });
    if !args.log {
        tell(report, state, &id, &history);
    }
    for run in runs {
        // The report says all that the output does.
        if args.log || carried(state, run).is_none() {
            output(report, state, run);
        }
    }
    Ok(Outcome::Done)
}

/// A line of the JSON answer behind a run: the report that it left.
#[derive(Serialize)]
struct Carried<'a> {
    v: u32,
    kind: &'static str,
    watch: &'a WatchName,
    id: &'a str,
    target: Target,
    attempt: u32,
    report: carry::report::Report,
}

/// The report that a run left in full, if it did and it can be read.
#[must_use]
pub fn carried(state: &Path, run: &Run) -> Option<carry::report::Report> {
    let file = state.join(run.report.as_deref()?);
    serde_json::from_reader(private::open_read(&file).ok()??).ok()
}

fn tell(report: &Report, state: &Path, id: &str, history: &[Record]) {
    report.answer(&report.paint().styled(Style::Name, &text::printable(id)));
    // A candidate that somebody made by hand has none.
    if let Some(signal) = select::signals(history).first() {
        describe(report, signal);
    }
    for record in history {
        let at = report.paint().styled(Style::Faint, &record.at.to_string());
        match &record.body {
            Body::Review(review) => told(report, &at, &evidence::review(report.paint(), review)),
            Body::Promotion(promotion) => told(report, &at, &evidence::promotion(report.paint(), promotion)),
            Body::Notice(notice) => told(report, &at, &[evidence::notice(notice)]),
            Body::Dispatch(dispatch) => {
                report.answer(&format!("  {at}  attempt {} of {} begins", dispatch.attempt, dispatch.target));
            }
            Body::Run(run) => ended(report, state, &at, run),
            Body::Request(request) => {
                report.answer(&format!("  {at}  a person asked for a {}", request.action.as_str()));
            }
            Body::Skipped(skipped) => report.answer(&format!(
                "  {at}  {} by {}",
                text::printable(&skipped.reason),
                text::printable(skipped.by.as_deref().unwrap_or_default())
            )),
            _ => {}
        }
    }
}

fn describe(report: &Report, signal: &Signal) {
    let entry = &signal.entry;
    let fields = [
        ("change", Some(signal.change.as_str().to_owned())),
        ("title", entry.title.clone()),
        ("tag", entry.tag.clone()),
        ("commit", entry.sha.clone()),
        ("before", signal.previous.clone()),
        ("url", entry.url.clone()),
        ("author", entry.author.clone()),
        ("published", entry.published_at.map(|at| at.to_string())),
        ("seen", Some(signal.event.received_at.to_string())),
        ("for", Some(signal.targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))),
    ];
    for (name, value) in fields {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            report.answer(&format!("  {name:<10}{}", text::printable(&value)));
        }
    }
}

/// What a record says, with more of it on lines below.
fn told(report: &Report, at: &str, lines: &[String]) {
    for (index, line) in lines.iter().enumerate() {
        report.answer(&if index == 0 { format!("  {at}  {line}") } else { format!("      {line}") });
    }
}

fn ended(report: &Report, state: &Path, at: &str, run: &Run) {
    let status = report.paint().styled(words::style(run.status), &run.status.to_string());
    let message = run.message.as_deref().map(|message| format!(": {}", text::printable(message))).unwrap_or_default();
    // A message that is the exit itself says it already.
    let exit = run.exit.as_deref().filter(|exit| run.message.as_deref() != Some(exit));
    let exit = exit.map(|exit| format!(", {exit}")).unwrap_or_default();
    let seconds = run.duration_ms / 1000;
    let millis = run.duration_ms % 1000;
    report.answer(&format!(
        "  {at}  attempt {} of {} {status}{message} ({seconds}.{millis:03} s{exit})",
        run.attempt, run.target
    ));
    if let Some(carried) = carried(state, run) {
        for line in review::lines(&carried) {
            report.answer(&format!("      {line}"));
        }
        return;
    }
    for step in &run.steps {
        let message = step.message.as_deref().map(|message| format!(": {}", text::printable(message)));
        report.answer(&format!(
            "      {} / {}  {}{}",
            text::printable(step.flow.as_deref().unwrap_or("-")),
            text::printable(step.step.as_deref().unwrap_or("-")),
            step.status,
            message.unwrap_or_default()
        ));
    }
    let pushed = run.reference.as_deref().zip(run.sha.as_deref());
    if let Some((reference, sha)) = pushed {
        report.answer(&format!("      {} = {}", text::printable(reference), text::printable(sha)));
    }
    for candidate in &run.candidates {
        report.answer(&format!("      candidate {}", text::printable(candidate.reference.as_deref().unwrap_or("-"))));
    }
}

/// What a run printed, line by line and made safe: it may repeat what strangers wrote.
fn output(report: &Report, state: &Path, run: &Run) {
    let Some(log) = run.log.as_deref().map(PathBuf::from) else { return };
    let mut text = Vec::new();
    let read = private::open_read(&state.join(log)).ok().flatten().map(|mut file| file.read_to_end(&mut text));
    if !matches!(read, Some(Ok(_))) {
        return;
    }
    report
        .answer(&report.paint().styled(Style::Name, &format!("output of attempt {} of {}:", run.attempt, run.target)));
    for line in String::from_utf8_lossy(&text).lines() {
        let line = line.split('\t').map(text::printable).collect::<Vec<_>>().join("\t");
        report.answer(&format!("  {line}"));
    }
}
