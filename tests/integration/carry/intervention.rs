//! What is left where a person has to decide.

use super::{World, lines};
use expect_test::expect;

const BRANCH: &str = "patch-moi/intervention/upstream/v2";

fn conflicting() -> World {
    let world = World::new();
    world.commit("fork", "Fine", &[("n", "ours\n")]);
    world.commit("fork", "Five\n\nWith a body.", &[("f", &lines(&[(5, "ours")]))]);
    world.commit("fork", "Later", &[("dir/x", &lines(&[(5, "five")]))]);
    world.commit("upstream", "Theirs [skip ci] #1", &[("f", &lines(&[(5, "theirs")]))]);
    world.release("v2", &[("g", "two\n")]);
    world.git("fork", &["fetch", "--quiet", "--tags", "upstream"]);
    world
}

fn commit_of(world: &World, branch: &str) -> String {
    world.git("fork", &["rev-parse", &format!("refs/heads/{branch}")])
}

#[test]
fn the_branch_holds_what_was_carried_the_conflict_and_the_report() {
    let world = conflicting();
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(
        told.outcome(),
        "needs_intervention: patch 2 of 3 `Five` conflicts with v2 in f; patch-moi/intervention/upstream/v2 is prepared"
    );
    assert_eq!(told.artifacts()["candidateRefs"], serde_json::json!([]));
    let left = &told.artifacts()["intervention"];
    assert_eq!(left["ref"], format!("refs/heads/{BRANCH}"));
    assert_eq!(left["sha"], commit_of(&world, BRANCH));
    assert_eq!(
        world.subjects("fork", &format!("v1..{BRANCH}")),
        ["Theirs [skip ci] #1", "Release v2", "Fine", "patch: conflict: Five"]
    );
    let marked = world.git("fork", &["show", &format!("{BRANCH}:f")]);
    let ours = world.git("fork", &["rev-parse", &format!("{BRANCH}^^{{tree}}")]);
    assert!(marked.contains(&format!("\n<<<<<<< {ours}\ntheirs\n=======\nours\n>>>>>>> ")), "{marked}");
    let message =
        world.git("fork", &["log", "-1", "--format=%an <%ae> %ad%n%cn <%ce> %cd%n%n%B", "--date=raw", BRANCH]);
    let mut steady = message;
    for (name, revision) in
        [("PATCH", "main~1"), ("STACK", "main"), ("ONTO", "v2^{}"), ("BASE", "v1"), ("THEIRS", "v2~1")]
    {
        let sha = world.git("fork", &["rev-parse", revision]);
        steady = steady.replace(&sha, name).replace(&sha[..10], name);
    }
    expect![[r#"
        Ann Author <ann@example.org> 1767323045 +0000
        patch.moi <patch@patch.moi> 1767323045 +0000

        patch: conflict: Five

        Patch 2 of 3 does not go together with v2. Below this commit is what
        was carried so far; this commit is the patch as Git leaves it, with its conflicts.

            PATCH Five
            Ann Author <ann@example.org>

        It conflicts in 1 file:

            f: both changed the same lines
              CONFLICT (content): Merge conflict in f
              upstream: THEIRS Theirs \u{5b}skip ci] \u{23}1

        In a conflict, what stands before ======= is upstream with the patches so far, and what stands
        behind it is the patch. `git show PATCH` is the patch as it was.

        To finish, here or in any clone of the fork:

            git fetch
            git switch patch-moi/intervention/upstream/v2
            (edit the files until no conflict is left; `git add` those that are new)
            git commit --all --amend --no-edit --allow-empty
            patch carry --continue

        That makes the candidate, or the next branch like this one. This commit is never part of a candidate.

        {"carry":{"v":1,"watch":"upstream","key":"v2","refPrefix":"patch-moi/","onto":{"name":"v2","sha":"ONTO"},"tag":"v2","date":"2026-01-02T03:04:05.000Z","stack":"main","series":[{"branch":"main","head":"STACK"}],"bounds":["BASE"],"landed":"drop","flatten":false,"cause":"conflict","conflict":"PATCH","resolved":[]}}

        Patch-Intervention: patch:upstream:v2
        Patch-Watch: upstream
        Patch-Stack: STACK
        Patch-Onto: ONTO
        Patch-Conflict: PATCH
        Upstream-Tag: v2"#]]
    .assert_eq(&steady);
}

#[test]
fn a_repeat_gives_the_same_commit() {
    let world = conflicting();
    world.carry(&["--onto", "v2"]);
    let commit = commit_of(&world, BRANCH);
    let told = world.carry(&["--onto", "v2"]);
    assert!(told.outcome().ends_with("; patch-moi/intervention/upstream/v2 was there already"), "{}", told.output);
    world.git("fork", &["branch", "--quiet", "-D", BRANCH]);
    world.carry(&["--onto", "v2"]);
    assert_eq!(commit_of(&world, BRANCH), commit);
}

#[test]
fn the_event_is_in_it() {
    let world = conflicting();
    world.git("fork", &["remote", "add", "origin", "."]);
    world.git("fork", &["config", "watch.up.remote", "upstream"]);
    let sha = world.git("upstream", &["rev-parse", "v2^{}"]);
    let event = format!(
        r#"{{"id":"patch:up:v2:upstream.release","type":"upstream.release","source":"patch","receivedAt":"2026-03-04T05:06:07.000Z","payload":{{"tag":"v2","sha":"{sha}","title":"[skip ci]"}}}}"#
    );
    world.environment().write("event.json", &event);
    let told = world.carry(&["--event", "../event.json", "--stack", "main"]);
    assert_eq!(told.report["status"], "needs_intervention", "{}", told.output);
    let branch = "patch-moi/intervention/up/v2";
    let printed = world.environment().patch(&["event", branch]).in_dir("fork").success().stdout;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap()["payload"]["title"], "[skip ci]");
    let message = world.git("fork", &["log", "-1", "--format=%B%ct", branch]);
    assert!(!message.contains("[skip") && message.ends_with("\n1772600767"), "{message}");
    assert!(message.contains("\nPatch-Intervention: patch:up:v2:upstream.release\n"), "{message}");
}

