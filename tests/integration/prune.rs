//! `patch prune`: what signals that ended long ago have left goes, and nothing else.

use crate::carry::World;
use crate::environment::Output;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Long after everything that the tests do at [`crate::environment::NOW`].
const LATER: &str = "2026-03-04T00:00:00Z";

const NAME: &str = "patch-moi/candidate/upstream/v3";

impl World {
    /// A fork with a forge that polls, carries and pushes.
    fn maintained() -> Self {
        let world = Self::with_forge();
        world.set("patch.dispatch", "carry");
        world.set("patch.push", "true");
        world.poll();
        world
    }

    #[track_caller]
    fn poll(&self) -> Output {
        self.environment().patch(&["poll"]).in_dir("fork").success()
    }

    fn later(&self, args: &[&str]) -> Output {
        self.environment().patch(args).in_dir("fork").env("PATCH_NOW", LATER).run()
    }

    #[track_caller]
    fn prune(&self, args: &[&str]) -> Vec<String> {
        let output = self.later(&[&["prune"], args].concat()).succeeded();
        assert_eq!(output.stderr, "", "{output}");
        output.stdout.lines().map(str::to_owned).collect()
    }

    /// Merges a branch of the forge into its `main`, as the forge does.
    fn merge_on_forge(&self, branch: &str) {
        self.git("", &["clone", "--quiet", "forge.git", "merging"]);
        self.git("merging", &["merge", "--quiet", &format!("origin/{branch}")]);
        self.git("merging", &["push", "--quiet", "origin", "main"]);
        fs::remove_dir_all(self.path("merging")).unwrap();
    }

    /// All of our refs, on the forge and here, each with its object, but for the upstream points.
    fn our_refs(&self) -> Vec<String> {
        let of = |repository: &str| {
            let text = self.git(repository, &["for-each-ref", "--format=%(refname) %(objectname)"]);
            let ours = text
                .lines()
                .filter(|line| line.contains("patch-moi/") && !line.contains("/onto/"))
                .map(|line| format!("{repository} {line}"));
            ours.collect::<Vec<_>>()
        };
        [of("forge.git"), of("fork")].concat()
    }

    /// Every file below the test's directory but the home, with its content.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        for folder in ["forge.git", "fork", "state"] {
            collect(&self.path(folder), &mut files);
        }
        files
    }

    fn state_files(&self, folder: &str) -> Vec<String> {
        let mut files = BTreeMap::new();
        collect(&self.path("state"), &mut files);
        let names = files.keys().filter(|path| path.parent().unwrap().ends_with(folder));
        let names = names.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
        names.filter(|name| ![".lock", ".input"].iter().any(|kind| name.contains(kind)) && name != "lock").collect()
    }

    fn ledger(&self) -> String {
        let mut files = BTreeMap::new();
        collect(&self.path("state"), &mut files);
        let (_, text) = files.into_iter().find(|(path, _)| path.ends_with("ledger.jsonl")).unwrap();
        String::from_utf8(text).unwrap()
    }
}

fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
}

/// A fork whose candidate of `v3` landed at the first day.
fn landed() -> World {
    let world = World::maintained();
    world.release("v3", &[("f", &crate::carry::lines(&[(31, "thirty-one")]))]);
    world.poll();
    world.merge_on_forge(NAME);
    let sync = world.environment().patch(&["sync"]).in_dir("fork").success();
    assert!(sync.stdout.contains("v3 landed"), "{sync}");
    world
}

