//! A signal found by what a person types: its id, its key, or the beginning of either.

use crate::{
    ledger::{
        record::{Body, Record, Signal},
        state::{State, key_of},
    },
    text,
    workspace::Failure,
};

/// The signals that `wanted` names among `records`: the one of this id, or those of exactly this key,
/// or those whose name begins with it.
#[must_use]
pub fn named<'a>(records: &'a [Record], wanted: &str) -> Vec<&'a Signal> {
    let exact = exactly(records, wanted);
    if exact.is_empty() { of(records, |name| name.starts_with(wanted)) } else { exact }
}

/// The signals that have this id, or else this key.
#[must_use]
pub fn exactly<'a>(records: &'a [Record], wanted: &str) -> Vec<&'a Signal> {
    // A feed may call an entry like another's id: that one's own name comes first.
    let of_id: Vec<&Signal> = signals(records).filter(|signal| signal.id == wanted).collect();
    if of_id.is_empty() { of(records, |name| name == wanted) } else { of_id }
}

fn signals(records: &[Record]) -> impl Iterator<Item = &Signal> {
    records.iter().filter_map(|record| match &record.body {
        Body::Signal(signal) => Some(&**signal),
        _ => None,
    })
}

fn of(records: &[Record], is_meant: impl Fn(&str) -> bool) -> Vec<&Signal> {
    let names = |signal: &Signal| [signal.id.clone(), key_of(&signal.watch, &signal.id).to_owned(), short(signal)];
    signals(records).filter(|signal| names(signal).iter().any(|name| is_meant(name))).collect()
}

/// The watch and the key: the shortest name that a signal surely has for itself.
#[must_use]
pub fn short(signal: &Signal) -> String {
    format!("{}:{}", signal.watch, key_of(&signal.watch, &signal.id))
}

/// The one signal that `wanted` names among `records`.
///
/// # Errors
/// When there is none, or more than one.
pub fn signal<'a>(records: &'a [Record], wanted: &str) -> Result<&'a Signal, Failure> {
    let found = named(records, wanted);
    let shown = text::printable(text::clipped(wanted, 100));
    match found.as_slice() {
        [signal] => Ok(signal),
        [] => Err(Failure::Usage(
            format!("there is no signal `{shown}`"),
            Some("list them with `patch log --kind signal`".to_owned()),
        )),
        several => {
            let ids: Vec<String> = several.iter().take(5).map(|signal| text::printable(&short(signal))).collect();
            let more = if several.len() > ids.len() { ", …" } else { "" };
            Err(Failure::Usage(
                format!("{} signals begin with `{shown}`", several.len()),
                Some(format!("name one: {}{more}", ids.join(", "))),
            ))
        }
    }
}

/// The id of the signal under review, or at its end, that `wanted` names: as [`signal`] finds one.
///
/// A candidate that somebody made without a signal is found too.
///
/// # Errors
/// When there is none, or more than one.
pub fn under_review<'a>(state: &'a State, wanted: &str) -> Result<&'a str, Failure> {
    if let Some((id, _)) = state.all_reviews().find(|(id, _)| *id == wanted) {
        return Ok(id);
    }
    let named = |is_meant: &dyn Fn(&str) -> bool| -> Vec<&'a str> {
        let all = state.all_reviews().filter(|(id, review)| {
            let key = review.key(id);
            is_meant(id) || is_meant(key) || is_meant(&format!("{}:{key}", review.watch))
        });
        all.map(|(id, _)| id.as_str()).collect()
    };
    let exact = named(&|name| name == wanted);
    let found = if exact.is_empty() { named(&|name| name.starts_with(wanted)) } else { exact };
    match found.as_slice() {
        [id] => Ok(id),
        [] => Err(unknown(wanted)),
        several => {
            let ids: Vec<String> = several.iter().take(5).map(|id| text::printable(id)).collect();
            let more = if several.len() > ids.len() { ", …" } else { "" };
            let shown = text::printable(text::clipped(wanted, 100));
            Err(Failure::Usage(
                format!("{} signals begin with `{shown}`", several.len()),
                Some(format!("name one: {}{more}", ids.join(", "))),
            ))
        }
    }
}

/// Nothing of that name is under review, or ever was.
#[must_use]
pub fn unknown(wanted: &str) -> Failure {
    Failure::Usage(
        format!("there is no candidate or signal `{}`", text::printable(text::clipped(wanted, 100))),
        Some("`patch status` shows what waits; `patch log --kind review` lists what became of the others".to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        entry::Entry,
        event::{Change, Event},
    };

    fn signal_of(watch: &str, key: &str) -> Record {
        let at = "2026-11-22T18:55:54Z".parse().unwrap();
        let id = format!("patch:{watch}:{key}:upstream.release");
        let event = Event {
            id: id.clone(),
            event_type: "upstream.release".to_owned(),
            source: "patch".to_owned(),
            occurred_at: None,
            received_at: at,
            payload: serde_json::Map::new(),
        };
        let signal = Signal {
            watch: watch.parse().unwrap(),
            id,
            change: Change::New,
            entry: Entry { key: key.to_owned(), ..Entry::default() },
            previous: None,
            head: None,
            targets: Vec::new(),
            event,
        };
        Record::new(at, Body::Signal(Box::new(signal)))
    }

    #[test]
    fn signals_are_found_by_id_key_and_unique_beginning() {
        #[track_caller]
        fn case(records: &[Record], wanted: &str, expected: &str) {
            let found = match signal(records, wanted) {
                Ok(signal) => signal.id.clone(),
                Err(failure) => failure.to_string(),
            };
            assert_eq!(found, expected);
        }
        let records = [signal_of("a", "v1"), signal_of("a", "v1.2"), signal_of("b", "v1.2"), signal_of("b", "x")];
        case(&records, "v1", "patch:a:v1:upstream.release");
        case(&records, "x", "patch:b:x:upstream.release");
        case(&records, "b:v1.2", "patch:b:v1.2:upstream.release");
        case(&records, "patch:b:v", "patch:b:v1.2:upstream.release");
        case(&records, "v1.2", "2 signals begin with `v1.2`");
        case(&records, "v9", "there is no signal `v9`");
    }
}
