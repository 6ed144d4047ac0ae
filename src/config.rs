//! Git's configuration to watches: every value checked, every mistake named.
//!
//! What counts is what `git config --list` shows; this module never reads a file itself.

mod channel;
mod circle;
pub mod key;
pub mod mistake;
mod prefix;
mod value;

use self::{key::Key, mistake::Mistake};
use crate::{
    channel::Channel,
    forge,
    git::{self, ConfigEntry},
    version::Filter,
    watch::{EventKind, Policy, Target, Watch, WatchName},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};
use url::Url;

/// The name of the watch that a repository with an `upstream` remote has without any set-up.
pub const IMPLICIT: &str = "upstream";

/// What the configuration says.
#[derive(Clone, Debug)]
pub struct Config {
    /// The watches, by name.
    pub watches: Vec<Watch>,
    /// The channels, by name.
    pub channels: Vec<Channel>,
    /// What is set for all of them.
    pub settings: Settings,
    /// The Git remotes with their first URL.
    pub remotes: BTreeMap<String, String>,
    /// Whether the watches come from the `upstream` remote alone.
    pub implicit: bool,
}

/// `patch.*`: what is not a watch's own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// `patch.jobs`: requests at once, in all.
    pub jobs: usize,
    /// `patch.hostJobs`: requests at once to one host.
    pub host_jobs: usize,
    /// `patch.runs`: dispatches at once, each of another watch.
    pub runs: usize,
    /// `patch.pollTimeout`: how long the looks at upstream of one poll may take, all together.
    pub poll_timeout: Duration,
    /// `patch.stateDir`.
    pub state_dir: Option<PathBuf>,
    /// `patch.refPrefix`, with its final slash.
    pub ref_prefix: String,
    /// The words of `patch.notify`, the program that is told what waits for a person.
    pub notify: Option<Vec<String>>,
    /// `patch.notifyAfter`: polls in a row that a watch has to fail before that is told, at least 1.
    pub notify_after: u32,
    /// `patch.pruneAfter`: how long what ended is kept.
    pub prune_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            jobs: 32,
            host_jobs: 16,
            runs: 4,
            poll_timeout: Duration::from_mins(10),
            state_dir: None,
            ref_prefix: "patch-moi/".to_owned(),
            notify: None,
            notify_after: 3,
            prune_after: Duration::from_hours(30 * 24),
        }
    }
}

/// The watches and settings of a configuration.
///
/// # Errors
/// Every mistake there is, in the configuration's order. A repository with neither a watch nor an
/// `upstream` remote is not a mistake: it has no watches.
///
/// # Panics
/// Never: the implicit watch has a valid name.
pub fn read(entries: &[ConfigEntry]) -> Result<Config, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut shared = Values::default();
    let mut own: BTreeMap<WatchName, Values> = BTreeMap::new();
    for entry in entries {
        match key::place(entry) {
            Ok(None) => {}
            Ok(Some((None, key))) => shared.add(key, entry),
            Ok(Some((Some(name), key))) => own.entry(name).or_default().add(key, entry),
            Err(mistake) => mistakes.push(*mistake),
        }
    }
    let remotes = remotes(entries);
    let settings = settings(&shared, &mut mistakes);
    let implicit = own.is_empty() && remotes.contains_key(IMPLICIT);
    if implicit {
        own.insert(implicit_name(), Values::default());
    } else if own.is_empty() {
        // Shared values are checked even where there is no watch to use them.
        let name = implicit_name();
        watch(
            &name,
            &Values::default(),
            &shared,
            &BTreeMap::from([(IMPLICIT.to_owned(), String::new())]),
            &mut mistakes,
        );
    }
    let mut watches = Vec::new();
    for (name, values) in &own {
        let before = mistakes.len();
        let watch = watch(name, values, &shared, &remotes, &mut mistakes);
        if mistakes.len() == before {
            watches.push(watch);
        }
    }
    mistakes.extend(twins(&own));
    mistakes.extend(prefix::mistakes(&watches, &settings.ref_prefix, &own, &shared));
    mistakes.extend(circle::mistakes(&watches, &settings.ref_prefix, &remotes, &own, &shared));
    let defined: Vec<WatchName> = own.keys().cloned().collect();
    let channels = channel::read(entries, &watches, &defined, &settings.ref_prefix, &mut mistakes);
    if mistakes.is_empty() {
        Ok(Config { watches, channels, settings, remotes, implicit })
    } else {
        Err(deduplicated(mistakes))
    }
}

/// `patch.stateDir`, whatever else the configuration holds.
#[must_use]
pub fn state_dir(entries: &[ConfigEntry]) -> Option<PathBuf> {
    let set = entries.iter().rfind(|entry| matches!(key::place(entry), Ok(Some((None, Key::StateDir)))));
    set.and_then(|entry| value::directory(text(Key::StateDir, entry).ok()?).ok())
}

