//! Why the ledger cannot be used, and what to do about it.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Why the ledger cannot be used.
#[derive(Debug)]
pub enum LedgerError {
    /// A line before the last is not a record; nothing was changed.
    Damaged {
        /// The ledger.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        detail: String,
    },
    /// A line was written by a later version of the format.
    Newer {
        /// The ledger.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The format's version.
        version: u32,
    },
    /// Another process kept the ledger locked.
    Locked(PathBuf),
    /// The file system of this lock file has no locks.
    NoLocks(PathBuf),
    /// The file system did not answer.
    Unanswered {
        /// The lock file.
        path: PathBuf,
        /// How long it was waited for.
        after: Duration,
    },
    /// The file system refused.
    Io {
        /// What was tried, such as `cannot read`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
}

impl LedgerError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { action, path, error }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Damaged { .. } => {
                "nothing was changed; `patch doctor` names every damaged line, and `patch doctor --repair` leaves them out \
                 and keeps the whole file beside it"
                    .to_owned()
            }
            Self::Newer { .. } => "use the newer version of `patch`".to_owned(),
            Self::Locked(_) => "try again later".to_owned(),
            Self::NoLocks(_) => {
                "keep the state on a local disk, or mount this one with locks: `git config patch.stateDir DIR` or \
                 PATCH_STATE_DIR names a directory"
                    .to_owned()
            }
            Self::Unanswered { .. } => {
                "see that the server of this file system is there, or keep the state on a local disk: `git config \
                 patch.stateDir DIR` or PATCH_STATE_DIR; nothing is lost"
                    .to_owned()
            }
            Self::Io { error, .. } => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room; nothing is lost, the next poll finds the same news again".to_owned()
                }
                io::ErrorKind::FileTooLarge => "allow larger files (`ulimit -f`); nothing is lost, the next poll finds the \
                                                same news again"
                    .to_owned(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "make it writable, or name another directory: `git config patch.stateDir DIR` or PATCH_STATE_DIR"
                        .to_owned()
                }
                _ => "see that the state directory is sound; PATCH_STATE_DIR names another".to_owned(),
            },
        }
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { path, line, detail } => {
                write!(f, "the ledger is damaged: {}, line {line}: {detail}", path.display())
            }
            Self::Newer { path, line, version } => {
                write!(
                    f,
                    "{}, line {line} has format version {version}, which this program does not know",
                    path.display()
                )
            }
            Self::Locked(path) => write!(f, "another process keeps {} locked", path.display()),
            Self::NoLocks(path) => write!(f, "cannot lock {}: its file system has no locks", path.display()),
            Self::Unanswered { path, after } => {
                write!(f, "cannot lock {}: its file system did not answer within {} s", path.display(), after.as_secs())
            }
            Self::Io { action, path, error } => write!(f, "{action} {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for LedgerError {}
