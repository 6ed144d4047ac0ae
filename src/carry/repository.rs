//! The repository as carry sees it: objects and refs through `git`, never the checkout.
//!
//! Through `git` and not through libgit2, because that knows neither SHA-256 nor reftables, and does
//! not fetch what a partial clone has left out.

use super::{
    commit::RawCommit,
    coprocess::{Coprocess, Parsed},
    id::{CommitId, TreeId},
    merge::{Merged, Merger},
};
use crate::{
    child::Finished,
    git::{self, Git, GitError},
    ledger::lock::{Lock, LockError},
    private,
    workspace::Workspace,
};
use fs2::FileExt;
use std::{
    cell::RefCell,
    env,
    fs::{self, File},
    io::{self, Seek, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use tempfile::NamedTempFile;

/// What would tie our `git` to a checkout: we start it in the Git directory, which is enough.
const CHECKOUT_VARIABLES: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_IMPLICIT_WORK_TREE"];

/// A repository whose objects are read and made.
#[derive(Debug)]
pub struct Repository {
    git: Git,
    git_dir: PathBuf,
    timeout: Duration,
    /// Where commits that are to be made lie for a moment.
    scratch: PathBuf,
    empty_tree: TreeId,
    merger: RefCell<Option<Merger>>,
    reader: RefCell<Option<Coprocess>>,
    writer: RefCell<Option<Writer>>,
}

#[derive(Debug)]
struct Writer {
    helper: Coprocess,
    file: NamedTempFile,
}

impl Repository {
    /// The repository of a workspace; each command in it may take `timeout`.
    ///
    /// # Errors
    /// If Git cannot be run.
    ///
    /// # Panics
    /// Never: the id that it begins with is one.
    pub fn open(workspace: &Workspace, timeout: Duration) -> Result<Self, GitError> {
        let git = Git::in_directory(&workspace.location.git_dir);
        let mut repository = Self {
            git,
            git_dir: workspace.location.git_dir.clone(),
            timeout,
            scratch: workspace.places.state.join("carry"),
            empty_tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904".parse().expect("it is one"),
            merger: RefCell::default(),
            reader: RefCell::default(),
            writer: RefCell::default(),
        };
        // Git knows the empty tree without an object; its id depends on the hash.
        let empty = repository.text(&["hash-object", "-t", "tree", "--stdin"])?;
        repository.empty_tree = empty.parse().map_err(|reason| unreadable("hash-object", reason))?;
        Ok(repository)
    }

    /// The tree without a file.
    #[must_use]
    pub fn empty_tree(&self) -> &TreeId {
        &self.empty_tree
    }

    /// `git` with these arguments, in the Git directory, without hooks.
    ///
    /// # Errors
    /// If the configuration cannot be read.
    pub fn command(&self, args: &[&str]) -> Result<Command, GitError> {
        // A partial clone may have to fetch for any of them.
        let mut command = self.git.network_command()?;
        for name in CHECKOUT_VARIABLES {
            command.env_remove(name);
        }
        command.args(["-c", "core.hooksPath=/dev/null"]).args(args);
        Ok(command)
    }

    /// What a command prints, which must succeed.
    ///
    /// # Errors
    /// If it does not.
    pub fn output(&self, args: &[&str]) -> Result<Vec<u8>, GitError> {
        self.git.output(self.command(args)?, task(args), self.timeout)
    }

    /// What a command prints, as text without the last line end.
    ///
    /// # Errors
    /// If it does not succeed.
    pub fn text(&self, args: &[&str]) -> Result<String, GitError> {
        Ok(String::from_utf8_lossy(&self.output(args)?).trim_end_matches('\n').to_owned())
    }

    /// What a command prints that is given `input`, which must succeed.
    ///
    /// # Errors
    /// If it does not.
    pub fn answer(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>, GitError> {
        self.answer_of(self.command(args)?, task(args), input)
    }

    /// As [`Repository::answer`], for a command with more to it.
    ///
    /// # Errors
    /// If it does not succeed.
    pub fn answer_of(&self, command: Command, task: &'static str, input: &[u8]) -> Result<Vec<u8>, GitError> {
        self.git.answer(command, input, task, self.timeout)
    }

    /// How a command ended, whatever its exit status.
    ///
    /// # Errors
    /// If it cannot be run to its end.
    pub fn attempt(&self, args: &[&str]) -> Result<Finished, GitError> {
        git::finish(self.command(args)?, task(args), self.timeout)
    }

    /// The failure that a finished command tells of.
    #[must_use]
    pub fn failure(&self, task: &'static str, finished: &Finished) -> GitError {
        self.git.failure(task, finished)
    }

    /// What `first` prints, read by `second`; what that prints. Both must succeed.
    ///
    /// # Errors
    /// If one of them does not.
    ///
    /// # Panics
    /// Never: the pipe between them was asked for.
    pub fn piped(&self, first: &[&str], input: &[u8], second: &[&str]) -> Result<Vec<u8>, GitError> {
        let mut command = self.command(first)?;
        command.stdin(git::spooled(input, task(first))?).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| GitError::from_spawn(task(first), &error))?;
        let pipe = child.stdout.take().expect("it was asked for");
        let read = git::finish_given(
            self.command(second)?,
            task(second),
            File::from(std::os::fd::OwnedFd::from(pipe)),
            self.timeout,
        );
        if read.is_err() {
            let _ = child.kill();
        }
        let wrote = child.wait().map_err(|error| GitError::from_spawn(task(first), &error))?;
        let output = self.git.taken(read?, task(second))?;
        if !wrote.success() {
            let exit = wrote.into();
            return Err(GitError::Failed { task: task(first), exit, words: String::new() });
        }
        Ok(output)
    }

    /// Merges what changed from `base` to `theirs` into `ours`.
    ///
    /// `.gitattributes` count as they are in `attributes`, the first time; not those of the checkout.
    ///
    /// # Errors
    /// If Git cannot.
    pub fn merge(
        &self,
        base: &TreeId,
        ours: &TreeId,
        theirs: &TreeId,
        attributes: &TreeId,
    ) -> Result<Merged, GitError> {
        // What changes nothing, changes nothing: most reverse merges end here.
        if base == theirs {
            return Ok(Merged::Clean(ours.clone()));
        }
        if base == ours {
            return Ok(Merged::Clean(theirs.clone()));
        }
        self.with_merger(attributes, |merger| merger.merge(base, ours, theirs))
    }

    /// Merges two commits as `git merge` would.
    ///
    /// # Errors
    /// If Git cannot.
    pub fn merge_commits(&self, ours: &CommitId, theirs: &CommitId, attributes: &TreeId) -> Result<Merged, GitError> {
        self.with_merger(attributes, |merger| merger.merge_commits(ours.as_str(), theirs.as_str(), attributes))
    }

    fn with_merger<T>(
        &self,
        attributes: &TreeId,
        ask: impl FnOnce(&mut Merger) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        let mut merger = self.merger.borrow_mut();
        let merger = match &mut *merger {
            Some(merger) => merger,
            none => {
                let mut command = self.command(&[])?;
                // A merge driver's files lie where Git was started: not in the Git directory, where
                // they would stay if all of us were killed.
                command.arg("-C").arg(env::temp_dir()).arg("--git-dir").arg(&self.git_dir);
                command.env("GIT_ATTR_SOURCE", attributes.as_str());
                none.insert(Merger::start(command, self.timeout)?)
            }
        };
        ask(merger)
    }

    /// Whether an object is here, by its id or a revision; nothing is fetched for the answer.
    ///
    /// # Errors
    /// If Git cannot be run to its end.
    pub fn has(&self, object: &str) -> Result<bool, GitError> {
        let mut command = self.command(&["cat-file", "-e", object])?;
        command.env("GIT_NO_LAZY_FETCH", "1");
        Ok(git::finish(command, "cat-file", git::LOCAL)?.exit.is_success())
    }

    /// A commit as its bytes.
    ///
    /// # Errors
    /// If there is none of this id, or it is malformed.
    pub fn commit(&self, id: &CommitId) -> Result<RawCommit, GitError> {
        let mut reader = self.reader.borrow_mut();
        let reader = match &mut *reader {
            Some(reader) => reader,
            none => {
                let command = self.command(&["cat-file", "--batch"])?;
                none.insert(Coprocess::start(command, "cat-file", self.timeout)?)
            }
        };
        let content = reader.ask(format!("{id}\n").as_bytes(), |bytes| object(bytes, "commit"))?;
        RawCommit::parse(&content).map_err(|reason| unreadable("cat-file", reason))
    }

    /// Writes a commit object of this content.
    ///
    /// # Errors
    /// If Git takes it for malformed, or it cannot be written.
    pub fn write_commit(&self, content: &[u8]) -> Result<CommitId, GitError> {
        let mut writer = self.writer.borrow_mut();
        let failed = |error: &io::Error| unreadable("hash-object", error.to_string());
        let writer = match &mut *writer {
            Some(writer) => writer,
            none => {
                let args = ["hash-object", "-w", "-t", "commit", "--no-filters", "--stdin-paths"];
                let helper = Coprocess::start(self.command(&args)?, "hash-object", self.timeout)?;
                none.insert(Writer { helper, file: scratch_file(&self.scratch).map_err(|error| failed(&error))? })
            }
        };
        let file = writer.file.as_file_mut();
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(content));
        written.map_err(|error| failed(&error))?;
        let mut path = writer.file.path().as_os_str().as_encoded_bytes().to_vec();
        path.push(b'\n');
        writer.helper.ask(&path, |bytes| {
            let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else { return Ok(None) };
            Ok(Some((String::from_utf8_lossy(&bytes[..end]).parse()?, end + 1)))
        })
    }
}

/// How long another run may hold the directory.
const PATIENCE: Duration = Duration::from_secs(30);

/// A lock on this directory of runs, to be held for a moment.
pub(super) fn locked(directory: &Path) -> io::Result<Lock> {
    Lock::acquire(&directory.join("scratch.lock"), PATIENCE).map_err(|error| match error {
        LockError::Io(error) => error,
        LockError::Held => io::ErrorKind::TimedOut.into(),
        LockError::Unsupported | LockError::Unanswered(_) => io::ErrorKind::Unsupported.into(),
    })
}

/// What the scratch files of runs are called.
const SCRATCH: &str = "commit-";

/// A scratch file that is locked as long as it is used. Those that nobody has locked are of runs that
/// were killed, and go.
fn scratch_file(directory: &Path) -> io::Result<NamedTempFile> {
    private::create_dir(directory)?;
    // Or what another run has made, and not locked yet, would be taken for a dead one's.
    let _lock = locked(directory)?;
    for entry in fs::read_dir(directory)?.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(SCRATCH.as_bytes())
            && File::open(entry.path()).is_ok_and(|file| FileExt::try_lock_exclusive(&file).is_ok())
        {
            fs::remove_file(entry.path())?;
        }
    }
    let file = tempfile::Builder::new().prefix(SCRATCH).tempfile_in(directory)?;
    FileExt::try_lock_exclusive(file.as_file())?;
    Ok(file)
}

