//! What a run of our program costs: its time, and its memory at the most.

use crate::environment::Output;
use crate::upstream::Fork;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The memory that one poll may take, whatever servers do, in MiB.
pub const MOST_MEMORY: u64 = 300;

/// A run that has ended.
pub struct Measured {
    pub output: Output,
    pub took: Duration,
    /// The most memory that our own process had at a time, in MiB.
    pub peak: u64,
    /// The most memory that the programs it started had at a time, all together, in MiB.
    pub children: u64,
}

impl Measured {
    /// Checks the memory, and tells what was measured: numbers that a change should not move unseen.
    #[track_caller]
    pub fn within(self, what: &str) -> Self {
        let Self { took, peak, children, .. } = &self;
        let told = format!("measured: {what}: {peak} MiB, children {children} MiB, {:.1} s\n", took.as_secs_f64());
        let _ = std::io::stdout().write_all(told.as_bytes());
        assert!(*peak > 0, "nothing was measured");
        assert!(*peak < MOST_MEMORY, "{what}: {peak} MiB");
        self
    }
}

/// Runs our program in the fork and watches it.
#[track_caller]
pub fn measured(fork: &Fork, args: &[&str]) -> Measured {
    let (mut stdout, mut stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_patch"));
    command.args(args).env_clear().envs(fork.environment.variables()).current_dir(fork.environment.path("fork"));
    command.stdin(Stdio::null()).stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    let (mut peak, mut children) = (0, 0);
    let status = loop {
        // The kernel keeps the peak itself; what is asked often enough is only its last value.
        peak = peak.max(status_field(child.id(), "VmHWM:"));
        children = children.max(below(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(2));
    };
    let took = started.elapsed();
    let text = |file: &mut File| {
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).replace(fork.environment.root().to_str().unwrap(), "$TEMP")
    };
    let output = Output {
        status: status.code().unwrap_or_else(|| 128 + status.signal().unwrap()),
        stdout: text(&mut stdout),
        stderr: text(&mut stderr),
    };
    Measured { output: fork.shown(&output), took, peak: peak / 1024, children: children / 1024 }
}

/// A field of proc(5)'s `status`, in KiB; 0 for a process that has ended.
fn status_field(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

/// What the descendants of a process have now, in KiB.
fn below(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> =
        children.flat_map(|list| list.split(' ').filter_map(|it| it.parse().ok()).collect::<Vec<_>>()).collect();
    children.into_iter().map(|child| status_field(child, "VmRSS:") + below(child)).sum()
}
