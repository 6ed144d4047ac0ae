//! The name `patch`: ours for our own commands, the patch utility's (POSIX, GNU) for everything else.
//!
//! quilt, dpkg-source and makefiles call `patch` and must not notice that another program answers.
//! [`decide`] says whose call it is, [`next_patch`] finds whom to hand it to, and [`hand_over`]
//! becomes that program by `exec`, so that standard input, the environment, signals and the exit
//! status are its own.

use crate::{cli::Cli, text::printable};
use clap::{Arg, Command, CommandFactory, ValueHint};
use rustix::fs::{Access, access};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, Metadata};
use std::io::{self, IsTerminal};
use std::os::unix::{ffi::OsStrExt, fs::MetadataExt, process::CommandExt};
use std::path::{Path, PathBuf};
use std::process;

/// The name that is shared with the patch utility.
const SHARED_NAME: &str = "patch";

/// Holds the files that this call has been through, as `DEVICE:INODE` separated by commas.
///
/// A file is compared with our own to skip it, but a second copy of this program on PATH is another
/// file, and it would hand the call back to the first, for ever. So would a wrapper script that
/// calls `patch` by its name. No file in this list is handed the call again.
const VISITED: &str = "PATCH_MOI_HANDED_OVER";

/// Commands of the design that this version does not have.
const LATER: [&str; 4] = ["promote", "report", "schedule", "sync"];

/// Where a program is looked for when PATH is not set at all: execvp(3).
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Whose call it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// Ours: parse the command line.
    Ours,
    /// The patch utility's: hand it over.
    HandOver,
    /// Neither's, but close to this command of ours.
    Suggest(String),
    /// Neither's: a word that is no command, no option and no file, typed at a terminal. The patch
    /// utility would wait there for a patch to be typed.
    Unknown,
}

/// What [`decide`] has to know beside the words of the call.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Standard input is a terminal, so no patch comes from there.
    pub stdin_is_terminal: bool,
    /// There is a `patch` on PATH to hand over to.
    pub another_patch: bool,
    /// One of the arguments is the name of something that exists.
    pub operand_exists: bool,
}

/// Says whose the call `argv0 args…` is.
///
/// The names of our commands and of the options that may stand before them come from the clap
/// definition, and nothing is parsed: `patch -C dir poll` is ours, `patch -p1 poll` is not.
#[must_use]
pub fn decide(argv0: &OsStr, args: &[OsString], facts: Facts) -> Decision {
    if Path::new(argv0).file_name() != Some(OsStr::new(SHARED_NAME)) {
        return Decision::Ours;
    }
    let mut command = Cli::command();
    command.build(); // adds `help`
    let ours = match args {
        [] => facts.stdin_is_terminal,
        // configure scripts ask `patch --version` to find GNU patch, and must find it
        [first, ..] if is_about_the_program(first) => !facts.another_patch,
        _ => first_word(args, &command).is_some_and(|word| command.find_subcommand(word).is_some()),
    };
    match args {
        _ if ours => Decision::Ours,
        [word, ..] if facts.stdin_is_terminal && !facts.operand_exists && args.iter().all(is_bare_word) => {
            closest(word, &command).map_or(Decision::Unknown, Decision::Suggest)
        }
        _ => Decision::HandOver,
    }
}

/// A word like the names of commands, and unlike those of most files.
fn is_bare_word(arg: &OsString) -> bool {
    arg.len() > 2
        && arg.as_bytes().iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'-')
        && !arg.as_bytes().starts_with(b"-")
}

fn is_about_the_program(arg: &OsStr) -> bool {
    ["--help", "--version", "-h", "-v"].iter().any(|option| arg == *option)
}

/// The first argument after our global options; `None` if an option comes first that is not ours.
fn first_word<'a>(args: &'a [OsString], command: &Command) -> Option<&'a OsStr> {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_bytes() {
            [b'-', option @ ..] if !option.is_empty() => {
                if value_follows(option, command)? {
                    args.next();
                }
            }
            _ => return Some(arg),
        }
    }
    None
}

