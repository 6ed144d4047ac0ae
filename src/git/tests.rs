use super::*;
use crate::parse::refs::RemoteRef;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(600);

/// A home, a fork on a "forge", and a clone of it, all in one temporary directory.
struct World {
    root: TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { root: tempfile::tempdir().unwrap() };
        let identity = "[user]\nname = A\nemail = a@example.invalid\n[init]\ndefaultBranch = main\n";
        fs::write(world.root.path().join(".gitconfig"), identity).unwrap();
        world.git("", &["init", "--quiet", "--bare", "fork.git"]);
        world.git("", &["init", "--quiet", "work"]);
        world.git("work", &["remote", "add", "fork", "../fork.git"]);
        world
    }

    fn at(&self, directory: &str) -> Git {
        let home = self.root.path();
        Git::in_directory(home.join(directory))
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join("xdg"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CEILING_DIRECTORIES", home)
    }

    #[track_caller]
    fn git(&self, directory: &str, args: &[&str]) -> String {
        let git = self.at(directory);
        let mut command = git.command();
        command.args(args);
        let output = git.output(command, "test", LONG).unwrap();
        String::from_utf8(output).unwrap().trim_end().to_owned()
    }

    fn commit(&self) -> String {
        self.git("work", &["commit", "--quiet", "--allow-empty", "-m", "one"]);
        self.git("work", &["rev-parse", "HEAD"])
    }

    fn fork_refs(&self) -> String {
        self.git("fork.git", &["for-each-ref", "--format=%(refname)"])
    }

    fn fork_hook(&self, name: &str, script: &str) {
        let hook = self.root.path().join("fork.git/hooks").join(name);
        fs::write(&hook, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn the_configuration_is_what_git_sees() {
    let world = World::new();
    fs::write(world.root.path().join("shared"), "[watch \"Up\"]\n\ttags\n").unwrap();
    world.git("work", &["config", "include.path", "../../shared"]);
    let git = world
        .at("work")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "Watch.Up.Feed")
        .env("GIT_CONFIG_VALUE_0", "f");
    let watches: Vec<_> = git.config().unwrap().into_iter().filter(|entry| entry.section == "watch").collect();
    let told: Vec<_> = watches
        .iter()
        .map(|entry| (entry.scope.as_str(), entry.origin.as_str(), entry.key(), entry.value.as_deref()))
        .collect();
    let expected = [
        ("local", "file:.git/../../shared", "watch.Up.tags".to_owned(), None),
        ("command", "command line:", "watch.Up.feed".to_owned(), Some("f")),
    ];
    assert_eq!(told, expected);
    assert_eq!(remotes(&git.config().unwrap())["fork"].urls, ["../fork.git"]);
}

#[test]
fn outside_a_repository_there_is_the_users_configuration() {
    let world = World::new();
    let entries = world.at("").config().unwrap();
    assert!(entries.iter().all(|entry| entry.scope == "global"), "{entries:?}");
    assert!(entries.iter().any(|entry| entry.key() == "user.name"));
}

#[test]
fn the_configuration_is_edited() {
    let world = World::new();
    let git = world.at("work");
    git.config_add(Scope::Local, "watch.up.tags", "-x").unwrap();
    git.config_add(Scope::Local, "watch.up.tags", "!y\n[z] \"q\"").unwrap();
    git.config_add(Scope::Local, "watch.up.feed", "b").unwrap();
    git.config_add(Scope::Global, "watch.up.policy", "each").unwrap();
    let watch = || -> Vec<_> {
        let entries = git.config().unwrap().into_iter().filter(|entry| entry.section == "watch");
        entries.map(|entry| (entry.scope, entry.name, entry.value.unwrap())).collect()
    };
    let own = |scope: &str, name: &str, value: &str| (scope.to_owned(), name.to_owned(), value.to_owned());
    let global = own("global", "policy", "each");
    let tags = [own("local", "tags", "-x"), own("local", "tags", "!y\n[z] \"q\"")];
    assert_eq!(watch(), [std::slice::from_ref(&global), &tags[..], &[own("local", "feed", "b")]].concat());
    assert_eq!(git.config_remove_section(Path::new(".git/config"), "watch.up"), Ok(true));
    assert_eq!(git.config_remove_section(Path::new(".git/config"), "watch.up"), Ok(false));
    assert_eq!(watch(), [global]);
    assert_eq!(git.config_add(Scope::Local, "--list", "x").unwrap_err().kind(), "refused");
    assert_eq!(git.config_add(Scope::Local, "nodot", "x").unwrap_err().kind(), "git");
    assert_eq!(git.config_add(Scope::Local, "a.b", "x\0y").unwrap_err().kind(), "refused");
}

#[test]
fn a_repository_is_located() {
    let world = World::new();
    world.commit();
    let root = world.root.path().canonicalize().unwrap();
    let work = world.at("work").locate().unwrap();
    assert_eq!((&work.git_dir, &work.worktree), (&root.join("work/.git"), &Some(root.join("work"))));
    assert!(!work.is_shallow);

    world.git("work", &["worktree", "add", "--quiet", "--detach", "../linked"]);
    let linked = world.at("linked").locate().unwrap();
    assert_eq!((linked.common_dir, linked.worktree), (root.join("work/.git"), Some(root.join("linked"))));
    assert_eq!(linked.git_dir, root.join("work/.git/worktrees/linked"));

    let bare = world.at("fork.git").locate().unwrap();
    assert_eq!((bare.git_dir, bare.worktree), (root.join("fork.git"), None));

    world.git("", &["clone", "--quiet", "--depth=1", &format!("file://{}", root.join("work").display()), "shallow"]);
    assert!(world.at("shallow").locate().unwrap().is_shallow);
}

#[test]
fn what_is_no_repository_is_told_apart() {
    let world = World::new();
    assert_eq!(world.at("").locate().unwrap_err().kind(), "not-a-repository");
    assert_eq!(world.at("nowhere").locate().unwrap_err().kind(), "git");
    // Git's own test variable: every repository counts as somebody else's.
    let foreign = world.at("work").env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
    assert_eq!(foreign.locate().unwrap_err().kind(), "dubious-ownership");
    let no_git = world.at("work").env("PATH", world.root.path());
    assert_eq!(no_git.locate().unwrap_err().kind(), "no-git");
}

#[test]
fn the_refs_of_a_remote_are_listed() {
    let world = World::new();
    let sha = world.commit();
    world.git("work", &["tag", "-a", "-m", "one", "v1"]);
    world.git("work", &["push", "--quiet", "fork", "main", "v1"]);
    let tag = world.git("work", &["rev-parse", "v1"]);
    let git = world.at("work");
    let found = git.ls_remote("fork", &["HEAD", "refs/heads/*"], LONG).unwrap();
    assert_eq!(found.head.as_deref(), Some("refs/heads/main"));
    let found = git.ls_remote("fork", &["refs/tags/*"], LONG).unwrap();
    let expected = RemoteRef { sha: tag, peeled: Some(sha) };
    assert_eq!(found.refs, BTreeMap::from([("refs/tags/v1".to_owned(), expected)]));
    let url = world.root.path().join("fork.git");
    assert_eq!(world.at("").ls_remote(url.to_str().unwrap(), &[], LONG).unwrap().refs.len(), 3);
}

#[test]
fn remotes_that_fail_are_told_apart() {
    let world = World::new();
    let git = world.at("work");
    let kind = |remote: &str| git.ls_remote(remote, &[], LONG).unwrap_err().kind();
    assert_eq!(kind("nowhere"), "remote-missing");
    assert_eq!(kind("http://127.0.0.1:1/x"), "unreachable");
    assert_eq!(kind("--upload-pack=touch ../owned"), "refused");
    assert_eq!(kind(""), "refused");
    let ssh = world.root.path().join("ssh");
    fs::write(&ssh, "#!/bin/sh\nexec sleep 600\n").unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    let git = world.at("work").env("GIT_SSH_COMMAND", &ssh);
    let error = git.ls_remote("ssh://host.invalid/x", &[], Duration::from_millis(200)).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), ("timeout", "git ls-remote: no end within 0.2 s"));
}

