//! The outline of an XML document, read without recursion and without trust.
//!
//! A feed parser recurses on some elements, compares every attribute with every other, and stops
//! reading where it has seen enough. So depth, width and a closed root are checked here first.

use std::str;

/// Elements within elements, at most. More is no feed, and would end the stack of a parser that recurses.
pub const DEEPEST: usize = 200;
/// Attributes of one element, at most: parsers compare each with each.
pub const WIDEST: usize = 200;

/// Namespaces in force at one place, at most: parsers look through all of them for each name.
pub const MOST_NAMESPACES: usize = 500;

/// A piece of an XML document; every byte is in exactly one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Token<'a> {
    /// What stands between the marks, references unresolved.
    Text(&'a [u8]),
    /// A start tag without its brackets, or without `<` and `/>` when `empty`.
    Start {
        /// Name and attributes.
        tag: &'a [u8],
        /// Whether the element ends here.
        empty: bool,
    },
    /// An end tag, whole.
    End(&'a [u8]),
    /// A comment, CDATA section, processing instruction or document type, whole.
    Other(&'a [u8]),
    /// A mark that the document ends within.
    Cut(&'a [u8]),
}

/// The tokens of a document in any encoding that extends ASCII.
#[derive(Debug)]
pub struct Tokens<'a>(&'a [u8]);

impl<'a> Tokens<'a> {
    /// Reads from the start of `document`.
    #[must_use]
    pub fn new(document: &'a [u8]) -> Self {
        Self(document)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = self.0;
        if rest.is_empty() {
            return None;
        }
        if rest[0] != b'<' {
            let end = rest.iter().position(|byte| *byte == b'<').unwrap_or(rest.len());
            self.0 = &rest[end..];
            return Some(Token::Text(&rest[..end]));
        }
        let end = if rest.starts_with(b"<!--") {
            position(&rest[4..], b"-->").map(|at| at + 7)
        } else if rest.starts_with(b"<![CDATA[") {
            position(rest, b"]]>").map(|at| at + 3)
        } else if rest.starts_with(b"<?") {
            position(rest, b"?>").map(|at| at + 2)
        } else if rest.starts_with(b"<!") {
            balanced_end(rest)
        } else {
            tag_end(rest)
        };
        let Some(end) = end else {
            self.0 = &[];
            return Some(Token::Cut(rest));
        };
        self.0 = &rest[end..];
        let whole = &rest[..end];
        Some(match whole[1] {
            b'!' | b'?' => Token::Other(whole),
            b'/' => Token::End(whole),
            _ => {
                let inside = &whole[1..end - 1];
                let empty = inside.ends_with(b"/");
                Token::Start { tag: inside.strip_suffix(b"/").unwrap_or(inside), empty }
            }
        })
    }
}

fn position(text: &[u8], sought: &[u8]) -> Option<usize> {
    text.windows(sought.len()).position(|window| window == sought)
}

/// The end of a document type: its brackets may hold declarations.
fn balanced_end(rest: &[u8]) -> Option<usize> {
    let mut open = 0_usize;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'<' => open += 1,
            b'>' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// The end of a tag: a `>` inside quotes does not count.
fn tag_end(rest: &[u8]) -> Option<usize> {
    let mut quote = None;
    for (at, &byte) in rest.iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// The element's name with its prefix, from the inside of a start tag.
#[must_use]
pub fn name(tag: &[u8]) -> &str {
    let end = tag.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'/').unwrap_or(tag.len());
    str::from_utf8(&tag[..end]).unwrap_or_default()
}

/// The name without its prefix.
#[must_use]
pub fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// What a look at a document's marks tells.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Outline {
    /// The root element's name without prefix.
    pub root: Option<String>,
    /// Whether the root element is closed.
    pub closed: bool,
    /// Elements of every kind.
    pub elements: usize,
    /// Entries and items where a feed has them.
    pub entries: usize,
    /// Why no parser should be given this document.
    pub refused: Option<String>,
}

/// The outline of `document`, in one pass; what follows the root element is not looked at.
#[must_use]
pub fn outline(document: &[u8]) -> Outline {
    let mut outline = Outline::default();
    // For each open element, how many namespaces are in force inside.
    let mut open: Vec<usize> = Vec::new();
    for token in Tokens::new(document) {
        match token {
            Token::Start { tag, empty } => {
                let name = local(name(tag));
                if open.is_empty() {
                    outline.root = Some(name.to_owned());
                }
                let namespaces = open.last().unwrap_or(&0) + tag.windows(5).filter(|text| text == b"xmlns").count();
                open.push(namespaces);
                outline.entries += usize::from(is_entry(outline.root.as_deref(), name, open.len()));
                outline.elements += 1;
                outline.refused = refusal(tag, open.len(), namespaces);
                if empty {
                    open.pop();
                }
            }
            Token::End(_) => drop(open.pop()),
            Token::Text(_) | Token::Other(_) | Token::Cut(_) => continue,
        }
        outline.closed = open.is_empty() && outline.root.is_some();
        if outline.closed || outline.refused.is_some() {
            break;
        }
    }
    outline
}

fn is_entry(root: Option<&str>, name: &str, depth: usize) -> bool {
    match root {
        Some("feed") => name == "entry" && depth == 2,
        Some("entry") => name == "entry" && depth == 1,
        Some("rss") => name == "item" && (2..=3).contains(&depth),
        Some("RDF") => name == "item" && depth == 2,
        _ => false,
    }
}

fn refusal(tag: &[u8], depth: usize, namespaces: usize) -> Option<String> {
    if depth > DEEPEST {
        return Some(format!("elements nest more than {DEEPEST} deep"));
    }
    if namespaces > MOST_NAMESPACES {
        return Some(format!("more than {MOST_NAMESPACES} namespaces are in force"));
    }
    // Most tags are too short to hold so many.
    let wide = tag.len() > WIDEST * 2 && attributes_of(tag).count() > WIDEST;
    wide.then(|| format!("an element has more than {WIDEST} attributes"))
}

/// The attributes inside a start tag: name and value, references unresolved, quotes removed.
///
/// Values without quotes are taken up to the next white space, as in HTML.
pub fn attributes_of(tag: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
    let mut rest = &tag[name(tag).len().min(tag.len())..];
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_ascii_start();
            let end = rest.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'=').unwrap_or(rest.len());
            let name = str::from_utf8(&rest[..end]);
            let after = rest[end..].trim_ascii_start();
            let Some(value) = after.strip_prefix(b"=") else {
                if rest.is_empty() {
                    return None;
                }
                rest = &rest[end..];
                continue;
            };
            let value = value.trim_ascii_start();
            let (value, next) = match value.first() {
                Some(quote @ (b'"' | b'\'')) => split_past(&value[1..], |byte| byte == quote),
                _ => split_past(value, u8::is_ascii_whitespace),
            };
            rest = next;
            if let Ok(name) = name {
                return Some((name, value));
            }
        }
    })
}

