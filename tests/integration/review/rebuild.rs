//! All that this machine knew is lost: the fork's refs tell it again.

use super::{CANDIDATE, Desk};
use crate::carry::lines;
use serde_json::Value;
use std::collections::BTreeMap;

/// The last state of each signal, with all that its record says but times, and what was before.
fn last(desk: &Desk) -> BTreeMap<String, Value> {
    let mut last = BTreeMap::new();
    for mut review in desk.records("review") {
        let object = review.as_object_mut().unwrap();
        for name in ["at", "previous", "trigger"] {
            object.remove(name);
        }
        last.insert(review["id"].as_str().unwrap().to_owned(), review);
    }
    last
}

#[track_caller]
fn case(desk: &Desk) {
    desk.says(&["sync"]);
    let before = last(desk);
    desk.forget();
    desk.says(&["sync"]);
    assert_eq!(last(desk), before);
    assert_eq!(desk.says(&["sync"]), "", "once more");
    assert_eq!(desk.says(&["sync"]), "", "and again");
}

#[test]
fn a_candidate_that_waits() {
    case(&Desk::with_candidate());
}

#[test]
fn candidates_of_which_one_is_the_newest() {
    let desk = Desk::with_candidate();
    desk.release("v4");
    desk.says(&["poll"]);
    case(&desk);
}

#[test]
fn candidates_that_were_overtaken_by_one_that_landed() {
    let desk = Desk::with_candidate();
    for release in ["v4", "v5"] {
        desk.release(release);
        desk.says(&["poll"]);
    }
    let newest = "origin/patch-moi/candidate/upstream/v5";
    desk.person(&["push", "--quiet", "--force", "origin", &format!("{newest}:refs/heads/main")]);
    case(&desk);
    assert_eq!(desk.states().iter().filter(|line| line.contains("landed")).count(), 1);
}

#[test]
fn what_a_channel_holds_is_known_for_an_earlier_candidate() {
    let desk = Desk::with_candidate();
    desk.release("v4");
    desk.says(&["poll"]);
    desk.set("channel.internal.ref", "internal");
    desk.says(&["promote", "v3", "--channel", "internal"]);
    desk.forget();
    desk.set("channel.internal.promote", "verified");
    let said = desk.says(&["sync"]);
    assert!(said.contains("v4 is promoted to `internal`"), "{said}");
}

#[test]
fn a_candidate_that_landed_and_was_removed() {
    let desk = Desk::with_candidate();
    desk.person(&["merge", "--squash", &format!("origin/{CANDIDATE}")]);
    desk.person(&["commit", "--quiet", "--message", "Squashed"]);
    desk.person(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    desk.person(&["push", "--quiet", "--delete", "origin", CANDIDATE]);
    case(&desk);
}

#[test]
fn a_candidate_that_was_removed_unmerged() {
    let desk = Desk::with_candidate();
    desk.person(&["push", "--quiet", "--delete", "origin", CANDIDATE]);
    case(&desk);
}

#[test]
fn an_intervention() {
    let desk = Desk::new();
    desk.world.release("v3", &[("f", &lines(&[(5, "upstream's five"), (30, "thirty")]))]);
    desk.says(&["poll"]);
    case(&desk);
}

#[test]
fn a_trigger_with_and_without_an_answer() {
    let desk = Desk::new();
    desk.world.git("fork", &["config", "--unset-all", "watch.upstream.dispatch"]);
    desk.set("watch.upstream.dispatch", "trigger-branch");
    desk.release("v3");
    desk.says(&["poll"]);
    assert_eq!(desk.states(), ["v3 dispatched trigger-ref"]);
    case(&desk);
    // Its time is over, for a machine that knows nothing of the push too.
    let late = |desk: &Desk| desk.patch(&["sync"]).env("PATCH_NOW", "2026-01-02T05:00:00Z").success().stdout;
    assert!(late(&desk).contains("v3 is unacknowledged"));
    desk.forget();
    assert!(late(&desk).contains("v3 is unacknowledged"));
    assert_eq!(late(&desk), "");
    // The forge's workflow works on the branch.
    let trigger = "patch-moi/trigger/upstream/v3";
    desk.person(&["switch", "--quiet", trigger]);
    desk.world.commit("person", "On top", &[("n", "n\n")]);
    desk.person(&["push", "--quiet", "origin", trigger]);
    assert_eq!(late(&desk), "upstream: v3 is being worked on: somebody works on its trigger branch\n");
    desk.forget();
    assert_eq!(late(&desk), "upstream: v3 is being worked on: somebody works on its trigger branch\n");
    assert_eq!(late(&desk), "");
}

#[test]
fn candidates_of_a_branch_whose_order_is_lost_move_no_channel() {
    let desk = Desk::new();
    desk.set("watch.upstream.event", "branch");
    desk.set("watch.upstream.branch", "main");
    desk.says(&["poll"]);
    for release in ["v3", "v4", "v5"] {
        desk.release(release);
        desk.says(&["poll"]);
    }
    desk.set("channel.internal.ref", "refs/tags/{tag}-ours.{n}");
    desk.set("channel.internal.promote", "verified");
    desk.forget();
    assert!(!desk.says(&["sync"]).contains("promoted"));
    assert_eq!(desk.world.on_forge("refs/tags"), Vec::<String>::new());
    // The next commit is the newest again.
    desk.says(&["poll"]);
    desk.release("v6");
    assert!(desk.says(&["poll"]).contains("is promoted to `internal`"));
    assert_eq!(desk.world.on_forge("refs/tags").len(), 1);
}

#[test]
fn what_another_machine_brought_to_its_end_is_told_once() {
    let desk = Desk::with_candidate();
    let setup: [&[&str]; 4] = [
        &["clone", "--quiet", "forge.git", "second"],
        &["-C", "second", "remote", "add", "upstream", "../upstream"],
        &["-C", "second", "config", "watch.upstream.dispatch", "carry"],
        &["-C", "second", "config", "watch.upstream.push", "true"],
    ];
    for command in setup {
        desk.world.git("", command);
    }
    let second = |args: &[&str]| desk.environment().patch(args).in_dir("second").success().stdout;
    second(&["poll"]);
    desk.release("v4");
    desk.says(&["poll"]);
    let newest = "origin/patch-moi/candidate/upstream/v4";
    desk.person(&["push", "--quiet", "--force", "origin", &format!("{newest}:refs/heads/main")]);
    // The second one sees what landed before it sees the release.
    let said = second(&["poll"]);
    assert_eq!(said.matches("v4 landed").count(), 1, "{said}");
    assert_eq!(second(&["poll"]), "");
}
