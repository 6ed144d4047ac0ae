use super::*;
use crate::watch::{EventKind, Policy, Target};

/// The entries that Git would list for `text`: `key = value` a line, or a key alone.
fn entries(text: &str) -> Vec<ConfigEntry> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (key, value) = match line.split_once(" =") {
                Some((key, value)) => (key, Some(value.trim().to_owned())),
                None => (line, None),
            };
            let (section, rest) = key.split_once('.').unwrap();
            let (subsection, name) = match rest.rsplit_once('.') {
                Some((subsection, name)) => (Some(subsection.to_owned()), name),
                None => (None, rest),
            };
            ConfigEntry {
                scope: "local".to_owned(),
                origin: "file:.git/config".to_owned(),
                section: section.to_owned(),
                subsection,
                name: name.to_ascii_lowercase(),
                value,
            }
        })
        .collect()
}

#[track_caller]
pub fn read_text(text: &str) -> Config {
    read(&entries(text)).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

/// The one watch of a configuration.
#[track_caller]
fn only(text: &str) -> Watch {
    let mut watches = read_text(text).watches;
    assert_eq!(watches.len(), 1, "{watches:?}");
    watches.remove(0)
}

/// Compares what `show` tells of the watch `w`, which has a feed besides.
#[track_caller]
fn case<T: PartialEq<U> + std::fmt::Debug, U: std::fmt::Debug>(text: &str, show: impl Fn(&Watch) -> T, expected: U) {
    let watch = only(&format!("watch.w.feed = https://forge.example/o/p.atom\n{text}"));
    assert_eq!(show(&watch), expected, "{text}");
}

/// Compares the mistakes, each followed by its hint.
#[track_caller]
fn wrong(text: &str, expected: &[&str]) {
    let mistakes = read(&entries(text)).expect_err(text);
    let told: Vec<String> = mistakes.iter().map(|mistake| mistake.to_string().replace(" (.git/config)", "")).collect();
    assert_eq!(told, expected, "{text}");
    for mistake in mistakes {
        assert!(mistake.hint.is_some_and(|hint| !hint.is_empty()), "no hint: {text}");
    }
}

#[test]
fn a_watch_has_the_documented_defaults() {
    let watch = only("watch.w.feed = https://forge.example/o/p.atom");
    assert_eq!((watch.event, watch.policy, watch.remote.as_deref()), (EventKind::Release, Policy::Each, None));
    assert_eq!((watch.dispatch.len(), watch.command, watch.fork.as_str()), (0, None, "origin"));
    assert_eq!((watch.stack, watch.branch, watch.retries), (None, None, 5));
    assert_eq!((watch.timeout.as_secs(), watch.fetch_timeout.as_secs(), watch.body_limit), (3600, 60, 10 << 20));
    assert!(watch.payload.is_empty() && watch.filter.passes_over("v1").is_none());
    assert!(watch.filter.passes_over("v1-rc.1").is_some());
    case("watch.w.event = branch", |watch| watch.policy, Policy::Latest);
}

#[test]
fn of_several_values_the_last_counts() {
    case("watch.w.policy = latest\nwatch.w.policy = each", |watch| watch.policy, Policy::Each);
    case("patch.policy = latest", |watch| watch.policy, Policy::Latest);
    case("watch.w.policy = each\npatch.policy = latest", |watch| watch.policy, Policy::Each);
    case("patch.retries = 7\nwatch.w.retries = 9\npatch.retries = 8", |watch| watch.retries, 9);
    case("watch.w.fetchtimeout = 5", |watch| watch.fetch_timeout.as_secs(), 5);
    case("watch.w.bodyLimit = 2M", |watch| watch.body_limit, 2 << 20);
    // a value that does not count is not read either, as for Git
    case("watch.w.retries = many\nwatch.w.retries = 2", |watch| watch.retries, 2);
}

#[test]
fn an_empty_value_forgets_those_before_it() {
    let targets = |watch: &Watch| watch.dispatch.clone();
    let both = "watch.w.dispatch = trigger-branch\nwatch.w.dispatch = codex-flow";
    case(both, targets, vec![Target::TriggerBranch, Target::CodexFlow]);
    case(&format!("{both}\n{both}"), targets, vec![Target::TriggerBranch, Target::CodexFlow]);
    case(&format!("{both}\nwatch.w.dispatch =\nwatch.w.dispatch = codex-flow"), targets, vec![Target::CodexFlow]);
    case(&format!("{both}\nwatch.w.dispatch ="), targets, vec![]);
    case("watch.w.dispatch = none", targets, vec![]);
    // the watch's own list takes the place of the shared one, even if it is empty
    case("patch.dispatch = codex-flow", targets, vec![Target::CodexFlow]);
    case("patch.dispatch = codex-flow\nwatch.w.dispatch = trigger-branch", targets, vec![Target::TriggerBranch]);
    case("patch.dispatch = codex-flow\nwatch.w.dispatch =", targets, vec![]);
    case("patch.dispatch = codex-flow\nwatch.w.dispatch = none", targets, vec![]);
    let payload = "watch.w.payload = a = 1\nwatch.w.payload = b=x=y\nwatch.w.payload =\nwatch.w.payload = c=";
    case(payload, |watch| watch.payload.clone(), vec![("c".to_owned(), String::new())]);
}

#[test]
fn globs_take_and_leave_out() {
    let text = "watch.w.feed = https://forge.example/o/p.atom\nwatch.w.tags = lib/*\nwatch.w.tags = !*-test\n\
                watch.w.versions = >=1.2";
    let filter = only(text).filter;
    let taken = |tag: &str| filter.passes_over(tag).is_none();
    assert!(taken("lib/v1.2") && taken("lib/deep/v2.0"));
    assert!(!taken("lib/v1.2-test") && !taken("tool/v1.2") && !taken("lib/v1.1"));
}

#[test]
fn booleans_are_gits() {
    let prerelease = |watch: &Watch| watch.filter.passes_over("v1-rc.1").is_none();
    for (text, expected) in [("", true), (" = yes", true), (" = On", true), (" = 1", true), (" = true", true)] {
        case(&format!("watch.w.prerelease{text}"), prerelease, expected);
    }
    for text in ["no", "OFF", "0", "false", ""] {
        case(&format!("watch.w.prerelease = {text}"), prerelease, false);
    }
    wrong(
        "watch.w.remote = https://forge.example/o/p\nwatch.w.prerelease = 2",
        &["watch.w.prerelease = 2: it is neither true nor false"],
    );
}

#[test]
fn the_upstream_remote_is_watched_where_nothing_else_is() {
    let config = read_text("remote.upstream.url = https://forge.example/o/p.git\nremote.origin.url = /srv/p.git");
    assert!(config.implicit);
    let [watch] = &config.watches[..] else { panic!("{:?}", config.watches) };
    assert_eq!(
        (watch.name.as_str(), watch.remote.as_deref(), watch.event),
        ("upstream", Some("upstream"), EventKind::Release)
    );
    let config = read_text("remote.upstream.url = /srv/u\npatch.dispatch = codex-flow\npatch.tags = v*");
    assert_eq!((config.implicit, config.watches[0].dispatch.as_slice()), (true, &[Target::CodexFlow][..]));
    let config = read_text("remote.upstream.url = /srv/u\nwatch.other.remote = /srv/o");
    assert_eq!((config.implicit, config.watches.len(), config.watches[0].name.as_str()), (false, 1, "other"));
    let config = read_text("remote.origin.url = /srv/u\npatch.dispatch = codex-flow");
    assert_eq!((config.implicit, config.watches.len()), (false, 0));
    // shared values are checked even then
    wrong(
        "remote.origin.url = /srv/u\npatch.policy = any",
        &["patch.policy = any: there is no such value; it is one of each, latest"],
    );
}

#[test]
fn the_default_remote_stands_beside_a_feed_of_the_same_repository_only() {
    #[track_caller]
    fn remote(feed: &str, upstream: &str, expected: Option<&str>) {
        let text = format!("remote.upstream.url = {upstream}\nwatch.w.feed = {feed}");
        assert_eq!(only(&text).remote.as_deref(), expected, "{feed} {upstream}");
    }
    let feed = "https://github.com/o/p/releases.atom";
    remote(feed, "https://github.com/o/p.git", Some("upstream"));
    remote(feed, "git@github.com:o/p", Some("upstream"));
    remote(feed, "https://github.com/o/other.git", None);
    remote(feed, "https://mirror.example/o/p.git", None);
    remote("https://blog.example/news.xml", "https://github.com/o/p.git", None);
    case(
        "remote.upstream.url = /srv/u\nwatch.w.remote = upstream",
        |watch| watch.remote.clone(),
        Some("upstream".to_owned()),
    );
    let own = "remote.upstream.url = /srv/u\nwatch.w.event = branch";
    assert_eq!(only(own).remote.as_deref(), Some("upstream"));
}

#[test]
fn a_remote_is_one_of_gits_or_a_url() {
    let remote = |watch: &Watch| watch.remote.clone().unwrap_or_default();
    case("watch.w.remote = git@forge.example:o/p.git", remote, "git@forge.example:o/p.git");
    case("watch.w.remote = ../up", remote, "../up");
    case("remote.up.url = /srv/u\nremote.up.url = /srv/v\nwatch.w.remote = up", remote, "up");
    let config = read_text("remote.up.url = /srv/u\nremote.up.url = /srv/v\nwatch.w.remote = up");
    assert_eq!(config.remotes["up"], "/srv/u");
    wrong("watch.w.remote = up", &["watch.w.remote = up: there is no such remote; add it with `git remote add`"]);
    wrong(
        "remote.upstream.url = /u\nwatch.w.remote = upstraem",
        &["watch.w.remote = upstraem: there is no such remote; did you mean `upstream`?"],
    );
    wrong(
        "remote.a.url = /u\nwatch.w.remote = forge",
        &["watch.w.remote = forge: there is no such remote; there are a"],
    );
    wrong("watch.w.remote =", &["watch.w.remote = : it is empty"]);
    assert!(read(&entries("watch.w.remote = --upload-pack=evil/x")).is_err());
    assert!(read(&entries("watch.w.remote = ext::sh -c evil/x")).is_err());
}

#[test]
fn contradictions_are_named() {
    let feed = "watch.w.feed = https://forge.example/o/p.atom\n";
    wrong(
        &format!("{feed}watch.w.branch = main"),
        &["watch.w.branch = main: a branch is watched with `event = branch` only"],
    );
    let of_tags = "a watch with `event = branch` has commits, not tags";
    wrong(
        &format!("{feed}watch.w.event = branch\nwatch.w.tags = v*\nwatch.w.versions = 1\nwatch.w.prerelease = true"),
        &[
            &format!("watch.w.tags = v*: {of_tags}"),
            &format!("watch.w.versions = 1: {of_tags}"),
            &format!("watch.w.prerelease = true: {of_tags}"),
        ],
    );
    // shared defaults are for the watches that they fit
    case("watch.w.event = branch\npatch.tags = v*\npatch.prerelease = true", |watch| watch.event, EventKind::Branch);
    case("patch.branch = main", |watch| watch.event, EventKind::Release);
    wrong(
        &format!("{feed}watch.w.dispatch = codex-flow\nwatch.w.dispatch = none"),
        &[
            "watch.w.dispatch = none: `none` stands beside another target; remove one, or set an empty value before the others",
        ],
    );
    wrong(
        &format!("{feed}watch.w.dispatch = command"),
        &[
            "watch.w.dispatch = command: there is no command to run; set `watch.w.command` to a program and its arguments",
        ],
    );
    case("watch.w.dispatch = carry", |watch| watch.dispatch.clone(), [Target::Carry]);
    case(
        "patch.verify = make\npatch.verify = make 'a b'",
        |watch| watch.verify.clone(),
        [vec!["make"], vec!["make", "a b"]],
    );
    case("patch.verify = make\nwatch.w.verify =", |watch| watch.verify.len(), 0);
    case("watch.w.push = yes", |watch| watch.push, true);
    case("", |watch| watch.push, false);
    case(
        "patch.candidateTag = {tag}-{n}",
        |watch| watch.candidate_tag.as_ref().map(ToString::to_string).unwrap(),
        "{tag}-{n}",
    );
    case(
        "watch.w.dispatch = command\npatch.command = make 'a b'",
        |watch| watch.command.clone().unwrap(),
        ["make", "a b"],
    );
}

#[test]
fn a_watch_needs_a_source_and_a_name_of_its_own() {
    let without = "it has neither a feed nor a remote, and there is no remote `upstream`";
    wrong("watch.w.tags = v*", &[&format!("watch.w: {without}")]);
    wrong("watch.w.feed = nonsense", &["watch.w.feed = nonsense: it is not a URL: relative URL without a base"]);
    wrong("watch.w.feed =", &["watch.w.feed = : it is not a URL: relative URL without a base"]);
    wrong("watch.feed = https://forge.example/f", &["watch.feed: a watch needs a name"]);
    wrong("watch.w.remote = /srv/u\nwatch.W.remote = /srv/v", &["watch.w: its name differs from `W` only in case"]);
    wrong(
        "watch..remote = /srv/u",
        &["watch..remote: a watch name is 1 to 100 letters, digits, `-`, `_` or single dots inside"],
    );
}

#[track_caller]
fn hint(text: &str, expected: &str) {
    let mistakes = read(&entries(text)).unwrap_err();
    assert_eq!(mistakes[0].hint.as_deref(), Some(expected));
}

#[test]
fn keys_of_later_versions_are_refused_and_others_corrected() {
    let remote = "watch.w.remote = /srv/u\n";
    let later = "this version does not have it: it belongs to";
    wrong("patch.ledgerremote = x", &[&format!("patch.ledgerRemote: {later} a ledger that several machines share")]);
    wrong("patch.sub.jobs = 1", &["patch.sub.jobs: `patch` has no subsections"]);
    wrong(&format!("{remote}watch.w.jobs = 1"), &["watch.w.jobs: there is no such key"]);
    hint("watch.w.feeed = x", "did you mean `feed`?");
    hint("watch.w.fetchtimout = 1", "did you mean `fetchTimeout`?");
    hint("watch.w.jobs = 1", "it is set for all watches together: `patch.jobs`");
    hint("patch.statdir = /x", "did you mean `stateDir`?");
    // other programs' sections are theirs
    assert!(read_text("watchman.feeed = 1\npatchwork.jobs = 0\nremote.origin.tags = 1").watches.is_empty());
}

#[test]
fn channels_are_checked() {
    let one = "watch.w.remote = /srv/u\n";
    let two = "watch.w.remote = /srv/u\nwatch.x.remote = /srv/x\nwatch.x.stack = patch/*\n";
    let read = |text: &str| {
        let channels = read_text(text).channels.into_iter();
        channels.map(|it| format!("{} {} {} {}", it.name, it.watch, it.reference, it.promote)).collect::<Vec<_>>()
    };
    assert_eq!(read(&format!("{one}channel.c.ref = a/b")), ["c w refs/heads/a/b manual"]);
    assert_eq!(read("remote.upstream.url = u\nchannel.c.ref = refs/heads/c"), ["c upstream refs/heads/c manual"]);
    let tag = "channel.c.ref = refs/tags/{tag}-us.{n}\nchannel.c.watch = x\nchannel.c.promote = verified";
    assert_eq!(read(&format!("{two}{tag}")), ["c x refs/tags/{tag}-us.{n} verified"]);

    wrong(&format!("{one}channel.c.ref ="), &["channel.c.ref = : it is not a branch name"]);
    wrong(&format!("{one}channel.c.promote = landed"), &["channel.c.promote: the channel `c` has no ref"]);
    wrong(
        &format!("{two}channel.c.ref = c"),
        &["channel.c.ref: the channel `c` does not say whose candidates it takes"],
    );
    wrong(
        &format!("{one}channel.c.ref = c\nchannel.c.watch = v"),
        &["channel.c.watch = v: there is no such watch; there are w"],
    );
    wrong(
        &format!("{one}channel.c.ref = c\nchannel.c.promote = verify"),
        &["channel.c.promote = verify: there is no such value; it is one of verified, landed, manual"],
    );
    wrong("channel.c.ref = c", &["channel.c.ref: there is no watch whose candidates it could take"]);
    wrong(&format!("{one}channel.ref = c"), &["channel.ref: a channel needs a name"]);
    wrong(&format!("{one}channel.c.re = c"), &["channel.c.re: there is no such key"]);
    wrong(
        &format!("{one}channel.c.ref = c-{{tag}}"),
        &["channel.c.ref = c-{tag}: a template is a tag's; write it as `refs/tags/{tag}-name.{n}`"],
    );
    wrong(
        &format!("{one}channel.c.ref = refs/pull/1"),
        &["channel.c.ref = refs/pull/1: a channel is a branch, or a tag below `refs/tags/`"],
    );
    wrong(
        &format!("{one}channel.c.ref = patch-moi/c"),
        &["channel.c.ref = patch-moi/c: below `patch-moi/` are our own branches; a channel has a name of its own"],
    );
    wrong(
        &format!("{two}channel.c.ref = patch/c\nchannel.c.watch = x"),
        &["channel.c.ref = patch/c: `patch/*` holds the patches; a promotion would move it, so name another branch"],
    );
    wrong(
        &format!("{one}channel.c.ref = x\nchannel.d.ref = refs/heads/x"),
        &["channel.d.ref = refs/heads/x: the channel `c` has the same ref; each needs its own"],
    );
}

#[test]
fn settings_are_checked() {
    let settings = read_text("patch.jobs = 2\npatch.hostJobs = 1\npatch.runs = 3\npatch.refprefix = bot/x//").settings;
    assert_eq!((settings.jobs, settings.host_jobs, settings.runs, settings.ref_prefix.as_str()), (2, 1, 3, "bot/x/"));
    assert_eq!(read_text("remote.origin.url = x").settings, Settings::default());
    assert_eq!(read_text("patch.statedir = /var/x").settings.state_dir, Some("/var/x".into()));
    let number = "it must be a number from 1 to 1024";
    wrong("patch.jobs = 0", &[&format!("patch.jobs = 0: {number}")]);
    wrong("patch.hostjobs = -1", &[&format!("patch.hostJobs = -1: {number}")]);
    wrong("patch.statedir = x", &["patch.stateDir = x: it is not an absolute path"]);
    for bad in [
        "",
        "/",
        "-x",
        "/x",
        "a b",
        "x..y",
        "..",
        "x.lock",
        "a//b",
        ".x",
        "x/.y",
        "@{",
        "refs/heads/x",
        "refs",
        "x\u{7f}",
    ] {
        assert!(read(&entries(&format!("patch.refPrefix = {bad}"))).is_err(), "{bad}");
    }
}

#[test]
fn what_has_no_value_is_true_only_where_something_can_be_true() {
    let remote = "watch.w.remote = /srv/u";
    let problem = "it has no value; write `= VALUE` behind the key";
    for key in ["feed", "tags", "command", "dispatch", "stack", "payload", "timeout", "versions"] {
        wrong(&format!("{remote}\nwatch.w.{key}"), &[&format!("watch.w.{key}: {problem}")]);
    }
    wrong("patch.stateDir", &[&format!("patch.stateDir: {problem}")]);
    case("watch.w.prerelease", |watch| watch.filter.passes_over("v1-rc.1").is_none(), true);
}

#[test]
fn bytes_that_are_not_utf8_are_no_other_value() {
    wrong("watch.w.remote = /srv/caf\u{fffd}", &["watch.w.remote = /srv/caf\u{fffd}: it is not UTF-8"]);
    wrong("watch.w.remote = /srv/u\nwatch.w.tags = caf\u{fffd}*", &["watch.w.tags = caf\u{fffd}*: it is not UTF-8"]);
}

#[test]
fn a_prefix_among_watched_or_maintained_branches_is_refused() {
    #[track_caller]
    fn case(text: &str, expected: &str) {
        wrong(text, &[expected]);
    }
    let watch = "watch.w.remote = /srv/u\nwatch.w.dispatch = trigger-branch";
    let in_the_way = |what: &str| format!("the branch `{what} `w`, is in the way");
    case(
        &format!("{watch}\npatch.refPrefix = main\nwatch.w.stack = main"),
        &format!("patch.refPrefix = main: {}", in_the_way("main`, which holds the patches of")),
    );
    case(
        &format!("{watch}\npatch.refPrefix = patch\nwatch.w.stack = patch/*"),
        &format!("patch.refPrefix = patch: {}", in_the_way("patch/*`, which holds the patches of")),
    );
    case(
        &format!("{watch}\nwatch.w.event = branch\nwatch.w.branch = next\npatch.refPrefix = Next/bots"),
        &format!("patch.refPrefix = Next/bots: {}", in_the_way("next`, which is watched by")),
    );
    let default = "it is in the way of our own branches, patch-moi/trigger/; set another `patch.refPrefix`";
    case(
        &format!("{watch}\nwatch.w.stack = patch-moi/trigger/up/v1"),
        &format!("watch.w.stack = patch-moi/trigger/up/v1: {default}"),
    );
    case(&format!("{watch}\npatch.stack = patch-moi"), &format!("patch.stack = patch-moi: {default}"));
    // what another watch looks at counts as well
    let other = "watch.v.remote = /srv/fork\nwatch.v.event = branch\nwatch.v.branch = patch-moi/trigger/w/v1";
    case(&format!("{watch}\n{other}"), &format!("watch.v.branch = patch-moi/trigger/w/v1: {default}"));
    // without triggers nothing is in the way of them
    assert_eq!(read_text("watch.w.remote = /srv/u\nwatch.w.stack = patch-moi").watches.len(), 1);
}

#[test]
fn a_mistake_shows_no_secrets() {
    let text = "watch.w.feed = https://me:pw@forge.example/f\nwatch.v.feed = ftp://forge.example/f?private_token=pw";
    for mistake in read(&entries(text)).unwrap_err() {
        assert!(!mistake.to_string().contains("pw"), "{mistake}");
    }
}

#[test]
fn what_carry_makes_is_nobodys_upstream_or_stack() {
    let carried = "remote.origin.url = /srv/fork\nwatch.w.remote = /srv/u\nwatch.w.dispatch = carry\n";
    let circle = "which holds the patches of `w`, is where candidates are put: a circle";
    wrong(
        &format!("{carried}watch.w.stack = patch-moi/*"),
        &[&format!("watch.w.stack = patch-moi/*: `patch-moi/*`, {circle}")],
    );
    wrong(
        &format!("{carried}watch.w.stack = patch/*\npatch.refPrefix = patch"),
        &[&format!("patch.refPrefix = patch: `patch/*`, {circle}")],
    );
    let branch = "watch.w.event = branch\nwatch.w.branch = patch-moi/candidate/w/v1";
    wrong(
        &format!("{carried}{branch}"),
        &["watch.w.branch = patch-moi/candidate/w/v1: `patch-moi/candidate/w/v1`, which is watched by `w`, is where \
           candidates are put: a circle"],
    );
    let tag = "watch.w.candidateTag = {tag}+patched.{n}\n";
    let own = "such tags on the fork are news to the watch `x`, which looks there: a circle; have it leave them out with \
               `watch.x.tags`";
    let told = format!("watch.w.candidateTag = {{tag}}+patched.{{n}}: {own}");
    let other = "watch.x.remote = origin\nwatch.x.fork = origin\n";
    wrong(&format!("{carried}{tag}{other}watch.x.dispatch = carry"), &[&told]);
    // Who only builds what is tagged there does what it should, and who leaves it out sees nothing.
    assert_eq!(read_text(&format!("{carried}{tag}{other}")).watches.len(), 2);
    let out = "watch.x.dispatch = carry\nwatch.x.tags = !*patched*";
    assert_eq!(read_text(&format!("{carried}{tag}{other}{out}")).watches.len(), 2);
    // The upstream itself as the fork: its own tags would be news.
    let own = format!("{carried}{tag}watch.w.fork = /srv/u");
    wrong(&own, &[&told.replace("`x`", "`w`").replace("watch.x.", "watch.w.")]);
}
