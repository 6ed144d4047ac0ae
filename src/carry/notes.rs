//! Notes: what people have written about a commit goes with it.

use super::{id::CommitId, repository::Repository};
use crate::workspace::Failure;
use std::{collections::BTreeMap, fmt::Write};

/// Copies the notes of old commits to new ones, in every notes ref that has some.
///
/// Git copies notes at a rebase only if `notes.rewriteRef` says so; who carries patches for years
/// does not want to find that out then. A new commit that has the same note already is passed over.
/// The caller holds a lock: two writers of one notes ref could lose a note.
///
/// # Errors
/// If Git cannot read or write them.
pub fn copy(repository: &Repository, pairs: &[(CommitId, CommitId)]) -> Result<(), Failure> {
    let listed = repository.text(&["for-each-ref", "--format=%(refname)", "refs/notes/"])?;
    for name in listed.lines() {
        let reference = format!("--ref={name}");
        let notes = repository.text(&["notes", &reference, "list"])?;
        let notes: BTreeMap<&str, &str> =
            notes.lines().filter_map(|line| line.split_once(' ')).map(|(note, on)| (on, note)).collect();
        let mut copies = String::new();
        for (old, new) in pairs {
            if let Some(note) = notes.get(old.as_str())
                && notes.get(new.as_str()) != Some(note)
            {
                writeln!(copies, "{old} {new}").expect("a String takes every character");
            }
        }
        if copies.is_empty() {
            continue;
        }
        let mut command = repository.command(&["notes", &reference, "copy", "--force", "--stdin"])?;
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "patch.moi").env(format!("GIT_{who}_EMAIL"), "patch@patch.moi");
        }
        repository.answer_of(command, "notes", copies.as_bytes())?;
    }
    Ok(())
}
