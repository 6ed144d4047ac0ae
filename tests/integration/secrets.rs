//! Secrets stay home: one word is planted wherever a secret can be, everything is run, and every byte
//! that was printed, written, pushed or given to a child is searched for it.

use crate::environment::{Environment, Output, Run};
use crate::fork::Fork;
use crate::upstream::{Feeds, atom, atom_with, document};
use patch_moi::loopback::Response;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;

/// The secret, and the same as it may stand in a URL.
const CANARY: &str = "s3cr3tCanary";
const ENCODED: &str = "s3cr3t%43anary";

#[track_caller]
fn assert_kept(what: &str, text: &str) {
    for secret in [CANARY, ENCODED] {
        let at = text.find(secret);
        let around = at.map(|at| text[..at].lines().next_back().unwrap_or_default().to_owned());
        assert!(at.is_none(), "{what} tells the secret behind {around:?}");
    }
}

/// A fork, the servers of its upstreams, and a `git` that keeps its arguments.
struct World {
    fork: Fork,
    feeds: Feeds,
    other: Feeds,
}

impl World {
    fn new() -> Self {
        let fork = Fork::dispatching("command", "cat \"$PATCH_EVENT_FILE\"");
        let path = std::env::var_os("PATH").unwrap();
        let git = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|git| git.is_file()).unwrap();
        let wrapper =
            format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >> \"$ROOT/arguments\"\nexec {} \"$@\"\n", git.display());
        fork.environment().program("bin/git", &wrapper);
        Self { fork, feeds: Feeds::new(), other: Feeds::new() }
    }

    fn environment(&self) -> &Environment {
        self.fork.environment()
    }

    /// The program, with the `git` that keeps its arguments.
    fn patch(&self, args: &[&str]) -> Run<'_> {
        let path = format!("{}:{}", self.fork.path("bin").display(), std::env::var("PATH").unwrap());
        self.fork.patch(args).env("PATH", path).env("PATCH_BACKTRACE", "1")
    }

    /// Runs the program; what it says tells nothing.
    #[track_caller]
    fn says(&self, args: &[&str]) -> Output {
        let output = self.patch(args).run();
        assert_kept(&format!("{args:?}"), &format!("{output}"));
        output
    }

    /// Every way to look at what is known of a signal, in words and as JSON.
    #[track_caller]
    fn look_around(&self) {
        for args in ["status", "log --limit 0", "watch list", "watch check", "dispatch --dry-run", "poll --dry-run"] {
            let args: Vec<&str> = args.split(' ').collect();
            self.says(&args);
            self.says(&[&args[..], &["--json"]].concat());
        }
        self.says(&["report"]);
        assert_kept("the page", &self.environment().read("fork/patch-report/index.html"));
        let ids: Vec<String> =
            self.fork.records().iter().filter_map(|it| it["id"].as_str().map(str::to_owned)).collect();
        assert!(!ids.is_empty());
        for id in &ids {
            for args in [&["show"][..], &["show", "--json"], &["show", "--log"], &["event"]] {
                self.says(&[args, &["--", id]].concat());
            }
        }
        self.says(&["replay", "--", &ids[0]]);
        self.says(&["retry", "--all"]);
        self.says(&["retry", "--all", "--json"]);
    }

    /// Every file of ours, and every object of the repositories, tells nothing.
    #[track_caller]
    fn assert_nothing_written(&self) {
        let mut places: Vec<PathBuf> = ["state", "home", "forge.git", "fork", "events", "stdin", "args", "arguments"]
            .iter()
            .map(|place| self.fork.path(place))
            .filter(|place| place.exists())
            .collect();
        let mut count = 0;
        while let Some(place) = places.pop() {
            if place.is_dir() {
                places.extend(fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()));
            } else if place.is_file() && place != self.fork.path("fork/.git/config") {
                count += 1;
                assert_kept(place.to_str().unwrap(), &String::from_utf8_lossy(&fs::read(&place).unwrap()));
            }
            assert_kept("a path", place.to_str().unwrap());
        }
        assert!(count > 30, "{count} files");
        for repository in ["fork", "forge.git"] {
            let objects = ["cat-file", "--batch-all-objects", "--batch", "--unordered"];
            assert_kept(repository, &self.environment().git(repository, &objects));
            assert_kept(repository, &self.environment().git(repository, &["for-each-ref"]));
        }
    }
}

