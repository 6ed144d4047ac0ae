//! Bytes or refs in, entries out; pure.

pub mod refs;
