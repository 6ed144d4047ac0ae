//! The configuration's keys: what they are called, and whose they are.

use super::mistake::Mistake;
use crate::{git::ConfigEntry, watch::WatchName};

/// A key that this program reads.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "each is the configuration key of its name, described in the manual")]
pub enum Key {
    Feed,
    Remote,
    Event,
    Branch,
    Tags,
    Versions,
    Prerelease,
    Dispatch,
    Command,
    Policy,
    Fork,
    Stack,
    Landed,
    Verify,
    Push,
    CandidateTag,
    Timeout,
    Retries,
    Payload,
    Resolver,
    FetchTimeout,
    BodyLimit,
    Jobs,
    HostJobs,
    Runs,
    PollTimeout,
    StateDir,
    RefPrefix,
    Notify,
    NotifyAfter,
    PruneAfter,
}

/// Keys of `watch.<name>` and, as defaults, of `patch`.
const WATCH_KEYS: [(&str, Key); 22] = [
    ("feed", Key::Feed),
    ("remote", Key::Remote),
    ("event", Key::Event),
    ("branch", Key::Branch),
    ("tags", Key::Tags),
    ("versions", Key::Versions),
    ("prerelease", Key::Prerelease),
    ("dispatch", Key::Dispatch),
    ("command", Key::Command),
    ("policy", Key::Policy),
    ("fork", Key::Fork),
    ("stack", Key::Stack),
    ("landed", Key::Landed),
    ("verify", Key::Verify),
    ("push", Key::Push),
    ("candidateTag", Key::CandidateTag),
    ("timeout", Key::Timeout),
    ("retries", Key::Retries),
    ("payload", Key::Payload),
    ("resolver", Key::Resolver),
    ("fetchTimeout", Key::FetchTimeout),
    ("bodyLimit", Key::BodyLimit),
];

/// Keys of `patch` alone.
const SHARED_KEYS: [(&str, Key); 9] = [
    ("jobs", Key::Jobs),
    ("hostJobs", Key::HostJobs),
    ("runs", Key::Runs),
    ("pollTimeout", Key::PollTimeout),
    ("stateDir", Key::StateDir),
    ("refPrefix", Key::RefPrefix),
    ("notify", Key::Notify),
    ("notifyAfter", Key::NotifyAfter),
    ("pruneAfter", Key::PruneAfter),
];

/// Keys of the design that this version does not have: refused, never silently without effect.
const LATER_KEYS: [(&str, &str); 1] = [("ledgerRemote", "it belongs to a ledger that several machines share")];

impl Key {
    /// Whether the key may be repeated.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(self, Self::Tags | Self::Dispatch | Self::Payload | Self::Verify)
    }
}

/// Whose key an entry of the configuration is: `None` if not ours, a watch's, or everybody's.
///
/// # Errors
/// When the section is ours and the key is not one that we have.
pub fn place(entry: &ConfigEntry) -> Result<Option<(Option<WatchName>, Key)>, Box<Mistake>> {
    let mistake = |problem: &str, hint: Option<&str>| Err(Box::new(Mistake::key(entry, problem, hint)));
    match (entry.section.as_str(), &entry.subsection) {
        ("watch", Some(name)) => match name.parse::<WatchName>() {
            Ok(name) => find(entry, &WATCH_KEYS, &[]).map(|key| Some((Some(name), key))),
            Err(problem) => mistake(&problem, Some("rename the section")),
        },
        ("watch", None) => mistake("a watch needs a name", Some(&format!("write it as `watch.NAME.{}`", entry.name))),
        ("patch", None) => find(entry, &WATCH_KEYS, &SHARED_KEYS).map(|key| Some((None, key))),
        ("patch", Some(_)) => mistake(
            "`patch` has no subsections",
            Some("one watch's keys are `watch.NAME.KEY`, those of all `patch.KEY`"),
        ),
        _ => Ok(None),
    }
}

fn find(entry: &ConfigEntry, keys: &[(&str, Key)], more: &[(&str, Key)]) -> Result<Key, Box<Mistake>> {
    let all = || keys.iter().chain(more);
    if let Some((_, key)) = all().find(|(name, _)| name.eq_ignore_ascii_case(&entry.name)) {
        return Ok(*key);
    }
    if let Some((_, why)) = LATER_KEYS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&entry.name)) {
        let problem = format!("this version does not have it: {why}");
        return Err(Box::new(Mistake::key(entry, &problem, Some("remove it, or use a later version"))));
    }
    if let Some((name, _)) = SHARED_KEYS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&entry.name)) {
        let hint = format!("it is set for all watches together: `patch.{name}`");
        return Err(Box::new(Mistake::key(entry, "there is no such key", Some(&hint))));
    }
    let hint = match nearest(&entry.name, all().map(|(name, _)| *name)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the keys are {}", all().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")),
    };
    Err(Box::new(Mistake::key(entry, "there is no such key", Some(&hint))))
}

/// The key as the manual spells it: Git tells it in lower case.
#[must_use]
pub fn spelled(entry: &ConfigEntry) -> String {
    let names = WATCH_KEYS.iter().chain(&SHARED_KEYS).map(|(name, _)| *name);
    match names.chain(LATER_KEYS.iter().map(|(name, _)| *name)).find(|name| name.eq_ignore_ascii_case(&entry.name)) {
        Some(name) => ConfigEntry { name: name.to_owned(), ..entry.clone() }.key(),
        None => entry.key(),
    }
}

/// The one of `names` that is most like `text`, if any is much like it.
#[must_use]
pub fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_ascii_lowercase();
    names
        .map(|name| (strsim::damerau_levenshtein(&text, &name.to_ascii_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).clamp(1, 3) && *distance < name.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
