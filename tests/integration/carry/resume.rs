//! `patch carry --continue`: the same candidate, wherever a person has resolved.

use super::{World, lines};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const BRANCH: &str = "patch-moi/intervention/upstream/v2";

impl World {
    /// Gives the fork a forge, which has the stack.
    fn forge(&self) {
        self.git("", &["init", "--quiet", "--bare", "--initial-branch=main", "forge.git"]);
        self.git("fork", &["remote", "add", "origin", "../forge.git"]);
        self.git("fork", &["push", "--quiet", "origin", "main"]);
    }

    /// Pushes an intervention, and clones the fork anew: nothing but `origin` is there.
    fn clone_with(&self, branch: &str) {
        self.git("fork", &["push", "--quiet", "origin", branch]);
        self.git("", &["clone", "--quiet", "forge.git", "fresh"]);
    }

    /// The commit of a branch in a clone.
    #[track_caller]
    fn branch(&self, directory: &str, branch: &str) -> String {
        self.git(directory, &["rev-parse", &format!("refs/heads/{branch}")])
    }
}

fn both(line: usize) -> String {
    lines(&[(line, "theirs\nours")])
}

/// Two patches that conflict, one after the other, and two that do not.
fn conflicting_twice() -> World {
    let world = World::new();
    world.commit("fork", "One", &[("n", "ours\n")]);
    world.commit("fork", "Two", &[("f", &lines(&[(5, "ours")]))]);
    world.commit("fork", "Three", &[("dir/x", &lines(&[(5, "our x")]))]);
    world.commit("fork", "Four", &[("m", "ours\n")]);
    world.forge();
    world.release("v2", &[("f", &lines(&[(5, "theirs")])), ("dir/x", &lines(&[(5, "their x")]))]);
    world.git("fork", &["fetch", "--quiet", "--tags", "upstream"]);
    world
}

#[test]
fn a_fresh_clone_comes_to_the_same_candidate() {
    let world = conflicting_twice();
    assert_eq!(world.carry(&["--onto", "v2"]).conflicts(), ["f: content"]);
    world.clone_with(BRANCH);
    let second = format!("{BRANCH}=+2");
    for clone in ["fork", "fresh"] {
        let told = world.finish(clone, BRANCH, &[("f", &both(5))]);
        assert_eq!(told.conflicts(), ["dir/x: content"], "{}", told.output);
        assert_eq!(told.fates(), ["One: carried", "Two: resolved", "Three: conflicts", "Four: pending"]);
        assert_eq!(told.artifacts()["intervention"]["ref"], format!("refs/heads/{second}"));
    }
    assert_eq!(world.branch("fork", &second), world.branch("fresh", &second));
    for clone in ["fork", "fresh"] {
        let told = world.finish(clone, &second, &[("dir/x", &both(5))]);
        assert_eq!(told.outcome(), "changed: 4 patches carried onto v2");
        assert_eq!(told.fates(), ["One: carried", "Two: resolved", "Three: resolved", "Four: carried"]);
        assert_eq!(
            (told.artifacts()["patches"][1]["by"].as_str(), told.artifacts()["usedRerere"].as_bool()),
            (Some("hand"), Some(false))
        );
    }
    let candidate = "patch-moi/candidate/upstream/v2";
    assert_eq!(world.branch("fork", candidate), world.branch("fresh", candidate));
    assert_eq!(world.git("fork", &["show", &format!("{candidate}:f")]) + "\n", both(5));
    assert_eq!(world.subjects("fork", &format!("v2..{candidate}")), ["One", "Two", "Three", "Four"]);
    // What is finished is not asked again, whatever was recorded.
    world.git("fork", &["switch", "--quiet", "main"]);
    for args in [&["--onto", "v2"][..], &["--onto", "v2", "--no-rerere"]] {
        let told = world.carry(args);
        assert_eq!(
            (told.report["status"].as_str(), told.candidate()),
            (Some("skipped"), world.branch("fork", candidate))
        );
        assert!(told.artifacts()["intervention"].is_null());
    }
    let log = world.git("fork", &["log", "--format=%an %cn %B", &format!("v2..{candidate}")]);
    assert!(!log.contains("Patch-Intervention") && !log.contains("Ann Author Carl"), "{log}");
}

