//! What a child printed, in bounded memory: its beginning and its end.

use crate::spool::{Spooled, Writer};
use std::{collections::VecDeque, io, mem};

/// The output of a child, of which the beginning and the end are kept.
///
/// With nothing left out, `head` is all of it and `tail` is empty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Captured {
    /// The first bytes.
    pub head: Vec<u8>,
    /// The last bytes.
    pub tail: Vec<u8>,
    /// How many bytes between the two were thrown away.
    pub omitted: u64,
}

impl Captured {
    /// The output as text, with a line that says how many bytes were left out.
    #[must_use]
    pub fn lossy(&self) -> String {
        let head = String::from_utf8_lossy(&self.head);
        if self.omitted == 0 {
            return head.into_owned();
        }
        let line_end = if head.ends_with('\n') { "" } else { "\n" };
        format!("{head}{line_end}[{} bytes left out]\n{}", self.omitted, String::from_utf8_lossy(&self.tail))
    }

    /// The same, of which no more than `limit` bytes are kept.
    #[must_use]
    pub fn shortened(self, limit: usize) -> Self {
        let mut capture = Capture::new(limit);
        capture.push(&self.head);
        // What was left out already lies between the two, and is counted once.
        capture.omitted += self.omitted;
        capture.push(&self.tail);
        capture.take()
    }

    /// How many bytes were printed, kept or not.
    #[must_use]
    pub fn printed(&self) -> u64 {
        self.omitted + (self.head.len() + self.tail.len()) as u64
    }
}

impl From<&[u8]> for Captured {
    fn from(all: &[u8]) -> Self {
        Self { head: all.to_vec(), ..Self::default() }
    }
}

/// Who takes the bytes of a pipe as they come.
pub(super) trait Keep: Send + 'static {
    fn push(&mut self, bytes: &[u8]);
}

/// Hands bytes on to where they wait, as far as its limit.
#[derive(Debug)]
pub(super) struct Spooling {
    kept: io::Result<Writer>,
    most: u64,
}

impl Spooling {
    pub(super) fn new(writer: Writer, most: u64) -> Self {
        Self { kept: Ok(writer), most }
    }

    /// All that was printed; an error if that was too much, or could not be kept.
    pub(super) fn finish(self) -> io::Result<Spooled> {
        self.kept.map(Writer::finish)
    }
}

impl Keep for Spooling {
    fn push(&mut self, bytes: &[u8]) {
        let Ok(writer) = &mut self.kept else { return };
        let pushed = if writer.len() + bytes.len() as u64 > self.most {
            let reason = format!("it printed more than {} bytes, which are the limit", self.most);
            Err(io::Error::new(io::ErrorKind::FileTooLarge, reason))
        } else {
            writer.push(bytes)
        };
        if let Err(error) = pushed {
            self.kept = Err(error);
        }
    }
}

/// Takes bytes as they come and never holds more than its limit.
#[derive(Debug)]
pub(super) struct Capture {
    head: Vec<u8>,
    head_limit: usize,
    tail: VecDeque<u8>,
    tail_limit: usize,
    omitted: u64,
}

impl Capture {
    /// A capture that keeps at most `limit` bytes, half from the beginning and half from the end.
    pub(super) fn new(limit: usize) -> Self {
        let head_limit = limit / 2;
        Self { head: Vec::new(), head_limit, tail: VecDeque::new(), tail_limit: limit - head_limit, omitted: 0 }
    }

    /// What was captured so far; nothing is left behind.
    pub(super) fn take(&mut self) -> Captured {
        let mut head = mem::take(&mut self.head);
        let mut tail = Vec::from(mem::take(&mut self.tail));
        if self.omitted == 0 {
            head.append(&mut tail);
        }
        Captured { head, tail, omitted: mem::take(&mut self.omitted) }
    }
}

impl Keep for Capture {
    fn push(&mut self, bytes: &[u8]) {
        let room = self.head_limit - self.head.len();
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        let skipped = rest.len().saturating_sub(self.tail_limit);
        let rest = &rest[skipped..];
        let displaced = (self.tail.len() + rest.len()).saturating_sub(self.tail_limit);
        self.tail.drain(..displaced);
        self.tail.extend(rest);
        self.omitted += (skipped + displaced) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        #[track_caller]
        fn case(limit: usize, chunks: &[&str], head: &str, tail: &str, omitted: u64) {
            let mut capture = Capture::new(limit);
            for chunk in chunks {
                capture.push(chunk.as_bytes());
            }
            let expected = Captured { head: head.into(), tail: tail.into(), omitted };
            assert_eq!(capture.take(), expected);
        }
        case(4, &[], "", "", 0);
        case(4, &["abcd"], "abcd", "", 0);
        case(4, &["a", "b", "c", "d"], "abcd", "", 0);
        case(4, &["abcde"], "ab", "de", 1);
        case(4, &["a", "bcdef", "g"], "ab", "fg", 3);
        case(4, &["abc", "defghij"], "ab", "ij", 6);
        case(5, &["abcdef"], "ab", "def", 1);
        case(0, &["abc"], "", "", 3);
    }

    #[test]
    fn what_was_kept_can_be_made_less() {
        #[track_caller]
        fn case(head: &str, omitted: u64, tail: &str, expected: (&str, u64, &str)) {
            let kept = Captured { head: head.into(), tail: tail.into(), omitted }.shortened(4);
            let of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            assert_eq!((&*of(&kept.head), kept.omitted, &*of(&kept.tail)), expected);
        }
        case("abcd", 0, "", ("abcd", 0, ""));
        case("abcdef", 0, "", ("ab", 2, "ef"));
        case("abcd", 7, "wxyz", ("ab", 11, "yz"));
        case("ab", 7, "z", ("ab", 7, "z"));
    }

    #[test]
    fn what_was_left_out_is_told() {
        let whole = Captured::from(&b"all\xff"[..]);
        assert_eq!(whole.lossy(), "all\u{fffd}");
        let cut = Captured { head: b"ab".to_vec(), tail: b"yz".to_vec(), omitted: 22 };
        assert_eq!(cut.lossy(), "ab\n[22 bytes left out]\nyz");
        assert_eq!(cut.printed(), 26);
    }
}