/// Whether the next argument is the value of `option`, which is without its first hyphen; `None`
/// if it is no global option of ours.
fn value_follows(option: &[u8], command: &Command) -> Option<bool> {
    let globals = || command.get_arguments().filter(|arg| arg.is_global_set());
    if let Some(long) = option.strip_prefix(b"-") {
        let name = long.split(|byte| *byte == b'=').next().unwrap_or_default();
        let arg = globals().find(|arg| arg.get_long().is_some_and(|long| long.as_bytes() == name))?;
        return Some(arg.get_action().takes_values() && name.len() == long.len());
    }
    for (index, letter) in option.iter().enumerate() {
        let arg = globals().find(|arg| arg.get_short() == Some(char::from(*letter)))?;
        if arg.get_action().takes_values() {
            return Some(index + 1 == option.len()); // else the value is attached, `-Cdir`
        }
    }
    Some(false)
}

/// The command of ours that `word` is a slip of the keyboard away from.
fn closest(word: &OsStr, command: &Command) -> Option<String> {
    let word = word.to_str()?;
    command
        .get_subcommands()
        .map(|known| (strsim::damerau_levenshtein(word, known.get_name()), known.get_name()))
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(1))
        .min()
        .map(|(_, name)| name.to_owned())
}

/// A file, whatever its path: the device and the inode it is on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    fn of(file: &Metadata) -> Self {
        Self { device: file.dev(), inode: file.ino() }
    }

    fn parse(text: &str) -> Option<Self> {
        let (device, inode) = text.split_once(':')?;
        Some(Self { device: device.parse().ok()?, inode: inode.parse().ok()? })
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.device, self.inode)
    }
}

/// The `patch` on the search path `path` that comes after `own`, and is not among `visited`.
///
/// Where several come after it, it is the first. Where none does, it is the first of all: called by
/// its full path, a program may stand behind the one it is to hand over to. `program` says which
/// file a path is, if it is one that can be run.
#[must_use]
pub fn next_patch(
    path: &OsStr,
    own: Option<FileId>,
    visited: &[FileId],
    program: impl Fn(&Path) -> Option<FileId>,
) -> Option<(PathBuf, FileId)> {
    let mut programs: Vec<_> = env::split_paths(path)
        // an empty entry is the working directory (POSIX, section 8.3)
        .map(|folder| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder })
        .map(|folder| folder.join(SHARED_NAME))
        .filter_map(|path| program(&path).map(|id| (path, id)))
        .collect();
    if let Some(position) = programs.iter().position(|(_, id)| Some(*id) == own) {
        programs.rotate_left(position);
    }
    programs.into_iter().find(|(_, id)| Some(*id) != own && !visited.contains(id))
}

/// The file at `path`, through symbolic links, if it is a program that we may run.
fn program(path: &Path) -> Option<FileId> {
    let file = fs::metadata(path).ok().filter(Metadata::is_file)?;
    access(path, Access::EXEC_OK).ok()?;
    Some(FileId::of(&file))
}

/// The file that this process runs; `None` if the system does not tell.
fn own_file() -> Option<FileId> {
    // Linux's link leads to the file even after an upgrade has replaced it
    let file = fs::metadata("/proc/self/exe").or_else(|_| env::current_exe().and_then(fs::metadata));
    Some(FileId::of(&file.ok()?))
}

/// Whom this program shares its name with on PATH.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Neighbours {
    /// What `patch` alone runs.
    pub first: Option<PathBuf>,
    /// Whether that is this program.
    pub is_ours: bool,
    /// What the calls for the patch utility are handed to.
    pub utility: Option<PathBuf>,
}

/// The programs called `patch` on PATH, as this one sees them.
#[must_use]
pub fn neighbours() -> Neighbours {
    let path = search_path();
    let own = own_file();
    let first = next_patch(&path, None, &[], program);
    let is_ours = first.as_ref().is_some_and(|(_, id)| Some(*id) == own);
    let utility = next_patch(&path, own, &[], program);
    let path_of = |found: Option<(PathBuf, FileId)>| found.map(|(path, _)| path);
    Neighbours { first: path_of(first), is_ours, utility: path_of(utility) }
}

fn search_path() -> OsString {
    env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into())
}

/// Why a call is neither ours nor handed over.
#[derive(Debug)]
pub enum Refusal {
    /// It is close to a command of ours.
    Unknown {
        /// What was asked for.
        word: OsString,
        /// The command that it is close to.
        close: Option<String>,
    },
    /// There is no other `patch` on PATH.
    NoOtherPatch,
    /// The system could not run this one.
    CannotRun(PathBuf, io::Error),
}

