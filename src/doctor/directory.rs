//! The directories of state and cache, and what lies in them: ours, private, writable, whole.

use super::{Finding, Health, Scene, mount, quoted};
use crate::private;
use rustix::fs::{Access, access};
use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
    process,
};

const CHECK: &str = "state";

/// The directories inside a state directory.
const INSIDE: [&str; 5] = ["runs", "events", "carry", "rr-cache", "worktrees"];

/// Those of them whose files are ours. The others hold Git's own, and a repository's.
const OURS: [&str; 3] = ["runs", "events", "carry"];

/// The state directory, what is around it and in it, and the caches.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let Some(places) = &scene.places else { return Vec::new() };
    let mut findings = of_directory(&places.state);
    if fs::symlink_metadata(&places.state).is_ok_and(|state| state.is_dir()) {
        findings.extend(INSIDE.iter().filter_map(|name| inner(&places.state.join(name))));
        findings.extend(contents(&places.state));
    }
    for cache in [&places.cache, &places.hosts] {
        findings.extend(inner(cache));
        findings.extend(contents(cache));
    }
    if findings.iter().all(|finding| finding.health == Health::Ok) {
        findings.extend(kept(&places.state));
    }
    findings
}

/// The directory itself.
fn of_directory(path: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    match fs::symlink_metadata(path) {
        Ok(metadata) => match judged(path, &metadata, true) {
            Some(finding) => findings.push(finding),
            None => findings.push(written(path)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let above = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
            findings.push(writable(above, format!("{} is made by the first poll", path.display())));
        }
        Err(error) => findings.push(unreadable(path, &error)),
    }
    findings.extend(open_to_all(path));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let existing = path.ancestors().find_map(|path| path.canonicalize().ok()).unwrap_or_default();
    if let Some(kind) = mount::network(&mounts, &existing) {
        let found = format!(
            "{} is on {kind}: two machines are kept apart, and power loss survived, only as far as its server's locks \
             and fsync are true",
            path.display()
        );
        findings.push(Finding::warning(CHECK, found).fix("git config patch.stateDir /a/local/directory"));
    }
    findings
}

/// A directory inside, or a cache: all is well if it is not there yet.
fn inner(path: &Path) -> Option<Finding> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => judged(path, &metadata, true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(unreadable(path, &error)),
    }
}

/// What is wrong with the files in a directory.
fn contents(directory: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let ours = OURS.iter().map(|name| directory.join(name));
    for folder in [directory.to_owned()].into_iter().chain(ours) {
        // Through a link nothing is read that may be somebody else's.
        if !fs::symlink_metadata(&folder).is_ok_and(|folder| folder.is_dir()) {
            continue;
        }
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                findings.push(unreadable(&folder, &error));
                continue;
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let directories = INSIDE.map(|name| directory.join(name));
        for path in paths.iter().filter(|path| !directories.contains(path)) {
            findings.extend(fs::symlink_metadata(path).ok().and_then(|metadata| judged(path, &metadata, false)));
        }
    }
    findings
}

/// What is wrong with one of our files or directories.
fn judged(path: &Path, metadata: &Metadata, directory: bool) -> Option<Finding> {
    let (shown, name) = (path.display(), quoted(path));
    let kind = metadata.file_type();
    if if directory { !kind.is_dir() } else { !kind.is_file() } {
        let (is, should) = (kind_of(metadata), if directory { "a directory" } else { "a file" });
        let found = format!("{shown} is {is} where {should} of ours belongs");
        return Some(Finding::broken(CHECK, found).fix(format!("mv -- {name} {name}.aside")));
    }
    let own = rustix::process::geteuid().as_raw();
    if metadata.uid() != own {
        let found = format!("{shown} belongs to the user {}, and we are {own}", metadata.uid());
        return Some(Finding::broken(CHECK, found).fix(format!("sudo chown -R {own} -- {name}")));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        let wanted = if directory { 700 } else { 600 };
        let found = format!("{shown} has mode {mode:03o}: others may get at it");
        return Some(Finding::warning(CHECK, found).fix(format!("chmod {wanted} -- {name}")));
    }
    if !directory && metadata.nlink() > 1 {
        let found = format!("{shown} has {} names: whoever has another one can change it", metadata.nlink());
        return Some(Finding::warning(CHECK, found).fix(format!("find / -xdev -samefile {name}")));
    }
    None
}

fn kind_of(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    match () {
        () if kind.is_symlink() => "a symbolic link",
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a fifo",
        () if kind.is_socket() => "a socket",
        () if kind.is_block_device() || kind.is_char_device() => "a device",
        () => "a file",
    }
}

/// Writes a file there and takes it away again: permissions do not tell of a full disk or a quota.
fn written(path: &Path) -> Finding {
    let scratch = path.join(format!(".doctor-{}.new", process::id()));
    let done = private::create(&scratch, b"written by `patch doctor`\n").and_then(|()| fs::remove_file(&scratch));
    match done {
        Ok(()) => Finding::ok(CHECK, format!("{} is ours alone", path.display())),
        Err(error) => {
            let fix = match error.kind() {
                io::ErrorKind::PermissionDenied => format!("chmod u+rwx -- {}", quoted(path)),
                _ => format!("df -h -- {}", quoted(path)),
            };
            Finding::broken(CHECK, format!("{} cannot be written: {error}", path.display())).fix(fix)
        }
    }
}

fn writable(path: &Path, well: String) -> Finding {
    match access(path, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok(CHECK, well),
        Err(error) => {
            let found = format!("{} cannot be written: {}", path.display(), io::Error::from(error));
            Finding::broken(CHECK, found).fix(format!("chmod u+rwx -- {}", quoted(path)))
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    Finding::broken(CHECK, format!("{} cannot be looked at: {error}", path.display()))
        .fix(format!("ls -la -- {}", quoted(path.parent().unwrap_or(path))))
}

/// Who may write above it can put another directory in its place, unless the sticky bit forbids it.
fn open_to_all(path: &Path) -> Option<Finding> {
    let open = path.ancestors().skip(1).find(|above| {
        fs::metadata(above).is_ok_and(|above| above.is_dir() && above.mode() & 0o002 != 0 && above.mode() & 0o1000 == 0)
    })?;
    let found = format!("anybody may write in {}, and so put something else in the place of our state", open.display());
    Some(Finding::warning(CHECK, found).fix(format!("chmod o-w -- {}", quoted(open))))
}

/// The copies of damaged or torn ledgers that are kept.
fn kept(state: &Path) -> Option<Finding> {
    let names = fs::read_dir(state).ok()?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let kept = names.filter(|name| name.starts_with("ledger-damaged-") || name.starts_with("torn-")).count();
    (kept > 0).then(|| Finding::ok(CHECK, format!("{kept} set aside of the ledger: torn-*, ledger-damaged-*")))
}
