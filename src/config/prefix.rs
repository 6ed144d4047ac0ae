//! The prefix of our refs, beside the branches that are watched or maintained.

use super::{Scope, Values, key::Key, mistake::Mistake};
use crate::{
    refname::meets_triggers,
    watch::{Target, Watch, WatchName},
};
use std::collections::BTreeMap;

/// The mistakes that would make a trigger branch a watched or maintained one, and so start a circle.
///
/// The branches of all watches count, whatever repository they are of: a fork has the branches of its
/// upstream. Where nothing is dispatched to trigger branches there are none to be in the way.
pub(super) fn mistakes(
    watches: &[Watch],
    prefix: &str,
    own: &BTreeMap<WatchName, Values>,
    shared: &Values,
) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    if !watches.iter().any(|watch| watch.dispatch.contains(&Target::TriggerBranch)) {
        return mistakes;
    }
    for watch in watches {
        for (key, branch, what) in
            [(Key::Stack, &watch.stack, "holds the patches of"), (Key::Branch, &watch.branch, "is watched by")]
        {
            let Some(branch) = branch.as_ref().filter(|branch| meets_triggers(prefix, branch)) else { continue };
            let name = &watch.name;
            let mut found = Vec::new();
            let scope = Scope { own: own.get(name).unwrap_or(shared), shared, mistakes: &mut found };
            // The prefix is blamed where somebody set it.
            let (entry, problem) = match (shared.last(Key::RefPrefix), scope.last(key)) {
                (Some(entry), _) => (entry, format!("the branch `{branch}`, which {what} `{name}`, is in the way")),
                (None, Some(entry)) => (
                    entry,
                    format!("it is in the way of our own branches, {prefix}trigger/; set another `patch.refPrefix`"),
                ),
                (None, None) => continue,
            };
            mistakes.push(Mistake::value(entry, problem));
        }
    }
    mistakes
}
