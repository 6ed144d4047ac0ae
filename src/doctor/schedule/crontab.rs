//! The user's crontab: `crontab -l`, crontab(5).

use super::{
    Home, Kind, Schedule,
    command::{Polled, polled},
    interval,
};
use crate::{
    child::{self, Input, Limits},
    doctor::quoted_text,
};
use std::{process::Command, time::Duration};

/// How long `crontab -l` may take, and how much of it is read.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(10), output: 1 << 20 };

/// The lines that poll this repository.
pub fn schedules(home: &Home) -> Vec<Schedule> {
    let mut command = Command::new("crontab");
    command.arg("-l");
    // No such program, or no crontab: nothing polls from there.
    let Ok(listed) = child::run(command, Input::Null, LIMITS) else { return Vec::new() };
    if !listed.exit.is_success() {
        return Vec::new();
    }
    let lines = listed.stdout.lossy();
    lines.lines().filter_map(|line| of_line(line, home)).collect()
}

fn of_line(line: &str, home: &Home) -> Option<Schedule> {
    let (fields, command) = fields(line)?;
    if let Polled::In(directory) = polled(command)?
        && !home.holds(&home.path(&directory))
    {
        return None;
    }
    let every = interval::of_cron(&fields);
    // As cron runs it: with little of an environment, and a short PATH.
    let look = format!("env -i HOME=\"$HOME\" PATH=/usr/bin:/bin sh -c {}", quoted_text(command));
    Some(Schedule { place: format!("crontab: {}", line.trim()), kind: Kind::Here { every, look } })
}

/// The fields that say when, and the command; `None` for a comment, a variable, and what is neither.
fn fields(line: &str) -> Option<(Vec<&str>, &str)> {
    let mut rest = line.trim();
    let count = match rest.chars().next()? {
        '#' => return None,
        '@' => 1,
        c if c.is_ascii_digit() || c == '*' => 5,
        _ => return None,
    };
    let mut fields = Vec::new();
    for _ in 0..count {
        let (field, after) = rest.split_once([' ', '\t'])?;
        fields.push(field);
        rest = after.trim_start();
    }
    Some((fields, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_crontab_are_taken_apart() {
        #[track_caller]
        fn case(line: &str, expected: Option<(&str, &str)>) {
            let found = fields(line).map(|(fields, command)| (fields.join(" "), command));
            assert_eq!(found, expected.map(|(fields, command)| (fields.to_owned(), command)), "{line}");
        }
        case("17 * * * * patch poll", Some(("17 * * * *", "patch poll")));
        case("  */5\t*  * * 1-5   cd x && patch poll", Some(("*/5 * * * 1-5", "cd x && patch poll")));
        case("@hourly patch poll", Some(("@hourly", "patch poll")));
        case("# 17 * * * * patch poll", None);
        case("PATH=/usr/bin:/bin", None);
        case("MAILTO=you@example.org", None);
        case("17 * * *", None);
        case("", None);
    }
}
