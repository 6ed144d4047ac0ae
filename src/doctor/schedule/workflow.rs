//! CI files in the worktree that poll on the forge's runners.

use super::{Kind, Schedule, command::polled};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where such files are.
const PLACES: [&str; 7] = [
    ".github/workflows",
    ".forgejo/workflows",
    ".gitea/workflows",
    ".woodpecker",
    ".woodpecker.yml",
    ".woodpecker.yaml",
    ".gitlab-ci.yml",
];

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// The CI files that poll.
pub fn schedules(worktree: &Path) -> Vec<Schedule> {
    let files = PLACES.iter().flat_map(|place| files(&worktree.join(place)));
    let polls = files.filter(|file| text_of(file).is_some_and(|text| is_polling(&text)));
    polls
        .map(|file| {
            let place = file.strip_prefix(worktree).unwrap_or(&file).display().to_string();
            Schedule { place, kind: Kind::Elsewhere }
        })
        .collect()
}

/// The file, or the files in the folder, in the order of their names.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let mut files: Vec<PathBuf> =
        fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// The text of a regular file of usual length.
pub fn text_of(file: &Path) -> Option<String> {
    let is_usual = fs::metadata(file).is_ok_and(|it| it.is_file() && it.len() <= LONGEST);
    is_usual.then(|| fs::read(file).ok()).flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn is_polling(text: &str) -> bool {
    text.lines().map(str::trim_start).any(|line| !line.starts_with('#') && polled(line).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_polls_if_a_line_does_that_is_no_comment() {
        #[track_caller]
        fn case(text: &str, expected: bool) {
            assert_eq!(is_polling(text), expected, "{text}");
        }
        case("jobs:\n  - run: ~/.cargo/bin/patch poll\n", true);
        case("  script:\n    - patch poll\n", true);
        case("  # - patch poll\n", false);
        case("  - run: patch carry --event HEAD\n", false);
    }
}
