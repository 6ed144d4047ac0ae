//! The operator's view in words: what waits, the channels, the watches.

use super::{
    Paint, Style,
    table::{hung, table},
    words,
};
use crate::{
    ledger::record::Move,
    overview::{
        Overview,
        channel::{ChannelLine, Holds},
        watch::{DeliveryLine, Stands, WatchLine},
    },
    review::{
        state::ReviewState,
        waiting::{Actor, Waiting, What, ago},
    },
    text::{clipped, printable},
    time::Timestamp,
};
use std::{collections::BTreeMap, time::Duration};

/// What is younger is of this moment.
const JUST_NOW: Duration = Duration::from_secs(5);

/// How many of those who wait for the same are shown.
const SHOWN: usize = 20;

/// How much of a reason is shown, in bytes.
const WHY: usize = 300;

/// How much of a key is shown, in bytes.
const KEY: usize = 40;

/// The view, on a terminal of that width.
#[must_use]
pub fn text(paint: Paint, overview: &Overview, width: Option<u16>, now: Timestamp) -> String {
    let mut parts = vec![waiting(paint, overview, width, now)];
    if !overview.channels.is_empty() {
        let rows = overview.channels.iter().map(|line| channel(line, now)).collect();
        parts.push(table(&["channel", "ref", "rule", "holds", "moved"], rows));
    }
    let rows = overview.watches.iter().map(|line| watch(line, &overview.waiting, now)).collect();
    parts.push(table(&["watch", "looks at", "checked", "newest", "state"], rows));
    parts.join("\n")
}

fn waiting(paint: Paint, overview: &Overview, width: Option<u16>, now: Timestamp) -> String {
    let mut parts = Vec::new();
    if !overview.wants_a_person() {
        parts.push(paint.styled(Style::Good, "nothing waits for a person") + "\n");
    }
    for actor in Actor::ALL {
        let theirs: Vec<&Waiting> = overview.waiting.iter().filter(|waiting| waiting.actor == actor).collect();
        if theirs.is_empty() {
            continue;
        }
        let style = if actor == Actor::Person { Style::Attention } else { Style::Name };
        parts.push(paint.styled(style, &format!("waits for {}:", whom(actor))) + "\n");
        parts.extend(theirs.iter().take(SHOWN).map(|waiting| one(paint, waiting, width, now)));
        if let Some(more) = theirs.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            parts.push(format!("  and {more} more: `patch status --json` has them all\n"));
        }
    }
    parts.concat()
}

fn whom(actor: Actor) -> &'static str {
    match actor {
        Actor::Person => "a person",
        Actor::Forge => "the forge",
        Actor::Machine => "the next poll, or a run",
    }
}

/// What it is, since when, and why; for a person what to do about it on a line below.
fn one(paint: Paint, waiting: &Waiting, width: Option<u16>, now: Timestamp) -> String {
    let head = |paint: Paint| {
        let watch = paint.styled(Style::Name, waiting.watch.as_str());
        let what = paint.styled(style(waiting), state(&waiting.what));
        let since = waiting.since.map(|since| how_long(&waiting.what, now, since)).unwrap_or_default();
        let since = paint.styled(Style::Faint, &since);
        match &waiting.what {
            What::Broken(_) => format!("  {watch} {what}{since}:"),
            _ => format!("  {watch}: {} {what}{since}:", key(&waiting.key)),
        }
    };
    let text = hung(&head(paint), &head(Paint::PLAIN), &cut(&waiting.why, WHY), 4, width);
    let next = waiting.next.as_deref().map(|next| format!("    {next}\n"));
    text + &next.unwrap_or_default()
}

fn style(waiting: &Waiting) -> Style {
    match (&waiting.what, waiting.actor) {
        (What::Broken(_) | What::Signal(ReviewState::Failed), _) => Style::Bad,
        (_, Actor::Person) => Style::Attention,
        _ => Style::Faint,
    }
}

fn state(what: &What) -> &'static str {
    match what {
        What::Signal(state) => words::state_words(*state),
        What::Moved => "was moved",
        What::Broken(_) => "fails",
    }
}

/// What happened is so long ago, and what is goes on for so long.
fn how_long(what: &What, now: Timestamp, since: Timestamp) -> String {
    match what {
        What::Moved | What::Signal(ReviewState::Failed) => format!(" {}", since_when(now, since)),
        _ if now.since(since) < JUST_NOW => String::new(),
        _ => format!(" for {}", ago(now.since(since))),
    }
}

