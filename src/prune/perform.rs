//! What is to go: looked for, and taken away.

use super::{
    Fate, Item, Place, channels,
    ended::{self, Names},
    files,
    refs::{self, Sight},
};
use crate::{
    carry::{candidate, intervention, repository::Repository},
    git::{GitError, Pushed},
    ledger::state::{Seen, State},
    parse::refs::RemoteRefs,
    review::{attestation, forks::Answer, objects},
    signals,
    text::printable,
    time::Timestamp,
    watch::{Watch, WatchName},
    workspace::{Failure, Workspace},
};
use std::{collections::BTreeMap, fs, io, time::Duration};

/// A look for what is to go.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// The repository.
    pub workspace: &'a Workspace,
    /// What the ledger says.
    pub state: &'a State,
    /// What the forks answered.
    pub forks: &'a BTreeMap<WatchName, Answer>,
    /// Now.
    pub now: Timestamp,
    /// How long ago something must have ended.
    pub older_than: Duration,
    /// Whether commits that are not here may be fetched to be looked at.
    pub may_fetch: bool,
}

impl Search<'_> {
    /// What is left of a watch's signals, and of the channels that take its candidates; nothing, if the
    /// fork gave no answer: it may show that something is not over.
    ///
    /// # Errors
    /// When Git cannot tell, or the fork does not give what is to be looked at.
    pub fn of_watch(&self, watch: &Watch) -> Result<Vec<Item>, Failure> {
        if self.is_unknown(&watch.name) {
            return Ok(Vec::new());
        }
        let names = self.names();
        let mut ours = BTreeMap::new();
        let mut items = self.refs(watch, &names, &ours)?;
        let unknown: Vec<&Item> = items.iter().filter(|item| item.fate == Fate::Look).collect();
        if !unknown.is_empty() {
            self.look(watch, &unknown, &mut ours)?;
            items = self.refs(watch, &names, &ours)?;
        }
        items.extend(self.channels(watch)?);
        Ok(items)
    }

    /// The files of all signals that ended, also of watches that were removed.
    ///
    /// # Errors
    /// When the state directory cannot be read.
    pub fn files(&self) -> io::Result<Vec<Item>> {
        let mut found = Vec::new();
        for folder in ["runs", "carry"] {
            let entries = match fs::read_dir(self.workspace.places.state.join(folder)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                // A name that is no text is none of ours.
                found.extend(entry?.file_name().to_str().map(|name| format!("{folder}/{name}")));
            }
        }
        found.sort();
        let mut items = files::files(&self.names(), &found);
        items.retain(|item| !self.is_unknown(&item.watch));
        Ok(items)
    }

    fn is_unknown(&self, watch: &WatchName) -> bool {
        matches!(self.forks.get(watch), Some(Answer::Problem(_)))
    }

    fn names(&self) -> Names<'_> {
        ended::names(&self.workspace.config, self.state, self.now, self.older_than)
    }

    fn refs(&self, watch: &Watch, names: &Names<'_>, ours: &BTreeMap<String, bool>) -> Result<Vec<Item>, Failure> {
        let prefix = &self.workspace.config.settings.ref_prefix;
        let branches = format!("refs/heads/{prefix}");
        let here = self.here(&[&branches, attestation::PREFIX, &objects::prefix(watch)])?;
        let fork = match self.forks.get(&watch.name) {
            Some(Answer::Refs(refs)) => Some(&**refs),
            _ => None,
        };
        let checked_out = &self.workspace.git.checked_out()?;
        Ok(refs::of_watch(watch, names, Sight { fork, here: &here, checked_out, ours, prefix }))
    }

    fn here(&self, prefixes: &[&str]) -> Result<RemoteRefs, GitError> {
        self.workspace.git.local_refs(prefixes)
    }

    fn channels(&self, watch: &Watch) -> Result<Vec<Item>, Failure> {
        let here = self.here(&[channels::PREFIX])?;
        let of_watch = |name: &str| {
            let mut channels = self.workspace.config.channels.iter().filter(|channel| channel.watch == watch.name);
            channels.find(|channel| channel.name.as_str() == name).map(|channel| channel.watch.clone())
        };
        Ok(channels::left_behind(self.state, &here, of_watch, self.now, self.older_than))
    }

    /// Tells of commits whether they are ours, as we left them.
    fn look(&self, watch: &Watch, unknown: &[&Item], ours: &mut BTreeMap<String, bool>) -> Result<(), Failure> {
        let repository = Repository::open(self.workspace, watch.timeout)?;
        if self.may_fetch {
            let on_fork = unknown.iter().filter(|item| item.place == Place::Fork);
            let wanted: Vec<Seen> =
                on_fork.map(|item| Seen { reference: item.name.clone(), sha: item.object.clone() }).collect();
            objects::fetch(self.workspace, &repository, watch, &wanted)?;
        }
        let interventions = format!("refs/heads/{}intervention/", self.workspace.config.settings.ref_prefix);
        for item in unknown {
            let Some(commit) = objects::commit(&repository, &item.commit)? else { continue };
            let commit = repository.commit(&commit)?;
            let is_ours = if item.name.starts_with(&interventions) {
                intervention::is_untouched(&commit)
            } else {
                candidate::is_ours(&commit)
            };
            ours.insert(item.commit.clone(), is_ours);
        }
        Ok(())
    }
}

/// Takes away what is to go, and says of each item what became of it: a reason, if it is still there.
///
/// Those of the fork go together; each goes only if it is what was looked at.
///
/// # Errors
/// When a signal told us to end, or the fork cannot be asked.
pub fn remove<'a>(
    workspace: &Workspace,
    watch: Option<&Watch>,
    items: &'a [Item],
    mut tell: impl FnMut(&'a Item, Result<(), String>),
) -> Result<(), Failure> {
    let goes = |place: Place| items.iter().filter(move |item| item.place == place && item.fate == Fate::Remove);
    if let Some(watch) = watch {
        let on_fork: Vec<&Item> = goes(Place::Fork).collect();
        let leased: Vec<(&str, &str)> = on_fork.iter().map(|it| (it.name.as_str(), it.object.as_str())).collect();
        let removed = workspace.git.remove_all_leased(&watch.fork, &leased, watch.fetch_timeout)?;
        for (item, pushed) in on_fork.into_iter().zip(removed) {
            tell(item, gone(&pushed));
        }
    }
    for item in goes(Place::Here) {
        interrupted()?;
        let removed = workspace.git.remove_local(&item.name, &item.object);
        tell(item, removed.map_err(|error| error.to_string()));
    }
    for item in goes(Place::State) {
        interrupted()?;
        let removed = match fs::remove_file(workspace.places.state.join(&item.name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.to_string()),
            _ => Ok(()),
        };
        tell(item, removed);
    }
    Ok(())
}

fn interrupted() -> Result<(), Failure> {
    signals::interrupted().map_or(Ok(()), |signal| Err(Failure::Interrupted(signal)))
}

fn gone(pushed: &Pushed) -> Result<(), String> {
    match pushed {
        Pushed::Created | Pushed::Moved | Pushed::Removed | Pushed::AlreadyThere => Ok(()),
        Pushed::Exists => Err("somebody has changed it at this moment".to_owned()),
        Pushed::Rejected { reason } => Err(printable(reason)),
    }
}
