//! A URL as errors, logs and reports may show it: without its secrets.

use crate::text::clipped;
use url::{Url, form_urlencoded};

/// Bytes of a URL that are shown.
const LONGEST: usize = 300;

/// Words that mark a query parameter as secret, wherever they are in its name.
const SECRET: [&str; 11] =
    ["token", "secret", "key", "pass", "pwd", "auth", "signature", "credential", "session", "jwt", "code"];

/// `url` on one line, without user, password, fragment, and the values of secret parameters.
///
/// Forges take tokens in the query (`feed_token=`, `private_token=`, `access_token=`), and their
/// links carry them on. A parameter is secret by its name; `&` and `;` both separate.
#[must_use]
pub fn shown(url: &Url) -> String {
    if url.cannot_be_a_base() {
        return format!("{}:***", url.scheme());
    }
    let mut bare = url.clone();
    bare.set_fragment(None);
    let had_user = !url.username().is_empty() || url.password().is_some();
    // Both fail only for a URL without a host, and such a URL has no user.
    let _ = bare.set_password(None);
    let _ = bare.set_username(if had_user { "***" } else { "" });
    if let Some(query) = url.query() {
        bare.set_query(Some(&query.split_inclusive(['&', ';']).map(hidden).collect::<String>()));
    }
    let text = bare.as_str();
    match clipped(text, LONGEST) {
        whole if whole.len() == text.len() => whole.to_owned(),
        part => format!("{part}..."),
    }
}

/// One parameter with its separator, its value hidden if its name says so.
fn hidden(parameter: &str) -> String {
    let (bare, separator) = match parameter.strip_suffix(['&', ';']) {
        Some(bare) => (bare, &parameter[bare.len()..]),
        None => (parameter, ""),
    };
    let Some((name, _)) = bare.split_once('=') else { return parameter.to_owned() };
    let decoded = form_urlencoded::parse(name.as_bytes()).next().map(|(name, _)| name.to_ascii_lowercase());
    if decoded.is_some_and(|decoded| SECRET.iter().any(|word| decoded.contains(word))) {
        format!("{name}=***{separator}")
    } else {
        parameter.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        #[track_caller]
        fn case(url: &str, expected: &str) {
            assert_eq!(shown(&url.parse().unwrap()), expected);
        }
        case("https://example.org/a.atom", "https://example.org/a.atom");
        case("https://example.org/-/tags?format=atom&limit=9", "https://example.org/-/tags?format=atom&limit=9");
        case("https://example.org/x?feed_token=s3&b=c", "https://example.org/x?feed_token=***&b=c");
        case("https://example.org/x?a=b&PRIVATE_TOKEN=s3", "https://example.org/x?a=b&PRIVATE_TOKEN=***");
        case("https://example.org/x?p=r.git;api-key=s=3;h=b", "https://example.org/x?p=r.git;api-key=***;h=b");
        case("https://example.org/x?private%5Ft%6Fken=s3", "https://example.org/x?private%5Ft%6Fken=***");
        case("https://example.org/x?Authorization=s3&client_secret=s&pass=x", {
            "https://example.org/x?Authorization=***&client_secret=***&pass=***"
        });
        case("https://me:s3@example.org/x", "https://***@example.org/x");
        case("https://s3@example.org/x", "https://***@example.org/x");
        case("https://example.org/x#access_token=s3", "https://example.org/x");
        case("https://example.org/\u{1b}[31m", "https://example.org/%1B[31m");
        case("data:text/plain,s3", "data:***");
    }

    #[test]
    fn a_long_url_is_cut() {
        let url = format!("https://example.org/{}", "x".repeat(5000)).parse().unwrap();
        assert_eq!(shown(&url).len(), LONGEST + 3);
    }
}
