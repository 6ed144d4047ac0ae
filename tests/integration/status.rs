//! What waits and for whom: `patch status` for people, programs, prompts and monitors.

mod exposition;

use crate::environment::is_installed;
use crate::fork::Fork;
use expect_test::expect;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;

const CANDIDATE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const MOVED: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const ANN: &str = "Ann Author <ann@example.org>";

fn id(watch: &str, key: &str) -> String {
    format!("patch:{watch}:{key}:upstream.release")
}

/// Adds a record to the ledger, at a time of the day before, or of the first day as `2T03:00`.
fn record(fork: &Fork, time: &str, kind: &str, fields: Value) {
    let (day, time) = time.split_once('T').unwrap_or(("1", time));
    let Value::Object(mut record) = json!({"v": 1, "at": format!("2026-01-0{day}T{time}:00.000Z"), "kind": kind})
    else {
        unreachable!()
    };
    let Value::Object(fields) = fields else { panic!("no object: {fields}") };
    record.extend(fields);
    let mut ledger = File::options().append(true).open(fork.state("ledger.jsonl")).unwrap();
    writeln!(ledger, "{}", Value::Object(record)).unwrap();
}

fn signal(fork: &Fork, time: &str, watch: &str, key: &str, change: &str, targets: &[&str]) {
    let id = id(watch, key);
    let payload = json!({"provider": "git", "event": "release", "sourceId": watch, "entryId": key});
    let event = json!({"id": id, "type": "upstream.release", "source": "patch", "receivedAt": "2026-01-01T00:00:00Z",
        "payload": payload});
    let fields = json!({"watch": watch, "id": id, "change": change, "entry": {"key": key}, "targets": targets,
        "event": event});
    record(fork, time, "signal", fields);
}

/// An attempt that ended so.
fn ran(fork: &Fork, time: &str, key: &str, status: &str, message: &str) {
    let fields = json!({"watch": "up", "id": id("up", key), "target": "command", "attempt": 1, "status": status,
        "message": message, "durationMs": 5});
    record(fork, time, "run", fields);
}

fn reviewed(fork: &Fork, time: &str, key: &str, fields: &Value) {
    let mut all = json!({"watch": "up", "id": id("up", key)});
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    record(fork, time, "review", all);
}

fn awaiting(fork: &Fork, time: &str, key: &str) {
    let reference = format!("refs/heads/patch-moi/candidate/up/{key}");
    let found = json!({"state": "awaiting", "evidence": "fork-ref", "ref": reference, "sha": CANDIDATE,
        "onto": MOVED, "stack": MOVED, "verified": true, "resolvedBy": ["rerere"]});
    reviewed(fork, time, key, &found);
}

/// The watch `up`, polled, that dispatches to a command, and the watch `other`, polled.
fn quiet() -> Fork {
    let fork = Fork::dispatching("command", "exit 0");
    fork.set("watch.other.remote", "upstream");
    fork.patch(&["--quiet", "poll"]).success();
    fork
}

