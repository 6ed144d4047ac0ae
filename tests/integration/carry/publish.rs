//! Candidates, rebuilt branches, interventions and tags on the fork: created, left, moved, or refused.

use super::{World, lines};
use serde_json::Value;
use std::fs;

const NAME: &str = "patch-moi/candidate/upstream/v2";

fn refs(told: &super::Told) -> Vec<String> {
    let refs = told.artifacts()["candidateRefs"].as_array().unwrap_or_else(|| panic!("{}", told.output)).iter();
    refs.map(|it| format!("{} {} {}", it["ref"].as_str().unwrap(), it["sha"].as_str().unwrap(), it["pushed"])).collect()
}

#[test]
fn a_candidate_is_pushed_once() {
    let world = World::with_forge();
    let told = world.carry(&["--onto", "v2", "--push"]);
    assert_eq!(told.said(), "changed: 1 patch carried onto v2; not verified; pushed to `origin`");
    let candidate = told.candidate();
    assert_eq!(world.on_forge("refs/heads/patch-moi"), [format!("{NAME} {candidate}")]);
    assert_eq!(refs(&told), [format!("refs/heads/{NAME} {candidate} true")]);
    assert_eq!(told.artifacts()["candidateRefs"][0]["remote"], "origin");
    let told = world.carry(&["--onto", "v2", "--push"]);
    assert_eq!(told.said(), format!("skipped: {NAME} was there already; not verified; `origin` has it already"));
    // Nothing but our own refs were pushed: beside the candidate, what it went through.
    let attested = format!("refs/patch-moi/attested/{NAME}");
    let refs = world.git("forge.git", &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(refs.lines().collect::<Vec<_>>(), ["refs/heads/main", &format!("refs/heads/{NAME}"), &attested]);
    assert_eq!(world.git("forge.git", &["rev-parse", &format!("{attested}^{{commit}}")]), candidate);
}

#[test]
fn nothing_is_pushed_unless_it_is_asked_for() {
    let world = World::with_forge();
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.artifacts()["candidateRefs"][0]["pushed"], false);
    assert!(world.on_forge("refs/heads/patch-moi").is_empty());
    // What was there already is news to the forge.
    world.set("patch.push", "true");
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.said(), format!("changed: {NAME} was there already; not verified; pushed to `origin`"));
    assert_eq!(world.on_forge("refs/heads/patch-moi"), [format!("{NAME} {}", told.candidate())]);
}

#[test]
fn what_is_ours_follows_the_stack_and_what_is_not_stays() {
    let world = World::with_forge();
    let first = world.carry(&["--onto", "v2", "--push"]).candidate();
    world.commit("fork", "Six", &[("dir/x", &lines(&[(6, "six")]))]);
    let second = world.carry(&["--onto", "v2", "--push"]).candidate();
    assert_ne!(first, second);
    assert_eq!(world.on_forge("refs/heads/patch-moi"), [format!("{NAME} {second}")]);
    // A person pushes a fix on top, from another clone.
    world.git("", &["clone", "--quiet", "--branch", NAME, "forge.git", "other"]);
    let theirs = world.commit("other", "By hand", &[("n", "n\n")]);
    world.git("other", &["push", "--quiet"]);
    world.commit("fork", "Seven", &[("dir/x", &lines(&[(6, "six"), (20, "seven")]))]);
    let told = world.carry(&["--onto", "v2", "--push"]);
    assert_eq!(told.output.status, 1);
    let words = format!(
        "failed: 3 patches carried onto v2; not verified; `{NAME}` on `origin` holds a commit that is not ours, {} by \
         carl@example.org; it was left alone: move it away, then carry again",
        &theirs[..10]
    );
    assert_eq!(told.said(), words);
    assert_eq!(world.on_forge("refs/heads/patch-moi"), [format!("{NAME} {theirs}")]);
    assert_eq!(told.artifacts()["candidateRefs"][0]["pushed"], false);
    world.git("forge.git", &["branch", "--move", NAME, "theirs"]);
    let told = world.carry(&["--onto", "v2", "--push"]);
    assert_eq!(world.on_forge("refs/heads/patch-moi"), [format!("{NAME} {}", told.candidate())]);
}

