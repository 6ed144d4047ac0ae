//! The ledger's bytes: whole lines, and perhaps a torn one at the end.

use super::{
    LedgerError,
    record::{Record, VERSION},
};
use serde_json::Value;
use std::path::Path;

/// What a stretch of the ledger holds.
#[derive(Debug)]
pub struct Bytes {
    /// The records of its whole lines.
    pub records: Vec<Record>,
    /// How many bytes these lines are.
    pub whole: usize,
    /// What comes behind them.
    pub tail: Tail,
}

/// The end of the ledger.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tail {
    /// A whole line.
    Whole,
    /// A line without its end, or one that is no record: a write that power loss cut short.
    Torn,
}

/// Reads the bytes of a ledger from the start of a line on; `before` lines came earlier.
///
/// # Errors
/// When a line that is not the last is no record, or a record is of a later version.
pub fn parse(bytes: &[u8], path: &Path, before: u64) -> Result<Bytes, LedgerError> {
    let mut records = Vec::new();
    let mut whole = 0;
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let number = before + index as u64 + 1;
        let is_last = whole + line.len() == bytes.len();
        let record = match line.strip_suffix(b"\n") {
            None => return Ok(Bytes { records, whole, tail: Tail::Torn }),
            Some(text) => serde_json::from_slice::<Record>(text),
        };
        match record {
            Ok(record) if record.v > VERSION => {
                return Err(LedgerError::Newer { path: path.to_owned(), line: number, version: record.v });
            }
            Ok(record) => records.push(record),
            Err(error) => match line_kind(line) {
                LineKind::Newer(version) => {
                    return Err(LedgerError::Newer { path: path.to_owned(), line: number, version });
                }
                LineKind::Garbage if is_last => return Ok(Bytes { records, whole, tail: Tail::Torn }),
                LineKind::Object | LineKind::Garbage => {
                    return Err(LedgerError::Damaged {
                        path: path.to_owned(),
                        line: number,
                        detail: error.to_string(),
                    });
                }
            },
        }
        whole += line.len();
    }
    Ok(Bytes { records, whole, tail: Tail::Whole })
}

/// What a whole line is that is no record.
pub(super) enum LineKind {
    /// An object of a later version, whose fields may mean anything.
    Newer(u32),
    /// A whole object: somebody wrote it so, no power loss made it.
    Object,
    /// Anything else.
    Garbage,
}

/// What kind a line is that is no record.
pub(super) fn line_kind(line: &[u8]) -> LineKind {
    let Ok(Value::Object(object)) = serde_json::from_slice(line) else { return LineKind::Garbage };
    let version = object.get("v").and_then(Value::as_u64).map(|version| u32::try_from(version).unwrap_or(u32::MAX));
    match version {
        Some(version) if version > VERSION => LineKind::Newer(version),
        _ => LineKind::Object,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: &str = r#"{"v":1,"at":"2026-11-22T18:55:54.000Z","kind":"gap","watch":"x","oldest":"v2","message":"m"}"#;

    #[test]
    fn only_the_end_may_be_torn() {
        #[track_caller]
        fn case(text: &str, records: usize, tail: Tail) {
            let bytes = parse(text.as_bytes(), Path::new("ledger"), 0).unwrap();
            assert_eq!((bytes.records.len(), bytes.tail), (records, tail), "{text}");
        }
        case("", 0, Tail::Whole);
        case(&format!("{GAP}\n"), 1, Tail::Whole);
        case(GAP, 0, Tail::Torn);
        case(&format!("{GAP}\n{}", &GAP[..40]), 1, Tail::Torn);
        case(&format!("{GAP}\n\0\0\0"), 1, Tail::Torn);
        case(&format!("{GAP}\n\0\0\0\n"), 1, Tail::Torn);
    }

    #[test]
    fn damage_before_the_end_names_its_line() {
        let text = format!("{GAP}\n{{oops\n{GAP}\n");
        let error = parse(text.as_bytes(), Path::new("ledger"), 10).unwrap_err();
        assert!(matches!(error, LedgerError::Damaged { line: 12, .. }), "{error}");
        let newer = GAP.replace("\"v\":1", "\"v\":2");
        let error = parse(format!("{newer}\n").as_bytes(), Path::new("ledger"), 0).unwrap_err();
        assert!(matches!(error, LedgerError::Newer { line: 1, version: 2, .. }), "{error}");
        // What a later version writes may look like no record of ours, at the end too.
        let error = parse(b"{\"v\":2,\"kind\":\"gap\"}\n", Path::new("ledger"), 0).unwrap_err();
        assert!(matches!(error, LedgerError::Newer { line: 1, version: 2, .. }), "{error}");
        let error = parse(b"{\"v\":1,\"kind\":\"gap\"}\n", Path::new("ledger"), 0).unwrap_err();
        assert!(matches!(error, LedgerError::Damaged { line: 1, .. }), "{error}");
    }
}
