//! The programs of `docs/guides/notifications.md` do what the page says, with what strangers wrote.

use super::listening;
use crate::docs::block;
use crate::environment::{Output, is_installed};
use crate::fork::Fork;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

/// What a stranger has a run say.
const HOSTILE: &str = r#"@everyone <!channel> \"$(touch pwned)`touch pwned`' <b>&amp;</b> %s\\n \u202egröße"#;

/// The same as the notice has it.
const SAID: &str = r#"@everyone <!channel> "$(touch pwned)`touch pwned`' <b>&amp;</b> %s\n \u{202e}größe"#;

const NEXT: &str = "patch show v1.1.0; patch retry v1.1.0";

/// Polls a fork whose run is blocked, with the page's program of this name; `change` adapts it.
fn told(name: &str, stubs: &[&str], change: impl Fn(&str) -> String) -> (Fork, Output) {
    let fork = listening();
    let text = block("docs/guides/notifications.md", &format!("script: {name}"));
    let program = fork.environment().program("home/bin/patch-notify", &change(&text));
    for stub in stubs {
        let keep = "#!/bin/sh\nprintf '%s\\n' \"$@\" > \"$ROOT/args\"\ncat > \"$ROOT/mail\"\n";
        fork.environment().program(format!("stubs/{stub}"), keep);
    }
    fork.set("patch.notify", program.to_str().unwrap());
    let said = format!(r#"FLOW_RESULT {{"status":"blocked","message":"{HOSTILE}"}}"#);
    fork.environment().write("said", &said);
    fork.says("cat \"$ROOT/said\"");
    fork.release("v1.1.0");
    let path = format!("{}:{}", fork.path("stubs").display(), std::env::var("PATH").unwrap());
    let poll = fork.patch(&["poll"]).env("PATH", path).run();
    assert!(!fork.path("fork/pwned").exists() && !fork.path("pwned").exists());
    (fork, poll)
}

fn message() -> String {
    format!("up: v1.1.0 -> command: blocked: {SAID}")
}

/// A request as a webhook gets it: its first line, its headers, its body.
struct Posted {
    first: String,
    head: String,
    body: Value,
}

/// A webhook that takes one request, and its address.
fn webhook() -> (String, mpsc::Receiver<Posted>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, posted) = mpsc::channel();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(&stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let length = lines.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap()];
        reader.read_exact(&mut body).unwrap();
        (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").unwrap();
        let body = serde_json::from_slice(&body).unwrap();
        sender.send(Posted { first: lines.remove(0), head: lines.join("\n"), body }).unwrap();
    });
    (address, posted)
}

/// What the webhook gets from the page's program of this name; `config` is curl's.
fn posted(name: &str, config: &dyn Fn(&str) -> String, change: &dyn Fn(&str, &str) -> String) -> Posted {
    let (address, posted) = webhook();
    // The program may write its file only after the home is made: so it brings it along.
    let file = config(&address);
    let (_fork, poll) = told(name, &[], |text| {
        let made = format!("#!/bin/sh\nmkdir -p ~/.config\ncat > ~/.config/patch-notify.curl <<'END'\n{file}\nEND\n");
        change(&text.replacen("#!/bin/sh\n", &made, 1), &address)
    });
    assert_eq!(poll.stderr, "", "{poll}");
    posted.recv().unwrap()
}

fn url(address: &str) -> String {
    format!("url = \"{address}/hook\"")
}

fn as_it_is(text: &str, _: &str) -> String {
    text.to_owned()
}

fn are_installed(programs: &[&str]) -> bool {
    programs.iter().all(|program| is_installed(program))
}

#[test]
fn a_mail_has_nothing_of_strangers_in_its_headers() {
    if !are_installed(&["jq"]) {
        return;
    }
    let (fork, poll) = told("sendmail", &["sendmail"], str::to_owned);
    assert_eq!(poll.stderr, "", "{poll}");
    let expected = format!(
        "To: ann@example.org\nSubject: patch: failed, watch up\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\n\n{}\n{NEXT}\n{}\n",
        message(),
        fork.path("fork").display()
    );
    assert_eq!(fork.environment().read("mail"), expected);
    assert_eq!(fork.environment().read("args"), "-oi\n-t\n");
    let (fork, poll) = told("mail", &["mail"], str::to_owned);
    assert_eq!(poll.stderr, "", "{poll}");
    let expected = format!("{}\n{NEXT}\n{}\n", message(), fork.path("fork").display());
    assert_eq!(fork.environment().read("mail"), expected);
    assert_eq!(fork.environment().read("args"), "-s\npatch: failed\nann@example.org\n");
}

