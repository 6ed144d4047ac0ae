//! Git's configuration, as Git itself sees it: all levels, all includes, the environment.

use super::{Git, GitError, LOCAL};
use std::collections::BTreeMap;
use std::path::Path;

/// One value in the configuration, in the order in which Git reads them: the last one wins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigEntry {
    /// `system`, `global`, `local`, `worktree` or `command`.
    pub scope: String,
    /// Where it stands, such as `file:.git/config` or `command line:`.
    pub origin: String,
    /// The section, lower case.
    pub section: String,
    /// The subsection, as written.
    pub subsection: Option<String>,
    /// The variable, lower case.
    pub name: String,
    /// The value; `None` for a variable without `=`, which Git takes for true.
    pub value: Option<String>,
}

impl ConfigEntry {
    /// The key as `git config` takes it: `section.subsection.name`.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.subsection {
            Some(subsection) => format!("{}.{subsection}.{}", self.section, self.name),
            None => format!("{}.{}", self.section, self.name),
        }
    }
}

/// A remote as configured.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Remote {
    /// `remote.<name>.url`: the first is fetched from.
    pub urls: Vec<String>,
}

impl Git {
    /// All of the configuration, in the order in which Git reads it.
    ///
    /// Outside a repository it is the system's and the user's. Bytes that are not UTF-8 are
    /// replaced.
    ///
    /// # Errors
    /// If Git cannot be run, or a configuration file is malformed.
    pub fn config(&self) -> Result<Vec<ConfigEntry>, GitError> {
        let task = "config";
        let mut command = self.command();
        command.args(["config", "--null", "--list", "--show-origin", "--show-scope", "--includes"]);
        let output = self.output(command, task, LOCAL)?;
        let entries = parse(&output).map_err(|reason| GitError::Unreadable { task, reason })?;
        self.ssh_chosen.get_or_init(|| ssh_command_is_set(&entries));
        Ok(entries)
    }
}

impl Git {
    /// The configuration in this file alone, of whichever repository it is; what it includes is left out.
    ///
    /// # Errors
    /// If Git cannot be run, or the file cannot be read.
    pub fn config_in(&self, file: &Path) -> Result<Vec<ConfigEntry>, GitError> {
        let task = "config";
        let mut command = self.command();
        command.args([task, "--file"]).arg(file).args(["--null", "--list", "--show-origin", "--show-scope"]);
        let output = self.output(command, task, LOCAL)?;
        parse(&output).map_err(|reason| GitError::Unreadable { task, reason })
    }
}

pub(super) fn ssh_command_is_set(entries: &[ConfigEntry]) -> bool {
    entries.iter().any(|entry| entry.section == "core" && entry.subsection.is_none() && entry.name == "sshcommand")
}

/// The remotes that have a URL, by name.
#[must_use]
pub fn remotes(entries: &[ConfigEntry]) -> BTreeMap<String, Remote> {
    let mut remotes = BTreeMap::<String, Remote>::new();
    for entry in entries.iter().filter(|entry| entry.section == "remote" && entry.name == "url") {
        let (Some(name), Some(url)) = (&entry.subsection, &entry.value) else { continue };
        let urls = &mut remotes.entry(name.clone()).or_default().urls;
        // git-config(1): an empty value clears the list.
        if url.is_empty() {
            urls.clear();
        } else {
            urls.push(url.clone());
        }
    }
    remotes.retain(|_, remote| !remote.urls.is_empty());
    remotes
}

/// Reads `scope NUL origin NUL key [LF value] NUL`, repeated.
pub(crate) fn parse(output: &[u8]) -> Result<Vec<ConfigEntry>, String> {
    let Some(output) = output.strip_suffix(b"\0") else {
        return if output.is_empty() { Ok(Vec::new()) } else { Err("its last entry is not complete".to_owned()) };
    };
    let fields: Vec<_> = output.split(|&byte| byte == 0).collect();
    let entries = fields.chunks(3).enumerate();
    entries
        .map(|(index, fields)| {
            let [scope, origin, variable] = fields else { return None.ok_or(index) };
            entry(scope, origin, variable).ok_or(index)
        })
        .collect::<Result<_, usize>>()
        .map_err(|index| format!("entry {} is not `scope origin key value`", index + 1))
}

fn entry(scope: &[u8], origin: &[u8], variable: &[u8]) -> Option<ConfigEntry> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut parts = variable.splitn(2, |&byte| byte == b'\n');
    let (key, value) = (text(parts.next()?), parts.next().map(text));
    let (section, rest) = key.split_once('.')?;
    let (subsection, name) = match rest.rsplit_once('.') {
        Some((subsection, name)) => (Some(subsection.to_owned()), name),
        None => (None, rest),
    };
    Some(ConfigEntry {
        scope: text(scope),
        origin: text(origin),
        section: section.to_ascii_lowercase(),
        subsection,
        name: name.to_ascii_lowercase(),
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_git_lists_them() {
        #[track_caller]
        fn case(variable: &str, key: &str, subsection: Option<&str>, value: Option<&str>) {
            let entries = parse(format!("local\0file:.git/config\0{variable}\0").as_bytes()).unwrap();
            let [entry] = entries.as_slice() else { panic!("{entries:?}") };
            assert_eq!((entry.scope.as_str(), entry.origin.as_str()), ("local", "file:.git/config"));
            assert_eq!(
                (entry.key().as_str(), entry.subsection.as_deref(), entry.value.as_deref()),
                (key, subsection, value)
            );
        }
        case("core.bare\nfalse", "core.bare", None, Some("false"));
        case("core.bare", "core.bare", None, None);
        case("watch.Up.v1.tags\n!x", "watch.Up.v1.tags", Some("Up.v1"), Some("!x"));
        case("watch..feed\n", "watch..feed", Some(""), Some(""));
        case("watch.x.payload\na=b\nc", "watch.x.payload", Some("x"), Some("a=b\nc"));
        assert_eq!(parse(b""), Ok(vec![]));
    }

    #[test]
    fn what_is_not_a_listing_is_refused() {
        assert!(parse(b"local\0file:x\0core.bare\nfalse").is_err());
        assert!(parse(b"local\0file:x\0").is_err());
        assert!(parse(b"local\0file:x\0nodot\0").is_err());
    }

    #[test]
    fn remotes_are_those_with_urls() {
        let listing = "remote.o.url\na|remote.o.url\nb|remote.o.pushurl\nc|remote.o.fetch\nx|remote.none.prune\ntrue|remote.pushdefault\no|\
                       remote.reset.url\na|remote.reset.url\n|remote.reset.url\nb";
        let output: String =
            listing.split('|').fold(String::new(), |all, entry| all + "local\0file:x\0" + entry + "\0");
        let found = remotes(&parse(output.as_bytes()).unwrap());
        assert_eq!(found.keys().collect::<Vec<_>>(), ["o", "reset"]);
        assert_eq!(found["o"].urls, ["a", "b"]);
        assert_eq!(found["reset"].urls, ["b"]);
    }
}
