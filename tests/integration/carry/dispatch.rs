//! The target `carry` of a poll, and the same run as a step of a forge's workflow.

use super::{World, lines};
use crate::environment::{Output, Run};
use expect_test::expect;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

const NAME: &str = "patch-moi/candidate/up/v3";

/// A fork with a forge and the watch `up`, polled once, which carries, verifies and pushes.
fn polled() -> World {
    let world = World::with_forge();
    world.set("watch.up.remote", "upstream");
    world.set("watch.up.dispatch", "carry");
    world.set("watch.up.push", "true");
    world.set("watch.up.verify", "grep -qx five f");
    patch(&world, &["--quiet", "poll"]).success();
    world
}

fn patch<'a>(world: &'a World, args: &[&str]) -> Run<'a> {
    world.environment().patch(args).in_dir("fork")
}

fn state(world: &World) -> PathBuf {
    fs::read_dir(world.path("state")).unwrap().next().unwrap().unwrap().path()
}

fn records(world: &World, kind: &str) -> Vec<Value> {
    let ledger = fs::read_to_string(state(world).join("ledger.jsonl")).unwrap();
    let records = ledger.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.filter(|record| record["kind"] == kind).collect()
}

/// The output without durations, commits of ours and the state directory's name.
fn steady(world: &World, output: &Output) -> Output {
    let name = state(world).file_name().unwrap().to_str().unwrap().to_owned();
    let text = |text: &str| {
        let text = text.replace(&name, "fork-ID");
        let lines = text.lines().map(|line| match (line.rfind(" ("), line.ends_with(" s, exit status 0)")) {
            (Some(at), true) => format!("{} (0 s, exit status 0)\n", &line[..at]),
            _ => format!("{line}\n"),
        });
        lines.collect::<String>()
    };
    Output { status: output.status, stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

#[test]
fn a_release_becomes_a_candidate_on_the_fork_and_then_there_is_silence() {
    let world = polled();
    let v3 = world.release("v3", &[("g", "three\n")]);
    patch(&world, &["poll"]).run().is(&expect![[r#"
        status: 0
        --- stdout
        up: v3 is new
        up: v3 -> carry: changed: 1 patch carried onto v3; verified; pushed to `origin`
    "#]]);
    let candidate = world.git("forge.git", &["rev-parse", NAME]);
    assert_eq!(world.git("forge.git", &["rev-parse", &format!("{candidate}^")]), v3);
    let runs = records(&world, "run");
    assert_eq!((runs.len(), &runs[0]["target"], &runs[0]["status"]), (1, &"carry".into(), &"changed".into()));
    let expected = serde_json::json!([{"kind": "branch", "ref": format!("refs/heads/{NAME}"), "remote": "origin",
        "sha": candidate, "pushed": true}]);
    assert_eq!(runs[0]["candidates"], expected);
    let report = fs::read_to_string(state(&world).join(runs[0]["report"].as_str().unwrap())).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["artifacts"]["patches"][0]["fate"], "carried");
    assert_eq!(report["artifacts"]["eventId"], "patch:up:v3:upstream.release");
    let range_diff = fs::read_to_string(report["artifacts"]["rangeDiff"].as_str().unwrap()).unwrap();
    assert!(range_diff.contains(" = 1:  "), "{range_diff}");
    let log = report["artifacts"]["checks"][0]["log"].as_str().unwrap();
    assert!(log.starts_with("runs/") && state(&world).join(log).is_file(), "{log}");
    patch(&world, &["poll"]).run().is(&expect![[r#"
        status: 0
    "#]]);
    assert!(!state(&world).join("events").read_dir().unwrap().any(|_| true));
}

#[test]
fn show_prints_what_a_person_would_review() {
    let world = polled();
    world.release("v3", &[("g", "three\n")]);
    patch(&world, &["--quiet", "poll"]).success();
    steady(&world, &patch(&world, &["show", "v3"]).run()).is(&expect![[r#"
        status: 0
        --- stdout
        patch:up:v3:upstream.release
          change    new
          tag       v3
          commit    2eb9914f9e279ccf47a012238b06dda32c82ef4b
          seen      2026-01-02T03:04:05.000Z
          for       carry
          2026-01-02T03:04:05.000Z  attempt 1 of carry begins
          2026-01-02T03:04:05.000Z  attempt 1 of carry changed: 1 patch carried onto v3; verified; pushed to `origin` (0 s, exit status 0)
              onto      v3 (2eb9914f9e)
              stack     main: 1 patch on 7add1ff90e
                  1 188c069411 -> 3d8d8824e5 Five: carried
              check     `grep -qx five f` passed (runs/2d7149a68fd3bdc5-carry-1-verify-1.log)
              result    3d8d8824e5 patch-moi/candidate/up/v3, on `origin`
              look      git range-diff 7add1ff90e..188c069411 2eb9914f9e..3d8d8824e5
                        $TEMP/state/fork-ID/runs/2d7149a68fd3bdc5-carry-1.range-diff
          2026-01-02T03:04:05.000Z  awaits review: its candidate is on the fork
              refs/heads/patch-moi/candidate/up/v3 = 3d8d8824e5bd16488d09893472cdaebcc5fbd2ff
              carried from 188c069411 onto 2eb9914f9e
              it passed its checks
    "#]]);
    let told = patch(&world, &["show", "--json", "v3"]).success().stdout;
    let mut lines = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let last = lines.find(|line| line["kind"] == "report").unwrap();
    assert_eq!((&last["kind"], &last["attempt"], &last["target"]), (&"report".into(), &1.into(), &"carry".into()));
    assert_eq!(last["report"]["artifacts"]["patches"][0]["subject"], "Five");
    let log = patch(&world, &["show", "--log", "v3"]).success().stdout;
    assert!(log.contains("FLOW_RESULT {"), "{log}");
}

#[test]
fn a_conflict_waits_for_a_person_and_show_says_how_to_go_on() {
    let world = polled();
    world.release("v3", &[("f", &lines(&[(5, "other")]))]);
    patch(&world, &["poll"]).run().is(&expect![[r#"
        status: 0
        --- stdout
        up: v3 is new
        up: v3 -> carry: needs intervention: patch 1 of 1 `Five` conflicts with v3 in f; patch-moi/intervention/up/v3 is prepared; pushed to `origin`
    "#]]);
    steady(&world, &patch(&world, &["show", "v3"]).run()).is(&expect![[r#"
        status: 0
        --- stdout
        patch:up:v3:upstream.release
          change    new
          tag       v3
          commit    ef32b65d71aba85165f8452d46de630c6fcad9db
          seen      2026-01-02T03:04:05.000Z
          for       carry
          2026-01-02T03:04:05.000Z  attempt 1 of carry begins
          2026-01-02T03:04:05.000Z  attempt 1 of carry needs_intervention: patch 1 of 1 `Five` conflicts with v3 in f; patch-moi/intervention/up/v3 is prepared; pushed to `origin` (0 s, exit status 0)
              onto      v3 (ef32b65d71)
              stack     main: 1 patch on 7add1ff90e
                  1 188c069411 Five: conflicts
              conflict  patch 1 of 1 `Five`
                f: both changed the same lines
                  upstream: ef32b65d71 Release v3
                  upstream: 9782f55c90 Release v2
              to decide c75207461f patch-moi/intervention/up/v3, on `origin`
              finish    git fetch; git switch patch-moi/intervention/up/v3; follow the commit's message
          2026-01-02T03:04:05.000Z  needs a person: its intervention branch is there
              refs/heads/patch-moi/intervention/up/v3 = c75207461f30a39b305fc19827f7b1bdf49e9ff2
    "#]]);
    // A person is waited for: nothing is tried again.
    patch(&world, &["poll"]).env("PATCH_NOW", "2026-01-04T03:04:05Z").run().is(&expect![[r#"
        status: 0
    "#]]);
    assert_eq!(world.on_forge("refs/heads/patch-moi").len(), 1);
}

#[test]
fn what_fails_is_tried_again_and_gives_the_candidate_of_the_event() {
    let world = polled();
    world.git("fork", &["config", "watch.up.verify", "sh -c 'test -e $HOME/mended || { echo broken; exit 1; }'"]);
    world.release("v3", &[("g", "three\n")]);
    let output = patch(&world, &["poll"]).run();
    assert_eq!(output.status, 1);
    assert!(
        output.stdout.contains("up: v3 -> carry: failed: 1 patch carried onto v3, and not published: "),
        "{output}"
    );
    assert!(output.stdout.contains(": exit status 1: broken"), "{output}");
    assert!(world.on_forge("refs/heads/patch-moi").is_empty());
    world.environment().write("home/mended", "");
    let later = patch(&world, &["poll"]).env("PATCH_NOW", "2026-01-02T04:04:05Z").run();
    assert!(later.stdout.contains("up: v3 -> carry: changed: "), "{later}");
    // The event's time is the commits' time, whenever they are made.
    assert_eq!(world.git("forge.git", &["log", "-1", "--format=%ct", NAME]), "1767323045");
}

#[test]
fn a_command_that_hangs_is_named_before_the_run_is_ended() {
    let world = polled();
    world.git("fork", &["config", "watch.up.verify", "sleep 1000"]);
    world.set("watch.up.timeout", "3");
    world.release("v3", &[("g", "three\n")]);
    let output = patch(&world, &["poll"]).run();
    assert!(output.stdout.contains("and not published: `sleep 1000`: no end within "), "{output}");
}

#[test]
fn an_alarm_is_never_carried_by_itself() {
    let world = polled();
    world.commit("upstream", "Another", &[("g", "another\n")]);
    world.git("upstream", &["tag", "--force", "--annotate", "--message", "again", "v2"]);
    let output = patch(&world, &["poll"]).run();
    assert!(output.stdout.contains("up: tag v2 moved from "), "{output}");
    assert!(!output.stdout.contains("carry"), "{output}");
    assert_eq!((records(&world, "signal").len(), records(&world, "dispatch").len()), (1, 0));
    let id = records(&world, "signal")[0]["id"].as_str().unwrap().to_owned();
    // Not by a replay that names nobody either; only if a person says so.
    let output = patch(&world, &["replay", &id]).run();
    assert_eq!(output.status, 2, "{output}");
    let output = patch(&world, &["replay", "--to", "carry", &id]).run();
    assert!(output.stdout.contains("-> carry: changed: 1 patch carried onto v2"), "{output}");
}

#[test]
fn a_tag_that_moved_since_the_event_is_refused_in_words() {
    let world = polled();
    world.release("v3", &[("g", "three\n")]);
    patch(&world, &["--quiet", "poll", "--no-dispatch"]).success();
    world.commit("upstream", "Another", &[("g", "another\n")]);
    world.git("upstream", &["tag", "--force", "--annotate", "--message", "again", "v3"]);
    let output = patch(&world, &["dispatch"]).run();
    assert_eq!(output.status, 1);
    assert!(output.stdout.contains("up: v3 -> carry: failed: upstream's tag v3 was moved: the event saw "), "{output}");
}

#[test]
fn a_run_that_is_killed_is_taken_up_again_to_the_same_candidate() {
    let undisturbed = polled();
    undisturbed.release("v3", &[("g", "three\n")]);
    patch(&undisturbed, &["--quiet", "poll"]).success();
    let expected = undisturbed.git("forge.git", &["rev-parse", NAME]);

    let world = polled();
    let fifo = world.path("fifo");
    world.environment().run("mkfifo", &[fifo.to_str().unwrap()]).success();
    let script = r#"test -e "$HOME/mended" || { echo $PPID > "$HOME/pid"; echo > ../../../../../fifo; sleep 1000; }"#;
    let script = script.replace("../../../../../fifo", fifo.to_str().unwrap()).replace("; sleep 1000", "");
    world.set("watch.up.verify", &shlex::try_join(["sh", "-c", &script]).unwrap());
    world.release("v3", &[("g", "three\n")]);
    let mut poll = world.start(&["poll"], "publish");
    // The command runs once it has been asked to write: until then the carry cannot have ended.
    let pid = loop {
        if let Some(pid) = fs::read_to_string(world.path("home/pid")).ok().filter(|pid| pid.ends_with('\n')) {
            break pid;
        }
        assert!(poll.try_wait().unwrap().is_none(), "the poll ended");
        std::thread::yield_now();
    };
    kill_process(Pid::from_child(&poll), Signal::KILL).unwrap();
    poll.wait().unwrap();
    kill_process(Pid::from_raw(pid.trim().parse().unwrap()).unwrap(), Signal::KILL).unwrap();
    // The command goes on alone, and ends.
    fs::read(&fifo).unwrap();
    assert!(world.on_forge("refs/heads/patch-moi").is_empty());
    world.environment().write("home/mended", "");
    let output = patch(&world, &["poll"]).run();
    assert!(output.stdout.contains("up: v3 -> carry: changed: "), "{output}");
    assert_eq!(records(&world, "run").last().unwrap()["attempt"], 2);
    assert_eq!(world.git("forge.git", &["rev-parse", NAME]), expected);
}

#[test]
fn a_workflow_step_in_a_fresh_clone_gives_the_same_candidate() {
    let world = polled();
    world.git("fork", &["config", "watch.up.push", "false"]);
    world.set("watch.up.dispatch", "trigger-branch");
    world.release("v3", &[("g", "three\n")]);
    patch(&world, &["--quiet", "poll"]).success();
    let ours = world.git("fork", &["rev-parse", NAME]);
    assert_eq!(world.on_forge("refs/heads/patch-moi").len(), 1);
    // As a forge's runner has it: one branch, a detached HEAD, no configuration but a remote.
    world.git("", &["clone", "--quiet", "--branch", "patch-moi/trigger/up/v3", "forge.git", "runner"]);
    world.git("runner", &["checkout", "--quiet", "--detach"]);
    let run = |args: &[&str]| world.environment().patch(args).in_dir("runner").run();
    let output = run(&["carry", "--event", "HEAD", "--push"]);
    assert_eq!(output.status, 2, "{output}");
    assert!(output.stderr.contains("hint: add it: `git remote add upstream "), "{output}");
    let line = output.stdout.strip_prefix("FLOW_RESULT ").unwrap_or_else(|| panic!("{output}"));
    assert_eq!(serde_json::from_str::<Value>(line).unwrap()["status"], "failed");
    world.git("runner", &["remote", "add", "upstream", "../upstream"]);
    world.git("runner", &["config", "patch.verify", "grep -qx three g"]);
    let output = run(&["carry", "--event", "HEAD", "--push", "--report", "report.json"]);
    assert_eq!(output.status, 0, "{output}");
    let line = output.stdout.strip_prefix("FLOW_RESULT ").unwrap_or_else(|| panic!("{output}"));
    let result: Value = serde_json::from_str(line).unwrap();
    assert_eq!(result["message"], "1 patch carried onto v3; verified; pushed to `origin`");
    assert_eq!(result["artifacts"]["watch"], "up");
    assert_eq!(world.git("forge.git", &["rev-parse", NAME]), ours);
    let kept: Value = serde_json::from_str(&world.environment().read("runner/report.json")).unwrap();
    assert_eq!(kept["artifacts"]["candidateRefs"][0]["sha"], ours);
    assert!(world.environment().read("runner/report.range-diff").contains(" = 1:  "));
    // The machine that polls finds that done.
    world.git("fork", &["config", "watch.up.push", "true"]);
    let output = patch(&world, &["replay", "--to", "carry", "v3"]).run();
    assert!(output.stdout.contains("carry: skipped: "), "{output}");
    assert!(output.stdout.contains("`origin` has it already"), "{output}");
}

#[test]
fn the_event_reaches_the_commands() {
    let world = polled();
    let script = r#"cat "$PATCH_EVENT_FILE" > "$HOME/event"; echo "$PATCH_EVENT_ID" > "$HOME/id""#;
    world.set("watch.up.verify", &shlex::try_join(["sh", "-c", script]).unwrap());
    world.release("v3", &[("g", "three\n")]);
    patch(&world, &["--quiet", "poll"]).success();
    assert_eq!(world.environment().read("home/id"), "patch:up:v3:upstream.release\n");
    assert_eq!(world.environment().read("home/event"), patch(&world, &["event", "v3"]).success().stdout);
    // By hand there is none, whatever the environment says.
    let script = r#"echo "${PATCH_EVENT_ID-none}" > "$HOME/id""#;
    world.git("fork", &["config", "--replace-all", "watch.up.verify", &shlex::try_join(["sh", "-c", script]).unwrap()]);
    patch(&world, &["carry", "--onto", "v2"]).env("PATCH_EVENT_ID", "other").success();
    assert_eq!(world.environment().read("home/id"), "none\n");
}

#[test]
fn whoever_finishes_an_intervention_is_told_how_the_poll_hears_of_it() {
    let world = polled();
    world.release("v3", &[("f", &lines(&[(5, "theirs")]))]);
    patch(&world, &["--quiet", "poll"]).success();
    let both = lines(&[(5, "five\ntheirs")]);
    let told = world.finish("fork", "patch-moi/intervention/up/v3", &[("f", &both)]);
    assert_eq!(told.report["status"], "changed", "{}", told.output);
    let next = "\n  where it is polled, the next poll sees the candidate\n";
    assert!(told.output.stderr.ends_with(next), "{}", told.output);
    let said = patch(&world, &["poll"]).success().stdout;
    assert_eq!(said, "up: v3 awaits review: its candidate is on the fork\n");
    patch(&world, &["--quiet", "retry", "v3"]).success();
    assert_eq!(records(&world, "run").last().unwrap()["status"], "skipped");
}
