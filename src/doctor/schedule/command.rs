//! A command line of somebody's that polls, and the directory that it names.

/// Where a command polls.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Polled {
    /// In the directory that it names, as it writes it.
    In(String),
    /// It names none, or one that only the shell knows.
    Somewhere,
}

/// Where a line calls `patch poll`; `None` if it does not.
pub fn polled(line: &str) -> Option<Polled> {
    let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches(['"', '\'', '`'])).collect();
    let mut starts = words.iter().enumerate().filter(|(_, word)| is_ours(word)).map(|(at, _)| at);
    let (at, option) = starts.find_map(|at| Some((at, poll(&words[at + 1..])?)))?;
    // The shell goes there before.
    let gone = words[..at].iter().rposition(|word| *word == "cd").and_then(|at| words.get(at + 1));
    let directory = Some(option)
        .filter(|option| !option.is_empty())
        .or(gone.map(|word| word.trim_end_matches([';', '&', '"', '\''])));
    let is_known =
        |directory: &&str| !directory.trim_start_matches("$HOME/").trim_start_matches("${HOME}/").contains('$');
    Some(directory.filter(is_known).map_or(Polled::Somewhere, |directory| Polled::In(directory.to_owned())))
}

fn is_ours(word: &str) -> bool {
    matches!(word.rsplit('/').next(), Some("patch" | "patch-moi"))
}

/// The value of `-C` if the words after our name are a poll; empty without one.
fn poll<'a>(words: &[&'a str]) -> Option<&'a str> {
    let mut directory = "";
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "-C" => directory = words.next()?,
            "--color" => drop(words.next()),
            option if option.starts_with("-C") => directory = &option[2..],
            option if option.starts_with('-') => {}
            command => return (command.trim_end_matches([';', '&', '|']) == "poll").then_some(directory),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_found_in_the_lines_of_others() {
        #[track_caller]
        fn case(line: &str, expected: Option<&str>) {
            let expected = expected.map(|it| if it.is_empty() { Polled::Somewhere } else { Polled::In(it.to_owned()) });
            assert_eq!(polled(line), expected, "{line}");
        }
        case("patch -C /srv/widget poll", Some("/srv/widget"));
        case("/home/me/.cargo/bin/patch -q -C '/srv/widget' poll --no-dispatch", Some("/srv/widget"));
        case("cd /srv/widget && patch-moi poll", Some("/srv/widget"));
        case("cd /srv/widget; timeout 4h patch -C$HOME/x poll;", Some("$HOME/x"));
        case("sh -c \"cd ~/widget; patch poll\"", Some("~/widget"));
        case("for f in /srv/*; do patch -C \"$f\" poll; done", Some(""));
        case("- run: ~/.cargo/bin/patch poll", Some(""));
        case("patch --color never poll", Some(""));
        case("patch -p1 < poll", None);
        case("patch dispatch && echo poll", None);
        case("git patch-poll", None);
        case("patch", None);
        case("patch -C", None);
        case("", None);
    }
}
