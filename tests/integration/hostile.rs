//! Servers that mean harm: each poll ends in time and in bounded memory, nothing is lost, and the
//! other watches are as they would be without them.

mod documents;
mod git;
mod isolation;
mod measure;
mod memory;
mod missed;
mod server;
mod time;

use crate::upstream::Fork;
use server::Hostile;

/// A fork with a watch for each of these paths of a hostile server, named after the path, with one
/// second for its look at upstream.
fn watching(server: &Hostile, paths: &[&str]) -> Fork {
    let fork = Fork::new();
    fork.config("patch.fetchTimeout", "1");
    for path in paths {
        fork.config(&format!("watch.{path}.feed"), &server.url(&format!("/{path}")));
    }
    fork
}

/// Whether the long sweeps are to run: `PATCH_TEST_SWEEP=full`.
fn full_sweep() -> bool {
    std::env::var_os("PATCH_TEST_SWEEP").is_some_and(|value| value == "full")
}
