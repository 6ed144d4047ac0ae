//! Who polls: the crontab, systemd's timers, CI files; and when it last happened.

use super::{fix, of_check};
use crate::fork::Fork;
use expect_test::expect;
use std::fs;

/// What the doctor says of the schedule at this time; the crontab is the file `crontab`.
fn told(fork: &Fork, time: &str) -> String {
    let output = fork.patch_at(time, &["doctor", "--offline"]).env("PATH", fork.environment().path_with("bin")).run();
    of_check(&fork.steady(&output), "schedule")
}

/// A fork, polled once, with a `crontab` that keeps its lines in a file.
fn with_crontab(lines: &str) -> Fork {
    let fork = Fork::new();
    let crontab = "#!/bin/sh\ncase $1 in -l) cat \"$ROOT/crontab\" ;; -) cat > \"$ROOT/new\" && mv \"$ROOT/new\" \"$ROOT/crontab\" ;; esac\n";
    fork.environment().program("bin/crontab", crontab);
    fork.environment().write("crontab", lines);
    fork
}

#[test]
fn the_crontab_is_read_and_the_last_poll_measured_by_it() {
    let fork = with_crontab("");
    let line = format!("MAILTO=me\n# patch poll\n17 * * * * cd {} && patch -q poll\n", fork.path("fork").display());
    fork.environment().write("crontab", &line);
    expect![[r#"
        ok      schedule: crontab: 17 * * * * cd $TEMP/fork && patch -q poll: of polls, the last was 2026-01-02T03:04:05.000Z, as far as this ledger knows
    "#]]
    .assert_eq(&told(&fork, "06:00:00"));
    let late = told(&fork, "06:04:06");
    let run = "fix: env -i HOME=\"$HOME\" PATH=/usr/bin:/bin sh -c 'cd $TEMP/fork && patch -q poll'\n";
    assert!(late.starts_with("warning schedule: crontab: ") && late.ends_with(run), "{late}");
    fork.patch_at("06:04:06", &["-q", "poll"]).success();
    assert!(told(&fork, "06:04:06").starts_with("ok      schedule: crontab: "));

    // A line for another repository is none of ours.
    fs::create_dir(fork.path("other")).unwrap();
    fork.environment().write("crontab", &format!("17 * * * * patch -C {} poll\n", fork.path("other").display()));
    assert!(told(&fork, "06:04:06").starts_with("ok      schedule: nothing is seen here that polls; "));
}

#[test]
fn without_a_schedule_the_command_for_one_works() {
    let fork = with_crontab("0 4 * * * backup\n");
    let output = fork.patch_at("2026-01-06T00:00:00", &["doctor", "-q"]);
    let output = output.env("PATH", fork.environment().path_with("bin")).run().succeeded();
    expect![[r#"
        warning schedule: nothing is seen here that polls; of polls, the last was 2026-01-02T03:04:05.000Z
                fix: (crontab -l; echo '17 * * * * patch -C $TEMP/fork poll') | crontab -
    "#]]
    .assert_eq(&of_check(&output, "schedule"));
    let fix = fix(&output, "schedule").replace("$TEMP", fork.environment().root().to_str().unwrap());
    fork.environment().run("sh", &["-c", &fix]).env("PATH", fork.environment().path_with("bin")).success();
    let crontab = fork.environment().read("crontab");
    assert_eq!(crontab, format!("0 4 * * * backup\n17 * * * * patch -C {} poll\n", fork.path("fork").display()));
    assert!(told(&fork, "03:05:00").starts_with("ok      schedule: crontab: 17 * * * * patch -C "));

    let unpolled = Fork::unpolled();
    let never = of_check(&unpolled.patch(&["doctor", "--offline"]).run().succeeded(), "schedule");
    assert!(
        never.starts_with("warning schedule: nothing is seen here that polls; of polls, there was none yet\n"),
        "{never}"
    );
}

#[test]
fn a_timer_counts_once_it_is_switched_on() {
    let fork = Fork::new();
    let units = "home/units";
    let service =
        format!("[Service]\nWorkingDirectory={}/%i\nExecStart=/usr/local/bin/patch poll\n", fork.path("").display());
    fork.environment().write(format!("{units}/patch-poll@.service"), &service.replace("//", "/"));
    let timer = fork.environment().write(format!("{units}/patch-poll@.timer"), "[Timer]\nOnCalendar=*:0/30\n");
    expect![[r#"
        warning schedule: patch-poll@fork.timer is not switched on
                fix: systemctl --user enable --now patch-poll@fork.timer
    "#]]
    .assert_eq(&told(&fork, "03:05:00"));
    let wants = fork.path(format!("{units}/timers.target.wants"));
    fs::create_dir(&wants).unwrap();
    std::os::unix::fs::symlink(timer, wants.join("patch-poll@fork.timer")).unwrap();
    expect![[r#"
        ok      schedule: patch-poll@fork.timer: of polls, the last was 2026-01-02T03:04:05.000Z, as far as this ledger knows
    "#]]
    .assert_eq(&told(&fork, "04:30:00"));
    expect![[r#"
        warning schedule: patch-poll@fork.timer: of polls, the last was 2026-01-02T03:04:05.000Z, as far as this ledger knows
                fix: systemctl --user status patch-poll@fork.timer patch-poll@fork.service
    "#]]
    .assert_eq(&told(&fork, "05:00:00"));
}

#[test]
fn a_ci_file_polls_with_a_ledger_of_its_own() {
    let fork = Fork::new();
    let file =
        fork.environment().write("fork/.github/workflows/upstream.yml", "      - run: patch carry --event HEAD\n");
    assert!(told(&fork, "2026-02-01T00:00:00").starts_with("warning schedule: nothing is seen here"));
    fs::write(file, "      - run: ~/.cargo/bin/patch poll\n").unwrap();
    assert_eq!(
        told(&fork, "2026-02-01T00:00:00"),
        "ok      schedule: .github/workflows/upstream.yml polls, with a ledger of its own\n"
    );
}
