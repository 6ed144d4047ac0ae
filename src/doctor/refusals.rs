//! Pushes that the fork's forge refused lately, and has not taken since.

use super::{Finding, Scene};
use crate::{
    dispatch::result::Status,
    ledger::record::{Body, Record, Run},
    report::words::key,
    time::Timestamp,
    watch::WatchName,
};
use std::{collections::BTreeMap, time::Duration};

const CHECK: &str = "refusals";
/// For how long a refusal is told.
const LATELY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Why a forge does not take a push.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Refusal {
    /// A workflow file, and credentials that may not change one.
    Workflow,
    /// A rule for branches or tags of that name.
    Protected,
    /// A hook of the server's.
    Hook,
    /// Credentials without write access.
    Access,
}

/// The last refusal of each watch and target.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let findings: Vec<Finding> = lately(scene.records(), scene.now)
        .into_iter()
        .map(|(run, refusal)| told(run, refusal, prefix(scene)))
        .collect();
    if findings.is_empty() && scene.places.is_some() {
        return vec![Finding::ok(CHECK, "no push was refused lately")];
    }
    findings
}

fn prefix(scene: &Scene) -> &str {
    scene.config.as_ref().map_or("patch-moi/", |config| &config.settings.ref_prefix)
}

/// The runs whose push was refused, unless a later one of the watch and target went well.
fn lately<'a>(records: impl Iterator<Item = &'a Record>, now: Timestamp) -> Vec<(&'a Run, Refusal)> {
    let mut last: BTreeMap<(&WatchName, &str), (&Run, Refusal)> = BTreeMap::new();
    for record in records.filter(|record| now.since(record.at) <= LATELY) {
        let Body::Run(run) = &record.body else { continue };
        let place = (&run.watch, run.target.as_str());
        if matches!(run.status, Status::Completed | Status::Changed) {
            last.remove(&place);
        }
        let mut words = run.message.iter().chain(run.steps.iter().filter_map(|step| step.message.as_ref()));
        if let Some(refusal) = words.find_map(|words| refusal(words)).filter(|_| run.status == Status::Failed) {
            last.insert(place, (run, refusal));
        }
    }
    last.into_values().collect()
}

/// What a forge's words mean, if they refuse a push.
fn refusal(words: &str) -> Option<Refusal> {
    let said = words.to_ascii_lowercase();
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| said.contains(phrase));
    if has(&["refusing to allow"]) && has(&["workflow"]) {
        Some(Refusal::Workflow)
    } else if has(PROTECTED) {
        Some(Refusal::Protected)
    } else if has(ACCESS) {
        Some(Refusal::Access)
    } else if has(&["hook declined"]) {
        Some(Refusal::Hook)
    } else {
        None
    }
}

/// GitHub's words for branch protection and rule sets, GitLab's, Gitea's and Forgejo's.
const PROTECTED: &[&str] = &[
    "protected branch",
    "protected tag",
    "protected ref",
    "is protected from ",
    "gh006",
    "gh013",
    "repository rule violations",
];

const ACCESS: &[&str] = &[
    "not allowed to push",
    "write access to repository not granted",
    " denied to ",
    "deploy key does not have write access",
    "key you are authenticating with has been marked as read only",
];

fn told(run: &Run, refusal: Refusal, prefix: &str) -> Finding {
    let retry = format!("patch retry {}", super::quoted_text(&run.id));
    let (what, fix) = match refusal {
        Refusal::Workflow => (
            "changes a workflow file, which its credentials may not",
            format!("gh auth refresh --scopes workflow, or push over ssh; then {retry}"),
        ),
        Refusal::Protected => (
            "is under a protection rule of the forge",
            format!("except `{prefix}**` from the rules for branches in the fork's settings; then {retry}"),
        ),
        Refusal::Hook => {
            ("was declined by a hook of the server", format!("read why: patch show {}", super::quoted_text(&run.id)))
        }
        Refusal::Access => {
            ("needs write access", format!("give the account or deploy key write access to the fork; then {retry}"))
        }
    };
    let tag = run.id.strip_prefix("patch:").and_then(|id| id.split(':').nth(1)).map(key).unwrap_or_default();
    let said = run.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
    Finding::warning(CHECK, format!("watch `{}`: the push of {tag} for {} {what}{said}", run.watch, run.target))
        .fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forges_refuse_in_words_of_their_own() {
        #[track_caller]
        fn case(words: &str, expected: Option<Refusal>) {
            assert_eq!(refusal(words), expected, "{words}");
        }
        let workflow = "refusing to allow a Personal Access Token to create or update workflow `.github/workflows/x.yml` \
                        without `workflow` scope";
        case(workflow, Some(Refusal::Workflow));
        case(
            "refusing to allow a GitHub App to create or update workflow `x` without `workflows` permission",
            Some(Refusal::Workflow),
        );
        case("protected branch hook declined: remote: error: GH006", Some(Refusal::Protected));
        case(
            "push declined due to repository rule violations: remote: error: GH013: Repository rule violations found",
            Some(Refusal::Protected),
        );
        case(
            "pre-receive hook declined: remote: GitLab: You are not allowed to push code to protected branches on this project.",
            Some(Refusal::Protected),
        );
        case("remote: Gitea: branch main is protected from force push", Some(Refusal::Protected));
        case("remote: Forgejo: Not allowed to push to protected branch x", Some(Refusal::Protected));
        case("remote: GitLab: You are not allowed to push code to this project.", Some(Refusal::Access));
        case("git push: remote: Permission to o/r.git denied to me.", Some(Refusal::Access));
        case("git push: remote: Write access to repository not granted.", Some(Refusal::Access));
        case("ERROR: The key you are authenticating with has been marked as read only.", Some(Refusal::Access));
        case("the fork `origin` refused x: pre-receive hook declined: remote: policy", Some(Refusal::Hook));
        case("hook declined", Some(Refusal::Hook));
        case("no end within 3600 s", None);
        case("exit status 1: refusing to allow that", None);
        case("", None);
    }

    fn run(at: &str, watch: &str, status: &str, message: &str) -> Record {
        let line = format!(
            r#"{{"v":1,"at":"{at}","kind":"run","watch":"{watch}","id":"patch:{watch}:v1:upstream.release",
                "target":"trigger-branch","attempt":1,"status":"{status}","message":"{message}","durationMs":1}}"#
        );
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn a_refusal_is_told_until_a_run_goes_well_or_a_month_is_over() {
        #[track_caller]
        fn case(records: &[Record], expected: &[&str]) {
            let found = lately(records.iter(), "2026-02-01T00:00:00Z".parse().unwrap());
            let watches: Vec<&str> = found.iter().map(|(run, _)| run.watch.as_str()).collect();
            assert_eq!(watches, expected);
        }
        let refused = |at: &str, watch: &str| run(at, watch, "failed", "pre-receive hook declined");
        case(&[refused("2026-01-02T00:00:00Z", "a")], &["a"]);
        case(&[refused("2026-01-01T00:00:00Z", "a")], &[]);
        case(&[refused("2026-01-20T00:00:00Z", "b"), refused("2026-01-21T00:00:00Z", "a")], &["a", "b"]);
        let well = |watch: &str| run("2026-01-25T00:00:00Z", watch, "completed", "pushed x");
        case(&[refused("2026-01-20T00:00:00Z", "a"), well("a")], &[]);
        case(&[refused("2026-01-20T00:00:00Z", "a"), well("b")], &["a"]);
        let failed = run("2026-01-26T00:00:00Z", "a", "failed", "something else");
        case(&[refused("2026-01-20T00:00:00Z", "a"), failed], &["a"]);
    }
}
