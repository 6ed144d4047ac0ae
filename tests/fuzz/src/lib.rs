//! What each fuzz target does with its bytes: the program's own function, and what must then hold.
//!
//! Fuzzers call these with what they make up, and the test suite with the files of `corpus`.

#![allow(missing_docs, reason = "the targets are described in docs/design.md")]
#![allow(clippy::missing_panics_doc, reason = "to panic is how they tell what they found")]
#![allow(clippy::unwrap_used, reason = "a target fails by panicking")]

pub mod legal;

use chrono::DateTime;
use patch_moi::{
    child::{Captured, Exit},
    config,
    dispatch::result::{Expect, RunOutcome, Status, outcome},
    entry::Entry,
    fetch::{redirect, retry, validators::Validators},
    fuzzing,
    git::redacted,
    ledger::{
        file::{self, Tail},
        record::Record,
        state::State,
    },
    news::{oldest_first, tag_entry},
    parse, refname,
    text::{self, is_unsafe},
    time::Timestamp,
    version::version_in,
    watch::EventKind,
};
use std::{collections::HashSet, path::Path, str::FromStr, time::Duration};
use url::Url;

/// A feed's document to entries, as a poll does it for releases and for commits.
pub fn feed(document: &[u8]) {
    let url: Url = "https://forge.example/o/r/releases.atom?private_token=SECRET".parse().unwrap();
    for event in [EventKind::Release, EventKind::Branch] {
        match parse::feed::parse(document, &url, event) {
            Ok(found) => {
                let mut keys = HashSet::new();
                for entry in &found.entries {
                    assert!(keys.insert(&entry.key), "two entries have the key {:?}", entry.key);
                    sound_entry(entry);
                }
                for unusable in &found.unusable {
                    assert!(unusable.label.len() <= 250 && !unusable.label.contains('\n'), "{unusable:?}");
                }
                if let Some(next) = &found.next {
                    let next: Url = next.parse().unwrap();
                    assert!(matches!(next.scheme(), "http" | "https"));
                }
                let count = found.entries.len();
                assert!(count <= parse::feed::MOST);
                assert_eq!(oldest_first(found.entries, true).len(), count);
            }
            Err(error) => {
                clean(&error.to_string(), 1000);
                error.hint().iter().for_each(|hint| clean(hint, 10_000));
            }
        }
    }
}

fn sound_entry(entry: &Entry) {
    assert!(!entry.key.is_empty() && entry.key.len() <= parse::key::LONGEST && !entry.key.contains(char::is_control));
    assert!(entry.tag.iter().all(|tag| parse::key::is_tag_name(tag)), "{entry:?}");
    assert!(entry.sha.iter().all(|sha| parse::refs::is_sha(sha)), "{entry:?}");
    assert!(entry.title.iter().all(|title| title.len() <= 1024 && !title.contains(char::is_control)), "{entry:?}");
    let line = text::json(entry);
    assert!(line.len() < 500_000, "an entry of {} bytes", line.len());
    assert!(!line.contains(is_unsafe));
    assert_eq!(&serde_json::from_str::<Entry>(&line).unwrap(), entry);
    let name = refname::component(&entry.key);
    assert!(!name.is_empty() && name.len() <= 200 && name.is_ascii());
}

/// A ledger's bytes to what they add up to, at once, in two parts, and through an index.
pub fn ledger(bytes: &[u8]) {
    let path = Path::new("ledger.jsonl");
    let read = match file::parse(bytes, path, 0) {
        Ok(read) => read,
        Err(error) => {
            assert!(!error.hint().is_empty());
            return clean(&text::printable(&error.to_string()), 100_000);
        }
    };
    assert_eq!(read.whole == bytes.len(), read.tail == Tail::Whole);
    assert!(read.whole == 0 || bytes[read.whole - 1] == b'\n');
    // Cut anywhere, it still has the records before the cut and no others.
    let cut = bytes.len() / 2;
    let part = file::parse(&bytes[..cut], path, 0).unwrap();
    assert_eq!(part.records, read.records[..part.records.len()]);
    let behind = file::parse(&bytes[part.whole..], path, part.records.len() as u64).unwrap();
    assert_eq!(part.records.len() + behind.records.len(), read.records.len());

    let mut state = State::default();
    for (index, record) in read.records.iter().enumerate() {
        let before = state.clone();
        state.fold(record);
        legal::step(&before, record, &state);
        if index == part.records.len() / 2 {
            state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        }
        let line = record.line();
        assert!(line.ends_with('\n') && !line[..line.len() - 1].contains(is_unsafe));
        let again: Record = serde_json::from_str(&line).unwrap();
        assert_eq!(&again, record);
    }
    legal::state(&state);
    let whole = read.records.iter().fold(State::default(), |mut state, record| {
        state.fold(record);
        state
    });
    assert_eq!(state, whole, "an index on the way changed the state");
}

/// What `git config --list -z` prints to watches, or to mistakes that can be shown.
pub fn config(listing: &[u8]) {
    let entries = match fuzzing::config_entries(listing) {
        Ok(entries) => entries,
        Err(reason) => return clean(&reason, 200),
    };
    match config::read(&entries) {
        Ok(config) => {
            assert!(git_accepts(&format!("refs/heads/{}x", config.settings.ref_prefix)));
            let mut names = HashSet::new();
            for watch in &config.watches {
                assert!(names.insert(watch.name.as_str().to_ascii_lowercase()), "two watches share a name");
                assert!(watch.feed.is_some() || watch.remote.is_some());
                assert!(watch.feed.iter().all(|url| url.username().is_empty() && url.password().is_none()));
                assert!(watch.remote.iter().chain([&watch.fork]).all(|remote| !remote.starts_with('-')), "{watch:?}");
                assert!(watch.branch.iter().all(|branch| git_accepts(&format!("refs/heads/{branch}"))));
                assert!(watch.retries >= 1 && !watch.timeout.is_zero() && !watch.fetch_timeout.is_zero());
                for tag in ["v1.2.3", "", "größe/1.0-rc1"] {
                    let _ = watch.filter.passes_over(tag);
                }
            }
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            for mistake in mistakes {
                clean(&mistake.to_string(), usize::MAX);
            }
        }
    }
}

