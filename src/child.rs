//! One child process, run to its end: its input, its output in bounded memory, its deadline.
//!
//! A child leads a process group of its own, and it is the group that is ended: a flow runner which
//! is killed alone leaves its step running. Nothing here waits without an end, whatever the child
//! or its descendants do with the pipes.

mod capture;
mod spawn_error;

use crate::signals::{self, Registry};
use crate::spool::{Spooled, Writer};
use crate::text;
use capture::{Capture, Keep, Spooling};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, thread};

pub use capture::Captured;
pub use spawn_error::describe_spawn_error;

/// How long a group that was told to end may take until it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// How long the pipes may stay open after the child itself has ended.
const LINGER: Duration = Duration::from_secs(1);

/// What the child finds on its standard input.
#[derive(Debug)]
pub enum Input {
    /// Nothing: `/dev/null`.
    Null,
    /// This file, from where it stands.
    File(File),
}

/// How a child ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// By itself, with exit status 0.
    Success,
    /// By itself, with another exit status.
    Code(i32),
    /// By a signal that was not ours.
    Signal(i32),
    /// By us, when it had not ended within this time.
    TimedOut(Duration),
    /// By us, because this signal told us to end.
    Interrupted(i32),
}

impl Exit {
    /// Whether the child ended by itself with exit status 0.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::Success
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(0), _) => Self::Success,
            (Some(code), _) => Self::Code(code),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.write_str("exit status 0"),
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
            Self::TimedOut(after) => write!(f, "no end within {} s", after.as_secs_f64()),
            Self::Interrupted(signal) => write!(f, "interrupted by signal {signal}"),
        }
    }
}

/// What is left of a child after its end.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// What it and its descendants wrote to standard output.
    pub stdout: Captured,
    /// What it and its descendants wrote to standard error.
    pub stderr: Captured,
}

impl Finished {
    /// Its last words, those on standard error first, of at most `most` bytes.
    #[must_use]
    pub fn last_line(&self, most: usize) -> Option<String> {
        [&self.stderr, &self.stdout].into_iter().find_map(|stream| {
            let text = stream.lossy();
            let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
            Some(text::clipped(line, most).to_owned())
        })
    }
}

/// How much a child may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long it may run until its group is told to end.
    pub timeout: Duration,
    /// How many bytes are kept of each of its two outputs.
    pub output: usize,
}

/// Runs one child to its end; sets its standard streams and its process group.
///
/// When `limits.timeout` has passed, or a signal told us to end ([`signals::install`]), the whole
/// group gets SIGTERM, and SIGKILL 5 s later. A descendant that keeps a pipe open after the child
/// has ended is waited for 1 s, then what remains of the group is ended in the same way. A
/// descendant that left the group is left alone: its pipe is no longer read.
///
/// # Errors
/// If the child cannot be started; [`describe_spawn_error`] says it in words.
pub fn run(command: Command, input: Input, limits: Limits) -> io::Result<Finished> {
    run_under(signals::registry(), command, input, limits)
}

fn run_under(registry: &Registry, command: Command, input: Input, limits: Limits) -> io::Result<Finished> {
    let stdout = Capture::new(limits.output);
    let (exit, stdout, stderr) = conduct(registry, command, input, limits, stdout, |_| ())?;
    let stdout = stdout.map(|mut capture| capture.take()).unwrap_or_default();
    Ok(Finished { exit, stdout, stderr })
}

/// As [`run`] with nothing to read, for a child that strangers make print: standard output goes
/// through `writer` as far as `most` bytes, and no process of the child may take more than `memory`
/// bytes (setrlimit(2), `RLIMIT_DATA`; Linux only).
///
/// The [`Finished`] has no standard output; the other value has, and an error if it could not be
/// kept or was longer.
///
/// # Errors
/// If the child cannot be started.
pub fn run_into(
    command: Command,
    limits: Limits,
    writer: Writer,
    most: u64,
    memory: u64,
) -> io::Result<(Finished, io::Result<Spooled>)> {
    let keep = Spooling::new(writer, most);
    let started = |child: &Child| limit_memory(Pid::from_child(child), memory);
    let (exit, kept, stderr) = conduct(signals::registry(), command, Input::Null, limits, keep, started)?;
    let kept = kept.map_or_else(|| Err(io::ErrorKind::Interrupted.into()), Spooling::finish);
    Ok((Finished { exit, stdout: Captured::default(), stderr }, kept))
}

