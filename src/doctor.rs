//! `patch doctor`: what could be wrong, each thing with the command that mends it.
//!
//! Works where everything else refuses: what one check cannot read is a finding of that check, and
//! the others go on. A check is a function of the [`Scene`] in `CHECKS`.

mod channels;
mod clock;
mod directory;
mod failure;
mod fork;
mod index;
mod ledger;
mod locks;
mod mount;
mod name;
mod network;
mod parent;
mod programs;
mod refusals;
pub mod repair;
mod runs;
mod schedule;
mod sequence;
mod setup;
mod upstream;
mod workflow;

use crate::{
    config::{self, Config, mistake::Mistake},
    git::{ConfigEntry, Git, GitError, Location},
    ledger::{
        damage::{self, Scan},
        record::Record,
    },
    places::Places,
    private, text,
    time::Timestamp,
    workspace::{self, Failure},
};
use network::Answers;
use serde::Serialize;
use std::{
    borrow::Cow,
    env,
    io::{self, Read},
    path::Path,
};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Health {
    /// As it should be.
    Ok,
    /// It works, and somebody should look.
    Warning,
    /// It does not work.
    Broken,
}

impl Health {
    /// As it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Broken => "broken",
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// The check.
    pub check: &'static str,
    /// How bad it is.
    pub health: Health,
    /// What was found, one line.
    pub found: String,
    /// What mends it: a command, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The line of the ledger that it is about, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Where that line begins, in bytes from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
}

impl Finding {
    fn new(check: &'static str, health: Health, found: impl AsRef<str>) -> Self {
        Self { check, health, found: text::printable(found.as_ref()), fix: None, line: None, byte: None }
    }

    fn ok(check: &'static str, found: impl AsRef<str>) -> Self {
        Self::new(check, Health::Ok, found)
    }

    fn warning(check: &'static str, found: impl AsRef<str>) -> Self {
        Self::new(check, Health::Warning, found)
    }

    fn broken(check: &'static str, found: impl AsRef<str>) -> Self {
        Self::new(check, Health::Broken, found)
    }

    fn fix(self, fix: impl AsRef<str>) -> Self {
        Self { fix: Some(text::printable(fix.as_ref())), ..self }
    }

    fn line(self, line: u64) -> Self {
        Self { line: Some(line), ..self }
    }
}

/// The ledger as it was found.
#[derive(Debug)]
pub enum Found {
    /// There is none.
    Nothing,
    /// It cannot be read.
    Unreadable(io::Error),
    /// Its bytes, read to the end.
    Read(Scan),
}

/// What the checks look at: each part is there as far as it could be read.
#[derive(Debug)]
pub struct Scene {
    git: Git,
    location: Result<Location, GitError>,
    entries: Result<Vec<ConfigEntry>, GitError>,
    config: Result<Config, Vec<Mistake>>,
    environment: Result<(), Failure>,
    /// The directories; `None` without a repository.
    pub places: Option<Places>,
    ledger: Found,
    /// What the network answers; `None` where nobody was asked.
    answers: Option<Answers>,
    now: Timestamp,
}

/// The checks, in the order in which one thing stands on another.
const CHECKS: [fn(&Scene) -> Vec<Finding>; 18] = [
    setup::git,
    name::check,
    setup::repository,
    setup::configuration,
    parent::check,
    upstream::check,
    fork::check,
    workflow::check,
    programs::check,
    channels::check,
    directory::check,
    ledger::check,
    index::check,
    clock::check,
    locks::check,
    runs::check,
    refusals::check,
    schedule::check,
];

impl Scene {
    /// Looks at the repository around `directory`.
    ///
    /// # Errors
    /// When there is no such directory.
    pub fn look(directory: Option<&Path>, now: Timestamp) -> Result<Self, Failure> {
        let git = workspace::git_in(directory)?;
        let location = git.locate();
        let entries = git.config();
        let known = entries.as_deref().unwrap_or_default();
        let configured = config::state_dir(known);
        let environment = workspace::check_environment();
        let usable = location.as_ref().ok().filter(|_| environment.is_ok());
        let places =
            usable.map(|location| Places::of(&location.common_dir, configured.as_deref(), |name| env::var_os(name)));
        let ledger = places.as_ref().map_or(Found::Nothing, |places| read(&places.state.join("ledger.jsonl")));
        let config = config::read(known);
        Ok(Self { git, location, entries, config, environment, places, ledger, answers: None, now })
    }

    /// Asks the network what the checks want to know of it.
    ///
    /// `progress` is told how many of how many upstreams have answered.
    pub fn ask(&mut self, progress: &(dyn Fn(usize, usize) + Sync)) {
        self.answers = Some(network::ask(self, progress));
    }

    /// The sound records of the ledger, in their order.
    fn records(&self) -> impl Iterator<Item = &Record> {
        let records = match &self.ledger {
            Found::Read(scan) => scan.records.as_slice(),
            Found::Nothing | Found::Unreadable(_) => &[],
        };
        records.iter().map(|(_, record)| record)
    }

    /// The findings of every check.
    #[must_use]
    pub fn examine(&self) -> Vec<Finding> {
        CHECKS.iter().flat_map(|check| check(self)).collect()
    }
}

fn read(path: &Path) -> Found {
    let mut bytes = Vec::new();
    match private::open_read(path) {
        Ok(None) => Found::Nothing,
        Ok(Some(mut file)) => match file.read_to_end(&mut bytes) {
            Ok(_) => Found::Read(damage::scan(&bytes)),
            Err(error) => Found::Unreadable(error),
        },
        Err(error) => Found::Unreadable(error),
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    quoted_text(&path.to_string_lossy())
}

/// A word as a shell takes it.
fn quoted_text(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| text.to_owned(), Cow::into_owned)
}
