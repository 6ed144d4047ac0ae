//! SIGKILL at every call of every process that changes something outside of it.

use super::scene::{Kind, Scene};
use super::strace::{Call, Fault, is_write_like};
use super::{can_trace, counted, each, sample};

#[test]
fn a_command_is_told_whatever_is_killed_whenever() {
    sweep(Kind::Command);
}

#[test]
fn a_trigger_is_pushed_whatever_is_killed_whenever() {
    sweep(Kind::Trigger);
}

#[test]
fn a_first_sight_primes_whatever_is_killed_whenever() {
    sweep(Kind::First);
}

#[test]
fn a_flow_is_told_whatever_is_killed_whenever() {
    sweep(Kind::Flow);
}

/// Kills taken by default, of each scene.
const SAMPLE: usize = 18;

fn sweep(kind: Kind) {
    if !can_trace() {
        return;
    }
    let scene = Scene::new(kind);
    let (own, others) = scene.calls();
    let roles = scene.roles();
    // Beside main threads there is nothing to kill: their other threads read, wait and pass bytes on
    // within the process, and their children, before they are something else, only become it.
    let is_within = |call: &Call| call.line.contains("<pipe:[") || call.line.contains("<UNIX");
    let strange: Vec<&Call> = others.iter().filter(|call| is_write_like(call) && !is_within(call)).collect();
    assert!(strange.is_empty(), "{strange:#?}");
    let calls: Vec<Call> = own.into_iter().filter(is_write_like).collect();
    let calls = sample(calls, SAMPLE, |call| call.role == "patch" && call.line.contains("/state/"));
    each(&calls, |call| {
        let killed = scene.inject(call, &Fault::Kill);
        if call.role == "patch" {
            assert_eq!(killed.status, 137, "{call}");
        }
        let label = format!("killed at {call}");
        scene.converges(&label);
        scene.is_tidy(&label);
    });
    let births = roles.iter().flat_map(|role| {
        // The parent of Git's helper is a shell; that of others is killed at calls of its own.
        let has_shell = role.starts_with("git-upload-pack") || role.starts_with("git-receive-pack");
        [Some((role, "start")), has_shell.then_some((role, "parent"))].into_iter().flatten()
    });
    let births = sample(births.collect(), SAMPLE / 6, |_| false);
    each(&births, |(role, whom)| {
        scene.kill(role, whom);
        let label = format!("killed at the {whom} of {role}");
        scene.converges(&label);
        scene.is_tidy(&label);
    });
    counted(kind, calls.len() + births.len(), "kills");
}
