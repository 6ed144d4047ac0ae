//! The lines of a ledger that have certain words in them, found by their bytes: most lines are not
//! what is asked for, and reading each as JSON takes ten times as long as looking at it.
//!
//! Pure but for the reads. Whoever asks reads the lines that are found as records, and decides.

use memchr::{memchr, memchr_iter, memmem::Finder, memrchr};
use std::{fs::File, io, num::NonZero, ops::Range, os::unix::fs::FileExt, panic, thread};

/// How many bytes are read at once.
const CHUNK: usize = 256 << 10;
/// How many bytes are worth a thread of their own.
const SHARE: u64 = 8 << 20;

/// Bytes that can be read at any place, by several at once.
pub trait Source: Sync {
    /// Reads what is at this place; how many bytes that are, none behind the end.
    ///
    /// # Errors
    /// As pread(2).
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
}

impl Source for File {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, at)
    }
}

/// The words that a line has to have: of each group at least one.
#[derive(Debug, Default)]
pub struct Words(Vec<Vec<Finder<'static>>>);

impl Words {
    /// And one of these texts; none at all asks for nothing.
    #[must_use]
    pub fn and<'a>(mut self, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let group: Vec<_> = texts.into_iter().map(|text| Finder::new(searchable(text)).into_owned()).collect();
        if !group.is_empty() {
            self.0.push(group);
        }
        self
    }

    fn are_in(&self, line: &[u8]) -> bool {
        self.0.iter().all(|group| group.iter().any(|word| word.find(line).is_some()))
    }

    /// The word that is in every line, the longest of them if there are several.
    fn certain(&self) -> Option<&Finder<'static>> {
        let alone = self.0.iter().filter_map(|group| match group.as_slice() {
            [word] if !word.needle().is_empty() => Some(word),
            _ => None,
        });
        alone.max_by_key(|word| word.needle().len())
    }
}

/// The longest part of a text that is the same bytes in whatever JSON it stands: who wrote the line
/// may have written any other character as an escape.
fn searchable(text: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    text.split(|c| !is_plain(c)).max_by_key(|run| run.len()).unwrap_or_default()
}

/// What `take` makes of the lines that begin in `range` and have the words, in their order.
///
/// The first `length` bytes of the source are whole lines. `take` is given where a line begins, and
/// the line without its end; several threads call it.
///
/// # Errors
/// When the source cannot be read.
pub fn all<T: Send>(
    source: &impl Source,
    range: Range<u64>,
    length: u64,
    words: &Words,
    take: impl Fn(u64, &[u8]) -> Option<T> + Sync,
) -> io::Result<Vec<T>> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let share = (range.end - range.start).div_ceil(threads).max(SHARE);
    let part = |from: u64| {
        let mut found = Vec::new();
        within(source, from..(from + share).min(range.end), length, words, |at, line| found.extend(take(at, line)))?;
        Ok(found)
    };
    let starts = (0..threads).map(|number| range.start + number * share).take_while(|from| *from < range.end);
    if range.end - range.start <= SHARE {
        return part(range.start);
    }
    let parts = thread::scope(|scope| {
        let part = &part;
        let running: Vec<_> = starts.map(|from| scope.spawn(move || part(from))).collect();
        let ended = running.into_iter().map(|it| it.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        ended.collect::<io::Result<Vec<_>>>()
    })?;
    Ok(parts.into_iter().flatten().collect())
}

/// Calls `found` with every line that begins in `range` and has the words.
///
/// The first `length` bytes of the source are whole lines. `found` is given where a line begins, and
/// the line without its end. Ranges that lie side by side have each line once, wherever they are cut.
///
/// # Errors
/// When the source cannot be read.
fn within(
    source: &impl Source,
    range: Range<u64>,
    length: u64,
    words: &Words,
    mut found: impl FnMut(u64, &[u8]),
) -> io::Result<()> {
    let mut buffer = Buffer::from(range.start.saturating_sub(1));
    // The line around the beginning of the range begins before it, unless the byte before ends one.
    let mut begun = range.start == 0;
    while buffer.at < range.end && buffer.fill(source, length)? {
        if !begun {
            let Some(end) = memchr(b'\n', buffer.bytes()) else { continue };
            buffer.pass(end + 1);
            begun = true;
        }
        let Some(last) = memrchr(b'\n', buffer.bytes()) else { continue };
        let left = usize::try_from(range.end.saturating_sub(buffer.at)).unwrap_or(usize::MAX);
        each(&buffer.bytes()[..=last], left, words, |at, line| found(buffer.at + at as u64, line));
        buffer.pass(last + 1);
    }
    Ok(())
}

/// Calls `found` with the lines of `text` that begin in its first `left` bytes and have the words.
fn each(text: &[u8], left: usize, words: &Words, mut found: impl FnMut(usize, &[u8])) {
    let mut start = 0;
    let Some(word) = words.certain() else {
        for end in memchr_iter(b'\n', text) {
            if start >= left {
                return;
            }
            let line = &text[start..end];
            if words.are_in(line) {
                found(start, line);
            }
            start = end + 1;
        }
        return;
    };
    while let Some(hit) = word.find(&text[start..]).map(|hit| start + hit) {
        let begin = memrchr(b'\n', &text[start..hit]).map_or(start, |before| start + before + 1);
        if begin >= left {
            return;
        }
        let end = memchr(b'\n', &text[hit..]).map_or(text.len(), |behind| hit + behind);
        let line = &text[begin..end];
        if words.are_in(line) {
            found(begin, line);
        }
        start = (end + 1).min(text.len());
    }
}

