//! From branches to patches: the commits that upstream does not have, merges flattened.

use super::{
    super::{
        id::{CommitId, TreeId, lines},
        merge::Merged,
        plan::Onto,
        repository::{Repository, unreadable},
    },
    Merge, MergeContent, Patch, Series, Stack, UpstreamOnly,
    source::{Source, contains},
};
use crate::{
    child::Exit,
    text::printable,
    workspace::{Failure, Workspace},
};
use std::collections::{BTreeSet, HashMap};

/// The patches of these branches, against what upstream has.
///
/// # Errors
/// When there are none, histories have nothing in common or are cut off, or `onto` is older than what
/// the stack is built on.
pub fn discover(
    workspace: &Workspace,
    repository: &Repository,
    onto: &Onto,
    name: &str,
    sources: Vec<Source>,
    upstream: &[CommitId],
) -> Result<Stack, Failure> {
    let excluded = lines("^", upstream.iter().chain([&onto.commit]));
    let heads = lines("", sources.iter().map(|source| &source.head));
    for source in &sources {
        check_related(workspace, repository, onto, source)?;
    }
    let mut trees: HashMap<CommitId, TreeId> = HashMap::new();
    let mut stack = Stack {
        name: name.to_owned(),
        base: onto.commit.clone(),
        series: Vec::new(),
        merges: Vec::new(),
        upstream_only: Vec::new(),
    };
    let (mut taken, mut boundary, mut place) = (BTreeSet::new(), BTreeSet::new(), 0);
    for source in sources {
        let listed = list(repository, &format!("{}\n{excluded}", source.head))?;
        for commit in &listed {
            trees.insert(commit.id.clone(), commit.tree.clone());
        }
        let mut patches = Vec::new();
        for commit in listed {
            if commit.is_boundary {
                boundary.insert(commit.id);
                continue;
            }
            // A commit of an earlier branch is counted there.
            if !taken.insert(commit.id.clone()) {
                continue;
            }
            match commit.parents.as_slice() {
                [] if workspace.location.is_shallow => return Err(cut_off(&source.branch)),
                [] | [_] => {
                    place += 1;
                    let before = commit.parents.first().map_or(Some(repository.empty_tree()), |it| trees.get(it));
                    let before = before.ok_or_else(|| unreadable("rev-list", "a parent was left out".to_owned()))?;
                    patches.push(Patch {
                        place,
                        before: before.clone(),
                        after: commit.tree,
                        commit: commit.id,
                        subject: commit.subject,
                        author: commit.author,
                    });
                }
                parents => {
                    let own = content(repository, &commit.tree, parents, &onto.tree)?;
                    stack.merges.push(Merge { sha: commit.id, subject: commit.subject, own });
                }
            }
        }
        stack.series.push(Series { branch: source.branch, reference: source.reference, head: source.head, patches });
    }
    if stack.is_empty() {
        return Err(empty(&stack, onto));
    }
    boundary.retain(|id| !taken.contains(id));
    stack.base = base(repository, &Vec::from_iter(boundary), onto)?;
    if stack.base != onto.commit && contains(repository, &stack.base, &onto.commit)? {
        return Err(older(&stack, onto));
    }
    for commit in list(repository, &format!("{heads}^{}\n", onto.commit))? {
        if !commit.is_boundary && commit.parents.len() < 2 && !taken.contains(&commit.id) {
            stack.upstream_only.push(UpstreamOnly { sha: commit.id, subject: commit.subject });
        }
    }
    Ok(stack)
}

/// A commit as `git rev-list` lists it.
#[derive(Debug, Eq, PartialEq)]
struct Listed {
    is_boundary: bool,
    id: CommitId,
    tree: TreeId,
    parents: Vec<CommitId>,
    author: String,
    subject: String,
}

/// The commits of a range and those it ends at, parents before children.
fn list(repository: &Repository, range: &str) -> Result<Vec<Listed>, Failure> {
    const FORMAT: &str = "--format=%m%x00%H%x00%T%x00%P%x00%an <%ae>%x00%s";
    let args = [
        "rev-list",
        "--topo-order",
        "--reverse",
        "--boundary",
        "--ignore-missing",
        "--no-commit-header",
        "--encoding=UTF-8",
        FORMAT,
        "--stdin",
    ];
    let mut command = repository.command(&args)?;
    // Or a partial clone would fetch every branch of upstream's that is not here.
    command.env("GIT_NO_LAZY_FETCH", "1");
    let output = repository.answer_of(command, "rev-list", range.as_bytes())?;
    let lines = output.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let listed: Option<Vec<Listed>> = lines.map(listed).collect();
    Ok(listed.ok_or_else(|| unreadable("rev-list", "a line is not a commit".to_owned()))?)
}

