//! Three-way merges of trees, in memory: one `git merge-tree` for all of a run.
//!
//! The answer is Git's own: its rename detection, its merge drivers, its conflict markers, the
//! user's `merge.*`. Nothing is ever resolved by picking a side.

use super::{
    coprocess::{Coprocess, Parsed},
    id::TreeId,
    path::TreePath,
    pick::{ConflictKind, ConflictedFile, Version},
};
use crate::git::GitError;
use std::{collections::BTreeMap, process::Command, time::Duration};

/// What a merge gave.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Merged {
    /// A tree.
    Clean(TreeId),
    /// A tree with conflict markers, and the files that conflict, by path.
    Conflicts(TreeId, Vec<ConflictedFile>),
}

/// The process that merges.
#[derive(Debug)]
pub struct Merger {
    helper: Coprocess,
    /// Answers of ours that are still to be read over.
    owed: usize,
}

impl Merger {
    /// Starts it; `command` is `git` up to, and without, the subcommand.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(mut command: Command, timeout: Duration) -> Result<Self, GitError> {
        command.args(["merge-tree", "--write-tree", "--stdin", "-z", "--messages", "--allow-unrelated-histories"]);
        Ok(Self { helper: Coprocess::start(command, "merge-tree", timeout)?, owed: 0 })
    }

    /// Merges what changed from `base` to `theirs` into `ours`.
    ///
    /// # Errors
    /// If Git cannot.
    pub fn merge(&mut self, base: &TreeId, ours: &TreeId, theirs: &TreeId) -> Result<Merged, GitError> {
        self.request(&format!("{base} -- {ours} {theirs}"), ours)
    }

    /// Merges two commits as `git merge` would, with their own merge bases.
    ///
    /// # Errors
    /// If Git cannot.
    pub fn merge_commits(&mut self, ours: &str, theirs: &str, any: &TreeId) -> Result<Merged, GitError> {
        self.request(&format!("{ours} {theirs}"), any)
    }

    /// One request, and behind it one that is trivial.
    ///
    /// Git flushes its output before the last byte of an answer: what follows has it come.
    fn request(&mut self, line: &str, any: &TreeId) -> Result<Merged, GitError> {
        let owed = self.owed;
        let merged = self.helper.ask(format!("{line}\n{any} -- {any} {any}\n").as_bytes(), |bytes| {
            let mut at = 0;
            for _ in 0..owed {
                let Some((_, length)) = answer(&bytes[at..])? else { return Ok(None) };
                at += length;
            }
            Ok(answer(&bytes[at..])?.map(|(merged, length)| (merged, at + length)))
        })?;
        self.owed = 1;
        Ok(merged)
    }
}

/// Reads the next field up to its NUL.
fn field<'a>(bytes: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let rest = &bytes[*at..];
    let end = rest.iter().position(|&byte| byte == 0)?;
    *at += end + 1;
    Some(&rest[..end])
}

