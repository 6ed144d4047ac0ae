//! A conflict laid out in a worktree as Git leaves one, and what came of it.

use super::{
    id::TreeId,
    markers::Sides,
    path::TreePath,
    pick::{Conflict, ConflictKind, ConflictedFile, Version},
    repository::Repository,
    worktree::{Worktree, failed},
};
use crate::{git::GitError, workspace::Failure};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::PermissionsExt,
    },
    path::{Component, Path},
};

/// How many files of the tree are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent {
    /// All of them.
    Everything,
    /// Those that conflict.
    Conflicted,
}

/// Puts the conflict into the index as stages and into the files with markers.
///
/// # Errors
/// When Git cannot.
pub fn lay_out(worktree: &Worktree, conflict: &Conflict, extent: Extent) -> Result<(), Failure> {
    let tree = conflict.tree.as_str();
    match extent {
        Extent::Everything => worktree.run("read-tree", &["read-tree", "-u", "--reset", tree]).map(drop)?,
        Extent::Conflicted => {
            worktree.run("read-tree", &["read-tree", "--reset", tree])?;
            write(worktree, conflict, &conflict.tree)?;
        }
    }
    let null = "0".repeat(tree.len());
    let mut entries = Vec::new();
    for file in &conflict.files {
        let mut entry = |mode: &str, sha: &str, stage: usize| {
            entries.extend(format!("{mode} {sha} {stage}\t").bytes());
            entries.extend(file.path.as_bytes());
            entries.push(0);
        };
        entry("0", &null, 0);
        for (index, version) in stages(file).into_iter().enumerate() {
            if let Some(version) = version {
                entry(&version.mode, version.sha.as_str(), index + 1);
            }
        }
    }
    worktree.feed("update-index", &["update-index", "-z", "--index-info"], &entries)?;
    Ok(())
}

/// Writes the conflicted files that are plain files as `tree` has them.
///
/// # Errors
/// When one cannot be read or written, or has a path that no checkout may have.
pub fn write(worktree: &Worktree, conflict: &Conflict, tree: &TreeId) -> Result<(), Failure> {
    let listing = worktree.run("ls-tree", &["ls-tree", "-r", "-z", "--full-tree", tree.as_str()])?;
    let entries = entries(&listing)?;
    for file in &conflict.files {
        let Some(version) = entries.get(&file.path).filter(|version| is_file(version)) else { continue };
        let path = worktree.path().join(checked(&file.path)?);
        let name = [b"--path=", file.path.as_bytes()].concat();
        let name = OsString::from_vec(name);
        // As a checkout writes it: line ends, filters.
        let content = worktree.run(
            "cat-file",
            &[OsStr::new("cat-file"), OsStr::new("--filters"), &name, OsStr::new(version.sha.as_str())],
        )?;
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(worktree.path()))?;
            fs::write(&path, content)?;
            let mode = if version.mode.ends_with("755") { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))
        };
        write().map_err(|error: io::Error| failed("cannot write", &path, error))?;
    }
    Ok(())
}

/// A path that stays inside a worktree and out of its Git directory.
fn checked(path: &TreePath) -> Result<&Path, GitError> {
    let relative = Path::new(OsStr::from_bytes(path.as_bytes()));
    let inside =
        relative.components().all(|part| matches!(part, Component::Normal(name) if !name.eq_ignore_ascii_case(".git")));
    let reason = format!("{path} is no path of a file");
    if inside { Ok(relative) } else { Err(GitError::Refused { reason }) }
}

/// The files of a tree, as `git ls-tree -r -z` lists them.
///
/// # Errors
/// When the listing is not understood.
pub fn entries(listing: &[u8]) -> Result<BTreeMap<TreePath, Version>, GitError> {
    let entry = |line: &[u8]| {
        let tab = line.iter().position(|&byte| byte == b'\t')?;
        let head = std::str::from_utf8(&line[..tab]).ok()?;
        let mut words = head.split(' ');
        let (mode, _, sha) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
        Some((TreePath::new(&line[tab + 1..]), Version { mode: mode.to_owned(), sha }))
    };
    let unreadable = || GitError::Unreadable { task: "ls-tree", reason: "it is no listing of a tree".to_owned() };
    let lines = listing.split(|&byte| byte == 0).filter(|line| !line.is_empty());
    lines.map(|line| entry(line).ok_or_else(unreadable)).collect()
}

/// Where the first conflict marker stands that a resolution has left: the file, and the line from 1.
///
/// # Errors
/// When an object cannot be read.
pub fn marker_left(
    repository: &Repository,
    conflict: &Conflict,
    resolved: &TreeId,
) -> Result<Option<(TreePath, usize)>, GitError> {
    let of = |tree: &TreeId| entries(&repository.output(&["ls-tree", "-r", "-z", "--full-tree", tree.as_str()])?);
    let (marked, resolved) = (of(&conflict.tree)?, of(resolved)?);
    let blob = |version: Option<&Version>| match version.filter(|version| is_file(version)) {
        Some(version) => repository.output(&["cat-file", "blob", version.sha.as_str()]),
        None => Ok(Vec::new()),
    };
    for file in &conflict.files {
        let (Some(before), Some(after)) = (marked.get(&file.path), resolved.get(&file.path)) else { continue };
        let [base, ours, theirs] = stages(file).map(blob);
        let (base, ours, theirs, marked) = (base?, ours?, theirs?, blob(Some(before))?);
        let sides = Sides { base: &base, ours: &ours, theirs: &theirs, marked: &marked };
        if let Some(line) = sides.left_in(&blob(Some(after))?) {
            return Ok(Some((file.path.clone(), line)));
        }
    }
    Ok(None)
}

/// The versions of a file in the order of the index's stages 1, 2 and 3.
fn stages(file: &ConflictedFile) -> [Option<&Version>; 3] {
    [file.base.as_ref(), file.ours.as_ref(), file.theirs.as_ref()]
}

/// Whether two plain files conflict in their lines, and in nothing else.
#[must_use]
pub fn is_textual(file: &ConflictedFile) -> bool {
    let are_files = [&file.ours, &file.theirs].into_iter().all(|version| version.as_ref().is_some_and(is_file));
    matches!(file.kind, ConflictKind::Content | ConflictKind::AddAdd) && are_files
}

/// Whether it is a plain file, executable or not.
fn is_file(version: &Version) -> bool {
    version.mode.starts_with("100")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        #[track_caller]
        fn case(path: &str, inside: bool) {
            assert_eq!(checked(&TreePath::new(path)).is_ok(), inside, "{path}");
        }
        case("a/b", true);
        case(".gitignore", true);
        case("../a", false);
        case("a/../../b", false);
        case("/etc/passwd", false);
        case(".git/config", false);
        case("a/.GIT/config", false);
    }

    #[test]
    fn listings_are_read() {
        let sha = "a".repeat(40);
        let listing = format!("100644 blob {sha}\ta b\0160000 commit {sha}\tc\n\0");
        let entries = entries(listing.as_bytes()).unwrap();
        assert_eq!(entries.keys().map(TreePath::as_bytes).collect::<Vec<_>>(), [&b"a b"[..], b"c\n"]);
        assert!(is_file(&entries[&TreePath::new("a b")]) && !is_file(&entries[&TreePath::new("c\n")]));
        assert!(super::entries(b"nonsense\0").is_err());
    }
}
