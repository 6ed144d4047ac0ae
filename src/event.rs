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

/// The event of a change of `entry`, seen at `now`.
///
/// `key` is the signal's key: the entry's own, or for a moved tag `<tag>@<sha>`. `previous` is the
/// commit that a moved tag or rewritten branch had before.
#[must_use]
pub fn event(
    watch: &Watch,
    repository: Option<&Repository>,
    entry: &Entry,
    key: &str,
    change: Change,
    previous: Option<&str>,
    now: Timestamp,
) -> Event {
    let id = event_id(&watch.name, key, watch.event);
    let reference = match watch.event {
        EventKind::Release => entry.tag.clone(),
        EventKind::Branch => watch.branch.as_ref().map(|branch| format!("refs/heads/{branch}")),
    };
    let name = match watch.event {
        EventKind::Release => "release",
        EventKind::Branch => "push",
    };
    let provider = repository.map_or(if watch.feed.is_some() { "feed" } else { "git" }, |it| it.provider.as_str());
    let changed = (change != Change::New).then(|| change.as_str().to_owned());
    let text = |value: Option<String>| value.map(Value::String);
    let fields = [
        ("provider", text(Some(provider.to_owned()))),
        ("event", text(Some(name.to_owned()))),
        ("sourceId", text(Some(watch.name.to_string()))),
        ("entryId", text(entry.entry_id.clone().or_else(|| Some(entry.key.clone())))),
        ("title", text(entry.title.clone())),
        ("url", text(entry.url.clone())),
        ("author", text(entry.author.clone())),
        ("publishedAt", text(entry.published_at.map(|time| time.to_string()))),
        ("repo", text(repository.map(Repository::full_name))),
        ("repoOwner", text(repository.and_then(|it| it.owner.clone()))),
        ("repoName", text(repository.map(|it| it.name.clone()))),
        ("ref", text(reference)),
        ("sha", text(entry.sha.clone())),
        ("tag", text(entry.tag.clone())),
        ("change", text(changed)),
        ("previousSha", text(previous.map(str::to_owned))),
        ("raw", entry.raw.clone()),
    ];
    let mut payload: Map<String, Value> =
        fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    payload.extend(watch.payload.iter().map(|(key, value)| (key.clone(), Value::String(value.clone()))));
    Event {
        id,
        event_type: watch.event.event_type().to_owned(),
        source: "patch".to_owned(),
        occurred_at: entry.published_at,
        received_at: now,
        payload,
    }
}