/// Something in each of the states that are not over, and two channels, one of which was moved twice.
fn busy() -> Fork {
    let fork = quiet();
    fork.set("channel.internal.ref", "internal");
    fork.set("channel.internal.watch", "up");
    fork.set("channel.internal.promote", "verified");
    fork.set("channel.public.ref", "refs/tags/public/{tag}-acme.{n}");
    fork.set("channel.public.watch", "up");
    fork.set("channel.later.ref", "later");
    fork.set("channel.later.watch", "other");
    let command = ["command"];
    signal(&fork, "2T03:03", "up", "v1.6.0", "new", &command);
    signal(&fork, "20:00", "up", "v1.1.0", "new", &command);
    ran(&fork, "20:01", "v1.1.0", "changed", "carried");
    awaiting(&fork, "20:02", "v1.1.0");
    signal(&fork, "21:00", "up", "v1.2.0", "new", &command);
    ran(&fork, "21:01", "v1.2.0", "needs_intervention", "conflict in a.c");
    signal(&fork, "2T03:00", "up", "v1.3.0", "new", &command);
    ran(&fork, "2T03:01", "v1.3.0", "failed", "exit status 4");
    signal(&fork, "22:00", "up", "v1.4.0", "new", &command);
    ran(&fork, "22:01", "v1.4.0", "blocked", "the disk is full");
    signal(&fork, "23:00", "up", &format!("v1.0.0@{MOVED}"), "moved", &[]);
    signal(&fork, "2T03:02", "up", "v1.5.0", "new", &command);
    let begun = json!({"watch": "up", "id": id("up", "v1.5.0"), "target": "command", "attempt": 1});
    record(&fork, "2T03:02", "dispatch", begun);
    for (key, time) in [("v8", "2T03:02"), ("v7", "19:00")] {
        signal(&fork, time, "other", key, "new", &["trigger-branch"]);
        let pushed = json!({"watch": "other", "id": id("other", key), "target": "trigger-branch", "attempt": 1,
            "status": "completed", "durationMs": 5, "sha": CANDIDATE,
            "ref": format!("refs/heads/patch-moi/trigger/other/{key}")});
        record(&fork, time, "run", pushed);
    }
    let of = |channel: &str, fields: Value| {
        let mut all = json!({"watch": "up", "channel": channel, "id": id("up", "v1.1.0"), "remote": "origin",
            "to": CANDIDATE, "action": "promoted"});
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        all
    };
    let by_rule = json!({"rule": "verified", "ref": "refs/heads/internal"});
    record(&fork, "20:03", "promotion", of("internal", by_rule));
    let tag = "refs/tags/public/v1.1.0-acme.1";
    let by_ann = json!({"rule": "manual", "ref": tag, "by": ANN, "reviewed": true, "message": "ship it"});
    record(&fork, "20:04", "promotion", of("public", by_ann));
    fork
}

