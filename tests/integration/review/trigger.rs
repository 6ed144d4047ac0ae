//! A trigger branch whose workflow is somebody else's machine: here, another clone.

use super::Desk;

fn triggering() -> Desk {
    let desk = Desk::new();
    desk.world.git("fork", &["config", "--unset-all", "watch.upstream.dispatch"]);
    desk.set("watch.upstream.dispatch", "trigger-branch");
    desk.release("v3");
    let said = desk.says(&["poll"]);
    assert!(said.contains("pushed patch-moi/trigger/upstream/v3"), "{said}");
    // Its push has told that it is dispatched.
    assert!(!said.contains("is dispatched"), "{said}");
    desk
}

/// What the forge's workflow does: a checkout of the trigger branch, in which patches are carried.
fn workflow(desk: &Desk, verify: &str) {
    desk.world.git("", &["clone", "--quiet", "--branch", "patch-moi/trigger/upstream/v3", "forge.git", "runner"]);
    desk.world.git("runner", &["remote", "add", "upstream", "../upstream"]);
    desk.world.git("runner", &["config", "watch.upstream.verify", verify]);
    desk.world.git("runner", &["config", "watch.upstream.remote", "upstream"]);
    let state = desk.world.path("runner-state");
    let run = desk.environment().patch(&["carry", "--event", "HEAD", "--push"]).in_dir("runner");
    run.env("PATCH_STATE_DIR", state).success();
}

#[test]
fn its_candidate_is_found_verified_and_promoted() {
    let desk = triggering();
    desk.set("channel.internal.ref", "internal");
    desk.set("channel.internal.promote", "verified");
    assert_eq!(desk.says(&["poll"]), "");
    workflow(&desk, "true");
    let said = desk.says(&["poll"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "upstream: v3 awaits review: its candidate is on the fork");
    assert!(lines[1].starts_with("upstream: v3 is promoted to `internal`: refs/heads/internal = "), "{said}");
    assert_eq!(desk.states(), ["v3 dispatched trigger-ref", "v3 awaiting fork-ref"]);
    assert_eq!(desk.last_review()["verified"], true);
    assert_eq!(desk.on_forge("heads/internal"), desk.last_review()["sha"].as_str().unwrap());
}

#[test]
fn without_a_sign_of_life_it_is_overdue_once() {
    let desk = triggering();
    let at = |time: &str| desk.patch(&["poll"]).env("PATCH_NOW", format!("2026-01-02T{time}Z")).success().stdout;
    assert_eq!(at("04:04:05"), "");
    assert_eq!(at("04:04:06"), "upstream: v3 is unacknowledged: its trigger branch had no answer in time\n");
    assert_eq!(at("05:04:06"), "");
    workflow(&desk, "true");
    assert_eq!(at("06:00:00"), "upstream: v3 awaits review: its candidate is on the fork\n");
}

#[test]
fn one_that_is_taken_away_is_done() {
    let desk = triggering();
    desk.person(&["push", "--quiet", "--delete", "origin", "patch-moi/trigger/upstream/v3"]);
    assert_eq!(desk.says(&["poll"]), "upstream: v3 is completed: its trigger branch was taken away\n");
    assert_eq!(desk.says(&["poll"]), "");
}
