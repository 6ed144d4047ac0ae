//! A state in a few words, and whether it is good news.

use crate::{
    carry::pick::{Fate, Landed},
    dispatch::{is_failure, result::Status},
    report::words::state_words,
    review::state::ReviewState,
};
use askama::{Template, filters::HtmlSafe};

/// What a state means to who reads the page; never told by colour alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tone {
    /// All is well.
    Good,
    /// A person should look.
    Wait,
    /// It failed.
    Bad,
    /// Beside the point.
    Calm,
}

impl Tone {
    /// The class in the style.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Wait => "wait",
            Self::Bad => "bad",
            Self::Calm => "calm",
        }
    }
}

/// A state.
#[derive(Clone, Debug, Eq, PartialEq, Template)]
#[template(ext = "html", source = r#"<span class="badge {{ tone.class() }}" dir="auto">{{ words }}</span>"#)]
pub struct Badge {
    /// What it means.
    pub tone: Tone,
    /// What it is called.
    pub words: String,
}

// Its template has escaped what is in it.
impl HtmlSafe for Badge {}

impl Badge {
    /// A badge.
    #[must_use]
    pub fn new(tone: Tone, words: impl Into<String>) -> Self {
        Self { tone, words: words.into() }
    }

    /// What became of a signal.
    #[must_use]
    pub fn of_review(state: ReviewState) -> Self {
        let tone = match state {
            ReviewState::Landed | ReviewState::Completed => Tone::Good,
            ReviewState::Failed => Tone::Bad,
            state if state.waits_for_a_person() => Tone::Wait,
            _ => Tone::Calm,
        };
        Self::new(tone, state_words(state).trim_start_matches("is "))
    }

    /// What a run came to.
    #[must_use]
    pub fn of_run(status: Status) -> Self {
        let tone = match status {
            status if is_failure(status) => Tone::Bad,
            Status::NeedsIntervention => Tone::Wait,
            _ => Tone::Good,
        };
        Self::new(tone, status.to_string().replace('_', " "))
    }
}

/// What the fate of a patch means.
#[must_use]
pub fn of_fate(fate: &Fate) -> Tone {
    match fate {
        Fate::Carried | Fate::Empty => Tone::Good,
        Fate::Changed | Fate::Resolved { .. } | Fate::Landed { handling: Landed::Ask, .. } => Tone::Wait,
        Fate::Conflicts => Tone::Bad,
        Fate::Landed { .. } | Fate::Pending { .. } => Tone::Calm,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_words_and_a_tone() {
        let told: Vec<String> = ReviewState::ALL
            .into_iter()
            .map(Badge::of_review)
            .map(|badge| format!("{} {}", badge.tone.class(), badge.words))
            .collect();
        let expected = [
            "calm pending",
            "calm dispatched",
            "calm being worked on",
            "wait unacknowledged",
            "wait awaits review",
            "wait needs a person",
            "bad failed",
            "good completed",
            "good landed",
            "calm rejected",
            "calm superseded",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn every_status_has_words_and_a_tone() {
        let told: Vec<String> = Status::ALL
            .into_iter()
            .map(Badge::of_run)
            .map(|badge| format!("{} {}", badge.tone.class(), badge.words))
            .collect();
        let expected = [
            "good skipped",
            "good completed",
            "good changed",
            "wait needs intervention",
            "bad blocked",
            "bad failed",
            "bad unmatched",
        ];
        assert_eq!(told, expected);
    }
}
