//! Channels, and the program that is told what waits.

use super::of_check;
use crate::fork::Fork;
use expect_test::expect;

#[test]
fn a_channel_that_nothing_would_ever_reach_is_told() {
    let fork = Fork::new();
    fork.set("channel.internal.ref", "internal");
    fork.set("channel.internal.promote", "verified");
    let said = || of_check(&fork.says_of(&["doctor", "--offline"]), "channels");
    // A workflow on the forge verifies by its own configuration.
    let fine = "ok      channels: `internal` is refs/heads/internal, promoted to when: verified\n";
    assert_eq!(said(), fine);
    fork.set("watch.up.dispatch", "carry");
    expect![[r"
        warning channels: `internal` takes what is verified, and `up` has nothing to verify candidates with: only those come there that were verified elsewhere, or approved by a person
                fix: git config watch.up.verify COMMAND
    "]]
    .assert_eq(&said());
    fork.set("watch.up.verify", "true");
    assert_eq!(said(), fine);
}

#[test]
fn a_notifier_that_is_not_there_is_told() {
    let fork = Fork::new();
    fork.set("patch.notify", "tell-me --loudly");
    expect![[r"
        broken  runner: patch, notify: `tell-me` is not there
                fix: git config patch.notify /full/path/to/the/program
    "]]
    .assert_eq(&of_check(&fork.says_of(&["doctor", "--offline"]), "runner"));
    fork.set("patch.notify", "sh -c true");
    assert!(
        of_check(&fork.says_of(&["doctor", "--offline"]), "runner").starts_with("ok      runner: patch, notify: /")
    );
}