fn git_accepts(name: &str) -> bool {
    parse::key::is_tag_name(name.strip_prefix("refs/heads/").unwrap_or(name))
}

/// What a runner printed to the outcome of its run; the first byte chooses how it ended.
pub fn runner(bytes: &[u8]) {
    let Some((&first, printed)) = bytes.split_first() else { return };
    let exit = match first % 5 {
        0 | 1 => Exit::Success,
        2 => Exit::Code(1),
        3 => Exit::Signal(9),
        _ => Exit::TimedOut(Duration::from_secs(1)),
    };
    let expects = if first & 8 == 0 { Expect::FlowDocument } else { Expect::PlainProgram };
    let mut stdout = Captured::from(printed);
    if first & 16 != 0 {
        // As if something was left out after the half.
        stdout.tail = stdout.head.split_off(printed.len() / 2);
        stdout.omitted = 1;
    }
    let RunOutcome { status, message, candidates, provenance, intervention, steps } =
        outcome(&exit, &stdout, expects, "patch:w:v1:upstream.release");
    assert!(!status.is_success() || exit == Exit::Success, "{status} although {exit}");
    assert!(status != Status::Unmatched || exit == Exit::Success);
    assert!(candidates.len() <= 100 && steps.len() <= 100);
    assert!(provenance.resolved_by.len() <= 3 && provenance.onto.is_none_or(|onto| onto.len() <= 64));
    for message in message.iter().chain(steps.iter().filter_map(|step| step.message.as_ref())) {
        clean(message, 500);
    }
    assert!(steps.iter().all(|step| step.status != Status::Unmatched));
    let kept = text::json(&(&candidates, &steps, &intervention));
    assert!(kept.len() < 4_000_000);
    assert_eq!(serde_json::from_str::<(Vec<_>, Vec<_>, Option<_>)>(&kept).unwrap(), (candidates, steps, intervention));
}

/// What `git ls-remote` prints to refs, and its tags to entries.
pub fn refs(listing: &[u8]) {
    let found = match parse::refs::parse(listing) {
        Ok(found) => found,
        Err(reason) => return clean(&reason, 200),
    };
    let mut names = HashSet::new();
    for (name, shown) in &found.refs {
        assert!(parse::refs::is_sha(&shown.sha) && parse::refs::is_sha(shown.commit()));
        assert!(!name.contains(char::is_control) || !name.is_ascii(), "{name:?}");
        if let Some(tag) = name.strip_prefix("refs/tags/") {
            let entry = tag_entry(tag, shown.commit());
            assert_eq!(entry.key, tag);
            assert!(entry.tag.iter().all(|tag| parse::key::is_tag_name(tag)));
            assert!(names.insert(refname::component(tag).to_ascii_lowercase()), "{tag:?} has another's ref");
            if let Some(version) = version_in(tag) {
                assert_eq!(Some(version.cmp(&version)), version_in(tag).map(|again| version.cmp(&again)));
            }
        }
    }
}

/// What Git and a remote say on standard error to an error that can be shown.
pub fn git_words(stderr: &[u8]) {
    let stderr = String::from_utf8_lossy(stderr);
    let failure = fuzzing::git_failure(&stderr);
    clean(&failure.to_string(), 700);
    assert!(!failure.kind().is_empty() && !failure.hint().is_empty());
    let shown = redacted(&stderr);
    assert_eq!(shown.lines().count(), stderr.lines().count());
}

/// An answer's head, a status in two bytes and `name: value` lines, to what the program makes of it.
pub fn http(head: &[u8]) {
    let Some((status, lines)) = head.split_first_chunk::<2>() else { return };
    let status = u16::from_le_bytes(*status) % 600;
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let line = |line: &'_ [u8]| {
        let at = line.iter().position(|&byte| byte == b':')?;
        Some((line[..at].to_vec(), line[at + 1..].trim_ascii().to_vec()))
    };
    let headers: Vec<_> = lines.split(|&byte| byte == b'\n').filter_map(line).collect();
    let shown = headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
    let _ = fuzzing::http_answer(status, shown, now);
    for (_, value) in &headers {
        for from in ["https://forge.example/a/b?c", "http://127.0.0.1:1/"] {
            let from: Url = from.parse().unwrap();
            if let Ok(to) = redirect::target(&from, value) {
                assert!(redirect::check(&to).is_ok() && to.fragment().is_none());
                assert!(from.scheme() == "http" || to.scheme() == "https", "{from} to {to}");
            }
        }
        let Ok(text) = str::from_utf8(value) else { continue };
        assert!(retry::wait(text, now).is_none_or(|wait| wait <= retry::LONGEST));
        if let Some(time) = parse::date::instant(text).and_then(parse::date::plausible) {
            let time = Timestamp::from(time);
            assert_eq!(Timestamp::from_str(&time.to_string()), Ok(time));
        }
        let kept = Validators::of(Some(text), Some(text), Some("Sun, 06 Nov 2094 08:49:37 GMT"));
        for sent in kept.etag.iter().chain(&kept.last_modified) {
            clean(sent, 2000);
        }
    }
}

#[track_caller]
fn clean(line: &str, most: usize) {
    assert!(!line.contains(is_unsafe), "{line:?}");
    assert!(line.len() <= most, "{} bytes", line.len());
}
