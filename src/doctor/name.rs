//! The name `patch`: whose it is on PATH, and who gets the calls that are not ours.

use super::{Finding, Scene};
use crate::handover::{self, Neighbours};

const CHECK: &str = "name";

/// Whether `patch` leads here, and the patch utility's calls to the patch utility.
pub fn check(_: &Scene) -> Vec<Finding> {
    vec![told(&handover::neighbours())]
}

fn told(neighbours: &Neighbours) -> Finding {
    match neighbours {
        Neighbours { first: None, .. } => Finding::ok(CHECK, "no `patch` is on PATH; this program needs its full path"),
        Neighbours { first: Some(first), is_ours: false, .. } => {
            let found = format!("`patch` alone is {}; this program needs its full path", first.display());
            Finding::ok(CHECK, found)
        }
        Neighbours { utility: Some(utility), .. } => {
            Finding::ok(CHECK, format!("calls for the patch utility go to {}", utility.display()))
        }
        Neighbours { utility: None, .. } => {
            let found = "there is no other `patch` on PATH: calls for the patch utility, such as `patch -p1`, fail";
            Finding::warning(CHECK, found).fix("install GNU patch, such as: sudo apt-get install patch")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Health;
    use std::path::PathBuf;

    #[test]
    fn somebody_has_to_take_the_calls_that_are_not_ours() {
        #[track_caller]
        fn case(first: Option<&str>, utility: Option<&str>, health: Health, words: &str) {
            let path = |path: Option<&str>| path.map(PathBuf::from);
            let is_ours = first == Some("/own/patch");
            let found = told(&Neighbours { first: path(first), is_ours, utility: path(utility) });
            assert!(found.health == health && found.found.contains(words), "{found:?}");
        }
        case(Some("/own/patch"), Some("/usr/bin/patch"), Health::Ok, "go to /usr/bin/patch");
        case(Some("/usr/bin/patch"), Some("/usr/bin/patch"), Health::Ok, "`patch` alone is /usr/bin/patch");
        case(Some("/own/patch"), None, Health::Warning, "no other `patch`");
        case(None, None, Health::Ok, "no `patch` is on PATH");
    }
}
