//! The folders of worktrees: each belongs to the run that holds its lock, and to nobody when none does.

use super::failed;
use crate::{
    ledger::lock::Lock,
    private,
    workspace::{Failure, lock_in},
};
use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long others may take to look for what was left.
const WAIT: Duration = Duration::from_secs(60);

/// A folder of one run, removed with the value.
#[derive(Debug)]
pub(super) struct Claim {
    folder: PathBuf,
    lock: Lock,
}

impl Claim {
    /// Makes a folder in `home`, and removes those whose run is dead.
    pub(super) fn stake(home: &Path) -> Result<Self, Failure> {
        private::create_dir(home).map_err(|error| failed("cannot make", home, error))?;
        let (claim, dead) = {
            // A folder is looked at by others only after its lock was taken.
            let _guard = lock_in(home, "lock", WAIT)?;
            let dead = dead(home).map_err(|error| failed("cannot read", home, error))?;
            let folder = tempfile::Builder::new().prefix("run-").tempdir_in(home);
            let folder = folder.map_err(|error| failed("cannot make a folder in", home, error))?.keep();
            let lock = lock_in(&folder, "lock", Duration::ZERO)?;
            (Self { folder, lock }, dead)
        };
        drop(dead);
        Ok(claim)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn lock(&self) -> &Lock {
        &self.lock
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // What cannot be removed now is tried again by the next run.
        let _ = remove(&self.folder);
    }
}

/// The folders that nobody holds any more, now ours.
fn dead(home: &Path) -> io::Result<Vec<Claim>> {
    let mut dead = Vec::new();
    for entry in fs::read_dir(home)? {
        let entry = entry?;
        if entry.file_type()?.is_dir()
            && let Ok(lock) = Lock::acquire(&entry.path().join("lock"), Duration::ZERO)
        {
            dead.push(Claim { folder: entry.path(), lock });
        }
    }
    Ok(dead)
}

/// Removes a directory, also one in which a program has forbidden writing.
fn remove(directory: &Path) -> io::Result<()> {
    if fs::remove_dir_all(directory).is_ok() {
        return Ok(());
    }
    permit(directory)?;
    fs::remove_dir_all(directory)
}

fn permit(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            permit(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(home: &Path) -> usize {
        fs::read_dir(home).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
    }

    #[test]
    fn a_folder_lives_as_long_as_its_run() {
        let scratch = tempfile::tempdir().unwrap();
        let home = scratch.path().join("worktrees");
        let first = Claim::stake(&home).unwrap();
        let second = Claim::stake(&home).unwrap();
        assert_eq!(folders(&home), 2);
        fs::create_dir(first.folder().join("below")).unwrap();
        fs::write(first.folder().join("below/file"), "").unwrap();
        fs::set_permissions(first.folder().join("below"), fs::Permissions::from_mode(0o500)).unwrap();
        drop(first);
        assert_eq!(folders(&home), 1);
        drop(second);
        assert_eq!(folders(&home), 0);
    }

    #[test]
    fn what_the_dead_have_left_is_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let home = scratch.path().join("worktrees");
        let live = Claim::stake(&home).unwrap();
        fs::create_dir_all(home.join("run-killed/tree")).unwrap();
        fs::write(home.join("run-killed/lock"), "").unwrap();
        fs::create_dir(home.join("run-killed-early")).unwrap();
        // A program of a killed run goes on, with the lock as its standard input.
        let orphaned = home.join("run-orphaned");
        fs::create_dir(&orphaned).unwrap();
        let orphan = Lock::acquire(&orphaned.join("lock"), Duration::ZERO).unwrap();
        let next = Claim::stake(&home).unwrap();
        assert_eq!(folders(&home), 3);
        assert!(live.folder().exists() && next.folder().exists() && orphaned.exists());
        drop(orphan);
        drop(Claim::stake(&home).unwrap());
        assert!(!orphaned.exists());
    }
}