/// What the first argument says: the subcommand, for messages.
fn task(args: &[&str]) -> &'static str {
    const KNOWN: [&str; 16] = [
        "cat-file",
        "check-ref-format",
        "commit-tree",
        "config",
        "diff-tree",
        "for-each-ref",
        "hash-object",
        "merge-base",
        "mktag",
        "notes",
        "patch-id",
        "range-diff",
        "rev-list",
        "rev-parse",
        "symbolic-ref",
        "update-ref",
    ];
    args.iter().find_map(|arg| KNOWN.into_iter().find(|known| known == arg)).unwrap_or("command")
}

pub(crate) fn unreadable(task: &'static str, reason: String) -> GitError {
    GitError::Unreadable { task, reason }
}

/// Reads `id SP type SP size LF content LF` (git-cat-file(1), "BATCH OUTPUT").
fn object(bytes: &[u8], kind: &str) -> Parsed<Vec<u8>> {
    let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else { return Ok(None) };
    let line = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut words = line.split(' ').skip(1);
    let (Some(found), Some(Ok(size))) = (words.next(), words.next().map(str::parse::<usize>)) else {
        return Err("there is no such object".to_owned());
    };
    if found != kind {
        return Err(format!("an object is not a {kind}"));
    }
    let content = bytes.get(end + 1..end + 1 + size).map(<[u8]>::to_vec);
    Ok(content.filter(|_| bytes.len() > end + 1 + size).map(|content| (content, end + size + 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_whole() {
        let answer = b"aaaa commit 3\nabc\nrest";
        assert_eq!(object(answer, "commit"), Ok(Some((b"abc".to_vec(), 18))));
        for end in 0..18 {
            assert_eq!(object(&answer[..end], "commit"), Ok(None), "{end}");
        }
        assert!(object(b"aaaa missing\n", "commit").is_err());
        assert!(object(b"aaaa blob 3\nabc\n", "commit").is_err());
    }
}
