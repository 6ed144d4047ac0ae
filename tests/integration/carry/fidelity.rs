//! What a patch says is kept, byte for byte.

use super::{World, lines};
use crate::environment::is_installed;
use std::fs;

/// A commit object's content after its committer line.
fn said(world: &World, commit: &str) -> Vec<u8> {
    let file = world.path("commit");
    let script = format!("git cat-file commit {commit} > '{}'", file.display());
    world.environment().run("sh", &["-c", &script]).in_dir("fork").success();
    let bytes = fs::read(file).unwrap();
    let at = bytes.windows(10).position(|window| window == b"committer ").unwrap();
    bytes[at..].splitn(2, |&byte| byte == b'\n').nth(1).unwrap().to_vec()
}

#[test]
fn messages_authors_and_dates_are_kept_byte_for_byte() {
    let world = World::new();
    world.git("fork", &["config", "i18n.commitEncoding", "ISO-8859-1"]);
    fs::write(world.path("message"), b"Gr\xfc\xdfe\n\n\n  Text \r\nSigned-off-by: J\xfcrgen <j@x>\n\n\n").unwrap();
    world.environment().write("fork/f", &lines(&[(5, "five")]));
    let args = ["commit", "--quiet", "--all", "--cleanup=verbatim", "--file=../message", "--date=1000000000 -0730"];
    world.environment().run("git", &args).in_dir("fork").env("GIT_AUTHOR_NAME", "Zoë").success();
    let old = world.git("fork", &["rev-parse", "HEAD"]);
    world.release("v2", &[("g", "two\n")]);
    let told = world.carry(&["--onto", "v2"]);
    let new = told.candidate();
    assert!(said(&world, &old).starts_with(b"encoding ISO-8859-1\n\nGr\xfc\xdfe\n\n\n  Text \r\n"));
    assert_eq!(said(&world, &new), said(&world, &old));
    let author = |commit: &str| world.git("fork", &["log", "-1", "--format=%an %ae %ad", "--date=raw", commit]);
    assert_eq!(author(&new), author(&old));
    assert!(author(&new).ends_with(" 1000000000 -0730"));
    assert_eq!(told.artifacts()["patches"][0]["subject"], "Grüße");
}

#[test]
fn line_ends_and_binary_files_are_carried_as_they_are() {
    let world = World::new();
    world.git("fork", &["config", "core.autocrlf", "true"]);
    let crlf = "one\r\ntwo\r\n".repeat(10);
    world.environment().write("upstream/crlf", &crlf);
    world.release("v1.1", &[(".gitattributes", "* -text\n")]);
    world.git("fork", &["pull", "--quiet", "upstream", "main"]);
    let ours = crlf.replacen("one", "ours", 1);
    fs::write(world.path("fork/blob"), b"\0\xff\r\n\0").unwrap();
    world.commit("fork", "Ours", &[("crlf", &ours)]);
    world.release("v2", &[("crlf", &(crlf + "more\r\n"))]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.fates(), ["Ours: carried"]);
    let file = |name: &str| {
        let script = format!("git cat-file blob {}:{name} > ../blob", told.candidate());
        world.environment().run("sh", &["-c", &script]).in_dir("fork").success();
        fs::read(world.path("blob")).unwrap()
    };
    assert_eq!(file("crlf"), (ours + "more\r\n").as_bytes());
    assert_eq!(file("blob"), b"\0\xff\r\n\0");
}

#[test]
fn notes_go_with_their_commits() {
    let world = World::new();
    let one = world.commit("fork", "One", &[("f", &lines(&[(5, "five")]))]);
    world.commit("fork", "Two", &[("n", "n\n")]);
    world.git("fork", &["notes", "add", "--message", "reviewed by Ann", &one]);
    world.git("fork", &["notes", "--ref=build", "add", "--message", "green", "HEAD"]);
    world.release("v2", &[("g", "two\n")]);
    let candidate = world.carry(&["--onto", "v2"]).candidate();
    assert_eq!(world.git("fork", &["notes", "show", &format!("{candidate}~1")]), "reviewed by Ann");
    assert_eq!(world.git("fork", &["notes", "--ref=build", "show", &candidate]), "green");
    let notes = world.git("fork", &["for-each-ref", "refs/notes"]);
    world.carry(&["--onto", "v2"]);
    assert_eq!(world.git("fork", &["for-each-ref", "refs/notes"]), notes);
}

#[test]
fn signatures_are_made_again_only_if_the_user_signs() {
    if !is_installed("ssh-keygen") {
        return;
    }
    let world = World::new();
    let key = world.path("home/key");
    let args = ["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()];
    world.environment().run("ssh-keygen", &args).success();
    let allowed = format!("* {}", world.environment().read("home/key.pub"));
    let allowed = world.environment().write("home/allowed", &allowed);
    for (name, value) in [
        ("gpg.format", "ssh"),
        ("user.signingKey", key.to_str().unwrap()),
        ("gpg.ssh.allowedSignersFile", allowed.to_str().unwrap()),
        ("i18n.commitEncoding", "ISO-8859-1"),
    ] {
        world.git("fork", &["config", name, value]);
    }
    fs::write(world.path("message"), b"Gr\xfc\xdfe\n\nText\n").unwrap();
    world.environment().write("fork/f", &lines(&[(5, "five")]));
    world.git("fork", &["commit", "--quiet", "--all", "-S", "--file=../message"]);
    world.release("v2", &[("g", "two\n")]);
    let plain = world.carry(&["--onto", "v2"]).candidate();
    assert!(!world.git("fork", &["cat-file", "commit", &plain]).contains("gpgsig"));
    world.git("fork", &["branch", "-D", "patch-moi/candidate/upstream/v2"]);
    world.git("fork", &["config", "commit.gpgSign", "true"]);
    let told = world.carry(&["--onto", "v2"]);
    let signed = told.candidate();
    assert_ne!(signed, plain);
    world.git("fork", &["verify-commit", &signed]);
    // Signed or not, it says the same: nothing is moved for a signature.
    world.git("fork", &["config", "commit.gpgSign", "false"]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!((&told.report["status"], told.candidate()), (&"skipped".into(), signed.clone()));
    assert_eq!(world.git("fork", &["rev-parse", "patch-moi/candidate/upstream/v2"]), signed);
}

#[test]
fn the_range_diff_is_kept() {
    let world = World::new();
    world.commit("fork", "Five", &[("f", &lines(&[(5, "five")]))]);
    world.release("v2", &[("f", &lines(&[(7, "seven")]))]);
    let told = world.carry(&["--onto", "v2"]);
    assert_eq!(told.fates(), ["Five: carried-changed"]);
    let path = told.artifacts()["rangeDiff"].as_str().unwrap().replace("$TEMP", world.path("").to_str().unwrap());
    let text = fs::read_to_string(path).unwrap();
    assert!(text.starts_with("1:  ") && text.contains(" ! 1:  ") && text.contains("+ seven"), "{text}");
}