#[test]
fn ssh_does_not_ask_unless_the_user_chose_how_it_is_run() {
    let world = World::new();
    let ssh = world.root.path().join("bin/ssh");
    fs::create_dir(ssh.parent().unwrap()).unwrap();
    fs::write(&ssh, "#!/bin/sh\necho \"$0 $*\" >&2\nexit 1\n").unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", ssh.parent().unwrap().display(), env::var("PATH").unwrap());
    let said = |git: Git| git.ls_remote("ssh://host.invalid/x", &[], LONG).unwrap_err().to_string();
    assert!(said(world.at("work").env("PATH", &path)).contains("-oBatchMode=yes"));
    let own = format!("{} --own", ssh.display());
    assert!(!said(world.at("work").env("PATH", &path).env("GIT_SSH_COMMAND", &own)).contains("BatchMode"));
    world.git("work", &["config", "core.sshCommand", &own]);
    let configured = said(world.at("work").env("PATH", &path));
    assert!(configured.contains("--own") && !configured.contains("BatchMode"), "{configured}");
}

#[test]
fn a_fetch_writes_nothing_but_what_was_asked_for() {
    let world = World::new();
    world.commit();
    world.git("work", &["tag", "v1"]);
    world.git("work", &["push", "--quiet", "fork", "main", "v1"]);
    world.git("", &["clone", "--quiet", "--no-tags", "--origin=fork", "fork.git", "clone"]);
    for (key, value) in [("fetch.prune", "true"), ("remote.fork.tagOpt", "--tags"), ("fetch.writeCommitGraph", "true")]
    {
        world.git("clone", &["config", key, value]);
    }
    let new = world.commit();
    world.git("work", &["push", "--quiet", "fork", "main"]);
    world.git("clone", &["update-ref", "refs/patch-moi/heads/kept", "HEAD"]);
    let before = world.git("clone", &["for-each-ref"]);
    let git = world.at("clone");
    git.fetch("fork", &["+refs/heads/*:refs/patch-moi/heads/*".to_owned()], LONG).unwrap();
    let fetched = "refs/patch-moi/heads/main";
    assert_eq!(world.git("clone", &["rev-parse", fetched]), new);
    world.git("clone", &["update-ref", "-d", fetched]);
    assert_eq!(world.git("clone", &["for-each-ref"]), before);
    assert!(!world.root.path().join("clone/.git/FETCH_HEAD").exists());
    assert!(!world.root.path().join("clone/.git/objects/info/commit-graphs").exists());
    let error = git.fetch("fork", &["refs/heads/absent:refs/patch-moi/x".to_owned()], LONG).unwrap_err();
    assert_eq!(error.to_string(), "git fetch: couldn't find remote ref refs/heads/absent");
    assert_eq!(git.fetch("fork", &["--upload-pack=x".to_owned()], LONG).unwrap_err().kind(), "refused");
    git.fetch("fork", &[], LONG).unwrap();
}

