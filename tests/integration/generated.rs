//! `man/` and `completions/` are what `src/cli.rs` says, and programs that read them agree.
//!
//! `UPDATE=1 cargo test generated` writes them anew.

use crate::environment::{Environment, is_installed};
use clap::{Arg, Command, CommandFactory};
use clap_complete::env::Shells;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use patch_moi::cli::Cli;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The texts of generated files by their names.
type Files = BTreeMap<String, String>;

/// The name of the page on the whole: `patch.1` is GNU patch's.
const WHOLE: &str = "patch-moi";

#[test]
fn man_pages_are_the_command_line() {
    compare("man", &man_pages());
}

#[test]
fn completions_are_the_completion_engines() {
    compare("completions", &completions());
}

/// Compares the files of a directory with these, or writes them if `UPDATE` is set.
#[track_caller]
fn compare(directory: &str, files: &Files) {
    let directory = committed(directory);
    let names = || -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(&directory).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        names.into_iter().map(|name| name.into_string().unwrap()).collect()
    };
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(&directory).unwrap();
        for stale in names().iter().filter(|name| !files.contains_key(*name)) {
            fs::remove_file(directory.join(stale)).unwrap();
        }
        for (name, text) in files {
            fs::write(directory.join(name), text).unwrap();
        }
    }
    let hint = "`UPDATE=1 cargo test generated` writes what `src/cli.rs` says now";
    assert_eq!(names(), files.keys().cloned().collect::<Vec<_>>(), "{hint}");
    for (name, text) in files {
        assert!(fs::read_to_string(directory.join(name)).unwrap() == *text, "{name} differs; {hint}");
    }
}

fn committed(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn completions() -> Files {
    let names = [
        ("bash", "patch.bash"),
        ("zsh", "_patch"),
        ("fish", "patch.fish"),
        ("elvish", "patch.elv"),
        ("powershell", "_patch.ps1"),
    ];
    let script = |shell: &str| {
        let mut script = Vec::new();
        let shell = Shells::builtins().completer(shell).unwrap().write_registration(
            "COMPLETE",
            "patch",
            "patch",
            "patch",
            &mut script,
        );
        shell.unwrap();
        lines(&String::from_utf8(script).unwrap())
    };
    let mut files: Files = names.iter().map(|(shell, file)| ((*file).to_owned(), script(shell))).collect();
    // Zsh runs a file from `fpath` as the function's first call: without this the first TAB only
    // defines the completion, and completes nothing.
    files
        .get_mut("_patch")
        .unwrap()
        .push_str("\nif [[ ${funcstack[1]} == _patch ]]; then\n    _clap_dynamic_completer_patch \"$@\"\nfi\n");
    files
}

/// `text` with no empty line at its ends and no white space at the end of any line.
fn lines(text: &str) -> String {
    let lines: Vec<_> = text.trim().lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// One page for each command, `patch-watch-add.1`, and one for the whole.
fn man_pages() -> Files {
    let mut whole = Cli::command().disable_help_subcommand(true);
    whole.build();
    let mut files = Files::new();
    add_pages(&whole, &mut files);
    files
}

fn add_pages(command: &Command, files: &mut Files) {
    let name = page_name(command);
    let (is_whole, name) = (name == "patch", if name == "patch" { WHOLE } else { &name });
    // `man` and `apropos` find the page by the name in its first sections
    let head = Man::new(command.clone().display_name(name).override_usage(usage(command)));
    let body = Man::new(command.clone().display_name(page_name(command)).subcommand_help_heading("COMMANDS"));
    let mut text = Vec::new();
    head.render_name_section(&mut text).unwrap();
    head.render_synopsis_section(&mut text).unwrap();
    body.render_description_section(&mut text).unwrap();
    body.render_options_section(&mut text).unwrap();
    if command.has_subcommands() {
        body.render_subcommands_section(&mut text).unwrap();
    }
    let sections = String::from_utf8(text).unwrap();
    let page = [title(name), tidy(&sections), after_help(command).to_roff(), see_also(command, is_whole).to_roff()];
    files.insert(format!("{name}.1"), page.concat());
    command.get_subcommands().for_each(|subcommand| add_pages(subcommand, files));
}

/// `patch-watch-add` for `patch watch add`: what `man patch watch add` looks for.
fn page_name(command: &Command) -> String {
    command.get_bin_name().unwrap_or(command.get_name()).replace(' ', "-")
}

/// The usage as `--help` has it, which names the values of options and says what is repeatable.
fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.strip_prefix("Usage: ").unwrap().trim().to_owned()
}

/// The title, without a date: the version tells more, and stays true.
fn title(name: &str) -> String {
    // roff's own apostrophe is curly, except where this string is used
    let apostrophe = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";
    let version = env!("CARGO_PKG_VERSION");
    format!("{apostrophe}.TH {} 1 \"\" \"{WHOLE} {version}\" \"patch.moi\"\n", name.to_uppercase())
}

/// Sections without the definition that each begins with, and with one space where there are two.
fn tidy(sections: &str) -> String {
    let lines: Vec<_> =
        sections.lines().filter(|line| !line.starts_with(".ie ") && !line.starts_with(".el ")).collect();
    lines.join("\n").replace("\n.br\n\n.br\n", "\n.sp\n") + "\n"
}

/// The text after the options as sections: a line that ends with a colon is a heading, an indented
/// one with wide space inside is a term and what it means.
fn after_help(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let text = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(heading) = line.strip_suffix(':').filter(|heading| !heading.starts_with(' ')) {
            roff.control("SH", [heading.to_uppercase().as_str()]);
        } else if let Some((term, meaning)) = line.trim().split_once("  ") {
            roff.control("TP", []).text([bold(term)]).text([roman(meaning.trim())]);
        } else {
            roff.text([roman(line.trim())]);
        }
    }
    roff
}