fn channel(line: &ChannelLine, now: Timestamp) -> Vec<String> {
    let reference = line.holds.as_ref().map_or(&line.reference, |holds| &holds.reference);
    let reference = match reference.strip_prefix("refs/tags/") {
        Some(tag) => format!("tag {tag}"),
        None => reference.trim_start_matches("refs/heads/").to_owned(),
    };
    vec![
        line.channel.to_string(),
        printable(&reference),
        line.rule.to_string(),
        line.holds.as_ref().map_or_else(|| "-".to_owned(), held),
        line.holds.as_ref().map_or_else(|| "never".to_owned(), |holds| moved(holds, now)),
    ]
}

fn held(holds: &Holds) -> String {
    let key = holds.key.as_deref().map(|it| format!("{} ", key(it))).unwrap_or_default();
    format!("{key}{}", printable(words::short(&holds.sha)))
}

/// When it was moved, how, and by whom.
fn moved(holds: &Holds, now: Timestamp) -> String {
    let how = match holds.action {
        Move::Promoted => "",
        Move::RolledBack => "rolled back ",
    };
    let by = match &holds.by {
        // The address is for who asks for all of it.
        Some(by) => printable(clipped(by.split(" <").next().unwrap_or(by), 60)),
        None => "its rule".to_owned(),
    };
    format!("{how}{}, by {by}", since_when(now, holds.at))
}

fn watch(line: &WatchLine, waiting: &[Waiting], now: Timestamp) -> Vec<String> {
    vec![
        line.watch.to_string(),
        printable(&line.source),
        line.checked_at.map_or_else(|| "never".to_owned(), |at| since_when(now, at)),
        line.newest.as_ref().map_or_else(|| "-".to_owned(), |newest| key(&newest.key)),
        state_of(line, waiting, now),
    ]
}

/// What a person should know first of a watch, and how much there is of it.
fn state_of(line: &WatchLine, waiting: &[Waiting], now: Timestamp) -> String {
    let mut deliveries: BTreeMap<&str, Vec<&DeliveryLine>> = BTreeMap::new();
    for delivery in &line.deliveries {
        deliveries.entry(delivery.id.as_str()).or_default().push(delivery);
    }
    let mut parts = Vec::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for waiting in waiting.iter().filter(|waiting| waiting.watch == line.watch) {
        match &waiting.what {
            What::Broken(_) => parts.push(match line.failing.polls {
                0 | 1 => "fails".to_owned(),
                polls => format!("fails for {polls} polls"),
            }),
            What::Moved => add(&mut groups, "was moved", None, &waiting.key),
            What::Signal(state) => {
                let theirs = waiting.id.as_deref().and_then(|id| deliveries.get(id)).map(Vec::as_slice);
                let (words, from) = brief(*state, theirs.unwrap_or_default());
                add(&mut groups, words, from, &waiting.key);
            }
        }
    }
    for delivery in line.deliveries.iter().filter(|delivery| delivery.is == Stands::Unclaimed) {
        add(&mut groups, "for a target that the watch no longer has", None, &delivery.key);
    }
    parts.extend(groups.iter().map(|group| group.words(now)));
    if let Some(until) = line.deferred_until {
        parts.push(format!("the host asked to wait {}", ago(until.since(now))));
    }
    if !parts.is_empty() {
        return parts.join("; ");
    }
    if line.primed { "up to date".to_owned() } else { "not polled yet".to_owned() }
}

/// Signals of a watch of which the same is to be said.
struct Group<'a> {
    what: &'static str,
    from: Option<Timestamp>,
    first: &'a str,
    more: usize,
}

impl Group<'_> {
    fn words(&self, now: Timestamp) -> String {
        let when = self.from.map(|at| format!(" in {}", ago(at.since(now)))).unwrap_or_default();
        let more = if self.more == 0 { String::new() } else { format!(" and {} more", self.more) };
        format!("{}{when}: {}{more}", self.what, key(self.first))
    }
}

fn add<'a>(groups: &mut Vec<Group<'a>>, what: &'static str, from: Option<Timestamp>, key: &'a str) {
    match groups.iter_mut().find(|group| group.what == what) {
        Some(group) => group.more += 1,
        None => groups.push(Group { what, from, first: key, more: 0 }),
    }
}