#[test]
fn ancestry_is_told_when_both_are_here() {
    let world = World::new();
    let (old, new, git) = (world.commit(), world.commit(), world.at("work"));
    assert_eq!(git.is_ancestor(&old, &new), Ok(Some(true)));
    assert_eq!(git.is_ancestor(&old, &old), Ok(Some(true)));
    assert_eq!(git.is_ancestor(&new, &old), Ok(Some(false)));
    assert_eq!(git.is_ancestor(&"1".repeat(40), &new), Ok(None));
    assert_eq!(git.is_ancestor(&new, &"1".repeat(40)), Ok(None));
    assert_eq!(git.is_ancestor("HEAD", &new).unwrap_err().to_string(), "`HEAD` is not an object id");
    assert_eq!(world.at("").is_ancestor(&old, &new).unwrap_err().kind(), "not-a-repository");
}

#[test]
fn commits_are_read_as_they_are() {
    let world = World::new();
    let (old, new, git) = (world.commit(), world.commit(), world.at("work"));
    world.git("work", &["tag", "-a", "-m", "one", "v1"]);
    let read = git.commit(&new, LONG).unwrap().unwrap();
    assert_eq!((read.sha.as_str(), read.message.as_str()), (new.as_str(), "one\n"));
    assert_eq!(read.tree, world.git("work", &["rev-parse", "HEAD^{tree}"]));
    assert_eq!(git.commit("refs/tags/v1", LONG).unwrap().as_ref(), Some(&read));
    assert_eq!(git.commit(&"1".repeat(40), LONG), Ok(None));
    assert_eq!(git.commit(&read.tree, LONG), Ok(None));
    assert_eq!(git.commit("--help", LONG).unwrap_err().kind(), "refused");
    assert_eq!(git.commit("x\ny", LONG).unwrap_err().kind(), "refused");
    let shas: Vec<_> = git.history(&new, 9, LONG).unwrap().into_iter().map(|commit| commit.sha).collect();
    assert_eq!(shas, [new.as_str(), old.as_str()]);
    assert_eq!(git.history(&new, 1, LONG).unwrap(), std::slice::from_ref(&read));
    // what this clone shows in the place of a commit is its own affair
    world.git("work", &["commit", "--quiet", "--allow-empty", "-m", "two"]);
    world.git("work", &["replace", &new, "HEAD"]);
    assert_eq!(git.commit(&new, LONG), Ok(Some(read)));
    assert_eq!(world.at("").commit(&new, LONG).unwrap_err().kind(), "not-a-repository");
}

