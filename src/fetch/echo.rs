//! Our own secrets in somebody's answer.
//!
//! A private feed is asked for with a token in its query, and some servers repeat the address, token
//! and all, in the links of every entry. From there it would go into ids, the ledger, and the branch
//! that is pushed to a forge.

use super::shown::is_secret;
use std::borrow::Cow;
use url::Url;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";
/// The shortest value that is looked for, in bytes: a shorter one is part of ordinary words.
const SHORTEST: usize = 8;

/// `body` without the secrets that the queries of `urls` hold, as they stand there and decoded.
#[must_use]
pub fn without_echoes<'a>(body: &'a [u8], urls: &[&Url]) -> Cow<'a, [u8]> {
    let mut body = Cow::Borrowed(body);
    for secret in urls.iter().flat_map(|url| secrets(url)) {
        if let Some(changed) = replaced(&body, secret.as_bytes()) {
            body = Cow::Owned(changed);
        }
    }
    body
}

/// `link`, which a document of `url` names, with the secrets that [`without_echoes`] took from it.
#[must_use]
pub fn restored(link: &Url, url: &Url) -> Url {
    let pairs: Vec<(String, String)> = link.query_pairs().into_owned().collect();
    if pairs.iter().all(|(_, value)| value != HIDDEN) || link.origin() != url.origin() {
        return link.clone();
    }
    let ours = |name: &str| url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    let mut whole = link.clone();
    whole.query_pairs_mut().clear().extend_pairs(pairs.into_iter().map(|(name, value)| {
        let value = if value == HIDDEN { ours(&name).unwrap_or(value) } else { value };
        (name, value)
    }));
    whole
}

/// The values of secret parameters, as written and decoded, the longest first.
fn secrets(url: &Url) -> Vec<String> {
    let written = url.query().unwrap_or_default().split(['&', ';']).filter_map(|pair| pair.split_once('='));
    let written = written.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let decoded = url.query_pairs().into_owned();
    let mut found: Vec<String> = written
        .chain(decoded)
        .filter(|(name, value)| value.len() >= SHORTEST && is_secret(name, value))
        .map(|(_, value)| value)
        .collect();
    found.sort_by_key(|value| std::cmp::Reverse(value.len()));
    found.dedup();
    found
}

fn replaced(text: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    let mut changed = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(secret.len()).position(|window| window == secret) {
        changed.extend_from_slice(&rest[..at]);
        changed.extend_from_slice(HIDDEN.as_bytes());
        rest = &rest[at + secret.len()..];
    }
    if rest.len() == text.len() {
        return None;
    }
    changed.extend_from_slice(rest);
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_token_does_not_come_back() {
        #[track_caller]
        fn case(url: &str, body: &str, expected: &str) {
            let url: Url = url.parse().unwrap();
            let clean = without_echoes(body.as_bytes(), &[&url]);
            assert_eq!(String::from_utf8_lossy(&clean), expected);
        }
        let url = "https://forge.example/x?format=atom&feed_token=s3cr3t-token";
        case(url, "<link href=\"/v1?feed_token=s3cr3t-token\"/>s3cr3t-token", "<link href=\"/v1?feed_token=***\"/>***");
        case(url, "nothing of it", "nothing of it");
        // As it is written in the address, and as it is.
        case("https://h/x?key=a%2Bb%2Fcdefgh", "a%2Bb%2Fcdefgh a+b/cdefgh", "*** ***");
        // Not every word of a feed that is asked for with `?key=1`.
        case("https://h/x?key=1&page=12345678", "1 12345678", "1 12345678");
        case("https://h/x?p=r.git;api-key=abcdefgh", "abcdefgh", "***");
    }

    #[test]
    fn the_next_page_is_asked_for_with_the_token() {
        #[track_caller]
        fn case(link: &str, expected: &str) {
            let url: Url = "https://h/x?feed_token=s3cr3t-token&page=1".parse().unwrap();
            assert_eq!(restored(&link.parse().unwrap(), &url).as_str(), expected);
        }
        case("https://h/x?page=2&feed_token=***", "https://h/x?page=2&feed_token=s3cr3t-token");
        case("https://h/x?page=2", "https://h/x?page=2");
        case("https://h/x?other=***", "https://h/x?other=***");
        case("https://evil/x?feed_token=***", "https://evil/x?feed_token=***");
        case("http://h/x?feed_token=***", "http://h/x?feed_token=***");
    }
}
