//! Every call of `patch`, and what Git and the runner change, fails as a call may fail.

use super::scene::{Kind, Scene};
use super::strace::{Call, Fault, errors, is_write_like};
use super::{can_trace, counted, each, sample};
use crate::environment::Output;

#[test]
fn errors_are_told_and_nothing_is_lost_when_a_command_is_told() {
    sweep(Kind::Command);
}

#[test]
fn errors_are_told_and_nothing_is_lost_when_a_trigger_is_pushed() {
    sweep(Kind::Trigger);
}

#[test]
fn errors_are_told_and_nothing_is_lost_at_the_first_sight() {
    sweep(Kind::First);
}

#[test]
fn errors_are_told_and_nothing_is_lost_when_a_flow_is_told() {
    sweep(Kind::Flow);
}

/// Errors taken by default, of each scene.
const SAMPLE: usize = 24;

fn sweep(kind: Kind) {
    if !can_trace() {
        return;
    }
    let scene = Scene::new(kind);
    let (own, others) = scene.calls();
    // A call that another thread makes as often would fail there, too.
    let is_shared =
        |call: &Call| others.iter().any(|it| (&it.role, &it.name, it.nth) == (&call.role, &call.name, call.nth));
    let mut calls = ours(own);
    calls.retain(|call| !is_shared(call));
    let faults = calls.iter().flat_map(|call| errors(call).iter().map(move |error| (call, *error))).collect();
    let faults = sample(faults, SAMPLE, |(call, _)| call.role == "patch" && call.line.contains("/state/"));
    each(&faults, |(call, error)| {
        let output = scene.inject(call, &Fault::Error(error));
        let label = format!("{error} at {call}");
        is_loud(&scene, call, &output, &label);
        scene.converges(&label);
        // What could not be removed is still there.
        if call.name != "unlink" {
            scene.is_tidy(&label);
        }
    });
    counted(kind, faults.len(), "errors");
}

/// Of `patch`, what it does from `main` on; of Git, what it changes.
///
/// Git passes over errors of a standard output that is a pipe (`run_builtin` in its git.c), and there
/// is none but a reader that is gone. What the runner does about errors is the runner's.
fn ours(calls: Vec<Call>) -> Vec<Call> {
    let is_loaded = |call: &Call| call.name == "sigaltstack";
    let (patch, others): (Vec<Call>, Vec<Call>) = calls.into_iter().partition(|call| call.role == "patch");
    let patch = patch.into_iter().skip_while(|call| !is_loaded(call));
    let others = others.into_iter().filter(|call| {
        !call.role.starts_with("runner") && !call.line.starts_with("write(1<pipe:") && is_write_like(call)
    });
    patch.chain(others).collect()
}

/// A poll that did not do all it had to do says so; one that succeeded did.
#[track_caller]
fn is_loud(scene: &Scene, call: &Call, output: &Output, label: &str) {
    let all = format!("{}{}", output.stdout, output.stderr);
    for word in ["internal error", "panicked", "backtrace"] {
        assert!(!all.contains(word), "{label}: {output}");
    }
    if output.status == 0 {
        assert!(scene.is_complete(), "{label}: success without the work\n{output}");
        return;
    }
    assert!([1, 2, 75].contains(&output.status), "{label}: {output}");
    let is_mute = ["write(1<", "write(2<"].iter().any(|stream| call.line.starts_with(stream));
    let is_told = output.stderr.lines().any(|line| line.starts_with("error: "))
        || output.stdout.lines().any(|line| line.contains(": failed: "));
    assert!(is_mute || is_told, "{label}: {output}");
}
