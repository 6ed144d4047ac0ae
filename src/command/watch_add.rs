//! `patch watch add`: from a URL to a watch.

use crate::{
    cli::WatchAddArgs,
    config::{self, key::nearest},
    dispatch::trigger,
    entry::FeedDocument,
    fetch::{
        http::{Client, Fetched, Limits, Validators},
        redirect,
        shown::shown,
    },
    forge,
    git::{ConfigEntry, Scope, checked_remote, redacted},
    ledger::Ledger,
    outcome::Outcome,
    parse::{self, feed::FeedError},
    report::{Report, words},
    text,
    watch::{EventKind, Target, Watch, WatchName},
    workspace::{Failure, Workspace},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};
use url::Url;

/// How long the look at upstream may take, each request.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the watch is to look at, and what was seen there.
struct Source {
    key: &'static str,
    value: String,
    seen: Option<String>,
}

/// Adds a watch.
///
/// # Errors
/// When upstream shows neither a feed nor refs, or the watch would be no good: nothing is written.
pub fn run(directory: Option<&Path>, args: &WatchAddArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    refuse_empty(&args.url)?;
    refuse_secrets(&workspace.config.remotes, args)?;
    let args = &located(&workspace, directory, args);
    refuse_unknown(&workspace.config.remotes, &args.url)?;
    let event = if args.branch.is_some() { EventKind::Branch } else { args.event };
    let source = source(&workspace, args, event)?;
    let name = name(&workspace, args, &source)?;
    let values = values(args, event, &source);
    let watch = check(&workspace, &name, &values)?;
    check_beside(&workspace, &watch, args, &source)?;
    let scope = if args.user { Scope::Global } else { Scope::Local };
    for (key, value) in &values {
        workspace.git.config_add(scope, &format!("watch.{name}.{key}"), value)?;
    }
    let goes_on = watch.remote.as_deref() == Some(config::IMPLICIT);
    if watch.dispatch.contains(&Target::TriggerBranch)
        && let Err(problem) = trigger::check_fork(&workspace.config, &watch)
    {
        report.warning(&problem);
    }
    if workspace.config.implicit && name.as_str() != config::IMPLICIT && !goes_on {
        report.warning(
            "the remote `upstream` was watched without configuration, and no longer is: `patch watch add upstream` \
             goes on with it",
        );
    }
    if report.is_json() {
        let pairs: Vec<_> = values.iter().map(|(key, value)| json!({ "key": key, "value": told(value) })).collect();
        report.object(&json!({ "watch": name, "wrote": pairs, "seen": source.seen }));
        return Ok(Outcome::Done);
    }
    report.answer(&format!("[watch \"{name}\"]"));
    for (key, value) in &values {
        report.answer(&format!("\t{key} = {}", text::printable(&told(value))));
    }
    if let Some(seen) = &source.seen {
        report.told(&format!("upstream shows {seen}"));
    }
    if args.dispatch.is_empty() {
        report.told(&format!(
            "what is new will be recorded and handed to nobody: set `git config --add watch.{name}.dispatch TARGET`"
        ));
    }
    let is_primed = |ledger: Ledger| ledger.state().watches.get(&name).is_some_and(|known| known.primed);
    report.told(if workspace.ledger_to_read().is_ok_and(is_primed) {
        "`patch poll` goes on from what is known of a watch of this name"
    } else {
        "the next `patch poll` takes what is there as known; from then on news is told"
    });
    Ok(Outcome::Done)
}

/// A value as it is told: a URL without its secrets.
fn told(value: &str) -> String {
    Url::parse(value).ok().filter(Url::has_host).map_or_else(|| redacted(value), |url| shown(&url))
}

/// The arguments, with a path made absolute: Git takes one from the top of the worktree, and a poll
/// may start anywhere.
fn located(workspace: &Workspace, directory: Option<&Path>, args: &WatchAddArgs) -> WatchAddArgs {
    let absolute = |text: &str| {
        let path = directory.unwrap_or(Path::new(".")).join(text);
        let is_path = !workspace.config.remotes.contains_key(text) && path.is_dir();
        let path = if is_path { path.canonicalize().ok() } else { None };
        path.and_then(|path| path.to_str().map(str::to_owned)).unwrap_or_else(|| text.to_owned())
    };
    WatchAddArgs { url: absolute(&args.url), remote: args.remote.as_deref().map(absolute), ..args.clone() }
}

fn refuse_empty(text: &str) -> Result<(), Failure> {
    if text.trim().is_empty() {
        let hint = "give the URL of the upstream repository's page, its Git URL, its remote's name, or a feed";
        return Err(Failure::Usage("the URL is empty".to_owned(), Some(hint.to_owned())));
    }
    Ok(())
}

