//! A record in words, for people.

use super::{Paint, Style};
use crate::{
    dispatch::{is_failure, result::Status},
    event::Change,
    ledger::{
        record::{Body, Move, PrimedReason, Promotion, Record, Review, Run, Signal},
        state::key_of,
    },
    review::state::{Evidence, ReviewState, Verdict},
    text,
};

/// The record in one line; `None` for what nobody needs to hear as it happens.
#[must_use]
pub fn line(paint: Paint, record: &Record) -> Option<String> {
    let watch = paint.styled(Style::Name, record.watch()?.as_str());
    let said = match &record.body {
        Body::Primed(primed) => match primed.reason {
            PrimedReason::Commits | PrimedReason::MetAgain => return None,
            _ if primed.entries.is_empty() => "first sight: there is nothing before; whatever comes is news".to_owned(),
            reason => {
                let newest = primed.entries.last().map(|entry| key(&entry.key)).unwrap_or_default();
                let why = if reason == PrimedReason::FirstSight { "first sight" } else { "it looks elsewhere now" };
                let entries = counted(primed.entries.len(), "entry is", "entries are");
                format!("{why}: {entries} known from now on, the newest {newest}")
            }
        },
        Body::Signal(signal) => signal_line(paint, signal),
        Body::Skipped(skipped) if skipped.reason == "superseded" => {
            let by = skipped.by.as_deref().map(|by| key(key_of(&skipped.watch, by))).unwrap_or_default();
            paint.styled(Style::Faint, &format!("{} is superseded by {by}", key(&skipped.key)))
        }
        Body::Run(run) => run_line(paint, run),
        Body::WatchError(error) if error.error.is_none() => paint.styled(Style::Good, "works again"),
        Body::Gap(gap) => paint.styled(Style::Attention, &text::printable(&gap.message)),
        Body::Request(request) => format!("{} is due again", key(key_of(&request.watch, &request.id))),
        Body::Review(review) => review_line(paint, review),
        Body::Promotion(promotion) => promotion_line(paint, promotion),
        Body::Skipped(_) | Body::Notice(_) | Body::Dispatch(_) | Body::WatchError(_) | Body::Unknown => return None,
    };
    Some(format!("{watch}: {said}"))
}

fn signal_line(paint: Paint, signal: &Signal) -> String {
    let name = key(&signal.entry.key);
    let now = signal.entry.sha.as_deref().map(short).unwrap_or_default();
    let before = signal.previous.as_deref().map(short).unwrap_or_default();
    match signal.change {
        Change::New => {
            let about = signal.entry.title.as_deref().filter(|title| *title != name.as_str());
            let about = about
                .map(|title| paint.styled(Style::Faint, &format!(": {}", text::printable(text::clipped(title, 80)))));
            format!("{} is new{}", paint.styled(Style::Good, &name), about.unwrap_or_default())
        }
        Change::Moved => paint
            .styled(Style::Attention, &format!("tag {name} moved from {before} to {now}: was it replaced on purpose?")),
        Change::Rewritten => {
            paint.styled(Style::Attention, &format!("the branch was rewritten: {now} does not descend from {before}"))
        }
        Change::Gone => paint.styled(Style::Attention, &format!("{name} is gone upstream")),
    }
}

fn review_line(paint: Paint, review: &Review) -> String {
    let style = state_style(review.state);
    let said = match (review.verdict, review.state) {
        (Some(Verdict::Approved), _) => "approved".to_owned(),
        (_, state) => state_words(state).to_owned(),
    };
    let by = review.by.as_deref().map(|by| format!(" by {}", text::printable(by))).unwrap_or_default();
    let why = if review.evidence == Evidence::Person {
        review.message.as_deref().map(|message| format!(": {}", text::printable(message))).unwrap_or_default()
    } else {
        format!(": {}", review.evidence.words())
    };
    format!("{} {}{by}{why}", key(key_of(&review.watch, &review.id)), paint.styled(style, &said))
}

/// A state as it stands behind a key.
#[must_use]
pub fn state_words(state: ReviewState) -> &'static str {
    match state {
        ReviewState::Pending => "is pending",
        ReviewState::Dispatched => "is dispatched",
        ReviewState::Running => "is being worked on",
        ReviewState::Unacknowledged => "is unacknowledged",
        ReviewState::Awaiting => "awaits review",
        ReviewState::NeedsIntervention => "needs a person",
        ReviewState::Failed => "failed",
        ReviewState::Completed => "is completed",
        ReviewState::Landed => "landed",
        ReviewState::Rejected => "is rejected",
        ReviewState::Superseded => "is superseded",
    }
}

/// The style of a state.
#[must_use]
pub fn state_style(state: ReviewState) -> Style {
    match state {
        ReviewState::Landed => Style::Good,
        state if state.waits_for_a_person() => Style::Attention,
        _ => Style::Faint,
    }
}

fn promotion_line(paint: Paint, promotion: &Promotion) -> String {
    let what = promotion.id.as_deref().map(|id| key(key_of(&promotion.watch, id)));
    let what = what.unwrap_or_else(|| short(&promotion.to).to_owned());
    let (verb, style) = match promotion.action {
        Move::Promoted => ("is promoted to", Style::Good),
        Move::RolledBack => ("is what is left after a roll-back of", Style::Attention),
    };
    let channel = &promotion.channel;
    // A tag is made, and was nowhere before.
    let from = promotion.from.as_deref().filter(|_| !promotion.reference.starts_with("refs/tags/"));
    let from = from.map(|from| format!(", before {}", short(from))).unwrap_or_default();
    let at = format!("{} = {}{from}", text::printable(&promotion.reference), short(&promotion.to));
    format!("{what} {} `{channel}`: {at}", paint.styled(style, verb))
}

fn run_line(paint: Paint, run: &Run) -> String {
    let message = run.message.as_deref().map(|message| format!(": {}", text::printable(message))).unwrap_or_default();
    let status = paint.styled(style(run.status), &run.status.to_string().replace('_', " "));
    format!("{} -> {}: {status}{message}", key(key_of(&run.watch, &run.id)), run.target)
}

/// The style of a run's status.
#[must_use]
pub fn style(status: Status) -> Style {
    match status {
        status if is_failure(status) => Style::Bad,
        Status::NeedsIntervention => Style::Attention,
        _ => Style::Good,
    }
}

/// A key as it is shown: printable, and a commit cut short.
#[must_use]
pub fn key(key: &str) -> String {
    let is_sha = matches!(key.len(), 40 | 64) && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    text::printable(if is_sha { short(key) } else { text::clipped(key, 100) })
}

/// A number and what it counts.
#[must_use]
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The first ten digits of a commit.
#[must_use]
pub fn short(sha: &str) -> &str {
    sha.get(..10).unwrap_or(sha)
}
