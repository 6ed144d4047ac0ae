//! The requests of a poll: each feed and each remote once, side by side, politely.

use crate::{
    fetch::{
        error::FetchError,
        hosts::Hosts,
        http::{Client, Fetched, Limits, Validators},
        queue,
        shown::shown,
        stored,
    },
    forge::{self, Repository},
    git::{GitError, redacted},
    ledger::{record::Problem, state::State},
    news::Sight,
    parse::refs::RemoteRefs,
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
    /// What was answered.
    Answered(Answers),
}

/// The answers to one watch's requests.
#[derive(Debug)]
pub struct Answers {
    /// The feed, if the watch has one.
    pub feed: Option<Result<Arc<Fetched>, Problem>>,
    /// The refs, if the watch has a remote.
    pub refs: Option<Result<Arc<RemoteRefs>, Problem>>,
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
}

enum Request<'a> {
    Feed { url: &'a Url, validators: Validators, body_limit: u64, timeout: Duration },
    Refs { remote: &'a str, patterns: Vec<String>, timeout: Duration },
}

enum Answer {
    Feed(Result<Arc<Fetched>, Problem>),
    Refs(Result<Arc<RemoteRefs>, Problem>),
    Deferred(Timestamp),
}

/// Makes the requests of all `watches`, and returns a glance for each, in their order.
pub fn all(
    workspace: &Workspace,
    client: &Client,
    hosts: &Hosts,
    watches: &[&Watch],
    state: &State,
    now: Timestamp,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Vec<Glance> {
    let closed: Vec<Option<Timestamp>> =
        watches.iter().map(|watch| hosts.closed_until(watch.feed.as_ref()?, now)).collect();
    let mut requests: BTreeMap<String, (String, Request<'_>)> = BTreeMap::new();
    for (watch, _) in watches.iter().zip(&closed).filter(|(_, closed)| closed.is_none()) {
        if let Some(url) = &watch.feed {
            add_feed(&mut requests, workspace, watch, url, state);
        }
        if let Some(remote) = &watch.remote {
            let host = host_of_remote(workspace.config.remotes.get(remote).unwrap_or(remote));
            let (_, request) = requests.entry(refs_key(watch, remote)).or_insert_with(|| {
                (host, Request::Refs { remote, patterns: patterns(watch), timeout: watch.fetch_timeout })
            });
            if let Request::Refs { timeout, .. } = request {
                *timeout = watch.fetch_timeout.max(*timeout);
            }
        }
    }
    let keys: Vec<String> = requests.keys().cloned().collect();
    let total = keys.len();
    let settings = &workspace.config.settings;
    progress(0, total);
    let answers = queue::run(
        requests.into_values().collect(),
        settings.jobs,
        settings.host_jobs,
        |request| {
            let asked = Instant::now();
            (answer(workspace, client, hosts, request, now), asked.elapsed())
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
    watches
        .iter()
        .zip(closed)
        .map(|(watch, closed)| match closed {
            Some(until) => Glance::Deferred(until),
            None => Glance::Answered(Answers {
                feed: match watch.feed.as_ref().map(|url| answered.get(&feed_key(url))) {
                    None => None,
                    Some(Some(Answer::Feed(answer))) => Some(answer.clone()),
                    Some(Some(Answer::Deferred(until))) => return Glance::Deferred(*until),
                    Some(_) => Some(Err(super::bug())),
                },
                refs: watch.remote.as_ref().map(|remote| match answered.get(&refs_key(watch, remote)) {
                    Some(Answer::Refs(answer)) => answer.clone(),
                    _ => Err(super::bug()),
                }),
                left: left(watch, &took),
            }),
        })
        .collect()
}

fn feed_key(url: &Url) -> String {
    format!("feed {url}")
}

fn refs_key(watch: &Watch, remote: &str) -> String {
    format!("refs {remote} {}", patterns(watch).join(" "))
}

/// What the watch's own answers leave of its time, and at least a quarter: other watches' slow hosts
/// and a long queue must not take from it.
fn left(watch: &Watch, took: &BTreeMap<String, Duration>) -> Duration {
    let feed = watch.feed.as_ref().and_then(|url| took.get(&feed_key(url)));
    let refs = watch.remote.as_ref().and_then(|remote| took.get(&refs_key(watch, remote)));
    let longest = feed.into_iter().chain(refs).max().copied().unwrap_or_default();
    watch.fetch_timeout.saturating_sub(longest).max(watch.fetch_timeout / 4)
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

fn answer(workspace: &Workspace, client: &Client, hosts: &Hosts, request: Request<'_>, now: Timestamp) -> Answer {
    match request {
        Request::Feed { url, validators, body_limit, timeout } => {
            // Another answer of this very poll may have closed the host.
            if let Some(until) = hosts.closed_until(url, now) {
                return Answer::Deferred(until);
            }
            let limits = Limits { deadline: Instant::now() + timeout, connect: CONNECT, body: body_limit };
            Answer::Feed(get(client, hosts, url, &validators, &limits, now).map(Arc::new))
        }
        Request::Refs { remote, patterns, timeout } => {
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let refs = workspace.git.ls_remote(remote, &patterns, timeout);
            Answer::Refs(refs.map(Arc::new).map_err(|error| git_problem(&error)))
        }
    }
}

/// Asks for a document, unless its host asked for rest.
///
/// # Errors
/// The problem that the failure is.
pub fn ask(
    client: &Client,
    hosts: &Hosts,
    url: &Url,
    validators: &Validators,
    limits: &Limits,
    now: Timestamp,
) -> Result<Fetched, Problem> {
    if let Some(until) = hosts.closed_until(url, now) {
        return Err(Problem {
            kind: "rate-limited".to_owned(),
            message: format!("{}: the host asked not to be asked before {until}", shown(url)),
            hint: Some("it is asked again by the first poll after that".to_owned()),
        });
    }
    get(client, hosts, url, validators, limits, now)
}

/// Asks for a document, and remembers it if the host asks for rest.
fn get(
    client: &Client,
    hosts: &Hosts,
    url: &Url,
    validators: &Validators,
    limits: &Limits,
    now: Timestamp,
) -> Result<Fetched, Problem> {
    client.get(url, validators, limits).map_err(|error| {
        if let Some(wait) = error.retry_after() {
            // The host that asked for rest may be one that a redirect led to; asking this one
            // would lead there again. Politeness that cannot be remembered is asked for again.
            for url in [Some(url), Url::parse(&error.url).ok().as_ref()].into_iter().flatten() {
                let _ = hosts.close(url, now.after(wait));
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
fn host_of_remote(url: &str) -> String {
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
