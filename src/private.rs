//! Files and directories for their owner alone: 0600 and 0700 whatever the umask.

use rustix::io::Errno;
use serde::Serialize;
use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use tempfile::{Builder, NamedTempFile};

/// Makes `path` and its missing parents, 0700.
///
/// # Errors
/// As mkdir(2); also when `path` exists and is not a directory of this user's own.
pub fn create_dir(path: &Path) -> io::Result<()> {
    make_dirs(path)?;
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a directory"));
    }
    owned(&metadata)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Makes what is missing from the top down: a umask could make a directory that nothing can be made in.
fn make_dirs(path: &Path) -> io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && fs::symlink_metadata(path).is_err();
    let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    for directory in missing.into_iter().rev() {
        match DirBuilder::new().mode(0o700).create(directory) {
            Ok(()) => fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?,
            // Another process makes the same directories.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Refuses what belongs to somebody else, who can change it whatever its mode is now.
fn owned(metadata: &Metadata) -> io::Result<()> {
    if metadata.uid() == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"))
}

/// Opens a regular file for reading and appending, made 0600 if missing; the bool tells that it was.
///
/// # Errors
/// As open(2); also when it is a symbolic link, not a regular file, or somebody else's.
pub fn open_append(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600).custom_flags(no_follow());
    match options.clone().create_new(true).open(path) {
        Ok(file) => Ok((private(file)?, true)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok((regular(options.open(path))?, false)),
        Err(error) => Err(error),
    }
}

/// Opens a regular file for reading; `None` if there is none.
///
/// # Errors
/// As open(2); also when it is a symbolic link, not a regular file, or somebody else's.
pub fn open_read(path: &Path) -> io::Result<Option<File>> {
    match OpenOptions::new().read(true).custom_flags(no_follow()).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => regular(opened).map(Some),
    }
}

/// Opens a lock file, made 0600 if missing.
///
/// # Errors
/// As open(2); also when it is a symbolic link, not a regular file, or somebody else's.
pub fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(no_follow());
    match options.clone().create_new(true).open(path) {
        Ok(file) => private(file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => regular(options.open(path)),
        Err(error) => Err(error),
    }
}

/// A link in the state directory could point anywhere, and opening a fifo would wait for ever.
fn no_follow() -> i32 {
    use rustix::fs::OFlags;
    (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits().cast_signed()
}

/// An opened file of ours; in words what open(2) says of the others.
fn regular(opened: io::Result<File>) -> io::Result<File> {
    let refused = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    let file = match opened {
        Ok(file) => file,
        Err(error) => {
            return match error.raw_os_error().map(Errno::from_raw_os_error) {
                // FreeBSD's word for it is EMLINK
                Some(Errno::LOOP | Errno::MLINK) => refused("it is a symbolic link"),
                Some(Errno::NXIO | Errno::ISDIR | Errno::OPNOTSUPP) => refused("it is not a regular file"),
                _ => Err(error),
            };
        }
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return refused("it is not a regular file");
    }
    owned(&metadata)?;
    Ok(file)
}

/// Gives a new file the mode that the umask may have kept from it.
fn private(file: File) -> io::Result<File> {
    if file.metadata()?.mode() & 0o777 != 0o600 {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Puts `content` in the place of `path` at once: a temporary file, fsync, rename.
///
/// # Errors
/// As the calls; `path` is then as before.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let file = temporary(path, content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// As [`replace`], where there is nothing yet; nothing that is there is replaced.
///
/// # Errors
/// As the calls; [`io::ErrorKind::AlreadyExists`] where there is something.
pub fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let file = temporary(path, content)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
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
    temporary(path, content)?.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// What the names of files begin with that are to be renamed; a kill leaves them.
pub const TEMPORARY: &str = ".tmp";

fn temporary(path: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = Builder::new().prefix(TEMPORARY).tempfile_in(parent(path))?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(content)?;
    Ok(file)
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
