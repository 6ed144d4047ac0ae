//! What the records say of the channels.

use super::State;
use crate::{
    channel::Promote,
    ledger::record::{Move, Promotion, Record},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// How many moves of a channel are known by heart.
const MOVES: usize = 50;

/// What is known of a channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelState {
    /// Where it was moved, the newest last; at most 50.
    pub moves: Vec<Moved>,
}

/// One move of a channel.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// When.
    pub at: Timestamp,
    /// How.
    pub action: Move,
    /// The signal whose candidate it holds since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The ref.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The commit before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The commit since.
    pub to: String,
    /// The upstream commit that it stands on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onto: Option<String>,
    /// Why.
    #[serde(default)]
    pub rule: Promote,
    /// Who moved it, of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl ChannelState {
    /// Where it was moved last.
    #[must_use]
    pub fn last(&self) -> Option<&Moved> {
        self.moves.last()
    }

    /// The promotion that a roll-back would undo: the last one that was not undone yet.
    #[must_use]
    pub fn to_undo(&self) -> Option<&Moved> {
        let mut undone = 0_usize;
        for moved in self.moves.iter().rev() {
            match moved.action {
                Move::RolledBack => undone += 1,
                Move::Promoted if undone == 0 => return Some(moved),
                Move::Promoted => undone -= 1,
            }
        }
        None
    }

    /// Whether it ever held this commit, as far as that is known by heart.
    #[must_use]
    pub fn held(&self, sha: &str) -> bool {
        self.moves.iter().any(|moved| moved.to == sha)
    }
}

impl State {
    pub(super) fn fold_promotion(&mut self, record: &Record, promotion: &Promotion) {
        let moves = &mut self.channels.entry(promotion.channel.clone()).or_default().moves;
        moves.push(Moved {
            at: record.at,
            action: promotion.action,
            id: promotion.id.clone(),
            reference: promotion.reference.clone(),
            from: promotion.from.clone(),
            to: promotion.to.clone(),
            onto: promotion.onto.clone(),
            rule: promotion.rule,
            by: promotion.by.clone(),
        });
        if moves.len() > MOVES {
            let old = moves.len() - MOVES;
            moves.drain(..old);
        }
    }
}
