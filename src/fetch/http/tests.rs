//! Against a server on this machine that behaves and misbehaves.

use super::*;
use crate::loopback::{Request, Response as Reply, Server};
use std::net::TcpListener;

const LIMIT: u64 = 100_000;
/// `hello, feed`, compressed.
const HELLO: [u8; 31] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 215, 81, 72, 75, 77, 77, 1, 0, 19, 131, 24, 69, 11, 0, 0,
    0,
];
/// 4096 zero bytes, compressed; members of a gzip file may be joined.
const ZEROS: [u8; 38] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 237, 193, 1, 13, 0, 0, 0, 194, 160, 247, 79, 109, 15, 7, 20, 0, 0, 0, 240, 110,
    17, 0, 28, 199, 0, 16, 0, 0,
];

fn limits() -> Limits {
    Limits { deadline: Instant::now() + Duration::from_secs(60), connect: Duration::from_secs(20), body: LIMIT }
}

fn soon() -> Limits {
    Limits { deadline: Instant::now() + Duration::from_millis(200), ..limits() }
}

fn server(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(handler).unwrap()
}

fn get(server: &Server, path: &str, validators: &Validators) -> Result<Fetched, FetchError> {
    Client::new().get(&server.url(path).parse().unwrap(), validators, &limits())
}

fn fetch(server: &Server, path: &str) -> Result<Fetched, FetchError> {
    get(server, path, &Validators::default())
}

fn etag(tag: &str) -> Validators {
    Validators { etag: Some(tag.to_owned()), ..Validators::default() }
}

#[track_caller]
fn kind(found: Result<Fetched, FetchError>) -> &'static str {
    let error = found.unwrap_err();
    assert!(!error.to_string().contains('\n'));
    error.kind()
}

#[track_caller]
fn document(found: Result<Fetched, FetchError>) -> (String, Url, Validators) {
    match found.unwrap() {
        Fetched::Document { body, url, validators, .. } => {
            (String::from_utf8(body.read().unwrap()).unwrap(), url, validators)
        }
        Fetched::NotModified => panic!("there is no document"),
    }
}

fn chunked(headers: &str, chunks: &[u8]) -> Reply {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\n\r\n");
    Reply::raw([head.as_bytes(), chunks].concat())
}

