//! A promotion carried out: the push by lease, and what is recorded of it.

use super::{
    choice::Offer,
    forward::{Way, way},
};
use crate::{
    carry::{
        candidate::COMMITTER,
        id::CommitId,
        intervention,
        repository::Repository,
        tag::{Choice, Template},
    },
    channel::{Channel, ChannelRef, Promote},
    dispatch::trigger::inert,
    git::Pushed,
    ledger::{
        record::{Move, Promotion},
        state::{Seen, State},
    },
    refname::component,
    report::words::short,
    review::objects,
    text::printable,
    time::Timestamp,
    watch::Watch,
    workspace::{Failure, Workspace},
};

/// How often the next number is tried when somebody else takes the tag at the same moment.
const TAG_RACES: usize = 5;

/// A person who moves a channel.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Person {
    /// `Name <address>`.
    pub by: String,
    /// What is to be recorded beside it.
    pub message: Option<String>,
    /// Whether the candidate is said to be reviewed.
    pub reviewed: bool,
    /// Whether the channel may go back.
    pub allow_rewind: bool,
}

/// A channel that is to be moved.
#[derive(Debug)]
pub struct Mover<'a> {
    /// The repository.
    pub workspace: &'a Workspace,
    /// Its objects.
    pub repository: &'a Repository,
    /// What the ledger says.
    pub state: &'a State,
    /// The channel.
    pub channel: &'a Channel,
    /// Its watch, whose fork has the channel's ref.
    pub watch: &'a Watch,
    /// Who moves it; `None` for its rule.
    pub person: Option<&'a Person>,
    /// Whether nothing is to be pushed.
    pub dry_run: bool,
}

