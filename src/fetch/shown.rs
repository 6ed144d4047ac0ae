//! A URL as errors, logs and reports may show it: without its secrets.

use crate::text::clipped;
use url::{Url, form_urlencoded};

/// Bytes of a URL that are shown.
const LONGEST: usize = 300;

/// Words that mark a query parameter as secret, wherever they are in its name.
const SECRET: [&str; 11] =
    ["token", "secret", "key", "pass", "pwd", "auth", "signature", "credential", "session", "jwt", "code"];

/// Whole names of secret parameters, too short to be looked for inside of others.
const SECRET_NAMES: [&str; 3] = ["sig", "sid", "pat"];

/// How the tokens of forges begin: GitHub's, GitLab's, and web tokens.
const TOKENS: [&str; 10] = ["ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "gldt-", "glft-", "eyJ"];

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
    match bare.split_once('=') {
        Some((name, value)) if is_secret(name, value) => format!("{name}=***{separator}"),
        None if is_token(bare) => format!("***{separator}"),
        _ => parameter.to_owned(),
    }
}

/// Whether a parameter is secret, by its name or by what its value looks like.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    let decoded = form_urlencoded::parse(name.as_bytes()).next().map(|(name, _)| name.to_ascii_lowercase());
    is_token(value)
        || decoded.is_some_and(|decoded| {
            SECRET.iter().any(|word| decoded.contains(word)) || SECRET_NAMES.contains(&&*decoded)
        })
}

/// Whether a text begins as the tokens of forges do.
#[must_use]
pub fn is_token(text: &str) -> bool {
    TOKENS.iter().any(|prefix| text.starts_with(prefix))
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
        case("https://example.org/x?sig=s3&design=round", "https://example.org/x?sig=***&design=round");
        case("https://example.org/x?a=glpat-s3&ghp_s3", "https://example.org/x?a=***&***");
        case("data:text/plain,s3", "data:***");
    }

    #[test]
    fn a_long_url_is_cut() {
        let url = format!("https://example.org/{}", "x".repeat(5000)).parse().unwrap();
        assert_eq!(shown(&url).len(), LONGEST + 3);
    }
}
