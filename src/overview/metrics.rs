//! The operator's view in numbers, for a monitor: a pure function from the view to text.
//!
//! How many series there are depends on watches, channels and states, never on signals. Every series
//! names the repository, so that the files of several can lie beside each other: `node_exporter` takes
//! the same series from two files for a mistake.

use super::{Overview, counts::Counts, watch::WatchLine};
use crate::{
    report::exposition::{Kind, Sample, family},
    review::{
        state::ReviewState,
        waiting::{Actor, Waiting, What},
    },
    time::Timestamp,
};

/// What is shown, and what is counted beside it.
#[derive(Clone, Debug)]
pub struct Figures<'a> {
    /// The repository, as its folder in the state directory is called.
    pub repository: &'a str,
    /// The view.
    pub overview: &'a Overview,
    /// How many signals of each watch are in which state.
    pub reviews: Counts,
    /// How many signals the ledger has, of all watches.
    pub signals: u64,
    /// How long the ledger is, in bytes.
    pub ledger: u64,
}

/// A metric, without its samples.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The names of its labels, behind `repository`, which all of them have.
    pub labels: &'static [&'static str],
    /// What it tells, a sentence.
    pub help: &'static str,
    samples: fn(&Figures<'_>) -> Vec<Sample>,
}

/// All metrics, in the order in which they are printed.
pub const METRICS: [Metric; 13] = [
    Metric {
        name: "patch_moi_waiting",
        kind: Kind::Gauge,
        labels: &["watch", "actor", "state"],
        help: "Things that wait, by who has to act next.",
        samples: waiting,
    },
    Metric {
        name: "patch_moi_waiting_oldest_timestamp_seconds",
        kind: Kind::Gauge,
        labels: &["watch", "actor"],
        help: "Since when the oldest of them waits; absent while nothing does.",
        samples: oldest,
    },
    Metric {
        name: "patch_moi_reviews",
        kind: Kind::Gauge,
        labels: &["watch", "state"],
        help: "Signals that are in this state, those at their end included.",
        samples: reviews,
    },
    Metric {
        name: "patch_moi_watch_last_check_timestamp_seconds",
        kind: Kind::Gauge,
        labels: &["watch"],
        help: "When upstream was last looked at; absent before the first poll.",
        samples: |figures| of_watches(figures, |watch| seconds(watch.checked_at)),
    },
    Metric {
        name: "patch_moi_watch_newest_entry_timestamp_seconds",
        kind: Kind::Gauge,
        labels: &["watch"],
        help: "When the newest entry was recorded; absent while there is none.",
        samples: |figures| of_watches(figures, |watch| seconds(watch.newest.as_ref().map(|newest| newest.at))),
    },
    Metric {
        name: "patch_moi_watch_failing",
        kind: Kind::Gauge,
        labels: &["watch"],
        help: "Whether the watch fails: 1 or 0.",
        samples: |figures| of_watches(figures, |watch| Some(watch.problem.is_some().into())),
    },
    Metric {
        name: "patch_moi_watch_failing_polls",
        kind: Kind::Gauge,
        labels: &["watch"],
        help: "Polls in a row that failed.",
        samples: |figures| of_watches(figures, |watch| Some(watch.failing.polls.into())),
    },
    Metric {
        name: "patch_moi_watch_known_entries",
        kind: Kind::Gauge,
        labels: &["watch"],
        help: "Entries that are known.",
        samples: |figures| of_watches(figures, |watch| Some(watch.known as u64)),
    },
    Metric {
        name: "patch_moi_watch_primed",
        kind: Kind::Gauge,
        labels: &["watch"],
        help: "Whether the watch had its first sight: 1 or 0.",
        samples: |figures| of_watches(figures, |watch| Some(watch.primed.into())),
    },
    Metric {
        name: "patch_moi_channel_moved_timestamp_seconds",
        kind: Kind::Gauge,
        labels: &["channel", "watch", "rule"],
        help: "When the channel was last moved; absent if it never was.",
        samples: channels,
    },
    Metric {
        name: "patch_moi_signals_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Signals in the ledger, of all watches.",
        samples: |figures| vec![Sample::new(&[&figures.repository], figures.signals)],
    },
    Metric {
        name: "patch_moi_ledger_bytes",
        kind: Kind::Gauge,
        labels: &[],
        help: "Length of the ledger.",
        samples: |figures| vec![Sample::new(&[&figures.repository], figures.ledger)],
    },
    Metric {
        name: "patch_moi_build_info",
        kind: Kind::Gauge,
        labels: &["version"],
        help: "The version of the program that printed this; always 1.",
        samples: |figures| vec![Sample::new(&[&figures.repository, &env!("CARGO_PKG_VERSION")], 1)],
    },
];

/// The metrics as text.
#[must_use]
pub fn text(figures: &Figures<'_>) -> String {
    let family = |metric: &Metric| {
        let labels = [&["repository"], metric.labels].concat();
        family(metric.name, metric.kind, metric.help, &labels, &(metric.samples)(figures))
    };
    METRICS.iter().map(family).collect()
}

/// What may wait for whom, so that each has a number also where it is 0.
fn kinds() -> impl Iterator<Item = (Actor, What)> {
    let open = ReviewState::ALL.into_iter().filter(|state| !state.is_over());
    let signals = open.map(|state| (Actor::on(state), What::Signal(state)));
    let others = [What::Moved, What::Broken(String::new())];
    signals.chain(others.map(|what| (Actor::Person, what)))
}

fn waiting(figures: &Figures<'_>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for line in &figures.overview.watches {
        for (actor, what) in kinds() {
            let is_it =
                |it: &&Waiting| it.watch == line.watch && it.actor == actor && it.what.as_str() == what.as_str();
            let count = figures.overview.waiting.iter().filter(is_it).count();
            let labels: [&dyn std::fmt::Display; 4] =
                [&figures.repository, &line.watch, &actor.as_str(), &what.as_str()];
            samples.push(Sample::new(&labels, count as u64));
        }
    }
    samples
}

fn oldest(figures: &Figures<'_>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for line in &figures.overview.watches {
        for actor in Actor::ALL {
            let theirs = figures.overview.waiting.iter().filter(|it| it.watch == line.watch && it.actor == actor);
            if let Some(since) = seconds(theirs.filter_map(|it| it.since).min()) {
                samples.push(Sample::new(&[&figures.repository, &line.watch, &actor.as_str()], since));
            }
        }
    }
    samples
}

fn reviews(figures: &Figures<'_>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for line in &figures.overview.watches {
        for state in ReviewState::ALL {
            let count = figures.reviews.get(&(line.watch.clone(), state)).copied().unwrap_or_default();
            samples.push(Sample::new(&[&figures.repository, &line.watch, &state], count));
        }
    }
    samples
}

fn channels(figures: &Figures<'_>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for line in &figures.overview.channels {
        if let Some(at) = seconds(line.holds.as_ref().map(|holds| holds.at)) {
            samples.push(Sample::new(&[&figures.repository, &line.channel, &line.watch, &line.rule], at));
        }
    }
    samples
}

fn of_watches(figures: &Figures<'_>, value: impl Fn(&WatchLine) -> Option<u64>) -> Vec<Sample> {
    let watches = figures.overview.watches.iter();
    watches.filter_map(|line| Some(Sample::new(&[&figures.repository, &line.watch], value(line)?))).collect()
}

/// Seconds since 1970; what lies before is 0.
fn seconds(at: Option<Timestamp>) -> Option<u64> {
    Some(u64::try_from(at?.seconds()).unwrap_or_default())
}
