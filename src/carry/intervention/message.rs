//! The message of an intervention: what is to be decided, how to finish, and what the program needs.

use super::{
    Cause,
    mark::{Mark, TRAILER},
};
use crate::{
    carry::{
        id::CommitId,
        pick::{Conflict, ConflictKind, Fate, Landed, Picks, Proof},
        plan::Plan,
        stack::MergeContent,
    },
    dispatch::trigger::{ORDERS, inert},
    report::words::counted,
    text::{self, clipped},
};
use std::fmt::Write;

/// How many files, commits or patches are named one by one.
const MOST: usize = 50;

/// The whole message.
pub(super) fn write(plan: &Plan, picks: &Picks, cause: Cause<'_>, mark: &Mark, reference: &str) -> String {
    let mut message = match cause {
        Cause::Conflict(conflict) => conflicted(plan, conflict),
        Cause::Landed => landed(plan, picks),
        Cause::Merges => merges(plan),
    };
    let branch = reference.trim_start_matches("refs/heads/");
    message.line("\nTo finish, here or in any clone of the fork:\n");
    for step in steps(cause, branch) {
        message.line(&format!("    {step}"));
    }
    message.line(
        "\nThat makes the candidate, or the next branch like this one. This commit is never part of a candidate.\n",
    );
    if let Some(event) = &plan.event {
        message.line(&text::json_without(event, ORDERS));
    }
    message.line(&mark.line(ORDERS));
    message.line("");
    trailers(plan, mark, &mut message);
    message.0
}

/// A text that is written line by line.
struct Lines(String);

impl Lines {
    fn line(&mut self, line: &str) {
        writeln!(self.0, "{line}").expect("a String takes every character");
    }
}

/// Words of somebody else's, on one line.
fn quoted(words: &str) -> String {
    inert(clipped(words, 100))
}

fn conflicted(plan: &Plan, conflict: &Conflict) -> Lines {
    let patch = &conflict.patch;
    let mut message = Lines(format!("patch: conflict: {}\n\n", inert(clipped(&patch.subject, 60))));
    message.line(&format!(
        "Patch {} of {} does not go together with {}. Below this commit is what\nwas carried so far; this commit is \
         the patch as Git leaves it, with its conflicts.",
        patch.place,
        conflict.of,
        quoted(&plan.onto.name)
    ));
    message.line(&format!(
        "\n    {} {}\n    {}\n\nIt conflicts in {}:",
        patch.commit,
        quoted(&patch.subject),
        quoted(&patch.author),
        counted(conflict.files.len(), "file", "files")
    ));
    for file in conflict.files.iter().take(MOST) {
        message.line(&format!("\n    {}: {}{}", inert(&file.path.to_string()), file.kind, advice(file.kind)));
        for words in file.messages.iter().take(5) {
            message.line(&format!("      {}", inert(clipped(words, 300))));
        }
        for commit in file.upstream.iter().take(5) {
            message.line(&format!("      upstream: {} {}", commit.sha.short(), quoted(&commit.subject)));
        }
    }
    message.rest(conflict.files.len());
    message.line(&format!(
        "\nIn a conflict, what stands before ======= is upstream with the patches so far, and what stands\nbehind it is \
         the patch. `git show {}` is the patch as it was.",
        patch.commit.short()
    ));
    message
}

impl Lines {
    fn rest(&mut self, all: usize) {
        if all > MOST {
            self.line(&format!("\n    and {} more", all - MOST));
        }
    }
}

/// What is to be done about a conflict without markers.
fn advice(kind: ConflictKind) -> &'static str {
    match kind {
        ConflictKind::Content | ConflictKind::AddAdd | ConflictKind::Other => "",
        ConflictKind::ModifyDelete | ConflictKind::RenameDelete => "; edit it, or `git rm` it",
        ConflictKind::RenameRename => "; keep one name, and `git rm` the other",
        ConflictKind::DirectoryRename => "; move it, or leave it",
        ConflictKind::Binary => "; put the right one in its place",
        ConflictKind::Submodule => "; `git update-index --cacheinfo 160000,COMMIT,PATH` sets it",
        ConflictKind::Type => "; keep one",
        ConflictKind::Mode => "; `git update-index --chmod=+x PATH` or `--chmod=-x PATH` sets it",
    }
}

