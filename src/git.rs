//! The `git` program: Git's network and Git's configuration.
//!
//! Everything that needs credentials, ssh, proxies, `insteadOf` or the whole of Git's configuration
//! goes through the program, so that it works as the user's Git does. Objects are git2's.

use crate::{
    child::{self, Exit, Finished, Input, Limits},
    parse::refs::{self, RemoteRefs},
    text,
};
use std::{
    env,
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const LOCAL: Duration = Duration::from_secs(60);
const OUTPUT: usize = 256 << 20;

/// The `git` program in a directory.
#[derive(Clone, Debug)]
pub struct Git {
    directory: PathBuf,
    has_ssh_command: bool,
}

/// One entry of Git's configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigEntry {
    /// `system`, `global`, `local`, `worktree` or `command`.
    pub scope: String,
    /// Where it is set: `file:.git/config`, `command line:`.
    pub origin: String,
    /// The section, lower case.
    pub section: String,
    /// The subsection, its case kept.
    pub subsection: Option<String>,
    /// The variable, lower case.
    pub name: String,
    /// The value; `None` for a variable without `=`.
    pub value: Option<String>,
}

impl ConfigEntry {
    /// The key as Git writes it: `section.subsection.name`.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.subsection {
            Some(subsection) => format!("{}.{subsection}.{}", self.section, self.name),
            None => format!("{}.{}", self.section, self.name),
        }
    }
}

/// Where a repository is.
#[derive(Clone, Debug)]
pub struct Location {
    /// The Git directory, absolute.
    pub git_dir: PathBuf,
    /// The Git directory that all worktrees share, absolute.
    pub common_dir: PathBuf,
    /// The worktree; `None` in a bare repository.
    pub worktree: Option<PathBuf>,
    /// Whether history is missing.
    pub is_shallow: bool,
}

/// Which configuration is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// The repository's.
    Local,
    /// The user's.
    Global,
}

/// How a push of one new ref ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pushed {
    /// The ref is made.
    Created,
    /// The ref was there, at the same commit.
    AlreadyThere,
    /// The ref was there, at another commit.
    Exists,
    /// The remote refused, in its words.
    Rejected {
        /// The remote's words.
        reason: String,
    },
}

/// Why `git` did not do what was asked.
#[derive(Debug)]
pub struct GitError {
    kind: &'static str,
    message: String,
}

impl GitError {
    /// A short stable word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self.kind {
            "not-a-repository" => Some("run it in a Git repository, or name one with `-C DIR`".to_owned()),
            _ => None,
        }
    }
}

impl fmt::Display for GitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for GitError {}