#[test]
fn commits_on_top_do_as_well_as_an_amended_one() {
    let world = conflicting_twice();
    world.carry(&["--onto", "v2"]);
    world.git("fork", &["switch", "--quiet", BRANCH]);
    world.commit("fork", "Almost", &[("f", &lines(&[(5, "theirs")]))]);
    world.commit("fork", "Done", &[("f", &both(5))]);
    let on_top = world.carry(&["--continue"]);
    assert_eq!(on_top.conflicts(), ["dir/x: content"], "{}", on_top.output);
    let second = world.branch("fork", &format!("{BRANCH}=+2"));
    world.git("fork", &["reset", "--quiet", "--hard", &format!("{BRANCH}~2")]);
    let amended = world.finish("fork", BRANCH, &[("f", &both(5))]);
    assert_eq!(amended.report["status"], "needs_intervention");
    world.environment().write("fork/forgotten", "");
    let told = world.carry(&["--continue"]);
    assert!(told.output.stderr.contains("no part of what is continued with, such as forgotten"), "{}", told.output);
    assert_eq!(world.branch("fork", &format!("{BRANCH}=+2")), second);
}

#[test]
fn how_earlier_conflicts_were_resolved_is_not_forgotten() {
    let world = conflicting_twice();
    let resolver =
        "#!/bin/sh\ntest -f resolved && exit 1\nsed -i -e '/^<<<<<<< /d' -e '/^=======$/d' -e '/^>>>>>>> /d' f\n";
    let program = world.environment().program("bin/resolver", resolver);
    world.git("fork", &["config", "patch.resolver", program.to_str().unwrap()]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.conflicts(), ["dir/x: content"], "{}", told.output);
    world.clone_with(BRANCH);
    let told = world.finish("fresh", BRANCH, &[("dir/x", &both(5))]);
    assert_eq!(told.outcome(), "changed: 4 patches carried onto v2");
    let by = |place: usize| told.artifacts()["patches"][place]["by"].as_str().unwrap().to_owned();
    assert_eq!(
        (by(1), by(2), told.artifacts()["usedResolver"].as_bool()),
        ("resolver".to_owned(), "hand".to_owned(), Some(true))
    );
}

/// What a side does, or a person.
type Do<'a> = &'a dyn Fn(&World);
#[track_caller]
fn finish_by(prepare: Do, ours: Do, theirs: Do, kind: &str, resolve: Do, expected: &str) {
    let world = World::new();
    prepare(&world);
    world.commit("upstream", "Prepare", &[]);
    world.git("fork", &["pull", "--quiet", "upstream", "main"]);
    ours(&world);
    world.git("fork", &["commit", "--quiet", "--all", "--allow-empty", "--message", "Ours"]);
    theirs(&world);
    world.git("upstream", &["commit", "--quiet", "--all", "--allow-empty", "--message", "Theirs"]);
    world.git("upstream", &["tag", "v2"]);
    world.git("fork", &["fetch", "--quiet", "--tags", "upstream"]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.conflicts().first().map(String::as_str), Some(kind), "{}", told.output);
    world.git("fork", &["switch", "--quiet", BRANCH]);
    let told = world.carry(&["--continue"]);
    assert!(told.output.stderr.contains("nothing is resolved yet"), "{}", told.output);
    resolve(&world);
    world.git("fork", &["commit", "--quiet", "--all", "--amend", "--no-edit", "--allow-empty"]);
    let told = world.carry(&["--continue"]);
    assert_eq!(told.report["status"], "changed", "{}", told.output);
    let listed = world.git("fork", &["diff", "--no-renames", "--raw", "--abbrev=4", "v2", &told.candidate()]);
    let listed: Vec<&str> = listed.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    let listed: Vec<String> = listed
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.split([' ', '\t']).collect();
            format!("{} {} {}", words[0], words[3], words[4])
        })
        .collect();
    assert_eq!(listed.join(", "), expected, "{kind}");
}

