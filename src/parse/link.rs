//! What the URLs of forges say: a tag, a commit, the path of a file.
//!
//! Each shape is one that a forge writes into its feeds: `tests/fixtures/feeds` has a sample of each.

use url::Url;

/// What follows one of these in a path, to its end, is a tag: GitHub, Gitea and Forgejo, GitLab, gitiles.
const TAG_MARKERS: [&str; 5] = ["/releases/tag/", "/-/releases/", "/-/tags/", "/src/tag/", "/+/refs/tags/"];
/// What follows one of these in a path is a commit: most forges; gitweb; Bitbucket; gitiles.
const COMMIT_MARKERS: [&str; 5] = ["/-/commit/", "/commit/", "/commitdiff/", "/commits/", "/+/"];

/// The tag that `url` is the page of, decoded once; `Err` with the reason if it is one that is not text.
///
/// A tag may contain `/`, so it is all of the path behind the marker.
///
/// # Errors
/// The bytes behind the marker are not UTF-8, so they are no tag that could be named here.
pub fn tag_in(url: &Url) -> Option<Result<String, &'static str>> {
    let encoded = TAG_MARKERS
        .iter()
        .find_map(|marker| url.path().split_once(marker).map(|(_, tag)| tag))
        .or_else(|| sourcehut_ref(url.path()))
        .map(|tag| tag.trim_end_matches('/'))
        .filter(|tag| !tag.is_empty());
    match encoded {
        Some(encoded) => Some(percent_decoded(encoded).ok_or("its tag is not UTF-8")),
        None => cgit_tag(url).or_else(|| gitweb_tag(url)).filter(|tag| !tag.is_empty()).map(Ok),
    }
}

/// `/~owner/repository/refs/TAG`.
fn sourcehut_ref(path: &str) -> Option<&str> {
    let mut segments = path.strip_prefix("/~")?.splitn(4, '/');
    let (_owner, _name, refs) = (segments.next()?, segments.next()?, segments.next()?);
    segments.next().filter(|tag| refs == "refs" && *tag != "rss.xml")
}

/// `…/tag/?h=TAG`, in older versions `id=TAG`.
fn cgit_tag(url: &Url) -> Option<String> {
    let path = url.path().trim_end_matches('/');
    let pair = |name: &str| url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    path.ends_with("/tag").then(|| pair("h").or_else(|| pair("id")))?
}

/// `…;h=refs/tags/TAG`.
fn gitweb_tag(url: &Url) -> Option<String> {
    let value = gitweb_value(url, "h")?;
    value.strip_prefix("refs/tags/").map(str::to_owned)
}

/// The value of a key in a query whose pairs are separated by `;`, as gitweb writes them.
#[must_use]
pub fn gitweb_value(url: &Url, key: &str) -> Option<String> {
    let pair = url.query()?.split([';', '&']).find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))?;
    percent_decoded(&pair.replace('+', " "))
}

/// The commit that `url` is the page of, in lower case.
#[must_use]
pub fn commit_in(url: &Url) -> Option<String> {
    let path = url.path().trim_end_matches('/');
    let in_path = COMMIT_MARKERS.iter().find_map(|marker| sha(path.rsplit_once(marker)?.1));
    in_path
        .or_else(|| {
            // A path filter makes it `/commit/FILE?id=SHA` in cgit.
            let cgit = path.ends_with("/commit") || path.contains("/commit/");
            cgit.then(|| url.query_pairs().find(|(name, _)| name == "id").and_then(|(_, value)| sha(&value)))?
        })
        .or_else(|| {
            let action = gitweb_value(url, "a")?;
            let of_commit = matches!(action.as_str(), "commit" | "commitdiff" | "log" | "shortlog");
            of_commit.then(|| sha(&gitweb_value(url, "h")?))?
        })
}

/// `text` in lower case if it is a whole SHA-1 or SHA-256 name of an object.
#[must_use]
pub fn sha(text: &str) -> Option<String> {
    let hex = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    // Git writes zeros for no object at all.
    (hex && text.bytes().any(|byte| byte != b'0')).then(|| text.to_ascii_lowercase())
}

/// The path of the file in a `SourceForge` project that `url` leads to: `/projects/P/files/PATH/download`.
#[must_use]
pub fn sourceforge_file(url: &Url) -> Option<String> {
    let (_, path) = url.path().strip_prefix("/projects/")?.split_once("/files/")?;
    percent_decoded(path.strip_suffix("/download").filter(|path| !path.is_empty())?)
}

/// The fragment of `url`, or else its last path segment, decoded once.
///
/// A query could be what tells one page from another, so a URL with one has no tail.
#[must_use]
pub fn tail(url: &Url) -> Option<String> {
    if let Some(fragment) = url.fragment().filter(|fragment| !fragment.is_empty()) {
        return percent_decoded(fragment);
    }
    let segment = url.path().trim_end_matches('/').rsplit('/').next()?;
    (url.query().is_none() && !segment.is_empty()).then(|| percent_decoded(segment))?
}

