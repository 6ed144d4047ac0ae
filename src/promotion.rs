//! Promotion: a channel's ref moved to a candidate, and nothing else ever moves it.
//!
//! - [`choice`]: which candidate a channel may take: pure.
//! - [`forward`]: whether that loses nothing of what the channel holds, asked of Git.
//! - [`perform`]: the push, by lease, and its record.

pub mod choice;
pub mod forward;
pub mod perform;
