use super::*;
use crate::{
    carry::pick::ResolvedBy,
    event::Event,
    ledger::state::{Delivery, Made, Pushed, Stage, Word},
    watch::Target,
};
use std::sync::Arc;

const ID: &str = "patch:up:v2:upstream.release";

fn at(text: &str) -> Timestamp {
    format!("2026-11-22T{text}Z").parse().unwrap()
}

fn seen(name: &str, sha: &str) -> Seen {
    Seen { reference: format!("refs/heads/{name}"), sha: sha.to_owned() }
}

/// A signal of which nothing is known yet.
fn begun() -> UnderReview {
    UnderReview::begun("up".parse().unwrap(), at("12:00:00"))
}

/// One that was in this state at the last look, for this ref.
fn was(state: ReviewState, evidence: Evidence, name: &str) -> UnderReview {
    UnderReview { state: Some(state), evidence: Some(evidence), seen: Some(seen(name, "a")), ..begun() }
}

fn triggered() -> UnderReview {
    let Seen { reference, sha } = seen("trigger", "t");
    UnderReview { trigger: Some(Pushed { reference, sha, at: at("12:00:00") }), ..begun() }
}

fn word(verdict: Verdict, sha: Option<&str>) -> Word {
    Word { verdict, sha: sha.map(str::to_owned), by: None, at: at("12:00:00") }
}

fn open(stage: Stage, failures: u32) -> OpenSignal {
    let delivery = Delivery {
        attempt: failures,
        failures,
        at: at("12:00:00"),
        stage,
        requested: false,
        again: false,
        message: None,
    };
    let event = Event {
        id: ID.to_owned(),
        event_type: "upstream.release".to_owned(),
        source: "patch".to_owned(),
        occurred_at: None,
        received_at: at("12:00:00"),
        payload: serde_json::Map::new(),
    };
    OpenSignal {
        sequence: 1,
        watch: "up".parse().unwrap(),
        change: Change::New,
        key: "v2".to_owned(),
        at: at("12:00:00"),
        event: Arc::new(event),
        deliveries: [(Target::Carry, delivery)].into(),
    }
}

fn asked() -> Sight {
    Sight { asked: true, ..Sight::default() }
}

fn on_fork(sha: &str) -> Sight {
    let candidate = Candidate { seen: seen("candidate", sha), on_fork: true, provenance: Provenance::default() };
    Sight { candidate: Some(candidate), ..asked() }
}

fn here(sha: &str) -> Sight {
    let candidate = Candidate { seen: seen("candidate", sha), on_fork: false, provenance: Provenance::default() };
    Sight { candidate: Some(candidate), ..asked() }
}

fn judged(review: &UnderReview, open: Option<&OpenSignal>, sight: &Sight, now: &str) -> Judged {
    let timeout = Duration::from_hours(1);
    judge(Situation { review, open, retries: 3, timeout, now: at(now) }, sight)
}

#[track_caller]
fn case(review: &UnderReview, open: Option<&OpenSignal>, sight: &Sight, now: &str, state: ReviewState, by: Evidence) {
    let judged = judged(review, open, sight, now);
    assert_eq!((judged.state, judged.evidence), (state, by));
}

