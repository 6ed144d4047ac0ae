use super::*;
use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use rustix::process::kill_process;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

const LONG: Duration = Duration::from_secs(600);

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

fn run_shell(script: &str, input: Input, output: usize) -> Finished {
    run_under(&Registry::new(), shell(script), input, Limits { timeout: LONG, output }).unwrap()
}

fn text(captured: &Captured) -> &str {
    assert_eq!(captured.omitted, 0);
    str::from_utf8(&captured.head).unwrap()
}

/// A FIFO that a child and all its descendants hold open: its end of file is their end.
struct Fifo {
    directory: tempfile::TempDir,
    reader: File,
}

impl Fifo {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        // Without NONBLOCK it would wait here for its first writer.
        let reader = open(&path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
        fcntl_setfl(&reader, OFlags::empty()).unwrap();
        Self { directory, reader: File::from(reader) }
    }

    fn command(&self, script: &str) -> Command {
        let mut command = shell(&format!("exec 9>fifo; {script}"));
        command.current_dir(self.directory.path());
        command
    }

    /// Returns when the last one who held it open has ended.
    fn wait_for_the_end(mut self) {
        self.reader.read_to_end(&mut Vec::new()).unwrap();
    }
}

#[test]
fn how_a_child_ended_is_told() {
    #[track_caller]
    fn case(script: &str, exit: Exit, words: &str) {
        let finished = run_shell(script, Input::Null, 100);
        assert_eq!(finished.exit, exit);
        assert_eq!(exit.to_string(), words);
        assert_eq!((text(&finished.stdout), text(&finished.stderr)), ("out\n", "err\n"));
    }
    case("echo out; echo err >&2", Exit::Success, "exit status 0");
    case("echo out; echo err >&2; exit 3", Exit::Code(3), "exit status 3");
    case("echo out; echo err >&2; kill -9 $$", Exit::Signal(9), "killed by signal 9");
    assert_eq!(Exit::TimedOut(Duration::from_secs(3600)).to_string(), "no end within 3600 s");
    assert_eq!(Exit::TimedOut(Duration::from_millis(1500)).to_string(), "no end within 1.5 s");
}

#[test]
fn input_reaches_the_child_and_ends() {
    let input = "0123456789".repeat(100_000);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input.as_bytes()).unwrap();
    file.rewind().unwrap();
    let finished = run_shell("cat", Input::File(file), 2_000_000);
    assert_eq!(finished.exit, Exit::Success);
    assert_eq!(text(&finished.stdout), input);
    assert_eq!(text(&run_shell("cat; echo end", Input::Null, 100).stdout), "end\n");
}

#[test]
fn a_child_is_not_told_of_the_pipes_end_by_an_ignored_signal() {
    // Rust ignores SIGPIPE; a child that inherited this would print errors instead of ending.
    let finished = run_shell("yes | head -n 1; echo end", Input::Null, 100);
    assert_eq!((text(&finished.stdout), text(&finished.stderr)), ("y\nend\n", ""));
}

#[test]
fn memory_stays_bounded_whatever_is_printed() {
    let finished = run_shell("echo first; yes | head -c 300000000; echo last", Input::Null, 1000);
    assert_eq!(finished.exit, Exit::Success);
    assert_eq!((finished.stdout.head.len(), finished.stdout.tail.len()), (500, 500));
    assert_eq!(finished.stdout.printed(), 300_000_011);
    assert!(finished.stdout.head.starts_with(b"first\ny\n"));
    assert!(finished.stdout.tail.ends_with(b"y\nlast\n"));
}

#[test]
fn a_timeout_ends_the_whole_group() {
    let fifo = Fifo::new();
    let command = fifo.command("echo begun; (sleep 600; :) & sleep 600");
    let limits = Limits { timeout: Duration::from_secs(1), output: 100 };
    let finished = run_under(&Registry::new(), command, Input::Null, limits).unwrap();
    assert_eq!(finished.exit, Exit::TimedOut(limits.timeout));
    fifo.wait_for_the_end();
}

#[test]
fn a_stopped_child_times_out_as_well() {
    let fifo = Fifo::new();
    let limits = Limits { timeout: Duration::from_millis(200), output: 100 };
    let finished = run_under(&Registry::new(), fifo.command("kill -STOP $$"), Input::Null, limits).unwrap();
    assert_eq!(finished.exit, Exit::TimedOut(limits.timeout));
    fifo.wait_for_the_end();
}

