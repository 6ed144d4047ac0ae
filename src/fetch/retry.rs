//! `Retry-After` and the dates of HTTP.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use std::time::Duration;

/// The longest wait that a server is granted.
pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The wait a `Retry-After` asks for: seconds or a date (RFC 9110, section 10.2.3), at most
/// [`LONGEST`]; `None` if it is neither.
///
/// A date counts from `now`, best the answer's own `Date`, so that two clocks need not agree.
#[must_use]
pub fn wait(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    let asked = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        (http_date(value)? - now).to_std().unwrap_or_default()
    };
    Some(asked.min(LONGEST))
}

/// A date of HTTP in any of the three forms that have to be read (RFC 9110, section 5.6.7).
#[must_use]
pub fn http_date(text: &str) -> Option<DateTime<Utc>> {
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text.trim(), form).ok())
        .map(|time| time.and_utc())
}

/// What time it was at the server when it was asked, by the `Date` of its answer.
///
/// A cache on the way passes the origin's `Date` on, with the answer's `Age` since then (RFC 9111,
/// section 5.1).
#[must_use]
pub fn served_at(date: Option<&str>, age: Option<&str>) -> Option<DateTime<Utc>> {
    let age = age.and_then(|age| age.trim().parse::<u32>().ok()).unwrap_or_default();
    http_date(date?)?.checked_add_signed(TimeDelta::seconds(age.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_in_every_form_and_capped() {
        #[track_caller]
        fn case(value: &str, expected: Option<u64>) {
            let now = http_date("Sun, 06 Nov 1994 08:49:00 GMT").unwrap();
            assert_eq!(wait(value, now), expected.map(Duration::from_secs), "{value:?}");
        }
        case("0", Some(0));
        case(" 120 ", Some(120));
        case("86401", Some(86_400));
        case("99999999999999999999999999", Some(86_400));
        case("Sun, 06 Nov 1994 08:49:37 GMT", Some(37));
        case("Sunday, 06-Nov-94 08:49:37 GMT", Some(37));
        case("Sun Nov  6 08:49:37 1994", Some(37));
        case("Sun, 06 Nov 1994 08:48:00 GMT", Some(0));
        case("Mon, 06 Nov 2034 08:49:37 GMT", Some(86_400));
        case("", None);
        case("-5", None);
        case("+5", None);
        case("1.5", None);
        case("soon", None);
        case("Mon, 06 Nov 1994 08:49:37 GMT", None);
    }

    #[test]
    fn a_server_tells_its_time_through_caches() {
        #[track_caller]
        fn case(date: Option<&str>, age: Option<&str>, expected: Option<&str>) {
            assert_eq!(served_at(date, age), expected.and_then(http_date), "{date:?} {age:?}");
        }
        const DATE: Option<&str> = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        case(DATE, None, DATE);
        case(DATE, Some("23"), Some("Sun, 06 Nov 1994 08:50:00 GMT"));
        case(DATE, Some("-5"), DATE);
        case(DATE, Some("soon"), DATE);
        case(None, Some("23"), None);
        case(Some("now"), None, None);
    }
}
