//! What waits, and who has to act: of a person first.

use super::{
    badge::{Badge, Tone},
    shown::{self, Moment, Reference},
    signal,
};
use crate::{
    report::words,
    review::waiting::{Actor, Waiting, What},
    text::printable,
};

/// How much of what waits is listed.
pub(super) const LISTED: usize = 200;

/// What waits, by who has to act.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Waits {
    /// What waits for a person.
    pub person: Vec<Wait>,
    /// What others work on, or will.
    pub others: Vec<Wait>,
    /// How much more there is that is not listed.
    pub left_out: usize,
}

/// Something that waits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wait {
    /// Who has to act.
    pub actor: &'static str,
    /// The watch.
    pub watch: String,
    /// The signal's key; `None` where the watch itself fails.
    pub key: Option<String>,
    /// What its signal is linked by, if it is on the page.
    pub anchor: Option<String>,
    /// What it is.
    pub badge: Badge,
    /// Since when.
    pub since: Option<Moment>,
    /// Why.
    pub why: String,
    /// The ref that it is about.
    pub reference: Option<Reference>,
    /// What a person would run.
    pub next: Option<String>,
}

/// What waits, as it stands on a page which shows the signals that `is_shown` says.
#[must_use]
pub fn waits(waiting: &[Waiting], is_shown: impl Fn(&str) -> bool) -> Waits {
    let mut waits = Waits { left_out: waiting.len().saturating_sub(LISTED), ..Waits::default() };
    for one in waiting.iter().take(LISTED) {
        let list = if one.actor == Actor::Person { &mut waits.person } else { &mut waits.others };
        list.push(wait(one, &is_shown));
    }
    waits
}

fn wait(one: &Waiting, is_shown: impl Fn(&str) -> bool) -> Wait {
    Wait {
        actor: match one.actor {
            Actor::Person => "a person",
            Actor::Forge => "the forge",
            Actor::Machine => "the next poll",
        },
        watch: one.watch.to_string(),
        key: one.id.as_ref().map(|_| words::key(&one.key)),
        anchor: one.id.as_deref().filter(|id| is_shown(id)).map(signal::anchor),
        badge: badge(&one.what),
        since: one.since.map(shown::moment),
        why: shown::line(&one.why),
        reference: one.seen.as_ref().map(|seen| shown::reference(&seen.reference, Some(&seen.sha))),
        // A command of names, which must stay as they are.
        next: one.next.as_deref().map(printable),
    }
}

fn badge(what: &What) -> Badge {
    match what {
        What::Signal(state) => Badge::of_review(*state),
        What::Moved => Badge::new(Tone::Bad, "the tag moved"),
        What::Broken(kind) => Badge::new(Tone::Bad, format!("the watch fails: {}", shown::line(kind))),
    }
}
