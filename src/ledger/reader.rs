//! Records that somebody asks for, found without reading all the others.
//!
//! What an index vouches for was whole when it was read, and is not read again: a line of it that is
//! asked for and is damaged is refused, the others are `patch doctor`'s to find. Without an index that
//! fits, all of the ledger is read first, as by every other command.

use super::{
    Ledger, LedgerError, file, index,
    record::{Record, VERSION},
    scan::{self, Words},
};
use crate::{private, watch::WatchName};
use serde::Deserialize;
use std::{
    borrow::Cow,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// How many bytes at the end are looked through first; then twice as many before them, and so on.
const FIRST: u64 = 256 << 10;
/// How many at once at most.
const MOST: u64 = 64 << 20;

/// The lines of a ledger, to be asked for some of them.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: Option<File>,
    /// How many bytes are whole lines.
    length: u64,
}

/// Which records are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Of these watches; of all if there are none.
    pub watches: &'a [WatchName],
    /// Of these kinds; of all if there are none.
    pub kinds: &'a [String],
    /// So many at most, the newest; all of them if it is 0.
    pub limit: usize,
}

/// A line that is about a signal, and where it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mention {
    /// The signal.
    pub id: String,
    /// The watch.
    pub watch: WatchName,
    /// Whether it is the record that there is such news.
    pub is_signal: bool,
    /// Whether it is a record of where that stands.
    pub is_review: bool,
    byte: u64,
    length: usize,
}

/// What has to be read of a line to know what it is about.
#[derive(Deserialize)]
struct Gist<'a> {
    v: u32,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    watch: Option<WatchName>,
    id: Option<String>,
}

