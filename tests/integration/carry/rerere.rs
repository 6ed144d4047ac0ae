//! Recorded resolutions: offered again and marked, and the user's own are never written.

use super::{Told, World, lines};
use std::fs;
use std::path::PathBuf;

const BRANCH: &str = "patch-moi/intervention/upstream/v2";

/// A patch that conflicts with `v2` and with `v3` in the same lines.
fn conflicting() -> World {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "ours")]))]);
    world.release("v2", &[("f", &lines(&[(5, "theirs")]))]);
    world.release("v3", &[("f", &lines(&[(5, "theirs"), (30, "thirty")]))]);
    world
}

impl World {
    /// Finishes the intervention that is checked out with these files.
    #[track_caller]
    pub fn finish(&self, directory: &str, branch: &str, files: &[(&str, &str)]) -> Told {
        self.git(directory, &["switch", "--quiet", branch]);
        for (file, text) in files {
            self.environment().write(self.path(directory).join(file), text);
        }
        self.git(directory, &["add", "--all"]);
        self.git(directory, &["commit", "--quiet", "--all", "--amend", "--no-edit", "--allow-empty"]);
        self.carry_in(directory, &["--continue"])
    }

    /// The folder of the fork's state.
    pub fn state(&self, path: &str) -> PathBuf {
        let mut folders = fs::read_dir(self.path("state")).unwrap().map(|entry| entry.unwrap().path());
        folders.find(|folder| folder.to_str().unwrap().contains("/fork-")).unwrap().join(path)
    }
}

impl Told {
    /// Whether recorded resolutions, and the resolver, were used.
    fn used(&self) -> (bool, bool) {
        let used = |name: &str| self.artifacts()[name].as_bool().unwrap();
        (used("usedRerere"), used("usedResolver"))
    }
}

fn both() -> String {
    lines(&[(5, "theirs\nours")])
}

#[test]
fn what_a_person_has_resolved_is_offered_again_and_marked() {
    let world = conflicting();
    world.carry(&["--onto", "v2"]);
    let by_hand = world.finish("fork", BRANCH, &[("f", &both())]);
    assert_eq!(by_hand.outcome(), "changed: 1 patch carried onto v2");
    assert_eq!((by_hand.fates(), by_hand.used()), (vec!["Five: resolved".to_owned()], (false, false)));
    world.git("fork", &["switch", "--quiet", "main"]);

    let told = world.carry(&["--onto", "v3"]);
    assert_eq!(told.outcome(), "changed: 1 patch carried onto v3");
    assert_eq!((told.fates(), told.used()), (vec!["Five: resolved".to_owned()], (true, false)));
    assert_eq!(told.artifacts()["patches"][0]["by"], "rerere");
    assert!(told.output.stderr.contains("review it before it is promoted"), "{}", told.output);
    let expected = lines(&[(5, "theirs\nours"), (30, "thirty")]);
    assert_eq!(world.git("fork", &["show", &format!("{}:f", told.candidate())]) + "\n", expected);

    world.git("fork", &["branch", "--quiet", "-D", "patch-moi/candidate/upstream/v3"]);
    let told = world.carry(&["--onto", "v3", "--no-rerere"]);
    assert_eq!((told.report["status"].as_str(), told.used()), (Some("needs_intervention"), (false, false)));
}

#[test]
fn without_rerere_nothing_is_recorded() {
    let world = conflicting();
    world.carry(&["--onto", "v2"]);
    world.git("fork", &["switch", "--quiet", BRANCH]);
    world.environment().write("fork/f", &both());
    world.git("fork", &["commit", "--quiet", "--all", "--amend", "--no-edit"]);
    let told = world.carry(&["--continue", "--no-rerere"]);
    assert_eq!(told.report["status"], "changed", "{}", told.output);
    assert!(!world.state("rr-cache").exists());
}

#[test]
fn the_users_own_resolutions_are_read_and_never_written() {
    let world = conflicting();
    // The user has once rebased by hand.
    world.git("fork", &["fetch", "--quiet", "--tags", "upstream"]);
    world.git("fork", &["config", "rerere.enabled", "true"]);
    world.git("fork", &["switch", "--quiet", "--detach"]);
    assert_eq!(world.environment().run("git", &["rebase", "v2"]).in_dir("fork").run().status, 1);
    world.environment().write("fork/f", &both());
    world.git("fork", &["commit", "--quiet", "--all", "--message", "Resolved"]);
    world.git("fork", &["rebase", "--quit"]);
    world.git("fork", &["switch", "--quiet", "main"]);
    world.git("fork", &["config", "rerere.enabled", "false"]);
    let before = world.snapshot();
    assert!(before.keys().any(|path| path.ends_with("postimage")));
    let told = world.carry(&["--onto", "v3"]);
    assert_eq!((told.fates(), told.used()), (vec!["Five: resolved".to_owned()], (true, false)));
    assert!(world.snapshot() == before);
    assert!(!world.state("rr-cache").exists());
}

