//! Intake: look at upstream, tell what is news, and make it durable.
//!
//! Fetches run side by side and never touch the ledger; then one append records everything, and
//! only after it are validators stored.

pub mod check;
pub mod look;
pub mod record;
pub mod sight;

use self::{
    look::{Answers, Glance, Look, Means},
    sight::{Room, Unseen},
};
use crate::{
    fetch::{
        http::Validators,
        queue,
        stored::{self, Occasion},
    },
    ledger::{
        Ledger,
        record::{Problem, Record},
        state::WatchState,
    },
    news::{self, News, Rules, news},
    private,
    review::waiting::Failing,
    signals,
    time::Timestamp,
    watch::{Watch, WatchName},
    workspace::{Failure, Workspace},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    io::Read,
    mem,
    path::Path,
};

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
    /// How it fails, while it does.
    #[serde(default, skip_serializing_if = "Failing::is_over")]
    pub failing: Failing,
}

/// Bytes of answers that are read side by side. What is made of them can cost fifty times as much,
/// and is recorded before the next are read.
const TOGETHER: u64 = 2 << 20;

/// One watch's outcome before it is recorded.
enum Seen {
    /// Its host asked not to be asked before this time.
    Deferred(Timestamp),
    /// The poll's time was up before its turn.
    Late,
    /// It needs more room than there is beside the others.
    Crowded(Answers),
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
/// many requests are done. Where the answers are too many bytes to be read at once, they are read and
/// recorded in several parts; `part` is given all of them but the last, which is returned.
///
/// # Errors
/// When the ledger cannot be written. What is wrong with a single watch is no error: it is told.
pub fn run(
    workspace: &Workspace,
    watches: &[&Watch],
    ledger: &mut Ledger,
    options: Options,
    progress: &(dyn Fn(usize, usize) + Sync),
    part: &mut dyn FnMut(Intake),
) -> Result<Intake, Failure> {
    let means = Means::new(workspace, !options.dry_run, options.now);
    let mut checks = checks_at(&workspace.places.state);
    let order = longest_ago(watches, &checks);
    let glances = look::all(workspace, &means, watches, &order, ledger.state(), progress);
    let sizes: Vec<u64> = glances.iter().map(Glance::bytes).collect();
    let mut waiting = watches.iter().copied().zip(glances);
    let mut parts: VecDeque<Vec<(&Watch, Glance)>> =
        parts(&sizes, TOGETHER).into_iter().map(|count| waiting.by_ref().take(count).collect()).collect();
    let mut intake = Intake::default();
    while let Some(tasks) = parts.pop_front() {
        let crowded = take_in(workspace, &means, ledger, tasks, options, &mut checks, &mut intake)?;
        parts.extend(crowded.into_iter().map(|task| vec![task]));
        if !parts.is_empty() {
            part(mem::take(&mut intake));
        }
    }
    if !options.dry_run {
        keep(workspace, ledger, &checks, &mut intake.warnings);
    }
    Ok(intake)
}

/// Looks at the answers of some watches and records what is news; returns those that have to be
/// looked at by themselves.
fn take_in<'a>(
    workspace: &Workspace,
    means: &Means,
    ledger: &mut Ledger,
    tasks: Vec<(&'a Watch, Glance)>,
    options: Options,
    checks: &mut BTreeMap<WatchName, Check>,
    intake: &mut Intake,
) -> Result<Vec<(&'a Watch, Glance)>, Failure> {
    let settings = &workspace.config.settings;
    let watches: Vec<&Watch> = tasks.iter().map(|(watch, _)| *watch).collect();
    let room = Room::of(watches.len());
    let state = ledger.state();
    let seen = queue::run(
        tasks.into_iter().map(|it| (host(it.0), it)).collect(),
        settings.jobs,
        settings.host_jobs,
        |(watch, glance): (&Watch, Glance)| {
            let unknown = WatchState::default();
            let known = state.watches.get(&watch.name).unwrap_or(&unknown);
            see(workspace, means, watch, glance, known, &room, options)
        },
        |_| {},
    );
    if let Some(signal) = signals::interrupted() {
        // What was cut short is no fault of upstream's, and what was seen will be seen again.
        return Err(Failure::Interrupted(signal));
    }
    let mut validators = Vec::new();
    let mut crowded = Vec::new();
    for (watch, seen) in watches.into_iter().zip(seen) {
        let known = state.watches.get(&watch.name);
        let failing = checks.get(&watch.name).map(|before| before.failing).unwrap_or_default();
        let mut check = Check { at: options.now, deferred_until: None, failing: Failing::default() };
        match seen.unwrap_or_else(|_| Seen::Failed(bug())) {
            Seen::Deferred(until) => {
                check.deferred_until = Some(until);
                check.failing = failing;
            }
            Seen::Late => {
                record::problem(&watch.name, record::late(), known, options.now, intake);
                continue;
            }
            Seen::Crowded(answers) => {
                crowded.push((watch, Glance::Answered(answers)));
                continue;
            }
            Seen::Failed(problem) => {
                check.failing = failing.once_more(options.now);
                check.deferred_until = watch.feed.as_ref().and_then(|url| means.hosts.closed_until(url, options.now));
                record::problem(&watch.name, problem, known, options.now, intake);
            }
            Seen::Found(mut found) => {
                validators.extend(found.validators.take().map(|stored| (watch, stored)));
                record::found(workspace, watch, *found, known, options.now, intake);
            }
        }
        checks.insert(watch.name.clone(), check);
    }
    if !options.dry_run {
        ledger.append(&intake.records)?;
        store(workspace, ledger, validators, &mut intake.warnings);
    }
    Ok(crowded)
}

/// The watches' places, those that were looked at the longest ago first: whom the end of the last
/// poll's time left out is not left out for ever.
fn longest_ago(watches: &[&Watch], checks: &BTreeMap<WatchName, Check>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..watches.len()).collect();
    order.sort_by_key(|place| checks.get(&watches[*place].name).map(|check| check.at));
    order
}

