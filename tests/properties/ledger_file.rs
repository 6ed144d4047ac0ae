//! The ledger's file under torn writes, several writers, and indexes that are missing, old or damaged.

use crate::{folding::any_records, one_in, watcher::folded};
use patch_moi::ledger::{
    Ledger,
    brief::Brief,
    file::{self, Tail},
    index,
    record::Record,
    state::State,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use std::{fs, io::Write, path::Path};

/// What happens to the file.
#[derive(Clone, Debug)]
enum Happening {
    /// One of two processes appends records.
    Append(bool, Vec<Record>),
    /// A process is killed while it appends: so much of it is written.
    Kill(Vec<Record>, Index),
    /// Power is lost: what was being written is zeros, or what stood there before.
    Garbage(Vec<u8>),
    /// One of the two ends and starts again.
    Restart(bool),
    /// One of the two stores its index.
    Index(bool),
    /// A byte of one of the index's files is changed.
    Damage(bool, Index, u8),
    /// One of them is lost.
    Lose(bool),
    /// One of them is put back to what it was at the beginning.
    Restore(bool),
}

fn any_happening() -> impl Strategy<Value = Happening> {
    let garbage = prop_oneof![
        vec(Just(0_u8), 1..5000),
        vec(any::<u8>(), 1..60).prop_map(|bytes| bytes.into_iter().filter(|byte| *byte != b'\n').collect()),
    ];
    prop_oneof![
        4 => (any::<bool>(), any_records(4)).prop_map(|(one, records)| Happening::Append(one, records)),
        2 => (any_records(4), any::<Index>()).prop_map(|(records, index)| Happening::Kill(records, index)),
        1 => garbage.prop_map(Happening::Garbage),
        1 => any::<bool>().prop_map(Happening::Restart),
        2 => any::<bool>().prop_map(Happening::Index),
        1 => (any::<bool>(), any::<Index>(), 1..=255_u8)
            .prop_map(|(rest, index, bits)| Happening::Damage(rest, index, bits)),
        1 => any::<bool>().prop_map(Happening::Lose),
        1 => any::<bool>().prop_map(Happening::Restore),
    ]
}

fn text(records: &[Record]) -> String {
    records.iter().map(Record::line).collect()
}

fn lines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

fn write(directory: &Path, bytes: &[u8]) {
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(directory.join("ledger.jsonl")).unwrap().write_all(bytes).unwrap();
}

proptest! {
    #![proptest_config(one_in(1))]

    #[test]
    fn a_cut_at_any_byte_costs_the_record_that_is_cut(records in any_records(12), index in any::<Index>()) {
        let text = text(&records);
        let cut = index.index(text.len() + 1);
        let left = &text.as_bytes()[..cut];
        let read = file::parse(left, Path::new("ledger"), 0).unwrap();
        prop_assert_eq!(&read.records, &records[..lines(left)]);
        let last_line = left.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        prop_assert_eq!((read.whole, read.tail == Tail::Torn), (last_line, last_line < cut));
    }

    #[test]
    fn nothing_is_read_out_of_what_a_power_loss_leaves(
        records in any_records(6),
        index in any::<Index>(),
        garbage in vec(any::<u8>(), 0..40),
    ) {
        let text = text(&records);
        let cut = index.index(text.len() + 1);
        let garbage: Vec<u8> = garbage.into_iter().filter(|byte| *byte != b'\n').collect();
        let left = &text.as_bytes()[..cut];
        let read = file::parse(&[left, &garbage].concat(), Path::new("ledger"), 0).unwrap();
        prop_assert_eq!(&read.records, &records[..lines(left)]);
    }
}

proptest! {
    #![proptest_config(one_in(4))]

    #[test]
    fn what_was_appended_is_there_whatever_happened_between(happenings in vec(any_happening(), 1..12)) {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let open = || Ledger::open(directory).unwrap();
        let mut processes = [open(), open()];
        let mut recorded: Vec<Record> = Vec::new();
        let files = index::files(directory);
        let mut saved: Option<[Option<Vec<u8>>; 2]> = None;
        for happening in happenings {
            match happening {
                Happening::Append(one, records) => {
                    let process = &mut processes[usize::from(one)];
                    process.append(&records).unwrap();
                    process.refresh().unwrap();
                    recorded.extend(records);
                    prop_assert_eq!(process.state(), &folded(&recorded));
                }
                Happening::Kill(records, index) => {
                    // The one that comes next repairs the end; here both have gone.
                    let batch = text(&records);
                    let end = index.index(batch.len() + 1);
                    let written = &batch.as_bytes()[..end];
                    heal(&mut processes[0], &mut recorded);
                    write(directory, written);
                    recorded.extend(records.into_iter().take(lines(written)));
                }
                Happening::Garbage(bytes) => {
                    heal(&mut processes[0], &mut recorded);
                    write(directory, &bytes);
                }
                Happening::Restart(one) => processes[usize::from(one)] = open(),
                Happening::Index(one) => {
                    processes[usize::from(one)].save_index().unwrap();
                    if saved.is_none() {
                        saved = files.each_ref().map(|path| fs::read(path).ok()).into();
                    }
                }
                Happening::Damage(rest, index, bits) => {
                    let path = &files[usize::from(rest)];
                    if let Ok(mut bytes) = fs::read(path) {
                        let at = index.index(bytes.len());
                        bytes[at] ^= bits;
                        fs::write(path, bytes).unwrap();
                    }
                }
                Happening::Lose(rest) => drop(fs::remove_file(&files[usize::from(rest)])),
                Happening::Restore(rest) => {
                    if let Some(Some(bytes)) = saved.as_ref().map(|saved| saved[usize::from(rest)].as_ref()) {
                        fs::write(&files[usize::from(rest)], bytes).unwrap();
                    }
                }
            }
            let reader = open();
            let whole = folded(&recorded);
            prop_assert_eq!(reader.state(), &whole);
            is_brief(directory, &whole);
        }
        for process in &mut processes {
            process.refresh().unwrap();
            prop_assert_eq!(process.state(), &folded(&recorded));
        }
        prop_assert_eq!(processes[0].records().unwrap(), recorded);
    }
}

/// What is read for showing it is the whole state, but for what is only counted.
fn is_brief(directory: &Path, whole: &State) {
    let brief = Brief::open(directory).unwrap();
    let counts = whole.counts();
    for watch in whole.watches.keys().chain(counts.keys()) {
        assert_eq!(brief.counts(watch), counts.get(watch).cloned().unwrap_or_default(), "{watch}");
    }
    let mut rest = whole.clone();
    rest.closed.clear();
    rest.watches.values_mut().for_each(|watch| watch.known.clear());
    assert_eq!(brief.state(), &rest);
}

/// A record after a torn line sets that line aside; two torn writes never stand one behind the other.
fn heal(process: &mut Ledger, recorded: &mut Vec<Record>) {
    let line = r#"{"v":1,"at":"2026-11-22T00:00:00.000Z","kind":"gap","watch":"a","oldest":"v1","message":"m"}"#;
    let record: Record = serde_json::from_str(line).unwrap();
    process.append(std::slice::from_ref(&record)).unwrap();
    recorded.push(record);
}
