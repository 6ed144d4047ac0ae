//! A path inside a tree: bytes, and a way to write them that reads back equal.

use serde::{Deserialize, Serialize};
use std::{fmt, fmt::Write as _, str::FromStr};

/// A path as Git keeps it: bytes without NUL, `/` between the components.
///
/// Shown and serialised as itself where it is plain text, else quoted as Git quotes it
/// (`core.quotePath` in git-config(1)): `"a\tb"`, `"\377"`. No two paths are written alike.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TreePath(Vec<u8>);

impl TreePath {
    /// The path of these bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = std::str::from_utf8(&self.0).ok();
        let is_plain = |text: &&str| !text.contains(|c| crate::text::is_unsafe(c) || matches!(c, '"' | '\\'));
        if let Some(text) = plain.filter(is_plain) {
            return f.pad(text);
        }
        f.write_char('"')?;
        for &byte in &self.0 {
            match byte {
                b'"' | b'\\' => write!(f, "\\{}", char::from(byte))?,
                b' '..=b'~' => f.write_char(char::from(byte))?,
                _ => write!(f, "\\{byte:03o}")?,
            }
        }
        f.write_char('"')
    }
}

impl FromStr for TreePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(quoted) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return Ok(Self::new(text));
        };
        let mut bytes = Vec::with_capacity(quoted.len());
        let mut rest = quoted.as_bytes().iter();
        while let Some(&byte) = rest.next() {
            if byte != b'\\' {
                bytes.push(byte);
                continue;
            }
            let rest_of = rest.as_slice();
            let octal = rest_of.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
            if let Some(byte) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
                bytes.push(byte);
                rest.nth(2);
                continue;
            }
            bytes.push(match rest.next() {
                Some(b't') => b'\t',
                Some(b'n') => b'\n',
                Some(&byte @ (b'"' | b'\\')) => byte,
                _ => return Err("a quoted path has an escape that is not known".to_owned()),
            });
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for TreePath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TreePath> for String {
    fn from(path: TreePath) -> Self {
        path.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_back_equal() {
        #[track_caller]
        fn case(bytes: &[u8], shown: &str) {
            let path = TreePath::new(bytes);
            assert_eq!(path.to_string(), shown);
            assert_eq!(shown.parse(), Ok(path));
        }
        case(b"src/main.rs", "src/main.rs");
        case("größe".as_bytes(), "größe");
        case(b"a\tb\n", r#""a\011b\012""#);
        case(b"\xff", r#""\377""#);
        case(b"\"quoted\"", r#""\"quoted\"""#);
        case(b"back\\slash", r#""back\\slash""#);
        case("x\u{202e}y".as_bytes(), r#""x\342\200\256y""#);
        assert_eq!(r#""a\tb""#.parse(), Ok(TreePath::new("a\tb")));
        assert!(r#""\q""#.parse::<TreePath>().is_err());
    }
}