fn landed(plan: &Plan, picks: &Picks) -> Lines {
    let patches: Vec<_> = plan.stack.patches().zip(&picks.picked).collect();
    let asked: Vec<_> = patches
        .into_iter()
        .filter(|(_, picked)| matches!(picked.fate, Fate::Landed { handling: Landed::Ask, .. }))
        .collect();
    let number = counted(asked.len(), "patch is", "patches are");
    let mut message = Lines(format!("patch: decide: {number} upstream\n\n"));
    message.line(&format!(
        "{number} in {} already, and `watch.{}.landed` is `ask`. The other patches are carried\nbelow this commit, \
         which changes nothing.\n",
        quoted(&plan.onto.name),
        plan.watch
    ));
    for (patch, picked) in asked.iter().take(MOST) {
        let found = match &picked.fate {
            Fate::Landed { proof: Proof::PatchId { upstream }, .. } => format!("as {}", upstream.short()),
            Fate::Landed { proof: Proof::ReverseApply, .. } => "every line of it is there".to_owned(),
            _ => "it changes nothing any more".to_owned(),
        };
        message.line(&format!("    {} {}: {found}", patch.commit.short(), quoted(&patch.subject)));
    }
    message.rest(asked.len());
    message.line("\nDecide whether they are left out (drop), or stay as empty commits (keep).");
    message
}

fn merges(plan: &Plan) -> Lines {
    let merges: Vec<_> = plan.stack.evil_merges().collect();
    let number = counted(merges.len(), "merge", "merges");
    let mut message = Lines(format!("patch: decide: {number} with content\n\n"));
    message.line(&format!(
        "The stack `{}` has {number} with something that is in none of its patches. Patches\nare carried one by one, so \
         that it would be lost. This commit is {} and changes\nnothing; nothing is carried yet.\n",
        quoted(&plan.stack.name),
        quoted(&plan.onto.name)
    ));
    for merge in merges.iter().take(MOST) {
        let own = match merge.own {
            MergeContent::Nothing => "nothing of its own",
            MergeContent::Resolution => "how its parents' conflicts were resolved",
            MergeContent::Changes => "changes of its own",
            MergeContent::Octopus => "more than two parents",
        };
        message.line(&format!("    {} {}: {own}", merge.sha.short(), quoted(&merge.subject)));
    }
    message.rest(merges.len());
    message.line(
        "\n`git show --remerge-diff COMMIT` shows what a merge holds. If it is needed, make it a patch: rebase\nthe stack \
         by hand once, and carry anew. If it is not, or the conflicts are to be resolved again\npatch by patch, leave it \
         out:",
    );
    message
}

fn steps(cause: Cause<'_>, branch: &str) -> Vec<String> {
    let mut steps = vec!["git fetch".to_owned(), format!("git switch {branch}")];
    steps.extend(match cause {
        Cause::Conflict(_) => vec![
            "(edit the files until no conflict is left; `git add` those that are new)".to_owned(),
            "git commit --all --amend --no-edit --allow-empty".to_owned(),
            "patch carry --continue".to_owned(),
        ],
        Cause::Landed => vec!["patch carry --continue --landed drop".to_owned()],
        Cause::Merges => vec!["patch carry --continue --flatten-merges".to_owned()],
    });
    steps
}

fn trailers(plan: &Plan, mark: &Mark, message: &mut Lines) {
    let event = plan.event.as_ref();
    let id = event.map_or_else(|| format!("patch:{}:{}", plan.watch, plan.key), |event| event.id.clone());
    message.line(&format!("{TRAILER}{}", inert(&id)));
    let mut trailer = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            message.line(&format!("{name}: {}", inert(value)));
        }
    };
    trailer("Patch-Event", event.map(|event| event.id.as_str()));
    trailer("Patch-Watch", Some(plan.watch.as_str()));
    trailer("Patch-Stack", Some(plan.stack.head().as_str()));
    trailer("Patch-Onto", Some(plan.onto.commit.as_str()));
    trailer("Patch-Conflict", mark.conflict.as_ref().map(CommitId::as_str));
    trailer("Upstream-Tag", plan.onto.tag.as_deref());
}
