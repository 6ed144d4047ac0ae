//! `patch carry`: the patch stack taken to a new upstream point.

use super::handle_signals;
use crate::{
    carry::{
        pick::{Fate, Nobody, Picked, walk::Behind},
        plan::{self, Plan, Point},
        publish,
        report::Report as CarryReport,
        repository::Repository,
        rerere::Rerere,
        resolve::Resolvers,
        resolver::Resolver,
        resume::{self, Decisions, Resumed},
        run::{self, Carried},
        stack::Patch,
        verify,
    },
    cli::CarryArgs,
    config,
    dispatch::{is_failure, result::Status, trigger::event_in},
    event::Event,
    git::GitError,
    outcome::Outcome,
    report::{Report, review},
    text::{self, clipped, printable},
    watch::{Watch, WatchName},
    workspace::{Failure, Workspace},
};
use serde_json::json;
use std::{
    fs::File,
    io::{self, Read},
    path::{self, Path, PathBuf},
    time::Instant,
};

/// The longest event document, in bytes.
const LONGEST: u64 = 10 << 20;

/// Carries.
///
/// # Errors
/// When it cannot be begun, or not be brought to its end.
pub fn run(directory: Option<&Path>, args: &CarryArgs, report: &Report) -> Result<Outcome, Failure> {
    let ended = carry(directory, args, report);
    // Who handed us an event reads the result, not what is said to people.
    if let Err(failure) = &ended
        && args.event.is_some()
        && !report.is_json()
    {
        let message = [Some(failure.to_string()), hint(failure)].into_iter().flatten().collect::<Vec<_>>().join("; ");
        let told = json!({"status": Status::Failed, "message": printable(&message), "artifacts": {}});
        report.answer(&format!("FLOW_RESULT {}", text::json(&told)));
    }
    ended
}

fn hint(failure: &Failure) -> Option<String> {
    match failure {
        Failure::Configuration(mistakes) => mistakes.first().map(ToString::to_string),
        failure => failure.hint(),
    }
}

fn carry(directory: Option<&Path>, args: &CarryArgs, report: &Report) -> Result<Outcome, Failure> {
    let workspace = Workspace::open(directory)?;
    if args.resume {
        let (told, was_asked) = resume(&workspace, directory, args, report).map_err(begun)?;
        let outcome = finish(report, &told, args);
        if was_asked && matches!(told.status, Status::Changed | Status::Skipped) {
            let is_pushed = told.artifacts.candidate_refs.first().is_some_and(|made| made.pushed == Some(true));
            report.talk(if is_pushed {
                "  where it is polled, the next poll sees the candidate"
            } else {
                "  push it to the fork, and the next poll there sees the candidate"
            });
        }
        return Ok(outcome);
    }
    let point = point(&workspace, directory, args)?;
    let watch = watch(&workspace, args.watch.as_ref(), &point)?;
    handle_signals(report);
    let repository = Repository::open(&workspace, watch.timeout)?;
    let told = perform(&workspace, directory, &repository, &watch, point, args, report).map_err(begun)?;
    Ok(finish(report, &told, args))
}

fn perform(
    workspace: &Workspace,
    directory: Option<&Path>,
    repository: &Repository,
    watch: &Watch,
    point: Point,
    args: &CarryArgs,
    report: &Report,
) -> Result<CarryReport, Failure> {
    let mut plan = plan::make(workspace, repository, watch, point, args.stack.as_deref())?;
    plan.landed = args.landed.unwrap_or(plan.landed);
    plan.flatten = args.flatten_merges;
    plan.report = report_file(directory, args)?;
    Run::new(workspace, repository, watch, &plan, args, report).carry(None)
}

/// A failure of Git's in the middle of the work, which is not the user's mistake.
fn begun(failure: Failure) -> Failure {
    match failure {
        Failure::Git(error) => match *error {
            GitError::Interrupted { signal, .. } => Failure::Interrupted(signal),
            error => Failure::Carry(error.to_string(), Some(error.hint().into_owned())),
        },
        failure => failure,
    }
}

