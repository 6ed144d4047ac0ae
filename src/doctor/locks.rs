//! Who holds our locks. A lock cannot be stale: it goes with the process that holds it.

use super::{Finding, Scene};
use crate::ledger::lock::{Lock, LockError};
use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

const CHECK: &str = "locks";

/// A process that has a lock's file open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holder {
    id: u32,
    name: String,
}

/// A lock that is held.
#[derive(Debug)]
pub struct Held {
    /// Its file.
    pub path: PathBuf,
    /// By whom, as far as we may see; a child of a run may have its file as well.
    pub by: Vec<Holder>,
}

/// The locks that are held, and the runs that outlived their `patch`.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let Some(places) = &scene.places else { return Vec::new() };
    let held = held(&places.state);
    let mut findings: Vec<Finding> = held.iter().map(|lock| told(lock, &held)).collect();
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "nobody holds one"));
    }
    findings
}

fn told(lock: &Held, all: &[Held]) -> Finding {
    let who: Vec<String> = lock.by.iter().map(|holder| format!("process {} ({})", holder.id, holder.name)).collect();
    let who = if who.is_empty() { "a process that we may not see".to_owned() } else { who.join(", ") };
    let path = lock.path.display();
    let outlived = lock.path.extension().is_some_and(|end| end == "input")
        && all.iter().all(|other| other.path != lock.path.with_extension("lock"));
    if !outlived {
        return Finding::ok(CHECK, format!("{path} is held by {who}"));
    }
    // A run leads a process group of its own: it and its descendants have the file open.
    let groups = lock.by.iter().filter_map(|holder| group(holder.id));
    let fix = groups.min().map_or(format!("fuser {}", super::quoted(&lock.path)), |group| format!("kill -- -{group}"));
    let found = format!("a run goes on whose `patch` was killed: {who} has {path} open; wait for it, or end it");
    Finding::warning(CHECK, found).fix(fix)
}

fn group(process: u32) -> Option<i32> {
    let process = rustix::process::Pid::from_raw(i32::try_from(process).ok()?)?;
    Some(rustix::process::getpgid(Some(process)).ok()?.as_raw_nonzero().get())
}

/// The locks in the state directory that are held now.
pub fn held(state: &Path) -> Vec<Held> {
    let mut paths = vec![state.join("intake.lock"), state.join("ledger.lock")];
    let mut runs: Vec<PathBuf> = fs::read_dir(state.join("runs"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "lock" || end == "input"))
        .collect();
    runs.sort();
    paths.extend(runs);
    let locks = fs::read_to_string("/proc/locks");
    paths.into_iter().filter_map(|path| Some(Held { by: holders(&path, &locks)?, path })).collect()
}

/// Who holds the lock, if somebody does. `locks` is `/proc/locks`; without it the lock is tried.
fn holders(path: &Path, locks: &io::Result<String>) -> Option<Vec<Holder>> {
    let metadata = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    let Ok(locks) = locks else {
        return matches!(Lock::acquire(path, Duration::ZERO), Err(LockError::Held)).then(Vec::new);
    };
    let device = (rustix::fs::major(metadata.dev()), rustix::fs::minor(metadata.dev()));
    let same_device = flocked(locks, metadata.ino(), device)?;
    let by = open_by(path);
    // Some file systems show another device in stat(2) than in the table.
    (same_device || !by.is_empty()).then_some(by)
}

/// Whether the table (`proc_locks(5)`) has a flock of a file with this inode, and if so, of this device.
fn flocked(locks: &str, inode: u64, device: (u32, u32)) -> Option<bool> {
    let mut found = None;
    for line in locks.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, _, file, ..] = words[..] else { continue };
        let mut parts = file.split(':');
        let mut hex = || u32::from_str_radix(parts.next()?, 16).ok();
        let (Some(major), Some(minor)) = (hex(), hex()) else { continue };
        if parts.next().and_then(|text| text.parse().ok()) == Some(inode) {
            found = Some(found == Some(true) || (major, minor) == device);
        }
    }
    found
}

/// The other processes that have the file open, as far as we may see.
fn open_by(path: &Path) -> Vec<Holder> {
    let Ok(path) = path.canonicalize() else { return Vec::new() };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut found: Vec<Holder> = ids
        .filter(|id| *id != process::id())
        .filter(|id| {
            let files = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
            files.filter_map(|file| fs::read_link(file.path()).ok()).any(|target| target == path)
        })
        .map(|id| {
            let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
            Holder { id, name: name.trim_end().to_owned() }
        })
        .collect();
    found.sort_by_key(|holder| holder.id);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_tells_which_files_are_locked() {
        #[track_caller]
        fn case(table: &str, inode: u64, expected: Option<bool>) {
            assert_eq!(flocked(table, inode, (0xfe, 0)), expected, "{inode}");
        }
        let table = "\
1: FLOCK  ADVISORY  WRITE 4612 fe:00:101 0 EOF
1: -> FLOCK  ADVISORY  WRITE 4613 fe:00:101 0 EOF
2: POSIX  ADVISORY  WRITE 12 fe:00:102 0 EOF
3: FLOCK  ADVISORY  READ 0 00:2a:103 0 EOF
nonsense
";
        case(table, 101, Some(true));
        case(table, 102, None);
        case(table, 103, Some(false));
        case(table, 1, None);
        case("", 101, None);
    }
}
