//! Why a document could not be had, and what to do about it.

use super::{echo, shown::shown};
use crate::text::{clipped, printable};
use std::{error::Error, fmt, io, time::Duration};
use url::Url;

/// Bytes of somebody else's message that are shown.
const LONGEST: usize = 200;

/// A failed fetch: the address that failed and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FetchError {
    /// The address that failed, after redirects, as [`shown`] shows it.
    pub url: String,
    /// Why.
    pub reason: Reason,
}

/// Why a fetch failed. Texts are one printable line without secrets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The URL is one we do not ask.
    Url(String),
    /// 404.
    NotFound,
    /// 410.
    Gone,
    /// 401, 403 or 407.
    Forbidden(u16),
    /// 429, or 403 with a wait; the wait that was asked for.
    RateLimited(Option<Duration>),
    /// 5xx, and the wait that was asked for.
    Server(u16, Option<Duration>),
    /// Any other status that is no answer to our question.
    Status(u16),
    /// The redirect is one we do not follow.
    Redirect(String),
    /// The host's name has no address.
    Dns(String),
    /// Nothing listens there.
    Refused,
    /// No trusted encryption.
    Tls(String),
    /// Time was up; what was being done.
    Timeout(&'static str),
    /// The body is longer than this many bytes.
    TooLarge(u64),
    /// The headers are longer than this many bytes.
    LargeHeaders(u64),
    /// The connection ended before the answer did.
    Truncated,
    /// The body's compression is unknown or broken.
    Encoding(String),
    /// What answers does not speak HTTP, or not well.
    Protocol(String),
    /// The proxy of the environment did not connect us.
    Proxy(String),
    /// Anything else between here and there.
    Io(String),
}

impl FetchError {
    pub(super) fn new(url: &Url, reason: Reason) -> Self {
        Self { url: shown(url), reason }.without_echoes(url)
    }

    /// The same where a server repeats the secrets of `url` in what we quote of it.
    #[must_use]
    pub(super) fn without_echoes(mut self, url: &Url) -> Self {
        if let Some(words) = self.reason.words() {
            *words = String::from_utf8_lossy(&echo::without_echoes(words.as_bytes(), &[url])).into_owned();
        }
        self
    }

    /// A short word for the kind of failure; these words do not change.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.reason {
            Reason::Url(_) => "url",
            Reason::NotFound => "not-found",
            Reason::Gone => "gone",
            Reason::Forbidden(_) => "forbidden",
            Reason::RateLimited(_) => "rate-limited",
            Reason::Server(..) => "server",
            Reason::Status(_) => "status",
            Reason::Redirect(_) => "redirect",
            Reason::Dns(_) => "dns",
            Reason::Refused => "refused",
            Reason::Tls(_) => "tls",
            Reason::Timeout(_) => "timeout",
            Reason::TooLarge(_) | Reason::LargeHeaders(_) => "too-large",
            Reason::Truncated => "truncated",
            Reason::Encoding(_) => "encoding",
            Reason::Protocol(_) => "protocol",
            Reason::Proxy(_) => "proxy",
            Reason::Io(_) => "io",
        }
    }

    /// How long the server asked to be left alone, with 429, 403 or 5xx; at most
    /// [`retry::LONGEST`](super::retry::LONGEST).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.reason {
            Reason::RateLimited(wait) | Reason::Server(_, wait) => wait,
            _ => None,
        }
    }

    /// The next step, when there is one to take.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match &self.reason {
            Reason::Url(_) => "use an http or https URL without user and password; a token goes into its query",
            Reason::NotFound => "check the address: the project may have moved, been renamed or become private",
            Reason::Gone => "the feed was taken away for good: find its new address, or remove the watch",
            Reason::Forbidden(407) | Reason::Proxy(_) => {
                "check the proxy in HTTPS_PROXY or ALL_PROXY, or except the host in NO_PROXY"
            }
            Reason::Forbidden(_) => "the document needs a login: use a feed URL with a token, or watch the Git remote",
            Reason::RateLimited(_) => "poll this host less often, or watch the Git remote instead of the feed",
            Reason::Server(..) | Reason::Truncated => "this usually passes by itself: a later poll asks again",
            Reason::Status(_) => "open the address in a browser: it does not answer like a feed",
            Reason::Redirect(_) => "configure the address where the feed is now",
            Reason::Dns(_) => "check the host's name and this machine's network",
            Reason::Refused => "check host and port: nothing listens there",
            Reason::Tls(_) => {
                "check that the server speaks https there, this machine's clock, and its CA certificates (package \
                 `ca-certificates`, or SSL_CERT_FILE)"
            }
            Reason::Timeout(_) => {
                "a later poll asks again; if it stays slow, raise `watch.<name>.fetchTimeout` (seconds)"
            }
            Reason::TooLarge(_) => "check that the address is a feed; if it is, raise `watch.<name>.bodyLimit`",
            Reason::LargeHeaders(_) | Reason::Encoding(_) | Reason::Protocol(_) => {
                "check that the address is that of a web server: its answer is not well-formed"
            }
            Reason::Io(_) => return None,
        };
        Some(hint.to_owned())
    }
}

