//! The ledger: every damaged line, and records that do not follow from those before them.

use super::{Finding, Found, Scene, sequence};
use crate::{
    ledger::{
        damage::{Damage, What, consequence},
        record::Body,
    },
    report::words::counted,
};

const CHECK: &str = "ledger";

/// Everything that is wrong with the ledger.
pub fn check(scene: &Scene) -> Vec<Finding> {
    if scene.places.is_none() {
        return Vec::new();
    }
    let scan = match &scene.ledger {
        Found::Nothing => return vec![Finding::ok(CHECK, "there is none yet: the first poll makes it")],
        Found::Unreadable(error) => {
            let places = scene.places.as_ref().map(|places| super::quoted(&places.state)).unwrap_or_default();
            return vec![
                Finding::broken(CHECK, format!("it cannot be read: {error}")).fix(format!("ls -la -- {places}")),
            ];
        }
        Found::Read(scan) => scan,
    };
    let mut findings: Vec<Finding> = scan.damages.iter().map(damaged).collect();
    for (line, what) in sequence::irregular(&scan.records) {
        findings.push(Finding::warning(CHECK, format!("line {line}: {what}")).line(line));
    }
    if findings.is_empty() {
        let signals = scan.records.iter().filter(|(_, record)| matches!(record.body, Body::Signal(_))).count();
        let records = counted(scan.records.len(), "record", "records");
        findings.push(Finding::ok(CHECK, format!("{records}, {signals} of them signals")));
    }
    findings
}

fn damaged(damage: &Damage) -> Finding {
    let Damage { line, byte, why, excerpt, .. } = damage;
    let place = format!("line {line}, byte {byte}");
    let finding = match &damage.what {
        What::Newer(version) => {
            Finding::broken(CHECK, format!("{place}: format version {version} is of a later `patch`: {excerpt}"))
                .fix("install the newer `patch`")
        }
        What::Torn => Finding::warning(
            CHECK,
            format!(
                "{place}: the last line is torn, as after a power loss: {why}: {excerpt}; the next record sets it aside"
            ),
        )
        .fix("patch poll"),
        What::Merged(_) => Finding::broken(CHECK, format!("{place}: {why}: {excerpt}")).fix("patch doctor --repair"),
        What::Lost(kind) => {
            let found = format!("{place}: no record: {why}: {excerpt}; {}", consequence(*kind));
            Finding::broken(CHECK, found).fix("patch doctor --repair")
        }
    };
    Finding { byte: Some(*byte), ..finding.line(*line) }
}