fn see_also(command: &Command, is_whole: bool) -> Roff {
    let mut pages: Vec<String> = command.get_subcommands().map(page_name).collect();
    if is_whole {
        pages.extend(["git-config".to_owned(), "patch".to_owned()]);
    } else {
        pages.push(WHOLE.to_owned());
    }
    let mut roff = Roff::new();
    let last = pages.len() - 1;
    roff.control("SH", ["SEE ALSO"]);
    for (index, page) in pages.iter().enumerate() {
        roff.text([bold(page), roman(if index == last { "(1)" } else { "(1)," })]);
    }
    roff
}

#[test]
fn man_pages_satisfy_mandoc() {
    if !is_installed("mandoc") {
        return;
    }
    let environment = Environment::new();
    for name in man_pages().keys() {
        let page = committed("man").join(name);
        let lint = environment.run("mandoc", &["-T", "lint", "-W", "warning", page.to_str().unwrap()]).run();
        let (known, found): (Vec<_>, Vec<_>) = lint.stdout.lines().partition(|line| line.contains(": missing date"));
        assert_eq!((known.len(), found), (1, Vec::new()), "{name}: {lint}");
    }
}

#[test]
fn help_is_one_line_with_a_capital_and_no_full_stop() {
    let mut whole = Cli::command();
    whole.build();
    check_help(&whole);
}

#[track_caller]
fn check_help(command: &Command) {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    check_sentence(name, &command.get_about().map(ToString::to_string).unwrap_or_default());
    for arg in command.get_arguments() {
        check_arg(name, arg);
    }
    command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help").for_each(check_help);
}

#[track_caller]
fn check_arg(command: &str, arg: &Arg) {
    let name = format!("{command} {arg}");
    check_sentence(&name, &arg.get_help().map(ToString::to_string).unwrap_or_default());
    // A word that stands for itself, such as a record's kind, needs no help.
    for value in arg.get_possible_values().into_iter().filter(|value| value.get_help().is_some()) {
        let name = format!("{name} {}", value.get_name());
        check_sentence(&name, &value.get_help().map(ToString::to_string).unwrap_or_default());
    }
    let is_built_in = ["help", "version"].contains(&arg.get_id().as_str());
    assert!(is_built_in || arg.get_long_help().is_none(), "{name}: its help has more than one paragraph");
}

#[track_caller]
fn check_sentence(name: &str, help: &str) {
    assert!(help.starts_with(char::is_uppercase), "{name}: begins with a capital: {help:?}");
    assert!(!help.ends_with('.'), "{name}: has no full stop: {help:?}");
    assert!(!help.contains('\n'), "{name}: is one line: {help:?}");
    // "Print", not "Prints": no command or option is described from outside
    let first = help.split(' ').next().unwrap();
    let outside = ["Prints", "Shows", "Lists", "Adds", "Removes", "Writes", "Takes", "Makes", "Sets", "Does", "Runs"];
    assert!(!outside.contains(&first), "{name}: is imperative: {help:?}");
}
