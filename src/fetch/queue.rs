//! Many tasks on a few threads, with no more than a few at one host.

use crate::panic::contained;
use std::{
    any::Any,
    collections::{HashMap, VecDeque},
    panic::AssertUnwindSafe,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

/// Does `work` for every task and returns the results in the order of the tasks.
///
/// At most `jobs` run at once, and at most `host_jobs` of one host; zero counts as one. Hosts take
/// turns, so a slow host with many tasks does not hold the others up. The calling thread works too.
/// `done` is called after each task with the number of those finished, one call at a time.
///
/// A panic in `work` is that task's result and touches no other.
pub fn run<T: Send, R: Send>(
    tasks: Vec<(String, T)>,
    jobs: usize,
    host_jobs: usize,
    work: impl Fn(T) -> R + Sync,
    done: impl Fn(usize) + Sync,
) -> Vec<thread::Result<R>> {
    let threads = jobs.clamp(1, tasks.len().max(1));
    let queue = Queue {
        results: Mutex::new(tasks.iter().map(|_| None).collect()),
        turns: Mutex::new(Turns::new(tasks, host_jobs.max(1))),
        freed: Condvar::new(),
        finished: Mutex::new(0),
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // With no more threads to be had, fewer do the work.
            let _ = thread::Builder::new().spawn_scoped(scope, || queue.serve(&work, &done));
        }
        queue.serve(&work, &done);
    });
    let results = queue.results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_iter().map(|result| result.unwrap_or_else(|| Err(lost()))).collect()
}

struct Queue<T, R> {
    turns: Mutex<Turns<T>>,
    freed: Condvar,
    results: Mutex<Vec<Option<thread::Result<R>>>>,
    finished: Mutex<usize>,
}

impl<T, R> Queue<T, R> {
    /// Works until no task is left to start.
    fn serve(&self, work: &impl Fn(T) -> R, done: &impl Fn(usize)) {
        while let Some(Turn { host, index, task }) = self.next() {
            let result = contained(AssertUnwindSafe(|| work(task)));
            lock(&self.results)[index] = Some(result);
            lock(&self.turns).leave(&host);
            self.freed.notify_all();
            let mut finished = lock(&self.finished);
            *finished += 1;
            done(*finished);
        }
    }

    /// Waits for a task whose host has room.
    fn next(&self) -> Option<Turn<T>> {
        let mut turns = lock(&self.turns);
        loop {
            if let Some(turn) = turns.take() {
                return Some(turn);
            }
            if turns.waiting.is_empty() {
                return None;
            }
            turns = self.freed.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lost() -> Box<dyn Any + Send> {
    Box::new("the task was never run")
}

struct Turn<T> {
    host: String,
    index: usize,
    task: T,
}

/// Whose turn it is: hosts with tasks left in a ring, and how many tasks of each are running.
struct Turns<T> {
    waiting: VecDeque<(String, VecDeque<(usize, T)>)>,
    running: HashMap<String, usize>,
    host_jobs: usize,
}

impl<T> Turns<T> {
    fn new(tasks: Vec<(String, T)>, host_jobs: usize) -> Self {
        let mut waiting: VecDeque<(String, VecDeque<(usize, T)>)> = VecDeque::new();
        let mut places = HashMap::new();
        for (index, (host, task)) in tasks.into_iter().enumerate() {
            let place = *places.entry(host.clone()).or_insert_with(|| {
                waiting.push_back((host, VecDeque::new()));
                waiting.len() - 1
            });
            waiting[place].1.push_back((index, task));
        }
        Self { waiting, running: HashMap::new(), host_jobs }
    }

    /// The next task of the first host that has room; the host then goes to the ring's end.
    fn take(&mut self) -> Option<Turn<T>> {
        let busy = |host: &str| self.running.get(host).is_some_and(|running| *running >= self.host_jobs);
        let place = self.waiting.iter().position(|(host, _)| !busy(host))?;
        let (host, mut tasks) = self.waiting.remove(place)?;
        let (index, task) = tasks.pop_front()?;
        *self.running.entry(host.clone()).or_default() += 1;
        if !tasks.is_empty() {
            self.waiting.push_back((host.clone(), tasks));
        }
        Some(Turn { host, index, task })
    }

    fn leave(&mut self, host: &str) {
        if let Some(running) = self.running.get_mut(host) {
            *running = running.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    fn tasks(hosts: &str) -> Vec<(String, usize)> {
        hosts.chars().enumerate().map(|(index, host)| (host.to_string(), index)).collect()
    }

    fn order(hosts: &str, host_jobs: usize) -> String {
        let mut turns = Turns::new(tasks(hosts), host_jobs);
        std::iter::from_fn(|| turns.take()).map(|turn| turn.index.to_string()).collect()
    }

    #[test]
    fn hosts_take_turns_up_to_their_limit() {
        assert_eq!(order("aaabbc", 9), "035142");
        assert_eq!(order("aaabbc", 1), "035");
        assert_eq!(order("aaabbc", 2), "03514");
        let mut turns = Turns::new(tasks("aab"), 1);
        let first = turns.take().unwrap();
        assert_eq!(turns.take().unwrap().host, "b");
        assert!(turns.take().is_none());
        turns.leave(&first.host);
        assert_eq!(turns.take().unwrap().index, 1);
    }

    #[test]
    fn results_come_in_the_order_of_tasks() {
        for jobs in [0, 1, 3, 99] {
            let counted = AtomicUsize::new(0);
            let done = |finished| assert_eq!(counted.fetch_add(1, SeqCst) + 1, finished);
            let results = run(tasks("abcaabbc"), jobs, 0, |task| task * 2, done);
            let results: Vec<usize> = results.into_iter().map(Result::unwrap).collect();
            assert_eq!(results, [0, 2, 4, 6, 8, 10, 12, 14]);
            assert_eq!(counted.into_inner(), 8);
        }
        assert!(run(Vec::<(String, ())>::new(), 4, 4, |()| (), |_| ()).is_empty());
    }

    #[test]
    fn a_panic_is_one_tasks_result() {
        let results = run(tasks("aaab"), 2, 1, |task| assert!(task != 1, "task {task} fails"), |_| ());
        let failed: Vec<bool> = results.iter().map(Result::is_err).collect();
        assert_eq!(failed, [false, true, false, false]);
    }

    #[test]
    fn limits_hold_and_are_used() {
        let running = AtomicUsize::new(0);
        let most = AtomicUsize::new(0);
        // Both tasks of a pair have to be running for either to end.
        let barrier = Barrier::new(2);
        let work = |_| {
            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            barrier.wait();
            running.fetch_sub(1, SeqCst);
        };
        let results = run(tasks("aaaaaaaa"), 8, 2, work, |_| ());
        assert!(results.iter().all(Result::is_ok));
        assert_eq!(most.into_inner(), 2);
    }

    #[test]
    fn one_slow_host_does_not_hold_up_the_others() {
        // The task of host `a` ends only after those of `b` have.
        let (send, receive) = std::sync::mpsc::channel();
        let (send, receive) = (Mutex::new(send), Mutex::new(receive));
        let work = |task: usize| match task {
            0 => (0..2).for_each(|_| receive.lock().unwrap().recv().unwrap()),
            3 | 4 => send.lock().unwrap().send(()).unwrap(),
            _ => (),
        };
        assert!(run(tasks("aaabb"), 2, 1, work, |_| ()).iter().all(Result::is_ok));
    }
}