fn split_past(text: &[u8], ends: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(ends).unwrap_or(text.len());
    (&text[..end], text.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlines_tell_root_end_and_entries() {
        #[track_caller]
        fn case(document: &str, root: Option<&str>, closed: bool, entries: usize) {
            let outline = outline(document.as_bytes());
            assert_eq!(
                (outline.root.as_deref(), outline.closed, outline.entries),
                (root, closed, entries),
                "{document}"
            );
        }
        case("<feed><entry/><entry></entry></feed>", Some("feed"), true, 2);
        case("<a:feed xmlns:a='x'><a:entry><a:entry/></a:entry></a:feed>", Some("feed"), true, 1);
        case("<?xml version='1.0'?>\n<!-- <x> --><rss><channel><item/></channel></rss>", Some("rss"), true, 1);
        case("<!DOCTYPE r [<!ENTITY a '>'><!ENTITY b \"x\">]><r/>", Some("r"), true, 0);
        case("<feed><![CDATA[</feed>]]><entry>", Some("feed"), false, 1);
        case("<feed title='</feed>'><x a=\">\"/>", Some("feed"), false, 0);
        case("<feed><entry></entry></feed", Some("feed"), false, 1);
        case("<feed><entry></entry></fe", Some("feed"), false, 1);
        case("<feed/><feed><entry/>", Some("feed"), true, 0);
        case("</feed>", None, false, 0);
        case("plain", None, false, 0);
        case("", None, false, 0);
    }

    #[test]
    fn depth_and_width_have_limits() {
        #[track_caller]
        fn case(document: &str, refused: bool) {
            assert_eq!(outline(document.as_bytes()).refused.is_some(), refused);
        }
        case(&"<a>".repeat(DEEPEST), false);
        case(&"<a>".repeat(DEEPEST + 1), true);
        case(&"<a>".repeat(1_000_000), true);
        case(&format!("<a {}/>", "b='' ".repeat(WIDEST)), false);
        case(&format!("<a {}/>", "b='' ".repeat(WIDEST + 1)), true);
        case(&format!("<a b='{}'/>", "=".repeat(WIDEST + 1)), false);
        case(&"<a xmlns='' xmlns:b='' xmlns:c=''>".repeat(DEEPEST), true);
        case(&"<a xmlns='' xmlns:b='' xmlns:c=''/>".repeat(DEEPEST), false);
        case(&format!("<r>{}</r>", "<a xmlns='' xmlns:b='' xmlns:c=''></a>".repeat(DEEPEST)), false);
    }

    #[test]
    fn attributes_are_read_as_html_reads_them() {
        #[track_caller]
        fn case(tag: &str, expected: &[(&str, &str)]) {
            let found: Vec<_> =
                attributes_of(tag.as_bytes()).map(|(name, value)| (name, str::from_utf8(value).unwrap())).collect();
            assert_eq!(found, expected, "{tag}");
        }
        case("link rel=\"next\" href='a b'", &[("rel", "next"), ("href", "a b")]);
        case("link rel = next href=x/", &[("rel", "next"), ("href", "x/")]);
        case("input disabled type=text", &[("type", "text")]);
        case("a b=\"open", &[("b", "open")]);
        case("a =x", &[("", "x")]);
        case("a", &[]);
        case("", &[]);
    }
}
