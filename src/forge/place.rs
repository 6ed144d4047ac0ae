//! The place of a repository: host and path, however its URL is written.

use super::{Provider, Repository};
use crate::parse::link::{gitweb_value, percent_decoded};
use url::Url;

/// A repository's place. Two URLs of one repository have the same host and path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// What serves it, by host or by the shape of the path.
    pub provider: Provider,
    /// In lower case, without port, `www.` and `ssh.`; empty for a path on this machine.
    pub host: String,
    /// The segments, decoded; the last without `.git`.
    pub path: Vec<String>,
}

impl Place {
    /// The place of the repository whose feed this is.
    pub fn of_feed(url: &Url) -> Option<Self> {
        let host = host_of(url);
        let segments = segments_of(url);
        let known = known_host(&host);
        let (shape, path) = match known {
            Some(Provider::Kernel) => kernel_feed(&segments),
            Some(Provider::Sourceforge) => sourceforge_feed(&segments),
            _ => gitweb_feed(url)
                .or_else(|| gitlab_feed(url, &segments))
                .or_else(|| sourcehut_feed(&segments))
                .or_else(|| gitea_feed(&segments, known))
                .or_else(|| github_feed(&segments, &host))
                .or_else(|| cgit_feed(url, &segments, known)),
        }?;
        Some(Self { provider: known.unwrap_or(shape), host, path: without_git(path)? })
    }

    /// The place that a remote's URL leads to.
    pub fn of_remote(text: &str) -> Option<Self> {
        let text = text.trim();
        let (host, path) = if text.contains("://") {
            let url = Url::parse(text).ok()?;
            (host_of(&url), segments_of(&url))
        } else if let Some((host, path)) = scp_like(text) {
            (normal(host), split(path))
        } else {
            (String::new(), split(text))
        };
        let mut path = without_git(path)?;
        if host.is_empty() {
            path.drain(..path.len() - 1);
        }
        let provider = known_host(&host).unwrap_or(Provider::Git);
        if provider == Provider::Sourceforge && path.len() == 3 && path[0] == "p" {
            // `git.code.sf.net/p/PROJECT/REPOSITORY`: releases belong to the project.
            path = vec![path.swap_remove(1)];
        }
        Some(Self { provider, host, path })
    }

    /// Owner and name. A forge may itself live below a path, which is no owner.
    pub fn repository(&self) -> Option<Repository> {
        let (name, owners) = self.path.split_last()?;
        let two_levels = matches!(self.provider, Provider::Github | Provider::Gitea | Provider::Sourcehut);
        let owners = if two_levels { &owners[owners.len().saturating_sub(1)..] } else { owners };
        let owner = Some(owners.join("/")).filter(|owner| !owner.is_empty());
        Some(Repository { provider: self.provider, owner, name: name.clone() })
    }
}

/// What is known to run on a host, by its name.
pub fn known_host(host: &str) -> Option<Provider> {
    let label = host.split('.').next().filter(|label| label.len() + 1 < host.len())?;
    match (host, label) {
        (_, "github") => Some(Provider::Github),
        ("invent.kde.org" | "framagit.org" | "0xacab.org" | "code.videolan.org", _) | (_, "gitlab") => {
            Some(Provider::Gitlab)
        }
        ("code.forgejo.org", _) | (_, "codeberg" | "gitea" | "forgejo") => Some(Provider::Gitea),
        ("git.sr.ht", _) => Some(Provider::Sourcehut),
        ("git.kernel.org" | "git.zx2c4.com" | "git.savannah.gnu.org", _) | (_, "cgit") => Some(Provider::Cgit),
        (_, "gitweb") => Some(Provider::Gitweb),
        ("kernel.org", _) => Some(Provider::Kernel),
        ("sourceforge.net", _) => Some(Provider::Sourceforge),
        ("bitbucket.org", _) => Some(Provider::Git),
        _ => None,
    }
}

/// The host of a URL as [`Place`] has it.
pub fn host_of(url: &Url) -> String {
    normal(url.host_str().unwrap_or_default())
}

fn normal(host: &str) -> String {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let bare = ["www.", "ssh.", "altssh."].iter().find_map(|prefix| host.strip_prefix(prefix));
    let host = bare.filter(|bare| bare.contains('.')).unwrap_or(&host);
    match host.strip_suffix("sourceforge.net").or_else(|| host.strip_suffix("sf.net")) {
        Some(prefix) if prefix.is_empty() || prefix.ends_with('.') => "sourceforge.net".to_owned(),
        _ => host.to_owned(),
    }
}

/// The path's segments, decoded.
pub fn segments_of(url: &Url) -> Vec<String> {
    split(url.path()).into_iter().map(|segment| percent_decoded(&segment).unwrap_or(segment)).collect()
}

fn split(path: &str) -> Vec<String> {
    path.split('/').filter(|segment| !matches!(*segment, "" | ".")).map(str::to_owned).collect()
}

/// `user@host:path` and `[host:port]:path`, as git-clone(1) has them; a helper's `name::` is none.
fn scp_like(text: &str) -> Option<(&str, &str)> {
    let text = text.rsplit_once('@').filter(|(user, _)| !user.contains(['/', ':'])).map_or(text, |(_, rest)| rest);
    let (host, path) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:").map(|(host, path)| (host.split(':').next().unwrap_or(host), path))?,
        None => text.split_once(':')?,
    };
    (!host.is_empty() && !host.contains('/') && !path.starts_with(':')).then_some((host, path))
}

