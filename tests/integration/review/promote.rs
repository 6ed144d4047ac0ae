//! `patch promote`, by hand and by a channel's rule.

use super::{CANDIDATE, Desk};
use crate::carry::lines;
use serde_json::Value;

fn with_channel(promote: &str) -> Desk {
    let desk = Desk::new();
    desk.set("channel.internal.ref", "internal");
    desk.set("channel.internal.promote", promote);
    desk
}

/// The moves of channels: `channel action key` a line.
fn moves(desk: &Desk) -> Vec<String> {
    let word = |record: &Value, name: &str| record[name].as_str().unwrap_or("-").to_owned();
    let key = |record: &Value| word(record, "id").split(':').nth(2).unwrap_or("-").to_owned();
    let line = |record: &Value| format!("{} {} {}", word(record, "channel"), word(record, "action"), key(record));
    desk.records("promotion").iter().map(line).collect()
}

#[test]
fn a_channel_follows_what_is_verified_and_another_what_landed() {
    let desk = with_channel("verified");
    desk.set("channel.public.ref", "refs/tags/{tag}-ours.{n}");
    desk.set("channel.public.promote", "landed");
    for release in ["v3", "v4"] {
        desk.release(release);
        let said = desk.says(&["poll"]);
        assert!(said.contains(&format!("{release} is promoted to `internal`")), "{said}");
    }
    // The candidates are two histories, neither of which has the other: each patch is accounted for.
    let fourth = desk.on_forge("heads/patch-moi/candidate/upstream/v4");
    assert_eq!(desk.on_forge("heads/internal"), fourth);
    assert_eq!(moves(&desk), ["internal promoted v3", "internal promoted v4"]);
    // The internal channel has not waited for the public one.
    assert_eq!(desk.world.on_forge("refs/tags"), Vec::<String>::new());
    desk.person(&["push", "--quiet", "--force", "origin", &format!("{fourth}:refs/heads/main")]);
    let said = desk.says(&["poll"]);
    assert!(said.contains("v4 is promoted to `public`: refs/tags/v4-ours.1 = "), "{said}");
    assert_eq!(desk.on_forge("tags/v4-ours.1"), fourth);
    assert_eq!(desk.says(&["poll"]), "");
    assert_eq!(desk.says(&["sync"]), "");
}

#[test]
fn what_is_not_verified_takes_a_persons_word() {
    let desk = Desk::verifying("");
    desk.set("channel.internal.ref", "internal");
    desk.release("v3");
    desk.says(&["poll"]);
    let output = desk.refuses(&["promote", "--channel", "internal"], 1);
    assert!(output.stderr.contains("no candidate of `upstream` may be promoted without a person's word"), "{output}");
    let output = desk.refuses(&["promote", "v3", "--channel", "internal"], 1);
    assert!(output.stderr.contains("the candidate of `v3` is not known to have passed any checks"), "{output}");
    assert!(output.stderr.contains("--reviewed"), "{output}");
    let dry = desk.says(&["promote", "v3", "--channel", "internal", "--reviewed", "--dry-run"]);
    assert!(dry.contains("v3 is promoted to `internal`"), "{dry}");
    assert_eq!(desk.on_forge("heads/internal"), "");
    desk.says(&["promote", "v3", "--channel", "internal", "--reviewed", "-m", "looked at it"]);
    assert_eq!(desk.on_forge("heads/internal"), desk.on_forge(&format!("heads/{CANDIDATE}")));
    let promotion = desk.records("promotion").pop().unwrap();
    assert_eq!(promotion["reviewed"], true);
    assert_eq!(promotion["by"], "Carl Committer <carl@example.org>");
    assert_eq!(promotion["message"], "looked at it");
    let again = desk.says(&["promote", "v3", "--channel", "internal", "--reviewed"]);
    assert_eq!(again, "upstream: `internal` is there already\n");
}

