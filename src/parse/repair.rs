//! A second chance for documents that a parser refuses for one slip.
//!
//! One bare `&`, one bad byte, one odd content type fails a whole document. These functions mend
//! what has one sensible reading and leave the rest: a document cut short stays cut short.

use crate::parse::scan::{self, Token, Tokens};
use serde_json::{Map, Value};
use std::borrow::Cow;
use url::Url;

const ATOM: &str = "http://www.w3.org/2005/Atom";
const RSS_1: &str = "http://purl.org/rss/1.0/";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// `body` without a byte order mark, UTF-16 made UTF-8.
///
/// Everything after this works on bytes that extend ASCII.
#[must_use]
pub fn ascii_compatible(body: &[u8]) -> Cow<'_, [u8]> {
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = body.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        let text = String::from_utf16_lossy(&units);
        Cow::Owned(without_declaration(text.trim_start_matches('\u{feff}').as_bytes()).to_vec())
    };
    match body {
        [0xff, 0xfe, ..] | [b'<', 0, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] | [0, b'<', ..] => wide(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        _ => Cow::Borrowed(body),
    }
}

/// A copy of an XML feed with the usual slips mended.
///
/// Invalid UTF-8 becomes U+FFFD, bare `&` is escaped, control characters are dropped, `<rss>` gets
/// the version and every root the namespace that parsers know, content types and base URLs that
/// fail a document are dropped, and so is whatever stands before the first mark.
#[must_use]
pub fn xml(document: &[u8]) -> Vec<u8> {
    let text = decoded(document);
    let start = text.iter().position(|byte| *byte == b'<').unwrap_or(0);
    let mut mended = Vec::with_capacity(text.len() + 64);
    let mut seen_root = false;
    for token in Tokens::new(&text[start..]) {
        match token {
            Token::Text(text) => push_text(&mut mended, text),
            Token::Start { tag, empty } => {
                push_tag(&mut mended, tag, !seen_root);
                mended.extend_from_slice(if empty { b"/>" } else { b">" });
                seen_root = true;
            }
            Token::End(whole) | Token::Other(whole) | Token::Cut(whole) => push_clean(&mut mended, whole),
        }
    }
    mended
}

/// The document in UTF-8 without a declaration, or as it is if its encoding is another one.
///
/// A declaration longer than a parser's first read makes that parser panic, so Latin-1 is decoded here.
fn decoded(document: &[u8]) -> Cow<'_, [u8]> {
    let encoding = declared_encoding(document).unwrap_or_default();
    match encoding.as_str() {
        "iso-8859-1" | "latin1" | "windows-1252" if str::from_utf8(document).is_err() => {
            let text: String = without_declaration(document).iter().map(|byte| char::from(*byte)).collect();
            Cow::Owned(text.into_bytes())
        }
        "" | "utf-8" | "utf8" | "us-ascii" | "ascii" | "utf-16" | "iso-8859-1" | "latin1" | "windows-1252" => {
            match String::from_utf8_lossy(without_declaration(document)) {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            }
        }
        _ => Cow::Borrowed(document),
    }
}

/// The encoding that the XML declaration names, in lower case.
#[must_use]
pub fn declared_encoding(document: &[u8]) -> Option<String> {
    let Some(Token::Other(declaration)) = Tokens::new(document.trim_ascii_start()).next() else { return None };
    let inside = declaration.strip_prefix(b"<?xml")?.strip_suffix(b"?>")?;
    let (_, value) = scan::attributes_of(inside).find(|(name, _)| *name == "encoding")?;
    Some(String::from_utf8_lossy(value).trim().to_ascii_lowercase())
}

fn without_declaration(document: &[u8]) -> &[u8] {
    let document = document.trim_ascii_start();
    match Tokens::new(document).next() {
        Some(Token::Other(declaration)) if declaration.starts_with(b"<?xml") => &document[declaration.len()..],
        _ => document,
    }
}

fn is_dropped(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')
}

fn push_clean(mended: &mut Vec<u8>, text: &[u8]) {
    mended.extend(text.iter().filter(|byte| !is_dropped(**byte)));
}