/// Runs a script, and delivers a signal after each of the first `signals` lines it writes to the FIFO.
fn interrupt(script: &str, signals: usize) -> Finished {
    let fifo = Fifo::new();
    let (registry, command) = (Registry::new(), fifo.command(script));
    let limits = Limits { timeout: LONG, output: 100 };
    // Held open for writing here as well, so that no end of file comes before the child opens it.
    let writer = File::options().write(true).open(fifo.directory.path().join("fifo")).unwrap();
    let finished = thread::scope(|scope| {
        let run = scope.spawn(|| run_under(&registry, command, Input::Null, limits).unwrap());
        for _ in 0..signals {
            (&fifo.reader).read_exact(&mut [0; 2]).unwrap();
            registry.deliver(15);
        }
        run.join().unwrap()
    });
    drop(writer);
    fifo.wait_for_the_end();
    finished
}

#[test]
fn an_interrupted_child_may_end_in_its_own_way() {
    let script = "trap 'echo cleaned; exit 7' TERM; echo s >&9; while :; do :; done";
    let finished = interrupt(script, 1);
    assert_eq!((finished.exit, text(&finished.stdout)), (Exit::Interrupted(15), "cleaned\n"));
}

#[test]
fn a_second_interruption_kills_at_once() {
    let script = "(trap '' TERM; exec sleep 600) & trap 'echo s >&9' TERM; echo s >&9; while :; do wait; done";
    assert_eq!(interrupt(script, 2).exit, Exit::Interrupted(15));
}

#[test]
fn a_grandchild_that_keeps_a_pipe_open_is_not_waited_for() {
    let fifo = Fifo::new();
    let limits = Limits { timeout: LONG, output: 100 };
    let finished = run_under(&Registry::new(), fifo.command("sleep 600 & echo out"), Input::Null, limits).unwrap();
    assert_eq!((finished.exit, text(&finished.stdout)), (Exit::Success, "out\n"));
    fifo.wait_for_the_end();
}

#[test]
fn a_daemon_that_left_the_group_is_neither_waited_for_nor_ended() {
    let finished = run_shell("setsid sleep 600 & echo $!", Input::Null, 100);
    assert_eq!(finished.exit, Exit::Success);
    let daemon = Pid::from_raw(text(&finished.stdout).trim().parse().unwrap()).unwrap();
    kill_process(daemon, Signal::KILL).unwrap();
}

#[test]
fn nothing_is_started_after_an_interruption() {
    let registry = Registry::new();
    registry.deliver(2);
    let limits = Limits { timeout: LONG, output: 100 };
    let finished = run_under(&registry, Command::new("/no/such/program"), Input::Null, limits).unwrap();
    assert_eq!(finished.exit, Exit::Interrupted(2));
}

#[test]
fn descriptors_are_not_inherited() {
    let file = File::open("/dev/null").unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&file);
    let script = format!("if ( : <&{number} ) 2>/dev/null; then echo inherited; else echo closed; fi");
    assert_eq!(text(&run_shell(&script, Input::Null, 100).stdout), "closed\n");
}

#[test]
fn a_program_that_cannot_be_started_is_described() {
    #[track_caller]
    fn case(program: &Path, message: &str) {
        let limits = Limits { timeout: LONG, output: 100 };
        let error = run(Command::new(program), Input::Null, limits).unwrap_err();
        let (said, hint) = describe_spawn_error(program.as_os_str(), &error);
        assert_eq!(said.replace(&*program.parent().unwrap().to_string_lossy(), ""), message);
        assert!(!hint.is_empty());
    }
    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("plain");
    std::fs::write(&plain, "text").unwrap();
    case(Path::new("no-such-program-anywhere"), "`no-such-program-anywhere` was not found on PATH");
    case(&directory.path().join("missing"), "`/missing` does not exist");
    case(&plain, "`/plain` may not be executed");
    std::fs::set_permissions(&plain, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    case(&plain, "`/plain` is not a program of this system");
}

#[test]
fn the_last_words_are_told() {
    #[track_caller]
    fn case(stdout: &str, stderr: &str, expected: Option<&str>) {
        let (stdout, stderr) = (Captured::from(stdout.as_bytes()), Captured::from(stderr.as_bytes()));
        assert_eq!(Finished { exit: Exit::Code(1), stdout, stderr }.last_line(5).as_deref(), expected);
    }
    case("", "", None);
    case("out\n", "", Some("out"));
    case("out\n", "one\n two \n\n", Some("two"));
    case("out\n", " \n", Some("out"));
    case("one two\n", "", Some("one t"));
}
