//! What became of candidates, read from a bare repository that stands for the forge; and channels.

mod landing;
mod promote;
mod rebuild;
mod trigger;
mod word;

use crate::carry::{World, lines};
use crate::environment::{Environment, Output, Run};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// What the candidate of `v3` is called.
pub const CANDIDATE: &str = "patch-moi/candidate/upstream/v3";

/// The world of a carry, whose watch `upstream` carries to each release, verifies and pushes; and a
/// person's clone `$TEMP/person` of the forge.
pub struct Desk {
    pub world: World,
}

impl Desk {
    /// The fork, polled once: `v1` and `v2` are known.
    pub fn new() -> Self {
        Self::verifying("true")
    }

    /// The same, whose candidates have to pass this command; none if it is empty.
    pub fn verifying(verify: &str) -> Self {
        let desk = Self { world: World::with_forge() };
        desk.set("watch.upstream.remote", "upstream");
        desk.set("watch.upstream.dispatch", "carry");
        desk.set("watch.upstream.push", "true");
        if !verify.is_empty() {
            desk.set("watch.upstream.verify", verify);
        }
        desk.world.git("", &["clone", "--quiet", "forge.git", "person"]);
        desk.patch(&["poll"]).success();
        desk
    }

    /// The same with the candidate of `v3`.
    pub fn with_candidate() -> Self {
        let desk = Self::new();
        desk.release("v3");
        desk.patch(&["poll"]).success();
        desk
    }

    /// A release of two commits, which change lines of their own, by the number in its name.
    pub fn release(&self, tag: &str) {
        let number: usize = tag[1..].parse().unwrap();
        let before: Vec<(usize, String)> = (3..=number).map(|it| (it + 8, format!("towards {it}"))).collect();
        let before: Vec<(usize, &str)> = before.iter().map(|(at, text)| (*at, text.as_str())).collect();
        self.world.commit("upstream", &format!("Towards {tag}"), &[("dir/x", &lines(&before))]);
        let replaced: Vec<(usize, String)> = (3..=number).map(|it| (it + 8, format!("release {it}"))).collect();
        let mut replaced: Vec<(usize, &str)> = replaced.iter().map(|(at, text)| (*at, text.as_str())).collect();
        replaced.push((30, "thirty"));
        self.world.release(tag, &[("f", &lines(&replaced))]);
    }

    pub fn environment(&self) -> &Environment {
        self.world.environment()
    }

    #[track_caller]
    pub fn set(&self, key: &str, value: &str) {
        self.world.set(key, value);
    }

    /// Our program in the fork.
    pub fn patch(&self, args: &[&str]) -> Run<'_> {
        self.environment().patch(args).in_dir("fork")
    }

    /// What our program in the fork says on standard output; a failure is the test's.
    #[track_caller]
    pub fn says(&self, args: &[&str]) -> String {
        self.patch(args).success().stdout
    }

    /// How our program in the fork refuses.
    #[track_caller]
    pub fn refuses(&self, args: &[&str], status: i32) -> Output {
        let output = self.patch(args).run();
        assert_eq!(output.status, status, "{output}");
        output
    }

    /// Git in a person's clone, after a fetch.
    #[track_caller]
    pub fn person(&self, args: &[&str]) -> String {
        self.world.git("person", &["fetch", "--quiet", "--prune"]);
        self.world.git("person", args)
    }

    /// The commit of a ref on the forge, tags peeled; empty if there is none.
    #[track_caller]
    pub fn on_forge(&self, name: &str) -> String {
        let full = format!("refs/{name}");
        let commit = ["rev-parse", "--quiet", "--verify", &format!("{full}^{{commit}}")].map(str::to_owned);
        let args: Vec<&str> = commit.iter().map(String::as_str).collect();
        self.environment().run("git", &args).in_dir("forge.git").run().stdout.trim_end().to_owned()
    }

    fn ledger_file(&self) -> PathBuf {
        let folders = fs::read_dir(self.world.path("state")).unwrap().map(|folder| folder.unwrap());
        let mut own = folders.filter(|folder| folder.file_name().to_str().unwrap().starts_with("fork-"));
        own.next().unwrap().path().join("ledger.jsonl")
    }

    /// The ledger's records of this kind.
    pub fn records(&self, kind: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.ledger_file()).unwrap();
        let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        records.filter(|record| record["kind"] == kind).collect()
    }

    /// The states in their order: `key state evidence` a line.
    pub fn states(&self) -> Vec<String> {
        let word = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
        let line = |record: &Value| {
            let id = word(record, "id");
            format!("{} {} {}", id.split(':').nth(2).unwrap(), word(record, "state"), word(record, "evidence"))
        };
        self.records("review").iter().map(line).collect()
    }

    /// The last record of a review.
    #[track_caller]
    pub fn last_review(&self) -> Value {
        self.records("review").pop().unwrap()
    }

    /// Loses all that this machine knows.
    pub fn forget(&self) {
        fs::remove_dir_all(self.world.path("state")).unwrap();
        fs::remove_dir_all(self.world.path("home/.cache")).unwrap_or_default();
        let refs =
            self.world.git("fork", &["for-each-ref", "--format=%(refname)", "refs/patch-moi", "refs/heads/patch-moi"]);
        for name in refs.lines() {
            self.world.git("fork", &["update-ref", "-d", name]);
        }
    }
}

