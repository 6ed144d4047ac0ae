//! Bytes from upstream become entries. Everything here is pure: no clock, no network, no files.
//!
//! `feed` reads a feed document; `json` takes what is read of a JSON Feed; `scan` and `repair` look
//! at XML before and after a parser refused it; `key` decides what makes an entry itself, from the URLs that `link` understands.

pub mod date;
pub mod error;
pub mod feed;
mod json;
pub mod key;
pub mod link;
mod raw;
pub mod refs;
pub mod repair;
pub mod scan;