/// Text or an attribute's value: control characters dropped, bare `&` escaped.
fn push_text(mended: &mut Vec<u8>, text: &[u8]) {
    let mut pieces = text.split(|byte| *byte == b'&');
    push_clean(mended, pieces.next().unwrap_or_default());
    for piece in pieces {
        match reference(piece) {
            Reference::Sound => mended.push(b'&'),
            Reference::Bare => mended.extend_from_slice(b"&amp;"),
            Reference::Impossible(end) => {
                mended.extend_from_slice("\u{fffd}".as_bytes());
                push_clean(mended, &piece[end..]);
                continue;
            }
        }
        push_clean(mended, piece);
    }
}

enum Reference {
    Sound,
    Bare,
    /// A number that is no character, ending at this byte.
    Impossible(usize),
}

/// What the text after an `&` is.
fn reference(piece: &[u8]) -> Reference {
    let Some(end) = piece.iter().take(32).position(|byte| *byte == b';') else { return Reference::Bare };
    let Ok(name) = str::from_utf8(&piece[..end]) else { return Reference::Bare };
    let Some(number) = name.strip_prefix('#') else {
        let named =
            name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric());
        return if named { Reference::Sound } else { Reference::Bare };
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    match code.ok().and_then(char::from_u32) {
        Some(c) if c == '\t' || c == '\n' || c == '\r' || !c.is_control() => Reference::Sound,
        _ => Reference::Impossible(end + 1),
    }
}

/// A start tag up to its `>`, without what fails a parser, and the root as parsers know it.
fn push_tag(mended: &mut Vec<u8>, tag: &[u8], root: bool) {
    let name = scan::name(tag);
    let local = scan::local(name);
    let known = if root { root_attributes(name, local) } else { Vec::new() };
    mended.push(b'<');
    mended.extend_from_slice(name.as_bytes());
    for (attribute, value) in scan::attributes_of(tag) {
        let replaced = known.iter().any(|(name, _)| name == attribute);
        if !attribute.is_empty() && !replaced && !is_fatal(local, attribute, value) {
            push_attribute(mended, attribute, value);
        }
    }
    for (attribute, value) in known {
        push_attribute(mended, &attribute, value.as_bytes());
    }
}

/// The version and namespace by which parsers know the root of a feed.
fn root_attributes(name: &str, local: &str) -> Vec<(String, &'static str)> {
    let prefix = name.strip_suffix(local).and_then(|prefix| prefix.strip_suffix(':'));
    let declaration = prefix.map_or("xmlns".to_owned(), |prefix| format!("xmlns:{prefix}"));
    match local {
        "feed" | "entry" => vec![(declaration, ATOM)],
        "RDF" if prefix.is_some() => vec![(declaration, RDF), ("xmlns".to_owned(), RSS_1)],
        "RDF" => vec![(declaration, RSS_1)],
        "rss" => vec![("version".to_owned(), "2.0")],
        _ => Vec::new(),
    }
}

/// Whether the attribute makes a parser refuse the document, or pass over all of its entries.
fn is_fatal(element: &str, attribute: &str, value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(value);
    match (element, attribute) {
        (_, "xml:base") => Url::parse(&text).is_err_and(|error| error != url::ParseError::RelativeUrlWithoutBase),
        ("rss" | "channel" | "item" | "entry", "xmlns") | ("content", "src") => true,
        ("title" | "subtitle" | "summary" | "rights" | "content", "type") => {
            !matches!(&*text, "text" | "html" | "xhtml")
        }
        _ => false,
    }
}

fn push_attribute(mended: &mut Vec<u8>, name: &str, value: &[u8]) {
    let quote = if value.contains(&b'"') { b'\'' } else { b'"' };
    mended.push(b' ');
    mended.extend_from_slice(name.as_bytes());
    mended.extend_from_slice(&[b'=', quote]);
    push_text(mended, value);
    mended.push(quote);
}

/// A JSON Feed with only the fields that are read, each of the type that a parser insists on.
///
/// Numbers as ids become text; a `null`, a missing title or an attachment without a type no longer
/// fails the whole document.
#[must_use]
pub fn json_feed(feed: &Value) -> Value {
    let mut mended = strings(feed, &["version", "title", "home_page_url", "feed_url"]);
    mended.entry("title").or_insert_with(|| Value::String(String::new()));
    let items = feed.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    mended.insert("items".to_owned(), items.iter().map(json_item).collect());
    Value::Object(mended)
}