#[test]
fn every_kind_of_conflict_can_be_finished() {
    let nothing = |_: &World| ();
    let git = |repository: &'static str, args: &'static [&'static str]| {
        move |world: &World| drop(world.git(repository, args))
    };
    let write = |repository: &'static str, file: &'static str, text: &'static str| {
        move |world: &World| {
            world.environment().write(world.path(repository).join(file), text);
            world.git(repository, &["add", file]);
        }
    };
    let fork = |file: &'static str, text: &'static str| write("fork", file, text);
    let upstream = |file: &'static str, text: &'static str| write("upstream", file, text);
    finish_by(
        &nothing,
        &fork("g", "ours\n"),
        &git("upstream", &["rm", "-q", "g"]),
        "g: modify-delete",
        &fork("g", "kept\n"),
        "100644 A g",
    );
    finish_by(
        &nothing,
        &fork("g", "ours\n"),
        &git("upstream", &["rm", "-q", "g"]),
        "g: modify-delete",
        &git("fork", &["rm", "-q", "g"]),
        "",
    );
    finish_by(
        &nothing,
        &git("fork", &["rm", "-q", "g"]),
        &upstream("g", "two\n"),
        "g: modify-delete",
        &git("fork", &["rm", "-q", "g"]),
        "000000 D g",
    );
    finish_by(
        &nothing,
        &git("fork", &["mv", "f", "h"]),
        &git("upstream", &["rm", "-q", "f"]),
        "h: rename-delete",
        &nothing,
        "100644 A h",
    );
    finish_by(
        &nothing,
        &fork("n", "ours\n"),
        &upstream("n", "theirs\n"),
        "n: add-add",
        &fork("n", "both\n"),
        "100644 M n",
    );
    finish_by(
        &upstream("b", "\0begin"),
        &fork("b", "\0ours"),
        &upstream("b", "\0theirs"),
        "b: binary",
        &fork("b", "\0both"),
        "100644 M b",
    );
    let mode = |repository: &'static str, mode: u32, text: &'static str| {
        move |world: &World| {
            let path = world.environment().write(world.path(repository).join("new"), text);
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            world.git(repository, &["add", "new"]);
        }
    };
    let (ours, theirs) = (mode("fork", 0o755, "same\n"), mode("upstream", 0o644, "same\n"));
    finish_by(&nothing, &ours, &theirs, "new: add-add", &mode("fork", 0o755, "same\n"), "100755 M new");
    let link = |repository: &'static str, letter: &'static str| {
        move |world: &World| {
            fs::create_dir_all(world.path(repository).join("sub")).unwrap();
            let entry = format!("160000,{},sub", letter.repeat(40));
            world.git(repository, &["update-index", "--add", "--cacheinfo", &entry]);
        }
    };
    finish_by(
        &link("upstream", "a"),
        &link("fork", "b"),
        &link("upstream", "c"),
        "sub: submodule",
        &link("fork", "d"),
        "160000 M sub",
    );
}

#[test]
fn what_is_not_finished_is_refused() {
    let world = conflicting_twice();
    world.carry(&["--continue"]).is_wrong("HEAD is on no intervention branch", "git switch BRANCH");
    world.carry(&["--onto", "v2"]);
    world.git("fork", &["switch", "--quiet", BRANCH]);
    let refused = |words: &str, hint: &str| {
        let told = world.carry(&["--continue"]);
        assert_eq!((told.output.status, told.output.stdout.as_str()), (1, ""), "{}", told.output);
        assert!(told.output.stderr.starts_with(&format!("error: {words}")), "{}", told.output);
        assert!(told.output.stderr.contains(&format!("hint: {hint}")), "{}", told.output);
        assert_eq!(world.git("fork", &["for-each-ref", "--format=%(refname:short)", "refs/heads/patch-moi"]), BRANCH);
    };
    refused("nothing is resolved yet: HEAD is the conflict as it was left", "edit the files, then `git commit --all");
    world.environment().write("fork/f", &both(5));
    // Written anew as it is: a look that refreshes would note its new time in the index.
    world.environment().write("fork/g", "g\n");
    let index = fs::read(world.path("fork/.git/index")).unwrap();
    refused("the checkout has changes that are not committed, such as f", "commit them: `git commit --all --amend");
    assert!(fs::read(world.path("fork/.git/index")).unwrap() == index);
    world.environment().write("fork/f", &lines(&[(5, "theirs\n=======\nours")]));
    world.git("fork", &["commit", "--quiet", "--all", "--amend", "--no-edit"]);
    refused("a conflict marker is left in f, line 6", "edit the file, then `git commit --all");
    world.environment().write("fork/f", &both(5));
    world.git("fork", &["commit", "--quiet", "--all", "--amend", "--message", "x\n\nPatch-Intervention: x"]);
    refused("the message of ", "take it over from the commit before: `git reflog`");
}

