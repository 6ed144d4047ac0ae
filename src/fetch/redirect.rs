//! Where a redirect may lead.

use super::error::Reason;
use super::network::names_local_host;
use super::shown::shown;
use url::Url;

/// Redirects followed for one document.
pub const MOST: usize = 5;

/// Whether the URL is one we ask at all: `http` or `https`, a host, no user and no password.
///
/// # Errors
/// [`Reason::Url`] with what is wrong.
pub fn check(url: &Url) -> Result<(), Reason> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Reason::Url(format!("only http and https are fetched, not `{}`", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Reason::Url("a user or password in a URL is refused".to_owned()));
    }
    Ok(())
}

/// The URL that `location`, the header's value, means in an answer of `from` (RFC 9110, section 10.2.2).
///
/// # Errors
/// [`Reason::Redirect`] if it is no URL, one that [`check`] refuses, or would leave https for http.
pub fn target(from: &Url, location: &[u8]) -> Result<Url, Reason> {
    let text = str::from_utf8(location).map_err(|_| Reason::Redirect("to an address that is not UTF-8".to_owned()))?;
    let mut to = from.join(text).map_err(|_| Reason::Redirect("to an address that is not a URL".to_owned()))?;
    to.set_fragment(None);
    match check(&to) {
        Err(Reason::Url(what)) => Err(Reason::Redirect(format!("to {}: {what}", shown(&to)))),
        Err(other) => Err(other),
        Ok(()) if from.scheme() == "https" && to.scheme() == "http" => {
            Err(Reason::Redirect(format!("from https to {}, which is not encrypted", shown(&to))))
        }
        Ok(()) => Ok(to),
    }
}

/// Whether a page at `from` may name `to` as what is to be asked instead: only where a redirect may lead.
#[must_use]
pub fn may_name(from: &Url, to: &Url) -> bool {
    target(from, to.as_str().as_bytes()).is_ok() && (names_local_host(from) || !names_local_host(to))
}

/// The refusal of a redirect from a public host to a local one: see [`super::network`].
#[must_use]
pub fn inwards(to: &Url) -> Reason {
    Reason::Redirect(format!("into a private network, to {}", shown(to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_only_to_where_they_may() {
        #[track_caller]
        fn case(from: &str, location: &[u8], expected: Result<&str, &str>) {
            let found = target(&from.parse().unwrap(), location);
            match (found, expected) {
                (Ok(url), Ok(expected)) => assert_eq!(url.as_str(), expected),
                (Err(Reason::Redirect(text)), Err(expected)) => assert_eq!(text, expected),
                (found, expected) => panic!("{found:?} instead of {expected:?}"),
            }
        }
        case("https://a.org/x/y?q=1", b"z", Ok("https://a.org/x/z"));
        case("https://a.org/x/y?q=1", b"/z?w#f", Ok("https://a.org/z?w"));
        case("https://a.org/x", b"//b.org/x", Ok("https://b.org/x"));
        case("http://a.org/x", b"https://a.org/x", Ok("https://a.org/x"));
        case("http://a.org/x", b"http://b.org:8080/", Ok("http://b.org:8080/"));
        case("https://a.org/x", "/gr\u{f6}\u{df}er".as_bytes(), Ok("https://a.org/gr%C3%B6%C3%9Fer"));
        case(
            "https://a.org/x",
            b"http://a.org/x?token=s3",
            Err("from https to http://a.org/x?token=***, which is not encrypted"),
        );
        case("https://a.org/x", b"ftp://a.org/x", Err("to ftp://a.org/x: only http and https are fetched, not `ftp`"));
        case(
            "http://a.org/x",
            b"file:///etc/passwd",
            Err("to file:///etc/passwd: only http and https are fetched, not `file`"),
        );
        case("http://a.org/x", b"data:text/xml,x", Err("to data:***: only http and https are fetched, not `data`"));
        case(
            "https://a.org/x",
            b"https://u:p@a.org/",
            Err("to https://***@a.org/: a user or password in a URL is refused"),
        );
        case("https://a.org/x", b"https://[", Err("to an address that is not a URL"));
        case("https://a.org/x", b"\xff", Err("to an address that is not UTF-8"));
    }

    #[test]
    fn pages_name_what_they_may_lead_to() {
        #[track_caller]
        fn case(from: &str, to: &str, expected: bool) {
            assert_eq!(may_name(&from.parse().unwrap(), &to.parse().unwrap()), expected);
        }
        case("https://a.org/", "https://b.org/feed", true);
        case("https://a.org/", "http://a.org/feed", false);
        case("https://a.org/", "https://me@a.org/feed", false);
        case("http://a.org/", "http://127.0.0.1/feed", false);
        case("http://127.0.0.1/", "http://127.0.0.1/feed", true);
    }
}