#[test]
fn a_candidate_waits_until_it_landed_or_is_gone() {
    use Evidence::{Contained, ForkRef, LocalRef, NewerCandidate, Removed, Run};
    use ReviewState::{Awaiting, Completed, Landed as HasLanded, Rejected, Superseded};
    let on_the_fork = was(Awaiting, ForkRef, "candidate");
    let in_the_clone = was(Awaiting, LocalRef, "candidate");
    let now = "12:30:00";
    case(&begun(), None, &on_fork("a"), now, Awaiting, ForkRef);
    case(&begun(), None, &here("a"), now, Awaiting, LocalRef);
    case(&on_the_fork, None, &on_fork("a"), now, Awaiting, ForkRef);
    case(&on_the_fork, None, &on_fork("b"), now, Awaiting, ForkRef);
    case(&on_the_fork, None, &asked(), now, Rejected, Removed);
    case(&in_the_clone, None, &asked(), now, Rejected, Removed);
    // Taken away from the fork, it still lies where it was made; a new one is another.
    case(&on_the_fork, None, &here("a"), now, Rejected, Removed);
    case(&on_the_fork, None, &here("b"), now, Awaiting, LocalRef);
    case(&in_the_clone, None, &here("a"), now, Awaiting, LocalRef);
    // Nobody looked.
    case(&on_the_fork, None, &Sight::default(), now, Awaiting, ForkRef);
    let brought = Some(Landed { evidence: Evidence::Squashed, as_commit: "m".to_owned() });
    let overtaken = Sight { landed: brought.clone(), newer: Some("n".to_owned()), ..on_fork("a") };
    case(&on_the_fork, None, &overtaken, now, Superseded, NewerCandidate);
    let overtaken = Sight { landed: brought, newer: Some("n".to_owned()), ..asked() };
    case(&on_the_fork, None, &overtaken, now, Superseded, NewerCandidate);
    let landed = Some(Landed { evidence: Contained, as_commit: "m".to_owned() });
    case(&on_the_fork, None, &Sight { landed: landed.clone(), ..asked() }, now, HasLanded, Contained);
    case(&on_the_fork, None, &Sight { landed, ..on_fork("a") }, now, HasLanded, Contained);
    let newer = Some("patch:up:v3:upstream.release".to_owned());
    case(&on_the_fork, None, &Sight { newer: newer.clone(), ..on_fork("a") }, now, Superseded, NewerCandidate);
    case(&begun(), None, &Sight { newer, ..asked() }, now, Superseded, NewerCandidate);
    // What a run tells of, and is nowhere to be seen, is not rejected by that.
    let candidates = vec![Made { reference: "x".to_owned(), sha: Some("a".to_owned()) }];
    case(&UnderReview { candidates, ..begun() }, None, &asked(), now, Awaiting, Run);
    case(&begun(), None, &asked(), now, Completed, Run);
}

#[test]
fn a_person_has_the_last_word_on_one_commit() {
    use Evidence::{ForkRef, Ledger, Person};
    use ReviewState::{Awaiting, Completed, NeedsIntervention, Rejected};
    let now = "12:30:00";
    let rejected = UnderReview { word: Some(word(Verdict::Rejected, Some("a"))), ..begun() };
    case(&rejected, None, &asked(), now, Rejected, Person);
    case(&rejected, None, &on_fork("a"), now, Rejected, Person);
    case(&rejected, None, &on_fork("b"), now, Awaiting, ForkRef);
    let approved = UnderReview { word: Some(word(Verdict::Approved, Some("a"))), ..begun() };
    case(&approved, None, &on_fork("a"), now, Awaiting, ForkRef);
    // An alarm waits for a word, whoever was told of it.
    let moved = UnderReview { change: Change::Moved, ..begun() };
    case(&moved, None, &asked(), now, NeedsIntervention, Ledger);
    case(&UnderReview { word: Some(word(Verdict::Approved, None)), ..moved }, None, &asked(), now, Completed, Person);
}

#[test]
fn what_is_at_its_end_is_looked_at_again_for_another_candidate_only() {
    #[track_caller]
    fn case(review: &UnderReview, sight: &Sight, expected: bool) {
        assert_eq!(reopens(review, sight), expected);
    }
    let landed = was(ReviewState::Landed, Evidence::Contained, "candidate");
    let removed = was(ReviewState::Rejected, Evidence::Removed, "candidate");
    let refused = UnderReview {
        word: Some(word(Verdict::Rejected, Some("a"))),
        ..was(ReviewState::Rejected, Evidence::Person, "candidate")
    };
    for review in [&landed, &removed, &refused] {
        case(review, &asked(), false);
        case(review, &here("a"), false);
        case(review, &on_fork("b"), true);
    }
    case(&landed, &on_fork("a"), false);
    case(&removed, &on_fork("a"), true);
    case(&refused, &on_fork("a"), false);
    let completed = UnderReview { state: Some(ReviewState::Completed), evidence: Some(Evidence::Run), ..begun() };
    case(&completed, &on_fork("a"), true);
}

