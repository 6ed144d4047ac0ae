//! The rehearsal: it works with nothing but Git, proves what it shows, and leaves nothing behind.

use crate::environment::{Environment, Output};
use expect_test::expect;
use std::fs;

/// The names of what is in a directory.
fn names(environment: &Environment, path: &str) -> Vec<String> {
    let entries = fs::read_dir(environment.path(path)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A world whose `git` is the real one but for what `cases` of a shell's `case "$*" in` say.
fn with_git(cases: &str) -> Environment {
    let environment = Environment::new();
    let script = format!("#!/bin/sh\ncase \"$*\" in {cases} esac\nPATH=${{PATH#*:}}\nexec git \"$@\"\n");
    environment.program("front/git", &script);
    let path = format!("{}:{}", environment.path("front").display(), std::env::var("PATH").unwrap());
    environment.env("PATH", path)
}

#[track_caller]
fn mentions(output: &Output, parts: &[&str]) {
    for part in parts {
        assert!(output.stdout.contains(part), "{part:?} is missing in\n{output}");
    }
}

#[test]
fn it_shows_the_main_job_on_one_screen_and_leaves_nothing() {
    let environment = Environment::new();
    let output = environment.patch(&["rehearse"]).success();
    assert_eq!(output.stderr, "");
    mentions(
        &output,
        &[
            "  $ patch poll\n    greet: first sight: 1 entry is known from now on, the newest v1.0.0\n",
            "    greet: v1.1.0 is new: Greet 1.1\n",
            " v1.1.0 -> carry: changed: 3 patches carried onto v1.1.0; verified; pushed to `origin`\n",
            " v1.1.0 -> trigger-branch: completed: pushed patch-moi/trigger/greet/v1.1.0\n",
            "  $ patch poll\n  $ patch status\n",
            " patch-moi/trigger/greet/v1.1.0    the event",
            " patch-moi/candidate/greet/v1.1.0  the carried patches",
            "/ledger.jsonl, 7 records\n",
            "GET /acme/greet/releases.atom 200, 200, 304,",
        ],
    );
    assert!(output.stdout.lines().count() <= 44, "{output}");
    let may_be_long = |line: &str| line.contains("watch add") || line.contains("just now");
    assert!(output.stdout.lines().skip(1).all(|line| line.len() <= 100 || may_be_long(line)), "{output}");
    assert_eq!(names(&environment, ""), ["home"]);
    assert_eq!(names(&environment, "home"), ["tmp"]);
    assert!(names(&environment, "home/tmp").is_empty());
}

#[test]
fn it_sees_nothing_of_the_environment_it_is_started_in() {
    let environment = Environment::new();
    environment.write("home/.gitconfig", "[watch \"mine\"]\nnonsense = 1\n[commit]\ngpgSign = true\n");
    let output = environment
        .patch(&["rehearse"])
        .env("GIT_DIR", "/nonexistent")
        .env("GIT_CONFIG_COUNT", "nonsense")
        .env("PATCH_STATE_DIR", environment.path("state"))
        .env("http_proxy", "http://127.0.0.1:1")
        .env("ALL_PROXY", "http://127.0.0.1:1")
        .success();
    assert_eq!(output.stderr, "");
    assert_eq!(names(&environment, ""), ["home"]);
}

#[test]
fn a_kept_rehearsal_can_be_looked_at_and_goes_on() {
    let environment = Environment::new();
    let output = environment.patch(&["rehearse", "--dir", "kept in/a 'place'"]).success();
    mentions(
        &output,
        &[
            "  $ cd \"$TEMP/kept in/a 'place'/fork\"\n",
            " log\n",
            "  $ git log --oneline --graph main patch-moi/candidate/greet/v1.1.0\n",
        ],
    );
    assert!(output.stdout.lines().count() <= 44, "{output}");
    let place = environment.path("kept in/a 'place'");
    let (fork, forge) = (place.join("fork"), place.join("forge.git"));
    let patch = |words: &[&str]| environment.patch(&[&["-C", fork.to_str().unwrap()], words].concat()).success();

    mentions(&patch(&["log"]), &["v1.1.0 is new", "3 patches carried onto v1.1.0"]);
    let branches = environment.git(&forge, &["for-each-ref", "--format=%(refname)"]);
    let ours = "refs/heads/patch-moi/candidate/greet/v1.1.0\nrefs/heads/patch-moi/trigger/greet/v1.1.0\nrefs/patch-moi/attested/patch-moi/candidate/greet/v1.1.0";
    assert_eq!(branches, format!("refs/heads/main\n{ours}"));
    let trigger = environment.git(&forge, &["log", "-1", "--format=%B", "patch-moi/trigger/greet/v1.1.0"]);
    assert!(trigger.contains("Patch-Event: patch:greet:v1.1.0:upstream.release"), "{trigger}");
    let greeting = environment.git(&forge, &["show", "patch-moi/candidate/greet/v1.1.0:greet.sh"]);
    for part in ["GREET_NAME", "'Good day'", "How do you do?"] {
        assert!(greeting.contains(part), "{greeting}");
    }

    assert_eq!(patch(&["poll"]).stdout, "");
    environment.commit(place.join("upstream"), "NEWS", "more\n");
    environment.tag(place.join("upstream"), "v1.2.0");
    mentions(&patch(&["poll"]), &["v1.2.0 is new", "3 patches carried onto v1.2.0"]);
    // The same patches on the same release are the same commits, so that nothing is pushed twice.
    let before = environment.git(&forge, &["for-each-ref"]);
    mentions(&patch(&["replay", "v1.2.0"]), &["v1.2.0 was there already; verified; `origin` has it already"]);
    assert_eq!(environment.git(&forge, &["for-each-ref"]), before);
}

#[test]
fn keep_leaves_the_directory_where_it_says() {
    let environment = Environment::new();
    let output = environment.patch(&["rehearse", "--keep"]).success();
    let kept = names(&environment, "home/tmp");
    assert_eq!(kept.len(), 1);
    mentions(&output, &[&format!("  $ cd $TEMP/home/tmp/{}/fork\n", kept[0])]);
    let kept = format!("home/tmp/{}", kept[0]);
    assert_eq!(names(&environment, &kept), ["forge.git", "fork", "home", "state", "upstream"]);
}

#[test]
fn a_directory_that_is_of_no_use_is_refused() {
    let environment = Environment::new();
    environment.write("full/precious", "");
    environment.patch(&["rehearse", "--dir", "full"]).run().is(&expect![[r#"
        status: 2
        --- stderr
        error: cannot use the directory full: it is not empty
        hint: name a directory that is empty or does not exist: `patch rehearse --dir DIR`
    "#]]);
    assert_eq!(names(&environment, "full"), ["precious"]);
    environment.patch(&["rehearse", "--dir", "full/precious"]).run().is(&expect![[r#"
        status: 2
        --- stderr
        error: cannot use the directory full/precious: it is not a directory
        hint: name a directory that is empty or does not exist: `patch rehearse --dir DIR`
    "#]]);
}

#[test]
fn without_git_nothing_is_made() {
    let environment = Environment::new();
    environment.patch(&["rehearse", "--dir", "new"]).env("PATH", environment.path("none")).run().is(&expect![[r#"
        status: 2
        --- stderr
        error: `git` was not found on PATH
        hint: install Git: `patch` works with the `git` on PATH
    "#]]);
    assert_eq!(names(&environment, ""), ["home"]);
}

#[test]
fn what_is_not_as_it_should_be_is_told() {
    #[track_caller]
    fn case(cases: &str, surprise: &str) {
        let environment = with_git(cases);
        let output = environment.patch(&["rehearse"]).run();
        assert_eq!(output.status, 1, "{output}");
        assert!(output.stderr.contains(surprise), "{surprise:?} is missing in\n{output}");
        assert!(names(&environment, "home/tmp").iter().all(|name| name == "program"));
    }
    case("*push*candidate*) exit 0;;", "as it should: `patch poll`: exit status 1\n");
    case("*ls-remote*) exit 1;;", "as it should: `patch poll`: exit status 1: error: watch `greet`");
    case("*v1.0.0) echo fatal: no; exit 128;;", "`git tag --annotate --message 'Greet 1.0' v1.0.0`: exit status 128\n");
    case("*init*) kill -INT $PPID; exec sleep 600;;", "interrupted by signal 2\n");
}

#[test]
fn a_conflict_is_left_to_be_finished_as_the_screen_says() {
    let environment = Environment::new();
    let output = environment.patch(&["rehearse", "--conflict", "--dir", "kept"]).success();
    assert_eq!(output.stderr, "");
    let branch = "patch-moi/intervention/greet/v1.1.0";
    let told = "needs intervention: patch 2 of 3 `Greet in the house's style` conflicts with v1.1.0 in greet.sh";
    let finish = ["git fetch", &format!("git switch {branch}"), "git commit --all --amend --no-edit"];
    mentions(&output, &[told, "  $ patch poll\n  $ patch status\n", "waits for a person"]);
    for command in finish {
        mentions(&output, &[&format!("  $ {command}\n")]);
    }
    mentions(&output, &[" carry --continue\n", "  $ cd $TEMP/kept/fork\n"]);
    assert!(output.stdout.lines().count() <= 52, "{output}");
    // Followed as it stands, it ends in a candidate that is verified and pushed.
    let fork = environment.path("kept/fork");
    for command in &finish[..2] {
        environment.run("sh", &["-c", command]).in_dir(&fork).success();
    }
    let text = environment.read("kept/fork/greet.sh");
    let (before, rest) = text.split_once("<<<<<<<").unwrap();
    let (_, after) = rest.split_once(">>>>>>>").unwrap();
    let after = after.split_once('\n').unwrap().1;
    environment.write("kept/fork/greet.sh", &format!("{before}greeting='Good day'\n{after}"));
    environment.run("sh", &["-c", finish[2]]).in_dir(&fork).success();
    let carried = environment.patch(&["carry", "--continue"]).in_dir(&fork).success();
    assert!(carried.stderr.starts_with("3 patches carried onto v1.1.0; verified; pushed to `origin`\n"), "{carried}");
    let greeting = environment.git("kept/forge.git", &["show", "patch-moi/candidate/greet/v1.1.0:greet.sh"]);
    assert!(greeting.contains("'Good day'") && greeting.contains("How do you do?"), "{greeting}");
}

#[test]
fn a_rehearsed_conflict_leaves_nothing_behind_either() {
    let environment = Environment::new();
    let output = environment.patch(&["rehearse", "--conflict"]).success();
    mentions(&output, &["To finish one yourself: ", " rehearse --conflict --keep\n"]);
    assert!(names(&environment, "home/tmp").is_empty());
}