/// Refuses what no remote may be before anything is asked: Git would be given it as an argument.
fn refuse_secrets(remotes: &BTreeMap<String, String>, args: &WatchAddArgs) -> Result<(), Failure> {
    let given = [Some(&args.url), args.remote.as_ref(), args.fork.as_ref()];
    for value in given.into_iter().flatten().filter(|value| !remotes.contains_key(*value)) {
        // Characters that hide in a web address are written out there.
        let written = Url::parse(value).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        if written.as_ref().is_some_and(|url| !url.username().is_empty() || url.password().is_some()) {
            return Err(Failure::Usage(
                "the URL holds a user name or password, which would end up in the configuration".to_owned(),
                Some("leave them out, and let Git's credential helpers know them: see gitcredentials(7)".to_owned()),
            ));
        }
        checked_remote(written.as_ref().map_or(value, Url::as_str))
            .map_err(|problem| Failure::Usage(format!("{}: {problem}", told(value)), None))?;
    }
    Ok(())
}

/// Refuses a word that is neither URL nor path nor the name of a remote.
fn refuse_unknown(remotes: &BTreeMap<String, String>, text: &str) -> Result<(), Failure> {
    if remotes.contains_key(text) || text.contains(['/', ':']) {
        return Ok(());
    }
    let hint = match nearest(text, remotes.keys().map(String::as_str)) {
        Some(near) => format!("did you mean the remote `{near}`?"),
        None => "give the URL of the repository's page, its Git URL, its remote's name, or a feed".to_owned(),
    };
    let problem = format!("`{}` is no URL, no remote and no directory", text::printable(text));
    Err(Failure::Usage(problem, Some(hint)))
}

fn source(workspace: &Workspace, args: &WatchAddArgs, event: EventKind) -> Result<Source, Failure> {
    let is_remote = workspace.config.remotes.contains_key(&args.url);
    let url = Url::parse(&args.url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && !is_remote);
    let Some(url) = url else { return refs(workspace, args, event, &[]) };
    let mut candidates = forge::feed_candidates(&url, event, args.branch.as_deref());
    if forge::looks_like_feed(&url) {
        candidates = vec![url];
    } else if candidates.len() != 1 && !args.no_check {
        // No forge that is known by name: the URL may be a feed's, whatever it is called.
        candidates.insert(0, url);
    }
    if args.no_check {
        return Ok(match candidates.into_iter().next() {
            Some(feed) => Source { key: "feed", value: feed.into(), seen: None },
            None => Source { key: "remote", value: args.url.clone(), seen: None },
        });
    }
    let client = Client::new();
    let mut tried = Vec::new();
    let (mut empty, mut named) = (None, None);
    for candidate in candidates {
        match document(&client, &candidate, event) {
            Ok(document) if document.entries.is_empty() && !document.unusable.is_empty() => {
                tried.push(format!("{}: {}", shown(&candidate), document.unusable[0].reason));
            }
            Ok(document) if document.entries.is_empty() => empty = empty.or(Some(candidate)),
            Ok(document) => return Ok(feed(candidate, &document)),
            Err((message, feed)) => {
                tried.push(message);
                named = named.or(feed.filter(|feed| redirect::may_name(&candidate, feed)));
            }
        }
    }
    refs(workspace, args, event, &tried).or_else(|failure| {
        // A page that is no repository's: a blog, a list of releases.
        let named = named.and_then(|url| document(&client, &url, event).ok().map(|document| feed(url, &document)));
        named.or_else(|| empty.map(|url| feed(url, &FeedDocument::default()))).ok_or(failure)
    })
}

/// The source that a feed is, whose document was seen.
fn feed(url: Url, document: &FeedDocument) -> Source {
    let seen = match document.entries.first() {
        None => "a feed without entries yet".to_owned(),
        Some(newest) => {
            let count = words::counted(document.entries.len(), "entry", "entries");
            format!("{count}, the newest {}", words::key(&newest.key))
        }
    };
    Source { key: "feed", value: url.into(), seen: Some(seen) }
}

/// The feed's document, or why there is none and the feed that is named instead.
fn document(client: &Client, url: &Url, event: EventKind) -> Result<FeedDocument, (String, Option<Url>)> {
    let limits = Limits { deadline: Instant::now() + PATIENCE, connect: PATIENCE, body: 10 << 20 };
    match client.get(url, &Validators::default(), &limits) {
        Ok(Fetched::Document { body, url, .. }) => {
            let body = body.read().map_err(|error| (format!("{}: {error}", shown(&url)), None))?;
            parse::feed::parse(&body, &url, event).map_err(|error| {
                let message = format!("{}: {error}", shown(&url));
                (message, if let FeedError::Html { feed } = error { feed } else { None })
            })
        }
        Ok(Fetched::NotModified) => Err((format!("{}: it did not answer with a document", shown(url)), None)),
        Err(error) => Err((error.to_string(), None)),
    }
}

