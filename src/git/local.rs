//! The refs of this repository itself.

use super::{Git, GitError, LOCAL, checked_argument, checked_sha};
use crate::parse::refs::{RemoteRef, RemoteRefs, is_sha};
use std::collections::BTreeSet;

impl Git {
    /// The refs of this repository that lie below these prefixes or have these full names, none of a
    /// symbolic one's targets. Branches are read without their objects, one of which may be missing.
    ///
    /// # Errors
    /// If Git cannot tell.
    pub fn local_refs(&self, prefixes: &[&str]) -> Result<RemoteRefs, GitError> {
        let task = "for-each-ref";
        prefixes.iter().try_for_each(|prefix| checked_argument("the prefix", prefix))?;
        let (branches, others): (Vec<&str>, Vec<&str>) =
            prefixes.iter().partition(|prefix| prefix.starts_with("refs/heads/"));
        let mut refs = RemoteRefs::default();
        for (format, prefixes) in
            [("%(objectname)  %(refname)", branches), ("%(objectname) %(*objectname) %(refname)", others)]
        {
            if prefixes.is_empty() {
                continue;
            }
            let mut command = self.command();
            command.args([task, &format!("--format={format}")]).args(prefixes);
            let output = self.output(command, task, LOCAL)?;
            refs.refs.extend(parse(&String::from_utf8_lossy(&output)).refs);
        }
        Ok(refs)
    }

    /// The commits that `tip` has and `other` has not, the newest first, each with its subject; at most 1000.
    ///
    /// # Errors
    /// If one of them is not an object id or not here, or Git cannot tell.
    pub fn missing(&self, tip: &str, other: &str) -> Result<Vec<(String, String)>, GitError> {
        checked_sha(tip)?;
        checked_sha(other)?;
        let task = "rev-list";
        let mut command = self.command();
        command.args([task, "--max-count=1000", "--no-commit-header", "--format=%H %s", tip, &format!("^{other}")]);
        let output = self.output(command, task, LOCAL)?;
        let text = String::from_utf8_lossy(&output);
        let commit = |line: &str| line.split_once(' ').map(|(sha, subject)| (sha.to_owned(), subject.to_owned()));
        Ok(text.lines().filter_map(commit).collect())
    }

    /// Removes a ref of this repository, if it is the very object that it is `expected` to be. A branch that
    /// is checked out stays: somebody looks at it.
    ///
    /// # Errors
    /// If it is something else now, or Git cannot.
    pub fn remove_local(&self, name: &str, expected: &str) -> Result<(), GitError> {
        checked_sha(expected)?;
        checked_argument("the ref", name)?;
        let task = "update-ref";
        let mut looked_at = self.command();
        looked_at.args(["for-each-ref", "--format=%(worktreepath)", name]);
        if !self.output(looked_at, "for-each-ref", LOCAL)?.trim_ascii().is_empty() {
            return Ok(());
        }
        let mut command = self.command();
        command.args([task, "--no-deref", "-d", name, expected]);
        self.output(command, task, LOCAL).map(drop)
    }

    /// The branches that are checked out, in this worktree or another, by their full names.
    ///
    /// # Errors
    /// If Git cannot tell.
    pub fn checked_out(&self) -> Result<BTreeSet<String>, GitError> {
        let task = "for-each-ref";
        let mut command = self.command();
        command.args([task, "--format=%(if)%(worktreepath)%(then)%(refname)%(end)", "refs/heads/"]);
        let output = self.output(command, task, LOCAL)?;
        let text = String::from_utf8_lossy(&output);
        Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// Who works here, as Git signs commits: `Name <address>`.
    ///
    /// # Errors
    /// If Git knows neither, or cannot be asked.
    pub fn identity(&self) -> Result<String, GitError> {
        let task = "var";
        let mut command = self.command();
        command.args([task, "GIT_COMMITTER_IDENT"]);
        let output = self.output(command, task, LOCAL)?;
        let text = String::from_utf8_lossy(&output);
        Ok(text.rsplit_once('>').map_or(text.trim(), |(who, _)| who).to_owned() + ">")
    }
}

/// Reads `<id> <id of what a tag leads to, or nothing> <name>` lines; names that are not UTF-8 are passed over.
fn parse(text: &str) -> RemoteRefs {
    let mut refs = RemoteRefs::default();
    for line in text.lines().filter(|line| !line.contains(char::REPLACEMENT_CHARACTER)) {
        let mut fields = line.splitn(3, ' ');
        let (Some(sha), Some(peeled), Some(name)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let peeled = is_sha(peeled).then(|| peeled.to_owned());
        refs.refs.insert(name.to_owned(), RemoteRef { sha: sha.to_owned(), peeled });
    }
    refs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_are_read_with_what_tags_lead_to() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let refs = parse(&format!("{one}  refs/heads/a b\n{one} {two} refs/tags/v1\n{one}  refs/heads/\u{fffd}\nx\n"));
        let told: Vec<_> = refs.refs.iter().map(|(name, at)| (name.as_str(), at.commit())).collect();
        assert_eq!(told, [("refs/heads/a b", one.as_str()), ("refs/tags/v1", two.as_str())]);
    }
}
