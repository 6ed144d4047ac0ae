//! The program as its users meet it: the built binary, real Git, real shells, one module a subject.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

mod docs;
mod environment;
mod generated;
mod handover;
mod rehearse;
mod shells;
