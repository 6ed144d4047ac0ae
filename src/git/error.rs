//! What went wrong with Git, in Git's own words and the remote's, and what to do about it.

use super::words::{redacted, words};
use crate::child::{Exit, describe_spawn_error};
use crate::text::{clipped, printable};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;
use std::{error, fmt, io};

/// Why a Git command did not do what it was asked for.
///
/// Shown on one line, safe for a terminal and without secrets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GitError {
    /// There is no `git` program, or it cannot be started.
    NoGit {
        /// What is wrong with it.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// The directory is not inside a repository.
    NotARepository {
        /// The directory.
        directory: String,
        /// Whether something names it: `GIT_DIR`, or a `.git` file.
        is_named: bool,
    },
    /// The repository belongs to somebody else, and Git does not trust it.
    DubiousOwnership {
        /// Git's words.
        words: String,
    },
    /// There is no repository where the remote should be, or none that we may see.
    RemoteMissing {
        /// The Git command.
        task: &'static str,
        /// Git's and the remote's words.
        words: String,
    },
    /// The remote wants credentials, or other ones.
    Auth {
        /// The Git command.
        task: &'static str,
        /// Git's and the remote's words.
        words: String,
    },
    /// The remote's host cannot be reached.
    Unreachable {
        /// The Git command.
        task: &'static str,
        /// Git's words.
        words: String,
    },
    /// It did not end in time.
    Timeout {
        /// The Git command.
        task: &'static str,
        /// How long it was given.
        after: Duration,
    },
    /// We were told to end.
    Interrupted {
        /// The Git command.
        task: &'static str,
        /// The signal.
        signal: i32,
    },
    /// We did not ask Git, because of what it was to be asked.
    Refused {
        /// What and why.
        reason: String,
    },
    /// What Git was to read could not be laid down for it.
    Input {
        /// The Git command.
        task: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Git's answer is not understood.
    Unreadable {
        /// The Git command.
        task: &'static str,
        /// What is wrong with the answer.
        reason: String,
    },
    /// Whatever else Git says.
    Failed {
        /// The Git command.
        task: &'static str,
        /// How it ended.
        exit: Exit,
        /// Git's and the remote's words.
        words: String,
    },
}

impl GitError {
    pub(crate) fn from_spawn(task: &'static str, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::InvalidInput {
            return Self::Refused { reason: format!("an argument of git {task} contains a NUL") };
        }
        let (reason, hint) = describe_spawn_error(OsStr::new("git"), error);
        Self::NoGit { reason, hint }
    }

    /// Tells the kinds of failure apart by what Git and its helpers write to standard error.
    pub(crate) fn classify(task: &'static str, directory: &Path, exit: Exit, stderr: &str) -> Self {
        let said = stderr.to_ascii_lowercase();
        let has = |phrases: &[&str]| phrases.iter().any(|phrase| said.contains(phrase));
        let words = words(stderr);
        // `not a git repository (or any of the parent directories)` without such a name.
        let named = stderr.lines().find_map(|line| line.strip_prefix("fatal: not a git repository: "));
        if let Some(named) = named {
            // Whose words they are is not known for certain.
            let directory = printable(&redacted(named.trim_matches('\'')));
            Self::NotARepository { directory: clipped(&directory, LONGEST_NAME).to_owned(), is_named: true }
        } else if has(&["fatal: not a git repository", "can only be used inside a git repository"]) {
            Self::NotARepository { directory: printable(&directory.to_string_lossy()), is_named: false }
        } else if has(&["dubious ownership"]) {
            Self::DubiousOwnership { words }
        } else if has(AUTH) {
            Self::Auth { task, words }
        } else if has(MISSING) || (stderr.contains("repository '") && stderr.contains("' not found")) {
            Self::RemoteMissing { task, words }
        } else if has(UNREACHABLE) {
            Self::Unreachable { task, words }
        } else {
            Self::Failed { task, exit, words }
        }
    }

    /// One stable word for the kind of failure, for records and scripts.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoGit { .. } => "no-git",
            Self::NotARepository { .. } => "not-a-repository",
            Self::DubiousOwnership { .. } => "dubious-ownership",
            Self::RemoteMissing { .. } => "remote-missing",
            Self::Auth { .. } => "auth",
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Interrupted { .. } => "interrupted",
            Self::Refused { .. } => "refused",
            Self::Input { .. } => "input",
            Self::Unreadable { .. } => "unreadable",
            Self::Failed { .. } => "git",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NoGit { hint, .. } => return Cow::Owned(hint.clone()),
            Self::NotARepository { is_named: true, .. } => {
                "a `.git` file or the variable GIT_DIR leads there: correct it, or unset the variable"
            }
            Self::NotARepository { .. } => "go to your fork's directory, or name it with `-C DIR`",
            Self::DubiousOwnership { .. } => {
                "run as the owner of the repository, or trust it: `git config --global --add safe.directory DIR`"
            }
            Self::RemoteMissing { .. } => {
                "check the remote's URL with `git remote -v`; a private one needs credentials"
            }
            Self::Auth { .. } => {
                "nobody is asked for a password here: set up a credential helper or an ssh key without a passphrase, \
                 and try `GIT_TERMINAL_PROMPT=0 git ls-remote REMOTE` as the same user"
            }
            Self::Unreachable { .. } => "check the network, the host's name and the proxy; it is tried again",
            Self::Timeout { .. } => "try the same Git command by hand, or allow more time",
            Self::Interrupted { .. } => "run it again",
            Self::Refused { .. } => "give it another value",
            Self::Input { .. } => "make room in the temporary directory, or name another one by TMPDIR",
            Self::Unreadable { task: "ls-remote", .. } => {
                "look at the refs with `git ls-remote REMOTE`: one of them has no proper name, there are too many, or \
                 the server does not speak Git; its owner can mend it"
            }
            Self::Unreadable { .. } => "check `git --version`: 2.31 or newer is needed",
            Self::Failed { .. } => "try the same Git command by hand",
        })
    }
}

