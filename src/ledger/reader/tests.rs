use super::*;
use crate::command::select;
use std::fs::{self, OpenOptions};
use std::io::Write;

/// Lines of three watches and several kinds, of some kilobytes here and there.
fn lines(count: usize) -> Vec<String> {
    let line = |number: usize| {
        let (watch, key) = (["up", "upper", "side"][number % 3], number / 6);
        let id = format!("patch:{watch}:v{key}:upstream.release");
        let kind = match number % 6 {
            0..3 => "dispatch",
            3 => "verse",
            4 => {
                return format!(
                    r#"{{"v":1,"at":"2026-11-22T18:55:54.000Z","kind":"gap","watch":"{watch}","oldest":"signal","message":"{}"}}"#,
                    "x".repeat(number % 5 * 700)
                );
            }
            _ => "review",
        };
        format!(
            r#"{{"v":1,"at":"2026-11-22T18:55:54.000Z","kind":"{kind}","watch":"{watch}","id":"{id}","target":"command","attempt":1,"state":"landed","evidence":"contained"}}"#
        )
    };
    (0..count).map(line).collect()
}

fn signal(watch: &str, id: &str) -> String {
    format!(
        r#"{{"v":1,"at":"2026-11-22T18:55:54.000Z","kind":"signal","watch":"{watch}","id":"{id}","change":"new","entry":{{"key":"k"}},"targets":[],"event":{{"id":"{id}","type":"upstream.release","source":"patch","receivedAt":"2026-11-22T18:55:54.000Z","payload":{{}}}}}}"#
    )
}

/// A state directory with a ledger of these lines, and whatever comes behind them.
fn directory(lines: &[String], behind: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().concat() + behind;
    fs::write(directory.path().join("ledger.jsonl"), text).unwrap();
    directory
}

#[test]
fn the_newest_records_are_those_that_reading_all_of_them_gives() {
    let lines = lines(6000);
    assert!(lines.iter().map(String::len).sum::<usize>() > 3 * usize::try_from(FIRST).unwrap());
    let directory = directory(&lines, "{\"v\":1,\"torn");
    let reader = Reader::open(directory.path()).unwrap();
    let all: Vec<Record> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let case = |watches: &[&str], kinds: &[&str], limit: usize| {
        let named: Vec<WatchName> = watches.iter().map(|name| name.parse().unwrap()).collect();
        let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let asked = Asked { watches: &named, kinds: &kinds, limit };
        let mut expected: Vec<_> = all.iter().cloned().zip(lines.clone()).filter(|(it, _)| asked.is_for(it)).collect();
        expected.drain(..expected.len().saturating_sub(if limit == 0 { usize::MAX } else { limit }));
        assert_eq!(reader.newest(asked).unwrap(), expected, "{watches:?} {kinds:?} {limit}");
        expected.len()
    };
    assert_eq!(case(&[], &[], 0), 6000);
    assert_eq!(case(&[], &[], 1), 1);
    assert_eq!(case(&["up"], &[], 0), 1000);
    // `up` is the beginning of another one's name, and `signal` the name of no record here.
    assert_eq!(case(&["up"], &["dispatch", "gap"], 999), 999);
    assert_eq!(case(&["up", "side"], &["review"], 700), 700);
    assert_eq!(case(&[], &["signal"], 5), 0);
    assert_eq!(case(&["other"], &[], 5), 0);
    assert!(reader.knows(&"upper".parse().unwrap()).unwrap() && !reader.knows(&"uppe".parse().unwrap()).unwrap());
}

