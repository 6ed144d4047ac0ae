//! What kind of failure a remote or a server is, in words, and what is to be done about it.

use crate::{git::GitError, intake::look::git_problem, ledger::record::Problem};

/// The kind of failure in a few words, and the message.
pub fn told(problem: &Problem) -> String {
    match kind(problem) {
        Some(kind) => format!("{kind}: {}", problem.message),
        None => problem.message.clone(),
    }
}

/// What to do about a failed `git` at this remote.
pub fn of_remote(remote: &str, error: &GitError) -> (String, String) {
    let problem = git_problem(error);
    (told(&problem), fix(remote, &problem))
}

/// What to do about a problem with a remote, or with a feed.
pub fn fix(remote: &str, problem: &Problem) -> String {
    let remote = super::quoted_text(remote);
    match problem.kind.as_str() {
        "auth" if is_host_key(problem) => format!("git ls-remote {remote}, once by hand, to look at the host's key"),
        "remote-missing" => format!("git remote get-url {remote}; a private repository needs credentials"),
        "timeout" if problem.message.starts_with("git ") => format!("git ls-remote {remote}"),
        _ => problem.hint.as_deref().unwrap_or("patch watch check").replace("REMOTE", &remote),
    }
}

fn is_host_key(problem: &Problem) -> bool {
    problem.message.to_ascii_lowercase().contains("host key verification failed")
}

fn kind(problem: &Problem) -> Option<&'static str> {
    Some(match problem.kind.as_str() {
        "auth" if is_host_key(problem) => "the host's key is not known",
        "auth" | "forbidden" => "no access with these credentials",
        "remote-missing" | "not-found" | "gone" => "not found",
        "unreachable" | "dns" | "refused" => "its host cannot be reached",
        "timeout" => "no answer in time",
        "html" | "not-a-feed" => "no feed",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_a_kind_and_a_command() {
        #[track_caller]
        fn case(kind: &str, message: &str, expected: (&str, &str)) {
            let hint = Some("try `git ls-remote REMOTE`".to_owned());
            let problem = Problem { kind: kind.to_owned(), message: message.to_owned(), hint };
            assert_eq!((told(&problem).as_str(), fix("up stream", &problem).as_str()), expected);
        }
        case(
            "auth",
            "git ls-remote: Host key verification failed.",
            (
                "the host's key is not known: git ls-remote: Host key verification failed.",
                "git ls-remote 'up stream', once by hand, to look at the host's key",
            ),
        );
        case(
            "auth",
            "git ls-remote: x",
            ("no access with these credentials: git ls-remote: x", "try `git ls-remote 'up stream'`"),
        );
        case(
            "remote-missing",
            "x",
            ("not found: x", "git remote get-url 'up stream'; a private repository needs credentials"),
        );
        case(
            "timeout",
            "git ls-remote: no end",
            ("no answer in time: git ls-remote: no end", "git ls-remote 'up stream'"),
        );
        case(
            "timeout",
            "http://x/ took too long",
            ("no answer in time: http://x/ took too long", "try `git ls-remote 'up stream'`"),
        );
        case("tls", "x", ("x", "try `git ls-remote 'up stream'`"));
    }
}
