//! One attempt at a signal, from its begin to what came of it.

use super::{
    badge::{Badge, Tone},
    carry::Carry,
    shown::{self, Address, Moment, Reference},
};
use crate::{
    dispatch::result::{Candidate, StepOutcome},
    ledger::record::Run as Record,
    time::Timestamp,
};

/// Steps and candidates that are listed of one run.
const LISTED: usize = 20;

/// An attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Run {
    /// `carry, attempt 1`.
    pub name: String,
    /// When it began, where that is recorded.
    pub began: Option<Moment>,
    /// When it ended; `None` if it has not.
    pub ended: Option<Moment>,
    /// How long it took.
    pub duration: String,
    /// What came of it.
    pub status: Badge,
    /// What it says about that.
    pub message: Option<String>,
    /// What the steps of a flow say.
    pub steps: Vec<Step>,
    /// The branch that it pushed.
    pub pushed: Option<Reference>,
    /// The refs with its results.
    pub candidates: Vec<Made>,
    /// The branch where a person has to decide.
    pub to_decide: Option<Made>,
    /// What became of the patch stack.
    pub carry: Option<Carry>,
    /// Whether there is more of it, which found no room on the page.
    pub is_cut: bool,
}

/// A step of a flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// The flow and the step.
    pub name: String,
    /// What it came to.
    pub status: Badge,
    /// What it says.
    pub message: Option<String>,
}

/// A ref that a run says it made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Made {
    /// The ref.
    pub reference: Reference,
    /// Where it is.
    pub place: Option<String>,
    /// Where a person looks at it.
    pub address: Option<Address>,
}

impl Run {
    /// An attempt that ended, with what it left of a carry.
    #[must_use]
    pub fn of(record: &Record, began: Option<Timestamp>, ended: Timestamp, carry: Option<Carry>) -> Self {
        let pushed = record.reference.as_deref().map(|name| shown::reference(name, record.sha.as_deref()));
        // A carry tells its own refs, and its only step is the run itself.
        let (made, steps) = if carry.is_some() { (&[][..], &[][..]) } else { (&*record.candidates, &*record.steps) };
        Self {
            name: format!("{}, attempt {}", record.target, record.attempt),
            began: began.map(shown::moment),
            ended: Some(shown::moment(ended)),
            duration: duration(record.duration_ms),
            status: Badge::of_run(record.status),
            message: record.message.as_deref().map(shown::line).filter(|message| !message.is_empty()),
            steps: steps.iter().take(LISTED).map(step).collect(),
            pushed,
            candidates: made.iter().take(LISTED).map(Made::of).collect(),
            to_decide: record.intervention.as_ref().filter(|_| carry.is_none()).map(Made::of),
            carry,
            is_cut: false,
        }
    }

    /// An attempt that has begun, and no end yet.
    #[must_use]
    pub fn begun(target: &str, attempt: u32, began: Timestamp) -> Self {
        Self {
            name: format!("{target}, attempt {attempt}"),
            began: Some(shown::moment(began)),
            ended: None,
            duration: String::new(),
            status: Badge::new(Tone::Calm, "no end is recorded"),
            message: None,
            steps: Vec::new(),
            pushed: None,
            candidates: Vec::new(),
            to_decide: None,
            carry: None,
            is_cut: false,
        }
    }
}

impl Run {
    /// Leaves out what there is no room for, and says so.
    pub fn cut(&mut self) {
        self.is_cut = !self.steps.is_empty() || !self.candidates.is_empty() || self.carry.is_some();
        self.steps.clear();
        self.candidates.clear();
        self.carry = None;
    }

    /// How many bytes of text it is, about.
    #[must_use]
    pub fn size(&self) -> usize {
        let steps: usize =
            self.steps.iter().map(|step| step.name.len() + step.message.as_ref().map_or(0, String::len)).sum();
        let address = |made: &Made| made.address.as_ref().map_or(0, |address| 2 * address.text.len());
        let candidates: usize = self.candidates.iter().map(|made| made.reference.name.len() + address(made)).sum();
        let markup = 1000 + 150 * (self.steps.len() + self.candidates.len());
        steps + candidates + self.carry.as_ref().map_or(0, Carry::size) + markup
    }
}

impl Made {
    fn of(candidate: &Candidate) -> Self {
        let name = candidate.reference.as_deref().unwrap_or("no name");
        let place = candidate.remote.as_ref().or(candidate.repo.as_ref());
        Self {
            reference: shown::reference(name, candidate.sha.as_deref()),
            place: place.map(|place| shown::line(place)),
            address: candidate.url.as_deref().map(shown::address),
        }
    }
}

fn step(step: &StepOutcome) -> Step {
    let names = [&step.flow, &step.step].into_iter().flatten().map(|name| shown::clipped(name, 100));
    Step {
        name: names.collect::<Vec<_>>().join(" / "),
        status: Badge::of_run(step.status),
        message: step.message.as_deref().map(shown::line),
    }
}

/// How long, as a person says it.
fn duration(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis} ms"),
        1..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_as_people_do() {
        #[track_caller]
        fn case(millis: u64, expected: &str) {
            assert_eq!(duration(millis), expected);
        }
        case(12, "12 ms");
        case(1999, "1 s");
        case(119_000, "119 s");
        case(120_000, "2 min");
        case(7_200_000, "2 h 0 min");
        case(u64::MAX, "5124095576030 h 25 min");
    }
}