#[test]
fn deliveries_tell_how_far_it_is() {
    use Evidence::{InterventionRef, Ledger, NewerCandidate, NewerSignal, Removed, Run};
    use ReviewState::{Failed, NeedsIntervention, Pending, Rejected, Running, Superseded};
    let now = "12:01:00";
    let delivery = |stage, failures| open(stage, failures);
    case(&begun(), Some(&delivery(Stage::Pending, 0)), &asked(), now, Pending, Ledger);
    case(&begun(), Some(&delivery(Stage::Started, 0)), &asked(), now, Running, Ledger);
    case(&begun(), Some(&delivery(Stage::Ended(Status::Failed), 1)), &asked(), now, Pending, Ledger);
    case(&begun(), Some(&delivery(Stage::Ended(Status::Failed), 3)), &asked(), now, Failed, Run);
    case(&begun(), Some(&delivery(Stage::Ended(Status::Blocked), 0)), &asked(), now, Failed, Run);
    case(&begun(), Some(&delivery(Stage::Ended(Status::Unmatched), 0)), &asked(), now, Failed, Run);
    let runs = [(Target::Carry, Status::NeedsIntervention)].into();
    let asks = UnderReview { runs, ..begun() };
    let waiting = delivery(Stage::Ended(Status::NeedsIntervention), 0);
    case(&asks, Some(&waiting), &asked(), now, NeedsIntervention, Run);
    let branch = Sight { intervention: Some(seen("intervention", "i")), ..asked() };
    case(&asks, Some(&waiting), &branch, now, NeedsIntervention, InterventionRef);
    let was_there = was(NeedsIntervention, InterventionRef, "intervention");
    case(&was_there, Some(&waiting), &asked(), now, Rejected, Removed);
    case(&was_there, Some(&waiting), &Sight::default(), now, NeedsIntervention, InterventionRef);
    // A newer candidate leaves nothing to be decided, but takes nothing away that is to be handed over.
    let newer = Sight { newer: Some("n".to_owned()), ..branch };
    case(&asks, Some(&waiting), &newer, now, Superseded, NewerCandidate);
    case(&begun(), Some(&delivery(Stage::Pending, 0)), &newer, now, NeedsIntervention, InterventionRef);
    let newer = Sight { newer: Some("n".to_owned()), ..asked() };
    case(&begun(), Some(&delivery(Stage::Pending, 0)), &newer, now, Pending, Ledger);
    let passed_over = UnderReview { superseded_by: Some("n".to_owned()), ..begun() };
    case(&passed_over, None, &asked(), now, Superseded, NewerSignal);
}

#[test]
fn a_trigger_is_answered_or_overdue() {
    use Evidence::{ForkRef, Timeout, TriggerMoved, TriggerRef, TriggerRemoved};
    use ReviewState::{Awaiting, Completed, Dispatched, Running, Unacknowledged};
    let there = |sha: &str| Sight { trigger: Some(seen("trigger", sha)), ..asked() };
    case(&triggered(), None, &there("t"), "13:00:00", Dispatched, TriggerRef);
    case(&triggered(), None, &there("t"), "13:00:01", Unacknowledged, Timeout);
    case(&triggered(), None, &there("u"), "13:00:01", Running, TriggerMoved);
    case(&triggered(), None, &asked(), "12:30:00", Completed, TriggerRemoved);
    case(&triggered(), None, &Sight::default(), "12:30:00", Dispatched, TriggerRef);
    case(&triggered(), None, &Sight::default(), "14:00:00", Unacknowledged, Timeout);
    case(&triggered(), None, &on_fork("a"), "14:00:00", Awaiting, ForkRef);
    let moved = UnderReview { trigger: triggered().trigger, ..was(Running, TriggerMoved, "trigger") };
    case(&moved, None, &Sight::default(), "14:00:00", Running, TriggerMoved);
}

#[test]
fn only_what_is_another_state_is_news() {
    #[track_caller]
    fn case(review: &UnderReview, sight: &Sight, expected: bool) {
        assert_eq!(judged(review, None, sight, "12:30:00").is_news(review), expected);
    }
    let awaiting = was(ReviewState::Awaiting, Evidence::ForkRef, "candidate");
    case(&begun(), &on_fork("a"), true);
    case(&awaiting, &on_fork("a"), false);
    case(&awaiting, &on_fork("b"), true);
    case(&awaiting, &asked(), true);
    // What was here alone is on the fork now.
    case(&was(ReviewState::Awaiting, Evidence::LocalRef, "candidate"), &on_fork("a"), true);
    // Somebody else's checks passed.
    let mut sight = on_fork("a");
    let provenance =
        Provenance { verified: Some(true), resolved_by: vec![ResolvedBy::Rerere], ..Provenance::default() };
    if let Some(candidate) = &mut sight.candidate {
        candidate.provenance = provenance.clone();
    }
    case(&awaiting, &sight, true);
    case(&UnderReview { provenance, ..awaiting }, &sight, false);
    case(&UnderReview { state: Some(ReviewState::Completed), ..begun() }, &asked(), false);
}
