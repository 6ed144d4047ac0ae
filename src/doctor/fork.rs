//! The forks: each there, another repository than the upstream, and open to our credentials.

use super::{Finding, Health, Scene, failure, network, quoted_text};
use crate::{
    config::Config,
    dispatch::trigger::check_fork,
    forge,
    git::Location,
    parse::refs::RemoteRefs,
    text,
    watch::{Target, Watch},
};
use std::path::PathBuf;

const CHECK: &str = "fork";

/// What is wrong with the fork of each watch, and what each fork answers.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let (Ok(config), Ok(location)) = (&scene.config, &scene.location) else { return Vec::new() };
    let mut findings: Vec<Finding> = config
        .watches
        .iter()
        .filter(|watch| pushes(watch))
        .filter_map(|watch| confused(config, location, watch))
        .collect();
    for (fork, answer) in scene.answers.iter().flat_map(|answers| &answers.forks) {
        let watches: Vec<&Watch> = config.watches.iter().filter(|watch| watch.fork == *fork).collect();
        match answer {
            Ok(refs) => findings.extend(answered(fork, refs, &watches)),
            Err(error) => {
                let (found, fix) = failure::of_remote(fork, error);
                let is_needed = watches.iter().any(|watch| asks(watch));
                let health = if is_needed { Health::Broken } else { Health::Warning };
                findings.push(Finding::new(CHECK, health, format!("`{fork}`: {found}")).fix(fix));
            }
        }
    }
    findings
}

/// Whether something is to be pushed for the watch.
fn pushes(watch: &Watch) -> bool {
    watch.dispatch.contains(&Target::TriggerBranch) || watch.push && watch.dispatch.contains(&Target::Carry)
}

/// Whether a run of the watch asks the fork; a carry does where there is one.
fn asks(watch: &Watch) -> bool {
    watch.dispatch.iter().any(|target| matches!(target, Target::TriggerBranch | Target::Carry))
}

/// A fork that is no remote, or that is the upstream.
fn confused(config: &Config, location: &Location, watch: &Watch) -> Option<Finding> {
    let (name, fork) = (&watch.name, &watch.fork);
    if let Err(reason) = check_fork(config, watch) {
        let is_there = config.remotes.contains_key(fork) || fork.contains(['/', ':']);
        let remote = quoted_text(fork);
        let fix = if is_there {
            format!("git config watch.{name}.fork REMOTE")
        } else {
            format!("git remote add {remote} URL")
        };
        return Some(Finding::broken(CHECK, format!("watch `{name}`: {reason}")).fix(fix));
    }
    let url = |remote: &str| config.remotes.get(remote).cloned().unwrap_or_else(|| remote.to_owned());
    let (own, upstream) = (url(fork), url(watch.remote.as_ref()?));
    let same_path = || Some(on_disk(location, &own)? == on_disk(location, &upstream)?);
    if !forge::same_remote(&own, &upstream) && same_path() != Some(true) {
        return None;
    }
    let found = format!("watch `{name}`: the fork `{fork}` and the upstream are one repository under two URLs");
    Some(Finding::broken(CHECK, found).fix(format!("git config watch.{name}.fork REMOTE")))
}

/// Where a remote's URL leads on this machine.
pub fn on_disk(location: &Location, url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("file://").unwrap_or(url);
    // Git takes a remote's relative path from the top of the worktree.
    location.worktree.as_deref().unwrap_or(&location.git_dir).join(path).canonicalize().ok()
}

/// What a fork has to say to the watches that it is the fork of.
fn answered(fork: &str, refs: &RemoteRefs, watches: &[&Watch]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for watch in watches.iter().filter(|watch| watch.dispatch.contains(&Target::TriggerBranch)) {
        let is_there = refs.refs.contains_key(&network::stack(watch));
        if !is_there {
            let branch = network::stack(watch);
            let branch = branch.trim_start_matches("refs/heads/");
            let found =
                format!("watch `{}`: the fork `{fork}` has no {branch}, where the patches should be", watch.name);
            findings.push(Finding::broken(CHECK, found).fix(format!("git config watch.{}.stack BRANCH", watch.name)));
        }
    }
    if findings.is_empty() {
        let head = refs.head.as_deref().map(|head| format!("; its HEAD is {}", head.trim_start_matches("refs/heads/")));
        findings.push(Finding::ok(CHECK, format!("`{}` answers{}", text::printable(fork), head.unwrap_or_default())));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::refs;

    fn watch(stack: Option<&str>, dispatch: &[Target]) -> Watch {
        let name = "up".parse().unwrap();
        let watch = crate::config::unconfigured(&name, &[]);
        Watch { stack: stack.map(str::to_owned), dispatch: dispatch.to_vec(), ..watch }
    }

    #[test]
    fn the_stack_has_to_be_where_the_watch_says() {
        #[track_caller]
        fn case(listing: &str, stack: Option<&str>, dispatch: &[Target], expected: &str) {
            let refs = refs::parse(listing.as_bytes()).unwrap();
            let found = answered("origin", &refs, &[&watch(stack, dispatch)]);
            assert_eq!(found.iter().map(|it| it.found.as_str()).collect::<Vec<_>>(), [expected]);
        }
        let sha = "1".repeat(40);
        let listing = format!("ref: refs/heads/main\tHEAD\n{sha}\tHEAD\n{sha}\trefs/heads/patch/a\n");
        let well = "`origin` answers; its HEAD is main";
        let missing = |what: &str| format!("watch `up`: the fork `origin` has no {what}, where the patches should be");
        case(&listing, None, &[Target::TriggerBranch], well);
        case(&listing, Some("patch/a"), &[Target::TriggerBranch], well);
        case(&listing, Some("patch/*"), &[Target::TriggerBranch], well);
        case(&listing, Some("other"), &[], well);
        case(&listing, Some("other"), &[Target::Carry], well);
        case(&listing, Some("other"), &[Target::TriggerBranch], &missing("other"));
        case("", None, &[Target::TriggerBranch], &missing("HEAD"));
        case("", None, &[Target::Command], "`origin` answers");
    }
}
