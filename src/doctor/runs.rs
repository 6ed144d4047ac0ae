//! What runs and kills leave behind: interrupted attempts, temporary files, events of no run.

use super::{Finding, Found, Scene, locks, quoted};
use crate::{
    ledger::{
        damage::Scan,
        state::{Stage, State},
    },
    private::is_temporary,
    report::words::{counted, key},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

const CHECK: &str = "runs";

/// Attempts without an end and files without a use, where nobody is at work.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let Some(places) = &scene.places else { return Vec::new() };
    let held = locks::held(&places.state);
    let mut findings = Vec::new();
    if let Found::Read(scan) = &scene.ledger {
        let runs = |name: &str| held.iter().any(|lock| lock.path.file_stem().is_some_and(|stem| stem == name));
        findings.extend(interrupted(scan, runs));
    }
    if held.is_empty() {
        findings.extend(leftovers(&places.state));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "none was interrupted"));
    }
    findings
}

fn interrupted(scan: &Scan, runs: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut state = State::default();
    scan.records.iter().for_each(|(_, record)| state.fold(record));
    let mut findings = Vec::new();
    for signal in state.open.values().filter(|signal| !runs(signal.watch.as_str())) {
        for (target, _) in signal.deliveries.iter().filter(|(_, delivery)| delivery.stage == Stage::Started) {
            let (watch, key) = (&signal.watch, key(&signal.key));
            let found = format!("watch `{watch}`: the run of {key} for {target} was interrupted; it is made again");
            findings.push(Finding::warning(CHECK, found).fix(format!("patch dispatch {watch}")));
        }
    }
    findings
}

/// Files that a kill kept from being renamed, or from being removed.
fn leftovers(state: &Path) -> Option<Finding> {
    let mut left: Vec<PathBuf> = Vec::new();
    for folder in [state.to_owned(), state.join("runs"), state.join("events")] {
        // What a link leads to is not ours to remove.
        if !fs::symlink_metadata(&folder).is_ok_and(|folder| folder.is_dir()) {
            continue;
        }
        let is_event = folder.ends_with("events");
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if is_event || is_temporary(&entry.file_name()) {
                left.push(entry.path());
            }
        }
    }
    if left.is_empty() {
        return None;
    }
    left.sort();
    let files = counted(left.len(), "file was", "files were");
    let names: Vec<String> = left.iter().map(|path| quoted(path)).collect();
    let found = format!("{files} left by a `patch` that was killed");
    Some(Finding::warning(CHECK, found).fix(format!("rm -- {}", names.join(" "))))
}
