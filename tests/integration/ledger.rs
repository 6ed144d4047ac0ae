//! The ledger through its life: where it is, who may write it, power loss, damage, age, a full disk.

mod speed;

use crate::environment::{Output, is_installed, skipped};
use crate::fork::Fork;
use expect_test::expect;
use fs2::FileExt;
use patch_moi::loopback::{Response, Server};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The files below a directory, by their paths.
fn files(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let Ok(entries) = fs::read_dir(directory) else { return found };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.to_str().unwrap().to_owned());
        }
    }
    found
}

#[test]
fn the_ledger_is_where_it_was_asked_for() {
    #[track_caller]
    fn case(set: &[(&str, &str)], configured: bool, expected: &str) {
        let fork = Fork::unpolled();
        if configured {
            fork.set("patch.stateDir", fork.path("configured").to_str().unwrap());
        }
        let mut poll = fork.patch(&["--quiet", "poll"]).env("PATCH_STATE_DIR", "");
        for (key, value) in set {
            let paths: Vec<String> = value.split(':').map(|path| fork.path(path).display().to_string()).collect();
            poll = poll.env(key, paths.join(":"));
        }
        poll.success();
        let ledgers: Vec<String> =
            files(fork.environment().root()).into_iter().filter(|path| path.ends_with("/ledger.jsonl")).collect();
        let expected = fork.path(expected).display().to_string();
        assert!(ledgers.len() == 1 && ledgers[0].starts_with(&format!("{expected}/fork-")), "{ledgers:?} {expected}");
    }
    let all = [("PATCH_STATE_DIR", "asked"), ("STATE_DIRECTORY", "systemd:second")];
    case(&all, true, "asked");
    case(&all[1..], true, "configured");
    case(&all[1..], false, "systemd");
    case(&[("XDG_STATE_HOME", "xdg")], false, "xdg/patch-moi");
    case(&[], false, "home/.local/state/patch-moi");
}

#[test]
fn the_state_belongs_to_its_owner_alone() {
    let fork = Fork::dispatching("command", "umask 000");
    fork.release("v1.1.0");
    fork.environment()
        .run("sh", &["-c", "umask 000; cd fork; exec \"$0\" poll", env!("CARGO_BIN_EXE_patch")])
        .success();
    for file in files(&fork.path("state")) {
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600, "{file}");
    }
    for directory in ["", "runs", "events"] {
        assert_eq!(fs::metadata(fork.state(directory)).unwrap().mode() & 0o777, 0o700, "{directory}");
    }
}

#[test]
fn worktrees_of_a_repository_share_its_ledger() {
    let fork = Fork::new();
    fork.environment().git("fork", &["worktree", "add", "--quiet", "../tree"]);
    fork.release("v1.1.0");
    fork.environment().patch(&["poll"]).in_dir("tree").success();
    let again = fork.patch(&["poll"]).success();
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("", ""));
}

#[test]
fn looking_makes_no_files() {
    let fork = Fork::unpolled();
    for args in [&["status"][..], &["log"], &["poll", "--dry-run"], &["dispatch", "--dry-run"], &["watch", "check"]] {
        fork.patch(args).success();
        assert!(!fork.path("state").exists(), "{args:?}");
    }
}

#[test]
fn a_second_poll_waits_for_the_first_and_gives_up() {
    let fork = Fork::new();
    fork.release("v1.1.0");
    let before = fork.ledger();
    let held = File::create(fork.state("intake.lock")).unwrap();
    fs2::FileExt::lock_exclusive(&held).unwrap();
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 75
        --- stderr
        error: another run holds $TEMP/state/fork-ID/intake.lock
        hint: try again later
    "#]]);
    assert_eq!(fork.ledger(), before);
    // Looking and dispatching do not wait for an intake.
    assert_eq!(fork.patch(&["status"]).run().status, 0);
    assert_eq!(fork.patch(&["poll", "--dry-run"]).run().status, 0);
    assert_eq!(fork.patch(&["dispatch"]).run().status, 0);
}

