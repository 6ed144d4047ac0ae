//! `patch poll` of a remote's refs, alone or beside a feed.

use crate::upstream::{Fork, atom, log};
use expect_test::expect;

/// The commit that `rev` is in the upstream repository, in short as our output has it.
fn short(fork: &Fork, rev: &str) -> String {
    fork.environment.git("upstream", &["rev-parse", rev])[..10].to_owned()
}

#[test]
fn a_fork_with_an_upstream_remote_needs_no_configuration() {
    let fork = Fork::with_remote();
    fork.environment.tag("upstream", "v1.0");
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        upstream: first sight: 1 entry is known from now on, the newest v1.0
    "#]]);
    fork.poll().is(&expect![[r#"
        status: 0
    "#]]);
    fork.environment.commit("upstream", "file", "2\n");
    fork.environment.tag("upstream", "v1.1");
    fork.environment.git("upstream", &["tag", "v1.2-rc.1"]);
    fork.environment.git("upstream", &["tag", "lib/v2.0"]);
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        upstream: v1.1 is new
        upstream: lib/v2.0 is new
    "#]]);
    fork.poll().is(&expect![[r#"
        status: 0
    "#]]);
    expect![[r#"
        upstream primed: first-sight v1.0
        upstream signal: new patch:upstream:v1.1:upstream.release
        upstream skipped: prerelease v1.2-rc.1
        upstream signal: new patch:upstream:lib/v2.0:upstream.release
    "#]]
    .assert_eq(&fork.records());
    // an annotated tag's commit, not the tag object
    let commit = fork.environment.git("upstream", &["rev-parse", "v1.1^{commit}"]);
    assert!(fork.ledger().contains(&format!("\"key\":\"v1.1\",\"tag\":\"v1.1\",\"sha\":\"{commit}\"")));
}

#[test]
fn without_upstream_or_watch_the_error_says_how_to_make_one() {
    let fork = Fork::new();
    fork.poll().is(&expect![[r#"
        status: 2
        --- stderr
        error: there is no watch, and no remote `upstream`
        hint: make one: `patch watch add URL`, or `git remote add upstream URL`
    "#]]);
    fork.patch(&["watch", "list"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: there is no watch, and no remote `upstream`
        hint: make one: `patch watch add URL`, or `git remote add upstream URL`
    "#]]);
    assert_eq!(fork.ledger(), "");
}

#[test]
fn the_first_tag_ever_is_news() {
    let fork = Fork::with_remote();
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        upstream: first sight: there is nothing before; whatever comes is news
    "#]]);
    fork.environment.tag("upstream", "v0.1");
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        upstream: v0.1 is new
    "#]]);
}

#[test]
fn a_moved_tag_is_told_once_and_so_is_one_that_is_gone() {
    let fork = Fork::with_remote();
    fork.environment.tag("upstream", "v1");
    fork.environment.tag("upstream", "v2");
    fork.poll().succeeded();
    fork.environment.commit("upstream", "file", "2\n");
    fork.environment.git("upstream", &["tag", "--force", "--annotate", "--message", "again", "v1"]);
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        upstream: tag v1 moved from b2899e9ab7 to 26bd9f4224: was it replaced on purpose?
    "#]]);
    assert_eq!(fork.poll().to_string(), "status: 0\n");
    // re-tagged at the same commit: another tag object, the same release
    fork.environment.git("upstream", &["tag", "--force", "--annotate", "--message", "once more", "v1"]);
    assert_eq!(fork.poll().to_string(), "status: 0\n");
    fork.environment.git("upstream", &["tag", "--delete", "v2"]);
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        upstream: v2 is gone upstream
    "#]]);
    assert_eq!(fork.poll().to_string(), "status: 0\n");
    expect![[r#"
        upstream primed: first-sight v1 v2
        upstream signal: moved patch:upstream:v1@26bd9f4224d431a263f51a0b52d78c48e88a163b:upstream.release
        upstream review: 
        upstream signal: gone patch:upstream:v2@gone-b2899e9ab78b4f24f90287afd0af046d69191300:upstream.release
    "#]]
    .assert_eq(&fork.records());
}

#[test]
fn no_tags_where_there_were_some_is_not_believed() {
    let fork = Fork::with_remote();
    fork.environment.tag("upstream", "v1");
    fork.poll().succeeded();
    fork.environment.git("upstream", &["tag", "--delete", "v1"]);
    fork.poll().is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `upstream`: upstream shows no entries at all, where there were some
        hint: nothing known was changed; see what it shows with `patch watch check upstream`
    "#]]);
    fork.environment.tag("upstream", "v1");
    fork.environment.tag("upstream", "v2");
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        upstream: works again
        upstream: v2 is new
    "#]]);
}

#[test]
fn a_branch_is_followed_over_commits_and_rewriting() {
    let fork = Fork::with_remote();
    fork.config("watch.main.event", "branch");
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        main: first sight: 1 entry is known from now on, the newest b2899e9ab7
    "#]]);
    fork.environment.commit("upstream", "file", "2\n");
    fork.environment.commit("upstream", "file", "3\n");
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        main: df754d2d46 is new
    "#]]);
    assert_eq!(fork.poll().to_string(), "status: 0\n");
    fork.environment.git("upstream", &["reset", "--quiet", "--hard", "HEAD~2"]);
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        main: the branch was rewritten: b2899e9ab7 does not descend from df754d2d46
    "#]]);
    assert_eq!(fork.poll().to_string(), "status: 0\n");
    fork.environment.commit("upstream", "other", "1\n");
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        main: db7361b187 is new
    "#]]);
    expect![[r#"
        main primed: first-sight b2899e9ab78b4f24f90287afd0af046d69191300
        main signal: new patch:main:df754d2d46417ea0b2d4cb0613f6c04ad8073085:upstream.update
        main signal: rewritten patch:main:b2899e9ab78b4f24f90287afd0af046d69191300@df754d2d46417ea0b2d4cb0613f6c04ad8073085:upstream.update
        main signal: new patch:main:db7361b1873adffd90362cef0da273b46fb935da:upstream.update
    "#]].assert_eq(&fork.records());
    // nothing of ours is in the way of the user's branches and tags
    assert_eq!(fork.environment.git("fork", &["for-each-ref", "refs/heads", "refs/tags", "refs/remotes"]), "");
}

#[test]
fn a_branch_that_is_gone_is_told_and_comes_back() {
    let fork = Fork::with_remote();
    fork.environment.git("upstream", &["branch", "next"]);
    fork.config("watch.next.event", "branch");
    fork.config("watch.next.branch", "next");
    fork.poll().succeeded();
    fork.environment.git("upstream", &["branch", "--delete", "next"]);
    fork.poll().is(&expect![[r#"
        status: 1
        --- stdout
        next: next is gone upstream
        --- stderr
        error: watch `next`: upstream has no branch `next`
        hint: name one that it has: `git config watch.next.branch BRANCH`
    "#]]);
    fork.poll().is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `next`: upstream has no branch `next`
        hint: name one that it has: `git config watch.next.branch BRANCH`
    "#]]);
    fork.environment.git("upstream", &["branch", "next"]);
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        next: works again
    "#]]);
    fork.environment.git("fork", &["config", "watch.next.branch", "nxet"]);
    fork.poll().is(&expect![[r#"
        status: 1
        --- stderr
        error: watch `next`: upstream has no branch `nxet`
        hint: name one that it has: `git config watch.next.branch BRANCH`
    "#]]);
}

#[test]
fn a_dry_run_fetches_no_objects() {
    let fork = Fork::with_remote();
    fork.config("watch.main.event", "branch");
    fork.poll().succeeded();
    fork.environment.commit("upstream", "file", "2\n");
    let before = fork.files();
    fork.patch(&["poll", "--dry-run"]).is(&expect![[r#"
        status: 0
        --- stdout
        main: 26bd9f4224 is new
    "#]]);
    assert!(fork.files() == before);
}

#[test]
fn refs_beside_a_feed_add_commits_and_tell_moved_tags() {
    let fork = Fork::with_remote();
    fork.config("watch.up.feed", &fork.feeds.url("/f"));
    fork.config("watch.up.remote", "upstream");
    fork.environment.tag("upstream", "v1");
    fork.feeds.show("/f", atom(&["v1"]));
    fork.poll().succeeded();
    // a tag alone is no release while the feed defines what one is
    fork.environment.commit("upstream", "file", "2\n");
    fork.environment.tag("upstream", "v2");
    assert_eq!(fork.poll().to_string(), "status: 0\n");
    fork.feeds.show("/f", atom(&["v2", "v1"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: v2 is new: Release v2
    "#]]);
    let commit = fork.environment.git("upstream", &["rev-parse", "v2^{commit}"]);
    assert!(fork.ledger().contains(&format!("\"tag\":\"v2\",\"sha\":\"{commit}\"")));
    // the feed says that nothing changed, the refs tell otherwise
    fork.environment.git("upstream", &["tag", "--force", "v1", "HEAD"]);
    let moved = fork.poll();
    assert!(
        moved.stdout.contains(&format!("moved from {} to {}", short(&fork, "HEAD~"), short(&fork, "HEAD"))),
        "{moved}"
    );
    assert_eq!(fork.feeds.asked(), ["/f", "/f?", "/f?", "/f?"]);
}

#[test]
fn a_release_of_a_tag_that_the_first_sight_met_alone_is_news() {
    let fork = Fork::with_remote();
    fork.config("watch.up.feed", &fork.feeds.url("/f"));
    fork.config("watch.up.remote", "upstream");
    for tag in ["v1", "v2", "v3", "nightly-9"] {
        fork.environment.tag("upstream", tag);
    }
    // v3 was just tagged, and its release notes are still being written
    fork.feeds.show("/f", atom(&["v2"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: first sight: 3 entries are known from now on, the newest v2
    "#]]);
    fork.feeds.show("/f", atom(&["v3", "v2"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: v3 is new: Release v3
    "#]]);
    // v2 is withdrawn: that an older one slides into the window is no news
    fork.feeds.show("/f", atom(&["v3", "v1"]));
    assert_eq!(fork.poll().to_string(), "status: 0\n");
}

#[test]
fn another_kind_of_event_or_another_repository_is_primed_first() {
    let fork = Fork::with_remote();
    fork.environment.tag("upstream", "v1");
    fork.environment.tag("upstream", "v2");
    fork.config("watch.up.remote", "upstream");
    fork.poll().succeeded();
    fork.config("watch.up.event", "branch");
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: it looks elsewhere now: 1 entry is known from now on, the newest b2899e9ab7
    "#]]);
    fork.environment.git("fork", &["config", "watch.up.event", "release"]);
    fork.poll().is(&expect![[r#"
        status: 0
    "#]]);
    assert_eq!(fork.poll().to_string(), "status: 0\n");
    fork.environment.repository("other");
    fork.environment.commit("other", "else", "1\n");
    fork.environment.tag("other", "v1");
    fork.environment.tag("other", "w1");
    fork.environment.git("fork", &["remote", "set-url", "upstream", "../other"]);
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: it looks elsewhere now: 2 entries are known from now on, the newest w1
    "#]]);
    assert_eq!(fork.poll().to_string(), "status: 0\n");
    expect![[r#"
        up primed: first-sight v1 v2
        up primed: source-changed b2899e9ab78b4f24f90287afd0af046d69191300
        up primed: met-again v1 v2
        up primed: source-changed v1 w1
    "#]]
    .assert_eq(&fork.records());
}

#[test]
fn backfill_takes_the_newest_versions() {
    let fork = Fork::with_remote();
    for tag in ["v10", "v2", "v1", "v11-rc.1"] {
        fork.environment.tag("upstream", tag);
    }
    fork.patch(&["poll", "--backfill", "2"]).is(&expect![[r#"
        status: 0
        --- stdout
        upstream: first sight: 2 entries are known from now on, the newest v11-rc.1
        upstream: v2 is new
        upstream: v10 is new
    "#]]);
}

#[test]
fn a_remote_that_fails_beside_a_feed_keeps_the_news_for_later() {
    let fork = Fork::with_remote();
    fork.environment.tag("upstream", "v1");
    fork.config("watch.up.feed", &fork.feeds.url("/f"));
    fork.config("watch.up.remote", "upstream");
    fork.feeds.show("/f", atom(&["v1"]));
    fork.poll().succeeded();
    fork.feeds.show("/f", atom(&["v2", "v1"]));
    let upstream = fork.environment.path("upstream");
    std::fs::rename(&upstream, fork.environment.path("away")).unwrap();
    let failed = fork.poll();
    assert_eq!((failed.status, failed.stdout.as_str()), (1, ""), "{failed}");
    std::fs::rename(fork.environment.path("away"), upstream).unwrap();
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: works again
        up: v2 is new: Release v2
    "#]]);
}

#[test]
fn a_silent_remote_is_given_up_in_time() {
    let fork = Fork::new();
    fork.config("watch.slow.remote", "ssh://forge.example/o/p");
    fork.config("watch.slow.fetchTimeout", "1");
    fork.config("watch.up.feed", &fork.feeds.url("/f"));
    fork.feeds.show("/f", atom(&["v1"]));
    let ssh = fork.environment.program("bin/ssh", "#!/bin/sh\nexec sleep 600\n");
    let output = fork.command(&["poll"]).env("GIT_SSH_COMMAND", ssh).run();
    assert_eq!(output.status, 1, "{output}");
    assert_eq!(output.stdout, "up: first sight: 1 entry is known from now on, the newest v1\n");
    assert!(output.stderr.starts_with("error: watch `slow`: "), "{output}");
    assert!(fork.ledger().contains("\"kind\":\"timeout\""), "{}", fork.ledger());
}

#[test]
fn refs_beside_a_feed_fill_a_window_that_overflowed() {
    let fork = Fork::with_remote();
    fork.config("watch.up.feed", &fork.feeds.url("/f"));
    fork.config("watch.up.remote", "upstream");
    for tag in ["v1", "v2"] {
        fork.environment.tag("upstream", tag);
    }
    fork.feeds.show("/f", atom(&["v2"]));
    fork.poll().succeeded();
    for tag in ["v3", "v4", "v5"] {
        fork.environment.tag("upstream", tag);
    }
    fork.feeds.show("/f", atom(&["v5"]));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: v3 is new
        up: v4 is new
        up: v5 is new: Release v5
    "#]]);
    expect![[r#"
        up primed: first-sight v1 v2
        up signal: new patch:up:v3:upstream.release
        up signal: new patch:up:v4:upstream.release
        up signal: new patch:up:v5:upstream.release
    "#]]
    .assert_eq(&fork.records());
}

#[test]
fn a_feed_of_another_project_does_not_take_this_upstreams_commits() {
    let fork = Fork::with_remote();
    fork.environment.tag("upstream", "v1");
    fork.config("watch.other.feed", &fork.feeds.url("/f"));
    fork.feeds.show("/f", atom(&["v1"]));
    fork.patch(&["poll", "--backfill", "1"]).is(&expect![[r#"
        status: 0
        --- stdout
        other: first sight: there is nothing before; whatever comes is news
        other: v1 is new: Release v1
    "#]]);
    assert!(!fork.ledger().contains("\"sha\""));
}

#[test]
fn a_log_that_shows_nothing_known_asks_git_whether_the_branch_was_rewritten() {
    let fork = Fork::with_remote();
    fork.config("watch.up.feed", &fork.feeds.url("/commits/main.atom"));
    fork.config("watch.up.remote", "upstream");
    fork.config("watch.up.event", "branch");
    fork.config("watch.up.branch", "main");
    let head = |rev: &str| fork.environment.git("upstream", &["rev-parse", rev]);
    let (mut shas, path) = (vec![head("HEAD")], "/commits/main.atom");
    let show = |shas: &[String]| {
        let newest_first: Vec<&str> = shas.iter().rev().map(String::as_str).collect();
        fork.feeds.show(path, log(&newest_first));
    };
    show(&shas);
    fork.poll().succeeded();
    for text in ["2\n", "3\n", "4\n"] {
        shas.push(fork.environment.commit("upstream", "file", text));
    }
    // the window shows only the newest two: Git tells that nothing was rewritten
    show(&shas[2..]);
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: df754d2d46 is new: Change df75
        up: e5d37da80f is new: Change e5d3
    "#]]);
    expect![[r#"
        up primed: first-sight b2899e9ab78b4f24f90287afd0af046d69191300
        up signal: new patch:up:df754d2d46417ea0b2d4cb0613f6c04ad8073085:upstream.update
        up signal: new patch:up:e5d37da80fc6119ca32af47294caeef99f7e6754:upstream.update
    "#]]
    .assert_eq(&fork.records());
}

#[test]
fn a_bare_repository_and_a_subdirectory_are_forks_too() {
    let fork = Fork::with_remote();
    fork.environment.tag("upstream", "v1");
    let environment = &fork.environment;
    environment.git("", &["init", "--quiet", "--bare", "fork.git"]);
    environment.git("fork.git", &["remote", "add", "upstream", "../upstream"]);
    fork.shown(&environment.patch(&["poll"]).in_dir("fork.git").run()).is(&expect![[r#"
        status: 0
        --- stdout
        upstream: first sight: 1 entry is known from now on, the newest v1
    "#]]);
    assert_eq!(environment.patch(&["-C", "fork.git", "poll"]).run().to_string(), "status: 0\n");
    environment.write("fork/below/file", "");
    fork.shown(&environment.patch(&["poll"]).in_dir("fork/below").run()).is(&expect![[r#"
        status: 0
        --- stdout
        upstream: first sight: 1 entry is known from now on, the newest v1
    "#]]);
    assert_eq!(fork.poll().to_string(), "status: 0\n");
}

#[test]
fn linked_worktrees_share_the_ledger() {
    let fork = Fork::with_remote();
    fork.environment.tag("upstream", "v1");
    fork.environment.commit("fork", "file", "1\n");
    fork.environment.git("fork", &["worktree", "add", "--quiet", "../linked"]);
    fork.environment
        .git("fork", &["remote", "set-url", "upstream", fork.environment.path("upstream").to_str().unwrap()]);
    fork.poll().succeeded();
    let linked = || fork.shown(&fork.environment.patch(&["poll"]).in_dir("linked").run());
    assert_eq!(linked().to_string(), "status: 0\n");
    fork.environment.tag("upstream", "v2");
    linked().is(&expect![[r#"
        status: 0
        --- stdout
        upstream: v2 is new
    "#]]);
    assert_eq!(fork.poll().to_string(), "status: 0\n");
}

#[test]
fn two_watches_of_one_remote_have_each_their_own_news() {
    let fork = Fork::with_remote();
    for (name, tags) in [("lib", "lib/*"), ("tool", "tool/*")] {
        fork.config(&format!("watch.{name}.remote"), "upstream");
        fork.config(&format!("watch.{name}.tags"), tags);
    }
    fork.poll().succeeded();
    fork.environment.tag("upstream", "lib/1.0");
    fork.environment.tag("upstream", "tool/2.0");
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        lib: lib/1.0 is new
        tool: tool/2.0 is new
    "#]]);
}

#[test]
fn a_remote_of_several_watches_is_asked_once() {
    let fork = Fork::with_remote();
    fork.environment.tag("upstream", "v1");
    let url = format!("ssh://forge.example{}", fork.environment.path("upstream").display());
    fork.environment.git("fork", &["remote", "set-url", "upstream", &url]);
    for name in ["one", "two", "three"] {
        fork.config(&format!("watch.{name}.remote"), "upstream");
    }
    fork.config("watch.three.event", "branch");
    // runs the command that the far side would run, its last argument
    let script = "#!/bin/sh\nfor command; do :; done\necho asked >> \"$HOME/asked\"\neval \"exec $command\"\n";
    let ssh = fork.environment.program("bin/ssh", script);
    fork.shown(&fork.command(&["poll"]).env("GIT_SSH_COMMAND", ssh).run()).is(&expect![[r#"
        status: 0
        --- stdout
        one: first sight: 1 entry is known from now on, the newest v1
        three: first sight: 1 entry is known from now on, the newest b2899e9ab7
        two: first sight: 1 entry is known from now on, the newest v1
    "#]]);
    // once for the tags, once for HEAD
    assert_eq!(fork.environment.read("home/asked"), "asked\nasked\n");
}
