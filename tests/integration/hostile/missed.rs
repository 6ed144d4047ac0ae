//! Whatever an answer was like, the next good one brings what was missed, though the server says
//! "not modified" to everybody who ever had this document's validators.

use crate::environment::Output;
use crate::upstream::{Fork, atom};
use patch_moi::loopback::Response;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

const DATE: &str = "Fri, 02 Jan 2026 03:00:00 GMT";

/// The validators of the document that shows `v1` up to the release `newest`, and since when.
fn validators(newest: u32) -> (String, String) {
    (format!("\"doc-{newest}\""), format!("Thu, 01 Jan 2026 0{newest}:00:00 GMT"))
}

/// With the validators of that document.
fn marked(response: Response, newest: u32) -> Response {
    let (tag, modified) = validators(newest);
    response.header("ETag", &tag).header("Last-Modified", &modified).header("Date", DATE)
}

fn document(newest: u32) -> String {
    let tags: Vec<String> = (1..=newest).rev().map(|number| format!("v{number}")).collect();
    atom(&tags.iter().map(String::as_str).collect::<Vec<_>>())
}

/// From now on `path` shows the releases up to `newest`, to those only who do not have them yet.
fn strict(fork: &Fork, path: &str, newest: u32) {
    let (tag, modified) = validators(newest);
    fork.feeds.handle(path, move |request| {
        let has =
            request.header("if-none-match") == Some(&tag) || request.header("if-modified-since") == Some(&modified);
        if has { Response::new(304) } else { marked(Response::new(200), newest).body(document(newest)) }
    });
}

/// A fork with the watch `up` that knows `v1`, and its validators.
fn fork() -> Fork {
    let fork = Fork::watching("/f");
    fork.config("patch.fetchTimeout", "1");
    strict(&fork, "/f", 1);
    fork.poll().succeeded();
    fork.poll().succeeded();
    assert_eq!(fork.feeds.asked(), ["/f", "/f?"]);
    fork
}

/// Checks that the next good answer brings `v2` once, and then nothing.
#[track_caller]
fn brings_v2(fork: &Fork, what: &str) {
    strict(fork, "/f", 2);
    let run = |time: &str| -> Output { fork.command(&["poll"]).env("PATCH_NOW", time).run() };
    let next = run("2026-01-04T03:04:05Z");
    assert!(next.stdout.contains("up: v2 is new: "), "{what}: {next}");
    assert_eq!(run("2026-01-04T03:05:05Z").to_string(), "status: 0\n", "{what}");
    assert_eq!(fork.feeds.asked().last().unwrap(), "/f?", "{what}");
    assert_eq!(fork.records().matches("patch:up:v2:upstream.release").count(), 1, "{what}");
}

#[test]
fn no_failed_answer_hides_what_it_should_have_shown() {
    #[track_caller]
    fn case(what: &str, answer: Response) {
        let fork = fork();
        // The failure has the validators of the document that it is not.
        fork.feeds.answer("/f", answer);
        let failed = fork.poll();
        assert_eq!((failed.status, failed.stdout.as_str()), (1, ""), "{what}: {failed}");
        brings_v2(&fork, what);
    }
    let (tag, modified) = validators(2);
    let raw = |head: &str, body: &str| {
        let head =
            format!("HTTP/1.1 200 OK\r\nETag: {tag}\r\nLast-Modified: {modified}\r\nDate: {DATE}\r\n{head}\r\n\r\n");
        Response::raw(format!("{head}{body}"))
    };
    let whole = document(2);
    let half = &whole[..whole.len() / 2];
    for status in [204, 400, 403, 404, 410, 418, 429, 500, 502, 503] {
        case(&status.to_string(), marked(Response::new(status), 2));
    }
    let body = |body: &str| marked(Response::new(200), 2).body(body);
    case("a login page", body("<!DOCTYPE html><html><body>Sign in</body></html>"));
    case("another type", body("{\"message\":\"API rate limit exceeded\"}"));
    case("plain text", body("maintenance"));
    case("nothing", body(""));
    case("no entries", body(&atom(&[])));
    case("half a document", body(half));
    case("bad XML", body(&whole.replace("</title>", "</tilte>")));
    case("a body that breaks off", raw("Content-Length: 99999", half));
    case("a body that stops", raw("Content-Length: 99999", half).hold());
    case("chunks that break off", raw("Transfer-Encoding: chunked", &format!("{:x}\r\n{half}\r\n", half.len())));
    case("broken compression", raw("Content-Encoding: gzip", &whole));
    case("a redirect to itself", marked(Response::new(302).header("Location", "/f"), 2));
    case("an answer to another question", raw("Content-Encoding: br", &whole));
    case("a document that the parser panics on", body(super::documents::PANIC));
}

/// Poll, end or fail in the way of `poll`, and see that nothing is lost.
#[track_caller]
fn interrupted(what: &str, poll: impl FnOnce(&Fork)) {
    let fork = fork();
    strict(&fork, "/f", 2);
    poll(&fork);
    assert_eq!(fork.records().matches("patch:up:v2").count(), 0, "{what}");
    brings_v2(&fork, what);
}

