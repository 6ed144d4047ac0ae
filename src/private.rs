//! Files and directories for their owner alone: 0600 and 0700 whatever the umask.

use rustix::io::Errno;
use serde::Serialize;
use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

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

/// Opens a regular file for reading and appending, made 0600 if missing.
///
/// # Errors
/// As open(2); also when it is a symbolic link, not a regular file, or somebody else's.
pub fn open_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600).custom_flags(no_follow());
    match options.clone().create_new(true).open(path) {
        Ok(file) => private(file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => regular(options.open(path)),
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

/// Opens the regular file at `path` for writing over what it holds.
///
/// # Errors
/// As open(2); also when it is a symbolic link or not a regular file.
pub fn open_rewrite(path: &Path) -> io::Result<File> {
    regular(OpenOptions::new().read(true).write(true).custom_flags(no_follow()).open(path))
}

/// Puts `content` in the place of `path` at once: a temporary file, fsync, rename.
///
/// The temporary file is `scratch` in the same directory, one name for all who hold the same lock:
/// what a killed process leaves there, the next one takes away.
///
/// # Errors
/// As the calls; `path` is then as before.
pub fn replace(path: &Path, scratch: &str, content: &[u8]) -> io::Result<()> {
    replace_through(path, scratch, content, File::sync_all)
}

/// Makes a file with `content`, durable, where there is nothing yet; nothing that is there is replaced.
///
/// # Errors
/// As the calls, and nothing is left; [`io::ErrorKind::AlreadyExists`] where there is something.
pub fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = create_new(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

/// As [`replace`], without waiting for the disk, through `.NAME.new`: for what can be made anew.
///
/// # Errors
/// As the calls; `path` is then as before.
pub fn replace_derived<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    replace_unsynced(path, &serde_json::to_vec(value)?)
}

/// As [`replace_derived`]: a power loss may leave anything in its place.
///
/// # Errors
/// As the calls; `path` is then as before.
pub fn replace_unsynced(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    replace_through(path, &format!(".{name}.new"), content, |_| Ok(()))
}

/// Whether a file of this name is one that is to be renamed; a kill leaves it until it is needed again.
#[must_use]
pub fn is_temporary(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") && name.ends_with(b".new")
}

fn replace_through(
    path: &Path,
    scratch: &str,
    content: &[u8],
    sync: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let scratch = parent(path).join(scratch);
    let mut file = open_new(&scratch)?;
    let replaced = file.write_all(content).and_then(|()| sync(&file)).and_then(|()| fs::rename(&scratch, path));
    if replaced.is_err() {
        let _ = fs::remove_file(&scratch);
    }
    replaced
}

/// A new file, 0600, in the place of whatever is there but a directory.
fn open_new(path: &Path) -> io::Result<File> {
    match create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            create_new(path)
        }
        opened => opened,
    }
}

/// A new file, 0600, where there is nothing.
fn create_new(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(no_follow()).open(path)?;
    private(file).inspect_err(|_| drop(fs::remove_file(path)))
}

/// Makes the directory entries in `path` durable.
///
/// # Errors
/// As fsync(2).
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes durable the directory entries in `directory`, and those that lead to it on its file system.
///
/// Whoever made the directories may have been killed before their entries were durable, and a file
/// is lost with any of them.
///
/// # Errors
/// As fsync(2).
pub fn sync_path(directory: &Path) -> io::Result<()> {
    sync_dir(directory)?;
    let device = fs::metadata(directory)?.dev();
    for above in directory.ancestors().skip(1) {
        let synced = match fs::metadata(above) {
            Ok(metadata) if metadata.dev() != device => break,
            found => found.and_then(|_| sync_dir(above)),
        };
        match synced {
            // A directory that may not be read cannot be synced, nor one of a file system that has
            // no fsync for directories.
            Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput) => {}
            synced => synced?,
        }
    }
    Ok(())
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
        open_append(&path).unwrap();
        open_append(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        replace(&directory.join("index"), ".new", b"{}").unwrap();
        assert_eq!(fs::metadata(directory.join("index")).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_a_killed_writer_left_is_taken_away() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("index");
        let target = scratch.path().join("target");
        fs::write(&target, "precious").unwrap();
        symlink(&target, scratch.path().join(".new")).unwrap();
        replace(&path, ".new", b"1").unwrap();
        fs::write(scratch.path().join(".index.new"), "a longer one").unwrap();
        replace_unsynced(&path, b"2").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2");
        assert_eq!(fs::read(&target).unwrap(), b"precious");
        assert!(replace(&scratch.path().join("no/such"), ".new", b"1").is_err());
        fs::create_dir(scratch.path().join("full")).unwrap();
        assert!(replace(&scratch.path().join("full"), ".new", b"1").is_err());
        let mut names: Vec<_> = fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["full", "index", "target"]);
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
