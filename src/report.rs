//! The only place that prints: the answer on standard output, talk about it on standard error.

pub mod evidence;
pub mod exposition;
pub mod review;
pub mod status;
pub mod table;
pub mod words;

use crate::{
    cli::{ColorWhen, GlobalArgs},
    dispatch,
    ledger::record::{Problem, Record},
    text,
    workspace::Failure,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    env, fmt,
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
};

/// Where a command prints. Shared by the threads of a poll.
///
/// A closed pipe is a quiet end of the output, not an error, and changes nothing of the work.
#[derive(Debug)]
pub struct Report {
    out: Paint,
    err: Paint,
    quiet: bool,
    json: bool,
    state: Mutex<Streams>,
}

#[derive(Debug, Default)]
struct Streams {
    out_error: Option<io::Error>,
    progress: Option<ProgressBar>,
}

/// What a piece of text means; on a terminal it has a colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// A name.
    Name,
    /// All is well.
    Good,
    /// Somebody should look.
    Attention,
    /// It failed.
    Bad,
    /// Beside the point.
    Faint,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Name => "1",
            Self::Good => "32",
            Self::Attention => "33",
            Self::Bad => "31",
            Self::Faint => "2",
        }
    }
}

impl Report {
    /// Decides once what is coloured, quiet and JSON.
    #[must_use]
    pub fn new(global: &GlobalArgs, json: bool) -> Self {
        let wanted = |is_terminal: bool| match global.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            // https://no-color.org: set and not empty.
            ColorWhen::Auto => {
                is_terminal && !is_dumb() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        Self {
            out: Paint(wanted(io::stdout().is_terminal())),
            err: Paint(wanted(io::stderr().is_terminal())),
            quiet: global.quiet,
            json,
            state: Mutex::default(),
        }
    }

    /// Whether the answer is JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether nothing but errors and what was asked for is printed.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether the answer goes to a terminal, and not to a program or a file.
    #[must_use]
    pub fn answers_a_person(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// The colours of standard output.
    #[must_use]
    pub fn paint(&self) -> Paint {
        self.out
    }

    /// A line of the answer, which `--quiet` does not silence.
    pub fn answer(&self, line: &str) {
        self.write_out(&format!("{line}\n"));
    }

    /// A part of the answer that is printed as it is.
    pub fn verbatim(&self, text: &str) {
        self.write_out(text);
    }

    /// An object of a JSON answer, on a line.
    pub fn object<T: serde::Serialize + ?Sized>(&self, object: &T) {
        self.write_out(&format!("{}\n", text::json(object)));
    }

    /// A line about what was done; `--quiet` silences it.
    pub fn told(&self, line: &str) {
        if !self.quiet {
            self.answer(line);
        }
    }

    /// A line of talk about what is done; `--quiet` silences it.
    pub fn talk(&self, line: &str) {
        if self.quiet {
            return;
        }
        self.suspended(|| {
            // Nobody is left to tell that standard error is closed.
            let _ = writeln!(io::stderr().lock(), "{line}");
        });
    }

    /// A line of talk for whoever watches: on a terminal only.
    pub fn step(&self, line: &str) {
        if io::stderr().is_terminal() {
            self.talk(line);
        }
    }

    /// What a poll or dispatch recorded: as JSON lines, or in words where there is something to say.
    pub fn records(&self, records: &[Record]) {
        for record in records {
            if self.json {
                self.write_out(&record.line());
            } else if let Some(line) = words::line(self.out, record) {
                if dispatch::is_failed_run(record) { self.answer(&line) } else { self.told(&line) }
            }
        }
    }

    /// What is wrong with a watch.
    pub fn problem(&self, watch: &str, problem: &Problem) {
        self.complain("error", &format!("watch `{watch}`: {}", problem.message), problem.hint.as_deref());
    }

    /// Something that went wrong and costs nothing yet.
    pub fn warning(&self, message: &str) {
        self.complain("warning", message, None);
    }

    /// Something that went wrong.
    pub fn error(&self, message: &str) {
        self.complain("error", message, None);
    }

    /// Why a command cannot go on.
    pub fn failure(&self, failure: &Failure) {
        match failure {
            Failure::Configuration(mistakes) => {
                for (index, mistake) in mistakes.iter().enumerate() {
                    // One hint for several mistakes in a row is told once, behind them.
                    let is_same = mistakes.get(index + 1).is_some_and(|next| next.hint == mistake.hint);
                    let hint = mistake.hint.as_deref().filter(|_| !is_same);
                    self.complain("error", &mistake.to_string(), hint);
                }
            }
            Failure::Usage(message, hint) | Failure::Carry(message, hint) | Failure::Refused(message, hint) => {
                self.complain("error", message, hint.as_deref());
            }
            Failure::Git(error) => self.complain("error", &error.to_string(), Some(&error.hint())),
            Failure::Place(error) => self.complain("error", &error.to_string(), Some(&error.hint())),
            Failure::Ledger(error) => self.complain("error", &error.to_string(), Some(&error.hint())),
            Failure::Outlived(path) => {
                let hint = format!("wait for it, or end it: `fuser {}` names it", path.display());
                self.complain("error", &failure.to_string(), Some(&hint));
            }
            Failure::Interrupted(_) => {
                self.complain("error", &failure.to_string(), Some("nothing is lost; run it again"));
            }
            Failure::Busy(_) => self.complain("error", &failure.to_string(), Some("try again later")),
        }
    }

    fn complain(&self, kind: &str, message: &str, hint: Option<&str>) {
        let style = if kind == "error" { Style::Bad } else { Style::Attention };
        let said = format!("{}: {}\n", self.err.styled(style, kind), one_line(message));
        let advised = hint.map(|hint| format!("{}: {}\n", self.err.styled(Style::Name, "hint"), one_line(hint)));
        let lines = said + &advised.unwrap_or_default();
        self.suspended(|| {
            // Nobody is left to tell that standard error is closed.
            let _ = io::stderr().lock().write_all(lines.as_bytes());
        });
    }

    fn write_out(&self, text: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.out_error.is_some() {
            return;
        }
        let write = || {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
        let written = match &state.progress {
            Some(bar) => bar.suspend(write),
            None => write(),
        };
        state.out_error = written.err();
    }

    /// Why the answer could not be printed, if it could not: a full disk, not a closed pipe.
    #[must_use]
    pub fn output_error(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let error = state.out_error.as_ref().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)?;
        Some(format!("cannot write to standard output: {error}"))
    }

    fn suspended(&self, write: impl FnOnce()) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.progress {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Shows on a terminal how many of `total` requests are done; gone when all are.
    pub fn progress(&self, done: usize, total: usize) {
        if self.quiet || total < 2 || !io::stderr().is_terminal() || is_dumb() {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = state.progress.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("asking upstream {bar:30} {pos}/{len}");
            let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_position(done as u64);
        if done == total {
            bar.finish_and_clear();
            state.progress = None;
        }
    }
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Paint(bool);

impl Paint {
    /// No colour: for tables, which measure their text.
    pub const PLAIN: Self = Self(false);

    /// `text` in the style's colour, if there is colour.
    #[must_use]
    pub fn styled(self, style: Style, text: &str) -> String {
        if self.0 && !text.is_empty() { format!("\u{1b}[{}m{text}\u{1b}[0m", style.code()) } else { text.to_owned() }
    }
}

/// Whether the terminal says that it understands no escape sequences (terminfo(5), `dumb`).
fn is_dumb() -> bool {
    env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// A message on one line: the system's words and the remote's may hold anything.
fn one_line(message: impl fmt::Display) -> String {
    text::printable(&message.to_string())
}
