//! The ledger: `ledger.jsonl`, append-only, the only truth about what was seen and done.

pub mod brief;
pub mod damage;
mod error;
pub mod file;
pub mod index;
pub mod lock;
pub mod reader;
pub mod record;

pub mod repair;
pub mod scan;
pub mod state;

pub use self::error::LedgerError;

use self::{
    file::{Bytes, Tail},
    index::{Index, Position},
    lock::Lock,
    record::Record,
    state::State,
};
use crate::{private, time::Timestamp};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    time::Duration,
};

/// How long an append waits for another process's append, which takes milliseconds.
const APPEND_WAIT: Duration = Duration::from_secs(30);

/// How many bytes, and then to the end of a line, are read at once where all are gone through.
const PART: u64 = 1 << 20;

/// The ledger of one repository, and what its records add up to.
///
/// Opening reads the index and what was appended since. Reading takes no lock: a line that is being
/// written has no end yet and is left for the next time. Who acts upon the records takes the lock,
/// and makes durable what was found first.
#[derive(Debug)]
pub struct Ledger {
    directory: PathBuf,
    /// What the position is a place in. It stays open so that no other file can have its inode.
    file: Option<File>,
    state: State,
    position: Position,
    indexed: Position,
    /// How many bytes are known to be durable.
    settled: u64,
    notices: Vec<String>,
}

impl Ledger {
    /// Opens the ledger in `directory` for reading; no ledger yet is an empty one.
    ///
    /// # Errors
    /// When it is damaged before its end, from a later version, or cannot be read.
    pub fn open(directory: &Path) -> Result<Self, LedgerError> {
        let mut ledger = Self::unread(directory);
        ledger.read()?;
        Ok(ledger)
    }

    /// Opens the ledger in `directory`, which must exist, to act upon it: what it holds is durable.
    ///
    /// # Errors
    /// As [`Ledger::open`], and when the lock is not to be had or the disk refuses.
    pub fn open_settled(directory: &Path) -> Result<Self, LedgerError> {
        let mut ledger = Self::unread(directory);
        // Under the lock nobody's append is between its write and its fsync, or being taken back.
        let _lock = ledger.lock()?;
        if ledger.read()? {
            ledger.settle()?;
        }
        Ok(ledger)
    }

    /// Reads the index, and what was appended since; whether there is a ledger.
    fn read(&mut self) -> Result<bool, LedgerError> {
        let path = self.path();
        let Some(file) = private::open_read(&path).map_err(LedgerError::io("cannot read", &path))? else {
            return Ok(false);
        };
        if let Some(Index { position, state, .. }) = index::load(&self.directory, &file) {
            self.settled = position.length;
            (self.indexed, self.position, self.state) = (position.clone(), position, state);
            self.file = Some(file.try_clone().map_err(LedgerError::io("cannot read", &path))?);
        }
        self.catch_up(&file)?;
        Ok(true)
    }

    fn unread(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            file: None,
            state: State::default(),
            position: Position::default(),
            indexed: Position::default(),
            settled: 0,
            notices: Vec::new(),
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.join("ledger.jsonl")
    }

    /// What the records add up to.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What happened to the file that people should know, each told once.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// Takes into account what other processes appended since, and makes it durable.
    ///
    /// # Errors
    /// As [`Ledger::open_settled`].
    pub fn refresh(&mut self) -> Result<(), LedgerError> {
        // Under the lock nobody's append is between its write and its fsync.
        let _lock = self.lock()?;
        match private::open_read(&self.path()).map_err(LedgerError::io("cannot read", &self.path()))? {
            Some(file) => {
                self.catch_up(&file)?;
                self.settle()
            }
            None => Ok(()),
        }
    }

