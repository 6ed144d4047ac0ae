//! Changes to Git's configuration, made by Git.

use super::{Git, GitError, LOCAL, checked_argument, finish};
use crate::child::Exit;
use std::path::Path;

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
        checked_argument("the key", key)?;
        if value.contains('\0') {
            return Err(GitError::Refused { reason: format!("the value of {key} contains a NUL") });
        }
        let mut command = self.command();
        command.args(["config", if scope == Scope::Local { "--local" } else { "--global" }]);
        // After the key nothing is an option, so that a value may well begin with `-`.
        command.args(["--add", key, value]);
        self.output(command, "config", LOCAL).map(drop)
    }

    /// Removes a section, such as `watch.name`, from a file; whether it was there.
    ///
    /// A relative path is one in the directory that Git is started in, as Git itself tells origins.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn config_remove_section(&self, file: &Path, section: &str) -> Result<bool, GitError> {
        checked_argument("the section", section)?;
        let mut command = self.command();
        command.arg("config").arg("--file").arg(file).args(["--remove-section", section]);
        let finished = finish(command, "config", LOCAL)?;
        match finished.exit {
            Exit::Success => Ok(true),
            _ if finished.stderr.lossy().contains("no such section") => Ok(false),
            _ => Err(self.failure("config", &finished)),
        }
    }
}
