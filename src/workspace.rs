//! The repository that a command works in: its configuration, its places, its Git.

use crate::{
    config::{self, Config, mistake::Mistake},
    git::{Git, GitError, Location},
    ledger::{Ledger, LedgerError, brief::Brief, lock::Lock, reader::Reader},
    places::{PlaceError, Places},
    text,
    watch::{Watch, WatchName},
};
use std::{
    collections::BTreeSet,
    env, fmt,
    path::{Path, PathBuf},
    time::Duration,
};

/// A repository, ready to be worked in.
#[derive(Debug)]
pub struct Workspace {
    /// The `git` program, in the repository.
    pub git: Git,
    /// Where Git says that the repository is.
    pub location: Location,
    /// Its watches and settings.
    pub config: Config,
    /// Its directories.
    pub places: Places,
}

/// Why a command cannot go on. Each kind has its exit status.
#[derive(Debug)]
pub enum Failure {
    /// The configuration is wrong.
    Configuration(Vec<Mistake>),
    /// The command line asks for what there is not; with what to do.
    Usage(String, Option<String>),
    /// Git refuses.
    Git(Box<GitError>),
    /// The directories cannot be used.
    Place(PlaceError),
    /// The ledger cannot be used.
    Ledger(LedgerError),
    /// Another process holds the lock.
    Busy(PathBuf),
    /// A run goes on although the `patch` that started it was killed; it keeps this file locked.
    Outlived(PathBuf),
    /// A run of `carry` cannot be brought to its end, or must not be; with what to do.
    Carry(String, Option<String>),
    /// What was asked for must not be done as things are; with what to do.
    Refused(String, Option<String>),
    /// A signal asked the program to end.
    Interrupted(i32),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(mistakes) => {
                write!(f, "the configuration has {} mistakes", mistakes.len())
            }
            Self::Usage(message, _) | Self::Carry(message, _) | Self::Refused(message, _) => f.write_str(message),
            Self::Git(error) => error.fmt(f),
            Self::Place(error) => error.fmt(f),
            Self::Ledger(error) => error.fmt(f),
            Self::Busy(path) => write!(f, "another run holds {}", path.display()),
            Self::Outlived(path) => {
                write!(f, "a run goes on whose `patch` was killed; it has {} open", path.display())
            }
            Self::Interrupted(signal) => write!(f, "ended by signal {signal}"),
        }
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// What to do about it, where whoever failed or Git says so.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Usage(_, hint) | Self::Carry(_, hint) | Self::Refused(_, hint) => hint.clone(),
            Self::Git(error) => Some(error.hint().into_owned()),
            _ => None,
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Locked(path) => Self::Busy(path),
            error => Self::Ledger(error),
        }
    }
}

impl From<GitError> for Failure {
    fn from(error: GitError) -> Self {
        Self::Git(Box::new(error))
    }
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Self {
        Self::Place(error)
    }
}

impl Workspace {
    /// The repository around `directory`, its configuration read.
    ///
    /// # Errors
    /// When there is none, or its configuration has mistakes.
    pub fn open(directory: Option<&Path>) -> Result<Self, Failure> {
        check_environment()?;
        let git = git_in(directory)?;
        let location = git.locate()?;
        let entries = git.config()?;
        let config = config::read(&entries).map_err(Failure::Configuration)?;
        let places = Places::of(&location.common_dir, config.settings.state_dir.as_deref(), |name| env::var_os(name));
        Ok(Self { git, location, config, places })
    }

    /// The watches of these names, or all.
    ///
    /// # Errors
    /// When there is no watch of a name, or none at all: the error says how to make one.
    pub fn watches(&self, names: &[WatchName]) -> Result<Vec<&Watch>, Failure> {
        let all = &self.config.watches;
        if all.is_empty() {
            return Err(Failure::Usage(
                "there is no watch, and no remote `upstream`".to_owned(),
                Some("make one: `patch watch add URL`, or `git remote add upstream URL`".to_owned()),
            ));
        }
        if names.is_empty() {
            return Ok(all.iter().collect());
        }
        // A name that is given twice is one watch: polled twice, its news would be recorded twice.
        let mut seen = BTreeSet::new();
        names.iter().filter(|name| seen.insert(*name)).map(|name| self.watch(name)).collect()
    }

