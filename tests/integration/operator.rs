//! The operator's commands: look at signals, attempts and runs; retry, replay, print events.

use crate::fork::Fork;
use expect_test::expect;
use serde_json::Value;

/// A flow runner's document with a step and a candidate.
const CHANGED: &str = r#"echo 'rebasing'; echo '{"eventId":"e","results":[]}' > /dev/null; echo warning >&2"#;

/// `v1.1.0` is done, `v1.2.0` waits to be tried again, `v2.0.0` failed too.
fn busy() -> Fork {
    let fork = Fork::dispatching("command", CHANGED);
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    fork.says("echo 'no luck' >&2; exit 4");
    fork.release("v1.2.0");
    fork.release("v2.0.0");
    fork.patch(&["poll"]).run();
    fork
}

#[test]
fn status_shows_every_watch_on_a_line() {
    let fork = busy();
    fork.set("watch.quiet.remote", "upstream");
    fork.set("watch.quiet.tags", "none-*");
    fork.set("watch.gone.remote", "../no-such-repository");
    let told = fork.patch_at("03:05:05", &["poll", "gone"]).run();
    assert_eq!(told.status, 1, "{told}");
    let status = fork.patch_at("03:06:05", &["status"]).success();
    let status: Vec<&str> = status.stdout.lines().skip_while(|line| !line.starts_with("WATCH ")).collect();
    assert_eq!(status.len(), 4, "{status:?}");
    assert!(status[1].starts_with("gone ") && status[1].ends_with("  fails"), "{status:?}");
    assert!(status[2].starts_with("quiet ") && status[2].ends_with("not polled yet"), "{status:?}");
    assert!(status[3].starts_with("up ") && status[3].contains("2min ago"), "{status:?}");
    assert!(status[3].ends_with("to be tried again in 3min: v1.2.0 and 1 more"), "{status:?}");
    fork.says_of(&["status", "up"]).is(&expect![[r#"
        status: 0
        --- stdout
        nothing waits for a person
        waits for the next poll, or a run:
          up: v1.2.0 is pending: to be tried again: exit status 4
          up: v2.0.0 is pending: to be tried again: exit status 4

        WATCH  LOOKS AT     CHECKED   NEWEST  STATE
        up     ../upstream  just now  v2.0.0  to be tried again in 5min: v1.2.0 and 1 more
    "#]]);
    fork.says_of(&["status", "upp"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: there is no watch `upp`
        hint: did you mean `up`?
    "#]]);
}

/// The fields of an object, sorted.
fn fields(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn status_as_json_has_these_fields_and_no_others() {
    let fork = busy();
    let status = fork.patch(&["status", "--json"]).success().stdout;
    assert_eq!(status.lines().count(), 3);
    let status: Value = serde_json::from_str(status.lines().last().unwrap()).unwrap();
    assert_eq!(
        fields(&status),
        ["checkedAt", "deliveries", "dispatch", "event", "kind", "known", "newest", "primed", "source", "watch"]
    );
    let delivery = &status["deliveries"][0];
    assert_eq!(fields(delivery), ["attempt", "id", "key", "message", "retryAt", "standing", "status", "target"]);
    assert_eq!(
        (delivery["standing"].as_str(), delivery["retryAt"].as_str(), delivery["attempt"].as_u64()),
        (Some("retrying"), Some("2026-01-02T03:09:05.000Z"), Some(1))
    );
    let quiet = Fork::new();
    quiet.says_of(&["status", "--json"]).is(&expect![[r#"
        status: 0
        --- stdout
        {"kind":"watch","watch":"up","source":"../upstream","event":"release","dispatch":[],"checkedAt":"2026-01-02T03:04:05.000Z","primed":true,"known":1,"newest":{"key":"v1.0.0","at":"2026-01-02T03:04:05.000Z"},"deliveries":[]}
    "#]]);
}

#[test]
fn log_lists_records_the_newest_last() {
    let fork = busy();
    let listed = fork.steady(&fork.patch(&["log", "-n", "3", "--kind", "dispatch"]).run());
    listed.is(&expect![[r#"
        status: 0
        --- stdout
        AT                    WATCH  KIND      WHAT
        2026-01-02T03:04:05Z  up     dispatch  v1.1.0 -> command, attempt 1
        2026-01-02T03:04:05Z  up     dispatch  v1.2.0 -> command, attempt 1
        2026-01-02T03:04:05Z  up     dispatch  v2.0.0 -> command, attempt 1
    "#]]);
    fork.says_of(&["log", "--kind", "signal", "up"]).is(&expect![[r#"
        status: 0
        --- stdout
        AT                    WATCH  KIND    WHAT
        2026-01-02T03:04:05Z  up     signal  v1.1.0 is new
        2026-01-02T03:04:05Z  up     signal  v1.2.0 is new
        2026-01-02T03:04:05Z  up     signal  v2.0.0 is new
    "#]]);
    fork.says_of(&["log", "--kind", "signals"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: invalid value 'signals' for '--kind <KIND>'
          [possible values: primed, signal, skipped, dispatch, run, request, review, promotion, notice, watchError, gap]

          tip: a similar value exists: 'signal'

        For more information, try '--help'.
    "#]]);
    fork.says_of(&["log", "other"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: there is no watch `other`
        hint: the watches are up
    "#]]);
    let all = fork.patch(&["log", "-n", "0", "--json"]).success().stdout;
    assert_eq!(all, fork.ledger().replace(fork.environment().root().to_str().unwrap(), "$TEMP"));
    let last = fork.patch(&["log", "-n", "1", "--json"]).success().stdout;
    assert_eq!(last.lines().next(), all.lines().last());
    // A watch that is configured no more still has its records.
    fork.environment().git("fork", &["config", "--rename-section", "watch.up", "watch.renamed"]);
    assert_eq!(fork.patch(&["log", "up", "--json", "-n0"]).success().stdout, all);
    assert_eq!(fork.patch(&["log", "renamed"]).success().stdout, "");
}

#[test]
fn records_as_json_have_these_fields_and_no_others() {
    let fork = busy();
    fork.patch_at("04:00:00", &["replay", "v1.1.0"]).run();
    let mut told = String::new();
    for record in fork.records() {
        let line = format!("{}: {}\n", record["kind"].as_str().unwrap(), fields(&record).join(" "));
        let line = line.replace(" message", "");
        if !told.contains(&line) {
            told.push_str(&line);
        }
    }
    expect![[r#"
        primed: at entries kind reason source v watch
        signal: at change entry event id kind targets v watch
        dispatch: at attempt id kind target v watch
        run: at attempt durationMs exit id kind log status target v watch
        review: at evidence id kind state v watch
        request: action at attempt change event id kind targets v watch
    "#]]
    .assert_eq(&told);
}

#[test]
fn show_tells_all_of_one_signal() {
    let fork = Fork::dispatching("command", CHANGED);
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    fork.says_of(&["show", "v1.1.0"]).is(&expect![[r#"
        status: 0
        --- stdout
        patch:up:v1.1.0:upstream.release
          change    new
          tag       v1.1.0
          commit    ab1837aa032905a64b810c6aa831929f8435f736
          seen      2026-01-02T03:04:05.000Z
          for       command
          2026-01-02T03:04:05.000Z  attempt 1 of command begins
          2026-01-02T03:04:05.000Z  attempt 1 of command completed (0 s, exit status 0)
          2026-01-02T03:04:05.000Z  is completed: as its run reported
        output of attempt 1 of command:
          --- standard output
          rebasing
          --- standard error
          warning
          --- exit status 0
    "#]]);
    fork.says_of(&["show", "v1.1.0", "--log"]).is(&expect![[r#"
        status: 0
        --- stdout
        output of attempt 1 of command:
          --- standard output
          rebasing
          --- standard error
          warning
          --- exit status 0
    "#]]);
    fork.says_of(&["show", "v1.1.0", "--json"]).is(&expect![[r#"
        status: 0
        --- stdout
        {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"signal","watch":"up","id":"patch:up:v1.1.0:upstream.release","change":"new","entry":{"key":"v1.1.0","tag":"v1.1.0","sha":"ab1837aa032905a64b810c6aa831929f8435f736"},"targets":["command"],"event":{"id":"patch:up:v1.1.0:upstream.release","type":"upstream.release","source":"patch","receivedAt":"2026-01-02T03:04:05.000Z","payload":{"entryId":"v1.1.0","event":"release","provider":"git","ref":"v1.1.0","repo":"upstream","repoName":"upstream","sha":"ab1837aa032905a64b810c6aa831929f8435f736","sourceId":"up","tag":"v1.1.0"}}}
        {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"dispatch","watch":"up","id":"patch:up:v1.1.0:upstream.release","target":"command","attempt":1}
        {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"run","watch":"up","id":"patch:up:v1.1.0:upstream.release","target":"command","attempt":1,"status":"completed","exit":"exit status 0","durationMs":0,"log":"runs/d87ebe4a51fb778b-command-1.log"}
        {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"review","watch":"up","id":"patch:up:v1.1.0:upstream.release","state":"completed","evidence":"run"}
    "#]]);
    fork.says_of(&["show", "v1.1.0", "--json", "--log"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: the argument '--json' cannot be used with '--log'

        Usage: patch show --json <ID>

        For more information, try '--help'.
    "#]]);
    fork.says_of(&["show"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: the following required arguments were not provided:
          <ID>

        Usage: patch show <ID>

        For more information, try '--help'.
    "#]]);
}

#[test]
fn show_tells_the_reviews_of_a_candidate_without_a_signal() {
    let fork = busy();
    let review = |key: &str, second: u8, rest: &str| {
        format!(
            "{{\"v\":1,\"at\":\"2026-01-02T03:04:0{second}.000Z\",\"kind\":\"review\",\"watch\":\"up\",\
             \"id\":\"patch:up:{key}:upstream.release\",{rest}}}\n"
        )
    };
    let candidate = "\"ref\":\"refs/heads/patch-moi/candidate/up/v3\",\"sha\":\"0123\"";
    let seen = review("v3.0.0", 6, &format!("\"state\":\"awaiting\",\"evidence\":\"fork-ref\",{candidate}"));
    let approved = review(
        "v3.0.0",
        7,
        "\"state\":\"awaiting\",\"evidence\":\"person\",\"verdict\":\"approved\",\"by\":\"Ann <a@b>\",\"message\":\"good\\u001b\"",
    );
    let other = review("v3.1.0", 8, "\"state\":\"landed\",\"evidence\":\"contained\"");
    fork.write_ledger(fork.ledger() + &seen + &approved + &other);
    fork.says_of(&["show", "v3.0"]).is(&expect![[r#"
        status: 0
        --- stdout
        patch:up:v3.0.0:upstream.release
          2026-01-02T03:04:06.000Z  awaits review: its candidate is on the fork
              refs/heads/patch-moi/candidate/up/v3 = 0123
              it is not known to have passed any checks
          2026-01-02T03:04:07.000Z  is approved by Ann <a@b>: good\u{1b}
    "#]]);
    assert_eq!(fork.patch(&["show", "--json", "v3.0"]).success().stdout, seen + &approved);
    fork.says_of(&["show", "v3"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: 2 signals begin with `v3`
        hint: name one: up:v3.0.0, up:v3.1.0
    "#]]);
    // Nobody can be handed what is no signal.
    fork.says_of(&["replay", "v3.0"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: there is no signal `v3.0`
        hint: list them with `patch log --kind signal`
    "#]]);
}

#[test]
fn signals_are_named_by_any_unique_beginning() {
    let fork = busy();
    let shown = |name: &str| fork.patch(&["event", name]).run();
    let whole = shown("patch:up:v2.0.0:upstream.release");
    assert_eq!(whole.status, 0);
    assert_eq!(shown("v2.0.0"), whole);
    assert_eq!(shown("v2"), whole);
    assert_eq!(shown("up:v2"), whole);
    assert_eq!(shown("patch:up:v2"), whole);
    fork.says_of(&["show", "v1"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: 2 signals begin with `v1`
        hint: name one: up:v1.1.0, up:v1.2.0
    "#]]);
    fork.says_of(&["show", "v9"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: there is no signal `v9`
        hint: list them with `patch log --kind signal`
    "#]]);
    fork.says_of(&["retry", "v9"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: there is no signal `v9`
        hint: list them with `patch log --kind signal`
    "#]]);
    fork.says_of(&["replay", "v1"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: 2 signals begin with `v1`
        hint: name one: up:v1.1.0, up:v1.2.0
    "#]]);
    fork.says_of(&["event", "v1"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: 2 signals begin with `v1`
        hint: name one: up:v1.1.0, up:v1.2.0
    "#]]);
    fork.says_of(&["event", "HEAD"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: `HEAD` is neither a trigger commit nor a signal
        hint: list the signals with `patch log --kind signal`
    "#]]);
}

#[test]
fn retry_makes_what_failed_due_and_dispatches_it() {
    let fork = busy();
    fork.says("exit 0");
    fork.says_of(&["retry", "v1.2.0"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.2.0 is due again
        up: v1.2.0 -> command: completed
    "#]]);
    fork.says_of(&["retry", "v1.2.0"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: nothing of `patch:up:v1.2.0:upstream.release` failed or waits for a person, for the targets that its watch has
        hint: `patch dispatch` does what is due; to dispatch it again all the same, `patch replay`
    "#]]);
    fork.says_of(&["retry"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: the following required arguments were not provided:
          <ID>...

        Usage: patch retry <ID>...

        For more information, try '--help'.
    "#]]);
    fork.says_of(&["retry", "--all", "v2.0.0"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: the argument '--all' cannot be used with '[ID]...'

        Usage: patch retry --all [ID]...

        For more information, try '--help'.
    "#]]);
    fork.says_of(&["retry", "--all", "--no-dispatch"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v2.0.0 is due again
    "#]]);
    fork.says_of(&["status"]).is(&expect![[r#"
        status: 0
        --- stdout
        nothing waits for a person
        waits for the next poll, or a run:
          up: v2.0.0 is pending: to be tried again: exit status 4

        WATCH  LOOKS AT     CHECKED   NEWEST  STATE
        up     ../upstream  just now  v2.0.0  pending: v2.0.0
    "#]]);
    fork.says_of(&["dispatch"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v2.0.0 -> command: completed
    "#]]);
    fork.says_of(&["retry", "--all"]).is(&expect![[r#"
        status: 0
    "#]]);
}

#[test]
fn what_failed_may_be_retried_after_its_wait_too() {
    let fork = busy();
    fork.says("exit 0");
    let retried = fork.patch_at("09:00:00", &["retry", "v1.2.0"]).run();
    fork.steady(&retried).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.2.0 is due again
        up: v1.2.0 -> command: completed
        up: v2.0.0 -> command: completed
    "#]]);
}

#[test]
fn retry_of_all_leaves_what_the_configuration_has_no_more() {
    let fork = busy();
    fork.set("watch.up.dispatch", "none");
    fork.says("exit 0");
    fork.says_of(&["retry", "--all"]).is(&expect![[r#"
        status: 0
    "#]]);
    let later = fork.patch_at("09:00:00", &["poll"]).run();
    assert_eq!((later.status, later.stdout.as_str(), later.stderr.as_str()), (0, "", ""));
    fork.says_of(&["retry", "v1.2.0"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: nothing of `patch:up:v1.2.0:upstream.release` failed or waits for a person, for the targets that its watch has
        hint: `patch dispatch` does what is due; to dispatch it again all the same, `patch replay`
    "#]]);
}

#[test]
fn retry_of_an_unknown_signal_among_others_does_nothing() {
    let fork = busy();
    let before = fork.ledger();
    assert_eq!(fork.patch(&["retry", "v1.2.0", "v9"]).run().status, 2);
    assert_eq!(fork.patch(&["replay", "v1.1.0", "v9"]).run().status, 2);
    assert_eq!(fork.ledger(), before);
}

#[test]
fn replay_dispatches_again_what_is_done() {
    let fork = busy();
    fork.says("exit 0");
    fork.says_of(&["replay", "v1.1.0"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is due again
        up: v1.1.0 -> command: completed
    "#]]);
    fork.says_of(&["replay", "v1.1.0", "--json"]).is(&expect![[r#"
        status: 0
        --- stdout
        {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"request","watch":"up","id":"patch:up:v1.1.0:upstream.release","action":"replay","targets":["command"],"change":"new","attempt":2,"event":{"id":"patch:up:v1.1.0:upstream.release","type":"upstream.release","source":"patch","receivedAt":"2026-01-02T03:04:05.000Z","payload":{"entryId":"v1.1.0","event":"release","provider":"git","ref":"v1.1.0","repo":"upstream","repoName":"upstream","sha":"ab1837aa032905a64b810c6aa831929f8435f736","sourceId":"up","tag":"v1.1.0"}}}
        {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"dispatch","watch":"up","id":"patch:up:v1.1.0:upstream.release","target":"command","attempt":3}
        {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"run","watch":"up","id":"patch:up:v1.1.0:upstream.release","target":"command","attempt":3,"status":"completed","exit":"exit status 0","durationMs":0,"log":"runs/d87ebe4a51fb778b-command-3.log"}
        {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"review","watch":"up","id":"patch:up:v1.1.0:upstream.release","state":"completed","evidence":"run"}
    "#]]);
    fork.says_of(&["replay", "v1.1.0", "--no-dispatch"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is due again
    "#]]);
    fork.says_of(&["dispatch"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 -> command: completed
    "#]]);
    let events = fork.environment().read("events");
    let of_it: Vec<&str> = events.lines().filter(|line| line.contains("v1.1.0")).collect();
    assert_eq!(of_it, [of_it[0]; 4], "the same event, byte for byte");
    fork.says_of(&["replay"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: the following required arguments were not provided:
          <ID>...

        Usage: patch replay <ID>...

        For more information, try '--help'.
    "#]]);
}

#[test]
fn replay_hands_a_signal_to_another_target() {
    let fork = busy();
    fork.says_of(&["replay", "v1.1.0", "--to", "trigger-branch"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is due again
        up: v1.1.0 -> trigger-branch: completed: pushed patch-moi/trigger/up/v1.1.0
    "#]]);
    fork.says_of(&["replay", "v1.1.0", "--to", "nobody"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: invalid value 'nobody' for '--to <TARGET>'
          [possible values: codex-flow, trigger-branch, command, carry]

        For more information, try '--help'.
    "#]]);
    fork.environment().git("fork", &["config", "--unset", "watch.up.command"]);
    fork.set("watch.up.dispatch", "none");
    fork.says_of(&["replay", "v1.1.0", "--to", "command"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: watch `up` has no command
        hint: set one: `git config watch.up.command COMMAND`
    "#]]);
    fork.says_of(&["replay", "v1.1.0"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: watch `up` dispatches to nobody
        hint: name a target: `patch replay --to TARGET patch:up:v1.1.0:upstream.release`
    "#]]);
}

#[test]
fn a_signal_that_nobody_was_handed_can_be_replayed_to_somebody() {
    let fork = Fork::dispatching("none", "exit 0");
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    fork.says_of(&["retry", "v1.1.0"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: nothing of `patch:up:v1.1.0:upstream.release` failed or waits for a person, for the targets that its watch has
        hint: `patch dispatch` does what is due; to dispatch it again all the same, `patch replay`
    "#]]);
    fork.says_of(&["replay", "v1.1.0", "--to", "command"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is due again
        up: v1.1.0 -> command: completed
    "#]]);
}

#[test]
fn poll_and_dispatch_as_json_are_the_records_they_made() {
    let fork = Fork::dispatching("command", "exit 0");
    let before = fork.ledger();
    fork.release("v1.1.0");
    let told = fork.patch(&["poll", "--json"]).success();
    let added = fork.ledger()[before.len()..].replace(fork.environment().root().to_str().unwrap(), "$TEMP");
    assert_eq!((told.stdout, told.stderr.as_str()), (added, ""));
    fork.says_of(&["poll", "--json"]).is(&expect![[r#"
        status: 0
    "#]]);
    fork.release("v1.2.0");
    fork.says_of(&["poll", "--dry-run", "--json"]).is(&expect![[r#"
        status: 0
        --- stdout
        {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"signal","watch":"up","id":"patch:up:v1.2.0:upstream.release","change":"new","entry":{"key":"v1.2.0","tag":"v1.2.0","sha":"89ee78e2f2c6b862eef928c401800c07b5266abc"},"targets":["command"],"event":{"id":"patch:up:v1.2.0:upstream.release","type":"upstream.release","source":"patch","receivedAt":"2026-01-02T03:04:05.000Z","payload":{"entryId":"v1.2.0","event":"release","provider":"git","ref":"v1.2.0","repo":"upstream","repoName":"upstream","sha":"89ee78e2f2c6b862eef928c401800c07b5266abc","sourceId":"up","tag":"v1.2.0"}}}
        {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"dispatch","watch":"up","id":"patch:up:v1.2.0:upstream.release","target":"command","attempt":1}
    "#]]);
}

#[test]
fn the_exit_status_is_0_when_all_is_done() {
    let fork = Fork::dispatching("command", "exit 0");
    assert_eq!(fork.patch(&["poll"]).run().status, 0);
    fork.release("v1.1.0");
    assert_eq!(fork.patch(&["poll"]).run().status, 0);
    assert_eq!(fork.patch(&["status"]).run().status, 0);
}

#[test]
fn the_exit_status_is_1_when_a_watch_or_dispatch_failed_and_the_rest_is_finished() {
    let fork = Fork::dispatching("command", "exit 0");
    fork.set("watch.bad.remote", "../no-such-repository");
    fork.release("v1.1.0");
    let told = fork.patch(&["poll"]).run();
    assert_eq!(told.status, 1, "{told}");
    assert!(told.stdout.contains("up: v1.1.0 -> command: completed"), "{told}");
    let fork = busy();
    fork.says("exit 1");
    assert_eq!(fork.patch_at("05:00:00", &["poll"]).run().status, 1);
}

#[test]
fn the_exit_status_is_2_when_command_line_or_configuration_is_wrong_and_nothing_was_done() {
    let fork = Fork::dispatching("command", "exit 0");
    fork.release("v1.1.0");
    let before = fork.ledger();
    let wrong = |args: &[&str]| {
        let told = fork.patch(args).run();
        assert_eq!((told.status, told.stdout.as_str()), (2, ""), "{args:?} {told}");
        assert!(!told.stderr.is_empty());
    };
    wrong(&["poll", "--no-such-option"]);
    wrong(&["poll", "nobody"]);
    wrong(&["show", "v9"]);
    wrong(&["-C", "/", "poll"]);
    fork.set("watch.up.retries", "many");
    wrong(&["poll"]);
    wrong(&["status"]);
    assert_eq!(fork.ledger(), before);
}

#[test]
fn the_exit_status_is_127_without_the_patch_utility() {
    let fork = Fork::new();
    fork.environment().link("front/patch");
    let call = fork.environment().run("front/patch", &["-p1"]).env("PATH", fork.path("front"));
    let told = call.run();
    assert_eq!((told.status, told.stdout.as_str()), (127, ""), "{told}");
}

#[test]
fn status_does_not_hide_what_is_left_for_a_target_that_was_taken_out() {
    let fork = Fork::dispatching("command", "exit 1");
    fork.release("v1.1.0");
    assert_eq!(fork.patch(&["poll"]).run().status, 1);
    fork.set("watch.up.dispatch", "none");
    fork.says_of(&["status"]).is(&expect![[r#"
        status: 0
        --- stdout
        nothing waits for a person

        WATCH  LOOKS AT     CHECKED   NEWEST  STATE
        up     ../upstream  just now  v1.1.0  for a target that the watch no longer has: v1.1.0
    "#]]);
    assert_eq!(fork.patch_at("05:00:00", &["poll"]).run().to_string(), "status: 0\n");
}
