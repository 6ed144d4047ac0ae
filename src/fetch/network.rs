//! Which hosts are this machine's own network, where no public address may send us.
//!
//! A redirect is a stranger's word. From a public server it must not make this machine ask what only
//! this machine can reach: its own services, the router, the metadata of a cloud's host.

use super::lookup::Lookup;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use url::{Host, Url};

/// Whether the URL names a local host by itself: `localhost`, or a [local](is_local_address) address.
///
/// A name is not looked up here; `false` says nothing of where it leads.
#[must_use]
pub fn names_local_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => is_local_v4(address),
        Some(Host::Ipv6(address)) => is_local_v6(address),
        None => false,
    }
}

/// Whether the address is one that is not the public network's: loopback, link-local, private, shared,
/// unspecified or broadcast (RFC 6890), also as an IPv6 address that stands for an IPv4 one.
#[must_use]
pub fn is_local_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_local_v4(address),
        IpAddr::V6(address) => is_local_v6(address),
    }
}

fn is_local_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 0
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_broadcast()
        || first == 100 && second & 0xc0 == 64
}

fn is_local_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // `::ffff:a.b.c.d`, `::a.b.c.d`, and the prefix of NAT64 (RFC 6052).
    let v4 = match segments {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    };
    address.is_loopback()
        || address.is_unspecified()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || v4.is_some_and(is_local_v4)
}

/// Looks up as ureq does, and notes which hosts had none but [local](is_local_address) addresses.
///
/// What counts is what was connected to. Whoever owns a name can have it lead elsewhere at the next
/// look-up, and add a local address beside a public one.
#[derive(Clone, Debug, Default)]
pub struct Noting(Arc<Mutex<BTreeMap<String, bool>>>);

impl Noting {
    /// Whether the host of `url` is local: by its own name, or by all addresses that were found for it.
    #[must_use]
    pub fn is_local(&self, url: &Url) -> bool {
        let noted = || self.0.lock().unwrap_or_else(PoisonError::into_inner).get(url.host_str()?).copied();
        names_local_host(url) || noted().unwrap_or_default()
    }
}

impl Resolver for Noting {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = Lookup::default().resolve(uri, config, timeout)?;
        let is_local = found.iter().all(|address| is_local_address(address.ip()));
        if let Some(host) = uri.host() {
            let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let before = noted.entry(host.to_owned()).or_insert(is_local);
            *before &= is_local;
        }
        Ok(found)
    }
}

/// Looks up as ureq does, and finds no host that has a local address.
///
/// The addresses that are checked are those that are then connected to: a name that leads elsewhere
/// at its second look-up gains nothing. The proxy of the environment is the user's own choice.
#[derive(Debug, Default)]
pub struct PublicOnly(Lookup);

impl Resolver for PublicOnly {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.0.resolve(uri, config, timeout)?;
        let is_proxy = config.proxy().is_some_and(|proxy| proxy.uri().authority() == uri.authority());
        if !is_proxy && found.iter().any(|address| is_local_address(address.ip())) {
            return Err(ureq::Error::Io(refusal()));
        }
        Ok(found)
    }
}

/// The words of a refused look-up.
pub const REFUSED: &str = "the host is of a private network";

fn refusal() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::PermissionDenied, REFUSED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn local_hosts_are_known_by_name_and_address() {
        #[track_caller]
        fn case(url: &str, expected: bool) {
            assert_eq!(names_local_host(&url.parse().unwrap()), expected, "{url}");
        }
        for local in [
            "http://localhost/",
            "http://LOCALHOST./",
            "http://a.localhost/",
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.0.0.1/",
            "http://0177.0.0.1/",
            "http://0.0.0.0/",
            "http://10.1.2.3/",
            "http://172.16.0.1/",
            "http://172.31.255.255/",
            "http://192.168.1.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://100.64.0.1/",
            "http://255.255.255.255/",
            "http://[::1]/",
            "http://[::]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::a00:1]/",
        ] {
            case(local, true);
        }
        for public in [
            "http://example.org/",
            "http://localhost.example.org/",
            "http://notlocalhost/",
            "http://8.8.8.8/",
            "http://172.32.0.1/",
            "http://100.128.0.1/",
            "http://169.253.0.1/",
            "http://[2606:4700::1111]/",
            "http://[::ffff:8.8.8.8]/",
        ] {
            case(public, false);
        }
    }

    #[test]
    fn a_name_that_leads_to_a_local_address_is_not_found() {
        let agent = ureq::Agent::config_builder().proxy(None).build();
        let timeout = || NextTimeout {
            after: Duration::from_secs(10).into(),
            reason: ureq::Timeout::Resolve,
            per_read: None,
            per_write: None,
        };
        let resolve = |uri: &str| PublicOnly::default().resolve(&uri.parse().unwrap(), &agent, timeout());
        assert!(resolve("http://localhost:80/").is_err_and(|error| error.to_string().contains(REFUSED)));
        assert!(resolve("http://127.0.0.1:80/").is_err());
        assert!(resolve("http://[::1]:80/").is_err());
        assert_eq!(resolve("http://192.0.2.1:80/").unwrap()[0].ip().to_string(), "192.0.2.1");
        // The proxy itself may well be this machine.
        let proxied = ureq::Agent::config_builder().proxy(ureq::Proxy::new("http://127.0.0.1:3128").ok()).build();
        let proxy = PublicOnly::default().resolve(&"http://127.0.0.1:3128".parse().unwrap(), &proxied, timeout());
        assert!(proxy.is_ok());
    }

    #[test]
    fn a_host_is_as_local_as_its_most_public_address() {
        let config = ureq::Agent::config_builder().proxy(None).build();
        let noting = Noting::default();
        let resolve = |uri: &str| {
            let timeout = NextTimeout {
                after: Duration::from_secs(10).into(),
                reason: ureq::Timeout::Resolve,
                per_read: None,
                per_write: None,
            };
            noting.resolve(&uri.parse().unwrap(), &config, timeout).unwrap()
        };
        let is_local = |url: &str| noting.is_local(&url.parse().unwrap());
        assert!(is_local("http://localhost/") && is_local("http://10.0.0.1/"));
        assert!(!is_local("http://192.0.2.1/") && !is_local("http://name.example/"));
        resolve("http://192.0.2.1:80/");
        assert!(!is_local("http://192.0.2.1/"));
        // A name that was local once, and public another time, is public; the other way round too.
        noting.0.lock().unwrap().extend([("name.example".to_owned(), true), ("localhost".to_owned(), false)]);
        assert!(is_local("http://name.example/x"));
        resolve("http://localhost:80/");
        assert_eq!(noting.0.lock().unwrap().get("localhost"), Some(&false));
    }
}
