//! One watch's sight: its feed parsed, its refs beside it, what is out of sight asked for.

use super::look::{self, Answers, Look, Means, ask, git_problem, source};
use crate::{
    entry::{Entry, FeedDocument, Unusable},
    fetch::{
        echo,
        http::{Content, Fetched, Validators},
    },
    forge, git,
    ledger::{record::Problem, state::WatchState},
    news::{needs_ancestry, oldest_first, overflowed, tag_entry},
    parse::{self, key, refs::RemoteRefs},
    refname, text,
    time::Timestamp,
    watch::{EventKind, Watch},
    workspace::Workspace,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};
use url::Url;

/// How far a feed is paged back to find something that is known.
const PAGES: usize = 10;
/// Older pages that are read in company, by all watches together.
const SHARED_PAGES: u32 = 16;
/// The longest older page that is read in company, in bytes.
const SHARED_PAGE: u64 = 256 * 1024;

/// Why there is no sight.
#[derive(Debug)]
pub enum Unseen {
    /// What is wrong with the watch.
    Problem(Problem),
    /// Older pages are wanted, and there is no room for them beside the other watches'.
    Crowded,
}

impl From<Problem> for Unseen {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// What the watches that are looked at together may read besides their answers.
#[derive(Debug)]
pub struct Room {
    /// The pages that are left; none for a watch by itself, which only its own limits hold.
    pages: Option<AtomicU32>,
}

impl Room {
    /// For so many watches.
    #[must_use]
    pub fn of(watches: usize) -> Self {
        Self { pages: (watches > 1).then(|| AtomicU32::new(SHARED_PAGES)) }
    }

