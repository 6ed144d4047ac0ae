//! A feed document becomes entries: Atom, RSS 0.9x, 1.0 and 2.0, JSON Feed.
//!
//! The parser of feeds is a library; around it stand the checks that make its answer trustworthy:
//! what the document is at all, whether it is whole, whether every entry in it was read.

use crate::entry::{Entry, FeedDocument, Unusable};
use crate::panic::contained;
pub use crate::parse::error::FeedError;
use crate::parse::key::{self, Shown};
use crate::parse::{date, error, json, raw, repair, scan};
use crate::text::clipped;
use crate::time::Timestamp;
use crate::watch::EventKind;
use feed_rs::model::{self, LinkTarget};
use feed_rs::parser::{Builder, ParseFeedError, ParseFeedResult};
use serde_json::Value;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use url::Url;

/// Entries of one document, at most. More is no feed of releases, and each costs memory.
pub const MOST: usize = 10_000;
/// Elements of one XML document, at most: the twenty bytes of one can cost the parser a thousand.
const MOST_ELEMENTS: usize = 100_000;
/// Bytes of all the entries as the feed has them that are kept, [`ENTRY`] of each counted besides.
const RAW: usize = 2 << 20;
/// What the fields of an entry cost beside their text.
const ENTRY: usize = 1024;
/// How many links of an entry are looked at.
const LINKS: usize = 32;
/// The longest title, in bytes.
const TITLE: usize = 1024;

/// The entries of a feed document that came from `url`.
///
/// Relative links are resolved against `url` without its query and user, which may hold secrets.
/// A feed with no entries is `Ok`: whether that is plausible, the caller knows. An entry is never
/// dropped silently: each is in `entries`, in `unusable`, or the same as an earlier one.
///
/// # Errors
/// The document is no feed, or not all of one; see [`FeedError`].
pub fn parse(body: &[u8], url: &Url, event: EventKind) -> Result<FeedDocument, FeedError> {
    let body = repair::ascii_compatible(body);
    let document = body.trim_ascii();
    let base = without_secrets(url);
    match document.first() {
        None => Err(FeedError::Empty),
        Some(b'{') => json_feed(document, &base, event),
        Some(b'[' | b'"') => Err(FeedError::not_a_feed("other JSON")),
        Some(_) => xml(document, &base, event),
    }
}

fn without_secrets(url: &Url) -> Url {
    let mut base = url.clone();
    base.set_query(None);
    base.set_fragment(None);
    // Both fail only for URLs that can have neither.
    let _ = base.set_username("");
    let _ = base.set_password(None);
    base
}

fn json_feed(document: &[u8], base: &Url, event: EventKind) -> Result<FeedDocument, FeedError> {
    let json::Pruned { feed, items } = json::pruned(&String::from_utf8_lossy(document), MOST).map_err(|error| {
        if error.is_eof() { FeedError::Truncated } else { FeedError::malformed(&error.to_string()) }
    })?;
    let version = feed.get("version").and_then(Value::as_str).unwrap_or_default();
    if !version.starts_with("https://jsonfeed.org/version/1") || !feed.get("items").is_some_and(Value::is_array) {
        return Err(FeedError::not_a_feed("other JSON"));
    }
    if items > MOST {
        return Err(FeedError::TooMany { count: items });
    }
    let mended =
        serde_json::to_vec(&repair::json_feed(&feed)).map_err(|error| FeedError::malformed(&error.to_string()))?;
    let parsed = read(&mended, base)?.map_err(|error| FeedError::malformed(&error.to_string()))?;
    let next = feed.get("next_url").and_then(Value::as_str).and_then(|next| web_url(base, next));
    Ok(FeedDocument { next: next.map(String::from), ..document_of(&parsed, base, event) })
}

