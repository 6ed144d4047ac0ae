//! What is printed and what is not: silence, colour, closed pipes, hostile text.

use crate::environment::is_installed;
use crate::fork::Fork;
use expect_test::expect;
use std::process::{Command, Stdio};

#[test]
fn nothing_new_prints_nothing() {
    let fork = Fork::dispatching("command", "exit 0");
    for args in [&["poll"][..], &["poll", "--json"], &["poll", "--dry-run"], &["dispatch"], &["dispatch", "--dry-run"]]
    {
        fork.says_of(args).is(&expect![[r#"
            status: 0
        "#]]);
    }
}

#[test]
fn quiet_leaves_errors_and_what_was_asked_for() {
    let fork = Fork::dispatching("command", "exit 1");
    fork.release("v1.1.0");
    fork.says_of(&["--quiet", "poll"]).is(&expect![[r#"
        status: 1
        --- stdout
        up: v1.1.0 -> command: failed: exit status 1
    "#]]);
    assert!(fork.patch(&["--quiet", "status"]).run().stdout.contains("to be tried again in 5min: v1.1.0"));
    fork.says_of(&["--quiet", "show", "v9"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: there is no signal `v9`
        hint: list them with `patch log --kind signal`
    "#]]);
    fork.set("watch.bad.remote", "../no-such-repository");
    let told = fork.patch(&["--quiet", "poll"]).run();
    assert_eq!((told.status, told.stdout.as_str()), (1, ""), "{told}");
    assert!(told.stderr.starts_with("error: watch `bad`: "), "{told}");
}

/// Everything that is printed to people after one release whose run failed, in a terminal or not.
fn printed(fork: &Fork, terminal: bool, color: &str, no_color: Option<&str>) -> String {
    let mut all = String::new();
    for args in ["replay v1.1.0", "status", "log", "show v1.1.0", "show v9"] {
        let program = env!("CARGO_BIN_EXE_patch");
        let call = format!("{program} {color} {args}");
        let (shell, args) =
            if terminal { ("script", vec!["-qec", &call, "/dev/null"]) } else { ("sh", vec!["-c", &call]) };
        let run = fork.environment().run(shell, &args).in_dir("fork");
        let output = run.env("NO_COLOR", no_color.unwrap_or_default()).env("TERM", "xterm").run();
        all += &output.stdout;
        all += &output.stderr;
    }
    all
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for_or_unwanted() {
    #[track_caller]
    fn case(fork: &Fork, terminal: bool, color: &str, no_color: Option<&str>, colored: bool) {
        let text = printed(fork, terminal, color, no_color);
        assert_eq!(text.contains("\u{1b}["), colored, "{terminal} {color} {no_color:?}: {text}");
    }
    if !is_installed("script") {
        return;
    }
    let fork = Fork::dispatching("command", "exit 1");
    fork.release("v1.1.0");
    fork.patch(&["poll"]).run();
    case(&fork, false, "", None, false);
    case(&fork, true, "", None, true);
    case(&fork, true, "", Some("1"), false);
    case(&fork, true, "--color never", None, false);
    case(&fork, true, "--color always", Some("1"), true);
    case(&fork, false, "--color always", None, true);
    case(&fork, false, "--color always", Some("1"), true);
}

#[test]
fn colours_are_these() {
    let fork = Fork::dispatching("command", "exit 0");
    fork.release("v1.1.0");
    let told = fork.says_of(&["--color", "always", "poll"]);
    let escaped = told.stdout.replace('\u{1b}', "ESC");
    expect![[r#"
        ESC[1mupESC[0m: ESC[32mv1.1.0ESC[0m is new
        ESC[1mupESC[0m: v1.1.0 -> command: ESC[32mcompletedESC[0m
    "#]]
    .assert_eq(&escaped);
}

#[test]
fn json_is_never_coloured() {
    let fork = Fork::dispatching("command", "exit 0");
    fork.release("v1.1.0");
    for args in [&["poll", "--json"][..], &["status", "--json"], &["log", "--json"], &["show", "v1.1.0", "--json"]] {
        let told = fork.patch(&[&["--color", "always"], args].concat()).success().stdout;
        assert!(!told.contains('\u{1b}') && !told.is_empty(), "{told}");
        for line in told.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
}

/// Ends with status 0 and no words, whether anybody listens or not.
#[test]
fn a_closed_pipe_is_a_quiet_end_that_changes_nothing() {
    let fork = Fork::dispatching("command", "exit 0");
    fork.release("v1.1.0");
    for (args, wanted) in
        [("poll", 0), ("log", 0), ("status", 0), ("show v1.1.0", 0), ("event v1.1.0", 0), ("replay v1.1.0", 0)]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_patch"));
        command.args(args.split(' ')).env_clear().envs(fork.environment().variables());
        command.current_dir(fork.path("fork")).stdin(Stdio::null()).stdout(writer);
        let output = command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
            (Some(wanted), ""),
            "{args}"
        );
    }
    expect![[r#"
        signal new patch:up:v1.1.0:upstream.release
        dispatch patch:up:v1.1.0:upstream.release command #1
        run patch:up:v1.1.0:upstream.release command #1 completed
        request new patch:up:v1.1.0:upstream.release replay #1
        dispatch patch:up:v1.1.0:upstream.release command #2
        run patch:up:v1.1.0:upstream.release command #2 completed
    "#]]
    .assert_eq(&fork.history());
}

#[test]
fn a_closed_standard_output_or_error_changes_nothing() {
    let fork = Fork::dispatching("command", "exit 3");
    fork.set("watch.bad.remote", "../no-such-repository");
    fork.release("v1.1.0");
    let program = env!("CARGO_BIN_EXE_patch");
    let run = |call: &str| fork.environment().run("sh", &["-c", call, program]).in_dir("fork").run();
    let told = run("\"$0\" poll >&- 2>&-");
    assert_eq!((told.status, told.stdout.as_str(), told.stderr.as_str()), (1, "", ""));
    assert_eq!(run("\"$0\" status >&- 2>&-").status, 0);
    assert_eq!(fork.history().matches("dispatch ").count(), 1);
    assert!(fork.ledger().ends_with('\n'));
}

#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let fork = Fork::dispatching("command", "exit 0");
    fork.release("v1.1.0");
    let program = env!("CARGO_BIN_EXE_patch");
    let run = |call: &str| fork.environment().run("sh", &["-c", call, program]).in_dir("fork").run();
    run("\"$0\" poll > /dev/full").is(&expect![[r#"
        status: 1
        --- stderr
        error: cannot write to standard output: No space left on device (os error 28)
    "#]]);
    run("\"$0\" log > /dev/full").is(&expect![[r#"
        status: 1
        --- stderr
        error: cannot write to standard output: No space left on device (os error 28)
    "#]]);
    expect![[r#"
        signal new patch:up:v1.1.0:upstream.release
        dispatch patch:up:v1.1.0:upstream.release command #1
        run patch:up:v1.1.0:upstream.release command #1 completed
    "#]]
    .assert_eq(&fork.history());
}

#[test]
fn progress_is_shown_on_a_terminal_only() {
    let fork = Fork::new();
    for name in ["a", "b", "c"] {
        fork.environment().bare_clone("upstream", format!("{name}.git"));
        fork.set(&format!("watch.{name}.remote"), &format!("../{name}.git"));
    }
    let told = fork.patch(&["--quiet", "poll"]).run();
    assert_eq!((told.status, told.stdout.as_str(), told.stderr.as_str()), (0, "", ""));
    let told = fork.patch(&["poll"]).env("TERM", "xterm").run();
    assert_eq!((told.status, told.stdout.as_str(), told.stderr.as_str()), (0, "", ""));
    if is_installed("script") {
        let call = format!("{} --quiet poll", env!("CARGO_BIN_EXE_patch"));
        let quiet = fork.environment().run("script", &["-qec", &call, "/dev/null"]).in_dir("fork").run();
        assert_eq!((quiet.status, quiet.stdout.as_str()), (0, ""), "{quiet}");
    }
}

/// ESC, a C1 control, a right-to-left override, a bell and a carriage return.
const HOSTILE: &str = r"printf 'a\033[31mred\033]0;title\007\302\2332J\342\200\256drawkcab\rover\tok\377\n'; exit 3";

#[test]
fn what_a_run_printed_is_shown_safely() {
    let fork = Fork::dispatching("command", &format!("{{ {HOSTILE}; }} >&2"));
    fork.release("v1.1.0");
    let polled = fork.patch(&["poll"]).run();
    let safe = |text: &str| !text.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}');
    for output in [
        polled,
        fork.patch(&["show", "v1.1.0"]).run(),
        fork.patch(&["show", "v1.1.0", "--json"]).run(),
        fork.patch(&["status"]).run(),
        fork.patch(&["status", "--json"]).run(),
        fork.patch(&["log"]).run(),
        fork.patch(&["log", "--json"]).run(),
    ] {
        assert!(safe(&output.stdout) && safe(&output.stderr), "{output:?}");
    }
    fork.says_of(&["show", "v1.1.0", "--log"]).is(&expect![[r#"
        status: 0
        --- stdout
        output of attempt 1 of command:
          --- standard error
          a\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J\u{202e}drawkcab\rover	ok�
          --- exit status 3
    "#]]);
}

#[test]
fn hostile_names_are_shown_safely() {
    let fork = Fork::new();
    for name in ["no\u{1b}[31msuch", "\u{202e}v9", "a\nb", "\u{9b}2J"] {
        for command in ["show", "retry", "replay", "event"] {
            let told = fork.patch(&[command, name]).run();
            assert_eq!((told.status, told.stdout.as_str()), (2, ""), "{told:?}");
            let safe = !told.stderr.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
            assert!(safe && told.stderr.lines().count() == 2, "{told:?}");
        }
    }
}

#[test]
fn an_error_is_a_line_and_a_hint() {
    let fork = Fork::new();
    fork.environment().write("empty/file", "");
    let outside = fork.environment().patch(&["poll"]).in_dir("empty").run();
    assert_eq!((outside.status, outside.stdout.as_str()), (2, ""), "{outside}");
    assert!(outside.stderr.starts_with("error: ") && outside.stderr.contains("\nhint: "), "{outside}");
    fork.environment().git("fork", &["remote", "remove", "upstream"]);
    fork.environment().git("fork", &["config", "--remove-section", "watch.up"]);
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: there is no watch, and no remote `upstream`
        hint: make one: `patch watch add URL`, or `git remote add upstream URL`
    "#]]);
}
