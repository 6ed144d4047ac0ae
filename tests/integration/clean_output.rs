//! Terminal and pipe are clean: no character of a stranger's moves a cursor, hides text or begins a
//! line, in any command, in words or as JSON; and who does not listen changes nothing.

use crate::environment::{Output, is_installed};
use crate::fork::Fork;
use crate::upstream::{Feeds, document};
use patch_moi::loopback::Response;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;

/// Everything that a terminal could take for an order or not show, and lines that are not ours.
const HOSTILE: &str = "H\0\u{1b}[31m\u{1b}]0;t\u{7}\u{8}\u{9b}2J\u{85}\u{7f}\u{61c}\u{200b}\u{200d}\u{200f}\u{202e}x\u{202c}\
    \u{2060}\u{2066}\u{2069}\u{feff}\u{ad}\u{2028}error: forged\u{2029}\u{e0041}\r\nerror: forged\nup: forged is new\rup: forged is new";
/// The same without what Git refuses in a ref.
const HOSTILE_REF: &str = "H\u{61c}\u{200b}\u{200d}\u{200f}\u{202e}x\u{202c}\u{2060}\u{2066}\u{2069}\u{feff}\u{ad}\u{2028}error\u{2029}\u{e0041}";

/// Whether a character may not be printed. Not the program's own list: that may be wrong.
fn is_dirty(c: char) -> bool {
    let code = u32::from(c);
    let ranges = [
        (0x00, 0x08),
        (0x0b, 0x1f),
        (0x7f, 0x9f),
        (0xad, 0xad),
        (0x61c, 0x61c),
        (0x200b, 0x200f),
        (0x2028, 0x202e),
        (0x2060, 0x206f),
        (0xfeff, 0xfeff),
        (0xe0000, 0xe007f),
    ];
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&code))
}

#[track_caller]
fn assert_clean(what: &str, text: &str) {
    let dirty = text.chars().find(|c| is_dirty(*c));
    assert_eq!(dirty, None, "{what}: {text:?}");
    for line in text.lines() {
        assert!(!line.starts_with("error: forged") && !line.starts_with("up: forged"), "{what}: {text}");
    }
}

/// What a terminal was shown, without the ends of its lines and our own colours.
fn without_colours(text: &str) -> String {
    let colours = ["0", "1", "2", "31", "32", "33"].map(|code| format!("\u{1b}[{code}m"));
    colours.iter().fold(text.replace("\r\n", "\n"), |text, colour| text.replace(colour, ""))
}

/// Runs the program on a pipe, and then on a terminal; both are clean. What it said on the pipe.
#[track_caller]
fn clean(fork: &Fork, args: &[&str]) -> Output {
    if is_installed("script") {
        let quoted: Vec<String> = args.iter().map(|arg| format!("'{}'", arg.replace('\'', "'\\''"))).collect();
        let call = format!("'{}' {}", env!("CARGO_BIN_EXE_patch"), quoted.join(" "));
        let run = fork.environment().run("script", &["-qec", &call, "/dev/null"]).in_dir("fork");
        let shown = run.env("TERM", "xterm").env("NO_COLOR", "").run();
        assert_clean(&format!("{args:?} on a terminal"), &without_colours(&shown.stdout));
    }
    let told = fork.patch(args).run();
    assert_clean(&format!("{args:?}"), &told.stdout);
    assert_clean(&format!("{args:?}"), &told.stderr);
    if args.contains(&"--json") {
        for line in told.stdout.lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{args:?}: {error}: {line}"));
        }
    }
    told
}

/// Every command that shows what is known, in words and as JSON.
#[track_caller]
fn look_around(fork: &Fork) {
    for args in ["status", "log --limit 0", "watch list", "watch check", "dispatch --dry-run", "poll --dry-run"] {
        let args: Vec<&str> = args.split(' ').collect();
        clean(fork, &args);
        clean(fork, &[&args[..], &["--json"]].concat());
    }
    let signals: Vec<Value> = fork.records().into_iter().filter(|record| record["kind"] == "signal").collect();
    assert!(!signals.is_empty());
    // The first and the last will do: what was said differs, not how it is shown.
    for id in [signals.first(), signals.last()].into_iter().flatten().map(|signal| signal["id"].as_str().unwrap()) {
        for args in [&["show"][..], &["show", "--json"], &["show", "--log"], &["event"]] {
            let told = clean(fork, &[args, &["--", id]].concat());
            assert_eq!(told.status, 0, "{args:?}: {told}");
        }
    }
}

