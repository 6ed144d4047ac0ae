//! A signal found by what a person types: its id, its key, or the beginning of either.

use crate::{
    ledger::{
        reader::Mention,
        record::{Body, Record, Signal},
        state::{State, key_of},
    },
    text,
    watch::WatchName,
    workspace::Failure,
};

/// Something that is called as a signal is.
pub trait Named {
    /// The watch.
    fn watch(&self) -> &WatchName;
    /// The id.
    fn id(&self) -> &str;
}

impl Named for Signal {
    fn watch(&self) -> &WatchName {
        &self.watch
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Named for Mention {
    fn watch(&self) -> &WatchName {
        &self.watch
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// Those that `wanted` names: the one of this id, or those of exactly this key, or those whose name
/// begins with it.
#[must_use]
pub fn named<'a, T: Named>(all: &[&'a T], wanted: &str) -> Vec<&'a T> {
    let exact = exactly(all, wanted);
    if exact.is_empty() { of(all, |name| name.starts_with(wanted)) } else { exact }
}

/// Those that have this id, or else this key.
#[must_use]
pub fn exactly<'a, T: Named>(all: &[&'a T], wanted: &str) -> Vec<&'a T> {
    // A feed may call an entry like another's id: that one's own name comes first.
    let of_id: Vec<&T> = all.iter().copied().filter(|it| it.id() == wanted).collect();
    if of_id.is_empty() { of(all, |name| name == wanted) } else { of_id }
}

fn of<'a, T: Named>(all: &[&'a T], is_meant: impl Fn(&str) -> bool) -> Vec<&'a T> {
    let is_named = |it: &T| is_meant(it.id()) || is_meant(key_of(it.watch(), it.id())) || is_meant(&short(it));
    all.iter().copied().filter(|it| is_named(it)).collect()
}

/// The watch and the key: the shortest name that a signal surely has for itself.
#[must_use]
pub fn short(it: &impl Named) -> String {
    format!("{}:{}", it.watch(), key_of(it.watch(), it.id()))
}

/// The signals among `records`.
#[must_use]
pub fn signals(records: &[Record]) -> Vec<&Signal> {
    let signals = records.iter().filter_map(|record| match &record.body {
        Body::Signal(signal) => Some(&**signal),
        _ => None,
    });
    signals.collect()
}

/// The lines among `mentions` that are signals.
#[must_use]
pub fn signal_lines(mentions: &[Mention]) -> Vec<&Mention> {
    mentions.iter().filter(|mention| mention.is_signal).collect()
}

/// The one signal that `wanted` names among `records`.
///
/// # Errors
/// When there is none, or more than one.
pub fn signal<'a>(records: &'a [Record], wanted: &str) -> Result<&'a Signal, Failure> {
    one(&signals(records), wanted)
}

/// The id of the one signal that `wanted` names among `mentions`.
///
/// # Errors
/// When there is none, or more than one.
pub fn id(mentions: &[Mention], wanted: &str) -> Result<String, Failure> {
    Ok(one(&signal_lines(mentions), wanted)?.id.clone())
}

/// As [`id`], or the one candidate without a signal of which there are reviews.
///
/// # Errors
/// As [`id`].
pub fn id_of_any(mentions: &[Mention], wanted: &str) -> Result<String, Failure> {
    let signals = signal_lines(mentions);
    if !named(&signals, wanted).is_empty() {
        return Ok(one(&signals, wanted)?.id.clone());
    }
    let mut reviews: Vec<&Mention> = mentions.iter().filter(|mention| mention.is_review).collect();
    reviews.sort_by(|one, other| one.id.cmp(&other.id));
    reviews.dedup_by(|one, other| one.id == other.id);
    Ok(one(&reviews, wanted)?.id.clone())
}

fn one<'a, T: Named>(all: &[&'a T], wanted: &str) -> Result<&'a T, Failure> {
    let found = named(all, wanted);
    let shown = text::printable(text::clipped(wanted, 100));
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::Usage(
            format!("there is no signal `{shown}`"),
            Some("list them with `patch log --kind signal`".to_owned()),
        )),
        several => {
            let ids: Vec<String> = several.iter().take(5).map(|it| text::printable(&short(*it))).collect();
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
