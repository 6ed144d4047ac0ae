//! Hosts that asked to be left alone, remembered from run to run.
//!
//! One small file for each in the cache directory. Losing them costs a request and a refusal.

use super::retry;
use crate::time::Timestamp;
use git2::{ObjectType, Oid};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read, Write},
    os::unix::fs::DirBuilderExt,
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
    /// A file that is damaged, expired, or further ahead than any wait we grant means open, and
    /// is removed.
    #[must_use]
    pub fn closed_until(&self, url: &Url, now: Timestamp) -> Option<Timestamp> {
        let path = self.path(url)?;
        let file = File::open(&path).ok()?;
        let mut text = Vec::new();
        let read = file.take(LONGEST).read_to_end(&mut text);
        let closed = read.ok().and_then(|_| serde_json::from_slice::<Closed>(&text).ok());
        let until = closed
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
        let path = self.path(url).ok_or(io::ErrorKind::InvalidInput)?;
        if !self.writes {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let closed = Closed { origin: url.origin().ascii_serialization(), until };
        // A temporary file is 0600 from its start, and whoever reads sees the old one or the new.
        let mut file = tempfile::Builder::new().prefix(".closing-").tempfile_in(&self.directory)?;
        serde_json::to_writer(&mut file, &closed)?;
        file.write_all(b"\n")?;
        file.persist(path)?;
        Ok(())
    }

    /// The origin's file, named by a hash: a host's name is a stranger's text.
    fn path(&self, url: &Url) -> Option<PathBuf> {
        let origin = url.origin().ascii_serialization();
        let hash = Oid::hash_object(ObjectType::Blob, origin.as_bytes()).ok()?;
        Some(self.directory.join(format!("{hash}.json")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::fs::PermissionsExt, time::Duration};
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
            fs::write(hosts.path(&url("https://a.org/")).unwrap(), damage).unwrap();
            assert_eq!(hosts.closed_until(&url("https://a.org/"), now()), None);
            assert_eq!(files(&hosts), 0);
        }
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
