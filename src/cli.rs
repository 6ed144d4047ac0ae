//! The command line: clap types only, no behaviour. `man/` and `completions/` come from here.

#![allow(clippy::doc_markdown, reason = "these comments are the help text, where a variable has no backticks")]

use crate::carry::pick::Landed;
use crate::channel::ChannelName;
use crate::completion;
use crate::ledger::record::KINDS;
use crate::watch::{EventKind, Policy, Target, WatchName};
use clap::{
    ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint,
    builder::{PossibleValue, PossibleValuesParser},
};
use clap_complete::engine::ArgValueCompleter;
use std::path::PathBuf;

/// Keep custom patches on top of upstream software, unattended
#[derive(Debug, Parser)]
#[command(
    name = "patch",
    display_name = "patch-moi", // in the version: GNU patch says `patch`
    version,
    disable_version_flag = true,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = false,
    before_help = concat!("patch-moi ", env!("CARGO_PKG_VERSION")),
    after_help = "Whatever is not one of these commands is handed, untouched, to the next `patch` on PATH \
                  (GNU patch): `patch -p1 < x.diff` works as ever.\n\n\
                  Start with `patch rehearse`, then `patch watch add <URL>` in your fork.",
    after_long_help = EXIT_STATUS
)]
pub struct Cli {
    /// The options of every command
    #[command(flatten)]
    pub global: GlobalArgs,
    /// Print the version
    #[arg(short = 'v', short_alias = 'V', long, action = ArgAction::Version, help_heading = "Options")]
    pub version: (),
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_STATUS: &str = "\
Exit status:
  0    done; nothing new is success, and prints nothing
  1    at least one watch or dispatch failed; the rest was finished
  2    the command line or the configuration is wrong; nothing was done
  10   `patch status --exit-code`: something waits for a person
  75   another run holds the lock; try again later
  127  a call for the patch utility, and there is no other `patch` on PATH

The shared name:
  Whatever is not one of these commands is handed, untouched, to the next `patch` on PATH (GNU patch).
  Called by any other name, such as `patch-moi`, this program keeps every call to itself.";

/// Options that every command takes, before or after its name
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub struct GlobalArgs {
    /// Run as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true, allow_hyphen_values = true, value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Colour the output: NO_COLOR and a pipe turn it off, this wins over both
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto")]
    pub color: ColorWhen,
    /// Print errors and what was asked for, nothing else
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// When to colour
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check upstream, record what is new, and dispatch it
    Poll(PollArgs),
    /// Dispatch what is pending, without a look at upstream
    Dispatch(DispatchArgs),
    /// Show what waits and for whom, the channels, and every watch on a line
    Status(StatusArgs),
    /// List the ledger's records, newest last
    Log(LogArgs),
    /// Show one signal: its event, every attempt, its output
    Show(ShowArgs),
    /// Let a failed, blocked or given-up signal be dispatched again
    Retry(RetryArgs),
    /// Dispatch a signal again, whatever became of it
    Replay(ReplayArgs),
    /// Take the patch stack to a new upstream point
    Carry(CarryArgs),
    /// List the patches of the stack, and how each stands against an upstream point
    Stack(StackArgs),
    /// Print the event document of a signal or of a trigger commit
    Event(EventArgs),
    /// Read the fork's refs, and record what became of each signal
    Sync(SyncArgs),
    /// Move a channel to a candidate
    Promote(PromoteArgs),
    /// Say that a candidate is good
    Approve(WordArgs),
    /// Say that a candidate is not to be used, and remove it
    Reject(WordArgs),
    /// Remove what signals that ended long ago have left: branches, logs, reports
    Prune(PruneArgs),
    /// Add, list, check and remove watches
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Watch {
        /// What to do
        #[command(subcommand)]
        command: WatchCommand,
    },
    /// Write all that is known as a page for a browser
    Report(ReportArgs),
    /// Find what is wrong here, with what mends it
    Doctor(DoctorArgs),
    /// Play the main job through in a scratch directory, with real Git and real HTTP
    Rehearse(RehearseArgs),
}

/// The commands that edit and try watches
#[derive(Debug, Subcommand)]
pub enum WatchCommand {
    /// Watch an upstream repository or feed
    Add(WatchAddArgs),
    /// List the watches
    List(WatchListArgs),
    /// Fetch once and show what a watch sees and takes; write nothing
    Check(WatchCheckArgs),
    /// Remove a watch from the configuration; the ledger keeps its records
    Remove(WatchRemoveArgs),
}

/// `--json`, the same everywhere
#[derive(Args, Clone, Copy, Debug)]
pub struct JsonArg {
    /// Print one JSON object a line instead of text
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `patch poll`
#[derive(Args, Debug)]
pub struct PollArgs {
    /// The watches to poll; all of them without a name
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(completion::watch_names))]
    pub names: Vec<WatchName>,
    /// Look and say what would be done, but record and dispatch nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Record what is new, but leave it to `patch dispatch`
    #[arg(long)]
    pub no_dispatch: bool,
    /// At first sight of a watch, take its newest N entries as news
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub backfill: usize,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch dispatch`
#[derive(Args, Debug)]
pub struct DispatchArgs {
    /// The watches to dispatch for; all of them without a name
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(completion::watch_names))]
    pub names: Vec<WatchName>,
    /// Say what would be dispatched, but do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch status`
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// The watches to show; all of them without a name
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(completion::watch_names))]
    pub names: Vec<WatchName>,
    /// End with 10 if something waits for a person; with `--quiet`, print nothing
    #[arg(long)]
    pub exit_code: bool,
    /// Print metrics for node_exporter's textfile collector
    #[arg(long, conflicts_with = "json")]
    pub prometheus: bool,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch log`
#[derive(Args, Debug)]
pub struct LogArgs {
    /// The watches whose records to list; all of them without a name
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(completion::watch_names))]
    pub names: Vec<WatchName>,
    /// List the last N records only; 0 lists all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// List records of this kind only; repeatable
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(KINDS))]
    pub kind: Vec<String>,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch show`
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// A signal's id, its key, or any part that only one signal begins with
    #[arg(value_name = "ID", add = ArgValueCompleter::new(completion::signals))]
    pub id: String,
    /// Print the output of the attempts only
    #[arg(long, conflicts_with = "json")]
    pub log: bool,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch retry`
#[derive(Args, Debug)]
pub struct RetryArgs {
    /// A signal's id, its key, or any part that only one signal begins with
    #[arg(value_name = "ID", required_unless_present = "all", add = ArgValueCompleter::new(completion::signals))]
    pub ids: Vec<String>,
    /// Every signal that failed, was blocked or was given up
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
    /// Make it due, but leave it to the next `patch poll` or `patch dispatch`
    #[arg(long)]
    pub no_dispatch: bool,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch replay`
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// A signal's id, its key, or any part that only one signal begins with
    #[arg(value_name = "ID", required = true, add = ArgValueCompleter::new(completion::signals))]
    pub ids: Vec<String>,
    /// Hand it to this target instead of the watch's own; repeatable
    #[arg(long, value_name = "TARGET")]
    pub to: Vec<Target>,
    /// Make it due, but leave it to the next `patch poll` or `patch dispatch`
    #[arg(long)]
    pub no_dispatch: bool,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch carry`
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct CarryArgs {
    /// Carry to where this event says: a file, `-` for standard input, or a trigger commit
    #[arg(long, value_name = "FILE|-|REV", conflicts_with = "onto", value_hint = ValueHint::FilePath)]
    pub event: Option<String>,
    /// Carry to this upstream tag, branch or commit
    #[arg(long, value_name = "REV")]
    pub onto: Option<String>,
    /// The watch whose stack it is; not needed if there is one only
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(completion::watch_names))]
    pub watch: Option<WatchName>,
    /// The branch that holds the patches, or `PREFIX/*`, instead of the watch's
    #[arg(long, value_name = "BRANCH")]
    pub stack: Option<String>,
    /// Say what would become of each patch, and make no branch
    #[arg(long)]
    pub dry_run: bool,
    /// Behind a conflict, say which of the later patches would apply
    #[arg(long)]
    pub survey: bool,
    /// Go on from the intervention branch that is checked out, once it is decided
    #[arg(long = "continue", conflicts_with_all = ["event", "onto", "watch", "stack", "dry_run"])]
    pub resume: bool,
    /// What becomes of patches that upstream has, instead of what is configured
    #[arg(long, value_name = "WHAT")]
    pub landed: Option<Landed>,
    /// Flatten merges although something that only they hold is then left out
    #[arg(long)]
    pub flatten_merges: bool,
    /// Push what comes of it to the fork, whatever `push` of the watch says
    #[arg(long, conflicts_with = "dry_run")]
    pub push: bool,
    /// Keep the report in FILE, and the range-diff beside it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "dry_run")]
    pub report: Option<PathBuf>,
    /// Neither use nor record resolutions of conflicts
    #[arg(long)]
    pub no_rerere: bool,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch stack`
#[derive(Args, Debug)]
pub struct StackArgs {
    /// The watch whose stack it is; not needed if there is one only
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(completion::watch_names))]
    pub name: Option<WatchName>,
    /// Tell how each patch stands against this upstream tag, branch or commit
    #[arg(long, value_name = "REV")]
    pub onto: Option<String>,
    /// The branch that holds the patches, or `PREFIX/*`, instead of the watch's
    #[arg(long, value_name = "BRANCH")]
    pub stack: Option<String>,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch event`
#[derive(Args, Debug)]
pub struct EventArgs {
    /// A trigger commit or branch, or a signal's id, key or unique beginning
    #[arg(value_name = "REV|ID", default_value = "HEAD", add = ArgValueCompleter::new(completion::signals))]
    pub source: String,
}

/// Arguments of `patch sync`
#[derive(Args, Debug)]
pub struct SyncArgs {
    /// The watches whose signals to look at; all of them without a name
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(completion::watch_names))]
    pub names: Vec<WatchName>,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch promote`
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct PromoteArgs {
    /// The signal whose candidate it is; the newest that may be promoted without an ID
    #[arg(value_name = "CANDIDATE", add = ArgValueCompleter::new(completion::signals))]
    pub candidate: Option<String>,
    /// The channel to move
    #[arg(long, value_name = "NAME", required = true, add = ArgValueCompleter::new(completion::channel_names))]
    pub channel: ChannelName,
    /// Say that you have reviewed it: it may be unverified, or resolved by a program
    #[arg(long)]
    pub reviewed: bool,
    /// Let the channel go back, or lose commits that the candidate does not have
    #[arg(long)]
    pub allow_rewind: bool,
    /// Go back to where the channel was before its last promotion
    #[arg(long, conflicts_with_all = ["candidate", "reviewed", "allow_rewind"])]
    pub rollback: bool,
    /// Say what would be moved, and move nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What is to be recorded beside it
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch approve` and `patch reject`
#[derive(Args, Debug)]
pub struct WordArgs {
    /// A signal's id, its key, or any part that only one signal begins with
    #[arg(value_name = "ID", add = ArgValueCompleter::new(completion::signals))]
    pub id: String,
    /// What is to be recorded beside it
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch prune`
#[derive(Args, Debug)]
pub struct PruneArgs {
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Remove what ended so many days ago, instead of what patch.pruneAfter says
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub older_than: Option<u32>,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch watch add`
#[derive(Args, Clone, Debug)]
pub struct WatchAddArgs {
    /// The upstream repository's page, its Git URL or remote name, or a feed
    #[arg(value_name = "URL", value_hint = ValueHint::Url)]
    pub url: String,
    /// The watch's name; the repository's name if not given
    #[arg(long, value_name = "NAME")]
    pub name: Option<WatchName>,
    /// What counts as an entry
    #[arg(long, value_name = "KIND", default_value = "release")]
    pub event: EventKind,
    /// The upstream branch to watch; implies `--event branch`
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<String>,
    /// Take the tags that match this glob; `!GLOB` leaves out; repeatable
    #[arg(long, value_name = "GLOB", allow_hyphen_values = true)]
    pub tags: Vec<String>,
    /// Take the versions that meet this requirement, such as `>=1.4, <3`
    #[arg(long, value_name = "REQ")]
    pub versions: Option<String>,
    /// Take pre-releases
    #[arg(long)]
    pub prerelease: bool,
    /// Who is handed what is new; repeatable
    #[arg(long, value_name = "TARGET")]
    pub dispatch: Vec<Target>,
    /// The program for `--dispatch command`, or the runner for `--dispatch codex-flow`
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub command: Option<String>,
    /// Dispatch each signal, or only the latest
    #[arg(long, value_name = "POLICY")]
    pub policy: Option<Policy>,
    /// The Git remote or URL whose refs are read beside the feed
    #[arg(long, value_name = "REMOTE")]
    pub remote: Option<String>,
    /// The Git remote of the fork, where trigger branches are pushed; `origin` if not given
    #[arg(long, value_name = "REMOTE")]
    pub fork: Option<String>,
    /// Write to the user's configuration instead of the repository's
    #[arg(long = "global-config")]
    pub user: bool,
    /// Write without a look at upstream first
    #[arg(long)]
    pub no_check: bool,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch watch list`
#[derive(Args, Debug)]
pub struct WatchListArgs {
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch watch check`
#[derive(Args, Debug)]
pub struct WatchCheckArgs {
    /// The watches to check; all of them without a name
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(completion::watch_names))]
    pub names: Vec<WatchName>,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch watch remove`
#[derive(Args, Debug)]
pub struct WatchRemoveArgs {
    /// The watches to remove
    #[arg(value_name = "NAME", required = true, add = ArgValueCompleter::new(completion::watch_names))]
    pub names: Vec<WatchName>,
}

/// Arguments of `patch report`
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// Write the page to DIR, which is made if it is missing
    #[arg(short, long, value_name = "DIR", default_value = "patch-report", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// Show the newest N signals, and what waits whatever its age
    #[arg(short = 'n', long, value_name = "N", default_value_t = 200)]
    pub limit: usize,
    /// Replace an index.html that is none of ours
    #[arg(long)]
    pub force: bool,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch doctor`
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Leave the damaged lines out of the ledger, and keep it as it was beside it
    #[arg(long)]
    pub repair: bool,
    /// Ask nobody on the network
    #[arg(long)]
    pub offline: bool,
    /// Whether the answer is JSON
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `patch rehearse`
#[derive(Args, Debug)]
pub struct RehearseArgs {
    /// Let upstream change what a patch changes: a person has to decide
    #[arg(long, action = ArgAction::SetTrue)]
    pub conflict: bool,
    /// Keep the scratch directory
    #[arg(long, action = ArgAction::SetTrue)]
    pub keep: bool,
    /// Rehearse in DIR, which must be empty or not exist, and keep it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

impl ValueEnum for EventKind {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Release, Self::Branch]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Release => PossibleValue::new("release").help("Releases and tags"),
            Self::Branch => PossibleValue::new("branch").help("Commits of one branch"),
        })
    }
}

impl ValueEnum for Landed {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Drop, Self::Keep, Self::Ask]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Drop => PossibleValue::new("drop").help("Leave them out"),
            Self::Keep => PossibleValue::new("keep").help("Keep them as empty commits"),
            Self::Ask => PossibleValue::new("ask").help("Stop for a person to decide"),
        })
    }
}

impl ValueEnum for Policy {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Each, Self::Latest]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Each => PossibleValue::new("each").help("Every signal, oldest first"),
            Self::Latest => PossibleValue::new("latest").help("Only the newest; the others are superseded"),
        })
    }
}

impl ValueEnum for Target {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::CodexFlow, Self::TriggerBranch, Self::Command, Self::Carry]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::CodexFlow => "Spawn a flow runner with the event's file",
            Self::TriggerBranch => "Push a branch with the event to the fork",
            Self::Carry => "Carry the patch stack to what is new, verify and publish it",
            Self::Command => "Spawn a program with the event on standard input",
        };
        Some(PossibleValue::new(self.as_str()).help(help))
    }
}
