//! The disposable worktree: it works for every kind of repository, and nothing of the user's can be reached by it.

use super::{Told, World, lines};
use std::fs;
use std::io::Read;
use std::path::Path;

const BOTH: &str = "sed -i -e '/^<<<<<<< /d' -e '/^=======$/d' -e '/^>>>>>>> /d' f";

impl World {
    /// Has conflicts resolved by this script, which is told the temporary directory.
    fn resolve_by(&self, directory: &str, script: &str) {
        let script = format!("#!/bin/sh\nROOT='{}'\n{script}\n", self.path("").display());
        let program = self.environment().program("bin/resolver", &script);
        self.git(directory, &["config", "patch.resolver", program.to_str().unwrap()]);
    }

    /// One patch that conflicts with `v2`.
    fn conflict(&self) {
        self.commit("fork", "Five", &[("f", &lines(&[(5, "ours")]))]);
        self.release("v2", &[("f", &lines(&[(5, "theirs")]))]);
    }

    /// How many worktrees there are in the state directory.
    fn worktrees(&self) -> usize {
        let folders = fs::read_dir(self.path("state")).unwrap().map(|entry| entry.unwrap().path().join("worktrees"));
        let entries = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten();
        entries.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
    }
}

#[track_caller]
fn is_resolved(told: &Told) {
    assert_eq!(told.outcome(), "changed: 1 patch carried onto v2");
    assert_eq!(told.artifacts()["usedResolver"], true);
}

#[test]
fn whatever_runs_in_it_reaches_nothing_of_the_users() {
    let world = World::new();
    world.conflict();
    world.git("fork", &["branch", "other"]);
    world.environment().write("fork/g", "stashed\n");
    world.git("fork", &["stash", "--quiet"]);
    world.environment().write("fork/g", "dirty\n");
    world.git("fork", &["config", "core.hooksPath", "hooks"]);
    world.git("fork", &["config", "gc.auto", "1"]);
    world.resolve_by(
        "fork",
        &format!(
            "exec >> $ROOT/said 2>&1; set -x\n\
             git worktree list --porcelain\n\
             git update-ref refs/heads/other HEAD; git branch -D main; git tag -d v1; git tag new\n\
             git config user.name Changed; git config --unset core.hooksPath\n\
             git stash drop; git update-ref -d refs/stash\n\
             git reflog expire --all --expire=now; git gc --quiet --prune=now; git worktree prune\n\
             git -c rerere.enabled=true rerere; {BOTH}; git -c rerere.enabled=true rerere"
        ),
    );
    let before = world.snapshot();
    let listed = world.git("fork", &["worktree", "list", "--porcelain"]);
    is_resolved(&world.carry(&["--onto", "v2"]));
    assert!(world.snapshot() == before, "{}", world.environment().read("said"));
    assert_eq!(world.git("fork", &["worktree", "list", "--porcelain"]), listed);
    assert_eq!(world.git("fork", &["fsck", "--no-dangling"]), "");
    assert_eq!(world.worktrees(), 0);
}

#[test]
fn a_killed_run_is_cleaned_up_once_what_it_started_has_ended() {
    let world = World::new();
    world.conflict();
    for fifo in ["began", "go"] {
        world.environment().run("mkfifo", &[fifo]).success();
    }
    world.resolve_by(
        "fork",
        "echo > $ROOT/began; cat $ROOT/go > /dev/null; pwd > $ROOT/there; ls >> $ROOT/there; echo > $ROOT/began",
    );
    let before = world.snapshot();
    let mut run = world.start(&["carry", "--onto", "v2"], "");
    let wait = || fs::File::open(world.path("began")).unwrap().read_to_end(&mut Vec::new()).unwrap();
    wait();
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(world.snapshot() == before);
    assert_eq!(world.worktrees(), 1);
    // Its program goes on, and keeps the files that it works on.
    world.git("fork", &["config", "patch.resolver", "true"]);
    world.carry(&["--onto", "v2"]);
    assert_eq!(world.worktrees(), 1);
    fs::write(world.path("go"), "").unwrap();
    wait();
    let there = world.environment().read("there");
    assert!(there.ends_with("\ndir\nf\ng\n"), "{there}");
    // The lock is gone with the program, which has said its last word.
    for _ in 0..100 {
        if world.worktrees() > 0 {
            world.carry(&["--onto", "v2"]);
        }
    }
    assert_eq!(world.worktrees(), 0);
    assert_eq!(world.git("fork", &["status", "--porcelain"]), "");
}

