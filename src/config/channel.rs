//! `channel.<name>.*`: the refs that consumers follow.

use super::{key::nearest, mistake::Mistake, text, value};
use crate::{
    channel::{Channel, ChannelName, ChannelRef},
    config::key::Key,
    git::ConfigEntry,
    watch::{Watch, WatchName},
};
use std::collections::BTreeMap;

/// The keys of a channel.
const KEYS: [&str; 3] = ["ref", "watch", "promote"];

/// The values of one channel's section by key: of each the last.
type Section<'a> = BTreeMap<&'static str, &'a ConfigEntry>;

/// The channels of a configuration, by name; what is wrong is added to `mistakes`.
pub(super) fn read(
    entries: &[ConfigEntry],
    watches: &[Watch],
    defined: &[WatchName],
    prefix: &str,
    mistakes: &mut Vec<Mistake>,
) -> Vec<Channel> {
    let mut sections: BTreeMap<ChannelName, Section<'_>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.section == "channel") {
        match place(entry) {
            Ok((name, key)) => drop(sections.entry(name).or_default().insert(key, entry)),
            Err(mistake) => mistakes.push(*mistake),
        }
    }
    let mut channels: Vec<Channel> = Vec::new();
    for (name, section) in &sections {
        let channel = channel(name, section, defined, mistakes);
        let Some(channel) = channel else { continue };
        let watch = watches.iter().find(|watch| watch.name == channel.watch);
        if let Some(problem) = contradiction(&channel, watch, watches, &channels, prefix)
            && let Some(entry) = section.get("ref")
        {
            mistakes.push(Mistake::value(entry, problem));
            continue;
        }
        channels.push(channel);
    }
    channels
}

fn place(entry: &ConfigEntry) -> Result<(ChannelName, &'static str), Box<Mistake>> {
    let mistake = |problem: &str, hint: &str| Err(Box::new(Mistake::key(entry, problem, Some(hint))));
    let Some(name) = &entry.subsection else {
        return mistake("a channel needs a name", &format!("write it as `channel.NAME.{}`", entry.name));
    };
    let name: ChannelName = match name.parse() {
        Ok(name) => name,
        Err(problem) => return mistake(&problem, "rename the section"),
    };
    match KEYS.into_iter().find(|key| key.eq_ignore_ascii_case(&entry.name)) {
        Some(key) => Ok((name, key)),
        None => mistake(
            "there is no such key",
            &nearest(&entry.name, KEYS.into_iter())
                .map_or(format!("the keys are {}", KEYS.join(", ")), |near| format!("did you mean `{near}`?")),
        ),
    }
}

fn channel(
    name: &ChannelName,
    section: &Section<'_>,
    defined: &[WatchName],
    mistakes: &mut Vec<Mistake>,
) -> Option<Channel> {
    let origin = section.values().next().copied()?;
    let reference = get(section, "ref", mistakes, reference);
    let watch = get(section, "watch", mistakes, |text| watch_named(text, defined));
    let promote = get(section, "promote", mistakes, value::promote).unwrap_or_default();
    if !section.contains_key("ref") {
        let hint = format!("set it: `git config channel.{name}.ref BRANCH`");
        mistakes.push(Mistake::key(origin, &format!("the channel `{name}` has no ref"), Some(&hint)));
    }
    let watch = match (section.contains_key("watch"), defined) {
        (true, _) => watch?,
        (false, [only]) => only.clone(),
        (false, []) => {
            let hint = "make one: `patch watch add URL --dispatch carry`";
            mistakes.push(Mistake::key(origin, "there is no watch whose candidates it could take", Some(hint)));
            return None;
        }
        (false, several) => {
            let names: Vec<&str> = several.iter().map(WatchName::as_str).collect();
            let problem = format!("the channel `{name}` does not say whose candidates it takes");
            let hint = format!("set `channel.{name}.watch` to one of {}", names.join(", "));
            mistakes.push(Mistake::key(origin, &problem, Some(&hint)));
            return None;
        }
    };
    Some(Channel { name: name.clone(), watch, reference: reference?, promote })
}

fn get<T>(
    section: &Section<'_>,
    key: &str,
    mistakes: &mut Vec<Mistake>,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    let entry = section.get(key)?;
    // No key of a channel is true without a value.
    let read = text(Key::Feed, entry).and_then(read);
    read.map_err(|problem| mistakes.push(Mistake::value(entry, problem))).ok()
}

fn watch_named(text: &str, defined: &[WatchName]) -> Result<WatchName, String> {
    if let Some(name) = defined.iter().find(|name| name.as_str() == text) {
        return Ok(name.clone());
    }
    let names = || defined.iter().map(WatchName::as_str);
    Err(match nearest(text, names()) {
        Some(near) => format!("there is no such watch; did you mean `{near}`?"),
        None => format!("there is no such watch; there are {}", names().collect::<Vec<_>>().join(", ")),
    })
}

/// A branch by its short or full name, or a template below `refs/tags/`.
fn reference(text: &str) -> Result<ChannelRef, String> {
    if let Some(template) = text.strip_prefix("refs/tags/") {
        return template.parse().map(ChannelRef::Tag);
    }
    if text.contains('{') {
        return Err("a template is a tag's; write it as `refs/tags/{tag}-name.{n}`".to_owned());
    }
    if text.starts_with("refs/") && !text.starts_with("refs/heads/") {
        return Err("a channel is a branch, or a tag below `refs/tags/`".to_owned());
    }
    value::branch(text).map(|branch| ChannelRef::Branch(format!("refs/heads/{branch}")))
}

/// Why the channel's ref cannot be what it is, beside the watch's own refs and the channels before it.
fn contradiction(
    channel: &Channel,
    watch: Option<&Watch>,
    watches: &[Watch],
    before: &[Channel],
    prefix: &str,
) -> Option<String> {
    let fork = |name: &WatchName| watches.iter().find(|watch| watch.name == *name).map(|watch| &watch.fork);
    let same = |other: &&Channel| other.reference == channel.reference && fork(&other.watch) == fork(&channel.watch);
    if let Some(other) = before.iter().find(same) {
        return Some(format!("the channel `{}` has the same ref; each needs its own", other.name));
    }
    let ChannelRef::Branch(full) = &channel.reference else { return None };
    let branch = full.trim_start_matches("refs/heads/");
    if !prefix.is_empty() && format!("{branch}/").to_ascii_lowercase().starts_with(&prefix.to_ascii_lowercase()) {
        return Some(format!("below `{prefix}` are our own branches; a channel has a name of its own"));
    }
    let stack = watch?.stack.as_deref()?;
    let is_stack = match stack.strip_suffix('*') {
        Some(below) => branch.starts_with(below),
        None => branch == stack.trim_start_matches("refs/heads/"),
    };
    is_stack.then(|| format!("`{stack}` holds the patches; a promotion would move it, so name another branch"))
}
