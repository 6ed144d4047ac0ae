//! What is the user's stays as it is, byte for byte, whatever happens.

use super::{World, lines};
use std::fs;
use std::io::Read;

/// A merge driver that tells that it began, and waits until it may go on.
fn stop_at_merges(world: &World) {
    for fifo in ["began", "go-one", "go-two"] {
        world.environment().run("mkfifo", &[fifo]).success();
    }
    let root = world.path("");
    let root = root.display();
    let waits = format!("echo > '{root}/began'\ncat \"{root}/go-$RUN\" > /dev/null\n");
    let script = format!("#!/bin/sh\n{waits}exec git merge-file --quiet \"$2\" \"$1\" \"$3\"\n");
    let driver = world.environment().program("bin/driver", &script);
    world.git("fork", &["config", "merge.stop.driver", &format!("{} %O %A %B", driver.display())]);
    world.commit("upstream", "Attributes", &[(".gitattributes", "f merge=stop\n")]);
}

fn wait_for(world: &World) {
    fs::File::open(world.path("began")).unwrap().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_dirty_checkout_a_rebase_and_a_stash_are_left_alone() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.commit("fork", "Conflict", &[("dir/x", &lines(&[(5, "ours")]))]);
    world.git("fork", &["config", "rerere.enabled", "true"]);
    world.git("fork", &["config", "patch.stack", "main"]);
    world.git("fork", &["branch", "side", "main~1"]);
    world.git("fork", &["checkout", "--quiet", "side"]);
    world.commit("fork", "Side", &[("dir/x", &lines(&[(5, "side")]))]);
    world.environment().write("fork/f", "stashed\n");
    world.git("fork", &["stash", "--quiet"]);
    let rebase = world.environment().run("git", &["rebase", "main"]).in_dir("fork").run();
    assert_eq!(rebase.status, 1, "{rebase}");
    world.environment().write("fork/g", "dirty\n");
    world.environment().write("fork/staged", "staged\n");
    world.git("fork", &["add", "staged"]);
    world.release("v2", &[("dir/x", &lines(&[(30, "thirty")]))]);
    world.release("v3", &[("dir/x", &lines(&[(5, "theirs")]))]);
    let before = world.snapshot();
    assert!(before.keys().any(|path| path.to_string_lossy().contains("/rr-cache/")));
    assert!(before.keys().any(|path| path.to_string_lossy().contains("/rebase-merge/")));
    for (onto, status) in [("v2", "changed"), ("v3", "needs_intervention")] {
        let told = world.carry(&["--onto", onto]);
        assert_eq!(told.report["status"], status, "{}", told.output);
        assert!(world.snapshot() == before, "{onto}");
    }
    for args in
        [&["stack", "--onto", "v3"][..], &["carry", "--onto", "nowhere"], &["carry", "--onto", "v2", "--dry-run"]]
    {
        world.environment().patch(args).in_dir("fork").run();
        assert!(world.snapshot() == before, "{args:?}");
    }
}

#[test]
fn a_killed_run_leaves_nothing_that_anybody_sees() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    stop_at_merges(&world);
    world.release("v2", &[("f", &lines(&[(30, "thirty")]))]);
    let before = world.snapshot();
    let mut run = world.start(&["carry", "--onto", "v2"], "one");
    wait_for(&world);
    run.kill().unwrap();
    run.wait().unwrap();
    fs::write(world.path("go-one"), "").unwrap();
    assert!(world.snapshot() == before);
    assert_eq!(world.git("fork", &["for-each-ref", "refs/heads/patch-moi"]), "");
    world.git("fork", &["config", "--remove-section", "merge.stop"]);
    assert_eq!(world.carry(&["--onto", "v2"]).outcome(), "changed: 1 patch carried onto v2");
}