impl Git {
    /// The program, run in `directory`.
    #[must_use]
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), has_ssh_command: false }
    }

    /// Takes notice of what is configured.
    pub fn configured_by(&mut self, entries: &[ConfigEntry]) {
        self.has_ssh_command = entries.iter().any(|entry| entry.key() == "core.sshcommand");
    }

    fn run(&self, args: &[&str], timeout: Duration) -> Result<Finished, GitError> {
        let mut command = Command::new("git");
        command.current_dir(&self.directory).args(args).env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        command.env_remove("LANGUAGE").env("SSH_ASKPASS_REQUIRE", "never");
        if !self.has_ssh_command && env::var_os("GIT_SSH_COMMAND").is_none() && env::var_os("GIT_SSH").is_none() {
            command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
        }
        child::run(command, Input::Null, Limits { timeout, output: OUTPUT }).map_err(|error| {
            let (message, hint) = child::describe_spawn_error(OsStr::new("git"), &error);
            GitError { kind: "no-git", message: format!("{message}; {hint}") }
        })
    }

    fn output(&self, args: &[&str], timeout: Duration) -> Result<Vec<u8>, GitError> {
        let finished = self.run(args, timeout)?;
        if finished.exit == Exit::Success {
            return Ok(finished.stdout.whole().unwrap_or_default().to_vec());
        }
        Err(failed(args, &finished))
    }

    /// The configuration.
    pub fn config(&self) -> Result<Vec<ConfigEntry>, GitError> {
        let out = self.output(&["config", "--null", "--list", "--show-origin", "--show-scope", "--includes"], LOCAL)?;
        let text = String::from_utf8_lossy(&out).into_owned();
        let mut parts = text.split('\0');
        let mut entries = Vec::new();
        while let (Some(scope), Some(origin), Some(pair)) = (parts.next(), parts.next(), parts.next()) {
            let (key, value) = match pair.split_once('\n') {
                Some((key, value)) => (key, Some(value.to_owned())),
                None => (pair, None),
            };
            let Some((section, rest)) = key.split_once('.') else { continue };
            let (subsection, name) = match rest.rsplit_once('.') {
                Some((subsection, name)) => (Some(subsection.to_owned()), name),
                None => (None, rest),
            };
            entries.push(ConfigEntry {
                scope: scope.to_owned(),
                origin: origin.to_owned(),
                section: section.to_owned(),
                subsection,
                name: name.to_owned(),
                value,
            });
        }
        Ok(entries)
    }

    /// Where the repository is.
    pub fn locate(&self) -> Result<Location, GitError> {
        let out = self.output(
            &[
                "rev-parse",
                "--path-format=absolute",
                "--git-dir",
                "--git-common-dir",
                "--is-shallow-repository",
                "--is-bare-repository",
            ],
            LOCAL,
        )?;
        let text = String::from_utf8_lossy(&out).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let worktree = if lines[3] == "true" {
            None
        } else {
            let out = self.output(&["rev-parse", "--path-format=absolute", "--show-toplevel"], LOCAL).ok();
            out.map(|out| PathBuf::from(String::from_utf8_lossy(&out).trim_end()))
        };
        Ok(Location { git_dir: lines[0].into(), common_dir: lines[1].into(), worktree, is_shallow: lines[2] == "true" })
    }

    /// The remote's refs.
    pub fn ls_remote(&self, remote: &str, patterns: &[&str], timeout: Duration) -> Result<RemoteRefs, GitError> {
        let mut args = vec!["ls-remote", "--symref", "--", remote];
        args.extend(patterns);
        let out = self.output(&args, timeout)?;
        refs::parse(&out).map_err(|message| GitError { kind: "git", message })
    }

    /// Fetches into refs of our own.
    pub fn fetch(&self, remote: &str, refspecs: &[String], timeout: Duration) -> Result<(), GitError> {
        let mut args = vec![
            "fetch",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
            "--refmap=",
            "--quiet",
            "--",
            remote,
        ];
        args.extend(refspecs.iter().map(String::as_str));
        self.output(&args, timeout).map(drop)
    }

    /// Creates one ref.
    pub fn push_new(&self, remote: &str, sha: &str, name: &str, timeout: Duration) -> Result<Pushed, GitError> {
        let lease = format!("--force-with-lease={name}:");
        let spec = format!("{sha}:{name}");
        let args = ["push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no", &lease, "--", remote, &spec];
        let finished = self.run(&args, timeout)?;
        let out = finished.stdout.lossy();
        for line in out.lines() {
            let mut parts = line.split('\t');
            match (parts.next(), parts.next(), parts.next()) {
                (Some("*"), _, _) => return Ok(Pushed::Created),
                (Some("="), _, _) => return Ok(Pushed::AlreadyThere),
                (Some("!"), _, Some(why)) if why.contains("stale info") => return Ok(Pushed::Exists),
                (Some("!"), _, Some(why)) => {
                    return Ok(Pushed::Rejected { reason: format!("{why} {}", finished.stderr.lossy()) });
                }
                _ => {}
            }
        }
        Err(failed(&args, &finished))
    }

    /// Adds a value.
    pub fn config_add(&self, scope: Scope, key: &str, value: &str) -> Result<(), GitError> {
        let scope = if scope == Scope::Local { "--local" } else { "--global" };
        self.output(&["config", scope, "--add", "--", key, value], LOCAL).map(drop)
    }

    /// Removes a section.
    pub fn config_remove_section(&self, file: &Path, section: &str) -> Result<(), GitError> {
        self.output(&["config", "--file", &file.to_string_lossy(), "--remove-section", section], LOCAL).map(drop)
    }

    /// Whether old is an ancestor of new.
    pub fn is_ancestor(&self, old: &str, new: &str) -> Result<Option<bool>, GitError> {
        let finished = self.run(&["merge-base", "--is-ancestor", old, new], LOCAL)?;
        Ok(match finished.exit {
            Exit::Success => Some(true),
            Exit::Code(1) => Some(false),
            _ => None,
        })
    }

    /// Whether the commit is here.
    pub fn has_commit(&self, sha: &str) -> bool {
        let spec = format!("{sha}^{{commit}}");
        self.run(&["cat-file", "-e", &spec], LOCAL).is_ok_and(|finished| finished.exit == Exit::Success)
    }
}

fn failed(args: &[&str], finished: &Finished) -> GitError {
    let words = text::printable(finished.stderr.lossy().trim());
    let kind = if words.contains("not a git repository") {
        "not-a-repository"
    } else if matches!(finished.exit, Exit::TimedOut(_)) {
        "timeout"
    } else {
        "git"
    };
    GitError { kind, message: format!("git {}: {}: {words}", args[0], finished.exit) }
}

/// Whether a value may be given to Git as a remote.
pub fn checked_remote(value: &str) -> Result<(), String> {
    if value.starts_with('-') || value.contains("::") || value.contains(text::is_unsafe) {
        return Err("it is no remote".to_owned());
    }
    Ok(())
}
