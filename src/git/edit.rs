//! Changes to Git's configuration, made by Git.

use super::{Git, GitError, LOCAL, checked_argument, finish};
use crate::child::Exit;
use std::process::Command;

/// Which configuration file is changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// The repository's.
    Local,
    /// The user's.
    Global,
}

impl Git {
    /// Adds a value to a key, beside those it has.
    ///
    /// # Errors
    /// If the key is not one, or the file cannot be written.
    pub fn config_add(&self, scope: Scope, key: &str, value: &str) -> Result<(), GitError> {
        self.config_write(scope, "--add", key, value)
    }

    /// Gives a key this one value, instead of those it has in that file.
    ///
    /// # Errors
    /// If the key is not one, or the file cannot be written.
    pub fn config_set(&self, scope: Scope, key: &str, value: &str) -> Result<(), GitError> {
        self.config_write(scope, "--replace-all", key, value)
    }

    /// Removes a section, such as `watch.name`, from that file; whether it was there.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn config_remove_section(&self, scope: Scope, section: &str) -> Result<bool, GitError> {
        checked_argument("the section", section)?;
        let mut command = self.config_command(scope);
        command.args(["--remove-section", section]);
        let finished = finish(command, "config", LOCAL)?;
        match finished.exit {
            Exit::Success => Ok(true),
            _ if finished.stderr.lossy().contains("no such section") => Ok(false),
            _ => Err(self.failure("config", &finished)),
        }
    }

    fn config_write(&self, scope: Scope, action: &str, key: &str, value: &str) -> Result<(), GitError> {
        checked_argument("the key", key)?;
        if value.contains('\0') {
            return Err(GitError::Refused { reason: format!("the value of {key} contains a NUL") });
        }
        // After the key nothing is an option, so that a value may well begin with `-`.
        let mut command = self.config_command(scope);
        command.args([action, key, value]);
        self.output(command, "config", LOCAL).map(drop)
    }

    fn config_command(&self, scope: Scope) -> Command {
        let mut command = self.command();
        command.args(["config", if scope == Scope::Local { "--local" } else { "--global" }]);
        command
    }
}