    /// The longest page that may be read now, of `left` bytes.
    fn page(&self, left: u64) -> Result<u64, Unseen> {
        let Some(pages) = &self.pages else { return Ok(left) };
        let take = |pages: u32| pages.checked_sub(1);
        let taken = pages.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(|_| left.min(SHARED_PAGE)).map_err(|_| Unseen::Crowded)
    }
}

/// The sight that the answers give; pages and history are asked for where they decide.
///
/// # Errors
/// The problem with the watch, when its answer is none or no good; or that it needs more room.
pub fn of(
    workspace: &Workspace,
    means: &Means,
    watch: &Watch,
    answers: Answers,
    known: &WatchState,
    room: &Room,
    dry_run: bool,
) -> Result<Look, Unseen> {
    let Answers { feed, refs, left } = answers;
    let deadline = (Instant::now() + left).min(means.patience.until());
    let refs = refs.transpose()?.map(|refs| git::read_refs(&refs).map_err(|error| git_problem(&error))).transpose()?;
    let mut look = Look { branch: watch.branch.clone(), ..Look::default() };
    look.sight.source = source(watch, &workspace.config.remotes);
    if let Some(refs) = refs {
        apply_refs(&mut look, watch, &refs);
    }
    match feed.transpose()?.as_deref() {
        Some(Fetched::NotModified) => {
            look.sight.entries.clear();
            look.sight.is_unchanged = true;
            look.sight.is_window = true;
            look.sight.head.clone_from(&known.head);
        }
        Some(Fetched::Document { body, url, validators, served_at }) => {
            look.served_at = served_at.map(Timestamp::from);
            let document = parse_feed(body, url, watch.event)?;
            let next = next_page(&document, url);
            apply_feed(&mut look, watch, document, validators.clone());
            // Where there are refs, they tell what is out of sight.
            if watch.remote.is_none() && overflowed(&look.sight, known) {
                let spent = body.bytes();
                page_back(&mut Asker { means, watch, deadline, room, spent }, &mut look, known, next)?;
            }
        }
        None => {}
    }
    if let Some(remote) = watch.remote.as_ref().filter(|_| needs_ancestry(&look.sight, known)) {
        look.sight.descends = descends(workspace, watch, remote, &look, known, deadline, dry_run)?;
    }
    Ok(look)
}

fn parse_feed(body: &Content, url: &Url, event: EventKind) -> Result<FeedDocument, Problem> {
    let body = body.read().map_err(|error| Problem {
        kind: "io".to_owned(),
        message: format!(
            "{}: it cannot be read back from the temporary directory: {error}",
            crate::fetch::shown::shown(url)
        ),
        hint: None,
    })?;
    parse::feed::parse(&body, url, event).map_err(|error| Problem {
        kind: error.kind().to_owned(),
        message: format!("{}: {error}", crate::fetch::shown::shown(url)),
        hint: error.hint(),
    })
}

fn apply_refs(look: &mut Look, watch: &Watch, refs: &RemoteRefs) {
    match watch.event {
        EventKind::Release => {
            let mut tags = BTreeMap::new();
            for (name, it) in &refs.refs {
                let Some(tag) = name.strip_prefix("refs/tags/") else { continue };
                match key::checked(tag) {
                    Ok(()) => drop(tags.insert(tag.to_owned(), it.commit().to_owned())),
                    Err(reason) => look
                        .sight
                        .unusable
                        .push(Unusable { label: text::clipped(tag, 200).to_owned(), reason: reason.to_owned() }),
                }
            }
            let entries = tags.iter().map(|(tag, sha)| tag_entry(tag, sha)).collect();
            look.sight.entries = oldest_first(entries, false);
            look.sight.tags = Some(tags);
        }
        EventKind::Branch => {
            let name = watch.branch.as_ref().map_or("HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
            if look.branch.is_none() {
                let branch = refs.head.as_deref().and_then(|head| head.strip_prefix("refs/heads/"));
                // A name that no key could be is not asked for again, nor handed on: HEAD leads there too.
                look.branch = branch.filter(|branch| key::checked(branch).is_ok()).map(str::to_owned);
            }
            look.sight.head = refs.refs.get(&name).map(|it| it.commit().to_owned());
            look.sight.entries = look
                .sight
                .head
                .iter()
                .map(|sha| Entry { key: sha.clone(), sha: Some(sha.clone()), ..Entry::default() })
                .collect();
        }
    }
}

/// The feed defines which entries exist: it takes the place of what the refs alone would.
fn apply_feed(look: &mut Look, watch: &Watch, document: FeedDocument, validators: Validators) {
    look.sight.is_window = true;
    look.sight.unusable.extend(document.unusable);
    if watch.event == EventKind::Branch {
        // A log is newest first whatever its dates say: its first commit is the head. An empty log is
        // what some forges answer for a branch that they do not have; the refs know better.
        look.sight.head = document.entries.first().map(|entry| entry.key.clone()).or(look.sight.head.take());
        look.sight.entries = document.entries.into_iter().rev().collect();
    } else {
        look.sight.entries = oldest_first(document.entries, true);
    }
    // An empty document is either not believed, or a branch that is gone, or the time before the
    // first release: each time the next answer must come whole.
    look.validators = Some(validators).filter(|_| !look.sight.entries.is_empty());
}

/// The page before, as the document names it (RFC 5005, section 3), if it is on the document's own
/// server: a feed does not get to say whom else we ask.
fn next_page(document: &FeedDocument, url: &Url) -> Option<Url> {
    let next = document.next.as_deref().and_then(|next| Url::parse(next).ok());
    let next = next.map(|next| echo::restored(&next, url));
    next.filter(|next| next != url && next.origin() == url.origin())
}

/// Who asks for older pages, until when, and how many bytes of them.
struct Asker<'a> {
    means: &'a Means,
    watch: &'a Watch,
    deadline: Instant,
    room: &'a Room,
    /// Bytes read so far, the first page among them; a document's limit is for all pages together.
    spent: u64,
}

/// Pages a feed back until something known appears, or there is nothing more.
///
/// # Errors
/// When a page cannot be had now: what is seen must not become known before what came earlier, or
/// that would be lost.
fn page_back(asker: &mut Asker<'_>, look: &mut Look, known: &WatchState, mut next: Option<Url>) -> Result<(), Unseen> {
    let Some(mut url) = asker.watch.feed.clone() else { return Ok(()) };
    for _ in 0..PAGES {
        let Some(oldest) = look.sight.entries.first().map(|entry| entry.key.clone()) else { return Ok(()) };
        let Some(page) = next.take().or_else(|| forge::previous_page(&url, &oldest)) else { return Ok(()) };
        if asker.spent >= asker.watch.body_limit || look.sight.entries.len() >= parse::feed::MOST {
            return Ok(());
        }
        let Some((document, following)) = older(asker, &page)? else { return Ok(()) };
        next = following;
        url = page;
        let shown: BTreeSet<&str> = look.sight.entries.iter().map(|entry| entry.key.as_str()).collect();
        let mut older: Vec<Entry> =
            document.entries.into_iter().filter(|entry| !shown.contains(entry.key.as_str())).rev().collect();
        if older.is_empty() {
            return Ok(());
        }
        older.append(&mut look.sight.entries);
        look.sight.entries = older;
        if look.sight.entries.iter().any(|entry| known.known.contains_key(&entry.key)) {
            return Ok(());
        }
    }
    Ok(())
}

/// An older page and the one before it; `None` where the pages end.
fn older(asker: &mut Asker<'_>, page: &Url) -> Result<Option<(FeedDocument, Option<Url>)>, Unseen> {
    let left = asker.watch.body_limit - asker.spent;
    let body = asker.room.page(left)?;
    let time = asker.deadline.saturating_duration_since(Instant::now());
    match ask(asker.means, page, &look::limits(asker.means, page, time, body)) {
        Ok(Fetched::Document { body, url, .. }) => {
            asker.spent += body.bytes();
            let document = parse_feed(&body, &url, asker.watch.event)?;
            let next = next_page(&document, page);
            Ok(Some((document, next)))
        }
        Ok(Fetched::NotModified) => Ok(None),
        Err(problem) if matches!(problem.kind.as_str(), "not-found" | "gone") => Ok(None),
        Err(problem) if problem.kind == "too-large" && body < left => Err(Unseen::Crowded),
        // All pages together are too long, as there may be too many of them: what is missing is a gap.
        Err(problem) if problem.kind == "too-large" => Ok(None),
        Err(problem) => Err(problem.into()),
    }
}

/// Whether the branch's old head is an ancestor of the new one, asked of Git; `None` if it cannot tell.
///
/// The new head is fetched into a ref of our own, which keeps it for the next question. A shallow
/// repository misses history and cannot tell.
///
/// # Errors
/// When the history cannot be fetched: a rewritten branch must not pass for an ordinary update.
fn descends(
    workspace: &Workspace,
    watch: &Watch,
    remote: &str,
    look: &Look,
    known: &WatchState,
    deadline: Instant,
    dry_run: bool,
) -> Result<Option<bool>, Problem> {
    let (Some(old), Some(new)) = (known.head.as_deref(), look.sight.head.as_deref()) else { return Ok(None) };
    let git = &workspace.git;
    let ask = |old: &str, new: &str| git.is_ancestor(old, new).map_err(|error| git_problem(&error));
    if let Some(told) = ask(old, new)? {
        return Ok(Some(told));
    }
    if dry_run || workspace.location.is_shallow {
        return Ok(None);
    }
    // Never the name that upstream gives its HEAD: what is asked for is what is configured.
    let upstream = watch.branch.as_ref().map_or("HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
    let ours = format!("refs/patch-moi/upstream/{}", refname::component(watch.name.as_str()));
    git.fetch(remote, &[format!("+{upstream}:{ours}")], deadline.saturating_duration_since(Instant::now())).map_err(
        |error| Problem {
            hint: Some(format!(
                "allow more time for the branch's history: `git config watch.{}.fetchTimeout SECONDS`",
                watch.name
            )),
            ..git_problem(&error)
        },
    )?;
    Ok(match ask(old, new)? {
        Some(told) => Some(told),
        // All that the new head descends from is here now, and the old one is not.
        None if ask(new, new)? == Some(true) => Some(false),
        None => None,
    })
}
