//! How often something runs, from the simple forms of crontab(5) and systemd.time(7).
//!
//! Where a form leaves room, the longest time that may pass counts: too much patience is no false alarm.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;
const MONTH: u64 = 31 * DAY;
const YEAR: u64 = 366 * DAY;

/// The time between two runs of a line with these five fields, or of one that begins with this `@word`.
pub fn of_cron(fields: &[&str]) -> Option<Duration> {
    let seconds = match *fields {
        ["@hourly"] => HOUR,
        ["@daily" | "@midnight"] => DAY,
        ["@weekly"] => WEEK,
        ["@monthly"] => MONTH,
        ["@yearly" | "@annually"] => YEAR,
        [minute, hour, day, month, weekday] => match () {
            () if month != "*" => YEAR,
            () if day != "*" => MONTH,
            () if weekday != "*" => WEEK,
            () if hour != "*" => step(hour).map_or(DAY, |step| step * HOUR),
            () => step(minute).map_or(HOUR, |step| step * MINUTE),
        },
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

/// The step of a field that is met all through its range: `*` and `*/15`.
fn step(field: &str) -> Option<u64> {
    match field.strip_prefix("*/") {
        Some(step) => step.parse().ok().filter(|step| (1..=60).contains(step)),
        None => (field == "*").then_some(1),
    }
}

/// The time between two runs of a timer with this `OnCalendar=`.
pub fn of_calendar(value: &str) -> Option<Duration> {
    let seconds = match value.to_ascii_lowercase().as_str() {
        "minutely" => MINUTE,
        "hourly" => HOUR,
        "daily" => DAY,
        "weekly" => WEEK,
        "monthly" => MONTH,
        "quarterly" | "semiannually" | "yearly" | "annually" => YEAR,
        calendar => of_time(calendar)?,
    };
    Some(Duration::from_secs(seconds))
}

/// `[WEEKDAY] [YEAR-MONTH-DAY] HOUR:MINUTE[:SECOND]`, repetitions as `0/15`.
fn of_time(calendar: &str) -> Option<u64> {
    let words: Vec<&str> = calendar.split(' ').filter(|word| !word.is_empty()).collect();
    let (time, before) = words.split_last()?;
    let mut parts = time.split(':');
    let (hour, minute) = (parts.next()?, parts.next()?);
    match before {
        [] | ["*-*-*"] => {}
        [date, ..] if date.contains('-') => return Some(if date.starts_with("*-*-") { MONTH } else { YEAR }),
        _ => return Some(WEEK),
    }
    let every = |field: &str| match field.split_once('/') {
        Some((_, step)) => step.parse::<u64>().ok().filter(|step| (1..=60).contains(step)),
        None => (field == "*").then_some(1),
    };
    Some(match (every(hour), every(minute)) {
        (Some(1), Some(minutes)) => minutes * MINUTE,
        (Some(hours), _) => hours * HOUR,
        (None, _) => DAY,
    })
}

/// The time that `OnUnitActiveSec=` and its like say, as `1h 30min`.
pub fn of_span(value: &str) -> Option<Duration> {
    let mut seconds = 0;
    let mut rest = value.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?.max(1);
        let number: u64 = rest[..end].parse().ok()?;
        rest = rest[end..].trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "s" | "sec" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => MINUTE,
            "h" | "hr" | "hour" | "hours" => HOUR,
            "d" | "day" | "days" => DAY,
            "w" | "week" | "weeks" => WEEK,
            _ => return None,
        };
        seconds += number.checked_mul(unit).filter(|seconds| *seconds <= YEAR)?;
        rest = rest[end..].trim_start();
    }
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(found: Option<Duration>) -> Option<u64> {
        found.map(|found| found.as_secs())
    }

    #[test]
    fn the_fields_of_a_crontab_tell_the_longest_wait() {
        #[track_caller]
        fn case(fields: &str, expected: Option<u64>) {
            assert_eq!(seconds(of_cron(&fields.split(' ').collect::<Vec<_>>())), expected, "{fields}");
        }
        case("* * * * *", Some(MINUTE));
        case("*/15 * * * *", Some(15 * MINUTE));
        case("17 * * * *", Some(HOUR));
        case("7,37 * * * *", Some(HOUR));
        case("17 */6 * * *", Some(6 * HOUR));
        case("17 3 * * *", Some(DAY));
        case("17 9-17 * * 1-5", Some(WEEK));
        case("0 0 1 * *", Some(MONTH));
        case("0 0 1 1 *", Some(YEAR));
        case("*/0 * * * *", Some(HOUR));
        case("@daily", Some(DAY));
        case("@reboot", None);
        case("17 *", None);
    }

    #[test]
    fn the_calendar_of_a_timer_tells_the_longest_wait() {
        #[track_caller]
        fn case(calendar: &str, expected: Option<u64>) {
            assert_eq!(seconds(of_calendar(calendar)), expected, "{calendar}");
        }
        case("hourly", Some(HOUR));
        case("*:0/30", Some(30 * MINUTE));
        case("*:00/10:00", Some(10 * MINUTE));
        case("*:17", Some(HOUR));
        case("0/4:17", Some(4 * HOUR));
        case("*-*-* 04:00:00", Some(DAY));
        case("Mon..Fri 04:00", Some(WEEK));
        case("*-*-01 04:00", Some(MONTH));
        case("2027-01-01 04:00", Some(YEAR));
        case("sometimes", None);
    }

    #[test]
    fn the_span_of_a_timer_is_added_up() {
        #[track_caller]
        fn case(span: &str, expected: Option<u64>) {
            assert_eq!(seconds(of_span(span)), expected, "{span}");
        }
        case("30min", Some(30 * MINUTE));
        case("1h 30min", Some(90 * MINUTE));
        case("2 h", Some(2 * HOUR));
        case("1d", Some(DAY));
        case("90s", Some(90));
        case("0s", None);
        case("soon", None);
        case("99999999999999999999h", None);
        case("3 fortnights", None);
        case("", None);
    }
}
