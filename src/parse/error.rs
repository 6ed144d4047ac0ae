//! Why a document is no feed, and what to do about it.

use crate::parse::{feed::MOST, scan};
use crate::text::{clipped, printable};
use std::{error::Error, fmt};
use url::Url;

/// Why a feed document could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FeedError {
    /// The document has no bytes, or white space only.
    Empty,
    /// The document is an HTML page.
    Html {
        /// The feed that the page names as its own, absolute.
        feed: Option<Url>,
    },
    /// The document is something else.
    NotAFeed {
        /// What it is instead, safe to print.
        found: String,
    },
    /// The document ends before its root element does.
    Truncated,
    /// The document is a feed, but not well formed, and could not be mended.
    Malformed {
        /// What a parser said, one line, safe to print.
        detail: String,
    },
    /// The document has more entries than are read; see [`crate::parse::feed::MOST`].
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// The parser panicked on the document.
    Panicked,
}

impl FeedError {
    /// The document is a feed gone wrong, with what the parser said about it.
    #[must_use]
    pub fn malformed(detail: &str) -> Self {
        Self::Malformed { detail: printable(clipped(detail, 200)) }
    }

    /// The document is `found` instead of a feed.
    #[must_use]
    pub fn not_a_feed(found: &str) -> Self {
        Self::NotAFeed { found: printable(clipped(found, 100)) }
    }

    /// A short stable word for the kind of failure.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Html { .. } => "html",
            Self::NotAFeed { .. } => "not-a-feed",
            Self::Truncated => "cut-short",
            Self::Malformed { .. } => "malformed",
            Self::TooMany { .. } => "too-many",
            Self::Panicked => "parser",
        }
    }

    /// What to do about it, one line, safe to print.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Html { feed: Some(feed) } => format!("the page names its feed: {}", printable(feed.as_str())),
            Self::Html { feed: None } => {
                "the URL leads to a web page: check it in a browser, a private feed may want a login or token"
                    .to_owned()
            }
            Self::NotAFeed { .. } => "feeds are Atom, RSS or JSON Feed: check the URL".to_owned(),
            Self::Empty | Self::Truncated => "this is usually the server's or a proxy's passing trouble".to_owned(),
            Self::TooMany { .. } => "watch the repository's Git refs instead, as a watch of its remote does".to_owned(),
            Self::Malformed { .. } | Self::Panicked => {
                "tell whoever publishes the feed, or watch the repository's Git refs instead".to_owned()
            }
        })
    }
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the document is empty"),
            Self::Html { .. } => f.write_str("the document is an HTML page, not a feed"),
            Self::NotAFeed { found } => write!(f, "the document is not a feed but {found}"),
            Self::Truncated => f.write_str("the document is cut short"),
            Self::Malformed { detail } => write!(f, "the feed is malformed: {detail}"),
            Self::TooMany { count } => write!(f, "the feed has {count} entries, {MOST} are the limit"),
            Self::Panicked => f.write_str("the feed parser panicked on the document"),
        }
    }
}

impl Error for FeedError {}

const HTML_ELEMENTS: [&str; 12] =
    ["html", "head", "body", "meta", "script", "style", "link", "div", "p", "h1", "center", "table"];

/// Whether the root element is one of HTML's.
#[must_use]
pub fn is_html_element(name: &str) -> bool {
    HTML_ELEMENTS.iter().any(|element| element.eq_ignore_ascii_case(name))
}

/// The feed that an HTML page names as its own: Atom before RSS before JSON Feed.
///
/// See the autodiscovery of the RSS board and of HTML, section 4.6.7.1 (`rel=alternate`).
#[must_use]
pub fn feed_of_page(page: &[u8], base: &Url) -> Option<Url> {
    const TYPES: [&str; 3] = ["application/atom+xml", "application/rss+xml", "application/feed+json"];
    let page = &page[..page.len().min(256 * 1024)];
    let mut links: Vec<(usize, Url)> = starts_of_links(page)
        .filter_map(|tag| {
            let value = |name: &str| {
                let (_, value) = scan::attributes_of(tag).find(|(found, _)| found.eq_ignore_ascii_case(name))?;
                Some(String::from_utf8_lossy(value).replace("&amp;", "&"))
            };
            let alternate = value("rel")?.split_ascii_whitespace().any(|rel| rel.eq_ignore_ascii_case("alternate"));
            let media_type = value("type")?.trim().to_ascii_lowercase();
            let rank = TYPES.iter().position(|known| media_type == *known).filter(|_| alternate)?;
            let feed = base.join(value("href")?.trim()).ok()?;
            matches!(feed.scheme(), "http" | "https").then_some((rank, feed))
        })
        .collect();
    links.sort_by_key(|(rank, _)| *rank);
    links.into_iter().next().map(|(_, feed)| feed)
}

/// The insides of all `<link …>` tags.
fn starts_of_links(page: &[u8]) -> impl Iterator<Item = &[u8]> {
    page.split(|byte| *byte == b'<').filter_map(|piece| {
        let named = piece.get(..4)?.eq_ignore_ascii_case(b"link") && piece.get(4)?.is_ascii_whitespace();
        named.then(|| piece.split(|byte| *byte == b'>').next().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_tell_their_feed() {
        #[track_caller]
        fn case(page: &str, expected: Option<&str>) {
            let base: Url = "https://forge.example/o/r".parse().unwrap();
            assert_eq!(feed_of_page(page.as_bytes(), &base).as_ref().map(Url::as_str), expected, "{page}");
        }
        case(
            "<LINK rel=stylesheet href=x.css><link rel='alternate' type='application/rss+xml' href='a.rss'>\
             <link href=\"/o/r/releases.atom?a=1&amp;b=2\" type=application/atom+xml rel=\"alternate home\" />",
            Some("https://forge.example/o/r/releases.atom?a=1&b=2"),
        );
        case(
            "<link rel=alternate type=application/rss+xml href=//other.example/a.rss>",
            Some("https://other.example/a.rss"),
        );
        case("<link rel=alternate type=application/atom+xml href='javascript:x'>", None);
        case("<link rel=alternate type=text/html href=/de>", None);
        case("<links rel=alternate type=application/atom+xml href=/x>", None);
        case("<link", None);
    }

    #[test]
    fn errors_are_one_safe_line() {
        let errors = [
            FeedError::Empty,
            FeedError::Html { feed: None },
            FeedError::Html { feed: Some("https://a.example/f".parse().unwrap()) },
            FeedError::not_a_feed("a\nb\u{1b}"),
            FeedError::Truncated,
            FeedError::malformed(&"x\n".repeat(500)),
            FeedError::TooMany { count: 10_001 },
            FeedError::Panicked,
        ];
        for error in errors {
            for line in [Some(error.to_string()), error.hint()].into_iter().flatten() {
                assert!(!line.contains(crate::text::is_unsafe) && line.len() < 700, "{line}");
                assert!(line.starts_with(char::is_lowercase), "{line}");
            }
        }
    }
}
