//! Hosts that asked to be left alone, remembered from run to run.
//!
//! One small file for each in the cache directory. Losing them costs a request and a refusal.

use super::retry;
use crate::{private, refname, time::Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::PathBuf,
};
use url::Url;

/// Bytes of a file that are read; ours have about 100.
const LONGEST: u64 = 4096;

/// The hosts that are closed to us for a while, in a directory of their own.
#[derive(Clone, Debug)]
pub struct Hosts {
    directory: PathBuf,
    writes: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Closed {
    origin: String,
    until: Timestamp,
}

impl Hosts {
    /// Remembers in `directory`, which is made when there is something to remember.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, writes: true }
    }

    /// Knows what is remembered in `directory`, and changes nothing there.
    #[must_use]
    pub fn read_only(directory: PathBuf) -> Self {
        Self { directory, writes: false }
    }

    /// Until when the URL's origin (scheme, host, port) is closed; `None` if it is open.
    ///
    /// What is damaged, expired, further ahead than any wait we grant, or no regular file means open,
    /// and is removed.
    #[must_use]
    pub fn closed_until(&self, url: &Url, now: Timestamp) -> Option<Timestamp> {
        let path = self.path(url);
        let until = match private::open_read(&path) {
            Ok(None) => return None,
            Ok(Some(file)) => remembered(file),
            Err(_) => None,
        };
        let until = until
            .filter(|closed| closed.origin == url.origin().ascii_serialization())
            .map(|closed| closed.until)
            .filter(|until| *until > now && *until <= now.after(retry::LONGEST));
        if until.is_none() && self.writes {
            let _ = fs::remove_file(&path);
        }
        until
    }

    /// Closes the URL's origin until that time, at most [`retry::LONGEST`] ahead to be believed;
    /// nothing at all if this is [`Hosts::read_only`].
    ///
    /// # Errors
    /// If it cannot be written; the next run then asks too early.
    pub fn close(&self, url: &Url, until: Timestamp) -> io::Result<()> {
        if !self.writes {
            return Ok(());
        }
        private::create_dir(&self.directory)?;
        let closed = Closed { origin: url.origin().ascii_serialization(), until };
        private::replace_derived(&self.path(url), &closed)
    }

    /// The origin's file, named by a hash: a host's name is a stranger's text.
    fn path(&self, url: &Url) -> PathBuf {
        self.directory.join(format!("{}.json", refname::hash(&url.origin().ascii_serialization())))
    }
}

fn remembered(file: File) -> Option<Closed> {
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        os::unix::fs::{PermissionsExt, symlink},
        path::Path,
        process::Command,
        time::Duration,
    };
    use tempfile::TempDir;

    fn now() -> Timestamp {
        "2026-11-22T18:55:54Z".parse().unwrap()
    }

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn hosts() -> (TempDir, Hosts) {
        let directory = TempDir::new().unwrap();
        let hosts = Hosts::new(directory.path().join("cache/hosts"));
        (directory, hosts)
    }

    fn files(hosts: &Hosts) -> usize {
        fs::read_dir(&hosts.directory).map_or(0, Iterator::count)
    }

    #[test]
    fn a_closed_origin_is_closed_for_all_its_addresses_and_for_later_runs() {
        let (_directory, hosts) = hosts();
        let until = now().after(Duration::from_secs(60));
        assert_eq!(hosts.closed_until(&url("https://a.org/x"), now()), None);
        hosts.close(&url("https://a.org/x"), until).unwrap();
        let later = Hosts::new(hosts.directory.clone());
        assert_eq!(later.closed_until(&url("https://a.org:443/y?z"), now()), Some(until));
        assert_eq!(later.closed_until(&url("http://a.org/x"), now()), None);
        assert_eq!(later.closed_until(&url("https://a.org:8443/x"), now()), None);
        assert_eq!(later.closed_until(&url("https://b.org/x"), now()), None);
    }

    #[test]
    fn closing_again_replaces() {
        let (_directory, hosts) = hosts();
        let (first, second) = (now().after(Duration::from_secs(600)), now().after(Duration::from_secs(5)));
        hosts.close(&url("https://a.org/"), first).unwrap();
        hosts.close(&url("https://a.org/"), second).unwrap();
        assert_eq!(hosts.closed_until(&url("https://a.org/"), now()), Some(second));
        assert_eq!(files(&hosts), 1);
    }

    #[test]
    fn expired_and_unbelievable_files_are_dropped() {
        for wait in [Duration::ZERO, Duration::from_secs(90_000)] {
            let (_directory, hosts) = hosts();
            hosts.close(&url("https://a.org/"), now().after(wait)).unwrap();
            assert_eq!(hosts.closed_until(&url("https://a.org/"), now()), None);
            assert_eq!(files(&hosts), 0);
        }
    }

    #[test]
    fn a_damaged_file_means_open() {
        let until = now().after(Duration::from_secs(60));
        let other = format!(r#"{{"origin":"https://b.org","until":"{until}"}}"#);
        for damage in ["", "{", "null", "\u{0}", &other] {
            let (_directory, hosts) = hosts();
            hosts.close(&url("https://a.org/"), until).unwrap();
            fs::write(hosts.path(&url("https://a.org/")), damage).unwrap();
            assert_eq!(hosts.closed_until(&url("https://a.org/"), now()), None);
            assert_eq!(files(&hosts), 0);
        }
    }

    #[test]
    fn what_is_no_regular_file_is_neither_followed_nor_waited_for() {
        let until = now().after(Duration::from_secs(60));
        let link: fn(&Path, &Path) = |path, target| symlink(target, path).unwrap();
        let fifo: fn(&Path, &Path) = |path, _| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        for make in [link, fifo] {
            let (directory, hosts) = hosts();
            hosts.close(&url("https://a.org/"), until).unwrap();
            let (path, target) = (hosts.path(&url("https://a.org/")), directory.path().join("target"));
            fs::rename(&path, &target).unwrap();
            make(&path, &target);
            assert_eq!(Hosts::read_only(hosts.directory.clone()).closed_until(&url("https://a.org/"), now()), None);
            assert_eq!(hosts.closed_until(&url("https://a.org/"), now()), None);
            assert_eq!(files(&hosts), 0);
            make(&path, &target);
            hosts.close(&url("https://a.org/"), until).unwrap();
            assert_eq!(hosts.closed_until(&url("https://a.org/"), now()), Some(until));
            assert!(fs::read_to_string(&target).unwrap().contains("a.org"));
        }
        let (_directory, hosts) = hosts();
        fs::create_dir_all(hosts.path(&url("https://a.org/"))).unwrap();
        assert_eq!(hosts.closed_until(&url("https://a.org/"), now()), None);
        assert!(hosts.close(&url("https://a.org/"), until).is_err());
    }

    #[test]
    fn only_the_user_can_read_and_no_path_has_a_hosts_name() {
        let (_directory, hosts) = hosts();
        hosts.close(&url("https://secret.example.org/"), now()).unwrap();
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&hosts.directory), 0o700);
        let file = fs::read_dir(&hosts.directory).unwrap().next().unwrap().unwrap();
        assert_eq!(mode(&file.path()), 0o600);
        assert!(!file.file_name().to_str().unwrap().contains("example"));
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("file"), "").unwrap();
        let hosts = Hosts::new(directory.path().join("file"));
        assert!(hosts.close(&url("https://a.org/"), now()).is_err());
        assert_eq!(hosts.closed_until(&url("https://a.org/"), now()), None);
    }
}