    /// Appends the records in one write and makes them durable.
    ///
    /// Under the exclusive lock; a torn last line, left by a power loss, is set aside first. When
    /// this returns `Ok`, the records survive whatever happens next. When it returns an error, they
    /// may or may not be in the file, and must not be acted upon.
    ///
    /// # Errors
    /// When the lock is not to be had, the file is damaged, or the disk refuses.
    pub fn append(&mut self, records: &[Record]) -> Result<(), LedgerError> {
        if records.is_empty() {
            return Ok(());
        }
        let path = self.path();
        let _lock = self.lock()?;
        let mut file = private::open_append(&path).map_err(LedgerError::io("cannot open", &path))?;
        if let Tail::Torn = self.catch_up(&file)? {
            self.set_aside(&file)?;
        }
        self.settle()?;
        let batch: String = records.iter().map(Record::line).collect();
        if let Err(error) = file.write_all(batch.as_bytes()) {
            // Part of the batch may be there: better none of it than a torn line.
            let _ = file.set_len(self.position.length);
            return Err(LedgerError::io("cannot append to", &path)(error));
        }
        if let Err(error) = file.sync_all() {
            // What is in the file now may never reach the disk, whatever a later sync says. Where it
            // cannot be taken back either, whoever finds it writes it again before believing it.
            let _ = file.set_len(self.position.length);
            return Err(LedgerError::io("cannot sync", &path)(error));
        }
        if self.position.length == 0 {
            self.sync_path()?;
        }
        for record in records {
            self.state.fold(record);
        }
        self.position = self.position.after(batch.as_bytes(), records.len() as u64);
        self.settled = self.position.length;
        Ok(())
    }

    /// Writes the index, if it is not the one that was read.
    ///
    /// # Errors
    /// When it cannot be written; the ledger is whole all the same.
    pub fn save_index(&mut self) -> Result<(), LedgerError> {
        if self.position == self.indexed && self.position.modified.is_some() {
            return Ok(());
        }
        let path = self.path();
        let _lock = self.lock()?;
        let Some(file) = private::open_read(&path).map_err(LedgerError::io("cannot read", &path))? else {
            return Ok(());
        };
        self.catch_up(&file)?;
        self.settle()?;
        self.position.modified = index::modified(&file);
        let [index, _] = index::files(&self.directory);
        index::save(&self.directory, &file, &self.position, &mut self.state)
            .map_err(LedgerError::io("cannot write", &index))?;
        self.indexed = self.position.clone();
        Ok(())
    }

