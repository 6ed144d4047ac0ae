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
