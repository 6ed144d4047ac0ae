//! The `git` program: the user's configuration, and everything on Git's network.
//!
//! Credentials, ssh, proxies, `insteadOf` and partial clones then work as the user's own Git does.
//! Every invocation is unattended: it never asks, never waits on a terminal, has a deadline, and
//! speaks English so that it can be understood.

mod commit;
mod config;
mod edit;
mod error;
mod fetch;
mod local;
mod locate;
mod push;
mod remote;
mod search;
mod words;

use crate::child::{self, Exit, Finished, Input, Limits};
use crate::parse::refs::is_sha;
use crate::text::printable;
use config::ssh_command_is_set;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

pub use commit::Commit;
pub(crate) use config::parse as parse_config;
pub use config::{ConfigEntry, remotes};
pub use edit::Scope;
pub use error::GitError;
pub use fetch::read_refs;
pub use locate::Location;
pub use push::Pushed;
pub use remote::checked_remote;
pub use words::redacted;

/// How long a command without a network may take.
pub(crate) const LOCAL: Duration = Duration::from_secs(60);

/// How many bytes of each output are kept; refs are about 70 bytes each.
const OUTPUT_LIMIT: usize = 16 << 20;

/// How many bytes of a remote's complaints are kept.
const ERRORS_LIMIT: usize = 64 << 10;

/// How many bytes of a remote's refs are taken: far more than [`crate::parse::refs::MOST`] refs need.
const REFS_LIMIT: u64 = 24 << 20;

/// Bytes of memory for each process that reads a remote's refs. Git holds all of them before it
/// prints the first; a credential helper, which may be a large program, counts by itself.
const REFS_MEMORY: u64 = 1 << 30;

/// How many bytes of what a command says on standard error are looked at; a remote may say anything.
const SAID_LIMIT: usize = 64 << 10;

/// Git as seen from one directory.
///
/// Share one: what it has learned of the configuration saves a process a call.
#[derive(Clone, Debug)]
pub struct Git {
    directory: PathBuf,
    /// What tests set besides; nothing otherwise.
    environment: Vec<(OsString, OsString)>,
    /// Whether the configuration chooses an ssh command.
    ssh_chosen: OnceLock<bool>,
}

impl Git {
    /// Git as if started in `directory`.
    #[must_use]
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), environment: Vec::new(), ssh_chosen: OnceLock::new() }
    }

    /// The same with an environment variable set, before our own.
    #[cfg(test)]
    fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((key.into(), value.into()));
        self
    }

    /// A command to be completed by its arguments, unattended.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("git");
        command
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            // We parse some of the words. Ref names pass through as bytes in any locale.
            .env("LC_ALL", "C")
            .env_remove("LANGUAGE")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GCM_INTERACTIVE", "never")
            // GIT_ASKPASS is a deliberate choice, common in CI; the desktop's dialogue is not.
            .env("SSH_ASKPASS_REQUIRE", "never")
            .env_remove("SSH_ASKPASS")
            .arg("-C")
            .arg(&self.directory);
        command
    }

    /// A command that may reach a remote, over ssh perhaps.
    pub(crate) fn network_command(&self) -> Result<Command, GitError> {
        let mut command = self.command();
        if !self.ssh_is_chosen()? {
            // Or ssh asks on the terminal for passwords and unknown hosts.
            command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
        }
        Ok(command)
    }

    /// Whether the user says how ssh is run, which nobody but the user then changes.
    fn ssh_is_chosen(&self) -> Result<bool, GitError> {
        let set = |key: &str| self.environment.iter().any(|(name, _)| name == key) || env::var_os(key).is_some();
        if set("GIT_SSH_COMMAND") || set("GIT_SSH") {
            return Ok(true);
        }
        if let Some(chosen) = self.ssh_chosen.get() {
            return Ok(*chosen);
        }
        Ok(ssh_command_is_set(&self.config()?))
    }

    /// Runs a command that must succeed; what it printed.
    pub(crate) fn output(&self, command: Command, task: &'static str, timeout: Duration) -> Result<Vec<u8>, GitError> {
        self.taken(finish(command, task, timeout)?, task)
    }

    /// As [`Git::output`], for a command that is given `input`.
    pub(crate) fn answer(
        &self,
        command: Command,
        input: &[u8],
        task: &'static str,
        timeout: Duration,
    ) -> Result<Vec<u8>, GitError> {
        self.taken(finish_given(command, task, spooled(input, task)?, timeout)?, task)
    }

    /// What a command printed, all of it, if it succeeded.
    pub(crate) fn taken(&self, finished: Finished, task: &'static str) -> Result<Vec<u8>, GitError> {
        if !finished.exit.is_success() {
            return Err(self.failure(task, &finished));
        }
        if finished.stdout.omitted > 0 {
            let reason =
                format!("it printed {} bytes, {} are the limit", finished.stdout.printed(), output_limit(task));
            return Err(GitError::Unreadable { task, reason });
        }
        Ok(finished.stdout.head)
    }

    /// The kind of failure that Git's words tell.
    pub(crate) fn failure(&self, task: &'static str, finished: &Finished) -> GitError {
        GitError::classify(task, &self.directory, finished.exit, &finished.stderr.lossy())
    }
}

