//! A range-diff, or another diff, line by line.

use crate::text;

/// Bytes of one diff that are shown.
const LONGEST: usize = 48 << 10;

/// Bytes of one line that are shown.
const LINE: usize = 400;

/// What a line of a diff is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A patch beside its counterpart: `1: abc = 1: def Subject`.
    Head,
    /// Where a change is.
    Hunk,
    /// A line that is new.
    Added,
    /// A line that is gone.
    Removed,
    /// Any other.
    Same,
}

impl Kind {
    /// The class in the style.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Hunk => "hunk",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Same => "same",
        }
    }
}

/// A line of a diff.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub text: String,
}

/// A diff, as far as it is shown.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Diff {
    /// Its lines.
    pub lines: Vec<Line>,
    /// How many lines are left out.
    pub left_out: usize,
}

impl Diff {
    /// How many bytes of text it is.
    #[must_use]
    pub fn size(&self) -> usize {
        self.lines.iter().map(|line| line.text.len() + 30).sum()
    }
}

/// What `git range-diff` printed.
#[must_use]
pub fn range_diff(text: &str) -> Diff {
    read(text, of_range)
}

/// A plain diff.
#[must_use]
pub fn plain(text: &str) -> Diff {
    read(text, |line| of_diff(line).unwrap_or(Kind::Same))
}

fn read(text: &str, kind: impl Fn(&str) -> Kind) -> Diff {
    let mut diff = Diff::default();
    let mut room = LONGEST;
    for line in text.trim_end().lines() {
        if line.len().min(LINE) > room || diff.left_out > 0 {
            diff.left_out += 1;
            continue;
        }
        room -= line.len().min(LINE);
        diff.lines.push(Line { kind: kind(line), text: shown(line) });
    }
    diff
}

/// A line with its tabs and its indentation, cut where it is longer than anybody reads.
fn shown(line: &str) -> String {
    let kept = &line[..line.floor_char_boundary(LINE)];
    let more = if kept.len() < line.len() { "…" } else { "" };
    kept.split('\t').map(text::printable).collect::<Vec<_>>().join("\t") + more
}

/// The heads of `git range-diff` begin at the left, possibly behind blanks that align their numbers; what
/// belongs to them is indented by four.
fn of_range(line: &str) -> Kind {
    match line.strip_prefix("    ") {
        Some(inner) => of_diff(inner).unwrap_or_else(|| if is_head(line) { Kind::Head } else { Kind::Same }),
        None if line.is_empty() => Kind::Same,
        None => Kind::Head,
    }
}

/// `  1:  188c069411 = 1:  3d8d8824e5 Five`, or `-:  ------- > 2:  ...`.
fn is_head(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let is_place = |word: &str| word.ends_with(':') && word.trim_end_matches(':').parse::<u32>().is_ok();
    let place = words.next().is_some_and(|word| is_place(word) || word == "-:");
    place && words.nth(1).is_some_and(|word| matches!(word, "=" | "!" | "<" | ">"))
}

fn of_diff(line: &str) -> Option<Kind> {
    match line.as_bytes().first()? {
        b'@' => Some(Kind::Hunk),
        b'+' => Some(Kind::Added),
        b'-' => Some(Kind::Removed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Kind::{Added, Head, Hunk, Removed, Same};
    use super::*;

    const TOLD: &str = "\
1:  188c069411 = 1:  3d8d8824e5 Five
2:  288c069411 ! 2:  4d8d8824e5 Six
    @@ f: one
     \tcontext
    -+six
    ++sixth\u{202e}
     -old
-:  ---------- > 3:  5d8d8824e5 Seven
    1000:  688c069411 < -:  ---------- Eight
      1:  a line of text
# feature
";

    #[test]
    fn each_line_of_a_range_diff_has_its_kind() {
        let kinds: Vec<Kind> = range_diff(TOLD).lines.iter().map(|line| line.kind).collect();
        assert_eq!(kinds, [Head, Head, Hunk, Same, Removed, Added, Same, Head, Head, Same, Head]);
        assert_eq!(range_diff(TOLD).lines[5].text, "    ++sixth\\u{202e}");
        assert_eq!(range_diff(TOLD).lines[3].text, "     \tcontext");
    }

    #[test]
    fn each_line_of_a_diff_has_its_kind() {
        let kinds: Vec<Kind> = plain("@@ -1 +1 @@\n-a\n+b\n c\n\n").lines.iter().map(|line| line.kind).collect();
        assert_eq!(kinds, [Hunk, Removed, Added, Same]);
    }

    #[test]
    fn a_long_diff_is_cut_and_says_so() {
        let diff = plain(&"+0123456789\n".repeat(10_000));
        assert_eq!(diff.lines.len(), LONGEST / 11);
        assert_eq!(diff.lines.len() + diff.left_out, 10_000);
        let diff = plain(&format!("+{}\n", "ü".repeat(10_000)));
        assert_eq!((diff.lines.len(), diff.left_out), (1, 0));
        assert!(diff.lines[0].text.len() < LINE + 10);
    }
}
