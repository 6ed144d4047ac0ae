//! Upstreams and forks: whether they answer, and what is wrong where they do not.

use super::of_check;
use crate::environment::Output;
use crate::fork::Fork;
use crate::upstream::{self, atom};
use expect_test::expect;
use patch_moi::loopback::{Response, Server};
use std::net::TcpListener;

/// What the doctor says of upstreams and forks, in a fork whose `remote` has this URL and that pushes triggers.
#[track_caller]
fn with(remote: &str, url: &str) -> (Fork, Output) {
    let fork = Fork::triggering();
    fork.environment().git("fork", &["remote", "set-url", remote, url]);
    let output = fork.says_of(&["doctor", "-q"]);
    (fork, output)
}

#[test]
fn a_remote_that_fails_is_told_with_the_kind_of_failure_and_a_command() {
    let (fork, output) = with("upstream", "../nowhere");
    assert_eq!(output.status, 1, "{output}");
    expect![[r#"
        broken  upstream: watch `up`: not found: git ls-remote: '../nowhere' does not appear to be a git repository
                fix: git remote get-url upstream; a private repository needs credentials
    "#]]
    .assert_eq(&of_check(&output, "upstream"));
    assert_eq!(of_check(&output, "fork"), "");
    fork.patch(&["doctor", "-q", "--offline"]).run().succeeded();

    let (fork, output) = with("origin", "../nowhere");
    expect![[r#"
        broken  fork: `origin`: not found: git ls-remote: '../nowhere' does not appear to be a git repository
                fix: git remote get-url origin; a private repository needs credentials
    "#]]
    .assert_eq(&of_check(&output, "fork"));
    // A fork that nothing is pushed to may be missing.
    fork.set("watch.up.dispatch", "none");
    let output = fork.patch(&["doctor", "-q"]).run().succeeded();
    assert!(of_check(&output, "fork").starts_with("warning fork: `origin`: not found: "), "{output}");
}

#[test]
fn a_remote_that_wants_other_credentials_is_told_as_such() {
    let server = Server::start(|request| match request.target.as_str() {
        target if target.starts_with("/private") => {
            Response::new(401).header("WWW-Authenticate", "Basic realm=\"forge\"")
        }
        _ => Response::new(404),
    })
    .unwrap();
    let (_, output) = with("origin", &server.url("/private.git"));
    let told = of_check(&output, "fork").replace(&server.url(""), "http://forge");
    expect![[r#"
        broken  fork: `origin`: no access with these credentials: git ls-remote: could not read Username for 'http://forge': terminal prompts disabled
                fix: nobody is asked for a password here: set up a credential helper or an ssh key without a passphrase, and try `GIT_TERMINAL_PROMPT=0 git ls-remote origin` as the same user
    "#]]
    .assert_eq(&told);
    let (_, output) = with("origin", &server.url("/gone.git"));
    assert!(of_check(&output, "fork").contains("`origin`: not found: git ls-remote: repository "), "{output}");

    let fork = Fork::triggering();
    fork.environment().git("fork", &["remote", "set-url", "origin", "git@forge.example:me/widget.git"]);
    let ssh = fork.environment().program("bin/ssh", "#!/bin/sh\necho 'Host key verification failed.' >&2\nexit 255\n");
    let output = fork.patch(&["doctor", "-q"]).env("GIT_SSH_COMMAND", ssh).run();
    expect![[r#"
        broken  fork: `origin`: the host's key is not known: git ls-remote: Host key verification failed.
                fix: git ls-remote origin, once by hand, to look at the host's key
    "#]]
    .assert_eq(&of_check(&output, "fork"));
}

#[test]
fn hosts_that_stay_silent_are_given_up_side_by_side() {
    // Connections come about, and nobody ever takes them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("git://{}/widget.git", silent.local_addr().unwrap());
    let fork = Fork::triggering();
    fork.environment().git("fork", &["remote", "set-url", "origin", &url]);
    for name in ["a", "b", "c"] {
        fork.set(&format!("watch.{name}.feed"), &url.replace("git://", "http://").replace(".git", &format!("/{name}")));
    }
    fork.set("patch.fetchTimeout", "1");
    let output = fork.says_of(&["doctor", "-q"]);
    assert_eq!(output.status, 1, "{output}");
    expect![[r#"
        broken  fork: `origin`: no answer in time: git ls-remote: no end within 1 s
                fix: git ls-remote origin
    "#]]
    .assert_eq(&of_check(&output, "fork"));
    let upstream = of_check(&output, "upstream");
    assert_eq!(upstream.matches(": no answer in time: http://").count(), 3, "{output}");
    assert!(upstream.contains("raise `watch.b.fetchTimeout` (seconds)"), "{output}");
}

#[test]
fn a_fork_that_is_no_fork_is_told() {
    let (_, output) = with("origin", "../upstream");
    expect![[r#"
        broken  fork: watch `up`: the fork `origin` is the upstream itself, which gets no triggers; `watch.up.fork` names the fork
                fix: git config watch.up.fork REMOTE
    "#]]
    .assert_eq(&of_check(&output, "fork"));

    let fork = Fork::triggering();
    let url = format!("file://{}", fork.path("upstream").display());
    fork.environment().git("fork", &["remote", "set-url", "origin", &url]);
    expect![[r#"
        broken  fork: watch `up`: the fork `origin` and the upstream are one repository under two URLs
                fix: git config watch.up.fork REMOTE
    "#]]
    .assert_eq(&of_check(&fork.says_of(&["doctor", "-q", "--offline"]), "fork"));

    let fork = Fork::triggering();
    fork.environment().git("fork", &["remote", "remove", "origin"]);
    expect![[r#"
        broken  fork: watch `up`: there is no remote `origin` for the fork; `watch.up.fork` names it
                fix: git remote add origin URL
    "#]]
    .assert_eq(&of_check(&fork.says_of(&["doctor", "-q"]), "fork"));
    // Who hands nothing to a fork needs none.
    fork.set("watch.up.dispatch", "none");
    assert_eq!(of_check(&fork.says_of(&["doctor"]), "fork"), "");

    let fork = Fork::triggering();
    fork.set("watch.up.stack", "patches");
    expect![[r#"
        broken  fork: watch `up`: the fork `origin` has no patches, where the patches should be
                fix: git config watch.up.stack BRANCH
    "#]]
    .assert_eq(&of_check(&fork.says_of(&["doctor", "-q"]), "fork"));
}

#[test]
fn a_feed_is_looked_at_and_a_page_in_its_place_is_told() {
    let fork = upstream::Fork::watching("/f");
    fork.feeds.show("/f", atom(&["v2", "v1"]));
    let well = fork.patch(&["doctor"]);
    assert_eq!(of_check(&well, "upstream"), "ok      upstream: watch `up`: 2 entries at http://feeds/f\n", "{well}");
    assert_eq!(fork.feeds.asked(), ["/f"]);

    fork.feeds.show("/f", "<!DOCTYPE html><html><head><title>Sign in</title></head><body></body></html>");
    let login = fork.patch(&["doctor"]);
    let told = of_check(&login, "upstream");
    assert!(told.starts_with("broken  upstream: watch `up`: no feed: http://feeds/f: "), "{login}");
    assert_eq!(login.status, 1);

    fork.feeds.answer("/f", Response::new(404));
    let gone = of_check(&fork.patch(&["doctor"]), "upstream");
    assert!(gone.contains("not found: http://feeds/f does not exist (404)"), "{gone}");

    // Nobody is asked, and nothing is said of it.
    let asked = fork.feeds.asked().len();
    let offline = fork.patch(&["doctor", "--offline"]).succeeded();
    assert_eq!((of_check(&offline, "upstream").as_str(), fork.feeds.asked().len()), ("", asked));
}

#[test]
fn the_clock_is_compared_with_the_servers() {
    let fork = upstream::Fork::watching("/f");
    let clock = |date: &str, age: &str| {
        fork.feeds.answer("/f", Response::new(200).header("Date", date).header("Age", age).body(atom(&["v1"])));
        of_check(&fork.patch(&["doctor"]).succeeded(), "clock")
    };
    // The tests' clock stands at 03:04:05.
    assert_eq!(clock("Fri, 02 Jan 2026 03:04:05 GMT", "0"), "ok      clock: 2026-01-02T03:04:05.000Z\n");
    assert_eq!(clock("Fri, 02 Jan 2026 02:04:05 GMT", "3600"), "ok      clock: 2026-01-02T03:04:05.000Z\n");
    expect![[r#"
        warning clock: it is 2026-01-02T03:04:05.000Z, which is 60 min ahead of the clock of the feed's server
                fix: timedatectl status
    "#]]
    .assert_eq(&clock("Fri, 02 Jan 2026 02:04:05 GMT", "0"));
    assert!(clock("Fri, 02 Jan 2026 04:04:05 GMT", "0").contains("60 min behind the clock"));
}

#[test]
fn a_host_that_asked_for_rest_is_left_alone() {
    let fork = upstream::Fork::watching("/f");
    fork.feeds.answer("/f", Response::new(429).header("Retry-After", "600"));
    assert_eq!(fork.poll().status, 1);
    let asked = fork.feeds.asked().len();
    let told = of_check(&fork.patch(&["doctor"]).succeeded(), "upstream");
    assert!(told.starts_with("warning upstream: watch `up`: its host asked not to be asked before 2026-"), "{told}");
    assert_eq!(fork.feeds.asked().len(), asked);
}

#[test]
fn a_missing_branch_upstream_is_told() {
    let fork = upstream::Fork::with_remote();
    fork.config("watch.up.remote", "upstream");
    fork.config("watch.up.event", "branch");
    assert!(of_check(&fork.patch(&["doctor"]), "upstream").starts_with("ok      upstream: watch `up`: 1 entry at "));
    fork.config("watch.up.branch", "next");
    expect![[r#"
        broken  upstream: watch `up`: upstream has no branch `next`
                fix: name one that it has: `git config watch.up.branch BRANCH`
    "#]]
    .assert_eq(&of_check(&fork.patch(&["doctor"]), "upstream"));
}