/// Goes on from the intervention that is checked out; also tells whether an event asked for what is done now.
fn resume(
    workspace: &Workspace,
    directory: Option<&Path>,
    args: &CarryArgs,
    report: &Report,
) -> Result<(CarryReport, bool), Failure> {
    handle_signals(report);
    let repository = Repository::open(workspace, crate::git::LOCAL)?;
    let found = resume::find(workspace, &repository)?;
    let name = &found.mark.watch;
    let watch = match workspace.config.watches.iter().find(|watch| watch.name == *name) {
        Some(watch) => watch.clone(),
        None => config::unconfigured(name, &workspace.git.config()?),
    };
    let repository = Repository::open(workspace, watch.timeout)?;
    let decisions = Decisions { landed: args.landed, flatten: args.flatten_merges };
    let mut plan = resume::plan(workspace, &repository, &watch, &found, decisions)?;
    plan.report = report_file(directory, args)?;
    let resumed = Resumed::new(&repository, &found)?;
    let told = Run::new(workspace, &repository, &watch, &plan, args, report).carry(Some(resumed))?;
    let was_asked = plan.event.is_some() && told.artifacts.intervention.is_none();
    Ok((told, was_asked))
}

/// Where the report is to be kept, absolute.
fn report_file(directory: Option<&Path>, args: &CarryArgs) -> Result<Option<PathBuf>, Failure> {
    let Some(file) = &args.report else { return Ok(None) };
    let file = directory.unwrap_or(Path::new("")).join(file);
    let absolute = path::absolute(&file).ok().filter(|file| file.file_name().is_some() && !file.is_dir());
    absolute.map(Some).ok_or_else(|| {
        let shown = printable(&file.to_string_lossy());
        Failure::Usage(format!("the report cannot be kept in {shown}"), Some("name a file".to_owned()))
    })
}

/// A run, once it is known what it is to do.
struct Run<'a> {
    workspace: &'a Workspace,
    repository: &'a Repository,
    watch: &'a Watch,
    plan: &'a Plan,
    args: &'a CarryArgs,
    report: &'a Report,
    /// Whether what comes of it is pushed.
    pushes: bool,
    /// When all of it must be over.
    deadline: Instant,
}

impl<'a> Run<'a> {
    fn new(
        workspace: &'a Workspace,
        repository: &'a Repository,
        watch: &'a Watch,
        plan: &'a Plan,
        args: &'a CarryArgs,
        report: &'a Report,
    ) -> Self {
        let pushes = (args.push || watch.push) && !args.dry_run;
        Self { workspace, repository, watch, plan, args, report, pushes, deadline: Instant::now() + watch.timeout }
    }

    fn carry(&self, resumed: Option<Resumed<'a>>) -> Result<CarryReport, Failure> {
        let Self { workspace, repository, plan, args, report, .. } = *self;
        for warning in &plan.warnings {
            report.warning(warning);
        }
        let behind = if args.survey { Behind::Survey } else { Behind::Stop };
        let mut tell = |patch: &Patch, picked: &Picked| report.step(&line(plan, patch, picked));
        if args.dry_run {
            return Ok(run::rehearse(repository, plan, behind, &mut Nobody, &mut tell)?.report);
        }
        if self.pushes {
            publish::check(workspace, self.watch)?;
        }
        workspace.places.create()?;
        let mut resolvers = self.resolvers(resumed);
        let mut carried = run::carry(workspace, repository, plan, behind, &mut resolvers, &mut tell)?;
        resolvers.check_used()?;
        carried.report.artifacts.resolver = resolvers.reports();
        self.verify(&mut carried)?;
        let artifacts = &carried.report.artifacts;
        if carried.is_refused() && (artifacts.used_resolver || artifacts.used_rerere) {
            resolvers.only_a_person();
            let person = run::carry(workspace, repository, plan, behind, &mut resolvers, &mut tell)?;
            // Without one, all of it was decided before the branch that is continued from: it is that candidate again.
            if person.picks.conflict.is_some() {
                carried = carried.left_to(person);
            }
        }
        run::publish(workspace, repository, plan, &mut carried)?;
        if carried.built.is_some() {
            resolvers.record()?;
        }
        run::intervene(workspace, repository, plan, &mut carried)?;
        if self.pushes {
            publish::push(workspace, repository, self.watch, plan, &mut carried, self.deadline)?;
        }
        run::keep_report(workspace, plan, &mut carried.report)?;
        for warning in carried.report.artifacts.warnings.iter().skip(plan.warnings.len()) {
            report.warning(warning);
        }
        Ok(carried.report)
    }

