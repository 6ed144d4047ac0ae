//! Why a child could not be started, in words.

use crate::text::printable;
use std::ffi::OsStr;
use std::io;

/// Why a program could not be started, and what to do about it: a message and a hint.
#[must_use]
pub fn describe_spawn_error(program: &OsStr, error: &io::Error) -> (String, String) {
    let name = printable(&program.to_string_lossy());
    let (what, hint) = match error.kind() {
        // Also what a script gives whose interpreter is missing, so both are named.
        io::ErrorKind::NotFound if program.as_encoded_bytes().contains(&b'/') => {
            ("does not exist", "check the path, and the first line of a script: its interpreter must exist")
        }
        io::ErrorKind::NotFound => {
            ("was not found on PATH", "install it, or give its full path: cron has a short PATH")
        }
        io::ErrorKind::PermissionDenied => ("may not be executed", "make it executable with `chmod +x`"),
        io::ErrorKind::ArgumentListTooLong => ("was given too much", "shorten its arguments or the environment"),
        io::ErrorKind::ExecutableFileBusy => ("is being written", "try again when it is complete"),
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            ("is not a program of this system", "begin a script with `#!` and its interpreter")
        }
        _ => {
            return (format!("`{name}` cannot be started: {error}"), "try it by hand in the same directory".to_owned());
        }
    };
    (format!("`{name}` {what}"), hint.to_owned())
}
