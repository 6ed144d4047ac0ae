//! Upstream's release feed as GitHub serves it, made of the repository's real tags at each request.

use super::{
    scene::UPSTREAM,
    stage::{Stage, Surprise},
};
use crate::{
    loopback::{Request, Response, Server},
    refname,
};
use std::{
    fmt::Write,
    io,
    sync::{Arc, Mutex, PoisonError},
};

/// How many entries GitHub shows.
const WINDOW: &str = "--count=10";

/// The server of the feed.
#[derive(Debug)]
pub(super) struct Feed {
    server: Server,
    statuses: Arc<Mutex<Vec<u16>>>,
}

/// A tag as `git for-each-ref` shows it.
#[derive(Debug, Eq, PartialEq)]
struct Release {
    tag: String,
    date: String,
    author: String,
    title: String,
}

impl Feed {
    /// Serves the feed of the repository `upstream` on a free port of this machine.
    pub(super) fn serve(stage: Stage) -> io::Result<Self> {
        let statuses = Arc::<Mutex<Vec<u16>>>::default();
        let told = Arc::clone(&statuses);
        let server = Server::start(move |request| {
            let (status, response) = answer(&stage, request);
            told.lock().unwrap_or_else(PoisonError::into_inner).push(status);
            response
        })?;
        Ok(Self { server, statuses })
    }

    /// The feed's path.
    pub(super) fn path() -> String {
        format!("/{UPSTREAM}/releases.atom")
    }

    /// The feed's URL.
    pub(super) fn url(&self) -> String {
        self.server.url(&Self::path())
    }

    /// The statuses of all answers so far.
    pub(super) fn statuses(&self) -> Vec<u16> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(stage: &Stage, request: &Request) -> (u16, Response) {
    let plain = |status| (status, Response::new(status));
    if request.method != "GET" || request.target != Feed::path() {
        return plain(404);
    }
    let Ok(releases) = releases(stage) else { return plain(500) };
    let body = document(request.header("Host").unwrap_or_default(), &releases);
    let tag = format!("W/\"{}\"", refname::hash(&body));
    let status = if request.header("If-None-Match") == Some(tag.as_str()) { 304 } else { 200 };
    let response = Response::new(status).header("Content-Type", "application/atom+xml; charset=utf-8");
    (status, response.header("ETag", &tag).body(body))
}

/// Upstream's tags, the highest version first.
fn releases(stage: &Stage) -> Result<Vec<Release>, Surprise> {
    let format = "--format=%(refname:strip=2)%00%(creatordate:iso-strict)%00%(taggername)%00%(contents:subject)";
    let list = stage.git("upstream", &["for-each-ref", WINDOW, "--sort=-version:refname", format, "refs/tags"])?;
    Ok(list.lines().filter_map(release).collect())
}

fn release(line: &str) -> Option<Release> {
    let mut fields = line.split('\0').map(str::to_owned);
    Some(Release { tag: fields.next()?, date: fields.next()?, author: fields.next()?, title: fields.next()? })
}

/// The Atom document (RFC 4287) for these releases, at the server `host`.
fn document(host: &str, releases: &[Release]) -> String {
    let page = escaped(&format!("http://{host}/{UPSTREAM}/releases"));
    let updated = releases.first().map_or("1970-01-01T00:00:00Z", |newest| newest.date.as_str());
    let mut document = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-US">
  <id>tag:github.com,2008:{page}</id>
  <link type="text/html" rel="alternate" href="{page}"/>
  <link type="application/atom+xml" rel="self" href="{page}.atom"/>
  <title>Release notes from greet</title>
  <updated>{updated}</updated>
"#
    );
    for Release { tag, date, author, title } in releases {
        let (tag, author, title) = (escaped(tag), escaped(author), escaped(title));
        write!(
            document,
            r#"  <entry>
    <id>tag:github.com,2008:Repository/1/{tag}</id>
    <updated>{date}</updated>
    <link rel="alternate" type="text/html" href="{page}/tag/{tag}"/>
    <title>{title}</title>
    <content type="html">&lt;p&gt;{title}&lt;/p&gt;</content>
    <author><name>{author}</name></author>
  </entry>
"#
        )
        .expect("a String takes every character");
    }
    document + "</feed>\n"
}

/// The text with what XML reserves as references; Git's tags hold no control characters.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{parse::feed::parse, watch::EventKind};

    #[test]
    fn the_document_reads_back_as_its_releases() {
        let list = "v2&<3>\x002026-11-22T18:55:54+02:00\0A & \"B\"\0News & <notes>\nv1\x002026-01-02T03:04:05Z\0\0one";
        let releases: Vec<Release> = list.lines().filter_map(release).collect();
        let url = "http://127.0.0.1:80/acme/greet/releases.atom".parse().unwrap();
        let document = parse(document("127.0.0.1:80", &releases).as_bytes(), &url, EventKind::Release).unwrap();
        assert!(document.unusable.is_empty());
        let entries: Vec<_> = document
            .entries
            .iter()
            .map(|entry| (entry.key.as_str(), entry.title.as_deref().unwrap(), entry.published_at.unwrap().seconds()))
            .collect();
        assert_eq!(entries, [("v2&<3>", "News & <notes>", 1_795_366_554), ("v1", "one", 1_767_323_045)]);
        assert_eq!(document.entries[0].author.as_deref(), Some("A & \"B\""));
    }

    #[test]
    fn a_feed_without_releases_is_a_document_too() {
        let url = "http://127.0.0.1/acme/greet/releases.atom".parse().unwrap();
        let document = parse(document("127.0.0.1", &[]).as_bytes(), &url, EventKind::Release).unwrap();
        assert!(document.entries.is_empty());
    }
}