impl fmt::Display for GitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGit { reason, .. } | Self::Refused { reason } => f.write_str(reason),
            Self::NotARepository { directory, is_named: true } => write!(f, "{directory} is no Git repository"),
            Self::NotARepository { directory, .. } => write!(f, "{directory} is not in a Git repository"),
            Self::DubiousOwnership { words } => f.write_str(words),
            Self::RemoteMissing { task, words } | Self::Auth { task, words } | Self::Unreachable { task, words } => {
                write!(f, "git {task}: {words}")
            }
            Self::Timeout { task, after } => write!(f, "git {task}: {}", Exit::TimedOut(*after)),
            Self::Interrupted { task, signal } => write!(f, "git {task}: {}", Exit::Interrupted(*signal)),
            Self::Input { task, reason } => write!(f, "cannot write what git {task} is to read: {reason}"),
            Self::Unreadable { task, reason } => write!(f, "git {task}: the answer is not understood: {reason}"),
            Self::Failed { task, exit, words } if words.is_empty() => write!(f, "git {task}: {exit}"),
            Self::Failed { task, words, .. } => write!(f, "git {task}: {words}"),
        }
    }
}

impl error::Error for GitError {}

/// The longest quotation of a repository's name, in bytes.
const LONGEST_NAME: usize = 500;

const AUTH: &[&str] = &[
    "authentication failed",
    "could not read username",
    "could not read password",
    "terminal prompts disabled",
    "permission denied (",
    "host key verification failed",
    "no supported authentication methods",
    "too many authentication failures",
    "the requested url returned error: 401",
    "the requested url returned error: 403",
    "http basic: access denied",
    "invalid username or",
    "permission to ",
    "write access to repository not granted",
];

const MISSING: &[&str] = &[
    "does not appear to be a git repository",
    "repository not found",
    "could not be found or you don't have permission to view it",
    "the requested url returned error: 404",
    "no such remote",
];