#[test]
fn a_poll_tells_what_nobody_has_told_and_nothing_twice() {
    let desk = Desk::new();
    desk.release("v3");
    let said = desk.says(&["poll"]);
    assert!(said.ends_with("verified; pushed to `origin`\n"), "{said}");
    assert_eq!(desk.states(), ["v3 awaiting fork-ref"]);
    let review = desk.last_review();
    assert_eq!(review["sha"], desk.on_forge(&format!("heads/{CANDIDATE}")).as_str());
    assert_eq!((&review["verified"], &review["ref"]), (&Value::Bool(true), &format!("refs/heads/{CANDIDATE}").into()));
    assert_eq!(desk.says(&["poll"]), "");
    assert_eq!(desk.says(&["sync"]), "");
    desk.person(&["push", "--quiet", "origin", &format!("origin/{CANDIDATE}:refs/heads/main"), "--force"]);
    assert_eq!(desk.says(&["poll"]), "upstream: v3 landed: the stack has its commit\n");
    assert_eq!(desk.says(&["poll"]), "");
    assert_eq!(desk.states(), ["v3 awaiting fork-ref", "v3 landed contained"]);
}

#[test]
fn a_candidate_that_was_taken_away_is_rejected_until_it_is_back() {
    let desk = Desk::with_candidate();
    let sha = desk.on_forge(&format!("heads/{CANDIDATE}"));
    desk.person(&["push", "--quiet", "--delete", "origin", CANDIDATE]);
    let said = "upstream: v3 is rejected: its candidate was removed, and the stack does not have it\n";
    assert_eq!(desk.says(&["poll"]), said);
    // It still lies where it was made, which is nobody's word.
    assert_eq!(desk.world.git("fork", &["rev-parse", CANDIDATE]), sha);
    assert_eq!(desk.says(&["poll"]), "");
    desk.person(&["push", "--quiet", "origin", &format!("{sha}:refs/heads/{CANDIDATE}")]);
    assert_eq!(desk.says(&["sync"]), "upstream: v3 awaits review: its candidate is on the fork\n");
}

#[test]
fn a_newer_candidate_overtakes_the_older_one_and_what_waits_for_a_person() {
    let desk = Desk::with_candidate();
    desk.release("v4");
    let said = desk.says(&["poll"]);
    assert!(said.contains("upstream: v3 is superseded: there is a newer candidate\n"), "{said}");
    assert_eq!(desk.states(), ["v3 awaiting fork-ref", "v3 superseded newer-candidate", "v4 awaiting fork-ref"]);
    assert_eq!(desk.records("review")[1]["supersededBy"], "patch:upstream:v4:upstream.release");
    assert_eq!(desk.says(&["poll"]), "");
}

#[test]
fn an_intervention_waits_until_there_is_a_candidate() {
    let desk = Desk::new();
    desk.world.release("v3", &[("f", &lines(&[(5, "upstream's five"), (30, "thirty")]))]);
    let said = desk.says(&["poll"]);
    assert!(said.contains("needs intervention"), "{said}");
    assert_eq!(desk.states(), ["v3 needs-intervention intervention-ref"]);
    assert_eq!(desk.says(&["poll"]), "");
    // A person finishes it in another clone.
    let branch = "patch-moi/intervention/upstream/v3";
    desk.world.git("person", &["remote", "add", "upstream", "../upstream"]);
    desk.person(&["switch", "--quiet", branch]);
    desk.environment().write("person/f", &lines(&[(5, "both fives"), (30, "thirty")]));
    desk.person(&["commit", "--quiet", "--all", "--amend", "--no-edit"]);
    desk.environment().patch(&["carry", "--continue", "--push"]).in_dir("person").success();
    assert_eq!(desk.says(&["poll"]), "upstream: v3 awaits review: its candidate is on the fork\n");
    let review = desk.last_review();
    // Nothing was verified there, and a person resolved it: the attestation tells both.
    assert_eq!((&review["verified"], &review["resolvedBy"]), (&Value::Null, &serde_json::json!(["hand"])));
}

