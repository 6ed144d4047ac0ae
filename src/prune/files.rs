//! The logs and reports of a signal, by their names alone.

use super::{
    Fate, Item, Place,
    ended::{Ended, Names},
};

/// The files in `runs/` and `carry/`, as `runs/NAME`, that belong to signals which ended long ago.
#[must_use]
pub fn files(names: &Names<'_>, found: &[String]) -> Vec<Item> {
    found.iter().filter_map(|file| Some(item(owner(names, file)?, file))).collect()
}

fn item(ended: Ended<'_>, file: &str) -> Item {
    Item {
        watch: ended.review.watch.clone(),
        id: Some(ended.id.to_owned()),
        place: Place::State,
        name: file.to_owned(),
        object: String::new(),
        commit: String::new(),
        state: ended.state(),
        at: ended.review.at,
        fate: Fate::Remove,
    }
}

/// `runs/HASH-TARGET-N.log`, `runs/carry-HASH-verify-N.log`, `runs/resolver-HASH-N.log`, `carry/WATCH-KEY.json`.
fn owner<'a>(names: &Names<'a>, file: &str) -> Option<Ended<'a>> {
    let (folder, name) = file.split_once('/')?;
    let stem = |kinds: &[&str]| kinds.iter().find_map(|kind| name.strip_suffix(kind));
    let stem = match folder {
        "carry" => return names.get(&format!("report {}", stem(&[".json", ".range-diff"])?)),
        "runs" => stem(&[".log", ".json", ".range-diff"])?,
        _ => return None,
    };
    let by_hand = stem.strip_prefix("carry-").or_else(|| stem.strip_prefix("resolver-"));
    let (hash, _) = by_hand.unwrap_or(stem).split_once('-')?;
    names.get(&by_hand.map_or(hash.to_owned(), |_| format!("by-hand {hash}")))
}
