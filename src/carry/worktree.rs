//! A disposable worktree: files at a commit, for programs that need files.
//!
//! It is a repository of its own in the state directory that borrows the objects of the user's
//! (gitrepository-layout(5), `objects/info/alternates`). A worktree of the user's repository would
//! share its branches, stash, configuration and recorded resolutions with whatever runs in it; this
//! one shares nothing that can be written. It has a copy of the refs, for `git describe`, and reads
//! the user's configuration.

mod claim;

use self::claim::Claim;
use super::{
    id::{CommitId, TreeId},
    repository::Repository,
};
use crate::{
    dispatch::runner::REPOSITORY_VARIABLES,
    git::{Git, GitError},
    ledger::LedgerError,
    private,
    workspace::{Failure, Workspace},
};
use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// What is copied of the refs: what people and build scripts ask for, and what changes objects.
const REFS: [&str; 5] = ["refs/heads", "refs/notes", "refs/remotes", "refs/replace", "refs/tags"];

/// What holds whatever the user's configuration says, because it comes after it.
const OVERRIDES: &str = "\
[core]
\tbare = false
\tworktree = ..
\thooksPath = /dev/null
\tfsmonitor = false
\tsafecrlf = false
\tsplitIndex = false
[submodule]
\trecurse = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
";

/// A worktree that is removed when the value is dropped, or by the next run if this one is killed.
#[derive(Debug)]
pub struct Worktree {
    git: Git,
    path: PathBuf,
    timeout: Duration,
    // Dropped last: it removes everything.
    claim: Claim,
}

impl Worktree {
    /// A worktree with HEAD at `commit`, detached, and without a file.
    ///
    /// What killed runs left is removed on the way. Each Git command in it may take `timeout`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn empty(
        workspace: &Workspace,
        repository: &Repository,
        commit: &CommitId,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        workspace.places.create()?;
        let claim = Claim::stake(&workspace.places.state.join("worktrees"))?;
        let path = claim.folder().join("tree");
        private::create_dir(&path).map_err(|error| failed("cannot make", &path, error))?;
        let worktree = Self { git: Git::in_directory(&path), path, timeout, claim };
        let git_dir = worktree.git_dir();
        let facts = Facts::read(workspace, repository)?;
        facts.write(&git_dir, commit).map_err(|error| failed("cannot write", &git_dir, error))?;
        Ok(worktree)
    }

    /// A worktree with HEAD at `commit`, detached, and that commit's files; submodules stay empty.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn at(
        workspace: &Workspace,
        repository: &Repository,
        commit: &CommitId,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        let worktree = Self::empty(workspace, repository, commit, timeout)?;
        worktree.run("read-tree", &["read-tree", "-u", "--reset", commit.as_str()])?;
        Ok(worktree)
    }

    /// Its directory, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its Git directory.
    #[must_use]
    pub fn git_dir(&self) -> PathBuf {
        self.path.join(".git")
    }

    /// A program to be run in it, with nothing in its environment that leads to another repository.
    ///
    /// # Panics
    /// If there are no words.
    #[must_use]
    pub fn program(&self, words: &[String]) -> Command {
        let mut command = Command::new(words.first().expect("a command has words"));
        command.args(&words[1..]).current_dir(&self.path).env("PWD", &self.path).env_remove("OLDPWD");
        self.confine(&mut command);
        command
    }

    /// A standard input for a program that is run in it.
    ///
    /// It is the lock's file: should we be killed, the worktree is not removed under a program that
    /// goes on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn input(&self, content: &[u8]) -> io::Result<File> {
        self.claim.lock().input(content)
    }

    /// What `git` prints in it, which must succeed.
    ///
    /// # Errors
    /// If it does not.
    pub fn run<A: AsRef<OsStr>>(&self, task: &'static str, args: &[A]) -> Result<Vec<u8>, GitError> {
        self.git.output(self.command(args)?, task, self.timeout)
    }

    /// What `git` prints in it when it is given `input`; it must succeed.
    ///
    /// # Errors
    /// If it does not.
    pub fn feed(&self, task: &'static str, args: &[&str], input: &[u8]) -> Result<Vec<u8>, GitError> {
        self.git.answer(self.command(args)?, input, task, self.timeout)
    }

    fn command<A: AsRef<OsStr>>(&self, args: &[A]) -> Result<Command, GitError> {
        // In a partial clone a checkout fetches.
        let mut command = self.git.network_command()?;
        self.confine(&mut command);
        command.args(args);
        Ok(command)
    }

    /// Lets a `git` find no repository but this one: nothing ties it to the user's, and where a program
    /// removed this one, none above it is searched for.
    fn confine(&self, command: &mut Command) {
        scrub(command);
        command.env("GIT_CEILING_DIRECTORIES", self.path.parent().unwrap_or(&self.path));
    }

    /// The tree of its index, in the user's repository: what is new of it is copied there.
    ///
    /// # Errors
    /// When the index is unmerged, or an object cannot be read or written.
    pub fn tree(&self, repository: &Repository, like: &TreeId) -> Result<TreeId, Failure> {
        let task = "write-tree";
        let printed = self.run(task, &[task])?;
        let tree: TreeId = String::from_utf8_lossy(&printed)
            .trim_end()
            .parse()
            .map_err(|reason| GitError::Unreadable { task, reason })?;
        if tree != *like {
            let wanted = format!("{tree}\n^{like}\n");
            let pack = self.feed("pack-objects", &["pack-objects", "-q", "--revs", "--stdout"], wanted.as_bytes())?;
            repository.answer(&["unpack-objects", "-q"], &pack)?;
        }
        Ok(tree)
    }
}

