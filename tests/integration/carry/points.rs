//! The upstream point: what a name means, and what is said where it means nothing.

use super::{World, lines};
use crate::environment::is_installed;
use serde_json::json;

fn stacked() -> World {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world
}

#[test]
fn a_tag_is_fetched_peeled_and_not_taken_for_a_branch() {
    let world = stacked();
    let v2 = world.release("v2", &[("g", "two\n")]);
    world.git("upstream", &["tag", "--annotate", "--message", "nested", "nested", "v2"]);
    let told = world.carry(&["--onto", "nested"]);
    assert_eq!(told.artifacts()["onto"], json!({"name": "nested", "sha": v2}));
    assert_eq!(world.git("fork", &["tag", "--list"]), "v1");
    // A branch of that name, here or upstream, with another commit: both are named.
    world.git("fork", &["branch", "v2", "main"]);
    let main = world.git("fork", &["rev-parse", "--short=10", "main"]);
    let words = format!("`v2` is ambiguous: refs/tags/v2 ({}), refs/heads/v2 ({main})", &v2[..10]);
    world.carry(&["--onto", "v2"]).is_wrong(&words, "--onto refs/tags/v2");
    assert_eq!(world.carry(&["--onto", "refs/tags/v2"]).artifacts()["onto"]["sha"], v2.as_str());
    assert_eq!(world.carry(&["--onto", &v2]).artifacts()["onto"]["sha"], v2.as_str());
}

#[test]
fn a_tag_that_is_not_upstreams_is_refused() {
    let world = stacked();
    let v2 = world.release("v2", &[("g", "two\n")]);
    world.git("fork", &["tag", "v2", "main"]);
    world.carry(&["--onto", "v2"]).is_wrong("refs/tags/v2 is", &format!("`--onto {v2}` is upstream's"));
}

#[test]
fn a_tag_of_the_forks_own_hides_no_patch() {
    let world = stacked();
    world.git("fork", &["tag", "v1+patched.1"]);
    world.release("v2", &[("g", "two\n")]);
    assert_eq!(world.carry(&["--onto", "v2"]).fates(), ["Five: carried"]);
}

#[test]
fn branches_and_commits_of_upstream_are_points_too() {
    let world = stacked();
    let head = world.release("v2", &[("g", "two\n")]);
    world.git("fork", &["fetch", "--quiet", "upstream"]);
    for name in ["upstream/main", "refs/remotes/upstream/main", "v2~0", &head[..12]] {
        let told = world.carry(&["--onto", name]);
        assert_eq!(told.artifacts()["onto"]["sha"], head.as_str(), "{name}: {}", told.output);
    }
    let unfetched = world.release("v3", &[("g", "three\n")]);
    assert_eq!(world.carry(&["--onto", &unfetched]).artifacts()["onto"]["sha"], unfetched.as_str());
}

#[test]
fn every_mistake_has_its_own_words() {
    let world = stacked();
    world.release("v2", &[("g", "two\n")]);
    world.carry(&["--onto", "v9"]).is_wrong("no tag, branch or commit `v9`, neither here nor upstream", "ls-remote");
    world.carry(&["--onto", &"7".repeat(40)]).is_wrong("no tag, branch or commit `7777", "ls-remote");
    world.carry(&["--onto=--all"]).is_wrong("no tag, branch or commit `--all`", "ls-remote");
    world.carry(&["--onto", "v2\u{202e}"]).is_wrong("`v2\\u{202e}`", "");
    world.carry(&[]).is_wrong("nothing says where", "--onto");
    world
        .carry(&["--onto", "v2", "--stack", "none"])
        .is_wrong("there is no stack: there is no branch `none`", "--stack");
    world.carry(&["--onto", "v2", "--stack", "none/*"]).is_wrong("no branch matches `none/*`", "--stack");
    world.git("fork", &["branch", "even", "v1"]);
    world.carry(&["--onto", "v2", "--stack", "even"]).is_wrong("the stack is empty: `even`", "--stack");
    world.git("fork", &["checkout", "--quiet", "--orphan", "apart"]);
    world.commit("fork", "Apart", &[("apart", "x\n")]);
    world.carry(&["--onto", "v2", "--stack", "apart"]).is_wrong("`apart` and v2 have no history in common", "check");
    world.git("fork", &["checkout", "--quiet", "-B", "newer", "main"]);
    world.git("fork", &["pull", "--quiet", "--rebase", "upstream", "main"]);
    world.carry(&["--onto", "v1", "--stack", "newer"]).is_wrong("v1 is older than", "newer point");
    world.carry(&["--onto", "v2", "--watch", "other"]).is_wrong("there is no watch `other`", "upstream");
    world.git("fork", &["remote", "rename", "upstream", "elsewhere"]);
    world.carry(&["--onto", "v2"]).is_wrong("no remote `upstream`", "git remote add upstream URL");
    world.git("fork", &["config", "watch.w.feed", "https://github.com/acme/widget/releases.atom"]);
    let hint = "git remote add upstream https://github.com/acme/widget";
    world.carry(&["--onto", "v2"]).is_wrong("there is no `v2` here; there is no remote `upstream`", hint);
}

