//! The forks of the watches, each asked once for all of its refs that matter.

use super::refs::patterns;
use crate::{
    channel::ChannelRef,
    config::Config,
    fetch::queue,
    intake::look::host_of_remote,
    ledger::{record::Problem, state::State},
    parse::refs::RemoteRefs,
    watch::{Target, Watch},
    workspace::Workspace,
};
use std::{collections::BTreeMap, sync::Arc};

/// What a fork answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These refs.
    Refs(Arc<RemoteRefs>),
    /// There is no such remote.
    NoFork,
    /// Nobody asked it: nothing there would matter.
    NotAsked,
    /// Nothing, and why.
    Problem(Problem),
}

/// Asks the fork of each of `watches`, side by side and each fork once; the answers in the order of
/// the watches.
#[must_use]
pub fn ask(workspace: &Workspace, watches: &[&Watch], state: &State, all: bool) -> Vec<Answer> {
    let config = &workspace.config;
    let mut forks: BTreeMap<&str, Vec<&Watch>> = BTreeMap::new();
    for watch in watches.iter().filter(|watch| exists(config, watch) && (all || matters(config, watch, state))) {
        forks.entry(watch.fork.as_str()).or_default().push(watch);
    }
    let url = |fork: &str| config.remotes.get(fork).cloned().unwrap_or_else(|| fork.to_owned());
    let tasks = forks.iter().map(|(fork, watches)| (host_of_remote(&url(fork)), (*fork, watches))).collect();
    let settings = &config.settings;
    let answers = queue::run(
        tasks,
        settings.jobs,
        settings.host_jobs,
        |(fork, watches): (&str, &Vec<&Watch>)| refs_of(workspace, fork, watches, state),
        |_| {},
    );
    let answers = answers.into_iter().map(|answer| answer.unwrap_or_else(|_| Answer::Problem(bug())));
    let answers: BTreeMap<&str, Answer> = forks.keys().copied().zip(answers).collect();
    let answer = |watch: &&Watch| match answers.get(watch.fork.as_str()) {
        Some(answer) => answer.clone(),
        None if exists(config, watch) => Answer::NotAsked,
        None => Answer::NoFork,
    };
    watches.iter().map(answer).collect()
}

fn exists(config: &Config, watch: &Watch) -> bool {
    config.remotes.contains_key(&watch.fork) || watch.fork.contains(['/', ':'])
}

/// Whether the fork can tell anything: somebody is handed signals there, a channel is there, or a candidate
/// may be.
fn matters(config: &Config, watch: &Watch, state: &State) -> bool {
    let is_told = watch.dispatch.contains(&Target::TriggerBranch)
        || (watch.dispatch.contains(&Target::Carry) && watch.push)
        || config.channels.iter().any(|channel| channel.watch == watch.name);
    let mut reviews = state.reviews.values().filter(|review| review.watch == watch.name);
    is_told || reviews.any(|it| it.seen.is_some() || it.trigger.is_some() || !it.candidates.is_empty())
}

fn refs_of(workspace: &Workspace, fork: &str, watches: &[&Watch], state: &State) -> Answer {
    let channels = workspace.config.channels.iter().filter_map(|channel| match &channel.reference {
        ChannelRef::Branch(name) => Some(name.clone()),
        ChannelRef::Tag(_) => None,
    });
    let patterns = patterns(watches, state, &channels.collect::<Vec<_>>());
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let timeout = watches.iter().map(|watch| watch.fetch_timeout).max().unwrap_or_default();
    match workspace.git.ls_remote(fork, &patterns, timeout) {
        Ok(refs) => Answer::Refs(Arc::new(refs)),
        Err(error) => Answer::Problem(Problem {
            kind: "fork".to_owned(),
            message: format!("cannot read the fork `{}`: {error}", crate::text::printable(fork)),
            hint: Some(error.hint().into_owned()),
        }),
    }
}

fn bug() -> Problem {
    let message = "an internal error in `patch` while a fork was asked; the other watches went on".to_owned();
    Problem { kind: "internal".to_owned(), message, hint: None }
}