fn listed(line: &[u8]) -> Option<Listed> {
    let line = String::from_utf8_lossy(line);
    let mut fields = line.splitn(6, '\0');
    Some(Listed {
        is_boundary: fields.next()? == "-",
        id: fields.next()?.parse().ok()?,
        tree: fields.next()?.parse().ok()?,
        parents: fields.next()?.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?,
        author: fields.next()?.to_owned(),
        subject: fields.next()?.to_owned(),
    })
}

/// What a merge holds that merging its parents does not give.
fn content(
    repository: &Repository,
    tree: &TreeId,
    parents: &[CommitId],
    attributes: &TreeId,
) -> Result<MergeContent, Failure> {
    let [one, other] = parents else { return Ok(MergeContent::Octopus) };
    Ok(match repository.merge_commits(one, other, attributes)? {
        Merged::Clean(merged) if merged == *tree => MergeContent::Nothing,
        Merged::Clean(_) => MergeContent::Changes,
        Merged::Conflicts(..) => MergeContent::Resolution,
    })
}

/// The newest of the upstream commits that the patches are on.
fn base(repository: &Repository, boundary: &[CommitId], onto: &Onto) -> Result<CommitId, Failure> {
    match boundary {
        [] => Ok(onto.commit.clone()),
        [only] => Ok(only.clone()),
        several => {
            let mut args = vec!["merge-base", "--independent"];
            args.extend(several.iter().map(CommitId::as_str));
            let listed = repository.text(&args)?;
            let newest = listed.lines().next().unwrap_or_default().parse();
            Ok(newest.map_err(|reason| unreadable("merge-base", reason))?)
        }
    }
}

fn check_related(workspace: &Workspace, repository: &Repository, onto: &Onto, source: &Source) -> Result<(), Failure> {
    let finished = repository.attempt(&["merge-base", onto.commit.as_str(), source.head.as_str()])?;
    match finished.exit {
        Exit::Success => Ok(()),
        Exit::Code(1) if workspace.location.is_shallow => Err(cut_off(&source.branch)),
        Exit::Code(1) => Err(Failure::Usage(
            format!("`{}` and {} have no history in common", printable(&source.branch), printable(&onto.name)),
            Some("check that the remote is the upstream of this fork, and that the right branch is named".to_owned()),
        )),
        _ => Err(repository.failure("merge-base", &finished).into()),
    }
}

fn cut_off(branch: &str) -> Failure {
    Failure::Usage(
        format!("this is a shallow clone, and the history of `{}` is cut off above upstream's", printable(branch)),
        Some("fetch the rest: `git fetch --unshallow`".to_owned()),
    )
}

fn empty(stack: &Stack, onto: &Onto) -> Failure {
    Failure::Usage(
        format!(
            "the stack is empty: `{}` has no commit that upstream, at {}, does not have",
            printable(&stack.name),
            printable(&onto.name)
        ),
        Some("name the branch that holds your patches: `--stack BRANCH`".to_owned()),
    )
}

fn older(stack: &Stack, onto: &Onto) -> Failure {
    Failure::Usage(
        format!(
            "{} is older than {}, which `{}` is built on already",
            printable(&onto.name),
            stack.base.short(),
            printable(&stack.name)
        ),
        Some("name a newer point; to go back on purpose, `git rebase --onto` does it by hand".to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_listing_are_read() {
        const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        let line = format!("-\0{A}\0{A}\0{A} {A}\0A B <a@b>\0subject\0with a NUL");
        let read = listed(line.as_bytes()).unwrap();
        assert!(read.is_boundary);
        assert_eq!(
            (read.parents.len(), read.author.as_str(), read.subject.as_str()),
            (2, "A B <a@b>", "subject\0with a NUL")
        );
        assert_eq!(listed(format!(">\0{A}\0{A}\0\0\0").as_bytes()).unwrap().parents, []);
        assert_eq!(listed(b">\0nonsense"), None);
    }
}
