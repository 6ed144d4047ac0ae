//! What is written to a remote: one ref, where it is as it was expected to be.

use super::words::{redacted, words};
use super::{Git, GitError, LOCAL, checked_argument, checked_sha, finish};
use crate::child::Exit;
use crate::text::printable;
use std::process::Command;
use std::time::Duration;

/// How many refs are removed by one push: a command line has its limits.
const AT_ONCE: usize = 100;

/// What a ref is to hold, or nothing; its name; and what it is expected to be, if it is there.
type Wish<'a> = (Option<&'a str>, &'a str, Option<&'a str>);

/// What became of a ref that was to be created.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pushed {
    /// It was created.
    Created,
    /// It was moved from where it was expected.
    Moved,
    /// It was removed from where it was expected.
    Removed,
    /// It is there, and is this very object.
    AlreadyThere,
    /// It is not as it was expected to be; it was left alone.
    Exists,
    /// The remote did not take it.
    Rejected {
        /// Why, in the words of the remote and its hooks, on one line.
        reason: String,
    },
}

impl Git {
    /// Creates one ref of a remote, only if it does not exist; never moves one.
    ///
    /// Nothing else is pushed, whatever the user's `push.*` says: no tags that follow, no submodules.
    /// Push options are left out, because a forge takes orders in them (open a merge request), and
    /// so is a signed certificate, because it may ask for a passphrase. The `pre-push` hook does not
    /// run: it is written for a person at a terminal, runs test suites or asks, and there is nobody.
    /// With several push URLs the worst of what became of it is told, and one that cannot be reached is an error.
    ///
    /// # Errors
    /// If the remote cannot be reached or asked.
    pub fn push_new(&self, remote: &str, sha: &str, ref_name: &str, timeout: Duration) -> Result<Pushed, GitError> {
        self.push_leased(remote, sha, ref_name, None, timeout)
    }

    /// Creates one ref of a remote if it is `expected` not to exist, or moves it from the very commit
    /// that it is `expected` to be; otherwise as [`Git::push_new`].
    ///
    /// # Errors
    /// If the remote cannot be reached or asked.
    pub fn push_leased(
        &self,
        remote: &str,
        sha: &str,
        ref_name: &str,
        expected: Option<&str>,
        timeout: Duration,
    ) -> Result<Pushed, GitError> {
        checked_sha(sha)?;
        self.push_one(remote, Some(sha), ref_name, expected, timeout)
    }

    /// Removes one ref of a remote, if it is the very object that it is `expected` to be; otherwise
    /// as [`Git::push_new`]. One that is not there any more is [`Pushed::AlreadyThere`]: as it should be.
    ///
    /// # Errors
    /// If the remote cannot be reached or asked.
    pub fn remove_leased(
        &self,
        remote: &str,
        ref_name: &str,
        expected: &str,
        timeout: Duration,
    ) -> Result<Pushed, GitError> {
        self.push_one(remote, None, ref_name, Some(expected), timeout)
    }

    /// As [`Git::remove_leased`] for several refs, name and expected object, in as few pushes as possible:
    /// what became of each, in their order.
    ///
    /// # Errors
    /// If the remote cannot be reached or asked.
    pub fn remove_all_leased(
        &self,
        remote: &str,
        refs: &[(&str, &str)],
        timeout: Duration,
    ) -> Result<Vec<Pushed>, GitError> {
        let mut all = Vec::new();
        for some in refs.chunks(AT_ONCE) {
            let wishes: Vec<_> = some.iter().map(|(name, expected)| (None, *name, Some(*expected))).collect();
            let finished = finish(self.push_command(remote, &wishes)?, "push", timeout)?;
            let (stdout, stderr) = (finished.stdout.lossy(), finished.stderr.lossy());
            // Of several places one may have said nothing at all.
            let is_whole = finished.exit.is_success() || self.push_urls(remote)? == 1;
            for (name, expected) in some {
                all.push(match parse(&stdout, name, &stderr) {
                    Some(Pushed::Removed) if is_whole => Pushed::Removed,
                    // Why it stayed, or whether it was gone before, is found out one by one.
                    _ => self.remove_leased(remote, name, expected, timeout)?,
                });
            }
        }
        Ok(all)
    }

