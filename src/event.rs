//! The event document that a dispatched run is given: the contract of codex-flows' `FlowEvent`.

use crate::{
    entry::Entry,
    forge::Repository,
    text,
    time::Timestamp,
    watch::{EventKind, Watch, WatchName},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The event document.
///
/// Made once, when the signal is recorded, and stored in it: every attempt of every dispatch hands
/// on the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// `patch:<watch>:<key>:<type>`: the idempotency key.
    pub id: String,
    /// `upstream.release` or `upstream.update`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Always `patch`.
    pub source: String,
    /// When upstream published the entry, if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// When the poll saw the entry.
    pub received_at: Timestamp,
    /// `provider, event, sourceId, entryId, title, url, author, publishedAt, repo, repoOwner,
    /// repoName, ref, sha, tag, raw`, absent ones left out; the watch's `payload` merged last.
    pub payload: Map<String, Value>,
}

impl Event {
    /// The document's bytes: one line of JSON and a line end.
    #[must_use]
    pub fn document(&self) -> String {
        let mut document = text::json(self);
        document.push('\n');
        document
    }
}

/// `patch:<watch>:<key>:<type>`.
#[must_use]
pub fn event_id(watch: &WatchName, key: &str, event: EventKind) -> String {
    format!("patch:{watch}:{key}:{}", event.event_type())
}

/// What happened to an entry, as far as it is more than being new.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not known.
    New,
    /// A known tag now points elsewhere.
    Moved,
    /// The branch's new head does not descend from the old one.
    Rewritten,
    /// The tag or branch vanished.
    Gone,
}

impl Change {
    /// As the ledger spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Moved => "moved",
            Self::Rewritten => "rewritten",
            Self::Gone => "gone",
        }
    }
}

/// What a signal tells.
#[derive(Clone, Copy, Debug)]
pub struct Occurrence<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// The signal's key: the entry's own, or for a moved tag `<tag>@<sha>`.
    pub key: &'a str,
    /// What happened to it.
    pub change: Change,
    /// The commit that a moved tag or rewritten branch had before.
    pub previous: Option<&'a str>,
    /// The upstream branch, short name.
    pub branch: Option<&'a str>,
    /// When the poll saw it.
    pub at: Timestamp,
}

/// The event of an occurrence.
#[must_use]
pub fn event(watch: &Watch, repository: Option<&Repository>, told: Occurrence<'_>) -> Event {
    let entry = told.entry;
    let (name, reference) = match watch.event {
        EventKind::Release => ("release", entry.tag.clone()),
        EventKind::Branch => ("push", told.branch.map(|branch| format!("refs/heads/{branch}"))),
    };
    let provider = repository.map_or(if watch.feed.is_some() { "feed" } else { "git" }, |it| it.provider.as_str());
    let changed = (told.change != Change::New).then(|| told.change.as_str());
    let fields = [
        ("provider", Some(provider.to_owned())),
        ("event", Some(name.to_owned())),
        ("sourceId", Some(watch.name.to_string())),
        ("entryId", entry.entry_id.clone().or_else(|| Some(entry.key.clone()))),
        ("title", entry.title.clone()),
        ("url", entry.url.clone()),
        ("author", entry.author.clone()),
        ("publishedAt", entry.published_at.map(|time| time.to_string())),
        ("repo", repository.map(Repository::full_name)),
        ("repoOwner", repository.and_then(|it| it.owner.clone())),
        ("repoName", repository.map(|it| it.name.clone())),
        ("ref", reference),
        ("sha", entry.sha.clone()),
        ("tag", entry.tag.clone()),
        ("change", changed.map(str::to_owned)),
        ("previousSha", told.previous.map(str::to_owned)),
    ];
    let mut payload: Map<String, Value> =
        fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Value::String(value?)))).collect();
    payload.extend(entry.raw.clone().map(|raw| ("raw".to_owned(), raw)));
    payload.extend(watch.payload.iter().map(|(key, value)| (key.clone(), Value::String(value.clone()))));
    Event {
        id: event_id(&watch.name, told.key, watch.event),
        event_type: watch.event.event_type().to_owned(),
        source: "patch".to_owned(),
        occurred_at: entry.published_at,
        received_at: told.at,
        payload,
    }
}
