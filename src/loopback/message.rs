//! What goes over the wire: requests as they are read, answers as they are written.

use std::io::{self, BufRead, Read};

/// Bytes of a request's first line and headers together.
pub(super) const HEAD: u64 = 32 * 1024;

/// A request as it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The method, `GET` for example.
    pub method: String,
    /// Path and query, undecoded.
    pub target: String,
    /// Names as sent, values trimmed, in order.
    pub headers: Vec<(String, String)>,
    /// Which connection brought it, from 0: equal numbers mean the connection was kept.
    pub connection: usize,
}

impl Request {
    /// The first header of that name, whatever the case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Reads one request; `None` when the client is done.
    pub(super) fn read(reader: &mut impl BufRead, connection: usize) -> io::Result<Option<Self>> {
        let mut head = reader.take(HEAD);
        let mut line = || -> io::Result<Option<String>> {
            let mut text = String::new();
            head.read_line(&mut text)?;
            Ok(text.strip_suffix('\n').map(|line| line.trim_end_matches('\r').to_owned()))
        };
        let Some(first) = line()? else { return Ok(None) };
        let mut words = first.split(' ');
        let (Some(method), Some(target), Some("HTTP/1.1"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let mut request =
            Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), connection };
        loop {
            // No line end: the client left, or its head is over the limit.
            let text = line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if text.is_empty() {
                return Ok(Some(request));
            }
            let (name, value) = text.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
            request.headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// Whether a body follows the head (RFC 9112, section 6).
    pub(super) fn has_body(&self) -> bool {
        self.header("transfer-encoding").is_some() || self.header("content-length").is_some_and(|value| value != "0")
    }

    pub(super) fn wants_close(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// An answer, well-formed unless [`Response::raw`].
#[derive(Clone, Debug)]
pub struct Response {
    head: Vec<u8>,
    body: Vec<u8>,
    raw: bool,
    pub(super) close: bool,
    pub(super) hold: bool,
}

impl Response {
    /// An answer with that status and nothing else; the connection is kept.
    #[must_use]
    pub fn new(status: u16) -> Self {
        let head = format!("HTTP/1.1 {status} {status}\r\n").into_bytes();
        Self { head, body: Vec::new(), raw: false, close: false, hold: false }
    }

    /// These bytes and no others, then the connection is closed.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { head: Vec::new(), body: bytes.into(), raw: true, close: true, hold: false }
    }

    /// With one more header.
    ///
    /// # Panics
    /// If it would break out of its line.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        assert!(!format!("{name}{value}").contains(['\r', '\n']), "a header is one line");
        self.head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        self
    }

    /// With that body; its length is announced by itself.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The connection is closed afterwards.
    #[must_use]
    pub fn close(mut self) -> Self {
        self.close = true;
        self
    }

    /// Afterwards the server falls silent, and keeps the connection until the client gives up.
    #[must_use]
    pub fn hold(mut self) -> Self {
        self.hold = true;
        self
    }

    pub(super) fn bytes(&self, request: &Request) -> Vec<u8> {
        let mut bytes = self.head.clone();
        if !self.raw {
            let bodiless = self.head.starts_with(b"HTTP/1.1 304") || self.head.starts_with(b"HTTP/1.1 204");
            if !bodiless {
                bytes.extend_from_slice(format!("Content-Length: {}\r\n", self.body.len()).as_bytes());
            }
            if self.close {
                bytes.extend_from_slice(b"Connection: close\r\n");
            }
            bytes.extend_from_slice(b"\r\n");
            if bodiless || request.method == "HEAD" {
                return bytes;
            }
        }
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