/// A watch that is not configured, with the values that are shared by all.
///
/// Such as that of an intervention which is finished in a fresh clone of the fork. A value that is
/// wrong counts as not given: [`read`] tells of it.
#[must_use]
pub fn unconfigured(name: &WatchName, entries: &[ConfigEntry]) -> Watch {
    let mut shared = Values::default();
    for entry in entries {
        if let Ok(Some((None, key))) = key::place(entry) {
            shared.add(key, entry);
        }
    }
    watch(name, &Values::default(), &shared, &remotes(entries), &mut Vec::new())
}

fn implicit_name() -> WatchName {
    IMPLICIT.parse().expect("a word is a watch name")
}

/// The Git remotes, each with its first URL.
fn remotes(entries: &[ConfigEntry]) -> BTreeMap<String, String> {
    let all = git::remotes(entries).into_iter();
    all.filter_map(|(name, remote)| Some((name, remote.urls.into_iter().next()?))).collect()
}

/// The values of one section, later ones behind earlier ones.
#[derive(Clone, Debug, Default)]
struct Values(BTreeMap<Key, Vec<ConfigEntry>>);

impl Values {
    fn add(&mut self, key: Key, entry: &ConfigEntry) {
        let values = self.0.entry(key).or_default();
        // As for Git's own lists, an empty value forgets those before it.
        if key.is_list() && entry.value.as_deref() == Some("") {
            values.clear();
        } else {
            values.push(entry.clone());
        }
    }

    /// The value that counts: the last.
    fn last(&self, key: Key) -> Option<&ConfigEntry> {
        self.0.get(&key)?.last()
    }

    fn all(&self, key: Key) -> &[ConfigEntry] {
        self.0.get(&key).map_or(&[], Vec::as_slice)
    }
}

/// The values that count for one watch: its own, else the shared ones.
struct Scope<'a> {
    own: &'a Values,
    shared: &'a Values,
    mistakes: &'a mut Vec<Mistake>,
}

impl<'a> Scope<'a> {
    fn last(&self, key: Key) -> Option<&'a ConfigEntry> {
        self.own.last(key).or_else(|| self.shared.last(key))
    }

    fn all(&self, key: Key) -> &'a [ConfigEntry] {
        if self.own.0.contains_key(&key) { self.own.all(key) } else { self.shared.all(key) }
    }

    /// The value that counts, read by `read`; a mistake is noted and gives `None`.
    fn get<T>(&mut self, key: Key, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let entry = self.last(key)?;
        self.note(entry, text(key, entry).and_then(read))
    }

    fn list<T>(&mut self, key: Key, read: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let entries = self.all(key);
        entries.iter().filter_map(|entry| self.note(entry, text(key, entry).and_then(&read))).collect()
    }

    fn note<T>(&mut self, entry: &ConfigEntry, result: Result<T, String>) -> Option<T> {
        result.map_err(|problem| self.mistakes.push(Mistake::value(entry, problem))).ok()
    }

    /// Notes that the watch's own value contradicts another.
    fn contradicts(&mut self, key: Key, problem: &str) {
        if let Some(entry) = self.own.last(key) {
            self.mistakes.push(Mistake::value(entry, problem.to_owned()));
        }
    }
}

/// The value's text. A key without a value is true, as for Git, where something can be true.
///
/// Bytes that are not UTF-8 came replaced: a glob or a path would be another one.
fn text(key: Key, entry: &ConfigEntry) -> Result<&str, String> {
    match entry.value.as_deref() {
        None if key == Key::Prerelease => Ok("true"),
        None => Err("it has no value; write `= VALUE` behind the key".to_owned()),
        Some(value) if value.contains(char::REPLACEMENT_CHARACTER) => Err("it is not UTF-8".to_owned()),
        Some(value) => Ok(value),
    }
}

fn watch(
    name: &WatchName,
    own: &Values,
    shared: &Values,
    remotes: &BTreeMap<String, String>,
    mistakes: &mut Vec<Mistake>,
) -> Watch {
    let mut scope = Scope { own, shared, mistakes };
    let feed = scope.get(Key::Feed, value::feed);
    let remote = scope.get(Key::Remote, |text| value::remote(text, remotes));
    let remote = remote.or_else(|| default_remote(feed.as_ref(), &scope, remotes));
    if feed.is_none() && remote.is_none() && scope.last(Key::Feed).is_none() && scope.last(Key::Remote).is_none() {
        let origin = own.0.values().flatten().next();
        scope.mistakes.push(Mistake::without_source(name, origin));
    }
    let branch = scope.get(Key::Branch, value::branch);
    let event = scope.get(Key::Event, value::event).unwrap_or_default();
    if event == EventKind::Release {
        scope.contradicts(Key::Branch, "a branch is watched with `event = branch` only");
    } else {
        for key in [Key::Tags, Key::Versions, Key::Prerelease] {
            scope.contradicts(key, "a watch with `event = branch` has commits, not tags");
        }
    }
    let filter = if event == EventKind::Release { filter(&mut scope) } else { Filter::default() };
    let command = scope.get(Key::Command, value::words);
    let dispatch = dispatch(&mut scope, command.is_some());
    let default_policy = if event == EventKind::Release { Policy::Each } else { Policy::Latest };
    Watch {
        name: name.clone(),
        feed,
        remote,
        event,
        branch,
        filter,
        dispatch,
        command,
        policy: scope.get(Key::Policy, value::policy).unwrap_or(default_policy),
        fork: scope.get(Key::Fork, |text| value::remote(text, remotes)).unwrap_or_else(|| "origin".to_owned()),
        stack: scope.get(Key::Stack, value::stack),
        landed: scope.get(Key::Landed, value::landed).unwrap_or_default(),
        verify: scope.list(Key::Verify, value::words),
        push: scope.get(Key::Push, value::boolean).unwrap_or_default(),
        candidate_tag: scope.get(Key::CandidateTag, str::parse),
        timeout: scope.get(Key::Timeout, value::seconds).unwrap_or(Duration::from_hours(1)),
        retries: scope.get(Key::Retries, value::attempts).unwrap_or(5),
        payload: scope.list(Key::Payload, value::pair),
        resolver: scope.get(Key::Resolver, value::words),
        fetch_timeout: scope.get(Key::FetchTimeout, value::seconds).unwrap_or(Duration::from_mins(1)),
        body_limit: scope.get(Key::BodyLimit, value::bytes).unwrap_or(10 << 20),
    }
}