/// Reads one answer: `status NUL tree NUL (mode id stage TAB path NUL)* NUL message* NUL`
/// (git-merge-tree(1), "OUTPUT" and "INPUT FORMAT").
fn answer(bytes: &[u8]) -> Parsed<Merged> {
    let mut at = 0;
    let Some(status) = field(bytes, &mut at) else { return Ok(None) };
    if status != b"0" && status != b"1" {
        return Err("it is not the status of a merge".to_owned());
    }
    let Some(tree) = field(bytes, &mut at) else { return Ok(None) };
    let tree = text(tree).parse::<TreeId>()?;
    let mut files = BTreeMap::<Vec<u8>, Found>::new();
    loop {
        let Some(entry) = field(bytes, &mut at) else { return Ok(None) };
        if entry.is_empty() {
            break;
        }
        stage(entry, &mut files)?;
    }
    loop {
        let Some(count) = field(bytes, &mut at) else { return Ok(None) };
        if count.is_empty() {
            break;
        }
        let count: usize = text(count).parse().map_err(|_| "the number of a message's paths is none".to_owned())?;
        let mut paths = Vec::new();
        for _ in 0..count {
            let Some(path) = field(bytes, &mut at) else { return Ok(None) };
            paths.push(path.to_vec());
        }
        let Some(kind) = field(bytes, &mut at) else { return Ok(None) };
        let Some(message) = field(bytes, &mut at) else { return Ok(None) };
        note(&paths, &text(kind), &text(message), &mut files);
    }
    let merged = if status == b"1" {
        Merged::Clean(tree)
    } else {
        Merged::Conflicts(tree, files.into_iter().map(|(path, found)| found.file(path)).collect())
    };
    Ok(Some((merged, at)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What is told of one path.
#[derive(Default)]
struct Found {
    stages: [Option<Version>; 3],
    kinds: Vec<String>,
    messages: Vec<String>,
}

fn stage(entry: &[u8], files: &mut BTreeMap<Vec<u8>, Found>) -> Result<(), String> {
    let parsed = || {
        let tab = entry.iter().position(|&byte| byte == b'\t')?;
        let head = std::str::from_utf8(&entry[..tab]).ok()?;
        let mut words = head.split(' ');
        let (mode, sha, stage) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse::<usize>().ok()?);
        Some((Version { mode: mode.to_owned(), sha }, stage.checked_sub(1).filter(|stage| *stage < 3)?, tab))
    };
    let (version, stage, tab) = parsed().ok_or("a conflicted file is not `mode id stage path`")?;
    files.entry(entry[tab + 1..].to_vec()).or_default().stages[stage] = Some(version);
    Ok(())
}

/// Keeps a conflict's kind and words with its file. Some conflicts name a path that has no stages.
fn note(paths: &[Vec<u8>], kind: &str, message: &str, files: &mut BTreeMap<Vec<u8>, Found>) {
    if !kind.starts_with("CONFLICT") {
        return;
    }
    let named = paths.iter().find(|path| files.contains_key(*path)).or(paths.first());
    let Some(path) = named else { return };
    let found = files.entry(path.clone()).or_default();
    found.kinds.push(kind.to_owned());
    found.messages.push(crate::text::printable(message.trim_end()));
}

impl Found {
    fn file(self, path: Vec<u8>) -> ConflictedFile {
        let kind = self.kind();
        let [base, ours, theirs] = self.stages;
        ConflictedFile {
            path: TreePath::new(path),
            kind,
            messages: self.messages,
            base,
            ours,
            theirs,
            upstream: Vec::new(),
        }
    }

    /// The kind by Git's words for it, which are stable; of several the one that says most.
    fn kind(&self) -> ConflictKind {
        let has = |words: &str| self.kinds.iter().any(|kind| kind.contains(words));
        let modes: Vec<&str> = self.stages.iter().flatten().map(|version| version.mode.as_str()).collect();
        let [base, ours, theirs] = &self.stages;
        if has("submodule") || modes.contains(&"160000") {
            ConflictKind::Submodule
        } else if has("rename/delete") {
            ConflictKind::RenameDelete
        } else if has("modify/delete") {
            ConflictKind::ModifyDelete
        } else if has("directory rename") {
            ConflictKind::DirectoryRename
        } else if has("rename") {
            ConflictKind::RenameRename
        } else if has("file/directory") || has("distinct") {
            ConflictKind::Type
        } else if has("binary") {
            ConflictKind::Binary
        } else if let (None, Some(_), Some(_)) = (base, ours, theirs) {
            ConflictKind::AddAdd
        } else if let (Some(_), Some(ours), Some(theirs)) = (base, ours, theirs)
            && ours.sha == theirs.sha
            && ours.mode != theirs.mode
        {
            ConflictKind::Mode
        } else if has("contents") {
            ConflictKind::Content
        } else {
            ConflictKind::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    #[test]
    fn answers_are_read_as_git_gives_them() {
        let tree: TreeId = A.parse().unwrap();
        let clean = format!("1\0{A}\0\0001\0f\0Auto-merging\0Auto-merging f\n\0\0");
        assert_eq!(answer(clean.as_bytes()), Ok(Some((Merged::Clean(tree.clone()), clean.len()))));
        for end in 0..clean.len() {
            assert_eq!(answer(&clean.as_bytes()[..end]), Ok(None), "{end}");
        }
        assert!(answer(b"2\0").is_err());
        assert!(answer(b"1\0nonsense\0").is_err());
        assert!(answer(format!("0\0{A}\0what\0").as_bytes()).is_err());
    }

    #[test]
    fn kinds_of_conflicts_are_told_apart() {
        #[track_caller]
        fn case(stages: &[(usize, &str)], kind: &str, expected: ConflictKind) {
            let stages: Vec<String> = stages.iter().map(|(stage, mode)| format!("{mode} {A} {stage}\tf\0")).collect();
            let stages = stages.concat();
            let bytes = format!("0\0{A}\0{stages}\0001\0f\0{kind}\0words\n\0\0");
            let Ok(Some((Merged::Conflicts(_, files), _))) = answer(bytes.as_bytes()) else { panic!("{bytes:?}") };
            assert_eq!((files.len(), files[0].kind), (1, expected));
            assert_eq!(files[0].messages, ["words"]);
        }
        let all = [(1, "100644"), (2, "100644"), (3, "100644")];
        case(&all, "CONFLICT (contents)", ConflictKind::Content);
        case(&all, "CONFLICT (binary)", ConflictKind::Binary);
        case(&all, "CONFLICT (what is new)", ConflictKind::Other);
        case(&all[1..], "CONFLICT (contents)", ConflictKind::AddAdd);
        case(&all[..2], "CONFLICT (modify/delete)", ConflictKind::ModifyDelete);
        case(&all[..2], "CONFLICT (rename/delete)", ConflictKind::RenameDelete);
        case(&all, "CONFLICT (rename/rename)", ConflictKind::RenameRename);
        case(&all, "CONFLICT (directory rename suggested)", ConflictKind::DirectoryRename);
        case(&all, "CONFLICT (file/directory)", ConflictKind::Type);
        case(&[(2, "120000")], "CONFLICT (distinct modes)", ConflictKind::Type);
        let modes = [(1, "100644"), (2, "100755"), (3, "100644")];
        case(&modes, "CONFLICT (contents)", ConflictKind::Mode);
        let submodule = [(1, "160000"), (2, "160000"), (3, "160000")];
        case(&submodule, "CONFLICT (submodule not initialized)", ConflictKind::Submodule);
    }
}
