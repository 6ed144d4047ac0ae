//! Private state: modes whatever the umask, and whatever stands in the place of our files is refused
//! or replaced, never followed, never waited for.

use crate::environment::{Environment, Output};
use crate::upstream::{Fork, atom};
use patch_moi::loopback::Response;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// A user that owns nothing here.
const NOBODY: u32 = 65534;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says where a captured test's output does not hide it that a test needs to be root.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED a test: {why}");
}

/// Everything below a directory, itself included.
fn tree(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.to_owned()];
    if fs::symlink_metadata(path).is_ok_and(|it| it.is_dir()) {
        for entry in fs::read_dir(path).unwrap() {
            found.extend(tree(&entry.unwrap().path()));
        }
    }
    found
}

/// A fork with a watch of a feed, which dispatches to a command, and another whose host wants rest.
fn fork() -> Fork {
    let fork = Fork::watching("/f");
    fork.environment.program("bin/runner", "#!/bin/sh\ncat\nexit 0\n");
    fork.config("watch.up.command", fork.environment.path("bin/runner").to_str().unwrap());
    fork.config("watch.up.dispatch", "command");
    fork.feeds.show("/f", atom(&["v1"]));
    fork
}

fn state(fork: &Fork) -> PathBuf {
    fork.ledger_file().parent().unwrap().to_owned()
}

/// The repository's cache; `hosts` lies beside it.
fn cache(fork: &Fork) -> PathBuf {
    fork.environment.path("home/.cache/patch-moi").join(state(fork).file_name().unwrap())
}

#[track_caller]
fn assert_private(roots: &[PathBuf]) {
    let mut files = 0;
    for path in roots.iter().flat_map(|root| tree(root)) {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.mode() & 0o7777, expected, "{}", path.display());
        files += usize::from(metadata.is_file());
    }
    assert!(files >= 10, "{files}");
}

/// One of everything that we write: a torn and a damaged ledger, a log, validators, a host at rest.
#[track_caller]
fn write_everything(fork: &Fork, program: &str, prefix: &[&str]) {
    let run = |args: &[&str]| {
        let all = [prefix, &[program], args].concat();
        fork.shown(&fork.environment.run(all[0], &all[1..]).in_dir("fork").run())
    };
    fork.feeds.show("/f", atom(&["v1"]));
    run(&["poll"]).succeeded();
    fork.feeds.show("/f", atom(&["v2", "v1"]));
    run(&["poll"]).succeeded();
    let append = |text: &str| {
        fs::OpenOptions::new().append(true).open(fork.ledger_file()).unwrap().write_all(text.as_bytes()).unwrap();
    };
    append("{\"v\":1,\"at");
    fork.feeds.show("/f", atom(&["v3", "v2", "v1"]));
    assert!(run(&["poll"]).succeeded().stderr.contains("torn"));
    append("oops\n");
    append(&fork.ledger().lines().next().map(|line| format!("{line}\n")).unwrap());
    assert!(run(&["doctor", "--repair"]).stdout.contains("ledger-damaged-"));
    fork.feeds.answer("/f", Response::new(429).header("Retry-After", "600"));
    assert_eq!(run(&["poll"]).status, 1);
    let doctor = run(&["doctor", "-q"]);
    assert!(!doctor.stdout.contains(" state: "), "{doctor}");
}

#[test]
fn the_umask_does_not_matter() {
    for umask in ["000", "077", "777"] {
        let fork = fork();
        let script = format!("umask {umask}; exec \"$0\" \"$@\"");
        write_everything(&fork, env!("CARGO_BIN_EXE_patch"), &["sh", "-c", &script]);
        let places = [state(&fork), cache(&fork), cache(&fork).with_file_name("hosts")];
        assert_private(&places);
        for parent in places.iter().filter_map(|place| place.parent()) {
            assert_eq!(fs::metadata(parent).unwrap().mode() & 0o777, 0o700, "{}", parent.display());
        }
    }
}

