//! The two caches of recorded resolutions: ours, which grows, and the user's, which is only read.

use crate::{
    carry::worktree::failed,
    parse::refs::is_sha,
    private,
    workspace::{Failure, lock_in},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long another run may write.
const WAIT: Duration = Duration::from_secs(60);

/// Where recorded resolutions are.
#[derive(Debug)]
pub(super) struct Cache {
    ours: PathBuf,
    users: PathBuf,
}

/// Whether it is what Git calls a conflict: the hash of its lines.
pub(super) fn is_id(text: &str) -> bool {
    is_sha(text)
}

impl Cache {
    pub(super) fn new(ours: PathBuf, users: PathBuf) -> Self {
        Self { ours, users }
    }

    /// Whether there may be anything at all.
    pub(super) fn has_any(&self) -> bool {
        self.ours.is_dir() || self.users.is_dir()
    }

    /// Copies the resolution of a conflict into `to`, ours before the user's; whether there is one.
    pub(super) fn fetch(&self, id: &str, to: &Path) -> Result<bool, Failure> {
        for from in [&self.ours, &self.users] {
            let found = images(&from.join(id)).map_err(|error| failed("cannot read", from, error))?;
            if found.iter().any(|(name, _)| name.starts_with("postimage")) {
                let to = to.join(id);
                let copy = || {
                    // What was there is how the conflict looks now; with it goes nothing.
                    let _ = fs::remove_dir_all(&to);
                    write(&to, &found)
                };
                copy().map_err(|error| failed("cannot write", &to, error))?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes the resolution of a conflict from `from` into ours, in place of an older one.
    pub(super) fn store(&self, from: &Path, id: &str) -> Result<(), Failure> {
        let found = images(&from.join(id)).map_err(|error| failed("cannot read", from, error))?;
        if !found.iter().any(|(name, _)| name.starts_with("postimage")) {
            return Ok(());
        }
        let written = |result: io::Result<()>| result.map_err(|error| failed("cannot write", &self.ours, error));
        written(private::create_dir(&self.ours))?;
        // Two runs may have learned the same.
        let _lock = lock_in(&self.ours, "lock", WAIT)?;
        written(self.put(id, &found))
    }

    /// Each file at once; the postimage last, without which there is no resolution.
    fn put(&self, id: &str, found: &[(String, Vec<u8>)]) -> io::Result<()> {
        let folder = self.ours.join(id);
        private::create_dir(&folder)?;
        for (name, content) in found {
            private::replace(&folder.join(name), ".new", content)?;
        }
        Ok(())
    }
}

/// The images in a folder, preimages before postimages; none if there is no folder.
fn images(folder: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_image = ["preimage", "postimage"].iter().any(|image| {
            let variant = name.strip_prefix(image).map(|rest| rest.strip_prefix('.').unwrap_or(rest));
            variant.is_some_and(|variant| variant.bytes().all(|byte| byte.is_ascii_digit()))
        });
        if is_image && entry.file_type()?.is_file() {
            found.push((name, fs::read(entry.path())?));
        }
    }
    found.sort_by(|(one, _), (other, _)| other.cmp(one));
    Ok(found)
}

fn write(folder: &Path, images: &[(String, Vec<u8>)]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    images.iter().try_for_each(|(name, content)| fs::write(folder.join(name), content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_counts_before_the_users_which_is_never_written() {
        let scratch = tempfile::tempdir().unwrap();
        let path = |name: &str| scratch.path().join(name);
        let (id, other) = ("a".repeat(40), "b".repeat(40));
        let cache = Cache::new(path("ours"), path("users"));
        assert!(!cache.has_any());
        let image = |content: &str| ("postimage".to_owned(), content.as_bytes().to_vec());
        write(&path("users").join(&id), &[image("user")]).unwrap();
        write(&path("users").join(&other), &[("preimage".to_owned(), Vec::new())]).unwrap();
        assert!(cache.has_any());
        assert!(cache.fetch(&id, &path("to")).unwrap());
        assert_eq!(fs::read(path("to").join(&id).join("postimage")).unwrap(), b"user");
        assert!(!cache.fetch(&other, &path("to")).unwrap());

        write(&path("from").join(&id), &[("preimage".to_owned(), b"x".to_vec()), image("ours")]).unwrap();
        write(&path("from").join(&id), &[("thisimage".to_owned(), Vec::new())]).unwrap();
        cache.store(&path("from"), &id).unwrap();
        assert!(cache.fetch(&id, &path("to")).unwrap());
        assert_eq!(images(&path("to").join(&id)).unwrap(), [("preimage".to_owned(), b"x".to_vec()), image("ours")]);
        assert_eq!(images(&path("users").join(&id)).unwrap(), [image("user")]);
        assert!(!path("ours").join(&id).join("thisimage").exists());
        // What was not resolved is not kept.
        cache.store(&path("users"), &other).unwrap();
        assert!(!path("ours").join(&other).exists());
    }
}
