//! The commands that a candidate must pass: what they run in, and what becomes of one that fails them.

use super::{Told, World, lines};
use std::fs;

const CANDIDATE: &str = "refs/heads/patch-moi/candidate/upstream/v2";

/// A fork with a patch, a release to be carried to, and these commands.
fn world(commands: &[&str]) -> World {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.release("v2", &[("f", &lines(&[(30, "thirty")]))]);
    for command in commands {
        world.set("patch.verify", command);
    }
    world
}

fn sh(script: &str) -> String {
    shlex::try_join(["sh", "-c", script]).unwrap()
}

/// The checks: `command: passed`.
fn checks(told: &Told) -> Vec<String> {
    let checks = told.artifacts()["checks"].as_array().unwrap_or_else(|| panic!("{}", told.output));
    checks.iter().map(|check| format!("{}: {}", check["command"].as_str().unwrap(), check["passed"])).collect()
}

#[track_caller]
fn is_published(world: &World) -> bool {
    !world.git("fork", &["for-each-ref", CANDIDATE]).is_empty()
}

#[test]
fn a_candidate_that_passes_is_verified() {
    let world = world(&["grep -qx five f", "grep -qx thirty f"]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.said(), "changed: 1 patch carried onto v2; verified");
    assert_eq!(told.artifacts()["verified"], true);
    assert_eq!(checks(&told), ["grep -qx five f: true", "grep -qx thirty f: true"]);
    assert!(is_published(&world));
}

#[test]
fn without_commands_it_is_said_that_nothing_was_verified() {
    let world = world(&[]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.said(), "changed: 1 patch carried onto v2; not verified");
    assert_eq!(told.artifacts()["verified"], false);
    assert!(is_published(&world));
}

