//! The programs that signals are handed to: are they there, and may they be run?

use super::{Finding, Scene};
use crate::{
    dispatch::runner::RUNNER,
    watch::{Target, Watch},
};
use rustix::fs::{Access, access};
use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

const CHECK: &str = "runner";

/// A program that the configuration names.
struct Named<'a> {
    /// The variable, without its section.
    key: &'static str,
    program: &'a str,
    /// Whether it may be a file of the candidate, which is not in this checkout.
    is_of_candidate: bool,
}

/// The programs that a watch starts. Another command of the configuration is another line here.
fn named<'a>(watch: &'a Watch) -> Vec<Named<'a>> {
    let starts = |target: Target| watch.dispatch.contains(&target);
    let first = |words: &'a Vec<String>| words.first().map(String::as_str);
    let runner = watch.command.as_ref().and_then(first).unwrap_or(RUNNER);
    let runner = Some(runner).filter(|_| starts(Target::CodexFlow) || starts(Target::Command));
    let programs = [
        ("command", runner.into_iter().collect::<Vec<_>>(), false),
        ("verify", watch.verify.iter().filter_map(first).collect(), true),
        ("resolver", watch.resolver.iter().filter_map(first).collect(), true),
    ];
    let each = |(key, programs, is_of_candidate): (&'static str, Vec<&'a str>, bool)| {
        programs.into_iter().map(move |program| Named { key, program, is_of_candidate })
    };
    programs.into_iter().flat_map(each).collect()
}

/// Each program, looked for as it would be when it is run.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let (Ok(config), Ok(location)) = (&scene.config, &scene.location) else { return Vec::new() };
    let work_dir = location.worktree.as_deref().unwrap_or(&location.git_dir);
    let path = env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let of_watch = |watch: &Watch| {
        let (what, section) = (format!("watch `{}`", watch.name), format!("watch.{}", watch.name));
        named(watch).iter().map(|named| told(&what, &section, named, work_dir, &path)).collect::<Vec<_>>()
    };
    let notify = config.settings.notify.as_ref().and_then(|words| words.first());
    let notify = notify.map(|program| {
        let named = Named { key: "notify", program, is_of_candidate: false };
        told("patch", "patch", &named, work_dir, &path)
    });
    config.watches.iter().flat_map(of_watch).chain(notify).collect()
}

fn told(whose: &str, section: &str, named: &Named<'_>, work_dir: &Path, path: &OsStr) -> Finding {
    let Named { key, program, is_of_candidate } = *named;
    let what = if key == "command" { whose.to_owned() } else { format!("{whose}, {key}") };
    match find(program, work_dir, path, |path| fs::metadata(path).is_ok_and(|file| file.is_file())) {
        None if is_of_candidate && program.contains('/') && !program.starts_with('/') => {
            let found = format!("{what}: `{program}` is not in this checkout, and has to be in the candidate");
            Finding::warning(CHECK, found).fix(format!("git ls-files {}", super::quoted_text(program)))
        }
        None => Finding::broken(CHECK, format!("{what}: `{program}` is not there")).fix(match key {
            // There may be several, and those of `patch.verify`.
            "verify" => "install it, or give its full path: git config --edit".to_owned(),
            key => format!("git config {section}.{key} /full/path/to/the/program"),
        }),
        Some(found) if access(&found, Access::EXEC_OK).is_err() => {
            Finding::broken(CHECK, format!("{what}: {} may not be executed", found.display()))
                .fix(format!("chmod +x {}", super::quoted(&found)))
        }
        Some(found) => Finding::ok(CHECK, format!("{what}: {}", found.display())),
    }
}

/// Where execvp(3) finds the program when it is started in `work_dir`.
fn find(program: &str, work_dir: &Path, path: &OsStr, is_file: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(work_dir.join(program)).filter(|path| is_file(path));
    }
    // An empty entry is the working directory (POSIX, section 8.3).
    env::split_paths(path).map(|folder| work_dir.join(folder).join(program)).find(|path| is_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_where_exec_finds_it() {
        #[track_caller]
        fn case(program: &str, path: &str, expected: Option<&str>) {
            let there = ["/bin/a", "/usr/bin/a", "/work/a", "/work/tools/b", "/work/bin/c"];
            let is_file = |path: &Path| there.iter().any(|it| Path::new(it) == path);
            assert_eq!(find(program, Path::new("/work"), OsStr::new(path), is_file), expected.map(PathBuf::from));
        }
        case("a", "/none:/bin:/usr/bin", Some("/bin/a"));
        case("a", ":/bin", Some("/work/a"));
        case("c", "bin", Some("/work/bin/c"));
        case("tools/b", "/bin", Some("/work/tools/b"));
        case("/usr/bin/a", "", Some("/usr/bin/a"));
        case("b", "/bin", None);
        case("/bin/b", "/bin", None);
    }
}
