//! Servers that send too much, or little that becomes much.

use super::measure::measured;
use super::server::{Hostile, Talk};
use super::{documents, full_sweep, watching};
use crate::upstream::atom;
use std::io;
use std::process::{Command, Stdio};
use std::sync::Arc;

const OK: &str = "HTTP/1.1 200 OK\r\n";

/// So many zero bytes, compressed by gzip as often as said.
fn bomb(bytes: u64, times: usize) -> Vec<u8> {
    let script = format!("head -c {bytes} /dev/zero{}", " | gzip".repeat(times));
    Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).output().unwrap().stdout
}

/// What the paths of a server do that sends more than anybody wants; a document's name is its path.
fn large(talk: &mut Talk, bomb: &[u8], nested: &[u8]) -> io::Result<()> {
    let (path, _) = talk.request()?;
    let name = path.trim_start_matches('/').split('-').next().unwrap_or_default();
    if let Some(document) = documents::of(name) {
        return talk.answer("", document);
    }
    match name {
        "bomb" => talk.answer("Content-Encoding: gzip\r\n", bomb),
        "nested" => talk.answer("Content-Encoding: gzip\r\n", nested),
        "twice" => talk.answer("Content-Encoding: gzip, gzip\r\n", nested),
        "deflate" | "br" | "zstd" => talk.answer(&format!("Content-Encoding: {name}\r\n"), bomb),
        "length" => {
            talk.say(format!("{OK}Content-Length: 5368709120\r\n\r\n"))?;
            talk.for_ever("<feed>".repeat(1000))
        }
        "endless" => {
            talk.say(format!("{OK}Connection: close\r\n\r\n<feed>"))?;
            talk.for_ever("<entry/>".repeat(1000))
        }
        "chunks" => {
            talk.say(format!("{OK}Transfer-Encoding: chunked\r\n\r\n"))?;
            talk.for_ever("1\r\n \r\n".repeat(1000))
        }
        "chunk" => {
            talk.say(format!("{OK}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFF\r\n"))?;
            talk.for_ever(" ".repeat(10_000))
        }
        "overflow" => {
            talk.say(format!("{OK}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFFF\r\n"))?;
            talk.for_ever(" ".repeat(10_000))
        }
        "size" => {
            talk.say(format!("{OK}Transfer-Encoding: chunked\r\n\r\n"))?;
            talk.for_ever("0".repeat(10_000))
        }
        "trailers" => {
            talk.say(format!("{OK}Transfer-Encoding: chunked\r\n\r\n0\r\n"))?;
            talk.for_ever("X-A: b\r\n".repeat(1000))
        }
        "headers" => {
            talk.say(OK)?;
            talk.say("X-A: b\r\n".repeat(100_000))?;
            talk.answer("", atom(&["v1"]))
        }
        "header" => {
            talk.say(format!("{OK}X-A: "))?;
            (0..100).try_for_each(|_| talk.say("a".repeat(1 << 20)))?;
            talk.say("\r\n\r\n")
        }
        "line" => talk.for_ever("HTTP/1.1 200 O".repeat(1000)),
        _ => talk.answer("", atom(&["v1"])),
    }
}

fn server() -> Hostile {
    let (bomb, nested) = (Arc::new(bomb(200_000_000, 1)), Arc::new(bomb(200_000_000, 2)));
    Hostile::start(move |talk| large(talk, &bomb, &nested))
}

#[test]
fn whatever_is_sent_a_poll_stays_small() {
    let attacks = [
        ("bomb", "is longer than 10485760 bytes"),
        ("nested", "the document is not a feed but plain text"),
        ("twice", "was not asked for"),
        ("deflate", "`deflate` was not asked for"),
        ("br", "`br` was not asked for"),
        ("zstd", "`zstd` was not asked for"),
        ("length", "is longer than 10485760 bytes"),
        ("endless", "is longer than 10485760 bytes"),
        ("chunks", ""),
        ("chunk", "is longer than 10485760 bytes"),
        ("overflow", "does not speak HTTP"),
        ("size", ""),
        ("trailers", ""),
        ("headers", "too many headers"),
        ("header", "has headers of more than 65536 bytes"),
        ("line", ""),
    ];
    let paths: Vec<&str> = attacks.iter().map(|(path, _)| *path).chain(["good"]).collect();
    let server = server();
    let fork = watching(&server, &paths);
    fork.config("patch.fetchTimeout", "3");
    let run = measured(&fork, &["poll"]).within("protocol attacks");
    assert_eq!(run.output.status, 1, "{}", run.output);
    assert_eq!(run.output.stdout, "good: first sight: 1 entry is known from now on, the newest v1\n");
    for (path, words) in attacks {
        let line = run.output.stderr.lines().find(|line| line.starts_with(&format!("error: watch `{path}`: ")));
        assert!(line.is_some_and(|line| line.contains(words)), "{path}: {line:?}");
    }
}

#[test]
fn costly_documents_are_read_one_after_the_other() {
    let most = ["media", "crowd", "entries", "json", "references"];
    // Three of all documents are no feeds that can be read at once.
    let (names, unread): (Vec<&str>, usize) = if full_sweep() {
        (documents::NAMES.into_iter().chain(most).chain(most).collect(), 3)
    } else {
        (vec!["media", "media", "crowd", "media", "media"], 0)
    };
    let names: Vec<String> = names.iter().enumerate().map(|(number, name)| format!("{name}-{number}")).collect();
    let server = server();
    let fork = watching(&server, &names.iter().map(String::as_str).collect::<Vec<_>>());
    fork.config("patch.fetchTimeout", "100");
    let run = measured(&fork, &["poll"]).within("costly documents, first sight");
    assert_eq!(run.output.stdout.matches("first sight").count(), names.len() - unread, "{}", run.output);
    // Everything is news to a watch that knows one entry; it is dispatched to, so that events are kept.
    for name in &names {
        fork.config(&format!("watch.{name}.dispatch"), "command");
        fork.config(&format!("watch.{name}.command"), "true");
    }
    let primed: String = fork
        .ledger()
        .lines()
        .filter(|line| line.contains("\"kind\":\"primed\""))
        .map(|line| bare(line) + "\n")
        .collect();
    std::fs::write(fork.ledger_file(), primed).unwrap();
    measured(&fork, &["poll", "--no-dispatch"]).within("costly documents, all of it news");
    measured(&fork, &["status"]).within("costly documents, status afterwards");
}

/// The record of a first sight with its first entry only.
fn bare(line: &str) -> String {
    let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
    record["entries"].as_array_mut().unwrap().truncate(1);
    record.to_string()
}
