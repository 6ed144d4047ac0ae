use super::*;
use Expect::{FlowDocument, PlainProgram};
use serde_json::json;
use std::time::Duration;

fn steps(results: &[(&str, &str)]) -> String {
    let results: Vec<_> = results
        .iter()
        .map(|(status, message)| json!({"flow": "f", "step": "s", "result": {"status": status, "message": message}}))
        .collect();
    json!({"eventId": "id", "results": results}).to_string()
}

#[track_caller]
fn case(exit: Exit, stdout: &str, expects: Expect, status: Status, message: Option<&str>) {
    let outcome = outcome(&exit, &Captured::from(stdout.as_bytes()), expects, "id");
    assert_eq!((outcome.status, outcome.message.as_deref()), (status, message));
}

#[test]
fn statuses_are_spelled_the_same_everywhere() {
    for status in Status::ALL {
        assert_eq!(status.to_string().parse(), Ok(status));
        assert_eq!(serde_json::to_value(status).unwrap(), json!(status.as_str()));
    }
    assert_eq!("Done\u{1b}".parse::<Status>(), Err("`Done\\u{1b}` is not a status".to_owned()));
}

#[test]
fn the_heaviest_step_decides() {
    #[track_caller]
    fn all(statuses: &[&str], status: Status) {
        let results: Vec<_> = statuses.iter().map(|status| (*status, *status)).collect();
        let message = Some(status.as_str()).filter(|_| !statuses.is_empty()).or(Some("no flow matched the event"));
        case(Exit::Success, &steps(&results), FlowDocument, status, message);
    }
    all(&[], Status::Unmatched);
    all(&["skipped", "skipped"], Status::Skipped);
    all(&["completed", "skipped"], Status::Completed);
    all(&["completed", "changed", "skipped"], Status::Changed);
    all(&["failed", "changed"], Status::Failed);
    all(&["failed", "blocked"], Status::Blocked);
    all(&["blocked", "needs_intervention", "failed"], Status::NeedsIntervention);
}

#[test]
fn the_first_of_the_heaviest_that_says_something_is_quoted() {
    let stdout =
        steps(&[("changed", "not me"), ("failed", " "), ("failed", "first\nline\u{1b}"), ("failed", "second")]);
    case(Exit::Success, &stdout, FlowDocument, Status::Failed, Some("first line\\u{1b}"));
}

#[test]
fn the_report_counts_before_the_exit_status() {
    let (code, killed, late) = (Exit::Code(1), Exit::Signal(9), Exit::TimedOut(Duration::from_secs(60)));
    let (good, bad) = (steps(&[("changed", "ok")]), steps(&[("needs_intervention", "look")]));
    case(Exit::Success, &bad, FlowDocument, Status::NeedsIntervention, Some("look"));
    case(code, &bad, FlowDocument, Status::NeedsIntervention, Some("look"));
    case(code, &steps(&[("blocked", "wait")]), PlainProgram, Status::Blocked, Some("wait"));
    case(code, &good, FlowDocument, Status::Failed, Some("exit status 1, although it reported changed: ok"));
    case(
        code,
        &steps(&[]),
        FlowDocument,
        Status::Failed,
        Some("exit status 1, although it reported unmatched: no flow matched the event"),
    );
    case(
        killed,
        &bad,
        FlowDocument,
        Status::Failed,
        Some("killed by signal 9, although it reported needs_intervention: look"),
    );
    case(late, &good, FlowDocument, Status::Failed, Some("no end within 60 s, although it reported changed: ok"));
    case(
        Exit::Interrupted(15),
        &good,
        FlowDocument,
        Status::Failed,
        Some("interrupted by signal 15, although it reported changed: ok"),
    );
}

#[test]
fn silence_is_success_only_of_a_plain_program() {
    case(Exit::Success, "log\n", PlainProgram, Status::Completed, None);
    case(Exit::Success, "log\n", FlowDocument, Status::Failed, Some("printed no result document"));
    case(Exit::Code(3), "log\n", PlainProgram, Status::Failed, Some("exit status 3"));
    case(Exit::Code(3), "", FlowDocument, Status::Failed, Some("exit status 3, printed no result document"));
    case(Exit::Success, "{\"results\": [1]}", PlainProgram, Status::Completed, None);
}

