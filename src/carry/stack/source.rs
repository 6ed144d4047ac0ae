//! Which branches hold the stack, and at which commit each of them counts.
//!
//! A branch can be here and on the fork, and not be the same. By hand, what is here counts if
//! nothing of the fork's is missing from it. Unattended, what is on the fork counts: a clone that
//! only polls has branches that nobody moves.

use super::super::{id::CommitId, repository::Repository};
use crate::{
    parse::refs::RemoteRefs,
    refname::component,
    text::printable,
    watch::Watch,
    workspace::{Failure, Workspace},
};
use std::collections::BTreeMap;

/// A branch of the stack and where it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// The branch, short.
    pub branch: String,
    /// The ref that was read.
    pub reference: String,
    /// Its commit.
    pub head: CommitId,
}

/// Who asks, which decides where a branch is looked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asked {
    /// A person, in this clone.
    ByHand,
    /// An event: the fork is asked for its branches.
    Unattended,
}

/// The stack's name and its branches, in the order of their names.
///
/// # Errors
/// When there is no such branch, it is not the same here and on the fork, or the fork cannot be asked.
pub fn find(
    workspace: &Workspace,
    repository: &Repository,
    watch: &Watch,
    wanted: Option<&str>,
    asked: Asked,
) -> Result<(String, Vec<Source>), Failure> {
    let fork = Fork::look(workspace, watch, asked)?;
    let name = match wanted.or(watch.stack.as_deref()) {
        Some(name) => name.to_owned(),
        None => fork.head(repository)?,
    };
    if name.starts_with("refs/") && !name.ends_with("/*") {
        let head = commit_of(repository, &name)?.ok_or_else(|| absent(watch, &name))?;
        let branch = short(&name, &watch.fork).to_owned();
        return Ok((branch.clone(), vec![Source { branch, reference: name, head }]));
    }
    let name = name.strip_prefix("refs/heads/").unwrap_or(&name).to_owned();
    let here = branches(repository, "refs/heads/", &name)?;
    let there = fork.branches(repository, &name)?;
    let names: std::collections::BTreeSet<&String> = here.keys().chain(there.keys()).collect();
    let mut sources = Vec::new();
    for branch in names {
        let (reference, head) = match (here.get(branch), there.get(branch)) {
            (Some(here), Some(there)) if here.1 == there.1 => here.clone(),
            (_, Some(there)) if asked == Asked::Unattended => there.clone(),
            (Some(here), Some(there)) => newer(repository, watch, branch, here, there)?,
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => continue,
        };
        sources.push(Source { branch: branch.clone(), reference, head });
    }
    if sources.is_empty() { Err(absent(watch, &name)) } else { Ok((name, sources)) }
}

type At = (String, CommitId);

/// The fork's remote, as far as there is one.
struct Fork<'a> {
    workspace: &'a Workspace,
    watch: &'a Watch,
    /// What it has now, if it was asked.
    refs: Option<RemoteRefs>,
}

impl<'a> Fork<'a> {
    fn look(workspace: &'a Workspace, watch: &'a Watch, asked: Asked) -> Result<Self, Failure> {
        let remote = watch.fork.as_str();
        let exists = workspace.config.remotes.contains_key(remote) || remote.contains(['/', ':']);
        let refs = (exists && asked == Asked::Unattended)
            .then(|| workspace.git.ls_remote(remote, &["HEAD", "refs/heads/*"], watch.fetch_timeout));
        Ok(Self { workspace, watch, refs: refs.transpose()? })
    }

    /// The branch that the fork's HEAD is; else the one that is checked out here, unless we made it.
    fn head(&self, repository: &Repository) -> Result<String, Failure> {
        if let Some(head) = self.refs.as_ref().and_then(|refs| refs.head.as_deref()) {
            return Ok(head.trim_start_matches("refs/heads/").to_owned());
        }
        let remote = format!("refs/remotes/{}/", self.watch.fork);
        for (name, prefix) in [(format!("{remote}HEAD"), remote.as_str()), ("HEAD".to_owned(), "refs/heads/")] {
            let finished = repository.attempt(&["symbolic-ref", "--quiet", &name])?;
            let target = finished.stdout.lossy();
            // A candidate that is looked at is a result, and not where the patches are kept.
            let prefix_of_ours = self.workspace.config.settings.ref_prefix.as_str();
            let is_ours = |branch: &str| !prefix_of_ours.is_empty() && branch.starts_with(prefix_of_ours);
            let branch = target.trim_end().strip_prefix(prefix).filter(|_| finished.exit.is_success());
            if let Some(branch) = branch.filter(|branch| !is_ours(branch)) {
                return Ok(branch.to_owned());
            }
        }
        Err(Failure::Usage(
            "it is not known which branch holds the patches: the fork's HEAD is not known here, and no branch of \
             yours is checked out"
                .to_owned(),
            Some(format!("name it: `git config watch.{}.stack BRANCH`, or `--stack BRANCH`", self.watch.name)),
        ))
    }

