//! The new commits, and the refs that make them a candidate.

use super::{
    commit::RawCommit,
    id::{CommitId, TreeId},
    pick::Picks,
    plan::Plan,
    repository::{Repository, unreadable},
};
use crate::{child::Exit, text::printable, workspace::Failure};
use std::{ffi::OsStr, fmt::Write, os::unix::ffi::OsStrExt};

/// Whose name the new commits are committed under.
pub const COMMITTER: &str = "patch.moi <patch@patch.moi>";

/// The address in [`COMMITTER`].
const ADDRESS: &str = "patch@patch.moi";

/// The commits that were made; objects only, nothing refers to them yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Built {
    /// For each patch of the stack, its new commit, if it has one.
    pub commits: Vec<Option<CommitId>>,
    /// For each branch of the stack, its new head.
    pub heads: Vec<CommitId>,
    /// The head of all: the last branch's.
    pub candidate: CommitId,
}

/// What became of the refs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Published {
    /// They were made or moved.
    Made,
    /// All of them were there, and are these very commits.
    AlreadyThere,
}

/// Makes the commits of what was picked, one on the other.
///
/// The same plan and the same picks give the same commits: no clock and no identity but the plan's.
/// Only a signature with a time in it, which `commit.gpgSign` may ask for, makes them others.
///
/// # Errors
/// If a commit cannot be read, written or signed.
pub fn build(repository: &Repository, plan: &Plan, picks: &Picks) -> Result<Built, Failure> {
    build_as(repository, plan, picks, signs(repository)?)
}

/// As [`build`], without signatures whatever is configured: for commits that are nobody's result.
///
/// # Errors
/// If a commit cannot be read or written.
pub fn build_unsigned(repository: &Repository, plan: &Plan, picks: &Picks) -> Result<Built, Failure> {
    build_as(repository, plan, picks, false)
}

fn build_as(repository: &Repository, plan: &Plan, picks: &Picks, signs: bool) -> Result<Built, Failure> {
    let committer = committer(plan);
    let mut head = plan.onto.commit.clone();
    let mut built = Built { commits: Vec::new(), heads: Vec::new(), candidate: head.clone() };
    let mut picked = picks.picked.iter();
    for series in &plan.stack.series {
        for (patch, picked) in series.patches.iter().zip(&mut picked) {
            if !picked.is_carried() {
                built.commits.push(None);
                continue;
            }
            let old = repository.commit(&patch.commit)?;
            head = if signs {
                signed(repository, plan, &old, &picked.tree, &head)?
            } else {
                repository.write_commit(&old.carried(&picked.tree, &head, &committer))?
            };
            built.commits.push(Some(head.clone()));
        }
        built.heads.push(head.clone());
    }
    built.candidate = head;
    Ok(built)
}

/// The committer line of every new commit of a plan.
#[must_use]
pub fn committer(plan: &Plan) -> String {
    format!("{COMMITTER} {} +0000", plan.date.seconds())
}

fn signs(repository: &Repository) -> Result<bool, Failure> {
    let finished = repository.attempt(&["config", "--type=bool", "--get", "commit.gpgSign"])?;
    match finished.exit {
        Exit::Success => Ok(finished.stdout.lossy().trim_end() == "true"),
        Exit::Code(1) => Ok(false),
        _ => Err(repository.failure("config", &finished).into()),
    }
}

/// The commit made by Git, which signs it as the user's configuration says.
fn signed(
    repository: &Repository,
    plan: &Plan,
    old: &RawCommit,
    tree: &TreeId,
    parent: &CommitId,
) -> Result<CommitId, Failure> {
    let author = old.author();
    let malformed = || unreadable("commit-tree", "a commit's author is not `name <address> date`".to_owned());
    let position = |byte: u8| author.iter().rposition(|&it| it == byte).ok_or_else(malformed);
    let (open, close) = (position(b'<')?, position(b'>')?);
    let date = [b"@", author.get(close + 2..).ok_or_else(malformed)?].concat();
    let (name, address) = COMMITTER.trim_end_matches('>').split_once(" <").expect("it is `name <address>`");
    let encoding = String::from_utf8_lossy(old.encoding().unwrap_or(b"UTF-8")).into_owned();
    let encoding = format!("i18n.commitEncoding={encoding}");
    let args = ["-c", &encoding, "commit-tree", "-S", "-p", parent.as_str(), "-F", "-", tree.as_str()];
    let mut command = repository.command(&args)?;
    command
        .env("GIT_AUTHOR_NAME", OsStr::from_bytes(author[..open].trim_ascii_end()))
        .env("GIT_AUTHOR_EMAIL", OsStr::from_bytes(&author[open + 1..close]))
        .env("GIT_AUTHOR_DATE", OsStr::from_bytes(&date))
        .env("GIT_COMMITTER_NAME", name)
        .env("GIT_COMMITTER_EMAIL", address)
        .env("GIT_COMMITTER_DATE", format!("@{} +0000", plan.date.seconds()));
    let output = repository.answer_of(command, "commit-tree", &old.message)?;
    let id = String::from_utf8_lossy(&output).trim_end().parse();
    Ok(id.map_err(|reason| unreadable("commit-tree", reason))?)
}

