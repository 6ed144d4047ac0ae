//! `patch watch check`: fetch once, and show what a watch sees and takes. Writes nothing.

use crate::{
    cli::WatchCheckArgs,
    entry::Entry,
    intake::{
        check::{self, Checked},
        look,
    },
    ledger::state::WatchState,
    outcome::Outcome,
    report::{Report, Style, table::table, words},
    text,
    time::Timestamp,
    watch::{EventKind, Watch},
    workspace::{Failure, Workspace},
};
use serde::Serialize;
use std::path::Path;

/// One entry's line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    watch: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    published_at: Option<Timestamp>,
    taken: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    known: bool,
}

/// Checks watches.
///
/// # Errors
/// When the configuration or the ledger cannot be read.
pub fn run(directory: Option<&Path>, args: &WatchCheckArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let watches = workspace.watches(&args.names)?;
    let ledger = workspace.ledger_to_read()?;
    let means = look::Means::new(&workspace, false, Timestamp::now());
    let progress = |done, total| report.progress(done, total);
    let checked = check::all(&workspace, &means, &watches, ledger.state(), &progress);
    let mut failed = false;
    let unknown = WatchState::default();
    for (watch, checked) in watches.iter().zip(checked) {
        let problem = match checked {
            Checked::Deferred(until) => {
                report.warning(&format!("watch `{}`: the host asked not to be asked before {until}", watch.name));
                failed = true;
                continue;
            }
            Checked::Failed(problem) => Some(problem),
            Checked::Seen { look, doubt } => {
                show(report, watch, &look, ledger.state().watches.get(&watch.name).unwrap_or(&unknown));
                doubt
            }
        };
        if let Some(problem) = problem {
            report.problem(watch.name.as_str(), &problem);
            failed = true;
        }
    }
    Ok(Outcome::failed_if(failed))
}

fn show(report: &Report, watch: &Watch, look: &look::Look, known: &WatchState) {
    let sight = &look.sight;
    let lines: Vec<Line<'_>> = sight
        .entries
        .iter()
        .rev()
        .map(|entry| line(watch, look, entry, known))
        .chain(sight.unusable.iter().map(|it| Line {
            watch: watch.name.as_str(),
            key: None,
            tag: None,
            sha: None,
            title: Some(&it.label),
            url: None,
            published_at: None,
            taken: false,
            reason: Some(it.reason.clone()),
            known: false,
        }))
        .collect();
    if report.is_json() {
        for line in &lines {
            report.object(line);
        }
        return;
    }
    let taken = lines.iter().filter(|line| line.taken).count();
    report.answer(&format!(
        "{}: {} at {}, {taken} taken",
        report.paint().styled(Style::Name, watch.name.as_str()),
        words::counted(lines.len(), "entry", "entries"),
        text::printable(&sight.source)
    ));
    if lines.is_empty() {
        return;
    }
    let rows = lines.iter().map(|line| row(line)).collect();
    report.verbatim(&table(&["key", "commit", "published", "verdict", "title"], rows));
}

fn line<'a>(watch: &'a Watch, look: &'a look::Look, entry: &'a Entry, known: &WatchState) -> Line<'a> {
    let passed = match watch.event {
        EventKind::Release => watch.filter.passes_over(&entry.key),
        EventKind::Branch => None,
    };
    let sha = entry.sha.as_deref().or_else(|| Some(look.sight.tags.as_ref()?.get(&entry.key)?.as_str()));
    Line {
        watch: watch.name.as_str(),
        key: Some(&entry.key),
        tag: entry.tag.as_deref(),
        sha,
        title: entry.title.as_deref(),
        url: entry.url.as_deref(),
        published_at: entry.published_at,
        taken: passed.is_none(),
        reason: passed.map(|passed| passed.as_str().to_owned()),
        known: known.known.contains_key(&entry.key),
    }
}

fn row(line: &Line<'_>) -> Vec<String> {
    let verdict = match (&line.reason, line.key, line.known) {
        (Some(reason), None, _) => format!("no identity: {}", text::printable(reason)),
        (Some(reason), _, _) => format!("passed over: {}", text::printable(reason)),
        (None, _, true) => "taken, known".to_owned(),
        (None, _, false) => "taken".to_owned(),
    };
    vec![
        line.key.map(words::key).unwrap_or_default(),
        line.sha.map(|sha| words::short(sha).to_owned()).unwrap_or_default(),
        line.published_at.map(|at| at.to_string().chars().take(10).collect()).unwrap_or_default(),
        verdict,
        line.title.map(|title| text::printable(text::clipped(title, 60))).unwrap_or_default(),
    ]
}
