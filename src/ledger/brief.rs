//! What the records add up to, without what only a poll needs: for whoever just looks.

use super::{
    Ledger, LedgerError, index,
    state::{Counts, State},
};
use crate::{private, watch::WatchName};
use std::{collections::BTreeMap, path::Path};

/// A state without the entries that are known and the reviews that are over, and how many these are.
///
/// A command that shows what goes on is to be as quick with a million records as with ten.
#[derive(Debug, Default)]
pub struct Brief {
    state: State,
    counts: BTreeMap<WatchName, Counts>,
    length: u64,
}

impl Brief {
    /// The state of the ledger in `directory`; no ledger yet is an empty one.
    ///
    /// Where something was appended since the index was written, all of it is read and the rest left out:
    /// one more record may change what is known.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open(directory: &Path) -> Result<Self, LedgerError> {
        let path = Ledger::unread(directory).path();
        let Some(file) = private::open_read(&path).map_err(LedgerError::io("cannot read", &path))? else {
            return Ok(Self::default());
        };
        if let Some(index) = index::load_brief(directory, &file)
            && file.metadata().is_ok_and(|metadata| metadata.len() == index.position.length)
        {
            return Ok(Self { state: index.state, counts: index.counts, length: index.position.length });
        }
        let Ledger { state, position, .. } = Ledger::open(directory)?;
        Ok(Self { length: position.length, ..Self::of(state) })
    }

    /// A whole state in brief.
    #[must_use]
    pub fn of(mut state: State) -> Self {
        let counts = state.counts();
        state.take_rest();
        Self { state, counts, length: 0 }
    }

    /// The state; its watches have no `known`, and its `closed` is empty.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// How many bytes of the ledger were read: all of its whole lines.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// How much there is of a watch beside that.
    #[must_use]
    pub fn counts(&self, watch: &WatchName) -> Counts {
        self.counts.get(watch).cloned().unwrap_or_default()
    }
}
