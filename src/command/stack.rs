//! `patch stack`: the patches of a stack, and how each stands against an upstream point.

use super::{carry::only, handle_signals};
use crate::{
    carry::{
        pick::{Fate, Nobody, walk::Behind},
        plan::{self, Point},
        repository::Repository,
        run,
        stack::MergeContent,
    },
    cli::StackArgs,
    outcome::Outcome,
    report::{Report, review::fate, words::counted},
    text::{clipped, printable},
    workspace::{Failure, Workspace},
};
use serde::Serialize;
use std::path::Path;

/// A patch as `patch stack --json` tells it, one a line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    place: usize,
    sha: &'a str,
    subject: &'a str,
    author: &'a str,
    branch: &'a str,
    /// `applies`, `conflicts`, `landed` or `empty`; absent if there is no point to tell it against.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(flatten)]
    fate: Option<&'a Fate>,
}

/// Shows the stack.
///
/// # Errors
/// When there is none, or no such upstream point.
pub fn run(directory: Option<&Path>, args: &StackArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let watch = match &args.name {
        Some(name) => workspace.watch(name)?.clone(),
        None => only(&workspace.watches(&[])?, "name one")?,
    };
    handle_signals(report);
    let repository = Repository::open(&workspace, watch.timeout)?;
    let point = args.onto.clone().map_or(Point::Base, Point::Revision);
    let is_told = point != Point::Base;
    let plan = plan::make(&workspace, &repository, &watch, point, args.stack.as_deref())?;
    for warning in &plan.warnings {
        report.warning(warning);
    }
    let carried =
        is_told.then(|| run::rehearse(&repository, &plan, Behind::Survey, &mut Nobody, &mut |_, _| {})).transpose()?;
    let fates: Vec<&Fate> =
        carried.iter().flat_map(|carried| &carried.picks.picked).map(|picked| &picked.fate).collect();
    if !report.is_json() {
        let (patches, base) = (counted(plan.stack.len(), "patch", "patches"), plan.stack.base.short());
        let onto = if is_told { format!(", against {}", printable(&plan.onto.name)) } else { String::new() };
        report.answer(&format!("{}: {patches} on {base}{onto}", printable(&plan.stack.name)));
    }
    let mut index = 0;
    for series in &plan.stack.series {
        if !report.is_json() && plan.stack.series.len() > 1 {
            report.answer(&printable(&series.branch));
        }
        for patch in &series.patches {
            let fate = fates.get(index).copied();
            index += 1;
            if report.is_json() {
                report.object(&Line {
                    place: patch.place,
                    sha: patch.commit.as_str(),
                    subject: &patch.subject,
                    author: &patch.author,
                    branch: &series.branch,
                    state: fate.map(state).or(patch.is_empty().then_some("empty")),
                    fate,
                });
            } else {
                let state = fate.map(|fate| format!("{:9} ", state(fate))).unwrap_or_default();
                let (sha, subject) = (patch.commit.short(), printable(clipped(&patch.subject, 72)));
                report.answer(&format!("  {:>3} {sha} {state}{subject}{}", patch.place, aside(fate)));
            }
        }
    }
    if !report.is_json() {
        for merge in &plan.stack.merges {
            let subject = printable(clipped(&merge.subject, 72));
            let own = if merge.own == MergeContent::Nothing { "flattened" } else { "has changes of its own" };
            report.answer(&format!("merge {} {own}: {subject}", merge.sha.short()));
        }
    }
    Ok(Outcome::Done)
}

/// How a patch stands, in one word.
fn state(fate: &Fate) -> &'static str {
    match fate {
        Fate::Carried | Fate::Changed | Fate::Resolved { .. } | Fate::Pending { applies: Some(true) | None } => {
            "applies"
        }
        Fate::Landed { .. } => "landed",
        Fate::Empty => "empty",
        Fate::Conflicts | Fate::Pending { applies: Some(false) } => "conflicts",
    }
}

fn aside(told: Option<&Fate>) -> String {
    match told {
        Some(landed @ Fate::Landed { .. }) => format!(" ({})", fate(landed)),
        _ => String::new(),
    }
}
