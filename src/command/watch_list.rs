//! `patch watch list` and `patch watch remove`.

use crate::{
    cli::{WatchListArgs, WatchRemoveArgs},
    config::{IMPLICIT, mistake},
    intake::look,
    outcome::Outcome,
    report::{Report, table::table},
    text,
    watch::{EventKind, Policy, Target, Watch, WatchName},
    workspace::{Failure, Workspace},
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
    let workspace = Workspace::open(directory)?;
    let entries = workspace.git.config()?;
    let mut sections = Vec::new();
    // Each once: a section can be removed only once.
    for name in BTreeSet::from_iter(&args.names) {
        workspace.watch(name)?;
        if workspace.config.implicit {
            return Err(Failure::Usage(
                format!("the watch `{name}` is not in the configuration: it is the remote of that name"),
                Some("remove the remote, or define other watches: then it is gone".to_owned()),
            ));
        }
        let of_watch = entries
            .iter()
            .filter(|entry| entry.section == "watch" && entry.subsection.as_deref() == Some(name.as_str()));
        let mut origins: Vec<&str> = of_watch.map(|entry| entry.origin.as_str()).collect();
        origins.dedup();
        for origin in origins {
            let Some(file) = origin.strip_prefix("file:") else {
                return Err(Failure::Usage(
                    format!("the watch `{name}` is set by {}, not in a file", text::printable(mistake::place(origin))),
                    Some("remove it there".to_owned()),
                ));
            };
            sections.push((name, file));
        }
    }
    for (name, file) in sections {
        // Git tells a path from the top of the worktree, wherever it was started.
        let path = workspace.location.worktree.as_ref().map_or_else(|| file.into(), |top| top.join(file));
        workspace.git.config_remove_section(&path, &format!("watch.{name}"))?;
        report.told(&format!("removed `watch.{name}` from {}; its records stay in the ledger", text::printable(file)));
    }
    if workspace.config.watches.iter().all(|watch| args.names.contains(&watch.name))
        && workspace.config.remotes.contains_key(IMPLICIT)
    {
        report.told("no watch is left: the remote `upstream` is watched without configuration");
    }
    Ok(Outcome::Done)
}