#[test]
fn what_landed_long_ago_goes_from_the_fork_and_from_here() {
    let world = landed();
    assert!(world.our_refs().iter().any(|line| line.contains("candidate/upstream/v3")));
    assert!(!world.state_files("runs").is_empty());
    // Not before its time.
    assert_eq!(world.prune(&["--older-than", "61"]), [""; 0]);
    let ledger = world.ledger();
    let told = world.prune(&[]);
    let since = "v3 landed 60 days ago";
    assert_eq!(told[0], format!("upstream: removed {NAME} on `origin`: {since}"));
    let attested = format!("refs/patch-moi/attested/{NAME}");
    for line in [
        format!("upstream: removed {attested} on `origin`: {since}"),
        format!("upstream: removed {NAME} here: {since}"),
        format!("upstream: removed {attested} here: {since}"),
    ] {
        assert!(told.contains(&line), "{told:#?}");
    }
    assert!(told.iter().any(|line| line.starts_with("upstream: removed runs/")), "{told:#?}");
    let left: Vec<_> = world.our_refs().into_iter().filter(|line| line.contains("/v3")).collect();
    assert_eq!(left, [""; 0]);
    assert_eq!(world.state_files("runs"), [""; 0]);
    // It is over as before, for this ledger and for one that is made anew.
    assert_eq!(world.prune(&[]), [""; 0]);
    let sync = world.later(&["sync"]).succeeded();
    assert_eq!(sync.stdout, "");
    assert_eq!(world.ledger(), ledger);
    let show = world.later(&["show", "v3"]).succeeded();
    assert!(show.stdout.contains("v3"), "{show}");
    fs::remove_dir_all(world.path("state")).unwrap();
    let sync = world.later(&["sync"]).succeeded();
    assert_eq!(sync.stdout, "");
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let world = landed();
    let before = world.files();
    let promised = world.prune(&["--dry-run"]);
    assert_eq!(world.files(), before);
    let told = world.prune(&[]);
    let said: Vec<_> = promised.iter().map(|line| line.replacen("would remove", "removed", 1)).collect();
    assert_eq!(said, told);
    assert!(told.len() >= 5, "{told:#?}");
}

#[test]
fn json_tells_each_thing_on_a_line() {
    let world = landed();
    let lines = world.prune(&["--json"]);
    let lines: Vec<serde_json::Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sha = lines[0]["sha"].as_str().unwrap().to_owned();
    let expected = serde_json::json!({
        "action": "removed", "watch": "upstream", "id": "patch:upstream:v3:upstream.release", "where": "fork",
        "ref": "refs/heads/patch-moi/candidate/upstream/v3", "sha": sha, "state": "landed",
        "ended": "2026-01-02T03:04:05.000Z",
    });
    assert_eq!(lines[0], expected);
    let file = lines.iter().find(|line| line["where"] == "state").unwrap();
    assert!(file["file"].as_str().unwrap().starts_with("runs/"), "{file}");
}

#[test]
fn what_is_open_stays() {
    let world = World::maintained();
    world.release("v3", &[("f", &crate::carry::lines(&[(31, "thirty-one")]))]);
    world.poll();
    let (refs, files) = (world.our_refs(), world.state_files("runs"));
    assert!(refs.len() >= 4 && !files.is_empty(), "{refs:#?} {files:?}");
    assert_eq!(world.prune(&["--older-than", "1"]), [""; 0]);
    assert_eq!((world.our_refs(), world.state_files("runs")), (refs, files));
}

#[test]
fn what_somebody_else_has_built_upon_is_left_and_told() {
    let world = World::maintained();
    // What nobody recorded the commit of: a rebuilt branch, and an intervention that a person works on.
    world.release("v3", &[("f", &crate::carry::lines(&[(5, "another five")]))]);
    world.poll();
    let intervention = "patch-moi/intervention/upstream/v3";
    world.git("", &["clone", "--quiet", "--branch", intervention, "forge.git", "other"]);
    let theirs = world.commit("other", "By hand", &[("n", "n\n")]);
    world.git("other", &["push", "--quiet"]);
    let reject = world.environment().patch(&["reject", "v3"]).in_dir("fork").success();
    assert!(reject.stdout.contains("v3 is rejected"), "{reject}");
    let promised = world.prune(&["--dry-run"]);
    let told = world.prune(&[]);
    let left = format!(
        "upstream: left {intervention} on `origin`: v3 rejected 60 days ago; somebody else has a commit there, or it is \
         not as it was left"
    );
    assert_eq!(told[0], left, "{told:#?}");
    let unseen = format!("upstream: would remove {intervention} on `origin`: v3 rejected 60 days ago; unless");
    assert!(promised[0].starts_with(&unseen), "{promised:#?}");
    assert_eq!(world.on_forge("refs/heads/patch-moi"), [format!("{intervention} {theirs}")]);
    // What lies here is as it was left.
    assert!(told.contains(&format!("upstream: removed {intervention} here: v3 rejected 60 days ago")), "{told:#?}");
    assert_eq!(world.git("fork", &["for-each-ref", "refs/heads/patch-moi"]), "");
}

