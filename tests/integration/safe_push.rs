//! A trigger branch is one new ref of the fork and nothing else, pushed by nobody at a keyboard.

use crate::environment::{Output, is_installed};
use crate::fork::Fork;
use expect_test::expect;
use patch_moi::loopback::{Response, Server};
use std::fs;
use std::net::TcpListener;

const BRANCH: &str = "refs/heads/patch-moi/trigger/up/v1.1.0";

impl Fork {
    /// Everything that a push could change in a repository: its refs and its HEAD.
    #[track_caller]
    fn picture(&self, repository: &str) -> Vec<String> {
        let git = |args: &[&str]| self.environment().git(repository, args);
        let mut lines: Vec<String> =
            git(&["for-each-ref", "--format=%(refname) %(objectname)"]).lines().map(str::to_owned).collect();
        lines.push(git(&["symbolic-ref", "HEAD"]));
        lines
    }

    /// The refs that are new in a repository; whatever else changed is the test's failure.
    #[track_caller]
    fn new_refs(&self, repository: &str, before: &[String]) -> Vec<String> {
        let after = self.picture(repository);
        assert!(before.iter().all(|line| after.contains(line)), "{before:#?} became {after:#?}");
        let new = after.into_iter().filter(|line| !before.contains(line));
        new.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    }

    /// A program in the place of ssh that says how it was called, and runs what the far side would run.
    fn ssh(&self, path: &str) -> String {
        let script = "#!/bin/sh\nprintf '%s\\n' \"$0 $*\" >> \"$ROOT/ssh-calls\"\nfor command; do :; done\n\
                      eval \"exec $command\"\n";
        self.environment().program(path, script).to_str().unwrap().to_owned()
    }

    /// The URL of the forge's repository by ssh.
    fn ssh_url(&self) -> String {
        format!("ssh://forge.example{}", self.path("forge.git").display())
    }

    /// The command lines of the processes that mention this text.
    fn processes(&self, text: &str) -> Vec<String> {
        let all = self.environment().run("ps", &["-A", "-ww", "-o", "pid=,stat=,args="]).success().stdout;
        all.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }
}

#[track_caller]
fn failed_with(told: &Output, words: &str) {
    assert_eq!((told.status, told.stderr.as_str()), (1, ""), "{told}");
    assert!(told.stdout.contains("up: v1.1.0 -> trigger-branch: failed: "), "{told}");
    assert!(told.stdout.contains(words), "{told}");
    let hostile =
        |c: char| c != '\n' && c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
    assert!(!told.stdout.contains(hostile), "{told}");
}

