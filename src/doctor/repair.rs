//! `patch doctor --repair`: what can be mended without asking, and what that leaves out.

use super::{Finding, Scene, index};
use crate::{
    ledger::{
        damage::{What, consequence},
        repair,
    },
    time::Timestamp,
    workspace::Failure,
};
use std::path::Path;

/// What the findings about a repair are told under.
pub const CHECK: &str = "repair";

/// Repairs the ledger in `state`; what was done, nothing if nothing was to be done.
///
/// # Errors
/// When the ledger is not ours to judge, or the file system refuses: the old ledger is there, whole.
pub fn repair(scene: &Scene, state: &Path, now: Timestamp) -> Result<Vec<Finding>, Failure> {
    let Some(repaired) = repair::repair(state, now)? else {
        if !index::disagrees(scene) {
            return Ok(Vec::new());
        }
        repair::drop_index(state)?;
        return Ok(vec![Finding::ok(CHECK, "the index is dropped: the next poll makes it")]);
    };
    let kept = repaired.original.display();
    let mut done = vec![Finding::ok(CHECK, format!("the ledger is kept as it was in {kept}"))];
    for damage in &repaired.damages {
        let (line, excerpt) = (damage.line, &damage.excerpt);
        let found = match &damage.what {
            What::Merged(records) => format!("line {line} is split into its {records} records"),
            What::Torn if damage.why == crate::ledger::damage::UNENDED => format!("line {line} has its end again"),
            What::Torn => format!("line {line} is left out, which was never whole: {excerpt}"),
            What::Lost(kind) => format!("line {line} is left out: {excerpt}; {}", consequence(*kind)),
            What::Newer(_) => continue,
        };
        done.push(Finding { byte: Some(damage.byte), ..Finding::ok(CHECK, found).line(line) });
    }
    Ok(done)
}
