//! One signal on the page: what it is, what became of it and by what that was judged, and its runs.

use super::{
    badge::{Badge, Tone},
    carry::Carry,
    run::Run,
    shown::{self, Address, Commit, Moment, Reference},
    timeline::History,
};
use crate::{
    carry::pick::ResolvedBy,
    event::Change,
    ledger::{
        record::{Body, Move, Promotion, Record, Review, Run as RunRecord, Signal as SignalRecord},
        state::{State, UnderReview, key_of},
    },
    refname,
    report::words,
    review::{
        state::{Evidence, Verdict},
        waiting::{Actor, Waiting, What},
    },
    text,
    time::Timestamp,
    watch::{Target, WatchName},
};
use std::collections::BTreeMap;

/// Runs and steps that are shown of one signal, the newest.
const RUNS: usize = 10;
const STEPS: usize = 40;

/// Bytes of a signal's text that the filter looks at.
const SEARCHED: usize = 2000;

/// The state of a signal that nobody was to be handed, as the filter calls it.
pub const RECORDED: &str = "recorded";

/// A signal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signal {
    /// Its id.
    pub id: String,
    /// What links on the page lead to.
    pub anchor: String,
    /// Its watch.
    pub watch: String,
    /// Its key.
    pub key: String,
    /// Its title, if that says more than the key.
    pub title: Option<String>,
    /// What happened, if it is more than that it is new.
    pub alarm: Option<&'static str>,
    /// Where a person reads about it.
    pub address: Option<Address>,
    /// Its author.
    pub author: Option<String>,
    /// When it was published.
    pub published: Option<Moment>,
    /// When it was seen.
    pub seen: Moment,
    /// Its commit.
    pub commit: Option<Commit>,
    /// The commit before.
    pub previous: Option<Commit>,
    /// Who was to be handed it.
    pub targets: String,
    /// The state's name, as the filter takes it.
    pub state: &'static str,
    /// The state in words.
    pub badge: Badge,
    /// Whether a person has to act.
    pub waits: bool,
    /// What the state was judged by.
    pub evidence: Option<&'static str>,
    /// The ref that this was about.
    pub reference: Option<Reference>,
    /// What happened to it, in order.
    pub steps: Vec<Step>,
    /// How many earlier steps are left out.
    pub steps_left_out: usize,
    /// The attempts, the newest first.
    pub runs: Vec<Run>,
    /// How many earlier attempts are left out.
    pub runs_left_out: usize,
    /// What the filter looks for words in.
    pub searched: String,
    /// The command that tells all of it.
    pub show: String,
}

/// Something that happened to a signal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// When.
    pub at: Moment,
    /// The state that it came to.
    pub badge: Option<Badge>,
    /// How that is known, or what happened.
    pub words: String,
    /// The ref that it is about.
    pub reference: Option<Reference>,
}

/// What the links to a signal lead to.
#[must_use]
pub fn anchor(id: &str) -> String {
    format!("signal-{}", &refname::hash(id)[..12])
}

impl Signal {
    /// A signal from its records; `None` if there is none of them. `waiting` knows the state of what waits
    /// better than the last review does; `carried` reads what a run left of a carry, and `room` is how many
    /// bytes of that the page still takes.
    #[must_use]
    pub fn of(
        history: &History,
        state: &State,
        waiting: &[Waiting],
        carried: &mut impl FnMut(&RunRecord) -> Option<Carry>,
        room: &mut usize,
    ) -> Option<Self> {
        let first = history.records.first()?;
        let watch = first.watch()?;
        let record = history.records.iter().find_map(|record| match &record.body {
            Body::Signal(signal) => Some((record.at, &**signal)),
            _ => None,
        });
        let review = state.review(&history.id);
        let mut signal = Self::bare(&history.id, watch, first.at, review);
        if let Some(waits) = waiting.iter().find(|waits| waits.id.as_deref() == Some(&history.id)) {
            signal.await_as(waits);
        }
        if let Some((at, record)) = record {
            signal.describe(record, at);
        }
        let steps: Vec<Step> = history.records.iter().filter_map(step).collect();
        signal.steps_left_out = steps.len().saturating_sub(if *room > 0 { STEPS } else { STEPS / 10 });
        signal.steps = steps.into_iter().skip(signal.steps_left_out).collect();
        *room = room.saturating_sub(signal.steps.iter().map(|step| step.words.len() + 250).sum());
        signal.add_runs(&history.records, carried, room);
        signal.searched = signal.text();
        Some(signal)
    }

