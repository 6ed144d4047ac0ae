//! Which values are taken for a remote.

use crate::fetch::shown::is_token;
use url::Url;

/// Refuses a remote's name or URL that could run a program, be an option, or carry a secret.
///
/// # Errors
/// What is wrong with it and the way to do it right, without the value.
pub fn checked_remote(value: &str) -> Result<(), String> {
    let refuse = |reason: &str| Err(reason.to_owned());
    if value.trim().is_empty() {
        return refuse("a remote is a name or a URL, and this one is empty");
    }
    if value.starts_with('-') {
        return refuse("a remote does not begin with `-`: Git would take it for an option");
    }
    if value.contains(crate::text::is_unsafe) {
        return refuse("a remote does not contain control or invisible characters");
    }
    // gitremote-helpers(7): `<transport>::<address>`. These two run a command, or use a descriptor.
    let transport = value.split_once("::").map(|(transport, _)| transport.trim().to_ascii_lowercase());
    if let Some(transport @ ("ext" | "fd")) = transport.as_deref() {
        return Err(format!("the transport `{transport}::` runs whatever stands in it; give a URL or a path"));
    }
    if secret(value) {
        return refuse(
            "a URL here does not contain a user, password or token, everybody could read it: leave it out, and let a \
             credential helper supply it (`git help credentials`), or use ssh; which account, Git reads in \
             `credential.<URL>.username`",
        );
    }
    Ok(())
}

/// Whether a URL carries a password, or a token where the user's name should be.
///
/// Over http any name before the host may be a token. Over ssh it is the account's, and no secret.
fn secret(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return password_before_host(value) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    // With a `/` in its password it is no URL, but a secret all the same.
    let place = if Url::parse(&format!("https://{rest}")).is_ok() { authority } else { rest };
    let Some((user, _)) = place.rsplit_once('@') else { return false };
    let scheme = scheme.rsplit("::").next().unwrap_or(scheme).trim().to_ascii_lowercase();
    match user.split_once(':') {
        Some((_, password)) if !password.is_empty() => true,
        _ => matches!(scheme.as_str(), "http" | "https" | "ftp" | "ftps") || is_token(user),
    }
}

/// Whether it is `user:password@host`, which Git would take for a path on the host `user`.
fn password_before_host(value: &str) -> bool {
    let Some((user, rest)) = value.split_once(':') else { return false };
    let Some((password, _)) = rest.split_once('@') else { return false };
    !user.contains(['/', '@', '[']) && !password.is_empty() && !password.contains(['/', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_are_checked() {
        #[track_caller]
        fn case(value: &str, refusal: Option<&str>) {
            let checked = checked_remote(value);
            match refusal {
                None => assert_eq!(checked, Ok(()), "{value:?}"),
                Some(words) => {
                    assert!(checked.clone().is_err_and(|error| error.contains(words)), "{value:?}: {checked:?}");
                }
            }
        }
        for good in [
            "upstream",
            "team/upstream",
            "../fork.git",
            "/srv/git/x.git",
            "file:///srv/git/x.git",
            "https://host.example/x.git",
            "https://host.example:8443/@scope/x:y",
            "https://host:8443/@scope/x@y:z",
            "ssh://git@host.example:22/x",
            "git@host.example:x/y.git",
            "codecommit::eu-west-1://x",
            "codecommit::eu-west-1://profile@x",
            "host.example:dir/x@v2",
            "ssh://host.example/x@v2",
            "git@[::1]:x.git",
        ] {
            case(good, None);
        }
        case("", Some("empty"));
        case("  ", Some("empty"));
        case("--upload-pack=touch x", Some("begin with `-`"));
        case("up\nstream", Some("control"));
        case("up\u{202e}stream", Some("control"));
        case("ext::sh -c touch% x", Some("`ext::`"));
        case("EXT::sh", Some("`ext::`"));
        case(" ext::sh", Some("`ext::`"));
        case("fd::3", Some("`fd::`"));
        case("https://alice:secret@host.example/x", Some("credential helper"));
        case("https://alice:sec/ret@host.example/x", Some("credential helper"));
        case("https://ghp_abc@host.example/x", Some("credential helper"));
        case("https://:secret@host.example/x", Some("credential helper"));
        case("https://alice@host.example/x.git", Some("`credential.<URL>.username`"));
        case("HTTP://alice:@host.example/x.git", Some("credential helper"));
        case("gcrypt::https://alice@host.example/x.git", Some("credential helper"));
        case("ssh://git:secret@host.example/x", Some("credential helper"));
        case("alice:secret@host.example", Some("credential helper"));
    }

    #[test]
    fn a_refusal_does_not_repeat_the_secret() {
        assert!(!checked_remote("https://alice:hunter2@h/x").unwrap_err().contains("hunter2"));
    }
}
