//! HTTP validators (RFC 9110, section 8.8) kept between polls, for a conditional request.
//!
//! Expendable, and believed only while the ledger knows exactly what it knew when they were stored:
//! a ledger that was lost, or restored from an older copy, must not be told that nothing changed.

use super::http::Validators;
use crate::{private, watch::WatchName};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

/// What makes stored validators usable.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Occasion {
    /// What the watch looks at, its feed's URL included, and how it decides.
    pub definition: String,
    /// What the ledger knows of the watch.
    pub revision: String,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    occasion: Occasion,
    validators: Validators,
}

/// The watch's validators, if they were stored on this occasion; none otherwise.
#[must_use]
pub fn load(directory: &Path, watch: &WatchName, occasion: &Occasion) -> Validators {
    let read = || {
        let mut text = Vec::new();
        private::open_read(&path(directory, watch)).ok()??.read_to_end(&mut text).ok()?;
        let stored: Stored = serde_json::from_slice(&text).ok()?;
        (stored.occasion == *occasion).then_some(stored.validators)
    };
    read().unwrap_or_default()
}

/// Stores the watch's validators; only after everything the response brought is durable.
///
/// # Errors
/// When the file system refuses.
pub fn store(directory: &Path, watch: &WatchName, occasion: Occasion, validators: Validators) -> io::Result<()> {
    private::create_dir(directory)?;
    private::replace_derived(&path(directory, watch), &Stored { occasion, validators })
}

fn path(directory: &Path, watch: &WatchName) -> PathBuf {
    directory.join(format!("{watch}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validators_come_back_on_the_same_occasion_only() {
        let directory = tempfile::tempdir().unwrap();
        let watch: WatchName = "w".parse().unwrap();
        let occasion = Occasion { definition: "d".to_owned(), revision: "r".to_owned() };
        let validators = Validators { etag: Some("\"1\"".to_owned()), ..Validators::default() };
        store(directory.path(), &watch, occasion.clone(), validators.clone()).unwrap();
        assert_eq!(load(directory.path(), &watch, &occasion), validators);
        let other = Occasion { revision: "s".to_owned(), ..occasion };
        assert!(load(directory.path(), &watch, &other).is_empty());
    }
}
