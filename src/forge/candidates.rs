//! Where the feeds of a repository are, seen from any of its pages.

use super::place::{self, known_host};
use super::{Place, Provider, looks_like_feed};
use crate::parse::link::gitweb_value;
use crate::watch::EventKind;
use std::num::NonZeroU32;
use url::Url;

/// What comes after a repository's path on the pages of forges.
const PAGES: [&str; 27] = [
    "-", "releases", "tags", "commits", "commit", "branches", "src", "tree", "blob", "raw", "issues", "pulls", "pull",
    "wiki", "actions", "activity", "settings", "refs", "log", "summary", "about", "diff", "snapshot", "plain", "stats",
    "archive", "graphs",
];

/// How many entries GitLab's commit feeds show, unless asked for another number.
const GITLAB_COMMITS: u32 = 40;

/// A page taken apart: the server, and the repository's path on it.
struct Page {
    server: Url,
    provider: Option<Provider>,
    path: Vec<String>,
}

impl Page {
    fn of(page: &Url) -> Option<Self> {
        let host = place::host_of(page);
        let segments = place::segments_of(page);
        let web = matches!(page.scheme(), "http" | "https");
        let provider = match known_host(&host) {
            None if gitweb_value(page, "p").is_some() => Some(Provider::Gitweb),
            None if segments.first().is_some_and(|first| first.starts_with('~')) => Some(Provider::Sourcehut),
            None if segments.iter().any(|segment| segment == "-") => Some(Provider::Gitlab),
            None if segments.first().is_some_and(|first| first == "cgit") => Some(Provider::Cgit),
            known => known,
        };
        // What a clone URL says of the web is known for well-known hosts only.
        let server = if web { page.clone() } else { Url::parse(&format!("https://{host}/")).ok()? };
        let known = web || provider.is_some();
        let path = path_of(provider, page, &segments)?;
        known.then_some(Self { server, provider, path })
    }

    /// The URL below the repository's path; `git` says whether a `.git` at its end stays.
    fn below(&self, git: bool, rest: &[&str], query: Option<&str>) -> Option<Url> {
        let mut url = without_user(&self.server)?;
        url.set_query(query);
        let path = if git { self.path.clone() } else { place::without_git(self.path.clone())? };
        url.path_segments_mut().ok()?.clear().extend(path).extend(rest);
        Some(url)
    }
}

fn path_of(provider: Option<Provider>, page: &Url, segments: &[String]) -> Option<Vec<String>> {
    let cut = |least: usize| {
        let end =
            segments.iter().enumerate().position(|(at, segment)| at >= least && PAGES.contains(&segment.as_str()));
        segments[..end.unwrap_or(segments.len())].to_vec()
    };
    let path = match provider {
        Some(Provider::Github | Provider::Gitea | Provider::Sourcehut) => segments.get(..2)?.to_vec(),
        Some(Provider::Gitlab) => {
            // Before 2019 there was no dash; no project may be called like these pages.
            let ends = |segment: &String| matches!(segment.as_str(), "-" | "tree" | "blob" | "raw" | "commits");
            let end = segments.iter().position(ends).unwrap_or(segments.len());
            Some(segments[..end].to_vec()).filter(|path| path.len() >= 2)?
        }
        Some(Provider::Cgit) => cut(1),
        Some(Provider::Gitweb) => gitweb_value(page, "p")?.split('/').map(str::to_owned).collect(),
        Some(Provider::Kernel) => vec!["linux".to_owned()],
        Some(Provider::Sourceforge) => {
            let [kind, name, ..] = segments else { return None };
            Some(vec![name.clone()]).filter(|_| matches!(kind.as_str(), "projects" | "p"))?
        }
        Some(Provider::Git) | None => cut(2),
    };
    (!path.is_empty()).then_some(path)
}

/// The name of the repository that a page belongs to.
pub fn page_name(page: &Url) -> Option<String> {
    place::without_git(Page::of(page)?.path)?.pop()
}

/// The feeds to try for a repository's page, or any URL below it or a clone URL, best first.
///
/// Exactly one where the forge is known. None if the URL is already one of a feed, or if the forge
/// has no such feed: Bitbucket; releases with cgit and gitweb; a branch of Gitea without its name.
/// Then the Git refs are what to watch. A branch watch without a `branch` follows HEAD.
///
/// Tags rather than releases on GitLab and Gitea: their feed of tags has the releases too, and many
/// projects only tag. GitHub's feed of releases has the notes, and the tags where there are no releases.
#[must_use]
pub fn feed_candidates(page: &Url, event: EventKind, branch: Option<&str>) -> Vec<Url> {
    let Some(page) = Page::of(page).filter(|_| !looks_like_feed(page)) else { return Vec::new() };
    let tried: &[Provider] = match (page.provider, event) {
        (Some(known), _) => &[known],
        // Of an unknown forge, those first that answer no other forge's URLs.
        (None, EventKind::Release) => &[Provider::Gitlab, Provider::Gitea, Provider::Github],
        (None, EventKind::Branch) => &[Provider::Gitlab, Provider::Gitea, Provider::Github, Provider::Cgit],
    };
    tried
        .iter()
        .filter_map(|provider| match event {
            EventKind::Release => releases(&page, *provider),
            EventKind::Branch => commits(&page, *provider, branch),
        })
        .collect()
}

