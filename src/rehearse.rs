//! `patch rehearse`: the main job, played through in a scratch directory for somebody new to it.
//!
//! Upstream, fork and forge are real repositories, the release feed is real HTTP, and this program
//! is its own child. Every step is verified: a rehearsal that ends well has shown that the program
//! works on this machine.

mod feed;
mod proof;
mod scene;
mod screen;
mod stage;

use self::{
    feed::Feed,
    scene::{NEW, OLD, PATCHES, UPSTREAM, WATCH},
    screen::Screen,
    stage::{Said, Stage, Surprise, as_typed},
};
use crate::{
    child::{self, Input, Limits},
    cli::RehearseArgs,
    command::handle_signals,
    outcome::Outcome,
    report::{Report, words},
    text,
    workspace::Failure,
};
use std::{
    env,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tempfile::TempDir;

/// Columns of the names of things.
const WIDE: usize = 9;

/// Rehearses.
///
/// # Errors
/// When it cannot even begin: no `git`, or a directory that is of no use.
pub fn run(directory: Option<&Path>, args: &RehearseArgs, report: &Report) -> Result<Outcome, Failure> {
    handle_signals(report);
    let program =
        env::current_exe().map_err(|error| usage(format!("cannot find this program's file: {error}"), None))?;
    needs_git()?;
    let scratch = Scratch::new(directory, args)?;
    let stage = Stage::new(scratch.root.clone(), program).map_err(|error| unusable(&scratch.root, &error))?;
    let kept = scratch.removed.is_none();
    let played = Rehearsal { stage: &stage, screen: Screen::new(report), kept, conflict: args.conflict }.play();
    let removed = scratch.remove();
    if let Err(error) = &removed {
        report.warning(&format!("cannot remove {}: {error}", shown(stage.root())));
    }
    match played {
        Ok(()) => Ok(Outcome::failed_if(removed.is_err())),
        Err(Surprise(what)) => {
            let hint = if kept {
                format!("what is left is in {}", shown(stage.root()))
            } else {
                format!("keep what is left and look at it: `{} rehearse --keep`", stage.called())
            };
            report.failure(&usage(format!("the rehearsal did not go as it should: {what}"), Some(hint)));
            Ok(Outcome::SomeFailed)
        }
    }
}

fn usage(message: String, hint: Option<String>) -> Failure {
    Failure::Usage(message, hint)
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    let hint = "name a directory that is empty or does not exist: `patch rehearse --dir DIR`";
    usage(format!("cannot use the directory {}: {error}", shown(path)), Some(hint.to_owned()))
}

fn shown(path: &Path) -> String {
    text::printable(&path.to_string_lossy())
}

/// Where it is rehearsed.
struct Scratch {
    /// Absolute, without symbolic links.
    root: PathBuf,
    /// The directory to remove at the end; `None` if it is kept.
    removed: Option<TempDir>,
}

impl Scratch {
    fn new(directory: Option<&Path>, args: &RehearseArgs) -> Result<Self, Failure> {
        let (path, removed) = if let Some(path) = &args.dir {
            let path = &directory.unwrap_or(Path::new("")).join(path);
            if path.exists() && !path.is_dir() {
                return Err(unusable(path, &io::Error::other("it is not a directory")));
            }
            if path.is_dir() && fs::read_dir(path).map_err(|error| unusable(path, &error))?.next().is_some() {
                return Err(unusable(path, &io::Error::other("it is not empty")));
            }
            fs::create_dir_all(path).map_err(|error| unusable(path, &error))?;
            (path.clone(), None)
        } else {
            let made = tempfile::Builder::new().prefix("patch-rehearse-").tempdir();
            let made = made.map_err(|error| unusable(&env::temp_dir(), &error))?;
            if args.keep { (made.keep(), None) } else { (made.path().to_owned(), Some(made)) }
        };
        let root = path.canonicalize().map_err(|error| unusable(&path, &error))?;
        if root.to_str().is_none() {
            return Err(unusable(&root, &io::Error::other("its path is not UTF-8")));
        }
        Ok(Self { root, removed })
    }

    fn remove(self) -> io::Result<()> {
        self.removed.map_or(Ok(()), TempDir::close)
    }
}

/// Asked before anything is made.
fn needs_git() -> Result<(), Failure> {
    let mut command = Command::new("git");
    command.arg("--version");
    let limits = Limits { timeout: Duration::from_mins(1), output: 1000 };
    let hint = || Some("install Git: `patch` works with the `git` on PATH".to_owned());
    match child::run(command, Input::Null, limits) {
        Ok(finished) if finished.exit.is_success() => Ok(()),
        Ok(finished) => Err(usage(format!("`git --version`: {}", finished.exit), hint())),
        Err(error) => Err(usage(child::describe_spawn_error(OsStr::new("git"), &error).0, hint())),
    }
}

/// The play.
struct Rehearsal<'a> {
    stage: &'a Stage,
    screen: Screen<'a>,
    kept: bool,
    conflict: bool,
}