#[test]
fn a_lease_that_is_lost_meanwhile_moves_nothing() {
    let world = World::with_forge();
    let first = world.carry(&["--onto", "v2", "--push"]).candidate();
    // Somebody pushes between our look and our push: Git's own transport, in our way.
    world.git("", &["clone", "--quiet", "--branch", NAME, "forge.git", "other"]);
    let theirs = world.commit("other", "By hand", &[("n", "n\n")]);
    let racer = format!(
        "#!/bin/sh\ngit -C '{0}/other' push --quiet '{0}/forge.git' HEAD:refs/heads/{NAME}\nexec git-receive-pack \"$@\"\n",
        world.path("").to_str().unwrap().trim_end_matches('/')
    );
    let racer = world.environment().program("bin/racer", &racer);
    world.git("fork", &["config", "remote.origin.receivepack", racer.to_str().unwrap()]);
    world.commit("fork", "Six", &[("dir/x", &lines(&[(6, "six")]))]);
    let told = world.carry(&["--onto", "v2", "--push"]);
    assert_eq!(told.output.status, 1, "{}", told.output);
    assert!(told.said().ends_with("was changed by somebody else at this moment; it was left alone"), "{}", told.said());
    assert_eq!(world.on_forge("refs/heads/patch-moi"), [format!("{NAME} {theirs}")]);
    assert_ne!(first, theirs);
}

#[test]
fn a_forge_that_refuses_is_quoted() {
    let world = World::with_forge();
    world.environment().program("forge.git/hooks/pre-receive", "#!/bin/sh\necho policy says no >&2\nexit 1\n");
    let told = world.carry(&["--onto", "v2", "--push"]);
    assert_eq!(told.output.status, 1);
    assert!(told.said().contains(&format!("the fork `origin` refused {NAME}: ")), "{}", told.said());
    assert!(told.said().contains("policy says no"), "{}", told.said());
    // The candidate is here all the same.
    assert_eq!(world.git("fork", &["rev-parse", NAME]), told.candidate());
    fs::remove_dir_all(world.path("forge.git")).unwrap();
    let told = world.carry(&["--onto", "v2", "--push"]);
    assert!(
        told.said().starts_with(&format!("failed: {NAME} was there already; not verified; cannot read")),
        "{}",
        told.said()
    );
}

#[test]
fn hooks_of_the_user_do_not_run_for_a_push() {
    let world = World::with_forge();
    world.environment().program("fork/.git/hooks/pre-push", "#!/bin/sh\ntouch $HOME/ran\nexit 1\n");
    world.git("fork", &["config", "push.followTags", "true"]);
    assert_eq!(world.carry(&["--onto", "v2", "--push"]).report["status"], "changed");
    assert!(!world.path("home/ran").exists());
    assert!(world.on_forge("refs/tags").is_empty());
}

#[test]
fn the_upstream_itself_is_not_pushed_to() {
    let world = World::with_forge();
    let before = world.git("upstream", &["for-each-ref"]);
    world.git("fork", &["config", "remote.origin.url", "../upstream"]);
    world.git("fork", &["config", "remote.upstream.url", "../upstream"]);
    world.carry(&["--onto", "v2", "--push"]).is_wrong("the fork `origin` is the upstream itself", "leave out `--push`");
    world.git("fork", &["remote", "remove", "origin"]);
    world.carry(&["--onto", "v2", "--push"]).is_wrong("there is no remote `origin`", "name the remote of your fork");
    assert_eq!(world.git("upstream", &["for-each-ref"]), before);
    assert_eq!(world.git("fork", &["for-each-ref", "refs/heads/patch-moi"]), "");
}

