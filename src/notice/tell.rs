//! `patch.notify`: a program that is told each notice, one process a notice.
//!
//! A notice is recorded once the program has taken it. Whoever is killed in between leaves it to be told
//! again: twice at the worst, and never not at all.

use super::{Untold, document, untold};
use crate::{
    child::{self, Exit, Input, Limits},
    dispatch::runner,
    intake::checks_at,
    ledger::{
        Ledger,
        lock::Lock,
        record::{Body, Record},
    },
    outcome::Outcome,
    report::{Report, words},
    review::waiting::Failing,
    signals, text,
    time::Timestamp,
    watch::WatchName,
    workspace::{Failure, Workspace},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    time::{Duration, Instant},
};

/// How long the program may take for one notice.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long one command goes on beginning to tell: what is left is told by the next one.
const TOGETHER: Duration = Duration::from_secs(120);

/// How many notices one command tells at most.
const MOST: usize = 20;

/// The most of each of the program's outputs that is looked at, in bytes.
const OUTPUT: usize = 1 << 16;

/// The longest last line of the program that is repeated, in bytes.
const LINE: usize = 300;

/// Tells what waits for a person and was not told yet; without `patch.notify` nothing.
///
/// The caller holds no lock. Where another process is telling, it is left to that, or to the next command.
pub fn run(workspace: &Workspace, ledger: &mut Ledger, report: &Report) -> Outcome {
    let Some(program) = &workspace.config.settings.notify else { return Outcome::Done };
    let failing = checks_at(&workspace.places.state).into_iter().map(|(watch, check)| (watch, check.failing)).collect();
    let teller = Teller { workspace, program, failing };
    let told = teller.all(ledger, report);
    told.unwrap_or_else(|failure| {
        report.failure(&failure);
        Outcome::from(&failure)
    })
}

struct Teller<'a> {
    workspace: &'a Workspace,
    program: &'a [String],
    failing: BTreeMap<WatchName, Failing>,
}

impl Teller<'_> {
    fn all(&self, ledger: &mut Ledger, report: &Report) -> Result<Outcome, Failure> {
        if self.untold(ledger).is_empty() {
            return Ok(Outcome::Done);
        }
        let _lock = match self.workspace.lock("notify.lock", Duration::ZERO) {
            Ok(lock) => lock,
            Err(Failure::Busy(_)) => return Ok(Outcome::Done),
            Err(failure) => return Err(failure),
        };
        // Where a `patch` was killed, its program may go on, and what it tells must not be told beside it.
        let input = match self.workspace.lock("notify.input", Duration::ZERO) {
            Ok(input) => input,
            Err(Failure::Busy(path)) => return Err(Failure::Outlived(path)),
            Err(failure) => return Err(failure),
        };
        let (began, mut tried, mut refused) = (Instant::now(), BTreeSet::new(), Vec::new());
        while signals::interrupted().is_none() && tried.len() < MOST && began.elapsed() < TOGETHER {
            // Another process may have told it before the lock was ours.
            ledger.refresh()?;
            let name = |it: &Untold| (it.notice.watch.clone(), it.notice.id.clone(), it.notice.about.clone());
            let Some(next) = self.untold(ledger).into_iter().find(|it| tried.insert((it.notice.reason, name(it))))
            else {
                break;
            };
            let record = Record::new(Timestamp::now(), Body::Notice(next.notice.clone()));
            match self.tell(ledger, &input, &record, &next)? {
                Ok(()) => {
                    ledger.append(std::slice::from_ref(&record))?;
                    report.records(&[record]);
                }
                Err(reason) => refused.push(reason),
            }
        }
        match refused.first() {
            None => Ok(Outcome::Done),
            Some(reason) => Err(self.refusal(refused.len(), reason)),
        }
    }

    fn untold(&self, ledger: &Ledger) -> Vec<Untold> {
        untold(&self.workspace.config, ledger.state(), &self.failing, Timestamp::now())
    }

    /// Hands one notice to the program; the inner error says why that did not take it.
    fn tell(
        &self,
        ledger: &Ledger,
        input: &Lock,
        record: &Record,
        untold: &Untold,
    ) -> Result<Result<(), String>, Failure> {
        let id = untold.notice.id.as_deref();
        let url = id.map(|id| document::url(self.workspace, ledger, id)).transpose()?.flatten();
        let line = document::line(record, untold, url.as_deref(), self.workspace.work_dir());
        let mut command = runner::command(self.workspace.work_dir(), self.program);
        for name in ["PATCH_EVENT_ID", "PATCH_EVENT_FILE", "PATCH_NOTICE_ID"] {
            command.env_remove(name);
        }
        command.env("PATCH_NOTICE", untold.notice.reason.as_str()).envs(id.map(|id| ("PATCH_NOTICE_ID", id)));
        let input = match input.input(line.as_bytes()) {
            Ok(input) => Input::File(input),
            Err(error) => return Ok(Err(format!("its standard input cannot be written: {error}"))),
        };
        let finished = match child::run(command, input, Limits { timeout: TIMEOUT, output: OUTPUT }) {
            Ok(finished) => finished,
            Err(error) => {
                let (message, hint) = child::describe_spawn_error(OsStr::new(&self.program[0]), &error);
                return Ok(Err(format!("{message}; {hint}")));
            }
        };
        match finished.exit {
            Exit::Success => Ok(Ok(())),
            Exit::Interrupted(signal) => Err(Failure::Interrupted(signal)),
            exit => {
                let said = finished.last_line(LINE).map(|line| format!(": {}", text::printable(&line)));
                Ok(Err(format!("{exit}{}", said.unwrap_or_default())))
            }
        }
    }

    fn refusal(&self, count: usize, reason: &str) -> Failure {
        let program = text::printable(text::clipped(&self.program[0], LINE));
        let notices = words::counted(count, "notice", "notices");
        Failure::Refused(
            format!("`patch.notify`: `{program}` did not take {notices}: {reason}"),
            Some("they are told again by the next poll; `patch status` shows what waits".to_owned()),
        )
    }
}
