//! A fork without a watch: what its remote tells of the upstream is offered, as a command that works.

use super::{fix, of_check};
use crate::environment::Environment;
use crate::upstream::Fork;
use expect_test::expect;
use patch_moi::loopback::Response;

const PAGE: &str = "/api/v1/repos/me/widget";

/// A fork whose `origin` is on a forge that is this server.
fn on_a_forge() -> Fork {
    let fork = Fork::new();
    let origin = fork.feeds.url("/me/widget.git");
    fork.environment.git("fork", &["remote", "add", "origin", &origin]);
    fork
}

#[test]
fn the_forge_is_asked_for_the_parent() {
    let fork = on_a_forge();
    let parent = |url: &str| format!(r#"{{"fork":true,"parent":{{"full_name":"o/widget","clone_url":"{url}"}}}}"#);
    fork.feeds.answer(PAGE, Response::new(200).body(parent("https://git.example/o/widget.git")));
    let output = fork.patch(&["doctor", "-q"]);
    assert_eq!(output.status, 1);
    expect![[r#"
        broken  configuration: there is no watch, and no remote `upstream`; its forge says that `origin` is a fork of https://git.example/o/widget.git
                fix: git remote add upstream https://git.example/o/widget.git
    "#]]
    .assert_eq(&of_check(&output, "configuration"));
    assert_eq!(fork.feeds.asked(), [PAGE]);

    // A stranger's word, in a command: it stays a word.
    fork.feeds.answer(PAGE, Response::new(200).body(parent("https://git.example/o/$(touch${IFS}pwned)")));
    let fix = fix(&fork.patch(&["doctor", "-q"]), "configuration");
    fork.environment.run("sh", &["-c", &fix]).in_dir("fork").success();
    assert!(!fork.environment.path("fork/pwned").exists(), "{fix}");
    let url = fork.environment.git("fork", &["remote", "get-url", "upstream"]);
    assert!(url.starts_with("https://git.example/o/$"), "{url}");
}

#[test]
fn a_forge_that_does_not_tell_costs_nothing() {
    let nothing =
        "broken  configuration: there is no watch, and no remote `upstream`\n        fix: patch watch add URL\n";
    let fork = on_a_forge();
    let told = |fork: &Fork, args: &[&str]| of_check(&fork.patch(&[&["doctor", "-q"], args].concat()), "configuration");
    assert_eq!(told(&fork, &[]), nothing);
    fork.feeds.answer(PAGE, Response::new(200).body("<html>Sign in</html>"));
    assert_eq!(told(&fork, &[]), nothing);
    fork.feeds.answer(PAGE, Response::new(200).body(r#"{"fork":true,"parent":{"clone_url":"ext::sh -c id"}}"#));
    assert_eq!(told(&fork, &[]), nothing);
    fork.config("patch.fetchTimeout", "1");
    fork.feeds.answer(PAGE, Response::raw("").hold());
    assert_eq!(told(&fork, &[]), nothing);
    let asked = fork.feeds.asked().len();
    assert_eq!(told(&fork, &["--offline"]), nothing);
    assert_eq!(fork.feeds.asked().len(), asked);

    fork.feeds.answer(PAGE, Response::new(200).body(r#"{"fork":false,"parent":null}"#));
    expect![[r#"
        broken  configuration: there is no watch, and no remote `upstream`; its forge says that `origin` is no fork: it may be the upstream itself
                fix: patch watch add origin
    "#]]
    .assert_eq(&told(&fork, &[]));
}

/// An upstream with one commit, and a clone of the bare repository that `made` makes of it.
fn on_disk(made: &[&str]) -> Environment {
    let environment = Environment::new();
    environment.repository("upstream");
    environment.commit("upstream", "file", "1\n");
    environment.tag("upstream", "v1");
    environment.git("", &[&["clone", "--quiet", "--bare"], made, &["upstream", "forge.git"]].concat());
    environment.git("", &["clone", "--quiet", "forge.git", "fork"]);
    environment
}

#[test]
fn a_fork_on_this_machine_tells_what_it_was_made_from() {
    #[track_caller]
    fn case(environment: &Environment) {
        let output = environment.patch(&["doctor", "-q", "--offline"]).in_dir("fork").run();
        expect![[r#"
            broken  configuration: there is no watch, and no remote `upstream`; `origin` was made from $TEMP/upstream
                    fix: git remote add upstream $TEMP/upstream
        "#]]
        .assert_eq(&of_check(&output, "configuration"));
        let fix = fix(&output, "configuration").replace("$TEMP", environment.root().to_str().unwrap());
        environment.run("sh", &["-c", &fix]).in_dir("fork").success();
        let mended = environment.patch(&["doctor"]).in_dir("fork").run().succeeded();
        assert!(mended.stdout.contains("ok      upstream: watch `upstream`: 1 entry at "), "{mended}");
    }
    case(&on_disk(&[]));
    // Its configuration does not tell, but the objects that it borrows.
    let shared = on_disk(&["--shared"]);
    shared.git("forge.git", &["remote", "remove", "origin"]);
    case(&shared);
    let alone = on_disk(&[]);
    alone.git("forge.git", &["remote", "remove", "origin"]);
    let output = alone.patch(&["doctor", "-q"]).in_dir("fork").run();
    assert_eq!(fix(&output, "configuration"), "patch watch add URL");
}
