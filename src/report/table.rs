//! Tables that fit the terminal; on a pipe, as wide as they are.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use std::io;

/// Where the terminal is narrower than any text, it may fold as it likes.
const LEAST: u16 = 20;

/// The rows under their header, columns two spaces apart.
#[must_use]
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = plain(width());
    table.set_header(header.iter().map(|name| name.to_uppercase()));
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How many columns the terminal has that standard output is, if it is one.
#[must_use]
pub fn width() -> Option<u16> {
    // Of standard output alone: that of standard error says nothing about the pipe.
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0)
}

/// `text` behind `head`, which is as long as `measured`: on its line if there is room, else in lines of
/// their own below, all of them `indent` columns in.
#[must_use]
pub fn hung(head: &str, measured: &str, text: &str, indent: usize, width: Option<u16>) -> String {
    let is_short = |width: u16| columns(measured) + 1 + columns(text) <= usize::from(width);
    if width.is_none_or(is_short) {
        return format!("{head} {text}\n");
    }
    let room = width.map(|width| width.saturating_sub(u16::try_from(indent).unwrap_or(0)).max(LEAST));
    let mut table = plain(room);
    table.add_row([text]);
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 0));
    });
    let lines = table.lines().map(|line| format!("{:indent$}{}\n", "", line.trim_end()));
    format!("{head}\n{}", lines.collect::<String>())
}

/// How many columns a line takes.
fn columns(line: &str) -> usize {
    let mut table = plain(None);
    table.add_row([line]).column_max_content_widths().first().copied().map_or(0, usize::from)
}

fn plain(width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    match width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_behind_a_head_stays_within_the_width() {
        #[track_caller]
        fn case(text: &str, width: Option<u16>, expected: &str) {
            assert_eq!(hung("<b>a:</b>", "a:", text, 2, width), expected);
        }
        case("one two", None, "<b>a:</b> one two\n");
        case("one two", Some(10), "<b>a:</b> one two\n");
        case("one two three four five six seven", Some(22), "<b>a:</b>\n  one two three four\n  five six seven\n");
        // Two columns for a wide character.
        let wide = "\u{7248}\u{672c}".repeat(3);
        case(&format!("{wide} {wide}"), Some(24), &format!("<b>a:</b>\n  {wide}\n  {wide}\n"));
        case("one two three four five", Some(3), "<b>a:</b>\n  one two three four\n  five\n");
    }

    #[test]
    fn columns_stand_below_each_other_whatever_is_in_them() {
        let keys = ["v1", "\u{7248}\u{672c}", "e\u{301}e\u{301}", "\u{1f980}"];
        let rows = keys.iter().map(|key| vec![(*key).to_owned(), "|".to_owned()]).collect();
        // Two columns for a wide character, none for a mark on another one.
        let expected = "KEY   IS\nv1    |\n\u{7248}\u{672c}  |\ne\u{301}e\u{301}    |\n\u{1f980}    |\n";
        assert_eq!(table(&["key", "is"], rows), expected);
    }
}
