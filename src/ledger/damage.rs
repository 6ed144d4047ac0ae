//! What is wrong with a ledger's bytes, line by line, and the ledger without it.
//!
//! Pure: bytes in, an answer out. [`super::file`] stops at the first damaged line; this reads on.

use super::{
    file::{LineKind, line_kind},
    record::{Record, VERSION},
};
use crate::text;

/// How many bytes of a line are shown.
const SHOWN: usize = 80;
/// Why a record at the end is none yet.
pub const UNENDED: &str = "it has no line end";

/// A line that is not one record of ours.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Damage {
    /// The line, from 1.
    pub line: u64,
    /// Where it begins, in bytes from 0.
    pub byte: u64,
    /// How many bytes it is, its end included.
    pub length: usize,
    /// What it is instead.
    pub what: What,
    /// Why it is no record, in the parser's words.
    pub why: String,
    /// Its beginning, safe to show.
    pub excerpt: String,
}

/// What a line is that is not one record of ours.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum What {
    /// No record; its bytes name this kind, if they still name one.
    Lost(Option<&'static str>),
    /// So many whole records on one line: a line end is missing.
    Merged(usize),
    /// A record of a later version of the format.
    Newer(u32),
    /// The end, where power loss cut a write short; the next append sets it aside.
    Torn,
}

/// A ledger's bytes, read to the end whatever is in them.
#[derive(Debug, Default)]
pub struct Scan {
    /// The lines that are wrong, in their order.
    pub damages: Vec<Damage>,
    /// The records with the numbers of their lines; merged ones share a number.
    pub records: Vec<(u64, Record)>,
    /// The ledger with every line that was lost left out and every merged line split; the bytes
    /// themselves if there is no such line.
    pub mended: Vec<u8>,
}

/// Reads all of a ledger.
#[must_use]
pub fn scan(bytes: &[u8]) -> Scan {
    let mut scan = Scan::default();
    let mut byte = 0;
    for (line, number) in bytes.split_inclusive(|&byte| byte == b'\n').zip(1..) {
        let is_last = byte + line.len() == bytes.len();
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let found = whole_records(text);
        let damage = match (&found, line_kind(text)) {
            (Ok(records), _) if records.iter().any(|(_, record)| record.v > VERSION) => {
                let newest = records.iter().map(|(_, record)| record.v).max().unwrap_or_default();
                Some((What::Newer(newest), format!("it has format version {newest}")))
            }
            (Ok(records), _) if records.len() > 1 => {
                Some((What::Merged(records.len()), format!("it is {} records without a line end", records.len())))
            }
            (Ok(_), _) if line.len() > text.len() => None,
            (Err(_), LineKind::Newer(version)) => {
                Some((What::Newer(version), format!("it has format version {version}")))
            }
            (Ok(_), _) => Some((What::Torn, UNENDED.to_owned())),
            (Err(why), LineKind::Garbage) if is_last => Some((What::Torn, why.clone())),
            (Err(why), _) => Some((What::Lost(named_kind(text)), why.clone())),
        };
        // What a line is split into are lines of their own.
        for (piece, _) in found.iter().flatten() {
            scan.mended.extend_from_slice(piece);
            scan.mended.push(b'\n');
        }
        scan.records.extend(found.into_iter().flatten().map(|(_, record)| (number, record)));
        if let Some((what, why)) = damage {
            scan.damages.push(Damage {
                line: number,
                byte: byte as u64,
                length: line.len(),
                what,
                why,
                excerpt: excerpt(text),
            });
        }
        byte += line.len();
    }
    scan
}

/// The records that a line holds from its first byte to its last, with the bytes of each.
///
/// What follows a torn beginning is not taken, however whole it looks: it may as well be a
/// stranger's object inside a feed's entry.
fn whole_records(text: &[u8]) -> Result<Vec<(&[u8], Record)>, String> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Record>();
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(record) = values.next() {
        let record = record.map_err(|error| error.to_string())?;
        found.push((text[start..values.byte_offset()].trim_ascii(), record));
        start = values.byte_offset();
    }
    if found.is_empty() { Err("it is empty".to_owned()) } else { Ok(found) }
}

/// The kind that the bytes of a damaged line name, if they name one.
fn named_kind(text: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(text);
    let (_, rest) = text.split_once("\"kind\":\"")?;
    super::record::KINDS.into_iter().find(|kind| rest.strip_prefix(kind).is_some_and(|rest| rest.starts_with('"')))
}

fn excerpt(text: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&text[..text.len().min(SHOWN)]);
    let more = if text.len() > SHOWN { "…" } else { "" };
    format!("{}{more}", text::printable(&shown))
}

