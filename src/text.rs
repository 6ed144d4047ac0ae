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
/// UAX #9, and CVE-2021-42574); and what shows nothing at all: zero-width characters, fillers, tags
/// (`Default_Ignorable_Code_Point` of UAX #44). The two variation selectors that emoji are written
/// with are left: half of all release titles with a picture have one.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{17b4}'
                | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0d}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
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

/// `text` as one word of a shell's command line that is safe to show and means exactly this text.
///
/// What could harm a terminal is written as octal bytes between `$'` and `'` (POSIX.1-2024, XCU 2.2.4),
/// which bash, zsh and ksh have had for long.
#[must_use]
pub fn shell_word(text: &str) -> String {
    if let Ok(quoted) = shlex::try_quote(text)
        && !text.contains(is_unsafe)
    {
        return quoted.into_owned();
    }
    let mut word = "$'".to_owned();
    for c in text.chars() {
        match c {
            '\\' | '\'' => word.extend(['\\', c]),
            c if is_unsafe(c) => {
                word.extend(c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\{byte:03o}")));
            }
            c => word.push(c),
        }
    }
    word + "'"
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

/// A line of JSON with every unsafe character as `\uXXXX`, and nothing else changed.
///
/// Unlike [`json`] it keeps what this version does not know. JSON has no control character but white
/// space outside of its strings, and none below U+0020 inside (RFC 8259, sections 2 and 7).
#[must_use]
pub fn clean_json(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\t' | '\n' | '\r' => clean.push(' '),
            c if is_unsafe(c) => clean.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
            c => clean.push(c),
        }
    }
    clean
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
        case("v1\u{3164}\u{ad}\u{34f}\u{e0100}", "v1\\u{3164}\\u{ad}\\u{34f}\\u{e0100}");
        case("ship it \u{2764}\u{fe0f}", "ship it \u{2764}\u{fe0f}");
        case("gro\u{308}\u{df}e \u{5d0}\u{628}", "gro\u{308}\u{df}e \u{5d0}\u{628}");
    }

    #[test]
    fn a_word_of_a_shell_is_safe_and_exact() {
        #[track_caller]
        fn case(text: &str, expected: &str) {
            assert_eq!(shell_word(text), expected);
        }
        case("up:v1.2", "up:v1.2");
        case("", "''");
        case("a b; $(c)", "'a b; $(c)'");
        case("v9\u{1b}]0;x\u{7}\u{202e}", r"$'v9\033]0;x\007\342\200\256'");
        case("it's \\ \n", r"$'it\'s \\ \012'");
    }

    #[test]
    fn a_line_of_json_is_cleaned_without_a_loss() {
        let line = "{\"a\":\t\"x\u{9b}\u{e0041}\\n\u{7f}\",\r\"later\":1}";
        let clean = clean_json(line);
        assert_eq!(clean, r#"{"a": "x\u009b\udb40\udc41\n\u007f", "later":1}"#);
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&clean), read(line));
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