/// Runs a command to its end, whatever its exit status.
pub(crate) fn finish(command: Command, task: &'static str, timeout: Duration) -> Result<Finished, GitError> {
    finish_with(command, Input::Null, task, timeout)
}

/// A file without a name that holds `bytes`, for a standard input: a pipe would hold 64 KiB, and an event may
/// be longer.
pub(crate) fn spooled(bytes: &[u8], task: &'static str) -> Result<File, GitError> {
    let spool = || {
        let mut file = tempfile::tempfile()?;
        file.write_all(bytes)?;
        file.rewind()?;
        Ok(file)
    };
    spool().map_err(|error: io::Error| GitError::Input { task, reason: error.to_string() })
}

/// As [`finish`], with a file for its standard input.
pub(crate) fn finish_given(
    command: Command,
    task: &'static str,
    input: File,
    timeout: Duration,
) -> Result<Finished, GitError> {
    finish_with(command, Input::File(input), task, timeout)
}

fn finish_with(command: Command, input: Input, task: &'static str, timeout: Duration) -> Result<Finished, GitError> {
    let finished = child::run(command, input, Limits { timeout, output: output_limit(task) })
        .map_err(|error| GitError::from_spawn(task, &error))?;
    ended(finished, task)
}

/// What is printed over a network are a remote's words; the rest is this repository's own.
fn output_limit(task: &str) -> usize {
    if matches!(task, "fetch" | "push") { ERRORS_LIMIT } else { OUTPUT_LIMIT }
}

/// A command that came to its end by itself, whatever its exit status.
fn ended(mut finished: Finished, task: &'static str) -> Result<Finished, GitError> {
    finished.stderr = finished.stderr.shortened(SAID_LIMIT);
    match finished.exit {
        Exit::TimedOut(after) => Err(GitError::Timeout { task, after }),
        Exit::Interrupted(signal) => Err(GitError::Interrupted { task, signal }),
        Exit::Success | Exit::Code(_) | Exit::Signal(_) => Ok(finished),
    }
}

/// Refuses what Git would take for an option, or what cannot be an argument at all.
fn checked_argument(what: &'static str, value: impl AsRef<OsStr>) -> Result<(), GitError> {
    let bytes = value.as_ref().as_encoded_bytes();
    let reason = match bytes {
        [] => "is empty",
        [b'-', ..] => "begins with `-`",
        _ if bytes.iter().any(u8::is_ascii_control) => "contains a control character",
        _ => return Ok(()),
    };
    Err(GitError::Refused { reason: format!("{what} {reason}") })
}

/// Refuses what is not an object id.
fn checked_sha(sha: &str) -> Result<(), GitError> {
    if is_sha(sha) {
        return Ok(());
    }
    checked_argument("the object id", sha)?;
    Err(GitError::Refused { reason: format!("`{}` is not an object id", printable(sha)) })
}

#[cfg(test)]
mod tests;
