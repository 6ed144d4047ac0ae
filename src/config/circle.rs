//! Results of `carry` that would be looked at as if they came from upstream, or from a person: a circle.

use super::{Scope, Values, key::Key, mistake::Mistake};
use crate::{
    forge,
    watch::{EventKind, Target, Watch, WatchName},
};
use std::collections::BTreeMap;

/// What stands behind `patch.refPrefix` in the names of the branches that `carry` makes.
const KINDS: [&str; 3] = ["candidate", "intervention", "stack"];

/// Upstream tags as projects have them, to try what candidates of them would be tagged.
const SAMPLES: [&str; 4] = ["v1.2.3", "1.2.3", "rust-v1.2.3", "release_1_2_3"];

/// The mistakes that would make a watch see what `carry` has made, or carry it once more.
pub(super) fn mistakes(
    watches: &[Watch],
    prefix: &str,
    remotes: &BTreeMap<String, String>,
    own: &BTreeMap<WatchName, Values>,
    shared: &Values,
) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut blame = |watch: &Watch, keys: &[Key], problem: String| {
        let mut found = Vec::new();
        let scope = Scope { own: own.get(&watch.name).unwrap_or(shared), shared, mistakes: &mut found };
        if let Some(entry) = keys.iter().find_map(|key| scope.last(*key)) {
            mistakes.push(Mistake::value(entry, problem));
        }
    };
    for watch in watches.iter().filter(|watch| watch.dispatch.contains(&Target::Carry)) {
        for (key, branch, what) in
            [(Key::Stack, &watch.stack, "holds the patches of"), (Key::Branch, &watch.branch, "is watched by")]
        {
            if let Some(branch) = branch.as_ref().filter(|branch| is_in_the_way(prefix, branch)) {
                let name = &watch.name;
                let problem = format!("`{branch}`, which {what} `{name}`, is where candidates are put: a circle");
                // The prefix is blamed where somebody set it.
                blame(watch, &[Key::RefPrefix, key], problem);
            }
        }
    }
    for (watch, template) in watches.iter().filter_map(|watch| Some((watch, watch.candidate_tag.as_ref()?))) {
        let tags: Vec<String> = SAMPLES.iter().filter_map(|tag| Some(template.series(tag).ok()?.name(1))).collect();
        let sees = |other: &&Watch| {
            let acts = other.name == watch.name || other.dispatch.contains(&Target::Carry);
            acts && other.event == EventKind::Release
                && looks_at_fork(other, watch, remotes)
                && tags.iter().any(|tag| other.filter.passes_over(tag).is_none())
        };
        if let Some(other) = watches.iter().find(sees) {
            let name = &other.name;
            let problem = format!(
                "such tags on the fork are news to the watch `{name}`, which looks there: a circle; have it leave \
                 them out with `watch.{name}.tags`"
            );
            blame(watch, &[Key::CandidateTag], problem);
        }
    }
    mistakes
}

/// Whether a branch, or one below a prefix with `/*`, would be one that `carry` makes. Case makes no
/// difference, as on forges that fold it.
fn is_in_the_way(prefix: &str, branch: &str) -> bool {
    // Git cannot have both `a` and `a/b` for branches.
    let below = format!("{}/", branch.strip_suffix("/*").unwrap_or(branch)).to_ascii_lowercase();
    KINDS.iter().any(|kind| {
        let ours = format!("{prefix}{kind}/").to_ascii_lowercase();
        ours.starts_with(&below) || below.starts_with(&ours)
    })
}

/// Whether what a watch looks at is the repository that another's candidates are pushed to.
fn looks_at_fork(looking: &Watch, pushing: &Watch, remotes: &BTreeMap<String, String>) -> bool {
    let url = |remote: &str| remotes.get(remote).cloned().unwrap_or_else(|| remote.to_owned());
    let fork = url(&pushing.fork);
    looking.remote.as_deref().is_some_and(|remote| url(remote) == fork)
        || looking.feed.as_ref().is_some_and(|feed| forge::same_repository(feed, &fork))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_that_carry_makes_are_known() {
        #[track_caller]
        fn case(prefix: &str, branch: &str, expected: bool) {
            assert_eq!(is_in_the_way(prefix, branch), expected, "{prefix} {branch}");
        }
        case("patch-moi/", "main", false);
        case("patch-moi/", "patch/*", false);
        case("patch-moi/", "patch-moi/*", true);
        case("patch-moi/", "Patch-Moi/Stack/up/v1", true);
        case("patch-moi/", "patch-moi/candidate", true);
        case("patch-moi/", "patch-moi/candidates", false);
        case("patch/", "patch/*", true);
        case("patch/", "patch/10-tls", false);
    }
}
