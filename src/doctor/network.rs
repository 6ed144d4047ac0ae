//! What the network answers, asked once for all checks, side by side.

use super::{Scene, parent};
use crate::{
    config::Config,
    fetch::queue,
    forge::parent::Parentage,
    git::GitError,
    intake::{
        check::{self, Checked},
        look::{self, Means},
    },
    ledger::state::State,
    parse::refs::RemoteRefs,
    watch::Watch,
    workspace::Workspace,
};
use std::{collections::BTreeMap, time::Duration};

/// The answers.
#[derive(Debug, Default)]
pub struct Answers {
    /// What came of a look at each watch, in the configuration's order.
    pub upstreams: Vec<Checked>,
    /// The refs of each fork, by the remote that names it: HEAD and the stacks.
    pub forks: BTreeMap<String, Result<RemoteRefs, GitError>>,
    /// What the forge says of `origin`, where there is no watch.
    pub parentage: Option<Parentage>,
}

enum Part {
    Upstreams,
    Forks,
}

enum Answered {
    Upstreams(Vec<Checked>),
    Forks(BTreeMap<String, Result<RemoteRefs, GitError>>),
}

/// Asks whom the watches name; each answer within its watch's `fetchTimeout`, all within `patch.pollTimeout`.
///
/// Without a configuration and a repository nobody is asked. `progress` is told how many of how many
/// upstreams have answered.
pub fn ask(scene: &Scene, progress: &(dyn Fn(usize, usize) + Sync)) -> Answers {
    let (Ok(config), Ok(location), Some(places)) = (&scene.config, &scene.location, &scene.places) else {
        return Answers::default();
    };
    let workspace = Workspace {
        git: scene.git.clone(),
        location: location.clone(),
        config: config.clone(),
        places: places.clone(),
    };
    let means = Means::new(&workspace, false, scene.now);
    if config.watches.is_empty() {
        return Answers { parentage: parent::asked(scene, &means), ..Answers::default() };
    }
    let state = known(scene);
    let watches: Vec<&Watch> = config.watches.iter().collect();
    let parts = [Part::Upstreams, Part::Forks].map(|part| (String::new(), part));
    let work = |part| match part {
        Part::Upstreams => Answered::Upstreams(check::all(&workspace, &means, &watches, &state, progress)),
        Part::Forks => Answered::Forks(forks(&workspace, &means)),
    };
    let mut answers = Answers::default();
    for answered in queue::run(parts.into(), 2, 2, work, |_| ()).into_iter().flatten() {
        match answered {
            Answered::Upstreams(upstreams) => answers.upstreams = upstreams,
            Answered::Forks(forks) => answers.forks = forks,
        }
    }
    answers
}

/// What the ledger's sound lines add up to.
fn known(scene: &Scene) -> State {
    let mut state = State::default();
    scene.records().for_each(|record| state.fold(record));
    state
}

fn forks(workspace: &Workspace, means: &Means) -> BTreeMap<String, Result<RemoteRefs, GitError>> {
    let asked = questions(&workspace.config);
    let host = |fork: &str| look::host_of_remote(workspace.config.remotes.get(fork).map_or(fork, String::as_str));
    let tasks = asked.iter().map(|(fork, question)| (host(fork), (*fork, question))).collect();
    let settings = &workspace.config.settings;
    let work = |(fork, question): (&str, &Question)| {
        let patterns: Vec<&str> = question.patterns.iter().map(String::as_str).collect();
        workspace.git.ls_remote(fork, &patterns, means.patience.of(fork, question.timeout))
    };
    let answers = queue::run(tasks, settings.jobs, settings.host_jobs, work, |_| ());
    asked.keys().zip(answers).filter_map(|(fork, answer)| Some(((*fork).to_owned(), answer.ok()?))).collect()
}

/// What is asked of a fork, for all watches that share it.
#[derive(Debug, Default, Eq, PartialEq)]
struct Question {
    patterns: Vec<String>,
    timeout: Duration,
}

/// What is asked of which fork; one that is neither a remote nor a URL cannot be asked.
fn questions(config: &Config) -> BTreeMap<&str, Question> {
    let mut questions: BTreeMap<&str, Question> = BTreeMap::new();
    let there = |watch: &&Watch| config.remotes.contains_key(&watch.fork) || watch.fork.contains(['/', ':']);
    for watch in config.watches.iter().filter(there) {
        let question = questions.entry(&watch.fork).or_default();
        question.timeout = question.timeout.max(watch.fetch_timeout);
        for pattern in ["HEAD".to_owned(), stack(watch)] {
            if !question.patterns.contains(&pattern) {
                question.patterns.push(pattern);
            }
        }
    }
    questions
}

/// The ref of the fork that a trigger is put on; of several branches it is HEAD.
pub fn stack(watch: &Watch) -> String {
    let branch = watch.stack.as_ref().filter(|stack| !stack.ends_with("/*"));
    branch.map_or("HEAD".to_owned(), |branch| format!("refs/heads/{branch}"))
}
