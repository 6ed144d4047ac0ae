//! Which candidates were looked for in which heads of the stack, in vain: derived, and expendable.
//!
//! To tell whether a branch has a candidate takes many processes of Git's. As long as neither moves,
//! the answer is the same.

use crate::{ledger::state::State, private};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, io::Read, path::Path};

const FILE: &str = "looked.json";

/// A candidate and the heads that do not have it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The candidate's commit.
    pub candidate: String,
    /// The heads of the stack's branches.
    pub stacks: Vec<String>,
    /// The upstream commit and the stack that the candidate came from, as far as they are known: the answer
    /// depends on them.
    #[serde(default)]
    pub origin: [Option<String>; 2],
}

/// What was looked for in vain, by the signal's id.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    pairs: BTreeMap<String, Pair>,
    is_changed: bool,
}

impl Looked {
    /// What is known; nothing, if the file is missing or damaged.
    #[must_use]
    pub fn read(state_dir: &Path) -> Self {
        let read = || {
            let mut text = Vec::new();
            private::open_read(&state_dir.join(FILE)).ok()??.read_to_end(&mut text).ok()?;
            serde_json::from_slice(&text).ok()
        };
        Self { pairs: read().unwrap_or_default(), is_changed: false }
    }

    /// Whether it was looked for there.
    #[must_use]
    pub fn knows(&self, id: &str, pair: &Pair) -> bool {
        self.pairs.get(id) == Some(pair)
    }

    /// It was looked for there in vain.
    pub fn note(&mut self, id: &str, pair: Pair) {
        self.pairs.insert(id.to_owned(), pair);
        self.is_changed = true;
    }

    /// Keeps what is about signals that are under review.
    pub fn keep(mut self, state_dir: &Path, state: &State) {
        let before = self.pairs.len();
        self.pairs.retain(|id, _| state.reviews.contains_key(id));
        if self.is_changed || self.pairs.len() != before {
            // It saves time only: where it cannot be written, the same is asked of Git again.
            let _ = private::replace_derived(&state_dir.join(FILE), &self.pairs);
        }
    }
}