#[test]
fn the_first_that_fails_stops_and_nothing_is_published() {
    let second = sh("echo out; echo 'no rule' >&2; exit 3");
    let world = world(&["true", &second, "touch ../ran"]);
    let told = world.carry(&["--onto", "v2"]);
    let why = format!("`{second}`: exit status 3: no rule");
    assert_eq!(told.said(), format!("failed: 1 patch carried onto v2, and not published: {why}"));
    assert_eq!(told.output.status, 1);
    assert_eq!(checks(&told), ["true: true".to_owned(), format!("{second}: false")]);
    assert_eq!(told.artifacts()["verified"], false);
    assert_eq!(told.artifacts()["candidateRefs"], serde_json::json!([]));
    assert!(!is_published(&world));
    let log = told.artifacts()["checks"][1]["log"].as_str().unwrap();
    let state = fs::read_dir(world.path("state")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(
        fs::read_to_string(state.join(log)).unwrap(),
        "--- standard output\nout\n--- standard error\nno rule\n--- exit status 3\n"
    );
}

#[test]
fn a_command_that_cannot_be_started_is_named() {
    let world = world(&["no-such-program --now"]);
    let told = world.carry(&["--onto", "v2"]);
    assert!(told.said().contains("`no-such-program --now`: `no-such-program` was not found"), "{}", told.said());
    assert!(!is_published(&world));
}

#[test]
fn it_runs_at_exactly_the_candidate_and_knows_nothing_of_the_checkout() {
    let script = r#"{ git rev-parse HEAD; echo "$PATCH_CANDIDATE $PATCH_ONTO"; git status --porcelain; env | grep -E '^(GIT_(DIR|WORK_TREE|INDEX_FILE)|PATCH_EVENT)' ; cat; git rev-parse --is-inside-work-tree; } > "$HOME/saw" 2>&1"#;
    let world = world(&[&sh(script)]);
    world.environment().write("fork/f", "not committed\n");
    let args = ["carry", "--json", "--onto", "v2"];
    let run = world.environment().patch(&args).in_dir("fork");
    let told = run.env("GIT_DIR", world.path("fork/.git")).env("GIT_WORK_TREE", world.path("fork"));
    told.env("PATCH_EVENT_FILE", "/elsewhere").success();
    let (candidate, onto) =
        (world.git("fork", &["rev-parse", CANDIDATE]), world.git("upstream", &["rev-parse", "v2^0"]));
    assert_eq!(world.environment().read("home/saw"), format!("{candidate}\n{candidate} {onto}\ntrue\n"));
    assert_eq!(world.environment().read("fork/f"), "not committed\n");
}

#[test]
fn what_a_command_changes_counts_for_nothing() {
    let spoil = sh("echo spoilt > f; rm g; echo built > made");
    let world = world(&[&spoil, &sh("grep -qx five f && grep -qx g g && grep -qx built made")]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.said(), "changed: 1 patch carried onto v2; verified");
    assert_eq!(world.git("fork", &["show", &format!("{CANDIDATE}:f")]) + "\n", lines(&[(5, "five"), (30, "thirty")]));
    assert_eq!(world.git("fork", &["ls-tree", "--name-only", CANDIDATE]), "dir\nf\ng");
}

#[test]
fn a_command_that_moves_head_verifies_something_else() {
    #[track_caller]
    fn case(script: &str, words: &str) {
        let world = world(&[&sh(script)]);
        let told = world.carry(&["--onto", "v2"]);
        assert!(told.said().starts_with("failed: 1 patch carried onto v2, and not published: "), "{}", told.said());
        assert!(told.said().contains(words), "{}", told.said());
        assert!(!is_published(&world));
    }
    case("git commit --quiet --allow-empty --message more", "it moved HEAD to ");
    case("git checkout --quiet HEAD^", "it moved HEAD to ");
    case("rm -rf .git", "it left no HEAD that can be read");
}

#[test]
fn a_command_that_hangs_is_ended_with_all_it_started() {
    let world = world(&[&sh("sleep 1000 & echo $! > $HOME/pid; echo waiting; wait"), "true"]);
    world.set("patch.timeout", "2");
    let told = world.carry(&["--onto", "v2"]);
    assert!(told.said().contains("`: no end within "), "{}", told.said());
    assert!(told.said().ends_with(" s: waiting"), "{}", told.said());
    assert_eq!(checks(&told).len(), 1);
    let pid = world.environment().read("home/pid");
    assert!(!world.environment().run("ps", &["-o", "stat=", "-p", pid.trim()]).run().stdout.starts_with('S'));
    assert!(!is_published(&world));
    let state = fs::read_dir(world.path("state")).unwrap().next().unwrap().unwrap().path();
    let left = fs::read_dir(state.join("worktrees")).unwrap().filter(|it| it.as_ref().unwrap().path().is_dir()).count();
    assert_eq!(left, 0);
}

#[test]
fn an_intervention_is_never_verified() {
    let world = world(&[&sh("echo ran >> $HOME/ran")]);
    world.release("v3", &[("f", &lines(&[(5, "other")]))]);
    let told = world.carry(&["--onto", "v3"]);
    assert_eq!(told.report["status"], "needs_intervention");
    assert!(checks(&told).is_empty());
    assert!(!world.path("home/ran").exists());
}

#[test]
fn what_a_resolver_made_and_fails_is_left_to_a_person() {
    let world = world(&["grep -qx resolved f"]);
    world.release("v3", &[("f", &lines(&[(5, "other")]))]);
    world.set("patch.resolver", &sh("git checkout --quiet --theirs f || exit 1; git add f"));
    let told = world.carry(&["--onto", "v3"]);
    assert_eq!(told.report["status"], "needs_intervention", "{}", told.output);
    let words = "as the resolver resolved it, the candidate fails `grep -qx resolved f`: exit status 1";
    assert!(told.said().contains(words), "{}", told.said());
    assert_eq!(told.artifacts()["resolver"][0]["accepted"], false);
    assert_eq!(told.artifacts()["usedResolver"], false);
    assert!(told.artifacts()["intervention"]["ref"].is_string());
    assert_eq!(world.git("fork", &["for-each-ref", "refs/heads/patch-moi/candidate"]), "");
    // Not recorded either: the next run would take it for granted.
    world.git("fork", &["config", "--unset", "patch.resolver"]);
    let again = world.carry(&["--onto", "v3"]);
    assert_eq!(again.report["status"], "needs_intervention");
    // One that passes is a candidate.
    world.set("patch.resolver", &sh("git checkout --quiet --theirs f && sed -i s/five/resolved/ f && git add f"));
    let told = world.carry(&["--onto", "v3"]);
    assert_eq!(told.said(), "changed: 1 patch carried onto v3; verified", "{}", told.output);
}

#[test]
fn what_a_program_resolved_before_a_person_is_published_only_if_it_passes() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "ours")]))]);
    world.commit("fork", "X", &[("dir/x", &lines(&[(5, "our x")]))]);
    world.release("v2", &[("f", &lines(&[(5, "theirs")])), ("dir/x", &lines(&[(5, "their x")]))]);
    let resolver = "#!/bin/sh\ntest -f dir/x && grep -q '<<<' dir/x && exit 1\ngit checkout --theirs f && git add f\n";
    let program = world.environment().program("bin/resolver", resolver);
    world.git("fork", &["config", "patch.resolver", program.to_str().unwrap()]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.conflicts(), ["dir/x: content"], "{}", told.output);
    world.set("patch.verify", "grep -qx fixed f");
    let both = lines(&[(5, "both")]);
    let told = world.finish("fork", "patch-moi/intervention/upstream/v2", &[("dir/x", &both)]);
    assert_eq!(told.said(), "failed: 2 patches carried onto v2, and not published: `grep -qx fixed f`: exit status 1");
    assert_eq!(told.fates(), ["Five: resolved", "X: resolved"]);
    assert_eq!(told.artifacts()["candidateRefs"], serde_json::json!([]));
    assert!(!is_published(&world));
}
