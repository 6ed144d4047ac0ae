//! `patch status`: what waits and for whom, the channels, and every watch on a line.

use crate::{
    cli::StatusArgs,
    intake::checks_at,
    outcome::Outcome,
    overview::{
        Overview,
        counts::counts,
        line::lines,
        metrics::{self, Figures},
    },
    report::{Report, status, table::width},
    time::Timestamp,
    workspace::{Failure, Workspace},
};
use std::path::Path;

/// Shows all of it, as text, JSON or metrics.
///
/// # Errors
/// When the configuration or the ledger cannot be read.
pub fn run(directory: Option<&Path>, args: &StatusArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    let watches = workspace.watches(&args.names)?;
    let brief = workspace.brief()?;
    let checks = checks_at(&workspace.places.state);
    let now = Timestamp::now();
    let overview = Overview::of(&workspace.config, &watches, &brief, &checks, now);
    // As of `git diff --quiet --exit-code`, the status is then the answer.
    if !(args.exit_code && report.is_quiet()) {
        if args.prometheus {
            let figures = Figures {
                repository: &workspace.places.name(),
                overview: &overview,
                reviews: counts(&watches, &brief, now),
                signals: brief.state().signals,
                ledger: brief.length(),
            };
            report.verbatim(&metrics::text(&figures));
        } else if report.is_json() {
            lines(&overview).for_each(|line| report.object(&line));
        } else {
            report.verbatim(&status::text(report.paint(), &overview, width(), now));
        }
    }
    Ok(if args.exit_code && overview.wants_a_person() { Outcome::PersonWanted } else { Outcome::Done })
}
