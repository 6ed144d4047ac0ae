//! `patch sync`: the refs read, each signal judged, and what is another state than before recorded.

use super::{
    attestation::{self, Attestation},
    forks::{self, Answer},
    judge::{Candidate, Judged, Landed, Sight, Situation, judge, reopens},
    landing::{self, Wanted},
    looked::{Looked, Pair},
    objects,
    order::{self, Age},
    refs::{self, Places, Refs},
    stacks,
    state::{Evidence, ReviewState, Verdict},
};
use crate::{
    carry::{id::CommitId, repository::Repository},
    dispatch::result::Provenance,
    ledger::{
        Ledger,
        record::{Body, Problem, Record, Review},
        state::{Pushed, Seen, State, UnderReview},
    },
    parse::refs::RemoteRefs,
    signals,
    time::Timestamp,
    watch::{Watch, WatchName},
    workspace::{Failure, Workspace},
};
use std::collections::BTreeMap;

/// What a sync found.
#[derive(Debug, Default)]
pub struct Synced {
    /// What was recorded.
    pub records: Vec<Record>,
    /// What is wrong with which watch's fork.
    pub problems: Vec<(WatchName, Problem)>,
    /// The fork's refs of each watch, where it was asked.
    pub forks: BTreeMap<WatchName, Answer>,
}

/// Judges every signal of `watches`, and records those that are in another state than before.
///
/// The caller holds the intake lock. With `all`, every fork is asked; otherwise those that can tell
/// something.
///
/// # Errors
/// When the ledger cannot be written, this repository cannot be read, or a signal told us to end. What
/// is wrong with one fork is no error: it is told.
pub fn run(
    workspace: &Workspace,
    watches: &[&Watch],
    ledger: &mut Ledger,
    all: bool,
    now: Timestamp,
) -> Result<Synced, Failure> {
    let answers = forks::ask(workspace, watches, ledger.state(), all);
    let mut synced = Synced::default();
    let has_work = |watch: &&Watch, answer: &Answer| {
        matches!(answer, Answer::Refs(_)) || ledger.state().reviews.values().any(|it| it.watch == watch.name)
    };
    if !watches.iter().zip(&answers).any(|(watch, answer)| has_work(watch, answer)) {
        synced.forks = watches.iter().map(|watch| watch.name.clone()).zip(answers).collect();
        return Ok(synced);
    }
    let here = workspace.git.local_refs(&["refs/heads/", attestation::PREFIX])?;
    let mut looked = Looked::read(&workspace.places.state);
    for (watch, answer) in watches.iter().zip(answers) {
        if let Answer::Problem(problem) = &answer {
            synced.problems.push((watch.name.clone(), problem.clone()));
        }
        let review = Reviewing { workspace, watch, state: ledger.state(), answer: &answer, here: &here, now };
        match review.all(&mut looked) {
            Ok(records) => synced.records.extend(records),
            Err(Failure::Interrupted(signal)) => return Err(Failure::Interrupted(signal)),
            Err(failure) => synced.problems.push((watch.name.clone(), unreadable(&failure))),
        }
        synced.forks.insert(watch.name.clone(), answer);
    }
    if let Some(signal) = signals::interrupted() {
        return Err(Failure::Interrupted(signal));
    }
    ledger.append(&synced.records)?;
    looked.keep(&workspace.places.state, ledger.state());
    Ok(synced)
}

fn unreadable(failure: &Failure) -> Problem {
    Problem {
        kind: "review".to_owned(),
        message: format!("cannot tell what became of candidates: {failure}"),
        hint: failure.hint(),
    }
}

/// The reviews of one watch.
struct Reviewing<'a> {
    workspace: &'a Workspace,
    watch: &'a Watch,
    state: &'a State,
    answer: &'a Answer,
    here: &'a RemoteRefs,
    now: Timestamp,
}

/// A signal, how far it came by the ledger, and its refs.
struct Case {
    id: String,
    review: UnderReview,
    refs: Refs,
    /// The trigger branch, found without a record of its push.
    found_trigger: Option<Pushed>,
    landed: Option<Landed>,
    candidate: Option<Candidate>,
    /// Whether there is nothing to tell whether it landed by: no branch that holds the stack.
    has_no_stack: bool,
}

