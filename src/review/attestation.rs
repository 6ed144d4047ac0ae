//! What a candidate went through, said in Git: so that a machine which did not carry it knows.
//!
//! A candidate's commits are the patches and nothing else. So beside its branch there is a ref of our
//! own, outside of the branches and tags that people and forges list, with an annotated tag object
//! of the candidate's commit: whoever asks the fork for its refs sees at once what it is about.

use crate::{
    carry::{
        candidate::COMMITTER, id::CommitId, pick::ResolvedBy, plan::Plan, report::Artifacts, repository::Repository,
    },
    dispatch::{result::Provenance, trigger::inert},
    parse::refs::is_sha,
    text::printable,
    workspace::Failure,
};
use std::fmt::Write;

/// Where attestations are, in this repository and on the fork.
pub const PREFIX: &str = "refs/patch-moi/attested/";

/// What an attestation says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attestation {
    /// The event that asked for the candidate, by its id.
    pub event: Option<String>,
    /// How it came about.
    pub provenance: Provenance,
}

/// The ref of the attestation of a candidate's branch.
#[must_use]
pub fn reference(candidate_ref: &str) -> String {
    format!("{PREFIX}{}", candidate_ref.trim_start_matches("refs/heads/"))
}

/// Makes the attestation of a candidate, points its ref to it, and returns its object.
///
/// The same plan and the same checks give the same object.
///
/// # Errors
/// When Git cannot write it.
pub fn attest(
    repository: &Repository,
    plan: &Plan,
    artifacts: &Artifacts,
    candidate_ref: &str,
    candidate: &CommitId,
) -> Result<String, Failure> {
    let content = content(plan, artifacts, candidate_ref, candidate);
    let made = repository.answer(&["mktag"], content.as_bytes())?;
    let object = String::from_utf8_lossy(&made).trim_end().to_owned();
    repository.output(&["update-ref", "--no-deref", &reference(candidate_ref), &object])?;
    Ok(object)
}

fn content(plan: &Plan, artifacts: &Artifacts, candidate_ref: &str, candidate: &CommitId) -> String {
    let name = candidate_ref.trim_start_matches("refs/heads/");
    let mut content = format!(
        "object {candidate}\ntype commit\ntag {name}\ntagger {COMMITTER} {} +0000\n\n{} with the patches of `{}`\n\n",
        plan.date.seconds(),
        inert(&plan.onto.name),
        inert(&plan.stack.name)
    );
    let mut trailer = |name: &str, value: &str| {
        writeln!(content, "{name}: {value}").expect("a String takes every character");
    };
    if let Some(event) = &plan.event {
        trailer("Patch-Event", &inert(&event.id));
    }
    trailer("Patch-Watch", plan.watch.as_str());
    trailer("Patch-Stack", plan.stack.head().as_str());
    trailer("Patch-Onto", plan.onto.commit.as_str());
    if !artifacts.checks.is_empty() {
        trailer("Patch-Verified", if artifacts.verified { "true" } else { "false" });
    }
    for by in artifacts.resolved_by() {
        trailer("Patch-Resolved-By", by.as_str());
    }
    content
}

impl Attestation {
    /// Reads the message of the tag object.
    #[must_use]
    pub fn read(message: &str) -> Self {
        let values = |name: &str| {
            let begin = format!("{name}: ");
            message.lines().filter_map(move |line| line.strip_prefix(begin.as_str()).map(str::to_owned))
        };
        let commit = |name: &str| values(name).next().filter(|sha| is_sha(sha));
        let provenance = Provenance {
            verified: values("Patch-Verified").next().map(|value| value == "true"),
            resolved_by: values("Patch-Resolved-By").filter_map(|by| ResolvedBy::named(&by)).collect(),
            onto: commit("Patch-Onto"),
            stack: commit("Patch-Stack"),
        };
        // An id that had to be made inert is not one that we can go by.
        let event = values("Patch-Event").next().filter(|id| inert(id) == *id && printable(id) == *id);
        Self { event, provenance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trailers_are_read_and_nothing_else() {
        let sha = "a".repeat(40);
        let message = format!(
            "v2 with the patches of `main`\n\nPatch-Event: patch:up:v2:upstream.release\nPatch-Watch: up\n\
             Patch-Onto: {sha}\nPatch-Verified: true\nPatch-Resolved-By: rerere\nPatch-Resolved-By: magic\n"
        );
        let read = Attestation::read(&message);
        assert_eq!(read.event.as_deref(), Some("patch:up:v2:upstream.release"));
        let resolved_by = vec![ResolvedBy::Rerere];
        assert_eq!(read.provenance, Provenance { verified: Some(true), resolved_by, onto: Some(sha), stack: None });
        let nothing = Attestation::read("says Patch-Verified: true\nPatch-Onto: main\n");
        assert_eq!(nothing, Attestation { event: None, provenance: Provenance::default() });
        assert_eq!(Attestation::read("Patch-Verified: false\n").provenance.verified, Some(false));
    }

    #[test]
    fn each_candidate_has_a_place_of_its_own() {
        let place = reference("refs/heads/patch-moi/candidate/up/v2");
        assert_eq!(place, "refs/patch-moi/attested/patch-moi/candidate/up/v2");
    }
}
