//! The intervention that HEAD is on, and what a person has made of it.

use crate::{
    carry::{
        id::{CommitId, TreeId},
        intervention::{is_intervention, mark::Mark},
        repository::{Repository, unreadable},
    },
    dispatch::trigger::event_in,
    event::Event,
    text::printable,
    workspace::{Failure, Workspace},
};

/// How many commits a person may have put on top.
const BUILT_ON: &str = "--max-count=100";

/// An intervention, found in HEAD's history.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervention {
    /// HEAD's commit.
    pub head: CommitId,
    /// HEAD's tree: what a person has made of it.
    pub tree: TreeId,
    /// The intervention's own commit, as it was left or amended.
    pub commit: CommitId,
    /// Its parent: what was carried so far.
    pub parent: CommitId,
    /// The tree of its own commit.
    pub left: TreeId,
    /// What it holds for the program.
    pub mark: Mark,
    /// The event that asked for the run.
    pub event: Option<Event>,
    /// That there are files that nobody has added, in words.
    pub untracked: Option<String>,
}

/// Finds the intervention that is checked out.
///
/// # Errors
/// When there is none, it was edited, or there are changes that are not committed.
pub fn find(workspace: &Workspace, repository: &Repository) -> Result<Intervention, Failure> {
    let untracked = untracked(workspace)?;
    let head = ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"];
    let head = repository.attempt(&head)?.stdout.lossy().trim_end().parse::<CommitId>().map_err(|_| none())?;
    let listed = repository.text(&["rev-list", "--first-parent", BUILT_ON, head.as_str()])?;
    for id in listed.lines() {
        let commit: CommitId = id.parse().map_err(|reason| unreadable("rev-list", reason))?;
        let raw = repository.commit(&commit)?;
        let message = String::from_utf8_lossy(&raw.message).into_owned();
        if !is_intervention(&message) {
            continue;
        }
        let malformed = |reason| unreadable("cat-file", reason);
        let parent = raw.parents().map_err(malformed)?.into_iter().next();
        let (Some(mark), Some(parent)) = (Mark::read(&message), parent) else { return Err(edited(&commit)) };
        let tree = repository.commit(&head)?.tree().map_err(malformed)?;
        let left = raw.tree().map_err(malformed)?;
        return Ok(Intervention { head, tree, commit, parent, left, mark, event: event_in(&message), untracked });
    }
    Err(none())
}

impl Intervention {
    /// How the run is started anew.
    #[must_use]
    pub fn anew(&self) -> String {
        let watch = &self.mark.watch;
        match &self.event {
            Some(_) => format!("carry anew: `patch carry --event {}`", self.commit),
            None => format!("carry anew: `patch carry --watch {watch} --onto {}`", self.mark.onto.sha),
        }
    }
}

/// Refuses what is not committed, which would silently not be continued with; the files that are not
/// even known to Git are told.
fn untracked(workspace: &Workspace) -> Result<Option<String>, Failure> {
    if workspace.location.worktree.is_none() {
        return Ok(None);
    }
    let mut command = workspace.git.command();
    // Without the locks that are optional, the index is not refreshed: it stays as it is.
    command.args(["--no-optional-locks", "status", "--porcelain", "-z", "--ignore-submodules=dirty"]);
    command.arg("--untracked-files=normal");
    let listed = workspace.git.output(command, "status", crate::git::LOCAL)?;
    let path = |entry: &[u8]| printable(&String::from_utf8_lossy(&entry[3..]));
    let entries = || listed.split(|&byte| byte == 0).filter(|entry| entry.len() > 3);
    if let Some(changed) = entries().find(|entry| !entry.starts_with(b"?? ")) {
        return Err(Failure::Carry(
            format!("the checkout has changes that are not committed, such as {}", path(changed)),
            Some(
                "commit them: `git commit --all --amend --no-edit --allow-empty`; or put them away: `git stash`"
                    .to_owned(),
            ),
        ));
    }
    let new = entries().next().map(path);
    Ok(new.map(|new| format!("files that are not committed are no part of what is continued with, such as {new}")))
}

fn none() -> Failure {
    Failure::Usage(
        "HEAD is on no intervention branch".to_owned(),
        Some(
            "check it out first: `git branch --all --list '*intervention/*'` lists them, `git switch BRANCH`; if its \
             commit was amended, its message must stay: `git commit --amend --no-edit --allow-empty`"
                .to_owned(),
        ),
    )
}

fn edited(commit: &CommitId) -> Failure {
    Failure::Carry(
        format!(
            "the message of {} was edited: the line that begins with `{{\"carry\":` cannot be read",
            commit.short()
        ),
        Some("take it over from the commit before: `git reflog` has it, or the fork".to_owned()),
    )
}