/// The address of a server with a user and a password.
fn with_user(url: &str) -> String {
    url.replace("http://", &format!("http://me:{ENCODED}@"))
}

/// A feed whose server repeats the token of the request in every link, as some do.
fn echoing(tags: &[&str]) -> String {
    let query = format!("private_token={ENCODED}&amp;again={CANARY}");
    let mut entries = String::new();
    for tag in tags {
        let page = format!("https://forge.example/o/p/releases/tag/{tag}?{query}");
        // Of the second nothing but its link tells what it is.
        let link = format!("https://forge.example/n?{query}&amp;n={tag}");
        entries.extend([
            format!("<entry><id>{page}</id><title>{tag} {CANARY}</title><link href=\"{page}\"/></entry>"),
            format!("<entry><title>Notes on {tag}</title><link href=\"{link}\"/></entry>"),
        ]);
    }
    document(&format!("<link rel=\"self\" href=\"/f?{query}\"/>{entries}"))
}

#[test]
fn a_token_in_the_address_of_a_feed_goes_to_its_server_and_nowhere_else() {
    let world = World::new();
    let address = format!("/f?private_token={ENCODED}&x=1#access_token={CANARY}");
    let asked = format!("/f?private_token={ENCODED}&x=1");
    world.fork.set("watch.token.feed", &world.feeds.url(&address));
    world.fork.set("watch.token.command", world.fork.path("bin/runner").to_str().unwrap());
    world.fork.set("watch.token.dispatch", "command");
    world.fork.add("watch.token.dispatch", "trigger-branch");
    world.feeds.show(&asked, echoing(&["v1"]));
    world.says(&["poll"]);
    world.feeds.show(&asked, echoing(&["v2", "v1"]));
    let told = world.says(&["poll"]);
    assert!(told.stdout.contains("token: v2 is new"), "{told}");
    assert!(told.stdout.contains("v2 -> trigger-branch: completed"), "{told}");
    assert_eq!(told.stdout.matches(" is new").count(), 2, "{told}");
    assert_eq!(world.feeds.asked()[..2], [asked.clone(), format!("{asked}?")]);
    let event = world.says(&["event", "v2"]).stdout;
    assert!(event.contains("?private_token=***"), "{event}");
    world.look_around();
    world.assert_nothing_written();
    // Another token is the same feed, and no news.
    world.environment().git("fork", &["config", "watch.token.feed", &world.feeds.url("/f?private_token=another-one")]);
    let again = echoing(&["v2", "v1"]).replace(CANARY, "another-one").replace(ENCODED, "another-one");
    world.feeds.show("/f?private_token=another-one", again);
    let told = world.says(&["poll"]);
    assert_eq!((told.status, told.stdout.as_str(), told.stderr.as_str()), (0, "", ""), "{told}");
}

#[test]
fn an_older_page_is_asked_for_with_the_token_that_was_taken_out() {
    let world = World::new();
    let page = |number: u32| format!("/f?private_token={CANARY}&page={number}");
    let next = |number: u32| format!("<link rel=\"next\" href=\"/f?private_token={CANARY}&amp;page={number}\"/>");
    world.fork.set("watch.token.feed", &world.feeds.url(&page(1)));
    world.feeds.show(&page(1), atom(&["v1"]));
    world.says(&["poll"]);
    world.feeds.show(&page(1), atom_with(&next(2), &["v4"]));
    world.feeds.show(&page(2), atom_with(&next(3), &["v3"]));
    world.feeds.show(&page(3), atom(&["v2", "v1"]));
    let told = world.says(&["poll"]);
    assert_eq!(told.stdout.matches(" is new").count(), 3, "{told}");
    assert_eq!(world.feeds.asked()[2..], [page(2), page(3)]);
    world.look_around();
}