fn releases(page: &Page, provider: Provider) -> Option<Url> {
    match provider {
        Provider::Github => page.below(false, &["releases.atom"], None),
        Provider::Gitlab => page.below(false, &["-", "tags"], Some("format=atom")),
        Provider::Gitea => page.below(false, &["tags.atom"], None),
        Provider::Sourcehut => page.below(false, &["refs", "rss.xml"], None),
        Provider::Kernel => Url::parse("https://www.kernel.org/feeds/kdist.xml").ok(),
        Provider::Sourceforge => {
            let mut url = Url::parse("https://sourceforge.net/projects").ok()?;
            url.path_segments_mut().ok()?.extend(&page.path).push("rss");
            url.set_query(Some("limit=200"));
            Some(url)
        }
        Provider::Cgit | Provider::Gitweb | Provider::Git => None,
    }
}

fn commits(page: &Page, provider: Provider, branch: Option<&str>) -> Option<Url> {
    let words: Vec<&str> = branch.into_iter().flat_map(|branch| branch.split('/')).collect();
    match (provider, branch) {
        (Provider::Github, None) => page.below(false, &["commits.atom"], None),
        (Provider::Github, Some(branch)) => {
            let file = format!("commits/{branch}.atom");
            page.below(false, &file.split('/').collect::<Vec<_>>(), None)
        }
        // `/-/commits` redirects to a page, not to a feed.
        (Provider::Gitlab, None) => page.below(false, &["-", "commits", "HEAD"], Some("format=atom")),
        (Provider::Gitlab, Some(_)) => {
            page.below(false, &[&["-", "commits"], &words[..]].concat(), Some("format=atom"))
        }
        (Provider::Gitea, Some(_)) => page.below(false, &[&["atom", "branch"], &words[..]].concat(), None),
        (Provider::Sourcehut, _) => page.below(false, &[&["log"], &words[..], &["rss.xml"]].concat(), None),
        (Provider::Cgit, _) => {
            let mut url = page.below(true, &["atom", ""], None)?;
            if let Some(branch) = branch {
                url.query_pairs_mut().append_pair("h", branch);
            }
            Some(url)
        }
        (Provider::Gitweb, _) => {
            let mut url = without_user(&page.server)?;
            let head = branch.map(|branch| format!(";h=refs/heads/{}", escaped(branch))).unwrap_or_default();
            url.set_query(Some(&format!("p={};a=atom{head}", escaped(&page.path.join("/")))));
            Some(url)
        }
        _ => None,
    }
}

/// `text` without what would end a value in a query whose separator is `;`; the rest a URL escapes itself.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('&', "%26").replace(';', "%3B").replace('+', "%2B")
}

fn without_user(url: &Url) -> Option<Url> {
    let mut bare = url.clone();
    bare.set_fragment(None);
    bare.set_username("").ok()?;
    bare.set_password(None).ok()?;
    Some(bare)
}

/// The page of older entries behind the feed's window; `None` if the forge has no such thing.
///
/// `oldest_key` is the last entry of the page at hand. A server may ignore what is asked and answer
/// the same page again: the caller sees that nothing on it is new. Secrets in the query are kept.
#[must_use]
pub fn previous_page(feed: &Url, oldest_key: &str) -> Option<Url> {
    let provider = Place::of_feed(feed)?.provider;
    let number = |name: &str| {
        let (_, value) = feed.query_pairs().find(|(found, _)| found == name)?;
        value.parse::<NonZeroU32>().ok().map(NonZeroU32::get)
    };
    let segments = place::segments_of(feed);
    match provider {
        Provider::Github if matches!(segments.last()?.as_str(), "releases.atom" | "tags.atom") => {
            Some(with_pair(feed, "after", oldest_key))
        }
        Provider::Gitlab if segments.iter().any(|segment| segment == "commits") => {
            let next = number("offset").unwrap_or(0).checked_add(number("limit").unwrap_or(GITLAB_COMMITS))?;
            Some(with_pair(feed, "offset", &next.to_string()))
        }
        Provider::Gitlab => Some(with_pair(feed, "page", &number("page").unwrap_or(1).checked_add(1)?.to_string())),
        _ => None,
    }
}

/// `url` with one pair of its query replaced or added.
fn with_pair(url: &Url, name: &str, value: &str) -> Url {
    let mut changed = url.clone();
    let others: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(found, _)| found != name).collect();
    changed.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
    changed
}
