//! The index: the ledger's state up to a position, so that a poll reads only what came after.
//!
//! Derived and expendable. It is two files. `index.json` has what every command needs, and stays
//! small; its first line is a hash of what follows. `index-rest.json` has what grows with every
//! release, and belongs to the one `index.json` that has its hash. Both are written without waiting
//! for the disk, and a power loss may leave anything. They are believed only while the bytes before
//! the position are the ones they were made from: the last of them are compared, and where nothing
//! was appended since, the time of the file's last change.

use super::state::{Counts, Rest, State};
use crate::{private, refname, watch::WatchName};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::File,
    hash::{DefaultHasher, Hasher},
    io::{self, Read},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

/// How many bytes before the position are compared.
const COMPARED: u64 = 4096;
/// Moved on whenever the state's shape changes.
const VERSION: u32 = 3;

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

/// What `index.json` holds.
#[derive(Debug, Deserialize)]
pub struct Index {
    version: u32,
    /// How far it reaches.
    pub position: Position,
    before: String,
    rest: String,
    /// By watch: how much the rest has of it.
    pub counts: BTreeMap<WatchName, Counts>,
    /// The state without the rest.
    pub state: State,
}

#[derive(Serialize)]
struct Saved<'a> {
    version: u32,
    position: &'a Position,
    before: String,
    rest: &'a str,
    counts: &'a BTreeMap<WatchName, Counts>,
    state: &'a State,
}

/// The files of the index in a state directory: the one for every command, and the rest.
#[must_use]
pub fn files(directory: &Path) -> [PathBuf; 2] {
    ["index.json", "index-rest.json"].map(|name| directory.join(name))
}

/// The index in `directory` without the rest, if there is one and it fits the ledger.
#[must_use]
pub fn load_brief(directory: &Path, ledger: &File) -> Option<Index> {
    let [path, _] = files(directory);
    let text = String::from_utf8(read(&path)?).ok()?;
    let (hash, content) = text.split_once('\n')?;
    if hash != checksum(content.as_bytes()) {
        return None;
    }
    let index: Index = serde_json::from_str(content).ok()?;
    let length = ledger.metadata().ok()?.len();
    let untouched = index.position.modified.is_some() && index.position.modified == modified(ledger);
    let fits = index.version == VERSION
        && (length > index.position.length || (length == index.position.length && untouched))
        && index.before == before(ledger, index.position.length).ok()?;
    fits.then_some(index)
}

/// The index in `directory`, if there is one, it fits the ledger, and the rest is its own.
#[must_use]
pub fn load(directory: &Path, ledger: &File) -> Option<Index> {
    let mut index = load_brief(directory, ledger)?;
    let [_, path] = files(directory);
    let content = read(&path)?;
    if index.rest != checksum(&content) {
        return None;
    }
    index.state.give_back(serde_json::from_slice::<Rest>(&content).ok()?);
    Some(index)
}

/// Writes the index.
///
/// The rest comes first: without its own `index.json` nobody believes it, and a whole index is never
/// half a new one.
///
/// # Errors
/// When the file system refuses.
pub fn save(directory: &Path, ledger: &File, position: &Position, state: &mut State) -> io::Result<()> {
    let before = before(ledger, position.length)?;
    let counts = state.counts();
    let rest = state.take_rest();
    let rest_content = serde_json::to_vec(&rest);
    let rest_hash = rest_content.as_deref().map(checksum).unwrap_or_default();
    let content =
        serde_json::to_string(&Saved { version: VERSION, position, before, rest: &rest_hash, counts: &counts, state });
    state.give_back(rest);
    let (rest_content, content) = (rest_content?, content?);
    let [path, rest_path] = files(directory);
    private::replace_unsynced(&rest_path, &rest_content)?;
    private::replace_unsynced(&path, format!("{}\n{content}", checksum(content.as_bytes())).as_bytes())
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    private::open_read(path).ok()??.read_to_end(&mut content).ok()?;
    Some(content)
}

/// A hash that tells apart what was written and what a power loss made of it: the rest is a hundred
/// megabytes where the ledger has a million lines. It may differ from one build of this program to
/// the next, which then makes the index anew.
#[must_use]
pub fn checksum(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
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