#[test]
fn a_revision_leads_to_a_commit_or_to_none() {
    let world = World::new();
    let (old, new, git) = (world.commit(), world.commit(), world.at("work"));
    world.git("work", &["tag", "-a", "-m", "one", "v1"]);
    let sha = |revision: &str| git.commit_at(revision, LONG).unwrap().map(|commit| commit.sha);
    for revision in ["HEAD", "main", "v1", "main@{0}", ":/one", &new[..12], "refs/tags/v1"] {
        assert_eq!(sha(revision).as_ref(), Some(&new), "{revision}");
    }
    assert_eq!(sha("HEAD~1"), Some(old));
    for revision in
        ["", "absent", "--all", "--git-dir", "HEAD..HEAD~1", "HEAD^{tree}", "HEAD\nHEAD", "\u{1b}[2J", "HEAD~9"]
    {
        assert_eq!(sha(revision), None, "{revision:?}");
    }
    assert_eq!(git.commit_at("x\0", LONG).unwrap_err().kind(), "refused");
    assert_eq!(world.at("").commit_at("HEAD", LONG).unwrap_err().kind(), "not-a-repository");
}

#[test]
fn a_commit_is_stored_byte_by_byte_and_twice_is_once() {
    let world = World::new();
    let (parent, git) = (world.commit(), world.at("work"));
    let tree = git.commit(&parent, LONG).unwrap().unwrap().tree;
    let by = "A <a@example.invalid> 1 +0000";
    let long = "x\r\n é ".repeat(100_000);
    let bytes = format!("tree {tree}\nparent {parent}\nauthor {by}\ncommitter {by}\n\n{long}");
    let before = world.git("work", &["for-each-ref"]);
    let sha = git.write_commit(bytes.as_bytes(), LONG).unwrap();
    assert_eq!(git.write_commit(bytes.as_bytes(), LONG), Ok(sha.clone()));
    assert_eq!(git.commit(&sha, LONG).unwrap().unwrap().message, long);
    assert_eq!(sha, git2::Oid::hash_object(git2::ObjectType::Commit, bytes.as_bytes()).unwrap().to_string());
    assert_eq!(world.git("work", &["for-each-ref"]), before);
    assert_eq!(git.write_commit(b"tree x\n\n", LONG).unwrap_err().kind(), "git");
}

#[test]
fn a_ref_is_created_once() {
    let world = World::new();
    let (old, new, git) = (world.commit(), world.commit(), world.at("work"));
    let name = "refs/heads/patch-moi/trigger/up/v1";
    assert_eq!(git.push_new("fork", &old, name, LONG), Ok(Pushed::Created));
    assert_eq!(git.push_new("fork", &old, name, LONG), Ok(Pushed::AlreadyThere));
    // A fast-forward, which Git would do without the lease.
    assert_eq!(git.push_new("fork", &new, name, LONG), Ok(Pushed::Exists));
    assert_eq!(world.git("fork.git", &["rev-parse", name]), old);
}

#[test]
fn the_users_push_settings_add_nothing() {
    let world = World::new();
    let sha = world.commit();
    world.git("work", &["tag", "-a", "-m", "one", "v1"]);
    for (key, value) in [
        ("push.followTags", "true"),
        ("push.gpgSign", "true"),
        ("push.pushOption", "merge_request.create"),
        ("push.recurseSubmodules", "on-demand"),
        ("push.default", "matching"),
        ("remote.fork.push", "refs/heads/*:refs/heads/*"),
    ] {
        world.git("work", &["config", key, value]);
    }
    assert_eq!(world.at("work").push_new("fork", &sha, "refs/heads/x", LONG), Ok(Pushed::Created));
    assert_eq!(world.fork_refs(), "refs/heads/x");
}

