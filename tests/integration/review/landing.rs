//! A candidate that the stack has, merged as forges and people merge.

use super::{CANDIDATE, Desk};
use crate::carry::lines;

/// The person merges the candidate by these commands, pushes, and the forge removes the branch.
#[track_caller]
fn case(desk: &Desk, commands: &[&[&str]], evidence: &str) {
    let candidate = desk.on_forge(&format!("heads/{CANDIDATE}"));
    desk.person(&["switch", "--quiet", "main"]);
    for command in commands {
        desk.person(command);
    }
    desk.person(&["push", "--quiet", "origin", "+HEAD:refs/heads/main"]);
    desk.person(&["push", "--quiet", "--delete", "origin", CANDIDATE]);
    let said = desk.says(&["sync"]);
    assert!(said.starts_with("upstream: v3 landed: "), "{said}");
    let review = desk.last_review();
    assert_eq!((review["evidence"].as_str(), review["sha"].as_str()), (Some(evidence), Some(candidate.as_str())));
    let landed_as = review["landedAs"].as_str().unwrap();
    desk.world.git("person", &["merge-base", "--is-ancestor", landed_as, "HEAD"]);
}

/// As a forge's `Squash and merge`: one commit of all that the branch would bring.
const SQUASH: [&[&str]; 2] = [
    &["merge", "--squash", "origin/patch-moi/candidate/upstream/v3"],
    &["commit", "--quiet", "--message", "Squashed (#1)"],
];

#[test]
fn by_a_merge_commit() {
    let desk = Desk::with_candidate();
    case(&desk, &[&["merge", "--quiet", "--no-ff", "--no-edit", &format!("origin/{CANDIDATE}")]], "contained");
}

#[test]
fn by_a_fast_forward() {
    let desk = Desk::with_candidate();
    // The stack is where the candidate can be reached from: at the upstream release.
    desk.world.git("person", &["fetch", "--quiet", "../upstream", "v3:refs/tags/v3"]);
    desk.person(&["push", "--quiet", "--force", "origin", "v3^{}:refs/heads/main"]);
    desk.person(&["reset", "--quiet", "--hard", "v3^{}"]);
    case(&desk, &[&["merge", "--quiet", "--ff-only", &format!("origin/{CANDIDATE}")]], "contained");
}

#[test]
fn by_moving_the_branch_and_going_on() {
    let desk = Desk::with_candidate();
    let more: [&[&str]; 2] = [
        &["reset", "--quiet", "--hard", &format!("origin/{CANDIDATE}")],
        &["commit", "--quiet", "--allow-empty", "--message", "More"],
    ];
    case(&desk, &more, "contained");
    assert_eq!(desk.last_review()["landedAs"], desk.last_review()["sha"]);
}

#[test]
fn by_a_squash() {
    let desk = Desk::with_candidate();
    case(&desk, &SQUASH, "same-tree");
}

#[test]
fn by_a_squash_beside_other_work() {
    let desk = Desk::with_candidate();
    // The stack went on meanwhile: no commit of it has just the candidate's files.
    desk.world.commit("person", "Another patch", &[("n", "n\n")]);
    let more: [&[&str]; 3] = [SQUASH[0], SQUASH[1], &["commit", "--quiet", "--allow-empty", "--message", "More"]];
    case(&desk, &more, "squashed");
}

