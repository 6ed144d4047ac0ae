//! The scratch directory, and the programs that run in it, shut off from the rest of the machine.

use crate::{
    child::{self, Exit, Input, Limits},
    text,
};
use std::{
    env,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// How long one program may take; each needs a fraction of a second.
const TIMEOUT: Duration = Duration::from_mins(2);
/// How much of its output is kept, in bytes.
const OUTPUT: usize = 1 << 20;

/// What is otherwise than it should be: the rehearsal ends.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Surprise(pub String);

/// A directory and the programs in it.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    root: PathBuf,
    program: PathBuf,
}

/// What a program printed.
#[derive(Debug)]
pub(super) struct Said {
    /// To standard output.
    pub stdout: String,
    /// To standard error.
    pub stderr: String,
    /// How it ended.
    pub exit: Exit,
}

impl Stage {
    /// A stage in the directory `root`, an absolute path without symbolic links; `program` is ours.
    pub(super) fn new(root: PathBuf, program: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(root.join("home/tmp"))?;
        Ok(Self { root, program })
    }

    /// The scratch directory.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// `path` in the scratch directory.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// What to type for our program: its file, unless `patch` on PATH is that file and not another.
    pub(super) fn called(&self) -> String {
        let path = env::var_os("PATH").unwrap_or_default();
        let first = env::split_paths(&path).map(|folder| folder.join("patch")).find(|path| path.is_file());
        let first = first.and_then(|path| path.canonicalize().ok());
        if first.is_some() && first == self.program.canonicalize().ok() {
            return "patch".to_owned();
        }
        self.program.to_string_lossy().into_owned()
    }

    /// Writes a file.
    pub(super) fn write(&self, path: &str, content: &str) -> Result<(), Surprise> {
        let path = self.path(path);
        fs::write(&path, content)
            .map_err(|error| Surprise(format!("cannot write {}: {error}", text::printable(&path.to_string_lossy()))))
    }

    /// Runs the words in `directory` to their end, whatever it is; the word `patch` is our program.
    pub(super) fn run(&self, directory: &str, words: &[&str]) -> Result<Said, Surprise> {
        let program = match words[0] {
            "patch" => self.program.as_os_str(),
            other => OsStr::new(other),
        };
        let mut command = Command::new(program);
        command.args(&words[1..]).current_dir(self.path(directory));
        self.shut_off(&mut command);
        let finished = child::run(command, Input::Null, Limits { timeout: TIMEOUT, output: OUTPUT });
        let finished = finished.map_err(|error| Surprise(child::describe_spawn_error(program, &error).0))?;
        let (stdout, stderr) = (finished.stdout.lossy(), finished.stderr.lossy());
        Ok(Said { stdout, stderr, exit: finished.exit })
    }

    /// What `git` prints in `directory`, without the last line end; it must succeed.
    pub(super) fn git(&self, directory: &str, args: &[&str]) -> Result<String, Surprise> {
        let words = [&["git"], args].concat();
        let said = self.run(directory, &words)?;
        said.check(&words)?;
        Ok(said.stdout.trim_end_matches('\n').to_owned())
    }

    /// Leaves of our environment what finds programs, and nothing else: no configuration of the
    /// user's or the system's, no repository that we were started in, no proxy, no state directory.
    fn shut_off(&self, command: &mut Command) {
        command.env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        let home = self.path("home");
        for (name, path) in [
            ("HOME", ""),
            ("TMPDIR", "tmp"),
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_STATE_HOME", ".local/state"),
            ("XDG_RUNTIME_DIR", "run"),
            ("PATCH_CACHE_DIR", ".cache/patch-moi"),
        ] {
            command.env(name, home.join(path));
        }
        command.env("GIT_CEILING_DIRECTORIES", &self.root);
        command.envs([
            ("LC_ALL", "C"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            // Git 3 makes other repositories by default, with longer object ids than the pages show.
            ("GIT_DEFAULT_HASH", "sha1"),
            ("GIT_DEFAULT_REF_FORMAT", "files"),
            // Maintenance in the background would still hold its lock when the directory is removed.
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "maintenance.auto"),
            ("GIT_CONFIG_VALUE_0", "false"),
        ]);
    }
}

impl Said {
    /// Whether the words that said this succeeded.
    pub(super) fn check(&self, words: &[&str]) -> Result<(), Surprise> {
        if self.exit.is_success() {
            return Ok(());
        }
        let lines = || self.stderr.lines().rev().filter(|line| !line.trim().is_empty());
        let telling = lines().find(|line| line.starts_with("fatal:") || line.starts_with("error:"));
        let last = telling.or_else(|| lines().next());
        let last = last.map(|line| format!(": {}", text::printable(line.trim()))).unwrap_or_default();
        Err(Surprise(format!("`{}`: {}{last}", as_typed(words), self.exit)))
    }
}

/// The words as a person types them in a shell.
pub(super) fn as_typed(words: &[&str]) -> String {
    let typed = shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "));
    text::printable(&typed)
}
