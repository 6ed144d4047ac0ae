//! What a look at a watch becomes in the ledger.

use super::{Found, Intake};
use crate::{
    event::{Change, Occurrence, event, event_id},
    intake::look::{self, Look},
    ledger::{
        record::{Body, Gap, Primed, Problem, Record, Signal, Skipped, WatchError},
        state::{UNUSABLE, WatchState},
    },
    news::{self, Disbelief, News},
    time::Timestamp,
    watch::{EventKind, Watch, WatchName},
    workspace::Workspace,
};
use std::collections::BTreeMap;

/// The problem that a sight is which is not believed.
pub(super) fn disbelieved(disbelief: Disbelief, watch: &Watch, branch: Option<&str>) -> Problem {
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

/// The problem of a watch that was not asked.
#[must_use]
pub fn late() -> Problem {
    Problem {
        kind: "late".to_owned(),
        message: "the poll's time was up before its turn, and it was not asked".to_owned(),
        hint: Some("it is among the first at the next poll; `patch.pollTimeout` allows more time (seconds)".to_owned()),
    }
}

/// Records what was found, and that the watch works again if it failed.
pub(super) fn found(
    workspace: &Workspace,
    watch: &Watch,
    found: Found,
    known: Option<&WatchState>,
    now: Timestamp,
    intake: &mut Intake,
) {
    if known.is_some_and(|known| known.problem.is_some()) {
        let recovered = WatchError { watch: watch.name.clone(), error: None };
        intake.records.push(Record::new(now, Body::WatchError(recovered)));
    }
    let mut left_out = Vec::new();
    for news in found.news {
        let vanished = matches!(&news, News::Changed { change: Change::Gone, .. }) && found.look.sight.head.is_none();
        if let News::Skipped { reason: "unusable", message, key, .. } = &news {
            let label = key.strip_prefix(UNUSABLE).unwrap_or(key);
            left_out.push(format!("{label}: {}", message.as_deref().unwrap_or_default()));
        }
        intake.records.push(Record::new(now, body(&workspace.config.remotes, watch, &found.look, news, now)));
        if vanished && watch.event == EventKind::Branch {
            let missing = disbelieved(Disbelief::MissingBranch, watch, found.look.branch.as_deref());
            problem(&watch.name, missing, known, now, intake);
        }
    }
    if let Some(first) = left_out.first() {
        let message = match left_out.len() {
            1 => format!("an entry was left out: {first}"),
            count => format!("{count} entries were left out, the first: {first}"),
        };
        let hint = Some(format!("it is told once; see them with `patch watch check {}`", watch.name));
        intake.problems.push((watch.name.clone(), Problem { kind: "unusable".to_owned(), message, hint }));
    }
}

/// Tells a problem, and records it if it is another than before.
pub(super) fn problem(
    name: &WatchName,
    problem: Problem,
    known: Option<&WatchState>,
    now: Timestamp,
    intake: &mut Intake,
) {
    let before = known.and_then(|known| known.problem.as_ref());
    if before.is_none_or(|before| before.kind != problem.kind) {
        let error = WatchError { watch: name.clone(), error: Some(problem.clone()) };
        intake.records.push(Record::new(now, Body::WatchError(error)));
    }
    intake.problems.push((name.clone(), problem));
}

/// One piece of news as the ledger has it.
pub(crate) fn body(remotes: &BTreeMap<String, String>, watch: &Watch, look: &Look, news: News, now: Timestamp) -> Body {
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
            let repository = look::repository(watch, remotes);
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
                targets: watch.targets(change),
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

/// The problem with a look that shows no branch, or nothing where there was something.
#[must_use]
pub fn doubt(watch: &Watch, look: &Look, known: &WatchState) -> Option<Problem> {
    let disbelief = news::doubt(&look.sight, watch.event, known)?;
    Some(disbelieved(disbelief, watch, look.branch.as_deref()))
}
