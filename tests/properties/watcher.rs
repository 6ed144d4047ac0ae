//! A watch over many polls, its ledger in memory: what is news is recorded, and known at the next.

use patch_moi::{
    config,
    dispatch::plan::Superseded,
    event::Change,
    fuzzing,
    git::ConfigEntry,
    intake::look::Look,
    ledger::{
        record::{Body, Record},
        state::{State, WatchState},
    },
    news::{Disbelief, News, Rules, Sight, news},
    time::Timestamp,
    watch::Watch,
};

/// The time of the `minute`th record.
pub fn at(minute: u32) -> Timestamp {
    let day: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    day.after(std::time::Duration::from_secs(u64::from(minute) * 60))
}

/// The watch `name` with these keys besides.
pub fn watch(name: &str, keys: &[(&str, &str)]) -> Watch {
    let entry = |(key, value): &(&str, &str)| ConfigEntry {
        scope: "local".to_owned(),
        origin: "file:.git/config".to_owned(),
        section: "watch".to_owned(),
        subsection: Some(name.to_owned()),
        name: (*key).to_owned(),
        value: Some((*value).to_owned()),
    };
    let mut entries: Vec<ConfigEntry> = keys.iter().map(entry).collect();
    if !keys.iter().any(|(key, _)| *key == "feed") {
        entries.push(entry(&("remote", "../upstream")));
    }
    config::read(&entries).unwrap().watches.remove(0)
}

/// A watch and its ledger.
pub struct Watcher {
    pub watch: Watch,
    pub records: Vec<Record>,
    pub state: State,
}

impl Watcher {
    pub fn new(watch: Watch) -> Self {
        Self { watch, records: Vec::new(), state: State::default() }
    }

    pub fn known(&self) -> WatchState {
        self.state.watches.get(&self.watch.name).cloned().unwrap_or_default()
    }

    /// Polls: records what is news, and returns the records.
    pub fn sees(&mut self, sight: &Sight) -> Result<Vec<Record>, Disbelief> {
        let rules = Rules {
            watch: &self.watch.name,
            event: self.watch.event,
            filter: &self.watch.filter,
            branch: Some("main"),
            backfill: 0,
        };
        let told: Vec<News> = news(sight, rules, &self.known())?;
        let look = Look { sight: sight.clone(), branch: Some("main".to_owned()), validators: None, served_at: None };
        let now = at(u32::try_from(self.records.len()).unwrap());
        let records: Vec<Record> =
            told.into_iter().map(|news| fuzzing::recorded(&self.watch, &look, news, now)).collect();
        for record in &records {
            self.record(record.clone());
        }
        Ok(records)
    }

    pub fn record(&mut self, record: Record) {
        self.state.fold(&record);
        self.records.push(record);
    }

    /// Another process goes on, with the index of this one.
    pub fn restart_from_index(&mut self) {
        self.state = serde_json::from_str(&serde_json::to_string(&self.state).unwrap()).unwrap();
    }

    /// Another process goes on, with nothing but the ledger's lines.
    pub fn restart_from_ledger(&mut self) {
        let read = |record: &Record| serde_json::from_str::<Record>(&record.line()).unwrap();
        self.records = self.records.iter().map(read).collect();
        self.state = folded(&self.records);
    }

    /// The ids of all signals, in their order.
    pub fn signals(&self) -> Vec<&str> {
        signals(&self.records)
    }
}

pub fn signals(records: &[Record]) -> Vec<&str> {
    records.iter().filter(|record| matches!(record.body, Body::Signal(_))).filter_map(Record::id).collect()
}

/// The keys of the entries that are told as new.
pub fn new_keys(records: &[Record]) -> Vec<&str> {
    records.iter().filter_map(new_key).collect()
}

fn new_key(record: &Record) -> Option<&str> {
    match &record.body {
        Body::Signal(signal) if signal.change == Change::New => Some(&signal.entry.key),
        _ => None,
    }
}

pub fn folded(records: &[Record]) -> State {
    records.iter().fold(State::default(), |mut state, record| {
        state.fold(record);
        state
    })
}

/// The record that a signal is superseded.
pub fn superseded(watch: &Watch, it: Superseded, now: Timestamp) -> Record {
    let skipped = patch_moi::ledger::record::Skipped {
        watch: watch.name.clone(),
        key: it.key,
        sha: None,
        reason: "superseded".to_owned(),
        id: Some(it.id),
        by: Some(it.by),
        message: None,
        head: None,
    };
    Record::new(now, Body::Skipped(skipped))
}
