//! Git's words and a remote's, fit to be shown and kept.

use crate::text::{clipped, printable};
use url::Url;

/// The longest quotation, in bytes.
const WORDS: usize = 600;

/// What Git and the remote wrote to standard error, as one line without what says nothing.
pub(super) fn words(stderr: &str) -> String {
    let lines = stderr.split(['\n', '\r']).filter_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("fatal: ").or_else(|| line.strip_prefix("error: ")).unwrap_or(line);
        let noise =
            ["", "remote:", "and the repository exists.", "Please make sure you have the correct access rights"];
        let idle = line.starts_with("hint:")
            || line.starts_with("failed to push some refs to ")
            || line.starts_with("Could not read from remote repository");
        (!idle && !noise.contains(&line)).then_some(line)
    });
    let line = printable(&redacted(&lines.collect::<Vec<_>>().join("; ")));
    let kept = clipped(&line, WORDS);
    if kept.len() < line.len() { format!("{kept}…") } else { line }
}

/// `text` without the secrets that a URL in it may carry: what stands before the `@`, and the query.
///
/// Of a URL that is none by the URL standard, such as one with a `/` in its password, and of
/// `user:password@host`, everything up to the last `@` before white space goes. The user name of
/// ssh is kept, it is no secret. A web token may stand in place of the name.
#[must_use]
pub fn redacted(text: &str) -> String {
    text.split_inclusive(char::is_whitespace).map(redacted_word).collect()
}

/// As [`redacted`], for text with white space at its end only.
fn redacted_word(word: &str) -> String {
    let mut kept = String::with_capacity(word.len());
    let mut rest = word;
    if !word.contains("://")
        && let Some((secret, host)) = word.rsplit_once('@')
        && secret.contains(':')
    {
        let start = secret.find(|c| !is_mark(c)).unwrap_or(0);
        return format!("{}***@{host}", &secret[..start]);
    }
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        kept.push_str(before);
        let ssh = before.ends_with("ssh://");
        let end = url.find(|c: char| c.is_whitespace() || is_mark(c)).unwrap_or(url.len());
        // A mark within a password ends no URL.
        let end = url
            .rfind('@')
            .filter(|at| *at >= end && !url[end..].contains("://"))
            .map_or(end, |_| url.find(char::is_whitespace).unwrap_or(url.len()));
        let (url, after) = url.split_at(end);
        let (user, place) = user_and_place(url);
        if let Some(user) = user {
            match user.split_once(':') {
                Some((name, _)) if ssh => kept.extend([name, ":***@"]),
                None if ssh => kept.extend([user, "@"]),
                _ => kept.push_str("***@"),
            }
        }
        match place.split_once('?') {
            Some((place, _)) => kept.extend([place, "?***"]),
            None => kept.push_str(place),
        }
        rest = after;
    }
    kept + rest
}

fn is_mark(c: char) -> bool {
    matches!(c, '\'' | '"' | '<' | '>' | '`')
}

/// Splits what follows the `://` of a URL at the `@` behind its user and password, if it has any.
///
/// Whoever writes a URL does not always write a `/` in a password as `%2F`. What stands before the
/// first `/` is then no host with its port, or a host without a dot.
fn user_and_place(rest: &str) -> (Option<&str>, &str) {
    let authority = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let Some(last) = rest.rfind('@') else { return (None, rest) };
    let url = Url::parse(&format!("https://{rest}")).ok();
    let has_host = |url: &Url| url.domain().is_none_or(|host| host.contains('.') || host == "localhost");
    let end = match rest[..authority].rfind('@') {
        // As it should be; what follows is a path, and may have an `@` of its own.
        Some(end) if url.is_some() => end,
        // A path alone, or one with `/@scope/name`, or with a tag such as `name@1.0`.
        None if authority == 0 || url.as_ref().is_some_and(has_host) => return (None, rest),
        None if rest[..last].ends_with('/') && !rest[..authority].contains(':') => return (None, rest),
        _ => last,
    };
    (Some(&rest[..end]), &rest[end + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_urls_are_not_shown() {
        #[track_caller]
        fn case(text: &str, expected: &str) {
            assert_eq!(redacted(text), expected);
        }
        case("no url", "no url");
        case("'https://token@h/x' and http://u:p@h:80/y.", "'https://***@h/x' and http://***@h:80/y.");
        case("https://u:p@ss@h/x", "https://***@h/x");
        case("ssh://git@h/x ssh://git:p@h/x", "ssh://git@h/x ssh://git:***@h/x");
        case("git@h:x", "git@h:x");
        case("https://h/@scope/x", "https://h/@scope/x");
        case("https://h/x?private_token=abc\nmore", "https://h/x?***\nmore");
        case("ends with https://", "ends with https://");
        case("https://forge.example/releases/tag/pkg@1.0", "https://forge.example/releases/tag/pkg@1.0");
        case("file:///srv/a@b/c", "file:///srv/a@b/c");
    }

    #[test]
    fn secrets_in_what_is_almost_a_url_are_not_shown() {
        #[track_caller]
        fn case(text: &str, expected: &str) {
            assert_eq!(redacted(text), expected);
            assert_eq!(redacted(&format!("fatal: '{text}' no\n")), format!("fatal: '{expected}' no\n"));
        }
        case("https://user:sec/ret@host/o/r", "https://***@host/o/r");
        case("https://user:80/ret@host/o/r", "https://***@host/o/r");
        case("https://user:se?c#r\\et@host/o/r?q=1", "https://***@host/o/r?***");
        case("https://user:@/s@ec@host/o/r", "https://***@host/o/r");
        case("https://user:secret@host:84x/", "https://***@host:84x/");
        case("https://to/ken@host/o/r", "https://***@host/o/r");
        case("https://user:se'c\"ret@host/o/r", "https://***@host/o/r");
        case("ssh://git:sec/ret@host/o/r", "ssh://git:***@host/o/r");
        case("u:SEKRIT@h", "***@h");
        case("me@mail.example:SEKRIT@h/x", "***@h/x");
        case("git@host.example:o/r", "git@host.example:o/r");
    }

    #[test]
    fn words_that_are_no_url_are_shown() {
        for text in ["git@host.example: Permission denied", "a: b@c", "x@y", "refs/heads/a:refs/heads/b", "'a':'b'"] {
            assert_eq!(redacted(text), text);
        }
        assert_eq!(redacted("'https://a@h/x','https://b@h/y'"), "'https://***@h/x','https://***@h/y'");
    }
}
