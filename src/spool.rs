//! Strangers' bytes that wait for their turn: the beginning in memory, the rest in one file.
//!
//! A poll asks everybody first and reads the answers one after the other. Hundreds of watches must
//! not mean gigabytes of answers in memory, so what is longer than usual waits on disk, in a file
//! without a name that is gone when the poll is.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Bytes that are kept in memory of each; the file is written in pieces of this size.
const PIECE: usize = 64 * 1024;

/// Where the bytes of one poll wait. Nothing is made before something is too long for memory.
#[derive(Clone, Debug, Default)]
pub struct Spool(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    file: OnceLock<File>,
    end: AtomicU64,
}

impl Spool {
    /// For one answer, still empty.
    #[must_use]
    pub fn writer(&self) -> Writer {
        Writer { spool: self.clone(), pieces: Vec::new(), rest: Vec::new() }
    }

    fn file(&self) -> io::Result<&File> {
        if let Some(file) = self.0.file.get() {
            return Ok(file);
        }
        let made = tempfile::tempfile()?;
        Ok(self.0.file.get_or_init(|| made))
    }
}

/// Takes one answer as it comes.
#[derive(Debug)]
pub struct Writer {
    spool: Spool,
    /// Where in the file each piece stands.
    pieces: Vec<u64>,
    rest: Vec<u8>,
}

impl Writer {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// If the file cannot be made or written; the answer is then of no use any more.
    pub fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while self.rest.len() + bytes.len() > PIECE {
            let (first, others) = bytes.split_at(PIECE - self.rest.len());
            self.rest.extend_from_slice(first);
            bytes = others;
            let at = self.spool.0.end.fetch_add(PIECE as u64, Ordering::Relaxed);
            self.spool.file()?.write_all_at(&self.rest, at)?;
            self.pieces.push(at);
            self.rest.clear();
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    /// How many bytes were taken.
    #[must_use]
    pub fn len(&self) -> u64 {
        (self.pieces.len() * PIECE + self.rest.len()) as u64
    }

    /// Whether nothing was taken yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole answer.
    #[must_use]
    pub fn finish(mut self) -> Spooled {
        self.rest.shrink_to_fit();
        Spooled(self)
    }
}

/// An answer that waits to be read; it costs little memory until then.
#[derive(Debug)]
pub struct Spooled(Writer);

impl Spooled {
    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let Writer { spool, pieces, rest } = &self.0;
        let mut whole = vec![0; pieces.len() * PIECE];
        for (piece, at) in whole.chunks_exact_mut(PIECE).zip(pieces) {
            spool.file()?.read_exact_at(piece, *at)?;
        }
        whole.extend_from_slice(rest);
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_back_whole_and_apart() {
        let spool = Spool::default();
        let lengths = [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7];
        let bytes = |length: usize, salt: usize| -> Vec<u8> { (0..=250).cycle().skip(salt).take(length).collect() };
        let mut writers: Vec<Writer> = lengths.iter().map(|_| spool.writer()).collect();
        // side by side, and in chunks that fit nothing
        let whole: Vec<Vec<u8>> = lengths.iter().enumerate().map(|(salt, length)| bytes(*length, salt)).collect();
        for at in 0..100 {
            for (writer, bytes) in writers.iter_mut().zip(&whole) {
                writer.push(bytes.chunks(5000).nth(at).unwrap_or_default()).unwrap();
            }
        }
        for (writer, bytes) in writers.into_iter().zip(&whole) {
            let spooled = writer.finish();
            assert_eq!((spooled.len(), spooled.is_empty()), (bytes.len() as u64, bytes.is_empty()));
            assert_eq!(&spooled.read().unwrap(), bytes);
        }
    }

    #[test]
    fn what_is_short_needs_no_file() {
        let spool = Spool::default();
        let mut writer = spool.writer();
        writer.push(&vec![1; PIECE]).unwrap();
        assert!(spool.0.file.get().is_none());
        writer.push(&[2]).unwrap();
        assert!(spool.0.file.get().is_some());
    }
}
