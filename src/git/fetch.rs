//! What is read from a remote: its refs, and objects.

use super::{
    ERRORS_LIMIT, Git, GitError, LOCAL, REFS_LIMIT, REFS_MEMORY, checked_argument, checked_sha, ended, finish,
};
use crate::child::{self, Exit, Limits};
use crate::parse::refs::{self, RemoteRefs};
use crate::spool::{Spool, Spooled};
use std::time::Duration;

const LS_REMOTE: &str = "ls-remote";

impl Git {
    /// Asks a remote for its refs, without a local repository if `remote` is a URL.
    ///
    /// A pattern matches the end of a ref name from a `/` on (git-ls-remote(1)); none asks for all.
    /// When all patterns lie in `refs/tags/` or `refs/heads/`, the server sends no others: `HEAD`
    /// among the patterns has a large server send every ref it has, pull requests included.
    ///
    /// # Errors
    /// If the remote cannot be asked or gives no such answer.
    pub fn ls_remote(&self, remote: &str, patterns: &[&str], timeout: Duration) -> Result<RemoteRefs, GitError> {
        let refs = self.spooled_refs(remote, patterns, timeout, &Spool::default())?;
        read_refs(&refs)
    }

    /// As [`Git::ls_remote`], with the refs left to wait in `spool` until [`read_refs`].
    ///
    /// # Errors
    /// If the remote cannot be asked, or has more refs than are read.
    pub fn spooled_refs(
        &self,
        remote: &str,
        patterns: &[&str],
        timeout: Duration,
        spool: &Spool,
    ) -> Result<Spooled, GitError> {
        let task = LS_REMOTE;
        checked_argument("the remote", remote)?;
        patterns.iter().try_for_each(|pattern| checked_argument("the pattern", pattern))?;
        let mut command = self.network_command()?;
        command.args([task, "--quiet", "--symref"]).args(namespaces(patterns)).args(["--", remote]).args(patterns);
        let limits = Limits { timeout, output: ERRORS_LIMIT };
        let (finished, kept) = child::run_into(command, limits, spool.writer(), REFS_LIMIT, REFS_MEMORY)
            .map_err(|error| GitError::from_spawn(task, &error))?;
        let finished = ended(finished, task)?;
        if !finished.exit.is_success() {
            return Err(self.failure(task, &finished));
        }
        kept.map_err(|error| GitError::Unreadable { task, reason: error.to_string() })
    }

    /// Fetches objects, and writes the refs that `refspecs` name on their right side, no others.
    ///
    /// No tags, no remote-tracking refs, no `FETCH_HEAD`, no pruning, no submodules, no maintenance
    /// afterwards: whatever the user's configuration says of them is for the user's own fetches.
    /// Without refspecs nothing is done.
    ///
    /// # Errors
    /// If the remote cannot be asked, or does not have what was asked for.
    pub fn fetch(&self, remote: &str, refspecs: &[String], timeout: Duration) -> Result<(), GitError> {
        checked_argument("the remote", remote)?;
        refspecs.iter().try_for_each(|refspec| checked_argument("the refspec", refspec))?;
        if refspecs.is_empty() {
            return Ok(());
        }
        let mut command = self.network_command()?;
        // Git 2.48 updates `refs/remotes/<remote>/HEAD` as well. A URL has none, and may contain the
        // `=` that ends a key.
        if !remote.contains([':', '=']) {
            command.args(["-c", &format!("remote.{remote}.followRemoteHEAD=never")]);
        }
        command
            .args([
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--refmap=",
                "--no-prune",
                "--no-prune-tags",
            ])
            .args(["--no-recurse-submodules", "--no-auto-maintenance", "--no-write-commit-graph"])
            .args(["--", remote])
            .args(refspecs);
        self.output(command, "fetch", timeout).map(drop)
    }

    /// Whether `old` is an ancestor of `new` or the same; `None` when one of them is not here.
    ///
    /// In a shallow repository `false` proves nothing ([`super::Location::is_shallow`]). Nothing is
    /// fetched for the answer, not in a partial clone either (from Git 2.44 on).
    ///
    /// # Errors
    /// If one of them is not an object id, or Git cannot tell.
    pub fn is_ancestor(&self, old: &str, new: &str) -> Result<Option<bool>, GitError> {
        checked_sha(old)?;
        checked_sha(new)?;
        let mut command = self.command();
        command.env("GIT_NO_LAZY_FETCH", "1").args(["merge-base", "--is-ancestor", old, new]);
        let finished = finish(command, "merge-base", LOCAL)?;
        let stderr = finished.stderr.lossy();
        match finished.exit {
            Exit::Success => Ok(Some(true)),
            Exit::Code(1) if stderr.trim().is_empty() => Ok(Some(false)),
            _ if ["Not a valid commit name", "Not a valid object name", "Could not read ", "Could not parse"]
                .iter()
                .any(|words| stderr.to_ascii_lowercase().contains(&words.to_ascii_lowercase())) =>
            {
                Ok(None)
            }
            _ => Err(self.failure("merge-base", &finished)),
        }
    }
}

/// The refs that a remote gave.
///
/// # Errors
/// If they are no refs, or too many.
pub fn read_refs(refs: &Spooled) -> Result<RemoteRefs, GitError> {
    let unreadable = |reason| GitError::Unreadable { task: LS_REMOTE, reason };
    refs::parse(&refs.read().map_err(|error| unreadable(error.to_string()))?).map_err(unreadable)
}

/// The options that have the server send only these namespaces (protocol 2, `ref-prefix`).
///
/// `ls-remote` itself sends no prefix for a pattern, because a pattern may match in the middle.
fn namespaces(patterns: &[&str]) -> Vec<&'static str> {
    let known = [("refs/tags/", "--tags"), ("refs/heads/", "--heads")];
    let covered = |pattern: &&str| known.iter().any(|(prefix, _)| pattern.starts_with(prefix));
    if !patterns.iter().all(covered) {
        return Vec::new();
    }
    let asked = |prefix: &str| patterns.iter().any(|pattern| pattern.starts_with(prefix));
    known.into_iter().filter(|(prefix, _)| asked(prefix)).map(|(_, option)| option).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_namespaces_asked_for_are_sent() {
        #[track_caller]
        fn case(patterns: &[&str], options: &[&str]) {
            assert_eq!(namespaces(patterns), options);
        }
        case(&[], &[]);
        case(&["refs/tags/*"], &["--tags"]);
        case(&["refs/heads/main"], &["--heads"]);
        case(&["refs/heads/main", "refs/tags/v*"], &["--tags", "--heads"]);
        case(&["refs/tags/*", "HEAD"], &[]);
        case(&["v*"], &[]);
    }
}