#[test]
fn a_redirect_carries_nothing_to_another_origin() {
    let world = World::new();
    let query = format!("?access_token={CANARY}");
    let signed = format!("/signed?sig={CANARY}&X-Amz-Signature={ENCODED}");
    let location = format!("{}#token={CANARY}", world.other.url(&signed));
    world.feeds.answer(&format!("/hop{query}"), Response::new(302).header("Location", &location));
    world.feeds.answer(&format!("/away{query}"), Response::new(302).header("Location", &world.other.url("/plain")));
    world.other.show(&signed, atom(&["v1"]));
    world.other.show("/plain", atom(&["v1"]));
    for name in ["hop", "away"] {
        world.fork.set(&format!("watch.{name}.feed"), &world.feeds.url(&format!("/{name}{query}")));
        world.fork.set(&format!("watch.{name}.dispatch"), "trigger-branch");
    }
    assert_eq!(world.says(&["poll"]).status, 0);
    world.other.show(&signed, atom(&["v2", "v1"]));
    world.other.show("/plain", atom(&["v2", "v1"]));
    let told = world.says(&["poll"]);
    assert!(told.stdout.contains("hop: v2 is new") && told.stdout.contains("away: v2 is new"), "{told}");
    // The validators are sent to the signed address again, which is nowhere to be read.
    world.says(&["poll"]);
    assert!(world.other.asked().contains(&format!("{signed}?")), "{:?}", world.other.asked());
    assert!(world.other.asked().iter().all(|asked| !asked.contains("access_token")));
    world.look_around();
    world.assert_nothing_written();
}

#[test]
fn failures_of_a_feed_name_it_without_its_secrets() {
    let world = World::new();
    let query = format!("?feed_token={CANARY}&pass={ENCODED}");
    let page = format!(
        "<html><head><link rel=\"alternate\" type=\"application/atom+xml\" href=\"/x?feed_token={CANARY}\"></head></html>"
    );
    let answers = [
        Response::new(401).header("WWW-Authenticate", &format!("Basic realm=\"{CANARY}\"")),
        Response::new(404).body(CANARY),
        Response::new(429).header("Retry-After", CANARY),
        Response::new(500),
        Response::new(418),
        Response::new(302),
        Response::new(302).header("Location", &format!("http://me:{CANARY}@127.0.0.1:1/")),
        Response::new(302).header("Location", &format!("http://{CANARY}@127.0.0.1:1/")),
        Response::new(302).header("Location", &format!("http://127.0.0.1:1/?token={ENCODED}")),
        Response::new(302).header("Location", &format!("ftp://me:{CANARY}@h/?token={CANARY}")),
        Response::new(302).header("Location", &format!("data:text/plain,{CANARY}")),
        Response::new(302).header("Location", &format!("http://[{CANARY}")),
        Response::new(200).body(page),
        Response::new(200).body(format!("<{CANARY}>")),
        Response::new(200).body(format!("<feed><{CANARY}></feed>")),
        Response::new(200).header("Content-Encoding", CANARY).body("x"),
        Response::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {CANARY}\r\n\r\n")),
        Response::raw(format!("{CANARY}\r\n\r\n")),
    ];
    world.fork.set("watch.bad.feed", &world.feeds.url(&format!("/bad{query}")));
    for (number, answer) in answers.into_iter().enumerate() {
        world.feeds.answer(&format!("/bad{query}"), answer);
        let told = world.says(&["poll", "bad"]);
        assert!(
            told.status == 1 && told.stderr.contains("/bad?feed_token=***&pass=***")
                || told.stderr.contains("127.0.0.1:1/?token=***"),
            "{number}: {told}"
        );
        world.says(&["watch", "check", "bad"]);
        world.says(&["watch", "check", "bad", "--json"]);
        world.says(&["status"]);
    }
    for address in ["/bad", "/page/"] {
        world.says(&["watch", "add", "--name", "x", &world.feeds.url(&format!("{address}{query}"))]);
    }
    world.says(&["log", "--json"]);
    let ledger = world.fork.ledger();
    assert_kept("the ledger", &ledger);
}

