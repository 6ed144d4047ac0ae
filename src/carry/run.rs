//! One run: the plan's patches picked, built and proven, then published. Between the last two there is
//! room for whoever wants to check the candidate first.

use super::{
    candidate::{self, Built, Published},
    id::CommitId,
    intervention::{self, Cause},
    notes,
    pick::{
        Fate, Landed, Picked, Picks, Resolve,
        walk::{Behind, walk},
    },
    plan::Plan,
    proof,
    report::{Artifacts, Check, ConflictReport, OntoReport, PatchReport, Report, StackReport},
    repository::{Repository, locked},
    stack::{MergeContent, Patch},
    verify,
};
use crate::{
    dispatch::result::{Candidate, Status},
    private,
    refname::component,
    report::words::counted,
    review::attestation,
    text::{self, printable},
    workspace::{Failure, Workspace},
};
use std::{fmt::Write, fs, path::PathBuf, time::Duration};

/// How long another run may write notes.
const NOTES: Duration = Duration::from_secs(30);

/// What a run came to before anything is published.
#[derive(Clone, Debug, PartialEq)]
pub struct Carried {
    /// Every patch and its fate.
    pub picks: Picks,
    /// The proven commits, if every patch has its place: nothing refers to them yet.
    pub built: Option<Built>,
    /// The report as far as it goes.
    pub report: Report,
}

impl Carried {
    /// Takes down the checks that the candidate was put through; one that fails them is nobody's.
    pub fn checked(&mut self, checks: Vec<Check>) {
        let report = &mut self.report;
        report.artifacts.verified = !checks.is_empty() && checks.iter().all(|check| check.passed);
        let words = verify::words(&checks);
        if checks.iter().any(|check| !check.passed) {
            self.built = None;
            report.status = Status::Failed;
            report.message = format!("{}, and not published: {words}", report.message);
            report.artifacts.patches.iter_mut().for_each(|patch| patch.new_sha = None);
        } else {
            report.message = format!("{}; {words}", report.message);
        }
        report.artifacts.checks = checks;
    }

    /// Whether the candidate did not pass its checks.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.report.artifacts.checks.iter().any(|check| !check.passed)
    }

    /// The same run where the conflicts that no person resolved are left to one: as they were resolved,
    /// the candidate did not pass.
    #[must_use]
    pub fn left_to(self, mut person: Self) -> Self {
        let before = self.report.artifacts;
        let report = &mut person.report;
        let how = if before.used_resolver { "the resolver resolved it" } else { "it was resolved before" };
        report.message = format!("{}; as {how}, the candidate fails {}", report.message, verify::words(&before.checks));
        report.artifacts.checks = before.checks;
        report.artifacts.resolver = before.resolver;
        for tried in &mut report.artifacts.resolver {
            tried.accepted = false;
        }
        person
    }
}

/// Picks, builds and proves; publishes nothing.
///
/// # Errors
/// When Git cannot do what is needed, or the proof fails.
pub fn carry(
    workspace: &Workspace,
    repository: &Repository,
    plan: &Plan,
    behind: Behind,
    resolver: &mut dyn Resolve,
    tell: &mut dyn FnMut(&Patch, &Picked),
) -> Result<Carried, Failure> {
    if let Some(merge) = plan.stack.evil_merges().next().filter(|_| !plan.flatten) {
        let what = match merge.own {
            MergeContent::Octopus => "merges more than two branches",
            _ => "holds changes of its own, which are in no patch",
        };
        let picked = plan.stack.patches().enumerate().map(|(index, _)| {
            let fate = Fate::Pending { applies: None };
            Picked { index, fate, tree: plan.onto.tree.clone(), reverted: None, twin: None }
        });
        let picks = Picks { picked: picked.collect(), conflict: None };
        let message = format!(
            "the merge {} `{}` {what}: make it a patch, or rebase the stack by hand once",
            merge.sha.short(),
            printable(text::clipped(&merge.subject, 60))
        );
        return Ok(unbuilt(plan, picks, Status::NeedsIntervention, message));
    }
    let mut picks = walk(repository, plan, behind, resolver, tell)?;
    if let Some((status, message)) = stopped(plan, &picks) {
        return Ok(unbuilt(plan, picks, status, message));
    }
    let built = candidate::build(repository, plan, &picks)?;
    proof::prove(repository, plan, &mut picks, &built)?;
    let mut report = report(plan, &picks, Some(&built), Status::Changed, done(plan, &picks));
    let range_diff = proof::range_diff(repository, plan, &built)?;
    report.artifacts.range_diff = Some(keep(workspace, plan, "range-diff", range_diff.as_bytes())?);
    Ok(Carried { picks, built: Some(built), report })
}

