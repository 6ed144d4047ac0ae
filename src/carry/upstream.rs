//! What upstream has: its branches and tags now, and the commits behind them.

use super::{id::CommitId, repository::Repository};
use crate::{
    parse::refs::RemoteRefs,
    refname::component,
    watch::Watch,
    workspace::{Failure, Workspace},
};

/// Upstream as a run sees it.
#[derive(Debug)]
pub struct Upstream<'a> {
    workspace: &'a Workspace,
    watch: &'a Watch,
    /// The remote's name or URL; `None` if the watch has none.
    pub remote: Option<&'a str>,
    /// Its branches and tags; `None` if it could not be asked.
    pub refs: Option<RemoteRefs>,
    /// Why it could not be asked.
    pub warning: Option<String>,
}

impl<'a> Upstream<'a> {
    /// Asks upstream for its refs. That it cannot be asked is not an error yet.
    #[must_use]
    pub fn look(workspace: &'a Workspace, watch: &'a Watch) -> Self {
        let remote = watch.remote.as_deref();
        let mut upstream = Self { workspace, watch, remote, refs: None, warning: None };
        let Some(remote) = remote else {
            upstream.warning = Some(format!("the watch `{}` has no remote to fetch from", watch.name));
            return upstream;
        };
        match workspace.git.ls_remote(remote, &["refs/heads/*", "refs/tags/*"], watch.fetch_timeout) {
            Ok(refs) => upstream.refs = Some(refs),
            Err(error) => upstream.warning = Some(format!("upstream could not be asked: {error}")),
        }
        upstream
    }

    /// The commit of a ref of upstream's, peeled, as it advertises it now.
    #[must_use]
    pub fn commit(&self, reference: &str) -> Option<CommitId> {
        self.refs.as_ref()?.refs.get(reference)?.commit().parse().ok()
    }

    /// Every commit that upstream has a branch or tag for, as far as it is known here.
    ///
    /// A tag in `refs/tags/` does not count by itself: it may be the fork's own, on its patches.
    ///
    /// # Errors
    /// If Git cannot list refs.
    pub fn commits(&self, repository: &Repository) -> Result<Vec<CommitId>, Failure> {
        let mut commits: Vec<CommitId> =
            self.refs.iter().flat_map(|refs| refs.refs.values()).filter_map(|it| it.commit().parse().ok()).collect();
        let mut patterns = vec![
            format!("refs/patch-moi/upstream/{}", component(self.watch.name.as_str())),
            format!("refs/patch-moi/onto/{}/", component(self.watch.name.as_str())),
        ];
        if let Some(remote) = self.remote.filter(|remote| self.workspace.config.remotes.contains_key(*remote)) {
            patterns.push(format!("refs/remotes/{remote}/"));
        }
        let mut args = vec!["for-each-ref", "--format=%(objectname) %(*objectname)"];
        args.extend(patterns.iter().map(String::as_str));
        for line in repository.text(&args)?.lines() {
            commits.extend(line.split(' ').next_back().filter(|id| !id.is_empty()).and_then(|id| id.parse().ok()));
            commits.extend(line.split(' ').next().and_then(|id| id.parse().ok()));
        }
        commits.sort();
        commits.dedup();
        Ok(commits)
    }

    /// Fetches a ref or commit of upstream's under a ref of our own, `refs/patch-moi/onto/…`.
    ///
    /// # Errors
    /// If there is no remote, or it does not have it.
    pub fn fetch(&self, wanted: &str) -> Result<(), Failure> {
        let remote = self.remote.ok_or_else(|| self.missing())?;
        let name = wanted.strip_prefix("refs/tags/").unwrap_or(wanted);
        let ours = format!("refs/patch-moi/onto/{}/{}", component(self.watch.name.as_str()), component(name));
        Ok(self.workspace.git.fetch(remote, &[format!("+{wanted}:{ours}")], self.watch.fetch_timeout)?)
    }

    /// That there is no remote to fetch from, and the command that adds it.
    #[must_use]
    pub fn missing(&self) -> Failure {
        let name = &self.watch.name;
        let url = self.watch.feed.as_ref().and_then(|feed| {
            let repository = crate::forge::repository_of_feed(feed).filter(|repository| repository.owner.is_some())?;
            Some(format!("https://{}/{}", feed.host_str()?, repository.full_name()))
        });
        let url = url.unwrap_or_else(|| "URL".to_owned());
        Failure::Usage(
            format!("there is no remote `upstream`, and the watch `{name}` names no other to fetch from"),
            Some(format!("add it: `git remote add upstream {url}`, and `git config watch.{name}.remote upstream`")),
        )
    }
}
