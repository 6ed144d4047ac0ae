//! `patch report`: the page, as it is written and as a browser shows it.

use crate::browser::Browser;
use crate::carry::{World, lines};
use crate::environment::{Run, is_installed};
use crate::upstream::{Feeds, document};
use expect_test::expect;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A title that would be markup, and its text as it is to be read.
const HOSTILE: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}live";
const INERT: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\\u{202e}live";

/// A fork with one candidate that landed, one that awaits review and is in a channel, one conflict, a
/// watch that fails, and the news of a hostile feed.
struct Scene {
    world: World,
    feeds: Feeds,
}

impl Scene {
    fn new() -> Self {
        let world = World::with_forge();
        world.commit("fork", &format!("Six {HOSTILE}"), &[("dir/x", &lines(&[(6, "six")]))]);
        world.git("fork", &["push", "--quiet", "origin", "main"]);
        for (key, value) in [
            ("watch.up.remote", "upstream"),
            ("watch.up.dispatch", "carry"),
            ("watch.up.push", "true"),
            ("watch.up.verify", "grep -qx five f"),
            ("watch.gone.remote", "../nowhere"),
            ("channel.internal.ref", "internal"),
            ("channel.internal.watch", "up"),
            ("channel.internal.promote", "verified"),
            ("channel.public.ref", "refs/tags/{tag}-fork.{n}"),
            ("channel.public.watch", "up"),
        ] {
            world.set(key, value);
        }
        let feeds = Feeds::new();
        world.set("watch.news.feed", &feeds.url("/feed"));
        feeds.show("/feed", feed(&[("v1", "One")]));
        let scene = Self { world, feeds };
        scene.poll("2026-01-02T04:00:00Z");
        scene.world.release("v3", &[("g", "three\n")]);
        scene.feeds.show("/feed", feed(&[("v1", "One"), ("v2", HOSTILE)]));
        scene.poll("2026-01-03T04:00:00Z");
        scene.world.git("forge.git", &["update-ref", "refs/heads/main", "refs/heads/patch-moi/candidate/up/v3"]);
        scene.world.release("v4", &[("g", "four\n")]);
        scene.poll("2026-01-04T04:00:00Z");
        scene.world.release("v5", &[("f", &lines(&[(5, "other"), (30, "thirty")]))]);
        scene.poll("2026-01-05T04:00:00Z");
        scene
    }

    fn patch(&self, args: &[&str]) -> Run<'_> {
        self.world.environment().patch(args).in_dir("fork")
    }

    /// The failing watch makes it 1.
    fn poll(&self, at: &str) {
        let output = self.patch(&["--quiet", "poll"]).env("PATCH_NOW", at).run();
        assert_eq!(output.status, 1, "{output}");
    }

    fn page(&self) -> PathBuf {
        self.patch(&["--quiet", "report", "-o", "../page"]).success();
        self.world.path("page/index.html")
    }
}

fn feed(releases: &[(&str, &str)]) -> String {
    let entry = |(tag, title): &(&str, &str)| {
        let title = title.replace('&', "&amp;").replace('<', "&lt;");
        format!(
            "<entry><id>tag:forge.example,2008:Repository/1/{tag}</id><title>{title}</title><author><name>{title}</name>\
             </author><link rel=\"alternate\" href=\"javascript:alert(3)\"/></entry>\n"
        )
    };
    document(&releases.iter().rev().map(entry).collect::<String>())
}