#[test]
fn a_second_poll_goes_on_when_the_first_is_done() {
    let fork = Fork::new();
    fork.release("v1.1.0");
    let lock = fork.state("intake.lock");
    let held = File::create(&lock).unwrap();
    fs2::FileExt::lock_exclusive(&held).unwrap();
    let mut second = fork.start(&["poll"]);
    let descriptors = format!("/proc/{}/fd", second.id());
    let has_opened = || {
        let open = fs::read_dir(&descriptors).into_iter().flatten().flatten();
        open.into_iter().any(|entry| fs::read_link(entry.path()).is_ok_and(|path| path == lock))
    };
    while !has_opened() {
        assert!(second.try_wait().unwrap().is_none(), "it did not wait");
        std::thread::yield_now();
    }
    assert_eq!(fork.history(), "");
    drop(held);
    assert!(second.wait().unwrap().success());
    assert_eq!(fork.history(), "signal new patch:up:v1.1.0:upstream.release\n");
}

#[test]
fn two_polls_at_once_record_each_entry_once() {
    let fork = Fork::dispatching("command", "exit 0");
    for minor in 1..6 {
        fork.release(&format!("v1.{minor}.0"));
    }
    let mut polls: Vec<_> = (0..4).map(|_| fork.start(&["poll"])).collect();
    for poll in &mut polls {
        assert!(poll.wait().unwrap().success());
    }
    fork.patch(&["poll"]).success();
    assert_eq!(fork.history().matches("signal new").count(), 5);
    assert_eq!(fork.history().matches("dispatch ").count(), 5);
    assert_eq!(fork.history().matches("completed").count(), 5);
}

