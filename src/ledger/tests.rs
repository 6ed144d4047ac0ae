use super::*;
use crate::ledger::record::{Body, Gap};
use std::fs;

fn gap(oldest: &str) -> Record {
    let gap = Gap { watch: "up".parse().unwrap(), oldest: oldest.to_owned(), message: "m".to_owned() };
    Record::new("2026-11-22T18:55:54Z".parse().unwrap(), Body::Gap(gap))
}

/// A ledger that was read, another file in its place, and an append.
#[track_caller]
fn case(before: &[&str], instead: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(directory.path()).unwrap();
    ledger.append(&before.iter().map(|name| gap(name)).collect::<Vec<_>>()).unwrap();
    let lines: String = instead.iter().map(|name| gap(name).line()).collect();
    fs::write(directory.path().join("new"), &lines).unwrap();
    fs::rename(directory.path().join("new"), ledger.path()).unwrap();
    ledger.append(&[gap("last")]).unwrap();
    assert_eq!(fs::read_to_string(ledger.path()).unwrap(), lines + &gap("last").line());
    assert_eq!(ledger.position.lines, instead.len() as u64 + 1);
    ledger.save_index().unwrap();
    let again = Ledger::open(directory.path()).unwrap();
    assert_eq!((&again.position.lines, again.state()), (&ledger.position.lines, ledger.state()));
}

#[test]
fn a_ledger_that_was_replaced_is_read_anew_and_loses_no_append() {
    case(&["one", "two", "three"], &["one", "three"]);
    case(&["one", "two"], &["six", "ten"]);
    // Here the old position lies inside a line of the new file.
    case(&["one"], &["a longer one", "two"]);
    case(&["one"], &[]);
}

/// What [`Ledger::each`] makes of a file: the records, or the line that is wrong.
fn gone_through(text: &str) -> Result<Vec<Record>, String> {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(directory.path()).unwrap();
    ledger.append(&[gap("one")]).unwrap();
    fs::write(ledger.path(), text).unwrap();
    let mut records = Vec::new();
    ledger.each(|record| records.push(record)).map(|()| records).map_err(|error| error.to_string())
}

#[test]
fn every_record_is_gone_through_in_parts() {
    // More than one part, and lines that the parts are cut in.
    let records: Vec<Record> = (0..20_000).map(|number| gap(&format!("{number:0>100}"))).collect();
    let text: String = records.iter().map(Record::line).collect();
    assert!(text.len() as u64 > 2 * PART);
    assert_eq!(gone_through(&text), Ok(records.clone()));
    assert_eq!(gone_through(&format!("{text}torn")), Ok(records.clone()));
    assert_eq!(gone_through(&format!("{text}torn\n")), Ok(records));
    assert_eq!(gone_through(""), Ok(Vec::new()));
    let middle = text.len() / 2;
    let middle = middle + text[middle..].find('\n').unwrap() + 1;
    let line = text[..middle].lines().count() + 1;
    let told = gone_through(&format!("{}wrong\n{}", &text[..middle], &text[middle..])).unwrap_err();
    assert!(told.contains(&format!("line {line}")), "{told}");
}
