//! `patch promote`: a channel moved to a candidate, by a person or by its rule.

use super::{handle_signals, select, sync, tell_notices, word};
use crate::{
    carry::repository::Repository,
    channel::{Channel, Promote},
    cli::PromoteArgs,
    config,
    ledger::{
        Ledger,
        record::{Body, Promotion, Record},
        state::{Seen, State},
    },
    outcome::Outcome,
    promotion::{
        choice::{self, Offer},
        perform::{Mover, Person},
    },
    report::Report,
    review::{forks::Answer, sync::Synced},
    text::{clipped, printable},
    time::Timestamp,
    watch::{Watch, WatchName},
    workspace::{Failure, Workspace},
};
use std::path::Path;

/// The longest text that is recorded, in bytes.
const TEXT: usize = 1000;

/// Promotes, or goes back.
///
/// # Errors
/// When there is nothing that may be promoted, or the fork refuses.
pub fn run(directory: Option<&Path>, args: &PromoteArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let channel = named(&workspace, args)?;
    let watch = workspace.watch(&channel.watch)?;
    let person = Person {
        by: who(&workspace)?,
        message: args.message.as_deref().map(said),
        reviewed: args.reviewed,
        allow_rewind: args.allow_rewind,
    };
    workspace.places.create()?;
    handle_signals(report);
    let _lock = workspace.lock_intake()?;
    let mut ledger = workspace.ledger()?;
    let known = args.candidate.as_ref().and_then(|wanted| known(ledger.state(), wanted));
    // What became of the candidates since the last look decides whether one may be promoted.
    let synced = crate::review::sync::run(&workspace, &[watch], &mut ledger, true, Timestamp::now());
    tell_notices(&mut ledger, report);
    let outcome = sync::tell_all(report, &synced?);
    let repository = Repository::open(&workspace, watch.timeout)?;
    let state = ledger.state();
    let (workspace, repository, dry_run) = (&workspace, &repository, args.dry_run);
    let mover = Mover { workspace, repository, state, channel, watch, person: Some(&person), dry_run };
    let promotion = if args.rollback {
        Some(mover.roll_back()?)
    } else {
        let offer = wanted(state, channel, watch, args)?;
        if args.reviewed {
            word::unchanged(known.as_ref(), Some(offer.seen), offer.review.key(offer.id))?;
        }
        mover.promote(&offer)?
    };
    let Some(promotion) = promotion else {
        report.told(&format!("{}: `{}` is there already", watch.name, channel.name));
        return Ok(outcome);
    };
    let record = Record::new(Timestamp::now(), Body::Promotion(promotion));
    if !args.dry_run {
        ledger.append(std::slice::from_ref(&record))?;
        sync::save(&mut ledger, report);
    }
    report.records(&[record]);
    Ok(outcome)
}

/// Moves every channel of these watches whose rule says so. The caller holds the intake lock.
///
/// # Errors
/// When the ledger cannot be written. What one channel cannot do is told, and the others go on.
pub fn by_rule(
    workspace: &Workspace,
    watches: &[&Watch],
    ledger: &mut Ledger,
    synced: &Synced,
    report: &Report,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::Done;
    for channel in workspace.config.channels.iter().filter(|channel| channel.promote != Promote::Manual) {
        let Some(watch) = watches.iter().copied().find(|watch| watch.name == channel.watch) else { continue };
        // Where the fork gave no answer, that was told.
        if matches!(synced.forks.get(&watch.name), Some(Answer::Problem(_)) | None) {
            continue;
        }
        match by_rule_of(workspace, channel, watch, ledger.state()) {
            Ok(None) => {}
            Ok(Some(promotion)) => {
                let record = Record::new(Timestamp::now(), Body::Promotion(promotion));
                ledger.append(std::slice::from_ref(&record))?;
                report.records(&[record]);
            }
            Err(Failure::Interrupted(signal)) => return Err(Failure::Interrupted(signal)),
            Err(failure) => {
                report.warning(&format!("the channel `{}` is not moved", channel.name));
                report.failure(&failure);
                outcome = Outcome::SomeFailed;
            }
        }
    }
    Ok(outcome)
}