#[test]
fn one_that_nobody_touched_follows_the_stack_and_one_that_a_person_touched_stays() {
    let world = conflicting();
    world.carry(&["--onto", "v2"]);
    let first = commit_of(&world, BRANCH);
    world.commit("fork", "More", &[("m", "m\n")]);
    world.carry(&["--onto", "v2"]);
    let second = commit_of(&world, BRANCH);
    assert_ne!(first, second);

    world.git("fork", &["worktree", "add", "--quiet", "../look", BRANCH]);
    world.commit("fork", "Yet more", &[("m", "more\n")]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.output.status, 1);
    assert!(told.output.stderr.contains("is checked out in $TEMP/look"), "{}", told.output);
    assert_eq!(commit_of(&world, BRANCH), second);

    let amended = ["commit", "--quiet", "--amend", "--no-edit", "--allow-empty"];
    let on_top = ["commit", "--quiet", "--allow-empty", "--message", "On top"];
    for work in [amended, on_top] {
        world.git("look", &["reset", "--quiet", "--hard", &second]);
        world.git("look", &work);
        let theirs = commit_of(&world, BRANCH);
        world.git("look", &["switch", "--quiet", "--detach"]);
        let told = world.carry(&["--onto", "v2"]);
        assert_eq!(told.output.status, 1);
        assert!(told.output.stderr.contains("a person has worked on the intervention branch"), "{}", told.output);
        // It is of an older state of the stack, and nothing can be continued from it.
        assert!(told.output.stderr.contains("hint: move it away: "), "{}", told.output);
        assert_eq!(commit_of(&world, BRANCH), theirs);
        world.git("look", &["switch", "--quiet", BRANCH]);
    }
}