#[test]
fn a_hook_that_declines_is_quoted() {
    let world = World::new();
    let sha = world.commit();
    world.fork_hook("pre-receive", "echo 'policy says no' >&2; exit 1");
    let reason = "pre-receive hook declined: remote: policy says no".to_owned();
    assert_eq!(world.at("work").push_new("fork", &sha, "refs/heads/x", LONG), Ok(Pushed::Rejected { reason }));
    assert_eq!(world.fork_refs(), "");
}

#[test]
fn a_race_for_a_ref_is_lost_or_drawn() {
    #[track_caller]
    fn case(world: &World, pushed: &str, other: &str, expected: &Pushed) {
        // The hook runs after the remote has offered its refs, and creates the same one.
        world.fork_hook("update", &format!("env -u GIT_QUARANTINE_PATH git update-ref $1 {other}"));
        assert_eq!(&world.at("work").push_new("fork", pushed, "refs/heads/x", LONG).unwrap(), expected);
        world.git("fork.git", &["update-ref", "-d", "refs/heads/x"]);
    }
    let world = World::new();
    let (old, new) = (world.commit(), world.commit());
    world.git("work", &["push", "--quiet", "fork", "main"]);
    case(&world, &old, &new, &Pushed::Exists);
    case(&world, &old, &old, &Pushed::AlreadyThere);
}

#[test]
fn a_ref_in_the_way_of_another_is_a_rejection() {
    let world = World::new();
    let (sha, git) = (world.commit(), world.at("work"));
    git.push_new("fork", &sha, "refs/heads/x/y", LONG).unwrap();
    let Ok(Pushed::Rejected { reason }) = git.push_new("fork", &sha, "refs/heads/x", LONG) else { panic!() };
    assert!(reason.contains("'refs/heads/x/y' exists"), "{reason}");
}

#[test]
fn what_is_no_push_is_refused_or_an_error() {
    let world = World::new();
    let (sha, git) = (world.commit(), world.at("work"));
    let kind = |remote: &str, sha: &str, name: &str| git.push_new(remote, sha, name, LONG).unwrap_err().kind();
    assert_eq!(kind("fork", "HEAD", "refs/heads/x"), "refused");
    assert_eq!(kind("fork", &sha, "x"), "refused");
    assert_eq!(kind("fork", &sha, "refs/heads/a b"), "refused");
    assert_eq!(kind("fork", &sha, "refs/heads/a:refs/heads/b"), "refused");
    assert_eq!(kind("--all", &sha, "refs/heads/x"), "refused");
    assert_eq!(kind("../nowhere", &sha, "refs/heads/x"), "remote-missing");
    assert_eq!(world.fork_refs(), "");
}

#[test]
fn a_commits_files_are_searched_where_it_is_here() {
    let world = World::new();
    fs::create_dir_all(world.root.path().join("work/ci")).unwrap();
    fs::write(world.root.path().join("work/ci/a.yml"), "on: patch-moi/trigger/**\n").unwrap();
    fs::write(world.root.path().join("work/ci/b.yml"), "on: push\n").unwrap();
    fs::write(world.root.path().join("work/README"), "patch-moi/trigger/\n").unwrap();
    world.git("work", &["add", "."]);
    let commit = world.commit();
    let git = world.at("work/ci");
    let found = |words: &[&str], paths: &[&str]| git.files_with(&commit, words, paths).unwrap();
    assert_eq!(found(&["nowhere", "patch-moi/trigger/"], &["ci", "none"]), ["ci/a.yml"]);
    assert_eq!(found(&["push"], &["ci"]), ["ci/b.yml"]);
    assert!(found(&["nowhere"], &["ci"]).is_empty());
    assert!(found(&["patch-moi"], &["none"]).is_empty());
    assert!(git.files_with(&"1".repeat(40), &["x"], &["ci"]).is_err());
    assert!(git.files_with("--open-files-in-pager=touch", &["x"], &["ci"]).is_err());
}

#[test]
fn the_configuration_of_another_repository_is_read_alone() {
    let world = World::new();
    let file = world.root.path().join("work/.git/config");
    let entries = world.at("").env("GIT_DIR", "nowhere").config_in(&file).unwrap();
    assert_eq!(remotes(&entries)["fork"].urls, ["../fork.git"]);
    assert!(!entries.iter().any(|entry| entry.section == "user"), "{entries:?}");
    assert!(world.at("").config_in(&world.root.path().join("none")).is_err());
}
