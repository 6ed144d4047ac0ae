//! What holds for every input, tried on random ones.
//!
//! Each property is tried 64 times, or as often as `PROPTEST_CASES` says; what fails is made as
//! small as possible, shown, and tried first from then on (`regressions.txt`, not checked in).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attempts;
mod corpus;
mod feeds;
mod folding;
mod identity;
mod ledger_file;
mod refnames;
mod releases;
#[path = "../fuzz/src/lib.rs"]
mod targets;
mod values;
mod watcher;

use proptest::test_runner::{Config, FileFailurePersistence};
use std::env;

/// One case in `share`, for properties that take long.
fn one_in(share: u32) -> Config {
    let cases = env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    Config {
        cases: (cases / share).max(1),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/properties/regressions.txt"))),
        ..Config::default()
    }
}
