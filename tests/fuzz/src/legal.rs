//! What every state is that a ledger adds up to, and what one more record may do to it.

use patch_moi::ledger::{
    record::{Body, Record},
    state::{Delivery, OpenSignal, Stage, State, UnderReview},
};
use patch_moi::watch::Target;

/// Whatever the records were: what is open is not done.
#[track_caller]
pub fn state(state: &State) {
    reviews(state);
    for (id, signal) in &state.open {
        let is_done = signal.deliveries.values().all(Delivery::is_done);
        assert!(!is_done, "{id} is open, and nobody has to do with it: {signal:?}");
        for delivery in signal.deliveries.values() {
            assert!(!delivery.again || delivery.stage == Stage::Started, "{id}: {delivery:?}");
        }
        assert!(signal.sequence <= state.signals, "{id} has the number {} of {}", signal.sequence, state.signals);
    }
}

/// Whatever the records were: a signal is under review or at its end, and not both.
#[track_caller]
fn reviews(state: &State) {
    for (id, review) in &state.reviews {
        assert!(!review.is_over(), "{id} is over, and still under review: {review:?}");
        assert!(!state.closed.contains_key(id), "{id} is at its end and is not");
    }
    assert!(state.closed.values().all(UnderReview::is_over), "{:?}", state.closed);
    assert!(state.channels.values().all(|channel| (1..=50).contains(&channel.moves.len())));
}

/// What `record` may have changed.
#[track_caller]
pub fn step(before: &State, record: &Record, after: &State) {
    let about = record.id();
    let named = |id: &str| about == Some(id);
    assert!(after.signals >= before.signals, "signals became fewer");
    for id in before.open.keys().chain(after.open.keys()) {
        let (old, new) = (before.open.get(id), after.open.get(id));
        assert!(old == new || named(id), "{id} changed by a record about {about:?}");
        match (old, new) {
            (None, Some(_)) => {
                let opens = matches!(record.body, Body::Signal(_) | Body::Request(_));
                assert!(opens, "{id} was opened by a `{}`", record.kind());
            }
            (Some(_), None) => {
                let closes = matches!(record.body, Body::Run(_) | Body::Skipped(_) | Body::Review(_));
                assert!(closes, "{id} was closed by a `{}`", record.kind());
            }
            (Some(old), Some(new)) => deliveries(id, old, record, new),
            (None, None) => {}
        }
    }
    for (id, old) in before.all_reviews() {
        let new = after.review(id).unwrap_or_else(|| panic!("{id} is forgotten"));
        assert!(old == new || named(id), "{id} changed by a record about {about:?}");
    }
    for (name, old) in &before.watches {
        let new = after.watches.get(name).unwrap_or_else(|| panic!("{name} is forgotten"));
        assert!(old == new || record.watch() == Some(name), "{name} changed by a record about another watch");
        assert!(new.primed || !old.primed, "{name} is not primed any more");
        assert!(old.known.keys().all(|key| new.known.contains_key(key)), "{name} forgot an entry");
        assert!(old.alarms.is_subset(&new.alarms), "{name} forgot an alarm");
        assert!(new.head.is_some() || old.head.is_none(), "{name} forgot its head");
    }
}

fn deliveries(id: &str, old: &OpenSignal, record: &Record, new: &OpenSignal) {
    assert_eq!((&old.event, old.sequence, &old.key), (&new.event, new.sequence, &new.key), "{id}");
    for (target, was) in &old.deliveries {
        let is = new.deliveries.get(target).unwrap_or_else(|| panic!("{id} is no longer for {target}"));
        assert!(is.attempt >= was.attempt, "{id}: attempt {} became {}", was.attempt, is.attempt);
        assert!(is == was || concerns(record, *target), "{id}: {target} changed by {record:?}");
        if was.is_done() && !is.is_done() {
            let revives = matches!(record.body, Body::Dispatch(_) | Body::Run(_) | Body::Request(_));
            assert!(revives, "{id}: {target} was done, and is due by a `{}`", record.kind());
        }
        if is.failures < was.failures {
            let forgives = matches!(record.body, Body::Request(_)) || was.again;
            assert!(forgives, "{id}: failures of {target} are forgotten by a `{}`", record.kind());
        }
    }
}

fn concerns(record: &Record, target: Target) -> bool {
    match &record.body {
        Body::Dispatch(dispatch) => dispatch.target == target,
        Body::Run(run) => run.target == target,
        Body::Request(request) => request.targets.contains(&target),
        Body::Skipped(_) | Body::Review(_) => true,
        _ => false,
    }
}
