//! The plan of the run that is continued, made from the intervention and not from this clone.

use super::Intervention;
use crate::{
    carry::{
        intervention::mark::{Mark, Why},
        onto,
        pick::Landed,
        plan::{Names, Plan},
        repository::Repository,
        stack::{
            discover::discover,
            source::{self, Asked, Source},
        },
    },
    refname::component,
    text::printable,
    watch::Watch,
    workspace::{Failure, Workspace},
};

/// What a person has decided on the command line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Decisions {
    /// What becomes of patches that upstream has.
    pub landed: Option<Landed>,
    /// That merges may be flattened although something of theirs is lost.
    pub flatten: bool,
}

/// Makes the plan of the run that left the intervention, with what was decided since.
///
/// # Errors
/// When something of it is neither here nor on the fork, the stack is another one now, or there is no
/// decision yet.
pub fn plan(
    workspace: &Workspace,
    repository: &Repository,
    watch: &Watch,
    found: &Intervention,
    decisions: Decisions,
) -> Result<Plan, Failure> {
    let mark = &found.mark;
    let (landed, flatten) = decided(found, decisions)?;
    let mut sources = Vec::new();
    for branch in &mark.series {
        let head = branch.head.clone();
        if !onto::is_here(repository, &head)? {
            fetch(workspace, repository, watch, found, &branch.branch, head.as_str())?;
        }
        let reference = format!("refs/heads/{}", branch.branch);
        sources.push(Source { branch: branch.branch.clone(), reference, head });
    }
    check_current(workspace, repository, watch, found)?;
    let onto = onto::described(repository, &mark.onto.name, mark.tag.as_deref(), mark.onto.sha.clone())?;
    let stack = discover(workspace, repository, &onto, &mark.stack, sources, &mark.bounds)?;
    Ok(Plan {
        watch: mark.watch.clone(),
        key: mark.key.clone(),
        event: found.event.clone(),
        names: names(mark)?,
        onto,
        stack,
        landed,
        flatten,
        date: mark.date,
        report: None,
        warnings: found.untracked.iter().cloned().collect(),
    })
}

/// What was decided, here or before.
fn decided(found: &Intervention, decisions: Decisions) -> Result<(Landed, bool), Failure> {
    let mark = &found.mark;
    let landed = decisions.landed.unwrap_or(mark.landed);
    let flatten = decisions.flatten || mark.flatten;
    let (open, hint) = match mark.cause {
        Why::Conflict => return Ok((landed, flatten)),
        Why::Landed => (landed == Landed::Ask, "patch carry --continue --landed drop`, or `--landed keep"),
        Why::Merges => (!flatten, "patch carry --continue --flatten-merges"),
    };
    if open {
        let what = "this intervention asks for a decision, and there is none yet".to_owned();
        return Err(Failure::Usage(
            what,
            Some(format!("its message says what it is about: `git show`; decide: `{hint}`")),
        ));
    }
    if found.tree != found.left {
        return Err(Failure::Carry(
            "this intervention asks for a decision, but the branch holds changes, which would be lost".to_owned(),
            Some(format!("make them patches of the stack, then {}", found.anew())),
        ));
    }
    Ok((landed, flatten))
}

fn names(mark: &Mark) -> Result<Names, Failure> {
    let names = Names::of(&mark.ref_prefix, &mark.watch, &mark.key);
    if git2::Reference::is_valid_name(&names.candidate) {
        return Ok(names);
    }
    let what = format!("the intervention names branches that cannot be: `{}…`", printable(&mark.ref_prefix));
    Err(Failure::Carry(what, None))
}

/// Brings a stack's commit here, from its branch or by itself.
fn fetch(
    workspace: &Workspace,
    repository: &Repository,
    watch: &Watch,
    found: &Intervention,
    branch: &str,
    sha: &str,
) -> Result<(), Failure> {
    let place = |name: &str| format!("refs/patch-moi/stack/{}/{}", component(watch.name.as_str()), component(name));
    let wanted = [format!("+refs/heads/{branch}:{}", place(branch)), format!("+{sha}:{}", place(sha))];
    let mut words = None;
    for refspec in wanted {
        if let Err(error) = workspace.git.fetch(&watch.fork, &[refspec], watch.timeout) {
            words.get_or_insert(error.to_string());
        }
        if onto::is_here(
            repository,
            &sha.parse().map_err(|_| super::super::repository::unreadable("fetch", sha.to_owned()))?,
        )? {
            return Ok(());
        }
    }
    let words = words.map(|words| format!(": {words}")).unwrap_or_default();
    Err(Failure::Carry(
        format!(
            "{sha}, which the stack `{}` was when it was carried, is neither here nor on the fork `{}`{words}",
            printable(branch),
            printable(&watch.fork)
        ),
        Some(format!("fetch it from the clone where the run was made; or {}", found.anew())),
    ))
}

/// Refuses to finish what the stack has moved away from.
fn check_current(
    workspace: &Workspace,
    repository: &Repository,
    watch: &Watch,
    found: &Intervention,
) -> Result<(), Failure> {
    let mark = &found.mark;
    // As it was asked: unattended, the fork's branch counts; by hand, also one that is here only.
    let asked = if found.event.is_some() { Asked::Unattended } else { Asked::ByHand };
    let (_, sources) = source::find(workspace, repository, watch, Some(&mark.stack), asked)?;
    let now = sources.iter().map(|it| (&it.branch, &it.head));
    if now.eq(mark.series.iter().map(|it| (&it.branch, &it.head))) {
        return Ok(());
    }
    let moved = sources.iter().find(|now| mark.series.iter().all(|it| it.head != now.head));
    let (branch, now) = moved.map_or((mark.stack.clone(), "others"), |it| (it.branch.clone(), it.head.short()));
    let old = mark.series.iter().find(|it| it.branch == branch).map_or("others", |it| it.head.short());
    Err(Failure::Carry(
        format!(
            "the intervention belongs to another state of the stack: `{}` was {old}, and is {now} now",
            printable(&branch)
        ),
        Some(found.anew()),
    ))
}