#[test]
fn one_that_a_person_is_working_on_is_to_be_finished() {
    let world = conflicting();
    world.carry(&["--onto", "v2"]);
    world.git("fork", &["worktree", "add", "--quiet", "../look", BRANCH]);
    for how in ["--amend", "--message=On top"] {
        world.git("look", &["commit", "--quiet", "--no-edit", "--allow-empty", how]);
        let told = world.carry(&["--onto", "v2"]);
        assert_eq!(told.output.status, 1);
        let hint = format!("hint: finish it: `git switch {BRANCH}`, then `patch carry --continue`; or move it away: ");
        assert!(told.output.stderr.contains(&hint), "{}", told.output);
    }
}

#[test]
fn it_is_never_taken_for_a_patch() {
    let world = conflicting();
    world.carry(&["--onto", "v2"]);
    world.git("fork", &["switch", "--quiet", BRANCH]);
    world.git("fork", &["commit", "--quiet", "--amend", "--no-edit", "--allow-empty"]);
    world.commit("fork", "On top", &[("m", "m\n")]);
    world.release("v3", &[("g", "three\n")]);
    world.carry(&["--onto", "v3", "--stack", BRANCH]).is_wrong("has an intervention commit", "patch carry --continue");
}

#[test]
fn what_upstream_has_can_be_asked_about() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.commit("fork", "Fine", &[("n", "ours\n")]);
    world.release("v2", &[("f", &lines(&[(5, "five")])), ("g", "two\n")]);
    world.git("fork", &["fetch", "--quiet", "--tags", "upstream"]);
    world.git("fork", &["config", "patch.landed", "ask"]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.report["status"], "needs_intervention", "{}", told.output);
    assert_eq!(world.subjects("fork", &format!("v2..{BRANCH}")), ["Fine", "patch: decide: 1 patch is upstream"]);
    assert_eq!(world.git("fork", &["diff", "--stat", &format!("{BRANCH}^"), BRANCH]), "");
    world.git("fork", &["switch", "--quiet", BRANCH]);
    world.carry(&["--continue"]).is_wrong("asks for a decision", "`patch carry --continue --landed drop`");
    let told = world.carry(&["--continue", "--landed", "keep"]);
    assert_eq!(world.subjects("fork", &format!("v2..{}", told.candidate())), ["Five", "Fine"]);
    let told = world.carry(&["--continue", "--landed", "drop"]);
    assert_eq!(world.subjects("fork", &format!("v2..{}", told.candidate())), ["Fine"]);
    // Without the branch it is decided by hand just so.
    world.git("fork", &["switch", "--quiet", "main"]);
    let told = world.carry(&["--onto", "v2", "--landed", "drop"]);
    assert_eq!(told.report["status"], "skipped", "{}", told.output);
    world.git("fork", &["switch", "--quiet", BRANCH]);
    world.commit("fork", "By hand", &[("m", "m\n")]);
    let told = world.carry(&["--continue", "--landed", "drop"]);
    assert!(told.output.stderr.contains("the branch holds changes, which would be lost"), "{}", told.output);
}

#[test]
fn a_merge_with_something_of_its_own_is_decided_by_a_person() {
    let world = World::new();
    world.git("fork", &["switch", "--quiet", "--create", "side"]);
    world.commit("fork", "Side", &[("s", "side\n")]);
    world.git("fork", &["switch", "--quiet", "main"]);
    world.commit("fork", "Main", &[("n", "ours\n")]);
    world.git("fork", &["merge", "--quiet", "--no-ff", "--no-commit", "side"]);
    world.commit("fork", "Evil", &[("extra", "only here\n")]);
    world.release("v2", &[("g", "two\n")]);
    world.git("fork", &["fetch", "--quiet", "--tags", "upstream"]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.report["status"], "needs_intervention", "{}", told.output);
    assert_eq!(world.subjects("fork", &format!("v2..{BRANCH}")), ["patch: decide: 1 merge with content"]);
    world.git("fork", &["switch", "--quiet", BRANCH]);
    world.carry(&["--continue"]).is_wrong("asks for a decision", "--flatten-merges");
    let told = world.carry(&["--continue", "--flatten-merges"]);
    let mut subjects = world.subjects("fork", &format!("v2..{}", told.candidate()));
    subjects.sort();
    assert_eq!(subjects, ["Main", "Side"]);
    assert_eq!(told.artifacts()["merges"][0]["own"], "changes");
}
