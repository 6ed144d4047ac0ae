//! SIGINT, SIGTERM and SIGHUP: children are ended and recorded before we end ourselves.
//!
//! Children lead process groups of their own, so that a Ctrl-C at the terminal reaches only us. The
//! first signal is passed on to every child that runs, and whoever waits for one can record how it
//! went; a second one kills them.

use signal_hook::consts::signal::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::{flag, iterator::Signals};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, io, process, thread};

/// How long the process may take to end by itself after its last child has.
const PATIENCE: Duration = Duration::from_secs(5);

static REGISTRY: Registry = Registry::new();

/// Undoes what whoever starts us may have set, and what no command can work with.
///
/// # Errors
/// If the handlers cannot be installed.
pub fn prepare() -> io::Result<()> {
    // Taken, it makes a write beyond RLIMIT_FSIZE an error (setrlimit(2)) instead of our end.
    flag::register(SIGXFSZ, Arc::default())?;
    // Where SIGCHLD is ignored, the kernel drops the exit status of every child (wait(2)). Any handler
    // undoes that.
    flag::register(SIGCHLD, Arc::default())?;
    Ok(())
}

/// Starts the thread that takes the signals to end; once, before there is work that must not be cut short.
///
/// With no child running, a signal ends the process with exit status 128 + signal. With one, the
/// child is ended ([`crate::child::run`] returns [`crate::child::Exit::Interrupted`]), no other one
/// is started, and the process may end by itself within 5 s; after that it is ended all the same. A
/// signal that was ignored from the start (`nohup`, a background job of a script) stays ignored.
///
/// # Errors
/// If the handlers cannot be installed.
pub fn install() -> io::Result<()> {
    install_with(PATIENCE)
}

/// The first signal that told us to end, if one did.
#[must_use]
pub fn interrupted() -> Option<i32> {
    REGISTRY.interrupted()
}

pub(crate) fn registry() -> &'static Registry {
    &REGISTRY
}

fn install_with(patience: Duration) -> io::Result<()> {
    let ignored = fs::read_to_string("/proc/self/status").map_or(0, |status| ignored_mask(&status));
    let taken = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored & (1 << (signal - 1)) == 0);
    let mut signals = Signals::new(taken)?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut leaving = false;
        for signal in signals.forever() {
            if REGISTRY.deliver(signal) == 0 {
                process::exit(128 + signal);
            }
            if !leaving {
                leaving = true;
                // Without a thread for it, the end waits for the second signal.
                let _ = thread::Builder::new().spawn(move || {
                    REGISTRY.wait_until_empty();
                    thread::sleep(patience);
                    process::exit(128 + signal);
                });
            }
        }
    })?;
    Ok(())
}

