//! Records that do not follow from those before them: something was lost, or edited.

use crate::{
    ledger::record::{Body, Record},
    watch::Target,
};
use std::collections::{BTreeMap, BTreeSet};

/// The lines that no run of this program writes after those before them, each with why.
pub fn irregular(records: &[(u64, Record)]) -> Vec<(u64, String)> {
    let mut seen = Seen::default();
    records.iter().filter_map(|(line, record)| Some((*line, seen.take(*line, record)?))).collect()
}

/// What the records so far were about.
#[derive(Default)]
struct Seen<'a> {
    /// By id: the line of its signal.
    signals: BTreeMap<&'a str, u64>,
    /// The ids whose event is known, be it from a request.
    known: BTreeSet<&'a str>,
    /// By id and target: the attempts that began.
    begun: BTreeMap<(&'a str, Target), BTreeSet<u32>>,
    ended: BTreeSet<(&'a str, Target, u32)>,
}

impl<'a> Seen<'a> {
    fn take(&mut self, line: u64, record: &'a Record) -> Option<String> {
        let id = record.id()?;
        let kind = record.kind();
        if let Body::Signal(_) = record.body {
            self.known.insert(id);
            return self
                .signals
                .insert(id, line)
                .map(|first| format!("the signal {id} is in line {first} already; one of them counts"));
        }
        if !self.known.contains(id) {
            if let Body::Request(_) = record.body {
                self.known.insert(id);
            }
            return Some(format!("a `{kind}` of {id}, of which there is no signal before; it is passed over"));
        }
        match &record.body {
            Body::Dispatch(dispatch) => {
                let begun = self.begun.entry((id, dispatch.target)).or_default();
                let last = begun.last().copied().unwrap_or_default();
                begun.insert(dispatch.attempt);
                let attempt = dispatch.attempt;
                (attempt <= last).then(|| format!("attempt {attempt} of {id} begins after attempt {last} did"))
            }
            Body::Run(run) => {
                let attempt = run.attempt;
                let began = self.begun.get(&(id, run.target)).is_some_and(|begun| begun.contains(&attempt));
                let again = !self.ended.insert((id, run.target, attempt));
                match (began, again) {
                    (_, true) => Some(format!("attempt {attempt} of {id} ends twice")),
                    (false, _) => Some(format!("attempt {attempt} of {id} ends and never began")),
                    (true, false) => None,
                }
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: &str, key: &str, rest: &str) -> String {
        format!(
            r#"{{"v":1,"at":"2026-11-22T18:55:54.000Z","kind":"{kind}","watch":"up","id":"patch:up:{key}:upstream.release"{rest}}}"#
        )
    }

    fn event(key: &str) -> String {
        format!(
            r#""event":{{"id":"patch:up:{key}:upstream.release","type":"upstream.release","source":"patch","receivedAt":"2026-11-22T10:00:00.000Z","payload":{{}}}}"#
        )
    }

    fn signal(key: &str) -> String {
        let event = event(key);
        line("signal", key, &format!(r#","change":"new","entry":{{"key":"{key}"}},"targets":["command"],{event}"#))
    }

    fn dispatch(key: &str, attempt: u32) -> String {
        line("dispatch", key, &format!(r#","target":"command","attempt":{attempt}"#))
    }

    fn run(key: &str, attempt: u32) -> String {
        line("run", key, &format!(r#","target":"command","attempt":{attempt},"status":"failed","durationMs":1"#))
    }

    fn request(key: &str) -> String {
        let event = event(key);
        line("request", key, &format!(r#","action":"replay","targets":["command"],"change":"new","attempt":1,{event}"#))
    }

    #[track_caller]
    fn case(lines: &[String], expected: &[(u64, &str)]) {
        let record = |line: &String| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let records: Vec<(u64, Record)> = (1..).zip(lines.iter().map(record)).collect();
        let found: Vec<_> = irregular(&records)
            .into_iter()
            .map(|(line, what)| (line, what.replace("patch:up:v1:upstream.release", "v1")))
            .collect();
        let found: Vec<_> = found.iter().map(|(line, what)| (*line, what.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_what_no_run_of_ours_writes_is_irregular() {
        let new = signal("v1");
        let order = [new.clone(), dispatch("v1", 1), run("v1", 1), dispatch("v1", 2), dispatch("v1", 3), run("v1", 3)];
        case(&order, &[]);
        case(&[new.clone(), dispatch("v1", 1), run("v1", 1), request("v1"), dispatch("v1", 2)], &[]);
        case(
            &[new.clone(), signal("v2"), new.clone()],
            &[(3, "the signal v1 is in line 1 already; one of them counts")],
        );
        case(
            &[dispatch("v1", 1), run("v1", 1)],
            &[
                (1, "a `dispatch` of v1, of which there is no signal before; it is passed over"),
                (2, "a `run` of v1, of which there is no signal before; it is passed over"),
            ],
        );
        case(
            &[request("v1"), dispatch("v1", 2)],
            &[(1, "a `request` of v1, of which there is no signal before; it is passed over")],
        );
        case(&[new.clone(), run("v1", 1)], &[(2, "attempt 1 of v1 ends and never began")]);
        case(&[new.clone(), dispatch("v1", 1), run("v1", 1), run("v1", 1)], &[(4, "attempt 1 of v1 ends twice")]);
        case(&[new, dispatch("v1", 2), dispatch("v1", 2)], &[(3, "attempt 2 of v1 begins after attempt 2 did")]);
    }
}
