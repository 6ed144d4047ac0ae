//! Ref names built from hostile text: `refs/heads/<refPrefix>trigger/<watch>/<key>`.

use crate::watch::WatchName;
use git2::{ObjectType, Oid};
use std::fmt::Write;

/// The longest component written out; a file system takes 255 bytes, and Git adds `.lock`.
const LONGEST: usize = 150;

/// One component of a ref name for any text: total, injective, and valid by git-check-ref-format(1).
///
/// Letters, digits, `.`, `_`, `+` and inner `-` stand for themselves; every other byte is `=` and
/// two hex digits, and so is a `.` where Git forbids one, and the first byte of a name that Windows
/// takes for a device: nobody there could fetch from the fork. Because `=` never stands for itself, what
/// is appended after one cannot be mistaken for text: a name with capitals ends in `=.` and hex digits
/// that tell which of its letters they are, so that two names that differ only in case stay apart on
/// forges that fold it; a long one is cut and ends in `==` and its whole hash.
///
/// ```
/// use patch_moi::refname::component;
/// assert_eq!(component("v1.2.3"), "v1.2.3");
/// assert_eq!(component("rust/v1"), "rust=2fv1");
/// assert_eq!(component("a..b.lock"), "a.=2eb=2elock");
/// assert_eq!(component("V1.0-RC"), "V1.0-RC=.e");
/// ```
#[must_use]
pub fn component(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut name = String::with_capacity(text.len());
    for (at, &byte) in bytes.iter().enumerate() {
        let stands = match byte {
            _ if at == 0 && is_device(text) => false,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'+' => true,
            b'-' => at > 0,
            b'.' => at > 0 && at + 1 < bytes.len() && bytes[at - 1] != b'.' && !is_lock(&bytes[at..]),
            _ => false,
        };
        if stands {
            name.push(char::from(byte));
        } else {
            write!(name, "={byte:02x}").expect("a String takes every character");
        }
    }
    if name.is_empty() || name.len() > LONGEST {
        let cut = name.floor_char_boundary(LONGEST - 50);
        return format!("{}=={}", &name[..cut].trim_end_matches('.'), hash(text));
    }
    if name.contains(|c: char| c.is_ascii_uppercase()) {
        name.push_str("=.");
        name.push_str(&capitals(&name));
    }
    name
}

/// The text that [`component`] made this of; `None` of a long text, of which a hash is left.
#[must_use]
pub fn text_of(component_name: &str) -> Option<String> {
    let name = component_name.split("=.").next()?;
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'=' => u8::from_str_radix(std::str::from_utf8(&[rest.next()?, rest.next()?]).ok()?, 16).ok()?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| component(text) == component_name)
}

/// Which of the letters are capitals: a bit each, in hex digits, without the zeros at the end.
///
/// A short hash would not do: of one long word there are enough spellings to find two that share it.
fn capitals(name: &str) -> String {
    let bits: Vec<bool> =
        name.bytes().filter(u8::is_ascii_alphabetic).map(|letter| letter.is_ascii_uppercase()).collect();
    let digit = |four: &[bool]| (0..4).fold(0, |sum, at| sum * 2 + u32::from(four.get(at) == Some(&true)));
    let digits: String = bits.chunks(4).filter_map(|four| char::from_digit(digit(four), 16)).collect();
    digits.trim_end_matches('0').to_owned()
}

fn is_lock(rest: &[u8]) -> bool {
    rest.eq_ignore_ascii_case(b".lock")
}

/// `con`, `nul.1` and the like: what is before the first dot counts.
fn is_device(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or(text).to_ascii_lowercase();
    let port = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$")
        || port.is_some_and(|port| port.len() == 1 && port.as_bytes()[0].is_ascii_digit())
}

/// The SHA-1 of `text`, or of any bytes, as a Git blob, 40 hex digits: a short name for anything.
///
/// # Panics
/// Never: hashing needs memory only.
#[must_use]
pub fn hash(text: &(impl AsRef<[u8]> + ?Sized)) -> String {
    Oid::hash_object(ObjectType::Blob, text.as_ref()).expect("hashing bytes in memory cannot fail").to_string()
}

/// The branch of ours of this kind (`candidate`) for this watch and key.
#[must_use]
pub fn branch(prefix: &str, kind: &str, watch: &WatchName, key: &str) -> String {
    format!("refs/heads/{prefix}{kind}/{}/{}", component(watch.as_str()), component(key))
}

/// The branch that hands the signal with this key to the fork's forge.
#[must_use]
pub fn trigger_ref(prefix: &str, watch: &WatchName, key: &str) -> String {
    branch(prefix, "trigger", watch, key)
}