#[test]
fn every_kind_of_repository_has_one() {
    for options in [&[][..], &["--object-format=sha256"], &["--ref-format=reftable"]] {
        let world = World::initialized(options);
        if options.len() == 1 && options[0].starts_with("--ref") {
            fs::remove_dir_all(world.path("fork/.git/logs")).unwrap();
            world.git("fork", &["refs", "migrate", "--ref-format=reftable"]);
        }
        world.conflict();
        world.resolve_by("fork", BOTH);
        is_resolved(&world.carry(&["--onto", "v2"]));
    }
}

#[test]
fn bare_linked_and_submodule_checkouts_have_one() {
    let world = World::new();
    world.conflict();
    world.git("", &["clone", "--quiet", "--bare", "fork", "bare.git"]);
    world.git("bare.git", &["remote", "add", "upstream", "../upstream"]);
    world.resolve_by("bare.git", BOTH);
    is_resolved(&world.carry_in("bare.git", &["--onto", "v2", "--stack", "main"]));

    world.git("fork", &["worktree", "add", "--quiet", "--detach", "../linked"]);
    world.git("fork", &["config", "extensions.worktreeConfig", "true"]);
    world.git("linked", &["sparse-checkout", "set", "dir"]);
    world.resolve_by("linked", &format!("ls > $ROOT/seen; {BOTH}"));
    is_resolved(&world.carry_in("linked", &["--onto", "v2", "--stack", "main"]));
    assert_eq!(world.environment().read("seen"), "dir\nf\ng\n");

    world.environment().repository("super");
    world.git("super", &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../fork", "sub"]);
    world.git("super/sub", &["remote", "add", "upstream", "../../upstream"]);
    world.git("super/sub", &["remote", "set-url", "upstream", world.path("upstream").to_str().unwrap()]);
    world.resolve_by("super/sub", BOTH);
    let told = world.carry_in("super/sub", &["--onto", "v2", "--stack", "main"]);
    is_resolved(&told);
    assert_eq!(world.git("super/sub", &["status", "--porcelain"]), "");
}

#[test]
fn a_partial_and_a_shallow_clone_have_one() {
    let world = World::new();
    world.conflict();
    world.git("upstream", &["config", "uploadpack.allowFilter", "true"]);
    world.git("fork", &["config", "uploadpack.allowFilter", "true"]);
    let url = |path: &str| format!("file://{}", world.path(path).display());
    for (name, option) in [("partial", "--filter=blob:none"), ("shallow", "--depth=3")] {
        world.git("", &["clone", "--quiet", option, "--no-checkout", &url("fork"), name]);
        world.git(name, &["remote", "add", "upstream", &url("upstream")]);
        world.resolve_by(name, BOTH);
        is_resolved(&world.carry_in(name, &["--onto", "v2", "--stack", "main"]));
        assert!(!Path::new(&world.path(name).join("f")).exists());
    }
}

#[test]
fn filters_and_line_ends_are_the_users() {
    let world = World::new();
    world.git("fork", &["config", "filter.up.smudge", "tr a-z A-Z"]);
    world.git("fork", &["config", "filter.up.clean", "tr A-Z a-z"]);
    world.commit("upstream", "Attributes", &[(".gitattributes", "up filter=up\n"), ("up", "text\n")]);
    world.git("fork", &["pull", "--quiet", "upstream", "main"]);
    world.conflict();
    world.resolve_by("fork", &format!("cat up > $ROOT/seen; {BOTH}"));
    is_resolved(&world.carry(&["--onto", "v2"]));
    assert_eq!(world.environment().read("seen"), "TEXT\n");
}
