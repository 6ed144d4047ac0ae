//! What runs need around them: pushes that are taken, programs, room on the disk, the name `patch`.

use super::{fix, of_check};
use crate::environment::can_trace;
use crate::fork::Fork;
use expect_test::expect;
use std::fs;

#[test]
fn a_push_that_was_refused_is_told_until_one_is_taken() {
    let fork = Fork::triggering();
    let hook = fork.path("forge.git/hooks/pre-receive");
    let words = "GitLab: You are not allowed to push code to protected branches on this project.";
    fork.environment().program(&hook, &format!("#!/bin/sh\necho '{words}' >&2\nexit 1\n"));
    fork.release("v1.1.0");
    assert_eq!(fork.patch(&["poll"]).run().status, 1);
    let output = fork.says_of(&["doctor", "-q"]);
    expect![[r#"
        warning refusals: watch `up`: the push of v1.1.0 for trigger-branch is under a protection rule of the forge: the fork `origin` refused patch-moi/trigger/up/v1.1.0: pre-receive hook declined: remote: GitLab: You are not allowed to push code to protected branches on this project.
                fix: except `patch-moi/**` from the rules for branches in the fork's settings; then patch retry patch:up:v1.1.0:upstream.release
    "#]]
    .assert_eq(&of_check(&output, "refusals"));
    assert_eq!(of_check(&fork.patch_at("2026-02-02T00:00:00", &["doctor", "-q"]).run(), "refusals"), "");
    fs::remove_file(hook).unwrap();
    let (_, retry) =
        fix(&output, "refusals").split_once("; then patch ").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    fork.patch(&retry.split(' ').collect::<Vec<_>>()).success();
    let mended = of_check(&fork.says_of(&["doctor"]), "refusals");
    assert_eq!(mended, "ok      refusals: no push was refused lately\n");
}

#[test]
fn every_program_of_a_watch_is_looked_for() {
    let fork = Fork::new();
    fork.environment().program("bin/check", "#!/bin/sh\n");
    fork.environment().write("bin/plain", "");
    let check = fork.path("bin/check");
    fork.add("watch.up.verify", &format!("{} --all", check.display()));
    fork.add("watch.up.verify", "no-such-make check");
    fork.add("watch.up.verify", "./in-the-candidate");
    fork.set("watch.up.resolver", fork.path("bin/plain").to_str().unwrap());
    let output = fork.says_of(&["doctor"]);
    assert_eq!(output.status, 1);
    expect![[r#"
        ok      runner: watch `up`, verify: $TEMP/bin/check
        broken  runner: watch `up`, verify: `no-such-make` is not there
                fix: install it, or give its full path: git config --edit
        warning runner: watch `up`, verify: `./in-the-candidate` is not in this checkout, and has to be in the candidate
                fix: git ls-files ./in-the-candidate
        broken  runner: watch `up`, resolver: $TEMP/bin/plain may not be executed
                fix: chmod +x $TEMP/bin/plain
    "#]]
    .assert_eq(&of_check(&output, "runner"));
}

#[test]
fn the_state_directory_is_written_to() {
    let fork = Fork::new();
    if !can_trace() {
        return;
    }
    let inject = "inject=fsync:error=ENOSPC";
    let args = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", inject, env!("CARGO_BIN_EXE_patch")];
    let args = [&args[..], &["doctor", "-q", "--offline"]].concat();
    let full = fork.steady(&fork.environment().run("strace", &args).in_dir("fork").run());
    expect![[r#"
        broken  state: $TEMP/state/fork-ID cannot be written: No space left on device (os error 28)
                fix: df -h -- $TEMP/state/fork-ID
    "#]]
    .assert_eq(&of_check(&full, "state"));
    let left = fs::read_dir(fork.state("")).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| !name.contains("doctor")), "nothing is left");
}

#[test]
fn somebody_has_to_be_there_for_the_calls_of_the_patch_utility() {
    let fork = Fork::new();
    let environment = fork.environment();
    environment.link("alone/patch");
    environment.run("sh", &["-c", "ln -s \"$(command -v git)\" alone/git"]).success();
    let told = |path: std::ffi::OsString| {
        let run = environment.run(environment.path("alone/patch"), &["doctor", "--offline"]).in_dir("fork");
        of_check(&run.env("PATH", path).run().succeeded(), "name")
    };
    expect![[r#"
        warning name: there is no other `patch` on PATH: calls for the patch utility, such as `patch -p1`, fail
                fix: install GNU patch, such as: sudo apt-get install patch
    "#]]
    .assert_eq(&told(environment.path("alone").into()));
    environment.program("other/patch", "#!/bin/sh\n");
    let both = |first: &str, second: &str| {
        std::env::join_paths([environment.path(first), environment.path(second), environment.path("alone")]).unwrap()
    };
    assert_eq!(told(both("alone", "other")), "ok      name: calls for the patch utility go to $TEMP/other/patch\n");
    assert_eq!(
        told(both("other", "none")),
        "ok      name: `patch` alone is $TEMP/other/patch; this program needs its full path\n"
    );
}