#[test]
fn rebuilt_branches_are_pushed_beside_the_candidate() {
    let world = World::with_forge();
    world.git("fork", &["checkout", "--quiet", "-b", "patch/10-six", "v1"]);
    world.commit("fork", "Six", &[("dir/x", &lines(&[(6, "six")]))]);
    world.git("fork", &["checkout", "--quiet", "-b", "patch/20-new"]);
    world.commit("fork", "New", &[("n", "n\n")]);
    let told = world.carry(&["--onto", "v2", "--stack", "patch/*", "--push"]);
    assert_eq!(
        told.said(),
        format!("changed: 2 patches carried onto v2; not verified; pushed 3 branches of {NAME} to `origin`")
    );
    let stack = |name: &str| format!("patch-moi/stack/upstream/v2/patch=2f{name}");
    let candidate = told.candidate();
    let below = world.git("fork", &["rev-parse", &format!("{candidate}^")]);
    let expected = [
        format!("{NAME} {candidate}"),
        format!("{} {below}", stack("10-six")),
        format!("{} {candidate}", stack("20-new")),
    ];
    assert_eq!(world.on_forge("refs/heads/patch-moi"), expected);
    assert_eq!(refs(&told).len(), 3);
    // A commit of a person's on one of them stops all of it.
    world.git("", &["clone", "--quiet", "--branch", &stack("10-six"), "forge.git", "other"]);
    let theirs = world.commit("other", "By hand", &[("m", "m\n")]);
    world.git("other", &["push", "--quiet"]);
    world.commit("fork", "Newer", &[("n", "newer\n")]);
    world.git("fork", &["checkout", "--quiet", "patch/10-six"]);
    world.git("fork", &["commit", "--quiet", "--amend", "--message", "Six, said better"]);
    world.git("fork", &["rebase", "--quiet", "--onto", "patch/10-six", "patch/20-new~2", "patch/20-new"]);
    let told = world.carry(&["--onto", "v2", "--stack", "patch/*", "--push"]);
    assert!(told.said().contains(&format!("`{}` on `origin` holds a commit that is not ours", stack("10-six"))));
    let now = world.on_forge("refs/heads/patch-moi");
    assert_eq!(now[0], expected[0]);
    assert_eq!(now[1], format!("{} {theirs}", stack("10-six")));
}

#[test]
fn tags_count_up_and_stay_with_their_commit() {
    let world = World::with_forge();
    world.set("patch.candidateTag", "{tag}+patched.{n}");
    let told = world.carry(&["--onto", "v2"]);
    assert!(!told.said().contains("tag"), "{}", told.said());
    let told = world.carry(&["--onto", "v2", "--push"]);
    assert!(told.said().ends_with("; pushed to `origin`, tagged v2+patched.1"), "{}", told.said());
    let first = told.candidate();
    assert_eq!(world.on_forge("refs/tags"), [format!("v2+patched.1 {first}")]);
    assert_eq!(world.git("forge.git", &["cat-file", "-t", "v2+patched.1"]), "tag");
    assert_eq!(refs(&told)[1], format!("refs/tags/v2+patched.1 {first} true"));
    let made = world.git("forge.git", &["rev-parse", "v2+patched.1"]);
    let told = world.carry(&["--onto", "v2", "--push"]);
    assert!(told.said().ends_with("; `origin` has it already, already tagged v2+patched.1"), "{}", told.said());
    world.commit("fork", "Six", &[("dir/x", &lines(&[(6, "six")]))]);
    let second = world.carry(&["--onto", "v2", "--push"]).candidate();
    let both = [format!("v2+patched.1 {first}"), format!("v2+patched.2 {second}")];
    assert_eq!(world.on_forge("refs/tags"), both);
    // Lost, it is made again the very same; a number that was given stays given.
    world.git("forge.git", &["tag", "--delete", "v2+patched.1"]);
    world.git("fork", &["reset", "--quiet", "--hard", "HEAD^"]);
    world.carry(&["--onto", "v2", "--push"]);
    assert_eq!(world.on_forge("refs/tags"), [both[1].clone(), format!("v2+patched.3 {first}")]);
    world.git("forge.git", &["tag", "--delete", "v2+patched.2"]);
    world.git("forge.git", &["tag", "--delete", "v2+patched.3"]);
    world.carry(&["--onto", "v2", "--push"]);
    assert_eq!(world.git("forge.git", &["rev-parse", "v2+patched.1"]), made);
    let tag = world.git("forge.git", &["cat-file", "tag", "v2+patched.1"]);
    assert!(
        tag.contains("tagger patch.moi <patch@patch.moi> 1767323045 +0000\n\nv2 with the patches of `main`"),
        "{tag}"
    );
    // The user's own tags are as they were.
    assert_eq!(world.git("fork", &["tag", "--list", "*patched*"]), "");
}

