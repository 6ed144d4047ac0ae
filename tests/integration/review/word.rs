//! `patch approve` and `patch reject`.

use super::{CANDIDATE, Desk};
use crate::carry::lines;

#[test]
fn a_rejected_candidate_is_removed_everywhere_and_stays_rejected() {
    let desk = Desk::with_candidate();
    let sha = desk.on_forge(&format!("heads/{CANDIDATE}"));
    let said = desk.says(&["reject", "v3", "-m", "it  breaks\nlogin"]);
    assert_eq!(said, "upstream: v3 is rejected by Carl Committer <carl@example.org>: it breaks login\n");
    assert_eq!(desk.world.on_forge("refs/heads/patch-moi"), Vec::<String>::new());
    assert_eq!(desk.world.on_forge("refs/patch-moi"), Vec::<String>::new());
    assert_eq!(desk.world.git("fork", &["for-each-ref", "refs/heads/patch-moi"]), "");
    assert_eq!(desk.says(&["poll"]), "");
    let review = desk.last_review();
    assert_eq!((review["verdict"].as_str(), review["sha"].as_str()), (Some("rejected"), Some(sha.as_str())));
    // Who has a copy may push it again: the word was about exactly that commit.
    desk.world.git("fork", &["push", "--quiet", "origin", &format!("{sha}:refs/heads/{CANDIDATE}")]);
    assert_eq!(desk.says(&["sync"]), "");
    let output = desk.refuses(&["approve", "v3"], 1);
    assert!(output.stderr.contains("has no candidate that waits for a word: it is rejected"), "{output}");
}

#[test]
fn a_candidate_that_somebody_changed_is_another_one() {
    let desk = Desk::with_candidate();
    desk.says(&["approve", "v3"]);
    desk.person(&["switch", "--quiet", CANDIDATE]);
    let theirs = desk.world.commit("person", "By hand", &[("n", "n\n")]);
    desk.person(&["push", "--quiet", "origin", CANDIDATE]);
    // What is approved and what is rejected is what is there, not what was.
    assert_eq!(desk.says(&["sync"]), "upstream: v3 awaits review: its candidate is on the fork\n");
    assert_eq!(desk.last_review()["sha"], theirs.as_str());
    assert!(desk.last_review()["verified"].is_null());
    desk.says(&["reject", "v3"]);
    assert_eq!(desk.world.on_forge("refs/heads/patch-moi"), Vec::<String>::new());
    // Ours, on which they built, goes with it.
    assert_eq!(desk.world.on_forge("refs/patch-moi"), Vec::<String>::new());
    assert_eq!(desk.says(&["poll"]), "");
    assert_eq!(desk.last_review()["state"], "rejected");
}

#[test]
fn a_candidate_that_changes_at_that_moment_is_left_alone() {
    let desk = Desk::with_candidate();
    desk.person(&["switch", "--quiet", CANDIDATE]);
    let theirs = desk.world.commit("person", "By hand", &[("n", "n\n")]);
    let root = desk.world.path("");
    let root = root.to_str().unwrap().trim_end_matches('/');
    let racer = format!(
        "#!/bin/sh\ngit -C '{root}/person' push --quiet '{root}/forge.git' HEAD:refs/heads/{CANDIDATE}\nexec git-receive-pack \"$@\"\n"
    );
    let racer = desk.environment().program("bin/racer", &racer);
    desk.world.git("fork", &["config", "remote.origin.receivepack", racer.to_str().unwrap()]);
    let output = desk.refuses(&["reject", "v3"], 1);
    assert!(output.stderr.contains("was changed by somebody else at this moment; it was left alone"), "{output}");
    assert_eq!(desk.on_forge(&format!("heads/{CANDIDATE}")), theirs);
    assert_eq!(desk.states(), ["v3 awaiting fork-ref"]);
}

#[test]
fn an_approved_candidate_waits_to_land_and_may_be_promoted() {
    let desk = Desk::verifying("");
    desk.set("channel.internal.ref", "internal");
    desk.set("channel.internal.promote", "verified");
    desk.release("v3");
    desk.says(&["poll"]);
    assert_eq!(desk.on_forge("heads/internal"), "", "nothing was verified");
    let said = desk.says(&["approve", "v3", "-m", "ok"]);
    assert!(said.starts_with("upstream: v3 approved by Carl Committer <carl@example.org>: ok\n"), "{said}");
    assert!(said.contains("v3 is promoted to `internal`"), "{said}");
    assert_eq!(desk.says(&["poll"]), "");
    assert_eq!(desk.on_forge("heads/internal"), desk.on_forge(&format!("heads/{CANDIDATE}")));
}

#[test]
fn a_moved_tag_waits_for_a_word() {
    let desk = Desk::new();
    desk.world.commit("upstream", "Another two", &[("g", "another\n")]);
    desk.world.git("upstream", &["tag", "--force", "--annotate", "--message", "v2", "v2"]);
    let said = desk.says(&["poll"]);
    assert!(said.contains("tag v2 moved"), "{said}");
    let id = desk.records("signal")[0]["id"].as_str().unwrap().to_owned();
    assert!(desk.says(&["status"]).contains("moved"), "{}", desk.says(&["status"]));
    desk.says(&["approve", &id]);
    assert_eq!(desk.last_review()["state"], "completed");
    assert!(!desk.says(&["status"]).contains("moved"), "{}", desk.says(&["status"]));
    assert_eq!(desk.says(&["poll"]), "");
}

