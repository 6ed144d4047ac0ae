//! Who polls, as far as files tell, and whether the last poll is as recent as it should be.

mod command;
mod crontab;
mod interval;
mod timer;
mod workflow;

use super::{Finding, Scene, locks, quoted, quoted_text};
use crate::{intake, time::Timestamp};
use directories::BaseDirs;
use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

const CHECK: &str = "schedule";
/// How old the last poll may be where nothing says how often there should be one.
const PATIENCE: Duration = Duration::from_secs(2 * 24 * 60 * 60);
/// How many polls may be missed until it is told.
const MISSED: u32 = 3;

/// Something that polls this repository.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Schedule {
    /// What it is: the crontab's line, the unit, or the file.
    place: String,
    kind: Kind,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Kind {
    /// It runs on this machine, at least once in this time if that can be told; with where to look when it does not.
    Here { every: Option<Duration>, look: String },
    /// It is not switched on; with the command that does it.
    Idle(String),
    /// It runs elsewhere, with a ledger that is not this one.
    Elsewhere,
}

/// The repository, as schedules name it.
#[derive(Debug)]
struct Home {
    /// The worktree and the Git directories, without symbolic links.
    paths: Vec<PathBuf>,
    /// The user's home directory.
    user: PathBuf,
}

impl Home {
    /// Whether a path is in this repository.
    fn holds(&self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|path| self.paths.iter().any(|own| path.starts_with(own)))
    }

    /// A path as a crontab or a unit has it: with `~`, `$HOME` or `%h` for the home directory.
    fn path(&self, text: &str) -> PathBuf {
        let below = ["~/", "$HOME/", "${HOME}/", "%h/"].iter().find_map(|home| text.strip_prefix(home));
        below.map_or_else(|| PathBuf::from(text), |below| self.user.join(below))
    }
}

/// The schedules that are seen, and the last poll.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let (Ok(config), Ok(location), Some(places)) = (&scene.config, &scene.location, &scene.places) else {
        return Vec::new();
    };
    if config.watches.is_empty() {
        return Vec::new();
    }
    let Some(dirs) = BaseDirs::new() else { return Vec::new() };
    let own = location.worktree.iter().chain([&location.git_dir, &location.common_dir]);
    let home =
        Home { paths: own.filter_map(|path| path.canonicalize().ok()).collect(), user: dirs.home_dir().to_owned() };
    let mut schedules = crontab::schedules(&home);
    schedules.extend(timer::schedules(&home, &timer::folders(&dirs, env::var_os("SYSTEMD_UNIT_PATH").as_deref())));
    schedules.extend(location.worktree.iter().flat_map(|worktree| workflow::schedules(worktree)));
    let last = intake::checks_at(&places.state).values().map(|check| check.at).max();
    let is_busy = !locks::held(&places.state).is_empty();
    let add = line_for(location.worktree.as_deref().unwrap_or(&location.git_dir));
    let polls = Polls { now: scene.now, last, is_busy };
    if schedules.is_empty() {
        return vec![polls.unscheduled(&add)];
    }
    schedules.iter().map(|schedule| polls.scheduled(schedule)).collect()
}

/// The command that adds a line to the crontab.
fn line_for(directory: &Path) -> String {
    let command = format!("17 * * * * patch -C {} poll", quoted(directory));
    format!("(crontab -l; echo {}) | crontab -", quoted_text(&command))
}

/// What this ledger knows of polls.
#[derive(Clone, Copy, Debug)]
struct Polls {
    now: Timestamp,
    last: Option<Timestamp>,
    /// Whether one is at work: the next may wait for it.
    is_busy: bool,
}

impl Polls {
    fn are_late(self, limit: Duration) -> bool {
        !self.is_busy && self.last.is_none_or(|last| self.now.since(last) > limit)
    }

    fn last(self) -> String {
        self.last.map_or_else(|| "there was none yet".to_owned(), |last| format!("the last was {last}"))
    }

    fn unscheduled(self, fix: &str) -> Finding {
        let found = format!("nothing is seen here that polls; of polls, {}", self.last());
        if self.are_late(PATIENCE) { Finding::warning(CHECK, found).fix(fix) } else { Finding::ok(CHECK, found) }
    }

    fn scheduled(self, schedule: &Schedule) -> Finding {
        let place = &schedule.place;
        match &schedule.kind {
            Kind::Idle(fix) => Finding::warning(CHECK, format!("{place} is not switched on")).fix(fix),
            Kind::Elsewhere => Finding::ok(CHECK, format!("{place} polls, with a ledger of its own")),
            Kind::Here { every, look } => {
                let limit = every.map_or(PATIENCE, |every| every * MISSED);
                let found = format!("{place}: of polls, {}, as far as this ledger knows", self.last());
                if self.are_late(limit) { Finding::warning(CHECK, found).fix(look) } else { Finding::ok(CHECK, found) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Health::{self, Ok, Warning};

    fn polls(last: Option<&str>, is_busy: bool) -> Polls {
        Polls { now: "2026-01-10T00:00:00Z".parse().unwrap(), last: last.map(|last| last.parse().unwrap()), is_busy }
    }

    #[test]
    fn the_last_poll_is_measured_by_the_schedule() {
        #[track_caller]
        fn case(last: Option<&str>, kind: Kind, expected: Health) {
            let schedule = Schedule { place: "it".to_owned(), kind };
            assert_eq!(polls(last, false).scheduled(&schedule).health, expected);
            let is_idle = matches!(schedule.kind, Kind::Idle(_));
            assert_eq!(polls(last, true).scheduled(&schedule).health == Ok, !is_idle);
        }
        let here = |hours: u64| Kind::Here { every: Some(Duration::from_secs(hours * 3600)), look: String::new() };
        let sometimes = || Kind::Here { every: None, look: String::new() };
        case(Some("2026-01-09T22:00:00Z"), here(1), Ok);
        case(Some("2026-01-09T20:00:00Z"), here(1), Warning);
        case(None, here(1), Warning);
        case(Some("2026-01-01T00:00:00Z"), here(100), Ok);
        case(Some("2026-01-08T00:00:01Z"), sometimes(), Ok);
        case(Some("2026-01-07T00:00:00Z"), sometimes(), Warning);
        case(Some("2026-01-09T00:00:00Z"), Kind::Idle("systemctl enable".to_owned()), Warning);
        case(None, Kind::Elsewhere, Ok);
    }

    #[test]
    fn without_a_schedule_a_poll_of_the_last_days_will_do() {
        #[track_caller]
        fn case(last: Option<&str>, expected: Health) {
            assert_eq!(polls(last, false).unscheduled("crontab").health, expected);
            assert_eq!(polls(last, true).unscheduled("crontab").health, Ok);
        }
        case(Some("2026-01-09T00:00:00Z"), Ok);
        case(Some("2026-01-07T00:00:00Z"), Warning);
        case(None, Warning);
    }
}