const UNREACHABLE: &[&str] = &[
    "could not resolve host",
    "name or service not known",
    "temporary failure in name resolution",
    "connection refused",
    "connection timed out",
    "connection reset",
    "connection closed",
    "failed to connect to",
    "couldn't connect to server",
    "unable to connect to",
    "network is unreachable",
    "no route to host",
    "operation timed out",
    "early eof",
    "hung up unexpectedly",
    "the requested url returned error: 5",
    "the requested url returned error: 429",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_apart() {
        #[track_caller]
        fn case(stderr: &str, kind: &str, shown: &str) {
            let error = GitError::classify("fetch", Path::new("/dir"), Exit::Code(128), stderr);
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, shown));
            assert!(!error.hint().is_empty());
        }
        const BOILERPLATE: &str = "fatal: Could not read from remote repository.\n\n\
                                   Please make sure you have the correct access rights\nand the repository exists.\n";
        case(
            "fatal: not a git repository (or any of the parent directories): .git\n",
            "not-a-repository",
            "/dir is not in a Git repository",
        );
        case("fatal: not a git repository: '/nowhere'\n", "not-a-repository", "/nowhere is no Git repository");
        let long = format!("fatal: not a git repository: https://user:secret@host/{}\n", "x".repeat(9000));
        let shown = format!("https://***@host/{} is no Git repository", "x".repeat(483));
        case(&long, "not-a-repository", &shown);
        case(
            "fatal: detected dubious ownership in repository at '/dir'\nTo add an exception",
            "dubious-ownership",
            "detected dubious ownership in repository at '/dir'; To add an exception",
        );
        case(
            &format!("fatal: '/nowhere' does not appear to be a git repository\n{BOILERPLATE}"),
            "remote-missing",
            "git fetch: '/nowhere' does not appear to be a git repository",
        );
        case(
            "fatal: repository 'https://user:secret@host.example/x/' not found\n",
            "remote-missing",
            "git fetch: repository 'https://***@host.example/x/' not found",
        );
        case(
            &format!("git@host.example: Permission denied (publickey).\r\n{BOILERPLATE}"),
            "auth",
            "git fetch: git@host.example: Permission denied (publickey).",
        );
        case(
            "fatal: could not read Username for 'https://host.example': terminal prompts disabled\n",
            "auth",
            "git fetch: could not read Username for 'https://host.example': terminal prompts disabled",
        );
        case(
            "remote: Write access to repository not granted.\nfatal: unable to access 'x': The requested URL returned error: 403",
            "auth",
            "git fetch: remote: Write access to repository not granted.; unable to access 'x': The requested URL returned error: 403",
        );
        case(
            &format!("ssh: connect to host 127.0.0.1 port 1: Connection refused\n{BOILERPLATE}"),
            "unreachable",
            "git fetch: ssh: connect to host 127.0.0.1 port 1: Connection refused",
        );
        case("fatal: bad config line 3\nhint: x\n", "git", "git fetch: bad config line 3");
        case("", "git", "git fetch: exit status 128");
        case("remote: \u{1b}[2Jgone\n", "git", "git fetch: remote: \\u{1b}[2Jgone");
    }

    #[test]
    fn refs_that_are_not_understood_are_not_blamed_on_our_git() {
        #[track_caller]
        fn case(task: &'static str, words: &str) {
            let error = GitError::Unreadable { task, reason: "line 2 has no tab".to_owned() };
            assert_eq!(error.kind(), "unreadable");
            assert!(error.hint().contains(words), "{}", error.hint());
        }
        case("ls-remote", "`git ls-remote REMOTE`");
        case("config", "`git --version`");
    }

    #[test]
    fn a_long_quotation_is_cut() {
        let error = GitError::classify("push", Path::new("/"), Exit::Code(1), &"é".repeat(1000));
        assert_eq!(error.to_string(), format!("git push: {}…", "é".repeat(300)));
    }
}
