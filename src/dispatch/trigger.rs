//! The trigger branch: a commit that carries the event, pushed to the fork's forge.
//!
//! Its parent is the head of the fork's stack and its tree is that commit's tree, so that the fork's
//! own CI files run. It is created, never moved: the same event is the same commit, and a ref that
//! is there already is either ours or somebody else's, and stays.

use super::{result::Status, runner::Ran};
use crate::{
    config::Config,
    event::Event,
    forge,
    git::{Commit, GitError, Pushed},
    ledger::state::OpenSignal,
    parse::refs::RemoteRefs,
    refname, text,
    watch::Watch,
    workspace::Workspace,
};
use std::{
    fmt::Write,
    time::{Duration, Instant},
};

/// Who writes the trigger commits: nobody in particular, so that they are the same everywhere.
const BY: &str = "patch.moi <patch@patch.moi>";

/// How many commits of others are looked through for the one of a trigger branch.
const BUILT_ON: usize = 100;

/// Pushes the signal's trigger branch, unless it is there.
#[must_use]
pub fn push(workspace: &Workspace, watch: &Watch, signal: &OpenSignal) -> Ran {
    let reference = refname::trigger_ref(&workspace.config.settings.ref_prefix, &watch.name, &signal.key);
    let trigger = Trigger { workspace, watch, signal, reference: &reference, deadline: Instant::now() + watch.timeout };
    match trigger.push() {
        Ok((sha, message)) => Ran {
            status: Status::Completed,
            message: Some(message),
            reference: Some(reference),
            sha: Some(sha),
            ..Ran::failed(String::new())
        },
        Err(message) => Ran { reference: Some(reference), ..Ran::failed(message) },
    }
}

/// Refuses a fork that is no remote, or that is the upstream itself: there a trigger is noise.
///
/// # Errors
/// What is wrong, and the key that names the fork.
pub fn check_fork(config: &Config, watch: &Watch) -> Result<(), String> {
    let fork = &watch.fork;
    let url = |remote: &str| config.remotes.get(remote).cloned().unwrap_or_else(|| remote.to_owned());
    if !config.remotes.contains_key(fork) && !fork.contains(['/', ':']) {
        return Err(format!("there is no remote `{fork}` for the fork; `watch.{}.fork` names it", watch.name));
    }
    let is_upstream = watch.remote.as_ref().is_some_and(|remote| url(remote) == url(fork))
        || watch.feed.as_ref().is_some_and(|feed| forge::same_repository(feed, &url(fork)));
    if is_upstream {
        return Err(format!(
            "the fork `{fork}` is the upstream itself, which gets no triggers; `watch.{}.fork` names the fork",
            watch.name
        ));
    }
    Ok(())
}

struct Trigger<'a> {
    workspace: &'a Workspace,
    watch: &'a Watch,
    signal: &'a OpenSignal,
    reference: &'a str,
    deadline: Instant,
}