/// What it may mean that a record of this kind is lost.
#[must_use]
pub fn consequence(kind: Option<&str>) -> &'static str {
    match kind {
        Some("signal") => "if it was a signal, its entry is found again and dispatched again, with the same id",
        Some("run") => "if it was the end of a run, that attempt counts as interrupted and is made again",
        Some("dispatch") => "if it was the beginning of a run, that attempt may be made again",
        Some("primed") => {
            "if it was a watch's first sight, what was known then is news now; a watch of which nothing else is left is \
             primed again, and what came since its last poll is not news"
        }
        Some("skipped") => {
            "if it was a skipped entry, it is skipped again; a superseded signal is dispatched after all"
        }
        Some("request") => "if it was a `retry` or `replay`, ask for it again",
        Some("watchError" | "gap") => "it was told, and nothing depends on it",
        _ => "whatever it was may be found again and dispatched again, with the same id",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: &str = r#"{"v":1,"at":"2026-11-22T18:55:54.000Z","kind":"gap","watch":"x","oldest":"v2","message":"m"}"#;

    /// The damages in short, and the mended bytes.
    #[track_caller]
    fn case(text: &[u8], damages: &[(u64, u64, What)], mended: &str) {
        let found = scan(text);
        let short: Vec<_> = found.damages.iter().map(|it| (it.line, it.byte, it.what.clone())).collect();
        assert_eq!(short, damages, "{}", String::from_utf8_lossy(text));
        assert_eq!(String::from_utf8(found.mended.clone()).unwrap(), mended);
        assert!(scan(&found.mended).damages.iter().all(|it| matches!(it.what, What::Newer(_))));
    }

    #[test]
    fn every_damaged_line_is_named_and_left_out() {
        let (one, two) = (format!("{GAP}\n"), format!("{GAP}\n{GAP}\n"));
        let len = one.len() as u64;
        case(b"", &[], "");
        case(two.as_bytes(), &[], &two);
        let garbage = format!("{GAP}\noops\n{GAP}\n\n\0\0\n{GAP}\n");
        let lost = What::Lost(None);
        let expected = [(2, len, lost.clone()), (4, 2 * len + 5, lost.clone()), (5, 2 * len + 6, lost.clone())];
        case(garbage.as_bytes(), &expected, &format!("{two}{GAP}\n"));
        case(format!("{{\"v\":1}}\n{GAP}\n").as_bytes(), &[(1, 0, lost.clone())], &one);
        // A whole object at the end was written so: no power loss made it.
        case(format!("{GAP}\n{{\"v\":1}}\n").as_bytes(), &[(2, len, lost)], &one);
        let cut = format!("{}\n{GAP}\n", &GAP[..60]);
        case(cut.as_bytes(), &[(1, 0, What::Lost(Some("gap")))], &one);
        case(b"\xff\xfe\n{}\n", &[(1, 0, What::Lost(None)), (2, 3, What::Lost(None))], "");
    }

    #[test]
    fn merged_records_are_split_and_nothing_inside_another_is_taken_for_one() {
        let (one, two) = (format!("{GAP}\n"), format!("{GAP}\n{GAP}\n"));
        case(format!("{GAP}{GAP}\n").as_bytes(), &[(1, 0, What::Merged(2))], &two);
        case(format!("{GAP} {GAP}").as_bytes(), &[(1, 0, What::Merged(2))], &two);
        case(format!("{GAP}{GAP}x\n{GAP}\n").as_bytes(), &[(1, 0, What::Lost(Some("gap")))], &one);
        let nested = format!("{{\"v\":1,\"kind\":\"signal\",\"raw\":{GAP}\n{GAP}\n");
        case(nested.as_bytes(), &[(1, 0, What::Lost(Some("signal")))], &one);
    }

    #[test]
    fn the_end_may_be_torn_and_a_record_that_lacks_its_line_end_is_kept() {
        let one = format!("{GAP}\n");
        let len = one.len() as u64;
        case(format!("{GAP}\n{}", &GAP[..40]).as_bytes(), &[(2, len, What::Torn)], &one);
        case(format!("{GAP}\n\0\0\n").as_bytes(), &[(2, len, What::Torn)], &one);
        case(GAP.as_bytes(), &[(1, 0, What::Torn)], &one);
    }

    #[test]
    fn a_later_version_is_not_ours_to_judge() {
        let newer = GAP.replace("\"v\":1", "\"v\":2");
        let found = scan(format!("{newer}\n{{\"v\":3,\"kind\":1}}\n{GAP}\n").as_bytes());
        let what: Vec<_> = found.damages.into_iter().map(|it| it.what).collect();
        assert_eq!(what, [What::Newer(2), What::Newer(3)]);
    }

    #[test]
    fn an_excerpt_is_short_and_printable() {
        let found = scan(format!("\u{1b}[31m{}\u{202e}\n{GAP}\n", "x".repeat(500)).as_bytes());
        let excerpt = &found.damages[0].excerpt;
        assert!(excerpt.starts_with("\\u{1b}[31mxxx") && excerpt.ends_with("x…"), "{excerpt}");
        assert!(excerpt.len() < 120);
    }
}
