//! The program as its users meet it: the built binary, real Git, real shells, one module a subject.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

mod bad_input;
mod browser;
mod carry;
mod clean_output;
mod config;
mod dispatch;
mod docs;
mod doctor;
mod environment;
mod faults;
mod fork;
mod generated;
mod git_parity;
mod handover;
mod hostile;
mod inert;
mod ledger;
mod locks;
mod notify;
mod operator;
mod output;
mod poll_feed;
mod poll_refs;
mod private_state;
mod prune;
mod rehearse;
mod report_page;
mod review;
mod safe_push;
mod secrets;
mod shells;
mod status;
mod trigger;
mod upstream;
mod watch;
