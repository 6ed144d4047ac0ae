//! The ledger's records: one JSON object a line.

mod review;

pub use self::review::{Move, Notice, NoticeReason, Promotion, Review};

use crate::{
    dispatch::result::{Candidate, Provenance, Status, StepOutcome},
    entry::Entry,
    event::{Change, Event},
    text,
    time::Timestamp,
    watch::{Target, WatchName},
};
use serde::{Deserialize, Serialize};

/// The version of the format that this program writes and reads.
pub const VERSION: u32 = 1;

/// The kinds that records have.
pub const KINDS: [&str; 11] =
    ["primed", "signal", "skipped", "dispatch", "run", "request", "review", "promotion", "notice", "watchError", "gap"];

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The format's version.
    pub v: u32,
    /// When it was recorded.
    pub at: Timestamp,
    /// What it says, told apart by `kind`.
    #[serde(flatten)]
    pub body: Body,
}

impl Record {
    /// A record of now.
    #[must_use]
    pub fn new(at: Timestamp, body: Body) -> Self {
        Self { v: VERSION, at, body }
    }

    /// The record as a line of JSON with its line end.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = text::json(self);
        line.push('\n');
        line
    }

    /// The watch it is about; `None` for a kind that this version does not know.
    #[must_use]
    pub fn watch(&self) -> Option<&WatchName> {
        match &self.body {
            Body::Primed(Primed { watch, .. })
            | Body::Skipped(Skipped { watch, .. })
            | Body::Dispatch(Dispatch { watch, .. })
            | Body::Promotion(Promotion { watch, .. })
            | Body::Notice(Notice { watch, .. })
            | Body::WatchError(WatchError { watch, .. })
            | Body::Gap(Gap { watch, .. }) => Some(watch),
            Body::Signal(signal) => Some(&signal.watch),
            Body::Run(run) => Some(&run.watch),
            Body::Request(request) => Some(&request.watch),
            Body::Review(review) => Some(&review.watch),
            Body::Unknown => None,
        }
    }

    /// The id of the signal it is about.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match &self.body {
            Body::Signal(signal) => Some(&signal.id),
            Body::Dispatch(dispatch) => Some(&dispatch.id),
            Body::Run(run) => Some(&run.id),
            Body::Request(request) => Some(&request.id),
            Body::Review(review) => Some(&review.id),
            Body::Promotion(promotion) => promotion.id.as_deref(),
            Body::Notice(notice) => notice.id.as_deref(),
            Body::Skipped(skipped) => skipped.id.as_deref(),
            _ => None,
        }
    }

    /// The record's `kind`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.body {
            Body::Primed(_) => "primed",
            Body::Signal(_) => "signal",
            Body::Skipped(_) => "skipped",
            Body::Dispatch(_) => "dispatch",
            Body::Run(_) => "run",
            Body::Request(_) => "request",
            Body::Review(_) => "review",
            Body::Promotion(_) => "promotion",
            Body::Notice(_) => "notice",
            Body::WatchError(_) => "watchError",
            Body::Gap(_) => "gap",
            Body::Unknown => "unknown",
        }
    }
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Body {
    /// Entries became known without being news.
    Primed(Primed),
    /// An entry is news.
    Signal(Box<Signal>),
    /// An entry or signal is passed over.
    Skipped(Skipped),
    /// An attempt to hand over a signal begins.
    Dispatch(Dispatch),
    /// The attempt ended.
    Run(Box<Run>),
    /// A person asked for another attempt.
    Request(Box<Request>),
    /// A signal came to another state, or a person gave a word on its candidate.
    Review(Box<Review>),
    /// A channel was moved.
    Promotion(Promotion),
    /// Something that waits for a person was told to `patch.notify`.
    Notice(Notice),
    /// A watch began to fail, fails otherwise, or recovered.
    WatchError(WatchError),
    /// Entries may have been missed.
    Gap(Gap),
    /// A kind of a later version: kept and passed over.
    #[serde(other)]
    Unknown,
}

/// Entries that are known from now on, and dispatched by nobody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Primed {
    /// The watch.
    pub watch: WatchName,
    /// Why.
    pub reason: PrimedReason,
    /// What the watch looks at: feed, remote and branch.
    pub source: String,
    /// The entries, with the commits where they were told.
    pub entries: Vec<KnownEntry>,
    /// The branch's head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
}

/// Why entries became known without being news.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrimedReason {
    /// The first sight of the watch.
    FirstSight,
    /// The watch looks elsewhere than before, and nothing there is known.
    SourceChanged,
    /// The watch looks elsewhere than before, where something of what was known is met again: the
    /// watch goes on with that.
    MetAgain,
    /// Commits of tags that were known without them; or, of a branch, the head alone, whose commit is
    /// left for the next look.
    Commits,
}