#[test]
fn a_slack_message_calls_nobody() {
    if !are_installed(&["jq", "curl"]) {
        return;
    }
    let posted = posted("slack", &url, &as_it_is);
    assert_eq!(posted.first, "POST /hook HTTP/1.1");
    assert!(posted.head.contains("Content-Type: application/json"), "{}", posted.head);
    let text = format!("{}\n{NEXT}", message()).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    assert_eq!(posted.body, serde_json::json!({ "text": text }));
}

#[test]
fn a_discord_message_calls_nobody() {
    if !are_installed(&["jq", "curl"]) {
        return;
    }
    let posted = posted("discord", &url, &as_it_is);
    let content = format!("{}\n{NEXT}", message());
    assert_eq!(posted.body, serde_json::json!({ "content": content, "allowed_mentions": { "parse": [] } }));
}

#[test]
fn a_matrix_message_has_a_name_and_a_secret_that_nobody_sees() {
    if !are_installed(&["jq", "curl"]) {
        return;
    }
    let token = |_: &str| "header = \"Authorization: Bearer secret\"".to_owned();
    let here = |text: &str, address: &str| text.replace("https://matrix.example.org", address);
    let one = posted("matrix", &token, &here);
    let begin = "PUT /_matrix/client/v3/rooms/%21abc:example.org/send/m.room.message/";
    let name = one.first.strip_prefix(begin).and_then(|rest| rest.strip_suffix(" HTTP/1.1")).unwrap();
    assert_eq!(name.len(), 32);
    assert!(one.head.contains("Authorization: Bearer secret"), "{}", one.head);
    assert_eq!(one.body, serde_json::json!({ "msgtype": "m.text", "body": format!("{}\n{NEXT}", message()) }));
}

#[test]
fn the_desktop_shows_no_markup_of_strangers() {
    if !are_installed(&["jq"]) {
        return;
    }
    let (fork, poll) = told("desktop", &["notify-send"], str::to_owned);
    assert_eq!(poll.stderr, "", "{poll}");
    let args = fork.environment().read("args");
    let (options, body) = args.split_once("patch: failed\n").unwrap();
    assert_eq!(options, "--app-name=patch\n--urgency=critical\n--\n");
    assert!(body.starts_with("up: v1.1.0 -&gt; command: blocked: @everyone &lt;!channel&gt;"), "{body}");
    assert!(!body.contains(['<', '>', '"', '\'']), "{body}");
}

#[test]
fn two_programs_hear_the_same() {
    let (fork, poll) = told("both", &[], |text| text.replace("~/bin/patch-notify-", "hear-"));
    assert!(poll.stderr.contains("hear-mail"), "{poll}");
    for name in ["mail", "desktop"] {
        fork.environment().program(format!("stubs/hear-{name}"), &format!("#!/bin/sh\ncat > \"$ROOT/{name}\"\n"));
    }
    let path = format!("{}:{}", fork.path("stubs").display(), std::env::var("PATH").unwrap());
    fork.patch(&["poll"]).env("PATH", path).success();
    let heard = fork.environment().read("mail");
    assert!(heard.contains("\"reason\":\"failed\""), "{heard}");
    assert_eq!(heard, fork.environment().read("desktop"));
}

#[test]
fn a_webhook_that_refuses_leaves_the_notice_to_be_told() {
    if !are_installed(&["jq", "curl"]) {
        return;
    }
    let (fork, poll) = told("slack", &[], str::to_owned);
    assert_eq!(poll.status, 1);
    assert!(poll.stderr.contains("did not take 1 notice"), "{poll}");
    assert_eq!(super::recorded(&fork), 0);
}
