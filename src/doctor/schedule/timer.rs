//! Timers of systemd, from the unit files: systemd.unit(5), systemd.timer(5).
//!
//! Files are read and nobody is asked: there may be no bus, and no systemd, where `patch doctor` runs.

use super::{
    Home, Kind, Schedule,
    command::{Polled, polled},
    interval,
    workflow::text_of,
};
use directories::BaseDirs;
use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// A folder of units.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Folder {
    path: PathBuf,
    /// Whether `systemctl` is told `--user`.
    is_users: bool,
}

/// Where a person puts units; `unit_path` is `SYSTEMD_UNIT_PATH`, which takes the place of all of them.
pub fn folders(dirs: &BaseDirs, unit_path: Option<&OsStr>) -> Vec<Folder> {
    if let Some(paths) = unit_path.filter(|paths| !paths.is_empty()) {
        let paths = env::split_paths(paths).filter(|path| !path.as_os_str().is_empty());
        return paths.map(|path| Folder { is_users: path.starts_with(dirs.home_dir()), path }).collect();
    }
    let users = [dirs.config_dir(), Path::new("/etc"), dirs.data_dir()];
    let users = users.map(|path| Folder { path: path.join("systemd/user"), is_users: true });
    let systems = ["/etc/systemd/system", "/usr/local/lib/systemd/system"];
    let systems = systems.map(|path| Folder { path: path.into(), is_users: false });
    users.into_iter().chain(systems).collect()
}

/// The timers whose service polls this repository.
pub fn schedules(home: &Home, folders: &[Folder]) -> Vec<Schedule> {
    let mut found = Vec::new();
    for folder in folders {
        let names = names(&folder.path);
        let wanted: Vec<String> = wants(&folder.path);
        for name in names.iter().filter(|name| ends(name, &["timer"])) {
            let Some(timer) = text_of(&folder.path.join(name)) else { continue };
            let service = values(&timer, "Unit").last().map_or_else(|| service_of(name), |unit| (*unit).to_owned());
            let Some(service) = text_of(&folder.path.join(service)) else { continue };
            found.extend(of_timer(home, folder, name, &timer, &service, &wanted));
        }
    }
    found
}

fn service_of(timer: &str) -> String {
    format!("{}.service", timer.trim_end_matches(".timer"))
}

/// The schedule that a timer is; of a template, the instance that is this repository's.
fn of_timer(
    home: &Home,
    folder: &Folder,
    name: &str,
    timer: &str,
    service: &str,
    wanted: &[String],
) -> Option<Schedule> {
    let commands: Vec<Polled> = values(service, "ExecStart").into_iter().filter_map(polled).collect();
    let named = commands.iter().find_map(|polled| match polled {
        Polled::In(directory) => Some(directory.clone()),
        Polled::Somewhere => None,
    });
    commands.first()?;
    let directory = named.or_else(|| values(service, "WorkingDirectory").last().map(|it| (*it).to_owned()));
    let systemctl = if folder.is_users { "systemctl --user" } else { "sudo systemctl" };
    let schedule = |unit: &str| {
        let kind = if wanted.iter().any(|wanted| wanted == unit) {
            Kind::Here { every: every(timer), look: format!("{systemctl} status {unit} {}", service_of(unit)) }
        } else {
            Kind::Idle(format!("{systemctl} enable --now {unit}"))
        };
        Schedule { place: unit.to_owned(), kind }
    };
    let Some((template, _)) = name.split_once("@.") else {
        let is_other = directory.is_some_and(|directory| !home.holds(&home.path(directory.trim_start_matches('-'))));
        return (!is_other).then(|| schedule(name));
    };
    let unit = |instance: &str| format!("{template}@{instance}.timer");
    let directory = directory?;
    let path = |instance: &str| home.path(&directory.replace("%i", instance).replace("%I", &unescaped(instance)));
    let instances =
        wanted.iter().filter_map(|wanted| wanted.strip_prefix(template)?.strip_prefix('@')?.strip_suffix(".timer"));
    let enabled =
        instances.filter(|instance| home.holds(&path(instance))).map(|instance| schedule(&unit(instance))).next();
    enabled.or_else(|| {
        let (before, after) = directory.split_once("%i")?;
        let instance = home.paths.iter().find_map(|own| own.to_str()?.strip_prefix(before)?.strip_suffix(after))?;
        (!instance.is_empty() && !instance.contains(['/', '-'])).then(|| schedule(&unit(instance)))
    })
}

