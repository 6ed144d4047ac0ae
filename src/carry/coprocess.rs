//! A long-lived `git` helper that answers one request after another.
//!
//! Starting a process costs as much as merging a patch; 250 patches are 250 requests to one process.
//! A helper leads a process group of its own and ends with the value; while it is asked something, a
//! signal that tells us to end reaches it first, as it does any child ([`crate::child`]).

use crate::{
    git::GitError,
    signals::{self, Registration},
};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

/// How long a helper that was told to end may take until it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A running helper.
#[derive(Debug)]
pub struct Coprocess {
    task: &'static str,
    timeout: Duration,
    child: Child,
    stdin: Option<ChildStdin>,
    events: Receiver<Event>,
    sender: Sender<Event>,
    unread: Vec<u8>,
    /// Whether its output was seen to end.
    closed: bool,
}

#[derive(Debug)]
enum Event {
    Bytes(Vec<u8>),
    Closed,
    Interrupted(i32),
}

/// How far an answer is: its length, or that more bytes are needed.
pub type Parsed<T> = Result<Option<(T, usize)>, String>;

impl Coprocess {
    /// Starts a helper; each answer may take `timeout`. Its standard error is thrown away.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(mut command: Command, task: &'static str, timeout: Duration) -> Result<Self, GitError> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn().map_err(|error| GitError::from_spawn(task, &error))?;
        let (sender, events) = mpsc::channel();
        let stdin = child.stdin.take();
        if let Some(stdout) = child.stdout.take() {
            let sender = sender.clone();
            thread::spawn(move || read(stdout, &sender));
        }
        Ok(Self { task, timeout, child, stdin, events, sender, unread: Vec::new(), closed: false })
    }

    /// Sends a request and reads its answer, of which `parse` says where it ends.
    ///
    /// # Errors
    /// If the helper has ended, takes too long, or says what `parse` does not understand.
    ///
    /// # Panics
    /// Never: its standard input is open until it is dropped.
    pub fn ask<T>(&mut self, request: &[u8], mut parse: impl FnMut(&[u8]) -> Parsed<T>) -> Result<T, GitError> {
        let _registration = self.enter()?;
        let stdin = self.stdin.as_mut().expect("it is open until the helper is dropped");
        if stdin.write_all(request).and_then(|()| stdin.flush()).is_err() {
            return Err(self.died());
        }
        let deadline = Instant::now() + self.timeout;
        let mut tried = usize::MAX;
        loop {
            if tried != self.unread.len() {
                tried = self.unread.len();
                let parsed = parse(&self.unread);
                let unreadable = |reason| GitError::Unreadable { task: self.task, reason };
                if let Some((answer, length)) = parsed.map_err(unreadable)? {
                    self.unread.drain(..length);
                    return Ok(answer);
                }
            }
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Event::Bytes(bytes)) => self.unread.extend(bytes),
                Ok(Event::Interrupted(signal)) => return Err(GitError::Interrupted { task: self.task, signal }),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(GitError::Timeout { task: self.task, after: self.timeout });
                }
                Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => {
                    self.closed = true;
                    return Err(self.died());
                }
            }
        }
    }

    fn enter(&self) -> Result<Registration<'static>, GitError> {
        let sender = self.sender.clone();
        let entered = signals::registry().enter(move |signal| drop(sender.send(Event::Interrupted(signal))));
        entered.map_err(|signal| GitError::Interrupted { task: self.task, signal })
    }

    fn died(&self) -> GitError {
        let reason = "it ended before it had answered".to_owned();
        GitError::Unreadable { task: self.task, reason }
    }
}

fn read(mut stdout: impl Read, sender: &Sender<Event>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stdout.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => drop(sender.send(Event::Bytes(buffer[..count].to_vec()))),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    drop(sender.send(Event::Closed));
}

impl Drop for Coprocess {
    fn drop(&mut self) {
        // At the end of its input it ends by itself, but not while it still works or fetches.
        drop(self.stdin.take());
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::TERM);
        let deadline = Instant::now() + GRACE;
        let patience = || deadline.saturating_duration_since(Instant::now());
        while !self.closed
            && matches!(self.events.recv_timeout(patience()), Ok(Event::Bytes(_) | Event::Interrupted(_)))
        {}
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Duration) -> Coprocess {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Coprocess::start(command, "test", timeout).unwrap()
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is what a parser gives")]
    fn line(bytes: &[u8]) -> Parsed<String> {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        Ok(end.map(|end| (String::from_utf8_lossy(&bytes[..end]).into_owned(), end + 1)))
    }

    #[test]
    fn requests_are_answered_one_by_one() {
        let mut helper = shell("while read -r x; do echo \"[$x]\"; done", Duration::from_secs(60));
        assert_eq!(helper.ask(b"one\n", line).unwrap(), "[one]");
        assert_eq!(helper.ask(b"two\n", line).unwrap(), "[two]");
    }

    #[test]
    fn a_helper_that_ends_or_says_nothing_is_an_error() {
        assert!(matches!(shell("exit", Duration::from_secs(60)).ask(b"x\n", line), Err(GitError::Unreadable { .. })));
        let mut silent = shell("exec 3>&1; exec cat > /dev/null", Duration::from_millis(1));
        assert!(matches!(silent.ask(b"x\n", line), Err(GitError::Timeout { .. })));
    }

    #[test]
    fn a_helper_is_ended_with_its_value() {
        let mut helper = shell("echo $$; exec sleep 600", Duration::from_secs(60));
        let pid = helper.ask(b"", line).unwrap().parse::<i32>().unwrap();
        drop(helper);
        let pid = Pid::from_raw(pid).unwrap();
        assert_eq!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH));
    }
}
