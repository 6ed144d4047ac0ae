//! Tables that fit the terminal; on a pipe, as wide as they are.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use std::io;

/// The rows under their header, columns two spaces apart.
#[must_use]
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    // Of standard output alone: that of standard error says nothing about the pipe.
    match terminal_size::terminal_size_of(io::stdout()) {
        Some((width, _)) => table.set_width(width.0),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_whatever_is_in_them() {
        let keys = ["v1", "\u{7248}\u{672c}", "e\u{301}e\u{301}", "\u{1f980}"];
        let rows = keys.iter().map(|key| vec![(*key).to_owned(), "|".to_owned()]).collect();
        // Two columns for a wide character, none for a mark on another one.
        let expected = "KEY   IS\nv1    |\n\u{7248}\u{672c}  |\ne\u{301}e\u{301}    |\n\u{1f980}    |\n";
        assert_eq!(table(&["key", "is"], rows), expected);
    }
}
