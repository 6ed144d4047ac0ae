//! Ref names of any text: valid, apart from one another, and short enough, as Git and a file system see it.

use crate::{feeds::any_tags, one_in};
use patch_moi::{refname::trigger_ref, watch::WatchName};
use proptest::{
    collection::{hash_set, vec},
    prelude::*,
};
use std::{
    collections::{BTreeSet, HashSet},
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[aA=.-]{0,7}",
        "[a-cA-C]{1,3}(\\.|=|==|=\\.|@|/|\\.lock|\\.LOCK){0,3}[0-9a-f]{0,3}",
        "(\u{e9}|e\u{301}|\u{212b}|\u{c5}|A\u{30a}|a|A|k|\u{212a}|\u{df}|ss|i|\u{131}|I){1,4}",
        "(HEAD|@|\\.\\.|/|refs/heads/main|\\*|\\?|\\[|~|\\^|:|\\\\| |\t|\n|\u{0}|\u{7f}|-|--|\\$\\(x\\)){1,4}",
        ("[aA.]{1}", 60..400_usize).prop_map(|(text, times)| text.repeat(times)),
        (any::<char>(), 20..200_usize).prop_map(|(c, times)| c.to_string().repeat(times)),
    ]
}

fn git(directory: &Path, args: &[&str], input: &[u8]) -> (bool, String, String) {
    let mut child = Command::new("git")
        .args(args)
        .current_dir(directory)
        .env_clear()
        .envs([("PATH", std::env::var("PATH").unwrap()), ("LC_ALL", "C".to_owned())])
        .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("HOME", "/nonexistent")])
        .envs([("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@h"), ("GIT_COMMITTER_NAME", "a")])
        .env("GIT_COMMITTER_EMAIL", "a@h")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// Has Git make all of `names` as branches at once, and gives those that are then there.
fn made(names: &[String]) -> Result<BTreeSet<String>, TestCaseError> {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let (ok, _, said) = git(directory, &["init", "--quiet", "--bare", "."], b"");
    prop_assert!(ok, "{}", said);
    let (_, tree, _) = git(directory, &["hash-object", "-t", "tree", "-w", "--stdin"], b"");
    let (ok, commit, said) = git(directory, &["commit-tree", tree.trim()], b"x");
    prop_assert!(ok, "{}", said);
    let commands = names.iter().fold(String::new(), |text, name| text + "create " + name + "\0" + commit.trim() + "\0");
    let (ok, _, said) = git(directory, &["update-ref", "-z", "--stdin"], commands.as_bytes());
    prop_assert!(ok, "{}", said);
    let (_, there, _) = git(directory, &["for-each-ref", "--format=%(refname)"], b"");
    Ok(there.lines().map(str::to_owned).collect())
}

proptest! {
    #![proptest_config(one_in(8))]

    #[test]
    fn git_makes_a_branch_of_its_own_for_every_text(
        texts in hash_set(any_text(), 1..150),
        tags in any_tags(1..30),
        watch in "[a-zA-Z0-9_]{1,3}(\\.[a-z]{1,3})?",
    ) {
        let watch: WatchName = watch.parse().unwrap();
        let texts: HashSet<String> = texts.into_iter().chain(tags).collect();
        let names: Vec<String> = texts.iter().map(|text| trigger_ref("patch-moi/", &watch, text)).collect();
        for (name, text) in names.iter().zip(&texts) {
            prop_assert!(name.is_ascii(), "{text:?} gives {name:?}");
            let longest = name.split('/').map(str::len).max().unwrap();
            prop_assert!(longest + ".lock".len() <= 255, "{text:?} gives {name:?}");
            prop_assert_eq!(name.matches('/').count(), 5, "{} gives {}", text, name);
        }
        let folded: BTreeSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        prop_assert_eq!(folded.len(), texts.len(), "two names differ in case only");
        prop_assert_eq!(made(&names)?, names.into_iter().collect::<BTreeSet<_>>());
    }

    #[test]
    fn names_in_another_case_are_other_names(text in "[a-z]{1,40}", capitals in vec(any::<u64>(), 2..200)) {
        let cased: HashSet<String> = capitals
            .iter()
            .map(|bits| text.char_indices().map(|(at, c)| if bits >> at & 1 == 1 { c.to_ascii_uppercase() } else { c }).collect())
            .collect();
        let watch: WatchName = "w".parse().unwrap();
        let names: HashSet<String> =
            cased.iter().map(|text| trigger_ref("p/", &watch, text).to_ascii_lowercase()).collect();
        prop_assert_eq!(names.len(), cased.len());
    }
}
