//! Where the ledger and the caches live.

use crate::{private, refname, text};
use directories::ProjectDirs;
use std::{
    borrow::Cow,
    ffi::OsString,
    fmt, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// The directories of one repository.
#[derive(Clone, Debug)]
pub struct Places {
    /// The ledger, its locks and index, events and logs: what must not be lost.
    pub state: PathBuf,
    /// HTTP validators: losing them costs a full GET.
    pub cache: PathBuf,
    /// What is known of hosts, for all repositories.
    pub hosts: PathBuf,
}

/// A directory that cannot be used.
#[derive(Debug)]
pub struct PlaceError {
    path: PathBuf,
    error: io::Error,
}

impl PlaceError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        "make it writable, or name another directory: `git config patch.stateDir DIR` or PATCH_STATE_DIR=DIR".to_owned()
    }
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot use the directory {}: {}", text::printable(&self.path.to_string_lossy()), self.error)
    }
}

impl std::error::Error for PlaceError {}

impl Places {
    /// The directories of the repository whose common Git directory is `common`; nothing is made.
    ///
    /// The state's root is `$PATCH_STATE_DIR`, else `configured`, else systemd's `$STATE_DIRECTORY`
    /// (systemd.exec(5); the first of a list), else the user's XDG state directory. The caches' is
    /// `$PATCH_CACHE_DIR`, else `$CACHE_DIRECTORY`, else the user's XDG cache directory. Each holds
    /// one folder a repository, named after its directory and a hash of the whole path. A relative
    /// path counts from the current directory, and becomes absolute: runs work elsewhere, and are
    /// told of files in there.
    #[must_use]
    pub fn of(common: &Path, configured: Option<&Path>, env: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let from_systemd = |name: &str| {
            let list = set(name)?;
            let first = list.to_str().and_then(|list| list.split(':').next()).map(PathBuf::from);
            first.or(Some(list))
        };
        let user = ProjectDirs::from("", "", "patch-moi");
        let user_state = || user.as_ref().map(|dirs| dirs.state_dir().unwrap_or(dirs.data_local_dir()).to_owned());
        let user_cache = || user.as_ref().map(|dirs| dirs.cache_dir().to_owned());
        let state = set("PATCH_STATE_DIR")
            .or_else(|| configured.map(Path::to_owned))
            .or_else(|| from_systemd("STATE_DIRECTORY"))
            .or_else(user_state)
            .unwrap_or_else(|| common.join("patch-moi"));
        let cache = set("PATCH_CACHE_DIR")
            .or_else(|| from_systemd("CACHE_DIRECTORY"))
            .or_else(user_cache)
            .unwrap_or_else(|| state.join("cache"));
        let folder = folder(common);
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let (state, cache) = (absolute(state), absolute(cache));
        Self { state: state.join(&folder), cache: cache.join(&folder), hosts: cache.join("hosts") }
    }

    /// What the repository's folder is called in each of them: letters, digits, `-` and `_`.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.state.file_name().unwrap_or_default().to_string_lossy()
    }

    /// Makes the state directory.
    ///
    /// # Errors
    /// When it cannot be made, is not a directory, or belongs to somebody else.
    pub fn create(&self) -> Result<(), PlaceError> {
        for path in [&self.state, &self.state.join("runs"), &self.state.join("events")] {
            private::create_dir(path).map_err(|error| PlaceError { path: path.clone(), error })?;
        }
        Ok(())
    }
}

/// A repository's folder: for people its name, for certainty a hash of its path.
fn folder(common: &Path) -> String {
    let name = match common.file_name().and_then(|name| name.to_str()) {
        Some(".git") | None => common.parent().and_then(Path::file_name).and_then(|name| name.to_str()),
        name => name,
    };
    let name: String = name
        .unwrap_or("repository")
        .trim_end_matches(".git")
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .take(40)
        .collect();
    format!("{name}-{}", &refname::hash(common.as_os_str().as_bytes())[..12])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn the_state_directory_is_the_first_that_is_named() {
        #[track_caller]
        fn case(set: &[(&str, &str)], configured: Option<&str>, expected: &str) {
            let env = |name: &str| set.iter().find(|(it, _)| *it == name).map(|(_, value)| OsString::from(value));
            let places = Places::of(Path::new("/src/fork/.git"), configured.map(Path::new), env);
            assert!(places.state.starts_with(expected), "{}", places.state.display());
            assert!(places.state.file_name().unwrap().to_str().unwrap().starts_with("fork-"));
        }
        let all = [("PATCH_STATE_DIR", "/a"), ("STATE_DIRECTORY", "/b:/c")];
        case(&all, Some("/d"), "/a");
        case(&all[1..], Some("/d"), "/d");
        case(&all[1..], None, "/b");
        case(&[("PATCH_STATE_DIR", "")], Some("/d"), "/d");
    }

    #[test]
    fn repositories_of_one_name_have_folders_of_their_own() {
        assert_ne!(folder(Path::new("/a/fork/.git")), folder(Path::new("/b/fork/.git")));
        // Not UTF-8, and the same where what is not is replaced.
        let latin = |byte: u8| folder(Path::new(OsStr::from_bytes(&[b'/', byte, b'/', b'x'])));
        assert_ne!(latin(0xe8), latin(0xe9));
        assert!(folder(Path::new("/a/x.git")).starts_with("x-"));
    }
}
