//! A commit as its bytes, so that what is kept of it is kept byte for byte.

use super::id::{CommitId, TreeId};

/// What a new commit does not take over: it has its own, or it would no longer be true.
const REPLACED: [&[u8]; 6] = [b"tree", b"parent", b"committer", b"gpgsig", b"gpgsig-sha256", b"mergetag"];

/// A commit object's content, taken apart (gitformat: headers, an empty line, the message).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RawCommit {
    headers: Vec<Header>,
    /// Everything behind the empty line, in whatever encoding.
    pub message: Vec<u8>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Header {
    name: Vec<u8>,
    /// With the lines that continue it, each behind a line end and a space.
    value: Vec<u8>,
}

impl RawCommit {
    /// Takes the content of a commit object apart.
    ///
    /// # Errors
    /// If it has no tree or no author.
    pub fn parse(content: &[u8]) -> Result<Self, String> {
        let mut headers: Vec<Header> = Vec::new();
        let mut rest = content;
        while !rest.is_empty() {
            let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
            let line = &rest[..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            match (line.first(), headers.last_mut()) {
                (None, _) => break,
                (Some(b' '), Some(header)) => {
                    header.value.push(b'\n');
                    header.value.extend(line);
                }
                _ => {
                    let space = line.iter().position(|&byte| byte == b' ').unwrap_or(line.len());
                    let value = line.get(space + 1..).unwrap_or_default().to_vec();
                    headers.push(Header { name: line[..space].to_vec(), value });
                }
            }
        }
        let commit = Self { headers, message: rest.to_vec() };
        match (commit.header(b"tree"), commit.header(b"author")) {
            (Some(_), Some(_)) => Ok(commit),
            _ => Err("a commit has no tree or no author".to_owned()),
        }
    }

    fn header(&self, name: &[u8]) -> Option<&[u8]> {
        self.headers.iter().find(|header| header.name == name).map(|header| header.value.as_slice())
    }

    /// Its tree.
    ///
    /// # Errors
    /// If it is not an object id.
    pub fn tree(&self) -> Result<TreeId, String> {
        String::from_utf8_lossy(self.header(b"tree").unwrap_or_default()).parse()
    }

    /// Its parents.
    ///
    /// # Errors
    /// If one of them is not an object id.
    pub fn parents(&self) -> Result<Vec<CommitId>, String> {
        let parents = self.headers.iter().filter(|header| header.name == b"parent");
        parents.map(|header| String::from_utf8_lossy(&header.value).parse()).collect()
    }

    /// The author's name, address and date: a line of the object.
    #[must_use]
    pub fn author(&self) -> &[u8] {
        self.header(b"author").unwrap_or_default()
    }

    /// What its header says that the message is encoded in; UTF-8 without one.
    #[must_use]
    pub fn encoding(&self) -> Option<&[u8]> {
        self.header(b"encoding")
    }

    /// The committer's name, address and date.
    #[must_use]
    pub fn committer(&self) -> &[u8] {
        self.header(b"committer").unwrap_or_default()
    }

    /// The same commit elsewhere: another tree, parent and committer; the signature is gone.
    #[must_use]
    pub fn carried(&self, tree: &TreeId, parent: &CommitId, committer: &str) -> Vec<u8> {
        let mut content = format!("tree {tree}\nparent {parent}\n").into_bytes();
        let mut add = |name: &[u8], value: &[u8]| {
            content.extend(name);
            content.push(b' ');
            content.extend(value);
            content.push(b'\n');
        };
        add(b"author", self.author());
        add(b"committer", committer.as_bytes());
        for header in self.kept() {
            add(&header.name, &header.value);
        }
        content.push(b'\n');
        content.extend(&self.message);
        content
    }

    /// The headers beside author and those that are replaced.
    fn kept(&self) -> impl Iterator<Item = &Header> {
        self.headers.iter().filter(|header| header.name != b"author" && !REPLACED.contains(&header.name.as_slice()))
    }

    /// Whether `new` says the same as this: author, date, encoding, message and whatever else is kept.
    #[must_use]
    pub fn says_the_same(&self, new: &Self) -> bool {
        self.author() == new.author() && self.message == new.message && self.kept().eq(new.kept())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn signed() -> Vec<u8> {
        let head = format!(
            "tree {A}\nparent {A}\nparent {B}\nauthor J\u{fc}rgen <j@x> 1 +0200\ncommitter C <c@x> 2 +0000\n\
             encoding ISO-8859-1\ngpgsig -----BEGIN-----\n \n abc\n -----END-----\nmergetag object {A}\n x\nHG:extra y\n\n"
        );
        let mut bytes = head.into_bytes();
        bytes.extend(b"Gr\xfc\xdfe\n\ntree of life\n\n");
        bytes
    }

    #[test]
    fn everything_but_place_and_signature_is_kept() {
        let commit = RawCommit::parse(&signed()).unwrap();
        let carried = commit.carried(&B.parse().unwrap(), &B.parse().unwrap(), "P <p@x> 3 +0000");
        let mut expected = format!(
            "tree {B}\nparent {B}\nauthor J\u{fc}rgen <j@x> 1 +0200\ncommitter P <p@x> 3 +0000\n\
             encoding ISO-8859-1\nHG:extra y\n\n"
        )
        .into_bytes();
        expected.extend(b"Gr\xfc\xdfe\n\ntree of life\n\n");
        assert_eq!(carried, expected);
        let new = RawCommit::parse(&carried).unwrap();
        assert!(commit.says_the_same(&new));
        assert_eq!(new.tree(), Ok(B.parse().unwrap()));
        assert_eq!(new.committer(), b"P <p@x> 3 +0000");
    }

    #[test]
    fn what_differs_is_seen() {
        #[track_caller]
        fn case(from: &str, to: &str) {
            let commit = RawCommit::parse(&signed()).unwrap();
            let changed = String::from_utf8_lossy(&signed()).replace(from, to);
            let lossy = String::from_utf8_lossy(&signed()).into_owned();
            let (lossy, changed) = (RawCommit::parse(lossy.as_bytes()), RawCommit::parse(changed.as_bytes()));
            assert!(!lossy.unwrap().says_the_same(&changed.unwrap()), "{from}");
            assert!(commit.says_the_same(&commit.clone()));
        }
        case("1 +0200", "1 +0100");
        case("<j@x>", "<k@x>");
        case("tree of", "tree  of");
        case("ISO-8859-1", "UTF-8");
        case("HG:extra y", "HG:extra z");
    }

    #[test]
    fn what_is_no_commit_is_refused() {
        assert!(RawCommit::parse(b"").is_err());
        assert!(RawCommit::parse(format!("tree {A}\n\nx").as_bytes()).is_err());
        let empty = RawCommit::parse(format!("tree {A}\nauthor x\n").as_bytes()).unwrap();
        assert_eq!(empty.message, b"");
    }
}
