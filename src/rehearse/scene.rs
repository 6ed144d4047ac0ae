//! The setting: an upstream with a release, a fork with three patches on it, and the fork's forge.

use super::stage::{Stage, Surprise};

/// The upstream repository on its forge, `owner/name`.
pub(super) const UPSTREAM: &str = "acme/greet";
/// The watch's name.
pub(super) const WATCH: &str = "greet";
/// The release that the fork is built on.
pub(super) const OLD: &str = "v1.0.0";
/// The release that is news.
pub(super) const NEW: &str = "v1.1.0";
/// How many patches the fork has.
pub(super) const PATCHES: usize = 3;

const PROGRAM: &str = "\
#!/bin/sh
# Greets whoever is named.

greeting=Hello

name=${1:-world}

echo \"$greeting, $name!\"
";

/// The fork's check of its patches: what a candidate must pass.
const CHECK: &str = "\
#!/bin/sh
# The patches do what they are for.
GREET_NAME=Ann sh greet.sh | grep -q 'Good day, Ann!'
";

/// Makes everything there is before the first poll.
pub(super) fn set(stage: &Stage) -> Result<(), Surprise> {
    upstream(stage)?;
    forge(stage)?;
    fork(stage)
}

/// Commits what upstream's next release brings; it is left to be tagged.
///
/// With `conflict` it also changes a line that one of the fork's patches changes.
pub(super) fn upstream_goes_on(stage: &Stage, conflict: bool) -> Result<(), Surprise> {
    let program = if conflict { PROGRAM.replace("=Hello", "=Welcome") } else { PROGRAM.to_owned() };
    stage.write("upstream/greet.sh", &format!("{program}echo 'How do you do?'\n"))?;
    commit(stage, "upstream", if conflict { "Say welcome, and ask how you do" } else { "Ask how you do" })
}

fn init(stage: &Stage, path: &str, more: &[&str]) -> Result<(), Surprise> {
    let args = ["init", "--quiet", "--template=", "--initial-branch=main"];
    stage.git("", &[&args, more, &[path]].concat()).map(drop)
}

fn commit(stage: &Stage, repository: &str, subject: &str) -> Result<(), Surprise> {
    stage.git(repository, &["add", "--all"])?;
    stage.git(repository, &["commit", "--quiet", "--message", subject]).map(drop)
}

fn identify(stage: &Stage, repository: &str, name: &str) -> Result<(), Surprise> {
    stage.git(repository, &["config", "user.name", name])?;
    let email = format!("{}@{repository}.example", name.to_lowercase());
    stage.git(repository, &["config", "user.email", &email]).map(drop)
}

fn upstream(stage: &Stage) -> Result<(), Surprise> {
    init(stage, "upstream", &[])?;
    identify(stage, "upstream", "Uma")?;
    stage.write("upstream/greet.sh", PROGRAM)?;
    commit(stage, "upstream", "Greet whoever is named")?;
    stage.write("upstream/README.md", "# greet\n\n`sh greet.sh NAME` says hello.\n")?;
    commit(stage, "upstream", "Say how to use it")?;
    stage.git("upstream", &["tag", "--annotate", "--message", "Greet 1.0", OLD]).map(drop)
}

fn forge(stage: &Stage) -> Result<(), Surprise> {
    init(stage, "forge.git", &["--bare"])?;
    // What a push starts there does not see our environment.
    stage.git("forge.git", &["config", "receive.autogc", "false"]).map(drop)
}

/// The remotes' URLs are relative: a kept directory may be moved.
fn fork(stage: &Stage) -> Result<(), Surprise> {
    let git = |args: &[&str]| stage.git("fork", args).map(drop);
    init(stage, "fork", &[])?;
    identify(stage, "fork", "Robin")?;
    // A variable would not be there any more for a directory that is kept.
    git(&["config", "patch.stateDir", &stage.path("state").to_string_lossy()])?;
    git(&["remote", "add", "upstream", "../upstream"])?;
    git(&["remote", "add", "origin", "../forge.git"])?;
    git(&["fetch", "--quiet", "--tags", "upstream"])?;
    git(&["reset", "--quiet", "--hard", OLD])?;
    let name_from_environment = PROGRAM.replace("${1:-world}", "${1:-${GREET_NAME:-world}}");
    stage.write("fork/greet.sh", &name_from_environment)?;
    commit(stage, "fork", "Take the name from GREET_NAME too")?;
    stage.write("fork/greet.sh", &name_from_environment.replace("Hello", "'Good day'"))?;
    commit(stage, "fork", "Greet in the house's style")?;
    stage.write("fork/check.sh", CHECK)?;
    commit(stage, "fork", "Check what our patches are for")?;
    git(&["push", "--quiet", "--set-upstream", "origin", "main"])
}