#[test]
fn a_commit_on_a_candidate_that_was_overtaken_is_left_and_told() {
    let world = World::maintained();
    for (tag, line) in [("v3", "thirty-one"), ("v4", "thirty-two")] {
        world.release(tag, &[("f", &crate::carry::lines(&[(31, line)]))]);
        world.poll();
    }
    assert!(world.ledger().contains(r#""state":"superseded","previous":"awaiting""#));
    world.git("", &["clone", "--quiet", "--branch", NAME, "forge.git", "other"]);
    let theirs = world.commit("other", "By hand", &[("n", "n\n")]);
    world.git("other", &["push", "--quiet"]);
    let told = world.prune(&[]);
    let begin =
        format!("upstream: left {NAME} on `origin`: v3 superseded 60 days ago; somebody else has a commit there");
    assert!(told[0].starts_with(&begin), "{told:#?}");
    assert_eq!(world.on_forge(&format!("refs/heads/{NAME}")), [format!("{NAME} {theirs}")]);
    // What was attested of it stays with it, and the newer one waits for its review.
    let on_forge = world.git("forge.git", &["for-each-ref", "--format=%(refname)", "refs/patch-moi"]);
    assert_eq!(on_forge.lines().count(), 2, "{on_forge}");
    assert!(!told.iter().any(|line| line.contains("v4")), "{told:#?}");
    assert_eq!(world.prune(&[]).len(), 1);
}

#[test]
fn what_is_checked_out_is_left_and_told() {
    let world = landed();
    world.git("fork", &["worktree", "add", "--quiet", "../tree", NAME]);
    let told = world.prune(&[]);
    let left = format!("upstream: left {NAME} here: v3 landed 60 days ago; it is checked out");
    assert!(told.contains(&left), "{told:#?}");
    assert!(world.on_forge("refs/heads/patch-moi").is_empty());
    assert_eq!(world.git("fork", &["for-each-ref", "--format=%(refname:short)", "refs/heads/patch-moi"]), NAME);
    // It lies there alone now, which is no news.
    assert_eq!(world.later(&["sync"]).succeeded().stdout, "");
    world.git("fork", &["worktree", "remove", "../tree"]);
    assert_eq!(
        world.prune(&[]),
        [
            format!("upstream: removed {NAME} here: v3 landed 60 days ago"),
            format!("upstream: removed refs/patch-moi/attested/{NAME} here: v3 landed 60 days ago"),
        ]
    );
    assert_eq!(world.our_refs().iter().filter(|line| line.contains("/v3")).count(), 0);
}

#[test]
fn what_the_fork_keeps_is_told_and_the_rest_goes() {
    let world = landed();
    let hook = "#!/bin/sh\ncase $1 in refs/heads/*) echo 'kept by rule' >&2; exit 1;; esac\n";
    world.environment().program("forge.git/hooks/update", hook);
    let output = world.later(&["prune", "--quiet"]);
    assert_eq!(output.status, 1, "{output}");
    let begin = format!("upstream: cannot remove {NAME} on `origin`: v3 landed 60 days ago; ");
    assert!(output.stdout.starts_with(&begin) && output.stdout.contains("kept by rule"), "{output}");
    assert_eq!(output.stdout.lines().count(), 1, "{output}");
    let left: Vec<_> = world.our_refs().into_iter().filter(|line| line.contains("/v3")).collect();
    let is_expected = |line: &&String| line.starts_with("forge.git refs/heads/") || line.contains("refs/remotes/");
    assert!(left.len() == 2 && left.iter().all(|line| is_expected(&line)), "{left:#?}");
}

#[test]
fn a_fork_that_cannot_be_asked_fails_and_loses_nothing() {
    let world = landed();
    fs::rename(world.path("forge.git"), world.path("away.git")).unwrap();
    let output = world.later(&["prune"]);
    assert_eq!(output.status, 1, "{output}");
    assert!(output.stderr.contains("cannot read the fork `origin`"), "{output}");
    fs::rename(world.path("away.git"), world.path("forge.git")).unwrap();
    assert!(world.prune(&[]).iter().any(|line| line.contains("on `origin`")));
}

#[test]
fn a_trigger_branch_goes_with_its_signal() {
    let world = World::with_forge();
    world.set("patch.dispatch", "trigger-branch");
    world.poll();
    world.release("v3", &[("f", &crate::carry::lines(&[(31, "thirty-one")]))]);
    world.poll();
    let trigger = "patch-moi/trigger/upstream/v3";
    assert_eq!(world.on_forge("refs/heads/patch-moi").len(), 1);
    // Nobody has answered it: it is open for as long as nobody says otherwise.
    assert_eq!(world.prune(&[]), ["upstream: v3 is unacknowledged: its trigger branch had no answer in time"]);
    assert_eq!(world.prune(&[]), [""; 0]);
    let reject = world.environment().patch(&["reject", "v3"]).env("PATCH_NOW", "2026-01-03T00:00:00Z");
    reject.in_dir("fork").success();
    assert_eq!(world.prune(&[]), [format!("upstream: removed {trigger} on `origin`: v3 rejected 60 days ago")]);
    assert!(world.on_forge("refs/heads/patch-moi").is_empty());
    assert_eq!(world.later(&["poll"]).succeeded().stdout, "");
}

#[test]
fn one_that_is_killed_in_between_is_finished_by_the_next() {
    let world = landed();
    // The forge ends the call in the middle of the push: what it removed is removed, and we do not know.
    let killing = "#!/bin/sh\nkill -9 $(cat \"$0.pid\")\n";
    let hook = world.environment().program("forge.git/hooks/post-receive", killing);
    let shell = format!("echo $$ > '{}.pid'; exec \"$0\" prune", hook.display());
    let killed = world.environment().run("sh", &["-c", &shell, env!("CARGO_BIN_EXE_patch")]);
    let killed = killed.in_dir("fork").env("PATCH_NOW", LATER).run();
    assert_eq!(killed.status, 137, "{killed}");
    assert!(world.on_forge("refs/heads/patch-moi").is_empty());
    assert!(world.our_refs().iter().any(|line| line.contains("fork ") && line.contains("/v3")));
    fs::remove_file(&hook).unwrap();
    let told = world.prune(&[]);
    assert!(told.contains(&"upstream: removed patch-moi/candidate/upstream/v3 here: v3 landed 60 days ago".to_owned()));
    assert_eq!(world.our_refs().iter().filter(|line| line.contains("/v3")).count(), 0);
    assert_eq!(world.prune(&[]), [""; 0]);
}

#[test]
fn a_second_one_waits_for_the_first_and_gives_up() {
    let world = landed();
    let lock = world.path("state").read_dir().unwrap().next().unwrap().unwrap().path().join("intake.lock");
    let held = world.environment().run("flock", &[lock.to_str().unwrap(), env!("CARGO_BIN_EXE_patch"), "prune"]);
    let held = held.in_dir("fork").run();
    assert_eq!(held.status, 75, "{held}");
}
