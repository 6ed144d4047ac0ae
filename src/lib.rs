//! `patch`: unattended maintenance of custom patches on top of upstream software.
//!
//! Read the modules in this order: it is the order the data takes.

pub mod child;
pub mod cli;
pub mod completion;
pub mod dispatch;
pub mod entry;
pub mod git;
pub mod parse;
pub mod signals;
pub mod text;
pub mod time;
pub mod version;
pub mod watch;
