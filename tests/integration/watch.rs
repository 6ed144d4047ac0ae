//! `patch watch add`, `list`, `check` and `remove`.

use crate::upstream::{Fork, atom, document, log, release};
use expect_test::expect;
use patch_moi::loopback::Response;

/// The watches in the fork's own configuration file.
fn watches(fork: &Fork) -> String {
    let output = fork.environment.run("git", &["config", "--local", "--get-regexp", "^watch"]).in_dir("fork").run();
    fork.shown(&output).stdout
}

#[test]
fn a_feed_is_added_and_what_was_written_is_printed() {
    let fork = Fork::new();
    fork.feeds.show("/o/p/releases.atom", atom(&["v2", "v1"]));
    fork.patch(&["watch", "add", &fork.feeds.url("/o/p/releases.atom")]).is(&expect![[r#"
        status: 0
        --- stdout
        [watch "p"]
        	feed = http://feeds/o/p/releases.atom
        upstream shows 2 entries, the newest v2
        what is new will be recorded and handed to nobody: set `git config --add watch.p.dispatch TARGET`
        the next `patch poll` takes what is there as known; from then on news is told
    "#]]);
    expect![[r#"
        watch.p.feed http://feeds/o/p/releases.atom
    "#]]
    .assert_eq(&watches(&fork));
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        p: first sight: 2 entries are known from now on, the newest v2
    "#]]);
}

#[test]
fn every_option_is_written() {
    let fork = Fork::with_remote();
    fork.feeds.show("/f.atom", atom(&["v1"]));
    let url = fork.feeds.url("/f.atom");
    let options = [
        "--name",
        "lib",
        "--remote",
        "upstream",
        "--tags",
        "v*",
        "--tags",
        "!v*-nightly",
        "--versions",
        ">=1.4, <3",
        "--prerelease",
        "--dispatch",
        "trigger-branch",
        "--dispatch",
        "command",
        "--command",
        "make 'new one'",
        "--policy",
        "latest",
    ];
    fork.patch(&[&["watch", "add", &url], &options[..]].concat()).is(&expect![[r#"
        status: 0
        --- stdout
        [watch "lib"]
        	feed = http://feeds/f.atom
        	remote = upstream
        	tags = v*
        	tags = !v*-nightly
        	versions = >=1.4, <3
        	prerelease = true
        	dispatch = trigger-branch
        	dispatch = command
        	command = make 'new one'
        	policy = latest
        upstream shows 1 entry, the newest v1
        the next `patch poll` takes what is there as known; from then on news is told
        --- stderr
        warning: there is no remote `origin` for the fork; `watch.lib.fork` names it
    "#]]);
    expect![[r#"
        watch.lib.feed http://feeds/f.atom
        watch.lib.remote upstream
        watch.lib.tags v*
        watch.lib.tags !v*-nightly
        watch.lib.versions >=1.4, <3
        watch.lib.prerelease true
        watch.lib.dispatch trigger-branch
        watch.lib.dispatch command
        watch.lib.command make 'new one'
        watch.lib.policy latest
    "#]]
    .assert_eq(&watches(&fork));
    fork.patch(&["watch", "add", &url, "--name", "main", "--branch", "main", "--no-check", "--json"])
        .is(&expect![[r#"
            status: 0
            --- stdout
            {"seen":null,"watch":"main","wrote":[{"key":"feed","value":"http://feeds/f.atom"},{"key":"event","value":"branch"},{"key":"branch","value":"main"}]}
        "#]]);
    fork.patch(&["watch", "list"]).is(&expect![[r#"
        status: 0
        --- stdout
        WATCH  EVENT    LOOKS AT                                   DISPATCHES TO
        lib    release  http://feeds/f.atom ../upstream  trigger-branch, command
        main   branch   http://feeds/f.atom branch main  none
    "#]]);
    fork.patch(&["watch", "list", "--json"]).is(&expect![[r#"
        status: 0
        --- stdout
        {"watch":"lib","source":"http://feeds/f.atom ../upstream","event":"release","remote":"upstream","dispatch":["trigger-branch","command"],"policy":"latest","fork":"origin","implicit":false}
        {"watch":"main","source":"http://feeds/f.atom branch main","event":"branch","branch":"main","dispatch":[],"policy":"latest","fork":"origin","implicit":false}
    "#]]);
}

#[test]
fn a_page_is_added_by_the_feed_that_answers_or_by_its_refs() {
    let fork = Fork::new();
    fork.feeds.answer("/o/p/-/tags?format=atom", Response::new(200).body("<html></html>"));
    fork.feeds.show("/o/p/tags.atom", atom(&["v1"]));
    fork.patch(&["watch", "add", &fork.feeds.url("/o/p")]).is(&expect![[r#"
        status: 0
        --- stdout
        [watch "p"]
        	feed = http://feeds/o/p/tags.atom
        upstream shows 1 entry, the newest v1
        what is new will be recorded and handed to nobody: set `git config --add watch.p.dispatch TARGET`
        the next `patch poll` takes what is there as known; from then on news is told
    "#]]);
    let nothing = fork.patch(&["watch", "add", &fork.feeds.url("/o/q")]);
    assert_eq!(nothing.status, 2, "{nothing}");
    assert!(nothing.stderr.contains("no feed was found there"), "{nothing}");
    assert!(nothing.stderr.contains("http://feeds/o/q/tags.atom does not exist (404)"), "{nothing}");
    // a feed that is empty so far is better than nothing
    fork.feeds.show("/o/r/tags.atom", atom(&[]));
    fork.patch(&["watch", "add", &fork.feeds.url("/o/r")]).is(&expect![[r#"
        status: 0
        --- stdout
        [watch "r"]
        	feed = http://feeds/o/r/tags.atom
        upstream shows a feed without entries yet
        what is new will be recorded and handed to nobody: set `git config --add watch.r.dispatch TARGET`
        the next `patch poll` takes what is there as known; from then on news is told
    "#]]);
    expect![[r#"
        watch.p.feed http://feeds/o/p/tags.atom
        watch.r.feed http://feeds/o/r/tags.atom
    "#]]
    .assert_eq(&watches(&fork));
}

#[test]
fn any_page_that_is_a_feed_or_names_one_is_added() {
    let fork = Fork::new();
    fork.feeds.show(
        "/blog/news.html",
        "<html><head><link rel=\"alternate\" type=\"application/atom+xml\" href=\"/blog/atom\"></head></html>",
    );
    fork.feeds.show("/blog/atom", atom(&["v1"]));
    fork.feeds.show("/updates", atom(&["v1"]));
    // no ending says that this is a feed: a look at it does
    fork.patch(&["watch", "add", &fork.feeds.url("/updates"), "--name", "updates"]).succeeded();
    assert!(watches(&fork).contains("watch.updates.feed http://feeds/updates\n"));
    fork.patch(&["watch", "add", &fork.feeds.url("/blog/news.html")]).is(&expect![[r#"
        status: 0
        --- stdout
        [watch "news.html"]
        	feed = http://feeds/blog/atom
        upstream shows 1 entry, the newest v1
        what is new will be recorded and handed to nobody: set `git config --add watch.news.html.dispatch TARGET`
        the next `patch poll` takes what is there as known; from then on news is told
    "#]]);
}

#[test]
fn remotes_and_repositories_are_added_by_name_and_path() {
    let fork = Fork::with_remote();
    fork.environment.tag("upstream", "v1");
    fork.patch(&["watch", "add", "upstream"]).is(&expect![[r#"
        status: 0
        --- stdout
        [watch "upstream"]
        	remote = upstream
        upstream shows 1 tag
        what is new will be recorded and handed to nobody: set `git config --add watch.upstream.dispatch TARGET`
        the next `patch poll` takes what is there as known; from then on news is told
    "#]]);
    fork.poll().succeeded();
    let added = fork.environment.patch(&["-C", "fork", "watch", "add", "upstream", "--name", "beside"]).run();
    assert_eq!(added.status, 0, "{added}");
    fork.environment.write("fork/below/file", "");
    // a path is one from where the command runs, and the watch must find it from anywhere
    let path = fork.environment.patch(&["watch", "add", "../../upstream", "--branch", "main", "--name", "path"]);
    path.in_dir("fork/below").run().is(&expect![[r#"
        status: 0
        --- stdout
        [watch "path"]
        	remote = $TEMP/upstream
        	event = branch
        	branch = main
        upstream shows the branch main
        what is new will be recorded and handed to nobody: set `git config --add watch.path.dispatch TARGET`
        the next `patch poll` takes what is there as known; from then on news is told
    "#]]);
    fork.patch(&["poll", "path"]).succeeded();
    fork.patch(&["watch", "add", "upstream", "--name", "none", "--branch", "nothing"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: upstream has no refs/heads/nothing
        hint: name a branch that it has: `--branch BRANCH`
    "#]]);
    fork.patch(&["watch", "add", "upsteam"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: `upsteam` is no URL, no remote and no directory
        hint: did you mean the remote `upstream`?
    "#]]);
}

#[test]
fn a_watch_that_is_no_good_is_not_written() {
    let fork = Fork::new();
    fork.feeds.show("/f.atom", atom(&["v1"]));
    let url = fork.feeds.url("/f.atom");
    fork.patch(&["watch", "add", &url, "--name", "up", "--versions", "newest"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: watch.up.versions = newest (command line): it is not a requirement such as `>=1.4, <3`: unexpected character 'n' while parsing major version number
        hint: nothing was written; give another value
    "#]]);
    fork.patch(&["watch", "add", &url, "--name", "up", "--dispatch", "command"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: watch.up.dispatch = command (command line): there is no command to run; set `watch.up.command` to a program and its arguments
        hint: nothing was written; give another value
    "#]]);
    fork.patch(&["watch", "add", &url, "--name", "up", "--branch", "main", "--tags", "v*"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: no feed was found there (http://feeds/f.atom: neither its links nor its id show a commit), and Git says: git ls-remote: repository 'http://feeds/f.atom/' not found
        hint: give the feed's own URL, or the Git URL; `--no-check` writes without a look
    "#]]);
    fork.patch(&["watch", "add", "https://me:secret@forge.example/o/p"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: the URL holds a user name or password, which would end up in the configuration
        hint: leave them out, and let Git's credential helpers know them: see gitcredentials(7)
    "#]]);
    fork.patch(&["watch", "add", &url, "--name", "../up"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: invalid value '../up' for '--name <NAME>': a watch name is 1 to 100 letters, digits, `-`, `_` or single dots inside

        For more information, try '--help'.
    "#]]);
    assert_eq!(watches(&fork), "");
    fork.patch(&["watch", "add", &url, "--name", "up"]).succeeded();
    fork.patch(&["watch", "add", &url, "--name", "up"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: there is a watch `up` already
        hint: give another name with `--name NAME`, or remove it: `patch watch remove up`
    "#]]);
    fork.patch(&["watch", "add", &url, "--name", "UP"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: there is a watch `up` already
        hint: give another name with `--name NAME`, or remove it: `patch watch remove up`
    "#]]);
}

#[test]
fn a_first_watch_that_ends_the_implicit_one_says_so() {
    let fork = Fork::with_remote();
    fork.feeds.show("/f.atom", atom(&["v1"]));
    fork.patch(&["watch", "list"]).is(&expect![[r#"
        status: 0
        --- stdout
        WATCH     EVENT    LOOKS AT     DISPATCHES TO
        upstream  release  ../upstream  none
        this watch needs no configuration: it is the remote `upstream`; `patch watch add upstream` writes it down
    "#]]);
    fork.patch(&["watch", "add", &fork.feeds.url("/f.atom"), "--name", "lib"]).is(&expect![[r#"
        status: 0
        --- stdout
        [watch "lib"]
        	feed = http://feeds/f.atom
        upstream shows 1 entry, the newest v1
        what is new will be recorded and handed to nobody: set `git config --add watch.lib.dispatch TARGET`
        the next `patch poll` takes what is there as known; from then on news is told
        --- stderr
        warning: the remote `upstream` was watched without configuration, and no longer is: `patch watch add upstream` goes on with it
    "#]]);
    fork.patch(&["watch", "add", "upstream"]).succeeded();
    fork.patch(&["watch", "list"]).is(&expect![[r#"
        status: 0
        --- stdout
        WATCH     EVENT    LOOKS AT                       DISPATCHES TO
        lib       release  http://feeds/f.atom  none
        upstream  release  ../upstream                    none
    "#]]);
    fork.patch(&["watch", "remove", "lib", "upstream", "lib"]).is(&expect![[r#"
        status: 0
        --- stdout
        removed `watch.lib` from .git/config; its records stay in the ledger
        removed `watch.upstream` from .git/config; its records stay in the ledger
        no watch is left: the remote `upstream` is watched without configuration
    "#]]);
}

#[test]
fn the_users_configuration_takes_a_watch_too() {
    let fork = Fork::new();
    fork.feeds.show("/f.atom", atom(&["v1"]));
    fork.patch(&["watch", "add", &fork.feeds.url("/f.atom"), "--name", "up", "--global-config"]).succeeded();
    assert_eq!(watches(&fork), "");
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        up: first sight: 1 entry is known from now on, the newest v1
    "#]]);
    fork.patch(&["watch", "remove", "up"]).is(&expect![[r#"
        status: 0
        --- stdout
        removed `watch.up` from $TEMP/home/.gitconfig; its records stay in the ledger
    "#]]);
}

#[test]
fn a_check_shows_keys_and_verdicts_and_writes_nothing() {
    let fork = Fork::watching("/f");
    fork.config("watch.up.tags", "v*");
    fork.config("watch.up.versions", ">=1.1");
    let entries = [
        release("v1.2", "Twelve"),
        release("v1.2-rc.1", "Candidate"),
        release("nightly", "Night"),
        release("v1.0", "Ten"),
    ];
    let dated = release("v1.1", "Eleven").replace("</entry>", "<updated>2026-01-01T00:00:00Z</updated></entry>");
    let unusable = "<entry><title>News of the week</title></entry>";
    fork.feeds.show("/f", document(&format!("{}{dated}{unusable}", entries.concat())));
    let before = fork.files();
    fork.patch(&["watch", "check"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: 6 entries at http://feeds/f, 2 taken
        KEY        COMMIT  PUBLISHED   VERDICT                                     TITLE
        v1.2                           taken                                       Twelve
        v1.2-rc.1                      passed over: prerelease                     Candidate
        nightly                        passed over: tags                           Night
        v1.0                           passed over: versions                       Ten
        v1.1               2026-01-01  taken                                       Eleven
                                       no identity: it has no id, link or version  News of the week
    "#]]);
    assert!(fork.files() == before);
    fork.poll();
    let before = fork.files();
    fork.patch(&["watch", "check", "up"]).is(&expect![[r#"
        status: 0
        --- stdout
        up: 6 entries at http://feeds/f, 2 taken
        KEY        COMMIT  PUBLISHED   VERDICT                                     TITLE
        v1.2                           taken, known                                Twelve
        v1.2-rc.1                      passed over: prerelease                     Candidate
        nightly                        passed over: tags                           Night
        v1.0                           passed over: versions                       Ten
        v1.1               2026-01-01  taken, known                                Eleven
                                       no identity: it has no id, link or version  News of the week
    "#]]);
    fork.patch(&["watch", "check", "--json"]).is(&expect![[r#"
        status: 0
        --- stdout
        {"watch":"up","key":"v1.2","tag":"v1.2","title":"Twelve","url":"https://forge.example/o/p/releases/tag/v1.2","taken":true,"known":true}
        {"watch":"up","key":"v1.2-rc.1","tag":"v1.2-rc.1","title":"Candidate","url":"https://forge.example/o/p/releases/tag/v1.2-rc.1","taken":false,"reason":"prerelease","known":true}
        {"watch":"up","key":"nightly","tag":"nightly","title":"Night","url":"https://forge.example/o/p/releases/tag/nightly","taken":false,"reason":"tags","known":true}
        {"watch":"up","key":"v1.0","tag":"v1.0","title":"Ten","url":"https://forge.example/o/p/releases/tag/v1.0","taken":false,"reason":"versions","known":true}
        {"watch":"up","key":"v1.1","tag":"v1.1","title":"Eleven","url":"https://forge.example/o/p/releases/tag/v1.1","publishedAt":"2026-01-01T00:00:00.000Z","taken":true,"known":true}
        {"watch":"up","title":"News of the week","taken":false,"reason":"it has no id, link or version","known":false}
    "#]]);
    assert!(fork.files() == before);
    assert_eq!(fork.feeds.asked(), ["/f", "/f", "/f", "/f"]);
}

#[test]
fn a_check_shows_commits_beside_the_feed_and_branches() {
    let fork = Fork::with_remote();
    fork.environment.tag("upstream", "v1");
    fork.config("watch.up.feed", &fork.feeds.url("/f"));
    fork.config("watch.up.remote", "upstream");
    fork.feeds.show("/f", atom(&["v1"]));
    fork.config("watch.main.remote", "upstream");
    fork.config("watch.main.event", "branch");
    fork.config("watch.log.feed", &fork.feeds.url("/log"));
    fork.config("watch.log.event", "branch");
    fork.feeds.show("/log", log(&["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]));
    fork.patch(&["watch", "check"]).is(&expect![[r#"
        status: 0
        --- stdout
        log: 1 entry at http://feeds/log commits, 1 taken
        KEY         COMMIT      PUBLISHED  VERDICT  TITLE
        aaaaaaaaaa  aaaaaaaaaa             taken    Change aaaa
        main: 1 entry at ../upstream branch HEAD, 1 taken
        KEY         COMMIT      PUBLISHED  VERDICT  TITLE
        b2899e9ab7  b2899e9ab7             taken
        up: 1 entry at http://feeds/f ../upstream, 1 taken
        KEY  COMMIT      PUBLISHED  VERDICT  TITLE
        v1   b2899e9ab7             taken    Release v1
    "#]]);
}

#[test]
fn a_check_tells_what_is_wrong_and_goes_on() {
    let fork = Fork::with_remote();
    fork.config("watch.a.feed", &fork.feeds.url("/a"));
    fork.config("watch.b.feed", &fork.feeds.url("/b"));
    fork.config("watch.c.feed", &fork.feeds.url("/c"));
    fork.config("watch.d.remote", "upstream");
    fork.config("watch.d.branch", "nothing");
    fork.config("watch.d.event", "branch");
    fork.feeds.show("/a", "<html></html>");
    fork.feeds.show("/b", atom(&["v1"]));
    fork.feeds.show("/c", atom(&[]));
    fork.patch(&["watch", "check"]).is(&expect![[r#"
        status: 1
        --- stdout
        b: 1 entry at http://feeds/b, 1 taken
        KEY  COMMIT  PUBLISHED  VERDICT  TITLE
        v1                      taken    Release v1
        c: 0 entries at http://feeds/c, 0 taken
        d: 0 entries at ../upstream branch nothing, 0 taken
        --- stderr
        error: watch `a`: http://feeds/a: the document is an HTML page, not a feed
        hint: the URL leads to a web page: check it in a browser, a private feed may want a login or token
        error: watch `d`: upstream has no branch `nothing`
        hint: name one that it has: `git config watch.d.branch BRANCH`
    "#]]);
    fork.patch(&["watch", "check", "e"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: there is no watch `e`
        hint: the watches are a, b, c, d
    "#]]);
}

#[test]
fn a_check_leaves_a_host_alone_that_asked_for_rest() {
    let fork = Fork::watching("/f");
    fork.feeds.answer("/f", Response::new(429).header("Retry-After", "600"));
    fork.poll();
    fork.patch(&["watch", "check"]).is(&expect![[r#"
        status: 1
        --- stderr
        warning: watch `up`: the host asked not to be asked before 2026-01-02T03:14:05.000Z
    "#]]);
    assert_eq!(fork.feeds.asked(), ["/f"]);
}

#[test]
fn a_removed_watch_keeps_its_records() {
    let fork = Fork::new();
    fork.feeds.show("/f.atom", atom(&["v1"]));
    for name in ["one", "two"] {
        fork.patch(&["watch", "add", &fork.feeds.url("/f.atom"), "--name", name]).succeeded();
    }
    fork.poll().succeeded();
    let ledger = fork.ledger();
    fork.environment.write("fork/below/file", "");
    fork.shown(&fork.environment.patch(&["watch", "remove", "one"]).in_dir("fork/below").run()).is(&expect![[r#"
        status: 0
        --- stdout
        removed `watch.one` from .git/config; its records stay in the ledger
    "#]]);
    fork.patch(&["watch", "remove", "one", "two"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: there is no watch `one`
        hint: list them with `patch watch list`
    "#]]);
    expect![[r#"
        watch.two.feed http://feeds/f.atom
    "#]]
    .assert_eq(&watches(&fork));
    fork.patch(&["-q", "watch", "remove", "two", "two"]).is(&expect![[r#"
        status: 0
    "#]]);
    assert_eq!(fork.ledger(), ledger);
    // what was known is still known
    fork.feeds.show("/f.atom", atom(&["v2", "v1"]));
    fork.patch(&["watch", "add", &fork.feeds.url("/f.atom"), "--name", "one"]).succeeded();
    fork.poll().is(&expect![[r#"
        status: 0
        --- stdout
        one: v2 is new: Release v2
    "#]]);
}

#[test]
fn a_watch_that_is_in_no_file_cannot_be_removed() {
    let fork = Fork::with_remote();
    fork.patch(&["watch", "remove", "upstream"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: the watch `upstream` is not in the configuration: it is the remote of that name
        hint: remove the remote, or define other watches: then it is gone
    "#]]);
    let set = [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "watch.up.remote"), ("GIT_CONFIG_VALUE_0", "upstream")];
    let run = set.iter().fold(fork.command(&["watch", "remove", "up"]), |run, (key, value)| run.env(key, value));
    run.run().is(&expect![[r#"
        status: 2
        --- stderr
        error: the watch `up` is set by command line, not in a file
        hint: remove it there
    "#]]);
}

#[test]
fn a_watch_in_an_included_file_is_removed_from_there() {
    let fork = Fork::new();
    fork.environment.write(
        "fork/watches.ini",
        &format!(
            "[watch \"up\"]\n\tfeed = {}\n[watch \"other\"]\n\tremote = https://forge.example/o/p\n",
            fork.feeds.url("/f")
        ),
    );
    fork.config("include.path", "../watches.ini");
    fork.config("watch.up.tags", "v*");
    fork.patch(&["watch", "remove", "up"]).is(&expect![[r#"
        status: 0
        --- stdout
        removed `watch.up` from .git/../watches.ini; its records stay in the ledger
        removed `watch.up` from .git/config; its records stay in the ledger
    "#]]);
    expect![[r#"
        [watch "other"]
        	remote = https://forge.example/o/p
    "#]]
    .assert_eq(&fork.environment.read("fork/watches.ini"));
    assert_eq!(watches(&fork), "");
}
