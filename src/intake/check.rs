//! Looks at watches by themselves, as `patch watch check` and `patch doctor` do: nothing is recorded.

use super::{
    look::{self, Glance, Look, Means},
    record,
    sight::{self, Room, Unseen},
};
use crate::{
    ledger::{
        record::Problem,
        state::{State, WatchState},
    },
    time::Timestamp,
    watch::Watch,
    workspace::Workspace,
};

/// What came of a look at a watch.
#[derive(Debug)]
pub enum Checked {
    /// Its host asked not to be asked before this time.
    Deferred(Timestamp),
    /// It could not be looked at.
    Failed(Problem),
    /// It was looked at.
    Seen {
        /// What is seen.
        look: Box<Look>,
        /// Why a poll would not believe it.
        doubt: Option<Problem>,
    },
}

/// Looks at all `watches`, and returns what came of it in their order.
///
/// Nothing is taken for known, so that the whole answers are seen; what is in `known` only tells
/// which are not to be believed.
pub fn all(
    workspace: &Workspace,
    means: &Means,
    watches: &[&Watch],
    known: &State,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Vec<Checked> {
    let order: Vec<usize> = (0..watches.len()).collect();
    let glances = look::all(workspace, means, watches, &order, &State::default(), progress);
    let unknown = WatchState::default();
    let known = |watch: &Watch| known.watches.get(&watch.name).unwrap_or(&unknown);
    let checked = |(watch, glance): (&&Watch, Glance)| one(workspace, means, watch, glance, known(watch));
    watches.iter().zip(glances).map(checked).collect()
}

fn one(workspace: &Workspace, means: &Means, watch: &Watch, glance: Glance, known: &WatchState) -> Checked {
    let answers = match glance {
        Glance::Answered(answers) => answers,
        Glance::Deferred(until) => return Checked::Deferred(until),
        Glance::Late => return Checked::Failed(record::late()),
    };
    match sight::of(workspace, means, watch, answers, &WatchState::default(), &Room::of(1), true) {
        Ok(look) => Checked::Seen { doubt: record::doubt(watch, &look, known), look: Box::new(look) },
        Err(Unseen::Problem(problem)) => Checked::Failed(problem),
        // There is room for a watch by itself.
        Err(Unseen::Crowded) => Checked::Failed(super::bug()),
    }
}
