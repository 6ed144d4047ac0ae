//! A panic is our bug: one line for the user, where to report it, and no more unless asked.

use crate::text::printable;
use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::io::{self, Write};
use std::panic::{self, UnwindSafe};
use std::{env, thread};

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Makes a panic print one line, "internal error", and a backtrace only if `PATCH_BACKTRACE` is set.
///
/// `RUST_BACKTRACE` is not asked: many machines have it set for other programs' sake.
pub fn install_hook() {
    panic::set_hook(Box::new(|panic| {
        if CONTAINED.get() {
            return;
        }
        let place = panic.location().map(ToString::to_string);
        let mut text = message(words(panic.payload()), place.as_deref(), env!("CARGO_PKG_REPOSITORY"));
        if wants_backtrace() {
            text = format!("{text}\n{}", Backtrace::force_capture());
        }
        // a panic while panicking aborts, so a closed standard error is passed over
        let _ = writeln!(io::stderr(), "{text}");
    }));
}

/// Whether the user asks for backtraces: `PATCH_BACKTRACE` is set, and neither empty nor `0`.
#[must_use]
pub fn wants_backtrace() -> bool {
    env::var_os("PATCH_BACKTRACE").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Runs `f`, and turns a panic inside it into an error, in silence.
///
/// For the work on one watch, which must not end the others. Only panics of this thread are held.
///
/// # Errors
/// What `f` panicked with.
pub fn contained<T>(f: impl FnOnce() -> T + UnwindSafe) -> thread::Result<T> {
    let outer = CONTAINED.replace(true);
    let result = panic::catch_unwind(f);
    CONTAINED.set(outer);
    result
}

/// What `panic!` was given, if it was text.
fn words(payload: &(dyn Any + Send)) -> Option<&str> {
    payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

fn message(payload: Option<&str>, place: Option<&str>, repository: &str) -> String {
    let what = printable(payload.unwrap_or("a panic without a message"));
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    let issues = if repository.is_empty() { String::new() } else { format!(": {repository}/issues") };
    format!(
        "internal error in patch-moi {}: {what}{place}; please report it to the project{issues}",
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_message_is_one_line_that_says_where_to_report() {
        #[track_caller]
        fn case(payload: Option<&str>, place: Option<&str>, repository: &str, expected: &str) {
            let version = env!("CARGO_PKG_VERSION");
            assert_eq!(message(payload, place, repository), expected.replace("VERSION", version));
        }
        case(
            Some("left\nright"),
            Some("src/a.rs:1:2"),
            "https://example.org/patch",
            "internal error in patch-moi VERSION: left\\nright at src/a.rs:1:2; \
             please report it to the project: https://example.org/patch/issues",
        );
        case(
            None,
            None,
            "",
            "internal error in patch-moi VERSION: a panic without a message; please report it to the project",
        );
    }

    /// Set for the child that [`the_hook_speaks_once_and_holds_its_tongue_when_contained`] starts.
    const CHILD: &str = "PATCH_TEST_PANICS";

    #[test]
    fn panics_twice() {
        if env::var_os(CHILD).is_none() {
            return;
        }
        install_hook();
        assert!(contained(|| panic!("held")).is_err());
        panic!("let go");
    }

    #[test]
    fn the_hook_speaks_once_and_holds_its_tongue_when_contained() {
        let run = |backtrace: &str| {
            let output = Command::new(env::current_exe().unwrap())
                .args(["--exact", "--nocapture", "panic::tests::panics_twice"])
                .env(CHILD, "1")
                .env("RUST_BACKTRACE", "1")
                .env("PATCH_BACKTRACE", backtrace)
                .output();
            String::from_utf8(output.unwrap().stderr).unwrap()
        };
        let quiet = run("0");
        assert!(quiet.starts_with("internal error in patch-moi "), "{quiet}");
        assert!(quiet.contains(": let go at src/panic.rs:"), "{quiet}");
        assert_eq!(quiet.lines().count(), 1, "{quiet}");
        assert!(run("1").contains("panics_twice"));
    }

    #[test]
    fn a_contained_panic_is_an_error_and_the_flag_is_put_back() {
        let result = contained(|| {
            let inner = contained(|| panic!("inner"));
            assert!(inner.is_err());
            assert!(CONTAINED.get(), "still inside the outer one");
            7
        });
        assert_eq!(result.unwrap(), 7);
        assert!(!CONTAINED.get());
    }
}
