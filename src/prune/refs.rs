//! The refs of signals, on the fork and here: which go, and which stay because they are not as we left them.

use super::{
    Fate, Item, Place,
    ended::{Ended, Names},
};
use crate::{
    ledger::state::{Made, Seen},
    parse::refs::{RemoteRef, RemoteRefs},
    refname::{component, text_of},
    review::{attestation, objects, refs::full_name},
    watch::Watch,
};
use std::collections::{BTreeMap, BTreeSet};

/// Where refs are looked for, and what is known of what they hold.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// Those of the fork, if it gave an answer.
    pub fork: Option<&'a RemoteRefs>,
    /// Those of this repository.
    pub here: &'a RemoteRefs,
    /// The branches that are checked out here, in any worktree.
    pub checked_out: &'a BTreeSet<String>,
    /// Whose the commits are that were looked at: ours, as we left them.
    pub ours: &'a BTreeMap<String, bool>,
    /// `patch.refPrefix`.
    pub prefix: &'a str,
}

/// The kinds of branches, in the order in which they go: the candidate last but for what speaks of it.
const KINDS: [&str; 4] = ["trigger", "intervention", "stack", "candidate"];

/// What is left of the watch's signals that ended, each signal's together, on the fork before here.
#[must_use]
pub fn of_watch(watch: &Watch, names: &Names<'_>, sight: Sight<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    for (place, refs) in [(Place::Fork, sight.fork), (Place::Here, Some(sight.here))] {
        let Some(refs) = refs else { continue };
        let looking = Looking { watch, names, sight, place };
        let mut found = looking.branches(refs);
        found.extend(looking.attestations(refs, &found));
        if place == Place::Here {
            found.extend(looking.kept(refs));
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        items.extend(found.into_iter().map(|(_, item)| item));
    }
    items
}

/// The order in which refs go: by signal, then by kind.
type Order = (String, usize);

struct Looking<'a> {
    watch: &'a Watch,
    names: &'a Names<'a>,
    sight: Sight<'a>,
    place: Place,
}

impl<'a> Looking<'a> {
    fn branches(&self, refs: &RemoteRefs) -> Vec<(Order, Item)> {
        let all = refs.refs.iter().filter_map(|(name, there)| {
            let (kind, ended) = self.owner(name)?;
            let fate = self.fate(kind, name, there, ended);
            Some(((ended.id.to_owned(), kind), self.item(ended, name, there, fate)))
        });
        all.collect()
    }

    /// What was attested of a candidate goes with it.
    fn attestations(&self, refs: &RemoteRefs, branches: &[(Order, Item)]) -> Vec<(Order, Item)> {
        let all = refs.refs.iter().filter_map(|(name, there)| {
            let branch = format!("refs/heads/{}", name.strip_prefix(attestation::PREFIX)?);
            let (_, ended) = self.owner(&branch)?;
            let candidate = branches.iter().find(|(_, item)| item.name == branch).map(|(_, item)| item.fate);
            let fate = candidate.filter(|fate| *fate == Fate::Look).unwrap_or(Fate::Remove);
            let stays = matches!(candidate, Some(Fate::Foreign | Fate::CheckedOut));
            (!stays).then(|| ((ended.id.to_owned(), KINDS.len()), self.item(ended, name, there, fate)))
        });
        all.collect()
    }

    /// What a sync has fetched to look at it. The upstream points that a carry has fetched stay: a stack may
    /// stand on one, and they tell which commits are upstream's.
    fn kept(&self, refs: &RemoteRefs) -> Vec<(Order, Item)> {
        let prefix = objects::prefix(self.watch);
        let all = refs.refs.iter().filter_map(|(name, there)| {
            let of = text_of(name.strip_prefix(&prefix)?)?;
            let attested = of.strip_prefix(attestation::PREFIX).map(|branch| format!("refs/heads/{branch}"));
            let (_, ended) = self.owner(attested.as_ref().unwrap_or(&of))?;
            Some(((ended.id.to_owned(), KINDS.len() + 1), self.item(ended, name, there, Fate::Remove)))
        });
        all.collect()
    }

    /// The place of a branch's kind, and the signal that it belongs to.
    fn owner(&self, name: &str) -> Option<(usize, Ended<'a>)> {
        let rest = name.strip_prefix("refs/heads/")?.strip_prefix(self.sight.prefix)?;
        let mut parts = rest.splitn(4, '/');
        let (kind, watch, key, below) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
        let kind = KINDS.iter().position(|it| *it == kind)?;
        // Only a rebuilt stack has a branch of its own below; a name that is no text cannot be told to Git.
        if watch != component(self.watch.name.as_str())
            || name.contains('\\')
            || below.is_some() != (KINDS[kind] == "stack")
        {
            return None;
        }
        let key = if KINDS[kind] == "intervention" { key.split("=+").next()? } else { key };
        let ended = self.names.get(&format!("{watch}/{key}"))?;
        (ended.review.watch == self.watch.name).then_some((kind, ended))
    }

    fn fate(&self, kind: usize, name: &str, there: &RemoteRef, ended: Ended<'_>) -> Fate {
        if self.place == Place::Here && self.sight.checked_out.contains(name) {
            return Fate::CheckedOut;
        }
        let commit = there.commit();
        if recorded(KINDS[kind], ended, &self.watch.fork).any(|seen| seen.reference == name && seen.sha == commit) {
            return Fate::Remove;
        }
        match self.sight.ours.get(commit) {
            Some(true) => Fate::Remove,
            Some(false) => Fate::Foreign,
            None => Fate::Look,
        }
    }

    fn item(&self, ended: Ended<'_>, name: &str, there: &RemoteRef, fate: Fate) -> Item {
        Item {
            watch: self.watch.name.clone(),
            id: Some(ended.id.to_owned()),
            place: self.place,
            name: name.to_owned(),
            object: there.sha.clone(),
            commit: there.commit().to_owned(),
            state: ended.state(),
            at: ended.review.at,
            fate,
        }
    }
}

/// What the ledger says that a ref of this kind held when it was ours, or was decided about.
///
/// What a sync saw of an intervention does not count: a person may have worked there before.
fn recorded<'a>(kind: &str, ended: Ended<'a>, fork: &'a str) -> impl Iterator<Item = Seen> + use<'a> {
    let review = ended.review;
    let made = |made: &Made| Some(Seen { reference: full_name(&made.reference, fork), sha: made.sha.clone()? });
    let candidate = review.seen.iter().cloned().chain(review.candidates.iter().filter_map(made));
    let trigger = review.trigger.iter().map(|it| Seen { reference: it.reference.clone(), sha: it.sha.clone() });
    let recorded: Vec<Seen> = match kind {
        "trigger" => trigger.collect(),
        "intervention" => review.intervention.iter().filter_map(made).collect(),
        _ => candidate.collect(),
    };
    recorded.into_iter()
}
