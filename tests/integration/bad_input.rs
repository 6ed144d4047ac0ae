//! Upstreams, configurations and directories gone wrong: each error names the thing and the next
//! step, nothing is lost, and the other watches go on.

use crate::environment::Output;
use crate::upstream::{Fork, atom, document, release};
use expect_test::expect;
use patch_moi::loopback::Response;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::thread;

/// A fork with a watch `bad`, whose feed is at `/bad`, and a watch `good`, both primed with `v1`.
fn two_watches() -> Fork {
    let fork = Fork::new();
    for name in ["bad", "good"] {
        fork.config(&format!("watch.{name}.feed"), &fork.feeds.url(&format!("/{name}")));
        fork.feeds.show(&format!("/{name}"), atom(&["v1"]));
    }
    fork.poll().succeeded();
    fork
}

/// What a poll says when `/bad` answers so. The other watch has news all the while, and the next
/// good answer, even if its entity tag is the bad one's, brings the entry that was missed meanwhile.
#[track_caller]
fn failing(response: Response) -> Output {
    let fork = two_watches();
    fork.feeds.answer("/bad", response.header("ETag", "\"same\""));
    fork.feeds.show("/good", atom(&["v2", "v1"]));
    let failed = fork.poll();
    assert!(failed.stdout.contains("good: v2 is new"), "{failed}");
    let later = fork.command(&["poll"]).env("PATCH_NOW", "2026-01-03T03:04:06Z");
    fork.feeds.handle("/bad", |request| match request.header("if-none-match") {
        Some("\"same\"") => Response::new(304),
        _ => Response::new(200).header("ETag", "\"same\"").body(atom(&["v2", "v1"])),
    });
    let next = later.run();
    assert_eq!(next.to_string(), "status: 0\n--- stdout\nbad: works again\nbad: v2 is new: Release v2\n");
    assert_eq!(fork.records().matches("bad signal").count(), 1);
    fork.shown(&failed)
}

fn status(status: u16) -> Response {
    Response::new(status)
}

fn body(body: impl Into<Vec<u8>>) -> Response {
    Response::new(200).body(body)
}

#[test]
fn a_page_instead_of_a_feed_names_its_feed() {
    failing(body("<!DOCTYPE html><html><head><title>Sign in</title></head></html>")).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad: the document is an HTML page, not a feed
        hint: the URL leads to a web page: check it in a browser, a private feed may want a login or token
    "#]]);
    let page =
        "<html><head><link rel=\"alternate\" type=\"application/atom+xml\" href=\"/o/p/releases.atom\"></head></html>";
    failing(body(page)).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad: the document is an HTML page, not a feed
        hint: the page names its feed: http://feeds/o/p/releases.atom
    "#]]);
}

#[test]
fn a_status_says_what_to_do() {
    failing(status(404)).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad does not exist (404)
        hint: check the address: the project may have moved, been renamed or become private
    "#]]);
    failing(status(410)).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad is gone for good (410)
        hint: the feed was taken away for good: find its new address, or remove the watch
    "#]]);
    failing(status(403)).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad is not for everyone (403)
        hint: the document needs a login: use a feed URL with a token, or watch the Git remote
    "#]]);
    failing(status(429)).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad was asked too often
        hint: poll this host less often, or watch the Git remote instead of the feed
    "#]]);
    failing(status(500)).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad has a failing server (500)
        hint: this usually passes by itself: a later poll asks again
    "#]]);
    failing(status(204)).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad answered with status 204
        hint: open the address in a browser: it does not answer like a feed
    "#]]);
}

#[test]
fn a_document_that_is_broken_or_cut_short_is_not_believed() {
    let whole = atom(&["v2", "v1"]);
    failing(body(&whole[..whole.len() - 100])).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad: the document is cut short
        hint: this is usually the server's or a proxy's passing trouble
    "#]]);
    failing(body(&whole[..60])).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad: the document is cut short
        hint: this is usually the server's or a proxy's passing trouble
    "#]]);
    failing(body("")).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad: the document is empty
        hint: this is usually the server's or a proxy's passing trouble
    "#]]);
    failing(body(whole.replace("</entry>", "</entrie>"))).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad: the feed is malformed: unable to parse xml: parser error: ill-formed document: expected `</entry>`, but `</entrie>` was found
        hint: tell whoever publishes the feed, or watch the repository's Git refs instead
    "#]]);
    failing(body("{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[")).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad: the document is cut short
        hint: this is usually the server's or a proxy's passing trouble
    "#]]);
    failing(body("{\"error\":\"rate limit\"}")).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad: the document is not a feed but other JSON
        hint: feeds are Atom, RSS or JSON Feed: check the URL
    "#]]);
    failing(body("<?xml version=\"1.0\"?><soap:Envelope xmlns:soap=\"x\"></soap:Envelope>")).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad: the document is not a feed but XML with the root element `Envelope`
        hint: feeds are Atom, RSS or JSON Feed: check the URL
    "#]]);
    failing(body("\u{7f}ELF")).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad: the document is not a feed but plain text
        hint: feeds are Atom, RSS or JSON Feed: check the URL
    "#]]);
    failing(body(whole).header("Content-Encoding", "gzip")).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad cannot be decompressed: invalid gzip header
        hint: check that the address is that of a web server: its answer is not well-formed
    "#]]);
}

