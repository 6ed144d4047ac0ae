//! The report of a carry as a person would want to review it.

use super::words::{counted, short};
use crate::{
    carry::{
        pick::{Fate, Landed, Proof},
        report::{Check, ConflictReport, PatchReport, Report},
    },
    dispatch::result::Candidate,
    text::{clipped, printable},
};

/// Upstream commits that are named for each conflicted file.
const COMMITS: usize = 5;

/// The report in lines: the patches and their fates, what stopped it, the checks, where the result is and
/// how to look at it.
#[must_use]
pub fn lines(report: &Report) -> Vec<String> {
    let told = &report.artifacts;
    let mut lines = Vec::new();
    let (stack, onto) = (&told.stack, &told.onto);
    lines.push(format!("onto      {} ({})", printable(&onto.name), onto.sha.short()));
    lines.push(format!(
        "stack     {}: {} on {}",
        printable(&stack.name),
        counted(told.patches.len(), "patch", "patches"),
        stack.base.short()
    ));
    lines.extend(told.patches.iter().map(|patch| format!("  {}", of_patch(patch))));
    for merge in &told.merges {
        let subject = printable(clipped(&merge.subject, 60));
        lines.push(format!("  merge {} {subject}: taken apart into its patches", merge.sha.short()));
    }
    lines.extend(told.conflicts.iter().flat_map(of_conflict));
    for tried in &told.resolver {
        let outcome = if tried.accepted { "resolved it" } else { "did not resolve it" };
        let why = tried.message.as_deref().map(|why| format!(": {}", printable(clipped(why, 300))));
        lines.push(format!("resolver  {outcome} (patch {}){}", tried.place, why.unwrap_or_default()));
    }
    lines.extend(told.checks.iter().map(|check| format!("check     {}", of_check(check))));
    if told.checks.is_empty() && !told.candidate_refs.is_empty() {
        lines.push("check     none is configured: it is not verified".to_owned());
    }
    lines.extend(told.warnings.iter().map(|warning| format!("warning   {}", printable(warning))));
    lines.extend(told.candidate_refs.iter().map(|one| format!("result    {}", of_ref(one))));
    lines.extend(told.intervention.iter().map(|one| format!("to decide {}", of_ref(one))));
    if told.used_rerere || told.used_resolver {
        lines.push("review    conflicts were resolved without a person: look before it is promoted".to_owned());
    }
    if let Some(candidate) = told.candidate_refs.first().and_then(|one| one.sha.as_deref()) {
        let (base, head, onto) = (stack.base.short(), stack.head.short(), onto.sha.short());
        lines.push(format!("look      git range-diff {base}..{head} {onto}..{}", short(candidate)));
    }
    if let Some(file) = &told.range_diff {
        lines.push(format!("          {}", printable(file)));
    }
    if let Some(branch) = told.intervention.as_ref().and_then(|one| one.reference.as_deref()) {
        let branch = printable(branch.trim_start_matches("refs/heads/"));
        lines.push(format!("finish    git fetch; git switch {branch}; follow the commit's message"));
    }
    lines
}

fn of_patch(patch: &PatchReport) -> String {
    let subject = printable(clipped(&patch.subject, 60));
    let new = patch.new_sha.as_ref().map(|new| format!(" -> {}", new.short())).unwrap_or_default();
    let (place, sha, fate) = (patch.place, patch.sha.short(), fate(&patch.fate));
    format!("{place:>3} {sha}{new} {subject}: {fate}{}", upstream(patch))
}

/// What upstream has to do with a patch that is carried; mostly nothing.
#[must_use]
pub fn upstream(patch: &PatchReport) -> String {
    match (&patch.twin, &patch.reverted_by) {
        (Some(twin), _) => format!("; upstream has it too, as {}: look that it is not there twice", twin.short()),
        (None, Some(by)) => format!("; upstream had it and took it back in {}", by.short()),
        (None, None) => String::new(),
    }
}

fn of_conflict(conflict: &ConflictReport) -> Vec<String> {
    let subject = printable(clipped(&conflict.subject, 60));
    let mut lines = vec![format!("conflict  patch {} of {} `{subject}`", conflict.place, conflict.of)];
    for file in &conflict.files {
        lines.push(format!("  {}: {}", file.path, file.kind));
        for commit in file.upstream.iter().take(COMMITS) {
            let subject = printable(clipped(&commit.subject, 60));
            lines.push(format!("    upstream: {} {subject}", commit.sha.short()));
        }
    }
    lines
}

fn of_check(check: &Check) -> String {
    let outcome =
        if check.passed { format!("`{}` passed", check.command) } else { format!("failed {}", check.words()) };
    let log = check.log.as_deref().map(|log| format!(" ({})", printable(log)));
    outcome + &log.unwrap_or_default()
}

fn of_ref(one: &Candidate) -> String {
    let name = printable(one.reference.as_deref().unwrap_or("-").trim_start_matches("refs/heads/"));
    let sha = short(one.sha.as_deref().unwrap_or_default());
    let place = match (&one.remote, one.pushed) {
        (Some(remote), Some(true)) => format!("on `{}`", printable(remote)),
        _ => "here, not pushed".to_owned(),
    };
    format!("{sha} {name}, {place}")
}

/// What became of a patch, in words.
#[must_use]
pub fn fate(fate: &Fate) -> String {
    match fate {
        Fate::Carried => "carried".to_owned(),
        Fate::Changed => "carried, changed".to_owned(),
        Fate::Resolved { by } => format!("carried, resolved by {by}"),
        Fate::Landed { proof, handling } => {
            let kept = match handling {
                Landed::Drop => "",
                Landed::Keep => ", kept as an empty commit",
                Landed::Ask => ", a person has to decide",
            };
            let proof = match proof {
                Proof::PatchId { upstream } => format!("as {}", upstream.short()),
                Proof::ReverseApply => "every line of it is there".to_owned(),
                Proof::Emptied => "it changes nothing any more".to_owned(),
            };
            format!("landed upstream: {proof}{kept}")
        }
        Fate::Empty => "empty from the start, kept".to_owned(),
        Fate::Conflicts => "conflicts".to_owned(),
        Fate::Pending { applies: None } => "pending".to_owned(),
        Fate::Pending { applies: Some(true) } => "pending, would apply".to_owned(),
        Fate::Pending { applies: Some(false) } => "pending, would conflict".to_owned(),
    }
}
