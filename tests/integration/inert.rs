//! What strangers publish is data: no name of theirs reaches a shell, an argument, a path, or a ref
//! outside of ours, and no two of them are taken for one.

use crate::environment::can_trace;
use crate::fork::Fork;
use crate::upstream::{Feeds, atom, document};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// In every hostile name, so that it can be told wherever it gets to.
const MARK: &str = "Zq7";

/// Names that mean something to a shell, an option parser, a path, Git, a terminal, JSON, or a file
/// system that folds what differs.
fn hostile_names() -> Vec<String> {
    let names = [
        "$(touch Zq7)",
        "$(touch${IFS}Zq7)",
        "`touch Zq7`",
        ";touch Zq7;#",
        "&&touch${IFS}Zq7",
        "|touch${IFS}Zq7",
        "'\"Zq7\\",
        "-Zq7",
        "-oProxyCommand=touch Zq7",
        "--upload-pack=touch Zq7",
        "--exec=touch${IFS}Zq7",
        "--Zq7",
        "../../Zq7",
        "/etc/Zq7",
        "a..Zq7",
        "@{Zq7",
        "Zq7@{-1}",
        "@Zq7",
        "refs/heads/mainZq7",
        "HEADZq7",
        "Zq7.lock",
        "Zq7.LOCK",
        "a//Zq7",
        "Zq7.",
        "Zq7/",
        ".Zq7",
        "Zq7\na second line",
        "Zq7\rover",
        "Zq7\0end",
        "Zq7\u{1b}[31mred\u{1b}]0;title\u{7}",
        "Zq7\u{9b}2J",
        "Zq7\u{7f}",
        "Zq7\u{202e}gpj.exe",
        "Zq7\u{200b}",
        "Zq7\u{feff}",
        "Zq7\u{2028}error: forged",
        "\u{1f980}Zq7\u{2764}\u{fe0f}",
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd}Zq7",
        "\u{645}\u{631}\u{62d}\u{628}\u{627}Zq7",
        "\u{7248}\u{672c}Zq7",
        "Zq7-\u{e9}",
        "Zq7-e\u{301}",
        "VZq7",
        "vZq7",
        "vzQ7Zq7",
        "Zq7%2e%2e%2fx",
        "Zq7 ",
        "CON.Zq7",
        "nul.Zq7",
        "Zq7~1",
        "Zq7^{}",
        "Zq7:x",
        "Zq7?*[x]",
    ];
    let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    names.push(format!("Zq7{}", "x".repeat(3_000)));
    names.push(format!("Zq7{}", "x".repeat(10_000)));
    names
}

/// Names without the mark: what they may not do shows in files and refs.
const SHORT: [&str; 12] =
    ["@", "HEAD", "refs/heads/main", "-x", "main", ".", "..", "CON", "nul", "origin/main", "stash", "FETCH_HEAD"];

fn all_names() -> Vec<String> {
    hostile_names().into_iter().chain(SHORT.map(str::to_owned)).collect()
}

/// `text` in XML. What XML cannot hold at all (its section 2.2) is left out.
fn xml(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars().filter(|c| *c >= ' ' || matches!(c, '\t' | '\n' | '\r')) {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => escaped.push(c),
            _ => write!(escaped, "&#{};", u32::from(c)).unwrap(),
        }
    }
    escaped
}

/// `text` in a URL's path, every byte of it.
fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02x}"))
}

/// An Atom feed whose entries are called so in every field; where they are linked, as a forge's tags.
fn atom_of(names: &[String], as_tags: bool) -> String {
    let mut entries = String::new();
    for name in names {
        let text = xml(name);
        let tag = if as_tags { percent(name) } else { String::new() };
        let link = format!("<link href=\"https://forge.example/o/p/releases/tag/{tag}\"/>");
        write!(
            entries,
            "<entry><id>{text}</id><title>{text}</title>{link}<author><name>{text}</name></author>\
             <summary>{text}</summary></entry>"
        )
        .unwrap();
    }
    document(&entries)
}

/// A JSON Feed of the same.
fn json_of(names: &[String]) -> String {
    let items: Vec<Value> =
        names.iter().map(|name| json!({"id": name, "title": name, "authors": [{"name": name}]})).collect();
    json!({"version": "https://jsonfeed.org/version/1.1", "title": "p", "items": items}).to_string()
}

