//! How the candidates of a run came about, as the run says it.

use crate::{carry::pick::ResolvedBy, parse::refs::is_sha};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a candidate came about, as far as that is known.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Provenance {
    /// Whether it passed the checks of whoever made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Who resolved conflicts on the way to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resolved_by: Vec<ResolvedBy>,
    /// The upstream commit that it stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onto: Option<String>,
    /// The head of the stack that it was carried from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
}

impl Provenance {
    /// Whether nothing is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a program resolved a conflict, which a person has to look at.
    #[must_use]
    pub fn is_resolved_by_a_program(&self) -> bool {
        self.resolved_by.iter().any(|by| matches!(by, ResolvedBy::Rerere | ResolvedBy::Resolver))
    }
}

/// What the artifacts of all steps say together: checks that one step failed count as failed.
pub(super) fn collect<'a>(artifacts: impl Iterator<Item = &'a Value>) -> Provenance {
    let mut all = Provenance::default();
    for artifacts in artifacts {
        let flag = |key: &str| artifacts.get(key).and_then(Value::as_bool);
        if let Some(verified) = flag("verified") {
            all.verified = Some(all.verified.unwrap_or(true) && verified);
        }
        let used = [(flag("usedRerere"), ResolvedBy::Rerere), (flag("usedResolver"), ResolvedBy::Resolver)];
        let by_hand = artifacts.get("patches").and_then(Value::as_array).is_some_and(|it| it.iter().any(by_hand));
        for by in used.into_iter().chain([(Some(by_hand), ResolvedBy::Hand)]).filter_map(of_flag) {
            if !all.resolved_by.contains(&by) {
                all.resolved_by.push(by);
            }
        }
        let commit = |key: &str, inside: &str| {
            let value = artifacts.get(key)?;
            value.as_str().or_else(|| value.get(inside)?.as_str()).filter(|sha| is_sha(sha)).map(str::to_owned)
        };
        all.onto = all.onto.or_else(|| commit("onto", "sha"));
        all.stack = all.stack.or_else(|| commit("stack", "head"));
    }
    all
}

fn of_flag((is_set, by): (Option<bool>, ResolvedBy)) -> Option<ResolvedBy> {
    (is_set == Some(true)).then_some(by)
}

fn by_hand(patch: &Value) -> bool {
    patch.get("fate").and_then(Value::as_str) == Some("resolved")
        && patch.get("by").and_then(Value::as_str) == Some("hand")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_steps_say_is_put_together() {
        #[track_caller]
        fn case(artifacts: &[Value], verified: Option<bool>, resolved_by: &[ResolvedBy], onto: Option<&str>) {
            let (onto, stack) = (onto.map(str::to_owned), onto.map(|_| "b".repeat(40)));
            let expected = Provenance { verified, resolved_by: resolved_by.to_vec(), onto, stack };
            assert_eq!(collect(artifacts.iter()), expected, "{artifacts:?}");
        }
        let sha = "a".repeat(40);
        case(&[], None, &[], None);
        case(&[json!({"verified": "yes", "usedRerere": false, "onto": "v1"})], None, &[], None);
        case(
            &[json!({"verified": true}), json!({"onto": {"sha": sha}, "stack": {"head": "b".repeat(40)}})],
            Some(true),
            &[],
            Some(&sha),
        );
        case(&[json!({"verified": true}), json!({"verified": false})], Some(false), &[], None);
        let all = json!({"usedRerere": true, "usedResolver": true, "onto": sha, "stack": "b".repeat(40),
            "patches": [{"fate": "resolved", "by": "hand"}]});
        let by = [ResolvedBy::Rerere, ResolvedBy::Resolver, ResolvedBy::Hand];
        case(&[all.clone(), all], None, &by, Some(&sha));
        case(&[json!({"patches": [{"fate": "resolved", "by": "rerere"}, {"fate": "carried"}]})], None, &[], None);
    }
}
