//! Which patches upstream has, and which it only seems to have.

use super::{Stream, World, lines};

#[test]
fn eight_of_250_patches_landed_one_by_one() {
    let world = World::new();
    let base = world.git("fork", &["rev-parse", "HEAD"]);
    let mut stack = Stream::new("main", &base);
    let named = |number: usize| (format!("patched/{number}"), format!("Patch {number}"));
    for number in 1..=250 {
        let (path, subject) = named(number);
        stack.commit("main", &subject, [(path.as_str(), "patched\n")]);
    }
    stack.import(&world, "fork");
    let landed: Vec<usize> = (1..=8).map(|number| number * 30).collect();
    let mut upstream = Stream::new("main", &base);
    for number in &landed {
        let (path, subject) = named(*number);
        upstream.commit("main", &format!("{subject} (#{number})"), [(path.as_str(), "patched\n")]);
    }
    upstream.import(&world, "upstream");
    world.git("upstream", &["tag", "v2"]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.outcome(), "changed: 242 patches carried onto v2, 8 landed upstream");
    for (index, fate) in told.fates().iter().enumerate() {
        let number = index + 1;
        let expected = if landed.contains(&number) { "landed patch-id" } else { "carried" };
        assert_eq!(*fate, format!("Patch {number}: {expected}"));
    }
    assert_eq!(world.subjects("fork", &told.range()).len(), 242);
}

#[test]
fn three_patches_that_upstream_squashed_are_found() {
    let world = World::new();
    for (subject, text) in [("One", "one"), ("Two", "two"), ("Three", "three")] {
        world.commit("fork", subject, &[("f", &lines(&[(5, text)]))]);
    }
    world.commit("fork", "Ours", &[("n", "ours\n")]);
    world.release("v2", &[("f", &lines(&[(5, "three")])), ("g", "two\n")]);
    let told = world.carry(&["--onto", "v2"]);
    let fates = told.fates();
    assert_eq!(fates[..2], ["One: landed reverse-apply", "Two: landed reverse-apply"]);
    assert!(fates[2].starts_with("Three: landed "), "{fates:?}");
    assert_eq!(fates[3], "Ours: carried");
    assert_eq!(world.subjects("fork", &told.range()), ["Ours"]);
}

#[test]
fn a_landed_patch_that_upstream_went_on_from_is_found_by_its_id() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.commit("upstream", "Five (#1)", &[("f", &lines(&[(5, "five")]))]);
    world.release("v2", &[("f", &lines(&[(5, "FIVE")]))]);
    assert_eq!(world.carry(&["--onto", "v2"]).fates(), ["Five: landed patch-id"]);
}

#[test]
fn a_patch_that_upstream_took_and_took_back_is_carried() {
    // Once as `git revert` does it, once by hand, and once so that it does not even apply.
    for case in ["revert", "by hand", "by word"] {
        let world = World::new();
        world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
        let taken = world.commit("upstream", "Five (#1)", &[("f", &lines(&[(5, "five")]))]);
        let expected = match case {
            "revert" => {
                world.git("upstream", &["revert", "--no-edit", &taken]);
                "Five: carried reverted"
            }
            "by hand" => {
                world.commit("upstream", "No", &[("f", &lines(&[])), ("dir/x", &lines(&[(1, "one")]))]);
                "Five: carried"
            }
            _ => {
                let message = format!("No\n\nThis reverts commit {taken}.");
                world.commit("upstream", &message, &[("f", &lines(&[(5, "another five")]))]);
                "Five: conflicts reverted"
            }
        };
        world.release("v2", &[("g", "two\n")]);
        assert_eq!(world.carry(&["--onto", "v2"]).fates(), [expected], "{case}");
    }
}

#[test]
fn a_patch_that_empties_is_dropped_with_its_proof() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.release("v2", &[("f", &lines(&[(5, "five"), (30, "")]))]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.fates(), ["Five: landed emptied"]);
    assert_eq!(told.candidate(), world.git("upstream", &["rev-parse", "main"]));
}

#[test]
fn the_configuration_says_what_becomes_of_landed_patches() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.commit("fork", "Ours", &[("n", "ours\n")]);
    world.release("v2", &[("f", &lines(&[(5, "five")]))]);
    world.git("fork", &["config", "patch.landed", "ask"]);
    let told = world.carry(&["--onto", "v2"]);
    let words = "needs_intervention: 1 patch is in v2 already, and `watch.upstream.landed` is `ask`; \
                 patch-moi/intervention/upstream/v2 is prepared";
    assert_eq!((told.outcome().as_str(), told.output.status), (words, 0));
    assert_eq!(world.git("fork", &["for-each-ref", "refs/heads/patch-moi/candidate"]), "");
    world.git("fork", &["config", "patch.landed", "keep"]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(world.subjects("fork", &told.range()), ["Five", "Ours"]);
    assert_eq!(world.git("fork", &["diff", "--name-only", &told.range()]), "n");
    world.git("fork", &["config", "patch.landed", "lose"]);
    world.carry(&["--onto", "v2"]).is_wrong("patch.landed", "");
}

#[test]
fn originally_empty_commits_are_kept() {
    let world = World::new();
    world.commit("fork", "Nothing", &[]);
    world.commit("fork", "Ours", &[("n", "ours\n")]);
    world.release("v2", &[("g", "two\n")]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.fates(), ["Nothing: empty", "Ours: carried"]);
    assert_eq!(world.subjects("fork", &told.range()), ["Nothing", "Ours"]);
}

