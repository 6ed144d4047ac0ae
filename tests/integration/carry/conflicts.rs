//! Conflicts: all of them stop, and say what they are.

use super::{World, lines};
use serde_json::Value;

/// Runs these commands of Git in the fork and upstream, from a common release on, then carries.
#[track_caller]
fn case(prepare: impl Fn(&World), ours: impl Fn(&World), theirs: impl Fn(&World), expected: &[&str]) -> super::Told {
    let world = World::new();
    prepare(&world);
    world.git("fork", &["pull", "--quiet", "upstream", "main"]);
    ours(&world);
    world.commit("fork", "Ours", &[]);
    theirs(&world);
    world.commit("upstream", "Theirs", &[]);
    world.release("v2", &[("g", "two\n")]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.report["status"], "needs_intervention", "{}", told.output);
    assert_eq!((told.conflicts(), told.output.status), (expected.iter().map(ToString::to_string).collect(), 0));
    assert_eq!(world.git("fork", &["for-each-ref", "refs/heads/patch-moi/candidate"]), "");
    told
}

fn nothing(_: &World) {}

fn write(repository: &'static str, file: &'static str, bytes: &'static [u8]) -> impl Fn(&World) {
    move |world| std::fs::write(world.path(repository).join(file), bytes).unwrap()
}

fn git(repository: &'static str, args: &'static [&'static str]) -> impl Fn(&World) {
    move |world| drop(world.git(repository, args))
}

#[test]
fn every_kind_of_conflict_stops() {
    let five = |repository: &'static str, text: &'static str| {
        move |world: &World| drop(world.environment().write(world.path(repository).join("f"), &lines(&[(5, text)])))
    };
    case(nothing, five("fork", "ours"), five("upstream", "theirs"), &["f: content"]);
    case(nothing, five("fork", "ours"), git("upstream", &["rm", "-q", "f"]), &["f: modify-delete"]);
    case(nothing, git("fork", &["rm", "-q", "f"]), five("upstream", "theirs"), &["f: modify-delete"]);
    case(nothing, git("fork", &["mv", "f", "h"]), git("upstream", &["rm", "-q", "f"]), &["h: rename-delete"]);
    let both = &["f: rename-rename", "h: other", "i: other"];
    case(nothing, git("fork", &["mv", "f", "h"]), git("upstream", &["mv", "f", "i"]), both);
    case(nothing, write("fork", "n", b"ours\n"), write("upstream", "n", b"theirs\n"), &["n: add-add"]);
    let binary = write("upstream", "b", b"\0begin\0");
    case(binary, write("fork", "b", b"\0ours\0"), write("upstream", "b", b"\0theirs\0"), &["b: binary"]);
}

#[test]
fn a_submodule_that_both_moved_stops() {
    let gitlink = |repository: &'static str, letter: &'static str| {
        move |world: &World| {
            let entry = format!("160000,{},sub", letter.repeat(40));
            world.git(repository, &["update-index", "--add", "--cacheinfo", &entry]);
            world.git(repository, &["commit", "--quiet", "--message", "Submodule"]);
            std::fs::create_dir_all(world.path(repository).join("sub")).unwrap();
        }
    };
    let world = World::new();
    gitlink("upstream", "a")(&world);
    world.git("fork", &["pull", "--quiet", "upstream", "main"]);
    gitlink("fork", "b")(&world);
    let told = world.carry(&["--onto", "refs/remotes/upstream/main"]);
    assert_eq!(told.outcome(), "skipped: `main` is on refs/remotes/upstream/main already");
    gitlink("upstream", "c")(&world);
    world.git("upstream", &["tag", "v2"]);
    assert_eq!(world.carry(&["--onto", "v2"]).conflicts(), ["sub: submodule"]);
}

#[test]
fn a_submodule_that_a_patch_moves_is_carried() {
    let world = World::new();
    let entry = format!("160000,{},sub", "b".repeat(40));
    world.git("fork", &["update-index", "--add", "--cacheinfo", &entry]);
    world.git("fork", &["commit", "--quiet", "--message", "Submodule"]);
    world.release("v2", &[("g", "two\n")]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.fates(), ["Submodule: carried"]);
    let listed = world.git("fork", &["ls-tree", &told.candidate(), "sub"]);
    assert_eq!(listed, format!("160000 commit {}\tsub", "b".repeat(40)));
}

#[test]
fn a_rename_on_one_side_and_an_edit_on_the_other_go_together() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.git("fork", &["mv", "dir/x", "moved"]);
    world.commit("fork", "Move", &[]);
    world.git("upstream", &["mv", "f", "renamed"]);
    world.release("v2", &[("dir/x", &lines(&[(9, "nine")]))]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.fates(), ["Five: carried-changed", "Move: carried-changed"]);
    let show = |path: &str| world.git("fork", &["show", &format!("{}:{path}", told.candidate())]) + "\n";
    assert_eq!((show("renamed"), show("moved")), (lines(&[(5, "five")]), lines(&[(9, "nine")])));
}

#[test]
fn the_report_says_what_a_person_has_to_know() {
    let world = World::new();
    world.commit("fork", "Fine", &[("n", "ours\n")]);
    let patch = world.commit("fork", "Five", &[("f", &lines(&[(5, "ours")]))]);
    world.commit("fork", "On it", &[("f", &lines(&[(5, "ours too")]))]);
    world.commit("fork", "Beside it", &[("dir/x", &lines(&[(5, "five")]))]);
    let first = world.commit("upstream", "Theirs", &[("f", &lines(&[(5, "theirs")]))]);
    let second = world.commit("upstream", "More", &[("f", &lines(&[(5, "theirs"), (30, "x")]))]);
    world.release("v2", &[("g", "two\n")]);
    let told = world.carry(&["--onto", "v2"]);
    let prepared = "patch-moi/intervention/upstream/v2 is prepared";
    let expected = format!("needs_intervention: patch 2 of 4 `Five` conflicts with v2 in f; {prepared}");
    assert_eq!(told.outcome(), expected);
    assert_eq!(told.fates(), ["Fine: carried", "Five: conflicts", "On it: pending", "Beside it: pending"]);
    let conflict = &told.artifacts()["conflicts"][0];
    assert_eq!((conflict["sha"].as_str(), conflict["place"].as_u64()), (Some(patch.as_str()), Some(2)));
    let file = &conflict["files"][0];
    let upstream: Vec<&Value> = file["upstream"].as_array().unwrap().iter().map(|commit| &commit["sha"]).collect();
    assert_eq!(upstream, [&second, &first]);
    let blob = |revision: &str| world.git("fork", &["rev-parse", &format!("{revision}:f")]);
    for (side, revision) in [("base", "v1"), ("ours", &second), ("theirs", &patch)] {
        assert_eq!(file[side]["sha"], blob(revision), "{side}");
    }
    let told = world.carry(&["--onto", "v2", "--survey"]);
    let fates = ["Fine: carried", "Five: conflicts", "On it: pending false", "Beside it: pending true"];
    assert_eq!(told.fates(), fates);
}

#[test]
fn sides_are_not_picked_by_the_users_configuration() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "ours")]))]);
    world.commit("upstream", "Theirs", &[("f", &lines(&[(5, "theirs")]))]);
    world.git("upstream", &["tag", "v2"]);
    // The checkout's attributes are the user's business of the moment; upstream's own count.
    world.environment().write("fork/.gitattributes", "* merge=union\n");
    assert_eq!(world.carry(&["--onto", "v2"]).conflicts(), ["f: content"]);
}