/// From now on for the process and what it starts; it has only just begun.
fn limit_memory(pid: Pid, memory: u64) {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, prlimit};
        let now = getrlimit(Resource::Data);
        let limit = |now: Option<u64>| Some(now.map_or(memory, |now| now.min(memory)));
        // It may be gone, or have become another user's; it is then no longer for us to limit.
        let _ = prlimit(Some(pid), Resource::Data, Rlimit { current: limit(now.current), maximum: now.maximum });
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (pid, memory);
}

/// Runs a child to its end; `started` is told as soon as it runs. No standard output: it was not started.
fn conduct<K: Keep>(
    registry: &Registry,
    mut command: Command,
    input: Input,
    limits: Limits,
    keep: K,
    started: impl FnOnce(&Child),
) -> io::Result<(Exit, Option<K>, Captured)> {
    let deadline = Instant::now().checked_add(limits.timeout);
    let (sender, events) = mpsc::channel();
    // Before the spawn, so that no signal falls between the two.
    let interrupter = sender.clone();
    let _registration = match registry.enter(move |signal| drop(interrupter.send(Event::Interrupted(signal)))) {
        Ok(registration) => registration,
        Err(signal) => return Ok((Exit::Interrupted(signal), None, Captured::default())),
    };
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.stdin(match input {
        Input::Null => Stdio::null(),
        Input::File(file) => file.into(),
    });
    let mut child = command.spawn()?;
    started(&child);
    let group = Group { leader: Pid::from_child(&child), events };
    let (stdout, stderr) = match attend(&mut child, keep, Capture::new(limits.output), &sender) {
        Ok(streams) => streams,
        Err(error) => {
            // No thread is to be had, and a child that nobody reads may wait for ever.
            group.signal(Signal::KILL);
            child.wait()?;
            return Err(error);
        }
    };
    let exit = group.conduct(child, deadline, limits.timeout)?;
    let stderr = close(&stderr).map(|mut capture| capture.take()).unwrap_or_default();
    Ok((exit, close(&stdout), stderr))
}

enum Event {
    /// The leader has ended; it is not reaped yet.
    Ended,
    /// One of the two output pipes is at its end.
    Closed,
    /// We were told to end.
    Interrupted(i32),
}

/// What keeps the bytes of one pipe; `None` once nobody wants more of it.
type Shared<K> = Arc<Mutex<Option<K>>>;

/// Starts the threads that read the child, and wait for it.
///
/// They are not joined: a descendant that left the group can hold a pipe open for ever. Such a
/// thread keeps nothing but its buffer, and ends when the next byte comes.
fn attend<K: Keep>(
    child: &mut Child,
    out: K,
    err: Capture,
    sender: &Sender<Event>,
) -> io::Result<(Shared<K>, Shared<Capture>)> {
    let stdout = drain(child.stdout.take(), out, sender.clone())?;
    let stderr = drain(child.stderr.take(), err, sender.clone())?;
    let (leader, sender) = (Pid::from_child(child), sender.clone());
    thread::Builder::new().spawn(move || {
        // NOWAIT leaves the leader a zombie: its process group id stays its own until we are done
        // with the group and reap it, so that we can never kill a stranger's group.
        let ended = || waitid(WaitId::Pid(leader), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        while matches!(ended(), Err(rustix::io::Errno::INTR)) {}
        drop(sender.send(Event::Ended));
    })?;
    Ok((stdout, stderr))
}

fn drain<K: Keep>(pipe: Option<impl Read + Send + 'static>, keep: K, sender: Sender<Event>) -> io::Result<Shared<K>> {
    let shared: Shared<K> = Arc::new(Mutex::new(Some(keep)));
    let capture = Arc::clone(&shared);
    thread::Builder::new().spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        if let Some(mut pipe) = pipe {
            loop {
                match pipe.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => match lock(&capture).as_mut() {
                        Some(capture) => capture.push(&buffer[..count]),
                        None => break,
                    },
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
        }
        drop(sender.send(Event::Closed));
    })?;
    Ok(shared)
}