#[test]
fn what_a_program_resolved_takes_a_persons_word() {
    let desk = with_channel("verified");
    let resolver = "#!/bin/sh\nsed -i -e '/^<<<<<<< /d' -e '/^=======$/d' -e '/^>>>>>>> /d' f\n";
    let resolver = desk.environment().program("bin/resolver", resolver);
    desk.set("watch.upstream.resolver", resolver.to_str().unwrap());
    desk.world.release("v3", &[("f", &lines(&[(5, "upstream's five"), (30, "thirty")]))]);
    let said = desk.says(&["poll"]);
    assert!(!said.contains("promoted"), "{said}");
    assert_eq!(desk.last_review()["resolvedBy"], serde_json::json!(["resolver"]), "{said}");
    let output = desk.refuses(&["promote", "v3", "--channel", "internal"], 1);
    assert!(output.stderr.contains("has conflicts that the watch's resolver resolved"), "{output}");
    // Landed, a person has decided.
    desk.person(&["push", "--quiet", "--force", "origin", &format!("origin/{CANDIDATE}:refs/heads/main")]);
    assert!(desk.says(&["poll"]).contains("v3 is promoted to `internal`"));
}

#[test]
fn nothing_of_an_intervention_is_ever_promoted() {
    let desk = with_channel("manual");
    desk.world.release("v3", &[("f", &lines(&[(5, "upstream's five"), (30, "thirty")]))]);
    desk.says(&["poll"]);
    let output = desk.refuses(&["promote", "v3", "--channel", "internal", "--reviewed"], 1);
    assert!(output.stderr.contains("`v3` has no candidate"), "{output}");
    // Somebody calls it a candidate.
    let branch = "patch-moi/intervention/upstream/v3";
    desk.person(&["push", "--quiet", "origin", &format!("origin/{branch}:refs/heads/{CANDIDATE}")]);
    let output = desk.refuses(&["promote", "v3", "--channel", "internal", "--reviewed", "--allow-rewind"], 1);
    assert!(output.stderr.contains("has an intervention in it"), "{output}");
    assert_eq!(desk.on_forge("heads/internal"), "");
}

#[test]
fn a_channel_never_loses_a_commit_unasked() {
    let desk = with_channel("verified");
    // Somebody works on the channel's branch.
    let theirs = desk.world.commit("person", "A hot fix", &[("n", "n\n")]);
    desk.person(&["push", "--quiet", "origin", "HEAD:refs/heads/internal"]);
    desk.release("v3");
    let output = desk.refuses(&["poll"], 1);
    assert!(output.stderr.contains("the channel `internal` is not moved"), "{output}");
    assert!(output.stderr.contains("`A hot fix`"), "{output}");
    assert_eq!(desk.on_forge("heads/internal"), theirs);
    let output = desk.refuses(&["promote", "v3", "--channel", "internal"], 1);
    assert!(output.stderr.contains("--allow-rewind"), "{output}");
    desk.says(&["promote", "v3", "--channel", "internal", "--allow-rewind"]);
    assert_eq!(desk.on_forge("heads/internal"), desk.on_forge(&format!("heads/{CANDIDATE}")));
    assert_eq!(desk.records("promotion").pop().unwrap()["from"], theirs.as_str());
}

#[test]
fn a_channel_that_was_at_the_stack_goes_forward() {
    let desk = with_channel("verified");
    desk.person(&["push", "--quiet", "origin", "origin/main:refs/heads/internal"]);
    desk.release("v3");
    assert!(desk.says(&["poll"]).contains("v3 is promoted to `internal`"));
}

#[test]
fn an_older_release_is_a_step_back() {
    let desk = with_channel("manual");
    desk.release("v3");
    desk.says(&["poll"]);
    desk.release("v4");
    desk.says(&["poll"]);
    desk.says(&["promote", "--channel", "internal"]);
    assert_eq!(desk.on_forge("heads/internal"), desk.on_forge("heads/patch-moi/candidate/upstream/v4"));
    let output = desk.refuses(&["promote", "v3", "--channel", "internal"], 1);
    assert!(output.stderr.contains("the channel `internal` would lose something"), "{output}");
    desk.says(&["promote", "v3", "--channel", "internal", "--allow-rewind"]);
    assert_eq!(desk.on_forge("heads/internal"), desk.on_forge(&format!("heads/{CANDIDATE}")));
}