#[test]
fn a_signal_is_found_by_every_name_that_reading_all_of_them_finds_it_by() {
    let mut lines = lines(600);
    for (place, (watch, id)) in [
        ("up", "patch:up:v1:upstream.release"),
        ("up", "patch:up:release/2026-01:upstream.release"),
        ("side", "patch:side:v\u{e4}\\\"1:upstream.release"),
        ("side", "patch:side:v\\u202e2:upstream.release"),
        ("side", "patch:up:v9:upstream.release"),
        ("up", "by hand"),
        ("up", "patch:up:patch:up:v1:upstream.release:upstream.release"),
    ]
    .into_iter()
    .enumerate()
    {
        lines.insert(place * 50, signal(watch, id));
    }
    // As another program may have written it.
    lines.push(signal("up", "patch:up:a/b/c:upstream.release").replace('/', "\\/").replace("\":", "\" : "));
    let directory = directory(&lines, "");
    let reader = Reader::open(directory.path()).unwrap();
    let all: Vec<Record> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let case = |wanted: &str, expected: &str| {
        let mentions = reader.mentions(wanted).unwrap();
        let told = |id: Result<String, crate::workspace::Failure>| id.unwrap_or_else(|failure| failure.to_string());
        let found = told(select::id(&mentions, wanted));
        assert_eq!(found, told(select::signal(&all, wanted).map(|signal| signal.id.clone())), "{wanted}");
        assert_eq!(found, expected);
        let history: Vec<&Record> = all.iter().filter(|record| record.id() == Some(&found)).collect();
        let mut records = reader.records(mentions.iter().filter(|mention| mention.id == found)).unwrap();
        records.retain(|record| record.id() == Some(&found));
        assert_eq!(records.iter().collect::<Vec<_>>(), history, "{wanted}");
    };
    case("v1", "patch:up:v1:upstream.release");
    case("patch:up:v1:upstream.release", "patch:up:v1:upstream.release");
    case("up:release/2026", "patch:up:release/2026-01:upstream.release");
    case("a/b/c", "patch:up:a/b/c:upstream.release");
    case("up:a/", "patch:up:a/b/c:upstream.release");
    case("vä\"", "patch:side:vä\"1:upstream.release");
    case("v\u{202e}2", "patch:side:v\u{202e}2:upstream.release");
    case("side:patch:up:v9", "patch:up:v9:upstream.release");
    case("by", "by hand");
    case("up:by hand", "by hand");
    case("patch:up:patch", "patch:up:patch:up:v1:upstream.release:upstream.release");
    case("v", "3 signals begin with `v`");
    case("", "8 signals begin with ``");
    case("dispatch", "there is no signal `dispatch`");
    case("v99", "there is no signal `v99`");
}

#[test]
fn reviews_without_a_signal_are_named_as_one() {
    let directory = directory(&lines(60), "");
    let reader = Reader::open(directory.path()).unwrap();
    let shown =
        |wanted: &str| select::id_of_any(&reader.mentions(wanted).unwrap(), wanted).map_err(|it| it.to_string());
    assert_eq!(shown("side:v7").unwrap(), "patch:side:v7:upstream.release");
    assert_eq!(shown("up:v7").unwrap_err(), "there is no signal `up:v7`");
    assert_eq!(shown("side:v").unwrap_err(), "10 signals begin with `side:v`");
}

#[test]
fn damage_is_refused_where_it_is_read_and_where_nothing_vouches_for_the_rest() {
    let lines = lines(6000);
    let directory = directory(&lines, "");
    let path = directory.path().join("ledger.jsonl");
    Ledger::open(directory.path()).unwrap().save_index().unwrap();
    // In its place, and with a record behind it: only the size and the end of what was indexed are looked at.
    let byte = lines[..8].iter().map(|line| line.len() + 1).sum::<usize>() as u64;
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(b"oops", byte).unwrap();
    writeln!(OpenOptions::new().append(true).open(&path).unwrap(), "{}", lines[0]).unwrap();
    let line = |error: LedgerError| match error {
        LedgerError::Damaged { line, .. } => line,
        error => panic!("{error}"),
    };
    let reader = Reader::open(directory.path()).unwrap();
    assert_eq!(reader.newest(Asked { limit: 100, ..Asked::default() }).unwrap().len(), 100);
    assert_eq!(reader.mentions("v500:").unwrap().len(), 5);
    assert_eq!(line(reader.newest(Asked::default()).unwrap_err()), 9);
    assert_eq!(line(reader.mentions("v1:").unwrap_err()), 9);
    let newer = lines[0].replace("\"v\":1", "\"v\":2");
    writeln!(OpenOptions::new().append(true).open(&path).unwrap(), "{newer}").unwrap();
    assert!(matches!(Reader::open(directory.path()).unwrap_err(), LedgerError::Newer { line: 6002, .. }));
    fs::remove_file(directory.path().join("index.json")).unwrap();
    assert_eq!(line(Reader::open(directory.path()).unwrap_err()), 9);
}

#[test]
fn no_ledger_has_no_lines() {
    let directory = tempfile::tempdir().unwrap();
    let reader = Reader::open(directory.path()).unwrap();
    assert!(reader.newest(Asked::default()).unwrap().is_empty() && reader.mentions("v1").unwrap().is_empty());
}
