//! One value of the configuration, read and checked.

use super::key::nearest;
use crate::{
    carry::pick::Landed,
    channel::Promote,
    git::checked_remote,
    watch::{EventKind, Policy, Target},
};
use git2::Reference;
use globset::{Glob, GlobBuilder};
use semver::VersionReq;
use std::{collections::BTreeMap, path::PathBuf, time::Duration};
use url::Url;

fn one_of<T: Copy>(text: &str, values: &[(&str, T)]) -> Result<T, String> {
    let names = || values.iter().map(|(name, _)| *name);
    values.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| match nearest(text, names()) {
        Some(name) => format!("there is no such value; did you mean `{name}`?"),
        None => format!("there is no such value; it is one of {}", names().collect::<Vec<_>>().join(", ")),
    })
}

pub(super) fn feed(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("it is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("a feed is read over http or https; watch a Git repository with `remote` instead".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "it holds a user name or password, which would end up in logs; use a feed that needs none, or a \
                    token in its query, which is never shown; or watch the repository with `remote`, where Git's credential helpers apply"
                .to_owned(),
        );
    }
    Ok(url)
}

pub(super) fn remote(text: &str, remotes: &BTreeMap<String, String>) -> Result<String, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if !remotes.contains_key(text) && !text.contains(['/', ':']) {
        return Err(match nearest(text, remotes.keys().map(String::as_str)) {
            Some(name) => format!("there is no such remote; did you mean `{name}`?"),
            None if remotes.is_empty() => "there is no such remote; add it with `git remote add`".to_owned(),
            None => {
                format!(
                    "there is no such remote; there are {}",
                    remotes.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
                )
            }
        });
    }
    checked_remote(text)?;
    Ok(text.to_owned())
}

pub(super) fn event(text: &str) -> Result<EventKind, String> {
    one_of(text, &[("release", EventKind::Release), ("branch", EventKind::Branch)])
}

pub(super) fn policy(text: &str) -> Result<Policy, String> {
    one_of(text, &[("each", Policy::Each), ("latest", Policy::Latest)])
}

pub(super) fn landed(text: &str) -> Result<Landed, String> {
    one_of(text, &[("drop", Landed::Drop), ("keep", Landed::Keep), ("ask", Landed::Ask)])
}

/// A target; `None` is `none`.
pub(super) fn target(text: &str) -> Result<Option<Target>, String> {
    let values = [
        ("codex-flow", Some(Target::CodexFlow)),
        ("trigger-branch", Some(Target::TriggerBranch)),
        ("carry", Some(Target::Carry)),
        ("command", Some(Target::Command)),
        ("none", None),
    ];
    one_of(text, &values)
}

/// A glob over tags, and whether it leaves out. `*` takes slashes too: a tag is no path.
pub(super) fn glob(text: &str) -> Result<(bool, Glob), String> {
    let excluded = text.strip_prefix('!');
    match GlobBuilder::new(excluded.unwrap_or(text)).literal_separator(false).build() {
        Ok(glob) if !glob.glob().is_empty() => Ok((excluded.is_some(), glob)),
        Ok(_) => Err("a glob is missing".to_owned()),
        Err(error) => Err(format!("it is not a glob: {}", error.kind())),
    }
}

pub(super) fn versions(text: &str) -> Result<VersionReq, String> {
    text.parse().map_err(|error| format!("it is not a requirement such as `>=1.4, <3`: {error}"))
}

pub(super) fn branch(text: &str) -> Result<String, String> {
    let short = text.strip_prefix("refs/heads/").unwrap_or(text);
    if short.starts_with('-') || !Reference::is_valid_name(&format!("refs/heads/{short}")) {
        return Err("it is not a branch name".to_owned());
    }
    Ok(short.to_owned())
}

/// A branch, or all below a prefix: `patch/*`.
pub(super) fn stack(text: &str) -> Result<String, String> {
    branch(text.strip_suffix("/*").unwrap_or(text))?;
    Ok(text.strip_prefix("refs/heads/").unwrap_or(text).to_owned())
}

pub(super) fn words(text: &str) -> Result<Vec<String>, String> {
    match shlex::split(text) {
        Some(words) if words.first().is_some_and(|word| !word.is_empty()) => Ok(words),
        Some(_) => Err("it is empty".to_owned()),
        None => Err("a quote is not closed".to_owned()),
    }
}

/// As git-config(1), "Values"; a key without any value is true, and comes as `true`.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" | "" => Ok(false),
        _ => Err("it is neither true nor false".to_owned()),
    }
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds @ 1..=604_800) => Ok(Duration::from_secs(seconds)),
        _ => Err("it must be a number of seconds, from 1 to 604800 (a week)".to_owned()),
    }
}

pub(super) fn attempts(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(attempts @ 1..=1000) => Ok(attempts),
        _ => Err("it must be a number of attempts, from 1 to 1000".to_owned()),
    }
}

/// A number of days.
pub(super) fn days(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(days @ 1..=3650) => Ok(Duration::from_hours(days * 24)),
        _ => Err("it must be a number of days, from 1 to 3650".to_owned()),
    }
}

pub(super) fn promote(text: &str) -> Result<Promote, String> {
    one_of(text, &[("verified", Promote::Verified), ("landed", Promote::Landed), ("manual", Promote::Manual)])
}

pub(super) fn jobs(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(jobs @ 1..=1024) => Ok(jobs),
        _ => Err("it must be a number from 1 to 1024".to_owned()),
    }
}

/// A number with Git's units `k`, `m` and `g`.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let units = [('k', 1 << 10), ('m', 1 << 20), ('g', 1 << 30)];
    let unit = units.iter().find(|(letter, _)| text.to_ascii_lowercase().ends_with(*letter));
    let number = if unit.is_some() { &text[..text.len() - 1] } else { text };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit.map_or(1, |(_, bytes)| *bytes)));
    bytes
        .filter(|bytes| (1 << 10..=1 << 30).contains(bytes))
        .ok_or_else(|| "it must be a number of bytes, from 1k to 1g, such as `10m`".to_owned())
}

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err("it is not `key=value`".to_owned()),
    }
}

/// An absolute path; `~/` is the home directory, as in Git's own paths.
pub(super) fn directory(text: &str) -> Result<PathBuf, String> {
    let path = match (text.strip_prefix("~/"), directories::BaseDirs::new()) {
        (Some(rest), Some(base)) => base.home_dir().join(rest),
        _ => PathBuf::from(text),
    };
    if path.is_absolute() { Ok(path) } else { Err("it is not an absolute path".to_owned()) }
}

pub(super) fn ref_prefix(text: &str) -> Result<String, String> {
    let prefix = text.trim_end_matches('/');
    if prefix.starts_with("refs/") || prefix == "refs" {
        return Err(
            "it goes behind `refs/heads/` by itself; give the rest of the name, such as `patch-moi/`".to_owned()
        );
    }
    if prefix.starts_with(['-', '/']) || !Reference::is_valid_name(&format!("refs/heads/{prefix}/x")) {
        return Err("it is not the beginning of a branch name, such as `patch-moi/`".to_owned());
    }
    Ok(format!("{prefix}/"))
}
