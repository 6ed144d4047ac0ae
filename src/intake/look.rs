//! The requests of a poll: each feed and each remote once, side by side, politely.

use crate::{
    fetch::{
        error::{FetchError, Reason},
        hosts::Hosts,
        http::{Client, Fetched, Limits, Validators},
        patience::Patience,
        queue,
        shown::shown,
        stored,
    },
    forge::{self, Repository},
    git::{GitError, redacted},
    ledger::{record::Problem, state::State},
    news::Sight,
    spool::Spooled,
    time::Timestamp,
    watch::{EventKind, Watch},
    workspace::Workspace,
};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use url::Url;

/// How long a connection may take to come about.
pub const CONNECT: Duration = Duration::from_secs(10);

/// What the requests of one watch brought.
#[derive(Debug)]
pub enum Glance {
    /// The host asked not to be asked before this time.
    Deferred(Timestamp),
    /// The poll's time was up before its turn: it was not asked.
    Late,
    /// What was answered.
    Answered(Answers),
}

impl Glance {
    /// How many bytes are to be read of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let Self::Answered(Answers { feed, refs, .. }) = self else { return 0 };
        let feed = match feed {
            Some(Ok(fetched)) => match fetched.as_ref() {
                Fetched::Document { body, .. } => body.bytes(),
                Fetched::NotModified => 0,
            },
            _ => 0,
        };
        feed + refs.as_ref().and_then(|refs| refs.as_ref().ok()).map_or(0, |refs| refs.len())
    }
}

/// The answers to one watch's requests.
#[derive(Clone, Debug)]
pub struct Answers {
    /// The feed, if the watch has one.
    pub feed: Option<Result<Arc<Fetched>, Problem>>,
    /// The refs, if the watch has a remote.
    pub refs: Option<Result<Arc<Spooled>, Problem>>,
    /// What is left of the watch's time after its answers.
    pub left: Duration,
}

/// A watch's sight and what came with it.
#[derive(Debug, Default)]
pub struct Look {
    /// What is seen.
    pub sight: Sight,
    /// The upstream branch, short name, where it is known.
    pub branch: Option<String>,
    /// The validators to store once everything is durable.
    pub validators: Option<Validators>,
    /// What time it was by the clock of the feed's server.
    pub served_at: Option<Timestamp>,
}

