//! Repositories of every kind.

use super::{World, lines};

fn stack_on(world: &World) {
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.release("v2", &[("f", &lines(&[(30, "thirty")])), ("g", "two\n")]);
}

#[test]
fn sha256_and_reftable_repositories_work() {
    for options in [&["--object-format=sha256"][..], &["--ref-format=reftable"]] {
        let world = World::initialized(options);
        if options[0].ends_with("reftable") {
            world.git("", &["clone", "--quiet", "--ref-format=reftable", "--origin=upstream", "upstream", "other"]);
            std::fs::remove_dir_all(world.path("fork")).unwrap();
            std::fs::rename(world.path("other"), world.path("fork")).unwrap();
        }
        stack_on(&world);
        let told = world.carry(&["--onto", "v2"]);
        assert_eq!(told.outcome(), "changed: 1 patch carried onto v2", "{options:?}");
        assert_eq!(world.git("fork", &["rev-parse", "patch-moi/candidate/upstream/v2"]), told.candidate());
    }
}

#[test]
fn bare_repositories_and_linked_worktrees_work() {
    let world = World::new();
    stack_on(&world);
    let expected = world.carry(&["--onto", "v2"]).candidate();
    world.git("", &["clone", "--quiet", "--bare", "fork", "bare.git"]);
    world.git("bare.git", &["branch", "-D", "patch-moi/candidate/upstream/v2"]);
    world.git("bare.git", &["remote", "add", "upstream", "../upstream"]);
    assert_eq!(world.carry_in("bare.git", &["--onto", "v2"]).candidate(), expected);
    // The stack's branch is checked out in one worktree, and carried from another.
    world.git("fork", &["branch", "-D", "patch-moi/candidate/upstream/v2"]);
    world.git("fork", &["worktree", "add", "--quiet", "--detach", "../linked", "v1"]);
    assert_eq!(world.carry_in("linked/dir", &["--onto", "v2", "--stack", "main"]).candidate(), expected);
}

#[test]
fn a_shallow_clone_works_if_it_holds_the_stack_and_says_so_if_not() {
    let world = World::new();
    stack_on(&world);
    world.commit("fork", "Six", &[("dir/x", &lines(&[(6, "six")]))]);
    let url = format!("file://{}", world.path("fork").display());
    for (depth, is_enough) in [("3", true), ("1", false)] {
        let clone = format!("depth{depth}");
        world.git("", &["clone", "--quiet", "--depth", depth, &url, &clone]);
        world.git(&clone, &["remote", "add", "upstream", "../upstream"]);
        let told = world.carry_in(&clone, &["--onto", "v2"]);
        if is_enough {
            assert_eq!(told.outcome(), "changed: 2 patches carried onto v2");
        } else {
            told.is_wrong("shallow clone, and the history of `main` is cut off", "git fetch --unshallow");
        }
    }
}

#[test]
fn a_partial_clone_fetches_what_it_needs() {
    let world = World::new();
    world.release("v1.1", &[("big", "big\n")]);
    world.release("v1.2", &[("big", "")]);
    world.git("fork", &["pull", "--quiet", "upstream", "main"]);
    stack_on(&world);
    world.git("fork", &["config", "uploadpack.allowFilter", "true"]);
    world.git("fork", &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let url = format!("file://{}", world.path("fork").display());
    world.git("", &["clone", "--quiet", "--no-checkout", "--filter=blob:none", &url, "partial"]);
    world.git("partial", &["remote", "add", "upstream", "../upstream"]);
    let missing =
        || world.git("partial", &["rev-list", "--all", "--objects", "--missing=print"]).matches("\n?").count();
    let before = missing();
    assert!(before > 2);
    assert_eq!(world.carry_in("partial", &["--onto", "v2"]).outcome(), "changed: 1 patch carried onto v2");
    assert!((1..before).contains(&missing()), "what no merge asks for is not fetched");
}

#[test]
fn variables_that_tie_git_to_a_checkout_change_nothing() {
    let world = World::new();
    stack_on(&world);
    let before = world.snapshot();
    let run = world.environment().patch(&["carry", "--onto", "v2"]).in_dir("fork").env("GIT_DIR", ".git");
    run.env("GIT_INDEX_FILE", "other-index").env("GIT_WORK_TREE", ".").success();
    assert!(world.snapshot() == before);
}