impl Rehearsal<'_> {
    fn play(&self) -> Result<(), Surprise> {
        let (stage, screen) = (self.stage, &self.screen);
        scene::set(stage)?;
        let feed = Feed::serve(stage.clone())
            .map_err(|error| Surprise(format!("cannot serve a feed on 127.0.0.1: {error}")))?;
        screen.heading(&format!("A rehearsal in {}, with real Git and real HTTP", shown(stage.root())));
        screen.item("upstream", WIDE, &format!("the project {UPSTREAM}, which has released {OLD}"));
        screen.item("fork", WIDE, &format!("your clone of it, with {PATCHES} patches on top of {OLD}"));
        screen.item("forge.git", WIDE, "where your fork is pushed, its remote `origin`");
        self.watch(&feed)?;
        self.first_poll(&feed)?;
        let recorded = self.release(&feed)?;
        self.silence(&feed, recorded)?;
        if self.conflict {
            return self.to_be_finished();
        }
        self.places(&feed)?;
        self.end()
    }

    /// Runs a command in the fork and shows it.
    fn act(&self, words: &[&str]) -> Result<Said, Surprise> {
        self.screen.command(words);
        let said = self.stage.run("fork", words)?;
        self.screen.output(&said);
        said.check(words)?;
        Ok(said)
    }

    fn part(&self, text: &str) {
        self.screen.gap();
        self.screen.heading(text);
    }

    fn watch(&self, feed: &Feed) -> Result<(), Surprise> {
        self.part("1. Watch upstream's releases: a watch is a section of the fork's Git config");
        let key = |name: &str| format!("watch.{WATCH}.{name}");
        self.act(&["git", "config", &key("feed"), &feed.url()])?;
        self.act(&["git", "config", &key("remote"), "upstream"])?;
        self.act(&["git", "config", "--add", &key("dispatch"), "trigger-branch"])?;
        self.act(&["git", "config", "--add", &key("dispatch"), "carry"])?;
        self.act(&["git", "config", &key("verify"), "sh check.sh"])?;
        self.act(&["git", "config", &key("push"), "true"]).map(drop)
    }

    fn first_poll(&self, feed: &Feed) -> Result<(), Surprise> {
        self.part("2. The first poll takes note of what there is, and makes no news of it");
        self.act(&["patch", "poll"])?;
        proof::asked(&feed.statuses(), &[200])?;
        proof::primed(&proof::records(self.stage)?)
    }

    /// Upstream's release and the poll that finds it; how much is recorded then.
    fn release(&self, feed: &Feed) -> Result<usize, Surprise> {
        let what =
            if self.conflict { "a line of it is one that a patch changes" } else { "the patches are carried to it" };
        self.part(&format!("3. Upstream releases {NEW}; the next poll finds it, and {what}"));
        scene::upstream_goes_on(self.stage, self.conflict)?;
        self.act(&["git", "-C", "../upstream", "tag", "--annotate", "--message", "Greet 1.1", NEW])?;
        self.act(&["patch", "poll"])?;
        proof::asked(&feed.statuses(), &[200, 200])?;
        let records = proof::records(self.stage)?;
        if self.conflict {
            proof::waits(self.stage, &records)?;
        } else {
            proof::handed(self.stage, &records)?;
        }
        Ok(records.len())
    }

    fn silence(&self, feed: &Feed, recorded: usize) -> Result<(), Surprise> {
        self.part(if self.conflict {
            "4. It waits for a person: no poll tries it again, or says so twice"
        } else {
            "4. With nothing new, a poll prints nothing: cron has nothing to mail"
        });
        let said = self.act(&["patch", "poll"])?;
        proof::asked(&feed.statuses(), &[200, 200, 304])?;
        proof::silent(&said, recorded, &proof::records(self.stage)?)?;
        let state = if self.conflict { "needs a person" } else { "awaits review" };
        proof::stands(&self.act(&["patch", "status"])?, state)
    }

    /// How a person finishes what the carry has prepared.
    fn to_be_finished(&self) -> Result<(), Surprise> {
        let (stage, screen) = (self.stage, &self.screen);
        let branch = proof::waits(stage, &proof::records(stage)?)?.name;
        let branch = branch.trim_start_matches("refs/heads/");
        let patch = stage.called();
        self.part("5. How you finish it: the branch holds what was carried, the conflict, and a report");
        screen.command(&["git", "fetch"]);
        screen.command(&["git", "switch", branch]);
        screen.command(&["git", "show"]);
        screen.sentence("    greet.sh has upstream's line and yours between markers: leave the one that is right");
        screen.command(&["git", "commit", "--all", "--amend", "--no-edit"]);
        screen.command(&[&patch, "carry", "--continue"]);
        screen.sentence("    which carries the other patches, verifies the candidate and pushes it");
        screen.gap();
        screen.sentence("All is as it should be.");
        if self.kept {
            stage.git("fork", &["config", "--unset", &format!("watch.{WATCH}.feed")])?;
            screen.sentence("Finish it: the feed is gone, the watch goes on with the remote.");
            screen.command(&["cd", &shown(&stage.path("fork"))]);
        } else {
            let again = as_typed(&[&patch, "rehearse", "--conflict", "--keep"]);
            screen.sentence(&format!("The directory is removed. To finish one yourself: {again}"));
        }
        Ok(())
    }

    /// What lies where.
    fn places(&self, feed: &Feed) -> Result<(), Surprise> {
        let records = proof::records(self.stage)?;
        let handed = proof::handed(self.stage, &records)?;
        self.part("What lies where now");
        let branches = [(&handed.trigger, "the event, for CI"), (&handed.candidate, "the carried patches")];
        for (place, (branch, what)) in ["forge.git", ""].into_iter().zip(branches) {
            let name = branch.name.trim_start_matches("refs/heads/");
            let commit = words::short(&branch.sha);
            self.screen.item(place, WIDE, &format!("{commit} {name:32}  {what}"));
        }
        let ledger = proof::state_dir(self.stage).join("ledger.jsonl");
        let ledger = ledger.strip_prefix(self.stage.root()).unwrap_or(&ledger);
        self.screen.item("ledger", WIDE, &format!("{}, {} records", shown(ledger), records.len()));
        let statuses: Vec<String> = feed.statuses().iter().map(u16::to_string).collect();
        let requests = format!("GET {} {}, one request a poll", Feed::path(), statuses.join(", "));
        self.screen.item("feed", WIDE, &requests);
        Ok(())
    }

    fn end(&self) -> Result<(), Surprise> {
        let screen = &self.screen;
        let patch = self.stage.called();
        screen.gap();
        if self.kept {
            // The feed's server ends with the rehearsal.
            self.stage.git("fork", &["config", "--unset", &format!("watch.{WATCH}.feed")])?;
            screen.sentence("All is as it should be. The feed is gone; the watch goes on with the remote.");
            screen.command(&["cd", &shown(&self.stage.path("fork"))]);
            screen.command(&[&patch, "log"]);
            screen.command(&["git", "log", "--oneline", "--graph", "main", "patch-moi/candidate/greet/v1.1.0"]);
        } else {
            screen.sentence("All is as it should be. The directory is removed; --keep leaves it to look at.");
            screen.sentence(&format!("Next, in a fork of your own: {}", as_typed(&[&patch, "watch", "add", "URL"])));
        }
        Ok(())
    }
}