impl Reader {
    /// Opens the ledger in `directory`; no ledger yet has no lines.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open(directory: &Path) -> Result<Self, LedgerError> {
        let path = Ledger::unread(directory).path();
        let Some(file) = private::open_read(&path).map_err(LedgerError::io("cannot read", &path))? else {
            return Ok(Self { path, file: None, length: 0 });
        };
        let position = index::load_brief(directory, &file).map(|index| index.position).unwrap_or_default();
        let mut reader = Self { path, file: Some(file), length: position.length };
        let behind = reader.bytes(position.length)?;
        reader.length += file::parse(&behind, &reader.path, position.lines)?.whole as u64;
        Ok(reader)
    }

    /// The records that are asked for, each with its line as it is in the file, the oldest first.
    ///
    /// The line has the kinds and fields of later versions, which the record has not.
    ///
    /// # Errors
    /// When one of the lines that are read is no record, or the file cannot be read.
    pub fn newest(&self, asked: Asked) -> Result<Vec<(Record, String)>, LedgerError> {
        let words = Words::default()
            .and(asked.watches.iter().map(WatchName::as_str))
            .and(asked.kinds.iter().map(String::as_str));
        let limit = if asked.limit == 0 { usize::MAX } else { asked.limit };
        let mut found = Vec::new();
        let (mut end, mut size) = (self.length, FIRST);
        while end > 0 && found.len() < limit {
            let start = end.saturating_sub(size);
            let lines = self.scan(start..end, &words, |_, line| Some(line.to_vec()))?;
            for line in lines.iter().rev() {
                let record = self.read(record(line))?;
                if asked.is_for(&record) {
                    found.push((record, String::from_utf8_lossy(line).into_owned()));
                    if found.len() == limit {
                        break;
                    }
                }
            }
            (end, size) = (start, (size * 2).min(MOST));
        }
        found.reverse();
        Ok(found)
    }

    /// Whether there is a record of this watch.
    ///
    /// # Errors
    /// As [`Reader::newest`].
    pub fn knows(&self, watch: &WatchName) -> Result<bool, LedgerError> {
        let watches = std::slice::from_ref(watch);
        Ok(!self.newest(Asked { watches, limit: 1, ..Asked::default() })?.is_empty())
    }

    /// The lines about signals that may be called `name`: about all of those whose id has it, and others.
    ///
    /// # Errors
    /// As [`Reader::newest`].
    pub fn mentions(&self, name: &str) -> Result<Vec<Mention>, LedgerError> {
        // An id is `patch:<watch>:<key>:<type>`. One that somebody wrote otherwise is found by a part of its name.
        let part = name.split(':').max_by_key(|part| part.len()).unwrap_or_default();
        let mut found = self.about(name)?;
        if part != name && !found.iter().any(|mention| mention.is_signal) {
            found = self.about(part)?;
        }
        Ok(found)
    }

    fn about(&self, text: &str) -> Result<Vec<Mention>, LedgerError> {
        let mentions = self.scan(0..self.length, &Words::default().and([text]), mention)?;
        mentions.into_iter().map(|mention| self.read(mention.ok())).collect()
    }

    /// The records of these lines.
    ///
    /// # Errors
    /// As [`Reader::newest`].
    pub fn records<'a>(&self, mentions: impl IntoIterator<Item = &'a Mention>) -> Result<Vec<Record>, LedgerError> {
        let Some(file) = &self.file else { return Ok(Vec::new()) };
        let read = |mention: &Mention| {
            let mut line = vec![0; mention.length];
            file.read_exact_at(&mut line, mention.byte).map_err(LedgerError::io("cannot read", &self.path))?;
            self.read(record(&line))
        };
        mentions.into_iter().map(read).collect()
    }

    fn scan<T: Send>(
        &self,
        range: Range<u64>,
        words: &Words,
        take: impl Fn(u64, &[u8]) -> Option<T> + Sync,
    ) -> Result<Vec<T>, LedgerError> {
        let Some(file) = &self.file else { return Ok(Vec::new()) };
        scan::all(file, range, self.length, words, take).map_err(LedgerError::io("cannot read", &self.path))
    }

    /// What was read of a line; if it could not be, why all of the ledger is refused.
    fn read<T>(&self, read: Option<T>) -> Result<T, LedgerError> {
        if let Some(read) = read {
            return Ok(read);
        }
        file::parse(&self.bytes(0)?, &self.path, 0)?;
        let changed = io::Error::new(io::ErrorKind::InvalidData, "it was changed while it was read");
        Err(LedgerError::io("cannot read", &self.path)(changed))
    }

    fn bytes(&self, from: u64) -> Result<Vec<u8>, LedgerError> {
        let mut bytes = Vec::new();
        if let Some(mut file) = self.file.as_ref() {
            let read = file.seek(SeekFrom::Start(from)).and_then(|_| file.read_to_end(&mut bytes));
            read.map_err(LedgerError::io("cannot read", &self.path))?;
        }
        Ok(bytes)
    }
}

impl Asked<'_> {
    fn is_for(&self, record: &Record) -> bool {
        (self.watches.is_empty() || record.watch().is_some_and(|watch| self.watches.contains(watch)))
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == record.kind()))
    }
}

fn record(line: &[u8]) -> Option<Record> {
    serde_json::from_slice::<Record>(line).ok().filter(|record| record.v <= VERSION)
}

/// The signal that a line is about, if it is about one; an error if it is no record.
fn mention(byte: u64, line: &[u8]) -> Option<Result<Mention, ()>> {
    match serde_json::from_slice::<Gist>(line) {
        Ok(Gist { v, kind, watch: Some(watch), id: Some(id) }) if v <= VERSION => {
            let (is_signal, is_review) = (kind == "signal", kind == "review");
            Some(Ok(Mention { id, watch, is_signal, is_review, byte, length: line.len() }))
        }
        Ok(gist) if gist.v <= VERSION => None,
        // A kind of a later version may have anything in these fields.
        _ if record(line).is_some() => None,
        _ => Some(Err(())),
    }
}

#[cfg(test)]
mod tests;
