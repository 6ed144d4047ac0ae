//! The shared name: what is not ours reaches the patch utility, and its users do not notice.

use crate::environment::{Environment, Output, is_installed};
use expect_test::expect;
use std::path::{Path, PathBuf};

const BEFORE: &str = "one\ntwo\nthree\n";
const AFTER: &str = "one\n2\nthree\n";
const DIFF: &str = "--- a/file\n+++ b/file\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n";
const STRANGE_DIFF: &str = "--- a/file\n+++ b/file\n@@ -1,3 +1,3 @@\n uno\n-dos\n+2\n tres\n";

/// Our program as `patch` before the rest of PATH, and something to patch.
fn in_front() -> Environment {
    let environment = Environment::new().in_front();
    environment.write("work/file", BEFORE);
    environment.write("work/x.diff", DIFF);
    environment.write("work/strange.diff", STRANGE_DIFF);
    environment
}

/// Another file with our program in it, made by a child: see [`Environment::program`].
fn copy(environment: &Environment, path: &str) {
    let path = environment.path(path);
    environment.run("install", &["-D", env!("CARGO_BIN_EXE_patch"), path.to_str().unwrap()]).success();
}

/// What a shell in the directory `work` makes of `script`.
#[track_caller]
fn shell(environment: &Environment, script: &str) -> Output {
    environment.run("/bin/sh", &["-c", script]).in_dir("work").run()
}

/// PATH made of these directories alone, and a shell that needs no PATH to run.
fn with_path(environment: Environment, folders: &[&str]) -> Environment {
    let folders: Vec<String> = folders.iter().map(|path| environment.path(path).display().to_string()).collect();
    environment.env("PATH", folders.join(":"))
}

/// Runs `script` twice, with and without us before GNU patch, and compares all there is to see.
#[track_caller]
fn unnoticed(script: &str) -> Output {
    let with = in_front();
    let without = in_front().env("PATH", std::env::var("PATH").unwrap());
    let outputs = [&with, &without].map(|environment| shell(environment, script));
    assert_eq!(outputs[0], outputs[1], "{script}");
    assert_eq!(tree(&with.path("work")), tree(&without.path("work")), "{script}");
    let [output, _] = outputs;
    output
}