/// A signal's state in short, and from when on it is attempted again.
fn brief(state: ReviewState, deliveries: &[&DeliveryLine]) -> (&'static str, Option<Timestamp>) {
    let has = |is: Stands| deliveries.iter().any(|delivery| delivery.is == is);
    let words = match state {
        ReviewState::Awaiting => "awaits review",
        ReviewState::NeedsIntervention => "needs a person",
        ReviewState::Unacknowledged => "had no answer",
        ReviewState::Failed if has(Stands::GivenUp) => "given up",
        ReviewState::Failed => "waits for a person",
        ReviewState::Dispatched => "with the forge",
        ReviewState::Pending if !has(Stands::Due) && has(Stands::Retrying) => {
            return ("to be tried again", deliveries.iter().filter_map(|delivery| delivery.retry_at).min());
        }
        ReviewState::Pending => "pending",
        ReviewState::Running => "running",
        ReviewState::Completed | ReviewState::Landed | ReviewState::Rejected | ReviewState::Superseded => "done",
    };
    (words, None)
}

/// A key as it fits among others: commits cut short, also behind the tag that was moved there.
fn key(key: &str) -> String {
    match key.rsplit_once('@') {
        Some((tag, sha)) if words::key(sha).len() < sha.len() => {
            format!("{}@{}", cut(&printable(tag), KEY), words::key(sha))
        }
        _ => cut(&words::key(key), KEY),
    }
}

fn cut(text: &str, max: usize) -> String {
    let kept = clipped(text, max);
    if kept.len() < text.trim().len() { format!("{}…", kept.trim_end()) } else { kept.to_owned() }
}

fn since_when(now: Timestamp, at: Timestamp) -> String {
    match now.since(at) {
        since if since < JUST_NOW => "just now".to_owned(),
        since => format!("{} ago", ago(since)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn keys_are_short_enough_to_stand_among_others() {
        #[track_caller]
        fn case(text: &str, expected: &str) {
            assert_eq!(key(text), expected);
        }
        let sha = "0123456789abcdef0123456789abcdef01234567";
        case("v1.2", "v1.2");
        case(sha, "0123456789");
        case(&format!("v1.2@{sha}"), "v1.2@0123456789");
        case("user@host", "user@host");
        case("a\u{1b}b", "a\\u{1b}b");
        case(&"x".repeat(41), &format!("{}…", "x".repeat(40)));
        case(&"ü".repeat(41), &format!("{}…", "ü".repeat(20)));
    }

    #[test]
    fn a_state_goes_on_and_an_event_lies_back() {
        #[track_caller]
        fn case(what: &What, since: &str, expected: &str) {
            assert_eq!(how_long(what, at("2026-01-04T00:00:00Z"), at(since)), expected);
        }
        let awaiting = What::Signal(ReviewState::Awaiting);
        case(&awaiting, "2026-01-01T00:00:00Z", " for 3 days");
        case(&awaiting, "2026-01-03T23:59:56Z", "");
        case(&awaiting, "2026-02-01T00:00:00Z", "");
        case(&What::Moved, "2026-01-03T00:00:00Z", " 24h ago");
        case(&What::Signal(ReviewState::Failed), "2026-01-03T23:59:56Z", " just now");
    }

    fn delivery(is: Stands, retry_at: Option<&str>) -> DeliveryLine {
        let target = crate::watch::Target::Command;
        let (id, key, retry_at) = (String::new(), String::new(), retry_at.map(at));
        DeliveryLine { id, key, target, is, attempt: 1, status: None, retry_at, message: None }
    }

    #[test]
    fn a_signal_is_briefly_what_its_state_and_its_deliveries_are() {
        #[track_caller]
        fn case(state: ReviewState, deliveries: &[DeliveryLine], expected: &str, from: Option<&str>) {
            let deliveries: Vec<&DeliveryLine> = deliveries.iter().collect();
            assert_eq!(brief(state, &deliveries), (expected, from.map(at)));
        }
        let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        let retrying = [delivery(Stands::Retrying, Some(late)), delivery(Stands::Retrying, Some(early))];
        case(ReviewState::Pending, &retrying, "to be tried again", Some(early));
        let both = [delivery(Stands::Due, None), delivery(Stands::Retrying, Some(late))];
        case(ReviewState::Pending, &both, "pending", None);
        case(ReviewState::Failed, &[delivery(Stands::GivenUp, None)], "given up", None);
        case(ReviewState::Failed, &[delivery(Stands::Waiting, None)], "waits for a person", None);
        case(ReviewState::Awaiting, &[delivery(Stands::Waiting, None)], "awaits review", None);
        case(ReviewState::Running, &retrying, "running", None);
    }
}
