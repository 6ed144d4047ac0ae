//! A signal is handed to a target, and what became of it is read.

pub mod result;
