//! The committed completion scripts, loaded by the shells that they are for.

use crate::environment::{Environment, is_installed};
use std::path::Path;

fn scripts() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/completions"))
}

/// A checkout to complete in, with the committed scripts beside it and our program on PATH.
fn shell_environment() -> Environment {
    let environment = Environment::new().in_front().env("SCRIPTS", scripts());
    environment.write("work/main.c", "");
    environment.write("work/fix.diff", "");
    environment
}

/// Lines that a shell is typed to, and what it makes of them.
const COMPLETED: &[(&str, &str)] = &[
    ("patch po", "poll"),
    ("patch watch rem", "remove"),
    ("patch -C . --color ne", "never"),
    // the patch utility's
    ("patch -p1 -i fi", "fix.diff"),
    ("patch ma", "main.c"),
];

#[test]
fn bash_completes() {
    if !is_installed("bash") {
        return;
    }
    let environment = shell_environment();
    let script = r#"
        . "$SCRIPTS/patch.bash"
        set -- $LINE
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9
        complete -p patch > /dev/null || exit
        _clap_complete_patch patch "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
        echo "${COMPREPLY[*]}""#;
    for (line, expected) in COMPLETED {
        let bash = environment.run("bash", &["--norc", "-c", script]).env("LINE", line).in_dir("work").run();
        assert_eq!((bash.status, bash.stdout.trim(), bash.stderr.as_str()), (0, *expected, ""), "{line}");
    }
}

#[test]
fn fish_completes() {
    if !is_installed("fish") {
        return;
    }
    let environment = shell_environment();
    let script = "source $SCRIPTS/patch.fish; complete -C $LINE";
    for (line, expected) in COMPLETED {
        let fish = environment.run("fish", &["--no-config", "-c", script]).env("LINE", line).in_dir("work").success();
        let values: Vec<_> = fish.stdout.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(values, [*expected], "{line}: {fish}");
    }
}

/// Zsh completes at its prompt only, so it gets a terminal, and the line is typed.
#[test]
fn zsh_completes() {
    if !is_installed("zsh") || !is_installed("script") {
        return;
    }
    for load in ["source $SCRIPTS/_patch", "true"] {
        let environment = shell_environment();
        let rc = format!(
            "fpath=($SCRIPTS $fpath); autoload -Uz compinit; compinit -u -D; {load}\n\
             preexec() {{ print -r -- $1 > $OUT; exit }}\n"
        );
        environment.write("home/.zshrc", &rc);
        let out = environment.path("out");
        for (line, expected) in COMPLETED {
            let shell = environment.run("script", &["-qec", "zsh -i", "/dev/null"]).env("OUT", &out).in_dir("work");
            let screen = shell.stdin(format!("{line}\t\n")).run();
            assert_eq!(screen.status, 0, "{screen}");
            let completed = environment.read("out");
            assert_eq!(completed.trim().rsplit(' ').next(), Some(*expected), "{line}: {completed} {screen}");
        }
    }
}

/// Elvish has its completers at its prompt only, so it gets a terminal.
#[test]
fn elvish_completes() {
    if !is_installed("elvish") || !is_installed("script") {
        return;
    }
    let environment = shell_environment();
    for (line, expected) in COMPLETED {
        let words = line;
        let rc = format!(
            "eval (slurp < $E:SCRIPTS/patch.elv)\n\
             $edit:completion:arg-completer[patch] {words} > $E:OUT\n\
             exit\n"
        );
        environment.write("rc.elv", &rc);
        let out = environment.path("out");
        let call = "elvish -rc ../rc.elv";
        let screen = environment.run("script", &["-qec", call, "/dev/null"]).env("OUT", &out).in_dir("work").success();
        assert_eq!(environment.read("out").trim(), *expected, "{line}: {screen}");
    }
}

/// PowerShell is not packaged for most of our systems, so it is tried only where it happens to be.
#[test]
fn powershell_completes_where_it_is() {
    let environment = shell_environment();
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|folder| folder.join("pwsh").is_file()) {
        return;
    }
    let script = ". $env:SCRIPTS/_patch.ps1; \
                  (TabExpansion2 'patch po' 8).CompletionMatches.CompletionText";
    let shell = environment.run("pwsh", &["-NoProfile", "-Command", script]).success();
    assert_eq!(shell.stdout.trim(), "poll");
}

#[test]
fn the_program_prints_the_script_for_the_name_it_is_called_by() {
    let environment = shell_environment();
    environment.link("front/patch-moi");
    let printed = |call: &str| environment.run("/bin/sh", &["-c", call]).success().stdout;
    let committed = std::fs::read_to_string(scripts().join("patch.bash")).unwrap();
    assert_eq!(printed("COMPLETE=bash patch").trim(), committed.trim());
    let other = printed("COMPLETE=/bin/bash patch-moi");
    assert!(other.contains("-F _clap_complete_patch patch-moi\n"), "{other}");
    // under that name there is no patch utility to complete for
    let call = "COMPLETE=fish patch-moi -- patch-moi ma";
    assert_eq!(environment.run("/bin/sh", &["-c", call]).in_dir("work").success().stdout, "");
}
