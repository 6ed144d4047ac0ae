//! An entry: one release, tag or commit as upstream shows it now.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What upstream shows of one release, tag or commit.
///
/// The `key` is the entry's identity: the tag or the commit sha, or for a feed that knows neither
/// the version or path it publishes. Never a title of prose, a date, or an id that a feed library
/// made up. All the other fields may change without being news.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Entry {
    /// Tag, commit sha or version: what makes the entry itself.
    pub key: String,
    /// The tag's short name, when there is one that Git would accept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The commit, 40 or 64 lower-case hex digits; a tag object is peeled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// The id that the feed itself gives the entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_id: Option<String>,
    /// The title, one line, without surrounding white space.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where a person reads about it, absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The first author's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was published, or else last updated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
    /// The entry as the feed has it, as a JSON object of its fields, long texts clipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<serde_json::Value>,
}

/// An entry of a document that could not be given an identity, with the reason.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Unusable {
    /// What the document calls it: its id, link or title, clipped.
    pub label: String,
    /// Why it has no identity.
    pub reason: String,
}

/// What a feed document says: its entries in the document's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeedDocument {
    /// The entries that have an identity, in the document's order, the first of each key.
    pub entries: Vec<Entry>,
    /// The entries that have none.
    pub unusable: Vec<Unusable>,
    /// The next page (RFC 5005, section 3), absolute.
    pub next: Option<String>,
}
