//! Text, times, versions and waits.

use crate::{one_in, watcher::at};
use chrono::DateTime;
use patch_moi::{
    dispatch::{
        plan::{Standing, backoff, standing},
        result::Status,
    },
    entry::Entry,
    fetch::retry,
    git::redacted,
    ledger::state::{Delivery, Stage},
    news::oldest_first,
    parse::date,
    text::{clipped, is_unsafe, json, printable},
    time::Timestamp,
    version::version_in,
};
use proptest::{collection::vec, prelude::*};
use std::time::Duration;

/// C0, DEL and C1, and what reorders, joins or hides text, by the names that Unicode gives it.
fn is_dangerous(c: char) -> bool {
    let bidi = ['\u{61c}', '\u{200e}', '\u{200f}'].contains(&c) || ('\u{202a}'..='\u{202e}').contains(&c);
    let isolates = ('\u{2066}'..='\u{2069}').contains(&c);
    let line_ends = ['\u{2028}', '\u{2029}'].contains(&c);
    let zero_width = ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'].contains(&c);
    let tags = ('\u{e0000}'..='\u{e007f}').contains(&c);
    c < ' ' || ('\u{7f}'..='\u{9f}').contains(&c) || bidi || isolates || line_ends || zero_width || tags
}

/// Text with what is dangerous on a terminal.
fn any_text() -> impl Strategy<Value = String> {
    let dangerous = prop_oneof![
        "[\u{0}-\u{9f}]",
        "[\u{200b}-\u{206f}\u{feff}\u{61c}\u{fff9}-\u{fffb}\u{e0000}-\u{e007f}]",
        "\\\\u\\{1b\\}|\\\\n|\u{1b}\\[2J",
        any::<char>().prop_map(String::from),
    ];
    vec(dangerous, 0..20).prop_map(|parts| parts.concat())
}

fn any_tag() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "(v|V|tool-|REL_|rust-v)?[0-9]{1,3}([._][0-9]{1,3}){0,4}(-?(rc|beta|alpha|b|dev|final|post)?\\.?[0-9]{0,3})?(\\+[0-9a-z]{1,3})?",
        "[0-9.vV_+-]{0,12}",
        "[0-9]{18,30}(\\.[0-9]{18,30}){0,3}",
    ]
}

fn order(mut keys: Vec<String>) -> Vec<String> {
    let entries = keys.drain(..).map(|key| Entry { key, ..Entry::default() }).collect();
    oldest_first(entries, false).into_iter().map(|entry| entry.key).collect()
}