fn by_rule_of(
    workspace: &Workspace,
    channel: &Channel,
    watch: &Watch,
    state: &State,
) -> Result<Option<Promotion>, Failure> {
    let Some(offer) = choice::by_rule(channel, watch, state) else { return Ok(None) };
    let repository = &Repository::open(workspace, watch.timeout)?;
    let mover = Mover { workspace, repository, state, channel, watch, person: None, dry_run: false };
    mover.promote(&offer)
}

fn named<'a>(workspace: &'a Workspace, args: &PromoteArgs) -> Result<&'a Channel, Failure> {
    let channels = &workspace.config.channels;
    channels.iter().find(|channel| channel.name == args.channel).ok_or_else(|| {
        let names: Vec<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
        let hint = match config::key::nearest(args.channel.as_str(), names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => {
                format!("there is none; make one: `git config channel.{}.ref BRANCH`", args.channel)
            }
            None => format!("the channels are {}", names.join(", ")),
        };
        Failure::Usage(format!("there is no channel `{}`", args.channel), Some(hint))
    })
}

/// The candidate that is meant, as it was when it was last recorded.
#[must_use]
pub fn known(state: &State, wanted: &str) -> Option<Seen> {
    let id = select::under_review(state, wanted).ok()?;
    choice::offer(id, state.review(id)?).map(|offer| offer.seen.clone())
}

/// The candidate that is meant, if it may be promoted.
fn wanted<'a>(state: &'a State, channel: &Channel, watch: &Watch, args: &PromoteArgs) -> Result<Offer<'a>, Failure> {
    let Some(wanted) = &args.candidate else {
        return choice::newest(channel, watch, state).ok_or_else(|| {
            let what = format!("no candidate of `{}` may be promoted without a person's word", watch.name);
            let hint = "`patch status` shows which there are; name one, and say `--reviewed` once you have looked";
            Failure::Refused(what, Some(hint.to_owned()))
        });
    };
    let id = select::under_review(state, wanted)?;
    let key = || printable(clipped(wanted, 100));
    let review = state.review(id).ok_or_else(|| select::unknown(wanted))?;
    if review.watch != watch.name {
        return Err(of_another(&key(), &review.watch, channel));
    }
    let offer = choice::offer(id, review).ok_or_else(|| {
        let hint = "`patch show` tells what became of it; without a candidate there is nothing to promote";
        Failure::Refused(format!("`{}` has no candidate", key()), Some(hint.to_owned()))
    })?;
    match choice::refusal(&offer) {
        Some(refusal) if !(args.reviewed && refusal.is_lifted_by_review()) => {
            let hint = if refusal.is_lifted_by_review() {
                format!("look at it: `patch show {0}`; then say `--reviewed`, or `patch approve {0}`", key())
            } else {
                format!("if that was wrong: `patch replay {}` makes it anew", key())
            };
            Err(Failure::Refused(format!("the candidate of `{}` {}", key(), refusal.words()), Some(hint)))
        }
        _ => Ok(offer),
    }
}

fn of_another(key: &str, watch: &WatchName, channel: &Channel) -> Failure {
    let what = format!(
        "`{key}` is of the watch `{watch}`, and the channel `{}` takes those of `{}`",
        channel.name, channel.watch
    );
    Failure::Usage(what, Some("name another candidate, or another channel".to_owned()))
}

/// Who says so, as Git knows whoever works here.
///
/// # Errors
/// When Git does not know.
pub fn who(workspace: &Workspace) -> Result<String, Failure> {
    workspace.git.identity().map(|who| printable(&who)).map_err(|_| {
        Failure::Usage(
            "Git does not know who you are, and that is recorded".to_owned(),
            Some("tell it: `git config user.name NAME` and `git config user.email ADDRESS`".to_owned()),
        )
    })
}

/// A person's text as it is recorded: one line, of no more than 1000 bytes.
#[must_use]
pub fn said(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    clipped(&printable(&words), TEXT).to_owned()
}
