//! The results of a run on the fork: each ref pushed with a lease on exactly what was seen there.
//!
//! A ref that is not there is created. One that holds the same is left. One that holds something else
//! is moved only if all of that is ours; a commit of anybody else's stops it, and nothing is forced.

use super::{
    candidate,
    id::CommitId,
    onto::is_here,
    plan::Plan,
    report::Artifacts,
    repository::Repository,
    run::Carried,
    tag::{Choice, Template},
};
use crate::{
    dispatch::{
        result::{Candidate, Status},
        trigger::{check_fork, inert},
    },
    git::Pushed,
    parse::refs::RemoteRefs,
    refname::component,
    report::words::counted,
    review::attestation,
    text::printable,
    watch::Watch,
    workspace::{Failure, Workspace},
};
use std::{
    fmt::Write,
    time::{Duration, Instant},
};

/// How often the next number is tried when somebody else takes the tag at the same moment.
const TAG_RACES: usize = 5;

/// Refuses, before anything is done, a fork that cannot be pushed to.
///
/// # Errors
/// When it is no remote, or it is the upstream itself.
pub fn check(workspace: &Workspace, watch: &Watch) -> Result<(), Failure> {
    check_fork(&workspace.config, watch).map_err(|reason| {
        Failure::Usage(
            format!("nothing can be pushed: {reason}"),
            Some("name the remote of your fork, or leave out `--push` and `watch.<name>.push`".to_owned()),
        )
    })
}

/// Pushes what a run has made: the rebuilt branches, then the candidate, then its tag; or the
/// intervention. The report tells of it, also of what stopped it.
///
/// # Errors
/// When what the fork has cannot be looked at here.
pub fn push(
    workspace: &Workspace,
    repository: &Repository,
    watch: &Watch,
    plan: &Plan,
    carried: &mut Carried,
    deadline: Instant,
) -> Result<(), Failure> {
    let push = Push { workspace, repository, watch, plan, deadline };
    let artifacts = &mut carried.report.artifacts;
    let refs: Vec<&mut Candidate> = artifacts.candidate_refs.iter_mut().chain(&mut artifacts.intervention).collect();
    if refs.is_empty() {
        return Ok(());
    }
    let pushed = push.all(refs)?;
    let report = &mut carried.report;
    report.message.push_str("; ");
    match pushed {
        Ok(Told { words, is_news }) => {
            report.message.push_str(&words);
            if is_news && report.status == Status::Skipped {
                report.status = Status::Changed;
            }
        }
        Err(Stopped(reason)) => {
            report.message.push_str(&reason);
            report.status = Status::Failed;
            return Ok(());
        }
    }
    if let Some(first) = report.artifacts.candidate_refs.first()
        && let Err(reason) = push.attestation(&report.artifacts, first)?
    {
        report.artifacts.warnings.push(reason);
    }
    let Some(template) = watch.candidate_tag.as_ref().filter(|_| !report.artifacts.candidate_refs.is_empty()) else {
        return Ok(());
    };
    if report.artifacts.used_rerere || report.artifacts.used_resolver {
        report.artifacts.warnings.push("it is not tagged: a person has to review it first".to_owned());
        return Ok(());
    }
    match push.tag(template, report.artifacts.candidate_refs[0].sha.as_deref().unwrap_or_default())? {
        Ok(Tagged { name, sha, is_new }) => {
            report.message.push_str(if is_new { ", tagged " } else { ", already tagged " });
            report.message.push_str(&printable(&name));
            if is_new && report.status == Status::Skipped {
                report.status = Status::Changed;
            }
            report.artifacts.candidate_refs.push(Candidate {
                kind: Some("tag".to_owned()),
                reference: Some(format!("refs/tags/{name}")),
                sha: Some(sha),
                remote: Some(watch.fork.clone()),
                pushed: Some(true),
                ..Candidate::default()
            });
        }
        Err(Untagged::No(reason)) => report.artifacts.warnings.push(reason),
        Err(Untagged::Stopped(Stopped(reason))) => {
            report.message.push_str("; ");
            report.message.push_str(&reason);
            report.status = Status::Failed;
        }
    }
    Ok(())
}

/// What is to be said of a push, and whether it changed anything.
struct Told {
    words: String,
    is_news: bool,
}

/// Why a push was stopped, in words.
struct Stopped(String);

/// A tag of the fork's.
struct Tagged {
    name: String,
    /// The candidate, not the tag's own object.
    sha: String,
    is_new: bool,
}

