//! A fork and its upstream: feeds that a test changes between polls, served on this machine.

use crate::environment::{Environment, Output, Run};
use patch_moi::loopback::{Request, Response, Server};
use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

type Handler = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

/// A server whose answers a test changes; a path that nothing was put at is a 404.
pub struct Feeds {
    server: Server,
    handlers: Arc<Mutex<HashMap<String, Handler>>>,
}

impl Feeds {
    pub fn new() -> Self {
        let handlers = Arc::<Mutex<HashMap<String, Handler>>>::default();
        let shared = Arc::clone(&handlers);
        let server = Server::start(move |request| {
            let handler = shared.lock().unwrap().get(&request.target).cloned();
            handler.map_or_else(|| Response::new(404), |handler| handler(request))
        });
        Self { server: server.unwrap(), handlers }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// The server's address without a path.
    pub fn origin(&self) -> String {
        self.server.url("")
    }

    /// From now on the path has this document, with an entity tag of its own, and knows it again.
    pub fn show(&self, path: &str, document: impl Into<Vec<u8>>) {
        let document = document.into();
        let mut hasher = DefaultHasher::new();
        document.hash(&mut hasher);
        let tag = format!("\"{:x}\"", hasher.finish());
        self.handle(path, move |request| {
            if request.header("if-none-match") == Some(&tag) {
                Response::new(304)
            } else {
                Response::new(200).header("ETag", &tag).body(document.clone())
            }
        });
    }

    /// From now on the path answers this, with an entity tag that must not be kept.
    pub fn answer(&self, path: &str, response: Response) {
        self.handle(path, move |_| response.clone());
    }

    /// From now on the path's requests are handled so.
    pub fn handle(&self, path: &str, handler: impl Fn(&Request) -> Response + Send + Sync + 'static) {
        self.handlers.lock().unwrap().insert(path.to_owned(), Arc::new(handler));
    }

    /// What was asked so far: each path, with `?` where the request was conditional.
    pub fn asked(&self) -> Vec<String> {
        let conditional = |request: &Request| {
            request.header("if-none-match").or(request.header("if-modified-since")).map_or("", |_| "?")
        };
        self.server.requests().iter().map(|request| format!("{}{}", request.target, conditional(request))).collect()
    }
}

/// A repository `fork`, in which the program runs, and the server of its upstream's feeds.
pub struct Fork {
    pub environment: Environment,
    pub feeds: Feeds,
    directory: &'static str,
}

impl Fork {
    pub fn new() -> Self {
        let environment = Environment::new();
        environment.repository("fork");
        Self { environment, feeds: Feeds::new(), directory: "fork" }
    }

    /// A fork with one watch, `up`, of the feed at this path.
    pub fn watching(path: &str) -> Self {
        let fork = Self::new();
        fork.config("watch.up.feed", &fork.feeds.url(path));
        fork
    }

    /// A fork whose remote `upstream` is the repository `upstream` beside it, with one commit.
    pub fn with_remote() -> Self {
        let fork = Self::new();
        fork.environment.repository("upstream");
        fork.environment.commit("upstream", "file", "1\n");
        fork.environment.git("fork", &["remote", "add", "upstream", "../upstream"]);
        fork
    }

    /// Adds a value to the fork's configuration.
    #[track_caller]
    pub fn config(&self, key: &str, value: &str) {
        self.environment.git("fork", &["config", "--add", key, value]);
    }

    /// The program with these arguments, to be run in the fork.
    pub fn command(&self, args: &[&str]) -> Run<'_> {
        self.environment.patch(args).in_dir(self.directory)
    }

    /// What the program makes of these arguments in the fork.
    #[track_caller]
    pub fn patch(&self, args: &[&str]) -> Output {
        self.shown(&self.command(args).run())
    }

    /// What `patch poll` says.
    #[track_caller]
    pub fn poll(&self) -> Output {
        self.patch(&["poll"])
    }

