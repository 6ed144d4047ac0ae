//! What makes an entry itself: its tag, commit, version or path, as far as a document shows it.
//!
//! Never a title of prose, a date, or an id that a parser made up: a retitled, re-dated or re-served
//! entry is not news.

use crate::parse::link;
use crate::watch::EventKind;
use git2::Reference;
use url::Url;

/// The longest key taken, in bytes.
pub const LONGEST: usize = 4096;

/// What a document shows of an entry.
#[derive(Clone, Debug, Default)]
pub struct Shown<'a> {
    /// The id that the feed itself gives, without surrounding white space; never one made up.
    pub id: Option<&'a str>,
    /// The links, the ones to the entry itself first.
    pub links: &'a [Url],
    /// The title.
    pub title: Option<&'a str>,
}

/// An entry's identity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// What makes the entry itself.
    pub key: String,
    /// The tag's short name, when there is one that Git would accept.
    pub tag: Option<String>,
    /// The commit, when it is shown.
    pub sha: Option<String>,
    /// Whether two entries with this key must be the same one.
    pub sure: bool,
}

/// The identity of an entry of a release feed, or of a feed of commits.
///
/// # Errors
/// The reason why it has none.
pub fn identity(shown: &Shown, event: EventKind) -> Result<Identity, &'static str> {
    let identity = match event {
        EventKind::Release => release(shown)?,
        EventKind::Branch => {
            let sha = commit(shown).ok_or("neither its links nor its id show a commit")?;
            Identity { key: sha.clone(), tag: None, sha: Some(sha), sure: true }
        }
    };
    checked(&identity.key).map(|()| identity)
}

/// Refuses a key that no id can have: ids are handed on in the environment, and shown everywhere.
///
/// Git itself allows U+0080 to U+009F in a ref's name, and they command a terminal as ESC does.
///
/// # Errors
/// What is wrong with it.
pub fn checked(key: &str) -> Result<(), &'static str> {
    if key.len() > LONGEST {
        return Err("its key is too long");
    }
    if key.contains(char::is_control) {
        return Err("its key has control characters");
    }
    Ok(())
}

fn release(shown: &Shown) -> Result<Identity, &'static str> {
    if let Some(tag) = forge_tag(shown) {
        let tag = tag?;
        if !is_tag_name(&tag) {
            return Err("no Git ref could have this name");
        }
        return Ok(Identity { key: tag.clone(), tag: Some(tag), sha: commit_link(shown), sure: true });
    }
    let id_url = shown.id.and_then(web_url);
    let sure = |key| (key, true);
    let tail = |url: &Url| link::tail(url).filter(|tail| looks_like_version(tail)).map(|key| (key, false));
    let found = shown
        .id
        .and_then(kernel_version)
        .or_else(|| shown.links.iter().chain(&id_url).find_map(link::sourceforge_file))
        .map(sure)
        .or_else(|| id_url.as_ref().and_then(tail))
        .or_else(|| shown.id.is_none().then(|| version_without_id(shown))?);
    let (key, sure) = match found {
        Some(found) => found,
        None if commit(shown).is_some() => return Err("it is a commit, and the watch is for releases"),
        None => match (shown.id, shown.links.first()) {
            (Some(id), _) => (id.to_owned(), true),
            (None, Some(link)) => (link.to_string(), false),
            (None, None) => return Err("it has no id, link or version"),
        },
    };
    let tag = (looks_like_version(&key) && is_tag_name(&key)).then(|| key.clone());
    Ok(Identity { key, tag, sha: commit_link(shown), sure })
}

/// The tag that a forge shows, in a link or in the id.
fn forge_tag(shown: &Shown) -> Option<Result<String, &'static str>> {
    let in_links = || shown.links.iter().find_map(link::tag_in);
    let in_id = || {
        let id = shown.id?;
        web_url(id).as_ref().and_then(link::tag_in).or_else(|| github_id_tag(id).map(|tag| Ok(tag.to_owned())))
    };
    in_links().or_else(in_id)
}

/// `tag:HOST,DATE:Repository/NUMBER/TAG`: all that follows, as it is (it is no URL path).
fn github_id_tag(id: &str) -> Option<&str> {
    let (_, path) = id.strip_prefix("tag:")?.split_once(":Repository/")?;
    let (number, tag) = path.split_once('/')?;
    (number.bytes().all(|byte| byte.is_ascii_digit()) && !tag.is_empty()).then_some(tag)
}

