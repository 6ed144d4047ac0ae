//! The report inside what a run printed.

use super::one_line;
use crate::child::Captured;
use serde_json::{Deserializer, Value};

/// What begins a line with a bare result.
const MARKER: &[u8] = b"FLOW_RESULT ";

/// The report that was found.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// A flow runner's document.
    Document(Document),
    /// The result of a `FLOW_RESULT` line.
    Line(Value),
    /// A report that is not one, with the reason.
    Malformed(String),
    /// None.
    Nothing,
}

/// `{eventId, results}`.
#[derive(Debug, PartialEq)]
pub(super) struct Document {
    /// The event it is about.
    pub(super) event_id: Option<String>,
    /// The results, one a step.
    pub(super) results: Vec<Reported>,
}

/// `{flow, step, result}`.
#[derive(Debug, PartialEq)]
pub(super) struct Reported {
    pub(super) flow: Option<String>,
    pub(super) step: Option<String>,
    /// `{status, message, artifacts}`, or anything else.
    pub(super) result: Value,
}

/// The last document in what was printed, or else the last `FLOW_RESULT` line.
///
/// `named` asks that a document names its event: a plain program may print a JSON object with
/// `results` of its own.
pub(super) fn find(stdout: &Captured, named: bool) -> Found {
    // The tail of a cut output begins in the middle of a line. A document that lies there may be
    // part of a larger one, so it has to name its event.
    let cut = stdout.omitted > 0;
    let tail = stdout.tail.iter().position(|&byte| byte == b'\n').map_or(&[][..], |end| &stdout.tail[end + 1..]);
    let parts = [tail, &stdout.head];
    let document = parts.iter().find_map(|part| last_document(part, named || cut));
    let document = document.or_else(|| parts.iter().find_map(|part| last_line(part)));
    document.unwrap_or(Found::Nothing)
}

/// The last JSON object that begins a line, is not inside another one, and has `results`.
fn last_document(text: &[u8], named: bool) -> Option<Found> {
    let mut last = None;
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'{'
            && let Some((value, length)) = object(&text[at..])
        {
            if let Some(results) = value.get("results")
                && !(named && value.get("eventId").is_none_or(|id| !id.is_string()))
            {
                last = Some(document(&value, results));
            }
            at += length;
        }
        at += text[at..].iter().position(|&byte| byte == b'\n').map_or(text.len() - at, |end| end + 1);
    }
    last
}

/// The JSON object that `text` begins with, and its length.
fn object(text: &[u8]) -> Option<(Value, usize)> {
    let mut values = Deserializer::from_slice(text).into_iter::<Value>();
    let value = values.next()?.ok()?;
    Some((value, values.byte_offset()))
}

fn document(value: &Value, results: &Value) -> Found {
    let Some(results) = results.as_array() else {
        return Found::Malformed("printed a result document whose `results` are not a list".to_owned());
    };
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let results = results.iter().map(|reported| Reported {
        flow: text(reported, "flow"),
        step: text(reported, "step"),
        result: reported.get("result").cloned().unwrap_or(Value::Null),
    });
    Found::Document(Document { event_id: text(value, "eventId"), results: results.collect() })
}

fn last_line(text: &[u8]) -> Option<Found> {
    let result = text.rsplit(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(MARKER))?;
    Some(match serde_json::from_slice::<Value>(result) {
        Ok(result) if result.is_object() => Found::Line(result),
        Ok(_) => Found::Malformed("printed a FLOW_RESULT line that is not an object".to_owned()),
        Err(error) => {
            let error = one_line(&error.to_string()).unwrap_or_default();
            Found::Malformed(format!("printed a FLOW_RESULT line that is not JSON: {error}"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The messages of the document's results, or the result of the line.
    fn found(stdout: &Captured, named: bool) -> Option<String> {
        match find(stdout, named) {
            Found::Document(document) => {
                Some(document.results.iter().map(|reported| reported.result["message"].as_str().unwrap()).collect())
            }
            Found::Line(result) => Some(format!("line {}", result["message"].as_str().unwrap())),
            Found::Malformed(problem) => Some(problem),
            Found::Nothing => None,
        }
    }

    fn printed(message: &str) -> String {
        let document =
            json!({"eventId": "id", "results": [{"flow": "f", "step": "s", "result": {"message": message}}]});
        serde_json::to_string_pretty(&document).unwrap()
    }

    #[test]
    fn the_last_report_is_found_among_other_lines() {
        #[track_caller]
        fn case(stdout: &str, expected: Option<&str>) {
            assert_eq!(found(&Captured::from(stdout.as_bytes()), false).as_deref(), expected);
        }
        let (a, b) = (printed("a"), printed("b"));
        case(&a, Some("a"));
        case(&format!("log\n{{not json\n{a}\nmore {{}}\n"), Some("a"));
        case(&format!("{a}\n{b}\n"), Some("b"));
        case(&format!("{a}\n{{\"level\":\"info\"}}\n"), Some("a"));
        case(&format!("{a} trailing {b}"), Some("a"));
        case(&format!("x {a}"), None);
        case(&format!("[\n{a}\n"), Some("a"));
        case(&format!("{{\"open\": [\n{a}\n"), Some("a"));
        case("{\"outer\": \n{\"results\": []}\n}", None);
        case("{\"results\": 5}", Some("printed a result document whose `results` are not a list"));
        case("FLOW_RESULT {\"message\":\"a\"}\nFLOW_RESULT {\"message\":\"b\"}\r\nbye\n", Some("line b"));
        case(&format!("FLOW_RESULT {{\"message\":\"b\"}}\n{a}\nFLOW_RESULT {{\"message\":\"c\"}}\n"), Some("a"));
        case("FLOW_RESULT []", Some("printed a FLOW_RESULT line that is not an object"));
        case(" FLOW_RESULT {}", None);
        case("", None);
    }

    #[test]
    fn a_plain_programs_own_json_is_no_document() {
        let stdout = Captured::from(&b"{\"results\": []}\nFLOW_RESULT {\"message\":\"a\"}\n"[..]);
        assert_eq!(found(&stdout, true).as_deref(), Some("line a"));
        assert_eq!(found(&Captured::from(printed("a").as_bytes()), true).as_deref(), Some("a"));
    }

    #[test]
    fn what_is_left_of_a_cut_output_is_searched() {
        let cut = |head: &str, tail: &str| Captured { head: head.into(), tail: tail.into(), omitted: 1 };
        let a = printed("a");
        assert_eq!(found(&cut("log", &format!("og\n{a}\n")), false).as_deref(), Some("a"));
        assert_eq!(found(&cut(&format!("{a}\nlog"), "og\n"), false).as_deref(), Some("a"));
        // The tail's first line may be anything's end.
        assert_eq!(found(&cut("log", &a), false), None);
        assert_eq!(found(&cut("log", "og\n{\"results\": []}\n"), false), None);
        let (head, tail) = a.split_at(30);
        assert_eq!(found(&cut(head, tail), false), None);
    }

    #[test]
    fn hostile_nesting_is_survived() {
        let deep = "{\"a\":[\n".repeat(2_000);
        assert_eq!(find(&Captured::from(deep.as_bytes()), false), Found::Nothing);
        let malformed = find(&Captured::from(&b"FLOW_RESULT {\"\x1b\xff"[..]), false);
        assert!(matches!(malformed, Found::Malformed(problem) if !problem.contains('\u{1b}')));
    }
}
