//! Which refs of the fork, and of this repository, belong to which signal.

use super::attestation;
use crate::{
    event::event_id,
    ledger::state::{Made, Seen, State, UnderReview},
    parse::refs::RemoteRefs,
    refname::{component, text_of},
    watch::{Watch, WatchName},
};
use std::collections::BTreeMap;

/// What a branch of ours is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// It holds a carried stack.
    Candidate,
    /// A person has to decide there.
    Intervention,
    /// It hands a signal to the forge.
    Trigger,
}

/// The refs that there are.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// Those of the fork; `None` if it was not asked, or gave no answer.
    pub fork: Option<&'a RemoteRefs>,
    /// Those of this repository.
    pub here: &'a RemoteRefs,
    /// What stands before the names of our branches: `patch.refPrefix`.
    pub prefix: &'a str,
}

impl Places<'_> {
    /// The ref of this name, the fork's if it has one.
    fn find(self, name: &str) -> Option<At> {
        let at = |refs: &RemoteRefs, on_fork| {
            let sha = refs.refs.get(name)?.commit().to_owned();
            Some(At { seen: Seen { reference: name.to_owned(), sha }, on_fork })
        };
        self.fork.and_then(|fork| at(fork, true)).or_else(|| at(self.here, false))
    }
}

/// The refs of one signal.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Refs {
    /// The candidate.
    pub candidate: Option<At>,
    /// What the candidate went through: a tag object, of exactly that commit.
    pub attestation: Option<At>,
    /// The intervention branch.
    pub intervention: Option<At>,
    /// The trigger branch, which is only on the fork.
    pub trigger: Option<At>,
    /// The candidate that was there, as its attestation still tells.
    pub attested: Option<At>,
}

/// A ref, what it holds, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct At {
    /// Its name and what it holds.
    pub seen: Seen,
    /// Whether the fork has it, or this repository alone.
    pub on_fork: bool,
}

/// The refs of each signal of a watch, by its id: of those that the ledger knows, and of others.
#[must_use]
pub fn of_watch(watch: &Watch, state: &State, places: Places<'_>) -> BTreeMap<String, Refs> {
    let mut found: BTreeMap<String, Refs> = BTreeMap::new();
    // What the fork has comes last, and counts.
    let all = [Some((places.here, false)), places.fork.map(|fork| (fork, true))];
    for (refs, on_fork) in all.into_iter().flatten() {
        for (name, there) in &refs.refs {
            let attested = name.strip_prefix(attestation::PREFIX).map(|branch| format!("refs/heads/{branch}"));
            let branch = attested.as_ref().unwrap_or(name);
            let Some((kind, id, step)) = owner(watch, state, places.prefix, branch) else { continue };
            let seen = Seen { reference: branch.clone(), sha: there.commit().to_owned() };
            let at = At { seen, on_fork };
            let refs = found.entry(id).or_default();
            if attested.is_some() {
                refs.attested = Some(at).filter(|_| there.peeled.is_some() && kind == Kind::Candidate);
                continue;
            }
            match kind {
                Kind::Candidate => refs.candidate = Some(at),
                Kind::Trigger if on_fork => refs.trigger = Some(at),
                Kind::Trigger => {}
                Kind::Intervention => {
                    let shown = refs.intervention.as_ref().map(|shown| self::step(&shown.seen.reference));
                    if shown.is_none_or(|shown| shown <= step) {
                        refs.intervention = Some(at);
                    }
                }
            }
        }
    }
    // Of all that is over, only what has refs: there may be a hundred thousand of them.
    let over: Vec<String> = found.keys().filter(|id| state.closed.contains_key(*id)).cloned().collect();
    let over = over.iter().filter_map(|id| state.closed.get_key_value(id));
    for (id, review) in state.reviews.iter().chain(over).filter(|(_, review)| review.watch == watch.name) {
        if found.get(id).is_none_or(|refs| refs.candidate.is_none()) {
            let reported = review.candidates.iter().find_map(|made| reported(watch, places, made));
            if let Some(at) = reported.or_else(|| seen_before(review, places)) {
                found.entry(id.clone()).or_default().candidate = Some(at);
            }
        }
    }
    for refs in found.values_mut() {
        let candidate = refs.candidate.as_ref().or(refs.attested.as_ref());
        refs.attestation = candidate.and_then(|candidate| attested(places, candidate));
    }
    found.retain(|_, refs| *refs != Refs::default());
    found
}

