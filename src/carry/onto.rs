//! The upstream point that a stack is carried to: found, fetched if missing, peeled.
//!
//! A name can be a tag and a branch, and upstream's and ours. What it is must not depend on an order
//! of precedence that nobody remembers: a name that leads to two commits is refused, and both refs
//! are named.

use super::{
    id::{CommitId, lines},
    plan::Onto,
    repository::{Repository, unreadable},
    stack::source::Source,
    upstream::Upstream,
};
use crate::{
    event::Event,
    text::{clipped, printable},
    time::Timestamp,
    workspace::Failure,
};
use serde_json::Value;

/// Finds the point that an event is about.
///
/// # Errors
/// When it names none, upstream does not have it, or a tag is not where the event saw it.
pub fn of_event(repository: &Repository, upstream: &Upstream<'_>, event: &Event) -> Result<Onto, Failure> {
    let field = |name: &str| event.payload.get(name).and_then(Value::as_str);
    let (tag, sha) = (field("tag"), field("sha"));
    let sha = sha.map(str::parse::<CommitId>).transpose().map_err(|reason| {
        Failure::Usage(
            format!("the event's `sha`: {reason}"),
            Some("take the event as `patch event` prints it".to_owned()),
        )
    })?;
    let reference = tag.map(|tag| format!("refs/tags/{tag}"));
    let advertised = reference.as_deref().and_then(|reference| upstream.commit(reference));
    if let (Some(tag), Some(sha), Some(now)) = (tag, &sha, &advertised)
        && sha != now
    {
        return Err(Failure::Usage(
            format!(
                "upstream's tag {} was moved: the event saw {}, it is {} now",
                shown(tag),
                sha.short(),
                now.short()
            ),
            Some(format!("if that is right, carry to it by hand: `patch carry --onto {now}`")),
        ));
    }
    let Some(commit) = sha.or(advertised) else {
        let name = tag.map_or("the event names neither tag nor commit".to_owned(), |tag| {
            format!("upstream has no tag {}, and the event names no commit", shown(tag))
        });
        return Err(upstream.warning.as_ref().map_or_else(
            || Failure::Usage(name.clone(), Some("list upstream's tags: `git ls-remote --tags upstream`".to_owned())),
            |warning| Failure::Usage(format!("{name}; {warning}"), None),
        ));
    };
    if !is_here(repository, &commit)? {
        let branch = field("ref").filter(|name| name.starts_with("refs/heads/")).map(str::to_owned);
        let wanted = reference.filter(|name| upstream.commit(name).is_some()).or(branch);
        let wanted = wanted.filter(|name| git2::Reference::is_valid_name(name));
        // A branch may have been rewritten since: the commit itself is asked for then.
        let fetched = wanted.map_or(Ok(()), |wanted| upstream.fetch(&wanted));
        if fetched.is_err() || !is_here(repository, &commit)? {
            upstream.fetch(commit.as_str())?;
        }
    }
    described(repository, commit.as_str(), tag, commit.clone())
}

/// Finds the point that a person names.
///
/// # Errors
/// When there is none of that name, or more than one.
pub fn of_revision(repository: &Repository, upstream: &Upstream<'_>, name: &str) -> Result<Onto, Failure> {
    if name.is_empty() || name.starts_with('-') || name.contains(crate::text::is_unsafe) {
        return Err(unknown(name, upstream));
    }
    if let Ok(commit) = name.parse::<CommitId>() {
        if !is_here(repository, &commit)? {
            upstream.remote.ok_or_else(|| upstream.missing())?;
            upstream.fetch(name).map_err(|_| unknown(name, upstream))?;
        }
        return described(repository, name, None, commit);
    }
    let places = if name.starts_with("refs/") {
        vec![name.to_owned()]
    } else {
        let mut places =
            vec![format!("refs/tags/{name}"), format!("refs/heads/{name}"), format!("refs/remotes/{name}")];
        places.extend(upstream.remote.map(|remote| format!("refs/remotes/{remote}/{name}")));
        places.retain(|place| git2::Reference::is_valid_name(place));
        places
    };
    let mut found: Vec<(String, CommitId)> = Vec::new();
    for place in &places {
        found.extend(resolve(repository, place)?.map(|commit| (place.clone(), commit)));
    }
    let tag = places.first().filter(|place| place.starts_with("refs/tags/"));
    if let Some(tag) = tag
        && let Some(theirs) = upstream.commit(tag)
    {
        match found.iter().find(|(place, _)| place == tag) {
            Some((_, ours)) if *ours != theirs => {
                return Err(Failure::Usage(
                    format!("{} is {} here and {} upstream", shown(tag), ours.short(), theirs.short()),
                    Some(format!("name the commit: `--onto {theirs}` is upstream's")),
                ));
            }
            Some(_) => {}
            None => {
                if !is_here(repository, &theirs)? {
                    upstream.fetch(tag)?;
                }
                found.insert(0, (tag.clone(), theirs));
            }
        }
    }
    if let Some((_, first)) = found.first()
        && found.iter().any(|(_, commit)| commit != first)
    {
        let refs: Vec<String> =
            found.iter().map(|(place, commit)| format!("{} ({})", shown(place), commit.short())).collect();
        return Err(Failure::Usage(
            format!("`{}` is ambiguous: {}", shown(name), refs.join(", ")),
            Some(format!("name the one that is meant in full: `--onto {}`", shown(&found[0].0))),
        ));
    }
    match found.into_iter().next() {
        Some((place, commit)) => described(repository, name, place.strip_prefix("refs/tags/"), commit),
        None => match resolve(repository, name)? {
            Some(commit) => described(repository, name, None, commit),
            None => Err(unknown(name, upstream)),
        },
    }
}

