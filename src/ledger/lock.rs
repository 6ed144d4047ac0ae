//! Advisory locks (flock(2)) as values: dropping one releases it.

use crate::private;
use fs2::FileExt;
use std::{
    fs::File,
    io::{self, Seek, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// A lock that is held until the value is dropped, or the process ends however it ends.
///
/// The file is never deleted: a second process could lock the deleted file while a third locks a
/// new one. The descriptor is closed on exec, so that no child holds the lock on but by [`Lock::input`].
#[derive(Debug)]
#[must_use = "a lock that is not kept is released at once"]
pub struct Lock {
    file: File,
}

/// How an attempt to lock ended without the lock.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds it.
    Held,
    /// The file cannot be made or locked at all.
    Io(io::Error),
}

impl Lock {
    /// Locks `path`, made if missing, waiting at most `wait` for another holder.
    ///
    /// # Errors
    /// [`LockError::Held`] when the wait is over; [`LockError::Io`] for everything else.
    pub fn acquire(path: &Path, wait: Duration) -> Result<Self, LockError> {
        let file = private::open_lock(path).map_err(LockError::Io)?;
        let deadline = Instant::now() + wait;
        loop {
            match FileExt::try_lock_exclusive(&file) {
                Ok(()) => return Ok(Self { file }),
                Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LockError::Io(error)),
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(LockError::Held);
            }
            // flock(2) has no time-out, and a blocked call could only be left by a signal.
            thread::sleep((deadline - now).min(Duration::from_millis(20)));
        }
    }
}

impl Lock {
    /// The locked file with `content` in it, for a child's standard input.
    ///
    /// flock(2) belongs to the open file: if this process is killed, the child holds the lock on
    /// until it ends. While this value lives, dropping it releases the lock for both.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn input(&self, content: &[u8]) -> io::Result<File> {
        let mut file = &self.file;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(content)?;
        file.rewind()?;
        file.try_clone()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file releases the lock as well; there is nobody to tell of an error.
        let _ = FileExt::unlock(&self.file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_exclusive_until_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let first = Lock::acquire(&path, Duration::ZERO).unwrap();
        assert!(matches!(Lock::acquire(&path, Duration::ZERO), Err(LockError::Held)));
        drop(first);
        assert!(Lock::acquire(&path, Duration::ZERO).is_ok());
    }

    #[test]
    fn what_is_handed_on_holds_the_lock_until_it_is_dropped_here() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let lock = Lock::acquire(&path, Duration::ZERO).unwrap();
        let mut input = lock.input(b"event").unwrap();
        let mut content = String::new();
        io::Read::read_to_string(&mut input, &mut content).unwrap();
        assert_eq!(content, "event");
        assert!(matches!(Lock::acquire(&path, Duration::ZERO), Err(LockError::Held)));
        drop(lock);
        assert!(Lock::acquire(&path, Duration::ZERO).is_ok());
    }

    #[test]
    fn a_lock_that_cannot_be_made_is_not_a_held_one() {
        let path = Path::new("/proc/no/such/lock");
        assert!(matches!(Lock::acquire(path, Duration::ZERO), Err(LockError::Io(_))));
    }
}