#[test]
fn the_stack_may_not_have_moved() {
    let world = conflicting_twice();
    world.carry(&["--onto", "v2"]);
    world.commit("fork", "Five", &[("five", "5\n")]);
    let told = world.finish("fork", BRANCH, &[("f", &both(5))]);
    assert_eq!(told.output.status, 1);
    let words = "error: the intervention belongs to another state of the stack: `main` was ";
    assert!(told.output.stderr.starts_with(words), "{}", told.output);
    let onto = world.git("upstream", &["rev-parse", "v2^{}"]);
    let hint = format!("hint: carry anew: `patch carry --watch upstream --onto {onto}`");
    assert!(told.output.stderr.contains(&hint), "{}", told.output);
}

#[test]
fn a_stack_that_the_fork_has_lost_is_named() {
    let world = conflicting_twice();
    world.carry(&["--onto", "v2"]);
    let head = world.branch("fork", "main");
    world.git("fork", &["push", "--quiet", "origin", BRANCH]);
    world.git("fork", &["push", "--quiet", "--force", "origin", "v1:refs/heads/main"]);
    world.git("forge.git", &["gc", "--quiet", "--prune=now"]);
    world.git("", &["clone", "--quiet", "--no-local", "forge.git", "fresh"]);
    let told = world.finish("fresh", BRANCH, &[("f", &both(5))]);
    assert_eq!(told.output.status, 1);
    let words = format!(
        "error: {head}, which the stack `main` was when it was carried, is neither here nor on the fork `origin`"
    );
    assert!(told.output.stderr.starts_with(&words), "{}", told.output);
    // With its objects here again, the fork's branch is still another one.
    world.git("fresh", &["fetch", "--quiet", "../fork", "main"]);
    let told = world.carry_in("fresh", &["--continue"]);
    assert!(told.output.stderr.contains("belongs to another state of the stack"), "{}", told.output);
}

#[test]
fn upstreams_own_commits_below_the_stack_are_known_in_any_clone() {
    let world = World::new();
    world.git("upstream", &["switch", "--quiet", "--create", "release"]);
    world.commit("upstream", "Backport", &[("backport", "1\n")]);
    world.git("upstream", &["switch", "--quiet", "main"]);
    world.git("fork", &["pull", "--quiet", "upstream", "release"]);
    world.commit("fork", "Ours", &[("f", &lines(&[(5, "ours")]))]);
    world.forge();
    world.release("v2", &[("f", &lines(&[(5, "theirs")]))]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.fates(), ["Ours: conflicts"], "{}", told.output);
    world.clone_with(BRANCH);
    let told = world.finish("fresh", BRANCH, &[("f", &both(5))]);
    assert_eq!(told.fates(), ["Ours: resolved"], "{}", told.output);
}

#[test]
fn several_branches_are_continued_too() {
    let world = World::new();
    world.git("fork", &["switch", "--quiet", "--create", "patch/a"]);
    world.commit("fork", "A", &[("f", &lines(&[(5, "ours")]))]);
    world.git("fork", &["switch", "--quiet", "--create", "patch/b"]);
    world.commit("fork", "B", &[("n", "ours\n")]);
    world.git("fork", &["switch", "--quiet", "main"]);
    world.forge();
    world.git("fork", &["push", "--quiet", "origin", "patch/a", "patch/b"]);
    world.release("v2", &[("f", &lines(&[(5, "theirs")]))]);
    world.carry(&["--onto", "v2", "--stack", "patch/*"]);
    world.clone_with(BRANCH);
    let mut told = ["fork", "fresh"].map(|clone| {
        let told = world.finish(clone, BRANCH, &[("f", &both(5))]);
        told.artifacts()["candidateRefs"].to_string()
    });
    told.sort();
    assert!(told[0] == told[1] && told[0].contains("refs/heads/patch-moi/stack/upstream/v2/patch=2fa"), "{told:?}");
}