/// What a run would come to; nothing is made but objects that nothing refers to.
///
/// # Errors
/// When Git cannot do what is needed.
pub fn rehearse(
    repository: &Repository,
    plan: &Plan,
    behind: Behind,
    resolver: &mut dyn Resolve,
    tell: &mut dyn FnMut(&Patch, &Picked),
) -> Result<Carried, Failure> {
    let picks = walk(repository, plan, behind, resolver, tell)?;
    let evil = !plan.flatten && plan.stack.evil_merges().next().is_some();
    let (status, message) = if let Some(stopped) = stopped(plan, &picks) {
        stopped
    } else if evil {
        (Status::NeedsIntervention, "a merge of the stack holds changes of its own".to_owned())
    } else {
        (Status::Completed, format!("{}, as {}", done(plan, &picks), short(&plan.names.candidate)))
    };
    Ok(unbuilt(plan, picks, status, format!("would be: {message}")))
}

/// Copies the notes, and points the refs of the plan to what was built.
///
/// # Errors
/// When a ref is not ours, or Git cannot write.
pub fn publish(
    workspace: &Workspace,
    repository: &Repository,
    plan: &Plan,
    carried: &mut Carried,
) -> Result<(), Failure> {
    let Some(built) = carried.built.as_ref().filter(|_| !carried.is_refused()) else { return Ok(()) };
    let pairs: Vec<(CommitId, CommitId)> = plan
        .stack
        .patches()
        .zip(&built.commits)
        .filter_map(|(patch, new)| Some((patch.commit.clone(), new.clone()?)))
        .collect();
    {
        let _lock = workspace.lock("runs/carry-notes.lock", NOTES)?;
        notes::copy(repository, &pairs)?;
    }
    let published = candidate::publish(repository, plan, built)?;
    let report = &mut carried.report;
    if published == Published::AlreadyThere && report.status == Status::Changed {
        report.status = Status::Skipped;
        let verified = verify::words(&report.artifacts.checks);
        report.message = format!("{} was there already; {verified}", short(&plan.names.candidate));
    }
    for (place, (name, commit)) in candidate::refs(plan, built).enumerate() {
        // A ref that differs by signatures only was left as it is, and is what is told and pushed.
        let commit = candidate::there(repository, &name)?.unwrap_or_else(|| commit.clone());
        if place == 0 {
            attestation::attest(repository, plan, &report.artifacts, &name, &commit)?;
        }
        report.artifacts.candidate_refs.push(Candidate {
            kind: Some("branch".to_owned()),
            reference: Some(name),
            sha: Some(commit.to_string()),
            pushed: Some(false),
            ..Candidate::default()
        });
    }
    Ok(())
}

