//! The JSON in the reference is what the program prints, and reads back as the program's own types.
//!
//! A comment before a block, `<!-- example: NAME -->`, names what [`World::play`] collects.

use super::{blocks, compare, normal, pages, read, with_blocks};
use crate::environment::{Environment, NOW};
use patch_moi::event::Event;
use patch_moi::ledger::record::Record;
use patch_moi::loopback::{Response, Server};
use patch_moi::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The examples by their names.
type Examples = BTreeMap<&'static str, String>;

/// A fork with a forge, an upstream, and a release feed.
struct World {
    environment: Environment,
    server: Server,
    /// What the feed answers: a status, or the versions that it shows.
    feed: Arc<Mutex<Result<Vec<&'static str>, u16>>>,
    minutes: u64,
    examples: Examples,
}

impl World {
    fn new() -> Self {
        let environment = Environment::new();
        environment.repository("upstream");
        environment.commit("upstream", "greeting", "hello\n");
        environment.tag("upstream", "v1.0");
        environment.bare_clone("upstream", "forge.git");
        let forge = environment.path("forge.git");
        environment.git("", &["clone", "--quiet", forge.to_str().unwrap(), "fork"]);
        environment.git("fork", &["remote", "set-url", "origin", "../forge.git"]);
        environment.program(
            "runner",
            "#!/bin/sh\nif [ -e ../broken ]; then echo 'no space left' >&2; exit 1; fi\ncat ../answer\n",
        );
        let feed: Arc<Mutex<Result<Vec<&'static str>, u16>>> = Arc::new(Mutex::new(Ok(vec!["1.1", "1.0"])));
        let shown = Arc::clone(&feed);
        let server = Server::start(move |_| match &*shown.lock().unwrap() {
            Ok(versions) => Response::new(200).body(atom(versions)),
            Err(429) => Response::new(429).header("Retry-After", "600"),
            Err(status) => Response::new(*status),
        });
        Self { environment, server: server.unwrap(), feed, minutes: 0, examples: Examples::new() }
    }

    /// The lines of JSON that the command prints, a minute after the last one.
    fn patch(&mut self, args: &[&str]) -> Vec<String> {
        self.minutes += 1;
        let now = NOW.parse::<Timestamp>().unwrap().after(Duration::from_secs(60 * self.minutes));
        let server = self.server.url("");
        let output = self.environment.patch(args).env("PATCH_NOW", now.to_string()).in_dir("fork").run();
        let text = normal(&output.stdout.replace(&server, "https://git.example"));
        text.lines().map(timeless).collect()
    }

    fn shows(&self, feed: Result<Vec<&'static str>, u16>) {
        *self.feed.lock().unwrap() = feed;
    }

    /// Keeps the first of `lines` that has these words.
    #[track_caller]
    fn keep(&mut self, name: &'static str, lines: &[String], words: &[&str]) {
        let line = lines.iter().find(|line| words.iter().all(|word| line.contains(word)));
        let line = line.unwrap_or_else(|| panic!("no {name} in {lines:#?}"));
        assert!(self.examples.insert(name, line.clone()).is_none());
    }

    /// Plays a watch's life, and returns the examples.
    fn play(mut self) -> Examples {
        let answer = block("docs/reference/runs.md", "flow document");
        self.environment.write("answer", &answer);
        let feed = self.server.url("/acme/widget/releases.atom");
        let added = ["watch", "add", &feed, "--dispatch", "codex-flow", "--command", "../runner", "--json"];
        let lines = self.patch(&added);
        self.keep("watch add", &lines, &[]);
        let lines = self.patch(&["poll", "--json"]);
        self.keep("primed", &lines, &["primed"]);
        self.shows(Ok(vec!["1.3-rc1", "1.2", "1.1"]));
        let lines = self.patch(&["poll", "--json"]);
        self.keep("skipped", &lines, &["\"skipped\""]);
        self.keep("signal", &lines, &["\"signal\""]);
        self.keep("dispatch", &lines, &["\"kind\":\"dispatch\""]);
        self.keep("run", &lines, &["\"run\""]);
        let lines = self.patch(&["watch", "list", "--json"]);
        self.keep("watch list", &lines, &[]);
        let lines = self.patch(&["watch", "check", "--json"]);
        self.keep("watch check", &lines, &["v1.2"]);
        self.keep("watch check passed over", &lines, &["v1.3-rc1"]);
        let event = self.patch(&["event", "v1.2"]);
        self.examples.insert("event", pretty(&event[0]));
        self.trouble();
        self.refs();
        self.channel();
        let lines = self.patch(&["doctor", "--json"]);
        self.keep("finding", &lines, &["configuration"]);
        self.channels();
        self.examples
    }