#[test]
fn an_unchanged_document_is_not_sent_again() {
    let server = server(|request| match request.header("if-none-match") {
        Some("W/\"a\"") => Reply::new(304),
        _ => Reply::new(200)
            .header("ETag", "W/\"a\"")
            .header("Date", "Sun, 06 Nov 1994 12:00:00 GMT")
            .header("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")
            .body("<feed/>"),
    });
    let client = Client::new();
    let url: Url = server.url("/x.atom?a=b#here").parse().unwrap();
    let first = client.get(&url, &Validators::default(), &limits()).unwrap();
    let Fetched::Document { body, url: found, validators, .. } = first else { panic!() };
    assert_eq!(body.read().unwrap(), b"<feed/>");
    assert_eq!(found.as_str(), server.url("/x.atom?a=b"));
    assert_eq!(validators.at, None);
    assert!(matches!(client.get(&url, &validators, &limits()), Ok(Fetched::NotModified)));

    let [first, second] = server.requests().try_into().unwrap();
    assert_eq!((first.method.as_str(), first.target.as_str()), ("GET", "/x.atom?a=b"));
    assert_eq!(first.header("user-agent"), Some(USER_AGENT));
    assert_eq!(first.header("accept-encoding"), Some("gzip"));
    assert!(first.header("accept").unwrap().contains("application/atom+xml"));
    for absent in ["if-none-match", "if-modified-since", "referer", "cookie", "authorization"] {
        assert_eq!(first.header(absent), None);
    }
    assert_eq!(second.header("if-none-match"), Some("W/\"a\""));
    assert_eq!(second.header("if-modified-since"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_eq!(first.connection, second.connection, "the connection is kept");
}

#[test]
fn not_modified_is_no_answer_to_an_unconditional_request() {
    let server = server(|_| Reply::new(304));
    assert_eq!(kind(fetch(&server, "/")), "status");
    let damaged = etag("*");
    assert_eq!(kind(get(&server, "/", &damaged)), "status");
}

#[test]
fn redirects_are_followed_and_validators_stay_where_they_belong() {
    let server = server(|request| match request.target.as_str() {
        "/feeds/old?x" => Reply::new(301).header("Location", "new").body("moved"),
        "/feeds/new" if request.header("if-none-match") == Some("\"new\"") => Reply::new(304),
        "/feeds/new" => Reply::new(200).header("ETag", "\"new\"").body("here"),
        _ => Reply::new(404),
    });
    let (body, url, validators) = document(get(&server, "/feeds/old?x", &etag("\"old\"")));
    assert_eq!((body.as_str(), url.path()), ("here", "/feeds/new"));
    assert_eq!(validators.at, Some(validators::place(&url)));
    assert!(matches!(get(&server, "/feeds/old?x", &validators), Ok(Fetched::NotModified)));
    let sent: Vec<_> = server.requests().iter().map(|r| r.header("if-none-match").map(str::to_owned)).collect();
    assert_eq!(sent, [Some("\"old\"".to_owned()), None, None, Some("\"new\"".to_owned())]);
}

#[test]
fn nothing_follows_to_another_origin() {
    let other = server(|_| Reply::new(200).body("elsewhere"));
    let to = other.url("/feed");
    let server = server(move |_| Reply::new(302).header("Location", &to));
    let (body, url, _) = document(get(&server, "/x?token=s3", &etag("\"a\"")));
    assert_eq!((body.as_str(), url.as_str()), ("elsewhere", other.url("/feed").as_str()));
    let [asked] = other.requests().try_into().unwrap();
    assert!(asked.headers.iter().all(|(_, value)| !value.contains("s3") && !value.contains("\"a\"")), "{asked:?}");
    assert_eq!(asked.header("referer"), None);
}

#[test]
fn redirects_end() {
    let server = server(|request| match request.target.split_once('-') {
        Some(("/count", "0")) => Reply::new(200).body("there"),
        Some(("/count", left)) => {
            Reply::new(307).header("Location", &format!("/count-{}", left.parse::<u8>().unwrap() - 1))
        }
        Some(("/to", location)) => Reply::new(303).header("Location", location),
        _ if request.target == "/loop" => Reply::new(302).header("Location", "/loop"),
        _ => Reply::new(308),
    });
    assert_eq!(document(fetch(&server, "/count-5")).0, "there");
    for refused in ["/count-6", "/loop", "/nowhere", "/to-ftp://a.org/x", "/to-http://u:p@a.org/", "/to-http://["] {
        assert_eq!(kind(fetch(&server, refused)), "redirect", "{refused}");
    }
}

#[test]
fn statuses_are_told_apart() {
    #[track_caller]
    fn case(status: u16, headers: &[(&str, &str)], kind: &str, wait: Option<u64>) {
        let mut reply = Reply::new(status).body("<html>no</html>");
        for (name, value) in headers {
            reply = reply.header(name, value);
        }
        let server = server(move |_| reply.clone());
        let error = fetch(&server, "/x?secret=s3").unwrap_err();
        assert_eq!((error.kind(), error.retry_after().map(|wait| wait.as_secs())), (kind, wait), "{status}");
        assert!(error.hint().is_some() && !error.to_string().contains("s3"), "{error}");
    }
    case(404, &[], "not-found", None);
    case(410, &[], "gone", None);
    case(401, &[], "forbidden", None);
    case(403, &[], "forbidden", None);
    case(403, &[("Retry-After", "60")], "rate-limited", Some(60));
    case(429, &[], "rate-limited", None);
    case(429, &[("Retry-After", "999999999")], "rate-limited", Some(86_400));
    case(429, &[("Retry-After", "tomorrow")], "rate-limited", None);
    case(500, &[], "server", None);
    case(503, &[("Retry-After", "7")], "server", Some(7));
    let date = ("Date", "Sun, 06 Nov 1994 08:49:00 GMT");
    case(503, &[date, ("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")], "server", Some(37));
    case(204, &[], "status", None);
    case(206, &[], "status", None);
    case(300, &[("Location", "/y")], "status", None);
    case(418, &[], "status", None);
}

#[test]
fn compressed_bodies_are_read_and_bounded() {
    let server = server(|request| match request.target.as_str() {
        "/hello" => Reply::new(200).header("Content-Encoding", "gzip").body(HELLO),
        "/cut" => Reply::new(200).header("Content-Encoding", "gzip").body(&HELLO[..20]),
        "/bad" => Reply::new(200).header("Content-Encoding", "gzip").body("not compressed at all"),
        "/bomb" => Reply::new(200).header("Content-Encoding", "gzip").body(ZEROS.repeat(1000)),
        _ => Reply::new(200).header("Content-Encoding", "zstd").body("x"),
    });
    assert_eq!(document(fetch(&server, "/hello")).0, "hello, feed");
    assert_eq!(kind(fetch(&server, "/cut")), "truncated");
    assert_eq!(kind(fetch(&server, "/bad")), "encoding");
    assert_eq!(kind(fetch(&server, "/bomb")), "too-large");
    assert_eq!(kind(fetch(&server, "/unasked")), "encoding");
}

#[test]
fn bodies_are_bounded_whatever_they_announce() {
    let server = server(|request| match request.target.as_str() {
        "/full" => Reply::new(200).body(vec![b'x'; 100_000]),
        "/over" => Reply::new(200).body(vec![b'x'; 100_001]),
        "/lie" => Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nx").hold(),
        "/chunked" => chunked("", format!("3e8\r\n{}\r\n", "x".repeat(1000)).repeat(101).as_bytes()).hold(),
        _ => Reply::raw(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100_001))),
    });
    assert_eq!(document(fetch(&server, "/full")).0.len(), 100_000);
    for path in ["/over", "/lie", "/chunked", "/until-closed"] {
        assert_eq!(kind(fetch(&server, path)), "too-large", "{path}");
    }
}