    /// All the records, from the first.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn records(&self) -> Result<Vec<Record>, LedgerError> {
        Ok(file::parse(&self.bytes()?, &self.path(), 0)?.records)
    }

    /// Hands on each record, from the first, and keeps none: a ledger may be longer than memory.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn each(&self, mut found: impl FnMut(Record)) -> Result<(), LedgerError> {
        let path = self.path();
        let Some(file) = private::open_read(&path).map_err(LedgerError::io("cannot read", &path))? else {
            return Ok(());
        };
        let mut reader = BufReader::new(file);
        let (mut part, mut before, mut is_end) = (Vec::new(), 0, false);
        while !is_end {
            is_end = next_part(&mut reader, &mut part).map_err(LedgerError::io("cannot read", &path))?;
            if !is_end {
                // Only the last line of all may be torn: none of these is the last.
                part.push(b' ');
            }
            let parsed = file::parse(&part, &path, before)?;
            before += parsed.records.len() as u64;
            parsed.records.into_iter().for_each(&mut found);
        }
        Ok(())
    }

    /// All the records, each with its line as it is in the file, without the line end.
    ///
    /// The line has the kinds and fields of later versions, which the record has not.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn lines(&self) -> Result<Vec<(Record, String)>, LedgerError> {
        let bytes = self.bytes()?;
        let records = file::parse(&bytes, &self.path(), 0)?.records;
        let lines = bytes.split(|&byte| byte == b'\n').map(|line| String::from_utf8_lossy(line).into_owned());
        Ok(records.into_iter().zip(lines).collect())
    }

    fn bytes(&self) -> Result<Vec<u8>, LedgerError> {
        let path = self.path();
        let mut bytes = Vec::new();
        if let Some(mut file) = private::open_read(&path).map_err(LedgerError::io("cannot read", &path))? {
            file.read_to_end(&mut bytes).map_err(LedgerError::io("cannot read", &path))?;
        }
        Ok(bytes)
    }

    fn lock(&self) -> Result<Lock, LedgerError> {
        let path = self.directory.join("ledger.lock");
        Lock::acquire(&path, APPEND_WAIT).map_err(|error| error.at(path))
    }

    /// Folds what lies behind the position; tells whether the last line is torn.
    fn catch_up(&mut self, file: &File) -> Result<Tail, LedgerError> {
        let path = self.path();
        let read = LedgerError::io("cannot read", &path);
        let mut bytes = Vec::new();
        let mut reader = file;
        let length = match reader.seek(SeekFrom::End(0)) {
            Ok(length) => length,
            Err(error) => return Err(read(error)),
        };
        let is_same = self.is_read_from(file).map_err(LedgerError::io("cannot read", &path))?;
        if length < self.position.length || !is_same {
            // A repaired ledger, or an older copy, has taken the place of the one that was read.
            self.state = State::default();
            self.position = Position::default();
            self.settled = 0;
        }
        if !is_same {
            self.file = Some(file.try_clone().map_err(LedgerError::io("cannot read", &path))?);
        }
        reader
            .seek(SeekFrom::Start(self.position.length))
            .and_then(|_| reader.read_to_end(&mut bytes))
            .map_err(read)?;
        let Bytes { records, whole, tail } = file::parse(&bytes, &path, self.position.lines)?;
        for record in &records {
            self.state.fold(record);
        }
        if whole > 0 {
            self.position = self.position.after(&bytes[..whole], records.len() as u64);
        }
        Ok(tail)
    }

    /// Whether the position is a place in this file.
    fn is_read_from(&self, file: &File) -> io::Result<bool> {
        let Some(read) = &self.file else { return Ok(false) };
        let (read, file) = (read.metadata()?, file.metadata()?);
        Ok((read.dev(), read.ino()) == (file.dev(), file.ino()))
    }

    /// Makes what was found beyond the durable bytes durable, while the caller holds the lock.
    ///
    /// Whoever appended it was killed before its fsync, or the fsync failed and so did taking it back.
    /// After a failed fsync the kernel holds the bytes for clean, and the next fsync says that all is
    /// well (fsync(2), "ERRORS"): only bytes that are written again are synced again.
    fn settle(&mut self) -> Result<(), LedgerError> {
        if self.position.length <= self.settled {
            return Ok(());
        }
        let path = self.path();
        let file = private::open_rewrite(&path).map_err(LedgerError::io("cannot open", &path))?;
        let mut found = vec![0; usize::try_from(self.position.length - self.settled).expect("they were read before")];
        file.read_exact_at(&mut found, self.settled).map_err(LedgerError::io("cannot read", &path))?;
        file.write_all_at(&found, self.settled).map_err(LedgerError::io("cannot write", &path))?;
        file.sync_all().map_err(LedgerError::io("cannot sync", &path))?;
        if self.settled == 0 {
            self.sync_path()?;
        }
        self.settled = self.position.length;
        Ok(())
    }

    /// Makes the file's directory entry durable, and those of the directories above it: whoever made
    /// them may have been killed before.
    fn sync_path(&self) -> Result<(), LedgerError> {
        private::sync_path(&self.directory).map_err(LedgerError::io("cannot sync", &self.directory))
    }

    /// Moves what lies behind the last whole line into a file of its own.
    fn set_aside(&mut self, file: &File) -> Result<(), LedgerError> {
        let path = self.path();
        let mut torn = Vec::new();
        let mut reader = file;
        reader
            .seek(SeekFrom::Start(self.position.length))
            .and_then(|_| reader.read_to_end(&mut torn))
            .map_err(LedgerError::io("cannot read", &path))?;
        let aside = self.directory.join(format!("torn-{}-{}.jsonl", self.position.length, Timestamp::now().millis()));
        private::replace(&aside, ".torn.new", &torn)
            .and_then(|()| private::sync_dir(&self.directory))
            .map_err(LedgerError::io("cannot write", &aside))?;
        file.set_len(self.position.length).map_err(LedgerError::io("cannot truncate", &path))?;
        self.notices.push(format!(
            "the ledger's last line was torn, as after a power loss; its {} bytes are set aside in {}",
            torn.len(),
            aside.display()
        ));
        Ok(())
    }
}

/// The next whole lines in the place of what `part` holds; whether they are the last.
fn next_part(reader: &mut impl BufRead, part: &mut Vec<u8>) -> io::Result<bool> {
    part.clear();
    reader.by_ref().take(PART).read_to_end(part)?;
    reader.read_until(b'\n', part)?;
    Ok(reader.fill_buf()?.is_empty())
}

#[cfg(test)]
mod tests;
