//! What a stack is: a branch, several branches, merges, a release branch.

use super::{World, lines};

#[test]
fn patch_branches_are_rebuilt_one_on_the_other() {
    let world = World::new();
    world.git("fork", &["checkout", "--quiet", "-b", "patch/10-one", "main"]);
    world.commit("fork", "One", &[("f", &lines(&[(5, "five")]))]);
    world.commit("fork", "One more", &[("f", &lines(&[(5, "five"), (6, "six")]))]);
    world.git("fork", &["checkout", "--quiet", "-b", "patch/20-two"]);
    world.commit("fork", "Two", &[("n", "n\n")]);
    world.git("fork", &["checkout", "--quiet", "-b", "patch/30-beside", "main"]);
    world.commit("fork", "Beside", &[("dir/x", &lines(&[(9, "nine")]))]);
    let v2 = world.release("v2", &[("g", "two\n")]);
    world.git("fork", &["config", "patch.stack", "patch/*"]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.outcome(), "changed: 4 patches carried onto v2");
    let refs: Vec<(String, String)> = told.artifacts()["candidateRefs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["ref"].as_str().unwrap().to_owned(), it["sha"].as_str().unwrap().to_owned()))
        .collect();
    let candidate = told.candidate();
    let at = |back: usize| world.git("fork", &["rev-parse", &format!("{candidate}~{back}")]);
    let series = |name: &str| format!("refs/heads/patch-moi/stack/upstream/v2/patch=2f{name}");
    let expected = [
        ("refs/heads/patch-moi/candidate/upstream/v2".to_owned(), candidate.clone()),
        (series("10-one"), at(2)),
        (series("20-two"), at(1)),
        (series("30-beside"), candidate.clone()),
    ];
    assert_eq!(refs, expected);
    assert_eq!(at(4), v2);
    for (name, sha) in refs {
        assert_eq!(world.git("fork", &["rev-parse", &name]), sha);
    }
    let branches: Vec<&str> =
        told.artifacts()["patches"].as_array().unwrap().iter().map(|it| it["branch"].as_str().unwrap()).collect();
    assert_eq!(branches, ["patch/10-one", "patch/10-one", "patch/20-two", "patch/30-beside"]);
}

#[test]
fn merges_are_flattened_and_reported() {
    let world = World::new();
    world.git("fork", &["checkout", "--quiet", "-b", "topic", "main"]);
    world.commit("fork", "Topic", &[("n", "n\n")]);
    world.git("fork", &["checkout", "--quiet", "main"]);
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.git("fork", &["merge", "--quiet", "--no-edit", "topic"]);
    world.release("v1.1", &[("g", "more\n")]);
    world.git("fork", &["pull", "--quiet", "--no-rebase", "--no-edit", "upstream", "main"]);
    world.release("v2", &[("g", "two\n")]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.outcome(), "changed: 2 patches carried onto v2");
    let merges = told.artifacts()["merges"].as_array().unwrap();
    assert_eq!(merges.len(), 2);
    assert!(merges.iter().all(|merge| merge["own"] == "nothing"), "{merges:?}");
    assert_eq!(world.subjects("fork", &told.range()).len(), 2);
}

#[test]
fn a_merge_with_content_of_its_own_is_a_persons_business() {
    #[track_caller]
    fn case(prepare: impl Fn(&World), own: &str) {
        let world = World::new();
        world.git("fork", &["checkout", "--quiet", "-b", "topic", "main"]);
        world.commit("fork", "Topic", &[("f", &lines(&[(5, "topic")]))]);
        world.git("fork", &["checkout", "--quiet", "main"]);
        prepare(&world);
        world.release("v2", &[("g", "two\n")]);
        let told = world.carry(&["--onto", "v2"]);
        assert_eq!(told.artifacts()["merges"][0]["own"], own, "{}", told.output);
        assert!(told.outcome().starts_with("needs_intervention: the merge "), "{}", told.output);
        assert_eq!(world.git("fork", &["for-each-ref", "refs/heads/patch-moi/candidate"]), "");
    }
    let evil = |world: &World| {
        world.commit("fork", "Six", &[("n", "n\n")]);
        world.git("fork", &["merge", "--quiet", "--no-commit", "topic"]);
        world.commit("fork", "Merge", &[("n", "smuggled in\n")]);
    };
    case(evil, "changes");
    let resolved = |world: &World| {
        world.commit("fork", "Main", &[("f", &lines(&[(5, "main")]))]);
        world.environment().run("git", &["merge", "--quiet", "topic"]).in_dir("fork").run();
        world.commit("fork", "Merge", &[("f", &lines(&[(5, "both")]))]);
    };
    case(resolved, "resolution");
    let octopus = |world: &World| {
        world.git("fork", &["checkout", "--quiet", "-b", "third", "main"]);
        world.commit("fork", "Third", &[("n", "n\n")]);
        world.git("fork", &["checkout", "--quiet", "main"]);
        world.commit("fork", "Main", &[("dir/x", &lines(&[(5, "main")]))]);
        world.git("fork", &["merge", "--quiet", "--no-edit", "topic", "third"]);
    };
    case(octopus, "octopus");
}

#[test]
fn upstreams_own_backports_are_not_patches() {
    let world = World::new();
    world.git("upstream", &["checkout", "--quiet", "-b", "release-1"]);
    let backport = world.commit("upstream", "Backport", &[("dir/x", &lines(&[(9, "fix")]))]);
    world.git("fork", &["pull", "--quiet", "upstream", "release-1"]);
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.git("upstream", &["checkout", "--quiet", "main"]);
    world.release("v2", &[("g", "two\n")]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.fates(), ["Five: carried"]);
    assert_eq!(told.artifacts()["upstreamOnly"][0]["sha"], backport.as_str());
    let warning =
        "warning: 1 commit is on a branch or tag of upstream's and not in v2: not taken for a patch of `main`";
    assert!(told.output.stderr.contains(warning), "{}", told.output);
}

#[test]
fn a_stack_that_stands_there_already_is_left_alone() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    let told = world.carry(&["--onto", "v1"]);
    assert_eq!(told.outcome(), "skipped: `main` is on v1 already");
    assert_eq!(world.git("fork", &["for-each-ref", "refs/heads/patch-moi"]), "");
}

#[test]
fn patch_stack_tells_how_each_patch_stands() {
    let world = World::new();
    let five = world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.commit("fork", "Nothing", &[]);
    world.commit("fork", "Nine", &[("f", &lines(&[(5, "five"), (30, "ours")]))]);
    world.commit("fork", "Beside", &[("n", "n\n")]);
    world.release("v2", &[("f", &lines(&[(5, "five"), (30, "theirs")]))]);
    let stack = |args: &[&str]| world.environment().patch(&[&["stack"], args].concat()).in_dir("fork").success().stdout;
    let states: Vec<String> = stack(&["--onto", "v2", "--json"])
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{} {}", line["subject"].as_str().unwrap(), line["state"].as_str().unwrap())
        })
        .collect();
    assert_eq!(states, ["Five landed", "Nothing empty", "Nine conflicts", "Beside applies"]);
    let text = stack(&["--onto", "v2"]);
    assert!(text.starts_with("main: 4 patches on "), "{text}");
    assert!(text.contains(&format!("  1 {} landed    Five (landed upstream: ", &five[..10])), "{text}");
    let text = stack(&[]);
    assert!(text.contains(&format!("  1 {} Five\n", &five[..10])), "{text}");
    assert_eq!(world.git("fork", &["for-each-ref", "refs/heads/patch-moi"]), "");
}