/// Leaves the intervention branch of a run that a person has to decide; nothing for any other.
///
/// # Errors
/// When it cannot be written, or a person has built upon one of its name.
pub fn intervene(
    workspace: &Workspace,
    repository: &Repository,
    plan: &Plan,
    carried: &mut Carried,
) -> Result<(), Failure> {
    let Some(cause) = Cause::of(plan, &carried.picks) else { return Ok(()) };
    if let Some(artifacts) = finished(workspace, repository, plan)? {
        let message = format!("{} was there already, as a person has decided", short(&plan.names.candidate));
        carried.report = Report { status: Status::Skipped, message, artifacts };
        return Ok(());
    }
    let left = intervention::leave(workspace, repository, plan, &carried.picks, cause)?;
    let report = &mut carried.report;
    let how = if left.was_there { "was there already" } else { "is prepared" };
    write!(report.message, "; {} {how}", short(&left.reference)).expect("a String takes every character");
    report.artifacts.intervention = Some(Candidate {
        kind: Some("branch".to_owned()),
        reference: Some(left.reference),
        sha: Some(left.commit.to_string()),
        pushed: Some(false),
        ..Candidate::default()
    });
    Ok(())
}

/// What an earlier run of these patches to this point came to, if its candidate is as it was left.
///
/// An event may come twice, and the second time there is nothing to decide any more.
fn finished(workspace: &Workspace, repository: &Repository, plan: &Plan) -> Result<Option<Artifacts>, Failure> {
    let Ok(kept) = fs::read(path(workspace, plan, "json")) else { return Ok(None) };
    let Ok(Report { artifacts, .. }) = serde_json::from_slice::<Report>(&kept) else { return Ok(None) };
    let same = artifacts.onto.sha == plan.onto.commit
        && artifacts.patches.iter().map(|patch| &patch.sha).eq(plan.stack.patches().map(|patch| &patch.commit));
    let there = candidate::there(repository, &plan.names.candidate)?;
    let made = artifacts.candidate_refs.first().and_then(|made| made.sha.as_deref());
    let is_there = made.is_some() && there.as_ref().map(CommitId::as_str) == made;
    Ok((same && is_there).then_some(artifacts))
}

/// Keeps the report in full in the state directory; its path is in it.
///
/// # Errors
/// When the file cannot be written.
pub fn keep_report(workspace: &Workspace, plan: &Plan, report: &mut Report) -> Result<(), Failure> {
    report.artifacts.report = Some(path(workspace, plan, "json").to_string_lossy().into_owned());
    keep(workspace, plan, "json", format!("{}\n", text::json(report)).as_bytes()).map(drop)
}

fn path(workspace: &Workspace, plan: &Plan, kind: &str) -> PathBuf {
    if let Some(report) = &plan.report {
        return if kind == "json" { report.clone() } else { report.with_extension(kind) };
    }
    let name = format!("{}-{}.{kind}", component(plan.watch.as_str()), component(&plan.key));
    workspace.places.state.join("carry").join(name)
}

fn keep(workspace: &Workspace, plan: &Plan, kind: &str, content: &[u8]) -> Result<String, Failure> {
    let path = path(workspace, plan, kind);
    let directory = workspace.places.state.join("carry");
    let write = || {
        private::create_dir(&directory)?;
        let _lock = locked(&directory)?;
        private::replace(&path, ".report.new", content)
    };
    write().map_err(|error| {
        let path = printable(&path.to_string_lossy());
        Failure::Carry(format!("cannot write {path}: {error}"), Some("make room, or make it writable".to_owned()))
    })?;
    Ok(path.to_string_lossy().into_owned())
}

fn asks(picks: &Picks) -> bool {
    picks.picked.iter().any(|picked| matches!(picked.fate, Fate::Landed { handling: Landed::Ask, .. }))
}

/// Whether the stack stands on the upstream point as it is.
fn is_there_already(plan: &Plan, picks: &Picks) -> bool {
    let is_linear = plan.stack.series.len() == 1 && plan.stack.merges.is_empty();
    let as_it_is = |(patch, picked): (&Patch, &Picked)| picked.is_carried() && picked.tree == patch.after;
    plan.stack.base == plan.onto.commit && is_linear && plan.stack.patches().zip(&picks.picked).all(as_it_is)
}

/// A run that builds nothing.
fn unbuilt(plan: &Plan, picks: Picks, status: Status, message: String) -> Carried {
    let report = report(plan, &picks, None, status, message);
    Carried { picks, built: None, report }
}

