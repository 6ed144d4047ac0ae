//! A mistake in the configuration: key, value, file, what is wrong, what to do.

use super::key;
use crate::{
    fetch::shown::shown,
    git::{ConfigEntry, redacted},
    text,
    watch::WatchName,
};
use std::fmt;
use url::Url;

/// A mistake in the configuration.
#[derive(Clone, Debug)]
pub struct Mistake {
    /// The key as written, such as `watch.upstream.feeed`.
    pub key: String,
    /// The value; `None` where it has none, or the key itself is the mistake.
    pub value: Option<String>,
    /// Where it is set, as Git tells it: `file:.git/config`.
    pub origin: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Mistake {
    /// A value that is wrong.
    #[must_use]
    pub fn value(entry: &ConfigEntry, problem: String) -> Self {
        Self {
            key: key::spelled(entry),
            value: entry.value.as_deref().map(without_secrets),
            origin: Some(entry.origin.clone()),
            problem,
            hint: Some(match entry.scope.as_str() {
                // Not set at all yet: an option that would have been written.
                "option" => "nothing was written; give another value".to_owned(),
                "command" => "mend it where it is set: by `git -c`, or by GIT_CONFIG_ variables".to_owned(),
                "global" => "mend it in that file, as with `git config --global --edit`".to_owned(),
                "system" => "mend it in that file, as with `git config --system --edit`".to_owned(),
                _ => "mend it in that file, as with `git config --edit`".to_owned(),
            }),
        }
    }

    /// A key that is wrong.
    #[must_use]
    pub fn key(entry: &ConfigEntry, problem: &str, hint: Option<&str>) -> Self {
        Self {
            key: key::spelled(entry),
            value: None,
            origin: Some(entry.origin.clone()),
            problem: problem.to_owned(),
            hint: hint.map(str::to_owned),
        }
    }

    /// A watch that looks at nothing.
    #[must_use]
    pub fn without_source(name: &WatchName, origin: Option<&ConfigEntry>) -> Self {
        Self {
            key: format!("watch.{name}"),
            value: None,
            origin: origin.map(|entry| entry.origin.clone()),
            problem: "it has neither a feed nor a remote, and there is no remote `upstream`".to_owned(),
            hint: Some(format!(
                "set one: `git config watch.{name}.feed URL` or `git config watch.{name}.remote REMOTE`"
            )),
        }
    }

    /// Two watches whose names differ only in case.
    #[must_use]
    pub fn twin(first: &WatchName, second: &WatchName, origin: Option<&ConfigEntry>) -> Self {
        Self {
            key: format!("watch.{second}"),
            value: None,
            origin: origin.map(|entry| entry.origin.clone()),
            problem: format!("its name differs from `{first}` only in case"),
            hint: Some(format!("rename one: `git config --rename-section watch.{second} watch.NEW`")),
        }
    }
}

/// A value as it may be shown: of a URL, or what was meant to be one, neither user nor password nor token.
fn without_secrets(value: &str) -> String {
    let url = Url::parse(value).ok().filter(Url::has_host);
    url.map_or_else(|| redacted(value), |url| shown(&url))
}

/// Where something is set, as Git tells it, for people: a file's path, or `command line`.
#[must_use]
pub fn place(origin: &str) -> &str {
    origin.strip_prefix("file:").unwrap_or(origin).trim_end_matches(':')
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", text::printable(&self.key))?;
        if let Some(value) = &self.value {
            write!(f, " = {}", text::printable(text::clipped(value, 200)))?;
        }
        if let Some(origin) = &self.origin {
            write!(f, " ({})", text::printable(place(origin)))?;
        }
        write!(f, ": {}", text::printable(&self.problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_without_secrets() {
        #[track_caller]
        fn case(value: &str, expected: &str) {
            assert_eq!(without_secrets(value), expected);
        }
        case("https://user:secret@h/x?private_token=abc", "https://***@h/x?private_token=***");
        case("https://user:sec/ret@host/o/r", "https://***@host/o/r");
        case("https://user:secret@host:84x/", "https://***@host:84x/");
        case("u:SEKRIT@h", "***@h");
        case("git@host:o/r", "git@host:o/r");
        case("v*", "v*");
    }
}