impl Trigger<'_> {
    /// The commit and what is to be said of it, or why there is none.
    fn push(&self) -> Result<(String, String), String> {
        check_fork(&self.workspace.config, self.watch)?;
        let (git, fork) = (&self.workspace.git, self.watch.fork.as_str());
        let stack = self.watch.stack.as_deref().filter(|stack| !stack.ends_with("/*"));
        let stack = stack.map_or("HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
        let refs = git
            .ls_remote(fork, &["HEAD", &stack, self.reference], self.left())
            .map_err(|error| self.told("cannot read the fork", &error))?;
        self.refuse_watched_branch(&refs)?;
        if refs.refs.contains_key(self.reference) {
            return self.already_there();
        }
        let Some(head) = refs.refs.get(&stack) else {
            return Err(format!(
                "the fork `{fork}` has no {}; name the stack's branch: `git config watch.{}.stack BRANCH`",
                if stack == "HEAD" { "HEAD" } else { stack.trim_start_matches("refs/heads/") },
                self.watch.name
            ));
        };
        let parent = self.fetched(&stack, head.commit())?;
        let commit = git
            .write_commit(&self.commit(&parent), self.left())
            .map_err(|error| format!("cannot write the trigger commit: {error}; {}", error.hint()))?;
        match self.pushed(&commit)? {
            Pushed::Created => Ok((commit, format!("pushed {}", self.short()))),
            Pushed::AlreadyThere => Ok((commit, self.was_there())),
            _ => self.already_there(),
        }
    }

    /// Pushes a commit to the trigger branch; a rejection is an error.
    fn pushed(&self, commit: &str) -> Result<Pushed, String> {
        let fork = &self.watch.fork;
        match self.workspace.git.push_new(fork, commit, self.reference, self.left()) {
            Ok(Pushed::Rejected { reason }) => {
                Err(format!("the fork `{fork}` refused {}: {}", self.short(), text::printable(&reason)))
            }
            Ok(pushed) => Ok(pushed),
            Err(error) => Err(self.told("cannot push to the fork", &error)),
        }
    }

    fn was_there(&self) -> String {
        format!("{} was there already", self.short())
    }

    fn short(&self) -> &str {
        self.reference.trim_start_matches("refs/heads/")
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn told(&self, what: &str, error: &GitError) -> String {
        format!("{what} `{}`: {error}; {}", self.watch.fork, error.hint())
    }

    /// The fork's HEAD is known only now; were a trigger in its place, it would start a circle.
    fn refuse_watched_branch(&self, refs: &RemoteRefs) -> Result<(), String> {
        let prefix = &self.workspace.config.settings.ref_prefix;
        let head = refs.head.as_deref().and_then(|head| head.strip_prefix("refs/heads/"));
        match head.filter(|head| refname::meets_triggers(prefix, head)) {
            Some(head) => Err(format!(
                "{} is in the way of `{}`, the branch of the fork's HEAD; set another `patch.refPrefix`",
                self.short(),
                text::printable(head)
            )),
            None => Ok(()),
        }
    }

    /// The ref exists: it is this event's, or it is not ours to touch.
    fn already_there(&self) -> Result<(String, String), String> {
        let (git, fork) = (&self.workspace.git, &self.watch.fork);
        let tip = self.fetched(self.reference, "")?;
        // A run may have put commits of its own on top.
        let history = git
            .history(&tip.sha, BUILT_ON, self.left())
            .map_err(|error| format!("cannot read {}: {error}; {}", self.short(), error.hint()))?;
        let ours = history
            .into_iter()
            .find(|commit| event_in(&commit.message).is_some_and(|event| event.id == self.signal.event.id));
        let Some(ours) = ours else {
            return Err(format!(
                "the fork `{fork}` has a branch {} that is not this event's; move it away, then `patch retry`",
                self.short()
            ));
        };
        // What is read is one place of several: an earlier push may have reached that one alone.
        let places = git.push_urls(fork).map_err(|error| self.told("cannot tell the push URLs of the fork", &error))?;
        if places > 1 && self.pushed(&ours.sha)? == Pushed::Created {
            return Ok((ours.sha, format!("pushed {}", self.short())));
        }
        Ok((ours.sha, self.was_there()))
    }

    /// The remote's commit at `reference`, brought here under a ref of our own if `sha` is not here.
    fn fetched(&self, reference: &str, sha: &str) -> Result<Commit, String> {
        let git = &self.workspace.git;
        let here = |name: &str| {
            git.commit(name, self.left()).map_err(|error| format!("cannot read commits: {error}; {}", error.hint()))
        };
        if !sha.is_empty()
            && let Some(commit) = here(sha)?
        {
            return Ok(commit);
        }
        let ours = format!("refs/patch-moi/fork/{}", refname::component(self.watch.name.as_str()));
        git.fetch(&self.watch.fork, &[format!("+{reference}:{ours}")], self.left())
            .map_err(|error| self.told("cannot fetch from the fork", &error))?;
        here(&ours)?.ok_or_else(|| format!("{reference} of the fork `{}` is no commit", self.watch.fork))
    }

    /// The commit: no clock and no identity but the event's own, so that it is the same every time.
    fn commit(&self, parent: &Commit) -> Vec<u8> {
        let seconds = self.signal.event.received_at.seconds();
        let message = message(self.watch, self.signal);
        let Commit { tree, sha, .. } = parent;
        format!("tree {tree}\nparent {sha}\nauthor {BY} {seconds} +0000\ncommitter {BY} {seconds} +0000\n\n{message}")
            .into_bytes()
    }
}

/// The commit's message: what it is for, the event's document, and trailers for scripts.
fn message(watch: &Watch, signal: &OpenSignal) -> String {
    let event = &signal.event;
    let subject = inert(text::clipped(&signal.key, 60));
    let mut message = format!("patch: {} {subject}\n\n{}\n\n", watch.name, text::json_without(event, ORDERS));
    let field = |name: &str| event.payload.get(name).and_then(serde_json::Value::as_str);
    let trailers = [
        ("Patch-Event", Some(event.id.as_str())),
        ("Patch-Watch", Some(watch.name.as_str())),
        ("Upstream-Tag", field("tag")),
        ("Upstream-Commit", field("sha")),
    ];
    for (name, value) in trailers {
        if let Some(value) = value {
            writeln!(message, "{name}: {}", inert(value)).expect("a String takes every character");
        }
    }
    message
}

/// Characters of orders that forges read in commit messages: `[skip ci]` and `***NO_CI***` would keep
/// the run from starting, `#1` and `@name` would reach people. In JSON they can be escaped.
pub(crate) const ORDERS: &[char] = &['[', '*', '#', '@'];

/// A line of the message that gives the forge no orders. Inside of a word an `@` names nobody.
pub(crate) fn inert(text: &str) -> String {
    let text = text::printable(text);
    let mut inert = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '[' | '*' | '#' => inert.extend(c.escape_unicode()),
            '@' if !before.is_ascii_alphanumeric() => inert.extend(c.escape_unicode()),
            _ => inert.push(c),
        }
        before = c;
    }
    inert
}

/// The event that a trigger commit's message carries.
#[must_use]
pub fn event_in(message: &str) -> Option<Event> {
    let mut documents = message.lines().filter(|line| line.starts_with('{'));
    let event: Event = documents.find_map(|line| serde_json::from_str(line).ok())?;
    let trailer = format!("Patch-Event: {}", inert(&event.id));
    (message.starts_with("patch: ") && message.lines().any(|line| line == trailer)).then_some(event)
}