/// A fork with the watches `tags`, `atom` and `json` of feeds, and their server; primed.
fn three_feeds() -> (Fork, Feeds) {
    let (fork, feeds) = (Fork::dispatching("none", "exit 0"), Feeds::new());
    fork.environment().git("fork", &["config", "--remove-section", "watch.up"]);
    // Not `upstream`, which would be asked beside each feed.
    for name in ["tags", "atom", "json"] {
        fork.set(&format!("watch.{name}.feed"), &feeds.url(&format!("/{name}")));
        fork.set(&format!("watch.{name}.command"), fork.path("bin/runner").to_str().unwrap());
        fork.set(&format!("watch.{name}.prerelease"), "true");
    }
    feeds.show("/tags", atom(&["v1"]));
    feeds.show("/atom", atom_of(&["first".to_owned()], false));
    feeds.show("/json", json_of(&["first".to_owned()]));
    fork.patch(&["--quiet", "poll"]).success();
    (fork, feeds)
}

fn show_hostile(feeds: &Feeds) {
    let names = all_names();
    let with = |old: &str| [&[old.to_owned()], &names[..]].concat();
    feeds.show("/tags", atom_of(&with("v1"), true));
    feeds.show("/atom", atom_of(&with("first"), false));
    feeds.show("/json", json_of(&with("first")));
}

/// Everything in the test's directory that is neither ours to write nor Git's store of objects and refs.
fn tree(fork: &Fork) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![fork.path("")];
    // The state directory, the runner's own notes, the tracer's.
    let ours = ["state", "home/.cache", "home/tmp", "args", "world", "events", "stdin", "trace"];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            let name = entry.strip_prefix(fork.path("")).unwrap().to_str().unwrap().to_owned();
            let of_git = ["objects", "refs", "logs", "packed-refs"].iter().any(|part| {
                name.strip_prefix("fork/.git/").or(name.strip_prefix("forge.git/")).is_some_and(|it| it == *part)
            });
            if of_git || ours.contains(&name.as_str()) {
                continue;
            }
            let content = if entry.is_dir() { Vec::new() } else { fs::read(&entry).unwrap() };
            files.insert(name, content);
            if entry.is_dir() {
                directories.push(entry);
            }
        }
    }
    files
}

/// The refs of the clone and of the forge, by name.
fn refs(fork: &Fork) -> BTreeSet<String> {
    let of = |repository: &str| {
        let listed = fork.environment().git(repository, &["for-each-ref", "--format=%(refname) %(objectname)"]);
        listed.lines().map(|line| format!("{repository} {line}")).collect::<Vec<_>>()
    };
    [of("fork"), of("forge.git")].concat().into_iter().collect()
}

