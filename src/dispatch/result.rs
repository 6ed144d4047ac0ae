//! What a run reported.
use crate::child::{Captured, Exit};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// A run's status.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Status {
    Skipped,
    Completed,
    Changed,
    Failed,
    Blocked,
    NeedsIntervention,
    Unmatched,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v = serde_json::to_value(self).unwrap_or_default();
        f.write_str(v.as_str().unwrap_or_default())
    }
}

/// Candidate.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Candidate {
    pub kind: String,
    #[serde(rename = "ref")]
    pub reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
}
/// Step.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StepOutcome {
    pub flow: String,
    pub step: String,
    pub status: Status,
    pub message: Option<String>,
}
/// Outcome.
#[allow(missing_docs)]
pub struct RunOutcome {
    pub status: Status,
    pub message: Option<String>,
    pub candidates: Vec<Candidate>,
    pub steps: Vec<StepOutcome>,
}
/// What is expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum Expect {
    FlowDocument,
    PlainProgram,
}

/// Temporary.
pub fn outcome(exit: &Exit, stdout: &Captured, expect: Expect, _id: &str) -> RunOutcome {
    let text = stdout.lossy();
    let done = |status, message: Option<&str>| RunOutcome {
        status,
        message: message.map(str::to_owned),
        candidates: vec![],
        steps: vec![],
    };
    if let Ok(v) = serde_json::from_str::<Value>(&text) {
        if let Some(results) = v["results"].as_array() {
            let s = results.iter().filter_map(|r| serde_json::from_value(r["result"]["status"].clone()).ok()).max();
            return done(s.unwrap_or(Status::Unmatched), results.first().and_then(|r| r["result"]["message"].as_str()));
        }
    }
    match (exit, expect) {
        (Exit::Success, Expect::PlainProgram) => done(Status::Completed, None),
        _ => done(Status::Failed, Some("failed")),
    }
}
