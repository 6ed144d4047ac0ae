//! Git's words and a remote's, fit to be shown and kept.

use crate::text::{clipped, printable};

/// The longest quotation, in bytes.
const WORDS: usize = 600;

pub(super) fn contains_ignoring_case(text: &str, phrase: &str) -> bool {
    let (text, phrase) = (text.as_bytes(), phrase.as_bytes());
    text.windows(phrase.len()).any(|window| window.eq_ignore_ascii_case(phrase))
}

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
/// The user name of ssh is kept, it is no secret. A web token may stand in place of the name.
#[must_use]
pub fn redacted(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        kept.push_str(before);
        let ssh = before.ends_with("ssh://");
        let end =
            url.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '<' | '>' | '`')).unwrap_or(url.len());
        let (url, after) = url.split_at(end);
        let (place, query) = url.split_once('?').map_or((url, None), |(place, query)| (place, Some(query)));
        let authority = place.find('/').unwrap_or(place.len());
        match place[..authority].rfind('@') {
            Some(at) => {
                match place[..at].split_once(':') {
                    Some((name, _)) if ssh => kept.extend([name, ":***"]),
                    None if ssh => kept.push_str(&place[..at]),
                    _ => kept.push_str("***"),
                }
                kept.push_str(&place[at..]);
            }
            None => kept.push_str(place),
        }
        if query.is_some() {
            kept.push_str("?***");
        }
        rest = after;
    }
    kept + rest
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
    }
}
