//! Git, the repository, the configuration: what every command needs before it begins.

use super::{Finding, Scene};
use crate::{git::GitError, workspace::Failure};

/// The oldest Git whose answers are understood.
const OLDEST: (u32, u32) = (2, 31);

/// The `git` program.
pub fn git(scene: &Scene) -> Vec<Finding> {
    let check = "git";
    vec![match scene.git.version() {
        Ok(text) => match number(&text) {
            Some(version) if version < OLDEST => {
                Finding::broken(check, format!("{text} is too old")).fix("install Git 2.31 or newer")
            }
            Some(_) => Finding::ok(check, text),
            None => Finding::warning(check, format!("its version is not understood: {text}")).fix("git --version"),
        },
        Err(error) => refused(check, &error),
    }]
}

/// Major and minor number in `git version 2.39.5 (Apple Git-154)`.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix("git version ")?.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The repository around the directory.
pub fn repository(scene: &Scene) -> Vec<Finding> {
    let check = "repository";
    vec![match &scene.location {
        Ok(location) => Finding::ok(check, location.git_dir.display().to_string()),
        Err(error) => refused(check, error),
    }]
}

/// The configuration and the watches in it.
pub fn configuration(scene: &Scene) -> Vec<Finding> {
    let check = "configuration";
    let mut findings = Vec::new();
    if let Err(error) = &scene.entries {
        return vec![refused(check, error)];
    }
    if let Err(Failure::Usage(message, hint)) = &scene.environment {
        findings.push(Finding::broken(check, message).fix(hint.as_deref().unwrap_or_default()));
    }
    match &scene.config {
        Err(mistakes) => findings.extend(mistakes.iter().map(|mistake| {
            let finding = Finding::broken(check, mistake.to_string());
            match &mistake.hint {
                Some(hint) => finding.fix(hint),
                None => finding.fix("git config --list --show-origin"),
            }
        })),
        // What could be watched is a question of its own.
        Ok(config) if config.watches.is_empty() => {}
        Ok(config) => {
            let names: Vec<&str> = config.watches.iter().map(|watch| watch.name.as_str()).collect();
            findings.push(Finding::ok(check, format!("watches: {}", names.join(", "))));
        }
    }
    findings
}

fn refused(check: &'static str, error: &GitError) -> Finding {
    Finding::broken(check, error.to_string()).fix(error.hint())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_git_says() {
        #[track_caller]
        fn case(text: &str, expected: Option<(u32, u32)>) {
            assert_eq!(number(text), expected);
        }
        case("git version 2.39.5", Some((2, 39)));
        case("git version 2.39.5 (Apple Git-154)", Some((2, 39)));
        case("git version 2.48.0.windows.1", Some((2, 48)));
        case("git version 3.0-rc1", Some((3, 0)));
        case("git version unknown", None);
        case("hub version 2.14", None);
    }
}
