//! The watch's `resolver`: what it is given, what is taken of it, and what is not.

use super::{Told, World, lines};
use serde_json::{Value, json};
use std::fs;

const BRANCH: &str = "patch-moi/intervention/upstream/v2";

/// A fork whose patch conflicts, and whose resolver is this script.
fn resolving(script: &str) -> World {
    let world = World::new();
    world.commit("fork", "Fine", &[("n", "ours\n")]);
    world.commit("fork", "Five", &[("f", &lines(&[(5, "ours")]))]);
    world.release("v2", &[("f", &lines(&[(5, "theirs")])), ("g", "two\n")]);
    world.set_resolver(script);
    world
}

impl World {
    fn set_resolver(&self, script: &str) {
        let script = format!("#!/bin/sh\nROOT='{}'\n{script}\n", self.path("").display());
        let program = self.environment().program("bin/resolver", &script);
        self.git("fork", &["config", "patch.resolver", &format!("{} 'an argument'", program.display())]);
    }

    /// Why the resolver's work was not taken.
    #[track_caller]
    fn refusal(&self, told: &Told) -> String {
        assert_eq!(told.report["status"], "needs_intervention", "{}", told.output);
        let tried = &told.artifacts()["resolver"][0];
        assert_eq!(
            (tried["accepted"].as_bool(), told.artifacts()["usedResolver"].as_bool()),
            (Some(false), Some(false))
        );
        assert!(told.output.stderr.contains("the resolver did not resolve it: "), "{}", told.output);
        self.git("fork", &["rev-parse", "--verify", &format!("refs/heads/{BRANCH}")]);
        tried["message"].as_str().unwrap().to_owned()
    }
}

/// Takes both sides.
const BOTH: &str = "sed -i -e '/^<<<<<<< /d' -e '/^=======$/d' -e '/^>>>>>>> /d' f";

fn both() -> String {
    lines(&[(5, "theirs\nours")])
}

#[test]
fn it_works_in_a_worktree_of_its_own_with_the_report_on_standard_input() {
    let world = resolving(&format!(
        "cat > $ROOT/stdin; {{ pwd; echo \"$1\"; git status --porcelain --branch; git log --format=%s -2; git describe --tags; }} > $ROOT/seen\n\
         cp f $ROOT/marked; {BOTH}"
    ));
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.outcome(), "changed: 2 patches carried onto v2");
    assert_eq!(told.fates(), ["Fine: carried", "Five: resolved"]);
    assert_eq!(told.artifacts()["patches"][1]["by"], "resolver");
    assert_eq!(world.git("fork", &["show", &format!("{}:f", told.candidate())]) + "\n", both());

    let seen = world.environment().read("seen");
    let (place, rest) = seen.split_once('\n').unwrap();
    let worktrees = world.state("worktrees");
    assert!(place.starts_with(worktrees.to_str().unwrap()), "{place}");
    let describe = world.git("fork", &["describe", "--tags", &format!("{}^", told.candidate())]);
    assert_eq!(rest, format!("an argument\n## HEAD (no branch)\nUU f\nFine\nRelease v2\n{describe}\n"));
    assert!(world.environment().read("marked").contains("<<<<<<<"));
    assert_eq!(fs::read_dir(&worktrees).unwrap().count(), 1, "only the lock is left");

    let given: Value = serde_json::from_str(&world.environment().read("stdin")).unwrap();
    let patch = world.git("fork", &["rev-parse", "main"]);
    let onto = world.git("upstream", &["rev-parse", "v2^{}"]);
    for (field, expected) in [
        ("v", json!(1)),
        ("watch", json!("upstream")),
        ("key", json!("v2")),
        ("onto", json!({"name": "v2", "sha": onto})),
        ("paths", json!(["f"])),
        ("sha", json!(patch)),
        ("subject", json!("Five")),
        ("place", json!(2)),
        ("of", json!(2)),
    ] {
        assert_eq!(given[field], expected, "{field}");
    }
    let file = &given["files"][0];
    assert_eq!((file["kind"].as_str(), file["upstream"][0]["sha"].as_str()), (Some("content"), Some(onto.as_str())));

    let tried = &told.artifacts()["resolver"][0];
    assert_eq!((tried["accepted"].as_bool(), tried["place"].as_u64()), (Some(true), Some(2)));
    assert_eq!((&tried["changed"], tried["exit"].as_str()), (&json!(["f"]), Some("exit status 0")));
    let diff = tried["diff"].as_str().unwrap();
    assert!(diff.contains("\n-=======\n") && diff.contains("--- a/f\n+++ b/f\n"), "{diff}");
    assert!(world.state(tried["log"].as_str().unwrap()).exists());
}

#[test]
fn what_it_stages_is_the_result() {
    let world = resolving(&format!("{BOTH}; git add f"));
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(world.git("fork", &["show", &format!("{}:f", told.candidate())]) + "\n", both());
    assert_eq!(told.artifacts()["usedResolver"], true);
}

#[test]
fn it_may_change_another_file_if_it_says_so() {
    let says =
        r#"echo 'FLOW_RESULT {"status":"changed","message":"moved the call","artifacts":{"changed":["g","new"]}}'"#;
    let world = resolving(&format!("{BOTH}; echo more >> g; echo new > new; {says}"));
    let told = world.carry(&["--onto", "v2"]);
    let show = |path: &str| world.git("fork", &["show", &format!("{}:{path}", told.candidate())]);
    assert_eq!((show("g"), show("new")), ("two\nmore".to_owned(), "new".to_owned()));
    let tried = &told.artifacts()["resolver"][0];
    assert_eq!((&tried["changed"], tried["message"].as_str()), (&json!(["f", "g", "new"]), Some("moved the call")));
}