#[test]
fn by_a_squash_that_was_moved_onto_something_else() {
    let desk = Desk::with_candidate();
    // All of the candidate in one commit, which was then rebased: neither its files nor a merge of its
    // parent and the candidate tell, but what it changes does.
    desk.world.git("person", &["fetch", "--quiet", "../upstream", "main:upstream"]);
    desk.person(&["status"]);
    let base = desk.world.git("person", &["merge-base", "main", &format!("origin/{CANDIDATE}")]);
    desk.person(&["switch", "--quiet", "--detach", &base]);
    desk.world.commit("person", "Something else", &[("g", "g, but ours\n")]);
    desk.person(&["switch", "--quiet", "-C", "elsewhere"]);
    desk.person(&["switch", "--quiet", "main"]);
    let range = format!("{base}..origin/{CANDIDATE}");
    let picked = desk.world.git("person", &["rev-list", "--reverse", &range]);
    let mut commands: Vec<Vec<&str>> = vec![vec!["reset", "--quiet", "--hard", "elsewhere"]];
    for commit in picked.lines() {
        commands.push(vec!["cherry-pick", "--no-commit", commit]);
    }
    commands.push(vec!["commit", "--quiet", "--message", "All in one"]);
    // A merge of what is there and the candidate gives the same; a later change of the line does not.
    let commands: Vec<&[&str]> = commands.iter().map(Vec::as_slice).collect();
    case(&desk, &commands, "squashed");
}

#[test]
fn by_a_rebase() {
    let desk = Desk::with_candidate();
    // As a forge's `Rebase and merge`: each commit anew, on the stack that has something else by now.
    desk.world.commit("person", "Another patch", &[("n", "n\n")]);
    let onto = desk.world.git("person", &["rev-parse", "main"]);
    desk.person(&["switch", "--quiet", "--detach", &format!("origin/{CANDIDATE}")]);
    let rebase: [&[&str]; 2] =
        [&["switch", "--quiet", "--detach", &format!("origin/{CANDIDATE}")], &["rebase", "--quiet", &onto]];
    case(&desk, &rebase, "patch-ids");
}

