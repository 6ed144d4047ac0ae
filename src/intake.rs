//! Intake: look at upstream, tell what is news, and make it durable.
//!
//! Fetches run side by side and never touch the ledger; then one append records everything, and
//! only after it are validators stored.

pub mod look;
pub mod record;
pub mod sight;

use self::look::{Glance, Look};
use crate::{
    fetch::{
        hosts::Hosts,
        http::{Client, Validators},
        queue,
        stored::{self, Occasion},
    },
    ledger::{
        Ledger,
        record::{Problem, Record},
        state::WatchState,
    },
    news::{News, Rules, news},
    private, signals,
    time::Timestamp,
    watch::{Watch, WatchName},
    workspace::{Failure, Workspace},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, io::Read, path::Path};

/// How an intake is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many entries of a first sight are news.
    pub backfill: usize,
    /// Whether nothing is to be written.
    pub dry_run: bool,
    /// The time of this poll.
    pub now: Timestamp,
}

/// What an intake brought.
#[derive(Debug, Default)]
pub struct Intake {
    /// What was recorded, or in a dry run would have been.
    pub records: Vec<Record>,
    /// What is wrong with which watch now.
    pub problems: Vec<(WatchName, Problem)>,
    /// What went wrong beside the watches, and costs nothing but time.
    pub warnings: Vec<String>,
}

/// The last look at a watch, for `patch status`; not part of the ledger, which grows with news only.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// When.
    pub at: Timestamp,
    /// Until when its host asked not to be asked again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deferred_until: Option<Timestamp>,
}

/// One watch's outcome before it is recorded.
enum Seen {
    /// Its host asked not to be asked before this time.
    Deferred(Timestamp),
    /// It was looked at.
    Found(Box<Found>),
    /// It could not be looked at, or what was seen is not believed.
    Failed(Problem),
}

/// What a look at a watch found.
struct Found {
    news: Vec<News>,
    look: Look,
    validators: Option<Validators>,
}

/// Looks at every one of `watches` and records what is news.
///
/// The caller holds the intake lock, unless this is a dry run. `progress` is told how many of how
/// many requests are done.
///
/// # Errors
/// When the ledger cannot be written. What is wrong with a single watch is no error: it is told.
pub fn run(
    workspace: &Workspace,
    watches: &[&Watch],
    ledger: &mut Ledger,
    options: Options,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Intake, Failure> {
    let client = Client::new();
    let hosts = workspace.places.hosts.clone();
    let hosts = if options.dry_run { Hosts::read_only(hosts) } else { Hosts::new(hosts) };
    let glances = look::all(workspace, &client, &hosts, watches, ledger.state(), options.now, progress);
    let settings = &workspace.config.settings;
    let state = ledger.state();
    let tasks = watches.iter().copied().zip(glances).map(|it| (host(it.0), it)).collect();
    let seen = queue::run(
        tasks,
        settings.jobs,
        settings.host_jobs,
        |(watch, glance): (&Watch, Glance)| {
            let unknown = WatchState::default();
            let known = state.watches.get(&watch.name).unwrap_or(&unknown);
            see(workspace, &client, &hosts, watch, glance, known, options)
        },
        |_| {},
    );
    if let Some(signal) = signals::interrupted() {
        // What was cut short is no fault of upstream's, and what was seen will be seen again.
        return Err(Failure::Interrupted(signal));
    }
    let mut intake = Intake::default();
    let mut checks = BTreeMap::new();
    let mut validators = Vec::new();
    for (watch, seen) in watches.iter().copied().zip(seen) {
        let known = state.watches.get(&watch.name);
        let mut check = Check { at: options.now, deferred_until: None };
        match seen.unwrap_or_else(|_| Seen::Failed(bug())) {
            Seen::Deferred(until) => check.deferred_until = Some(until),
            Seen::Failed(problem) => {
                check.deferred_until = watch.feed.as_ref().and_then(|url| hosts.closed_until(url, options.now));
                record::problem(&watch.name, problem, known, options.now, &mut intake);
            }
            Seen::Found(mut found) => {
                validators.extend(found.validators.take().map(|stored| (watch, stored)));
                record::found(workspace, watch, *found, known, options.now, &mut intake);
            }
        }
        checks.insert(watch.name.clone(), check);
    }
    if !options.dry_run {
        ledger.append(&intake.records)?;
        keep(workspace, ledger, &checks, validators, &mut intake.warnings);
    }
    Ok(intake)
}

fn bug() -> Problem {
    Problem {
        kind: "internal".to_owned(),
        message: "an internal error in `patch`; the other watches went on".to_owned(),
        hint: Some("please report it with the upstream's document, if it is public".to_owned()),
    }
}

/// The host that older pages would be asked of.
fn host(watch: &Watch) -> String {
    watch.feed.as_ref().and_then(|url| url.host_str()).unwrap_or_default().to_owned()
}

/// What of a glance is news.
fn see(
    workspace: &Workspace,
    client: &Client,
    hosts: &Hosts,
    watch: &Watch,
    glance: Glance,
    known: &WatchState,
    options: Options,
) -> Seen {
    let answers = match glance {
        Glance::Deferred(until) => return Seen::Deferred(until),
        Glance::Answered(answers) => answers,
    };
    let mut look = match sight::of(workspace, client, hosts, watch, answers, known, options) {
        Ok(look) => look,
        Err(problem) => return Seen::Failed(problem),
    };
    let rules = Rules {
        watch: &watch.name,
        event: watch.event,
        filter: &watch.filter,
        branch: look.branch.as_deref(),
        backfill: options.backfill,
    };
    match news(&look.sight, rules, known) {
        Ok(news) => {
            let validators = look.validators.take().filter(|validators| !validators.is_empty());
            Seen::Found(Box::new(Found { news, look, validators }))
        }
        Err(disbelief) => Seen::Failed(record::disbelieved(disbelief, watch, look.branch.as_deref())),
    }
}

/// Stores what only saves time; that it cannot be stored is a warning.
fn keep(
    workspace: &Workspace,
    ledger: &mut Ledger,
    checks: &BTreeMap<WatchName, Check>,
    validators: Vec<(&Watch, Validators)>,
    warnings: &mut Vec<String>,
) {
    for (watch, stored) in validators {
        let unknown = WatchState::default();
        let known = ledger.state().watches.get(&watch.name).unwrap_or(&unknown);
        let occasion = occasion(watch, known);
        if let Err(error) = stored::store(&workspace.places.cache, &watch.name, occasion, stored) {
            warnings.push(format!("cannot store in {}: {error}", workspace.places.cache.display()));
            break;
        }
    }
    let path = workspace.places.state.join("checks.json");
    let mut all = checks_at(&workspace.places.state);
    all.extend(checks.clone());
    if let Err(error) = private::replace_derived(&path, &all) {
        warnings.push(format!("cannot write {}: {error}", path.display()));
    }
    if let Err(error) = ledger.save_index() {
        warnings.push(error.to_string());
    }
}

/// When each watch was last looked at.
#[must_use]
pub fn checks_at(state_dir: &Path) -> BTreeMap<WatchName, Check> {
    let read = || {
        let mut text = Vec::new();
        private::open_read(&state_dir.join("checks.json")).ok()??.read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    };
    read().unwrap_or_default()
}

/// What must be as it was for validators to be used.
#[must_use]
pub fn occasion(watch: &Watch, known: &WatchState) -> Occasion {
    Occasion { definition: crate::refname::hash(&format!("{watch:?}")), revision: known.revision.clone() }
}