/// The point that these branches are built on: the newest of upstream's commits below them.
///
/// # Errors
/// When upstream has no commit of theirs.
pub fn base_of(repository: &Repository, sources: &[Source], upstream: &[CommitId]) -> Result<Onto, Failure> {
    let heads = lines("", sources.iter().map(|source| &source.head));
    let excluded = lines("^", upstream);
    let args = ["rev-list", "--topo-order", "--boundary", "--ignore-missing", "--stdin"];
    let mut command = repository.command(&args)?;
    command.env("GIT_NO_LAZY_FETCH", "1");
    let listed = repository.answer_of(command, "rev-list", (heads + &excluded).as_bytes())?;
    let listed = String::from_utf8_lossy(&listed);
    let Some(base) = listed.lines().find_map(|line| line.strip_prefix('-')) else {
        return Err(Failure::Usage(
            "the stack is empty: upstream has every commit of it".to_owned(),
            Some("name the branch that holds your patches: `--stack BRANCH`".to_owned()),
        ));
    };
    let base: CommitId = base.parse().map_err(|reason| unreadable("rev-list", reason))?;
    described(repository, base.as_str(), None, base.clone())
}

fn unknown(name: &str, upstream: &Upstream<'_>) -> Failure {
    let name = shown(name);
    if upstream.remote.is_none() {
        let Failure::Usage(missing, hint) = upstream.missing() else { unreachable!("it is bad usage") };
        return Failure::Usage(format!("there is no `{name}` here; {missing}"), hint);
    }
    let asked = upstream.warning.as_ref().map_or_else(
        || format!("there is no tag, branch or commit `{name}`, neither here nor upstream"),
        |warning| format!("there is no tag, branch or commit `{name}` here; {warning}"),
    );
    let remote = upstream.remote.unwrap_or("upstream");
    Failure::Usage(asked, Some(format!("list upstream's: `git ls-remote {}`", printable(remote))))
}

fn shown(name: &str) -> String {
    printable(clipped(name, 200))
}

/// Whether a commit is here; nothing is fetched for the answer.
pub(super) fn is_here(repository: &Repository, commit: &CommitId) -> Result<bool, Failure> {
    Ok(repository.has(&format!("{commit}^{{commit}}"))?)
}

/// The commit of a revision, peeled; `None` if there is none.
fn resolve(repository: &Repository, name: &str) -> Result<Option<CommitId>, Failure> {
    let wanted = format!("{name}^{{commit}}");
    let finished = repository.attempt(&["rev-parse", "--verify", "--end-of-options", &wanted])?;
    let said = finished.stderr.lossy();
    if said.contains("is ambiguous") {
        return Err(Failure::Usage(
            format!("`{}` is ambiguous", shown(name)),
            Some("name the ref in full, `refs/tags/…` or `refs/heads/…`, or the commit".to_owned()),
        ));
    }
    if !finished.exit.is_success() {
        return Ok(None);
    }
    let text = finished.stdout.lossy();
    Ok(Some(text.trim_end().parse().map_err(|reason| unreadable("rev-parse", reason))?))
}

/// The point of this commit, as it is told: its tree and date.
pub(super) fn described(
    repository: &Repository,
    name: &str,
    tag: Option<&str>,
    commit: CommitId,
) -> Result<Onto, Failure> {
    let raw = repository.commit(&commit)?;
    let tree = raw.tree().map_err(|reason| unreadable("cat-file", reason))?;
    let committer = String::from_utf8_lossy(raw.committer()).into_owned();
    let seconds = committer.rsplit(' ').nth(1).and_then(|seconds| seconds.parse::<i64>().ok());
    let committed_at = seconds
        .and_then(Timestamp::from_seconds)
        .ok_or_else(|| unreadable("cat-file", "a commit has no date".to_owned()))?;
    let name = tag.unwrap_or(name).to_owned();
    Ok(Onto { name, tag: tag.map(str::to_owned), commit, tree, committed_at })
}