#[test]
fn a_remote_that_holds_a_password_works_and_is_never_told() {
    let world = World::new();
    let refs = "/up.git/info/refs?service=git-upload-pack";
    let sha = world.environment().git("upstream", &["rev-parse", "HEAD"]);
    let listed =
        |tags: &[&str]| tags.iter().map(|tag| format!("{sha}\trefs/tags/{tag}\n")).collect::<Vec<_>>().concat();
    world.environment().git("fork", &["remote", "add", "private", &with_user(&world.feeds.url("/up.git"))]);
    world.fork.set("watch.private.remote", "private");
    world.fork.set("watch.private.dispatch", "trigger-branch");
    // Credentials are asked for, and then sent; to that server alone.
    let authorized = |body: String| {
        move |request: &patch_moi::loopback::Request| match request.header("authorization") {
            None => Response::new(401).header("WWW-Authenticate", "Basic realm=\"x\""),
            Some(_) => Response::new(200).header("Content-Type", "text/plain").body(body.clone()),
        }
    };
    world.feeds.handle(refs, authorized(listed(&["v1"])));
    let told = world.says(&["poll"]);
    assert_eq!((told.status, told.stdout.contains("private: first sight: 1 entry")), (0, true), "{told}");
    world.feeds.handle(refs, authorized(listed(&["v1", "v2"])));
    let told = world.says(&["poll"]);
    assert!(told.stdout.contains("private: v2 -> trigger-branch: completed"), "{told}");
    world.look_around();
    for answer in [
        Response::new(401).header("WWW-Authenticate", "Basic realm=\"x\""),
        Response::new(403),
        Response::new(404),
        Response::new(500),
        Response::new(302).header("Location", &with_user(&world.other.url(&format!("/x?token={CANARY}")))),
        Response::new(302).header("Location", &world.other.url(&format!("/info/refs?token={CANARY}"))),
        Response::raw("nonsense"),
    ] {
        world.feeds.answer(refs, answer);
        let told = world.says(&["poll"]);
        assert!(told.status == 1 && told.stderr.contains("error: watch `private`: git ls-remote: "), "{told}");
        world.says(&["status", "--json"]);
        world.says(&["watch", "check", "private"]);
    }
    world.says(&["watch", "add", "--name", "again", "private"]);
    // The same for the fork.
    world.environment().git("fork", &["remote", "add", "mine", &with_user(&world.feeds.url("/fork.git"))]);
    world.fork.set("watch.up.fork", "mine");
    world.fork.set("watch.up.dispatch", "trigger-branch");
    world.fork.release("v3");
    let told = world.says(&["poll"]);
    assert!(told.stdout.contains("-> trigger-branch: failed: cannot read the fork `mine`"), "{told}");
    world.look_around();
    world.assert_nothing_written();
}

#[test]
fn the_words_of_a_remote_are_told_without_the_secrets_in_them() {
    let world = World::new();
    world.fork.set("watch.up.dispatch", "trigger-branch");
    let words = [
        format!("see https://me:{CANARY}@forge.example/o/p?token={CANARY}"),
        format!("see https://{ENCODED}@forge.example/ and ssh://git:{CANARY}@h/x"),
        format!("unable to access 'https://me:sec/{CANARY}@forge.example/x/'"),
        format!("redirected to http://h/?private_token={ENCODED}#access_token={CANARY}"),
        format!("me:{CANARY}@forge.example"),
    ];
    for (number, words) in words.iter().enumerate() {
        let hook = format!("#!/bin/sh\ncat <<'END' >&2\n{words}\nEND\nexit 1\n");
        world.environment().program("forge.git/hooks/pre-receive", &hook);
        world.fork.release(&format!("v2.{number}"));
        let told = world.says(&["poll"]);
        assert!(told.stdout.contains("trigger-branch: failed: the fork `origin` refused"), "{told}");
        assert!(told.stdout.contains("***"), "{told}");
    }
    world.look_around();
    fs::remove_file(world.fork.path("forge.git/hooks/pre-receive")).unwrap();
    world.fork.environment().write("home/tmp/program", "");
    world.assert_nothing_written();
}

#[test]
fn a_proxys_password_is_for_the_proxy() {
    let world = World::new();
    world.environment().git("fork", &["remote", "add", "web", "http://git.example/up.git"]);
    world.fork.set("watch.web.remote", "web");
    world.fork.set("watch.feed.feed", "http://feeds.example/f");
    // One that refuses, one that is not there, one that is no address.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(format!("HTTP/1.1 407 {CANARY}\r\nContent-Length: 0\r\n\r\n").as_bytes());
        }
    });
    for proxy in [refusing.to_string(), "127.0.0.1:1".to_owned(), "not a host".to_owned()] {
        let proxy = format!("http://me:{CANARY}@{proxy}");
        for args in
            [&["poll"][..], &["poll", "--json"], &["watch", "check"], &["watch", "add", "http://new.example/f.atom"]]
        {
            let run = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"];
            let run = run.iter().fold(world.patch(args), |run, name| run.env(name, &proxy));
            let told = run.run();
            assert_kept(&format!("{args:?} through {proxy}"), &told.to_string());
            assert_ne!(told.status, 0, "{told}");
        }
    }
    world.says(&["status"]);
    assert_kept("the ledger", &world.fork.ledger());
}