#[test]
fn a_resolution_of_one_file_is_none_of_the_patch() {
    let world = World::new();
    world.commit("fork", "Both", &[("f", &lines(&[(5, "ours")])), ("dir/x", &lines(&[(5, "our x")]))]);
    world.release("v2", &[("f", &lines(&[(5, "theirs")]))]);
    world.release("v3", &[("dir/x", &lines(&[(5, "their x")]))]);
    world.carry(&["--onto", "v2"]);
    let told = world.finish("fork", BRANCH, &[("f", &both())]);
    assert_eq!(told.report["status"], "changed", "{}", told.output);
    world.git("fork", &["switch", "--quiet", "main"]);
    let told = world.carry(&["--onto", "v3"]);
    assert_eq!(told.conflicts(), ["dir/x: content", "f: content"]);
}

#[test]
fn other_conflicts_always_stop() {
    let world = World::new();
    world.environment().write("upstream/bin", "\0begin");
    world.commit("upstream", "Binary", &[]);
    world.git("fork", &["pull", "--quiet", "upstream", "main"]);
    world.commit("fork", "Patch", &[("f", &lines(&[(5, "ours")])), ("g", "ours\n"), ("bin", "\0ours")]);
    world.release("v2", &[("f", &lines(&[(5, "theirs")])), ("g", ""), ("bin", "\0theirs")]);
    world.release("v3", &[("n", "n\n")]);
    world.carry(&["--onto", "v2"]);
    let told = world.finish("fork", BRANCH, &[("f", &both()), ("bin", "\0both")]);
    assert_eq!(told.report["status"], "changed", "{}", told.output);
    world.git("fork", &["switch", "--quiet", "main"]);
    let told = world.carry(&["--onto", "v3"]);
    assert_eq!(told.conflicts(), ["bin: binary", "f: content", "g: modify-delete"]);
}

#[test]
fn modes_line_ends_and_added_files_survive() {
    let world = World::new();
    world.commit("upstream", "Attributes", &[(".gitattributes", "*.crlf eol=crlf\n"), ("t.crlf", "1\n2\n3\n")]);
    world.git("fork", &["pull", "--quiet", "upstream", "main"]);
    world.commit("fork", "Five", &[("f", &lines(&[(5, "ours")])), ("t.crlf", "1\r\nours\r\n3\r\n"), ("n", "ours\n")]);
    world.git("upstream", &["update-index", "--chmod=+x", "f"]);
    world.git("upstream", &["config", "core.fileMode", "false"]);
    world.release("v2", &[("f", &lines(&[(5, "theirs")])), ("t.crlf", "1\r\ntheirs\r\n3\r\n"), ("n", "theirs\n")]);
    world.release("v3", &[("g", "three\n")]);
    world.carry(&["--onto", "v2"]);
    let both = [("f", both()), ("t.crlf", "1\r\nboth\r\n3\r\n".to_owned()), ("n", "both\n".to_owned())];
    let both: Vec<(&str, &str)> = both.iter().map(|(file, text)| (*file, text.as_str())).collect();
    let first = world.finish("fork", BRANCH, &both);
    world.git("fork", &["switch", "--quiet", "main"]);
    let second = world.carry(&["--onto", "v3"]);
    assert_eq!(second.used(), (true, false), "{}", second.output);
    let tree = |told: &Told| world.git("fork", &["ls-tree", "-r", &told.candidate(), "f", "n", "t.crlf"]);
    assert_eq!(tree(&first), tree(&second));
    assert!(tree(&second).starts_with("100755 "), "{}", tree(&second));
}

#[test]
fn a_person_whose_resolution_does_not_pass_is_asked_again() {
    let world = conflicting();
    world.carry(&["--onto", "v2"]);
    world.set("patch.verify", "grep -qx both f");
    let told = world.finish("fork", BRANCH, &[("f", &both())]);
    assert_eq!(told.report["status"], "failed", "{}", told.output);
    world.git("fork", &["switch", "--quiet", "main"]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.output.status, 1);
    assert!(told.output.stderr.contains("hint: finish it: "), "{}", told.output);
    let told = world.finish("fork", BRANCH, &[("f", &lines(&[(5, "both")]))]);
    assert_eq!(told.said(), "changed: 1 patch carried onto v2; verified");
}

#[test]
fn where_a_recorded_resolution_does_not_pass_a_person_has_to_decide() {
    let world = conflicting();
    world.carry(&["--onto", "v2"]);
    world.finish("fork", BRANCH, &[("f", &both())]);
    world.git("fork", &["switch", "--quiet", "main"]);
    world.set("patch.verify", "grep -qx both f");
    let told = world.carry(&["--onto", "v3"]);
    assert_eq!((told.conflicts(), told.used()), (vec!["f: content".to_owned()], (false, false)), "{}", told.output);
    let words = "as it was resolved before, the candidate fails `grep -qx both f`: exit status 1";
    assert!(told.said().contains(words), "{}", told.said());
    let told = world.finish("fork", "patch-moi/intervention/upstream/v3", &[("f", &lines(&[(5, "both")]))]);
    assert_eq!(told.said(), "changed: 1 patch carried onto v3; verified");
}