    /// Has a ref of a remote hold `sha`, or nothing, if it is as `expected`.
    fn push_one(
        &self,
        remote: &str,
        sha: Option<&str>,
        ref_name: &str,
        expected: Option<&str>,
        timeout: Duration,
    ) -> Result<Pushed, GitError> {
        let task = "push";
        let command = self.push_command(remote, &[(sha, ref_name, expected)])?;
        let finished = finish(command, task, timeout)?;
        let stderr = finished.stderr.lossy();
        let pushed = parse(&finished.stdout.lossy(), ref_name, &stderr);
        match pushed {
            None => Err(self.failure(task, &finished)),
            // What was to be removed may be gone; a remote says that in the words of a lost lease, or in others.
            Some(Pushed::Exists | Pushed::Rejected { .. }) if sha.is_none() => {
                let there = self.ls_remote(remote, &[ref_name], timeout)?;
                Ok(match there.refs.get(ref_name) {
                    None => Pushed::AlreadyThere,
                    Some(found) if Some(found.sha.as_str()) != expected => Pushed::Exists,
                    Some(_) => pushed.unwrap_or(Pushed::Exists),
                })
            }
            // Somebody created it between the remote's offer and our push: the remote's lock says so
            // in many words, so look.
            Some(Pushed::Rejected { reason }) if lost_a_race(&reason) => {
                let there = self.ls_remote(remote, &[ref_name], timeout)?;
                Ok(match there.refs.get(ref_name) {
                    Some(found) if Some(found.sha.as_str()) == sha => Pushed::AlreadyThere,
                    Some(found) if Some(found.sha.as_str()) == expected => Pushed::Rejected { reason },
                    Some(_) => Pushed::Exists,
                    None => Pushed::Rejected { reason },
                })
            }
            // One place of several was reached, and another says nothing of the ref.
            Some(Pushed::Created | Pushed::Moved | Pushed::Removed | Pushed::AlreadyThere)
                if !finished.exit.is_success() =>
            {
                Err(self.failure(task, &finished))
            }
            Some(pushed) => Ok(pushed),
        }
    }
}

