//! The configuration as Git sees it, and its mistakes.

use crate::upstream::{Fork, atom};
use expect_test::expect;

#[test]
fn watches_come_from_the_environment_from_git_c_and_from_included_files() {
    let fork = Fork::new();
    fork.feeds.show("/f", atom(&["v1"]));
    let url = fork.feeds.url("/f");
    let set = [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "watch.env.feed"), ("GIT_CONFIG_VALUE_0", &url)];
    let run = set.iter().fold(fork.command(&["poll"]), |run, (key, value)| run.env(key, value));
    assert_eq!(run.run().stdout, "env: first sight: 1 entry is known from now on, the newest v1\n");
    let alias = format!("alias.up=!{} poll", env!("CARGO_BIN_EXE_patch"));
    let git = fork.environment.run("git", &["-c", &format!("watch.c.feed={url}"), "-c", &alias, "up"]).in_dir("fork");
    assert_eq!(git.run().stdout, "c: first sight: 1 entry is known from now on, the newest v1\n");
    fork.environment.write("fork/.watches", &format!("[watch \"inc\"]\n\tfeed = {url}\n"));
    fork.config("include.path", "../.watches");
    fork.config("includeIf.gitdir:/nowhere/.path", "../no-such-file");
    assert_eq!(fork.poll().stdout, "inc: first sight: 1 entry is known from now on, the newest v1\n");
    // the last value counts, whatever the file
    fork.environment.git("fork", &["config", "--global", "patch.prerelease", "true"]);
    fork.config("patch.prerelease", "false");
    fork.feeds.show("/f", atom(&["v2-rc.1", "v1"]));
    assert_eq!(fork.poll().to_string(), "status: 0\n");
}

