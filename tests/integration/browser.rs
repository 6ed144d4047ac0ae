//! A real browser without a window, driven over its debugging pipe (the Chrome `DevTools` protocol).

use crate::environment::Environment;
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Two named pipes become the descriptors 3 and 4, which the browser reads commands from and writes
/// answers to. `timeout` ends it should it hang: then the pipe ends, and the test fails.
const START: &str = r#"exec timeout --kill-after=5 300 chromium --headless --no-sandbox --disable-gpu --disable-quic \
    --no-first-run --disable-background-networking --disable-component-update --disable-sync \
    --disable-dev-shm-usage --user-data-dir="$1/profile" --remote-debugging-pipe about:blank \
    3<"$1/commands" 4>"$1/answers" 2>"$1/stderr""#;

/// A browser with one page.
pub struct Browser {
    process: Child,
    commands: File,
    answers: BufReader<File>,
    session: Option<String>,
    calls: u64,
    events: Vec<Value>,
}

impl Browser {
    #[must_use]
    pub fn start(environment: &Environment) -> Self {
        let directory = environment.path("browser");
        std::fs::create_dir(&directory).unwrap();
        for pipe in ["commands", "answers"] {
            environment.run("mkfifo", &[directory.join(pipe).to_str().unwrap()]).success();
        }
        let mut command = Command::new("sh");
        command.args(["-c", START, "sh", directory.to_str().unwrap()]).env_clear().envs(environment.variables());
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        // In the order in which the shell opens them: each side waits for the other.
        let commands = OpenOptions::new().write(true).open(directory.join("commands")).unwrap();
        let answers = BufReader::new(File::open(directory.join("answers")).unwrap());
        let (session, calls, events) = (None, 0, Vec::new());
        let mut browser = Self { process, commands, answers, session, calls, events };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", &json!({"targetId": target, "flatten": true}));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// What a method answers.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: &Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut command = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            command["sessionId"] = session.as_str().into();
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).unwrap();
        loop {
            let mut message = self.next();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].take();
            }
            self.events.push(message);
        }
    }

    #[track_caller]
    fn next(&mut self) -> Value {
        let mut message = Vec::new();
        self.answers.read_until(0, &mut message).unwrap();
        assert_eq!(message.pop(), Some(0), "the browser ended");
        serde_json::from_slice(&message).unwrap()
    }

    /// What a script gives, in the page.
    #[track_caller]
    pub fn evaluate(&mut self, script: &str) -> Value {
        let params = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.call("Runtime.evaluate", &params);
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer}");
        answer["result"]["value"].take()
    }

    /// Shows a screen of this width and colour scheme.
    pub fn screen(&mut self, width: u32, scheme: &str) {
        let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", &features);
    }

    /// Opens a file, with this fragment, and waits until it is loaded.
    #[track_caller]
    pub fn open(&mut self, file: &Path, fragment: &str) {
        // From elsewhere: to another fragment of the same page alone nothing would be loaded.
        for url in ["about:blank".to_owned(), format!("file://{}{fragment}", file.display())] {
            self.events.retain(|event| event["method"] != "Page.loadEventFired");
            let answer = self.call("Page.navigate", &json!({"url": url}));
            assert!(answer["errorText"].is_null(), "{url}: {answer}");
            while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
                let event = self.next();
                self.events.push(event);
            }
        }
    }

    /// The events of a method since the start.
    pub fn events(&self, method: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["method"] == method).map(|event| &event["params"]).collect()
    }

    /// What the browser complained about: exceptions, the console, the page's policy.
    #[must_use]
    pub fn complaints(&self) -> Vec<&Value> {
        let methods =
            ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded", "Page.javascriptDialogOpening"];
        methods.iter().flat_map(|method| self.events(method)).collect()
    }

    /// The addresses that were asked for, whether or not the policy let them be.
    #[must_use]
    pub fn requests(&self) -> Vec<&str> {
        let requests = self.events("Network.requestWillBeSent");
        let urls = requests.into_iter().map(|event| event["request"]["url"].as_str().unwrap());
        urls.filter(|url| *url != "about:blank").collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its end of the pipe closed, the browser ends by itself; `timeout` would else end it.
        let _ = self.commands.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let _ = self.process.wait();
    }
}
