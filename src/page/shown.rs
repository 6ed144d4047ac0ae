//! What strangers wrote, times, commits and links, as the page shows them.

use crate::{fetch::shown::shown, git::redacted, report::words::short, text, time::Timestamp};
use askama::{Template, filters::HtmlSafe};
use std::borrow::Cow;
use url::Url;

/// The longest line of free text, in bytes.
const LINE: usize = 400;

/// An instant: for machines, and for people.
#[derive(Clone, Debug, Eq, PartialEq, Template)]
#[template(ext = "html", source = r#"<time datetime="{{ iso }}">{{ words }}</time>"#)]
pub struct Moment {
    /// RFC 3339.
    pub iso: String,
    /// To the minute, in UTC.
    pub words: String,
}

/// A commit: its beginning for people, the whole for copying.
#[derive(Clone, Debug, Eq, PartialEq, Template)]
#[template(ext = "html", source = r#"<code title="{{ full }}">{{ short }}</code>"#)]
pub struct Commit {
    /// The first ten digits.
    pub short: String,
    /// All of them.
    pub full: String,
}

/// A ref and the commit that it held.
#[derive(Clone, Debug, Eq, PartialEq, Template)]
#[template(
    ext = "html",
    source = "<code>{{ name }}</code>{% if let Some(commit) = commit %} = {{ commit }}{% endif %}"
)]
pub struct Reference {
    /// Its name, without `refs/heads/`.
    pub name: String,
    /// Its commit, if that is known.
    pub commit: Option<Commit>,
}

/// An address, which is a link only where following it is safe.
#[derive(Clone, Debug, Eq, PartialEq, Template)]
#[template(
    ext = "html",
    source = r#"{% if let Some(href) = href %}<a href="{{ href }}" rel="noopener noreferrer">{{ text }}</a>{% else %}{{ text }}{% endif %}"#
)]
pub struct Address {
    /// The address without secrets.
    pub text: String,
    /// Where the link leads.
    pub href: Option<String>,
}

// Their templates have escaped what is in them.
impl HtmlSafe for Moment {}
impl HtmlSafe for Commit {}
impl HtmlSafe for Reference {}
impl HtmlSafe for Address {}

/// Free text on one line, without secrets of URLs, not longer than the page can bear.
#[must_use]
pub fn line(text: &str) -> String {
    clipped(text, LINE)
}

/// As [`line()`], of at most `max` bytes before escaping.
#[must_use]
pub fn clipped(text: &str, max: usize) -> String {
    // Cut first, a secret might lose the mark that it is known by.
    let text = redacted(text.trim());
    let kept = text::clipped(&text, max);
    let more = if kept.len() < text.len() { "…" } else { "" };
    text::printable(kept.trim_end()) + more
}

/// An instant.
#[must_use]
pub fn moment(at: Timestamp) -> Moment {
    let iso = at.to_string();
    let words = format!("{} {} UTC", &iso[..10], &iso[11..16]);
    Moment { iso, words }
}

/// A commit.
#[must_use]
pub fn commit(sha: &str) -> Commit {
    let full = clipped(sha, 64);
    Commit { short: short(&full).to_owned(), full }
}

/// A ref.
#[must_use]
pub fn reference(name: &str, sha: Option<&str>) -> Reference {
    Reference { name: line(name.trim_start_matches("refs/heads/")), commit: sha.map(commit) }
}

/// An address: a link if it leads to a web page, and shows all there is to it.
#[must_use]
pub fn address(text: &str) -> Address {
    let Ok(url) = Url::parse(text) else { return Address { text: line(text), href: None } };
    let shown = shown(&url);
    let is_safe = matches!(url.scheme(), "http" | "https") && shown == url.as_str();
    Address { href: is_safe.then(|| shown.clone()), text: text::printable(&shown) }
}

/// A word of a command, as a shell takes it: a name of ours, in which there is no URL.
#[must_use]
pub fn word(text: &str) -> String {
    let text = text::printable(text);
    shlex::try_quote(&text).map(Cow::into_owned).unwrap_or_default()
}

/// The name in `Name <address>`: a page for everybody tells nobody's address.
#[must_use]
pub fn person(name: &str) -> String {
    let bare = name.split_once('<').map_or(name, |(name, _)| name);
    if bare.trim().is_empty() && !name.contains('@') { line(name) } else { line(bare) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_pages_without_secrets_are_links() {
        #[track_caller]
        fn case(text: &str, shown: &str, is_link: bool) {
            let address = address(text);
            assert_eq!((address.text.as_str(), address.href.is_some()), (shown, is_link), "{address:?}");
        }
        case("https://git.example/v1", "https://git.example/v1", true);
        case("http://git.example/\"><script>", "http://git.example/%22%3E%3Cscript%3E", true);
        case("https://git.example/\u{202e}v1", "https://git.example/%E2%80%AEv1", true);
        case("https://git.example/v1?private_token=s3", "https://git.example/v1?private_token=***", false);
        case("https://me:s3@git.example/v1", "https://***@git.example/v1", false);
        case("javascript:alert(1)", "javascript:***", false);
        case(" JavaScript:alert(1)", "javascript:***", false);
        case("data:text/html,<script>", "data:***", false);
        case("file:///etc/passwd", "file:///etc/passwd", false);
        case("ssh://git@git.example/a", "ssh://***@git.example/a", false);
        case("v1\u{202e}", "v1\\u{202e}", false);
    }

    #[test]
    fn text_is_one_printable_line_without_secrets() {
        #[track_caller]
        fn case(text: &str, expected: &str) {
            assert_eq!(clipped(text, 30), expected);
        }
        case(" <b>\n\u{202e} ", "<b>\\n\\u{202e}");
        case("no https://me:s3@git.example", "no https://***@git.example");
        case("https://me:s3cr3t-that-is-rather-long@git.example", "https://***@git.example");
        case("123456789 123456789 123456789 123456789", "123456789 123456789 123456789…");
        assert_eq!(person("Ann <ann@example.org>"), "Ann");
        assert_eq!(person("<ann@example.org>"), "");
        assert_eq!(person("<b>Ann"), "<b>Ann");
        assert_eq!(moment("2026-01-02T03:04:05Z".parse().unwrap()).words, "2026-01-02 03:04 UTC");
        assert_eq!(commit("78a6e5a1da363da6a6732b806290a6b3ab2c76ca").short, "78a6e5a1da");
        assert_eq!(reference("refs/heads/a/b", None).name, "a/b");
    }
}
