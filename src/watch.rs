//! A watch: what to look at upstream, and what to do on news.

use crate::{carry::pick::Landed, carry::tag::Template, event::Change, version::Filter};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, time::Duration};
use url::Url;

/// The name in `[watch "NAME"]`: 1 to 100 letters, digits, `-`, `_` or `.`, not starting with `.` or `-`.
///
/// Safe to print, to put in a path or a ref, and to compare byte by byte.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WatchName(String);

impl WatchName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WatchName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let valid = (1..=100).contains(&text.len())
            && text.chars().all(allowed)
            && !text.starts_with(['-', '.'])
            && !text.ends_with('.')
            && !text.contains("..")
            && !text.to_ascii_lowercase().ends_with(".lock");
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err("a watch name is 1 to 100 letters, digits, `-`, `_` or single dots inside".to_owned())
        }
    }
}

impl TryFrom<String> for WatchName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<WatchName> for String {
    fn from(name: WatchName) -> Self {
        name.0
    }
}

impl fmt::Display for WatchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// `watch.<name>.event`: what counts as an entry.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// Releases and tags.
    #[default]
    Release,
    /// Commits of one branch.
    Branch,
}

impl EventKind {
    /// The event's type, the last part of an id: `upstream.release` or `upstream.update`.
    #[must_use]
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Release => "upstream.release",
            Self::Branch => "upstream.update",
        }
    }
}

/// `watch.<name>.dispatch`: who is handed a signal.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A flow runner is spawned with the event's file.
    CodexFlow,
    /// A branch with the event is pushed to the fork.
    TriggerBranch,
    /// A program is spawned with the event on standard input.
    Command,
    /// The patch stack is carried to the event's upstream point by this program itself.
    Carry,
}

impl Target {
    /// As the configuration spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CodexFlow => "codex-flow",
            Self::TriggerBranch => "trigger-branch",
            Self::Command => "command",
            Self::Carry => "carry",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// `watch.<name>.policy`: which of several pending signals are dispatched.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Every one, oldest first.
    Each,
    /// The newest; the older ones become superseded.
    Latest,
}

/// A watch as configured, every value checked.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The name in `[watch "NAME"]`.
    pub name: WatchName,
    /// The feed that defines the entries.
    pub feed: Option<Url>,
    /// The Git remote's name or URL; alone it defines the entries.
    pub remote: Option<String>,
    /// Releases, or the commits of a branch.
    pub event: EventKind,
    /// The upstream branch of a branch watch, short name; `None` is the remote's HEAD.
    pub branch: Option<String>,
    /// Which entries are taken.
    pub filter: Filter,
    /// Who is handed a signal, each once.
    pub dispatch: Vec<Target>,
    /// The words of `command`: program and arguments.
    pub command: Option<Vec<String>>,
    /// Which of several pending signals are dispatched.
    pub policy: Policy,
    /// The remote that holds the fork.
    pub fork: String,
    /// The branch of the fork that holds the patch stack; `None` is its HEAD.
    pub stack: Option<String>,
    /// What becomes of patches that upstream has.
    pub landed: Landed,
    /// The words of each command that a carried stack must pass, in their order.
    pub verify: Vec<Vec<String>>,
    /// Whether candidates and interventions are pushed to the fork.
    pub push: bool,
    /// What a pushed candidate is tagged.
    pub candidate_tag: Option<Template>,
    /// How long one dispatch may take.
    pub timeout: Duration,
    /// Attempts before a failing dispatch is given up, at least 1.
    pub retries: u32,
    /// `key=value` pairs merged into the event's payload, later ones winning.
    pub payload: Vec<(String, String)>,
    /// The words of `resolver`, the program that is tried on a conflict.
    pub resolver: Option<Vec<String>>,
    /// How long one look at upstream may take, all requests together.
    pub fetch_timeout: Duration,
    /// The longest document taken, in bytes after decompression.
    pub body_limit: u64,
}

impl Watch {
    /// Who is handed a signal by itself.
    ///
    /// A tag that was moved and a branch that was rewritten are an alarm: what is there now is not
    /// carried to unless a person says so. What is gone cannot be handed to anybody.
    #[must_use]
    pub fn targets(&self, change: Change) -> Vec<Target> {
        let is_handed = |target: &&Target| match change {
            Change::New => true,
            Change::Moved | Change::Rewritten => **target != Target::Carry,
            Change::Gone => false,
        };
        self.dispatch.iter().filter(is_handed).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watch_names_are_checked() {
        #[track_caller]
        fn case(text: &str, valid: bool) {
            assert_eq!(text.parse::<WatchName>().is_ok(), valid, "{text:?}");
        }
        case("upstream", true);
        case("rust-1.x_y", true);
        case(&"n".repeat(100), true);
        case("", false);
        case(&"n".repeat(101), false);
        case("-x", false);
        case(".hidden", false);
        case("a..b", false);
        case("a/b", false);
        case("a b", false);
        case("x.LOCK", false);
        case("é", false);
    }
}