/// Points the refs of a plan to what was built, all of them or none.
///
/// # Errors
/// When a ref is there and holds somebody else's commit, is checked out, or is moved meanwhile.
pub fn publish(repository: &Repository, plan: &Plan, built: &Built) -> Result<Published, Failure> {
    let mut orders = String::new();
    for (name, commit) in refs(plan, built) {
        let Some(there) = there(repository, &name)? else {
            writeln!(orders, "create {name} {commit}").expect("a String takes every character");
            continue;
        };
        if there == *commit || is_the_same(repository, plan, &there, commit)? {
            continue;
        }
        check_ours(repository, plan, &name, &there)?;
        writeln!(orders, "update {name} {commit} {there}").expect("a String takes every character");
    }
    if orders.is_empty() {
        return Ok(Published::AlreadyThere);
    }
    let note = format!("patch carry: onto {}", printable(&plan.onto.name));
    let orders = format!("start\n{orders}prepare\ncommit\n");
    repository.answer(&["update-ref", "--no-deref", "-m", &note, "--stdin"], orders.as_bytes())?;
    Ok(Published::Made)
}

/// The refs of a plan and what they are to hold; the candidate first.
pub fn refs<'a>(plan: &'a Plan, built: &'a Built) -> impl Iterator<Item = (String, &'a CommitId)> {
    let several = plan.stack.name.ends_with("/*");
    let series = plan.stack.series.iter().zip(&built.heads).filter(move |_| several);
    let series = series.map(|(series, head)| (plan.names.series(&series.branch), head));
    std::iter::once((plan.names.candidate.clone(), &built.candidate)).chain(series)
}

/// The commit that a ref holds here.
///
/// # Errors
/// If Git cannot tell.
pub fn there(repository: &Repository, name: &str) -> Result<Option<CommitId>, Failure> {
    let finished = repository.attempt(&["rev-parse", "--verify", "--quiet", name])?;
    Ok(finished.stdout.lossy().trim_end().parse().ok())
}

/// Whether two heads differ by their signatures only.
///
/// # Errors
/// If a commit cannot be read.
pub fn is_the_same(repository: &Repository, plan: &Plan, one: &CommitId, other: &CommitId) -> Result<bool, Failure> {
    let (mut one, mut other) = (one.clone(), other.clone());
    while one != other {
        if one == plan.onto.commit || other == plan.onto.commit {
            return Ok(false);
        }
        let (left, right) = (repository.commit(&one)?, repository.commit(&other)?);
        let parents = |commit: &RawCommit| commit.parents().ok().and_then(|mut it| it.pop().filter(|_| it.is_empty()));
        let (Some(left_parent), Some(right_parent)) = (parents(&left), parents(&right)) else { return Ok(false) };
        if !left.says_the_same(&right) || left.committer() != right.committer() || left.tree() != right.tree() {
            return Ok(false);
        }
        (one, other) = (left_parent, right_parent);
    }
    Ok(true)
}

/// Refuses to move a ref that holds a commit which is not ours, or that somebody looks at.
fn check_ours(repository: &Repository, plan: &Plan, name: &str, there: &CommitId) -> Result<(), Failure> {
    let short = name.trim_start_matches("refs/heads/");
    let args = ["for-each-ref", "--format=%(worktreepath)", name];
    let worktree = repository.text(&args)?;
    if !worktree.is_empty() {
        return Err(Failure::Carry(
            format!("`{short}` is to be moved, and is checked out in {}", printable(&worktree)),
            Some("switch to another branch there, then carry again".to_owned()),
        ));
    }
    match foreign(repository, plan, there)? {
        None => Ok(()),
        Some((commit, whose)) => Err(Failure::Carry(
            format!(
                "`{short}` holds a commit that is not ours, {} by {}; it was left alone",
                commit.get(..10).unwrap_or(&commit),
                printable(&whose)
            ),
            Some(format!("move it away: `git branch --move {short} OTHER-NAME`, then carry again")),
        )),
    }
}

/// Whether a commit was committed by us.
#[must_use]
pub fn is_ours(commit: &RawCommit) -> bool {
    commit.committer().starts_with(format!("{COMMITTER} ").as_bytes())
}

/// The newest commit from the upstream side to `there` that is not ours, and its committer's address.
///
/// # Errors
/// If Git cannot list the commits.
pub fn foreign(repository: &Repository, plan: &Plan, there: &CommitId) -> Result<Option<(String, String)>, Failure> {
    let (onto, base) = (format!("^{}", plan.onto.commit), format!("^{}", plan.stack.base));
    let args = ["rev-list", "--no-commit-header", "--format=%H %ce", there.as_str(), onto.as_str(), base.as_str()];
    let listed = repository.text(&args)?;
    let mut commits = listed.lines().map(|line| line.split_once(' ').unwrap_or((line, "nobody")));
    let foreign = commits.find(|(_, whose)| *whose != ADDRESS);
    Ok(foreign.map(|(commit, whose)| (commit.to_owned(), whose.to_owned())))
}
