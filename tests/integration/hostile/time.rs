//! Servers that take their time.

use super::measure::measured;
use super::server::{Hostile, Talk};
use super::watching;
use crate::upstream::{Fork, atom, atom_with};
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

const OK: &str = "HTTP/1.1 200 OK\r\n";

/// Far more than any of these polls may take, and far less than their servers would go on.
const LONG: Duration = Duration::from_secs(40);

/// What the paths of a slow server do.
fn slow(talk: &mut Talk) -> io::Result<()> {
    loop {
        let (path, _) = talk.request()?;
        match path.trim_start_matches('/').split('-').next().unwrap_or_default() {
            "silent" => return talk.hold(),
            "status" => return talk.drip("HTTP/1.1 200 OOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOO"),
            "headers" => {
                talk.say(OK)?;
                return talk.drip("X-A: b\r\n");
            }
            "body" => {
                talk.say(format!("{OK}Content-Length: 100000\r\n\r\n<feed>"))?;
                return talk.drip("<entry/>");
            }
            "chunks" => {
                talk.say(format!("{OK}Transfer-Encoding: chunked\r\n\r\n"))?;
                return talk.drip("1\r\n \r\n");
            }
            "size" => {
                talk.say(format!("{OK}Transfer-Encoding: chunked\r\n\r\n"))?;
                return talk.drip("0");
            }
            "extension" => {
                talk.say(format!("{OK}Transfer-Encoding: chunked\r\n\r\n1;"))?;
                return talk.drip("x=y;");
            }
            "trailers" => {
                talk.say(format!("{OK}Transfer-Encoding: chunked\r\n\r\n6\r\n<feed>\r\n0\r\n"))?;
                return talk.drip("X-A: b\r\n");
            }
            "close" => {
                talk.say(format!("{OK}Connection: close\r\n\r\n<feed>"))?;
                return talk.drip(" ");
            }
            "gzip" => {
                talk.say(format!("{OK}Content-Encoding: gzip\r\nConnection: close\r\n\r\n"))?;
                talk.say([31, 139, 8, 0, 0, 0, 0, 0, 2, 3])?;
                // Empty stored blocks: bytes without end that stand for nothing.
                return talk.drip([0, 0, 0, 0xff, 0xff]);
            }
            "hops" => {
                talk.pause(Duration::from_millis(400))?;
                talk.say(format!("HTTP/1.1 302 Found\r\nLocation: {path}-x\r\nContent-Length: 0\r\n\r\n"))?;
            }
            "early" => return talk.drip("HTTP/1.1 103 Early Hints\r\n\r\n"),
            "flood" => return talk.for_ever("HTTP/1.1 100 Continue\r\n\r\n".repeat(1000)),
            "processing" => return talk.for_ever("HTTP/1.1 102 Processing\r\nX-A: b\r\n\r\n".repeat(1000)),
            _ => talk.answer("", atom(&["v1"]))?,
        }
    }
}

#[test]
fn a_server_that_takes_its_time_gets_no_more_than_a_watch_has() {
    let slow_ones = [
        "silent",
        "status",
        "headers",
        "body",
        "chunks",
        "size",
        "extension",
        "trailers",
        "close",
        "gzip",
        "hops",
        "early",
    ];
    let endless = ["flood", "processing"];
    let server = Hostile::start(slow);
    let paths: Vec<&str> = slow_ones.into_iter().chain(endless).chain(["good"]).collect();
    let fork = watching(&server, &paths);
    // a handshake that is never answered
    fork.config("watch.tls.feed", &server.url("/silent").replace("http:", "https:"));
    let run = measured(&fork, &["poll"]).within("slow servers");
    assert_eq!(run.output.status, 1, "{}", run.output);
    assert_eq!(run.output.stdout, "good: first sight: 1 entry is known from now on, the newest v1\n");
    let line = |path: &str| {
        let start = format!("error: watch `{path}`: ");
        run.output.stderr.lines().find(|line| line.starts_with(&start)).unwrap_or_default().to_owned()
    };
    for path in slow_ones.into_iter().chain(["tls"]) {
        assert!(line(path).contains("took too long to "), "{path}: {}", line(path));
    }
    for path in endless {
        assert!(line(path).contains("headers of more than"), "{path}: {}", line(path));
    }
    assert!(run.took < LONG, "{:?}", run.took);
}

