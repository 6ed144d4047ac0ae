//! Attempts over polls that fail, are killed, and are asked for again: nothing lost, nothing revived.

use crate::{
    one_in,
    targets::legal,
    watcher::{Watcher, at, superseded, watch},
};
use patch_moi::{
    dispatch::{
        begun,
        plan::{Due, Standing, abandoned, plan, standing},
        result::{Provenance, Status},
    },
    entry::Entry,
    event::{Change, Event},
    fuzzing,
    intake::look::Look,
    ledger::record::{Action, Body, Record, Request, Run},
    news::News,
    time::Timestamp,
    watch::{Target, Watch},
};
use proptest::{collection::vec, prelude::*, sample::Index, sample::select};
use std::collections::{BTreeMap, BTreeSet};

const RETRIES: u32 = 3;

/// What happens between two looks at the plan.
#[derive(Clone, Debug)]
enum Happening {
    /// A poll records a signal.
    Signal(Change),
    /// A poll dispatches; each attempt ends so, or by a kill of everything.
    Dispatch(Vec<Option<Status>>),
    /// A person asks for a signal again, for one target.
    Ask(Action, Index, Target),
    /// So many minutes pass.
    Wait(u32),
    /// The next process has the index, or the ledger alone.
    Restart(bool),
}

fn any_happening() -> impl Strategy<Value = Happening> {
    let end = prop_oneof![4 => select(Status::ALL.to_vec()).prop_map(Some), 1 => Just(None)];
    let target = select(vec![Target::CodexFlow, Target::Command]);
    prop_oneof![
        3 => select(vec![Change::New, Change::New, Change::Moved]).prop_map(Happening::Signal),
        5 => vec(end, 1..4).prop_map(Happening::Dispatch),
        1 => (select(vec![Action::Retry, Action::Replay]), any::<Index>(), target)
            .prop_map(|(action, index, target)| Happening::Ask(action, index, target)),
        3 => (0..300_u32).prop_map(Happening::Wait),
        1 => any::<bool>().prop_map(Happening::Restart),
    ]
}

/// A watch, and what must be true of it whatever its state says.
struct World {
    watcher: Watcher,
    minute: u32,
    events: BTreeMap<String, (Change, Event)>,
    /// What ended well or was superseded since it was last asked for.
    finished: BTreeSet<(String, Target)>,
    /// By signal and target: the number of the last attempt, and attempts since it was last asked for.
    attempts: BTreeMap<(String, Target), (u32, u32)>,
}

impl World {
    fn new(watch: Watch) -> Self {
        Self {
            watcher: Watcher::new(watch),
            minute: 0,
            events: BTreeMap::new(),
            finished: BTreeSet::new(),
            attempts: BTreeMap::new(),
        }
    }

    fn now(&self) -> Timestamp {
        at(self.minute)
    }

    fn record(&mut self, record: Record) {
        let before = self.watcher.state.clone();
        self.watcher.record(record);
        let record = self.watcher.records.last().expect("it was recorded");
        legal::step(&before, record, &self.watcher.state);
        legal::state(&self.watcher.state);
    }

    fn signal(&mut self, change: Change) {
        let number = self.events.len();
        let key = format!("v{number}");
        let entry = Box::new(Entry { key: key.clone(), ..Entry::default() });
        let news = News::Changed { change, key, entry, previous: None, is_head: false };
        let record = fuzzing::recorded(&self.watcher.watch, &Look::default(), news, self.now());
        let Body::Signal(signal) = &record.body else { unreachable!("a change is a signal") };
        self.events.insert(signal.id.clone(), (change, signal.event.clone()));
        self.record(record);
    }

    /// As a poll does: what newer signals supersede, then what is due, until a kill.
    fn dispatch(&mut self, ends: &[Option<Status>]) {
        let mut ends = ends.iter();
        for due in abandoned(&self.watcher.watch, &self.watcher.state, self.now()) {
            self.end(&due, Status::Failed);
        }
        let mut made = BTreeSet::new();
        loop {
            let watch = self.watcher.watch.clone();
            let (older, due) = plan(&watch, &self.watcher.state, self.now());
            for it in older {
                for target in self.watcher.state.open[&it.id].deliveries.keys() {
                    self.finished.insert((it.id.clone(), *target));
                }
                assert!(self.events.contains_key(&it.by), "superseded by nothing");
                self.record(superseded(&watch, it, self.now()));
            }
            for due in &due {
                let delivery = (due.id.clone(), due.target);
                assert!(!self.finished.contains(&delivery), "{delivery:?} is finished, and due again");
                assert_eq!(*due.signal.event, self.events[&due.id].1, "not the event that was recorded");
            }
            let Some(due) = due.into_iter().find(|due| made.insert((due.id.clone(), due.target))) else { return };
            let Some(end) = ends.next() else { return };
            let count = self.attempts.entry((due.id.clone(), due.target)).or_default();
            assert!(due.attempt > count.0, "attempt {} after {}", due.attempt, count.0);
            *count = (due.attempt, count.1 + 1);
            // One more than retries, where every one of them was interrupted.
            assert!(count.1 <= RETRIES + 1, "{} was attempted {} times", due.id, count.1);
            self.record(begun(&due, self.now()));
            match end {
                Some(status) => self.end(&due, *status),
                None => return,
            }
        }
    }