#[test]
fn every_mistake_is_named_with_file_and_remedy_and_nothing_is_polled() {
    let fork = Fork::with_remote();
    fork.environment.write(
        "fork/watches.ini",
        "[watch \"up\"]\n\tfeeed = https://forge.example/f\n\tevent = relase\n\tpolicy = some\n\tremote = upsream\n\
         \tfetchTimeout = soon\n\tbodylimit = 1\n\tprerelease = maybe\n\tversions = newest\n\ttags = [\n\
         \tdispatch = cary\n\tverify = make 'check\n\tpayload = word\n\tcolour = red\n\
         [watch \"empty\"]\n\ttags = v*\n[watch]\n\tfeed = https://forge.example/g\n[watch \"a/b\"]\n\tremote = upstream\n\
         [watch \"ftp\"]\n\tfeed = ftp://forge.example/f\n[watch \"secret\"]\n\tfeed = https://me:pw@forge.example/f\n\
         [patch]\n\tjobs = 0\n\tstatedir = here\n\trefPrefix = -x\n\tjob = 3\n\
         [channel \"internal\"]\n\tref = refs/heads/internal\n",
    );
    fork.config("include.path", "../watches.ini");
    let output = fork.poll();
    output.is(&expect![[r#"
        status: 2
        --- stderr
        error: watch.up.feeed (.git/../watches.ini): there is no such key
        hint: did you mean `feed`?
        error: watch.up.colour (.git/../watches.ini): there is no such key
        hint: the keys are feed, remote, event, branch, tags, versions, prerelease, dispatch, command, policy, fork, stack, landed, verify, push, candidateTag, timeout, retries, payload, resolver, fetchTimeout, bodyLimit
        error: watch.feed (.git/../watches.ini): a watch needs a name
        hint: write it as `watch.NAME.feed`
        error: watch.a/b.remote (.git/../watches.ini): a watch name is 1 to 100 letters, digits, `-`, `_` or single dots inside
        hint: rename the section
        error: patch.job (.git/../watches.ini): there is no such key
        hint: did you mean `jobs`?
        error: patch.jobs = 0 (.git/../watches.ini): it must be a number from 1 to 1024
        error: patch.stateDir = here (.git/../watches.ini): it is not an absolute path
        error: patch.refPrefix = -x (.git/../watches.ini): it is not the beginning of a branch name, such as `patch-moi/`
        error: watch.ftp.feed = ftp://forge.example/f (.git/../watches.ini): a feed is read over http or https; watch a Git repository with `remote` instead
        error: watch.secret.feed = https://***@forge.example/f (.git/../watches.ini): it holds a user name or password, which would end up in logs; use a feed that needs none, or a token in its query, which is never shown; or watch the repository with `remote`, where Git's credential helpers apply
        error: watch.up.remote = upsream (.git/../watches.ini): there is no such remote; did you mean `upstream`?
        error: watch.up.event = relase (.git/../watches.ini): there is no such value; did you mean `release`?
        error: watch.up.versions = newest (.git/../watches.ini): it is not a requirement such as `>=1.4, <3`: unexpected character 'n' while parsing major version number
        error: watch.up.prerelease = maybe (.git/../watches.ini): it is neither true nor false
        error: watch.up.tags = [ (.git/../watches.ini): it is not a glob: unclosed character class; missing ']'
        error: watch.up.dispatch = cary (.git/../watches.ini): there is no such value; did you mean `carry`?
        error: watch.up.policy = some (.git/../watches.ini): there is no such value; it is one of each, latest
        error: watch.up.verify = make 'check (.git/../watches.ini): a quote is not closed
        error: watch.up.payload = word (.git/../watches.ini): it is not `key=value`
        error: watch.up.fetchTimeout = soon (.git/../watches.ini): it must be a number of seconds, from 1 to 604800 (a week)
        error: watch.up.bodyLimit = 1 (.git/../watches.ini): it must be a number of bytes, from 1k to 1g, such as `10m`
        hint: mend it in that file, as with `git config --edit`
        error: channel.internal.ref (.git/../watches.ini): the channel `internal` does not say whose candidates it takes
        hint: set `channel.internal.watch` to one of empty, ftp, secret, up
    "#]]);
    assert_eq!(fork.ledger(), "");
    assert_eq!(fork.patch(&["watch", "list"]), output);
}

#[test]
fn a_watch_without_a_source_says_how_to_give_it_one() {
    let fork = Fork::new();
    fork.config("watch.up.tags", "v*");
    fork.poll().is(&expect![[r#"
        status: 2
        --- stderr
        error: watch.up (.git/config): it has neither a feed nor a remote, and there is no remote `upstream`
        hint: set one: `git config watch.up.feed URL` or `git config watch.up.remote REMOTE`
    "#]]);
    fork.config("watch.UP.tags", "v*");
    fork.config("watch.UP.remote", "https://forge.example/o/p");
    fork.config("watch.up.remote", "https://forge.example/o/p");
    fork.poll().is(&expect![[r#"
        status: 2
        --- stderr
        error: watch.up (.git/config): its name differs from `UP` only in case
        hint: rename one: `git config --rename-section watch.up watch.NEW`
    "#]]);
}

#[test]
fn mistakes_outside_of_the_repository_name_their_scope() {
    let fork = Fork::new();
    fork.environment.git("fork", &["config", "--global", "patch.retries", "many"]);
    fork.poll().is(&expect![[r#"
        status: 2
        --- stderr
        error: patch.retries = many ($TEMP/home/.gitconfig): it must be a number of attempts, from 1 to 1000
        hint: mend it in that file, as with `git config --global --edit`
    "#]]);
    let set = [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "patch.retries"), ("GIT_CONFIG_VALUE_0", "few")];
    let run = set.iter().fold(fork.command(&["poll"]), |run, (key, value)| run.env(key, value));
    run.run().is(&expect![[r#"
        status: 2
        --- stderr
        error: patch.retries = few (command line): it must be a number of attempts, from 1 to 1000
        hint: mend it where it is set: by `git -c`, or by GIT_CONFIG_ variables
    "#]]);
}

#[test]
fn control_characters_in_the_configuration_stay_text() {
    let fork = Fork::new();
    fork.config("watch.up\u{1b}[2J.feed", "https://forge.example/f");
    fork.config("watch.up.remote", "up\u{1b}[31m");
    let output = fork.poll();
    output.is(&expect![[r#"
        status: 2
        --- stderr
        error: watch.up\u{1b}[2J.feed (.git/config): a watch name is 1 to 100 letters, digits, `-`, `_` or single dots inside
        hint: rename the section
        error: watch.up.remote = up\u{1b}[31m (.git/config): there is no such remote; add it with `git remote add`
        hint: mend it in that file, as with `git config --edit`
    "#]]);
    assert!(!output.stderr.contains('\u{1b}'));
}

#[test]
fn a_configuration_that_git_cannot_read_is_told_in_gits_words() {
    let fork = Fork::new();
    let config = fork.environment.read("fork/.git/config");
    fork.environment.write("fork/.git/config", &format!("{config}[watch \"up\"\n"));
    let output = fork.poll();
    assert_ne!(output.status, 0, "{output}");
    assert!(output.stderr.contains("bad config line"), "{output}");
}