#[test]
fn who_must_act_comes_first_and_then_the_channels_and_the_watches() {
    busy().says_of(&["status"]).is(&expect![[r#"
        status: 0
        --- stdout
        waits for a person:
          other: v7 is unacknowledged for 8h: its trigger branch had no answer in time
            look at the forge's jobs for v7
          up: v1.1.0 awaits review for 7h: a candidate to review: verified, conflicts resolved by a program
            patch show up:v1.1.0; patch approve up:v1.1.0, or patch reject up:v1.1.0
          up: v1.2.0 needs a person for 6h: conflict in a.c
            patch show up:v1.2.0; patch retry up:v1.2.0
          up: v1.4.0 failed 5h ago: the disk is full
            patch show up:v1.4.0; patch retry up:v1.4.0
          up: v1.0.0@bbbbbbbbbb was moved 4h ago: the tag was moved: was it replaced on purpose?
            patch show up:v1.0.0@bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb; patch approve up:v1.0.0@bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        waits for the forge:
          other: v8 is dispatched for 2min: its trigger branch is on the fork
        waits for the next poll, or a run:
          up: v1.3.0 is pending for 3min: to be tried again: exit status 4
          up: v1.5.0 is being worked on for 2min: a run goes on
          up: v1.6.0 is pending for 1min: to be handed over at the next poll

        CHANNEL   REF                       RULE      HOLDS              MOVED
        internal  internal                  verified  v1.1.0 aaaaaaaaaa  7h ago, by its rule
        later     later                     manual    -                  never
        public    tag public/v1.1.0-acme.1  manual    v1.1.0 aaaaaaaaaa  7h ago, by Ann Author

        WATCH  LOOKS AT     CHECKED   NEWEST  STATE
        other  ../upstream  just now  v7      had no answer: v7; with the forge: v8
        up     ../upstream  just now  v1.5.0  awaits review: v1.1.0; needs a person: v1.2.0; waits for a person: v1.4.0; was moved: v1.0.0@bbbbbbbbbb; to be tried again in 1min: v1.3.0; running: v1.5.0; pending: v1.6.0
    "#]]);
}

#[test]
fn names_restrict_all_of_it() {
    let fork = busy();
    fork.says_of(&["status", "other"]).is(&expect![[r#"
        status: 0
        --- stdout
        waits for a person:
          other: v7 is unacknowledged for 8h: its trigger branch had no answer in time
            look at the forge's jobs for v7
        waits for the forge:
          other: v8 is dispatched for 2min: its trigger branch is on the fork

        CHANNEL  REF    RULE    HOLDS  MOVED
        later    later  manual  -      never

        WATCH  LOOKS AT     CHECKED   NEWEST  STATE
        other  ../upstream  just now  v7      had no answer: v7; with the forge: v8
    "#]]);
    let told = fork.patch(&["status", "--json", "other"]).success().stdout;
    assert!(told.lines().all(|line| line.contains(r#""watch":"other""#)), "{told}");
    let told = fork.patch(&["status", "--prometheus", "other"]).success().stdout;
    assert!(told.contains(r#"watch="other""#) && !told.contains(r#"watch="up""#), "{told}");
}

#[test]
fn nothing_that_waits_is_a_line() {
    quiet().says_of(&["status", "up"]).is(&expect![[r#"
        status: 0
        --- stdout
        nothing waits for a person

        WATCH  LOOKS AT     CHECKED   NEWEST  STATE
        up     ../upstream  just now  v1.0.0  up to date
    "#]]);
}

#[test]
fn many_that_wait_are_counted() {
    let fork = quiet();
    for number in 10..40 {
        signal(&fork, "20:00", "up", &format!("v{number}"), "new", &["command"]);
    }
    let told = fork.patch(&["status", "up"]).success().stdout;
    assert_eq!(told.matches("is pending").count(), 20, "{told}");
    assert!(told.contains("\n  and 10 more: `patch status --json` has them all\n"), "{told}");
    assert!(told.contains("  pending: v10 and 29 more\n"), "{told}");
    assert_eq!(fork.patch(&["status", "up", "--json"]).success().stdout.lines().count(), 31);
}

fn lines(fork: &Fork) -> Vec<Value> {
    let told = fork.patch(&["status", "--json"]).success().stdout;
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn json_lines_are_told_apart_by_their_kind_and_ordered_as_for_people() {
    let lines = lines(&busy());
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or("-").to_owned();
    let told = |line: &Value| {
        let names: &[&str] = match line["kind"].as_str().unwrap() {
            "waiting" => &["kind", "actor", "watch", "key", "state"],
            "channel" => &["kind", "channel", "watch", "rule"],
            _ => &["kind", "watch"],
        };
        names.iter().map(|name| text(line, name)).collect::<Vec<_>>().join(" ") + "\n"
    };
    expect![[r#"
        waiting person other v7 unacknowledged
        waiting person up v1.1.0 awaiting
        waiting person up v1.2.0 needs-intervention
        waiting person up v1.4.0 failed
        waiting person up v1.0.0@bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb moved
        waiting forge other v8 dispatched
        waiting machine up v1.3.0 pending
        waiting machine up v1.5.0 running
        waiting machine up v1.6.0 pending
        channel internal up verified
        channel later other manual
        channel public up manual
        watch other
        watch up
    "#]]
    .assert_eq(&lines.iter().map(told).collect::<String>());
}

#[test]
fn json_lines_have_these_fields_and_no_others() {
    let fork = busy();
    fork.set("watch.gone.remote", "../no-such-repository");
    assert_eq!(fork.patch(&["poll", "gone"]).run().status, 1);
    let mut kinds = BTreeSet::new();
    for line in lines(&fork) {
        let fields: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        let state = line["state"].as_str().unwrap_or_default();
        kinds.insert(format!("{} {state}: {}\n", line["kind"].as_str().unwrap(), fields.join(" ")));
        if let Some(holds) = line["holds"].as_object() {
            kinds.insert(format!("holds: {}\n", holds.keys().map(String::as_str).collect::<Vec<_>>().join(" ")));
        }
    }
    expect![[r#"
        channel : channel holds kind ref rule watch
        channel : channel kind ref rule watch
        holds: action at by id key ref rule sha
        holds: action at id key ref rule sha
        waiting awaiting: actor id key kind next ref sha since state watch why
        waiting broken: actor kind next since state watch why
        waiting dispatched: actor id key kind ref sha since state watch why
        waiting failed: actor id key kind next since state watch why
        waiting moved: actor id key kind next since state watch why
        waiting needs-intervention: actor id key kind next since state watch why
        waiting pending: actor id key kind since state watch why
        waiting running: actor id key kind since state watch why
        waiting unacknowledged: actor id key kind next ref sha since state watch why
        watch : checkedAt deliveries dispatch event kind known newest primed source watch
        watch : checkedAt deliveries dispatch event kind known primed problem source watch
    "#]]
    .assert_eq(&kinds.into_iter().collect::<String>());
}

#[test]
fn the_exit_code_says_whether_a_person_is_wanted() {
    #[track_caller]
    fn case(fork: &Fork, args: &[&str], expected: i32, silent: bool) {
        let told = fork.patch(&[&["status"], args].concat()).run();
        assert_eq!((told.status, told.stdout.is_empty(), told.stderr.as_str()), (expected, silent, ""), "{told}");
    }
    let fork = quiet();
    case(&fork, &["--exit-code"], 0, false);
    signal(&fork, "20:00", "up", "v1.1.0", "new", &["command"]);
    case(&fork, &["--exit-code"], 0, false);
    case(&fork, &["--exit-code", "--quiet"], 0, true);
    ran(&fork, "20:00", "v1.1.0", "blocked", "the disk is full");
    case(&fork, &[], 0, false);
    case(&fork, &["--quiet"], 0, false);
    case(&fork, &["--exit-code"], 10, false);
    case(&fork, &["--exit-code", "up"], 10, false);
    case(&fork, &["--exit-code", "other"], 0, false);
    case(&fork, &["--exit-code", "--json"], 10, false);
    case(&fork, &["--exit-code", "--prometheus"], 10, false);
    case(&fork, &["--exit-code", "--quiet"], 10, true);
    case(&fork, &["--exit-code", "--quiet", "--json"], 10, true);
    fork.set("watch.up.event", "fortnight");
    assert_eq!(fork.patch(&["status", "--exit-code", "--quiet"]).run().status, 2);
}

#[test]
fn what_landed_meanwhile_waits_for_nobody() {
    let fork = quiet();
    signal(&fork, "20:00", "up", "v1.1.0", "new", &["command"]);
    ran(&fork, "20:01", "v1.1.0", "needs_intervention", "conflict in a.c");
    assert_eq!(fork.patch(&["status", "--exit-code", "--quiet"]).run().status, 10);
    assert!(fork.patch(&["status", "up"]).success().stdout.ends_with(" needs a person: v1.1.0\n"));
    reviewed(&fork, "20:02", "v1.1.0", &json!({"state": "landed", "evidence": "contained", "landedAs": CANDIDATE}));
    assert_eq!(fork.patch(&["status", "--exit-code", "--quiet"]).run().status, 0);
    let told = fork.patch(&["status", "up"]).success().stdout;
    assert!(told.starts_with("nothing waits for a person\n") && told.ends_with(" up to date\n"), "{told}");
    let watch = lines(&fork).pop().unwrap();
    assert_eq!((watch["watch"].as_str(), watch["deliveries"].as_array().unwrap().len()), (Some("up"), 0));
}

#[test]
fn a_candidate_waits_for_a_word_and_then_for_its_merge() {
    let fork = quiet();
    let candidate = fork.environment().commit("fork", "file", "carried\n");
    let reference = "refs/heads/patch-moi/candidate/up/v1.1.0";
    fork.environment().git("fork", &["push", "--quiet", "origin", &format!("HEAD:{reference}")]);
    fork.environment().git("fork", &["reset", "--quiet", "--hard", "HEAD~"]);
    fork.patch(&["--quiet", "sync", "up"]).success();
    let first = || lines(&fork).remove(0);
    let waiting = first();
    assert_eq!((waiting["state"].as_str(), waiting["sha"].as_str()), (Some("awaiting"), Some(candidate.as_str())));
    assert!(waiting["why"].as_str().unwrap().starts_with("a candidate to review: "), "{waiting}");
    assert_eq!(waiting["next"], "patch show up:v1.1.0; patch approve up:v1.1.0, or patch reject up:v1.1.0");
    fork.patch(&["approve", "v1.1.0"]).success();
    let waiting = first();
    assert!(waiting["why"].as_str().unwrap().starts_with("an approved candidate "), "{waiting}");
    assert_eq!(waiting["next"], "patch show up:v1.1.0; merge its branch into the stack");
    fork.set("channel.public.ref", "public");
    fork.set("channel.public.watch", "up");
    assert_eq!(first()["next"], "patch promote up:v1.1.0 --channel public");
    fork.environment().git("fork", &["push", "--quiet", "origin", &format!("{candidate}:main")]);
    fork.patch(&["--quiet", "sync", "up"]).success();
    let told = fork.patch(&["status", "--exit-code"]).success().stdout;
    assert!(told.starts_with("nothing waits for a person\n"), "{told}");
}

/// Escape sequences, an override of the direction, quotes, and a lot of it.
const HOSTILE: &str = "v9\u{1b}]0;x\u{7}\u{9b}2J\u{202e}'\"`$(touch hacked)\\";

#[test]
fn hostile_keys_and_messages_harm_neither_terminal_nor_shell() {
    let fork = quiet();
    let key = format!("{HOSTILE}{}", "y".repeat(300));
    signal(&fork, "20:00", "up", &key, "new", &["command"]);
    ran(&fork, "20:01", &key, "blocked", &format!("{HOSTILE}{}", "z".repeat(3000)));
    let said = json!({"state": "failed", "evidence": "run", "message": HOSTILE, "by": HOSTILE, "ref": HOSTILE,
        "sha": HOSTILE});
    reviewed(&fork, "20:02", &key, &said);
    for args in [&["status"][..], &["status", "--json"], &["status", "--prometheus"], &["log"], &["show", "up:v9"]] {
        let told = fork.patch(args).success().stdout;
        let is_unsafe = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!told.contains(is_unsafe), "{args:?}: {told:?}");
    }
    let told = fork.patch(&["status"]).success().stdout;
    let longest = told.lines().filter(|line| !line.starts_with("    patch ")).map(str::len).max();
    assert!(longest.unwrap() < 500, "{told}");
    let metrics = fork.patch(&["status", "--prometheus"]).success().stdout;
    assert!(!metrics.contains("v9") && !metrics.contains("zzz"), "{metrics}");
    if is_installed("bash") {
        let waiting = lines(&fork).remove(0);
        let next = waiting["next"].as_str().unwrap();
        let script = format!("patch() {{ printf '%s\\n' \"$@\"; }}; {next}");
        let told = fork.environment().run("bash", &["-c", &script]).in_dir("fork").success().stdout;
        assert_eq!(told, format!("show\nup:{key}\nretry\nup:{key}\n"));
        assert!(!fork.path("fork/hacked").exists());
    }
}

#[test]
fn show_and_log_tell_states_with_their_evidence() {
    let fork = busy();
    let reference = "refs/heads/patch-moi/candidate/up/v1.1.0";
    let word = json!({"state": "awaiting", "previous": "awaiting", "evidence": "person", "ref": reference,
        "sha": CANDIDATE, "verdict": "approved", "by": ANN, "message": "looks fine"});
    reviewed(&fork, "20:05", "v1.1.0", &word);
    let landed = json!({"state": "landed", "previous": "awaiting", "evidence": "patch-ids", "ref": reference,
        "sha": CANDIDATE, "landedAs": MOVED});
    reviewed(&fork, "20:06", "v1.1.0", &landed);
    let back = json!({"watch": "up", "channel": "internal", "id": id("up", "v1.1.0"), "remote": "origin",
        "to": CANDIDATE, "from": MOVED, "action": "rolled-back", "rule": "manual", "ref": "refs/heads/internal", "by": ANN});
    record(&fork, "20:07", "promotion", back);
    let notice = json!({"watch": "up", "id": id("up", "v1.2.0"), "reason": "intervention", "about": "x",
        "message": "conflict in a.c"});
    record(&fork, "20:08", "notice", notice);
    let notice = json!({"watch": "up", "reason": "watch-broken", "about": "x", "message": "no such host"});
    record(&fork, "20:09", "notice", notice);
    let newer = json!({"state": "superseded", "evidence": "newer-candidate", "supersededBy": id("up", "v1.1.0")});
    reviewed(&fork, "20:10", "v1.2.0", &newer);
    fork.says_of(&["show", "v1.1.0"]).is(&expect![[r#"
        status: 0
        --- stdout
        patch:up:v1.1.0:upstream.release
          change    new
          seen      2026-01-01T00:00:00.000Z
          for       command
          2026-01-01T20:01:00.000Z  attempt 1 of command changed: carried (0 s)
          2026-01-01T20:02:00.000Z  awaits review: its candidate is on the fork
              refs/heads/patch-moi/candidate/up/v1.1.0 = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
              carried from bbbbbbbbbb onto bbbbbbbbbb
              it passed its checks
              conflicts resolved by a recorded resolution
          2026-01-01T20:03:00.000Z  promoted to `internal` by its rule, verified
              refs/heads/internal = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
          2026-01-01T20:04:00.000Z  promoted to `public` by Ann Author <ann@example.org>, who says it is reviewed: ship it
              refs/tags/public/v1.1.0-acme.1 = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
          2026-01-01T20:05:00.000Z  is approved by Ann Author <ann@example.org>: looks fine
              refs/heads/patch-moi/candidate/up/v1.1.0 = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
          2026-01-01T20:06:00.000Z  landed: the stack has each of its commits
              refs/heads/patch-moi/candidate/up/v1.1.0 = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
              the stack has it as bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
          2026-01-01T20:07:00.000Z  left by a roll-back of `internal` by Ann Author <ann@example.org>
              refs/heads/internal = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, before bbbbbbbbbb
    "#]]);
    fork.says_of(&["show", "v1.2.0"]).is(&expect![[r#"
        status: 0
        --- stdout
        patch:up:v1.2.0:upstream.release
          change    new
          seen      2026-01-01T00:00:00.000Z
          for       command
          2026-01-01T21:01:00.000Z  attempt 1 of command needs_intervention: conflict in a.c (0 s)
          2026-01-01T20:08:00.000Z  told that it needs a person: conflict in a.c
          2026-01-01T20:10:00.000Z  is superseded: there is a newer candidate
              superseded by v1.1.0
    "#]]);
    let log = ["log", "--kind", "review", "--kind", "promotion", "--kind", "notice"];
    fork.says_of(&log).is(&expect![[r#"
        status: 0
        --- stdout
        AT                    WATCH  KIND       WHAT
        2026-01-01T20:02:00Z  up     review     v1.1.0 awaits review: its candidate is on the fork
        2026-01-01T20:03:00Z  up     promotion  v1.1.0 is promoted to `internal`: refs/heads/internal = aaaaaaaaaa
        2026-01-01T20:04:00Z  up     promotion  v1.1.0 is promoted to `public`: refs/tags/public/v1.1.0-acme.1 = aaaaaaaaaa
        2026-01-01T20:05:00Z  up     review     v1.1.0 approved by Ann Author <ann@example.org>: looks fine
        2026-01-01T20:06:00Z  up     review     v1.1.0 landed: the stack has each of its commits
        2026-01-01T20:07:00Z  up     promotion  v1.1.0 is what is left after a roll-back of `internal`: refs/heads/internal = aaaaaaaaaa, before bbbbbbbbbb
        2026-01-01T20:08:00Z  up     notice     v1.2.0: told that it needs a person: conflict in a.c
        2026-01-01T20:09:00Z  up     notice     told that the watch fails: no such host
        2026-01-01T20:10:00Z  up     review     v1.2.0 is superseded: there is a newer candidate
    "#]]);
}