impl Reviewing<'_> {
    fn all(&self, looked: &mut Looked) -> Result<Vec<Record>, Failure> {
        let places = Places { fork: self.fork(), here: self.here, prefix: &self.workspace.config.settings.ref_prefix };
        let found = refs::of_watch(self.watch, self.state, places);
        let mut cases = self.cases(found);
        if cases.is_empty() {
            return Ok(Vec::new());
        }
        let is_to_look_at = |case: &Case| case.refs != Refs::default() || was_candidate(&case.review).is_some();
        if cases.iter().any(|case| is_to_look_at(case) && !self.is_settled(case)) {
            let repository = Repository::open(self.workspace, self.watch.timeout)?;
            self.bring(&repository, &cases)?;
            let stacks = match self.answer {
                Answer::Refs(fork) => stacks::heads(&repository, self.watch, Some(fork), self.here)?,
                Answer::NoFork => stacks::heads(&repository, self.watch, None, self.here)?,
                // There is a fork, and it is not known what it has.
                Answer::NotAsked | Answer::Problem(_) => Vec::new(),
            };
            for case in &mut cases {
                case.has_no_stack = stacks.is_empty() && was_candidate(&case.review).is_some();
                self.look(&repository, &stacks, case, looked)?;
            }
        }
        let ages = self.ages(&cases);
        let mut records = Vec::new();
        for case in &cases {
            let open = self.state.open.get(&case.id);
            let (retries, timeout, now) = (self.watch.retries, self.watch.timeout, self.now);
            let situation = Situation { review: &case.review, open, retries, timeout, now };
            let sight = self.sight(case, &ages);
            let is_over = self.state.closed.contains_key(&case.id);
            if is_over && !reopens(&case.review, &sight) {
                continue;
            }
            let judged = judge(situation, &sight);
            if judged.is_news(&case.review) {
                records.push(self.record(case, judged));
            }
        }
        Ok(records)
    }

    fn fork(&self) -> Option<&RemoteRefs> {
        match self.answer {
            Answer::Refs(refs) => Some(refs),
            Answer::NoFork | Answer::NotAsked | Answer::Problem(_) => None,
        }
    }

    /// Everything that may be in another state than before.
    fn cases(&self, mut found: BTreeMap<String, Refs>) -> Vec<Case> {
        let own = self.state.reviews.iter().filter(|(_, review)| review.watch == self.watch.name);
        for (id, _) in own {
            found.entry(id.clone()).or_default();
        }
        let case = |(id, refs): (String, Refs)| {
            let known = self.state.review(&id).cloned();
            let review = known.unwrap_or_else(|| self.unknown(&refs));
            Case { id, review, refs, found_trigger: None, landed: None, candidate: None, has_no_stack: false }
        };
        found.into_iter().map(case).collect()
    }

    /// A signal that the ledger knows nothing of; that there was a candidate, its attestation may tell.
    fn unknown(&self, refs: &Refs) -> UnderReview {
        let begun = UnderReview::begun(self.watch.name.clone(), self.now);
        match &refs.attested {
            Some(at) if refs.candidate.is_none() => UnderReview {
                state: Some(ReviewState::Awaiting),
                evidence: Some(if at.on_fork { Evidence::ForkRef } else { Evidence::LocalRef }),
                seen: Some(at.seen.clone()),
                ..begun
            },
            _ => begun,
        }
    }

    /// Whether nothing of a signal has to be looked at: it is at its end, and its refs are as they were.
    fn is_settled(&self, case: &Case) -> bool {
        let is_over = self.state.closed.contains_key(&case.id);
        is_over
            && case.refs.candidate.as_ref().is_none_or(|at| {
                let as_it_was = case.review.seen.as_ref().is_some_and(|before| before.sha == at.seen.sha);
                as_it_was && !(at.on_fork && case.review.evidence == Some(Evidence::Removed))
            })
    }

    /// Fetches what is not here, all of it at once.
    fn bring(&self, repository: &Repository, cases: &[Case]) -> Result<(), Failure> {
        let Some(fork) = self.fork() else { return Ok(()) };
        let mut wanted: Vec<Seen> = Vec::new();
        for case in cases.iter().filter(|case| !self.is_settled(case)) {
            let Refs { candidate, attestation, trigger, attested, .. } = &case.refs;
            let trigger = trigger.as_ref().filter(|_| case.review.trigger.is_none());
            let on_fork = [candidate.as_ref(), attestation.as_ref(), trigger].into_iter().flatten();
            wanted.extend(on_fork.filter(|at| at.on_fork).map(|at| at.seen.clone()));
            // Its object is a tag of the candidate, which comes with it.
            let attested = attested.as_ref().filter(|at| at.on_fork && candidate.is_none());
            wanted.extend(
                attested
                    .map(|at| Seen { reference: attestation::reference(&at.seen.reference), sha: at.seen.sha.clone() }),
            );
        }
        let has_candidate = |case: &Case| case.refs.candidate.is_some() || case.review.seen.is_some();
        if cases.iter().any(|case| has_candidate(case) && !self.is_settled(case)) {
            wanted.extend(stacks::branches(self.watch, fork));
        }
        objects::fetch(self.workspace, repository, self.watch, &wanted)
    }

    /// Looks at what the refs of a signal hold.
    fn look(
        &self,
        repository: &Repository,
        stacks: &[CommitId],
        case: &mut Case,
        looked: &mut Looked,
    ) -> Result<(), Failure> {
        if self.is_settled(case) {
            return Ok(());
        }
        if let Some(at) = case.refs.trigger.as_ref().filter(|_| case.review.trigger.is_none()) {
            case.found_trigger = objects::trigger(self.workspace, self.watch, &case.id, at)?;
            case.review.trigger.clone_from(&case.found_trigger);
        }
        let Some(seen) = case.refs.candidate.as_ref().map(|at| at.seen.clone()).or_else(|| was_candidate(&case.review))
        else {
            return Ok(());
        };
        let message = match &case.refs.attestation {
            Some(attestation) => objects::tag_message(repository, &attestation.seen.sha)?,
            None => None,
        };
        let mut provenance = match message {
            Some(message) => Attestation::read(&message).provenance,
            None if is_about(&case.review, &seen) => case.review.provenance.clone(),
            None => Provenance::default(),
        };
        provenance.onto = provenance.onto.or_else(|| case.review.upstream.clone());
        case.landed = landed(repository, stacks, &case.id, &seen, &provenance, looked)?;
        match &case.refs.candidate {
            Some(at) => case.candidate = Some(Candidate { seen, on_fork: at.on_fork, provenance }),
            None => case.review.provenance = provenance,
        }
        Ok(())
    }

    /// Which candidates there are to overtake others, with their ages.
    fn ages(&self, cases: &[Case]) -> Vec<(Age, String)> {
        let refused = |case: &&Case| {
            let word = case.review.word.as_ref().filter(|word| word.verdict == Verdict::Rejected);
            word.is_some_and(|word| word.sha == case.candidate.as_ref().map(|it| it.seen.sha.clone()))
        };
        let there = cases.iter().filter(|case| case.candidate.is_some() || case.landed.is_some());
        let mut ages: Vec<(Age, String)> = there
            .filter(|case| !refused(case))
            .map(|case| (order::age(self.watch, &case.id, &case.review), case.id.clone()))
            .collect();
        let landed = self
            .state
            .closed
            .iter()
            .filter(|(_, review)| review.watch == self.watch.name && review.state == Some(ReviewState::Landed));
        ages.extend(landed.map(|(id, review)| (order::age(self.watch, id, review), id.clone())).max());
        ages
    }

    fn sight(&self, case: &Case, ages: &[(Age, String)]) -> Sight {
        let own = order::age(self.watch, &case.id, &case.review);
        // The next one, whatever came after it: a rebuilt ledger then says the same.
        let newer = ages.iter().filter(|(age, _)| *age > own).min();
        Sight {
            // A candidate that is gone is refused or landed, and only the stack tells which.
            asked: (self.fork().is_some() || matches!(self.answer, Answer::NoFork)) && !case.has_no_stack,
            candidate: case.candidate.clone(),
            intervention: case.refs.intervention.as_ref().map(|at| at.seen.clone()),
            trigger: case.refs.trigger.as_ref().map(|at| at.seen.clone()),
            landed: case.landed.clone(),
            newer: newer.map(|(_, id)| id.clone()),
        }
    }

    fn record(&self, case: &Case, judged: Judged) -> Record {
        let seen = judged.seen;
        let (reference, sha) = seen.map(|seen| (seen.reference, seen.sha)).unzip();
        let review = Review {
            watch: self.watch.name.clone(),
            id: case.id.clone(),
            state: judged.state,
            previous: case.review.state,
            evidence: judged.evidence,
            reference,
            sha,
            onto: judged.provenance.onto,
            stack: judged.provenance.stack,
            verified: judged.provenance.verified,
            resolved_by: judged.provenance.resolved_by,
            landed_as: judged.landed_as,
            trigger: case.found_trigger.clone(),
            superseded_by: judged.superseded_by,
            verdict: None,
            by: None,
            message: None,
        };
        Record::new(self.now, Body::Review(Box::new(review)))
    }
}