#[test]
fn not_by_patches_that_the_stack_had_before() {
    let desk = Desk::with_candidate();
    // The patch is in the stack as it is in the candidate; what upstream released is not.
    desk.world.commit("person", "Another patch", &[("n", "n\n")]);
    desk.person(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    assert_eq!(desk.says(&["sync"]), "");
    // With the release it has all that the candidate has.
    desk.world.git("person", &["pull", "--quiet", "--no-rebase", "--no-edit", "../upstream", "v3"]);
    desk.person(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    let said = desk.says(&["sync"]);
    assert_eq!(said, "upstream: v3 landed: the stack has each of its commits\n");
}

#[test]
fn not_by_itself_where_a_release_changes_nothing() {
    let desk = Desk::new();
    desk.set("channel.public.ref", "public");
    desk.set("channel.public.promote", "landed");
    // Its candidate has the very files that the stack has, and the very patches.
    desk.world.release("v3", &[]);
    desk.says(&["poll"]);
    assert_eq!(desk.states(), ["v3 awaiting fork-ref"]);
    // The stack goes on, which is nobody's word on the candidate.
    desk.world.commit("person", "Another patch", &[("n", "n\n")]);
    desk.person(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    assert_eq!(desk.says(&["sync"]), "");
    assert_eq!(desk.on_forge("heads/public"), "");
    case(&desk, &[&["merge", "--quiet", "--no-ff", "--no-edit", &format!("origin/{CANDIDATE}")]], "contained");
}

#[test]
fn not_by_a_part_of_it() {
    let desk = Desk::new();
    desk.world.commit("fork", "Six", &[("dir/x", &lines(&[(6, "six")]))]);
    desk.world.git("fork", &["push", "--quiet", "origin", "main"]);
    desk.release("v3");
    desk.says(&["poll"]);
    // Somebody takes the release and the first patch, and leaves the second out.
    desk.world.git("person", &["fetch", "--quiet", "../upstream", "v3:refs/tags/v3"]);
    desk.person(&["reset", "--quiet", "--hard", "v3^{}"]);
    desk.person(&["cherry-pick", &format!("origin/{CANDIDATE}~1")]);
    desk.person(&["push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"]);
    assert_eq!(desk.says(&["sync"]), "");
    desk.person(&["push", "--quiet", "--delete", "origin", CANDIDATE]);
    assert!(desk.says(&["sync"]).contains("v3 is rejected"));
}

#[test]
fn a_stack_of_several_branches_lands_in_its_last() {
    let desk = Desk::new();
    desk.set("watch.upstream.stack", "patch/*");
    desk.world.git("fork", &["push", "--quiet", "origin", "main:refs/heads/patch/10-five"]);
    desk.release("v3");
    desk.says(&["poll"]);
    assert_eq!(desk.states(), ["v3 awaiting fork-ref"]);
    desk.person(&["push", "--quiet", "--force", "origin", &format!("origin/{CANDIDATE}:refs/heads/patch/10-five")]);
    assert_eq!(desk.says(&["sync"]), "upstream: v3 landed: the stack has its commit\n");
}

#[test]
fn a_candidate_that_was_never_pushed_lands_on_the_fork() {
    let desk = Desk::new();
    desk.world.git("fork", &["config", "watch.upstream.push", "false"]);
    desk.release("v3");
    desk.says(&["poll"]);
    assert_eq!(desk.states(), ["v3 awaiting local-ref"]);
    // In a branch of this clone nobody else has it.
    desk.world.git("fork", &["reset", "--quiet", "--hard", CANDIDATE]);
    assert_eq!(desk.says(&["poll"]), "");
    desk.world.git("fork", &["push", "--quiet", "--force", "origin", "main"]);
    assert_eq!(desk.says(&["poll"]), "upstream: v3 landed: the stack has its commit\n");
}

#[test]
fn without_a_fork_it_lands_in_this_repository() {
    let desk = Desk::new();
    desk.world.git("fork", &["config", "watch.upstream.push", "false"]);
    desk.world.git("fork", &["remote", "remove", "origin"]);
    desk.release("v3");
    desk.says(&["poll"]);
    assert_eq!(desk.states(), ["v3 awaiting local-ref"]);
    desk.world.git("fork", &["reset", "--quiet", "--hard", CANDIDATE]);
    assert_eq!(desk.says(&["poll"]), "upstream: v3 landed: the stack has its commit\n");
}

/// The person's clone and the forge with the stack on `v2`, and a channel of what landed.
fn on_the_last_release() -> Desk {
    let desk = Desk::new();
    desk.world.git("fork", &["fetch", "--quiet", "upstream"]);
    desk.world.git("fork", &["rebase", "--quiet", "v2"]);
    desk.world.git("fork", &["push", "--quiet", "--force", "origin", "main"]);
    desk.person(&["reset", "--quiet", "--hard", "origin/main"]);
    desk.set("channel.public.ref", "public");
    desk.set("channel.public.promote", "landed");
    desk
}

/// The person pushes what is checked out, and that is no landing.
#[track_caller]
fn nothing_landed(desk: &Desk) {
    desk.person(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    assert_eq!(desk.says(&["sync"]), "");
    assert_eq!(desk.on_forge("heads/public"), "");
}

#[test]
fn not_by_what_the_stack_had_where_a_release_is_one_empty_commit() {
    let desk = on_the_last_release();
    desk.world.release("v3", &[]);
    desk.says(&["poll"]);
    desk.world.commit("person", "Another patch", &[("n", "n\n")]);
    nothing_landed(&desk);
    // The release's commit itself is somebody's doing.
    desk.world.git("person", &["pull", "--quiet", "--no-rebase", "--no-edit", "../upstream", "v3"]);
    desk.person(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    assert!(desk.says(&["sync"]).starts_with("upstream: v3 landed: the stack has each of its commits\n"));
}

#[test]
fn not_by_a_patch_that_upstream_released() {
    let desk = on_the_last_release();
    desk.world.commit("fork", "Backport", &[("g", "fixed\n")]);
    desk.world.git("fork", &["push", "--quiet", "origin", "main"]);
    desk.person(&["reset", "--quiet", "--hard", "origin/main"]);
    desk.world.release("v3", &[("g", "fixed\n")]);
    desk.says(&["poll"]);
    desk.world.commit("person", "Another patch", &[("n", "n\n")]);
    nothing_landed(&desk);
}

#[test]
fn not_by_going_back_to_the_files_that_a_release_does_not_change() {
    let desk = on_the_last_release();
    desk.world.commit("upstream", "Try", &[("g", "try\n")]);
    desk.world.release("v3", &[("g", "g\n")]);
    desk.says(&["poll"]);
    desk.world.commit("person", "Another patch", &[("n", "n\n")]);
    desk.person(&["revert", "--no-edit", "HEAD"]);
    nothing_landed(&desk);
    // Nor by taking a patch away, and making it again.
    for _ in 0..2 {
        desk.person(&["revert", "--no-edit", "HEAD~2"]);
        desk.person(&["revert", "--no-edit", "HEAD"]);
        nothing_landed(&desk);
    }
}

#[test]
fn not_by_a_release_that_was_merged_without_the_patch() {
    let desk = Desk::new();
    desk.set("channel.public.ref", "public");
    desk.set("channel.public.promote", "landed");
    desk.release("v3");
    desk.says(&["poll"]);
    // The patch is in the branch's history, and no longer in its files.
    desk.person(&["revert", "--no-edit", "HEAD"]);
    desk.world.git("person", &["pull", "--quiet", "--no-rebase", "--no-edit", "../upstream", "v3"]);
    nothing_landed(&desk);
}

#[test]
fn not_by_what_was_there_before_where_the_forge_takes_no_attestation() {
    let desk = on_the_last_release();
    let hook = "#!/bin/sh\ncase $1 in refs/patch-moi/*) exit 1;; esac\n";
    desk.environment().program("forge.git/hooks/update", hook);
    desk.world.release("v3", &[]);
    desk.patch(&["poll"]).env("PATCH_NOW", "2026-01-03T00:00:00Z").success();
    desk.forget();
    // Nothing tells what it was carried from, but when it was.
    assert_eq!(desk.says(&["sync"]), "upstream: v3 awaits review: its candidate is on the fork\n");
    assert_eq!(desk.on_forge("heads/public"), "");
}

#[test]
fn by_a_squash_on_an_older_release_that_went_on() {
    let desk = Desk::new();
    desk.world.commit("fork", "Eight", &[("dir/x", &lines(&[(20, "eight")]))]);
    desk.world.git("fork", &["push", "--quiet", "origin", "main"]);
    desk.release("v3");
    desk.says(&["poll"]);
    // All patches in one commit on the old release; a patch that conflicts with one of them; and the release.
    desk.person(&["reset", "--quiet", "--hard", "origin/main"]);
    desk.person(&["reset", "--quiet", "--soft", "HEAD~2"]);
    desk.person(&["commit", "--quiet", "--message", "All in one"]);
    let squashed = desk.world.git("person", &["rev-parse", "HEAD"]);
    desk.world.commit("person", "Better", &[("f", &lines(&[(5, "cinq")]))]);
    desk.world.git("person", &["pull", "--quiet", "--no-rebase", "--no-edit", "../upstream", "v3"]);
    case(&desk, &[], "range-patch-id");
    assert_eq!(desk.last_review()["landedAs"], squashed.as_str());
}

#[test]
fn what_is_gone_is_not_rejected_while_there_is_no_stack_to_look_at() {
    let desk = Desk::with_candidate();
    // Somebody renames the stack's branch, in two steps.
    desk.person(&["push", "--quiet", "origin", &format!("origin/{CANDIDATE}:refs/heads/trunk")]);
    desk.person(&["push", "--quiet", "--delete", "origin", CANDIDATE]);
    desk.world.git("forge.git", &["update-ref", "-d", "refs/heads/main"]);
    assert_eq!(desk.says(&["sync"]), "");
    desk.world.git("forge.git", &["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    assert_eq!(desk.says(&["sync"]), "upstream: v3 landed: the stack has its commit\n");
}
