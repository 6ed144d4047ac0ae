//! What `git ls-remote` prints.
use std::collections::BTreeMap;

/// A remote's refs.
#[derive(Clone, Debug, Default)]
pub struct RemoteRefs {
    /// What HEAD points to.
    pub head: Option<String>,
    /// By name.
    pub refs: BTreeMap<String, RemoteRef>,
}

/// One ref.
#[derive(Clone, Debug)]
pub struct RemoteRef {
    /// As advertised.
    pub sha: String,
    /// What a tag object points to.
    pub peeled: Option<String>,
}

impl RemoteRef {
    /// The commit.
    #[must_use]
    pub fn commit(&self) -> &str {
        self.peeled.as_deref().unwrap_or(&self.sha)
    }
}

/// Parses.
pub fn parse(out: &[u8]) -> Result<RemoteRefs, String> {
    let mut all = RemoteRefs::default();
    for line in String::from_utf8_lossy(out).lines() {
        let (sha, name) = line.split_once('\t').ok_or("no tab")?;
        if let Some(target) = sha.strip_prefix("ref: ") {
            if name == "HEAD" {
                all.head = Some(target.to_owned());
            }
        } else if let Some(name) = name.strip_suffix("^{}") {
            if let Some(it) = all.refs.get_mut(name) {
                it.peeled = Some(sha.to_owned());
            }
        } else {
            all.refs.insert(name.to_owned(), RemoteRef { sha: sha.to_owned(), peeled: None });
        }
    }
    Ok(all)
}
