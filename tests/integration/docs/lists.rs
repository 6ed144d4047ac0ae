//! What the reference lists is what the program has: no more, no less.
//!
//! Where the program has no list to ask, its source is read.

use super::{file, read};
use crate::environment::Environment;
use clap::CommandFactory;
use patch_moi::cli::Cli;
use patch_moi::dispatch::result::Status;
use patch_moi::outcome::Outcome;
use patch_moi::overview::metrics::METRICS;
use patch_moi::review::state::{Evidence, ReviewState};
use std::collections::BTreeSet;

type Names = BTreeSet<String>;

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> Names {
    names.into_iter().map(str::to_owned).collect()
}

/// The code spans that begin the headings of this level in a page.
fn headings(page: &str, level: &str) -> Names {
    let text = read(page);
    let lines = text.lines().filter_map(|line| line.strip_prefix(level)?.strip_prefix(" `"));
    lines.filter_map(|line| line.split_once('`')).map(|(name, _)| name.to_owned()).collect()
}

/// The code spans in the first cells of the table below a heading.
#[track_caller]
fn table(page: &str, heading: &str) -> Names {
    let text = read(page);
    let (_, below) = text.split_once(&format!("# {heading}\n")).unwrap_or_else(|| panic!("{page}: no `{heading}`"));
    let section = below.split("\n#").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    rows.flat_map(|cell| format!("`{cell}").split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// The string literals between two words of a source file.
#[track_caller]
fn literals(source: &str, from: &str, to: &str) -> Names {
    let text = read(source);
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("{source} has no `{from}`"));
    let (part, _) = rest.split_once(to).unwrap_or_else(|| panic!("{source} has no `{to}`"));
    names(part.split('"').skip(1).step_by(2))
}

const CONFIGURATION: &str = "docs/reference/configuration.md";
const RECORDS: &str = "docs/reference/records.md";

#[test]
fn every_configuration_key_is_described_and_no_other() {
    let keys = "src/config/key.rs";
    let of_watch = literals(keys, "const WATCH_KEYS", "];");
    let shared = literals(keys, "const SHARED_KEYS", "];");
    let of_channel = literals("src/config/channel.rs", "const KEYS", "];");
    let expected: Names = of_watch
        .iter()
        .map(|key| format!("watch.<name>.{key}"))
        .chain(shared.iter().map(|key| format!("patch.{key}")))
        .chain(of_channel.iter().map(|key| format!("channel.<name>.{key}")))
        .collect();
    assert_eq!(headings(CONFIGURATION, "###"), expected);
    let later: Names = table(CONFIGURATION, "Keys of later versions");
    let refused = literals(keys, "const LATER_KEYS", "];");
    for key in refused.iter().filter(|key| key.chars().all(char::is_alphanumeric)) {
        assert!(later.iter().any(|it| it.ends_with(&format!(".{key}"))), "{key} is not in {later:?}");
    }
}

#[test]
fn every_configuration_key_is_one_that_the_program_takes() {
    let environment = Environment::new();
    environment.repository("fork");
    for heading in headings(CONFIGURATION, "###") {
        let key = heading.replace("<name>", "x");
        let run = environment.patch(&["watch", "list"]).in_dir("fork");
        let run = run.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", &key).env("GIT_CONFIG_VALUE_0", "?");
        let stderr = run.run().stderr;
        assert!(!stderr.contains("there is no such key"), "{stderr}");
    }
}

#[test]
fn every_record_kind_is_described_and_no_other() {
    let kinds = literals("src/ledger/record.rs", "pub fn kind(&self)", "Body::Unknown");
    assert_eq!(headings(RECORDS, "###"), kinds);
}

#[test]
fn every_field_of_a_record_is_described() {
    let source = read("src/ledger/record.rs");
    let text = read(RECORDS);
    let fields =
        source.lines().filter_map(|line| line.strip_prefix("    pub ").filter(|line| !line.starts_with("fn ")));
    for line in fields {
        let Some((name, _)) = line.split_once(": ") else { continue };
        let name = match name {
            "reference" => "ref".to_owned(),
            "body" => continue,
            name => camel_case(name),
        };
        assert!(text.contains(&format!("`{name}`")), "the field `{name}`");
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

#[test]
fn every_field_of_an_event_is_described() {
    let payload = literals("src/event.rs", "let fields = [", "];");
    let described = table("docs/reference/event.md", "The payload");
    assert_eq!(described, payload.into_iter().chain(["raw".to_owned()]).collect());
}

#[test]
fn every_status_is_described() {
    let all = ["skipped", "completed", "changed", "needs_intervention", "blocked", "failed", "unmatched"];
    assert_eq!(table("docs/reference/runs.md", "Statuses"), names(all));
    for status in all {
        serde_json::from_value::<Status>(status.into()).unwrap();
    }
}

#[test]
fn every_state_and_every_evidence_is_described() {
    let page = "docs/reference/review.md";
    assert_eq!(table(page, "The states"), names(ReviewState::ALL.map(ReviewState::as_str)));
    let word = |evidence: Evidence| serde_json::to_value(evidence).unwrap().as_str().unwrap().to_owned();
    assert_eq!(table(page, "The evidence"), Evidence::ALL.map(word).into());
}

#[test]
fn every_error_kind_is_described() {
    let mut kinds = names(["vanished", "missing-branch"]);
    for error in ["src/fetch/error.rs", "src/git/error.rs", "src/parse/error.rs"] {
        kinds.append(&mut literals(error, "pub fn kind(&self)", "\n    }\n\n"));
    }
    for source in ["src/intake.rs", "src/intake/record.rs", "src/intake/sight.rs"] {
        kinds.append(&mut literals_after(source, "kind: "));
    }
    // these stop a command before it looks at any watch
    kinds.remove("not-a-repository");
    assert_eq!(table("docs/guides/when-something-fails.md", "Error kinds"), kinds);
}

/// The string literals that follow these words.
fn literals_after(source: &str, words: &str) -> Names {
    let text = read(source);
    names(text.split(&format!("{words}\"")).skip(1).filter_map(|rest| rest.split('"').next()))
}

#[test]
fn every_variable_of_the_environment_is_described() {
    let described = table("docs/reference/files-and-environment.md", "Environment variables");
    let mut asked = Names::new();
    let mut folders = vec![file("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let words = code.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
            asked.extend(words.filter(|word| word.starts_with("PATCH_") && *word != "PATCH_").map(str::to_owned));
        }
    }
    assert!(asked.contains("PATCH_STATE_DIR"), "{asked:?}");
    asked.retain(|name| !name.starts_with("PATCH_TEST"));
    assert!(asked.is_subset(&described), "{:?}", asked.difference(&described).collect::<Vec<_>>());
}

#[test]
fn every_exit_status_is_described() {
    let described = table("docs/reference/exit-status.md", "The statuses");
    for outcome in [Outcome::Done, Outcome::SomeFailed, Outcome::Wrong, Outcome::PersonWanted, Outcome::Busy] {
        assert!(described.contains(&outcome.code().to_string()), "{outcome:?}");
    }
}

#[test]
fn every_metric_is_described_with_its_type_and_labels() {
    let text = read("docs/reference/metrics.md");
    let rows = text.lines().filter(|line| line.starts_with("| `patch_moi_"));
    let described: Vec<String> =
        rows.map(|row| row.split('|').skip(1).take(3).map(str::trim).collect::<Vec<_>>().join(" | ")).collect();
    let expected = METRICS.map(|metric| {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        format!("`{}` | {} | {}", metric.name, metric.kind.as_str(), labels.join(", "))
    });
    assert_eq!(described, expected);
}

#[test]
fn every_command_is_listed() {
    let listed = table("docs/reference/commands.md", "All of them");
    let mut expected = Names::new();
    let cli = Cli::command();
    for command in cli.get_subcommands() {
        let name = format!("patch {}", command.get_name());
        let below: Vec<_> = command.get_subcommands().map(|it| format!("{name} {}", it.get_name())).collect();
        expected.extend(if below.is_empty() { vec![name] } else { below });
    }
    assert_eq!(listed, expected);
}

#[test]
fn every_file_that_the_tour_names_exists() {
    let text = read("docs/design.md");
    let spans = text.split('`').skip(1).step_by(2);
    let paths: Vec<_> = spans.filter(|span| span.contains('/') && !span.contains([' ', '<', '*', '$', '~'])).collect();
    assert!(paths.len() > 50, "{paths:?}");
    let missing: Vec<_> = paths.into_iter().filter(|path| !path.starts_with("refs/") && !file(path).exists()).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn the_tour_names_every_module() {
    let text = read("docs/design.md");
    let modules = read("src/lib.rs");
    for module in modules.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        assert!(text.contains(&format!("`src/{module}.rs`")), "src/{module}.rs");
    }
}

/// Whether a test of this name, or a module of it, is in the suite: `module::name`, from the test crate on.
fn is_test(name: &str) -> bool {
    let (modules, last) = name.rsplit_once("::").unwrap_or(("", name));
    let module = modules.replace("::", "/");
    ["tests/integration", "tests/properties"].iter().any(|suite| {
        let holds = |path: String| {
            let test = format!("#[test]\nfn {last}()");
            std::fs::read_to_string(file(path)).is_ok_and(|text| text.contains(&test))
        };
        let is_module = |path: String| file(path).is_file();
        holds(format!("{suite}/{module}.rs")) || is_module(format!("{suite}/{module}/{last}.rs"))
    })
}

#[test]
fn every_promise_names_a_test() {
    let page = "docs/concepts/guarantees.md";
    let text = read(page);
    let (above, _) = text.split_once("\n## What the runner must bear").unwrap();
    let promises: Vec<&str> = above.split("\n- ").skip(1).collect();
    assert!(promises.len() > 10, "{page}");
    let names = |promise: &str| -> Vec<String> {
        let tests = promise.lines().filter_map(|line| line.strip_prefix("  - `")?.strip_suffix('`'));
        tests.map(str::to_owned).collect()
    };
    let without: Vec<&str> = promises.iter().copied().filter(|promise| names(promise).is_empty()).collect();
    assert_eq!(without, [""; 0], "{page}");
    let unknown: Vec<String> =
        promises.iter().flat_map(|promise| names(promise)).filter(|name| !is_test(name)).collect();
    assert_eq!(unknown, [""; 0], "{page}");
}
