//! What a remote advertises: the output of `git ls-remote --symref`.

use std::collections::BTreeMap;

/// Refs of one remote, at most: each costs about a kilobyte while it is looked at.
pub const MOST: usize = 100_000;

/// The refs of a remote as it advertises them now.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RemoteRefs {
    /// The branch that HEAD points to, `refs/heads/…`; `None` if HEAD was not asked for, is
    /// detached, or the server does not tell.
    pub head: Option<String>,
    /// The refs by full name, `HEAD` among them if it was asked for.
    ///
    /// A byte that is not UTF-8 is written `\xHH`. That names one ref only, because no ref name
    /// contains a backslash (git-check-ref-format(1)).
    pub refs: BTreeMap<String, RemoteRef>,
}

/// One ref of a remote.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RemoteRef {
    /// What the ref holds: a commit, or the tag object of an annotated tag.
    pub sha: String,
    /// What the tag object leads to in the end.
    pub peeled: Option<String>,
}

impl RemoteRef {
    /// The commit: that of the tag if this is an annotated tag.
    #[must_use]
    pub fn commit(&self) -> &str {
        self.peeled.as_deref().unwrap_or(&self.sha)
    }
}

/// Whether `text` is an object id as Git writes it: 40 or 64 lower-case hex digits, not all zero.
#[must_use]
pub fn is_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64)
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
        && text.bytes().any(|byte| byte != b'0')
}

/// Reads the output of `git ls-remote --symref`; none at all is a repository without refs.
///
/// A ref whose object id is all zero is left out: so Git shows one that is broken, such as a file
/// `refs/tags/a b` in the remote, and the others are sound.
///
/// # Errors
/// The first line that is not of that form, by its number from 1; its words are not repeated.
pub fn parse(ls_remote_stdout: &[u8]) -> Result<RemoteRefs, String> {
    let mut found = RemoteRefs::default();
    let text = ls_remote_stdout.strip_suffix(b"\n").unwrap_or(ls_remote_stdout);
    if text.is_empty() {
        return Ok(found);
    }
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        take(&mut found, line).map_err(|problem| format!("line {} of the refs {problem}", index + 1))?;
        if found.refs.len() > MOST {
            return Err(format!("there are more than {MOST} refs"));
        }
    }
    Ok(found)
}

fn take(found: &mut RemoteRefs, line: &[u8]) -> Result<(), &'static str> {
    let mut fields = line.splitn(2, |&byte| byte == b'\t');
    let (Some(value), Some(name)) = (fields.next(), fields.next()) else {
        return Err("has no tab");
    };
    if let Some(target) = value.strip_prefix(b"ref: ") {
        let target = ref_name(target)?;
        if ref_name(name)? == "HEAD" && target.starts_with("refs/heads/") {
            found.head = Some(target);
        }
        return Ok(());
    }
    if matches!(value.len(), 40 | 64) && value.iter().all(|&byte| byte == b'0') && name.starts_with(b"refs/") {
        return Ok(());
    }
    let sha = str::from_utf8(value).ok().filter(|sha| is_sha(sha)).ok_or("has no object id")?.to_owned();
    if let Some(name) = name.strip_suffix(b"^{}") {
        let tag = found.refs.get_mut(&ref_name(name)?).ok_or("peels a ref that is not there")?;
        return once(tag.peeled.replace(sha).as_ref(), tag.peeled.as_ref());
    }
    let name = ref_name(name)?;
    let new = RemoteRef { sha, peeled: None };
    let old = found.refs.insert(name, new.clone());
    once(old.as_ref().map(|old| &old.sha), Some(&new.sha))
}

/// The same thing said twice is passed over; a contradiction is not.
fn once(old: Option<&String>, new: Option<&String>) -> Result<(), &'static str> {
    if old.is_none() || old == new { Ok(()) } else { Err("contradicts an earlier one") }
}