/// How often a timer runs at least.
fn every(timer: &str) -> Option<Duration> {
    let calendars = values(timer, "OnCalendar").into_iter().map(interval::of_calendar);
    let spans = ["OnUnitActiveSec", "OnUnitInactiveSec"].iter().flat_map(|key| values(timer, key));
    let all: Option<Vec<Duration>> = calendars.chain(spans.map(interval::of_span)).collect();
    all?.into_iter().min()
}

/// The values of a key, in their order; an empty one forgets those before it.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let mut values = Vec::new();
    for line in unit.lines() {
        let Some((name, value)) = line.split_once('=') else { continue };
        if name.trim() != key {
            continue;
        }
        match value.trim() {
            "" => values.clear(),
            value => values.push(value),
        }
    }
    values
}

/// `%I` of an instance: `-` is `/`, and `\x2d` is `-`.
fn unescaped(instance: &str) -> String {
    instance.replace('-', "/").replace("\\x2d", "-")
}

/// What is switched on: the links in `*.wants` and `*.requires`.
fn wants(folder: &Path) -> Vec<String> {
    let targets = names(folder).into_iter().filter(|name| ends(name, &["wants", "requires"]));
    targets.flat_map(|target| names(&folder.join(target))).collect()
}

fn ends(name: &str, kinds: &[&str]) -> bool {
    name.rsplit_once('.').is_some_and(|(_, kind)| kinds.contains(&kind))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMER: &str = "[Timer]\nOnCalendar=*:0/30\n";

    fn home(root: &Path) -> Home {
        Home { paths: vec![root.to_owned()], user: root.parent().unwrap().to_owned() }
    }

    #[test]
    fn a_timer_is_ours_if_its_service_polls_here() {
        #[track_caller]
        fn case(root: &Path, unit: &str, service: &str, wanted: &[&str], expected: Option<&str>) {
            let folder = Folder { path: "/units".into(), is_users: true };
            let wanted: Vec<String> = wanted.iter().map(|it| (*it).to_owned()).collect();
            let found = of_timer(&home(root), &folder, unit, TIMER, service, &wanted);
            let told = found.map(|it| match it.kind {
                Kind::Here { every, .. } => format!("{} every {} s", it.place, every.unwrap().as_secs()),
                Kind::Idle(fix) => fix,
                Kind::Elsewhere => "elsewhere".to_owned(),
            });
            assert_eq!(told.as_deref(), expected, "{service}");
        }
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().canonicalize().unwrap().join("widget");
        fs::create_dir_all(root.join("below")).unwrap();
        fs::create_dir_all(root.with_file_name("other")).unwrap();
        let above = root.parent().unwrap().to_str().unwrap();
        let polls = |directory: &str| format!("WorkingDirectory={directory}\nExecStart=/usr/local/bin/patch poll\n");
        let own = polls(&format!("{above}/widget"));
        case(&root, "p.timer", &own, &["p.timer"], Some("p.timer every 1800 s"));
        case(&root, "p.timer", &own, &["q.timer"], Some("systemctl --user enable --now p.timer"));
        case(&root, "p.timer", &polls("%h/widget/below"), &["p.timer"], Some("p.timer every 1800 s"));
        case(&root, "p.timer", &polls(&format!("{above}/other")), &["p.timer"], None);
        case(&root, "p.timer", "ExecStart=/usr/local/bin/patch -C %h/other poll\n", &["p.timer"], None);
        case(&root, "p.timer", "ExecStart=/usr/local/bin/patch poll\n", &["p.timer"], Some("p.timer every 1800 s"));
        case(&root, "p.timer", "ExecStart=/bin/true\n", &["p.timer"], None);
        let template = polls(&format!("{above}/%i"));
        case(&root, "p@.timer", &template, &["p@other.timer", "p@widget.timer"], Some("p@widget.timer every 1800 s"));
        case(&root, "p@.timer", &template, &["p@other.timer"], Some("systemctl --user enable --now p@widget.timer"));
        case(&root, "p@.timer", &polls("/srv/%i"), &["p@x.timer"], None);
    }

    #[test]
    fn values_are_read_as_systemd_reads_them() {
        assert_eq!(values("A=1\nA=\n A = 2 \nAB=3\n#A=4\nA=5", "A"), ["2", "5"]);
        assert_eq!(every("OnCalendar=daily\nOnUnitActiveSec=1h\n").unwrap().as_secs(), 3600);
        assert_eq!(every("OnBootSec=1h\n"), None);
        assert_eq!(every("OnCalendar=now and then\nOnUnitActiveSec=1h\n"), None);
        assert_eq!(unescaped("srv-my\\x2dfork"), "srv/my-fork");
    }
}