/// An id that is a URL, also behind the number that Gitea and Forgejo put before it: `5: https://…`.
#[must_use]
pub fn web_url(id: &str) -> Option<Url> {
    let numbered = id.split_once(": ").filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
    let url = Url::parse(numbered.map_or(id, |(_, url)| url)).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// `kernel.org,BRANCH,VERSION,DATE`.
fn kernel_version(id: &str) -> Option<String> {
    let mut fields = id.split(',').map(str::trim);
    let (host, _branch, version, _date) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    (host == "kernel.org" && !version.is_empty()).then(|| version.to_owned())
}

/// The version that an entry without an id has in its title or its link.
fn version_without_id(shown: &Shown) -> Option<(String, bool)> {
    let words: Vec<&str> = shown.title.unwrap_or_default().split_whitespace().take(3).collect();
    let version = |word: &&str| looks_like_version(word);
    let title = match words[..] {
        [word] => Some(word).filter(version),
        [name, word] if shown.links.is_empty() && name.starts_with(char::is_alphabetic) => Some(word).filter(version),
        _ => None,
    };
    let link = || shown.links.iter().filter_map(link::tail).find(|tail| looks_like_version(tail));
    title.map(str::to_owned).or_else(link).map(|key| (key, false))
}

fn commit(shown: &Shown) -> Option<String> {
    commit_link(shown).or_else(|| {
        let id = shown.id?;
        match web_url(id) {
            Some(url) => link::commit_in(&url),
            // `tag:HOST,DATE:Grit::Commit/SHA`, `urn:sha1:SHA`, or the sha alone.
            None => id.rsplit(['/', ':']).next().and_then(link::sha),
        }
    })
}

fn commit_link(shown: &Shown) -> Option<String> {
    shown.links.iter().find_map(link::commit_in)
}

/// Whether Git would accept `name` as a tag's short name (git-check-ref-format), and its commands
/// would not take it for an option.
#[must_use]
pub fn is_tag_name(name: &str) -> bool {
    !name.starts_with('-') && Reference::is_valid_name(&format!("refs/tags/{name}"))
}

const SUFFIX_WORDS: [&str; 24] = [
    "alpha",
    "beta",
    "rc",
    "cr",
    "pre",
    "preview",
    "dev",
    "snapshot",
    "nightly",
    "canary",
    "milestone",
    "final",
    "ga",
    "release",
    "post",
    "patch",
    "hotfix",
    "sp",
    "lts",
    "stable",
    "build",
    "rev",
    "test",
    "esr",
];

/// Whether `text` is a version and nothing else: `1.2.3`, `v7`, `tool-1.2rc1`, `REL_16_2`, `2026.05.01`.
///
/// Strict, because a slug (`whats-new-in-1.2`), a post's number or a date must not pass for one: one
/// word at most before the numbers, only the usual words after them.
#[must_use]
pub fn looks_like_version(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '~');
    if text.len() > 100 || !text.chars().all(allowed) {
        return false;
    }
    let after_word = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let word = text[..text.len() - after_word.len()].to_ascii_lowercase();
    let numbers = after_word.strip_prefix(['-', '_', '.']).filter(|_| !word.is_empty()).unwrap_or(after_word);
    let numbers = numbers.strip_prefix(['v', 'V']).unwrap_or(numbers);
    let suffix = numbers.trim_start_matches(|c: char| c.is_ascii_digit());
    if suffix.len() == numbers.len() {
        return false;
    }
    let (count, suffix) = more_numbers(suffix);
    let said_so = matches!(word.as_str(), "v" | "release" | "rel" | "version");
    (count > 0 || said_so) && is_version_suffix(suffix)
}

/// How many `.NUMBER` or `_NUMBER` `text` begins with, and what follows.
fn more_numbers(text: &str) -> (usize, &str) {
    let mut count = 0;
    let mut rest = text;
    while let Some(after) =
        rest.strip_prefix(['.', '_']).filter(|after| after.starts_with(|c: char| c.is_ascii_digit()))
    {
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        count += 1;
    }
    (count, rest)
}

fn is_version_suffix(suffix: &str) -> bool {
    let (suffix, _build) = suffix.split_once('+').unwrap_or((suffix, ""));
    let parts = suffix.strip_prefix(['-', '_', '.', '~']).unwrap_or(suffix);
    suffix.is_empty()
        || parts.split(['-', '_', '.', '~']).all(|part| {
            let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
            word.len() < 2 && !part.is_empty() || SUFFIX_WORDS.contains(&word.to_ascii_lowercase().as_str())
        })
}

#[cfg(test)]
mod tests;