#[test]
fn a_candidate_of_any_runner_is_recognised_by_its_report() {
    let desk = Desk::new();
    desk.world.git("fork", &["config", "--unset-all", "watch.upstream.dispatch"]);
    desk.set("watch.upstream.dispatch", "command");
    let script = "#!/bin/sh\ngit push --quiet origin work:refs/heads/port-v3\nsha=$(git rev-parse work)\n\
                  echo FLOW_RESULT '{\"status\":\"changed\",\"message\":\"ported\",\"artifacts\":{\"candidateRefs\":\
                  [{\"kind\":\"branch\",\"ref\":\"port-v3\",\"sha\":\"'$sha'\"}],\"verified\":true}}'\n";
    let runner = desk.environment().program("bin/runner", script);
    desk.set("watch.upstream.command", runner.to_str().unwrap());
    // The stack on the forge does not have what the runner makes.
    desk.world.commit("fork", "Ported", &[("n", "n\n")]);
    desk.world.git("fork", &["switch", "--quiet", "--create", "work"]);
    desk.world.git("fork", &["branch", "--quiet", "--force", "main", "origin/main"]);
    desk.release("v3");
    desk.says(&["poll"]);
    assert_eq!(desk.states(), ["v3 awaiting fork-ref"]);
    assert_eq!(desk.last_review()["ref"], "refs/heads/port-v3");
    assert_eq!(desk.last_review()["verified"], true);
    desk.person(&["push", "--quiet", "origin", "origin/port-v3:refs/heads/main"]);
    desk.person(&["push", "--quiet", "--delete", "origin", "port-v3"]);
    assert_eq!(desk.says(&["sync"]), "upstream: v3 landed: the stack has its commit\n");
}

#[test]
fn a_fork_that_cannot_be_read_changes_no_state() {
    let desk = Desk::with_candidate();
    fs::rename(desk.world.path("forge.git"), desk.world.path("away.git")).unwrap();
    let output = desk.refuses(&["sync"], 1);
    assert!(output.stderr.contains("error: watch `upstream`: cannot read the fork `origin`"), "{output}");
    assert_eq!(desk.states(), ["v3 awaiting fork-ref"]);
    fs::rename(desk.world.path("away.git"), desk.world.path("forge.git")).unwrap();
    assert_eq!(desk.says(&["sync"]), "");
}

#[test]
fn a_second_sync_waits_for_the_first_and_gives_up() {
    let desk = Desk::with_candidate();
    let lock = desk.ledger_file().with_file_name("intake.lock");
    let file = fs::File::open(lock).unwrap();
    file.lock().unwrap();
    let output = desk.refuses(&["sync"], 75);
    assert!(output.stderr.contains("another run holds"), "{output}");
}

#[test]
fn the_doctor_finds_nothing_wrong_with_what_a_carry_leaves() {
    let desk = Desk::new();
    desk.world.release("v3", &[("f", &lines(&[(5, "upstream's five"), (30, "thirty")]))]);
    desk.says(&["poll"]);
    let said = desk.says(&["doctor", "--offline"]);
    let state: Vec<&str> = said.lines().filter(|line| line.contains(" state: ")).collect();
    assert!(matches!(state[..], [line] if line.starts_with("ok ")), "{said}");
}

#[test]
fn a_branch_that_lost_its_commit_hides_no_release() {
    let desk = Desk::with_candidate();
    desk.environment().write("fork/.git/refs/heads/broken", &format!("{}\n", "1".repeat(40)));
    desk.release("v4");
    assert_eq!(desk.says(&["poll", "--no-dispatch"]), "upstream: v4 is new\n");
    // Nor does one of our own, of which more has to be read: upstream is looked at all the same.
    let name = "fork/.git/refs/patch-moi/attested/patch-moi/candidate/upstream/v3";
    desk.environment().write(name, &format!("{}\n", "1".repeat(40)));
    desk.release("v5");
    let output = desk.refuses(&["poll", "--no-dispatch"], 1);
    assert!(output.stdout.contains("upstream: v5 is new\n"), "{output}");
    assert!(output.stderr.contains("what became of candidates is not known"), "{output}");
    assert!(output.stderr.contains("missing object"), "{output}");
}