#[test]
fn the_umask_does_not_matter_to_a_user_whom_modes_bind() {
    if !is_root() {
        return skipped("only root becomes somebody else");
    }
    let fork = fork();
    let environment = &fork.environment;
    // The build's directory may be closed to others.
    let program = environment.path("bin/patch-moi");
    let copy = ["-m", "755", env!("CARGO_BIN_EXE_patch"), program.to_str().unwrap()];
    environment.run("install", &copy).success();
    for path in tree(environment.root()) {
        chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let script = "umask 777; exec \"$0\" \"$@\"";
    let prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", script];
    write_everything(&fork, program.to_str().unwrap(), &prefix);
    assert_private(&[state(&fork), cache(&fork), cache(&fork).with_file_name("hosts")]);
}

/// What is put in the place of a file or directory of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Instead {
    LinkToFile,
    LinkToDirectory,
    LinkToNothing,
    Fifo,
    Directory,
    Socket,
    Device,
    File,
    Foreign,
}

/// Puts it there; `false` where that is not possible.
fn put(environment: &Environment, path: &Path, instead: Instead) -> bool {
    let there = fs::symlink_metadata(path).ok();
    if instead == Instead::Foreign {
        let Some(there) = there.filter(|_| is_root()) else { return false };
        if there.is_file() {
            let readable = fs::Permissions::from_mode(0o666);
            fs::set_permissions(path, readable).unwrap();
        }
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        return true;
    }
    if there.as_ref().is_some_and(fs::Metadata::is_dir) {
        fs::rename(path, environment.path("moved-away")).unwrap();
    } else if there.is_some() {
        fs::remove_file(path).unwrap();
    }
    let name = path.to_str().unwrap();
    match instead {
        Instead::LinkToFile => symlink(environment.path("precious/file"), path).unwrap(),
        Instead::LinkToDirectory => symlink(environment.path("precious"), path).unwrap(),
        Instead::LinkToNothing => symlink(environment.path("precious/none"), path).unwrap(),
        Instead::Fifo => drop(environment.run("mkfifo", &[name]).success()),
        Instead::Directory => fs::create_dir(path).unwrap(),
        // A socket's address is shorter than most paths may be.
        Instead::Socket => {
            drop(UnixListener::bind(environment.path("s")).unwrap());
            fs::rename(environment.path("s"), path).unwrap();
        }
        Instead::Device => return environment.run("mknod", &[name, "c", "1", "3"]).run().status == 0,
        Instead::File => fs::write(path, "a file").unwrap(),
        Instead::Foreign => unreachable!("it was done above"),
    }
    true
}

/// How a poll with news fares with that in the place of `place`: nothing outside is touched, nothing
/// is waited for, an error is clear, and the doctor names the place before.
#[track_caller]
fn fares(name: &str, place: impl Fn(&Fork) -> PathBuf, instead: Instead) -> Option<i32> {
    let fork = fork();
    fork.poll().succeeded();
    fork.feeds.show("/f", atom(&["v2", "v1"]));
    fork.poll().succeeded();
    let environment = &fork.environment;
    environment.write("precious/file", "precious\n");
    let path = place(&fork);
    if !put(environment, &path, instead) {
        return None;
    }
    let before = format!("{:?}", tree(&environment.path("precious")));
    fork.feeds.show("/f", atom(&["v3", "v2", "v1"]));
    let limited = |args: &[&str]| {
        let args = [&["20", env!("CARGO_BIN_EXE_patch")], args].concat();
        fork.shown(&environment.run("timeout", &args).in_dir("fork").run())
    };
    let doctor = limited(&["doctor", "-q"]);
    let shown = path.to_str().unwrap().replace(environment.root().to_str().unwrap(), "$TEMP");
    let shown = fork.shown(&Output { status: 0, stdout: shown, stderr: String::new() }).stdout;
    assert!(doctor.status == 1 && doctor.stdout.contains(&format!(" {shown} ")), "{name} {instead:?}: {doctor}");
    let told = limited(&["poll"]);
    let about = format!("{name} {instead:?}: {told}");
    assert!(matches!(told.status, 0 | 1), "{about}");
    assert!(!told.stderr.contains("panicked") && told.stderr.lines().count() <= 4, "{about}");
    let clear = |line: &str| ["error: ", "hint: ", "warning: "].iter().any(|word| line.starts_with(word));
    assert!(told.stderr.lines().all(clear), "{about}");
    assert_eq!(format!("{:?}", tree(&environment.path("precious"))), before, "{about}");
    assert_eq!(environment.read("precious/file"), "precious\n", "{about}");
    Some(told.status)
}

/// What stands in a file's place.
const NO_FILES: [Instead; 7] = [
    Instead::LinkToFile,
    Instead::LinkToDirectory,
    Instead::LinkToNothing,
    Instead::Fifo,
    Instead::Directory,
    Instead::Socket,
    Instead::Device,
];