proptest! {
    #![proptest_config(one_in(1))]

    #[test]
    fn printable_text_is_safe_and_stays_as_it_is(text in any_text()) {
        let shown = printable(&text);
        prop_assert!(!shown.contains(is_dangerous), "{shown:?}");
        prop_assert_eq!(printable(&shown), &*shown);
        prop_assert!(text.contains(is_unsafe) || shown == text);
    }

    #[test]
    fn json_is_one_safe_line_that_reads_back_equal(text in any_text(), key in any_text()) {
        let value = serde_json::json!({ key: [text, null, 1] });
        let line = json(&value);
        prop_assert!(!line.contains(is_dangerous), "{line:?}");
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
    }

    #[test]
    fn clipped_text_is_the_beginning(text in any_text(), most in 0..40_usize) {
        let kept = clipped(&text, most);
        prop_assert!(text.trim().starts_with(kept) && kept.len() <= most);
        prop_assert!(kept.len() + 4 > most || kept == text.trim());
    }

    #[test]
    fn times_read_back_equal_as_they_are_ordered(millis in [any::<i64>(), any::<i64>()], seconds in any::<u64>()) {
        let time = |millis: i64| DateTime::from_timestamp_millis(millis % 300_000_000_000_000).map(Timestamp::from).unwrap();
        let times = [time(millis[0]), time(millis[1])];
        let texts = times.map(|time| time.to_string());
        for (time, text) in times.iter().zip(&texts) {
            prop_assert_eq!(text.parse::<Timestamp>().ok(), Some(*time), "{}", text);
        }
        prop_assert_eq!(times[0].cmp(&times[1]), texts[0].cmp(&texts[1]), "{} and {}", &texts[0], &texts[1]);
        let later = times[0].after(Duration::from_secs(seconds));
        prop_assert!(later >= times[0]);
        prop_assert_eq!(later.to_string().parse::<Timestamp>().ok(), Some(later));
    }

    #[test]
    fn dates_are_read_in_every_form(seconds in 1..253_402_300_799_i64, hours in -23..=23_i32) {
        let time = DateTime::from_timestamp(seconds, 0).unwrap();
        let there = time.with_timezone(&chrono::FixedOffset::east_opt(hours * 3600).unwrap());
        prop_assume!(chrono::Datelike::year(&there) <= 9999 && chrono::Datelike::year(&there) >= 1970);
        for text in [time.to_rfc3339(), there.to_rfc3339(), there.to_rfc2822(), there.format("%F %T %z").to_string()] {
            prop_assert_eq!(date::instant(&text).and_then(date::plausible), Some(time), "{}", text);
        }
        let http = time.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        prop_assert_eq!(retry::http_date(&http), Some(time));
    }

    #[test]
    fn no_text_is_too_odd_for_a_date_or_a_wait(text in any_text(), ascii in "[ -~]{0,70}", digits in "[0-9:.,+ TZ-]{0,40}", number in "[0-9]{1,25}") {
        for text in [text, ascii, digits, number] {
            let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
            prop_assert!(retry::wait(&text, now).is_none_or(|wait| wait <= retry::LONGEST));
            if let Some(time) = date::instant(&text).and_then(date::plausible).map(Timestamp::from) {
                prop_assert_eq!(time.to_string().parse::<Timestamp>().ok(), Some(time));
            }
        }
    }

    #[test]
    fn versions_have_one_order(tags in vec(any_tag(), 3..8), shuffled in any::<prop::sample::Index>()) {
        let sorted = order(tags.clone());
        let mut other = tags.clone();
        other.rotate_left(shuffled.index(tags.len()));
        other.reverse();
        prop_assert_eq!(&order(other), &sorted, "the order depends on where it begins");
        for pair in sorted.windows(2) {
            let pair = pair.to_vec();
            prop_assert_eq!(order(vec![pair[1].clone(), pair[0].clone()]), pair, "neighbours are ordered otherwise");
        }
        let is_sorted = sorted.iter().map(|tag| version_in(tag)).is_sorted();
        prop_assert!(is_sorted, "{sorted:?}");
    }

    #[test]
    fn a_version_is_what_its_numbers_say(
        prefix in prop_oneof![Just(""), Just("v"), Just("tool-v"), Just("pkg/"), Just("release-")],
        low in [0..u64::MAX, 0..1000, 0..1000],
        step in 1..50_u64,
        place in 0..3_usize,
    ) {
        let mut high = low;
        high[place] = high[place].saturating_add(step);
        prop_assume!(high != low);
        let tag = |numbers: [u64; 3], suffix: &str| format!("{prefix}{}.{}.{}{suffix}", numbers[0], numbers[1], numbers[2]);
        let version = |text: String| version_in(&text).unwrap();
        prop_assert_eq!(version(tag(low, "")).to_string(), format!("{}.{}.{}", low[0], low[1], low[2]));
        prop_assert!(version(tag(low, "")) < version(tag(high, "")));
        prop_assert!(version(tag(low, "-rc.1")) < version(tag(low, "")));
        prop_assert!(version(tag(low, "")) < version(tag(high, "-rc.1")));
    }

    #[test]
    fn waits_grow_and_end(failures in any::<u32>(), minutes in any::<[u16; 2]>(), retries in 1..1000_u32) {
        let day = Duration::from_secs(24 * 60 * 60);
        let (wait, next) = (backoff(failures), backoff(failures.saturating_add(1)));
        prop_assert!(wait <= next && next <= day && wait >= Duration::from_secs(300));
        let (failed, now) = (at(u32::from(minutes[0])), at(u32::from(minutes[1])));
        let stage = Stage::Ended(Status::Failed);
        let delivery =
            Delivery { attempt: failures, failures, at: failed, stage, requested: false, again: false, message: None };
        match standing(&delivery, retries, now) {
            Standing::GivenUp => prop_assert!(failures >= retries),
            Standing::Due => prop_assert!(failures < retries && (now >= failed.after(wait) || now < failed)),
            Standing::RetryFrom(from) => {
                prop_assert!(failures < retries && from > now && from.since(now) <= wait * 2);
                prop_assert_eq!(standing(&delivery, retries, from), Standing::Due);
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn no_password_of_a_url_is_shown(
        before in "[a-z '\"(]{0,6}",
        scheme in prop_oneof![Just("https://"), Just("http://"), Just("ssh://"), Just("")],
        user in "[a-z]{1,6}",
        // An `@` before a `/` or `?` ends a password by the URL standard: what follows is a host.
        marks in ["[a-z0-9/?#:%.'\"<>`\\\\!$&=~-]{0,6}", "[a-z0-9/?#:@%.'\"<>`\\\\!$&=~-]{0,6}"],
        host in "[a-z]{1,8}(\\.example)?(:[0-9]{1,5})?",
        path in "(/[a-z0-9.-]{1,6}){0,3}",
        after in "['\"]? ?[a-z ]{0,6}",
    ) {
        let text = format!("{before}{scheme}{user}:{}SEKRIT{}@{host}{path}{after}", marks[0], marks[1]);
        let shown = redacted(&text);
        prop_assert!(!shown.contains("SEKRIT"), "{text} is shown as {shown}");
    }
}