/// The attestation of exactly this commit, be it the fork's or ours.
fn attested(places: Places<'_>, candidate: &At) -> Option<At> {
    let name = attestation::reference(&candidate.seen.reference);
    let at = |refs: &RemoteRefs, on_fork| {
        let there = refs.refs.get(&name).filter(|there| there.peeled.as_ref() == Some(&candidate.seen.sha))?;
        Some(At { seen: Seen { reference: name.clone(), sha: there.sha.clone() }, on_fork })
    };
    at(places.here, false).or_else(|| at(places.fork?, true))
}

/// The ref that a run says it made, where it is to be seen.
fn reported(watch: &Watch, places: Places<'_>, made: &Made) -> Option<At> {
    places.find(&full_name(&made.reference, &watch.fork))
}

/// The ref that was the candidate at the last look, such as a branch of a run of long ago.
fn seen_before(review: &UnderReview, places: Places<'_>) -> Option<At> {
    let seen = review.seen.as_ref().filter(|_| review.state == Some(super::state::ReviewState::Awaiting))?;
    places.find(&seen.reference)
}

/// A ref's full name, of which a run may have told `name`, `origin/name` or the whole.
#[must_use]
pub fn full_name(reported: &str, fork: &str) -> String {
    if reported.starts_with("refs/") {
        return reported.to_owned();
    }
    let short = reported.strip_prefix(fork).and_then(|rest| rest.strip_prefix('/')).unwrap_or(reported);
    format!("refs/heads/{short}")
}

/// What a branch of ours is for, the id of the signal, and the number of the intervention, from 1.
fn owner(watch: &Watch, state: &State, prefix: &str, name: &str) -> Option<(Kind, String, u32)> {
    let rest = name.strip_prefix("refs/heads/")?.strip_prefix(prefix)?;
    let (kind, rest) = rest.split_once('/')?;
    let kind = match kind {
        "candidate" => Kind::Candidate,
        "intervention" => Kind::Intervention,
        "trigger" => Kind::Trigger,
        _ => return None,
    };
    let (owner, key) = rest.split_once('/')?;
    if owner != component(watch.name.as_str()) {
        return None;
    }
    let key = if kind == Kind::Intervention { key.split("=+").next()? } else { key };
    Some((kind, id_of(watch, state, key)?, step(name)))
}

/// The number behind `=+` of an intervention's name; 1 if there is none.
fn step(name: &str) -> u32 {
    name.rsplit_once("=+").and_then(|(_, number)| number.parse().ok()).unwrap_or(1)
}

/// The id of the signal whose key has this name in refs.
fn id_of(watch: &Watch, state: &State, name: &str) -> Option<String> {
    if let Some(key) = text_of(name) {
        return Some(event_id(&watch.name, &key, watch.event));
    }
    // Of a long key the name has a hash: only who knows the key finds it again.
    let is_it =
        |(id, review): &(&String, &UnderReview)| review.watch == watch.name && component(review.key(id)) == name;
    state.all_reviews().find(is_it).map(|(id, _)| id.clone())
}

/// The patterns by which a fork is asked for all refs that matter to these watches.
#[must_use]
pub fn patterns(watches: &[&Watch], state: &State, channels: &[String]) -> Vec<String> {
    let mut patterns = vec!["HEAD".to_owned(), "refs/heads/*".to_owned(), format!("{}*", attestation::PREFIX)];
    let is_asked_for = |name: &WatchName| watches.iter().any(|watch| watch.name == *name);
    let reviews = state.reviews.values().filter(|review| is_asked_for(&review.watch));
    let made = reviews.flat_map(|review| &review.candidates).map(|made| full_name(&made.reference, ""));
    // A tag of a run's own is asked for by name: a fork has all of upstream's.
    patterns.extend(made.chain(channels.iter().cloned()).filter(|name| name.starts_with("refs/tags/")));
    patterns.sort();
    patterns.dedup();
    patterns
}

#[cfg(test)]
mod tests;
