//! Where the repository is, and of what kind.

use super::{Git, GitError, LOCAL, finish};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

const TASK: &str = "rev-parse";

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
    /// What `git --version` says, such as `git version 2.39.5`.
    ///
    /// # Errors
    /// If Git cannot be run.
    pub fn version(&self) -> Result<String, GitError> {
        let mut command = self.command();
        command.arg("version");
        let output = self.output(command, "version", LOCAL)?;
        Ok(String::from_utf8_lossy(&output).trim().to_owned())
    }

    /// Finds the repository, by one `git rev-parse`.
    ///
    /// # Errors
    /// [`GitError::NotARepository`], [`GitError::DubiousOwnership`], or whatever Git says.
    pub fn locate(&self) -> Result<Location, GitError> {
        let (stdout, no_worktree) =
            self.rev_parse(&["--is-shallow-repository", "--git-dir", "--git-common-dir", "--show-toplevel"])?;
        let unreadable = |reason: &str| GitError::Unreadable { task: TASK, reason: reason.to_owned() };
        if let Some(location) = parse(&stdout, no_worktree).map_err(unreadable)? {
            return Ok(location);
        }
        // A path contains a line end: each has to be asked for alone.
        let path = |option: &str| self.rev_parse(&[option]).map(|(stdout, _)| path(&stdout));
        Ok(Location {
            git_dir: path("--git-dir")?,
            common_dir: path("--git-common-dir")?,
            worktree: if no_worktree { None } else { Some(path("--show-toplevel")?) },
            is_shallow: stdout.starts_with(b"true\n"),
        })
    }

    /// The answers to `options`, each on a line, and whether there is no worktree.
    ///
    /// `--show-toplevel` comes last: where there is no worktree it fails, after the others were printed.
    fn rev_parse(&self, options: &[&str]) -> Result<(Vec<u8>, bool), GitError> {
        let mut command = self.command();
        command.args([TASK, "--path-format=absolute"]).args(options);
        let finished = finish(command, TASK, LOCAL)?;
        let no_worktree = finished.stderr.lossy().contains("must be run in a work tree");
        if !finished.exit.is_success() && !no_worktree {
            return Err(self.failure(TASK, &finished));
        }
        Ok((finished.stdout.head, no_worktree))
    }
}

/// The location, or `None` where the lines do not tell which path is which.
fn parse(stdout: &[u8], no_worktree: bool) -> Result<Option<Location>, &'static str> {
    // `rev-parse` repeats the options it does not know.
    if stdout.starts_with(b"--path-format") {
        return Err("git 2.31 or newer is needed");
    }
    let lines: Vec<_> = stdout.split_inclusive(|&byte| byte == b'\n').collect();
    let Some((&[shallow, git_dir, common_dir], rest)) = lines.split_first_chunk() else {
        return Err("an answer is missing");
    };
    let worktree = match rest {
        [] if no_worktree => None,
        [worktree] if !no_worktree => Some(path(worktree)),
        [] => return Err("an answer is missing"),
        _ => return Ok(None),
    };
    let (git_dir, common_dir) = (path(git_dir), path(common_dir));
    Ok(Some(Location { git_dir, common_dir, worktree, is_shallow: shallow == b"true\n" }))
}

/// The path of an answer. It need not be UTF-8.
fn path(answer: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(answer.strip_suffix(b"\n").unwrap_or(answer)))
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
        assert_eq!(location, Some(expected));
    }

    #[test]
    fn a_bare_repository_has_no_worktree() {
        assert_eq!(parse(b"false\n/r.git\n/r.git\n", true).unwrap().unwrap().worktree, None);
    }

    #[test]
    fn older_git_is_named() {
        assert_eq!(parse(b"--path-format=absolute\nfalse\n", false), Err("git 2.31 or newer is needed"));
    }

    #[test]
    fn what_cannot_be_told_apart_is_not_guessed() {
        assert_eq!(parse(b"false\n", false), Err("an answer is missing"));
        assert_eq!(parse(b"false\n/r\n/r\n", false), Err("an answer is missing"));
        assert_eq!(parse(b"false\n/a\nb\n/a\nb\n/a\n", false), Ok(None));
        assert_eq!(parse(b"false\n/a\nb\n/a\nb\n", true), Ok(None));
    }
}
