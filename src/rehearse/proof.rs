//! What must be true after each poll, in the ledger and on the fork's forge.

use super::{
    scene::{NEW, OLD, PATCHES, WATCH},
    stage::{Said, Stage, Surprise},
};
use crate::{
    carry::report::Report,
    dispatch::result::Status,
    event::event_id,
    ledger::{
        Ledger,
        record::{Body, PrimedReason, Record, Run},
    },
    places::Places,
    text,
    watch::{EventKind, Target},
};
use std::{fs, path::PathBuf};

/// The candidate branch.
const CANDIDATE: &str = "refs/heads/patch-moi/candidate/greet/v1.1.0";

/// The branch that a person has to decide.
const INTERVENTION: &str = "refs/heads/patch-moi/intervention/greet/v1.1.0";

/// A branch on the fork's forge.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Branch {
    /// The full name.
    pub name: String,
    /// The commit.
    pub sha: String,
}

/// What the release left on the fork's forge.
#[derive(Debug)]
pub(super) struct Handed {
    /// The branch with the event.
    pub trigger: Branch,
    /// The branch with the carried patches.
    pub candidate: Branch,
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Surprise> {
    if holds { Ok(()) } else { Err(Surprise(otherwise())) }
}

/// The directory of the fork's ledger.
pub(super) fn state_dir(stage: &Stage) -> PathBuf {
    Places::of(&stage.path("fork/.git"), Some(&stage.path("state")), |_| None).state
}

/// The records of the fork's ledger.
pub(super) fn records(stage: &Stage) -> Result<Vec<Record>, Surprise> {
    let path = state_dir(stage);
    ensure(path.join("ledger.jsonl").is_file(), || {
        format!("there is no ledger in {}", text::printable(&path.to_string_lossy()))
    })?;
    let read = Ledger::open(&path).and_then(|ledger| ledger.records());
    read.map_err(|error| Surprise(error.to_string()))
}

/// The first poll took note of the old release, and made no news of it.
pub(super) fn primed(records: &[Record]) -> Result<(), Surprise> {
    let known: Vec<&str> = records
        .iter()
        .filter_map(|record| match &record.body {
            Body::Primed(primed) if primed.reason == PrimedReason::FirstSight => Some(primed),
            _ => None,
        })
        .flat_map(|primed| primed.entries.iter().map(|entry| entry.key.as_str()))
        .collect();
    ensure(known == [OLD], || format!("the first poll should know {OLD} alone, and knows {known:?}"))?;
    ensure(!records.iter().any(|record| record.kind() == "signal"), || "the first poll made news".to_owned())
}

/// The new release is one signal, and each target was handed it once; the runs, trigger first.
fn dispatched(records: &[Record], carried: Status) -> Result<(&Run, &Run), Surprise> {
    let watch = WATCH.parse().expect("the name is valid");
    let expected = event_id(&watch, NEW, EventKind::Release);
    let signals: Vec<&str> = records.iter().filter(|record| record.kind() == "signal").filter_map(Record::id).collect();
    ensure(signals == [expected.as_str()], || format!("there should be one signal {expected}, there are {signals:?}"))?;
    let run = |target, status| {
        let runs: Vec<&Run> = records
            .iter()
            .filter_map(|record| match &record.body {
                Body::Run(run) if run.target == target && run.id == expected => Some(&**run),
                _ => None,
            })
            .collect();
        match runs[..] {
            [run] if run.status == status => Ok(run),
            [run] => Err(Surprise(format!(
                "{target} ended as {}, not as {status}{}",
                run.status,
                run.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default()
            ))),
            _ => Err(Surprise(format!("{target} should have run once, and ran {} times", runs.len()))),
        }
    };
    Ok((run(Target::TriggerBranch, Status::Completed)?, run(Target::Carry, carried)?))
}

/// The branches are on the fork's forge, and hold what the ledger says and the release needs.
pub(super) fn handed(stage: &Stage, records: &[Record]) -> Result<Handed, Surprise> {
    let (trigger, carry) = dispatched(records, Status::Changed)?;
    let candidate = branch(stage, CANDIDATE)?;
    ensure(report(stage, carry)?.artifacts.verified, || format!("{CANDIDATE} should be verified"))?;
    let reported: Vec<_> = carry.candidates.iter().map(|it| (it.reference.clone(), it.sha.clone())).collect();
    let expected = (Some(candidate.name.clone()), Some(candidate.sha.clone()));
    ensure(reported == [expected], || format!("the run should name {CANDIDATE}, and names {reported:?}"))?;
    let reference = trigger.reference.clone().unwrap_or_default();
    let trigger_branch = branch(stage, &reference)?;
    ensure(trigger.sha.as_deref() == Some(&trigger_branch.sha), || {
        format!("{reference} is not the commit that the ledger says")
    })?;
    let told = stage
        .git("forge.git", &["log", "--max-count=1", "--format=%P %(trailers:key=Patch-Event,valueonly)", &reference])?;
    let stack = branch(stage, "refs/heads/main")?;
    let expected = format!("{} {}", stack.sha, trigger.id);
    ensure(told.trim_end() == expected, || format!("{reference} should be an event on top of main, and is {told:?}"))?;

    let onto = stage.git("upstream", &["rev-parse", &format!("refs/tags/{NEW}^0")])?;
    let patches = stage.git("fork", &["rev-list", "--count", &format!("{onto}..{}", candidate.sha)])?;
    let missing = stage.git("fork", &["rev-list", "--count", &format!("{}..{onto}", candidate.sha)])?;
    ensure((patches.as_str(), missing.as_str()) == (PATCHES.to_string().as_str(), "0"), || {
        format!("{CANDIDATE} should be {PATCHES} patches on {NEW}, and is {patches} ahead of it, {missing} behind")
    })?;
    Ok(Handed { trigger: trigger_branch, candidate })
}

/// What a person has to decide is on the fork's forge, and no candidate is.
pub(super) fn waits(stage: &Stage, records: &[Record]) -> Result<Branch, Surprise> {
    let (_, carry) = dispatched(records, Status::NeedsIntervention)?;
    let left = branch(stage, INTERVENTION)?;
    let told = report(stage, carry)?.artifacts.intervention.and_then(|it| it.sha);
    ensure(told.as_ref() == Some(&left.sha), || format!("{INTERVENTION} is not the commit that the report says"))?;
    let file = stage.git("forge.git", &["show", &format!("{INTERVENTION}:greet.sh")])?;
    ensure(file.contains("\n<<<<<<<") && file.contains("Welcome") && file.contains("Good day"), || {
        format!("{INTERVENTION} should hold the conflict")
    })?;
    ensure(branch(stage, CANDIDATE).is_err(), || format!("there should be no {CANDIDATE} yet"))?;
    Ok(left)
}

/// The report that a run left.
fn report(stage: &Stage, run: &Run) -> Result<Report, Surprise> {
    let path = state_dir(stage).join(run.report.as_deref().unwrap_or_default());
    let read = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    read.ok_or_else(|| Surprise(format!("there is no report in {}", text::printable(&path.to_string_lossy()))))
}

/// The branch of that name on the fork's forge.
fn branch(stage: &Stage, name: &str) -> Result<Branch, Surprise> {
    let found = stage.git("forge.git", &["for-each-ref", "--format=%(objectname)", name])?;
    ensure(found.len() == 40, || format!("the fork's forge has no {}", text::printable(name)))?;
    Ok(Branch { name: name.to_owned(), sha: found })
}

/// The third poll had nothing to say and nothing to record.
pub(super) fn silent(said: &Said, before: usize, records: &[Record]) -> Result<(), Surprise> {
    ensure(said.stdout.is_empty() && said.stderr.is_empty(), || "the third poll should print nothing".to_owned())?;
    ensure(records.len() == before, || format!("the third poll recorded {} things", records.len() - before))
}

/// The status names the new release as the newest, and how it stands.
pub(super) fn stands(said: &Said, state: &str) -> Result<(), Surprise> {
    let told = said.stdout.lines().any(|line| line.starts_with(WATCH) && line.contains(NEW) && line.contains(state));
    ensure(told, || format!("the status should be `{state}`, with {NEW} as the newest"))
}

/// Each poll asked for the feed once, and was answered like this.
pub(super) fn asked(statuses: &[u16], expected: &[u16]) -> Result<(), Surprise> {
    ensure(statuses == expected, || format!("the feed should have answered {expected:?}, and answered {statuses:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::Exit;

    const PRIMED: &str = r#"{"kind":"primed","reason":"first-sight","source":"s","entries":[{"key":"v1.0.0"}]}"#;
    const SIGNAL: &str = r#"{"kind":"signal","id":"patch:greet:v1.1.0:upstream.release","change":"new","entry":{"key":"v1.1.0"},"targets":[],"event":{"id":"","type":"","source":"patch","receivedAt":"2026-01-02T03:04:05Z","payload":{}}}"#;
    const TRIGGER: &str = r#"{"kind":"run","id":"patch:greet:v1.1.0:upstream.release","target":"trigger-branch","attempt":1,"status":"completed","durationMs":1}"#;
    const CARRY: &str = r#"{"kind":"run","id":"patch:greet:v1.1.0:upstream.release","target":"carry","attempt":1,"status":"changed","durationMs":1}"#;

    fn ledger(lines: &[&str]) -> Vec<Record> {
        let record = |line: &&str| {
            let line = line.replacen('{', r#"{"v":1,"at":"2026-01-02T03:04:05Z","watch":"greet","#, 1);
            serde_json::from_str(&line).unwrap()
        };
        lines.iter().map(record).collect()
    }

    #[test]
    fn a_first_poll_that_makes_news_or_knows_something_else_is_a_surprise() {
        #[track_caller]
        fn case(lines: &[&str], surprise: &str) {
            let found = primed(&ledger(lines)).err().map(|it| it.0).unwrap_or_default();
            assert_eq!(found, surprise);
        }
        case(&[PRIMED], "");
        case(&[], "the first poll should know v1.0.0 alone, and knows []");
        case(&[PRIMED, SIGNAL], "the first poll made news");
        let more = PRIMED.replace("v1.0.0", "v0.9.0");
        case(&[&more], "the first poll should know v1.0.0 alone, and knows [\"v0.9.0\"]");
    }

    #[test]
    fn a_release_that_is_not_handed_on_once_is_a_surprise() {
        #[track_caller]
        fn case(lines: &[&str], surprise: &str) {
            let found = dispatched(&ledger(lines), Status::Changed).err().map(|it| it.0).unwrap_or_default();
            assert_eq!(found, surprise);
        }
        let failed = CARRY.replace("changed\"", "failed\",\"message\":\"no tag\"");
        let all = [PRIMED, SIGNAL, TRIGGER, CARRY];
        case(&all, "");
        case(&all[..1], "there should be one signal patch:greet:v1.1.0:upstream.release, there are []");
        case(&all[..3], "carry should have run once, and ran 0 times");
        case(&[SIGNAL, TRIGGER, TRIGGER, CARRY], "trigger-branch should have run once, and ran 2 times");
        case(&[SIGNAL, TRIGGER, &failed], "carry ended as failed, not as changed: no tag");
    }

    #[test]
    fn a_poll_that_says_or_records_something_is_not_silent() {
        let quiet = Said { stdout: String::new(), stderr: String::new(), exit: Exit::Success };
        let loud = Said { stdout: String::new(), stderr: "warning: x\n".to_owned(), exit: Exit::Success };
        let records = ledger(&[PRIMED]);
        assert!(silent(&quiet, 1, &records).is_ok());
        assert!(silent(&loud, 1, &records).is_err());
        assert!(silent(&quiet, 0, &records).is_err());
        assert!(asked(&[200, 200, 304], &[200, 200, 304]).is_ok());
        assert!(asked(&[200, 200, 200], &[200, 200, 304]).is_err());
    }
}