/// A Git repository without a feed, or with none that was found.
fn refs(workspace: &Workspace, args: &WatchAddArgs, event: EventKind, tried: &[String]) -> Result<Source, Failure> {
    let remote = args.url.clone();
    if args.no_check {
        return Ok(Source { key: "remote", value: remote, seen: None });
    }
    let pattern = match (event, &args.branch) {
        (EventKind::Release, _) => "refs/tags/*".to_owned(),
        (EventKind::Branch, Some(branch)) => format!("refs/heads/{branch}"),
        (EventKind::Branch, None) => "HEAD".to_owned(),
    };
    let refs = workspace.git.ls_remote(&remote, &[&pattern], PATIENCE).map_err(|error| {
        let message = match tried {
            [] => error.to_string(),
            tried => format!("no feed was found there ({}), and Git says: {error}", tried.join("; ")),
        };
        let hint = "give the feed's own URL, or the Git URL; `--no-check` writes without a look";
        Failure::Usage(message, Some(if tried.is_empty() { error.hint().into_owned() } else { hint.to_owned() }))
    })?;
    if event == EventKind::Branch && refs.refs.is_empty() {
        return Err(Failure::Usage(
            format!("upstream has no {pattern}"),
            Some("name a branch that it has: `--branch BRANCH`".to_owned()),
        ));
    }
    let seen = match event {
        EventKind::Release => words::counted(refs.refs.len(), "tag", "tags"),
        EventKind::Branch => format!("the branch {}", text::printable(pattern.trim_start_matches("refs/heads/"))),
    };
    Ok(Source { key: "remote", value: remote, seen: Some(seen) })
}

fn name(workspace: &Workspace, args: &WatchAddArgs, source: &Source) -> Result<WatchName, Failure> {
    let suggested = || {
        let is_remote = workspace.config.remotes.contains_key(&args.url);
        if is_remote { args.url.parse().ok() } else { forge::suggested_name(&args.url) }
            .or_else(|| forge::suggested_name(&source.value))
    };
    let name = args.name.clone().or_else(suggested).ok_or_else(|| {
        Failure::Usage(
            format!("no name can be made from `{}`", text::printable(&args.url)),
            Some("give one: `--name NAME`".to_owned()),
        )
    })?;
    let mut taken = workspace.config.watches.iter().filter(|_| !workspace.config.implicit).map(|watch| &watch.name);
    if let Some(taken) = taken.find(|taken| taken.as_str().eq_ignore_ascii_case(name.as_str())) {
        return Err(Failure::Usage(
            format!("there is a watch `{taken}` already"),
            Some(format!("give another name with `--name NAME`, or remove it: `patch watch remove {taken}`")),
        ));
    }
    Ok(name)
}

fn values(args: &WatchAddArgs, event: EventKind, source: &Source) -> Vec<(&'static str, String)> {
    let mut values = vec![(source.key, source.value.clone())];
    let mut add = |key: &'static str, value: Option<String>| values.extend(value.map(|value| (key, value)));
    if source.key == "feed" {
        add("remote", args.remote.clone());
    }
    add("event", (event == EventKind::Branch).then(|| "branch".to_owned()));
    add("branch", args.branch.clone());
    for tags in &args.tags {
        add("tags", Some(tags.clone()));
    }
    add("versions", args.versions.clone());
    add("prerelease", args.prerelease.then(|| "true".to_owned()));
    for target in &args.dispatch {
        add("dispatch", Some(target.to_string()));
    }
    add("command", args.command.clone());
    let policy = args.policy.map(|policy| serde_json::to_value(policy).expect("a policy is a word"));
    add("fork", args.fork.clone());
    add("policy", policy.and_then(|policy| policy.as_str().map(str::to_owned)));
    values
}

/// Reads the configuration as it would be: a watch that is no good is not written.
fn check(workspace: &Workspace, name: &WatchName, values: &[(&'static str, String)]) -> Result<Watch, Failure> {
    let mut entries = workspace.git.config()?;
    entries.extend(values.iter().map(|(key, value)| ConfigEntry {
        scope: "option".to_owned(),
        origin: "command line".to_owned(),
        section: "watch".to_owned(),
        subsection: Some(name.to_string()),
        name: key.to_ascii_lowercase(),
        value: Some(value.clone()),
    }));
    let config = config::read(&entries).map_err(Failure::Configuration)?;
    let watch = config.watches.into_iter().find(|watch| watch.name == *name);
    watch.ok_or_else(|| Failure::Usage(format!("the watch `{name}` could not be read back"), None))
}

/// Looks at what is not named by the source: the remote beside a feed.
fn check_beside(workspace: &Workspace, watch: &Watch, args: &WatchAddArgs, source: &Source) -> Result<(), Failure> {
    let beside = watch.remote.as_ref().filter(|_| source.key == "feed" && !args.no_check);
    if let Some(remote) = beside {
        workspace.git.ls_remote(remote, &["refs/tags/*"], PATIENCE).map_err(|error| {
            let hint = "mend that remote, or name another with `--remote`; `--no-check` writes without a look";
            Failure::Usage(format!("beside the feed the remote `{remote}` is read: {error}"), Some(hint.to_owned()))
        })?;
    }
    Ok(())
}
