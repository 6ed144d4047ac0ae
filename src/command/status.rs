//! `patch status`: every watch on a line.

use crate::{
    cli::StatusArgs,
    dispatch::plan::{Standing, is_wanted, standing},
    dispatch::result::Status,
    intake::{Check, checks_at, look},
    ledger::{
        record::Problem,
        state::{Newest, State, WatchState},
    },
    outcome::Outcome,
    report::{Report, table::table, words},
    text,
    time::Timestamp,
    watch::{EventKind, Target, Watch, WatchName},
    workspace::{Failure, Workspace},
};
use serde::Serialize;
use std::path::Path;

/// One watch's line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    watch: WatchName,
    source: String,
    event: EventKind,
    dispatch: Vec<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checked_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deferred_until: Option<Timestamp>,
    primed: bool,
    known: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<Newest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
    deliveries: Vec<Waiting>,
}

/// A signal that is not done with a target.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Waiting {
    id: String,
    key: String,
    target: Target,
    standing: &'static str,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Shows the watches.
///
/// # Errors
/// When the configuration or the ledger cannot be read.
pub fn run(directory: Option<&Path>, args: &StatusArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let watches = workspace.watches(&args.names)?;
    let ledger = workspace.ledger_to_read()?;
    let checks = checks_at(&workspace.places.state);
    let now = Timestamp::now();
    let lines: Vec<Line> =
        watches.iter().map(|watch| line(&workspace, watch, ledger.state(), checks.get(&watch.name), now)).collect();
    if report.is_json() {
        for line in &lines {
            report.object(line);
        }
        return Ok(Outcome::Done);
    }
    let rows = lines.iter().map(|line| row(line, now)).collect();
    report.verbatim(&table(&["watch", "looks at", "checked", "newest", "state"], rows));
    Ok(Outcome::Done)
}

fn line(workspace: &Workspace, watch: &Watch, state: &State, check: Option<&Check>, now: Timestamp) -> Line {
    let unknown = WatchState::default();
    let known = state.watches.get(&watch.name).unwrap_or(&unknown);
    let mut signals: Vec<_> = state.open.iter().filter(|(_, signal)| signal.watch == watch.name).collect();
    signals.sort_by_key(|(_, signal)| signal.sequence);
    let mut deliveries = Vec::new();
    for (id, signal) in signals {
        for (target, delivery) in &signal.deliveries {
            let (name, status, retry_at) = match standing(delivery, watch.retries, now) {
                Standing::Done => continue,
                _ if !is_wanted(watch, *target, delivery) => ("unclaimed", None, None),
                Standing::Due => ("due", None, None),
                Standing::Started => ("started", None, None),
                Standing::RetryFrom(from) => ("retrying", Some(Status::Failed), Some(from)),
                Standing::GivenUp => ("given-up", Some(Status::Failed), None),
                Standing::Waiting(status) => ("waiting", Some(status), None),
            };
            deliveries.push(Waiting {
                id: id.clone(),
                key: signal.key.clone(),
                target: *target,
                standing: name,
                attempt: delivery.attempt,
                status,
                retry_at,
                message: delivery.message.clone(),
            });
        }
    }
    Line {
        watch: watch.name.clone(),
        source: look::source(watch, &workspace.config.remotes),
        event: watch.event,
        dispatch: watch.dispatch.clone(),
        checked_at: check.map(|check| check.at),
        deferred_until: check.and_then(|check| check.deferred_until).filter(|until| *until > now),
        primed: known.primed,
        known: known.known.len(),
        newest: known.newest.clone(),
        problem: known.problem.clone(),
        deliveries,
    }
}

fn row(line: &Line, now: Timestamp) -> Vec<String> {
    vec![
        line.watch.to_string(),
        text::printable(&line.source),
        line.checked_at.map_or("never".to_owned(), |at| ago(now, at)),
        line.newest.as_ref().map_or("-".to_owned(), |newest| words::key(&newest.key)),
        state(line, now),
    ]
}

/// What a person should know first, and how much there is of it.
fn state(line: &Line, now: Timestamp) -> String {
    let mut parts = Vec::new();
    if let Some(problem) = &line.problem {
        parts.push(format!("fails: {}", text::printable(&problem.message)));
    }
    let groups = [
        ("given-up", "given up"),
        ("waiting", "waits for a person"),
        ("retrying", "to be tried again"),
        ("started", "running"),
        ("due", "pending"),
        ("unclaimed", "for a target that the watch no longer has"),
    ];
    for (name, words) in groups {
        let waiting: Vec<&Waiting> = line.deliveries.iter().filter(|it| it.standing == name).collect();
        match waiting.as_slice() {
            [] => {}
            [one] => parts.push(format!("{}: {}{}", when(words, one, now), words::key(&one.key), why(one))),
            [one, more @ ..] => {
                parts.push(format!("{}: {} and {} more", when(words, one, now), words::key(&one.key), more.len()));
            }
        }
    }
    if let Some(until) = line.deferred_until {
        parts.push(format!("the host asked to wait {}", words_of(until.since(now).as_secs())));
    }
    if !parts.is_empty() {
        return parts.join("; ");
    }
    if line.primed { "up to date".to_owned() } else { "not polled yet".to_owned() }
}

/// The group's words, with the time of the next attempt.
fn when(words: &str, waiting: &Waiting, now: Timestamp) -> String {
    match waiting.retry_at {
        Some(at) => format!("{words} in {}", words_of(at.since(now).as_secs())),
        None => words.to_owned(),
    }
}

/// What the last run said, where a person has to act on it.
fn why(waiting: &Waiting) -> String {
    let message = waiting.message.as_deref().filter(|_| matches!(waiting.standing, "waiting" | "given-up"));
    message.map(|message| format!(": {}", text::printable(text::clipped(message, 60)))).unwrap_or_default()
}

fn ago(now: Timestamp, at: Timestamp) -> String {
    match now.since(at).as_secs() {
        0..=4 => "just now".to_owned(),
        seconds => format!("{} ago", words_of(seconds)),
    }
}

fn words_of(seconds: u64) -> String {
    match seconds {
        0..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}min", seconds / 60),
        3600..=172_799 => format!("{}h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
