//! The version inside a tag, and which entries a watch takes.

use globset::GlobMatcher;
use semver::{BuildMetadata, Prerelease, Version, VersionReq};
use serde::Serialize;

/// The version inside a tag: `rust-v1.2.3` is 1.2.3, `curl-8_10_0` is 8.10.0, `2.0rc1` is 2.0.0-rc1.
///
/// The last run of numbers joined by dots (or, without any dot, by underscores) that begins a word
/// and is not a lone number behind a pre-release word. Missing parts are 0, a fourth number is
/// passed over, what follows a `+` is build metadata. `None` when there is no number.
///
/// A suffix is a pre-release as in Semantic Versioning 2.0.0, section 9 (`1.2.3-rc.1`), or one of
/// the words that projects write without the hyphen (`1.2b3`, `6.9rc1`, `1.0.dev4`, `5.0.0.Beta2`).
/// `final`, `ga`, `release`, `post`, `p` and `patch` suffixes are not, nor is a bare number (`3.38.1-01`).
#[must_use]
pub fn version_in(tag: &str) -> Option<Version> {
    let start = version_start(tag)?;
    let separator = if has_joined(&tag[start..], '.') { '.' } else { '_' };
    let (numbers, suffix) = leading_numbers(&tag[start..], separator);
    let mut parts = numbers.into_iter().chain(std::iter::repeat(0));
    let mut version = Version::new(parts.next()?, parts.next()?, parts.next()?);
    let (pre, build) = match suffix.split_once('+') {
        Some((pre, build)) => (pre, build),
        None if is_revision(suffix) => ("", &suffix[1..]),
        None => (suffix, ""),
    };
    version.pre = prerelease(pre);
    version.build = BuildMetadata::new(build).unwrap_or(BuildMetadata::EMPTY);
    Some(version)
}

const PRERELEASE_WORDS: [&str; 14] =
    ["alpha", "beta", "rc", "pre", "preview", "dev", "snapshot", "nightly", "canary", "milestone", "m", "a", "b", "c"];
const RELEASE_WORDS: [&str; 9] = ["final", "ga", "release", "post", "patch", "p", "hotfix", "sp", "lts"];

/// Where the version begins: the first number that begins a word and is followed by a separator
/// and a number, else the first number that begins a word.
fn version_start(tag: &str) -> Option<usize> {
    let bytes = tag.as_bytes();
    let begins_word = |at: usize| {
        let before = tag[..at].trim_end_matches(['v', 'V']);
        let word_end = before.as_bytes().last();
        let glued_v = before.len() < at;
        match word_end {
            None => true,
            Some(byte) if byte.is_ascii_digit() => false,
            Some(byte) => !byte.is_ascii_alphabetic() || !glued_v,
        }
    };
    let starts = || {
        (0..bytes.len())
            .filter(|&at| bytes[at].is_ascii_digit() && (at == 0 || !bytes[at - 1].is_ascii_digit()))
            .filter(|&at| begins_word(at))
    };
    starts()
        .find(|&at| has_joined(&tag[at..], '.'))
        .or_else(|| starts().find(|&at| has_joined(&tag[at..], '_')))
        .or_else(|| starts().next())
}

/// Whether `text` begins with two numbers joined by `separator`.
fn has_joined(text: &str, separator: char) -> bool {
    text.trim_start_matches(|c: char| c.is_ascii_digit())
        .strip_prefix(separator)
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The numbers joined by `separator` that `text` begins with, and what follows them.
fn leading_numbers(text: &str, separator: char) -> (Vec<u64>, &str) {
    let mut numbers = Vec::new();
    let mut rest = text;
    loop {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        // A number that does not fit is still a number: as large as can be.
        numbers.push(rest[..digits].parse().unwrap_or(u64::MAX));
        let after = &rest[digits..];
        match after.strip_prefix(separator) {
            Some(next) if next.starts_with(|c: char| c.is_ascii_digit()) => rest = next,
            _ => return (numbers, after),
        }
    }
}

/// `-1`: the number of a build or a package, whatever Semantic Versioning says.
fn is_revision(suffix: &str) -> bool {
    suffix.len() > 1 && suffix.starts_with('-') && suffix[1..].bytes().all(|byte| byte.is_ascii_digit())
}

fn prerelease(suffix: &str) -> Prerelease {
    let hyphenated = suffix.starts_with('-');
    let text = suffix.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let letters = text.len() - text.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
    let word = text[..letters].to_ascii_lowercase();
    let marked = PRERELEASE_WORDS.contains(&word.as_str());
    if text.is_empty() || RELEASE_WORDS.contains(&word.as_str()) || !(hyphenated || marked) {
        return Prerelease::EMPTY;
    }
    let identifiers: Vec<String> = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .filter(|part| !part.is_empty())
        .map(without_leading_zeros)
        .collect();
    Prerelease::new(&identifiers.join(".")).unwrap_or_else(|_| Prerelease::new("pre").expect("a word is a pre-release"))
}

fn without_leading_zeros(identifier: &str) -> String {
    if identifier.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = identifier.trim_start_matches('0');
        return if digits.is_empty() { "0" } else { digits }.to_owned();
    }
    identifier.to_owned()
}

