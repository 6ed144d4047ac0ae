//! Prune: what signals that ended long ago have left, taken away.
//!
//! Read the modules in this order: which signals those are and what belongs to them ([`ended`]), their
//! [`refs`], what [`channels`] have left behind, their [`files`]; all of them pure. [`perform`] does it.

pub mod channels;
pub mod ended;
pub mod files;
pub mod perform;
pub mod refs;

use crate::{time::Timestamp, watch::WatchName};
use serde::Serialize;

/// Where something is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A ref on the watch's fork.
    Fork,
    /// A ref of this repository.
    Here,
    /// A file in the state directory.
    State,
}

/// What is to become of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It goes.
    Remove,
    /// Whether it may go is not known before its commit is looked at.
    Look,
    /// It stays: somebody else has put a commit there.
    Foreign,
    /// It stays: it is checked out.
    CheckedOut,
}

/// Something that is left of a signal that ended, or of a channel's past.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item {
    /// The watch.
    pub watch: WatchName,
    /// The signal's id, if it is of one.
    pub id: Option<String>,
    /// Where it is.
    pub place: Place,
    /// The ref's full name, or the file's path in the state directory.
    pub name: String,
    /// The object that the ref holds; empty for a file.
    pub object: String,
    /// The commit of that object; empty for a file.
    pub commit: String,
    /// How it ended: the signal's last state, or `left` for a channel's past.
    pub state: &'static str,
    /// When.
    pub at: Timestamp,
    /// What is to become of it.
    pub fate: Fate,
}

#[cfg(test)]
mod tests;
