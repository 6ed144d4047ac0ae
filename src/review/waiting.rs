//! Who has to act next, on what, and how: a pure function of the configuration and the ledger.
//!
//! `patch status`, the report page, the metrics and the notices show the same list.

use super::{
    judge::{Judged, Sight, Situation, judge},
    state::{Evidence, ReviewState},
};
use crate::{
    channel::{Channel, Promote},
    config::Config,
    dispatch::plan::is_wanted,
    event::Change,
    ledger::state::{OpenSignal, Seen, State, UnderReview, key_of},
    refname,
    text::{printable, shell_word},
    time::Timestamp,
    watch::{Watch, WatchName},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// Who has to act next, in the order in which that is shown.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// A person.
    Person,
    /// Whoever was handed a trigger branch.
    Forge,
    /// The next poll, or a run that goes on.
    Machine,
}

impl Actor {
    /// All of them, in that order.
    pub const ALL: [Self; 3] = [Self::Person, Self::Forge, Self::Machine];

    /// Who has to act on a signal in this state, of which more is expected.
    #[must_use]
    pub fn on(state: ReviewState) -> Self {
        match state {
            state if state.waits_for_a_person() => Self::Person,
            ReviewState::Dispatched => Self::Forge,
            _ => Self::Machine,
        }
    }

    /// As records spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Forge => "forge",
            Self::Machine => "machine",
        }
    }
}

/// What something that waits is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A signal in this state.
    Signal(ReviewState),
    /// A tag that was moved: an alarm.
    Moved,
    /// A watch that fails, by the kind of its problem.
    Broken(String),
}

impl What {
    /// One word for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Signal(state) => state.as_str(),
            Self::Moved => "moved",
            Self::Broken(_) => "broken",
        }
    }
}

/// Something of which more is expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Who has to act.
    pub actor: Actor,
    /// The watch.
    pub watch: WatchName,
    /// The signal's id; `None` where the watch itself fails.
    pub id: Option<String>,
    /// The signal's key; empty where the watch itself fails.
    pub key: String,
    /// What it is.
    pub what: What,
    /// Since when, as far as that is known.
    pub since: Option<Timestamp>,
    /// Why, in one line that is safe to show.
    pub why: String,
    /// The ref and the commit that it is about.
    pub seen: Option<Seen>,
    /// What a person would run, as a shell takes it.
    pub next: Option<String>,
}

/// How a watch fails, as its looks at upstream have it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Failing {
    /// Polls in a row that failed.
    pub polls: u32,
    /// Since when.
    pub since: Option<Timestamp>,
}

impl Failing {
    /// Whether it does not fail.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.polls == 0
    }

    /// One more poll that failed.
    #[must_use]
    pub fn once_more(self, now: Timestamp) -> Self {
        Self { polls: self.polls.saturating_add(1), since: self.since.or(Some(now)) }
    }
}

/// All of which something more is expected: who has to act first, and of theirs the oldest first.
///
/// Refs are not read: what was recorded of them is as old as the last sync.
#[must_use]
pub fn waiting(config: &Config, state: &State, failing: &BTreeMap<WatchName, Failing>, now: Timestamp) -> Vec<Waiting> {
    let mut all: Vec<Waiting> = Vec::new();
    for watch in &config.watches {
        all.extend(broken(watch, state, failing.get(&watch.name).copied().unwrap_or_default()));
    }
    for (id, review) in &state.reviews {
        // What a watch leaves that was removed, nobody works on any more.
        let Some(watch) = config.watches.iter().find(|watch| watch.name == review.watch) else { continue };
        all.extend(signal(config, watch, id, review, state.open.get(id), now));
    }
    all.sort_by(|one, other| {
        (one.actor, one.since, &one.watch, &one.key).cmp(&(other.actor, other.since, &other.watch, &other.key))
    });
    all
}

fn broken(watch: &Watch, state: &State, failing: Failing) -> Option<Waiting> {
    let problem = state.watches.get(&watch.name)?.problem.as_ref()?;
    Some(Waiting {
        actor: Actor::Person,
        watch: watch.name.clone(),
        id: None,
        key: String::new(),
        what: What::Broken(problem.kind.clone()),
        since: failing.since,
        why: printable(&problem.message),
        seen: None,
        next: Some(format!("patch watch check {}", watch.name)),
    })
}

fn signal(
    config: &Config,
    watch: &Watch,
    id: &str,
    review: &UnderReview,
    open: Option<&OpenSignal>,
    now: Timestamp,
) -> Option<Waiting> {
    let judged = judged(watch, review, open, now);
    if judged.state.is_over() || is_unclaimed(watch, open, &judged) {
        return None;
    }
    let key = key_of(&review.watch, id).to_owned();
    let is_alarm = review.change == Change::Moved && judged.evidence == Evidence::Ledger;
    let what = if is_alarm && judged.state == ReviewState::NeedsIntervention {
        What::Moved
    } else {
        What::Signal(judged.state)
    };
    Some(Waiting {
        actor: Actor::on(judged.state),
        watch: watch.name.clone(),
        id: Some(id.to_owned()),
        since: Some(review.at),
        why: why(&what, &judged, review, open),
        next: next(config, watch, &key, &what, &judged, review),
        seen: judged.seen,
        key,
        what,
    })
}