/// The signals that are ignored, bit 0 for signal 1, from proc(5)'s `/proc/self/status`.
///
/// Only Linux has it; elsewhere none counts as ignored.
fn ignored_mask(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

type Notify = Box<dyn Fn(i32) + Send>;

/// Those who wait for a child now, and the signal that told us to end.
pub(crate) struct Registry {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    interrupted: Option<i32>,
    next: u64,
    waiting: BTreeMap<u64, Notify>,
}

impl Registry {
    pub(crate) const fn new() -> Self {
        let state = State { interrupted: None, next: 0, waiting: BTreeMap::new() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Has `notify` called with every signal until the registration is dropped.
    ///
    /// # Errors
    /// The signal, if we were told to end already: no child is to be started.
    pub(crate) fn enter(&self, notify: impl Fn(i32) + Send + 'static) -> Result<Registration<'_>, i32> {
        let mut state = self.state();
        if let Some(signal) = state.interrupted {
            return Err(signal);
        }
        let number = state.next;
        state.next += 1;
        state.waiting.insert(number, Box::new(notify));
        Ok(Registration { registry: self, number })
    }

    /// Passes a signal on; to how many.
    pub(crate) fn deliver(&self, signal: i32) -> usize {
        let mut state = self.state();
        state.interrupted.get_or_insert(signal);
        for notify in state.waiting.values() {
            notify(signal);
        }
        state.waiting.len()
    }

    fn interrupted(&self) -> Option<i32> {
        self.state().interrupted
    }

    fn wait_until_empty(&self) {
        let ended = self.changed.wait_while(self.state(), |state| !state.waiting.is_empty());
        drop(ended.unwrap_or_else(PoisonError::into_inner));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the registry; dropping it leaves.
pub(crate) struct Registration<'a> {
    registry: &'a Registry,
    number: u64,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.registry.state().waiting.remove(&self.number);
        self.registry.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::{self, Exit, Input, Limits};
    use std::env;
    use std::process::{Command, Stdio};
    use std::sync::mpsc;

    #[test]
    fn a_signal_reaches_those_who_wait_and_nobody_enters_after_it() {
        let registry = Registry::new();
        let (sender, received) = mpsc::channel();
        let left = registry.enter(|_| panic!("it has left")).unwrap();
        let waiting = registry.enter(move |signal| sender.send(signal).unwrap()).unwrap();
        drop(left);
        assert_eq!(registry.interrupted(), None);
        assert_eq!(registry.deliver(SIGINT), 1);
        assert_eq!(registry.deliver(SIGTERM), 1);
        assert_eq!(registry.interrupted(), Some(SIGINT));
        assert_eq!(registry.enter(|_| ()).err(), Some(SIGINT));
        drop(waiting);
        registry.wait_until_empty();
        assert_eq!(received.iter().collect::<Vec<_>>(), [SIGINT, SIGTERM]);
        assert_eq!(registry.deliver(SIGTERM), 0);
    }

    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        assert_eq!(ignored_mask("Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"), 0x1001);
        assert_eq!(ignored_mask("SigIgn:\tnonsense"), 0);
        assert_eq!(ignored_mask(""), 0);
    }

    /// A signal's disposition belongs to the process, so each case runs this test program anew.
    #[track_caller]
    fn case(role: &str, mut command: Command, status: i32) {
        let ended = command
            .args(["--exact", "signals::tests::role", "--ignored", "--test-threads=1"])
            .env("SIGNALS_ROLE", role)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert_eq!(ended.unwrap().code(), Some(status), "{role}");
    }

    fn this_program() -> Command {
        Command::new(env::current_exe().unwrap())
    }

    #[test]
    fn the_process_ends_as_it_should() {
        case("alone", this_program(), 128 + SIGTERM);
        case("records", this_program(), 0);
        case("lingers", this_program(), 128 + SIGTERM);
        case("twice", this_program(), 0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn children_are_waited_for_although_sigchld_was_ignored() {
        // GNU env(1): a shell may not ignore SIGCHLD for others.
        let mut command = Command::new("env");
        command.arg("--ignore-signal=CHLD").arg(env::current_exe().unwrap());
        case("waits", command, 0);
    }

    #[test]
    #[ignore = "a role that another test plays in a process of its own"]
    fn role() {
        let limits = Limits { timeout: Duration::from_secs(600), output: 100 };
        let shell = |script: &str| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]);
            command
        };
        let run = |command: Command| child::run(command, Input::Null, limits).unwrap().exit;
        match env::var("SIGNALS_ROLE").unwrap().as_str() {
            "alone" => {
                install().unwrap();
                shell("kill -TERM $PPID").status().unwrap();
                loop {
                    thread::park();
                }
            }
            "waits" => {
                prepare().unwrap();
                assert_eq!(run(shell("exit 3")), Exit::Code(3));
            }
            "records" => {
                install().unwrap();
                assert_eq!(run(shell("kill -TERM $PPID; sleep 600")), Exit::Interrupted(SIGTERM));
                assert_eq!(interrupted(), Some(SIGTERM));
                assert_eq!(run(Command::new("/bin/true")), Exit::Interrupted(SIGTERM));
            }
            "lingers" => {
                install_with(Duration::ZERO).unwrap();
                run(shell("kill -TERM $PPID; sleep 600"));
                loop {
                    thread::park();
                }
            }
            "twice" => {
                install().unwrap();
                let stubborn = "trap 'kill -TERM $PPID' TERM; kill -TERM $PPID; while :; do :; done";
                assert_eq!(run(shell(stubborn)), Exit::Interrupted(SIGTERM));
            }
            other => panic!("no role {other}"),
        }
    }
}