/// What ties a `git` to one repository would tie it to the user's.
fn scrub(command: &mut Command) {
    for name in REPOSITORY_VARIABLES {
        command.env_remove(name);
    }
}

pub(super) fn failed(action: &'static str, path: &Path, error: io::Error) -> Failure {
    Failure::Ledger(LedgerError::Io { action, path: path.to_owned(), error })
}

/// What the worktree has to know of the user's repository.
struct Facts {
    common_dir: PathBuf,
    objects: Vec<u8>,
    format: String,
    partial: Option<String>,
    refs: Vec<u8>,
}

impl Facts {
    fn read(workspace: &Workspace, repository: &Repository) -> Result<Self, GitError> {
        let args = ["rev-parse", "--path-format=absolute", "--show-object-format", "--git-path", "objects"];
        let printed = repository.output(&args)?;
        let end = printed.iter().position(|&byte| byte == b'\n').unwrap_or(printed.len());
        let objects = printed.get(end + 1..).unwrap_or_default();
        let mut refs = b"# pack-refs with: sorted \n".to_vec();
        refs.extend(repository.output(&[&["for-each-ref", "--format=%(objectname) %(refname)"], &REFS[..]].concat())?);
        let partial = repository.attempt(&["config", "extensions.partialClone"])?.stdout.lossy();
        Ok(Self {
            common_dir: workspace.location.common_dir.clone(),
            objects: objects.strip_suffix(b"\n").unwrap_or(objects).to_vec(),
            format: String::from_utf8_lossy(&printed[..end]).into_owned(),
            partial: Some(partial.trim_end().to_owned()).filter(|remote| !remote.is_empty()),
            refs,
        })
    }

    fn write(&self, git_dir: &Path, commit: &CommitId) -> io::Result<()> {
        for directory in ["objects/info", "objects/pack", "refs/heads", "info"] {
            private::create_dir(&git_dir.join(directory))?;
        }
        fs::write(git_dir.join("objects/info/alternates"), [&self.objects, &b"\n"[..]].concat())?;
        fs::write(git_dir.join("packed-refs"), &self.refs)?;
        fs::write(git_dir.join("config"), self.config()?)?;
        for file in ["shallow", "info/attributes", "info/exclude"] {
            match fs::copy(self.common_dir.join(file), git_dir.join(file)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        // At last: without HEAD it is no repository.
        fs::write(git_dir.join("HEAD"), format!("{commit}\n"))
    }

    /// The configuration: the format, the user's own by reference, and what must hold.
    fn config(&self) -> io::Result<Vec<u8>> {
        let mut config = b"[core]\n\trepositoryFormatVersion = 1\n[extensions]\n".to_vec();
        writeln!(config, "\tobjectFormat = {}", self.format)?;
        let mut set =
            |name: &str, value: &[u8]| config.extend([name.as_bytes(), b" = ", &quoted(value), b"\n"].concat());
        if let Some(remote) = &self.partial {
            set("\tpartialClone", remote.as_bytes());
        }
        set("[include]\n\tpath", self.common_dir.join("config").as_os_str().as_bytes());
        config.extend(OVERRIDES.bytes());
        Ok(config)
    }
}

/// A value for Git's configuration (git-config(1), "Syntax").
fn quoted(value: &[u8]) -> Vec<u8> {
    let escaped = value.iter().flat_map(|byte| match byte {
        b'"' => b"\\\"".to_vec(),
        b'\\' => b"\\\\".to_vec(),
        b'\n' => b"\\n".to_vec(),
        byte => vec![*byte],
    });
    [b'"'].into_iter().chain(escaped).chain([b'"']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_the_configuration() {
        assert_eq!(quoted(b"/a b/c"), br#""/a b/c""#);
        assert_eq!(quoted(b"/a\"b\\c\n"), br#""/a\"b\\c\n""#);
    }
}
