//! What fuzz targets and property tests ask of private functions; no part of the interface.

use crate::{
    child::Exit,
    fetch::{error::Reason, http},
    git::{self, ConfigEntry, GitError},
    intake::{look::Look, record},
    ledger::record::{Body, Record},
    news::News,
    time::Timestamp,
    watch::Watch,
};
use chrono::{DateTime, Utc};
use std::{collections::BTreeMap, path::Path};
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

/// What `git config --null --list --show-origin --show-scope` lists.
///
/// # Errors
/// What is not of that form.
pub fn config_entries(listing: &[u8]) -> Result<Vec<ConfigEntry>, String> {
    git::parse_config(listing)
}

/// What a Git command that failed says on standard error.
#[must_use]
pub fn git_failure(stderr: &str) -> GitError {
    GitError::classify("fetch", Path::new("."), Exit::Code(128), stderr)
}

/// Reads an answer's status and headers, given as name and value; those that HTTP does not allow are
/// left out.
///
/// # Errors
/// Why it brings no document.
pub fn http_answer<'a>(
    status: u16,
    headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    now: DateTime<Utc>,
) -> Result<(), Reason> {
    let allowed =
        headers.filter_map(|(name, value)| HeaderName::from_bytes(name).ok().zip(HeaderValue::from_bytes(value).ok()));
    let map: HeaderMap = allowed.collect();
    http::answer(status, &map, true, now).map(drop)
}

/// The record of one piece of news, as an intake makes it.
#[must_use]
pub fn recorded(watch: &Watch, look: &Look, news: News, now: Timestamp) -> Record {
    let body: Body = record::body(&BTreeMap::new(), watch, look, news, now);
    Record::new(now, body)
}
