//! Commits, read and written byte by byte: in a repository of any object format and ref format.
//!
//! `git` does it, not libgit2, which opens neither reftable nor SHA-256 repositories, knows nothing of
//! newer `extensions.*`, and fetches nothing that a partial clone left out.

use super::{Git, GitError, checked_argument, finish};
use crate::child::Exit;
use std::process::Command;
use std::time::Duration;

/// A commit of the repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Commit {
    /// Its object id.
    pub sha: String,
    /// The object id of its tree.
    pub tree: String,
    /// Its message; bytes that are not UTF-8 are replaced.
    pub message: String,
}

impl Git {
    /// The commit that an object id or the full name of a ref leads to; `None` if it is not here.
    ///
    /// Replacements (git-replace(1)) do not count: they are this clone's own.
    ///
    /// # Errors
    /// If Git cannot be asked.
    pub fn commit(&self, name: &str, timeout: Duration) -> Result<Option<Commit>, GitError> {
        Ok(self.commits(&[name], timeout)?.into_iter().next())
    }

    /// The commit that a person means by a revision (gitrevisions(7)); `None` if there is none.
    ///
    /// # Errors
    /// If Git cannot be asked.
    pub fn commit_at(&self, revision: &str, timeout: Duration) -> Result<Option<Commit>, GitError> {
        let task = "rev-parse";
        let mut command = self.local_command()?;
        command.args([task, "--verify", "--quiet", "--end-of-options", revision]);
        let finished = finish(command, task, timeout)?;
        match finished.exit {
            Exit::Success => self.commit(finished.stdout.lossy().trim_end(), timeout),
            // Quiet: it is no revision. In many words: it is one that is broken, or ambiguous, or not at all.
            Exit::Code(1 | 128) if !is_about_the_repository(&finished.stderr.lossy()) => Ok(None),
            _ => Err(self.failure(task, &finished)),
        }
    }

    /// A commit and those before it by first parents, at most `count`, the newest first.
    ///
    /// # Errors
    /// If the commit is not here, or Git cannot be asked.
    pub fn history(&self, sha: &str, count: usize, timeout: Duration) -> Result<Vec<Commit>, GitError> {
        let task = "rev-list";
        checked_argument("the commit", sha)?;
        let mut command = self.local_command()?;
        command.args([task, "--first-parent", &format!("--max-count={count}"), sha, "--"]);
        let output = self.output(command, task, timeout)?;
        let list = String::from_utf8_lossy(&output);
        self.commits(&list.lines().collect::<Vec<_>>(), timeout)
    }

    /// Stores a commit with exactly these bytes, and returns its object id; no ref is changed.
    ///
    /// # Errors
    /// If Git finds the bytes to be no commit, or cannot store it.
    pub fn write_commit(&self, bytes: &[u8], timeout: Duration) -> Result<String, GitError> {
        let task = "hash-object";
        let mut command = self.local_command()?;
        // An object that a power loss left empty would be taken for there, and never be written again.
        command.args(["-c", "core.fsync=loose-object", task, "-t", "commit", "-w", "--stdin"]);
        let output = self.answer(command, bytes, task, timeout)?;
        Ok(String::from_utf8_lossy(&output).trim_end().to_owned())
    }

    fn commits(&self, names: &[&str], timeout: Duration) -> Result<Vec<Commit>, GitError> {
        let task = "cat-file";
        names.iter().try_for_each(|name| checked_argument("the commit", name))?;
        let mut command = self.local_command()?;
        command.args([task, "--batch"]);
        let asked = names.iter().fold(String::new(), |asked, name| asked + name + "^{commit}\n");
        let output = self.answer(command, asked.as_bytes(), task, timeout)?;
        parse(&output).map_err(|reason| GitError::Unreadable { task, reason: reason.to_owned() })
    }

    /// A command about the objects that are here, as they are.
    pub(super) fn local_command(&self) -> Result<Command, GitError> {
        // Git before 2.44 may fetch for a partial clone all the same, and does so without asking anybody.
        let mut command = self.network_command()?;
        command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_NO_REPLACE_OBJECTS", "1");
        Ok(command)
    }
}

fn is_about_the_repository(stderr: &str) -> bool {
    ["not a git repository", "dubious ownership", "bad config"].iter().any(|words| stderr.contains(words))
}

/// Reads `git cat-file --batch`: `<id> commit <size> LF <bytes> LF`, or `<what was asked> missing LF`.
fn parse(mut output: &[u8]) -> Result<Vec<Commit>, &'static str> {
    let mut commits = Vec::new();
    while !output.is_empty() {
        let end = output.iter().position(|&byte| byte == b'\n').ok_or("a line has no end")?;
        let (line, rest) = (String::from_utf8_lossy(&output[..end]), &output[end + 1..]);
        if line.ends_with(" missing") || line.ends_with(" ambiguous") {
            output = rest;
            continue;
        }
        let fields: Vec<&str> = line.split(' ').collect();
        let [sha, "commit", size] = fields[..] else { return Err("it is about no commit") };
        let size: usize = size.parse().map_err(|_| "a size is no number")?;
        let bytes = rest.get(..size).filter(|_| rest.get(size) == Some(&b'\n')).ok_or("a commit is cut short")?;
        let text = String::from_utf8_lossy(bytes);
        let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
        let tree = head.lines().next().and_then(|line| line.strip_prefix("tree ")).ok_or("a commit has no tree")?;
        commits.push(Commit { sha: sha.to_owned(), tree: tree.to_owned(), message: message.to_owned() });
        output = &rest[size + 1..];
    }
    Ok(commits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_read_and_missing_ones_passed_over() {
        let commit = |tree: &str, message: &str| format!("tree {tree}\nauthor a\n\n{message}");
        let (one, two) = (commit("t1", "one\n\nmore\n"), commit("t2", ""));
        let output = format!(
            "a commit {}\n{one}\nx^{{commit}} missing\nab^{{commit}} ambiguous\nb commit {}\n{two}\n",
            one.len(),
            two.len()
        );
        let own = |sha: &str, tree: &str, message: &str| Commit {
            sha: sha.to_owned(),
            tree: tree.to_owned(),
            message: message.to_owned(),
        };
        assert_eq!(parse(output.as_bytes()), Ok(vec![own("a", "t1", "one\n\nmore\n"), own("b", "t2", "")]));
        assert_eq!(parse(b""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_such_answer_is_refused() {
        #[track_caller]
        fn case(output: &str, problem: &str) {
            assert_eq!(parse(output.as_bytes()), Err(problem));
        }
        case("a commit 3", "a line has no end");
        case("a blob 3\nabc\n", "it is about no commit");
        case("a commit x\n", "a size is no number");
        case("a commit 9\ntree t\n", "a commit is cut short");
        case("a commit 6\ntree t", "a commit is cut short");
        case("a commit 3\nabc\n", "a commit has no tree");
    }
}
