//! Repair: the damaged lines left out, the original kept whole beside the ledger.

use super::{
    Ledger, LedgerError,
    damage::{self, Damage, What},
    file, index,
};
use crate::{private, time::Timestamp};
use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

/// What a repair did.
#[derive(Debug)]
pub struct Repaired {
    /// Where the ledger is kept as it was.
    pub original: PathBuf,
    /// The lines that were left out or split.
    pub damages: Vec<Damage>,
}

/// Repairs the ledger in `directory`, under its lock; `None` if nothing is damaged, and nothing was changed.
///
/// The original is durable before the index is dropped, and that before the ledger is replaced at
/// once: whenever this is killed, the old ledger or the new one is there, whole.
///
/// # Errors
/// When a line is of a later version, whose meaning is not known, or the file system refuses.
pub fn repair(directory: &Path, now: Timestamp) -> Result<Option<Repaired>, LedgerError> {
    let ledger = Ledger::unread(directory);
    let path = ledger.path();
    let _lock = ledger.lock()?;
    let mut bytes = Vec::new();
    let Some(mut file) = private::open_read(&path).map_err(LedgerError::io("cannot read", &path))? else {
        return Ok(None);
    };
    file.read_to_end(&mut bytes).map_err(LedgerError::io("cannot read", &path))?;
    let scan = damage::scan(&bytes);
    for damage in &scan.damages {
        if let What::Newer(version) = damage.what {
            return Err(LedgerError::Newer { path, line: damage.line, version });
        }
    }
    if scan.damages.is_empty() {
        return Ok(None);
    }
    // What is about to take the ledger's place must be one.
    file::parse(&scan.mended, &path, 0)?;
    let original = keep(directory, now, &bytes)?;
    drop_index(directory)?;
    private::replace(&path, ".ledger.new", &scan.mended)
        .and_then(|()| private::sync_dir(directory))
        .map_err(LedgerError::io("cannot write", &path))?;
    Ok(Some(Repaired { original, damages: scan.damages }))
}

/// Removes the index, which is made again from the ledger.
///
/// # Errors
/// When the file system refuses.
pub fn drop_index(directory: &Path) -> Result<(), LedgerError> {
    for file in index::files(directory) {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(LedgerError::io("cannot remove", &file)(error));
            }
            _ => {}
        }
    }
    private::sync_dir(directory).map_err(LedgerError::io("cannot sync", directory))
}

/// Keeps the bytes under a name that nothing has yet, durably.
fn keep(directory: &Path, now: Timestamp, bytes: &[u8]) -> Result<PathBuf, LedgerError> {
    let mut number = 0;
    loop {
        let suffix = if number == 0 { String::new() } else { format!("-{number}") };
        let path = directory.join(format!("ledger-damaged-{}{suffix}.jsonl", now.millis()));
        match private::create(&path, bytes).and_then(|()| private::sync_dir(directory)) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(LedgerError::io("cannot write", &path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: &str = "{\"v\":1,\"at\":\"2026-11-22T18:55:54.000Z\",\"kind\":\"gap\",\"watch\":\"x\",\"oldest\":\"v2\",\
                       \"message\":\"m\"}\n";

    fn now() -> Timestamp {
        "2026-11-22T18:55:54Z".parse().unwrap()
    }

    #[test]
    fn the_original_is_kept_whole_and_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = directory.path().join("ledger.jsonl");
        for damaged in [format!("x\n{GAP}"), format!("{GAP}y\n{GAP}")] {
            fs::write(&ledger, &damaged).unwrap();
            fs::write(directory.path().join("index.json"), "stale").unwrap();
            let repaired = repair(directory.path(), now()).unwrap().unwrap();
            assert_eq!(fs::read_to_string(&repaired.original).unwrap(), damaged);
            assert_eq!(fs::read_to_string(&ledger).unwrap().replace(GAP, ""), "");
            assert!(!directory.path().join("index.json").exists());
        }
        let kept = fs::read_dir(directory.path()).unwrap().filter(|entry| {
            entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with("ledger-damaged-1795373754000")
        });
        assert_eq!(kept.count(), 2);
    }

    #[test]
    fn a_whole_ledger_and_one_of_a_later_version_are_left_alone() {
        #[track_caller]
        fn case(text: &str, refused: bool) {
            let directory = tempfile::tempdir().unwrap();
            let ledger = directory.path().join("ledger.jsonl");
            fs::write(&ledger, text).unwrap();
            let repaired = repair(directory.path(), now());
            assert_eq!(matches!(repaired, Err(LedgerError::Newer { .. })), refused, "{repaired:?}");
            assert!(refused || repaired.unwrap().is_none());
            assert_eq!(fs::read_to_string(&ledger).unwrap(), text);
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "the ledger and its lock");
        }
        case("", false);
        case(&format!("{GAP}{GAP}"), false);
        case(&format!("oops\n{}{GAP}", GAP.replace("\"v\":1", "\"v\":2")), true);
    }
}
