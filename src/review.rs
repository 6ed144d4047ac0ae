//! Review: what became of each signal, read from Git.
//!
//! Read the modules in this order, which is the order the data takes:
//!
//! - [`state`]: the states that a signal goes through, and what each is judged by.

pub mod state;