fn xml(document: &[u8], base: &Url, event: EventKind) -> Result<FeedDocument, FeedError> {
    let outline = scan::outline(document);
    let Some(root) = outline.root else {
        let cut = document.starts_with(b"<");
        return Err(if cut { FeedError::Truncated } else { FeedError::not_a_feed("plain text") });
    };
    if error::is_html_element(&root) || is_html_type(document) {
        return Err(FeedError::Html { feed: error::feed_of_page(document, base) });
    }
    if !matches!(root.as_str(), "feed" | "entry" | "rss" | "RDF") {
        return Err(FeedError::not_a_feed(&format!("XML with the root element `{root}`")));
    }
    if let Some(reason) = outline.refused {
        return Err(FeedError::malformed(&reason));
    }
    // An element left open inside a whole document is bad XML, not a short document.
    if !outline.closed && !ends_with_root(document, &root) {
        return Err(FeedError::Truncated);
    }
    if outline.entries > MOST {
        return Err(FeedError::TooMany { count: outline.entries });
    }
    if outline.elements > MOST_ELEMENTS {
        let detail = format!("it has {} elements, {MOST_ELEMENTS} are the limit", outline.elements);
        return Err(FeedError::malformed(&detail));
    }
    let parsed = best_of(document, base, outline.entries)?;
    let lost = outline.entries.saturating_sub(parsed.entries.len());
    if lost > 0 && parsed.entries.is_empty() {
        return Err(FeedError::malformed(&format!("none of its {lost} entries could be read")));
    }
    let mut found = document_of(&parsed, base, event);
    if lost > 0 {
        let reason = "the feed's format wants a link, and there is none".to_owned();
        found.unusable.push(Unusable { label: format!("{lost} of {} entries", outline.entries), reason });
    }
    Ok(found)
}

fn is_html_type(document: &[u8]) -> bool {
    document.get(..14).is_some_and(|start| start.eq_ignore_ascii_case(b"<!doctype html"))
}

fn ends_with_root(document: &[u8], root: &str) -> bool {
    let end = document.strip_suffix(b">").map(<[u8]>::trim_ascii_end).unwrap_or_default();
    let name = end.rsplit(|byte| matches!(byte, b'/' | b':')).next().unwrap_or_default();
    name == root.as_bytes()
}

/// The document as parsed, or a mended copy if that has more of the `expected` entries.
fn best_of(document: &[u8], base: &Url, expected: usize) -> Result<model::Feed, FeedError> {
    // Of the first reading only the number of entries is kept: two feeds at once would cost twice.
    let first = match read(document, base) {
        Ok(Ok(feed)) if feed.entries.len() >= expected => return Ok(feed),
        first => first.map(|parsed| parsed.map(|feed| feed.entries.len())),
    };
    let mended = read(&repair::xml(document), base);
    match (first, mended) {
        (Ok(Ok(entries)), Ok(Ok(mended))) if mended.entries.len() > entries => Ok(mended),
        (Ok(Ok(_)), mended) => {
            drop(mended);
            read(document, base)?.map_err(|error| FeedError::malformed(&lower(&error)))
        }
        (_, Ok(Ok(mended))) => Ok(mended),
        (Ok(Err(error)), _) | (Err(_), Ok(Err(error))) => Err(FeedError::malformed(&lower(&error))),
        (Err(panicked), Err(_)) => Err(panicked),
    }
}

fn lower(error: &ParseFeedError) -> String {
    error.to_string().to_ascii_lowercase()
}

/// What the library makes of the document. The outer error is its panic.
fn read(document: &[u8], base: &Url) -> Result<ParseFeedResult<model::Feed>, FeedError> {
    let parser = Builder::new()
        .base_uri(Some(base))
        .timestamp_parser(date::instant)
        // An id that is not in the feed stays empty: one made up could pass for an identity.
        .id_generator(|_, _, _| String::new())
        .sanitize_content(false)
        .build();
    // The library panics on some values, such as a duration that does not fit a number.
    contained(AssertUnwindSafe(|| parser.parse(document))).map_err(|_| FeedError::Panicked)
}

fn document_of(feed: &model::Feed, base: &Url, event: EventKind) -> FeedDocument {
    let next = feed.links.iter().find(|link| link.rel.as_deref() == Some("next"));
    let mut document = FeedDocument {
        next: next.and_then(|link| web_url(base, &link.href)).map(String::from),
        ..FeedDocument::default()
    };
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut room = RAW;
    for shown in &feed.entries {
        let (entry, sure) = match entry_of(shown, base, event) {
            Ok((entry, sure)) => (with_raw(entry, shown, &mut room), sure),
            Err(unusable) => {
                document.unusable.push(unusable);
                continue;
            }
        };
        match places.get(&entry.key) {
            None => {
                places.insert(entry.key.clone(), document.entries.len());
                document.entries.push(entry);
            }
            Some(&place) if sure || is_same(&document.entries[place], &entry) => {}
            Some(_) => {
                let reason = "an earlier entry has the same key".to_owned();
                document.unusable.push(Unusable { label: label(shown), reason });
            }
        }
    }
    document
}