/// Whether a branch and the trigger branches are in each other's way: it is one of them, or holds their place.
///
/// Of a prefix, `patch/*`, every branch is meant. Case makes no difference, as on forges that fold it.
#[must_use]
pub fn meets_triggers(prefix: &str, branch: &str) -> bool {
    // Git cannot have both `a` and `a/b` for branches.
    let below = format!("{}/", branch.strip_suffix("/*").unwrap_or(branch)).to_ascii_lowercase();
    let triggers = format!("{prefix}trigger/").to_ascii_lowercase();
    triggers.starts_with(&below) || below.starts_with(&triggers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use git2::Reference;
    use std::collections::HashSet;

    #[test]
    fn components_are_valid_and_tell_all_texts_apart() {
        let long = "x".repeat(10_000);
        let long_too = format!("{}y", "x".repeat(9_999));
        let texts = [
            "v1.2.3",
            "V1.2.3",
            "rust/v1",
            "rust=2fv1",
            "",
            "-x",
            "--upload-pack=x",
            "../../x",
            "a..b",
            "a.=2eb",
            "@{",
            "@",
            "refs/heads/main",
            "x.lock",
            "x.LOCK",
            ".x",
            "x.",
            "a b",
            "a\nb",
            "a\0b",
            "$(touch x)",
            "größe",
            "gro\u{308}ße",
            "版本",
            "v1@0123",
            "a~b",
            "a^b",
            "a:b",
            "a?b",
            "a*b",
            "a[b",
            "a\\b",
            "=",
            "==",
            "A",
            "a",
            &long,
            &long_too,
            "A=.8",
            "\u{7f}",
            "HEAD",
            "...",
            "a.",
            "é",
        ];
        let mut names = HashSet::new();
        for text in texts {
            let name = component(text);
            assert!(name.len() <= 200, "{name}");
            assert!(Reference::is_valid_name(&format!("refs/heads/p/{name}")), "{text:?} gives {name:?}");
            assert!(names.insert(name.to_ascii_lowercase()), "{text:?} gives {name:?}, and so does another text");
            let is_whole = !name.contains("==");
            assert_eq!(text_of(&name), is_whole.then(|| text.to_owned()), "{name}");
        }
        for never in ["a=", "a=4", "a=41", "a=zz", "a/b", "A", "x=.f", "a=ff"] {
            assert_eq!(text_of(never), None, "{never}");
        }
    }

    #[test]
    fn every_spelling_of_a_word_has_a_name_of_its_own() {
        let word = "release.1-final";
        let letters: Vec<usize> =
            word.char_indices().filter(|(_, c)| c.is_ascii_alphabetic()).map(|(at, _)| at).collect();
        let mut names = HashSet::new();
        for spelling in 0_u32..1 << letters.len() {
            let mut text = word.to_owned();
            for (_, &at) in letters.iter().enumerate().filter(|(bit, _)| spelling >> bit & 1 == 1) {
                text[at..=at].make_ascii_uppercase();
            }
            assert!(names.insert(component(&text).to_ascii_lowercase()), "{text}");
        }
        assert_eq!(names.len(), 1 << 12);
    }

    #[test]
    fn no_name_is_a_device_on_windows() {
        #[track_caller]
        fn case(text: &str, expected: &str) {
            assert_eq!(component(text), expected);
        }
        case("con", "=63on");
        case("nul.1.0", "=6eul.1.0");
        case("com1", "=63om1");
        case("CON", "=43ON=.c");
        case("console", "console");
        case("com10", "com10");
        case("v1.nul", "v1.nul");
    }

    #[test]
    fn every_pair_of_bytes_gives_a_valid_name_of_its_own() {
        let mut names = HashSet::new();
        for first in 0..128_u8 {
            for second in 0..128_u8 {
                let text = String::from_utf8(vec![first, second]).unwrap();
                let name = component(&text);
                assert!(Reference::is_valid_name(&format!("refs/heads/{name}")), "{text:?} gives {name:?}");
                assert!(names.insert(name.to_ascii_lowercase()), "{text:?}");
            }
        }
    }

    #[test]
    fn branches_in_the_way_of_triggers_are_told() {
        #[track_caller]
        fn case(prefix: &str, branch: &str, expected: bool) {
            assert_eq!(meets_triggers(prefix, branch), expected, "{prefix} {branch}");
        }
        case("patch-moi/", "main", false);
        case("patch-moi/", "patch-moi/stack", false);
        case("patch-moi/", "patch-moi/triggers", false);
        case("patch-moi/", "patch/*", false);
        case("patch-moi/", "patch-moi", true);
        case("patch-moi/", "patch-moi/trigger", true);
        case("patch-moi/", "patch-moi/trigger/up/v1", true);
        case("patch-moi/", "Patch-Moi/Trigger/x", true);
        case("patch-moi/", "patch-moi/*", true);
        case("patch-moi/", "patch-moi/trigger/*", true);
        case("main/", "main", true);
        case("MAIN/", "main", true);
        case("main/", "maintenance", false);
        case("a/b/", "a", true);
        case("patch/", "patch/*", true);
        case("patch/bots/", "patch/*", true);
    }
}