fn json_item(item: &Value) -> Value {
    const FIELDS: [&str; 9] = [
        "id",
        "url",
        "external_url",
        "title",
        "summary",
        "content_html",
        "content_text",
        "date_published",
        "date_modified",
    ];
    let mut mended = strings(item, &FIELDS);
    let single = item.get("author").into_iter();
    let several = item.get("authors").and_then(Value::as_array).into_iter().flatten();
    let authors: Vec<Value> =
        single.chain(several).map(|author| Value::Object(strings(author, &["name", "url"]))).collect();
    mended.insert("authors".to_owned(), Value::Array(authors));
    Value::Object(mended)
}

fn strings(object: &Value, fields: &[&str]) -> Map<String, Value> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(Value::String(text.clone())),
        Value::Number(number) => Some(Value::String(number.to_string())),
        _ => None,
    };
    fields.iter().filter_map(|field| Some(((*field).to_owned(), text(object.get(*field)?)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn slips_in_xml_are_mended_and_nothing_else() {
        #[track_caller]
        fn case(document: &[u8], expected: &str) {
            assert_eq!(String::from_utf8_lossy(&xml(document)), expected);
        }
        case(b"<x>a & b &amp; c &nbsp; &#65; &x</x>", "<x>a &amp; b &amp; c &nbsp; &#65; &amp;x</x>");
        case(b"<x>&#0;&#xD800;&#x1b;&#99999999999;&#x;.</x>", "<x>\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}.</x>");
        case(b"<x>a\x0bb\x00c\td</x>", "<x>abc\td</x>");
        case(b"<x>a\xffb</x>", "<x>a\u{fffd}b</x>");
        case(b"<x a=1&2 b='\"'/>", "<x a=\"1&amp;2\" b='\"'/>");
        case(b"<rss><item/></rss>", "<rss version=\"2.0\"><item/></rss>");
        case(b"<rss version='9' xmlns='x'/>", "<rss version=\"2.0\"/>");
        case(b"<feed xmlns='https://x/'/>", "<feed xmlns=\"http://www.w3.org/2005/Atom\"/>");
        case(
            b"<feed><title type='text/plain'>t</title></feed>",
            "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>t</title></feed>",
        );
        case(b"<x><title type='html'/></x>", "<x><title type=\"html\"/></x>");
        case(b"<x xml:base='http://['/>", "<x/>");
        case(b"Warning: <b<x/>", "<b<x/>");
        case(b"<?xml version='1.0' encoding='utf-16'?><x/>", "<x/>");
        case(b"<?xml version='1.0' encoding='ISO-8859-1'?><x>\xfc</x>", "<x>\u{fc}</x>");
        case(b"<x><![CDATA[a & \x02b", "<x><![CDATA[a & b");
        case(b"<x><y", "<x><y");
        case(b"", "");
    }

    #[test]
    fn utf_16_and_byte_order_marks_go() {
        #[track_caller]
        fn case(body: &[u8], expected: &str) {
            assert_eq!(str::from_utf8(&ascii_compatible(body)).unwrap(), expected);
        }
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        case(&wide("\u{feff}<?xml version='1.0' encoding='UTF-16'?><x>ü</x>"), "<x>ü</x>");
        case(&wide("<x/>"), "<x/>");
        case(b"\xff\xfe<\0x\0/\0>\0", "<x/>");
        case(b"\xef\xbb\xbf{}", "{}");
        case(b"<x/>", "<x/>");
        case(b"\xff\xfe", "");
    }

    #[test]
    fn json_feeds_keep_what_can_be_read() {
        let feed = json!({
            "version": "https://jsonfeed.org/version/1.1", "next_url": 1, "expired": null,
            "items": [{"id": 7, "title": null, "authors": [{"name": "Ann"}, null], "attachments": [{}]}, 3],
        });
        let expected = json!({
            "version": "https://jsonfeed.org/version/1.1", "title": "",
            "items": [{"id": "7", "authors": [{"name": "Ann"}, {}]}, {"authors": []}],
        });
        assert_eq!(json_feed(&feed), expected);
    }
}
