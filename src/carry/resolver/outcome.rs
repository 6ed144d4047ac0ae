//! What a resolver has left in its worktree: a result in the index, or the reason why there is none.

use crate::{
    carry::{
        conflicted::{self, entries},
        id::CommitId,
        path::TreePath,
        pick::{Conflict, ConflictedFile},
        worktree::Worktree,
    },
    child::Captured,
    git::GitError,
    text::clipped,
    workspace::Failure,
};
use serde_json::Value;
use std::{collections::BTreeSet, fs};

type Paths = BTreeSet<TreePath>;

/// What looked changed before the resolver ran: files that do not survive a checkout unchanged.
pub(super) struct Before {
    edited: Paths,
    new: Paths,
}

impl Before {
    pub(super) fn look(worktree: &Worktree) -> Result<Self, GitError> {
        Ok(Self { edited: edited(worktree)?, new: new(worktree)? })
    }

    /// Brings the result into the index, or says why it is none.
    ///
    /// A file that conflicts only in its lines need not be staged: that its markers are gone tells
    /// that somebody has dealt with it. Of any other one only staging tells.
    pub(super) fn outcome(
        &self,
        worktree: &Worktree,
        conflict: &Conflict,
        head: &CommitId,
        named: &Paths,
    ) -> Result<Result<(), String>, Failure> {
        if fs::read(worktree.git_dir().join("HEAD")).ok() != Some(format!("{head}\n").into_bytes()) {
            return Ok(Err("it moved HEAD; it is to leave its work in the index or in the files".to_owned()));
        }
        let files: BTreeSet<&TreePath> = conflict.files.iter().map(|file| &file.path).collect();
        let unmerged = paths(&worktree.run("ls-files", &["ls-files", "--unmerged", "-z"])?, b'\t');
        let textual =
            |path: &TreePath| conflict.files.iter().any(|file| file.path == *path && conflicted::is_textual(file));
        if let Some(path) = unmerged.iter().find(|path| !textual(path)) {
            return Ok(Err(format!("it left {path} unmerged")));
        }
        stage(worktree, &unmerged)?;
        let edited: Paths = edited(worktree)?.difference(&self.edited).cloned().collect();
        let new: Paths = new(worktree)?.difference(&self.new).cloned().collect();
        if let Some(path) = edited.iter().find(|path| files.contains(path)) {
            return Ok(Err(format!("it staged {path} and changed it again: which one is meant cannot be told")));
        }
        let tree = conflict.tree.as_str();
        let args = ["diff-index", "--cached", "--no-renames", "--name-only", "-z", "-r", tree];
        let staged = paths(&worktree.run("diff-index", &args)?, 0);
        let outside = |path: &&TreePath| !files.contains(path) && !named.contains(path);
        if let Some(path) = staged.iter().chain(&edited).chain(&new).find(outside) {
            return Ok(Err(format!(
                "it changed {path}, which does not conflict, and does not name it in `artifacts.changed`"
            )));
        }
        stage(worktree, &edited.union(&new).cloned().collect())?;
        Ok(match unlike(worktree, &conflict.files)? {
            Some(path) => Err(format!("it made {path} what it is on no side: a link, a submodule or another mode")),
            None => Ok(()),
        })
    }
}

/// A conflicted file of a mode that none of its versions has.
fn unlike(worktree: &Worktree, files: &[ConflictedFile]) -> Result<Option<TreePath>, GitError> {
    let printed = worktree.run("write-tree", &["write-tree"])?;
    let tree = String::from_utf8_lossy(&printed);
    let found = entries(&worktree.run("ls-tree", &["ls-tree", "-r", "-z", "--full-tree", tree.trim_end()])?)?;
    let unlike = files.iter().find(|file| {
        let modes = [&file.base, &file.ours, &file.theirs].into_iter().flatten().map(|version| &version.mode);
        found.get(&file.path).is_some_and(|now| !modes.into_iter().any(|mode| *mode == now.mode))
    });
    Ok(unlike.map(|file| file.path.clone()))
}

/// Takes these files into the index as they are in the worktree; one that is gone is removed.
fn stage(worktree: &Worktree, paths: &Paths) -> Result<(), GitError> {
    let mut input = Vec::new();
    for path in paths {
        input.extend(path.as_bytes());
        input.push(0);
    }
    let args = ["update-index", "--add", "--remove", "-z", "--stdin"];
    worktree.feed("update-index", &args, &input).map(drop)
}

/// The files in the index that are not so in the worktree.
fn edited(worktree: &Worktree) -> Result<Paths, GitError> {
    // Fails where a file needs a merge, which it tells of all the same.
    let _ = worktree.run("update-index", &["update-index", "-q", "--really-refresh"]);
    let args = ["diff-files", "-0", "--name-only", "-z", "--ignore-submodules=dirty", "--diff-filter=u"];
    worktree.run("diff-files", &args).map(|listing| paths(&listing, 0))
}

/// The files that the index does not have; ignored ones do not count.
fn new(worktree: &Worktree) -> Result<Paths, GitError> {
    let args = ["ls-files", "--others", "--exclude-standard", "-z"];
    worktree.run("ls-files", &args).map(|listing| paths(&listing, 0))
}

/// Paths that end in NUL; each behind the last `after`, if that is not NUL.
fn paths(listing: &[u8], after: u8) -> Paths {
    let lines = listing.split(|&byte| byte == 0).filter(|line| !line.is_empty());
    let path = |line: &[u8]| match line.iter().position(|&byte| byte == after && after != 0) {
        Some(at) => TreePath::new(&line[at + 1..]),
        None => TreePath::new(line),
    };
    lines.map(path).collect()
}

/// The files that a resolver says it changed beside those that conflict: `artifacts.changed` in the
/// last line `FLOW_RESULT {…}`.
pub(super) fn named(stdout: &Captured) -> Paths {
    let text = stdout.lossy();
    let line = text.lines().rev().find_map(|line| line.strip_prefix("FLOW_RESULT "));
    let result: Value = line.and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    let changed = result["artifacts"]["changed"].as_array();
    let paths = changed.into_iter().flatten().filter_map(Value::as_str).map(|path| clipped(path, 4096).parse());
    paths.filter_map(Result::ok).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_named_in_the_last_line() {
        let path = |path: &str| TreePath::new(path);
        let said = |text: &str| named(&Captured::from(text.as_bytes()));
        let line = r#"FLOW_RESULT {"status":"changed","artifacts":{"changed":["a b","\"x\\ty\"",3]}}"#;
        assert_eq!(said(&format!("talk\n{line}\n")), Paths::from([path("a b"), path("x\ty")]));
        assert_eq!(said(&format!("{line}\nFLOW_RESULT {{}}\n")), Paths::new());
        assert_eq!(said("FLOW_RESULT nonsense"), Paths::new());
        assert_eq!(said(""), Paths::new());
    }

    #[test]
    fn listings_of_paths_are_read() {
        assert_eq!(paths(b"a\0b c\0", 0), Paths::from([TreePath::new("a"), TreePath::new("b c")]));
        assert_eq!(paths(b"m x 1\ta\tb\0m x 2\ta\tb\0", b'\t'), Paths::from([TreePath::new("a\tb")]));
        assert_eq!(paths(b"", 0), Paths::new());
    }
}
