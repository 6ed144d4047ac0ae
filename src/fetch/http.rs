//! One document over HTTP: within limits, conditional when it can be, without telling secrets.
//!
//! What answers mean is in `answer`, where redirects may lead in [`super::redirect`]; this file
//! is the loop around ureq.

use super::error::{FetchError, Reason, reason};
pub use super::validators::Validators;
use super::{echo, network, redirect, retry, validators};
use crate::spool::{Spool, Spooled};
use chrono::{DateTime, Utc};
use std::io::{self, Read};
use std::time::{Duration, Instant};
use ureq::http::{HeaderMap, Response, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, Transport};
use ureq::{Agent, Body};
use url::{Host, Url};

const USER_AGENT: &str = concat!("patch-moi/", env!("CARGO_PKG_VERSION"), " (+https://patch.moi)");
const ACCEPT: &str = "application/atom+xml, application/rss+xml, application/feed+json, \
    application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.9, */*;q=0.1";
/// Bytes of status line and headers together; forges send about 5 kB.
const HEADERS: usize = 64 * 1024;
/// Bytes read at a time.
const CHUNK: usize = 32 * 1024;

/// How far one fetch may go.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// When everything has to be over: redirects, body and all.
    pub deadline: Instant,
    /// How long looking up a host may take, and then again connecting to it, TLS included.
    pub connect: Duration,
    /// Bytes of the body, after decompression.
    pub body: u64,
}

/// What a fetch brought.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one for each feed, and briefly")]
pub enum Fetched {
    /// The document is still the one the validators belong to.
    NotModified,
    /// The document, whole.
    Document {
        /// Its bytes.
        body: Content,
        /// Where it was found, after redirects.
        url: Url,
        /// What makes the next request conditional; may be empty.
        validators: Validators,
        /// What time it was when it was asked for, by the clock of the server.
        served_at: Option<DateTime<Utc>>,
    },
}

/// A document's bytes, decompressed, that wait to be read.
#[derive(Debug)]
pub struct Content {
    spooled: Spooled,
    /// The address that was asked and the one that answered, whose secrets it may repeat.
    asked: [Url; 2],
}

impl Content {
    /// How many bytes there are.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.spooled.len()
    }

    /// All of it, without the [echo] of our secrets.
    ///
    /// # Errors
    /// If what waited on disk cannot be read.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let [asked, found] = &self.asked;
        self.spooled.read().map(|body| echo::without_echoes(&body, &[asked, found]).into_owned())
    }
}

/// An HTTP client for many threads, which share its idle connections.
///
/// Proxies are those of `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`; this machine
/// itself is always reached directly. Certificates are the system's, read at the first https.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    /// For where a public server's redirects lead; with connections of its own.
    public: Agent,
    /// Which hosts the first of the two found to be local.
    noted: network::Noting,
    spool: Spool,
}