#[test]
fn what_is_no_resolution_is_not_taken() {
    #[track_caller]
    fn case(script: &str, reason: &str) {
        let world = resolving(script);
        let before = world.snapshot();
        let told = world.carry(&["--onto", "v2"]);
        assert_eq!(world.refusal(&told), reason, "{script}");
        assert!(world.snapshot() == before, "{script}");
    }
    case(":", "it left a conflict marker in f, line 5");
    case("git add f", "it left a conflict marker in f, line 5");
    case(&format!("{BOTH}; sed -i 's/^ours$/=======/' f"), "it left a conflict marker in f, line 6");
    let outside = "which does not conflict, and does not name it in `artifacts.changed`";
    case(&format!("{BOTH}; echo x >> g"), &format!("it changed g, {outside}"));
    case(&format!("{BOTH}; echo x >> g; git add g"), &format!("it changed g, {outside}"));
    case(&format!("{BOTH}; rm dir/x"), &format!("it changed dir/x, {outside}"));
    case(&format!("{BOTH}; echo x > left"), &format!("it changed left, {outside}"));
    let moved = "it moved HEAD; it is to leave its work in the index or in the files";
    case(&format!("{BOTH}; git commit --quiet --all --message x"), moved);
    case("git switch --quiet --force --create other", moved);
    case("git reset --quiet --hard", "it left nothing of the patch; to drop one is for a person to decide");
    case(
        &format!("{BOTH}; git add f; echo x >> f"),
        "it staged f and changed it again: which one is meant cannot be told",
    );
    case("ln -sf /etc/passwd f; git add f", "it made f what it is on no side: a link, a submodule or another mode");
    case(&format!("{BOTH}; echo no >&2; exit 3"), "exit status 3");
    let says = r#"echo 'FLOW_RESULT {"status":"needs_intervention","message":"too hard"}'"#;
    case(&format!("{BOTH}; {says}"), "too hard");
}

#[test]
fn one_that_is_not_there_or_does_not_end_leaves_it_to_a_person() {
    let world = resolving("sleep 600");
    // Long enough for all of Git's own work before.
    world.git("fork", &["config", "patch.timeout", "10"]);
    assert!(world.refusal(&world.carry(&["--onto", "v2"])).starts_with("no end within "));
    world.git("fork", &["config", "patch.resolver", "/no/such/program"]);
    world.git("fork", &["config", "--unset", "patch.timeout"]);
    let told = world.carry(&["--onto", "v2"]);
    assert!(world.refusal(&told).starts_with("`/no/such/program` does not exist"), "{}", told.output);
}

#[test]
fn conflicts_in_more_than_lines_have_to_be_staged() {
    let prepare = |script: &str| {
        let world = World::new();
        world.commit("fork", "Edit", &[("g", "ours\n")]);
        world.release("v2", &[("g", "")]);
        world.set_resolver(script);
        world
    };
    let world = prepare(":");
    assert_eq!(world.refusal(&world.carry(&["--onto", "v2"])), "it left g unmerged");
    let world = prepare("git add g");
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(world.git("fork", &["show", &format!("{}:g", told.candidate())]), "ours");
}

#[test]
fn what_it_resolved_is_remembered() {
    let world = resolving(BOTH);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.artifacts()["usedResolver"], true, "{}", told.output);
    world.release("v3", &[("dir/x", &lines(&[(30, "thirty")]))]);
    world.git("fork", &["config", "--unset", "patch.resolver"]);
    let told = world.carry(&["--onto", "v3"]);
    assert_eq!(
        (told.artifacts()["usedRerere"].as_bool(), told.artifacts()["usedResolver"].as_bool()),
        (Some(true), Some(false))
    );
}

#[test]
fn a_recorded_resolution_comes_first() {
    let world = resolving(BOTH);
    world.carry(&["--onto", "v2"]);
    world.release("v3", &[("dir/x", &lines(&[(30, "thirty")]))]);
    world.set_resolver("exit 1");
    let told = world.carry(&["--onto", "v3"]);
    assert_eq!(told.outcome(), "changed: 2 patches carried onto v3");
    assert!(told.artifacts()["resolver"].is_null());
}

#[test]
fn one_that_breaks_its_repository_resolved_nothing() {
    for broken in ["git config core.bare true", "rm -rf .git", "echo x > .git/HEAD", "echo x > .git/index"] {
        let world = resolving(&format!("{BOTH}; {broken}"));
        let told = world.carry(&["--onto", "v2"]);
        let refusal = world.refusal(&told);
        assert!(!refusal.is_empty(), "{broken}");
    }
}

#[test]
fn one_that_removes_its_repository_gets_at_none_above() {
    let world = resolving(&format!("rm -rf .git; {BOTH}; git add f"));
    // The state directory lies in a repository of the user's.
    world.git("", &["init", "--quiet", "state"]);
    let told = world.carry(&["--onto", "v2"]);
    world.refusal(&told);
    assert!(!world.path("state/.git/index").exists());
}
