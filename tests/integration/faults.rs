//! Faults: the program or a child of it is killed, or refused, at every system call that matters.
//!
//! A poll that nothing happens to is traced first, every process of it. Then the same poll is made
//! once for each call, from the same files, with `strace` killing the process instead of that call,
//! or having the call fail; and later polls must bring what the first one had to bring, once.
//!
//! `strace` counts the calls of each name in each thread, so a call is named by all three: the
//! process (each one is traced by a `strace` of its own, which a shim starts), the name, the number.
//! All of them are the main thread's, but for `flock`, which one other thread has to itself.
//! The trace is looked at to see that it was this call that was hit.
//!
//! Some of the calls are taken by default, and every one with `PATCH_TEST_SWEEP=full`.

mod errors;
mod kills;
mod order;
mod scene;
mod strace;

use crate::environment::can_trace;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does this for each, and tells of all that fail.
fn each<T>(all: &[T], act: impl Fn(&T)) {
    let fails = |it: &&T| catch_unwind(AssertUnwindSafe(|| act(it))).is_err();
    let failed = all.iter().filter(fails).count();
    assert_eq!(failed, 0, "failed of {}, as told above", all.len());
}

/// Whether every call is to be taken.
fn is_full() -> bool {
    std::env::var_os("PATCH_TEST_SWEEP").is_some_and(|value| value == "full")
}

/// Says how much a full sweep was.
fn counted(kind: scene::Kind, count: usize, what: &str) {
    if is_full() {
        let _ = writeln!(io::stderr(), "{kind:?}: {count} {what}");
    }
}

/// All of them, or about `most`, evenly spread: those that `matters` picks come before the others.
fn sample<T>(all: Vec<T>, most: usize, matters: impl Fn(&T) -> bool) -> Vec<T> {
    if is_full() {
        return all;
    }
    let (first, others): (Vec<T>, Vec<T>) = all.into_iter().partition(matters);
    let mut taken = spread(first, most * 2 / 3);
    let left = most - taken.len();
    taken.extend(spread(others, left));
    taken
}

fn spread<T>(all: Vec<T>, most: usize) -> Vec<T> {
    let count = all.len();
    let is_taken = |index: usize| count <= most || index * most / count != (index + 1) * most / count;
    all.into_iter().enumerate().filter(|(index, _)| is_taken(*index)).map(|(_, it)| it).collect()
}

#[test]
fn a_sample_is_spread_evenly() {
    assert_eq!(spread((0..10).collect(), 3), [3, 6, 9]);
    assert_eq!(spread((0..3).collect(), 3), [0, 1, 2]);
    assert_eq!(spread((0..3).collect(), 0), [0; 0]);
}