#[test]
fn a_body_that_breaks_off_is_an_error() {
    let server = server(|request| match request.target.as_str() {
        "/length" => Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n<feed>"),
        "/chunk" => chunked("", b"a\r\n<feed>"),
        "/chunks" => chunked("", b"6\r\n<feed>\r\n"),
        "/gzip" => chunked("Content-Encoding: gzip\r\n", b"1f\r\n\x1f\x8b\x08"),
        "/head" => Reply::raw("HTTP/1.1 200 OK\r\nContent-Le"),
        _ => Reply::raw(""),
    });
    for path in ["/length", "/chunk", "/chunks", "/gzip", "/head", "/nothing"] {
        assert_eq!(kind(fetch(&server, path)), "truncated", "{path}");
    }
    assert_eq!(server.requests().iter().filter(|request| request.target == "/length").count(), 1);
}

#[test]
fn what_is_not_http_is_an_error() {
    let server = server(|request| match request.target.as_str() {
        "/ssh" => Reply::raw("SSH-2.0-OpenSSH_9.9\r\n"),
        "/chunk" => chunked("", b"zz\r\n<feed>\r\n"),
        _ => Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nfeed"),
    });
    for path in ["/ssh", "/chunk", "/lengths"] {
        assert_eq!(kind(fetch(&server, path)), "protocol", "{path}");
    }
}

#[test]
fn headers_are_bounded() {
    let server = server(|request| match request.target.as_str() {
        "/long" => Reply::new(200).header("X-Long", &"x".repeat(100_000)),
        "/many" => Reply::raw(format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(100_000))),
        _ => Reply::raw(format!("HTTP/1.1 200 OK\r\n{}", "X: y\r\n".repeat(100_000))).hold(),
    });
    assert_eq!(kind(fetch(&server, "/long")), "too-large");
    for path in ["/many", "/unended"] {
        assert!(matches!(kind(fetch(&server, path)), "too-large" | "protocol"), "{path}");
    }
}

#[test]
fn the_deadline_ends_everything() {
    let server = server(|request| match request.target.as_str() {
        "/silent" => Reply::raw("").hold(),
        "/head" => Reply::raw("HTTP/1.1 200 OK\r\nX: ").hold(),
        "/body" => Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<feed>").hold(),
        "/gzip" => chunked("Content-Encoding: gzip\r\n", b"3\r\n\x1f\x8b\x08\r\n").hold(),
        _ => chunked("", b"6\r\n<feed>\r\n").hold(),
    });
    let client = Client::new();
    for path in ["/silent", "/head", "/body", "/gzip", "/chunked"] {
        let url = server.url(path).parse().unwrap();
        assert_eq!(kind(client.get(&url, &Validators::default(), &soon())), "timeout", "{path}");
    }
    let past = Limits { deadline: Instant::now(), ..limits() };
    let before = server.requests().len();
    assert_eq!(kind(client.get(&server.url("/").parse().unwrap(), &Validators::default(), &past)), "timeout");
    assert_eq!(server.requests().len(), before);
}

#[test]
fn a_closed_port_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(kind(Client::new().get(&url.parse().unwrap(), &Validators::default(), &limits())), "refused");
}

#[test]
fn plain_http_on_an_https_address_is_no_tls() {
    let server = server(|_| Reply::new(200));
    let url = server.url("/").replace("http:", "https:").parse().unwrap();
    let error = Client::new().get(&url, &Validators::default(), &soon()).unwrap_err();
    assert!(matches!(error.kind(), "tls" | "truncated" | "timeout"), "{error}");
    assert!(server.requests().is_empty());
}

#[test]
fn the_systems_certificates_are_trusted_and_no_others() {
    assert!(matches!(Client::new().agent.config().tls_config().root_certs(), RootCerts::PlatformVerifier));
}

#[test]
fn addresses_we_do_not_ask_are_refused() {
    #[track_caller]
    fn case(url: &str) {
        let error = Client::new().get(&url.parse().unwrap(), &Validators::default(), &limits()).unwrap_err();
        assert_eq!(error.kind(), "url");
        assert!(!error.to_string().contains("s3"), "{error}");
    }
    case("ftp://127.0.0.1/x");
    case("file:///etc/hostname");
    case("http://me:s3@127.0.0.1/x");
    case("http://s3@127.0.0.1/x");
    case("data:text/plain,s3");
}

#[test]
fn one_client_serves_many_threads() {
    let server = server(|request| Reply::new(200).body(request.target.clone()));
    let client = Client::new();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (client, server) = (&client, &server);
            scope.spawn(move || {
                for turn in 0..5 {
                    let path = format!("/{thread}/{turn}");
                    let url = server.url(&path).parse().unwrap();
                    assert_eq!(document(client.get(&url, &Validators::default(), &limits())).0, path);
                }
            });
        }
    });
    let connections: std::collections::HashSet<_> = server.requests().iter().map(|r| r.connection).collect();
    assert!(connections.len() < 40, "connections are kept");
}