/// `upstream`, if that remote exists; beside a feed only where both are of the same repository.
///
/// A watch of some other project's feed must not take its commits from this fork's upstream.
fn default_remote(feed: Option<&Url>, scope: &Scope<'_>, remotes: &BTreeMap<String, String>) -> Option<String> {
    if scope.last(Key::Remote).is_some() {
        return None;
    }
    let url = remotes.get(IMPLICIT)?;
    feed.is_none_or(|feed| forge::same_repository(feed, url)).then(|| IMPLICIT.to_owned())
}

fn filter(scope: &mut Scope<'_>) -> Filter {
    let mut filter = Filter {
        versions: scope.get(Key::Versions, value::versions),
        prerelease: scope.get(Key::Prerelease, value::boolean).unwrap_or_default(),
        ..Filter::default()
    };
    for (excluded, glob) in scope.list(Key::Tags, value::glob) {
        let globs = if excluded { &mut filter.exclude } else { &mut filter.include };
        globs.push(glob.compile_matcher());
    }
    filter
}

fn dispatch(scope: &mut Scope<'_>, has_command: bool) -> Vec<Target> {
    let values = scope.list(Key::Dispatch, value::target);
    let last = scope.all(Key::Dispatch).last();
    let mut targets: Vec<Target> = Vec::new();
    for target in values.iter().flatten() {
        if !targets.contains(target) {
            targets.push(*target);
        }
    }
    if let Some(entry) = last {
        if values.contains(&None) && !targets.is_empty() {
            let problem = "`none` stands beside another target; remove one, or set an empty value before the others";
            scope.mistakes.push(Mistake::value(entry, problem.to_owned()));
        }
        if targets.contains(&Target::Command) && !has_command && scope.last(Key::Command).is_none() {
            let of = entry.subsection.as_ref().map_or("patch".to_owned(), |name| format!("watch.{name}"));
            let problem = format!("there is no command to run; set `{of}.command` to a program and its arguments");
            scope.mistakes.push(Mistake::value(entry, problem));
        }
    }
    targets
}

fn settings(shared: &Values, mistakes: &mut Vec<Mistake>) -> Settings {
    let nothing = Values::default();
    let mut scope = Scope { own: &nothing, shared, mistakes };
    let default = Settings::default();
    Settings {
        jobs: scope.get(Key::Jobs, value::jobs).unwrap_or(default.jobs),
        host_jobs: scope.get(Key::HostJobs, value::jobs).unwrap_or(default.host_jobs),
        runs: scope.get(Key::Runs, value::jobs).unwrap_or(default.runs),
        poll_timeout: scope.get(Key::PollTimeout, value::seconds).unwrap_or(default.poll_timeout),
        state_dir: scope.get(Key::StateDir, value::directory),
        ref_prefix: scope.get(Key::RefPrefix, value::ref_prefix).unwrap_or(default.ref_prefix),
        notify: scope.get(Key::Notify, value::words),
        notify_after: scope.get(Key::NotifyAfter, value::attempts).unwrap_or(default.notify_after),
        prune_after: scope.get(Key::PruneAfter, value::days).unwrap_or(default.prune_after),
    }
}

/// Watches whose names differ only in case would share a ref on forges that fold it.
fn twins(own: &BTreeMap<WatchName, Values>) -> Vec<Mistake> {
    let mut seen: BTreeMap<String, &WatchName> = BTreeMap::new();
    let mut twins = Vec::new();
    for (name, values) in own {
        if let Some(first) = seen.insert(name.as_str().to_ascii_lowercase(), name) {
            let origin = values.0.values().flatten().next();
            twins.push(Mistake::twin(first, name, origin));
        }
    }
    twins
}

fn deduplicated(mistakes: Vec<Mistake>) -> Vec<Mistake> {
    let mut seen = BTreeSet::new();
    mistakes.into_iter().filter(|mistake| seen.insert(mistake.to_string())).collect()
}

#[cfg(test)]
pub(crate) mod tests;