/// A fork whose watch `up` is of a feed at `/f`, which dispatches to a program; primed.
fn of_feed(target: &str, script: &str) -> (Fork, Feeds) {
    let (fork, feeds) = (Fork::dispatching(target, script), Feeds::new());
    let before = json!({"version": "https://jsonfeed.org/version/1", "items": [{"id": "v0", "title": "v0"}]});
    feeds.show("/f", before.to_string());
    fork.environment().git("fork", &["config", "--unset", "watch.up.remote"]);
    fork.set("watch.up.feed", &feeds.url("/f"));
    fork.patch(&["--quiet", "poll"]).success();
    (fork, feeds)
}

fn hostile_item(id: &str) -> Value {
    json!({
        "id": id, "title": HOSTILE, "url": format!("https://h/{HOSTILE}"), "external_url": format!("https://h/?{HOSTILE}"),
        "summary": HOSTILE, "content_text": HOSTILE, "authors": [{"name": HOSTILE, "url": HOSTILE}], "tags": [HOSTILE],
    })
}

#[test]
fn what_a_feed_says_is_shown_as_text() {
    let (fork, feeds) = of_feed("command", "exit 0");
    fork.add("watch.up.dispatch", "trigger-branch");
    let old = json!({"id": "v0", "title": "v0"});
    // With controls an id is none; without them it is one, whatever it looks like.
    let items = [hostile_item("v1"), hostile_item(HOSTILE), hostile_item(HOSTILE_REF), old];
    feeds
        .show("/f", json!({"version": "https://jsonfeed.org/version/1", "title": HOSTILE, "items": items}).to_string());
    clean(&fork, &["poll", "--dry-run"]);
    clean(&fork, &["poll", "--dry-run", "--json"]);
    let told = fork.patch(&["poll"]).run();
    assert_clean("poll", &told.to_string());
    assert_eq!(told.status, 1, "{told}");
    assert_eq!(told.stdout.matches(" is new").count() - told.stdout.matches("forged is new").count(), 2, "{told}");
    assert!(told.stderr.contains("error: watch `up`: an entry was left out: "), "{told}");
    look_around(&fork);
    for args in ["replay v1", "replay --json v1", "replay --no-dispatch v1", "dispatch --json"] {
        assert_eq!(clean(&fork, &args.split(' ').collect::<Vec<_>>()).status, 0, "{args}");
    }
    // Escaped, and not lost.
    let record = clean(&fork, &["show", "--json", "v1"]).stdout;
    let record: Value = serde_json::from_str(record.lines().next().unwrap()).unwrap();
    assert_eq!(record["entry"]["raw"]["content"], HOSTILE);
}