#[test]
fn what_is_no_tag_gets_none_and_says_so() {
    let world = World::with_forge();
    world.set("patch.candidateTag", "{tag}+patched.{n}");
    world.git("fork", &["fetch", "--quiet", "--no-tags", "upstream"]);
    let told = world.carry(&["--onto", "refs/remotes/upstream/main", "--push"]);
    let warnings = told.artifacts()["warnings"].to_string();
    assert!(warnings.contains("it is not tagged `{tag}+patched.{n}`: "), "{}", told.output);
    assert!(world.on_forge("refs/tags").is_empty());
}

#[test]
fn an_intervention_is_pushed_to_be_finished_elsewhere() {
    let world = World::with_forge();
    world.release("v3", &[("f", &lines(&[(5, "other"), (30, "thirty")]))]);
    let told = world.carry(&["--onto", "v3", "--push"]);
    assert_eq!(told.report["status"], "needs_intervention");
    assert!(
        told.said().ends_with("; patch-moi/intervention/upstream/v3 is prepared; pushed to `origin`"),
        "{}",
        told.said()
    );
    let intervention = &told.artifacts()["intervention"];
    assert_eq!(intervention["pushed"], Value::Bool(true));
    let pushed = format!("patch-moi/intervention/upstream/v3 {}", intervention["sha"].as_str().unwrap());
    assert_eq!(world.on_forge("refs/heads/patch-moi"), [pushed]);
    // Finished in a fresh clone, the candidate goes where the intervention came from.
    world.git("", &["clone", "--quiet", "--branch", "patch-moi/intervention/upstream/v3", "forge.git", "other"]);
    world.git("other", &["remote", "add", "upstream", "../upstream"]);
    world.environment().write("other/f", &lines(&[(5, "five and other"), (30, "thirty")]));
    world.git("other", &["commit", "--quiet", "--all", "--amend", "--no-edit"]);
    let told = world.carry_in("other", &["--continue", "--push"]);
    assert_eq!(told.report["status"], "changed", "{}", told.output);
    let name = "patch-moi/candidate/upstream/v3";
    assert_eq!(world.on_forge("refs/heads/patch-moi/candidate"), [format!("{name} {}", told.candidate())]);
}

#[test]
fn a_candidate_that_nobody_has_looked_at_gets_no_tag() {
    let world = World::with_forge();
    world.set("patch.candidateTag", "{tag}+patched.{n}");
    world.set("patch.resolver", "sh -c 'git checkout --quiet --theirs f && git add f'");
    world.release("v3", &[("f", &lines(&[(5, "other"), (30, "thirty")]))]);
    let told = world.carry(&["--onto", "v3", "--push"]);
    assert_eq!(told.said(), "changed: 1 patch carried onto v3; not verified; pushed to `origin`");
    assert_eq!(told.artifacts()["warnings"][0], "it is not tagged: a person has to review it first");
    assert!(told.output.stderr.contains("warning: it is not tagged: "), "{}", told.output);
    assert!(world.on_forge("refs/tags").is_empty());
}

#[test]
fn two_runs_that_take_the_same_number_count_on() {
    let world = World::with_forge();
    world.set("patch.candidateTag", "{tag}+patched.{n}");
    // Another run tags its own candidate at the moment when the forge is asked to take ours.
    let other = world.git("forge.git", &["rev-parse", "main"]);
    let racer = format!(
        "#!/bin/sh\nif [ -e \"$HOME/pushed\" ]; then git -C '{0}' tag v2+patched.1 {other} 2> /dev/null; fi\n: > \"$HOME/pushed\"\n\
         exec git-receive-pack \"$@\"\n",
        world.path("forge.git").to_str().unwrap()
    );
    let racer = world.environment().program("bin/racer", &racer);
    world.git("fork", &["config", "remote.origin.receivepack", racer.to_str().unwrap()]);
    let told = world.carry(&["--onto", "v2", "--push"]);
    assert!(told.said().ends_with(", tagged v2+patched.2"), "{}", told.output);
    assert_eq!(
        world.on_forge("refs/tags"),
        [format!("v2+patched.1 {other}"), format!("v2+patched.2 {}", told.candidate())]
    );
}