/// `text` with `%XX` replaced once; `None` if that is not UTF-8.
#[must_use]
pub fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|hex| byte == b'%' && hex.iter().all(u8::is_ascii_hexdigit));
        let value = hex.and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(value.unwrap_or(byte));
        rest = if value.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "3419342fdf47bd0659734dfe1bd5bcd7bf7904a9";

    #[test]
    fn tags_are_found_in_the_urls_of_every_forge() {
        #[track_caller]
        fn case(url: &str, expected: &str) {
            let found = tag_in(&url.parse().unwrap());
            let found = found.map_or("none".to_owned(), |tag| tag.unwrap_or_else(|reason| format!("error: {reason}")));
            assert_eq!(found, expected, "{url}");
        }
        case("https://hub.example/o/r/releases/tag/v1.2.3", "v1.2.3");
        case("https://hub.example/o/r/releases/tag/v1.2.3/", "v1.2.3");
        case("https://hub.example/o/r/releases/tag/tool%2Fv1.2", "tool/v1.2");
        case("https://hub.example/o/r/releases/tag/tool/v1.2?x=1#y", "tool/v1.2");
        case("https://hub.example/o/r/releases/tag/a%2Breleases/tag/b", "a+releases/tag/b");
        case("https://hub.example/o/r/releases/tag/100%2525", "100%25");
        case("https://hub.example/o/r/releases/tag/v1+b", "v1+b");
        case("https://hub.example/o/r/releases/tag/%ff", "error: its tag is not UTF-8");
        case("https://hub.example/o/r/releases/tag/", "none");
        case("https://lab.example/a/b/c/-/releases/v1.0", "v1.0");
        case("https://lab.example/a/b/-/tags/x/y", "x/y");
        case("https://tea.example/o/r/src/tag/v1.0", "v1.0");
        case("https://hut.example/~o/r/refs/1.0/rc1", "1.0/rc1");
        case("https://hut.example/~o/r/refs/rss.xml", "none");
        case("https://hut.example/~o/r/log/1.0", "none");
        case("https://cgit.example/r.git/tag/?h=v1.0%2bb", "v1.0+b");
        case("https://cgit.example/r.git/tag/?id=v1.0", "v1.0");
        case("https://cgit.example/r.git/tag?h=", "none");
        case("https://web.example/?p=r.git;a=tag;h=refs/tags/v1.0", "v1.0");
        case("https://web.example/?p=r.git;a=shortlog;h=refs%2Ftags%2Fa%2Fb", "a/b");
        case("https://web.example/?p=r.git;a=log;h=refs/heads/main", "none");
        case("https://hub.example/o/r/releases", "none");
    }

    #[test]
    fn commits_are_found_in_the_urls_of_every_forge() {
        #[track_caller]
        fn case(url: &str, found: bool) {
            let url: Url = url.replace("SHA", SHA).parse().unwrap();
            assert_eq!(commit_in(&url).as_deref(), found.then_some(SHA), "{url}");
        }
        case("https://hub.example/o/r/commit/SHA", true);
        case("https://hub.example/o/r/commit/SHA/", true);
        case(&format!("https://hub.example/o/r/commit/{}", SHA.to_uppercase()), true);
        case("https://lab.example/o/r/-/commit/SHA", true);
        case("https://hut.example/~o/r/commit/SHA", true);
        case("https://cgit.example/r/commit/?id=SHA", true);
        case("https://cgit.example/r/commit/src/a.c?h=main&id=SHA", true);
        case("https://web.example/w.cgi?p=r.git;a=commitdiff;h=SHA", true);
        case("https://web.example/w.cgi/r.git/commitdiff/SHA", true);
        case("https://web.example/w.cgi?p=r.git;a=tree;h=SHA", false);
        case("https://hub.example/o/r/commit/SHA.patch", false);
        case("https://hub.example/o/r/commit/69", false);
        case("https://hub.example/o/r/tree/SHA", false);
        case("https://hub.example/o/r/commit/0000000000000000000000000000000000000000", false);
        assert_eq!(sha(&"aB".repeat(32)), Some("ab".repeat(32)));
    }

    #[test]
    fn files_and_tails_are_found() {
        #[track_caller]
        fn case(url: &str, file: Option<&str>, last: Option<&str>) {
            let url: Url = url.parse().unwrap();
            assert_eq!((sourceforge_file(&url).as_deref(), tail(&url).as_deref()), (file, last), "{url}");
        }
        let file = "https://forge.example/projects/p/files/p/1.0/p%201.0.tgz/download";
        case(file, Some("p/1.0/p 1.0.tgz"), Some("download"));
        case("https://forge.example/projects/p/files/x", None, Some("x"));
        case("https://a.example/p/1.0/", None, Some("1.0"));
        case("https://a.example/p/1.0?id=1", None, None);
        case("https://a.example/news?x#v1.0", None, Some("v1.0"));
        case("https://a.example/", None, None);
    }
}