fn lock<K>(shared: &Shared<K>) -> MutexGuard<'_, Option<K>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was read, from a pipe that is read no more.
fn close<K>(shared: &Shared<K>) -> Option<K> {
    lock(shared).take()
}

/// What is known of a group.
#[derive(Default)]
struct Seen {
    ended: bool,
    closed: u8,
    /// The first signal that told us to end, and how many there were.
    interrupted: Option<i32>,
    interrupts: u32,
}

impl Seen {
    fn quiet(&self) -> bool {
        self.ended && self.closed == 2
    }
}

struct Group {
    leader: Pid,
    events: Receiver<Event>,
}

impl Group {
    /// Waits for the end, or brings it about.
    fn conduct(self, mut child: Child, deadline: Option<Instant>, timeout: Duration) -> io::Result<Exit> {
        let mut seen = Seen::default();
        self.wait(&mut seen, deadline, |seen| seen.ended || seen.interrupts > 0);
        let ours = match (seen.interrupted, seen.ended) {
            (Some(signal), _) => Some(Exit::Interrupted(signal)),
            (None, true) => None,
            (None, false) => Some(Exit::TimedOut(timeout)),
        };
        if ours.is_some() {
            self.end(&mut seen, GRACE);
        } else if !self.wait(&mut seen, Instant::now().checked_add(LINGER), Seen::quiet) {
            self.end(&mut seen, LINGER);
        }
        // A leader that SIGKILL could not end hangs in the kernel; it is left to init.
        let status = if seen.ended { Some(child.wait()?) } else { None };
        Ok(ours.or(status.map(Exit::from)).unwrap_or(Exit::TimedOut(timeout)))
    }

    /// SIGTERM to the group, and SIGKILL to what is left of it after `grace` or when we are told
    /// to end once more.
    fn end(&self, seen: &mut Seen, grace: Duration) {
        let interrupts = seen.interrupts;
        self.signal(Signal::TERM);
        // A stopped process (Ctrl-Z, or a read from a terminal it may not read) acts on SIGTERM
        // only after it was continued.
        self.signal(Signal::CONT);
        let patience = Instant::now().checked_add(grace);
        self.wait(seen, patience, |seen| seen.quiet() || seen.interrupts > interrupts.max(1));
        self.signal(Signal::KILL);
        self.wait(seen, Instant::now().checked_add(LINGER), Seen::quiet);
        if !seen.ended {
            self.wait(seen, Instant::now().checked_add(GRACE), |seen| seen.ended);
        }
    }

    fn signal(&self, signal: Signal) {
        // The group may be empty by now; and on macOS a zombie leader alone gives EPERM.
        let _ = kill_process_group(self.leader, signal);
    }

    /// Takes events until `enough` or `until`; whether it was enough.
    fn wait(&self, seen: &mut Seen, until: Option<Instant>, enough: impl Fn(&Seen) -> bool) -> bool {
        while !enough(seen) {
            let event = match until {
                Some(until) => self.events.recv_timeout(until.saturating_duration_since(Instant::now())),
                None => self.events.recv().map_err(RecvTimeoutError::from),
            };
            match event {
                Ok(Event::Ended) => seen.ended = true,
                Ok(Event::Closed) => seen.closed += 1,
                Ok(Event::Interrupted(signal)) => {
                    seen.interrupted.get_or_insert(signal);
                    seen.interrupts += 1;
                }
                Err(_) => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;