/// A watch with the feed `/pages`, primed with `v1`, on a server that then shows pages without end,
/// each `size` bytes long and after `pause`.
fn paging(names: &[&str], size: usize, pause: Duration, timeout: &str) -> (Hostile, Fork) {
    let server = Hostile::start(move |talk| {
        loop {
            let (path, head) = talk.request()?;
            let (name, page) = path.trim_start_matches('/').split_once('-').unwrap_or((&path[1..], "0"));
            let page: usize = page.parse().unwrap();
            if page == 0 && !head.contains("if-none-match") {
                talk.answer("ETag: \"first\"\r\n", atom(&["v1"]))?;
                continue;
            }
            talk.pause(pause)?;
            let link =
                format!("<link rel=\"next\" href=\"/{name}-{}\"/><subtitle>{}</subtitle>", page + 1, " ".repeat(size));
            talk.answer("", atom_with(&link, &[&format!("v{}", 9000 - page)]))?;
        }
    });
    let fork = watching(&server, names);
    fork.config("patch.fetchTimeout", timeout);
    fork.patch(&["poll"]).succeeded();
    (server, fork)
}

#[test]
fn pages_that_never_end_are_read_for_a_while() {
    let (server, fork) = paging(&["pages"], 10, Duration::ZERO, "30");
    let run = measured(&fork, &["poll"]);
    assert_eq!(run.output.stdout.matches(" is new: ").count(), 11, "{}", run.output);
    assert!(run.output.stdout.contains("entries before v8990 may have been missed"), "{}", run.output);
    assert_eq!(server.asked().len(), 12);
}

#[test]
fn slow_pages_have_the_time_of_the_one_watch_together() {
    let (server, fork) = paging(&["pages"], 10, Duration::from_millis(300), "1");
    let run = measured(&fork, &["poll"]);
    assert!(run.output.stderr.contains("took too long"), "{}", run.output);
    assert_eq!(run.output.stdout, "");
    assert!(server.asked().len() < 8, "{:?}", server.asked());
}

#[test]
fn long_pages_are_read_by_one_watch_at_a_time_and_as_far_as_one_document_may_go() {
    let names = ["a", "b", "c"];
    let (server, fork) = paging(&names, 1 << 20, Duration::ZERO, "30");
    let run = measured(&fork, &["poll"]).within("long pages");
    for name in names {
        // a tenth page of a little more than a MiB would make more than ten MiB
        assert_eq!(run.output.stdout.matches(&format!("{name}: v")).count(), 9, "{}", run.output);
        assert!(
            run.output.stdout.contains(&format!("{name}: upstream shows nothing that was known")),
            "{}",
            run.output
        );
    }
    assert!(server.asked().len() < 3 * 14, "{:?}", server.asked());
}

#[test]
fn a_poll_ends_when_its_time_is_up_and_begins_where_it_ended() {
    let server = Hostile::start(slow);
    let names: Vec<String> = (10..40).map(|number| format!("silent-{number}")).collect();
    let fork = watching(&server, &names.iter().map(String::as_str).collect::<Vec<_>>());
    // another host, as far as the poll can tell
    let other = crate::upstream::Feeds::new();
    other.show("/f", atom(&["v1"]));
    fork.config("watch.zzz.feed", &other.url("/f").replace("127.0.0.1", "localhost"));
    for (key, value) in [("hostJobs", "2"), ("pollTimeout", "3")] {
        fork.config(&format!("patch.{key}"), value);
    }
    let run = measured(&fork, &["poll"]);
    assert_eq!(run.output.stdout, "zzz: first sight: 1 entry is known from now on, the newest v1\n", "{}", run.output);
    assert!(run.took < LONG, "{:?}", run.took);
    let late = || -> BTreeSet<String> {
        let output = fork.poll().stderr;
        let late = output.lines().filter(|line| line.contains("the poll's time was up before its turn"));
        late.map(|line| line.split('`').nth(1).unwrap().to_owned()).collect()
    };
    let all: BTreeSet<String> = names.iter().cloned().collect();
    let asked = || -> BTreeSet<String> { server.asked().iter().map(|path| path[1..].to_owned()).collect() };
    let before = asked();
    assert!(before.len() > 2 && before.len() < all.len(), "{before:?}");
    late();
    assert!(asked().len() > before.len(), "{before:?}");
    for _ in 0..8 {
        late();
    }
    assert_eq!(asked(), all);
}

#[test]
fn no_wait_that_a_server_asks_for_closes_it_for_ever() {
    let waits = [
        "18446744073709551616",
        "999999999999999999999999999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "-1",
        "soon",
        "",
    ];
    for wait in waits {
        let fork = Fork::watching("/f");
        fork.feeds.answer("/f", patch_moi::loopback::Response::new(429).header("Retry-After", wait));
        assert_eq!(fork.poll().status, 1);
        fork.feeds.show("/f", atom(&["v1"]));
        let later = fork.command(&["poll"]).env("PATCH_NOW", "2026-01-03T03:04:06Z").run();
        assert!(later.stdout.contains("1 entry is known from now on"), "{wait}: {later}");
    }
}