/// The state that a signal is in, by what the ledger says and the time.
#[must_use]
pub fn judged(watch: &Watch, review: &UnderReview, open: Option<&OpenSignal>, now: Timestamp) -> Judged {
    let (retries, timeout) = (watch.retries, watch.timeout);
    judge(Situation { review, open, retries, timeout, now }, &Sight::default())
}

/// Whether what is to be handed over is for targets that the watch no longer has.
fn is_unclaimed(watch: &Watch, open: Option<&OpenSignal>, judged: &Judged) -> bool {
    let wanted = |open: &OpenSignal| {
        open.deliveries.iter().any(|(target, delivery)| !delivery.is_done() && is_wanted(watch, *target, delivery))
    };
    let is_to_be_done = matches!(judged.state, ReviewState::Pending | ReviewState::Failed);
    is_to_be_done && open.is_some_and(|open| !wanted(open))
}

fn why(what: &What, judged: &Judged, review: &UnderReview, open: Option<&OpenSignal>) -> String {
    let said = open.and_then(|open| {
        let mut deliveries = open.deliveries.values().filter(|delivery| !delivery.is_done());
        deliveries.find_map(|delivery| delivery.message.as_deref())
    });
    match (what, judged.state, said) {
        (What::Moved, ..) => "the tag was moved: was it replaced on purpose?".to_owned(),
        (_, ReviewState::Awaiting, _) => candidate(judged, is_approved(judged, review)),
        (_, ReviewState::NeedsIntervention | ReviewState::Failed, Some(said)) => printable(said),
        (_, ReviewState::Pending, Some(said)) => format!("to be tried again: {}", printable(said)),
        (_, ReviewState::Pending, None) => "to be handed over at the next poll".to_owned(),
        (_, ReviewState::Running, _) if judged.evidence == Evidence::Ledger => "a run goes on".to_owned(),
        _ => judged.evidence.words().to_owned(),
    }
}

/// A candidate, with what is to be known before it is used.
fn candidate(judged: &Judged, is_approved: bool) -> String {
    let checks = match judged.provenance.verified {
        Some(true) => "verified",
        Some(false) => "it failed its checks",
        None => "not verified",
    };
    let resolved = if judged.provenance.is_resolved_by_a_program() { ", conflicts resolved by a program" } else { "" };
    let place = if judged.evidence == Evidence::LocalRef { ", in this repository only" } else { "" };
    let what = if is_approved { "an approved candidate to merge or promote" } else { "a candidate to review" };
    format!("{what}: {checks}{resolved}{place}")
}

/// Whether a person approved the very commit that awaits review.
fn is_approved(judged: &Judged, review: &UnderReview) -> bool {
    judged.seen.as_ref().is_some_and(|seen| review.is_approved(&seen.sha))
}

/// What a person would run next.
fn next(
    config: &Config,
    watch: &Watch,
    key: &str,
    what: &What,
    judged: &Judged,
    review: &UnderReview,
) -> Option<String> {
    let name = shown(config, watch, key);
    Some(match (what, judged.state) {
        (What::Moved, _) => format!("patch show {name}; patch approve {name}"),
        (_, ReviewState::Awaiting) if is_approved(judged, review) => promotion(config, watch, &name),
        (_, ReviewState::Awaiting) => format!("patch show {name}; patch approve {name}, or patch reject {name}"),
        (_, ReviewState::NeedsIntervention) => match &judged.seen {
            Some(seen) => {
                let branch = shell_word(seen.reference.trim_start_matches("refs/heads/"));
                format!("git switch {branch}; resolve it; patch carry --continue")
            }
            None => format!("patch show {name}; patch retry {name}"),
        },
        (_, ReviewState::Failed) => format!("patch show {name}; patch retry {name}"),
        (_, ReviewState::Unacknowledged) => {
            format!("look at the forge's jobs for {}", refname::component(key))
        }
        _ => return None,
    })
}

/// How a candidate that is approved gets on: into the channel that a person moves, or into the stack.
fn promotion(config: &Config, watch: &Watch, name: &str) -> String {
    let is_own = |channel: &&Channel| channel.watch == watch.name && channel.promote == Promote::Manual;
    match config.channels.iter().find(is_own) {
        Some(channel) => format!("patch promote {name} --channel {}", channel.name),
        None => format!("patch show {name}; merge its branch into the stack"),
    }
}

/// What the signal is called on a command line: the key, if no other watch can have the same.
fn shown(config: &Config, watch: &Watch, key: &str) -> String {
    let name = if config.watches.len() == 1 { key.to_owned() } else { format!("{}:{key}", watch.name) };
    shell_word(&name)
}

/// How long something waits, in words: `3 days`.
#[must_use]
pub fn ago(since: Duration) -> String {
    match since.as_secs() {
        seconds @ 0..=59 => format!("{seconds}s"),
        seconds @ 60..=3599 => format!("{}min", seconds / 60),
        seconds @ 3600..=172_799 => format!("{}h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}