/// A known entry.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct KnownEntry {
    /// Tag, commit sha or version.
    pub key: String,
    /// The commit of a tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
}

/// The durable record that an entry is news.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signal {
    /// The watch.
    pub watch: WatchName,
    /// `patch:<watch>:<key>:<type>`.
    pub id: String,
    /// What happened to the entry.
    pub change: Change,
    /// The entry.
    pub entry: Entry,
    /// The commit before, of a moved tag or rewritten branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// The branch's head once this is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Who is to be handed it.
    pub targets: Vec<Target>,
    /// What they are handed, byte for byte.
    pub event: Event,
}

/// An entry that is known but not news, or a signal that is not dispatched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    /// The watch.
    pub watch: WatchName,
    /// The entry's key, or the signal's.
    pub key: String,
    /// The entry's commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// `tags`, `versions`, `prerelease`: the filter that passed over it; `superseded`; `repeated`;
    /// `unusable`.
    pub reason: String,
    /// The signal that is superseded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The signal that supersedes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What is to be said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The branch's head once this is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
}

/// The beginning of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dispatch {
    /// The watch.
    pub watch: WatchName,
    /// The signal.
    pub id: String,
    /// Who is handed it.
    pub target: Target,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// The end of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The watch.
    pub watch: WatchName,
    /// The signal.
    pub id: String,
    /// Who was handed it.
    pub target: Target,
    /// Which attempt this was, from 1.
    pub attempt: u32,
    /// What came of it.
    pub status: Status,
    /// What it says about that, one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How the process ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
    /// What each step of a flow reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepOutcome>,
    /// The refs that hold its results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// The branch that was pushed.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The commit that was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// How these came about, as far as the run says it.
    #[serde(default, skip_serializing_if = "Provenance::is_unknown")]
    pub provenance: Provenance,
    /// The branch where a person has to decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervention: Option<Candidate>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Its output's file, in the state directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// The file with the report of a carry in full, in the state directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

/// What a person asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Attempt again what failed, was blocked or was given up.
    Retry,
    /// Dispatch again, whatever became of it.
    Replay,
}

impl Action {
    /// As the ledger and the command line spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Replay => "replay",
        }
    }
}

/// A person's wish for another attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The watch.
    pub watch: WatchName,
    /// The signal.
    pub id: String,
    /// What is asked for.
    pub action: Action,
    /// Who is to be handed it.
    pub targets: Vec<Target>,
    /// What happened to the entry.
    pub change: Change,
    /// The last attempt's number so far.
    pub attempt: u32,
    /// What is handed on: the signal's own event, again.
    pub event: Event,
}

/// How a watch fails; without an error, that it recovered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchError {
    /// The watch.
    pub watch: WatchName,
    /// What is wrong; absent once it is right again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// What is wrong with a watch.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// A short stable word, such as `timeout`.
    pub kind: String,
    /// One line for people.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Entries may have been missed between the last known and the oldest shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// The watch.
    pub watch: WatchName,
    /// The oldest entry that is shown.
    pub oldest: String,
    /// What is to be said of it.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_kinds_and_fields_are_passed_over() {
        let line = r#"{"v":1,"at":"2026-11-22T18:55:54.000Z","kind":"verse","watch":"x","verdict":1}"#;
        assert_eq!(serde_json::from_str::<Record>(line).unwrap().body, Body::Unknown);
        let line = r#"{"v":1,"at":"2026-11-22T18:55:54.000Z","kind":"dispatch","watch":"x","id":"i","target":"command","attempt":1,"colour":"red"}"#;
        assert_eq!(serde_json::from_str::<Record>(line).unwrap().kind(), "dispatch");
    }

    #[test]
    fn a_record_reads_back_equal() {
        let record = Record::new(
            "2026-11-22T18:55:54Z".parse().unwrap(),
            Body::Primed(Primed {
                watch: "upstream".parse().unwrap(),
                reason: PrimedReason::FirstSight,
                source: "feed".to_owned(),
                entries: vec![KnownEntry { key: "v1\u{202e}".to_owned(), sha: None }],
                head: None,
            }),
        );
        let line = record.line();
        assert_eq!(
            line,
            "{\"v\":1,\"at\":\"2026-11-22T18:55:54.000Z\",\"kind\":\"primed\",\"watch\":\"upstream\",\
             \"reason\":\"first-sight\",\"source\":\"feed\",\"entries\":[{\"key\":\"v1\\u202e\"}]}\n"
        );
        assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
    }
}
