//! A channel: a ref of the fork that consumers follow, moved only by promotion.

use crate::{carry::tag::Template, watch::WatchName};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The name in `[channel "NAME"]`, of the same alphabet as a watch's.
///
/// Safe to print, and to put in a path or a ref.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChannelName(String);

impl ChannelName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChannelName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name: WatchName = text.parse().map_err(|reason: String| reason.replacen("watch", "channel", 1))?;
        Ok(Self(name.into()))
    }
}

impl TryFrom<String> for ChannelName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ChannelName> for String {
    fn from(name: ChannelName) -> Self {
        name.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// `channel.<name>.promote`: when a candidate is promoted by itself.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promote {
    /// Once it passed the watch's `verify`.
    Verified,
    /// Once the stack has it.
    Landed,
    /// Never: a person does it.
    #[default]
    Manual,
}

impl Promote {
    /// As the configuration spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Landed => "landed",
            Self::Manual => "manual",
        }
    }
}

impl fmt::Display for Promote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// `channel.<name>.ref`: what a promotion moves or makes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ChannelRef {
    /// A branch that moves, by its full name.
    Branch(String),
    /// A tag for each promotion.
    Tag(Template),
}

impl fmt::Display for ChannelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => f.write_str(name),
            Self::Tag(template) => write!(f, "refs/tags/{template}"),
        }
    }
}

/// A channel as configured, every value checked.
#[derive(Clone, Debug)]
pub struct Channel {
    /// The name in `[channel "NAME"]`.
    pub name: ChannelName,
    /// The watch whose candidates it takes; its fork has the ref.
    pub watch: WatchName,
    /// What a promotion moves or makes.
    pub reference: ChannelRef,
    /// When that happens by itself.
    pub promote: Promote,
}
