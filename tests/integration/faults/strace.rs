//! What `strace` tells of a run, and what it is told to do to one.

use std::collections::HashMap;
use std::fmt;

/// A system call that a process makes, in its main thread or in the one that locks.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which process: `patch`, or what the shim calls it.
    pub role: String,
    /// The call's name.
    pub name: String,
    /// Which of the process's calls of this name it is, from 1.
    pub nth: usize,
    /// The line that shows it.
    pub line: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} #{}: {}", self.role, self.name, self.nth, self.line)
    }
}

/// The calls of a trace, those that can be hit one by one and those of other threads and unborn children.
///
/// `strace` counts the calls of each name and each thread for itself, and so does `nth`.
pub fn calls(role: &str, trace: &str) -> (Vec<Call>, Vec<Call>) {
    let main = trace.split_whitespace().next().unwrap_or_default();
    let mut counts = HashMap::new();
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for (thread, text) in trace.lines().filter_map(|line| line.split_once(' ')) {
        let text = text.trim_start();
        let Some((name, _)) = text.split_once('(') else { continue };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let nth = counts.entry((thread.to_owned(), name.to_owned())).or_insert(0);
        *nth += 1;
        let call = Call { role: role.to_owned(), name: name.to_owned(), nth: *nth, line: text.to_owned() };
        if is_hit(&call.name, thread, main) { &mut own } else { &mut others }.push(call);
    }
    (own, others)
}

/// The lines of a trace, with those calls whole that another thread's interrupted, where they ended.
pub fn whole_lines(trace: &str) -> Vec<String> {
    let mut begun: HashMap<&str, String> = HashMap::new();
    let mut lines = Vec::new();
    for line in trace.lines() {
        let thread = line.split_whitespace().next().unwrap_or_default();
        let resumed = line.split_once("<... ").and_then(|(_, rest)| rest.split_once(" resumed>"));
        if let Some(beginning) = line.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, beginning.to_owned());
        } else if let Some((beginning, (_, end))) = resumed.and_then(|end| Some((begun.remove(thread)?, end))) {
            lines.push(beginning + end);
        } else {
            lines.push(line.to_owned());
        }
    }
    // What never ended was the last thing that its thread did.
    lines.extend(begun.into_values());
    lines
}

#[test]
fn interrupted_calls_are_put_together() {
    let trace = "1 execve(\"a\" <unfinished ...>\n2 write(1, \"x\") = 1\n1 <... execve resumed>) = 0\n2 fsync(3 <unfinished ...>";
    assert_eq!(whole_lines(trace), ["2 write(1, \"x\") = 1", "1 execve(\"a\") = 0", "2 fsync(3"]);
}

/// Whether a call of this name in this thread is the only one of its name and number.
///
/// `patch` has a thread that makes all its calls of `flock`, and no other.
fn is_hit(name: &str, thread: &str, main: &str) -> bool {
    thread == main || name == "flock"
}

/// Whether the call changes something outside the process: files, other processes, the network.
pub fn is_write_like(call: &Call) -> bool {
    match call.name.as_str() {
        "openat" | "open" | "openat2" => call.line.contains("O_CREAT") || call.line.contains("O_TRUNC"),
        "creat" | "write" | "pwrite64" | "writev" | "pwritev" | "pwritev2" | "copy_file_range" | "sendfile"
        | "fallocate" | "fsync" | "fdatasync" | "sync_file_range" | "rename" | "renameat" | "renameat2" | "link"
        | "linkat" | "symlink" | "symlinkat" | "unlink" | "unlinkat" | "mkdir" | "mkdirat" | "rmdir" | "truncate"
        | "ftruncate" | "chmod" | "fchmod" | "fchmodat" | "utimensat" | "flock" | "sendto" | "sendmsg" | "sendmmsg"
        | "connect" | "shutdown" | "clone" | "clone3" | "fork" | "vfork" | "kill" => true,
        // Only what was written to: the shell and Git close much that they never used.
        "close" => {
            [".jsonl>", ".new>", ".lock>", ".input>", "/tmp_obj", "/tmp_object"].iter().any(|it| call.line.contains(it))
        }
        _ => false,
    }
}

/// The errors that the call may well end with.
pub fn errors(call: &Call) -> &'static [&'static str] {
    match call.name.as_str() {
        "openat" if call.line.contains("O_CREAT") => &["ENOSPC", "EMFILE", "EACCES", "EIO"],
        "openat" => &["EMFILE", "EACCES", "EIO", "EINTR"],
        "write" | "pwrite64" | "writev" if call.line[call.name.len()..].starts_with("(1<") => {
            &["EPIPE", "ENOSPC", "EAGAIN"]
        }
        "write" | "pwrite64" | "writev" => &["ENOSPC", "EIO", "EINTR", "EPIPE"],
        "fsync" | "fdatasync" => &["EIO", "ENOSPC"],
        "rename" | "renameat" | "renameat2" | "link" | "linkat" => &["EIO", "ENOSPC", "EACCES"],
        "mkdir" | "mkdirat" => &["ENOSPC", "EACCES", "EIO"],
        "flock" => &["ENOLCK", "EIO", "EINTR"],
        "clone" | "clone3" | "vfork" | "fork" => &["EAGAIN"],
        "read" | "pread64" => &["EIO", "EINTR"],
        "unlink" | "unlinkat" | "chmod" | "fchmod" | "getdents64" | "ftruncate" | "statx" | "fstat" | "newfstatat"
        | "stat" | "lstat" | "readlink" => &["EIO", "EACCES"],
        "fcntl" if call.line.contains("F_DUPFD") => &["EMFILE"],
        "pipe" | "pipe2" | "socket" | "socketpair" | "eventfd2" | "epoll_create1" | "dup" | "dup3" => &["EMFILE"],
        "connect" => &["EACCES", "EAGAIN", "EINTR"],
        "sendto" | "sendmsg" | "sendmmsg" => &["EPIPE", "EIO", "EINTR", "EAGAIN"],
        "recvfrom" | "recvmsg" => &["EIO", "EINTR", "EAGAIN"],
        _ => &[],
    }
}

/// What is to happen to a call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Its process is killed instead.
    Kill,
    /// It fails so.
    Error(&'static str),
}

/// The arguments that have it happen to this call, and to that of other threads of the process if they get
/// as far.
pub fn injection(call: &Call, fault: &Fault) -> String {
    let Call { name, nth, .. } = call;
    let what = match fault {
        Fault::Kill => "signal=KILL".to_owned(),
        Fault::Error(error) => format!("error={error}"),
    };
    // The trace begins with the process's own execve, which tells its main thread.
    format!("-e trace=execve,{name} -e inject={name}:{what}:when={nth}")
}

/// Whether the trace shows that it happened to the call of this number.
pub fn has_happened(call: &Call, fault: &Fault, trace: &str) -> bool {
    let main = trace.split_whitespace().next().unwrap_or_default();
    let (own, _) = calls(&call.role, trace);
    let reached = own.iter().filter(|it| it.name == call.name).count();
    let of_main = |line: &&str| line.split_whitespace().next() == Some(main);
    let of_call = |line: &&str| is_hit(&call.name, line.split_whitespace().next().unwrap_or_default(), main);
    match fault {
        Fault::Kill => {
            reached == call.nth
                && trace.lines().any(|line| of_main(&line) && line.ends_with("+++ killed by SIGKILL +++"))
        }
        Fault::Error(error) => {
            reached >= call.nth
                && trace.lines().filter(of_call).any(|line| line.contains(error) && line.ends_with("(INJECTED)"))
        }
    }
}
