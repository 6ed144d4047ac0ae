//! The candidates that a run says it made.

use super::ITEMS;
use crate::text::clipped;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest value that is kept, in bytes.
const VALUE: usize = 1000;

/// A ref with the carried patch stack, as the run describes it; nothing of it is checked yet.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Candidate {
    /// `branch` or `tag`, or what else the flow calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The ref's name.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The repository that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The remote that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// Where a person looks at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether it is at the remote already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed: Option<bool>,
}

/// The candidates in the artifacts of all steps, in their order, each once.
pub(super) fn collect<'a>(artifacts: impl Iterator<Item = &'a Value>) -> Vec<Candidate> {
    let keys = ["candidateRefs", "candidates", "candidateRef"];
    let mut candidates = Vec::new();
    for artifacts in artifacts {
        for value in keys.into_iter().filter_map(|key| artifacts.get(key)) {
            let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for candidate in values.iter().filter_map(candidate) {
                if candidates.len() < ITEMS && !candidates.contains(&candidate) {
                    candidates.push(candidate);
                }
            }
        }
    }
    candidates
}

/// The first branch that a step has left for a person.
pub(super) fn intervention<'a>(mut artifacts: impl Iterator<Item = &'a Value>) -> Option<Candidate> {
    artifacts.find_map(|artifacts| candidate(artifacts.get("intervention")?))
}

/// A string names the ref; an object that names neither ref, commit nor page is none.
fn candidate(value: &Value) -> Option<Candidate> {
    if let Some(reference) = text(value) {
        return Some(Candidate { reference: Some(reference), ..Candidate::default() });
    }
    let field = |key: &str| value.get(key).and_then(text);
    let candidate = Candidate {
        kind: field("kind"),
        reference: field("ref"),
        repo: field("repo"),
        remote: field("remote"),
        sha: field("sha"),
        url: field("url"),
        pushed: value.get("pushed").and_then(Value::as_bool),
    };
    let found = candidate.reference.is_some() || candidate.sha.is_some() || candidate.url.is_some();
    found.then_some(candidate)
}

fn text(value: &Value) -> Option<String> {
    let text = clipped(value.as_str()?, VALUE);
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn case(artifacts: &[Value], expected: &Value) {
        let candidates = collect(artifacts.iter());
        assert_eq!(&serde_json::to_value(&candidates).unwrap(), expected);
        assert_eq!(serde_json::from_value::<Vec<Candidate>>(expected.clone()).unwrap(), candidates);
    }

    #[test]
    fn candidates_are_found_under_every_key_and_in_every_form() {
        case(&[json!({"candidateRef": "refs/heads/a"})], &json!([{"ref": "refs/heads/a"}]));
        case(
            &[json!({"candidateRefs": ["a", {"ref": "b", "pushed": true}]})],
            &json!([{"ref": "a"}, {"ref": "b", "pushed": true}]),
        );
        let full = json!({"kind": "branch", "ref": "a", "repo": "o/r", "remote": "fork", "sha": "abc", "url": "https://h/", "pushed": false});
        case(&[json!({"candidates": full.clone()})], &json!([full]));
        case(
            &[json!({"candidates": ["b"], "candidateRef": "c", "candidateRefs": "a"})],
            &json!([{"ref": "a"}, {"ref": "b"}, {"ref": "c"}]),
        );
    }

    #[test]
    fn each_is_told_once_and_what_is_none_is_passed_over() {
        case(
            &[json!({"candidateRefs": ["a", "a"], "candidateRef": "a"}), json!({"candidates": "a"})],
            &json!([{"ref": "a"}]),
        );
        case(
            &[json!({"candidateRefs": [1, null, "", " ", {}, {"kind": "branch"}, ["a"]]}), json!("x"), json!(null)],
            &json!([]),
        );
        case(&[json!({"candidateRef": {"ref": 1, "sha": "abc", "pushed": "yes"}})], &json!([{"sha": "abc"}]));
    }

    #[test]
    fn no_more_is_kept_than_a_record_can_hold() {
        let many: Vec<_> = (0..1000).map(|number| format!("{number}{}", "x".repeat(10_000))).collect();
        let candidates = collect([json!({"candidates": many})].iter());
        assert_eq!(candidates.len(), ITEMS);
        assert!(candidates.iter().all(|candidate| candidate.reference.as_ref().unwrap().len() == VALUE));
    }
}
