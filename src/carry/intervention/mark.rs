//! What an intervention's message holds for the program: all that another clone needs to go on.

use super::Cause;
use crate::{
    carry::{
        id::CommitId,
        pick::{Fate, Landed, Picks, ResolvedBy},
        plan::Plan,
        report::OntoReport,
        repository::{Repository, unreadable},
    },
    text,
    time::Timestamp,
    watch::WatchName,
    workspace::{Failure, Workspace},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The trailer that every intervention has.
pub const TRAILER: &str = "Patch-Intervention: ";

/// What the line begins with.
const BEGIN: &str = r#"{"carry":"#;

/// The state of a run that was stopped.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// Always 1.
    pub v: u32,
    /// The watch.
    pub watch: WatchName,
    /// What the candidate is called after.
    pub key: String,
    /// `patch.refPrefix`.
    pub ref_prefix: String,
    /// The upstream point.
    pub onto: OntoReport,
    /// The tag that it was found by.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tag: Option<String>,
    /// The date of the new commits.
    pub date: Timestamp,
    /// The stack's name as configured.
    pub stack: String,
    /// Its branches.
    pub series: Vec<Branch>,
    /// The commits below its patches, which need not be known as upstream's in another clone.
    pub bounds: Vec<CommitId>,
    /// What becomes of patches that upstream has.
    pub landed: Landed,
    /// Whether merges are flattened although they hold something of their own.
    pub flatten: bool,
    /// Why it was stopped.
    pub cause: Why,
    /// The patch that conflicts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub conflict: Option<CommitId>,
    /// The conflicts before it, which were resolved: the commits below hold how.
    pub resolved: Vec<Resolved>,
}

/// A branch of the stack.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    /// Its name.
    pub branch: String,
    /// The commit that was carried.
    pub head: CommitId,
}

/// A conflict that was resolved.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    /// The patch.
    pub sha: CommitId,
    /// By whom.
    pub by: ResolvedBy,
}

/// Why a run was stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// A conflict.
    Conflict,
    /// Patches that upstream has.
    Landed,
    /// Merges with content of their own.
    Merges,
}

impl Mark {
    /// The state of a run that picked this and was stopped by `cause`.
    ///
    /// # Errors
    /// When Git cannot tell what lies below the stack.
    pub fn of(
        workspace: &Workspace,
        repository: &Repository,
        plan: &Plan,
        before: &Picks,
        cause: Cause<'_>,
    ) -> Result<Self, Failure> {
        let resolved = before.picked.iter().zip(plan.stack.patches()).filter_map(|(picked, patch)| {
            let Fate::Resolved { by } = picked.fate else { return None };
            Some(Resolved { sha: patch.commit.clone(), by })
        });
        let series = plan.stack.series.iter();
        let (why, conflict) = match cause {
            Cause::Conflict(conflict) => (Why::Conflict, Some(conflict.patch.commit.clone())),
            Cause::Landed => (Why::Landed, None),
            Cause::Merges => (Why::Merges, None),
        };
        Ok(Self {
            v: 1,
            watch: plan.watch.clone(),
            key: plan.key.clone(),
            ref_prefix: workspace.config.settings.ref_prefix.clone(),
            onto: OntoReport { name: plan.onto.name.clone(), sha: plan.onto.commit.clone() },
            tag: plan.onto.tag.clone(),
            date: plan.date,
            stack: plan.stack.name.clone(),
            series: series.map(|it| Branch { branch: it.branch.clone(), head: it.head.clone() }).collect(),
            bounds: bounds(repository, plan)?,
            landed: plan.landed,
            flatten: plan.flatten,
            cause: why,
            conflict,
            resolved: resolved.collect(),
        })
    }

    /// The line that holds it; a forge's CI finds no orders in it.
    #[must_use]
    pub fn line(&self, orders: &[char]) -> String {
        format!("{BEGIN}{}}}", text::json_without(self, orders))
    }

    /// Reads it out of a message.
    #[must_use]
    pub fn read(message: &str) -> Option<Self> {
        let mut lines = message.lines().filter_map(|line| line.strip_prefix(BEGIN)?.strip_suffix('}'));
        lines.find_map(|line| serde_json::from_str(line).ok()).filter(|mark: &Self| mark.v == 1)
    }
}

/// The parents of the stack's commits that are not of the stack.
fn bounds(repository: &Repository, plan: &Plan) -> Result<Vec<CommitId>, Failure> {
    let merges = plan.stack.merges.iter().map(|merge| &merge.sha);
    let own: BTreeSet<&CommitId> = plan.stack.patches().map(|patch| &patch.commit).chain(merges).collect();
    let input = own.iter().flat_map(|commit| [commit.as_str(), "\n"]).collect::<String>();
    let listed = repository.answer(&["rev-list", "--no-walk=unsorted", "--parents", "--stdin"], input.as_bytes())?;
    let mut bounds = BTreeSet::new();
    for line in String::from_utf8_lossy(&listed).lines() {
        for parent in line.split(' ').skip(1) {
            let parent: CommitId = parent.parse().map_err(|reason| unreadable("rev-list", reason))?;
            if !own.contains(&parent) {
                bounds.insert(parent);
            }
        }
    }
    Ok(bounds.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_reads_back_equal() {
        let sha: CommitId = "a".repeat(40).parse().unwrap();
        let mark = Mark {
            v: 1,
            watch: "up".parse().unwrap(),
            key: "v[skip ci]".to_owned(),
            ref_prefix: "patch-moi/".to_owned(),
            onto: OntoReport { name: "v2".to_owned(), sha: sha.clone() },
            tag: Some("v2".to_owned()),
            date: "2026-01-02T03:04:05Z".parse().unwrap(),
            stack: "main".to_owned(),
            series: vec![Branch { branch: "main".to_owned(), head: sha.clone() }],
            bounds: vec![sha.clone()],
            landed: Landed::Ask,
            flatten: false,
            cause: Why::Conflict,
            conflict: Some(sha.clone()),
            resolved: vec![Resolved { sha, by: ResolvedBy::Rerere }],
        };
        let line = mark.line(&['[']);
        assert!(!line.contains("[skip"), "{line}");
        assert_eq!(Mark::read(&format!("subject\n\n{{\"id\":1}}\n{line}\n\nPatch-Intervention: x\n")), Some(mark));
        assert_eq!(Mark::read("{\"carry\":{}}"), None);
    }
}