#[test]
fn a_cut_output_without_a_document_says_so() {
    let stdout = Captured { head: b"{\"eventId\"".to_vec(), tail: b"}".to_vec(), omitted: 7 };
    let told = outcome(&Exit::Success, &stdout, FlowDocument, "id");
    assert_eq!(told.status, Status::Failed);
    let message = "no result document in what was kept of the output: 7 bytes of it were left out";
    assert_eq!(told.message.as_deref(), Some(message));
}

#[test]
fn a_line_is_enough() {
    case(
        Exit::Success,
        "log\nFLOW_RESULT {\"status\":\"changed\",\"message\":\"m\"}\n",
        PlainProgram,
        Status::Changed,
        Some("m"),
    );
    case(Exit::Success, "FLOW_RESULT {\"status\":\"skipped\"}", FlowDocument, Status::Skipped, None);
    case(
        Exit::Success,
        "FLOW_RESULT {}",
        PlainProgram,
        Status::Failed,
        Some("the result is not understood: it has no status"),
    );
    case(
        Exit::Success,
        "FLOW_RESULT {",
        PlainProgram,
        Status::Failed,
        Some("printed a FLOW_RESULT line that is not JSON: EOF while parsing an object at line 1 column 1"),
    );
}

#[test]
fn what_is_not_understood_is_a_failure() {
    #[track_caller]
    fn one(result: &Value, message: &str) {
        let stdout = json!({"eventId": "id", "results": [result]}).to_string();
        case(Exit::Success, &stdout, FlowDocument, Status::Failed, Some(message));
    }
    one(
        &json!({"result": {"status": "done", "message": "all fine"}}),
        "the result is not understood: `done` is not a status; it says: all fine",
    );
    one(
        &json!({"result": {"status": "unmatched"}}),
        "the result is not understood: `unmatched` is not a status of a step",
    );
    one(&json!({"result": {"status": 1}}), "the result is not understood: its status is not a string");
    one(&json!({"result": {"message": 5}}), "the result is not understood: it has no status");
    one(&json!({"status": "completed"}), "the result is not understood: it has no status");
    one(&json!(null), "the result is not understood: it has no status");
    let stdout = json!({"eventId": "id", "results": {}}).to_string();
    let message = "printed a result document whose `results` are not a list";
    case(Exit::Success, &stdout, FlowDocument, Status::Failed, Some(message));
}

#[test]
fn a_report_on_another_event_is_a_failure() {
    let stdout = steps(&[("completed", "")]).replace("\"id\"", "\"patch:x\\n:y\"");
    case(Exit::Success, &stdout, FlowDocument, Status::Failed, Some("reported on another event, `patch:x :y`"));
    let unnamed = "{\"results\": []}";
    case(Exit::Success, unnamed, FlowDocument, Status::Unmatched, Some("no flow matched the event"));
}

#[test]
fn steps_and_candidates_are_kept_even_of_a_run_that_was_killed() {
    let result = json!({"status": "changed", "artifacts": {"candidateRefs": ["refs/heads/c"]}});
    let stdout = json!({"eventId": "id", "results": [{"flow": "f", "step": "s", "result": result}]}).to_string();
    let told = outcome(&Exit::Signal(9), &Captured::from(stdout.as_bytes()), FlowDocument, "id");
    let candidate = Candidate { reference: Some("refs/heads/c".to_owned()), ..Candidate::default() };
    let step =
        StepOutcome { flow: Some("f".to_owned()), step: Some("s".to_owned()), status: Status::Changed, message: None };
    assert_eq!((told.status, told.candidates, told.steps), (Status::Failed, vec![candidate], vec![step]));
}

#[test]
fn messages_are_cut() {
    let stdout = steps(&[("failed", &"é".repeat(100_000))]);
    case(Exit::Success, &stdout, FlowDocument, Status::Failed, Some(&"é".repeat(250)));
}
