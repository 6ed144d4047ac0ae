//! Trigger branches need a CI file that reacts to them.

use super::of_check;
use crate::fork::Fork;
use expect_test::expect;

const WORKFLOW: &str = ".github/workflows/carry.yml";

#[test]
fn a_trigger_needs_a_ci_file_that_reacts() {
    let fork = Fork::triggering();
    let environment = fork.environment();
    let told = |args: &[&str]| of_check(&fork.says_of(&[&["doctor"], args].concat()), "workflow");
    expect![[r#"
        warning workflow: watch `up`: no CI file of the stack on `origin` names `patch-moi/trigger/`: its forge may do nothing with a trigger
                fix: write one, such as .github/workflows/carry.yml with `branches: ['patch-moi/trigger/**']`
    "#]]
    .assert_eq(&told(&[]));
    // What counts is the fork's branch, not what is checked out here.
    environment.git("", &["clone", "--quiet", "forge.git", "colleague"]);
    environment.commit("colleague", WORKFLOW, "on:\n  push:\n    branches: ['patch-moi/trigger/**']\n");
    environment.git("colleague", &["push", "--quiet", "origin", "main"]);
    assert!(told(&[]).starts_with("warning workflow: "), "it is not here yet");
    environment.git("fork", &["fetch", "--quiet"]);
    let well = format!("ok      workflow: watch `up`: {WORKFLOW} reacts to triggers\n");
    assert_eq!((told(&[]), told(&["--offline"])), (well.clone(), well));
    fork.set("patch.refPrefix", "bots/");
    assert!(told(&[]).contains("names `bots/trigger/`"));

    let blind = Fork::triggering();
    blind.set("watch.up.stack", "patches");
    let told = of_check(&blind.says_of(&["doctor", "--offline"]), "workflow");
    assert!(told.starts_with("warning workflow: watch `up`: the head of the stack on `origin` is not here"), "{told}");
    assert!(told.ends_with("fix: git fetch origin\n"), "{told}");
}