#[test]
fn a_poll_that_is_killed_during_a_run_dispatches_again() {
    let fork = Fork::dispatching("command", "echo $$ > \"$ROOT/here\"; read line < \"$ROOT/on\"");
    fork.release("v1.1.0");
    let here = fork.fifo("here");
    fork.fifo("on");
    let mut polling = fork.start(&["poll"]);
    let runner: i32 = fs::read_to_string(&here).unwrap().trim().parse().unwrap();
    kill_process_group(Pid::from_child(&polling), Signal::KILL).unwrap();
    polling.wait().unwrap();
    // The run goes on, and no other begins beside it.
    let beside = fork.patch(&["poll"]).run();
    assert_eq!((beside.status, beside.stdout.as_str()), (1, ""), "{beside}");
    assert!(beside.stderr.contains("a run goes on whose `patch` was killed"), "{beside}");
    assert!(beside.stderr.contains("hint: wait for it, or end it: `fuser "), "{beside}");
    kill_process(Pid::from_raw(runner).unwrap(), Signal::KILL).unwrap();
    let input = fork.state("runs/up.input");
    FileExt::lock_exclusive(&fs::File::open(input).unwrap()).unwrap();
    expect![[r#"
        signal new patch:up:v1.1.0:upstream.release
        dispatch patch:up:v1.1.0:upstream.release command #1
    "#]]
    .assert_eq(&fork.history());
    fork.says("exit 0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 -> command: completed
    "#]]);
    expect![[r#"
        signal new patch:up:v1.1.0:upstream.release
        dispatch patch:up:v1.1.0:upstream.release command #1
        dispatch patch:up:v1.1.0:upstream.release command #2
        run patch:up:v1.1.0:upstream.release command #2 completed
    "#]]
    .assert_eq(&fork.history());
    let events = fork.environment().read("events");
    let events: Vec<&str> = events.lines().collect();
    assert_eq!(events, [events[0]; 2]);
}

#[test]
fn a_signal_that_always_ends_us_is_given_up_too() {
    let fork = Fork::dispatching("command", "kill -KILL $PPID");
    fork.set("watch.up.retries", "2");
    fork.release("v1.1.0");
    for _ in 0..3 {
        assert_eq!(fork.patch(&["poll"]).run().status, 137);
    }
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 1
        --- stdout
        up: v1.1.0 -> command: failed: given up: each attempt ended `patch` itself, or was cut short with it
    "#]]);
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
    "#]]);
    fork.says_of(&["status"]).is(&expect![[r#"
        status: 0
        --- stdout
        waits for a person:
          up: v1.1.0 failed just now: given up: each attempt ended `patch` itself, or was cut short with it
            patch show v1.1.0; patch retry v1.1.0

        WATCH  LOOKS AT     CHECKED   NEWEST  STATE
        up     ../upstream  just now  v1.1.0  given up: v1.1.0
    "#]]);
    fork.says("exit 0");
    fork.says_of(&["retry", "--all"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is due again
        up: v1.1.0 -> command: completed
    "#]]);
}

#[test]
fn a_torn_last_line_is_set_aside_and_never_merged() {
    for tail in [&b"{\"v\":1,\"at\":\"2026-01-0"[..], &[0; 4096], b"\0\0\0\n", b"\xff\xfe\x1b[31m"] {
        let fork = Fork::new();
        let whole = fork.ledger();
        let mut torn = whole.clone().into_bytes();
        torn.extend(tail);
        fork.write_ledger(&torn);
        // Nobody who only looks takes offence.
        assert_eq!(fork.patch(&["status"]).run().stderr, "");
        assert_eq!(fork.patch(&["log"]).run().stderr, "");
        assert_eq!(fs::read(fork.state("ledger.jsonl")).unwrap(), torn);
        fork.release("v1.1.0");
        let told = fork.says_of(&["poll"]);
        assert_eq!((told.status, told.stdout.as_str()), (0, "up: v1.1.0 is new\n"), "{told}");
        let notice = format!("its {} bytes are set aside in $TEMP/state/fork-ID/torn-{}-", tail.len(), whole.len());
        assert!(told.stderr.starts_with("warning: the ledger's last line was torn"), "{told}");
        assert!(told.stderr.contains(&notice) && told.stderr.lines().count() == 1, "{told}");
        let aside = files(&fork.state("")).into_iter().find(|path| path.contains("/torn-")).unwrap();
        assert_eq!(fs::read(aside).unwrap(), tail);
        assert!(fork.ledger().starts_with(&whole));
        assert_eq!(fork.history(), "signal new patch:up:v1.1.0:upstream.release\n");
        let again = fork.says_of(&["poll"]);
        assert_eq!((again.status, again.stdout.as_str(), again.stderr.as_str()), (0, "", ""));
    }
}

#[test]
fn a_signal_cut_short_anywhere_is_recorded_again_once() {
    let fork = Fork::new();
    let before = fork.ledger();
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    let after = fork.ledger();
    let index = fs::read(fork.state("index.json")).unwrap();
    let length = after.len() - before.len();
    for cut in [1, length / 3, length - 2, length - 1] {
        fork.write_ledger(&after[..before.len() + cut]);
        fs::write(fork.state("index.json"), &index).unwrap();
        let told = fork.patch(&["poll"]).success();
        assert_eq!(told.stdout, "up: v1.1.0 is new\n", "{cut}");
        assert_eq!(fork.ledger(), after, "{cut}");
    }
}

/// What every command says to a ledger that none can use.
#[track_caller]
fn refused(fork: &Fork, said: &str) {
    let before = fork.ledger();
    let kept = files(&fork.path("state"));
    for args in [
        &["poll"][..],
        &["dispatch"],
        &["status"],
        &["log"],
        &["retry", "--all"],
        &["poll", "--dry-run"],
        &["show", "v1.1.0"],
        &["log", "-n1"],
    ] {
        let output = fork.says_of(args);
        assert_eq!((output.status, output.stdout.as_str()), (1, ""), "{args:?} {output}");
        assert_eq!(output.stderr, said, "{args:?}");
    }
    assert_eq!(fork.ledger(), before);
    assert_eq!(files(&fork.path("state")), kept);
}

#[test]
fn damage_before_the_end_is_refused_with_its_line() {
    let fork = Fork::new();
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    fork.release("v1.2.0");
    fork.patch(&["poll"]).success();
    let mut lines: Vec<String> = fork.ledger().lines().map(|line| format!("{line}\n")).collect();
    lines[1] = "{\"v\":1,\"at\":oops}\n".to_owned();
    fork.write_ledger(lines.concat());
    refused(
        &fork,
        "error: the ledger is damaged: $TEMP/state/fork-ID/ledger.jsonl, line 2: expected value at line 1 column 13\n\
         hint: nothing was changed; `patch doctor` names every damaged line, and `patch doctor --repair` leaves them out \
         and keeps the whole file beside it\n",
    );
}

#[test]
fn a_ledger_of_a_later_version_is_refused() {
    let fork = Fork::new();
    let newer = "{\"v\":2,\"moment\":1,\"kind\":\"signal\",\"who\":\"later\"}\n";
    fork.write_ledger(fork.ledger() + newer);
    let said = "error: $TEMP/state/fork-ID/ledger.jsonl, line 2 has format version 2, which this program does not know\n\
                hint: use the newer version of `patch`\n";
    refused(&fork, said);
    fork.write_ledger(fork.ledger() + newer);
    refused(&fork, said);
}

#[test]
fn kinds_and_fields_of_later_versions_stay_as_they_are() {
    let fork = Fork::new();
    let later = "{\"kind\":\"verse\",\"v\":1,\"watch\":\"up\",\"at\":\"2026-01-02T03:04:05.000Z\",\"verdict\":{\"landed\":true}}\n";
    let field = fork.ledger().replace("\"kind\":\"primed\"", "\"kind\":\"primed\",\"colour\":\"red\"");
    let ledger = field + later;
    fork.write_ledger(&ledger);
    fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
    "#]]);
    assert!(fork.ledger().starts_with(&ledger));
    let listed = fork.patch(&["log", "--json"]).success().stdout;
    assert!(listed.contains(later), "{listed}");
    assert!(listed.contains("\"colour\":\"red\""), "{listed}");
}

#[test]
fn an_index_that_is_missing_stale_or_damaged_is_made_again() {
    let fork = Fork::dispatching("command", "exit 1");
    fork.release("v1.1.0");
    fork.patch(&["poll"]).run();
    let index = fork.state("index.json");
    let stale = fs::read(&index).unwrap();
    fork.release("v1.2.0");
    fork.patch(&["poll"]).run();
    let status = fork.patch(&["status", "--json"]).success();
    // But for its hash, and for when the ledger was changed: it is written again before it is believed.
    let meaning = |index: &[u8]| {
        let text = String::from_utf8(index.to_vec()).unwrap();
        let mut value: Value = serde_json::from_str(text.split_once('\n').unwrap().1).unwrap();
        assert!(value["position"]["modified"].take().is_array());
        value
    };
    for number in 0..9 {
        let right = fs::read(&index).unwrap();
        let text = String::from_utf8(right.clone()).unwrap();
        let broken = [
            None,
            Some(stale.clone()),
            Some(Vec::new()),
            Some(b"{\"version\":1".to_vec()),
            Some(vec![0; 4096]),
            Some(text.replace("\"version\":1", "\"version\":999").into_bytes()),
            Some(text.replace("\"lines\":", "\"lines\":1").into_bytes()),
            Some(text.replacen("\"length\":", "\"length\":9", 1).into_bytes()),
            Some(text.replace("v1.2.0", "v9.9.9").into_bytes()),
        ];
        match &broken[number] {
            Some(bytes) => fs::write(&index, bytes).unwrap(),
            None => fs::remove_file(&index).unwrap(),
        }
        assert_eq!(fork.patch(&["status", "--json"]).success(), status, "{number}");
        let poll = fork.patch(&["poll"]).success();
        assert_eq!((poll.stdout.as_str(), poll.stderr.as_str()), ("", ""), "{number}");
        assert_eq!(meaning(&fs::read(&index).unwrap()), meaning(&right), "{number}");
    }
}

#[test]
fn the_rest_of_an_index_is_believed_by_its_own_index_alone() {
    let fork = Fork::dispatching("command", "exit 1");
    fork.release("v1.1.0");
    fork.patch(&["poll"]).run();
    let paths = [fork.state("index.json"), fork.state("index-rest.json")];
    let read = || paths.each_ref().map(|path| fs::read(path).unwrap());
    let [older, older_rest] = read();
    fork.release("v1.2.0");
    fork.patch(&["poll"]).run();
    let status = fork.patch(&["status", "--json"]).success();
    let agrees = || fork.patch(&["doctor"]).run().stdout.contains("ok      index: it agrees with the ledger");
    let [index, rest] = read();
    let edited = String::from_utf8(rest.clone()).unwrap().replace("v1.0.0", "v0.0.1").into_bytes();
    for (number, [index, rest]) in [
        [Some(&index), None],
        [Some(&index), Some(&older_rest)],
        [Some(&index), Some(&edited)],
        [Some(&index), Some(&Vec::new())],
        [Some(&older), Some(&rest)],
        [None, Some(&rest)],
    ]
    .into_iter()
    .enumerate()
    {
        for (path, content) in paths.iter().zip([index, rest]) {
            match content {
                Some(content) => fs::write(path, content).unwrap(),
                None => fs::remove_file(path).unwrap(),
            }
        }
        assert_eq!(fork.patch(&["status", "--json"]).success(), status, "{number}");
        let poll = fork.patch(&["poll"]).success();
        assert_eq!((poll.stdout.as_str(), poll.stderr.as_str()), ("", ""), "{number}");
        assert!(agrees(), "{number}");
    }
}

#[test]
fn status_shows_what_came_after_the_index() {
    let fork = Fork::dispatching("command", "exit 1");
    fork.release("v1.1.0");
    fork.patch(&["poll", "--no-dispatch"]).success();
    let signal = fork.ledger().lines().last().unwrap().replace("v1.1.0", "v1.2.0");
    let known = |fork: &Fork| {
        let lines = fork.patch(&["status", "--json"]).success().stdout;
        let mut lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let status = lines.find(|line| line["kind"] == "watch").unwrap();
        (
            status["known"].as_u64().unwrap(),
            status["deliveries"].as_array().unwrap().len(),
            status["newest"]["key"].clone(),
        )
    };
    assert_eq!(known(&fork), (2, 1, "v1.1.0".into()));
    fork.write_ledger(format!("{}{signal}\n", fork.ledger()));
    assert_eq!(known(&fork), (3, 2, "v1.2.0".into()));
}

#[test]
fn a_poll_without_news_reads_and_writes_no_more_than_the_index() {
    let fork = Fork::new();
    let inodes = || {
        (
            fs::metadata(fork.state("index.json")).unwrap().ino(),
            fs::metadata(fork.state("index-rest.json")).unwrap().ino(),
            fs::metadata(fork.state("ledger.jsonl")).unwrap().mtime_nsec(),
        )
    };
    let before = inodes();
    let poll = fork.patch(&["poll"]).success();
    assert_eq!((poll.stdout.as_str(), poll.stderr.as_str()), ("", ""));
    assert_eq!(inodes(), before);
}

/// A feed whose answer the test changes, with validators that hold.
fn feed() -> (Server, Arc<Mutex<Vec<&'static str>>>) {
    let tags = Arc::new(Mutex::new(vec!["v1.0.0"]));
    let shown = Arc::clone(&tags);
    let server = Server::start(move |request| {
        let tags = shown.lock().unwrap();
        let validator = format!("\"{}\"", tags.join("+"));
        if request.header("If-None-Match") == Some(&validator) {
            return Response::new(304).header("ETag", &validator);
        }
        let entries = tags.iter().rev().map(|tag| {
            format!(
                "<entry><id>tag:forge.example,2026:{tag}</id><title>{tag}</title><updated>2026-01-01T00:00:00Z</updated>\
                 <link href=\"https://forge.example/o/r/releases/tag/{tag}\"/></entry>"
            )
        });
        let body = format!(
            "<feed xmlns=\"http://www.w3.org/2005/Atom\"><id>x</id><title>x</title><updated>2026-01-01T00:00:00Z</updated>{}</feed>",
            entries.collect::<String>()
        );
        Response::new(200).header("ETag", &validator).header("Content-Type", "application/atom+xml").body(body)
    });
    (server.unwrap(), tags)
}

#[test]
fn an_older_copy_of_the_ledger_loses_no_signal_to_newer_validators() {
    let (server, tags) = feed();
    let fork = Fork::unpolled();
    fork.environment().git("fork", &["config", "--remove-section", "watch.up"]);
    fork.environment().git("fork", &["remote", "remove", "upstream"]);
    fork.set("watch.up.feed", &server.url("/o/r/releases.atom"));
    fork.patch(&["poll"]).success();
    let (older, index) = (fork.ledger(), fs::read(fork.state("index.json")).unwrap());
    tags.lock().unwrap().push("v1.1.0");
    assert_eq!(fork.patch(&["poll"]).success().stdout, "up: v1.1.0 is new\n");
    assert_eq!(fork.patch(&["poll"]).success().stdout, "");
    assert_eq!(server.requests().last().unwrap().header("If-None-Match"), Some("\"v1.0.0+v1.1.0\""));
    let newer_index = fs::read(fork.state("index.json")).unwrap();
    for index in [Some(index), Some(newer_index), None] {
        fork.write_ledger(&older);
        match index {
            Some(index) => fs::write(fork.state("index.json"), index).unwrap(),
            None => fs::remove_file(fork.state("index.json")).unwrap(),
        }
        assert_eq!(fork.patch(&["poll"]).success().stdout, "up: v1.1.0 is new\n");
        assert_eq!(fork.history(), "signal new patch:up:v1.1.0:upstream.release\n");
    }
    // And an empty one primes again, with the whole feed.
    fs::remove_file(fork.state("ledger.jsonl")).unwrap();
    assert_eq!(
        fork.patch(&["poll"]).success().stdout,
        "up: first sight: 2 entries are known from now on, the newest v1.1.0\n"
    );
}

/// Runs `script` with a file system of its own at `$TEMP/state`, mounted as `mount` says.
fn mounted(fork: &Fork, mount: &str, script: &str) -> Option<Output> {
    if !is_installed("unshare") {
        return None;
    }
    let script = format!("set -e; {mount} || exit 99; cd fork; {script}");
    let output =
        fork.environment().run("unshare", &["--mount", "sh", "-c", &script, env!("CARGO_BIN_EXE_patch")]).run();
    if output.status == 99 || output.stderr.starts_with("unshare: ") {
        skipped("a file system may not be mounted");
        return None;
    }
    Some(output)
}

#[test]
fn a_full_disk_is_told_in_one_line_and_the_next_poll_finds_the_same_news() {
    let fork = Fork::unpolled();
    // More than what is left of a page, so that a part of the record is written.
    fork.set("watch.up.payload", &format!("long={}", "x".repeat(9000)));
    fs::create_dir(fork.path("state")).unwrap();
    let script = r#"
        "$0" --quiet poll
        cp "$ROOT"/state/*/ledger.jsonl "$ROOT/before"
        git -C ../upstream tag v1.1.0
        cat /dev/zero > "$ROOT/state/filler" 2> /dev/null || true
        "$0" poll && exit 1
        echo "status $?" >&2
        cmp "$ROOT"/state/*/ledger.jsonl "$ROOT/before"
        "$0" status > "$ROOT/status"
        rm "$ROOT/state/filler"
        "$0" poll
        "$0" poll
        cp -r "$ROOT"/state/* "$ROOT/kept"
    "#;
    let Some(output) = mounted(&fork, "mount -t tmpfs -o size=128k tmpfs state", script) else { return };
    let kept = fs::read_to_string(fork.path("kept/ledger.jsonl")).unwrap();
    assert_eq!(kept.matches("\"kind\":\"signal\"").count(), 1, "{kept}");
    let name = output.stderr.split("/state/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let steady = Output { stderr: output.stderr.replace(&name, "fork-ID"), ..output };
    steady.is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        --- stderr
        error: cannot append to $TEMP/state/fork-ID/ledger.jsonl: No space left on device (os error 28)
        hint: make room; nothing is lost, the next poll finds the same news again
        status 1
    "#]]);
}

#[test]
fn a_state_directory_that_cannot_be_written_is_told_in_one_line() {
    let fork = Fork::new();
    fork.release("v1.1.0");
    let script = r#"
        "$0" status > "$ROOT/status"
        "$0" log > "$ROOT/log"
        "$0" poll && exit 1
        echo "status $?" >&2
    "#;
    let mount = "mount --bind state state && mount -o remount,bind,ro state";
    let Some(output) = mounted(&fork, mount, script) else { return };
    fork.steady(&output).is(&expect![[r#"
        status: 0
        --- stderr
        error: cannot lock $TEMP/state/fork-ID/intake.lock: Read-only file system (os error 30)
        hint: make it writable, or name another directory: `git config patch.stateDir DIR` or PATCH_STATE_DIR
        status 1
    "#]]);
    assert!(fork.environment().read("status").contains("up to date"));
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
    "#]]);
}

#[test]
fn a_limit_on_the_size_of_files_is_a_full_disk() {
    let fork = Fork::new();
    fork.set("watch.up.payload", &format!("long={}", "x".repeat(9000)));
    fork.release("v1.1.0");
    let before = fork.ledger();
    let program = env!("CARGO_BIN_EXE_patch");
    let limited = fork.environment().run("sh", &["-c", "ulimit -f 8; \"$0\" poll", program]).in_dir("fork").run();
    fork.steady(&limited).is(&expect![[r#"
        status: 1
        --- stderr
        error: cannot append to $TEMP/state/fork-ID/ledger.jsonl: File too large (os error 27)
        hint: allow larger files (`ulimit -f`); nothing is lost, the next poll finds the same news again
    "#]]);
    assert_eq!(fork.ledger(), before);
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
    "#]]);
}

#[test]
fn a_torn_line_is_told_though_what_comes_after_it_cannot_be_written() {
    let fork = Fork::new();
    fork.release("v1.0.1");
    fork.patch(&["poll"]).success();
    fork.set("watch.up.payload", &format!("long={}", "x".repeat(9000)));
    fork.release("v1.1.0");
    fork.write_ledger(format!("{}{{\"v\":1", fork.ledger()).as_bytes());
    let torn = fork.ledger();
    let limited = |command: &[&str]| {
        fork.write_ledger(torn.as_bytes());
        // In blocks of 512 bytes: not enough for one more record.
        let limit = format!("ulimit -f {}; exec \"$0\" \"$@\"", torn.len() / 512 + 1);
        let script = ["-c", &limit, env!("CARGO_BIN_EXE_patch")];
        fork.environment().run("sh", &[&script, command].concat()).in_dir("fork").run()
    };
    for command in [&["poll"][..], &["replay", "v1.0.1", "--to", "trigger-branch"]] {
        let told = limited(command);
        assert_eq!(told.status, 1, "{told}");
        assert!(told.stderr.starts_with("warning: the ledger's last line was torn"), "{told}");
        assert!(told.stderr.contains("File too large"), "{told}");
    }
    fork.write_ledger(torn.as_bytes());
    let told = fork.patch(&["replay", "v1.0.1", "--to", "trigger-branch", "--no-dispatch"]).run();
    assert_eq!((told.status, told.stderr.lines().count()), (0, 1), "{told}");
    assert!(told.stderr.starts_with("warning: the ledger's last line was torn"), "{told}");
}

#[test]
fn links_in_the_place_of_files_are_refused() {
    let fork = Fork::new();
    fork.release("v1.1.0");
    let target = fork.environment().write("precious", "precious\n");
    fs::rename(fork.state("ledger.jsonl"), fork.path("moved")).unwrap();
    std::os::unix::fs::symlink(&target, fork.state("ledger.jsonl")).unwrap();
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 1
        --- stderr
        error: cannot read $TEMP/state/fork-ID/ledger.jsonl: it is a symbolic link
        hint: see that the state directory is sound; PATCH_STATE_DIR names another
    "#]]);
    assert_eq!(fork.environment().read("precious"), "precious\n");
}

#[test]
fn a_state_directory_that_is_a_file_is_told() {
    let fork = Fork::unpolled();
    fork.environment().write("state", "");
    let told = fork.patch(&["poll"]).run();
    assert_eq!((told.status, told.stdout.as_str()), (1, ""), "{told}");
    assert!(told.stderr.starts_with("error: cannot use the directory $TEMP/state/fork-"), "{told}");
    assert_eq!(told.stderr.lines().count(), 2, "{told}");
}

#[test]
fn records_are_lines_of_clean_json_in_order() {
    let fork = Fork::dispatching("command", "exit 0");
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    for (line, record) in fork.ledger().lines().zip(fork.records()) {
        assert!(line.starts_with("{\"v\":1,\"at\":\"2026-01-02T03:04:05.000Z\",\"kind\":\""), "{line}");
        assert!(!line.chars().any(char::is_control), "{line}");
        let camel = |key: &String| !key.contains('_') && key.starts_with(|c: char| c.is_ascii_lowercase());
        let Value::Object(fields) = record else { panic!("{line}") };
        assert!(fields.keys().all(camel), "{line}");
    }
    assert_eq!(fs::metadata(fork.state("ledger.jsonl")).unwrap().permissions().mode() & 0o777, 0o600);
}
