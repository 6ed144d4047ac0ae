//! What each watch looks at: does it answer, and is it what it should be?

use super::{Finding, Scene, failure};
use crate::{intake::check::Checked, ledger::record::Problem, report::words::counted, watch::Watch};

const CHECK: &str = "upstream";

/// A look at each watch, as `patch watch check` takes it.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let (Ok(config), Some(answers)) = (&scene.config, &scene.answers) else { return Vec::new() };
    config.watches.iter().zip(&answers.upstreams).map(|(watch, checked)| told(watch, checked)).collect()
}

fn told(watch: &Watch, checked: &Checked) -> Finding {
    let name = &watch.name;
    match checked {
        Checked::Deferred(until) => {
            let found = format!("watch `{name}`: its host asked not to be asked before {until}");
            Finding::warning(CHECK, found).fix("poll it less often, or watch the Git remote instead of the feed")
        }
        Checked::Failed(problem) | Checked::Seen { doubt: Some(problem), .. } => broken(watch, problem),
        Checked::Seen { look, doubt: None } => {
            let entries = counted(look.sight.entries.len(), "entry", "entries");
            Finding::ok(CHECK, format!("watch `{name}`: {entries} at {}", look.sight.source))
        }
    }
}

fn broken(watch: &Watch, problem: &Problem) -> Finding {
    let found = format!("watch `{}`: {}", watch.name, failure::told(problem));
    let remote = watch.remote.as_deref().unwrap_or("REMOTE");
    Finding::broken(CHECK, found).fix(failure::fix(remote, problem).replace("<name>", watch.name.as_str()))
}