    fn trouble(&mut self) {
        self.environment.write("broken", "");
        self.environment.git("fork", &["config", "watch.widget.policy", "latest"]);
        self.shows(Ok(vec!["1.4", "1.2"]));
        self.patch(&["poll", "--json"]);
        let lines = self.patch(&["status", "--json"]);
        self.keep("status", &lines, &["retrying"]);
        self.keep("status of what waits", &lines, &["\"kind\":\"waiting\""]);
        self.shows(Ok(vec!["9.1", "9.0"]));
        let lines = self.patch(&["poll", "--json"]);
        self.keep("gap", &lines, &["\"gap\""]);
        self.keep("superseded", &lines, &["superseded"]);
        self.shows(Err(429));
        let lines = self.patch(&["poll", "--json"]);
        self.keep("watch error", &lines, &["watchError"]);
        self.patch(&["poll", "--json"]);
        let lines = self.patch(&["status", "--json"]);
        self.keep("status of a watch that fails", &lines, &["deferredUntil"]);
        self.minutes += 10;
        self.shows(Ok(vec!["9.1", "9.0"]));
        let lines = self.patch(&["poll", "--json"]);
        self.keep("watch recovered", &lines, &["watchError"]);
    }

    fn refs(&mut self) {
        self.environment.git("fork", &["remote", "add", "upstream", "../upstream"]);
        self.patch(&["watch", "remove", "widget"]);
        self.patch(&["watch", "add", "upstream", "--name", "main", "--branch", "main"]);
        self.patch(&["watch", "add", "upstream", "--name", "tags"]);
        let lines = self.patch(&["poll", "--json"]);
        self.keep("primed branch", &lines, &["\"head\""]);
        let first = self.environment.git("upstream", &["rev-parse", "HEAD"]);
        self.environment.commit("upstream", "greeting", "hello, world\n");
        let lines = self.patch(&["poll", "--json"]);
        self.keep("signal branch", &lines, &["\"signal\""]);
        self.environment.git("upstream", &["reset", "--quiet", "--hard", &first]);
        self.environment.commit("upstream", "greeting", "good day\n");
        self.environment.git("upstream", &["tag", "--force", "--annotate", "--message", "again", "v1.0"]);
        self.environment.git("fork", &["config", "patch.notify", "sh -c 'cat > ../heard'"]);
        let lines = self.patch(&["poll", "--json"]);
        self.keep("notice", &lines, &["\"notice\""]);
        let heard = self.environment.read("heard").replace(self.environment.root().to_str().unwrap(), "$TEMP");
        let heard: Value = serde_json::from_str(&normal(&heard)).unwrap();
        self.examples.insert("notice handed over", serde_json::to_string_pretty(&heard).unwrap());
        self.environment.git("fork", &["config", "--unset", "patch.notify"]);
        self.keep("signal rewritten", &lines, &["\"rewritten\""]);
        self.keep("signal moved", &lines, &["\"moved\""]);
        self.environment.git("upstream", &["tag", "v1.1"]);
        self.patch(&["poll"]);
        let lines = self.patch(&["replay", "v1.1", "--to", "trigger-branch", "--json"]);
        self.keep("request", &lines, &["\"request\""]);
        self.keep("run trigger", &lines, &["\"run\""]);
        self.environment.git("upstream", &["tag", "--delete", "v1.1"]);
        let lines = self.patch(&["poll", "--json"]);
        self.keep("signal gone", &lines, &["\"gone\""]);
    }

    /// A channel that is moved to a candidate.
    fn channel(&mut self) {
        let candidate = self.environment.commit("fork", "greeting", "hello, all\n");
        let to = "HEAD:refs/heads/patch-moi/candidate/tags/v1.1";
        self.environment.git("fork", &["push", "--quiet", "origin", to]);
        self.environment.git("fork", &["reset", "--quiet", "--hard", "HEAD~"]);
        self.environment.git("fork", &["config", "channel.preview.ref", "preview"]);
        self.environment.git("fork", &["config", "channel.preview.watch", "tags"]);
        self.patch(&["promote", "--channel", "preview", "--reviewed", "v1.1"]);
        let lines = self.patch(&["status", "--json"]);
        self.keep("status of a channel", &lines, &["\"kind\":\"channel\"", &candidate]);
    }