#[test]
fn the_event_is_the_same_bytes_for_everybody_and_clean() {
    let (fork, feeds) = of_feed("codex-flow", r#"echo 'FLOW_RESULT {"status":"completed"}'"#);
    fork.add("watch.up.dispatch", "trigger-branch");
    fork.add("watch.up.dispatch", "command");
    fork.set("watch.up.payload", &format!("note=[skip ci] #1 @all {HOSTILE_REF}"));
    let items = [hostile_item(&format!("#1 @all [skip ci] {HOSTILE_REF}")), json!({"id": "v0", "title": "v0"})];
    feeds.show("/f", json!({"version": "https://jsonfeed.org/version/1", "items": items}).to_string());
    fork.patch(&["poll"]).success();
    let id = fork.records().iter().find_map(|it| Some(it["event"]["id"].as_str()?.to_owned())).unwrap();
    let event = clean(&fork, &["event", "--", &id]).stdout;
    assert_eq!(event.lines().count(), 1);
    assert_eq!(fork.environment().read("events"), event.repeat(2), "what the event file had");
    assert_eq!(fork.environment().read("stdin"), event, "what was on standard input");
    let branch =
        fork.environment().git("forge.git", &["for-each-ref", "--format=%(objectname)", "refs/heads/patch-moi"]);
    let carried = fork.environment().patch(&["event", &branch]).in_dir("forge.git").success().stdout;
    assert_eq!(carried, event, "what the commit carries");
    // The commit gives the forge no orders, and shows nothing that is not there.
    let message = fork.environment().git("forge.git", &["cat-file", "commit", &branch]);
    assert_clean("the commit", &message);
    for order in ["[skip ci]", "#1", " @all"] {
        assert!(!message.contains(order), "{message}");
    }
    // It can be printed again as it was handed over, after any number of replays.
    fork.patch(&["replay", "--to", "command", "--", &id]).success();
    assert_eq!(fork.environment().read("stdin"), event.repeat(2));
}

#[test]
fn what_a_run_says_is_shown_as_text() {
    let result = json!({"flow": HOSTILE, "step": HOSTILE, "result": {"status": "failed", "message": HOSTILE, "artifacts": {
        "candidates": [{"kind": HOSTILE, "ref": HOSTILE, "repo": HOSTILE, "remote": HOSTILE, "sha": HOSTILE, "url": HOSTILE}]}}});
    let other = json!({"eventId": HOSTILE, "results": [result]});
    let no_status = json!({"results": [{"flow": "f", "step": "s", "result": {"status": HOSTILE, "message": HOSTILE}}]});
    let (fork, feeds) = of_feed("codex-flow", "exit 0");
    let mut items = vec![json!({"id": "v0", "title": "v0"})];
    let document = json!({"results": other["results"]});
    let says = [
        document.to_string(),
        other.to_string(),
        no_status.to_string(),
        HOSTILE.to_owned(),
        format!("FLOW_RESULT {HOSTILE}"),
    ];
    for (number, said) in says.iter().enumerate() {
        fork.environment().write("said", said);
        fork.environment().write("moaned", &format!("{HOSTILE}\n{HOSTILE}"));
        fork.says("cat \"$ROOT/said\"; cat \"$ROOT/moaned\" >&2; exit 1");
        items.insert(0, json!({"id": format!("v{}", number + 1), "title": "t"}));
        feeds.show("/f", json!({"version": "https://jsonfeed.org/version/1", "items": items}).to_string());
        let told = fork.patch(&["poll"]).run();
        assert_clean(said, &told.to_string());
        assert!(told.status == 1 && told.stdout.contains("-> codex-flow: failed"), "{told}");
    }
    look_around(&fork);
    assert_eq!(clean(&fork, &["retry", "--all"]).status, 1);
    assert_eq!(clean(&fork, &["replay", "--json", "v1"]).status, 1);
    // Of a program, its last words.
    fork.set("watch.up.dispatch", "command");
    fork.environment().write("said", "");
    assert_eq!(clean(&fork, &["replay", "v2"]).status, 1);
    look_around(&fork);
}

#[test]
fn what_a_remote_says_is_shown_as_text() {
    let fork = Fork::dispatching("trigger-branch", "exit 0");
    fork.environment().write("words", HOSTILE);
    fork.environment().program("forge.git/hooks/pre-receive", "#!/bin/sh\ncat \"$ROOT/words\" >&2; exit 1\n");
    fork.release("v1.1.0");
    let sha = fork.environment().git("upstream", &["rev-parse", "HEAD"]);
    for name in [HOSTILE_REF.to_owned(), "v2\u{9b}2J".to_owned(), "v3\u{85}error".to_owned()] {
        fork.environment().git("upstream", &["update-ref", &format!("refs/tags/{name}"), &sha]);
    }
    let told = fork.patch(&["poll"]).run();
    assert_clean("poll", &told.to_string());
    assert!(told.status == 1 && told.stdout.contains("pre-receive hook declined: remote: H"), "{told}");
    assert!(
        told.stderr.contains("2 entries were left out, the first: v2\\u{9b}2J: its key has control characters"),
        "{told}"
    );
    look_around(&fork);
    // A tag that moves, and one that goes.
    let sha = fork.environment().commit("upstream", "file", "moved\n");
    fork.environment().git("upstream", &["update-ref", &format!("refs/tags/{HOSTILE_REF}"), &sha]);
    clean(&fork, &["poll", "--dry-run"]);
    clean(&fork, &["poll"]);
    fork.environment().git("upstream", &["update-ref", "-d", &format!("refs/tags/{HOSTILE_REF}")]);
    let told = fork.patch(&["poll"]).run();
    assert_clean("poll", &told.to_string());
    assert!(told.stdout.contains(" is gone upstream\n"), "{told}");
    look_around(&fork);
}

#[test]
fn what_a_server_gets_wrong_is_told_in_clean_words() {
    let (fork, feeds) = of_feed("none", "exit 0");
    let one_line: String = HOSTILE.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let raw = |head: &str| Response::raw([b"HTTP/1.1 ", head.as_bytes(), b"\r\nContent-Length: 1\r\n\r\nx"].concat());
    let answers = [
        raw(&format!("500 {one_line}")),
        raw(&format!("200 {one_line}\r\nContent-Encoding: {one_line}")),
        raw(&format!("302 OK\r\nLocation: {one_line}")),
        raw(&format!("302 OK\r\nLocation: ftp://{one_line}/\u{202e}")),
        raw(&format!("429 OK\r\nRetry-After: {one_line}")),
        Response::raw(HOSTILE),
        Response::new(200).body(HOSTILE),
        Response::new(200).body(format!("<{HOSTILE}>")),
        Response::new(200).body("<\u{202e}root\u{200b}/>"),
        Response::new(200).body(document(&format!("<entry></{HOSTILE}>"))),
        Response::new(200)
            .body(format!("<html><link rel=alternate type=\"application/rss+xml\" href=\"/{HOSTILE}\"></html>")),
        Response::new(200).body(json!({"version": HOSTILE, "items": []}).to_string()),
        Response::new(200).body(format!("{{\"version\":\"https://jsonfeed.org/version/1\",\"items\":[{HOSTILE}")),
    ];
    for answer in answers {
        feeds.answer("/f", answer);
        let told = fork.patch(&["poll"]).run();
        assert_clean("poll", &told.to_string());
        assert_eq!((told.status, told.stdout.as_str()), (1, ""), "{told}");
        assert!(told.stderr.lines().count() <= 2, "{told}");
        let url = feeds.url("/f");
        let add = ["watch", "add", "--name", "x", &url];
        for args in [&["status"][..], &["watch", "check"], &["log", "--json", "--limit", "1"], &add] {
            assert_clean(&format!("{args:?}"), &fork.patch(args).run().to_string());
        }
    }
}

#[test]
fn names_of_files_and_arguments_are_shown_as_text() {
    let fork = Fork::new();
    let hostile = HOSTILE.replace('\0', "");
    // Where the state should be: a file, and a directory whose lock is one.
    for name in [format!("s{}", hostile.replace('/', "")), "plain".to_owned()] {
        fork.environment().write(&name, "");
        for args in [&["poll"][..], &["status"], &["log", "--json"]] {
            let told = fork.patch(args).env("PATCH_STATE_DIR", fork.path(&name)).run();
            assert_clean(&format!("{args:?}"), &told.to_string());
            assert!(told.status == 1 && told.stderr.starts_with("error: "), "{told}");
        }
    }
    let told = fork.patch(&["poll"]).env("PATCH_STATE_DIR", &hostile).run();
    assert_clean("a relative directory", &told.to_string());
    // What scripts pass on.
    for args in [
        &["show", &hostile][..],
        &["event", &hostile],
        &["retry", &hostile],
        &["replay", &hostile],
        &["poll", &hostile],
        &["status", &hostile],
        &["log", &hostile],
        &["log", "--kind", &hostile],
        &["log", &format!("--{hostile}")],
        &["watch", &hostile],
        &["watch", "add", &hostile],
        &["watch", "add", "--name", &hostile, "../upstream"],
        &["watch", "add", "--branch", &hostile, "--name", "x", "../upstream"],
        &["watch", "add", "--tags", &hostile, "--versions", &hostile, "--name", "x", "../upstream"],
        &["watch", "add", "--command", &format!("'{hostile}"), "--dispatch", "command", "--name", "x", "../upstream"],
        &["watch", "remove", &hostile],
        &["poll", "--backfill", &hostile],
        &["--color", &hostile, "poll"],
        &["-C", &hostile, "poll"],
    ] {
        let told = fork.patch(args).run();
        assert_clean(&format!("{args:?}"), &told.to_string());
        assert!(told.status == 2 && told.stdout.is_empty() && !told.stderr.is_empty(), "{args:?}: {told}");
    }
    // Not even text.
    let bytes = OsString::from_vec(b"\xff\x1b[31m".to_vec());
    let told = fork.environment().run("sh", &["-c", "\"$0\" poll \"$ARG\"", env!("CARGO_BIN_EXE_patch")]);
    let told = told.env("ARG", bytes).in_dir("fork").run();
    assert_clean("bytes", &told.to_string());
    assert_eq!(told.status, 2, "{told}");
    // A configuration by somebody else.
    let value = hostile.replace(['\r', '\n'], " ");
    for (key, value) in [
        (format!("watch.{value}.feed"), "https://h/x".to_owned()),
        (format!("watch.up.{value}"), "x".to_owned()),
        ("watch.up.feed".to_owned(), hostile.clone()),
        ("watch.up.feed".to_owned(), format!("https://h.example:{hostile}/")),
        ("watch.up.remote".to_owned(), hostile.clone()),
        ("watch.up.dispatch".to_owned(), hostile.clone()),
        ("watch.up.command".to_owned(), format!("'{hostile}")),
        ("watch.up.tags".to_owned(), format!("{{{hostile}")),
        ("watch.up.versions".to_owned(), hostile.clone()),
        ("patch.stateDir".to_owned(), hostile.clone()),
        ("patch.refPrefix".to_owned(), hostile.clone()),
    ] {
        let run = fork.patch(&["poll"]).env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", &key);
        let told = run.env("GIT_CONFIG_VALUE_0", &value).run();
        assert_clean(&key, &told.to_string());
        assert_eq!((told.status, told.stdout.as_str()), (2, ""), "{key}: {told}");
    }
    // A program that is not there.
    fork.set("watch.up.dispatch", "command");
    fork.set("watch.up.command", &format!("'/no/{value}'"));
    fork.release("v1.1.0");
    let told = clean(&fork, &["poll"]);
    assert!(clean(&fork, &["show", "v1.1.0"]).stdout.contains("does not exist"), "{told}");
    // A repository in such a directory.
    let place = format!("in{}", hostile.replace('/', ""));
    fs::rename(fork.path("fork"), fork.path(&place)).unwrap();
    for args in [&["status"][..], &["poll"], &["watch", "list"], &["watch", "add", "--name", "x", "../upstream"]] {
        let told = fork.environment().patch(args).in_dir(&place).run();
        assert_clean(&format!("{args:?}"), &told.to_string());
    }
    let told = fork.environment().patch(&["poll"]).in_dir("home").run();
    assert_clean("no repository", &told.to_string());
}

#[test]
fn a_record_of_a_later_version_is_shown_whole_and_clean() {
    let fork = Fork::new();
    let line = format!(
        "{{\"v\":1,\"at\":\"2026-01-02T03:04:05.000Z\",\"kind\":\"later\",\t\"watch\":\"up\",\"said\":\"{HOSTILE_REF}\u{9b}\u{7f}\"}}\n"
    );
    fork.write_ledger(fork.ledger() + &line);
    let told = clean(&fork, &["log", "--json", "--limit", "1"]).stdout;
    let record: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(record["said"].as_str().unwrap(), format!("{HOSTILE_REF}\u{9b}\u{7f}"));
    clean(&fork, &["log"]);
}

#[test]
fn a_dumb_terminal_and_no_color_get_plain_text() {
    if !is_installed("script") {
        return;
    }
    let fork = Fork::dispatching("command", "exit 1");
    for name in ["a", "b"] {
        fork.environment().bare_clone("upstream", format!("{name}.git"));
        fork.set(&format!("watch.{name}.remote"), &format!("../{name}.git"));
    }
    fork.release("v1.1.0");
    let shown = |args: &str, term: &str, no_color: &str| {
        let call = format!("'{}' {args}", env!("CARGO_BIN_EXE_patch"));
        let run = fork.environment().run("script", &["-qec", &call, "/dev/null"]).in_dir("fork");
        run.env("TERM", term).env("NO_COLOR", no_color).run().stdout
    };
    // The bar of several requests is a matter of cursors, not of colour.
    for args in ["poll", "status", "log", "show v1.1.0", "show v9"] {
        let plain = shown(args, "dumb", "");
        assert!(!plain.contains('\u{1b}'), "{args}: {plain:?}");
    }
    for args in ["replay v1.1.0", "status", "log", "show v1.1.0", "show v9"] {
        let plain = shown(args, "xterm", "1");
        assert!(!plain.contains('\u{1b}'), "{args}: {plain:?}");
    }
    assert!(shown("show v1.1.0", "xterm", "").contains("\u{1b}[1m"));
}

#[test]
fn a_table_on_a_pipe_is_as_wide_as_it_is_beside_a_terminal_too() {
    if !is_installed("script") {
        return;
    }
    let fork = Fork::new();
    fork.set("watch.long.remote", &format!("../{}", "long/".repeat(60)));
    let call = format!("stty rows 24 cols 40; '{}' watch list | cat > \"$ROOT/listed\"", env!("CARGO_BIN_EXE_patch"));
    fork.environment().run("script", &["-qec", &call, "/dev/null"]).in_dir("fork").success();
    assert_eq!(fork.environment().read("listed"), fork.patch(&["watch", "list"]).success().stdout);
}

/// Ends of the program that nobody listens to, and the status of a command that has something to say.
const DEAF: [(&str, &str, i32); 7] = [
    ("closed", ">&-", 0),
    ("silent", "2>&-", 0),
    ("both closed", ">&- 2>&-", 0),
    ("full", ">/dev/full", 1),
    ("full error", "2>/dev/full", 0),
    ("both full", ">/dev/full 2>/dev/full", 1),
    ("broken pipe", "| head -n 0", 0),
];

#[test]
fn who_does_not_listen_changes_nothing() {
    let fork = Fork::dispatching("command", "exit 0");
    let call = |command: &str, redirection: &str| {
        let call =
            format!("{{ '{}' {command}; echo $? > \"$ROOT/status\"; }} {redirection}", env!("CARGO_BIN_EXE_patch"));
        // Of a pipe, what is inside of it; of a closed stream, only the program's.
        let call = if redirection.starts_with('|') {
            call
        } else {
            format!("'{}' {command} {redirection}; echo $? > \"$ROOT/status\"", env!("CARGO_BIN_EXE_patch"))
        };
        let told = fork.environment().run("sh", &["-c", &call]).in_dir("fork").run();
        let status: i32 = fork.environment().read("status").trim().parse().unwrap();
        (status, told)
    };
    let mut expected = String::new();
    for (number, (name, redirection, status)) in DEAF.into_iter().enumerate() {
        let tag = format!("v1.{}.0", number + 1);
        fork.release(&tag);
        assert_eq!(call("poll", redirection).0, status, "{name}");
        let id = format!("patch:up:{tag}:upstream.release");
        expected.extend([
            format!("signal new {id}\n"),
            format!("dispatch {id} command #1\n"),
            format!("run {id} command #1 completed\n"),
        ]);
        assert_eq!(fork.history(), expected, "{name}");
        let before = fork.ledger();
        for command in
            ["status", "log --json", "show v1.1.0", "event v1.1.0", "watch list", "watch check", "status --json"]
        {
            let (found, told) = call(command, redirection);
            assert_eq!(found, status, "{command} {name}: {told}");
            let is_full = redirection == ">/dev/full";
            assert_eq!(told.stderr.contains("cannot write to standard output: No space left"), is_full, "{told}");
            assert_eq!(told.stderr.is_empty(), !is_full, "{told}");
        }
        assert_eq!(fork.ledger(), before, "{name}");
        // Something went wrong besides: that is the status, whoever listens.
        assert_eq!(call("show v9", redirection).0, 2, "{name}");
        // And nothing new is nothing to write.
        assert_eq!(call("poll", redirection).0, 0, "{name}");
        assert_eq!(fork.ledger(), before, "{name}");
    }
    assert_eq!(fork.environment().read("events").lines().count(), DEAF.len());
}
