//! The report of a carry: each patch with its fate, what stopped it, its checks, and the range-diff.

use super::{
    badge::{self, Badge, Tone},
    range_diff::{self, Diff},
    shown::{self, Commit, Reference},
};
use crate::{
    carry::report::{Check, ConflictReport, PatchReport, Report, ResolverReport},
    dispatch::result::Candidate,
    report::{
        review::{fate, upstream},
        words::{counted, short},
    },
};

/// Patches that are listed of one run.
const PATCHES: usize = 200;

/// Files that are listed of one conflict, and upstream commits of one file.
const FILES: usize = 20;
const COMMITS: usize = 5;

/// Warnings, checks and refs that are listed of one run.
const LISTED: usize = 20;

/// What a run reported of the patch stack.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Carry {
    /// The upstream point as people call it.
    pub onto: String,
    /// Its commit.
    pub onto_commit: Commit,
    /// The stack: its name and size.
    pub stack: String,
    /// The patches.
    pub patches: Vec<Patch>,
    /// How many patches are left out.
    pub patches_left_out: usize,
    /// What stopped it.
    pub conflicts: Vec<Conflict>,
    /// What the resolver did.
    pub resolver: Vec<Resolved>,
    /// The checks.
    pub checks: Vec<Badge>,
    /// What people should know.
    pub warnings: Vec<String>,
    /// Where the result is.
    pub refs: Vec<Made>,
    /// Where a person has to decide.
    pub to_decide: Option<Made>,
    /// The command that shows the result.
    pub look: Option<String>,
    /// The old stack beside the new one.
    pub range_diff: Option<Diff>,
}

/// One patch and what became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Patch {
    /// Its place, from 1.
    pub place: usize,
    /// The first line of its message.
    pub subject: String,
    /// Its author's name.
    pub author: String,
    /// The commit before.
    pub old: Commit,
    /// The commit since.
    pub new: Option<Commit>,
    /// What became of it.
    pub fate: Badge,
}

/// A conflict.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Conflict {
    /// The patch that conflicts.
    pub patch: String,
    /// The files.
    pub files: Vec<ConflictedFile>,
}

/// A file of a conflict.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConflictedFile {
    /// Its path.
    pub path: String,
    /// Of what kind the conflict is.
    pub kind: String,
    /// The upstream commits that touched it.
    pub upstream: Vec<Subject>,
}

/// A commit and the first line of its message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subject {
    /// The commit.
    pub commit: Commit,
    /// The line.
    pub text: String,
}

/// What the resolver did with one conflict.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resolved {
    /// What came of it.
    pub words: Badge,
    /// What it did.
    pub diff: Option<Diff>,
}

/// A ref that a run made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Made {
    /// The ref.
    pub reference: Reference,
    /// Where it is.
    pub place: String,
}

impl Carry {
    /// What a report says, with the text of its range-diff.
    #[must_use]
    pub fn of(report: &Report, range_diff: Option<&str>) -> Self {
        let told = &report.artifacts;
        Self {
            onto: shown::line(&told.onto.name),
            onto_commit: shown::commit(told.onto.sha.as_str()),
            stack: format!("{} of {}", counted(told.patches.len(), "patch", "patches"), shown::line(&told.stack.name)),
            patches: told.patches.iter().take(PATCHES).map(patch).collect(),
            patches_left_out: told.patches.len().saturating_sub(PATCHES),
            conflicts: told.conflicts.iter().take(LISTED).map(conflict).collect(),
            resolver: told.resolver.iter().take(LISTED).map(resolved).collect(),
            checks: checks(report),
            warnings: warnings(report),
            refs: told.candidate_refs.iter().take(LISTED).map(made).collect(),
            to_decide: told.intervention.as_ref().map(made),
            look: look(report),
            range_diff: range_diff.map(range_diff::range_diff).filter(|diff| !diff.lines.is_empty()),
        }
    }