#[test]
fn what_killed_runs_left_is_cleaned_by_the_next() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.release("v2", &[("g", "two\n")]);
    world.carry(&["--onto", "v2"]);
    let state = fs::read_dir(world.path("state")).unwrap().next().unwrap().unwrap().path().join("carry");
    fs::write(state.join("commit-left"), "").unwrap();
    fs::write(state.join("commit-used"), "").unwrap();
    let used = fs::File::open(state.join("commit-used")).unwrap();
    used.lock().unwrap();
    world.release("v3", &[("g", "three\n")]);
    assert_eq!(world.carry(&["--onto", "v3"]).report["status"], "changed");
    let mut left: Vec<_> = fs::read_dir(state).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.retain(|name| name.to_str().unwrap().starts_with("commit-"));
    assert_eq!(left, ["commit-used"]);
}

#[test]
fn two_runs_of_different_watches_go_on_at_once() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    stop_at_merges(&world);
    world.release("v2", &[("f", &lines(&[(30, "thirty")]))]);
    for watch in ["one", "two"] {
        world.git("fork", &["config", &format!("watch.{watch}.remote"), "upstream"]);
    }
    let mut first = world.start(&["carry", "--onto", "v2", "--watch", "one"], "one");
    wait_for(&world);
    let mut second = world.start(&["carry", "--onto", "v2", "--watch", "two"], "two");
    wait_for(&world);
    assert_eq!(first.try_wait().unwrap(), None);
    for run in ["two", "one"] {
        fs::write(world.path(format!("go-{run}")), "").unwrap();
    }
    let statuses = [second.wait().unwrap(), first.wait().unwrap()];
    assert!(statuses.iter().all(std::process::ExitStatus::success), "{statuses:?}");
    let refs = world.git("fork", &["for-each-ref", "--format=%(refname:short)", "refs/heads/patch-moi"]);
    assert_eq!(refs, "patch-moi/candidate/one/v2\npatch-moi/candidate/two/v2");
}

#[test]
fn a_candidate_that_somebody_built_on_is_not_moved() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.release("v2", &[("g", "two\n")]);
    let candidate = world.carry(&["--onto", "v2"]).candidate();
    world.commit("fork", "Six", &[("dir/x", &lines(&[(6, "six")]))]);
    let name = "patch-moi/candidate/upstream/v2";
    // Ours alone, it follows the stack.
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.outcome(), "changed: 2 patches carried onto v2");
    assert_ne!(told.candidate(), candidate);
    world.git("fork", &["worktree", "add", "--quiet", "../look", name]);
    world.commit("fork", "Seven", &[("dir/x", &lines(&[(6, "six"), (20, "seven")]))]);
    let told = world.carry(&["--onto", "v2"]);
    assert!(told.output.stderr.contains("is checked out in $TEMP/look"), "{}", told.output);
    let theirs = world.commit("look", "By hand", &[("n", "n\n")]);
    world.git("look", &["checkout", "--quiet", "--detach"]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.output.status, 1);
    let words = format!("`{name}` holds a commit that is not ours, {} by carl@example.org", &theirs[..10]);
    assert!(told.output.stderr.contains(&words), "{}", told.output);
    assert_eq!(world.git("fork", &["rev-parse", name]), theirs);
}

#[test]
fn hooks_do_not_run() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.release("v2", &[("f", &lines(&[(30, "thirty")]))]);
    // A fetch is the user's Git, with the user's hooks: nothing is left to fetch.
    world.git("fork", &["fetch", "--quiet", "--tags", "upstream"]);
    for hook in ["reference-transaction", "post-rewrite", "pre-commit", "post-index-change"] {
        world
            .environment()
            .program(format!("fork/.git/hooks/{hook}"), &format!("#!/bin/sh\necho {hook} >> $HOME/ran\n"));
    }
    assert_eq!(world.carry(&["--onto", "refs/tags/v2"]).report["status"], "changed");
    assert!(!world.path("home/ran").exists(), "{}", world.environment().read("home/ran"));
}
