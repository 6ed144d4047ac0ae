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

/// The first word of each watch's command, looked for as it would be when it is run.
pub fn check(scene: &Scene) -> Vec<Finding> {
    let (Ok(config), Ok(location)) = (&scene.config, &scene.location) else { return Vec::new() };
    let work_dir = location.worktree.as_deref().unwrap_or(&location.git_dir);
    let path = env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    config.watches.iter().filter_map(|watch| of_watch(watch, work_dir, &path)).collect()
}

fn of_watch(watch: &Watch, work_dir: &Path, path: &OsStr) -> Option<Finding> {
    let check = "runner";
    if !watch.dispatch.iter().any(|target| matches!(target, Target::CodexFlow | Target::Command)) {
        return None;
    }
    let program = watch.command.as_ref().and_then(|words| words.first()).map_or(RUNNER, String::as_str);
    let name = &watch.name;
    Some(match find(program, work_dir, path, |path| fs::metadata(path).is_ok_and(|file| file.is_file())) {
        None => Finding::broken(check, format!("watch `{name}`: `{program}` is not there"))
            .fix(format!("git config watch.{name}.command /full/path/to/the/program")),
        Some(found) if access(&found, Access::EXEC_OK).is_err() => {
            Finding::broken(check, format!("watch `{name}`: {} may not be executed", found.display()))
                .fix(format!("chmod +x {}", super::quoted(&found)))
        }
        Some(found) => Finding::ok(check, format!("watch `{name}`: {}", found.display())),
    })
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