#[test]
fn a_roll_back_goes_back_one_and_its_rule_does_not_undo_it() {
    let desk = with_channel("verified");
    for release in ["v3", "v4", "v5"] {
        desk.release(release);
        desk.says(&["poll"]);
    }
    let candidate = |key: &str| desk.on_forge(&format!("heads/patch-moi/candidate/upstream/{key}"));
    let said = desk.says(&["promote", "--channel", "internal", "--rollback", "-m", "crashes"]);
    assert!(said.contains("v4 is what is left after a roll-back of `internal`"), "{said}");
    assert_eq!(desk.on_forge("heads/internal"), candidate("v4"));
    assert_eq!(desk.says(&["poll"]), "");
    assert_eq!(desk.on_forge("heads/internal"), candidate("v4"));
    desk.says(&["promote", "--channel", "internal", "--rollback"]);
    assert_eq!(desk.on_forge("heads/internal"), candidate("v3"));
    let output = desk.refuses(&["promote", "--channel", "internal", "--rollback"], 1);
    assert!(
        output.stderr.contains("the channel `internal` was made by the promotion that would be taken back"),
        "{output}"
    );
    // The next release goes on.
    desk.release("v6");
    desk.says(&["poll"]);
    assert_eq!(desk.on_forge("heads/internal"), candidate("v6"));
    let expected = ["promoted v3", "promoted v4", "promoted v5", "rolled-back v4", "rolled-back v3", "promoted v6"];
    assert_eq!(moves(&desk), expected.map(|it| format!("internal {it}")));
}

#[test]
fn a_roll_back_leaves_alone_what_somebody_else_moved() {
    let desk = with_channel("verified");
    for release in ["v3", "v4"] {
        desk.release(release);
        desk.says(&["poll"]);
    }
    desk.person(&["switch", "--quiet", "--detach", "origin/internal"]);
    let theirs = desk.world.commit("person", "A hot fix", &[("n", "n\n")]);
    desk.person(&["push", "--quiet", "origin", "HEAD:refs/heads/internal"]);
    let output = desk.refuses(&["promote", "--channel", "internal", "--rollback"], 1);
    assert!(output.stderr.contains("is not where it was left: somebody else moved it"), "{output}");
    assert_eq!(desk.on_forge("heads/internal"), theirs);
}

#[test]
fn a_kill_between_the_push_and_its_record_is_made_good() {
    let desk = with_channel("verified");
    desk.release("v3");
    desk.says(&["poll", "--no-dispatch"]);
    desk.set("channel.internal.promote", "manual");
    desk.says(&["poll"]);
    // As if the push was made, and nothing was written.
    desk.person(&["push", "--quiet", "origin", &format!("origin/{CANDIDATE}:refs/heads/internal")]);
    desk.set("channel.internal.promote", "verified");
    assert!(desk.says(&["poll"]).contains("v3 is promoted to `internal`"));
    assert_eq!(moves(&desk), ["internal promoted v3"]);
    assert_eq!(desk.says(&["poll"]), "");
}

#[test]
fn a_forge_that_protects_a_channel_is_quoted() {
    let desk = with_channel("verified");
    let hook = "#!/bin/sh\nif test \"$1\" = refs/heads/internal; then echo 'GH006: Protected branch update failed' >&2; exit 1; fi\n";
    desk.environment().program("forge.git/hooks/update", hook);
    desk.release("v3");
    let output = desk.refuses(&["poll"], 1);
    assert!(output.stderr.contains("the fork `origin` refused refs/heads/internal"), "{output}");
    assert!(output.stderr.contains("Protected branch"), "{output}");
    assert!(desk.records("promotion").is_empty());
}

#[test]
fn channels_that_are_not_there_or_not_meant_are_told() {
    let desk = with_channel("manual");
    let output = desk.refuses(&["promote", "--channel", "internl"], 2);
    assert!(output.stderr.contains("there is no channel `internl`"), "{output}");
    assert!(output.stderr.contains("did you mean `internal`?"), "{output}");
    desk.set("channel.tags.ref", "refs/tags/{tag}-ours.{n}");
    let output = desk.refuses(&["promote", "--channel", "tags", "--rollback"], 1);
    assert!(output.stderr.contains("makes tags, which are not taken back"), "{output}");
    // The stack itself is no channel.
    desk.set("channel.internal.ref", "main");
    desk.release("v3");
    desk.says(&["poll"]);
    let output = desk.refuses(&["promote", "--channel", "internal"], 1);
    assert!(output.stderr.contains("is the branch of the fork's HEAD, which holds the patches"), "{output}");
}
