//! Recorded resolutions: what was resolved once is offered again.
//!
//! They are kept in Git's own format (gitformat-rerere, `rr-cache/<conflict>/{preimage,postimage}`),
//! in the state directory. `git rerere` itself recognises and replays them, in a repository that is
//! thrown away: the user's own recorded resolutions are read, and never written.

mod cache;

use self::cache::Cache;
use super::{
    conflicted::{self, Extent},
    id::TreeId,
    pick::{Conflict, Picked, Resolution, Resolve, ResolvedBy},
    plan::Onto,
    repository::Repository,
    worktree::Worktree,
};
use crate::workspace::{Failure, Workspace};
use std::{collections::BTreeMap, fs, io, time::Duration};

/// Has `git rerere` work whatever is configured, and stage what it has resolved.
const RERERE: [&str; 5] = ["-c", "rerere.enabled=true", "-c", "rerere.autoUpdate=true", "rerere"];

/// The recorded resolutions of one repository.
#[derive(Debug)]
pub struct Rerere<'a> {
    workspace: &'a Workspace,
    repository: &'a Repository,
    onto: &'a Onto,
    timeout: Duration,
    cache: Cache,
}

impl<'a> Rerere<'a> {
    /// Those of this workspace; each Git command may take `timeout`.
    #[must_use]
    pub fn new(workspace: &'a Workspace, repository: &'a Repository, onto: &'a Onto, timeout: Duration) -> Self {
        let cache = Cache::new(workspace.places.state.join("rr-cache"), workspace.location.common_dir.join("rr-cache"));
        Self { workspace, repository, onto, timeout, cache }
    }

    /// Records how the textual conflicts among the files were resolved.
    ///
    /// # Errors
    /// When Git cannot, or the cache cannot be written.
    pub fn record(&self, conflict: &Conflict, resolved: &TreeId) -> Result<(), Failure> {
        if !conflict.files.iter().any(conflicted::is_textual) {
            return Ok(());
        }
        let worktree = self.laid_out(conflict)?;
        worktree.run("rerere", &RERERE)?;
        // What it has learned it lists no more.
        let ids = recognised(&worktree)?;
        conflicted::write(&worktree, conflict, resolved)?;
        worktree.run("rerere", &RERERE)?;
        for id in ids.into_values() {
            self.cache.store(&worktree.git_dir().join("rr-cache"), &id)?;
        }
        Ok(())
    }

    fn laid_out(&self, conflict: &Conflict) -> Result<Worktree, Failure> {
        let worktree = Worktree::empty(self.workspace, self.repository, &self.onto.commit, self.timeout)?;
        conflicted::lay_out(&worktree, conflict, Extent::Conflicted)?;
        Ok(worktree)
    }

    /// The tree, if every file is one that a recorded resolution resolves to its end.
    fn replayed(&self, conflict: &Conflict) -> Result<Option<TreeId>, Failure> {
        if !self.cache.has_any() || !conflict.files.iter().all(conflicted::is_textual) {
            return Ok(None);
        }
        let worktree = self.laid_out(conflict)?;
        worktree.run("rerere", &RERERE)?;
        let ids = recognised(&worktree)?;
        if conflict.files.iter().any(|file| !ids.contains_key(file.path.as_bytes())) {
            return Ok(None);
        }
        for id in ids.values() {
            if !self.cache.fetch(id, &worktree.git_dir().join("rr-cache"))? {
                return Ok(None);
            }
        }
        forget(&worktree)?;
        worktree.run("rerere", &RERERE)?;
        if !worktree.run("ls-files", &["ls-files", "--unmerged", "-z"])?.is_empty() {
            return Ok(None);
        }
        let tree = worktree.tree(self.repository, &conflict.tree)?;
        let is_whole = conflicted::marker_left(self.repository, conflict, &tree)?.is_none();
        Ok(is_whole.then_some(tree))
    }
}

impl Resolve for Rerere<'_> {
    fn resolve(&mut self, conflict: &Conflict, _: &[Picked]) -> Result<Option<Resolution>, Failure> {
        let tree = self.replayed(conflict)?;
        Ok(tree.map(|tree| Resolution { tree, by: ResolvedBy::Rerere }))
    }
}

/// The conflicts that `git rerere` has recognised, by path: `MERGE_RR` holds `id TAB path NUL`.
fn recognised(worktree: &Worktree) -> Result<BTreeMap<Vec<u8>, String>, Failure> {
    let path = worktree.git_dir().join("MERGE_RR");
    let content = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(|error| super::worktree::failed("cannot read", &path, error))?,
    };
    Ok(listed(&content))
}

/// Has it recognise them anew.
fn forget(worktree: &Worktree) -> Result<(), Failure> {
    let path = worktree.git_dir().join("MERGE_RR");
    fs::remove_file(&path).map_err(|error| super::worktree::failed("cannot remove", &path, error))
}

fn listed(content: &[u8]) -> BTreeMap<Vec<u8>, String> {
    let entry = |entry: &[u8]| {
        let tab = entry.iter().position(|&byte| byte == b'\t')?;
        let id = std::str::from_utf8(&entry[..tab]).ok()?.split('.').next()?;
        cache::is_id(id).then(|| (entry[tab + 1..].to_vec(), id.to_owned()))
    };
    content.split(|&byte| byte == 0).filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognised_conflicts_are_read() {
        let id = "a".repeat(40);
        let content = format!("{id}\ta b\0{id}.1\tc\td\0nonsense\0../../x\te\0");
        let expected = [(b"a b".to_vec(), id.clone()), (b"c\td".to_vec(), id)];
        assert_eq!(listed(content.as_bytes()), BTreeMap::from(expected));
        assert_eq!(listed(b""), BTreeMap::new());
    }
}