/// The segments of a repository's path without `.git`; `None` if there is no name left.
pub fn without_git(mut path: Vec<String>) -> Option<Vec<String>> {
    if path.len() > 1 && path.last().is_some_and(|last| last == ".git") {
        path.pop();
    }
    let last = path.last_mut()?;
    if let Some(bare) = last.strip_suffix(".git") {
        *last = bare.to_owned();
    }
    (!last.is_empty() && last != ".." && !last.contains("::")).then_some(path)
}

type Shape = Option<(Provider, Vec<String>)>;

fn shape(provider: Provider, path: &[String]) -> Shape {
    (!path.is_empty()).then(|| (provider, path.to_vec()))
}

/// `/feeds/kdist.xml`.
fn kernel_feed(segments: &[String]) -> Shape {
    (segments.first()? == "feeds").then(|| (Provider::Kernel, vec!["linux".to_owned()]))
}

/// `/projects/P/rss`.
fn sourceforge_feed(segments: &[String]) -> Shape {
    let [projects, name, rss, ..] = segments else { return None };
    (projects == "projects" && rss == "rss").then(|| (Provider::Sourceforge, vec![name.clone()]))
}

/// `?p=PATH;a=atom`.
fn gitweb_feed(url: &Url) -> Shape {
    let action = gitweb_value(url, "a")?;
    let path = gitweb_value(url, "p")?;
    if matches!(action.as_str(), "atom" | "rss") { shape(Provider::Gitweb, &split(&path)) } else { None }
}

/// `/GROUP/…/NAME/-/tags?format=atom`; before 2019 without the dash.
fn gitlab_feed(url: &Url, segments: &[String]) -> Shape {
    let is_atom = url.query_pairs().any(|(name, value)| name == "format" && value == "atom")
        || segments.last()?.strip_suffix(".atom").is_some();
    let of_list = |segment: &String| segment == "tags" || segment == "commits";
    let end = segments.iter().position(|segment| segment == "-").or_else(|| {
        let old = url.query_pairs().any(|(name, _)| name == "format");
        segments.iter().position(of_list).filter(|_| old)
    });
    end.filter(|end| is_atom && *end >= 2).and_then(|end| shape(Provider::Gitlab, &segments[..end]))
}

/// `/~owner/name/refs/rss.xml`, `/~owner/name/log/REF/rss.xml`.
fn sourcehut_feed(segments: &[String]) -> Shape {
    let fits = segments.len() > 3 && segments[0].starts_with('~') && segments.last()? == "rss.xml";
    if fits { shape(Provider::Sourcehut, &segments[..2]) } else { None }
}

/// `/OWNER/NAME/atom/branch/B`, `/OWNER/NAME/releases.rss`, and the repository's own `/OWNER/NAME.rss`.
fn gitea_feed(segments: &[String], known: Option<Provider>) -> Shape {
    let branch = segments.windows(2).position(|pair| matches!(pair[0].as_str(), "atom" | "rss") && pair[1] == "branch");
    if let Some(end) = branch.filter(|end| *end >= 2) {
        return shape(Provider::Gitea, &segments[..end]);
    }
    let (last, before) = segments.split_last()?;
    if before.len() >= 2 && matches!(last.as_str(), "releases.rss" | "tags.rss") {
        return shape(Provider::Gitea, before);
    }
    let name = last.strip_suffix(".atom").or_else(|| last.strip_suffix(".rss"))?;
    let own = known == Some(Provider::Gitea) && before.len() == 1;
    own.then(|| (Provider::Gitea, vec![before[0].clone(), name.to_owned()]))
}

/// `/OWNER/NAME/releases.atom`, which Gitea has too, and `/OWNER/NAME/commits/BRANCH.atom`, which only GitHub has.
fn github_feed(segments: &[String], host: &str) -> Shape {
    let (last, before) = segments.split_last()?;
    if before.len() >= 2 && matches!(last.as_str(), "releases.atom" | "tags.atom") {
        let provider = if host.contains("github") { Provider::Github } else { Provider::Gitea };
        return shape(provider, before);
    }
    if before.len() >= 2 && last == "commits.atom" {
        return shape(Provider::Github, before);
    }
    let end = before.iter().position(|segment| segment == "commits").filter(|end| *end >= 2)?;
    if last.strip_suffix(".atom").is_some() { shape(Provider::Github, &segments[..end]) } else { None }
}

/// `/PATH/atom/?h=BRANCH`, with a file's path before the `?` if only that is followed.
fn cgit_feed(url: &Url, segments: &[String], known: Option<Provider>) -> Shape {
    if known.is_some_and(|known| known != Provider::Cgit) {
        return None;
    }
    let end = segments.iter().rposition(|segment| segment == "atom").filter(|end| *end >= 1)?;
    let asked = url.query_pairs().any(|(name, _)| name == "h") || url.path().ends_with("/atom/");
    if asked { shape(Provider::Cgit, &segments[..end]) } else { None }
}