    /// How many bytes of text it is, about.
    #[must_use]
    pub fn size(&self) -> usize {
        let diffs = self.range_diff.iter().chain(self.resolver.iter().filter_map(|it| it.diff.as_ref()));
        let files = self.conflicts.iter().flat_map(|conflict| &conflict.files);
        let files: usize = files.map(|file| file.path.len() + 200 + 250 * file.upstream.len()).sum();
        let patches: usize = self.patches.iter().map(|patch| patch.subject.len() + 450).sum();
        diffs.map(Diff::size).sum::<usize>() + files + patches + 2000
    }
}

fn patch(patch: &PatchReport) -> Patch {
    Patch {
        place: patch.place,
        subject: shown::clipped(&patch.subject, 120),
        author: shown::person(&patch.author),
        old: shown::commit(patch.sha.as_str()),
        new: patch.new_sha.as_ref().map(|new| shown::commit(new.as_str())),
        fate: Badge::new(badge::of_fate(&patch.fate), fate(&patch.fate) + &upstream(patch)),
    }
}

fn conflict(conflict: &ConflictReport) -> Conflict {
    let subject = shown::clipped(&conflict.subject, 120);
    let files = conflict.files.iter().take(FILES).map(|file| ConflictedFile {
        path: shown::line(&file.path.to_string()),
        kind: file.kind.to_string(),
        upstream: file
            .upstream
            .iter()
            .take(COMMITS)
            .map(|commit| Subject {
                commit: shown::commit(commit.sha.as_str()),
                text: shown::clipped(&commit.subject, 120),
            })
            .collect(),
    });
    Conflict { patch: format!("patch {} of {}, {subject}", conflict.place, conflict.of), files: files.collect() }
}

fn resolved(tried: &ResolverReport) -> Resolved {
    let why = tried.message.as_deref().map(|why| format!(": {}", shown::line(why))).unwrap_or_default();
    let (tone, outcome) = if tried.accepted { (Tone::Wait, "resolved it") } else { (Tone::Bad, "did not resolve it") };
    Resolved {
        words: Badge::new(tone, format!("patch {}: the resolver {outcome}{why}", tried.place)),
        diff: tried.diff.as_deref().map(range_diff::plain),
    }
}

fn checks(report: &Report) -> Vec<Badge> {
    let told = &report.artifacts;
    if told.checks.is_empty() && !told.candidate_refs.is_empty() {
        return vec![Badge::new(Tone::Wait, "no check is configured: it is not verified")];
    }
    let check = |check: &Check| {
        if check.passed {
            Badge::new(Tone::Good, shown::line(&format!("`{}` passed", check.command)))
        } else {
            Badge::new(Tone::Bad, shown::line(&format!("failed {}", check.words())))
        }
    };
    told.checks.iter().take(LISTED).map(check).collect()
}

fn warnings(report: &Report) -> Vec<String> {
    let told = &report.artifacts;
    let made = (told.used_rerere || told.used_resolver)
        .then(|| "conflicts were resolved without a person: look before it is promoted".to_owned());
    let merges = told.merges.iter().map(|merge| {
        let subject = shown::clipped(&merge.subject, 120);
        format!("merge {} {subject}: taken apart into its patches", merge.sha.short())
    });
    made.into_iter().chain(told.warnings.iter().map(|it| shown::line(it))).chain(merges).take(LISTED).collect()
}

fn made(one: &Candidate) -> Made {
    let place = match (&one.remote, one.pushed) {
        (Some(remote), Some(true)) => format!("on {}", shown::line(remote)),
        _ => "in the repository of the run, not pushed".to_owned(),
    };
    Made { reference: shown::reference(one.reference.as_deref().unwrap_or("-"), one.sha.as_deref()), place }
}

fn look(report: &Report) -> Option<String> {
    let told = &report.artifacts;
    if let Some(branch) = told.intervention.as_ref().and_then(|one| one.reference.as_deref()) {
        let branch = shown::word(branch.trim_start_matches("refs/heads/"));
        return Some(format!("git fetch; git switch {branch}; git log -1"));
    }
    let candidate = told.candidate_refs.first()?.sha.as_deref()?;
    let (base, head) = (told.stack.base.short(), told.stack.head.short());
    Some(format!("git range-diff {base}..{head} {}..{}", told.onto.sha.short(), shown::word(short(candidate))))
}
