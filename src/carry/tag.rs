//! The tag of a candidate: `watch.<name>.candidateTag`, such as `{tag}+patched.{n}`.
//!
//! Unlike the candidate branch, a tag never moves: each candidate of a release that is published gets
//! the next number, and the same candidate keeps its own.

use crate::version::version_in;
use git2::Reference;
use std::{fmt, str::FromStr};

/// The number of a candidate of its release, from 1.
const NUMBER: &str = "{n}";

/// What candidates are tagged: text with `{tag}`, `{version}` and, once, `{n}`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template(String);

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let end = rest[open..].find('}').map_or(rest.len(), |end| open + end + 1);
            let name = &rest[open..end];
            if !matches!(name, "{tag}" | "{version}" | "{n}") {
                return Err(format!("there is no `{name}`; there are `{{tag}}`, `{{version}}` and `{{n}}`"));
            }
            rest = &rest[end..];
        }
        if text.matches(NUMBER).count() != 1 {
            return Err("it must have `{n}` once, which tells apart the candidates of one release".to_owned());
        }
        if !text.contains("{tag}") && !text.contains("{version}") {
            return Err("it has neither `{tag}` nor `{version}`, which tell releases apart".to_owned());
        }
        let template = Self(text.to_owned());
        match template.series("v1.2.3") {
            Ok(_) => Ok(template),
            Err(reason) => Err(reason),
        }
    }
}

impl Template {
    /// The tags of the candidates of the upstream tag `tag`.
    ///
    /// # Errors
    /// When there is no version in it to fill in, or no such tag could be.
    ///
    /// # Panics
    /// Never: a template has a number.
    pub fn series(&self, tag: &str) -> Result<Series, String> {
        let version = version_in(tag).map(|version| version.to_string());
        if version.is_none() && self.0.contains("{version}") {
            return Err("there is no version in it".to_owned());
        }
        // Filled in one after the other: a tag that contains `{n}` must not be taken for ours.
        let fill = |part: &str| {
            let parts: Vec<String> =
                part.split("{tag}").map(|part| part.replace("{version}", version.as_deref().unwrap_or(""))).collect();
            parts.join(tag)
        };
        let (before, behind) = self.0.split_once(NUMBER).expect("a template has a number");
        let series = Series { before: fill(before), behind: fill(behind) };
        let name = series.name(1);
        if name.starts_with('-') || !Reference::is_valid_name(&format!("refs/tags/{name}")) {
            return Err(format!("`{name}` would be no tag"));
        }
        Ok(series)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The tags of one release's candidates: all that differ in their number only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Series {
    before: String,
    behind: String,
}

/// What a candidate is tagged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Choice {
    /// It has this tag already.
    There(String),
    /// It is to get this one, which is not there.
    Next(String),
}

impl Series {
    /// The tag of this number.
    #[must_use]
    pub fn name(&self, number: u64) -> String {
        format!("{}{number}{}", self.before, self.behind)
    }

    /// The number of a tag of the series.
    #[must_use]
    pub fn number(&self, tag: &str) -> Option<u64> {
        let digits = tag.strip_prefix(self.before.as_str())?.strip_suffix(self.behind.as_str())?;
        let number = digits.parse().ok()?;
        (self.name(number) == tag).then_some(number)
    }

    /// The tag for `commit`, where these tags with their commits are there.
    ///
    /// A number that was given once, and whose tag was removed, is not given again as long as there
    /// is a higher one.
    pub fn choose<'a>(&self, there: impl Iterator<Item = (&'a str, &'a str)>, commit: &str) -> Choice {
        let mut last = 0;
        for (tag, at) in there {
            let Some(number) = self.number(tag) else { continue };
            if at == commit {
                return Choice::There(tag.to_owned());
            }
            last = last.max(number);
        }
        Choice::Next(self.name(last.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_checked() {
        #[track_caller]
        fn case(text: &str, expected: Result<&str, &str>) {
            let tag = text.parse::<Template>().map(|it| it.series("rust-v1.2.3").unwrap().name(7));
            assert_eq!(tag.as_deref().map_err(String::as_str), expected);
        }
        case("{tag}+patched.{n}", Ok("rust-v1.2.3+patched.7"));
        case("ours/{n}/{version}-{tag}", Ok("ours/7/1.2.3-rust-v1.2.3"));
        case("{tag}", Err("it must have `{n}` once, which tells apart the candidates of one release"));
        case("{tag}-{n}-{n}", Err("it must have `{n}` once, which tells apart the candidates of one release"));
        case("ours-{n}", Err("it has neither `{tag}` nor `{version}`, which tell releases apart"));
        case("{tag}-{date}-{n}", Err("there is no `{date}`; there are `{tag}`, `{version}` and `{n}`"));
        case("{tag}-{n", Err("there is no `{n`; there are `{tag}`, `{version}` and `{n}`"));
        case("{tag} {n}", Err("`v1.2.3 1` would be no tag"));
        case("-{tag}-{n}", Err("`-v1.2.3-1` would be no tag"));
    }

    #[test]
    fn a_tag_that_looks_like_a_template_is_text() {
        let template: Template = "{tag}+{version}.{n}".parse().unwrap();
        assert_eq!(template.series("v1.0/{n}{version}").unwrap().name(2), "v1.0/{n}{version}+1.0.0.2");
        assert_eq!(template.series("latest").unwrap_err(), "there is no version in it");
    }

    #[test]
    fn numbers_count_up_and_stay_with_their_commit() {
        #[track_caller]
        fn case(there: &[(&str, &str)], expected: &Choice) {
            let series = "{tag}+patched.{n}".parse::<Template>().unwrap().series("v2").unwrap();
            assert_eq!(series.choose(there.iter().copied(), "c"), *expected);
        }
        let next = |tag: &str| Choice::Next(tag.to_owned());
        case(&[], &next("v2+patched.1"));
        case(&[("v2", "c"), ("v1+patched.4", "c"), ("v2+patched.x", "c")], &next("v2+patched.1"));
        case(&[("v2+patched.1", "a")], &next("v2+patched.2"));
        case(&[("v2+patched.9", "a"), ("v2+patched.10", "b")], &next("v2+patched.11"));
        case(&[("v2+patched.1", "c"), ("v2+patched.2", "a")], &Choice::There("v2+patched.1".to_owned()));
        // A person's own way of counting is not ours.
        case(&[("v2+patched.01", "a")], &next("v2+patched.1"));
    }
}
