//! The index: derived from the ledger, and what it says must follow from it.

use super::{Finding, Found, Scene};
use crate::{
    ledger::{
        damage::What,
        index::{self, Index},
        state::State,
    },
    private,
};

/// Whether the index, where a poll would believe it, adds up to what the ledger's lines do.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let check = "index";
    let (Some(places), Found::Read(scan)) = (&scene.places, &scene.ledger) else { return Vec::new() };
    let [path, _] = index::files(&places.state);
    let (Ok(Some(ledger)), Ok(there)) =
        (private::open_read(&places.state.join("ledger.jsonl")), private::open_read(&path))
    else {
        return Vec::new();
    };
    let Some(Index { position, counts, state: indexed, .. }) = index::load(&places.state, &ledger) else {
        let found = if there.is_none() {
            "there is none"
        } else if index::load_brief(&places.state, &ledger).is_some() {
            "the rest of it, index-rest.json, is missing or of another one"
        } else {
            "it does not fit the ledger"
        };
        return vec![Finding::ok(check, format!("{found}: the next poll makes it"))];
    };
    if scan.damages.iter().any(|damage| damage.what != What::Torn) {
        return vec![Finding::ok(check, "not compared with a damaged ledger")];
    }
    let mut state = State::default();
    for (_, record) in scan.records.iter().filter(|(line, _)| *line <= position.lines) {
        state.fold(record);
    }
    vec![if state == indexed && state.counts() == counts {
        Finding::ok(check, format!("it agrees with the ledger up to line {}", position.lines))
    } else {
        Finding::broken(check, "it says something else than the ledger, of which it is made")
            .fix("patch doctor --repair")
    }]
}

/// Whether the index has to go.
pub fn disagrees(scene: &Scene) -> bool {
    check(scene).iter().any(|finding| finding.health == super::Health::Broken)
}
