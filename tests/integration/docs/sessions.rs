//! The commands of tutorials and of some guides are run, in their order, and print what the pages say.
//!
//! A block inside a comment of the page is run and not shown: what others do, and what was there before.

use super::{Block, blocks, compare, normal, read, with_blocks};
use crate::environment::Environment;
use patch_moi::time::Timestamp;
use std::fmt::Write;
use std::time::Duration;

/// Precedes the output of a command, so that one shell can run them all.
const MARK: &str = "\u{1}";

/// A command and the output that the page shows for it.
struct Step {
    command: String,
    output: Vec<String>,
}

/// `$ ` begins a command, `> ` continues it, the rest is its output.
fn steps(block: &Block<'_>) -> Vec<Step> {
    if block.language == "sh" {
        return vec![Step { command: block.lines.join("\n"), output: Vec::new() }];
    }
    let mut steps: Vec<Step> = Vec::new();
    for line in &block.lines {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), output: Vec::new() });
        } else {
            let step = steps.last_mut().unwrap_or_else(|| panic!("output before a command: {line}"));
            match line.strip_prefix("> ").filter(|_| step.output.is_empty()) {
                Some(more) => write!(step.command, "\n{more}").unwrap(),
                None => step.output.push((*line).to_owned()),
            }
        }
    }
    steps
}

/// What each of the commands prints on both streams, run one after the other by one shell.
///
/// The clock moves on by a second a command. A command that fails must be followed by one that
/// asks for its exit status.
fn outputs(environment: &Environment, commands: &[&str]) -> Vec<Vec<String>> {
    let start: Timestamp = crate::environment::NOW.parse().unwrap();
    let mut script = "exec 2>&1\nstatus=0\n".to_owned();
    for (index, command) in commands.iter().enumerate() {
        let now = start.after(Duration::from_secs(index as u64));
        let asks = if command.contains("$?") { "" } else { "[ $status = 0 ] || exit 99\n" };
        write!(script, "{asks}printf '{MARK}\\n'\nexport PATCH_NOW={now}\n(exit $status)\n{command}\nstatus=$?\n")
            .unwrap();
        for name in ["AUTHOR", "COMMITTER"] {
            script = script.replace(&format!("PATCH_NOW={now}\n"), &format!("PATCH_NOW={now} GIT_{name}_DATE={now}\n"));
        }
    }
    script.push_str("exit $status\n");
    let script = environment.write("session.sh", &script);
    let output = environment.run("sh", &[script.to_str().unwrap()]).in_dir("home").run();
    let shown: Vec<_> = output.stdout.split(&format!("{MARK}\n")).skip(1).map(normal).collect();
    assert!(output.status == 0 && shown.len() == commands.len(), "after `{}`: {output}", commands[shown.len() - 1]);
    shown.iter().map(|text| text.lines().map(str::to_owned).collect()).collect()
}

#[track_caller]
fn case(path: &str) {
    let text = read(path);
    let blocks: Vec<_> = blocks(&text).into_iter().filter(|block| matches!(block.language, "console" | "sh")).collect();
    let steps: Vec<_> = blocks.iter().map(steps).collect();
    let commands: Vec<_> = steps.iter().flatten().map(|step| step.command.as_str()).collect();
    let environment = Environment::new().in_front();
    let mut outputs = outputs(&environment, &commands).into_iter();
    let mut replaced = Vec::new();
    for (block, steps) in blocks.into_iter().zip(steps) {
        let lines = if block.language == "sh" {
            assert_eq!(outputs.next().unwrap(), Vec::<String>::new(), "{path}: a block of `sh` prints something");
            block.lines.iter().map(|line| (*line).to_owned()).collect()
        } else {
            let shown = |step: Step| {
                let command = format!("$ {}", step.command.replace('\n', "\n> "));
                let output = outputs.next().unwrap();
                command.lines().map(str::to_owned).collect::<Vec<_>>().into_iter().chain(output)
            };
            steps.into_iter().flat_map(shown).collect()
        };
        replaced.push((block, lines));
    }
    compare(path, &with_blocks(&text, &replaced));
}

#[test]
fn the_first_tutorial_can_be_followed() {
    case("docs/tutorials/watch-a-release.md");
}

#[test]
fn the_second_tutorial_can_be_followed() {
    case("docs/tutorials/dispatch-a-flow.md");
}

#[test]
fn the_third_tutorial_can_be_followed() {
    case("docs/tutorials/carry-a-stack.md");
}

#[test]
fn the_guide_on_review_can_be_followed() {
    case("docs/guides/review-and-land.md");
}

#[test]
fn the_guide_on_channels_can_be_followed() {
    case("docs/guides/two-channels.md");
}

#[test]
fn the_readme_shows_a_rehearsal() {
    #[track_caller]
    fn case(comment: &str, args: &[&str]) {
        let readme = read("README.md");
        let block = blocks(&readme).into_iter().find(|block| block.comment == Some(comment)).unwrap();
        let shown = Environment::new().in_front().patch(args).success().stdout;
        assert!(shown.contains(&block.lines.join("\n")), "{shown}");
    }
    case("from a rehearsal", &["rehearse"]);
    case("from a rehearsal with a conflict", &["rehearse", "--conflict"]);
}

#[test]
fn the_readme_has_the_commands_that_a_newcomer_runs() {
    let readme = read("README.md");
    for command in ["cargo run --release -- rehearse", "cargo test"] {
        let found = blocks(&readme).iter().any(|block| block.lines == [command]);
        assert!(found, "`{command}` does not stand alone");
    }
}
