//! The corpora of the fuzz targets, replayed: every file through its target, in bounded memory.

use crate::targets;
use std::{env, fs, path::Path, process::Command};

/// How much memory the whole replay may take, as a poll's promise has it.
const MOST_MEMORY: u64 = 300 << 20;

/// Set for the process that replays.
const CHILD: &str = "PATCH_TEST_REPLAYS";

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 7] = [
    ("config", targets::config),
    ("feed", targets::feed),
    ("git_words", targets::git_words),
    ("http", targets::http),
    ("ledger", targets::ledger),
    ("refs", targets::refs),
    ("runner", targets::runner),
];

fn corpus() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/corpus"))
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_target_has_a_corpus_and_a_program() {
    let expected: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names(corpus()), expected);
    let programs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/targets"));
    assert_eq!(names(programs), expected.iter().map(|name| format!("{name}.rs")).collect::<Vec<_>>());
    for (name, _) in TARGETS {
        let program = fs::read_to_string(programs.join(format!("{name}.rs"))).unwrap();
        assert!(program.contains(&format!("targets::{name}(bytes)")), "{program}");
    }
}

/// In a process of its own: a stack that ends ends no other test, and its memory is its own.
#[test]
fn every_file_is_survived_in_bounded_memory() {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "corpus::replay", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{said}\n{told}", output.status);
}

#[test]
fn replay() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let mut files = 0;
    for (name, target) in TARGETS {
        let directory = corpus().join(name);
        for file in names(&directory) {
            #[expect(clippy::print_stdout, reason = "the last line names the file that ended the process")]
            {
                println!("{name}/{file}");
            }
            target(&fs::read(directory.join(file)).unwrap());
            files += 1;
        }
    }
    assert!(files > 100, "{files} files");
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("proc(5) has it");
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(peak << 10 < MOST_MEMORY, "{peak} kB");
    }
}
