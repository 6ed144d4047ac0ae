//! The upstream commits behind a conflict.

use super::UpstreamCommit;
use crate::{
    carry::{
        id::CommitId,
        path::TreePath,
        repository::{Repository, unreadable},
    },
    workspace::Failure,
};

/// How many commits are named for one file.
const MOST: &str = "--max-count=20";

/// The newest commits of upstream's between two points that touched a file, newest first.
pub(super) fn touching(
    repository: &Repository,
    base: &CommitId,
    onto: &CommitId,
    path: &TreePath,
) -> Result<Vec<UpstreamCommit>, Failure> {
    const FORMAT: &str = "--format=%H%x00%an <%ae>%x00%s";
    let mut command =
        repository.command(&["rev-list", "--no-merges", "--no-commit-header", "--encoding=UTF-8", MOST, FORMAT])?;
    command.env("GIT_LITERAL_PATHSPECS", "1").arg(format!("{base}..{onto}")).arg("--");
    command.arg(std::os::unix::ffi::OsStrExt::from_bytes(path.as_bytes()) as &std::ffi::OsStr);
    let output = repository.answer_of(command, "rev-list", b"")?;
    let text = String::from_utf8_lossy(&output);
    let commits = text.lines().map(|line| {
        let mut fields = line.splitn(3, '\0');
        let sha = fields.next()?.parse().ok()?;
        let author = fields.next()?.to_owned();
        Some(UpstreamCommit { sha, author, subject: fields.next()?.to_owned() })
    });
    let commits: Option<Vec<UpstreamCommit>> = commits.collect();
    Ok(commits.ok_or_else(|| unreadable("rev-list", "a line is not a commit".to_owned()))?)
}
