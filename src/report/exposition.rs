//! Metrics in Prometheus' text format, version 0.0.4.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>: the samples of a
//! metric stand together below its HELP and TYPE, and every line has an end. There are no timestamps:
//! `node_exporter` refuses a file that has one.

use std::fmt::{Display, Write};

/// What a metric is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A number that goes up and down.
    Gauge,
    /// A number that only grows.
    Counter,
}

impl Kind {
    /// As the format spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}

/// One value of a metric: the values of its labels in their order, and the number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sample {
    /// The labels' values.
    pub labels: Vec<String>,
    /// The number.
    pub value: u64,
}

impl Sample {
    /// A sample with these values of the labels.
    #[must_use]
    pub fn new(labels: &[&dyn Display], value: u64) -> Self {
        Self { labels: labels.iter().map(ToString::to_string).collect(), value }
    }
}

/// A metric with its samples; one without samples is nothing at all.
#[must_use]
pub fn family(name: &str, kind: Kind, help: &str, labels: &[&str], samples: &[Sample]) -> String {
    if samples.is_empty() {
        return String::new();
    }
    let help = help.replace('\\', "\\\\").replace('\n', "\\n");
    let mut text = format!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.as_str());
    for sample in samples {
        let pairs = labels.iter().zip(&sample.labels).map(|(label, value)| format!("{label}=\"{}\"", escaped(value)));
        let pairs: Vec<String> = pairs.collect();
        let pairs = if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
        let _ = writeln!(text, "{name}{pairs} {}", sample.value);
    }
    text
}

/// A label's value as it stands between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_its_help_its_type_and_its_samples() {
        let samples = [Sample::new(&[&"a\\b\"c\nd", &1], 7), Sample::new(&[&"\u{fc}", &""], 0)];
        let text = family("x_y", Kind::Gauge, "What it is,\nand \\ why.", &["name", "place"], &samples);
        let expected = "# HELP x_y What it is,\\nand \\\\ why.\n# TYPE x_y gauge\n\
                        x_y{name=\"a\\\\b\\\"c\\nd\",place=\"1\"} 7\nx_y{name=\"\u{fc}\",place=\"\"} 0\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_metric_needs_neither_labels_nor_samples() {
        assert_eq!(
            family("x_total", Kind::Counter, "All.", &[], &[Sample::new(&[], 3)]),
            "# HELP x_total All.\n# TYPE x_total counter\nx_total 3\n"
        );
        assert_eq!(family("x", Kind::Gauge, "None.", &["a"], &[]), "");
    }
}
