//! Text from strangers made safe: for a terminal, and inside JSON.
//!
//! Titles, tags, refs and the words of a remote are hostile. What is dangerous in them is the same
//! everywhere: C0 and C1 controls, DEL, and the characters that reorder or hide text.

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use std::io::{self, Write};

/// Whether a character could move a cursor, end a line, or reorder or hide the text around it.
///
/// C0, DEL and C1 controls; the line and paragraph separators; bidirectional controls (Unicode
/// UAX #9, and CVE-2021-42574); zero-width characters; tag characters.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// `text` on one line, every unsafe character written as an escape such as `\n` or `\u{1b}`.
#[must_use]
pub fn printable(text: &str) -> String {
    if !text.contains(is_unsafe) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|c| {
            let escaped = is_unsafe(c).then(|| c.escape_default());
            let plain = escaped.is_none().then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

/// `text` without its surrounding white space, cut after `max` bytes at a character boundary.
#[must_use]
pub fn clipped(text: &str, max: usize) -> &str {
    let text = text.trim();
    &text[..text.floor_char_boundary(max)]
}

/// One JSON document without a line end, with every unsafe character as `\uXXXX`.
///
/// The value reads back equal (RFC 8259, section 7 allows any character to be escaped); the line
/// can be shown on a terminal and never forges another.
///
/// # Panics
/// If `value` cannot be JSON at all: a map with keys that are not strings.
#[must_use]
pub fn json<T: Serialize + ?Sized>(value: &T) -> String {
    json_without(value, &[])
}

/// As [`json`], with the characters `also` escaped in all strings.
///
/// # Panics
/// As [`json`].
#[must_use]
pub fn json_without<T: Serialize + ?Sized>(value: &T, also: &[char]) -> String {
    let mut line = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut line, Escaping { also }))
        .expect("our records have string keys, and a Vec takes every byte");
    String::from_utf8(line).expect("serde_json writes UTF-8")
}

struct Escaping<'a> {
    also: &'a [char],
}

impl Formatter for Escaping<'_> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c| is_unsafe(c) || self.also.contains(&c)) {
            CompactFormatter.write_string_fragment(writer, &rest[..at])?;
            let c = rest[at..].chars().next().expect("`find` gave its place");
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_characters_are_escaped_and_others_kept() {
        #[track_caller]
        fn case(text: &str, expected: &str) {
            assert_eq!(printable(text), expected);
        }
        case("v1.2.3 – größer", "v1.2.3 – größer");
        case("a\nb", "a\\nb");
        case("\u{1b}[31mred", "\\u{1b}[31mred");
        case("\u{9b}2J\u{7f}", "\\u{9b}2J\\u{7f}");
        case("safe\u{202e}fdp.exe", "safe\\u{202e}fdp.exe");
    }

    #[test]
    fn json_is_one_clean_line_that_reads_back_equal() {
        let text = "a\n\u{7f}\u{9b}\u{202e}\u{e0041}ü\"\\";
        let line = json(text);
        assert_eq!(line, r#""a\n\u007f\u009b\u202e\udb40\udc41ü\"\\""#);
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }

    #[test]
    fn further_characters_are_escaped_in_strings_only() {
        let value = serde_json::json!(["[skip ci] #1"]);
        let line = json_without(&value, &['[', '#']);
        assert_eq!(line, r#"["\u005bskip ci] \u00231"]"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
    }

    #[test]
    fn clipping_never_splits_a_character() {
        assert_eq!(clipped(" aü ", 2), "a");
    }
}
