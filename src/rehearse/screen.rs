//! What the rehearsal shows: headings, commands as they are typed, and what they print.

use super::stage::{Said, as_typed};
use crate::{
    report::{Report, Style},
    text,
};

/// The terminal that the rehearsal is watched on.
#[derive(Debug)]
pub(super) struct Screen<'a> {
    report: &'a Report,
    /// Columns; on a pipe lines are as long as they are.
    width: Option<usize>,
}

impl<'a> Screen<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        let width = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
        Self { report, width }
    }

    /// A line that opens a part.
    pub(super) fn heading(&self, text: &str) {
        self.lines(text, 0, Some(Style::Name));
    }

    /// A sentence.
    pub(super) fn sentence(&self, text: &str) {
        self.lines(text, 0, None);
    }

    /// A name and what is to be said of it, `wide` columns apart.
    pub(super) fn item(&self, name: &str, wide: usize, text: &str) {
        self.lines(&format!("  {name:wide$}  {text}"), wide + 4, None);
    }

    /// A command, as a person types it.
    pub(super) fn command(&self, words: &[&str]) {
        self.lines(&format!("  $ {}", as_typed(words)), 6, Some(Style::Good));
    }

    /// What a command printed.
    pub(super) fn output(&self, said: &Said) {
        for line in said.stdout.lines().chain(said.stderr.lines()) {
            self.lines(&format!("    {}", text::printable(line)), 6, None);
        }
    }

    /// An empty line.
    pub(super) fn gap(&self) {
        self.report.answer("");
    }

    fn lines(&self, text: &str, indent: usize, style: Option<Style>) {
        for line in folded(text, self.width.unwrap_or(usize::MAX), indent) {
            let line = style.map_or(line.clone(), |style| self.report.paint().styled(style, &line));
            self.report.answer(&line);
        }
    }
}

/// The text in lines of at most `width` characters where it has spaces to break at; from the second
/// on they begin with `indent` spaces.
fn folded(text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut has_word = false;
    for (index, word) in text.split(' ').enumerate() {
        let length = line.chars().count() + 1 + word.chars().count();
        if has_word && length > width {
            lines.push(line.trim_end().to_owned());
            line = " ".repeat(indent);
            has_word = false;
        } else if index > 0 && (has_word || lines.is_empty()) {
            line.push(' ');
        }
        line.push_str(word);
        has_word |= !word.is_empty();
    }
    lines.push(line.trim_end().to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_at_spaces() {
        #[track_caller]
        fn case(text: &str, width: usize, expected: &[&str]) {
            assert_eq!(folded(text, width, 2), expected);
        }
        case("one two three", 13, &["one two three"]);
        case("one two three", 12, &["one two", "  three"]);
        case("  one two  three four", 9, &["  one two", "  three", "  four"]);
        case("  unbreakable", 5, &["  unbreakable"]);
        case("unbreakable and more", 5, &["unbreakable", "  and", "  more"]);
        case("a      b", 5, &["a", "  b"]);
        case("", 5, &[""]);
        case("    ", 5, &[""]);
        case("a b", 1, &["a", "  b"]);
    }
}
