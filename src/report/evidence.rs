//! What became of a signal, with what that was judged by: for who looks at one signal alone.

use super::{
    Paint, Style,
    words::{self, short},
};
use crate::{
    carry::pick::ResolvedBy,
    ledger::{
        record::{Move, Notice, NoticeReason, Promotion, Review},
        state::key_of,
    },
    review::state::{Evidence, ReviewState, Verdict},
    text::printable,
};

/// A state and its evidence; the ref, the commits and what is known of the candidate on lines below.
#[must_use]
pub fn review(paint: Paint, review: &Review) -> Vec<String> {
    let said = match review.verdict {
        Some(Verdict::Approved) => "is approved",
        _ => words::state_words(review.state),
    };
    let by = review.by.as_deref().map(|by| format!(" by {}", printable(by))).unwrap_or_default();
    let why = match review.evidence {
        Evidence::Person => String::new(),
        evidence => format!(": {}", evidence.words()),
    };
    let message = review.message.as_deref().map(|message| format!(": {}", printable(message))).unwrap_or_default();
    let mut lines = vec![format!("{}{by}{why}{message}", paint.styled(words::state_style(review.state), said))];
    if let (Some(reference), Some(sha)) = (&review.reference, &review.sha) {
        lines.push(format!("{} = {}", printable(reference), printable(sha)));
    }
    if let Some(trigger) = &review.trigger {
        lines.push(format!("trigger {} = {}", printable(&trigger.reference), printable(&trigger.sha)));
    }
    if let Some(commit) = &review.landed_as {
        lines.push(format!("the stack has it as {}", printable(commit)));
    }
    if let Some(by) = &review.superseded_by {
        lines.push(format!("superseded by {}", words::key(key_of(&review.watch, by))));
    }
    if review.state == ReviewState::Awaiting && review.verdict.is_none() {
        lines.extend(candidate(review));
    }
    lines
}

/// How a candidate came about, as far as that is known.
fn candidate(review: &Review) -> Vec<String> {
    let mut lines = Vec::new();
    match (&review.onto, &review.stack) {
        (Some(onto), Some(stack)) => lines.push(format!("carried from {} onto {}", hash(stack), hash(onto))),
        (Some(onto), None) => lines.push(format!("onto {}", hash(onto))),
        _ => {}
    }
    let checks = match review.verified {
        Some(true) => "it passed its checks",
        Some(false) => "it did not pass its checks",
        None => "it is not known to have passed any checks",
    };
    lines.push(checks.to_owned());
    if !review.resolved_by.is_empty() {
        let by: Vec<&str> = review.resolved_by.iter().copied().map(resolver).collect();
        lines.push(format!("conflicts resolved by {}", by.join(" and ")));
    }
    lines
}

fn resolver(by: ResolvedBy) -> &'static str {
    match by {
        ResolvedBy::Rerere => "a recorded resolution",
        ResolvedBy::Resolver => "the watch's resolver",
        ResolvedBy::Hand => "a person",
    }
}

fn hash(sha: &str) -> String {
    printable(short(sha))
}

/// A channel that was moved to the signal's candidate, by whom; its ref on a line below.
#[must_use]
pub fn promotion(paint: Paint, promotion: &Promotion) -> Vec<String> {
    let (verb, style) = match promotion.action {
        Move::Promoted => ("promoted to", Style::Good),
        Move::RolledBack => ("left by a roll-back of", Style::Attention),
    };
    let by = match &promotion.by {
        Some(by) => format!(" by {}", printable(by)),
        None => format!(" by its rule, {}", promotion.rule),
    };
    let reviewed = if promotion.reviewed { ", who says it is reviewed" } else { "" };
    let message = promotion.message.as_deref().map(|message| format!(": {}", printable(message))).unwrap_or_default();
    let from = promotion.from.as_deref().map(|from| format!(", before {}", hash(from))).unwrap_or_default();
    vec![
        format!("{} `{}`{by}{reviewed}{message}", paint.styled(style, verb), promotion.channel),
        format!("{} = {}{from}", printable(&promotion.reference), printable(&promotion.to)),
    ]
}

/// What was told to whoever `patch.notify` tells.
#[must_use]
pub fn notice(notice: &Notice) -> String {
    let why = match notice.reason {
        NoticeReason::Intervention => "it needs a person",
        NoticeReason::Failed => "it failed",
        NoticeReason::Moved => "it was moved",
        NoticeReason::WatchBroken => "the watch fails",
        NoticeReason::Overdue => "it had no answer in time",
    };
    format!("told that {why}: {}", printable(&notice.message))
}