impl Refusal {
    /// The exit status: 2 for bad usage, else what a shell gives for a command that it does not
    /// find, 127, or cannot run, 126 (POSIX, Shell Command Language, section 2.8.2).
    ///
    /// Scripts get what they got before this program was there, and GNU patch's own 0, 1 and 2
    /// keep their meaning.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Unknown { .. } => 2,
            Self::NoOtherPatch => 127,
            Self::CannotRun(..) => 126,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { word, close } => {
                let word = printable(&word.to_string_lossy());
                match close {
                    Some(close) => write!(f, "`{word}` is not a command; did you mean `{close}`?"),
                    None if LATER.contains(&word.as_str()) => {
                        write!(f, "`{word}` is not part of this version; `patch help` lists what is")
                    }
                    None => write!(f, "`{word}` is neither a command nor a file; `patch help` lists the commands"),
                }
            }
            Self::NoOtherPatch => f.write_str(
                "this is a call for the patch utility, and there is no other `patch` on PATH to hand it to; \
                 install GNU patch (most systems call the package `patch`), or see `patch help`",
            ),
            Self::CannotRun(path, error) => {
                write!(f, "cannot hand over to {}: {error}", printable(&path.to_string_lossy()))
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// Returns if the call `argv0 args…` is ours; if it is the patch utility's, becomes that program.
///
/// # Errors
/// A [`Refusal`], when the call is neither.
pub fn hand_over(argv0: &OsStr, args: &[OsString]) -> Result<(), Refusal> {
    let visited = env::var(VISITED).unwrap_or_default();
    let mut visited: Vec<FileId> = visited.split(',').filter_map(FileId::parse).collect();
    let own = own_file();
    let path = search_path();
    let next = next_patch(&path, own, &visited, program);
    let facts = Facts {
        stdin_is_terminal: io::stdin().is_terminal(),
        another_patch: next.is_some(),
        operand_exists: args.iter().any(|arg| fs::symlink_metadata(arg).is_ok()),
    };
    match decide(argv0, args, facts) {
        Decision::Ours => Ok(()),
        Decision::Suggest(close) => Err(Refusal::Unknown { word: args[0].clone(), close: Some(close) }),
        Decision::Unknown => Err(Refusal::Unknown { word: args[0].clone(), close: None }),
        Decision::HandOver => {
            let (path, id) = next.ok_or(Refusal::NoOtherPatch)?;
            visited.extend(own);
            visited.push(id);
            Err(become_program(path, argv0, args, &visited))
        }
    }
}

/// Runs the program at `path` in place of this one; returns only when that fails.
fn become_program(path: PathBuf, argv0: &OsStr, args: &[OsString], visited: &[FileId]) -> Refusal {
    let visited: Vec<String> = visited.iter().map(FileId::to_string).collect();
    // `exec` also gives SIGPIPE back its default, which the Rust runtime had set to be ignored
    let error = process::Command::new(&path).arg0(argv0).args(args).env(VISITED, visited.join(",")).exec();
    Refusal::CannotRun(path, error)
}

/// Whether a shell's completion script makes this call, or asks for that script.
///
/// The variable has a name that others use too, and a makefile that exports `COMPLETE=yes` must
/// still get its patch applied: so only the name or path of a shell we know counts, and only
/// without arguments (the script) or with `--` first (a completion).
#[must_use]
pub fn asks_to_complete(variable: Option<&OsStr>, args: &[OsString]) -> bool {
    let shell = variable.and_then(|value| Path::new(value).file_stem()).and_then(OsStr::to_str);
    shell.is_some_and(|name| clap_complete::env::Shells::builtins().completer(name).is_some())
        && args.first().is_none_or(|first| first == "--")
}

/// The command line as a shell completes it under the name `name`.
///
/// A shell has one completion for a name: ours takes the place of the patch utility's, so under the
/// shared name it also offers the files to patch and the patches.
#[must_use]
pub fn completed_command(name: &str) -> Command {
    let command = Cli::command();
    if name == SHARED_NAME {
        command.arg(Arg::new("file").num_args(0..).value_hint(ValueHint::AnyPath))
    } else {
        command
    }
}

#[cfg(test)]
mod tests;
