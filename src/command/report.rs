//! `patch report`: all that is known, as a page for a browser.

use super::show;
use crate::{
    carry::report::Report as CarryReport,
    cli::ReportArgs,
    forge,
    intake::checks_at,
    ledger::record::Run,
    outcome::Outcome,
    page::{self, Sources, carry::Carry, html, timeline::Picker},
    private,
    report::{Report, words::counted},
    review::waiting::waiting,
    text,
    time::Timestamp,
    workspace::{Failure, Workspace},
};
use serde::Serialize;
use std::{
    fs::{self, File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Bytes of a range-diff that are read: more than the page shows of one.
const RANGE_DIFF: u64 = 1 << 20;

/// What was written: the line of the JSON answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    /// The file.
    path: String,
    /// How long it is.
    bytes: usize,
    /// How many signals it shows.
    signals: usize,
    /// How many older ones it does not.
    left_out: u64,
    /// How many things wait for a person.
    waiting: usize,
}

/// Writes the page.
///
/// # Errors
/// When the configuration or the ledger cannot be read, or the file cannot be written.
pub fn run(directory: Option<&Path>, args: &ReportArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let output = directory.unwrap_or(Path::new("")).join(&args.output);
    let path = output.join("index.html");
    // Asked first: the ledger may be long.
    may_write(&path, args.force)?;
    let ledger = workspace.ledger_to_read()?;
    let now = Timestamp::now();
    let state_dir = &workspace.places.state;
    let checks = checks_at(state_dir);
    let failing = checks.iter().map(|(name, check)| (name.clone(), check.failing)).collect();
    let waiting = waiting(&workspace.config, ledger.state(), &failing, now);
    let ids: Vec<&str> = waiting.iter().filter_map(|waits| waits.id.as_deref()).collect();
    let mut picker = Picker::new(ledger.state(), &ids, args.limit);
    ledger.each(|record| picker.take(record))?;
    let timeline = picker.timeline();
    let sources = Sources {
        name: &name(&workspace),
        config: &workspace.config,
        state: ledger.state(),
        timeline: &timeline,
        checks: &checks,
        waiting: &waiting,
        now,
    };
    let page = page::page(&sources, |run| carried(state_dir, run));
    let document = html::document(&page);
    write(&output, &path, document.as_bytes()).map_err(|error| unwritable(&path, &error))?;
    let shown = text::printable(&path.to_string_lossy());
    if report.is_json() {
        report.object(&Written {
            path: path.to_string_lossy().into_owned(),
            bytes: document.len(),
            signals: page.signals.len(),
            left_out: page.left_out,
            waiting: page.waits.person.len(),
        });
    } else {
        report.told(&format!("{shown} shows {}", counted(page.signals.len(), "signal", "signals")));
    }
    Ok(Outcome::Done)
}

/// What people call the repository: as its forge does, or else as its directory is called.
fn name(workspace: &Workspace) -> String {
    let origin = workspace.config.remotes.get("origin").and_then(|url| forge::repository_of_remote(url));
    let of_forge = origin.map(|repository| repository.full_name()).filter(|name| !name.is_empty());
    of_forge.unwrap_or_else(|| {
        let directory = workspace.work_dir();
        directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    })
}

/// What a run left of a carry: its report, and the range-diff beside that.
fn carried(state: &Path, run: &Run) -> Option<Carry> {
    let report: CarryReport = show::carried(state, run)?;
    let file = state.join(run.report.as_deref()?).with_extension("range-diff");
    let mut text = Vec::new();
    let read = private::open_read(&file).ok().flatten().map(|file| file.take(RANGE_DIFF).read_to_end(&mut text));
    let range_diff = matches!(read, Some(Ok(_))).then(|| String::from_utf8_lossy(&text));
    Some(Carry::of(&report, range_diff.as_deref()))
}

/// Refuses to replace what somebody else put there.
fn may_write(path: &Path, force: bool) -> Result<(), Failure> {
    let mut begin = Vec::new();
    let read = File::open(path).and_then(|file| file.take(1024).read_to_end(&mut begin));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(_) if force || html::is_ours(&begin) => Ok(()),
        Err(_) if force => Ok(()),
        _ => {
            let path = text::printable(&path.to_string_lossy());
            let hint = "name another directory: `patch report -o DIR`; `--force` replaces the file";
            Err(Failure::Usage(format!("{path} is not a page of ours"), Some(hint.to_owned())))
        }
    }
}

/// Puts the page in its place at once, readable as the umask has it: it is there to be published.
fn write(directory: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let permissions = Permissions::from_mode(0o666);
    let mut builder = tempfile::Builder::new();
    let mut file = builder.prefix(".index.html.").permissions(permissions).tempfile_in(directory)?;
    file.write_all(content)?;
    file.persist(path)?;
    Ok(())
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let path: PathBuf = path.to_owned();
    let hint = "make room, or name a directory that can be written: `patch report -o DIR`";
    let message = format!("cannot write {}: {error}", text::printable(&path.to_string_lossy()));
    Failure::Carry(message, Some(hint.to_owned()))
}