impl Client {
    /// A client; opens and reads nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let config = || {
            Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .user_agent(USER_AGENT)
                .accept(ACCEPT)
                .accept_encoding("gzip")
                .max_response_header_size(HEADERS)
                .max_idle_connections(32)
                // ureq's own default is a list of certificates built into it.
                .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
                .build()
        };
        let connector = || SharedTls(DefaultConnector::new());
        let noted = network::Noting::default();
        Self {
            agent: Agent::with_parts(config(), connector(), noted.clone()),
            public: Agent::with_parts(config(), connector(), network::PublicOnly::default()),
            noted,
            spool: Spool::default(),
        }
    }

    /// Where its documents wait to be read.
    #[must_use]
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// The document at `url`, following up to [`redirect::MOST`] redirects.
    ///
    /// The validators are sent only to the address they belong to, and nothing else of one request
    /// reaches another.
    ///
    /// # Errors
    /// Whatever is not the whole document, or word from the server that it is unchanged.
    pub fn get(&self, url: &Url, validators: &Validators, limits: &Limits) -> Result<Fetched, FetchError> {
        self.follow(url, validators, limits).map_err(|error| error.without_echoes(url))
    }

    fn follow(&self, url: &Url, validators: &Validators, limits: &Limits) -> Result<Fetched, FetchError> {
        let mut at = url.clone();
        at.set_fragment(None);
        redirect::check(&at).map_err(|why| FetchError::new(&at, why))?;
        let owner = validators.at.clone().unwrap_or_else(|| validators::place(&at));
        let none = Validators::default();
        let mut redirects = 0;
        let mut from = at.clone();
        let mut inwards = true;
        loop {
            let agent = if inwards { &self.agent } else { &self.public };
            let sent = if validators::place(&at) == owner { validators } else { &none };
            let step = self.hop(agent, &at, sent, limits).map_err(|why| match why {
                Reason::Io(what) if what == network::REFUSED => FetchError::new(&from, redirect::inwards(&at)),
                why => FetchError::new(&at, why),
            })?;
            match step {
                Hop::NotModified => return Ok(Fetched::NotModified),
                Hop::Document { body, mut validators, served_at } => {
                    validators.at = (redirects > 0 && !validators.is_empty()).then(|| validators::place(&at));
                    let body = Content { spooled: body, asked: [url.clone(), at.clone()] };
                    return Ok(Fetched::Document { body, url: at, validators, served_at });
                }
                Hop::Redirect(_) if redirects == redirect::MOST => {
                    let why = Reason::Redirect(format!("on and on: {} were followed", redirect::MOST));
                    return Err(FetchError::new(&at, why));
                }
                Hop::Redirect(to) => {
                    inwards = inwards && (to.host() == url.host() || self.noted.is_local(url));
                    if !inwards && network::names_local_host(&to) {
                        return Err(FetchError::new(&at, redirect::inwards(&to)));
                    }
                    from = at;
                    at = to;
                }
            }
            redirects += 1;
        }
    }

    fn hop(&self, agent: &Agent, url: &Url, validators: &Validators, limits: &Limits) -> Result<Hop, Reason> {
        let response = match self.ask(agent, url, validators, limits) {
            // A kept connection may be closed by the server at the moment it is used again; GET may
            // be repeated (RFC 9112, section 9.3.1).
            Err(Reason::Truncated) => self.ask(agent, url, validators, limits),
            other => other,
        }?;
        let headers = response.headers();
        match answer(response.status().as_u16(), headers, validators.headers().next().is_some(), Utc::now())? {
            Answer::NotModified => Ok(Hop::NotModified),
            Answer::Redirect => {
                let location = headers.get(header::LOCATION).map(header::HeaderValue::as_bytes);
                let location = location.ok_or_else(|| Reason::Redirect("without saying where to".to_owned()))?;
                redirect::target(url, location).map(Hop::Redirect)
            }
            Answer::Document => {
                let validators = Validators::of(
                    text(headers, header::ETAG),
                    text(headers, header::LAST_MODIFIED),
                    text(headers, header::DATE),
                );
                let served_at = retry::served_at(text(headers, header::DATE), text(headers, header::AGE));
                Ok(Hop::Document { body: self.whole(response, limits.body)?, validators, served_at })
            }
        }
    }

    fn ask(
        &self,
        agent: &Agent,
        url: &Url,
        validators: &Validators,
        limits: &Limits,
    ) -> Result<Response<Body>, Reason> {
        let left = limits.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Reason::Timeout("to answer in full"));
        }
        let mut request = agent.get(url.as_str());
        for (name, value) in validators.headers() {
            request = request.header(name, value);
        }
        let config = request
            .config()
            .timeout_global(Some(left))
            .timeout_resolve(Some(limits.connect))
            .timeout_connect(Some(limits.connect));
        let config = if is_this_machine(url) { config.proxy(None) } else { config };
        config.build().call().map_err(reason).map_err(|why| match why {
            Reason::Refused if self.has_proxy(url) => Reason::Proxy("it refused the connection".to_owned()),
            Reason::Dns(what) if self.has_proxy(url) => Reason::Proxy(format!("its host has no address: {what}")),
            why => why,
        })
    }

    /// The body to its end. Nothing is allocated on the word of the server.
    fn whole(&self, mut response: Response<Body>, limit: u64) -> Result<Spooled, Reason> {
        // ureq takes the header away when it decompresses.
        if let Some(encoding) = response.headers().get(header::CONTENT_ENCODING).filter(|value| *value != "identity") {
            let name: String = encoding.to_str().unwrap_or("unknown").chars().take(40).collect();
            return Err(Reason::Encoding(format!("`{name}` was not asked for")));
        }
        if response.body().content_length().is_some_and(|length| length > limit) {
            return Err(Reason::TooLarge(limit));
        }
        let mut reader = response.body_mut().as_reader();
        let mut body = self.spool.writer();
        let mut chunk = vec![0; CHUNK];
        loop {
            match reader.read(&mut chunk) {
                Ok(0) => return Ok(body.finish()),
                Ok(count) => {
                    let kept = body.push(&chunk[..count]);
                    kept.map_err(|error| Reason::Io(format!("it cannot be kept in the temporary directory: {error}")))?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(reason(error.into())),
            }
            if body.len() > limit {
                return Err(Reason::TooLarge(limit));
            }
        }
    }

    /// Whether a proxy stands between us and the URL; it is then the one that we connect to.
    fn has_proxy(&self, url: &Url) -> bool {
        let proxy = self.agent.config().proxy().filter(|_| !is_this_machine(url));
        proxy.zip(url.as_str().parse().ok()).is_some_and(|(proxy, uri)| !proxy.is_no_proxy(&uri))
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

/// What one request brought.
enum Hop {
    NotModified,
    Redirect(Url),
    Document { body: Spooled, validators: Validators, served_at: Option<DateTime<Utc>> },
}

/// What an answer's head says.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    Document,
    NotModified,
    Redirect,
}

/// Reads status and headers; `asked` is whether the request was conditional, `now` counts where the
/// answer has no `Date`.
pub(crate) fn answer(status: u16, headers: &HeaderMap, asked: bool, now: DateTime<Utc>) -> Result<Answer, Reason> {
    let date = text(headers, header::DATE).and_then(retry::http_date).unwrap_or(now);
    let wait = text(headers, header::RETRY_AFTER).and_then(|value| retry::wait(value, date));
    match status {
        200 => Ok(Answer::Document),
        304 if asked => Ok(Answer::NotModified),
        301 | 302 | 303 | 307 | 308 => Ok(Answer::Redirect),
        404 => Err(Reason::NotFound),
        410 => Err(Reason::Gone),
        // Some forges limit with 403 and say so only by the wait.
        429 => Err(Reason::RateLimited(wait)),
        403 if wait.is_some() => Err(Reason::RateLimited(wait)),
        401 | 403 | 407 => Err(Reason::Forbidden(status)),
        500..=599 => Err(Reason::Server(status, wait)),
        _ => Err(Reason::Status(status)),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// `localhost` or a loopback address, which no proxy can reach for us.
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// ureq's own connections, with one TLS set-up for them all.
///
/// ureq keeps its TLS set-up, certificates and resumable sessions included, only for requests
/// without settings of their own, and every request of ours has its time limits; without this,
/// each connection would read all of the system's certificates again.
#[derive(Debug)]
struct SharedTls(DefaultConnector);

impl Connector<()> for SharedTls {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<()>,
    ) -> Result<Option<Box<dyn Transport>>, ureq::Error> {
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: details.addrs.clone(),
            config: details.config,
            request_level: false,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        self.0.connect(&details, chained)
    }
}

#[cfg(test)]
mod tests;