impl Reason {
    /// What is quoted of others.
    fn words(&mut self) -> Option<&mut String> {
        match self {
            Self::Url(words)
            | Self::Redirect(words)
            | Self::Dns(words)
            | Self::Tls(words)
            | Self::Encoding(words)
            | Self::Protocol(words)
            | Self::Proxy(words)
            | Self::Io(words) => Some(words),
            _ => None,
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = &self.url;
        match &self.reason {
            Reason::Url(what) => write!(f, "{url} cannot be fetched: {what}"),
            Reason::NotFound => write!(f, "{url} does not exist (404)"),
            Reason::Gone => write!(f, "{url} is gone for good (410)"),
            Reason::Forbidden(status) => write!(f, "{url} is not for everyone ({status})"),
            Reason::RateLimited(None) => write!(f, "{url} was asked too often"),
            Reason::RateLimited(Some(wait)) => {
                write!(f, "{url} was asked too often and wants {} s of rest", wait.as_secs())
            }
            Reason::Server(status, None) => write!(f, "{url} has a failing server ({status})"),
            Reason::Server(status, Some(wait)) => {
                write!(f, "{url} has a failing server ({status}) that wants {} s of rest", wait.as_secs())
            }
            Reason::Status(304) => write!(f, "{url} answered \"not modified\" (304) to an unconditional request"),
            Reason::Status(status) => write!(f, "{url} answered with status {status}"),
            Reason::Redirect(what) => write!(f, "{url} redirects {what}"),
            Reason::Dns(what) => write!(f, "{url} has a host without address: {what}"),
            Reason::Refused => write!(f, "{url} refused the connection"),
            Reason::Tls(what) => write!(f, "{url} has no trusted encryption: {what}"),
            Reason::Timeout(what) => write!(f, "{url} took too long {what}"),
            Reason::TooLarge(limit) => write!(f, "{url} is longer than {limit} bytes"),
            Reason::LargeHeaders(limit) => write!(f, "{url} has headers of more than {limit} bytes"),
            Reason::Truncated => write!(f, "{url} broke off before its end"),
            Reason::Encoding(what) => write!(f, "{url} cannot be decompressed: {what}"),
            Reason::Protocol(what) => write!(f, "{url} does not speak HTTP as it should: {what}"),
            Reason::Proxy(what) => write!(f, "{url} cannot be reached through the proxy: {what}"),
            Reason::Io(what) => write!(f, "{url} cannot be read: {what}"),
        }
    }
}

impl Error for FetchError {}

/// What a failure of ureq means for us; texts with URLs in them are left out.
pub(super) fn reason(error: ureq::Error) -> Reason {
    match error {
        ureq::Error::Timeout(ureq::Timeout::Resolve) => Reason::Timeout("to look up its host"),
        ureq::Error::Timeout(ureq::Timeout::Connect) => Reason::Timeout("to connect"),
        ureq::Error::Timeout(_) => Reason::Timeout("to answer in full"),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => Reason::Url("it is not a valid HTTP address".to_owned()),
        ureq::Error::HostNotFound => Reason::Dns("the name is not known".to_owned()),
        ureq::Error::Io(error) => io_reason(&error),
        ureq::Error::Tls(what) => Reason::Tls(line(what)),
        ureq::Error::Rustls(error) => Reason::Tls(line(&error)),
        error @ (ureq::Error::Pem(_) | ureq::Error::TlsRequired) => Reason::Tls(line(&error)),
        ureq::Error::LargeResponseHeader(_, limit) => Reason::LargeHeaders(limit as u64),
        ureq::Error::Decompress(_, error) if error.kind() == io::ErrorKind::UnexpectedEof => Reason::Truncated,
        ureq::Error::Decompress(_, error) => Reason::Encoding(line(&error)),
        ureq::Error::Protocol(error) => Reason::Protocol(line(&error)),
        ureq::Error::InvalidProxyUrl => Reason::Proxy("its address is not valid".to_owned()),
        ureq::Error::ConnectProxyFailed(what) => Reason::Proxy(line(&what)),
        other => Reason::Io(line(&other)),
    }
}

fn io_reason(error: &io::Error) -> Reason {
    let text = line(error);
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Reason::Refused,
        io::ErrorKind::TimedOut => Reason::Timeout("to answer in full"),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Reason::Truncated,
        // rustls reports through `io::Error`, with itself inside.
        io::ErrorKind::InvalidData if error.get_ref().is_some() => Reason::Tls(text),
        // The standard library has no kind for a failed look-up, only these words.
        _ => match text.strip_prefix("failed to lookup address information: ") {
            Some(what) => Reason::Dns(what.to_owned()),
            None => Reason::Io(text),
        },
    }
}