/// `watch.<name>.tags`, `.versions` and `.prerelease`: which entries a watch takes.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Globs of which one must match, if there are any.
    pub include: Vec<GlobMatcher>,
    /// Globs of which none may match.
    pub exclude: Vec<GlobMatcher>,
    /// What the version inside the tag must meet.
    pub versions: Option<VersionReq>,
    /// Whether pre-releases are taken.
    pub prerelease: bool,
}

/// Why a watch passes over an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Passed {
    /// No glob of `tags` matches, or one with `!` does.
    Tags,
    /// There is no version inside the tag, or it does not meet `versions`.
    Versions,
    /// It is a pre-release.
    Prerelease,
}

impl Passed {
    /// The key of the watch that decided.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tags => "tags",
            Self::Versions => "versions",
            Self::Prerelease => "prerelease",
        }
    }
}

impl Filter {
    /// Why the release with this tag or version is passed over; `None` if it is taken.
    #[must_use]
    pub fn passes_over(&self, tag: &str) -> Option<Passed> {
        let included = self.include.is_empty() || self.include.iter().any(|glob| glob.is_match(tag));
        if !included || self.exclude.iter().any(|glob| glob.is_match(tag)) {
            return Some(Passed::Tags);
        }
        let version = version_in(tag);
        if !self.prerelease && version.as_ref().is_some_and(|version| !version.pre.is_empty()) {
            return Some(Passed::Prerelease);
        }
        if let Some(requirement) = &self.versions {
            // semver matches a pre-release only against the same triple; who takes pre-releases
            // means them wherever their release would be taken.
            let meets = version.is_some_and(|version| {
                let release = Version::new(version.major, version.minor, version.patch);
                requirement.matches(&version) || (self.prerelease && requirement.matches(&release))
            });
            if !meets {
                return Some(Passed::Versions);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use globset::Glob;

    #[test]
    fn versions_are_found_inside_tags() {
        #[track_caller]
        fn case(tag: &str, expected: &str) {
            let version = version_in(tag).map_or("none".to_owned(), |version| version.to_string());
            assert_eq!(version, expected, "{tag}");
        }
        case("1.2.3", "1.2.3");
        case("v1.2.3", "1.2.3");
        case("rust-v1.2.3", "1.2.3");
        case("release-2.10", "2.10.0");
        case("v7", "7.0.0");
        case("curl-8_10_0", "8.10.0");
        case("REL_16_2", "16.2.0");
        case("v1.2.3-rc.1", "1.2.3-rc.1");
        case("v6.9-rc1", "6.9.0-rc1");
        case("2.0rc1", "2.0.0-rc1");
        case("1.0b2", "1.0.0-b2");
        case("1.0.dev4", "1.0.0-dev4");
        case("5.0.0.Beta2", "5.0.0-Beta2");
        case("5.0.0.Final", "5.0.0");
        case("1.2.3.post1", "1.2.3");
        case("1.2.3p2", "1.2.3");
        case("1.2.3a", "1.2.3-a");
        case("1.1.1w", "1.1.1");
        case("2026.05.01", "2026.5.1");
        case("1.2.3.4", "1.2.3");
        case("v1.2.3+build.5", "1.2.3+build.5");
        case("jdk-17+35", "17.0.0+35");
        case("crate-a/v0.3.0", "0.3.0");
        case("python3-tool-1.4", "1.4.0");
        case("v1.2.3-007", "1.2.3+007");
        case("release-3.38.1-01", "3.38.1+01");
        case("v1.2.3-rc.007", "1.2.3-rc.7");
        case("99999999999999999999.1", "18446744073709551615.1.0");
        case("nightly", "none");
        case("", "none");
        case("größe", "none");
    }

    #[test]
    fn filters_say_why_they_pass_over() {
        #[track_caller]
        fn case(filter: &Filter, tag: &str, expected: Option<Passed>) {
            assert_eq!(filter.passes_over(tag), expected, "{tag}");
        }
        let glob = |text: &str| Glob::new(text).unwrap().compile_matcher();
        let filter = Filter {
            include: vec![glob("v*"), glob("[0-9]*")],
            exclude: vec![glob("*-lts")],
            versions: Some(">=1.4, <3".parse().unwrap()),
            prerelease: false,
        };
        let with_pre = Filter { prerelease: true, ..filter.clone() };
        case(&filter, "v1.4.0", None);
        case(&filter, "2.9", None);
        case(&filter, "release-2.9", Some(Passed::Tags));
        case(&filter, "v2.0.0-lts", Some(Passed::Tags));
        case(&filter, "v3.0.0", Some(Passed::Versions));
        case(&filter, "vnext", Some(Passed::Versions));
        case(&filter, "v2.0.0-rc.1", Some(Passed::Prerelease));
        case(&with_pre, "v2.0.0-rc.1", None);
        case(&with_pre, "v3.0.0-rc.1", Some(Passed::Versions));
        case(&Filter::default(), "nightly", None);
    }
}