    /// A patch is carried to two releases, which a channel follows.
    fn channels(&mut self) {
        self.environment.commit("fork", "motto", "be kind\n");
        self.environment.git("fork", &["push", "--quiet", "origin", "HEAD:main"]);
        let settings = [
            ("watch.tags.dispatch", "carry"),
            ("watch.tags.push", "true"),
            ("watch.tags.verify", "grep -q kind motto"),
            ("channel.internal.ref", "internal"),
            ("channel.internal.watch", "tags"),
            ("channel.internal.promote", "verified"),
        ];
        for (key, value) in settings {
            self.environment.git("fork", &["config", key, value]);
        }
        self.environment.git("upstream", &["tag", "v2.0"]);
        let lines = self.patch(&["poll", "--json"]);
        self.keep("run carry", &lines, &["\"run\""]);
        self.keep("review", &lines, &["\"state\":\"awaiting\""]);
        self.keep("promotion", &lines, &["\"promotion\""]);
        let lines = self.patch(&["approve", "v2.0", "-m", "range-diff is clean", "--json"]);
        self.keep("review approved", &lines, &["\"approved\""]);
        self.environment.commit("upstream", "greeting", "good evening\n");
        self.environment.git("upstream", &["tag", "v2.1"]);
        self.patch(&["poll"]);
        self.environment.git("fork", &["push", "--quiet", "--force", "origin", "patch-moi/candidate/tags/v2.1:main"]);
        let lines = self.patch(&["sync", "--json"]);
        self.keep("review landed", &lines, &["\"landed\""]);
        let lines = self.patch(&["promote", "--channel", "internal", "--rollback", "-m", "login fails", "--json"]);
        self.keep("promotion rolled back", &lines, &["\"rolled-back\""]);
    }
}

/// A feed as Forgejo serves it, the newest release first.
fn atom(versions: &[&str]) -> String {
    let entry = |version: &&str| {
        let number: u32 = version.bytes().filter(u8::is_ascii_digit).map(u32::from).sum();
        let day = number % 28 + 1;
        format!(
            "<entry><title>Widget {version}</title><updated>2025-12-{day:02}T12:00:00Z</updated>\
             <id>{number}: /acme/widget/releases/tag/v{version}</id><author><name>Ursula</name></author>\
             <link rel=\"alternate\" href=\"/acme/widget/releases/tag/v{version}\"/>\
             <content type=\"html\">Fixes.</content></entry>"
        )
    };
    let entries: String = versions.iter().map(entry).collect();
    format!("<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>Widget</title><id>x</id>{entries}</feed>")
}

/// The line with the same duration every time.
fn timeless(line: &str) -> String {
    match line.split_once("\"durationMs\":") {
        Some((before, after)) => {
            format!("{before}\"durationMs\":5{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None => line.to_owned(),
    }
}

fn pretty(event: &str) -> String {
    serde_json::to_string_pretty(&serde_json::from_str::<Event>(event).unwrap()).unwrap()
}

/// The text of the block with this comment before it.
#[track_caller]
pub fn block(page: &str, comment: &str) -> String {
    let text = read(page);
    let found = blocks(&text).into_iter().find(|block| block.comment == Some(comment));
    found.unwrap_or_else(|| panic!("{page} has no block after <!-- {comment} -->")).lines.join("\n")
}

#[test]
fn examples_are_what_the_program_prints() {
    let mut examples = World::new().play();
    for page in pages() {
        let text = read(&page);
        let mut replaced = Vec::new();
        for block in blocks(&text) {
            let Some(name) = block.comment.and_then(|comment| comment.strip_prefix("example: ")) else { continue };
            let example = examples.remove(name).unwrap_or_else(|| panic!("{page}: there is no example `{name}`"));
            replaced.push((block, example.lines().map(str::to_owned).collect()));
        }
        if !replaced.is_empty() {
            compare(&page, &with_blocks(&text, &replaced));
        }
    }
    assert_eq!(examples.keys().collect::<Vec<_>>(), Vec::<&&str>::new(), "nobody shows these");
}

#[test]
fn examples_read_back_as_the_programs_own_types() {
    let mut counts = BTreeMap::new();
    for page in pages() {
        let text = read(&page);
        for block in blocks(&text).iter().filter(|block| block.language == "json") {
            let documents =
                serde_json::Deserializer::from_str(&block.lines.join("\n")).into_iter::<Value>().collect::<Vec<_>>();
            for document in documents {
                let document = document.unwrap_or_else(|error| panic!("{page}, line {}: {error}", block.start));
                // what does not come back is a field that the type does not have
                let (kind, again) = if document.get("repository").is_some() {
                    ("what is handed over", document.clone())
                } else if document.get("v").is_some() {
                    ("record", json!(serde_json::from_value::<Record>(document.clone()).unwrap()))
                } else if document.get("payload").is_some() {
                    ("event", json!(serde_json::from_value::<Event>(document.clone()).unwrap()))
                } else {
                    ("other", document.clone())
                };
                assert_eq!(document, again, "{page}, line {}", block.start);
                *counts.entry(kind).or_insert(0) += 1;
            }
        }
    }
    assert!(counts["record"] >= 12 && counts["event"] >= 1, "{counts:?}");
}