#[test]
fn patches_that_cancel_out_are_not_taken_for_landed() {
    let world = World::new();
    world.commit("fork", "Add", &[("f", &lines(&[(5, "5\nfive")])), ("n", "ours\n")]);
    world.commit("fork", "Add a file", &[("gone", "gone\n")]);
    world.commit("fork", "Remove", &[("f", &lines(&[]))]);
    world.commit("fork", "Remove the file", &[("gone", "")]);
    world.release("v2", &[("g", "two\n")]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.fates(), ["Add: carried", "Add a file: carried", "Remove: carried", "Remove the file: carried"]);
}

#[test]
fn removing_what_an_older_patch_added_is_not_landed_though_upstream_never_had_it() {
    // The older patch conflicts. What the newer one removes is not in upstream: nothing proves that
    // upstream removed it.
    let world = World::new();
    world.commit("fork", "Add", &[("f", &lines(&[(5, "ours"), (20, "20\nextra")]))]);
    world.commit("fork", "Remove", &[("f", &lines(&[(5, "ours")]))]);
    world.release("v2", &[("f", &lines(&[(5, "theirs")]))]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.fates(), ["Add: conflicts", "Remove: pending"]);
}

#[test]
fn one_commit_of_upstreams_is_the_twin_of_one_patch() {
    let world = World::new();
    let (once, twice) = ("x\n".repeat(10), "x\n".repeat(11));
    world.commit("upstream", "X", &[("x", &"x\n".repeat(9))]);
    world.git("fork", &["pull", "--quiet", "upstream", "main"]);
    world.commit("fork", "First", &[("x", &once)]);
    world.commit("fork", "Second", &[("x", &twice)]);
    world.release("v2", &[("x", &once)]);
    assert_eq!(world.carry(&["--onto", "v2"]).fates(), ["First: landed patch-id", "Second: carried"]);
}

#[test]
fn the_same_change_at_another_place_is_not_landed() {
    let block = |marks: [&str; 2]| {
        let part = |mark: &str| format!("begin\n\n\n\n{mark}\n\n\n\nend\n{}", "filler\n".repeat(20));
        marks.map(part).concat()
    };
    let world = World::new();
    world.commit("upstream", "Blocks", &[("b", &block(["old", "old"]))]);
    world.git("fork", &["pull", "--quiet", "upstream", "main"]);
    world.commit("fork", "Second block", &[("b", &block(["old", "new"]))]);
    world.release("v2", &[("b", &block(["new", "old"]))]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.fates(), ["Second block: carried"]);
    assert_eq!(world.git("fork", &["show", &format!("{}:b", told.candidate())]) + "\n", block(["new", "new"]));
    // Nor where it no longer applies, and only the twin could speak for it.
    world.release("v3", &[("b", &block(["new", "other"]))]);
    assert_eq!(world.carry(&["--onto", "v3"]).fates(), ["Second block: conflicts"]);
}

#[test]
fn white_space_is_a_change() {
    // Blind to white space, both sides have the same id; and they conflict.
    let world = World::new();
    world.commit("fork", "Indent", &[("f", &lines(&[(5, "    5")]))]);
    world.release("v2", &[("f", &lines(&[(5, "\t5")]))]);
    assert_eq!(world.carry(&["--onto", "v2"]).fates(), ["Indent: conflicts"]);
}

#[test]
fn modes_renames_and_deletions_land_too() {
    #[track_caller]
    fn case(ours: &[&str], theirs: &[&str], expected: &str) {
        let world = World::new();
        for (repository, commands) in [("fork", ours), ("upstream", theirs)] {
            for command in commands {
                let words: Vec<&str> = command.split(' ').collect();
                world.git(repository, &words);
            }
            world.commit(repository, if repository == "fork" { "Change" } else { "Theirs" }, &[]);
        }
        world.release("v2", &[("g", "two\n")]);
        assert_eq!(world.carry(&["--onto", "v2"]).fates(), [format!("Change: {expected}")], "{ours:?} {theirs:?}");
    }
    let mode = "update-index --chmod=+x f";
    let checked_out = "checkout -- f";
    case(&[mode, checked_out], &[mode, checked_out], "landed patch-id");
    case(&[mode, checked_out], &[], "carried");
    case(&["mv f h"], &["mv f h"], "landed patch-id");
    case(&["mv f h"], &[], "carried");
    case(&["rm -q f"], &["rm -q f"], "landed patch-id");
    case(&["rm -q f"], &[], "carried");
    case(&["rm -q f"], &["rm -q f dir/x"], "landed emptied");
    case(&["mv f h"], &["rm -q f"], "conflicts");
}

#[test]
fn a_patch_that_does_what_an_older_one_does_is_kept() {
    let world = World::new();
    world.git("fork", &["checkout", "--quiet", "-b", "patch/1", "main"]);
    world.commit("fork", "One", &[("f", &lines(&[(5, "five")]))]);
    world.git("fork", &["checkout", "--quiet", "-b", "patch/2", "main"]);
    world.commit("fork", "Again", &[("f", &lines(&[(5, "five")]))]);
    world.release("v2", &[("g", "two\n")]);
    let told = world.carry(&["--onto", "v2", "--stack", "patch/*"]);
    assert_eq!(told.fates(), ["One: carried", "Again: carried-changed"]);
}

#[test]
fn a_patch_that_upstream_has_at_another_place_is_carried_and_told() {
    let world = World::new();
    let added = lines(&[(5, "5\nadded")]);
    world.commit("fork", "Added", &[("f", &added)]);
    let twin = world.commit("upstream", "Added (#1)", &[("f", &added)]);
    world.release("v2", &[("f", &lines(&[(30, "30\nadded")]))]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.fates(), ["Added: carried"]);
    assert_eq!(told.artifacts()["patches"][0]["twin"], twin.as_str());
    let words = format!("Added: carried; upstream has it too, as {}: look that it is not there twice", &twin[..10]);
    assert!(told.output.stderr.contains(&words), "{}", told.output);
}