/// How a branch of the stack has the candidate. Nothing is looked at twice.
fn landed(
    repository: &Repository,
    stacks: &[CommitId],
    id: &str,
    seen: &Seen,
    provenance: &Provenance,
    looked: &mut Looked,
) -> Result<Option<Landed>, Failure> {
    let pair = Pair {
        candidate: seen.sha.clone(),
        stacks: stacks.iter().map(CommitId::to_string).collect(),
        origin: [provenance.onto.clone(), provenance.stack.clone()],
    };
    if looked.knows(id, &pair) {
        return Ok(None);
    }
    let Some(candidate) = objects::commit(repository, &seen.sha)? else { return Ok(None) };
    let known = |sha: &Option<String>| sha.as_ref().map_or(Ok(None), |sha| objects::commit(repository, sha));
    let (onto, carried_from) = (known(&provenance.onto)?, known(&provenance.stack)?);
    let wanted = Wanted { candidate: &candidate, onto: onto.as_ref(), carried_from: carried_from.as_ref() };
    for stack in stacks {
        if let Some(landed) = landing::landed(repository, wanted, stack)? {
            return Ok(Some(landed));
        }
    }
    looked.note(id, pair);
    Ok(None)
}

/// The candidate that a review was about, where there is none to be seen.
fn was_candidate(review: &UnderReview) -> Option<Seen> {
    review.seen.clone().filter(|_| review.state == Some(ReviewState::Awaiting))
}

/// Whether what is known of how a candidate came about is about this commit.
fn is_about(review: &UnderReview, seen: &Seen) -> bool {
    let made = review.candidates.iter().any(|made| made.sha.as_ref() == Some(&seen.sha));
    made || (review.state == Some(ReviewState::Awaiting) && review.seen.as_ref().is_some_and(|it| it.sha == seen.sha))
}
