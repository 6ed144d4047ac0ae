//! Dispatch to programs: what they are given, what becomes of what they say, when they are tried again.

use crate::fork::Fork;
use expect_test::{Expect, expect};
use rustix::process::{Pid, Signal};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A flow runner that has no flow for the event.
const UNMATCHED: &str = r#"echo '{"eventId":"'"$PATCH_EVENT_ID"'","results":[]}'"#;

/// What a flow runner prints for one step.
fn document(status: &str, message: &str) -> String {
    format!(
        r#"echo '{{"eventId":"'"$PATCH_EVENT_ID"'","results":[{{"flow":"carry","step":"run","result":{{"status":"{status}","message":"{message}","artifacts":{{}}}}}}]}}'"#
    )
}

#[test]
fn a_command_gets_the_event_in_every_way_but_its_arguments() {
    let fork = Fork::dispatching("command", "exit 0");
    let command = format!("{} 'two words' --flag", fork.path("bin/runner").display());
    fork.set("watch.up.command", &command);
    let sha = fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> command: completed
    "#]]);
    let environment = fork.environment();
    assert_eq!(environment.read("args"), "two words\n--flag\n--\n");
    let event = environment.read("stdin");
    assert_eq!(event, environment.read("events"));
    assert_eq!(
        event,
        fork.patch(&["event", "v1.1.0"]).success().stdout.replace("$TEMP", environment.root().to_str().unwrap())
    );
    let document: Value = serde_json::from_str(&event).unwrap();
    assert_eq!(document["payload"]["sha"], sha.as_str());
    expect![[r#"
        {
          "id": "patch:up:v1.1.0:upstream.release",
          "payload": {
            "entryId": "v1.1.0",
            "event": "release",
            "provider": "git",
            "ref": "v1.1.0",
            "repo": "upstream",
            "repoName": "upstream",
            "sha": "ab1837aa032905a64b810c6aa831929f8435f736",
            "sourceId": "up",
            "tag": "v1.1.0"
          },
          "receivedAt": "2026-01-02T03:04:05.000Z",
          "source": "patch",
          "type": "upstream.release"
        }"#]]
    .assert_eq(
        &serde_json::to_string_pretty(&document).unwrap().replace(environment.root().to_str().unwrap(), "$TEMP"),
    );
    let file = fork.state("events").join(format!(
        "{}.json",
        environment.read("world").split("events/").nth(1).unwrap().split(".json").next().unwrap()
    ));
    let world = environment.read("world");
    let expected = format!(
        "{}\nid=patch:up:v1.1.0:upstream.release\nfile={}\nGIT_CEILING_DIRECTORIES={}\nGIT_CONFIG_NOSYSTEM=1\nGIT_TERMINAL_PROMPT=0\n",
        fork.path("fork").display(),
        file.display(),
        environment.root().display()
    );
    assert_eq!(world.replace("//", "/"), expected.replace("//", "/"));
    assert!(!file.exists(), "the event can be printed again at any time");
}

#[test]
fn a_runner_is_not_tied_to_the_repository_that_git_started_us_in() {
    let fork = Fork::dispatching("command", "git -C \"$ROOT/upstream\" rev-parse --show-toplevel > \"$ROOT/where\"");
    fork.release("v1.1.0");
    let git_dir = fork.path("fork/.git");
    let ran = fork
        .patch(&["poll"])
        .env("GIT_DIR", &git_dir)
        .env("GIT_WORK_TREE", fork.path("fork"))
        .env("GIT_INDEX_FILE", git_dir.join("index"))
        .env("GIT_PREFIX", "sub/")
        .env("GIT_OBJECT_DIRECTORY", git_dir.join("objects"))
        .env("GIT_COMMON_DIR", &git_dir)
        .run();
    fork.steady(&ran).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> command: completed
    "#]]);
    assert_eq!(fork.environment().read("where").trim_end(), fork.path("upstream").to_str().unwrap());
    let world = fork.environment().read("world");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"] {
        assert!(!world.contains(&format!("{name}=")), "{world}");
    }
}

#[test]
fn a_relative_state_directory_is_refused() {
    let fork = Fork::dispatching("command", "exit 0");
    let run = fork.environment().patch(&["poll"]).in_dir("fork").env("PATCH_STATE_DIR", "state").run();
    run.is(&expect![[r#"
        status: 2
        --- stderr
        error: PATCH_STATE_DIR is not an absolute path: state
        hint: a relative one would be another directory, and another ledger, from every place
    "#]]);
    assert!(!fork.path("fork/state").exists());
}

#[test]
fn a_flow_runner_is_called_as_its_contract_says() {
    let fork = Fork::dispatching("codex-flow", &document("completed", "all carried"));
    fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> codex-flow: completed: all carried
    "#]]);
    let world = fork.environment().read("world");
    let file = world.lines().find_map(|line| line.strip_prefix("file=")).unwrap();
    assert!(Path::new(file).is_absolute());
    let expected = format!("--cwd\n{}\nfire\n--event\n{file}\n--\n", fork.path("fork").display());
    assert_eq!(fork.environment().read("args"), expected);
    assert_eq!(fork.environment().read("stdin"), "");
    let event: Value = serde_json::from_str(&fork.environment().read("events")).unwrap();
    assert_eq!(event["id"], "patch:up:v1.1.0:upstream.release");
}

#[test]
fn the_default_flow_runner_is_found_on_path() {
    let fork = Fork::dispatching("codex-flow", &document("changed", "built"));
    fork.environment().git("fork", &["config", "--unset", "watch.up.command"]);
    fork.release("v1.1.0");
    let path = format!("{}:{}", fork.path("bin").display(), std::env::var("PATH").unwrap());
    let missing = fork.patch(&["poll"]).run();
    fork.steady(&missing).is(&expect![[r#"
        status: 1
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> codex-flow: failed: `codex-flow-runner` was not found on PATH; install it, or give its full path: cron has a short PATH
    "#]]);
    fs::rename(fork.path("bin/runner"), fork.path("bin/codex-flow-runner")).unwrap();
    let found = fork.patch_at("03:09:05", &["poll"]).env("PATH", path).run();
    fork.steady(&found).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 -> codex-flow: changed: built
    "#]]);
}

/// One poll with a flow runner that says `script`; its exit status and what is told.
#[track_caller]
fn flow(script: &str, expected: &Expect) {
    let fork = Fork::dispatching("codex-flow", script);
    fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(expected);
}

#[test]
fn exit_0_of_a_flow_runner_is_not_success() {
    flow(
        &document("skipped", "nothing to do"),
        &expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> codex-flow: skipped: nothing to do
    "#]],
    );
    flow(
        &document("completed", "done"),
        &expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> codex-flow: completed: done
    "#]],
    );
    flow(
        &document("changed", "pushed"),
        &expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> codex-flow: changed: pushed
    "#]],
    );
    flow(
        &document("needs_intervention", "conflict in a.c"),
        &expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> codex-flow: needs intervention: conflict in a.c
    "#]],
    );
    flow(
        &document("blocked", "no token"),
        &expect![[r#"
        status: 1
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> codex-flow: blocked: no token
    "#]],
    );
    flow(
        &document("failed", "tests fail"),
        &expect![[r#"
        status: 1
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> codex-flow: failed: tests fail
    "#]],
    );
}

#[test]
fn results_of_nobody_are_not_success() {
    let fork = Fork::dispatching("codex-flow", UNMATCHED);
    fork.release("v1.1.0");
    let told = fork.says_of(&["poll"]);
    assert_eq!(told.status, 1, "{told}");
    assert!(told.stdout.contains("v1.1.0 -> codex-flow: unmatched"), "{told}");
}

#[test]
fn exit_1_of_a_flow_runner_may_come_with_a_whole_document() {
    flow(
        &format!("{}; exit 1", document("needs_intervention", "conflict in a.c")),
        &expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> codex-flow: needs intervention: conflict in a.c
    "#]],
    );
}

#[test]
fn a_flow_runner_that_says_nothing_or_rubbish_failed() {
    let failed = |script: &str| {
        let fork = Fork::dispatching("codex-flow", script);
        fork.release("v1.1.0");
        let told = fork.says_of(&["poll"]);
        assert_eq!(told.status, 1, "{told}");
        assert!(told.stdout.contains("v1.1.0 -> codex-flow: failed"), "{told}");
        assert_eq!(told.stderr, "");
    };
    failed("exit 0");
    failed("exit 3");
    failed("echo '{\"eventId\":'; exit 0");
    failed("printf '\\377\\000\\033[31m{}[]'; exit 0");
    failed("echo '[]'; echo null");
    failed("kill -9 $$");
}

#[test]
fn a_flow_result_line_is_taken_from_plain_programs() {
    let fork = Fork::dispatching(
        "command",
        r#"echo working; echo 'FLOW_RESULT {"status":"needs_intervention","message":"look at a.c"}'"#,
    );
    fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> command: needs intervention: look at a.c
    "#]]);
    let fork = Fork::dispatching("codex-flow", r#"echo 'FLOW_RESULT {"status":"changed","message":"pushed"}'"#);
    fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> codex-flow: changed: pushed
    "#]]);
}

#[test]
fn a_command_that_fails_says_why() {
    let fork = Fork::dispatching("command", "echo 'compiling' >&2; echo 'no such header: \u{1b}[31mx.h' >&2; exit 7");
    fork.release("v1.1.0");
    let told = fork.says_of(&["poll"]);
    assert_eq!(told.status, 1, "{told}");
    assert!(told.stdout.contains("v1.1.0 -> command: failed"), "{told}");
    assert!(!told.stdout.contains('\u{1b}'), "{told}");
    assert!(fork.ledger().contains("\"exit\":\"exit status 7\""));
}

#[test]
fn failed_attempts_are_made_again_by_later_polls_with_growing_waits() {
    let fork = Fork::dispatching("command", "exit 1");
    fork.set("watch.up.retries", "3");
    fork.release("v1.1.0");
    let attempts = |time: &str| {
        let before = fork.history().matches("dispatch ").count();
        let status = fork.patch_at(time, &["poll"]).run().status;
        (status, fork.history().matches("dispatch ").count() - before)
    };
    assert_eq!(attempts("03:00:00"), (1, 1));
    assert_eq!(attempts("03:04:59"), (0, 0));
    assert_eq!(attempts("03:05:00"), (1, 1));
    assert_eq!(attempts("03:24:59"), (0, 0));
    fork.says_of(&["status"]).is(&expect![[r#"
        status: 0
        --- stdout
        nothing waits for a person
        waits for the next poll, or a run:
          up: v1.1.0 is pending: to be tried again: exit status 1

        WATCH  LOOKS AT     CHECKED   NEWEST  STATE
        up     ../upstream  just now  v1.1.0  to be tried again in 20min: v1.1.0
    "#]]);
    assert_eq!(attempts("03:25:00"), (1, 1));
    assert_eq!(attempts("2027-01-01T00:00:00"), (0, 0));
    expect![[r#"
        signal new patch:up:v1.1.0:upstream.release
        dispatch patch:up:v1.1.0:upstream.release command #1
        run patch:up:v1.1.0:upstream.release command #1 failed
        dispatch patch:up:v1.1.0:upstream.release command #2
        run patch:up:v1.1.0:upstream.release command #2 failed
        dispatch patch:up:v1.1.0:upstream.release command #3
        run patch:up:v1.1.0:upstream.release command #3 failed
    "#]]
    .assert_eq(&fork.history());
    let given_up = fork.patch_at("05:00:00", &["status"]).run();
    fork.steady(&given_up).is(&expect![[r#"
        status: 0
        --- stdout
        waits for a person:
          up: v1.1.0 failed 1h ago: exit status 1
            patch show v1.1.0; patch retry v1.1.0

        WATCH  LOOKS AT     CHECKED   NEWEST  STATE
        up     ../upstream  just now  v1.1.0  given up: v1.1.0
    "#]]);
    let events = fork.environment().read("events");
    let events: Vec<&str> = events.lines().collect();
    assert_eq!(events, [events[0]; 3], "every attempt is handed the same bytes");
}

#[test]
fn needs_intervention_blocked_and_unmatched_wait_for_a_person() {
    for script in [document("needs_intervention", "m"), document("blocked", "m"), UNMATCHED.to_owned()] {
        let fork = Fork::dispatching("codex-flow", &script);
        fork.release("v1.1.0");
        fork.patch(&["poll"]).run();
        let before = fork.ledger();
        let later = fork.patch_at("2027-01-01T00:00:00", &["poll"]).run();
        assert_eq!((later.status, later.stdout.as_str(), later.stderr.as_str()), (0, "", ""));
        assert_eq!(fork.ledger(), before);
    }
}

#[test]
fn a_failed_target_is_tried_again_and_the_others_are_not() {
    let fork = Fork::dispatching("command", "exit 0");
    fork.add("watch.up.dispatch", "codex-flow");
    fork.release("v1.1.0");
    fork.says_of_at("03:04:05", &["poll"]).is(&expect![[r#"
        status: 1
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> codex-flow: failed
        up: v1.1.0 -> command: completed
    "#]]);
    fork.says(&document("changed", "built"));
    let later = fork.patch_at("04:00:00", &["poll"]).run();
    fork.steady(&later).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 -> codex-flow: changed: built
    "#]]);
    expect![[r#"
        signal new patch:up:v1.1.0:upstream.release
        dispatch patch:up:v1.1.0:upstream.release codex-flow #1
        run patch:up:v1.1.0:upstream.release codex-flow #1 failed
        dispatch patch:up:v1.1.0:upstream.release command #1
        run patch:up:v1.1.0:upstream.release command #1 completed
        dispatch patch:up:v1.1.0:upstream.release codex-flow #2
        run patch:up:v1.1.0:upstream.release codex-flow #2 changed
    "#]]
    .assert_eq(&fork.history());
}

#[test]
fn without_a_target_a_signal_is_recorded_and_nobody_is_handed_it() {
    let fork = Fork::new();
    fork.set("watch.up.dispatch", "none");
    fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
    "#]]);
    expect![[r#"
        signal new patch:up:v1.1.0:upstream.release
    "#]]
    .assert_eq(&fork.history());
    fork.says_of(&["dispatch"]).is(&expect![[r#"
        status: 0
    "#]]);
}

#[test]
fn what_a_poll_leaves_is_dispatched_by_dispatch() {
    let fork = Fork::dispatching("command", "exit 0");
    fork.release("v1.1.0");
    fork.release("v1.2.0");
    fork.says_of(&["poll", "--no-dispatch"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        up: v1.2.0 is new
    "#]]);
    fork.says_of(&["status"]).is(&expect![[r#"
        status: 0
        --- stdout
        nothing waits for a person
        waits for the next poll, or a run:
          up: v1.1.0 is pending: to be handed over at the next poll
          up: v1.2.0 is pending: to be handed over at the next poll

        WATCH  LOOKS AT     CHECKED   NEWEST  STATE
        up     ../upstream  just now  v1.2.0  pending: v1.1.0 and 1 more
    "#]]);
    fork.says_of(&["dispatch", "--dry-run"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 would be dispatched to command
        up: v1.2.0 would be dispatched to command
    "#]]);
    fork.says_of(&["dispatch", "--dry-run", "--json"]).is(&expect![[r#"
        status: 0
        --- stdout
        {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"dispatch","watch":"up","id":"patch:up:v1.1.0:upstream.release","target":"command","attempt":1}
        {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"dispatch","watch":"up","id":"patch:up:v1.2.0:upstream.release","target":"command","attempt":1}
    "#]]);
    fork.says_of(&["dispatch"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 -> command: completed
        up: v1.2.0 -> command: completed
    "#]]);
    fork.says_of(&["dispatch"]).is(&expect![[r#"
        status: 0
    "#]]);
    expect![[r#"
        signal new patch:up:v1.1.0:upstream.release
        signal new patch:up:v1.2.0:upstream.release
        dispatch patch:up:v1.1.0:upstream.release command #1
        run patch:up:v1.1.0:upstream.release command #1 completed
        dispatch patch:up:v1.2.0:upstream.release command #1
        run patch:up:v1.2.0:upstream.release command #1 completed
    "#]]
    .assert_eq(&fork.history());
}

#[test]
fn the_latest_supersedes_those_before_it() {
    let fork = Fork::dispatching("command", "exit 1");
    fork.set("watch.up.policy", "latest");
    fork.release("v1.1.0");
    fork.release("v1.2.0");
    fork.says_of_at("03:04:05", &["poll"]).is(&expect![[r#"
        status: 1
        --- stdout
        up: v1.1.0 is new
        up: v1.2.0 is new
        up: v1.1.0 is superseded by v1.2.0
        up: v1.2.0 -> command: failed
    "#]]);
    fork.release("v1.3.0");
    fork.says("exit 0");
    fork.says_of_at("03:04:05", &["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.3.0 is new
        up: v1.2.0 is superseded by v1.3.0
        up: v1.3.0 -> command: completed
    "#]]);
    expect![[r#"
        signal new patch:up:v1.1.0:upstream.release
        signal new patch:up:v1.2.0:upstream.release
        skipped patch:up:v1.1.0:upstream.release v1.1.0 superseded
        dispatch patch:up:v1.2.0:upstream.release command #1
        run patch:up:v1.2.0:upstream.release command #1 failed
        signal new patch:up:v1.3.0:upstream.release
        skipped patch:up:v1.2.0:upstream.release v1.2.0 superseded
        dispatch patch:up:v1.3.0:upstream.release command #1
        run patch:up:v1.3.0:upstream.release command #1 completed
    "#]]
    .assert_eq(&fork.history());
}

#[test]
fn a_moved_tag_is_an_alarm_that_takes_the_place_of_nothing() {
    let fork = Fork::dispatching("command", "exit 1");
    fork.set("watch.up.policy", "latest");
    fork.release("v1.1.0");
    fork.patch(&["poll"]).run();
    fork.environment().git("upstream", &["tag", "--force", "--annotate", "--message", "again", "v1.0.0"]);
    fork.says("exit 0");
    let later = fork.patch_at("04:00:00", &["poll"]).run();
    fork.steady(&later).is(&expect![[r#"
        status: 0
        --- stdout
        up: tag v1.0.0 moved from 333a3c1277 to ab1837aa03: was it replaced on purpose?
        up: v1.1.0 -> command: completed
        up: v1.0.0@ab1837aa032905a64b810c6aa831929f8435f736 -> command: completed
    "#]]);
    fork.environment().git("upstream", &["tag", "--delete", "v1.0.0"]);
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.0.0 is gone upstream
    "#]]);
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
    "#]]);
    expect![[r#"
        signal new patch:up:v1.1.0:upstream.release
        dispatch patch:up:v1.1.0:upstream.release command #1
        run patch:up:v1.1.0:upstream.release command #1 failed
        signal moved patch:up:v1.0.0@ab1837aa032905a64b810c6aa831929f8435f736:upstream.release
        dispatch patch:up:v1.1.0:upstream.release command #2
        run patch:up:v1.1.0:upstream.release command #2 completed
        dispatch patch:up:v1.0.0@ab1837aa032905a64b810c6aa831929f8435f736:upstream.release command #1
        run patch:up:v1.0.0@ab1837aa032905a64b810c6aa831929f8435f736:upstream.release command #1 completed
        signal gone patch:up:v1.0.0@gone-ab1837aa032905a64b810c6aa831929f8435f736:upstream.release
    "#]]
    .assert_eq(&fork.history());
}

#[test]
fn a_replayed_signal_is_neither_superseded_nor_supersedes() {
    let fork = Fork::dispatching("command", "exit 0");
    fork.set("watch.up.policy", "latest");
    fork.release("v1.9.0");
    fork.patch(&["poll"]).success();
    fork.says("exit 1");
    fork.release("v1.10.0");
    fork.patch(&["poll"]).run();
    fork.says("exit 0");
    fork.says_of(&["replay", "v1.9.0"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.9.0 is due again
        up: v1.9.0 -> command: completed
    "#]]);
    let later = fork.patch_at("04:00:00", &["poll"]).run();
    fork.steady(&later).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.10.0 -> command: completed
    "#]]);
}

#[test]
fn a_runner_that_cannot_be_started_says_so() {
    let fork = Fork::dispatching("command", "");
    let runner = fork.path("bin/runner");
    fork.set("watch.up.command", fork.path("bin/missing").to_str().unwrap());
    fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 1
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> command: failed: `$TEMP/bin/missing` does not exist; check the path, and the first line of a script: its interpreter must exist
    "#]]);
    fs::set_permissions(&runner, fs::Permissions::from_mode(0o644)).unwrap();
    fork.set("watch.up.command", runner.to_str().unwrap());
    fork.says_of(&["retry", "v1.1.0"]).is(&expect![[r#"
        status: 1
        --- stdout
        up: v1.1.0 is due again
        up: v1.1.0 -> command: failed: `$TEMP/bin/runner` may not be executed; make it executable with `chmod +x`
    "#]]);
    fork.set("watch.up.command", "no-such-program-anywhere");
    fork.says_of(&["retry", "v1.1.0"]).is(&expect![[r#"
        status: 1
        --- stdout
        up: v1.1.0 is due again
        up: v1.1.0 -> command: failed: `no-such-program-anywhere` was not found on PATH; install it, or give its full path: cron has a short PATH
    "#]]);
}

#[test]
fn a_runner_that_a_signal_kills_failed() {
    let fork = Fork::dispatching("command", "kill -KILL $$");
    fork.release("v1.1.0");
    let told = fork.says_of(&["poll"]);
    assert_eq!((told.status, told.stderr.as_str()), (1, ""), "{told}");
    assert!(fork.ledger().contains("\"exit\":\"killed by signal 9\""));
}

#[test]
fn a_runner_that_hangs_is_ended_with_its_whole_group() {
    let fork = Fork::dispatching("command", "sleep 1000 & echo $! > \"$ROOT/child\"; echo $$ > \"$ROOT/leader\"; wait");
    fork.set("watch.up.timeout", "1");
    fork.release("v1.1.0");
    let told = fork.says_of(&["poll"]);
    assert_eq!((told.status, told.stderr.as_str()), (1, ""), "{told}");
    assert!(fork.ledger().contains("\"exit\":\"no end within 1 s\""), "{}", fork.ledger());
    for file in ["child", "leader"] {
        assert!(!fork.is_running(&fork.environment().read(file)), "{file}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn who_starts_us_may_ignore_the_end_of_children() {
    let fork = Fork::dispatching("command", "exit 0");
    fork.release("v1.1.0");
    // GNU env(1): a shell may not ignore SIGCHLD for others.
    let ignoring = |command: &str| {
        let ignoring = ["--ignore-signal=CHLD", env!("CARGO_BIN_EXE_patch"), command];
        fork.environment().run("env", &ignoring).in_dir("fork").run()
    };
    for (command, said) in
        [("poll", "up: v1.1.0 -> command: completed\n"), ("status", "up "), ("doctor", "ok      git: ")]
    {
        let told = ignoring(command);
        assert_eq!((told.status, told.stderr.as_str()), (0, ""), "{told}");
        assert!(told.stdout.contains(said), "{told}");
    }
}

/// Neither process is waited for by time: the runner says that it runs, and its end ends the poll.
#[test]
fn a_poll_that_is_told_to_end_ends_its_run_and_records_it() {
    let fork = Fork::dispatching("command", "echo started > \"$ROOT/here\"; read line < \"$ROOT/on\"");
    fork.release("v1.1.0");
    fork.release("v1.2.0");
    let here = fork.fifo("here");
    fork.fifo("on");
    let mut polling = fork.start(&["poll"]);
    fs::read_to_string(&here).unwrap();
    rustix::process::kill_process(Pid::from_child(&polling), Signal::TERM).unwrap();
    assert!(!polling.wait().unwrap().success());
    expect![[r#"
        signal new patch:up:v1.1.0:upstream.release
        signal new patch:up:v1.2.0:upstream.release
        dispatch patch:up:v1.1.0:upstream.release command #1
        run patch:up:v1.1.0:upstream.release command #1 failed
    "#]]
    .assert_eq(&fork.history());
    assert!(fork.ledger().contains("\"exit\":\"interrupted by signal 15\""), "{}", fork.ledger());
    fork.says("exit 0");
    fork.says_of_at("03:10:00", &["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 -> command: completed
        up: v1.2.0 -> command: completed
    "#]]);
}

#[test]
fn output_without_an_end_is_kept_at_both_ends_only() {
    let fork = Fork::dispatching("command", "echo first; head -c 300000000 /dev/zero | tr '\\0' x; echo; echo last");
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    let log = fs::read_dir(fork.state("runs")).unwrap().map(|entry| entry.unwrap().path());
    let log = log.into_iter().find(|path| path.extension().is_some_and(|it| it == "log")).unwrap();
    let text = fs::read_to_string(log).unwrap();
    assert!(text.len() < 3_000_000, "{}", text.len());
    assert!(text.starts_with("--- standard output\nfirst\nxxx"));
    assert!(text.ends_with("xxx\nlast\n--- exit status 0\n"));
    assert!(text.contains(" bytes left out]\n"));
}

#[test]
fn a_large_event_that_the_command_does_not_read_is_no_error() {
    let fork = Fork::new();
    fork.environment().program("bin/deaf", "#!/bin/sh\nexec < /dev/null\nexit 0\n");
    fork.set("watch.up.command", fork.path("bin/deaf").to_str().unwrap());
    fork.set("watch.up.dispatch", "command");
    // Longer than a pipe holds, and than one argument may be.
    let config = fork.environment().read("fork/.git/config");
    let long = "x".repeat(200_000);
    fork.environment().write("fork/.git/config", &format!("{config}[watch \"up\"]\n\tpayload = long={long}\n"));
    fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> command: completed
    "#]]);
}

#[test]
fn hostile_tags_reach_a_command_as_data_only() {
    let fork = Fork::dispatching("command", "exit 0");
    let tags =
        ["$(touch${IFS}x)", "`touch${IFS}x`", ";touch${IFS}x;", "v1&&touch${IFS}x", "'\"", "v1|x", "größe", "-v1"];
    fork.environment().commit("upstream", "file", "two\n");
    for tag in tags {
        fork.environment().git("upstream", &["update-ref", "--", &format!("refs/tags/{tag}"), "HEAD"]);
    }
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: $(touch${IFS}x) is new
        up: '" is new
        up: ;touch${IFS}x; is new
        up: `touch${IFS}x` is new
        up: größe is new
        up: -v1 is new
        up: v1&&touch${IFS}x is new
        up: v1|x is new
        up: $(touch${IFS}x) -> command: completed
        up: '" -> command: completed
        up: ;touch${IFS}x; -> command: completed
        up: `touch${IFS}x` -> command: completed
        up: größe -> command: completed
        up: -v1 -> command: completed
        up: v1&&touch${IFS}x -> command: completed
        up: v1|x -> command: completed
    "#]]);
    assert!(!fork.path("fork/x").exists());
    let events = fork.environment().read("stdin");
    let mut given: Vec<String> = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["payload"]["entryId"].as_str().unwrap().to_owned())
        .collect();
    let mut expected = tags.map(str::to_owned).to_vec();
    given.sort();
    expected.sort();
    assert_eq!(given, expected);
    assert!(fork.environment().read("args").lines().all(|line| line == "--" || line.is_empty()));
    let names =
        fs::read_dir(fork.state("runs")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for name in names {
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)), "{name}");
    }
}

/// Both runners wait for the test, so each of them runs while the other does.
#[test]
fn two_watches_dispatch_side_by_side() {
    let fork = Fork::dispatching("command", "echo started > \"$ROOT/here\"; read line < \"$ROOT/on\"");
    for (key, value) in [("remote", "upstream"), ("dispatch", "command")] {
        fork.set(&format!("watch.down.{key}"), value);
    }
    fork.set("watch.down.command", fork.path("bin/runner").to_str().unwrap());
    fork.patch(&["--quiet", "poll"]).success();
    fork.release("v1.1.0");
    let (here, on) = (fork.fifo("here"), fork.fifo("on"));
    let mut polling = fork.start(&["poll"]);
    let mut started = String::new();
    while started.lines().count() < 2 {
        File::open(&here).unwrap().read_to_string(&mut started).unwrap();
    }
    assert_eq!(fork.history().matches("dispatch ").count(), 2);
    assert_eq!(fork.history().matches("run ").count(), 0);
    // A reader that opens the pipe late meets a writer all the same: this end stays open.
    let mut both = File::options().read(true).write(true).open(&on).unwrap();
    both.write_all(b"go\ngo\n").unwrap();
    assert!(polling.wait().unwrap().success());
    assert_eq!(fork.history().matches("run ").count(), 2);
}

#[test]
fn one_watch_has_one_run_at_a_time_and_intake_goes_on_meanwhile() {
    let fork = Fork::dispatching("command", "echo started > \"$ROOT/here\"; read line < \"$ROOT/on\"");
    fork.release("v1.1.0");
    let (here, on) = (fork.fifo("here"), fork.fifo("on"));
    let mut first = fork.start(&["poll"]);
    fs::read_to_string(&here).unwrap();
    fork.release("v1.2.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.2.0 is new
    "#]]);
    fork.says_of(&["status"]).is(&expect![[r#"
        status: 0
        --- stdout
        nothing waits for a person
        waits for the next poll, or a run:
          up: v1.1.0 is being worked on: a run goes on
          up: v1.2.0 is pending: to be handed over at the next poll

        WATCH  LOOKS AT     CHECKED   NEWEST  STATE
        up     ../upstream  just now  v1.2.0  running: v1.1.0; pending: v1.2.0
    "#]]);
    expect![[r#"
        signal new patch:up:v1.1.0:upstream.release
        dispatch patch:up:v1.1.0:upstream.release command #1
        signal new patch:up:v1.2.0:upstream.release
    "#]]
    .assert_eq(&fork.history());
    // The one that holds the watch takes over what the other recorded.
    let mut both = File::options().read(true).write(true).open(&on).unwrap();
    both.write_all(b"go\n").unwrap();
    fs::read_to_string(&here).unwrap();
    both.write_all(b"go\n").unwrap();
    assert!(first.wait().unwrap().success());
    expect![[r#"
        signal new patch:up:v1.1.0:upstream.release
        dispatch patch:up:v1.1.0:upstream.release command #1
        signal new patch:up:v1.2.0:upstream.release
        run patch:up:v1.1.0:upstream.release command #1 completed
        dispatch patch:up:v1.2.0:upstream.release command #1
        run patch:up:v1.2.0:upstream.release command #1 completed
    "#]]
    .assert_eq(&fork.history());
}

#[test]
fn a_run_lock_that_is_held_leaves_the_signal_pending() {
    let fork = Fork::dispatching("command", "exit 0");
    fork.release("v1.1.0");
    let file = File::create(fork.state("runs/up.lock")).unwrap();
    fs2::FileExt::lock_exclusive(&file).unwrap();
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
    "#]]);
    drop(file);
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 -> command: completed
    "#]]);
}

#[test]
fn a_dispatch_that_fails_does_not_stop_the_other_watches() {
    let fork = Fork::dispatching("command", "exit 0");
    fork.set("watch.bad.remote", "upstream");
    fork.set("watch.bad.dispatch", "command");
    fork.set("watch.bad.command", "/no/such/program");
    fork.patch(&["--quiet", "poll"]).success();
    fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 1
        --- stdout
        bad: v1.1.0 is new
        up: v1.1.0 is new
        bad: v1.1.0 -> command: failed: `/no/such/program` does not exist; check the path, and the first line of a script: its interpreter must exist
        up: v1.1.0 -> command: completed
    "#]]);
}

#[test]
fn a_runner_is_ended_by_a_closed_pipe_as_anywhere() {
    let fork = Fork::dispatching("command", "kill -PIPE $$");
    fork.release("v1.1.0");
    fork.patch(&["poll"]).run();
    // A shell that found SIGPIPE ignored, as it is in our own process, would go on.
    assert!(fork.ledger().contains("\"exit\":\"killed by signal 13\""), "{}", fork.ledger());
}

#[test]
fn a_command_starts_in_the_worktree_from_wherever_the_poll_was_started() {
    let fork = Fork::dispatching("command", "exit 0");
    fork.environment().program("fork/ci/tool", "#!/bin/sh\npwd > \"$ROOT/where\"\n");
    fork.set("watch.up.command", "./ci/tool");
    for (tag, directory, args) in [
        ("v1.1.0", "fork/ci", &["poll"][..]),
        ("v1.2.0", "", &["-C", "fork/ci", "poll"]),
        ("v1.3.0", "home", &["poll", "-C", "../fork"]),
    ] {
        fork.release(tag);
        fork.environment().patch(args).in_dir(directory).success();
        assert_eq!(fork.environment().read("where").trim_end(), fork.path("fork").to_str().unwrap());
        assert_eq!(fork.history().matches("completed").count(), fork.history().matches("signal").count());
    }
}

#[test]
fn a_bare_repository_is_where_its_runs_work() {
    let fork = Fork::dispatching("codex-flow", &document("completed", "m"));
    let bare = fork.environment().bare_clone("fork", "bare.git");
    for (key, value) in [
        ("remote.upstream.url", fork.path("upstream")),
        ("watch.up.remote", fork.path("upstream")),
        ("watch.up.command", fork.path("bin/runner")),
        ("watch.up.dispatch", "codex-flow".into()),
    ] {
        fork.environment().git(&bare, &["config", key, value.to_str().unwrap()]);
    }
    fork.environment().patch(&["poll", "--backfill", "1"]).in_dir("bare.git").success();
    let world = fork.environment().read("world");
    assert_eq!(world.lines().next(), bare.to_str(), "{world}");
}

#[test]
fn what_is_given_up_stays_so_until_somebody_asks() {
    let fork = Fork::dispatching("command", "exit 1");
    fork.set("watch.up.retries", "1");
    fork.release("v1.1.0");
    assert_eq!(fork.patch(&["poll"]).run().status, 1);
    let later = fork.patch_at("2027-01-01T00:00:00", &["poll"]).run();
    assert_eq!((later.status, later.stdout.as_str(), later.stderr.as_str()), (0, "", ""));
    assert!(fork.patch(&["status"]).success().stdout.contains("given up: v1.1.0\n"));
    // What was given up is dispatched again when somebody asks, and as often as a new one.
    fork.says("exit 0");
    assert_eq!(fork.patch(&["retry", "--all"]).run().status, 0);
    assert!(fork.patch(&["status"]).success().stdout.contains("up to date"));
}
