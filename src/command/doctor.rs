//! `patch doctor`: what could be wrong, each thing with the command that mends it.

use crate::{
    cli::DoctorArgs,
    doctor::{Finding, Health, Scene, repair},
    outcome::Outcome,
    report::{Report, Style},
    signals,
    time::Timestamp,
    workspace::{Failure, lock_intake_in},
};
use std::{fs, path::Path};

/// Examines, and repairs before if that is asked for.
///
/// # Errors
/// When there is no such directory, or the repair cannot be done.
pub fn run(directory: Option<&Path>, args: &DoctorArgs, report: &Report) -> Result<Outcome, Failure> {
    let now = Timestamp::now();
    let mut scene = Scene::look(directory, now)?;
    if args.repair {
        tell(report, &repaired(&scene, now)?);
        scene = Scene::look(directory, now)?;
    }
    if !args.offline {
        scene.ask(&|done, total| report.progress(done, total));
    }
    if let Some(signal) = signals::interrupted() {
        return Err(Failure::Interrupted(signal));
    }
    let findings = scene.examine();
    tell(report, &findings);
    Ok(Outcome::failed_if(findings.iter().any(|finding| finding.health == Health::Broken)))
}

/// No intake goes on meanwhile: its news is told from what the ledger knew when it began.
fn repaired(scene: &Scene, now: Timestamp) -> Result<Vec<Finding>, Failure> {
    let state = scene.places.as_ref().map(|places| &places.state);
    let Some(state) = state.filter(|state| fs::symlink_metadata(state).is_ok_and(|state| state.is_dir())) else {
        return Ok(Vec::new());
    };
    let _lock = lock_intake_in(state)?;
    repair::repair(scene, state, now)
}

fn tell(report: &Report, findings: &[Finding]) {
    for finding in findings {
        if report.is_json() {
            report.object(finding);
            continue;
        }
        let (check, health) = (finding.check, finding.health);
        let style = match health {
            Health::Ok => Style::Good,
            Health::Warning => Style::Attention,
            Health::Broken => Style::Bad,
        };
        let padding = " ".repeat(8 - health.as_str().len());
        let painted = report.paint().styled(style, health.as_str());
        let mut lines = format!("{painted}{padding}{check}: {}", finding.found);
        if let Some(fix) = &finding.fix {
            lines.push_str("\n        fix: ");
            lines.push_str(fix);
        }
        if health == Health::Ok && check != repair::CHECK { report.told(&lines) } else { report.answer(&lines) }
    }
}
