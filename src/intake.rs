//! Intake: look at upstream, tell what is news, and make it durable.
//!
//! Fetches run side by side and never touch the ledger; then one append records everything, and
//! only after it are validators stored.

pub mod look;
pub mod sight;

use self::look::{Glance, Look};
use crate::{
    event::{Change, Occurrence, event, event_id},
    fetch::{
        hosts::Hosts,
        http::{Client, Validators},
        queue,
        stored::{self, Occasion},
    },
    ledger::{
        Ledger,
        record::{Body, Gap, Primed, Problem, Record, Signal, Skipped, WatchError},
        state::{UNUSABLE, WatchState},
    },
    news::{Disbelief, News, Rules, news},
    private,
    time::Timestamp,
    watch::{EventKind, Watch, WatchName},
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
pub struct Check {
    /// When.
    pub at: Timestamp,
    /// Until when its host asked not to be asked again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deferred_until: Option<Timestamp>,
}

/// One watch's outcome before it is recorded.
struct Seen<'a> {
    watch: &'a Watch,
    outcome: Result<Found, Problem>,
    validators: Option<Validators>,
    deferred_until: Option<Timestamp>,
}

struct Found {
    news: Vec<News>,
    look: Look,
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
    let tasks = watches.iter().copied().zip(glances).map(|it| (String::new(), it)).collect();
    let names: Vec<&WatchName> = watches.iter().map(|watch| &watch.name).collect();
    let seen = queue::run(
        tasks,
        settings.jobs,
        settings.jobs,
        |(watch, glance): (&Watch, Glance)| {
            let unknown = WatchState::default();
            let known = state.watches.get(&watch.name).unwrap_or(&unknown);
            see(workspace, &client, watch, glance, known, options)
        },
        |_| {},
    );
    let mut intake = Intake::default();
    let mut checks = BTreeMap::new();
    let mut validators = Vec::new();
    for (name, seen) in names.into_iter().zip(seen) {
        let known = state.watches.get(name);
        let Ok(seen) = seen else {
            checks.insert(name.clone(), Check { at: options.now, deferred_until: None });
            problem(name, bug(), known, options.now, &mut intake);
            continue;
        };
        checks.insert(name.clone(), Check { at: options.now, deferred_until: seen.deferred_until });
        let healthy = seen.outcome.is_ok();
        record(workspace, seen.watch, seen.outcome, known, options.now, &mut intake);
        if let Some(stored) = seen.validators.filter(|validators| healthy && !validators.is_empty()) {
            validators.push((seen.watch, stored));
        }
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

/// What of a glance is news.
fn see<'a>(
    workspace: &Workspace,
    client: &Client,
    watch: &'a Watch,
    glance: Glance,
    known: &WatchState,
    options: Options,
) -> Seen<'a> {
    if let Glance::Deferred(until) = glance {
        let found = Found { news: Vec::new(), look: Look::default() };
        return Seen { watch, outcome: Ok(found), validators: None, deferred_until: Some(until) };
    }
    let mut validators = None;
    let outcome = sight::of(workspace, client, watch, glance, known, options.dry_run).and_then(|mut look| {
        validators = look.validators.take();
        let rules = Rules {
            watch: &watch.name,
            event: watch.event,
            filter: &watch.filter,
            branch: look.branch.as_deref(),
            backfill: options.backfill,
        };
        match news(&look.sight, rules, known) {
            Ok(news) => Ok(Found { news, look }),
            Err(disbelief) => Err(disbelieved(disbelief, watch, look.branch.as_deref())),
        }
    });
    Seen { watch, outcome, validators, deferred_until: None }
}

/// The problem with a look that shows no branch, or nothing where there was something.
#[must_use]
pub fn doubt(watch: &Watch, look: &Look, known: &WatchState) -> Option<Problem> {
    let disbelief = if watch.event == EventKind::Branch && look.sight.head.is_none() {
        Disbelief::MissingBranch
    } else if look.sight.entries.is_empty() && known.has_entries() {
        Disbelief::Vanished
    } else {
        return None;
    };
    Some(disbelieved(disbelief, watch, look.branch.as_deref()))
}