enum Untagged {
    /// There is nothing to be tagged.
    No(String),
    Stopped(Stopped),
}

struct Push<'a> {
    workspace: &'a Workspace,
    repository: &'a Repository,
    watch: &'a Watch,
    plan: &'a Plan,
    deadline: Instant,
}

impl Push<'_> {
    /// Pushes refs; the first one, which the others belong to, at last: whoever sees it finds them.
    fn all(&self, refs: Vec<&mut Candidate>) -> Result<Result<Told, Stopped>, Failure> {
        let fork = printable(&self.watch.fork);
        let names: Vec<String> = refs.iter().filter_map(|one| one.reference.clone()).collect();
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        let there = match self.workspace.git.ls_remote(&self.watch.fork, &asked, self.left()) {
            Ok(there) => there,
            Err(error) => return Ok(Err(Stopped(format!("cannot read the fork `{fork}`: {error}; {}", error.hint())))),
        };
        let (mut news, count) = (0, refs.len());
        let first = short(&names[0]);
        for one in refs.into_iter().rev() {
            match self.one(one, &there)? {
                Ok(is_news) => news += usize::from(is_news),
                Err(stopped) => return Ok(Err(stopped)),
            }
            one.remote = Some(self.watch.fork.clone());
            one.pushed = Some(true);
        }
        let words = match (news, count) {
            (0, _) => format!("`{fork}` has it already"),
            (_, 1) => format!("pushed to `{fork}`"),
            (news, _) => format!("pushed {} of {first} to `{fork}`", counted(news, "branch", "branches")),
        };
        Ok(Ok(Told { words, is_news: news > 0 }))
    }

    /// Pushes one ref; whether that changed anything. It then tells the commit that is there.
    fn one(&self, one: &mut Candidate, there: &RemoteRefs) -> Result<Result<bool, Stopped>, Failure> {
        let (name, sha) = (one.reference.clone().unwrap_or_default(), one.sha.clone().unwrap_or_default());
        let fork = printable(&self.watch.fork);
        let expected = there.refs.get(&name).map(|there| there.sha.clone());
        if expected.as_ref() == Some(&sha) {
            return Ok(Ok(false));
        }
        if let Some(there) = expected.as_deref() {
            let Ok(there) = there.parse::<CommitId>() else {
                return Ok(Err(Stopped(format!("`{fork}` has no commit at {}", short(&name)))));
            };
            self.fetch(&name, &there)?;
            let ours = sha.parse().map_err(|reason| super::repository::unreadable("push", reason))?;
            if candidate::is_the_same(self.repository, self.plan, &there, &ours)? {
                one.sha = Some(there.to_string());
                return Ok(Ok(false));
            }
            if let Some((commit, whose)) = candidate::foreign(self.repository, self.plan, &there)? {
                return Ok(Err(Stopped(format!(
                    "`{}` on `{fork}` holds a commit that is not ours, {} by {}; it was left alone: move it away, \
                     then carry again",
                    short(&name),
                    commit.get(..10).unwrap_or(&commit),
                    printable(&whose)
                ))));
            }
        }
        let git = &self.workspace.git;
        Ok(match git.push_leased(&self.watch.fork, &sha, &name, expected.as_deref(), self.left()) {
            Ok(Pushed::Created | Pushed::Moved) => Ok(true),
            Ok(Pushed::AlreadyThere | Pushed::Removed) => Ok(false),
            Ok(Pushed::Exists) => Err(Stopped(format!(
                "`{}` on `{fork}` was changed by somebody else at this moment; it was left alone",
                short(&name)
            ))),
            Ok(Pushed::Rejected { reason }) => {
                Err(Stopped(format!("the fork `{fork}` refused {}: {}", short(&name), printable(&reason))))
            }
            Err(error) => Err(Stopped(format!("cannot push to the fork `{fork}`: {error}; {}", error.hint()))),
        })
    }

    /// Pushes what the candidate went through; a fork that does not take such a ref is no failure.
    fn attestation(&self, artifacts: &Artifacts, candidate: &Candidate) -> Result<Result<(), String>, Failure> {
        let (Some(name), Some(sha)) = (&candidate.reference, &candidate.sha) else { return Ok(Ok(())) };
        let sha = sha.parse().map_err(|reason| super::repository::unreadable("push", reason))?;
        let object = attestation::attest(self.repository, self.plan, artifacts, name, &sha)?;
        let (git, fork, place) = (&self.workspace.git, &self.watch.fork, attestation::reference(name));
        let pushed = git.ls_remote(fork, &[&place], self.left()).and_then(|there| {
            let there = there.refs.get(&place).map(|there| there.sha.clone());
            git.push_leased(fork, &object, &place, there.as_deref(), self.left())
        });
        let fork = printable(fork);
        Ok(match pushed {
            Ok(Pushed::Rejected { reason }) => Err(format!(
                "the fork `{fork}` does not take {place}, by which other machines know what the candidate went \
                 through: {}",
                printable(&reason)
            )),
            Err(error) => Err(format!("cannot push {place} to the fork `{fork}`: {error}")),
            Ok(_) => Ok(()),
        })
    }

    /// Brings a commit of the fork's here, under a ref of our own.
    fn fetch(&self, name: &str, commit: &CommitId) -> Result<(), Failure> {
        if is_here(self.repository, commit)? {
            return Ok(());
        }
        let ours = format!("refs/patch-moi/there/{}", component(self.watch.name.as_str()));
        Ok(self.workspace.git.fetch(&self.watch.fork, &[format!("+{name}:{ours}")], self.left())?)
    }

    /// Tags the candidate on the fork, unless it has its tag.
    fn tag(&self, template: &Template, candidate: &str) -> Result<Result<Tagged, Untagged>, Failure> {
        let untagged = |reason: String| Ok(Err(Untagged::No(format!("it is not tagged `{template}`: {reason}"))));
        let Some(tag) = &self.plan.onto.tag else {
            return untagged(format!("{} is no tag", printable(&self.plan.onto.name)));
        };
        let series = match template.series(tag) {
            Ok(series) => series,
            Err(reason) => return untagged(format!("{}: {}", printable(tag), printable(&reason))),
        };
        let fork = &self.watch.fork;
        let stopped = |reason: String| Ok(Err(Untagged::Stopped(Stopped(reason))));
        let git = &self.workspace.git;
        for _ in 0..TAG_RACES {
            let there = match git.ls_remote(fork, &["refs/tags/*"], self.left()) {
                Ok(there) => there,
                Err(error) => return stopped(format!("cannot read the tags of the fork: {error}; {}", error.hint())),
            };
            let tags = there.refs.iter().filter_map(|(name, at)| Some((name.strip_prefix("refs/tags/")?, at.commit())));
            let name = match series.choose(tags, candidate) {
                Choice::There(name) => return Ok(Ok(Tagged { name, sha: candidate.to_owned(), is_new: false })),
                Choice::Next(name) => name,
            };
            let object = self.tag_object(&name, candidate)?;
            match git.push_new(fork, &object, &format!("refs/tags/{name}"), self.left()) {
                Ok(Pushed::Created | Pushed::AlreadyThere | Pushed::Moved | Pushed::Removed) => {
                    return Ok(Ok(Tagged { name, sha: candidate.to_owned(), is_new: true }));
                }
                // Another run took the number.
                Ok(Pushed::Exists) => {}
                Ok(Pushed::Rejected { reason }) => {
                    let (fork, name) = (printable(fork), printable(&name));
                    return stopped(format!("the fork `{fork}` refused the tag {name}: {}", printable(&reason)));
                }
                Err(error) => return stopped(format!("cannot push the tag to the fork: {error}; {}", error.hint())),
            }
        }
        stopped("others took one number after the other: the candidate has no tag".to_owned())
    }

    /// An annotated tag, as releases have them: the same name and commit give the same object.
    fn tag_object(&self, name: &str, commit: &str) -> Result<String, Failure> {
        let plan = self.plan;
        let mut content = format!(
            "object {commit}\ntype commit\ntag {name}\ntagger {} {} +0000\n\n{} with the patches of `{}`\n\n",
            candidate::COMMITTER,
            plan.date.seconds(),
            inert(&plan.onto.name),
            inert(&plan.stack.name)
        );
        let event = plan.event.as_ref().map(|event| ("Patch-Event", inert(&event.id)));
        let trailers = [
            event,
            Some(("Patch-Watch", plan.watch.to_string())),
            Some(("Patch-Stack", plan.stack.head().to_string())),
            Some(("Patch-Onto", plan.onto.commit.to_string())),
        ];
        for (key, value) in trailers.into_iter().flatten() {
            writeln!(content, "{key}: {value}").expect("a String takes every character");
        }
        let made = self.repository.answer(&["mktag"], content.as_bytes())?;
        Ok(String::from_utf8_lossy(&made).trim_end().to_owned())
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

fn short(reference: &str) -> &str {
    reference.trim_start_matches("refs/heads/")
}