#[test]
fn the_page_is_written_and_told_what_is_on_it() {
    let scene = Scene::new();
    scene.patch(&["report"]).run().is(&expect![[r#"
        status: 0
        --- stdout
        patch-report/index.html shows 4 signals
    "#]]);
    let first = scene.world.environment().read("fork/patch-report/index.html");
    let path = scene.world.path("fork/patch-report/index.html");
    let told = scene.patch(&["report", "--json", "--limit", "1"]).success().stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    let length = fs::metadata(&path).unwrap().len();
    // What waits is shown whatever its age: v4 and v5, beside the newest.
    let expected =
        json!({"path": "patch-report/index.html", "bytes": length, "signals": 2, "leftOut": 2, "waiting": 3});
    assert_eq!(told, expected);
    scene.patch(&["--quiet", "report"]).run().is(&expect![[r#"
        status: 0
    "#]]);
    assert_eq!(fs::read_to_string(&path).unwrap(), first, "the same ledger at the same time is the same page");
    // It is there to be published, unlike all else that we write.
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o444, 0o444);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    let order = ["id=\"waits\"", "id=\"channels\"", "id=\"watches\"", "id=\"signals\""].map(|part| first.find(part));
    assert!(order.is_sorted() && order[0].is_some(), "{order:?}");
}

#[test]
fn another_directory_counts_from_where_it_is_run() {
    let world = World::new();
    let output = world.environment().patch(&["-C", "fork", "report", "-o", "a/b"]).run();
    output.is(&expect![[r#"
        status: 0
        --- stdout
        fork/a/b/index.html shows 0 signals
    "#]]);
    assert!(world.path("fork/a/b/index.html").is_file());
}

#[test]
fn what_somebody_else_put_there_is_left_alone() {
    let world = World::new();
    let patch = |args: &[&str]| world.environment().patch(args).in_dir("fork").run();
    let page = world.environment().write("fork/site/index.html", "<!doctype html>\n<title>mine</title>\n");
    let beside = world.environment().write("fork/site/other.html", "mine\n");
    patch(&["report", "-o", "site"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: site/index.html is not a page of ours
        hint: name another directory: `patch report -o DIR`; `--force` replaces the file
    "#]]);
    assert!(fs::read_to_string(&page).unwrap().contains("mine"));
    assert_eq!(patch(&["report", "-o", "site", "--force"]).status, 0);
    assert!(!fs::read_to_string(&page).unwrap().contains("mine"));
    assert_eq!(patch(&["report", "-o", "site"]).status, 0, "now it is ours");
    assert_eq!(fs::read_to_string(&beside).unwrap(), "mine\n");
    patch(&["report", "-o", "site/other.html"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: site/other.html/index.html is not a page of ours
        hint: name another directory: `patch report -o DIR`; `--force` replaces the file
    "#]]);
    patch(&["report", "-o", "site/other.html", "--force"]).is(&expect![[r#"
        status: 1
        --- stderr
        error: cannot write site/other.html/index.html: File exists (os error 17)
        hint: make room, or name a directory that can be written: `patch report -o DIR`
    "#]]);
}

/// Opens whatever can be opened.
const OPEN_ALL: &str = "document.querySelectorAll('details').forEach((it) => { it.open = true; })";

#[test]
fn a_browser_shows_the_page_on_every_screen() {
    if !is_installed("chromium") {
        return;
    }
    let scene = Scene::new();
    let page = scene.page();
    let mut browser = Browser::start(scene.world.environment());
    let mut behind = Vec::new();
    for scheme in ["light", "dark"] {
        for width in [360, 768, 1280] {
            browser.screen(width, scheme);
            browser.open(&page, "");
            browser.evaluate(OPEN_ALL);
            let wider = browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert_eq!(
                (wider, browser.evaluate("innerWidth")),
                (json!(0), json!(width)),
                "nothing is wider than the screen"
            );
            let outside =
                "Array.from(document.querySelectorAll('main *')).filter((it) => !it.closest('.scroll, pre, thead')
                && it.getBoundingClientRect().right > innerWidth + 1).map((it) => it.outerHTML.slice(0, 200))";
            assert_eq!(browser.evaluate(outside), json!([]), "{width} {scheme}");
            behind.push(browser.evaluate("getComputedStyle(document.body).backgroundColor"));
        }
    }
    assert!(behind[0] == behind[2] && behind[3] == behind[5] && behind[0] != behind[3], "{behind:?}");
    let texts = "Array.from(document.querySelectorAll('article.signal')).map((it) =>
        [it.querySelector('h3').textContent, it.querySelector('.badge').textContent])";
    let expected = json!([["v5", "needs a person"], ["v4", "awaits review"], ["v3", "landed"], ["v2", "recorded"]]);
    assert_eq!(browser.evaluate(texts), expected);
    let fates = "Array.from(document.querySelectorAll('.patches tbody tr')).map((it) =>
        it.querySelector('th bdi').textContent.slice(0, 4) + ':' + it.querySelector('.badge').textContent)";
    let expected =
        json!(["Five:conflicts", "Six :pending", "Five:carried", "Six :carried", "Five:carried", "Six :carried"]);
    assert_eq!(browser.evaluate(fates), expected);
    let heads = browser
        .evaluate("Array.from(document.querySelectorAll('.diff .head')).map((it) => it.textContent.split(/\\s+/)[2])");
    assert_eq!(heads, json!(["=", "=", "=", "="]));
    let channels = browser.evaluate("Array.from(document.querySelectorAll('#channels td')).map((it) => it.innerText)");
    let channels = channels.to_string();
    assert!(channels.contains("v4") && channels.contains("nothing yet"), "{channels}");
    // Each load asked for the file, and for nothing else.
    let url = format!("file://{}", page.display());
    assert!(browser.requests().iter().all(|asked| *asked == url || *asked == "data:,"), "{:?}", browser.requests());
    assert_eq!(browser.complaints(), [&Value::Null; 0]);
}

/// The keys of the signals that are to be seen.
const SEEN: &str = "Array.from(document.querySelectorAll('article.signal')).filter((it) => it.checkVisibility())
    .map((it) => it.querySelector('h3').textContent)";

#[test]
fn the_filter_is_in_the_address() {
    if !is_installed("chromium") {
        return;
    }
    let scene = Scene::new();
    let page = scene.page();
    let mut browser = Browser::start(scene.world.environment());
    browser.screen(768, "light");
    for (fragment, seen, told) in [
        ("", json!(["v5", "v4", "v3", "v2"]), "All 4 are shown"),
        ("#state=landed", json!(["v3"]), "1 of 4 are shown"),
        ("#watch=news", json!(["v2"]), "1 of 4 are shown"),
        ("#watch=up&state=awaiting", json!(["v4"]), "1 of 4 are shown"),
        ("#text=candidate%2Fup%20V3", json!(["v3"]), "1 of 4 are shown"),
        ("#watch=nobody", json!([]), "0 of 4 are shown"),
        ("#signals", json!(["v5", "v4", "v3", "v2"]), "All 4 are shown"),
        ("#text=%3Cimg%20src%3Dx%20onerror%3Dalert(4)%3E", json!([]), "0 of 4 are shown"),
    ] {
        browser.open(&page, fragment);
        assert_eq!(browser.evaluate(SEEN), seen, "{fragment}");
        assert_eq!(browser.evaluate("document.getElementById('told').textContent"), told, "{fragment}");
    }
    browser.open(&page, "#state=landed");
    assert_eq!(browser.evaluate("document.forms.filter.elements.state.value"), "landed");
    // As a person changes it.
    browser.evaluate("document.forms.filter.elements.state.value = ''; document.forms.filter.elements.text.focus()");
    browser.call("Input.insertText", &json!({"text": "v4"}));
    assert_eq!(browser.evaluate(SEEN), json!(["v4"]));
    assert_eq!(browser.evaluate("location.hash"), "#text=v4");
    // A link to a signal that is hidden shows it.
    browser.evaluate("Array.from(document.querySelectorAll('#waits a')).find((it) => it.textContent === 'v5').click()");
    browser.evaluate("new Promise((done) => setTimeout(done))");
    assert_eq!(browser.evaluate(SEEN), json!(["v5", "v4", "v3", "v2"]));
    browser.open(&page, "#state=landed");
    browser.evaluate("document.querySelector('#filter button').click()");
    assert_eq!(browser.evaluate(SEEN), json!(["v5", "v4", "v3", "v2"]));
    assert_eq!(browser.evaluate("location.hash"), "");
    assert_eq!(browser.complaints(), [&Value::Null; 0]);
    // Without scripts all is there, and no form that does nothing.
    browser.call("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
    browser.open(&page, "#state=landed");
    assert_eq!(browser.evaluate(SEEN), json!(["v5", "v4", "v3", "v2"]));
    assert_eq!(browser.evaluate("document.getElementById('filter').checkVisibility()"), false);
}

#[test]
fn hostile_titles_are_text_in_a_browser() {
    if !is_installed("chromium") {
        return;
    }
    let scene = Scene::new();
    let page = scene.page();
    let mut browser = Browser::start(scene.world.environment());
    browser.screen(768, "light");
    browser.open(&page, "");
    let title = "Array.from(document.querySelectorAll('.signal .title')).map((it) => it.textContent)";
    assert_eq!(browser.evaluate(title), json!([INERT]));
    let subjects = "Array.from(document.querySelectorAll('.patches th bdi'))
        .filter((it) => it.textContent.startsWith('Six')).map((it) => it.textContent)";
    assert_eq!(
        browser.evaluate(subjects),
        json!([format!("Six {INERT}"), format!("Six {INERT}"), format!("Six {INERT}")])
    );
    let found = browser.evaluate(
        "[document.scripts.length, document.querySelectorAll('img, iframe, object, embed, base').length,
          document.querySelectorAll('link:not([href=\"data:,\"])').length,
          Array.from(document.querySelectorAll('*')).filter((it) =>
              Array.from(it.attributes).some((one) => one.name.startsWith('on'))).length,
          Array.from(document.links).filter((it) => !['file:', 'https:', 'http:'].includes(it.protocol)).length]",
    );
    assert_eq!(found, json!([1, 0, 0, 0, 0]));
    assert_eq!(browser.complaints(), [&Value::Null; 0]);
    // The policy would stop what got out all the same.
    browser
        .evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=https://evil.example/x onerror=alert(5)>')");
    browser
        .evaluate("const it = document.createElement('script'); it.textContent = 'alert(6)'; document.body.append(it)");
    browser.evaluate("new Promise((done) => setTimeout(done))");
    assert_eq!(browser.events("Page.javascriptDialogOpening"), [&Value::Null; 0]);
    let refused = browser.events("Log.entryAdded");
    let refused = refused.iter().filter(|entry| entry["entry"]["text"].as_str().unwrap().contains("Content Security"));
    assert!(refused.count() >= 2, "{:?}", browser.complaints());
}

#[test]
fn the_page_can_be_read_and_operated_without_a_screen_or_a_mouse() {
    if !is_installed("chromium") {
        return;
    }
    let scene = Scene::new();
    let page = scene.page();
    let mut browser = Browser::start(scene.world.environment());
    browser.screen(360, "light");
    browser.open(&page, "");
    browser.evaluate(OPEN_ALL);
    let tree = browser.call("Accessibility.getFullAXTree", &json!({}));
    let nodes: Vec<(&str, &str)> = tree["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|node| node["ignored"] == false)
        .map(|node| {
            (node["role"]["value"].as_str().unwrap_or_default(), node["name"]["value"].as_str().unwrap_or_default())
        })
        .collect();
    let named = |role: &str| -> Vec<&str> { nodes.iter().filter(|node| node.0 == role).map(|node| node.1).collect() };
    for landmark in ["banner", "navigation", "main", "search", "contentinfo"] {
        assert_eq!(named(landmark).len(), 1, "{landmark}");
    }
    for role in ["link", "button", "combobox", "searchbox", "table", "region", "article", "DisclosureTriangle"] {
        let all = named(role);
        assert!(!all.is_empty() && all.iter().all(|name| !name.is_empty()), "{role}: {all:?}");
    }
    assert_eq!(named("combobox"), ["Watch", "State"]);
    // What the style makes of tables on a narrow screen leaves them tables.
    let headers = named("columnheader");
    assert!(
        ["Channel", "Points to", "Watch", "Newest", "Patch", "Fate"].iter().all(|it| headers.contains(it)),
        "{headers:?}"
    );
    assert!(named("rowheader").iter().any(|name| name.starts_with("internal")));
    assert_eq!(named("status").len(), 1);
    let press = |browser: &mut Browser, key: &str, code: u32| {
        for kind in ["keyDown", "keyUp"] {
            let text = if key == "Enter" { "\r" } else { "" };
            let event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
            browser.call("Input.dispatchKeyEvent", &event);
        }
    };
    press(&mut browser, "Tab", 9);
    let focused = "[document.activeElement.textContent, getComputedStyle(document.activeElement).outlineStyle,
        document.activeElement.getBoundingClientRect().left >= 0]";
    assert_eq!(browser.evaluate(focused), json!(["Skip to what waits", "solid", true]));
    press(&mut browser, "Enter", 13);
    assert_eq!(browser.evaluate("document.activeElement.id"), "main");
    press(&mut browser, "Tab", 9);
    assert_eq!(browser.evaluate("document.activeElement.closest('section').id"), "waits");
    // All that can be reached shows that it is.
    let unseen = "Array.from(document.querySelectorAll('a, button, select, input, summary, [tabindex=\"0\"]'))
        .filter((it) => { it.focus({ focusVisible: true }); return document.activeElement === it &&
            getComputedStyle(it).outlineStyle === 'none'; }).map((it) => it.outerHTML.slice(0, 100))";
    assert_eq!(browser.evaluate(unseen), json!([]));
}
