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
    git::{GitError, Pushed},
    ledger::state::OpenSignal,
    parse::refs::RemoteRefs,
    refname, text,
    watch::Watch,
    workspace::Workspace,
};
use git2::{Oid, Repository, Signature, Time};
use std::{
    fmt::Write,
    time::{Duration, Instant},
};

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
        let commit = self.commit(parent)?.to_string();
        match git.push_new(fork, &commit, self.reference, self.left()) {
            Ok(Pushed::Created) => Ok((commit, format!("pushed {}", self.short()))),
            Ok(Pushed::AlreadyThere) => Ok((commit, format!("{} was there already", self.short()))),
            Ok(Pushed::Exists) => self.already_there(),
            Ok(Pushed::Rejected { reason }) => {
                Err(format!("the fork `{fork}` refused {}: {}", self.short(), text::printable(&reason)))
            }
            Err(error) => Err(self.told("cannot push to the fork", &error)),
        }
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

    /// A prefix that makes the trigger the stack or the watched branch itself would start a circle.
    fn refuse_watched_branch(&self, refs: &RemoteRefs) -> Result<(), String> {
        let is_maintained = self.watch.stack.as_ref().is_some_and(|stack| match stack.strip_suffix('*') {
            Some(prefix) => self.short().starts_with(prefix),
            None => self.short() == stack,
        });
        if refs.head.as_deref() == Some(self.reference) || is_maintained {
            return Err(format!("{} is one of the fork's own branches; set another `patch.refPrefix`", self.short()));
        }
        Ok(())
    }

    /// The ref exists: it is this event's, or it is not ours to touch.
    fn already_there(&self) -> Result<(String, String), String> {
        let oid = self.fetched(self.reference, "")?;
        let repository = self.repository()?;
        let mut commit = repository.find_commit(oid).ok();
        // A run may have put commits of its own on top.
        for _ in 0..BUILT_ON {
            let Some(this) = commit else { break };
            let event = event_in(&String::from_utf8_lossy(this.message_raw_bytes()));
            if event.is_some_and(|event| event.id == self.signal.event.id) {
                return Ok((this.id().to_string(), format!("{} was there already", self.short())));
            }
            commit = this.parent(0).ok();
        }
        Err(format!(
            "the fork `{}` has a branch {} that is not this event's; move it away, then `patch retry`",
            self.watch.fork,
            self.short()
        ))
    }

    /// The remote's commit at `reference`, brought here under a ref of our own if `sha` is not here.
    fn fetched(&self, reference: &str, sha: &str) -> Result<Oid, String> {
        let repository = self.repository()?;
        if let Ok(oid) = Oid::from_str(sha)
            && repository.find_commit(oid).is_ok()
        {
            return Ok(oid);
        }
        let ours = format!("refs/patch-moi/fork/{}", refname::component(self.watch.name.as_str()));
        self.workspace
            .git
            .fetch(&self.watch.fork, &[format!("+{reference}:{ours}")], self.left())
            .map_err(|error| self.told("cannot fetch from the fork", &error))?;
        let found = repository.refname_to_id(&ours).and_then(|oid| repository.find_commit(oid));
        found.map(|commit| commit.id()).map_err(|error| error.message().to_owned())
    }

    fn repository(&self) -> Result<Repository, String> {
        Repository::open(&self.workspace.location.git_dir).map_err(|error| {
            format!(
                "cannot open the repository: {}; trigger branches need SHA-1 objects and the files ref format",
                error.message()
            )
        })
    }

    /// The commit: no clock and no identity but the event's own, so that it is the same every time.
    fn commit(&self, parent: Oid) -> Result<Oid, String> {
        let repository = self.repository()?;
        let write = || {
            let parent = repository.find_commit(parent)?;
            let time = Time::new(self.signal.event.received_at.seconds(), 0);
            let by = Signature::new("patch.moi", "patch@patch.moi", &time)?;
            let message = message(self.watch, self.signal);
            repository.commit(None, &by, &by, &message, &parent.tree()?, &[&parent])
        };
        write().map_err(|error: git2::Error| format!("cannot write the trigger commit: {}", error.message()))
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
const ORDERS: &[char] = &['[', '*', '#', '@'];

/// A line of the message that gives the forge no orders. Inside of a word an `@` names nobody.
fn inert(text: &str) -> String {
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