    fn end(&mut self, due: &Due, status: Status) {
        let run = Run {
            watch: self.watcher.watch.name.clone(),
            id: due.id.clone(),
            target: due.target,
            attempt: due.attempt,
            status,
            message: None,
            exit: None,
            steps: Vec::new(),
            candidates: Vec::new(),
            provenance: Provenance::default(),
            intervention: None,
            reference: None,
            sha: None,
            duration_ms: 0,
            log: None,
            report: None,
        };
        self.record(Record::new(self.now(), Body::Run(Box::new(run))));
        if status.is_success() {
            self.finished.insert((due.id.clone(), due.target));
        }
    }

    fn ask(&mut self, action: Action, index: Index, target: Target) {
        if self.events.is_empty() {
            return;
        }
        let id = index.get(&self.events.keys().cloned().collect::<Vec<_>>()).clone();
        // The command line retries only what is open and stuck.
        let is_open = self.watcher.state.open.get(&id).is_some_and(|signal| signal.deliveries.contains_key(&target));
        if action == Action::Retry && !is_open {
            return;
        }
        let attempts = self.attempts.iter().filter(|((it, _), _)| *it == id).map(|(_, count)| count.0);
        let (change, event) = self.events[&id].clone();
        let request = Request {
            watch: self.watcher.watch.name.clone(),
            id: id.clone(),
            action,
            targets: vec![target],
            change,
            attempt: attempts.max().unwrap_or(0),
            event,
        };
        self.record(Record::new(self.now(), Body::Request(Box::new(request))));
        self.attempts.entry((id.clone(), target)).or_default().1 = 0;
        if action == Action::Replay {
            self.finished.remove(&(id, target));
        }
    }
}

fn any_watch() -> impl Strategy<Value = Watch> {
    (any::<bool>(), any::<bool>()).prop_map(|(latest, both)| {
        let mut keys = vec![("retries", "3"), ("command", "true"), ("dispatch", "command")];
        keys.push(("policy", if latest { "latest" } else { "each" }));
        keys.extend(both.then_some(("dispatch", "codex-flow")));
        watch("w", &keys)
    })
}

proptest! {
    #![proptest_config(one_in(1))]

    #[test]
    fn every_signal_is_handed_over_and_none_again_that_is_done(
        watch in any_watch(),
        happenings in vec(any_happening(), 0..60),
    ) {
        let mut world = World::new(watch);
        for happening in happenings {
            match happening {
                Happening::Signal(change) => world.signal(change),
                Happening::Dispatch(ends) => world.dispatch(&ends),
                Happening::Ask(action, index, target) => world.ask(action, index, target),
                Happening::Wait(minutes) => world.minute += minutes,
                Happening::Restart(true) => world.watcher.restart_from_index(),
                Happening::Restart(false) => world.watcher.restart_from_ledger(),
            }
        }
        // From now on all goes well: what is not done by then waits for a person.
        for _ in 0..3 {
            world.minute += 2 * 24 * 60;
            world.dispatch(&vec![Some(Status::Completed); 1000]);
        }
        for (id, signal) in &world.watcher.state.open {
            for (target, delivery) in &signal.deliveries {
                let standing = standing(delivery, RETRIES, world.now());
                let is_rest = matches!(standing, Standing::Done | Standing::Waiting(_) | Standing::GivenUp);
                let is_wanted = delivery.requested || world.watcher.watch.dispatch.contains(target);
                prop_assert!(is_rest || !is_wanted, "{} for {} is {:?}", id, target, standing);
            }
        }
        for id in world.events.keys() {
            for target in &world.watcher.watch.dispatch {
                let was_attempted = world.attempts.get(&(id.clone(), *target)).is_some_and(|(attempt, _)| *attempt > 0);
                let was_superseded = world.finished.contains(&(id.clone(), *target));
                prop_assert!(was_attempted || was_superseded, "{} was lost for {}", id, target);
            }
        }
    }
}