#[test]
fn a_word_needs_a_candidate_and_somebody_who_gives_it() {
    let desk = Desk::new();
    let output = desk.refuses(&["approve", "v9"], 2);
    assert!(output.stderr.contains("there is no candidate or signal `v9`"), "{output}");
    let nobody = |run: crate::environment::Run<'_>| {
        let names = ["GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"];
        names.into_iter().fold(run, |run, name| run.env(name, "")).run()
    };
    desk.set("user.useConfigOnly", "true");
    let output = nobody(desk.patch(&["approve", "v3"]));
    assert_eq!(output.status, 2, "{output}");
    assert!(output.stderr.contains("Git does not know who you are"), "{output}");
}

#[test]
fn a_word_is_about_what_was_there_to_be_looked_at() {
    let desk = Desk::with_candidate();
    desk.set("channel.internal.ref", "internal");
    desk.set("channel.internal.promote", "verified");
    desk.person(&["switch", "--quiet", CANDIDATE]);
    let theirs = desk.world.commit("person", "By hand", &[("n", "n\n")]);
    desk.person(&["push", "--quiet", "origin", CANDIDATE]);
    let output = desk.refuses(&["approve", "v3"], 1);
    assert!(output.stderr.contains("the candidate is another one than before"), "{output}");
    assert_eq!(desk.on_forge("heads/internal"), "");
    let said = desk.says(&["approve", "v3"]);
    assert!(said.starts_with("upstream: v3 approved by"), "{said}");
    assert_eq!(desk.on_forge("heads/internal"), theirs);
}

#[test]
fn nothing_is_rejected_that_cannot_be_removed() {
    let desk = Desk::with_candidate();
    std::fs::rename(desk.world.path("forge.git"), desk.world.path("away.git")).unwrap();
    let output = desk.refuses(&["reject", "v3"], 1);
    assert!(output.stderr.contains("cannot be removed from the fork `origin` now"), "{output}");
    assert_eq!(desk.states(), ["v3 awaiting fork-ref"]);
    std::fs::rename(desk.world.path("away.git"), desk.world.path("forge.git")).unwrap();
    desk.says(&["reject", "v3"]);
    assert_eq!(desk.world.on_forge("refs/heads/patch-moi"), Vec::<String>::new());
}

#[test]
fn what_is_rejected_takes_nobodys_branch_with_it() {
    let desk = Desk::new();
    desk.world.git("fork", &["config", "--unset-all", "watch.upstream.dispatch"]);
    desk.set("watch.upstream.dispatch", "command");
    let script = "#!/bin/sh\ngit push --quiet origin HEAD:refs/heads/release-candidate/v3\n\
                  echo FLOW_RESULT '{\"status\":\"changed\",\"artifacts\":{\"candidateRef\":\"release-candidate/v3\"}}'\n";
    let runner = desk.environment().program("bin/runner", script);
    desk.set("watch.upstream.command", runner.to_str().unwrap());
    desk.world.commit("fork", "Ported", &[("n", "n\n")]);
    desk.release("v3");
    desk.says(&["poll"]);
    let theirs = desk.world.commit("person", "Mine", &[("m", "m\n")]);
    desk.person(&["push", "--quiet", "origin", "HEAD:refs/heads/release-stack/v3/mine"]);
    desk.says(&["reject", "v3"]);
    assert_eq!(desk.on_forge("heads/release-candidate/v3"), "");
    assert_eq!(desk.on_forge("heads/release-stack/v3/mine"), theirs);
}

#[test]
fn a_rebuilt_branch_that_somebody_went_on_with_stays() {
    let desk = Desk::new();
    desk.set("watch.upstream.stack", "patch/*");
    desk.world.git("fork", &["push", "--quiet", "origin", "main:refs/heads/patch/10-five"]);
    desk.world.commit("fork", "Six", &[("dir/x", &lines(&[(6, "six")]))]);
    desk.world.git("fork", &["push", "--quiet", "origin", "main:refs/heads/patch/20-six"]);
    desk.release("v3");
    desk.says(&["poll"]);
    let rebuilt = "patch-moi/stack/upstream/v3/patch=2f10-five";
    assert_ne!(desk.on_forge(&format!("heads/{rebuilt}")), "", "{:?}", desk.world.on_forge("refs/heads"));
    desk.person(&["switch", "--quiet", rebuilt]);
    let theirs = desk.world.commit("person", "Mine", &[("m", "m\n")]);
    desk.person(&["push", "--quiet", "origin", rebuilt]);
    desk.says(&["reject", "v3"]);
    assert_eq!(desk.world.on_forge("refs/heads/patch-moi"), [format!("{rebuilt} {theirs}")]);
}
