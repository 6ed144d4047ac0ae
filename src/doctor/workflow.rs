//! Trigger branches: does a CI file of the fork's stack react to them?

use super::{Finding, Scene, network, quoted_text};
use crate::{
    config::Config,
    git::Git,
    parse::refs::{RemoteRef, is_sha},
    refname,
    watch::{Target, Watch},
};
use std::time::Duration;

const CHECK: &str = "workflow";
/// How long Git may look at what is here.
const LOCAL: Duration = Duration::from_secs(60);

/// Where forges and CI services look for what is to be run.
const FILES: [&str; 15] = [
    ".github/workflows",
    ".forgejo/workflows",
    ".gitea/workflows",
    ".gitlab-ci.yml",
    ".gitlab",
    ".woodpecker",
    ".woodpecker.yml",
    ".woodpecker.yaml",
    ".drone.yml",
    ".circleci/config.yml",
    ".build.yml",
    ".builds",
    ".travis.yml",
    "Jenkinsfile",
    "azure-pipelines.yml",
];

/// A CI file for each watch that pushes trigger branches.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let (Ok(config), Ok(_)) = (&scene.config, &scene.location) else { return Vec::new() };
    let triggers = |watch: &&Watch| watch.dispatch.contains(&Target::TriggerBranch);
    config.watches.iter().filter(triggers).map(|watch| of_watch(scene, config, watch)).collect()
}

fn of_watch(scene: &Scene, config: &Config, watch: &Watch) -> Finding {
    let (name, fork) = (&watch.name, &watch.fork);
    let stack = network::stack(watch);
    let told = scene.answers.as_ref().and_then(|answers| answers.forks.get(fork)?.as_ref().ok()?.refs.get(&stack));
    let Some(commit) = here(&scene.git, &places(watch, &stack, told.map(RemoteRef::commit))) else {
        let found =
            format!("watch `{name}`: the head of the stack on `{fork}` is not here, so its CI files are not known");
        return Finding::warning(CHECK, found).fix(format!("git fetch {}", quoted_text(fork)));
    };
    let prefix = &config.settings.ref_prefix;
    let words = words(prefix);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match scene.git.files_with(&commit, &words, &FILES) {
        Ok(files) if files.is_empty() => {
            let found = format!(
                "watch `{name}`: no CI file of the stack on `{fork}` names `{prefix}trigger/`: its forge may do nothing \
                 with a trigger"
            );
            Finding::warning(CHECK, found)
                .fix(format!("write one, such as .github/workflows/carry.yml with `branches: ['{prefix}trigger/**']`"))
        }
        Ok(files) => Finding::ok(CHECK, format!("watch `{name}`: {} reacts to triggers", files.join(", "))),
        Err(error) => Finding::warning(CHECK, format!("watch `{name}`: {error}")).fix(error.hint()),
    }
}

/// Where the stack's head may be known here, the newest first.
fn places(watch: &Watch, stack: &str, told: Option<&str>) -> Vec<String> {
    let branch = stack.trim_start_matches("refs/heads/");
    let fetched = format!("refs/patch-moi/fork/{}", refname::component(watch.name.as_str()));
    let tracked = format!("refs/remotes/{}/{branch}", watch.fork);
    told.map(str::to_owned).into_iter().chain([fetched, tracked]).collect()
}

fn here(git: &Git, places: &[String]) -> Option<String> {
    let commit = |place: &String| git.commit(place, LOCAL).ok().flatten().map(|commit| commit.sha);
    places.iter().find_map(commit).filter(|sha| is_sha(sha))
}

/// What a CI file says that reacts to triggers: the branches as a glob, or in a regular expression.
fn words(prefix: &str) -> Vec<String> {
    let trigger = format!("{prefix}trigger");
    let mut words = vec![trigger.replace('/', "\\/"), trigger];
    if !prefix.is_empty() {
        words.push(format!("{prefix}*"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_are_named_as_globs_or_in_regular_expressions() {
        #[track_caller]
        fn case(prefix: &str, text: &str, expected: bool) {
            assert_eq!(words(prefix).iter().any(|word| text.contains(word)), expected, "{text}");
        }
        case("patch-moi/", "branches: ['patch-moi/trigger/**']", true);
        case("patch-moi/", "branches: [patch-moi/**]", true);
        case("patch-moi/", "- if: $CI_COMMIT_BRANCH =~ /^patch-moi\\/trigger\\//", true);
        case("patch-moi/", "git push origin patch-moi/candidate/x", false);
        case("bots/", "branches: ['patch-moi/trigger/**']", false);
        case("", "branches: ['*']", false);
        case("", "branches: ['trigger/**']", true);
    }
}