/// A name by the rules of git-check-ref-format(1) that keep it one word of one line.
fn ref_name(bytes: &[u8]) -> Result<String, &'static str> {
    let forbidden = |&byte: &u8| byte <= b' ' || byte == 0x7f || b"~^:?*[\\".contains(&byte);
    let pseudo = || !bytes.is_empty() && bytes.iter().all(|&byte| byte.is_ascii_uppercase() || byte == b'_');
    let full = bytes.strip_prefix(b"refs/").is_some_and(|rest| !rest.is_empty());
    if !(full || pseudo()) || bytes.iter().any(forbidden) {
        return Err("has no ref name");
    }
    let mut name = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        name.push_str(chunk.valid());
        name.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    #[test]
    fn refs_are_read_and_tags_peeled() {
        let text = format!(
            "ref: refs/heads/main\tHEAD\n{A}\tHEAD\nref: refs/remotes/o/main\trefs/remotes/o/HEAD\n{A}\trefs/heads/main\n\
             {B}\trefs/tags/v1\n{A}\trefs/tags/v1^{{}}\n{B}\trefs/tags/light\n"
        );
        let found = parse(text.as_bytes()).unwrap();
        assert_eq!(found.head.as_deref(), Some("refs/heads/main"));
        assert_eq!(
            found.refs.keys().collect::<Vec<_>>(),
            ["HEAD", "refs/heads/main", "refs/tags/light", "refs/tags/v1"]
        );
        let tag = &found.refs["refs/tags/v1"];
        assert_eq!((tag.sha.as_str(), tag.commit()), (B, A));
        assert_eq!(found.refs["refs/tags/light"].commit(), B);
    }

    #[test]
    fn an_empty_answer_is_an_empty_repository() {
        assert_eq!(parse(b""), Ok(RemoteRefs::default()));
    }

    #[test]
    fn a_head_that_is_no_branch_is_none() {
        let text = format!("ref: refs/tags/x\tHEAD\n{A}\tHEAD\n");
        assert_eq!(parse(text.as_bytes()).unwrap().head, None);
    }

    #[test]
    fn sha256_object_ids_are_read() {
        let sha = "c".repeat(64);
        let found = parse(format!("{sha}\trefs/heads/x").as_bytes()).unwrap();
        assert_eq!(found.refs["refs/heads/x"].sha, sha);
    }

    #[test]
    fn broken_refs_are_left_out() {
        let zero = "0".repeat(40);
        let text = format!("{zero}\trefs/tags/a b\n{A}\trefs/tags/v1\n{zero}\trefs/tags/v2\n");
        let found = parse(text.as_bytes()).unwrap();
        assert_eq!(found.refs.keys().collect::<Vec<_>>(), ["refs/tags/v1"]);
        assert_eq!(parse(format!("{}\trefs/tags/x\n", "0".repeat(64)).as_bytes()), Ok(RemoteRefs::default()));
    }

    #[test]
    fn names_that_are_not_utf8_do_not_collide() {
        let line = |name: &[u8]| [A.as_bytes(), b"\trefs/tags/", name, b"\n"].concat();
        let text = [line(b"\xff"), line(b"\xfe"), line("\u{fffd}".as_bytes())].concat();
        let found = parse(&text).unwrap();
        let names: Vec<_> = found.refs.keys().collect();
        assert_eq!(names, ["refs/tags/\\xfe", "refs/tags/\\xff", "refs/tags/\u{fffd}"]);
    }

    #[test]
    fn hostile_lines_are_refused_by_number() {
        #[track_caller]
        fn case(second: &str, problem: &str) {
            let text = format!("{A}\trefs/heads/main\n{second}\n");
            assert_eq!(parse(text.as_bytes()), Err(format!("line 2 of the refs {problem}")), "{second:?}");
        }
        case("", "has no tab");
        case("<html>", "has no tab");
        case("refs/heads/x\trefs/heads/x", "has no object id");
        case(&format!("{}\trefs/heads/x", &A[1..]), "has no object id");
        case(&format!("{}\trefs/heads/x", A.to_uppercase()), "has no object id");
        case(&format!("{}\t--upload-pack=x", "0".repeat(40)), "has no object id");
        case(&format!("{}\trefs/heads/x", "0".repeat(39)), "has no object id");
        case(&format!("{A}\t"), "has no ref name");
        case(&format!("{A}\trefs/"), "has no ref name");
        case(&format!("{A}\t--upload-pack=x"), "has no ref name");
        case(&format!("{A}\t../../etc/passwd"), "has no ref name");
        case(&format!("{A}\trefs/heads/a b"), "has no ref name");
        case(&format!("{A}\trefs/heads/a\tb"), "has no ref name");
        case(&format!("{A}\trefs/heads/\u{1b}[2J"), "has no ref name");
        case(&format!("{A}\trefs/heads/x\r"), "has no ref name");
        case(&format!("{A}\trefs/tags/\\xff"), "has no ref name");
        case("ref: --help\tHEAD", "has no ref name");
        case(&format!("{A}\trefs/tags/v1^{{}}"), "peels a ref that is not there");
        case(&format!("{B}\trefs/heads/main"), "contradicts an earlier one");
    }
}
