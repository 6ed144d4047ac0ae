//! What makes the next request of a document conditional.

use super::retry::http_date;
use crate::refname;
use serde::{Deserialize, Serialize};
use url::Url;

/// Bytes of an entity tag that are kept.
const LONGEST: usize = 1024;

/// The validators of a document (RFC 9110, section 8.8), to be sent back as they came.
///
/// They may be lost, stale or damaged at the cost of a full answer, never of news.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Validators {
    /// `ETag`, weak or strong, quotes included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// `Last-Modified`, when it is old enough to tell two versions apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// The [place] they belong to, when redirects led there; `None` is the one that was asked.
    ///
    /// At another address they are not sent: they could be met there by another document, and
    /// its "not modified" would hide news.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// An address as it is stored: its hash, for redirects lead to addresses that are signed for us alone.
#[must_use]
pub fn place(url: &Url) -> String {
    refname::hash(url.as_str())
}

impl Validators {
    /// Whether there is nothing to make a request conditional with.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// The validators worth keeping of an answer with these headers.
    ///
    /// A `Last-Modified` within a second of `Date` is left: the document may change again in that
    /// second (RFC 9110, section 8.8.2.2), and cgit always puts the present there.
    #[must_use]
    pub fn of(etag: Option<&str>, last_modified: Option<&str>, date: Option<&str>) -> Self {
        let settled = last_modified.and_then(http_date).zip(date.and_then(http_date));
        let settled = settled.is_some_and(|(modified, date)| (date - modified).num_seconds() >= 1);
        Self {
            etag: etag.map(str::trim).filter(|tag| is_entity_tag(tag)).map(str::to_owned),
            last_modified: last_modified.filter(|_| settled).map(|text| text.trim().to_owned()),
            at: None,
        }
    }

    /// The headers to send, name and value; none for a value that no server would have given.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let etag = self.etag.as_deref().filter(|tag| is_entity_tag(tag));
        let modified = self.last_modified.as_deref().filter(|date| http_date(date).is_some());
        etag.map(|tag| ("If-None-Match", tag)).into_iter().chain(modified.map(|date| ("If-Modified-Since", date)))
    }
}

/// An `entity-tag` (RFC 9110, section 8.8.3) in ASCII. The quotes matter: a bare `*` sent back
/// would mean any version.
fn is_entity_tag(text: &str) -> bool {
    let opaque = text.strip_prefix("W/").unwrap_or(text);
    let inner = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    text.len() <= LONGEST && inner.is_some_and(|inner| inner.bytes().all(|b| b.is_ascii_graphic() && b != b'"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "Sun, 06 Nov 1994 12:00:00 GMT";

    #[test]
    fn only_validators_that_tell_versions_apart_are_kept() {
        #[track_caller]
        fn case(etag: Option<&str>, modified: Option<&str>, date: Option<&str>, expected: (bool, bool)) {
            let found = Validators::of(etag, modified, date);
            assert_eq!((found.etag.is_some(), found.last_modified.is_some()), expected);
        }
        let before = Some("Sun, 06 Nov 1994 11:59:59 GMT");
        case(Some("\"a\""), None, None, (true, false));
        case(Some("W/\"a\""), before, Some(NOON), (true, true));
        case(Some("\"\""), None, None, (true, false));
        case(Some("*"), None, None, (false, false));
        case(Some("a"), None, None, (false, false));
        case(Some("\"a\", \"b\""), None, None, (false, false));
        case(Some("\""), None, None, (false, false));
        case(Some("\"\u{e9}\""), None, None, (false, false));
        case(Some(&format!("\"{}\"", "x".repeat(LONGEST))), None, None, (false, false));
        case(None, Some(NOON), Some(NOON), (false, false));
        case(None, Some("Sun, 06 Nov 1994 13:00:00 GMT"), Some(NOON), (false, false));
        case(None, before, None, (false, false));
        case(None, Some("yesterday"), Some(NOON), (false, false));
    }

    #[test]
    fn damaged_validators_are_not_sent() {
        let damaged =
            Validators { etag: Some("\"a\"\r\nX: y".to_owned()), last_modified: Some("\u{0}".to_owned()), at: None };
        assert_eq!(damaged.headers().count(), 0);
    }

    #[test]
    fn validators_are_stored_in_camel_case() {
        let json = r#"{"etag":"\"a\"","lastModified":"Sun, 06 Nov 1994 12:00:00 GMT"}"#;
        let validators: Validators = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&validators).unwrap(), json);
        assert_eq!(validators.headers().count(), 2);
        assert!(serde_json::from_str::<Validators>("{}").unwrap().is_empty());
    }
}
