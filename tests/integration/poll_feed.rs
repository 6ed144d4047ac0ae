//! `patch poll` of feeds: what is news, told once, asked for politely.

use crate::upstream::{Fork, atom, atom_with, document, log, release};
use expect_test::expect;
use patch_moi::loopback::Response;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const C: &str = "cccccccccccccccccccccccccccccccccccccccc";
const D: &str = "dddddddddddddddddddddddddddddddddddddddd";

#[test]
fn a_first_sight_primes_and_later_releases_are_news_once() {
    let fork = Fork::watching("/releases.atom");
    fork.feeds.show("/releases.atom", atom(&["v1.1", "v1.0"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: first sight: 2 entries are known from now on, the newest v1.1
    "#]]);
    fork.poll().is(&expect![[r#"
        status: 0
    "#]]);
    fork.feeds.show("/releases.atom", atom(&["v1.3", "v1.2", "v1.1"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.2 is new: Release v1.2
        up: v1.3 is new: Release v1.3
    "#]]);
    fork.poll().is(&expect![[r#"
        status: 0
    "#]]);
    assert_eq!(fork.feeds.asked(), ["/releases.atom", "/releases.atom?", "/releases.atom?", "/releases.atom?"]);
    expect![[r#"
        up primed: first-sight v1.0 v1.1
        up signal: new patch:up:v1.2:upstream.release
        up signal: new patch:up:v1.3:upstream.release
    "#]]
    .assert_eq(&fork.records());
}

#[test]
fn json_is_the_ledgers_own_records() {
    let fork = Fork::watching("/releases.atom");
    fork.feeds.show("/releases.atom", atom(&[]));
    let first = fork.patch(&["poll", "--json"]).stdout;
    fork.feeds.show("/releases.atom", atom(&["v1"]));
    let second = fork.command(&["poll", "--json"]).success().stdout;
    let ledger = fork.shown(&crate::environment::Output { status: 0, stdout: fork.ledger(), stderr: String::new() });
    let seen = crate::environment::Output { status: 0, stdout: second, stderr: String::new() };
    assert_eq!(format!("{first}{}", fork.shown(&seen).stdout), ledger.stdout);
    expect![[r#"
        {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"primed","watch":"up","reason":"first-sight","source":"http://feeds/releases.atom","entries":[]}
        {"v":1,"at":"2026-01-02T03:04:05.000Z","kind":"signal","watch":"up","id":"patch:up:v1:upstream.release","change":"new","entry":{"key":"v1","tag":"v1","entryId":"tag:forge.example,2008:Repository/1/v1","title":"Release v1","url":"https://forge.example/o/p/releases/tag/v1","raw":{"id":"tag:forge.example,2008:Repository/1/v1","links":[{"href":"https://forge.example/o/p/releases/tag/v1","rel":"alternate","type":"text/html"}],"title":"Release v1"}},"targets":[],"event":{"id":"patch:up:v1:upstream.release","type":"upstream.release","source":"patch","receivedAt":"2026-01-02T03:04:05.000Z","payload":{"entryId":"tag:forge.example,2008:Repository/1/v1","event":"release","provider":"feed","raw":{"id":"tag:forge.example,2008:Repository/1/v1","links":[{"href":"https://forge.example/o/p/releases/tag/v1","rel":"alternate","type":"text/html"}],"title":"Release v1"},"ref":"v1","sourceId":"up","tag":"v1","title":"Release v1","url":"https://forge.example/o/p/releases/tag/v1"}}}
    "#]].assert_eq(&ledger.stdout);
}

#[test]
fn every_format_of_feeds_is_read() {
    let fork = Fork::new();
    let formats = [
        ("atom", document(&release("v1.0", "One"))),
        ("rss20", "<rss version=\"2.0\"><channel><title>t</title><link>https://e.example/</link><description>d</description><item><title>1.0</title><link>https://e.example/p/1.0/</link><guid>https://e.example/p/1.0/</guid></item></channel></rss>".to_owned()),
        ("rss10", "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns=\"http://purl.org/rss/1.0/\"><channel rdf:about=\"https://e.example/\"><title>t</title><link>https://e.example/</link><description>d</description></channel><item rdf:about=\"https://e.example/p/1.0/\"><title>1.0</title><link>https://e.example/p/1.0/</link></item></rdf:RDF>".to_owned()),
        ("rss092", "<rss version=\"0.92\"><channel><title>t</title><link>https://e.example/</link><description>d</description><item><title>1.0</title><link>https://e.example/p/1.0/</link></item></channel></rss>".to_owned()),
        ("json", "{\"version\":\"https://jsonfeed.org/version/1.1\",\"title\":\"t\",\"items\":[{\"id\":\"1.0\",\"url\":\"https://e.example/p/1.0/\",\"title\":\"1.0\",\"content_text\":\"x\"}]}".to_owned()),
    ];
    for (name, document) in formats {
        fork.config(&format!("watch.{name}.feed"), &fork.feeds.url(&format!("/{name}")));
        fork.feeds.show(&format!("/{name}"), document);
    }
    fork.patch(&["poll", "--backfill", "1"]).is(&expect![[r#"
        status: 0
        --- stdout
        atom: first sight: there is nothing before; whatever comes is news
        atom: v1.0 is new: One
        json: first sight: there is nothing before; whatever comes is news
        json: 1.0 is new
        rss092: first sight: there is nothing before; whatever comes is news
        rss092: 1.0 is new
        rss10: first sight: there is nothing before; whatever comes is news
        rss10: 1.0 is new
        rss20: first sight: there is nothing before; whatever comes is news
        rss20: 1.0 is new
    "#]]);
}

#[test]
fn backfill_takes_the_newest_that_pass_the_filters() {
    let fork = Fork::watching("/f");
    fork.config("watch.up.tags", "v*");
    fork.feeds.show("/f", atom(&["v3-rc.1", "nightly", "v2", "v1"]));
    fork.patch(&["poll", "--backfill", "1"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: first sight: 3 entries are known from now on, the newest v3-rc.1
        up: v2 is new: Release v2
    "#]]);
    fork.patch(&["poll", "--backfill", "9"]).is(&expect![[r#"
        status: 0
    "#]]);
    fork.feeds.show("/f", atom(&["v3", "v3-rc.2", "other", "v3-rc.1", "nightly", "v2", "v1"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: v3 is new: Release v3
    "#]]);
    expect![[r#"
        up primed: first-sight v1 nightly v3-rc.1
        up signal: new patch:up:v2:upstream.release
        up skipped: tags other
        up skipped: prerelease v3-rc.2
        up signal: new patch:up:v3:upstream.release
    "#]]
    .assert_eq(&fork.records());
}

#[test]
fn a_retitled_reordered_or_redated_entry_is_no_news() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", document(&format!("{}{}", release("v2", "Two"), release("v1", "One"))));
    fork.poll().succeeded();
    let dated = release("v2", "Second").replace("</entry>", "<updated>2026-01-01T00:00:00Z</updated></entry>");
    fork.feeds.show("/f", document(&format!("{}{dated}", release("v1", "First"))));
    assert_eq!(fork.poll().to_string(), "status: 0\n");
}

#[test]
fn an_empty_first_answer_does_not_swallow_the_first_release() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", atom(&[]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: first sight: there is nothing before; whatever comes is news
    "#]]);
    fork.poll().is(&expect![[r#"
        status: 0
    "#]]);
    fork.feeds.show("/f", atom(&["v0.1"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: v0.1 is new: Release v0.1
    "#]]);
}

#[test]
fn a_window_without_anything_known_is_a_gap() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", atom(&["v2", "v1"]));
    fork.poll().succeeded();
    fork.feeds.show("/f", atom(&["v9", "v8"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: upstream shows nothing that was known; entries before v8 may have been missed
        up: v8 is new: Release v8
        up: v9 is new: Release v9
    "#]]);
    expect![[r#"
        up primed: first-sight v1 v2
        up gap: v8
        up signal: new patch:up:v8:upstream.release
        up signal: new patch:up:v9:upstream.release
    "#]]
    .assert_eq(&fork.records());
}

#[test]
fn an_overflowed_window_is_paged_back_on_its_own_server() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", atom(&["v2", "v1"]));
    fork.poll().succeeded();
    let next = |to: &str| format!("<link rel=\"next\" href=\"{to}\"/>");
    fork.feeds.show("/f", atom_with(&next("/f?page=2"), &["v6", "v5"]));
    fork.feeds.show("/f?page=2", atom_with(&next("/f?page=3"), &["v4", "v3"]));
    fork.feeds.show("/f?page=3", atom(&["v2", "v1"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: v3 is new: Release v3
        up: v4 is new: Release v4
        up: v5 is new: Release v5
        up: v6 is new: Release v6
    "#]]);
    // a feed does not get to say whom else we ask
    let elsewhere = crate::upstream::Feeds::new();
    elsewhere.show("/", atom(&["v6", "v7"]));
    fork.feeds.show("/f", atom_with(&next(&elsewhere.url("/")), &["v9", "v8"]));
    assert!(fork.poll().stdout.contains("may have been missed"));
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn an_older_page_that_fails_keeps_what_is_seen_from_being_known() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", atom(&["v2", "v1"]));
    fork.poll().succeeded();
    let next = |to: &str| format!("<link rel=\"next\" href=\"{to}\"/>");
    fork.feeds.show("/f", atom_with(&next("/f?page=2"), &["v5", "v4"]));
    fork.feeds.answer("/f?page=2", Response::new(502));
    let failed = fork.poll();
    assert_eq!((failed.status, failed.stdout.as_str()), (1, ""), "{failed}");
    fork.feeds.show("/f?page=2", atom(&["v3", "v2"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: works again
        up: v3 is new: Release v3
        up: v4 is new: Release v4
        up: v5 is new: Release v5
    "#]]);
}

#[test]
fn commits_of_a_branch_are_news_and_its_rewriting_is_told() {
    let fork = Fork::watching("/commits/main.atom");
    fork.config("watch.up.event", "branch");
    fork.config("watch.up.branch", "main");
    fork.feeds.show("/commits/main.atom", log(&[B, A]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: first sight: 2 entries are known from now on, the newest bbbbbbbbbb
    "#]]);
    fork.feeds.show("/commits/main.atom", log(&[C, B, A]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: cccccccccc is new: Change cccc
    "#]]);
    fork.feeds.show("/commits/main.atom", log(&[D, A]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: the branch was rewritten: dddddddddd does not descend from cccccccccc
    "#]]);
    assert_eq!(fork.poll().to_string(), "status: 0\n");
    // gitweb and cgit answer so for a branch that is not there
    fork.feeds.show("/commits/main.atom", log(&[]));
    fork.poll().is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `up`: upstream has no branch `main`
        hint: name one that it has: `git config watch.up.branch BRANCH`
    "#]]);
    fork.poll().is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `up`: upstream has no branch `main`
        hint: name one that it has: `git config watch.up.branch BRANCH`
    "#]]);
    fork.feeds.show("/commits/main.atom", log(&[D, A]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: works again
    "#]]);
    expect![[r#"
        up primed: first-sight aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        up signal: new patch:up:cccccccccccccccccccccccccccccccccccccccc:upstream.update
        up signal: rewritten patch:up:dddddddddddddddddddddddddddddddddddddddd:upstream.update
        up watchError: missing-branch
        up watchError: none
    "#]]
    .assert_eq(&fork.records());
}

#[test]
fn a_date_of_modification_is_not_believed_of_a_branch() {
    let fork = Fork::watching("/log");
    fork.config("watch.up.event", "branch");
    let dated = |body: String| {
        Response::new(200)
            .header("Date", "Fri, 02 Jan 2026 03:04:05 GMT")
            .header("Last-Modified", "Thu, 01 Jan 2026 03:04:05 GMT")
            .body(body)
    };
    fork.feeds.answer("/log", dated(log(&[A])));
    fork.poll().succeeded();
    fork.poll().succeeded();
    fork.config("watch.tags.feed", &fork.feeds.url("/tags"));
    fork.feeds.answer("/tags", dated(atom(&["v1"])));
    fork.patch(&["poll", "tags"]).succeeded();
    fork.patch(&["poll", "tags"]).succeeded();
    assert_eq!(fork.feeds.asked(), ["/log", "/log", "/tags", "/tags?"]);
}

#[test]
fn identical_feeds_are_fetched_once() {
    let fork = Fork::new();
    fork.feeds.show("/f", atom(&["v2-rc.1", "v1"]));
    for name in ["one", "two"] {
        fork.config(&format!("watch.{name}.feed"), &fork.feeds.url("/f"));
    }
    fork.config("watch.two.prerelease", "true");
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        one: first sight: 2 entries are known from now on, the newest v2-rc.1
        two: first sight: 2 entries are known from now on, the newest v2-rc.1
    "#]]);
    fork.poll().succeeded();
    fork.feeds.show("/f", atom(&["v3-rc.1", "v2-rc.1", "v1"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        two: v3-rc.1 is new: Release v3-rc.1
    "#]]);
    // one of them knows nothing yet: the document has to come whole
    fork.config("watch.three.feed", &fork.feeds.url("/f"));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        three: first sight: 3 entries are known from now on, the newest v3-rc.1
    "#]]);
    fork.poll().succeeded();
    assert_eq!(fork.feeds.asked().join(" "), "/f /f? /f? /f /f?");
}

#[test]
fn a_changed_watch_asks_for_the_whole_document() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", atom(&["v1"]));
    fork.poll().succeeded();
    fork.config("watch.up.prerelease", "true");
    fork.poll().succeeded();
    fork.poll().succeeded();
    assert_eq!(fork.feeds.asked(), ["/f", "/f", "/f?"]);
}

#[test]
fn a_lost_ledger_or_cache_costs_a_whole_answer_and_nothing_else() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", atom(&["v1"]));
    fork.poll().succeeded();
    std::fs::remove_dir_all(fork.environment.path("home/.cache")).unwrap();
    assert_eq!(fork.poll().to_string(), "status: 0\n");
    std::fs::remove_file(fork.ledger_file()).unwrap();
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: first sight: 1 entry is known from now on, the newest v1
    "#]]);
    assert_eq!(fork.feeds.asked(), ["/f", "/f", "/f"]);
}

#[test]
fn a_watch_that_looks_elsewhere_is_primed_again() {
    let fork = Fork::watching("/a");
    fork.feeds.show("/a", atom(&["v1"]));
    fork.poll().succeeded();
    fork.environment.git("fork", &["config", "watch.up.feed", &fork.feeds.url("/b")]);
    fork.feeds.show("/b", atom(&["w2", "w1"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: it looks elsewhere now: 2 entries are known from now on, the newest w2
    "#]]);
    fork.environment.git("fork", &["config", "watch.up.feed", &fork.feeds.url("/c")]);
    fork.feeds.show("/c", atom(&["w3", "w2"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: w3 is new: Release w3
    "#]]);
}

#[test]
fn redirects_are_followed_up_to_a_limit() {
    let fork = Fork::watching("/old");
    fork.feeds.answer("/old", Response::new(301).header("Location", "/new"));
    fork.feeds.show("/new", atom(&["v1"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: first sight: 1 entry is known from now on, the newest v1
    "#]]);
    fork.poll().succeeded();
    assert_eq!(fork.feeds.asked(), ["/old", "/new", "/old", "/new?"]);
    fork.feeds.answer("/new", Response::new(302).header("Location", "/old"));
    fork.poll().is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `up`: http://feeds/new redirects on and on: 5 were followed
        hint: configure the address where the feed is now
    "#]]);
    fork.feeds.answer("/new", Response::new(302).header("Location", "file:///etc/passwd"));
    fork.poll().is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `up`: http://feeds/new redirects to file:///etc/passwd: only http and https are fetched, not `file`
        hint: configure the address where the feed is now
    "#]]);
    fork.feeds.show("/new", atom(&["v2", "v1"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: works again
        up: v2 is new: Release v2
    "#]]);
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let fork = Fork::watching("/f");
    fork.config("watch.up.bodyLimit", "1k");
    fork.feeds.show("/f", atom(&["v1"]));
    fork.poll().succeeded();
    fork.feeds.show("/f", document(&format!("{}{}", release("v2", &"x".repeat(2000)), release("v1", "One"))));
    fork.poll().is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `up`: http://feeds/f is longer than 1024 bytes
        hint: check that the address is a feed; if it is, raise `watch.<name>.bodyLimit`
    "#]]);
    fork.environment.git("fork", &["config", "watch.up.bodyLimit", "1m"]);
    assert!(fork.poll().stdout.starts_with("up: works again\nup: v2 is new: xxx"));
}

#[test]
fn a_host_that_asks_for_rest_gets_it_in_later_processes_too() {
    let fork = Fork::new();
    fork.config("watch.a.feed", &fork.feeds.url("/a"));
    fork.config("watch.b.feed", &fork.feeds.url("/b"));
    fork.config("patch.hostJobs", "1");
    fork.feeds.show("/a", atom(&["v1"]));
    fork.feeds.show("/b", atom(&["v1"]));
    fork.poll().succeeded();
    fork.feeds.answer("/a", Response::new(429).header("Retry-After", "600"));
    fork.feeds.show("/b", atom(&["v2", "v1"]));
    fork.poll().is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `a`: http://feeds/a was asked too often and wants 600 s of rest
        hint: poll this host less often, or watch the Git remote instead of the feed
    "#]]);
    let later = |time: &str| fork.shown(&fork.command(&["poll"]).env("PATCH_NOW", time).run());
    fork.feeds.show("/a", atom(&["v2", "v1"]));
    later("2026-01-02T03:14:04Z").is(&expect![[r#"
        status: 0
    "#]]);
    assert_eq!(fork.feeds.asked(), ["/a", "/b", "/a?"]);
    later("2026-01-02T03:14:06Z").is(&expect![[r#"
        status: 0
        --- stdout
        a: works again
        a: v2 is new: Release v2
        b: v2 is new: Release v2
    "#]]);
    fork.feeds.answer(
        "/a",
        Response::new(503)
            .header("Retry-After", "Fri, 02 Jan 2026 03:24:06 GMT")
            .header("Date", "Fri, 02 Jan 2026 03:14:06 GMT"),
    );
    later("2026-01-02T03:14:07Z").is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `a`: http://feeds/a has a failing server (503) that wants 600 s of rest
        hint: this usually passes by itself: a later poll asks again
    "#]]);
    let asked = fork.feeds.asked().len();
    later("2026-01-02T03:24:06Z").is(&expect![[r#"
        status: 0
    "#]]);
    assert_eq!(fork.feeds.asked().len(), asked);
}

#[test]
fn a_host_behind_a_redirect_gets_its_rest_too() {
    let fork = Fork::watching("/here");
    let there = crate::upstream::Feeds::new();
    fork.config("watch.there.feed", &there.url("/there"));
    fork.feeds.answer("/here", Response::new(302).header("Location", &there.url("/elsewhere")));
    there.show("/there", atom(&["v1"]));
    there.answer("/elsewhere", Response::new(429).header("Retry-After", "600"));
    fork.patch(&["poll", "up"]);
    assert_eq!(fork.poll().to_string(), "status: 0\n");
    assert_eq!((fork.feeds.asked(), there.asked()), (vec!["/here".to_owned()], vec!["/elsewhere".to_owned()]));
}

#[test]
fn a_dry_run_writes_nothing() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", atom(&["v1"]));
    let before = fork.files();
    fork.patch(&["poll", "--dry-run"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: first sight: 1 entry is known from now on, the newest v1
    "#]]);
    assert_eq!(fork.files(), before);
    fork.poll().succeeded();
    fork.feeds.show("/f", atom(&["v2", "v1"]));
    let before = fork.files();
    fork.patch(&["poll", "--dry-run"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v2 is new: Release v2
    "#]]);
    fork.patch(&["poll", "--dry-run", "--json"]).succeeded();
    fork.feeds.answer("/f", Response::new(429).header("Retry-After", "60"));
    fork.patch(&["poll", "--dry-run"]).is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `up`: http://feeds/f was asked too often and wants 60 s of rest
        hint: poll this host less often, or watch the Git remote instead of the feed
    "#]]);
    assert_eq!(fork.files(), before);
    fork.feeds.show("/f", atom(&["v2", "v1"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: v2 is new: Release v2
    "#]]);
}

#[test]
fn only_the_named_watches_are_polled_and_each_once() {
    let fork = Fork::new();
    for name in ["a", "b", "c"] {
        fork.config(&format!("watch.{name}.feed"), &fork.feeds.url(&format!("/{name}")));
        fork.feeds.show(&format!("/{name}"), atom(&["v1"]));
    }
    fork.patch(&["poll", "b", "a"]).is(&expect![[r#"
        status: 0
        --- stdout
        b: first sight: 1 entry is known from now on, the newest v1
        a: first sight: 1 entry is known from now on, the newest v1
    "#]]);
    fork.feeds.show("/a", atom(&["v2", "v1"]));
    fork.patch(&["poll", "a", "a"]).is(&expect![[r#"
        status: 0
        --- stdout
        a: v2 is new: Release v2
    "#]]);
    fork.patch(&["poll", "a", "d"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: there is no watch `d`
        hint: the watches are a, b, c
    "#]]);
    fork.patch(&["poll", "weather"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: there is no watch `weather`
        hint: the watches are a, b, c
    "#]]);
    let mut asked = fork.feeds.asked();
    asked.sort();
    assert_eq!(asked, ["/a", "/a?", "/b"]);
}

#[test]
fn a_slow_watch_does_not_hold_up_another() {
    static ASKED: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
    let fork = Fork::new();
    fork.config("watch.a.feed", &fork.feeds.url("/a"));
    fork.config("watch.b.feed", &fork.feeds.url("/b"));
    // the one that is asked first answers only when the other has been asked
    fork.feeds.handle("/a", |_| {
        let asked = ASKED.0.lock().unwrap();
        let (asked, _) = ASKED.1.wait_timeout_while(asked, Duration::from_mins(1), |asked| !*asked).unwrap();
        if *asked { Response::new(200).body(atom(&["v1"])) } else { Response::new(500) }
    });
    fork.feeds.handle("/b", |_| {
        *ASKED.0.lock().unwrap() = true;
        ASKED.1.notify_all();
        Response::new(200).body(atom(&["v1"]))
    });
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        a: first sight: 1 entry is known from now on, the newest v1
        b: first sight: 1 entry is known from now on, the newest v1
    "#]]);
}

#[test]
fn titles_from_upstream_cannot_move_the_cursor() {
    let fork = Fork::watching("/f");
    fork.feeds.show("/f", atom(&["v1"]));
    fork.poll().succeeded();
    fork.feeds.show("/f", document(&format!("{}{}", release("v2", "two &#x9b;2J&#x202e;owt"), release("v1", "One"))));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: v2 is new: two 2J\u{202e}owt
    "#]]);
}