/// Every file below `directory`, and its text.
fn tree(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in std::fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                directories.push(entry);
            } else {
                let text = std::fs::read_to_string(&entry).unwrap();
                files.push((entry.strip_prefix(directory).unwrap().to_owned(), text));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn a_patch_on_standard_input_is_applied() {
    let environment = in_front();
    shell(&environment, "patch -p1 < x.diff").is(&expect![[r#"
        status: 0
        --- stdout
        patching file file
    "#]]);
    assert_eq!(environment.read("work/file"), AFTER);
}

#[test]
fn every_call_of_the_patch_utility_goes_unnoticed() {
    if !is_installed("patch") {
        return;
    }
    unnoticed("patch < x.diff");
    unnoticed("patch -p1 < x.diff");
    unnoticed("cat x.diff | patch -p1 --quiet");
    unnoticed("patch --dry-run -p1 -i x.diff");
    unnoticed("patch file x.diff");
    unnoticed("patch -R -p1 -f < x.diff");
    unnoticed("patch --version");
    unnoticed("patch --help");
    unnoticed("patch -v");
    unnoticed("patch --no-such-option");
    unnoticed("patch -p1 -o - -i x.diff | head -n 1");
    unnoticed("patch -p1 < missing.diff");
    // as `export COMPLETE=yes` in a makefile
    unnoticed("COMPLETE=yes patch -p1 < x.diff");
    unnoticed("COMPLETE=bash patch -p1 < x.diff");
    // as dpkg-source applies a 3.0 (quilt) package
    unnoticed("patch -t -F 0 -N -p1 -u -V never -E -b -B .pc/x/ --reject-file=- < x.diff");
    unnoticed("patch -t -F 0 -N -p1 -u -V never -E -b -B .pc/x/ --reject-file=- < strange.diff");
    // many arguments, and one that is not UTF-8
    unnoticed("patch -p1 -i \"$(printf 'odd\\377.diff')\"");
}

#[test]
fn the_exit_status_is_gnu_patchs_own() {
    if !is_installed("patch") {
        return;
    }
    let rejected = unnoticed("patch -p1 < strange.diff; status=$?; cat file.rej; exit $status");
    assert_eq!(rejected.status, 1);
    assert_eq!(unnoticed("patch -p1 -i missing.diff").status, 2);
}

#[test]
fn quilt_pushes_refreshes_and_pops() {
    if !is_installed("quilt") {
        return;
    }
    let environment = in_front();
    environment.write("work/patches/series", "x.diff\n");
    environment.write("work/patches/x.diff", DIFF);
    shell(&environment, "quilt push -a").is(&expect![[r#"
        status: 0
        --- stdout
        Applying patch patches/x.diff
        patching file file

        Now at patch patches/x.diff
    "#]]);
    assert_eq!(environment.read("work/file"), AFTER);
    shell(&environment, "echo four >> file && quilt refresh && quilt pop -a && quilt push").is(&expect![[r#"
        status: 0
        --- stdout
        Refreshed patch patches/x.diff
        Removing patch patches/x.diff
        Restoring file

        No patches applied
        Applying patch patches/x.diff
        patching file file

        Now at patch patches/x.diff
    "#]]);
    assert_eq!(environment.read("work/file"), format!("{AFTER}four\n"));
}

#[test]
fn our_commands_stay_with_us() {
    let environment = in_front();
    environment.program("fake/patch", "#!/bin/sh\necho handed over\n");
    let environment = with_path(environment, &["front", "fake"]);
    let help = shell(&environment, "patch help poll");
    assert!(help.stdout.starts_with("Check upstream"), "{help}");
    assert_eq!(shell(&environment, "patch --quiet poll --help"), help);
    assert_eq!(shell(&environment, "patch -C . poll --help").stdout, help.stdout);
    assert_eq!(shell(&environment, "patch poll --no-such-option").status, 2);
    shell(&environment, "patch pol").is(&expect![[r#"
        status: 0
        --- stdout
        handed over
    "#]]);
}

#[test]
fn another_name_is_never_handed_over() {
    let environment = in_front();
    environment.link("front/patch-moi");
    shell(&environment, "patch-moi -p1 < x.diff").is(&expect![[r#"
        status: 2
        --- stderr
        error: unexpected argument '-p' found

        Usage: patch-moi [OPTIONS] <COMMAND>

        For more information, try '--help'.
    "#]]);
    assert_eq!(environment.read("work/file"), BEFORE);
    let version = shell(&environment, "patch-moi --version").stdout;
    assert_eq!(version, format!("patch-moi {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn copies_of_this_program_pass_the_call_on() {
    let environment = in_front();
    copy(&environment, "second/patch");
    copy(&environment, "third/patch");
    environment.program("gnu/patch", "#!/bin/sh\necho \"$@\"\n");
    let order = |folders: &[&str]| {
        let folders: Vec<_> = folders.iter().map(|path| environment.path(path).display().to_string()).collect();
        environment.run("/bin/sh", &["-c", "patch -p1"]).env("PATH", folders.join(":")).run().stdout
    };
    assert_eq!(order(&["front", "second", "gnu"]), "-p1\n");
    assert_eq!(order(&["third", "second", "front", "gnu"]), "-p1\n");
    assert_eq!(order(&["gnu", "front"]), "-p1\n");
}

#[test]
fn what_only_looks_like_a_program_is_passed_over() {
    let environment = in_front();
    std::fs::create_dir_all(environment.path("directory/patch")).unwrap();
    environment.write("text/patch", "#!/bin/sh\necho not this one\n");
    environment.link("link/patch");
    std::fs::create_dir(environment.path("dangling")).unwrap();
    std::os::unix::fs::symlink("nowhere", environment.path("dangling/patch")).unwrap();
    environment.program("gnu/patch", "#!/bin/sh\necho this one\n");
    let environment = with_path(environment, &["front", "directory", "text", "link", "dangling", "missing", "gnu"]);
    assert_eq!(shell(&environment, "patch -p1").stdout, "this one\n");
}

#[test]
fn without_the_patch_utility_the_error_says_what_to_install() {
    let environment = in_front();
    copy(&environment, "second/patch");
    let environment = with_path(environment, &["front"]);
    shell(&environment, "patch -p1 < x.diff").is(&expect![[r#"
        status: 127
        --- stderr
        patch: this is a call for the patch utility, and there is no other `patch` on PATH to hand it to; install GNU patch (most systems call the package `patch`), or see `patch help`
    "#]]);
    assert!(shell(&environment, "patch --help").stdout.contains("Keep custom patches"));
    assert!(shell(&environment, "patch -h").stdout.contains("Keep custom patches"));
    let version = format!("patch-moi {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(shell(&environment, "patch --version").stdout, version);
    assert_eq!(shell(&environment, "patch -v").stdout, version);
    // two copies are no patch utility either
    let environment = with_path(environment, &["front", "second"]);
    assert_eq!(shell(&environment, "patch -p1").status, 127);
    assert_eq!(shell(&environment, "patch --version").stdout, version);
}

#[test]
fn without_a_path_the_systems_own_is_searched() {
    if !Path::new("/usr/bin/patch").exists() && !Path::new("/bin/patch").exists() {
        return;
    }
    let environment = in_front();
    let call = format!("unset PATH; {} -p1 < x.diff", environment.path("front/patch").display());
    assert_eq!(shell(&environment, &call).status, 0);
    assert_eq!(environment.read("work/file"), AFTER);
}

#[test]
fn a_patch_utility_that_does_not_start_is_named() {
    let environment = in_front();
    environment.program("broken/patch", "#!/no/such/interpreter\n");
    let environment = with_path(environment, &["front", "broken"]);
    shell(&environment, "patch -p1").is(&expect![[r#"
        status: 126
        --- stderr
        patch: cannot hand over to $TEMP/broken/patch: No such file or directory (os error 2)
    "#]]);
}

#[test]
fn a_wrapper_that_calls_patch_by_name_is_not_called_twice() {
    let environment = in_front();
    environment.program("wrapper/patch", "#!/bin/sh\necho wrapped\npatch \"$@\"\n");
    let first = format!("#!/bin/sh\necho wrapped\n{} \"$@\"\n", environment.path("front/patch").display());
    environment.program("first/patch", &first);
    environment.program("gnu/patch", "#!/bin/sh\necho gnu\n");
    let environment = with_path(environment, &["front", "wrapper", "gnu"]);
    assert_eq!(shell(&environment, "patch -p1").stdout, "wrapped\ngnu\n");
    let environment = with_path(environment, &["first", "front", "gnu"]);
    assert_eq!(shell(&environment, "patch -p1").stdout, "wrapped\ngnu\n");
    let environment = with_path(environment, &["first", "front"]);
    assert_eq!(shell(&environment, "patch -p1").status, 127);
    let environment = with_path(environment, &["front", "wrapper"]);
    assert_eq!(shell(&environment, "patch -p1").status, 127);
}

#[test]
fn arguments_environment_input_and_signals_arrive_untouched() {
    let environment = in_front();
    let report = "#!/bin/sh\nprintf '<%s>' \"$@\"; cat; env | sort; grep Sig /proc/self/status; pwd; umask\n";
    environment.program("gnu/patch", report);
    let call = "patch -p1 'a b' '' '*' < x.diff | grep -v -e ^PATH= -e ^_= -e PATCH_MOI_HANDED_OVER= -e SigQ";
    let path = |front: &str| format!("{}{}:/usr/bin:/bin", front, environment.path("gnu").display());
    let run = |path: String| environment.run("/bin/sh", &["-c", call]).in_dir("work").env("PATH", path).run();
    let with = run(path(&format!("{}:", environment.path("front").display())));
    assert!(with.stdout.starts_with("<-p1><a b><><*>--- a/file\n"), "{with}");
    assert_eq!(with, run(path("")));
}

#[test]
fn a_terminal_gets_help_and_suggestions() {
    if !is_installed("script") {
        return;
    }
    let environment = in_front();
    let terminal = |call: &str| {
        let output = environment.run("script", &["-qec", call, "/dev/null"]).in_dir("work").run();
        (output.status, output.stdout.replace('\r', ""))
    };
    let (status, help) = terminal("patch");
    assert!(help.contains("Usage: patch [OPTIONS] <COMMAND>"), "{help}");
    assert_eq!(status, 2);
    let suggestion = "patch: `stauts` is not a command; did you mean `status`?\n";
    assert_eq!(terminal("patch stauts"), (2, suggestion.to_owned()));
    assert_eq!(terminal("patch --version | head -n 1").1, terminal("/usr/bin/patch --version | head -n 1").1);
}
