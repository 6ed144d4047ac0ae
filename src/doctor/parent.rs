//! No watch, and no remote `upstream`: what the fork is a fork of, as far as that is told.

use super::{Finding, Scene, fork, quoted_text};
use crate::{
    config,
    fetch::http::Fetched,
    forge::parent::{self, Parentage},
    git::{self, Git, Location, checked_remote},
    intake::look::{self, Means},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The remote that a fork's clone has.
const FORK: &str = "origin";
/// Bytes of a forge's answer that are taken; they have about 20 kB.
const LONGEST: u64 = 1 << 20;

/// What could be watched, where nothing is.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let (Ok(config), Ok(location)) = (&scene.config, &scene.location) else { return Vec::new() };
    if !config.watches.is_empty() {
        return Vec::new();
    }
    let none = "there is no watch, and no remote `upstream`";
    let broken = |found: &str, fix: &str| vec![Finding::broken("configuration", found).fix(fix)];
    let add = |url: &str| format!("git remote add {} {}", config::IMPLICIT, quoted_text(url));
    let Some(origin) = config.remotes.get(FORK) else { return broken(none, "patch watch add URL") };
    if let Some(url) = on_disk(&scene.git, location, origin) {
        return broken(&format!("{none}; `{FORK}` was made from {url}"), &add(&url));
    }
    match scene.answers.as_ref().and_then(|answers| answers.parentage.as_ref()) {
        Some(Parentage::ForkOf(url)) => {
            broken(&format!("{none}; its forge says that `{FORK}` is a fork of {url}"), &add(url))
        }
        Some(Parentage::Original) => {
            let found = format!("{none}; its forge says that `{FORK}` is no fork: it may be the upstream itself");
            broken(&found, &format!("patch watch add {FORK}"))
        }
        None => broken(none, "patch watch add URL"),
    }
}

/// What the forge of `origin` says; `None` if it says nothing.
pub fn asked(scene: &Scene, means: &Means) -> Option<Parentage> {
    let (Ok(config), Ok(entries)) = (&scene.config, &scene.entries) else { return None };
    let page = parent::page(config.remotes.get(FORK)?)?;
    let shared = config::unconfigured(&config::IMPLICIT.parse().ok()?, entries);
    let limits = look::limits(means, &page, shared.fetch_timeout, LONGEST);
    match look::ask(means, &page, &limits).ok()? {
        Fetched::Document { body, .. } => parent::parentage(&body.read().ok()?, &page),
        Fetched::NotModified => None,
    }
}

/// What a repository on this machine was made from: its own remotes, or the objects that it borrows.
fn on_disk(git: &Git, location: &Location, url: &str) -> Option<String> {
    let path = fork::on_disk(location, url)?;
    let inner = [path.join(".git"), path.clone()].into_iter().find(|path| path.join("config").is_file())?;
    remote_of(git, &path, &inner).or_else(|| lender_of(&inner))
}

fn remote_of(git: &Git, path: &Path, inner: &Path) -> Option<String> {
    let remotes = git::remotes(&git.config_in(&inner.join("config")).ok()?);
    let url = [config::IMPLICIT, FORK].iter().find_map(|name| remotes.get(*name)?.urls.first())?;
    checked_remote(url).ok()?;
    let here = path.join(url.strip_prefix("file://").unwrap_or(url));
    if here.is_dir() { here.canonicalize().ok()?.into_os_string().into_string().ok() } else { Some(url.clone()) }
}

/// gitrepository-layout(5): a clone that shares objects names the directory of those it borrows.
fn lender_of(inner: &Path) -> Option<String> {
    let objects = inner.join("objects");
    let alternates = fs::read_to_string(objects.join("info/alternates")).ok()?;
    let lender: PathBuf = objects.join(alternates.lines().find(|line| !line.starts_with('#'))?).canonicalize().ok()?;
    let lender = lender.parent().filter(|lender| lender.join("HEAD").is_file())?;
    let lender = if lender.ends_with(".git") { lender.parent()? } else { lender };
    lender.to_str().map(str::to_owned)
}