#[test]
fn an_event_says_where_to_and_when() {
    let world = stacked();
    let v2 = world.release("v2", &[("g", "two\n")]);
    let event = |sha: &str| {
        let event = json!({
            "id": "patch:widget:v2:upstream.release", "type": "upstream.release", "source": "patch",
            "receivedAt": "2026-01-02T05:00:00.000Z", "payload": {"tag": "v2", "sha": sha}
        });
        event.to_string()
    };
    let carry = |event: &str| {
        let run = world.environment().patch(&["carry", "--json", "--event", "-"]).in_dir("fork").stdin(event);
        let output = run.run();
        super::Told { report: serde_json::from_str(&output.stdout).unwrap_or_default(), output }
    };
    let told = carry(&event(&v2));
    assert_eq!(told.outcome(), "changed: 1 patch carried onto v2");
    let reference = &told.artifacts()["candidateRefs"][0]["ref"];
    assert_eq!(reference, "refs/heads/patch-moi/candidate/widget/v2");
    assert_eq!(told.artifacts()["eventId"], "patch:widget:v2:upstream.release");
    assert_eq!(world.git("fork", &["log", "-1", "--format=%ct", &told.candidate()]), "1767330000");
    let file = world.environment().write("event.json", &event(&v2));
    assert_eq!(world.carry(&["--event", file.to_str().unwrap()]).report["status"], "skipped");
    let v1 = world.git("upstream", &["rev-parse", "v1"]);
    carry(&event(&v1)).is_wrong("upstream's tag v2 was moved: the event saw", &format!("patch carry --onto {v2}"));
    carry("{}").is_wrong("`-` holds no event", "patch event");
    world.carry(&["--event", "main"]).is_wrong("the commit is no trigger commit", "patch event");
    world.carry(&["--event", "nowhere"]).is_wrong("it is no file and no commit", "patch event");
}

#[test]
fn unattended_the_forks_own_branch_counts() {
    let world = stacked();
    let v2 = world.release("v2", &[("g", "two\n")]);
    world.git("", &["clone", "--quiet", "--bare", "fork", "forge.git"]);
    world.git("fork", &["remote", "add", "origin", "../forge.git"]);
    world.git("", &["clone", "--quiet", "forge.git", "elsewhere"]);
    world.commit("elsewhere", "Six", &[("dir/x", &lines(&[(6, "six")]))]);
    world.git("elsewhere", &["push", "--quiet"]);
    let event = json!({
        "id": "patch:upstream:v2:upstream.release", "type": "upstream.release", "source": "patch",
        "receivedAt": "2026-01-02T05:00:00.000Z", "payload": {"tag": "v2", "sha": v2}
    });
    let event = world.environment().write("event.json", &event.to_string());
    assert_eq!(world.carry(&["--onto", "v2"]).fates(), ["Five: carried"]);
    assert_eq!(world.carry(&["--event", event.to_str().unwrap()]).fates(), ["Five: carried", "Six: carried"]);
    // By hand, what is here and on the fork must not have parted.
    world.commit("fork", "Seven", &[("n", "n\n")]);
    world.git("fork", &["fetch", "--quiet", "origin"]);
    world.carry(&["--onto", "v2"]).is_wrong("`main` here and on `origin` have diverged", "refs/remotes/origin/main");
    assert_eq!(world.carry(&["--event", event.to_str().unwrap()]).fates(), ["Five: carried", "Six: carried"]);
    let told = world.carry(&["--onto", "v2", "--stack", "refs/remotes/origin/main"]);
    assert_eq!(told.fates(), ["Five: carried", "Six: carried"]);
}

#[test]
fn a_candidate_that_is_looked_at_is_not_the_stack() {
    let world = stacked();
    world.release("v2", &[("g", "two\n")]);
    world.carry(&["--onto", "v2"]);
    world.release("v3", &[("g", "three\n")]);
    world.git("fork", &["switch", "--quiet", "patch-moi/candidate/upstream/v2"]);
    world.carry(&["--onto", "v3"]).is_wrong("it is not known which branch holds the patches", "--stack BRANCH");
    // Named, it is what it is.
    let told = world.carry(&["--onto", "v3", "--stack", "patch-moi/candidate/upstream/v2"]);
    assert_eq!(told.fates(), ["Five: carried"]);
}

#[test]
fn a_person_reads_words_and_a_program_the_result() {
    if !is_installed("script") {
        return;
    }
    let world = stacked();
    world.release("v2", &[("g", "two\n")]);
    let call = format!("{} carry --onto v2", env!("CARGO_BIN_EXE_patch"));
    let shown = world.environment().run("script", &["-qec", &call, "/dev/null"]).in_dir("fork").success().stdout;
    assert!(shown.contains("1 patch carried onto v2") && !shown.contains("FLOW_RESULT"), "{shown}");
    let piped = world.environment().patch(&["carry", "--onto", "v2"]).in_dir("fork").success().stdout;
    assert!(piped.starts_with("FLOW_RESULT {"), "{piped}");
}