    /// An output without what differs at every run: the server's port, the hash of a temporary path.
    pub fn shown(&self, output: &Output) -> Output {
        let text = |text: &str| {
            // Without the scheme: a test may ask the same port over https.
            let text = text.replace(self.feeds.origin().trim_start_matches("http:"), "//feeds");
            // `fork-` and the hash of a path that is another at every run
            let mut parts = text.split("/fork-");
            let first = parts.next().unwrap_or_default().to_owned();
            parts.fold(first, |text, part| match part.split_at_checked(12) {
                Some((hash, rest)) if hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => text + "/FOLDER" + rest,
                _ => text + "/fork-" + part,
            })
        };
        Output { status: output.status, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    fn state_folders(&self) -> Vec<String> {
        let root = self.environment.path("home/.local/state/patch-moi");
        let folders = fs::read_dir(root).into_iter().flatten().flatten();
        folders.map(|folder| folder.file_name().to_str().unwrap().to_owned()).collect()
    }

    /// The one ledger's file.
    #[track_caller]
    pub fn ledger_file(&self) -> PathBuf {
        let [folder] = &self.state_folders()[..] else { panic!("not one folder: {:?}", self.state_folders()) };
        self.environment.path("home/.local/state/patch-moi").join(folder).join("ledger.jsonl")
    }

    /// The ledger's text; empty if there is none.
    pub fn ledger(&self) -> String {
        if self.state_folders().is_empty() {
            return String::new();
        }
        fs::read_to_string(self.ledger_file()).unwrap_or_default()
    }

    /// The ledger in short: each record's kind with what it is about.
    pub fn records(&self) -> String {
        let mut lines = String::new();
        for line in self.ledger().lines() {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            let field = |name: &str| record[name].as_str().unwrap_or_default();
            let about = match field("kind") {
                "primed" => {
                    let keys = record["entries"].as_array().unwrap().iter().map(|entry| entry["key"].as_str().unwrap());
                    format!("{} {}", field("reason"), keys.collect::<Vec<_>>().join(" "))
                }
                "signal" => format!("{} {}", field("change"), field("id")),
                "skipped" => format!("{} {}", field("reason"), field("key")),
                "watchError" => record["error"]["kind"].as_str().unwrap_or("none").to_owned(),
                "gap" => field("oldest").to_owned(),
                _ => String::new(),
            };
            writeln!(lines, "{} {}: {about}", field("watch"), field("kind")).unwrap();
        }
        lines
    }

    /// Every file below the home directory and in the fork's Git directory with its text: what a
    /// command could write.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut directories = vec![self.environment.path("home"), self.environment.path("fork")];
        while let Some(directory) = directories.pop() {
            files.push((directory.clone(), Vec::new()));
            for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    directories.push(entry);
                } else {
                    files.push((entry.clone(), fs::read(&entry).unwrap()));
                }
            }
        }
        files.sort();
        files
    }
}

/// An Atom feed of releases as GitHub has them, newest first as they are given, without dates.
pub fn atom(tags: &[&str]) -> String {
    atom_with("", tags)
}

/// [`atom`], with more elements of the feed itself.
pub fn atom_with(head: &str, tags: &[&str]) -> String {
    let entries: String = tags.iter().map(|tag| release(tag, &format!("Release {tag}"))).collect();
    document(&format!("{head}{entries}"))
}

/// An Atom feed with these elements.
pub fn document(elements: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n\
         <id>tag:forge.example,2008:/o/p/releases</id><title>Release notes from p</title>\n{elements}</feed>\n"
    )
}

/// An entry of [`atom`].
pub fn release(tag: &str, title: &str) -> String {
    format!(
        "<entry><id>tag:forge.example,2008:Repository/1/{tag}</id><title>{title}</title>\
         <link rel=\"alternate\" type=\"text/html\" href=\"https://forge.example/o/p/releases/tag/{tag}\"/></entry>\n"
    )
}

/// An Atom feed of commits, newest first as they are given.
pub fn log(shas: &[&str]) -> String {
    let mut entries = String::new();
    for sha in shas {
        writeln!(
            entries,
            "<entry><id>tag:forge.example,2008:Grit::Commit/{sha}</id><title>\n      Change {}\n    </title>\
             <link rel=\"alternate\" href=\"https://forge.example/o/p/commit/{sha}\"/></entry>",
            &sha[..4]
        )
        .unwrap();
    }
    document(&entries)
}
