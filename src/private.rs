//! Files and directories for their owner alone: 0600 and 0700 whatever the umask.

use serde::Serialize;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// Makes `path` and its missing parents, 0700.
///
/// # Errors
/// As mkdir(2); also when `path` exists and is not a directory of this user's own.
pub fn create_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a directory"));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Opens a regular file for reading and appending, made 0600 if missing; the bool tells that it was.
///
/// # Errors
/// As open(2); also when it is a symbolic link or not a regular file.
pub fn open_append(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600).custom_flags(no_follow());
    match options.clone().create_new(true).open(path) {
        Ok(file) => Ok((file, true)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok((regular(options.open(path)?)?, false)),
        Err(error) => Err(error),
    }
}

/// Opens a regular file for reading; `None` if there is none.
///
/// # Errors
/// As open(2); also when it is a symbolic link or not a regular file.
pub fn open_read(path: &Path) -> io::Result<Option<File>> {
    match OpenOptions::new().read(true).custom_flags(no_follow()).open(path) {
        Ok(file) => regular(file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a lock file, made 0600 if missing.
///
/// # Errors
/// As open(2); also when it is a symbolic link or not a regular file.
pub fn open_lock(path: &Path) -> io::Result<File> {
    regular(
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(no_follow())
            .open(path)?,
    )
}

/// A link in the state directory could point anywhere, and opening a fifo would wait for ever.
fn no_follow() -> i32 {
    use rustix::fs::OFlags;
    (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits().cast_signed()
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
}

/// Puts `content` in the place of `path` at once: a temporary file, fsync, rename.
///
/// # Errors
/// As the calls; `path` is then as before.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(parent(path))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// As [`replace`], without waiting for the disk: for what can be made anew.
///
/// # Errors
/// As the calls; `path` is then as before.
pub fn replace_derived<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    replace_unsynced(path, &serde_json::to_vec(value)?)
}

/// As [`replace`], without waiting for the disk: a power loss may leave anything in its place.
///
/// # Errors
/// As the calls; `path` is then as before.
pub fn replace_unsynced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(parent(path))?;
    file.write_all(content)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Makes the directory entries in `path` durable.
///
/// # Errors
/// As fsync(2).
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn parent(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_is_made_belongs_to_its_owner_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("a/b");
        create_dir(&directory).unwrap();
        assert_eq!(fs::metadata(&directory).unwrap().mode() & 0o777, 0o700);
        let path = directory.join("ledger");
        assert!(open_append(&path).unwrap().1);
        assert!(!open_append(&path).unwrap().1);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        replace(&directory.join("index"), b"{}").unwrap();
        assert_eq!(fs::metadata(directory.join("index")).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn links_fifos_and_directories_are_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let target = scratch.path().join("target");
        fs::write(&target, "precious").unwrap();
        let link = scratch.path().join("link");
        symlink(&target, &link).unwrap();
        assert!(open_append(&link).is_err());
        assert!(open_read(&link).is_err());
        assert!(open_lock(&link).is_err());
        assert!(open_read(scratch.path()).is_err());
        assert!(create_dir(&target).is_err());
        assert_eq!(fs::read(&target).unwrap(), b"precious");
    }
}