fn disbelieved(disbelief: Disbelief, watch: &Watch, branch: Option<&str>) -> Problem {
    let (kind, message, hint) = match disbelief {
        Disbelief::Vanished => (
            "vanished",
            "upstream shows no entries at all, where there were some".to_owned(),
            format!("nothing known was changed; see what it shows with `patch watch check {}`", watch.name),
        ),
        Disbelief::MissingBranch => (
            "missing-branch",
            format!("upstream has no branch `{}`", branch.unwrap_or("HEAD")),
            format!("name one that it has: `git config watch.{}.branch BRANCH`", watch.name),
        ),
    };
    Problem { kind: kind.to_owned(), message, hint: Some(hint) }
}

/// The records of one watch's outcome.
fn record(
    workspace: &Workspace,
    watch: &Watch,
    outcome: Result<Found, Problem>,
    known: Option<&WatchState>,
    now: Timestamp,
    intake: &mut Intake,
) {
    let found = match outcome {
        Ok(found) => found,
        Err(found) => return problem(&watch.name, found, known, now, intake),
    };
    let is_deferred = found.look.sight.source.is_empty();
    if !is_deferred && known.is_some_and(|known| known.problem.is_some()) {
        let recovered = WatchError { watch: watch.name.clone(), error: None };
        intake.records.push(Record::new(now, Body::WatchError(recovered)));
    }
    for news in found.news {
        let vanished = matches!(&news, News::Changed { change: Change::Gone, .. }) && found.look.sight.head.is_none();
        if let News::Skipped { reason: "unusable", message, key, .. } = &news {
            let label = key.strip_prefix(UNUSABLE).unwrap_or(key);
            let message = format!("an entry was left out: {label}: {}", message.as_deref().unwrap_or_default());
            let hint = Some("it is told once; see it with `patch watch check`".to_owned());
            intake.problems.push((watch.name.clone(), Problem { kind: "unusable".to_owned(), message, hint }));
        }
        intake.records.push(Record::new(now, body(workspace, watch, &found.look, news, now)));
        if vanished && watch.event == EventKind::Branch {
            let missing = disbelieved(Disbelief::MissingBranch, watch, found.look.branch.as_deref());
            problem(&watch.name, missing, known, now, intake);
        }
    }
}

/// Tells a problem, and records it if it is another than before.
fn problem(name: &WatchName, problem: Problem, known: Option<&WatchState>, now: Timestamp, intake: &mut Intake) {
    let before = known.and_then(|known| known.problem.as_ref());
    if before.is_none_or(|before| before.kind != problem.kind) {
        let error = WatchError { watch: name.clone(), error: Some(problem.clone()) };
        intake.records.push(Record::new(now, Body::WatchError(error)));
    }
    intake.problems.push((name.clone(), problem));
}

fn body(workspace: &Workspace, watch: &Watch, look: &Look, news: News, now: Timestamp) -> Body {
    let head = |is_head: bool| look.sight.head.clone().filter(|_| is_head);
    let name = watch.name.clone();
    match news {
        News::Primed { reason, entries } => Body::Primed(Primed {
            watch: name,
            reason,
            source: look.sight.source.clone(),
            entries,
            head: look.sight.head.clone(),
        }),
        News::Changed { change, key, entry, previous, is_head } => {
            let repository = look::repository(watch, &workspace.config.remotes);
            let told = Occurrence {
                entry: &entry,
                key: &key,
                change,
                previous: previous.as_deref(),
                branch: look.branch.as_deref(),
                at: now,
            };
            let event = event(watch, repository.as_ref(), told);
            Body::Signal(Box::new(Signal {
                id: event_id(&name, &key, watch.event),
                watch: name,
                change,
                previous,
                head: head(is_head),
                targets: if change == Change::Gone { Vec::new() } else { watch.dispatch.clone() },
                event,
                entry: *entry,
            }))
        }
        News::Skipped { key, sha, reason, message, is_head } => Body::Skipped(Skipped {
            watch: name,
            key,
            sha,
            reason: reason.to_owned(),
            id: None,
            by: None,
            message,
            head: head(is_head),
        }),
        News::Gap { oldest } => Body::Gap(Gap {
            watch: name,
            message: format!("upstream shows nothing that was known; entries before {oldest} may have been missed"),
            oldest,
        }),
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
    Occasion {
        url: watch.feed.as_ref().map(|url| crate::refname::hash(url.as_str())).unwrap_or_default(),
        definition: crate::refname::hash(&format!("{watch:?}")),
        revision: known.revision.clone(),
    }
}