    /// What is known of it without its own record.
    fn bare(id: &str, watch: &WatchName, at: Timestamp, review: Option<&UnderReview>) -> Self {
        let state = review.and_then(|review| review.state);
        let seen = review.and_then(|review| review.seen.as_ref());
        let badge = match (state, review) {
            (Some(state), _) => Badge::of_review(state),
            (None, Some(_)) => Badge::new(Tone::Calm, "not judged yet"),
            (None, None) => Badge::new(Tone::Calm, "recorded"),
        };
        let key = key_of(watch, id);
        Self {
            id: text::printable(text::clipped(id, 300)),
            anchor: anchor(id),
            watch: watch.to_string(),
            key: words::key(key),
            title: None,
            alarm: None,
            address: None,
            author: None,
            published: None,
            seen: shown::moment(at),
            commit: None,
            previous: None,
            targets: String::new(),
            state: state.map_or(RECORDED, |state| state.as_str()),
            waits: false,
            badge,
            evidence: review.and_then(|review| review.evidence).map(Evidence::words),
            reference: seen.map(|seen| shown::reference(&seen.reference, Some(&seen.sha))),
            steps: Vec::new(),
            steps_left_out: 0,
            runs: Vec::new(),
            runs_left_out: 0,
            searched: String::new(),
            show: format!("patch show {}", shown::word(&format!("{watch}:{key}"))),
        }
    }

    /// It waits: what was judged of that is newer than the last record of it.
    fn await_as(&mut self, waits: &Waiting) {
        self.waits = waits.actor == Actor::Person;
        if let What::Signal(state) = waits.what
            && self.state != state.as_str()
        {
            self.state = state.as_str();
            self.badge = Badge::of_review(state);
            self.evidence = None;
        }
    }

    fn describe(&mut self, record: &SignalRecord, at: Timestamp) {
        let entry = &record.entry;
        let title = entry.title.as_deref().map(|title| shown::clipped(title, 200));
        self.title = title.filter(|title| !title.is_empty() && *title != self.key);
        self.alarm = match record.change {
            Change::New => None,
            Change::Moved => Some("the tag moved"),
            Change::Rewritten => Some("the branch was rewritten"),
            Change::Gone => Some("gone upstream"),
        };
        self.address = entry.url.as_deref().map(shown::address);
        self.author = entry.author.as_deref().map(shown::person).filter(|author| !author.is_empty());
        self.published = entry.published_at.map(shown::moment);
        self.seen = shown::moment(at);
        self.commit = entry.sha.as_deref().map(shown::commit);
        self.previous = record.previous.as_deref().map(shown::commit);
        self.targets = record.targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    }

    fn add_runs(
        &mut self,
        records: &[Record],
        carried: &mut impl FnMut(&RunRecord) -> Option<Carry>,
        room: &mut usize,
    ) {
        let mut begun: BTreeMap<(Target, u32), Timestamp> = BTreeMap::new();
        let mut ended = Vec::new();
        for record in records {
            match &record.body {
                Body::Dispatch(dispatch) => drop(begun.insert((dispatch.target, dispatch.attempt), record.at)),
                Body::Run(run) => ended.push((run, begun.remove(&(run.target, run.attempt)), record.at)),
                _ => {}
            }
        }
        let open = begun.into_iter().map(|((target, attempt), at)| Run::begun(target.as_str(), attempt, at));
        self.runs = open.take(RUNS).collect();
        self.runs_left_out = ended.len().saturating_sub(RUNS);
        for (run, began, at) in ended.into_iter().rev().take(RUNS) {
            self.runs.push(fitting(run, began, at, carried, room));
        }
    }