    /// Has the candidate verified, if there is one.
    fn verify(&self, carried: &mut Carried) -> Result<(), Failure> {
        let Some(built) = &carried.built else { return Ok(()) };
        let Self { workspace, repository, watch, plan, deadline, .. } = *self;
        if let Some(first) = watch.verify.first() {
            self.report.step(&format!("verifying {}: `{}` …", built.candidate.short(), printable(&first.join(" "))));
        }
        let checks = verify::verify(workspace, repository, watch, plan, &built.candidate, deadline)?;
        carried.checked(checks);
        Ok(())
    }

    fn resolvers(&self, resumed: Option<Resumed<'a>>) -> Resolvers<'a> {
        let Self { workspace, repository, watch, plan, .. } = *self;
        let rerere = (!self.args.no_rerere).then(|| Rerere::new(workspace, repository, &plan.onto, watch.timeout));
        let words = watch.resolver.as_deref();
        let resolver = words.map(|words| Resolver::new(workspace, repository, plan, words, watch.timeout));
        Resolvers::new(resumed, rerere, resolver)
    }
}

/// Tells what came of it: in words for people, and as one line for whoever started it.
fn finish(report: &Report, told: &CarryReport, args: &CarryArgs) -> Outcome {
    for line in words(told) {
        report.talk(&line);
    }
    if report.is_json() {
        report.object(told);
    } else if args.event.is_some() || !report.answers_a_person() {
        // The words above say it to whoever asked by hand, and a real stack's line fills a screen.
        report.answer(&told.flow_result());
    }
    Outcome::failed_if(is_failure(told.status))
}

fn point(workspace: &Workspace, directory: Option<&Path>, args: &CarryArgs) -> Result<Point, Failure> {
    match (&args.event, &args.onto) {
        (Some(source), _) => Ok(Point::Event(Box::new(event(workspace, directory, source)?))),
        (None, Some(name)) => Ok(Point::Revision(name.clone())),
        (None, None) => Err(Failure::Usage(
            "nothing says where the stack is to be carried".to_owned(),
            Some(
                "name the upstream point, `patch carry --onto v2`, or an event, `patch carry --event FILE`".to_owned(),
            ),
        )),
    }
}

/// The event in a file, on standard input, or in a trigger commit.
fn event(workspace: &Workspace, directory: Option<&Path>, source: &str) -> Result<Event, Failure> {
    let shown = printable(clipped(source, 200));
    let none = |why: &str| {
        Failure::Usage(
            format!("`{shown}` holds no event: {why}"),
            Some("`patch event` prints one, of a signal or of a trigger branch".to_owned()),
        )
    };
    let read = |file: &mut dyn Read| {
        let mut text = String::new();
        file.take(LONGEST).read_to_string(&mut text).map(|_| text)
    };
    let document = if source == "-" {
        Some(read(&mut io::stdin().lock()))
    } else {
        File::open(directory.unwrap_or(Path::new("")).join(source)).ok().map(|mut file| read(&mut file))
    };
    if let Some(document) = document {
        let document = document.map_err(|error| none(&error.to_string()))?;
        return serde_json::from_str(&document).map_err(|error| none(&error.to_string()));
    }
    if source.is_empty() || source.starts_with('-') {
        return Err(none("it is no file and no commit"));
    }
    let args = ["rev-list", "--max-count=1", "--no-commit-header", "--format=%B", "--encoding=UTF-8", source, "--"];
    let repository = Repository::open(workspace, crate::git::LOCAL)?;
    let finished = repository.attempt(&args)?;
    if !finished.exit.is_success() {
        return Err(none("it is no file and no commit"));
    }
    event_in(&finished.stdout.lossy()).ok_or_else(|| none("the commit is no trigger commit"))
}

/// The watch on whose behalf it is carried.
///
/// A forge's runner has a fresh clone without our configuration: there the event says what the watch
/// is called, and the remote `upstream` where to fetch from.
fn watch(workspace: &Workspace, named: Option<&WatchName>, point: &Point) -> Result<Watch, Failure> {
    let of_event = match point {
        Point::Event(event) if named.is_none() => Some(watch_of(event)?),
        _ => None,
    };
    if let Some(name) = of_event.as_ref().or(named) {
        let is_configured = !workspace.config.watches.is_empty() && !workspace.config.implicit;
        if is_configured || !matches!(point, Point::Event(_)) {
            return workspace.watch(name).cloned();
        }
        return Ok(config::unconfigured(name, &workspace.git.config()?));
    }
    only(&workspace.watches(&[])?, "name one with `--watch`")
}

/// The watch, if there is only one.
pub(super) fn only(watches: &[&Watch], hint: &str) -> Result<Watch, Failure> {
    if let [only] = watches {
        return Ok((*only).clone());
    }
    let names: Vec<&str> = watches.iter().map(|watch| watch.name.as_str()).collect();
    Err(Failure::Usage(
        "there are several watches, and each may have a stack of its own".to_owned(),
        Some(format!("{hint}: {}", names.join(", "))),
    ))
}

/// The watch whose signal the event is of.
fn watch_of(event: &Event) -> Result<WatchName, Failure> {
    let inner = event.id.strip_prefix("patch:").and_then(|rest| rest.split_once(':'));
    inner.and_then(|(name, _)| name.parse().ok()).ok_or_else(|| {
        Failure::Usage(
            format!("the event's id is not one of ours: {}", printable(clipped(&event.id, 200))),
            Some("name the watch: `--watch NAME`".to_owned()),
        )
    })
}

/// A patch and what became of it, as it is told while it goes on.
fn line(plan: &Plan, patch: &Patch, picked: &Picked) -> String {
    let (of, subject) = (plan.stack.len(), printable(clipped(&patch.subject, 60)));
    let width = of.to_string().len();
    format!("{:>width$}/{of} {} {subject}: {}", patch.place, patch.commit.short(), review::fate(&picked.fate))
}

/// The report in words: what a person would want to look at.
fn words(told: &CarryReport) -> Vec<String> {
    let artifacts = &told.artifacts;
    let mut lines = vec![printable(&told.message)];
    for patch in &artifacts.patches {
        let is_plain = matches!(patch.fate, Fate::Carried | Fate::Pending { applies: None });
        let upstream = review::upstream(patch);
        if !is_plain || !upstream.is_empty() {
            let subject = printable(clipped(&patch.subject, 60));
            let (sha, fate) = (patch.sha.short(), review::fate(&patch.fate));
            lines.push(format!("  {:>3} {sha} {subject}: {fate}{upstream}", patch.place));
        }
    }
    for file in artifacts.conflicts.iter().flat_map(|conflict| &conflict.files) {
        lines.push(format!("      {}: {}", file.path, file.kind));
        for commit in file.upstream.iter().take(5) {
            let subject = printable(clipped(&commit.subject, 60));
            lines.push(format!("        upstream: {} {subject}", commit.sha.short()));
        }
    }
    for tried in artifacts.resolver.iter().filter(|tried| !tried.accepted) {
        let why = tried.message.as_deref().unwrap_or_default();
        lines.push(format!("      the resolver did not resolve it: {}", printable(clipped(why, 300))));
    }
    if artifacts.used_rerere || artifacts.used_resolver {
        lines.push("  conflicts were resolved without a person: review it before it is promoted".to_owned());
    }
    if let Some(reference) = artifacts.intervention.as_ref().and_then(|it| it.reference.as_deref()) {
        let branch = reference.trim_start_matches("refs/heads/");
        lines.push(format!("  to finish it: `git switch {branch}`, and follow the commit's message"));
    }
    for candidate in &artifacts.candidate_refs {
        let name = candidate.reference.as_deref().unwrap_or_default().trim_start_matches("refs/heads/");
        let sha = candidate.sha.as_deref().unwrap_or_default();
        lines.push(format!("  {} {name}", sha.get(..10).unwrap_or(sha)));
    }
    lines
}