#[test]
fn a_secret_in_the_configuration_is_refused_with_the_way_to_do_it_right() {
    let world = World::new();
    for value in [
        format!("https://me:{CANARY}@h.example/x"),
        format!("https://me:{ENCODED}@h.example/x"),
        format!("https://{CANARY}@h.example/x"),
        format!("https://me:a/{CANARY}@h.example/x"),
        format!("https://me:{CANARY}@h.example:port/x"),
        format!("HTTP://:{CANARY}@h.example"),
        format!("ssh://git:{CANARY}@h.example/x"),
        format!("me:{CANARY}@h.example"),
    ] {
        for key in ["feed", "remote", "fork"] {
            let key = format!("watch.up.{key}");
            let run = |args: &[&str]| {
                let run = world.patch(args).env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", &key);
                run.env("GIT_CONFIG_VALUE_0", &value).run()
            };
            for args in [&["poll"][..], &["status"], &["watch", "list", "--json"]] {
                let told = run(args);
                assert_kept(&format!("{key} = {value}"), &told.to_string());
                assert_eq!((told.status, told.stdout.as_str()), (2, ""), "{key} = {value}: {told}");
                assert!(told.stderr.contains(&format!("error: {key} = ")), "{told}");
                let way = told.stderr.contains("credential") || key == "watch.up.feed" && !value.contains("http");
                assert!(way || told.stderr.contains("not a URL"), "{key} = {value}: {told}");
            }
        }
        for args in [&["--no-check"][..], &[]] {
            let told = world.patch(&[&["watch", "add", "--name", "x"], args, &[&value]].concat()).run();
            assert_kept(&value, &told.to_string());
            assert_eq!((told.status, told.stdout.as_str()), (2, ""), "{value}: {told}");
        }
    }
    assert!(!fs::read_to_string(world.fork.path("fork/.git/config")).unwrap().contains(CANARY));
    assert_kept("the arguments of git", &world.environment().read("arguments"));
}

/// A proxy that answers every request with that, whatever host is asked for; its address.
fn proxy(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                if line.ends_with("\r\n\r\n") {
                    let tunnel = line.starts_with("CONNECT ");
                    let answer = if tunnel { "HTTP/1.1 200 OK\r\n\r\n" } else { &answer };
                    let _ = (&stream).write_all(answer.as_bytes());
                    line.clear();
                    if !tunnel {
                        break;
                    }
                }
            }
        }
    });
    address
}

#[test]
fn a_public_server_cannot_send_us_to_a_private_one() {
    let world = World::new();
    world.other.show("/latest/meta-data", atom(&["v1"]));
    world.fork.set("watch.far.feed", "http://feeds.example/f");
    let port = world.other.origin().rsplit_once(':').unwrap().1.to_owned();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "10.0.0.1", "169.254.169.254", "0.0.0.0"]
    {
        let location = format!("http://{host}:{port}/latest/meta-data");
        let answer =
            format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let through = format!("http://{}", proxy(answer));
        let told = world.patch(&["poll", "far"]).env("http_proxy", &through).env("HTTP_PROXY", &through).run();
        assert_eq!((told.status, told.stdout.as_str()), (1, ""), "{host}: {told}");
        assert!(told.stderr.contains("http://feeds.example/f redirects into a private network"), "{host}: {told}");
    }
    assert_eq!(world.other.asked(), Vec::<String>::new());
    // A server of the private network may.
    world.feeds.answer("/f", Response::new(302).header("Location", &world.other.url("/latest/meta-data")));
    world.environment().git("fork", &["config", "watch.far.feed", &world.feeds.url("/f")]);
    let told = world.says(&["poll", "far"]);
    assert_eq!(world.other.asked(), ["/latest/meta-data"], "{told}");
}