#[test]
fn no_entries_where_there_were_some_is_not_believed() {
    failing(body(atom(&[]))).is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: upstream shows no entries at all, where there were some
        hint: nothing known was changed; see what it shows with `patch watch check bad`
    "#]]);
}

#[test]
fn a_connection_that_breaks_off_is_asked_again() {
    let fork = two_watches();
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\nETag: \"x\"\r\n\r\n<feed>";
    fork.feeds.answer("/bad", Response::raw(half));
    fork.poll().is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `bad`: http://feeds/bad broke off before its end
        hint: this usually passes by itself: a later poll asks again
    "#]]);
    fork.feeds.answer("/bad", Response::raw("SSH-2.0-OpenSSH_9.6\r\n"));
    fork.poll().is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `bad`: http://feeds/bad does not speak HTTP as it should: http parse fail: invalid HTTP version
        hint: check that the address is that of a web server: its answer is not well-formed
    "#]]);
    fork.feeds.show("/bad", atom(&["v2", "v1"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        bad: works again
        bad: v2 is new: Release v2
    "#]]);
}

#[test]
fn a_silent_upstream_is_given_up_in_time() {
    let fork = two_watches();
    fork.config("watch.bad.fetchTimeout", "1");
    fork.feeds.answer("/bad", Response::raw("HTTP/1.1 200 OK\r\n").hold());
    fork.feeds.show("/good", atom(&["v2", "v1"]));
    fork.poll().is(&expect![[r#"
        status: 1
        --- stdout
        good: v2 is new: Release v2
        --- stderr
        error: watch `bad`: http://feeds/bad took too long to answer in full
        hint: a later poll asks again; if it stays slow, raise `watch.<name>.fetchTimeout` (seconds)
    "#]]);
    fork.feeds.show("/bad", atom(&["v2", "v1"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        bad: works again
        bad: v2 is new: Release v2
    "#]]);
}

#[test]
fn a_host_without_address_is_named() {
    let fork = Fork::new();
    fork.config("watch.bad.feed", "https://no-such-host.invalid/releases.atom?token=s3cret");
    let output = fork.poll();
    // the resolver's own words differ from system to system
    assert_eq!(output.status, 1);
    let start = "error: watch `bad`: https://no-such-host.invalid/releases.atom?token=*** has a host without address: ";
    assert!(output.stderr.starts_with(start), "{output}");
    assert!(output.stderr.ends_with("hint: check the host's name and this machine's network\n"), "{output}");
    assert!(!fork.ledger().contains("s3cret"));
}

#[test]
fn a_port_where_nobody_listens_is_named() {
    let fork = Fork::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    fork.config("watch.bad.feed", &format!("http://127.0.0.1:{port}/f"));
    let output = fork.poll();
    let output = Output { stderr: output.stderr.replace(&port.to_string(), "PORT"), ..output };
    output.is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `bad`: http://127.0.0.1:PORT/f refused the connection
        hint: check host and port: nothing listens there
    "#]]);
}

#[test]
fn encryption_that_fails_is_told_as_such() {
    let fork = Fork::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    fork.config("watch.bad.feed", &format!("https://127.0.0.1:{port}/f"));
    let output = fork.poll();
    let output = Output { stderr: output.stderr.replace(&port.to_string(), "PORT"), ..output };
    output.is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `bad`: https://127.0.0.1:PORT/f has no trusted encryption: received corrupt message of type InvalidContentType
        hint: check that the server speaks https there, this machine's clock, and its CA certificates (package `ca-certificates`, or SSL_CERT_FILE)
    "#]]);
    // a server that hangs up on the handshake
    fork.environment.git("fork", &["config", "watch.bad.feed", &fork.feeds.url("/f").replace("http:", "https:")]);
    fork.poll().is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `bad`: https://feeds/f broke off before its end
        hint: this usually passes by itself: a later poll asks again
    "#]]);
}

#[test]
fn a_remote_that_is_none_is_named() {
    let fork = Fork::with_remote();
    fork.environment.tag("upstream", "v1");
    fork.config("watch.bad.remote", "../not-there");
    fork.config("watch.good.remote", "upstream");
    let output = fork.poll();
    assert_eq!(output.status, 1);
    assert_eq!(output.stdout, "good: first sight: 1 entry is known from now on, the newest v1\n");
    assert!(output.stderr.starts_with("error: watch `bad`: "), "{output}");
    assert!(output.stderr.contains("not-there"), "{output}");
    fork.environment.bare_clone("upstream", "not-there");
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        bad: works again
        bad: first sight: 1 entry is known from now on, the newest v1
    "#]]);
    fork.environment.git("fork", &["config", "watch.bad.remote", "upsteam"]);
    fork.poll().is(&expect![[r#"
        status: 2
        --- stderr
        error: watch.bad.remote = upsteam (.git/config): there is no such remote; did you mean `upstream`?
        hint: mend it in that file, as with `git config --edit`
    "#]]);
}

#[test]
fn outside_of_a_repository_the_error_says_so() {
    let fork = Fork::new();
    fork.environment.write("elsewhere/file", "");
    let output = fork.environment.patch(&["poll"]).in_dir("elsewhere").run();
    assert_eq!(output.status, 2, "{output}");
    assert!(output.stderr.contains("elsewhere is not in a Git repository"), "{output}");
    assert!(output.stderr.contains("-C DIR"), "{output}");
    fork.environment.patch(&["-C", "not-there", "poll"]).run().is(&expect![[r#"
        status: 2
        --- stderr
        error: there is no directory $TEMP/not-there
        hint: name an existing one with `-C DIR`
    "#]]);
}

#[test]
fn a_state_directory_that_cannot_be_used_is_named_and_nothing_is_asked() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", atom(&["v1"]));
    fork.environment.write("file", "");
    let run =
        |args: &[&str]| fork.shown(&fork.command(args).env("PATCH_STATE_DIR", fork.environment.path("file")).run());
    run(&["poll"]).is(&expect![[r#"
        status: 1
        --- stderr
        error: cannot use the directory $TEMP/file/FOLDER: Not a directory (os error 20)
        hint: make it writable, or name another directory: `git config patch.stateDir DIR` or PATCH_STATE_DIR=DIR
    "#]]);
    assert!(fork.feeds.asked().is_empty());
    let dry = run(&["poll", "--dry-run"]);
    assert!(dry.stderr.contains("$TEMP/file"), "{dry}");
    fork.config("patch.stateDir", "state");
    fork.poll().is(&expect![[r#"
        status: 2
        --- stderr
        error: patch.stateDir = state (.git/config): it is not an absolute path
        hint: mend it in that file, as with `git config --edit`
    "#]]);
}

#[test]
fn a_ledger_that_cannot_be_written_keeps_the_news_for_the_next_poll() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", atom(&["v1"]));
    fork.poll().succeeded();
    fork.feeds.show("/f", atom(&["v2", "v1"]));
    let ledger = fork.ledger_file();
    let lock = ledger.with_file_name("ledger.lock");
    let before = fork.ledger();
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    fork.poll().is(&expect![[r#"
        status: 1
        --- stderr
        error: cannot lock $TEMP/home/.local/state/patch-moi/FOLDER/ledger.lock: it is not a regular file
        hint: see that the state directory is sound; PATCH_STATE_DIR names another
    "#]]);
    assert_eq!(fork.ledger(), before);
    fs::remove_dir(&lock).unwrap();
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: v2 is new: Release v2
    "#]]);
}

#[test]
fn a_cache_that_cannot_be_written_is_a_warning() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", atom(&["v1"]));
    fork.environment.write("home/.cache", "");
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: first sight: 1 entry is known from now on, the newest v1
        --- stderr
        warning: cannot store in $TEMP/home/.cache/patch-moi/FOLDER: Not a directory (os error 20)
    "#]]);
    fork.poll().succeeded();
    assert_eq!(fork.feeds.asked(), ["/f", "/f"]);
}

#[test]
fn entries_without_this_or_that_are_taken_or_told_once() {
    let fork = two_watches();
    let entries = "<entry><title>v2</title></entry>\
        <entry><title>No link and no id</title><updated>2026-01-01T00:00:00Z</updated></entry>\
        <entry><id>https://forge.example/o/p/releases/tag/v3</id></entry>\
        <entry><link href=\"https://forge.example/o/p/releases/tag/v4\"/></entry>\
        <entry></entry>";
    fork.feeds.show("/bad", document(&format!("{entries}{}", release("v1", "One"))));
    fork.poll().is(&expect![[r#"
        status: 1
        --- stdout
        bad: v4 is new
        bad: v3 is new
        bad: v2 is new
        --- stderr
        error: watch `bad`: 2 entries were left out, the first: No link and no id: it has no id, link or version
        hint: it is told once; see them with `patch watch check bad`
    "#]]);
    fork.poll().is(&expect![[r#"
        status: 0
    "#]]);
    fork.feeds.show("/bad", document(&format!("{}{entries}{}", release("v5", "Five"), release("v1", "One"))));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        bad: v5 is new: Five
    "#]]);
    expect![[r#"
        bad primed: first-sight v1
        good primed: first-sight v1
        bad skipped: unusable unusable:No link and no id
        bad skipped: unusable unusable:an entry without id, link and title
        bad signal: new patch:bad:v4:upstream.release
        bad signal: new patch:bad:v3:upstream.release
        bad signal: new patch:bad:v2:upstream.release
        bad signal: new patch:bad:v5:upstream.release
    "#]]
    .assert_eq(&fork.records());
}

#[test]
fn a_tag_that_no_ref_could_have_stays_text() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", atom(&["v1"]));
    fork.poll().succeeded();
    let hostile = ["v2..lock", "-v3", "v4%20beta", "v5%0Ainjected", "v6%7E1", "%24(id)", "..%2F..%2Fetc"];
    fork.feeds.show("/f", atom(&[&hostile[..], &["v1"]].concat()));
    fork.poll().is(&expect![[r#"
        status: 1
        --- stdout
        up: $(id) is new: Release %24(id)
        --- stderr
        error: watch `up`: 6 entries were left out, the first: tag:forge.example,2008:Repository/1/v2..lock: no Git ref could have this name
        hint: it is told once; see them with `patch watch check up`
    "#]]);
    expect![[r#"
        up primed: first-sight v1
        up skipped: unusable unusable:tag:forge.example,2008:Repository/1/v2..lock
        up skipped: unusable unusable:tag:forge.example,2008:Repository/1/-v3
        up skipped: unusable unusable:tag:forge.example,2008:Repository/1/v4%20beta
        up skipped: unusable unusable:tag:forge.example,2008:Repository/1/v5%0Ainjected
        up skipped: unusable unusable:tag:forge.example,2008:Repository/1/v6%7E1
        up skipped: unusable unusable:tag:forge.example,2008:Repository/1/..%2F..%2Fetc
        up signal: new patch:up:$(id):upstream.release
    "#]]
    .assert_eq(&fork.records());
    let tags: Vec<String> = fork
        .ledger()
        .lines()
        .filter_map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            record["event"]["payload"]["tag"].as_str().map(str::to_owned)
        })
        .collect();
    expect!["$(id)"].assert_eq(&tags.join("\n"));
}

#[test]
fn a_problem_is_recorded_when_it_changes_and_told_every_time() {
    let fork = Fork::watching("/f");
    fork.feeds.answer("/f", Response::new(404));
    for _ in 0..3 {
        assert_eq!(fork.poll().status, 1);
    }
    fork.feeds.answer("/f", Response::new(500));
    fork.patch(&["--quiet", "poll"]).is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `up`: http://feeds/f has a failing server (500)
        hint: this usually passes by itself: a later poll asks again
    "#]]);
    fork.feeds.show("/f", atom(&["v1"]));
    fork.patch(&["poll", "--quiet"]).is(&expect![[r#"
        status: 0
    "#]]);
    expect![[r#"
        up watchError: not-found
        up watchError: server
        up watchError: none
        up primed: first-sight v1
    "#]]
    .assert_eq(&fork.records());
}

#[test]
fn a_damaged_ledger_is_left_alone() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", atom(&["v1"]));
    fork.poll().succeeded();
    let ledger = fork.ledger_file();
    let damaged = format!("{}nonsense\n{}", fork.ledger(), fork.ledger());
    fs::write(&ledger, &damaged).unwrap();
    fork.poll().is(&expect![[r#"
        status: 1
        --- stderr
        error: the ledger is damaged: $TEMP/home/.local/state/patch-moi/FOLDER/ledger.jsonl, line 2: expected ident at line 1 column 2
        hint: nothing was changed; `patch doctor` names every damaged line, and `patch doctor --repair` leaves them out and keeps the whole file beside it
    "#]]);
    assert_eq!(fork.ledger(), damaged);
}

#[test]
fn a_second_poll_at_once_gives_way() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", atom(&["v1"]));
    fork.poll().succeeded();
    fork.feeds.show("/f", atom(&["v2", "v1"]));
    let lock = fs::File::open(fork.ledger_file().with_file_name("intake.lock")).unwrap();
    lock.lock().unwrap();
    fork.poll().is(&expect![[r#"
        status: 75
        --- stderr
        error: another run holds $TEMP/home/.local/state/patch-moi/FOLDER/intake.lock
        hint: try again later
    "#]]);
    // looking takes no lock
    assert!(fork.patch(&["poll", "--dry-run"]).stdout.contains("v2 is new"));
    lock.unlock().unwrap();
    assert!(fork.poll().stdout.contains("v2 is new"));
}