    /// All that a person may look for it by.
    fn text(&self) -> String {
        let mut words: Vec<&str> = vec![&self.key, &self.watch, &self.id];
        words.extend([&self.title, &self.author].into_iter().flatten().map(String::as_str));
        words.extend(self.commit.iter().map(|commit| commit.full.as_str()));
        words.extend(self.reference.iter().map(|reference| reference.name.as_str()));
        for run in &self.runs {
            words.extend(run.candidates.iter().map(|made| made.reference.name.as_str()));
            let carry = run.carry.iter();
            words.extend(carry.flat_map(|carry| &carry.patches).map(|patch| patch.subject.as_str()));
        }
        let text = words.join(" ").to_lowercase();
        text[..text.floor_char_boundary(SEARCHED)].to_owned()
    }
}

/// A run with all that it left, if there is room for that on the page.
fn fitting(
    run: &RunRecord,
    began: Option<Timestamp>,
    ended: Timestamp,
    carried: &mut impl FnMut(&RunRecord) -> Option<Carry>,
    room: &mut usize,
) -> Run {
    if *room == 0 {
        // Nothing is read that has no room.
        let mut shown = Run::of(run, began, ended, None);
        shown.cut();
        return Run { is_cut: shown.is_cut || run.report.is_some(), ..shown };
    }
    let shown = Run::of(run, began, ended, carried(run));
    *room = room.saturating_sub(shown.size());
    shown
}

fn step(record: &Record) -> Option<Step> {
    let at = shown::moment(record.at);
    let plain = |words: String| Some(Step { at: at.clone(), badge: None, words, reference: None });
    match &record.body {
        Body::Review(review) => Some(reviewed(at, review)),
        Body::Request(request) => plain(format!("a person asked for a {}", request.action.as_str())),
        Body::Skipped(skipped) => {
            let by = skipped.by.as_deref().map(|by| format!(" by {}", words::key(key_of(&skipped.watch, by))));
            plain(shown::line(&skipped.reason) + &by.unwrap_or_default())
        }
        Body::Promotion(promotion) => Some(promoted(at, promotion)),
        Body::Notice(notice) => plain(format!("a person was told: {}", shown::line(&notice.message))),
        _ => None,
    }
}

fn reviewed(at: Moment, review: &Review) -> Step {
    let badge = match review.verdict {
        Some(Verdict::Approved) => Badge::new(Tone::Good, "approved"),
        _ => Badge::of_review(review.state),
    };
    let mut words = vec![review.evidence.words().to_owned()];
    words.extend(review.by.as_deref().map(|by| format!("by {}", shown::person(by))));
    words.extend(review.verified.map(|verified| if verified { "verified" } else { "not verified" }.to_owned()));
    let resolved = review.resolved_by.iter().filter(|by| **by != ResolvedBy::Hand);
    words.extend(resolved.map(|by| format!("a conflict was resolved by {by}")));
    words.extend(review.landed_as.as_deref().map(|sha| format!("as {}", shown::commit(sha).short)));
    let key = |id: &str| words::key(key_of(&review.watch, id));
    words.extend(review.superseded_by.as_deref().map(|by| format!("by {}", key(by))));
    words.extend(review.message.as_deref().map(shown::line));
    let reference = review.reference.as_deref().map(|name| shown::reference(name, review.sha.as_deref()));
    Step { at, badge: Some(badge), words: words.join(", "), reference }
}

fn promoted(at: Moment, promotion: &Promotion) -> Step {
    let (channel, rule) = (&promotion.channel, promotion.rule);
    let mut words = vec![match promotion.action {
        Move::Promoted => format!("promoted to the channel {channel} ({rule})"),
        Move::RolledBack => format!("what the channel {channel} was rolled back to"),
    }];
    words.extend(promotion.by.as_deref().map(|by| format!("by {}", shown::person(by))));
    words.extend(promotion.reviewed.then(|| "reviewed".to_owned()));
    words.extend(promotion.message.as_deref().map(shown::line));
    let reference = Some(shown::reference(&promotion.reference, Some(&promotion.to)));
    Step { at, badge: None, words: words.join(", "), reference }
}
