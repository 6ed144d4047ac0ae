//! What the URLs of forges tell: which repository they belong to, where its feeds are.
//!
//! Pure knowledge, no request is made. Well-known hosts are known by name, self-hosted forges by the
//! shape of their paths.

mod candidates;
pub mod parent;
mod place;

pub use candidates::{feed_candidates, previous_page};
use place::Place;
use serde::Serialize;
use std::fmt;
use url::Url;

use crate::watch::WatchName;

/// The software that serves a repository or a feed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// GitHub, and GitHub Enterprise.
    Github,
    /// GitLab.
    Gitlab,
    /// Gitea, Forgejo and Codeberg.
    Gitea,
    /// sourcehut.
    Sourcehut,
    /// cgit.
    Cgit,
    /// gitweb.
    Gitweb,
    /// kernel.org's list of releases.
    Kernel,
    /// `SourceForge`.
    Sourceforge,
    /// A Git repository of which no more is known.
    Git,
}

impl Provider {
    /// The name in lower case, as an event's payload has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Gitea => "gitea",
            Self::Sourcehut => "sourcehut",
            Self::Cgit => "cgit",
            Self::Gitweb => "gitweb",
            Self::Kernel => "kernel",
            Self::Sourceforge => "sourceforge",
            Self::Git => "git",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A repository as its URLs name it. Names come from URLs that a stranger may have written.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Repository {
    /// What serves it.
    pub provider: Provider,
    /// User, group or folder; subgroups are separated by `/`.
    pub owner: Option<String>,
    /// Its own name, without `.git`.
    pub name: String,
}

impl Repository {
    /// `owner/name`, or the name alone.
    #[must_use]
    pub fn full_name(&self) -> String {
        self.owner.as_ref().map_or_else(|| self.name.clone(), |owner| format!("{owner}/{}", self.name))
    }
}

/// The repository whose feed this is, if the URL has the shape of a forge's feed.
#[must_use]
pub fn repository_of_feed(url: &Url) -> Option<Repository> {
    Place::of_feed(url)?.repository()
}

/// The repository that a remote's URL leads to: `https`, `ssh`, `git`, `host:path`, or a path.
///
/// A path on this machine has a name, but no owner.
#[must_use]
pub fn repository_of_remote(url: &str) -> Option<Repository> {
    Place::of_remote(url)?.repository()
}

/// Whether a feed and a remote are of the same repository.
///
/// Scheme, port, user, `.git`, and a `www.` or `ssh.` before the host make no difference; nor does
/// case, but for servers that show a file system.
#[must_use]
pub fn same_repository(feed: &Url, remote_url: &str) -> bool {
    let (Some(feed), Some(remote)) = (Place::of_feed(feed), Place::of_remote(remote_url)) else { return false };
    let same_case = matches!(feed.provider, Provider::Cgit | Provider::Gitweb);
    let (one, other) = (feed.path.join("/"), remote.path.join("/"));
    feed.host == remote.host && (one == other || !same_case && one.eq_ignore_ascii_case(&other))
}

/// Whether two remotes' URLs lead to one repository of a host; of paths on this machine it says nothing.
#[must_use]
pub fn same_remote(one: &str, other: &str) -> bool {
    let (Some(one), Some(other)) = (Place::of_remote(one), Place::of_remote(other)) else { return false };
    !one.host.is_empty() && one.host == other.host && one.path.join("/").eq_ignore_ascii_case(&other.path.join("/"))
}

/// Whether the URL is one of a feed rather than of a page, as far as a URL tells.
#[must_use]
pub fn looks_like_feed(url: &Url) -> bool {
    if !matches!(url.scheme(), "http" | "https") {
        return false;
    }
    let last = url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let file = [".atom", ".rss", ".rdf", ".xml"].iter().any(|end| last.ends_with(end)) || last == "feed.json";
    let asked = url
        .query_pairs()
        .any(|(name, value)| name == "feed" || name == "format" && matches!(&*value, "atom" | "rss" | "rss2"));
    // A repository may be called `atom`, so these words mean a feed only where no forge is known.
    let word = matches!(&*last, "feed" | "feeds" | "rss" | "atom");
    file || asked || Place::of_feed(url).is_some() || word && place::known_host(&place::host_of(url)).is_none()
}

/// A watch name made of what the URL is called: the repository, or the host of any other feed.
#[must_use]
pub fn suggested_name(url: &str) -> Option<WatchName> {
    let name = match Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https")) {
        None => repository_of_remote(url)?.name,
        Some(url) if looks_like_feed(&url) => {
            repository_of_feed(&url).map_or_else(|| place::host_of(&url), |repository| repository.name)
        }
        Some(url) => candidates::page_name(&url)?,
    };
    let mut safe = String::new();
    for c in name.chars().take(100) {
        let c = if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
        if !(matches!(c, '-' | '.') && safe.ends_with(['-', '.'])) {
            safe.push(c);
        }
    }
    safe.trim_matches(['-', '.']).parse().ok()
}

#[cfg(test)]
mod tests;