/// The bytes that are looked at, and where they are from.
struct Buffer {
    at: u64,
    /// Room, of which the first `filled` bytes were read.
    room: Vec<u8>,
    filled: usize,
}

impl Buffer {
    fn from(at: u64) -> Self {
        Self { at, room: Vec::new(), filled: 0 }
    }

    fn bytes(&self) -> &[u8] {
        &self.room[..self.filled]
    }

    /// Reads more behind what is there, of a long line as much again; whether there was more.
    fn fill(&mut self, source: &impl Source, length: u64) -> io::Result<bool> {
        let behind = usize::try_from(length.saturating_sub(self.at + self.filled as u64)).unwrap_or(usize::MAX);
        let end = self.filled + CHUNK.max(self.filled).min(behind);
        if self.room.len() < end {
            self.room.resize(end, 0);
        }
        let read = loop {
            match source.read_at(&mut self.room[self.filled..end], self.at + self.filled as u64) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.filled += read;
        Ok(read > 0)
    }

    fn pass(&mut self, count: usize) {
        self.room.copy_within(count..self.filled, 0);
        self.filled -= count;
        self.at += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of which no read gives more than so many.
    struct Text<'a>(&'a [u8], usize);

    impl Source for Text<'_> {
        fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
            let rest = &self.0[usize::try_from(at).unwrap().min(self.0.len())..];
            let count = rest.len().min(buffer.len()).min(self.1);
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        }
    }

    /// The lines that are found, however the reads and the ranges are cut.
    #[track_caller]
    fn case(text: &str, words: &[&[&str]], expected: &[(u64, &str)]) {
        let words = words.iter().fold(Words::default(), |words, group| words.and(group.iter().copied()));
        let length = text.len() as u64;
        for most in [1, 2, 3, 7, 1000] {
            let source = Text(text.as_bytes(), most);
            for cut in 0..=length {
                let mut found = Vec::new();
                for range in [0..cut, cut..length] {
                    within(&source, range, length, &words, |at, line| {
                        found.push((at, String::from_utf8(line.to_vec()).unwrap()));
                    })
                    .unwrap();
                }
                let found: Vec<_> = found.iter().map(|(at, line)| (*at, line.as_str())).collect();
                assert_eq!(found, expected, "{text:?} read by {most} and cut at {cut}");
            }
            let found = all(&source, 0..length, length, &words, |at, line| Some((at, line.to_vec()))).unwrap();
            assert_eq!(found.len(), expected.len());
        }
    }

    #[test]
    fn lines_are_found_once_wherever_they_are_cut() {
        case("", &[], &[]);
        case("one\n", &[], &[(0, "one")]);
        case("one\n\ntwo\n", &[], &[(0, "one"), (4, ""), (5, "two")]);
        let text = "a signal of up\nb run of up\nc signal of it up up\nd\n";
        case(text, &[&["up"]], &[(0, "a signal of up"), (15, "b run of up"), (27, "c signal of it up up")]);
        case(text, &[&["up"], &["signal"]], &[(0, "a signal of up"), (27, "c signal of it up up")]);
        case(text, &[&["run", "d"], &["b", "d"]], &[(15, "b run of up"), (48, "d")]);
        case(
            text,
            &[&["a s", "b"], &["up"]],
            &[(0, "a signal of up"), (15, "b run of up"), (27, "c signal of it up up")],
        );
        case(text, &[&["nothing"]], &[]);
        case(text, &[&["up\nb"]], &[(0, "a signal of up"), (15, "b run of up"), (27, "c signal of it up up")]);
    }

    #[test]
    fn what_lies_behind_the_length_is_no_line() {
        let text = b"up 1\nup 2\nup 3";
        let words = Words::default().and(["up"]);
        let found = all(&Text(text, 4), 0..10, 10, &words, |at, _| Some(at)).unwrap();
        assert_eq!(found, [0, 5]);
    }

    #[test]
    fn threads_share_a_long_text_and_keep_its_order() {
        let text =
            (0..20_000).map(|number| format!("{number} {}\n", "x".repeat(1000 + number % 97))).collect::<Vec<_>>();
        let text = text.concat();
        let source = Text(text.as_bytes(), usize::MAX);
        let length = text.len() as u64;
        assert!(length > 2 * SHARE);
        let number = |_: u64, line: &[u8]| std::str::from_utf8(line).unwrap().split(' ').next()?.parse::<usize>().ok();
        assert_eq!(
            all(&source, 0..length, length, &Words::default(), number).unwrap(),
            (0..20_000).collect::<Vec<_>>()
        );
        let long = format!("a\n{}\nb x\n", "x".repeat(3 * CHUNK));
        let source = Text(long.as_bytes(), usize::MAX);
        let length = long.len() as u64;
        let found = all(&source, 0..length, length, &Words::default().and(["x"]), |at, _| Some(at)).unwrap();
        assert_eq!(found, [2, 3 * CHUNK as u64 + 3]);
    }

    #[test]
    fn a_word_is_what_no_writer_of_json_escapes() {
        #[track_caller]
        fn case(text: &str, expected: &str) {
            assert_eq!(searchable(text), expected);
        }
        case("patch:up:v1.1.0:upstream.release", "patch:up:v1.1.0:upstream.release");
        case("release/2026-01", "2026-01");
        case("v1\u{202e}\"", "v1");
        case("café au lait", "lait");
        case("\"\\/", "");
        case("", "");
    }
}