/// How many of the sizes, in their order, make up each part: as many as stay below `most` together,
/// and at least one.
fn parts(sizes: &[u64], most: u64) -> Vec<usize> {
    let mut parts: Vec<(usize, u64)> = Vec::new();
    for size in sizes {
        match parts.last_mut() {
            Some((count, sum)) if *sum + size <= most => {
                *count += 1;
                *sum += size;
            }
            _ => parts.push((1, *size)),
        }
    }
    parts.into_iter().map(|(count, _)| count).collect()
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
    means: &Means,
    watch: &Watch,
    glance: Glance,
    known: &WatchState,
    room: &Room,
    options: Options,
) -> Seen {
    let answers = match glance {
        Glance::Deferred(until) => return Seen::Deferred(until),
        Glance::Late => return Seen::Late,
        Glance::Answered(answers) => answers,
    };
    let mut look = match sight::of(workspace, means, watch, answers.clone(), known, room, options.dry_run) {
        Ok(look) => look,
        Err(Unseen::Crowded) => return Seen::Crowded(answers),
        Err(Unseen::Problem(problem)) => return Seen::Failed(problem),
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
            let (news, is_all) = news::portion(news, &look.sight, news::MOST);
            // News that is left for the next poll has to be shown again.
            let validators = look.validators.take().filter(|validators| is_all && !validators.is_empty());
            // It waits to be recorded with many others.
            look.sight.entries = Vec::new();
            look.sight.tags = None;
            Seen::Found(Box::new(Found { news, look, validators }))
        }
        Err(disbelief) => Seen::Failed(record::disbelieved(disbelief, watch, look.branch.as_deref())),
    }
}

/// Stores what makes the next requests conditional; that it cannot be stored is a warning.
fn store(workspace: &Workspace, ledger: &Ledger, validators: Vec<(&Watch, Validators)>, warnings: &mut Vec<String>) {
    for (watch, stored) in validators {
        let unknown = WatchState::default();
        let known = ledger.state().watches.get(&watch.name).unwrap_or(&unknown);
        let occasion = occasion(watch, known);
        if let Err(error) = stored::store(&workspace.places.cache, &watch.name, occasion, stored) {
            warnings.push(format!("cannot store in {}: {error}", workspace.places.cache.display()));
            break;
        }
    }
}

/// Stores what only saves time; that it cannot be stored is a warning.
fn keep(workspace: &Workspace, ledger: &mut Ledger, checks: &BTreeMap<WatchName, Check>, warnings: &mut Vec<String>) {
    let path = workspace.places.state.join("checks.json");
    if let Err(error) = private::replace_derived(&path, checks) {
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

/// What must be as it was for validators to be used. A later version may read a document otherwise.
#[must_use]
pub fn occasion(watch: &Watch, known: &WatchState) -> Occasion {
    let definition = format!("{} {watch:?}", env!("CARGO_PKG_VERSION"));
    Occasion { definition: crate::refname::hash(&definition), revision: known.revision.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_what_can_be_read_together() {
        #[track_caller]
        fn case(sizes: &[u64], expected: &[usize]) {
            assert_eq!(parts(sizes, 10), expected, "{sizes:?}");
        }
        case(&[], &[]);
        case(&[0, 0, 0], &[3]);
        case(&[10], &[1]);
        case(&[11, 1], &[1, 1]);
        case(&[4, 6, 1, 99, 99, 0, 10], &[2, 1, 1, 1, 2]);
    }
}
