//! Notices: what waits for a person and was not told yet, a pure function of the configuration, the
//! ledger, and how the watches fail. [`tell`] tells them to `patch.notify`.

mod document;
pub mod tell;

use crate::{
    config::Config,
    dispatch::{
        plan::{Standing, is_wanted, standing},
        result::Status,
    },
    event::Change,
    ledger::{
        record::{Notice, NoticeReason},
        state::{Delivery, Seen, Stage, State, UnderReview},
    },
    report::words,
    review::{
        state::ReviewState,
        waiting::{Failing, Waiting, What, waiting},
    },
    text::{clipped, printable},
    time::Timestamp,
    watch::{Target, WatchName},
};
use std::collections::BTreeMap;

/// The longest message of a notice, in bytes.
const MESSAGE: usize = 1000;

/// Something that is to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Untold {
    /// What is recorded once it is told.
    pub notice: Notice,
    /// What waits.
    pub waiting: Waiting,
}

/// Why a person is wanted, what exactly it is about, and what is said of it.
struct Why {
    reason: NoticeReason,
    about: String,
    said: String,
}

/// What is to be told now, in the order in which `patch status` shows it.
#[must_use]
pub fn untold(config: &Config, state: &State, failing: &BTreeMap<WatchName, Failing>, now: Timestamp) -> Vec<Untold> {
    let all = waiting(config, state, failing, now).into_iter();
    let all =
        all.flat_map(|it| reasons(config, state, failing, &it, now).into_iter().map(move |why| (it.clone(), why)));
    all.map(|(waiting, why)| Untold { notice: notice(&waiting, why), waiting })
        .filter(|untold| !state.is_told(&untold.notice))
        .collect()
}

fn notice(waiting: &Waiting, why: Why) -> Notice {
    Notice {
        watch: waiting.watch.clone(),
        id: waiting.id.clone(),
        reason: why.reason,
        about: why.about,
        message: clipped(&format!("{}: {}", waiting.watch, why.said), MESSAGE).to_owned(),
    }
}

fn reasons(
    config: &Config,
    state: &State,
    failing: &BTreeMap<WatchName, Failing>,
    waiting: &Waiting,
    now: Timestamp,
) -> Vec<Why> {
    if let What::Broken(_) = waiting.what {
        let failing = failing.get(&waiting.watch).copied().unwrap_or_default();
        return broken(waiting, failing, config.settings.notify_after).into_iter().collect();
    }
    let Some((id, review)) = waiting.id.as_ref().and_then(|id| Some((id, state.review(id)?))) else {
        return Vec::new();
    };
    let mut reasons = Vec::new();
    // An alarm is told at once, whoever else is handed the signal meanwhile.
    if review.change == Change::Moved {
        reasons.push(moved(&waiting.key));
    }
    match waiting.what {
        What::Signal(ReviewState::NeedsIntervention) if !is_asked_for(state, id) => {
            reasons.push(intervention(state, id, review, waiting));
        }
        What::Signal(ReviewState::Failed) => reasons.extend(failed(config, state, id, waiting, now)),
        What::Signal(ReviewState::Unacknowledged) => reasons.push(overdue(review, waiting)),
        What::Signal(_) | What::Moved | What::Broken(_) => {}
    }
    reasons
}

/// A watch that fails for long enough is told once until it works again.
fn broken(waiting: &Waiting, failing: Failing, after: u32) -> Option<Why> {
    let since = failing.since.filter(|_| failing.polls >= after)?;
    let polls = words::counted(usize::try_from(failing.polls).unwrap_or(usize::MAX), "poll", "polls in a row");
    Some(Why {
        reason: NoticeReason::WatchBroken,
        about: since.to_string(),
        said: format!("it fails for {polls}: {}", waiting.why),
    })
}

/// The key of a moved tag has its new commit: another move has another id.
fn moved(key: &str) -> Why {
    let tag = key.rsplit_once('@').map_or(key, |(tag, _)| tag);
    Why {
        reason: NoticeReason::Moved,
        about: key.to_owned(),
        said: format!("tag {} was moved: was it replaced on purpose?", words::key(tag)),
    }
}

/// Another branch, or another commit that a run left there, is another decision. What a person then does
/// to the branch is none.
fn intervention(state: &State, id: &str, review: &UnderReview, waiting: &Waiting) -> Why {
    let made = review.intervention.as_ref().and_then(|made| Some(place(&made.reference, made.sha.as_ref()?)));
    let seen = || waiting.seen.as_ref().map(|Seen { reference, sha }| place(reference, sha));
    let attempt_of = || {
        let asking = Stage::Ended(Status::NeedsIntervention);
        deliveries(state, id).find(|(_, delivery)| delivery.stage == asking).map(attempt)
    };
    Why {
        reason: NoticeReason::Intervention,
        about: made.or_else(seen).or_else(attempt_of).unwrap_or_default(),
        said: format!("{} needs a person: {}", words::key(&waiting.key), waiting.why),
    }
}

/// Whether a person has asked for another attempt already, which is not made yet.
fn is_asked_for(state: &State, id: &str) -> bool {
    let is_asked_for = |it: &Delivery| it.requested && matches!(it.stage, Stage::Pending | Stage::Started);
    deliveries(state, id).any(|(_, delivery)| is_asked_for(delivery))
}

fn place(reference: &str, sha: &str) -> String {
    format!("{reference}@{sha}")
}

/// One for each target that is stuck: after a retry, the number of its last attempt is another.
fn failed(config: &Config, state: &State, id: &str, waiting: &Waiting, now: Timestamp) -> Vec<Why> {
    let Some(watch) = config.watches.iter().find(|watch| watch.name == waiting.watch) else { return Vec::new() };
    let wanted = deliveries(state, id).filter(|(target, delivery)| is_wanted(watch, **target, delivery));
    let reason = |(target, delivery): (&Target, &Delivery)| {
        let how = match standing(delivery, watch.retries, now) {
            Standing::GivenUp => "given up".to_owned(),
            Standing::Waiting(status @ (Status::Blocked | Status::Unmatched)) => status.to_string(),
            _ => return None,
        };
        let message = delivery.message.as_deref().map(|said| format!(": {}", printable(said))).unwrap_or_default();
        Some(Why {
            reason: NoticeReason::Failed,
            about: attempt((target, delivery)),
            said: format!("{} -> {target}: {how}{message}", words::key(&waiting.key)),
        })
    };
    wanted.filter_map(reason).collect()
}

/// A trigger branch that is pushed once more has all its time again.
fn overdue(review: &UnderReview, waiting: &Waiting) -> Why {
    let pushed = review.trigger.as_ref();
    Why {
        reason: NoticeReason::Overdue,
        about: pushed.map(|it| format!("{} {}", place(&it.reference, &it.sha), it.at)).unwrap_or_default(),
        said: format!("{} is unacknowledged: {}", words::key(&waiting.key), waiting.why),
    }
}

fn deliveries<'a>(state: &'a State, id: &str) -> impl Iterator<Item = (&'a Target, &'a Delivery)> {
    state.open.get(id).into_iter().flat_map(|open| &open.deliveries)
}

fn attempt((target, delivery): (&Target, &Delivery)) -> String {
    format!("{target}#{}", delivery.attempt)
}

#[cfg(test)]
mod tests;
