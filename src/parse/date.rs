//! Dates as feeds write them, the standard ones and the usual slips.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

const LONGEST: usize = 64;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The instant that `text` means: RFC 3339, RFC 2822, and both with what is often missing or wrong.
///
/// Missing seconds are 0, a missing time is midnight, a missing or unknown zone is UTC (RFC 2822,
/// section 4.3), a wrong weekday is passed over. A parser that insists on a zone loses these dates.
#[must_use]
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if text.len() > LONGEST || !text.is_ascii() {
        return None;
    }
    iso(text).or_else(|| mail(text))
}

/// `time` if an upstream could mean it: after the epoch, and in a year of four digits.
///
/// Servers without a date write the epoch, the year 1, or nothing.
#[must_use]
pub fn plausible(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (time.timestamp() > 0 && time.year() <= 9999).then_some(time)
}

/// `2026-05-01T10:00:00.5+02:00`, `2026-05-01 10:00`, `2026-05-01`.
fn iso(text: &str) -> Option<DateTime<Utc>> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-');
    let (year, month, day) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let Some(time) = rest.strip_prefix(['T', 't', ' ']) else {
        return rest.is_empty().then(|| date.and_time(NaiveTime::MIN).and_utc());
    };
    let time = time.trim_start();
    let end = time.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.' | ','))).unwrap_or(time.len());
    in_utc(date.and_time(clock(&time[..end])?), time[end..].split_whitespace().next().unwrap_or_default())
}

/// `Mon, 01 May 2026 10:00:00 +0200`, `May 1 2026`, `Mon May  1 10:00:00 2026`.
fn mail(text: &str) -> Option<DateTime<Utc>> {
    let (mut year, mut month, mut day, mut time, mut zone) = (None, None, None, None, "");
    for word in text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()) {
        if word.contains(':') && time.is_none() {
            time = Some(clock(word)?);
        } else if let Some(value) = number(word) {
            match word.len() {
                4 => year = Some(value),
                1 | 2 if day.is_none() => day = Some(value),
                // RFC 2822, section 4.3: two digits below 50 are of this century.
                2 => year = Some(if value < 50 { 2000 + value } else { 1900 + value }),
                _ => return None,
            }
        } else if let Some(at) = month_at(word).filter(|_| month.is_none()) {
            month = Some(at);
        } else if time.is_some() && zone.is_empty() {
            zone = word;
        }
    }
    let date = NaiveDate::from_ymd_opt(i32::try_from(year?).ok()?, month?, day?)?;
    in_utc(date.and_time(time.unwrap_or(NaiveTime::MIN)), zone)
}

fn month_at(word: &str) -> Option<u32> {
    let start = word.get(..3)?.to_ascii_lowercase();
    (1..).zip(MONTHS).find_map(|(at, month)| (month == start).then_some(at))
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn clock(text: &str) -> Option<NaiveTime> {
    let mut parts = text.split(':');
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    let seconds = parts.next().unwrap_or("0");
    let (second, fraction) = seconds.split_once(['.', ',']).unwrap_or((seconds, "0"));
    let millis = number(&format!("{fraction:0<3}")[..3])?;
    // A leap second, and the hour 24 that some write for midnight.
    NaiveTime::from_hms_milli_opt(hour % 24, minute, number(second)?.min(59), millis)
}

fn in_utc(local: NaiveDateTime, zone: &str) -> Option<DateTime<Utc>> {
    local.and_utc().checked_sub_signed(TimeDelta::minutes(offset(zone)?))
}

/// Minutes east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    let west = zone.starts_with('-');
    if let Some(digits) = zone.strip_prefix(['+', '-']) {
        let digits = digits.replace(':', "");
        let (hours, minutes) = digits.split_at_checked(2)?;
        let minutes = if minutes.is_empty() { 0 } else { number(minutes)? };
        let east = i64::from(number(hours)?) * 60 + i64::from(minutes);
        return Some(if west { -east } else { east });
    }
    let hours = match zone.to_ascii_uppercase().as_str() {
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        _ => 0,
    };
    Some(hours * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_habit_are_read() {
        #[track_caller]
        fn case(text: &str, expected: &str) {
            let found = instant(text).map_or("none".to_owned(), |time| time.format("%FT%T%.3fZ").to_string());
            assert_eq!(found, expected, "{text:?}");
        }
        case("2026-05-01T10:00:00Z", "2026-05-01T10:00:00.000Z");
        case(" 2026-05-01T10:00:00.25+02:00\n", "2026-05-01T08:00:00.250Z");
        case("2026-05-01T10:00:00+0200", "2026-05-01T08:00:00.000Z");
        case("2026-05-01T10:00:00", "2026-05-01T10:00:00.000Z");
        case("2026-05-01 10:00:00 +0000 UTC", "2026-05-01T10:00:00.000Z");
        case("2026-05-01 10:00", "2026-05-01T10:00:00.000Z");
        case("2026-05-01", "2026-05-01T00:00:00.000Z");
        case("Fri, 01 May 2026 10:00:00 +0700", "2026-05-01T03:00:00.000Z");
        case("Mon, 01 May 2026 10:00:00 GMT", "2026-05-01T10:00:00.000Z");
        case("Friday, 1 May 2026 10:00:00", "2026-05-01T10:00:00.000Z");
        case("1 May 26 10:00 EST", "2026-05-01T15:00:00.000Z");
        case("Fri May  1 10:00:00 2026", "2026-05-01T10:00:00.000Z");
        case("May 1, 2026", "2026-05-01T00:00:00.000Z");
        case("01 May 2026 24:00:60 -0500", "2026-05-01T05:00:59.000Z");
        case("2026-13-01", "none");
        case("2026-05-01T", "none");
        case("2026-05-01X10:00:00Z", "none");
        case("31 Feb 2026", "none");
        case("10:00:00", "none");
        case("yesterday", "none");
        case("", "none");
        case("2026–05–01", "none");
        case(&"1 ".repeat(50), "none");
    }

    #[test]
    fn dates_that_mean_no_date_are_absent() {
        #[track_caller]
        fn case(text: &str, expected: bool) {
            assert_eq!(instant(text).and_then(plausible).is_some(), expected, "{text:?}");
        }
        case("2026-05-01T10:00:00Z", true);
        case("1970-01-02T00:00:00Z", true);
        case("1970-01-01T00:00:00Z", false);
        case("0001-01-01T00:00:00Z", false);
        case("1969-12-31T23:59:59Z", false);
    }
}