/// The entry with what the feed has of it, as long as there is room.
fn with_raw(entry: Entry, shown: &model::Entry, room: &mut usize) -> Entry {
    let raw = Some(raw::object(shown)).filter(|raw| {
        let left = room.checked_sub(ENTRY + raw.to_string().len());
        *room = left.unwrap_or(0);
        left.is_some()
    });
    Entry { raw, ..entry }
}

fn is_same(first: &Entry, other: &Entry) -> bool {
    (&first.entry_id, &first.url, &first.title) == (&other.entry_id, &other.url, &other.title)
}

/// The entry, and whether two with its key must be the same one.
fn entry_of(shown: &model::Entry, base: &Url, event: EventKind) -> Result<(Entry, bool), Unusable> {
    let links = links(shown, base);
    let title = shown.title.as_ref().map(title).filter(|title| !title.is_empty());
    let id = some(&shown.id);
    let identity = key::identity(&Shown { id, links: &links, title: title.as_deref() }, event)
        .map_err(|reason| Unusable { label: label(shown), reason: reason.to_owned() })?;
    // `mail@host (Name)`, as RSS has it, leaves the parentheses.
    let name =
        |person: &model::Person| some(person.name.as_deref()?.trim_matches(['(', ')', '<', '>', ' '])).map(one_line);
    let author = shown.authors.iter().find_map(name);
    let published = [shown.published, shown.updated].into_iter().flatten().find_map(date::plausible);
    let entry = Entry {
        key: identity.key,
        tag: identity.tag,
        sha: identity.sha,
        entry_id: id.map(|id| clipped(id, key::LONGEST).to_owned()),
        title,
        url: links.first().map(Url::to_string).or_else(|| key::web_url(id?).map(String::from)),
        author: author.map(|author| clipped(&author, TITLE).to_owned()),
        published_at: published.map(Timestamp::from),
        raw: None,
    };
    Ok((entry, identity.sure))
}

/// The web links, the ones to the entry itself before the others.
fn links(shown: &model::Entry, base: &Url) -> Vec<Url> {
    let of_comments =
        |link: &&model::Link| matches!(link.target, Some(LinkTarget::Comments | LinkTarget::CommentsFeed));
    let is_own = |link: &model::Link| matches!(link.rel.as_deref(), None | Some("alternate"));
    let mut links: Vec<&model::Link> = shown.links.iter().filter(|link| !of_comments(link)).take(LINKS).collect();
    links.sort_by_key(|link| !is_own(link));
    links.into_iter().filter_map(|link| web_url(base, &link.href)).collect()
}

/// The `http` or `https` URL that `text` is, seen from `base`.
fn web_url(base: &Url, text: &str) -> Option<Url> {
    let text = text.trim();
    let url = if text.is_empty() { None } else { base.join(text).ok() }?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

fn some(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn title(title: &model::Text) -> String {
    let text = clipped(&title.content, TITLE);
    if title.content_type.as_str() == "text/plain" { one_line(text) } else { one_line(&unescaped(text)) }
}

/// HTML's references for its own marks, which titles of type `html` are full of.
fn unescaped(text: &str) -> String {
    const MARKS: [(&str, &str); 6] =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];
    MARKS.iter().fold(text.to_owned(), |text, (reference, mark)| text.replace(reference, mark))
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn label(shown: &model::Entry) -> String {
    let title = shown.title.as_ref().map(|title| title.content.as_str());
    let link = shown.links.first().map(|link| link.href.as_str());
    let name = [Some(shown.id.as_str()), link, title].into_iter().flatten().find_map(some);
    one_line(clipped(name.unwrap_or("an entry without id, link and title"), 200))
}

#[cfg(test)]
mod tests;
