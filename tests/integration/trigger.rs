//! Dispatch to the fork's forge: the trigger branch.

use crate::fork::Fork;
use expect_test::expect;
use std::fs;

const BRANCH: &str = "patch-moi/trigger/up/v1.1.0";

impl Fork {
    /// What Git says of the forge's repository.
    #[track_caller]
    fn forge(&self, args: &[&str]) -> String {
        self.environment().git("forge.git", args)
    }

    /// The forge's branches and their commits.
    fn branches(&self) -> String {
        self.forge(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/"])
    }
}

#[test]
fn a_trigger_branch_carries_the_event_on_top_of_the_stack() {
    let fork = Fork::triggering();
    let stack = fork.forge(&["rev-parse", "main"]);
    let sha = fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> trigger-branch: completed: pushed patch-moi/trigger/up/v1.1.0
    "#]]);
    assert_eq!(fork.forge(&["rev-parse", &format!("{BRANCH}^")]), stack);
    assert_eq!(fork.forge(&["rev-parse", &format!("{BRANCH}^{{tree}}")]), fork.forge(&["rev-parse", "main^{tree}"]));
    expect![[r#"
        tree 693a3de402bb23897ed5c931273e53c78eff0495
        parent STACK
        author patch.moi <patch@patch.moi> 1767323045 +0000
        committer patch.moi <patch@patch.moi> 1767323045 +0000

        patch: up v1.1.0

        {"id":"patch:up:v1.1.0:upstream.release","type":"upstream.release","source":"patch","receivedAt":"2026-01-02T03:04:05.000Z","payload":{"entryId":"v1.1.0","event":"release","provider":"git","ref":"v1.1.0","repo":"upstream","repoName":"upstream","sha":"SHA","sourceId":"up","tag":"v1.1.0"}}

        Patch-Event: patch:up:v1.1.0:upstream.release
        Patch-Watch: up
        Upstream-Tag: v1.1.0
        Upstream-Commit: SHA"#]].assert_eq(&fork.forge(&["cat-file", "commit", BRANCH]).replace(&sha, "SHA").replace(&stack, "STACK"));
    let trailers = fork.forge(&["log", "-1", "--format=%(trailers:only)", BRANCH]);
    assert_eq!(
        trailers.trim(),
        format!(
            "Patch-Event: patch:up:v1.1.0:upstream.release\nPatch-Watch: up\nUpstream-Tag: v1.1.0\nUpstream-Commit: {sha}"
        )
    );
    // On the forge's runner there is a clone, and neither configuration nor ledger.
    fork.environment().git("", &["clone", "--quiet", "--branch", BRANCH, "forge.git", "runner"]);
    let event =
        fork.environment().patch(&["event"]).in_dir("runner").env("PATCH_STATE_DIR", "/nowhere").success().stdout;
    assert_eq!(event, fork.patch(&["event", "v1.1.0"]).success().stdout);
    fork.environment().git("fork", &["fetch", "--quiet", "origin"]);
    assert_eq!(event, fork.patch(&["event", &format!("origin/{BRANCH}")]).success().stdout);
}

#[test]
fn a_repeat_is_the_same_commit_and_changes_nothing() {
    let fork = Fork::triggering();
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    let before = fork.branches();
    let replayed = fork.patch_at("05:00:00", &["replay", "v1.1.0"]).run();
    fork.steady(&replayed).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is due again
        up: v1.1.0 -> trigger-branch: completed: patch-moi/trigger/up/v1.1.0 was there already
    "#]]);
    assert_eq!(fork.branches(), before);
    // A forge that has lost it gets the same commit once more, whatever the time.
    fork.forge(&["update-ref", "-d", &format!("refs/heads/{BRANCH}")]);
    fork.patch_at("06:00:00", &["replay", "v1.1.0"]).success();
    assert_eq!(fork.branches(), before);
}

#[test]
fn the_stacks_branch_is_the_parent_and_may_be_unknown_here() {
    let fork = Fork::triggering();
    fork.set("watch.up.stack", "patches");
    fork.environment().git("", &["clone", "--quiet", "forge.git", "other"]);
    fork.environment().git("other", &["checkout", "--quiet", "-b", "patches"]);
    let stack = fork.environment().commit("other", "ci.yml", "on: push\n");
    fork.environment().git("other", &["push", "--quiet", "origin", "patches"]);
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    assert_eq!(fork.forge(&["rev-parse", &format!("{BRANCH}^")]), stack);
    assert_eq!(fork.forge(&["show", &format!("{BRANCH}:ci.yml")]), "on: push");
}

#[test]
fn the_checkout_the_index_and_the_branches_stay_as_they_are() {
    let fork = Fork::triggering();
    fork.environment().write("fork/file", "being edited\n");
    fork.environment().write("fork/new", "not added\n");
    let picture = || {
        let git = |args: &[&str]| fork.environment().git("fork", args);
        (
            git(&["status", "--porcelain=v2", "--branch"]),
            git(&["for-each-ref", "refs/heads/", "refs/tags/", "refs/remotes/"]),
        )
    };
    let before = picture();
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    let (status, refs) = picture();
    assert_eq!(status, before.0);
    // Git itself notes where a branch was pushed to.
    assert!(refs.starts_with(&before.1) || refs.contains(BRANCH), "{refs}");
    assert_eq!(fork.environment().read("fork/file"), "being edited\n");
    assert!(!fork.path("fork/.git/FETCH_HEAD").exists());
}

#[test]
fn a_branch_of_somebody_else_is_left_alone_and_reported() {
    let fork = Fork::triggering();
    let main = fork.forge(&["rev-parse", "main"]);
    fork.forge(&["update-ref", &format!("refs/heads/{BRANCH}"), &main]);
    fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 1
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> trigger-branch: failed: the fork `origin` has a branch patch-moi/trigger/up/v1.1.0 that is not this event's; move it away, then `patch retry`
    "#]]);
    assert_eq!(fork.forge(&["rev-parse", BRANCH]), main);
    // Once it is out of the way, a person lets it go on.
    fork.forge(&["update-ref", "-d", &format!("refs/heads/{BRANCH}")]);
    fork.says_of(&["retry", "v1.1.0"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is due again
        up: v1.1.0 -> trigger-branch: completed: pushed patch-moi/trigger/up/v1.1.0
    "#]]);
}

#[test]
fn a_branch_that_somebody_built_on_is_delivered_and_left_alone() {
    let fork = Fork::triggering();
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    fork.environment().git("", &["clone", "--quiet", "--branch", BRANCH, "forge.git", "other"]);
    let theirs = fork.environment().commit("other", "work", "theirs\n");
    fork.environment().git("other", &["push", "--quiet", "origin", BRANCH]);
    fork.says_of(&["replay", "v1.1.0"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is due again
        up: v1.1.0 -> trigger-branch: completed: patch-moi/trigger/up/v1.1.0 was there already
        up: v1.1.0 is being worked on: somebody works on its trigger branch
    "#]]);
    assert_eq!(fork.forge(&["rev-parse", BRANCH]), theirs);
}

#[test]
fn a_refusal_is_told_in_the_hooks_words() {
    let fork = Fork::triggering();
    let hook = "#!/bin/sh\necho 'trigger branches need a ticket \u{1b}[31mred' >&2\nexit 1\n";
    fork.environment().program("forge.git/hooks/pre-receive", hook);
    fork.release("v1.1.0");
    let told = fork.says_of(&["poll"]);
    assert_eq!((told.status, told.stderr.as_str()), (1, ""), "{told}");
    assert!(told.stdout.contains("the fork `origin` refused patch-moi/trigger/up/v1.1.0: "), "{told}");
    assert!(told.stdout.contains("trigger branches need a ticket"), "{told}");
    assert!(told.stdout.contains("pre-receive hook declined"), "{told}");
    assert!(!told.stdout.contains('\u{1b}'), "{told}");
    assert_eq!(fork.branches().lines().count(), 1);
    fs::remove_file(fork.path("forge.git/hooks/pre-receive")).unwrap();
    fork.patch_at("05:00:00", &["poll"]).success();
    assert_eq!(fork.branches().lines().count(), 2);
}

#[test]
fn a_fork_that_is_not_there_is_named() {
    let fork = Fork::triggering();
    fork.set("watch.up.fork", "../gone.git");
    fork.release("v1.1.0");
    let told = fork.says_of(&["poll"]);
    assert_eq!((told.status, told.stderr.as_str()), (1, ""), "{told}");
    assert!(told.stdout.contains("trigger-branch: failed: cannot read the fork `../gone.git`: "), "{told}");
    fork.environment().git("fork", &["config", "--unset", "watch.up.fork"]);
    fork.environment().git("fork", &["remote", "remove", "origin"]);
    let told = fork.patch_at("05:00:00", &["poll"]).run();
    assert_eq!(told.status, 1, "{told}");
    assert!(told.stdout.contains("there is no remote `origin` for the fork; `watch.up.fork` names it"), "{told}");
}

#[test]
fn a_fork_without_the_stacks_branch_says_how_to_name_it() {
    let fork = Fork::triggering();
    fork.set("watch.up.stack", "patches");
    fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 1
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> trigger-branch: failed: the fork `origin` has no patches; name the stack's branch: `git config watch.up.stack BRANCH`
    "#]]);
}

#[test]
fn hostile_tags_make_valid_branches_that_differ() {
    let fork = Fork::triggering();
    let tags =
        ["a/b", "RELEASE_1", "release_1", "v1@x", "$(touch${IFS}x)", "`x`", "v1;x", "größe", "-v1", "a=2fb", "main"];
    fork.environment().commit("upstream", "file", "two\n");
    for tag in tags {
        fork.environment().git("upstream", &["update-ref", "--", &format!("refs/tags/{tag}"), "HEAD"]);
    }
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: $(touch${IFS}x) is new
        up: `x` is new
        up: a/b is new
        up: größe is new
        up: main is new
        up: -v1 is new
        up: RELEASE_1 is new
        up: release_1 is new
        up: v1;x is new
        up: v1@x is new
        up: a=2fb is new
        up: $(touch${IFS}x) -> trigger-branch: completed: pushed patch-moi/trigger/up/=24=28touch=24=7bIFS=7dx=29=.038
        up: `x` -> trigger-branch: completed: pushed patch-moi/trigger/up/=60x=60
        up: a/b -> trigger-branch: completed: pushed patch-moi/trigger/up/a=2fb
        up: größe -> trigger-branch: completed: pushed patch-moi/trigger/up/gr=c3=b6=c3=9fe
        up: main -> trigger-branch: completed: pushed patch-moi/trigger/up/main
        up: -v1 -> trigger-branch: completed: pushed patch-moi/trigger/up/=2dv1
        up: RELEASE_1 -> trigger-branch: completed: pushed patch-moi/trigger/up/RELEASE_1=.fe
        up: release_1 -> trigger-branch: completed: pushed patch-moi/trigger/up/release_1
        up: v1;x -> trigger-branch: completed: pushed patch-moi/trigger/up/v1=3bx
        up: v1@x -> trigger-branch: completed: pushed patch-moi/trigger/up/v1=40x
        up: a=2fb -> trigger-branch: completed: pushed patch-moi/trigger/up/a=3d2fb
    "#]]);
    expect![[r#"
        refs/heads/main
        refs/heads/patch-moi/trigger/up/=24=28touch=24=7bIFS=7dx=29=.038
        refs/heads/patch-moi/trigger/up/=2dv1
        refs/heads/patch-moi/trigger/up/=60x=60
        refs/heads/patch-moi/trigger/up/RELEASE_1=.fe
        refs/heads/patch-moi/trigger/up/a=2fb
        refs/heads/patch-moi/trigger/up/a=3d2fb
        refs/heads/patch-moi/trigger/up/gr=c3=b6=c3=9fe
        refs/heads/patch-moi/trigger/up/main
        refs/heads/patch-moi/trigger/up/release_1
        refs/heads/patch-moi/trigger/up/v1=3bx
        refs/heads/patch-moi/trigger/up/v1=40x"#]]
    .assert_eq(&fork.forge(&["for-each-ref", "--format=%(refname)", "refs/heads/"]));
    assert!(!fork.path("fork/x").exists() && !fork.path("forge.git/x").exists());
}

#[test]
fn the_prefix_of_refs_is_configurable_but_never_the_stack_itself() {
    let fork = Fork::triggering();
    fork.set("patch.refPrefix", "bots/");
    fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> trigger-branch: completed: pushed bots/trigger/up/v1.1.0
    "#]]);
    fork.set("watch.up.stack", "bots/trigger/up/v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: patch.refPrefix = bots/ (.git/config): the branch `bots/trigger/up/v1.1.0`, which holds the patches of `up`, is in the way
        hint: mend it in that file, as with `git config --edit`
    "#]]);
    // The branch of the fork's HEAD is known only when the fork is asked.
    let fork = self::Fork::triggering();
    fork.forge(&["branch", "--move", "main", "patch-moi/trigger/main"]);
    fork.release("v1.1.0");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 1
        --- stdout
        up: v1.1.0 is new
        up: v1.1.0 -> trigger-branch: failed: patch-moi/trigger/up/v1.1.0 is in the way of `patch-moi/trigger/main`, the branch of the fork's HEAD; set another `patch.refPrefix`
    "#]]);
    assert_eq!(fork.branches().lines().count(), 1);
}

#[test]
fn moved_tags_have_branches_of_their_own_and_vanished_ones_have_none() {
    let fork = Fork::triggering();
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    fork.environment().commit("upstream", "file", "replaced\n");
    fork.environment().git("upstream", &["tag", "--force", "--annotate", "--message", "again", "v1.1.0"]);
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: tag v1.1.0 moved from ab1837aa03 to f47efcddf6: was it replaced on purpose?
        up: v1.1.0@f47efcddf6600e56a535fed1f7996ff16ab1abbe -> trigger-branch: completed: pushed patch-moi/trigger/up/v1.1.0=40f47efcddf6600e56a535fed1f7996ff16ab1abbe
    "#]]);
    fork.environment().git("upstream", &["tag", "--delete", "v1.0.0"]);
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: v1.0.0 is gone upstream
    "#]]);
    assert_eq!(fork.branches().lines().count(), 3);
}

#[test]
fn an_event_in_words_of_the_feed_stays_one_line_of_the_message() {
    let fork = Fork::triggering();
    let config = fork.environment().read("fork/.git/config");
    let payload = "\tpayload = \"note=one\\n{\\\"id\\\":\\\"forged\\\"}\\nPatch-Event: forged\\n\"\n";
    fork.environment().write("fork/.git/config", &format!("{config}[watch \"up\"]\n{payload}"));
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    let trailers = fork.forge(&["log", "-1", "--format=%(trailers:key=Patch-Event,valueonly)", BRANCH]);
    assert_eq!(trailers.trim(), "patch:up:v1.1.0:upstream.release");
    fork.environment().git("fork", &["fetch", "--quiet", "origin"]);
    let event = fork.patch(&["event", &format!("origin/{BRANCH}")]).success().stdout;
    assert!(event.starts_with("{\"id\":\"patch:up:v1.1.0:upstream.release\""), "{event}");
}

#[test]
fn a_forge_that_hangs_is_left_after_the_timeout() {
    let fork = Fork::triggering();
    fork.environment().program("forge.git/hooks/pre-receive", "#!/bin/sh\necho $$ > \"$ROOT/hook\"\nexec sleep 1000\n");
    fork.set("watch.up.timeout", "2");
    fork.release("v1.1.0");
    let told = fork.says_of(&["poll"]);
    assert_eq!((told.status, told.stderr.as_str()), (1, ""), "{told}");
    assert!(told.stdout.contains("trigger-branch: failed: cannot push to the fork `origin`: "), "{told}");
    assert!(!fork.is_running(&fork.environment().read("hook")));
    assert_eq!(fork.branches().lines().count(), 1);
}

#[test]
fn an_event_that_upstream_wrote_into_a_commit_is_not_printed_for_the_signal() {
    let fork = Fork::triggering();
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    let told = fork.patch(&["event", "v1.1.0"]).success().stdout;
    let forged = told.replace("\"sourceId\":\"up\"", "\"sourceId\":\"EVIL\"");
    let upstream = fork.path("upstream");
    let message = format!("patch: up v1.1.0\n\n{forged}\n\nPatch-Event: patch:up:v1.1.0:upstream.release\n");
    fork.environment().git(&upstream, &["commit", "--quiet", "--allow-empty", "--message", &message]);
    fork.environment().git(&upstream, &["tag", "--force", "v1.1.0"]);
    fork.environment().git("fork", &["fetch", "--quiet", "--tags", "--force", "upstream"]);
    assert_eq!(fork.patch(&["event", "v1.1.0"]).success().stdout, told);
    // A commit whose trailer does not fit its document is no trigger commit.
    let message = format!("patch: up v9\n\n{forged}\n\nPatch-Event: patch:up:v9:upstream.release\n");
    fork.environment().git(&upstream, &["commit", "--quiet", "--allow-empty", "--message", &message]);
    fork.environment().git("fork", &["fetch", "--quiet", "upstream", "HEAD"]);
    assert_eq!(fork.patch(&["event", "FETCH_HEAD"]).run().status, 2);
}