enum Request<'a> {
    Feed { url: &'a Url, validators: Validators, body_limit: u64, timeout: Duration },
    Refs { remote: &'a str, patterns: Vec<String>, timeout: Duration },
}

enum Answer {
    Feed(Result<Arc<Fetched>, Problem>),
    Refs(Result<Arc<Spooled>, Problem>),
    Deferred(Timestamp),
    Late,
}

/// What the requests of one poll are made with.
#[derive(Debug)]
pub struct Means {
    /// The HTTP client, whose spool all answers wait in.
    pub client: Client,
    /// Hosts that asked for rest.
    pub hosts: Hosts,
    /// How long is waited.
    pub patience: Patience,
    /// The time of the poll.
    pub now: Timestamp,
}

impl Means {
    /// For a poll that begins now.
    #[must_use]
    pub fn new(workspace: &Workspace, writes: bool, now: Timestamp) -> Self {
        let hosts = workspace.places.hosts.clone();
        Self {
            client: Client::new(),
            hosts: if writes { Hosts::new(hosts) } else { Hosts::read_only(hosts) },
            patience: Patience::new(workspace.config.settings.poll_timeout),
            now,
        }
    }
}

/// Makes the requests of all `watches`, and returns a glance for each, in their order.
///
/// Those of the first in `order` are made first, where there is a choice.
pub fn all(
    workspace: &Workspace,
    means: &Means,
    watches: &[&Watch],
    order: &[usize],
    state: &State,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Vec<Glance> {
    let closed: Vec<Option<Timestamp>> =
        watches.iter().map(|watch| means.hosts.closed_until(watch.feed.as_ref()?, means.now)).collect();
    let mut requests: BTreeMap<String, (String, Request<'_>)> = BTreeMap::new();
    let mut keys: Vec<String> = Vec::new();
    for place in order.iter().filter(|place| closed[**place].is_none()) {
        let watch = watches[*place];
        if let Some(url) = &watch.feed {
            keys.push(feed_key(url));
            add_feed(&mut requests, workspace, watch, url, state);
        }
        if let Some(remote) = &watch.remote {
            let host = host_of_remote(workspace.config.remotes.get(remote).unwrap_or(remote));
            keys.push(refs_key(watch, remote));
            let (_, request) = requests.entry(refs_key(watch, remote)).or_insert_with(|| {
                (host, Request::Refs { remote, patterns: patterns(watch), timeout: watch.fetch_timeout })
            });
            if let Request::Refs { timeout, .. } = request {
                *timeout = watch.fetch_timeout.max(*timeout);
            }
        }
    }
    let (keys, requests): (Vec<String>, Vec<_>) = keys
        .into_iter()
        .filter_map(|key| {
            let (host, request) = requests.remove(&key)?;
            Some((key, (host.clone(), (host, request))))
        })
        .unzip();
    let total = keys.len();
    let settings = &workspace.config.settings;
    progress(0, total);
    let answers = queue::run(
        requests,
        settings.jobs,
        settings.host_jobs,
        |(host, request)| {
            let asked = Instant::now();
            (answer(workspace, means, &host, request), asked.elapsed())
        },
        |done| progress(done, total),
    );
    let mut took = BTreeMap::new();
    let mut answered = BTreeMap::new();
    for (key, answer) in keys.into_iter().zip(answers) {
        if let Ok((answer, elapsed)) = answer {
            took.insert(key.clone(), elapsed);
            answered.insert(key, answer);
        }
    }
    watches.iter().zip(closed).map(|(watch, closed)| glance(watch, closed, &answered, &took)).collect()
}

/// One watch's part of the answers.
fn glance(
    watch: &Watch,
    closed: Option<Timestamp>,
    answered: &BTreeMap<String, Answer>,
    took: &BTreeMap<String, Duration>,
) -> Glance {
    if let Some(until) = closed {
        return Glance::Deferred(until);
    }
    let feed = match watch.feed.as_ref().map(|url| answered.get(&feed_key(url))) {
        None => None,
        Some(Some(Answer::Feed(answer))) => Some(answer.clone()),
        Some(Some(Answer::Deferred(until))) => return Glance::Deferred(*until),
        Some(Some(Answer::Late)) => return Glance::Late,
        Some(_) => Some(Err(super::bug())),
    };
    let refs = match watch.remote.as_ref().map(|remote| answered.get(&refs_key(watch, remote))) {
        None => None,
        Some(Some(Answer::Refs(answer))) => Some(answer.clone()),
        Some(Some(Answer::Late)) => return Glance::Late,
        Some(_) => Some(Err(super::bug())),
    };
    Glance::Answered(Answers { feed, refs, left: left(watch, took) })
}

fn feed_key(url: &Url) -> String {
    format!("feed {url}")
}

fn refs_key(watch: &Watch, remote: &str) -> String {
    format!("refs {remote} {}", patterns(watch).join(" "))
}

/// What the watch's own answers leave of its time: other watches' slow hosts and a long queue must
/// not take from it. An answer that is shared may have had more time than is this watch's own, which
/// then still has a quarter.
fn left(watch: &Watch, took: &BTreeMap<String, Duration>) -> Duration {
    let feed = watch.feed.as_ref().and_then(|url| took.get(&feed_key(url)));
    let refs = watch.remote.as_ref().and_then(|remote| took.get(&refs_key(watch, remote)));
    let longest = feed.into_iter().chain(refs).max().copied().unwrap_or_default();
    watch.fetch_timeout.checked_sub(longest).unwrap_or(watch.fetch_timeout / 4)
}

/// One request for identical URLs; conditional only if all the watches could take a "not modified".
fn add_feed<'a>(
    requests: &mut BTreeMap<String, (String, Request<'a>)>,
    workspace: &Workspace,
    watch: &Watch,
    url: &'a Url,
    state: &State,
) {
    let known = state
        .watches
        .get(&watch.name)
        .filter(|known| known.primed && known.source == source(watch, &workspace.config.remotes));
    let mut own = known
        .map(|known| stored::load(&workspace.places.cache, &watch.name, &super::occasion(watch, known)))
        .unwrap_or_default();
    if watch.event == EventKind::Branch {
        // A branch can go back in time: gitweb answers 304 to a date after a rewind.
        own.last_modified = None;
    }
    let host = url.host_str().unwrap_or_default().to_owned();
    let (_, request) = requests.entry(feed_key(url)).or_insert_with(|| {
        let request =
            Request::Feed { url, validators: own.clone(), body_limit: watch.body_limit, timeout: watch.fetch_timeout };
        (host, request)
    });
    if let Request::Feed { validators, body_limit, timeout, .. } = request {
        if *validators != own {
            *validators = Validators::default();
        }
        *body_limit = watch.body_limit.max(*body_limit);
        *timeout = watch.fetch_timeout.max(*timeout);
    }
}

fn answer(workspace: &Workspace, means: &Means, host: &str, request: Request<'_>) -> Answer {
    if means.patience.is_over() {
        return Answer::Late;
    }
    match request {
        Request::Feed { url, validators, body_limit, timeout } => {
            // Another answer of this very poll may have closed the host.
            if let Some(until) = means.hosts.closed_until(url, means.now) {
                return Answer::Deferred(until);
            }
            let limits = limits(means, url, timeout, body_limit);
            Answer::Feed(get(means, url, &validators, &limits).map(Arc::new))
        }
        Request::Refs { remote, patterns, timeout } => {
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            // Paths of this machine have no host in common.
            let host = if host.is_empty() { remote } else { host };
            let timeout = means.patience.of(host, timeout);
            let refs = workspace.git.spooled_refs(remote, &patterns, timeout, means.client.spool());
            means.patience.note(host, !matches!(refs, Err(GitError::Timeout { .. })));
            Answer::Refs(refs.map(Arc::new).map_err(|error| git_problem(&error)))
        }
    }
}

/// How far the request of a document may go that gets `time` at the most.
#[must_use]
pub fn limits(means: &Means, url: &Url, time: Duration, body: u64) -> Limits {
    let of = |time| means.patience.of(&origin(url), time);
    Limits { deadline: Instant::now() + of(time), connect: of(CONNECT), body }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Asks for a document, unless its host asked for rest.
///
/// # Errors
/// The problem that the failure is.
pub fn ask(means: &Means, url: &Url, limits: &Limits) -> Result<Fetched, Problem> {
    if let Some(until) = means.hosts.closed_until(url, means.now) {
        return Err(Problem {
            kind: "rate-limited".to_owned(),
            message: format!("{}: the host asked not to be asked before {until}", shown(url)),
            hint: Some("it is asked again by the first poll after that".to_owned()),
        });
    }
    get(means, url, &Validators::default(), limits)
}

/// Asks for a document, and remembers it if the host asks for rest, or stays silent.
fn get(means: &Means, url: &Url, validators: &Validators, limits: &Limits) -> Result<Fetched, Problem> {
    let answer = means.client.get(url, validators, limits);
    let failed_at = answer.as_ref().err().and_then(|error| Url::parse(&error.url).ok());
    let is_silent = |error: &FetchError| matches!(error.reason, Reason::Timeout(_));
    means.patience.note(&origin(failed_at.as_ref().unwrap_or(url)), !answer.as_ref().is_err_and(is_silent));
    answer.map_err(|error| {
        if let Some(wait) = error.retry_after() {
            // The host that asked for rest may be one that a redirect led to; asking this one
            // would lead there again. Politeness that cannot be remembered is asked for again.
            for url in [Some(url), failed_at.as_ref()].into_iter().flatten() {
                let _ = means.hosts.close(url, means.now.after(wait));
            }
        }
        fetch_problem(&error)
    })
}

/// What is asked of a remote: all tags, or a branch's head.
fn patterns(watch: &Watch) -> Vec<String> {
    match (watch.event, &watch.branch) {
        (EventKind::Release, _) => vec!["refs/tags/*".to_owned()],
        (EventKind::Branch, Some(branch)) => vec![format!("refs/heads/{branch}")],
        (EventKind::Branch, None) => vec!["HEAD".to_owned()],
    }
}

/// The host that a remote's URL names; empty for a path.
#[must_use]
pub fn host_of_remote(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) => url.host_str().unwrap_or_default().to_owned(),
        // `user@host:path`, git-clone(1), "Git URLs".
        Err(_) => match url.split_once(':') {
            Some((host, _)) if !host.contains('/') => host.rsplit('@').next().unwrap_or_default().to_owned(),
            _ => String::new(),
        },
    }
}

/// The problem that a failed request is.
#[must_use]
fn fetch_problem(error: &FetchError) -> Problem {
    Problem { kind: error.kind().to_owned(), message: error.to_string(), hint: error.hint() }
}

/// The problem that a failed `git` is.
#[must_use]
pub fn git_problem(error: &GitError) -> Problem {
    Problem { kind: error.kind().to_owned(), message: error.to_string(), hint: Some(error.hint().into_owned()) }
}

/// What a watch looks at, for people and for telling that it looks elsewhere; without secrets.
#[must_use]
pub fn source(watch: &Watch, remotes: &BTreeMap<String, String>) -> String {
    let feed = watch.feed.as_ref().map(shown);
    let remote = watch.remote.as_ref().map(|remote| {
        let url = remotes.get(remote).unwrap_or(remote);
        Url::parse(url).map_or_else(|_| redacted(url), |url| shown(&url))
    });
    let branch = match (watch.event, &watch.branch) {
        (EventKind::Release, _) => None,
        (EventKind::Branch, Some(branch)) => Some(format!("branch {branch}")),
        (EventKind::Branch, None) if watch.feed.is_some() => Some("commits".to_owned()),
        (EventKind::Branch, None) => Some("branch HEAD".to_owned()),
    };
    [feed, remote, branch].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The upstream repository, as far as the watch's URLs tell.
#[must_use]
pub fn repository(watch: &Watch, remotes: &BTreeMap<String, String>) -> Option<Repository> {
    let from_feed = watch.feed.as_ref().and_then(forge::repository_of_feed);
    from_feed.or_else(|| {
        let remote = watch.remote.as_ref()?;
        forge::repository_of_remote(remotes.get(remote).unwrap_or(remote))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_every_kind_of_remote() {
        #[track_caller]
        fn case(url: &str, expected: &str) {
            assert_eq!(host_of_remote(url), expected, "{url}");
        }
        case("https://forge.example/o/r.git", "forge.example");
        case("ssh://git@forge.example:2222/o/r.git", "forge.example");
        case("git@forge.example:o/r.git", "forge.example");
        case("/srv/r.git", "");
        case("../up.git", "");
    }
}