#[test]
fn what_is_in_the_place_of_the_ledger_or_a_lock_is_refused() {
    for name in ["ledger.jsonl", "ledger.lock", "intake.lock", "runs/up.lock", "runs/up.input"] {
        for instead in NO_FILES.into_iter().chain([Instead::Foreign]) {
            let status = fares(name, |fork| state(fork).join(name), instead);
            assert!(matches!(status, None | Some(1)), "{name} {instead:?}: {status:?}");
        }
    }
}

#[test]
fn what_is_in_the_place_of_a_derived_file_costs_no_news() {
    let hosts = |fork: &Fork| {
        let hosts = cache(fork).with_file_name("hosts");
        fs::create_dir_all(&hosts).unwrap();
        fs::set_permissions(&hosts, fs::Permissions::from_mode(0o700)).unwrap();
        let origin = fork.feeds.origin();
        hosts.join(format!("{}.json", patch_moi::refname::hash(&origin)))
    };
    for instead in NO_FILES.into_iter().chain([Instead::Foreign]) {
        for name in ["index.json", "index-rest.json", "checks.json"] {
            let status = fares(name, |fork| state(fork).join(name), instead);
            assert!(matches!(status, None | Some(0)), "{name} {instead:?}: {status:?}");
        }
        let status = fares("validators", |fork| cache(fork).join("up.json"), instead);
        assert!(matches!(status, None | Some(0)), "validators {instead:?}: {status:?}");
        let status = fares("hosts", hosts, instead);
        assert!(matches!(status, None | Some(0)), "hosts {instead:?}: {status:?}");
    }
}

#[test]
fn what_is_in_the_place_of_a_directory_is_refused() {
    let no_directories = NO_FILES.into_iter().filter(|it| *it != Instead::Directory);
    for instead in no_directories.chain([Instead::File, Instead::Foreign]) {
        for name in ["", "runs", "events"] {
            // Without a final slash, which would lead through a link.
            let place = |fork: &Fork| if name.is_empty() { state(fork) } else { state(fork).join(name) };
            let status = fares(name, place, instead);
            assert!(matches!(status, None | Some(1)), "{name} {instead:?}: {status:?}");
        }
        // Losing the caches costs a full answer and a warning.
        let status = fares("cache", cache, instead);
        assert!(matches!(status, None | Some(0)), "cache {instead:?}: {status:?}");
    }
}

#[test]
fn loose_modes_other_names_and_open_parents_are_warnings() {
    let fork = fork();
    fork.poll().succeeded();
    let state = state(&fork);
    let mode = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&state.join("ledger.jsonl"), 0o644);
    mode(&state.join("runs"), 0o755);
    mode(state.parent().unwrap(), 0o777);
    fs::hard_link(state.join("index.json"), fork.environment.path("home/another-name")).unwrap();
    fork.patch(&["doctor", "-q"]).is(&expect_test::expect![[r#"
        status: 0
        --- stdout
        warning state: anybody may write in $TEMP/home/.local/state/patch-moi, and so put something else in the place of our state
                fix: chmod o-w -- $TEMP/home/.local/state/patch-moi
        warning state: $TEMP/home/.local/state/patch-moi/FOLDER/runs has mode 755: others may get at it
                fix: chmod 700 -- $TEMP/home/.local/state/patch-moi/FOLDER/runs
        warning state: $TEMP/home/.local/state/patch-moi/FOLDER/index.json has 2 names: whoever has another one can change it
                fix: find / -xdev -samefile $TEMP/home/.local/state/patch-moi/FOLDER/index.json
        warning state: $TEMP/home/.local/state/patch-moi/FOLDER/ledger.jsonl has mode 644: others may get at it
                fix: chmod 600 -- $TEMP/home/.local/state/patch-moi/FOLDER/ledger.jsonl
    "#]]);
    // The sticky bit keeps others from renaming what is ours, as in /tmp.
    mode(state.parent().unwrap(), 0o1777);
    assert!(!fork.patch(&["doctor", "-q"]).stdout.contains("anybody"));
    // A poll goes on, and closes its directories.
    fork.feeds.show("/f", atom(&["v2", "v1"]));
    assert!(fork.poll().succeeded().stdout.contains("v2 is new"));
    assert_eq!(fs::metadata(state.join("runs")).unwrap().mode() & 0o777, 0o700);
}
