//! `patch prune`: what signals that ended long ago have left is taken away.

use super::{handle_signals, sync, tell_notices};
use crate::{
    cli::PruneArgs,
    ledger::state::key_of,
    outcome::Outcome,
    prune::{
        Fate, Item, Place,
        perform::{self, Search},
    },
    report::{Report, words},
    review::{
        forks::{self, Answer},
        waiting::ago,
    },
    text::printable,
    time::Timestamp,
    watch::{Watch, WatchName},
    workspace::{Failure, Workspace},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

/// One item as JSON.
#[derive(Debug, Serialize)]
struct Line<'a> {
    action: &'static str,
    watch: &'a WatchName,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "where")]
    place: Place,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    state: &'static str,
    ended: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

/// Prunes, or tells what would be pruned.
///
/// # Errors
/// When nothing can be done at all; what is wrong with one watch is told, and the others go on.
pub fn run(directory: Option<&Path>, args: &PruneArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let watches = workspace.watches(&[])?;
    let older_than = args
        .older_than
        .map_or(workspace.config.settings.prune_after, |days| Duration::from_hours(u64::from(days) * 24));
    let now = Timestamp::now();
    if args.dry_run {
        let ledger = workspace.ledger_to_read()?;
        let answers = forks::ask(&workspace, &watches, ledger.state(), true);
        let forks: BTreeMap<WatchName, Answer> = watches.iter().map(|watch| watch.name.clone()).zip(answers).collect();
        let outcome = problems(forks.iter(), report);
        let search =
            Search { workspace: &workspace, state: ledger.state(), forks: &forks, now, older_than, may_fetch: false };
        return Ok(outcome.and(Pruning { search, report, dry_run: true }.all(&watches)?));
    }
    workspace.places.create()?;
    handle_signals(report);
    let _lock = workspace.lock_intake()?;
    let mut ledger = workspace.ledger()?;
    // What became of everything since the last look decides what is over.
    let synced = crate::review::sync::run(&workspace, &watches, &mut ledger, true, now);
    tell_notices(&mut ledger, report);
    let mut synced = synced?;
    let mut outcome = sync::tell_all(report, &synced);
    let told: BTreeSet<WatchName> = synced.problems.drain(..).map(|(watch, _)| watch).collect();
    outcome = outcome.and(problems(synced.forks.iter().filter(|(watch, _)| !told.contains(watch)), report));
    outcome = outcome.and(super::promote::by_rule(&workspace, &watches, &mut ledger, &synced, report)?);
    let state = ledger.state();
    let search = Search { workspace: &workspace, state, forks: &synced.forks, now, older_than, may_fetch: true };
    outcome = outcome.and(Pruning { search, report, dry_run: false }.all(&watches)?);
    sync::save(&mut ledger, report);
    Ok(outcome)
}

/// Tells which forks gave no answer: what is theirs is left.
fn problems<'a>(forks: impl Iterator<Item = (&'a WatchName, &'a Answer)>, report: &Report) -> Outcome {
    let mut outcome = Outcome::Done;
    for (watch, answer) in forks {
        if let Answer::Problem(problem) = answer {
            report.problem(watch.as_str(), problem);
            outcome = Outcome::SomeFailed;
        }
    }
    outcome
}

struct Pruning<'a> {
    search: Search<'a>,
    report: &'a Report,
    dry_run: bool,
}

impl Pruning<'_> {
    fn all(&self, watches: &[&Watch]) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::Done;
        for watch in watches {
            let found = self.search.of_watch(watch);
            let done = found.and_then(|items| self.prune(Some(watch), &items));
            outcome = outcome.and(match done {
                Ok(done) => done,
                Err(Failure::Interrupted(signal)) => return Err(Failure::Interrupted(signal)),
                Err(failure) => {
                    self.report.warning(&format!("watch `{}`: pruning stopped; what is left is left", watch.name));
                    self.report.failure(&failure);
                    Outcome::SomeFailed
                }
            });
        }
        match self.search.files() {
            Ok(items) => Ok(outcome.and(self.prune(None, &items)?)),
            Err(error) => {
                let path = self.search.workspace.places.state.display();
                self.report.error(&format!("cannot read the files in {path}: {error}"));
                Ok(Outcome::SomeFailed)
            }
        }
    }

    fn prune(&self, watch: Option<&Watch>, items: &[Item]) -> Result<Outcome, Failure> {
        for item in items.iter().filter(|item| self.dry_run || item.fate != Fate::Remove) {
            self.tell(watch, item, None);
        }
        let mut outcome = Outcome::Done;
        if !self.dry_run {
            perform::remove(self.search.workspace, watch, items, |item, removed| {
                outcome = outcome.and(Outcome::failed_if(removed.is_err()));
                self.tell(watch, item, Some(&removed));
            })?;
        }
        Ok(outcome)
    }

    /// Tells of one item; without a result, what it is to be.
    fn tell(&self, watch: Option<&Watch>, item: &Item, result: Option<&Result<(), String>>) {
        let (action, message) = self.became(item, result);
        if self.report.is_json() {
            self.report.object(&line(action, item, message));
            return;
        }
        let said = self.words(watch, item, action, message);
        if action == "failed" { self.report.answer(&said) } else { self.report.told(&said) }
    }

    /// What became of an item, or is to become of it, and why.
    fn became<'a>(&self, item: &Item, result: Option<&'a Result<(), String>>) -> (&'static str, Option<&'a str>) {
        match (item.fate, result) {
            (Fate::Remove, None) => ("remove", None),
            (Fate::Remove, Some(Ok(()))) => ("removed", None),
            (Fate::Remove, Some(Err(reason))) => ("failed", Some(reason)),
            (Fate::Look, _) if self.dry_run => {
                ("look", Some("unless somebody else has a commit there, which is not here to be looked at"))
            }
            (Fate::Look, _) => ("left", Some("its commit cannot be looked at")),
            (Fate::Foreign, _) => ("left", Some("somebody else has a commit there, or it is not as it was left")),
            (Fate::CheckedOut, _) => ("left", Some("it is checked out")),
        }
    }

    fn words(&self, watch: Option<&Watch>, item: &Item, action: &str, message: Option<&str>) -> String {
        let verb = match action {
            "remove" | "look" => "would remove",
            "failed" => "cannot remove",
            action => action,
        };
        let what = printable(item.name.trim_start_matches("refs/heads/"));
        let place = match (item.place, watch) {
            (Place::Fork, Some(watch)) => format!(" on `{}`", printable(&watch.fork)),
            (Place::Here, _) => " here".to_owned(),
            _ => String::new(),
        };
        let key = item.id.as_deref().map(|id| format!("{} ", words::key(key_of(&item.watch, id)))).unwrap_or_default();
        let since = ago(self.search.now.since(item.at));
        let message = message.map(|message| format!("; {message}")).unwrap_or_default();
        format!("{}: {verb} {what}{place}: {key}{} {since} ago{message}", item.watch, item.state)
    }
}

fn line<'a>(action: &'static str, item: &'a Item, message: Option<&'a str>) -> Line<'a> {
    let is_file = item.place == Place::State;
    Line {
        action,
        watch: &item.watch,
        id: item.id.as_deref(),
        place: item.place,
        reference: Some(item.name.as_str()).filter(|_| !is_file),
        sha: Some(item.object.as_str()).filter(|_| !is_file),
        file: Some(item.name.as_str()).filter(|_| is_file),
        state: item.state,
        ended: item.at,
        message,
    }
}