    /// The fork's branches of this name or below this prefix, their commits all here.
    fn branches(&self, repository: &Repository, name: &str) -> Result<BTreeMap<String, At>, Failure> {
        let Some(refs) = &self.refs else {
            let prefix = format!("refs/remotes/{}/", self.watch.fork);
            let is_remote = self.workspace.config.remotes.contains_key(&self.watch.fork);
            return if is_remote { branches(repository, &prefix, name) } else { Ok(BTreeMap::new()) };
        };
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        for (reference, there) in &refs.refs {
            let Some(branch) = reference.strip_prefix("refs/heads/").filter(|branch| is_meant(branch, name)) else {
                continue;
            };
            let Ok(head) = there.commit().parse::<CommitId>() else { continue };
            if git2::Reference::is_valid_name(reference) {
                let ours =
                    format!("refs/patch-moi/stack/{}/{}", component(self.watch.name.as_str()), component(branch));
                missing.push(format!("+{reference}:{ours}"));
                found.insert(branch.to_owned(), (reference.clone(), head));
            }
        }
        self.workspace.git.fetch(&self.watch.fork, &missing, self.watch.timeout)?;
        Ok(found)
    }
}

/// Whether a branch is the one of this name, or below a prefix with a final `/*`.
fn is_meant(branch: &str, name: &str) -> bool {
    match name.strip_suffix('*') {
        Some(prefix) => branch.len() > prefix.len() && branch.starts_with(prefix),
        None => branch == name,
    }
}

fn branches(repository: &Repository, place: &str, name: &str) -> Result<BTreeMap<String, At>, Failure> {
    let pattern = format!("{place}{}", name.strip_suffix("/*").unwrap_or(name));
    let listed = repository.text(&["for-each-ref", "--format=%(objectname) %(refname)", &pattern])?;
    let mut found = BTreeMap::new();
    for (id, reference) in listed.lines().filter_map(|line| line.split_once(' ')) {
        let branch = reference.strip_prefix(place).filter(|branch| is_meant(branch, name));
        if let (Some(branch), Ok(head)) = (branch, id.parse()) {
            found.insert(branch.to_owned(), (reference.to_owned(), head));
        }
    }
    Ok(found)
}

/// Of a branch here and on the fork, the one that has all of the other.
fn newer(repository: &Repository, watch: &Watch, branch: &str, here: &At, there: &At) -> Result<At, Failure> {
    if contains(repository, &here.1, &there.1)? {
        return Ok(here.clone());
    }
    if contains(repository, &there.1, &here.1)? {
        return Ok(there.clone());
    }
    let (branch, fork) = (printable(branch), printable(&watch.fork));
    Err(Failure::Usage(
        format!("`{branch}` here and on `{fork}` have diverged: {} and {}", here.1.short(), there.1.short()),
        Some(format!("name one: `--stack {}` or `--stack {}`", printable(&here.0), printable(&there.0))),
    ))
}

/// Whether `commit` has all of `other`.
pub(in crate::carry) fn contains(
    repository: &Repository,
    commit: &CommitId,
    other: &CommitId,
) -> Result<bool, Failure> {
    let finished = repository.attempt(&["merge-base", "--is-ancestor", other.as_str(), commit.as_str()])?;
    match finished.exit {
        crate::child::Exit::Success => Ok(true),
        crate::child::Exit::Code(1) => Ok(false),
        _ => Err(repository.failure("merge-base", &finished).into()),
    }
}

fn commit_of(repository: &Repository, reference: &str) -> Result<Option<CommitId>, Failure> {
    if !git2::Reference::is_valid_name(reference) {
        return Ok(None);
    }
    let finished = repository.attempt(&["rev-parse", "--verify", "--quiet", &format!("{reference}^{{commit}}")])?;
    Ok(finished.stdout.lossy().trim_end().parse().ok())
}

fn short<'a>(reference: &'a str, fork: &str) -> &'a str {
    let remote = format!("refs/remotes/{fork}/");
    reference.strip_prefix("refs/heads/").or(reference.strip_prefix(remote.as_str())).unwrap_or(reference)
}

fn absent(watch: &Watch, name: &str) -> Failure {
    let shown = printable(name);
    let what = if name.ends_with("/*") {
        format!("no branch matches `{shown}`")
    } else {
        format!("there is no branch `{shown}`")
    };
    Failure::Usage(
        format!("there is no stack: {what}, neither here nor on `{}`", printable(&watch.fork)),
        Some(format!(
            "name the branch that holds your patches: `git config watch.{}.stack BRANCH`, or `--stack BRANCH`",
            watch.name
        )),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_means_the_branches_below_it() {
        #[track_caller]
        fn case(branch: &str, name: &str, meant: bool) {
            assert_eq!(is_meant(branch, name), meant, "{branch} {name}");
        }
        case("main", "main", true);
        case("main2", "main", false);
        case("patch/10-tls", "patch/*", true);
        case("patch/a/b", "patch/*", true);
        case("patch", "patch/*", false);
        case("patch/", "patch/*", false);
        case("patches/x", "patch/*", false);
    }
}
