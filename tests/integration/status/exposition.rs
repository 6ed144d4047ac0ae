//! The metrics, read by a strict reader of Prometheus' text format.

use super::{busy, quiet};
use crate::environment::Environment;
use patch_moi::overview::metrics::METRICS;
use std::collections::{BTreeMap, BTreeSet};

/// The values of a metric's series by their labels, as written.
type Series = BTreeMap<String, u64>;

/// The metrics by their names; whatever the format does not have is a panic.
#[track_caller]
fn parsed(text: &str) -> BTreeMap<String, Series> {
    assert!(text.ends_with('\n') && !text.contains("\n\n") && !text.contains('\r'), "{text:?}");
    let mut metrics: BTreeMap<String, Series> = BTreeMap::new();
    let mut lines = text.lines().peekable();
    while let Some(help) = lines.next() {
        let (name, words) = help.strip_prefix("# HELP ").unwrap().split_once(' ').unwrap();
        assert!(!words.is_empty() && !words.contains('\\'), "{help}");
        let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        assert!(matches!(kind, "counter" | "gauge") && is_name(name), "{name} {kind}");
        let mut series = Series::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let sample = line.strip_prefix(name).unwrap_or_else(|| panic!("{name} is in pieces: {line}"));
            let (labels, value) = labels(sample);
            assert!(series.insert(labels, value.parse().unwrap()).is_none(), "twice: {line}");
        }
        assert!(!series.is_empty(), "{name} has no sample");
        assert!(metrics.insert(name.to_owned(), series).is_none(), "{name} is in pieces");
    }
    metrics
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && name.starts_with("patch_moi_")
}

/// The labels and the value of ` 1` or `{a="b",c="d"} 1`.
#[track_caller]
fn labels(sample: &str) -> (String, &str) {
    let (mut rest, mut told) = (sample.strip_prefix('{').unwrap(), Vec::new());
    loop {
        let (name, value) = rest.split_once("=\"").unwrap();
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase()) && !told.contains(&name), "{sample}");
        let end = value.find('"').unwrap();
        assert!(!value[..end].contains('\\'), "our labels need no escape: {sample}");
        told.push(name);
        rest = &value[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => break,
        }
    }
    let value = rest.strip_prefix("} ").unwrap();
    (sample[1..sample.len() - rest.len()].to_owned(), value)
}

#[track_caller]
fn case(metrics: &BTreeMap<String, Series>, name: &str, labels: &str, expected: Option<u64>) {
    let comma = if labels.is_empty() { "" } else { "," };
    let value = metrics[name].get(&format!("repository=\"fork-ID\"{comma}{labels}")).copied();
    assert_eq!(value, expected, "{name} {labels}: {:?}", metrics[name]);
}

#[test]
fn metrics_are_in_prometheus_text_format() {
    let fork = busy();
    fork.set("watch.gone.remote", "../no-such-repository");
    for _ in 0..2 {
        assert_eq!(fork.patch(&["poll", "gone"]).run().status, 1);
    }
    let told = fork.says_of(&["status", "--prometheus"]).succeeded().stdout;
    let metrics = parsed(&told);
    let expected: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(metrics.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    for (name, series) in &metrics {
        assert!(series.keys().all(|labels| labels.starts_with("repository=\"fork-ID\"")), "{name}: {series:?}");
    }
    let waiting = "patch_moi_waiting";
    case(&metrics, waiting, r#"watch="up",actor="person",state="awaiting""#, Some(1));
    case(&metrics, waiting, r#"watch="up",actor="person",state="moved""#, Some(1));
    case(&metrics, waiting, r#"watch="up",actor="machine",state="pending""#, Some(2));
    case(&metrics, waiting, r#"watch="up",actor="machine",state="running""#, Some(1));
    case(&metrics, waiting, r#"watch="other",actor="forge",state="dispatched""#, Some(1));
    case(&metrics, waiting, r#"watch="other",actor="person",state="unacknowledged""#, Some(1));
    case(&metrics, waiting, r#"watch="other",actor="person",state="broken""#, Some(0));
    case(&metrics, waiting, r#"watch="gone",actor="person",state="broken""#, Some(1));
    let oldest = "patch_moi_waiting_oldest_timestamp_seconds";
    case(&metrics, oldest, r#"watch="up",actor="person""#, Some(1_767_297_720));
    case(&metrics, oldest, r#"watch="up",actor="forge""#, None);
    let reviews = "patch_moi_reviews";
    case(&metrics, reviews, r#"watch="up",state="needs-intervention""#, Some(2));
    case(&metrics, reviews, r#"watch="up",state="landed""#, Some(0));
    case(&metrics, "patch_moi_watch_failing", r#"watch="gone""#, Some(1));
    case(&metrics, "patch_moi_watch_failing", r#"watch="up""#, Some(0));
    case(&metrics, "patch_moi_watch_failing_polls", r#"watch="gone""#, Some(2));
    case(&metrics, "patch_moi_watch_primed", r#"watch="gone""#, Some(0));
    case(&metrics, "patch_moi_watch_last_check_timestamp_seconds", r#"watch="up""#, Some(1_767_323_045));
    case(&metrics, "patch_moi_watch_known_entries", r#"watch="other""#, Some(3));
    let moved = "patch_moi_channel_moved_timestamp_seconds";
    case(&metrics, moved, r#"channel="public",watch="up",rule="manual""#, Some(1_767_297_840));
    case(&metrics, moved, r#"channel="later",watch="other",rule="manual""#, None);
    case(&metrics, "patch_moi_signals_total", "", Some(9));
    case(&metrics, "patch_moi_ledger_bytes", "", Some(fork.ledger().len() as u64));
}

#[test]
fn signals_at_their_end_are_counted_with_those_on_their_way() {
    let fork = quiet();
    for (key, state) in [("v1", "landed"), ("v2", "landed"), ("v3", "rejected"), ("v4", "awaiting")] {
        super::signal(&fork, "20:00", "up", key, "new", &["command"]);
        super::ran(&fork, "20:01", key, "changed", "carried");
        super::awaiting(&fork, "20:02", key);
        if state != "awaiting" {
            super::reviewed(&fork, "20:03", key, &serde_json::json!({"state": state, "evidence": "run"}));
        }
    }
    let told = parsed(&fork.says_of(&["status", "--prometheus", "up"]).succeeded().stdout);
    let counts: Vec<(&str, u64)> = told["patch_moi_reviews"]
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(labels, count)| (labels.rsplit_once("state=").unwrap().1, *count))
        .collect();
    assert_eq!(counts, [("\"awaiting\"", 1), ("\"landed\"", 2), ("\"rejected\"", 1)]);
}

#[test]
fn metrics_and_json_exclude_each_other() {
    let told = quiet().patch(&["status", "--prometheus", "--json"]).run();
    assert_eq!((told.status, told.stdout.as_str()), (2, ""), "{told}");
    // Without a repository there is nothing to tell: a file of the last time is left as it is.
    let environment = Environment::new();
    let told = environment.patch(&["status", "--prometheus"]).run();
    assert_eq!((told.status, told.stdout.as_str()), (2, ""), "{told}");
}