/// Somebody's message on one clean line of bounded length.
fn line(message: &(impl ToString + ?Sized)) -> String {
    printable(clipped(&message.to_string(), LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_the_transport_are_told_apart() {
        #[track_caller]
        fn case(error: ureq::Error, kind: &str) {
            let error = FetchError::new(&"https://example.org/x?token=s3".parse().unwrap(), reason(error));
            assert_eq!(error.kind(), kind);
            let text = error.to_string();
            assert!(text.starts_with("https://example.org/x?token=*** "), "{text}");
            assert!(!text.contains("s3") && !text.contains('\n'), "{text}");
        }
        let io = |kind| ureq::Error::Io(io::Error::from(kind));
        case(io(io::ErrorKind::ConnectionRefused), "refused");
        case(io(io::ErrorKind::UnexpectedEof), "truncated");
        case(io(io::ErrorKind::HostUnreachable), "io");
        case(io(io::ErrorKind::TimedOut), "timeout");
        case(ureq::Error::Io(io::Error::other("failed to lookup address information: no\nname")), "dns");
        case(ureq::Error::Io(io::Error::new(io::ErrorKind::InvalidData, "invalid peer certificate")), "tls");
        case(ureq::Error::HostNotFound, "dns");
        case(ureq::Error::Timeout(ureq::Timeout::Global), "timeout");
        case(ureq::Error::BadUri("https://example.org/x?token=s3".to_owned()), "url");
        case(ureq::Error::Tls("no\nname"), "tls");
        case(ureq::Error::ConnectProxyFailed("a\u{1b}[31m".to_owned()), "proxy");
        case(ureq::Error::Decompress("gzip", io::Error::other("bad")), "encoding");
        case(ureq::Error::Decompress("gzip", io::ErrorKind::UnexpectedEof.into()), "truncated");
        case(ureq::Error::LargeResponseHeader(9, 8), "too-large");
    }
}
