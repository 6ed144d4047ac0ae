use super::*;
use crate::{config, git::ConfigEntry, ledger::record::Record, parse::refs::RemoteRef, review::state::ReviewState};

fn watch() -> Watch {
    let entry = |name: &str, value: &str| ConfigEntry {
        scope: "local".to_owned(),
        origin: "file:.git/config".to_owned(),
        section: "watch".to_owned(),
        subsection: Some("up".to_owned()),
        name: name.to_owned(),
        value: Some(value.to_owned()),
    };
    config::read(&[entry("remote", "/srv/up")]).unwrap().watches.remove(0)
}

fn refs(all: &[(&str, &str)]) -> RemoteRefs {
    let mut refs = RemoteRefs::default();
    for (name, sha) in all {
        let (sha, peeled) = match sha.split_once('>') {
            Some((sha, peeled)) => (sha, Some(peeled.to_owned())),
            None => (*sha, None),
        };
        refs.refs.insert((*name).to_owned(), RemoteRef { sha: sha.to_owned(), peeled });
    }
    refs
}

fn state(lines: &[&str]) -> State {
    let mut state = State::default();
    for line in lines {
        let line = format!(r#"{{"v":1,"at":"2026-11-22T10:00:00.000Z","watch":"up",{line}}}"#);
        let record: Record = serde_json::from_str(&line).unwrap();
        state.fold(&record);
    }
    state
}

/// What is found of each signal: `key: candidate intervention trigger`, with `here` where the fork has it not.
#[track_caller]
fn case(state: &State, fork: Option<&[(&str, &str)]>, here: &[(&str, &str)], expected: &str) {
    let (fork, here) = (fork.map(refs), refs(here));
    let places = Places { fork: fork.as_ref(), here: &here, prefix: "patch-moi/" };
    let told = of_watch(&watch(), state, places).into_iter().map(|(id, refs)| {
        let at = |name: &str, at: Option<At>| {
            let at = at?;
            let place = if at.on_fork { "" } else { " here" };
            Some(format!(" {name}={}{place}", at.seen.sha))
        };
        let parts = [
            at("candidate", refs.candidate),
            at("attestation", refs.attestation),
            at("intervention", refs.intervention),
            at("trigger", refs.trigger),
            at("attested", refs.attested),
        ];
        format!("{id}:{}", parts.into_iter().flatten().collect::<String>())
    });
    assert_eq!(told.collect::<Vec<_>>().join("; "), expected);
}

const CANDIDATE: &str = "refs/heads/patch-moi/candidate/up/v2";
const ATTESTED: &str = "refs/patch-moi/attested/patch-moi/candidate/up/v2";
const ID: &str = "patch:up:v2:upstream.release";

#[test]
fn branches_of_ours_belong_to_their_signal() {
    let none = State::default();
    case(&none, None, &[], "");
    case(&none, Some(&[(CANDIDATE, "a")]), &[], &format!("{ID}: candidate=a"));
    case(&none, Some(&[]), &[(CANDIDATE, "a")], &format!("{ID}: candidate=a here"));
    case(&none, Some(&[(CANDIDATE, "b")]), &[(CANDIDATE, "a")], &format!("{ID}: candidate=b"));
    case(&none, Some(&[("refs/heads/patch-moi/trigger/up/v2", "t")]), &[], &format!("{ID}: trigger=t"));
    case(&none, None, &[("refs/heads/patch-moi/trigger/up/v2", "t")], "");
    // Of another watch, another prefix, of no kind, of no key that there can be.
    for other in [
        "refs/heads/patch-moi/candidate/down/v2",
        "refs/heads/patch/candidate/up/v2",
        "refs/heads/patch-moi/stack/up/v2/main",
        "refs/heads/patch-moi/candidate/up/v=zz",
        "refs/heads/patch-moi/candidate/v2",
        "refs/tags/patch-moi/candidate/up/v2",
        "refs/heads/main",
    ] {
        case(&none, Some(&[(other, "a")]), &[], "");
    }
    let odd = "refs/heads/patch-moi/candidate/up/rust=2fv1";
    case(&none, Some(&[(odd, "a")]), &[], "patch:up:rust/v1:upstream.release: candidate=a");
}

#[test]
fn the_last_intervention_counts() {
    let name = "refs/heads/patch-moi/intervention/up/v2";
    let (second, tenth) = (format!("{name}=+2"), format!("{name}=+10"));
    let all = [(name, "1"), (second.as_str(), "2"), (tenth.as_str(), "10")];
    case(&State::default(), Some(&all), &[], &format!("{ID}: intervention=10"));
    case(&State::default(), Some(&all[..1]), &all[1..2], &format!("{ID}: intervention=2 here"));
}

#[test]
fn an_attestation_counts_for_the_commit_that_it_is_about() {
    let none = State::default();
    case(
        &none,
        Some(&[(CANDIDATE, "a"), (ATTESTED, "o>a")]),
        &[],
        &format!("{ID}: candidate=a attestation=o attested=a"),
    );
    case(&none, Some(&[(CANDIDATE, "b"), (ATTESTED, "o>a")]), &[], &format!("{ID}: candidate=b attested=a"));
    // The candidate is gone, and was there.
    case(&none, Some(&[(ATTESTED, "o>a")]), &[], &format!("{ID}: attestation=o attested=a"));
    // A lightweight one is not ours.
    case(&none, Some(&[(ATTESTED, "a")]), &[], "");
}

#[test]
fn a_candidate_of_any_name_is_the_one_that_its_run_reported() {
    let signal = format!(
        r#""kind":"signal","id":"{ID}","change":"new","entry":{{"key":"v2"}},"targets":["command"],"event":{{"id":"{ID}",
        "type":"upstream.release","source":"patch","receivedAt":"2026-11-22T10:00:00.000Z","payload":{{}}}}"#
    );
    let run = format!(
        r#""kind":"run","id":"{ID}","target":"command","attempt":1,"status":"changed","durationMs":1,
        "candidates":[{{"ref":"origin/port-v2","sha":"a"}}]"#
    );
    let state = state(&[&signal, &run]);
    case(&state, Some(&[("refs/heads/port-v2", "a")]), &[], &format!("{ID}: candidate=a"));
    case(
        &state,
        Some(&[("refs/heads/other", "a")]),
        &[("refs/heads/port-v2", "a")],
        &format!("{ID}: candidate=a here"),
    );
    case(&state, Some(&[("refs/heads/other", "a")]), &[], "");
    // A branch of ours comes first.
    case(&state, Some(&[("refs/heads/port-v2", "a"), (CANDIDATE, "b")]), &[], &format!("{ID}: candidate=b"));
    assert!(state.reviews[ID].state != Some(ReviewState::Awaiting));
}

#[test]
fn a_key_too_long_for_a_name_is_found_where_it_is_known() {
    let key = "v".repeat(500);
    let name = format!("refs/heads/patch-moi/candidate/up/{}", component(&key));
    case(&State::default(), Some(&[(&name, "a")]), &[], "");
    let id = format!("patch:up:{key}:upstream.release");
    let review = format!(r#""kind":"review","id":"{id}","state":"pending","evidence":"ledger""#);
    case(&state(&[&review]), Some(&[(&name, "a")]), &[], &format!("{id}: candidate=a"));
}

#[test]
fn names_are_completed() {
    #[track_caller]
    fn case(reported: &str, expected: &str) {
        assert_eq!(full_name(reported, "origin"), expected);
    }
    case("refs/tags/v2-ours", "refs/tags/v2-ours");
    case("port", "refs/heads/port");
    case("origin/port", "refs/heads/port");
    case("origins/port", "refs/heads/origins/port");
}