impl Mover<'_> {
    /// Moves the channel to the candidate, or makes its tag; `None` if it was there, and recorded.
    ///
    /// # Errors
    /// When the candidate must not be promoted, the channel would lose something, or the fork refuses.
    pub fn promote(&self, offer: &Offer<'_>) -> Result<Option<Promotion>, Failure> {
        let candidate = self.candidate(offer)?;
        match &self.channel.reference {
            ChannelRef::Branch(name) => self.move_branch(name, offer),
            ChannelRef::Tag(template) => self.make_tag(template, offer, &candidate),
        }
    }

    /// Moves the channel back to where it was before its last promotion.
    ///
    /// # Errors
    /// When there is nothing to go back to, or the channel was moved by somebody else since.
    pub fn roll_back(&self) -> Result<Promotion, Failure> {
        let channel = &self.channel.name;
        let ChannelRef::Branch(name) = &self.channel.reference else {
            return Err(refused(
                format!("the channel `{channel}` makes tags, which are not taken back"),
                format!("promote another candidate: `patch promote CANDIDATE --channel {channel}`"),
            ));
        };
        let moves = self.state.channels.get(channel);
        let undone = moves.and_then(|moves| moves.to_undo()).filter(|moved| moved.reference == *name);
        let Some((undone, from)) = undone.and_then(|moved| Some((moved, moved.from.as_ref()?))) else {
            let what = match undone {
                Some(_) => format!("the channel `{channel}` was made by the promotion that would be taken back"),
                None => format!("no promotion of the channel `{channel}` is known that could be taken back"),
            };
            let hint = format!("name a candidate: `patch promote CANDIDATE --channel {channel} --allow-rewind`");
            return Err(refused(what, hint));
        };
        self.is_here(from)?;
        if !self.dry_run {
            self.push(name, from, Some(&undone.to))?;
        }
        let before = moves.into_iter().flat_map(|moves| moves.moves.iter().rev()).find(|moved| moved.to == *from);
        Ok(Promotion {
            action: Move::RolledBack,
            id: before.and_then(|moved| moved.id.clone()),
            onto: before.and_then(|moved| moved.onto.clone()),
            from: Some(undone.to.clone()),
            to: from.clone(),
            ..self.promotion(name, None)
        })
    }

    /// The candidate's commit, here and without an intervention in it.
    fn candidate(&self, offer: &Offer<'_>) -> Result<CommitId, Failure> {
        let seen = offer.seen;
        objects::fetch(self.workspace, self.repository, self.watch, [seen]).or_else(|failure| {
            // A candidate that is in this repository alone is no ref of the fork's.
            if self.repository.has(&seen.sha)? { Ok(()) } else { Err(failure) }
        })?;
        let candidate = self.is_here(&seen.sha)?;
        let base = match &offer.review.provenance.onto {
            Some(onto) => objects::commit(self.repository, onto)?,
            None => None,
        };
        let marked = intervention::anywhere(self.repository, base.as_ref(), &candidate)?;
        match marked {
            None => Ok(candidate),
            Some(marked) => Err(refused(
                format!("the candidate {} has an intervention in it, {}", candidate.short(), marked.short()),
                "finish it: `patch carry --continue` on its branch makes a candidate without".to_owned(),
            )),
        }
    }

    fn is_here(&self, sha: &str) -> Result<CommitId, Failure> {
        objects::commit(self.repository, sha)?.ok_or_else(|| {
            refused(
                format!("the commit {} is not in this repository", short(sha)),
                format!("fetch it: `git fetch {} {sha}`", printable(&self.watch.fork)),
            )
        })
    }

    fn move_branch(&self, name: &str, offer: &Offer<'_>) -> Result<Option<Promotion>, Failure> {
        let there = self.workspace.git.ls_remote(&self.watch.fork, &["HEAD", name], self.watch.fetch_timeout)?;
        let branch = printable(name.trim_start_matches("refs/heads/"));
        if there.head.as_deref() == Some(name) && self.watch.stack.is_none() {
            return Err(refused(
                format!("`{branch}` is the branch of the fork's HEAD, which holds the patches"),
                format!("name another one: `git config channel.{}.ref BRANCH`", self.channel.name),
            ));
        }
        let current = there.refs.get(name).map(|there| there.sha.clone());
        if let Some(current) = &current {
            let seen = Seen { reference: name.to_owned(), sha: current.clone() };
            objects::fetch(self.workspace, self.repository, self.watch, [&seen])?;
            match way(&self.workspace.git, self.watch, self.state, current, offer)? {
                Way::Nowhere => return Ok(self.found_there(name, offer)),
                Way::Forward => {}
                Way::Back { .. } if self.person.is_some_and(|person| person.allow_rewind) => {}
                Way::Back { lost } => {
                    let what = format!("the channel `{}` would lose something: {lost}", self.channel.name);
                    return Err(refused(what, "if that is meant, say `--allow-rewind`".to_owned()));
                }
            }
        }
        if !self.dry_run {
            self.push(name, &offer.seen.sha, current.as_deref())?;
            self.keep(current.as_deref())?;
        }
        Ok(Some(Promotion { from: current, ..self.promotion(name, Some(offer)) }))
    }

    /// The channel is at the candidate: recorded, unless it was. Whoever moved it may have been killed before.
    fn found_there(&self, name: &str, offer: &Offer<'_>) -> Option<Promotion> {
        let last = self.state.channels.get(&self.channel.name).and_then(|channel| channel.last());
        if last.is_some_and(|last| last.to == offer.seen.sha && last.reference == name) {
            return None;
        }
        Some(Promotion { from: last.map(|last| last.to.clone()), ..self.promotion(name, Some(offer)) })
    }

    fn make_tag(
        &self,
        template: &Template,
        offer: &Offer<'_>,
        candidate: &CommitId,
    ) -> Result<Option<Promotion>, Failure> {
        let key = offer.review.key(offer.id);
        let series = template.series(key).map_err(|reason| {
            let what = format!("`{}` cannot be tagged as `{template}`: {}", printable(key), printable(&reason));
            refused(what, format!("set another `channel.{}.ref`", self.channel.name))
        })?;
        let (git, fork) = (&self.workspace.git, &self.watch.fork);
        let last = self.state.channels.get(&self.channel.name).and_then(|channel| channel.last());
        let from = last.map(|last| last.to.clone());
        for _ in 0..TAG_RACES {
            let there = git.ls_remote(fork, &["refs/tags/*"], self.watch.fetch_timeout)?;
            let tags = there.refs.iter().filter_map(|(name, at)| Some((name.strip_prefix("refs/tags/")?, at.commit())));
            let name = match series.choose(tags, candidate.as_str()) {
                Choice::There(name) => return Ok(self.found_there(&format!("refs/tags/{name}"), offer)),
                Choice::Next(name) => name,
            };
            let full = format!("refs/tags/{name}");
            if !self.dry_run {
                let object = self.tag_object(&name, offer)?;
                match git.push_new(fork, &object, &full, self.watch.fetch_timeout)? {
                    // Another machine took the number.
                    Pushed::Exists => continue,
                    Pushed::Rejected { reason } => return Err(self.rejected(&full, &reason)),
                    Pushed::Created | Pushed::Moved | Pushed::Removed | Pushed::AlreadyThere => {}
                }
            }
            return Ok(Some(Promotion { from, ..self.promotion(&full, Some(offer)) }));
        }
        Err(refused("others took one number after the other".to_owned(), "try again".to_owned()))
    }

    /// An annotated tag, as releases have them.
    fn tag_object(&self, name: &str, offer: &Offer<'_>) -> Result<String, Failure> {
        let by = self.person.map_or(COMMITTER, |person| person.by.as_str());
        let message = self.person.and_then(|person| person.message.as_deref());
        let message = message.map(|message| format!("{}\n\n", inert(message))).unwrap_or_default();
        let content = format!(
            "object {}\ntype commit\ntag {name}\ntagger {} {} +0000\n\n{} in the channel `{}`\n\n{message}Patch-Event: \
             {}\nPatch-Watch: {}\nPatch-Channel: {}\n",
            offer.seen.sha,
            printable(by),
            Timestamp::now().seconds(),
            inert(offer.review.key(offer.id)),
            self.channel.name,
            inert(offer.id),
            self.watch.name,
            self.channel.name
        );
        let made = self.repository.answer(&["mktag"], content.as_bytes())?;
        Ok(String::from_utf8_lossy(&made).trim_end().to_owned())
    }

    fn push(&self, name: &str, sha: &str, expected: Option<&str>) -> Result<(), Failure> {
        let pushed = self.workspace.git.push_leased(&self.watch.fork, sha, name, expected, self.watch.fetch_timeout)?;
        match pushed {
            Pushed::Created | Pushed::Moved | Pushed::AlreadyThere | Pushed::Removed => Ok(()),
            Pushed::Exists => Err(refused(
                format!("`{}` is not where it was left: somebody else moved it", printable(name)),
                "look at it, and try again; nothing was moved".to_owned(),
            )),
            Pushed::Rejected { reason } => Err(self.rejected(name, &reason)),
        }
    }

    fn rejected(&self, name: &str, reason: &str) -> Failure {
        let fork = printable(&self.watch.fork);
        let what = format!("the fork `{fork}` refused {}: {}", printable(name), printable(reason));
        refused(what, "let it be pushed there, and try again; nothing was moved".to_owned())
    }

    /// Keeps the commit that the channel leaves, so that there is something to go back to.
    fn keep(&self, from: Option<&str>) -> Result<(), Failure> {
        if let Some(from) = from {
            let name = format!("{}{from}", left_behind(self.channel));
            self.repository.output(&["update-ref", "--no-deref", &name, from])?;
        }
        Ok(())
    }

    fn promotion(&self, reference: &str, offer: Option<&Offer<'_>>) -> Promotion {
        let person = self.person;
        Promotion {
            watch: self.watch.name.clone(),
            channel: self.channel.name.clone(),
            action: Move::Promoted,
            id: offer.map(|offer| offer.id.to_owned()),
            rule: if person.is_some() { Promote::Manual } else { self.channel.promote },
            remote: self.watch.fork.clone(),
            reference: reference.to_owned(),
            from: None,
            to: offer.map(|offer| offer.seen.sha.clone()).unwrap_or_default(),
            onto: offer.and_then(|offer| offer.review.provenance.onto.clone()),
            reviewed: person.is_some_and(|person| person.reviewed),
            by: person.map(|person| person.by.clone()),
            message: person.and_then(|person| person.message.clone()),
        }
    }
}

/// Where the commits are kept that a channel has left.
#[must_use]
pub fn left_behind(channel: &Channel) -> String {
    format!("refs/patch-moi/channel/{}/", component(channel.name.as_str()))
}

fn refused(what: String, hint: String) -> Failure {
    Failure::Refused(what, Some(hint))
}
