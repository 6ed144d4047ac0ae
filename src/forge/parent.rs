//! What a forge tells everybody, without a token, of what a repository is a fork of.
//!
//! GitHub, Gitea and Forgejo name the parent in the JSON of a public repository. GitLab leaves it out for whoever
//! is not logged in, so it is not asked.

use super::{
    Provider,
    place::{Place, known_host},
};
use crate::{fetch::redirect, git::checked_remote};
use serde_json::Value;
use url::Url;

/// What a forge says of a repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Parentage {
    /// It is a fork of the repository with this URL.
    ForkOf(String),
    /// It is no fork.
    Original,
}

/// Where the forge of a remote tells of what it is a fork; `None` if there is no such place.
///
/// A forge that is not known by its host's name is taken for Gitea or Forgejo: those are what people run themselves.
#[must_use]
pub fn page(remote: &str) -> Option<Url> {
    let place = Place::of_remote(remote)?;
    let [below @ .., owner, name] = place.path.as_slice() else { return None };
    if place.host.is_empty() {
        return None;
    }
    let mut url = server(remote, &place.host)?;
    let (below, api): (&[String], &[&str]) = match known_host(&place.host) {
        Some(Provider::Github) if place.host == "github.com" => {
            url.set_host(Some("api.github.com")).ok()?;
            (&[], &["repos"])
        }
        Some(Provider::Github) => (&[], &["api", "v3", "repos"]),
        Some(Provider::Gitea) | None => (below, &["api", "v1", "repos"]),
        Some(_) => return None,
    };
    url.path_segments_mut().ok()?.clear().extend(below).extend(api).extend([owner, name]);
    Some(url)
}

/// The web server beside a remote: its own over http, and that of the same host else.
fn server(remote: &str, host: &str) -> Option<Url> {
    let own = Url::parse(remote.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(mut url) = own else { return Url::parse(&format!("https://{host}/")).ok() };
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// What the document at a [`page`] says; `None` if it is no such document.
///
/// It is a stranger's word: a parent that would not be taken for a remote counts as not told, and so does one
/// where the page may not lead.
#[must_use]
pub fn parentage(document: &[u8], page: &Url) -> Option<Parentage> {
    let document: Value = serde_json::from_slice(document).ok()?;
    if document.get("fork")? == &Value::Bool(false) {
        return Some(Parentage::Original);
    }
    let url = document.get("parent")?.get("clone_url")?.as_str()?;
    let may_be = Url::parse(url).is_ok_and(|url| redirect::may_name(page, &url)) && checked_remote(url).is_ok();
    may_be.then(|| Parentage::ForkOf(url.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forges_are_asked_where_they_tell() {
        #[track_caller]
        fn case(remote: &str, expected: Option<&str>) {
            assert_eq!(page(remote).as_ref().map(Url::as_str), expected, "{remote}");
        }
        case("https://github.com/me/widget.git", Some("https://api.github.com/repos/me/widget"));
        case("git@github.com:me/widget.git", Some("https://api.github.com/repos/me/widget"));
        case("ssh://git@ssh.github.com:443/me/widget.git", Some("https://api.github.com/repos/me/widget"));
        case("https://github.corp.example/me/widget", Some("https://github.corp.example/api/v3/repos/me/widget"));
        case("https://codeberg.org/me/widget.git", Some("https://codeberg.org/api/v1/repos/me/widget"));
        case("git@git.example:me/widget.git", Some("https://git.example/api/v1/repos/me/widget"));
        case(
            "http://me@git.example:3000/forge/me/widget?x#y",
            Some("http://git.example:3000/forge/api/v1/repos/me/widget"),
        );
        case("https://gitlab.com/me/widget.git", None);
        case("https://git.sr.ht/~me/widget", None);
        case("https://bitbucket.org/me/widget", None);
        case("https://git.example/widget.git", None);
        case("../me/widget.git", None);
        case("/srv/me/widget.git", None);
        case("file:///srv/me/widget.git", None);
    }

    #[test]
    fn only_a_parent_that_could_be_a_remote_is_believed() {
        #[track_caller]
        fn case(document: &str, expected: &str) {
            let told = match parentage(document.as_bytes(), &"https://git.example/".parse().unwrap()) {
                Some(Parentage::ForkOf(url)) => url,
                Some(Parentage::Original) => "no fork".to_owned(),
                None => "not told".to_owned(),
            };
            assert_eq!(told, expected, "{document}");
        }
        let fork = |url: &str| format!(r#"{{"fork":true,"parent":{{"full_name":"o/r","clone_url":"{url}"}}}}"#);
        let url = "https://git.example/o/r.git";
        case(&fork(url), url);
        case(r#"{"fork":false,"parent":null}"#, "no fork");
        case(r#"{"fork":true,"parent":null}"#, "not told");
        case(&fork("ext::sh -c touch% x"), "not told");
        case(&fork("--upload-pack=x"), "not told");
        case(&fork("https://me:secret@git.example/o/r.git"), "not told");
        case(&fork("file:///etc"), "not told");
        case(&fork("http://git.example/o/r.git"), "not told");
        case(&fork("https://192.168.1.1/o/r.git"), "not told");
        case(r#"{"message":"Not Found"}"#, "not told");
        case(r#"["fork"]"#, "not told");
        case("<html>", "not told");
    }
}