impl Git {
    /// The push that has each of these refs hold its object, or nothing, if it is as expected.
    fn push_command(&self, remote: &str, refs: &[Wish<'_>]) -> Result<Command, GitError> {
        checked_argument("the remote", remote)?;
        for (_, name, expected) in refs {
            expected.map_or(Ok(()), checked_sha)?;
            if !name.starts_with("refs/") || !git2::Reference::is_valid_name(name) {
                return Err(GitError::Refused { reason: format!("`{}` is not a ref name", printable(name)) });
            }
        }
        let mut command = self.network_command()?;
        // A mirror takes no refspecs, and would get all refs and lose those that are not here. A URL is
        // none, and may contain the `=` that ends a key.
        if !remote.contains([':', '=']) {
            command.args(["-c", &format!("remote.{remote}.mirror=false")]);
        }
        command
            // An empty value clears the list that the configuration has built up to here.
            .args(["-c", "push.pushOption=", "push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed"])
            .arg("--recurse-submodules=no");
        for (_, name, expected) in refs {
            command.arg(format!("--force-with-lease={name}:{}", expected.unwrap_or_default()));
        }
        command.args(["--", remote]);
        command.args(refs.iter().map(|(sha, name, _)| format!("{}:{name}", sha.unwrap_or_default())));
        Ok(command)
    }

    /// How many places a push to the remote goes to, by its name or URL.
    ///
    /// # Errors
    /// If Git cannot be asked.
    pub fn push_urls(&self, remote: &str) -> Result<usize, GitError> {
        let task = "remote";
        checked_argument("the remote", remote)?;
        let mut command = self.command();
        command.args([task, "get-url", "--push", "--all", remote]);
        let finished = finish(command, task, LOCAL)?;
        match finished.exit {
            Exit::Success => Ok(finished.stdout.lossy().lines().count()),
            // A URL or a path, which is no remote by name.
            _ if finished.stderr.lossy().contains("No such remote") => Ok(1),
            _ => Err(self.failure(task, &finished)),
        }
    }
}

fn lost_a_race(reason: &str) -> bool {
    ["already exists", "failed to update ref", "cannot lock ref", "failed to lock", "incorrect old value"]
        .iter()
        .any(|words| reason.contains(words))
}

/// Reads `git push --porcelain`: the worst of what it says of the ref, or `None` if it says nothing.
fn parse(stdout: &str, ref_name: &str, stderr: &str) -> Option<Pushed> {
    let outcomes = stdout.lines().filter_map(|line| {
        let mut fields = line.splitn(3, '\t');
        let (flag, refs, summary) = (fields.next()?, fields.next()?, fields.next()?);
        (refs.split_once(':')?.1 == ref_name).then(|| outcome(flag, summary, stderr))
    });
    outcomes.max_by_key(|outcome| match outcome {
        Pushed::AlreadyThere => 0,
        Pushed::Created => 1,
        Pushed::Moved | Pushed::Removed => 2,
        Pushed::Exists => 3,
        Pushed::Rejected { .. } => 4,
    })
}

fn outcome(flag: &str, summary: &str, stderr: &str) -> Pushed {
    match flag {
        "*" => Pushed::Created,
        "=" => Pushed::AlreadyThere,
        // Onwards, or elsewhere: with a lease the remote makes no difference.
        " " | "+" => Pushed::Moved,
        "-" => Pushed::Removed,
        // Our lease: the remote offered the ref.
        "!" if summary.contains("(stale info)") => Pushed::Exists,
        _ => Pushed::Rejected { reason: reason(summary, stderr) },
    }
}

/// `[remote rejected] (pre-receive hook declined)` and what the hook said.
fn reason(summary: &str, stderr: &str) -> String {
    let inner = summary.split_once("] (").and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(summary);
    let said = words(stderr);
    let reason = printable(&redacted(inner));
    if said.is_empty() { reason } else { format!("{reason}: {said}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REF: &str = "refs/heads/x";

    #[test]
    fn the_porcelain_is_read() {
        #[track_caller]
        fn case(lines: &str, expected: impl Into<Option<Pushed>>) {
            assert_eq!(parse(&format!("To ../fork.git\n{lines}\nDone\n"), REF, ""), expected.into());
        }
        let rejected = |reason: &str| Pushed::Rejected { reason: reason.to_owned() };
        case("*\tabc:refs/heads/x\t[new branch]", Pushed::Created);
        case("=\tabc:refs/heads/x\t[up to date]", Pushed::AlreadyThere);
        case("!\tabc:refs/heads/x\t[rejected] (stale info)", Pushed::Exists);
        case("!\tabc:refs/heads/x\t[remote rejected] (hook declined)", rejected("hook declined"));
        case(
            "!\tabc:refs/heads/x\t[remote failure] (remote failed to report status)",
            rejected("remote failed to report status"),
        );
        case("!\tabc:refs/heads/x\t[no match]", rejected("[no match]"));
        case(" \tabc:refs/heads/x\tabc..def", Pushed::Moved);
        case("+\tabc:refs/heads/x\tabc...def (forced update)", Pushed::Moved);
        case("-\t:refs/heads/x\t[deleted]", Pushed::Removed);
        case("?\tabc:refs/heads/x\tabc..def", rejected("abc..def"));
        case("*\tabc:refs/heads/other\t[new branch]", None);
        case(
            "*\tabc:refs/heads/x\t[new branch]\nTo b\n!\tabc:refs/heads/x\t[rejected] (stale info)",
            Some(Pushed::Exists),
        );
        case("=\tabc:refs/heads/x\t[up to date]\nTo b\n*\tabc:refs/heads/x\t[new branch]", Pushed::Created);
        assert_eq!(parse("", REF, "fatal: x"), None);
    }

    #[test]
    fn the_words_of_a_hook_are_told() {
        let stderr = "remote: policy \u{1b}says no        \nerror: failed to push some refs to '../fork.git'\n";
        let line = "!\tabc:refs/heads/x\t[remote rejected] (pre-receive hook declined)";
        let reason = "pre-receive hook declined: remote: policy \\u{1b}says no".to_owned();
        assert_eq!(parse(line, REF, stderr), Some(Pushed::Rejected { reason }));
    }
}