    /// The watch of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn watch(&self, name: &WatchName) -> Result<&Watch, Failure> {
        self.config.watches.iter().find(|watch| watch.name == *name).ok_or_else(|| {
            let names: Vec<&str> = self.config.watches.iter().map(|watch| watch.name.as_str()).collect();
            let hint = match config::key::nearest(name.as_str(), names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => "there is none; make one with `patch watch add URL`".to_owned(),
                None => format!("the watches are {}", names.join(", ")),
            };
            Failure::Usage(format!("there is no watch `{name}`"), Some(hint))
        })
    }

    /// The ledger to act upon, its directory made if missing.
    ///
    /// # Errors
    /// When the directory or the ledger cannot be used.
    pub fn ledger(&self) -> Result<Ledger, Failure> {
        self.places.create()?;
        Ok(Ledger::open_settled(&self.places.state)?)
    }

    /// The ledger for reading: nothing is made.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn ledger_to_read(&self) -> Result<Ledger, Failure> {
        Ok(Ledger::open(&self.places.state)?)
    }

    /// What the ledger adds up to, for showing it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn brief(&self) -> Result<Brief, Failure> {
        Ok(Brief::open(&self.places.state)?)
    }

    /// The ledger's lines, for showing some of them.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn lines(&self) -> Result<Reader, Failure> {
        Ok(Reader::open(&self.places.state)?)
    }

    /// A lock in the state directory.
    ///
    /// # Errors
    /// [`Failure::Busy`] when another process holds it longer than `wait`.
    pub fn lock(&self, name: &str, wait: Duration) -> Result<Lock, Failure> {
        lock_in(&self.places.state, name, wait)
    }

    /// The lock that an intake holds, and whoever looks at what became of it: a second one waits 5 seconds.
    ///
    /// # Errors
    /// As [`Workspace::lock`].
    pub fn lock_intake(&self) -> Result<Lock, Failure> {
        lock_intake_in(&self.places.state)
    }

    /// Where a run works: the worktree, or the Git directory of a bare repository.
    #[must_use]
    pub fn work_dir(&self) -> &Path {
        self.location.worktree.as_deref().unwrap_or(&self.location.git_dir)
    }
}

/// As [`Workspace::lock_intake`], in a state directory.
///
/// # Errors
/// As [`Workspace::lock`].
pub fn lock_intake_in(state: &Path) -> Result<Lock, Failure> {
    lock_in(state, "intake.lock", Duration::from_secs(5))
}

/// A lock in a state directory.
///
/// # Errors
/// As [`Workspace::lock`].
pub fn lock_in(state: &Path, name: &str, wait: Duration) -> Result<Lock, Failure> {
    let path = state.join(name);
    Lock::acquire(&path, wait).map_err(|error| error.at(path).into())
}

/// Refuses variables that would name another directory from every place.
///
/// # Errors
/// When one is a relative path.
pub fn check_environment() -> Result<(), Failure> {
    for name in ["PATCH_STATE_DIR", "PATCH_CACHE_DIR"] {
        let value = env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(path) = value.filter(|path| !path.is_absolute()) {
            return Err(Failure::Usage(
                format!("{name} is not an absolute path: {}", text::printable(&path.to_string_lossy())),
                Some("a relative one would be another directory, and another ledger, from every place".to_owned()),
            ));
        }
    }
    Ok(())
}

/// The `git` program in `directory`, or here.
///
/// # Errors
/// When there is no such directory.
pub fn git_in(directory: Option<&Path>) -> Result<Git, Failure> {
    let here = env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let directory = directory.map_or(here.clone(), |directory| here.join(directory));
    if directory.is_dir() {
        return Ok(Git::in_directory(directory));
    }
    Err(Failure::Usage(
        format!("there is no directory {}", text::printable(&directory.to_string_lossy())),
        Some("name an existing one with `-C DIR`".to_owned()),
    ))
}
