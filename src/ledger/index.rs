//! The index: the ledger's state up to a position, so that a poll reads only what came after.
//!
//! Derived and expendable. Its first line is a hash of the rest: it is written without waiting for
//! the disk, and a power loss may leave anything. It is believed only while the bytes before the position are the ones it
//! was made from: the last of them are compared, and where nothing was appended since, the time of
//! the file's last change.

use super::state::State;
use crate::{private, refname};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
};

/// How many bytes before the position are compared.
const COMPARED: u64 = 4096;
/// Moved on whenever the state's shape changes.
const VERSION: u32 = 2;

/// A place between two lines of the ledger.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// Bytes before it.
    pub length: u64,
    /// Lines before it.
    pub lines: u64,
    /// When the file was last changed: seconds and nanoseconds.
    pub modified: Option<(i64, i64)>,
}

impl Position {
    /// The position behind `bytes`, which are `lines` lines.
    #[must_use]
    pub fn after(&self, bytes: &[u8], lines: u64) -> Self {
        Self { length: self.length + bytes.len() as u64, lines: self.lines + lines, modified: None }
    }
}

#[derive(Deserialize)]
struct Loaded {
    version: u32,
    position: Position,
    before: String,
    state: State,
}

#[derive(Serialize)]
struct Saved<'a> {
    version: u32,
    position: &'a Position,
    before: String,
    state: &'a State,
}

/// The index at `path`, if there is one and it fits the ledger.
#[must_use]
pub fn load(path: &Path, ledger: &File) -> Option<(Position, State)> {
    let mut text = Vec::new();
    private::open_read(path).ok()??.read_to_end(&mut text).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (hash, content) = text.split_once('\n')?;
    if hash != refname::hash(content) {
        return None;
    }
    let loaded: Loaded = serde_json::from_str(content).ok()?;
    let length = ledger.metadata().ok()?.len();
    let untouched = loaded.position.modified.is_some() && loaded.position.modified == modified(ledger);
    let fits = loaded.version == VERSION
        && (length > loaded.position.length || (length == loaded.position.length && untouched))
        && loaded.before == before(ledger, loaded.position.length).ok()?;
    fits.then_some((loaded.position, loaded.state))
}

/// Writes the index.
///
/// # Errors
/// When the file system refuses.
pub fn save(path: &Path, ledger: &File, position: &Position, state: &State) -> io::Result<()> {
    let before = before(ledger, position.length)?;
    let content = serde_json::to_string(&Saved { version: VERSION, position, before, state })?;
    private::replace_unsynced(path, format!("{}\n{content}", refname::hash(&content)).as_bytes())
}

/// When the file was last changed: seconds and nanoseconds.
#[must_use]
pub fn modified(file: &File) -> Option<(i64, i64)> {
    let metadata = file.metadata().ok()?;
    Some((metadata.mtime(), metadata.mtime_nsec()))
}

/// A hash of the bytes before the position.
fn before(ledger: &File, length: u64) -> io::Result<String> {
    let start = length.saturating_sub(COMPARED);
    let mut bytes = vec![0; usize::try_from(length - start).expect("a few kilobytes")];
    ledger.read_exact_at(&mut bytes, start)?;
    Ok(refname::hash(&bytes))
}