#[test]
fn one_ref_is_pushed_whatever_the_configuration_says() {
    let fork = Fork::triggering();
    let environment = fork.environment();
    // what a careless push would take along: annotated tags on the way, branches, a submodule
    environment.tag("fork", "on-the-way");
    environment.bare_clone("upstream", "library.git");
    environment
        .git("fork", &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../library.git", "lib"]);
    environment.commit("fork", "own", "not pushed\n");
    environment.tag("fork", "local");
    environment.git("fork", &["branch", "topic"]);
    environment.commit("fork/lib", "own", "not pushed either\n");
    environment.git("fork", &["init", "--quiet", "--bare", "../other.git"]);
    environment.git("fork", &["remote", "add", "other", "../other.git"]);
    environment.git("forge.git", &["config", "receive.advertisePushOptions", "true"]);
    environment.program(
        "forge.git/hooks/post-receive",
        "#!/bin/sh\necho \"${GIT_PUSH_OPTION_COUNT:-no} options\" >> \"$ROOT/options\"\n",
    );
    environment.program("fork/.git/hooks/pre-push", "#!/bin/sh\ntouch \"$ROOT/pre-push-ran\"\nexit 1\n");
    for (key, value) in [
        ("push.followTags", "true"),
        ("push.autoSetupRemote", "true"),
        ("push.recurseSubmodules", "on-demand"),
        ("submodule.recurse", "true"),
        ("push.gpgSign", "if-asked"),
        ("push.pushOption", "merge_request.create"),
        ("push.useForceIfIncludes", "true"),
        ("push.negotiate", "true"),
        ("remote.pushDefault", "other"),
        ("branch.main.pushRemote", "other"),
        ("remote.origin.push", "+refs/heads/*:refs/heads/*"),
        ("remote.origin.prune", "true"),
    ] {
        fork.set(key, value);
    }
    fork.add("remote.origin.push", "+refs/tags/*:refs/tags/*");
    for (number, default) in ["matching", "current", "nothing", "upstream", "simple"].into_iter().enumerate() {
        fork.set("push.default", default);
        let before = fork.picture("forge.git");
        let tag = format!("v2.{number}.0");
        fork.release(&tag);
        fork.patch(&["poll"]).success();
        assert_eq!(
            fork.new_refs("forge.git", &before),
            [format!("refs/heads/patch-moi/trigger/up/{tag}")],
            "{default}"
        );
    }
    // a mirror would take away what is not here, and bring all that is
    let before = fork.picture("forge.git");
    fork.set("remote.origin.mirror", "true");
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    assert_eq!(fork.new_refs("forge.git", &before), [BRANCH]);
    assert_eq!(environment.git("other.git", &["for-each-ref"]), "");
    assert_eq!(
        environment.git("library.git", &["for-each-ref", "--format=%(refname)"]),
        "refs/heads/main\nrefs/tags/v1.0.0"
    );
    let options = environment.read("options");
    assert!(
        options.lines().count() == 6 && options.lines().all(|line| matches!(line, "0 options" | "no options")),
        "{options}"
    );
    assert!(!fork.path("pre-push-ran").exists());
}

#[test]
fn every_push_url_gets_the_ref_and_the_one_that_failed_gets_it_later() {
    let fork = Fork::triggering();
    let environment = fork.environment();
    environment.bare_clone("upstream", "second.git");
    let hook = "second.git/hooks/pre-receive";
    environment.program(hook, "#!/bin/sh\necho 'second is closed' >&2\nexit 1\n");
    let before = [fork.picture("forge.git"), fork.picture("second.git")];
    fork.set("remote.origin.pushurl", fork.path("forge.git").to_str().unwrap());
    fork.add("remote.origin.pushurl", "to:second.git");
    fork.release("v1.1.0");
    // the second cannot be reached at all, and Git says nothing of the ref there
    let away = fork.environment().program("bin/ssh", "#!/bin/sh\necho 'ssh: no route to host' >&2\nexit 255\n");
    let told = fork.patch_at("03:04:05", &["poll"]).env("GIT_SSH_COMMAND", &away).run();
    failed_with(&told, "ssh: no route to host");
    fork.set(&format!("url.{}/.insteadOf", fork.path("").display()), "to:");
    failed_with(&fork.patch_at("03:09:06", &["poll"]).run(), "second is closed");
    assert_eq!(fork.new_refs("forge.git", &before[0]), [BRANCH]);
    assert_eq!(fork.new_refs("second.git", &before[1]), [""; 0]);
    failed_with(&fork.patch_at("03:40:00", &["poll"]).run(), "second is closed");
    // the stack goes on in between, and the event stays the same commit
    environment.git("", &["clone", "--quiet", "forge.git", "work"]);
    environment.commit("work", "file", "stack\n");
    environment.git("work", &["push", "--quiet", "origin", "main"]);
    fs::remove_file(fork.path(hook)).unwrap();
    let told = fork.patch_at("05:00:00", &["poll"]).success();
    assert!(told.stdout.contains("completed: pushed patch-moi/trigger/up/v1.1.0"), "{told}");
    assert_eq!(fork.new_refs("second.git", &before[1]), [BRANCH]);
    let commit = |repository: &str| environment.git(repository, &["rev-parse", BRANCH]);
    assert_eq!(commit("forge.git"), commit("second.git"));
    let told = fork.patch_at("05:00:00", &["replay", "v1.1.0"]).success();
    assert!(told.stdout.contains("completed: patch-moi/trigger/up/v1.1.0 was there already"), "{told}");
}

#[test]
fn a_push_goes_where_git_sends_it_and_nowhere_else() {
    let fork = Fork::triggering();
    fork.environment().bare_clone("upstream", "second.git");
    let before = [fork.picture("forge.git"), fork.picture("second.git")];
    let url = fork.path("forge.git");
    fork.set(&format!("url.{}.pushInsteadOf", fork.path("second.git").display()), url.to_str().unwrap());
    fork.set("remote.origin.url", url.to_str().unwrap());
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    assert_eq!(fork.new_refs("forge.git", &before[0]), [""; 0]);
    assert_eq!(fork.new_refs("second.git", &before[1]), [BRANCH]);
    fork.patch_at("05:00:00", &["replay", "v1.1.0"]).success();
    assert_eq!(fork.new_refs("second.git", &before[1]), [BRANCH]);
}

#[test]
fn a_fork_with_a_checkout_keeps_it() {
    let fork = Fork::triggering();
    fork.environment().git("", &["clone", "--quiet", "forge.git", "checkout"]);
    fork.set("watch.up.fork", "../checkout");
    for (number, rule) in ["refuse", "updateInstead", "ignore"].into_iter().enumerate() {
        fork.environment().git("checkout", &["config", "receive.denyCurrentBranch", rule]);
        fork.environment().git("checkout", &["config", "receive.denyNonFastForwards", "true"]);
        fork.environment().git("checkout", &["config", "receive.denyDeletes", "true"]);
        let before = fork.picture("checkout");
        fork.release(&format!("v2.{number}.0"));
        fork.patch(&["poll"]).success();
        let new = format!("refs/heads/patch-moi/trigger/up/v2.{number}.0");
        assert_eq!(fork.new_refs("checkout", &before), [new]);
        assert_eq!(fork.environment().git("checkout", &["status", "--porcelain"]), "");
    }
}

#[test]
fn strict_forges_take_the_commit() {
    let fork = Fork::triggering();
    for key in ["receive.fsckObjects", "transfer.fsckObjects", "core.logAllRefUpdates"] {
        fork.environment().git("forge.git", &["config", key, "true"]);
    }
    // looks at the commit while it is in quarantine
    fork.environment().program(
        "forge.git/hooks/pre-receive",
        "#!/bin/sh\nread old new name\ngit cat-file commit $new > \"$ROOT/quarantined\" && git fsck --strict $new\n",
    );
    fork.add("watch.up.payload", "text=gr\u{fc}\u{df}e\n\u{1b}[31m\u{202e}");
    fork.release("v1.1.0");
    fork.patch(&["poll"]).success();
    assert!(fork.environment().read("quarantined").contains("patch: up v1.1.0"));
    fork.environment().git("forge.git", &["fsck", "--strict", "--no-progress"]);
}

#[test]
fn an_illegal_prefix_and_one_in_the_way_stop_everything() {
    let fork = Fork::triggering();
    fork.release("v1.1.0");
    let before = (fork.picture("forge.git"), fork.ledger());
    for prefix in ["", "/", "refs/heads/x", "..", "-x", "x.lock", "a b", "main"] {
        fork.set("patch.refPrefix", prefix);
        fork.set("watch.up.stack", "main");
        let told = fork.says_of(&["poll"]);
        assert_eq!((told.status, told.stdout.as_str()), (2, ""), "{told}");
        assert!(told.stderr.starts_with(&format!("error: patch.refPrefix = {prefix}")), "{told}");
        assert!(told.stderr.contains("\nhint: "), "{told}");
    }
    fork.set("patch.refPrefix", "patch");
    fork.set("watch.up.stack", "patch/*");
    fork.says_of(&["poll"]).is(&expect![[r#"
        status: 2
        --- stderr
        error: patch.refPrefix = patch (.git/config): the branch `patch/*`, which holds the patches of `up`, is in the way
        hint: mend it in that file, as with `git config --edit`
    "#]]);
    assert_eq!((fork.picture("forge.git"), fork.ledger()), before);
}

#[test]
fn the_forks_own_watches_do_not_see_the_triggers() {
    let fork = Fork::triggering();
    for (key, value) in [("branches.remote", "origin"), ("branches.event", "branch"), ("tags.remote", "origin")] {
        fork.set(&format!("watch.{key}"), value);
    }
    fork.patch(&["poll"]).success();
    fork.release("v1.1.0");
    fork.release("v1.2.0");
    let told = fork.patch(&["poll"]).success();
    assert_eq!(told.stdout.matches("completed: pushed").count(), 2, "{told}");
    assert_eq!(fork.says_of(&["poll"]).to_string(), "status: 0\n");
    // a watch of one trigger's own branch would start a circle
    fork.set("watch.branches.branch", "patch-moi/trigger/up/v1.1.0");
    let told = fork.says_of(&["poll"]);
    assert_eq!(told.status, 2, "{told}");
    assert!(told.stderr.contains("it is in the way of our own branches, patch-moi/trigger/"), "{told}");
    // and so would triggers for what the fork itself releases
    fork.environment().git("fork", &["config", "--unset", "watch.branches.branch"]);
    fork.set("watch.tags.dispatch", "trigger-branch");
    fork.environment().git("forge.git", &["tag", "own-1.0", "main"]);
    let before = fork.picture("forge.git");
    let told = fork.says_of(&["poll"]);
    assert!(told.stdout.contains("failed: the fork `origin` is the upstream itself, which gets no triggers"), "{told}");
    assert_eq!(fork.new_refs("forge.git", &before), [""; 0]);
}

#[test]
fn ssh_is_told_not_to_ask_and_the_users_own_is_left_alone() {
    let fork = Fork::triggering();
    let own = fork.ssh("bin/own-ssh");
    fork.ssh("front/ssh");
    fork.set("remote.origin.url", &fork.ssh_url());
    let path = format!("{}:{}", fork.path("front").display(), std::env::var("PATH").unwrap());
    let calls = |tag: &str, set: &[(&str, &str)]| {
        fork.release(tag);
        let run = fork.patch(&["poll"]).env("PATH", &path);
        set.iter().fold(run, |run, (key, value)| run.env(key, value)).success();
        let calls = fork.environment().read("ssh-calls");
        fs::remove_file(fork.path("ssh-calls")).unwrap();
        assert!(calls.contains("git-upload-pack") && calls.contains("git-receive-pack"), "{calls}");
        calls
    };
    for call in calls("v1.1.0", &[]).lines() {
        assert!(call.contains("front/ssh -oBatchMode=yes "), "{call}");
    }
    for call in calls("v1.2.0", &[("GIT_SSH_COMMAND", &format!("{own} -v"))]).lines() {
        assert!(call.contains("bin/own-ssh -v ") && !call.contains("BatchMode"), "{call}");
    }
    for call in calls("v1.3.0", &[("GIT_SSH", &own)]).lines() {
        assert!(call.contains("bin/own-ssh ") && !call.contains("BatchMode"), "{call}");
    }
    fork.set("core.sshCommand", &format!("{own} -i 'a key'"));
    for call in calls("v1.4.0", &[]).lines() {
        assert!(call.contains("bin/own-ssh -i a key ") && !call.contains("BatchMode"), "{call}");
    }
}

#[test]
fn nobody_is_asked_for_a_password() {
    if !is_installed("script") {
        return;
    }
    let server = Server::start(|_| {
        Response::new(401).header("WWW-Authenticate", "Basic realm=\"the forge\"").body("who are you?")
    });
    let server = server.unwrap();
    let fork = Fork::triggering();
    // who asks is stopped, and would keep the test for an hour
    fork.set("watch.up.timeout", "20");
    fork.set("remote.origin.pushurl", &server.url("/forge.git"));
    let program = |name: &str, script: &str| {
        let path = fork.environment().program(format!("bin/{name}"), script);
        path.to_str().unwrap().to_owned()
    };
    let dialogue = program("dialogue", "#!/bin/sh\ntouch \"$ROOT/dialogue\"\necho secret\n");
    let poll = format!("exec {} poll", env!("CARGO_BIN_EXE_patch"));
    let at_a_terminal = |set: &[(&str, &str)]| {
        let run =
            fork.environment().run("script", &["-qec", &poll, "/dev/null"]).in_dir("fork").stdin("ann\nhunter2\n");
        let run = run.env("DISPLAY", ":0").env("SSH_ASKPASS", &dialogue).env("SHELL", "/bin/sh").env("TERM", "xterm");
        // what a person's own session has
        let run =
            run.env("GIT_TERMINAL_PROMPT", "1").env("GCM_INTERACTIVE", "always").env("SSH_ASKPASS_REQUIRE", "force");
        set.iter().fold(run, |run, (key, value)| run.env(key, value)).run()
    };
    let asks = |told: &Output| {
        ["Username", "Password for", "passphrase"]
            .iter()
            .any(|word| told.stdout.contains(word) && !told.stdout.contains("could not read"))
    };
    fork.release("v1.1.0");
    let told = at_a_terminal(&[]);
    assert_eq!(told.status, 1, "{told}");
    assert!(told.stdout.contains("terminal prompts disabled"), "{told}");
    assert!(!asks(&told) && !fork.path("dialogue").exists(), "{told}");
    // A helper is told that there is nobody.
    let helper = program(
        "helper",
        "#!/bin/sh\n[ $1 = get ] && echo \"$GCM_INTERACTIVE $GIT_TERMINAL_PROMPT\" > \"$ROOT/helper\"\n",
    );
    fork.set("credential.helper", &helper);
    at_a_terminal(&[("PATCH_NOW", "2026-01-02T05:00:00Z")]);
    assert_eq!(fork.environment().read("helper"), "never 0\n");
    // One that asks all the same gets no answer: nothing that was typed reaches it, and it is ended in time.
    let rude = program(
        "rude",
        "#!/bin/sh\n[ $1 = get ] || exit 0\necho $$ > \"$ROOT/rude\"\nread answer < /dev/tty\n\
         echo \"$answer\" > \"$ROOT/answer\"\necho \"password=$answer\"\n",
    );
    fork.set("credential.helper", &rude);
    fork.set("watch.up.timeout", "2");
    let told = at_a_terminal(&[("PATCH_NOW", "2026-01-02T08:00:00Z")]);
    assert_eq!(told.status, 1, "{told}");
    assert!(told.stdout.contains("git push: no end within"), "{told}");
    assert!(!fork.path("answer").exists());
    assert!(!fork.is_running(&fork.environment().read("rude")));
    // A program that answers in the user's name is a choice, common in CI, and is asked.
    fork.environment().git("fork", &["config", "--unset", "credential.helper"]);
    fork.set("watch.up.timeout", "60");
    let told = at_a_terminal(&[("PATCH_NOW", "2026-01-04T08:00:00Z"), ("GIT_ASKPASS", &dialogue)]);
    assert!(told.stdout.contains("Authentication failed"), "{told}");
    assert!(fork.path("dialogue").exists() && !told.stdout.contains("secret"), "{told}");
    assert_eq!(fork.picture("forge.git").len(), 3);
}

#[test]
fn a_push_that_stalls_ends_at_its_deadline_with_all_that_it_started() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    for scheme in ["http", "git"] {
        let fork = Fork::triggering();
        fork.set("watch.up.timeout", "1");
        fork.set("remote.origin.pushurl", &format!("{scheme}://{address}/forge.git"));
        fork.release("v1.1.0");
        failed_with(&fork.says_of(&["poll"]), "cannot push to the fork `origin`: git push: no end within");
        assert_eq!(fork.processes(&address.to_string()), [""; 0]);
    }
    let fork = Fork::triggering();
    // deaf to SIGTERM, and so are its children
    let script = "#!/bin/sh\ntrap '' TERM HUP INT\necho $$ >> \"$ROOT/pids\"\n(echo $$ >> \"$ROOT/pids\"; while :; do sleep 600; done) &\n\
                  echo $! >> \"$ROOT/pids\"\nwhile :; do sleep 600; done\n";
    let ssh = fork.environment().program("bin/ssh", script);
    fork.set("core.sshCommand", ssh.to_str().unwrap());
    fork.set("watch.up.timeout", "1");
    fork.set("remote.origin.pushurl", &fork.ssh_url());
    let before = fork.picture("forge.git");
    fork.release("v1.1.0");
    failed_with(&fork.says_of(&["poll"]), "git push: no end within");
    let pids = fork.environment().read("pids");
    assert_eq!(pids.lines().count(), 3);
    assert!(pids.lines().all(|pid| !fork.is_running(pid)), "{pids}");
    assert_eq!(fork.new_refs("forge.git", &before), [""; 0]);
    // a forge that answers again gets the ref at a later poll
    fork.environment().git("fork", &["config", "--unset", "remote.origin.pushurl"]);
    fork.patch_at("05:00:00", &["poll"]).success();
    assert_eq!(fork.new_refs("forge.git", &before), [BRANCH]);
}

#[test]
fn a_refused_push_is_told_in_the_remotes_words_and_made_again_later() {
    let fork = Fork::triggering();
    let before = fork.picture("forge.git");
    let hostile = r"printf 'GH006: Protected branch \033[2J\033]0;x\007\302\233 \342\200\256 \000 update\r\nforged: completed\377\n' >&2; exit 1";
    for (hook, words) in [
        ("pre-receive", "pre-receive hook declined: remote: GH006: Protected branch"),
        ("update", "hook declined: remote: GH006: Protected branch"),
        ("reference-transaction", "GH006: Protected branch"),
    ] {
        let script = if hook == "reference-transaction" {
            format!("[ $1 != prepared ] || {{ {hostile}; }}")
        } else {
            hostile.to_owned()
        };
        fork.environment().program(format!("forge.git/hooks/{hook}"), &format!("#!/bin/sh\n{script}\n"));
        if hook == "pre-receive" {
            fork.release("v1.1.0");
            failed_with(&fork.says_of(&["poll"]), words);
            // not yet: 5 minutes after the first failure, 20 after the second
            assert_eq!(fork.patch_at("03:09:04", &["poll"]).run().to_string(), "status: 0\n");
            failed_with(&fork.patch_at("03:09:06", &["poll"]).run(), words);
            assert_eq!(fork.patch_at("03:29:05", &["poll"]).run().to_string(), "status: 0\n");
        } else {
            let time = if hook == "update" { "03:29:07" } else { "04:50:00" };
            failed_with(&fork.patch_at(time, &["poll"]).run(), words);
        }
        let ledger = fork.ledger();
        let is_hostile = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
        assert!(!ledger.contains(is_hostile), "{ledger}");
        fs::remove_file(fork.path(format!("forge.git/hooks/{hook}"))).unwrap();
        assert_eq!(fork.new_refs("forge.git", &before), [""; 0]);
    }
    // refs that the forge keeps to itself
    fork.environment().git("forge.git", &["config", "receive.hideRefs", "refs/heads/patch-moi"]);
    failed_with(&fork.patch_at("12:00:00", &["poll"]).run(), "deny updating a hidden ref");
    fork.environment().git("forge.git", &["config", "--unset", "receive.hideRefs"]);
    // given up after five; a person lets it go on, and there is one ref
    assert_eq!(fork.patch_at("23:00:00", &["poll"]).run().to_string(), "status: 0\n");
    fork.patch_at("23:00:00", &["retry", "v1.1.0"]).success();
    assert_eq!(fork.new_refs("forge.git", &before), [BRANCH]);
    expect![[r#"
        signal new patch:up:v1.1.0:upstream.release
        dispatch patch:up:v1.1.0:upstream.release trigger-branch #1
        run patch:up:v1.1.0:upstream.release trigger-branch #1 failed
        dispatch patch:up:v1.1.0:upstream.release trigger-branch #2
        run patch:up:v1.1.0:upstream.release trigger-branch #2 failed
        dispatch patch:up:v1.1.0:upstream.release trigger-branch #3
        run patch:up:v1.1.0:upstream.release trigger-branch #3 failed
        dispatch patch:up:v1.1.0:upstream.release trigger-branch #4
        run patch:up:v1.1.0:upstream.release trigger-branch #4 failed
        dispatch patch:up:v1.1.0:upstream.release trigger-branch #5
        run patch:up:v1.1.0:upstream.release trigger-branch #5 failed
        request new patch:up:v1.1.0:upstream.release retry #5
        dispatch patch:up:v1.1.0:upstream.release trigger-branch #6
        run patch:up:v1.1.0:upstream.release trigger-branch #6 completed
    "#]]
    .assert_eq(
        &fork.history().lines().map(|line| line.split(" pushed").next().unwrap().to_owned() + "\n").collect::<String>(),
    );
}

#[test]
fn a_forge_that_forbids_the_push_over_http_is_quoted() {
    let server = Server::start(|_| {
        let body = "You are not allowed to push code to this project.\n\u{1b}[31mask \u{202e}the owner\n";
        Response::new(403).header("Content-Type", "text/plain; charset=UTF-8").body(body)
    });
    let server = server.unwrap();
    let fork = Fork::triggering();
    fork.set("remote.origin.pushurl", &server.url("/forge.git"));
    let before = fork.picture("forge.git");
    fork.release("v1.1.0");
    let told = fork.says_of(&["poll"]);
    failed_with(&told, "You are not allowed to push code to this project.");
    failed_with(&told, "The requested URL returned error: 403");
    assert!(server.requests().iter().all(|request| request.header("authorization").is_none()));
    assert_eq!(fork.patch_at("03:09:04", &["poll"]).run().to_string(), "status: 0\n");
    fork.environment().git("fork", &["config", "--unset", "remote.origin.pushurl"]);
    fork.patch_at("03:09:06", &["poll"]).success();
    assert_eq!(fork.new_refs("forge.git", &before), [BRANCH]);
}

#[test]
fn a_fork_that_we_may_not_write_is_told() {
    let fork = Fork::triggering();
    let environment = fork.environment();
    let before = fork.picture("forge.git");
    fork.release("v1.1.0");
    let is_root = environment.run("id", &["-u"]).success().stdout == "0\n";
    if is_root && !is_installed("setpriv") {
        return;
    }
    let poll = |time: &str| {
        let now = format!("2026-01-02T{time}Z");
        if !is_root {
            return fork.patch_at(time, &["poll"]).run();
        }
        // root may write everywhere: somebody else polls
        let words = ["--reuid=65534", "--regid=65534", "--clear-groups", "bin/patch", "-C", "fork", "poll"];
        environment.run("setpriv", &words).env("PATCH_NOW", now).run()
    };
    if is_root {
        environment.run("install", &["-D", "-m", "755", env!("CARGO_BIN_EXE_patch"), "bin/patch"]).success();
        environment.run("chown", &["-R", "65534:65534", "."]).success();
        environment.run("chown", &["-R", "0:0", "forge.git", "upstream"]).success();
        environment.run("git", &["config", "--global", "safe.directory", "*"]).success();
    }
    environment.run("chmod", &["-R", "a-w,a+rX", "forge.git"]).success();
    failed_with(&poll("03:04:05"), "the fork `origin` refused patch-moi/trigger/up/v1.1.0: ");
    assert!(fork.ledger().contains("unable to create temporary object directory"), "{}", fork.ledger());
    assert_eq!(fork.new_refs("forge.git", &before), [""; 0]);
    // objects may come, and refs may not
    environment.run("chmod", &["-R", "u+w", "forge.git"]).success();
    if is_root {
        environment.run("chown", &["-R", "65534:65534", "forge.git/objects"]).success();
    }
    environment.run("chmod", &["-R", "a-w", "forge.git/refs"]).success();
    let told = poll("04:00:00");
    failed_with(&told, "the fork `origin` refused patch-moi/trigger/up/v1.1.0: ");
    assert_eq!(fork.new_refs("forge.git", &before), [""; 0]);
    environment.run("chmod", &["-R", "a+w", "forge.git/refs"]).success();
    let told = poll("06:00:00").succeeded();
    assert!(told.stdout.contains("completed: pushed patch-moi/trigger/up/v1.1.0"), "{told}");
    assert_eq!(fork.new_refs("forge.git", &before), [BRANCH]);
}

#[test]
fn a_race_for_the_ref_is_lost_without_harm() {
    let fork = Fork::triggering();
    let main = fork.environment().git("forge.git", &["rev-parse", "main"]);
    // runs after the forge has offered its refs, and before ours is made
    let hook = |commit: &str| {
        let script = format!("#!/bin/sh\nenv -u GIT_QUARANTINE_PATH git update-ref \"$1\" {commit}\n");
        fork.environment().program("forge.git/hooks/update", &script);
    };
    hook(&main);
    fork.release("v1.1.0");
    failed_with(&fork.says_of(&["poll"]), "has a branch patch-moi/trigger/up/v1.1.0 that is not this event's");
    assert_eq!(fork.environment().git("forge.git", &["rev-parse", BRANCH]), main);
    failed_with(&fork.patch_at("05:00:00", &["poll"]).run(), "that is not this event's");
    assert_eq!(fork.environment().git("forge.git", &["rev-parse", BRANCH]), main);
    // so it is when the ref comes between our look and the push, where it could be moved without force
    fork.environment().git("forge.git", &["update-ref", "-d", BRANCH]);
    fork.environment().run("rm", &["forge.git/hooks/update"]).success();
    let ssh = format!(
        "#!/bin/sh\nfor command; do :; done\n\
         case $command in *receive-pack*) git --git-dir=\"$ROOT/forge.git\" update-ref {BRANCH} {main};; esac\n\
         eval \"exec $command\"\n"
    );
    let ssh = fork.environment().program("bin/ssh", &ssh);
    fork.set("core.sshCommand", ssh.to_str().unwrap());
    fork.set("remote.origin.pushurl", &fork.ssh_url());
    failed_with(&fork.patch_at("08:00:00", &["poll"]).run(), "that is not this event's");
    assert_eq!(fork.environment().git("forge.git", &["rev-parse", BRANCH]), main);
    fork.environment().git("fork", &["config", "--unset", "remote.origin.pushurl"]);
    // another poller's push of the same event is the same commit: both are right
    fork.environment().git("forge.git", &["update-ref", "-d", BRANCH]);
    fork.environment().program(
        "forge.git/hooks/update",
        "#!/bin/sh\ngit unpack-objects -n < /dev/null; cp -r \"$GIT_QUARANTINE_PATH\"/?? objects/\n\
         env -u GIT_QUARANTINE_PATH git update-ref \"$1\" \"$3\"\n",
    );
    let told = fork.patch_at("09:00:00", &["retry", "v1.1.0"]).success();
    assert!(told.stdout.contains("completed: patch-moi/trigger/up/v1.1.0 was there already"), "{told}");
}
