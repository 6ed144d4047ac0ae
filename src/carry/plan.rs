//! The plan of a run: which stack goes where, and what the results will be called.

use super::{
    id::{CommitId, TreeId},
    pick::Landed,
    stack::Stack,
};
use crate::{event::Event, refname::component, time::Timestamp, watch::WatchName};

/// The upstream point that the stack is carried to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Onto {
    /// As people call it: a tag, or a commit.
    pub name: String,
    /// The commit, of an annotated tag the one it leads to.
    pub commit: CommitId,
    /// Its tree.
    pub tree: TreeId,
    /// When it was committed.
    pub committed_at: Timestamp,
}

/// What a run is going to do; made without writing anything but fetched objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The watch on whose behalf it runs.
    pub watch: WatchName,
    /// What the candidate is called after: the event's key, or what was asked for.
    pub key: String,
    /// The event that asked for it.
    pub event: Option<Event>,
    /// Where to.
    pub onto: Onto,
    /// What.
    pub stack: Stack,
    /// What becomes of patches that upstream has.
    pub landed: Landed,
    /// The committer's date of all new commits: the event's, or else the upstream point's.
    pub date: Timestamp,
    /// The names of the refs that it may make.
    pub names: Names,
    /// What people should know before; each one line.
    pub warnings: Vec<String>,
}

/// The refs of one run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Names {
    /// `refs/heads/<refPrefix>candidate/<watch>/<key>`.
    pub candidate: String,
    /// `refs/heads/<refPrefix>intervention/<watch>/<key>`.
    pub intervention: String,
    /// `refs/heads/<refPrefix>stack/<watch>/<key>/`: each `patch/*` branch has a ref below.
    pub series: String,
}

impl Names {
    /// The names for this watch and key.
    #[must_use]
    pub fn of(prefix: &str, watch: &WatchName, key: &str) -> Self {
        let named = |kind: &str| format!("refs/heads/{prefix}{kind}/{}/{}", component(watch.as_str()), component(key));
        Self {
            candidate: named("candidate"),
            intervention: named("intervention"),
            series: format!("{}/", named("stack")),
        }
    }

    /// The ref of one rebuilt `patch/*` branch.
    #[must_use]
    pub fn series(&self, branch: &str) -> String {
        format!("{}{}", self.series, component(branch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_are_called_after_watch_and_key() {
        let names = Names::of("patch-moi/", &"up".parse().unwrap(), "rust/v1");
        assert_eq!(names.candidate, "refs/heads/patch-moi/candidate/up/rust=2fv1");
        assert_eq!(names.intervention, "refs/heads/patch-moi/intervention/up/rust=2fv1");
        assert_eq!(names.series("patch/10-tls"), "refs/heads/patch-moi/stack/up/rust=2fv1/patch=2f10-tls");
    }
}
