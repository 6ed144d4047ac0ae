//! The documentation is true: its links lead somewhere, its lists are complete, its examples are
//! what the program prints.
//!
//! `UPDATE=1 cargo test docs` writes the outputs of sessions and the examples anew. Read what
//! changed before it is committed.

mod examples;
mod links;
mod lists;
mod sessions;

pub use examples::block;

use std::fs;
use std::path::{Path, PathBuf};

/// A file of this repository.
fn file(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[track_caller]
fn read(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The pages of the book and the README, by their paths from the repository's top.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned()];
    let mut folders = vec![file("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path.strip_prefix(file("")).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    pages.sort();
    pages
}

/// A page's text as it should be, compared with what it is, or written if `UPDATE` is set.
#[track_caller]
fn compare(path: &str, should_be: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(file(path), should_be).unwrap();
    }
    let is = read(path);
    let different = is.lines().zip(should_be.lines()).position(|(is, should)| is != should);
    let different = different.or_else(|| (is != should_be).then(|| is.lines().count().min(should_be.lines().count())));
    if let Some(line) = different {
        let at = |text: &str| text.lines().nth(line).unwrap_or("nothing").to_owned();
        let (is, should) = (at(&is), at(should_be));
        let hint = "`UPDATE=1 cargo test docs` writes what the program prints";
        panic!("{path}, line {}:\n is:        {is}\n should be: {should}\n{hint}", line + 1);
    }
}

/// A fenced block of a page: its language, its lines, and the comment right before it.
struct Block<'a> {
    language: &'a str,
    lines: Vec<&'a str>,
    comment: Option<&'a str>,
    /// The index in the page's lines of the block's first line.
    start: usize,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    let mut before = "";
    while let Some((index, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            let comment = before.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
            blocks.push(Block { language, lines: inside, comment, start: index + 1 });
        }
        before = line;
    }
    blocks
}

/// `text` with its blocks' lines replaced, in the blocks' order.
fn with_blocks(text: &str, replaced: &[(Block<'_>, Vec<String>)]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = text.lines().enumerate().peekable();
    for (block, new) in replaced {
        while let Some((_, line)) = rest.next_if(|(index, _)| *index < block.start) {
            lines.push(line.to_owned());
        }
        lines.extend(new.iter().cloned());
        rest.by_ref().take(block.lines.len()).for_each(|_| ());
    }
    lines.extend(rest.map(|(_, line)| line.to_owned()));
    lines.join("\n") + "\n"
}

/// What differs from run to run, made the same: where the test ran, how long something took.
fn normal(text: &str) -> String {
    let text = text.replace("$TEMP", "/home/ann");
    let text = timeless(&text);
    substituted(&text, "fork-", "fork-0123456789ab", |rest| {
        rest.len() >= 12 && rest[..12].bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// `(1.234 s`, of any number of seconds, as `(0.005 s`.
fn timeless(text: &str) -> String {
    let mut parts = text.split('(');
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_seconds = |(seconds, rest): &(&str, &str)| {
            let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number(seconds) && rest.len() > 3 && rest.is_char_boundary(3) && is_number(&rest[..3])
        };
        let rest = part.split_once('.').filter(is_seconds).map(|(_, rest)| &rest[3..]);
        match rest.filter(|rest| rest.starts_with(" s")) {
            Some(rest) => done.extend(["(0.005", rest]),
            None => done.extend(["(", part]),
        }
    }
    done
}

/// Every `begin` that is followed by what `fits` becomes `with`, which is as long as the two.
fn substituted(text: &str, begin: &str, with: &str, fits: impl Fn(&str) -> bool) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(begin) {
        let after = &rest[at + begin.len()..];
        done.push_str(&rest[..at]);
        if after.is_char_boundary(12.min(after.len())) && fits(after) {
            done.push_str(with);
            rest = &rest[at + with.len()..];
        } else {
            done.push_str(begin);
            rest = after;
        }
    }
    done + rest
}
