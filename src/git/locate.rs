//! Where the repository is, and of what kind.

use super::{Git, GitError, LOCAL, finish};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// A repository on this machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Location {
    /// The Git directory of this worktree, absolute.
    pub git_dir: PathBuf,
    /// What all worktrees share, absolute: `git_dir` unless this is a linked worktree.
    pub common_dir: PathBuf,
    /// The top of the worktree, absolute; `None` in a bare repository and inside a Git directory.
    pub worktree: Option<PathBuf>,
    /// Whether history is cut off, so that ancestry cannot be told for certain.
    pub is_shallow: bool,
}

impl Git {
    /// Finds the repository, by one `git rev-parse`.
    ///
    /// # Errors
    /// [`GitError::NotARepository`], [`GitError::DubiousOwnership`], or whatever Git says.
    pub fn locate(&self) -> Result<Location, GitError> {
        let task = "rev-parse";
        let mut command = self.command();
        command.args([task, "--path-format=absolute", "--is-shallow-repository"]);
        // `--show-toplevel` comes last: it fails where there is no worktree, after the others were
        // printed.
        command.args(["--git-dir", "--git-common-dir", "--show-toplevel"]);
        let finished = finish(command, task, LOCAL)?;
        let no_worktree = finished.stderr.lossy().contains("must be run in a work tree");
        if !finished.exit.is_success() && !no_worktree {
            return Err(self.failure(task, &finished));
        }
        parse(&finished.stdout.head, no_worktree)
            .map_err(|reason| GitError::Unreadable { task, reason: reason.to_owned() })
    }
}

fn parse(stdout: &[u8], no_worktree: bool) -> Result<Location, &'static str> {
    // A path need not be UTF-8, but it must not contain a line end.
    let lines: Vec<_> =
        stdout.split_inclusive(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line)).collect();
    // `rev-parse` repeats the options it does not know.
    if lines.first().is_some_and(|line| line.starts_with(b"--path-format")) {
        return Err("git 2.31 or newer is needed");
    }
    let Some((&[shallow, git_dir, common_dir], rest)) = lines.split_first_chunk() else {
        return Err("an answer is missing");
    };
    let path = |line: &[u8]| PathBuf::from(OsStr::from_bytes(line));
    let worktree = match rest {
        [] if no_worktree => None,
        [worktree] => Some(path(worktree)),
        _ => return Err("a path contains a line end"),
    };
    Ok(Location { git_dir: path(git_dir), common_dir: path(common_dir), worktree, is_shallow: shallow == b"true" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_in_their_order() {
        let location = parse(b"true\n/r/.git/worktrees/w\n/r/.git\n/w\n", false).unwrap();
        let expected = Location {
            git_dir: "/r/.git/worktrees/w".into(),
            common_dir: "/r/.git".into(),
            worktree: Some("/w".into()),
            is_shallow: true,
        };
        assert_eq!(location, expected);
    }

    #[test]
    fn a_bare_repository_has_no_worktree() {
        assert_eq!(parse(b"false\n/r.git\n/r.git\n", true).unwrap().worktree, None);
    }

    #[test]
    fn older_git_is_named() {
        assert_eq!(parse(b"--path-format=absolute\nfalse\n", false), Err("git 2.31 or newer is needed"));
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        assert_eq!(parse(b"false\n", false), Err("an answer is missing"));
        assert_eq!(parse(b"false\n/r\n/r\n", false), Err("a path contains a line end"));
        assert_eq!(parse(b"false\n/a\nb\n/a\nb\n/a\n", false), Err("a path contains a line end"));
    }
}