/// The status and the words for a run whose picks leave nothing to build; `None` if there is something.
fn stopped(plan: &Plan, picks: &Picks) -> Option<(Status, String)> {
    let onto = printable(&plan.onto.name);
    if let Some(conflict) = &picks.conflict {
        let files: Vec<String> = conflict.files.iter().take(3).map(|file| file.path.to_string()).collect();
        let more = if conflict.files.len() > files.len() { ", …" } else { "" };
        let subject = printable(text::clipped(&conflict.patch.subject, 60));
        let (place, of) = (conflict.patch.place, conflict.of);
        let files = files.join(", ");
        return Some((
            Status::NeedsIntervention,
            format!("patch {place} of {of} `{subject}` conflicts with {onto} in {files}{more}"),
        ));
    }
    let landed = landed(picks);
    if asks(picks) {
        let patches = counted(landed, "patch is", "patches are");
        return Some((
            Status::NeedsIntervention,
            format!("{patches} in {onto} already, and `watch.{}.landed` is `ask`", plan.watch),
        ));
    }
    is_there_already(plan, picks)
        .then(|| (Status::Skipped, format!("`{}` is on {onto} already", printable(&plan.stack.name))))
}

fn landed(picks: &Picks) -> usize {
    picks.picked.iter().filter(|picked| matches!(picked.fate, Fate::Landed { .. })).count()
}

fn done(plan: &Plan, picks: &Picks) -> String {
    let carried = picks.picked.iter().filter(|picked| picked.is_carried()).count();
    let landed = picks.picked.len() - carried;
    let landed = if landed == 0 { String::new() } else { format!(", {landed} landed upstream") };
    format!("{} carried onto {}{landed}", counted(carried, "patch", "patches"), printable(&plan.onto.name))
}

fn short(reference: &str) -> &str {
    reference.trim_start_matches("refs/heads/")
}

/// The report of a plan and what became of its patches.
#[must_use]
pub fn report(plan: &Plan, picks: &Picks, built: Option<&Built>, status: Status, message: String) -> Report {
    let branches =
        plan.stack.series.iter().flat_map(|series| series.patches.iter().map(|patch| (&series.branch, patch)));
    let patches = branches.zip(&picks.picked).map(|((branch, patch), picked)| PatchReport {
        place: patch.place,
        sha: patch.commit.clone(),
        subject: patch.subject.clone(),
        author: patch.author.clone(),
        branch: branch.clone(),
        fate: picked.fate.clone(),
        new_sha: built.and_then(|built| built.commits.get(picked.index).cloned().flatten()),
        reverted_by: picked.reverted.clone(),
        twin: picked.twin.clone(),
    });
    let conflicts = picks.conflict.iter().map(ConflictReport::of);
    let resolved = |by| picks.picked.iter().any(|picked| picked.fate == Fate::Resolved { by });
    let artifacts = Artifacts {
        watch: plan.watch.clone(),
        key: plan.key.clone(),
        event_id: plan.event.as_ref().map(|event| event.id.clone()),
        stack: StackReport {
            name: plan.stack.name.clone(),
            head: plan.stack.head().clone(),
            base: plan.stack.base.clone(),
        },
        onto: OntoReport { name: plan.onto.name.clone(), sha: plan.onto.commit.clone() },
        candidate_refs: Vec::new(),
        patches: patches.collect(),
        conflicts: conflicts.collect(),
        merges: plan.stack.merges.clone(),
        upstream_only: plan.stack.upstream_only.iter().take(100).cloned().collect(),
        warnings: plan.warnings.clone(),
        checks: Vec::new(),
        verified: false,
        used_rerere: resolved(super::pick::ResolvedBy::Rerere),
        used_resolver: resolved(super::pick::ResolvedBy::Resolver),
        resolver: Vec::new(),
        intervention: None,
        range_diff: None,
        report: None,
    };
    Report { status, message, artifacts }
}