#[test]
fn what_was_seen_and_not_recorded_is_seen_again() {
    interrupted("the ledger's lock cannot be taken", |fork| {
        let lock = fork.ledger_file().with_file_name("ledger.lock");
        fs::remove_file(&lock).unwrap();
        fs::create_dir(&lock).unwrap();
        assert_eq!(fork.poll().status, 1);
        fs::remove_dir(lock).unwrap();
    });
    interrupted("no room for the ledger", |fork| {
        // The file may not grow: what ENOSPC does to a write, RLIMIT_FSIZE does too.
        let size = fs::metadata(fork.ledger_file()).unwrap().len() / 512;
        let script = format!("ulimit -f {size}; exec \"$0\" poll");
        let run = fork.environment.run("sh", &["-c", &script, env!("CARGO_BIN_EXE_patch")]).in_dir("fork").run();
        assert_eq!(run.status, 1, "{run}");
        assert!(run.stderr.contains("File too large"), "{run}");
    });
    interrupted("killed before the ledger is written", |fork| {
        // The other watch's answer does not come, so the poll is not over; then it is killed.
        let (asked, wait) = mpsc::channel();
        fork.config("watch.zzz.feed", &fork.feeds.url("/never"));
        fork.config("watch.zzz.fetchTimeout", "60");
        fork.feeds.handle("/never", move |_| {
            asked.send(()).unwrap();
            Response::raw("HTTP/1.1 200 OK\r\n").hold()
        });
        let served = Arc::new(AtomicBool::new(false));
        let (seen, answer) = (Arc::clone(&served), marked(Response::new(200), 2).body(document(2)));
        fork.feeds.handle("/f", move |_| {
            seen.store(true, Ordering::SeqCst);
            answer.clone()
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_patch"));
        command.arg("poll").env_clear().envs(fork.environment.variables()).current_dir(fork.environment.path("fork"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait.recv_timeout(Duration::from_secs(60)).unwrap();
        while !served.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        fork.environment.git("fork", &["config", "--remove-section", "watch.zzz"]);
    });
}

#[test]
fn a_changed_definition_asks_for_the_whole_document() {
    #[track_caller]
    fn case(key: &str, value: &str) {
        let fork = fork();
        fork.environment.repository("remote");
        fork.environment.commit("remote", "file", "1\n");
        fork.environment.tag("remote", "v1");
        fork.config(key, value);
        fork.poll();
        assert_eq!(fork.feeds.asked().last().unwrap(), "/f", "{key} = {value}");
    }
    case("watch.up.tags", "v*");
    case("watch.up.tags", "!v9");
    case("watch.up.versions", ">=1");
    case("watch.up.prerelease", "true");
    case("watch.up.event", "branch");
    case("watch.up.remote", "../remote");
    case("watch.up.dispatch", "trigger-branch");
    case("watch.up.command", "true");
    case("watch.up.policy", "latest");
    case("watch.up.fork", "../remote");
    case("watch.up.stack", "patches");
    case("watch.up.timeout", "7");
    case("watch.up.retries", "7");
    case("watch.up.payload", "a=b");
    case("watch.up.fetchTimeout", "7");
    case("watch.up.bodyLimit", "7m");
    case("patch.prerelease", "true");

    // The validators of one address are not told to another.
    let fork = fork();
    strict(&fork, "/g", 1);
    fork.environment.git("fork", &["config", "watch.up.feed", &fork.feeds.url("/g")]);
    fork.poll().succeeded();
    assert_eq!(fork.feeds.asked().last().unwrap(), "/g");
    // A remote that moved is another remote, though its name is the same.
    for name in ["one", "two"] {
        fork.environment.repository(name);
        fork.environment.commit(name, "file", "1\n");
        fork.environment.tag(name, "v1");
    }
    fork.environment.git("fork", &["remote", "add", "there", "../one"]);
    fork.config("watch.up.remote", "there");
    fork.poll().succeeded();
    fork.poll().succeeded();
    assert_eq!(fork.feeds.asked().last().unwrap(), "/g?");
    fork.environment.git("fork", &["remote", "set-url", "there", "../two"]);
    fork.poll().succeeded();
    assert_eq!(fork.feeds.asked().last().unwrap(), "/g");
}

#[test]
fn what_one_watch_recorded_another_of_the_same_feed_still_gets() {
    let fork = fork();
    fork.environment.repository("remote");
    fork.environment.commit("remote", "file", "1\n");
    fork.environment.tag("remote", "v1");
    fork.config("watch.zzz.feed", &fork.feeds.url("/f"));
    fork.config("watch.zzz.remote", "../remote");
    fork.poll().succeeded();
    fork.poll().succeeded();
    assert_eq!(fork.feeds.asked().last().unwrap(), "/f?");
    strict(&fork, "/f", 2);
    fs::rename(fork.environment.path("remote"), fork.environment.path("away")).unwrap();
    let half = fork.poll();
    assert!(
        half.stdout == "up: v2 is new: Release v2\n" && half.stderr.contains("watch `zzz`: git ls-remote"),
        "{half}"
    );
    fs::rename(fork.environment.path("away"), fork.environment.path("remote")).unwrap();
    let rest = fork.poll();
    assert!(rest.stdout.contains("zzz: v2 is new: Release v2\n") && !rest.stdout.contains("up: "), "{rest}");
}

#[test]
fn more_news_than_one_poll_records_comes_with_the_next_ones() {
    let fork = fork();
    strict(&fork, "/f", 2);
    let tags: Vec<String> = (2..=2500).rev().map(|number| format!("v{number}")).chain(["v1".to_owned()]).collect();
    let document = atom(&tags.iter().map(String::as_str).collect::<Vec<_>>());
    fork.feeds.handle("/f", move |request| match request.header("if-none-match") {
        Some("\"many\"") => Response::new(304),
        _ => Response::new(200).header("ETag", "\"many\"").body(document.clone()),
    });
    let counts: Vec<usize> = (0..4).map(|_| fork.poll().stdout.matches(" is new: ").count()).collect();
    assert_eq!(counts, [1000, 1000, 499, 0]);
    assert_eq!(fork.feeds.asked()[2..], ["/f?", "/f", "/f", "/f?"]);
}
