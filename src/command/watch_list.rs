//! `patch watch list` and `patch watch remove`.

use crate::{
    cli::{WatchListArgs, WatchRemoveArgs},
    config::{IMPLICIT, key::nearest, mistake},
    git::{self, ConfigEntry},
    intake::look,
    outcome::Outcome,
    report::{Report, table::table},
    text,
    watch::{EventKind, Policy, Target, Watch, WatchName},
    workspace::{self, Failure, Workspace},
};
use serde::Serialize;
use std::{collections::BTreeSet, path::Path};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    watch: &'a WatchName,
    source: String,
    event: EventKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'a str>,
    dispatch: &'a [Target],
    policy: Policy,
    fork: &'a str,
    implicit: bool,
}

/// Lists the watches.
///
/// # Errors
/// When the configuration cannot be read, or there is no watch.
pub fn list(directory: Option<&Path>, _args: &WatchListArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let watches = workspace.watches(&[])?;
    if report.is_json() {
        for watch in watches {
            report.object(&line(&workspace, watch));
        }
        return Ok(Outcome::Done);
    }
    let rows = watches
        .iter()
        .map(|watch| {
            let targets: Vec<&str> = watch.dispatch.iter().map(|target| target.as_str()).collect();
            let event = match watch.event {
                EventKind::Release => "release",
                EventKind::Branch => "branch",
            };
            vec![
                watch.name.to_string(),
                event.to_owned(),
                text::printable(&look::source(watch, &workspace.config.remotes)),
                if targets.is_empty() { "none".to_owned() } else { targets.join(", ") },
            ]
        })
        .collect();
    report.verbatim(&table(&["watch", "event", "looks at", "dispatches to"], rows));
    if workspace.config.implicit {
        report.told(
            "this watch needs no configuration: it is the remote `upstream`; `patch watch add upstream` writes it down",
        );
    }
    Ok(Outcome::Done)
}

fn line<'a>(workspace: &Workspace, watch: &'a Watch) -> Line<'a> {
    Line {
        watch: &watch.name,
        source: look::source(watch, &workspace.config.remotes),
        event: watch.event,
        remote: watch.remote.as_deref(),
        branch: watch.branch.as_deref(),
        dispatch: &watch.dispatch,
        policy: watch.policy,
        fork: &watch.fork,
        implicit: workspace.config.implicit,
    }
}

/// Removes watches from the configuration files that hold them.
///
/// # Errors
/// When there is no such watch, or it is not in a file: nothing is removed then.
pub fn remove(directory: Option<&Path>, args: &WatchRemoveArgs, report: &Report) -> Result<Outcome, Failure> {
    // Read as it stands: a mistake in a watch must not keep it from being removed.
    let git = workspace::git_in(directory)?;
    let location = git.locate()?;
    let entries = git.config()?;
    let of = |name: &WatchName| {
        let name = name.to_string();
        entries.iter().filter(move |entry| entry.section == "watch" && entry.subsection.as_ref() == Some(&name))
    };
    let mut sections = BTreeSet::new();
    for name in &args.names {
        if of(name).next().is_none() {
            return Err(no_such(name, &entries));
        }
        for origin in of(name).map(|entry| entry.origin.as_str()) {
            let Some(file) = origin.strip_prefix("file:") else {
                return Err(Failure::Usage(
                    format!("the watch `{name}` is set by {}, not in a file", text::printable(mistake::place(origin))),
                    Some("remove it there".to_owned()),
                ));
            };
            // Each once: a section can be removed only once.
            sections.insert((name, file));
        }
    }
    for (name, file) in sections {
        // Git tells a path from the top of the worktree, wherever it was started.
        let path = location.worktree.as_ref().map_or_else(|| file.into(), |top| top.join(file));
        git.config_remove_section(&path, &format!("watch.{name}"))?;
        report.told(&format!("removed `watch.{name}` from {}; its records stay in the ledger", text::printable(file)));
    }
    let is_left = names(&entries).any(|left| !args.names.iter().any(|name| name.as_str() == left));
    if !is_left && git::remotes(&entries).contains_key(IMPLICIT) {
        report.told("no watch is left: the remote `upstream` is watched without configuration");
    }
    Ok(Outcome::Done)
}

/// The names of the watches that are configured, as often as they have values.
fn names(entries: &[ConfigEntry]) -> impl Iterator<Item = &str> {
    entries.iter().filter(|entry| entry.section == "watch").filter_map(|entry| entry.subsection.as_deref())
}

fn no_such(name: &WatchName, entries: &[ConfigEntry]) -> Failure {
    if name.as_str() == IMPLICIT && git::remotes(entries).contains_key(IMPLICIT) {
        return Failure::Usage(
            format!("the watch `{name}` is not in the configuration: it is the remote of that name"),
            Some("remove the remote, or define other watches: then it is gone".to_owned()),
        );
    }
    let hint = match nearest(name.as_str(), names(entries)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "list them with `patch watch list`".to_owned(),
    };
    Failure::Usage(format!("there is no watch `{name}`"), Some(hint))
}