/// Runs a poll; no file and no ref may appear outside of our own places, and none may change.
#[track_caller]
fn poll_touches_only_our_own(fork: &Fork, poll: impl FnOnce()) {
    let before = (tree(fork), refs(fork));
    poll();
    let after = (tree(fork), refs(fork));
    assert!(before.0 == after.0, "files: {:?}", changed(&before.0, &after.0));
    assert_eq!(before.1.difference(&after.1).collect::<Vec<_>>(), Vec::<&String>::new(), "refs went or moved");
    for new in after.1.difference(&before.1) {
        let ours = [
            "forge.git refs/heads/patch-moi/trigger/",
            "fork refs/patch-moi/",
            // Git's own note of what it pushed there.
            "fork refs/remotes/origin/patch-moi/trigger/",
        ];
        assert!(ours.iter().any(|prefix| new.starts_with(prefix)), "{new}");
        assert!(new.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{new:?}");
    }
}

fn changed<'a>(one: &'a BTreeMap<String, Vec<u8>>, other: &'a BTreeMap<String, Vec<u8>>) -> Vec<&'a String> {
    let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    keys.into_iter().filter(|key| one.get(*key) != other.get(*key)).collect()
}

/// The keys of one watch's signals, and those of what was left out.
fn taken_and_left(fork: &Fork, watch: &str) -> (Vec<String>, usize) {
    let records = fork.records();
    let of = |kind: &str| records.iter().filter(|it| it["kind"] == *kind && it["watch"] == *watch).collect::<Vec<_>>();
    let taken = of("signal").iter().map(|signal| signal["entry"]["key"].as_str().unwrap().to_owned()).collect();
    (taken, of("skipped").iter().filter(|it| it["reason"] == "unusable").count())
}

/// A started program, as strace saw it.
struct Started {
    arguments: Vec<String>,
    environment: Vec<String>,
}

/// Reads `PID execve("\x2f…", ["\x67…", …], ["\x41…", …]) = 0`.
fn started(trace: &str) -> Vec<Started> {
    let list = |text: &str| -> Vec<String> {
        let strings = text.split('"').skip(1).step_by(2);
        strings
            .map(|hex| {
                let bytes = hex.split("\\x").skip(1).map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
                String::from_utf8_lossy(&Vec::<u8>::clone(&bytes)).into_owned()
            })
            .collect()
    };
    let calls = trace.lines().filter_map(|line| line.split_once("execve(").map(|(_, call)| call));
    calls
        .filter_map(|call| {
            let (_, rest) = call.split_once(", [")?;
            let (arguments, environment) = rest.split_once("], [")?;
            Some(Started { arguments: list(arguments), environment: list(environment) })
        })
        .collect()
}

/// Whether the arguments hold a stranger's text only as part of a ref name of ours, in its place.
fn is_in_place(argument: &str) -> bool {
    let ours = "refs/heads/patch-moi/trigger/";
    let name = argument.strip_prefix("--force-with-lease=").map_or(argument, |lease| lease.trim_end_matches(':'));
    let name = match name.split_once(':') {
        // What is pushed where: a commit, and a ref.
        Some((sha, name)) if sha.len() == 40 && sha.bytes().all(|byte| byte.is_ascii_hexdigit()) => name,
        _ => name,
    };
    let checked = |c: char| c.is_ascii_alphanumeric() || "._+-=/".contains(c);
    name.starts_with(ours) && name.chars().all(checked)
}

/// Polls under strace, and judges every program that is started; their number.
#[track_caller]
fn traced_poll(fork: &Fork, status: i32) -> usize {
    let trace = fork.path("trace");
    let arguments = ["-f", "--seccomp-bpf", "-xx", "-v", "-s", "1000000", "-e", "trace=execve", "-o"];
    let arguments =
        [&arguments[..], &[trace.to_str().unwrap(), env!("CARGO_BIN_EXE_patch"), "--quiet", "poll"]].concat();
    let polled = fork.environment().run("strace", &arguments).in_dir("fork").run();
    assert_eq!(polled.status, status, "{}", polled.stderr);
    let started = started(&fs::read_to_string(&trace).unwrap());
    for program in &started {
        for (place, argument) in program.arguments.iter().enumerate() {
            assert!(
                !argument.contains(MARK) || is_in_place(argument),
                "argument {place}: {argument:?} of {:?}",
                &program.arguments[..place]
            );
            assert!(!SHORT[3..].contains(&argument.as_str()) || argument == "main", "{:?}", program.arguments);
        }
        for variable in program.environment.iter().filter(|variable| variable.contains(MARK)) {
            assert!(variable.starts_with("PATCH_EVENT_ID=patch:"), "{variable:?}");
            assert!(!variable.contains(char::is_control), "{variable:?}");
        }
    }
    started.len()
}

/// What every watch makes of the names: those it takes are keys byte for byte, the others are told.
#[track_caller]
fn assert_all_accounted(fork: &Fork) {
    let names = all_names();
    let is_clean = |name: &str| name.len() <= 4096 && !name.contains(char::is_control);
    // An id's white space around it is no part of it; the tests of feeds say so.
    let plain: BTreeSet<String> = names.iter().map(|name| name.trim().to_owned()).collect();
    let (taken, left) = taken_and_left(fork, "json");
    let expected: BTreeSet<String> = plain.iter().filter(|name| is_clean(name)).cloned().collect();
    let found: BTreeSet<String> = taken.iter().cloned().collect();
    assert_eq!(found.symmetric_difference(&expected).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!((taken.len(), left), (expected.len(), plain.len() - expected.len()), "each once");
    let (taken, left) = taken_and_left(fork, "tags");
    let found: BTreeSet<&String> = taken.iter().collect();
    assert_eq!((found.len(), taken.len() + left > 50), (taken.len(), true), "each once");
    for name in &taken {
        assert!(names.iter().any(|known| known == name || known.trim_end_matches('/') == name), "{name:?}");
    }
    // What is handed on as a tag is one that Git would take, and its commands not for an option.
    let records = fork.records();
    let tags: Vec<&str> = records.iter().filter_map(|it| it["event"]["payload"]["tag"].as_str()).collect();
    assert!(tags.len() > 30, "{tags:?}");
    for tag in tags {
        let checked = fork.environment().run("git", &["check-ref-format", &format!("refs/tags/{tag}")]).run();
        assert_eq!((checked.status, tag.starts_with('-')), (0, false), "{tag:?}");
    }
}

#[test]
fn a_program_is_handed_hostile_names_as_data_alone() {
    let (fork, feeds) = three_feeds();
    if !can_trace() {
        return;
    }
    fork.set("watch.json.dispatch", "command");
    fork.set("watch.atom.dispatch", "codex-flow");
    fork.says(&format!(
        "echo \"{{\\\"eventId\\\":1,\\\"results\\\":[]}}\" >/dev/null; echo 'FLOW_RESULT {}'",
        r#"{"status":"completed"}"#
    ));
    show_hostile(&feeds);
    // 1: some entries have no identity, which is told.
    poll_touches_only_our_own(&fork, || assert!(traced_poll(&fork, 1) > 100));
    assert_all_accounted(&fork);
    let ended = |watch: &str| {
        let records = fork.records();
        let ends = records.iter().filter(|it| it["kind"] == "run" && it["watch"] == *watch);
        ends.map(|run| run["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for watch in ["json", "atom"] {
        let (taken, _) = taken_and_left(&fork, watch);
        assert_eq!(ended(watch), vec!["completed"; taken.len()], "{watch}");
        assert!(taken.len() > 40, "{watch}");
    }
    // The runner saw each event as it is recorded, and the arguments of flows are paths.
    let events = fork.environment().read("events");
    let handed: BTreeSet<&str> = events.lines().collect();
    for record in fork.records().iter().filter(|it| it["kind"] == "signal" && it["watch"] != "tags") {
        let id = record["id"].as_str().unwrap();
        let event = handed.iter().find(|line| serde_json::from_str::<Value>(line).unwrap()["id"] == *id);
        assert_eq!(serde_json::from_str::<Value>(event.unwrap()).unwrap(), record["event"]);
    }
    // Again after a person's wish, by the very name: it is an argument of ours, and nobody else's.
    let id = "patch:json:$(touch Zq7):upstream.release";
    poll_touches_only_our_own(&fork, || drop(fork.patch(&["replay", id]).success()));
    fork.patch(&["show", "--log", "--", id]).success();
}

#[test]
fn every_hostile_tag_has_a_branch_of_its_own() {
    let (fork, feeds) = three_feeds();
    if !can_trace() {
        return;
    }
    fork.set("watch.tags.dispatch", "trigger-branch");
    fork.set("watch.json.dispatch", "trigger-branch");
    show_hostile(&feeds);
    poll_touches_only_our_own(&fork, || assert!(traced_poll(&fork, 1) > 200));
    assert_all_accounted(&fork);
    let branches =
        fork.environment().git("forge.git", &["for-each-ref", "--format=%(refname)", "refs/heads/patch-moi"]);
    for watch in ["tags", "json"] {
        let prefix = format!("refs/heads/patch-moi/trigger/{watch}/");
        let branches: Vec<&str> = branches.lines().filter_map(|name| name.strip_prefix(&prefix)).collect();
        let (taken, _) = taken_and_left(&fork, watch);
        // As a file system sees them that folds case; in ASCII alone there is no normal form to fold.
        let folded: BTreeSet<String> = branches.iter().map(|name| name.to_ascii_lowercase()).collect();
        assert_eq!((branches.len(), folded.len()), (taken.len(), taken.len()), "{watch}");
        assert!(folded.iter().all(|name| name.is_ascii() && !name.contains('/') && name.len() < 240));
    }
    // Each says which event it is, and no more than one event.
    let format = "--format=%(contents)%00";
    let messages = fork.environment().git("forge.git", &["for-each-ref", format, "refs/heads/patch-moi"]);
    let mut ids = BTreeSet::new();
    for message in messages.split('\0').map(str::trim).filter(|message| !message.is_empty()) {
        let trailers: Vec<&str> = message.lines().filter(|line| line.starts_with("Patch-Event: ")).collect();
        assert_eq!(trailers.len(), 1, "{message}");
        assert!(message.lines().all(|line| !line.chars().any(char::is_control)), "{message:?}");
        assert!(ids.insert(trailers[0].to_owned()), "{message}");
    }
    assert_eq!(ids.len(), branches.lines().count());
}

/// The names that Git takes for the rest of a ref's name, as a hostile server would have them.
fn ref_names(fork: &Fork) -> Vec<String> {
    let is_ref = |name: &String| {
        let checked = !name.contains('\0');
        checked && fork.environment().run("git", &["check-ref-format", &format!("refs/tags/{name}")]).run().status == 0
    };
    // A loose ref of ten thousand characters is no file; and two names must not be one another's folder.
    let names = all_names().into_iter().filter(|name| name.len() < 200 && is_ref(name));
    names.filter(|name| !name.starts_with("main") && name != "refs/heads/main").collect()
}

#[track_caller]
fn create_refs(fork: &Fork, namespace: &str, names: &[String]) {
    let sha = fork.environment().git("upstream", &["rev-parse", "HEAD"]);
    let commands = names.iter().fold(String::new(), |all, name| all + &format!("create {namespace}{name}\0{sha}\0"));
    let update = fork.environment().run("git", &["update-ref", "-z", "--stdin"]).in_dir("upstream");
    update.stdin(commands).success();
}

#[test]
fn hostile_refs_of_a_remote_are_data_too() {
    let fork = Fork::dispatching("command", "exit 0");
    if !can_trace() {
        return;
    }
    fork.add("watch.up.dispatch", "trigger-branch");
    fork.set("watch.up.prerelease", "true");
    let names = ref_names(&fork);
    assert!(names.len() > 25 && names.iter().any(|name| name.contains('\u{9b}')), "{names:?}");
    create_refs(&fork, "refs/tags/", &names);
    poll_touches_only_our_own(&fork, || assert!(traced_poll(&fork, 1) > 100));
    let (taken, left) = taken_and_left(&fork, "up");
    let clean = names.iter().filter(|name| !name.contains(char::is_control));
    assert_eq!(taken.iter().collect::<BTreeSet<_>>(), clean.collect::<BTreeSet<_>>());
    assert_eq!(left, names.len() - taken.len());
    for record in fork.records().iter().filter(|it| it["kind"] == "run") {
        assert_eq!(record["status"], "completed", "{record}");
    }
    // What Git would take for an option is no tag that is handed on.
    for event in fork.environment().read("events").lines() {
        let event: Value = serde_json::from_str(event).unwrap();
        assert!(!event["payload"]["tag"].as_str().unwrap_or_default().starts_with('-'), "{event}");
    }
    // And the next poll has nothing to tell.
    let again = fork.patch(&["poll"]).success();
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("", ""));
}

#[test]
fn a_remotes_head_with_a_hostile_name_is_followed_without_it() {
    let fork = Fork::dispatching("command", "exit 0");
    if !can_trace() {
        return;
    }
    fork.environment().git("fork", &["config", "--remove-section", "watch.up"]);
    for (watch, name) in
        [("dash", "-Zq7"), ("shell", "$(touch${IFS}Zq7)"), ("c1", "Zq7\u{9b}2J"), ("bidi", "Zq7\u{202e}x")]
    {
        let upstream = format!("{watch}.git");
        fork.environment().bare_clone("upstream", &upstream);
        let sha = fork.environment().git("upstream", &["rev-parse", "HEAD"]);
        let commands = format!("create refs/heads/{name}\0{sha}\0");
        fork.environment().run("git", &["update-ref", "-z", "--stdin"]).in_dir(&upstream).stdin(commands).success();
        fork.environment().git(&upstream, &["symbolic-ref", "HEAD", &format!("refs/heads/{name}")]);
        for (key, value) in [("remote", format!("../{upstream}")), ("event", "branch".to_owned())] {
            fork.set(&format!("watch.{watch}.{key}"), &value);
        }
        fork.set(&format!("watch.{watch}.dispatch"), "command");
        fork.set(&format!("watch.{watch}.command"), fork.path("bin/runner").to_str().unwrap());
    }
    fork.patch(&["--quiet", "poll"]).success();
    // A new commit, of which the clone knows nothing: it has to be fetched to tell where it comes from.
    fork.release("v9");
    for watch in ["dash", "shell", "c1", "bidi"] {
        let upstream = format!("{watch}.git");
        let new = fork.environment().git("upstream", &["rev-parse", "HEAD"]);
        fork.environment().git(&upstream, &["fetch", "--quiet", "../upstream", "main"]);
        fork.environment().git(&upstream, &["update-ref", "HEAD", &new]);
    }
    poll_touches_only_our_own(&fork, || assert!(traced_poll(&fork, 0) > 20));
    let events = fork.environment().read("events");
    assert_eq!(events.lines().count(), 4, "{events}");
    let branch = |event: &str| serde_json::from_str::<Value>(event).unwrap()["payload"]["ref"].clone();
    let branches: BTreeSet<String> =
        events.lines().filter_map(|event| branch(event).as_str().map(str::to_owned)).collect();
    let expected = ["refs/heads/$(touch${IFS}Zq7)", "refs/heads/-Zq7", "refs/heads/Zq7\u{202e}x"];
    assert_eq!(branches, expected.map(str::to_owned).into());
    assert!(events.lines().all(|line| !line.contains(['\u{9b}', '\u{202e}'])), "{events:?}");
}

#[test]
fn a_careless_configuration_runs_nothing() {
    let fork = Fork::new();
    let before = tree(&fork);
    let values = [
        "--upload-pack=touch Zq7",
        "-oProxyCommand=touch/Zq7",
        "ext::sh -c touch% Zq7",
        "EXT::sh -c touch% Zq7",
        "fd::7/Zq7",
        "https://h/\u{202e}Zq7",
    ];
    for value in values {
        for key in ["remote", "fork"] {
            let key = format!("watch.up.{key}");
            let told = fork.patch(&["poll"]).env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", &key);
            let told = told.env("GIT_CONFIG_VALUE_0", value).env("GIT_ALLOW_PROTOCOL", "ext:fd:file").run();
            assert_eq!((told.status, told.stdout.as_str()), (2, ""), "{value}: {told}");
            assert!(told.stderr.contains(&format!("error: {key} = ")), "{told}");
            assert!(!told.stderr.contains('\u{202e}'), "{told:?}");
        }
        // A URL of a page is written as URLs are.
        let added = fork.patch(&["watch", "add", "--no-check", "--name", "x", "--remote", value, "--", value]).run();
        assert_eq!((added.status, added.stdout.as_str()), (2, ""), "{value}: {added}");
    }
    for (key, value) in [("branch", "-x"), ("branch", "a..b"), ("stack", "--exec=x"), ("stack", "@{"), ("fork", "-x/y")]
    {
        let told =
            fork.patch(&["poll"]).env("GIT_CONFIG_COUNT", "2").env("GIT_CONFIG_KEY_0", format!("watch.up.{key}"));
        let told = told.env("GIT_CONFIG_VALUE_0", value).env("GIT_CONFIG_KEY_1", "watch.up.event");
        assert_eq!(told.env("GIT_CONFIG_VALUE_1", "branch").run().status, 2, "{key} = {value}");
    }
    for prefix in ["-x", "../x", "a b", "/x", "x..y", "\u{7f}", "@{", "x.lock"] {
        let told = fork.patch(&["poll"]).env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "patch.refPrefix");
        assert_eq!(told.env("GIT_CONFIG_VALUE_0", prefix).run().status, 2, "{prefix}");
    }
    assert!(!Path::new(&fork.path("fork/Zq7")).exists());
    assert!(before == tree(&fork));
}

#[test]
fn escaped_halves_of_characters_are_an_error_of_their_watch_alone() {
    let (fork, feeds) = three_feeds();
    fork.set("watch.atom.dispatch", "command");
    let item = r#"{"id":"v2\ud800","title":"half \udc00"}"#;
    feeds.show("/json", json_of(&["first".to_owned()]).replace("\"items\":[", &format!("\"items\":[{item},")));
    feeds.show("/atom", atom_of(&["first".to_owned(), "second".to_owned()], false));
    let told = fork.patch(&["poll"]).run();
    assert_eq!(told.status, 1, "{told}");
    assert!(told.stderr.starts_with("error: watch `json`: "), "{told}");
    assert!(told.stdout.contains("atom: second is new\natom: second -> command: completed\n"), "{told}");
}
